"""The chapter's figures show what they are given: lines, panels and titles; and are closed."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure

from seds500.pages.diffusion import pictures
from seds500.pages.diffusion.evidence import (
    ExactDenoiser,
    decode,
    draw,
    exact_denoiser,
    known_from,
    noise,
    orders,
    path_frames,
    to_state,
)
from synthtab.diffusion.gaussian import GaussianHybridDiffusion
from synthtab.diffusion.process import GaussianDiffusion, HybridProcess, Stage
from synthtab.table.encoding import TableEncoder
from synthtab.table.schema import Schema

FRAME = orders(300, random_state=0)
FRAME["metres"] = (FRAME.minutes / 10 + np.random.default_rng(0).normal(size=300)).round(2)
FRAME["shift"] = np.random.default_rng(1).choice(["day", "night"], size=300).astype(object)
SCHEMA = Schema.infer(FRAME, target="minutes")
MODEL = GaussianHybridDiffusion(n_iter=20, random_state=0).fit(FRAME, SCHEMA)
PAIR = FRAME[["machine", "minutes"]]
PAIR_MODEL = GaussianHybridDiffusion(n_iter=20, random_state=0).fit(
    PAIR, Schema.infer(PAIR, target="minutes")
)
DRAWN = draw(MODEL.process_, MODEL.denoiser_, 20, 6, seed=0)


def one_number() -> ExactDenoiser:
    x = torch.tensor([[-1.0], [-0.8], [0.9], [1.1]], dtype=torch.float64).repeat(30, 1)
    return ExactDenoiser(x, torch.zeros(len(x), 0, dtype=torch.int64), ())


def titles(figure: Figure) -> list[str]:
    return [ax.get_title() for ax in figure.axes if ax.get_visible()]


# Code -----------------------------------------------------------------------------------------


def test_the_source_of_a_function_is_its_code_without_the_docstring() -> None:
    assert pictures.source(GaussianDiffusion.velocity).splitlines() == [
        "```python",
        "@staticmethod",
        "def velocity(x_0: Tensor, sigma: Tensor, eps: Tensor) -> Tensor:",
        "    cos, sin = _cos_sin(sigma)",
        "    return cos * eps - sin * x_0",
        "```",
    ]


def test_several_sources_stand_in_one_block() -> None:
    text = pictures.source(GaussianDiffusion.q_sample, GaussianDiffusion.predict_x_0)
    assert text.count("```") == 2
    assert text.index("def q_sample") < text.index("def predict_x_0")


# Denoising ------------------------------------------------------------------------------------


def test_the_drawn_prediction_is_the_conditional_mean() -> None:
    figure = pictures.regression(one_number(), [0.5, 2.0], seed=0)
    assert titles(figure) == ["σ = 0.5", "σ = 2"]
    values = np.array([-1.0, -0.8, 0.9, 1.1])
    for ax, sigma in zip(figure.axes, (0.5, 2.0), strict=True):
        x, y = ax.lines[1].get_data()
        weights = np.exp(-((np.asarray(x)[:, None] - values) ** 2) / (2 * sigma**2))
        np.testing.assert_allclose(y, weights @ values / weights.sum(axis=1), atol=1e-5)


def test_paths_lead_from_the_noise_to_the_drawn_values() -> None:
    denoiser = one_number()
    drawn = draw(HybridProcess((), n_num=1), denoiser, 40, 12, seed=0)
    figure = pictures.flow(drawn, denoiser.x_num, n_paths=5)
    lines = figure.axes[1].lines
    assert len(lines) == 5
    ends = [line.get_ydata()[-1] for line in lines]
    assert ends == pytest.approx(drawn.rows.x_num[:5, 0].tolist())
    assert [line.get_xdata()[-1] for line in lines] == [0.0] * 5


# Encoding and noise ---------------------------------------------------------------------------


def test_the_step_of_the_rank_map_is_the_interval_of_the_most_frequent_atom() -> None:
    frame = FRAME.assign(minutes=FRAME.minutes.where(FRAME.index >= 8, 700.0))  # a second atom
    encoder = TableEncoder().fit(frame, SCHEMA)
    assert {480.0, 700.0} <= set(encoder.rank_maps_["minutes"].atoms)
    figure = pictures.encoding(encoder, frame, "minutes", seed=0)
    assert titles(figure) == ["values", "rank map", "normal scores"]
    x, y = figure.axes[1].lines[1].get_data()
    assert list(x) == [480.0, 480.0]
    low, high = encoder.rank_maps_["minutes"].interval(np.array([480.0]))
    assert list(y) == [low[0], high[0]]


def test_scatters_have_a_panel_for_each_level_and_show_every_row() -> None:
    clean = to_state(MODEL.encoder_, FRAME)
    frames = {
        s: decode(MODEL.encoder_, noise(MODEL.process_, clean, Stage.NUMBERS, s, seed=0))
        for s in (0.0, 1.0, 80.0)
    }
    figure = pictures.scatters(MODEL.encoder_, frames, "metres", "minutes", "machine")
    assert [t.split(",")[0] for t in titles(figure)] == ["σ = 0", "σ = 1", "σ = 80"]
    for ax in figure.axes[:3]:
        shown = [len(points.get_offsets()) for points in ax.collections]
        assert sorted(shown) == sorted(FRAME.machine.value_counts())
    correlation = FRAME[["metres", "minutes"]].corr(method="spearman").iloc[0, 1]
    assert titles(figure)[0].endswith(f"correlation {correlation:.2f}")


def test_levels_tick_at_the_steps_and_show_what_is_left() -> None:
    schedule = MODEL.process_.schedule
    figure = pictures.levels(schedule, 8)
    ticks = [segment[0, 0] for segment in figure.axes[2].collections[0].get_segments()]
    assert ticks == pytest.approx(schedule.steps(8)[:-1].tolist())
    sigma, left = (np.asarray(values) for values in figure.axes[1].lines[0].get_data())
    np.testing.assert_allclose(left, np.cos(np.arctan(sigma)), atol=1e-6)


# Network and loss -----------------------------------------------------------------------------


def test_the_network_is_drawn_with_its_inputs_outputs_and_size() -> None:
    figure = pictures.network(MODEL.encoder_, MODEL.denoiser_)
    texts = " ".join(t.get_text() for t in figure.axes[0].texts)
    for part in ("minutes: score", "machine: 1 of 3 or mask", "metres: velocity"):
        assert part in texts
    assert "machine: 3 logits" in texts
    assert f"{sum(p.numel() for p in MODEL.denoiser_.parameters()):,} weights" in texts


def test_a_floor_is_drawn_where_it_is_known() -> None:
    curve = np.linspace(2.0, 1.0, 200)
    figure = pictures.losses({"a": curve, "b": curve}, {"b": 0.9})
    assert titles(figure) == ["a", "b"]
    assert [len(ax.lines) for ax in figure.axes] == [2, 3]
    assert list(figure.axes[1].lines[2].get_ydata()) == [0.9, 0.9]
    # A median of a straight line is the line, but for its ends.
    smooth = figure.axes[0].lines[1].get_ydata()
    assert smooth[30:170] == pytest.approx(curve[30:170])


def test_a_network_that_is_the_best_lies_on_its_lines() -> None:
    encoder = PAIR_MODEL.encoder_
    best = exact_denoiser(encoder, orders(200, random_state=1), seed=0)
    figure = pictures.learnt(PAIR_MODEL.process_, encoder, best, best, [0.5, 2.0], seed=0)
    assert titles(figure) == ["σ = 0.5", "σ = 2"]
    for ax in figure.axes:
        assert len(ax.lines) == 6  # three machines, a line and markers each
        for line, markers in zip(ax.lines[::2], ax.lines[1::2], strict=True):
            assert list(line.get_ydata()[::10]) == list(markers.get_ydata())


def test_losses_by_level_stand_together_and_the_highest_is_in_view() -> None:
    low = pd.DataFrame({"numbers": [1.0, 0.8]}, index=[0.1, 1.0])
    more = low.assign(categories=1.5)
    figure = pictures.loss_by_level(
        {"a": {"new": low, "training": low}, "b": {"new": more + 1, "training": more}}
    )
    assert titles(figure) == ["a", "b"]
    assert list(figure.axes[1].lines[0].get_ydata()) == [2.0, 1.8]
    labels = [t.get_text() for t in figure.legends[0].get_texts()]
    stages = ("categories", "numbers")
    assert labels == [f"{stage}, {rows} rows" for rows in ("new", "training") for stage in stages]
    for ax in figure.axes:
        assert ax.get_ylim()[0] == 0
        assert ax.get_ylim()[1] > 2


# One row --------------------------------------------------------------------------------------


def test_a_rows_path_ends_in_the_drawn_row_and_tells_when_a_category_is_known() -> None:
    row = 3
    figure = pictures.row_path(MODEL.encoder_, DRAWN, row)
    table = decode(MODEL.encoder_, DRAWN.rows).iloc[row]
    by_title = {ax.get_title().split(":")[0]: ax for ax in figure.axes[:4]}
    for column in ("minutes", "metres"):
        ax = by_title[column]
        assert ax.get_title() == f"{column}: {table[column]:g}"
        states = ax.lines[1].get_ydata()
        assert len(states) == 2 + 6 + 1
        assert states[-1] == table[column]
    known = [known_from(DRAWN, row, j) for j in range(2)]
    assert sorted(known) == [1, 2]
    for column, step in zip(("machine", "shift"), known, strict=True):
        ax = by_title[column]
        assert ax.get_title() == f"{column}: {table[column]} from step {step}"
        shades = np.asarray(ax.images[0].get_array())
        np.testing.assert_allclose(shades[:, :step].sum(axis=0), 1, atol=1e-6)
        assert shades[:, step:].max() == 0


def test_numbers_are_drawn_and_guessed_in_their_own_stage_only() -> None:
    figure = pictures.row_path(MODEL.encoder_, DRAWN, 0)
    by_title = {ax.get_title().split(":")[0]: ax for ax in figure.axes[:4]}
    for column in ("metres", "minutes"):
        guesses, states = (np.asarray(ln.get_ydata()) for ln in by_title[column].lines[:2])
        assert np.flatnonzero(~np.isnan(guesses)).tolist() == list(range(2, 8))
        assert np.isnan(states[:2]).all()
        assert not np.isnan(states[2:]).any()
    assert [ln.get_xdata()[0] for ln in by_title["minutes"].lines[2:]] == [1.5]


def test_figures_are_closed() -> None:
    frames = path_frames(MODEL.encoder_, DRAWN, 3)
    pictures.scatters(MODEL.encoder_, frames, "metres", "minutes", "machine")
    assert plt.get_fignums() == []
