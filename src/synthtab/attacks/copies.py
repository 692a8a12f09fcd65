"""Real rows in a synthetic table: more of the training rows than chance would put there?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthtab.attacks.distances import Floats
from synthtab.generators.contract import RandomState
from synthtab.table.split import PrivacySplit

_CHUNK = 2**22  # labels held at once


class CopyExcess(NamedTuple):
    """Result of `copy_excess`."""

    of_training: float
    """Share of synthetic rows equal to a training row."""
    of_holdout: float
    """Share equal to a row of a holdout of the same length."""
    permuted: Floats
    """The difference of the two under random labels, shape (n_permutations,)."""

    @property
    def excess(self) -> float:
        """Share equal to a training row minus share equal to a holdout row; 0 by chance."""
        return self.of_training - self.of_holdout


def copy_excess(
    split: PrivacySplit,
    synthetic: pd.DataFrame,
    *,
    columns: Sequence[str],
    n_permutations: int = 999,
    random_state: RandomState = None,
) -> CopyExcess:
    """Count synthetic rows that equal a training row, and a holdout row by the same measure.

    Discrete columns match by chance, so a share of copies reads only against rows that the
    generator has not seen. The null distribution comes from exchanging the labels of training and
    holdout rows at random, `n_permutations` times: see `excess_p_value`. Rows are equal if they
    agree in the given columns, exactly. Training and holdout rows are drawn at random from one
    table.

    Raises
    ------
    ValueError
        If the two parts differ in length: the longer one would be matched more often.

    Examples
    --------
    >>> from synthtab.table.schema import Schema
    >>> train, holdout = pd.DataFrame({"a": [1, 2, 3]}), pd.DataFrame({"a": [4, 5, 3]})
    >>> split = PrivacySplit(train, holdout, holdout, Schema.infer(train, target="a"))
    >>> found = copy_excess(split, pd.DataFrame({"a": [1, 2, 3, 9]}), columns=["a"], random_state=0)
    >>> found.of_training, found.of_holdout
    (0.75, 0.25)
    """
    n = split.n
    if len(split.holdout) != n:
        raise ValueError(
            f"{n} training and {len(split.holdout)} holdout rows: take as many of each, or the "
            "longer part is matched more often by chance"
        )
    rng = np.random.default_rng(random_state)
    tables = (split.train, split.holdout, synthetic)
    rows = pd.concat([t[list(columns)] for t in tables], ignore_index=True)
    kind = rows.groupby(list(columns), sort=False, dropna=False).ngroup().to_numpy()
    n_synthetic = np.bincount(kind[2 * n :], minlength=kind.max() + 1)
    # Only real rows that some synthetic row equals play a part; sorted, equal ones lie together.
    real = np.flatnonzero(n_synthetic[kind[: 2 * n]])
    if not len(real):
        return CopyExcess(0.0, 0.0, np.zeros(n_permutations))
    real = real[np.argsort(kind[real], kind="stable")]
    starts = np.flatnonzero(np.diff(kind[real], prepend=-1))
    sizes = np.diff(starts, append=len(real))
    weight = n_synthetic[kind[real[starts]]] / len(synthetic)

    def shares(is_training: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
        count = np.add.reduceat(is_training, starts, axis=-1)  # training rows of each kind
        return (count > 0) @ weight, (count < sizes) @ weight

    label = np.arange(2 * n) < n
    of_training, of_holdout = shares(label[real])
    permuted = np.empty(n_permutations)
    step = max(1, _CHUNK // (2 * n))
    for first in range(0, n_permutations, step):
        some = slice(first, min(first + step, n_permutations))
        labels = rng.permuted(np.tile(label, (some.stop - first, 1)), axis=1)
        training, held_out = shares(labels[:, real])
        permuted[some] = training - held_out
    return CopyExcess(float(of_training), float(of_holdout), permuted)


def excess_p_value(found: Sequence[CopyExcess]) -> float:
    """Permutation p-value of the mean excess over several splits, one-sided.

    Labels are exchanged within each split, independently; the observed labelling counts as one of
    the permutations (Phipson & Smyth, 2010), so that the p-value is never 0.
    """
    observed = float(np.sum([f.excess for f in found]))
    permuted = np.sum([f.permuted for f in found], axis=0)
    # Shares are sums of fractions: equal ones may differ in their last digits.
    return float((1 + np.count_nonzero(permuted >= observed - 1e-12)) / (1 + len(permuted)))
