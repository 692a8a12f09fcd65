"""What the demo shows of one model: its training, rows, scores, and one attack."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from sklearn.ensemble import RandomForestRegressor

from seds500.plots import BLACK, COLOURS, RED, styled
from synthtab.attacks.distances import Floats
from synthtab.attacks.roc import auc
from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.evaluation.intervals import Estimate
from synthtab.evaluation.utility import tstr
from synthtab.table.split import PrivacySplit

CHANCE = 0.5


@styled
def training_loss(model: HybridDiffusion) -> Figure:
    """Training loss by step: thin as it was, thick as a running mean over 25 steps."""
    curve = pd.Series(model.loss_curve_)
    figure, ax = plt.subplots(figsize=(6.4, 2.6), layout="constrained")
    ax.plot(curve, color=COLOURS["hybrid"], lw=0.5, alpha=0.35)
    ax.plot(curve.rolling(25, min_periods=1).mean(), color=COLOURS["hybrid"], lw=1.8)
    ax.set(xlabel="training step", ylabel="loss, nats a row")
    return figure


def side_by_side(real: pd.DataFrame, synthetic: pd.DataFrame, *, n: int) -> pd.DataFrame:
    """The first rows of two tables, one below the other."""
    parts = {"real, held out": real.head(n), "synthetic": synthetic.head(n)}
    return pd.concat(parts).droplevel(1).rename_axis("row")


def forest_r2(
    teachers: Mapping[str, pd.DataFrame], split: PrivacySplit, *, seed: int
) -> pd.Series[float]:
    """R² on the rows that were held out, of a random forest for each table that teaches it.

    Parameters
    ----------
    teachers : mapping of str to DataFrame
        Tables that a forest is trained on, one each.
    split : PrivacySplit
        Its training rows fix the encoding; its holdout is predicted.
    seed : int
        Of the forests.

    Returns
    -------
    Series
        By the name of the table.
    """
    learners = {"rf": RandomForestRegressor(n_estimators=50)}
    found = {}
    for name, rows in teachers.items():
        scores = tstr(
            rows, split.holdout, split.schema, reference=split.train, learners=learners,
            random_state=seed,
        )  # fmt: skip
        found[name] = scores.set_index("metric")["value"]["r2"]
    return pd.Series(found, name="R² on held-out rows").rename_axis("forest trained on")


def attack_auc(scores: Floats) -> Estimate:
    """AUC of an attack with its interval, from the scores of members and then non-members.

    Examples
    --------
    >>> import numpy as np
    >>> attack_auc(np.array([3.0, 4.0, 5.0, 0.0, 1.0, 2.0])).value
    1.0
    """
    middle = len(scores) // 2
    found = auc(scores[:middle], scores[middle:])
    half = NormalDist().inv_cdf(0.975) * found.variance**0.5
    return Estimate(found.value, max(0.0, found.value - half), min(1.0, found.value + half))


@styled
def auc_figure(aucs: Mapping[str, Estimate]) -> Figure:
    """Intervals of the attack's AUC on one axis, with the line of guessing."""
    looks = {"hybrid": ("HybridDiffusion", COLOURS["hybrid"]), "copies": ("training rows", RED)}
    figure, ax = plt.subplots(figsize=(6.4, 1.7), layout="constrained")
    for y, (key, found) in enumerate(aucs.items()):
        colour = looks[key][1]
        ax.plot([found.low, found.high], [y, y], color=colour, lw=2.2)
        ax.plot(found.value, y, "o", color=colour)
    ax.axvline(CHANCE, color=BLACK, lw=0.8, ls=":")
    ax.set_yticks(range(len(aucs)), [looks[key][0] for key in aucs])
    ax.set(ylim=(len(aucs) - 0.5, -0.5), xlim=(0.4, 1.02), xlabel="AUC of the attack")
    return figure


def meaning(results: Mapping[str, Any]) -> str:
    """The closing sentences of the demo, with roles in place of values."""
    found = results["auc"]["hybrid"]
    told = (
        "its interval lies above one half, so that this attack finds some of the training rows"
        if found["low"] > CHANCE
        else "its interval does not lie above one half, so that it is not shown to find any"
    )
    return (
        "A forest that has seen synthetic rows only reaches an R² of {res}`this.r2.synthetic:.2f` "
        "on held-out real rows; one that was trained on the real rows reaches "
        "{res}`this.r2.real:.2f`. The attack on the synthetic rows has an AUC of "
        "{res}`this.auc.hybrid.value:.2f` ({given}`95 %` interval {res}`this.auc.hybrid.low:.2f` "
        f"to {{res}}`this.auc.hybrid.high:.2f`): {told}. The same attack on the training rows "
        "themselves has {res}`this.auc.copies.value:.2f`. This is one split, one training and one "
        "draw; another seed gives other values."
    )
