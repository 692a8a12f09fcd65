"""Membership attacks on the model itself: is a row's training loss lower than it should be?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, Self, runtime_checkable

import numpy as np
import pandas as pd

from synthtab.attacks.distances import Floats
from synthtab.generators.contract import RandomState
from synthtab.table.schema import Schema
from synthtab.table.split import PrivacySplit

SIGMA = (0.1, 0.3, 1.0)
N_NOISES = 16
# A noise that masks no category of a table without numbers gives a loss of 0 for every row.
_FLOOR = 1e-12


@runtime_checkable
class LikelihoodModel(Protocol):
    """A generator that tells how probable given rows are, as `HybridDiffusion` does."""

    def fit(self, frame: pd.DataFrame, schema: Schema) -> Self:
        """Learn from real rows."""
        ...

    def log_likelihood(self, frame: pd.DataFrame) -> Floats:
        """Log probability of each row."""
        ...


@runtime_checkable
class NoisedModel(Protocol):
    """A generator that tells the loss of noised rows, as `GaussianHybridDiffusion` does."""

    def fit(self, frame: pd.DataFrame, schema: Schema) -> Self:
        """Learn from real rows."""
        ...

    def row_loss(
        self,
        frame: pd.DataFrame,
        *,
        sigma: Sequence[float],
        n_noises: int = 1,
        random_state: RandomState = None,
    ) -> Floats:
        """Mean loss of each row over noise levels and noises, the same for every row."""
        ...


OpenModel = LikelihoodModel | NoisedModel


def log_losses(
    model: OpenModel,
    rows: pd.DataFrame,
    *,
    sigma: Sequence[float],
    n_noises: int,
    seeds: Sequence[int],
) -> Floats:
    """Log loss of each row, shape (n,): what a white-box attack knows of it.

    The negative log likelihood where the model has one. Else the log of the loss at each noise
    level, whose noises have a seed of their own, and then the mean: losses of levels differ in
    size.
    """
    if isinstance(model, LikelihoodModel):
        return -model.log_likelihood(rows)
    logs = [
        np.log(model.row_loss(rows, sigma=[s], n_noises=n_noises, random_state=seed) + _FLOOR)
        for s, seed in zip(sigma, seeds, strict=True)
    ]
    return np.asarray(np.mean(logs, axis=0), dtype=np.float64)


def white_box_scores(
    model: OpenModel,
    reference_model: OpenModel,
    split: PrivacySplit,
    *,
    sigma: Sequence[float] = SIGMA,
    n_noises: int = N_NOISES,
    random_state: RandomState = None,
) -> Floats:
    """Score rows by how much better the model knows them than a model of other rows does.

    Parameters
    ----------
    model : OpenModel
        The fitted model under attack.
    reference_model : OpenModel
        One like it, fitted to reference rows: neither members nor targets. A row that is hard to
        learn has a high loss in both, which says nothing of who was a member.
    split : PrivacySplit
        Its targets, members and non-members, are scored.
    sigma : sequence of float, default=(0.1, 0.3, 1.0)
        Noise levels, of models without a likelihood: see `log_losses`.
    n_noises : int, default=16
        Noises at each level, the same for both models and all rows.
    random_state : int, Generator or None, default=None
        Seed of the noises.

    Returns
    -------
    ndarray of shape (n_targets,)
        Log of reference loss over loss, higher for "member". With likelihoods it is the log of
        their ratio.

    Notes
    -----
    The loss of a diffusion model at fixed noises, averaged over noise levels, is the usual score of
    white-box attacks on them (Carlini et al., 2023, for images); the ratio to a reference model
    is the calibration of Watson et al. (2022).
    """
    seeds = np.random.default_rng(random_state).integers(2**63, size=len(sigma)).tolist()
    reference, own = (
        log_losses(m, split.targets, sigma=sigma, n_noises=n_noises, seeds=seeds)
        for m in (reference_model, model)
    )
    return reference - own
