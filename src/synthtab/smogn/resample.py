"""SMOGN: resampling a regression table so that extreme target values become common.

Branco, Torgo and Ribeiro (2017), "SMOGN: a pre-processing approach for imbalanced regression", PMLR
74:36-50: `synthtab.smogn.relevance` says which rows are resampled and how much,
`synthtab.smogn.interpolation` makes the new ones. Each departure from the paper, or from the two
published programs (the authors' R package UBL and the Python package smogn), is marked ``NOTE``.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from synthtab.smogn.interpolation import (
    Floats,
    Ints,
    Synthetic,
    column_of,
    even_seeds,
    features_of,
    synthesise,
    to_arrays,
)
from synthtab.smogn.relevance import (
    box_plot_control_points,
    find_bumps,
    manual_control_points,
    relevance,
    sampling_percentages,
)
from synthtab.table.schema import Schema


class SMOGN(BaseEstimator):  # type: ignore[misc]
    """Over-sample rare target values with synthetic rows and under-sample common ones.

    Rows are put into bumps by the relevance of their target. A rare bump keeps its rows and gains
    synthetic ones: each starts at a row (the seed) and one of its `k` nearest neighbours in the
    bump. With maxD half the median distance from the seed to the other rows of the bump, a
    neighbour nearer than maxD is interpolated with; otherwise the seed is copied with Gaussian
    noise. A normal bump loses rows at random.

    Parameters
    ----------
    k : int, default=5
        Nearest neighbours to choose from.
    pert : float, default=0.02
        Largest noise, in standard deviations of the column within the bump.
    samp_method : {"balance", "extreme"}, default="balance"
        See `sampling_percentages`.
    rel_thres : float, default=0.5
        Relevance from which a row is rare; above 0, at most 1.
    rel_method : {"auto", "manual"}, default="auto"
        Control points of the relevance from the box plot of the target, or given by hand.
    rel_ctrl_pts_rg : array-like of shape (n_points, 2) or (n_points, 3), default=None
        The control points for "manual"; see `manual_control_points`.
    rel_coef : float, default=1.5
        Longest whisker of the box plot in interquartile ranges.
    rel_xtrm_type : {"both", "high", "low"}, default="both"
        Which extremes the box plot makes relevant.
    replace : bool, default=False
        Draw the rows that a normal bump keeps with replacement.
    metric : {"auto", "euclidean"}, default="auto"
        Distance on the features; the target never takes part. "auto" is HEOM: numeric features
        are divided by their range in the bump, each differing category counts 1, and the root of
        the sum of squares is taken. "euclidean" leaves the features in their units, as UBL and
        smogn do by default, and accepts no categorical one.
    categorical_features : "auto" or sequence of column names, default="auto"
        Features to be treated as categories. "auto": those that are not numeric (text, category,
        bool).
    random_state : int, Generator or None, default=None
        Seed or generator of all draws.

    Attributes
    ----------
    relevance_ : ndarray of shape (n_rows,)
        Relevance of each input row's target.
    control_points_ : ndarray of shape (n_points, 3)
        Target value, relevance and slope of the relevance function.
    bump_of_row_ : ndarray of shape (n_rows,)
        Number of each input row's bump, counted by rising target. The bump of an output row is
        ``bump_of_row_[source_index_]``.
    bumps_ : DataFrame with a row for each bump
        ``y_min`` and ``y_max`` (its smallest and largest target), ``rare``, ``n_rows`` (in),
        ``percentage``, and the rows out: ``n_real``, ``n_interpolated``, ``n_noise``.
    percentages_ : ndarray of shape (n_bumps,)
        Rows out per row in that the method aims at.
    row_origin_ : ndarray of shape (n_out,), of str
        "real", "interpolated" or "noise" for each output row.
    source_index_ : ndarray of shape (n_out,)
        Position among the input rows of the real row or of the seed.
    neighbour_index_ : ndarray of shape (n_out,)
        Position of the neighbour that an interpolated row used; -1 for other rows.
    sample_weight_ : ndarray of shape (n_out,)
        Rows in per row out of the row's bump, scaled to mean 1: a learner that weights the rows by
        it sees each region of the target as often as in the input.
    categorical_features_ : tuple
        Names of the features treated as categories.

    Notes
    -----
    Branco, Torgo and Ribeiro (2017), algorithms 1 to 3. The output holds real rows: first the real
    rows that are kept, unchanged and in input order, then the synthetic rows by bump. Numeric
    values of synthetic rows are computed in float64 and rounded to the nearest integer in integer
    columns, so small noise vanishes there. Noise may leave the observed range; negative values are
    not replaced. Rows count by position; index labels play no part.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"load": rng.normal(size=200), "line": rng.choice(["a", "b"], 200)})
    >>> y = np.exp(X["load"]).rename("minutes")
    >>> smogn = SMOGN(random_state=0)
    >>> X_new, y_new = smogn.fit_resample(X, y)
    >>> smogn.bumps_[["rare", "n_rows", "percentage", "n_real"]].round(2)
        rare  n_rows  percentage  n_real
    0  False     164        0.61     100
    1   True      36        2.78      36
    >>> len(X_new), X_new.dtypes.astype(str).to_dict()
    (200, {'load': 'float64', 'line': 'object'})
    """

    def __init__(
        self,
        *,
        k: int = 5,
        pert: float = 0.02,
        samp_method: Literal["balance", "extreme"] = "balance",
        rel_thres: float = 0.5,
        rel_method: Literal["auto", "manual"] = "auto",
        rel_ctrl_pts_rg: npt.ArrayLike | None = None,
        rel_coef: float = 1.5,
        rel_xtrm_type: Literal["both", "high", "low"] = "both",
        replace: bool = False,
        metric: Literal["auto", "euclidean"] = "auto",
        categorical_features: Literal["auto"] | Sequence[Hashable] = "auto",
        random_state: int | np.random.Generator | None = None,
    ) -> None:
        self.k = k
        self.pert = pert
        self.samp_method = samp_method
        self.rel_thres = rel_thres
        self.rel_method = rel_method
        self.rel_ctrl_pts_rg = rel_ctrl_pts_rg
        self.rel_coef = rel_coef
        self.rel_xtrm_type = rel_xtrm_type
        self.replace = replace
        self.metric = metric
        self.categorical_features = categorical_features
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: pd.Series[Any]) -> Self:
        """Find the relevance, the bumps and their percentages, without resampling.

        Takes and refuses what `fit_resample` does; sets `relevance_`, `control_points_`,
        `bump_of_row_`, `percentages_` and `categorical_features_`.
        """
        self._check_parameters()
        self.categorical_features_ = self._check_table(X, y)
        target = y.to_numpy(dtype=float)
        if self.rel_method == "manual":
            self.control_points_ = manual_control_points(self.rel_ctrl_pts_rg)  # type: ignore[arg-type]
        else:
            self.control_points_ = box_plot_control_points(
                target, coef=self.rel_coef, xtrm_type=self.rel_xtrm_type
            )
        self.relevance_ = relevance(target, self.control_points_)
        rare = self.relevance_ >= self.rel_thres
        if rare.all() or not rare.any():
            raise ValueError(
                f"{'every' if rare.any() else 'no'} row is rare: relevance "
                f"{self.relevance_.min():g} to {self.relevance_.max():g} at threshold "
                f"rel_thres={self.rel_thres:g}, target {target.min():g} to {target.max():g}; "
                "move the threshold or the control points "
                f"{self.control_points_[:, :2].tolist()}"
            )
        self.bump_of_row_ = find_bumps(target, self.relevance_, self.rel_thres)
        self.percentages_ = sampling_percentages(
            np.bincount(self.bump_of_row_).tolist(), self.samp_method
        )
        return self

    def fit_resample(
        self, X: pd.DataFrame, y: pd.Series[Any]
    ) -> tuple[pd.DataFrame, pd.Series[Any]]:
        """Resample a table.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)
            Features: numeric, text, category or bool.
        y : Series of shape (n_rows,)
            Target, numeric; row i belongs to row i of `X`.

        Returns
        -------
        X_resampled, y_resampled : DataFrame and Series of n_out rows
            With the columns, names and dtypes of `X` and `y`; index 0 to n_out - 1.

        Raises
        ------
        TypeError
            If `X` is not a DataFrame or `y` not a Series.
        ValueError
            If a parameter, the features or the target cannot be used; the message names every
            problem of its kind.

        Warns
        -----
        UserWarning
            If a rare bump has `k` rows or fewer, so that fewer neighbours exist.
        """
        self.fit(X, y)
        rng = np.random.default_rng(self.random_state)
        numeric, codes = to_arrays(X, self.categorical_features_)
        target = y.to_numpy(dtype=float)

        kept: list[Ints] = []
        none = np.empty(0, dtype=np.int64)
        made = [Synthetic(numeric[:0], none.astype(float), codes[:0], none, none)]
        for bump, percentage in enumerate(self.percentages_):
            rows = np.flatnonzero(self.bump_of_row_ == bump)
            rare = self.relevance_[rows[0]] >= self.rel_thres
            # NOTE: as in the paper, a rare bump never loses rows and a normal bump never gains
            # any. UBL and smogn decide by the percentage alone.
            if rare and percentage > 1:
                self._warn_if_small(rows, target[rows])
                synthetic = synthesise(
                    numeric[rows],
                    codes[rows],
                    target[rows],
                    even_seeds(len(rows), _floor(len(rows) * (percentage - 1)), rng),
                    k=self.k,
                    pert=self.pert,
                    metric=self.metric,
                    rng=rng,
                )
                made.append(synthetic.within(rows))
            elif not rare and percentage < 1:
                # NOTE: this share of the rows is kept; smogn drops it and keeps the rest. At
                # least one row stays, so that no region of the target vanishes.
                size = max(1, _floor(percentage * len(rows)))
                rows = np.sort(rng.choice(rows, size, replace=self.replace))
            kept.append(rows)
        real = np.sort(np.concatenate(kept))
        new = Synthetic(*(np.concatenate(part) for part in zip(*made, strict=True)))
        self.source_index_ = np.concatenate([real, new.seed])
        self.neighbour_index_ = np.concatenate([np.full(len(real), -1), new.neighbour])
        self.row_origin_ = np.concatenate(
            [np.full(len(real), "real"), np.where(new.interpolated, "interpolated", "noise")]
        )
        self._describe_bumps(target)
        y_new = column_of(y, real, new.seed, new.target)
        X_new = features_of(X, self.categorical_features_, real, new)
        return X_new, pd.Series(y_new, name=y.name)

    def _describe_bumps(self, target: Floats) -> None:
        n_bumps = len(self.percentages_)
        rows = pd.DataFrame({"y": target, "rare": self.relevance_ >= self.rel_thres})
        bumps = rows.groupby(self.bump_of_row_).agg(
            y_min=("y", "min"), y_max=("y", "max"), rare=("rare", "first"), n_rows=("y", "size")
        )
        bumps["percentage"] = self.percentages_
        bump_out = self.bump_of_row_[self.source_index_]
        for origin in ("real", "interpolated", "noise"):
            chosen = bump_out[self.row_origin_ == origin]
            bumps[f"n_{origin}"] = np.bincount(chosen, minlength=n_bumps)
        self.bumps_ = bumps
        weight = bumps["n_rows"].to_numpy()[bump_out] / np.bincount(bump_out)[bump_out]
        self.sample_weight_ = weight / weight.mean()

    def _warn_if_small(self, rows: Ints, target: Floats) -> None:
        if len(rows) > self.k:
            return
        remedy = (
            "its one row is copied"
            if len(rows) == 1
            else f"{len(rows) - 1} neighbours are used instead of k={self.k}"
        )
        warnings.warn(
            f"the rare bump with target {target.min():g} to {target.max():g} has only "
            f"{len(rows)} row{'s' if len(rows) > 1 else ''}: {remedy}; consider another "
            "rel_xtrm_type, rel_coef or control points",
            UserWarning,
            stacklevel=3,
        )

    def _check_parameters(self) -> None:
        problems = []
        k: Any = self.k
        if not isinstance(k, (int, np.integer)) or k < 1:
            problems.append(f"k={self.k!r} must be an integer of at least 1")
        if not 0 < self.pert <= 1:
            problems.append(f"pert={self.pert!r} must be above 0 and at most 1")
        if not 0 < self.rel_thres <= 1:
            problems.append(f"rel_thres={self.rel_thres!r} must be above 0 and at most 1")
        if not self.rel_coef > 0:
            problems.append(f"rel_coef={self.rel_coef!r} must be above 0")
        choices = {
            "samp_method": ("balance", "extreme"),
            "rel_method": ("auto", "manual"),
            "rel_xtrm_type": ("both", "high", "low"),
            "metric": ("auto", "euclidean"),
        }
        for name, allowed in choices.items():
            value = getattr(self, name)
            if value not in allowed:
                problems.append(f"{name}={value!r} must be one of {list(allowed)}")
        if self.rel_method == "manual" and self.rel_ctrl_pts_rg is None:
            problems.append("rel_method='manual' needs rel_ctrl_pts_rg=[[y, relevance], ...]")
        if self.rel_method == "auto" and self.rel_ctrl_pts_rg is not None:
            problems.append("rel_ctrl_pts_rg is used only with rel_method='manual'; set that too")
        if problems:
            raise ValueError("; ".join(problems))

    def _check_table(self, X: pd.DataFrame, y: pd.Series[Any]) -> tuple[Hashable, ...]:
        if not isinstance(X, pd.DataFrame):
            raise TypeError(f"X is a {type(X).__name__}; give a pandas DataFrame")
        if not isinstance(y, pd.Series):
            raise TypeError(f"y is a {type(y).__name__}; give a pandas Series")
        if len(X) != len(y):
            raise ValueError(
                f"X has {len(X)} rows and y has {len(y)}; give one target for each row"
            )
        if X.shape[1] == 0 or len(X) == 0:
            raise ValueError(f"X has shape {X.shape}; give at least one row and one column")
        repeated = X.columns[X.columns.duplicated()].unique().tolist()
        if repeated:
            raise ValueError(f"columns named more than once: {repeated}; rename them")
        categorical = self._categorical(X)
        problems = []
        for name, values, is_category in [
            *((f"column {c!r}", X[c], c in categorical) for c in X.columns),
            (f"target {y.name!r}", y, False),
        ]:
            if not is_category and values.dtype.kind not in "iuf":
                problems.append(f"{name} is {values.dtype}, not numeric; convert it to a number")
            elif n_missing := int(values.isna().sum()):
                problems.append(
                    f"{name} has {n_missing} missing values; drop those rows or fill them"
                )
            elif not is_category and np.isinf(values.to_numpy(dtype=float)).any():
                problems.append(f"{name} has infinite values; drop those rows or correct them")
        if self.metric == "euclidean" and categorical:
            problems.append(
                f"metric='euclidean' cannot use the categorical columns {list(categorical)}; "
                "use metric='auto'"
            )
        if problems:
            raise ValueError("; ".join(problems))
        return categorical

    def _categorical(self, X: pd.DataFrame) -> tuple[Hashable, ...]:
        if isinstance(self.categorical_features, str):
            if self.categorical_features != "auto":
                raise ValueError(
                    f"categorical_features={self.categorical_features!r} must be 'auto' or a list "
                    "of column names"
                )
            # Dates, durations and complex numbers are neither; `_check_table` refuses them.
            return tuple(c for c in X.columns if X[c].dtype.kind not in "iufcmM")
        named = set(self.categorical_features)
        absent = [c for c in self.categorical_features if c not in X.columns]
        if absent:
            raise ValueError(
                f"categorical_features not in X: {absent}; its columns are {list(X.columns)}"
            )
        return tuple(c for c in X.columns if c in named)


def _floor(count: float) -> int:
    # NOTE: smogn and UBL truncate the floating point product, so that 30 % of 10 rows can
    # become 2.
    return math.floor(count + 1e-9)


# SMOGN under the generators' contract -------------------------------------------------------


class SMOGNSynthesizer(BaseEstimator):  # type: ignore[misc]
    """SMOGN as a generator of tables, to be compared with the others.

    SMOGN is not a generator: it returns a resampled table in which many rows are real. Here that
    table is resampled anew at each call of `sample`, and cut or extended to the rows asked for.

    Parameters
    ----------
    samp_method : {"balance", "extreme"}, default="extreme"
        As in `SMOGN`.
    part : {"whole", "synthetic"}, default="whole"
        "whole": SMOGN's output, **exact real rows included**. "synthetic": only the interpolated
        and noise rows, all of them from rare bumps.
    k, pert, rel_thres, rel_method, rel_ctrl_pts_rg, rel_coef, rel_xtrm_type, metric
        As in `SMOGN`. Categorical features come from the schema.
    random_state : int, Generator or None, default=None
        Used by `sample` when it is given none; fitting draws nothing.

    Notes
    -----
    *Same rows in, same rows out.* One run of SMOGN returns about, but seldom exactly, the rows
    it was given. `sample` returns exactly `n_samples`: if a run yields more, a uniform draw
    without replacement from it; if it yields fewer, all of it and as much as is missing from
    further runs with fresh draws. Thus the shares of the target's regions stay those of SMOGN, and
    no row of a run is returned twice. With "whole", a real row can recur only because another run
    kept it too. The rows come in random order.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> x = np.random.default_rng(0).normal(size=200)
    >>> frame = pd.DataFrame({"load": x, "minutes": np.exp(x)})
    >>> schema = Schema.infer(frame, target="minutes")
    >>> generator = SMOGNSynthesizer(part="synthetic").fit(frame, schema)
    >>> table = generator.sample(50, random_state=1)
    >>> table.shape, bool(table["minutes"].isin(frame["minutes"]).any())
    ((50, 2), False)
    """

    def __init__(
        self,
        *,
        samp_method: Literal["balance", "extreme"] = "extreme",
        part: Literal["whole", "synthetic"] = "whole",
        k: int = 5,
        pert: float = 0.02,
        rel_thres: float = 0.5,
        rel_method: Literal["auto", "manual"] = "auto",
        rel_ctrl_pts_rg: npt.ArrayLike | None = None,
        rel_coef: float = 1.5,
        rel_xtrm_type: Literal["both", "high", "low"] = "both",
        metric: Literal["auto", "euclidean"] = "auto",
        random_state: int | np.random.Generator | None = None,
    ) -> None:
        self.samp_method = samp_method
        self.part = part
        self.k = k
        self.pert = pert
        self.rel_thres = rel_thres
        self.rel_method = rel_method
        self.rel_ctrl_pts_rg = rel_ctrl_pts_rg
        self.rel_coef = rel_coef
        self.rel_xtrm_type = rel_xtrm_type
        self.metric = metric
        self.random_state = random_state

    def fit(self, frame: pd.DataFrame, schema: Schema) -> Self:
        """Keep a copy of the table; see `synthtab.generators.contract.Generator`.

        Raises
        ------
        ValueError
            If the target is categorical, the table does not follow the schema, a parameter is
            unknown, or SMOGN cannot resample this target.
        """
        if self.part not in ("whole", "synthetic"):
            raise ValueError(f"part={self.part!r} must be one of ['whole', 'synthetic']")
        if schema.task != "regression":
            raise ValueError(
                f"SMOGN resamples by a numerical target, and {schema.target!r} is categorical with "
                f"{len(schema.categorical[schema.target])} categories; use another generator"
            )
        schema.validate(frame)
        smogn = self._smogn(schema, None).fit(frame[list(schema.features)], frame[schema.target])
        rare = smogn.relevance_ >= self.rel_thres
        over_sampled = smogn.percentages_[smogn.bump_of_row_[rare]] > 1
        if self.part == "synthetic" and not over_sampled.any():
            raise ValueError(
                "part='synthetic', but SMOGN makes no synthetic row here: every rare bump is "
                f"larger than the mean bump (percentages {smogn.percentages_.round(2).tolist()}); "
                "raise rel_thres or move the control points"
            )
        self.frame_ = frame.copy()
        self.schema_ = schema
        return self

    def sample(
        self, n_samples: int, *, random_state: int | np.random.Generator | None = None
    ) -> pd.DataFrame:
        """Resample the fitted table; see `synthtab.generators.contract.Generator`.

        Without a `random_state` that of the constructor is taken.
        """
        check_is_fitted(self)
        if n_samples < 1:
            raise ValueError(f"n_samples={n_samples!r} must be at least 1")
        rng = np.random.default_rng(self.random_state if random_state is None else random_state)
        return pool_runs(self._run, n_samples, rng)

    def _run(self, rng: np.random.Generator) -> pd.DataFrame:
        schema = self.schema_
        smogn = self._smogn(schema, rng)
        X, y = smogn.fit_resample(self.frame_[list(schema.features)], self.frame_[schema.target])
        table = X.assign(**{schema.target: y})[list(schema.columns)]
        return table if self.part == "whole" else table[smogn.row_origin_ != "real"]

    def _smogn(self, schema: Schema, rng: np.random.Generator | None) -> SMOGN:
        parameters = self.get_params() | {"random_state": rng}
        del parameters["part"]
        categorical = [c for c in schema.features if c in schema.categorical]
        return SMOGN(categorical_features=categorical, **parameters)


def pool_runs(
    run: Callable[[np.random.Generator], pd.DataFrame], n_samples: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Exactly `n_samples` rows of runs that return another number of rows.

    A uniform draw without replacement from the last run, and all rows of the runs before it, in
    random order within each run; index 0 to n_samples - 1. A run takes a generator.
    """
    runs: list[pd.DataFrame] = []
    missing = n_samples
    while missing > 0:
        table = run(rng)
        chosen = rng.permutation(len(table))[:missing]
        runs.append(table.iloc[chosen])
        missing -= len(chosen)
    return pd.concat(runs, ignore_index=True)
