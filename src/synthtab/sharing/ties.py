"""Relations between the columns of somebody's table: found, kept in what is drawn, and counted."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.generators.with_relations import give_up_costly, kept_rows
from synthtab.sharing.columns import Column, Kind, TablePlan
from synthtab.sharing.few import Folded, fold_few
from synthtab.sharing.form import TableForm, special_days
from synthtab.sharing.relation_check import (
    kept_by,
    percent,
    problems_of_kinds,
    problems_of_shares,
)
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
    as_numbers,
    from_numbers,
    reference_rows,
    tuples,
)
from synthtab.table.schema import Schema

_ROUNDS = 50
_POOL, _NEAREST = 1_000, 5  # rows among which one is looked for that goes with given cells
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
        If a relation does not fit the table: see `table_schema`. If it compares what cannot be
        compared, fewer than half the rows keep it, or orders contradict one another.
    """
    wrong = problems_of_kinds(plan.relations or (), plan)
    fit = {r: note for r, note in (plan.relations or {}).items() if r not in wrong}
    schema = table_schema(frame, replace(plan, relations=fit))
    problems = [*wrong.values(), *problems_of_shares(fit, frame)]
    if problems:
        raise TableError("schema.yaml: relations: " + "; ".join(problems))
    endless = {c.name for c in plan.learnt if c.kind == "date" and special_days(frame[c.name])}

    def is_learnable(relation: Relation) -> bool:
        return not isinstance(relation, Order | Sum) or endless.isdisjoint(relation.columns)

    if plan.relations is None:
        found = {r: share for r, share in find_relations(frame, schema).items() if is_learnable(r)}
    elif odd := [str(r) for r in plan.relations if not is_learnable(r)]:
        raise TableError(
            f"schema.yaml: relations {odd}: {sorted(endless)} hold days in the year 9999 or 1, "
            "which stand for no end; leave the relations out, or write such cells as empty ones"
        )
    else:
        found = {r: kept_by(r, frame)[0] for r in plan.relations}
    notes = {
        r: f"holds in all {len(frame):,} rows"
        if share == 1
        else f"holds in {percent(share)} of {len(frame):,} rows, and is not enforced"
        for r, share in found.items()
    }
    return replace(plan, relations=notes)


def without_rare_relations(
    plan: TablePlan, frame: pd.DataFrame, folded: Folded, *, min_count: int
) -> TablePlan:
    """The plan without what its relations tell of fewer than k rows: when a column is empty.

    `frame` holds the typed rows as they were before `fold_few`.
    """
    kept: dict[Relation, str] = {}
    for relation, note in dict(plan.relations or {}).items():
        if isinstance(relation, EmptyWhen) and relation.when in frame:
            held = Counter(v for (v,) in tuples(frame, (relation.when,)))
            # What no row holds is left for `table_schema` to refuse.
            among = tuple(v for v in relation.among if not 0 < held[v] < min_count)
            if relation.column in folded.gaps or not among:
                continue
            only = relation.only and among == relation.among
            kept[replace(relation, among=among, only=only)] = note
            continue
        kept[relation] = note
    return plan if plan.relations is None else replace(plan, relations=kept)


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
        named = [c for c in transform.inner.categorical if c in rows]
        rows, _ = fold_few(
            rows, named, min_count=min_count, target=transform.inner.target, random_state=seed
        )
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
        `HybridDiffusion.sample` does; rows that do not meet the others are drawn again.

        Raises
        ------
        ValueError
            If a condition cannot be met, or hardly any row meets it.
        """
        rng = np.random.default_rng(random_state)
        if isinstance(conditions, pd.DataFrame):
            raise TypeError("cells are given to `completed`, as typed rows")
        given = dict(conditions or {})
        self._refuse_contradictions(given)
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

    def _refuse_contradictions(self, given: Mapping[str, Any]) -> None:
        """Raise a ValueError where conditions break a relation, before any row is drawn."""
        units = self.form.units
        ends = {
            c: [
                units.get(c, 1) * end
                for end in (asked if isinstance(asked, tuple) else [asked] * 2)
            ]
            for c, asked in given.items()
            if c in self.form.is_whole and not isinstance(asked, list)
        }
        for relation in self.transform.exact:
            broken = False
            if isinstance(relation, Order) and {*relation.columns} <= {*ends}:
                broken = ends[relation.low][0] > ends[relation.high][1]
            elif isinstance(relation, EmptyWhen):
                when, asked = (self._asked(given, c) for c in (relation.when, relation.column))
                broken = bool(when and asked) and when <= {*relation.among} and None not in asked
            if broken:
                raise ValueError(f"no row meets the conditions: {relation}")

    def _asked(self, given: Mapping[str, Any], name: str) -> set[Any]:
        """What conditions ask of a column: values, or None where it may be missing."""
        if name not in self.form.categories:
            flag = given.get(self.form.flags.get(name, ""), ())
            value = given.get(name)
            value = tuple(value) if isinstance(value, list) else value
            return {None} if "yes" in flag else {value} if name in given else set()
        labels = given.get(name, [])
        known = self.form.categories[name]
        return {
            known.get(label, label) for label in (labels if isinstance(labels, list) else [labels])
        }

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

        Notes
        -----
        What a given cell is worked out from, and is not given, comes from a drawn row that is near:
        the parts of a total, the day before which none may lie.
        """
        rng = np.random.default_rng(random_state)
        first = int(given.index[0])
        given = given.reset_index(drop=True)
        for name in {*given} & {*self.form.categories}:  # rare values are learnt as one
            known, of = given[name].notna(), self.form.categories[name]
            codes = self.form.prepared(name, given.loc[known, name])[name]
            given.loc[known, name] = [of[code] for code in codes]
        self._refuse_broken(given, first)
        given = self._with_origins(given, first, rng)
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

    def _refuse_broken(self, given: pd.DataFrame, first: int) -> None:
        """Raise a TableError that names every relation which given cells break."""
        problems = []
        for relation in self.transform.exact:
            if not {*relation.columns} <= {*given}:
                continue
            if isinstance(relation, EmptyWhen):
                whole = given[[*relation.columns]].notna().all(axis=1).to_numpy()
                broken = relation.applies(given) & whole
                if None in relation.among:  # an open cell is no empty one
                    broken &= given[relation.when].notna().to_numpy()
            elif isinstance(relation, Order | Sum | Range):
                broken = relation.violations(given)
            else:
                continue  # what goes together is known by `_labels`
            if broken.any():
                row = first + int(broken.argmax()) + 1
                problems.append(f"{relation} is broken in data row {row}")
        if problems:
            raise TableError("; ".join(problems))

    def _with_origins(
        self, given: pd.DataFrame, first: int, rng: np.random.Generator
    ) -> pd.DataFrame:
        """Given cells, with those that given cells of other columns are worked out from.

        Raises
        ------
        TableError
            If no drawn row has such cells.
        """
        dtypes = self.transform.dtypes
        sums = {frozenset(r.columns): r for r in self.transform.exact if isinstance(r, Sum)}
        given = _with_last_parts(given, sums.values(), dtypes)
        pool: pd.DataFrame | None = None
        for step in reversed(self.transform.steps):
            if step.column not in given:
                continue
            new = [c for c in step.needs if c not in given]
            whole = given.assign(**{c: _gaps(dtypes[c], given.index) for c in new})
            is_open = whole[[*step.needs]].isna()
            rows = np.flatnonzero(is_open.any(axis=1) & given[step.column].notna())
            if not len(rows):
                continue
            if pool is None:
                drawn = kept_rows(self.transform, lambda n, r: self._typed(n, r, {}), _POOL, rng)
                pool = pd.concat(drawn, ignore_index=True)
            relation = sums.get(frozenset([step.column, *step.needs]))
            known = pool.dropna(subset=[step.column, *step.needs])
            filled, lacks = _filled(whole.iloc[rows], step, known, relation is not None, rng)
            if lacks.any():
                row = first + int(rows[lacks.argmax()]) + 1
                raise TableError(
                    f"data row {row}: of {_POOL:,} drawn rows none has {[*step.needs]} that go "
                    f"with this {step.column!r}; give them"
                )
            whole.iloc[rows] = filled
            given = _with_last_parts(whole, [relation] if relation else [], dtypes)
        return given

    def _inner_given(self, given: pd.DataFrame, first: int) -> pd.DataFrame:
        """Conditions on what is learnt under which rows have the given cells, which are typed."""
        n, names = len(given), [c for c in self.transform.untouched if c in given]
        typed = {c: given[c] for c in names}
        for step in self.transform.steps:
            if step.name and step.column in given:
                known = given[step.column].notna()
                learnt = pd.Series(step.forward(given.loc[known]), given.index[known])
                typed[step.name] = learnt.reindex(range(n))
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


def _filled(
    given: pd.DataFrame, step: Any, rows: pd.DataFrame, is_sum: bool, rng: np.random.Generator
) -> tuple[pd.DataFrame, np.ndarray]:
    """Given cells with those of one of the nearest whole rows, from which `step` works one out.

    Of a sum, one part is left to what the others leave. Also returns where no row is to be had.
    """
    if rows.empty:
        return given, np.full(len(given), fill_value=True)
    known = {c: as_numbers(rows[c])[None, :] for c in (step.column, *step.needs)}
    own = as_numbers(given[step.column])[:, None]
    is_open = {c: given[c].isna().to_numpy() for c in step.needs}
    far = _distances(given, rows)
    for c, opened in is_open.items():
        far[opened[:, None] & ~step.may_stand(own, known[c])] = np.inf
    last = np.full(len(given), "", dtype=object)
    if is_sum:
        weight_of: dict[str, float] = dict(zip(step.parts, step.weights, strict=True))
        rest = own - sum(
            w * np.where(is_open[c][:, None], known[c], as_numbers(given[c])[:, None])
            for c, w in weight_of.items()
        )
        for c in sorted(weight_of, key=lambda c: known[c].std()):  # the widest is the last to stay
            last[is_open[c]] = c
        for c, w in weight_of.items():
            left = known[c] + rest / w
            is_out = (left < known[c].min()) | (left > known[c].max())
            far[(last == c)[:, None] & is_out] = np.inf
    nearest = np.argsort(far, axis=1)[:, :_NEAREST]
    n_near = np.isfinite(np.take_along_axis(far, nearest, 1)).sum(axis=1)
    chosen = nearest[np.arange(len(given)), rng.integers(np.maximum(n_near, 1))]
    given = given.copy()
    for c, opened in is_open.items():
        fill = opened & (last != c)
        given[c] = given[c].where(~fill, rows[c].iloc[chosen].set_axis(given.index))
    return given, n_near == 0


def _with_last_parts(
    given: pd.DataFrame, sums: Iterable[Sum], dtypes: Mapping[str, Any]
) -> pd.DataFrame:
    """Given cells, with the one part of a sum that its total and the others decide."""
    given = given.copy()
    for relation in sums:
        if len({*relation.columns} - {*given}) > 1:
            continue
        terms = {relation.total: -1.0, **dict(relation.weighted)}
        gaps = np.full(len(given), np.nan)
        values = {c: as_numbers(given[c]) if c in given else gaps for c in terms}
        for part in relation.parts:
            others = [w * values[c] for c, w in terms.items() if c != part]
            rest = -np.sum(others, axis=0) / terms[part]
            open_ = np.isnan(values[part]) & ~np.isnan(rest)
            if open_.any():
                dtype = _gaps(dtypes[part], given.index).dtype
                rest = rest if pd.api.types.is_datetime64_any_dtype(dtype) else rest.round(9)
                values[part] = np.where(open_, rest, values[part])
                given[part] = from_numbers(values[part], dtype)
    return given


def _gaps(dtype: Any, index: pd.Index[Any]) -> pd.Series[Any]:
    """A column without a value, of a dtype that can have none."""
    is_date = pd.api.types.is_datetime64_any_dtype(dtype)
    return pd.Series(pd.NaT if is_date else np.nan, index, dtype=dtype if is_date else float)


def _distances(given: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    """How far given cells are from those of whole rows, shape (n_given, n_rows)."""
    far = np.zeros((len(given), len(rows)))
    for name in map(str, given):
        known = given[name].notna().to_numpy()[:, None]
        if rows[name].dtype == object:
            apart = given[name].to_numpy()[:, None] != rows[name].to_numpy()[None, :]
        else:
            cells = as_numbers(rows[name])
            spread = np.nanstd(cells) or 1.0
            apart = np.abs(as_numbers(given[name])[:, None] - cells[None, :]) / spread
        far += np.where(known, np.nan_to_num(apart.astype(float), nan=1.0), 0.0)
    return far


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
