"""Noise that cancels is normal by itself, pairs what is alike, and is drawn in its stage."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import kstest
from sklearn.base import clone

from synthtab.diffusion.antithetic import antithetic_noise, order_by_likeness
from synthtab.diffusion.process import Denoised, HybridProcess, State
from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.table.schema import Schema


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# --- the noise --------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [0, 57, 199])
def test_the_noise_of_a_row_is_standard_normal(row: int) -> None:
    rows = np.random.default_rng(0).normal(size=(200, 3))
    n = 2000
    draws = [antithetic_noise(rows, seeded(seed))[row].item() for seed in range(n)]
    # Kolmogorov's distance of n draws is above 2 / sqrt(n) once in 1,500 times.
    assert kstest(draws, "norm").statistic < 2 / math.sqrt(n)


def test_noise_cancels_within_each_pair_and_not_between_pairs() -> None:
    centres = np.random.default_rng(0).permutation(np.repeat(np.arange(64), 2))
    rows = np.column_stack([10.0 * (centres % 8), 10.0 * (centres // 8)])
    noise = antithetic_noise(rows, seeded()).numpy()
    np.testing.assert_array_equal(np.bincount(centres, noise), 0)
    assert len(np.unique(np.abs(noise))) == 64


def test_alike_rows_stand_together() -> None:
    rng = np.random.default_rng(0)
    centres = rng.permutation(np.repeat(np.arange(32), 8))
    rows = np.column_stack([10.0 * (centres % 8), 10.0 * (centres // 8)])
    rows += rng.normal(size=rows.shape)
    order = order_by_likeness(rows)
    assert sorted(order) == list(range(256))
    assert all(len(set(group)) == 1 for group in centres[order].reshape(32, 8))


@pytest.mark.parametrize("n_pairs", [3, 5, 6, 13])
@pytest.mark.parametrize("n_odd", [0, 1])
def test_no_pair_is_cut_in_two(n_pairs: int, n_odd: int) -> None:
    pairs = np.random.default_rng(0).permutation(np.repeat(np.arange(n_pairs), 2))
    rows = np.append(pairs, [n_pairs] * n_odd)[:, None].astype(float)
    ordered = rows[order_by_likeness(rows), 0]
    np.testing.assert_array_equal(ordered[: 2 * n_pairs : 2], ordered[1 : 2 * n_pairs : 2])


@pytest.mark.parametrize("n", [1, 2, 9])
def test_few_rows_and_rows_that_are_all_the_same_are_taken(n: int) -> None:
    assert sorted(order_by_likeness(np.zeros((n, 1)))) == list(range(n))
    assert antithetic_noise(np.zeros((n, 1)), seeded()).isfinite().all()


# --- in the process ---------------------------------------------------------------------------


def still(state: State, sigma: torch.Tensor) -> Denoised:
    """A denoiser that leaves noise as it is: of the target nothing is expected."""
    return Denoised(torch.zeros_like(state.x_num), (torch.zeros(len(state.x_num), 2),))


def test_the_process_pairs_the_target_and_nothing_else() -> None:
    process = HybridProcess((2,), 3, target=1)
    n, scatter = 1000, {}
    for features in (None, lambda state: state.x_num[:, :1].double().numpy()):
        means = []
        for seed in range(100):
            x_num = process.sample(still, n, 2, seeded(seed), features=features).x_num
            low = x_num[:, 0] < 0
            means.append([x_num[low, 1].mean(), x_num[low, 2].mean()])
        scatter[features is not None] = np.std(means, axis=0) * math.sqrt(n / 2)
    # Of 100 means a standard deviation is known to a fourteenth; for independent rows it is 1.
    error = 4 / math.sqrt(2 * 100)
    np.testing.assert_allclose(scatter[False], 1, rtol=error)
    np.testing.assert_allclose(scatter[True][1], 1, rtol=error)
    # Of some 500 rows only one can have its partner among the others.
    assert scatter[True][0] < 2 / math.sqrt(n / 2)


def test_rows_of_which_the_same_is_expected_are_paired_before_rows_that_look_alike() -> None:
    # Of the first two rows a low target is expected, of the others a high one. The feature says
    # that the first is like the third, and varies more than what is expected does.
    code = torch.tensor([[0], [0], [1], [1]])
    feature = np.array([[-1.5], [1.5], [-1.5], [1.5]])

    def denoiser(state: State, sigma: torch.Tensor) -> Denoised:
        return Denoised(1.0 - 2.0 * state.x_cat, (torch.zeros(4, 2),))

    process = HybridProcess((2,), 1, target=0)
    drawn, _ = process.sample_stage(
        denoiser, 1, torch.zeros(4, 1), code, 2, seeded(), features=lambda state: feature
    )
    # The velocity is constant all the way from theta = arctan(80) to 0.
    noise = drawn + math.atan(80) * (1 - 2 * code)
    torch.testing.assert_close(noise[[0, 2]], -noise[[1, 3]])


@pytest.mark.filterwarnings("error")
def test_a_row_by_itself_is_drawn() -> None:
    process = HybridProcess((2,), 1, target=0)
    drawn = process.sample(still, 1, 2, seeded(), features=lambda state: state.x_num.numpy())
    assert drawn.x_num.isfinite().all()


def test_a_stage_of_given_rows_keeps_what_is_given() -> None:
    process = HybridProcess((2,), 2, target=1)
    x_num, x_cat = torch.randn(50, 2, generator=seeded()), torch.randint(0, 2, (50, 1))
    numbers, codes = process.sample_stage(still, 2, x_num, x_cat, 2, seeded(1))
    assert torch.equal(codes, x_cat)
    assert torch.equal(numbers[:, 0], x_num[:, 0])
    assert not torch.isclose(numbers[:, 1], x_num[:, 1]).any()


# --- in the generator -------------------------------------------------------------------------


def test_a_draw_in_pairs_scatters_less_and_is_as_wide() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"plant": rng.choice(["a", "b"], 600)})
    frame["minutes"] = rng.normal(size=600) + 2 * (frame.plant == "a")
    schema = Schema.infer(frame, target="minutes")
    paired = HybridDiffusion(n_iter=60, width=16, random_state=0).fit(frame, schema)
    independent = clone(paired).set_params(antithetic=False).fit(frame, schema)
    n_draws, n = 80, 200
    means, widths = {}, {}
    for model in (paired, independent):
        draws = [
            model.sample(n, random_state=seed, conditions={"plant": "a"}).minutes
            for seed in range(n_draws)
        ]
        means[model.antithetic] = np.array([draw.mean() for draw in draws])
        widths[model.antithetic] = np.mean([draw.std() for draw in draws])
    # What is symmetric cancels; what is skew in the learnt distribution does not.
    assert means[True].std() < means[False].std() / 2
    error = means[False].std() / math.sqrt(n_draws)
    assert abs(means[True].mean() - means[False].mean()) < 4 * error
    # The width of n_draws * n values is known to about 1 / sqrt(2 n_draws n) of itself; in pairs
    # half of the values say nothing new of it.
    assert widths[True] == pytest.approx(widths[False], rel=4 / math.sqrt(n_draws * n))
