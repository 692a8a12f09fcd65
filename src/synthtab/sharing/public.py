"""What goes with a synthetic table to whoever receives it: a card, and a few words as text.

They hold how useful the table is, what the attacks found and how it was made: no value, name or
exact number of the real rows, no seed, nothing that helps to make the table again. Under a formal
guarantee nothing is told but the guarantee.
"""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from synthtab.attacks.card import ROWS
from synthtab.evaluation.utility import LEARNERS
from synthtab.sharing.assessment import METRICS, REAL, SYNTHETIC, Assessment
from synthtab.sharing.card_page import card_template

GUARANTEE, README, CARD = "guarantee.txt", "README.txt", "card.html"

_FOR_ALL = (
    "Every row was drawn from a model, and stands for no person or thing. Text that a "
    "spreadsheet would run as a formula has an apostrophe in front of it."
)
_GUARANTEED = (
    "The table was made under differential privacy: guarantee.txt says what that bounds, and what "
    "was taken as public. Keep it with the table."
)
_JUDGED = (
    "No guarantee is given. The table was attacked, with rows held out to compare with, as far as "
    "the card says. That no attack tried here finds anybody is evidence and no proof; who draws "
    "conclusions about single people from these rows is mistaken."
)


def write_public(
    folder: Path, assessment: Assessment | None, *, guarantee: str | None = None
) -> None:
    """Write the files beside a synthetic table, into the folder that is to leave.

    With a `guarantee` there is no card: it would have to be paid for.
    """
    facts = _facts(assessment)
    verdict = "released under a formal guarantee" if assessment is None else assessment.verdict
    words = [
        "A synthetic table",
        _FOR_ALL,
        f"Verdict: {verdict}.",
        _JUDGED if guarantee is None else _GUARANTEED,
        *(f"{name}: {fact}." for name, fact in facts.items()),
    ]
    (folder / README).write_text("\n\n".join(words) + "\n", encoding="utf-8")
    if guarantee is not None:
        (folder / GUARANTEE).write_text(guarantee, encoding="utf-8")
    elif assessment is not None:
        page = card_template("release.html.jinja").render(
            verdict=verdict,
            passes=assessment.privacy is not None and assessment.privacy.may_release,
            words=(_FOR_ALL, _JUDGED),
            facts=facts,
            **_found(assessment),
        )
        (folder / CARD).write_text(page, encoding="utf-8")


def _facts(assessment: Assessment | None) -> dict[str, str]:
    made = {"Made by": f"HybridDiffusion of synthtab {metadata.version('synthtab')}"}
    if assessment is None:
        return made
    settings = assessment.settings
    few = settings["min count"]
    judged = assessment.privacy
    attacked = {} if judged is None else {"Rows attacked": f"about {_rounded(judged.n_attacked)}"}
    return made | {
        "Real rows": f"about {_rounded(settings['rows'])}, of which about "
        f"{_rounded(settings['training rows'])} were learnt",
        "Synthetic rows": f"{settings['synthetic rows']:,}",
        "Values of few rows": "learnt like others"
        if few <= 1
        else f"what fewer than {few} rows hold in one column is not learnt",
        "Tables judged": f"{settings['draws judged']} draws of {settings['models judged']} models",
        **attacked,
    }


def _found(assessment: Assessment) -> dict[str, object]:
    """Scores and attacks, each to two digits."""
    use = assessment.utility
    scores = []
    for learner, of in use.groupby("learner", sort=False):
        real, made = (of[of.table == table].iloc[0] for table in (REAL, SYNTHETIC))
        scores.append((LEARNERS[str(learner)], f"{real.value:.2f}", f"{made.value:.2f}"))
    judged = assessment.privacy
    attacks = [] if judged is None else [
        (ROWS[key], *(f"{v + 0.0:.2f}" for v in row.estimate), row.verdict)
        for key, row in judged.rows.items()
    ]  # fmt: skip
    exposed = [
        f"{parts['exposed'].auc.value:.2f}"
        for parts in assessment.shadows.values()
        if "exposed" in parts
    ]
    return {
        "target": assessment.settings["target"],
        "metric": METRICS[str(use.metric.iloc[0])],
        "scores": scores,
        "attacks": attacks,
        "exposed": exposed[:1],
    }


def _rounded(n: int) -> str:
    """To two digits: whether one row more was there is not to be told."""
    return f"{int(float(f'{n:.2g}')):,}"
