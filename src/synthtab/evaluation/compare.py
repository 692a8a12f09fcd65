"""The comparison: every method on the same rows, splits, learners and test set, several times."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from sklearn.base import clone

from synthtab.evaluation.fidelity import fidelity, share_of_copies
from synthtab.evaluation.intervals import interval
from synthtab.evaluation.utility import tstr
from synthtab.generators.contract import Generator
from synthtab.parallel import carry_out
from synthtab.table.split import Dataset

Setting = Literal["replacement", "augmentation"]
SETTINGS: tuple[Setting, ...] = get_args(Setting)

REAL = "real"
"""The method that is none: learners trained on the real rows."""


@dataclass(frozen=True)
class Comparison:
    """Results of `compare`.

    Attributes
    ----------
    scores : DataFrame
        Utility: seed, setting, method, learner, metric, value. The method ``real`` is the
        baseline: the real training rows of the same split.
    fidelity : DataFrame
        Fidelity of the replacement tables: seed, method, metric, column, value. Beside ``copies``,
        the share of rows equal to a training row, stand ``copies_of_test``, the share equal to a
        test row, and ``copies_of_as_many``, the share equal to one of as many training rows. The
        last two agree when rows match by chance only.
    timings : DataFrame
        CPU seconds on one thread: seed, method, fit, sample.
    tables : dict of str to DataFrame
        The replacement tables of the first seed, and under ``real`` its training rows.
    n_train, n_test : int
        Rows of each split.
    """

    scores: pd.DataFrame
    fidelity: pd.DataFrame
    timings: pd.DataFrame
    tables: dict[str, pd.DataFrame]
    n_train: int
    n_test: int


def compare(
    dataset: Dataset,
    generators: Mapping[str, Generator],
    *,
    seeds: Sequence[int],
    settings: Iterable[Setting] = SETTINGS,
    n_synthetic: int | None = None,
    n_added: int = 500,
    learners: Mapping[str, Any] | None = None,
    measure_fidelity: bool = True,
    n_jobs: int = 1,
    cache: str | Path | None = None,
    scheduler: str | None = None,
) -> Comparison:
    """Train every generator on the same rows and score what it makes, once per seed.

    A seed decides the split into training and test rows, the generators' training and draws, and
    the learners. Every method gets the same training rows, gives back the same number of rows,
    and is scored by the same learners, in the same encoding, on the same test rows.

    Parameters
    ----------
    dataset : Dataset
        The real table.
    generators : mapping of str to Generator
        Unfitted generators; clones are fitted.
    seeds : sequence of int
        One repetition each.
    settings : iterable of {"replacement", "augmentation"}, default=both
        *Replacement*: the learners see synthetic rows only. *Augmentation*: they see the real
        training rows and `n_added` synthetic ones.
    n_synthetic : int or None, default=None
        Rows drawn for replacement; None draws as many as there are training rows.
    n_added : int, default=500
        Rows added in augmentation; 500 in the original study.
    learners : mapping of str to estimator, default=None
        See `synthtab.evaluation.utility.tstr`.
    measure_fidelity : bool, default=True
        Whether the tables' distributions are compared as well, which takes as long as the scores.
    n_jobs, cache, scheduler
        See `synthtab.parallel.carry_out`; a call is one method on one seed, kept with its timings.

    Raises
    ------
    ValueError
        If there is no seed, a setting is unknown, or a method is named like the baseline; see
        `synthtab.parallel.carry_out` for cache and scheduler.
    """
    settings = tuple(settings)
    unknown = [s for s in settings if s not in SETTINGS]
    if unknown or not settings:
        raise ValueError(f"settings {unknown or 'missing'}: known are {list(SETTINGS)}")
    if not seeds:
        raise ValueError("no seeds: name at least one")
    if REAL in generators:
        raise ValueError(f"{REAL!r} is the baseline's name; call the generator otherwise")
    pairs = [(seed, method) for seed in seeds for method in (REAL, *generators)]
    tasks = [
        (
            dataset,
            seed,
            method,
            None if method == REAL else clone(generators[method]),
            settings,
            n_synthetic,
            n_added,
            learners,
            measure_fidelity,
        )
        for seed, method in pairs
    ]
    runs: list[_Run] = carry_out(
        _run,
        tasks,
        n_jobs=n_jobs,
        cache=cache,
        scheduler=scheduler,
        code_of=[*generators.values(), *(learners or {}).values()],
    )
    train, test = dataset.split(seeds[0])
    tables = {
        method: run.table
        for (seed, method), run in zip(pairs, runs, strict=True)
        if seed == seeds[0]
    }
    return Comparison(
        scores=pd.concat([r.scores for r in runs], ignore_index=True),
        fidelity=pd.concat([r.fidelity for r in runs], ignore_index=True),
        timings=pd.concat([r.timing for r in runs], ignore_index=True),
        tables=tables,
        n_train=len(train),
        n_test=len(test),
    )


@dataclass(frozen=True)
class _Run:
    scores: pd.DataFrame
    table: pd.DataFrame
    fidelity: pd.DataFrame
    timing: pd.DataFrame


def _run(
    dataset: Dataset,
    seed: int,
    method: str,
    generator: Generator | None,
    settings: tuple[Setting, ...],
    n_synthetic: int | None,
    n_added: int,
    learners: Mapping[str, Any] | None,
    measure_fidelity: bool,
) -> _Run:
    """One method on one split."""
    train, test = dataset.split(seed)
    schema = dataset.schema

    def score(table: pd.DataFrame, setting: str) -> pd.DataFrame:
        scores = tstr(table, test, schema, reference=train, learners=learners, random_state=seed)
        return scores.assign(seed=seed, setting=setting, method=method)

    if generator is None:
        baseline = score(train, settings[0])
        none = pd.DataFrame()  # nothing is fitted, and real rows are not compared with themselves
        return _Run(pd.concat([baseline.assign(setting=s) for s in settings]), train, none, none)
    # NOTE: distinct streams for training and drawing, both from the one seed of the run.
    fit_seed, replacement_seed, added_seed = np.random.SeedSequence(seed).generate_state(3)
    if "random_state" in generator.get_params():  # type: ignore[attr-defined]
        generator.set_params(random_state=int(fit_seed))  # type: ignore[attr-defined]
    start = time.thread_time()
    generator.fit(train, schema)
    fitted = time.thread_time()
    table = generator.sample(n_synthetic or len(train), random_state=int(replacement_seed))
    drawn = time.thread_time()
    scores = []
    if "replacement" in settings:
        scores.append(score(table, "replacement"))
    if "augmentation" in settings:
        added = generator.sample(n_added, random_state=int(added_seed))
        scores.append(score(pd.concat([train, added], ignore_index=True), "augmentation"))
    measured = pd.DataFrame()
    if measure_fidelity:
        measured = fidelity(train, table, schema, random_state=seed)
        as_many = train.iloc[: len(test)]  # the split is random, and so is its order
        for metric, rows in (("copies_of_test", test), ("copies_of_as_many", as_many)):
            measured.loc[len(measured)] = [metric, None, share_of_copies(table, rows)]
    timing = pd.DataFrame(
        [{"seed": seed, "method": method, "fit": fitted - start, "sample": drawn - fitted}]
    )
    return _Run(pd.concat(scores), table, measured.assign(seed=seed, method=method), timing)


def summarise(
    comparison: Comparison, *, metric: str = "r2", confidence: float = 0.95
) -> pd.DataFrame:
    """Mean and interval of each method's score, and of its share of the real baseline.

    Returns
    -------
    DataFrame
        One row per setting, method and learner, in the order of the comparison. ``mean``, ``low``,
        ``high`` are of the score; ``percent``, ``percent_low``, ``percent_high`` are of
        100 * score / baseline, paired by seed; ``n`` is the number of seeds. With one seed the
        bounds are missing.

    Notes
    -----
    The splits of one table overlap, so their scores are correlated and the plain t interval is too
    narrow. Bounds are mean +- t * s * sqrt(1 / n + n_test / n_train) (Nadeau & Bengio, 2003,
    "Inference for the generalization error", eq. 9).
    """
    scores = comparison.scores.query("metric == @metric")
    inflation = comparison.n_test / comparison.n_train
    keys = ["setting", "method", "learner"]
    baseline = scores[scores.method == REAL].set_index(["seed", "setting", "learner"]).value
    paired = scores.join(baseline.rename("baseline"), on=["seed", "setting", "learner"])
    paired = paired.assign(percent=100 * (paired.value / paired.baseline))
    rows = []
    for key, group in paired.groupby(keys, sort=False):
        mean, low, high = interval(group.value, inflation=inflation, confidence=confidence)
        share = interval(group.percent, inflation=inflation, confidence=confidence)
        rows.append((*key, len(group), mean, low, high, *share))
    columns = ["n", "mean", "low", "high", "percent", "percent_low", "percent_high"]
    return pd.DataFrame(rows, columns=[*keys, *columns])


def paired_difference(
    comparison: Comparison, method: str, *, metric: str = "r2", confidence: float = 0.95
) -> pd.DataFrame:
    """Score of `method` minus that of each other, paired by seed, with its interval.

    Returns
    -------
    DataFrame
        setting, method, learner, mean, low, high; bounds are those of `summarise`. Zero outside
        them tells the two apart.

    Raises
    ------
    ValueError
        If the method was not compared.
    """
    compared = comparison.scores.method.unique().tolist()
    if method not in compared:
        raise ValueError(f"no method {method!r} in the comparison; it has {compared}")
    scores = comparison.scores.query("metric == @metric")
    keys = ["seed", "setting", "learner"]
    first = scores[scores.method == method].set_index(keys).value
    paired = scores[scores.method != method].join(first.rename("first"), on=keys)
    paired = paired.assign(difference=paired["first"] - paired.value)
    inflation = comparison.n_test / comparison.n_train
    rows = [
        (*key, *interval(group.difference, inflation=inflation, confidence=confidence))
        for key, group in paired.groupby(["setting", "method", "learner"], sort=False)
    ]
    return pd.DataFrame(rows, columns=["setting", "method", "learner", "mean", "low", "high"])
