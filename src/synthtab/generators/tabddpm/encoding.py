"""From a frame to arrays and back as TabDDPM does it: a quantile transform to normal, and codes."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.preprocessing import MinMaxScaler, QuantileTransformer
from sklearn.utils.validation import check_is_fitted

from synthtab.table.encoding import (
    FloatArray,
    IntArray,
    category_codes,
    decimal_places,
    is_exact,
    nearest_level,
    object_array,
)
from synthtab.table.schema import Schema

Scaling = Literal["quantile", "range"]

_MAX_LEVELS = 32


class QuantileEncoder(BaseEstimator):  # type: ignore[misc]
    """Encode a table as TabDDPM does: Gaussian quantile transform, and codes for categories.

    Parameters
    ----------
    scaling : {"quantile", "range"}, default="quantile"
        "range" takes numbers linearly to [0, 1] instead, as STaSy does.

    Attributes
    ----------
    schema_ : Schema
        Description of the table.
    dtypes_ : Series
        Dtype of each column, restored on decoding.
    categorical_ : tuple of str
        Columns of the codes: the categorical ones, in table order.
    transformer_ : QuantileTransformer, MinMaxScaler or None
        Of the numerical columns, if there are any.
    levels_ : dict of str to ndarray
        The values of each numerical column of at most 32 whole numbers; such a column is decoded
        to the nearest of them.
    decimals_ : dict of str to int
        Decimals of each other numerical column that has a fixed number of them.

    Notes
    -----
    The paper (section 4) names scikit-learn's transform.
    NOTE: the number of quantiles, a thirtieth of the rows within 10 and 1,000, and the rounding to
    `levels_` are the authors' program's. It leaves other numbers unrounded, and the target always;
    here every column keeps its decimals, since a synthetic table never leaves its schema.

    Examples
    --------
    >>> frame = pd.DataFrame({"size": [6, 8, 8, 10], "plant": ["a", "b", "b", "a"],
    ...                       "minutes": [700.5, 800.0, 810.25, 930.0]})
    >>> encoder = QuantileEncoder().fit(frame, Schema.infer(frame, target="minutes"))
    >>> scores, codes = encoder.transform(frame)
    >>> scores.shape, codes.shape
    ((4, 2), (4, 1))
    >>> encoder.inverse_transform(scores, codes).equals(frame)
    True
    """

    def __init__(self, *, scaling: Scaling = "quantile") -> None:
        self.scaling = scaling

    def fit(self, frame: pd.DataFrame, schema: Schema) -> Self:
        """Learn quantiles, levels and dtypes of a table of the schema.

        Raises
        ------
        ValueError
            If the frame is not a table of the schema, or has whole numbers too large for a float.
        """
        schema.validate(frame)
        if inexact := [c for c in schema.numerical if not is_exact(frame[c])]:
            raise ValueError(
                f"columns {inexact}: whole numbers beyond 2**53, which a float does not hold; make "
                "them categories, or leave the columns out"
            )
        self.schema_, self.dtypes_ = schema, frame.dtypes
        self.categorical_ = tuple(c for c in schema.columns if c in schema.categorical)
        self.transformer_ = None
        if schema.numerical and self.scaling == "range":
            self.transformer_ = MinMaxScaler().fit(self._numbers(frame))
        elif schema.numerical:
            n_quantiles = max(min(len(frame) // 30, 1000), 10)
            self.transformer_ = QuantileTransformer(
                n_quantiles=min(n_quantiles, len(frame)),  # more than rows is a warning
                output_distribution="normal",
                subsample=max(len(frame), n_quantiles),  # that is, all rows
            ).fit(self._numbers(frame))
        self.levels_: dict[str, FloatArray] = {}
        self.decimals_: dict[str, int] = {}
        for column in schema.numerical:
            levels = np.unique(frame[column].to_numpy())
            decimals = decimal_places(levels)
            if decimals == 0 and len(levels) <= _MAX_LEVELS:
                self.levels_[column] = levels.astype(np.float64)
            elif decimals is not None:
                self.decimals_[column] = decimals
        return self

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """Number of categories of each column of the codes."""
        return tuple(len(self.schema_.categorical[c]) for c in self.categorical_)

    def transform(self, frame: pd.DataFrame) -> tuple[FloatArray, IntArray]:
        """Normal scores (n, n_num) and codes (n, n_cat) of a table of the fitted schema."""
        check_is_fitted(self)
        self.schema_.validate(frame)
        scores = np.empty((len(frame), 0))
        if self.transformer_ is not None:
            scores = self.transformer_.transform(self._numbers(frame))
        codes = np.empty((len(frame), len(self.categorical_)), dtype=np.int64)
        for j, column in enumerate(self.categorical_):
            codes[:, j] = category_codes(frame[column], self.schema_.categorical[column])
        return scores, codes

    def inverse_transform(self, scores: FloatArray, codes: IntArray) -> pd.DataFrame:
        """Decode scores (n, n_num), ends of the range standing for what is beyond, and codes.

        Raises
        ------
        ValueError
            If a score is not finite; it names every such column.
        """
        check_is_fitted(self)
        # As in the authors' program, which stops at a NaN.
        wrong = [
            f"column {column!r}: {n} of {len(scores)} scores are not finite"
            for column, n in zip(self.schema_.numerical, (~np.isfinite(scores)).sum(0), strict=True)
            if n
        ]
        if wrong:
            raise ValueError(
                f"drawing diverged: {'; '.join(wrong)}; train longer (n_iter) or lower "
                "learning_rate"
            )
        columns: dict[str, pd.Series[Any]] = {}
        if self.transformer_ is not None:
            if self.scaling == "range":
                ends = self.transformer_.data_min_, self.transformer_.data_max_
                # A constant column, or rounding, would leave them.
                numbers = self.transformer_.inverse_transform(scores.clip(0, 1)).clip(*ends)
            else:
                numbers = self.transformer_.inverse_transform(scores)
            for j, column in enumerate(self.schema_.numerical):
                columns[column] = pd.Series(self._rounded(column, numbers[:, j]))
        for j, column in enumerate(self.categorical_):
            columns[column] = pd.Series(object_array(self.schema_.categorical[column])[codes[:, j]])
        return pd.DataFrame({c: columns[c].astype(self.dtypes_[c]) for c in self.schema_.columns})

    def _numbers(self, frame: pd.DataFrame) -> FloatArray:
        return frame[list(self.schema_.numerical)].to_numpy(dtype=np.float64)

    def _rounded(self, column: str, values: FloatArray) -> FloatArray:
        if column in self.levels_:
            levels = self.levels_[column]
            return levels[nearest_level(values, levels)]
        return values.round(self.decimals_[column]) if column in self.decimals_ else values
