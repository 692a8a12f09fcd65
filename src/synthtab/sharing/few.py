"""Nothing of few people: what fewer than k rows hold is not learnt as it is.

A generator that repeats what it has seen repeats a value of two rows, and ends where the last row
ends. So the training rows are changed before it sees them, whichever generator it is. `fold_few` is
about cells as the owner has them, `without_few` about the numbers of prepared rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, clone

from synthtab.generators.contract import RandomState
from synthtab.sharing.source import TableError
from synthtab.table.encoding import decimal_places
from synthtab.table.schema import Schema

_Floats = npt.NDArray[np.float64]
_GRID = 0.9  # of the rows on values that enough others hold: the column takes values of a list


class Folded(NamedTuple):
    """What `fold_few` has changed: by column, how many levels; and the columns with filled gaps."""

    levels: Mapping[str, int]
    gaps: tuple[str, ...]


def fold_few(
    frame: pd.DataFrame,
    categories: Iterable[str],
    *,
    min_count: int,
    target: str,
    random_state: int | np.random.Generator | None = None,
) -> tuple[pd.DataFrame, Folded]:
    """Typed rows in which no category, gap or special day stands for fewer than k rows together.

    Rare categories are learnt as one, "(other)" (see `synthtab.sharing.form.TableForm.fit`), and
    gaps as a value of their own. Where these together stand for fewer than `min_count` rows, they
    would tell of these rows: then such cells count as the most frequent category, or get the value
    of another row. Days that mean "no end" are gaps where fewer hold them. Gaps of the target stay,
    since they are refused.

    Raises
    ------
    TableError
        If the target would then have one value.

    Examples
    --------
    >>> rows = pd.DataFrame({"ward": [*"AAABBBC", None], "y": range(8)})
    >>> folded, told = fold_few(rows, ["ward"], min_count=3, target="y", random_state=0)
    >>> "".join(folded["ward"]), told
    ('AAABBBAA', Folded(levels={'ward': 1}, gaps=('ward',)))
    """
    if min_count <= 1:
        return frame, Folded({}, ())
    rng = np.random.default_rng(random_state)
    changed, named, levels, gaps = frame.copy(), {*categories}, {}, []
    for name in map(str, frame):
        cells = frame[name]
        if name in named:
            counts = cells.value_counts()
            rare = [v for v, n in counts.items() if n < min_count]
            if len(rare) == len(counts):
                continue
            is_rare, gap = cells.isin(rare), cells.isna()
            # What is no text has no name for "other": it is learnt as a gap.
            together = not all(isinstance(v, str) for v in counts.index)
            n_rare, n_gap = int(is_rare.sum()), int(gap.sum())
            few_rare = 0 < n_rare and n_rare + together * n_gap < min_count
            few_gaps = 0 < n_gap and n_gap + together * n_rare < min_count and name != target
            if few_rare and name == target and len(counts) == len(rare) + 1:
                raise TableError(
                    f"the target {target!r}: {n_rare} of {len(frame):,} rows have another value "
                    f"than all the others, fewer than --min-count {min_count}; name another target"
                )
            if few_rare:
                changed[name] = changed[name].mask(is_rare, counts.index[0])
                levels[name] = len(rare)
            if few_gaps:
                changed[name] = changed[name].mask(gap, counts.index[0])
                gaps.append(name)
            continue
        if cells.dtype.kind == "M":
            ends = cells[cells.dt.year.isin([1, 9999])].value_counts()
            rare = [v for v, n in ends.items() if n < min_count]
            if rare:
                cells = changed[name] = cells.mask(cells.isin(rare))
                levels[name] = len(rare)
        gap = cells.isna()
        if 0 < gap.sum() < min_count and name != target:
            known = cells[~gap]
            changed.loc[gap, name] = known.iloc[rng.integers(len(known), size=int(gap.sum()))].array
            gaps.append(name)
    return changed, Folded(levels, tuple(gaps))


def without_few(
    frame: pd.DataFrame,
    schema: Schema,
    *,
    min_count: int,
    flags: Mapping[str, str] | None = None,
    random_state: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Training rows in which no number, and no end of a column, is that of fewer than k rows.

    Categories are left as they are: see `synthtab.sharing.form.TableForm.fit`.

    Parameters
    ----------
    frame : DataFrame
        Complete rows of the schema.
    schema : Schema
    min_count : int
        The rows k that have to hold a value; 1 changes nothing.
    flags : mapping of str to str or None, default=None
        By numerical column with gaps: the category beside it that says ``no`` where there is no
        gap. What fills a gap counts for nobody, and is drawn anew.
    random_state : int, Generator or None, default=None

    Notes
    -----
    *Ends.* The k - 1 outermost rows of a column get values between the k-th and the last, drawn
    from an exponential tail whose scale the rows further in give, in their old order. *Ties.* Where
    nine rows in ten are on values that k rows hold, the others move to the nearest such value; in
    other columns a value of 2 to k - 1 rows is spread over the gap to its neighbours. Where that
    gap is one step of the column's decimals it stays: it is no more than what chance would draw.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> rows = pd.DataFrame({"cost": [*rng.normal(50, 9, 200).round(2), 987.65], "y": 1.0})
    >>> schema = Schema.infer(rows, target="y")
    >>> bool(without_few(rows, schema, min_count=5, random_state=0)["cost"].max() < 100)
    True
    """
    if min_count <= 1:
        return frame
    rng = np.random.default_rng(random_state)
    changed = frame.copy()
    for column in schema.numerical:
        values = frame[column].to_numpy(dtype=np.float64, copy=True)
        flag = (flags or {}).get(column)
        known = np.ones(len(values), bool) if flag is None else (frame[flag] == "no").to_numpy()
        if known.sum() <= 4 * min_count:
            values[known] = np.median(values[known]) if known.any() else 0.0
        else:
            places = decimal_places(frame[column].to_numpy())
            values[known] = _column(values[known], places, min_count, rng)
        if not known.all():
            values[~known] = rng.choice(values[known], (~known).sum()) if known.any() else 0.0
        changed[column] = pd.Series(values, index=frame.index).astype(frame[column].dtype)
    return changed


class WithoutFew(BaseEstimator):  # type: ignore[misc]
    """Any generator, fitted to rows in which no number is that of few: see `without_few`.

    Parameters
    ----------
    generator : Generator
        A clone of it is fitted.
    min_count : int, default=5
    flags : mapping of str to str or None, default=None
        As in `without_few`.
    random_state : int, Generator or None, default=None
        Seed of what is changed and, where the generator takes one, of its fit.

    Examples
    --------
    >>> from synthtab.generators.reference import Bootstrap
    >>> rows = pd.DataFrame({"cost": [*range(200), 9999.0], "y": 1.0})
    >>> model = WithoutFew(Bootstrap(), random_state=0).fit(rows, Schema.infer(rows, target="y"))
    >>> bool(model.sample(1000, random_state=0)["cost"].max() < 9999)
    True
    """

    def __init__(
        self,
        generator: Any,
        *,
        min_count: int = 5,
        flags: Mapping[str, str] | None = None,
        random_state: RandomState = None,
    ) -> None:
        self.generator = generator
        self.min_count = min_count
        self.flags = flags
        self.random_state = random_state

    def fit(self, frame: pd.DataFrame, schema: Schema) -> Self:
        """Change the rows, and fit a clone to them; see `Generator.fit`."""
        rng = np.random.default_rng(self.random_state)
        rows = without_few(
            frame, schema, min_count=self.min_count, flags=self.flags, random_state=rng
        )
        self.generator_ = clone(self.generator)
        if "random_state" in self.generator_.get_params():
            self.generator_.set_params(random_state=int(rng.integers(2**31)))
        self.generator_.fit(rows, schema)
        return self

    def sample(self, n_samples: int, *, random_state: RandomState = None) -> pd.DataFrame:
        """Draw rows; see `Generator.sample`."""
        drawn: pd.DataFrame = self.generator_.sample(n_samples, random_state=random_state)
        return drawn

    def log_likelihood(self, frame: pd.DataFrame) -> _Floats:
        """Log probability of each row as it was given, if the generator tells one."""
        found: _Floats = self.generator_.log_likelihood(frame)
        return found


def _column(values: _Floats, places: int | None, k: int, rng: np.random.Generator) -> _Floats:
    distinct, kind, counts = np.unique(values, return_inverse=True, return_counts=True)
    if counts[counts >= k].sum() >= _GRID * len(values):
        common = distinct[counts >= k]
        right = np.searchsorted(common, values).clip(1, max(len(common) - 1, 1))
        if len(common) == 1:
            return np.full_like(values, common[0])
        left = common[right - 1]
        return np.where(values - left <= common[right] - values, left, common[right])
    edges = np.concatenate([distinct[:1], (distinct[1:] + distinct[:-1]) / 2, distinct[-1:]])
    tied = (counts[kind] > 1) & (counts[kind] < k)
    spread = rng.uniform(edges[kind[tied]], edges[kind[tied] + 1])
    values = values.copy()
    values[tied] = _rounded(spread, places)
    values = _upper_end(values, distinct[-1], counts[-1], places, k, rng)
    return -_upper_end(-values, -distinct[0], counts[0], places, k, rng)


def _rounded(values: _Floats, places: int | None) -> _Floats:
    return values if places is None else np.round(values, places)


def _upper_end(
    values: _Floats,
    last: float,
    n_last: int,
    places: int | None,
    k: int,
    rng: np.random.Generator,
) -> _Floats:
    """With the largest k - 1 values drawn between the k-th and the last one, which is left out."""
    if n_last >= k:
        return values
    order = np.argsort(-values, kind="stable")
    first, inner = values[order[k - 1]], values[order[k - 1 : 4 * k]]
    step = 0.0 if places is None else 10.0**-places
    room = last - step - first
    if room <= 0:
        values[order[: k - 1]] = first
        return values
    scale = float((inner - inner[-1]).mean()) or room
    # Of an exponential distribution, cut off where the column ends.
    u = rng.random(k - 1) * -np.expm1(-room / scale)
    drawn = np.sort(-scale * np.log1p(-u))[::-1]
    values[order[: k - 1]] = _rounded(first + drawn, places)
    return values
