"""Figures of the slides: one message each, in letters that the last row of a room can read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from seds500.claims.rule import VERDICTS, ledger
from seds500.claims.study import CLAIMS
from seds500.plots import BLACK, BLUE, COLOURS, GREY, LABELS, LIGHT, ORANGE, RED, STYLE, close
from seds500.records import SOURCES, Measured, Records, reported, runs, title
from synthtab.attacks.tolerances import TOLERANCES

_LOOK: Any = STYLE | {
    "font.size": 16, "axes.titlesize": 16, "legend.fontsize": 15, "lines.linewidth": 3,
    "lines.markersize": 11,
}  # fmt: skip
_OF_SOURCE = dict(zip(SOURCES, (BLUE, ORANGE), strict=True))


def large(draw: Callable[[Records], Figure]) -> Callable[[Records], Figure]:
    """Let a function draw in the letters of a slide, and close its figure."""

    @wraps(draw)
    def drawn(records: Records) -> Figure:
        with plt.rc_context(_LOOK):
            return close(draw(records))

    return drawn


def _axes(columns: int = 1, height: float = 4.0, **settings: Any) -> tuple[Figure, Any]:
    return plt.subplots(1, columns, figsize=(11, height), layout="constrained", **settings)


def _score(ax: Axes, found: Measured, y: float, colour: str, **looks: Any) -> None:
    ax.plot(found.span, [y, y], color=colour)
    ax.plot(found.value, y, "o", color=colour, **looks)


def _rows(ax: Axes, names: Sequence[str]) -> None:
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)


def _percent(ax: Axes, left: float = 0) -> None:
    ax.set(xlim=(left, 118), xlabel="R², % of that of real rows")
    ax.axvline(100, color=BLACK, lw=1.2, ls=":")


@large
def slide_answer(records: Records) -> Figure:
    """Share of the real rows' R² that HybridDiffusion's rows keep, on each of the six tables."""
    figure, ax = _axes()
    known = [run for run, _, _ in runs()]
    for y, (run, _, source) in enumerate(runs()):
        _score(ax, records.share(run, "hybrid"), y, _OF_SOURCE[source])
    _rows(ax, [title(run) for run in known])
    _percent(ax)
    return figure


@large
def slide_reported(records: Records) -> Figure:
    """The study's three figures for 013, by the rows that the model behind each was trained on."""
    found = records.value("published.013.reported")
    bars = {
        "real rows": (found["original_r2"], BLACK),
        "“diffusion”: real rows\nand 500 synthetic ones": (found["diffusion_r2"], BLUE),
        "“SMOGN”: its output alone": (found["smogn_r2"], RED),
    }
    figure, ax = _axes(height=3.6)
    for y, (value, colour) in enumerate(bars.values()):
        ax.barh(y, value, color=colour, height=0.6)
        ax.text(value + (0.01 if value > 0 else -0.01), y, reported(value), va="center",
                ha="left" if value > 0 else "right")  # fmt: skip
    ax.axvline(0, color=BLACK, lw=1.2)
    _rows(ax, list(bars))
    ax.set(xlim=(-0.55, 0.8), xlabel="R² that the study reported for 013")
    return figure


@large
def slide_added(records: Records) -> Figure:
    """Three methods alone and added to real rows, on the stand-in for 013."""
    methods = ("hybrid", "smogn_extreme", "marginals")
    figure, ax = _axes(height=3.6)
    for y, method in enumerate(methods):
        for shift, setting, fill in ((-0.16, "replacement", None), (0.16, "augmentation", "white")):
            share = records.share("013_standin", method, setting=setting)
            colour = COLOURS[method]
            _score(ax, share, y + shift, colour, mfc=fill or colour, mew=2.5)
    for fill, words in ((GREY, "alone"), ("white", "500 added to the real rows")):
        ax.plot([], [], "o", mfc=fill, mec=GREY, mew=2.5, label=words)
    _rows(ax, [LABELS[m] for m in methods])
    _percent(ax, left=-90)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


@large
def slide_methods(records: Records) -> Figure:
    """Share of the real rows' R² by method, on both tables of 013."""
    order = ("hybrid", "gaussian", "tabddpm", "smogn_balance", "smogn_extreme", "interpolation")
    figure, axes = _axes(2, sharey=True)
    for ax, source in zip(axes, SOURCES, strict=True):
        for y, method in enumerate(order):
            _score(ax, records.share(f"013_{source}", method), y, COLOURS[method])
        _percent(ax)
        ax.set_title(title(f"013_{source}"))
    _rows(axes[0], [LABELS[m] for m in order])
    return figure


@large
def slide_differences(records: Records) -> Figure:
    """R² of HybridDiffusion minus that of three rivals, paired by split, on the six tables."""
    rivals = ("smogn_extreme", "smogn_balance", "interpolation")
    figure, axes = _axes(len(rivals), sharey=True, sharex=True)
    for ax, rival in zip(axes, rivals, strict=True):
        for y, (run, _, source) in enumerate(runs()):
            _score(ax, records.advantage(run, rival), y, _OF_SOURCE[source])
        ax.axvline(0, color=BLACK, lw=1.2)
        ax.set_title(f"minus {LABELS[rival]}")
        ax.xaxis.set_major_locator(MaxNLocator(4))
    axes[1].set_xlabel("difference in R²")
    _rows(axes[0], [title(run) for run, _, _ in runs()])
    return figure


@large
def slide_dimension(records: Records) -> Figure:
    """R² of boosting kept before and after irrelevant columns are added to two numbers."""
    arms = ("interpolation", "interpolation_always", "selection", "smogn_extreme")
    sweep = records.value("why_smogn_fails.sweep.irrelevant")
    ends = [sweep[end] for end in ("narrowest", "widest")]
    figure, ax = _axes(height=3.8)
    for y, arm in enumerate(arms):
        for shift, end, fill in zip((-0.16, 0.16), ends, (None, "white"), strict=True):
            found = Measured.of(end[arm][end["learner"]], "percent")
            _score(ax, found, y + shift, COLOURS[arm], mfc=fill or COLOURS[arm], mew=2.5)
    for fill, end in zip((GREY, "white"), ends, strict=True):
        ax.plot([], [], "o", mfc=fill, mec=GREY, mew=2.5, label=f"{end['columns']} columns")
    _rows(ax, [LABELS[arm] for arm in arms])
    ax.axvline(100, color=BLACK, lw=1.2, ls=":")
    ax.set(xlim=(50, 108), xlabel="R² of boosting, % of that of real rows")
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def _auc(records: Records, run: str, method: str) -> Measured:
    found = records.value(f"privacy.cards.{run}.{method}.membership")
    return Measured.of(found, "value")


@large
def slide_trap(records: Records) -> Figure:
    """R² kept against the AUC of the strongest membership attack, on the stand-in for 013."""
    run = "013_standin"
    places = {"hybrid": (8, 12), "smogn_extreme": (8, 10), "interpolation": (10, -26),
              "noise_copy": (-8, 14), "marginals": (8, 10)}  # fmt: skip
    figure, ax = _axes(height=4.1)
    for method, offset in places.items():
        share, auc = records.share(run, method), _auc(records, run, method)
        ax.plot([auc.value] * 2, [max(end, 0) for end in share.span], color=COLOURS[method])
        y, below = max(share.value, 0), share.value < 0  # an arrow points to what lies under it
        ax.plot(auc.span, [y] * 2, color=COLOURS[method])
        ax.plot(auc.value, y, "v" if below else "o", color=COLOURS[method])
        ax.annotate(
            LABELS[method] + f" ({share.value:.0f} %)".replace("-", "−") * below,
            (auc.value, y), offset, textcoords="offset points",
            ha="right" if offset[0] < 0 else "left" if offset[0] else "center",
        )  # fmt: skip
    ax.axvline(0.5, color=BLACK, lw=1.2, ls=":")
    ax.margins(x=0.15)
    ax.set(
        ylim=(-8, 122), ylabel="R², % of real rows'",
        xlabel="AUC of the strongest membership attack (one half is guessing)",
    )  # fmt: skip
    return figure


@large
def slide_attacks(records: Records) -> Figure:
    """AUC of the strongest membership attack by method, a mark for each of the six tables."""
    order = ("control_real", "hybrid", "gaussian", "smogn_extreme", "interpolation", "noise_copy")
    figure, ax = _axes()
    for y, method in enumerate(order):
        for i, (run, _, source) in enumerate(runs()):
            if records.has(f"privacy.cards.{run}.{method}"):
                _score(ax, _auc(records, run, method), y + 0.13 * (i - 2.5), _OF_SOURCE[source],
                       ms=7)  # fmt: skip
    chance, beyond, _ = TOLERANCES["membership"]
    ax.axvline(chance, color=BLACK, lw=1.2, ls=":", label="guessing")
    ax.axvline(chance + beyond, color=RED, lw=1.5, ls="--", label="tolerated")
    for source, words in SOURCES.items():
        ax.plot([], [], "o", color=_OF_SOURCE[source], label=words)
    _rows(ax, [LABELS[m] for m in order])
    ax.set(xlabel="AUC of the strongest membership attack")
    figure.legend(loc="outside right center")
    return figure


@large
def slide_guarantee(records: Records) -> Figure:
    """Share of the real rows' R² that is kept with a guarantee, by its ε, on both tables of 013."""
    found = {source: records.value(f"differential_privacy.013_{source}.best") for source in SOURCES}
    arms = sorted((a for a in found["standin"] if a.startswith("dp_")), key=lambda a: float(a[3:]))
    names = [f"ε = {arm[3:]}" for arm in arms] + ["none"]
    figure, ax = _axes()
    for shift, (source, words) in zip((-0.12, 0.12), SOURCES.items(), strict=True):
        for y, arm in enumerate([*arms, "none"]):
            share = Measured.of(found[source][arm], "percent")
            _score(ax, share, y + shift, _OF_SOURCE[source])
        ax.plot([], [], "o", color=_OF_SOURCE[source], label=words)
    _rows(ax, names)
    _percent(ax)
    figure.legend(loc="outside right center")
    return figure


@large
def slide_claims(records: Records) -> Figure:
    """How many claims of the study have each verdict."""
    entries = ledger(CLAIMS, records)
    counts = {v: sum(entry.verdict == v for entry in entries) for v in VERDICTS}
    colours = dict(zip(VERDICTS, (BLUE, ORANGE, RED, LIGHT), strict=True))
    figure, ax = _axes(height=3.6)
    for y, (verdict, n) in enumerate(counts.items()):
        ax.barh(y, n, color=colours[verdict], height=0.65)
        ax.text(n + 0.1, y, str(n), va="center")
    _rows(ax, list(counts))
    ax.set(xlabel="claims of the study", xlim=(0, max(counts.values()) + 1))
    ax.grid(visible=False)
    return figure


FIGURES: Mapping[str, Callable[[Records], Figure]] = {
    draw.__name__: draw
    for draw in (
        slide_answer, slide_reported, slide_added, slide_methods, slide_differences,
        slide_dimension, slide_trap, slide_attacks, slide_guarantee, slide_claims,
    )
}  # fmt: skip
"""By the name of their file in `book/_figures`."""
