"""Results on disk: what a notebook hands over, what a record holds, how a number is looked up.

A *record* is one JSON file per run, `records/<id>.json`::

    id, notebook, parameters       which run this is
    values                         what the notebook handed over: the results
    timings, provenance            how long it took, on what; these differ from run to run

The last cell of a notebook calls `record`; the runner takes that output out of the executed
notebook (`extract`), adds the rest and writes the file (`save`). Tables, figures and sentences of
the report read it with `load` and `lookup`, so no result is ever typed.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

MIME = "application/vnd.synthtab.record+json"
PUBLISHED = "published"
# Records that a script in `benchmarks/` writes, and no notebook, begin with this.
BENCHMARK = "benchmark_"
SECTIONS = ("timings", "parameters", "provenance")
COMPARED = ("notebook", "parameters", "values")
# A dot separates the steps of a key, a colon begins its format, a backtick ends the role.
_FORBIDDEN = ".:`"


class RecordError(LookupError):
    """A record, or a value in one, is not there; the message says what to do."""


class Record:
    """The output of a notebook's last cell; made by `record`."""

    def __init__(self, values: dict[str, Any], timings: dict[str, Any]) -> None:
        self._values = values
        self._timings = timings

    def __repr__(self) -> str:
        return f"Record of {_count(self._values)} values"

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        # Timings go to the output's metadata, which nbval does not compare and the runner strips:
        # what stays in the notebook is then the same in every run.
        metadata = {MIME: {"timings": self._timings}} if self._timings else {}
        return {MIME: self._values, "text/plain": repr(self)}, metadata


def record(values: Mapping[str, Any]) -> Record:
    """Hand the results of a notebook over; to be the last expression of its last cell.

    Parameters
    ----------
    values : mapping
        Nested dictionary of str, bool, int, float and lists of these. NumPy scalars are cast.
        The top-level key "timings" is kept apart, with what may differ between two runs.

    Returns
    -------
    Record
        An output that the runner reads; a page shows one line of it.

    Raises
    ------
    ValueError
        Naming every value that is not finite or not one of the types above, and every key that
        is empty, not a string, or holds a dot, a colon or a backtick.

    Examples
    --------
    >>> import numpy as np
    >>> record({"hybrid": {"r2": np.float64(0.5)}, "n_train": 100})
    Record of 2 values
    >>> record({"hybrid": {"r2": float("nan")}})
    Traceback (most recent call last):
        ...
    ValueError: the record cannot be kept:
      hybrid.r2: nan is not finite; leave the key out, or record why there is no value
    """
    problems: list[str] = []
    clean = _clean(values, "", problems)
    if isinstance(clean, dict):
        reserved = sorted({"parameters", "provenance"} & clean.keys())
        problems += [f"{key}: the runner writes this section; rename the key" for key in reserved]
        if not isinstance(clean.get("timings", {}), dict):
            problems.append("timings: should be a dictionary of named durations in seconds")
        if not clean.keys() - {"timings"}:
            problems.append("no values at all; hand over at least one")
    else:
        problems.append("values should be a dictionary at the top")
    if problems:
        raise ValueError("the record cannot be kept:\n  " + "\n  ".join(problems))
    timings = clean.pop("timings", {})
    return Record(clean, timings)


def extract(notebook: Mapping[str, Any]) -> dict[str, Any]:
    """Take the record out of an executed notebook.

    Parameters
    ----------
    notebook : mapping
        A notebook as nbformat or `json.load` reads it.

    Returns
    -------
    dict
        "values", and "timings" where the notebook handed some over.

    Raises
    ------
    ValueError
        If the notebook holds no record, or several.

    Examples
    --------
    >>> output = {"data": {MIME: {"n_train": 100}}, "metadata": {}}
    >>> extract({"cells": [{"cell_type": "code", "outputs": [output]}]})
    {'values': {'n_train': 100}}
    """
    found = [
        output
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if MIME in output.get("data", {})
    ]
    if len(found) != 1:
        raise ValueError(
            f"the notebook holds {len(found)} records and should hold one: "
            "end its last cell with `results.record(values)`"
        )
    output = found[0]
    parts = {"values": output["data"][MIME]}
    timings = output.get("metadata", {}).get(MIME, {}).get("timings")
    if timings:
        parts["timings"] = timings
    plain: dict[str, Any] = json.loads(json.dumps(parts))  # nbformat has a dictionary of its own
    return plain


def numbers_of(row: Mapping[Any, Any]) -> dict[str, float]:
    """The floats of a row; bounds that one seed cannot give are left out.

    Examples
    --------
    >>> numbers_of({"learner": "rf", "mean": 0.5, "low": float("nan")})
    {'mean': 0.5}
    """
    return {k: v for k, v in row.items() if isinstance(v, float) and not math.isnan(v)}


def save(contents: Mapping[str, Any], path: str | Path) -> None:
    """Write a record so that the file is either the old one or the whole new one.

    Keys are sorted and numbers written in full, so that equal records are equal files.

    Parameters
    ----------
    contents : mapping
        The record; NaN and infinity are refused.
    path : str or Path
        The file; its folder is made if need be.

    Raises
    ------
    ValueError
        If a number is not finite.
    """
    path = Path(path)
    text = json.dumps(contents, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder: only within one file system is a rename a single step.
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            # mkstemp makes the file private; a record is as readable as its neighbours.
            os.fchmod(file.fileno(), 0o644)
            file.write(text + "\n")
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def load(id_or_path: str | Path, records_dir: str | Path | None = None) -> dict[str, Any]:
    """Read one record.

    Parameters
    ----------
    id_or_path : str or Path
        An id such as "013_standin", "published" for the original study's figures, or the path of
        a `.json` file.
    records_dir : str or Path, optional
        Folder of the records. By default `records` in the working folder, or in the nearest
        folder above it that has one: a notebook may be opened from where it lies.

    Returns
    -------
    dict

    Raises
    ------
    RecordError
        If there is no such record; names it and the command that makes it.
    """
    path = record_path(id_or_path, records_dir)
    try:
        with open(path, encoding="utf-8") as file:
            contents: dict[str, Any] = json.load(file)
    except FileNotFoundError:
        if path.stem == PUBLISHED:
            remedy = "it belongs to the package: install it again"
        elif isinstance(id_or_path, Path) or id_or_path.endswith(".json"):
            remedy = "`python -m seds500 run` writes such files"
        else:
            known = sorted(file.stem for file in path.parent.glob("*.json"))
            command = f"python -m seds500 experiments {path.stem}"
            if path.stem.startswith(BENCHMARK):
                command = "make bench"
            remedy = f"make it with `{command}` (records at hand: {', '.join(known) or 'none'})"
        raise RecordError(f"no record {str(id_or_path)!r}: {remedy}") from None
    except json.JSONDecodeError as error:
        raise RecordError(f"record {str(id_or_path)!r} is not JSON: {error}") from error
    return contents


def record_path(id_or_path: str | Path, records_dir: str | Path | None = None) -> Path:
    """The file that `load` reads for an id or path, whether it exists or not.

    Examples
    --------
    >>> record_path("013_standin", "records").as_posix()
    'records/013_standin.json'
    """
    if isinstance(id_or_path, Path) or id_or_path.endswith(".json"):
        return Path(id_or_path)
    if id_or_path == PUBLISHED:
        return Path(__file__).parents[1] / "data" / "published.json"
    if records_dir is None:
        here = Path.cwd()
        folders = (folder / "records" for folder in (here, *here.parents))
        records_dir = next((folder for folder in folders if folder.is_dir()), Path("records"))
    return Path(records_dir) / f"{id_or_path}.json"


def lookup(records_dir: str | Path | None, key: str) -> Any:
    """Read one value by its dotted key, `<id>.<step>.<step>…`.

    The steps go down from the record's values; when the first is "timings", "parameters" or
    "provenance", from that section. A number as a step picks from a list. In "published", the
    original study's figures, the steps go down from the top of the file.

    Parameters
    ----------
    records_dir : str, Path or None
        Folder of the records, as for `load`.
    key : str
        For example "013_standin.replacement.hybrid.rf.r2.mean".

    Returns
    -------
    str, bool, int, float, list or dict

    Raises
    ------
    RecordError
        If the record or the key does not exist; names what exists at the step that failed.
    """
    name, *steps = key.split(".")
    contents = load(name, records_dir)
    node: Any = contents
    if name != PUBLISHED and not (steps and steps[0] in SECTIONS):
        node = contents["values"]
    return pick(node, steps, name)


def pick(node: Any, steps: Sequence[str], name: str) -> Any:
    """Go down nested results, step by step.

    Parameters
    ----------
    node : mapping or list
        Where to begin.
    steps : sequence of str
        Keys of dictionaries; a number picks from a list.
    name : str
        What `node` is called in messages.

    Returns
    -------
    str, bool, int, float, list or dict

    Raises
    ------
    RecordError
        If there is no such value; names what exists at the step that failed.

    Examples
    --------
    >>> pick({"rf": {"interval": [0.25, 0.75]}}, ["rf", "interval", "1"], "run")
    0.75
    """
    key = ".".join([name, *steps])
    for depth, step in enumerate(steps):
        reached = ".".join([name, *steps[:depth]])
        if isinstance(node, Mapping) and step in node:
            node = node[step]
        elif isinstance(node, list) and step.isdigit() and int(step) < len(node):
            node = node[int(step)]
        elif isinstance(node, Mapping):
            raise RecordError(
                f"no value {key!r}: {reached!r} has no {step!r}; it has {', '.join(sorted(node))}"
            )
        elif isinstance(node, list):
            raise RecordError(
                f"no value {key!r}: {reached!r} is a list; "
                f"pick an entry from 0 to {len(node) - 1} in place of {step!r}"
            )
        else:
            raise RecordError(f"no value {key!r}: {reached!r} is the value {node!r} itself")
    return node


def differences(a: Mapping[str, Any], b: Mapping[str, Any], rel_tol: float = 0.0) -> list[str]:
    """Compare two records in what should not differ: notebook, parameters and values.

    Parameters
    ----------
    a, b : mapping
        Records as `load` reads them. Ids, timings and provenance are not compared.
    rel_tol : float, default 0
        Relative difference up to which two numbers count as equal; 0 asks for the same number.

    Returns
    -------
    list of str
        One line per difference, with its key and both values; empty when the records agree.

    Examples
    --------
    >>> differences({"values": {"r2": 0.5, "n": 3}}, {"values": {"r2": 0.6}})
    ['values.n: 3 only in the first', 'values.r2: 0.5 and 0.6']
    """
    lines: list[str] = []
    for section in COMPARED:
        _compare(a.get(section, {}), b.get(section, {}), section, rel_tol, lines)
    return lines


def _compare(a: Any, b: Any, path: str, rel_tol: float, lines: list[str]) -> None:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for key in sorted(a.keys() | b.keys()):
            if key not in b:
                lines.append(f"{path}.{key}: {a[key]!r} only in the first")
            elif key not in a:
                lines.append(f"{path}.{key}: {b[key]!r} only in the second")
            else:
                _compare(a[key], b[key], f"{path}.{key}", rel_tol, lines)
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for index, (left, right) in enumerate(zip(a, b, strict=True)):
            _compare(left, right, f"{path}.{index}", rel_tol, lines)
    elif _is_number(a) and _is_number(b):
        if not math.isclose(a, b, rel_tol=rel_tol):
            lines.append(f"{path}: {a!r} and {b!r}")
    elif type(a) is not type(b) or a != b:
        lines.append(f"{path}: {a!r} and {b!r}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _clean(value: Any, path: str, problems: list[str]) -> Any:
    """`value` in plain Python types; what cannot be kept is added to `problems`."""
    if isinstance(value, Mapping):
        clean = {}
        for key, child in value.items():
            below = f"{path}.{key}" if path else str(key)
            if not isinstance(key, str) or not key or key != key.strip():
                problems.append(
                    f"{below}: the key {key!r} should be a string, not empty, without blanks at "
                    "its ends"
                )
            elif any(character in key for character in _FORBIDDEN):
                problems.append(f"{below}: the key {key!r} may not hold a dot, colon or backtick")
            else:
                clean[key] = _clean(child, below, problems)
        return clean
    if isinstance(value, list):
        return [_clean(child, f"{path}.{i}", problems) for i, child in enumerate(value)]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        if math.isfinite(value):
            return float(value)
        problems.append(
            f"{path}: {value} is not finite; leave the key out, or record why there is no value"
        )
        return None
    if isinstance(value, str):
        return str(value)
    remedy = "; use .tolist()" if hasattr(value, "tolist") else ""
    problems.append(
        f"{path or 'values'}: {type(value).__name__} is not str, bool, int, float, list or "
        f"dict{remedy}"
    )
    return None


def _count(value: Any) -> int:
    if isinstance(value, Mapping):
        return sum(_count(child) for child in value.values())
    return 1
