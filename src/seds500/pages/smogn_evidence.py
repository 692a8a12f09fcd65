"""Where SMOGN's rows lie, and what choosing rows by their target does to E[y | x]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import clone
from sklearn.neighbors import NearestNeighbors

from synthtab.evaluation.compare import REAL
from synthtab.generators.contract import Generator
from synthtab.smogn.interpolation import synthesise, to_arrays
from synthtab.smogn.resample import SMOGN
from synthtab.table.schema import Schema
from synthtab.table.split import Dataset

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


# Distances ----------------------------------------------------------------------------------


def nearest_distance(
    queries: pd.DataFrame, reference: pd.DataFrame | None, schema: Schema, *, scale_by: pd.DataFrame
) -> Floats:
    """HEOM distance on the features from each row to the nearest row of another table.

    Parameters
    ----------
    queries : DataFrame of shape (n_queries, n_columns)
        Rows to measure from.
    reference : DataFrame of shape (n_reference, n_columns), or None
        Rows to measure to; None: the other rows of `queries`.
    schema : Schema
        Description of both.
    scale_by : DataFrame
        Table whose ranges scale the numeric features, as a bump's ranges do in SMOGN.

    Returns
    -------
    ndarray of shape (n_queries,)

    Examples
    --------
    >>> frame = pd.DataFrame({"size": [0.0, 10.0], "plant": ["a", "b"], "y": [1.0, 2.0]})
    >>> schema = Schema.infer(frame, target="y")
    >>> query = pd.DataFrame({"size": [6.0], "plant": ["a"], "y": [0.0]})
    >>> nearest_distance(query, frame, schema, scale_by=frame).tolist()
    [0.6]
    """
    targets = _coordinates(queries if reference is None else reference, schema, scale_by)
    search = NearestNeighbors(n_neighbors=1).fit(targets)
    # Asked for no points, scikit-learn takes the fitted ones and leaves each one itself out.
    points = None if reference is None else _coordinates(queries, schema, scale_by)
    return np.asarray(search.kneighbors(points)[0][:, 0])


def _coordinates(table: pd.DataFrame, schema: Schema, scale_by: pd.DataFrame) -> Floats:
    """Points whose Euclidean distances are HEOM distances."""
    parts = []
    for column in schema.features:
        if column in schema.categorical:
            # Two different one-hot vectors lie sqrt(2) apart; the overlap distance is 1.
            known = np.array(schema.categorical[column], dtype=object)
            parts.append((table[column].to_numpy()[:, None] == known) / np.sqrt(2))
        else:
            spread = np.ptp(scale_by[column].to_numpy(dtype=float)) or 1.0
            parts.append(table[[column]].to_numpy(dtype=float) / spread)
    return np.hstack(parts)


def distances(
    dataset: Dataset, generators: Mapping[str, Generator], *, seeds: Sequence[int]
) -> pd.DataFrame:
    """How far the rows of each generator lie from real rows, and real rows from each other.

    Parameters
    ----------
    dataset : Dataset
        The real table.
    generators : mapping of str to Generator
        Unfitted generators; clones are fitted on the training rows.
    seeds : sequence of int
        One split and one draw each.

    Returns
    -------
    DataFrame
        seed, method, to, distance: mean distance (see `nearest_distance`, scaled by the training
        rows) to the nearest row of ``training`` or of ``unseen`` (the test rows). The method
        ``real`` is the training rows themselves; their distance to ``training`` is that to the
        nearest *other* row.

    Notes
    -----
    Rows made from training rows lie near these by construction. Whether they fall where there are
    no real rows shows in the distance to unseen rows, beside that from real rows to the same.
    """
    rows = []
    for seed in seeds:
        train, test = dataset.split(seed)
        tables = {REAL: train}
        for method, generator in generators.items():
            fitted = clone(generator).fit(train, dataset.schema)
            tables[method] = fitted.sample(len(train), random_state=seed)
        for method, table in tables.items():
            for to, reference in (("training", train), ("unseen", test)):
                found = nearest_distance(
                    table,
                    None if method == REAL and to == "training" else reference,
                    dataset.schema,
                    scale_by=train,
                )
                rows.append({"seed": seed, "method": method, "to": to, "distance": found.mean()})
    return pd.DataFrame(rows)


def share_interpolated(
    frame: pd.DataFrame,
    schema: Schema,
    *,
    k: int = 5,
    random_state: int | np.random.Generator | None = None,
) -> float:
    """Share of new rows that SMOGN's rule interpolates, with a whole table as its bump.

    The others have a neighbour farther than half the median distance, and are made by noise.

    Examples
    --------
    >>> from seds500.data import load
    >>> data = load("012")
    >>> share_interpolated(data.frame, data.schema, random_state=0)
    1.0
    """
    rng = np.random.default_rng(random_state)
    numeric, codes = to_arrays(frame[list(schema.features)], list(schema.categorical))
    target = frame[schema.target].to_numpy(dtype=float)
    made = synthesise(numeric, codes, target, np.arange(len(frame)), k=k, rng=rng)
    return float(made.interpolated.mean())


# What selection does to E[y | x] ------------------------------------------------------------


def selection_factors(
    frame: pd.DataFrame, schema: Schema, samp_method: Literal["balance", "extreme"] = "extreme"
) -> Floats:
    """Rows out of SMOGN for each row in, on average: what its selection weighs a row with.

    Returns
    -------
    ndarray of shape (n_rows,)

    Examples
    --------
    >>> from seds500.data import load
    >>> data = load("012")
    >>> factors = selection_factors(data.frame, data.schema)
    >>> np.unique(factors.round(1)).tolist()
    [0.2, 5.7]
    """
    smogn = SMOGN(samp_method=samp_method)
    # The features play no part in it; their categories are named so that none is refused.
    features = frame[list(schema.features)]
    smogn.set_params(categorical_features=[c for c in features if c in schema.categorical])
    smogn.fit(features, frame[schema.target])
    percentage = smogn.percentages_[smogn.bump_of_row_]
    rare = smogn.relevance_ >= smogn.rel_thres
    return np.where(rare, np.maximum(percentage, 1.0), np.minimum(percentage, 1.0))


def bend(
    tables: Mapping[str, pd.DataFrame], schema: Schema, column: str, *, n_bands: int = 10
) -> pd.DataFrame:
    """Mean target in bands of one feature, for several tables and as selection predicts it.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Tables of the schema by method; ``real`` among them.
    schema : Schema
        Their description.
    column : str
        A numeric feature.
    n_bands : int, default=10
        Bands with about equally many real rows; fewer where values repeat.

    Returns
    -------
    DataFrame with a row for each band
        ``at`` (mean of the feature over the band's real rows), ``share`` (of the real rows), and
        the mean target of each table. ``expected`` is computed from the real rows alone, by
        weighting them with `selection_factors`.

    Notes
    -----
    Rows drawn with a probability proportional to w(y) have the conditional mean
    E[w(y) y | x] / E[w(y) | x], which differs from E[y | x] wherever w varies over the values
    that y takes at x. The number of features plays no part.
    """
    real = tables[REAL]
    edges = np.unique(np.quantile(real[column], np.linspace(0, 1, n_bands + 1)))

    def bands(table: pd.DataFrame) -> Ints:
        found = np.searchsorted(edges, table[column], side="right")
        return found.clip(1, len(edges) - 1) - 1

    factors = selection_factors(real, schema)
    by_band = real.groupby(bands(real))
    weighted = (real[schema.target] * factors).groupby(bands(real)).sum()
    found = pd.DataFrame(
        {
            "at": by_band[column].mean(),
            "share": by_band.size() / len(real),
            "expected": weighted / pd.Series(factors).groupby(bands(real)).sum(),
        }
    )
    for method, table in tables.items():
        found[method] = table.groupby(bands(table))[schema.target].mean()
    return found.reset_index(drop=True)


def bending(found: pd.DataFrame, *, reference: str = REAL) -> dict[str, float]:
    """Mean absolute difference of each conditional mean from that of one method.

    Parameters
    ----------
    found : DataFrame
        As `bend` returns it; bands count by their share of the real rows.
    reference : str, default="real"
        The method that the others are compared with.

    Returns
    -------
    dict of str to float
        In the unit of the target. Bands in which a method has no row are left out.

    Examples
    --------
    >>> found = pd.DataFrame({"at": [1, 2], "share": [0.75, 0.25], "real": [5.0, 5.0]})
    >>> bending(found.assign(expected=[5.0, 9.0]))
    {'expected': 1.0}
    """
    gaps = {}
    for method in found.columns.difference(["at", "share", reference], sort=False):
        gap = (found[method] - found[reference]).abs()
        gaps[str(method)] = float(np.average(gap[gap.notna()], weights=found.share[gap.notna()]))
    return gaps
