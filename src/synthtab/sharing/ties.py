"""Relations between the columns of somebody's table: found, kept in what is drawn, and counted."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
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
from synthtab.table.relation_transform import Joint, RelationTransform
from synthtab.table.relations import (
    Combination,
    Dependence,
    EmptyWhen,
    Order,
    Range,
    Relation,
    Sum,
    reference_rows,
    tuples,
)
from synthtab.table.schema import Schema

_ROUNDS = 50
_N_PARTICLES = 16


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

        Conditions on columns that are learnt as they are, and on those that go together, are met as
        `HybridDiffusion.sample` does; rows that do not meet the others are drawn again. Cells of
        columns that are worked out are given together with those that they are worked out from.

        Raises
        ------
        ValueError
            If a condition cannot be met, or hardly any row meets it.
        """
        rng = np.random.default_rng(random_state)
        if isinstance(conditions, pd.DataFrame):
            raise TypeError("cells are given to `completed`, as typed rows")
        given = dict(conditions or {})
        passed = self._passed_on(given)

        def wanted(typed: pd.DataFrame) -> np.ndarray:
            return _meeting(self.form.prepare(typed), given)

        for typed in kept_rows(
            self.transform,
            lambda n, rng: self._typed(n, rng, passed),
            n_samples,
            rng,
            wanted if given else None,
        ):
            yield self.form.prepare(typed)

    def _passed_on(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Of conditions on rows of the form those that the model can be given."""
        same = {*self.transform.untouched}
        same |= {flag for c, flag in self.inner.flags.items() if c in same}
        passed = {c: v for c, v in given.items() if c in same}
        for joint in self.transform.joints:
            cells, _ = joint.backward(pd.Series([*joint.levels]))
            parts = [self.form.prepared(c, pd.Series(v, dtype=object)) for c, v in cells.items()]
            levels = pd.DataFrame({name: part for p in parts for name, part in p.items()})
            asked = {c: v for c, v in given.items() if c in levels}
            labels = [*itertools.compress(joint.levels, _meeting(levels, asked))]
            if not labels:
                raise ValueError(f"no row has such values of {[*asked]} together")
            if asked:
                passed[joint.name] = labels
        return passed

    def completed(
        self, given: pd.DataFrame, *, random_state: int | np.random.Generator | None = None
    ) -> pd.DataFrame:
        """Prepared rows of the form that have the given cells, which are typed; others are drawn.

        Raises
        ------
        TableError
            If cells break a relation, or no row has them.
        """
        rng = np.random.default_rng(random_state)
        first = int(given.index[0])
        given = given.reset_index(drop=True)
        for name in {*given} & {*self.form.categories}:  # rare values are learnt as one
            known, of = given[name].notna(), self.form.categories[name]
            codes = self.form.prepared(name, given.loc[known, name])[name]
            given.loc[known, name] = [of[code] for code in codes]
        conditions = self._inner_given(given, first)
        emptied = {r.column for r in self.transform.exact if isinstance(r, EmptyWhen)}
        drawn: pd.DataFrame | None = None
        left = np.arange(len(given))
        for _ in range(_ROUNDS):
            asked = conditions.iloc[left].reset_index(drop=True)
            blocks = self._typed(len(left), rng, asked)
            rows, broken = self.transform.inverse_transform(pd.concat(blocks, ignore_index=True))
            for name in given:
                asks = given[name].notna().to_numpy()[left]
                broken |= rows[name].isna().to_numpy() & (asks | (name not in emptied))
            rows.index = pd.Index(left)
            drawn = rows if drawn is None else pd.concat([drawn.drop(left), rows])
            left = left[broken]
            if not len(left):
                return self.form.prepare(drawn.sort_index())
        raise TableError(
            f"data row {first + left[0] + 1}: no row could be drawn that has these cells and keeps "
            "all relations; leave one of them open"
        )

    def _inner_given(self, given: pd.DataFrame, first: int) -> pd.DataFrame:
        """Conditions on what is learnt under which rows have the given cells, which are typed.

        Raises
        ------
        TableError
            Naming every relation that the cells break, and cells that others must be given with.
        """
        problems = [
            f"{relation} is broken in data row {first + int(broken.argmax()) + 1}"
            for relation in self.transform.exact
            if isinstance(relation, Order | Sum | Range) and {*relation.columns} <= {*given}
            if (broken := relation.violations(given)).any()
        ]
        given = _with_last_parts(given, self.transform.exact)
        n, names = len(given), [c for c in self.transform.untouched if c in given]
        typed = {c: given[c] for c in names}
        for step in self.transform.steps:
            if step.column not in given:
                continue
            known = given[step.column].notna().to_numpy()
            others = [c for c in step.needs if c not in given or given.loc[known, c].isna().any()]
            if known.any() and others:
                problems.append(
                    f"{step.column!r} is worked out from {[*step.needs]}: give {others} in the "
                    "same rows, or leave it open"
                )
            elif known.any() and step.name:
                learnt = pd.Series(step.forward(given.loc[known]), given.index[known])
                typed[step.name] = learnt.reindex(range(n))
        if problems:
            raise TableError("; ".join(problems))
        conditions = self.inner.given(pd.DataFrame(typed, index=range(n)))
        for joint in self.transform.joints:
            columns = tuple(c for c in joint.columns if c in given)
            if columns:
                conditions[joint.name] = _labels(joint, given, columns, first)
        for column, flag in self.transform.flags.items():
            if column in given:
                conditions[flag] = "no"
        return conditions

    def _typed(
        self,
        n_samples: int,
        rng: np.random.Generator,
        conditions: Mapping[str, Any] | pd.DataFrame,
    ) -> Iterator[pd.DataFrame]:
        # Of rows under conditions most may be thrown away: fewer particles for each.
        blocks = self.model.iter_samples(
            n_samples, random_state=rng, conditions=conditions, n_particles=_N_PARTICLES
        )
        for block in blocks:
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


def _meeting(prepared: pd.DataFrame, conditions: Mapping[str, Any]) -> np.ndarray:
    """Rows that meet conditions: a value, the pair of a range, or a list of categories."""
    meets = np.ones(len(prepared), dtype=bool)
    for column, asked in conditions.items():
        cells = prepared[column]
        if isinstance(asked, tuple):
            meets &= cells.between(*asked).to_numpy()
        else:
            meets &= cells.isin(asked if isinstance(asked, list) else [asked]).to_numpy()
    return meets


def _labels(
    joint: Joint, given: pd.DataFrame, columns: tuple[str, ...], first: int
) -> pd.Series[Any]:
    """For each row the labels whose levels have its given cells, and no gap in these columns."""
    places = [joint.columns.index(c) for c in columns]
    rows = tuples(given, columns)
    found: dict[tuple[Any, ...], list[str]] = {}
    for i, row in enumerate(rows):
        if row not in found:
            asked = [*zip(places, row, strict=True)]
            found[row] = [
                label
                for label, level in joint.levels.items()
                if all(level[p] is not None and cell in (None, level[p]) for p, cell in asked)
            ]
        if not found[row]:
            raise TableError(
                f"data row {first + i + 1}: no row of the table has such {list(columns)} together"
            )
    return pd.Series([found[row] for row in rows], dtype=object)


def _with_last_parts(given: pd.DataFrame, relations: Iterable[Relation]) -> pd.DataFrame:
    """Given cells, with the one part of a sum that its total and the others decide."""
    given = given.copy()
    for relation in relations:
        known = [c for c in relation.columns if c in given]
        if not isinstance(relation, Sum) or len(known) < len(relation.columns) - 1:
            continue
        whole = given.reindex(columns=[*given, *({*relation.columns} - {*known})])
        if any(pd.api.types.is_datetime64_any_dtype(whole[c]) for c in relation.columns):
            continue
        for part, weight in relation.weighted:
            rest = whole[relation.total] - sum(
                (w * whole[c] for c, w in relation.weighted if c != part), start=0.0
            )
            open_ = whole[part].isna() & rest.notna()
            if open_.any():
                given[part] = whole[part].where(~open_, (rest / weight).round(9))
    return given


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
