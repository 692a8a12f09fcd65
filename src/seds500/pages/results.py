"""Tables and figures that set the study's figures beside those of the committed runs.

Each function looks up the records it needs as it goes. A table is a frame of strings; a figure is
closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from seds500.comparisons import OTHER_PACKAGES, SETTINGS
from seds500.methods import SECOND_SAMPLE
from seds500.plots import (
    COLOURS,
    FLOOR,
    LABELS,
    baseline,
    legend,
    mark,
    methods_axis,
    panels,
    score,
    styled,
)
from seds500.records import (
    EXPERIMENTS,
    SOURCES,
    STUDY_LEARNER,
    Measured,
    Records,
    reported,
    runs,
    title,
)
from synthtab.evaluation.compare import REAL
from synthtab.evaluation.utility import LEARNERS

# Tables ---------------------------------------------------------------------------------------


def scores(records: Records, experiment: str, methods: Sequence[str]) -> pd.DataFrame:
    """R² on real test rows: reported, on the stand-in, and on the public table.

    Parameters
    ----------
    records : Records
        The committed runs.
    experiment : {"011", "012", "013"}
        Which.
    methods : sequence of str
        Keys of `seds500.plots.LABELS`, each a row for every setting. One that a single run lacks
        (the second sample, where rows are few) has a dash there.

    Returns
    -------
    DataFrame of str
        Scores with intervals of the learner behind the study's figure.

    Raises
    ------
    ValueError
        If the experiment or a method is unknown.
    seds500.records.store.RecordError
        If a record does not exist, or no run has a method.
    """
    _known("experiment", [experiment], EXPERIMENTS)
    _known("method", methods, LABELS)
    study = _reported(records, experiment)
    ids = {words: f"{experiment}_{source}" for source, words in SOURCES.items()}
    rows = {}
    for method in methods:
        for setting, (words, _) in SETTINGS.items():
            if method == REAL and setting != "replacement":
                continue
            held = [r for r in ids.values() if records.has(f"{r}.utility.{setting}.{method}")]
            label = LABELS[method] if method == REAL else f"{LABELS[method]}, {words}"
            rows[label] = {"reported": study.get((method, setting), "–")} | {
                # A method that no run holds is looked up all the same, and found missing.
                source: records.score(run, method, setting=setting).show(".2f")
                if run in held or not held
                else "–"
                for source, run in ids.items()
            }
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.rename_axis(index=f"{LEARNERS[STUDY_LEARNER[experiment]]} trained on")


def _reported(records: Records, experiment: str) -> dict[tuple[str, str], str]:
    """The study's figures by the method and setting that they were measured with."""
    figures = records.value(f"published.{experiment}.reported")
    found = {
        (REAL, "replacement"): reported(figures["original_r2"]),
        ("hybrid", "augmentation"): reported(figures["diffusion_r2"]),
        ("smogn_extreme", "replacement"): reported(figures.get("smogn_r2", "negative")),
    }
    if experiment == "013":
        later = records.value("published.later_013_replacement")
        found["hybrid", "replacement"] = f"{reported(later['tabddpm_style_r2'])} (later)"
        found["ctgan", "replacement"] = f"{reported(later['ctgan_r2'])} (later)"
    return found


def _by_run(
    methods: Sequence[str], cell: Callable[[str, str], str], *, heading: str = "{}"
) -> pd.DataFrame:
    """A table with a row for each run and a column for each method."""
    _known("method", methods, LABELS)
    rows = {
        title(run): {heading.format(LABELS[method]): cell(run, method) for method in methods}
        for run, _, _ in runs()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def advantages(records: Records, methods: Sequence[str]) -> pd.DataFrame:
    """R² of HybridDiffusion minus that of each method, alone, with interval and verdict.

    Parameters
    ----------
    records : Records
        The committed runs.
    methods : sequence of str
        Those to be subtracted.

    Returns
    -------
    DataFrame of str
        One row per run. The verdict is that of `synthtab.evaluation.compare.verdict` on zero.
    """

    def cell(run: str, method: str) -> str:
        learner = STUDY_LEARNER[run.partition("_")[0]]
        verdict = records.value(f"{run}.hybrid_minus.replacement.{method}.{learner}.verdict")
        return f"{records.advantage(run, method).show('+.2f')} *{verdict}*"

    return _by_run(methods, cell, heading="minus {}")


def kept(records: Records, methods: Sequence[str]) -> pd.DataFrame:
    """Share of the real rows' R² that each method's rows alone keep, in percent, with intervals.

    Parameters and result are those of `advantages`. A dash says that a method was run neither there
    nor by the benchmark of other packages.
    """

    def cell(run: str, method: str) -> str:
        learner = STUDY_LEARNER[run.partition("_")[0]]
        for name in (run, f"{OTHER_PACKAGES}.{run}"):
            if records.has(f"{name}.utility.replacement.{method}"):
                found = f"{name}.utility.replacement.{method}.{learner}.r2"
                return records.measured(found, of="percent").show(".0f")
        return "–"

    return _by_run(methods, cell)


def copies(records: Records, methods: Sequence[str]) -> pd.DataFrame:
    """Share of rows equal to one of as many training rows as test rows; in brackets, to a test row.

    Parameters and result are those of `advantages`.
    """

    def cell(run: str, method: str) -> str:
        training, test = (
            records.fidelity(run, method, f"copies_of_{what}").value for what in ("as_many", "test")
        )
        return f"{training:.1%} ({test:.1%})"

    return _by_run(methods, cell)


def times(records: Records, methods: Sequence[str]) -> pd.DataFrame:
    """CPU seconds of each method on one thread, to fit and to draw; mean over seeds.

    Parameters and result are those of `advantages`, with the number of training rows first.
    """

    def cell(run: str, method: str) -> str:
        spent = records.value(f"{run}.timings.{method}")
        return f"{_seconds(spent['fit'])} + {_seconds(spent['sample'])}"

    table = _by_run(methods, cell)
    n_train = [f"{records.value(f'{run}.dataset.n_train'):,}" for run, _, _ in runs()]
    table.insert(0, "training rows", n_train)
    return table


def literature(records: Records, table: str) -> pd.DataFrame:
    """Figures of another paper, from `published.json`.

    Parameters
    ----------
    records : Records
        Where "published" is looked up.
    table : str
        Its key in the section ``related_work``.

    Returns
    -------
    DataFrame of str
        Where the table says what its rows are relative to, each figure stands beside its share of
        that row.
    """
    found = records.value(f"published.related_work.{table}")
    base = found["rows"].get(found.get("relative_to"))
    rows = {}
    for label, figures in found["rows"].items():
        cells = [
            "–" if figure is None else f"{figure:{form}}"
            for figure, form in zip(figures, found["forms"], strict=True)
        ]
        if base and label != found["relative_to"]:
            shares = [f"{f / b:.0%}" for f, b in zip(figures, base, strict=True)]
            cells = [f"{cell} · {share}" for cell, share in zip(cells, shares, strict=True)]
        rows[label] = dict(zip(found["columns"], cells, strict=True))
    return pd.DataFrame.from_dict(rows, orient="index")


def _seconds(value: float) -> str:
    """Whole seconds from ten on; below, as many digits as a time of that size deserves."""
    if value < 0.01:
        return "<0.01"
    return f"{value:.{0 if value >= 10 else 1 if value >= 1 else 2}f}"


def _known(what: str, given: Iterable[str], known: Iterable[str]) -> None:
    if unknown := [name for name in given if name not in set(known)]:
        raise ValueError(f"unknown {what} {', '.join(unknown)}; known are {', '.join(known)}")


TABLES: Mapping[str, Callable[..., pd.DataFrame]] = {
    table.__name__: table for table in (scores, advantages, kept, copies, times, literature)
}
"""By the name that a page asks for them with."""


# Figures --------------------------------------------------------------------------------------


def _methods(records: Records, section: str) -> list[str]:
    """Methods that some run has in a section of its record, in the order of `LABELS`."""
    found = {method for run, _, _ in runs() for method in records.value(f"{run}.{section}")}
    return [method for method in LABELS if method in found]


@styled
def overview(records: Records, *, learner: str = "rf") -> Figure:
    """R² by method in replacement, one panel per run, with what the study reported.

    Parameters
    ----------
    records : Records
        The committed runs.
    learner : str, default="rf"
        Learner shown.

    Returns
    -------
    Figure
        Panels in the order of the runs, three a row. A figure left of the axis is an arrow with
        its value; crosses are the original study's figures.
    """
    order = [m for m in _methods(records, "utility.replacement") if m != "smogn_balance"]
    height = 0.3 * len(order) + 0.5
    figure, axes = panels(
        len(list(runs())), 3, 8.6 / 3, height, below=0.4, sharex=True, sharey=True
    )
    for ax, (run, experiment, source) in zip(axes, runs(), strict=True):
        for y, method in enumerate(order):
            if records.has(f"{run}.utility.replacement.{method}"):
                found = records.score(run, method, learner=learner)
                score(ax, found, y, COLOURS[method], left=FLOOR, form=".2f")
        baseline(ax, records.score(run, REAL, learner=learner).value)
        if source == "standin":  # a public table was never reported on
            for method, value in _crosses(records, experiment).items():
                ax.plot(value, order.index(method), "x", color=COLOURS[REAL], ms=6, mew=1.5)
        ax.set_title(title(run))
    for ax in axes[-3:]:
        ax.set_xlabel("R² on test rows")
    methods_axis(axes[0], order, left=FLOOR, right=1.0)
    return figure


def _crosses(records: Records, experiment: str) -> dict[str, float]:
    """The study's R² by method, where it is one number; the middle of a range."""
    figures = records.value(f"published.{experiment}.reported")
    keys = {REAL: "original_r2", "hybrid": "diffusion_r2", "smogn_extreme": "smogn_r2"}
    return {m: float(np.mean(figures[key])) for m, key in keys.items() if key in figures}


@styled
def share_figure(records: Records, *, left: float = -20.0) -> Figure:
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
    figure, axes = plt.subplots(
        len(EXPERIMENTS), 2, figsize=(8.2, (0.3 * len(order) + 0.75) * len(EXPERIMENTS) + 0.5),
        sharex=True, sharey=True, layout="constrained",
    )  # fmt: skip
    for run, experiment, source in runs():
        ax = axes[EXPERIMENTS.index(experiment)][list(SOURCES).index(source)]
        for y, method in enumerate(order):
            for setting, shift, fill in (
                ("replacement", -0.16, None),
                ("augmentation", 0.16, "white"),
            ):
                if records.has(f"{run}.utility.{setting}.{method}"):
                    share = records.share(run, method, setting=setting)
                    colour = COLOURS[method]
                    score(ax, share, y + shift, colour, left=left, form=".0f", fill=fill)
        baseline(ax)
        ax.set_title(f"{title(run)} ({LEARNERS[STUDY_LEARNER[experiment]]})")
    for ax in axes[-1]:
        ax.set_xlabel("R², % of that of real rows")
    methods_axis(axes[0][0], order, left=left, right=115)
    fills = zip(SETTINGS.values(), ({}, {"mfc": "white"}), strict=True)
    legend(figure, [mark(words, **fill) for (_, words), fill in fills], ncols=2)
    return figure


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
    figure = _against(records, seconds, lambda run: methods)
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

    def methods(run: str) -> list[str]:
        return [m for m in records.value(f"privacy.cards.{run}") if m in COLOURS]

    figure = _against(records, auc, methods)
    for ax in figure.axes:
        ax.axvline(0.5, color=COLOURS[REAL], lw=0.8)
        ax.set(xlabel="AUC of the strongest membership attack", xlim=(0.45, 1.02))
    return figure


@styled
def _against(
    records: Records,
    price: Callable[[str, str], Measured],
    methods: Callable[[str], Sequence[str]],
) -> Figure:
    """Share of the real rows' R² against a price, by run and method; methods of each run."""
    drawn = set()
    markers = dict(zip(EXPERIMENTS, "osD", strict=True))
    figure, axes = plt.subplots(
        1, len(SOURCES), figsize=(8.2, 4.3), sharex=True, sharey=True, layout="constrained"
    )
    for run, experiment, source in runs():
        ax = axes[list(SOURCES).index(source)]
        for method in sorted(methods(run), key=list(LABELS).index):
            if not records.has(f"{run}.utility.replacement.{method}"):
                continue
            share = records.share(run, method)
            if share.value > 0:
                paid, (low, high), colour = price(run, method), share.span, COLOURS[method]
                ax.plot([paid.value] * 2, [max(low, 0), high], color=colour, lw=1)
                ax.plot(paid.span, [share.value] * 2, color=colour, lw=1)
                ax.plot(paid.value, share.value, markers[experiment], ms=5.5, color=colour)
                drawn.add(method)
    for ax, words in zip(axes, SOURCES.values(), strict=True):
        baseline(ax, sideways=False)
        ax.set(ylim=(0, 115), title=words)
    axes[0].set_ylabel("R², % of that of real rows")
    handles = [mark(LABELS[m], colour=COLOURS[m]) for m in LABELS if m in drawn]
    handles += [mark(experiment, marker) for experiment, marker in markers.items()]
    legend(figure, handles, ncols=4)
    return figure


@styled
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
    ends = ("narrowest", "widest")
    figure, axes = plt.subplots(
        1, len(kinds), figsize=(8.2, 3.9), sharey=True, layout="constrained", squeeze=False
    )
    for ax, kind in zip(axes[0], kinds, strict=True):
        sweep = records.value(f"why_smogn_fails.sweep.{kind}")
        arms = [m for m in LABELS if m != REAL and all(m in sweep[end] for end in ends)]
        for shift, arm in zip(np.linspace(-0.08, 0.08, len(arms)), arms, strict=True):
            found = [Measured.of(sweep[end][arm][learner], "percent") for end in ends]
            bounds = np.array([[m.value - m.span[0], m.span[1] - m.value] for m in found]).T
            ax.errorbar(
                np.arange(2) + shift, [m.value for m in found], yerr=bounds, fmt="o-", ms=4, lw=1.2,
                color=COLOURS[arm], label=LABELS[arm],
            )  # fmt: skip
        baseline(ax, sideways=False)
        ax.set_xticks(range(2), [str(sweep[end]["columns"]) for end in ends])
        ax.set(xlabel="columns after one-hot encoding", title=f"{kind} columns added")
        ax.set_xlim(-0.3, 1.3)
    axes[0][0].set_ylabel("R², % of that of real rows")
    legend(figure)
    return figure


FIGURES: Mapping[str, Callable[[Records], Figure]] = {
    "overview": overview,
    "scores": share_figure,
    "cost": cost,
    "leakage": leakage,
    "dimension": dimension,
}
"""By the name of their file in `book/_figures`."""
