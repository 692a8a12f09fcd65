"""Relations between the columns of somebody's table: found, kept in what is drawn, and counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.generators.with_relations import give_up_costly, kept_rows
from synthtab.sharing.columns import Column, Kind, TablePlan
from synthtab.sharing.form import TableForm, special_days
from synthtab.sharing.source import Source, TableError
from synthtab.table.relation_search import find_relations
from synthtab.table.relation_transform import RelationTransform
from synthtab.table.relations import (
    Combination,
    Dependence,
    EmptyWhen,
    Order,
    Relation,
    Sum,
    reference_rows,
    tuples,
)
from synthtab.table.schema import Schema


def table_schema(frame: pd.DataFrame, plan: TablePlan) -> Schema:
    """Of typed rows, with the relations of the plan; dates are among the numbers.

    Raises
    ------
    TableError
        If a relation is about columns that are not learnt, compares categories, or names a value
        that its column never has.
    """
    categorical = {
        c.name: tuple(dict.fromkeys([*frame[c.name].dropna(), ""]))
        for c in plan.learnt
        if c.kind == "category"
    }
    try:
        schema = Schema(tuple(frame.columns), categorical, plan.target, tuple(plan.relations or ()))
    except ValueError as error:
        raise TableError(f"schema.yaml: {error}") from error
    problems = []
    for relation in schema.relations:
        if isinstance(relation, EmptyWhen):
            known = {value for (value,) in tuples(frame, (relation.when,))}
            if never := [v for v in relation.among if v not in known]:
                problems.append(
                    f"relation {str(relation)!r}: {relation.when!r} is never {never}; it is "
                    f"{sorted(known, key=str)[:10]}, and text stands in quotation marks"
                )
    if problems:
        raise TableError("schema.yaml: " + "; ".join(problems))
    return schema


def with_relations(plan: TablePlan, frame: pd.DataFrame) -> TablePlan:
    """The plan with the relations that the typed rows suggest, if nobody has looked for any.

    Those that the owner names are checked, and get the share of rows that keep them as a note. No
    distance can be learnt between days and a day that means "no end", so none is suggested.

    Raises
    ------
    TableError
        If a relation does not fit the table: see `table_schema`.
    """
    schema = table_schema(frame, plan)
    endless = {c.name for c in plan.learnt if c.kind == "date" and special_days(frame[c.name])}

    def is_learnable(relation: Relation) -> bool:
        return not isinstance(relation, Order | Sum) or endless.isdisjoint(relation.columns)

    if plan.relations is None:
        found = {r: share for r, share in find_relations(frame, schema).items() if is_learnable(r)}
    elif wrong := [str(r) for r in plan.relations if not is_learnable(r)]:
        raise TableError(
            f"schema.yaml: relations {wrong}: {sorted(endless)} hold days in the year 9999 or 1, "
            "which stand for no end; leave the relations out, or write such cells as empty ones"
        )
    else:
        found = {r: 1 - float(r.violations(frame).mean()) for r in plan.relations}
    notes = {
        r: f"holds in all {len(frame):,} rows"
        if share == 1
        else f"holds in {100 * share:.2f} % of {len(frame):,} rows, and is not enforced"
        for r, share in found.items()
    }
    return replace(plan, relations=notes)


@dataclass
class Tied:
    """A model of what relations leave open, and what stands between it and the table's rows.

    Draws rows of `form`, as `HybridDiffusion` draws those of its schema.

    Attributes
    ----------
    model : HybridDiffusion
        Learns, and draws, rows of `inner`.
    form : TableForm
        Of the owner's table.
    inner : TableForm
        Of the rows that are learnt.
    transform : RelationTransform
        Between the typed rows of the two.
    lost : tuple of Relation
        Relations that are not kept: see `WithRelations`.
    """

    model: HybridDiffusion
    form: TableForm
    inner: TableForm
    transform: RelationTransform
    lost: tuple[Relation, ...] = field(default=())

    @classmethod
    def of(
        cls,
        model: HybridDiffusion,
        form: TableForm,
        plan: TablePlan,
        train: pd.DataFrame,
        seed: int,
        *,
        min_count: int = 1,
    ) -> tuple[Self, pd.DataFrame]:
        """An unfitted model, and the rows that it is to be fitted to.

        `train` holds prepared rows of the form, `seed` is that of what fills gaps. What fewer than
        `min_count` rows have together in columns that go together is not drawn.
        """
        typed = form.restore(train)
        transform, rows = RelationTransform.fit_transform(
            typed, table_schema(typed, plan), min_count=min_count, random_state=seed
        )
        kinds = {c.name: c for c in plan.learnt}
        columns = tuple(
            kinds[c] if c in kinds else Column(c, _kind(transform, c))
            for c in transform.inner.columns
        )
        source = Source(Path("the table"), "csv", rows)
        inner = TableForm.fit(rows, source, TablePlan(columns, transform.inner.target))
        prepared = inner.prepare(rows, random_state=seed)
        return cls(model, form, inner, transform), prepared

    def settle(self) -> None:
        """After the fit: give up relations for which too many rows would be drawn again."""
        self.lost = give_up_costly(self.transform, lambda n, rng: self._typed(n, rng, {}))

    @property
    def schema_(self) -> Schema:
        """Of the rows that are drawn."""
        return self.form.schema

    def iter_samples(
        self,
        n_samples: int,
        *,
        random_state: int | np.random.Generator | None = None,
        conditions: Mapping[str, Any] | None = None,
    ) -> Iterator[pd.DataFrame]:
        """Draw prepared rows of the form in blocks.

        A condition on a column that is learnt as it is, is met as `HybridDiffusion.sample` does;
        rows that do not meet the others are drawn again.

        Raises
        ------
        ValueError
            If a condition cannot be met, or hardly any row meets it.
        """
        given = dict(conditions or {})
        same = {*self.transform.untouched}
        same |= {flag for c, flag in self.inner.flags.items() if c in same}
        passed = {c: v for c, v in given.items() if c in same}

        def wanted(typed: pd.DataFrame) -> np.ndarray:
            prepared = self.form.prepare(typed)
            meets = np.ones(len(typed), dtype=bool)
            for column, value in given.items():
                meets &= (prepared[column] == value).to_numpy()
            return meets

        rng = np.random.default_rng(random_state)
        for typed in kept_rows(
            self.transform,
            lambda n, rng: self._typed(n, rng, passed),
            n_samples,
            rng,
            wanted if given else None,
        ):
            yield self.form.prepare(typed)

    def _typed(
        self, n_samples: int, rng: np.random.Generator, conditions: Mapping[str, Any]
    ) -> Iterator[pd.DataFrame]:
        for block in self.model.iter_samples(n_samples, random_state=rng, conditions=conditions):
            yield self.inner.restore(block)

    def to_plain(self) -> dict[str, Any]:
        """All but the model and the form, as what JSON holds."""
        return {
            "inner": self.inner.to_plain(),
            "transform": self.transform.to_plain(),
            "lost": [r.to_plain() for r in self.lost],
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], model: HybridDiffusion, form: TableForm) -> Self:
        """What `to_plain` describes.

        Raises
        ------
        ValueError
            If it describes none, or one of another table.
        """
        if not {"inner", "transform"} <= set(plain):
            raise ValueError("the relations of a table as this release writes them are missing")
        inner = TableForm.from_plain(plain["inner"])
        transform = RelationTransform.from_plain(plain["transform"])
        if tuple(c.name for c in form.learnt) != transform.schema.columns:
            raise ValueError("the relations and the form belong to different tables")
        return cls(model, form, inner, transform)


def _kind(transform: RelationTransform, column: str) -> Kind:
    return "category" if column in transform.inner.categorical else "number"


@dataclass
class Tally:
    """Counts the rows that break each relation: real ones, and synthetic ones as they come.

    With a `form`, rows in which it has merged a rare value with others break no combination.

    Examples
    --------
    >>> from synthtab.table.relations import Order
    >>> real = pd.DataFrame({"a": [1, 2], "b": [1, 3]})
    >>> tally = Tally([Order("a", "b")], real)
    >>> tally.add(pd.DataFrame({"a": [1, 2], "b": [0, 3]}))
    >>> tally.rows()[0] | {}
    {'relation': 'a ≤ b', 'real': 0, 'n_real': 2, 'synthetic': 1, 'n_synthetic': 2, 'kept': True}
    """

    relations: list[Relation]
    real: pd.DataFrame
    lost: tuple[Relation, ...] = ()
    form: TableForm | None = None
    n_synthetic: int = 0

    def __post_init__(self) -> None:
        self.broken = [0] * len(self.relations)
        self._references = [reference_rows(r, self.real) for r in self.relations]

    def add(self, rows: pd.DataFrame) -> None:
        """Count more synthetic rows, typed as those of the form."""
        self.n_synthetic += len(rows)
        for i, relation in enumerate(self.relations):
            broken = relation.violations(rows, self._references[i])
            if isinstance(relation, Combination | Dependence):
                broken &= ~self._merged(rows, relation)
            self.broken[i] += int(broken.sum())

    def _merged(self, rows: pd.DataFrame, relation: Relation) -> np.ndarray:
        """Rows where a rare value was merged with others, so that nothing can be said of it."""
        merged = np.zeros(len(rows), dtype=bool)
        for column in relation.columns:
            if self.form is not None and column in self.form.others:
                stands_for = self.form.categories[column][self.form.others[column]]
                cells = rows[column]
                merged |= (cells.isna() if stands_for is None else cells == stands_for).to_numpy()
        return merged

    def rows(self) -> list[dict[str, Any]]:
        """For the report card: each relation with the rows that break it."""
        return [
            {
                "relation": str(relation),
                "real": (real := int(relation.violations(self.real).sum())),
                "n_real": len(self.real),
                "synthetic": broken,
                "n_synthetic": self.n_synthetic,
                "kept": real == 0 and relation not in self.lost,
            }
            for relation, broken in zip(self.relations, self.broken, strict=True)
        ]
