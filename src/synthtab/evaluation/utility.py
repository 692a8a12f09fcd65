"""Scores of a synthetic table: utility (TSTR) and fidelity, as tidy frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import ks_2samp
from sklearn.base import ClassifierMixin, clone
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
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from synthtab.table.schema import Schema

_RARE = 0.05  # categories of a smaller share are rare

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

STUDY_REGRESSORS: Mapping[str, Any] = {name: REGRESSORS[name] for name in ("rf", "gb", "ridge")}
"""Those of the original study alone."""

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


def fidelity(
    real: pd.DataFrame,
    synthetic: pd.DataFrame,
    schema: Schema,
    *,
    random_state: int | None = None,
) -> pd.DataFrame:
    """Compare the distribution of a synthetic table with the real one's.

    Parameters
    ----------
    real, synthetic : DataFrame
        Tables of one schema.
    schema : Schema
        Their description.
    random_state : int or None, default=None
        Seed of the detection test.

    Returns
    -------
    DataFrame
        Columns metric, column, value:

        ``ks``
            Kolmogorov-Smirnov distance of each numerical column, 0 to 1, ideal 0. Misleads on
            tails, where both distribution functions are near their ends, and on dependence.
        ``tv``
            Total variation distance of each categorical column, 0 to 1, ideal 0. Misleads with
            many categories and few rows, where it grows by sampling alone, and on dependence.
        ``range``
            See `range_coverage`; 0 to 1, ideal 1. One stray row at either end restores it, and a
            table that draws evenly between the ends has it perfect.
        ``rare``
            See `rare_coverage`; 0 to 1, ideal 1, of each column that has rare categories. Its
            expectation is below 1 for a second real sample as well, and it does not see excess.
        ``association``
            Mean absolute difference of the two association matrices, 0 to 2, ideal 0. See
            `association`. It sees pairs of columns only, and between numbers only straight lines.
        ``c2st``
            Detection: see `detection_auc`; 0 to 1, ideal 0.5. One telling column, such as digits
            that real numbers never have, gives 1 whatever the rest is like.
        ``copies``
            Share of synthetic rows that equal a real row in every column, 0 to 1. Discrete columns
            match by chance, so it reads only against the same share for rows that were not used.

    Notes
    -----
    A copy of the real rows is perfect on all of these but the last two: fidelity says nothing
    about privacy, and distances of single columns nothing about dependence.
    """
    rows: list[dict[str, Any]] = []
    for column in schema.numerical:
        distance = ks_2samp(real[column], synthetic[column], method="asymp").statistic
        rows.append({"metric": "ks", "column": column, "value": distance})
        covered = range_coverage(real[column], synthetic[column])
        rows.append({"metric": "range", "column": column, "value": covered})
    for column, categories in schema.categorical.items():
        known, drawn = (
            t[column].value_counts(normalize=True).reindex(list(categories), fill_value=0.0)
            for t in (real, synthetic)
        )
        rows.append({"metric": "tv", "column": column, "value": (known - drawn).abs().sum() / 2})
        kept = rare_coverage(real[column], synthetic[column])
        if not np.isnan(kept):
            rows.append({"metric": "rare", "column": column, "value": kept})
    gap = (association(real, schema) - association(synthetic, schema)).to_numpy()
    upper = np.triu_indices_from(gap, k=1)
    rows.append({"metric": "association", "column": None, "value": np.abs(gap[upper]).mean()})
    auc = detection_auc(real, synthetic, schema, random_state=random_state)
    rows.append({"metric": "c2st", "column": None, "value": auc})
    rows.append({"metric": "copies", "column": None, "value": share_of_copies(synthetic, real)})
    return pd.DataFrame(rows)


def range_coverage(real: pd.Series[Any], synthetic: pd.Series[Any]) -> float:
    """Share of the real range, from least to greatest value, that synthetic values span.

    Examples
    --------
    >>> range_coverage(pd.Series([0, 10]), pd.Series([2, 5, 30]))
    0.8
    """
    low, high = float(real.min()), float(real.max())
    spanned = min(high, float(synthetic.max())) - max(low, float(synthetic.min()))
    if high == low:
        return float(spanned == 0)
    return max(spanned, 0.0) / (high - low)


def rare_coverage(real: pd.Series[Any], synthetic: pd.Series[Any]) -> float:
    """How much of its real share a rare category keeps: min(1, synthetic / real), on average.

    Rare is a category of fewer than 5 % of the real rows. A category that is absent from the
    synthetic rows counts 0, one that is as frequent as among the real rows, or more so, counts 1.

    Returns
    -------
    float
        NaN if no category is rare.

    Examples
    --------
    >>> real = pd.Series(["a"] * 96 + ["b"] * 4)
    >>> rare_coverage(real, pd.Series(["a"] * 99 + ["b"]))
    0.25
    """
    share = real.value_counts(normalize=True)
    rare = share[share < _RARE]
    drawn = synthetic.value_counts(normalize=True).reindex(rare.index, fill_value=0.0)
    return float((drawn / rare).clip(upper=1).mean())


def association(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Strength of dependence between every two columns, shape (n_columns, n_columns).

    Pearson's correlation between numbers (-1 to 1), the correlation ratio eta between a number and
    a category, Cramer's V between categories (both 0 to 1). A constant column has association 0.
    """
    matrix = pd.DataFrame(np.eye(len(schema.columns)), schema.columns, schema.columns)
    for i, a in enumerate(schema.columns):
        for b in schema.columns[i + 1 :]:
            kinds = (a in schema.categorical, b in schema.categorical)
            if kinds == (False, False):
                value = _pearson(frame[a], frame[b])
            elif kinds == (True, True):
                value = _cramers_v(frame[a], frame[b])
            else:
                category, number = (a, b) if kinds[0] else (b, a)
                value = _correlation_ratio(frame[category], frame[number])
            matrix.loc[a, b] = matrix.loc[b, a] = value
    return matrix


def detection_auc(
    real: pd.DataFrame,
    synthetic: pd.DataFrame,
    schema: Schema,
    *,
    classifier: ClassifierMixin | None = None,
    random_state: int | None = None,
) -> float:
    """Classifier two-sample test: how well a classifier tells synthetic rows from real ones.

    Five-fold cross-validated area under the ROC curve of a classifier (Lopez-Paz & Oquab, 2017).
    0.5 is ideal and 1 means every row is told apart. Clearly below 0.5 means rows of one table
    stand in the other (a copied row gets the label of its original), or that the rows of one are
    spread more evenly than independent ones: where some are held out, fewer are left.

    Parameters
    ----------
    real, synthetic : DataFrame
        Tables of one schema, best of equal length.
    schema : Schema
        Their description.
    classifier : classifier or None, default=None
        Unfitted; None takes histogram gradient boosting.
    random_state : int or None, default=None
        Seed of folds and classifier.

    Returns
    -------
    float
    """
    if classifier is None:
        classifier = HistGradientBoostingClassifier(early_stopping=False)
    classifier = clone(classifier).set_params(random_state=random_state)
    rows = pd.concat([real, synthetic], ignore_index=True)
    label = np.repeat([0, 1], [len(real), len(synthetic)])
    model = make_pipeline(feature_encoder(schema, features=schema.columns), classifier)
    folds = StratifiedKFold(5, shuffle=True, random_state=random_state)
    score = cross_val_predict(model, rows, label, cv=folds, method="predict_proba")[:, 1]
    return float(roc_auc_score(label, score))


def share_of_copies(queries: pd.DataFrame, reference: pd.DataFrame) -> float:
    """Share of the rows of `queries` that equal a row of `reference` in every column."""
    known = set(reference.itertuples(index=False, name=None))
    return float(np.mean([row in known for row in queries.itertuples(index=False, name=None)]))


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


def _pearson(a: pd.Series[Any], b: pd.Series[Any]) -> float:
    if a.nunique() < 2 or b.nunique() < 2:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def _correlation_ratio(category: pd.Series[Any], number: pd.Series[Any]) -> float:
    total = float(((number - number.mean()) ** 2).sum())
    if total == 0:
        return 0.0
    means = number.groupby(category).transform("mean")
    return float(np.sqrt(((means - number.mean()) ** 2).sum() / total))


def _cramers_v(a: pd.Series[Any], b: pd.Series[Any]) -> float:
    table = pd.crosstab(a, b).to_numpy(dtype=float)
    if min(table.shape) < 2:
        return 0.0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / table.sum()
    chi2 = ((table - expected) ** 2 / expected).sum()
    return float(np.sqrt(chi2 / table.sum() / (min(table.shape) - 1)))
