"""What every generator of tables can do: learn from real rows, and draw synthetic ones."""

from __future__ import annotations

from typing import Protocol, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from synthtab.table.schema import Schema

RandomState = int | np.random.Generator | None


class Generator(Protocol):
    """The contract of every generator of tables."""

    def fit(self, frame: pd.DataFrame, schema: Schema) -> Self:
        """Learn from real rows.

        Parameters
        ----------
        frame : DataFrame of shape (n, n_columns)
            Real rows, without missing values.
        schema : Schema
            Their description.

        Raises
        ------
        ValueError
            If the frame is not a table of the schema.
        """
        ...

    def sample(self, n_samples: int, *, random_state: RandomState = None) -> pd.DataFrame:
        """Draw synthetic rows.

        Parameters
        ----------
        n_samples : int
            Rows to draw.
        random_state : int, Generator or None, default=None
            Seed of the draw; None draws afresh.

        Returns
        -------
        DataFrame of shape (n_samples, n_columns)
            With the columns, order, dtypes and categories of the fitted frame; index 0 to
            n_samples - 1.

        Raises
        ------
        ValueError
            If `n_samples` is less than 1.
        sklearn.exceptions.NotFittedError
            If `fit` was not called.
        """
        ...


class Resampler(BaseEstimator):  # type: ignore[misc]
    """Keeps the fitted table; subclasses say in `_draw` how rows are drawn from it."""

    def fit(self, frame: pd.DataFrame, schema: Schema) -> Self:
        """Check the table and keep it; see `Generator.fit`."""
        schema.validate(frame)
        self.frame_ = frame.reset_index(drop=True)
        self.schema_ = schema
        return self

    def sample(self, n_samples: int, *, random_state: RandomState = None) -> pd.DataFrame:
        """Draw rows; see `Generator.sample`."""
        check_is_fitted(self)
        if n_samples < 1:
            raise ValueError(f"n_samples={n_samples}: draw at least one row")
        return self._draw(n_samples, np.random.default_rng(random_state))

    def _draw(self, n_samples: int, rng: np.random.Generator) -> pd.DataFrame:
        raise NotImplementedError
