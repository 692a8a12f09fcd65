"""Utility of a synthetic table: learners trained on it, tested on real rows (TSTR)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
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
    found = predictions(
        table, test, schema, reference=reference, learners=learners, random_state=random_state
    )
    measured = _regression_scores if schema.task == "regression" else _classification_scores
    rows = [
        {"learner": name, "metric": metric, "value": value}
        for name, predicted in found.items()
        for metric, value in measured(predicted, test[schema.target]).items()
    ]
    return pd.DataFrame(rows)


class Prediction(NamedTuple):
    """What a learner predicts of the target of n rows.

    `probability`, of shape (n, n_classes), has a column for each of the `classes` that the learner
    was trained on; both are None where the target is a number.
    """

    value: NDArray[Any]
    probability: NDArray[Any] | None = None
    classes: NDArray[Any] | None = None


def predictions(
    table: pd.DataFrame,
    test: pd.DataFrame,
    schema: Schema,
    *,
    reference: pd.DataFrame,
    learners: Mapping[str, Any] | None = None,
    random_state: int | None = None,
) -> dict[str, Prediction]:
    """Train learners on a table and let them predict the target of real rows.

    Parameters and errors are those of `tstr`, which scores what is returned here by learner.
    """
    for part in (table, test, reference):
        schema.validate(part)
    regression = schema.task == "regression"
    if learners is None:
        learners = REGRESSORS if regression else CLASSIFIERS
    encoder = feature_encoder(schema, features=schema.features).fit(reference)
    x, x_test = encoder.transform(table), encoder.transform(test)
    found = {}
    one_class = not regression and len(table[schema.target].unique()) == 1
    for name, learner in learners.items():
        # Most learners refuse a table of one class, from which there is nothing to learn but it.
        model = DummyClassifier() if one_class else clone(learner)
        if "random_state" in model.get_params():
            model.set_params(random_state=random_state)
        model.fit(x, table[schema.target])
        value = model.predict(x_test)
        found[name] = (
            Prediction(value)
            if regression
            else Prediction(value, model.predict_proba(x_test), model.classes_)
        )
    return found


def resampled_scores(
    predicted: Prediction, truth: pd.Series[Any], picks: NDArray[np.integer[Any]]
) -> NDArray[np.float64]:
    """Score one prediction on resamplings of the test rows: the ground of a bootstrap interval.

    `picks`, of shape (n_resamplings, n), holds the positions of the n rows of each resampling. With
    the same ones, two predictions are compared in pairs.

    Returns
    -------
    ndarray of shape (n_resamplings,)
        ``r2`` of a number and ``auc`` of a category, as in `tstr`; NaN where a resampling holds one
        class only, of which no AUC can be taken.

    Examples
    --------
    >>> truth = pd.Series([1.0, 2.0, 4.0])
    >>> resampled_scores(Prediction(truth.to_numpy()), truth, np.array([[0, 1, 2], [0, 0, 2]]))
    array([1., 1.])
    """
    y, value, probability, classes = truth.to_numpy(), *predicted
    if probability is None or classes is None:
        # As sklearn's r2_score, whose checks take longer than the sums when asked 500 times.
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = np.array(
                [
                    1 - ((y[p] - value[p]) ** 2).sum() / ((y[p] - y[p].mean()) ** 2).sum()
                    for p in picks
                ]
            )
        return np.asarray(
            np.where(np.isfinite(scores), scores, np.nan)
        )  # of a constant there is no score
    known = classes.tolist()
    weights = np.stack([np.bincount(p, minlength=len(y)) for p in picks]).astype(np.float64)
    aucs = np.stack(
        [
            _weighted_aucs(
                y == c, probability[:, known.index(c)] if c in known else np.zeros(len(y)), weights
            )
            for c in pd.unique(pd.Series(y))
        ]
    )
    n_scored = np.isfinite(aucs).sum(axis=0)
    total = np.nansum(aucs, axis=0)
    mean = np.divide(total, n_scored, out=np.full(len(picks), np.nan), where=n_scored > 0)
    return np.asarray(mean)


def _weighted_aucs(
    positive: NDArray[np.bool_], score: NDArray[Any], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """AUC for each row of weights, shape (n_weightings,); NaN where there is one class only."""
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.diff(score[order], prepend=-np.inf))
    yes, no = (
        np.add.reduceat(weights[:, order] * of[order], starts, axis=1)
        for of in (positive, ~positive)
    )
    below = np.cumsum(no, axis=1) - no / 2  # ties count one half
    pairs = yes.sum(axis=1) * no.sum(axis=1)
    won = (yes * below).sum(axis=1)
    share = np.divide(won, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)
    return np.asarray(share)


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


def _regression_scores(predicted: Prediction, truth: pd.Series[Any]) -> dict[str, float]:
    return {
        "r2": float(r2_score(truth, predicted.value)),
        "rmse": float(root_mean_squared_error(truth, predicted.value)),
    }


def _classification_scores(predicted: Prediction, truth: pd.Series[Any]) -> dict[str, float]:
    f1 = f1_score(truth, predicted.value, average="macro", zero_division=0)
    auc = _auc(truth.to_numpy(), predicted.probability, predicted.classes)
    return {"auc": auc, "f1": float(f1)}


def _auc(y: NDArray[Any], probability: Any, classes: Any) -> float:
    known = classes.tolist()
    # A class absent from the training table is never predicted.
    aucs = [
        roc_auc_score(y == c, probability[:, known.index(c)] if c in known else np.zeros(len(y)))
        for c in pd.unique(pd.Series(y))
        if 0 < (y == c).sum() < len(y)
    ]
    return float(np.mean(aucs)) if aucs else float("nan")
