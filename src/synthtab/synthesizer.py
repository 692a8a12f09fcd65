"""HybridDiffusion: the generator, its training loop and its drawing."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Literal, Self

import numpy as np
import pandas as pd
import torch
from scipy.special import ndtri
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from synthtab.denoiser import MLPDenoiser
from synthtab.diffusion import HybridProcess, log_marginals
from synthtab.encoding import EDGE, Encoded, TableEncoder
from synthtab.schema import Schema

_BLOCK = 4096  # rows drawn from one seed; results do not depend on anything coarser


class HybridDiffusion(BaseEstimator):  # type: ignore[misc]
    """Diffusion model of a mixed table: Gaussian for numbers, discrete for categories.

    Numbers, the target among them, become normal scores and follow a Gaussian diffusion in the
    parametrisation of Karras et al. (2022); categories follow an absorbing-state diffusion
    (Austin et al., 2021) on the same clock; one network denoises both.

    Parameters
    ----------
    n_iter : int or "auto", default="auto"
        Optimiser steps. "auto" grows with the table: see `training_steps`.
    batch_size : int, default=512
        Rows per step; all of them in a smaller table.
    width, depth : int, default=128, 2
        Size and number of the network's residual blocks.
    n_frequencies : int, default=0
        Fourier features per numerical column.
    n_steps : int, default=24
        Noise levels visited when drawing.
    learning_rate : float, default=2e-3
        Peak of the cosine schedule.
    ema_decay : float, default=0.995
        Decay of the averaged weights, which are the ones that draw.
    recalibrate : bool, default=False
        Map the ranks of each drawn numerical column onto the training quantiles. It makes
        one-column distributions exact, and reveals those quantiles; each call is then calibrated
        as a whole, which is wrong for small draws.
    callback : callable or None, default=None
        Called as ``callback(step, n_iter, loss)`` after every optimiser step.
    random_state : int, Generator or None, default=None
        Seeds initial weights, batches and noise of `fit`.

    Attributes
    ----------
    schema_ : Schema
        Description of the fitted table.
    encoder_ : TableEncoder
        Fitted encoder, part of the model.
    process_ : HybridProcess
        The noising process.
    denoiser_ : MLPDenoiser
        Averaged weights.
    loss_curve_ : ndarray of shape (n_iter,)
        Training loss at each step.

    Notes
    -----
    Drawing works in blocks of 4,096 rows, each with a seed of its own: the first blocks of a long
    draw are those of a short one, and rows do not depend on how a draw is chunked. Another number
    of threads, another processor or another torch release may change the last bits.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"size": [6, 8, 8, 10] * 10, "plant": ["a", "b", "b", "a"] * 10,
    ...                       "minutes": [700, 800, 810, 930] * 10})
    >>> schema = Schema.infer(frame, target="minutes")
    >>> model = HybridDiffusion(n_iter=20, random_state=0).fit(frame, schema)
    >>> model.sample(3, random_state=1).shape
    (3, 3)
    """

    def __init__(
        self,
        *,
        n_iter: int | Literal["auto"] = "auto",
        batch_size: int = 512,
        width: int = 128,
        depth: int = 2,
        n_frequencies: int = 0,
        n_steps: int = 24,
        learning_rate: float = 2e-3,
        ema_decay: float = 0.995,
        recalibrate: bool = False,
        callback: Callable[[int, int, float], None] | None = None,
        random_state: int | np.random.Generator | None = None,
    ) -> None:
        self.n_iter = n_iter
        self.batch_size = batch_size
        self.width = width
        self.depth = depth
        self.n_frequencies = n_frequencies
        self.n_steps = n_steps
        self.learning_rate = learning_rate
        self.ema_decay = ema_decay
        self.recalibrate = recalibrate
        self.callback = callback
        self.random_state = random_state

    def fit(self, frame: pd.DataFrame, schema: Schema) -> Self:
        """Learn the joint distribution of a table.

        Parameters
        ----------
        frame : DataFrame of shape (n, n_columns)
            Training rows, without missing values.
        schema : Schema
            Their description.

        Returns
        -------
        HybridDiffusion

        Raises
        ------
        ValueError
            If the frame is not a table of the schema, has fewer than two rows, or training
            diverges.
        """
        encoder = TableEncoder().fit(frame, schema)
        if len(frame) < 2:
            raise ValueError(f"a table of {len(frame)} row cannot be learnt; give at least 2")
        rng = np.random.default_rng(self.random_state)
        generator = _generator(rng)
        codes = torch.from_numpy(encoder.codes(frame))
        low, high = (torch.from_numpy(a) for a in encoder.intervals(frame))
        process = HybridProcess(encoder.cardinalities, n_num=low.shape[1])
        with torch.random.fork_rng(devices=[]):  # weights are initialised from the global generator
            torch.manual_seed(int(rng.integers(2**63)))
            network = MLPDenoiser(
                process.n_num,
                log_marginals(codes, process.cardinalities),
                width=self.width,
                depth=self.depth,
                n_frequencies=self.n_frequencies,
            )
        self.schema_, self.encoder_, self.process_ = schema, encoder, process
        self.denoiser_ = self._train(network, process, low, high, codes, generator)
        return self

    def sample(
        self, n_samples: int, *, random_state: int | np.random.Generator | None = None
    ) -> pd.DataFrame:
        """Draw synthetic rows.

        Parameters
        ----------
        n_samples : int
            Rows to draw.
        random_state : int, Generator or None, default=None
            Seed of the draw; None draws afresh.

        Returns
        -------
        DataFrame of shape (n_samples, n_columns)
            With the columns, order, dtypes and categories of the fitted table.

        Raises
        ------
        ValueError
            If `n_samples` is not positive.
        sklearn.exceptions.NotFittedError
            If the model is not fitted.
        """
        check_is_fitted(self)
        if n_samples < 1:
            raise ValueError(f"n_samples={n_samples}: draw at least one row")
        rng = np.random.default_rng(random_state)
        sizes = [min(_BLOCK, n_samples - start) for start in range(0, n_samples, _BLOCK)]
        self.denoiser_.eval()
        states = [
            self.process_.sample(self.denoiser_, size, self.n_steps, _generator(child))
            for size, child in zip(sizes, rng.spawn(len(sizes)), strict=True)
        ]
        x_num = torch.cat([s.x_num for s in states]).numpy().astype(np.float64)
        x_cat = torch.cat([s.x_cat for s in states]).numpy()
        if self.recalibrate:
            x_num = _normal_scores_of_ranks(x_num)
        return self.encoder_.inverse_transform(Encoded(x_num, x_cat))

    def _train(
        self,
        network: MLPDenoiser,
        process: HybridProcess,
        low: Tensor,
        high: Tensor,
        codes: Tensor,
        generator: torch.Generator,
    ) -> MLPDenoiser:
        """Train in place; return the average of the weights over the steps."""
        n_rows = len(codes)
        batch_size = min(self.batch_size, n_rows)
        n_iter = self.n_iter
        if n_iter == "auto":
            n_iter = training_steps(n_rows, codes.shape[1] + process.n_num, batch_size)
        average = copy.deepcopy(network).requires_grad_(False)
        optimizer = torch.optim.AdamW(
            network.parameters(),
            lr=self.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=1e-4,
            fused=True,
        )
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, _warm_up_then_cosine(n_iter))
        losses = np.empty(n_iter)
        order = _shuffled_rows(n_rows, batch_size * n_iter, generator).view(n_iter, batch_size)
        for step, rows in enumerate(order):
            # A fresh point of each value's rank interval: see TableEncoder.
            share = torch.rand((len(rows), process.n_num), generator=generator, dtype=torch.float64)
            rank = low[rows] + share * (high[rows] - low[rows])
            x_num = torch.special.ndtri(rank.clamp(EDGE, 1 - EDGE)).float()
            loss = sum(process.loss(network, x_num, codes[rows], generator), torch.zeros(()))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            scheduler.step()
            losses[step] = loss.item()
            if not math.isfinite(losses[step]):
                raise ValueError(
                    f"training diverged at step {step + 1} of {n_iter} (loss {losses[step]}); "
                    f"lower learning_rate, now {self.learning_rate}"
                )
            _update_average(average, network, min(self.ema_decay, (step + 1) / (step + 10)))
            if self.callback is not None:
                self.callback(step + 1, n_iter, losses[step])
        self.loss_curve_ = losses
        return average


def training_steps(n_rows: int, n_columns: int, batch_size: int) -> int:
    """Optimiser steps that suit a table: more for more columns, fewer for few rows.

    Dependence among more columns takes longer to learn: 350 steps a column, at most 6,000. But a
    table of few rows is learnt by heart if it is seen too often: at most 600 passes over it.
    Chosen on simulated tables and on validation splits of training rows.

    Examples
    --------
    >>> training_steps(n_rows=2136, n_columns=7, batch_size=512)
    2450
    >>> training_steps(n_rows=200, n_columns=7, batch_size=200)
    600
    """
    passes = 600 * n_rows // batch_size
    return min(350 * n_columns, passes, 6000)


def _shuffled_rows(n_rows: int, n_draws: int, generator: torch.Generator) -> Tensor:
    """Row numbers of shape (n_draws,): every row once, in random order, then again."""
    epochs = [torch.randperm(n_rows, generator=generator) for _ in range(-(-n_draws // n_rows))]
    return torch.cat(epochs)[:n_draws]


def _warm_up_then_cosine(n_iter: int, n_warm: int = 50) -> Callable[[int], float]:
    def factor(step: int) -> float:
        return min(1.0, (step + 1) / n_warm) * (1 + math.cos(math.pi * step / n_iter)) / 2

    return factor


@torch.no_grad()
def _update_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - decay)


def _normal_scores_of_ranks(x_num: np.ndarray) -> np.ndarray:
    """Replace each column's values by the normal scores of their ranks, shape kept."""
    ranks = x_num.argsort(axis=0).argsort(axis=0)
    return np.asarray(ndtri((ranks + 0.5) / len(x_num)))


def _generator(rng: np.random.Generator) -> torch.Generator:
    """CPU generator seeded from a numpy one, so that devices agree."""
    return torch.Generator().manual_seed(int(rng.integers(2**63)))
