"""What a page shows of a comparison: tables, sentences and the run's record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from seds500.comparisons import best_learner, seconds, with_share
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
    """What the replacement table says, as Markdown sentences computed from it.

    The learner is the one that does best on real rows. The last words of each line are those of
    `synthtab.evaluation.intervals.verdict` on the method's share of the baseline.
    """
    setting = comparison.scores.setting.iloc[0]
    metric = comparison.scores.metric.iloc[0]
    summary = summarise(comparison, metric=metric).query("setting == @setting")
    learner = best_learner(comparison, metric=metric)
    rows = summary[summary.learner == learner]
    baseline = rows[rows.method == REAL]["mean"].item()
    lines = [
        f"With the learner that does best on real rows, {LEARNERS[learner]} "
        f"({METRICS.get(metric, metric)} {baseline:.2f}), in *{setting}*:",
        "",
    ]
    for row in rows[rows.method != REAL].to_dict("records"):
        told = verdict(row["percent_low"], row["percent_high"], 100)
        lines.append(f"- {LABELS[str(row['method'])]}: {with_share(row)} of the baseline, {told}")
    return "\n".join(lines)


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
