"""Reading a table as its owner wrote it, and checking it against the columns that are expected.

A private table comes out of somebody's spreadsheet: CSV as Excel writes it in Turkey (semicolons,
decimal commas, the Turkish code page), XLSX or Parquet, with columns named in the owner's language.
All of these are read; what cannot be read without guessing is refused, every fault by name.
"""

from __future__ import annotations

import io
import math
import numbers
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd


class Table(NamedTuple):
    """The expected columns of a file, and the names of its other columns."""

    frame: pd.DataFrame
    ignored: tuple[str, ...]


def read_table(
    path: Path,
    names: Mapping[str, Sequence[str]],
    *,
    categorical: Collection[str],
    target: str,
    min_rows: int,
) -> Table:
    """Read a CSV, Parquet or XLSX file and check it.

    Parameters
    ----------
    path : Path
        The file. CSV is read with commas or semicolons between the columns (with semicolons,
        decimal commas as well) and in UTF-8 or Windows' Turkish code page.
    names : mapping of str to sequence of str
        Expected column -> further names it may have in the file. Case, spaces, punctuation and
        diacritics do not count in a name.
    categorical : collection of str
        Expected columns whose values are read as text; the others hold numbers.
    target : str
        Expected column that has to vary. Where all its values are whole numbers it is read as
        int64.
    min_rows : int
        Least number of data rows.

    Returns
    -------
    Table
        `frame` of shape (n_rows, n_expected) in the order of `names`, categories as `object`
        columns of str, numbers as float64; `ignored`, the columns that were not expected.

    Raises
    ------
    IsADirectoryError, FileNotFoundError
        If the path is not that of a file.
    ValueError
        If the file's suffix is not supported, or its content is not the expected table: columns
        that are missing or there twice, too few rows, missing values, values that are no finite
        numbers, decimals written in two ways, a target that never varies. Every problem is named.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "bolts.csv"
    ...     _ = path.write_text("Çap;Süre;note\\n6,5;700;a\\n8;810;b\\n", encoding="utf-8")
    ...     names = {"diameter_mm": ["cap"], "minutes": ["sure"]}
    ...     table = read_table(path, names, categorical=(), target="minutes", min_rows=2)
    >>> table.frame
       diameter_mm  minutes
    0          6.5      700
    1          8.0      810
    >>> table.ignored
    ('note',)
    """
    raw, marks = _read(path)
    raw = raw.reset_index(drop=True)
    sources, ignored, problems = _matched(raw, names)
    if len(raw) < min_rows:
        problems.append(f"{len(raw)} data rows; at least {min_rows} are needed to learn from")

    columns: dict[str, pd.Series[Any]] = {}
    written: dict[str, str] = {}  # decimal mark -> where it was first seen
    for column, source in sources.items():
        label = f"column {source!r}"
        values = raw[source]
        if marks is not None:
            values = values.where(values.str.strip() != "")
        if n_missing := int(values.isna().sum()):
            problems.append(
                f"{label}: {n_missing} missing values, first in data row "
                f"{_first(values.isna())}; drop those rows or fill them"
            )
        values = values.dropna()
        if column in categorical:
            columns[column] = values.map(_category).astype(object)
            continue
        is_number = values.map(lambda v: _is_number(v, marks)).astype(bool)
        if not is_number.all():
            bad = values[~is_number]
            problems.append(
                f"{label}: {len(bad)} values are not finite numbers, first {bad.tolist()[0]!r} in "
                f"data row {bad.index[0] + 1}; correct them, and write numbers without thousands "
                "separators or units"
            )
            continue
        if marks is not None:
            for mark, place in _decimal_marks(values, marks).items():
                written.setdefault(mark, f"{place[0]!r} ({label}, data row {place[1]})")
            values = values.str.replace(",", ".", regex=False)
        columns[column] = values.astype(np.float64)

    if len(written) > 1:
        problems.append(
            f"decimals are written both with a comma and with a point: {written[',']} and "
            f"{written['.']}; write all one way, without thousands separators"
        )
    predicted = columns.get(target)
    if predicted is not None and len(predicted):
        if (predicted == predicted.iloc[0]).all():
            problems.append(
                f"column {sources[target]!r}: the target is {predicted.iloc[0]:g} in every row, so "
                "there is nothing to predict; check the export"
            )
        if (predicted == np.rint(predicted)).all():
            columns[target] = predicted.astype(np.int64)
    if problems:
        raise ValueError(f"{path}: " + "; ".join(problems))
    return Table(pd.DataFrame(columns), ignored)


def _read(path: Path) -> tuple[pd.DataFrame, str | None]:
    """Read a file. CSV cells come as text, together with the marks a decimal may be written with.

    Parquet and XLSX cells have types of their own, and the marks are None.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give the path of a CSV, Parquet or XLSX file")
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return pd.read_parquet(path), None
    if suffix == ".xlsx":
        return pd.read_excel(path), None
    if suffix != ".csv":
        raise ValueError(
            f"{path}: files of type {suffix or '(no suffix)'!r} are not read; save the table as "
            ".csv, .parquet or .xlsx"
        )
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Excel on a Turkish Windows writes CSV in this code page.
        text = data.decode("cp1254")
    separator = ";" if ";" in text.partition("\n")[0] else ","
    try:
        frame = pd.read_csv(io.StringIO(text), sep=separator, dtype=str, skipinitialspace=True)
    except ValueError as error:  # what pandas' parser raises is a ValueError too
        raise ValueError(f"{path} cannot be read as CSV with {separator!r}: {error}") from error
    # Where ';' separates the columns ',' is free to be the decimal mark, and in Turkey it is.
    return frame, ".," if separator == ";" else "."


# --- names -----------------------------------------------------------------------------------


def _matched(
    raw: pd.DataFrame, names: Mapping[str, Sequence[str]]
) -> tuple[dict[str, Any], tuple[str, ...], list[str]]:
    """Find the expected columns: expected -> found, the names of the others, and the problems."""
    accepted = {column: [_plain(n) for n in (column, *more)] for column, more in names.items()}
    meaning = {name: column for column, plain in accepted.items() for name in plain}
    found: dict[str, list[Any]] = {column: [] for column in names}
    ignored = []
    for name in raw.columns:
        if (column := meaning.get(_plain(name))) is None:
            ignored.append(str(name))
        else:
            found[column].append(name)

    problems = []
    if missing := [column for column, sources in found.items() if not sources]:
        would_do = {column: accepted[column] for column in missing}
        problems.append(
            f"missing columns {missing}, accepted under the names {would_do} (case, spaces and "
            f"diacritics do not count); the file has {[str(name) for name in raw.columns]}"
        )
    problems.extend(
        f"columns {sources} all mean {column!r}; keep one"
        for column, sources in found.items()
        if len(sources) > 1
    )
    matched = {column: sources[0] for column, sources in found.items() if len(sources) == 1}
    return matched, tuple(ignored), problems


def _plain(name: object) -> str:
    """Reduce a column name to lower-case ASCII letters and digits: 'Anma Ölçüsü' -> 'anmaolcusu'.

    Dotless i and dotted I are one letter here, as Turkish and English keyboards disagree on them.
    """
    letters = unicodedata.normalize("NFKD", str(name).replace("ı", "i")).casefold()
    return "".join(c for c in letters if c.isascii() and c.isalnum())


# --- values ----------------------------------------------------------------------------------


def _category(value: object) -> str:
    # A spreadsheet holds plant 2101 as the float 2101.0.
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def _is_number(value: object, marks: str | None) -> bool:
    if marks is not None:
        number = rf"\s*[+-]?\d+([{marks}]\d+)?([eE][+-]?\d+)?\s*"
        return re.fullmatch(number, str(value)) is not None
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        return False
    return math.isfinite(value)


def _decimal_marks(values: pd.Series[Any], marks: str) -> dict[str, tuple[str, int]]:
    """Return the marks that occur in a column of numbers: mark -> first value and data row."""
    first = {}
    for mark in marks:
        with_mark = values[values.str.contains(mark, regex=False)]
        if len(with_mark):
            first[mark] = (str(with_mark.iloc[0]), int(with_mark.index[0]) + 1)
    return first


def _first(mask: pd.Series[bool]) -> int:
    """Number of the first row that is True, counting data rows from 1."""
    return int(np.argmax(mask.to_numpy())) + 1
