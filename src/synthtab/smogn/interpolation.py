"""New rows between neighbouring rows: how SMOGN makes a row, whichever rows it starts from.

The second half of the paper; `synthtab.smogn.resample` cites it, and says what ``NOTE`` marks.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# A neighbour tree prunes well only in few dimensions; elsewhere all distances are computed.
_TREE_MAX_DIMENSIONS = 8
_TREE_MIN_ROWS = 400
# Distances held at once, 32 MiB of float64.
_CHUNK = 2**22
# The median is compared exactly unless a count settles the comparison with this much room.
_MARGIN = 1e-9


# Distances within a set of rows -------------------------------------------------------------


class Heom:
    """A set of rows with the distances between them (on features only).

    HEOM (Wilson and Martinez, 1997), or Euclidean distances: see `metric` of `SMOGN`.

    Parameters
    ----------
    numeric : ndarray of shape (n_rows, n_numeric)
        Numeric features.
    codes : ndarray of shape (n_rows, n_categorical), of int
        Categorical features as numbers from 0; only their equality counts.

    Examples
    --------
    >>> rows = Heom(np.array([[0.0], [5.0], [10.0]]), np.array([[0], [0], [1]]))
    >>> rows.distances(np.array([0])).round(3)
    array([[0.   , 0.5  , 1.414]])
    """

    def __init__(self, numeric: Floats, codes: Ints, metric: str = "auto") -> None:
        # NOTE: ranges are taken within the set (SMOGN: the bump), as in UBL and smogn. A feature
        # that is constant there adds nothing to any distance.
        spread = np.ptp(numeric, axis=0)
        self.scale = np.where((spread > 0) & (metric == "auto"), spread, 1.0)
        self.numeric = numeric / self.scale
        self.codes = codes
        self.n_rows = len(numeric)

    def distances(self, rows: Ints) -> Floats:
        """Distances from some rows to all rows, of shape (len(rows), n_rows)."""
        squared = np.zeros((len(rows), self.n_rows))
        if self.numeric.shape[1]:
            squared += cdist(self.numeric[rows], self.numeric, "sqeuclidean")
        for column in self.codes.T:
            squared += column[rows][:, None] != column
        return np.asarray(np.sqrt(squared))

    def coordinates(self) -> Floats | None:
        """Points whose Euclidean distances are the HEOM distances; None if they are too wide."""
        sizes = [int(column.max()) + 1 for column in self.codes.T]
        if self.numeric.shape[1] + sum(sizes) > _TREE_MAX_DIMENSIONS:
            return None
        # Two different one-hot vectors lie sqrt(2) apart; the overlap distance is 1.
        one_hot = [
            np.eye(m)[column] / math.sqrt(2) for m, column in zip(sizes, self.codes.T, strict=True)
        ]
        return np.hstack([self.numeric, *one_hot])

    def neighbours(self, k: int) -> tuple[Ints, Floats, Floats]:
        """The k nearest other rows, their distances and maxD: (n_rows, k) twice, and (n_rows,).

        maxD is half the median distance to the other rows, or infinity where all k neighbours are
        certainly nearer, so that its value is not needed. `k` is at most n_rows - 1.
        """
        coordinates = self.coordinates() if self.n_rows >= _TREE_MIN_ROWS else None
        if coordinates is None:
            return self._neighbours_by_chunks(k)
        return self._neighbours_by_tree(coordinates, k)

    def _neighbours_by_chunks(self, k: int) -> tuple[Ints, Floats, Floats]:
        nearest = np.empty((self.n_rows, k), dtype=np.int64)
        distance = np.empty((self.n_rows, k))
        max_distance = np.empty(self.n_rows)
        for rows in self._chunks(np.arange(self.n_rows)):
            table = self.distances(rows)
            # A row is not its own neighbour, even among exact copies.
            table[np.arange(len(rows)), rows] = np.inf
            found = np.argpartition(table, k - 1, axis=1)[:, :k]
            found_distance = np.take_along_axis(table, found, axis=1)
            order = np.argsort(found_distance, axis=1, kind="stable")
            nearest[rows] = np.take_along_axis(found, order, axis=1)
            distance[rows] = np.take_along_axis(found_distance, order, axis=1)
            radius = 2 * distance[rows, -1] * (1 + _MARGIN)
            within = np.count_nonzero(table <= radius[:, None], axis=1)
            max_distance[rows] = self._half_median(table, within)
        return nearest, distance, max_distance

    def _neighbours_by_tree(self, coordinates: Floats, k: int) -> tuple[Ints, Floats, Floats]:
        tree = cKDTree(coordinates)
        distance, nearest = tree.query(coordinates, k=k + 1)
        own = nearest == np.arange(self.n_rows)[:, None]
        # Among more than k exact copies a row need not find itself; then the last one goes.
        own[~own.any(axis=1), -1] = True
        nearest, distance = nearest[~own].reshape(-1, k), distance[~own].reshape(-1, k)
        radius = 2 * distance[:, -1] * (1 + _MARGIN)
        within = tree.query_ball_point(coordinates, radius, return_length=True) - 1
        max_distance = np.full(self.n_rows, np.inf)
        unsettled = np.flatnonzero(~self._surely_safe(within))
        for rows in self._chunks(unsettled):
            table = self.distances(rows)
            table[np.arange(len(rows)), rows] = np.inf
            max_distance[rows] = self._half_median(table, within[rows])
        return nearest.astype(np.int64), distance, max_distance

    def _surely_safe(self, within: Ints) -> npt.NDArray[np.bool_]:
        # distance < median / 2  <=>  median > 2 distance  <=  fewer than half of the other rows
        # lie within twice the distance. A count is much cheaper than a median.
        return np.asarray(within <= (self.n_rows - 2) // 2)

    def _half_median(self, table: Floats, within: Ints) -> Floats:
        half = np.full(len(table), np.inf)
        needed = ~self._surely_safe(within)
        if needed.any():
            others = self.n_rows - 1
            low, high = (others - 1) // 2, others // 2
            # The row itself, at infinity, sorts last.
            part = np.partition(table[needed], [low, high], axis=1)
            half[needed] = (part[:, low] + part[:, high]) / 4
        return half

    def _chunks(self, rows: Ints) -> list[Ints]:
        size = max(1, _CHUNK // self.n_rows)
        return [rows[i : i + size] for i in range(0, len(rows), size)]


# Making rows --------------------------------------------------------------------------------


class Synthetic(NamedTuple):
    """New rows and the rows they were made from, by position in the set they were made in."""

    numeric: Floats
    """Numeric features, shape (n_new, n_numeric)."""
    target: Floats
    """Target, shape (n_new,)."""
    donors: Ints
    """Row from which each category is copied, shape (n_new, n_categorical)."""
    seed: Ints
    """Row that the new one starts at, shape (n_new,)."""
    neighbour: Ints
    """Row it was interpolated with, shape (n_new,); -1 for noise."""

    @property
    def interpolated(self) -> npt.NDArray[np.bool_]:
        """Which rows are interpolated, shape (n_new,); the others are noise."""
        return self.neighbour >= 0

    def within(self, rows: Ints) -> Self:
        """The same new rows, with positions in a table of which the set is the rows `rows`."""
        neighbour = np.where(self.interpolated, rows[self.neighbour], -1)
        return self._replace(donors=rows[self.donors], seed=rows[self.seed], neighbour=neighbour)


def even_seeds(n_rows: int, n_new: int, rng: np.random.Generator) -> Ints:
    """Rows to start from: each equally often, and the remainder once more at random.

    Examples
    --------
    >>> np.bincount(even_seeds(3, 7, np.random.default_rng(0))).tolist()
    [2, 2, 3]
    """
    times, extra = divmod(n_new, n_rows)
    return np.concatenate(
        [np.repeat(np.arange(n_rows), times), rng.choice(n_rows, extra, replace=False)]
    )


def synthesise(
    numeric: Floats,
    codes: Ints,
    target: Floats,
    seed: Ints,
    *,
    k: int = 5,
    pert: float = 0.02,
    metric: str = "auto",
    always: bool = False,
    rng: np.random.Generator,
) -> Synthetic:
    """Make one new row from each seed: Branco et al. (2017), algorithms 2 and 3.

    A seed takes a neighbour, and is interpolated with it or copied with noise, as in `SMOGN`.

    Parameters
    ----------
    numeric, codes
        Features of the set, a bump or a whole table, as for `Heom`.
    target : ndarray of shape (n_rows,)
        Its target.
    seed : ndarray of shape (n_new,), of int
        Row that each new row starts at; see `even_seeds`.
    k : int, default=5
        Nearest neighbours to choose from; fewer where the set has no more rows.
    pert : float, default=0.02
        Largest noise, in standard deviations of the column within the set.
    metric : {"auto", "euclidean"}, default="auto"
        As in `Heom`.
    always : bool, default=False
        Interpolate however far the neighbour is. Not SMOGN's rule: it is here to see what
        interpolation does where SMOGN would give it up.
    rng : Generator
        Source of all draws.
    """
    n_rows = len(target)
    rows = Heom(numeric, codes, metric)
    if n_rows == 1:
        pick, distance, max_distance = seed, np.full(len(seed), np.inf), np.zeros(len(seed))
    else:
        nearest, distances, max_distances = rows.neighbours(min(k, n_rows - 1))
        column = rng.integers(nearest.shape[1], size=len(seed))
        pick, distance = nearest[seed, column], distances[seed, column]
        max_distance = max_distances[seed]
    safe = (distance < max_distance) | (always and n_rows > 1)

    # Interpolation: a point on the segment from the seed to its neighbour.
    # NOTE: one fraction for all features, as in UBL and smogn; the pseudo-code can be read as
    # one fraction for each feature, which would leave the segment.
    fraction = rng.random(len(seed))
    step = numeric[pick] - numeric[seed]
    between = numeric[seed] + fraction[:, None] * step
    from_neighbour = rng.random((len(seed), codes.shape[1])) < 0.5
    # Each parent counts by its nearness to the new row.
    # NOTE: the distance is that of the metric, over all features. UBL and smogn overwrite it in
    # a loop, so only their last numeric feature counts.
    squared = ((step / rows.scale) ** 2).sum(axis=1)
    differs = codes[pick] != codes[seed]
    to_seed = np.sqrt(fraction**2 * squared + (differs & from_neighbour).sum(axis=1))
    to_neighbour = np.sqrt((1 - fraction) ** 2 * squared + (differs & ~from_neighbour).sum(axis=1))
    total = to_seed + to_neighbour
    # Parents with equal features have no nearer one: their mean, not a division of 0 by 0.
    weight = np.divide(to_seed, total, out=np.full(len(seed), 0.5), where=total > 0)
    between_target = target[seed] + weight * (target[pick] - target[seed])

    # Gaussian noise around the seed.
    n_noise = int(np.count_nonzero(~safe))
    reach = np.minimum(pert, max_distance[~safe])
    columns = np.column_stack([numeric, target])
    deviation = columns.std(axis=0, ddof=1) if n_rows > 1 else np.zeros(columns.shape[1])
    noisy = columns[seed[~safe]] + reach[:, None] * deviation * rng.standard_normal(
        (n_noise, columns.shape[1])
    )
    between[~safe], between_target[~safe] = noisy[:, :-1], noisy[:, -1]
    donors = np.where(from_neighbour, pick[:, None], seed[:, None])
    # The category of a uniformly drawn row: categories by their frequency in the set.
    donors[~safe] = rng.integers(n_rows, size=(n_noise, codes.shape[1]))
    return Synthetic(between, between_target, donors, seed, np.where(safe, pick, -1))


# Between frames and arrays ------------------------------------------------------------------


def to_arrays(X: pd.DataFrame, categorical: Sequence[Hashable]) -> tuple[Floats, Ints]:
    """Numeric features, and categorical ones as numbers from 0, each in the frame's order.

    Examples
    --------
    >>> X = pd.DataFrame({"plant": ["b", "a", "b"], "size": [6, 8, 10]})
    >>> numeric, codes = to_arrays(X, ["plant"])
    >>> numeric.tolist(), codes.tolist()
    ([[6.0], [8.0], [10.0]], [[0], [1], [0]])
    """
    numbers = [c for c in X.columns if c not in categorical]
    categories = [c for c in X.columns if c in categorical]
    numeric = np.empty((len(X), len(numbers)))
    for j, c in enumerate(numbers):
        numeric[:, j] = X[c].to_numpy(dtype=float)
    codes = np.empty((len(X), len(categories)), dtype=np.int64)
    for j, c in enumerate(categories):
        codes[:, j] = pd.factorize(X[c])[0]
    return numeric, codes


def features_of(
    X: pd.DataFrame, categorical: Sequence[Hashable], kept: Ints, made: Synthetic
) -> pd.DataFrame:
    """Rows `kept` of a frame, then the new rows, in the frame's columns and dtypes.

    `kept`, of shape (n_kept,), and `made` hold positions in `X`, from whose arrays (`to_arrays`)
    the rows were made. Categories come from the donors; numbers are rounded in integer columns.
    """
    # Every value is first copied from a real row, which keeps any dtype and the categories; the
    # numeric values of synthetic rows are then written over.
    columns: dict[Hashable, Any] = {}
    n_numbers = n_categories = 0
    for c in X.columns:
        if c in categorical:
            donors = made.donors[:, n_categories]
            columns[c] = X[c].array.take(np.concatenate([kept, donors]))
            n_categories += 1
        else:
            columns[c] = column_of(X[c], kept, made.seed, made.numeric[:, n_numbers])
            n_numbers += 1
    frame = pd.DataFrame(columns)
    frame.columns = X.columns
    return frame


def column_of(column: pd.Series[Any], kept: Ints, seed: Ints, values: Floats) -> Any:
    """Array of a numeric column's rows `kept`, then new values, made from the rows `seed`."""
    extended = column.array.take(np.concatenate([kept, seed]))
    dtype: Any = getattr(column.dtype, "numpy_dtype", column.dtype)  # int64 for Int64
    if column.dtype.kind in "iu":
        # NOTE: rounded to the nearest; smogn truncates towards 0. Noise must not wrap around the
        # ends of a narrow or unsigned type, so it stops there.
        bounds = np.iinfo(dtype)
        values = np.clip(np.rint(values), bounds.min, bounds.max)
    extended[len(kept) :] = values.astype(dtype)
    return extended
