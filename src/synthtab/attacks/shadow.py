"""Row by row, over many trainings: what an average over all rows hides."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm
from sklearn.base import clone

from synthtab.attacks.distances import Floats
from synthtab.attacks.roc import Auc, Flagged, auc, flagged
from synthtab.attacks.whitebox import N_NOISES, SIGMA, OpenModel, log_losses
from synthtab.generators.contract import RandomState
from synthtab.parallel import carry_out
from synthtab.table.schema import Schema

Bools = npt.NDArray[np.bool_]


class Trainings(NamedTuple):
    """One model a line: the log loss of every row, and which rows it was trained on."""

    log_loss: Floats
    """Mean over noise levels, shape (n_models, n)."""
    is_member: Bools
    """Shape (n_models, n); every row is a member of half of the models."""


def repeated_training(
    generator: OpenModel,
    rows: pd.DataFrame,
    schema: Schema,
    *,
    n_models: int,
    random_state: RandomState = None,
    n_jobs: int = 1,
) -> Trainings:
    """Train a model again and again, each time on another half of the rows.

    Losses are those of `synthtab.attacks.whitebox.white_box_scores`, at its levels and with as many
    noises, the same for all models. The models are clones of the generator and come in pairs on
    complementary halves; of the rows an even number is used. `random_state` is the seed of halves,
    trainings and noises. Results do not depend on the number of processes, `n_jobs`.

    Raises
    ------
    ValueError
        If the number of models is not a multiple of 4, or less than 8.
    """
    if n_models < 8 or n_models % 4:
        raise ValueError(f"n_models={n_models}: give a multiple of 4, and 8 at least")
    rng = np.random.default_rng(random_state)
    rows = rows.iloc[: len(rows) // 2 * 2].reset_index(drop=True)
    is_member = np.zeros((n_models, len(rows)), dtype=bool)
    for pair in range(0, n_models, 2):
        is_member[pair, rng.permutation(len(rows))[: len(rows) // 2]] = True
        is_member[pair + 1] = ~is_member[pair]
    noise_seeds = [int(s) for s in rng.integers(2**63, size=len(SIGMA))]
    tasks = [
        (clone(generator), rows, member, schema, noise_seeds, int(seed))
        for member, seed in zip(is_member, rng.integers(2**31, size=n_models), strict=True)
    ]
    losses = carry_out(_log_loss, tasks, n_jobs=n_jobs)
    return Trainings(np.array(losses), is_member)


def _log_loss(
    model: Any,
    rows: pd.DataFrame,
    member: Bools,
    schema: Schema,
    noise_seeds: list[int],
    seed: int,
) -> Floats:
    model.set_params(random_state=seed).fit(rows[member].reset_index(drop=True), schema)
    return log_losses(model, rows, sigma=SIGMA, n_noises=N_NOISES, seeds=noise_seeds)


class Exposed(NamedTuple):
    """How well rows are told to be members, over the models kept for judging."""

    auc: Auc
    flags: Flagged
    """At the false positive rate asked for."""
    n_rows: int


def exposure(trained: Trainings) -> Floats:
    """How much lower each row's loss is where it was trained on, in standard deviations, (n,).

    The mean log loss of models that did not see the row minus that of models that did, over the
    standard deviation within these two groups, pooled over all rows.
    """
    seen, unseen, deviation = _by_membership(trained)
    return np.asarray((unseen - seen) / deviation)


def _by_membership(trained: Trainings) -> tuple[Floats, Floats, float]:
    """Mean log loss of each row over models that saw it, and that did not; their deviation."""
    seen, unseen = (
        np.where(kind, trained.log_loss, 0.0).sum(axis=0) / kind.sum(axis=0)
        for kind in (trained.is_member, ~trained.is_member)
    )
    residual = trained.log_loss - np.where(trained.is_member, seen, unseen)
    n_models, n = residual.shape
    return seen, unseen, float(np.sqrt((residual**2).sum() / ((n_models - 2) * n)))


def likelihood_ratio_attack(
    trained: Trainings,
    *,
    share: float = 0.05,
    fpr: float = 0.1,
    random_state: RandomState = None,
) -> dict[str, Exposed]:
    """Attack half of the models with what the other half taught, for all and for exposed rows.

    LiRA of Carlini et al. (2022) in its online form with one variance for all rows: the first half
    of the models gives each row a mean log loss with and without it; a row's score under a model of
    the second half is the log likelihood ratio of its loss. The most exposed rows are chosen by
    the first half alone, so that choosing them does not flatter the result.

    Models are in pairs, as `repeated_training` makes them. Of the rows the share `share` counts as
    most exposed; `fpr` is the false positive rate of the flags, and ties are broken at random.

    Returns
    -------
    dict of str to Exposed
        ``all`` rows and the ``exposed`` ones. Scores of all models are judged together.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> member = np.repeat(rng.random((4, 200)) < 0.5, 2, axis=0) ^ np.arange(8)[:, None] % 2 == 1
    >>> loss = rng.normal(size=(8, 200)) - 3 * member * (np.arange(200) < 10)
    >>> found = likelihood_ratio_attack(Trainings(loss, member), random_state=0)
    >>> found["exposed"].n_rows, bool(found["exposed"].auc.value > found["all"].auc.value + 0.2)
    (10, True)
    """
    rng = np.random.default_rng(random_state)
    half = len(trained.log_loss) // 2
    taught = Trainings(trained.log_loss[:half], trained.is_member[:half])
    judged = Trainings(trained.log_loss[half:], trained.is_member[half:])
    seen, unseen, deviation = _by_membership(taught)
    score = norm.logpdf(judged.log_loss, seen, deviation) - norm.logpdf(
        judged.log_loss, unseen, deviation
    )
    n = score.shape[1]
    n_exposed = max(1, round(share * n))
    groups = {"all": np.arange(n), "exposed": np.argsort(-exposure(taught))[:n_exposed]}
    found = {}
    for key, rows in groups.items():
        member, values = judged.is_member[:, rows].ravel(), score[:, rows].ravel()
        parts = (values[member], values[~member])
        found[key] = Exposed(auc(*parts), flagged(*parts, fpr=fpr, random_state=rng), len(rows))
    return found
