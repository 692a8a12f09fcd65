"""Judging a synthetic table that any tool has made, beside the real one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthtab.sharing.assessment import (
    JUDGED_ROWS,
    MIN_ROWS,
    REAL,
    SYNTHETIC,
    Assessment,
    held_out_fidelity,
    held_out_utility,
    judge_privacy,
    versions,
)
from synthtab.sharing.card_page import write_card
from synthtab.sharing.columns import TablePlan, check_plan, infer_plan, read_schema
from synthtab.sharing.form import TableForm, typed, with_target
from synthtab.sharing.source import Source, TableError, read_source
from synthtab.sharing.ties import Tally, with_relations
from synthtab.sharing.workplace import new_folder
from synthtab.table.split import PrivacySplit

_TEST_SHARE = 0.2
_MAX_SEEN = 0.05  # of the unseen rows are rows of the real table, beyond chance


def evaluate(
    real: str | Path,
    synthetic: str | Path,
    *,
    target: str,
    unseen: str | Path | None = None,
    schema: str | Path | None = None,
    drop: Sequence[str] = (),
    kinds: Mapping[str, Mapping[str, Any]] | None = None,
    drop_identifiers: bool = False,
    drop_rows_without_target: bool = False,
    reading: Mapping[str, Any] | None = None,
    random_state: int = 0,
) -> Assessment:
    """Judge a synthetic table.

    Parameters
    ----------
    real : str or Path
        The table that the synthetic one was made from.
    synthetic : str or Path
        The synthetic table, with the same columns in any order.
    target : str
        Column that others are to predict.
    unseen : str, Path or None, default=None
        Real rows that the synthetic table was *not* made from. They test the learners, and without
        them nothing can be said of privacy.
    schema, drop, kinds, drop_identifiers, drop_rows_without_target, reading
        As for `synthtab.sharing.share`.
    random_state : int, default=0
        Seed of splits, learners and attacks.

    Raises
    ------
    TableError
        If a file, or a column of one, cannot be worked with.
    """
    how = reading or {}
    source = read_source(real, **how)
    plan = read_schema(
        source, target, schema, kinds=kinds, drop=drop, drop_identifiers=drop_identifiers
    )
    check_plan(plan, source.path)
    others = {"synthetic": read_source(synthetic, **how)}
    if unseen is not None:
        others["unseen"] = read_source(unseen, **how)
    _check_columns(plan, others)
    _check_rows([source, *others.values()])
    frames = {REAL: typed(source, plan)}
    for name, other in others.items():
        frames[name] = typed(other, _as_written(plan, other))
    if drop_rows_without_target:
        frames = {name: with_target(frame, target, source) for name, frame in frames.items()}
    plan = with_relations(plan, frames[REAL])
    # A category that only one of the tables has is no error here, but a finding.
    form = TableForm.fit(pd.concat(frames.values(), ignore_index=True), source, plan)
    tables = {name: form.prepare(frame) for name, frame in frames.items()}
    rng = np.random.default_rng(random_state)
    made = _some(tables[SYNTHETIC], JUDGED_ROWS, rng)
    notes = []
    if unseen is None:
        order = rng.permutation(len(tables[REAL]))
        n_test = round(_TEST_SHARE * len(order))
        test, train = (
            tables[REAL].iloc[part].reset_index(drop=True)
            for part in (order[:n_test], order[n_test:])
        )
        where = (
            f"{n_test:,} rows of {Path(real).name}, which the learners on real rows have not seen; "
            "whether the generator has is not known, and if it has, the synthetic score flatters"
        )
        private = None
        notes.append("Without --unseen there is no verdict on privacy.")
    else:
        train, test = tables[REAL], tables["unseen"]
        _check_unseen(train, test, Path(real).name, Path(unseen).name)
        where = f"the {len(test):,} rows of {Path(unseen).name}"
        n_reference = max(40, len(test) // 3)
        order = rng.permutation(len(test))
        holdout, reference = test.iloc[order[n_reference:]], test.iloc[order[:n_reference]]
        split = PrivacySplit(train, holdout, reference, form.schema)
        private = judge_privacy(split, made, random_state=random_state)
    tally = Tally(list(plan.relations or ()), frames[REAL], tuple(plan.relations or ()))
    tally.add(frames[SYNTHETIC])
    if test[target].nunique() < 2:
        raise TableError(
            f"the target {target!r} has one value in all rows that learners are tested on; give "
            "more rows, or another target"
        )
    if len(made) < len(tables[SYNTHETIC]):
        notes.append(f"Judged on {len(made):,} of {len(tables[SYNTHETIC]):,} synthetic rows.")
    return Assessment(
        settings={
            "file": Path(synthetic).name,
            "target": target,
            "real file": Path(real).name,
            "real rows": len(tables[REAL]),
            "synthetic rows": len(tables[SYNTHETIC]),
            "unseen rows": len(tables["unseen"]) if unseen is not None else None,
            "test rows": where,
            "dropped columns": [c.name for c in plan.columns if c.kind == "drop"],
            "seed": random_state,
            "versions": versions(),
        },
        utility=held_out_utility(
            {REAL: train, SYNTHETIC: made}, test, form.schema, random_state=random_state
        ),
        fidelity=held_out_fidelity(
            test, made, _some(train, JUDGED_ROWS, rng), form.schema, random_state=random_state
        ),
        privacy=private,
        real=_some(test, JUDGED_ROWS, rng),
        synthetic=made,
        training=_some(train, JUDGED_ROWS, rng),
        units=form.units,
        schema=form.schema,
        plan=plan,
        released=None,
        notes=tuple(notes),
        relations=tally.rows(),
    )


def _check_columns(plan: TablePlan, others: dict[str, Source]) -> None:
    problems = [
        f"{other.path}: columns {missing} are missing; it has {[str(c) for c in other.cells]}. "
        "Rename them, or leave them out of both with --drop"
        for other in others.values()
        if (missing := [c.name for c in plan.learnt if c.name not in other.cells])
    ]
    if problems:
        raise TableError("; ".join(problems))


def _as_written(plan: TablePlan, other: Source) -> TablePlan:
    """The plan, with dates, units and decimal marks as the other file writes them."""
    found = {c.name: c for c in infer_plan(other, plan.target).columns}
    columns = []
    for column in plan.columns:
        written = found.get(column.name)
        columns.append(written if written and written.kind == column.kind else column)
    return TablePlan(tuple(columns), plan.target)


def _check_rows(sources: Iterable[Source]) -> None:
    problems = [
        f"{source.path} has {len(source.cells)} data rows; at least {MIN_ROWS} are needed"
        for source in sources
        if len(source.cells) < MIN_ROWS
    ]
    if problems:
        raise TableError("; ".join(problems))


def _check_unseen(real: pd.DataFrame, unseen: pd.DataFrame, name: str, other: str) -> None:
    """Refuse rows that are said to be unseen and are not.

    Coarse rows agree by chance, about as often as rows of one table do with each other.
    """
    key = pd.util.hash_pandas_object(real, index=False)
    found = pd.util.hash_pandas_object(unseen, index=False).isin(key)
    chance = float(key.duplicated(keep=False).mean())
    scatter = math.sqrt(chance * (1 - chance) * (1 / len(real) + 1 / len(unseen)))
    if found.mean() > chance + max(_MAX_SEEN, 4 * scatter):
        raise TableError(
            f"{int(found.sum()):,} of {len(found):,} rows of {other} (--unseen) are rows of "
            f"{name}, more than chance makes: rows that the synthetic table was made from say "
            "nothing of privacy; give rows that were kept from it"
        )


def _some(frame: pd.DataFrame, n_rows: int, rng: np.random.Generator) -> pd.DataFrame:
    chosen = np.sort(rng.permutation(len(frame))[:n_rows])
    return frame.iloc[chosen].reset_index(drop=True)


def write_evaluation(assessment: Assessment, out: Path) -> None:
    """Write the report card and the record into a new folder, both or nothing.

    Raises
    ------
    TableError
        If there is something in it.
    """
    with new_folder(out) as folder:
        write_card(assessment, folder)
