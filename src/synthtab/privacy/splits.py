"""Who is a member: training, holdout and reference rows, disjoint and drawn at random."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from synthtab.datasets import Dataset


class PrivacySplit(NamedTuple):
    """Three disjoint random parts of one source, each with a fresh RangeIndex."""

    train: pd.DataFrame
    """Members: what a generator is fitted to."""
    holdout: pd.DataFrame
    """Non-members, as many: what an attack must not tell from members."""
    reference: pd.DataFrame
    """Further rows, which an attacker may hold."""


def privacy_split(
    dataset: Dataset,
    random_state: int | np.random.Generator | None = None,
    *,
    n_rows: int | None = None,
) -> PrivacySplit:
    """Divide a table's rows and its reserve into members, non-members and a reference.

    Parameters
    ----------
    dataset : Dataset
        Its frame and reserve are pooled and shuffled, so that all parts are random draws of one
        table.
    random_state : int, Generator or None, default=None
        Seed of the draw.
    n_rows : int or None, default=None
        Most rows in each part; None takes as many training rows as the experiment has, where
        there are enough.

    Returns
    -------
    PrivacySplit
        Training and holdout part have the same length, two fifths of the rows at most. The
        reference has that length too, or what is left.

    Raises
    ------
    ValueError
        If a part would have fewer than 100 rows, of which 1 % is none, or the reference fewer
        than 40.

    Examples
    --------
    >>> from synthtab.datasets import load
    >>> [len(part) for part in privacy_split(load("013"), random_state=0)]
    [2136, 2136, 1068]
    """
    rows = dataset.frame
    if dataset.reserve is not None:
        rows = pd.concat([rows, dataset.reserve], ignore_index=True)
    n = min(len(dataset.frame) - dataset.n_test, 2 * len(rows) // 5)
    if n_rows is not None:
        n = min(n, n_rows)
    n_reference = min(n, len(rows) - 2 * n)
    if n < 100 or n_reference < 40:
        raise ValueError(
            f"parts of {n}, {n} and {n_reference} rows are too small for an attack to show "
            "anything; give 100, 100 and 40 at least: a table of 250 rows, n_rows of 100"
        )
    order = np.random.default_rng(random_state).permutation(len(rows))
    parts = np.split(order, [n, 2 * n, 2 * n + n_reference])[:3]
    return PrivacySplit(*(rows.iloc[part].reset_index(drop=True) for part in parts))
