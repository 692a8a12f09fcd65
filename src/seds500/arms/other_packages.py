"""Other generators, through the packages of those who published them.

`copulas` and `ctgan` belong to the SDV project (Patki et al., 2016; Xu et al., 2019). Their
licence, the Business Source License, is not an open-source one: it excludes offering synthetic data
as a service. `arfpy` (MIT) and `mostlyai-engine` (Apache-2.0) are open source. All are extras that
nothing else here depends on, and are imported when a generator is fitted.

The adapters keep the contract of every generator. They add seeds, columns, dtypes and decimals, and
change no row otherwise: values beyond the range of the training rows stay.
"""

from __future__ import annotations

import importlib
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from synthtab.generators.contract import RandomState
from synthtab.table.encoding import decimal_places
from synthtab.table.schema import Schema


class _Adapter(BaseEstimator):  # type: ignore[misc]
    """A package's model under the contract; subclasses fit it and draw from it."""

    random_state: RandomState

    def fit(self, frame: pd.DataFrame, schema: Schema) -> Self:
        """Fit the package's model.

        Parameters
        ----------
        frame : DataFrame of shape (n, n_columns)
            Real rows.
        schema : Schema
            Their description.

        Returns
        -------
        Self

        Raises
        ------
        ValueError
            If the frame is not a table of the schema.
        ModuleNotFoundError
            If the package is not installed.
        """
        schema.validate(frame)
        self.schema_, self.dtypes_ = schema, frame.dtypes
        self.decimals_ = {c: decimal_places(frame[c].to_numpy()) for c in schema.numerical}
        # Both packages would cut decimals off whole numbers, which are rounded here instead.
        rows = frame.astype(dict.fromkeys(schema.numerical, float))
        self.model_ = self._fit(rows, np.random.default_rng(self.random_state))
        return self

    def sample(self, n_samples: int, *, random_state: RandomState = None) -> pd.DataFrame:
        """Draw rows.

        Parameters
        ----------
        n_samples : int
            Rows to draw.
        random_state : int, Generator or None, default=None
            Seed of the draw.

        Returns
        -------
        DataFrame of shape (n_samples, n_columns)

        Raises
        ------
        ValueError
            If `n_samples` is less than 1.
        sklearn.exceptions.NotFittedError
            If `fit` was not called.
        """
        check_is_fitted(self)
        if n_samples < 1:
            raise ValueError(f"n_samples={n_samples}: draw at least one row")
        rows = self._sample(n_samples, _seed(np.random.default_rng(random_state)))
        table = rows[list(self.schema_.columns)]
        decimals = {c: d for c, d in self.decimals_.items() if d is not None}
        return table.round(decimals).astype(self.dtypes_).reset_index(drop=True)

    def _fit(self, frame: pd.DataFrame, rng: np.random.Generator) -> Any:
        raise NotImplementedError

    def _sample(self, n_samples: int, seed: int) -> pd.DataFrame:
        self.model_.set_random_state(seed)
        rows: pd.DataFrame = self.model_.sample(n_samples)
        return rows


class GaussianCopula(_Adapter):
    """Gaussian copula of the package `copulas`: fitted margins, tied by a normal correlation.

    Each number has the parametric family that the package chooses by its Kolmogorov-Smirnov
    distance.

    Parameters
    ----------
    random_state : int, Generator or None, default=None
        Seed of the encoding of categories.

    Notes
    -----
    The package takes numbers only. As in Patki et al. (2016, "The synthetic data vault", section
    on categorical columns), the categories of a column divide the interval from 0 to 1 by their
    shares, and a row gets a value within its category's part. NOTE: the value is uniform there,
    as in the project's programs today; the paper draws it from a truncated normal distribution.
    NOTE: left to itself the package also tries a kernel density, whose quantiles take it memory
    and time by the square of the rows: gigabytes and minutes on the 14,353 of 011.
    """

    def __init__(self, *, random_state: RandomState = None) -> None:
        self.random_state = random_state

    def _fit(self, frame: pd.DataFrame, rng: np.random.Generator) -> Any:
        multivariate = _import("copulas.multivariate")
        univariate = _import("copulas.univariate")
        schema, rows = self.schema_, frame.copy()
        self.edges_: dict[str, NDArray[np.float64]] = {}
        for column, categories in schema.categorical.items():
            share = frame[column].value_counts(normalize=True).reindex(list(categories)).fillna(0)
            self.edges_[column] = np.append(0.0, np.cumsum(share.to_numpy(dtype=float)))
            code = pd.Index(categories).get_indexer(pd.Index(frame[column]))
            low, high = self.edges_[column][code], self.edges_[column][code + 1]
            rows[column] = low + (high - low) * rng.random(len(frame))
        family = univariate.Univariate(parametric=univariate.ParametricType.PARAMETRIC)
        margins = dict.fromkeys(schema.numerical, family)
        margins |= dict.fromkeys(schema.categorical, univariate.UniformUnivariate)
        model = multivariate.GaussianMultivariate(distribution=margins)
        model.set_random_state(_seed(rng))
        with warnings.catch_warnings():
            # It tries every family on every column, and drops those that cannot be fitted.
            warnings.simplefilter("ignore", RuntimeWarning)
            model.fit(rows)
        return model

    def _sample(self, n_samples: int, seed: int) -> pd.DataFrame:
        rows = super()._sample(n_samples, seed)
        for column, categories in self.schema_.categorical.items():
            # Between the inner edges: rounding leaves the last one a hair off 1.
            code = np.searchsorted(self.edges_[column][1:-1], rows[column], side="right")
            rows[column] = np.array(categories, dtype=object)[code]
        return rows


class CTGAN(_Adapter):
    """CTGAN of the package `ctgan`: a conditional generative adversarial network.

    Xu et al. (2019), "Modeling tabular data using conditional GAN" (arXiv 1907.00503), with the
    package's settings, on the processor.

    Parameters
    ----------
    epochs : int, default=300
        Passes over the table.
    random_state : int, Generator or None, default=None
        Seed of the training.
    """

    _model = "CTGAN"

    def __init__(self, *, epochs: int = 300, random_state: RandomState = None) -> None:
        self.epochs = epochs
        self.random_state = random_state

    def _fit(self, frame: pd.DataFrame, rng: np.random.Generator) -> Any:
        model = getattr(_import("ctgan"), self._model)(epochs=self.epochs, enable_gpu=False)
        model.set_random_state(_seed(rng))
        model.fit(frame, discrete_columns=list(self.schema_.categorical))
        return model


class TVAE(CTGAN):
    """TVAE of the package `ctgan`: a variational autoencoder with the encoding of CTGAN.

    Xu et al. (2019, section 4.5), with the package's settings, on the processor. Parameters are
    those of `CTGAN`.
    """

    _model = "TVAE"


class ARF(_Adapter):
    """Adversarial random forest of the package `arfpy`, with its settings.

    Watson et al. (2023), "Adversarial random forests for density estimation and generative
    modeling" (arXiv 2205.09435).

    Parameters
    ----------
    random_state : int, Generator or None, default=None
        Seed of the forests.
    """

    def __init__(self, *, random_state: RandomState = None) -> None:
        self.random_state = random_state

    def _fit(self, frame: pd.DataFrame, rng: np.random.Generator) -> Any:
        package, seed = _import("arfpy.arf"), _seed(rng)
        kinds = {c: pd.CategoricalDtype(list(k)) for c, k in self.schema_.categorical.items()}
        with _global_seed(seed), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its calls to numpy and pandas
            model = package.arf(frame.astype(kinds), verbose=False, random_state=seed, n_jobs=1)
            model.forde()
        return model

    def _sample(self, n_samples: int, seed: int) -> pd.DataFrame:
        with _global_seed(seed), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rows: pd.DataFrame = self.model_.forge(n_samples)
        return rows


class TabularARGN(_Adapter):
    """Autoregressive network of the package `mostlyai-engine`, with its settings.

    Tiwald et al. (2025), "TabularARGN" (arXiv 2501.12012). NOTE: the package replaces rare
    categories by a constant unless told to draw others in their place; it is told so here, because
    a table of the schema has no further category.

    Parameters
    ----------
    random_state : int, Generator or None, default=None
        Seed of the training.
    """

    def __init__(self, *, random_state: RandomState = None) -> None:
        self.random_state = random_state

    def _fit(self, frame: pd.DataFrame, rng: np.random.Generator) -> Any:
        engine, seed = _import("mostlyai.engine"), _seed(rng)
        texts = dict.fromkeys(self.schema_.categorical, str)
        kinds = dict.fromkeys(self.schema_.categorical, "TABULAR_CATEGORICAL")
        with _global_seed(seed):
            model = engine.TabularARGN(random_state=seed, device="cpu", tgt_encoding_types=kinds)
            return model.fit(frame.astype(texts))

    def _sample(self, n_samples: int, seed: int) -> pd.DataFrame:
        with _global_seed(seed):
            _import("mostlyai.engine").set_random_state(seed)
            rows: pd.DataFrame = self.model_.sample(
                n_samples, device="cpu", rare_category_replacement_method="SAMPLE"
            )
        for column, categories in self.schema_.categorical.items():
            rows[column] = rows[column].astype(object).map({str(c): c for c in categories})
        return rows


@contextmanager
def _global_seed(seed: int) -> Iterator[None]:
    """For packages that draw from the global generators, which are put back."""
    states = np.random.get_state(), random.getstate(), torch.get_rng_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    random.seed(seed)
    torch.manual_seed(seed)
    try:
        yield
    finally:
        np.random.set_state(states[0])  # noqa: NPY002
        random.setstate(states[1])
        torch.set_rng_state(states[2])


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


_INSTALL = {
    "copulas": "not open source, and comes with no other part of synthtab: "
    "pip install 'synthtab[other]'",
    "arfpy": "open source: pip install arfpy",
    "mostlyai": "open source: pip install mostlyai-engine, in an environment of its own",
}
_INSTALL["ctgan"] = _INSTALL["copulas"]


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        raise ModuleNotFoundError(
            f"this generator needs the package {package}, which is {_INSTALL[package]}"
        ) from error
