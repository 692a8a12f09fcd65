"""From a sensitive table to a synthetic one that may leave the building, or may not.

The steps: read the table and say what its columns are; hold rows out; train on the others; draw;
judge what was drawn on the held-out rows; release it, or keep it back. Everything is made in a
folder of another name, which takes its own at the end.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.base import clone

from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.dp.budget import Privacy
from synthtab.sharing.assessment import (
    JUDGED_ROWS,
    MIN_ROWS,
    REAL,
    SYNTHETIC,
    Assessment,
    held_out_fidelity,
    held_out_utility,
    hold_out,
    judge_privacy,
    versions,
)
from synthtab.sharing.bundle import drawn_rows, save_bundle
from synthtab.sharing.card_page import card_template, write_card
from synthtab.sharing.columns import TablePlan, check_plan, plan_text, read_schema
from synthtab.sharing.few import without_few
from synthtab.sharing.form import TableForm, typed
from synthtab.sharing.source import TableError, read_source
from synthtab.sharing.writer import row_writer
from synthtab.table.schema import Schema
from synthtab.table.split import PrivacySplit

Write = Callable[[str], Any]

PRIVATE = "private"
_MIN_COUNT = 5
_MIN_STEPS = 50
_TRIAL_STEPS = 20


@dataclass(frozen=True)
class Shared:
    """What `share` has made.

    Attributes
    ----------
    folder : Path
        With the report card, the record and, in ``private/``, the model and the schema.
    table : Path or None
        The synthetic table in it; None if it was kept back.
    assessment : Assessment
        What the report card shows.
    """

    folder: Path
    table: Path | None
    assessment: Assessment


def share(
    path: str | Path,
    *,
    target: str,
    out: str | Path,
    schema: str | Path | None = None,
    drop: Sequence[str] = (),
    min_count: int | None = None,
    n_rows: int | None = None,
    epsilon: float | None = None,
    n_iter: int | Literal["auto"] = "auto",
    time_budget: float | None = None,
    release_anyway: bool = False,
    n_draws: int = 3,
    n_fits: int = 1,
    random_state: int = 0,
    progress: bool = False,
    write: Write | None = None,
) -> Shared:
    """Make a synthetic table from a file, judge it, and release it or keep it back.

    Parameters
    ----------
    path : str or Path
        CSV, Parquet or XLSX with at least 250 rows: see `synthtab.sharing.source.read_source`.
    target : str
        Column that others are to predict.
    out : str or Path
        Folder to make; it may exist if it is empty.
    schema : str, Path or None, default=None
        YAML file that corrects what the columns are taken for.
    drop : sequence of str, default=()
        Columns to leave out: identifiers, free text, constants.
    min_count : int or None, default=None
        Rows that have to hold a category, a number that stands out, or an end of a column; what
        fewer hold is not learnt (see `synthtab.sharing.few.without_few`). None is 5, and 1 under a
        guarantee, which covers rare values by itself.
    n_rows : int or None, default=None
        Synthetic rows; None draws as many as the file has.
    epsilon : float or None, default=None
        Budget of differential privacy. Every number then needs bounds or levels in `schema`, and
        the category lists have to be public.
    n_iter : int or "auto", default="auto"
        Training steps.
    time_budget : float or None, default=None
        Seconds that training may take, roughly: a few steps are timed, and as many are made as fit,
        at most those of `n_iter`. The record holds their number, with which the run repeats.
    release_anyway : bool, default=False
        Release whatever the privacy rules say. The report card then says so.
    n_draws : int, default=3
        Tables drawn from each model and judged; the first of the first model is the one released.
        None of them may fail, so that no seed decides.
    n_fits : int, default=1
        Models trained on the same rows with other seeds, each of them judged like the first.
    random_state : int, default=0
        Seed of everything.
    progress : bool, default=False
        Whether to show a bar with the time left while training.
    write : callable or None, default=None
        Receives what is going on, as text.

    Raises
    ------
    TableError
        If the file, a column or a wish cannot be worked with. Nothing is written then.

    Notes
    -----
    A release is stopped by any row of the report card that fails, and by controls that misbehave:
    see `PrivacyJudgement.may_release`.
    """
    write = write or (lambda text: None)
    out = Path(out)
    if min_count is None:
        min_count = _MIN_COUNT if epsilon is None else 1
    card_template()  # what it needs may be missing, which is to be told before the training
    _check_out(out)
    _check_wishes(min_count, n_rows, epsilon, time_budget, has_schema=schema is not None)
    if n_draws < 1 or n_fits < 1 or (n_fits > 1 and epsilon is not None):
        raise TableError(
            f"n_draws={n_draws}, --fits {n_fits}: give 1 or more of each, and 1 with --epsilon, "
            "whose budget every fit would spend again"
        )
    source = read_source(path)
    plan = read_schema(source, target, schema).drop(drop)
    write(plan_text(plan))
    check_plan(plan, source.path)
    if len(source.cells) < MIN_ROWS:
        raise TableError(
            f"{path} has {len(source.cells)} data rows; at least {MIN_ROWS} are needed, or neither "
            "the use nor the privacy of the result can be judged"
        )
    frame = typed(source, plan)
    form = TableForm.fit(frame, source, plan, min_count=min_count)
    if epsilon is not None:
        form = with_public_fillers(form, plan)
    rng = np.random.default_rng(random_state)
    parts = hold_out(len(frame), rng)
    model = _model(form, plan, len(parts.train), epsilon, n_iter)
    del source  # its cells take more room than the rest together
    fill_seed, fit_seed, draw_seed, judge_seed = (int(s) for s in rng.integers(2**31, size=4))
    # With a guarantee, no gap may be filled from other rows.
    prepared = form.prepare(frame, random_state=None if epsilon is not None else fill_seed)
    known = form.schema
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-partial-", dir=out.parent) as staging:
        folder = Path(staging) / "finished"
        (folder / PRIVATE).mkdir(parents=True)
        began = time.monotonic()
        train = without_few(
            prepared.iloc[parts.train].reset_index(drop=True),
            known,
            min_count=min_count,
            flags=form.flags,
            random_state=fill_seed,
        )
        if time_budget is not None:
            model.set_params(n_iter=_steps_within(time_budget, model, train, known))
        write(f"training on {len(train):,} of {len(frame):,} rows\n")
        # A guarantee holds for those who do not know the seed, and the card tells the seed.
        model.set_params(random_state=fit_seed if epsilon is None else None, progress=progress)
        model.fit(train, known)
        trained = time.monotonic()
        save_bundle(model, form, folder / PRIVATE / "model")
        (folder / PRIVATE / "schema.yaml").write_text(plan_text(plan), encoding="utf-8")
        n_drawn = len(frame) if n_rows is None else n_rows
        write(f"drawing {n_drawn:,} rows\n")
        table = folder / f"synthetic.{form.format}"
        synthetic = _draw(model, form, n_drawn, table, draw_seed)
        drawn = time.monotonic()
        write("judging them on the rows held out\n")
        settled = form.prepare(frame)
        real, holdout, reference = (settled.iloc[p].reset_index(drop=True) for p in parts)
        test = pd.concat([holdout, reference], ignore_index=True)
        utility = held_out_utility(
            {REAL: real, SYNTHETIC: synthetic}, test, known, random_state=judge_seed
        )
        like = held_out_fidelity(test, synthetic, known, random_state=judge_seed)
        split = PrivacySplit(real, holdout, reference, known)
        others = _others(model, form, train, len(synthetic), n_draws, n_fits, judge_seed)
        judged = judge_privacy(split, synthetic, *others, random_state=judge_seed)
        released = judged.may_release or release_anyway
        if not released:
            table.unlink()
        assessment = Assessment(
            settings={
                "file": Path(path).name,
                "target": target,
                "rows": len(frame),
                "training rows": len(parts.train),
                "held-out rows": len(parts.holdout) + len(parts.reference),
                "synthetic rows": n_drawn,
                "dropped columns": [c.name for c in plan.columns if c.kind == "drop"],
                "min count": min_count,
                "suppressed values": dict(form.n_suppressed),
                "epsilon": epsilon,
                "guarantee": str(model.guarantee_) if epsilon is not None else None,
                # A private fit keeps no curve: its losses are not covered by the guarantee.
                "training steps": len(model.loss_curve_) or None,
                "release anyway": release_anyway,
                "draws judged": n_draws * n_fits,
                "models judged": n_fits,
                "seed": random_state,
                "seconds": {
                    "training": round(trained - began, 1),
                    "drawing": round(drawn - trained, 1),
                    "judging": round(time.monotonic() - drawn, 1),
                },
                "versions": versions(),
            },
            utility=utility,
            fidelity=like,
            privacy=judged,
            real=test.head(JUDGED_ROWS),
            synthetic=synthetic,
            schema=known,
            plan=plan,
            released=released,
            notes=_notes(form, n_drawn, len(synthetic), epsilon, min_count),
        )
        write_card(assessment, folder)
        if out.exists():
            out.rmdir()  # empty, as it was when we looked; if it is not, this fails
        folder.rename(out)
    return Shared(out, out / table.name if released else None, assessment)


def _others(
    model: HybridDiffusion,
    form: TableForm,
    train: pd.DataFrame,
    n_rows: int,
    n_draws: int,
    n_fits: int,
    seed: int,
) -> list[pd.DataFrame]:
    """Further draws of the model, and draws of models trained on the same rows with other seeds."""
    rng = np.random.default_rng(seed)
    fits = [model]
    for _ in range(n_fits - 1):
        again: HybridDiffusion = clone(model)
        seed_of_fit = None if model.random_state is None else int(rng.integers(2**31))
        fits.append(again.set_params(random_state=seed_of_fit).fit(train, model.schema_))
    return [
        pd.concat(drawn_rows(fit, form, n_rows, random_state=rng), ignore_index=True)
        for k, fit in enumerate(fits)
        for _ in range(n_draws - (k == 0))
    ]


def with_public_fillers(form: TableForm, plan: TablePlan) -> TableForm:
    """The form with gaps filled by what is public, rather than by a median of the rows."""
    fillers = {}
    for column in plan.kept:
        if column.name in form.fillers:
            ends = _in_units(column.bounds or column.levels or (0.0, 0.0), form, column.name)
            fillers[column.name] = float(ends[0])
    return replace(form, fillers=fillers)


def _draw(
    model: HybridDiffusion, form: TableForm, n_rows: int, path: Path, seed: int
) -> pd.DataFrame:
    """Write the rows; return the first of them as the model drew them."""
    kept: list[pd.DataFrame] = []
    with row_writer(path, form) as writer:
        for block in drawn_rows(model, form, n_rows, random_state=seed):
            if sum(map(len, kept)) < JUDGED_ROWS:
                kept.append(block)
            writer.write(form.restore(block))
    first: pd.DataFrame = pd.concat(kept, ignore_index=True)
    return first.head(JUDGED_ROWS)


def _model(
    form: TableForm,
    plan: TablePlan,
    n_rows: int,
    epsilon: float | None,
    n_iter: int | Literal["auto"],
) -> HybridDiffusion:
    if epsilon is None:
        return HybridDiffusion(n_iter=n_iter)
    digits = 1 - len(str(n_rows))
    columns = {c.name: c for c in plan.kept}
    numerical = [name for name in form.schema.numerical if name in columns]
    privacy = Privacy(
        epsilon=epsilon,
        n_rows=round(n_rows, digits + 1),  # two digits: the exact number is not public
        bounds={
            name: _in_units(bounds, form, name)[:2]
            for name in numerical
            if (bounds := columns[name].bounds)
        },
        levels={name: levels for name in numerical if (levels := columns[name].levels)},
        decimals={
            name: decimals
            for name in numerical
            if (decimals := columns[name].decimals) is not None
            and not columns[name].levels
            and not form.is_whole[name]
        },
        public_categories=plan.public_categories,
    )
    try:
        privacy.check(form.schema)
    except ValueError as error:
        raise TableError(
            f"--epsilon: {error}. Give a schema.yaml to --schema in which every number has "
            "`bounds: [low, high]`, and `public_categories: true` if the categories are known to "
            "everybody; `synthtab info FILE --target COLUMN` prints one to start from"
        ) from error
    return HybridDiffusion(n_iter=n_iter, privacy=privacy)


def _in_units(numbers: Sequence[float], form: TableForm, name: str) -> Any:
    """Public numbers of a column in the unit that is learnt; dates are given in days."""
    factor = 86_400 / form.units[name] if name in form.units else 1
    return tuple(number * factor for number in numbers)


class _Enough(Exception):
    """Ends a fit that was only to be timed."""


def _steps_within(
    seconds: float, model: HybridDiffusion, train: pd.DataFrame, schema: Schema
) -> int:
    """As many of a model's steps as fit into a time, by timing the first ones."""
    times: list[float] = []
    wanted = 0

    def note(step: int, n_iter: int, loss: float) -> None:
        nonlocal wanted
        times.append(time.monotonic())
        wanted = n_iter
        if step == _TRIAL_STEPS:
            raise _Enough

    trial: HybridDiffusion = clone(model).set_params(callback=note, random_state=0)
    began = time.monotonic()
    with contextlib.suppress(_Enough):
        trial.fit(train, schema)
    half = len(times) // 2  # the first steps warm caches up
    per_step = (times[-1] - times[half]) / max(len(times) - 1 - half, 1)
    # Encoding, and what was spent here, have to fit in as well.
    left = seconds - (times[0] - began) - (times[-1] - began)
    steps = min(wanted, int(left / per_step))
    if steps < min(_MIN_STEPS, wanted):
        raise TableError(
            f"--time-budget: {seconds:g} seconds allow {max(steps, 0)} training steps here, fewer "
            f"than {_MIN_STEPS}; give {seconds - left + _MIN_STEPS * per_step + 1:.0f} at least"
        )
    return steps


def _check_out(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise TableError(f"{out} exists and is not overwritten; remove it, or choose another --out")


def _check_wishes(
    min_count: int,
    n_rows: int | None,
    epsilon: float | None,
    time_budget: float | None,
    *,
    has_schema: bool,
) -> None:
    problems = []
    if min_count < 1:
        problems.append(f"--min-count {min_count}: give 1 or more")
    if n_rows is not None and n_rows < MIN_ROWS:
        problems.append(f"-n {n_rows}: fewer than {MIN_ROWS} rows cannot be judged; draw more")
    if time_budget is not None and not 0 < time_budget < float("inf"):
        problems.append(f"--time-budget {time_budget}: give a positive number of seconds")
    if epsilon is not None:
        if not 0 < epsilon < float("inf"):
            problems.append(f"--epsilon {epsilon}: give a positive number, such as 3")
        if not has_schema:
            problems.append(
                "--epsilon needs --schema: bounds of every number, known without the table; "
                "`synthtab info FILE --target COLUMN` prints a schema to start from"
            )
        if min_count > 1:
            problems.append(
                "--epsilon and --min-count do not go together: which values are rare is read off "
                "the rows, which is not covered by the guarantee; leave rare values out of the "
                "public lists instead"
            )
        if time_budget is not None:
            problems.append(
                "--epsilon and --time-budget do not go together: the noise depends on the number "
                "of steps, which must not depend on the rows"
            )
    if problems:
        raise TableError("; ".join(problems))


def _notes(
    form: TableForm, n_drawn: int, n_judged: int, epsilon: float | None, min_count: int
) -> tuple[str, ...]:
    notes = [
        "One table was judged, on the rows held out. Attacks on more rows and several trainings "
        "find more, so a pass is evidence and no proof."
    ]
    if n_judged < n_drawn:
        notes.append(
            f"Judged on the first {n_judged:,} of the {n_drawn:,} synthetic rows. An attacker who "
            "holds them all sees more."
        )
    if form.format in ("csv", "xlsx"):
        notes.append(
            "Text that a spreadsheet would run as a formula (=, +, - or @ at its start) has an "
            "apostrophe in front of it."
        )
    if epsilon is None:
        notes.append(
            f"A category, a number that stands out, and an end of a column are learnt if "
            f"{min_count} rows hold them (--min-count): what fewer hold is merged, spread or drawn "
            "from a smoothed end. Other numbers may agree with a real one by chance."
            if min_count > 1
            else "Every category value of the file may appear, and no number lies outside the "
            "range of its column: both ends of a range are some row's own. --min-count keeps rare "
            "values out."
        )
    else:
        notes.append(
            "The guarantee covers the synthetic table and the model. This card compares it with "
            "real rows, is not covered, and stays with its owner."
        )
    return tuple(notes)
