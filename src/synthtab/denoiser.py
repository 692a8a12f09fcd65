"""The network that denoises a row."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, silu

from synthtab.diffusion import Denoised, State, log_level

_TIME_WIDTH = 64


class FourierFeatures(nn.Module):
    """Sines and cosines of a scalar at fixed random frequencies: (n,) to (n, size)."""

    frequencies: Tensor

    def __init__(self, size: int, scale: float) -> None:
        super().__init__()
        self.register_buffer("frequencies", scale * torch.randn(size // 2))

    def forward(self, x: Tensor) -> Tensor:
        angle = 2 * torch.pi * x[:, None] * self.frequencies
        return torch.cat([angle.sin(), angle.cos()], dim=1)


class ResidualBlock(nn.Module):
    """h + W2 silu(W1 norm(h) + V time), shapes (n, width)."""

    def __init__(self, width: int, time_width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.inner = nn.Linear(width, width)
        self.time = nn.Linear(time_width, width, bias=False)
        self.outer = nn.Linear(width, width)

    def forward(self, h: Tensor, time: Tensor) -> Tensor:
        out: Tensor = h + self.outer(silu(self.inner(self.norm(h)) + self.time(time)))
        return out


class MLPDenoiser(nn.Module):
    """Residual multilayer perceptron over a noisy row and its noise level.

    Categories enter one-hot, the mask being one more category; the log marginals are added to the
    logits, and the output layer starts at zero, so that the untrained network already predicts
    the marginals.

    Parameters
    ----------
    n_num : int
        Number of numerical columns.
    log_marginals : sequence of Tensor of shape (K_j,)
        Log frequencies of each categorical column's categories.
    width, depth : int
        Size of the hidden layers, and number of residual blocks.
    n_frequencies : int
        Random Fourier features per numerical column, beside the number itself; 0 for none.
    """

    frequencies: Tensor

    def __init__(
        self,
        n_num: int,
        log_marginals: Sequence[Tensor],
        *,
        width: int,
        depth: int,
        n_frequencies: int = 0,
    ) -> None:
        super().__init__()
        self.cardinalities = tuple(len(m) for m in log_marginals)
        self.n_num = n_num
        self.level = nn.Sequential(
            FourierFeatures(_TIME_WIDTH, scale=1.0), nn.Linear(_TIME_WIDTH, _TIME_WIDTH), nn.SiLU()
        )
        self.register_buffer("frequencies", torch.randn(n_num, n_frequencies))
        n_inputs = n_num * (1 + 2 * n_frequencies) + sum(k + 1 for k in self.cardinalities)
        self.input = nn.Linear(n_inputs, width)
        self.blocks = nn.ModuleList(ResidualBlock(width, _TIME_WIDTH) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.output = nn.Linear(width, n_num + sum(self.cardinalities))
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        self.register_buffer("offset", torch.cat([torch.zeros(n_num), *log_marginals]))

    def forward(self, state: State, sigma: Tensor) -> Denoised:
        """Predict the clean row: shapes (n, n_num), (n, n_cat) and (n,) to a `Denoised`."""
        x = state.x_num
        angles = (2 * torch.pi * x[:, :, None] * self.frequencies).flatten(1)
        hot = [one_hot(state.x_cat[:, j], k + 1) for j, k in enumerate(self.cardinalities)]
        inputs = torch.cat([x, angles.sin(), angles.cos(), *hot], dim=1)
        h = self.input(inputs)
        time = self.level(log_level(sigma))
        for block in self.blocks:
            h = block(h, time)
        velocity, *logits = (self.output(self.norm(h)) + self.offset).split(
            [self.n_num, *self.cardinalities], dim=1
        )
        return Denoised(velocity, tuple(logits))
