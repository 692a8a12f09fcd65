"""HybridDiffusion: the generator, from a frame to a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
import pandas as pd
import torch
from scipy.special import ndtri
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from synthtab.denoiser import MLPDenoiser
from synthtab.diffusion import HybridProcess, log_marginals
from synthtab.encoding import Encoded, TableEncoder
from synthtab.schema import Schema
from synthtab.training import Callback, Rows, train, training_steps

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
        callback: Callback | None = None,
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
        low, high = encoder.intervals(frame)
        rows = Rows(*map(torch.from_numpy, (low, high, encoder.codes(frame))))
        process = HybridProcess(encoder.cardinalities, n_num=low.shape[1])
        with torch.random.fork_rng(devices=[]):  # weights are initialised from the global generator
            torch.manual_seed(int(rng.integers(2**63)))
            network = MLPDenoiser(
                process.n_num,
                log_marginals(rows.codes, process.cardinalities),
                width=self.width,
                depth=self.depth,
                n_frequencies=self.n_frequencies,
            )
        self.schema_, self.encoder_, self.process_ = schema, encoder, process
        n_iter = self.n_iter
        if n_iter == "auto":
            batch_size = min(self.batch_size, len(frame))
            n_iter = training_steps(len(frame), len(schema.columns), batch_size)
        self.denoiser_, self.loss_curve_ = train(
            network,
            process,
            rows,
            n_iter=n_iter,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            ema_decay=self.ema_decay,
            callback=self.callback,
            generator=generator,
        )
        return self

    def row_loss(
        self,
        frame: pd.DataFrame,
        *,
        sigma: Sequence[float],
        n_noises: int = 1,
        random_state: int | np.random.Generator | None = None,
    ) -> np.ndarray:
        """Training loss of given rows: how familiar the model is with each.

        What a holder of the model's weights can compute, and so the score of a white-box
        membership attack.

        Parameters
        ----------
        frame : DataFrame of shape (n, n_columns)
            Rows of the fitted schema.
        sigma : sequence of float
            Noise levels.
        n_noises : int, default=1
            Noises at each level; the same ones for every row, so that rows compare.
        random_state : int, Generator or None, default=None
            Seed of the noises.

        Returns
        -------
        ndarray of shape (n,)
            Mean over levels and noises of a row's loss.

        Raises
        ------
        ValueError
            If the frame is not a table of the fitted schema.
        sklearn.exceptions.NotFittedError
            If the model is not fitted.
        """
        check_is_fitted(self)
        encoded = self.encoder_.transform(frame)
        x_num = torch.from_numpy(encoded.x_num).float()
        x_cat = torch.from_numpy(encoded.x_cat)
        generator = _generator(np.random.default_rng(random_state))
        total = torch.zeros(len(frame))
        with torch.no_grad():
            for level in (s for s in sigma for _ in range(n_noises)):
                levels = torch.full((len(frame),), level)
                total += sum(
                    self.process_.row_losses(
                        self.denoiser_, x_num, x_cat, levels, generator, shared_noise=True
                    )
                )
        return (total / (len(sigma) * n_noises)).numpy()

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


def _normal_scores_of_ranks(x_num: np.ndarray) -> np.ndarray:
    """Replace each column's values by the normal scores of their ranks, shape kept."""
    ranks = x_num.argsort(axis=0).argsort(axis=0)
    return np.asarray(ndtri((ranks + 0.5) / len(x_num)))


def _generator(rng: np.random.Generator) -> torch.Generator:
    """CPU generator seeded from a numpy one, so that devices agree."""
    return torch.Generator().manual_seed(int(rng.integers(2**63)))
