"""Figures of the results page: drawn from the records of the committed runs.

Every function returns a closed figure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from seds500.methods import LABELS, SECOND_SAMPLE
from seds500.pages import smogn
from seds500.plots import COLOURS, STYLE, close
from seds500.records.committed import (
    EXPERIMENTS,
    SOURCES,
    STUDY_LEARNER,
    Measured,
    Records,
    runs,
    title,
)
from synthtab.evaluation.compare import REAL
from synthtab.evaluation.utility import LEARNERS

SETTINGS: Mapping[str, str] = {
    "replacement": "synthetic rows alone",
    "augmentation": "real rows and 500 synthetic ones",
}

_EXPERIMENT_MARKERS = dict(zip(EXPERIMENTS, "osD", strict=True))


def _methods(records: Records, section: str) -> list[str]:
    """Methods that some run has in a section of its record, in the order of `LABELS`."""
    found = {method for run, _, _ in runs() for method in records.value(f"{run}.{section}")}
    return [method for method in LABELS if method in found]


def scores(records: Records, *, left: float = -20.0) -> Figure:
    """Share of the real rows' R² by method, in both settings, one panel for each run.

    Parameters
    ----------
    records : Records
        The committed runs.
    left : float, default=-20
        Left end of the axis in percent. A mean farther left is written out.

    Returns
    -------
    Figure
        Means with intervals, of the learner behind the study's figure.
    """
    order = [m for m in _methods(records, "utility.replacement") if m != REAL]
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            len(EXPERIMENTS), 2, figsize=(8.2, (0.3 * len(order) + 0.75) * len(EXPERIMENTS) + 0.5),
            sharex=True, sharey=True, layout="constrained",
        )  # fmt: skip
        for run, experiment, source in runs():
            ax = axes[EXPERIMENTS.index(experiment)][list(SOURCES).index(source)]
            for y, method in enumerate(order):
                for setting, shift in (("replacement", -0.16), ("augmentation", 0.16)):
                    if records.has(f"{run}.utility.{setting}.{method}"):
                        share = records.share(run, method, setting=setting)
                        filled = setting == "replacement"
                        _point(ax, share, y + shift, COLOURS[method], filled=filled, left=left)
            ax.axvline(100, color="#000000", lw=0.8, ls=":")
            ax.axvline(0, color="#000000", lw=0.8)
            ax.set_title(f"{title(run)} ({LEARNERS[STUDY_LEARNER[experiment]]})", fontsize=10)
        axes[0][0].set_yticks(range(len(order)), [LABELS[m] for m in order])
        axes[0][0].set(ylim=(len(order) - 0.4, -0.6), xlim=(left, 115))
        for ax in axes[-1]:
            ax.set_xlabel("R², % of that of real rows")
        handles = [
            Line2D([], [], ls="", marker="o", mec="#444444", mfc=fill, label=words)
            for words, fill in zip(SETTINGS.values(), ("#444444", "white"), strict=True)
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=9)
        return close(figure)


def _point(ax: Axes, share: Measured, y: float, colour: str, *, filled: bool, left: float) -> None:
    """A mean with its interval, or an arrow with the value where it lies left of the axis."""
    if share.value < left:
        ax.plot(left + 2, y, "<", color=colour, ms=4.5)
        ax.text(left + 5, y, f"{share.value:.0f}".replace("-", "−"), va="center", fontsize=7)
        return
    low, high = share.span
    ax.plot([max(low, left), high], [y, y], color=colour, lw=1.3)
    ax.plot(share.value, y, "o", mec=colour, mfc=colour if filled else "white", ms=4.5)


def cost(records: Records) -> Figure:
    """Share of the real rows' R² against CPU time, one panel for each source.

    Parameters
    ----------
    records : Records
        The committed runs.

    Returns
    -------
    Figure
        One point for each method and experiment, synthetic rows alone. A method whose rows teach a
        model nothing (an R² of zero or less) is not shown there.
    """

    def seconds(run: str, method: str) -> Measured:
        spent = records.value(f"{run}.timings.{method}")
        return Measured(spent["fit"] + spent["sample"])

    methods = [m for m in _methods(records, "timings") if m != SECOND_SAMPLE]
    figure = _against(records, seconds, {run: methods for run, _, _ in runs()})
    for ax in figure.axes:
        ax.set(xscale="log", xlabel="CPU seconds to fit and draw")
    return figure


def leakage(records: Records) -> Figure:
    """Share of the real rows' R² against what the strongest membership attack finds.

    Parameters
    ----------
    records : Records
        The committed runs, with the record of the chapter on privacy.

    Returns
    -------
    Figure
        One point for each method and experiment, one panel for each source; 0.5 is chance. Methods
        as in `cost`.
    """

    def auc(run: str, method: str) -> Measured:
        found = records.value(f"privacy.cards.{run}.{method}.membership")
        return Measured(found["value"], found["low"], found["high"])

    cards = {run: records.value(f"privacy.cards.{run}") for run, _, _ in runs()}
    figure = _against(
        records, auc, {run: [m for m in LABELS if m in card] for run, card in cards.items()}
    )
    for ax in figure.axes:
        ax.axvline(0.5, color="#000000", lw=0.8)
        ax.set(xlabel="AUC of the strongest membership attack", xlim=(0.45, 1.02))
    return figure


def _against(
    records: Records,
    price: Callable[[str, str], Measured],
    methods: Mapping[str, Sequence[str]],
) -> Figure:
    """Share of the real rows' R² against a price, by run and method; methods of each run."""
    drawn = set()
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1, len(SOURCES), figsize=(8.2, 4.3), sharex=True, sharey=True, layout="constrained"
        )
        for run, experiment, source in runs():
            ax = axes[list(SOURCES).index(source)]
            for method in methods[run]:
                if not records.has(f"{run}.utility.replacement.{method}"):
                    continue
                share, paid = records.share(run, method), price(run, method)
                if share.value > 0:
                    low, high = share.span
                    colour = COLOURS[method]
                    ax.plot([paid.value] * 2, [max(low, 0), high], color=colour, lw=1)
                    ax.plot(paid.span, [share.value] * 2, color=colour, lw=1)
                    marker = _EXPERIMENT_MARKERS[experiment]
                    ax.plot(paid.value, share.value, marker, ms=5.5, color=colour)
                    drawn.add(method)
        for ax, words in zip(axes, SOURCES.values(), strict=True):
            ax.axhline(100, color="#000000", lw=0.8, ls=":")
            ax.set(ylim=(0, 115), title=words)
            ax.title.set_fontsize(10)
        axes[0].set_ylabel("R², % of that of real rows")
        handles = [
            Line2D([], [], ls="", marker="o", color=COLOURS[m], label=LABELS[m])
            for m in LABELS
            if m in drawn
        ]
        handles += [
            Line2D([], [], ls="", marker=marker, color="#444444", label=experiment)
            for experiment, marker in _EXPERIMENT_MARKERS.items()
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=9)
        return close(figure)


def dimension(
    records: Records, *, learner: str = "gb", kinds: Sequence[str] = ("irrelevant", "informative")
) -> Figure:
    """Share of the real rows' R² on the narrowest and the widest table of the swept dimension.

    Parameters
    ----------
    records : Records
        With the record of the chapter on SMOGN.
    learner : str, default="gb"
        Learner shown.
    kinds : sequence of str
        What the added columns are; a panel for each.

    Returns
    -------
    Figure
        A line for each arm, means with intervals.
    """
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1, len(kinds), figsize=(8.2, 3.9), sharey=True, layout="constrained", squeeze=False
        )
        for ax, kind in zip(axes[0], kinds, strict=True):
            ends = [
                records.value(f"why_smogn_fails.sweep.{kind}.{end}")
                for end in ("narrowest", "widest")
            ]
            arms = [m for m in _SWEPT if all(m in end for end in ends)]
            for shift, arm in zip(np.linspace(-0.08, 0.08, len(arms)), arms, strict=True):
                sweep = f"why_smogn_fails.sweep.{kind}"
                found = [
                    records.measured(f"{sweep}.{end}.{arm}.{learner}", of="percent")
                    for end in ("narrowest", "widest")
                ]
                at = np.arange(2) + shift
                bounds = np.array([[m.value - m.span[0], m.span[1] - m.value] for m in found]).T
                ax.errorbar(
                    at, [m.value for m in found], yerr=bounds, fmt="o-", ms=4, lw=1.2,
                    color=_SWEPT[arm][0], label=_SWEPT[arm][1],
                )  # fmt: skip
            ax.axhline(100, color="#000000", lw=0.8, ls=":")
            ax.set_xticks(range(2), [str(end["columns"]) for end in ends])
            ax.set(xlabel="columns after one-hot encoding", title=f"{kind} columns added")
            ax.set_xlim(-0.3, 1.3)
            ax.title.set_fontsize(10)
        axes[0][0].set_ylabel("R², % of that of real rows")
        handles, labels = axes[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=9)
        return close(figure)


# Arms of the sweep, with the looks that they have in their own chapter.
_SWEPT: Mapping[str, tuple[str, str]] = {
    "hybrid": (COLOURS["hybrid"], LABELS["hybrid"]),
    **{
        arm: (smogn.COLOURS[arm], smogn.LABELS[arm])
        for arm in ("interpolation", "interpolation_always", "selection", "smogn_extreme")
    },
}
