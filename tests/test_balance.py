"""Balanced noise is normal by itself, even among rows that are alike, and drawn in its stage."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import kstest
from sklearn.base import clone

from synthtab.balance import balanced_noise, order_by_likeness
from synthtab.diffusion import Denoised, HybridProcess, State
from synthtab.schema import Schema
from synthtab.synthesizer import HybridDiffusion


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# --- the noise --------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [0, 57, 199])
def test_the_noise_of_a_row_is_standard_normal(row: int) -> None:
    rows = np.random.default_rng(0).normal(size=(200, 3))
    n = 2000
    draws = [balanced_noise(rows, seeded(seed))[row].item() for seed in range(n)]
    # Kolmogorov's distance of n draws is above 2 / sqrt(n) once in 1,500 times.
    assert kstest(draws, "norm").statistic < 2 / math.sqrt(n)


def test_means_over_rows_that_are_alike_have_little_chance_in_them() -> None:
    rng = np.random.default_rng(0)
    rows = rng.uniform(size=(2048, 2))
    box = (rows < 0.5) @ [1, 2]  # four boxes of about 512 rows
    means = [
        [noise[box == b].mean().item() for b in range(4)]
        for noise in (balanced_noise(rows, seeded(seed)) for seed in range(50))
    ]
    independent = 1 / math.sqrt(512)
    # A quarter of the variance is each row's own; 200 means know their deviation to a twentieth.
    assert np.std(means) == pytest.approx(independent / 2, rel=4 / math.sqrt(2 * 200))


def test_alike_rows_stand_together() -> None:
    rng = np.random.default_rng(0)
    centres = rng.permutation(np.repeat(np.arange(32), 8))
    rows = np.column_stack([10.0 * (centres % 8), 10.0 * (centres // 8)])
    rows += rng.normal(size=rows.shape)
    order = order_by_likeness(rows)
    assert sorted(order) == list(range(256))
    assert all(len(set(group)) == 1 for group in centres[order].reshape(32, 8))


@pytest.mark.parametrize("n", [1, 2, 9])
def test_few_rows_and_rows_that_are_all_the_same_are_taken(n: int) -> None:
    assert sorted(order_by_likeness(np.zeros((n, 1)))) == list(range(n))
    assert balanced_noise(np.zeros((n, 1)), seeded()).isfinite().all()


# --- in the process ---------------------------------------------------------------------------


def still(state: State, sigma: torch.Tensor) -> Denoised:
    """A denoiser that leaves noise as it is: of the target nothing is expected."""
    return Denoised(torch.zeros_like(state.x_num), (torch.zeros(len(sigma), 2),))


def test_the_process_balances_the_target_and_nothing_else() -> None:
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
    np.testing.assert_allclose(scatter[True], [0.5, 1], rtol=error)


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


def test_a_draw_scatters_less_when_it_is_balanced_and_is_as_wide() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"plant": rng.choice(["a", "b"], 600)})
    frame["minutes"] = rng.normal(size=600) + 2 * (frame.plant == "a")
    schema = Schema.infer(frame, target="minutes")
    balanced = HybridDiffusion(n_iter=60, width=16, random_state=0).fit(frame, schema)
    independent = clone(balanced).set_params(balanced=False).fit(frame, schema)
    n_draws, n = 80, 200
    means, widths = {}, {}
    for model in (balanced, independent):
        draws = [
            model.sample(n, random_state=seed, conditions={"plant": "a"}).minutes
            for seed in range(n_draws)
        ]
        means[model.balanced] = np.array([draw.mean() for draw in draws])
        widths[model.balanced] = np.mean([draw.std() for draw in draws])
    error = 4 / math.sqrt(n_draws)  # of a ratio of two deviations, relative
    assert means[True].std() / means[False].std() == pytest.approx(1 / 2, rel=error)
    error = means[False].std() / math.sqrt(n_draws)
    assert abs(means[True].mean() - means[False].mean()) < 4 * error
    # The width of n_draws * n values is known to about 1 / sqrt(2 n_draws n) of itself.
    assert widths[True] == pytest.approx(widths[False], rel=4 / math.sqrt(2 * n_draws * n))
