"""Rows without what their relations make redundant, and back.

What a relation decides is not learnt, but worked out: the difference is learnt in place of the
later date, the parts without their total, one joint category in place of columns that go together.
Whatever is drawn then keeps the relation. What cannot be built in this way is left to rejection:
`RelationTransform.inverse_transform` marks the rows to draw again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from graphlib import TopologicalSorter
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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
    relation_from_plain,
    tuples,
)
from synthtab.table.schema import Schema

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_YES, _NO = "yes", "no"
_REST = "(other)"
_MAX_DECIMALS = 9
_SLACK = 1e-12  # relative: what the last bits may be off
_UNITS = (1.0, 1 / 24, 1 / 1440, 1 / 86_400, 1 / 86_400e3, 1 / 86_400e6)  # of a date, in days


@dataclass(frozen=True)
class _Gap:
    """Learnt for an order: how far `column` is above all `others`, or below them (`sign` -1)."""

    column: str
    others: tuple[str, ...]
    sign: int
    name: str
    unit: float
    decimals: int | None
    own_decimals: int | None
    never_negative: bool

    @property
    def needs(self) -> tuple[str, ...]:
        return self.others

    def bound(self, frame: pd.DataFrame) -> Floats:
        values = [as_numbers(frame[c]) for c in self.others]
        bound: Floats = np.max(values, axis=0) if self.sign > 0 else np.min(values, axis=0)
        return bound

    def may_stand(self, own: Floats, other: Floats) -> Mask:
        """Whether values of `column` may stand beside values of one of the others."""
        return (self.sign * (own - other) >= 0) | (not self.never_negative)

    def forward(self, frame: pd.DataFrame) -> Floats:
        gap = self.sign * (as_numbers(frame[self.column]) - self.bound(frame)) / self.unit
        return gap if self.decimals is None else np.round(gap, self.decimals) + 0.0

    def backward(self, frame: pd.DataFrame, gap: Floats) -> Floats:
        bound = self.bound(frame)
        if self.never_negative:
            gap = np.maximum(gap, 0)
        values = bound + self.sign * gap * self.unit
        if self.own_decimals is None:
            return values
        rounded = np.round(values, self.own_decimals)
        if not self.never_negative:
            return rounded
        # Rounded to the side of the bound where the order holds.
        wrong = self.sign * (bound - rounded) > 0
        return np.where(wrong, rounded + self.sign * 10.0**-self.own_decimals, rounded)


@dataclass(frozen=True)
class _Rest:
    """Learnt for a sum: nothing, or how far `column` is from it where it is not always (`name`)."""

    column: str
    parts: tuple[str, ...]
    weights: tuple[float, ...]
    name: str | None
    unit: float  # of a date, in days; 0 for a number

    @property
    def needs(self) -> tuple[str, ...]:
        return self.parts

    def total(self, frame: pd.DataFrame) -> Floats:
        terms = [w * as_numbers(frame[c]) for c, w in zip(self.parts, self.weights, strict=True)]
        total: Floats = np.sum(terms, axis=0)
        return total

    def may_stand(self, own: Floats, other: Floats) -> Mask:
        """Whether values of `column` may stand beside values of a part: they always may."""
        return np.full(np.broadcast_shapes(own.shape, other.shape), fill_value=True)

    def forward(self, frame: pd.DataFrame) -> Floats:
        return _clean(as_numbers(frame[self.column]) - self.total(frame))

    def backward(self, frame: pd.DataFrame, rest: Floats) -> Floats:
        total = self.total(frame) + rest
        return np.rint(total / self.unit) * self.unit if self.unit else _clean(total)


@dataclass(frozen=True)
class Joint:
    """Learnt for columns that go together: one category, whose levels are the rows they have."""

    name: str
    columns: tuple[str, ...]
    levels: Mapping[str, tuple[Any, ...]]
    has_rest: bool = False  # rare rows, which are drawn as "(other)" and then again

    def forward(self, frame: pd.DataFrame) -> list[str]:
        label_of = {level: label for label, level in self.levels.items()}
        return [label_of.get(row, _REST) for row in tuples(frame, self.columns)]

    def backward(self, labels: pd.Series[Any]) -> tuple[dict[str, list[Any]], Mask]:
        """Cells of each column, and the rows whose label stands for no level."""
        any_level = next(iter(self.levels.values()))
        rows = [self.levels.get(label, any_level) for label in labels.tolist()]
        known = [label in self.levels for label in labels.tolist()]
        cells = zip(*rows, strict=True)
        return dict(zip(self.columns, map(list, cells), strict=True)), ~np.array(known, dtype=bool)


@dataclass
class RelationTransform:
    """Turns rows into rows without what relations make redundant, and back.

    Attributes
    ----------
    schema : Schema
        Of the rows it is fitted to, with the relations.
    inner : Schema
        Of the rows to be learnt.
    exact : tuple of Relation
        Relations that every fitted row keeps: no other row comes back. The others are not enforced,
        and come back in proportion where they can.
    limits : dict of str to tuple
        Range of each number or date that is worked out rather than learnt.
    references : dict of Relation to DataFrame
        What real rows have together in the columns of exact combinations and dependences that could
        not be built in.

    Examples
    --------
    >>> frame = pd.DataFrame({"from": [1, 5, 9], "to": [4, 5, 20], "cost": [3.0, 1.0, 9.0]})
    >>> schema = Schema.infer(frame, target="cost", relations=[Order("from", "to")])
    >>> transform, rows = RelationTransform.fit_transform(frame, schema)
    >>> rows.to_dict("list")
    {'from': [1, 5, 9], 'to - from': [3.0, 0.0, 11.0], 'cost': [3.0, 1.0, 9.0]}
    >>> back, broken = transform.inverse_transform(rows)
    >>> back.equals(frame), broken
    (True, array([False, False, False]))
    """

    schema: Schema
    inner: Schema
    exact: tuple[Relation, ...]
    dtypes: dict[str, Any]
    flags: dict[str, str]
    joints: list[Joint]
    steps: list[_Gap | _Rest]
    limits: dict[str, tuple[float, float]]
    references: dict[Relation, pd.DataFrame] = field(repr=False)

    @classmethod
    def fit_transform(
        cls,
        frame: pd.DataFrame,
        schema: Schema,
        *,
        min_count: int = 1,
        random_state: int | np.random.Generator | None = 0,
    ) -> tuple[Self, pd.DataFrame]:
        """The transform for the relations of a schema, and the rows to be learnt.

        Columns that are not categorical may hold numbers or dates, and every column gaps. Gaps of a
        column from which others are worked out are filled, with a flag beside it; `random_state` is
        the seed of what they are filled with. What fewer than `min_count` rows have together in
        columns that go together is learnt as one rest, and rows of this rest are marked as broken.
        """
        rng = np.random.default_rng(random_state)
        exact = tuple(r for r in schema.relations if not r.violations(frame).any())
        names = _Names(frame.columns)
        joints = _joints(frame, schema, names, min_count)
        steps = _steps(frame, schema, exact, {c for j in joints for c in j.columns}, names)
        needed = {c for step in steps for c in step.needs}
        flags = {
            c: names.free(f"{c} is missing")
            for c in frame.columns
            if c in needed and frame[c].isna().any()
        }
        built = {step.column for step in steps}
        self = cls(
            schema=schema,
            inner=schema,
            exact=exact,
            dtypes=dict(frame.dtypes),
            flags=flags,
            joints=joints,
            steps=steps,
            limits={c: _range(frame[c]) for c in frame.columns if c in built},
            references={
                r: reference_rows(r, frame)
                for r in exact
                if isinstance(r, Combination | Dependence)
                and not any({*r.columns} <= {*joint.columns} for joint in joints)
            },
        )
        rows = self._forward(frame.reset_index(drop=True), rng)
        categorical = {c: v for c, v in schema.categorical.items() if c in rows}
        categorical |= {j.name: (*j.levels, *([_REST] if j.has_rest else [])) for j in joints}
        categorical |= dict.fromkeys(flags.values(), (_NO, _YES))
        target = schema.target
        if target not in rows:
            target = _target_of(rows, categorical, schema, joints, steps)
        self.inner = Schema(tuple(rows.columns), categorical, target)
        return self, rows

    @property
    def untouched(self) -> tuple[str, ...]:
        """Columns that are learnt as they are."""
        emptied = {r.column for r in self.exact if isinstance(r, EmptyWhen)}
        return tuple(c for c in self.schema.columns if c in self.inner.columns and c not in emptied)

    def inverse_transform(self, rows: pd.DataFrame) -> tuple[pd.DataFrame, Mask]:
        """Rows as they were described, and a mask of those that break a relation after all.

        These are few where a relation could be built in, and are to be drawn again.
        """
        frame = rows.reset_index(drop=True)
        broken = np.zeros(len(frame), dtype=bool)
        columns: dict[str, Any] = {c: frame[c] for c in self.schema.columns if c in frame}
        for relation in self.exact:
            # What fills a gap may lie outside.
            if isinstance(relation, Range) and relation.column in {*columns} - {*self.flags}:
                low, high = relation.bounds
                cells = as_numbers(columns[relation.column])
                if ((cells < low) | (cells > high)).any():  # by a generator that leaves the range
                    columns[relation.column] = from_numbers(
                        cells.clip(low, high), self.dtypes[relation.column]
                    )
        for joint in self.joints:
            cells_of, unknown = joint.backward(frame[joint.name])
            broken |= unknown
            for name, values_of in cells_of.items():
                columns[name] = _series(values_of, self.dtypes[name])
        table = pd.DataFrame(columns)
        for step in self.steps:
            learnt = as_numbers(frame[step.name]) if step.name else np.zeros(len(frame))
            values = step.backward(table, learnt)
            if pd.api.types.is_integer_dtype(self.dtypes[step.column]):
                broken |= np.isnan(values)
                values = np.nan_to_num(values)
            table[step.column] = from_numbers(values, self.dtypes[step.column])
        for column, flag in self.flags.items():
            table[column] = table[column].mask((frame[flag] == _YES).to_numpy())
        for column, (low, high) in self.limits.items():
            values, slack = as_numbers(table[column]), _SLACK * max(abs(low), abs(high))
            broken |= (values < low - slack) | (values > high + slack)
        for relation in self.exact:
            if isinstance(relation, EmptyWhen):
                gone, own = relation.applies(table), table[relation.column]
                emptied = own.where(~gone, None) if own.dtype == object else own.mask(gone)
                table[relation.column] = emptied
        table = table[list(self.schema.columns)].astype(self.dtypes)
        for relation in self.exact:
            if relation in self.references or not isinstance(relation, Combination | Dependence):
                broken |= relation.violations(table, self.references.get(relation))
        return table, broken

    def without(self, relations: Iterable[Relation]) -> None:
        """Enforce some relations no more."""
        gone = set(relations)
        self.exact = tuple(r for r in self.exact if r not in gone)

    def _forward(self, frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        whole = frame.copy()
        built = [step.column for step in self.steps]
        for column in sorted(self.flags, key=lambda c: built.index(c) if c in built else -1):
            whole[column] = self._filled(whole, column, rng)
        replaced: dict[str, tuple[str, Any]] = {}
        dropped: set[str] = set()
        for joint in self.joints:
            dropped |= set(joint.columns)
            replaced[joint.columns[0]] = joint.name, np.array(joint.forward(frame), dtype=object)
        for step in self.steps:
            dropped.add(step.column)
            if step.name:
                replaced[step.column] = step.name, step.forward(whole)
        columns: dict[str, Any] = {}
        for name in frame.columns:
            if name in replaced:
                inner_name, cells = replaced[name]
                columns[inner_name] = cells
            elif name not in dropped:
                columns[name] = whole[name]
            if name in self.flags:
                columns[self.flags[name]] = np.where(frame[name].isna(), _YES, _NO).astype(object)
        rows = pd.DataFrame(columns)
        for relation in self.exact:
            # Where a column is empty is known, so it need not be learnt.
            if isinstance(relation, EmptyWhen) and relation.only:
                stand_in, _ = replaced.get(relation.column, (relation.column, None))
                if stand_in in rows and rows[stand_in].isna().any():
                    rows[stand_in] = _filled_at_random(rows[stand_in], rng)
        return rows

    def _filled(self, frame: pd.DataFrame, column: str, rng: np.random.Generator) -> Any:
        """A column whose gaps hold values that go with the others of the row."""
        gap = frame[column].isna().to_numpy()
        cells = _filled_at_random(frame[column], rng)
        values = as_numbers(cells)
        for step in sorted(self.steps, key=lambda s: (s.column != column, isinstance(s, _Gap))):
            if step.column == column:
                learnt = step.forward(frame)
                known = learnt[~np.isnan(learnt)]
                own = step.backward(frame, rng.choice(known, len(gap)) if len(known) else learnt)
                values = np.where(gap & ~np.isnan(own), own, values)
            if column not in step.needs:
                continue
            total = as_numbers(frame[step.column])
            if isinstance(step, _Rest):
                weight = step.weights[step.parts.index(column)]
                sums = step.total(frame.assign(**{column: cells}))
                fitting, wrong = as_numbers(cells) + (total - sums) / weight, gap
            else:
                gaps = step.forward(frame)
                known = gaps[~np.isnan(gaps)]
                if not step.never_negative or not len(known):
                    continue
                fitting = total - step.sign * step.unit * rng.choice(known, len(total))
                wrong = gap & (step.sign * (total - values) < 0)
            values = np.where(wrong & ~np.isnan(fitting), fitting, values)
        own_step = next((s for s in self.steps if s.column == column), None)
        if isinstance(own_step, _Gap) and own_step.never_negative:  # between both neighbours
            side = np.fmax if own_step.sign > 0 else np.fmin
            values = np.where(gap, side(values, own_step.bound(frame)), values)
        return from_numbers(values, cells.dtype)

    def to_plain(self) -> dict[str, Any]:
        """As what JSON holds, for `from_plain`."""
        return {
            "schema": _plain_schema(self.schema),
            "inner": _plain_schema(self.inner),
            "exact": [r.to_plain() for r in self.exact],
            "dtypes": {c: str(dtype) for c, dtype in self.dtypes.items()},
            "flags": self.flags,
            "joints": [
                {"name": j.name, "columns": list(j.columns), "has_rest": j.has_rest}
                | {"labels": list(j.levels), "rows": _plain_rows(j.levels.values())}
                for j in self.joints
            ],
            "steps": [{"kind": type(s).__name__, **asdict(s)} for s in self.steps],
            "limits": {c: list(ends) for c, ends in self.limits.items()},
            "references": [
                {"relation": r.to_plain(), "rows": _plain_rows(tuples(rows, r.columns))}
                for r, rows in self.references.items()
            ],
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """The transform that `to_plain` describes.

        Raises
        ------
        ValueError
            If it describes none.
        """
        kinds: dict[str, Any] = {"_Gap": _Gap, "_Rest": _Rest}
        try:
            given = dict(plain)
            dtypes = {c: pd.api.types.pandas_dtype(name) for c, name in given["dtypes"].items()}
            exact = tuple(map(relation_from_plain, given["exact"]))

            def typed(rows: list[Any], columns: tuple[str, ...]) -> pd.DataFrame:
                cells = zip(*rows, strict=True)
                return pd.DataFrame(
                    {c: _series(list(v), dtypes[c]) for c, v in zip(columns, cells, strict=True)}
                )

            joints = []
            for entry in given["joints"]:
                columns = tuple(entry["columns"])
                rows = tuples(typed(entry["rows"], columns), columns)
                levels = dict(zip(entry["labels"], rows, strict=True))
                joints.append(Joint(entry["name"], columns, levels, entry["has_rest"]))
            relations = [relation_from_plain(entry["relation"]) for entry in given["references"]]
            return cls(
                schema=_schema_of(given["schema"]),
                inner=_schema_of(given["inner"]),
                exact=exact,
                dtypes=dtypes,
                flags=dict(given["flags"]),
                joints=joints,
                steps=[
                    kinds[entry.pop("kind")](
                        **{k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
                    )
                    for entry in map(dict, given["steps"])
                ],
                limits={c: (float(low), float(high)) for c, (low, high) in given["limits"].items()},
                references={
                    relation: typed(entry["rows"], relation.columns)
                    for relation, entry in zip(relations, given["references"], strict=True)
                },
            )
        except (KeyError, TypeError, AttributeError, StopIteration) as error:
            raise ValueError(f"not a transform of relations: {error}") from error


# --- which column is worked out from which ---------------------------------------------------


def _target_of(
    rows: pd.DataFrame,
    categorical: Mapping[str, Any],
    schema: Schema,
    joints: list[Joint],
    steps: list[_Gap | _Rest],
) -> str:
    """What stands for a target that is worked out: of its kind, if there is such a column."""
    own = [j.name for j in joints if schema.target in j.columns]
    own += [s.name for s in steps if s.name and s.column == schema.target]
    parts = [c for s in steps if s.column == schema.target for c in s.needs]
    candidates = [
        str(c) for c in [*own, *parts, *rows.columns] if c in rows and not rows[c].isna().any()
    ]
    is_category = schema.task == "classification"
    return min(candidates, key=lambda c: (c in categorical) != is_category)


class _Names:
    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(map(str, taken))

    def free(self, name: str) -> str:
        while name in self._taken:
            name = f"({name})"
        self._taken.add(name)
        return name


def _joints(frame: pd.DataFrame, schema: Schema, names: _Names, min_count: int) -> list[Joint]:
    """One group of columns for each combination, and each tree of dependences."""
    groups: list[list[str]] = []
    group_of: dict[str, list[str]] = {}
    for relation in schema.relations:
        if isinstance(relation, Combination) and not set(relation.columns) & set(group_of):
            groups.append([*relation.columns])
            group_of |= dict.fromkeys(relation.columns, groups[-1])
    for tie in _from_the_root(r for r in schema.relations if isinstance(r, Dependence)):
        on, column = tie.on, tie.column
        if column in group_of:
            continue  # it is in the same group, or is left to rejection
        if on not in group_of:
            groups.append([on])
            group_of[on] = groups[-1]
        group_of[on].append(column)
        group_of[column] = group_of[on]
    joints = []
    for group in groups:
        columns = tuple(c for c in schema.columns if c in group)
        counts = Counter(tuples(frame, columns))
        rows = sorted((row for row, n in counts.items() if n >= min_count), key=str)
        if not rows:
            continue  # nothing goes together often enough
        levels: dict[str, tuple[Any, ...]] = {}
        for row in rows:
            label = " · ".join("" if v is None else str(v) for v in row)
            while label in levels:
                label = f"({label})"
            levels[label] = row
        has_rest = len(rows) < len(counts)
        joints.append(Joint(names.free(" · ".join(columns)), columns, levels, has_rest))
    return joints


def _from_the_root(dependences: Iterable[Dependence]) -> list[Dependence]:
    """Dependences such that what decides comes before what it decides."""
    left, ordered = list(dependences), []
    while left:
        decided = {r.column for r in left}
        ready = [r for r in left if r.on not in decided] or left[:1]
        ordered += ready
        left = [r for r in left if r not in ready]
    return ordered


def _steps(
    frame: pd.DataFrame,
    schema: Schema,
    exact: tuple[Relation, ...],
    taken: set[str],
    names: _Names,
) -> list[_Gap | _Rest]:
    """For each sum, then each order, the column that is worked out; each is so once, in no circle.

    In an order in which every column stands after those it is worked out from.
    """
    needs: dict[str, set[str]] = {}

    def free(column: str, others: Iterable[str]) -> bool:
        return column not in taken and not any(_reaches(needs, c, column) for c in others)

    sums: dict[str, tuple[Sum, dict[str, float]]] = {}
    for relation in schema.relations:
        if not isinstance(relation, Sum):
            continue
        every = {relation.total: -1.0, **dict(relation.weighted)}
        for column in relation.columns:
            others = [c for c in relation.columns if c != column]
            if column in needs or not free(column, others):
                continue
            # 0 = Σ all · c, solved for the column.
            terms = {c: -w / every[column] for c, w in every.items() if c != column}
            sums[column] = relation, terms
            needs[column] = set(others)
            break
    gaps: dict[str, tuple[int, list[Order]]] = {}
    for relation in schema.relations:
        if not isinstance(relation, Order):
            continue
        for column, other, sign in (
            (relation.high, relation.low, 1),
            (relation.low, relation.high, -1),
        ):
            before = gaps.get(column)
            if column in sums or (before and before[0] != sign) or not free(column, [other]):
                continue
            gaps[column] = sign, [*(before[1] if before else []), relation]
            needs.setdefault(column, set()).add(other)
            break
    steps: list[_Gap | _Rest] = []
    for column in TopologicalSorter(needs).static_order():
        if column in sums:
            steps.append(_rest(frame, column, *sums[column], exact, names))
        elif column in gaps:
            steps.append(_gap(frame, column, *gaps[column], exact, names))
    return steps


def _reaches(needs: Mapping[str, set[str]], start: str, end: str) -> bool:
    return start == end or any(_reaches(needs, c, end) for c in needs.get(start, ()))


def _gap(
    frame: pd.DataFrame,
    column: str,
    sign: int,
    orders: list[Order],
    exact: tuple[Relation, ...],
    names: _Names,
) -> _Gap:
    others = tuple(r.low if sign > 0 else r.high for r in orders)
    cells = [frame[c] for c in (column, *others)]
    every = [_decimals(c) for c in cells]
    is_date = pd.api.types.is_datetime64_any_dtype(frame[column])
    later, earlier = (column, others) if sign > 0 else (others[0], (column,))
    name = later + " - " + (earlier[0] if len(earlier) == 1 else f"latest of {', '.join(earlier)}")
    return _Gap(
        column=column,
        others=others,
        sign=sign,
        name=names.free(name),
        unit=_unit(cells) if is_date else 1.0,
        decimals=0 if is_date else None if None in every else max(d or 0 for d in every),
        own_decimals=None if is_date else every[0],
        never_negative=all(r in exact for r in orders),
    )


def _rest(
    frame: pd.DataFrame,
    column: str,
    relation: Sum,
    terms: Mapping[str, float],
    exact: tuple[Relation, ...],
    names: _Names,
) -> _Rest:
    always = relation in exact and not frame[column].isna().any()
    is_date = pd.api.types.is_datetime64_any_dtype(frame[column])
    name = None if always else names.free(f"rest of {column}")
    unit = _unit([frame[column]]) if is_date else 0.0
    return _Rest(column, tuple(terms), tuple(terms.values()), name, unit)


# --- cells -----------------------------------------------------------------------------------


def _decimals(cells: pd.Series[Any]) -> int | None:
    values = np.unique(as_numbers(cells))
    values = values[~np.isnan(values)]
    for decimals in range(_MAX_DECIMALS + 1):
        if np.array_equal(np.round(values, decimals), values):
            return decimals
    return None


def _clean(values: Floats) -> Floats:
    """Without what adding decimal fractions leaves in the last bits, and without -0."""
    return np.round(values, _MAX_DECIMALS + 2) + 0.0


def _unit(dates: list[pd.Series[Any]]) -> float:
    """The longest unit of time of which all dates are whole numbers, in days."""
    values = np.concatenate([as_numbers(d) for d in dates])
    values = values[~np.isnan(values)]
    for unit in _UNITS:
        if np.allclose(np.rint(values / unit) * unit, values, rtol=0, atol=2e-11):
            return unit
    return _UNITS[-1]


def _range(cells: pd.Series[Any]) -> tuple[float, float]:
    values = as_numbers(cells)
    return float(np.nanmin(values)), float(np.nanmax(values))


def _filled_at_random(cells: pd.Series[Any], rng: np.random.Generator) -> pd.Series[Any]:
    gap = cells.isna().to_numpy()
    known = np.flatnonzero(~gap)
    rows = np.arange(len(cells))
    rows[gap] = rng.choice(known, gap.sum())
    return cells.iloc[rows].reset_index(drop=True)


def _series(cells: list[Any], dtype: Any) -> pd.Series[Any]:
    plain = pd.Series(cells, dtype=object)
    return plain if pd.api.types.is_object_dtype(dtype) else plain.astype(dtype)


def _plain_rows(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    def plain(value: Any) -> Any:
        if isinstance(value, pd.Timestamp):
            return value.isoformat()
        return value.item() if isinstance(value, np.generic) else value

    return [[plain(value) for value in row] for row in rows]


def _plain_schema(schema: Schema) -> dict[str, Any]:
    return {
        "columns": list(schema.columns),
        "categorical": {c: list(values) for c, values in schema.categorical.items()},
        "target": schema.target,
        "relations": [r.to_plain() for r in schema.relations],
    }


def _schema_of(plain: Mapping[str, Any]) -> Schema:
    return Schema(
        tuple(plain["columns"]),
        {c: tuple(values) for c, values in plain["categorical"].items()},
        plain["target"],
        tuple(map(relation_from_plain, plain["relations"])),
    )
