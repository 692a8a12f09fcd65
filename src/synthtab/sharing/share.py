"""From a sensitive table to a synthetic one that may leave the building, or may not.

The steps: read the table and say what its columns are; hold rows out; train on the others; draw;
judge what was drawn on the held-out rows; release it, or keep it back. Everything is made in a
folder of another name, which takes its own at the end.
"""

from __future__ import annotations

import contextlib
import functools
import math
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any, Literal, ParamSpec

import numpy as np
import pandas as pd
from sklearn.base import clone
from tqdm import tqdm

from synthtab.attacks.shadow import Exposed, shadow_attack
from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.dp.budget import MOST_EPSILON
from synthtab.sharing.assessment import (
    JUDGED_ROWS,
    MIN_ROWS,
    Assessment,
    Parts,
    hold_out,
    versions,
)
from synthtab.sharing.attempts import count_attempt, fingerprint
from synthtab.sharing.bundle import drawn_rows, save_bundle
from synthtab.sharing.card_page import card_html, card_template, write_card
from synthtab.sharing.columns import check_plan, plan_text, read_schema, relations_text
from synthtab.sharing.few import Folded, WithoutFew, fold_few, without_few
from synthtab.sharing.form import TableForm, typed, with_target
from synthtab.sharing.judging import judge_in_time
from synthtab.sharing.public import write_public
from synthtab.sharing.relation_check import unenforced, without
from synthtab.sharing.source import TableError, frame_source, pandas_of, read_source
from synthtab.sharing.ties import Tally, Tied, with_relations, without_rare_relations
from synthtab.sharing.ways import FEWEST_STEPS, trying_ways
from synthtab.sharing.workplace import (
    PRIVATE,
    RELEASE,
    new_folder,
    refuse_small_disk,
    refuse_taken,
    write_private,
)
from synthtab.sharing.writer import row_writer
from synthtab.table.relations import Range
from synthtab.table.schema import Schema
from synthtab.table.split import PrivacySplit

Write = Callable[[str], Any]
_P = ParamSpec("_P")

_MIN_COUNT = 5
# Networks a column. A mean of three, as small tables are learnt otherwise, knows their rows better:
# of what was tried (benchmarks/exposure.py) one exposes them least at nearly the same use.
_N_MEMBERS = 1
_SHADOWS, _FEWEST_SHADOWS, _MAX_FOR_SHADOWS = 16, 6, 5000
_SLACK = 1.5  # of the time that models trained again are thought to take
_TRIAL_STEPS, _TRIAL_ROWS = 20, 1000
_JUDGING = 30  # seconds that judging may take beyond those of the training
_SHARE_OF_JUDGING = 0.4  # of a time budget, beside drawing
_MARGIN = 1.2  # by which a machine may be slower when a run is repeated
_GIVEN_SEED = (
    "The seed was given: whoever knows it and the rows can make this table again, and test what a "
    "row of it was. For a release, give none."
)
_SECRET_SEED = "The seed is the operating system's; it stands on this card alone, and stays here."
_ROOM = 5e6  # bytes of a model and a report card


@dataclass(frozen=True)
class Shared:
    """What `share` has made; a notebook shows the report card.

    Attributes
    ----------
    folder : Path or None
        With ``release/``, which may leave: the table, a card for whoever receives it, or with a
        guarantee ``guarantee.txt``, and ``README.txt``. A table that is kept back leaves none. And
        with ``private/``, for the owner: the report card, the record, the model and the schema.
        None where a DataFrame was shared without `out`.
    table : Path, DataFrame or None
        The synthetic table: a file in the folder, or a DataFrame where one was shared; None if it
        was kept back.
    assessment : Assessment or None
        What the report card shows; None if there is no card.
    """

    folder: Path | None
    table: Path | pd.DataFrame | None
    assessment: Assessment | None

    @property
    def verdict(self) -> str:
        """Whether the table may go out, in some words."""
        if self.assessment is None:
            return "released under a formal guarantee"
        return self.assessment.verdict

    @property
    def card(self) -> str | None:
        """The report card as an HTML page, for the owner's eyes; None if there is none."""
        return None if self.assessment is None else card_html(self.assessment)

    def _repr_html_(self) -> str:
        table = self.table
        shown = table.head().to_html() if isinstance(table, pd.DataFrame) else escape(str(table))
        page = f"<p><strong>{escape(self.verdict)}</strong></p>{shown}"
        if self.card is None:
            return page
        style = "width:100%;height:40em;border:1px solid #999"
        return f'{page}<iframe srcdoc="{escape(self.card)}" style="{style}"></iframe>'


def _without_folder(function: Callable[_P, Shared]) -> Callable[_P, Shared]:
    """Let a DataFrame be shared without a folder: all is made in one that is removed."""

    @functools.wraps(function)
    def sharing(*args: _P.args, **options: _P.kwargs) -> Shared:
        is_frame = bool(args) and isinstance(args[0], pd.DataFrame)
        if not is_frame or options.get("out") or options.get("epsilon"):
            return function(*args, **options)
        with tempfile.TemporaryDirectory() as home:
            options["out"] = Path(home) / "out"
            return replace(function(*args, **options), folder=None)

    return sharing


@_without_folder
@trying_ways
def share(
    table: str | Path | pd.DataFrame,
    /,
    *,
    target: str,
    out: str | Path | None = None,
    schema: str | Path | None = None,
    drop: Sequence[str] = (),
    kinds: Mapping[str, Mapping[str, Any]] | None = None,
    drop_identifiers: bool = False,
    drop_rows_without_target: bool = False,
    reading: Mapping[str, Any] | None = None,
    min_count: int | None = None,
    locale: str | None = None,
    n_rows: int | None = None,
    epsilon: float | None = None,
    n_iter: int | Literal["auto"] = "auto",
    time_budget: float | None = None,
    release_anyway: bool = False,
    n_draws: int = 3,
    n_fits: int = 1,
    n_shadows: int | None = None,
    card: bool = True,
    ledger: str | Path | None = None,
    max_epsilon: float | None = None,
    random_state: int | None = None,
    progress: bool = False,
    write: Write | None = None,
) -> Shared:
    """Make a synthetic table from a real one, judge it, and release it or keep it back.

    Parameters
    ----------
    table : str, Path or DataFrame
        A CSV, Parquet or XLSX file with at least 250 rows, or the folder of a Parquet data set: see
        `synthtab.sharing.source.read_source`; or such rows in a DataFrame.
    target : str
        Column that others are to predict.
    out : str, Path or None, default=None
        Folder to make; it may exist if it is empty. A DataFrame can be shared without one: nothing
        is then left but what is returned, and no model.
    schema : str, Path or None, default=None
        YAML file that corrects what the columns are taken for.
    drop : sequence of str, default=()
        Columns to leave out: identifiers, free text, constants.
    kinds : mapping or None, default=None
        By column, an entry as in `schema`, which it goes before: ``{"made": {"kind": "date"}}``.
    drop_identifiers, drop_rows_without_target : bool, default=False
        Leave out columns that are taken for identifiers, and rows whose target is missing.
    reading : mapping or None, default=None
        How the file is read: options of `synthtab.sharing.source.read_source`.
    min_count : int or None, default=None
        Rows that have to hold a category, a number that stands out, or an end of a column; what
        fewer hold is not learnt (see `synthtab.sharing.few.without_few`). None is 5, and 1 under a
        guarantee, which covers rare values by itself.
    locale : str or None, default=None
        Language and country of what is made up (``tr_TR``); None takes that of `schema`.
    n_rows : int or None, default=None
        Synthetic rows; None draws as many as the file has.
    epsilon : float or None, default=None
        Budget of differential privacy. `schema` is then a declaration of all that would otherwise
        be read off the rows: see `synthtab.sharing.declaration`. The table goes out whatever the
        card says.
    n_iter : int or "auto", default="auto"
        Training steps.
    time_budget : float or None, default=None
        Seconds that training, drawing and judging may take together, roughly: a few steps are
        timed, and as many are made as fit, at most those of `n_iter`. The record holds their
        number, with which the run repeats. None: judging takes as long as the training and 30
        seconds at most.
    release_anyway : bool, default=False
        Release whatever the privacy rules say. The report card then says so.
    n_draws : int, default=3
        Tables drawn from each model and judged; the first of the first model is the one released.
        None of them may fail, so that no seed decides.
    n_fits : int, default=1
        Models trained on the same rows with other seeds, each of them judged like the first.
    n_shadows : int or None, default=None
        Models trained again on halves of the training rows, for the card to say how exposed single
        rows are: an even number, 6 at least, or 0. They take as long as that many trainings. None
        is 16 for up to 5,000 rows, as far as `time_budget` leaves time for them after all else, and
        0 without one or where the table is kept back.
    card : bool, default=True
        With `epsilon`: whether to hold rows out, a fifth of them, and to judge on them, for the
        owner alone. Without it all rows are learnt.
    ledger : str, Path or None, default=None
        With `epsilon`: file that adds up what all runs spend, before they do; None is
        ``budget.jsonl`` in the folder of the table.
    max_epsilon : float or None, default=None
        With `epsilon`: what all runs in the ledger may spend together; more is refused before any
        of it is spent.
    random_state : int or None, default=None
        Seed of everything; with `epsilon`, not of the noise, which nobody can repeat. None takes
        one from the operating system, which stays in ``private/``: whoever knows the seed and all
        rows but one can test what the last one was.
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
    see `PrivacyJudgement.may_release`. Without `epsilon` one network a column is learnt
    (``HybridDiffusion(n_members=1)``), where a small table would have a mean of three: single rows
    are then less exposed. Where a table is kept back, ways out are tried within as much time as the
    training took and 30 seconds, or within what `time_budget` leaves: see `synthtab.sharing.ways`.
    """
    if out is None:
        raise TableError(
            "out: name a folder; only a DataFrame can be shared without one, and without `epsilon`"
        )
    started = time.monotonic()
    is_given = random_state is not None
    random_state = secrets.randbits(32) if random_state is None else random_state
    write = write or (lambda text: None)
    out = Path(out)
    if min_count is None:
        min_count = _MIN_COUNT if epsilon is None else 1
    card_template()  # what it needs may be missing, which is to be told before the training
    refuse_taken(out)
    _check_wishes(
        min_count,
        n_rows,
        epsilon,
        time_budget,
        random_state,
        only_private=ledger or max_epsilon or not card,
    )
    if n_shadows and (n_shadows < _FEWEST_SHADOWS or n_shadows % 2 or epsilon is not None):
        raise TableError(
            f"--shadow-models {n_shadows}: give 0 or an even number, {_FEWEST_SHADOWS} at least, "
            "and none with --epsilon, which bounds every attack"
        )
    if max_epsilon is not None and not max_epsilon > 0:
        raise TableError(f"--max-epsilon {max_epsilon}: give a positive number")
    if n_draws < 1 or n_fits < 1 or (n_fits > 1 and epsilon is not None):
        raise TableError(
            f"n_draws={n_draws}, --fits {n_fits}: give 1 or more of each, and 1 with --epsilon, "
            "whose budget every fit would spend again"
        )
    how = dict(reading or {})
    if epsilon is not None:
        if kinds or drop_identifiers or drop_rows_without_target or locale:
            raise TableError(
                "--epsilon takes what columns are from --schema alone: leave out --number, "
                "--category, --date, --drop-identifiers, --drop-rows-without-target and --locale"
            )
        # Whether the first row looks like the others depends on the rows.
        how["header"] = how.get("header") is not False
        how["max_rows"] = sys.maxsize  # which rows are drawn depends on how many there are
    if isinstance(table, pd.DataFrame):
        source = frame_source(table)
        if how and epsilon is None:
            raise TableError("`reading` is for files; make of the DataFrame what it is to say")
        if epsilon is not None and ledger is None:
            raise TableError("--ledger: name the file that adds up what is spent on this table")
    else:
        source = read_source(table, **how)
    if epsilon is not None:
        from synthtab.sharing.private import Order, make_privately  # needs opacus

        order = Order(
            out,
            target,
            schema,
            drop,
            epsilon,
            n_rows,
            n_iter,
            card,
            ledger,
            max_epsilon,
            random_state,
            progress,
        )
        path, card_of = make_privately(source, order, draw=_draw, write=write)
        return Shared(out, _as_given(path, table, None), card_of)
    plan = read_schema(
        source, target, schema, kinds=kinds, drop=drop, drop_identifiers=drop_identifiers
    )
    plan = replace(plan, locale=locale or plan.locale)
    write(plan_text(replace(plan, relations=None)))  # they follow, with their shares
    check_plan(plan, source.path)
    if len(source.cells) < MIN_ROWS:
        raise TableError(
            f"{source.path} has {len(source.cells)} data rows; at least {MIN_ROWS} are needed, or "
            "neither the use nor the privacy of the result can be judged"
        )
    frame = typed(source, plan)
    if drop_rows_without_target:
        frame = with_target(frame, target, source)
    rng = np.random.default_rng(random_state)
    as_read = frame
    frame, folded = fold_few(
        frame,
        [c.name for c in plan.learnt if c.kind == "category"],
        min_count=min_count,
        target=target,
        random_state=rng.spawn(1)[0],
    )
    plan = without_rare_relations(plan, as_read, folded, min_count=min_count)
    named = plan.relations is not None
    plan = with_relations(plan, frame)
    write(relations_text(plan))
    plan = without_rare_relations(plan, as_read, folded, min_count=min_count)
    del as_read
    broken = unenforced(plan.relations or (), frame)
    for warning in broken.values() if named else ():
        write(f"warning: {warning}\n")
    form = TableForm.fit(frame, source, plan, min_count=min_count)
    parts = hold_out(len(frame), rng)
    model = HybridDiffusion(n_iter=n_iter, n_members=_N_MEMBERS)
    source_path, n_bytes, rows_of = source.path, _size(table), fingerprint(source.cells)
    del source  # its cells take more room than the rest together
    fill_seed, fit_seed, draw_seed, judge_seed = (int(s) for s in rng.integers(2**31, size=4))
    prepared = form.prepare(frame, random_state=fill_seed)
    known = form.schema
    n_drawn = len(frame) if n_rows is None else n_rows
    _check_held_out(frame[target], parts, source_path)
    with new_folder(out) as folder:
        refuse_small_disk(folder, 1.5 * n_bytes * n_drawn / len(frame) + _ROOM)
        (folder / PRIVATE).mkdir(mode=0o700)
        (folder / RELEASE).mkdir()
        began = time.monotonic()
        train, learnt = prepared.iloc[parts.train].reset_index(drop=True), form
        drawer: HybridDiffusion | Tied = model
        # No number that the model draws leaves the range of its column.
        enforced = without(plan, broken)
        if any(not isinstance(r, Range) for r in enforced.relations or ()):
            drawer, train = Tied.of(model, form, enforced, train, fill_seed, min_count=min_count)
            learnt = drawer.inner
        unchanged = train
        train = without_few(
            train,
            learnt.schema,
            min_count=min_count,
            flags=learnt.flags,
            random_state=fill_seed,
        )
        if time_budget is not None:
            left = time_budget - (began - started)
            steps = _steps_within(left, model, train, learnt.schema, n_drawn, began - started)
            model.set_params(n_iter=steps)
        write(f"training on {len(train):,} of {len(frame):,} rows\n")
        fitting = time.monotonic()
        model.set_params(random_state=fit_seed, progress=progress)
        model.fit(train, learnt.schema)
        if isinstance(drawer, Tied):
            drawer.settle()
        trained = time.monotonic()
        write(f"drawing {n_drawn:,} rows\n")
        made = folder / RELEASE / f"synthetic.{form.format}"
        lost = (*broken, *(drawer.lost if isinstance(drawer, Tied) else ()))
        tally = Tally(list(plan.relations or ()), frame.iloc[parts.train], lost, form)
        synthetic = _draw(drawer, form, n_drawn, made, draw_seed, tally, progress=progress)
        drawn = time.monotonic()
        write("judging them on the rows held out\n")
        settled = form.prepare(frame)
        real, holdout, reference = (settled.iloc[p].reset_index(drop=True) for p in parts)
        test = pd.concat([holdout, reference], ignore_index=True)
        others = _others(drawer, form, train, len(synthetic), n_draws, n_fits, judge_seed)
        # Half of the rows are learnt by each, and three times as many drawn as are released.
        shadow_time = _FEWEST_SHADOWS * (trained - fitting + 3 * (drawn - trained))
        wants_shadows = n_shadows is None and len(frame) <= _MAX_FOR_SHADOWS
        until = None if time_budget is None else started + time_budget
        allowed = trained - began + _JUDGING
        if time_budget is not None:
            wanted = _SLACK * shadow_time if wants_shadows else 0.0
            reserved = wanted if wanted <= time_budget / 2 else 0.0
            allowed = min(allowed, started + time_budget - reserved - time.monotonic())
        found = judge_in_time(
            PrivacySplit(real, holdout, reference, known),
            synthetic,
            *others,
            seconds=allowed,
            random_state=judge_seed,
            progress=progress,
        )
        judged = found.privacy
        n_attempts = count_attempt(rows_of, out)
        attempts = _on_attempts(n_attempts)
        if n_attempts != 1:
            write(f"{attempts}\n")
        shadows: Mapping[str, Mapping[str, Exposed]] = {}
        released = judged.may_release or release_anyway
        # What time is left goes to ways out where the table is kept back.
        if wants_shadows and released and until is not None:
            n_shadows = _SHADOWS
        remaining = None if until is None else until - time.monotonic()
        unfit: tuple[str, ...] = ()
        if n_shadows and remaining is not None and remaining < shadow_time:
            unfit = (
                f"How exposed single rows are did not fit into --time-budget: {_FEWEST_SHADOWS} "
                f"models trained again take about {shadow_time:.0f} s more, and "
                f"{max(remaining, 0):.0f} s were left.",
            )
            write(f"{unfit[0]}\n")
        elif n_shadows:
            write(f"training {n_shadows} models again, to see how exposed single rows are\n")
            shadows = _shadows(
                WithoutFew(
                    clone(model).set_params(progress=False),
                    min_count=min_count,
                    flags=learnt.flags,
                ),
                unchanged,
                learnt.schema,
                n_drawn,
                n_models=n_shadows,
                seconds=None if until is None else until - time.monotonic(),
                random_state=judge_seed,
            )
        if not released:
            shutil.rmtree(folder / RELEASE)
        kept_back = () if released else judged.reasons
        save_bundle(drawer, form, folder / PRIVATE / "model", kept_back=kept_back)
        write_private(folder / PRIVATE / "schema.yaml", plan_text(plan))
        assessment = Assessment(
            settings={
                "file": source_path.name,
                "target": target,
                "rows": len(frame),
                "training rows": len(parts.train),
                "held-out rows": len(parts.holdout) + len(parts.reference),
                "synthetic rows": n_drawn,
                "dropped columns": [c.name for c in plan.columns if c.kind == "drop"],
                "min count": min_count,
                "suppressed values": {**folded.levels, **form.n_suppressed},
                "filled gaps": list(folded.gaps),
                "training steps": model.n_iter_,
                "release anyway": release_anyway,
                "draws judged": n_draws * n_fits,
                "models judged": n_fits,
                "seed": random_state,
                "attempt on these rows": n_attempts,
                "seconds": {
                    "training": round(trained - began, 1),
                    "drawing": round(drawn - trained, 1),
                    "judging": round(time.monotonic() - drawn, 1),
                },
                "versions": versions(),
            },
            utility=found.utility,
            fidelity=found.fidelity,
            privacy=judged,
            real=test.head(JUDGED_ROWS),
            synthetic=synthetic,
            training=real.sample(min(len(real), JUDGED_ROWS), random_state=0),
            schema=known,
            plan=plan,
            released=released,
            notes=(
                *_notes(form, n_drawn, len(synthetic), min_count, folded),
                *found.notes,
                *unfit,
                attempts,
                _GIVEN_SEED if is_given else _SECRET_SEED,
            ),
            relations=tally.rows(),
            shadows=shadows,
            units=form.units,
        )
        write_card(assessment, folder / PRIVATE)
        if released:
            write_public(folder / RELEASE, assessment)
    written = out / RELEASE / made.name if released else None
    return Shared(out, _as_given(written, table, form), assessment)


def _others(
    drawer: HybridDiffusion | Tied,
    form: TableForm,
    train: pd.DataFrame,
    n_rows: int,
    n_draws: int,
    n_fits: int,
    seed: int,
) -> list[pd.DataFrame]:
    """Further draws of the model, and draws of models trained on the same rows with other seeds."""
    rng = np.random.default_rng(seed)
    model = drawer.model if isinstance(drawer, Tied) else drawer
    fits = [drawer]
    for _ in range(n_fits - 1):
        again: HybridDiffusion = clone(model)
        seed_of_fit = None if model.random_state is None else int(rng.integers(2**31))
        again.set_params(random_state=seed_of_fit).fit(train, model.schema_)
        fits.append(replace(drawer, model=again) if isinstance(drawer, Tied) else again)
    return [
        pd.concat(drawn_rows(fit, form, n_rows, random_state=rng), ignore_index=True)
        for k, fit in enumerate(fits)
        for _ in range(n_draws - (k == 0))
    ]


def _shadows(
    generator: WithoutFew, train: pd.DataFrame, schema: Schema, n_drawn: int, **options: Any
) -> dict[str, Mapping[str, Exposed]]:
    """What models trained again tell, from as many rows for each learnt as are released, and 5 x.

    Relations between columns play no part: the rows attacked are those that the model draws.
    """
    factor = n_drawn / len(train)
    found = shadow_attack(generator, train, schema, draws=(factor, 5 * factor), **options)
    n_half = len(train) // 2
    sizes = [f"{round(times * n_half):,} rows" for times in (factor, 5 * factor)]
    return dict(zip(sizes, found.values(), strict=False))


def _draw(
    model: HybridDiffusion | Tied,
    form: TableForm,
    n_rows: int,
    path: Path,
    seed: int,
    tally: Tally | None = None,
    *,
    progress: bool = False,
) -> pd.DataFrame:
    """Write the rows, count them; return the first of them as the model drew them."""
    kept: list[pd.DataFrame] = []
    surrogates = form.surrogates(n_rows, seed)
    bar = tqdm(total=n_rows, desc="drawing", unit="row", disable=not progress)
    with bar, row_writer(path, form) as writer:
        for block in drawn_rows(model, form, n_rows, random_state=seed):
            if sum(map(len, kept)) < JUDGED_ROWS:
                kept.append(block)
            rows = form.restore(block)
            if tally is not None:
                tally.add(rows)
            writer.write(form.with_made(rows, surrogates.of(len(rows))))
            bar.update(len(block))
    first: pd.DataFrame = pd.concat(kept, ignore_index=True)
    return first.head(JUDGED_ROWS)


class _Enough(Exception):
    """Ends a fit that was only to be timed."""


def _steps_within(
    seconds: float,
    model: HybridDiffusion,
    train: pd.DataFrame,
    schema: Schema,
    n_drawn: int,
    before_this: float,
) -> int:
    """As many of a model's steps as leave time to draw and to judge, by timing the first ones.

    `before_this` is what reading has taken: it is added to the budget that a message asks for.
    """
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
    before = times[0] - began
    n_trial = min(n_drawn, _TRIAL_ROWS)
    trial.set_params(n_iter=2, callback=None).fit(train, schema)
    fitted = time.monotonic()
    trial.sample(n_trial, random_state=0)
    drawing = (time.monotonic() - fitted) * n_drawn / n_trial
    # Encoding, and what was spent here, have to fit in as well.
    spent = time.monotonic() - began + before + drawing
    left = (seconds - spent) * (1 - _SHARE_OF_JUDGING)
    steps = min(wanted, int(left / per_step))
    least = min(FEWEST_STEPS, wanted)
    if steps < least:
        needed = spent + least * per_step / (1 - _SHARE_OF_JUDGING) + 1
        raise TableError(
            f"--time-budget: {max(seconds, 0):.3g} seconds allow {max(steps, 0)} training steps "
            f"here, fewer than {FEWEST_STEPS}, beside drawing {n_drawn:,} rows; type "
            f"--time-budget {math.ceil(_MARGIN * (needed + before_this))}s, or more"
        )
    return steps


def _check_held_out(target: pd.Series[Any], parts: Parts, path: Path) -> None:
    """Refuse a target that cannot be judged: one value in the rows that are held out, or learnt."""
    held_out = np.concatenate([parts.holdout, parts.reference])
    for rows, what in ((parts.train, "trained on"), (held_out, "held out")):
        if target.iloc[rows].nunique() < 2:
            counts = target.value_counts()
            raise TableError(
                f"{path}: the target {target.name!r} has one value in all rows that are {what}: "
                f"{int(counts.iloc[1:].sum())} of {len(target):,} rows have another. Give a table "
                "with more of them, another target, or another --seed"
            )


def _size(table: str | Path | pd.DataFrame) -> float:
    """Bytes of a table, roughly those of a synthetic one."""
    if isinstance(table, pd.DataFrame):
        return float(table.memory_usage(deep=True).sum())
    path = Path(table)
    return sum(p.stat().st_size for p in ([path] if path.is_file() else path.rglob("*.parquet")))


def _as_given(
    made: Path | None, table: str | Path | pd.DataFrame, form: TableForm | None
) -> Path | pd.DataFrame | None:
    """The synthetic table in the form in which the real one was given.

    Without a `form` its types are those that the file has: the types of the real one may depend on
    its rows. Of the levels of a category those are kept that the form shows.
    """
    if made is None or not isinstance(table, pd.DataFrame):
        return made
    import pyarrow.parquet as pq

    frame = pandas_of(pq.read_table(made))
    if form is None:
        return frame
    for name in frame:
        dtype = table[name].dtype
        if isinstance(dtype, pd.CategoricalDtype):
            shown = {*form.categories.get(str(name), {}).values(), *frame[name].dropna()}
            more = [v for v in frame[name].dropna().unique() if v not in dtype.categories]
            levels = [*(v for v in dtype.categories if v in shown), *more]
            dtype = pd.CategoricalDtype(levels, ordered=bool(dtype.ordered and not more))
        frame[name] = frame[name].astype(dtype)
    return frame


def _check_wishes(
    min_count: int,
    n_rows: int | None,
    epsilon: float | None,
    time_budget: float | None,
    random_state: int,
    *,
    only_private: object,
) -> None:
    problems = []
    if not 0 <= random_state < 2**32:
        problems.append(f"--seed {random_state}: give a whole number from 0 to {2**32 - 1}")
    if min_count < 1:
        problems.append(f"--min-count {min_count}: give 1 or more")
    if n_rows is not None and n_rows < MIN_ROWS:
        problems.append(f"-n {n_rows}: fewer than {MIN_ROWS} rows cannot be judged; draw more")
    if time_budget is not None and not 0 < time_budget < float("inf"):
        problems.append(f"--time-budget {time_budget}: type a time, such as 90s, 10m or 2h")
    if epsilon is None and only_private:
        problems.append("--no-card, --ledger and --max-epsilon are for --epsilon; leave them out")
    if epsilon is not None:
        if not 0 < epsilon <= MOST_EPSILON:
            problems.append(
                f"--epsilon {epsilon}: give a positive number of at most {MOST_EPSILON:g}, "
                "such as 3"
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


def _on_attempts(n: int) -> str:
    """What the number of attempts on the same rows means for a pass."""
    if n == 0:
        return "Attempts on this table are not counted: the file for it is another account's."
    if n == 1:
        return "First attempt on this table that is noted beside the folder."
    return (
        f"Attempt {n} on this table: a pass among {n} is weaker evidence than a first one, since "
        "the best of several looks better than it is."
    )


def _notes(
    form: TableForm, n_drawn: int, n_judged: int, min_count: int, folded: Folded
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
    if folded.levels or folded.gaps:
        columns = dict.fromkeys([*folded.levels, *folded.gaps])
        notes.append(
            f"{', '.join(columns)}: values and gaps that fewer than {min_count} rows hold, all of "
            "a column together, count as its most frequent value, or as the value of another row."
        )
    if form.made:
        notes.append(
            f"{', '.join(form.made)}: surrogate keys and made-up values, in the form of the real "
            "ones and never from them. Keys recur as often as real ones, and the rows that share "
            "one have nothing else in common."
        )
    notes.append(
        f"A category, a number that stands out, and an end of a column are learnt if "
        f"{min_count} rows hold them (--min-count): what fewer hold is merged, spread or drawn "
        "from a smoothed end. Other numbers may agree with a real one by chance."
        if min_count > 1
        else "Every category value of the file may appear, and no number lies outside the "
        "range of its column: both ends of a range are some row's own. --min-count keeps rare "
        "values out."
    )
    return tuple(notes)
