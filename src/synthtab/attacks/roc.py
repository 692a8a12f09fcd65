"""How well scores tell members from non-members: over all thresholds (AUC), and at one (TPR)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from synthtab.attacks.distances import Floats
from synthtab.evaluation.intervals import Estimate, proportion


class Auc(NamedTuple):
    """Area under the ROC curve and its variance by DeLong; 0.5 is chance."""

    value: float
    variance: float
    chance_variance: float = 0.0
    """Variance among so many scores of which none tells a member: of few, DeLong's can be less."""


def auc(members: Floats, non_members: Floats) -> Auc:
    """Probability that a member scores above a non-member, ties counting one half.

    The Mann-Whitney statistic, with the variance of DeLong, DeLong & Clarke-Pearson (1988) in the
    rank form of Sun & Xu (2014), and that of Mann & Whitney (1947). Scores, of shape (m,) and (n,),
    are larger for "member".

    Raises
    ------
    ValueError
        If there are fewer than two of either, or a score is NaN.

    Examples
    --------
    >>> auc(np.array([1.0, 2.0]), np.array([0.0, 1.0])).value
    0.875
    """
    m, n = len(members), len(non_members)
    if min(m, n) < 2:
        raise ValueError(f"{m} members and {n} non-members: two of each are needed at least")
    scores = np.concatenate([members, non_members])
    if np.isnan(scores).any():
        raise ValueError(f"{int(np.isnan(scores).sum())} of {m + n} scores are NaN")
    ranks = rankdata(scores)
    # Share of the other group that each score exceeds.
    over_non_members = (ranks[:m] - rankdata(members)) / n
    over_members = 1 - (ranks[m:] - rankdata(non_members)) / m
    variance = over_non_members.var(ddof=1) / m + over_members.var(ddof=1) / n
    return Auc(float(over_non_members.mean()), float(variance), (m + n + 1) / (12 * m * n))


class Flagged(NamedTuple):
    """Rows above a threshold: how many members and non-members, of how many.

    The sum of several is taken field by field: see `pool`.
    """

    members: int
    non_members: int
    n_members: int
    n_non_members: int

    @property
    def tpr(self) -> float:
        """Share of the members that are flagged: the true positive rate."""
        return self.members / self.n_members

    @property
    def fpr(self) -> float:
        """Share of the non-members that are flagged: the false positive rate."""
        return self.non_members / self.n_non_members


def flagged(
    members: Floats, non_members: Floats, *, fpr: float, random_state: np.random.Generator
) -> Flagged:
    """Flag the highest scores so that a given share of the non-members is among them.

    Scores are as for `auc`; the share `fpr` is rounded down to whole rows. Ties are broken at
    random: discrete columns make many, and a fixed order would favour one side.

    Raises
    ------
    ValueError
        If the share is less than one row.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> flagged(np.arange(50.5, 150.5), np.arange(100.0), fpr=0.1, random_state=rng).tpr
    0.61
    """
    m, n = len(members), len(non_members)
    n_false = math.floor(fpr * n + 1e-9)
    if n_false < 1:
        raise ValueError(
            f"a false positive rate of {fpr} is less than one of {n} rows; give at least {1 / n:g}"
        )
    scores = np.concatenate([members, non_members])
    order = np.lexsort((random_state.random(m + n), -scores))
    is_member = order < m
    # The threshold lies just above the first non-member too many.
    stop = np.flatnonzero(~is_member)[n_false] if n_false < n else m + n
    return Flagged(int(is_member[:stop].sum()), n_false, m, n)


ENDS = ("", "_low", "_absent", "_low_absent")
"""Ends of a ROC curve: high scores name members, low ones do; high scores name rows that are *not*
members, low ones do."""


def ends(members: Floats, non_members: Floats) -> dict[str, tuple[Floats, Floats]]:
    """Scores of the rows to name and of the others, for `flagged`, at each of `ENDS`.

    A table whose rows keep away from the training rows tells who is not in it, and by that who is.
    """
    pairs = [
        (members, non_members),
        (-members, -non_members),
        (non_members, members),
        (-non_members, -members),
    ]
    return dict(zip(ENDS, pairs, strict=True))


def pool(parts: Sequence[Flagged]) -> Flagged:
    """The sum of several, field by field."""
    return Flagged(*(int(v) for v in np.sum(parts, axis=0)))


def tpr_interval(found: Flagged, *, confidence: float = 0.95) -> Estimate:
    """True positive rate at the false positive rate of the flagged rows, with its interval.

    The rows were flagged by a threshold set on the non-members, as `flagged` does it. The lower
    bound lies above ``found.fpr`` where chance is ruled out.

    Notes
    -----
    The threshold is an order statistic of the non-members, so it scatters as much as the count of
    members above it: an interval of that count alone is too narrow by a factor of about sqrt(2).
    Instead, Clopper & Pearson's (1934) interval is taken for the share q of members among all
    flagged rows, and turned into the true positive rate by fpr * (n_non_members / n_members) *
    q / (1 - q). At chance the flagged members follow a negative hypergeometric distribution, of
    which the binomial tail used here is the (wider) limit.
    """
    share = proportion(found.members, found.members + found.non_members, confidence=confidence)

    def rate(q: float) -> float:
        odds = math.inf if q == 1 else q / (1 - q)
        return min(1.0, found.non_members / found.n_members * odds)

    return Estimate(found.tpr, rate(share.low), rate(share.high))
