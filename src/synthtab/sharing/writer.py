"""Writing rows as they come: to a file of another name, which takes its own when it is whole.

However many rows there are, those of one row group are held in memory, except for XLSX, whose
format is written at the end.
"""

from __future__ import annotations

import contextlib
import decimal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from synthtab.sharing.cells import DAY, date_cells, number_cells
from synthtab.sharing.columns import MADE, Column
from synthtab.sharing.form import TableForm
from synthtab.sharing.source import FORMULA_STARTS, TableError, format_of
from synthtab.sharing.workplace import new_file

_ROWS_PER_GROUP = 65_536
_XLSX_ROWS = 1_048_576


class RowWriter(Protocol):
    """Takes the rows of a table, some at a time."""

    def write(self, rows: pd.DataFrame) -> None:
        """Append typed rows: see `TableForm.restore`."""

    def close(self) -> None:
        """Finish the file."""


@contextlib.contextmanager
def row_writer(path: str | Path, form: TableForm) -> Iterator[RowWriter]:
    """Write rows to a new CSV, Parquet or XLSX file, which appears when all are written.

    Raises
    ------
    TableError
        If the file exists, its suffix is unknown, or XLSX has no room for so many rows.

    Examples
    --------
    >>> import tempfile
    >>> form = TableForm((Column("cost", "number", decimals=2, suffix=" TL"),), "cost", {}, {}, {},
    ...                  {"cost": False}, {})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with row_writer(Path(folder) / "rows.csv", form) as writer:
    ...         writer.write(pd.DataFrame({"cost": [1.5, 20.0]}))
    ...     (Path(folder) / "rows.csv").read_text()
    'cost\\n1.50 TL\\n20.00 TL\\n'
    """
    writers: dict[str, Any] = {"csv": _CsvWriter, "parquet": ParquetWriter, "xlsx": _XlsxWriter}
    kind = format_of(Path(path))
    with new_file(path) as partial:
        writer: RowWriter = writers[kind](partial, form)
        # Closed before the file takes its name, and before it is removed.
        with contextlib.closing(writer):
            yield writer


class _CsvWriter:
    def __init__(self, path: Path, form: TableForm) -> None:
        self._form = form
        # A mark for the byte order belongs to the beginning only, and no cell of a code page.
        self._file = open(path, "w", encoding=form.encoding, newline="", errors="strict")
        self._header = True

    def write(self, rows: pd.DataFrame) -> None:
        columns = {c.name: text_cells(rows[c.name], c, self._form) for c in self._form.columns}
        table = pd.DataFrame(columns, columns=list(columns))
        names = header_of(self._form)
        table.to_csv(
            self._file,
            sep=self._form.separator,
            index=False,
            header=names if self._header and names is not None else False,
            lineterminator=self._form.line_end,
        )
        self._header = False

    def close(self) -> None:
        self._file.close()


def header_of(form: TableForm) -> list[str] | None:
    """Names as a file's first row writes them; None where the first row holds none."""
    if not form.header:
        return None
    return ["" if c.name in form.unnamed else disarmed(c.name) for c in form.columns]


def text_cells(values: pd.Series[Any], column: Column, form: TableForm) -> list[str]:
    """Typed values as the cells of a CSV file."""
    cells: list[Any]
    if column.kind in ("category", *MADE):
        cells = [v if v is None else disarmed(str(v)) for v in values.tolist()]
    elif column.kind == "date":
        is_day = form.units[column.name] >= DAY
        written = column.format or ("%Y-%m-%d" if is_day else "%Y-%m-%d %H:%M:%S")
        cells = date_cells(values, written).tolist()
    else:
        cells = number_cells(values, column)
    return [column.gap if v is None or v != v else v for v in cells]


class ParquetWriter:
    """Writes the rows of a table to a Parquet file, in row groups of 65,536."""

    def __init__(self, path: Path, form: TableForm) -> None:
        self._path, self._form = path, form
        self._waiting: list[pd.DataFrame] = []
        self._file: Any = None

    def write(self, rows: pd.DataFrame) -> None:
        """Append typed rows."""
        self._waiting.append(rows)
        if sum(map(len, self._waiting)) >= _ROWS_PER_GROUP:
            self._write_group()

    def close(self) -> None:
        """Finish the file."""
        if self._waiting:
            self._write_group()
        if self._file is not None:
            self._file.close()

    def _write_group(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        rows = pd.concat(self._waiting, ignore_index=True)
        self._waiting.clear()
        types = self._types(pa)
        columns = {c.name: c for c in self._form.columns}
        arrays = [
            _arrow_array(pa, _as_stored(rows[n], columns[n], self._form), types.field(n).type)
            for n in types.names
        ]
        if self._file is None:
            self._file = pq.ParquetWriter(self._path, types)
        self._file.write_table(pa.Table.from_arrays(arrays, schema=types))

    def _types(self, pa: Any) -> Any:
        if self._form.arrow_schema is not None:
            return pa.ipc.read_schema(pa.py_buffer(self._form.arrow_schema))
        return pa.schema([(c.name, self._type(pa, c)) for c in self._form.columns])

    def _type(self, pa: Any, column: Column) -> Any:
        name = column.name
        if column.kind == "category":
            known = {type(v) for v in self._form.categories[name].values() if v is not None}
            simple = {bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
            values = [v for v in self._form.categories[name].values() if type(v) is int]
            if any(abs(v) >= 2**63 for v in values):
                return pa.string()
            return simple.get(known.pop(), pa.string()) if len(known) == 1 else pa.string()
        if column.kind in MADE:
            return pa.string() if self._form.made[name]["is_text"] else pa.int64()
        if column.kind == "date":
            return pa.date32() if self._form.units[name] >= DAY else pa.timestamp("us")
        return pa.int64() if self._form.is_whole[name] else pa.float64()


class _XlsxWriter:
    def __init__(self, path: Path, form: TableForm) -> None:
        import openpyxl

        self._path, self._form = path, form
        self._book = openpyxl.Workbook(write_only=True)
        self._sheet = self._book.create_sheet("synthetic")
        names = header_of(form)
        if names is not None:
            self._sheet.append(names)
        self._n_rows = int(names is not None)

    def write(self, rows: pd.DataFrame) -> None:
        self._n_rows += len(rows)
        if self._n_rows > _XLSX_ROWS:
            raise TableError(
                f"an XLSX sheet holds {_XLSX_ROWS - 1:,} rows below its header; write to .csv or "
                ".parquet"
            )
        columns = {
            c.name: _as_stored(rows[c.name], c, self._form).astype(object)
            for c in self._form.columns
        }
        for column in self._form.columns:
            cells = columns[column.name]
            columns[column.name] = cells.where(cells.notna(), column.gap)
        table = pd.DataFrame(columns)
        for row in table.itertuples(index=False, name=None):
            self._sheet.append([self._cell(v) for v in row])

    def close(self) -> None:
        self._book.save(self._path)

    def _cell(self, value: Any) -> Any:
        if isinstance(value, str):
            return disarmed(value) or None
        if isinstance(value, pd.Timestamp):
            return value.to_pydatetime()
        if isinstance(value, float) and value.is_integer():
            return int(value)
        return value


def disarmed(cell: str) -> str:
    """A text cell that no spreadsheet runs as a formula.

    Examples
    --------
    >>> disarmed("=HYPERLINK(A1)"), disarmed("bolt"), disarmed("-5")
    ("'=HYPERLINK(A1)", 'bolt', '-5')
    """
    if not cell.startswith(FORMULA_STARTS):
        return cell
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return f"'{cell}"
    return cell


def _as_stored(values: pd.Series[Any], column: Column, form: TableForm) -> pd.Series[Any]:
    """Values as a file with types holds them: what was text or a number there is so again."""
    if column.kind != "date" or not column.format or form.format == "csv":
        return values
    cells = date_cells(values, column.format)
    is_number = cells.dropna().str.fullmatch(r"[1-9]\d*").all()
    return cells.map(int, na_action="ignore") if is_number else cells


def _arrow_array(pa: Any, values: pd.Series[Any], kind: Any) -> Any:
    if pa.types.is_dictionary(kind):
        return _arrow_array(pa, values, kind.value_type).dictionary_encode().cast(kind)
    if pa.types.is_decimal(kind):
        step = decimal.Decimal(1).scaleb(-kind.scale)
        numbers = [
            None if v is None or v != v else decimal.Decimal(repr(v)).quantize(step) for v in values
        ]
        return pa.array(numbers, type=kind)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pa.array([None if v is None or v != v else str(v) for v in values], type=kind)
    if pa.types.is_integer(kind) and values.dtype != object:
        return pa.array(values.round(), from_pandas=True).cast(kind)
    if pa.types.is_integer(kind):
        return pa.array([None if v is None or v != v else int(v) for v in values], type=kind)
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        zoned = values.dt.tz_localize(kind.tz, ambiguous=False, nonexistent="shift_forward")
        return pa.array(zoned, from_pandas=True).cast(kind, safe=False)
    return pa.array(values, from_pandas=True).cast(kind, safe=False)
