"""Whether relations that an owner names fit the rows: their kinds, their shares, one another."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from synthtab.sharing.columns import Column, TablePlan
from synthtab.table.relations import EmptyWhen, Mask, Order, Range, Relation, Sum

_LEAST_SHARE = 0.5  # of rows: what fewer keep is no relation of the table
_DIRECTIVES_OF_DAYS = ("%d", "%j", "%m", "%b", "%B", "%Y", "%y", "%G", "%U", "%V", "%W")


def kept_by(relation: Relation, frame: pd.DataFrame) -> tuple[float, int]:
    """Share of the rows a relation says something of that keep it, and how many break it.

    Examples
    --------
    >>> kept_by(Order("a", "b"), pd.DataFrame({"a": [1, 3, 2], "b": [2, 1, None]}))
    (0.5, 1)
    """
    concerned = _concerned(relation, frame)
    n_broken = int((relation.violations(frame) & concerned).sum())
    return 1 - n_broken / max(int(concerned.sum()), 1), n_broken


def _concerned(relation: Relation, frame: pd.DataFrame) -> Mask:
    if isinstance(relation, Order | Sum | Range):
        whole: Mask = frame[[*relation.columns]].notna().all(axis=1).to_numpy()
        return whole
    if isinstance(relation, EmptyWhen) and not relation.only:
        return relation.applies(frame)
    return np.ones(len(frame), dtype=bool)


def unenforced(relations: Iterable[Relation], frame: pd.DataFrame) -> dict[Relation, str]:
    """Relations that some rows break, each with a sentence on it for the owner.

    Examples
    --------
    >>> stays = pd.DataFrame({"a": [1, 2, 4], "b": [2, 3, 3]})
    >>> [*unenforced([Order("a", "b")], stays).values()]
    ['order [a, b] holds in 66.66 % of rows (1 breaks it) and is not enforced; remove the row or the relation']
    """  # noqa: E501
    found = {}
    for relation in relations:
        share, n_broken = kept_by(relation, frame)
        if n_broken:
            breaks, rows = ("breaks", "row") if n_broken == 1 else ("break", "rows")
            found[relation] = (
                f"{named(relation)} holds in {percent(share)} of rows ({n_broken:,} {breaks} it) "
                f"and is not enforced; remove the {rows} or the relation"
            )
    return found


def without(plan: TablePlan, relations: Container[Relation]) -> TablePlan:
    """The plan without some relations."""
    kept = {r: note for r, note in (plan.relations or {}).items() if r not in relations}
    return replace(plan, relations=kept)


def percent(share: float) -> str:
    """A share, rounded down, so that 100 % means all.

    Examples
    --------
    >>> percent(0.99999), percent(1.0)
    ('99.99 %', '100 %')
    """
    return f"{math.floor(share * 10_000 + 1e-6) / 100:g} %"


def named(relation: Relation) -> str:
    """A relation as an entry of the schema file begins; others than orders also as a formula."""
    if isinstance(relation, Order):
        return f"order [{relation.low}, {relation.high}]"
    return f"{relation.word} {str(relation)!r}"


def problems_of_shares(relations: Iterable[Relation], frame: pd.DataFrame) -> Iterator[str]:
    """Relations that hardly any row keeps, and orders that contradict one another."""
    shares = {r: kept_by(r, frame) for r in relations}
    for relation, (share, n_broken) in shares.items():
        if share < _LEAST_SHARE:
            yield (
                f"{named(relation)} holds in {percent(share)} of rows ({n_broken:,} break it); "
                "remove it or correct it"
            )
    orders = [r for r in shares if isinstance(r, Order)]
    told: set[frozenset[Order]] = set()
    for order in orders:
        cycle = _cycle(order, orders)
        # Columns that are equal in all rows may stand in both orders.
        if not any(shares[r][1] for r in cycle) or frozenset(cycle) in told:
            continue
        told.add(frozenset(cycle))
        parts = [f"{named(r)} ({percent(shares[r][0])} of rows keep it)" for r in cycle]
        yield f"{' and '.join(parts)} contradict one another; remove or correct one of them"


def _cycle(order: Order, orders: Iterable[Order]) -> list[Order]:
    """The shortest chain of orders from one back to where it begins; none if there is none."""
    ways = [[order]]
    seen = {order.high}
    while ways:
        way = ways.pop(0)
        if way[-1].high == order.low:
            return way
        for following in orders:
            if following.low == way[-1].high and following.high not in seen:
                seen.add(following.high)
                ways.append([*way, following])
    return []


def problems_of_kinds(relations: Iterable[Relation], plan: TablePlan) -> dict[Relation, str]:
    """Relations that compare what cannot be compared, with what is wrong."""
    columns = {c.name: c for c in plan.learnt}
    found: dict[Relation, str] = {}
    for relation in relations:
        if not isinstance(relation, Order | Sum | Range) or not {*relation.columns} <= {*columns}:
            continue
        kinds = {name: kind_of(columns[name]) for name in relation.columns}
        if isinstance(relation, Range):
            kinds |= _kinds_of_bounds(relation)
        if not _go_together(relation, kinds):
            said = ", ".join(f"{name} is a {kind}" for name, kind in kinds.items())
            found[relation] = (
                f"{named(relation)}: these kinds cannot be compared: {said}; remove it or correct "
                "the columns"
            )
    return found


def kind_of(column: Column) -> str:
    """What a column can be compared with: the like, in words.

    Examples
    --------
    >>> kind_of(Column("at", "date", format="%H:%M")), kind_of(Column("size", "number"))
    ('time of day', 'number')
    """
    form = column.format
    if column.kind == "date" and form is not None:
        if "%" in form and not any(d in form for d in _DIRECTIVES_OF_DAYS):
            return "time of day"
        return "date with a time zone" if "%z" in form else "date"
    return column.kind


def _kinds_of_bounds(relation: Range) -> dict[str, str]:
    bounds = [b for b in (relation.low, relation.high) if b is not None]
    return {
        f"its bound {b:%Y-%m-%d}" if isinstance(b, pd.Timestamp) else f"its bound {b:g}": (
            "date" if isinstance(b, pd.Timestamp) else "number"
        )
        for b in bounds
    }


def _go_together(relation: Order | Sum | Range, kinds: Mapping[str, str]) -> bool:
    if "category" in kinds.values():
        return False
    if isinstance(relation, Range):
        column, *bounds = kinds.values()
        return all(("number" in (column, b)) == (column == b) for b in bounds)
    dates = {kind for kind in kinds.values() if kind != "number"}
    if isinstance(relation, Order):
        return len({*kinds.values()}) == 1
    # A day and days are a day; the days of two dates have to cancel.
    terms = {relation.total: -1.0, **dict(relation.weighted)}
    left = sum(weight for name, weight in terms.items() if kinds[name] != "number")
    return len(dates) <= 1 and abs(left) < 1e-9
