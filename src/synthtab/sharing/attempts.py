"""How often one table was tried: by what stands in it, whatever its file is called.

Whoever tries seeds until a report card passes has chosen the luckiest of several, so that each pass
says less. Runs are noted in a small file, for its owner only, one line for each.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import pandas as pd

BOOK = ".synthtab_attempts.jsonl"


def fingerprint(cells: pd.DataFrame) -> str:
    """What a table holds, as a short text: the same in any order and in any format of file.

    A cell that was changed, a row or column more or less, give another one.

    Examples
    --------
    >>> text = pd.DataFrame({"a": ["1.50", "2"], "b": ["x", None]})
    >>> typed = pd.DataFrame({"b": [float("nan"), "x"], "a": [2.0, 1.5]})
    >>> fingerprint(text) == fingerprint(typed)
    True
    """
    plain = pd.DataFrame({name: _plain(cells[name]) for name in sorted(cells, key=str)})
    rows = pd.util.hash_pandas_object(plain, index=False).sort_values().to_numpy()
    names = json.dumps([str(name) for name in plain])
    return hashlib.sha256(names.encode() + rows.tobytes()).hexdigest()[:32]


def _plain(cells: pd.Series[Any]) -> pd.Series[Any]:
    codes, values = pd.factorize(cells, use_na_sentinel=True)
    texts = [*map(_text, values), ""]
    return pd.Series([texts[code] for code in codes], dtype=object)


def _text(value: Any) -> str:
    """A value as text: numbers and days alike, whoever wrote them."""
    text = str(value).strip()
    if re.fullmatch(r"-?\d+,\d+", text):
        text = text.replace(",", ".")
    with contextlib.suppress(ValueError):
        return repr(float(text) + 0.0)
    return text.removesuffix(" 00:00:00")


@contextlib.contextmanager
def locked(book: Path) -> Iterator[TextIO]:
    """A file that only its owner may read, to read and to add lines to, for one run at a time."""
    handle = os.open(book, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(handle, "a+", encoding="utf-8") as file:
        with contextlib.suppress(ModuleNotFoundError):  # Windows has none
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        yield file
        file.flush()
        os.fsync(file.fileno())


def line_of(entry: Mapping[str, Any]) -> str:
    """An entry of such a file, with the time."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return json.dumps({"when": now, **entry}, ensure_ascii=False) + "\n"


def count_attempt(rows: str, out: Path) -> int:
    """Note an attempt on a table beside the folder that it fills; the first is 1.

    0 where the file is another account's, which is no reason to lose what was made.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        with locked(out.parent / BOOK) as book:
            before = sum(f'"rows": "{rows}"' in line for line in book)
            book.write(line_of({"rows": rows, "out": out.name}))
    except PermissionError:
        return 0
    return before + 1
