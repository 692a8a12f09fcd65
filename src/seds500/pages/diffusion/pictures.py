"""Figures of the chapter on the diffusion: what is noised, what is learnt, how rows are drawn."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch
from scipy.special import ndtr
from scipy.stats import norm, spearmanr
from torch import Tensor

from seds500.pages.diffusion.evidence import (
    Draw,
    ExactDenoiser,
    known_from,
    noise,
    number,
    predicted,
)
from seds500.plots import BLACK, BLUE, GREEN, GREY, LIGHT, ORANGE, RED, SKY, STYLE, close
from synthtab.diffusion.denoiser import MLPDenoiser
from synthtab.diffusion.process import (
    Denoiser,
    GaussianDiffusion,
    HybridProcess,
    NoiseSchedule,
    Stage,
    State,
)
from synthtab.table.encoding import TableEncoder

Floats = npt.NDArray[np.float64]

# Okabe & Ito (2008); with markers, so that a category is also told by its shape.
_LOOKS = tuple(zip((BLUE, ORANGE, GREEN, "#CC79A7", SKY), "osD^v", strict=True))
_STATE, _GUESS = BLUE, RED


def source(*functions: Callable[..., Any]) -> str:
    """The source of functions as Markdown, without their docstrings.

    Examples
    --------
    >>> print(source(_levels))
    ```python
    def _levels(ax: Axes) -> None:
        ax.set_xscale("log")
        ax.set_xlabel("noise level σ")
    ```
    """
    parts = [_without_docstring(textwrap.dedent(inspect.getsource(f))) for f in functions]
    return "\n".join(["```python", "\n\n".join(parts), "```"])


def _without_docstring(text: str) -> str:
    """The source of one function or class without its docstring."""
    lines = text.splitlines()
    definition = ast.parse(text).body[0]
    assert isinstance(definition, ast.FunctionDef | ast.ClassDef)
    if ast.get_docstring(definition) is not None:
        first = definition.body[0]
        del lines[first.lineno - 1 : first.end_lineno]
    return "\n".join(lines).strip("\n")


# Denoising is regression ---------------------------------------------------------------------


def regression(denoiser: ExactDenoiser, sigmas: Sequence[float], *, seed: int) -> Figure:
    """Clean over noisy values of a one-column table, with the best prediction; a panel a level.

    Parameters
    ----------
    denoiser : ExactDenoiser
        Of one number and no category.
    sigmas : sequence of float
        Noise levels.
    seed : int
        Seed of the noise.

    Returns
    -------
    Figure
        Dots are rows, rings the mean of the dots in each of a dozen bins, the line is E[x_0 | x].
    """
    generator = torch.Generator().manual_seed(seed)
    clean = denoiser.x_num
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1, len(sigmas), figsize=(2.6 * len(sigmas), 2.9), sharey=True, squeeze=False,
            layout="constrained",
        )  # fmt: skip
        for ax, sigma in zip(axes[0], sigmas, strict=True):
            noisy = clean + sigma * torch.randn(clean.shape, generator=generator)
            ax.scatter(noisy, clean, s=5, alpha=0.25, lw=0, color="#666666")
            at, means = binned_means(noisy[:, 0].numpy(), clean[:, 0].numpy(), n_bins=12)
            ax.plot(at, means, "o", ms=6, mfc="white", color=BLACK)
            low, high = noisy.quantile(torch.tensor([0.002, 0.998], dtype=noisy.dtype)).tolist()
            grid = torch.linspace(low, high, 200)
            ax.plot(grid, _best_guess(denoiser, grid, sigma), color=_GUESS, lw=2)
            ax.set_title(f"σ = {sigma:g}", fontsize=10)
            ax.set_xlabel("noisy value")
        axes[0][0].set_ylabel("clean value")
        handles = [
            Line2D([], [], ls="", marker="o", ms=4, color="#666666", label="rows"),
            Line2D([], [], ls="", marker="o", mfc="white", color=BLACK, label="mean in a bin"),
            Line2D([], [], color=_GUESS, lw=2, label="best prediction"),
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=9)
        return close(figure)


def binned_means(x: Floats, y: Floats, *, n_bins: int) -> tuple[Floats, Floats]:
    """Mean of x and of y in bins of x with equally many points: the simplest regression.

    Examples
    --------
    >>> binned_means(np.array([3.0, 1.0, 2.0, 4.0]), np.array([3.0, 1.0, 1.0, 5.0]), n_bins=2)
    (array([1.5, 3.5]), array([1., 4.]))
    """
    bins = np.array_split(np.argsort(x), n_bins)
    return np.array([x[b].mean() for b in bins]), np.array([y[b].mean() for b in bins])


def _best_guess(denoiser: Denoiser, noisy: Tensor, sigma: float) -> Tensor:
    """E[x_0 | x_0 + sigma eps] of one number, shape (n,)."""
    x = (noisy * (1 + sigma**2) ** -0.5).double()
    level = torch.full_like(x, sigma)
    velocity = denoiser(number(x), level).velocity
    return GaussianDiffusion.predict_x_0(x[:, None], level, velocity)[:, 0]


def flow(drawn: Draw, table: Tensor, *, n_paths: int = 60) -> Figure:
    """The way of a single number from noise to row, for many rows.

    Parameters
    ----------
    drawn : Draw
        Of one number and no category.
    table : Tensor of shape (m, 1)
        What should come out.
    n_paths : int, default=60
        Paths shown.

    Returns
    -------
    Figure
        Left the values the paths begin with, right those they end with (filled) and those of the
        table (line).
    """
    levels = np.array([call.sigma for call in drawn.path] + [0.0])
    states = np.stack([*(call.state.x_num[:, 0] for call in drawn.path), drawn.rows.x_num[:, 0]])
    angles = np.arctan(levels)
    bins = np.linspace(-3, 3, 49)
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1, 3, figsize=(7.4, 3.3), sharey=True, width_ratios=[1, 5, 1], layout="constrained"
        )
        style: Any = {"orientation": "horizontal", "density": True, "bins": bins}
        axes[0].hist(states[0], color=LIGHT, **style)
        axes[0].invert_xaxis()
        axes[1].plot(angles, states[:, :n_paths], color=_STATE, lw=0.7, alpha=0.6)
        axes[2].hist(states[-1], color=_STATE, alpha=0.5, **style)
        axes[2].hist(table[:, 0].numpy(), color=BLACK, histtype="step", **style)
        shown = np.array([80, 3, 1, 0.5, 0.2, 0])
        axes[1].set_xticks(np.arctan(shown), [f"{s:g}" for s in shown])
        axes[1].set(xlim=(angles[0], 0), xlabel="noise level σ (evenly in θ)")
        axes[0].set(ylabel="value, scaled to variance 1", xlabel="noise", ylim=(-3, 3), xticks=[])
        axes[2].set(xlabel="rows", xticks=[])
        return close(figure)


# Encoding ------------------------------------------------------------------------------------


def encoding(encoder: TableEncoder, frame: pd.DataFrame, column: str, *, seed: int) -> Figure:
    """A number's histogram, its rank map with the steps of the atoms, and its normal scores.

    Parameters
    ----------
    encoder : TableEncoder
        Fitted encoder.
    frame : DataFrame
        The rows shown.
    column : str
        A continuous column.
    seed : int
        Decides where in its rank interval each value is placed.

    Returns
    -------
    Figure
    """
    ranks = encoder.rank_maps_[column]
    at = list(encoder.rank_maps_).index(column)
    scores = encoder.transform(frame, random_state=seed).x_num[:, at]
    grid = np.linspace(0, 1, 4001)
    # The most frequent atom is told; others may be there by chance.
    widest = int(np.argmax(ranks.atom_high - ranks.atom_low))
    low, high = ranks.atom_low[widest], ranks.atom_high[widest]
    atom = float(ranks.atoms[widest])
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, 3, figsize=(7.8, 2.8), layout="constrained")
        axes[0].hist(frame[column], bins=60, color=_STATE)
        axes[0].set(xlabel=column, ylabel="rows", title="values")
        axes[1].plot(ranks.value(grid), grid, color=_STATE, lw=1.5)
        axes[1].plot([atom, atom], [low, high], color=_GUESS, lw=3)
        axes[1].text(atom, (low + high) / 2, f"  {atom:g}", color=_GUESS, va="center")
        axes[1].set(xlabel=column, ylabel="rank", title="rank map")
        is_atom = (frame[column] == atom).to_numpy()
        bins = np.linspace(-3.5, 3.5, 43)
        parts = [scores[~is_atom], scores[is_atom]]
        axes[2].hist(parts, bins=bins, stacked=True, color=[_STATE, _GUESS], density=True)
        x = np.linspace(-3.5, 3.5, 200)
        axes[2].plot(x, norm.pdf(x), color=BLACK, lw=1)
        axes[2].set(xlabel="score", ylabel="density", title="normal scores")
        for ax in axes:
            ax.title.set_fontsize(10)
        return close(figure)


# Tables at noise levels ----------------------------------------------------------------------


def scatters(
    encoder: TableEncoder, frames: Mapping[float, pd.DataFrame], x: str, y: str, colour: str
) -> Figure:
    """Two numbers of a table at several noise levels, coloured by a category.

    Parameters
    ----------
    encoder : TableEncoder
        Tells the categories.
    frames : mapping of float to DataFrame
        The table by noise level; the one at the lowest level fixes the axes.
    x, y : str
        Numerical columns.
    colour : str
        Categorical column, on view in all tables.

    Returns
    -------
    Figure
        Titles tell the noise level and Spearman's correlation of x and y.
    """
    looks = dict(zip(encoder.levels_[colour], _LOOKS, strict=False))
    reference = frames[min(frames)]
    limits = [_limits(reference[c].to_numpy(dtype=float)) for c in (x, y)]
    with plt.rc_context(STYLE):
        n_rows = -(-len(frames) // 3)
        figure, axes = plt.subplots(
            n_rows, 3, figsize=(7.8, 2.5 * n_rows + 0.5), sharex=True, sharey=True, squeeze=False,
            layout="constrained",
        )  # fmt: skip
        for ax, (sigma, frame) in zip(axes.flat, frames.items(), strict=False):
            for name, (tint, marker) in looks.items():
                part = frame[frame[colour] == name]
                ax.scatter(part[x], part[y], s=9, marker=marker, alpha=0.6, lw=0, color=tint)
            correlation = spearmanr(frame[x], frame[y]).statistic
            title = f"σ = {sigma:.2g}, correlation {correlation:.2f}".replace("-", "−")
            ax.set_title(title, fontsize=9)
        for ax in axes.flat[len(frames) :]:
            ax.set_visible(False)
        axes[0][0].set(xlim=limits[0], ylim=limits[1])
        for ax in axes[:, 0]:
            ax.set_ylabel(y)
        for ax in axes.flat[max(len(frames) - 3, 0) : len(frames)]:
            ax.set_xlabel(x)
            ax.tick_params(labelbottom=True)
        handles = [
            Line2D([], [], ls="", marker=marker, color=tint, label=f"{name!s}")
            for name, (tint, marker) in looks.items()
        ]
        figure.legend(
            handles=handles, loc="outside lower center", ncols=5, fontsize=9, title=colour
        )
        return close(figure)


def _limits(values: Floats) -> tuple[float, float]:
    low, high = np.quantile(values, [0.005, 0.995]).tolist()
    margin = 0.05 * (high - low)
    return low - margin, high + margin


# Noise levels --------------------------------------------------------------------------------


def levels(schedule: NoiseSchedule, n_steps: int, *, seed: int = 0) -> Figure:
    """Where training looks, what is left of a number, and where drawing stops, on one axis.

    Parameters
    ----------
    schedule : NoiseSchedule
        Its methods are drawn.
    n_steps : int
        Noise levels visited in drawing.
    seed : int, default=0
        Of the training levels shown.

    Returns
    -------
    Figure
    """
    steps = schedule.steps(n_steps)[:-1].numpy()
    grid = torch.logspace(np.log10(steps.min()), np.log10(steps.max()), 400)
    drawn = schedule.sample(20_000, torch.Generator().manual_seed(seed)).numpy()
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            3, 1, figsize=(7.2, 4.6), sharex=True, height_ratios=[2, 2.4, 0.8], layout="constrained"
        )
        bins = np.geomspace(steps.min(), steps.max(), 60)
        axes[0].hist(drawn, bins=bins.tolist(), color=LIGHT)
        axes[0].set(ylabel="training draws", yticks=[])
        axes[1].plot(grid, (1 + grid**2).rsqrt(), color=_STATE, lw=2)
        axes[1].set(ylabel="cos θ", ylim=(-0.03, 1.03))
        axes[1].text(
            steps.min(), 0.5, "correlation of noisy\nand clean score", color=_STATE, va="center",
            fontsize=9,
        )  # fmt: skip
        axes[2].vlines(steps, 0, 1, color=BLACK, lw=1)
        axes[2].set(ylabel="steps", yticks=[], ylim=(0, 1))
        _levels(axes[2])
        return close(figure)


def _levels(ax: Axes) -> None:
    ax.set_xscale("log")
    ax.set_xlabel("noise level σ")


# The network ---------------------------------------------------------------------------------


def network(encoder: TableEncoder, denoiser: MLPDenoiser) -> Figure:
    """What goes into the network and what comes out, with the sizes of a fitted one."""
    numbers, codes = list(encoder.rank_maps_), encoder.levels_
    inputs = [f"{c}: score" for c in numbers]
    inputs += [f"{c}: 1 of {len(v)} or mask" for c, v in codes.items()]
    outputs = [f"{c}: velocity" for c in numbers]
    outputs += [f"{c}: {len(v)} logits" for c, v in codes.items()]
    width, depth = denoiser.output.in_features, len(denoiser.blocks)
    n_weights = sum(p.numel() for p in denoiser.parameters())
    with plt.rc_context(STYLE):
        figure, ax = plt.subplots(figsize=(7.8, 0.42 * len(inputs) + 1.9), layout="constrained")
        ax.set(xlim=(0, 10), ylim=(-1.6, len(inputs)))
        ax.axis("off")
        middle = (len(inputs) - 1) / 2
        for i, (left, right) in enumerate(zip(inputs, outputs, strict=True)):
            at = len(inputs) - 1 - i
            tint = _STATE if i < len(numbers) else _GUESS
            _box(ax, 1.75, at, 3.3, left, tint)
            _box(ax, 8.55, at, 2.8, right, tint)
            _arrow(ax, (3.42, at), (3.85, middle))
            _arrow(ax, (6.7, middle), (7.13, at))
        text = f"{depth} residual blocks\nof width {width}\n\n{n_weights:,} weights"
        _box(ax, 5.27, middle, 2.8, text, GREY, height=max(1.7, len(inputs) - 0.4))
        _box(ax, 5.27, -1.2, 2.8, "ln σ: sines and cosines", GREEN)
        _arrow(ax, (5.27, -0.85), (5.27, middle - max(0.85, (len(inputs) - 0.4) / 2)))
        return close(figure)


def _box(
    ax: Axes, x: float, y: float, width: float, text: str, colour: str, height: float = 0.66
) -> None:
    box = FancyBboxPatch(
        (x - width / 2, y - height / 2), width, height, boxstyle="round,pad=0,rounding_size=0.1",
        fc="white", ec=colour, lw=1.5,
    )  # fmt: skip
    ax.add_patch(box)
    ax.text(x, y, text, ha="center", va="center", fontsize=9)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    ax.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": "#888888", "lw": 0.9})


def losses(curves: Mapping[str, Floats], floors: Mapping[str, float]) -> Figure:
    """Training loss over the steps, one panel a fit: each step, and the median of those around it.

    Parameters
    ----------
    curves : mapping of str to ndarray of shape (n_iter,)
        Loss curves by title.
    floors : mapping of str to float
        Loss of the best possible denoiser, where it is known: the dashed line.

    Returns
    -------
    Figure
    """
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1, len(curves), figsize=(2.6 * len(curves), 2.9), squeeze=False, layout="constrained"
        )
        for ax, (title, curve) in zip(axes[0], curves.items(), strict=True):
            steps = np.arange(1, len(curve) + 1)
            ax.plot(steps, curve, color="#bbbbbb", lw=0.5)
            smooth = pd.Series(curve).rolling(51, center=True, min_periods=1).median()
            ax.plot(steps, smooth, color=_STATE, lw=2)
            if title in floors:
                ax.axhline(floors[title], color=_GUESS, ls="--", lw=1.5)
            ax.set_title(title, fontsize=10)
            ax.set_xlabel("training step")
            low, high = np.quantile(curve, [0.01, 0.99]).tolist()
            ax.set_ylim(low - 0.1 * (high - low), max(high, smooth.max()) + 0.1 * (high - low))
        axes[0][0].set_ylabel("loss")
        handles = [
            Line2D([], [], color="#bbbbbb", lw=1, label="each step"),
            Line2D([], [], color=_STATE, lw=2, label="median of 51 steps"),
            Line2D([], [], color=_GUESS, ls="--", lw=1.5, label="best possible"),
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=9)
        return close(figure)


def learnt(
    process: HybridProcess, encoder: TableEncoder, exact: ExactDenoiser, network: Denoiser,
    sigmas: Sequence[float], *, seed: int,
) -> Figure:  # fmt: skip
    """The learnt regression beside the best one, on a table of one number and one category.

    Parameters
    ----------
    process : HybridProcess
        Noises the rows of `exact`, to tell where noisy rows lie.
    encoder : TableEncoder
        Fitted to the table.
    exact, network : callable
        The best possible denoiser (lines) and the fitted one (markers).
    sigmas : sequence of float
        Noise levels, a panel each.
    seed : int
        Seed of the noise.

    Returns
    -------
    Figure
        Prediction of the clean score given the noisy one and the category. Each line spans the
        middle 98 % of the noisy rows with its category.
    """
    column, values = next(iter(encoder.levels_.items()))
    clean = State(exact.x_num, exact.x_cat)
    with plt.rc_context(STYLE), torch.no_grad():
        figure, axes = plt.subplots(
            1, len(sigmas), figsize=(2.6 * len(sigmas), 2.9), squeeze=False, layout="constrained"
        )
        for ax, sigma in zip(axes[0], sigmas, strict=True):
            noisy = noise(process, clean, Stage.NUMBERS, sigma, seed=seed)
            for code, (name, look) in enumerate(zip(values, _LOOKS, strict=False)):
                grid = _middle(noisy.x_num[clean.x_cat[:, 0] == code, 0])
                state = number(grid)._replace(x_cat=torch.full((len(grid), 1), code))
                best, own = (_guess(d, state, sigma) for d in (exact, network))
                tint, marker = look
                ax.plot(grid, best, color=tint, lw=1.5)
                ax.plot(grid[::10], own[::10], marker, color=tint, ms=5, label=str(name))
            ax.set_title(f"σ = {sigma:g}", fontsize=10)
            ax.set_xlabel("noisy score")
        axes[0][0].set_ylabel("predicted clean score")
        handles, labels = axes[0][0].get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="outside lower center", ncols=5, fontsize=9, title=column
        )
        return close(figure)


def _middle(values: Tensor) -> Tensor:
    """An even grid over the middle 98 % of values, shape (91,)."""
    low, high = values.quantile(torch.tensor([0.01, 0.99], dtype=values.dtype)).tolist()
    return torch.linspace(low, high, 91)


def _guess(denoiser: Denoiser, state: State, sigma: float) -> Tensor:
    """The clean scores that a denoiser predicts for the first number, shape (n,)."""
    level = torch.full((len(state.x_num),), sigma)
    velocity = denoiser(state, level).velocity
    return GaussianDiffusion.predict_x_0(state.x_num, level, velocity)[:, 0]


def loss_by_level(tables: Mapping[str, Mapping[str, pd.DataFrame]]) -> Figure:
    """How much of a row the network foretells in each stage and at each noise level.

    Parameters
    ----------
    tables : mapping of str to mapping of str to DataFrame
        By title, then by ``new`` and ``training`` rows: what
        `seds500.pages.diffusion.evidence.loss_by_level` returns for them.

    Returns
    -------
    Figure
        Losses over those of a network that knows each column alone: 1 is nothing learnt.
    """
    looks = {"categories": (GREEN, "^"), "numbers": (_STATE, "o")}
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1, len(tables), figsize=(3.9 * len(tables), 3.4), sharey=True, squeeze=False,
            layout="constrained",
        )  # fmt: skip
        for ax, (title, of_rows) in zip(axes[0], tables.items(), strict=True):
            for rows, style in (("new", "-"), ("training", ":")):
                for stage, losses in of_rows[rows].items():
                    tint, marker = looks[str(stage)]
                    ax.plot(
                        losses.index, losses, f"{marker}{style}", ms=4, color=tint,
                        mfc=tint if rows == "new" else "white", label=f"{stage}, {rows} rows",
                    )  # fmt: skip
            ax.axhline(1, color=BLACK, lw=0.8)
            ax.set_title(title, fontsize=10)
            _levels(ax)
        axes[0][0].set_ylim(bottom=0)  # after all, for it ends the search for the axes' ends
        axes[0][0].set_ylabel("relative loss")
        # A table without categories has fewer stages than another.
        found = dict[str, Any]()
        for ax in axes[0]:
            handles, labels = ax.get_legend_handles_labels()
            found |= dict(zip(labels, handles, strict=True))
        order = sorted(found, key=lambda label: label.split(", ")[::-1])
        figure.legend(
            [found[label] for label in order], order, loc="outside lower center", ncols=2,
            fontsize=9,
        )  # fmt: skip
        return close(figure)


# One row's way -------------------------------------------------------------------------------


def row_path(encoder: TableEncoder, drawn: Draw, row: int) -> Figure:
    """The way of one drawn row: its numbers and categories at each step, and the guesses.

    Parameters
    ----------
    encoder : TableEncoder
        Decodes the states.
    drawn : Draw
        Drawn rows with their way.
    row : int
        Which of them.

    Returns
    -------
    Figure
        Categories, over the steps of their stage: predicted probabilities as shades while masked,
        and the value once it is drawn. Numbers, over all steps: the state (line) from where it is
        begun, and the network's prediction of the clean value (dots) while it is drawn. A grey line
        parts the stages.
    """
    columns = [*encoder.levels_, *encoder.rank_maps_]
    with plt.rc_context(STYLE):
        n_rows = -(-len(columns) // 2)
        figure, axes = plt.subplots(
            n_rows, 2, figsize=(7.8, 2.0 * n_rows + 0.5), squeeze=False, layout="constrained"
        )
        for ax, column in zip(axes.flat, columns, strict=False):
            path = _category_path if column in encoder.levels_ else _number_path
            path(ax, encoder, drawn, row, column)
            ax.set_xlabel("step")
            ax.xaxis.get_major_locator().set_params(integer=True)
        for ax in axes.flat[len(columns) :]:
            ax.set_visible(False)
        handles = [
            Line2D([], [], color=_STATE, lw=2, label="the row"),
            Line2D([], [], color=_GUESS, ls="", marker="o", ms=3, label="predicted clean value"),
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=9)
        return close(figure)


def _number_path(ax: Axes, encoder: TableEncoder, drawn: Draw, row: int, column: str) -> None:
    j = list(encoder.rank_maps_).index(column)
    ranks = encoder.rank_maps_[column]
    states, guesses = np.full((2, len(drawn.path) + 1), np.nan)
    for step, (call, stage) in enumerate(zip(drawn.path, drawn.stages, strict=True)):
        if stage == Stage.NUMBERS:
            states[step] = float(call.state.x_num[row, j])
            guesses[step] = float(predicted(call).x_num[row, j])
    states[-1] = float(drawn.rows.x_num[row, j])
    ax.plot(ranks.value(ndtr(guesses)), "o", ms=3, color=_GUESS)
    ax.plot(ranks.value(ndtr(states)), color=_STATE, lw=2)
    for boundary in np.flatnonzero(np.diff(drawn.stages)) + 0.5:
        ax.axvline(boundary, color="#888888", lw=0.8)
    ax.set_xlim(-0.5, len(drawn.path) + 0.5)
    ax.set_title(f"{column}: {ranks.value(ndtr(states))[-1]:g}", fontsize=10)


def _category_path(ax: Axes, encoder: TableEncoder, drawn: Draw, row: int, column: str) -> None:
    j = list(encoder.levels_).index(column)
    values = encoder.levels_[column]
    n_steps, size = drawn.stages.count(Stage.CATEGORIES), len(values)
    final = int(drawn.rows.x_cat[row, j])
    first = known_from(drawn, row, j)
    image = np.zeros((size, n_steps + 1))
    for step, call in enumerate(drawn.path[:first]):
        image[:, step] = call.denoised.logits[j][row].double().softmax(0)
    ax.imshow(
        image, aspect="auto", cmap="Oranges", vmin=0, vmax=max(float(image.max()), 1e-9),
        origin="lower", interpolation="nearest",
    )  # fmt: skip
    ax.plot([first, n_steps], [final, final], color=_STATE, lw=3, solid_capstyle="butt")
    ax.plot(first, final, "o", color=_STATE, ms=5)
    ticks = np.unique(np.linspace(0, size - 1, min(size, 5)).round().astype(int))
    ax.set_yticks(ticks, [str(values[t]) for t in ticks])
    ax.grid(visible=False)
    ax.set_title(f"{column}: {values[final]} from step {first}", fontsize=10)
