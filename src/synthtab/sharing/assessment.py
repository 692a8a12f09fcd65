"""Is a synthetic table useful, is it like the real one, and does it give anyone away?

One table, made once, is judged: intervals come from resampling the held-out rows, and say nothing
of how another training would have turned out. For that see `synthtab.evaluation.compare`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from synthtab.attacks.card import ROWS, Row, Verdict, judge, void_reasons, worst
from synthtab.attacks.controls import CONTROLS, LEAKY, SAFE, controls
from synthtab.attacks.run import run_attacks
from synthtab.attacks.shadow import Exposed
from synthtab.attacks.tolerances import FLOORS, TOLERANCES
from synthtab.evaluation.fidelity import fidelity
from synthtab.evaluation.intervals import Estimate
from synthtab.evaluation.utility import predictions, resampled_scores
from synthtab.parallel import one_thread
from synthtab.sharing.columns import TablePlan
from synthtab.table.schema import Schema
from synthtab.table.split import PrivacySplit

if TYPE_CHECKING:
    from synthtab.sharing.ways import Way

REAL, SYNTHETIC = "real", "synthetic"
METRICS: Mapping[str, str] = {"r2": "R²", "auc": "AUC"}

MIN_ROWS = 250
JUDGED_ROWS = 20_000  # of a synthetic table: what is compared and attacked
_MAX_LEARNER_ROWS = 20_000  # a forest on a million rows takes hours, and is hardly better
MAX_LOOKED_UP = 50_000
"""Rows of each part of a split of which each is looked up in the synthetic table."""

_MAX_ATTACKED = 10_000
_MIN_HOLDOUT, _MIN_REFERENCE = 100, 40
_N_RESAMPLED = 500
_PACKAGES = ("synthtab", "torch", "numpy", "pandas", "scikit-learn")


class Parts(NamedTuple):
    """Positions of the rows that are trained on, and of those that nothing is trained on.

    `holdout` and `reference` together test utility; the attacks need them apart.
    """

    train: np.ndarray
    holdout: np.ndarray
    reference: np.ndarray


def hold_out(n_rows: int, random_state: np.random.Generator) -> Parts:
    """Divide a table: 20 % to test on, 10 % for the attacker, the rest for training.

    At least 100 rows to test on and 40 for the attacker, however small the table, which has at
    least 250.

    Examples
    --------
    >>> [len(part) for part in hold_out(1000, np.random.default_rng(0))]
    [700, 200, 100]
    """
    n_holdout = max(_MIN_HOLDOUT, n_rows // 5)
    n_reference = max(_MIN_REFERENCE, n_rows // 10)
    order = random_state.permutation(n_rows)
    return Parts(
        train=np.sort(order[n_holdout + n_reference :]),
        holdout=order[:n_holdout],
        reference=order[n_holdout : n_holdout + n_reference],
    )


def held_out_utility(
    tables: Mapping[str, pd.DataFrame],
    test: pd.DataFrame,
    schema: Schema,
    *,
    random_state: int,
) -> pd.DataFrame:
    """Train learners on ``real`` and ``synthetic`` rows, test all on the same held-out rows.

    Of tables with more than 20,000 rows so many are drawn at random. Neither the generator nor the
    learners have seen the rows of `test`.

    Returns
    -------
    DataFrame
        One row per table and learner: table, learner, metric (``r2``; ``auc`` where the target is
        a category), value, low, high; and for the synthetic table percent, percent_low,
        percent_high of the real score. Bounds hold 95 % of 500 resamplings of the test rows, the
        same for every table.
    """
    rng = np.random.default_rng(random_state)
    shown = {
        name: t if len(t) <= _MAX_LEARNER_ROWS else t.sample(_MAX_LEARNER_ROWS, random_state=rng)
        for name, t in tables.items()
    }
    every = np.arange(len(test))
    picks = np.vstack([every, rng.integers(len(test), size=(_N_RESAMPLED, len(test)))])
    with one_thread():
        found = {
            name: predictions(t, test, schema, reference=shown[REAL], random_state=random_state)
            for name, t in shown.items()
        }
    metric = "r2" if schema.task == "regression" else "auc"
    rows = []
    for learner in found[REAL]:
        scores = {
            table: resampled_scores(predicted[learner], test[schema.target], picks)
            for table, predicted in found.items()
        }
        for table, values in scores.items():
            share = 100 * (values / scores[REAL])
            rows.append(
                {"table": table, "learner": learner, "metric": metric, **_bounds("", values)}
                | (_bounds("percent", share) if table != REAL else {})
            )
    return pd.DataFrame(rows)


def held_out_fidelity(
    test: pd.DataFrame,
    synthetic: pd.DataFrame,
    training: pd.DataFrame,
    schema: Schema,
    *,
    random_state: int,
) -> pd.DataFrame:
    """How alike the synthetic rows are to real ones that were held out.

    The measures of `synthtab.evaluation.fidelity.fidelity`, on the first rows of each, as many of
    one as of the other and at most 20,000; as `reference` those of the training rows. Copies are
    left to the attacks: these real rows were never learnt.
    """
    n = min(len(test), len(synthetic), len(training), JUDGED_ROWS)
    with one_thread():
        like, reference = (
            fidelity(test.iloc[:n], table.iloc[:n], schema, random_state=random_state)
            for table in (synthetic, training)
        )
    like["reference"] = reference["value"]
    return like[like.metric != "copies"]


def _bounds(name: str, values: np.ndarray) -> dict[str, float]:
    # A resampling may hold one class only, of which no AUC can be taken.
    low, high = np.nanquantile(values[1:], [0.025, 0.975])
    before = f"{name}_" if name else ""
    return {
        name or "value": float(values[0]),
        f"{before}low": float(low),
        f"{before}high": float(high),
    }


# --- privacy ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class PrivacyJudgement:
    """What the attacks found on one table, and whether it may go out.

    Attributes
    ----------
    draws : tuple of dict of str to Row
        Rows of the report card of `synthtab.attacks`, by key of its `ROWS`: of the table first, and
        then of every other draw of the same generator.
    controls : dict of str to str
        Verdicts on tables for which the verdict is known: see `synthtab.attacks.controls`.
    void : tuple of str
        Why nothing may be concluded; empty if there is no reason.
    nearest : Estimate
        Share of synthetic rows whose nearest real row is a training row; warns, and never judges.
    n_attacked, n_holdout, n_reference : int
        Training rows attacked, held-out rows beside them, and rows of the attacker.
    n_released : int
        Synthetic rows that the attacker was given.
    """

    draws: tuple[Mapping[str, Row], ...]
    controls: Mapping[str, Verdict]
    void: tuple[str, ...]
    nearest: Estimate
    n_attacked: int
    n_holdout: int
    n_reference: int
    n_released: int

    @property
    def rows(self) -> dict[str, Row]:
        """Of every row of the card that of the draw which does worst."""
        return {key: _worst_row([draw[key] for draw in self.draws]) for key in self.draws[0]}

    @property
    def failed(self) -> tuple[str, ...]:
        """Rows of the card that fail in some draw: what depends on the seed is no release."""
        return tuple(key for key, row in self.rows.items() if row.verdict == "fail")

    @property
    def n_failed(self) -> int:
        """Draws in which some row fails."""
        return sum(any(row.verdict == "fail" for row in draw.values()) for draw in self.draws)

    @property
    def weak(self) -> tuple[str, ...]:
        """Rows of the card that are not settled, and would miss a leak of the size of `FLOORS`."""
        return tuple(
            key
            for key, floor in FLOORS.items()
            if key in self.rows
            and self.rows[key].verdict == "inconclusive"
            and self.rows[key].found_from > floor
        )

    @property
    def too_few(self) -> bool:
        """Whether these are too few rows to judge by."""
        return bool(self.weak)

    @property
    def is_only_weak(self) -> bool:
        """Whether nothing but too few rows keeps the table back."""
        return self.too_few and not self.failed and not self.void

    @property
    def could_find(self) -> str:
        """The smallest leaks that would have been found, four times in five."""
        found_from = {key: self.rows[key].found_from for key in FLOORS if key in self.rows}
        return "; ".join(f"{ROWS[key]}, {_from(least)}" for key, least in found_from.items())

    @property
    def reasons(self) -> tuple[str, ...]:
        """What keeps the table back, each with what to do about it; empty if nothing does."""
        found = [
            f"{ROWS[key]}: beyond the tolerance in "
            f"{sum(draw[key].verdict == 'fail' for draw in self.draws)} of {len(self.draws)} draws"
            for key in self.failed
        ]
        found += [f"void, since {reason}; {_VOID_ADVICE}" for reason in self.void]
        if self.weak:
            missed = "; ".join(
                f"{ROWS[key]}, would be found {_from(self.rows[key].found_from)}, and "
                f"{FLOORS[key]:.2f} has to be"
                for key in self.weak
            )
            found.append(f"too few rows to judge: {missed}; {_FEW_ADVICE}")
        return tuple(found)

    @property
    def may_release(self) -> bool:
        """Whether no row fails in any draw, the controls come out right, and there are rows enough.

        Every row that can be judged from the table alone counts; none is left out because a method
        tends to fail it. An inconclusive row does not stop a release, but is no pass either: the
        card says what it could have found.
        """
        return not self.reasons


_VOID_ADVICE = (
    "the attacks cannot tell such tables apart, so nothing follows from what they find here: "
    "judge with more rows, or keep columns that tell rows apart, or release by a formal guarantee "
    "(--epsilon) alone"
)
_FEW_ADVICE = (
    "this is no pass: share a table with more rows, or train with a formal guarantee (--epsilon)"
)


def _from(least: float) -> str:
    return f"from {least:.2f} on" if least < 1 else "at no size"


def _worst_row(rows: Sequence[Row]) -> Row:
    verdict = worst(row.verdict for row in rows)

    def distance(row: Row) -> float:
        return abs(row.estimate.value - row.shown.chance)

    return max((row for row in rows if row.verdict == verdict), key=distance)


def judge_privacy(
    split: PrivacySplit,
    synthetic: pd.DataFrame,
    *others: pd.DataFrame,
    whole: tuple[PrivacySplit, Sequence[pd.DataFrame]] | None = None,
    random_state: int,
) -> PrivacyJudgement:
    """Attack one synthetic table, and judge what is found by the fixed rules of the report card.

    All rows the table was made from are looked up in it, at most `MAX_LOOKED_UP`, and attacked, at
    most 10,000, beside those that are held out. Where the split and the tables hold some rows only,
    `whole` has all of them, in which what is equal is looked up.
    `others` are tables drawn from the same generator with other seeds, or from one trained anew:
    whether a table may be released must not depend on the seed, so each of them has to pass.

    Notes
    -----
    The white-box row of the card is missing: it judges who holds the model, and the model stays.
    The controls get the same rows; if a leak that is known to be there is not found, the attacks
    are too weak on so few rows, and the card is void.
    """
    rng = np.random.default_rng(random_state)

    def some(frame: pd.DataFrame, n_rows: int) -> pd.DataFrame:
        chosen = rng.permutation(len(frame))[:n_rows]
        return frame.iloc[chosen].reset_index(drop=True)

    def some_of(parts: PrivacySplit, n_rows: int) -> PrivacySplit:
        train, holdout, reference = (
            some(part, n_rows) for part in (parts.train, parts.holdout, parts.reference)
        )
        return PrivacySplit(train, holdout, reference, parts.schema)

    every, tables = whole or (split, (synthetic, *others))
    every = some_of(every, MAX_LOOKED_UP)
    split = some_of(split, _MAX_ATTACKED)
    made = controls(split, random_state=rng)
    with one_thread():
        found = [
            run_attacks(split, table, whole=(every, looked_up), random_state=rng)
            for table, looked_up in zip((synthetic, *others), tables, strict=True)
        ]
        verdicts: dict[str, Verdict] = {}
        for control in (SAFE, *LEAKY):
            attacked = run_attacks(made.split, made.tables[control], random_state=rng)
            verdicts[control] = worst(row.verdict for row in judge([attacked], len(found)).values())
    near = found[0].closeness
    half = 1.96 * float(np.sqrt(near["nearest_variance"]))
    share = near["nearest_is_training"]
    return PrivacyJudgement(
        draws=tuple(judge([draw], len(found)) for draw in found),
        controls=verdicts,
        void=void_reasons(verdicts),
        nearest=Estimate(share, max(0.0, share - half), min(1.0, share + half)),
        n_attacked=split.n,
        n_holdout=len(split.holdout),
        n_reference=len(split.reference),
        n_released=len(synthetic),
    )


# --- all of it -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Assessment:
    """Everything that the report card shows.

    Attributes
    ----------
    settings : dict
        What was asked for, and what was done.
    utility : DataFrame
        See `held_out_utility`.
    fidelity : DataFrame
        See `held_out_fidelity`.
    privacy : PrivacyJudgement or None
        None where there were no rows to judge it by.
    real, synthetic, training : DataFrame
        Rows that the pictures show: held-out ones, synthetic ones, and those that were learnt.
    schema : Schema
        Their description.
    plan : TablePlan
        The owner's columns.
    released : bool or None
        Whether the synthetic table was written; None where another tool made it.
    notes : tuple of str
        What a reader must know beside the figures.
    relations : sequence of dict
        Each relation with the real and the synthetic rows that break it: see
        `synthtab.sharing.ties.Tally`.
    shadows : dict of str to dict of str to Exposed
        What models trained again tell of single rows, by how many rows were drawn from each: see
        `synthtab.attacks.shadow.shadow_attack`. Empty where it was not measured.
    ways : sequence of Way
        What could be done instead where the table is kept back: see `synthtab.sharing.ways`.
    units : dict of str to int
        By date: the microseconds in which it is counted, for the pictures.
    """

    settings: dict[str, Any]
    utility: pd.DataFrame
    fidelity: pd.DataFrame
    privacy: PrivacyJudgement | None
    real: pd.DataFrame
    synthetic: pd.DataFrame
    training: pd.DataFrame
    schema: Schema
    plan: TablePlan
    released: bool | None
    notes: tuple[str, ...] = ()
    relations: Sequence[Mapping[str, Any]] = ()
    shadows: Mapping[str, Mapping[str, Exposed]] = field(default_factory=dict)
    ways: Sequence[Way] = ()
    units: Mapping[str, int] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """Whether the table may go out, in some words; why not, is told by `privacy.reasons`."""
        if self.settings.get("guarantee"):
            return "released under a formal guarantee"
        if self.privacy is None:
            return "no verdict on privacy; give real rows that the table was not made from"
        if self.privacy.is_only_weak and not self.released:
            kept = "" if self.released is None else "; kept back, --release-anyway overrides"
            return f"too few rows to judge{kept}"
        if self.privacy.may_release:
            return f"{'released: ' if self.released else ''}no privacy rule fails"
        if self.released:
            return "released against the rules, as asked"
        if self.released is None:
            return "should not be released"
        return "kept back; --release-anyway overrides"


def versions() -> dict[str, str]:
    """Of this package, and of those that its results depend on."""
    return {name: metadata.version(name) for name in _PACKAGES}


def record_of(assessment: Assessment) -> dict[str, Any]:
    """What the report card shows, for machines."""
    judged = assessment.privacy
    return {
        "settings": assessment.settings,
        "released": assessment.released,
        "utility": _rows(assessment.utility),
        "fidelity": _rows(assessment.fidelity),
        "privacy": None if judged is None else _privacy_record(judged),
        "relations": list(map(dict, assessment.relations)),
        "shadows": {
            drawn: {
                key: {
                    **part.auc._asdict(),
                    "null": part.null,
                    "void": not part.is_sound,
                    "tpr": part.flags.tpr,
                    "fpr": part.flags.fpr,
                    "n_rows": part.n_rows,
                    "n_models": part.n_models,
                }
                for key, part in parts.items()
            }
            for drawn, parts in assessment.shadows.items()
        },
        "ways": [
            {**way._asdict(), "effects": [effect._asdict() for effect in way.effects]}
            for way in assessment.ways
        ],
        "notes": list(assessment.notes),
    }


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    finite = frame.replace([np.inf, -np.inf], np.nan)
    rows = finite.astype(object).where(finite.notna(), None).to_dict("records")
    return [{str(k): v for k, v in row.items() if v is not None} for row in rows]


def _privacy_record(judged: PrivacyJudgement) -> dict[str, Any]:
    rows = {
        key: {
            "name": ROWS[key],
            "verdict": row.verdict,
            "detected": row.detected,
            "at": row.at,
            **row.estimate._asdict(),
            "chance": row.shown.chance,
            "tolerance": TOLERANCES[key].beyond,
            "found_from": row.found_from,
            "too_few": row.too_few,
            "note": row.shown.note,
        }
        for key, row in judged.rows.items()
    }
    return {
        "may_release": judged.may_release,
        "reasons": list(judged.reasons),
        "failed": list(judged.failed),
        "void": list(judged.void),
        "too_few": judged.too_few,
        "could_find": judged.could_find,
        "n_draws": len(judged.draws),
        "n_failed": judged.n_failed,
        "rows": rows,
        "controls": {CONTROLS[key]: verdict for key, verdict in judged.controls.items()},
        "nearest": judged.nearest._asdict(),
        "n_attacked": judged.n_attacked,
        "n_holdout": judged.n_holdout,
        "n_reference": judged.n_reference,
        "n_released": judged.n_released,
    }
