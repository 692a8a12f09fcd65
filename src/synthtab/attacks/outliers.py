"""The rows that stand alone: averages over all rows hide what happens to them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthtab.attacks.distances import MixedDistance
from synthtab.table.schema import Schema

_K = 5


def isolated_share(n: int) -> float:
    """Share of the rows that counts as isolated: 5 %, and 20 % where that would be too few.

    Examples
    --------
    >>> isolated_share(18_000), isolated_share(2_000)
    (0.05, 0.2)
    """
    return 0.05 if n >= 5000 else 0.2


def most_isolated(
    targets: pd.DataFrame, reference: pd.DataFrame, schema: Schema, *, share: float
) -> npt.NDArray[np.bool_]:
    """Mark the rows that lie farthest from other real rows.

    Parameters
    ----------
    targets : DataFrame of shape (n, n_columns)
        Members and non-members together.
    reference : DataFrame of shape (n_reference, n_columns)
        Real rows that are neither: isolation must not depend on who is a member.
    schema : Schema
        Description of both.
    share : float
        Share of the targets that is marked.

    Returns
    -------
    ndarray of bool, shape (n,)
        By the mean distance to the 5 nearest reference rows.

    Raises
    ------
    ValueError
        If the share is not between 0 and 1.

    Examples
    --------
    >>> rows = pd.DataFrame({"size": [1.0, 2.0, 3.0, 50.0]})
    >>> schema = Schema.infer(rows, target="size")
    >>> most_isolated(rows, rows.iloc[:3], schema, share=0.25).tolist()
    [False, False, False, True]
    """
    if not 0 < share <= 1:
        raise ValueError(f"share={share}: give a share of the rows, above 0 and at most 1")
    metric = MixedDistance(schema, scale_by=reference)
    k = min(_K, len(reference))
    distance = metric.nearest(targets, reference, k=k).distance.mean(axis=1)
    marked = np.zeros(len(targets), dtype=bool)
    marked[np.argsort(distance, kind="stable")[len(targets) - round(share * len(targets)) :]] = True
    return marked
