"""Private tables without a network: noisy counts, joined by a tree of pairs or by correlations.

Every column is cut into bins that are public, or follow from two private quartiles, and counted
with noise. `PrivateTree` then counts the pairs of columns along a tree, chosen privately: what MST
(McKenna, Miklau & Sheldon, 2021, "Winning the NIST contest") does, with the score of AIM (McKenna
et al., 2022). `PrivateCopula` measures correlations in place of pairs. Both correct the target as
`synthtab.dp.correction` does. Each answer has a share of the budget, and these are added up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from synthtab.dp.accounting import gaussian_mu, zcdp_rho
from synthtab.dp.budget import Privacy
from synthtab.dp.correction import N_PHASES, correct_target
from synthtab.dp.encoding import PrivateEncoder, private_quartiles
from synthtab.generators.contract import RandomState
from synthtab.table.encoding import Encoded, FloatArray, IntArray
from synthtab.table.schema import Schema

_EDGES = np.array([-3, -2.5, *np.linspace(-2, 2, 21), 2.5, 3.0])  # of bins, in normal scores
_FEWEST_BINS, _MOST_BINS = 4, 16  # of a number, in a table of two columns
_SHARES = {  # of the budget that is not the correction's
    "tree": {"quartiles": 0.1, "columns": 0.3, "choice": 0.1, "pairs": 0.5},
    "copula": {"quartiles": 0.1, "columns": 0.4, "orders": 0.1, "pairs": 0.4},
}
_SCORE = 2.0  # normal scores are cut to this size where they are averaged
_DRAWN, _DRAWN_PER_ROW = 20_000, 10  # synthetic rows that the target is corrected with, at most
_RAKINGS = 20


class Column(NamedTuple):
    """One column in bins: the probability of each, and the coarse bin that it belongs to."""

    share: FloatArray
    coarse: IntArray

    @property
    def coarse_share(self) -> FloatArray:
        """Probability of each coarse bin."""
        return np.asarray(np.bincount(self.coarse, weights=self.share), dtype=np.float64)

    def finer(self, coarse: IntArray, rng: np.random.Generator) -> IntArray:
        """A bin out of each coarse one."""
        bins = np.empty(len(coarse), dtype=np.int64)
        for k in np.unique(coarse):
            inside = np.flatnonzero(self.coarse == k)
            weight = self.share[inside] + 1e-12  # all of them may be empty
            rows = coarse == k
            bins[rows] = rng.choice(inside, rows.sum(), p=weight / weight.sum())
        return bins


class _Private(BaseEstimator):  # type: ignore[misc]
    """What both have in common: the budget, columns in bins, and the way back to a table."""

    _kind: str

    def __init__(self, privacy: Privacy, *, random_state: RandomState = None) -> None:
        self.privacy = privacy
        self.random_state = random_state

    def fit(self, frame: pd.DataFrame, schema: Schema) -> Self:
        """Measure a table with noise; see `synthtab.generators.contract.Generator.fit`.

        Raises
        ------
        ValueError
            If something public is not declared, or the frame is not a table of the schema.
        """
        privacy = self.privacy
        privacy.check(schema)
        schema.validate(frame)
        rng = np.random.default_rng(self.random_state)
        corrects = bool(schema.target in privacy.bounds and schema.features)
        target_share = privacy.target_share if corrects else 0.0
        shares = {k: (1 - target_share) * v for k, v in _SHARES[self._kind].items()}
        shares |= {"target": target_share} if target_share else {}
        whole = self._rho()
        self.rho_ = {k: whole * v for k, v in shares.items()}
        if not privacy.bounds:
            self.rho_["columns"] += self.rho_.pop("quartiles")
        quartiles = {}
        if privacy.bounds:
            noise = self._noise("quartiles")
            quartiles = private_quartiles(frame, privacy, noise_multiplier=noise, rng=rng)
        self.encoder_ = PrivateEncoder(privacy, quartiles).fit(frame, schema)
        bins, sizes = self._bins(self.encoder_.transform(frame))
        noise = self._noise("columns") * math.sqrt(len(sizes))
        counts = [np.bincount(b, minlength=k) for b, k in zip(bins.T, sizes, strict=True)]
        shares_of = [_simplex(c + noise * rng.standard_normal(len(c))) for c in counts]
        # As many bins as make a cell of two columns twice as full as its noise is large.
        pair_noise = self._noise("pairs") * math.sqrt(max(len(sizes) - 1, 1))
        n_coarse = int(np.clip((privacy.n_rows / 2 / pair_noise) ** 0.5, _FEWEST_BINS, _MOST_BINS))
        n_num = len(self.encoder_.rank_maps_)
        self.columns_ = [
            Column(share, _grouped(share, n_coarse) if j < n_num else np.arange(len(share)))
            for j, share in enumerate(shares_of)
        ]
        self._join(bins, rng)
        if target_share:
            n_drawn = min(_DRAWN, _DRAWN_PER_ROW * privacy.n_rows)
            self.encoder_.correction_ = correct_target(
                frame,
                self.sample(n_drawn, random_state=rng),
                schema,
                bounds=privacy.bounds[schema.target],
                n_rows=privacy.n_rows,
                noise_multiplier=self._noise("target") * math.sqrt(N_PHASES),
                rng=rng,
            )
        self.epsilon_, self.delta_ = privacy.epsilon, privacy.target_delta
        return self

    def sample(self, n_samples: int, *, random_state: RandomState = None) -> pd.DataFrame:
        """Draw rows; see `synthtab.generators.contract.Generator.sample`."""
        check_is_fitted(self)
        if n_samples < 1:
            raise ValueError(f"n_samples={n_samples}: draw at least one row")
        rng = np.random.default_rng(random_state)
        bins = self._draw(n_samples, rng)
        n_num = len(self.encoder_.rank_maps_)
        edges = np.concatenate([[0.0], ndtr(_EDGES), [1.0]])
        low, high = edges[bins[:, :n_num]], edges[bins[:, :n_num] + 1]
        rank = (low + (high - low) * rng.random(low.shape)).clip(1e-12, 1 - 1e-12)
        return self.encoder_.inverse_transform(Encoded(ndtri(rank), bins[:, n_num:]))

    def _bins(self, encoded: Encoded) -> tuple[IntArray, list[int]]:
        bins = np.searchsorted(_EDGES, encoded.x_num)
        sizes = [len(_EDGES) + 1] * bins.shape[1] + list(self.encoder_.cardinalities)
        return np.hstack([bins, encoded.x_cat]), sizes

    def _noise(self, what: str) -> float:
        """Noise of a part of the budget, in units of the sensitivity: rho is 1 / (2 noise^2)."""
        return 1 / math.sqrt(2 * self.rho_[what])

    def _rho(self) -> float:
        raise NotImplementedError

    def _join(self, bins: IntArray, rng: np.random.Generator) -> None:
        raise NotImplementedError

    def _draw(self, n: int, rng: np.random.Generator) -> IntArray:
        raise NotImplementedError


class PrivateTree(_Private):
    """Noisy counts of columns, and of pairs of columns along a tree: MST with AIM's score.

    Parameters
    ----------
    privacy : Privacy
        Budget, and what is public of the table.
    random_state : int, Generator or None, default=None
        Seed of the noise. The guarantee holds for those who do not know it.

    Attributes
    ----------
    rho_ : dict of str to float
        What each part of the fit has spent, in zero-concentrated differential privacy.
    epsilon_, delta_ : float
        What these make together.
    tree_ : list of tuple
        Parent, child, and the probability of the child's bins given the parent's.

    Examples
    --------
    >>> frame = pd.DataFrame({"plant": ["a", "b"] * 300, "urgent": ["no", "yes"] * 300})
    >>> schema = Schema.infer(frame, target="urgent")
    >>> privacy = Privacy(3.0, n_rows=600, public_categories=True)
    >>> drawn = PrivateTree(privacy, random_state=0).fit(frame, schema).sample(100, random_state=0)
    >>> bool(pd.crosstab(drawn.plant, drawn.urgent).to_numpy().trace() > 90)
    True
    """

    _kind = "tree"

    def _rho(self) -> float:
        return zcdp_rho(self.privacy.epsilon, self.privacy.target_delta)

    def _join(self, bins: IntArray, rng: np.random.Generator) -> None:
        coarse = [c.coarse[b] for c, b in zip(self.columns_, bins.T, strict=True)]
        n_columns = len(coarse)
        self.tree_: list[tuple[int, int, FloatArray]] = []
        self.root_ = int(rng.integers(n_columns))
        if n_columns == 1:
            return
        # Rounds of the choice share its budget, and so do the pairs: each is asked once.
        epsilon = math.sqrt(8 * self.rho_["choice"] / (n_columns - 1))
        noise = self._noise("pairs") * math.sqrt(n_columns - 1)
        inside = {self.root_}
        while len(inside) < n_columns:
            open_pairs = [(i, j) for i in inside for j in range(n_columns) if j not in inside]
            scores = np.array([self._score(i, j, coarse, noise) for i, j in open_pairs])
            # The largest of scores with Gumbel noise is a draw of the exponential mechanism; one
            # row more or less changes a score by 1 at most.
            noisy = epsilon / 2 * scores + rng.gumbel(size=len(scores))
            parent, child = open_pairs[int(noisy.argmax())]
            inside.add(child)
            counts = _pair(coarse[parent], coarse[child], self._sizes(parent, child))
            counts = counts + noise * rng.standard_normal(counts.shape)
            joint = _simplex(counts.ravel()).reshape(counts.shape)
            expected = self._expected(parent, child)
            # Cells without a count are left a little, so that both margins can be met.
            joint = _raked(joint + 1e-3 * expected, expected.sum(axis=1), expected.sum(axis=0))
            given = joint / np.maximum(joint.sum(axis=1, keepdims=True), 1e-300)
            self.tree_.append((parent, child, given))

    def _sizes(self, *columns: int) -> tuple[int, ...]:
        return tuple(len(self.columns_[j].coarse_share) for j in columns)

    def _expected(self, i: int, j: int) -> FloatArray:
        return self.columns_[i].coarse_share[:, None] * self.columns_[j].coarse_share

    def _score(self, i: int, j: int, coarse: Sequence[IntArray], noise: float) -> float:
        """How far a pair's counts are from independence, less what its noise would be."""
        counts = _pair(coarse[i], coarse[j], self._sizes(i, j))
        gap = np.abs(counts - self.privacy.n_rows * self._expected(i, j)).sum()
        return float(gap - math.sqrt(2 / math.pi) * noise * counts.size)

    def _draw(self, n: int, rng: np.random.Generator) -> IntArray:
        coarse = np.empty((n, len(self.columns_)), dtype=np.int64)
        share = self.columns_[self.root_].coarse_share
        coarse[:, self.root_] = rng.choice(len(share), n, p=share)
        for parent, child, given in self.tree_:
            steps = given.cumsum(axis=1)[coarse[:, parent]]
            drawn = (rng.random((n, 1)) * steps[:, -1:] >= steps).sum(axis=1)
            coarse[:, child] = drawn.clip(max=given.shape[1] - 1)
        return np.column_stack(
            [c.finer(k, rng) for c, k in zip(self.columns_, coarse.T, strict=True)]
        )


class PrivateCopula(_Private):
    """Noisy counts of columns, and a normal law of their ranks with noisy correlations.

    The categories of a column are ordered by their mean target, measured with noise. All answers
    are Gaussian mechanisms, so that the budget adds up exactly.

    Parameters
    ----------
    privacy : Privacy
        Budget, and what is public of the table.
    random_state : int, Generator or None, default=None
        Seed of the noise. The guarantee holds for those who do not know it.

    Attributes
    ----------
    rho_ : dict of str to float
        Half the squared mu that each part of the fit has spent.
    epsilon_, delta_ : float
        What these make together.
    correlation_ : ndarray of shape (n_columns, n_columns)
        Of the columns' normal scores, numbers first.
    """

    _kind = "copula"

    def _rho(self) -> float:
        return gaussian_mu(self.privacy.epsilon, self.privacy.target_delta) ** 2 / 2

    def _join(self, bins: IntArray, rng: np.random.Generator) -> None:
        schema, encoder = self.encoder_.schema_, self.encoder_
        names = [*encoder.rank_maps_, *encoder.levels_]
        target = names.index(schema.target)
        self.orders_ = [np.arange(len(c.share)) for c in self.columns_]
        ordered = [j for j, c in enumerate(names) if c in schema.categorical and j != target]
        if ordered:
            score = self._scores(bins)[:, target].clip(-_SCORE, _SCORE)
            noise = self._noise("orders") * _SCORE * math.sqrt(len(ordered))
            for j in ordered:
                share = self.columns_[j].share
                sums = np.bincount(bins[:, j], weights=score, minlength=len(share))
                noisy = sums + noise * rng.standard_normal(len(sums))
                self.orders_[j] = np.argsort(noisy / (share + 1 / self.privacy.n_rows))
        else:
            self.rho_["pairs"] += self.rho_.pop("orders")
        scores = self._scores(bins)
        d = scores.shape[1]
        length = math.sqrt(1.5 * d)
        scores *= np.minimum(1, length / np.linalg.norm(scores, axis=1).clip(1e-12))[:, None]
        # Above the diagonal the products of a row of this length have a length of at most ...
        size = length**2 * math.sqrt((1 - 1 / d) / 2)
        above = np.triu_indices(d, 1)
        total = (scores.T @ scores)[above]
        total = total + self._noise("pairs") * size * rng.standard_normal(len(total))
        spread = np.sqrt([self._variance(j) for j in range(d)]).clip(0.1)
        matrix = np.eye(d)
        matrix[above] = total / self.privacy.n_rows / (spread[above[0]] * spread[above[1]])
        self.correlation_ = _positive(matrix + matrix.T - np.eye(d))

    def _middles(self, j: int) -> FloatArray:
        """Normal score of each bin of a column: that of the middle of its ranks."""
        share = self.columns_[j].share[self.orders_[j]]
        middle = np.empty(len(share))
        middle[self.orders_[j]] = ndtri((share.cumsum() - share / 2).clip(1e-3, 1 - 1e-3))
        return middle

    def _variance(self, j: int) -> float:
        return float(self.columns_[j].share @ self._middles(j) ** 2)

    def _scores(self, bins: IntArray) -> FloatArray:
        return np.column_stack([self._middles(j)[b] for j, b in enumerate(bins.T)])

    def _draw(self, n: int, rng: np.random.Generator) -> IntArray:
        d = len(self.columns_)
        root = np.linalg.cholesky(self.correlation_ + 1e-9 * np.eye(d))
        rank = ndtr(rng.standard_normal((n, d)) @ root.T)
        bins = np.empty((n, d), dtype=np.int64)
        for j, column in enumerate(self.columns_):
            steps = column.share[self.orders_[j]].cumsum()
            place = np.searchsorted(steps / steps[-1], rank[:, j]).clip(max=len(steps) - 1)
            bins[:, j] = self.orders_[j][place]
        return bins


def _grouped(share: FloatArray, n_groups: int) -> IntArray:
    """Neighbouring bins put together into groups of about the same probability."""
    middle = share.cumsum() - share / 2
    group = np.minimum((middle * n_groups).astype(np.int64), n_groups - 1)
    return np.asarray(np.unique(group, return_inverse=True)[1], dtype=np.int64)


def _pair(first: IntArray, second: IntArray, sizes: tuple[int, ...]) -> FloatArray:
    counts = np.bincount(first * sizes[1] + second, minlength=sizes[0] * sizes[1])
    return counts.reshape(sizes).astype(np.float64)


def _simplex(counts: FloatArray) -> FloatArray:
    """The probabilities nearest to noisy counts, whose sum is kept."""
    total = max(float(counts.sum()), 1.0)
    falling = np.sort(counts)[::-1]
    excess = (falling.cumsum() - total) / np.arange(1, len(counts) + 1)
    shift = excess[np.flatnonzero(falling > excess)[-1]]
    found = np.maximum(counts - shift, 0.0)
    return np.asarray(found / found.sum())


def _raked(joint: FloatArray, rows: FloatArray, columns: FloatArray) -> FloatArray:
    """A table of two columns whose margins are those that were measured."""
    for _ in range(_RAKINGS):
        joint = joint * (rows / np.maximum(joint.sum(axis=1), 1e-300))[:, None]
        joint = joint * (columns / np.maximum(joint.sum(axis=0), 1e-300))
    return joint


def _positive(matrix: FloatArray) -> FloatArray:
    """The correlation matrix of a noisy one: no negative eigenvalues, ones on the diagonal."""
    values, vectors = np.linalg.eigh(matrix)
    found: Any = (vectors * values.clip(1e-3)) @ vectors.T
    scale = np.sqrt(np.diag(found))
    return np.asarray(found / np.outer(scale, scale))
