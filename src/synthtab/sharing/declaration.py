"""What the owner declares of a table, so that nothing has to be read off its rows.

With differential privacy every fact that reaches an output is paid for out of the budget, or is
known without the rows: from a manual, a catalogue, a norm. Such facts stand in a file, of which
`declaration_text` writes the blanks. `read_declaration` refuses whatever is left open, all at once.
`declared_rows` then takes each row for itself: what a row holds decides about this row alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthtab.sharing.columns import (
    ENTRIES,
    Column,
    TablePlan,
    corrected,
    missing_cells,
    quoted,
    readable_column,
)
from synthtab.sharing.form import TableForm, category_name
from synthtab.sharing.source import Source, TableError

BLANK = "TODO"
KINDS = ("number", "category", "date", "drop")
_FACTS: Mapping[str, tuple[str, ...]] = {
    "number": ("kind", "prefix", "suffix", "decimal_mark", "decimals", "bounds", "levels"),
    "category": ("kind", "categories"),
    "date": ("kind", "format", "bounds"),
    "drop": ("kind",),
}
_HEAD = """\
# A declaration for `synthtab share --epsilon`. Replace each TODO by what is known without these
# rows: from the manual, the catalogue, a norm, the law. Whatever the rows alone could tell must not
# stand here. What is "read off" was read off the rows: keep it only if it was known anyway.
# Values beyond the bounds are moved to them; rows with a value that is not foreseen are left out.
"""


@dataclass(frozen=True)
class Declaration:
    """What is known of a table without its rows.

    Attributes
    ----------
    plan : TablePlan
        Its columns, each with everything that `share` would otherwise read off.
    n_rows : int
        How many rows it has, roughly.
    text : str
        The file that says so.
    """

    plan: TablePlan
    n_rows: int
    text: str


def declaration_text(plan: TablePlan) -> str:
    """A declaration with blanks, from a plan that was read off the rows.

    Examples
    --------
    >>> plan = TablePlan((Column("plant", "category"), Column("cost", "number", decimals=2)), "cost")
    >>> print(*declaration_text(plan).splitlines()[4:], sep="\\n")
    target: "cost"
    public: TODO  # true: your word that nothing in this file depends on these rows
    rows: TODO  # how many there are, roughly
    columns:
      "plant": {kind: category, categories: [TODO], missing: TODO}  # read off: kind
      "cost": {kind: number, decimals: 2, bounds: [TODO, TODO], missing: false}  # read off: kind, decimals
    """  # noqa: E501
    lines = [
        f"target: {quoted(plan.target)}",
        f"public: {BLANK}  # true: your word that nothing in this file depends on these rows",
        f"rows: {BLANK}  # how many there are, roughly",
        "columns:",
    ]
    for column in plan.columns:
        kind = column.kind if column.kind in KINDS else "drop"
        parts, read = [f"kind: {kind}"], ["kind"]
        for name in ("decimals", "decimal_mark", "prefix", "suffix", "format"):
            value = getattr(column, name)
            if name in _FACTS[kind] and value != getattr(Column("", "number"), name):
                parts.append(f"{name}: {quoted(value) if isinstance(value, str) else value}")
                read.append(name)
        parts += [f"{name}: {BLANK}" for name in _blanks(replace(column, kind=kind)) & {"decimals"}]
        parts += {"category": [f"categories: [{BLANK}]"], "drop": []}.get(
            kind, [f"bounds: [{BLANK}, {BLANK}]"]
        )
        if kind != "drop":
            parts.append(f"missing: {'false' if column.name == plan.target else BLANK}")
        facts, seen = ", ".join(parts), ", ".join(read)
        lines.append(f"  {quoted(column.name)}: {{{facts}}}  # read off: {seen}")
    return _HEAD + "\n".join(lines) + "\n"


def read_declaration(source: Source, target: str, path: str | Path | None) -> Declaration:
    """Read a declaration of the table of a file, of which only the header is looked at.

    Raises
    ------
    TableError
        Naming everything that is not declared, or cannot be understood.
    """
    import yaml

    names = [str(name) for name in source.cells.columns]
    hint = (
        f"`synthtab info {source.path.name} --target {target} --private-template > schema.yaml` "
        "writes a file to fill in, for --schema"
    )
    if path is None:
        raise TableError(f"--epsilon needs a declaration of what is known without the rows; {hint}")
    try:
        text = Path(path).read_text(encoding="utf-8")
        entries = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise TableError(f"--schema {path}: {error}") from error
    if not isinstance(entries, dict) or not isinstance(entries.get("columns"), dict):
        raise TableError(f"{path}: should hold `columns:` with one entry each; {hint}")
    problems = []
    if unknown := sorted(set(entries) - ENTRIES):
        problems.append(f"unknown entries {unknown}")
    if target not in names:
        problems.append(f"no column {target!r} to predict; columns are {names}")
    if entries.get("target", target) != target:
        problems.append(f"its target is {entries['target']!r}, and {target!r} was asked for")
    if entries.get("public") is not True:
        problems.append("`public: true` is missing: your word that nothing in it depends on rows")
    n_rows = entries["rows"] if isinstance(entries.get("rows"), int) else 0
    if n_rows < 1:
        problems.append(
            f"rows is {entries.get('rows')!r}: say roughly how many there are, such as `rows: 2000`"
        )
    given = entries["columns"]
    problems += [f"column {name!r} is not in {source.path}" for name in given if name not in names]
    columns = []
    for name in names:
        column, found = _declared(name, given.get(name), source, is_target=name == target)
        columns.append(column)
        problems += [f"column {name!r}: {problem}" for problem in found]
    if problems:
        raise TableError(f"{path}: no guarantee can be given: {'; '.join(problems)}. {hint}")
    return Declaration(TablePlan(tuple(columns), target), n_rows, text)


def _declared(
    name: str, entry: Any, source: Source, *, is_target: bool
) -> tuple[Column, list[str]]:
    """A column as it is declared, and what is missing or wrong."""
    nothing = Column(name, "drop")
    if not isinstance(entry, dict) or entry.get("kind") not in KINDS:
        return nothing, [f"not declared; give its kind, one of {list(KINDS)}"]
    kind = entry["kind"]
    if unknown := sorted(set(entry) - {*_FACTS[kind], "missing", "note"}):
        return nothing, [f"unknown {unknown} of a {kind}; known are {list(_FACTS[kind])}"]
    known = {fact: value for fact, value in entry.items() if not _is_blank(value)}
    column, problems = corrected(Column(name, kind), known)
    if not problems:
        problems += [f"{fact} not declared" for fact in sorted(_blanks(column))]
    if column.bounds and column.levels:
        problems.append("bounds and levels; give one of the two")
    decimals: Any = column.decimals
    if decimals is not None and not (isinstance(decimals, int) and 0 <= decimals <= 12):
        problems.append(f"decimals are {decimals!r}, should be a number from 0 to 12")
    if is_target and column.missing:
        problems.append("the target, of which no value may be missing")
    if is_target and kind == "drop":
        problems.append("the target, which cannot be dropped")
    listed = column.categories or ()
    if source.format == "csv" and not all(isinstance(v, str) for v in listed):
        problems.append("categories of a CSV file are text: write them in quotation marks")
    names = [*map(category_name, listed)]
    if len(set(names)) < len(names):
        problems.append("a category that is listed more than once")
    return column, problems


def _blanks(column: Column) -> set[str]:
    """What has to be declared of a column, and is not."""
    if column.kind == "drop":
        return set()
    missing = {"missing"} if column.missing is None else set()
    if column.kind == "category":
        return missing | ({"categories"} if not column.categories else set())
    if column.bounds is None and column.levels is None:
        missing.add("bounds" if column.kind == "date" else "bounds (or levels)")
    if column.kind == "date" and column.format is None:
        missing.add("format")
    if column.kind == "number" and column.decimals is None and not column.levels:
        missing.add("decimals")
    return missing


def _is_blank(value: Any) -> bool:
    return value == BLANK or value is None or (isinstance(value, list) and BLANK in value)


def declared_rows(source: Source, form: TableForm) -> tuple[pd.DataFrame, dict[str, int]]:
    """The rows of a file that are as declared, as they are learnt, and what happened to the others.

    A number beyond the bounds is moved to the nearer one. A row is left out where a cell has no
    value and may not, is not of its column's kind, or is no declared category.

    Returns
    -------
    DataFrame
        Rows of the form's schema.
    dict of str to int
        What was done -> in how many rows: for the owner, since no guarantee covers it.
    """
    fits = np.ones(len(source.cells), dtype=bool)
    columns, done = {}, {}
    for column in form.columns:
        name, cells = column.name, source.cells[column.name]
        values = readable_column(_as_declared(cells, column, source), column, source)
        if column.kind == "category":
            known = {category_name(v) for v in form.categories[name].values() if v is not None}
            is_value = cells.map(category_name, na_action="ignore").isin(known)
        else:
            is_value = values.notna()
            if column.bounds or column.levels:
                low, high = _ends(column)
                n_moved = int(((values < low) | (values > high)).sum())
                values = values.clip(low, high)
                if n_moved:
                    done[f"{name}: moved to the nearer bound"] = n_moved
        gaps = missing_cells(cells, source, is_text=column.kind == "category")
        good = (is_value | (gaps & bool(column.missing))).to_numpy(dtype=bool)
        if not good.all():
            done[f"{name}: left out, since it is not as declared"] = int((~good).sum())
        fits &= good
        columns[name] = values
    return form.prepare(pd.DataFrame(columns)[fits].reset_index(drop=True)), done


def _as_declared(cells: pd.Series[Any], column: Column, source: Source) -> pd.Series[Any]:
    """The cells that are written as the column says; no value in place of the others."""
    if column.kind == "number" and source.format == "csv":
        around = cells.str.startswith(column.prefix) & cells.str.endswith(column.suffix)
        return cells.where(around.fillna(False).astype(bool), None)
    if column.kind == "date" and cells.dtype == object and source.format != "csv":
        # pandas would read text as the first cell is written.
        return cells.where(~cells.map(lambda v: isinstance(v, str)), None)
    return cells


def _ends(column: Column) -> Any:
    """Least and greatest value, in the type of the column's values."""
    low, high = column.bounds or (min(column.levels or ()), max(column.levels or ()))
    if column.kind == "number":
        return low, high
    return tuple(pd.Timestamp(0) + pd.Timedelta(days=days) for days in (low, high))
