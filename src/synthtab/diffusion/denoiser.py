"""The network that denoises a row."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, silu

from synthtab.diffusion.process import Denoised, State

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
    """Residual multilayer perceptron over a row on its way and its noise level.

    A category enters one-hot, the mask being one more. A column of codes that stand for numbers
    enters by its coordinates instead: what is learnt at one size then serves the next, where
    one-hot codes would have each learnt by itself. The log marginals are added to the logits, and
    the output layer starts at zero, so that the untrained network already predicts the marginals.

    Parameters
    ----------
    n_num : int
        Number of numerical columns.
    coordinates : sequence of Tensor of shape (K_j, d_j)
        What each categorical column's codes enter the network as.
    log_marginals : sequence of Tensor of shape (K_j,)
        Log frequencies of each categorical column's categories.
    width, depth : int
        Size of the hidden layers, and number of residual blocks.
    n_frequencies : int
        Sines and cosines of each number, of random frequencies, beside the number itself: they let
        the network see fine structure.
    """

    offset: Tensor
    frequencies: Tensor

    def __init__(
        self,
        n_num: int,
        coordinates: Sequence[Tensor],
        log_marginals: Sequence[Tensor],
        *,
        width: int,
        depth: int,
        n_frequencies: int,
    ) -> None:
        super().__init__()
        self.n_num = n_num
        self.cardinalities = tuple(len(m) for m in log_marginals)
        self.coordinates = nn.ParameterList(
            nn.Parameter(_with_mask(c), requires_grad=False) for c in coordinates
        )
        self.level = nn.Sequential(
            FourierFeatures(_TIME_WIDTH, scale=1.0), nn.Linear(_TIME_WIDTH, _TIME_WIDTH), nn.SiLU()
        )
        self.register_buffer("frequencies", torch.randn(n_num, n_frequencies) / 2)
        n_inputs = n_num * (1 + 2 * n_frequencies) + sum(c.shape[1] for c in self.coordinates)
        self.input = nn.Linear(n_inputs, width)
        self.blocks = nn.ModuleList(ResidualBlock(width, _TIME_WIDTH) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.output = nn.Linear(width, n_num + sum(self.cardinalities))
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        self.register_buffer("offset", torch.cat([torch.zeros(n_num), *log_marginals]))

    def forward(self, state: State, sigma: Tensor) -> Denoised:
        """Predict the clean row from a `State` of n rows and noise levels of shape (n,) or (1,)."""
        codes = [c[state.x_cat[:, j]] for j, c in enumerate(self.coordinates)]
        angles = 2 * torch.pi * (state.x_num[:, :, None] * self.frequencies).flatten(1)
        numbers = [state.x_num, angles.sin(), angles.cos()]
        h = self.input(torch.cat([*numbers, *codes], dim=1))
        time = self.level(torch.log(sigma) / 4)  # as in Karras et al. (2022), Table 1
        for block in self.blocks:
            h = block(h, time)
        velocity, *logits = (self.output(self.norm(h)) + self.offset).split(
            [self.n_num, *self.cardinalities], dim=1
        )
        return Denoised(velocity, tuple(logits))


def _with_mask(coordinates: Tensor) -> Tensor:
    """Coordinates of the codes and, last, of the mask: shape (K, d) to (K + 1, d + 1)."""
    padded: Tensor = pad(coordinates, (0, 1, 0, 1))
    padded[-1, -1] = 1
    return padded
