"""Between a table as its owner has it and a table that can be learnt, there and back.

A generator wants complete rows of numbers and categories. Here a date becomes a number of days or
seconds; a missing number becomes some number and a flag beside it, a missing category a category
of its own; a category that is too rare to be shown becomes "(other)". `TableForm.restore` undoes
all of it on synthetic rows, so that gaps come back in proportion, and dates as dates.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from synthtab.sharing.cells import DAY, unit_of
from synthtab.sharing.columns import (
    LEARNT,
    MADE,
    Column,
    TablePlan,
    check_plan,
    infer_plan,
    typed_column,
)
from synthtab.sharing.keys import DEFAULT_LOCALE, Surrogates, check_faker, fake_form, key_form
from synthtab.sharing.source import Format, Source, TableError, read_source
from synthtab.table.schema import Schema

_YES, _NO = "yes", "no"
_EXACT = 2**53  # whole numbers up to here are held by a float64
_FORM = 2  # of the plain form, told by `from_plain`


@dataclass(frozen=True)
class TableForm:
    """How the columns of one table are turned into learnable ones, and back.

    Attributes
    ----------
    columns : tuple of Column
        Kept columns, in the order of the file. Keys, and what is made up, are among them, but not
        in the rows of `prepare` and `restore`.
    target : str
        The column that others are to predict.
    categories : dict of str to dict
        By categorical column: category as it is learnt -> value in the file; None where it stands
        for a missing or a suppressed value.
    fillers : dict of str to float
        By numerical column and date that has gaps: what stands in a gap when rows are compared.
    units : dict of str to int
        By date: microseconds in the unit that is counted, a day or less.
    is_whole : dict of str to bool
        By numerical column and date: whether it is learnt as whole numbers.
    flags : dict of str to str
        By column with gaps: the name of the flag beside it.
    specials : dict of str to dict
        By date with days that mean "no end": what the flag says of such a day -> microseconds since
        1970; None where it says that there is no value.
    header : bool
        Whether the file's first row holds the names of the columns.
    unnamed : tuple of str
        Columns whose name in the file is blank.
    format, separator, encoding, line_end : str
        How a file of such a table is written.
    arrow_schema : bytes or None
        Types of the columns of a Parquet file.
    others : dict of str to str
        By categorical column with values that are too rare to be shown: the category that stands
        for them.
    n_suppressed : dict of str to int
        By the same columns: how many such values there are.
    made : dict of str to dict
        By key and made-up column: its form, as `synthtab.sharing.keys` describes it.
    locale : str
        Language and country of what is made up.
    """

    columns: tuple[Column, ...]
    target: str
    categories: Mapping[str, Mapping[str, Any]]
    fillers: Mapping[str, float]
    units: Mapping[str, int]
    is_whole: Mapping[str, bool]
    flags: Mapping[str, str]
    format: Format = "csv"
    separator: str = ","
    encoding: str = "utf-8"
    line_end: str = "\n"
    arrow_schema: bytes | None = None
    specials: Mapping[str, Mapping[str, int | None]] = field(default_factory=dict)
    header: bool = True
    unnamed: tuple[str, ...] = ()
    others: Mapping[str, str] = field(default_factory=dict)
    n_suppressed: Mapping[str, int] = field(default_factory=dict)
    made: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    locale: str = DEFAULT_LOCALE

    @classmethod
    def fit(
        cls, frame: pd.DataFrame, source: Source, plan: TablePlan, *, min_count: int = 1
    ) -> Self:
        """Settle the form of a table, whose rows `typed` gives.

        A category in fewer than `min_count` rows is not shown: such ones are learnt, and drawn, as
        one category "(other)"; in a column that is not text, as a missing value.

        Raises
        ------
        TableError
            If the target has gaps, or does not vary.
        """
        _check_target(frame[plan.target], source)
        kinds = {c.name: c.kind for c in plan.learnt}
        found = {n: _categories(frame[n], min_count) for n, k in kinds.items() if k == "category"}
        rare = {name: (other, n) for name, (_, other, n) in found.items() if other is not None}
        days = {name: frame[name] for name, kind in kinds.items() if kind == "date"}
        specials = {name: ends for name, dates in days.items() if (ends := special_days(dates))}
        units = {n: unit_of(_known_micros(d, specials.get(n, {}))) for n, d in days.items()}
        numbers = {
            n: _numbers(frame[n], units.get(n), specials.get(n, {}))
            for n in kinds
            if n not in found
        }
        _check_exact(numbers, units, source)
        gaps = [name for name, values in numbers.items() if values.isna().any()]
        return cls(
            columns=plan.kept,
            target=plan.target,
            categories={name: known for name, (known, _, _) in found.items()},
            fillers={name: float(np.rint(numbers[name].median())) for name in gaps},
            units=units,
            is_whole={n: _are_whole(v) for n, v in numbers.items()},
            flags={name: _free_name(f"{name} is missing", [*map(str, frame)]) for name in gaps},
            specials=specials,
            header=source.header,
            unnamed=source.unnamed,
            format=source.format,
            separator=source.separator,
            encoding=source.encoding,
            line_end=source.line_end,
            arrow_schema=_kept_types(source, plan),
            others={name: other for name, (other, _) in rare.items()},
            n_suppressed={name: n for name, (_, n) in rare.items()},
            made=_made(source, plan, min_count),
            locale=plan.locale,
        )

    @classmethod
    def declared(cls, plan: TablePlan, source: Source) -> Self:
        """The form of a table whose columns are declared, without a look at its rows.

        Of the file, its format and separator are kept; a CSV file is written in UTF-8.
        """
        numbers = [c for c in plan.kept if c.kind != "category"]
        categories: dict[str, dict[str, Any]] = {}
        for column in plan.kept:
            if column.kind == "category":
                known = {category_name(v): v for v in column.categories or ()}
                gap = {_free_name("(missing)", known): None} if column.missing else {}
                categories[column.name] = {**known, **gap}
        names = [c.name for c in plan.kept]
        gaps = [c for c in numbers if c.missing]
        units = {
            c.name: 1_000_000 if any(s in (c.format or "") for s in ("%H", "%I", "%S")) else DAY
            for c in numbers
            if c.kind == "date"
        }
        lowest = {c.name: (c.bounds or c.levels or (0.0,))[0] for c in gaps}
        return cls(
            columns=plan.kept,
            target=plan.target,
            categories=categories,
            fillers={n: low * (DAY / units[n] if n in units else 1) for n, low in lowest.items()},
            units=units,
            is_whole={
                c.name: c.kind == "date"
                or (all(v == round(v) for v in c.levels) if c.levels else c.decimals == 0)
                for c in numbers
            },
            flags={c.name: _free_name(f"{c.name} is missing", names) for c in gaps},
            format=source.format,
            separator=source.separator,
        )

    @property
    def learnt(self) -> tuple[Column, ...]:
        """Columns that are learnt, in the order of the file."""
        return tuple(c for c in self.columns if c.kind in LEARNT)

    @property
    def schema(self) -> Schema:
        """Of the rows that are learnt."""
        categorical = {name: tuple(values) for name, values in self.categories.items()}
        categorical |= {
            flag: (_NO, *self.specials.get(name, (_YES,))) for name, flag in self.flags.items()
        }
        columns = [name for c in self.learnt for name in (c.name, self.flags.get(c.name)) if name]
        return Schema(tuple(columns), categorical, self.target)

    def prepare(
        self, frame: pd.DataFrame, *, random_state: int | np.random.Generator | None = None
    ) -> pd.DataFrame:
        """Complete rows of numbers and categories, a table of `schema`, of typed rows.

        With a `random_state`, each gap among the numbers is filled with a value of the same column,
        drawn at random, so that no value is learnt as more frequent than it is. None fills them all
        with the column's filler, so that rows can be compared.

        Raises
        ------
        TableError
            If a category is none of the known ones.
        """
        rng = None if random_state is None else np.random.default_rng(random_state)
        columns: dict[str, Any] = {}
        for column in self.learnt:
            columns |= self.prepared(column.name, frame[column.name], rng)
        return pd.DataFrame(columns, columns=list(self.schema.columns))

    def prepared(
        self, name: str, cells: pd.Series[Any], rng: np.random.Generator | None = None
    ) -> dict[str, np.ndarray]:
        """One column of `prepare`, and the flag beside it if it has one."""
        if name in self.categories:
            return {name: self._codes(name, cells)}
        specials = self.specials.get(name, {})
        numbers = _numbers(cells, self.units.get(name), specials).to_numpy(copy=True)
        gap = np.isnan(numbers)
        if gap.any() and name not in self.flags:
            raise TableError(
                f"column {name!r}: a missing value, first in data row {gap.argmax() + 1}, in a "
                "column that had none"
            )
        if gap.any():
            known = numbers[~gap]
            filled = rng.choice(known, gap.sum()) if rng and len(known) else self.fillers[name]
            numbers[gap] = filled
        columns = {name: np.rint(numbers).astype(np.int64) if self.is_whole[name] else numbers}
        if name in self.flags:
            flagged = np.where(gap, _YES, _NO).astype(object)
            for label, micros in specials.items():
                if micros is not None:
                    is_special = (_micros(cells) == micros).fillna(value=False)
                    flagged[is_special.to_numpy(bool)] = label
            columns[self.flags[name]] = flagged
        return columns

    def given(self, typed: pd.DataFrame) -> pd.DataFrame:
        """Conditions, for `HybridDiffusion.sample`, that rows have the cells of some columns.

        Other cells of these columns get a value: they come back missing in no row.

        Raises
        ------
        TableError
            If a category is none of the known ones.
        """
        columns: dict[str, Any] = {}
        levels_of = self.schema.categorical
        for name in map(str, typed):
            known = typed[name].notna().to_numpy()
            for part, cells in self.prepared(name, typed.loc[known, name]).items():
                if part not in levels_of:
                    columns[part] = np.full(len(typed), np.nan)
                    columns[part][known] = cells
                    continue
                columns[part] = _objects([None] * len(typed))
                columns[part][known] = cells
                values = [v for v in levels_of[part] if not self._is_gap(part, v)]
                for row in np.flatnonzero(~known) if len(values) < len(levels_of[part]) else ():
                    columns[part][row] = values
        return pd.DataFrame(columns, index=range(len(typed)))

    def _is_gap(self, part: str, label: Any) -> bool:
        """Whether a category, or what a flag says, stands for no value."""
        known = self.categories.get(part)
        return bool(label == _YES) if known is None else known[label] is None

    def restore(self, prepared: pd.DataFrame) -> pd.DataFrame:
        """Typed rows as the owner has them: the inverse of `prepare`.

        Numbers are float64 with NaN (or int64), dates datetime64[us], categories `object` with
        None.
        """
        columns: dict[str, Any] = {}
        for column in self.learnt:
            name, cells = column.name, prepared[column.name]
            if name in self.categories:
                known = self.categories[name]
                columns[name] = _objects([known[v] for v in cells.tolist()])
                continue
            if name in self.units:
                micros = np.rint(cells.to_numpy(dtype=float)).astype(np.int64) * self.units[name]
                restored: Any = pd.Series(micros.astype("datetime64[us]"))
                for label, special in self.specials.get(name, {}).items():
                    if special is not None:
                        is_special = (prepared[self.flags[name]] == label).to_numpy()
                        restored = restored.mask(is_special, np.datetime64(special, "us"))
            else:
                restored = pd.Series(cells.to_numpy())
            if name in self.flags:
                missing = (prepared[self.flags[name]] == _YES).to_numpy()
                if restored.dtype.kind == "i":
                    restored = restored.astype(float)
                restored = restored.mask(missing)
            columns[name] = restored.to_numpy()
        return pd.DataFrame(columns, columns=[c.name for c in self.learnt])

    def surrogates(
        self, n_rows: int, random_state: int | np.random.Generator | None = None
    ) -> Surrogates:
        """What makes the keys and the made-up columns of so many rows, for `with_made`."""
        return Surrogates(self.made, n_rows, locale=self.locale, random_state=random_state)

    def with_made(self, rows: pd.DataFrame, made: pd.DataFrame) -> pd.DataFrame:
        """Restored rows with keys and made-up columns, of `surrogates`, in their places."""
        whole = pd.concat([rows, made], axis=1)
        return whole[[c.name for c in self.columns]]

    def _codes(self, name: str, cells: pd.Series[Any]) -> np.ndarray:
        known = self.categories[name]
        code_of = {
            category_name(value): category for category, value in known.items() if value is not None
        }
        missing = next((c for c, v in known.items() if v is None), None)
        other = self.others.get(name)
        codes = [
            (
                missing
                if value is None or value != value
                else code_of.get(category_name(value), other)
            )
            for value in cells.tolist()
        ]
        if None in codes:
            row = codes.index(None)
            raise TableError(
                f"column {name!r}: {cells.iloc[row]!r} in data row {row + 1} is none of its known "
                f"values {list(known)[:10]}"
            )
        return _objects(codes)

    def to_plain(self) -> dict[str, Any]:
        """As what JSON holds, for `from_plain`."""
        plain = asdict(self)
        if self.arrow_schema is not None:
            plain["arrow_schema"] = base64.b64encode(self.arrow_schema).decode()
        return {"form": _FORM, **plain}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """The form that `to_plain` describes.

        Raises
        ------
        TableError
            If it does not describe one.
        """
        given = dict(plain)
        if given.pop("form", None) != _FORM:
            raise TableError("not the form of a table as this release writes it")
        try:
            entries: list[dict[str, Any]] = [
                {k: tuple(v) if isinstance(v, list) else v for k, v in column.items()}
                for column in given.pop("columns")
            ]
            if given["arrow_schema"] is not None:
                given["arrow_schema"] = base64.b64decode(given["arrow_schema"])
            given["unnamed"] = tuple(given["unnamed"])
            return cls(columns=tuple(Column(**entry) for entry in entries), **given)
        except (KeyError, TypeError, AttributeError) as error:
            raise TableError(f"not the form of a table: {error}") from error


def typed(source: Source, plan: TablePlan) -> pd.DataFrame:
    """The columns of a file that are learnt, as numbers, dates and categories.

    Raises
    ------
    TableError
        If a cell is not of its column's kind.
    """
    columns = {c.name: typed_column(source.cells[c.name], c, source) for c in plan.learnt}
    return pd.DataFrame(columns)


def with_target(frame: pd.DataFrame, target: str, source: Source) -> pd.DataFrame:
    """The rows of a typed table that have a target.

    Raises
    ------
    TableError
        If none has.
    """
    kept = frame[frame[target].notna()].reset_index(drop=True)
    if kept.empty:
        raise TableError(f"{source.path}: the target {target!r} is missing in every row")
    return kept


def learner_rows(
    path: str | Path, target: str, *, drop: Sequence[str] = ()
) -> tuple[pd.DataFrame, pd.Series[Any]]:
    """Features and target of a file, as a learner of scikit-learn takes them.

    Numbers and dates (days since 1970) come as float64 with NaN, categories as `object` with None;
    the columns of `drop` are left out.

    Raises
    ------
    TableError
        If the file, or a column of it, cannot be worked with.
    """
    source = read_source(path)
    plan = infer_plan(source, target).drop(drop)
    check_plan(plan, path)
    frame = typed(source, plan)
    for column in plan.kept:
        if column.kind == "date":
            frame[column.name] = _numbers(frame[column.name], 1, {}) / DAY
    return frame.drop(columns=target), frame[target]


def _made(source: Source, plan: TablePlan, min_count: int) -> dict[str, dict[str, Any]]:
    columns = [c for c in plan.kept if c.kind in MADE]
    cells = {c.name: typed_column(source.cells[c.name], c, source) for c in columns}
    keys = {c.name: cells[c.name] for c in plan.kept if c.kind == "key"}
    likes = {c.name: c.like for c in plan.kept if c.kind == "fake"}
    check_faker(plan.locale, likes)
    made = {name: key_form(key, source.cells) for name, key in keys.items()}
    made |= {n: fake_form(cells[n], like, keys) for n, like in likes.items() if like}
    for name, form in made.items():
        if cells[name].isna().sum() < min_count:  # gaps of few rows are not to come out
            form["missing"] = 0.0
        if "sizes" in form:
            form["sizes"] = _sizes(form["sizes"], min_count)
    return made


def _sizes(sizes: Mapping[str, int], min_count: int) -> dict[str, int]:
    """How often keys recur: none oftener than the key which `min_count` keys reach.

    Examples
    --------
    >>> _sizes({"1": 9, "3": 4, "57": 1}, 5)
    {'1': 9, '3': 5}
    """
    reached = 0
    for most in sorted(map(int, sizes), reverse=True):
        reached += sizes[str(most)]
        if reached >= min_count:
            break
    else:
        return dict(sizes)
    below = {size: n for size, n in sizes.items() if int(size) < most}
    return {**below, str(most): reached}


def category_name(value: object) -> str:
    """A value of a file as the category that is learnt.

    Examples
    --------
    >>> category_name(2101.0), category_name("M6")  # a spreadsheet holds plant 2101 as a float
    ('2101', 'M6')
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)


def _check_target(cells: pd.Series[Any], source: Source) -> None:
    missing = cells.isna()
    if missing.any():
        raise TableError(
            f"{source.path}: the target {cells.name!r} is missing in {int(missing.sum())} rows, "
            f"first in data row {int(missing.to_numpy().argmax()) + 1}; leave those rows out with "
            "--drop-rows-without-target, or fill them"
        )
    if cells.nunique() < 2:
        raise TableError(
            f"{source.path}: the target {cells.name!r} is {cells.iloc[0]!r} in every row, so there "
            "is nothing to predict; check the export, or name another target"
        )


def _categories(cells: pd.Series[Any], min_count: int) -> tuple[dict[str, Any], str | None, int]:
    """Category as it is learnt -> value in the file; the category of rare values; their number."""
    counts = cells.dropna().value_counts()
    shown = counts.index[counts >= min_count].tolist()
    n_rare = len(counts) - len(shown)
    known: dict[str, Any] = {
        category_name(v): v for v in sorted(shown, key=lambda v: (str(type(v)), v))
    }
    other = None
    if n_rare and all(isinstance(v, str) for v in counts.index):
        other = _free_name("(other)", [*known, *map(category_name, counts.index)])
        known[other] = other
    if cells.isna().any() or (n_rare and other is None):
        missing = _free_name("(missing)", known)
        known[missing] = None
        other = missing if n_rare and other is None else other
    return known, other, n_rare


def _objects(values: list[Any]) -> np.ndarray:
    # numpy would make numbers of a list of numbers, and NaN of None.
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _numbers(
    cells: pd.Series[Any], unit: int | None, specials: Mapping[str, int | None]
) -> pd.Series[Any]:
    """Numbers as float64; dates in a unit of some microseconds, the special ones as NaN."""
    if unit is None:
        return cells.astype(float)
    micros = _micros(cells)
    return (micros.where(~micros.isin(specials.values())).astype(float) / unit).round()


def _micros(dates: pd.Series[Any]) -> pd.Series[Any]:
    """Microseconds since 1970, exactly."""
    known = dates.astype("datetime64[us]")
    return known.astype("int64").astype("Int64").where(known.notna())


def _known_micros(dates: pd.Series[Any], specials: Mapping[str, int | None]) -> np.ndarray:
    micros = _micros(dates).dropna()
    return micros[~micros.isin(specials.values())].to_numpy(dtype=np.int64)


def special_days(dates: pd.Series[Any]) -> dict[str, int | None]:
    """Days in the year 9999 or 1, which stand for "no end" and "no beginning"."""
    known = dates.dropna()
    ends = known[known.dt.year.isin([1, 9999])]
    if not 0 < len(ends) < len(known):
        return {}
    found = {str(end): int(m) for end, m in zip(ends, _micros(ends), strict=True)}
    return {**({_YES: None} if len(known) < len(dates) else {}), **found}


def _are_whole(values: pd.Series[Any]) -> bool:
    known = values.dropna()
    return bool((known == known.round()).all() and (known.abs() <= _EXACT).all())


def _check_exact(
    numbers: Mapping[str, pd.Series[Any]], units: Mapping[str, int], source: Source
) -> None:
    problems = [
        f"column {name!r}: times so far from 1970 that a float cannot hold their fractions of a "
        f"second; round them, or drop it with --drop {name!r}"
        for name in units
        if (numbers[name].abs() > _EXACT).any()
    ]
    if problems:
        raise TableError(f"{source.path}: " + "; ".join(problems))


def _free_name(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name = f"({name})"
    return name


def _kept_types(source: Source, plan: TablePlan) -> bytes | None:
    if source.arrow_schema is None:
        return None
    import pyarrow as pa

    # A field may carry notes of whoever wrote the file, which are not to leave with it.
    kept = [source.arrow_schema.field(c.name).remove_metadata() for c in plan.kept]
    return bytes(pa.schema(kept).serialize().to_pybytes())
