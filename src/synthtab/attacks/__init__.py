"""Privacy of synthetic tables, measured by attack, with controls that must fail and must pass.

`synthtab.table.split` says who is a member; `membership`, `whitebox`, `copies` and `inference` hold
the attacks, all on the distance of `distances`, and `outliers` the rows they are repeated on; `run`
makes all of them on one table, `compare` on every method; `shadow` attacks models trained again and
again; `controls` makes tables whose verdict is known; `card` turns findings into verdicts by the
`tolerances`.
"""

from synthtab.attacks.card import Card, Row, judge, make_card
from synthtab.attacks.compare import AttackComparison, measure
from synthtab.attacks.controls import CONTROLS, controls
from synthtab.attacks.copies import copy_excess, excess_p_value, returned
from synthtab.attacks.distances import MixedDistance
from synthtab.attacks.inference import attribute_inference, inference_risk
from synthtab.attacks.membership import ATTACKS, scores
from synthtab.attacks.outliers import most_isolated
from synthtab.attacks.roc import auc, flagged, tpr_interval
from synthtab.attacks.run import Findings, closeness, run_attacks
from synthtab.attacks.shadow import Exposed, shadow_attack
from synthtab.attacks.whitebox import white_box_scores
from synthtab.evaluation.intervals import Estimate
from synthtab.table.split import PrivacySplit, privacy_split

__all__ = [
    "ATTACKS",
    "CONTROLS",
    "AttackComparison",
    "Card",
    "Estimate",
    "Exposed",
    "Findings",
    "MixedDistance",
    "PrivacySplit",
    "Row",
    "attribute_inference",
    "auc",
    "closeness",
    "controls",
    "copy_excess",
    "excess_p_value",
    "flagged",
    "inference_risk",
    "judge",
    "make_card",
    "measure",
    "most_isolated",
    "privacy_split",
    "returned",
    "run_attacks",
    "scores",
    "shadow_attack",
    "tpr_interval",
    "white_box_scores",
]
