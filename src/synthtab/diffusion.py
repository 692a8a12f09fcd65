"""The diffusion processes: Gaussian for numbers, masking for categories, and both on one clock.

Time is the noise level sigma of the numerical part (Karras et al., 2022). Nothing here knows a
layer or an optimiser: a *denoiser* is any callable that turns noisy cells and noise levels into a
`Denoised`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot


class Denoised(NamedTuple):
    """What a denoiser returns for a batch of n noisy rows.

    `velocity` of shape (n, n_num) is for the numbers, see `GaussianDiffusion`; `logits` holds one
    tensor of shape (n, K_j) per categorical column, the guess at its clean category.
    """

    velocity: Tensor
    logits: tuple[Tensor, ...]


class State(NamedTuple):
    """Noisy rows: `x_num` of shape (n, n_num), `x_cat` of shape (n, n_cat) with K_j for masked."""

    x_num: Tensor
    x_cat: Tensor


class Losses(NamedTuple):
    """Loss of the numbers and cross-entropy of the masked categories, of rows or of a batch."""

    numerical: Tensor
    categorical: Tensor


Denoiser = Callable[[State, Tensor], Denoised]


@dataclass(frozen=True)
class NoiseSchedule:
    """Noise levels: how they are drawn in training and stepped through in sampling.

    The numbers' clock and the categories' clock are one: see `mask_rate`.

    In training ln sigma is normal (Karras et al., 2022, "Elucidating the Design Space of
    Diffusion-Based Generative Models", Table 1).

    Examples
    --------
    >>> schedule = NoiseSchedule()
    >>> [round(float(s), 2) for s in schedule.steps(4)]
    [80.0, 1.47, 0.68, 0.25, 0.0]
    """

    log_mean: float = -1.2
    log_sd: float = 1.2
    sigma_min: float = 0.002
    sigma_max: float = 80.0
    mask_log_mean: float = 0.0
    mask_log_sd: float = 1.2

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw n training noise levels, shape (n,), one from each of n equal strata."""
        stratum = (torch.arange(n) + torch.rand(n, generator=generator)) / n
        shuffled = stratum[torch.randperm(n, generator=generator)]
        # double: a stratum rounded to 1 in float32 would be an infinite level
        z = torch.special.ndtri(shuffled.double().clamp(1e-6, 1 - 1e-6))
        return torch.exp(self.log_mean + self.log_sd * z).float()

    def steps(self, n_steps: int) -> Tensor:
        """Sampling levels sigma_0 > ... > sigma_{n-1} > 0 = sigma_n, shape (n_steps + 1,).

        NOTE: differs from Karras et al. (2022), eq. 5. Most levels are evenly spaced in the mask
        rate, so that every step reveals the same share of the categories: cells revealed in one
        step are drawn as if independent. The last sixth goes on down to `sigma_min` in equal
        ratios, for the finest detail of the numbers.
        """
        n_fine = n_steps // 6
        n_even = n_steps - n_fine
        rate = 1 - (torch.arange(n_even, dtype=torch.float64) + 0.5) / n_even
        even = torch.exp(self.mask_log_mean + self.mask_log_sd * torch.special.ndtri(rate))
        even[0] = self.sigma_max
        share = torch.arange(1, n_fine + 1, dtype=torch.float64) / max(n_fine, 1)
        fine = even[-1] * (self.sigma_min / even[-1]) ** share
        return torch.cat([even, fine, torch.zeros(1)]).float()

    def mask_rate(self, sigma: Tensor) -> Tensor:
        """Probability that a category is masked at each noise level, in [0, 1].

        A normal distribution function of ln sigma: 0 masks none and sigma_max practically all.
        Half of the categories are known at sigma = 1, while the numbers are still half noise. So
        numbers are settled mostly given the categories, which a network learns sooner than the
        categories given the numbers.
        """
        rate: Tensor = torch.special.ndtr(
            (torch.log(sigma) - self.mask_log_mean) / self.mask_log_sd
        )
        return rate


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
    appendix A.2.2, with the mask rate t in place of a step. The mask of a column with K categories
    is the code K.

    Parameters
    ----------
    cardinalities : tuple of int
        Number of categories K_j of each column.
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
        self,
        logits: Sequence[Tensor],
        x_cat: Tensor,
        now: float,
        then: float,
        uniform: Tensor,
    ) -> Tensor:
        """One reverse step from mask rate `now` to `then`.

        Parameters
        ----------
        logits : sequence of Tensor of shape (n, K_j)
            The denoiser's prediction of each clean category.
        x_cat : Tensor of shape (n, n_cat)
            Codes now.
        now, then : float
            Mask rates, 0 <= then < now <= 1.
        uniform : Tensor of shape (n, n_cat)
            Uniform numbers that decide the draw.

        Returns
        -------
        Tensor of shape (n, n_cat)
            Codes at the lower mask rate.
        """
        columns = []
        for j, size in enumerate(self.cardinalities):
            is_masked = x_cat[:, j] == size
            clean = one_hot(x_cat[:, j], size + 1)[:, :size].double()
            p_0 = torch.where(is_masked[:, None], logits[j].double().softmax(dim=1), clean)
            columns.append(_draw(self.q_posterior(p_0, is_masked, now, then), uniform[:, j]))
        return torch.stack(columns, dim=1) if columns else x_cat


@dataclass(frozen=True)
class HybridProcess:
    """Numbers and categories of a row, noised together and denoised by one network.

    Parameters
    ----------
    cardinalities : tuple of int
        Number of categories of each categorical column.
    n_num : int
        Number of numerical columns.
    schedule : NoiseSchedule
        The common clock.
    """

    cardinalities: tuple[int, ...]
    n_num: int
    schedule: NoiseSchedule = NoiseSchedule()

    @property
    def masked(self) -> MaskedDiffusion:
        """The categorical part."""
        return MaskedDiffusion(self.cardinalities)

    def row_losses(
        self,
        denoiser: Denoiser,
        x_num: Tensor,
        x_cat: Tensor,
        sigma: Tensor,
        generator: torch.Generator,
        *,
        shared_noise: bool = False,
    ) -> Losses:
        """Loss of each clean row at a noise level of its own.

        Parameters
        ----------
        denoiser : callable
            Maps (State, sigma) to `Denoised`.
        x_num : Tensor of shape (n, n_num)
            Normal scores.
        x_cat : Tensor of shape (n, n_cat)
            Category codes.
        sigma : Tensor of shape (n,)
            Noise levels.
        generator : torch.Generator
            Source of noise, on the CPU.
        shared_noise : bool, default=False
            Give every row the same noise, so that losses of rows compare.

        Returns
        -------
        Losses
            Of shape (n,): the mean squared error of the row's velocities, and the cross-entropy
            summed over its masked cells.
        """
        n_noises = 1 if shared_noise else len(sigma)
        eps = torch.randn(n_noises, x_num.shape[1], generator=generator)
        uniform = torch.rand(n_noises, x_cat.shape[1], generator=generator)
        state = State(
            GaussianDiffusion.q_sample(x_num, sigma, eps),
            self.masked.q_sample(x_cat, self.schedule.mask_rate(sigma), uniform),
        )
        predicted = denoiser(state, sigma)
        numerical = torch.zeros(len(sigma))
        if self.n_num:
            target = GaussianDiffusion.velocity(x_num, sigma, eps)
            numerical = (predicted.velocity - target).square().mean(dim=1)
        # NOTE: plain cross-entropy on masked cells; the likelihood bound would weight it by 1 / t.
        is_masked = state.x_cat == self.masked.mask
        categorical = torch.zeros(len(sigma))
        for j, logits in enumerate(predicted.logits):
            entropy = cross_entropy(logits, x_cat[:, j], reduction="none")
            categorical = categorical + entropy * is_masked[:, j]
        return Losses(numerical, categorical)

    def loss(
        self, denoiser: Denoiser, x_num: Tensor, x_cat: Tensor, generator: torch.Generator
    ) -> Losses:
        """Training loss of a batch of clean rows, at noise levels drawn from the schedule.

        Returns
        -------
        Losses
            Two scalars: per numerical cell, and per cell that is masked in expectation. Their sum
            is what training minimises. See `row_losses`.
        """
        sigma = self.schedule.sample(len(x_num), generator)
        numerical, categorical = self.row_losses(denoiser, x_num, x_cat, sigma, generator)
        n_masked = self.schedule.mask_rate(sigma).sum() * len(self.cardinalities)
        return Losses(numerical.mean(), categorical.sum() / n_masked.clamp(min=1))

    @torch.no_grad()
    def sample(
        self, denoiser: Denoiser, n_samples: int, n_steps: int, generator: torch.Generator
    ) -> State:
        """Draw rows: Heun's method for the numbers, gradual unmasking for the categories.

        The numbers follow dx/dtheta = velocity from pure noise at theta = pi / 2 down to 0. Between
        a Heun step's prediction and its correction the categories take one reverse step, so that
        the correction sees them.

        Parameters
        ----------
        denoiser : callable
            Maps (State, sigma) to `Denoised`.
        n_samples : int
            Rows to draw.
        n_steps : int
            Noise levels visited; the network runs about twice as often.
        generator : torch.Generator
            Source of randomness, on the CPU.

        Returns
        -------
        State
            Clean rows.

        Notes
        -----
        NOTE: differs from Karras et al. (2022), algorithm 1, which integrates dx/dsigma. In theta
        the velocity of normal data is 0 and no step errs; in sigma the paper's 18 steps widen such
        data by 4.7 %.
        """
        levels = self.schedule.steps(n_steps)
        angles = torch.arctan(levels)
        rates = self.schedule.mask_rate(levels)
        rates[0] = 1.0
        x_num = torch.randn(n_samples, self.n_num, generator=generator)
        x_cat = self.masked.mask.repeat(n_samples, 1)
        for i in range(n_steps):
            step = angles[i + 1] - angles[i]
            predicted = denoiser(State(x_num, x_cat), levels[i].expand(n_samples))
            uniform = torch.rand(x_cat.shape, generator=generator)
            x_cat = self.masked.p_sample(
                predicted.logits, x_cat, float(rates[i]), float(rates[i + 1]), uniform
            )
            velocity = predicted.velocity
            if i + 1 < n_steps:  # the network does not know the level 0
                ahead = State(x_num + step * velocity, x_cat)
                corrected = denoiser(ahead, levels[i + 1].expand(n_samples)).velocity
                velocity = (velocity + corrected) / 2
            x_num = x_num + step * velocity
        return State(x_num, x_cat)


def _draw(probabilities: Tensor, uniform: Tensor) -> Tensor:
    """Categories at the given uniforms by inversion: (n, K) and (n,) to (n,)."""
    cumulative = probabilities.cumsum(dim=1)
    threshold = uniform[:, None].double() * cumulative[:, -1:]
    return (cumulative <= threshold).sum(dim=1).clamp(max=probabilities.shape[1] - 1)


def log_marginals(codes: Tensor, cardinalities: Sequence[int]) -> tuple[Tensor, ...]:
    """Log frequency of each category, half a row added so that none is impossible."""
    counts = (torch.bincount(codes[:, j], minlength=size) for j, size in enumerate(cardinalities))
    return tuple(torch.log((c + 0.5) / (len(codes) + 0.5 * len(c))) for c in counts)


def log_level(sigma: Tensor) -> Tensor:
    """Noise level as the network sees it, ln(sigma) / 4 (Karras et al., 2022, Table 1)."""
    return torch.log(sigma) / 4
