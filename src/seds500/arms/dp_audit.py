"""An attack on DP-SGD in its worst case: what epsilon must be at least, from what is seen.

The accountant gives an upper bound on epsilon, proved on paper; it says nothing of mistakes in the
code. An *audit* gives a lower bound by attacking the code itself (Jagielski, Ullman & Oprea, 2020,
"Auditing differentially private machine learning"; Nasr et al., 2021, "Adversary instantiation").
A lower bound above the upper one means that something is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import beta
from torch import Tensor

from synthtab.diffusion.denoiser import MLPDenoiser
from synthtab.diffusion.process import HybridProcess
from synthtab.diffusion.training import Rows
from synthtab.dp.training import train_privately

FloatArray = NDArray[np.float64]

_PROCESS = HybridProcess((), n_num=1)
_FAR_OUT = Rows(*(torch.full((1, 1), 1 - 1e-6, dtype=torch.float64),) * 2, torch.zeros(1, 0).long())


class Scores(NamedTuple):
    """What the attacker sees: one score a training, high where the row seems to have been in."""

    present: FloatArray
    absent: FloatArray


def worst_case_scores(
    n_trainings: int,
    *,
    noise_multiplier: float,
    sample_rate: float = 1.0,
    n_steps: int = 1,
    random_state: int | np.random.Generator | None = None,
) -> Scores:
    """Train on one row far out and on no row at all, many times, and score the weights.

    Differential privacy must hold for every pair of tables that differ by a row. This is the pair
    that shows the most: other rows could only hide the one. Its gradient is far longer than
    the length it is cut to, and points nearly the same way in every draw. The attacker knows the
    initial weights and the row, and measures how far the weights went down the row's gradient.

    Parameters
    ----------
    n_trainings : int
        Trainings with the row, and as many without it.
    noise_multiplier, sample_rate, n_steps
        Of the DP-SGD that is attacked: see `synthtab.dp.training.train_privately`.
    random_state : int, Generator or None, default=None
        Source of randomness.

    Returns
    -------
    Scores
        Two arrays of shape (n_trainings,).
    """
    rng = np.random.default_rng(random_state)
    no_row = Rows(*(part[:0] for part in _FAR_OUT))
    start = _network()
    downhill = -_gradient(start)
    scores = []
    for rows in (_FAR_OUT, no_row):
        for _ in range(n_trainings):
            trained = train_privately(
                _network(),
                _PROCESS,
                rows,
                noise_multiplier=noise_multiplier,
                sample_rate=sample_rate,
                n_iter=n_steps,
                n_rows=1,
                learning_rate=1e-3,
                ema_decay=0.0,
                n_draws=64,
                rng=rng,
            )
            scores.append(float((_weights(trained) - _weights(start)) @ downhill))
    present, absent = np.array(scores).reshape(2, n_trainings)
    return Scores(present, absent)


def epsilon_lower_bound(scores: Scores, delta: float, *, confidence: float = 0.95) -> float:
    """Least epsilon that the success of an attack allows.

    An attacker who is right about a present row with probability TPR, and wrong about an absent
    one with probability FPR, proves that ``TPR <= exp(epsilon) * FPR + delta``, and so with present
    and absent exchanged (Kairouz, Oh & Viswanath, 2015, "The composition theorem for differential
    privacy", theorem 2.1). The threshold is chosen on one half of the scores; the rates are counted
    on the other, and replaced by their Clopper-Pearson bounds.

    Parameters
    ----------
    scores : Scores
        Of independent trainings.
    delta : float
        That of the guarantee which is audited.
    confidence : float, default=0.95
        Probability with which the bound holds.

    Returns
    -------
    float
        0 where the attack shows nothing.

    Examples
    --------
    >>> told_apart = Scores(present=np.ones(1000), absent=np.zeros(1000))
    >>> round(epsilon_lower_bound(told_apart, delta=0.01), 1)
    4.9
    """

    def proved(tpr: FloatArray, fpr: FloatArray) -> FloatArray:
        return np.log(np.maximum(tpr - delta, fpr) / fpr)

    return _strongest(scores, proved, confidence)


def mu_lower_bound(scores: Scores, *, confidence: float = 0.95) -> float:
    """Least mu that the success of an attack allows, if the mechanism is Gaussian.

    Sharper than `epsilon_lower_bound`, but only for DP-SGD in which all rows take part in every
    step. There ``TPR <= Phi(mu + Phi^-1(FPR))`` with mu = sqrt(steps) / noise (Nasr et al., 2023,
    "Tight auditing of differentially private machine learning").

    Parameters
    ----------
    scores : Scores
        Of independent trainings.
    confidence : float, default=0.95
        Probability with which the bound holds.

    Returns
    -------
    float

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> scores = Scores(rng.normal(1.0, 1.0, 4000), rng.normal(0.0, 1.0, 4000))
    >>> 0.8 < mu_lower_bound(scores) < 1.0
    True
    """
    return _strongest(scores, lambda tpr, fpr: ndtri(tpr) - ndtri(fpr), confidence)


def _strongest(
    scores: Scores, proved: Callable[[FloatArray, FloatArray], FloatArray], confidence: float
) -> float:
    """What the best guess proves: chosen on the even scores, counted on the odd ones."""
    first, second = (Scores(*(part[start::2] for part in scores)) for start in (0, 1))
    thresholds = np.unique(np.concatenate(first))
    best = np.argmax(proved(*_rates(first, thresholds, confidence)))
    return max(0.0, float(proved(*_rates(second, thresholds, confidence))[best]))


def _rates(
    scores: Scores, thresholds: FloatArray, confidence: float
) -> tuple[FloatArray, FloatArray]:
    """Lower bounds on the rate of right guesses and upper ones on that of wrong guesses.

    First for "present at the threshold and above", then for "absent at the threshold and below".
    Bounds are those of Clopper & Pearson (1934), each with half of the risk.
    """
    present, absent = (np.sort(part) for part in scores)
    right = [len(present) - np.searchsorted(present, thresholds)]
    wrong = [len(absent) - np.searchsorted(absent, thresholds)]
    right.append(np.searchsorted(absent, thresholds, side="right"))
    wrong.append(np.searchsorted(present, thresholds, side="right"))
    k, m, n = np.concatenate(right), np.concatenate(wrong), len(present)
    level = (1 - confidence) / 2
    # Clopper-Pearson for all thresholds at once; scipy's `binomtest` takes one count at a time.
    with np.errstate(invalid="ignore"):  # beta distributions end at 0 and n
        tpr = np.where(k > 0, beta.ppf(level, k, n - k + 1), 0.0)
        fpr = np.where(m < n, beta.ppf(1 - level, m + 1, n - m), 1.0)
    return tpr, fpr


def _network() -> MLPDenoiser:
    """A small network, the same each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return MLPDenoiser(1, [], [], width=8, depth=1, n_frequencies=0)


def _weights(network: MLPDenoiser) -> Tensor:
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def _gradient(network: MLPDenoiser, n_draws: int = 4096) -> Tensor:
    """Direction of the mean gradient of the row's loss, of length 1."""
    generator = torch.Generator().manual_seed(0)
    x_num, x_cat = _FAR_OUT.batch(torch.zeros(n_draws, dtype=torch.int64), generator)
    _PROCESS.loss(network, x_num, x_cat, generator).backward()  # type: ignore[no-untyped-call]
    gradient = torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])
    direction: Tensor = gradient / gradient.norm()
    return direction
