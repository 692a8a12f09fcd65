"""Tables and figures that set the study's figures beside those of the committed runs.

Each function looks up the records it needs as it goes. A table is a frame of strings; a figure is
closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seds500.comparisons import OTHER_PACKAGES, SPLITS
from seds500.methods import SECOND_SAMPLE
from seds500.plots import (
    COLOURS,
    LABELS,
    baseline,
    legend,
    mark,
    styled,
)
from seds500.records import (
    EXPERIMENTS,
    SOURCES,
    STUDY_LEARNER,
    Measured,
    Records,
    runs,
    title,
)
from seds500.records.prose import listed
from synthtab.evaluation.compare import REAL
from synthtab.evaluation.intervals import verdict

# Tables ---------------------------------------------------------------------------------------


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


def splits(records: Records, methods: Sequence[str]) -> pd.DataFrame:
    """The differences of `advantages` on twenty splits, of the methods that fit in seconds.

    Parameters and result are those of `advantages`. A dash says that a method was not run.
    """

    def cell(run: str, method: str) -> str:
        if not records.has(_minus(run, method)):
            return "–"
        found = records.measured(_minus(run, method))
        return f"{found.show('+.3f')} *{verdict(*found.span, 0)}*"

    return _by_run(methods, cell, heading="minus {}")


def splits_kept(records: Records, methods: Sequence[str]) -> pd.DataFrame:
    """Share of the real rows' R² kept on twenty splits, in percent, with intervals.

    Parameters and result are those of `splits`.
    """

    def cell(run: str, method: str) -> str:
        place = f"{SPLITS}.{run}.scores.{method}.{STUDY_LEARNER[run.partition('_')[0]]}"
        return records.measured(place, of="percent").show(".1f") if records.has(place) else "–"

    return _by_run(methods, cell)


def splits_reading(records: Records) -> str:
    """Which verdicts of `advantages` are others on twenty splits.

    Parameters
    ----------
    records : Records
        The committed runs.

    Returns
    -------
    str
        Markdown, from all methods of both records.
    """
    changed: dict[tuple[str, str], list[str]] = {}
    n_pairs = 0
    missing = []
    for run, _, _ in runs():
        if not records.has(f"{SPLITS}.{run}"):
            missing.append(title(run))
            continue
        before = records.value(f"{run}.hybrid_minus.replacement")
        for method in records.value(f"{SPLITS}.{run}.hybrid_minus"):
            if method not in before:
                continue
            n_pairs += 1
            old = before[method][STUDY_LEARNER[run.partition("_")[0]]]["verdict"]
            new = verdict(*records.measured(_minus(run, method)).span, 0)
            if new != old:
                words = f"{LABELS[method]} ({title(run)})"
                changed.setdefault((old, new), []).append(words)
    left_out = f" Not run: {'; '.join(missing)}." if missing else ""
    if not changed:
        return f"All {n_pairs} verdicts are those of five splits.{left_out}"
    n_changed = sum(map(len, changed.values()))
    moves = [
        f"from *{old}* to *{new}* for {listed(where)}" for (old, new), where in changed.items()
    ]
    differ = "differs from that" if n_changed == 1 else "differ from those"
    told = f"Of {n_pairs} verdicts, {n_changed} {differ} of five splits: {'; '.join(moves)}."
    return told + left_out


def _minus(run: str, method: str) -> str:
    """Where the record of twenty splits has HybridDiffusion minus a method."""
    return f"{SPLITS}.{run}.hybrid_minus.{method}.{STUDY_LEARNER[run.partition('_')[0]]}"


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
    table.__name__: table
    for table in (advantages, splits, splits_kept, kept, copies, times, literature)
}
"""By the name that a page asks for them with."""


# Figures --------------------------------------------------------------------------------------


def _methods(records: Records, section: str) -> list[str]:
    """Methods that some run has in a section of its record, in the order of `LABELS`."""
    found = {method for run, _, _ in runs() for method in records.value(f"{run}.{section}")}
    return [method for method in LABELS if method in found]


def cost(records: Records, *, narrow: bool = False) -> Figure:
    """Share of the real rows' R² against CPU time, one panel for each source.

    Parameters
    ----------
    records : Records
        The committed runs.
    narrow : bool, default=False
        Whether panels lie below each other, for the width of a phone.

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
    figure = _against(records, seconds, lambda run: methods, narrow=narrow)
    for ax in figure.axes:
        ax.set(xscale="log", xlabel="CPU seconds to fit and draw")
    return figure


def leakage(records: Records, *, narrow: bool = False) -> Figure:
    """Share of the real rows' R² against what the strongest membership attack finds.

    Parameters
    ----------
    records : Records
        The committed runs, with the record of the chapter on privacy.
    narrow : bool, default=False
        As for `cost`.

    Returns
    -------
    Figure
        One point for each method and experiment, one panel for each source; 0.5 is chance. Methods
        as in `cost`; a run whose card is void has no point.
    """

    def auc(run: str, method: str) -> Measured:
        found = records.value(f"privacy.cards.{run}.{method}.membership")
        return Measured.of(found, "value")

    def methods(run: str) -> list[str]:
        cards = records.value(f"privacy.cards.{run}")
        return [] if cards["void"] else [m for m in cards if m in COLOURS]

    figure = _against(records, auc, methods, narrow=narrow)
    for ax in figure.axes:
        ax.axvline(0.5, color=COLOURS[REAL], lw=0.8)
        ax.set(xlabel="AUC of the strongest membership attack", xlim=(0.45, 1.02))
    return figure


@styled
def _against(
    records: Records,
    price: Callable[[str, str], Measured],
    methods: Callable[[str], Sequence[str]],
    *,
    narrow: bool,
) -> Figure:
    """Share of the real rows' R² against a price, by run and method; methods of each run."""
    drawn = set()
    markers = dict(zip(EXPERIMENTS, "osD", strict=True))
    figure, axes = _panels(len(SOURCES), narrow=narrow, sharex=True)
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
    handles = [mark(LABELS[m], colour=COLOURS[m]) for m in LABELS if m in drawn]
    handles += [mark(experiment, marker) for experiment, marker in markers.items()]
    legend(figure, handles, ncols=2 if narrow else 4)
    return figure


def _panels(n: int, *, narrow: bool, **settings: Any) -> tuple[Figure, Sequence[Axes]]:
    """Panels of shares of R², beside each other, or below each other where a page is narrow."""
    shape, size = ((n, 1), (4.2, 3.4 * n + 1.2)) if narrow else ((1, n), (4.1 * n, 4.2))
    figure, axes = plt.subplots(
        *shape, figsize=size, sharey=True, squeeze=False, layout="constrained", **settings
    )
    for ax in axes[:, 0]:
        ax.set_ylabel("R², % of that of real rows")
    return figure, axes.ravel().tolist()


@styled
def dimension(
    records: Records,
    *,
    learner: str = "gb",
    kinds: Sequence[str] = ("irrelevant", "informative"),
    narrow: bool = False,
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
    narrow : bool, default=False
        As for `cost`.

    Returns
    -------
    Figure
        A line for each arm, means with intervals.
    """
    ends = ("narrowest", "widest")
    figure, axes = _panels(len(kinds), narrow=narrow)
    for ax, kind in zip(axes, kinds, strict=True):
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
    legend(figure, ncols=1 if narrow else 3)
    return figure


def _narrow(draw: Callable[..., Figure]) -> Callable[[Records], Figure]:
    @wraps(draw)
    def drawn(records: Records) -> Figure:
        return draw(records, narrow=True)

    return drawn


FIGURES: Mapping[str, Callable[[Records], Figure]] = {
    draw.__name__ + ending: shape(draw)
    for draw in (cost, leakage, dimension)
    for ending, shape in (("", lambda draw: draw), ("_narrow", _narrow))
}
"""By the name of their file in `book/_figures`; each is drawn a second time, for a phone."""
