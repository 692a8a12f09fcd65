"""Tables whose verdict is known beforehand: leaks that must be found, real rows that must pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from synthtab.generators.contract import RandomState
from synthtab.generators.reference import NoiseCopy
from synthtab.table.split import PrivacySplit

CONTROLS: Mapping[str, str] = {
    "control_real": "control: fresh real rows",
    "control_copy": "control: copy with 1 % noise",
    "control_leak_10": "control: 10 % training rows",
    "control_leak_1": "control: 1 % training rows",
}
"""The controls and what they are called on a page."""

SAFE = "control_real"
LEAKY = ("control_copy", "control_leak_10")
"""Leaks that must be found. The smallest leak shows how little the attacks can see."""


class Controls(NamedTuple):
    """Tables by key, and the split with the half of its reference that is left for the attacker."""

    tables: dict[str, pd.DataFrame]
    split: PrivacySplit


def controls(split: PrivacySplit, *, random_state: RandomState = None) -> Controls:
    """Make the control tables of a split.

    Half of its reference poses as synthetic; the attacker keeps the other half.

    Returns
    -------
    Controls
        ``control_real``
            Half of the reference: real rows, none of them a member.
        ``control_copy``
            The training rows, their numbers moved by noise of 0.01 standard deviations and
            rounded to the column's decimals.
        ``control_leak_10``, ``control_leak_1``
            As many rows as there are training rows: 10 % or 1 % (one at least) are training rows,
            the others are drawn with replacement from the fresh real rows.

    Examples
    --------
    >>> from synthtab.table.example import example_table
    >>> from synthtab.table.split import privacy_split
    >>> made = controls(privacy_split(example_table(), 0, n_rows=200), random_state=0)
    >>> {key: len(table) for key, table in made.tables.items()}
    {'control_real': 100, 'control_copy': 200, 'control_leak_10': 200, 'control_leak_1': 200}
    """
    rng = np.random.default_rng(random_state)
    half, n = len(split.reference) // 2, split.n
    fresh = split.reference.iloc[:half].reset_index(drop=True)
    copy = NoiseCopy(scale=0.01).fit(split.train, split.schema).sample(n, random_state=rng)

    def leak(share: float) -> pd.DataFrame:
        n_leaked = max(1, round(share * n))
        leaked = split.train.iloc[rng.permutation(n)[:n_leaked]]
        honest = fresh.iloc[rng.integers(half, size=n - n_leaked)]
        return pd.concat([leaked, honest], ignore_index=True)

    tables = {
        "control_real": fresh,
        "control_copy": copy,
        "control_leak_10": leak(0.1),
        "control_leak_1": leak(0.01),
    }
    rest = split.reference.iloc[half:].reset_index(drop=True)
    return Controls(tables, replace(split, reference=rest))
