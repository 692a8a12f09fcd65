"""The diffusion processes: Gaussian for numbers, masking for categories, and a row drawn in stages.

A row is drawn in two stages: its categories, then its numbers given them. Nothing here knows a
layer or an optimiser: a *denoiser* is any callable that turns noisy cells and noise levels into a
`Denoised`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from synthtab.table.encoding import EDGE


class Denoised(NamedTuple):
    """What a denoiser returns for a batch of n noisy rows.

    `velocity` of shape (n, n_num) is for the numbers, see `GaussianDiffusion`; `logits` holds one
    tensor of shape (n, K_j) per categorical column, the guess at its clean category.
    """

    velocity: Tensor
    logits: tuple[Tensor, ...]


class State(NamedTuple):
    """Rows on their way: some cells clean, some noisy, some not begun.

    `x_num` of shape (n, n_num) is 0 while categories are drawn, before the numbers are begun;
    `x_cat` of shape (n, n_cat) is K_j where a category is masked.
    """

    x_num: Tensor
    x_cat: Tensor


class Stage(IntEnum):
    """A part of a row that is drawn at once, given the parts before it."""

    CATEGORIES = 0
    NUMBERS = 1


Denoiser = Callable[[State, Tensor], Denoised]
"""Of n rows and their noise levels, shape (n,) or, one for all of them, (1,)."""


@dataclass(frozen=True)
class NoiseSchedule:
    """Noise levels: how they are drawn in training and stepped through in sampling.

    In training ln sigma is normal (Karras et al., 2022, "Elucidating the Design Space of
    Diffusion-Based Generative Models", Table 1).

    Examples
    --------
    >>> schedule = NoiseSchedule()
    >>> [round(float(s), 2) for s in schedule.steps(4)]
    [80.0, 2.41, 1.0, 0.41, 0.0]
    """

    log_mean: float = -1.2
    log_sd: float = 1.2
    sigma_min: float = 0.002
    sigma_max: float = 80.0

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw n training noise levels, shape (n,), one from each of n equal strata."""
        stratum = (torch.arange(n) + torch.rand(n, generator=generator)) / n
        return self.level(stratum[torch.randperm(n, generator=generator)])

    def level(self, share: Tensor) -> Tensor:
        """Noise level that a share of the training levels is below: the inverse of `mask_rate`."""
        # double: a share rounded to 1 in float32 would be an infinite level
        z = torch.special.ndtri(share.double().clamp(1e-6, 1 - 1e-6))
        return torch.exp(self.log_mean + self.log_sd * z).float()

    def mask_rate(self, sigma: Tensor) -> Tensor:
        """Probability that a category is masked at each noise level, in [0, 1].

        The share of training levels below sigma: in training the rate is uniform.
        """
        rate: Tensor = torch.special.ndtr((torch.log(sigma) - self.log_mean) / self.log_sd)
        return rate

    def steps(self, n_steps: int) -> Tensor:
        """Sampling levels sigma_0 > ... > sigma_{n-1} > 0 = sigma_n, shape (n_steps + 1,).

        NOTE: differs from Karras et al. (2022), eq. 5. Most levels are evenly spaced in
        theta = arctan(sigma), along which the numbers move at even speed (see
        `GaussianDiffusion`). The last sixth goes on down to `sigma_min` in equal ratios, for the
        finest detail.
        """
        n_fine = n_steps // 6
        n_even = n_steps - n_fine
        share = 1 - torch.arange(n_even, dtype=torch.float64) / n_even
        even = torch.tan(share * torch.pi / 2)
        even[0] = self.sigma_max
        ratio = torch.arange(1, n_fine + 1, dtype=torch.float64) / max(n_fine, 1)
        fine = even[-1] * (self.sigma_min / even[-1]) ** ratio
        return torch.cat([even, fine, torch.zeros(1)]).float()


class GaussianDiffusion:
    """Gaussian diffusion of standard-normal scores, predicted by velocity.

    With noise level sigma = tan(theta), x_theta = cos(theta) x_0 + sin(theta) eps has unit
    variance at every level, and moves with velocity dx/dtheta = cos(theta) eps - sin(theta) x_0,
    which has unit variance too. This is the preconditioned model of Karras et al. (2022), eq. 7,
    for data of standard deviation 1, with F = -velocity, in the angular coordinates of Salimans &
    Ho (2022), "Progressive distillation for fast sampling of diffusion models".
    """

    @staticmethod
    def q_sample(x_0: Tensor, sigma: Tensor, eps: Tensor) -> Tensor:
        """Noised scores x_theta, shapes (n, n_num), (n,), (n, n_num)."""
        cos, sin = _cos_sin(sigma)
        return cos * x_0 + sin * eps

    @staticmethod
    def velocity(x_0: Tensor, sigma: Tensor, eps: Tensor) -> Tensor:
        """What the network is to predict, shape (n, n_num)."""
        cos, sin = _cos_sin(sigma)
        return cos * eps - sin * x_0

    @staticmethod
    def predict_x_0(x: Tensor, sigma: Tensor, velocity: Tensor) -> Tensor:
        """Clean scores that a velocity stands for, shape (n, n_num)."""
        cos, sin = _cos_sin(sigma)
        return cos * x - sin * velocity


def _cos_sin(sigma: Tensor) -> tuple[Tensor, Tensor]:
    """Cosine and sine of theta = arctan(sigma), shapes (n, 1)."""
    cos = (1 + sigma**2).rsqrt()[:, None]
    return cos, sigma[:, None] * cos


@dataclass(frozen=True)
class MaskedDiffusion:
    """Absorbing-state discrete diffusion: a category is kept, or replaced by a mask.

    Austin et al. (2021), "Structured Denoising Diffusion Models in Discrete State-Spaces",
    appendix A.2.2, with the mask rate t in place of a step. `cardinalities` are the numbers K_j of
    categories of the columns; the mask of column j is the code K_j.
    """

    cardinalities: tuple[int, ...]

    def q_sample(self, x_0: Tensor, rate: Tensor, uniform: Tensor) -> Tensor:
        """Mask each cell of (n, n_cat) codes with its row's probability, of shape (n,).

        `uniform` holds the uniform numbers that decide, shape (n, n_cat) or (1, n_cat).
        """
        return torch.where(uniform < rate[:, None], self.mask, x_0)

    @property
    def mask(self) -> Tensor:
        """Code of the mask in each column, shape (n_cat,)."""
        return torch.tensor(self.cardinalities, dtype=torch.int64)

    def q_posterior(self, p_0: Tensor, is_masked: Tensor, now: float, then: float) -> Tensor:
        """Distribution of a cell at mask rate `then` < `now`, given p(x_0) and the cell now.

        Parameters
        ----------
        p_0 : Tensor of shape (n, K)
            Probabilities of the clean category; for a cell that is not masked, one-hot at it.
        is_masked : Tensor of bool of shape (n,)
            Which cells are masked now.
        now, then : float
            Mask rates, 0 <= then < now <= 1.

        Returns
        -------
        Tensor of shape (n, K + 1)
            Probability of each category and, last, of staying masked. An unmasked cell stays as
            it is; a masked one stays masked with probability then / now.
        """
        stay = torch.where(is_masked, then / now if now else 0.0, 0.0)[:, None]
        return torch.cat([p_0 * (1 - stay), stay], dim=1)

    def p_sample(
        self, logits: Sequence[Tensor], x_cat: Tensor, is_due: Tensor, uniform: Tensor
    ) -> Tensor:
        """Reveal the masked cells that are due: codes after the step, shape (n, n_cat).

        Cells revealed one at a time in random order follow `q_posterior` from one reveal to the
        next: each masked cell is as likely as the others to be the next.

        `logits`, one tensor of shape (n, K_j) per column, predict the clean categories. Of shape
        (n, n_cat) are the codes now, `x_cat`; the cells to reveal, `is_due`, of which those that
        are not masked stay as they are; and the uniform numbers that decide the draw.
        """
        p_0 = [guess.double().softmax(dim=1) for guess in logits]
        drawn = torch.stack([_draw(p, uniform[:, j]) for j, p in enumerate(p_0)], dim=1)
        return torch.where(is_due & (x_cat == self.mask), drawn, x_cat)


@dataclass(frozen=True)
class HybridProcess:
    """A row drawn in two stages, both by one network: its categories, then its numbers.

    The masked diffusion of the categories, of `cardinalities` K_j, comes first; the Gaussian
    diffusion of the `n_num` numbers given the categories second. By the chain rule nothing is lost.
    """

    cardinalities: tuple[int, ...]
    n_num: int
    schedule: NoiseSchedule = NoiseSchedule()

    @property
    def masked(self) -> MaskedDiffusion:
        """The categorical part."""
        return MaskedDiffusion(self.cardinalities)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages of a row, in their order; one that has no column is left out."""
        sizes = {Stage.CATEGORIES: len(self.cardinalities), Stage.NUMBERS: self.n_num}
        return tuple(stage for stage, n_columns in sizes.items() if n_columns)

    def row_losses(
        self,
        denoiser: Denoiser,
        x_num: Tensor,
        x_cat: Tensor,
        stage: Tensor,
        sigma: Tensor,
        generator: torch.Generator,
        *,
        shared_noise: bool = False,
    ) -> Tensor:
        """Loss of each clean row in one stage, at a noise level of its own: shape (n,).

        In the stage of the numbers it is the mean squared error of the velocities. In that of the
        categories it is the cross-entropy of the masked ones, summed over a row and divided by half
        the number of columns: by as many cells as are masked on average.

        Parameters
        ----------
        denoiser, x_num, x_cat
            The network, normal scores of shape (n, n_num) and codes of shape (n, n_cat).
        stage, sigma : Tensor of shape (n,)
            Values of `Stage`, and noise levels; see `NoiseSchedule.mask_rate` for the categories.
        generator : torch.Generator
            Source of noise, on the CPU.
        shared_noise : bool, default=False
            Give every row the same noise, so that losses of rows compare.
        """
        of_numbers = stage == Stage.NUMBERS
        n_noises = 1 if shared_noise else len(sigma)
        eps = torch.randn(n_noises, x_num.shape[1], generator=generator)
        uniform = torch.rand(n_noises, x_cat.shape[1], generator=generator)
        rate = torch.where(of_numbers, 0.0, self.schedule.mask_rate(sigma))
        state = State(
            GaussianDiffusion.q_sample(x_num, sigma, eps) * of_numbers[:, None],
            self.masked.q_sample(x_cat, rate, uniform),
        )
        sigma_seen = torch.where(of_numbers, sigma, self.schedule.sigma_max)
        predicted = denoiser(state, sigma_seen)
        errors = (predicted.velocity - GaussianDiffusion.velocity(x_num, sigma, eps)).square()
        losses = errors.sum(dim=1) * of_numbers / max(self.n_num, 1)
        # NOTE: plain cross-entropy on masked cells; the likelihood bound would weight it by 1 / t.
        is_masked = state.x_cat == self.masked.mask
        for j, logits in enumerate(predicted.logits):
            entropy = cross_entropy(logits, x_cat[:, j], reduction="none")
            losses = losses + entropy * is_masked[:, j] / (len(self.cardinalities) / 2)
        return losses

    def loss(
        self, denoiser: Denoiser, x_num: Tensor, x_cat: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Training loss of a batch of clean rows, a scalar: see `row_losses`.

        Each stage takes as many of the rows as the other, at noise levels drawn from the schedule.
        """
        start = torch.rand(1, generator=generator)
        place = (torch.arange(len(x_num)) + start) / len(x_num)
        stage = torch.tensor(self.stages)[(place * len(self.stages)).long() % len(self.stages)]
        sigma = self.schedule.sample(len(x_num), generator)
        return self.row_losses(denoiser, x_num, x_cat, stage, sigma, generator).mean()

    @torch.no_grad()
    def sample(
        self,
        denoiser: Denoiser,
        n_samples: int,
        n_steps: int,
        generator: torch.Generator,
        *,
        x_cat: Tensor | None = None,
    ) -> State:
        """Draw `n_samples` independent rows, all clean; the generator is on the CPU.

        The categories are revealed one of a row's at a time, in random order; those given by
        `x_cat`, codes of shape (n_samples, n_cat) with the mask where one is to be drawn, stay. The
        numbers then follow dx/dtheta = velocity from pure noise at theta = pi / 2 down to 0, by
        Heun's method, over `n_steps` noise levels: the network runs about twice as often.
        The noise of the first rows does not depend on how many are drawn.

        NOTE: differs from Karras et al. (2022), algorithm 1, which integrates dx/dsigma. In theta
        the velocity of normal data is 0 and no step errs; in sigma the paper's 18 steps widen such
        data by 4.7 %.
        """
        if x_cat is None:
            x_cat = self.masked.mask.repeat(n_samples, 1)
        n_cat = len(self.cardinalities)
        # Uniform numbers are drawn row by row; normal ones of torch depend on the rows that follow.
        luck = torch.rand(
            n_samples, 2 * n_cat + self.n_num, generator=generator, dtype=torch.float64
        )
        turn, choice, rank = luck.tensor_split([n_cat, 2 * n_cat], dim=1)
        state = State(torch.zeros(n_samples, self.n_num), x_cat)
        state = state._replace(x_cat=self._reveal(denoiser, state, turn.argsort(dim=1), choice))
        noise = torch.special.ndtri(rank.clamp(EDGE, 1 - EDGE)).float()
        return state._replace(x_num=self._integrate(denoiser, state._replace(x_num=noise), n_steps))

    def _reveal(self, denoiser: Denoiser, state: State, turn: Tensor, choice: Tensor) -> Tensor:
        """Categories drawn one by one: `turn` says when, `choice` holds the numbers that decide."""
        sigma = torch.full((1,), self.schedule.sigma_max)
        for step in range(len(self.cardinalities)):
            logits = denoiser(state, sigma).logits
            state = state._replace(
                x_cat=self.masked.p_sample(logits, state.x_cat, turn == step, choice)
            )
        return state.x_cat

    def _integrate(self, denoiser: Denoiser, state: State, n_steps: int) -> Tensor:
        """Numbers at theta = 0, shape (n, n_num)."""
        if not self.n_num:
            return state.x_num
        levels = self.schedule.steps(n_steps)
        angles = torch.arctan(levels)
        for i in range(n_steps):
            step = angles[i + 1] - angles[i]
            velocity = denoiser(state, levels[i : i + 1]).velocity
            if i + 1 < n_steps:  # the network does not know the level 0
                ahead = state._replace(x_num=state.x_num + step * velocity)
                corrected = denoiser(ahead, levels[i + 1 : i + 2]).velocity
                velocity = (velocity + corrected) / 2
            state = state._replace(x_num=state.x_num + step * velocity)
        return state.x_num


def _draw(probabilities: Tensor, uniform: Tensor) -> Tensor:
    """Categories at the given uniforms by inversion: (n, K) and (n,) to (n,)."""
    cumulative = probabilities.cumsum(dim=1)
    threshold = uniform[:, None].double() * cumulative[:, -1:]
    return (cumulative <= threshold).sum(dim=1).clamp(max=probabilities.shape[1] - 1)


def log_marginals(codes: Tensor, cardinalities: Sequence[int]) -> tuple[Tensor, ...]:
    """Log frequency of each category, half a row added so that none is impossible."""
    counts = (torch.bincount(codes[:, j], minlength=size) for j, size in enumerate(cardinalities))
    return tuple(torch.log((c + 0.5) / (len(codes) + 0.5 * len(c))) for c in counts)
