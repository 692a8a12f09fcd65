"""What was spent on one table, run after run: a file beside it, one line for each run.

Whoever sees two private tables of the same rows learns more than from one. The mechanisms of all
runs are composed as those of one run are.
"""

from __future__ import annotations

import datetime
import json
import math
import os
from collections.abc import Sequence
from pathlib import Path

from synthtab.dp.accounting import Mechanism, epsilon
from synthtab.dp.budget import Guarantee
from synthtab.sharing.source import TableError


def ledger_of(table: str | Path) -> Path:
    """Where the ledger of a table lies.

    Examples
    --------
    >>> ledger_of("data/patients.csv").name
    'patients.csv.budget.jsonl'
    """
    return Path(f"{table}.budget.jsonl")


def read_ledger(ledger: Path) -> list[Mechanism]:
    """All that was asked of a table so far; nothing where there is no ledger.

    Raises
    ------
    TableError
        If a line cannot be read.
    """
    asked: list[Mechanism] = []
    lines = ledger.read_text(encoding="utf-8").splitlines() if ledger.exists() else []
    for number, line in enumerate(lines, start=1):
        try:
            for noise, rate, steps in json.loads(line)["asked"]:
                asked.append(Mechanism(float(noise), float(rate), int(steps)))
        except (ValueError, KeyError, TypeError) as error:
            raise TableError(
                f"{ledger}: line {number} is no entry of a ledger; restore the file, or what was "
                "spent on this table is not known"
            ) from error
    return asked


def total(asked: Sequence[tuple[float, float, int]], delta: float) -> float:
    """Budget that everything together has spent, as an upper bound at one delta.

    Infinite where it is beyond what can be added up.
    """
    try:
        return epsilon([Mechanism(*m) for m in asked], delta) if asked else 0.0
    except RuntimeError:  # the grid of the accountant is too coarse for so much
        return math.inf


def check_ledger(ledger: Path) -> None:
    """Refuse a ledger that could not be written at the end.

    Raises
    ------
    TableError
        If its folder, or the file, is not to be written to.
    """
    place = ledger if ledger.exists() else ledger.parent
    if not os.access(place, os.W_OK):
        raise TableError(f"{ledger}: what is spent cannot be noted there; give another --ledger")


def enter(ledger: Path, guarantee: Guarantee, out: Path) -> None:
    """Add a run to a ledger, which only its owner may read. Done before anything is released."""
    entry = {
        "when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "out": str(out),
        "epsilon": guarantee.epsilon,
        "delta": guarantee.delta,
        "asked": guarantee.mechanisms,
    }
    handle = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(handle, "a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
