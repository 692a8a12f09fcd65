"""Numbers with intervals: of repeated scores, of shares, of estimates with their own variance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import betaincinv
from scipy.stats import binomtest, norm
from scipy.stats import t as student_t


class Estimate(NamedTuple):
    """A value with the bounds of its confidence interval."""

    value: float
    low: float
    high: float


def interval(
    values: Sequence[float] | pd.Series[Any], *, inflation: float = 0.0, confidence: float = 0.95
) -> Estimate:
    """Mean and Student t bounds, with the variance of the mean raised by `inflation` * s^2.

    Examples
    --------
    >>> tuple(round(v, 2) for v in interval([1.0, 2.0, 3.0]))
    (2.0, -0.48, 4.48)
    >>> interval([1.0])
    Estimate(value=1.0, low=nan, high=nan)
    """
    array = np.asarray(values, dtype=float)
    n, mean = len(array), float(np.mean(array))
    if n < 2:
        return Estimate(mean, math.nan, math.nan)
    quantile = student_t.ppf((1 + confidence) / 2, n - 1)
    half = float(quantile * array.std(ddof=1) * np.sqrt(1 / n + inflation))
    return Estimate(mean, mean - half, mean + half)


def proportion(
    k: int, n: int, *, method: Literal["exact", "wilson"] = "exact", confidence: float = 0.95
) -> Estimate:
    """Share k / n with the exact interval of Clopper & Pearson (1934), or that of Wilson (1927).

    Raises
    ------
    ValueError
        If `k` is not a count among `n`, or `n` is 0.

    Examples
    --------
    >>> tuple(round(v, 3) for v in proportion(0, 10))
    (0.0, 0.0, 0.308)
    """
    if not 0 <= k <= n or n < 1:
        raise ValueError(f"{k} of {n} is not a share")
    if method == "wilson":
        bounds = binomtest(k, n).proportion_ci(confidence, method="wilson")
        return Estimate(k / n, float(bounds.low), float(bounds.high))
    # scipy searches for the exact bounds, which takes a hundred times as long.
    tail = (1 - confidence) / 2
    low = betaincinv(k, n - k + 1, tail) if k else 0.0
    high = betaincinv(k + 1, n - k, 1 - tail) if k < n else 1.0
    return Estimate(k / n, float(low), float(high))


def average(
    values: Sequence[float], variances: Sequence[float], *, confidence: float = 0.95
) -> Estimate:
    """Mean of one estimate per split, each with its own variance, with a normal interval.

    Notes
    -----
    Given the table's rows, splits are independent draws of who is a member, so variances add up.
    What the splits scatter beyond their own variances (the model's training varies as well) is
    added as in the random effects model of DerSimonian & Laird (1986), with equal weights: the
    variance of the mean is max(mean variance, variance between splits) / n_splits.

    Examples
    --------
    >>> tuple(round(v, 3) for v in average([0.50, 0.52], [0.0001, 0.0001]))
    (0.51, 0.49, 0.53)
    """
    n = len(values)
    between = float(np.var(values, ddof=1)) if n > 1 else 0.0
    deviation = math.sqrt(max(float(np.mean(variances)), between) / n)
    value, half = float(np.mean(values)), float(norm.ppf((1 + confidence) / 2)) * deviation
    return Estimate(value, value - half, value + half)


def verdict(low: float, high: float, reference: float) -> str:
    """What an interval says of a reference value, in words.

    Examples
    --------
    >>> verdict(1.0, 2.0, 0.0), verdict(-1.0, 2.0, 0.0)
    ('above', 'not told apart')
    """
    if high < reference:
        return "below"
    if low > reference:
        return "above"
    return "unknown with one seed" if np.isnan(low) else "not told apart"
