"""The masked diffusion over codes watched from outside: what it predicts, and how rows appear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from matplotlib.figure import Figure
from scipy.special import ndtri
from scipy.stats import norm
from sklearn.base import clone
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline
from torch import Tensor

from seds500.plots import BLACK, BLUE, GREEN, LIGHT, ORANGE, RED, legend, panels, styled
from synthtab.diffusion.codes import CodeEncoder, NumberCodes
from synthtab.diffusion.networks import NumberParts, to_batch
from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.evaluation.utility import REGRESSORS, feature_encoder
from synthtab.generators.contract import Generator
from synthtab.table.schema import Schema

Floats = npt.NDArray[np.float64]
_HIDDEN = "▒"
_TREES = 50


# What is predicted ---------------------------------------------------------------------------


def number_codes(encoder: CodeEncoder, column: str) -> NumberCodes:
    """The codes of a numerical column."""
    codes = encoder.columns_[column]
    if not isinstance(codes, NumberCodes):
        raise ValueError(f"column {column!r} is a category")
    return codes


def predict(
    model: HybridDiffusion, frame: pd.DataFrame, column: str, known: Tensor | None = None
) -> list[Tensor | NumberParts]:
    """Predicted distribution of a column in given rows, by each member.

    Parameters
    ----------
    model : HybridDiffusion
        Fitted.
    frame : DataFrame of shape (n, n_columns)
        Rows of its table.
    column : str
        What is predicted; its own cells are not looked at.
    known : Tensor of shape (n, n_columns), optional
        Which cells are on view; those before the column if not given.

    Returns
    -------
    list of Tensor or NumberParts
    """
    rows = to_batch(model.encoder_, model.encoder_.cells(frame))
    j = model.schema_.columns.index(column)
    if known is None and model.networks_.any_order:
        known = (torch.arange(len(model.schema_.columns)) < j).expand(len(frame), -1)
    with torch.no_grad():
        return [
            model.networks_.predict(j, rows, known, torch.full((len(frame),), member))
            for member in range(model.networks_.n_members)
        ]


class Density(NamedTuple):
    """Density over ranks of a predicted number, (n, n_ranks): histogram, Gaussians, their sum."""

    histogram: Floats
    gaussians: Floats

    @property
    def total(self) -> Floats:
        """Of histogram and Gaussians together."""
        return np.asarray(self.histogram + self.gaussians)


def density(model: HybridDiffusion, frame: pd.DataFrame, column: str, ranks: Floats) -> Density:
    """Predicted density of a number in given rows, over ranks: 1 where nothing is foretold.

    Parameters
    ----------
    model, frame, column
        As in `predict`.
    ranks : ndarray of shape (n_ranks,)
        Between 0 and 1, both excluded.

    Returns
    -------
    Density
    """
    edges = number_codes(model.encoder_, column).edges
    bins = np.searchsorted(edges[1:-1], ranks)
    scores = np.asarray(ndtri(ranks))
    found = []
    for parts in predict(model, frame, column):
        assert isinstance(parts, NumberParts)
        gate = parts.smooth.numpy()[:, None]
        rough = (parts.histogram.numpy()[:, : len(edges) - 1] / np.diff(edges))[:, bins]
        weight, mean, sd = (p.numpy()[..., None] for p in (parts.weight, parts.mean, parts.sd))
        smooth = (weight * norm.pdf(scores, mean, sd)).sum(axis=1) / norm.pdf(scores)
        found.append(((1 - gate) * rough, gate * smooth))
    histogram, gaussians = np.mean(found, axis=0)
    return Density(histogram, gaussians)


def gaussian_share(model: HybridDiffusion, frame: pd.DataFrame, column: str) -> float:
    """Share of a number's predicted probability that its Gaussians have, mean over rows."""
    parts = [p for p in predict(model, frame, column) if isinstance(p, NumberParts)]
    return float(np.mean([p.smooth.numpy() for p in parts]))


def code_probabilities(
    model: HybridDiffusion, frame: pd.DataFrame, column: str, known: Tensor
) -> Floats:
    """Predicted probability of each code of a column, shape (n, n_codes), mean over members."""
    codes = model.encoder_.columns_[column]
    found = []
    for parts in predict(model, frame, column, known):
        if not isinstance(parts, NumberParts):
            found.append(parts.numpy())
            continue
        assert isinstance(codes, NumberCodes)
        scores = np.asarray(ndtri(codes.edges))[:, None, None]
        weight, mean, sd = (p.numpy() for p in (parts.weight, parts.mean, parts.sd))
        below = (weight * norm.cdf(scores, mean, sd)).sum(axis=2).T
        gate = parts.smooth.numpy()[:, None]
        p = (1 - gate) * parts.histogram.numpy()
        p[:, : codes.n_bins] += gate * np.diff(below, axis=1)
        found.append(p)
    return np.asarray(np.mean(found, axis=0))


# Orders --------------------------------------------------------------------------------------


def on_view(order: Sequence[int]) -> Tensor:
    """Which cells are on view at each step of an order, shape (n_columns + 1, n_columns)."""
    turn = torch.empty(len(order), dtype=torch.int64)
    turn[torch.tensor(order)] = torch.arange(len(order))
    return turn[None] < torch.arange(len(order) + 1)[:, None]


def log_likelihood(
    model: HybridDiffusion, frame: pd.DataFrame, order: Sequence[int] | None = None
) -> Floats:
    """Log probability of rows, shape (n,), as cells are revealed in an order.

    Parameters
    ----------
    model : HybridDiffusion
        Fitted; of any order, where an order is given.
    frame : DataFrame of shape (n, n_columns)
        Rows of its table.
    order : sequence of int, optional
        Positions of the columns; natural if not given.

    Returns
    -------
    ndarray of shape (n,)
        In nats; members are averaged cell by cell.
    """
    if order is None:
        return model.log_likelihood(frame)
    rows = to_batch(model.encoder_, model.encoder_.cells(frame))
    shown = on_view(order)
    seen = torch.stack([shown[list(order).index(j)] for j in range(len(order))]).float()
    members = model.networks_.n_members
    with torch.no_grad():
        cells = model.networks_.log_likelihood(
            rows, seen.expand(members, len(frame), -1, -1)
        ).double()
    return np.asarray((cells.logsumexp(dim=0) - np.log(members)).sum(dim=0))


def uncertainty(model: HybridDiffusion, row: pd.DataFrame, order: Sequence[int]) -> pd.DataFrame:
    """How much is left open of each hidden cell while a row is revealed in an order.

    Parameters
    ----------
    model : HybridDiffusion
        Fitted, of any order.
    row : DataFrame of shape (1, n_columns)
        The row.
    order : sequence of int
        Positions of the columns.

    Returns
    -------
    DataFrame of shape (n_columns + 1, n_columns)
        Entropy of the predicted code at each step, over that before anything is on view; NaN for
        cells on view.
    """
    known = on_view(order)
    steps = pd.concat([row] * len(known), ignore_index=True)
    found = {}
    for j, column in enumerate(model.schema_.columns):
        p = code_probabilities(model, steps, column, known).clip(1e-12)
        entropy = -(p * np.log(p)).sum(axis=1)
        found[column] = np.where(known[:, j], np.nan, entropy / entropy[0])
    return pd.DataFrame(found)


# Noise ---------------------------------------------------------------------------------------


def noise_found(
    generators: Mapping[str, Generator],
    train: pd.DataFrame,
    unseen: pd.DataFrame,
    schema: Schema,
    *,
    times: int,
    seed: int,
) -> pd.DataFrame:
    """How much noise around the target a generator draws, against what real rows have.

    A forest learns the target from many drawn rows. Its squared error on further drawn rows is the
    noise that the generator draws; its squared error on unseen real rows is the noise there is,
    together with what the generator has got wrong. Their ratio is 1 for more rows of the source.

    Parameters
    ----------
    generators : mapping of str to Generator
        Fitted to `train`.
    train, unseen : DataFrame
        The n rows that were learnt, and real rows that no generator has seen.
    schema : Schema
        Their description.
    times : int
        Rows drawn for the forest, in multiples of n; half as many more are drawn for its error.
    seed : int
        Seed of draws and forests.

    Returns
    -------
    DataFrame
        A row for each generator: ``noise``, the ratio; ``few`` and ``many``, R² on unseen rows of
        a forest that learnt from n drawn rows and from `times` as many, in percent of that of a
        forest that learnt from the training rows.
    """
    n, target = len(train), schema.target
    real = float(r2_score(unseen[target], forest(train, schema, seed=seed)(unseen)))
    found = {}
    for name, generator in generators.items():
        drawn = generator.sample(n * times + n * times // 2, random_state=seed)
        rows, more = drawn.head(n * times), drawn.tail(n * times // 2)
        few, many = (forest(part, schema, seed=seed) for part in (rows.head(n), rows))
        error = {
            key: float(((many(part) - part[target]) ** 2).mean())
            for key, part in (("drawn", more), ("real", unseen))
        }
        found[name] = {
            "noise": error["drawn"] / error["real"],
            "few": 100 * float(r2_score(unseen[target], few(unseen))) / real,
            "many": 100 * float(r2_score(unseen[target], many(unseen))) / real,
        }
    return pd.DataFrame(found).T


def forest(rows: pd.DataFrame, schema: Schema, *, seed: int) -> Any:
    """What a random forest that learnt from rows predicts of others: a function of a frame."""
    learner = clone(REGRESSORS["rf"]).set_params(random_state=seed, n_estimators=_TREES)
    model = make_pipeline(feature_encoder(schema, features=schema.features), learner)
    return model.fit(rows[list(schema.features)], rows[schema.target]).predict


# Pictures ------------------------------------------------------------------------------------


@styled
def bins(encoder: CodeEncoder, frame: pd.DataFrame, column: str) -> Figure:
    """A column's histogram with the ends of its bins, and the bins as steps of its rank map."""
    codes = number_codes(encoder, column)
    values = frame[column].to_numpy(dtype=np.float64)
    ends = np.asarray(codes.ranks.value(codes.edges.clip(1e-9, 1 - 1e-9)))
    low, high = codes.ranks.interval(np.sort(values))
    figure, (left, right) = panels(2, 2, 3.9, 3.0)
    left.hist(values, bins=60, color=LIGHT)
    left.vlines(ends, -0.06, -0.01, transform=left.get_xaxis_transform(), color=BLUE, lw=0.6,
                clip_on=False)  # fmt: skip
    left.set(title=f"values, and the ends of {codes.n_bins} bins", xlabel=column, yticks=[])
    left.tick_params(axis="x", pad=10)
    right.plot(np.sort(values), (low + high) / 2, color=BLACK, lw=1)
    widest = int(np.diff(codes.edges).argmax())
    right.hlines(codes.edges, *right.get_xlim(), color=BLUE, lw=0.4)
    right.axhspan(codes.edges[widest], codes.edges[widest + 1], color=ORANGE, alpha=0.5, lw=0)
    right.set(title="ranks, and the bins", xlabel=column, ylabel="rank", ylim=(0, 1))
    return figure


@styled
def predictions(
    model: HybridDiffusion, rows: pd.DataFrame, column: str, *, n_ranks: int = 2000
) -> Figure:
    """Predicted distribution of a number in some rows: its two parts, and their sum."""
    ranks = (np.arange(n_ranks) + 0.5) / n_ranks
    codes = number_codes(model.encoder_, column)
    found = density(model, rows, column, ranks)
    figure, axes = panels(len(rows), 2, 3.9, 3.0, below=0.3, sharex=True)
    at = np.array([0.02, 0.25, 0.5, 0.75, 0.98])
    for i, ax in enumerate(axes):
        ax.fill_between(ranks, found.histogram[i], color=ORANGE, alpha=0.6, lw=0,
                        label="histogram")  # fmt: skip
        ax.plot(ranks, found.gaussians[i], color=BLUE, lw=1.5, label="Gaussians")
        ax.plot(ranks, found.total[i], color=BLACK, lw=0.8, label="sum")
        value = rows[column].iloc[[i]].to_numpy(dtype=np.float64)
        low, high = codes.ranks.interval(value)
        ax.axvline(float(low[0] + high[0]) / 2, color=RED, ls="--", lw=1.2, label="the row's own")
        ax.set_xticks(at, [f"{v:,.0f}" for v in codes.ranks.value(at)])
        ax.set(ylim=(0, None), xlim=(0, 1), xlabel=column, title=f"row {i + 1}")
    axes[0].set_ylabel("density over ranks")
    legend(figure, ncols=4)
    return figure


@styled
def orders(model: HybridDiffusion, row: pd.DataFrame, ways: Mapping[str, Sequence[int]]) -> Figure:
    """A row revealed in several orders: shades say how much of a hidden cell is still open."""
    columns = model.schema_.columns
    figure, axes = panels(len(ways), 1, 7.8, 0.36 * len(columns) + 1.5)
    for ax, (name, order) in zip(axes, ways.items(), strict=True):
        found = uncertainty(model, row, order).to_numpy()
        ax.imshow(found, cmap="Blues", vmin=0, vmax=2, aspect="auto")
        for step, column in np.ndindex(found.shape):
            is_shown = np.isnan(found[step, column])
            text = str(row.iloc[0, column]) if is_shown else f"{_HIDDEN} {found[step, column]:.2f}"
            weight = "bold" if is_shown and not np.isnan(found[step - 1, column]) else "normal"
            ax.text(column, step, text, ha="center", va="center", fontsize=8, weight=weight)
        ax.set_xticks(range(len(columns)), columns, fontsize=8)
        ax.set(yticks=range(len(found)), ylabel="cells on view", title=name)
        ax.grid(visible=False)
    return figure


@styled
def held_out(models: Mapping[str, HybridDiffusion]) -> Figure:
    """Loss on held-out rows by column, in nats, and the step at which it was least."""
    columns = next(iter(models.values())).schema_.columns
    figure, axes = panels(len(columns), 4, 2.1, 2.0, below=0.3, sharex=True)
    for ax, (j, column) in zip(axes, enumerate(columns), strict=True):
        for (name, model), colour in zip(models.items(), (BLUE, GREEN), strict=False):
            losses = model.held_out_loss_[:, j]
            steps = 50 * np.arange(1, len(losses) + 1)
            ax.plot(steps, losses, color=colour, lw=1.2, label=name)
            ax.plot(steps[losses.argmin()], losses.min(), "o", color=colour, ms=4)
        ax.set_title(column, fontsize=9)
    axes[0].set_ylabel("loss, nats")
    legend(figure, ncols=2)
    return figure
