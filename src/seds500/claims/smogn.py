"""What the chapter on SMOGN claims of its arms, judged by the rule of the ledger."""

from __future__ import annotations

import math
from collections.abc import Mapping

from seds500.claims.rule import Region, Test
from seds500.records import Measured
from synthtab.evaluation.compare import REAL, Comparison, paired_difference, summarise

CLAIMS: Mapping[str, tuple[str, str, str]] = {
    "smogn": ("SMOGN (extreme) costs score", "smogn_extreme", REAL),
    "selection": ("its selection alone costs score", "selection", REAL),
    "interpolation": ("its interpolation alone costs score", "interpolation", REAL),
    "interpolation_in_smogn": (
        "with that selection, interpolating costs more than copying",
        "smogn_extreme",
        "selection",
    ),
    "fewer_rows": ("as few rows, drawn evenly, cost score", "fewer_rows", REAL),
    "weighted": ("SMOGN weighted back costs score", "weighted", REAL),
    "weighted_and_fewer_rows": (
        "weighted back, it costs more than as few rows drawn evenly",
        "weighted",
        "fewer_rows",
    ),
    "weighting_undoes": (
        "without the weights it costs more than with them",
        "smogn_extreme",
        "weighted",
    ),
    "random_categories": (
        "random categories cost more than SMOGN alone",
        "random_categories",
        "smogn_extreme",
    ),
    "synthetic_rows": (
        "synthetic rows alone cost more than all of the output",
        "smogn_extreme_synthetic",
        "smogn_extreme",
    ),
    "noise_copy": ("a noise copy costs score", "noise_copy", REAL),
}
"""Each claim in its words, and the two arms of which it says that the first scores lower."""

COSTS = Region(high=-math.ulp(0.0), name="below zero")


def differences(comparison: Comparison, first: str, second: str) -> dict[str, Measured]:
    """R² of one arm minus that of another by learner, paired by split, in percent of real rows'."""
    found = paired_difference(comparison, first).query("method == @second").set_index("learner")
    rows = summarise(comparison)
    real = rows[rows.method == REAL].set_index("learner")["mean"]
    percent = (100 * found[["mean", "low", "high"]]).div(real.abs(), axis=0)
    return {str(learner): Measured.of(row.to_dict()) for learner, row in percent.iterrows()}


def tests(comparisons: Mapping[str, Comparison]) -> dict[str, Test]:
    """The test of each claim: a figure for every table and learner that has both arms.

    Parameters
    ----------
    comparisons : mapping of str to Comparison
        By table, with the arms of the chapter.

    Raises
    ------
    ValueError
        If there is one seed only, and so no interval to decide by.
    """
    if any(c.scores.seed.nunique() < 2 for c in comparisons.values()):
        raise ValueError("verdicts need intervals: compare on two seeds or more")
    return {
        key: Test(
            words,
            COSTS,
            {
                (table, learner): figure
                for table, comparison in comparisons.items()
                if {first, second} <= set(comparison.scores.method)
                for learner, figure in differences(comparison, first, second).items()
            },
            "+.0f",
        )
        for key, (words, first, second) in CLAIMS.items()
    }
