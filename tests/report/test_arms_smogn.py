"""SMOGN taken apart: each arm holds its ingredient and no other; figures and verdicts add up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from seds500.arms.smogn import (
    FewerRows,
    NumericOnly,
    Selection,
    Weighted,
    n_encoded,
    widen,
)
from seds500.claims.smogn import CLAIMS
from seds500.data import load
from seds500.pages import smogn as report
from seds500.pages.smogn import (
    bend,
    bending,
    distances,
    nearest_distance,
    selection_factors,
    share_interpolated,
)
from seds500.plots import COLOURS, LABELS
from seds500.records import title
from synthtab.evaluation.compare import Comparison, compare
from synthtab.evaluation.fidelity import share_of_copies
from synthtab.evaluation.utility import REGRESSORS
from synthtab.generators.reference import Bootstrap, Interpolation
from synthtab.smogn.interpolation import even_seeds, synthesise
from synthtab.smogn.resample import SMOGNSynthesizer
from synthtab.table.schema import Schema
from synthtab.table.split import Dataset


def mixed(n: int = 600, seed: int = 0) -> tuple[pd.DataFrame, Schema]:
    """A skewed target that hangs on a number and on a category, and an integer column."""
    rng = np.random.default_rng(seed)
    load_ = rng.normal(size=n)
    line = rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1]).astype(object)
    minutes = np.exp(load_ + (line == "c") + 0.3 * rng.normal(size=n)).round(3)
    frame = pd.DataFrame(
        {"line": line, "load": load_, "batch": rng.integers(1, 99, n), "minutes": minutes}
    )
    return frame, Schema.infer(frame, target="minutes")


FRAME, SCHEMA = mixed()
ARMS = {
    "selection": Selection(),
    "weighted": Weighted(),
    "fewer_rows": FewerRows(),
    "random": NumericOnly(),
    "seed": NumericOnly(categories="seed"),
    "synthetic": NumericOnly(part="synthetic"),
    "always": Interpolation(always=True),
}


def draw(name: str, n_samples: int = 600, seed: int = 0) -> pd.DataFrame:
    return ARMS[name].fit(FRAME, SCHEMA).sample(n_samples, random_state=seed)


# Contract -----------------------------------------------------------------------------------


@pytest.mark.parametrize("n_samples", [1, 600, 1500])
@pytest.mark.parametrize("name", ARMS)
def test_an_arm_returns_a_table_of_the_schema_with_the_rows_asked_for(
    name: str, n_samples: int
) -> None:
    table = draw(name, n_samples)
    SCHEMA.validate(table)
    assert len(table) == n_samples
    assert table.dtypes.equals(FRAME.dtypes)
    assert table.index.equals(pd.RangeIndex(n_samples))


@pytest.mark.parametrize("name", ARMS)
def test_drawing_twice_with_one_seed_gives_one_table_and_another_seed_another(name: str) -> None:
    pd.testing.assert_frame_equal(draw(name, 50, seed=3), draw(name, 50, seed=3))
    assert not draw(name, 50, seed=3).equals(draw(name, 50, seed=4))


# What each arm is -----------------------------------------------------------------------------


def shares_by_bump(targets: pd.Series) -> np.ndarray:
    """Shares of the rows with a common and with a rare target."""
    factors = selection_factors(FRAME, SCHEMA)
    smallest_rare = FRAME.minutes[factors == factors.max()].min()
    rare = float((targets >= smallest_rare).mean())
    return np.array([1 - rare, rare])


def test_selection_returns_real_rows_in_the_shares_of_smogn() -> None:
    chosen = draw("selection", 6000)
    assert share_of_copies(chosen, FRAME) == 1
    smogn = SMOGNSynthesizer().fit(FRAME, SCHEMA).sample(6000, random_state=1)
    # Shares of SMOGN's regions are fixed counts; only which rows of a run are drawn is random.
    tolerance = 4 * np.sqrt(0.25 / 6000)
    assert shares_by_bump(chosen.minutes)[1] > 3 * shares_by_bump(FRAME.minutes)[1]
    # Interpolated rare rows may fall a little below the smallest rare one, never above.
    gap = shares_by_bump(chosen.minutes) - shares_by_bump(smogn.minutes)
    assert -tolerance < gap[1] < 0.03 + tolerance


def test_weights_bring_the_shares_of_the_real_table_back() -> None:
    weighted, real = draw("weighted", 6000), shares_by_bump(FRAME.minutes)
    selected = shares_by_bump(draw("selection", 6000).minutes)
    assert abs(selected - real).max() > 0.3
    assert abs(shares_by_bump(weighted.minutes) - real).max() < 4 * np.sqrt(0.25 / 6000) + 0.01


def test_fewer_rows_are_as_many_different_ones_as_smogn_keeps_in_real_shares() -> None:
    fewer = draw("fewer_rows", 600)
    factors = selection_factors(FRAME, SCHEMA)
    kept = np.floor(np.minimum(factors, 1).sum() + 1e-9)
    assert share_of_copies(fewer, FRAME) == 1
    assert len(fewer.drop_duplicates()) == kept
    counts = fewer.value_counts()
    assert counts.max() - counts.min() <= 1
    real = shares_by_bump(FRAME.minutes)
    # Without replacement, so the binomial tolerance is generous.
    assert abs(shares_by_bump(fewer.minutes) - real).max() < 4 * np.sqrt(0.25 / kept)


def test_random_categories_are_independent_of_the_target_and_keep_their_frequencies() -> None:
    tied, loose = draw("seed", 6000), draw("random", 6000)
    gap = {
        name: table.minutes[table.line == "c"].median() / table.minutes.median()
        for name, table in (("tied", tied), ("loose", loose))
    }
    assert gap["tied"] > 1.1
    assert abs(gap["loose"] - 1) < 0.1
    real, drawn = (t.line.value_counts(normalize=True) for t in (FRAME, loose))
    # Frequencies of the training rows, and not of the selected ones.
    assert (real - drawn).abs().max() < 4 * np.sqrt(0.25 / 6000)
    assert abs(tied.line.eq("c").mean() - real["c"]) > 0.05


def test_numeric_only_measures_distances_in_raw_units_on_numbers() -> None:
    # Two numbers: one with a large range, which raw units let decide alone, and a small one.
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"wide": 1000.0 * rng.permutation(400), "narrow": rng.normal(size=400)})
    frame["minutes"] = np.exp(rng.normal(size=400) * 1.5)
    schema = Schema.infer(frame, target="minutes")
    made = NumericOnly(part="synthetic", k=1).fit(frame, schema).sample(300, random_state=0)
    rare = frame[selection_factors(frame, schema) > 1].sort_values("wide")
    # Between neighbours in `wide`, so `narrow` lies between theirs wherever it was interpolated.
    after = np.searchsorted(rare.wide, made.wide).clip(1, len(rare) - 1)
    ends = np.stack([rare.narrow.to_numpy()[after - 1], rare.narrow.to_numpy()[after]])
    between = (made.narrow >= ends.min(axis=0)) & (made.narrow <= ends.max(axis=0))
    assert between.mean() > 0.9


def test_the_synthetic_part_holds_no_real_row() -> None:
    assert not draw("synthetic").minutes.isin(FRAME.minutes).mean() > 0.02


def test_always_interpolating_makes_no_noise_row() -> None:
    rng = np.random.default_rng(0)
    numeric, target = rng.normal(size=(100, 1)), rng.normal(size=100)
    codes = rng.integers(10, size=(100, 12))
    seeds = even_seeds(100, 100, rng)
    by_rule = synthesise(numeric, codes, target, seeds, rng=rng)
    always = synthesise(numeric, codes, target, seeds, always=True, rng=rng)
    assert not by_rule.interpolated.any()
    assert always.interpolated.all()
    # A set of one row has no neighbour to interpolate with.
    alone = synthesise(numeric[:1], codes[:1], target[:1], np.zeros(3, int), always=True, rng=rng)
    assert not alone.interpolated.any()


# The dimension --------------------------------------------------------------------------------


def test_widening_adds_columns_and_changes_nothing_else() -> None:
    data = load("013")
    wide = widen(data, 3, n_levels=4, random_state=0)
    added = ["added_0", "added_1", "added_2"]
    pd.testing.assert_frame_equal(wide.frame.drop(columns=added), data.frame)
    assert n_encoded(wide.schema) == n_encoded(data.schema) + 12 == 40
    wide.schema.validate(wide.frame)
    assert wide.n_test == data.n_test


def test_added_columns_are_irrelevant_or_name_the_class_of_the_target() -> None:
    data = load("012")
    n = len(data.frame)
    classes = widen(data, 1, share=1.0, random_state=0).frame
    groups = classes.groupby("added_0").machine_minutes.agg(["size", "min", "max"])
    assert set(groups["size"]) <= {n // 10, n // 10 + 1}
    assert (groups["max"].to_numpy()[:-1] <= groups["min"].to_numpy()[1:]).all()
    for share in (0.0, 0.2):
        wide = widen(data, 2, share=share, random_state=0).frame
        expected = share + (1 - share) / 10
        for column in ("added_0", "added_1"):
            agree = (wide[column] == classes.added_0).mean()
            assert abs(agree - expected) < 4 * np.sqrt(expected * (1 - expected) / n)


# Distances ------------------------------------------------------------------------------------


def test_nearest_distances_equal_brute_force() -> None:
    queries, reference = FRAME.iloc[:40], FRAME.iloc[40:200]
    found = nearest_distance(queries, reference, SCHEMA, scale_by=FRAME)
    own = nearest_distance(queries, None, SCHEMA, scale_by=FRAME)
    for i, query in enumerate(queries.itertuples(index=False)):

        def squared(row: Any, query: Any = query) -> float:
            return (
                ((row.load - query.load) / np.ptp(FRAME.load)) ** 2
                + ((row.batch - query.batch) / np.ptp(FRAME.batch)) ** 2
                + (row.line != query.line)
            )

        others = queries.drop(index=queries.index[i])
        for distance, table in ((found[i], reference), (own[i], others)):
            expected = min(squared(row) for row in table.itertuples(index=False))
            assert distance == pytest.approx(np.sqrt(expected), abs=1e-9)


def test_rows_that_differ_in_one_category_only_lie_at_distance_one() -> None:
    row = FRAME[FRAME.line == "a"].iloc[[0]]
    other = row.assign(line="b")
    found = nearest_distance(row, other, SCHEMA, scale_by=FRAME)
    np.testing.assert_allclose(found, [1.0])


def test_copies_lie_on_real_rows_and_no_farther_from_unseen_ones() -> None:
    found = distances(load("012").subset(400, random_state=0), {"copy": Bootstrap()}, seeds=[0, 1])
    mean = found.groupby(["method", "to"]).distance.mean()
    assert mean["copy", "training"] == 0
    assert mean["real", "training"] > 0
    assert mean["copy", "unseen"] == pytest.approx(mean["real", "unseen"], rel=0.2)
    ratios = report.distance_ratios(found, [("copy", "real")])
    assert ratios["low"].item() <= ratios["mean"].item() <= ratios["high"].item()


def test_many_categories_leave_no_neighbour_near_enough_to_interpolate() -> None:
    data = load("012").subset(400, random_state=0)
    shares = [
        share_interpolated(w.frame, w.schema, random_state=0)
        for w in (data, widen(data, 12, random_state=0))
    ]
    assert shares == [1.0, 0.0]


# What selection does --------------------------------------------------------------------------


def test_factors_are_the_rows_that_smogn_returns_for_each_row() -> None:
    factors = selection_factors(FRAME, SCHEMA)
    smogn = SMOGNSynthesizer()
    table = smogn.fit(FRAME, SCHEMA)._run(np.random.default_rng(0))
    # Each bump is cut to whole rows, so the sum may be one too large for each of them.
    assert 0 <= factors.sum() - len(table) < len(np.unique(factors)) + 1


def test_expected_means_are_those_of_rows_drawn_with_the_factors() -> None:
    rng = np.random.default_rng(0)
    factors = selection_factors(FRAME, SCHEMA)
    rows = rng.choice(len(FRAME), 200_000, p=factors / factors.sum())
    tables = {"real": FRAME, "drawn": FRAME.iloc[rows].reset_index(drop=True)}
    found = bend(tables, SCHEMA, "load", n_bands=5)
    assert len(found) == 5
    assert found.share.sum() == pytest.approx(1)
    np.testing.assert_allclose(found.drawn, found.expected, rtol=0.03)
    # Where every row is common, all are thinned alike and the mean stays; elsewhere it rises.
    assert (found.expected >= found.real - 1e-9).all()
    assert bending(found)["expected"] > 10 * bending(found, reference="expected")["drawn"]


def test_evenly_drawn_rows_bend_nothing() -> None:
    tables = {"real": FRAME, "copy": Bootstrap().fit(FRAME, SCHEMA).sample(60_000, random_state=0)}
    gaps = bending(bend(tables, SCHEMA, "load"))
    assert gaps["copy"] < 0.05 * gaps["expected"]


# Tables, verdicts and figures -----------------------------------------------------------------


def comparison(differences: dict[str, list[float]]) -> Comparison:
    """Two methods and the baseline 0.5 on as many splits as there are differences to it."""
    rows = [
        {"seed": seed, "setting": "replacement", "method": method, "learner": "rf", **score}
        for method, gaps in {"real": [0.0] * 5, **differences}.items()
        for seed, gap in enumerate(gaps)
        for score in (
            {"metric": "r2", "value": 0.5 + gap},
            {"metric": "rmse", "value": np.sqrt(0.5 - gap)},
        )
    ]
    nothing = pd.DataFrame()
    return Comparison(pd.DataFrame(rows), nothing, nothing, {}, n_train=80, n_test=20)


def test_verdicts_count_intervals_below_around_and_above_zero() -> None:
    steady, varied = [0.0, 0.01, 0.0, -0.01, 0.0], [0.2, -0.2, 0.1, -0.1, 0.0]
    down, up = ([gap + step for gap in steady] for step in (-0.1, 0.1))
    names = ("selection", "interpolation", "noise_copy")
    tables = {
        "one": comparison(dict(zip(names, (down, varied, up), strict=True))),
        "two": comparison(dict(zip(names, (down, varied, down), strict=True))),
    }
    with_claims = {key: _complete(c) for key, c in tables.items()}
    found = report.verdicts(with_claims)
    counts = found[["lower", "apart", "higher", "n", "verdict"]]
    assert counts.loc["selection"].tolist() == [2, 0, 0, 2, "holds"]
    assert counts.loc["interpolation"].tolist() == [0, 2, 0, 2, "cannot be tested here"]
    assert counts.loc["noise_copy"].tolist() == [1, 0, 1, 2, "holds in part"]
    assert found.loc["noise_copy", ["worst", "best"]].tolist() == pytest.approx([-20, 20])
    shown = report.verdict_table(found)
    assert shown.loc["a noise copy costs score", "mean difference, % of baseline"] == "−20 to +20 %"


def _complete(found: Comparison) -> Comparison:
    """The comparison with the arms of all claims; those not given equal the real rows."""
    present = set(found.scores.method)
    needed = {arm for _, *both in CLAIMS.values() for arm in both} - present
    real = found.scores[found.scores.method == "real"]
    scores = pd.concat([found.scores, *(real.assign(method=arm) for arm in sorted(needed))])
    nothing = pd.DataFrame()
    return Comparison(scores.reset_index(drop=True), nothing, nothing, {}, 80, 20)


def test_one_seed_gives_no_verdict() -> None:
    one = comparison({"selection": [0.0] * 5})
    one.scores.query("seed == 0", inplace=True)  # noqa: PD002 - the dataclass is frozen
    with pytest.raises(ValueError, match="two seeds or more"):
        report.verdicts({"one": one})


def test_r2_follows_from_the_rise_of_the_rmse() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=1000)
    near, far = y + 0.5 * rng.normal(size=1000), y + 0.9 * rng.normal(size=1000)

    def r2(predicted: np.ndarray) -> float:
        return float(1 - ((y - predicted) ** 2).sum() / ((y - y.mean()) ** 2).sum())

    rise = 100 * (np.sqrt(((y - far) ** 2).mean() / ((y - near) ** 2).mean()) - 1)
    assert report.implied_r2(r2(near), rise) == pytest.approx(r2(far))


@pytest.fixture(scope="module")
def small() -> tuple[Dataset, Comparison]:
    data = load("012").subset(300, random_state=0)
    asked = {"settings": ["replacement"], "learners": {"ridge": REGRESSORS["ridge"]}}
    return data, compare(data, report.arms(data), seeds=[0, 1], measure_fidelity=False, **asked)


def test_every_arm_has_a_label_and_a_colour() -> None:
    for name in ("011", "012"):
        arms = report.arms(load(name))
        assert set(arms) <= set(LABELS)
        assert set(arms) & set(report.ARMS) <= set(COLOURS)
        assert ("random_categories" in arms) == (name == "012")
    assert {arm for _, *both in CLAIMS.values() for arm in both} <= set(LABELS)


def test_tables_hold_every_arm_and_the_record_the_same_numbers(
    small: tuple[Dataset, Comparison],
) -> None:
    data, found = small
    table = report.arms_table({"012": found}, {"012": title("012_standin")})
    assert table.columns.tolist() == ["012, stand-in (ridge)"]
    assert set(table.index) == {
        LABELS[a] for a in ("real", *report.arms(data)) if a not in ("raw_units", "raw_synthetic")
    }
    record = report.scores_record(found)
    mean = record["selection"]["best"]["mean"]
    assert record["selection"]["ridge"]["mean"] == mean
    cell = table.loc[LABELS["selection"]].item()
    assert cell.startswith(f"{mean:.2f}".replace("-", "−"))
    steps = report.ingredients_record(found)
    assert steps["real"]["ridge"]["rmse_rise"] == pytest.approx(0)
    assert steps["raw_synthetic"]["ridge"]["r2"] == record["raw_synthetic"]["ridge"]["mean"]
    # Shown beside each other, so in one order.
    assert report.ingredients_table(found).index.tolist() == list(report.INGREDIENTS.values())


def test_the_first_negative_step_is_named() -> None:
    found = comparison({"smogn_balance": [-0.1] * 5, "smogn_extreme": [-0.6] * 5})
    assert report.ingredients_record(found)["first_negative"] == {"rf": "smogn_extreme"}
    found = comparison({"smogn_balance": [-0.1] * 5})
    assert report.ingredients_record(found)["first_negative"] == {"rf": "none"}


def test_figures_show_every_panel(small: tuple[Dataset, Comparison]) -> None:
    data, found = small
    arms = report.arms_figure({"a": found, "b": found, "c": found}, dict.fromkeys("abc", "012"))
    assert sum(ax.get_visible() for ax in arms.axes) == 3
    bends = {
        "012": bend(
            {"real": found.tables["real"], "selection": found.tables["selection"]},
            data.schema,
            "length_mm",
        )
    }
    sweep = {"irrelevant": {5: found, 15: found}}
    growth = {"n_rows": [10, 100], "seconds": [0.1, 1.0]}
    benchmark = {
        "package": {"n_10": {"n_rows": 10, "package": 1.0}},
        "growth": dict.fromkeys(("narrow", "numeric", "mixed"), growth),
    }
    figures: list[Figure] = [
        report.sweep_figure(sweep, learner="ridge"),
        report.bend_figure(bends, {"012": ("length_mm", "machine_minutes")}),
        report.growth_figure(benchmark),
    ]
    for figure in figures:
        (ax,) = figure.axes
        assert ax.get_xlabel()
        assert ax.get_ylabel()
        assert len(ax.lines) > 2
