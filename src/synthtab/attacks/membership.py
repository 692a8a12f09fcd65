"""Was this row among the training rows? Black-box attacks, which see the synthetic table only."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.ensemble import ExtraTreesClassifier

from synthtab.attacks.distances import Floats, MixedDistance
from synthtab.evaluation.utility import feature_encoder
from synthtab.generators.contract import RandomState
from synthtab.table.split import PrivacySplit

ATTACKS: Mapping[str, str] = {
    "dcr": "nearest distance",
    "dcr_difference": "nearest distance, against the reference",
    "nndr": "nearest-neighbour ratio",
    "density_ratio": "density ratio",
    "logan": "classifier",
}
"""The black-box attacks and what they are called on a page."""

_K = 5
# Added to distances before the logarithm: a copy is at distance 0. Far below any distance between
# different rows that matters, which is about one rounding step of a column.
_NEAR_ZERO = 1e-6


def scores(
    split: PrivacySplit, synthetic: pd.DataFrame, *, random_state: RandomState = None
) -> dict[str, Floats]:
    """Score rows by each attack, higher for "was a training row".

    The attacker holds complete candidate rows, the synthetic table, and other rows of the same
    source as a reference. No attack is fitted to members and non-members: each is one fixed
    function of the row, so it may be judged on the very rows it scores.

    Parameters
    ----------
    split : PrivacySplit
        Its targets are scored, members and non-members together, so that both are treated alike.
    synthetic : DataFrame of shape (n_synthetic, n_columns)
        The table made from the members.
    random_state : int, Generator or None, default=None
        Seed of the classifier.

    Returns
    -------
    dict of str to ndarray of shape (n_targets,)
        ``dcr``
            Minus the distance to the closest synthetic row (Chen et al., 2020: the black-box
            attack of GAN-Leaks).
        ``dcr_difference``
            The distance to the closest reference row, minus that to the closest synthetic row: a
            row in a dense region is near to everything (their calibrated attack, with a reference
            sample in place of a reference model).
        ``nndr``
            Minus the ratio of the distances to the closest and second closest different synthetic
            rows.
        ``density_ratio``
            Log density of synthetic over that of reference rows, from the distances to the 5
            nearest: in the manner of DOMIAS (van Breugel et al., 2023), whose densities are
            kernel or flow estimates.
        ``logan``
            Log odds that the row is synthetic rather than a reference row, by randomised trees
            fitted on these two: in the manner of LOGAN (Hayes et al., 2019), whose classifier is
            the discriminator of a GAN.

    Notes
    -----
    A distance that finds nothing shows nothing: a jittered copy is farther away than an honest
    synthetic row, and a leak of one row in a hundred drowns in the mean (Yao et al., 2025).

    Examples
    --------
    >>> from synthtab.table.example import example_table
    >>> data = example_table()
    >>> rows = data.frame
    >>> split = PrivacySplit(rows[:100], rows[100:200], rows[200:300], data.schema)
    >>> found = scores(split, split.train, random_state=0)
    >>> bool(found["dcr"][:100].min() > found["dcr"][100:].mean())
    True
    """
    targets, reference = split.targets, split.reference
    metric = MixedDistance(split.schema, scale_by=reference)
    k = min(_K, len(synthetic), len(reference))
    to_synthetic = metric.nearest(targets, synthetic, k=k).distance
    to_reference = metric.nearest(targets, reference, k=k).distance
    return {
        "dcr": -to_synthetic[:, 0],
        "dcr_difference": to_reference[:, 0] - to_synthetic[:, 0],
        "nndr": -_ratio_of_nearest(metric, targets, synthetic),
        "density_ratio": _mean_log(to_reference) - _mean_log(to_synthetic),
        "logan": _log_odds(split, synthetic, random_state),
    }


def _mean_log(distance: Floats) -> Floats:
    # A k-nearest-neighbour density is a power of the distance; the number of dimensions scales all
    # scores alike. The mean over 1 to k scatters less than the k-th alone.
    return np.asarray(np.log(distance + _NEAR_ZERO).mean(axis=1))


def _ratio_of_nearest(
    metric: MixedDistance, targets: pd.DataFrame, synthetic: pd.DataFrame
) -> Floats:
    # Among different rows the second distance is 0 for none, and a copy drawn twice is a copy.
    different = synthetic.drop_duplicates()
    if len(different) < 2:
        return np.ones(len(targets))
    first, second = metric.nearest(targets, different, k=2).distance.T
    return np.asarray(first / second)


def _log_odds(split: PrivacySplit, synthetic: pd.DataFrame, random_state: RandomState) -> Floats:
    reference, schema = split.reference, split.schema
    encoder = feature_encoder(schema, features=schema.columns).fit(reference)
    rng = np.random.default_rng(random_state)
    classifier = ExtraTreesClassifier(
        n_estimators=50,
        min_samples_leaf=3,
        class_weight="balanced",
        random_state=int(rng.integers(2**31)),
    )
    rows = pd.concat([synthetic, reference], ignore_index=True)
    label = np.repeat([1, 0], [len(synthetic), len(reference)])
    classifier.fit(encoder.transform(rows), label)
    share = classifier.predict_proba(encoder.transform(split.targets))[:, 1].clip(1e-6, 1 - 1e-6)
    return np.asarray(np.log(share / (1 - share)))
