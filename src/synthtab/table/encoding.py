"""From a frame to arrays and back: ranks for numbers, codes for categories."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from scipy.stats import chi2
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from synthtab.table.schema import Schema

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_MAX_DECIMALS = 12
_ROWS_PER_KNOT = 16
_MAX_LEVELS = 64
_ROWS_PER_LEVEL = 20
_REACH = 10
_SMOOTH_LEVEL = 0.01
EDGE = 1e-12  # ranks this near to 0 or 1 are cut off: a normal score of about 7


class Encoded(NamedTuple):
    """A table as arrays: `x_num` of shape (n, n_num), `x_cat` of shape (n, n_cat)."""

    x_num: FloatArray
    x_cat: IntArray


@dataclass(frozen=True, eq=False)
class RankMap:
    """Map between the values of one numerical column and uniform ranks.

    An *atom* (a preferred size, a round price: a repeated value where no smooth density explains
    the counts) that occurs c times among n owns the rank interval [F(v-), F(v)] of width c / n and
    comes back from all of it. Between atoms the map is a smoothed distribution function, linear
    between knots that are means of about 16 neighbouring rows; a value owns the ranks that round
    to it. A uniform rank therefore returns the column's own distribution, atoms included, without
    repeating the chance gaps between its values, and never leaves its range.

    Parameters
    ----------
    decimals : int or None
        Decimals that values are rounded to; None rounds none.
    atoms, atom_low, atom_high : ndarray of shape (n_atoms,)
        Atoms in ascending order, and both ends of their rank intervals.
    knot_ranks, knot_values : ndarray of shape (n_knots,)
        Knots of the map between atoms, both in ascending order.

    Examples
    --------
    >>> import numpy as np
    >>> ranks = RankMap.of(np.array([5.0, 5.0, 5.0, 7.0, 7.0, 7.0]))
    >>> ranks.interval(np.array([5.0, 7.0]))
    (array([0. , 0.5]), array([0.5, 1. ]))
    >>> ranks.value(np.array([0.1, 0.4, 0.9]))
    array([5., 5., 7.])
    """

    decimals: int | None
    atoms: FloatArray
    atom_low: FloatArray
    atom_high: FloatArray
    knot_ranks: FloatArray
    knot_values: FloatArray

    @classmethod
    def of(cls, values: NDArray[Any]) -> Self:
        """The map of a column's finite training values, of shape (n,) and any numeric dtype."""
        unique, counts = np.unique(values, return_counts=True)
        decimals = decimal_places(unique)  # in the column's own precision: float32(0.1) has one
        unique = unique.astype(np.float64)
        is_atom = _are_atoms(unique, counts, decimals)
        total = np.concatenate([[0], np.cumsum(counts)])
        # A group is one atom, or some neighbouring values between two atoms.
        starts_run = is_atom | np.concatenate([[True], is_atom[:-1]])
        run_start = np.maximum.accumulate(np.where(starts_run, np.arange(len(unique)), 0))
        part = (total[:-1] - total[run_start]) // _ROWS_PER_KNOT
        starts_group = starts_run | np.concatenate([[True], np.diff(part) > 0])
        first = np.flatnonzero(starts_group)
        rows = np.add.reduceat(counts, first)
        means = np.add.reduceat(unique * counts, first) / rows
        edges = np.concatenate([[0], np.cumsum(rows)]) / len(values)
        low, high, atom = edges[:-1], edges[1:], is_atom[first]
        atoms = unique[first][atom]
        # Knots: both ends of an atom's interval, the middle of another group's, and the range,
        # half a row from the end: at rank 0 the score of the smallest value would be infinite.
        end = 0.5 / len(values)
        ranks = np.concatenate([[end], low[atom], high[atom], ((low + high) / 2)[~atom], [1 - end]])
        knots = np.concatenate([unique[:1], atoms, atoms, means[~atom], unique[-1:]])
        order = np.lexsort((ranks, knots))
        return cls(decimals, atoms, low[atom], high[atom], ranks[order], knots[order])

    def to_plain(self) -> dict[str, Any]:
        """The map as numbers and lists, for `from_plain`."""
        return {name: np.asarray(part).tolist() for name, part in vars(self).items()}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """The map that `to_plain` describes."""
        parts = (np.array(plain[f.name], dtype=np.float64) for f in fields(cls)[1:])
        return cls(plain["decimals"], *parts)

    def interval(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Rank interval of each value, shapes (n,) and (n,)."""
        if self.decimals is None:
            low = high = np.interp(values, self.knot_values, self.knot_ranks)
        else:
            half = 0.5 * 10.0**-self.decimals
            low = np.interp(values - half, self.knot_values, self.knot_ranks)
            high = np.interp(values + half, self.knot_values, self.knot_ranks)
        if len(self.atoms):
            position = np.searchsorted(self.atoms, values).clip(max=len(self.atoms) - 1)
            is_atom = self.atoms[position] == values
            low = np.where(is_atom, self.atom_low[position], low)
            high = np.where(is_atom, self.atom_high[position], high)
        return low, high

    def value(self, rank: FloatArray) -> FloatArray:
        """Values at ranks in [0, 1], rounded to the column's own decimals, shape (n,)."""
        values: FloatArray = np.interp(rank, self.knot_ranks, self.knot_values)
        return values if self.decimals is None else values.round(self.decimals)


class TableEncoder(BaseEstimator):  # type: ignore[misc]
    """Encode a table for diffusion, and decode it exactly.

    A numerical value becomes a standard-normal score: its rank (a point in its empirical-rank
    interval) sent through the normal quantile function. With a `random_state` the point is drawn
    uniformly, so that each encoded column is exactly standard normal even when it consists of a
    few repeated values; without one it is the middle of the interval. A category becomes its
    position in the schema, and a number from a short list of values (sizes, months) its
    position in that list: the others then depend on it value by value.

    Attributes
    ----------
    schema_ : Schema
        Description of the fitted table.
    rank_maps_ : dict of str to RankMap
        One map per continuous column; these are the columns of `x_num`.
    levels_ : dict of str to ndarray
        Categories of each categorical column, then the sorted values of each numerical column that
        has at most 64 of them and 20 rows for each; these are the columns of `x_cat`.
    dtypes_ : Series
        Dtype of each column, restored on decoding.

    Notes
    -----
    Decoded numbers lie within the range of the fitted column, and atoms come back as they are:
    the encoder holds training quantiles, and is as private as the table itself.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"size": [6, 8, 8, 10], "plant": ["a", "b", "b", "a"],
    ...                       "minutes": [700.5, 800.0, 810.25, 930.0]})
    >>> schema = Schema.infer(frame, target="minutes")
    >>> encoder = TableEncoder().fit(frame, schema)
    >>> encoder.transform(frame).x_num.shape
    (4, 2)
    >>> encoder.inverse_transform(encoder.transform(frame)).equals(frame)
    True
    """

    def fit(self, frame: pd.DataFrame, schema: Schema) -> Self:
        """Learn ranks and dtypes from the rows of a frame, described by a schema.

        Raises
        ------
        ValueError
            If the frame is not a table of the schema, or has no rows.
        """
        schema.validate(frame)
        self.schema_ = schema
        self.dtypes_ = frame.dtypes
        max_levels = min(_MAX_LEVELS, len(frame) // _ROWS_PER_LEVEL)
        discrete = [c for c in schema.numerical if frame[c].nunique() <= max_levels]
        self.levels_: dict[str, NDArray[Any]] = {
            **{c: object_array(categories) for c, categories in schema.categorical.items()},
            **{c: np.unique(_as_float(frame[c])) for c in discrete},
        }
        self.rank_maps_ = {
            c: RankMap.of(frame[c].to_numpy()) for c in schema.numerical if c not in discrete
        }
        return self

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """Number of levels of each column of `x_cat`."""
        return tuple(len(levels) for levels in self.levels_.values())

    def to_plain(self) -> dict[str, Any]:
        """The fitted encoder as strings, numbers and lists, for `from_plain`."""
        check_is_fitted(self)
        return {
            "dtypes": {str(c): str(dtype) for c, dtype in self.dtypes_.items()},
            "levels": {c: levels.tolist() for c, levels in self.levels_.items()},
            "rank_maps": {c: ranks.to_plain() for c, ranks in self.rank_maps_.items()},
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], schema: Schema) -> Self:
        """The fitted encoder that `to_plain` describes."""
        encoder = cls()
        encoder.schema_ = schema
        dtypes = {c: pd.api.types.pandas_dtype(name) for c, name in plain["dtypes"].items()}
        encoder.dtypes_ = pd.Series(dtypes)
        encoder.levels_ = {
            c: object_array(tuple(levels)) if c in schema.categorical else np.array(levels)
            for c, levels in plain["levels"].items()
        }
        encoder.rank_maps_ = {
            c: RankMap.from_plain(parts) for c, parts in plain["rank_maps"].items()
        }
        return encoder

    def coordinates(self, frame: pd.DataFrame) -> tuple[FloatArray, ...]:
        """What the codes of each column of `x_cat` mean to a network, shapes (K_j, d_j).

        A category is one of K_j directions. A number is two: its standardised value, and the
        normal score of the middle of its ranks in the frame.
        """
        check_is_fitted(self)
        codes = self.codes(frame)
        return tuple(
            np.eye(len(levels))
            if column in self.schema_.categorical
            else _value_and_rank(_as_float(pd.Series(levels)), codes[:, j])
            for j, (column, levels) in enumerate(self.levels_.items())
        )

    def intervals(self, frame: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
        """Rank interval of every continuous cell, two arrays of shape (n, n_num)."""
        check_is_fitted(self)
        ends = np.empty((2, len(frame), len(self.rank_maps_)))
        for j, (column, ranks) in enumerate(self.rank_maps_.items()):
            ends[:, :, j] = ranks.interval(_as_float(frame[column]))
        return ends[0], ends[1]

    def codes(self, frame: pd.DataFrame) -> IntArray:
        """Codes of shape (n, n_cat); a number that is no level takes the nearest one's."""
        check_is_fitted(self)
        codes = np.empty((len(frame), len(self.levels_)), dtype=np.int64)
        for j, (column, levels) in enumerate(self.levels_.items()):
            if column in self.schema_.categorical:
                codes[:, j] = category_codes(frame[column], levels)
            else:
                codes[:, j] = nearest_level(_as_float(frame[column]), levels)
        return codes

    def transform(
        self, frame: pd.DataFrame, *, random_state: int | np.random.Generator | None = None
    ) -> Encoded:
        """Encode a table of the fitted schema.

        Parameters
        ----------
        frame : DataFrame of shape (n, n_columns)
            The table.
        random_state : int, Generator or None, default=None
            Where in its rank interval each number is placed: at random, or (None) in the middle.

        Raises
        ------
        ValueError
            If the frame is not a table of the fitted schema.
        sklearn.exceptions.NotFittedError
            If the encoder is not fitted.
        """
        check_is_fitted(self)
        self.schema_.validate(frame)
        low, high = self.intervals(frame)
        share: FloatArray | float = 0.5
        if random_state is not None:
            share = np.random.default_rng(random_state).random(low.shape)
        rank = low + share * (high - low)
        # A rank of exactly 0 or 1 would be an infinite score.
        return Encoded(ndtri(rank.clip(EDGE, 1 - EDGE)), self.codes(frame))

    def inverse_transform(self, encoded: Encoded) -> pd.DataFrame:
        """Decode arrays into a frame of shape (n, n_columns), with the fitted order and dtypes.

        Raises
        ------
        ValueError
            If a score is NaN; it names the column. A generator that diverges must not pass.
        sklearn.exceptions.NotFittedError
            If the encoder is not fitted.
        """
        check_is_fitted(self)
        values: dict[str, Any] = {}
        for j, (column, ranks) in enumerate(self.rank_maps_.items()):
            score = np.asarray(encoded.x_num[:, j], dtype=np.float64)
            if n_nan := int(np.isnan(score).sum()):
                raise ValueError(f"column {column!r}: {n_nan} of {len(score)} scores are NaN")
            values[column] = ranks.value(ndtr(score))
        for j, (column, levels) in enumerate(self.levels_.items()):
            values[column] = levels[encoded.x_cat[:, j]]
        columns = {c: pd.Series(values[c]).astype(self.dtypes_[c]) for c in self.schema_.columns}
        return pd.DataFrame(columns)


def object_array(values: tuple[Any, ...]) -> NDArray[Any]:
    """Values in an array of objects, each as it is."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def category_codes(values: pd.Series[Any], categories: Iterable[Any]) -> IntArray:
    """Position of each value among the categories, shape (n,)."""
    code_of = {category: code for code, category in enumerate(categories)}
    return np.array([code_of[value] for value in values.tolist()], dtype=np.int64)


def nearest_level(values: FloatArray, levels: FloatArray) -> IntArray:
    """Position of the nearest of the sorted levels, shape (n,)."""
    return np.searchsorted((levels[1:] + levels[:-1]) / 2, values)


def _as_float(values: pd.Series[Any]) -> FloatArray:
    return values.to_numpy(dtype=np.float64)


def is_exact(values: pd.Series[Any]) -> bool:
    """Whether floats hold a numerical column: whole numbers beyond 2**53 are not held."""
    if not pd.api.types.is_integer_dtype(values.dtype):
        return True
    known = values.dropna()
    return known.empty or bool(-(2**53) <= known.min() and known.max() <= 2**53)


def decimal_places(values: NDArray[Any]) -> int | None:
    """Fewest decimals that write every value exactly, or None if there is no such number."""
    for decimals in range(_MAX_DECIMALS + 1):
        if np.array_equal(np.round(values, decimals), values):
            return decimals
    return None


def _are_atoms(unique: FloatArray, counts: IntArray, decimals: int | None) -> NDArray[np.bool_]:
    """Which values are atoms: repeated, where the counts around are not those of a smooth density.

    A smooth density rounded to the column's decimals gives neighbouring grid points Poisson counts
    of about one mean. Over the `2 * _REACH + 1` points around a value their dispersion is then
    chi-squared; beyond its `1 - _SMOOTH_LEVEL` quantile every repeated value is taken as it is.
    Without a grid every repeat is an atom.
    """
    if decimals is None:
        return counts > 1
    reach = (_REACH + 0.5) * 10.0**-decimals
    first = np.searchsorted(unique, unique - reach)
    last = np.searchsorted(unique, unique + reach, side="right")
    total, squares = (np.concatenate([[0], np.cumsum(c)]) for c in (counts, counts**2))
    n_points = 2 * _REACH + 1
    mean = (total[last] - total[first]) / n_points
    dispersion = (squares[last] - squares[first]) / mean - n_points * mean
    is_smooth = chi2.sf(dispersion, n_points - 1) > _SMOOTH_LEVEL
    return np.asarray((counts > 1) & ~is_smooth)


def _value_and_rank(levels: FloatArray, codes: IntArray) -> FloatArray:
    """Standardised value and normal score of the mid-rank of each level, shape (K, 2)."""
    share = np.bincount(codes, minlength=len(levels)) / len(codes)
    middle = share.cumsum() - share / 2
    mean = (share * levels).sum()
    sd = np.sqrt((share * (levels - mean) ** 2).sum()) or 1.0  # a constant column has none
    return np.column_stack([(levels - mean) / sd, ndtri(middle.clip(EDGE, 1 - EDGE))])
