"""Which rows SMOGN resamples, and how much: relevance of the target, bumps, percentages.

The first half of the paper; `synthtab.smogn.resample` cites it, and says what ``NOTE`` marks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def box_plot_control_points(
    y: npt.ArrayLike,
    *,
    coef: float = 1.5,
    xtrm_type: Literal["both", "high", "low"] = "both",
) -> Floats:
    """Control points of the relevance function from the box plot of target values, shape (n_rows,).

    The median has relevance 0. A whisker, which is at most `coef` interquartile ranges long, has
    relevance 1 if values lie beyond it and `xtrm_type` asks for that side; otherwise the end of the
    data has relevance 0.

    Returns
    -------
    ndarray of shape (n_points, 3)
        Target value, relevance and slope of the relevance at each point, by rising value.

    Raises
    ------
    ValueError
        If the target is constant, has no value beyond the whiskers asked for, or more than half
        of its values are equal, so that a whisker falls on the median.

    Notes
    -----
    Branco et al. (2017), section 2, after Ribeiro (2011), "Utility-based regression".

    Examples
    --------
    >>> box_plot_control_points([1.0, 2.0, 3.0, 4.0, 5.0, 50.0])
    array([[1. , 0. , 0. ],
           [3.5, 0. , 0. ],
           [5. , 1. , 0. ]])
    """
    values = np.asarray(y, dtype=float)
    smallest, largest = float(values.min()), float(values.max())
    # NOTE: quartiles are midpoints of neighbouring order statistics, as in the package smogn;
    # UBL takes Tukey's hinges, which differ by at most one gap between neighbouring values.
    first, median, third = np.quantile(values, [0.25, 0.5, 0.75], method="midpoint")
    # A whisker ends at the last value within reach of the box.
    low = values[values >= first - coef * (third - first)].min()
    high = values[values <= third + coef * (third - first)].max()
    found = f"min {smallest:g}, max {largest:g}, median {median:g}, whiskers {low:g} and {high:g}"
    by_hand = (
        "give control points by hand: rel_method='manual', rel_ctrl_pts_rg=[[y, relevance], ...]"
    )
    if smallest == largest:
        raise ValueError(f"the target is constant ({smallest:g}): nothing to resample")
    low_extremes = xtrm_type != "high" and smallest < low
    high_extremes = xtrm_type != "low" and largest > high
    if not (low_extremes or high_extremes):
        raise ValueError(
            f"the box plot of the target has no {'' if xtrm_type == 'both' else xtrm_type + ' '}"
            f"extremes ({found}); lower rel_coef={coef:g}, or {by_hand}"
        )
    if (low_extremes and low == median) or (high_extremes and high == median):
        raise ValueError(
            f"a whisker of the target's box plot falls on the median ({found}), because many "
            f"target values are equal; {by_hand}"
        )
    points = [(median, 0.0, 0.0)]
    if low_extremes:
        points.insert(0, (low, 1.0, 0.0))
    elif smallest < median:
        points.insert(0, (smallest, 0.0, 0.0))
    if high_extremes:
        points.append((high, 1.0, 0.0))
    elif median < largest:
        points.append((largest, 0.0, 0.0))
    return np.array(points)


def manual_control_points(points: npt.ArrayLike) -> Floats:
    """Check control points given by hand and complete their slopes.

    Parameters
    ----------
    points : array-like of shape (n_points, 2) or (n_points, 3)
        Target value, relevance (0 to 1) and, optionally, slope of the relevance. Without slopes,
        a point takes the mean slope of its two sides, and 0 at the ends and where the relevance
        turns.

    Returns
    -------
    ndarray of shape (n_points, 3)
        The points by rising target value, with slopes.

    Raises
    ------
    ValueError
        Naming everything wrong with the points.

    Examples
    --------
    >>> manual_control_points([[30, 0], [10, 1], [50, 1]])
    array([[10.,  1.,  0.],
           [30.,  0.,  0.],
           [50.,  1.,  0.]])
    """
    try:
        given = np.array(points, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"rel_ctrl_pts_rg={points!r} is not a table of numbers; rows are [y, relevance] or "
            "[y, relevance, slope]"
        ) from error
    if given.ndim != 2 or given.shape[0] < 2 or given.shape[1] not in (2, 3):
        raise ValueError(
            f"rel_ctrl_pts_rg has shape {given.shape}; give at least two rows of "
            "[y, relevance] or [y, relevance, slope]"
        )
    if not np.isfinite(given).all():
        raise ValueError("rel_ctrl_pts_rg holds missing or infinite values; give finite numbers")
    given = given[np.argsort(given[:, 0], kind="stable")]
    problems = []
    repeated = given[1:, 0][np.diff(given[:, 0]) == 0]
    if repeated.size:
        problems.append(f"target values given twice: {repeated.tolist()}")
    outside = given[(given[:, 1] < 0) | (given[:, 1] > 1), 1]
    if outside.size:
        problems.append(f"relevances outside 0 to 1: {outside.tolist()}")
    if problems:
        raise ValueError("rel_ctrl_pts_rg: " + "; ".join(problems))
    secants = np.diff(given[:, 1]) / np.diff(given[:, 0])
    if given.shape[1] == 2:
        slopes = np.zeros(len(given))
        same_direction = secants[:-1] * secants[1:] > 0
        slopes[1:-1] = np.where(same_direction, (secants[:-1] + secants[1:]) / 2, 0.0)
        return np.column_stack([given, slopes])
    against = (given[:-1, 2] * secants < 0) | (given[1:, 2] * secants < 0)
    if against.any():
        raise ValueError(
            "rel_ctrl_pts_rg: slopes against the direction of the relevance between "
            f"{given[:-1][against].tolist()} and {given[1:][against].tolist()}; "
            "leave the slopes out, or use 0"
        )
    return given


def relevance(y: npt.ArrayLike, control_points: npt.ArrayLike) -> Floats:
    """Relevance of target values, 0 (common) to 1 (extreme): the monotone cubic through the points.

    Takes values of shape (n_rows,), and control points as `manual_control_points` returns them;
    beyond the outer points the relevance stays what it is there.

    Notes
    -----
    Hermite cubics with the slopes limited as by Fritsch and Carlson (1980), "Monotone piecewise
    cubic interpolation", SIAM J. Numer. Anal. 17, section 4: with ``a`` and ``b`` the slopes at
    the ends of a piece over its secant, a pair outside the region of monotone cubics is scaled
    back to ``a² + b² = 9``.

    Examples
    --------
    >>> relevance([0.0, 5.0, 15.0, 20.0, 99.0], [[0, 0, 0], [10, 0, 0], [20, 1, 0]])
    array([0. , 0. , 0.5, 1. , 1. ])
    """
    values = np.asarray(y, dtype=float)
    x, phi, slopes = np.array(control_points, dtype=float).T
    widths = np.diff(x)
    secants = np.diff(phi) / widths
    for i, secant in enumerate(secants):
        if secant == 0:
            slopes[i] = slopes[i + 1] = 0.0
            continue
        a, b = slopes[i] / secant, slopes[i + 1] / secant
        left, right = 2 * a + b - 3, a + 2 * b - 3
        if left > 0 and right > 0 and a * (left + right) < left**2:
            scale = 3 / math.hypot(a, b)
            slopes[i], slopes[i + 1] = scale * a * secant, scale * b * secant
    # NOTE: constant beyond the outer points. The package smogn gives relevance 1 to everything
    # below the first point, also where that point has relevance 0, and extends a slope above
    # the last one past 1.
    inside = np.clip(values, x[0], x[-1])
    piece = np.clip(np.searchsorted(x, inside, side="right") - 1, 0, len(widths) - 1)
    t = (inside - x[piece]) / widths[piece]
    h = widths[piece]
    return np.asarray(
        (1 + 2 * t) * (1 - t) ** 2 * phi[piece]
        + t * (1 - t) ** 2 * h * slopes[piece]
        + t**2 * (3 - 2 * t) * phi[piece + 1]
        + t**2 * (t - 1) * h * slopes[piece + 1]
    )


def find_bumps(y: npt.ArrayLike, phi: npt.ArrayLike, rel_thres: float = 0.5) -> Ints:
    """Bump of each row: runs of the sorted target on one side of the relevance threshold.

    Takes target values and their relevance, `phi`, of shape (n_rows,); rows of a relevance of
    `rel_thres` or more are rare. Bumps are counted from 0 by rising target.

    Examples
    --------
    >>> find_bumps([9.0, 1.0, 5.0, 4.0], [1.0, 0.8, 0.1, 0.0]).tolist()
    [2, 0, 1, 1]
    """
    order = np.argsort(np.asarray(y, dtype=float), kind="stable")
    rare = np.asarray(phi, dtype=float)[order] >= rel_thres
    bump = np.empty(len(order), dtype=np.int64)
    bump[order] = np.concatenate([[0], np.cumsum(rare[1:] != rare[:-1])])
    return bump


def sampling_percentages(
    sizes: Sequence[int], samp_method: Literal["balance", "extreme"] = "balance"
) -> Floats:
    """Rows out per row in of each bump that the method aims at, shape (n_bumps,).

    With ``|b|`` the number of rows of a bump and B their mean, "balance" makes every bump as large
    as B; "extreme" makes their sizes proportional to ``B² / |b|``, so the smallest becomes the
    largest. Factors above 1 are for over-sampling, below 1 for under-sampling.

    Examples
    --------
    >>> sampling_percentages([10, 80, 30]).tolist()
    [4.0, 0.5, 1.3333333333333333]
    >>> sampling_percentages([10, 80, 30], "extreme").tolist()
    [8.2, 0.1, 0.9]
    """
    mean_size = round(sum(sizes) / len(sizes))
    if samp_method == "balance":
        return np.array([mean_size / size for size in sizes])
    inverted = [mean_size**2 / size for size in sizes]
    scale = len(sizes) * mean_size / sum(inverted)
    factors = []
    for size, target in zip(sizes, inverted, strict=True):
        # NOTE: rounded to one decimal as in UBL and smogn; the paper does not round. A share
        # that would round to 0 is left as it is, since its bump would vanish from the table.
        exact = target * scale / size
        factors.append(round(round(target * scale, 2) / size, 1) or exact)
    return np.array(factors)
