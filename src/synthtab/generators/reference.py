"""Reference generators: what a comparison means is seen against these.

All keep the contract of `synthtab.generators.contract.Generator`.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from synthtab.generators.contract import RandomState, Resampler
from synthtab.smogn.interpolation import column_of, even_seeds, features_of, synthesise, to_arrays
from synthtab.table.encoding import decimal_places
from synthtab.table.schema import Schema


class Bootstrap(Resampler):
    """Real rows drawn with replacement: perfect utility, no privacy whatever.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"size": [6, 8], "minutes": [700, 800]})
    >>> model = Bootstrap().fit(frame, Schema.infer(frame, target="minutes"))
    >>> model.sample(100, random_state=0).drop_duplicates().shape
    (2, 2)
    """

    def _draw(self, n_samples: int, rng: np.random.Generator) -> pd.DataFrame:
        rows = rng.integers(len(self.frame_), size=n_samples)
        return self.frame_.iloc[rows].reset_index(drop=True)


class IndependentMarginals(Resampler):
    """Each column drawn on its own from its real values: right margins, no dependence.

    The least a generator must beat.
    """

    def _draw(self, n_samples: int, rng: np.random.Generator) -> pd.DataFrame:
        columns = {
            c: self.frame_[c].iloc[rng.integers(len(self.frame_), size=n_samples)].to_numpy()
            for c in self.frame_.columns
        }
        return pd.DataFrame(columns).astype(self.frame_.dtypes)


class NoiseCopy(Resampler):
    """The real rows, each number moved by a little Gaussian noise, categories untouched.

    The trap of every utility score: it scores as well as a good generator while each of its rows
    points at a real one.

    Parameters
    ----------
    scale : float, default=0.1
        Standard deviation of the noise, in standard deviations of the column. Numbers stay within
        the column's range and are rounded to its decimals.
    """

    def __init__(self, *, scale: float = 0.1) -> None:
        self.scale = scale

    def _draw(self, n_samples: int, rng: np.random.Generator) -> pd.DataFrame:
        copy = self.frame_.iloc[_passes(len(self.frame_), n_samples, rng)].reset_index(drop=True)
        for column in self.schema_.numerical:
            real = self.frame_[column]
            noisy = copy[column] + self.scale * real.std(ddof=0) * rng.standard_normal(n_samples)
            copy[column] = _as_column(noisy.clip(real.min(), real.max()), real)
        return copy


class Interpolation(Resampler):
    """New rows between neighbouring real rows, drawn evenly: SMOGN without its choice of rows.

    Every synthetic row is made as SMOGN makes one, with the whole table as its bump: between a
    real row and one of its k nearest neighbours or, where these are far, by noise around the row.
    What SMOGN does beside this is to select rows by their target.

    Parameters
    ----------
    k : int, default=5
        Neighbours to choose from.
    pert : float, default=0.02
        Size of the noise, as in `synthtab.smogn.resample.SMOGN`.
    always : bool, default=False
        Interpolate however far the neighbour is, and never make a row by noise.
    """

    def __init__(self, *, k: int = 5, pert: float = 0.02, always: bool = False) -> None:
        self.k = k
        self.pert = pert
        self.always = always

    def _draw(self, n_samples: int, rng: np.random.Generator) -> pd.DataFrame:
        schema = self.schema_
        if schema.task != "regression":
            raise ValueError(f"interpolation needs a numerical target; {schema.target!r} is not")
        features, target = self.frame_[list(schema.features)], self.frame_[schema.target]
        numeric, codes = to_arrays(features, list(schema.categorical))
        made = synthesise(
            numeric,
            codes,
            target.to_numpy(dtype=float),
            even_seeds(len(features), n_samples, rng),
            k=self.k,
            pert=self.pert,
            always=self.always,
            rng=rng,
        )
        none = np.empty(0, dtype=np.int64)
        table = features_of(features, list(schema.categorical), none, made)
        table[schema.target] = column_of(target, none, made.seed, made.target)
        return table[list(schema.columns)]


class SecondSample(BaseEstimator):  # type: ignore[misc]
    """Real rows that nobody trained on, posing as synthetic: the ceiling of every score.

    Parameters
    ----------
    reserve : DataFrame of shape (n_reserve, n_columns)
        Rows of the same source, disjoint from training and test rows.
    """

    def __init__(self, reserve: pd.DataFrame) -> None:
        self.reserve = reserve

    def fit(self, frame: pd.DataFrame, schema: Schema) -> Self:
        """Check that the reserve is a table of the schema."""
        schema.validate(self.reserve)
        return self

    def sample(self, n_samples: int, *, random_state: RandomState = None) -> pd.DataFrame:
        """Rows of the reserve, drawn without replacement.

        Raises
        ------
        ValueError
            If no rows, or more than the reserve holds, are asked for.
        """
        if n_samples < 1:
            raise ValueError(f"n_samples={n_samples}: draw at least one row")
        if n_samples > len(self.reserve):
            raise ValueError(
                f"n_samples={n_samples}, but the reserve has {len(self.reserve)} rows: draw fewer, "
                "or leave the second sample out"
            )
        rng = np.random.default_rng(random_state)
        return self.reserve.sample(n_samples, random_state=rng).reset_index(drop=True)


def _passes(n_rows: int, n_samples: int, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Row numbers: every row once in random order, then all again, until there are enough."""
    orders = [rng.permutation(n_rows) for _ in range(-(-n_samples // n_rows))]
    return np.concatenate(orders)[:n_samples]


def _as_column(values: pd.Series[Any], real: pd.Series[Any]) -> pd.Series[Any]:
    """Values with the decimals and dtype of a real column."""
    decimals = decimal_places(real.to_numpy())
    return (values if decimals is None else values.round(decimals)).astype(real.dtype)
