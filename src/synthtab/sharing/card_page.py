"""The report card: one HTML file with everything in it, for a screen, a telephone and a printer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthtab.attacks.card import ROWS
from synthtab.attacks.controls import CONTROLS
from synthtab.attacks.tolerances import TOLERANCES
from synthtab.evaluation.utility import LEARNERS
from synthtab.sharing.assessment import METRICS, REAL, SYNTHETIC, Assessment, record_of
from synthtab.sharing.likeness import likeness
from synthtab.sharing.pictures import distribution, intervals, matrix, scatter
from synthtab.sharing.workplace import write_private

if TYPE_CHECKING:
    from jinja2 import Template

_FEW_VALUES = 12  # a number that takes no more is shown as bars
_MEANINGS: Mapping[str, str] = {
    "copies": "share of training rows that came back whole, beyond that of rows never seen; one "
    "that chance cannot have made is enough",
    "near": "the same for rows that came back with little noise, each by how near it came",
    "membership": "can it be told that a row was trained on? one half is a guess, and less is as "
    "bad as more",
    "tpr_1": "rows recognised while one other in a hundred is mistaken for one: training rows, or "
    "(absent) rows that were not trained on",
    "tpr_10": "the same, with one held-out row in ten",
    "isolated": "the same question for the rows that stand alone, which are the easiest to know",
    "inference": "guesses of a known row's last column that are right beyond those for other rows",
}
_MEASURES: Mapping[str, str] = {  # of fidelity, in the order in which they are shown
    "c2st": "can a classifier tell them from real rows? ideal 0.5",
    "association": "mean difference of associations, ideal 0",
    "rare": "rare categories kept, ideal 1",
    "range": "share of the real range that is covered, ideal 1",
    "tv": "distance of shares (total variation), ideal 0",
    "ks": "distance of distributions (Kolmogorov–Smirnov), ideal 0",
}


def write_card(assessment: Assessment, folder: Path) -> None:
    """Write the report card, and the record of the same figures, for their owner alone."""
    write_private(folder / "report_card.html", card_html(assessment))
    text = json.dumps(
        record_of(assessment), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False
    )
    write_private(folder / "record.json", text + "\n")


def card_html(assessment: Assessment) -> str:
    """The report card of an assessment: a page that needs no other file and no network.

    It runs no script. Whatever the owner has written is text in it, and never markup. For errors
    see `card_template`.
    """
    judged = assessment.privacy
    rows = assessment.utility
    metric = METRICS[str(rows.metric.iloc[0])]
    learners: list[dict[str, Any]] = []
    for learner, of in rows.groupby("learner", sort=False):
        real, made = (of[of.table == table].iloc[0] for table in (REAL, SYNTHETIC))
        learners.append({"name": LEARNERS[str(learner)], "real": real, "made": made})
    best = max(learners, key=lambda learner: learner["real"].value)
    measured = assessment.fidelity[assessment.fidelity.metric.isin(_MEASURES)]
    order = list(_MEASURES)
    alike = likeness(assessment.training, assessment.real, assessment.synthetic, assessment.schema)
    return card_template().render(
        settings=assessment.settings,
        privacy=judged,
        released=assessment.released,
        unsure=[]
        if judged is None
        else [ROWS[key] for key, row in judged.rows.items() if row.verdict == "inconclusive"],
        tolerances=TOLERANCES,
        metric=metric,
        learners=learners,
        kept=f"{best['name']}, the best learner on real rows, keeps {best['made'].percent:.0f} % "
        f"({best['made'].percent_low:.0f} to {best['made'].percent_high:.0f} %) of its {metric} "
        "when it is trained on synthetic rows",
        scores=intervals(
            [
                (x["name"] if kind == "real" else "", kind, x[of].value, x[of].low, x[of].high)
                for x in learners
                for kind, of in (("real", "real"), ("synthetic", "made"))
            ]
        ),
        attacks=ROWS,
        shadows=assessment.shadows,
        ways=assessment.ways,
        meanings=_MEANINGS,
        controls=CONTROLS,
        measures=_MEASURES,
        fidelity=sorted(
            measured.to_dict("records"),
            key=lambda row: (order.index(row["metric"]), -abs(row["value"] - row["reference"])),
        ),
        plots=[(column, _distribution(assessment, column)) for column in alike.columns.index],
        alike=alike,
        matrices=[(name, matrix(values)) for name, values in alike.matrices.items()],
        clouds=scatter(alike.points),
        apart=", ".join(apart(assessment)) or "codes, exact times, sums of money",
        columns=assessment.plan.columns,
        relations=assessment.relations,
        notes=assessment.notes,
    )


def apart(assessment: Assessment) -> list[str]:
    """Columns but the target whose values differ most from row to row."""
    features, real = [*assessment.schema.features], assessment.real
    shares = {c: real[c].nunique() / len(real) for c in features}
    return sorted((c for c in features if shares[c] > 0.5), key=lambda c: -shares[c])[:3]


def card_template(name: str = "card.html.jinja") -> Template:
    """The template of a card, in which every value is escaped unless it is markup.

    Raises
    ------
    ModuleNotFoundError
        If jinja2 is not installed; names the extra that brings it.
    """
    try:
        import jinja2
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "a report card needs the package jinja2: pip install 'synthtab[share]'", name=error.name
        ) from error
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("synthtab", "sharing"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["bounded"] = _bounded
    return environment.get_template(name)


def _distribution(assessment: Assessment, column: str) -> dict[str, Any]:
    real, made = assessment.real[column], assessment.synthetic[column]
    is_category = column in assessment.schema.categorical or real.nunique() <= _FEW_VALUES
    unit = assessment.units.get(column)
    return distribution(real, made, is_category=is_category and unit is None, unit=unit)


def _bounded(value: float, low: float, high: float, *, digits: int = 2) -> str:
    # A zero has no sign.
    shown = [f"{round(v, digits) + 0.0:.{digits}f}" for v in (value, low, high)]
    return f"{shown[0]} ({shown[1]} to {shown[2]})".replace("-", "−")
