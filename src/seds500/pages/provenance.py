"""What made each record: commit, machine, time and versions; and what all runs take together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from string import ascii_uppercase
from typing import Any

import pandas as pd

from seds500.records import Records
from seds500.records.store import BENCHMARK

UNKNOWN = "not recorded"

_PACKAGES = ("python", "torch", "numpy", "pandas", "scikit-learn", "synthtab")
"""Those that a set of versions begins with."""


def runs(records: Records) -> pd.DataFrame:
    """Every run of `make experiments`, with the time that all of them take together.

    Parameters
    ----------
    records : Records

    Returns
    -------
    DataFrame of str
        A row for each run with its date, seconds, commit, processor and set of versions, which
        `versions` spells out; and last a row with the sum of the seconds.
    """
    origins = {n: made for n, made in _origins(records) if not _is_benchmark(n)}
    table = _table(records, origins)
    known = [made.get("wall_seconds") for made in origins.values()]
    total = sum(seconds for seconds in known if seconds is not None)
    missing = sum(seconds is None for seconds in known)
    words = f"{total:,.0f}, which is {total / 60:.0f} minutes"
    if missing:
        words += f", and {missing} {UNKNOWN}"
    table.loc["all, one after the other"] = dict.fromkeys(table.columns, "") | {"seconds": words}
    return table


def benchmarks(records: Records) -> pd.DataFrame:
    """Every record of a benchmark, and of each part that was made by itself.

    Parameters and columns are those of `runs`; there is no sum, since no command makes them all.
    """
    return _table(records, {n: made for n, made in _origins(records) if _is_benchmark(n)})


def versions(records: Records) -> pd.DataFrame:
    """What each set of versions holds, by the letter that `runs` and `benchmarks` call it.

    Parameters
    ----------
    records : Records

    Returns
    -------
    DataFrame of str
        One column: the packages with their versions.
    """
    sets = {letter: held for held, letter in _letters(records).items()}
    words = {
        letter: ", ".join(f"{package} {version}" for package, version in held)
        for letter, held in sets.items()
    }
    table = pd.DataFrame.from_dict(words, orient="index", columns=["packages"])
    return table.rename_axis(index="set")


def _table(records: Records, origins: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    letters = _letters(records)
    rows = {
        name: {
            "date": made["started"][:10].replace("-", "\u2011") if "started" in made else UNKNOWN,
            "seconds": f"{made['wall_seconds']:,.0f}" if "wall_seconds" in made else UNKNOWN,
            "commit": f"`{made['commit'][:10]}`" if made.get("commit") else UNKNOWN,
            "processor": made.get("cpu", UNKNOWN),
            "versions": letters[held] if (held := _versions(made)) else UNKNOWN,
        }
        for name, made in origins.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(index="record")


def _letters(records: Records) -> dict[tuple[tuple[str, str], ...], str]:
    """A letter for each set of versions, in the order of the records."""
    found: dict[tuple[tuple[str, str], ...], str] = {}
    for _, made in _origins(records):
        held = _versions(made)
        if held and held not in found:
            found[held] = ascii_uppercase[len(found)]
    return found


def _versions(made: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Packages with their versions, the usual ones first; older records call them otherwise."""
    held = dict(made.get("versions") or made.get("packages") or {})
    if held and "python" in made:
        held["python"] = made["python"]
    order = {package: i for i, package in enumerate(_PACKAGES)}
    ordered = sorted(held, key=lambda package: (order.get(package, len(order)), package))
    return tuple((package, held[package]) for package in ordered)


def _is_benchmark(name: str) -> bool:
    return name.startswith(BENCHMARK)


def _origins(records: Records) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in records.names():
        made = records.value(f"{name}.provenance")
        parts = made.get("parts")
        if parts is None:
            yield name, made
            continue
        for part, of in sorted(parts.items()):
            yield f"{name}, {part}", of


TABLES = {table.__name__: table for table in (runs, benchmarks, versions)}
"""By the name that a page asks for them with."""
