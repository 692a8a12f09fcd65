"""What the report card tolerates: fixed in this file before any record was made with it.

A finding is *detected* where its interval rules chance out, and *material* where its value lies
beyond the tolerance. What is detected depends on how many rows there are, and small effects are
among it; what is only material may be chance. Both together keep a table back.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple


class Tolerance(NamedTuple):
    """What a row of the card takes for chance, how far beyond is tolerated, and on which sides."""

    chance: float
    beyond: float
    two_sided: bool


TOLERANCES = MappingProxyType(
    {
        # Shares of the training rows, and mean nearness to them, beyond those of fresh rows.
        "copies": Tolerance(0.0, 0.01, two_sided=False),
        "near": Tolerance(0.0, 0.01, two_sided=False),
        # Areas under the curve. One that is too small tells members apart just as well.
        "membership": Tolerance(0.5, 0.05, two_sided=True),
        "white_box": Tolerance(0.5, 0.05, two_sided=True),
        "isolated": Tolerance(0.5, 0.10, two_sided=True),
        # True positive rates, for which chance is the false positive rate.
        "tpr_1": Tolerance(0.01, 0.02, two_sided=False),
        "tpr_10": Tolerance(0.10, 0.02, two_sided=False),
        "inference": Tolerance(0.0, 0.10, two_sided=False),
        # Area under the curve among the rows that models trained again find the most exposed.
        "exposed": Tolerance(0.5, 0.10, two_sided=False),
    }
)
"""By row of the card, with ``exposed`` beside it. A true positive rate is looked at from all four
ends of the ROC curve."""

ALPHA = 0.05
"""Of the whole card: shared equally among its rows, and in each among its findings (Bonferroni)."""

COINCIDENCES = 0.01
"""Records count as certain while fewer than so many of them are expected to return by chance."""

NEAR = 0.2
"""A row has nearly returned the more, the nearer a synthetic row lies than this share of the
distance to the fifth nearest real row. Chosen of 0.1 to 0.5 for its power on planted leaks, on
other draws than the record's."""

WIDE = 0.5
"""The same for rows that return with more noise."""

SURPRISE = 0.001
"""Chance of so many rows so near, below which single rows that return, whole or nearly, are no
coincidence: beside `ALPHA`, for each split of a table."""

POWER = 0.8
"""Chance with which the smallest leak that a card states would have been found."""

FLOORS = MappingProxyType(
    {
        "copies": 0.08,
        "near": 0.08,
        "membership": 0.65,
        "isolated": 0.88,
    }
)
"""By row of the card what has to be found with that chance, or there are too few rows to judge.
A table of 400 rows reaches them, and one of 350 does not. True positive rates are none of
them: they would take thousands of held-out rows."""
