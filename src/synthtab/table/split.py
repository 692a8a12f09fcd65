"""A table with its description, and its rows divided into parts that share none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
import pandas as pd

from synthtab.table.schema import Schema

MIN_ROWS = 50
"""Fewer rows are not enough to learn from."""


class Split(NamedTuple):
    """Training and test part of a table, disjoint, each with a fresh RangeIndex."""

    train: pd.DataFrame
    test: pd.DataFrame


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A table with its description.

    Attributes
    ----------
    name : str
        What the table is called.
    source : str
        Where its rows are from.
    frame : DataFrame of shape (n_rows, n_columns)
        All rows, with a RangeIndex.
    schema : Schema
        Description of `frame`.
    n_test : int
        Rows of the test part.
    reserve : DataFrame or None, default=None
        Further rows of the same source that are not in `frame`: what a second real sample looks
        like. None where there are none.

    Examples
    --------
    >>> frame = pd.DataFrame({"x": range(100), "y": range(100)})
    >>> data = Dataset(name="line", source="made up", frame=frame,
    ...                schema=Schema.infer(frame, target="y"), n_test=20)
    >>> train, test = data.split(random_state=0)
    >>> len(train), len(test)
    (80, 20)
    """

    name: str
    source: str
    frame: pd.DataFrame
    schema: Schema
    n_test: int
    reserve: pd.DataFrame | None = None

    def split(self, random_state: int | np.random.Generator | None = None) -> Split:
        """Divide the rows at random: `test` gets ``n_test`` of them, `train` the others."""
        order = np.random.default_rng(random_state).permutation(len(self.frame))
        return Split(
            train=self.frame.iloc[order[self.n_test :]].reset_index(drop=True),
            test=self.frame.iloc[order[: self.n_test]].reset_index(drop=True),
        )

    def subset(self, n_rows: int, random_state: int | np.random.Generator | None = None) -> Self:
        """Draw some of the rows, for a quick trial run.

        Scores on fewer rows are mostly lower and scatter more: no preview of the table's own.

        Parameters
        ----------
        n_rows : int
            Rows to draw without replacement, of which the same share is for testing; the reserve
            keeps as many (all of it where it has fewer). The schema remains the whole table's, so a
            rare category is known even if no row of the subset has it.
        random_state : int, Generator or None, default=None

        Raises
        ------
        ValueError
            If `n_rows` is below 50 or above the number of rows.
        """
        n_whole = len(self.frame)
        if not MIN_ROWS <= n_rows <= n_whole:
            raise ValueError(
                f"n_rows is {n_rows}; it must be between {MIN_ROWS} (fewer are not enough to "
                f"learn from) and {n_whole} (the rows of the table)"
            )
        rng = np.random.default_rng(random_state)
        frame = _drawn(self.frame, n_rows, rng)
        return replace(
            self,
            frame=frame,
            n_test=max(1, round(self.n_test * n_rows / n_whole)),
            reserve=None if self.reserve is None else _drawn(self.reserve, n_rows, rng),
        )


def _drawn(frame: pd.DataFrame, n_rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Draw `n_rows` rows without replacement, all of them in another order if there are fewer."""
    return frame.iloc[rng.permutation(len(frame))[:n_rows]].reset_index(drop=True)


@dataclass(frozen=True)
class PrivacySplit:
    """Members, non-members and further rows of one source, disjoint: what an attack is judged on.

    `train` holds the members, which a generator is fitted to; `holdout` the non-members, which an
    attack must not tell from members; `reference` further rows, which an attacker may hold.
    `schema` describes all three.

    Raises
    ------
    ValueError
        If a part is not a table of the schema.
    """

    train: pd.DataFrame
    holdout: pd.DataFrame
    reference: pd.DataFrame
    schema: Schema

    def __post_init__(self) -> None:
        for part in (self.train, self.holdout, self.reference):
            self.schema.validate(part)

    @property
    def n(self) -> int:
        """Number of members."""
        return len(self.train)

    @property
    def targets(self) -> pd.DataFrame:
        """Members, then non-members: the rows of which an attack asks who is a member."""
        return pd.concat([self.train, self.holdout], ignore_index=True)


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
        table. Training and holdout part get the same length, two fifths of the rows at most; the
        reference has that length too, or what is left.
    random_state : int, Generator or None, default=None
        Seed of the draw.
    n_rows : int or None, default=None
        Most rows in each part; None takes as many training rows as the experiment has, where
        there are enough.

    Raises
    ------
    ValueError
        If a part would have fewer than 100 rows, of which 1 % is none, or the reference fewer
        than 40.

    Examples
    --------
    >>> from synthtab.table.example import example_table
    >>> split = privacy_split(example_table(), random_state=0)
    >>> len(split.train), len(split.holdout), len(split.reference)
    (800, 800, 400)
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
    train, holdout, reference = (rows.iloc[part].reset_index(drop=True) for part in parts)
    return PrivacySplit(train, holdout, reference, dataset.schema)
