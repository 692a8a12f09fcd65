"""Gaussian diffusion in discrete time (DDPM): its noise schedule, forward process and reverse step.

Times are the papers': row 0 is clean, row T is noise. Coefficients are computed in float64 and
stored in float32.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_OFFSET = 0.008
_MAX_BETA = 0.999


def cosine_alpha_bar(n_timesteps: int) -> Tensor:
    """Share of the signal's variance that is left at each of the times 0 to T.

    Nichol & Dhariwal (2021), "Improved denoising diffusion probabilistic models", eq. 17, with
    beta_t cut off at 0.999 as there: float64 of shape (T + 1,), falling from 1 to more than 0.

    Examples
    --------
    >>> [round(float(a), 3) for a in cosine_alpha_bar(4)]
    [1.0, 0.847, 0.494, 0.144, 0.0]
    """
    share = torch.arange(n_timesteps + 1, dtype=torch.float64) / n_timesteps
    wanted = torch.cos((share + _OFFSET) / (1 + _OFFSET) * math.pi / 2).square()
    beta = (1 - wanted[1:] / wanted[:-1]).clamp(max=_MAX_BETA)
    return torch.cat([torch.ones(1, dtype=torch.float64), (1 - beta).cumprod(0)])


def betas(alpha_bar: Tensor) -> Tensor:
    """Variance beta_t that each step adds, shape (T + 1,); beta_0 = 0."""
    return torch.cat([torch.zeros(1, dtype=torch.float64), 1 - alpha_bar[1:] / alpha_bar[:-1]])


class GaussianDDPM:
    """Gaussian diffusion of Ho et al. (2020), "Denoising diffusion probabilistic models".

    x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps; a network predicts eps. For
    `alpha_bar`, float64 of shape (T + 1,), see `cosine_alpha_bar`.

    Examples
    --------
    >>> process = GaussianDDPM(cosine_alpha_bar(1000))
    >>> x_0, eps = torch.ones(1, 2), torch.zeros(1, 2)
    >>> process.q_sample(x_0, torch.tensor([500]), eps)
    tensor([[0.7027, 0.7027]])
    """

    def __init__(self, alpha_bar: Tensor) -> None:
        beta = betas(alpha_bar)
        noise = 1 - alpha_bar
        self.signal_scale = alpha_bar.sqrt().float()
        self.noise_scale = noise.sqrt().float()
        # Without a value at t = 0, where there is no step.
        self._eps_weight = (beta / noise.sqrt()).tolist()
        self._step_scale = (1 - beta).rsqrt().tolist()
        self._step_sd = beta.sqrt().tolist()

    def q_sample(self, x_0: Tensor, t: Tensor, eps: Tensor) -> Tensor:
        """Noised numbers x_t (Ho et al., 2020, eq. 4): shapes (n, d), (n,), (n, d)."""
        return self.signal_scale[t][:, None] * x_0 + self.noise_scale[t][:, None] * eps

    def p_sample(self, eps: Tensor, x_t: Tensor, t: int, noise: Tensor) -> Tensor:
        """One reverse step, shape (n, d): numbers at t - 1 (Ho et al., 2020, algorithm 2).

        The mean is that of x_{t-1} given x_t and the predicted x_0 (eq. 7), written so that nothing
        is divided by the vanishing signal of late times. The variance is beta_t, the larger of the
        two that the paper names. `noise` is standard normal, and not used in the last step, which
        ends at the mean.
        """
        mean: Tensor = (x_t - self._eps_weight[t] * eps) * self._step_scale[t]
        return mean if t == 1 else mean + self._step_sd[t] * noise
