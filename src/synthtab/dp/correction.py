"""Correct the target of a private generator by mean residuals, measured with noise.

DP-SGD learns how all columns hang together, and its noise costs most where it matters most: in how
the target depends on the others. So a part of the budget asks the real rows one thing more. A
learner is trained on synthetic rows, which costs nothing; the features are cut into cells, by ranks
of the synthetic rows; and the sum of the learner's errors on the real rows is measured in every
cell, with noise. What is left after shrinking is added to every synthetic target.

Every row has a vector of length 1, and its error is cut to a size: by no more can it change a sum.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.linalg import solve
from scipy.sparse import csr_array
from sklearn.ensemble import HistGradientBoostingRegressor

from synthtab.table.encoding import FloatArray, IntArray, category_codes
from synthtab.table.schema import Schema

_BINS = {1: 12, 2: 4, 3: 3}  # of each feature, by how many features make a cell together
_SHARES = {1: 0.40, 2: 0.35, 3: 0.25}  # of a row's squared length
_STRONGEST = {1: None, 2: 7, 3: 5}  # features that make cells together; None are all
_CUTS = (1.5, 1.0)  # size that errors are cut to in each phase, in robust standard deviations
_N_TREES = 150
_TREES = {"learning_rate": 0.06, "max_leaf_nodes": 16, "min_samples_leaf": 60}
_EVIDENCE_STEPS = 6
_LEAST_SPREAD = 2.0**-10  # of the bounds' distance: a target may hardly vary
_SD_OF_NORMAL = 1.4826  # standard deviations in a median absolute deviation

N_PHASES = len(_CUTS)  # how often the real rows are asked


@dataclass(frozen=True, eq=False)
class Partition:
    """Cells of single features, of pairs and of triples; a row lies in one cell of each block.

    Attributes
    ----------
    orders : dict of str to tuple
        By categorical feature: its categories, by the mean target of the synthetic rows.
    edges : dict of str to tuple of ndarray
        By feature: values between its bins, in cells of one, of two and of three features.
    blocks : tuple of tuple of str
        Features whose cells are formed together.
    """

    orders: Mapping[str, tuple[Any, ...]]
    edges: Mapping[str, tuple[FloatArray, ...]]
    blocks: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, synthetic: pd.DataFrame, schema: Schema) -> Self:
        """Cut the features of a synthetic table; no real row has a part in it."""
        target = synthetic[schema.target].to_numpy(dtype=np.float64)
        orders, edges, strength = {}, {}, {}
        for name in schema.features:
            if name in schema.categorical:
                codes = category_codes(synthetic[name], schema.categorical[name])
                means = _means(codes, target, len(schema.categorical[name]))
                orders[name] = tuple(schema.categorical[name][i] for i in means.argsort())
            values = _values(synthetic[name], orders.get(name))
            edges[name] = tuple(
                np.unique(np.quantile(values, np.arange(1, n) / n)) for n in _BINS.values()
            )
            cell = np.searchsorted(edges[name][0], values)
            strength[name] = _means(cell, target, _BINS[1])[cell].var()
        ranked = sorted(strength, key=lambda name: -strength[name])
        blocks = [itertools.combinations(ranked[:k], n) for n, k in _STRONGEST.items()]
        return cls(orders, edges, tuple(itertools.chain(*blocks)))

    @property
    def sizes(self) -> IntArray:
        """Number of cells of each block."""
        return np.array([_BINS[len(block)] ** len(block) for block in self.blocks])

    @property
    def lengths(self) -> FloatArray:
        """A row's entry in its cell of each block; their squares add up to 1."""
        kinds = [len(block) for block in self.blocks]
        squares = np.array([_SHARES[kind] / kinds.count(kind) for kind in kinds])
        return np.asarray(np.sqrt(squares / squares.sum()))

    def values(self, rows: pd.DataFrame) -> FloatArray:
        """Features as numbers, shape (n, n_features); a category is its place in the order."""
        return np.column_stack([_values(rows[c], self.orders.get(c)) for c in self.edges])

    def vectors(self, rows: pd.DataFrame) -> csr_array:
        """The vector of each row, shape (n, n_cells), of length 1."""
        values = dict(zip(self.edges, self.values(rows).T, strict=True))
        columns = {c: [np.searchsorted(e, values[c]) for e in es] for c, es in self.edges.items()}
        first = np.concatenate([[0], np.cumsum(self.sizes)])
        cells = np.empty((len(rows), len(self.blocks)), dtype=np.int64)
        for j, block in enumerate(self.blocks):
            parts = tuple(columns[name][len(block) - 1] for name in block)
            shape = (_BINS[len(block)],) * len(block)
            cells[:, j] = first[j] + np.ravel_multi_index(parts, shape)
        entries = np.tile(self.lengths, len(rows))
        start = np.arange(len(rows) + 1) * len(self.blocks)
        return csr_array((entries, cells.ravel(), start), shape=(len(rows), first[-1]))


@dataclass(frozen=True, eq=False)
class TargetCorrection:
    """What is added to the target of every synthetic row, by the cells in which it lies.

    Attributes
    ----------
    partition : Partition
        The cells.
    weights : ndarray of shape (n_cells,)
        How much a cell adds to the targets of its rows, divided by their entry in it.
    """

    partition: Partition
    weights: FloatArray

    def of(self, rows: pd.DataFrame) -> FloatArray:
        """What is added to the target of some rows, shape (n,)."""
        return np.asarray(self.partition.vectors(rows) @ self.weights)

    def to_plain(self) -> dict[str, Any]:
        """The same as strings, numbers and lists, for `from_plain`."""
        partition = self.partition
        return {
            "orders": {c: list(order) for c, order in partition.orders.items()},
            "edges": {c: [e.tolist() for e in edges] for c, edges in partition.edges.items()},
            "blocks": [list(block) for block in partition.blocks],
            "weights": self.weights.tolist(),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """The correction that `to_plain` describes."""
        partition = Partition(
            {c: tuple(order) for c, order in plain["orders"].items()},
            {c: tuple(np.array(e, dtype=float) for e in es) for c, es in plain["edges"].items()},
            tuple(tuple(block) for block in plain["blocks"]),
        )
        return cls(partition, np.array(plain["weights"], dtype=np.float64))


def correct_target(
    frame: pd.DataFrame,
    synthetic: pd.DataFrame,
    schema: Schema,
    *,
    bounds: tuple[float, float],
    n_rows: int,
    noise_multiplier: float,
    rng: np.random.Generator,
) -> TargetCorrection:
    """Measure how far synthetic targets are off, with noise, and what to add to them.

    Errors are cut to 1.5 and then to 1 standard deviation of the synthetic ones, so that no more
    than 2.5 of them are corrected.

    Parameters
    ----------
    frame, synthetic : DataFrame
        Real rows, and many more of a private generator.
    schema : Schema
        Of both; the target is a number.
    bounds : tuple of (float, float)
        Public bounds of the target.
    n_rows : int
        Public number of real rows.
    noise_multiplier : float
        Standard deviation of the noise of each of `N_PHASES` sums, in units of its sensitivity.
    rng : Generator
        Source of the noise.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.random(3000)
    >>> made = pd.DataFrame({"x": x, "y": 100 + rng.normal(size=3000)})
    >>> real = pd.DataFrame({"x": x, "y": 101 + rng.normal(size=3000)})
    >>> found = correct_target(real, made, Schema.infer(real, target="y"), bounds=(0, 200),
    ...                        n_rows=3000, noise_multiplier=1.0, rng=rng)
    >>> bool(0.8 < found.of(real).mean() < 1.2)
    True
    """
    partition = Partition.of(synthetic, schema)
    made = synthetic[schema.target].to_numpy(dtype=np.float64)
    learner = HistGradientBoostingRegressor(
        max_iter=_N_TREES, early_stopping=False, random_state=0, **_TREES
    ).fit(partition.values(synthetic), made)
    off = made - learner.predict(partition.values(synthetic))
    spread = _SD_OF_NORMAL * float(np.median(np.abs(off - np.median(off))))
    spread = max(spread, (bounds[1] - bounds[0]) * _LEAST_SPREAD)
    vectors = partition.vectors(synthetic)
    gram = (vectors.T @ vectors).toarray() / len(synthetic)
    found = TargetCorrection(partition, np.zeros(len(gram)))
    real = frame[schema.target].to_numpy(dtype=np.float64).clip(*bounds)
    left = real - learner.predict(partition.values(frame))
    block = np.repeat(np.arange(len(partition.blocks)), partition.sizes)
    prior = spread**2 / partition.lengths**2 / len(partition.blocks)
    for cut in _CUTS:
        size = cut * spread
        total = cut_sum(left - found.of(frame), partition.vectors(frame), size)
        noise = noise_multiplier * size
        total += noise * rng.standard_normal(len(total))
        chance = noise**2 * np.eye(len(total)) + spread**2 * n_rows * gram
        step = _shrunk(total, n_rows * gram, chance, block, prior)
        found = TargetCorrection(partition, found.weights + step)
    return found


def cut_sum(errors: FloatArray, vectors: csr_array, size: float) -> FloatArray:
    """Sum of vectors of length 1, each times its error, which is cut to a size: its sensitivity."""
    return np.asarray(vectors.T @ errors.clip(-size, size))


def _shrunk(
    total: FloatArray, gram: FloatArray, chance: FloatArray, block: IntArray, prior: FloatArray
) -> FloatArray:
    """Weights that explain a noisy sum: the mean of a normal posterior, shape (n_cells,).

    The sum is `gram` times the weights and chance of that covariance. The prior variance of each
    block's weights is what makes the sum likeliest: steps of expectation and maximisation (MacKay,
    1992, "Bayesian interpolation").
    """
    count = np.bincount(block)
    for _ in range(_EVIDENCE_STEPS):
        spread = prior[block][:, None] * gram  # of weights and sums together
        gain = solve(gram @ spread + chance, spread.T, assume_a="pos").T
        mean = gain @ total
        left = prior[block] - (gain * spread).sum(axis=1)
        prior = np.bincount(block, mean**2 + left) / count
    return np.asarray(mean)


def _values(column: pd.Series[Any], order: tuple[Any, ...] | None) -> FloatArray:
    if order is None:
        return column.to_numpy(dtype=np.float64)
    return category_codes(column, order).astype(np.float64)


def _means(cell: IntArray, target: FloatArray, n: int) -> FloatArray:
    """Mean target of each of n cells; of all rows where a cell is empty."""
    count, total = np.bincount(cell, minlength=n), np.bincount(cell, target, minlength=n)
    return np.where(count > 0, total / np.maximum(count, 1), target.mean())
