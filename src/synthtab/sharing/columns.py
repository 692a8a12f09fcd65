"""What each column of somebody's table is: read off its cells, shown, corrected by its owner.

A column is a number, a date or a category, and can be learnt; or it is something that must not be
learnt without a decision: an identifier, free text, a constant, nothing at all, or a mixture.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from synthtab.sharing.keys import DEFAULT_LOCALE, FIELDS, recognised
from synthtab.sharing.source import Source, TableError
from synthtab.table.relations import Relation, relation_from_plain

Kind = Literal[
    "number", "category", "date", "key", "fake",
    "identifier", "text", "constant", "empty", "mixed", "drop",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
LEARNT: tuple[Kind, ...] = ("number", "category", "date")
MADE: tuple[Kind, ...] = ("key", "fake")  # not learnt: see `synthtab.sharing.keys`

_NEARLY = 0.8  # of the cells: so many that look alike make the others mistakes
_MOSTLY_DIFFERENT = 0.5
_FEW_VALUES = 20  # a column with no more is a list of values, however few rows there are
_LONG_TEXT = 60  # characters
_DIGITS_OF_AN_ID = 10
_RARE = 5  # rows
_NUMBER = r"[+-]?\d+(?:[{marks}]\d+)?(?:[eE][+-]?\d+)?"
_INFINITE = r"[+-]?inf(?:inity)?"
_CURRENCIES = ("€", "$", "£", "¥", "₺", "TL", "TRY", "USD", "EUR", "GBP")
# Where day and month can be told apart by no cell, the European order is taken, and shown.
_DATE_FORMATS = tuple(
    day + clock
    for day in ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%Y/%m/%d", "%m/%d/%Y", "%d-%m-%Y")
    for clock in ("", " %H:%M:%S", "T%H:%M:%S", " %H:%M")
)


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
    decimal_mark : str
        What a CSV file writes before them.
    prefix, suffix : str
        What every cell of a numerical CSV column has around its number: a currency or a unit.
    format : str or None
        How a CSV file writes a date, in the signs of `strftime`.
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
    decimal_mark: str = "."
    prefix: str = ""
    suffix: str = ""
    format: str | None = None
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
    return TablePlan(tuple(columns), target)


def infer_columns(source: Source, names: Collection[str]) -> list[Column]:
    """Read off what the cells of some columns are, whether they are of use or not.

    As `infer_plan`, but that a constant or an identifier is called what its cells are.
    """
    columns = []
    for name in names:
        cells = source.cells[name].dropna()
        if cells.empty:
            columns.append(Column(name, "empty", note="every value is missing"))
        elif source.format == "csv":
            columns.append(_infer_text(source, name, cells))
        else:
            columns.append(_infer_typed(name, cells))
    return _written_one_way(columns, source)


def _written_one_way(columns: list[Column], source: Source) -> list[Column]:
    """The columns; where some have decimal commas, a point of another may separate thousands."""
    comma = next((c.name for c in columns if c.decimal_mark == ","), None)
    if comma is None:
        return columns
    checked = []
    for column in columns:
        if column.kind == "number" and column.decimal_mark == ".":
            cells = _bare(source.cells[column.name].dropna(), column.prefix, column.suffix)
            odd = cells[cells.str.contains(".", regex=False)]
            if len(odd):
                note = (
                    f"decimals with a point, as in {odd.iloc[0]!r}, where column {comma!r} has a "
                    "comma: write them all one way, without thousands separators"
                )
                column = Column(column.name, "mixed", note=note)
        checked.append(column)
    return checked


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
            problems.append(f"{found}; leave it out with --drop {column.name!r}{other}")
    if len(plan.kept) < 2:
        problems.append("fewer than two columns are left; keep the target and one more")
    if problems:
        raise TableError(f"{where}: " + "; ".join(problems))


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


def _infer_typed(name: str, cells: pd.Series[Any]) -> Column:
    """A column of a file whose cells have types."""
    if pd.api.types.is_bool_dtype(cells):
        return Column(name, "category")
    if pd.api.types.is_datetime64_any_dtype(cells):
        return Column(name, "date")
    if isinstance(cells.dtype, pd.CategoricalDtype):
        return _text_kind(name, cells.astype(object).map(str))
    if pd.api.types.is_numeric_dtype(cells):
        return _finite(name, cells.astype(float))
    kinds = cells.map(_kind_of_cell)
    shares = kinds.value_counts(normalize=True)
    if shares.index[0] == "date" and len(shares) == 1:
        return Column(name, "date")
    if shares.index[0] == "number" and len(shares) == 1:
        return _finite(name, cells.astype(float))
    if shares.index[0] != "text" and shares.iloc[0] >= _NEARLY:
        return _mixed(name, f"{shares.index[0]}s", cells, kinds != shares.index[0])
    return _text_kind(name, cells.map(str))


def _infer_text(source: Source, name: str, cells: pd.Series[Any]) -> Column:
    """A column of a CSV file."""
    infinite = cells.str.fullmatch(_INFINITE, case=False)
    if infinite.any():
        return _mixed(name, "infinite values", cells, infinite)
    prefix, suffix = _affixes(cells, source.marks)
    bare = _bare(cells, prefix, suffix)
    is_number = bare.str.fullmatch(_NUMBER.format(marks=source.marks)).astype(bool)
    if is_number.all() and not bare.str.match(r"[+-]?0\d").any():
        return _number(name, bare, prefix, suffix)
    best = max(_DATE_FORMATS, key=lambda form: int(_dates(cells.iloc[:200], form).notna().sum()))
    is_date = _dates(cells, best).notna()
    if is_date.all():
        fits = [f for f in _DATE_FORMATS if f != best and _dates(cells, f).notna().all()]
        note = f"written {best}"
        note += f", though {fits[0]} would fit as well" if fits else ""
        return Column(name, "date", format=best, note=note)
    # Codes with leading zeros are text throughout, and no mistakes among numbers.
    is_number &= ~bare.str.match(r"[+-]?0\d").astype(bool)
    for what, looks in (("numbers", is_number), ("dates", is_date)):
        if looks.mean() >= _NEARLY:
            return _mixed(name, what, cells, ~looks)
    return _text_kind(name, cells)


def _mixed(name: str, what: str, cells: pd.Series[Any], odd: pd.Series[bool]) -> Column:
    row: Any = cells.index[int(odd.to_numpy().argmax())]
    link = "" if what == "infinite values" else "but "
    note = f"{what}, {link}{shown(cells[row])} in data row {row + 1}"
    if what == "numbers":
        note += ": write numbers without thousands separators, and missing ones as empty cells"
    return Column(name, "mixed", note=note)


def _number(name: str, bare: pd.Series[Any], prefix: str, suffix: str) -> Column:
    both = [mark for mark in ".," if bare.str.contains(mark, regex=False).any()]
    if len(both) == 2:
        odd = bare[bare.str.contains(".", regex=False)].iloc[0]
        return Column(
            name,
            "mixed",
            note=f"decimals written with a comma and, as in {odd!r}, with a point: write them all "
            "one way, without thousands separators",
        )
    values = bare.str.replace(",", ".", regex=False).astype(float)
    if np.isinf(values).any():
        return _mixed(name, "infinite values", bare, _infinite(values))
    mark = both[0] if both else "."
    digits = {len(text.partition(mark)[2]) for text in bare}
    same = len(digits) == 1 and not bare.str.contains("e", case=False).any()
    return Column(
        name,
        "number",
        decimals=digits.pop() if same else None,
        decimal_mark=mark,
        prefix=prefix,
        suffix=suffix,
    )


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
    cells = source.cells[column.name].dropna()
    if len(cells) and len(cells.map(_hashable).unique()) == 1:
        return Column(column.name, "constant", note=f"always {shown(cells.iloc[0])}")
    column = _unless_counting(column, source, is_target=is_target)
    found = None if is_target else recognised(column.name, cells, column.kind)
    if found is None:
        return column
    like, note = found
    if column.kind not in ("identifier", "text"):
        column = Column(column.name, "identifier" if like == "key" else "text", note=note)
    return replace(column, like=like, note=column.note or note)


def _unless_counting(column: Column, source: Source, *, is_target: bool) -> Column:
    cells = source.cells[column.name].dropna()
    if is_target or column.kind != "number" or len(cells) <= _FEW_VALUES:
        return column
    values = typed_column(cells, column, source)
    if (values != values.round()).any() or values.nunique() < len(values):
        return column
    if values.max() - values.min() + 1 == len(values):
        return replace(column, kind="identifier", note="whole numbers that count rows")
    if values.abs().min() >= 10 ** (_DIGITS_OF_AN_ID - 1):
        note = "whole numbers that all differ and are long"
        return replace(column, kind="identifier", note=note)
    return column


def _affixes(cells: pd.Series[Any], marks: str) -> tuple[str, str]:
    """Currency or unit around the number of the first cell, if all cells have it."""
    found = re.fullmatch(rf"(\D*?)([+-]?\d+(?:[{marks}]\d+)?)(\D*)", cells.iloc[0])
    if found is None:
        return "", ""
    prefix, suffix = found[1], found[3]
    if prefix.strip() and prefix.strip() not in _CURRENCIES:
        return "", ""  # M6, M8: a name with a number in it
    whole = cells.str.startswith(prefix) & cells.str.endswith(suffix)
    return (prefix, suffix) if whole.all() else ("", "")


def _bare(cells: pd.Series[Any], prefix: str, suffix: str) -> pd.Series[Any]:
    if not prefix and not suffix:
        return cells
    return cells.str.slice(len(prefix), -len(suffix) or None).str.strip()


def _dates(cells: pd.Series[Any], form: str) -> pd.Series[Any]:
    return pd.to_datetime(cells, format=form, errors="coerce")


def shown(value: object) -> str:
    """A cell for a message; a number without the name of its type.

    Examples
    --------
    >>> shown(np.float64(0.5)), shown("M6")
    ('0.5', "'M6'")
    """
    return repr(value.item() if isinstance(value, np.generic) else value)


def _kind_of_cell(value: object) -> str:
    if isinstance(value, datetime.date):  # a datetime is one too
        return "date"
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return "number" if is_number or type(value).__name__ == "Decimal" else "text"


def _hashable(value: object) -> object:
    return value if isinstance(value, str | int | float | bool) else str(value)


# --- values ----------------------------------------------------------------------------------


def typed_column(cells: pd.Series[Any], column: Column, source: Source) -> Any:
    """The values of a column that can be learnt.

    A number: float64 with NaN. A date: datetime64. A category: object, as in the file, None where
    there is no value.

    Raises
    ------
    TableError
        If a cell is not of the column's kind; names column, value and row.
    """
    values = readable_column(cells, column, source)
    if column.kind == "category":
        return values
    odd = (values.isna() & cells.notna()) | _infinite(values)
    if odd.any():
        row = int(odd.to_numpy().argmax())
        raise TableError(
            f"{source.path}: column {column.name!r}: {int(odd.sum())} cells are no {column.kind}s, "
            f"first {shown(cells.iloc[row])} in data row {row + 1}; correct them, or give the "
            "column another kind in schema.yaml"
        )
    return values


def readable_column(cells: pd.Series[Any], column: Column, source: Source) -> Any:
    """As `typed_column`, but that a cell which is not of the column's kind has no value."""
    if column.kind == "category":
        return cells.astype(object).where(cells.notna(), None)
    if column.kind == "date":
        text = source.format == "csv"
        values: Any = pd.to_datetime(cells, format=column.format if text else None, errors="coerce")
        if getattr(values.dtype, "tz", None) is not None:
            values = values.dt.tz_convert("UTC").dt.tz_localize(None)
    elif source.format == "csv":
        bare = _bare(cells, column.prefix, column.suffix)
        written = bare.str.fullmatch(_NUMBER.format(marks=source.marks)) == True  # noqa: E712
        # Not to_numeric, which is off in the last bit where a number has 16 digits.
        values = bare.where(written).str.replace(",", ".", regex=False).astype(float)
    else:
        values = pd.to_numeric(cells, errors="coerce").astype(float)
    return values


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
    for column in plan.columns:
        parts = [f"kind: {column.kind}"]
        for name in _DEFAULTS:
            if (name == "like") != (column.kind == "fake"):
                continue
            value = getattr(column, name)
            if name != "note" and value != _DEFAULTS[name]:
                plain = list(value) if isinstance(value, tuple) else value
                parts.append(f"{name}: {quoted(plain) if isinstance(plain, str) else plain}")
        note = f"  # {column.note}" if column.note else ""
        lines.append(f"  {quoted(column.name)}: {{{', '.join(parts)}}}{note}")
    return "\n".join(lines) + "\n" + relations_text(plan)


def relations_text(plan: TablePlan) -> str:
    """The relations of a plan as YAML; nothing where nobody has looked for any."""
    if plan.relations is None:
        return ""
    lines = ["relations:  # kept in every synthetic row; delete those that hold by chance"]
    for relation, note in plan.relations.items():
        plain = json.dumps(relation.to_plain(), ensure_ascii=False)
        lines.append(f"  - {plain}  # {relation}" + (f"; {note}" if note else ""))
    return "\n".join(lines) + "\n" if plan.relations else "relations: []\n"


ENTRIES = frozenset({"target", "public", "rows", "columns"})
"""What a schema file may hold; `public` and `rows` are for `synthtab.sharing.declaration`."""

_DEFAULTS = {f.name: f.default for f in fields(Column) if f.name not in ("name", "kind")}


def quoted(text: str) -> str:
    """A text as YAML reads it back, whatever stands in it."""
    return json.dumps(text, ensure_ascii=False)  # JSON's strings are YAML's as well


def read_schema(source: Source, target: str, schema: str | Path | None) -> TablePlan:
    """The plan of a table: read off its cells, and corrected by a YAML file.

    Raises
    ------
    TableError
        If the file cannot be read, or an entry of it cannot be understood.
    """
    if schema is None:
        return infer_plan(source, target)
    try:
        text = Path(schema).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TableError(f"--schema {schema}: {error}") from error
    return read_plan(text, source, target, schema)


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
    locale = entries.get("locale", DEFAULT_LOCALE)
    if not isinstance(locale, str):
        problems.append(f"locale is {locale!r}, should be one such as tr_TR")
    inferred = {c.name: c for c in infer_plan(source, target).columns}
    for name, entry in entries["columns"].items():
        if name not in inferred:
            problems.append(f"column {name!r} is not in {source.path}")
        elif not isinstance(entry, dict) or entry.get("kind") not in KINDS:
            problems.append(f"column {name!r}: kind should be one of {list(KINDS)}")
        elif unknown := sorted(set(entry) - {"kind", *_DEFAULTS}):
            problems.append(f"column {name!r}: unknown {unknown}; known are {list(_DEFAULTS)}")
        else:
            inferred[name], found = corrected(inferred[name], entry)
            problems.extend(f"column {name!r}: {problem}" for problem in found)
    if problems:
        raise TableError(f"{where}: " + "; ".join(problems))
    return TablePlan(tuple(inferred.values()), target, relations, locale)


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


def corrected(column: Column, entry: Mapping[str, Any]) -> tuple[Column, list[str]]:
    """A column as an entry of a schema file corrects it, and what cannot be understood of it."""
    problems = []
    given = dict(entry)
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
    if given["kind"] == "date" and column.kind != "date" and not given.get("format"):
        problems.append("a date needs its format, such as '%d.%m.%Y'")
    if given["kind"] != column.kind and not problems:
        column = replace(column, note="", like=None)
    return (column if problems else replace(column, **given)), problems


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
