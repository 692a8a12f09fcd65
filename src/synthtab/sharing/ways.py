"""What to do where a table is kept back: ways out, each tried, with what it does to leak and use.

A way is tried by sharing again in a folder of its own, which is removed: nothing of it is released.
It is judged on the rows that have judged the table, so that the two compare. A table chosen among
some on the same rows looks better than it is; who takes a way takes another seed with it, which
holds other rows out.
"""

from __future__ import annotations

import functools
import shlex
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec

from synthtab.attacks.card import ROWS, Verdict
from synthtab.evaluation.intervals import Estimate
from synthtab.sharing.assessment import REAL, SYNTHETIC, Assessment
from synthtab.sharing.card_page import apart, write_card
from synthtab.sharing.source import TableError
from synthtab.sharing.workplace import PRIVATE

if TYPE_CHECKING:
    from synthtab.sharing.share import Shared

_P = ParamSpec("_P")

LIMIT = 30  # seconds that trying ways may take beyond those of the training
FEWEST_STEPS = 50  # that are worth training
_SHORTER = 4  # times fewer steps, and times more rows that hold a value


class Effect(NamedTuple):
    """A row of the report card that failed, as it was and as it is with a way."""

    name: str
    before: Estimate
    after: Estimate
    verdict: Verdict


class Way(NamedTuple):
    """A way out, as options of ``synthtab share``, and what it did when it was tried.

    `effects` are those of the rows that fail before or after, `use` the percentages that the best
    learner on real rows keeps of its score on them, before and after; None where it learns nothing
    from them. `note` says why nothing was measured, where nothing was.
    """

    options: str
    passes: bool
    effects: tuple[Effect, ...]
    use: tuple[float, float] | None
    note: str = ""

    def __str__(self) -> str:
        if self.note:
            return f"{self.options}: not tried: {self.note}"
        failed = [effect for effect in self.effects if effect.verdict == "fail"]
        outcome = "no privacy rule fails" if self.passes else "kept back again"
        told = [outcome if self.passes else f"{outcome}, {len(failed)} rows fail"]
        for e in (failed or self.effects)[:1]:  # the card has all of them
            told.append(f"{e.name} {e.before.value:.2f} → {e.after.value:.2f}")
        if self.use is not None:
            told.append(f"use {self.use[0]:.0f} → {self.use[1]:.0f} % of real")
        return f"{self.options}: {'; '.join(told)}"


def trying_ways(function: Callable[_P, Shared]) -> Callable[_P, Shared]:
    """Let `share` try ways out where it has kept a table back, and add them to the report card."""

    @functools.wraps(function)
    def sharing(*args: _P.args, **options: _P.kwargs) -> Shared:
        began = time.monotonic()
        done = function(*args, **options)
        first, out = done.assessment, done.folder
        if first is None or first.released is not False or out is None:
            return done
        write: Any = options.get("write") or (lambda text: None)
        budget: Any = options.get("time_budget")
        took = time.monotonic() - began
        left = first.settings["seconds"]["training"] + LIMIT if budget is None else budget - took
        again = {**options, "time_budget": None, "n_shadows": 0, "progress": False, "write": None}
        again["random_state"] = first.settings["seed"]  # the rows that judge are the same

        def tried(way: Mapping[str, Any]) -> Assessment:
            with tempfile.TemporaryDirectory(dir=out / PRIVATE) as home:
                found = function(*args, **{**again, **way, "out": Path(home) / "way"})
                assert found.assessment is not None
                return found.assessment

        ways: list[Way] = []
        try:
            for way, seconds in _ways(first, options, took):
                shown = _as_options(way)
                if seconds > left:
                    note = f"it takes about {seconds:.0f} s, for which there was no time"
                    ways.append(Way(shown, False, (), None, note))
                    continue
                write(f"trying {shown}, about {seconds:.0f} s\n")
                before = time.monotonic()
                try:
                    ways.append(_compared(shown, first, tried(way)))
                except TableError as error:
                    ways.append(Way(shown, False, (), None, str(error)))
                left -= time.monotonic() - before
        except KeyboardInterrupt:  # the table is judged, and its card written
            write("no further ways are tried\n")
        if not ways:
            return done
        assessment = replace(first, ways=tuple(ways))
        write_card(assessment, out / PRIVATE)
        return replace(done, assessment=assessment)

    return sharing


def _ways(
    first: Assessment, options: Mapping[str, Any], took: float
) -> Iterator[tuple[dict[str, Any], float]]:
    """Options of `share` that may help, and about how many seconds a try of them takes.

    None where the card is void or the rows are too few: no way makes the attacks stronger.
    """
    judged, settings = first.privacy, first.settings
    if judged is None or judged.void or judged.too_few:
        return
    training, n_steps = settings["seconds"]["training"], settings["training steps"]
    steps = max(n_steps // _SHORTER, FEWEST_STEPS)
    if steps < n_steps:
        yield {"n_iter": steps}, took - training * (1 - steps / n_steps)
    guessed = judged.rows["inference"].at if judged.failed == ("inference",) else None
    learnt = {c.name for c in first.plan.learnt} - {settings["target"]}
    same = {"n_iter": n_steps}
    for column in [c for c in (guessed, *apart(first)) if c in learnt][:1]:
        yield same | {"drop": [*options.get("drop", ()), column]}, took
    yield same | {"min_count": max(20, _SHORTER * settings["min count"])}, took


def _as_options(way: Mapping[str, Any]) -> str:
    """A way as who calls ``synthtab share`` adds it to what was asked."""
    if "drop" in way:
        return f"--drop {shlex.quote(way['drop'][-1])}"
    if "min_count" in way:
        return f"--min-count {way['min_count']}"
    return f"--steps {way['n_iter']}"


def _compared(shown: str, first: Assessment, then: Assessment) -> Way:
    assert first.privacy is not None
    assert then.privacy is not None
    before, after = first.privacy.rows, then.privacy.rows
    effects = [
        Effect(ROWS[key], before[key].estimate, after[key].estimate, after[key].verdict)
        for key in before
        if "fail" in (before[key].verdict, after[key].verdict)
    ]
    real = first.utility[first.utility.table == REAL].set_index("learner").value
    best = str(real.idxmax())  # its score with all columns, whatever the way leaves out
    scores = [
        float(a.utility[a.utility.table == SYNTHETIC].set_index("learner").value[best])
        for a in (first, then)
    ]
    use = (100 * scores[0] / real[best], 100 * scores[1] / real[best]) if real[best] > 0 else None
    return Way(shown, then.privacy.may_release, tuple(effects), use)
