"""What was spent on the tables of one folder, run after run: a file beside them, a line for a run.

Whoever sees two private tables of the same rows learns more than from one. The mechanisms of all
runs are composed as those of one run are. All runs of a ledger count, whichever table they were
about: a copy under another name is the same table, and if the rows decided what is counted, the sum
would tell of them. A run is noted before it learns from a row: one that is killed has spent its
budget.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from synthtab.dp.accounting import Mechanism, epsilon
from synthtab.dp.budget import Guarantee
from synthtab.sharing.attempts import line_of, locked
from synthtab.sharing.source import TableError

_NAME = "budget.jsonl"


class Spent(NamedTuple):
    """What all runs of a ledger have spent, as an upper bound at one delta, this one included.

    `again` are the folders that runs on these very rows have filled before: for the owner alone.
    """

    epsilon: float
    delta: float
    n_runs: int
    again: tuple[str, ...]

    def __str__(self) -> str:
        of_runs = "this run" if self.n_runs == 1 else f"all {self.n_runs} runs"
        return (
            f"Spent by {of_runs} in the owner's ledger: epsilon = {self.epsilon:.3g} at delta = "
            f"{self.delta:.2g}."
        )


def ledger_of(table: str | Path) -> Path:
    """Where the ledger of a table lies: in its folder, wherever a link to it may lie.

    Examples
    --------
    >>> ledger_of("data/patients.csv").name
    'budget.jsonl'
    """
    return Path(os.path.realpath(table)).parent / _NAME


def total(asked: Sequence[tuple[float, float, int]], delta: float) -> float:
    """Budget that everything together has spent, as an upper bound at one delta.

    Infinite where it is beyond what can be added up.
    """
    try:
        return epsilon([Mechanism(*m) for m in asked], delta) if asked else 0.0
    except RuntimeError:  # the grid of the accountant is too coarse for so much
        return math.inf


def enter(
    ledger: Path, guarantee: Guarantee, out: Path, *, rows: str, most: float | None = None
) -> Spent:
    """Note a run that is about to spend what its guarantee says.

    Parameters
    ----------
    ledger : Path
        The file; where it is one of `ledger_of`, what older releases noted beside each table of its
        folder counts too.
    guarantee : Guarantee
        What the run will spend.
    out : Path
        The folder that it fills.
    rows : str
        What stands in the table: see `synthtab.sharing.attempts.fingerprint`.
    most : float or None, default=None
        Epsilon that all runs together may spend.

    Raises
    ------
    TableError
        If the ledger cannot be read or written, or more than `most` would be spent. Nothing is
        noted then.
    """
    try:
        with locked(ledger) as book:
            entries = _entries(ledger, book)
            if ledger.name == _NAME:
                for other in sorted(ledger.parent.glob(f"*.{_NAME}")):
                    entries += _entries(other, other.read_text(encoding="utf-8").splitlines())
            asked = [m for _, mechanisms in entries for m in mechanisms]
            spent = total([*asked, *guarantee.mechanisms], guarantee.delta)
            if most is not None and spent > most:
                before = total(asked, guarantee.delta)
                raise TableError(
                    f"--max-epsilon {most:g}: with this run {spent:.3g} would be spent by all in "
                    f"{ledger}, {before:.3g} before it; nothing was spent"
                )
            entry = {"out": str(out), "rows": rows, "epsilon": guarantee.epsilon}
            book.write(line_of({**entry, "delta": guarantee.delta, "asked": guarantee.mechanisms}))
    except OSError as error:
        raise TableError(
            f"{ledger}: what is spent cannot be noted there ({error.strerror}); give another "
            "--ledger"
        ) from error
    again = tuple(str(e.get("out")) for e, _ in entries if e.get("rows") == rows)
    return Spent(spent, guarantee.delta, len(entries) + 1, again)


def _entries(ledger: Path, lines: Iterable[str]) -> list[tuple[dict[str, Any], list[Mechanism]]]:
    """Each entry, and what it asked of the rows."""
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
            asked = [Mechanism(float(n), float(q), int(steps)) for n, q, steps in entry["asked"]]
        except (ValueError, KeyError, TypeError) as error:
            raise TableError(
                f"{ledger}: line {number} is no entry of a ledger; restore the file, or what was "
                "spent on this table is not known"
            ) from error
        found.append((entry, asked))
    return found
