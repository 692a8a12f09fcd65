"""Is a synthetic table useful, is it like the real one, and does it give anyone away?

One table, made once, is judged: intervals come from resampling the held-out rows, and say nothing
of how another training would have turned out. For that see `synthtab.evaluation.compare`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from synthtab.attacks.card import ROWS, Row, Verdict, judge, void_reasons
from synthtab.attacks.controls import CONTROLS, LEAKY, SAFE, controls
from synthtab.attacks.run import run_attacks
from synthtab.evaluation.fidelity import fidelity
from synthtab.evaluation.intervals import Estimate
from synthtab.evaluation.utility import predictions, resampled_scores
from synthtab.parallel import one_thread
from synthtab.sharing.columns import TablePlan
from synthtab.table.schema import Schema
from synthtab.table.split import PrivacySplit

REAL, SYNTHETIC = "real", "synthetic"
METRICS: Mapping[str, str] = {"r2": "R²", "auc": "AUC"}

MIN_ROWS = 250
JUDGED_ROWS = 20_000  # of a synthetic table: what is compared and attacked
_MAX_LEARNER_ROWS = 20_000  # a forest on a million rows takes hours, and is hardly better
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
    test: pd.DataFrame, synthetic: pd.DataFrame, schema: Schema, *, random_state: int
) -> pd.DataFrame:
    """How alike the synthetic rows are to real ones that were held out.

    The measures of `synthtab.evaluation.fidelity.fidelity`, on the first rows of each, as many of
    one as of the other and at most 20,000. Copies are left to the attacks: these real rows were
    never learnt.
    """
    n = min(len(test), len(synthetic), JUDGED_ROWS)
    with one_thread():
        like = fidelity(test.iloc[:n], synthetic.iloc[:n], schema, random_state=random_state)
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
    rows : dict of str to Row
        Of the report card of `synthtab.attacks`, by key of its `ROWS`.
    controls : dict of str to str
        Verdicts on tables for which the verdict is known: see `synthtab.attacks.controls`.
    void : tuple of str
        Why nothing may be concluded; empty if there is no reason.
    nearest : Estimate
        Share of synthetic rows whose nearest real row is a training row; warns, and never judges.
    n_attacked, n_reference : int
        Training rows attacked, as many held-out rows beside them, and rows of the attacker.
    n_released : int
        Synthetic rows that the attacker was given.
    """

    rows: Mapping[str, Row]
    controls: Mapping[str, Verdict]
    void: tuple[str, ...]
    nearest: Estimate
    n_attacked: int
    n_reference: int
    n_released: int

    @property
    def failed(self) -> tuple[str, ...]:
        """Rows of the card that fail."""
        return tuple(key for key, row in self.rows.items() if row.verdict == "fail")

    @property
    def may_release(self) -> bool:
        """Whether no row fails, and the controls show that the attacks work.

        Every row that can be judged from the table alone counts; none is left out because a method
        tends to fail it. An inconclusive row does not stop a release: it says that too few rows
        were there to tell, and the card shows it.
        """
        return not self.failed and not self.void


def judge_privacy(
    split: PrivacySplit, synthetic: pd.DataFrame, *, random_state: int
) -> PrivacyJudgement:
    """Attack one synthetic table, and judge what is found by the fixed rules of the report card.

    As many of the rows the table was made from are attacked as are held out, at most 10,000.

    Notes
    -----
    The white-box row of the card is missing: it judges who holds the model, and the model stays.
    The controls get the same rows; if a leak that is known to be there is not found, the attacks
    are too weak on so few rows, and the card is void.
    """
    rng = np.random.default_rng(random_state)
    n = min(split.n, len(split.holdout), _MAX_ATTACKED)

    def some(frame: pd.DataFrame, size: int) -> pd.DataFrame:
        chosen = rng.permutation(len(frame))[:size]
        return frame.iloc[chosen].reset_index(drop=True)

    split = replace(
        split,
        train=some(split.train, n),
        holdout=some(split.holdout, n),
        reference=some(split.reference, n),
    )
    control_seed, *seeds = (int(s) for s in rng.integers(2**31, size=2 + len(LEAKY) + 1))
    made = controls(split, random_state=control_seed)
    with one_thread():
        found = run_attacks(split, synthetic, random_state=seeds[0])
        verdicts: dict[str, Verdict] = {}
        for control, seed in zip((SAFE, *LEAKY), seeds[1:], strict=True):
            attacked = run_attacks(made.split, made.tables[control], random_state=seed)
            judged = [row.verdict for row in judge([attacked]).values()]
            verdicts[control] = min(judged, key=("fail", "inconclusive", "pass").index)
    near = found.closeness
    half = 1.96 * float(np.sqrt(near["nearest_variance"]))
    share = near["nearest_is_training"]
    return PrivacyJudgement(
        rows=judge([found]),
        controls=verdicts,
        void=void_reasons(verdicts),
        nearest=Estimate(share, max(0.0, share - half), min(1.0, share + half)),
        n_attacked=n,
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
    real, synthetic : DataFrame
        Rows that the pictures show: of the table's form.
    schema : Schema
        Their description.
    plan : TablePlan
        The owner's columns.
    released : bool or None
        Whether the synthetic table was written; None where another tool made it.
    notes : tuple of str
        What a reader must know beside the figures.
    """

    settings: dict[str, Any]
    utility: pd.DataFrame
    fidelity: pd.DataFrame
    privacy: PrivacyJudgement | None
    real: pd.DataFrame
    synthetic: pd.DataFrame
    schema: Schema
    plan: TablePlan
    released: bool | None
    notes: tuple[str, ...] = ()


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
        "notes": list(assessment.notes),
    }


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(k): v for k, v in row.items() if v is not None} for row in rows]


def _privacy_record(judged: PrivacyJudgement) -> dict[str, Any]:
    rows = {
        key: {"name": ROWS[key], "verdict": row.verdict, "at": row.at, **row.estimate._asdict()}
        | ({} if row.p_value is None else {"p": row.p_value})
        for key, row in judged.rows.items()
    }
    return {
        "may_release": judged.may_release,
        "failed": list(judged.failed),
        "void": list(judged.void),
        "rows": rows,
        "controls": {CONTROLS[key]: verdict for key, verdict in judged.controls.items()},
        "nearest": judged.nearest._asdict(),
        "n_attacked": judged.n_attacked,
        "n_reference": judged.n_reference,
        "n_released": judged.n_released,
    }
