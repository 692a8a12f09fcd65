"""TabDiff: numbers in Gaussian noise and masked categories, on schedules learnt column by column.

Shi et al. (2025), "TabDiff: a mixed-type diffusion model for tabular data generation", ICLR
(arXiv 2410.20626), written from the paper. Where the paper is silent its authors' program decides
(github.com/MinkaiXu/TabDiff, read and not copied); each departure is marked NOTE.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from synthtab.diffusion.training import Callback, update_average
from synthtab.generators.contract import RandomState
from synthtab.generators.fitting import optimise
from synthtab.generators.scores.edm import (
    SIGMA_MAX,
    SIGMA_MIN,
    loss_weight,
    power_levels,
    preconditioning,
)
from synthtab.generators.scores.model import Noise, Rows, ScoreModel
from synthtab.generators.scores.networks import (
    TOKEN,
    Detokenizer,
    NoisePerceptron,
    Tokenizer,
    Transformer,
    cross_entropy,
    most_probable,
    one_hot,
)
from synthtab.table.encoding import FloatArray

_SIGMA_DATA = 1.0  # numbers are normal scores
_RHO_OFFSET, _RHO_START = 5.0, 7.0
_K_OFFSET, _K_START = 1.0, -6.0
_NEVER, _ALWAYS = 1e-5, 1e-3  # masked already at time 0; not yet masked at time 1
_LEAST_TIME = 1e-3
_TEMPERATURE = 0.01
_EMA_DECAY = 0.997
_CHURN = 1.0


class LearnedSchedules(nn.Module):
    """How noisy each number, and how likely masked each category, is at times 0 to 1.

    Numbers have the noise levels of Karras et al. (2022) with an exponent rho of their own, above
    5. A category is masked with probability 1e-5 + (1 - 1e-3 - 1e-5) t^k, with a k of its own,
    above 1.
    """

    def __init__(self, n_num: int, n_cat: int) -> None:
        super().__init__()
        self.raw_rho = nn.Parameter(torch.full((n_num,), _RHO_START))
        self.raw_k = nn.Parameter(torch.full((n_cat,), _K_START))

    @property
    def rho(self) -> Tensor:
        """Exponents of the numbers, (n_num,)."""
        return softplus(self.raw_rho) + _RHO_OFFSET

    @property
    def k(self) -> Tensor:
        """Exponents of the categories, (n_cat,)."""
        return softplus(self.raw_k) + _K_OFFSET

    def sigma(self, t: Tensor) -> Tensor:
        """Noise levels at times (n,): shape (n, n_num)."""
        return power_levels(t[:, None], self.rho)

    def time_of(self, sigma: Tensor) -> Tensor:
        """Times of noise levels, the inverse of `sigma`: (n, n_num) to the same."""
        low, high = SIGMA_MIN ** (1 / self.rho), SIGMA_MAX ** (1 / self.rho)
        return (sigma ** (1 / self.rho) - low) / (high - low)

    def masked(self, t: Tensor) -> Tensor:
        """Probability that a category is masked at times (n,): shape (n, n_cat)."""
        return _NEVER + (1 - _ALWAYS - _NEVER) * t[:, None] ** self.k

    def mask_weight(self, t: Tensor) -> Tensor:
        """Weight of -log p of a masked category in the variational bound, shape (n, n_cat).

        The rate at which masks appear over the share that is masked, (d masked / dt) / masked;
        about k / t.
        """
        growth = (1 - _ALWAYS - _NEVER) * self.k * t[:, None] ** (self.k - 1)
        return growth / self.masked(t)


class MixedDenoiser(nn.Module):
    """Predicts clean numbers and the logits of categories, and knows the columns' schedules.

    Tokens pass a transformer, a perceptron over all of them at once, and another transformer.
    """

    def __init__(self, n_num: int, sizes: Sequence[int], width: int) -> None:
        super().__init__()
        self.n_num, self.sizes = n_num, tuple(sizes)
        self.schedules = LearnedSchedules(n_num, len(sizes))
        self.tokenizer = Tokenizer(n_num, [size + 1 for size in sizes])  # the last is the mask
        self.before, self.after = Transformer(), Transformer()
        self.perceptron = NoisePerceptron((n_num + len(sizes)) * TOKEN, width)
        self.detokenizer = Detokenizer(n_num, sizes)

    @property
    def mask(self) -> Tensor:
        """Codes of the masks, (n_cat,)."""
        return torch.tensor(self.sizes, dtype=torch.int64, device=self.schedules.raw_k.device)

    def hot(self, codes: Tensor) -> Tensor:
        """Codes, masks among them, as zeros and ones."""
        return one_hot(codes, [size + 1 for size in self.sizes])

    def forward(self, x: Tensor, hot: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Clean numbers (n, n_num) and logits (n, sum of sizes) of rows at times (n,)."""
        return self.denoise(x, hot, t, self.schedules.sigma(t))

    def denoise(self, x: Tensor, hot: Tensor, t: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """As `forward`, with the numbers' noise levels (n, n_num) given."""
        scales = preconditioning(sigma, _SIGMA_DATA)
        tokens = self.before(self.tokenizer(scales.c_in * x, hot))
        # The perceptron's clock is one for all columns, whatever their schedules have become.
        mixed = self.perceptron(tokens.flatten(1), power_levels(t).log() / 4)
        out, logits = self.detokenizer(self.after(mixed.view(tokens.shape)))
        return scales.c_skip * x + scales.c_out * out, logits

    def loss(self, rows: Rows, share: float, noise: Noise) -> Tensor:
        """Loss of a batch when a share of the training is done.

        The squared error of the numbers, whose weight falls linearly as training goes on, and the
        masked diffusion's bound for the categories. In a table of numbers only the weight stays 1.
        """
        n = len(rows.codes)
        t = _LEAST_TIME + (1 - _LEAST_TIME) * noise.uniform((n,))
        loss = t.new_zeros(())
        sigma = self.schedules.sigma(t)
        noisy = rows.x_num + sigma * noise.normal(rows.x_num.shape)
        masked = self._masked(t, noise)
        x_0, logits = self.denoise(noisy, self._hide(rows.codes, masked), t, sigma)
        if self.sizes:
            cost = cross_entropy(logits, rows.codes, self.sizes) * masked.detach()
            loss = loss + (self.schedules.mask_weight(t) * cost).mean()
        if self.n_num:
            error = loss_weight(sigma, _SIGMA_DATA) * (x_0 - rows.x_num).square()
            loss = loss + (1 - share if self.sizes else 1.0) * error.mean()
        return loss

    def _masked(self, t: Tensor, noise: Noise) -> Tensor:
        """Which categories are masked: 0 or 1, (n, n_cat), with the gradient of a soft choice."""
        p = self.schedules.masked(t)
        # Between two choices, Gumbel's softmax is a sigmoid with logistic noise.
        soft = torch.sigmoid((torch.logit(p) + noise.logistic(p.shape)) / _TEMPERATURE)
        return (soft > 0.5).to(soft.dtype) - soft.detach() + soft

    def _hide(self, codes: Tensor, masked: Tensor) -> Tensor:
        """One-hot categories, those that are masked replaced by the mask."""
        lengths = self.mask + 1
        spread = torch.repeat_interleave(masked, lengths, dim=1)
        return spread * self.hot(self.mask.expand_as(codes)) + (1 - spread) * self.hot(codes)

    def draw(self, n: int, n_steps: int, noise: Noise) -> Rows:
        """Rows from noise and masks: the paper's stochastic sampler.

        Every step adds a little noise and some masks, goes down to the next time, and corrects the
        numbers by Heun's rule.
        """
        device = self.schedules.raw_k.device
        schedules = self.schedules
        x = SIGMA_MAX * noise.normal((n, self.n_num))
        codes = self.mask.expand(n, -1)
        times = torch.linspace(1, 0, n_steps, device=device)
        ends = [*times[1:, None], None]
        for now, end in zip(times[:, None], ends, strict=True):
            start = self._churned(now, n_steps)
            level, before = schedules.sigma(start), schedules.sigma(now)
            added = (level.square() - before.square()).clamp(min=0).sqrt()
            x = x + added * noise.normal(x.shape)
            kept = (1 - schedules.masked(start)) / (1 - schedules.masked(now))
            again = noise.uniform(codes.shape) >= kept
            codes = torch.where(again, self.mask, codes)
            hot = self.hot(codes)
            x_0, logits = self.denoise(x, hot, start.expand(n), level)
            slope = (x - x_0) / level
            below = torch.zeros_like(level) if end is None else schedules.sigma(end)
            following = x + (below - level) * slope
            if end is not None and self.n_num:
                x_0, _ = self.denoise(following, hot, end.expand(n), below)
                corrected = (following - x_0) / below
                following = x + (below - level) * (slope + corrected) / 2
            x = following
            share = schedules.masked(start)
            left = torch.zeros_like(share) if end is None else schedules.masked(end)
            shown = noise.uniform(codes.shape) < (share - left) / share
            codes = torch.where((codes == self.mask) & shown, self._chosen(logits, noise), codes)
        return Rows(x, codes)

    def _churned(self, now: Tensor, n_steps: int) -> Tensor:
        """A time a little later than `now`, (1,): the least that a column's added noise implies."""
        if not self.n_num:
            return now
        gamma = min(_CHURN / n_steps, math.sqrt(2) - 1)
        later = self.schedules.time_of((1 + gamma) * self.schedules.sigma(now)).min()
        return now if later > 1 else later[None]

    def _chosen(self, logits: Tensor, noise: Noise) -> Tensor:
        """Categories drawn with their probabilities, (n, n_cat)."""
        share = noise.uniform(logits.shape).clamp(1e-20, 1 - 1e-7)
        return most_probable(logits - (-share.log()).log(), self.sizes)


class TabDiff(ScoreModel):
    """TabDiff: one clock, Gaussian noise for numbers, masks for categories, learnt schedules.

    Shi et al. (2025). Numbers pass through a Gaussian quantile transform. How fast each column
    loses its information is learnt together with the network.

    Parameters
    ----------
    n_iter : int, default=4000
        Optimiser steps. Published: 8,000 passes over the table, in steps of 4,096 rows; for a
        table of up to 4,096 rows as many steps.
    batch_size : int, default=256
        Rows per step; all of them in a smaller table. Published: 4,096.
    width : int, default=256
        Size of the perceptron's outer layers; the inner ones have twice as many. Published: 1,024.
    n_steps : int, default=50
        Times visited in a draw, as published.
    learning_rate : float, default=1e-3
        Initial rate, as published; it falls linearly to zero.
    device, callback, random_state
        As in `synthtab.generators.tabsyn.TabSyn`.

    Attributes
    ----------
    schema_ : Schema
        Description of the fitted table.
    encoder_ : QuantileEncoder
        Fitted encoder, part of the model.
    network_ : MixedDenoiser
        Averaged weights and schedules.
    loss_curve_ : ndarray of shape (n_iter,)
        Training loss at each step; the weight of the numbers in it falls.

    Notes
    -----
    NOTE: the defaults are for two or three minutes on one core of a laptop. On a table of 2,000
    rows they see six where the published training sees a hundred, at a quarter of its width.
    ``TabDiff(n_iter=8_000, batch_size=4096, width=1024)`` has the published length and width on a
    table of up to 4,096 rows; it is meant for a GPU.
    NOTE: training is counted in steps, and the rate falls linearly in place of falling at plateaus
    of a loss that is heavy-tailed in the time. The weight of the numbers falls with it, as
    published, so that numbers learn little in the last steps of a short training. The average over
    the steps has decay 0.997, which is the published one, per pass, where a pass is one step; its
    last state draws, where the program keeps that of the least training loss.
    NOTE: times below 1e-3 are not trained at, since the weight of a masked category grows as 1 / t.
    NOTE: the weight of the numbers stays 1 in a table without categories, where the published one
    would let the whole loss vanish.
    NOTE: numbers keep the decimals of their column, a column of at most 32 whole numbers has no
    others, and a drawn number that is not finite is an error; the program leaves numbers unrounded
    and draws such rows again.

    Rows are drawn in blocks of 512, each with a seed of its own; the first rows of a long draw are
    those of a short one.

    Examples
    --------
    >>> import pandas as pd
    >>> from synthtab import Schema
    >>> frame = pd.DataFrame({"size": [6, 8, 8, 10] * 10, "plant": ["a", "b", "b", "a"] * 10,
    ...                       "minutes": [700, 800, 810, 930] * 10})
    >>> schema = Schema.infer(frame, target="minutes")
    >>> model = TabDiff(n_iter=10, width=16, n_steps=4, random_state=0)
    >>> model.fit(frame, schema).sample(3, random_state=1).shape
    (3, 3)
    """

    network_: MixedDenoiser

    def __init__(
        self,
        *,
        n_iter: int = 4000,
        batch_size: int = 256,
        width: int = 256,
        n_steps: int = 50,
        learning_rate: float = 1e-3,
        device: str = "auto",
        callback: Callback | None = None,
        random_state: RandomState = None,
    ) -> None:
        self.n_iter = n_iter
        self.batch_size = batch_size
        self.width = width
        self.n_steps = n_steps
        self.learning_rate = learning_rate
        self.device = device
        self.callback = callback
        self.random_state = random_state

    def _learn(
        self, rows: Rows, cardinalities: tuple[int, ...], noise: Noise
    ) -> tuple[nn.Module, FloatArray]:
        network = MixedDenoiser(rows.x_num.shape[1], cardinalities, self.width).to(self.device_)
        average = copy.deepcopy(network).requires_grad_(False)
        losses = optimise(
            # Decoupled decay of weights is the program's optimiser; it has none.
            torch.optim.AdamW(
                network.parameters(), lr=self.learning_rate, weight_decay=0.0, fused=True
            ),
            lambda index, step: network.loss(rows.take(index), step / self.n_iter, noise),
            n_rows=len(rows.codes),
            batch_size=self.batch_size,
            n_iter=self.n_iter,
            generator=noise.generator,
            after=lambda step: update_average(average, network, step, _EMA_DECAY),
            callback=self.callback,
        )
        return average, losses

    def _draw(self, n: int, noise: Noise) -> Rows:
        return self.network_.draw(n, self.n_steps, noise)
