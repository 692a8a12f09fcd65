"""Figures of the report: one look, one colour per method.

Every function returns a closed figure, which a notebook shows once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from seds500.data.standins import published
from seds500.methods import LABELS
from synthtab.evaluation.compare import REAL
from synthtab.evaluation.fidelity import association
from synthtab.evaluation.utility import LEARNERS
from synthtab.table.schema import Schema

# Okabe & Ito (2008): told apart by readers with any common colour vision.
COLOURS: Mapping[str, str] = {
    REAL: "#000000",
    "second_sample": "#666666",
    "hybrid": "#0072B2",
    "tabddpm": "#332288",
    "smogn_balance": "#E69F00",
    "smogn_extreme": "#D55E00",
    "smogn_extreme_synthetic": "#882255",
    "interpolation": "#009E73",
    "noise_copy": "#CC79A7",
    "bootstrap": "#56B4E9",
    "marginals": "#999999",
}

_MARKERS = "osvD^"
_FLOOR = -0.5  # scores below are written out; they would press all others together

STYLE: Any = {
    "figure.dpi": 110,
    "savefig.dpi": 110,
    "figure.facecolor": "white",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "axes.axisbelow": True,
    "legend.frameon": False,
}


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
    figure, axes = _grid(len(schema.columns), width=3.4, height=2.6)
    with plt.rc_context(STYLE):
        for ax, column in zip(axes, schema.columns, strict=False):
            if column in schema.categorical:
                _shares(ax, tables, column)
            else:
                _histograms(ax, tables, column)
            ax.set_xlabel(column)
        axes[0].set_ylabel("share of rows")
        return _finish(figure, axes, tables)


def against_target(tables: Mapping[str, pd.DataFrame], column: str, target: str) -> Figure:
    """Scatter of a numerical column and the target, one panel per table, on common axes."""
    with plt.rc_context(STYLE):
        n = len(tables)
        figure, axes = plt.subplots(
            1, n, figsize=(2.7 * n, 2.8), sharex=True, sharey=True, squeeze=False
        )
        for ax, (method, table) in zip(axes[0], tables.items(), strict=True):
            shown = table.iloc[:2000]
            ax.scatter(shown[column], shown[target], s=4, alpha=0.35, lw=0, color=COLOURS[method])
            ax.set_title(LABELS[method], fontsize=10)
            ax.set_xlabel(column)
        real = tables[REAL]
        axes[0][0].set(ylabel=target, xlim=_limits(real[column]), ylim=_limits(real[target]))
        return close(figure)


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
    with plt.rc_context(STYLE):
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
        return close(figure)


def widest_category(schema: Schema) -> str:
    """The categorical feature with most categories; the first feature if there is none."""
    sizes = {c: len(schema.categorical[c]) for c in schema.features if c in schema.categorical}
    return max(sizes, key=sizes.__getitem__) if sizes else schema.features[0]


def association_differences(tables: Mapping[str, pd.DataFrame], schema: Schema) -> Figure:
    """Association matrix of each synthetic table minus that of the real one."""
    reference = association(tables[REAL], schema)
    others = [m for m in tables if m != REAL]
    with plt.rc_context(STYLE):
        size = 1.1 + 0.42 * len(schema.columns)
        figure, axes = plt.subplots(
            1, len(others), figsize=(size * len(others) + 1.2, size + 0.6), squeeze=False,
            sharey=True, layout="constrained",
        )  # fmt: skip
        for ax, method in zip(axes[0], others, strict=True):
            gap = association(tables[method], schema) - reference
            sns.heatmap(
                gap, ax=ax, vmin=-0.5, vmax=0.5, cmap="PuOr", annot=len(schema.columns) <= 4,
                fmt=".2f", square=True, cbar=ax is axes[0][-1],
                cbar_kws={"label": "difference", "shrink": 0.8},
            )  # fmt: skip
            ax.set_title(LABELS[method], fontsize=10)
            ax.tick_params(axis="x", rotation=90)
        return close(figure)


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
    order = [m for m in LABELS if m in set(summary.method)]
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1, len(settings), figsize=(3.6 * len(settings) + 2.2, 0.46 * len(order) + 1.2),
            sharex=True, sharey=True, squeeze=False, layout="constrained",
        )  # fmt: skip
        for ax, setting in zip(axes[0], settings, strict=True):
            part = summary[summary.setting == setting]
            for row in part.to_dict("records"):
                at = learners.index(row["learner"])
                y = order.index(row["method"]) + 0.22 * (at - (len(learners) - 1) / 2)
                _score(ax, y, row, COLOURS[row["method"]], marker=_MARKERS[at])
            _lines(ax, part[part.method == REAL]["mean"].max())
            ax.set_title(setting, fontsize=10)
            ax.set_xlabel("R² on test rows")
        _methods_axis(axes[0][0], order)
        handles = [
            Line2D([], [], ls="", marker=_MARKERS[i], color="#444444", label=LEARNERS[k])
            for i, k in enumerate(learners)
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=9)
        return close(figure)


def overview(records: Mapping[str, Mapping[str, Any]], *, learner: str = "rf") -> Figure:
    """R² by method in replacement, one panel per run, with what the study reported.

    Parameters
    ----------
    records : mapping of str to record
        Stored records by id; ``<experiment>_<source>``.
    learner : str, default="rf"
        Learner shown.

    Returns
    -------
    Figure
        Panels in the order of the records, three a row. A figure left of the axis is an arrow with
        its value; crosses are the original study's figures.
    """
    order = [m for m in LABELS if m != "smogn_balance"]
    with plt.rc_context(STYLE):
        rows = -(-len(records) // 3)
        figure, axes = plt.subplots(
            rows, 3, figsize=(8.6, (0.3 * len(order) + 0.5) * rows + 0.4), sharex=True,
            sharey=True, squeeze=False, layout="constrained",
        )  # fmt: skip
        for ax, (name, record) in zip(axes.flat, records.items(), strict=False):
            utility = record["values"]["utility"]["replacement"]
            for method in set(order) & set(utility):
                score = utility[method][learner]["r2"]
                _score(ax, order.index(method), score, COLOURS[method])
            _lines(ax, utility[REAL][learner]["r2"]["mean"])
            experiment, _, source = name.partition("_")
            if source == "standin":  # a public table was never reported on
                for method, value in _reported(experiment).items():
                    ax.plot(value, order.index(method), "x", color="#000000", ms=6, mew=1.5)
            kind = "stand-in" if source == "standin" else "public table"
            ax.set_title(f"{experiment}, {kind}", fontsize=10)
        for ax in axes[-1]:
            ax.set_xlabel("R² on test rows")
        _methods_axis(axes[0][0], order)
        return close(figure)


def _reported(experiment: str) -> dict[str, float]:
    """The study's R² by method, where it is one number; the middle of a range."""
    figures = published(experiment)["reported"]
    known = {
        REAL: figures["original_r2"],
        "hybrid": figures["diffusion_r2"],
        "smogn_extreme": figures.get("smogn_r2"),
    }
    return {m: float(np.mean(v)) for m, v in known.items() if v is not None}


def _score(ax: Axes, y: float, row: Mapping[Any, Any], colour: str, *, marker: str = "o") -> None:
    """A mean with its interval, or an arrow with the value where it lies left of the axis."""
    mean = row["mean"]
    if mean < _FLOOR:
        ax.plot(_FLOOR + 0.03, y, "<", color=colour, ms=5)
        text = f"{mean:.2f}".replace("-", "−")
        ax.text(_FLOOR + 0.08, y, text, va="center", fontsize=7)
        return
    low, high = row.get("low", mean), row.get("high", mean)
    ax.plot([max(low, _FLOOR), high], [y, y], color=colour, lw=1.4)
    ax.plot(mean, y, marker, color=colour, ms=4.5)


def _lines(ax: Axes, baseline: float) -> None:
    ax.axvline(baseline, color="#000000", lw=0.8, ls=":")
    ax.axvline(0, color="#000000", lw=0.8)


def _methods_axis(ax: Axes, order: Sequence[str]) -> None:
    ax.set_yticks(range(len(order)), [LABELS[m] for m in order])
    ax.set(ylim=(len(order) - 0.4, -0.6), xlim=(_FLOOR, 1.0))


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


def _grid(n: int, *, width: float, height: float) -> tuple[Figure, list[Axes]]:
    columns = min(n, 3)
    rows = -(-n // columns)
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            rows, columns, figsize=(width * columns, height * rows), squeeze=False,
            layout="constrained",
        )  # fmt: skip
    flat = list(axes.flat)
    for ax in flat[n:]:
        ax.set_visible(False)
    return figure, flat


def _finish(figure: Figure, axes: Sequence[Axes], tables: Mapping[str, Any]) -> Figure:
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=min(len(tables), 4), fontsize=9
    )
    return close(figure)


def close(figure: Figure) -> Figure:
    """The figure, closed: one that stays open is shown a second time by the inline backend."""
    plt.close(figure)
    return figure
