"""Cells as codes: what the masked diffusion of `HybridDiffusion` reveals, and how it comes back.

A category is its position in the schema. A number is one of at most 100 bins of about equally many
rows, and a place inside its bin: its rank. A missing cell is a code like any other, the last one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from synthtab.table.encoding import RankMap, category_codes, is_exact, object_array
from synthtab.table.schema import Schema

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MAX_BINS = 100
_ROWS_PER_BIN = 8  # at least, in tables that are too short for 100 bins
_ROWS_PER_LEVEL = 20  # on average, for a short list of values to be taken as they are
_HEAVY = 0.7  # share of a bin's rows from which a value has a bin of its own
_GRAIN = 1e-4  # finer ranks are lost in single precision
_EDGE = 1e-9  # ranks stay this far from 0 and 1, where scores are infinite
_TAIL = 1e-4  # ranks beyond it look alike to a network
_FAR = 50.0  # score that stands for infinity: beyond it no probability is left
_TIED_ROWS, _TIED_SHARE = 20, 0.01  # rows in which two numbers are equal, at least
_TIED_BY_CHANCE = 5  # times as many as by chance
_TIES_PER_COLUMN = 12


class Cells(NamedTuple):
    """The cells of one column, as arrays of shape (n,).

    `code` is the code. Of a number, `rank` in [0, 1] is the middle of the ranks that the value
    owns, `low` and `high` are their ends; of a missing cell and of a category they are 0. `value`
    is the number itself, NaN where there is none.
    """

    code: IntArray
    rank: FloatArray
    low: FloatArray
    high: FloatArray
    value: FloatArray


@dataclass(frozen=True)
class NumberCodes:
    """Codes of a numerical column.

    Parameters
    ----------
    ranks : RankMap
        Between values and ranks.
    levels : ndarray or None
        The values in ascending order where they are a short list: bin k is then value k.
    edges : ndarray of shape (n_bins + 1,)
        Ranks between the bins, from 0 to 1.
    mean, sd : float
        Of the training values.
    grain : float
        Ranks that every value owns at least: those of one training row, or 0.0001.
    has_gaps : bool
        Whether there is a code for a missing cell.
    """

    ranks: RankMap
    levels: FloatArray | None
    edges: FloatArray
    mean: float
    sd: float
    grain: float
    has_gaps: bool

    @classmethod
    def of(cls, values: pd.Series[Any]) -> Self:
        """The codes of a column of training values, NaN where one is missing."""
        known = values.dropna()
        exact = known.to_numpy(dtype=np.float64)
        unique, counts = np.unique(exact, return_counts=True)
        n_bins = int(np.clip(len(exact) // _ROWS_PER_BIN, 4, MAX_BINS))
        ranks = RankMap.of(known.to_numpy())
        levels = None
        if len(unique) <= max(min(n_bins, len(exact) // _ROWS_PER_LEVEL), 1):
            levels = unique
            edges = np.concatenate([[0], np.cumsum(counts)]) / len(exact)
        else:
            edges = _bin_edges(ranks, unique, counts, n_bins)
        sd = float(exact.std()) or 1.0
        grain = max(1 / len(exact), _GRAIN)
        has_gaps = len(known) < len(values)
        return cls(ranks, levels, edges, float(exact.mean()), sd, grain, has_gaps)

    @property
    def n_bins(self) -> int:
        """Number of bins."""
        return len(self.edges) - 1

    @property
    def n_codes(self) -> int:
        """Number of codes: the bins and, where cells are missing, one for those."""
        return self.n_bins + self.has_gaps

    def encode(self, values: FloatArray) -> Cells:
        """Cells of values of shape (n,), NaN where one is missing."""
        missing = np.isnan(values)
        filled = np.where(missing, self.mean, values)
        if self.levels is None:
            low, high = self.ranks.interval(filled)
            rank = (low + high) / 2
            code = np.searchsorted(self.edges[1:-1], rank, side="left")
            low = np.minimum(low, rank - self.grain / 2).clip(self.edges[code])
            high = np.maximum(high, rank + self.grain / 2).clip(max=self.edges[code + 1])
        else:
            middles = (self.levels[1:] + self.levels[:-1]) / 2
            code = np.searchsorted(middles, filled)
            low, high = self.edges[code], self.edges[code + 1]
            rank = (low + high) / 2
        code = np.where(missing, self.n_bins, code)
        rank, low, high = (np.where(missing, 0.0, part) for part in (rank, low, high))
        return Cells(code, rank, low, high, values)

    def decode(self, code: IntArray, rank: FloatArray) -> FloatArray:
        """Values of codes and ranks, NaN for the code of a missing cell, shape (n,)."""
        if self.levels is None:
            values = np.asarray(self.ranks.value(rank))
        else:
            values = self.levels[np.minimum(code, self.n_bins - 1)]
        return np.asarray(np.where(code == self.n_bins, np.nan, values))

    def scores(self, cells: Cells) -> FloatArray:
        """Normal scores of cells, at most 3.7 from 0; 0 where one is missing."""
        scores = np.asarray(ndtri(cells.rank.clip(_TAIL, 1 - _TAIL)))
        return np.where(cells.code < self.n_bins, scores, 0.0)

    def standardised(self, values: FloatArray) -> FloatArray:
        """Values in standard deviations from the mean, at most six; 0 where one is missing."""
        return np.asarray(np.nan_to_num(((values - self.mean) / self.sd).clip(-6, 6)))

    def range_of(self, low: float, high: float) -> tuple[float, float]:
        """Ranks that the values from `low` to `high` own, both included; (0, 0) if none do."""
        if self.levels is not None:
            first, last = np.searchsorted(self.levels, [low, np.nextafter(high, np.inf)])
            return float(self.edges[first]), float(self.edges[last])
        if self.ranks.decimals is not None:
            # The column's own values from `low` to `high`; there may be none.
            scale = 10.0**self.ranks.decimals
            low, high = (
                np.ceil(low * scale - 1e-6) / scale,
                np.floor(high * scale + 1e-6) / scale,
            )
        if low > high:
            return 0.0, 0.0
        ends = self.ranks.interval(np.array([low, high]))
        return float(ends[0][0]), float(ends[1][1])


@dataclass(frozen=True)
class CategoryCodes:
    """Codes of a categorical column.

    Parameters
    ----------
    levels : ndarray of object
        Its categories, in the order of the schema.
    numbers : ndarray of shape (n_levels,) or None
        What the categories are as numbers, where every label is one (a year, "1").
    has_gaps : bool
        Whether there is a code for a missing cell.
    """

    levels: NDArray[Any]
    numbers: FloatArray | None
    has_gaps: bool

    @classmethod
    def of(cls, values: pd.Series[Any], categories: tuple[Any, ...]) -> Self:
        """The codes of a column with the given categories."""
        return cls(object_array(categories), _as_numbers(categories), bool(values.isna().any()))

    @property
    def n_codes(self) -> int:
        """Number of codes: the categories and, where cells are missing, one for those."""
        return len(self.levels) + self.has_gaps

    def encode(self, values: pd.Series[Any]) -> Cells:
        """Cells of a column."""
        missing = values.isna().to_numpy(dtype=bool)
        code = np.full(len(values), len(self.levels))
        code[~missing] = category_codes(values[~missing], self.levels)
        nothing = np.zeros(len(values))
        return Cells(code, nothing, nothing, nothing, np.full(len(values), np.nan))

    def decode(self, code: IntArray) -> NDArray[Any]:
        """Categories of codes, NaN for the code of a missing cell, shape (n,)."""
        return np.append(self.levels, np.array([np.nan], dtype=object))[code]


class CodeEncoder:
    """Between tables and codes.

    Attributes
    ----------
    schema_ : Schema
        Description of the fitted table.
    columns_ : dict of str to NumberCodes or CategoryCodes
        In the order of the schema.
    ties_ : dict of str to list of str
        Of each number the others that it equals in more rows than by chance: a bill and what was
        paid, a price and the list price. Bins alone would only bring them near each other.
    dtypes_ : Series
        Dtype of each column, restored on decoding.

    Examples
    --------
    >>> frame = pd.DataFrame({"plant": ["a", "b", "a", "a"], "minutes": [1.0, 2.0, 4.0, 9.0]})
    >>> encoder = CodeEncoder().fit(frame, Schema.infer(frame, target="minutes"))
    >>> encoder.cells(frame)["plant"].code
    array([0, 1, 0, 0])
    """

    schema_: Schema
    columns_: dict[str, NumberCodes | CategoryCodes]
    ties_: dict[str, list[str]]
    dtypes_: pd.Series[Any]

    def fit(self, frame: pd.DataFrame, schema: Schema) -> Self:
        """Learn the codes from the rows of a frame, in which cells may be missing.

        Raises
        ------
        ValueError
            If the frame is not a table of the schema, or a column has no value at all or integers
            that floats do not tell apart.
        """
        schema.validate(frame, allow_missing=True)
        empty = [c for c in schema.columns if frame[c].isna().all()]
        if empty:
            raise ValueError(f"columns without a single value: {empty}; drop them")
        numbers = [c for c in schema.columns if c not in schema.categorical]
        if inexact := [c for c in numbers if not is_exact(frame[c])]:
            raise ValueError(
                f"{inexact} hold integers beyond 2 ** 53, which floats do not tell apart; drop "
                "them, or make them categories"
            )
        self.schema_, self.dtypes_ = schema, frame.dtypes
        self.columns_ = {
            c: CategoryCodes.of(frame[c], schema.categorical[c])
            if c in schema.categorical
            else NumberCodes.of(frame[c])
            for c in schema.columns
        }
        self.ties_ = _ties(frame, self.columns_)
        return self

    def stored(self, name: str, values: FloatArray) -> FloatArray:
        """Numbers as a column's dtype holds them, NaN where one is missing: float32 rounds them."""
        dtype = getattr(self.dtypes_[name], "numpy_dtype", self.dtypes_[name])
        if dtype.kind == "f" and dtype.itemsize < values.itemsize:
            return values.astype(dtype).astype(np.float64)
        return values

    def can_hold(self, name: str, values: FloatArray) -> NDArray[np.bool_]:
        """Whether a number of the table can take values of another column, NaN none.

        They are within the range of its training values, on its list or of its decimals, and of its
        precision.
        """
        codes = self.columns_[name]
        assert isinstance(codes, NumberCodes)
        if codes.levels is not None:
            return np.isin(values, codes.levels)
        least, greatest = codes.ranks.knot_values[[0, -1]]
        decimals = codes.ranks.decimals
        own = self.stored(name, values if decimals is None else values.round(decimals))
        return np.asarray((values >= least) & (values <= greatest) & (own == values))

    def cells(self, frame: pd.DataFrame) -> dict[str, Cells]:
        """Cells of each column of a frame of the schema.

        Raises
        ------
        ValueError
            If the frame is not a table of the schema, or a cell is missing in a column without
            gaps in training.
        """
        self.schema_.validate(frame, allow_missing=True)
        gaps = [
            c for c, codes in self.columns_.items() if not codes.has_gaps and frame[c].isna().any()
        ]
        if gaps:
            raise ValueError(f"missing values in {gaps}, where no training row has one")
        return {
            c: codes.encode(as_float(frame[c]))
            if isinstance(codes, NumberCodes)
            else codes.encode(frame[c])
            for c, codes in self.columns_.items()
        }

    def decode(
        self, code: IntArray, rank: FloatArray, copied: FloatArray | None = None
    ) -> pd.DataFrame:
        """The frame of codes and ranks, all of shape (n, n_columns).

        `copied` are numbers that stand for their code and rank, NaN where there is none.
        """
        columns = {}
        for j, (name, codes) in enumerate(self.columns_.items()):
            if isinstance(codes, NumberCodes):
                values: NDArray[Any] = codes.decode(code[:, j], rank[:, j])
                if copied is not None:
                    values = np.where(np.isnan(copied[:, j]), values, copied[:, j])
            else:
                values = codes.decode(code[:, j])
            columns[name] = pd.Series(values).astype(self.dtypes_[name])
        return pd.DataFrame(columns)

    def to_plain(self) -> dict[str, Any]:
        """The fitted encoder as strings, numbers and lists, for `from_plain`."""
        numbers = {c: n for c, n in self.columns_.items() if isinstance(n, NumberCodes)}
        return {
            "dtypes": {c: _plain_dtype(dtype) for c, dtype in self.dtypes_.items()},
            "gaps": [c for c, codes in self.columns_.items() if codes.has_gaps],
            "ties": self.ties_,
            "numbers": {
                c: {
                    "ranks": n.ranks.to_plain(),
                    "levels": None if n.levels is None else n.levels.tolist(),
                    "edges": n.edges.tolist(),
                    "mean": n.mean,
                    "sd": n.sd,
                    "grain": n.grain,
                }
                for c, n in numbers.items()
            },
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], schema: Schema) -> Self:
        """The fitted encoder that `to_plain` describes."""
        encoder = cls()
        encoder.schema_ = schema
        encoder.dtypes_ = pd.Series({c: _dtype(part) for c, part in plain["dtypes"].items()})
        encoder.columns_, encoder.ties_ = {}, plain["ties"]
        for c in schema.columns:
            has_gaps = c in plain["gaps"]
            if c in schema.categorical:
                levels = schema.categorical[c]
                encoder.columns_[c] = CategoryCodes(
                    object_array(levels), _as_numbers(levels), has_gaps
                )
                continue
            parts = plain["numbers"][c]
            encoder.columns_[c] = NumberCodes(
                RankMap.from_plain(parts["ranks"]),
                None if parts["levels"] is None else np.array(parts["levels"]),
                np.array(parts["edges"]),
                parts["mean"],
                parts["sd"],
                parts["grain"],
                has_gaps,
            )
        return encoder


def _ties(
    frame: pd.DataFrame, columns: Mapping[str, NumberCodes | CategoryCodes]
) -> dict[str, list[str]]:
    """Numbers that are equal in more rows than by chance, most often first: see `CodeEncoder`.

    Values of many rows, such as zero, do not count where numbers have bins: they are bins of their
    own, and networks learn how those go together.
    """
    values = {}
    for name, codes in columns.items():
        if isinstance(codes, NumberCodes):
            values[name] = exact = as_float(frame[name])
            if codes.levels is None:
                shares = pd.Series(exact).value_counts(normalize=True)
                common = shares.index[shares >= _HEAVY / codes.n_bins]
                values[name] = np.where(np.isin(exact, common), np.nan, exact)
    shares_of = {c: pd.Series(v).value_counts() / len(frame) for c, v in values.items()}
    found: dict[str, list[tuple[int, str]]] = {name: [] for name in values}
    for a, b in combinations(values, 2):
        n_equal = int((values[a] == values[b]).sum())
        if n_equal < max(_TIED_ROWS, _TIED_SHARE * len(frame)):
            continue
        by_chance = shares_of[a].mul(shares_of[b], fill_value=0.0).sum() * len(frame)
        if n_equal > _TIED_BY_CHANCE * by_chance:
            found[a].append((n_equal, b))
            found[b].append((n_equal, a))
    return {
        name: [other for _, other in sorted(ties, reverse=True)[:_TIES_PER_COLUMN]]
        for name, ties in found.items()
        if ties
    }


def _plain_dtype(dtype: Any) -> str | dict[str, Any]:
    """A dtype as strings and lists, for `_dtype`."""
    if isinstance(dtype, pd.CategoricalDtype):
        return {"categories": dtype.categories.tolist(), "ordered": bool(dtype.ordered)}
    return str(dtype)


def _dtype(plain: str | Mapping[str, Any]) -> Any:
    """The dtype that `_plain_dtype` describes."""
    if isinstance(plain, str):
        return pd.api.types.pandas_dtype(plain)
    return pd.CategoricalDtype(plain["categories"], ordered=plain["ordered"])


def score(rank: FloatArray) -> FloatArray:
    """Normal score of ranks: infinite ones at 0 and 1 become large."""
    scores = ndtri(rank.clip(_EDGE, 1 - _EDGE))
    return np.asarray(np.where(rank <= 0, -_FAR, np.where(rank >= 1, _FAR, scores)))


def as_float(values: pd.Series[Any]) -> FloatArray:
    """A numerical column as floats, NaN where one is missing."""
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def _as_numbers(categories: tuple[Any, ...]) -> FloatArray | None:
    """What labels are as numbers, if each is one and there are more than two."""
    if len(categories) <= 2 or any(isinstance(value, bool) for value in categories):
        return None
    try:
        numbers = np.array([float(value) for value in categories])
    except (TypeError, ValueError, OverflowError):  # a date, a word, an integer beyond floats
        return None
    return numbers if np.isfinite(numbers).all() else None


def _nearest(sorted_values: FloatArray, wanted: FloatArray) -> FloatArray:
    """The nearest of some sorted values to each wanted one; the lower of two that are as near."""
    after = np.searchsorted(sorted_values, wanted).clip(max=len(sorted_values) - 1)
    above, below = sorted_values[after], sorted_values[np.maximum(after - 1, 0)]
    is_above = np.abs(above - wanted) < np.abs(below - wanted)
    return np.asarray(np.where(is_above, above, below))


def _bin_edges(ranks: RankMap, unique: FloatArray, counts: IntArray, n_bins: int) -> FloatArray:
    """Ranks between bins of about n / n_bins rows, none of which cuts the ranks of a value.

    A value of many rows is a bin of its own.
    """
    low, high = ranks.interval(unique)
    is_heavy = counts >= _HEAVY * counts.sum() / n_bins
    fixed = np.unique(np.concatenate([[0.0, 1.0], low[is_heavy], high[is_heavy]]).clip(0, 1))
    edges = [fixed]
    heavy_starts = set(low[is_heavy].clip(0, 1).tolist())
    for start, end in pairwise(fixed):
        n_parts = round((end - start) * n_bins)
        if start in heavy_starts or n_parts < 2:
            continue
        inside = high[(high > start) & (high < end)]
        if len(inside):
            wanted = np.linspace(start, end, n_parts + 1)[1:-1]
            edges.append(_nearest(inside, wanted))
    found = np.unique(np.concatenate(edges))
    wide = np.concatenate([[True], np.diff(found) > 1e-7])  # ends that differ by rounding are one
    found = found[wide]
    found[0], found[-1] = 0.0, 1.0
    return np.asarray(found)
