"""Row by row, over many trainings: what an average over all rows hides."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial.distance import cdist
from sklearn.base import clone

from synthtab.attacks.distances import Floats, MixedDistance
from synthtab.attacks.roc import Flagged, auc, flagged, pool
from synthtab.attacks.whitebox import N_NOISES, SIGMA, LikelihoodModel, NoisedModel, log_losses
from synthtab.evaluation.intervals import Estimate, interval
from synthtab.generators.contract import Generator, RandomState
from synthtab.parallel import carry_out
from synthtab.table.schema import Schema

Bools = npt.NDArray[np.bool_]

WHITE_BOX = "white_box"
_FEWEST = 6  # models: a pair to attack, and two to learn from
_TOUCHING = 0.02  # standard deviations; nearer is as near as a copy
_K = 5
_WIDTH = 0.6  # of the kernel, in median distances of real rows to the k-th next one
_LEAST_DENSITY = 1e-6  # of drawn rows, weighted by the kernel
_CHUNK = 2**22  # distances held at once
_FPR: Mapping[str, float] = {"all": 0.01, "exposed": 0.1}


class Trainings(NamedTuple):
    """One model a line: figures of every row, and which rows the model was trained on.

    Models are in pairs on complementary halves of the rows.
    """

    statistic: Floats
    """A log loss, or log distances: smaller where a row is known; shape (n_models, n, k)."""
    is_member: Bools
    """Shape (n_models, n); every row is a member of half of the models."""


class Exposed(NamedTuple):
    """How well rows are told to be members, over all models."""

    auc: Estimate
    """Mean over pairs of models, with the interval that their scatter gives."""
    flags: Flagged
    """At a false positive rate of 1 % for all rows, of 10 % for the exposed ones."""
    null: float
    """The same AUC where who was a member is made up: 0.5, or the attack itself is at fault."""
    n_rows: int
    n_models: int
    is_sound: bool = True
    """Whether the interval of `null`, of a confidence of 99 %, holds 0.5."""


def shadow_attack(
    generator: Generator,
    frame: pd.DataFrame,
    schema: Schema,
    *,
    n_models: int = 16,
    draws: Sequence[float] = (1, 5),
    white_box: bool = False,
    share: float = 0.05,
    seconds: float | None = None,
    random_state: RandomState = None,
    n_jobs: int = 1,
) -> dict[str, dict[str, Exposed]]:
    """Fit a generator again and again, and tell who was trained on from the tables drawn.

    The likelihood ratio attack (LiRA) of Carlini et al. (2022), on synthetic tables: see
    `repeated_training` for the models and `likelihood_ratio_attack` for the attack.

    Parameters
    ----------
    generator : Generator
        Clones of it are fitted, each to another half of the rows.
    frame : DataFrame
        Real rows.
    schema : Schema
        Their description.
    n_models, draws, white_box, seconds, n_jobs
        As in `repeated_training`.
    share : float, default=0.05
        Of the rows, how many count as the most exposed ones.
    random_state : int, Generator or None, default=None
        Seed of halves, trainings, draws and ties.

    Returns
    -------
    dict of str to dict of str to Exposed
        By what is attacked, ``drawn_1``, ``drawn_5`` and ``white_box``: ``all`` rows, and the
        ``exposed`` ones. Empty if the time did not suffice for six models.

    Examples
    --------
    >>> from synthtab.generators.reference import Bootstrap
    >>> from synthtab.table.example import example_table
    >>> table = example_table().subset(200, random_state=0)
    >>> found = shadow_attack(Bootstrap(), table.frame, table.schema, n_models=6, random_state=0)
    >>> bool(found["drawn_5"]["exposed"].auc.value > 0.9)
    True
    """
    rng = np.random.default_rng(random_state)
    trained = repeated_training(
        generator, frame, schema, n_models=n_models, draws=draws, white_box=white_box,
        seconds=seconds, random_state=rng, n_jobs=n_jobs,
    )  # fmt: skip
    return {
        name: likelihood_ratio_attack(of, share=share, random_state=rng)
        for name, of in trained.items()
    }


def repeated_training(
    generator: Generator,
    rows: pd.DataFrame,
    schema: Schema,
    *,
    n_models: int,
    draws: Sequence[float] = (1, 5),
    white_box: bool = False,
    seconds: float | None = None,
    random_state: RandomState = None,
    n_jobs: int = 1,
) -> dict[str, Trainings]:
    """Train a generator again and again, each time on another half of the rows.

    The models are clones of the generator and come in pairs on complementary halves; of the rows an
    even number is used.

    Parameters
    ----------
    generator : Generator
    rows : DataFrame
    schema : Schema
    n_models : int
        An even number, 6 at least.
    draws : sequence of float, default=(1, 5)
        Rows of the tables attacked, in multiples of a model's training rows. Statistics are the log
        distance to the nearest drawn row, which finds copies, and minus the log density of drawn
        rows around a row, which finds what is learnt too well.
    white_box : bool, default=False
        Whether to attack the models too, by the losses of
        `synthtab.attacks.whitebox.white_box_scores`, with the same noises for all.
    seconds : float or None, default=None
        No pair is begun that would end later, as the pairs before tell. None: all are trained.
    random_state : int, Generator or None, default=None
        Seed of halves, trainings, draws and noises.
    n_jobs : int, default=1
        Processes. Results do not depend on it, unless time runs out.

    Returns
    -------
    dict of str to Trainings
        Empty if the time did not suffice for six models.

    Raises
    ------
    ValueError
        If the number of models is odd or less than 6, or the model is closed to a white box.
    """
    if n_models < _FEWEST or n_models % 2:
        raise ValueError(f"n_models={n_models}: give an even number, and {_FEWEST} at least")
    if white_box and not isinstance(generator, LikelihoodModel | NoisedModel):
        raise ValueError(f"{type(generator).__name__} tells no loss of a row: no white box")
    rng = np.random.default_rng(random_state)
    rows = rows.iloc[: len(rows) // 2 * 2].reset_index(drop=True)
    n = len(rows)
    is_member = np.zeros((n_models, n), dtype=bool)
    for pair in range(0, n_models, 2):
        is_member[pair, rng.permutation(n)[: n // 2]] = True
        is_member[pair + 1] = ~is_member[pair]
    noise_seeds = [int(s) for s in rng.integers(2**63, size=len(SIGMA))]
    tasks = [
        (clone(generator), rows, member, schema, tuple(draws), white_box, noise_seeds, int(seed))
        for member, seed in zip(is_member, rng.integers(2**31, size=n_models), strict=True)
    ]
    step = n_models if seconds is None else 2 * max(1, n_jobs // 2)
    found: list[dict[str, Floats]] = []
    began = time.monotonic()
    for start in range(0, n_models, step):
        found += carry_out(_statistics, tasks[start : start + step], n_jobs=n_jobs)
        done, used = len(found), time.monotonic() - began
        # What six models would take is known after the first ones: none may be worth training.
        needed = max(_FEWEST, min(done + step, n_models))
        if seconds is not None and used * needed / done > seconds:
            break
    if len(found) < _FEWEST:
        return {}
    return {
        name: Trainings(np.array([f[name] for f in found]), is_member[: len(found)])
        for name in found[0]
    }


def _statistics(
    model: Any,
    rows: pd.DataFrame,
    member: Bools,
    schema: Schema,
    draws: Sequence[float],
    white_box: bool,
    noise_seeds: list[int],
    seed: int,
) -> dict[str, Floats]:
    if "random_state" in model.get_params():
        model.set_params(random_state=seed)
    model.fit(rows[member].reset_index(drop=True), schema)
    n_drawn = [max(1, round(factor * member.sum())) for factor in draws]
    drawn = model.sample(max(n_drawn, default=1), random_state=seed)
    found = {
        f"drawn_{factor:g}": table_statistic(rows, drawn.head(n), schema)
        for factor, n in zip(draws, n_drawn, strict=True)
    }
    if white_box:
        losses = log_losses(model, rows, sigma=SIGMA, n_noises=N_NOISES, seeds=noise_seeds)
        found[WHITE_BOX] = losses[:, None]
    return found


def table_statistic(rows: pd.DataFrame, drawn: pd.DataFrame, schema: Schema) -> Floats:
    """What a drawn table says of each row, shape (n, 2): see ``draws`` of `repeated_training`."""
    metric = MixedDistance(schema, scale_by=rows)
    points = metric.coordinates(rows)
    width = _WIDTH * float(np.median(metric.nearest(rows, rows, k=_K + 1).distance[:, _K])) or 1.0
    nearest = metric.nearest(rows, drawn).distance[:, 0]
    density = _density(points, metric.coordinates(drawn), width)
    return np.column_stack([np.log(nearest + _TOUCHING), -np.log(density + _LEAST_DENSITY)])


def _density(points: Floats, drawn: Floats, width: float) -> Floats:
    """Mean of a Gaussian kernel over drawn rows, at each point, shape (n,)."""
    step = max(1, _CHUNK // len(drawn))
    parts = [
        np.exp(-cdist(points[i : i + step], drawn, "sqeuclidean") / (2 * width**2)).mean(axis=1)
        for i in range(0, len(points), step)
    ]
    return np.concatenate(parts)


class _Taught(NamedTuple):
    """What models say of each row: the middle of its two means, and how far these lie apart."""

    middle: Floats
    gap: Floats
    covariance: Floats

    @property
    def weights(self) -> Floats:
        """What a row's statistics are multiplied with in the log likelihood ratio, (n, k)."""
        return np.asarray(self.gap @ np.linalg.pinv(self.covariance))

    @property
    def exposure(self) -> Floats:
        """Distance of the two means in standard deviations, squared, shape (n,)."""
        return np.asarray((self.gap * self.weights).sum(axis=1))


def _taught(trained: Trainings) -> _Taught:
    """Mean statistics with and without each row, the difference shrunk to that of all rows."""
    values, member = trained.statistic, trained.is_member[..., None]
    seen, unseen = (
        np.where(kind, values, 0.0).sum(axis=0) / kind.sum(axis=0) for kind in (member, ~member)
    )
    n_models, n, _ = values.shape
    residual = values - np.where(member, seen, unseen)
    covariance = np.einsum("mni,mnj->ij", residual, residual) / ((n_models - 2) * n)
    raw = unseen - seen
    noise = 4 * np.diag(covariance) / n_models
    signal = np.maximum(((raw - raw.mean(axis=0)) ** 2).mean(axis=0) - noise, 0.0)
    weight = signal / np.maximum(signal + noise, 1e-300)
    gap = raw.mean(axis=0) + weight * (raw - raw.mean(axis=0))
    return _Taught((seen + unseen) / 2, gap, covariance)


def likelihood_ratios(taught_by: Trainings, statistic: Floats) -> tuple[Floats, Floats]:
    """Log likelihood ratio of each row under models that others trained, and its exposure.

    Parameters
    ----------
    taught_by : Trainings
        Models of which it is known who was a member.
    statistic : ndarray of shape (..., n, k)
        Of the models attacked.

    Returns
    -------
    score : ndarray of shape (..., n)
        Larger where a row is more likely a member.
    exposure : ndarray of shape (n,)
        How far apart the models with and without a row are; rows that rank high are told best.
    """
    taught = _taught(taught_by)
    return ((taught.middle - statistic) * taught.weights).sum(axis=-1), taught.exposure


def likelihood_ratio_attack(
    trained: Trainings, *, share: float = 0.05, random_state: RandomState = None
) -> dict[str, Exposed]:
    """Attack each pair of models with what the other pairs taught, for all and for exposed rows.

    LiRA of Carlini et al. (2022) in its online form: the other models give each row a mean with and
    without it, and a row's score is the log likelihood ratio of its statistics under two normal
    laws of one covariance. A row has been seen by few models, so the difference of its two means is
    shrunk to that of all rows, as far as its noise asks for (empirical Bayes). The most exposed
    rows, a share `share` of all, are chosen by the other pairs alone, for each pair anew, so that
    choosing them does not flatter the result.

    Returns
    -------
    dict of str to Exposed
        ``all`` rows and the ``exposed`` ones.

    Notes
    -----
    Intervals are of Student's t over pairs, whose halves were drawn independently. They say how the
    result scatters with trainings; another table is another matter.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> member = np.repeat(rng.random((4, 200)) < 0.5, 2, axis=0) ^ np.arange(8)[:, None] % 2 == 1
    >>> loss = (rng.normal(size=(8, 200)) - 3 * member * (np.arange(200) < 10))[..., None]
    >>> found = likelihood_ratio_attack(Trainings(loss, member), random_state=0)
    >>> found["exposed"].n_rows, bool(found["exposed"].auc.value > found["all"].auc.value + 0.2)
    (10, True)
    """
    rng = np.random.default_rng(random_state)
    n_models, n, _ = trained.statistic.shape
    swapped = np.repeat(rng.random((n_models // 2, n)) < 0.5, 2, axis=0)
    null, _ = _by_pair(trained._replace(is_member=trained.is_member ^ swapped), share, rng)
    areas, flags = _by_pair(trained, share, rng)
    sizes = {"all": n, "exposed": _n_exposed(share, n)}
    return {
        key: Exposed(
            _within(interval(areas[key])),
            pool(flags[key]),
            float(np.mean(null[key])),
            sizes[key],
            n_models,
            _holds_half(interval(null[key], confidence=0.99)),
        )
        for key in sizes
    }


def _n_exposed(share: float, n: int) -> int:
    return max(2, round(share * n))


def _by_pair(
    trained: Trainings, share: float, rng: np.random.Generator
) -> tuple[dict[str, list[float]], dict[str, list[Flagged]]]:
    """AUC and flags of every pair of models, for all and for the most exposed rows."""
    n_models, n, _ = trained.statistic.shape
    areas: dict[str, list[float]] = {key: [] for key in _FPR}
    flags: dict[str, list[Flagged]] = {key: [] for key in _FPR}
    for first in range(0, n_models, 2):
        others = np.delete(np.arange(n_models), [first, first + 1])
        known = Trainings(trained.statistic[others], trained.is_member[others])
        own = slice(first, first + 2)
        score, exposure = likelihood_ratios(known, trained.statistic[own])
        ranked = np.argsort(-exposure, kind="stable")
        groups = {"all": np.arange(n), "exposed": ranked[: _n_exposed(share, n)]}
        for key, rows in groups.items():
            member, values = trained.is_member[own, rows].ravel(), score[:, rows].ravel()
            parts = values[member], values[~member]
            areas[key].append(auc(*parts).value)
            fpr = max(_FPR[key], 1 / len(rows))
            flags[key].append(flagged(*parts, fpr=fpr, random_state=rng))
    return areas, flags


def _within(estimate: Estimate) -> Estimate:
    return estimate._replace(low=max(0.0, estimate.low), high=min(1.0, estimate.high))


def _holds_half(estimate: Estimate) -> bool:
    return bool(estimate.low <= 0.5 <= estimate.high)
