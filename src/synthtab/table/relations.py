"""What must hold between the columns of a table: in every real row, and so in every synthetic one.

A relation is a small, frozen description. It tells which rows break it, and is written to and read
from plain values. `synthtab.table.relation_search` finds relations in rows;
`synthtab.generators.with_relations` keeps them in what a generator draws.

Dates count as days wherever numbers are compared or added. A cell without a value breaks
nothing but `EmptyWhen(only=True)`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Cell = str | int | float | bool | pd.Timestamp | None

_DAY = 86_400
_EPOCH = np.datetime64("2000-01-01", "us")
_CLOSE = 1e-9  # relative: what sums of floating-point numbers may be off
_CLOSE_DATES = 1e-12  # of days: a millisecond at most


@dataclass(frozen=True)
class Relation:
    """One relation between columns of a table; the others derive from it.

    Each has a `word` that names it in plain form, a `columns` that it is about, and is shown as a
    reader would write it.
    """

    word: ClassVar[str]

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that the relation is about."""
        raise NotImplementedError

    def violations(self, frame: pd.DataFrame, reference: pd.DataFrame | None = None) -> Mask:
        """Rows of a frame that break the relation, shape (n,).

        Parameters
        ----------
        frame : DataFrame
            Rows, with the relation's columns among theirs.
        reference : DataFrame or None, default=None
            Rows that tell which combinations of values there are; None takes `frame` itself.
        """
        raise NotImplementedError

    def to_plain(self) -> dict[str, Any]:
        """The relation as what JSON and YAML hold, for `relation_from_plain`."""
        raise NotImplementedError

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """The relation that `to_plain` describes."""
        raise NotImplementedError


@dataclass(frozen=True)
class Order(Relation):
    """A number or date is never above another: `low` ≤ `high`.

    Examples
    --------
    >>> stay = pd.DataFrame({"admitted": [1, 5], "discharged": [3, 4]})
    >>> Order("admitted", "discharged").violations(stay)
    array([False,  True])
    >>> print(Order("admitted", "discharged"))
    admitted ≤ discharged
    """

    low: str
    high: str
    word: ClassVar[str] = "order"

    def __str__(self) -> str:
        return f"{self.low} ≤ {self.high}"

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that the relation is about."""
        return self.low, self.high

    def violations(self, frame: pd.DataFrame, reference: pd.DataFrame | None = None) -> Mask:
        """Rows where `low` is above `high`; see `Relation.violations`."""
        broken: Mask = as_numbers(frame[self.low]) > as_numbers(frame[self.high])
        return broken

    def to_plain(self) -> dict[str, Any]:
        """As plain values; see `Relation.to_plain`."""
        return {self.word: [self.low, self.high]}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """See `Relation.from_plain`."""
        return cls(*_names(plain, cls.word, 2))


@dataclass(frozen=True)
class Sum(Relation):
    """A number is the sum of others, each times its weight: `total` = Σ `weights` · `parts`.

    Without weights all are 1; a difference has a weight of -1. Where the total is a date, one part
    is a date as well, and the others count days, or hours with a weight of 1/24.

    Examples
    --------
    >>> bill = pd.DataFrame({"net": [10.0, 7.0], "tax": [2.0, 1.4], "gross": [12.0, 8.5]})
    >>> relation = Sum("gross", ("net", "tax"))
    >>> relation.violations(bill)
    array([False,  True])
    >>> print(relation)
    gross = net + tax
    """

    total: str
    parts: tuple[str, ...]
    weights: tuple[float, ...] = ()
    word: ClassVar[str] = "sum"

    def __post_init__(self) -> None:
        if not self.parts or self.total in self.parts or len(set(self.parts)) < len(self.parts):
            raise ValueError(f"the parts of {self.total!r} are {list(self.parts)}; name others")
        if self.weights and len(self.weights) != len(self.parts):
            raise ValueError(f"{len(self.weights)} weights for {len(self.parts)} parts")
        if not all(math.isfinite(w) and w for w in self.weights):
            raise ValueError(f"weights are {list(self.weights)}; they should differ from 0")

    def __str__(self) -> str:
        text = ""
        for part, weight in self.weighted:
            sign = "-" if weight < 0 else "+" if text else ""
            size = abs(weight)
            times = "" if size == 1 else f"1/{1 / size:g} " if size < 1 else f"{size:g} "
            text += f" {sign} {times}{part}" if text else f"{sign}{times}{part}"
        return f"{self.total} = {text}"

    @property
    def weighted(self) -> tuple[tuple[str, float], ...]:
        """Each part with its weight."""
        return tuple(zip(self.parts, self.weights or (1.0,) * len(self.parts), strict=True))

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that the relation is about."""
        return self.total, *self.parts

    def violations(self, frame: pd.DataFrame, reference: pd.DataFrame | None = None) -> Mask:
        """Rows whose parts do not add up; see `Relation.violations`."""
        terms = [weight * as_numbers(frame[part]) for part, weight in self.weighted]
        total = as_numbers(frame[self.total])
        size = np.maximum(np.max(np.abs([total, *terms]), axis=0), 1)
        is_date = pd.api.types.is_datetime64_any_dtype(frame[self.total])
        close = (_CLOSE_DATES if is_date else _CLOSE) * size
        broken: Mask = np.abs(total - np.sum(terms, axis=0)) > close
        return broken

    def to_plain(self) -> dict[str, Any]:
        """As plain values; see `Relation.to_plain`."""
        weights = {"weights": list(self.weights)} if self.weights else {}
        return {self.word: self.total, "of": list(self.parts), **weights}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """See `Relation.from_plain`."""
        weights = plain.get("weights", [])
        if not isinstance(weights, list) or not all(_is_number(w) for w in weights):
            raise ValueError(f"weights should be a list of numbers, and are {weights!r}")
        (total,) = _names({cls.word: [plain[cls.word]]}, cls.word, 1)
        return cls(total, _names(plain, "of"), tuple(map(float, weights)))


@dataclass(frozen=True)
class Combination(Relation):
    """Some columns take together only those values that they have together in a real row.

    Examples
    --------
    >>> real = pd.DataFrame({"city": ["Izmir", "Bursa", "Bonn"], "country": ["TR", "TR", "DE"]})
    >>> made = pd.DataFrame({"city": ["Izmir", "Bonn"], "country": ["TR", "TR"]})
    >>> Combination(("city", "country")).violations(made, real)
    array([False,  True])
    """

    names: tuple[str, ...]
    word: ClassVar[str] = "combination"

    def __post_init__(self) -> None:
        if len(set(self.names)) < max(2, len(self.names)):
            raise ValueError(f"a combination needs two columns or more, not {list(self.names)}")

    def __str__(self) -> str:
        return f"{' and '.join(self.names)} as in real rows"

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that the relation is about."""
        return self.names

    def violations(self, frame: pd.DataFrame, reference: pd.DataFrame | None = None) -> Mask:
        """Rows with a combination that no row of the reference has; see `Relation.violations`."""
        known = set(tuples(frame if reference is None else reference, self.names))
        return np.array([row not in known for row in tuples(frame, self.names)], dtype=bool)

    def to_plain(self) -> dict[str, Any]:
        """As plain values; see `Relation.to_plain`."""
        return {self.word: list(self.names)}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """See `Relation.from_plain`."""
        return cls(_names(plain, cls.word))


@dataclass(frozen=True)
class Dependence(Relation):
    """One column decides another: rows with the same `on` have the same `column`.

    Examples
    --------
    >>> parts = pd.DataFrame({"code": [1, 1, 1, 2], "name": ["bolt", "bolt", "nut", "nut"]})
    >>> Dependence("code", "name").violations(parts)
    array([False, False,  True, False])
    """

    on: str
    column: str
    word: ClassVar[str] = "dependence"

    def __str__(self) -> str:
        return f"{self.on} decides {self.column}"

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that the relation is about."""
        return self.on, self.column

    def violations(self, frame: pd.DataFrame, reference: pd.DataFrame | None = None) -> Mask:
        """Rows whose `column` is not what the reference mostly has with their `on`."""
        counts: dict[Any, dict[Any, int]] = {}
        for on, value in tuples(frame if reference is None else reference, self.columns):
            seen = counts.setdefault(on, {})
            seen[value] = seen.get(value, 0) + 1
        usual = {on: max(seen, key=lambda v: seen[v]) for on, seen in counts.items()}
        broken = [on not in usual or usual[on] != v for on, v in tuples(frame, self.columns)]
        return np.array(broken, dtype=bool)

    def to_plain(self) -> dict[str, Any]:
        """As plain values; see `Relation.to_plain`."""
        return {self.word: [self.on, self.column]}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """See `Relation.from_plain`."""
        return cls(*_names(plain, cls.word, 2))


@dataclass(frozen=True)
class Range(Relation):
    """A number or date stays within bounds, of which one may be None.

    Examples
    --------
    >>> Range("score", 0, 100).violations(pd.DataFrame({"score": [50, 101]}))
    array([False,  True])
    """

    column: str
    low: float | pd.Timestamp | None = None
    high: float | pd.Timestamp | None = None
    word: ClassVar[str] = "range"

    def __post_init__(self) -> None:
        if self.low is None and self.high is None:
            raise ValueError(f"the range of {self.column!r} has neither low nor high")
        if self.low is not None and self.high is not None and not self.low <= self.high:  # type: ignore[operator]
            raise ValueError(f"the range of {self.column!r} ends before it begins")

    def __str__(self) -> str:
        low, high = (None if v is None else _plain(v) for v in (self.low, self.high))
        if low is None:
            return f"{self.column} ≤ {high}"
        return f"{low} ≤ {self.column}" + ("" if high is None else f" ≤ {high}")

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that the relation is about."""
        return (self.column,)

    @property
    def bounds(self) -> tuple[float, float]:
        """Both bounds as numbers; infinite where there is none."""
        low = -math.inf if self.low is None else _number(self.low)
        return low, math.inf if self.high is None else _number(self.high)

    def violations(self, frame: pd.DataFrame, reference: pd.DataFrame | None = None) -> Mask:
        """Rows outside the bounds; see `Relation.violations`."""
        values, (low, high) = as_numbers(frame[self.column]), self.bounds
        broken: Mask = (values < low) | (values > high)
        return broken

    def to_plain(self) -> dict[str, Any]:
        """As plain values; see `Relation.to_plain`."""
        ends = {"low": self.low, "high": self.high}
        return {self.word: self.column} | {k: _plain(v) for k, v in ends.items() if v is not None}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """See `Relation.from_plain`."""
        (column,) = _names({cls.word: [plain[cls.word]]}, cls.word, 1)
        return cls(column, _bound(plain.get("low")), _bound(plain.get("high")))


@dataclass(frozen=True)
class EmptyWhen(Relation):
    """A column has no value where another has one of some (`among`), of which None stands for none.

    With `only` it is empty nowhere else.

    Examples
    --------
    >>> rows = pd.DataFrame({"smokes": ["no", "yes", "no"], "packs": [None, 2.0, 1.0]})
    >>> EmptyWhen("packs", "smokes", ("no",)).violations(rows)
    array([False, False,  True])
    """

    column: str
    when: str
    among: tuple[Cell, ...]
    only: bool = False
    word: ClassVar[str] = "empty"

    def __post_init__(self) -> None:
        if not self.among:
            raise ValueError(f"{self.column!r} is empty when {self.when!r} is what? name values")

    def __str__(self) -> str:
        values = " or ".join("empty" if v is None else str(v) for v in self.among)
        return f"{self.column} is empty {'only ' if self.only else ''}when {self.when} is {values}"

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that the relation is about."""
        return self.column, self.when

    def applies(self, frame: pd.DataFrame) -> Mask:
        """Rows where `column` has to be empty, shape (n,)."""
        among = set(self.among)
        return np.array([v in among for (v,) in tuples(frame, (self.when,))], dtype=bool)

    def violations(self, frame: pd.DataFrame, reference: pd.DataFrame | None = None) -> Mask:
        """Rows with a value where there should be none, and with `only` the reverse as well."""
        empty = frame[self.column].isna().to_numpy()
        applies = self.applies(frame)
        broken: Mask = (empty != applies) if self.only else (applies & ~empty)
        return broken

    def to_plain(self) -> dict[str, Any]:
        """As plain values; see `Relation.to_plain`."""
        plain = {self.word: self.column, "when": self.when, "is": [_plain(v) for v in self.among]}
        return plain | ({"only": True} if self.only else {})

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """See `Relation.from_plain`."""
        values, only = plain.get("is"), plain.get("only", False)
        if not isinstance(values, list):
            raise ValueError(f"`is` should be a list of values, and is {values!r}")
        if not isinstance(only, bool):
            raise ValueError(f"`only` should be true or false, and is {only!r}")
        (column,) = _names({cls.word: [plain[cls.word]]}, cls.word, 1)
        (when,) = _names({"when": [plain.get("when")]}, "when", 1)
        return cls(column, when, tuple(values), only)


RELATIONS: Mapping[str, type[Relation]] = {
    kind.word: kind for kind in (Order, Sum, Combination, Dependence, Range, EmptyWhen)
}
"""The kinds of relation, by the word that names them in plain form."""

_KEYS: Mapping[str, set[str]] = {
    "sum": {"of", "weights"},
    "range": {"low", "high"},
    "empty": {"when", "is", "only"},
}


def relation_from_plain(plain: object) -> Relation:
    """The relation that `Relation.to_plain` describes.

    Raises
    ------
    ValueError
        If it describes none; says what would.

    Examples
    --------
    >>> relation_from_plain({"order": ["admitted", "discharged"]})
    Order(low='admitted', high='discharged')
    """
    words = [word for word in RELATIONS if isinstance(plain, Mapping) and word in plain]
    if not isinstance(plain, Mapping) or len(words) != 1:
        raise ValueError(f"{plain!r}: should begin with one of {list(RELATIONS)}")
    (word,) = words
    if unknown := set(plain) - {word} - _KEYS.get(word, set()):
        raise ValueError(f"{dict(plain)!r}: unknown {sorted(map(str, unknown))}")
    return RELATIONS[word].from_plain(plain)


def relation_problems(relation: Relation, columns: tuple[str, ...], numerical: object) -> list[str]:
    """What is wrong with a relation for a table of these columns; empty where nothing is.

    `numerical` holds the columns with numbers or dates.
    """
    if unknown := [c for c in relation.columns if c not in columns]:
        return [f"relation {str(relation)!r}: no columns {unknown} in the table"]
    if isinstance(relation, Order | Sum | Range):
        text = [c for c in relation.columns if c not in numerical]  # type: ignore[operator]
        if text:
            return [f"relation {str(relation)!r}: {text} are categories, and have no order"]
    return []


def holds(relation: Relation, frame: pd.DataFrame) -> float:
    """Share of the rows that keep a relation."""
    return 1 - float(relation.violations(frame).mean())


def reference_rows(relation: Relation, frame: pd.DataFrame) -> pd.DataFrame:
    """The few rows that tell `Relation.violations` as much as all that are in the frame do."""
    kept = frame.loc[~relation.violations(frame), list(relation.columns)]
    return kept.drop_duplicates(ignore_index=True)


# --- cells -----------------------------------------------------------------------------------


def as_numbers(cells: pd.Series[Any]) -> NDArray[np.float64]:
    """Cells as float64, NaN where there is none; a date as days since 2000.

    Examples
    --------
    >>> as_numbers(pd.Series(pd.to_datetime(["2000-01-02 12:00", None])))
    array([1.5, nan])
    """
    if not pd.api.types.is_datetime64_any_dtype(cells):
        return cells.to_numpy(dtype=np.float64, na_value=np.nan)
    if getattr(cells.dtype, "tz", None) is not None:
        cells = cells.dt.tz_convert("UTC").dt.tz_localize(None)
    micros = cells.to_numpy(dtype="datetime64[us]")
    # From a day that is near: a microsecond is then more than the last bit of a float.
    days = (micros - _EPOCH).astype(np.int64) / (1e6 * _DAY)
    return np.where(np.isnat(micros), np.nan, days)


def from_numbers(values: NDArray[np.float64], dtype: Any) -> pd.Series[Any]:
    """The inverse of `as_numbers`: cells of a dtype. Dates are rounded to the microsecond."""
    if not pd.api.types.is_datetime64_any_dtype(dtype):
        if pd.api.types.is_integer_dtype(dtype):
            values = np.rint(values)
        return pd.Series(values).astype(dtype)
    missing = np.isnan(values)
    micros = np.rint(np.where(missing, 0, values) * _DAY * 1e6).astype(np.int64)
    cells: Any = pd.Series(_EPOCH + micros.astype("timedelta64[us]")).mask(missing)
    if getattr(dtype, "tz", None) is not None:
        cells = cells.dt.tz_localize("UTC").dt.tz_convert(dtype.tz)
    series: pd.Series[Any] = cells.astype(dtype)
    return series


def tuples(frame: pd.DataFrame, columns: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """The rows of some columns as tuples that compare; None where a cell has no value."""
    parts = []
    for column in columns:
        cells = frame[column]
        parts.append(cells.astype(object).where(cells.notna().to_numpy(), None).tolist())
    return list(zip(*parts, strict=True))


def _names(plain: Mapping[str, Any], key: str, n: int | None = None) -> tuple[str, ...]:
    names = plain.get(key)
    wanted = "column names" if n is None else f"{n} column name{'s' * (n > 1)}"
    if not isinstance(names, list) or not names or n not in (None, len(names)):
        raise ValueError(f"`{key}` should be a list of {wanted}, and is {names!r}")
    return tuple(str(name) for name in names if _named(name, key))


def _named(name: object, key: str) -> bool:
    if isinstance(name, str | int) and not isinstance(name, bool):
        return True
    raise ValueError(f"`{key}`: {name!r} is no column name")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _bound(value: object) -> Any:
    if value is None or _is_number(value) or isinstance(value, pd.Timestamp):
        return value
    try:
        return pd.Timestamp(value)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise ValueError(f"{value!r} is no bound: write a number, or 2026-01-31") from error


def _number(value: float | pd.Timestamp) -> float:
    if not isinstance(value, pd.Timestamp):
        return float(value)
    return float(as_numbers(pd.Series([value]))[0])


def _plain(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return value.isoformat() if value != value.normalize() else value.date().isoformat()
    return value
