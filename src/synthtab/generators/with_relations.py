"""Any generator, with the relations of the schema kept in what it draws."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from synthtab.generators.contract import Generator, RandomState
from synthtab.table.relation_transform import RelationTransform
from synthtab.table.relations import Relation
from synthtab.table.schema import Schema

Blocks = Callable[[int, np.random.Generator], Iterator[pd.DataFrame]]
Mask = NDArray[np.bool_]

_TRIAL_ROWS = 500
_LEAST_KEPT = 0.2  # of the rows: below it, rejection is not cheap
_MAX_ROUNDS = 50
_HARDLY = 0.001  # of the rows: below it, there is no end to drawing again
_MAX_AT_ONCE = 65_536


class WithRelations(BaseEstimator):  # type: ignore[misc]
    """A generator that keeps the relations of its schema: see `synthtab.table.relations`.

    What the relations decide is worked out, not learnt: the wrapped generator is given a difference
    in place of the later date, parts without their total, one category for columns that go
    together. A row that breaks a relation all the same, or leaves the range of a column that is
    worked out, is drawn again.

    Parameters
    ----------
    generator : Generator
        An unfitted one that learns from the rows it is given.

    Attributes
    ----------
    generator_ : Generator
        The fitted one, of `transform_.inner`.
    transform_ : RelationTransform
        What stands between it and the rows.
    lost_ : tuple of Relation
        Relations that are not kept, because four of five rows of the generator would have to be
        drawn again for them. Those that training rows break are not kept either: see
        `RelationTransform.exact`.

    Examples
    --------
    >>> from synthtab.generators.reference import NoiseCopy
    >>> from synthtab.table.relations import Order
    >>> frame = pd.DataFrame({"from": range(60), "to": [i + i % 3 for i in range(60)]})
    >>> schema = Schema.infer(frame, target="to", relations=[Order("from", "to")])
    >>> plain = NoiseCopy().fit(frame, schema).sample(500, random_state=0)
    >>> kept = WithRelations(NoiseCopy()).fit(frame, schema).sample(500, random_state=0)
    >>> [bool(Order("from", "to").violations(rows).any()) for rows in (plain, kept)]
    [True, False]
    """

    def __init__(self, generator: Generator) -> None:
        self.generator = generator

    def fit(self, frame: pd.DataFrame, schema: Schema) -> Self:
        """Learn from real rows, with gaps if the generator takes them; see `Generator.fit`."""
        schema.validate(frame, allow_missing=True)
        self.transform_, rows = RelationTransform.fit_transform(frame, schema)
        self.generator_ = clone(self.generator).fit(rows, self.transform_.inner)
        self.lost_ = give_up_costly(self.transform_, self._blocks)
        return self

    def sample(self, n_samples: int, *, random_state: RandomState = None) -> pd.DataFrame:
        """Draw rows; see `Generator.sample`."""
        check_is_fitted(self)
        if n_samples < 1:
            raise ValueError(f"n_samples={n_samples}: draw at least one row")
        rng = np.random.default_rng(random_state)
        kept = list(kept_rows(self.transform_, self._blocks, n_samples, rng))
        return pd.concat(kept, ignore_index=True)

    def _blocks(self, n_samples: int, rng: np.random.Generator) -> Iterator[pd.DataFrame]:
        yield self.generator_.sample(n_samples, random_state=rng)


def kept_rows(
    transform: RelationTransform,
    draw: Blocks,
    n_samples: int,
    rng: np.random.Generator,
    wanted: Callable[[pd.DataFrame], Mask] | None = None,
) -> Iterator[pd.DataFrame]:
    """Rows that keep all relations, and are wanted, until there are enough.

    `draw` yields blocks of rows of `transform.inner`. As many are drawn as are asked for, and then
    as many as are still missing.

    Raises
    ------
    ValueError
        If hardly any row is kept.
    """
    n_kept = n_drawn = 0
    for _ in range(_MAX_ROUNDS):
        missing = n_samples - n_kept
        # As many as will do, by the share of rows that were kept so far.
        factor = 1.0 if not n_drawn else 1.1 * n_drawn / max(n_kept, 1)
        asked = missing if not n_drawn else min(int(missing * factor) + 10, _MAX_AT_ONCE)
        for rows in draw(asked, rng):
            frame, broken = transform.inverse_transform(rows)
            keep = ~broken if wanted is None else ~broken & wanted(frame)
            n_drawn += len(rows)
            good = frame[keep].head(n_samples - n_kept)
            if len(good):
                n_kept += len(good)
                yield good.reset_index(drop=True)
        if n_kept == n_samples:
            return
        if n_kept < _HARDLY * (n_drawn - _MAX_AT_ONCE // 4):
            break
    raise ValueError(
        f"of {n_drawn:,} rows only {n_kept:,} could be kept, and {n_samples:,} are asked for; ask "
        "for fewer, or for what real rows have more often"
    )


def give_up_costly(transform: RelationTransform, draw: Blocks) -> tuple[Relation, ...]:
    """Relations that are enforced no more, because too few rows would be left; mostly none."""
    rows = pd.concat(list(draw(_TRIAL_ROWS, np.random.default_rng(0))), ignore_index=True)
    lost: list[Relation] = []
    while True:
        frame, broken = transform.inverse_transform(rows)
        if broken.mean() <= 1 - _LEAST_KEPT or not transform.exact:
            return tuple(lost)
        share: dict[Relation, Any] = {
            r: r.violations(frame, transform.references.get(r)).mean() for r in transform.exact
        }
        worst = max(share, key=lambda r: share[r])
        if not share[worst]:
            return tuple(lost)
        lost.append(worst)
        transform.without([worst])
