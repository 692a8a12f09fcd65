"""How far two rows of a mixed table lie apart: one definition for every attack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.neighbors import NearestNeighbors

from synthtab.table.schema import Schema

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Neighbours(NamedTuple):
    """Nearest rows, nearest first: distances and positions, each of shape (n_queries, k)."""

    distance: Floats
    position: Ints


class MixedDistance:
    """Distance between rows with numbers and categories.

    The square root of the sum of squared differences of the numbers, each in standard deviations
    of its column, and of 1 for each category that differs: HEOM (Wilson & Martinez, 1997) with
    standard deviations in place of ranges, which one outlier would decide.

    Parameters
    ----------
    schema : Schema
        Description of the rows.
    scale_by : DataFrame
        Rows whose standard deviations scale the numbers. An attacker does not hold the training
        rows, so these must be others. A column that is constant there is left in its unit.
    columns : sequence of str or None, default=None
        Columns that count; None takes all of them.

    Raises
    ------
    ValueError
        If no column is left, or one is not in the schema.

    Notes
    -----
    Rows become points whose Euclidean distances are these, and neighbours are found by a k-d tree
    in up to 15 dimensions and block by block in more. Of 18,000 rows the 5 nearest among 18,000
    others take about 0.1 CPU seconds with three numbers, and about 1 with two numbers and 25
    categories. Memory grows with the rows, not with their square.

    Examples
    --------
    >>> frame = pd.DataFrame({"size": [-1.0, 1.0], "plant": ["a", "b"]})
    >>> metric = MixedDistance(Schema.infer(frame, target="size"), scale_by=frame)
    >>> metric.nearest(frame.iloc[[0]], frame, k=2).distance.round(3)
    array([[0.   , 2.236]])
    """

    def __init__(
        self, schema: Schema, *, scale_by: pd.DataFrame, columns: Sequence[str] | None = None
    ) -> None:
        columns = list(schema.columns) if columns is None else list(columns)
        unknown = [c for c in columns if c not in schema.columns]
        if unknown or not columns:
            raise ValueError(
                f"columns {unknown or 'missing'}: a distance needs some of {list(schema.columns)}"
            )
        self.schema = schema
        self.columns = columns
        self.scale = {
            c: float(scale_by[c].to_numpy(dtype=np.float64).std()) or 1.0
            for c in columns
            if c not in schema.categorical
        }

    def coordinates(self, frame: pd.DataFrame) -> Floats:
        """Points whose Euclidean distances are those of the rows, shape (n, n_coordinates)."""
        parts = []
        for column in self.columns:
            if column in self.schema.categorical:
                known = np.array(self.schema.categorical[column], dtype=object)
                # Two different one-hot vectors lie sqrt(2) apart; the distance shall be 1.
                parts.append((frame[column].to_numpy()[:, None] == known) / np.sqrt(2))
            else:
                values = frame[[column]].to_numpy(dtype=np.float64)
                parts.append(values / self.scale[column])
        return np.hstack(parts)

    def nearest(self, queries: pd.DataFrame, targets: pd.DataFrame, *, k: int = 1) -> Neighbours:
        """The `k` rows of `targets` nearest to each query; equally near ones in no order.

        Raises
        ------
        ValueError
            If there are fewer than `k` targets.
        """
        if len(targets) < k:
            raise ValueError(f"{k} nearest rows are asked for, and there are {len(targets)} rows")
        from_points, to_points = self.coordinates(queries), self.coordinates(targets)
        found = NearestNeighbors(n_neighbors=k).fit(to_points).kneighbors(from_points)
        position = np.asarray(found[1], dtype=np.int64)
        # Block by block, scikit-learn takes distances from a product of matrices, in which a copy
        # comes out as far as 1e-8 away. So they are computed once more, as differences.
        distance = np.empty(position.shape)
        for j in range(k):
            gap = from_points - to_points[position[:, j]]
            distance[:, j] = np.sqrt(np.einsum("ij,ij->i", gap, gap))
        return Neighbours(distance, position)
