"""How the networks of `HybridDiffusion` are trained: each column stops at its own best."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import trange

from synthtab.diffusion.networks import Batch, ColumnNetworks
from synthtab.diffusion.training import Callback, update_average

_WARM_UP = 50  # steps
_CHECK = 50  # steps between two looks at the held-out rows
_PATIENCE = 6  # looks without a better likelihood before a column has learnt what it can
_MAX_HELD_OUT = 4000  # rows, of which the likelihood is known to a hundredth of a nat
_EMA_DECAY = 0.995
_WEIGHT_DECAY = 0.2


class Fitted(NamedTuple):
    """Trained networks, with their losses.

    `losses` of shape (n_steps,) are those of training, in nats a row; `held_out`, of shape
    (n_looks, n_columns), those of rows kept aside.
    """

    networks: ColumnNetworks
    losses: np.ndarray
    held_out: np.ndarray


def fit_networks(
    networks: ColumnNetworks,
    rows: Batch,
    *,
    n_iter: int,
    batch_size: int,
    learning_rate: float,
    natural_share: float,
    progress: bool,
    callback: Callback | None,
    generator: torch.Generator,
) -> Fitted:
    """Train by likelihood: the masked diffusion's loss with one column predicted per network.

    Each member leaves out rows of its own. After every 50 steps the averaged weights are judged on
    them, and each column's network keeps the weights that did best; training ends when no column
    gets better. `natural_share` of the rows, where networks see any set of columns, are seen in the
    natural order; in the others the order of the columns is random.

    Raises
    ------
    ValueError
        If the loss is no longer finite.
    """
    members, device = networks.n_members, networks.first.device
    train, held_out = _folds(len(rows.code), members, generator)
    average = copy.deepcopy(networks).requires_grad_(False).eval()
    best = copy.deepcopy(average)
    optimizer = torch.optim.AdamW(
        _parameter_groups(networks), lr=learning_rate, betas=(0.9, 0.99), fused=True
    )
    n_columns = len(networks.sizes)
    rows = rows.to(device)
    judged = rows.take(held_out[:, :_MAX_HELD_OUT].to(device))
    judged_known = networks.random_known(judged.code.shape[1], natural_share, generator)
    best_loss = torch.full((members, n_columns), math.inf, device=device)
    waited = torch.zeros(members, n_columns, device=device)
    losses, looks = [], []
    batches = _batches(train, min(batch_size, train.shape[1]), generator)
    for step in trange(n_iter, desc="training", disable=not progress):
        factor = min(1.0, (step + 1) / _WARM_UP) * (1 - step / n_iter)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * factor
        index = batches()
        known = networks.random_known(index.shape[1], natural_share, generator)
        loss = -networks.log_likelihood(rows.take(index.to(device)), known).mean(dim=2).sum()
        # Gradients of long lists are large, and memory that is given back at every step is lost.
        optimizer.zero_grad(set_to_none=False)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        update_average(average, networks, step, _EMA_DECAY)
        losses.append(loss.detach() / members)
        if callback is not None:
            callback(step + 1, n_iter, losses[-1].item())
        if (step + 1) % _CHECK == 0 or step + 1 == n_iter:
            found = _held_out_loss(average, judged, judged_known)
            if not torch.isfinite(found).all():
                raise ValueError(
                    f"training diverged by step {step + 1} of {n_iter}; lower learning_rate, "
                    f"now {learning_rate}"
                )
            looks.append(found.mean(dim=0).cpu().numpy())
            is_better = found < best_loss - 1e-4
            best_loss = torch.where(is_better, found, best_loss)
            waited = torch.where(is_better, 0, waited + 1)
            _keep(best, average, is_better)
            if (waited >= _PATIENCE).all():
                break
    curve = torch.stack(losses).double().cpu().numpy()
    return Fitted(best, curve, np.array(looks, dtype=np.float64))


def _folds(n: int, members: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Rows to train on and rows held out of each member, shapes (members, n_train) and so on."""
    share = 0.2 if n < 2000 else 0.1
    size = max(1, int(share * n))
    order = torch.randperm(n, generator=generator)
    held_out = torch.stack([order[(m * size + torch.arange(size)) % n] for m in range(members)])
    train = torch.stack([order[~torch.isin(order, fold)] for fold in held_out])
    return train, held_out


def _batches(train: Tensor, size: int, generator: torch.Generator) -> Callable[[], Tensor]:
    """What gives the next rows of each member, (members, size): all in random order, then again."""
    position, order = train.shape[1], train

    def following() -> Tensor:
        nonlocal position, order
        if position + size > train.shape[1]:
            order = torch.stack([t[torch.randperm(len(t), generator=generator)] for t in train])
            position = 0
        position += size
        return order[:, position - size : position]

    return following


@torch.no_grad()
def _held_out_loss(average: ColumnNetworks, rows: Batch, known: Tensor | None) -> Tensor:
    """Mean loss of each member's networks on its held-out rows, (members, n_columns)."""
    n, step = rows.code.shape[1], 1000
    parts = [
        average.log_likelihood(
            rows.take(slice(None), slice(i, i + step)),
            None if known is None else known[:, i : i + step],
        )
        for i in range(0, n, step)
    ]
    return -torch.cat(parts, dim=2).mean(dim=2)


@torch.no_grad()
def _keep(best: ColumnNetworks, average: ColumnNetworks, is_better: Tensor) -> None:
    """Take the averaged weights of the columns that have become better."""
    now = dict(average.named_parameters())
    for name, columns in best.groups().items():
        parameter = best.get_parameter(name)
        chosen = is_better[:, list(columns)]
        chosen = chosen.view(*chosen.shape, *[1] * (parameter.dim() - 2))
        parameter.copy_(torch.where(chosen, now[name], parameter))


def _parameter_groups(networks: nn.Module) -> list[dict[str, object]]:
    """Weights, which decay, and biases, which do not."""
    trained = [(name, p) for name, p in networks.named_parameters() if p.requires_grad]
    return [
        {
            "params": [p for name, p in trained if "bias" not in name],
            "weight_decay": _WEIGHT_DECAY,
        },
        {"params": [p for name, p in trained if "bias" in name], "weight_decay": 0.0},
    ]
