"""A critic that refuses drawn rows of which the training table has too few."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from synthtab.table.plain import PlainArrays

FloatArray = NDArray[np.float64]

_MAX_TREES = 300
_RATE = 0.2
_MAX_DEPTH = 8
_MAX_LEAVES = 63
_LEAST_ROWS = 100  # in a leaf: fewer follow the chance of the training rows
_PATIENCE = 10
_SMALLEST_RATIO = 0.05
_LARGEST_RATIO = 4.0
_SHARE_BELOW_BOUND = 0.99


class Critic(PlainArrays):
    """Rejection by an estimated ratio of densities.

    A classifier that tells real rows from drawn ones estimates r(x), how much denser the real rows
    lie at x. A drawn row is kept with probability r(x) / bound: where a network has smeared a
    sharp edge, the rows beyond it are refused. This is discriminator rejection sampling (Azadi et
    al., 2019), with boosted trees, which find such edges from few rows, as the discriminator.
    Trees are added for as long as they help on a tenth of the rows that is held out, so that where
    nothing can be told apart nearly every row is treated alike.

    Parameters
    ----------
    real, drawn : ndarray of shape (n, n_features)
        Rows of both kinds, as many of each.
    random_state : int
        Seed of the rows that are held out.

    Attributes
    ----------
    bound : float
        The 99 % quantile of the ratio over the drawn rows, between 1 and 4: on average one row in
        `bound` is kept. Larger ratios count as this.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> real, drawn = rng.normal(0, 1, (5000, 1)), rng.normal(0, 2, (5000, 1))
    >>> critic = Critic(real, drawn, random_state=0)
    >>> critic.ratio(np.array([[0.0], [3.0]])).round(1)
    array([2.5, 0.1])
    >>> critic.accepts(np.array([[0.0], [3.0]]), np.array([0.5, 0.5]))
    array([ True, False])
    """

    def __init__(self, real: FloatArray, drawn: FloatArray, *, random_state: int) -> None:
        classifier = HistGradientBoostingClassifier(
            max_iter=_MAX_TREES,
            learning_rate=_RATE,
            max_leaf_nodes=_MAX_LEAVES,
            min_samples_leaf=_LEAST_ROWS,
            max_depth=_MAX_DEPTH,
            early_stopping=True,
            n_iter_no_change=_PATIENCE,
            random_state=random_state,
        )
        is_real = np.repeat([1, 0], [len(real), len(drawn)])
        classifier.fit(np.concatenate([real, drawn]), is_real)
        # scikit-learn has no public way to its trees; as plain arrays they can be saved without
        # code. A test compares `log_ratio` with the classifier's own decision.
        trees = [step[0].nodes for step in classifier._predictors]
        self.roots = np.cumsum([0, *map(len, trees)])[:-1]
        nodes = np.concatenate(trees)
        is_leaf = nodes["is_leaf"].astype(bool)
        shift = np.repeat(self.roots, [len(tree) for tree in trees])
        itself = np.arange(len(nodes))  # a leaf leads to itself
        self.left = np.where(is_leaf, itself, nodes["left"] + shift)
        self.right = np.where(is_leaf, itself, nodes["right"] + shift)
        self.feature = np.where(is_leaf, 0, nodes["feature_idx"])
        self.threshold = np.where(is_leaf, 0.0, nodes["num_threshold"])
        self.value = np.where(is_leaf, nodes["value"], 0.0)
        self.depth = int(nodes["depth"].max())
        self.offset = float(classifier._baseline_prediction.item())
        ratio = np.exp(self.log_ratio(drawn))
        self.bound = float(np.quantile(ratio, _SHARE_BELOW_BOUND).clip(1.0, _LARGEST_RATIO))

    def log_ratio(self, rows: FloatArray) -> FloatArray:
        """Log of the estimated ratio of densities, real over drawn, shape (n,)."""
        total = np.full(len(rows), self.offset)
        position = np.arange(len(rows))
        for root in self.roots:
            node = np.full(len(rows), root)
            for _ in range(self.depth):
                goes_left = rows[position, self.feature[node]] <= self.threshold[node]
                node = np.where(goes_left, self.left[node], self.right[node])
            total += self.value[node]
        return total

    def ratio(self, rows: FloatArray) -> FloatArray:
        """Ratio of densities that rejection goes by, between 0.05 and `bound`, shape (n,).

        The lower limit bounds the work of a draw whose conditions the critic dislikes.
        """
        return np.exp(self.log_ratio(rows)).clip(_SMALLEST_RATIO, self.bound)

    def accepts(self, rows: FloatArray, uniform: FloatArray) -> NDArray[np.bool_]:
        """Which rows are kept, given uniform numbers that decide, shapes (n,) and (n,)."""
        kept: NDArray[np.bool_] = uniform * self.bound < self.ratio(rows)
        return kept
