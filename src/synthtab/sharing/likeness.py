"""Where a synthetic table is unlike the real one: by column, by pair of columns, and as a whole.

Every figure has a reference beside it: what training rows are to rows that were held out. No
generator that learns from the former can be expected to do better.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthtab.evaluation.fidelity import association
from synthtab.table.schema import Schema

Floats = NDArray[np.float64]

_BINS = 10
_PAIRS = 12  # that are shown, the worst first
_MATRIX = 24  # columns that a picture has room for
_POINTS = 300
_LEVELS = 60


class Likeness(NamedTuple):
    """What `likeness` finds.

    Attributes
    ----------
    columns : DataFrame
        By column: accuracy and reference, the worst first.
    pairs : list of dict
        Pairs of columns whose association differs most: both names, the association in held-out
        and synthetic rows, the difference, and the reference.
    matrices : dict of str to DataFrame
        Associations of real and synthetic rows, and their difference; of the columns in the worst
        pairs where there are too many.
    points : dict of str to ndarray of shape (n, 2)
        Some training, held-out and synthetic rows on the two main axes of the training rows.
    """

    columns: pd.DataFrame
    pairs: list[dict[str, Any]]
    matrices: dict[str, pd.DataFrame]
    points: dict[str, Floats]


def likeness(
    training: pd.DataFrame, held_out: pd.DataFrame, synthetic: pd.DataFrame, schema: Schema
) -> Likeness:
    """Compare synthetic rows with held-out ones, and training rows with them as the reference."""
    columns = pd.DataFrame(
        {
            "accuracy": {c: accuracy(held_out[c], synthetic[c]) for c in schema.columns},
            "reference": {c: accuracy(held_out[c], training[c]) for c in schema.columns},
        }
    ).sort_values("accuracy", kind="stable")
    tables = (held_out, synthetic, training)
    real, made, learnt = (
        association(t, schema).to_numpy() for t in _with_few_levels(tables, schema)
    )
    gap, reference = made - real, learnt - real
    a, b = np.triu_indices_from(gap, k=1)
    worst = np.argsort(-np.abs(gap[a, b]), kind="stable")
    names = [*schema.columns]
    pairs = [
        {
            "columns": (names[i], names[j]),
            "real": real[i, j],
            "synthetic": made[i, j],
            "difference": gap[i, j],
            "reference": reference[i, j],
        }
        for i, j in zip(a[worst[:_PAIRS]], b[worst[:_PAIRS]], strict=True)
    ]
    ranked = dict.fromkeys(names[k] for w in worst for k in (a[w], b[w]))
    shown = {*[*ranked][:_MATRIX]}
    kept = [c for c in names if c in shown]
    squares = {"real": real, "synthetic": made, "difference": gap}
    return Likeness(
        columns,
        pairs,
        {name: pd.DataFrame(x, names, names).loc[kept, kept] for name, x in squares.items()},
        _points(training, {"held out": held_out, "synthetic": synthetic}, schema),
    )


def accuracy(real: pd.Series[Any], other: pd.Series[Any]) -> float:
    """Share of a column that is alike: 1 less the distance of the shares of values, or of tenths.

    Examples
    --------
    >>> accuracy(pd.Series(["a", "b"]), pd.Series(["a", "a"]))
    0.5
    """
    if pd.api.types.is_numeric_dtype(real) and real.nunique() > _BINS:
        edges = np.unique(np.quantile(real, np.linspace(0, 1, _BINS + 1)[1:-1]))
        real, other = (pd.Series(np.searchsorted(edges, t, side="right")) for t in (real, other))
    shares = [t.value_counts(normalize=True) for t in (real, other)]
    return 1 - float(shares[0].sub(shares[1], fill_value=0).abs().sum()) / 2


def _points(
    training: pd.DataFrame, others: dict[str, pd.DataFrame], schema: Schema
) -> dict[str, Floats]:
    """Rows on the principal axes of the training rows: numbers standardised, categories as 0/1."""
    frames = {"training": training, **others}
    some = {k: t.head(_POINTS).reset_index(drop=True) for k, t in frames.items()}
    parts: dict[str, list[Floats]] = {name: [] for name in some}
    for column in schema.columns:
        if column in schema.categorical:
            levels = some["training"][column].value_counts().index[:_BINS]
            for name, table in some.items():
                cells = table[column].to_numpy()
                parts[name] += [(cells == v).astype(float) for v in levels]
        else:
            mean, sd = some["training"][column].mean(), some["training"][column].std()
            for name, table in some.items():
                z = (table[column].to_numpy(dtype=float) - mean) / (sd if sd > 0 else 1.0)
                parts[name].append(z.clip(-4, 4))
    rows = {name: np.column_stack(columns) for name, columns in parts.items()}
    centre = rows["training"].mean(axis=0)
    _, _, axes = np.linalg.svd(rows["training"] - centre, full_matrices=False)
    return {name: (x - centre) @ axes[:2].T for name, x in rows.items()}


def _with_few_levels(tables: Sequence[pd.DataFrame], schema: Schema) -> list[pd.DataFrame]:
    """The tables with the rare values of long lists taken as one."""
    changed = [t.copy() for t in tables]
    for column in schema.categorical:
        common = tables[0][column].value_counts().index
        if len(common) > _LEVELS:
            for table in changed:
                kept = table[column].isin(common[:_LEVELS])
                table[column] = table[column].where(kept, common[_LEVELS])
    return changed
