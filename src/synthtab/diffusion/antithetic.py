"""Noise that cancels within pairs of rows that are alike."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

FloatArray = NDArray[np.float64]


def antithetic_noise(rows: FloatArray, generator: torch.Generator) -> Tensor:
    """One standard-normal number for each row, and its negative for the row most like it.

    A mean over many rows then has almost none of the luck in it that one over independent draws
    has: what one row is above what was expected of it, its partner is below. These are antithetic
    variates (Hammersley & Morton, 1956, "A new Monte Carlo technique: antithetic variates"). Each
    number by itself is exactly standard normal; the two of a pair are not independent.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features)
        What is known of the rows, on scales that compare.
    generator : torch.Generator
        Source of one number for each pair.

    Returns
    -------
    Tensor of shape (n,)

    Examples
    --------
    >>> rows = np.array([[0.0], [1.0], [0.1], [1.1]])  # the first is like the third
    >>> noise = antithetic_noise(rows, torch.Generator().manual_seed(0))
    >>> bool(noise[0] == -noise[2]), bool(noise[1] == -noise[3])
    (True, True)
    """
    order = torch.from_numpy(order_by_likeness(rows))
    of_pair = torch.randn((len(rows) + 1) // 2, generator=generator)
    noise = torch.empty(len(rows))
    noise[order[::2]] = of_pair
    noise[order[1::2]] = -of_pair[: len(rows) // 2]
    return noise


def order_by_likeness(rows: FloatArray) -> NDArray[np.int64]:
    """Row numbers in an order in which each two, from the first on, are alike, shape (n,).

    The rows are halved near the median of the feature that varies most, then each half is, down to
    pairs: the leaves of a k-d tree from left to right. An odd row is the last.

    Examples
    --------
    >>> order_by_likeness(np.array([[0.0], [9.0], [0.1], [9.1]])).tolist()
    [0, 2, 1, 3]
    """
    order = np.arange(len(rows))
    groups = [(0, len(rows))]
    while groups:
        start, end = groups.pop()
        if end - start <= 2:
            continue
        group = order[start:end]
        widest = rows[group].var(axis=0).argmax()
        order[start:end] = group[rows[group, widest].argsort(kind="stable")]
        n_pairs = (end - start) // 2
        middle = start + 2 * ((n_pairs + 1) // 2)  # no pair is cut in two
        groups += [(start, middle), (middle, end)]
    return order
