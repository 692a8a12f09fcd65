"""Is a synthetic table like the real one? Distributions, dependence, coverage, copies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import ks_2samp
from sklearn.base import ClassifierMixin, clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from synthtab.evaluation.utility import feature_encoder
from synthtab.table.schema import Schema

_RARE = 0.05  # categories of a smaller share are rare


def fidelity(
    real: pd.DataFrame,
    synthetic: pd.DataFrame,
    schema: Schema,
    *,
    random_state: int | None = None,
) -> pd.DataFrame:
    """Compare the distribution of a synthetic table with the real one's, both of one schema.

    The seed `random_state` is that of the detection test.

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
    columns, numbers = list(schema.columns), list(schema.numerical)
    matrix = np.eye(len(columns))
    at = {c: i for i, c in enumerate(columns)}
    values = frame[numbers].to_numpy(dtype=np.float64)
    values = values - values.mean(axis=0)
    size = np.sqrt((values**2).sum(axis=0))
    varies = (np.ptp(values, axis=0) > 0) & (size > 0)
    scaled = np.divide(values, size, out=np.zeros_like(values), where=varies)
    where = [at[c] for c in numbers]
    matrix[np.ix_(where, where)] = np.clip(scaled.T @ scaled, -1, 1)
    codes = {c: pd.factorize(frame[c])[0] for c in columns if c in schema.categorical}
    for k, (a, code) in enumerate(codes.items()):
        count = np.bincount(code)
        sums = np.zeros((len(count), len(numbers)))
        np.add.at(sums, code, scaled)
        # The squares of a group's mean, times its rows: the variance between groups.
        eta = np.sqrt((sums**2 / count[:, None]).sum(axis=0).clip(max=1))
        matrix[at[a], where] = matrix[where, at[a]] = eta
        for b in list(codes)[k + 1 :]:
            matrix[at[a], at[b]] = matrix[at[b], at[a]] = _cramers_v(code, codes[b])
    np.fill_diagonal(matrix, 1.0)
    return pd.DataFrame(matrix, columns, columns)


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
    spread more evenly than independent ones: where some are held out, fewer are left. The tables
    are best of equal length.

    The classifier is given unfitted; None takes histogram gradient boosting. `random_state` is the
    seed of the folds and of the classifier.
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


def _cramers_v(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    shape = int(a.max()) + 1, int(b.max()) + 1
    if min(shape) < 2:
        return 0.0
    table = np.bincount(a * shape[1] + b, minlength=shape[0] * shape[1]).reshape(shape)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / len(a)
    chi2 = ((table - expected) ** 2 / expected).sum()
    return float(np.sqrt(chi2 / len(a) / (min(shape) - 1)))
