"""STaSy: score-based diffusion of a row as one vector, with self-paced learning.

Kim et al. (2023), "STaSy: Score-based tabular data synthesis", ICLR (arXiv 2210.04018), written
from the paper. Where the paper is silent its authors' program decides (github.com/JayoungKim408/
STaSy, read and not copied); each departure is marked NOTE.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import elu

from synthtab.diffusion.training import Callback, update_average
from synthtab.generators.contract import RandomState
from synthtab.generators.fitting import optimise
from synthtab.generators.scores.edm import heun
from synthtab.generators.scores.model import Noise, Rows, ScoreModel
from synthtab.generators.scores.networks import most_probable, one_hot
from synthtab.generators.tabddpm.encoding import Scaling
from synthtab.table.encoding import FloatArray

SIGMA_MIN, SIGMA_MAX = 0.01, 10.0
_LEAST_TIME = 1e-5
_EMA_DECAY = 0.9999
_MAX_NORM = 1.0
_WARM_UP = 0.1  # share of the steps
_EASY, _HARD = 0.3, 0.95  # first quantile levels of the self-paced weights
_SHAPE = (1, 2, 4, 4, 2, 1)  # hidden layers, in widths


def noise_level(t: Tensor) -> Tensor:
    """Noise at times 0 to 1 of the variance-exploding process: geometric, 0.01 to 10.

    Examples
    --------
    >>> noise_level(torch.tensor([0.0, 1.0]))
    tensor([1.0000e-02, 1.0000e+01])
    """
    sigma: Tensor = SIGMA_MIN * torch.exp(t * math.log(SIGMA_MAX / SIGMA_MIN))
    return sigma


def quantile_levels(share: float) -> tuple[float, float]:
    """Levels of the losses below which rows count fully, and above which not at all.

    They grow from 0.3 and 0.95 to 1, which both have reached before a `share` of 1 of the
    self-paced steps is done: every row then counts.

    Examples
    --------
    >>> quantile_levels(0.0), quantile_levels(1.0)
    ((0.3, 0.95), (1.0, 1.0))
    """
    growth = (math.e - 1) * min(share, 1.0)
    easy, hard = (min(1.0, q + math.log1p(growth * (1 - q))) for q in (_EASY, _HARD))
    return easy, hard


def self_paced_weights(losses: Tensor, share: float) -> Tensor:
    """Weights in [0, 1] of the rows of a batch, by their losses (n,): easy rows first.

    1 up to the first quantile, 0 from the second on, and linear in between.

    Examples
    --------
    >>> self_paced_weights(torch.tensor([1.0, 4.0, 2.0, 3.0, 0.0]), share=0.0).round(decimals=1)
    tensor([1.0000, 0.0000, 0.7000, 0.3000, 1.0000])
    """
    low, high = torch.quantile(losses, losses.new_tensor(quantile_levels(share)))
    # The span is 0 when every row counts.
    weights = (high - losses) / (high - low).clamp(min=torch.finfo(losses.dtype).tiny)
    return torch.where(losses <= low, 1.0, weights.clamp(0, 1))


class ConcatSquash(nn.Module):
    """Linear(x) * sigmoid(gate(t)) + bias(t), in front of x itself, through an ELU."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.linear = nn.Linear(n_in, n_out)
        self.gate, self.bias = nn.Linear(1, n_out), nn.Linear(1, n_out, bias=False)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        new = self.linear(x) * torch.sigmoid(self.gate(t)) + self.bias(t)
        return elu(torch.cat([new, x], dim=1))


class ScoreNetwork(nn.Module):
    """Noise that is in rows: (n, size) and times (n,) to (n, size).

    The score is minus that, divided by the noise level.
    """

    def __init__(self, size: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        n_in = size
        for width in widths:
            self.layers.append(ConcatSquash(n_in, width))
            n_in += width
        self.output = nn.Linear(n_in, size)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x, t[:, None])
        noise: Tensor = self.output(x)
        return noise

    def losses(self, x: Tensor, noise: Noise) -> Tensor:
        """Mean squared error of each row's noise, at a uniform time of its own: (n,)."""
        t = _LEAST_TIME + (1 - _LEAST_TIME) * noise.uniform((len(x),))
        eps = noise.normal(x.shape)
        noisy = x + noise_level(t)[:, None] * eps
        losses: Tensor = (self(noisy, t) - eps).square().mean(1)
        return losses

    def draw(self, n: int, n_steps: int, noise: Noise) -> Tensor:
        """Rows from noise, by the probability flow, its last step to the mean."""
        start = SIGMA_MAX * noise.normal((n, self.output.out_features))
        times = torch.linspace(1, 0, n_steps, dtype=torch.float64)
        span = math.log(SIGMA_MAX / SIGMA_MIN)

        def denoise(x: Tensor, sigma: float) -> Tensor:
            t = torch.full((n,), math.log(sigma / SIGMA_MIN) / span, device=x.device)
            clean: Tensor = x - sigma * self(x, t)
            return clean

        return heun(denoise, start, [*noise_level(times).tolist(), 0.0])


class STaSy(ScoreModel):
    """STaSy: a row is one vector of numbers and one-hot categories, and diffusion draws it.

    Kim et al. (2023). Training begins with the rows that are easy, those of small loss, and takes
    in the others step by step.

    Parameters
    ----------
    n_iter : int, default=6000
        Optimiser steps. Published: 10,000 passes over the table in steps of 1,000 rows, that is
        30,000 steps for 3,000 rows.
    batch_size : int, default=512
        Rows per step; all of them in a smaller table. Published: 1,000.
    width : int, default=64
        Sizes of the six hidden layers are 1, 2, 4, 4, 2 and 1 times this. Published: 256, for
        most tables.
    n_steps : int, default=100
        Noise levels visited in a draw.
    scaling : {"range", "quantile"}, default="range"
        How numbers enter: linearly in [0, 1], as published, or as normal scores, as in the copy of
        the program that came with TabSyn and that later papers compare with.
    learning_rate : float, default=2e-3
        Rate, as published, after a warm-up over a tenth of the steps.
    device, callback, random_state
        As in `synthtab.generators.tabsyn.TabSyn`.

    Attributes
    ----------
    schema_ : Schema
        Description of the fitted table.
    encoder_ : QuantileEncoder
        Fitted encoder, part of the model.
    network_ : ScoreNetwork
        Averaged weights.
    loss_curve_ : ndarray of shape (n_iter,)
        Training loss at each step, self-paced.

    Notes
    -----
    NOTE: the defaults are for two or three minutes on one core of a laptop. On a table of 2,000
    rows they see fifteen where the published training sees a hundred, at a quarter of its width;
    ``STaSy(n_iter=20_000, batch_size=1000, width=256)`` trains there as published.
    NOTE: of the three processes of the paper the variance-exploding one, the program's default, is
    here. Its last part, a fine-tuning by likelihood that takes most of the time, is left out, as in
    the copy that came with TabSyn.
    NOTE: layers see the time, as in the paper; the authors' program gives them the noise level,
    which hardly moves where it matters. The network predicts the noise, and its score is divided by
    the noise level, which is the same model in better condition.
    NOTE: rows are taken in random order. Self-pacing ends, and the warm-up does, at a share of the
    steps (a half and a tenth; published are 10,000 and 5,000 steps), so that a short training has
    all of its parts.
    NOTE: a draw follows the probability flow on a fixed grid with Heun's rule, where the program
    adapts its steps to all rows at once, so that a row does not depend on its neighbours.
    NOTE: numbers keep the decimals of their column, and a column of at most 32 whole numbers has
    no others; the program leaves continuous numbers unrounded.
    NOTE: least and largest values are those of the training rows; the program looks at the test
    rows too, and keeps the pass that does best on them. Here the last average draws.

    Rows are drawn in blocks of 512, each with a seed of its own; the first rows of a long draw are
    those of a short one.

    Examples
    --------
    >>> import pandas as pd
    >>> from synthtab import Schema
    >>> frame = pd.DataFrame({"size": [6, 8, 8, 10] * 10, "plant": ["a", "b", "b", "a"] * 10,
    ...                       "minutes": [700, 800, 810, 930] * 10})
    >>> schema = Schema.infer(frame, target="minutes")
    >>> model = STaSy(n_iter=10, width=8, n_steps=4, random_state=0)
    >>> model.fit(frame, schema).sample(3, random_state=1).shape
    (3, 3)
    """

    network_: ScoreNetwork

    def __init__(
        self,
        *,
        n_iter: int = 6000,
        batch_size: int = 512,
        width: int = 64,
        n_steps: int = 100,
        scaling: Scaling = "range",
        learning_rate: float = 2e-3,
        device: str = "auto",
        callback: Callback | None = None,
        random_state: RandomState = None,
    ) -> None:
        self.n_iter = n_iter
        self.batch_size = batch_size
        self.width = width
        self.n_steps = n_steps
        self.scaling = scaling
        self.learning_rate = learning_rate
        self.device = device
        self.callback = callback
        self.random_state = random_state

    def _learn(
        self, rows: Rows, cardinalities: tuple[int, ...], noise: Noise
    ) -> tuple[nn.Module, FloatArray]:
        x = torch.cat([rows.x_num, one_hot(rows.codes, cardinalities)], dim=1)
        widths = [factor * self.width for factor in _SHAPE]
        network = ScoreNetwork(x.shape[1], widths).to(self.device_)
        average = copy.deepcopy(network).requires_grad_(False)

        def loss(index: Tensor, step: int) -> Tensor:
            losses = network.losses(x[index.to(x.device)], noise)
            weights = self_paced_weights(losses.detach(), 2 * step / self.n_iter)
            return (weights * losses).mean()

        losses = optimise(
            torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True),
            loss,
            n_rows=len(x),
            batch_size=self.batch_size,
            n_iter=self.n_iter,
            generator=noise.generator,
            rate=lambda share: min(1.0, (share + 1 / self.n_iter) / _WARM_UP),
            max_norm=_MAX_NORM,
            after=lambda step: update_average(average, network, step, _EMA_DECAY),
            callback=self.callback,
        )
        return average, losses

    def _draw(self, n: int, noise: Noise) -> Rows:
        n_num, sizes = len(self.schema_.numerical), self.encoder_.cardinalities
        x = self.network_.draw(n, self.n_steps, noise)
        return Rows(x[:, :n_num], most_probable(x[:, n_num:], sizes))
