"""What the published models share when they are trained: batches of rows, and the loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from synthtab.diffusion.training import Callback
from synthtab.table.encoding import FloatArray

Rate = Callable[[float], float]
LossOf = Callable[[Tensor, int], Tensor]


def falling(share: float) -> float:
    """Linear fall of the learning rate, from 1 to 0, as training goes from share 0 to 1."""
    return 1 - share


def optimise(
    optimizer: torch.optim.Optimizer,
    loss_of: LossOf,
    *,
    n_rows: int,
    batch_size: int,
    n_iter: int,
    generator: torch.Generator,
    rate: Rate = falling,
    max_norm: float | None = None,
    after: Callable[[int], None] | None = None,
    callback: Callback | None = None,
) -> FloatArray:
    """Take the optimiser's steps; return the loss at each, shape (n_iter,).

    Parameters
    ----------
    optimizer : Optimizer
        Holds the parameters and the peak of the learning rate.
    loss_of : callable
        Loss of some rows at a step: ``loss_of(row_numbers, step)``, steps from 0 on.
    n_rows, batch_size, n_iter : int
        Rows of the table, rows per step (all of them in a smaller table), and steps.
    generator : torch.Generator
        Source of the order of the rows.
    rate : callable
        Factor of the learning rate when a share in [0, 1) of the steps is done.
    max_norm : float or None
        Longest gradient; None takes any.
    after : callable or None
        Called as ``after(step)`` when the parameters have moved.
    callback : callable or None
        Called as ``callback(step + 1, n_iter, loss)`` at the end of a step.

    Raises
    ------
    ValueError
        If the loss is no longer finite.
    """
    losses = np.empty(n_iter)
    peaks = [group["lr"] for group in optimizer.param_groups]
    order = batches(n_rows, min(batch_size, n_rows), generator)
    for step, index in zip(range(n_iter), order, strict=False):
        loss = loss_of(index, step)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["lr"] = peak * rate(step / n_iter)
            if max_norm is not None:
                torch.nn.utils.clip_grad_norm_(group["params"], max_norm)
        optimizer.step()
        losses[step] = loss.item()
        if not math.isfinite(losses[step]):
            raise ValueError(
                f"training diverged at step {step + 1} of {n_iter} (loss {losses[step]}); "
                f"lower learning_rate, now {peaks[0]}"
            )
        if after is not None:
            after(step)
        if callback is not None:
            callback(step + 1, n_iter, losses[step])
    return losses


def batches(n_rows: int, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Row numbers of endless batches: every row once, in random order, then again."""
    order = torch.empty(0, dtype=torch.int64)
    while True:
        while len(order) < batch_size:
            order = torch.cat([order, torch.randperm(n_rows, generator=generator)])
        yield order[:batch_size]
        order = order[batch_size:]
