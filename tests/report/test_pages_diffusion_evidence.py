"""A diffusion watched from outside: the exact denoiser against sums written out, states, checks."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from seds500.pages.diffusion.evidence import (
    MASK,
    NOT_BEGUN,
    ExactDenoiser,
    Recorder,
    decode,
    draw,
    enumerated_posterior,
    errors_by_steps,
    exact_denoiser,
    independent_denoiser,
    known_from,
    loss_by_level,
    mean_loss,
    moments,
    noise,
    orders,
    path_frames,
    predicted,
    sampling_error,
    stacked,
    to_state,
    treatment,
)
from synthtab.diffusion.gaussian import GaussianHybridDiffusion
from synthtab.diffusion.process import (
    GaussianDiffusion,
    HybridProcess,
    MaskedDiffusion,
    Stage,
    State,
)
from synthtab.table.schema import Schema

FRAME = orders(300, random_state=0)
SCHEMA = Schema.infer(FRAME, target="minutes")
MODEL = GaussianHybridDiffusion(n_iter=20, random_state=0).fit(FRAME, SCHEMA)
PROCESS = MODEL.process_


def small_table() -> ExactDenoiser:
    """Five rows of two numbers, a category of two and one of three."""
    x_num = torch.tensor([[-1.0, 0.5], [-0.5, -1.0], [0.0, 2.0], [0.7, 0.1], [1.5, -0.3]])
    x_cat = torch.tensor([[0, 2], [0, 1], [1, 1], [1, 0], [1, 2]])
    return ExactDenoiser(x_num, x_cat, (2, 3))


# The small table ------------------------------------------------------------------------------


def test_a_tenth_of_the_orders_take_exactly_one_shift() -> None:
    n = 4000
    share = (orders(n, random_state=3).minutes == 480.0).mean()
    assert abs(share - 0.1) < 4 * math.sqrt(0.1 * 0.9 / n) + 0.002  # and 480.0 by chance


def test_orders_of_one_seed_are_the_same_and_of_another_are_not() -> None:
    pd.testing.assert_frame_equal(orders(50, random_state=1), orders(50, random_state=1))
    assert not orders(50, random_state=1).equals(orders(50, random_state=2))


# The best denoiser ----------------------------------------------------------------------------


@pytest.mark.parametrize("codes", [[1, 2], [2, 2], [1, 3], [2, 3]])  # 2 and 3 are the masks
@pytest.mark.parametrize("sigma", [0.3, 1.0, 5.0])
def test_the_exact_denoiser_predicts_the_mean_over_rows_written_out(
    codes: list[int], sigma: float
) -> None:
    denoiser = small_table()
    x = np.array([0.4, -0.2])
    theta = math.atan(sigma)
    weights = []
    for row, code in zip(denoiser.x_num.numpy(), denoiser.x_cat.numpy(), strict=True):
        fits = all(seen in (c, k) for seen, c, k in zip(codes, code, (2, 3), strict=True))
        density = norm.pdf(x, math.cos(theta) * row, math.sin(theta)).prod()
        weights.append(density * fits)
    weight = np.array(weights) / sum(weights)
    state = State(torch.tensor(x)[None], torch.tensor([codes]))
    level = torch.tensor([sigma], dtype=torch.float64)
    velocity, logits = denoiser(state, level)
    mean = GaussianDiffusion.predict_x_0(state.x_num, level, velocity)[0]
    np.testing.assert_allclose(mean, weight @ denoiser.x_num.numpy(), atol=1e-6)
    for j, z in enumerate(logits):
        expected = [weight[denoiser.x_cat[:, j].numpy() == k].sum() for k in range(z.shape[1])]
        np.testing.assert_allclose(z.softmax(1)[0], expected, atol=2e-6)


def test_numbers_that_are_not_begun_have_no_say() -> None:
    x_cat = torch.tensor([[2, 3]])
    logits = small_table()(State(torch.zeros(1, 2), x_cat), torch.tensor([0.5])).logits
    np.testing.assert_allclose(logits[0].softmax(1)[0], [0.4, 0.6], atol=1e-6)
    np.testing.assert_allclose(logits[1].softmax(1)[0], [0.2, 0.4, 0.4], atol=1e-6)


def test_the_independent_denoiser_knows_the_shares_and_nothing_else() -> None:
    denoiser = independent_denoiser(torch.tensor([[0], [0], [0], [1]] * 50), (2,))
    state = State(torch.tensor([[3.0], [-3.0]]), torch.tensor([[2], [2]]))
    velocity, logits = denoiser(state, torch.ones(2))
    assert velocity.tolist() == [[0.0], [0.0]]
    np.testing.assert_allclose(logits[0].softmax(1), [[0.75, 0.25]] * 2, atol=0.005)


def test_the_exact_denoiser_draws_rows_of_its_table_and_no_others() -> None:
    rows = torch.randn(40, 2, generator=torch.Generator().manual_seed(0))
    denoiser = ExactDenoiser(rows, torch.arange(40)[:, None] % 3, (3,))
    drawn = draw(HybridProcess((3,), n_num=2), denoiser, 100, 24, seed=0).rows
    gaps, nearest = torch.cdist(drawn.x_num, rows).min(dim=1)
    assert float(gaps.max()) < 0.02
    # A category once on view stays, and the numbers follow it to a row that has it.
    assert (drawn.x_cat[:, 0] == nearest % 3).all()


def test_categories_that_no_row_has_together_are_refused() -> None:
    state = State(torch.zeros(2, 2), torch.tensor([[2, 3], [0, 0]]))
    with pytest.raises(ValueError, match=r"noisy row 1 shows categories \[0, 0\], which no row"):
        small_table()(state, torch.ones(2))


# States ---------------------------------------------------------------------------------------


def test_recording_changes_nothing_in_a_draw() -> None:
    drawn = draw(PROCESS, MODEL.denoiser_, 20, 6, seed=5)
    plain = PROCESS.sample(MODEL.denoiser_, 20, 6, torch.Generator().manual_seed(5))
    assert torch.equal(drawn.rows.x_num, plain.x_num)
    assert torch.equal(drawn.rows.x_cat, plain.x_cat)


def test_a_path_has_one_state_at_each_step_of_each_stage() -> None:
    drawn = draw(PROCESS, MODEL.denoiser_, 20, 6, seed=0)
    assert drawn.stages == [Stage.CATEGORIES, *[Stage.NUMBERS] * 6]
    levels = PROCESS.schedule.steps(6)[:-1].tolist()
    assert [call.sigma for call in drawn.path[1:]] == pytest.approx(levels)
    assert drawn.n_calls == 1 + 11  # twice at a level, but once at the first
    assert (drawn.path[0].state.x_cat == PROCESS.masked.mask).all()
    assert (drawn.path[1].state.x_cat == drawn.rows.x_cat).all()


def test_all_numbers_are_drawn_in_one_stage_after_the_categories() -> None:
    drawn = draw(HybridProcess((2, 3), n_num=2), small_table(), 10, 4, seed=0)
    assert drawn.stages == [Stage.CATEGORIES] * 2 + [Stage.NUMBERS] * 4
    assert (drawn.path[1].state.x_num == 0).all()
    assert (drawn.path[2].state.x_num != 0).all()


def test_a_recorder_keeps_the_last_state_at_a_level_as_it_was() -> None:
    recorder = Recorder(MODEL.denoiser_)
    state = State(torch.zeros(1, 1), torch.zeros(1, 1, dtype=torch.int64))
    for _ in range(2):
        state.x_num.add_(1)
        recorder(state, torch.ones(1))
    assert [float(call.state.x_num) for call in recorder.calls] == [1.0, 2.0]
    assert [float(call.state.x_num) for call in recorder.path] == [2.0]


def test_no_noise_leaves_rows_as_they_are() -> None:
    clean = to_state(MODEL.encoder_, FRAME)
    pd.testing.assert_frame_equal(
        decode(MODEL.encoder_, noise(PROCESS, clean, Stage.NUMBERS, 0.0, seed=0)), FRAME
    )


def test_one_seed_moves_a_number_on_a_line_as_the_level_rises() -> None:
    clean = to_state(MODEL.encoder_, FRAME)
    noises = []
    for sigma in (0.1, 10.0):
        state = noise(PROCESS, clean, Stage.NUMBERS, sigma, seed=4)
        noises.append((state.x_num * math.hypot(1, sigma) - clean.x_num) / sigma)
        assert torch.equal(state.x_cat, clean.x_cat)
    torch.testing.assert_close(noises[0], noises[1])


def test_one_seed_keeps_masks_as_the_rate_rises_and_no_number_is_begun() -> None:
    clean = to_state(MODEL.encoder_, FRAME)
    masked = torch.zeros(len(FRAME), 1, dtype=torch.bool)
    for sigma in (0.1, 0.3, 10.0):
        state = noise(PROCESS, clean, Stage.CATEGORIES, sigma, seed=4)
        now = state.x_cat == PROCESS.masked.mask
        assert (now | ~masked).all()
        rate = float(PROCESS.schedule.mask_rate(torch.tensor(sigma)))
        tolerance = 4 * math.sqrt(rate * (1 - rate) / len(FRAME))
        assert abs(float(now.double().mean()) - rate) < tolerance
        assert (state.x_num == 0).all()
        masked = now
    assert (decode(MODEL.encoder_, state).minutes == NOT_BEGUN).all()


def test_a_masked_cell_is_shown_as_a_mask_and_others_by_value() -> None:
    clean = to_state(MODEL.encoder_, FRAME.head(3))
    hidden = clean.x_cat.clone()
    hidden[1, 0] = 3
    shown = decode(MODEL.encoder_, clean._replace(x_cat=hidden))
    expected = FRAME.machine[:3].tolist()
    expected[1] = MASK
    assert shown.machine.tolist() == expected
    assert shown.minutes.tolist() == FRAME.minutes[:3].tolist()


def test_rows_stand_below_each_other_by_state_and_number() -> None:
    table = stacked({"rows": FRAME.head(2), "noise": FRAME.head(2)})
    assert table.index.tolist() == [("rows", 1), ("rows", 2), ("noise", 1), ("noise", 2)]


def test_the_frames_of_a_stage_lead_from_noise_to_what_it_draws() -> None:
    drawn = draw(PROCESS, MODEL.denoiser_, 30, 8, seed=0)
    frames = path_frames(MODEL.encoder_, drawn, 3)
    assert next(iter(frames)) == 80.0
    assert list(frames)[-1] == 0.0
    pd.testing.assert_frame_equal(frames[0.0], decode(MODEL.encoder_, drawn.rows))


def test_a_prediction_replaces_what_is_drawn_and_nothing_else() -> None:
    drawn = draw(PROCESS, MODEL.denoiser_, 10, 24, seed=0)
    first, final = predicted(drawn.path[0]), predicted(drawn.path[-1])
    assert (first.x_num == 0).all()  # no number is begun
    torch.testing.assert_close(final.x_num, drawn.rows.x_num, atol=0.01, rtol=0)


def test_a_cell_is_known_from_the_step_at_which_its_mask_is_gone() -> None:
    drawn = draw(PROCESS, MODEL.denoiser_, 10, 8, seed=0)
    codes = torch.stack([*(call.state.x_cat[:, 0] for call in drawn.path), drawn.rows.x_cat[:, 0]])
    for row in range(10):
        step = known_from(drawn, row, 0)
        assert (codes[:step, row] == 3).all()
        assert (codes[step:, row] < 3).all()


def test_treatment_tells_scores_from_codes() -> None:
    found = treatment({"orders": MODEL.encoder_})["orders"].to_dict()
    assert found == {"minutes": "score", "machine": "code, 1 of 3"}


# Checks ---------------------------------------------------------------------------------------


def test_moments_are_those_of_the_formula() -> None:
    n = 20_000
    found = moments([0.5, 4.0], n_draws=n, seed=1)
    for column in ("variance of noisy score", "variance of velocity"):
        assert (found[column] - 1).abs().max() < 4 * math.sqrt(2 / n)
    gap = (found["correlation with clean score"] - found["cos θ"]).abs()
    assert gap.max() < 4 / math.sqrt(n)
    assert found["cos θ"].tolist() == pytest.approx([2 / math.sqrt(5), 1 / math.sqrt(17)])


@given(
    st.lists(st.floats(0.01, 1), min_size=2, max_size=4),
    st.floats(0.05, 0.99),
    st.floats(0.0, 0.95),
)
@settings(max_examples=30, deadline=None)
def test_the_posterior_is_that_of_all_ways_added_up(
    shares: list[float], now: float, share: float
) -> None:
    p_0, then, size = np.array(shares) / sum(shares), share * now, len(shares)
    given_now = torch.cat([torch.eye(size, dtype=torch.float64), torch.tensor(p_0)[None]])
    is_masked = torch.tensor([*[False] * size, True])
    formula = MaskedDiffusion((size,)).q_posterior(given_now, is_masked, now, then)
    # The formula takes the ratio of the rates in single precision.
    np.testing.assert_allclose(formula, enumerated_posterior(p_0, now, then), atol=1e-7)


def test_the_loss_without_dependence_is_one_in_every_stage_and_at_every_level() -> None:
    clean = to_state(MODEL.encoder_, FRAME, seed=0)
    alone = independent_denoiser(clean.x_cat, (3,))
    found = loss_by_level(PROCESS, alone, clean, [0.3, 1.0, 5.0], n_noises=2, seed=0)
    assert found.columns.tolist() == ["categories", "numbers"]
    assert found.index.tolist() == [0.3, 1.0, 5.0]
    np.testing.assert_allclose(found, 1)


def test_at_much_noise_the_loss_is_the_variance_that_the_rest_leaves_unexplained() -> None:
    best = exact_denoiser(MODEL.encoder_, orders(500, random_state=1), seed=0)
    clean = to_state(MODEL.encoder_, orders(2000, random_state=2), seed=0)
    found = loss_by_level(PROCESS, best, clean, [80.0], n_noises=2, seed=0)
    scores = pd.Series(clean.x_num[:, 0].numpy())
    machine = clean.x_cat[:, 0].numpy()
    within = (scores - scores.groupby(machine).transform("mean")).var() / scores.var()
    # A mean square of 2,000 scores has a standard error of 3 %, and 500 rows know the means to 5 %.
    assert found.loc[80.0, "numbers"] == pytest.approx(within, rel=0.1)
    assert found.loc[80.0, "categories"] == pytest.approx(1, abs=0.01)


def test_knowing_the_dependence_lowers_the_mean_loss_and_one_seed_gives_one_loss() -> None:
    best = exact_denoiser(MODEL.encoder_, orders(500, random_state=1), seed=0)
    clean = to_state(MODEL.encoder_, FRAME, seed=0)
    alone = independent_denoiser(clean.x_cat, (3,))
    losses = [mean_loss(PROCESS, d, clean, n_noises=4, seed=0) for d in (best, alone, alone)]
    assert losses[0] < losses[1] == losses[2]


def test_a_table_has_no_error_against_itself() -> None:
    table = to_state(MODEL.encoder_, FRAME, seed=0)
    assert sampling_error(table, table, (3,)).tolist() == [0, 0, 0]


def test_shifted_scores_and_lost_categories_are_errors() -> None:
    x_cat = torch.tensor([[0], [0], [0], [1]])
    table = State(torch.tensor([[0.0], [1.0], [2.0], [3.0]]), x_cat)
    moved = State(table.x_num + torch.tensor([[9.0], [9.0], [9.0], [0.0]]), x_cat)
    error = sampling_error(moved, table, (2,))
    assert error.tolist() == pytest.approx([0.0, 0.75, 0.75])
    fewer = State(table.x_num[1:], x_cat[1:])
    assert sampling_error(fewer, table, (2,))["category"] == pytest.approx(1 / 12)


def test_more_steps_draw_the_dependence_better() -> None:
    best = exact_denoiser(MODEL.encoder_, orders(200, random_state=1), seed=0)
    found = errors_by_steps(PROCESS, best, [2, 24], n_rows=600, n_draws=1, seed=0)
    assert found.index.tolist() == ["2 steps", "24 steps", "rows of the table"]
    assert found["calls"].tolist()[:2] == [1 + 3, 1 + 47]
    within = found["number given category"]
    # Two samples of 600: the distance is below 0.1 by chance, also within a fifth of the rows.
    assert within["24 steps"] < within["2 steps"] - 0.05
    assert within["rows of the table"] < 0.1
