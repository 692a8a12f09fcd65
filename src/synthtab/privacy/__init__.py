"""Privacy of synthetic tables, measured by attack, with controls that must fail and must pass.

`splits` says who is a member; `membership`, `whitebox`, `copies`, `inference` and `isolated` hold
the attacks, all on the distance of `distances`; `battery` runs them on one table, `protocol` on
every method; `controls` makes tables whose verdict is known; `card` turns findings into verdicts.
"""

from synthtab.privacy.battery import Findings, closeness, run_attacks
from synthtab.privacy.card import Card, Row, judge, make_card
from synthtab.privacy.controls import CONTROLS, controls
from synthtab.privacy.copies import copy_excess, excess_p_value
from synthtab.privacy.distances import MixedDistance
from synthtab.privacy.estimates import Estimate, auc, clopper_pearson, flagged, tpr_interval
from synthtab.privacy.inference import attribute_inference, inference_risk
from synthtab.privacy.isolated import most_isolated
from synthtab.privacy.membership import ATTACKS, scores
from synthtab.privacy.protocol import Measured, measure
from synthtab.privacy.splits import PrivacySplit, privacy_split
from synthtab.privacy.whitebox import white_box_scores

__all__ = [
    "ATTACKS",
    "CONTROLS",
    "Card",
    "Estimate",
    "Findings",
    "Measured",
    "MixedDistance",
    "PrivacySplit",
    "Row",
    "attribute_inference",
    "auc",
    "clopper_pearson",
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
    "run_attacks",
    "scores",
    "tpr_interval",
    "white_box_scores",
]
