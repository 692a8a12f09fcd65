"""All attacks on one synthetic table, with what is needed to pool them over splits."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from synthtab.attacks.copies import CopyExcess, Returned, copy_excess, returned
from synthtab.attacks.distances import Floats, MixedDistance
from synthtab.attacks.inference import Guessed, attribute_inference
from synthtab.attacks.membership import scores
from synthtab.attacks.outliers import isolated_share, most_isolated
from synthtab.attacks.roc import Auc, Flagged, auc, ends, flagged
from synthtab.generators.contract import RandomState
from synthtab.table.split import PrivacySplit

FALSE_POSITIVE_RATES = (0.001, 0.01, 0.1)
WHITE_BOX = "white_box"


@dataclass(frozen=True)
class Findings:
    """What the attacks found on one table of one split.

    Attributes
    ----------
    returned : Returned
        Training rows that came back, whole or nearly.
    copies : dict of str to CopyExcess
        ``all`` columns, and ``features``: all but the target. Shares of the synthetic rows, for
        which as many training as holdout rows are taken.
    membership : dict of str to Auc
        By attack; ``white_box`` among them where the model was open to the attacker.
    flags : dict of (str, float) to Flagged
        By attack, with one of `synthtab.attacks.roc.ENDS` behind it, and false positive rate,
        where that is one row at least.
    isolated : dict of str to Auc
        By attack, among the most isolated rows only; empty if these are too few of either part.
    inference : dict of str to Guessed
        By secret column.
    closeness : dict of str to float
        See `closeness`.
    target : str
        The target column.
    """

    returned: Returned
    copies: dict[str, CopyExcess]
    membership: dict[str, Auc]
    flags: dict[tuple[str, float], Flagged]
    isolated: dict[str, Auc]
    inference: dict[str, Guessed]
    closeness: dict[str, float]
    target: str


def run_attacks(
    split: PrivacySplit,
    synthetic: pd.DataFrame,
    *,
    white_box: Floats | None = None,
    whole: tuple[PrivacySplit, pd.DataFrame] | None = None,
    random_state: RandomState = None,
) -> Findings:
    """Attack a synthetic table in every way of the report card.

    The training part may have more rows than the holdout: all are attacked. `white_box`, of shape
    (n_targets,), holds the scores of an attack on the model, of training and then of holdout rows:
    see `synthtab.attacks.whitebox.white_box_scores`. `whole` are the split and the table whose rows
    are looked up, where only some of them are attacked. `random_state` is the seed of
    relabellings, of ties and of the classifier.

    Raises
    ------
    ValueError
        If the table is not one of the schema.

    Notes
    -----
    With 2,000 rows in each part it takes about 0.5 CPU seconds; with 18,000 about 3 where the
    table has three numbers, and about 25 where it has ten columns, three of them categorical.

    Examples
    --------
    >>> from synthtab.table.example import example_table
    >>> from synthtab.table.split import privacy_split
    >>> split = privacy_split(example_table(), 0, n_rows=200)
    >>> found = run_attacks(split, split.train, random_state=0)
    >>> round(found.copies["all"].of_training, 3), found.membership["dcr"].value > 0.9
    (1.0, True)
    """
    split.schema.validate(synthetic)
    rng = np.random.default_rng(random_state)
    n, schema = split.n, split.schema
    # Equally near rows are taken as they come: a generator's order must not decide which.
    synthetic = synthetic.iloc[rng.permutation(len(synthetic))].reset_index(drop=True)
    m = min(n, len(split.holdout))
    equal = replace(
        split,
        train=split.train.iloc[rng.permutation(n)[:m]],
        holdout=split.holdout.iloc[:m],
    )
    copies = {
        key: copy_excess(equal, synthetic, columns=columns, random_state=rng)
        for key, columns in (("all", schema.columns), ("features", schema.features))
    }
    by_attack = scores(split, synthetic, random_state=rng)
    if white_box is not None:
        by_attack[WHITE_BOX] = white_box
    marked = most_isolated(split, share=isolated_share(m))
    alone, others_alone = marked[:n], marked[n:]
    return Findings(
        returned=returned(split, synthetic, whole),
        copies=copies,
        membership={attack: auc(s[:n], s[n:]) for attack, s in by_attack.items()},
        flags={
            (attack + end, rate): flagged(named, others, fpr=rate, random_state=rng)
            for attack, s in by_attack.items()
            for end, (named, others) in ends(s[:n], s[n:]).items()
            for rate in FALSE_POSITIVE_RATES
            if rate * len(others) >= 1
        },
        isolated={
            attack: auc(s[:n][alone], s[n:][others_alone])
            for attack, s in by_attack.items()
            if min(alone.sum(), others_alone.sum()) > 1
        },
        inference=attribute_inference(split, synthetic),
        closeness=closeness(equal, synthetic),
        target=schema.target,
    )


def closeness(split: PrivacySplit, synthetic: pd.DataFrame) -> dict[str, float]:
    """How near synthetic rows lie to training rows, and to holdout rows by the same measure.

    There are as many of one as of the other; the reference scales distances.

    Returns
    -------
    dict of str to float
        ``dcr_training``, ``dcr_holdout``: median distance to the closest record. ``nndr_training``,
        ``nndr_holdout``: median ratio of the distances to the closest and the second closest
        different record. ``nearest_is_training``: share of the synthetic rows whose nearest real
        row is a training row, a tie counting one half; at chance it is one half.
        ``nearest_variance``: the variance of that share.

    Notes
    -----
    Being no nearer to training rows than to others is necessary for privacy and not sufficient: a
    copy with enough noise passes, and so does a table that gives away a few rows only (Yao et al.,
    2025).

    Examples
    --------
    >>> from synthtab.table.schema import Schema
    >>> a, b = pd.DataFrame({"x": [0.0, 2.0, 4.0]}), pd.DataFrame({"x": [1.0, 3.0, 9.0]})
    >>> split = PrivacySplit(a, b, a, Schema.infer(a, target="x"))
    >>> closeness(split, a)["nearest_is_training"]
    1.0
    """
    metric = MixedDistance(split.schema, scale_by=split.reference)
    found: dict[str, float] = {}
    nearest: dict[str, Floats] = {}
    for key, real in {"training": split.train, "holdout": split.holdout}.items():
        different = real.drop_duplicates()
        distance = metric.nearest(synthetic, different, k=min(2, len(different))).distance
        nearest[key] = distance[:, 0]
        found[f"dcr_{key}"] = float(np.median(distance[:, 0]))
        found[f"nndr_{key}"] = float(np.median(distance[:, 0] / distance[:, -1]))
    is_training = (np.sign(nearest["holdout"] - nearest["training"]) + 1) / 2
    found["nearest_is_training"] = float(is_training.mean())
    found["nearest_variance"] = float(is_training.var() / len(is_training))
    return found
