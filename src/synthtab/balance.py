"""Noise that is spread evenly among rows that are alike."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthtab.encoding import EDGE

FloatArray = NDArray[np.float64]

_LARGEST_GROUP = 8  # rows that are not put in order any further
_GOLDEN = (5**0.5 - 1) / 2
_EVEN_SHARE = 0.75


def balanced_noise(rows: FloatArray, generator: torch.Generator) -> Tensor:
    """One standard-normal number for each row, spread evenly among rows that are alike.

    A mean over a group of similar rows then has half the chance in it that one over independent
    draws has. Three quarters of the variance are a systematic sample from a list ordered by what is
    known (Cochran, 1977, "Sampling techniques", chapter 8), here with the golden ratio as the
    interval; the rest is each row's own. If all of it were even, a row would be told by the gap
    that its neighbours leave: a detection AUC falls below one half by it. Each number by itself is
    exactly standard normal; two of them are not independent.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features)
        What is known of the rows, on scales that compare.
    generator : torch.Generator
        Source of the start of the list and of the part that is each row's own.

    Returns
    -------
    Tensor of shape (n,)

    Examples
    --------
    >>> rows = np.repeat([[0.0], [1.0]], 200, axis=0)  # two kinds of rows
    >>> noise = balanced_noise(rows, torch.Generator().manual_seed(0))
    >>> bool(noise[:200].mean().abs() < 0.1), bool(noise[200:].mean().abs() < 0.1)
    (True, True)
    """
    start = torch.rand(1, generator=generator, dtype=torch.float64)
    rank = (start + torch.arange(len(rows), dtype=torch.float64) * _GOLDEN) % 1
    even = torch.empty(len(rows))
    even[torch.from_numpy(order_by_likeness(rows))] = torch.special.ndtri(
        rank.clamp(EDGE, 1 - EDGE)
    ).float()
    own = torch.randn(len(rows), generator=generator)
    return math.sqrt(_EVEN_SHARE) * even + math.sqrt(1 - _EVEN_SHARE) * own


def order_by_likeness(rows: FloatArray) -> NDArray[np.int64]:
    """Row numbers in an order in which rows that are alike stand together, shape (n,).

    The rows are halved at the median of the feature that varies most, then each half is, down to
    groups of at most 8: the leaves of a k-d tree from left to right.

    Examples
    --------
    >>> order_by_likeness(np.array([[0.0], [9.0]] * 6)).tolist()[:6]
    [0, 2, 4, 6, 8, 10]
    """
    order = np.arange(len(rows))
    groups = [(0, len(rows))]
    while groups:
        start, end = groups.pop()
        if end - start <= _LARGEST_GROUP:
            continue
        group = order[start:end]
        widest = rows[group].var(axis=0).argmax()
        middle = (end - start) // 2
        order[start:end] = group[rows[group, widest].argsort(kind="stable")]
        groups += [(start, start + middle), (start + middle, end)]
    return order
