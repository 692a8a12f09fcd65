"""TabDDPM, the published model that HybridDiffusion is compared with.

Kotelnikov et al. (2023), "TabDDPM: Modelling tabular data with diffusion models", ICML
(arXiv 2209.15421), written from the paper. Where the paper is silent its authors' program decides
(github.com/yandex-research/tab-ddpm, read and not copied); each such place, and each departure,
is marked NOTE.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Self

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from synthtab.diffusion.training import Callback, seeded, torch_generator
from synthtab.generators.contract import RandomState
from synthtab.generators.fitting import optimise
from synthtab.generators.tabddpm.encoding import QuantileEncoder
from synthtab.generators.tabddpm.gaussian import GaussianDDPM, cosine_alpha_bar
from synthtab.generators.tabddpm.multinomial import MultinomialDiffusion
from synthtab.table.encoding import FloatArray
from synthtab.table.schema import Schema

_BLOCK = 1024  # rows drawn from one seed, few enough for the processor's cache
_EMBEDDING = 128
_WEIGHT_DECAY = 1e-4


class TimestepMLP(nn.Module):
    """Multilayer perceptron over a noisy row, its time and its class.

    The paper, section 4: x = Linear(x_in) + t_emb + y_emb of width 128, with
    t_emb = Linear(SiLU(Linear(SinTimeEmb(t)))) and y_emb = Embedding(y), then `depth` blocks
    ReLU(Linear(x)) of size `width` and a Linear that returns to the width of x_in: that of the
    numbers and the one-hot categories together. Without classes y_emb is left out.

    NOTE: the paper feeds categories one-hot and adds Embedding(y); the authors' program feeds
    their logarithm, with log(1e-30) for 0, and adds SiLU(Embedding(y)). The paper is followed.
    """

    sinusoids: Tensor

    def __init__(
        self, n_inputs: int, *, width: int, depth: int, n_timesteps: int, n_classes: int = 0
    ) -> None:
        super().__init__()
        self.register_buffer("sinusoids", sinusoids(n_timesteps, _EMBEDDING))
        self.time = nn.Sequential(
            nn.Linear(_EMBEDDING, _EMBEDDING), nn.SiLU(), nn.Linear(_EMBEDDING, _EMBEDDING)
        )
        self.label = nn.Embedding(n_classes, _EMBEDDING) if n_classes else None
        self.input = nn.Linear(n_inputs, _EMBEDDING)
        layers: list[nn.Module] = []
        for n_in in [_EMBEDDING, *[width] * (depth - 1)]:
            layers += [nn.Linear(n_in, width), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Linear(width, n_inputs))

    def condition(self, t: Tensor, y: Tensor | None) -> Tensor:
        """Embedding of times and classes: (n,) and (n,) or None to (n, 128)."""
        embedding: Tensor = self.time(self.sinusoids[t])
        return embedding if self.label is None else embedding + self.label(y)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Noise of the numbers and logits of the categories, shapes (n, n_inputs)."""
        out: Tensor = self.layers(self.input(x) + condition)
        return out


def sinusoids(n_timesteps: int, size: int) -> Tensor:
    """Cosines and sines of each time 0 to T at `size` / 2 frequencies, shape (T + 1, size).

    The positional embedding that Nichol & Dhariwal (2021) use, of periods 2 pi to 20,000 pi.
    """
    frequencies = torch.exp(-math.log(10_000) * torch.arange(size // 2) / (size // 2))
    angles = torch.arange(n_timesteps + 1)[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=1)


class Rows(NamedTuple):
    """Encoded rows: scores (n, n_num), codes (n, n_cat), and classes (n,) or None."""

    x_num: Tensor
    x_cat: Tensor
    y: Tensor | None

    def take(self, index: Tensor) -> Rows:
        """Rows of the given numbers."""
        y = None if self.y is None else self.y[index]
        return Rows(self.x_num[index], self.x_cat[index], y)


class MixedDDPM:
    """The two processes of TabDDPM on one clock, `alpha_bar`: see `cosine_alpha_bar`."""

    def __init__(self, n_num: int, cardinalities: tuple[int, ...], alpha_bar: Tensor) -> None:
        self.n_num, self.cardinalities = n_num, cardinalities
        self.n_timesteps = len(alpha_bar) - 1
        self.n_inputs = n_num + sum(cardinalities)
        self.gaussian = GaussianDDPM(alpha_bar)
        self.multinomial = MultinomialDiffusion(cardinalities, alpha_bar)

    def loss(self, network: TimestepMLP, rows: Rows, generator: torch.Generator) -> Tensor:
        """Training loss of a batch of clean rows, a scalar.

        The mean squared error of the noise, plus the mean over categorical columns of the negative
        variational bound, of which one uniformly drawn term stands for all T (the paper,
        section 4).

        NOTE: the paper writes the sum for one time t and leaves the weight of the two parts open.
        As in the authors' program, and in Hoogeboom et al. (2021), the drawn term is multiplied by
        T, so that the categorical part estimates the whole bound.
        """
        x_0, codes, y = rows
        n = len(x_0)
        t = torch.randint(1, self.n_timesteps + 1, (n,), generator=generator)
        eps = torch.randn(x_0.shape, generator=generator)
        x_t = self.gaussian.q_sample(x_0, t, eps)
        codes_t = self.multinomial.q_sample(codes, t, generator)
        out = self._predict(network, x_t, codes_t, network.condition(t, y))
        loss = torch.zeros(())
        if self.n_num:
            loss = loss + (out[:, : self.n_num] - eps).square().mean()
        if self.cardinalities:
            kl = self.multinomial.kl(out[:, self.n_num :], codes, codes_t, t)
            loss = loss + self.n_timesteps * kl.mean() + self.multinomial.prior_kl().mean()
        return loss

    @torch.no_grad()
    def sample(
        self, network: TimestepMLP, n: int, y: Tensor | None, generator: torch.Generator
    ) -> Rows:
        """Draw n rows, of classes `y` of shape (n,) if there are any: T reverse steps from noise.

        NOTE: the paper leaves the variance of a step open; as in the authors' program it is
        beta_t (see `GaussianDDPM.p_sample`), and nothing is clipped between the steps.
        """
        x = torch.randn(n, self.n_num, generator=generator)
        codes = self.multinomial.block.uniform(n, generator)
        for step in range(self.n_timesteps, 0, -1):
            # Without classes all rows share one embedding.
            t = torch.tensor([step])
            out = self._predict(network, x, codes, network.condition(t, y))
            noise = torch.randn(x.shape, generator=generator)
            x = self.gaussian.p_sample(out[:, : self.n_num], x, step, noise)
            if self.cardinalities:
                uniform = torch.rand(codes.shape, generator=generator)
                logits = out[:, self.n_num :]
                codes = self.multinomial.p_sample(logits, codes, t.expand(n), uniform)
        return Rows(x, codes, y)

    def _predict(self, network: TimestepMLP, x: Tensor, codes: Tensor, condition: Tensor) -> Tensor:
        hot = self.multinomial.block.one_hot(codes)
        out: Tensor = network(torch.cat([x, hot], dim=1), condition)
        return out


class TabDDPM(BaseEstimator):  # type: ignore[misc]
    """TabDDPM as published: DDPM for numbers, multinomial diffusion for categories, one MLP.

    Kotelnikov et al. (2023). Numbers, a numerical target among them, pass through a Gaussian
    quantile transform. A categorical target is not diffused: it conditions the network, and is
    drawn from its training frequencies.

    Parameters
    ----------
    n_iter : int, default=5000
        Optimiser steps; the paper chooses among 5,000, 10,000 and 20,000.
    n_timesteps : int, default=1000
        Diffusion steps T; the paper chooses between 100 and 1,000.
    batch_size : int, default=1024
        Rows per step; all of them in a smaller table. The paper chooses between 256 and 4,096.
    width, depth : int, default=256, 2
        Size and number of the network's hidden layers.
    learning_rate : float, default=1e-3
        Initial rate, which falls linearly to zero.
    callback : callable or None, default=None
        Called as ``callback(step, n_iter, loss)`` after every optimiser step.
    random_state : int, Generator or None, default=None
        Seeds initial weights, batches and noise of `fit`.

    Attributes
    ----------
    schema_ : Schema
        Description of the fitted table.
    encoder_ : QuantileEncoder
        Fitted encoder, part of the model.
    process_ : MixedDDPM
        The noising process.
    network_ : TimestepMLP
        The trained network.
    class_frequencies_ : Tensor of shape (n_classes,) or None
        Of a categorical target.
    loss_curve_ : ndarray of shape (n_iter,)
        Training loss at each step.

    Notes
    -----
    NOTE: the paper tunes its hyper-parameters on every table, by the score of a learner on a
    validation set; here there is one setting for all. The defaults are those of the authors'
    described configuration (width, depth, rate, T) and of their training program (batch size,
    weight decay 1e-4), with the fewest steps that the paper considers. AdamW, the linear decay and
    drawing from the last weights, with no average over the steps, are their program's too.

    Drawing works in blocks of 1,024 rows, each with a seed of its own, as `HybridDiffusion` does.
    Numbers that end beyond the range of the training rows become its ends.

    Examples
    --------
    >>> frame = pd.DataFrame({"size": [6, 8, 8, 10] * 10, "plant": ["a", "b", "b", "a"] * 10,
    ...                       "minutes": [700, 800, 810, 930] * 10})
    >>> schema = Schema.infer(frame, target="minutes")
    >>> model = TabDDPM(n_iter=20, n_timesteps=20, width=32, random_state=0).fit(frame, schema)
    >>> model.sample(3, random_state=1).shape
    (3, 3)
    """

    def __init__(
        self,
        *,
        n_iter: int = 5000,
        n_timesteps: int = 1000,
        batch_size: int = 1024,
        width: int = 256,
        depth: int = 2,
        learning_rate: float = 1e-3,
        callback: Callback | None = None,
        random_state: RandomState = None,
    ) -> None:
        self.n_iter = n_iter
        self.n_timesteps = n_timesteps
        self.batch_size = batch_size
        self.width = width
        self.depth = depth
        self.learning_rate = learning_rate
        self.callback = callback
        self.random_state = random_state

    def fit(self, frame: pd.DataFrame, schema: Schema) -> Self:
        """Learn the joint distribution of a table; see `synthtab.generators.contract.Generator`.

        Raises
        ------
        ValueError
            If a parameter is out of range, the frame is not a table of the schema, has fewer than
            two rows or no column beside a categorical target, or training diverges.
        """
        self._check_parameters()
        encoder = QuantileEncoder().fit(frame, schema)
        if len(frame) < 2:
            raise ValueError(f"a table of {len(frame)} row cannot be learnt; give at least 2")
        if schema.task == "classification" and len(schema.columns) == 1:
            raise ValueError(
                f"column {schema.target!r}: a categorical target alone leaves nothing to diffuse; "
                "give the table a feature"
            )
        rng = np.random.default_rng(self.random_state)
        generator = torch_generator(rng)
        rows, cardinalities, n_classes = _rows(encoder, frame)
        alpha_bar = cosine_alpha_bar(self.n_timesteps)
        process = MixedDDPM(rows.x_num.shape[1], cardinalities, alpha_bar)
        with seeded(rng):
            network = TimestepMLP(
                process.n_inputs,
                width=self.width,
                depth=self.depth,
                n_timesteps=self.n_timesteps,
                n_classes=n_classes,
            )
        self.schema_, self.encoder_, self.process_ = schema, encoder, process
        self.class_frequencies_ = None
        if rows.y is not None:
            self.class_frequencies_ = torch.bincount(rows.y, minlength=n_classes) / len(rows.y)
        self.loss_curve_ = self._train(network, process, rows, generator)
        self.network_ = network.requires_grad_(False)
        return self

    def sample(self, n_samples: int, *, random_state: RandomState = None) -> pd.DataFrame:
        """Draw synthetic rows; see `synthtab.generators.contract.Generator`.

        Raises
        ------
        ValueError
            If a drawn number is not finite, besides.
        """
        check_is_fitted(self)
        if n_samples < 1:
            raise ValueError(f"n_samples={n_samples}: draw at least one row")
        rng = np.random.default_rng(random_state)
        sizes = [min(_BLOCK, n_samples - start) for start in range(0, n_samples, _BLOCK)]
        blocks = [
            self._draw(size, torch_generator(child))
            for size, child in zip(sizes, rng.spawn(len(sizes)), strict=True)
        ]
        x_num = torch.cat([b.x_num for b in blocks]).numpy().astype(np.float64)
        codes = torch.cat([b.x_cat for b in blocks]).numpy()
        if self.class_frequencies_ is not None:
            y = torch.cat([b.y for b in blocks if b.y is not None]).numpy()
            position = self.encoder_.categorical_.index(self.schema_.target)
            codes = np.insert(codes, position, y, axis=1)
        return self.encoder_.inverse_transform(x_num, codes)

    def _draw(self, n: int, generator: torch.Generator) -> Rows:
        y = None
        if self.class_frequencies_ is not None:
            y = torch.multinomial(self.class_frequencies_, n, True, generator=generator)
        return self.process_.sample(self.network_, n, y, generator)

    def _train(
        self, network: TimestepMLP, process: MixedDDPM, rows: Rows, generator: torch.Generator
    ) -> FloatArray:
        """Train in place; return the loss at each step."""
        optimizer = torch.optim.AdamW(
            network.parameters(), lr=self.learning_rate, weight_decay=_WEIGHT_DECAY, fused=True
        )
        return optimise(
            optimizer,
            lambda index, _: process.loss(network, rows.take(index), generator),
            n_rows=len(rows.x_num),
            batch_size=self.batch_size,
            n_iter=self.n_iter,
            generator=generator,
            callback=self.callback,
        )

    def _check_parameters(self) -> None:
        whole = ("n_iter", "n_timesteps", "batch_size", "width", "depth")
        problems = [f"{p}={getattr(self, p)}: at least 1" for p in whole if getattr(self, p) < 1]
        if not self.learning_rate > 0:
            problems.append(f"learning_rate={self.learning_rate}: above 0")
        if problems:
            raise ValueError("; ".join(problems))


def _rows(encoder: QuantileEncoder, frame: pd.DataFrame) -> tuple[Rows, tuple[int, ...], int]:
    """Encoded rows, cardinalities of the diffused columns, and number of classes (0 for none)."""
    scores, codes = encoder.transform(frame)
    x_num, x_cat = torch.from_numpy(scores).float(), torch.from_numpy(codes)
    cardinalities, target = encoder.cardinalities, encoder.schema_.target
    if target not in encoder.categorical_:
        return Rows(x_num, x_cat, None), cardinalities, 0
    j = encoder.categorical_.index(target)
    features = [i for i in range(len(cardinalities)) if i != j]
    kept = tuple(cardinalities[i] for i in features)
    return Rows(x_num, x_cat[:, features], x_cat[:, j]), kept, cardinalities[j]
