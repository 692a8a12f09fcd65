"""Figures of the report: one look, one name and colour for each method, and what figures share.

Every function that draws returns a closed figure, which a notebook shows once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, ParamSpec

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from seds500.methods import METHOD_LABELS
from seds500.records import Measured
from synthtab.attacks.controls import CONTROLS
from synthtab.evaluation.compare import REAL
from synthtab.evaluation.fidelity import association
from synthtab.evaluation.utility import LEARNERS
from synthtab.table.schema import Schema

P = ParamSpec("P")

LABELS: Mapping[str, str] = {
    **METHOD_LABELS,
    "gaussian_copula": "Gaussian copula",
    "ctgan": "CTGAN",
    "tvae": "TVAE",
    "arf": "adversarial random forest",
    "argn": "TabularARGN",
    "aim": "AIM",
    "mst": "MST",
    "interpolation_always": "interpolation, never noise",
    "fewer_rows": "as few rows, drawn evenly",
    "weighted": "SMOGN, weighted back",
    "selection": "selection only, exact copies",
    "random_categories": "SMOGN, categories at random",
    "raw_units": "SMOGN, raw units, numbers only",
    "raw_synthetic": "categories at random, synthetic rows only",
    "expected": "expected from selection",
    **CONTROLS,
}
"""What methods, arms and controls are called on every page, in the order of a comparison."""

# Okabe & Ito (2008): told apart by readers with any common colour vision.
BLACK, GREY, LIGHT = "#000000", "#444444", "#999999"
BLUE, SKY, GREEN, ORANGE, RED = "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00"
PALETTE = (RED, SKY, BLUE, GREEN, ORANGE)
COLOURS: Mapping[str, str] = {
    REAL: BLACK,
    "second_sample": "#666666",
    "hybrid": BLUE,
    "gaussian": "#999933",
    "tabddpm": "#332288",
    "tabsyn": "#44AA99",
    "stasy": "#AA4499",
    "tabdiff": "#117733",
    "smogn_balance": ORANGE,
    "smogn_extreme": RED,
    "smogn_extreme_synthetic": "#882255",
    "interpolation": GREEN,
    "noise_copy": "#CC79A7",
    "bootstrap": SKY,
    "marginals": LIGHT,
    "aim": GREEN,
    "mst": RED,
    "interpolation_always": SKY,
    "fewer_rows": "#666666",
    "weighted": BLUE,
    "selection": "#882255",
    "random_categories": LIGHT,
    "expected": BLACK,
}
"""A colour for each method; arms of a chapter have those of methods that it does not show."""

MARKERS: Mapping[str, str] = dict(zip(LEARNERS, "osvD^", strict=True))
"""A marker for each learner."""

FLOOR = -0.5  # scores below are written out; they would press all others together

STYLE: Any = {
    "figure.dpi": 110,
    "savefig.dpi": 110,
    "figure.facecolor": "white",
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 9,
}


# What figures share ---------------------------------------------------------------------------


def close(figure: Figure) -> Figure:
    """The figure, closed: one that stays open is shown a second time by the inline backend."""
    plt.close(figure)
    return figure


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Let a function draw in the report's style, and close its figure."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with plt.rc_context(STYLE):
            return close(draw(*args, **kwargs))

    return drawn


def panels(
    n: int, columns: int, width: float, height: float, *, below: float = 0.0, **settings: Any
) -> tuple[Figure, list[Axes]]:
    """A figure of `n` panels of a size, at most so many a row, with room below for a legend."""
    columns = min(n, columns)
    rows = -(-n // columns)
    size = (width * columns, height * rows + below)
    figure, axes = plt.subplots(
        rows, columns, figsize=size, squeeze=False, layout="constrained", **settings
    )
    for ax in axes.flat[n:]:
        ax.set_visible(False)
    return figure, list(axes.flat[:n])


def legend(figure: Figure, handles: Sequence[Any] = (), *, ncols: int = 3) -> None:
    """A legend below the panels: of the handles, or of what the first panel shows."""
    shown = handles or figure.axes[0].get_legend_handles_labels()[0]
    figure.legend(handles=shown, loc="outside lower center", ncols=ncols)


def mark(label: str, marker: str = "o", colour: str = GREY, **looks: Any) -> Line2D:
    """An entry of a legend: a marker with its meaning."""
    return Line2D([], [], ls="", marker=marker, color=colour, label=label, **looks)


def baseline(ax: Axes, real: float = 100.0, *, sideways: bool = True) -> None:
    """Lines at what real rows teach, dotted, and at nothing; across the axis of the scores."""
    line = ax.axvline if sideways else ax.axhline
    line(real, color=BLACK, lw=0.8, ls=":")
    if sideways:
        line(0, color=BLACK, lw=0.8)


def score(
    ax: Axes,
    found: Measured,
    y: float,
    colour: str,
    *,
    left: float,
    form: str,
    marker: str = "o",
    fill: str | None = None,
) -> None:
    """A value with its interval, or an arrow with the value where it lies left of the axis."""
    if found.value < left:
        edge = ax.get_yaxis_transform()  # from 0 at the left to 1
        ax.plot(0.02, y, "<", color=colour, ms=4.5, transform=edge)
        text = found._replace(low=None).show(form)
        ax.text(0.05, y, text, va="center", fontsize=8, transform=edge)
        return
    low, high = found.span
    ax.plot([max(low, left), high], [y, y], color=colour, lw=1.4)
    ax.plot(found.value, y, marker, mec=colour, mfc=fill or colour, ms=4.5)


def methods_axis(ax: Axes, order: Sequence[str], *, left: float, right: float) -> None:
    """Methods by name from the top down, and the ends of the axis of the scores."""
    ax.set_yticks(range(len(order)), [LABELS[m] for m in order])
    ax.set(ylim=(len(order) - 0.4, -0.6), xlim=(left, right))


# What an experiment's page shows --------------------------------------------------------------


@styled
def marginals(tables: Mapping[str, pd.DataFrame], schema: Schema) -> Figure:
    """Distribution of each column in several tables: real rows first.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Tables of one schema by method key; ``real`` among them.
    schema : Schema
        Their description.

    Returns
    -------
    Figure
        One panel per column: step histograms of numbers, shares of categories.
    """
    figure, axes = panels(len(schema.columns), 3, 3.4, 2.6)
    for ax, column in zip(axes, schema.columns, strict=True):
        (_shares if column in schema.categorical else _histograms)(ax, tables, column)
        ax.set_xlabel(column)
    axes[0].set_ylabel("share of rows")
    legend(figure, ncols=min(len(tables), 4))
    return figure


@styled
def against_target(tables: Mapping[str, pd.DataFrame], column: str, target: str) -> Figure:
    """Scatter of a numerical column and the target, one panel per table, on common axes."""
    n = len(tables)
    figure, axes = plt.subplots(
        1, n, figsize=(2.7 * n, 2.8), sharex=True, sharey=True, squeeze=False
    )
    for ax, (method, table) in zip(axes[0], tables.items(), strict=True):
        shown = table.iloc[:2000]
        ax.scatter(shown[column], shown[target], s=4, alpha=0.35, lw=0, color=COLOURS[method])
        ax.set(title=LABELS[method], xlabel=column)
    real = tables[REAL]
    axes[0][0].set(ylabel=target, xlim=_limits(real[column]), ylim=_limits(real[target]))
    return figure


@styled
def target_by_group(
    tables: Mapping[str, pd.DataFrame], column: str, target: str, *, n_groups: int = 10
) -> Figure:
    """Mean target in each group of a column, one point per table.

    Groups are the most frequent categories, in the order of the real means, or equal-count bands
    of a numerical column.
    """
    real = tables[REAL]
    numeric = pd.api.types.is_numeric_dtype(real[column])
    shares = np.linspace(0, 1, n_groups + 1)
    edges = np.unique(np.quantile(real[column], shares)) if numeric else np.empty(0)

    def means(table: pd.DataFrame) -> pd.Series[Any]:
        groups = table[column]
        if numeric:
            position = np.searchsorted(edges, groups, side="right").clip(1, len(edges) - 1)
            groups = pd.Series(edges[position - 1], index=table.index)
        return table.groupby(groups)[target].mean()

    order = means(real).sort_index().index
    if not numeric:
        frequent = real[column].value_counts().index[:n_groups]
        order = means(real).loc[frequent].sort_values().index
    figure, ax = plt.subplots(figsize=(7.5, 3.2), layout="constrained")
    spread = np.linspace(-0.24, 0.24, len(tables))
    for offset, (method, table) in zip(spread, tables.items(), strict=True):
        ax.plot(
            np.arange(len(order)) + offset, means(table).reindex(order), "o", ms=5,
            color=COLOURS[method], label=LABELS[method],
        )  # fmt: skip
    ax.set_xticks(range(len(order)), [f"{g:g}" if numeric else str(g) for g in order])
    ax.set_xlabel(f"{column}, from" if numeric else column)
    ax.set_ylabel(f"mean {target}")
    ax.grid(axis="x", visible=False)
    ax.legend(loc="upper left", fontsize=8)
    return figure


def widest_category(schema: Schema) -> str:
    """The categorical feature with most categories; the first feature if there is none."""
    sizes = {c: len(schema.categorical[c]) for c in schema.features if c in schema.categorical}
    return max(sizes, key=sizes.__getitem__) if sizes else schema.features[0]


@styled
def association_differences(tables: Mapping[str, pd.DataFrame], schema: Schema) -> Figure:
    """Association matrix of each synthetic table minus that of the real one."""
    reference = association(tables[REAL], schema)
    others = [m for m in tables if m != REAL]
    # As wide as a page, so that the names of the columns are read at their size.
    figure, axes = plt.subplots(
        1, len(others), figsize=(8.6, 8.6 / (len(others) + 1) + 1.7), squeeze=False,
        sharey=True, layout="constrained",
    )  # fmt: skip
    for ax, method in zip(axes[0], others, strict=True):
        gap = association(tables[method], schema) - reference
        sns.heatmap(
            gap, ax=ax, vmin=-0.5, vmax=0.5, cmap="PuOr", annot=len(schema.columns) <= 4,
            fmt=".2f", square=True, cbar=ax is axes[0][-1],
            cbar_kws={"label": "difference", "shrink": 0.8},
        )  # fmt: skip
        ax.set_title(LABELS[method])
        ax.tick_params(axis="x", rotation=90)
    return figure


@styled
def utility(summary: pd.DataFrame) -> Figure:
    """R² of each method and learner with its interval, one panel per setting.

    Parameters
    ----------
    summary : DataFrame
        As `synthtab.evaluation.compare.summarise` returns it.

    Returns
    -------
    Figure
        The dotted line is the best learner trained on real rows; a score left of the axis is an
        arrow with its value.
    """
    settings = summary.setting.unique().tolist()
    learners = summary.learner.unique().tolist()
    markers = dict(zip(learners, MARKERS.values(), strict=False))
    order = [m for m in LABELS if m in set(summary.method)]
    figure, axes = plt.subplots(
        1, len(settings), figsize=(3.6 * len(settings) + 2.2, 0.46 * len(order) + 1.2),
        sharex=True, sharey=True, squeeze=False, layout="constrained",
    )  # fmt: skip
    for ax, setting in zip(axes[0], settings, strict=True):
        part = summary[summary.setting == setting]
        for row in part.to_dict("records"):
            at = learners.index(row["learner"])
            y = order.index(row["method"]) + 0.22 * (at - (len(learners) - 1) / 2)
            colour, marker = COLOURS[row["method"]], markers[row["learner"]]
            score(ax, Measured.of(row), y, colour, left=FLOOR, form=".2f", marker=marker)
        baseline(ax, part[part.method == REAL]["mean"].max())
        ax.set(title=setting, xlabel="R² on test rows")
    methods_axis(axes[0][0], order, left=FLOOR, right=1.0)
    legend(figure, [mark(LEARNERS[k], m) for k, m in markers.items()], ncols=len(markers))
    return figure


def _shares(ax: Axes, tables: Mapping[str, pd.DataFrame], column: str) -> None:
    """Shares of the categories that real rows have, most frequent first."""
    categories = tables[REAL][column].value_counts().index
    width = 0.8 / len(tables)
    for i, (method, table) in enumerate(tables.items()):
        share = table[column].value_counts(normalize=True).reindex(categories, fill_value=0.0)
        at = np.arange(len(categories)) + (i - (len(tables) - 1) / 2) * width
        ax.bar(at, share, width, color=COLOURS[method], label=LABELS[method])
    ax.set_xticks(range(len(categories)), [str(c) for c in categories])
    ax.grid(axis="x", visible=False)
    if sum(len(str(c)) for c in categories) > 24:
        ax.tick_params(axis="x", rotation=90, labelsize=8)


def _histograms(ax: Axes, tables: Mapping[str, pd.DataFrame], column: str) -> None:
    low, high = _limits(tables[REAL][column])
    bins = np.linspace(low, high, 31).tolist()
    for method, table in tables.items():
        share = np.full(len(table), 1 / len(table))
        ax.hist(
            table[column], bins=bins, weights=share, histtype="step", lw=1.5,
            color=COLOURS[method], label=LABELS[method],
        )  # fmt: skip


def _limits(values: pd.Series[Any]) -> tuple[float, float]:
    """Range of a column without its outermost thousandths, a little widened."""
    low, high = np.quantile(values, [0.001, 0.999])
    margin = 0.04 * (high - low) or 0.5
    return float(low - margin), float(high + margin)
