"""The rows that stand alone: averages over all rows hide what happens to them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthtab.attacks.distances import MixedDistance
from synthtab.table.split import PrivacySplit

_K = 5


def isolated_share(n: int) -> float:
    """Share of the rows that counts as isolated: 5 %, and 20 % where that would be too few.

    Examples
    --------
    >>> isolated_share(18_000), isolated_share(2_000)
    (0.05, 0.2)
    """
    return 0.05 if n >= 5000 else 0.2


def most_isolated(split: PrivacySplit, *, share: float) -> npt.NDArray[np.bool_]:
    """Mark that share of the split's targets which lies farthest from other real rows.

    Shape (n_targets,). By the mean distance to the 5 nearest reference rows: isolation must not
    depend on who is a member.

    Raises
    ------
    ValueError
        If the share is not between 0 and 1.

    Examples
    --------
    >>> import pandas as pd
    >>> from synthtab.table.schema import Schema
    >>> rows = pd.DataFrame({"size": [1.0, 2.0, 3.0, 50.0]})
    >>> split = PrivacySplit(rows[:2], rows[2:], rows[:3], Schema.infer(rows, target="size"))
    >>> most_isolated(split, share=0.25).tolist()
    [False, False, False, True]
    """
    if not 0 < share <= 1:
        raise ValueError(f"share={share}: give a share of the rows, above 0 and at most 1")
    targets, reference = split.targets, split.reference
    metric = MixedDistance(split.schema, scale_by=reference)
    k = min(_K, len(reference))
    distance = metric.nearest(targets, reference, k=k).distance.mean(axis=1)
    # Rows that are equally far are taken from members and non-members in turn, as many there are.
    sizes = split.n, len(targets) - split.n
    turn = np.concatenate([(np.arange(size) + 0.5) / size for size in sizes])
    order = np.lexsort((turn, distance))
    marked = np.zeros(len(targets), dtype=bool)
    marked[order[len(targets) - round(share * len(targets)) :]] = True
    return marked
