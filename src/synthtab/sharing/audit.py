"""Audit of a private procedure from outside: what epsilon must be at least, from what leaves.

A guarantee bounds how much likelier anything that can be seen is with a row than without it. So the
procedure is run many times on two tables that differ by one row. Some runs choose the question
that tells the tables apart best; the others answer it. A procedure that keeps its promise cannot be
found out. One that is not found out may still break it: see the limits of
`epsilon_at_least`.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from synthtab.evaluation.intervals import proportion
from synthtab.sharing.workplace import PRIVATE, RELEASE


class Finding(NamedTuple):
    """What an audit has found: epsilon is at least so much, by the answers to a question."""

    epsilon: float
    question: str


def seen(status: int, folder: Path) -> dict[str, float]:
    """What somebody outside sees of one run of `synthtab share`, as numbers.

    The exit status, which files there are, what the texts beside the table and the model's form
    say, and of the synthetic table the number of rows and, by column, shares of values and of gaps,
    decimals, mean and quantiles. All else in ``private/`` stays with the owner.
    """
    found: dict[str, float] = {"exit status": status}
    if not folder.exists():
        return found
    released = folder / RELEASE
    texts = [path for path in released.iterdir() if path.suffix == ".txt"]
    for path in (*texts, folder / PRIVATE / "model" / "form.json"):
        if path.exists():
            found[f"text of {path.name}"] = zlib.crc32(path.read_bytes())
    for path in sorted([*folder.iterdir(), *released.iterdir()]):
        found[f"file {path.name}"] = 1.0
        if path.suffix == ".csv":
            found |= _of_table(pd.read_csv(path, dtype=str, keep_default_na=False))
    return found


def _of_table(table: pd.DataFrame) -> dict[str, float]:
    found: dict[str, float] = {"rows": len(table)}
    for name, cells in table.items():
        numbers = pd.to_numeric(cells, errors="coerce")
        found[f"{name}: gaps"] = float((cells == "").mean())
        if numbers.notna().any():
            found[f"{name}: decimals"] = cells.str.partition(".")[2].str.len().max()
            found |= {f"{name}: {k}": v for k, v in numbers.describe().items() if k != "count"}
        else:
            shares = cells.value_counts(normalize=True)
            found |= {f"{name}: share of {value}": share for value, share in shares.items()}
    return found


def epsilon_at_least(
    first: pd.DataFrame, second: pd.DataFrame, *, n_choosing: int, delta: float
) -> Finding:
    """Least epsilon that explains how well two tables are told apart.

    Parameters
    ----------
    first, second : DataFrame of shape (n_runs, n_questions)
        What was seen in runs on one table and on the other; what was not seen in a run is 0.
    n_choosing : int
        So many runs of each choose a question and a threshold; the others answer it.
    delta : float
        That of the guarantee.

    Notes
    -----
    If n runs answer, the bound holds with a probability of 95 % and is at most about
    log(n / 3.7): to find more takes more runs.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> a, b = (pd.DataFrame({"x": rng.normal(size=200)}) for _ in range(2))
    >>> epsilon_at_least(a, b, n_choosing=50, delta=0.0).epsilon
    0.0
    >>> epsilon_at_least(a, b + 9, n_choosing=50, delta=0.0).epsilon > 3
    True
    """
    names = first.columns.union(second.columns)
    ones, others = (t.reindex(columns=names).fillna(0.0).to_numpy(float) for t in (first, second))
    best = (-1.0, 0.0, 0, 0.0, 1.0)
    for j in range(len(names)):
        a, b = ones[:n_choosing, j], others[:n_choosing, j]
        values = np.unique(np.concatenate([a, b]))
        clear = abs(a.mean() - b.mean()) / (a.std() + b.std() + 1e-12)  # where shares are equal
        for cut in (values[1:] + values[:-1]) / 2:
            gap = (a > cut).mean() - (b > cut).mean()
            best = max(best, (abs(gap), clear, j, cut, np.sign(gap)))
    _, _, j, cut, sign = best
    answers = [t[n_choosing:, j] > cut for t in (ones, others)]
    many, few = answers if sign >= 0 else answers[::-1]
    least = proportion(int(many.sum()), len(many), method="exact").low
    most = proportion(int(few.sum()), len(few), method="exact").high
    ratio = (least - delta) / most
    where = f"{names[j]} above {cut:.6g}, in {int(many.sum())} and in {int(few.sum())} runs"
    return Finding(float(np.log(ratio)) if ratio > 1 else 0.0, where)
