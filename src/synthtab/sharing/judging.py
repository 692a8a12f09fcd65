"""Judging a synthetic table within a time, and saying what was left out to keep to it.

Every part of the judgement is timed on few rows first, unless it is certain to be quick, and then
done on as many as fit. Of a column with very many values the frequent ones are told apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from tqdm import tqdm

from synthtab.sharing.assessment import (
    JUDGED_ROWS,
    MAX_LOOKED_UP,
    REAL,
    SYNTHETIC,
    PrivacyJudgement,
    held_out_fidelity,
    held_out_utility,
    judge_privacy,
)
from synthtab.table.schema import Schema
from synthtab.table.split import PrivacySplit

_LEVELS, _CLASSES = 60, 12  # that are told apart: values of a column, classes of the target
_COLUMNS = 100
_FEW = 200  # rows that each part is timed on
_QUICK = 12_000  # cells that learners take no time for worth a thought
_MAX_TEST = 10_000  # rows; more make no interval narrower that matters
_LEARNING, _LIKENESS = 0.5, 0.25  # of the time that is left, when it is their turn


class Judged(NamedTuple):
    """What `judge_in_time` finds; `notes` say on what it rests."""

    utility: pd.DataFrame
    fidelity: pd.DataFrame
    privacy: PrivacyJudgement
    notes: tuple[str, ...]


def judge_in_time(
    split: PrivacySplit,
    synthetic: pd.DataFrame,
    *others: pd.DataFrame,
    seconds: float,
    random_state: int,
    progress: bool = False,
) -> Judged:
    """Judge use, likeness and privacy within about `seconds`.

    `others` are further draws, of which none may give anybody away. The time cannot be kept where
    few rows take longer. With `progress` a bar is shown.
    """
    until = time.monotonic() + seconds
    split, drawn, notes = _simplified(split, [synthetic, *others])
    synthetic = drawn[0]
    schema = split.schema
    real, holdout, reference = split.train, split.holdout, split.reference
    n_asked = min(len(real), len(holdout))
    test = pd.concat([holdout, reference], ignore_index=True)
    rng = np.random.default_rng(random_state)
    n_cells = len(schema.columns) * (1 + len(schema.categorical.get(schema.target, ())))
    bar = tqdm(total=3, desc="judging: use", disable=not progress, unit="part")

    def some(frame: pd.DataFrame, n: int) -> pd.DataFrame:
        if n >= len(frame):
            return frame
        return frame.iloc[np.sort(rng.permutation(len(frame))[:n])].reset_index(drop=True)

    n_test = min(len(test), _MAX_TEST)

    def use(n: int) -> pd.DataFrame:
        tables = {REAL: some(real, n), SYNTHETIC: some(synthetic, n)}
        return held_out_utility(
            tables, some(test, min(n_test, max(n, 5 * _FEW))), schema, random_state=random_state
        )

    def likeness(n: int) -> pd.DataFrame:
        return held_out_fidelity(
            some(test, n), some(synthetic, n), some(real, n), schema, random_state=random_state
        )

    def privacy(n: int) -> PrivacyJudgement:
        learnt = some(real, max(n, 2 * _FEW)) if n < n_asked else real
        part = PrivacySplit(learnt, some(holdout, n), some(reference, n), schema)
        tables = [some(table, max(n, 2 * _FEW)) for table in drawn]
        return judge_privacy(part, *tables, whole=(split, drawn), random_state=random_state)

    def fitting(
        work: Callable[[int], Any], n: int, share: float, power: float, what: str, *, quick: bool
    ) -> Any:
        left = share * (until - time.monotonic())
        if quick or n <= _FEW:
            return work(n)
        began = time.monotonic()
        found = work(_FEW)
        took = time.monotonic() - began
        n_fit = int(_FEW * (max(left - took, 0.0) / took) ** (1 / power))
        if n_fit >= n:
            return work(n)
        notes.append(f"{what} on {max(n_fit, _FEW):,} of {n:,} rows, for want of time.")
        return found if n_fit <= _FEW else work(n_fit)

    n_learnt = min(max(len(real), len(synthetic)), JUDGED_ROWS)
    is_quick = n_cells * n_learnt < _QUICK
    utility = fitting(use, n_learnt, _LEARNING, 1.0, "Learners were trained", quick=is_quick)
    bar.update()
    bar.set_description("judging: likeness")
    n_alike = min(len(test), len(synthetic), JUDGED_ROWS)
    is_quick = len(schema.columns) * n_alike < _QUICK
    like = fitting(likeness, n_alike, _LIKENESS / (1 - _LEARNING), 1.1, "Likeness was measured",
                   quick=is_quick)  # fmt: skip
    bar.update()
    bar.set_description("judging: privacy")
    is_quick = len(schema.columns) * n_asked < _QUICK
    judged = fitting(privacy, n_asked, 1.0, 1.7, "The attacks were made", quick=is_quick)
    if len(real) > MAX_LOOKED_UP:
        notes.append(f"Looked up: {MAX_LOOKED_UP:,} of {len(real):,} training rows.")
    bar.update()
    bar.close()
    return Judged(utility, like, judged, tuple(notes))


def _simplified(
    split: PrivacySplit, drawn: Sequence[pd.DataFrame]
) -> tuple[PrivacySplit, list[pd.DataFrame], list[str]]:
    """The tables with the rare values of long lists taken as one, and of few columns."""
    schema = split.schema
    frames = {"train": split.train, "holdout": split.holdout, "reference": split.reference}
    frames |= {f"drawn {i}": table for i, table in enumerate(drawn)}
    notes = []
    if len(schema.columns) > _COLUMNS:
        rest = np.random.default_rng(0).permutation(schema.features)[: _COLUMNS - 1]
        columns = tuple(c for c in schema.columns if c == schema.target or c in set(rest))
        notes.append(
            f"Judged on the target and {_COLUMNS - 1} of {len(schema.features)} other columns, "
            "chosen at random."
        )
        categorical = {c: v for c, v in schema.categorical.items() if c in columns}
        schema = Schema(columns, categorical, schema.target)
        frames = {name: frame[list(columns)] for name, frame in frames.items()}
    merged: dict[str, Mapping[Any, Any]] = {}
    for column, known in schema.categorical.items():
        most = _CLASSES if column == schema.target else _LEVELS
        if len(known) > most:
            kept = set(frames["train"][column].value_counts().index[: most - 1])
            other = next(v for v in known if v not in kept)  # one of them stands for all
            merged[column] = {v: v if v in kept else other for v in known}
            notes.append(
                f"Of the {len(known):,} values of {column!r} the {most - 1} most frequent are "
                "told apart in the judgement, and the others taken as one."
            )
    if merged:
        frames = {
            name: frame.assign(**{c: frame[c].map(of).astype(object) for c, of in merged.items()})
            for name, frame in frames.items()
        }
        categorical = {
            c: tuple(dict.fromkeys(merged[c].values())) if c in merged else v
            for c, v in schema.categorical.items()
        }
        schema = Schema(schema.columns, categorical, schema.target)
    made = [frames.pop(f"drawn {i}") for i in range(len(drawn))]
    return PrivacySplit(**frames, schema=schema), made, notes
