"""Noise levels, preconditioning and sampler of diffusion on a continuous scale of noise.

Karras et al. (2022), "Elucidating the design space of diffusion-based generative models". A
noisy row is x = x_0 + sigma eps. A denoiser D(x, sigma) predicts x_0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from synthtab.generators.scores.model import Noise

SIGMA_MIN, SIGMA_MAX, RHO = 0.002, 80.0, 7.0


class Scales(NamedTuple):
    """D(x, sigma) = c_skip x + c_out F(c_in x, c_noise), with F a network (eq. 7)."""

    c_skip: Tensor
    c_out: Tensor
    c_in: Tensor
    c_noise: Tensor


def preconditioning(sigma: Tensor, sigma_data: float) -> Scales:
    """Scales with which F has inputs and targets of unit variance (Table 1, right column).

    Examples
    --------
    >>> scales = preconditioning(torch.tensor([0.5]), sigma_data=0.5)
    >>> [round(float(scale), 3) for scale in scales]
    [0.5, 0.354, 1.414, -0.173]
    """
    total = sigma.square() + sigma_data**2
    c_in = total.rsqrt()
    return Scales(sigma_data**2 / total, sigma * sigma_data * c_in, c_in, sigma.log() / 4)


def loss_weight(sigma: Tensor, sigma_data: float) -> Tensor:
    """Weight of a squared error of D that makes F's target one of unit weight: 1 / c_out^2."""
    return (sigma.square() + sigma_data**2) / (sigma * sigma_data).square()


def power_levels(share: Tensor, rho: float | Tensor = RHO) -> Tensor:
    """Noise levels from SIGMA_MIN at share 0 to SIGMA_MAX at 1, evenly spaced in their rho-th root.

    Examples
    --------
    >>> power_levels(torch.tensor([0.0, 1.0]), rho=7.0)
    tensor([2.0000e-03, 8.0000e+01])
    """
    low, high = SIGMA_MIN ** (1 / rho), SIGMA_MAX ** (1 / rho)
    return (low + share * (high - low)) ** rho


def grid(n_steps: int) -> list[float]:
    """Noise levels that a draw visits (eq. 5): n_steps of them, falling, and then 0.

    Examples
    --------
    >>> [round(level, 3) for level in grid(3)]
    [80.0, 2.515, 0.002, 0.0]
    """
    share = torch.linspace(1, 0, n_steps, dtype=torch.float64)
    return [*power_levels(share).tolist(), 0.0]


def heun(
    denoise: Callable[[Tensor, float], Tensor],
    x: Tensor,
    levels: list[float],
    *,
    noise: Noise | None = None,
    churn: float = 0.0,
) -> Tensor:
    """Rows at the last level, from rows x at the first: algorithm 2 of the paper.

    Every step is corrected by Heun's rule, but for one to level 0. `churn` is the paper's S_churn,
    noise that a step adds before it removes more; without `noise` there is none.

    Examples
    --------
    Standard normal rows have the denoiser x / (1 + sigma^2), and noise of level 10 is led back to
    a spread of about one:

    >>> x = 10 * torch.tensor([[-1.0, 0.0, 1.0]])
    >>> levels = [10.0, 5.0, 2.0, 1.0, 0.5, 0.2, 0.1, 0.0]
    >>> heun(lambda x, sigma: x / (1 + sigma**2), x, levels).round(decimals=1)
    tensor([[-1.1000,  0.0000,  1.1000]])
    """
    gamma = min(churn / (len(levels) - 1), math.sqrt(2) - 1)
    for before, after in pairwise(levels):
        level = before
        if noise is not None and gamma > 0:
            level = before * (1 + gamma)
            x = x + math.sqrt(level**2 - before**2) * noise.normal(x.shape)
        slope = (x - denoise(x, level)) / level
        following = x + (after - level) * slope
        if after > 0:
            corrected = (following - denoise(following, after)) / after
            following = x + (after - level) * (slope + corrected) / 2
        x = following
    return x
