"""Reading a whole table as its owner wrote it, and remembering how it was written.

Every column of the file is taken. A cell of a CSV file stays text here: what it means is decided by
`synthtab.sharing.columns`.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import gzip
import io
import itertools
import re
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

Format = Literal["csv", "parquet", "xlsx"]

MISSING_CELLS = (
    *("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "NaT", "<NA>", "#N/A"),
)
"""Cells that stand for a missing number or date. Among text, an empty cell alone is missing."""

# A spreadsheet takes a text cell that begins with one of these for a formula and runs it.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

_SEPARATORS = (";", ",", "\t", "|")
_SUFFIXES: dict[str, Format] = {".csv": "csv", ".parquet": "parquet", ".xlsx": "xlsx"}
_READ = {**_SUFFIXES, **dict.fromkeys((".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz"), "csv")}
_TURKISH = "cp1254"
_IN_TURKISH = "çğıöşüÇĞİÖŞÜâîûÂÎÛ"
# Text of another code page, read in the Turkish one: a word that begins with many letters beyond
# ASCII, or with three of which Turkish has not all; a sign in the midst of a word.
_NO_TURKISH = re.compile(
    r"(?<![^\W\d_])(?:(?=[X]*[^\W\d_\x00-\x7fX])[^\W\d_\x00-\x7f]{3}|[^\W\d_\x00-\x7f]{6})"
    r"|[^\W\d_][¡-¦¨©¬®¯¶¸¼-¿÷‚„†‡ˆ‰‹›•˜™]+[^\W\d_]"
    r"|[^\W\d_]{2}[²³¹][^\W\d_]{2}".replace("X", _IN_TURKISH)
)
_MAX_NAMED = 5
_MAX_CELLS = 40_000_000  # of a table that is read whole


_STEERS = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)


class TableError(ValueError):
    """A table, or a request about one, that cannot be worked with; says what would be right."""


_SHOW: ContextVar[bool] = ContextVar("show", default=False)


@contextlib.contextmanager
def showing_values() -> Iterator[None]:
    """Let messages show cells as they are; otherwise a message shows what they look like.

    Examples
    --------
    >>> with showing_values():
    ...     shown("12 kg")
    "'12 kg'"
    """
    token = _SHOW.set(True)
    try:
        yield
    finally:
        _SHOW.reset(token)


def neutral(text: str) -> str:
    """A text without what steers a terminal or turns the direction of writing: escapes instead.

    Examples
    --------
    >>> neutral("cost\\u202e\\x1b[2J")
    'cost\\\\u202e\\\\u001b[2J'
    """
    return _STEERS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def shown(value: object) -> str:
    """A cell for a message: its look, 9 for a digit and a for a letter; see `showing_values`.

    Examples
    --------
    >>> shown("Ali 12,5"), shown(np.float64(0.5))
    ("a cell like 'aaa 99,9'", 'a cell like 9.9')
    """
    plain = value.item() if isinstance(value, np.generic) else value
    if _SHOW.get():
        return repr(plain)
    text = re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", str(plain)))
    text = text if len(text) <= 40 else f"{text[:39]}…"
    return f"a cell like {text!r}" if isinstance(plain, str) else f"a cell like {text}"


@dataclass(frozen=True)
class Source:
    """A table as it was read.

    Attributes
    ----------
    path : Path
        Where it was read from.
    format : {"csv", "parquet", "xlsx"}
        What kind of file it is.
    cells : DataFrame of shape (n_rows, n_columns)
        CSV: text, None where a cell is empty. Otherwise the file's own types.
    separator, encoding, line_end : str
        How a CSV file is written; the defaults otherwise.
    arrow_schema : pyarrow.Schema or None
        Types of a Parquet file's columns.
    header : bool
        Whether the first row holds the names of the columns.
    unnamed : tuple of str
        Columns whose name in the file is blank.
    missing : tuple of str
        Cells that the owner says stand for a missing value, of whatever kind the column is.
    decimal, thousands : str or None
        What the owner says of the marks in numbers.
    notes : tuple of str
        What was left out or taken for granted while reading.
    """

    path: Path
    format: Format
    cells: pd.DataFrame
    separator: str = ","
    encoding: str = "utf-8"
    line_end: str = "\n"
    arrow_schema: Any = None
    header: bool = True
    unnamed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    decimal: str | None = None
    thousands: str | None = None
    notes: tuple[str, ...] = ()


def format_of(path: Path) -> Format:
    """Kind of a file to be written, by its suffix.

    Raises
    ------
    TableError
        If tables of this kind are not written.

    Examples
    --------
    >>> format_of(Path("rows.CSV"))
    'csv'
    """
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise TableError(
            f"{path}: files of type {suffix or '(no suffix)'!r} are not known; use .csv, .parquet "
            "or .xlsx"
        )
    return _SUFFIXES[suffix]


def _format_read(path: Path) -> str:
    """Kind of a file to be read, by its suffix; text may be packed by gzip."""
    suffixes = "".join(path.suffixes[-2:]).lower()
    for suffix in (suffixes, path.suffix.lower()):
        if suffix in _READ:
            return _READ[suffix]
    raise TableError(
        f"{path}: files of type {path.suffix.lower() or '(no suffix)'!r} are not known; use .csv, "
        ".tsv or .txt (also packed as .gz), .parquet or .xlsx"
    )


def read_source(
    path: str | Path,
    *,
    header: bool | None = None,
    encoding: str | None = None,
    missing: Sequence[str] = (),
    decimal: str | None = None,
    thousands: str | None = None,
    max_rows: int | None = None,
    least_columns: int = 2,
) -> Source:
    """Read a CSV, Parquet or XLSX file, or the folder of a Parquet data set, every column of it.

    CSV is read with semicolons, commas, tabs or bars between the columns, also from .tsv, .txt and
    .csv.gz, in UTF-8 (with a byte order mark or without), UTF-16 or Windows' Turkish code page. A
    file in another one is refused until `encoding` names it.

    Parameters
    ----------
    path : str or Path
        The file.
    header : bool or None, default=None
        Whether the first row of a CSV or XLSX file holds names; without them the columns are
        ``column_1`` and so on. None refuses a file whose first row looks like the others.
    encoding : str or None, default=None
        Code page of a CSV file, as Python names it: ``cp1251``, say.
    missing : sequence of str, default=()
        Further cells that stand for a missing value: ``-999``, say.
    decimal, thousands : str or None, default=None
        Marks in the numbers of a CSV file, where the cells do not tell.
    max_rows : int or None, default=None
        Rows of a Parquet file or data set that are used, drawn at random; a note says so. None:
        as many as make 40 million cells.
    least_columns : int, default=2
        Columns below which a file is refused.

    Raises
    ------
    TableError
        If there is no such file, cannot be read as what its suffix says, is empty,
        has one column only, no header or column names that are there twice.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "bolts.csv"
    ...     _ = path.write_bytes("çap;süre\\r\\n6,5;700\\r\\n;810\\r\\n".encode("cp1254"))
    ...     source = read_source(path)
    >>> source.encoding, source.separator, source.cells.to_numpy().tolist()
    ('cp1254', ';', [['6,5', '700'], [None, '810']])
    """
    path = Path(path)
    if not path.exists():
        raise TableError(f"{path}: there is no such file; check the spelling and the folder")
    if path.is_dir() and next(path.rglob("*.parquet"), None) is None:
        raise TableError(
            f"{path} is a folder without Parquet files; give a CSV, Parquet or XLSX file, or the "
            "folder of a Parquet data set"
        )
    kind = "parquet" if path.is_dir() else _format_read(path)
    if path.is_file() and path.stat().st_size == 0:
        raise TableError(f"{path} is empty; export the table again")
    if decimal is not None and decimal == thousands:
        raise TableError(f"--decimal and --thousands are both {decimal!r}; they have to differ")
    if kind == "parquet":
        source = _read_parquet(path, max_rows)
    else:
        source = _read_csv(path, header, encoding) if kind == "csv" else _read_xlsx(path, header)
    _check_shape(source, least_columns)
    return replace(source, missing=tuple(missing), decimal=decimal, thousands=thousands)


def _read_parquet(path: Path, max_rows: int | None) -> Source:
    import pyarrow as pa
    import pyarrow.dataset as ds

    try:
        # What a folder's name says, as in year=2026, is a column.
        data = ds.dataset(path, format="parquet", partitioning="hive" if path.is_dir() else None)
        parts = [*data.get_fragments()]
        odd = [p.path for p in parts if not p.physical_schema.equals(parts[0].physical_schema)]
        if odd:
            raise TableError(f"{path}: {odd[:3]} have other columns than {parts[0].path}")
        table, note = _some_rows(data, max_rows)
    except (pa.ArrowException, OSError) as error:
        raise TableError(
            f"{path} cannot be read as Parquet, perhaps because it was cut off: "
            f"{_first_line(error)}; export or copy it again"
        ) from error
    return replace(_of_arrow(path, table), notes=note)


def _some_rows(data: Any, max_rows: int | None) -> tuple[Any, tuple[str, ...]]:
    """All rows of a data set, or as many as are asked for, drawn at random; and a note on that.

    Row groups are read one after another, so that no more is held than what is kept of them.
    """
    import pyarrow as pa

    n_rows = data.count_rows()
    most = max(_MAX_CELLS // max(len(data.schema), 1), 1) if max_rows is None else max_rows
    if n_rows <= most:
        return data.to_table(), ()
    chosen = np.sort(np.random.default_rng(0).choice(n_rows, most, replace=False))
    kept, start = [], 0
    for group in (g for part in data.get_fragments() for g in part.split_by_row_group()):
        (n,) = (of.num_rows for of in group.row_groups)
        first, last = np.searchsorted(chosen, [start, start + n])
        if last > first:
            kept.append(group.to_table(schema=data.schema).take(chosen[first:last] - start))
        start += n
    note = f"{most:,} of its {n_rows:,} rows, drawn at random, are used (--max-rows)"
    return pa.concat_tables(kept), (note,)


def frame_source(frame: pd.DataFrame) -> Source:
    """A table as it is held by pandas; its index is left out.

    Raises
    ------
    TableError
        If a column's name is no text, its cells are of several types, or of one that no file of
        rows has.

    Examples
    --------
    >>> frame_source(pd.DataFrame({"a": [1, 2], "b": ["x", None]})).cells.dtypes.to_dict()
    {'a': dtype('int64'), 'b': dtype('O')}
    """
    import pyarrow as pa

    path = Path("the frame")
    if wrong := [name for name in frame if not isinstance(name, str)]:
        raise TableError(f"{path}: names of columns are text, and {wrong[:_MAX_NAMED]} are not")
    _check_names(path, [*frame])
    if strange := [name for name in frame if _is_no_cell(frame[name].dtype)]:
        raise TableError(
            f"{path}: columns {strange} hold periods, intervals or sparse values; make them text, "
            "dates or plain numbers"
        )
    try:
        table = pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowException, OverflowError) as error:
        raise TableError(f"{path}: {'; '.join(map(str, error.args))}") from error
    source = _of_arrow(path, table)
    _check_shape(source, 2)
    is_counted = isinstance(frame.index, pd.RangeIndex)
    return source if is_counted else replace(source, notes=("the index of the frame is left out",))


def _is_no_cell(dtype: Any) -> bool:
    """Whether values of a dtype are none that a file of rows has."""
    if isinstance(dtype, pd.CategoricalDtype):
        dtype = dtype.categories.dtype
    return isinstance(dtype, (pd.PeriodDtype, pd.IntervalDtype, pd.SparseDtype))


def _of_arrow(path: Path, table: Any) -> Source:
    import pyarrow as pa

    nested = [f.name for f in table.schema if pa.types.is_nested(f.type)]
    if nested:
        raise TableError(
            f"{path}: columns {nested} hold lists or records; spread them over plain columns"
        )
    _check_names(path, table.schema.names)
    return Source(path, "parquet", pandas_of(table), arrow_schema=table.schema.remove_metadata())


def pandas_of(table: Any) -> pd.DataFrame:
    """An Arrow table as pandas holds it, without a cast that loses a digit."""
    import pyarrow as pa

    # Whole numbers with gaps would become floats, which do not hold every one.
    names_of = {pa.int64(): "Int64", pa.uint64(): "UInt64"}
    gaps = {f.type for f, c in zip(table.schema, table.columns, strict=True) if c.null_count}
    types = {k: pd.api.types.pandas_dtype(name) for k, name in names_of.items() if k in gaps}
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True, types_mapper=types.get)
    return frame


def _read_xlsx(path: Path, header: bool | None) -> Source:
    import zipfile

    try:
        # As they are: pandas would take the text NA for no value, and 007 for a number.
        cells = pd.read_excel(
            path, header=None, dtype=object, keep_default_na=False, na_values=[""]
        )
    except (ValueError, OSError, KeyError, zipfile.BadZipFile) as error:
        raise TableError(
            f"{path} cannot be read as XLSX: {_first_line(error)}; save it again from the "
            "spreadsheet"
        ) from error
    if cells.empty:
        raise TableError(f"{path}: the first sheet is empty; export the table again")
    # Read without a header: pandas would rename a column that is there twice.
    first = ["" if pd.isna(name) else str(name).strip() for name in cells.iloc[0]]
    names, unnamed = _named(path, first, header)
    body = cells.iloc[int(header is not False) :].reset_index(drop=True)
    body = body.infer_objects()
    body.columns = pd.Index(names)
    if header is None:
        _check_header(path, first, body)
    return Source(path, "xlsx", body, header=header is not False, unnamed=unnamed)


def _read_csv(path: Path, header: bool | None, encoding: str | None) -> Source:
    text, encoding, notes = _decoded(path, encoding)
    line_end = "\r\n" if "\r\n" in text else "\n" if "\n" in text else "\r"
    if line_end == "\r":
        text = text.replace("\r", "\n")
    told = re.match(r'"?sep=(.)"?\r?\n', text, re.IGNORECASE)  # for Excel alone
    if told:
        text = text[told.end() :]
        notes += (f"its first line, sep={told[1]}, tells how to read it, and is left out",)
    with _long_cells(path):
        separators = told[1] if told else _SEPARATORS
        firsts = {sep: next(_rows(text, sep), []) for sep in separators}
        separator = max(separators, key=lambda sep: len(firsts[sep]))
        first = [name.strip() for name in firsts[separator]]
        if not first:
            raise TableError(f"{path} holds nothing but empty lines; export the table again")
        shape = _shape(path, text, separator, first)
    try:
        cells = pd.read_csv(
            io.StringIO(text),
            sep=separator,
            header=None if header is False else 0,
            names=range(shape.longest),
            index_col=False,
            dtype=str,
            keep_default_na=False,
            skipinitialspace=True,
        ).iloc[:, : shape.width]
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise TableError(
            f"{path} cannot be read as CSV: {_first_line(error)}; check that every quotation mark "
            "that is opened is closed"
        ) from error
    if len(cells) != shape.n_rows + (header is False):
        raise TableError(f"{path}: its rows cannot be told apart; export it again as CSV")
    first = first[: shape.width]
    names, unnamed = _named(path, first, header)
    cells.columns = pd.Index(names)
    cells = cells.apply(_clean)
    if header is None:
        _check_header(path, first, cells)
    return Source(
        path,
        "csv",
        cells,
        separator,
        encoding,
        line_end,
        header=header is not False,
        unnamed=unnamed,
        notes=notes + shape.notes,
    )


@contextlib.contextmanager
def _long_cells(path: Path) -> Iterator[None]:
    """Let the reader of CSV take cells of any length; its errors name the file."""
    limit = csv.field_size_limit(sys.maxsize)
    try:
        yield
    except csv.Error as error:
        raise TableError(f"{path} cannot be read as CSV: {error}") from error
    finally:
        csv.field_size_limit(limit)


def _rows(text: str, separator: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True)
    return (row for row in reader if any(cell.strip() for cell in row) or len(row) > 1)


class _Shape(NamedTuple):
    """Columns and rows of a CSV file, cells of its longest row, and what a reader is to know."""

    width: int
    n_rows: int
    longest: int
    notes: tuple[str, ...] = ()


def _shape(path: Path, text: str, separator: str, first: list[str]) -> _Shape:
    """Measure a file, leaving out an empty column behind a separator at the end of each line.

    Raises
    ------
    TableError
        If the rows are not as long as the header; pandas would fill or cut them.
    """
    width = len(first)
    named = width - (not first[-1])  # the header may end with a separator
    lengths, odd, is_empty, n_rows = {width}, None, True, -1
    for row in _rows(text, separator):
        n_rows += 1
        lengths.add(len(row))
        if len(row) > named and row[named].strip():
            is_empty = False
        if len(row) != width and odd is None:
            odd = n_rows, len(row)
    if is_empty and lengths <= {named, named + 1} and max(lengths) > named:
        note = f"nothing stands behind the last {separator!r} of a line, which is left out"
        return _Shape(named, n_rows, max(lengths), (note,))
    if odd is not None:
        raise TableError(
            f"{path}: data row {odd[0]} has {odd[1]} cells and the header {width}; check that "
            f"{separator!r} separates the columns everywhere, that text holding it stands in "
            "quotation marks, that every column has a name, and that the file was not cut off"
        )
    return _Shape(width, n_rows, width)


def _decoded(path: Path, encoding: str | None) -> tuple[str, str, tuple[str, ...]]:
    """Text, its code page, and what is to be said of that."""
    data = path.read_bytes()
    if path.suffix.lower() == ".gz":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise TableError(f"{path} cannot be unpacked: {error}; copy it again") from error
    marks = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
    marked = next((of for mark, of in marks.items() if data.startswith(mark)), "utf-8")
    if encoding is not None:
        try:
            codecs.lookup(encoding)
            text = data.decode(encoding)
        except (LookupError, UnicodeError) as error:
            raise TableError(f"{path}: --encoding {encoding}: {error}; name another") from error
        return text.removeprefix("\ufeff"), encoding, ()
    with contextlib.suppress(UnicodeDecodeError):
        text = data.decode(marked)
        if "\0" not in text:
            return text, marked, ()
    if b"\0" in data:
        raise TableError(
            f"{path} is not a text file; save the table as CSV in UTF-8, or name its --encoding, "
            "such as utf-16-le"
        )
    with contextlib.suppress(UnicodeDecodeError):
        text = data.decode(_TURKISH)
        if not _NO_TURKISH.search(text):
            note = f"read in {_TURKISH}, Windows' Turkish code page; --encoding names another"
            return text, _TURKISH, (note,)
    raise TableError(
        f"{path} is neither in UTF-8 nor in {_TURKISH}; name its code page by --encoding: cp1252 "
        "(Western Europe), cp1250 (Central Europe), cp1251 (Cyrillic), cp850 (DOS), gb18030 or "
        "another; or save it in UTF-8"
    )


def _clean(cells: pd.Series[Any]) -> pd.Series[Any]:
    """Stripped text, None for an empty cell, without the apostrophe that disarms a formula."""
    text = cells.str.strip()
    armed = text.str.startswith("'") & text.str.slice(1, 2).isin(FORMULA_STARTS)
    if armed.any():
        text = text.where(~armed, text.str.slice(1))
    return text.astype(object).where(text != "", None)


def _named(path: Path, first: list[str], header: bool | None) -> tuple[list[str], tuple[str, ...]]:
    """Names of columns of which the first row is known, and those that are blank in the file."""
    if header is False:
        return [f"column_{i}" for i in range(1, len(first) + 1)], ()
    names = [name or f"Unnamed: {i}" for i, name in enumerate(first)]  # as pandas names them
    _check_names(path, names)
    return names, tuple(n for n, given in zip(names, first, strict=True) if not given)


def _check_names(path: Path, names: list[str]) -> None:
    problems = []
    empty = [i + 1 for i, name in enumerate(names) if not name.strip()]
    if empty:
        problems.append(f"columns {empty[:_MAX_NAMED]} (counted from 1) have no name; name them")
    repeated = sorted({name for name in names if name.strip() and names.count(name) > 1})
    if repeated:
        problems.append(
            f"columns named more than once: {repeated[:_MAX_NAMED]}; rename them, or give "
            "--no-header if these are no names"
        )
    if problems:
        raise TableError(f"{path}: " + "; ".join(problems))


def _check_header(path: Path, first: list[str], cells: pd.DataFrame) -> None:
    """Refuse a file whose first row looks like its other rows: a person must not become a name."""
    numbers = [_plain_number(name) for name in first]
    known = [v for v in numbers if v is not None]
    if len(known) > 1 and all(b - a == 1 for a, b in itertools.pairwise(known)):
        return  # counted, or years: names
    n_like = n_unlike = 0
    for name, number, column in zip(first, numbers, cells.columns, strict=True):
        values = cells[column].dropna()
        if values.empty or not name:
            continue
        some = values.head(1000)
        typed = pd.Series([_plain_number(v) for v in some.tolist()], dtype=float).dropna()
        is_numeric = len(typed) >= 0.8 * len(some)
        if is_numeric and number is None and name not in MISSING_CELLS:
            if not re.fullmatch(r"[\W\d]*", name):  # a word above numbers is a name
                return
        elif is_numeric and number is not None:
            within = typed.min() <= number <= typed.max()
            n_like, n_unlike = n_like + within, n_unlike + (not within)
        elif (values.astype(str) == name).any():
            n_like += 1
        elif values.nunique() < 0.5 * len(values):
            n_unlike += 1
    if n_like and n_like >= n_unlike:
        raise TableError(
            f"{path}: the first row looks like the others, not like names of columns; give "
            "--no-header if it is a row of the table, and --header if it holds the names"
        )


def _plain_number(value: object) -> float | None:
    with contextlib.suppress(TypeError, ValueError):
        number = float(value.replace(",", ".") if isinstance(value, str) else value)  # type: ignore[arg-type]
        return number if abs(number) < float("inf") else None
    return None


def _check_shape(source: Source, least_columns: int) -> None:
    path, cells = source.path, source.cells
    if cells.shape[1] < least_columns:
        only = f", {str(cells.columns[0])[:40]!r}" if cells.shape[1] else ""
        raise TableError(
            f"{path} has one column{only}: a synthetic table needs the target and one column more. "
            "Columns are separated by a comma, semicolon, tab or bar; if this file uses something "
            "else, export it with one of these"
        )
    if len(cells) == 0:
        raise TableError(f"{path} has a header and no rows; export the table again")


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
