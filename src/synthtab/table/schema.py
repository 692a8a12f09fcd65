"""What a table is: its columns, their kinds and the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from synthtab.table.relations import Relation, relation_problems

Category = str | int | bool


@dataclass(frozen=True)
class Schema:
    """Description of a table: column order, categories and target.

    A column is categorical when it is a key of `categorical`, and numerical otherwise.
    The target is an ordinary column for every generator; only evaluation asks for its role.

    Parameters
    ----------
    columns : tuple of str
        All columns, in the order of the frame.
    categorical : mapping of str to tuple
        Categories of each categorical column. A category's position is its code.
    target : str
        The column that downstream models predict.
    relations : tuple of Relation, default=()
        What holds between columns, for `synthtab.generators.with_relations.WithRelations` to keep.

    Raises
    ------
    ValueError
        If columns repeat, or the target or a categorical column is not among them, or a relation
        is about other columns, or compares categories.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"plant": ["a", "b", "a"], "minutes": [1.0, 2.5, 3.0]})
    >>> schema = Schema.infer(frame, target="minutes")
    >>> schema.numerical, dict(schema.categorical), schema.task
    (('minutes',), {'plant': ('a', 'b')}, 'regression')
    """

    columns: tuple[str, ...]
    categorical: Mapping[str, tuple[Category, ...]]
    target: str
    relations: tuple[Relation, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "relations", tuple(self.relations))
        problems = []
        repeated = sorted({c for c in self.columns if self.columns.count(c) > 1})
        if repeated:
            problems.append(f"columns named more than once: {repeated}; rename them")
        if self.target not in self.columns:
            problems.append(f"target {self.target!r} is not among the columns {list(self.columns)}")
        unknown = [c for c in self.categorical if c not in self.columns]
        if unknown:
            problems.append(f"categorical columns that are not in the table: {unknown}")
        empty = [c for c, categories in self.categorical.items() if not categories]
        if empty:
            problems.append(f"categorical columns without categories: {empty}")
        for relation in self.relations:
            problems.extend(relation_problems(relation, self.columns, self.numerical))
        _raise_all(problems)

    @property
    def numerical(self) -> tuple[str, ...]:
        """Columns that are not categorical, in table order."""
        return tuple(c for c in self.columns if c not in self.categorical)

    @property
    def features(self) -> tuple[str, ...]:
        """Columns other than the target, in table order."""
        return tuple(c for c in self.columns if c != self.target)

    @property
    def task(self) -> Literal["regression", "classification"]:
        """What predicting the target is called."""
        return "classification" if self.target in self.categorical else "regression"

    @classmethod
    def infer(
        cls,
        frame: pd.DataFrame,
        *,
        target: str,
        categorical: Sequence[str] = (),
        relations: Sequence[Relation] = (),
    ) -> Schema:
        """Read the schema off a frame.

        Text, boolean and pandas-categorical columns are categorical, and so are the columns
        named in `categorical` (a plant number, say); the others are numerical. Categories are
        sorted, so the codes do not depend on the order of the rows. Cells may be missing.
        `relations` are taken as they are: `synthtab.table.relation_search.find_relations` proposes
        some.

        Raises
        ------
        ValueError
            If the frame cannot be described: see `validate`.
        """
        absent = [c for c in categorical if c not in frame.columns]
        if absent:
            raise ValueError(f"categorical columns that are not in the table: {absent}")
        repeated = frame.columns[frame.columns.duplicated()].unique().tolist()
        if repeated:
            raise ValueError(f"columns named more than once: {repeated}; rename them")
        kinds = {
            c: tuple(sorted(frame[c].dropna().unique().tolist(), key=lambda v: (str(type(v)), v)))
            for c in frame.columns
            if c in categorical or not _is_numeric(frame[c])
        }
        schema = cls(tuple(frame.columns), kinds, target, tuple(relations))
        schema.validate(frame, allow_missing=True)
        return schema

    def validate(self, frame: pd.DataFrame, *, allow_missing: bool = False) -> None:
        """Check that a frame is a table of this schema.

        With `allow_missing` cells may be missing.

        Raises
        ------
        ValueError
            Naming every problem at once: columns that are missing, unexpected or out of order,
            missing or infinite values, text in a numerical column, unknown categories,
            no rows.
        """
        if list(frame.columns) != list(self.columns):
            missing = [c for c in self.columns if c not in frame.columns]
            unexpected = [c for c in frame.columns if c not in self.columns]
            problems = []
            if missing:
                problems.append(f"missing columns: {missing}")
            if unexpected:
                problems.append(f"unexpected columns: {unexpected}; drop them")
            if not problems:
                problems.append(
                    f"columns {list(frame.columns)} are not in the order {list(self.columns)}"
                )
            _raise_all(problems)
        problems = [] if len(frame) else ["the table has no rows"]
        for column in self.columns:
            problems.extend(self._column_problems(frame[column], allow_missing))
        _raise_all(problems)

    def _column_problems(self, values: pd.Series[Any], allow_missing: bool) -> list[str]:
        name, problems = values.name, []
        if (n_missing := int(values.isna().sum())) and not allow_missing:
            problems.append(
                f"column {name!r}: {n_missing} missing values (first in row "
                f"{int(np.argmax(values.isna()))}); drop those rows or fill them"
            )
        if name in self.categorical:
            known = set(self.categorical[str(name)])
            unknown = [v for v in values.dropna().unique() if v not in known]
            if unknown:
                problems.append(
                    f"column {name!r}: unknown categories {unknown[:5]}; known are "
                    f"{list(self.categorical[str(name)])[:10]}"
                )
        elif not _is_numeric(values):
            problems.append(
                f"column {name!r}: numerical, but holds {values.dtype} values such as "
                f"{values.dropna().iloc[0] if values.notna().any() else None!r}; convert it, "
                "or name it as categorical"
            )
        elif np.isinf(values.to_numpy(dtype=float, na_value=np.nan)).any():
            row = int(np.argmax(np.isinf(values.to_numpy(dtype=float, na_value=np.nan))))
            problems.append(f"column {name!r}: infinite value in row {row}; drop or correct it")
        return problems


def _is_numeric(values: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _raise_all(problems: list[str]) -> None:
    if problems:
        raise ValueError("; ".join(problems))
