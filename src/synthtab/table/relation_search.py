"""Finding relations between the columns of a table, for its owner to confirm.

What holds by chance is not proposed: every rule asks how often rows would break the relation if
the columns had nothing to do with each other, and wants that to be often.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

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
    holds,
)
from synthtab.table.schema import Schema

MIN_ROWS = 30
"""Fewer rows prove nothing."""

_SHOWN_ROWS = 5_000  # on which candidates are looked for; each is then counted on every row
_EXCEPTIONS = 0.01  # of the rows may break a relation that is proposed
_SURPRISE = 20.0  # rows that would break it if columns were independent, or nats
_CLEARLY = 50  # times as many would, were it chance
_MIN_BROKEN = 0.02  # share of such rows: what hardly ever breaks needs no keeping
_MAX_LEVELS = 1_000
_ROWS_PER_LEVEL = 5
_FEW_PAIRS = 0.6  # of those that independent columns would show
_MISSING_PAIRS = 5  # beyond which so few are no chance
_UNSEEN = 0.01  # share of fresh rows with a new pair (Good-Turing), above which pairs are not fixed
_AT_AN_END = 0.01
_LOW_ENDS, _HIGH_ENDS = (0.0, -1.0), (0.0, 1.0, 10.0, 100.0, 1000.0)
_MAX_PARTS = 12
_UNITS = (1.0, 1 / 24, 1 / 1440, 1 / 86_400)  # of a number that is added to a date, in days


def find_relations(frame: pd.DataFrame, schema: Schema) -> dict[Relation, float]:
    """Relations that the rows of a table suggest, each with the share of rows that keep it.

    Parameters
    ----------
    frame : DataFrame of shape (n, n_columns)
        Rows, with gaps or without. Columns that are not categorical are numbers or dates.
    schema : Schema
        Says which columns are categorical.

    Returns
    -------
    dict of Relation to float
        Of each kind, those that hold in every row, or in 99 % of them and more; a relation that
        follows from another is left out. Empty where there are fewer than 30 rows.

    Notes
    -----
    An order is proposed if 2 % of the rows, and 20 of them, would break it were the columns
    independent; a dependence if independent columns would show it with probability e⁻²⁰ at most;
    a combination if there are at most 60 % of the pairs that independent columns would show, and a
    fresh row has a new pair with an estimated probability of 1 % at most (Good, 1953). Ranges are
    proposed where 1 % of the rows lie at an end that is 0, 1, 10, 100 or 1,000.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> net, tax = rng.integers(10, 99, 200), rng.integers(1, 9, 200)
    >>> frame = pd.DataFrame({"net": net, "tax": tax, "gross": net + tax})
    >>> for relation, share in find_relations(frame, Schema.infer(frame, target="gross")).items():
    ...     print(relation, share)
    gross = net + tax 1.0
    """
    if len(frame) < MIN_ROWS:
        return {}
    frame = frame.reset_index(drop=True)
    rng = np.random.default_rng(0)
    chosen = np.sort(rng.permutation(len(frame))[:_SHOWN_ROWS])
    shown = frame.iloc[chosen].reset_index(drop=True)
    varied = [c for c in schema.columns if len(shown[c].dropna().unique()) > 1]
    numbers = {c: as_numbers(shown[c]) for c in varied if c not in schema.categorical}
    dates = {c for c in numbers if pd.api.types.is_datetime64_any_dtype(shown[c])}
    gaps = {c: shown[c].isna().to_numpy() for c in shown.columns}
    codes = {c: pd.factorize(shown[c], use_na_sentinel=False)[0] for c in varied}
    dependences = _confirmed(_dependences(codes, gaps), frame)
    decided = {r.columns[1] for r in dependences}
    combinations = _confirmed(_combinations(codes, numbers, decided), frame)
    sums = _confirmed(_sums(numbers, dates), frame, exceptions=0.0)
    orders = _confirmed(_orders(numbers, dates, rng), frame)
    tied = [{*r.columns} for r in (*dependences, *combinations)]
    orders = {
        r: share
        for r, share in orders.items()
        if not any(set(r.columns) <= columns for columns in tied)
        and not any(_follows(r, s, numbers) for s in sums)
    }
    empty = _confirmed(_empty(shown, codes, gaps), frame, exceptions=0.0)
    ranges = _confirmed(_ranges(numbers, dates), frame, exceptions=0.0)
    return {**sums, **_without_shortcuts(orders), **dependences, **combinations, **empty, **ranges}


def _confirmed(
    found: Iterator[Relation], frame: pd.DataFrame, *, exceptions: float = _EXCEPTIONS
) -> dict[Relation, float]:
    """Those that hold in (nearly) every row, and not in the sample alone."""
    shares = {relation: holds(relation, frame) for relation in found}
    return {r: share for r, share in shares.items() if share >= 1 - exceptions}


# --- numbers and dates -----------------------------------------------------------------------


def _orders(
    numbers: dict[str, NDArray[np.float64]], dates: set[str], rng: np.random.Generator
) -> Iterator[Relation]:
    for group in (dates, set(numbers) - dates):
        names = [c for c in numbers if c in group]
        if len(names) < 2:
            continue
        values = np.column_stack([numbers[c] for c in names])
        # As if independent: each column in an order of its own.
        shuffled = rng.permuted(values, axis=0)
        for j, low in enumerate(names):
            above = values[:, [j]] > values
            both = ~np.isnan(values[:, [j]]) & ~np.isnan(values)
            differ = (values[:, [j]] != values) & both
            broken = above.sum(axis=0) / np.maximum(both.sum(axis=0), 1)
            by_chance = (shuffled[:, [j]] > shuffled).mean(axis=0)
            for k in np.flatnonzero(
                (broken <= by_chance / _CLEARLY)
                & (by_chance >= _MIN_BROKEN)
                & (by_chance * len(values) >= _SURPRISE)
                & differ.any(axis=0)
            ):
                yield Order(low, names[k])


def _without_shortcuts(orders: dict[Relation, float]) -> dict[Relation, float]:
    """Without a ≤ c where a ≤ b and b ≤ c."""
    pairs = {r.columns for r in orders}
    between = {high for _, high in pairs}
    return {
        r: share
        for r, share in orders.items()
        if not any((r.columns[0], b) in pairs and (b, r.columns[1]) in pairs for b in between)
    }


def _follows(order: Relation, total: Relation, numbers: dict[str, NDArray[np.float64]]) -> bool:
    """Whether an order is that of a part and a total whose other parts are never negative."""
    if not isinstance(order, Order) or not isinstance(total, Sum):
        return False
    if {order.low, order.high} <= {total.total, *total.parts} and total.total != order.high:
        return True  # about two parts, or the wrong way round: learnt with the parts
    return (
        total.total == order.high
        and order.low in total.parts
        and all(w > 0 for _, w in total.weighted)
        and all(np.nanmin(numbers[p]) >= 0 for p in total.parts if p != order.low)
    )


def _sums(numbers: dict[str, NDArray[np.float64]], dates: set[str]) -> Iterator[Relation]:
    """Columns that are sums of others: linear dependences with weights of one.

    Column by column, what is not explained by those before it joins them (Gram and Schmidt).
    """
    names = [c for c, v in numbers.items() if np.isnan(v).mean() <= 0.5]
    # Dates first, so that a date is seen as another one and a number of days.
    names.sort(key=lambda c: c not in dates)
    whole = [c for c in names if not np.isnan(numbers[c]).any()]
    for group in {tuple(whole), tuple(names)}:
        if len(group) < 2:
            continue
        values = np.column_stack([numbers[c] for c in group])
        values = values[~np.isnan(values).any(axis=1)]
        if len(values) >= max(MIN_ROWS, 2 * len(group)):
            yield from _linear(list(group), values, dates)


def _linear(names: list[str], values: NDArray[np.float64], dates: set[str]) -> Iterator[Relation]:
    scale = np.abs(values).max(axis=0)
    scale[scale == 0] = 1
    scaled = values / scale
    basis = np.empty((len(values), 0))
    kept: list[int] = []
    for j, name in enumerate(names):
        column = scaled[:, j]
        rest = column - basis @ (basis.T @ column)
        rest -= basis @ (basis.T @ rest)  # twice is enough
        length = float(np.linalg.norm(rest))
        if length > 1e-7 * math.sqrt(len(column)):
            basis = np.column_stack([basis, rest / length])
            kept.append(j)
            continue
        weights = np.linalg.lstsq(scaled[:, kept], column, rcond=None)[0] * scale[j] / scale[kept]
        found = {names[k]: float(w) for k, w in zip(kept, weights, strict=True)}
        if relation := _as_sum(name, found, dates):
            yield relation


def _as_sum(name: str, found: dict[str, float], dates: set[str]) -> Relation | None:
    """A sum of a few columns whose weights are one, or units of time where there are dates."""
    size = max(map(abs, found.values()), default=0)
    found = found | {name: -1.0}
    terms = {c: w for c, w in found.items() if abs(w) > 1e-6 * max(size, 1)}
    involved = [c for c in terms if c in dates]
    if not 2 <= len(terms) <= _MAX_PARTS or len(involved) not in (0, 2):
        return None
    if involved:
        # The later date is the earlier one and some days, or there is none.
        rest = [c for c in terms if c not in involved]
        if len(rest) > 1 or terms[involved[0]] * terms[involved[1]] >= 0:
            return None
        total = next((c for c in involved if rest and terms[c] * terms[rest[0]] < 0), name)
    else:
        # What is alone on its side is the total: a = b - c is read as b = a + c.
        signs = {c: math.copysign(1, w) for c, w in terms.items()}
        alone = [c for c in terms if [*signs.values()].count(signs[c]) == 1]
        total = max(alone, key=lambda c: (len(terms) > 2, c == name), default=name)
    weights = {c: -w / terms[total] for c, w in terms.items() if c != total}
    units = _UNITS if involved else _UNITS[:1]
    for part, weight in weights.items():
        near = min(units, key=lambda u: abs(abs(weight) - u) / u)
        if abs(abs(weight) - near) > 1e-6 * near:
            return None
        weights[part] = math.copysign(near, weight)
    parts = sorted(weights, key=lambda c: (c not in dates, list(found).index(c)))
    plain = all(w == 1 for w in weights.values())
    return Sum(total, tuple(parts), () if plain else tuple(weights[c] for c in parts))


def _ranges(numbers: dict[str, NDArray[np.float64]], dates: set[str]) -> Iterator[Relation]:
    """Ends where rows pile up, and that are round: of an amount, a share, a percentage."""
    for name, values in numbers.items():
        known = values[~np.isnan(values)]
        if name in dates or len(np.unique(known)) <= 2:
            continue
        needed = max(5.0, _AT_AN_END * len(known))
        ends = [
            float(end) if end in ends and (known == end).sum() >= needed else None
            for end, ends in ((known.min(), _LOW_ENDS), (known.max(), _HIGH_ENDS))
        ]
        if ends != [None, None]:
            yield Range(name, *(int(e) if e is not None else None for e in ends))


# --- categories, and numbers that take few values --------------------------------------------


def _dependences(
    codes: dict[str, NDArray[Any]], gaps: dict[str, NDArray[np.bool_]]
) -> Iterator[Relation]:
    names, n = list(codes), len(next(iter(codes.values()), []))
    counts = {c: np.bincount(v) for c, v in codes.items()}
    # A column that is nearly constant is decided by every other one.
    agree = {c: -math.log(float(((k / n) ** 2).sum())) for c, k in counts.items()}
    none = {c: codes[c][gap.argmax()] for c, gap in gaps.items() if c in codes and gap.any()}
    deciding = [c for c in names if len(counts[c]) <= n / _ROWS_PER_LEVEL]
    deciding.sort(key=lambda c: -len(counts[c]))
    found: set[tuple[str, str]] = set()
    for on, column in itertools.product(deciding, names):
        if on == column or len(counts[column]) > len(counts[on]) or (column, on) in found:
            continue
        repeats = n - len(counts[on])  # rows with an `on` that was seen before
        if repeats * agree[column] < _SURPRISE or not _may_decide(codes[on], codes[column]):
            continue
        known = codes[on] != none.get(on, -1)
        if len(np.unique(codes[column][known])) == 1:
            continue  # whether there is an `on` decides, which is for `_empty`
        pairs = codes[on].astype(np.int64) * len(counts[column]) + codes[column]
        distinct, sizes = np.unique(pairs, return_counts=True)
        usual = np.zeros(len(counts[on]), dtype=np.int64)
        np.maximum.at(usual, distinct // len(counts[column]), sizes)
        wrong = n - usual.sum()
        # Taking the most frequent value whatever `on` is must be wrong much more often.
        if wrong <= _EXCEPTIONS * n and wrong <= (n - counts[column].max()) / 10:
            found.add((on, column))
    between = {column for _, column in found}
    for on, column in sorted(found, key=lambda pair: tuple(map(names.index, pair))):
        if not any((on, b) in found and (b, column) in found for b in between):
            yield Dependence(on, column)


def _may_decide(on: NDArray[Any], column: NDArray[Any], n_rows: int = 400) -> bool:
    """Whether some rows leave it open that one column decides the other."""
    pairs = set(zip(on[:n_rows].tolist(), column[:n_rows].tolist(), strict=True))
    return len(pairs) - len(set(on[:n_rows].tolist())) <= 3 * _EXCEPTIONS * n_rows


def _combinations(
    codes: dict[str, NDArray[Any]], numbers: Collection[str], decided: Collection[str]
) -> Iterator[Relation]:
    shares = {c: np.bincount(v) / len(v) for c, v in codes.items() if c not in decided}
    names = [
        c
        for c, p in shares.items()
        if 2 < len(p) <= min(_MAX_LEVELS, len(codes[c]) / _ROWS_PER_LEVEL)
    ]
    candidates = []
    for a, b in itertools.combinations(names, 2):
        p, q = shares[a], shares[b]
        n = len(codes[a])
        _, counts = np.unique(codes[a].astype(np.int64) * len(q) + codes[b], return_counts=True)
        n_pairs = len(counts)
        # Numbers that go together leave out many pairs, and still take new ones.
        few = _FEW_PAIRS / 2 if a in numbers and b in numbers else _FEW_PAIRS
        if (
            (counts == 1).sum() > _UNSEEN * n
            or n_pairs * _ROWS_PER_LEVEL > n
            or n_pairs > few * len(p) * len(q)
        ):
            continue
        never = n * np.log1p(-np.outer(p, q).clip(max=1 - 1e-12))
        expected = float((1 - np.exp(never)).sum())
        if n_pairs <= few * expected and expected - n_pairs >= _MISSING_PAIRS:
            candidates.append((n_pairs / expected, a, b))
    taken: set[str] = set()
    for _, a, b in sorted(candidates):
        if not taken & {a, b}:
            taken |= {a, b}
            yield Combination((a, b))


def _empty(
    frame: pd.DataFrame, codes: dict[str, NDArray[Any]], gaps: dict[str, NDArray[np.bool_]]
) -> Iterator[Relation]:
    """For each column with gaps, what explains most of them."""
    gaps = {c: gap for c, gap in gaps.items() if 0 < gap.mean() < 1}
    place = {c: i for i, c in enumerate(frame.columns)}
    for column, gap in gaps.items():
        # Of so many rows with a value none has one here, if this is chance.
        needed = _SURPRISE / -math.log(gap.mean())
        found = []
        for when in frame.columns:
            if when == column:
                continue
            values = _all_empty(frame[when], gap, codes[when], needed) if when in codes else ()
            if not values and when in gaps and gap[gaps[when]].all() and gaps[when].sum() >= needed:
                values = (None,)
            if not values:
                continue
            relation = EmptyWhen(column, when, values)
            explained = int(relation.applies(frame).sum())
            only = explained == gap.sum()
            # Two columns that are empty together explain each other once.
            if not (only and values == (None,) and place[when] > place[column]):
                found.append((explained, -place[when], replace(relation, only=only)))
        if found:
            yield max(found, key=lambda entry: entry[:2])[2]


def _all_empty(
    cells: pd.Series[Any], gap: NDArray[np.bool_], codes: NDArray[Any], needed: float
) -> tuple[Any, ...]:
    """Values of a column with few of them, in whose rows another is always empty."""
    rows = np.bincount(codes)
    if len(rows) > max(2.0, min(_MAX_LEVELS, len(cells) / _ROWS_PER_LEVEL)):
        return ()
    filled = np.bincount(codes[~gap], minlength=len(rows))
    first = [
        int(np.argmax(codes == code)) for code in np.flatnonzero((filled == 0) & (rows >= needed))
    ]
    values = [None if pd.isna(cells.iloc[row]) else cells.iloc[row] for row in first]
    plain = [v.item() if isinstance(v, np.generic) else v for v in values]
    return tuple(plain) if all(isinstance(v, str | int | float | None) for v in plain) else ()
