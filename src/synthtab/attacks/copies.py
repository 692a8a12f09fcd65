"""Real rows in a synthetic table: more of the training rows than chance would put there?

`returned` looks at every training row, `copy_excess` at shares of a table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm, poisson

from synthtab.attacks.distances import Floats, Ints, MixedDistance
from synthtab.attacks.tolerances import COINCIDENCES, NEAR, WIDE
from synthtab.evaluation.intervals import Estimate, proportion
from synthtab.generators.contract import RandomState
from synthtab.table.split import PrivacySplit

_CHUNK = 2**22  # labels held at once
_K = 5  # neighbours of a row, asked whether they agree with it in one column
_TINY = 1e-12  # standard deviations
_ISOLATED = (1.0, 0.5, 0.2)  # shares of the rows, the most isolated ones, that are asked apart
_TAILS = (0.02, 0.05, 0.1)  # of the distances among real rows, which tell how rare small ones are
_FEWEST = 20  # distances in such a tail
_MOST_EXPECTED = 3.0  # returns; beyond that shares of rows say more
_LEAST_EXPECTED = 0.5  # returns by chance that no tail of distances rules out
_DECIMALS = 9
_N_ASKED, _FEWEST_ASKED, _CELLS = 2000, 200, 40_000  # rows whose neighbours are asked, by columns
_N_AMONG = 10_000  # rows among which neighbours are sought


class CopyExcess(NamedTuple):
    """Result of `copy_excess`."""

    of_training: float
    """Share of synthetic rows equal to a training row."""
    of_holdout: float
    """Share equal to a row of a holdout of the same length."""
    permuted: Floats
    """The difference of the two under random labels, shape (n_permutations,)."""

    @property
    def excess(self) -> float:
        """Share equal to a training row minus share equal to a holdout row; 0 by chance."""
        return self.of_training - self.of_holdout


def copy_excess(
    split: PrivacySplit,
    synthetic: pd.DataFrame,
    *,
    columns: Sequence[str],
    n_permutations: int = 999,
    random_state: RandomState = None,
) -> CopyExcess:
    """Count synthetic rows that equal a training row, and a holdout row by the same measure.

    Discrete columns match by chance, so a share of copies reads only against rows that the
    generator has not seen. The null distribution comes from exchanging the labels of training and
    holdout rows at random, `n_permutations` times: see `excess_p_value`. Rows are equal if they
    agree in the given columns, exactly. Training and holdout rows are drawn at random from one
    table.

    Raises
    ------
    ValueError
        If the two parts differ in length: the longer one would be matched more often.

    Examples
    --------
    >>> from synthtab.table.schema import Schema
    >>> train, holdout = pd.DataFrame({"a": [1, 2, 3]}), pd.DataFrame({"a": [4, 5, 3]})
    >>> split = PrivacySplit(train, holdout, holdout, Schema.infer(train, target="a"))
    >>> found = copy_excess(split, pd.DataFrame({"a": [1, 2, 3, 9]}), columns=["a"], random_state=0)
    >>> found.of_training, found.of_holdout
    (0.75, 0.25)
    """
    n = split.n
    if len(split.holdout) != n:
        raise ValueError(
            f"{n} training and {len(split.holdout)} holdout rows: take as many of each, or the "
            "longer part is matched more often by chance"
        )
    rng = np.random.default_rng(random_state)
    tables = (split.train, split.holdout, synthetic)
    rows = pd.concat([t[list(columns)] for t in tables], ignore_index=True)
    kind = rows.groupby(list(columns), sort=False, dropna=False).ngroup().to_numpy()
    n_synthetic = np.bincount(kind[2 * n :], minlength=kind.max() + 1)
    # Only real rows that some synthetic row equals play a part; sorted, equal ones lie together.
    real = np.flatnonzero(n_synthetic[kind[: 2 * n]])
    if not len(real):
        return CopyExcess(0.0, 0.0, np.zeros(n_permutations))
    real = real[np.argsort(kind[real], kind="stable")]
    starts = np.flatnonzero(np.diff(kind[real], prepend=-1))
    sizes = np.diff(starts, append=len(real))
    weight = n_synthetic[kind[real[starts]]] / len(synthetic)

    def shares(is_training: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
        count = np.add.reduceat(is_training, starts, axis=-1)  # training rows of each kind
        return (count > 0) @ weight, (count < sizes) @ weight

    label = np.arange(2 * n) < n
    of_training, of_holdout = shares(label[real])
    permuted = np.empty(n_permutations)
    step = max(1, _CHUNK // (2 * n))
    for first in range(0, n_permutations, step):
        some = slice(first, min(first + step, n_permutations))
        labels = rng.permuted(np.tile(label, (some.stop - first, 1)), axis=1)
        training, held_out = shares(labels[:, real])
        permuted[some] = training - held_out
    return CopyExcess(float(of_training), float(of_holdout), permuted)


def excess_p_value(found: Sequence[CopyExcess]) -> float:
    """Permutation p-value of the mean excess over several splits, one-sided.

    Labels are exchanged within each split, independently; the observed labelling counts as one of
    the permutations (Phipson & Smyth, 2010), so that the p-value is never 0.
    """
    observed = float(np.sum([f.excess for f in found]))
    permuted = np.sum([f.permuted for f in found], axis=0)
    # Shares are sums of fractions: equal ones may differ in their last digits.
    return float((1 + np.count_nonzero(permuted >= observed - 1e-12)) / (1 + len(permuted)))


# Every training row ---------------------------------------------------------------------------


class Counted(NamedTuple):
    """Rows that something is true of, among training and among fresh rows."""

    training: int
    fresh: int
    n_training: int
    n_fresh: int

    def excess(self, confidence: float = 0.95) -> Estimate:
        """Share of the training rows minus share of the fresh rows; 0 by chance.

        With the interval of Newcombe (1998) from the Wilson intervals of both shares. Where one of
        the two has no row nothing is known: 0, with bounds -1 and 1.

        Examples
        --------
        >>> tuple(round(v, 3) for v in Counted(30, 0, 700, 300).excess())
        (0.043, 0.025, 0.061)
        """
        if not self.n_training or not self.n_fresh:
            return Estimate(0.0, -1.0, 1.0)
        a, b = (
            proportion(k, n, method="wilson", confidence=confidence)
            for k, n in ((self.training, self.n_training), (self.fresh, self.n_fresh))
        )
        value = a.value - b.value
        low = value - math.hypot(a.value - a.low, b.high - b.value)
        high = value + math.hypot(a.high - a.value, b.value - b.low)
        return Estimate(value, low, high)


class Closeness(NamedTuple):
    """How near synthetic rows lie to training and to fresh rows: sums over rows, of 0 to 1 each.

    1 is a copy; 0 is as far as chance puts one, or farther.
    """

    training: float
    fresh: float
    n_training: float
    n_fresh: float
    squares_training: float
    squares_fresh: float

    def excess(self, confidence: float = 0.95) -> Estimate:
        """Mean over training rows minus mean over fresh rows; 0 by chance.

        With a normal interval. The variance of few fresh rows is not believed to be less than a
        quarter of that of all rows, nor any than if one row were a copy and no other near. Where
        one of the two has no row nothing is known: 0, with bounds -1 and 1.

        Examples
        --------
        >>> tuple(round(v, 3) for v in Closeness(30.0, 0.0, 700, 300, 30.0, 0.0).excess())
        (0.043, 0.025, 0.061)
        """
        if not self.n_training or not self.n_fresh:
            return Estimate(0.0, -1.0, 1.0)
        n = self.n_training, self.n_fresh
        means = self.training / n[0], self.fresh / n[1]
        spread = [
            s / k - m**2
            for s, k, m in zip((self.squares_training, self.squares_fresh), n, means, strict=True)
        ]
        mean = (self.training + self.fresh) / sum(n)
        whole = (self.squares_training + self.squares_fresh) / sum(n) - mean**2
        variance = max(spread[0], 1 / n[0]) / n[0] + max(spread[1], whole / 4, 1 / n[1]) / n[1]
        half = float(norm.ppf((1 + confidence) / 2)) * math.sqrt(variance)
        value = means[0] - means[1]
        return Estimate(value, max(-1.0, value - half), min(1.0, value + half))


class Surprise(NamedTuple):
    """Training rows that synthetic rows lie nearer to than chance explains."""

    training: int
    fresh: int
    n_training: int
    n_fresh: int
    expected: float
    """Training rows that chance brings as near."""
    p_value: float
    """Of so many rows by chance, after Bonferroni for the groups of rows that were asked."""


class Returned(NamedTuple):
    """Result of `returned`."""

    unique: Counted
    """Unique rows that some synthetic row equals."""
    certain: Counted
    """Of these, rows that stand so much alone that no coincidence makes them again."""
    near: Closeness
    """How much nearer than other real rows a synthetic row lies to each unique row."""
    near_alone: Closeness
    """The same for the half of the rows that stands most alone, where chance does it seldom."""
    near_wide: Closeness
    """As `near`, up to `WIDE` in place of `NEAR`."""
    nearest: Surprise
    """The nearest returns, however few, against what distances among real rows lead to expect."""
    but_one: Surprise
    """Rows that return whole but for one column, though no two other columns are needed to tell
    them from all other real rows."""


def returned(
    split: PrivacySplit,
    synthetic: pd.DataFrame,
    whole: tuple[PrivacySplit, pd.DataFrame] | None = None,
) -> Returned:
    """Look every training row up in the synthetic table, and every fresh row by the same measure.

    Fresh rows are those of the holdout and of the reference. A row is unique if no other real row
    equals it. Rows are equal if they agree in all columns, exactly. *Near* falls from 1 for an
    equal row to 0 at a share `NEAR` of the distance to the fifth nearest other real row, training
    or fresh. Where `split` and `synthetic` are some of the rows, `whole` are all of them: what is
    equal is looked up among these.

    Notes
    -----
    How often a row returns by chance is estimated from the real rows: how many others agree with it
    in all columns but one, times the chance that rows alike in the other columns agree in that one,
    of which the largest product over the columns counts. Nor is it less than if one other row
    agreed in all columns but the two in which that is least likely, one by one or together: where a
    column follows from others, no row differs in one column alone. From the row that stands most
    alone on, rows are *certain* while the returns expected of all of them together are fewer than
    `COINCIDENCES`, and as long as none of them is in the table twice.

    How near a synthetic row comes by chance is estimated from how near real rows come to each
    other, as shares of the distance to the fifth nearest. In small enough surroundings the number
    of rows grows as a power of the distance (the Hill estimator gives its exponent), which tells
    how many training rows should have a synthetic row within any distance, however small. Of all
    rows, of the half and of the fifth that stand most alone the nearest returns are counted, and a
    Poisson law gives the chance of so many; where fresh rows come as near, or real rows do among
    themselves, more are expected. No power holds down to any distance, so that half a row is
    expected at least, and one row alone surprises nobody. Distances are not believed to be smaller
    than the decimals of the columns permit, so that coarse values do not either.

    Examples
    --------
    >>> from synthtab.table.example import example_table
    >>> from synthtab.table.split import privacy_split
    >>> split = privacy_split(example_table(), 0, n_rows=200)
    >>> leaky = pd.concat([split.reference, split.train[:3]])
    >>> returned(split, leaky).unique.training
    3
    """
    real = _real_rows(split)
    n, n_synthetic = split.n, len(synthetic)
    is_unique = ~real.duplicated(keep=False).to_numpy()
    metric = MixedDistance(split.schema, scale_by=split.reference)
    different = real.drop_duplicates()
    around = metric.nearest(real, different, k=min(_K + 1, len(different))).distance
    to_real, reach = around[:, min(1, len(different) - 1)], np.maximum(around[:, -1], _TINY)
    drawn = metric.nearest(real, synthetic)
    apart = drawn.distance[:, 0]
    # Of several rows that one synthetic row is nearest to, the first is its source, if any is.
    order = np.lexsort((apart / reach, drawn.position[:, 0]))
    is_source = np.zeros(len(real), dtype=bool)
    is_source[order] = np.diff(drawn.position[order, 0], prepend=-1) != 0

    def close(of: npt.NDArray[np.bool_], within: float = NEAR) -> Closeness:
        nearness = (1 - apart / (within * reach)).clip(0.0, 1.0)
        parts = nearness[:n][of[:n]], nearness[n:][of[n:]]
        sums = [float(f(p)) for f in (np.sum, len, lambda v: np.square(v).sum()) for p in parts]
        return Closeness(*sums)

    unique, certain, but_one = _equal(*(whole or (split, synthetic)))
    return Returned(
        unique=unique,
        certain=certain,
        near=close(is_unique),
        near_alone=close(is_unique & (to_real >= np.median(to_real))),
        near_wide=close(is_unique, WIDE),
        nearest=_nearest(metric, real, n, is_unique, is_source, to_real, reach, apart, n_synthetic),
        but_one=but_one,
    )


def _real_rows(split: PrivacySplit) -> pd.DataFrame:
    parts = [split.train, split.holdout, split.reference]
    return pd.concat(parts, ignore_index=True)[list(split.schema.columns)]


def _terms(real: pd.DataFrame, synthetic: pd.DataFrame) -> npt.NDArray[np.uint64]:
    """A random number for each value of each column, of the real rows and then the synthetic ones.

    Their sum stands for a row; without one of its terms it stands for the row without that column.
    """
    rows = pd.concat([real, synthetic], ignore_index=True)
    rng = np.random.default_rng(0)
    codes = (pd.factorize(rows[c])[0] for c in rows)
    return np.column_stack(
        [rng.integers(2**64, size=c.max() + 1, dtype=np.uint64)[c] for c in codes]
    )


def _equal(split: PrivacySplit, synthetic: pd.DataFrame) -> tuple[Counted, Counted, Surprise]:
    """Unique and certain rows that come back whole, and rows that do but for one column."""
    real = _real_rows(split)
    n, n_real, columns = split.n, len(real), list(split.schema.columns)
    terms = _terms(real, synthetic[columns])
    key = terms.sum(axis=1, dtype=np.uint64)
    comes_back = np.isin(key[:n_real], key[n_real:])
    seen, terms, key = terms[n_real:], terms[:n_real], key[:n_real]
    twins = _others(key)
    is_unique = twins == 0
    rng = np.random.default_rng(0)
    among = np.sort(rng.permutation(n_real)[:_N_AMONG])
    asked = rng.permutation(n_real)[: min(_N_ASKED, max(_FEWEST_ASKED, _CELLS // len(columns)))]

    def agreeing(left_out: Sequence[int]) -> int:
        """How many of the rows alike in the other columns agree in these, too."""
        others = [c for j, c in enumerate(columns) if j not in left_out]
        metric = MixedDistance(split.schema, scale_by=real, columns=others)
        k = min(_K + 1, len(among))
        near = among[metric.nearest(real.iloc[asked], real.iloc[among], k=k).position]
        agrees = (terms[near][..., left_out] == terms[asked][:, None, left_out]).all(axis=2)
        # Twins may be one record, entered twice.
        return int((agrees & (key[near] != key[asked][:, None])).sum())

    expected, chances = np.full(n_real, np.inf if len(columns) == 1 else 0.0), []
    for j in range(len(columns) if len(columns) > 1 else 0):
        chances.append((agreeing([j]) + 0.5) / (_K * len(asked)))
        alike = _others(key - terms[:, j]) - twins
        expected = np.maximum(expected, alike * chances[-1])
    if len(columns) > 1:
        rarest = np.argsort(chances)[:2]
        together = agreeing(rarest.tolist()) / (_K * len(asked)) if len(columns) > 2 else 0.0
        expected = np.maximum(expected, max(together, np.prod(np.take(chances, rarest))))
    expected *= len(synthetic) / n_real
    metric = MixedDistance(split.schema, scale_by=split.reference)
    different = real.iloc[among].drop_duplicates()
    to_real = metric.nearest(real, different, k=min(2, len(different))).distance
    to_real = np.where(to_real[:, 0] > 0, to_real[:, 0], to_real[:, -1])
    order = np.argsort(-to_real, kind="stable")
    surprise = np.where(is_unique, expected, np.inf)[order]
    is_certain = np.zeros(n_real, dtype=bool)
    is_certain[order] = np.cumsum(surprise) <= COINCIDENCES

    def counted(of: npt.NDArray[np.bool_]) -> Counted:
        found = comes_back & of
        return Counted(*(int(v.sum()) for v in (found[:n], found[n:], of[:n], of[n:])))

    but_one = _but_one(key, terms, n, is_unique & ~comes_back, seen)
    return counted(is_unique), counted(is_certain), but_one


def _nearest(
    metric: MixedDistance,
    real: pd.DataFrame,
    n: int,
    is_unique: npt.NDArray[np.bool_],
    is_source: npt.NDArray[np.bool_],
    to_real: Floats,
    reach: Floats,
    apart: Floats,
    n_synthetic: int,
) -> Surprise:
    n_real = len(real)
    least, n_fine = np.zeros(n_real), np.zeros(n_real, dtype=np.int64)
    for column, scale in metric.scale.items():
        step = _step(real[column].to_numpy(dtype=np.float64)) / scale
        # Where a step is longer than the reach, all rows around share the value.
        least += np.where(step < reach, (step / 2) ** 2, 0.0)
        n_fine += step < reach
    # Twins are as near as can be, and `to_real` is to rows that differ.
    to_real = np.where(is_unique, to_real, 0.0)
    real_ratio = np.sqrt(to_real**2 + least) / reach
    ratio = np.where(is_source, np.sqrt(apart**2 + least) / reach, np.inf)
    is_training = np.arange(n_real) < n
    rank = np.argsort(np.argsort(-reach, kind="stable"), kind="stable")
    found = [Surprise(0, 0, 0, 0, 0.0, 1.0)]
    for share in _ISOLATED:
        group = (n_fine > 1) & (rank < share * n_real)
        asked = group & is_unique
        own, fresh = np.sort(ratio[asked & is_training]), np.sort(ratio[asked & ~is_training])
        among = np.sort(real_ratio[group])
        sizes = {max(_FEWEST, round(tail * len(among))) for tail in _TAILS}
        tails = [m for m in sizes if 4 * m < len(among) and among[m] > among[0]]
        if not tails or not len(own) or not len(fresh):
            continue
        chance = np.searchsorted(among, own, side="right") / len(among)
        for m in tails:
            exponent = m / np.log(among[m] / np.maximum(among[:m], _TINY)).sum()
            exponent *= 1 - 2 * m**-0.5  # two standard errors less
            chance = np.maximum(chance, m / len(among) * (own / among[m]) ** exponent)
        # Of five rows within reach one is nearest, and any of the synthetic rows will do.
        expected = len(own) * chance * _K / (_K - 1) * n_synthetic / n_real
        n_near = np.searchsorted(fresh, own, side="right")
        expected = np.maximum(expected, n_near * len(own) / len(fresh)).clip(_LEAST_EXPECTED)
        count = np.searchsorted(own, own, side="right")
        p = np.where(expected <= _MOST_EXPECTED, poisson.sf(count - 1, expected), 1.0)
        at = int(np.argmin(p))
        p_value = min(1.0, len(_ISOLATED) * float(p[at]))
        found.append(
            Surprise(
                int(count[at]), int(n_near[at]), len(own), len(fresh), float(expected[at]), p_value
            )
        )
    return min(found, key=lambda each: each.p_value)


def _step(values: Floats) -> float:
    """Smallest difference that the decimals of a column can show; 0 for nine or more."""
    for decimals in range(_DECIMALS):
        if np.allclose(np.round(values, decimals), values, rtol=1e-12, atol=1e-12):
            return 10.0**-decimals
    return 0.0


def _but_one(
    key: npt.NDArray[np.uint64],
    terms: npt.NDArray[np.uint64],
    n: int,
    asked: npt.NDArray[np.bool_],
    synthetic: npt.NDArray[np.uint64],
) -> Surprise:
    """`key` and `terms` of real rows, `synthetic` those of synthetic ones, a line each."""
    n_columns = terms.shape[1]
    whole = synthetic.sum(axis=1, dtype=np.uint64)
    found = np.zeros(len(key), dtype=bool)
    for j in range(n_columns if n_columns > 2 else 0):
        rest = key - terms[:, j]
        hit = np.flatnonzero(asked & ~found & np.isin(rest, whole - synthetic[:, j]))
        # A row told by one value, which a draw from each column alone would copy, is no evidence.
        for m in range(n_columns):
            if m != j and len(hit):
                hit = hit[_others(rest - terms[:, m])[hit] == 0]
        found[hit] = True
    training, fresh = int(found[:n].sum()), int(found[n:].sum())
    n_training, n_fresh = int(asked[:n].sum()), int(asked[n:].sum())
    expected = (fresh + 1) * n_training / max(n_fresh, 1)
    p_value = float(poisson.sf(training - 1, expected))
    return Surprise(training, fresh, n_training, n_fresh, expected, p_value)


def _others(keys: npt.NDArray[np.uint64]) -> Ints:
    """How many other rows have the key of each."""
    _, kind, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return np.asarray(counts[kind] - 1, dtype=np.int64)
