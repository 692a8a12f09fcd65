"""What each column of somebody's table is: read off its cells, shown, corrected by its owner.

A column is a number, a date or a category, and can be learnt; or it is something that must not be
learnt without a decision: an identifier, free text, a constant, nothing at all, or a mixture.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from synthtab.sharing.cells import (
    SEVERAL_ZONES,
    exactly,
    format_problem,
    read_compact_dates,
    read_date_format,
    read_dates,
    read_number_form,
    read_numbers,
    widened,
    with_zone_of,
)
from synthtab.sharing.keys import DEFAULT_LOCALE, FIELDS, proposed_locale, recognised
from synthtab.sharing.source import MISSING_CELLS, Source, TableError, neutral, shown
from synthtab.table.relations import Relation, relation_from_plain

Kind = Literal[
    "number", "category", "date", "key", "fake",
    "identifier", "text", "constant", "empty", "mixed", "drop",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
LEARNT: tuple[Kind, ...] = ("number", "category", "date")
MADE: tuple[Kind, ...] = ("key", "fake")  # not learnt: see `synthtab.sharing.keys`

_FEW_MISTAKES = 0.2
_NEARLY = 1 - _FEW_MISTAKES  # of the cells: so many that look alike make the others mistakes
_MOSTLY_DIFFERENT = 0.5
_FEW_VALUES = 20  # a column with no more is a list of values, however few rows there are
_LONG_TEXT = 60  # characters
_FAR = 2040  # a year of two digits that is read as later may be of the century before
_AMOUNT = re.compile(  # of money, or a share
    r"(?!\d+$)(?!(?:.*\.){2})[-+−(]*([$€£¥₺₹%]\s?)?[-+−]?\d[\d.,']*(\s?[$€£¥₺₹%])?[)-]?"
)
_OTHER_DIGIT, _OF_DIGITS = r"(?=\d)[^0-9]", r"[\d\s.,:/+−\u066a-\u066c-]+"
_LENGTHS = "lengths of time: write them as numbers of one unit"
_LENGTH = re.compile(
    r"-?(\d+ days?,? )?(\d+:)?\d+:[0-5]\d([.,]\d+)?|-?P(?=.)(\d+[YMWD])*(T([\d.]+[HMS])+)?"
)
_DIGITS_OF_AN_ID = 10
_RARE = 5  # rows
_SEVERAL = 3  # rows with a value that may mean none
_INFINITE = r"[+-]?inf(?:inity)?"
_SIMPLE = (str, int, float, bool, np.generic)


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    name : str
        As in the file.
    kind : str
        One of `KINDS`; those of `LEARNT` can be learnt.
    decimals : int or None
        Digits that a CSV file writes after the decimal mark. None: as many as a number needs.
    least_decimals : int or None
        The fewest of them, where not all cells have as many; None: all have.
    decimal_mark, thousands : str
        What a CSV file writes before them, and between thousands.
    prefix, suffix : str
        What every cell of a numerical CSV column has around its number: a currency or a unit.
    negative : tuple of (str, str) or None
        What stands around a negative number; None: the prefix with a minus, and the suffix.
    plus, leading_zero : bool
        Whether a positive number has its sign, and one below 1 a zero before the mark.
    exponent : str
        Letter, sign and least digits of the power of ten that every cell has, as in ``e+00``; with
        ``<`` before them, those have it that are shorter so. Or ``g6``, which is ``%.6g`` of C.
    format : str or None
        How a date is written as text, in the signs of `strftime`. With a ``-``, as in ``%-d``, a
        part has no leading zeros; ``%3f`` has three digits.
    gap : str
        What a CSV file writes where there is no value.
    bounds : tuple of (float, float) or None
        Public bounds, for differential privacy. For a date, in days or seconds since 1970.
    levels : tuple of float or None
        All values that a number takes, known in public; for differential privacy.
    categories : tuple or None
        All values of a category, known in public; for differential privacy.
    missing : bool or None
        Whether values may be missing, known in public; for differential privacy.
    like : str or None
        What a column of kind ``fake`` is made up like: see `synthtab.sharing.keys.FIELDS`. Of an
        identifier or text: what it may become, ``key`` or one of these.
    note : str
        What was seen; for the reader.
    """

    name: str
    kind: Kind
    decimals: int | None = None
    least_decimals: int | None = None
    decimal_mark: str = "."
    thousands: str = ""
    prefix: str = ""
    suffix: str = ""
    negative: tuple[str, str] | None = None
    plus: bool = False
    leading_zero: bool = True
    exponent: str = ""
    format: str | None = None
    gap: str = ""
    bounds: tuple[float, float] | None = None
    levels: tuple[float, ...] | None = None
    categories: tuple[Any, ...] | None = None
    missing: bool | None = None
    like: str | None = None
    note: str = ""


@dataclass(frozen=True)
class TablePlan:
    """The columns of a table, its target, and what else its owner says of it.

    Attributes
    ----------
    columns : tuple of Column
        In the order of the file.
    target : str
        The column that others are to predict.
    relations : dict of Relation to str, or None
        What holds between columns, with a note on each; None where nobody has looked.
    locale : str
        Language and country of what is made up.
    notes : tuple of str
        What was left out or taken for granted while the file was read.

    Examples
    --------
    >>> plan = TablePlan((Column("size", "number"), Column("id", "drop")), target="size")
    >>> [column.name for column in plan.kept]
    ['size']
    """

    columns: tuple[Column, ...]
    target: str
    relations: Mapping[Relation, str] | None = None
    locale: str = DEFAULT_LOCALE
    notes: tuple[str, ...] = ()

    @property
    def kept(self) -> tuple[Column, ...]:
        """Columns that are not dropped, in the order of the file."""
        return tuple(c for c in self.columns if c.kind != "drop")

    @property
    def learnt(self) -> tuple[Column, ...]:
        """Columns of numbers, dates and categories."""
        return tuple(c for c in self.columns if c.kind in LEARNT)

    def proposed(self) -> TablePlan:
        """The plan with identifiers, names and the like as what they may become."""
        columns = (
            c
            if c.like is None or c.kind == "fake"
            else replace(c, kind="key", like=None)
            if c.like == "key"
            else replace(c, kind="fake")
            for c in self.columns
        )
        return replace(self, columns=tuple(columns))

    def drop(self, names: Collection[str]) -> TablePlan:
        """The plan without some columns.

        Raises
        ------
        TableError
            If one is not in the table, or is the target.
        """
        known = [c.name for c in self.columns]
        if unknown := [name for name in names if name not in known]:
            raise TableError(f"to drop: {unknown} are not in the table; its columns are {known}")
        if self.target in names:
            raise TableError(f"the target {self.target!r} cannot be dropped; name another target")
        columns = tuple(replace(c, kind="drop") if c.name in names else c for c in self.columns)
        relations = self.relations
        if relations is not None:
            relations = {r: note for r, note in relations.items() if not {*r.columns} & {*names}}
        return replace(self, columns=columns, relations=relations)


def infer_plan(source: Source, target: str) -> TablePlan:
    """Read off what each column is; every one gets a kind and a note that says why.

    `target` names the column that others are to predict. No column is refused here: see
    `check_plan`.

    Raises
    ------
    TableError
        If there is no such target.

    Notes
    -----
    A text column is free text where half its values differ (and more than 20 do) or the longest is
    over 60 characters, an identifier where nearly all differ and none has a space. Whole numbers
    that all differ are an identifier where they count the rows or have ten digits or more. The
    target is exempt from the rules for numbers.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from synthtab.sharing.source import read_source
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "bolts.csv"
    ...     rows = "".join(f"{i};2101;{1 + i % 9}.02.2026;{i},50 TL\\n" for i in range(1, 90))
    ...     _ = path.write_text("no;plant;made;cost\\n" + rows, encoding="utf-8")
    ...     plan = infer_plan(read_source(path), "cost")
    >>> [(c.name, c.kind) for c in plan.columns]
    [('no', 'identifier'), ('plant', 'constant'), ('made', 'date'), ('cost', 'number')]
    >>> plan.columns[3].decimals, plan.columns[3].suffix
    (2, ' TL')
    """
    names = [str(name) for name in source.cells.columns]
    if target not in names:
        raise TableError(f"{source.path}: no column {target!r} to predict; its columns are {names}")
    columns = [
        _unless_useless(column, source, is_target=column.name == target)
        for column in infer_columns(source, names)
    ]
    columns = [_as_class(c, source) if c.name == target else c for c in columns]
    locale = proposed_locale(source.cells, {c.name: c.like for c in columns})
    return TablePlan(tuple(columns), target, locale=locale, notes=source.notes)


def infer_columns(source: Source, names: Collection[str]) -> list[Column]:
    """Read off what the cells of some columns are, whether they are of use or not.

    As `infer_plan`, but that a constant or an identifier is called what its cells are.
    """
    usual = "," if source.separator == ";" else "."
    columns, doubtful = {}, []
    for name in names:
        cells = source.cells[name].dropna()
        if cells.empty:
            columns[name] = Column(name, "empty", note="every value is missing")
        elif source.format == "csv":
            columns[name] = _infer_text(source, name, cells, usual)
            doubtful += [name] if "may separate" in columns[name].note else []
        else:
            columns[name] = _infer_typed(source, name, cells)
    # What the other columns write decides, where the cells of one do not tell.
    marks = {c.decimal_mark for c in columns.values() if c.kind == "number" and c.decimals != 0}
    for name in doubtful if len(marks) == 1 else ():
        columns[name] = _infer_text(source, name, source.cells[name].dropna(), *marks)
    for name, column in columns.items() if len(marks) == 2 and source.format == "csv" else ():
        if column.kind == "number" and column.decimals == 3:
            other = "," if column.decimal_mark == "." else "."
            columns[name] = _infer_text(source, name, source.cells[name].dropna(), other)
    return list(columns.values())


def check_plan(plan: TablePlan, where: object) -> None:
    """Refuse columns that nothing was decided about; `where` names the file in a message.

    Raises
    ------
    TableError
        Naming every such column, with what was seen and what may be done.
    """
    problems = []
    for column in plan.columns:
        if column.kind in (*LEARNT, "drop") or (column.kind in MADE and column.name != plan.target):
            continue
        found = f"column {column.name!r} is {_ARTICLES[column.kind]}"
        found += f" ({column.note})" if column.note else ""
        if column.name == plan.target:
            problems.append(f"{found}, and the target; predict a number or a category")
        elif column.kind == "mixed":
            problems.append(
                f"{found}; correct the cells, drop it with --drop {column.name!r}, or call it a "
                "category in schema.yaml"
            )
        else:
            other = "" if column.kind == "empty" else ", or call it a category in schema.yaml"
            if column.like is not None:
                other = (
                    f", or have {_MADE_AS[column.like == 'key']}, which `synthtab info` proposes"
                )
            problems.append(
                f"{found}; leave it out with --drop {column.name!r}"
                + (" or --drop-identifiers" if _tells_apart(column) else "")
                + other
            )
    if len(plan.kept) < 2:
        problems.append("fewer than two columns are left; keep the target and one more")
    if problems:
        raise TableError(f"{where}: " + "; ".join(problems))


def _tells_apart(column: Column) -> bool:
    """Whether the cells say which row it is, or whom it is about."""
    return column.kind == "identifier" or (column.kind == "text" and column.like is not None)


_MADE_AS = ("it made up (kind: fake)", "surrogates in its place (kind: key)")
_ARTICLES: Mapping[str, str] = {
    "key": "a key",
    "fake": "made up",
    "identifier": "an identifier",
    "text": "free text",
    "constant": "constant",
    "empty": "empty in every row",
    "mixed": "a mixture",
}


# --- inference -------------------------------------------------------------------------------


def missing_cells(cells: pd.Series[Any], source: Source, *, is_text: bool) -> pd.Series[bool]:
    """Which cells stand for no value, in a column of text or in one of numbers or dates."""
    marks = source.missing if is_text else (*MISSING_CELLS, *source.missing)
    found: pd.Series[bool] = cells.isna() | cells.isin(marks)
    if source.missing and pd.api.types.is_numeric_dtype(cells):
        known = [float(m) for m in source.missing if re.fullmatch(r"-?\d+(?:\.\d+)?", m)]
        found |= cells.isin(known)
    return found


def _mark_of_missing(name: str, source: Source, *, is_text: bool) -> str:
    """What a column writes most often where it has no value."""
    cells = source.cells[name]
    gaps = cells[missing_cells(cells, source, is_text=is_text)]
    gaps = gaps.astype(object).fillna("").map(str)
    return str(gaps.mode().iloc[0]) if len(gaps) and source.format != "parquet" else ""


def _infer_typed(source: Source, name: str, cells: pd.Series[Any]) -> Column:
    """A column of a file whose cells have types."""
    if pd.api.types.is_bool_dtype(cells):
        return Column(name, "category")
    if pd.api.types.is_datetime64_any_dtype(cells):
        return Column(name, "date")
    if pd.api.types.is_timedelta64_dtype(cells):
        return Column(name, "mixed", note=_LENGTHS)
    if isinstance(cells.dtype, pd.CategoricalDtype):
        return _infer_typed(source, name, cells.astype(cells.cat.categories.dtype))
    gaps = missing_cells(cells, source, is_text=False)
    gap = _mark_of_missing(name, source, is_text=False) if gaps.any() else ""
    known = cells[~gaps]
    if known.empty:
        return Column(name, "empty", note="every value is missing")
    kinds = known.map(_kind_of_cell) if known.dtype == object else pd.Series("number", known.index)
    shares = kinds.value_counts(normalize=True)
    if len(shares) == 1 and shares.index[0] == "date":
        return Column(name, "date", gap=gap)
    if len(shares) == 1 and shares.index[0] == "number":
        return replace(_typed_number(name, known), gap=gap)
    if not known.map(lambda v: isinstance(v, _SIMPLE)).all():
        odd = next(type(v).__name__ for v in known if not isinstance(v, _SIMPLE))
        return Column(name, "mixed", note=f"cells of type {odd}: write them as text or numbers")
    if shares.index[0] != "text" and shares.iloc[0] >= _NEARLY:
        return _mixed(name, f"{shares.index[0]}s", known, kinds != shares.index[0])
    if known.map(lambda v: isinstance(v, str)).all():
        found = read_date_format(known)
        if found.format and not found.odd.any():
            return Column(name, "date", format=found.format, gap=gap, note=found.note)
    return _text_kind(name, cells.map(str))


def _typed_number(name: str, cells: pd.Series[Any]) -> Column:
    """A column of numbers; they are a date where they read as one, such as 20240131."""
    is_exact = exactly(cells)
    if not is_exact.all():
        column = _text_kind(name, cells.map(str))
        note = f"numbers, of which {shown(cells[~is_exact].iloc[0])} cannot be held exactly"
        kind: Kind = "mixed" if cells.map(_kind_of_cell).eq("text").any() else column.kind
        kind = kind if all(isinstance(v, int | np.integer) for v in cells) else "mixed"
        return replace(column, kind=kind, note=f"{note}; {column.note}")
    values = cells.astype(float)
    whole = values.between(1e5, 1e14) & (values == values.round())
    if whole.all():
        found = read_compact_dates(values.map("{:.0f}".format))
        if found.format and not found.odd.any():
            return Column(name, "date", format=found.format, note=found.note)
    return _finite(name, values)


def _infer_text(source: Source, name: str, cells: pd.Series[Any], usual: str) -> Column:
    """A column of a CSV file; `usual` is the decimal mark where the cells do not tell."""
    known = cells[~missing_cells(cells, source, is_text=False)]
    if known.empty:
        return Column(name, "empty", note="every value is missing")
    gap = _mark_of_missing(name, source, is_text=False)
    infinite = known.str.fullmatch(_INFINITE, case=False)
    if infinite.any():
        return _mixed(name, "infinite values", known, infinite)
    if (known.str.contains(_OTHER_DIGIT) & known.str.fullmatch(_OF_DIGITS)).all():
        return Column(name, "mixed", note="digits of another script: write them with 0 to 9")
    dates = read_compact_dates(known)
    if dates.format is None:
        numbers = read_number_form(
            known, usual=usual, decimal=source.decimal, thousands=source.thousands
        )
        if numbers.problem.startswith("numbers of up to"):  # digits that are no quantity
            column = _text_kind(name, known)
            return replace(column, note=f"{numbers.problem}; {column.note}")
        if numbers.problem:
            return Column(name, "mixed", note=numbers.problem)
        if numbers.fields is not None:
            return Column(name, "number", gap=gap, note=numbers.note, **numbers.fields)
        dates = read_date_format(known)
        if numbers.odd.mean() <= _FEW_MISTAKES:
            return _mixed(name, "numbers", known, numbers.odd)
    if dates.format is not None and not dates.odd.any():
        if dates.other:
            remedy = f"say which by --date '{name}={dates.format}'"
            return Column(name, "mixed", note=f"dates {dates.note}: {remedy}")
        if "%y" in dates.format and read_dates(known, dates.format).dt.year.max() >= _FAR:
            ways = f"write it with four digits, or let --date '{name}={dates.format}' have it so"
            return Column(name, "mixed", note=f"dates whose year may be 1968 or 2068: {ways}")
        return Column(name, "date", format=dates.format, gap=gap, note=dates.note)
    if dates.note == SEVERAL_ZONES:
        return Column(name, "mixed", note=SEVERAL_ZONES)
    if dates.odd.mean() <= _FEW_MISTAKES:
        column = _mixed(name, "dates", known, dates.odd)
        return replace(column, note=f"{column.note}, and most written {dates.format}")
    if known.nunique() > _FEW_VALUES and known.map(_LENGTH.fullmatch).notna().all():
        return Column(name, "mixed", note=_LENGTHS)
    if dates.format is not None:
        rest = read_date_format(known[dates.odd])
        if rest.format is not None and not rest.odd.any():
            ways = f"{dates.format} and {rest.format}"
            return Column(name, "mixed", note=f"dates, some written {ways}: write them all one way")
    cells = cells[~missing_cells(cells, source, is_text=True)]
    column = _text_kind(name, cells)
    if column.kind in ("identifier", "text") and known.str.fullmatch(_AMOUNT).all():
        ways = "numbers written in several ways: write them all one way, and in one unit"
        return Column(name, "mixed", note=ways)
    if dates.format is None and _is_measured(known, numbers.odd):
        return _mixed(name, "numbers", known, numbers.odd)
    if known.str.fullmatch(r"\d*").all():
        column = replace(column, note=f"codes with leading zeros, {column.note}")
    return replace(column, gap=_mark_of_missing(name, source, is_text=True))


def _is_measured(cells: pd.Series[Any], odd: pd.Series[bool]) -> bool:
    """Whether numbers among few words are measured: as categories most would be merged as rare."""
    rare = cells[~odd].value_counts() < _RARE
    is_list = cells[odd].nunique() <= _FEW_VALUES
    return is_list and len(rare) > _FEW_VALUES and bool(rare.mean() > 0.5)


def _mixed(name: str, what: str, cells: pd.Series[Any], odd: pd.Series[bool]) -> Column:
    row: Any = cells.index[int(odd.to_numpy().argmax())]
    link = "" if what == "infinite values" else "but "
    note = f"{what}, {link}{shown(cells[row])} in data row {row + 1}"
    if what == "numbers":
        if len(cells[odd].unique()) == 1 and not re.search(r"\d", str(cells[row])):
            note += ": if that stands for no value, give it to --na-values"
        else:
            note += ": write all numbers one way, and in one unit, and missing ones as empty cells"
    return Column(name, "mixed", note=note)


def _finite(name: str, values: pd.Series[Any]) -> Column:
    infinite = _infinite(values)
    if infinite.any():
        return _mixed(name, "infinite values", values, infinite)
    return Column(name, "number")


def _text_kind(name: str, cells: pd.Series[Any]) -> Column:
    n_values = cells.nunique()
    share = n_values / len(cells)
    longest = int(cells.str.len().max())
    if n_values > _FEW_VALUES and share >= _MOSTLY_DIFFERENT:
        spaced = cells.str.contains(r"\s").mean() > 0.5
        kind: Kind = "text" if spaced else "identifier"
        return Column(name, kind, note=f"{n_values:,} different values in {len(cells):,} cells")
    if longest > _LONG_TEXT:
        return Column(name, "text", note=f"up to {longest} characters long")
    rare = int((cells.value_counts() < _RARE).sum())
    note = f"{n_values:,} values" + (f", {rare:,} of them in fewer than 5 rows" if rare else "")
    return Column(name, "category", note=note)


def _unless_useless(column: Column, source: Source, *, is_target: bool) -> Column:
    """The column, or what is to be said of one that holds one value or numbers the rows."""
    cells = source.cells[column.name]
    cells = cells[~missing_cells(cells, source, is_text=column.kind == "category")]
    if len(cells) and len(cells.map(_hashable).unique()) == 1:
        return Column(column.name, "constant", note=f"always {shown(cells.iloc[0])}")
    column = _unless_counting(column, source, is_target=is_target)
    known = cells[~missing_cells(cells, source, is_text=False)]
    found = None if is_target else recognised(column.name, known, column.kind)
    if found is None:
        return column
    like, note = found
    if column.kind not in ("identifier", "text"):
        column = Column(column.name, "identifier" if like == "key" else "text", note=note)
    # A key that is NA is no key, whatever text may be.
    gap = _mark_of_missing(column.name, source, is_text=False)
    return replace(column, like=like, gap=gap, note=column.note or note)


def _unless_counting(column: Column, source: Source, *, is_target: bool) -> Column:
    cells = source.cells[column.name].dropna()
    if column.kind != "number":
        return column
    values = typed_column(cells, column, source).dropna()
    if mark := _odd_end(values):
        note = f"{mark} stands apart: if it means a missing value, give it to --na-values"
        column = replace(column, note=f"{column.note}; {note}" if column.note else note)
    # What is written with decimals is an amount, however long it is.
    if is_target or column.decimals or len(values) < len(cells) or len(cells) <= _FEW_VALUES:
        return column
    if (values != values.round()).any() or values.nunique() < len(values):
        return column
    if values.max() - values.min() + 1 == len(values):
        return replace(column, kind="identifier", note="whole numbers that count rows")
    if values.abs().min() >= 10 ** (_DIGITS_OF_AN_ID - 1):
        note = "whole numbers that all differ and are long"
        return replace(column, kind="identifier", note=note)
    return column


def _odd_end(values: pd.Series[Any]) -> str:
    """A value such as -999, in several rows and far from all others; nothing if there is none."""
    for end in (values.min(), values.max()):
        rest = values[values != end]
        if len(values) - len(rest) < _SEVERAL or len(rest) < _SEVERAL:
            continue
        spread = rest.max() - rest.min()
        far = abs(end - (rest.min() if end < rest.min() else rest.max()))
        if end == -1:
            is_apart = rest.min() >= 0
        else:
            is_apart = set(f"{abs(end):g}") == {"9"} and abs(end) > 9 and far >= max(spread, 10)
        if is_apart:
            return f"{end:g}"
    return ""


def _as_class(column: Column, source: Source) -> Column:
    """The target; a number that takes two values is a class."""
    if column.kind != "number":
        return column
    cells = source.cells[column.name]
    known = cells[~missing_cells(cells, source, is_text=False)]
    if known.nunique() != 2:
        return column
    note = "two values, so a class; `kind: number` or --number keeps it a number"
    return Column(column.name, "category", gap=column.gap, note=note)


def _kind_of_cell(value: object) -> str:
    if isinstance(value, datetime.date):  # a datetime is one too
        return "date"
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return "number" if is_number or type(value).__name__ == "Decimal" else "text"


def _hashable(value: object) -> object:
    return value if isinstance(value, str | int | float | bool) else str(value)


# --- values ----------------------------------------------------------------------------------


def typed_column(cells: pd.Series[Any], column: Column, source: Source) -> Any:
    """The values of a column.

    A number: float64 with NaN. A date: datetime64. A category, a key or what is made up: object,
    as in the file, None where there is no value.

    Raises
    ------
    TableError
        If a cell is not of the column's kind; names column, value and row.
    """
    values = readable_column(cells, column, source)
    if column.kind in ("category", *MADE):
        return values
    gaps = missing_cells(cells, source, is_text=False)
    odd = (values.isna() & ~gaps) | _infinite(values)
    if odd.any():
        row = int(odd.to_numpy().argmax())
        raise TableError(
            f"{source.path}: column {column.name!r}: {int(odd.sum())} cells are no {column.kind}s, "
            f"or hold more digits than can be kept, first {shown(cells.iloc[row])} in data row "
            f"{row + 1}; correct them, or give the column another kind in schema.yaml"
        )
    return values


def readable_column(cells: pd.Series[Any], column: Column, source: Source) -> Any:
    """As `typed_column`, but that a cell which is not of the column's kind has no value."""
    gaps = missing_cells(cells, source, is_text=column.kind == "category")
    known = cells.where(~gaps)
    if column.kind in ("category", *MADE):
        return cells.astype(object).where(~gaps, None)
    if column.kind == "date":
        return _dates(known, column, source)
    if source.format == "csv":
        return read_numbers(known, column)
    values = widened(pd.to_numeric(known, errors="coerce"))
    return values.where(exactly(known.astype(object)))


def _dates(cells: pd.Series[Any], column: Column, source: Source) -> pd.Series[Any]:
    """Dates as datetime64[us] without a zone: the time is that of the clock where they were."""
    if source.format == "csv" or (column.format and not _has_dates(cells)):
        text = (
            cells if cells.dtype == object else cells.astype(float).map("{:.0f}".format, "ignore")
        )
        form = column.format or "%Y-%m-%d"
        return read_dates(text.astype(object), with_zone_of(text.astype(object), form))
    if pd.api.types.is_datetime64_any_dtype(cells):
        naive = cells.dt.tz_localize(None)
    else:
        known = [
            v if isinstance(v, datetime.date) and v == v else None for v in cells.astype(object)
        ]
        naive = pd.Series(np.array(known, dtype="datetime64[us]"), index=cells.index)
    micros = naive.astype("datetime64[us]")
    kept: pd.Series[Any] = micros.where(micros == naive)  # nanoseconds are more than is kept
    return kept


def _has_dates(cells: pd.Series[Any]) -> bool:
    known = cells.dropna()
    return pd.api.types.is_datetime64_any_dtype(cells) or (
        cells.dtype == object and len(known) > 0 and isinstance(known.iloc[0], datetime.date)
    )


def _infinite(values: pd.Series[Any]) -> pd.Series[bool]:
    if not pd.api.types.is_float_dtype(values):
        return pd.Series(data=False, index=values.index)
    return pd.Series(np.isinf(values.to_numpy()), index=values.index)


# --- as a file that can be corrected ---------------------------------------------------------


def plan_text(plan: TablePlan) -> str:
    """The plan as YAML, with a comment on each column.

    Examples
    --------
    >>> plan = TablePlan((Column("cost", "number", decimals=2), Column("plant", "category",
    ...                  note="3 values")), target="cost")
    >>> print(plan_text(plan))
    # kind: number, category, date, key, fake or drop. Correct it and give the file to --schema.
    target: "cost"
    columns:
      "cost": {kind: number, decimals: 2}
      "plant": {kind: category}  # 3 values
    <BLANKLINE>
    """
    lines = [
        "# kind: number, category, date, key, fake or drop. Correct it and give the file to "
        "--schema.",
        f"target: {quoted(plan.target)}",
        *([f"locale: {plan.locale}"] if any(c.kind == "fake" for c in plan.columns) else []),
        "columns:",
    ]
    lines[2:2] = [f"# Note: {note}" for note in plan.notes]
    for column in plan.columns:
        parts = [f"kind: {column.kind}"]
        for name, default in _DEFAULTS.items():
            if (name == "like") != (column.kind == "fake"):
                continue
            value = getattr(column, name)
            if name != "note" and value != default:
                plain = list(value) if isinstance(value, tuple) else value
                parts.append(f"{name}: {json.dumps(plain, ensure_ascii=False)}")
        note = f"  # {column.note}" if column.note else ""
        lines.append(f"  {quoted(column.name)}: {{{', '.join(parts)}}}{note}")
    return neutral("\n".join(lines)) + "\n" + relations_text(plan)


def relations_text(plan: TablePlan) -> str:
    """The relations of a plan as YAML; nothing where nobody has looked for any."""
    if plan.relations is None:
        return ""
    lines = ["relations:  # kept in every synthetic row; delete those that hold by chance"]
    for relation, note in plan.relations.items():
        plain = json.dumps(relation.to_plain(), ensure_ascii=False)
        said = f"{relation}; {note}" if note else str(relation)
        lines.append(f"  - {plain}  # {' '.join(said.splitlines())}")
    return neutral("\n".join(lines)) + "\n" if plan.relations else "relations: []\n"


ENTRIES = frozenset({"target", "public", "rows", "columns"})
"""What a schema file may hold; `public` and `rows` are for `synthtab.sharing.declaration`."""

_DEFAULTS = {f.name: f.default for f in fields(Column) if f.name not in ("name", "kind")}


def quoted(text: str) -> str:
    """A text as YAML reads it back, whatever stands in it."""
    # JSON's strings are YAML's as well, and their escapes.
    return neutral(json.dumps(text, ensure_ascii=False))


def read_schema(
    source: Source,
    target: str,
    schema: str | Path | None,
    *,
    kinds: Mapping[str, Mapping[str, Any]] | None = None,
    drop: Collection[str] = (),
    drop_identifiers: bool = False,
) -> TablePlan:
    """The plan of a table: read off its cells, and corrected by a YAML file and by options.

    `kinds` maps columns to entries as those of the file, which go before it.

    Raises
    ------
    TableError
        If the file cannot be read, or an entry of it cannot be understood.
    """
    if schema is None:
        plan = infer_plan(source, target)
    else:
        try:
            text = Path(schema).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise TableError(f"--schema {schema}: {error}") from error
        plan = read_plan(text, source, target, schema)
    plan = _with_entries(plan, kinds or {}, source, "kinds by option").drop(drop)
    if not drop_identifiers:
        return plan
    return plan.drop([c.name for c in plan.columns if _tells_apart(c) and c.name != target])


def read_plan(text: str, source: Source, target: str, where: object) -> TablePlan:
    """Read a plan that `plan_text` wrote and somebody corrected.

    Columns that the text does not name are inferred. `where` names the plan's file in a message.

    Raises
    ------
    TableError
        Naming every entry that cannot be understood.
    """
    import yaml

    try:
        entries = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise TableError(f"{where} is not YAML: {error}") from error
    if not isinstance(entries, dict) or not isinstance(entries.get("columns"), dict):
        raise TableError(
            f"{where}: should hold `columns:` with one entry each, `name: {{kind: …}}`"
        )
    problems = []
    if unknown := sorted(set(entries) - ENTRIES - {"relations", "locale"}):
        problems.append(f"unknown entries {unknown}")
    if entries.get("target", target) != target:
        problems.append(f"its target is {entries['target']!r}, and {target!r} was asked for")
    relations, found = _relations(entries)
    problems += found
    plan = infer_plan(source, target)
    locale = entries.get("locale", plan.locale)
    if not isinstance(locale, str):
        problems.append(f"locale is {locale!r}, should be one such as tr_TR")
    plan = replace(plan, relations=relations, locale=locale)
    return _with_entries(plan, entries["columns"], source, where, problems)


def _relations(entries: Mapping[str, Any]) -> tuple[dict[Relation, str] | None, list[str]]:
    """Relations of a schema file; None where it says nothing of them."""
    if "relations" not in entries:
        return None, []
    if not isinstance(entries["relations"], list | None):
        return None, ["relations should be a list"]
    relations: dict[Relation, str] = {}
    problems = []
    for entry in entries["relations"] or []:
        try:
            relations[relation_from_plain(entry)] = ""
        except ValueError as error:
            problems.append(f"relations: {error}")
    return relations, problems


def _with_entries(
    plan: TablePlan,
    entries: Mapping[str, Any],
    source: Source,
    where: object,
    before: Sequence[str] = (),
) -> TablePlan:
    """The plan with entries of some columns corrected; every one that is wrong is named."""
    columns = {c.name: c for c in plan.columns}
    problems = list(before)
    for name, entry in entries.items():
        if name not in columns:
            problems.append(f"column {name!r} is not in {source.path}")
        elif not isinstance(entry, dict) or entry.get("kind") not in KINDS:
            problems.append(f"column {name!r}: kind should be one of {list(KINDS)}")
        elif unknown := sorted(map(str, set(entry) - {"kind", *_DEFAULTS})):
            problems.append(f"column {name!r}: unknown {unknown}; known are {list(_DEFAULTS)}")
        else:
            columns[name], found = corrected(columns[name], entry, source)
            problems.extend(f"column {name!r}: {problem}" for problem in found)
    if problems:
        raise TableError(f"{where}: " + "; ".join(problems))
    return replace(plan, columns=tuple(columns.values()))


def corrected(
    column: Column, entry: Mapping[str, Any], source: Source | None = None
) -> tuple[Column, list[str]]:
    """A column as an entry of a schema file corrects it, and what cannot be understood of it.

    How the cells of the `source` are written completes the entry.
    """
    given = dict(entry)
    problems = _problems_of_types(given)
    bounds, levels = given.get("bounds"), given.get("levels")
    if bounds is not None:
        numbers = [_day_number(v, column) for v in bounds] if isinstance(bounds, list) else []
        if len(numbers) != 2 or None in numbers or not numbers[0] < numbers[1]:
            problems.append(f"bounds are {bounds}, should be [low, high] with low < high")
        given["bounds"] = tuple(numbers)
    if levels is not None:
        given["levels"] = tuple(levels) if isinstance(levels, list) else ()
        if not given["levels"] or not all(isinstance(v, int | float) for v in given["levels"]):
            problems.append(f"levels are {levels}, should be a list of numbers")
    if (categories := given.get("categories")) is not None:
        given["categories"] = tuple(categories) if isinstance(categories, list) else ()
        plain = all(isinstance(v, str | int | float) for v in given["categories"])
        if not given["categories"] or not plain:
            problems.append(f"categories are {categories}, should be a list of values")
    if not isinstance(given.get("missing"), bool | None):
        problems.append(f"missing is {given['missing']!r}, should be true or false")
    if (given["kind"] == "fake") != (given.get("like") in FIELDS):
        problems.append(
            f"`kind: fake` needs `like:`, one of {list(FIELDS)}, and no other kind has it"
        )
    if given.get("format") is not None and (problem := format_problem(given["format"])):
        problems.append(problem)
    if not problems and source is not None:
        problems += _reread(column, given, source)
    if problems:
        return column, problems
    if given["kind"] != column.kind:
        column = replace(column, note="", like=None)
    return replace(column, **given), []


def _problems_of_types(given: dict[str, Any]) -> list[str]:
    """What is wrong with an entry's values; lists become tuples."""
    problems = []
    for name, value in given.items():
        default = _DEFAULTS.get(name)
        wanted = bool if isinstance(default, bool) else str if isinstance(default, str) else None
        if name in ("decimals", "least_decimals"):
            if value is not None and (type(value) is not int or not 0 <= value <= 300):
                problems.append(f"{name} is {value!r}, should be a number of digits")
        elif name == "negative" and value is not None:
            given[name] = tuple(value) if isinstance(value, list) else (value,)
            if len(given[name]) != 2 or not all(isinstance(v, str) for v in given[name]):
                problems.append("negative should be [before, after], as in ['(', ')']")
        elif wanted is not None and not isinstance(value, wanted):
            should = "true or false" if wanted is bool else "text"
            problems.append(f"{name} is {value!r}, should be {should}")
    if not re.fullmatch(r"(?:<?[eE]\+?0+|[gG]\d{1,2})?", str(given.get("exponent", ""))):
        problems.append("exponent should be as in 'e+00', '<e+00' or 'g6'")
    return problems


def _reread(column: Column, given: dict[str, Any], source: Source) -> list[str]:
    """Complete an entry by how the cells are written, where the kind or a mark is another."""
    cells = source.cells[column.name]
    known = cells[~missing_cells(cells, source, is_text=False)]
    is_text = source.format == "csv" or known.map(lambda v: isinstance(v, str)).all()
    kind = given["kind"]
    if "format" in given and given["format"] is not None and kind == "date":
        if is_text and "%z" in given["format"]:
            given["format"] = with_zone_of(known, given["format"])
            if "%z" in given["format"]:
                return [SEVERAL_ZONES]
    if kind == "date" and column.kind != "date" and not given.get("format") and is_text:
        found = read_date_format(known) if len(known) else None
        if found is None or found.format is None or found.odd.any():
            return ["a date needs its format, such as '%d.%m.%Y'"]
        given["format"] = found.format
    if kind == "category" and _has_dates(cells):
        return ["dates of this file are no text; write them as text to make a category of them"]
    marks = {name: given.get(name, getattr(column, name)) for name in ("decimal_mark", "thousands")}
    same = all(marks[name] == getattr(column, name) for name in marks)
    if kind == "number" and source.format == "csv" and (column.kind != "number" or not same):
        told = "decimal_mark" in given or "thousands" in given
        found_form = read_number_form(
            known,
            usual=marks["decimal_mark"],
            decimal=given.get("decimal_mark") if told else source.decimal,
            thousands=given.get("thousands") if told else source.thousands,
        )
        if found_form.problem and found_form.fields is None:
            return [found_form.problem]
        for name, value in (found_form.fields or {}).items():
            given.setdefault(name, value)
    return []


def _day_number(value: object, column: Column) -> Any:
    """A bound as a number; a day as days since 1970."""
    if isinstance(value, str) and column.kind == "date":
        try:
            value = datetime.date.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime.date):
        return float((value - datetime.date(1970, 1, 1)).days)
    return float(value) if isinstance(value, int | float) else None
