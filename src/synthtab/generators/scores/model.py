"""The frame of a generator that draws rows from noise: checks, seeds, and blocks of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple, Self, get_args

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from synthtab.diffusion.training import Callback, seeded, torch_generator
from synthtab.generators.contract import RandomState
from synthtab.generators.tabddpm.encoding import QuantileEncoder, Scaling
from synthtab.parallel import one_thread
from synthtab.table.encoding import FloatArray
from synthtab.table.schema import Schema

_BLOCK = 512  # rows drawn from one seed, few enough for the processor's cache


class Rows(NamedTuple):
    """Encoded rows: numbers of shape (n, n_num), and codes of categories, (n, n_cat)."""

    x_num: Tensor
    codes: Tensor

    def take(self, index: Tensor) -> Rows:
        """Rows of the given numbers."""
        index = index.to(self.codes.device)
        return Rows(self.x_num[index], self.codes[index])


class Noise:
    """Random numbers of one seed, drawn on the CPU so that devices agree."""

    def __init__(self, rng: np.random.Generator, device: torch.device) -> None:
        self.generator, self.device = torch_generator(rng), device

    def normal(self, shape: Sequence[int]) -> Tensor:
        """Standard normal numbers."""
        return torch.randn(tuple(shape), generator=self.generator).to(self.device)

    def uniform(self, shape: Sequence[int]) -> Tensor:
        """Numbers in [0, 1)."""
        return torch.rand(tuple(shape), generator=self.generator).to(self.device)

    def logistic(self, shape: Sequence[int]) -> Tensor:
        """Logistic numbers: the difference of two of Gumbel."""
        share = self.uniform(shape).clamp(1e-7, 1 - 1e-7)
        return share.log() - torch.log1p(-share)


class ScoreModel(BaseEstimator):  # type: ignore[misc]
    """Fits and draws under the contract; subclasses say in `_learn` and `_draw` how.

    Their constructors take `n_iter`, `batch_size`, `width`, `n_steps`, `learning_rate`, `device`,
    `callback` and `random_state`, and whatever else they name in `_whole`.
    """

    n_iter: int
    batch_size: int
    width: int
    n_steps: int
    learning_rate: float
    device: str
    callback: Callback | None
    random_state: RandomState

    _whole: ClassVar[tuple[str, ...]] = ("n_iter", "batch_size", "width")
    scaling: Scaling = "quantile"

    def fit(self, frame: pd.DataFrame, schema: Schema) -> Self:
        """Learn the joint distribution of a table; see `synthtab.generators.contract.Generator`.

        Raises
        ------
        ValueError
            If a parameter is out of range, the frame is not a table of the schema or has fewer
            than two rows, or training diverges.
        """
        self._check_parameters()
        encoder = QuantileEncoder(scaling=self.scaling).fit(frame, schema)
        if len(frame) < 2:
            raise ValueError(f"a table of {len(frame)} row cannot be learnt; give at least 2")
        rng = np.random.default_rng(self.random_state)
        x_num, codes = (torch.from_numpy(a) for a in encoder.transform(frame))
        rows = Rows(x_num.float().to(self.device_), codes.to(self.device_))
        noise = Noise(rng, self.device_)
        with one_thread(), seeded(rng, self.device_):
            network, self.loss_curve_ = self._learn(rows, encoder.cardinalities, noise)
        self.network_ = network.requires_grad_(False).eval()
        self.schema_, self.encoder_ = schema, encoder
        return self

    @torch.no_grad()
    def sample(self, n_samples: int, *, random_state: RandomState = None) -> pd.DataFrame:
        """Draw synthetic rows; see `synthtab.generators.contract.Generator`.

        Raises
        ------
        ValueError
            If a drawn number is not finite, besides.
        """
        check_is_fitted(self, "network_")
        if n_samples < 1:
            raise ValueError(f"n_samples={n_samples}: draw at least one row")
        self.network_.to(self.device_)  # it may have been fitted on another machine
        children = np.random.default_rng(random_state).spawn(-(-n_samples // _BLOCK))
        with one_thread():
            # Blocks are always whole, so that a short draw is the beginning of a long one.
            blocks = [self._draw(_BLOCK, Noise(child, self.device_)) for child in children]
        x_num, codes = (
            torch.cat(parts)[:n_samples].cpu().numpy() for parts in zip(*blocks, strict=True)
        )
        return self.encoder_.inverse_transform(x_num.astype(np.float64), codes)

    @property
    def device_(self) -> torch.device:
        """Where the networks work."""
        if self.device == "auto":
            return torch.device("cuda" if torch.cuda.is_available() else "cpu")
        return torch.device(self.device)

    def _learn(
        self, rows: Rows, cardinalities: tuple[int, ...], noise: Noise
    ) -> tuple[nn.Module, FloatArray]:
        """The trained network, and the loss at each step."""
        raise NotImplementedError

    def _draw(self, n: int, noise: Noise) -> Rows:
        """Encoded rows from one seed."""
        raise NotImplementedError

    def _check_parameters(self) -> None:
        least = {**dict.fromkeys(self._whole, 1), "n_steps": 2}  # from noise to nearly none
        problems = [
            f"{name}={value!r}: a whole number, at least {n}"
            for name, n in least.items()
            if isinstance(value := getattr(self, name), bool)
            or not isinstance(value, int | np.integer)
            or value < n
        ]
        if not self.learning_rate > 0:
            problems.append(f"learning_rate={self.learning_rate}: above 0")
        if self.scaling not in get_args(Scaling):
            problems.append(f"scaling={self.scaling!r}: one of {list(get_args(Scaling))}")
        if problems:
            raise ValueError("; ".join(problems))
