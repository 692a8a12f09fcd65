"""The training loop: from encoded rows to an averaged denoiser."""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import trange

from synthtab.diffusion.denoiser import MLPDenoiser
from synthtab.diffusion.process import Denoised, Denoiser, HybridProcess, State
from synthtab.table.encoding import EDGE

Callback = Callable[[int, int, float], None]


class Rows(NamedTuple):
    """Encoded training rows.

    `low` and `high` of shape (n, n_num), in float64, are the rank interval of each number; `codes`
    of shape (n, n_cat) are those of the categories.
    """

    low: Tensor
    high: Tensor
    codes: Tensor

    def batch(self, index: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Normal scores and codes of some rows, shapes (b, n_num) and (b, n_cat).

        Each number is a fresh point of its rank interval: see `TableEncoder`.
        """
        low, high = self.low[index], self.high[index]
        share = torch.rand(low.shape, generator=generator, dtype=torch.float64)
        rank = low + share * (high - low)
        return torch.special.ndtri(rank.clamp(EDGE, 1 - EDGE)).float(), self.codes[index]


def train(
    network: MLPDenoiser,
    process: HybridProcess,
    rows: Rows,
    *,
    n_iter: int,
    batch_size: int,
    learning_rate: float,
    ema_decay: float,
    progress: bool,
    callback: Callback | None,
    generator: torch.Generator,
) -> tuple[MLPDenoiser, NDArray[np.float64]]:
    """Train a network in place; return the average of its weights, which draws, and the losses.

    Parameters
    ----------
    network : MLPDenoiser
        Its initial weights.
    process, rows
        The noising process, which knows the loss, and the training rows.
    n_iter, batch_size, ema_decay, progress, callback
        As in `HybridDiffusion`.
    learning_rate : float
        Peak of the schedule: 50 steps of warm-up, then a cosine to zero.
    generator : torch.Generator
        Source of batches and noise, on the CPU.

    Raises
    ------
    ValueError
        If the loss is no longer finite.
    """
    batch_size = min(batch_size, len(rows.codes))
    average = copy.deepcopy(network).requires_grad_(False)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=learning_rate, betas=(0.9, 0.99), weight_decay=1e-4, fused=True
    )
    scheduler = warm_up_then_cosine(optimizer, n_iter, n_warm=50)
    losses = np.empty(n_iter)
    order = _shuffled_rows(len(rows.codes), batch_size * n_iter, generator).view(n_iter, batch_size)
    denoiser = on_cpu(network)
    for step in trange(n_iter, desc="training", disable=not progress):
        index = order[step]
        x_num, x_cat = rows.batch(index, generator)
        loss = process.loss(denoiser, x_num, x_cat, generator)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        scheduler.step()
        losses[step] = loss.item()
        if not math.isfinite(losses[step]):
            raise ValueError(
                f"training diverged at step {step + 1} of {n_iter} (loss {losses[step]}); "
                f"lower learning_rate, now {learning_rate}"
            )
        update_average(average, network, step, ema_decay)
        if callback is not None:
            callback(step + 1, n_iter, losses[step])
    return average.eval(), losses


def on_cpu(network: MLPDenoiser) -> Denoiser:
    """The network as a denoiser of rows on the CPU, wherever its weights are."""
    device = network.offset.device

    def denoiser(state: State, sigma: Tensor) -> Denoised:
        moved = State(*(cells.to(device) for cells in state))
        predicted = network(moved, sigma.to(device))
        return Denoised(
            predicted.velocity.cpu(), tuple(logits.cpu() for logits in predicted.logits)
        )

    return denoiser


def torch_generator(rng: np.random.Generator) -> torch.Generator:
    """CPU generator seeded from a numpy one, so that devices agree."""
    return torch.Generator().manual_seed(int(rng.integers(2**63)))


@contextlib.contextmanager
def seeded(rng: np.random.Generator, device: torch.device | str = "cpu") -> Iterator[None]:
    """Seed torch's global generators, which weights and dropout use, and put them back after it.

    Those of the processor and of `device`; no other GPU is touched, as `torch.manual_seed` would.
    """
    seed, on = int(rng.integers(2**63)), torch.device(device)
    with torch.random.fork_rng(devices=[on] if on.type == "cuda" else []):
        torch.default_generator.manual_seed(seed)
        if on.type == "cuda":
            with torch.cuda.device(on):
                torch.cuda.manual_seed(seed)
        yield


def training_steps(n_rows: int, n_columns: int, batch_size: int) -> int:
    """Optimiser steps that suit a table: more for more columns, fewer for few rows.

    Dependence among more columns takes longer to learn: 350 steps a column, at least 1,000 and at
    most 6,000. But a table of few rows is learnt by heart if it is seen too often: at most 140
    passes over it. Chosen on validation splits of training rows and on rows of the simulators.

    Examples
    --------
    >>> training_steps(n_rows=2136, n_columns=7, batch_size=512)
    584
    >>> training_steps(n_rows=200, n_columns=7, batch_size=200)
    140
    """
    passes = 140 * n_rows // batch_size
    return min(max(350 * n_columns, 1000), passes, 6000)


def warm_up_then_cosine(
    optimizer: torch.optim.Optimizer, n_iter: int, *, n_warm: int
) -> torch.optim.lr_scheduler.LambdaLR:
    """Schedule of the learning rate: linear over the first steps, then a cosine to zero."""

    def factor(step: int) -> float:
        return min(1.0, (step + 1) / n_warm) * (1 + math.cos(math.pi * step / n_iter)) / 2

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, step: int, decay: float) -> None:
    """Move an exponential moving average of the weights towards those after a step, from 0 on.

    In the first steps it moves faster than by `decay`, so that the initial weights are forgotten.
    """
    decay = min(decay, (step + 1) / (step + 10))
    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - decay)


def _shuffled_rows(n_rows: int, n_draws: int, generator: torch.Generator) -> Tensor:
    """Row numbers of shape (n_draws,): every row once, in random order, then again."""
    epochs = [torch.randperm(n_rows, generator=generator) for _ in range(-(-n_draws // n_rows))]
    return torch.cat(epochs)[:n_draws]
