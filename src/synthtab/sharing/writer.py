"""Writing rows as they come: to a file of another name, which takes its own when it is whole.

However many rows there are, those of one row group are held in memory, except for XLSX, whose
format is written at the end.
"""

from __future__ import annotations

import contextlib
import decimal
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from synthtab.sharing.columns import MADE, Column
from synthtab.sharing.form import TableForm
from synthtab.sharing.source import FORMULA_STARTS, TableError, format_of

_ROWS_PER_GROUP = 65_536
_XLSX_ROWS = 1_048_576


class RowWriter(Protocol):
    """Takes the rows of a table, some at a time."""

    def write(self, rows: pd.DataFrame) -> None:
        """Append typed rows: see `TableForm.restore`."""

    def close(self) -> None:
        """Finish the file."""


@contextlib.contextmanager
def new_file(path: str | Path) -> Iterator[Path]:
    """A file that is there when it is whole, and not at all before.

    The block writes to the name yielded, which lies beside `path`. That file is renamed at the end
    of the block, and removed if it ends with an error. For errors see `refuse_existing`.
    """
    path = Path(path)
    refuse_existing(path)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        refuse_existing(path)
        # mkstemp makes files for their owner's eyes only; a result has the rights of any new file.
        mask = os.umask(0)
        os.umask(mask)
        partial.chmod(0o666 & ~mask)
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)


def refuse_existing(path: Path) -> None:
    """Raise a TableError where something is, or where there is no folder."""
    if path.exists():
        raise TableError(f"{path} exists and is not overwritten; remove it or choose another name")
    if not path.parent.is_dir():
        raise TableError(f"{path.parent}: there is no such folder; make it first")


@contextlib.contextmanager
def row_writer(path: str | Path, form: TableForm) -> Iterator[RowWriter]:
    """Write rows to a new CSV, Parquet or XLSX file, which appears when all are written.

    Raises
    ------
    TableError
        If the file exists, its suffix is unknown, or XLSX has no room for so many rows.

    Examples
    --------
    >>> from synthtab.sharing.columns import TablePlan
    >>> form = TableForm((Column("cost", "number", decimals=2, suffix=" TL"),), "cost", {}, {}, {},
    ...                  {"cost": False}, {})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with row_writer(Path(folder) / "rows.csv", form) as writer:
    ...         writer.write(pd.DataFrame({"cost": [1.5, 20.0]}))
    ...     (Path(folder) / "rows.csv").read_text()
    'cost\\n1.50 TL\\n20.00 TL\\n'
    """
    writers: dict[str, Any] = {"csv": _CsvWriter, "parquet": _ParquetWriter, "xlsx": _XlsxWriter}
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
        columns = {c.name: self._cells(rows[c.name], c) for c in self._form.columns}
        table = pd.DataFrame(columns, columns=list(columns))
        table.to_csv(
            self._file,
            sep=self._form.separator,
            index=False,
            header=[disarmed(str(c)) for c in table.columns] if self._header else False,
            lineterminator=self._form.line_end,
        )
        self._header = False

    def close(self) -> None:
        self._file.close()

    def _cells(self, values: pd.Series[Any], column: Column) -> Any:
        if column.kind in ("category", *MADE):
            return [v if v is None else disarmed(str(v)) for v in values.tolist()]
        if column.kind == "date":
            is_day = self._form.units[column.name] > 1
            form = column.format or ("%Y-%m-%d" if is_day else "%Y-%m-%d %H:%M:%S")
            return values.dt.strftime(form)
        return number_cells(values, column)


class _ParquetWriter:
    def __init__(self, path: Path, form: TableForm) -> None:
        self._path, self._form = path, form
        self._waiting: list[pd.DataFrame] = []
        self._file: Any = None

    def write(self, rows: pd.DataFrame) -> None:
        self._waiting.append(rows)
        if sum(map(len, self._waiting)) >= _ROWS_PER_GROUP:
            self._write_group()

    def close(self) -> None:
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
        arrays = [_arrow_array(pa, rows[name], types.field(name).type) for name in types.names]
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
            return simple.get(known.pop(), pa.string()) if len(known) == 1 else pa.string()
        if column.kind in MADE:
            return pa.string() if self._form.made[name]["is_text"] else pa.int64()
        if column.kind == "date":
            return pa.date32() if self._form.units[name] > 1 else pa.timestamp("us")
        return pa.int64() if self._form.is_whole[name] else pa.float64()


class _XlsxWriter:
    def __init__(self, path: Path, form: TableForm) -> None:
        import openpyxl

        self._path, self._form = path, form
        self._book = openpyxl.Workbook(write_only=True)
        self._sheet = self._book.create_sheet("synthetic")
        self._sheet.append([disarmed(c.name) for c in form.columns])
        self._n_rows = 1

    def write(self, rows: pd.DataFrame) -> None:
        self._n_rows += len(rows)
        if self._n_rows > _XLSX_ROWS:
            raise TableError(
                f"an XLSX sheet holds {_XLSX_ROWS - 1:,} rows below its header; write to .csv or "
                ".parquet"
            )
        for row in rows.astype(object).where(rows.notna(), None).itertuples(index=False, name=None):
            self._sheet.append([self._cell(v) for v in row])

    def close(self) -> None:
        self._book.save(self._path)

    def _cell(self, value: Any) -> Any:
        if isinstance(value, str):
            return disarmed(value)
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


def number_cells(values: pd.Series[Any], column: Column) -> list[str | None]:
    """Numbers as the column writes them, None for NaN.

    Examples
    --------
    >>> column = Column("cost", "number", decimals=1, decimal_mark=",", prefix="€")
    >>> number_cells(pd.Series([2.0, 3.25]), column)
    ['€2,0', '€3,2']
    """
    array = values.to_numpy(dtype=float)
    if column.decimals is not None:
        text = np.char.mod(f"%.{column.decimals}f", array).tolist()
    else:
        text = [repr(v).removesuffix(".0") for v in array.tolist()]
    if column.decimal_mark != ".":
        text = [t.replace(".", column.decimal_mark) for t in text]
    missing = np.isnan(array)
    before, after = column.prefix, column.suffix
    return [None if gap else before + t + after for t, gap in zip(text, missing, strict=True)]


def _arrow_array(pa: Any, values: pd.Series[Any], kind: Any) -> Any:
    if pa.types.is_dictionary(kind):
        return _arrow_array(pa, values, kind.value_type).dictionary_encode().cast(kind)
    if pa.types.is_decimal(kind):
        step = decimal.Decimal(1).scaleb(-kind.scale)
        numbers = [None if v != v else decimal.Decimal(repr(v)).quantize(step) for v in values]
        return pa.array(numbers, type=kind)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pa.array([None if v is None else str(v) for v in values], type=kind)
    if values.dtype.kind == "f" and pa.types.is_integer(kind):
        return pa.array(values.round(), from_pandas=True).cast(kind)
    return pa.array(values, from_pandas=True).cast(kind, safe=False)
