"""What else does the table tell of a known row? Guessing one column from all the others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.neighbors import NearestNeighbors

from synthtab.attacks.distances import MixedDistance
from synthtab.evaluation.intervals import Estimate, proportion
from synthtab.table.split import PrivacySplit


class Guessed(NamedTuple):
    """Right guesses of a secret column among training rows and among holdout rows."""

    training: int
    holdout: int
    n_training: int
    n_holdout: int


def attribute_inference(
    split: PrivacySplit,
    synthetic: pd.DataFrame,
    *,
    secrets: Sequence[str] | None = None,
    tolerance: float = 0.05,
) -> dict[str, Guessed]:
    """Guess columns of known rows from the nearest synthetic row, for `inference_risk`.

    The attacker knows all other columns of a row and takes the secret of the synthetic row that
    is nearest in these. That a guess is right says nothing by itself: a useful table teaches how
    columns hang together. Only what it is right about training rows *beyond* holdout rows is
    learnt from those rows rather than from the population (Giomi et al., 2023).

    Parameters
    ----------
    split : PrivacySplit
        Rows the table was made from, and others of the same source. The reference scales distances
        (see `MixedDistance`) and `tolerance`.
    synthetic : DataFrame of shape (n_synthetic, n_columns)
        The table. Of rows equally near the first counts.
    secrets : sequence of str or None, default=None
        Columns guessed, one at a time; None takes every column.
    tolerance : float, default=0.05
        A number is guessed right if it is within so many standard deviations of its column; a
        category if it is the same.

    Raises
    ------
    ValueError
        If a secret is not a column, or the only one.

    Examples
    --------
    >>> from synthtab.table.example import example_table
    >>> data = example_table()
    >>> split = PrivacySplit(data.frame[:300], data.frame[300:600], data.frame, data.schema)
    >>> copy = attribute_inference(split, split.train, secrets=["service"])["service"]
    >>> copy.training > 290 > copy.holdout
    True
    """
    schema, n, real = split.schema, split.n, split.targets
    secrets = list(schema.columns) if secrets is None else list(secrets)
    unknown = [s for s in secrets if s not in schema.columns]
    if unknown:
        raise ValueError(f"secrets {unknown} are not columns; known are {list(schema.columns)}")
    if len(schema.columns) < 2:
        raise ValueError(f"{schema.columns[0]!r} is the only column: nothing to guess it from")
    found = {}
    metric = MixedDistance(schema, scale_by=split.reference)
    points = [metric.coordinates(rows) for rows in (real, synthetic)]
    first = np.cumsum([0, *(len(schema.categorical.get(c, (0,))) for c in schema.columns)])
    for secret in secrets:
        j = schema.columns.index(secret)
        from_real, to_made = (np.delete(p, np.s_[first[j] : first[j + 1]], axis=1) for p in points)
        search = NearestNeighbors(n_neighbors=1).fit(to_made)
        nearest = search.kneighbors(from_real, return_distance=False)[:, 0]
        guess, truth = synthetic[secret].to_numpy()[nearest], real[secret].to_numpy()
        if secret in schema.categorical:
            right = guess == truth
        else:
            step = tolerance * split.reference[secret].to_numpy(dtype=np.float64).std()
            right = np.abs(guess.astype(np.float64) - truth.astype(np.float64)) <= step
        found[secret] = Guessed(int(right[:n].sum()), int(right[n:].sum()), n, len(real) - n)
    return found


def inference_risk(parts: Sequence[Guessed], *, confidence: float = 0.95) -> Estimate:
    """Right guesses that the training rows themselves account for, as a share of what was open.

    (a_train - a_holdout) / (1 - a_holdout), where a is the share of right guesses over all splits:
    0 is none, 1 is that every training row is known (Giomi et al., 2023).

    Each of `parts` is of one split. Where every holdout row was guessed right nothing was open, and
    nothing is known of the risk: 0, with bounds 0 and 1.

    Notes
    -----
    One minus the risk is the ratio of the shares of *wrong* guesses. Its interval follows from the
    Wilson intervals of the two shares (Donner & Zou, 2012: the method of variance estimates
    recovery for ratios). Its lower bound is above 0 where chance is ruled out.

    Examples
    --------
    >>> risk = inference_risk([Guessed(600, 200, 1000, 1000)])
    >>> tuple(round(v, 2) for v in risk)
    (0.5, 0.46, 0.54)
    """
    training, holdout, n_training, n_holdout = (int(v) for v in np.sum(parts, axis=0))
    a, b = (
        proportion(n - right, n, method="wilson", confidence=confidence)
        for right, n in ((training, n_training), (holdout, n_holdout))
    )
    if b.value == 0:
        return Estimate(0.0, 0.0, 1.0)
    product = a.value * b.value
    low = (product - _root(product, a.low * b.high, a.low, a.value, b.high, b.value)) / (
        b.high * (2 * b.value - b.high)
    )
    high = (product + _root(product, a.high * b.low, a.high, a.value, b.low, b.value)) / (
        b.low * (2 * b.value - b.low)
    )
    return Estimate(1 - a.value / b.value, 1 - high, 1 - low)


def _root(
    product: float, bounds: float, a_bound: float, a: float, b_bound: float, b: float
) -> float:
    return math.sqrt(max(0.0, product**2 - bounds * (2 * a - a_bound) * (2 * b - b_bound)))
