"""Sharing under differential privacy: whatever leaves is declared by the owner, or paid for.

What leaves is the folder `release`, with the synthetic table and the guarantee, and the exit
status; the model could. No fact of them is read off the rows: not the categories, not a gap, not
how many rows there are, and not whether the table may go out, which the guarantee alone decides.
Rows that are held out are chosen by a coin each, so that a row more or less moves no other. The
report card compares with real rows. It is for the owner, outside the guarantee, and nothing depends
on it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.dp.budget import Privacy
from synthtab.dp.fit import planned
from synthtab.sharing.assessment import (
    JUDGED_ROWS,
    MIN_ROWS,
    REAL,
    SYNTHETIC,
    Assessment,
    held_out_fidelity,
    held_out_utility,
    versions,
)
from synthtab.sharing.attempts import fingerprint
from synthtab.sharing.bundle import save_bundle
from synthtab.sharing.card_page import write_card
from synthtab.sharing.cells import DAY
from synthtab.sharing.declaration import Declaration, declared_rows, read_declaration
from synthtab.sharing.form import TableForm
from synthtab.sharing.ledger import enter, ledger_of
from synthtab.sharing.public import write_public
from synthtab.sharing.source import Source, TableError
from synthtab.sharing.workplace import PRIVATE, RELEASE, new_folder, write_private

HELD_OUT = 0.2
_FEWEST_JUDGED = 40


@dataclass(frozen=True)
class Order:
    """What is asked for, all of it public: see `synthtab.sharing.share.share`."""

    out: Path
    target: str
    schema: str | Path | None
    drop: Sequence[str]
    epsilon: float
    n_rows: int | None
    n_iter: int | Literal["auto"]
    card: bool
    ledger: str | Path | None
    max_epsilon: float | None
    random_state: int
    progress: bool


def make_privately(
    source: Source,
    order: Order,
    *,
    draw: Callable[..., pd.DataFrame],
    write: Callable[[str], Any],
) -> tuple[Path, Assessment | None]:
    """Make a folder with a synthetic table under differential privacy.

    Parameters
    ----------
    source : Source
        The table.
    order : Order
        What is asked for.
    draw : callable
        Draws from a model into a file: see `synthtab.sharing.share`.
    write : callable
        Receives what is going on, for the owner.

    Returns
    -------
    Path
        The synthetic table.
    Assessment or None
        What the owner's report card shows; None without one.

    Raises
    ------
    TableError
        If something is not declared, or cannot be worked with. Nothing is written then.
    """
    declaration = read_declaration(source, order.target, order.schema)
    plan = declaration.plan.drop(order.drop)
    if len(plan.kept) < 2:
        raise TableError("fewer than two columns are left; keep the target and one more")
    form = TableForm.declared(plan, source)
    model = _model(form, declaration, order)
    ledger = ledger_of(source.path) if order.ledger is None else Path(order.ledger)
    rows, done = declared_rows(source, form)
    for what, n in done.items():
        write(f"for you alone: {what}: {n:,} of {len(source.cells):,} rows\n")
    if not len(rows):
        raise TableError(f"{source.path}: no row is as declared; see above")
    # The coins and the noise are nobody's to repeat: the seed that was given is no secret.
    held_out = np.random.default_rng().random(len(rows)) < (HELD_OUT if order.card else 0)
    if held_out.all():
        held_out[:] = False
    train = rows[~held_out].reset_index(drop=True)
    draw_seed, judge_seed = (
        int(s) for s in np.random.default_rng(order.random_state).integers(2**31, size=2)
    )
    out = order.out
    with new_folder(out) as folder:
        (folder / PRIVATE).mkdir(mode=0o700)
        (folder / RELEASE).mkdir()
        assert model.privacy is not None
        plan_of_fit = planned(form.schema, model.privacy, n_iter=order.n_iter)
        spent = enter(
            ledger, plan_of_fit, out, rows=fingerprint(source.cells), most=order.max_epsilon
        )
        if spent.again:
            write(f"for you alone: these very rows were shared before, as {list(spent.again)}\n")
        write(f"training on {len(train):,} of {len(rows):,} rows\n")
        began = time.monotonic()
        model.set_params(random_state=None, progress=order.progress).fit(train, form.schema)
        trained = time.monotonic()
        guarantee = model.guarantee_
        assert guarantee is not None  # for privacy was asked for
        assert guarantee.mechanisms == plan_of_fit.mechanisms  # that the ledger has noted
        write(
            f"spent: epsilon = {guarantee.epsilon:.3g} by this run, {spent.epsilon:.3g} by all in "
            f"{ledger}, at delta = {guarantee.delta:.2g}\n"
        )
        save_bundle(model, form, folder / PRIVATE / "model")
        write_private(folder / PRIVATE / "schema.yaml", declaration.text)
        write_public(folder / RELEASE, None, guarantee=f"{guarantee}\n{spent}\n")
        n_drawn = declaration.n_rows if order.n_rows is None else order.n_rows
        write(f"drawing {n_drawn:,} rows\n")
        table = folder / RELEASE / f"synthetic.{form.format}"
        synthetic = draw(model, form, n_drawn, table, draw_seed)
        assessment = None
        test = rows[held_out].reset_index(drop=True)
        if order.card and min(len(test), len(train)) >= _FEWEST_JUDGED:
            settings = {
                "file": source.path.name,
                "target": order.target,
                "rows": len(source.cells),
                "training rows": len(train),
                "held-out rows": len(test),
                "synthetic rows": n_drawn,
                "dropped columns": [c.name for c in plan.columns if c.kind == "drop"],
                "not as declared": done,
                "epsilon": order.epsilon,
                "epsilon of all runs in the ledger": f"{spent.epsilon:.3g}",
                "guarantee": str(guarantee),
                "training steps": guarantee.n_steps,
                "seed": order.random_state,
                "seconds": {"training": round(trained - began, 1)},
                "versions": versions(),
            }
            # Whether rows can be compared depends on them, and the exit status is seen by others.
            try:
                assessment = _judged(train, test, synthetic, form, judge_seed, plan, settings)
                write_card(assessment, folder / PRIVATE)
            except Exception as error:
                write(f"for you alone: no report card could be made: {error}\n")
        elif order.card:
            write("for you alone: too few rows for a report card\n")
    return out / RELEASE / table.name, assessment


def _model(form: TableForm, declaration: Declaration, order: Order) -> HybridDiffusion:
    """The model, with what is declared as public."""
    share = 1 - HELD_OUT if order.card else 1.0
    columns = {c.name: c for c in form.columns}
    numbers = {n: columns[n] for n in form.schema.numerical}
    problems = []
    if declaration.n_rows < MIN_ROWS:
        problems.append(f"rows: {declaration.n_rows}: a guarantee for few rows leaves nothing")
    try:
        privacy = Privacy(
            epsilon=order.epsilon,
            n_rows=round(share * declaration.n_rows),
            bounds={n: _bounds(c.bounds, form, n) for n, c in numbers.items() if c.bounds},
            levels={n: c.levels for n, c in numbers.items() if c.levels},
            decimals={n: c.decimals for n, c in numbers.items() if c.decimals and not c.levels},
            public_categories=True,
        )
        privacy.check(form.schema)
    except ValueError as error:
        problems.append(str(error))
    if problems:
        raise TableError(f"{order.schema}: {'; '.join(problems)}")
    return HybridDiffusion(n_iter=order.n_iter, privacy=privacy)


def _bounds(bounds: tuple[float, float], form: TableForm, name: str) -> tuple[float, float]:
    """Bounds in the unit that is learnt; those of dates are declared in days."""
    factor = DAY / form.units[name] if name in form.units else 1
    return bounds[0] * factor, bounds[1] * factor


def _judged(
    train: pd.DataFrame,
    test: pd.DataFrame,
    synthetic: pd.DataFrame,
    form: TableForm,
    seed: int,
    plan: Any,
    settings: dict[str, Any],
) -> Assessment:
    """Use and likeness of the table, on the rows held out: for the owner."""
    known = form.schema
    return Assessment(
        settings=settings,
        utility=held_out_utility(
            {REAL: train, SYNTHETIC: synthetic}, test, known, random_state=seed
        ),
        fidelity=held_out_fidelity(test, synthetic, train, known, random_state=seed),
        privacy=None,
        real=test.head(JUDGED_ROWS),
        synthetic=synthetic,
        training=train.head(JUDGED_ROWS),
        schema=known,
        plan=plan,
        released=True,
        notes=(
            "This page is for the owner alone, outside the guarantee: it compares with real rows. "
            "Nothing that left depends on it, and no decision about a release should.",
        ),
    )
