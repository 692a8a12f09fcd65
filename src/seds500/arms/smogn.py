"""SMOGN taken apart: generators that hold one of its ingredients and not the others.

SMOGN does two things at once. It *selects* rows by their target, and it *makes* rows by
interpolation. Each generator here does a part of that under the contract of all generators, so
that `synthtab.evaluation.compare.compare` can tell which part costs a downstream model its score.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthtab.generators.contract import Resampler
from synthtab.smogn.resample import SMOGN, pool_runs
from synthtab.table.schema import Schema
from synthtab.table.split import Dataset

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Choice = Literal["balance", "extreme"]


# Generators ---------------------------------------------------------------------------------


class Selection(Resampler):
    """Real rows chosen as SMOGN chooses them: its selection without its interpolation.

    Every synthetic row of a SMOGN run is replaced by an exact copy of the row it started at. The
    rows of common targets that SMOGN drops are dropped here too.

    Parameters
    ----------
    samp_method : {"balance", "extreme"}, default="extreme"
        As in `synthtab.smogn.resample.SMOGN`.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=200)
    >>> frame = pd.DataFrame({"load": x, "minutes": np.exp(x)})
    >>> model = Selection().fit(frame, Schema.infer(frame, target="minutes"))
    >>> chosen = model.sample(200, random_state=0)
    >>> bool(chosen.minutes.isin(frame.minutes).all())
    True
    >>> float(frame.minutes.mean().round(1)), float(chosen.minutes.mean().round(1))
    (1.6, 3.7)
    """

    def __init__(self, *, samp_method: Choice = "extreme") -> None:
        self.samp_method = samp_method

    def _draw(self, n_samples: int, rng: np.random.Generator) -> pd.DataFrame:
        def run(rng: np.random.Generator) -> pd.DataFrame:
            return self.frame_.iloc[_run(self.frame_, self.schema_, rng, self.samp_method).source]

        return pool_runs(run, n_samples, rng)


class Weighted(Resampler):
    """SMOGN's output with its selection undone by inverse-sampling weights.

    The rows of each region of the target weigh as much together as they do in the real table.
    Learners take no weights under the contract, so the weights decide how often a row is drawn:
    `n_samples` draws with replacement from one run, with probabilities proportional to
    ``sample_weight_`` (importance resampling). This costs what any draw with replacement costs,
    and common rows that SMOGN dropped do not come back.

    Parameters
    ----------
    samp_method : {"balance", "extreme"}, default="extreme"
        As in `synthtab.smogn.resample.SMOGN`.
    k : int, default=5
        Its neighbours.
    """

    def __init__(self, *, samp_method: Choice = "extreme", k: int = 5) -> None:
        self.samp_method = samp_method
        self.k = k

    def _draw(self, n_samples: int, rng: np.random.Generator) -> pd.DataFrame:
        run = _run(self.frame_, self.schema_, rng, self.samp_method, k=self.k)
        rows = rng.choice(len(run.table), n_samples, p=run.weight / run.weight.sum())
        return run.table.iloc[rows].reset_index(drop=True)


class FewerRows(Resampler):
    """As many different real rows as SMOGN keeps, but drawn evenly: a loss of rows alone.

    Each is repeated as often as needed for `n_samples` rows.

    Parameters
    ----------
    samp_method : {"balance", "extreme"}, default="extreme"
        As in `synthtab.smogn.resample.SMOGN`.
    """

    def __init__(self, *, samp_method: Choice = "extreme") -> None:
        self.samp_method = samp_method

    def _draw(self, n_samples: int, rng: np.random.Generator) -> pd.DataFrame:
        run = _run(self.frame_, self.schema_, rng, self.samp_method)
        n_kept = len(np.unique(run.source))
        rows = rng.choice(len(self.frame_), n_kept, replace=False)
        return self.frame_.iloc[np.resize(rows, n_samples)].reset_index(drop=True)


class NumericOnly(Resampler):
    """SMOGN as the original study ran it on 013: on the numeric columns, in their own units.

    The categorical columns are put beside its output afterwards.

    Parameters
    ----------
    categories : {"random", "seed"}, default="random"
        "random": for each row of the output, real rows included, every categorical column is drawn
        on its own from the training rows, as the study did; nothing then ties it to the target.
        "seed": the categories of the real row, or of the row that a synthetic one started at.
    part : {"whole", "synthetic"}, default="whole"
        The whole output, or its synthetic rows.
    samp_method : {"balance", "extreme"}, default="extreme"
        As in `synthtab.smogn.resample.SMOGN`.
    k : int, default=5
        Its neighbours.
    """

    def __init__(
        self,
        *,
        categories: Literal["random", "seed"] = "random",
        part: Literal["whole", "synthetic"] = "whole",
        samp_method: Choice = "extreme",
        k: int = 5,
    ) -> None:
        self.categories = categories
        self.part = part
        self.samp_method = samp_method
        self.k = k

    def _draw(self, n_samples: int, rng: np.random.Generator) -> pd.DataFrame:
        frame, schema = self.frame_, self.schema_
        numeric = frame[[*schema.numerical]]

        def run(rng: np.random.Generator) -> pd.DataFrame:
            narrow = Schema(tuple(numeric.columns), {}, schema.target)
            made = _run(numeric, narrow, rng, self.samp_method, k=self.k, metric="euclidean")
            table = made.table
            for column in schema.categorical:
                rows = made.source
                if self.categories == "random":
                    rows = rng.integers(len(frame), size=len(table))
                table[column] = frame[column].array.take(rows)
            table = table[list(schema.columns)]
            return table if self.part == "whole" else table[made.synthetic]

        return pool_runs(run, n_samples, rng)


class _Run(NamedTuple):
    """One run of SMOGN."""

    table: pd.DataFrame
    source: Ints  # the real row, or the seed
    synthetic: npt.NDArray[np.bool_]
    weight: Floats


def _run(
    frame: pd.DataFrame,
    schema: Schema,
    rng: np.random.Generator,
    samp_method: Choice,
    *,
    k: int = 5,
    metric: Literal["auto", "euclidean"] = "auto",
) -> _Run:
    features = list(schema.features)
    smogn = SMOGN(
        samp_method=samp_method,
        k=k,
        metric=metric,
        categorical_features=[c for c in features if c in schema.categorical],
        random_state=rng,
    )
    X, y = smogn.fit_resample(frame[features], frame[schema.target])
    table = X.assign(**{schema.target: y})[list(schema.columns)]
    return _Run(table, smogn.source_index_, smogn.row_origin_ != "real", smogn.sample_weight_)


# The dimension ------------------------------------------------------------------------------


def widen(
    dataset: Dataset,
    n_columns: int,
    *,
    n_levels: int = 10,
    share: float = 0.0,
    random_state: int | np.random.Generator | None = None,
) -> Dataset:
    """A table with categorical columns added, so that its dimension grows and nothing else.

    Parameters
    ----------
    dataset : Dataset
        Any table with a numerical target.
    n_columns : int
        Columns to add. One-hot encoded, each takes `n_levels` columns.
    n_levels : int, default=10
        Categories of each.
    share : float, default=0
        Share of its rows in which an added column names the target's quantile class (of
        `n_levels` classes of equal size), independently for each column; in the others it is drawn
        evenly. With 0 the columns are irrelevant.
    random_state : int, Generator or None, default=None
        Source of the columns.

    Returns
    -------
    Dataset
        The columns are called ``added_0``, ``added_1`` and so on, and stand before the target.
        There is no reserve: its rows have no such columns.

    Examples
    --------
    >>> from seds500.data import load
    >>> wide = widen(load("012"), 2, random_state=0)
    >>> wide.schema.features
    ('diameter_mm', 'length_mm', 'process', 'added_0', 'added_1')
    """
    rng = np.random.default_rng(random_state)
    schema, n_rows = dataset.schema, len(dataset.frame)
    levels = np.array([f"q{i}" for i in range(n_levels)], dtype=object)
    by_target = dataset.frame[schema.target].rank(method="first").to_numpy() - 1
    classes = (by_target * n_levels // n_rows).astype(np.int64)
    added = {}
    for j in range(n_columns):
        tied = rng.random(n_rows) < share
        added[f"added_{j}"] = levels[np.where(tied, classes, rng.integers(n_levels, size=n_rows))]
    columns = (*schema.features, *added, schema.target)
    return replace(
        dataset,
        frame=dataset.frame.assign(**added)[list(columns)],
        schema=Schema(
            columns,
            {**schema.categorical, **dict.fromkeys(added, tuple(levels))},
            schema.target,
        ),
        reserve=None,
    )


def n_encoded(schema: Schema) -> int:
    """Features of the design matrix: numeric ones and one column for each category."""
    numeric = sum(c not in schema.categorical for c in schema.features)
    return numeric + sum(
        len(schema.categorical[c]) for c in schema.features if c in schema.categorical
    )
