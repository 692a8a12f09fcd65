"""Is a synthetic table useful? Learners trained on it are tested on real rows (TSTR)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import f1_score, r2_score, roc_auc_score, root_mean_squared_error
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from synthtab.table.schema import Schema

REGRESSORS: Mapping[str, Any] = {
    "rf": RandomForestRegressor(n_estimators=100),
    "gb": GradientBoostingRegressor(),
    "hgb": HistGradientBoostingRegressor(early_stopping=False),
    "ridge": Ridge(alpha=1.0),
}
"""Learners of the original study, and histogram boosting as a modern one beside them.

Settings are scikit-learn's defaults but for one: histogram boosting would stop early, on a part of
the rows, above 10,000 rows and not below, which would treat the tables of one comparison
differently. It never stops early here.
"""

CLASSIFIERS: Mapping[str, Any] = {
    "rf": RandomForestClassifier(n_estimators=100),
    "gb": GradientBoostingClassifier(),
    "hgb": HistGradientBoostingClassifier(early_stopping=False),
    "logistic": LogisticRegression(max_iter=1000),
}
"""Their counterparts for a categorical target."""

LEARNERS: Mapping[str, str] = {
    "rf": "random forest",
    "gb": "gradient boosting",
    "hgb": "histogram boosting",
    "ridge": "ridge",
    "logistic": "logistic regression",
}
"""What learners are called on pages and cards, in the order in which they are shown."""


def tstr(
    table: pd.DataFrame,
    test: pd.DataFrame,
    schema: Schema,
    *,
    reference: pd.DataFrame,
    learners: Mapping[str, Any] | None = None,
    random_state: int | None = None,
) -> pd.DataFrame:
    """Train learners on a table, test them on real rows.

    Train on synthetic, test on real (TSTR; Esteban et al., 2017). `table` decides the setting:
    synthetic rows alone (replacement), real rows with synthetic ones added (augmentation), or the
    real training rows (the baseline).

    Parameters
    ----------
    table : DataFrame of shape (n, n_columns)
        Rows the learners are trained on.
    test : DataFrame of shape (n_test, n_columns)
        Real rows that neither the learners nor the generator have seen.
    schema : Schema
        Description of both.
    reference : DataFrame
        Real training rows, which fix the encoding (means, scales, categories), so that all tables
        are given to the learners in the same coordinates.
    learners : mapping of str to estimator, default=None
        Unfitted estimators; None takes `REGRESSORS` or `CLASSIFIERS` by the target's kind.
    random_state : int or None, default=None
        Seed of the learners.

    Returns
    -------
    DataFrame
        Columns learner, metric, value. Regression: ``r2`` (1 is perfect, 0 is the test mean,
        negative is worse than it) and ``rmse`` in the target's unit. Classification: ``auc``
        (one against the rest, 0.5 is chance) and ``f1`` (macro average).

    Raises
    ------
    ValueError
        If a table is not one of the schema.

    Examples
    --------
    >>> from synthtab.table.example import example_table
    >>> dataset = example_table()
    >>> train, test = dataset.split(random_state=0)
    >>> scores = tstr(train, test, dataset.schema, reference=train, random_state=0)
    >>> scores.query("learner == 'ridge' and metric == 'r2'").value.item() > 0.5
    True
    """
    for part in (table, test, reference):
        schema.validate(part)
    regression = schema.task == "regression"
    if learners is None:
        learners = REGRESSORS if regression else CLASSIFIERS
    encoder = feature_encoder(schema, features=schema.features).fit(reference)
    x, x_test = encoder.transform(table), encoder.transform(test)
    y, y_test = table[schema.target], test[schema.target]
    rows = []
    for name, learner in learners.items():
        model = clone(learner)
        if "random_state" in model.get_params():
            model.set_params(random_state=random_state)
        model.fit(x, y)
        measured = _regression_scores if regression else _classification_scores
        for metric, value in measured(model, x_test, y_test).items():
            rows.append({"learner": name, "metric": metric, "value": value})
    return pd.DataFrame(rows)


def feature_encoder(schema: Schema, *, features: tuple[str, ...]) -> ColumnTransformer:
    """Unfitted transformer to a design matrix: standardised numbers, one-hot categories."""
    categorical = [c for c in features if c in schema.categorical]
    numerical = [c for c in features if c not in schema.categorical]
    categories = [list(schema.categorical[c]) for c in categorical]
    return ColumnTransformer(
        [
            ("numerical", StandardScaler(), numerical),
            ("categorical", OneHotEncoder(categories=categories, sparse_output=False), categorical),
        ]
    )


def _regression_scores(model: Any, x: NDArray[Any], y: pd.Series[Any]) -> dict[str, float]:
    predicted = model.predict(x)
    return {
        "r2": float(r2_score(y, predicted)),
        "rmse": float(root_mean_squared_error(y, predicted)),
    }


def _classification_scores(model: Any, x: NDArray[Any], y: pd.Series[Any]) -> dict[str, float]:
    probability = pd.DataFrame(model.predict_proba(x), columns=model.classes_)
    # A class absent from the training table is never predicted.
    aucs = [
        roc_auc_score(y == c, probability[c] if c in probability else np.zeros(len(y)))
        for c in y.unique()
        if 0 < (y == c).sum() < len(y)
    ]
    f1 = f1_score(y, model.predict(x), average="macro", zero_division=0)
    return {"auc": float(np.mean(aucs)) if aucs else float("nan"), "f1": float(f1)}
