"""What rows are to be like: conditions as they are written down, and rows with some cells given."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from synthtab.sharing.cells import DAY, read_dates
from synthtab.sharing.columns import MADE, Column, typed_column
from synthtab.sharing.form import TableForm, category_name
from synthtab.sharing.source import Source, TableError, read_source

_SIGNS = (">=", "<=", ">", "<", "=")
_HOW = "write it as COLUMN=VALUE, or with >=, <=, > or <"


class _Span(NamedTuple):
    """The numbers that a text stands for, and how far the next one is."""

    low: float
    high: float
    step: float


def conditions_of(form: TableForm, where: Sequence[str]) -> dict[str, Any]:
    """What conditions such as ``age>=65`` ask for, in the terms of `HybridDiffusion.sample`.

    A category may have several values, ``city=Bonn,Bursa``. A day, 2026-01-31 or as in the file
    without the time, stands for all its hours. Nothing behind ``=`` stands for a missing value.
    Values are written as in the file, days also as above, numbers also without their unit.

    Raises
    ------
    TableError
        If there is no such column, or the text is no value of its kind.
    """
    asked: dict[str, list[tuple[str, str]]] = {}
    for text in where:
        name, sign, value = _parted(form, text)
        asked.setdefault(name, []).append((sign, value))
    columns = {c.name: c for c in form.columns}
    found: dict[str, Any] = {}
    for name, conditions in asked.items():
        signs = [sign[0] for sign, _ in conditions]
        if ("=" in signs and len(signs) > 1) or len(set(signs)) < len(signs):
            raise TableError(f"--where {name}: given more than once")
        if columns[name].kind in MADE:
            raise TableError(f"--where {name}: its values are made up; name another column")
        if columns[name].kind == "category":
            found[name] = _categories(form, name, *conditions[0])
        elif conditions == [("=", "")]:
            if name not in form.flags:
                raise TableError(f"--where {name}: the column has no missing values")
            found[form.flags[name]] = "yes"
        else:
            found |= _range(form, columns[name], conditions)
    return found


def _parted(form: TableForm, text: str) -> tuple[str, str, str]:
    """Column, sign and value of a condition; a column's name may hold a sign."""
    names = [c.name for c in form.columns]
    for name in sorted(names, key=len, reverse=True):
        rest = text.removeprefix(name).lstrip()
        sign = next((s for s in _SIGNS if rest.startswith(s)), None)
        if text.startswith(name) and sign is not None:
            return name, sign, rest.removeprefix(sign).strip()
    if not any(sign in text for sign in _SIGNS):
        raise TableError(f"--where {text!r}: {_HOW}")
    raise TableError(f"--where {text!r}: no such column; columns are {names}")


def _categories(form: TableForm, name: str, sign: str, text: str) -> Any:
    if sign != "=":
        raise TableError(f"--where {name}{sign}: the column is a category; name its values by =")
    known = form.categories[name]
    gap = next((c for c, v in known.items() if v is None), None)
    values = [text] if text in known or not text else [v.strip() for v in text.split(",")]
    values = [value if value or gap is None else gap for value in values]
    if unknown := [value for value in values if value not in known]:
        raise TableError(
            f"--where {name}: the column never takes {', '.join(map(repr, unknown))}; it takes "
            f"{list(known)[:10]}"
        )
    return values if len(values) > 1 else values[0]


def _range(
    form: TableForm, column: Column, conditions: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """Of a number or a date: the value or the range, and that it is not missing."""
    name = column.name
    low, high = -np.inf, np.inf
    for sign, text in conditions:
        span = _span(form, column, text)
        if sign in ("=", ">="):
            low = span.low
        if sign in ("=", "<="):
            high = span.high
        if sign == ">":
            low = round(span.high + span.step, 9) if span.step else np.nextafter(span.high, np.inf)
        if sign == "<":
            high = round(span.low - span.step, 9) if span.step else np.nextafter(span.low, -np.inf)
    ends = {
        label: micros // form.units[name]
        for label, micros in form.specials.get(name, {}).items()
        if micros is not None
    }
    labels = ["no", *(label for label, end in ends.items() if low <= end <= high)]
    if low == high in ends.values():
        return {form.flags[name]: labels[1]}
    if low > high:
        raise TableError(f"--where {name}: no value lies between the two that are given")
    found: dict[str, Any] = {name: low if low == high else (low, high)}
    if name in form.flags:
        found[form.flags[name]] = labels if len(labels) > 1 else "no"
    return found


def _span(form: TableForm, column: Column, text: str) -> _Span:
    name = column.name
    is_date = column.kind == "date"
    value: Any
    day = _day(column, text) if is_date else pd.NaT
    is_day = not pd.isna(day)
    if is_day:
        value = day
    elif is_date and column.format is None:
        value = pd.to_datetime(pd.Series([text]), errors="coerce", format="ISO8601").iloc[0]
    elif not is_date and re.fullmatch(r"[+-]?\d+([.,]\d+)?(e[+-]?\d+)?", text, re.IGNORECASE):
        value = float(text.replace(",", "."))
    else:
        try:
            value = typed_column(*_cell(form, column, text)).iloc[0]
        except TableError:
            value = np.nan
    if pd.isna(value):
        how = "date; write it as 2026-01-31" if is_date else "number"
        raise TableError(f"--where {name}: {text!r} is no {how}, or as in the file")
    if not is_date:
        decimals = _decimals(form, column)
        if decimals is None:
            return _Span(value, value, 0.0)
        step = 10.0**-decimals  # between two of its values lies none
        low, high = np.ceil(value / step - 1e-9), np.floor(value / step + 1e-9)
        return _Span(round(low * step, decimals), round(high * step, decimals), step)
    unit = form.units[name]
    first = int(pd.Series([value]).astype("datetime64[us]").astype("int64").iloc[0]) // unit
    return _Span(first, first + (max(DAY // unit, 1) - 1 if is_day else 0), 1)


def _day(column: Column, text: str) -> Any:
    """The day that a text names, written as 2026-01-31 or as in the file without the time."""
    # What comes before the first directive of a time, and what divides the two.
    own = re.split(r"[\sT,]*%[-^]?\d?[HI]", column.format or "")[0]
    for form in ["%Y-%m-%d"] * bool(re.fullmatch(r"\d{4}-\d\d-\d\d", text)) + [own]:
        day = read_dates(pd.Series([text], dtype=object), form).iloc[0] if form else pd.NaT
        if not pd.isna(day):
            return day
    return pd.NaT


def _decimals(form: TableForm, column: Column) -> int | None:
    """Decimals of all values of a number; None if they have any, as those with an exponent do."""
    if column.exponent:  # the column's decimals are those of the digits before it
        return None
    return 0 if form.is_whole[column.name] else column.decimals


def _cell(form: TableForm, column: Column, text: str) -> tuple[pd.Series[Any], Column, Source]:
    cells = pd.Series([text], dtype=object, name=column.name)
    return cells, column, Source(Path("--where"), "csv", cells.to_frame())


def given_cells(form: TableForm, path: str | Path) -> pd.DataFrame:
    """Rows of a file with some columns of the form and gaps, typed as by `typed_column`.

    The file is written as the form's own: its decimals, dates and marks of missing values.

    Raises
    ------
    TableError
        If it cannot be read, has columns that are not drawn, or a cell that its column never has.
    """
    usual = form.encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1254")
    source = read_source(
        path, header=form.header, encoding=None if usual else form.encoding, least_columns=1
    )
    columns = {c.name: c for c in form.columns}
    if unknown := [str(c) for c in source.cells if c not in columns]:
        raise TableError(
            f"{path}: columns {unknown} are not among those that are drawn, {list(columns)}; "
            "leave them out"
        )
    found, problems = {}, []
    for name in map(str, source.cells):
        column = columns[name]
        cells = source.cells[name]
        cells = cells.where(cells.notna() & (cells.astype(object) != column.gap), None)
        if column.kind in MADE and cells.notna().any():
            problems.append(
                f"column {name!r} holds keys or what is made up, which would come back as they "
                "are: a real one would be released; leave the column out, or its cells empty"
            )
            continue
        values = typed_column(cells, column, source)
        if column.kind == "number":
            decimals = _decimals(form, column)
            if decimals is not None:
                odd = values.notna() & (values.round(decimals) != values)
                if odd.any():
                    row = int(odd.to_numpy().argmax()) + 1
                    problems.append(f"column {name!r} has {decimals} decimals, data row {row} more")
        elif column.kind == "category":
            known = {category_name(v) for v in form.categories[name].values() if v is not None}
            odd = values.notna() & ~values.map(category_name, na_action="ignore").isin(known)
            if odd.any() and name not in form.others:
                row = int(odd.to_numpy().argmax()) + 1
                problems.append(f"column {name!r} never has the value of data row {row}")
        found[name] = values
    if problems:
        raise TableError(f"{path}: " + "; ".join(problems))
    return pd.DataFrame(found)
