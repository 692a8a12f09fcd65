"""GaussianHybridDiffusion: the kind of the original study, from a frame to a frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from synthtab.diffusion.denoiser import MLPDenoiser
from synthtab.diffusion.process import HybridProcess, log_marginals
from synthtab.diffusion.training import (
    Callback,
    Rows,
    on_cpu,
    seeded,
    torch_generator,
    train,
    training_steps,
)
from synthtab.dp.budget import Guarantee, Privacy
from synthtab.table.encoding import Encoded, TableEncoder
from synthtab.table.schema import Schema

if TYPE_CHECKING:
    from synthtab.dp.fit import PrivateFit

_BLOCK = 4096  # rows drawn from one seed; results do not depend on anything coarser
# What "auto" stands for without privacy; with it, see `synthtab.dp.fit`.
_BATCH_SIZE = 512
_WIDTH = 128
_LEARNING_RATE = 2e-3
# From this many rows on, structure finer than a smooth network learns can be told from chance.
_ENOUGH_FOR_DETAIL = 5000


class DiffusionModel(BaseEstimator):  # type: ignore[misc]
    """What both kinds of diffusion model tell of a fit: its budget, and where networks work."""

    device: str
    guarantee_: Guarantee | None

    @property
    def epsilon_(self) -> float | None:
        """Budget that the fit has spent, an upper bound; None without privacy."""
        check_is_fitted(self)
        return None if self.guarantee_ is None else self.guarantee_.epsilon

    @property
    def delta_(self) -> float | None:
        """Probability with which the guarantee may fail; None without privacy."""
        check_is_fitted(self)
        return None if self.guarantee_ is None else self.guarantee_.delta

    @property
    def device_(self) -> torch.device:
        """Where the network works."""
        if self.device == "auto":
            return torch.device("cuda" if torch.cuda.is_available() else "cpu")
        return torch.device(self.device)


class GaussianHybridDiffusion(DiffusionModel):
    """Diffusion model of a mixed table: Gaussian for numbers, discrete for categories.

    Categories follow an absorbing-state diffusion (Austin et al., 2021). Numbers become normal
    scores and follow a Gaussian diffusion in the parametrisation of Karras et al. (2022). One
    network denoises both, and a row is drawn in two stages: its categories, then its numbers given
    them (see `HybridProcess`).

    Parameters
    ----------
    privacy : Privacy or None, default=None
        A budget of differential privacy, and what is public of the table: see
        `synthtab.dp.budget.Privacy`. Training is then DP-SGD
        (`synthtab.dp.fit.fit_privately`), and nothing is read off the rows outside the
        budget. It needs the package opacus, ``pip install 'synthtab[dp]'``, and wants other
        settings than plain training: "auto" stands for those that suit.
    n_iter : int or "auto", default="auto"
        Optimiser steps. "auto" grows with the table: see `training_steps`; 400 with privacy.
    batch_size : int or "auto", default="auto"
        Rows per step; all of them in a smaller table. "auto" is 512, and 256 with privacy, where
        it is a mean.
    width : int or "auto", default="auto"
        Units of the network's residual blocks. "auto" is 128, and 64 with privacy.
    depth : int, default=2
        Number of residual blocks.
    n_frequencies : int or "auto", default="auto"
        Fourier features per numerical column. "auto": 8 for at least 5,000 rows, else none; few
        rows are learnt by heart with them. None with privacy.
    n_steps : int, default=16
        Noise levels visited when drawing numbers.
    learning_rate : float or "auto", default="auto"
        Peak of the cosine schedule. "auto" is 2e-3, and 5e-3 with privacy.
    ema_decay : float, default=0.995
        Decay of the averaged weights, which are the ones that draw.
    device : str, default="auto"
        Where the network works: "auto" takes a GPU when there is one. All random numbers are drawn
        on the CPU, where private training happens as a whole.
    progress : bool, default=False
        Show a progress bar with the time left while training.
    callback : callable or None, default=None
        Called as ``callback(step, n_iter, loss)`` after every optimiser step. With privacy the
        loss is NaN: the guarantee does not cover it.
    random_state : int, Generator or None, default=None
        Seeds initial weights, batches and noise of `fit`. The guarantee holds for those who do not
        know it: for a release leave it at None.

    Attributes
    ----------
    schema_ : Schema
        Description of the fitted table.
    encoder_ : TableEncoder
        Fitted encoder, part of the model; a `PrivateEncoder` with privacy.
    process_ : HybridProcess
        The noising process.
    denoiser_ : MLPDenoiser
        Averaged weights.
    loss_curve_ : ndarray of shape (n_iter,)
        Training loss at each step; empty with privacy.
    guarantee_ : Guarantee or None
        What the fit has kept to, in numbers and in words; None without privacy.
    epsilon_, delta_ : float or None
        The budget that was spent; None without privacy.

    Notes
    -----
    Every row is an independent draw. Drawing works in blocks of 4,096 rows, each with a seed of its
    own, and the first rows of a long draw are those of a short one. Another number of rows in a
    block or of threads, another processor or another torch release may change the last bits.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"size": [6, 8, 8, 10] * 10, "plant": ["a", "b", "b", "a"] * 10,
    ...                       "minutes": [700, 800, 810, 930] * 10})
    >>> schema = Schema.infer(frame, target="minutes")
    >>> model = GaussianHybridDiffusion(n_iter=20, random_state=0).fit(frame, schema)
    >>> model.sample(3, random_state=1).shape
    (3, 3)

    With a guarantee (see `Privacy`; here for far too few rows to learn anything):

    >>> privacy = Privacy(epsilon=3.0, n_rows=40, bounds={"minutes": (0, 5000)},
    ...                   levels={"size": [6, 8, 10]}, public_categories=True)
    >>> private = GaussianHybridDiffusion(privacy=privacy, n_iter=2, random_state=0)
    >>> private = private.fit(frame, schema)
    >>> private.epsilon_ <= 3.0, private.delta_
    (True, 0.0025)
    """

    def __init__(
        self,
        *,
        privacy: Privacy | None = None,
        n_iter: int | Literal["auto"] = "auto",
        batch_size: int | Literal["auto"] = "auto",
        width: int | Literal["auto"] = "auto",
        depth: int = 2,
        n_frequencies: int | Literal["auto"] = "auto",
        n_steps: int = 16,
        learning_rate: float | Literal["auto"] = "auto",
        ema_decay: float = 0.995,
        device: str = "auto",
        progress: bool = False,
        callback: Callback | None = None,
        random_state: int | np.random.Generator | None = None,
    ) -> None:
        self.privacy = privacy
        self.n_iter = n_iter
        self.batch_size = batch_size
        self.width = width
        self.depth = depth
        self.n_frequencies = n_frequencies
        self.n_steps = n_steps
        self.learning_rate = learning_rate
        self.ema_decay = ema_decay
        self.device = device
        self.progress = progress
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

        Raises
        ------
        ValueError
            If the frame is not a table of the schema, has fewer than two rows, or training
            diverges; with privacy, if something public is not declared, naming the columns.
        ModuleNotFoundError
            If privacy is asked for and opacus is not installed.
        """
        if self.privacy is not None:
            return self._fit_privately(frame, schema, self.privacy)
        encoder = self._encoder(frame, schema)
        if len(frame) < 2:
            raise ValueError(f"a table of {len(frame)} row cannot be learnt; give at least 2")
        rng = np.random.default_rng(self.random_state)
        generator = torch_generator(rng)
        rows = Rows(*map(torch.from_numpy, (*encoder.intervals(frame), encoder.codes(frame))))
        process = HybridProcess(encoder.cardinalities, len(encoder.rank_maps_))
        batch_size = _BATCH_SIZE if self.batch_size == "auto" else self.batch_size
        n_iter = self.n_iter
        if n_iter == "auto":
            n_iter = training_steps(len(frame), len(schema.columns), min(batch_size, len(frame)))
        n_frequencies = self.n_frequencies
        if n_frequencies == "auto":
            n_frequencies = 8 if len(frame) >= _ENOUGH_FOR_DETAIL else 0
        with seeded(rng):
            network = MLPDenoiser(
                process.n_num,
                [torch.from_numpy(c).float() for c in encoder.coordinates(frame)],
                log_marginals(rows.codes, process.cardinalities),
                width=_WIDTH if self.width == "auto" else self.width,
                depth=self.depth,
                n_frequencies=n_frequencies,
            ).to(self.device_)
        self.denoiser_, self.loss_curve_ = train(
            network,
            process,
            rows,
            n_iter=n_iter,
            batch_size=batch_size,
            learning_rate=_LEARNING_RATE if self.learning_rate == "auto" else self.learning_rate,
            ema_decay=self.ema_decay,
            progress=self.progress,
            callback=self.callback,
            generator=generator,
        )
        self.schema_, self.encoder_, self.process_ = schema, encoder, process
        self.guarantee_ = None
        return self

    def row_loss(
        self,
        frame: pd.DataFrame,
        *,
        sigma: Sequence[float],
        n_noises: int = 1,
        random_state: int | np.random.Generator | None = None,
    ) -> np.ndarray:
        """Training loss of given rows, shape (n,): how familiar the model is with each.

        What a holder of the model's weights can compute, and so the score of a white-box
        membership attack: the mean over stages, levels and noises of a row's loss.

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
        generator = torch_generator(np.random.default_rng(random_state))
        settings = [
            (s, level) for level in sigma for _ in range(n_noises) for s in self.process_.stages
        ]
        total = torch.zeros(len(frame))
        with torch.no_grad():
            for stage, level in settings:
                total += self.process_.row_losses(
                    on_cpu(self.denoiser_),
                    x_num,
                    x_cat,
                    torch.full((len(frame),), stage),
                    torch.full((len(frame),), level),
                    generator,
                    shared_noise=True,
                )
        return (total / len(settings)).numpy()

    def sample(
        self,
        n_samples: int,
        *,
        random_state: int | np.random.Generator | None = None,
        conditions: Mapping[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Draw synthetic rows.

        Parameters
        ----------
        n_samples : int
            Rows to draw.
        random_state : int, Generator or None, default=None
            Seed of the draw; None draws afresh.
        conditions : mapping of str to value, default=None
            Values that every row is to have, for categorical columns and numerical ones with a
            short list of values: the rest of the row is drawn given them.

        Returns
        -------
        DataFrame of shape (n_samples, n_columns)
            With the columns, order, dtypes and categories of the fitted table.

        Raises
        ------
        ValueError
            If `n_samples` is not positive, or a condition cannot be met: on a column that the table
            does not have, a value it never takes, or a continuous column.
        sklearn.exceptions.NotFittedError
            If the model is not fitted.
        """
        blocks = list(self._draw(n_samples, random_state, conditions))
        x_num = np.concatenate([b.x_num for b in blocks])
        x_cat = np.concatenate([b.x_cat for b in blocks])
        return self.encoder_.inverse_transform(Encoded(x_num, x_cat))

    def iter_samples(
        self,
        n_samples: int,
        *,
        random_state: int | np.random.Generator | None = None,
        conditions: Mapping[str, Any] | None = None,
    ) -> Iterator[pd.DataFrame]:
        """Draw the rows of `sample` in frames of at most 4,096: they need not fit into memory.

        Takes and refuses what `sample` does.
        """
        for block in self._draw(n_samples, random_state, conditions):
            yield self.encoder_.inverse_transform(block)

    def _fit_privately(self, frame: pd.DataFrame, schema: Schema, privacy: Privacy) -> Self:
        """Like `fit`, by DP-SGD."""
        not_of_training = ("privacy", "n_steps", "device")
        settings = {k: v for k, v in self.get_params().items() if k not in not_of_training}
        fit_privately = _private_training()
        self.encoder_, self.process_, denoiser, self.guarantee_ = fit_privately(
            frame, schema, privacy, **settings
        )
        self.denoiser_ = denoiser.to(self.device_)
        self.schema_, self.loss_curve_ = schema, np.empty(0)
        return self

    def _encoder(self, frame: pd.DataFrame, schema: Schema) -> TableEncoder:
        return TableEncoder().fit(frame, schema)

    def _draw(
        self,
        n_samples: int,
        random_state: int | np.random.Generator | None,
        conditions: Mapping[str, Any] | None,
    ) -> Iterator[Encoded]:
        check_is_fitted(self)
        if n_samples < 1:
            raise ValueError(f"n_samples={n_samples}: draw at least one row")
        given = self._given_codes(conditions or {})
        rng = np.random.default_rng(random_state)
        for start in range(0, n_samples, _BLOCK):
            (child,) = rng.spawn(1)
            n = min(_BLOCK, n_samples - start)
            state = self.process_.sample(
                on_cpu(self.denoiser_),
                n,
                self.n_steps,
                torch_generator(child),
                x_cat=given.repeat(n, 1),
            )
            yield Encoded(state.x_num.numpy().astype(np.float64), state.x_cat.numpy())

    def _given_codes(self, conditions: Mapping[str, Any]) -> Tensor:
        """Codes of shape (1, n_cat), the mask where there is no condition."""
        codes = self.process_.masked.mask[None].clone()
        levels = self.encoder_.levels_
        problems = []
        for column, value in conditions.items():
            if column not in self.schema_.columns:
                problems.append(f"no column {column!r}; columns are {list(self.schema_.columns)}")
            elif column not in levels:
                problems.append(
                    f"column {column!r} is continuous: conditions are for columns with a list of "
                    f"values, {list(levels)}; draw more rows and select among them"
                )
            elif value not in (known := levels[column].tolist()):
                problems.append(f"column {column!r} never takes {value!r}; it takes {known[:10]}")
            else:
                codes[0, list(levels).index(column)] = known.index(value)
        if problems:
            raise ValueError("; ".join(problems))
        return codes


def _private_training() -> Callable[..., PrivateFit]:
    """The function that fits under differential privacy, for which opacus is needed."""
    try:
        from synthtab.dp.fit import fit_privately
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "opacus":
            raise
        raise ModuleNotFoundError(
            "privacy needs the package opacus: pip install 'synthtab[dp]'", name=error.name
        ) from error
    return fit_privately
