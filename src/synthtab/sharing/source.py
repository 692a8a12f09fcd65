"""Reading a whole table as its owner wrote it, and remembering how it was written.

Every column of the file is taken. A cell of a CSV file stays text here: what it means is decided by
`synthtab.sharing.columns`.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

Format = Literal["csv", "parquet", "xlsx"]

MISSING_CELLS = ("", "NA", "N/A", "NaN", "nan", "NULL", "null", "#N/A")
"""Cells of a CSV file that mean that there is no value."""

# A spreadsheet takes a text cell that begins with one of these for a formula and runs it.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

_SEPARATORS = (";", ",", "\t", "|")
_SUFFIXES: dict[str, Format] = {".csv": "csv", ".parquet": "parquet", ".xlsx": "xlsx"}
_MAX_NAMED = 5


class TableError(ValueError):
    """A table, or a request about one, that cannot be worked with; says what would be right."""


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
        CSV: text, None where a cell says that there is no value. Otherwise the file's own types.
    separator, encoding, line_end : str
        How a CSV file is written; the defaults otherwise.
    arrow_schema : pyarrow.Schema or None
        Types of a Parquet file's columns.
    """

    path: Path
    format: Format
    cells: pd.DataFrame
    separator: str = ","
    encoding: str = "utf-8"
    line_end: str = "\n"
    arrow_schema: Any = None

    @property
    def marks(self) -> str:
        """Marks that a decimal of a CSV file may be written with."""
        # Where a comma separates the columns, a comma in a number separates thousands.
        return "." if self.separator == "," else ".,"


def format_of(path: Path) -> Format:
    """Kind of a file, by its suffix.

    Raises
    ------
    TableError
        If tables of this kind are neither read nor written.

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


def read_source(path: str | Path) -> Source:
    """Read a CSV, Parquet or XLSX file, every column of it.

    CSV is read with semicolons, commas, tabs or bars between the columns, in UTF-8 (with a byte
    order mark or without), UTF-16 or Windows' Turkish code page.

    Raises
    ------
    TableError
        If there is no such file, it is a folder, cannot be read as what its suffix says, is empty,
        has one column only, or column names that are empty or there twice.

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
    if path.is_dir():
        raise TableError(f"{path} is a folder; give the path of a CSV, Parquet or XLSX file")
    if not path.exists():
        raise TableError(f"{path}: there is no such file; check the spelling and the folder")
    kind = format_of(path)
    if path.stat().st_size == 0:
        raise TableError(f"{path} is empty; export the table again")
    source = {"csv": _read_csv, "parquet": _read_parquet, "xlsx": _read_xlsx}[kind](path)
    _check_shape(source)
    return source


def _read_parquet(path: Path) -> Source:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise TableError(
            f"{path} cannot be read as Parquet, perhaps because it was cut off: "
            f"{_first_line(error)}; export or copy it again"
        ) from error
    nested = [f.name for f in table.schema if pa.types.is_nested(f.type)]
    if nested:
        raise TableError(
            f"{path}: columns {nested} hold lists or records; spread them over plain columns"
        )
    names = table.schema.names
    _check_names(path, names)
    cells = table.to_pandas(ignore_metadata=True)
    return Source(path, "parquet", cells, arrow_schema=table.schema.remove_metadata())


def _read_xlsx(path: Path) -> Source:
    import zipfile

    try:
        cells = pd.read_excel(path, header=None)
    except (ValueError, OSError, KeyError, zipfile.BadZipFile) as error:
        raise TableError(
            f"{path} cannot be read as XLSX: {_first_line(error)}; save it again from the "
            "spreadsheet"
        ) from error
    if cells.empty:
        raise TableError(f"{path}: the first sheet is empty; export the table again")
    # Read without a header: pandas would rename a column that is there twice.
    names = ["" if pd.isna(name) else str(name) for name in cells.iloc[0]]
    _check_names(path, names)
    body = cells.iloc[1:].reset_index(drop=True).infer_objects()
    body.columns = pd.Index(names)
    return Source(path, "xlsx", body)


def _read_csv(path: Path) -> Source:
    text, encoding = _decoded(path)
    line_end = "\r\n" if "\r\n" in text else "\n"
    first = next((line for line in text.splitlines() if line.strip()), "")
    if not first:
        raise TableError(f"{path} holds nothing but empty lines; export the table again")
    headers = {sep: next(csv.reader([first], delimiter=sep)) for sep in _SEPARATORS}
    separator = max(_SEPARATORS, key=lambda sep: len(headers[sep]))
    names = [name.strip() for name in headers[separator]]
    if len(names) == 1:
        raise TableError(
            f"{path} has one column, {names[0]!r}: a synthetic table needs the target and one "
            "column more. Columns are separated by a comma, semicolon, tab or bar; if this file "
            "uses something else, export it with one of these"
        )
    _check_names(path, names)
    _check_row_lengths(path, text, separator, len(names))
    cells = pd.read_csv(
        io.StringIO(text), sep=separator, dtype=str, keep_default_na=False, skipinitialspace=True
    )
    cells.columns = pd.Index(names)
    return Source(path, "csv", cells.apply(_clean), separator, encoding, line_end)


def _decoded(path: Path) -> tuple[str, str]:
    data = path.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif data.startswith(b"\xef\xbb\xbf"):
        encoding = "utf-8-sig"
    else:
        encoding = "utf-8"
    for candidate in (encoding, "cp1254"):
        try:
            text = data.decode(candidate)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return text, candidate
    raise TableError(f"{path} is not a text file; save the table as CSV in UTF-8")


def _clean(cells: pd.Series[Any]) -> pd.Series[Any]:
    """Stripped text, None for no value, and without the apostrophe that disarms a formula."""
    text = cells.str.strip()
    armed = text.str.startswith("'") & text.str.slice(1, 2).isin(FORMULA_STARTS)
    if armed.any():
        text = text.where(~armed, text.str.slice(1))
    return text.astype(object).where(~text.isin(MISSING_CELLS), None)


def _check_names(path: Path, names: list[str]) -> None:
    problems = []
    empty = [i + 1 for i, name in enumerate(names) if not name.strip()]
    if empty:
        problems.append(f"columns {empty[:_MAX_NAMED]} (counted from 1) have no name; name them")
    repeated = sorted({name for name in names if name.strip() and names.count(name) > 1})
    if repeated:
        problems.append(f"columns named more than once: {repeated[:_MAX_NAMED]}; rename them")
    if problems:
        raise TableError(f"{path}: " + "; ".join(problems))


def _check_shape(source: Source) -> None:
    path, cells = source.path, source.cells
    if cells.shape[1] < 2:
        raise TableError(
            f"{path} has {cells.shape[1]} column; a synthetic table needs the target and one more"
        )
    if len(cells) == 0:
        raise TableError(f"{path} has a header and no rows; export the table again")


def _check_row_lengths(path: Path, text: str, separator: str, n_columns: int) -> None:
    """Refuse a file whose rows are not all as long as the header; pandas would fill or cut them."""
    reader = csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True)
    try:
        for number, row in enumerate(row for row in reader if row):
            if len(row) != n_columns:
                raise TableError(
                    f"{path}: data row {number} has {len(row)} cells and the header {n_columns}; "
                    f"check that {separator!r} separates the columns everywhere, that text holding "
                    "it stands in quotation marks, and that the file was not cut off"
                )
    except csv.Error as error:
        raise TableError(f"{path} cannot be read as CSV: {error}") from error


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
