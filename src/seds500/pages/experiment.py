"""What a page shows of a comparison: tables, sentences and the run's record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from seds500.comparisons import seconds, with_bounds, with_share
from seds500.data import StudyTable, fingerprint
from seds500.data.standins import published
from seds500.plots import LABELS
from seds500.records import numbers_of, reported
from synthtab.evaluation.compare import REAL, Comparison, paired_difference, summarise
from synthtab.evaluation.intervals import interval, verdict
from synthtab.evaluation.utility import LEARNERS

METRICS: Mapping[str, str] = {"r2": "R²", "auc": "AUC"}

FIDELITY_LABELS: Mapping[str, str] = {
    "ks": "KS distance, mean",
    "tv": "total variation, mean",
    "range": "range covered, mean",
    "rare": "rare categories kept, mean",
    "association": "association gap",
    "c2st": "detection AUC",
    "copies": "equal to a training row, %",
    "copies_of_as_many": "to one of as many training rows, %",
    "copies_of_test": "to a test row, %",
}


def utility_table(comparison: Comparison, setting: str, *, metric: str = "r2") -> pd.DataFrame:
    """Score of every method and learner with its interval and its share of the baseline.

    Parameters
    ----------
    comparison : Comparison
        Scores of several seeds.
    setting : {"replacement", "augmentation"}
        Which table.
    metric : str, default="r2"
        Metric shown.

    Returns
    -------
    DataFrame of str
        One row per method, one column per learner: ``mean [low, high] · percent``.
    """
    summary = summarise(comparison, metric=metric).query("setting == @setting")
    cells = [with_share(row) for row in summary.to_dict("records")]
    table = summary.assign(cell=cells).pivot_table(
        index="method", columns="learner", values="cell", aggfunc="first", sort=False
    )
    table.index = pd.Index([LABELS[m] for m in table.index])
    table.columns = pd.Index([LEARNERS[c] for c in table.columns], name=f"{setting}: trained on")
    return table


def reported_table(name: str) -> pd.DataFrame:
    """The original study's figures for an experiment, one row.

    Parameters
    ----------
    name : {"011", "012", "013"}
        Experiment.

    Returns
    -------
    DataFrame of str
    """
    figures = published(name)["reported"]
    row = {
        "real rows": reported(figures["original_r2"]),
        "diffusion (real rows + 500 synthetic)": reported(figures["diffusion_r2"]),
        "SMOGN (its output alone)": reported(figures.get("smogn_r2", "negative")),
    }
    return pd.DataFrame([row], index=pd.Index(["reported R²"]))


def fidelity_table(comparison: Comparison) -> pd.DataFrame:
    """Mean of each fidelity metric over columns and seeds, one row per method."""
    means = _fidelity_means(comparison)
    for metric in ("copies", "copies_of_as_many", "copies_of_test"):
        means[metric] = (100 * means[metric]).round(1)
    table = means.reindex(columns=[m for m in FIDELITY_LABELS if m in means]).round(3)
    table.index = pd.Index([LABELS[m] for m in table.index])
    table.columns = pd.Index([FIDELITY_LABELS[c] for c in table.columns], name="method")
    return table


def as_record(dataset: StudyTable, comparison: Comparison) -> dict[str, Any]:
    """Everything a comparison measured, for `seds500.records.store.record`.

    Parameters
    ----------
    dataset : StudyTable
        The table compared on.
    comparison : Comparison
        Its results.

    Returns
    -------
    dict
        ``dataset``; ``utility`` by setting, method, learner and metric; ``hybrid_minus`` with the
        paired differences in R² between HybridDiffusion, where it is compared, and every other
        method; ``fidelity`` by method and metric, and ``fidelity_intervals``; ``rows``, a
        fingerprint of each table that was drawn for the first seed; ``timings``.
    """
    metrics = comparison.scores.metric.unique().tolist()
    utility: dict[str, Any] = {}
    for metric in metrics:
        for row in summarise(comparison, metric=metric).to_dict("records"):
            at = utility.setdefault(row["setting"], {}).setdefault(row["method"], {})
            told = {"against_real": verdict(row["percent_low"], row["percent_high"], 100)}
            at.setdefault(row["learner"], {})[metric] = numbers_of(row) | told
    differences: dict[str, Any] = {}
    if "hybrid" in comparison.scores.method.to_numpy():
        for row in paired_difference(comparison, "hybrid", metric=metrics[0]).to_dict("records"):
            at = differences.setdefault(row["setting"], {}).setdefault(row["method"], {})
            at[row["learner"]] = numbers_of(row) | {"verdict": verdict(row["low"], row["high"], 0)}
    fidelity = _fidelity_means(comparison)
    return {
        "dataset": {
            "name": dataset.name,
            "source": dataset.source,
            "is_standin": dataset.card.is_standin,
            "n_train": comparison.n_train,
            "n_test": comparison.n_test,
            "n_seeds": int(comparison.scores.seed.nunique()),
            "sha256": dataset.card.sha256,
        },
        "utility": utility,
        "hybrid_minus": differences,
        "fidelity": {m: row.dropna().to_dict() for m, row in fidelity.iterrows()},
        "fidelity_intervals": _fidelity_intervals(comparison),
        "rows": {m: fingerprint(t)[:16] for m, t in comparison.tables.items() if m != REAL},
        "timings": seconds(comparison),
    }


def reading(comparison: Comparison) -> str:
    """What the first setting's table says, as Markdown sentences computed from it.

    The learner is the one that does best on real rows. The last words of each line are those of
    `synthtab.evaluation.intervals.verdict` on the method's share of the baseline.
    """
    rows, setting, metric, learner = _best(comparison)
    baseline = rows[rows.method == REAL]["mean"].item()
    lines = [
        f"The learner that does best on real rows is {LEARNERS[learner]} "
        f"({METRICS.get(metric, metric)} {baseline:.2f}). In *{setting}* it reaches, with the "
        "share of this score and what the interval of the share says:",
        "",
    ]
    for row in rows[rows.method != REAL].to_dict("records"):
        told = verdict(row["percent_low"], row["percent_high"], 100)
        lines.append(f"- {LABELS[str(row['method'])]}: {with_share(row)} of the baseline, {told}")
    return "\n".join(lines)


def meaning(comparison: Comparison) -> str:
    """What a comparison means, as Markdown sentences that follow from its intervals.

    The setting, metric and learner are those of `reading`. A sentence about methods that were not
    compared is left out.

    Parameters
    ----------
    comparison : Comparison
        Scores of several seeds.

    Returns
    -------
    str
    """
    rows, setting, _, learner = _best(comparison)
    methods = rows[rows.method != REAL]
    told = {
        str(row["method"]): verdict(row["percent_low"], row["percent_high"], 100)
        for row in methods.to_dict("records")
    }
    if set(told.values()) == {"unknown with one seed"}:
        return "One seed gives no interval, so this run tells no two methods apart."
    groups = {
        "below": "score below the training rows",
        "not told apart": "cannot be told apart from the training rows",
        "above": "score above the training rows",
    }
    lines = [
        f"- With {LEARNERS[learner]} in *{setting}*, these {words}: "
        f"{'; '.join(LABELS[m] for m, v in told.items() if v == kind)}."
        for kind, words in groups.items()
        if kind in told.values()
    ]
    n_features = comparison.tables[REAL].shape[1] - 1
    if {"smogn_extreme", "interpolation"} <= told.keys():
        found, words = _difference(comparison, "smogn_extreme", "interpolation")
        consequence = {
            "below": f"Both interpolate between rows with the same {n_features} features. What "
            "sets SMOGN apart is that it selects rows by their target, so the loss is not one of "
            "interpolation.",
            "not told apart": "So this run does not show that selecting rows by their target costs "
            "anything.",
            "above": "So selecting rows by their target did not cost anything here.",
        }[found]
        lines.append(f"- {words} {consequence}")
    if {"hybrid", "smogn_extreme"} <= told.keys():
        lines.append(f"- {_difference(comparison, 'hybrid', 'smogn_extreme')[1]}")
    if {"smogn_balance", "smogn_extreme"} <= told.keys():
        found, words = _difference(comparison, "smogn_balance", "smogn_extreme")
        if found != "not told apart":
            words += " A statement about SMOGN has to say which form it is about."
        lines.append(f"- {words}")
    if "noise_copy" in told:
        lines.append(
            "- The noise copy, real rows that are each moved a little, scores below the training "
            "rows here."
            if told["noise_copy"] == "below"
            else "- The noise copy, real rows that are each moved a little, does not score below "
            "the training rows. A high score is therefore no sign that a table may be shared."
        )
    return "\n".join(lines)


def _best(comparison: Comparison) -> tuple[pd.DataFrame, str, str, str]:
    """Scores of the learner that does best on real rows; setting, metric and learner."""
    setting = str(comparison.scores.setting.iloc[0])
    metric = str(comparison.scores.metric.iloc[0])
    summary = summarise(comparison, metric=metric).query("setting == @setting")
    learner = str(summary[summary.method == REAL].set_index("learner")["mean"].idxmax())
    return summary[summary.learner == learner], setting, metric, learner


def _difference(comparison: Comparison, method: str, other: str) -> tuple[str, str]:
    """Verdict and sentence on the score of one method minus that of another."""
    _, setting, metric, learner = _best(comparison)
    table = paired_difference(comparison, method, metric=metric)
    at = (table.setting == setting) & (table.learner == learner) & (table.method == other)
    found = table[at].iloc[0].to_dict()
    told = verdict(found["low"], found["high"], 0)
    words = {
        "below": "scores below",
        "above": "scores above",
        "not told apart": "cannot be told apart from",
    }[told]
    return told, (
        f"{LABELS[method]} {words} {LABELS[other]}: the difference in "
        f"{METRICS.get(metric, metric)} is {with_bounds(found)}."
    )


def _fidelity_means(comparison: Comparison) -> pd.DataFrame:
    """Mean over columns and seeds; methods by metrics."""
    fidelity = comparison.fidelity
    order = fidelity.method.unique()
    return fidelity.pivot_table(index="method", columns="metric", values="value").loc[order]


def _fidelity_intervals(comparison: Comparison) -> dict[str, Any]:
    """Mean and bounds of each metric, a seed being a mean over columns; by method and metric."""
    inflation = comparison.n_test / comparison.n_train
    by_seed = comparison.fidelity.groupby(["method", "metric", "seed"], sort=False).value.mean()
    found: dict[str, Any] = {}
    for (method, metric), values in by_seed.groupby(["method", "metric"], sort=False):
        bounds = zip(("mean", "low", "high"), interval(values, inflation=inflation), strict=True)
        found.setdefault(str(method), {})[str(metric)] = numbers_of(dict(bounds))
    return found
