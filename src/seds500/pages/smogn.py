"""What the chapter on SMOGN shows: its arms, tables, verdicts and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from seds500.arms.smogn import FewerRows, NumericOnly, Selection, Weighted
from seds500.data import StudyTable
from seds500.pages.experiment import numbers_of, with_bounds
from seds500.plots import STYLE, close
from synthtab.evaluation.compare import REAL, Comparison, paired_difference, summarise
from synthtab.evaluation.intervals import interval
from synthtab.evaluation.utility import LEARNERS
from synthtab.generators.contract import Generator
from synthtab.generators.reference import Interpolation, NoiseCopy
from synthtab.smogn.resample import SMOGNSynthesizer

LABELS: Mapping[str, str] = {
    REAL: "training rows",
    "interpolation": "interpolation alone",
    "interpolation_always": "interpolation, never noise",
    "fewer_rows": "as few rows, drawn evenly",
    "weighted": "SMOGN, weighted back",
    "smogn_balance": "SMOGN, balance",
    "selection": "selection alone, exact copies",
    "smogn_extreme": "SMOGN, extreme",
    "random_categories": "SMOGN, categories at random",
    "smogn_extreme_synthetic": "SMOGN, synthetic rows alone",
    "noise_copy": "noise copy",
    "raw_units": "SMOGN, raw units, numbers only",
    "raw_synthetic": "categories at random, synthetic rows alone",
    "expected": "expected from selection",
}
"""What the arms are called on the page."""

# Okabe & Ito (2008): told apart by readers with any common colour vision.
COLOURS: Mapping[str, str] = {
    REAL: "#000000",
    "interpolation": "#009E73",
    "interpolation_always": "#56B4E9",
    "fewer_rows": "#666666",
    "weighted": "#0072B2",
    "smogn_balance": "#E69F00",
    "selection": "#882255",
    "smogn_extreme": "#D55E00",
    "random_categories": "#999999",
    "smogn_extreme_synthetic": "#999999",
    "noise_copy": "#CC79A7",
    "raw_units": "#999999",
    "raw_synthetic": "#999999",
    "expected": "#000000",
}

_STUDY = ("raw_units", "raw_synthetic")  # arms for the published figures only

# The study's procedure, one ingredient more in each line.
INGREDIENTS: Mapping[str, str] = {
    REAL: "training rows",
    "smogn_balance": "SMOGN as in its paper",
    "smogn_extreme": "+ extreme",
    "raw_units": "+ numbers only, distances in raw units",
    "random_categories": "+ categories at random",
    "raw_synthetic": "+ synthetic rows alone",
}

_MARKERS = dict(zip(LEARNERS, "osvD^", strict=True))
_LEFT = -60  # percent of the baseline; means below would press all others together


# Arms ---------------------------------------------------------------------------------------


def arms(dataset: StudyTable, *, k: int = 5) -> dict[str, Generator]:
    """Generators that hold one ingredient of SMOGN each, by their keys in `LABELS`.

    Parameters
    ----------
    dataset : StudyTable
        The table. Without categorical features there is nothing to draw at random. The steps of
        `INGREDIENTS` are among the arms of a stand-in: only there are figures to set beside them.
    k : int, default=5
        Neighbours of SMOGN and of the interpolation.

    Returns
    -------
    dict of str to Generator
    """
    found: dict[str, Generator] = {
        "interpolation": Interpolation(k=k),
        "fewer_rows": FewerRows(),
        "weighted": Weighted(k=k),
        "smogn_balance": SMOGNSynthesizer(samp_method="balance", k=k),
        "selection": Selection(),
        "smogn_extreme": SMOGNSynthesizer(k=k),
        "random_categories": NumericOnly(k=k),
        "smogn_extreme_synthetic": SMOGNSynthesizer(part="synthetic", k=k),
        "noise_copy": NoiseCopy(),
    }
    if not dataset.schema.categorical:
        del found["random_categories"]
    if dataset.card.is_standin:
        found["raw_units"] = NumericOnly(categories="seed", k=k)
        found["raw_synthetic"] = NumericOnly(part="synthetic", k=k)
    return found


# Tables -------------------------------------------------------------------------------------


def best_learner(comparison: Comparison) -> str:
    """The learner that scores best when trained on real rows."""
    rows = summarise(comparison)
    return str(rows[rows.method == REAL].set_index("learner")["mean"].idxmax())


def title(dataset: StudyTable) -> str:
    """Experiment and kind of table, for headings and figures."""
    return f"{dataset.name}, {'stand-in' if dataset.card.is_standin else 'public table'}"


def arms_table(comparisons: Mapping[str, Comparison], titles: Mapping[str, str]) -> pd.DataFrame:
    """R² of each arm on each table with its interval, for the table's best learner."""
    columns = {}
    for name, comparison in comparisons.items():
        learner = best_learner(comparison)
        rows = summarise(comparison).query("learner == @learner").set_index("method")
        columns[f"{titles[name]} ({LEARNERS[learner]})"] = {
            LABELS[m]: with_bounds(rows.loc[m].to_dict())
            for m in LABELS
            if m in rows.index and m not in _STUDY
        }
    table = pd.DataFrame(columns).fillna("")
    table = table.reindex([label for label in LABELS.values() if label in table.index])
    table.index.name = "trained on"
    return table


def change(comparison: Comparison, first: str, second: str) -> pd.DataFrame:
    """R² of one arm minus that of another, paired by split, in percent of the baseline.

    Returns
    -------
    DataFrame
        learner, mean, low, high, and ``percent``: the mean over that of the baseline.
    """
    found = paired_difference(comparison, first).query("method == @second")
    rows = summarise(comparison)
    baseline = rows[rows.method == REAL].set_index("learner")["mean"]
    percent = 100 * found["mean"] / found.learner.map(baseline)
    return found.assign(percent=percent)[["learner", "mean", "low", "high", "percent"]]


# The claims that the chapter ends with: key, words, and the two arms compared.
CLAIMS: tuple[tuple[str, str, str, str], ...] = (
    ("smogn", "SMOGN (extreme) costs score", "smogn_extreme", REAL),
    ("selection", "its selection alone costs score", "selection", REAL),
    ("interpolation", "its interpolation alone costs score", "interpolation", REAL),
    (
        "interpolation_in_smogn",
        "with that selection, interpolating costs more than copying",
        "smogn_extreme",
        "selection",
    ),
    ("fewer_rows", "as few rows, drawn evenly, cost score", "fewer_rows", REAL),
    ("weighted", "SMOGN weighted back costs score", "weighted", REAL),
    (
        "weighted_and_fewer_rows",
        "weighted back, it costs more than as few rows drawn evenly",
        "weighted",
        "fewer_rows",
    ),
    (
        "weighting_undoes",
        "without the weights it costs more than with them",
        "smogn_extreme",
        "weighted",
    ),
    (
        "random_categories",
        "random categories cost more than SMOGN alone",
        "random_categories",
        "smogn_extreme",
    ),
    (
        "synthetic_rows",
        "synthetic rows alone cost more than all of the output",
        "smogn_extreme_synthetic",
        "smogn_extreme",
    ),
    ("noise_copy", "a noise copy costs score", "noise_copy", REAL),
)


def verdicts(comparisons: Mapping[str, Comparison]) -> pd.DataFrame:
    """Each claim of `CLAIMS` against the paired differences of all tables and learners.

    Parameters
    ----------
    comparisons : mapping of str to Comparison
        One for each table, with the arms of `arms`.

    Returns
    -------
    DataFrame with a row for each claim
        ``claim``; ``n`` pairs of table and learner in which both arms exist; ``lower``, ``apart``
        and ``higher``, how often the first arm's score is below the second's, not told apart
        from it, or above it (the interval of the paired difference lies below zero, holds it, or
        lies above it); ``worst`` and ``best``, the smallest and largest mean difference in
        percent of the baseline; ``verdict``: "yes" if lower in every pair, "mostly" in more than
        half, "partly" in some, "no" in none.

    Raises
    ------
    ValueError
        If there is one seed only, and so no interval to decide by.
    """
    if any(c.scores.seed.nunique() < 2 for c in comparisons.values()):
        raise ValueError("verdicts need intervals: compare on two seeds or more")
    rows = {}
    for key, words, first, second in CLAIMS:
        pairs = pd.concat(
            [
                change(c, first, second)
                for c in comparisons.values()
                if {first, second} <= set(c.scores.method)
            ]
        )
        n, lower, higher = len(pairs), int((pairs.high < 0).sum()), int((pairs.low > 0).sum())
        verdict = "no"
        if lower:
            verdict = "yes" if lower == n else "mostly" if 2 * lower > n else "partly"
        rows[key] = {
            "claim": words,
            "n": n,
            "lower": lower,
            "apart": n - lower - higher,
            "higher": higher,
            "worst": float(pairs.percent.min()),
            "best": float(pairs.percent.max()),
            "verdict": verdict,
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def verdict_table(found: pd.DataFrame) -> pd.DataFrame:
    """`verdicts` for the reader."""
    spread = [f"{w:+.0f} to {b:+.0f} %" for w, b in zip(found.worst, found.best, strict=True)]
    table = found.assign(spread=[s.replace("-", "−") for s in spread]).set_index("claim")
    return table[["verdict", "lower", "apart", "higher", "n", "spread"]].rename(
        columns={
            "apart": "not told apart",
            "n": "pairs",
            "spread": "mean difference, % of baseline",
        }
    )


def ingredients_table(comparison: Comparison) -> pd.DataFrame:
    """R² and rise of the RMSE over real rows, one of `INGREDIENTS` more in each line."""
    scores, errors = (summarise(comparison, metric=m) for m in ("r2", "rmse"))
    columns: dict[str, dict[str, str]] = {}
    for learner in scores.learner.unique():
        r2, rmse = (t[t.learner == learner].set_index("method") for t in (scores, errors))
        cells = {
            label: f"{r2.loc[key, 'mean']:.2f} · {rmse.loc[key, 'percent'] - 100:+.0f} %"
            for key, label in INGREDIENTS.items()
            if key in r2.index
        }
        columns[LEARNERS[str(learner)]] = {k: v.replace("-", "−") for k, v in cells.items()}
    table = pd.DataFrame(columns)
    table.index.name = "R² · rise of the RMSE"
    return table


def ingredients_record(comparison: Comparison) -> dict[str, Any]:
    """R² and rise of the RMSE in percent, by step and learner; the first step below zero."""
    scores, errors = (summarise(comparison, metric=m) for m in ("r2", "rmse"))
    found: dict[str, Any] = {}
    for learner in scores.learner.unique():
        r2, rmse = (t[t.learner == learner].set_index("method") for t in (scores, errors))
        steps = [key for key in INGREDIENTS if key in r2.index]
        for key in steps:
            found.setdefault(key, {})[str(learner)] = {
                "r2": r2.loc[key, "mean"],
                "rmse_rise": rmse.loc[key, "percent"] - 100,
            }
        below = [key for key in steps if r2["mean"][key] < 0]
        found.setdefault("first_negative", {})[str(learner)] = below[0] if below else "none"
    return found


def implied_r2(baseline_r2: float, rmse_rise: float) -> float:
    """R² of a model whose RMSE is `rmse_rise` percent above that of a baseline.

    On one test set R² is 1 minus a multiple of the squared RMSE.

    Examples
    --------
    >>> implied_r2(0.5, 100)
    -1.0
    """
    return 1 - (1 - baseline_r2) * (1 + rmse_rise / 100) ** 2


def distance_ratios(
    found: pd.DataFrame, pairs: Sequence[tuple[str, str]], *, to: str = "unseen"
) -> pd.DataFrame:
    """Mean distance of one method's rows over that of another's, over the seeds.

    Parameters
    ----------
    found : DataFrame
        As `seds500.pages.smogn_evidence.distances` returns it.
    pairs : sequence of (str, str)
        Methods to be compared.
    to : {"unseen", "training"}, default="unseen"
        Rows measured to.

    Returns
    -------
    DataFrame
        first, second, mean, low, high. The bounds tell how the ratio varies from split to split;
        they make no allowance for the overlap of the splits.
    """
    wide = found[found.to == to].pivot_table(index="seed", columns="method", values="distance")
    rows = [(a, b, *interval(wide[a] / wide[b])) for a, b in pairs]
    return pd.DataFrame(rows, columns=["first", "second", "mean", "low", "high"])


def distances_table(ratios: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """`distance_ratios` of several tables: a column for each pair."""
    cells = {
        name: {
            f"{LABELS[row['first']]} / {LABELS[row['second']]}": with_bounds(row)
            for row in found.to_dict("records")
        }
        for name, found in ratios.items()
    }
    table = pd.DataFrame(cells).T
    table.index.name = "distance to unseen rows"
    return table


# Record -------------------------------------------------------------------------------------


def scores_record(comparison: Comparison) -> dict[str, Any]:
    """R² by arm and learner, with intervals and percent of the baseline, and the best learner's."""
    found: dict[str, Any] = {"learner": best_learner(comparison)}
    for row in summarise(comparison).to_dict("records"):
        numbers = numbers_of(row)
        found.setdefault(row["method"], {})[row["learner"]] = numbers
        if row["learner"] == found["learner"]:
            found[row["method"]]["best"] = numbers
    return found


# Figures ------------------------------------------------------------------------------------


def arms_figure(comparisons: Mapping[str, Comparison], titles: Mapping[str, str]) -> Figure:
    """Share of the baseline that each arm keeps, with intervals; one panel for each table.

    A triangle at the left end is a mean that lies farther left. Synthetic rows alone, which lie
    there on all tables, are in the table only.
    """
    order = [m for m in LABELS if any(m in set(c.scores.method) for c in comparisons.values())]
    order = [m for m in order if m not in (REAL, "smogn_extreme_synthetic", *_STUDY)]
    with plt.rc_context(STYLE):
        rows = -(-len(comparisons) // 2)
        figure, axes = plt.subplots(
            rows, 2, figsize=(8.2, 2.4 * rows + 0.6), sharex=True, sharey=True, squeeze=False,
            layout="constrained",
        )  # fmt: skip
        for ax, (name, comparison) in zip(axes.flat, comparisons.items(), strict=False):
            _panel(ax, summarise(comparison), order)
            ax.set_title(titles[name], fontsize=10)
        for ax in axes.flat[len(comparisons) :]:
            ax.set_visible(False)
        axes[0][0].set_yticks(range(len(order)), [LABELS[m] for m in order])
        axes[0][0].invert_yaxis()
        axes[0][0].set_xlim(_LEFT, 115)
        for ax in axes[-1]:
            ax.set_xlabel("R², % of that of real rows")
        handles = [
            Line2D([], [], ls="", marker=m, color="#444444", label=LEARNERS[k])
            for k, m in _MARKERS.items()
            if k != "logistic"
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=9)
        return close(figure)


def _panel(ax: Any, summary: pd.DataFrame, order: Sequence[str]) -> None:
    learners = summary.learner.unique()
    for shift, learner in zip(np.linspace(-0.25, 0.25, len(learners)), learners, strict=True):
        rows = summary[summary.learner == learner].set_index("method").reindex(order)
        y = np.arange(len(order)) + shift
        bounds = [rows.percent - rows.percent_low, rows.percent_high - rows.percent]
        colours = [COLOURS[m] for m in order]
        ax.errorbar(rows.percent, y, xerr=bounds, fmt="none", ecolor=colours, elinewidth=1.2)
        ax.scatter(rows.percent, y, c=colours, marker=_MARKERS[learner], s=20, zorder=3)
        for method, at in zip(order, y, strict=True):
            if rows.percent[method] < _LEFT:
                ax.plot(_LEFT + 3, at, "<", color=COLOURS[method], ms=4)
    ax.axvline(100, color="#000000", lw=0.8, ls=":")
    ax.axvline(0, color="#000000", lw=0.8)


def sweep_figure(sweeps: Mapping[str, Mapping[int, Comparison]], *, learner: str = "gb") -> Figure:
    """Share of the baseline kept against the number of encoded columns; a panel for each sweep."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1, len(sweeps), figsize=(4.1 * len(sweeps), 3.4), sharey=True, squeeze=False,
            layout="constrained",
        )  # fmt: skip
        for ax, (name, sweep) in zip(axes[0], sweeps.items(), strict=True):
            found = pd.concat([summarise(c).assign(width=width) for width, c in sweep.items()])
            found = found[found.learner == learner]
            at = np.arange(len(sweep))
            methods = [m for m in LABELS if m in set(found.method) and m != REAL]
            for shift, method in zip(np.linspace(-0.12, 0.12, len(methods)), methods, strict=True):
                rows = found[found.method == method].set_index("width").loc[list(sweep)]
                bounds = [rows.percent - rows.percent_low, rows.percent_high - rows.percent]
                ax.errorbar(
                    at + shift, rows.percent, yerr=bounds, fmt="o-", ms=4, lw=1.2,
                    color=COLOURS[method], label=LABELS[method],
                )  # fmt: skip
            ax.axhline(100, color="#000000", lw=0.8, ls=":")
            ax.set_xticks(at, [str(width) for width in sweep])
            ax.set(xlabel="columns after one-hot encoding", title=f"{name} columns added")
            ax.title.set_fontsize(10)
        axes[0][0].set_ylabel("R², % of that of real rows")
        handles, labels = axes[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=9)
        return close(figure)


def bend_figure(
    bends: Mapping[str, pd.DataFrame], axes_names: Mapping[str, tuple[str, str]]
) -> Figure:
    """Mean target over one feature, one panel for each table.

    Parameters
    ----------
    bends : mapping of str to DataFrame
        By title, as `seds500.pages.smogn_evidence.bend` gives them.
    axes_names : mapping of str to (str, str)
        Feature and target of each.

    Returns
    -------
    Figure
    """
    styles = {
        method: {"ls": "-", "lw": 1.2, "marker": marker, "ms": size}
        for method, marker, size in (
            (REAL, "o", 5),
            ("interpolation", "s", 4),
            ("selection", "D", 5),
            ("smogn_extreme", "o", 3),
        )
    }
    styles["expected"] = {"ls": "--", "lw": 1.2}
    with plt.rc_context(STYLE):
        columns = min(len(bends), 2)
        rows = -(-len(bends) // columns)
        figure, axes = plt.subplots(
            rows, columns, figsize=(4.1 * columns, 3.0 * rows + 0.7), squeeze=False,
            layout="constrained",
        )  # fmt: skip
        for ax, (name, found) in zip(axes.flat, bends.items(), strict=False):
            for method in [m for m in LABELS if m in found]:
                ax.plot(
                    found["at"], found[method], color=COLOURS[method], label=LABELS[method],
                    **styles[method],
                )  # fmt: skip
            feature, target = axes_names[name]
            ax.set_title(name, fontsize=10)
            ax.set(xlabel=feature, ylabel=f"mean {target}")
        for ax in axes.flat[len(bends) :]:
            ax.set_visible(False)
        handles, labels = axes[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=9)
        return close(figure)


def growth_figure(benchmark: Mapping[str, Any]) -> Figure:
    """CPU time of SMOGN against the rows, from the record of `benchmarks/smogn_speed.py`."""
    package = sorted(benchmark["package"].values(), key=lambda row: row["n_rows"])
    lines = {
        "package smogn, 2 numbers": (
            [row["n_rows"] for row in package],
            [row["package"] for row in package],
        )
    }
    for kind, label in (
        ("narrow", "synthtab, 2 numbers"),
        ("numeric", "synthtab, 10 numbers"),
        ("mixed", "synthtab, 6 numbers, 4 categories"),
    ):
        found = benchmark["growth"][kind]
        lines[label] = (found["n_rows"], found["seconds"])
    looks = zip(("#D55E00", "#56B4E9", "#0072B2", "#009E73"), "osD^", strict=True)
    with plt.rc_context(STYLE):
        figure, ax = plt.subplots(figsize=(6, 4.2), layout="constrained")
        for (label, (n_rows, seconds)), (colour, marker) in zip(lines.items(), looks, strict=True):
            ax.loglog(n_rows, seconds, f"{marker}-", color=colour, label=label)
        ax.set(xlabel="rows", ylabel="CPU seconds")
        figure.legend(loc="outside lower center", ncols=2, fontsize=9)
        return close(figure)
