"""What noise costs: from the settings of private mechanisms to epsilon, and back.

Every step of DP-SGD is a *subsampled Gaussian mechanism*: each row takes part with probability q,
the sum of the clipped gradients changes by at most 1 (in units of the clipping norm) when a row
is added or removed, and normal noise of `noise_multiplier` standard deviations is added to it.
`epsilon` composes mechanisms numerically, with the privacy random variables of Gopi, Lee &
Wutschitz (2021), "Numerical composition of differential privacy", as opacus computes them.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from opacus.accountants import PRVAccountant
from scipy.optimize import brentq, minimize_scalar
from scipy.special import log_ndtr, ndtr

_PRECISION = 0.005  # share of the budget that the search for the noise may leave unspent
_MAX_TRIALS = 30


class Mechanism(NamedTuple):
    """A subsampled Gaussian mechanism, repeated.

    `noise_multiplier` is the noise's standard deviation in units of the sensitivity, `sample_rate`
    in (0, 1] the probability that a row takes part, `n_steps` the number of repetitions.
    """

    noise_multiplier: float
    sample_rate: float = 1.0
    n_steps: int = 1


def gaussian_delta(epsilon: float, mu: float) -> float:
    """Delta of a Gaussian mechanism whose sensitivity is mu standard deviations of its noise.

    Exact, for an epsilon of 0 or more and a positive mu: Balle & Wang (2018), "Improving the
    Gaussian mechanism for differential privacy", eq. 6. Several such mechanisms on the same rows
    are one whose squared mu is the sum of theirs, even where each is chosen after the answers of
    those before (Dong, Roth & Su, 2019, "Gaussian differential privacy", arXiv:1905.02383,
    corollary 3.3).

    Examples
    --------
    >>> round(gaussian_delta(epsilon=1.0, mu=1.0), 4)
    0.1269
    """
    tail = math.exp(epsilon + float(log_ndtr(-epsilon / mu - mu / 2)))
    return float(ndtr(-epsilon / mu + mu / 2)) - tail


def gaussian_mu(epsilon: float, delta: float) -> float:
    """The mu at which `gaussian_delta` of epsilon is delta.

    Examples
    --------
    >>> round(gaussian_mu(epsilon=1.0, delta=0.1269), 3)
    1.0
    """
    return float(brentq(lambda mu: gaussian_delta(epsilon, mu) - delta, 1e-6, 1e6))


def epsilon(mechanisms: Sequence[Mechanism], delta: float) -> float:
    """Upper bound on epsilon of mechanisms applied to the same rows, one after the other.

    There is at least one mechanism; epsilon is asked for at the failure probability `delta`, and
    for tables that differ by one row added or removed. It is about 0.01 too high, so that errors of
    the numerical composition are on the safe side.

    Examples
    --------
    >>> round(epsilon([Mechanism(10.0, sample_rate=0.25, n_steps=400)], delta=1e-5), 1)
    2.0
    """
    return _composed(tuple(map(tuple, mechanisms)), delta)


@functools.cache
def _composed(mechanisms: tuple[tuple[float, float, int], ...], delta: float) -> float:
    accountant = PRVAccountant()
    accountant.history = list(mechanisms)
    # It takes log(1 - q), which is -inf where every row takes part; and it finds the size of its
    # grid with a looser bound, of whose looseness it warns.
    with np.errstate(divide="ignore"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Optimal order is the")
        return float(accountant.get_epsilon(delta))


def noise_multiplier(
    target_epsilon: float,
    delta: float,
    *,
    sample_rate: float,
    n_steps: int,
    before: Sequence[Mechanism] = (),
) -> float:
    """Noise that DP-SGD needs to stay within a budget.

    Parameters
    ----------
    target_epsilon, delta : float
        The budget, of which at most 0.5 % is left.
    sample_rate, n_steps
        As in `Mechanism`.
    before : sequence of Mechanism, default=()
        What was applied to the same rows before, out of the same budget.

    Raises
    ------
    ValueError
        If the mechanisms before have spent the budget.

    Examples
    --------
    >>> noise = noise_multiplier(3.0, 1e-5, sample_rate=0.25, n_steps=400)
    >>> 2.98 < epsilon([Mechanism(noise, 0.25, 400)], 1e-5) <= 3.0
    True
    """
    if before and (used := epsilon(before, delta)) >= target_epsilon:
        raise ValueError(
            f"epsilon={target_epsilon} at delta={delta} is spent before training begins: "
            f"{list(before)} take {used:.3g}"
        )
    # Many steps are nearly one Gaussian mechanism, of mu = q sqrt(T (exp(1 / noise^2) - 1))
    # (Bu, Dong, Long & Su, 2020, "Deep learning with Gaussian differential privacy").
    mu = gaussian_mu(target_epsilon, delta)
    noise = 1 / math.sqrt(math.log1p(mu**2 / (sample_rate**2 * n_steps)))
    low, high = 0.0, math.inf  # too little noise, enough noise
    slope = -1.3  # of log epsilon over log noise; then that of the last two trials
    trials: list[tuple[float, float]] = []
    for _ in range(_MAX_TRIALS):
        used = epsilon([*before, Mechanism(noise, sample_rate, n_steps)], delta)
        if (1 - _PRECISION) * target_epsilon <= used <= target_epsilon:
            return noise
        low, high = (noise, high) if used > target_epsilon else (low, noise)
        trials.append((math.log(noise), math.log(used)))
        if len(trials) > 1:
            (x_0, y_0), (x_1, y_1) = trials[-2:]
            slope = min((y_1 - y_0) / (x_1 - x_0), -0.5)
        # The middle of the tolerated range, if the curve went on straight.
        aim = math.log((1 - _PRECISION / 2) * target_epsilon)
        noise *= math.exp((aim - trials[-1][1]) / slope)
        if not low < noise < high:
            noise = math.sqrt(low * high)
    raise RuntimeError(f"no noise found for epsilon={target_epsilon}, delta={delta}")


def zcdp_delta(epsilon: float, rho: float) -> float:
    """Delta, at an epsilon, of mechanisms that are rho-zero-concentrated private together.

    The smallest over orders of Renyi's divergence, each converted as in Canonne, Kamath & Steinke
    (2020), "The discrete Gaussian for differential privacy", proposition 12. Rhos add up: a
    Gaussian mechanism has mu^2 / 2, and the exponential mechanism of an epsilon has epsilon^2 / 8
    (Cesar & Rogers, 2021, "Bounding, concentrating, and truncating").

    Examples
    --------
    >>> zcdp_delta(epsilon=1.0, rho=0.5) > gaussian_delta(epsilon=1.0, mu=1.0)
    True
    """

    def log_delta(log_excess: float) -> float:
        excess = math.exp(log_excess)  # of the order over 1
        order = 1 + excess
        at_order = excess * (order * rho - epsilon) + order * math.log1p(-1 / order)
        return at_order - math.log(excess)

    best = minimize_scalar(log_delta, bounds=(-10.0, 15.0), method="bounded")
    return math.exp(min(0.0, float(best.fun)))


@functools.cache
def zcdp_rho(epsilon: float, delta: float) -> float:
    """The rho at which `zcdp_delta` of epsilon is delta.

    Examples
    --------
    >>> round(zcdp_rho(epsilon=1.0, delta=zcdp_delta(1.0, rho=0.1)), 3)
    0.1
    """

    def excess(log_rho: float) -> float:
        return math.log(max(zcdp_delta(epsilon, math.exp(log_rho)), 1e-300)) - math.log(delta)

    return math.exp(brentq(excess, math.log(1e-10), math.log(1e4)))
