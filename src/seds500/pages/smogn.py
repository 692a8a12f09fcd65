"""The chapter on SMOGN: its arms, where rows lie, and what selection does to E[y | x].

First what is computed, then what is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure
from sklearn.base import clone
from sklearn.neighbors import NearestNeighbors

from seds500.arms.smogn import FewerRows, NumericOnly, Selection, Weighted
from seds500.claims import smogn as claims
from seds500.comparisons import best_learner, with_bounds
from seds500.data import StudyTable
from seds500.plots import (
    COLOURS,
    LABELS,
    MARKERS,
    PALETTE,
    baseline,
    legend,
    mark,
    methods_axis,
    panels,
    styled,
)
from seds500.records import numbers_of
from synthtab.evaluation.compare import REAL, Comparison, summarise
from synthtab.evaluation.intervals import interval, verdict
from synthtab.evaluation.utility import LEARNERS
from synthtab.generators.contract import Generator
from synthtab.generators.reference import Interpolation, NoiseCopy
from synthtab.smogn.interpolation import synthesise, to_arrays
from synthtab.smogn.resample import SMOGN, SMOGNSynthesizer
from synthtab.table.schema import Schema
from synthtab.table.split import Dataset

Floats = npt.NDArray[np.float64]

ARMS = (
    REAL,
    "interpolation",
    "interpolation_always",
    "fewer_rows",
    "weighted",
    "smogn_balance",
    "selection",
    "smogn_extreme",
    "random_categories",
    "smogn_extreme_synthetic",
    "noise_copy",
)
"""The arms in the order of the chapter; those for the published figures only are not among them."""

INGREDIENTS: Mapping[str, str] = {
    REAL: "training rows",
    "smogn_balance": "SMOGN as in its paper",
    "smogn_extreme": "+ extreme",
    "raw_units": "+ numbers only, distances in raw units",
    "random_categories": "+ categories at random",
    "raw_synthetic": "+ synthetic rows alone",
}
"""The study's procedure, one ingredient more in each line."""

_LEFT = -60  # percent of the baseline; means below would press all others together


# What is computed: arms ---------------------------------------------------------------------


def arms(dataset: StudyTable, *, k: int = 5) -> dict[str, Generator]:
    """Generators that hold one ingredient of SMOGN each, unfitted.

    Parameters
    ----------
    dataset : StudyTable
        The table. Without categorical features there is nothing to draw at random. The steps of
        `INGREDIENTS` are among the arms of a stand-in: only there are figures to set beside them.
    k : int, default=5
        Neighbours of SMOGN and of the interpolation.

    Returns
    -------
    dict of str to Generator
    """
    found: dict[str, Generator] = {
        "interpolation": Interpolation(k=k),
        "fewer_rows": FewerRows(),
        "weighted": Weighted(k=k),
        "smogn_balance": SMOGNSynthesizer(samp_method="balance", k=k),
        "selection": Selection(),
        "smogn_extreme": SMOGNSynthesizer(k=k),
        "random_categories": NumericOnly(k=k),
        "smogn_extreme_synthetic": SMOGNSynthesizer(part="synthetic", k=k),
        "noise_copy": NoiseCopy(),
    }
    if not dataset.schema.categorical:
        del found["random_categories"]
    if dataset.card.is_standin:
        found["raw_units"] = NumericOnly(categories="seed", k=k)
        found["raw_synthetic"] = NumericOnly(part="synthetic", k=k)
    return found


def implied_r2(baseline_r2: float, rmse_rise: float) -> float:
    """R² of a model whose RMSE is `rmse_rise` percent above that of a baseline.

    On one test set R² is 1 minus a multiple of the squared RMSE.

    Examples
    --------
    >>> implied_r2(0.5, 100)
    -1.0
    """
    return 1 - (1 - baseline_r2) * (1 + rmse_rise / 100) ** 2


# What is computed: where rows lie -------------------------------------------------------------


def nearest_distance(
    queries: pd.DataFrame, reference: pd.DataFrame | None, schema: Schema, *, scale_by: pd.DataFrame
) -> Floats:
    """HEOM distance on the features from each row to the nearest row of another table.

    Parameters
    ----------
    queries : DataFrame of shape (n_queries, n_columns)
        Rows to measure from.
    reference : DataFrame of shape (n_reference, n_columns), or None
        Rows to measure to; None: the other rows of `queries`.
    schema : Schema
        Description of both.
    scale_by : DataFrame
        Table whose ranges scale the numeric features, as a bump's ranges do in SMOGN.

    Returns
    -------
    ndarray of shape (n_queries,)

    Examples
    --------
    >>> frame = pd.DataFrame({"size": [0.0, 10.0], "plant": ["a", "b"], "y": [1.0, 2.0]})
    >>> schema = Schema.infer(frame, target="y")
    >>> query = pd.DataFrame({"size": [6.0], "plant": ["a"], "y": [0.0]})
    >>> nearest_distance(query, frame, schema, scale_by=frame).tolist()
    [0.6]
    """
    targets = _coordinates(queries if reference is None else reference, schema, scale_by)
    search = NearestNeighbors(n_neighbors=1).fit(targets)
    # Asked for no points, scikit-learn takes the fitted ones and leaves each one itself out.
    points = None if reference is None else _coordinates(queries, schema, scale_by)
    return np.asarray(search.kneighbors(points)[0][:, 0])


def _coordinates(table: pd.DataFrame, schema: Schema, scale_by: pd.DataFrame) -> Floats:
    """Points whose Euclidean distances are HEOM distances."""
    parts = []
    for column in schema.features:
        if column in schema.categorical:
            # Two different one-hot vectors lie sqrt(2) apart; the overlap distance is 1.
            known = np.array(schema.categorical[column], dtype=object)
            parts.append((table[column].to_numpy()[:, None] == known) / np.sqrt(2))
        else:
            spread = np.ptp(scale_by[column].to_numpy(dtype=float)) or 1.0
            parts.append(table[[column]].to_numpy(dtype=float) / spread)
    return np.hstack(parts)


def distances(
    dataset: Dataset, generators: Mapping[str, Generator], *, seeds: Sequence[int]
) -> pd.DataFrame:
    """How far the rows of each generator lie from real rows, and real rows from each other.

    Parameters
    ----------
    dataset : Dataset
        The real table.
    generators : mapping of str to Generator
        Unfitted generators; clones are fitted on the training rows.
    seeds : sequence of int
        One split and one draw each.

    Returns
    -------
    DataFrame
        seed, method, to, distance: mean distance (see `nearest_distance`, scaled by the training
        rows) to the nearest row of ``training`` or of ``unseen`` (the test rows). The method
        ``real`` is the training rows themselves; their distance to ``training`` is that to the
        nearest *other* row.

    Notes
    -----
    Rows made from training rows lie near these by construction. Whether they fall where there are
    no real rows shows in the distance to unseen rows, beside that from real rows to the same.
    """
    rows = []
    for seed in seeds:
        train, test = dataset.split(seed)
        tables = {REAL: train}
        for method, generator in generators.items():
            fitted = clone(generator).fit(train, dataset.schema)
            tables[method] = fitted.sample(len(train), random_state=seed)
        for method, table in tables.items():
            for to, reference in (("training", train), ("unseen", test)):
                found = nearest_distance(
                    table,
                    None if method == REAL and to == "training" else reference,
                    dataset.schema,
                    scale_by=train,
                )
                rows.append({"seed": seed, "method": method, "to": to, "distance": found.mean()})
    return pd.DataFrame(rows)


def distance_ratios(
    found: pd.DataFrame, pairs: Sequence[tuple[str, str]], *, to: str = "unseen"
) -> pd.DataFrame:
    """Mean distance of one method's rows over that of another's, over the seeds.

    Parameters
    ----------
    found : DataFrame
        As `distances` returns it.
    pairs : sequence of (str, str)
        Methods to be compared.
    to : {"unseen", "training"}, default="unseen"
        Rows measured to.

    Returns
    -------
    DataFrame
        first, second, mean, low, high. The bounds tell how the ratio varies from split to split;
        they make no allowance for the overlap of the splits.
    """
    wide = found[found.to == to].pivot_table(index="seed", columns="method", values="distance")
    rows = [(a, b, *interval(wide[a] / wide[b])) for a, b in pairs]
    return pd.DataFrame(rows, columns=["first", "second", "mean", "low", "high"])


def share_interpolated(
    frame: pd.DataFrame,
    schema: Schema,
    *,
    k: int = 5,
    random_state: int | np.random.Generator | None = None,
) -> float:
    """Share of new rows that SMOGN's rule interpolates, with a whole table as its bump.

    The others have a neighbour farther than half the median distance, and are made by noise.

    Examples
    --------
    >>> from seds500.data import load
    >>> data = load("012")
    >>> share_interpolated(data.frame, data.schema, random_state=0)
    1.0
    """
    rng = np.random.default_rng(random_state)
    numeric, codes = to_arrays(frame[list(schema.features)], list(schema.categorical))
    target = frame[schema.target].to_numpy(dtype=float)
    made = synthesise(numeric, codes, target, np.arange(len(frame)), k=k, rng=rng)
    return float(made.interpolated.mean())


# What is computed: the effect of selection on E[y | x] ----------------------------------------


def selection_factors(
    frame: pd.DataFrame, schema: Schema, samp_method: Literal["balance", "extreme"] = "extreme"
) -> Floats:
    """Rows out of SMOGN for each row in, on average: what its selection weighs a row with.

    Returns
    -------
    ndarray of shape (n_rows,)

    Examples
    --------
    >>> from seds500.data import load
    >>> data = load("012")
    >>> factors = selection_factors(data.frame, data.schema)
    >>> np.unique(factors.round(1)).tolist()
    [0.2, 5.7]
    """
    smogn = SMOGN(samp_method=samp_method)
    # The features play no part in it; their categories are named so that none is refused.
    features = frame[list(schema.features)]
    smogn.set_params(categorical_features=[c for c in features if c in schema.categorical])
    smogn.fit(features, frame[schema.target])
    percentage = smogn.percentages_[smogn.bump_of_row_]
    rare = smogn.relevance_ >= smogn.rel_thres
    return np.where(rare, np.maximum(percentage, 1.0), np.minimum(percentage, 1.0))


def bend(
    tables: Mapping[str, pd.DataFrame], schema: Schema, column: str, *, n_bands: int = 10
) -> pd.DataFrame:
    """Mean target in bands of one feature, for several tables and as selection predicts it.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Tables of the schema by method; ``real`` among them.
    schema : Schema
        Their description.
    column : str
        A numeric feature.
    n_bands : int, default=10
        Bands with about equally many real rows; fewer where values repeat.

    Returns
    -------
    DataFrame with a row for each band
        ``at`` (mean of the feature over the band's real rows), ``share`` (of the real rows), and
        the mean target of each table. ``expected`` is computed from the real rows alone, by
        weighting them with `selection_factors`.

    Notes
    -----
    Rows drawn with a probability proportional to w(y) have the conditional mean
    E[w(y) y | x] / E[w(y) | x], which differs from E[y | x] wherever w varies over the values
    that y takes at x. The number of features plays no part.
    """
    real = tables[REAL]
    edges = np.unique(np.quantile(real[column], np.linspace(0, 1, n_bands + 1)))

    def bands(table: pd.DataFrame) -> npt.NDArray[np.int64]:
        found = np.searchsorted(edges, table[column], side="right")
        return found.clip(1, len(edges) - 1) - 1

    factors = selection_factors(real, schema)
    by_band = real.groupby(bands(real))
    weighted = (real[schema.target] * factors).groupby(bands(real)).sum()
    found = pd.DataFrame(
        {
            "at": by_band[column].mean(),
            "share": by_band.size() / len(real),
            "expected": weighted / pd.Series(factors).groupby(bands(real)).sum(),
        }
    )
    for method, table in tables.items():
        found[method] = table.groupby(bands(table))[schema.target].mean()
    return found.reset_index(drop=True)


def bending(found: pd.DataFrame, *, reference: str = REAL) -> dict[str, float]:
    """Mean absolute difference of each conditional mean from that of one method.

    Parameters
    ----------
    found : DataFrame
        As `bend` returns it; bands count by their share of the real rows.
    reference : str, default="real"
        The method that the others are compared with.

    Returns
    -------
    dict of str to float
        In the unit of the target. Bands in which a method has no row are left out.

    Examples
    --------
    >>> found = pd.DataFrame({"at": [1, 2], "share": [0.75, 0.25], "real": [5.0, 5.0]})
    >>> bending(found.assign(expected=[5.0, 9.0]))
    {'expected': 1.0}
    """
    gaps = {}
    for method in found.columns.difference(["at", "share", reference], sort=False):
        gap = (found[method] - found[reference]).abs()
        gaps[str(method)] = float(np.average(gap[gap.notna()], weights=found.share[gap.notna()]))
    return gaps


# What is shown: tables ------------------------------------------------------------------------


def arms_table(comparisons: Mapping[str, Comparison], titles: Mapping[str, str]) -> pd.DataFrame:
    """R² of each arm on each table with its interval, for the table's best learner."""
    columns = {}
    for name, comparison in comparisons.items():
        learner = best_learner(comparison)
        rows = summarise(comparison).query("learner == @learner").set_index("method")
        columns[f"{titles[name]} ({LEARNERS[learner]})"] = {
            LABELS[m]: with_bounds(rows.loc[m].to_dict()) for m in ARMS if m in rows.index
        }
    table = pd.DataFrame(columns).fillna("")
    table = table.reindex([LABELS[m] for m in ARMS if LABELS[m] in table.index])
    return table.rename_axis(index="trained on")


def verdicts(comparisons: Mapping[str, Comparison]) -> pd.DataFrame:
    """Each claim of `seds500.claims.smogn` with its verdict, by the rule of the ledger.

    Parameters
    ----------
    comparisons : mapping of str to Comparison
        One for each table, with the arms of `arms`.

    Returns
    -------
    DataFrame with a row for each claim
        ``claim``; ``n`` pairs of table and learner in which both arms exist; ``lower``, ``apart``
        and ``higher``, how many of them support the claim, settle nothing, or are against it;
        ``worst`` and ``best``, the smallest and largest mean difference in percent of the
        baseline; ``verdict``.

    Raises
    ------
    ValueError
        If there is one seed only, and so no interval to decide by.
    """
    rows = {}
    for key, test in claims.tests(comparisons).items():
        outcomes = test.outcomes()
        percent = [figure.value for figure in test.figures.values()]
        rows[key] = {
            "claim": test.what,
            "n": len(outcomes),
            "lower": outcomes.count("supports"),
            "apart": outcomes.count("open"),
            "higher": outcomes.count("against"),
            "worst": min(percent),
            "best": max(percent),
            "verdict": test.verdict(),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def verdict_table(found: pd.DataFrame) -> pd.DataFrame:
    """`verdicts` for the reader."""
    spread = [f"{w:+.0f} to {b:+.0f} %" for w, b in zip(found.worst, found.best, strict=True)]
    table = found.assign(spread=[s.replace("-", "−") for s in spread]).set_index("claim")
    names = {"apart": "not told apart", "n": "pairs", "spread": "mean difference, % of baseline"}
    return table[["verdict", "lower", "apart", "higher", "n", "spread"]].rename(columns=names)


def ingredients_record(comparison: Comparison) -> dict[str, Any]:
    """R² and rise of the RMSE in percent, by step and learner; the first step below zero."""
    scores, errors = (
        summarise(comparison, metric=m).set_index(["method", "learner"]) for m in ("r2", "rmse")
    )
    found: dict[str, Any] = {
        step: {
            str(learner): {
                "r2": scores.loc[(step, learner), "mean"],
                "rmse_rise": errors.loc[(step, learner), "percent"] - 100,
            }
            for learner in scores.loc[step].index
        }
        for step in INGREDIENTS
        if step in scores.index
    }
    first = {
        learner: next((step for step in found if found[step][learner]["r2"] < 0), "none")
        for learner in found[REAL]
    }
    return {**found, "first_negative": first}


def ingredients_table(comparison: Comparison) -> pd.DataFrame:
    """R² and rise of the RMSE over real rows, one of `INGREDIENTS` more in each line."""
    found = ingredients_record(comparison)
    rows = {
        label: {
            LEARNERS[learner]: f"{of['r2']:.2f} · {of['rmse_rise']:+.0f} %".replace("-", "−")
            for learner, of in found[step].items()
        }
        for step, label in INGREDIENTS.items()
        if step in found
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(index="R² · rise of the RMSE")


def distances_table(ratios: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """`distance_ratios` of several tables: a column for each pair."""
    cells = {
        name: {
            f"{LABELS[row['first']]} / {LABELS[row['second']]}": with_bounds(row)
            for row in found.to_dict("records")
        }
        for name, found in ratios.items()
    }
    return pd.DataFrame(cells).T.rename_axis(index="distance to unseen rows")


def scores_record(comparison: Comparison) -> dict[str, Any]:
    """R² by arm and learner, with intervals and percent of the baseline, and the best learner's."""
    found: dict[str, Any] = {"learner": best_learner(comparison)}
    for row in summarise(comparison).to_dict("records"):
        numbers = numbers_of(row)
        found.setdefault(row["method"], {})[row["learner"]] = numbers
        if row["learner"] == found["learner"]:
            found[row["method"]]["best"] = numbers
    return found


# Sentences that follow from the numbers ------------------------------------------------------


def arms_reading(arms: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    """What the best learner keeps with each part of SMOGN, a line for each table.

    Parameters
    ----------
    arms : mapping
        `scores_record` of each table.
    titles : mapping of str to str
        What a page calls each table.

    Returns
    -------
    str
    """
    lines = ["Of its R² on real rows, the best learner keeps", ""]
    for key, of in arms.items():
        kept = [
            f"{_percent({'percent': of[arm]['best']['percent']})} with {words}"
            for arm, words in _PARTS.items()
            if arm in of
        ]
        lines.append(f"- {titles[key]}: {', '.join(kept)}")
    return "\n".join(lines)


_PARTS: Mapping[str, str] = {
    "interpolation": "interpolation only",
    "selection": "selection only",
    "smogn_extreme": "both, as SMOGN",
}


def sweep_table(sweep: Mapping[str, Any], *, learner: str = "gb") -> pd.DataFrame:
    """R² kept at the narrowest and the widest table of the sweep, in percent, by arm."""
    columns: dict[tuple[str, str], dict[str, str]] = {}
    for kind, ends in sweep.items():
        for of in ends.values():
            columns[f"{kind} columns added", f"{of['columns']} columns"] = {
                LABELS[arm]: _percent(found[learner])
                for arm, found in of.items()
                if arm not in (REAL, "columns", "learner")
            }
    return pd.DataFrame(columns)


def _percent(of: Mapping[str, float]) -> str:
    bounds = ""
    if "percent_low" in of:
        bounds = f" [{of['percent_low']:.0f}, {of['percent_high']:.0f}]"
    return f"{of['percent']:.0f} %{bounds}".replace("-", "−")


def sweep_reading(
    sweep: Mapping[str, Any], interpolated: Mapping[str, float], *, learner: str = "gb"
) -> str:
    """Whether what an arm loses grows with the number of columns, as a list.

    It grows if the interval at the widest table lies below the one at the narrowest, and shrinks if
    it lies above.
    """
    lines = []
    for kind, ends in sweep.items():
        narrow, wide = ends["narrowest"], ends["widest"]
        told: dict[str, list[str]] = {}
        for arm in narrow:
            if arm in (REAL, "columns", "learner"):
                continue
            a, b = narrow[arm][learner], wide[arm][learner]
            if "percent_low" not in a:
                change = "has no interval for"
            elif b["percent_high"] < a["percent_low"]:
                change = "grows for"
            elif b["percent_low"] > a["percent_high"]:
                change = "shrinks for"
            else:
                change = "does not change beyond its interval for"
            told.setdefault(change, []).append(LABELS[arm])
        parts = ", and it ".join(f"{change} {'; '.join(arms)}" for change, arms in told.items())
        lines.append(
            f"- From {narrow['columns']} to {wide['columns']} columns, {kind} ones being added, "
            f"the loss {parts}."
        )
    lines.append(
        f"- SMOGN's rule interpolates {100 * interpolated['narrowest']:.0f} % of its new rows at "
        f"the narrowest table and {100 * interpolated['widest']:.0f} % at the widest. The others "
        "are made by noise."
    )
    return "\n".join(lines)


def distances_reading(
    nearest: Mapping[str, Any], swept: Mapping[str, Any], titles: Mapping[str, str]
) -> str:
    """Where interpolated rows lie farther from unseen rows than real rows do, as sentences."""
    groups: dict[str, list[str]] = {}
    for key, of in nearest.items():
        found = of["interpolation"]
        told = verdict(found.get("low", np.nan), found.get("high", np.nan), 1)
        groups.setdefault(told, []).append(f"{titles[key]} ({found['mean']:.2f})")
    words = {
        "above": "farther from unseen real rows than real rows do",
        "below": "nearer to unseen real rows than real rows do",
        "not told apart": "neither nearer nor farther, as far as the interval tells,",
        "unknown with one seed": "at a ratio without an interval",
    }
    parts = [
        f"Interpolated rows lie {words[told]} on {'; '.join(group)}."
        for told, group in groups.items()
    ]
    parts.append(
        "With columns added and interpolation forced, the ratio is "
        f"{swept['narrowest']['mean']:.2f} at the narrowest table and "
        f"{swept['widest']['mean']:.2f} at the widest."
    )
    return " ".join(parts)


def bend_reading(bend: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    """How far each line lies from the real one and SMOGN's from the formula's, as a list."""
    lines = []
    for key, of in bend.items():
        real, expected = of["real"], of["expected"]["smogn_extreme"]
        closer = (
            "the formula is nearer"
            if expected < real["smogn_extreme"]
            else "the real line is nearer"
        )
        lines.append(
            f"- {titles[key]}: the mean distance from the real line is "
            f"{_short(real['smogn_extreme'])} for SMOGN, {_short(real['selection'])} for selection "
            f"only and {_short(real['interpolation'])} for interpolation only. From the dashed "
            f"line SMOGN lies {_short(expected)} away, so {closer}."
        )
    return "\n".join(lines) or "None of these tables was compared."


def _short(value: float) -> str:
    """Three digits, without an exponent."""
    return f"{float(f'{value:.3g}'):,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def ingredients_reading(ingredients: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    """Which ingredient lowers the forest's R² most, and which takes it below zero, as a list."""
    lines = []
    for key, of in ingredients.items():
        r2 = {name: of[name]["rf"]["r2"] for name in INGREDIENTS if name in of}
        names = list(r2)
        steps = {b: r2[b] - r2[a] for a, b in pairwise(names)}
        largest = min(steps, key=steps.__getitem__)
        below = next((name for name in names if r2[name] < 0), None)
        ends = (
            "it stays above zero"
            if below is None
            else f"it is below zero from *{INGREDIENTS[below]}* on"
        )
        reached = f"{r2[largest]:.2f}".replace("-", "−")
        lines.append(
            f"- {titles[key]}: the forest's R² falls most, by {-steps[largest]:.2f} to {reached}, "
            f"with *{INGREDIENTS[largest]}*; {ends}."
        )
    return "\n".join(lines) or "No stand-in was compared."


def meaning(found: pd.DataFrame) -> str:
    """What the page means, as Markdown sentences that follow from `verdicts`.

    Parameters
    ----------
    found : DataFrame
        As `verdicts` returns it.

    Returns
    -------
    str
    """

    rows = found.to_dict("index")

    def pairs(key: str) -> str:
        return f"{rows[key]['lower']} of {rows[key]['n']} pairs"

    def costs(key: str) -> bool:
        return bool(2 * rows[key]["lower"] > rows[key]["n"])

    selecting = costs("selection") and costs("smogn")
    interpolating = costs("interpolation")
    if selecting and not interpolating:
        told = (
            "**Selecting rows by their target is what fails, and interpolating is not.** Empty "
            "regions of a high-dimensional space are not needed to explain the loss."
        )
    elif interpolating and not selecting:
        told = "**Interpolating is what costs score here, and selecting does not.**"
    elif selecting:
        told = "Selecting and interpolating both cost score, so this run does not decide."
    else:
        told = "Neither part costs score in most pairs, so this run does not say why SMOGN fails."
    worst = f"{rows['interpolation']['worst']:.0f}".replace("-", "−")
    lines = [
        f"Selection only scores below real rows in {pairs('selection')}, SMOGN in "
        f"{pairs('smogn')}, and interpolation only in {pairs('interpolation')}. The mean "
        f"difference of interpolation is {worst} % of the baseline at worst.",
        told,
        f"Given SMOGN's selection, interpolating scores lower than copying in "
        f"{pairs('interpolation_in_smogn')} and higher in "
        f"{rows['interpolation_in_smogn']['higher']}.",
        f"SMOGN scores below SMOGN weighted back in {pairs('weighting_undoes')}. Weighted back, it "
        f"scores below real rows in {pairs('weighted')}, and below as few rows drawn evenly in "
        f"{pairs('weighted_and_fewer_rows')}.",
        f"Random categories lower the score in {pairs('random_categories')}, and using synthetic "
        f"rows only in {pairs('synthetic_rows')}. The first is the study's choice and not SMOGN's. "
        "The second may be the study's; its report does not say so.",
        f"A noise copy scores below real rows in {pairs('noise_copy')}. Where it does not, a high "
        "score is no sign that rows may be shared.",
    ]
    return "\n".join(f"- {line}" for line in lines)


# What is shown: figures -----------------------------------------------------------------------


@styled
def arms_figure(comparisons: Mapping[str, Comparison], titles: Mapping[str, str]) -> Figure:
    """Share of the baseline that each arm keeps, with intervals; one panel for each table.

    A triangle at the left end is a mean that lies farther left. Synthetic rows alone, which lie
    there on all tables, are in the table only.
    """
    held = {m for c in comparisons.values() for m in c.scores.method}
    order = [m for m in ARMS if m in held - {REAL, "smogn_extreme_synthetic"}]
    figure, axes = panels(len(comparisons), 2, 4.1, 2.4, below=0.6, sharex=True, sharey=True)
    for ax, (name, comparison) in zip(axes, comparisons.items(), strict=True):
        _panel(ax, summarise(comparison), order)
        ax.set_title(titles[name])
    methods_axis(axes[0], order, left=_LEFT, right=115)
    for ax in axes[-2:]:
        ax.set_xlabel("R², % of that of real rows")
    legend(figure, [mark(LEARNERS[k], m) for k, m in MARKERS.items() if k != "logistic"])
    return figure


def _panel(ax: Any, summary: pd.DataFrame, order: Sequence[str]) -> None:
    learners = summary.learner.unique()
    for shift, learner in zip(np.linspace(-0.25, 0.25, len(learners)), learners, strict=True):
        rows = summary[summary.learner == learner].set_index("method").reindex(order)
        y, colours = np.arange(len(order)) + shift, [COLOURS[m] for m in order]
        ax.errorbar(rows.percent, y, xerr=_bounds(rows), fmt="none", ecolor=colours, elinewidth=1.2)
        ax.scatter(rows.percent, y, c=colours, marker=MARKERS[learner], s=20, zorder=3)
        for method, at in zip(order, y, strict=True):
            if rows.percent[method] < _LEFT:
                ax.plot(_LEFT + 3, at, "<", color=COLOURS[method], ms=4)
    baseline(ax)


def _bounds(rows: pd.DataFrame) -> list[Any]:
    """How far the bounds of the percentage lie from it."""
    return [rows.percent - rows.percent_low, rows.percent_high - rows.percent]


@styled
def sweep_figure(sweeps: Mapping[str, Mapping[int, Comparison]], *, learner: str = "gb") -> Figure:
    """Share of the baseline kept against the number of encoded columns; a panel for each sweep."""
    figure, axes = panels(len(sweeps), len(sweeps), 4.1, 3.4, sharey=True)
    for ax, (name, sweep) in zip(axes, sweeps.items(), strict=True):
        found = pd.concat([summarise(c).assign(width=width) for width, c in sweep.items()])
        found = found[found.learner == learner]
        at = np.arange(len(sweep))
        arms = [m for m in ARMS if m in set(found.method) - {REAL}]
        for shift, arm in zip(np.linspace(-0.12, 0.12, len(arms)), arms, strict=True):
            rows = found[found.method == arm].set_index("width").loc[list(sweep)]
            ax.errorbar(
                at + shift, rows.percent, yerr=_bounds(rows), fmt="o-", ms=4, lw=1.2,
                color=COLOURS[arm], label=LABELS[arm],
            )  # fmt: skip
        baseline(ax, sideways=False)
        ax.set_xticks(at, [str(width) for width in sweep])
        ax.set(xlabel="columns after one-hot encoding", title=f"{name} columns added")
    axes[0].set_ylabel("R², % of that of real rows")
    legend(figure, ncols=2)
    return figure


@styled
def bend_figure(
    bends: Mapping[str, pd.DataFrame], axes_names: Mapping[str, tuple[str, str]]
) -> Figure:
    """Mean target over one feature, as `bend` gives it, one panel for each table.

    Parameters
    ----------
    bends : mapping of str to DataFrame
        By title.
    axes_names : mapping of str to (str, str)
        Feature and target of each.

    Returns
    -------
    Figure
    """
    looks = {REAL: "o", "interpolation": "s", "selection": "D", "smogn_extreme": "."}
    figure, axes = panels(len(bends), 2, 4.1, 3.0, below=0.7)
    for ax, (name, found) in zip(axes, bends.items(), strict=True):
        for line in (*(m for m in looks if m in found), "expected"):
            marker, dashes = looks.get(line, ""), "--" if line == "expected" else "-"
            ax.plot(
                found["at"], found[line], marker=marker, ls=dashes, ms=5, lw=1.2,
                color=COLOURS[line], label=LABELS[line],
            )  # fmt: skip
        feature, target = axes_names[name]
        ax.set(title=name, xlabel=feature, ylabel=f"mean {target}")
    legend(figure, ncols=2)
    return figure


@styled
def growth_figure(benchmark: Mapping[str, Any]) -> Figure:
    """CPU time of SMOGN against the rows, from the record of `benchmarks/smogn_speed.py`."""
    package = sorted(benchmark["package"].values(), key=lambda row: row["n_rows"])
    lines = {
        "package smogn, 2 numbers": [[row[c] for row in package] for c in ("n_rows", "package")]
    }
    for kind, label in (
        ("narrow", "synthtab, 2 numbers"),
        ("numeric", "synthtab, 10 numbers"),
        ("mixed", "synthtab, 6 numbers, 4 categories"),
    ):
        lines[label] = [benchmark["growth"][kind][c] for c in ("n_rows", "seconds")]
    figure, ax = plt.subplots(figsize=(6, 4.2), layout="constrained")
    looks = zip(PALETTE, "osD^", strict=False)
    for (label, (n_rows, spent)), (colour, marker) in zip(lines.items(), looks, strict=False):
        ax.loglog(n_rows, spent, f"{marker}-", color=colour, label=label)
    ax.set(xlabel="rows", ylabel="CPU seconds")
    legend(figure, ncols=2)
    return figure
