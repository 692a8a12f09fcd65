"""What pages ask of a comparison of methods, beside what the library says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seds500.records import Measured
from synthtab.evaluation.compare import REAL, Comparison, summarise

SETTINGS: Mapping[str, tuple[str, str]] = {
    "replacement": ("alone", "synthetic rows alone"),
    "augmentation": ("added to the real rows", "real rows and 500 synthetic ones"),
}
"""What tables and figures call each setting."""

OTHER_PACKAGES = "benchmark_other_packages"
"""The record of packages that are run beside the pages of the experiments."""

LITERATURE = "benchmark_literature"
"""The record of the models of the literature, on the splits of the experiments."""

SPLITS = "benchmark_splits"
"""The record of the methods that fit in seconds, on more splits than the pages have."""

FIELD = "benchmark_field"
"""The record of the tables of the literature."""

FIELD_TABLES = ("adult", "default", "shoppers", "magic", "beijing")


def best_learner(comparison: Comparison, *, metric: str = "r2") -> str:
    """The learner that scores best when trained on real rows."""
    rows = summarise(comparison, metric=metric)
    return str(rows[rows.method == REAL].set_index("learner")["mean"].idxmax())


def with_bounds(row: Mapping[Any, Any]) -> str:
    """Mean and, where there are several seeds, its bounds.

    Examples
    --------
    >>> with_bounds({"mean": 0.5, "low": -0.25, "high": 1.25})
    '0.50 [−0.25, 1.25]'
    """
    return Measured.of(row).show(".2f")


def with_share(row: Mapping[Any, Any]) -> str:
    """Mean with its bounds, and its share of the baseline.

    Examples
    --------
    >>> with_share({"mean": 0.5, "low": -0.25, "high": 1.25, "percent": -80.0})
    '0.50 [−0.25, 1.25] · −80 %'
    """
    return f"{with_bounds(row)} · {row['percent']:.0f} %".replace("-", "−")


def seconds(comparison: Comparison) -> dict[str, Any]:
    """Mean CPU seconds of fitting and drawing, by method."""
    times = comparison.timings.groupby("method", sort=False)[["fit", "sample"]].mean()
    return {str(method): row.to_dict() for method, row in times.iterrows()}
