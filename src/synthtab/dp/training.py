"""DP-SGD: the training loop that is nearly the same with and without any one row.

Abadi et al. (2016), "Deep learning with differential privacy", algorithm 1: every step takes each
row with a fixed probability, cuts its gradient to a fixed length and adds normal noise to the sum.
The lengths come from opacus by *ghost clipping*, without the gradient of any row being stored
(Li et al., 2022, "Large language models can be strong differentially private learners",
section 4).

What a row adds to a sum must depend on that row and on chance, but on no other row. So stages and
noise levels are spread evenly over a row's own draws, not over a batch as in `HybridProcess.loss`;
sums are divided by the expected number of rows, not by the actual one; and no loss is kept.
"""

from __future__ import annotations

import copy
import math
import warnings
from typing import Any

import numpy as np
import torch
from opacus.grad_sample import GradSampleModuleFastGradientClipping
from torch import Tensor
from tqdm import trange

from synthtab.diffusion.denoiser import MLPDenoiser
from synthtab.diffusion.process import HybridProcess
from synthtab.diffusion.training import Callback, Rows, update_average, warm_up_then_cosine


def train_privately(
    network: MLPDenoiser,
    process: HybridProcess,
    rows: Rows,
    *,
    noise_multiplier: float,
    sample_rate: float,
    n_iter: int,
    n_rows: int,
    learning_rate: float,
    ema_decay: float,
    clip_norm: float = 1.0,
    n_draws: int = 12,
    progress: bool = False,
    callback: Callback | None = None,
    rng: np.random.Generator,
) -> MLPDenoiser:
    """Train a network in place with DP-SGD; return the average of its weights, which draws.

    Parameters
    ----------
    network : MLPDenoiser
        Its initial weights and buffers, which no row has had a part in.
    process, rows
        The noising process, which knows the loss, and any number of rows, encoded each by itself.
    noise_multiplier : float
        Standard deviation of the noise, in clipping norms: see `accounting.noise_multiplier`.
    sample_rate : float
        Probability with which a row takes part in a step.
    n_iter, ema_decay, progress
        As in `HybridDiffusion`.
    n_rows : int
        Public number of rows, of which the sums are made means.
    learning_rate : float
        Peak of the schedule: 20 steps of warm-up, then a cosine to zero.
    clip_norm : float, default=1.0
        Length that the gradient of a row is cut to.
    n_draws : int, default=12
        Noise draws of a row in a step. The gradient that is cut is their mean, so that they cost
        time but no budget.
    callback : callable or None, default=None
        As in `HybridDiffusion`; the loss is NaN, since the guarantee does not cover it.
    rng : Generator
        Source of all randomness. Whoever can repeat it can take the noise off again.

    Raises
    ------
    ValueError
        If the weights are no longer finite.
    """
    # NOTE: a torch generator on the CPU keeps 32 bits of its seed, few enough to try them all. It
    # serves the diffusion alone; who takes part, and the noise on the gradients, are numpy's.
    generator = torch.Generator().manual_seed(int(rng.integers(2**32)))
    average = copy.deepcopy(network).requires_grad_(False)
    gradients = _RowGradients(network, clip_norm, n_draws)
    parameters = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=learning_rate, betas=(0.9, 0.99), fused=True)
    scheduler = warm_up_then_cosine(optimizer, n_iter, n_warm=20)
    for step in trange(n_iter, desc="private training", disable=not progress):
        network.zero_grad()
        index = torch.from_numpy(np.flatnonzero(rng.random(len(rows.codes)) < sample_rate))
        if len(index):
            losses = _row_losses(gradients, process, rows, index, n_draws, generator)
            gradients.backward(losses)
        for p in parameters:
            noise = torch.from_numpy(rng.standard_normal(p.shape, dtype=np.float32))
            total = noise * noise_multiplier * clip_norm
            if p.grad is not None:
                total += p.grad
            p.grad = total / (sample_rate * n_rows)
        optimizer.step()
        scheduler.step()
        update_average(average, network, step, ema_decay)
        if callback is not None:
            callback(step + 1, n_iter, math.nan)
    gradients.remove_hooks()
    if not all(bool(p.isfinite().all()) for p in average.parameters()):
        raise ValueError(
            f"training diverged within {n_iter} steps; lower learning_rate, now {learning_rate}"
        )
    return average.eval()


class _RowGradients(GradSampleModuleFastGradientClipping):  # type: ignore[misc]
    """A network whose gradient is summed over rows, each row's cut to a length.

    The network sees the `n_draws` draws of a row as rows of their own, one after the other.
    """

    def __init__(self, network: MLPDenoiser, clip_norm: float, n_draws: int) -> None:
        # strict refuses buffers, since a layer might keep what it saw in them; ours are constants
        super().__init__(network, loss_reduction="sum", strict=False, max_grad_norm=clip_norm)
        self.n_draws = n_draws

    def rearrange_grad_samples(self, **captured: Any) -> tuple[list[Tensor], Tensor]:
        """What went into a layer and came back to it: (n * n_draws, d) to (n, n_draws, d)."""
        activations, backprops = super().rearrange_grad_samples(**captured)
        shape = (-1, self.n_draws)
        captured["module"].max_batch_len = len(backprops) // self.n_draws
        return [a.unflatten(0, shape) for a in activations], backprops.unflatten(0, shape)

    def backward(self, losses: Tensor) -> None:
        """Add the cut gradients of losses, one for each row, of shape (n,), to the parameters'."""
        with warnings.catch_warnings():  # that what enters the network needs no gradient
            warnings.filterwarnings("ignore", message="Full backward hook is firing")
            losses.sum().backward(retain_graph=True)  # type: ignore[no-untyped-call]
            self.zero_grad()
            # The gradient of a weighted sum of losses is the weighted sum of their gradients.
            share = self.get_clipping_coef()
            self.disable_hooks()
            (share * losses).sum().backward()
            self.enable_hooks()


def _row_losses(
    denoiser: _RowGradients,
    process: HybridProcess,
    rows: Rows,
    index: Tensor,
    n_draws: int,
    generator: torch.Generator,
) -> Tensor:
    """Mean loss over each row's draws, shape (b,), every draw in a stage and at a level of its own.

    Both are spread evenly over the draws of a row, from a random start.
    """
    shape = (len(index), n_draws)
    stages = torch.tensor(process.stages)
    first = torch.randint(len(stages), (len(index), 1), generator=generator)
    stage = stages[(first + torch.arange(n_draws)) % len(stages)]
    stratum = torch.rand(shape, generator=generator).argsort(dim=1)
    share = (stratum + torch.rand(shape, generator=generator)) / n_draws
    sigma = process.schedule.level(share)
    x_num, x_cat = rows.batch(index.repeat_interleave(n_draws), generator)
    losses = process.row_losses(denoiser, x_num, x_cat, stage.flatten(), sigma.flatten(), generator)
    return losses.view(shape).mean(dim=1)
