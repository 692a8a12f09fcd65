"""The stand-ins agree with the published aggregates; their draws sample one population."""

import json
import time
from functools import cache
from importlib import resources

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

from seds500.data import load, standins
from seds500.data.standins import compare_with_published, published, simulate
from synthtab.evaluation.utility import REGRESSORS, tstr
from synthtab.table.schema import Schema

NAMES = ["011", "012", "013"]
N_ROWS = {"011": 17_942, "012": 2_537, "013": 2_670}
# Kolmogorov's distance exceeds KS_99 / sqrt(n) in one sample of a hundred.
KS_99 = 1.63


def baseline_scores(name, frame, *, n_test, n_splits):
    """Scores of the learners that figures are published of."""
    schema, parts = load(name).schema, []
    learners = {learner: REGRESSORS[learner] for learner in published(name)["baselines"]}
    for seed in range(n_splits):
        order = np.random.default_rng(seed).permutation(len(frame))
        train, test = frame.iloc[order[n_test:]], frame.iloc[order[:n_test]]
        parts.append(
            tstr(train, test, schema, reference=train, learners=learners, random_state=seed)
        )
    return pd.concat(parts, ignore_index=True)


@cache
def scores_of_the_loaded(name):
    dataset = load(name)
    return baseline_scores(name, dataset.frame, n_test=dataset.n_test, n_splits=5)


# --- calibration -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_loaded_stand_in_meets_every_published_figure(name):
    table = compare_with_published(name, load(name).frame, scores_of_the_loaded(name))
    assert table.loc[~table.met, "quantity"].tolist() == []


@pytest.mark.parametrize("name", NAMES)
def test_the_population_and_not_only_the_chosen_draw_meets_the_baselines(name):
    n_test = load(name).n_test
    draws = [
        baseline_scores(name, simulate(name, N_ROWS[name], seed), n_test=n_test, n_splits=1)
        for seed in range(50, 56)
    ]
    r2 = pd.concat(draws).query("metric == 'r2'").groupby("learner")["value"]
    # The aim of 0.03, and two standard errors of a mean over six draws.
    tolerance = 0.03 + 2 * r2.std() / np.sqrt(6)
    for learner, known in published(name)["baselines"].items():
        assert abs(r2.mean()[learner] - known["r2"]) < tolerance[learner], learner


def test_the_learners_of_the_two_special_tables_rank_as_published():
    for name, order in {"012": ["gb", "rf", "ridge"], "013": ["rf", "gb", "ridge"]}.items():
        r2 = scores_of_the_loaded(name).query("metric == 'r2'")
        means = r2.groupby("learner")["value"].mean()
        assert means[order].sort_values(ascending=False).index.tolist() == order


@pytest.mark.parametrize("name", NAMES)
def test_the_target_follows_its_quantile_function(name):
    n = 20_000
    values = np.sort(simulate(name, n, 1)["machine_minutes"].to_numpy())
    knots = standins._TARGET_QUANTILES[name]
    # Whole minutes: compare at the half minutes, which rounding does not move.
    at = np.arange(334, 2274) - 0.5
    expected = np.interp(at, list(knots.values()), list(knots))
    observed = np.searchsorted(values, at) / n
    assert np.abs(observed - expected).max() < KS_99 / np.sqrt(n)


# --- draws -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_one_seed_gives_one_table(name):
    pd.testing.assert_frame_equal(simulate(name, 500, 3), simulate(name, 500, 3))


@pytest.mark.parametrize("name", NAMES)
def test_a_generator_is_used_up_by_drawing(name):
    rng = np.random.default_rng(3)
    first, second = simulate(name, 500, rng), simulate(name, 500, rng)
    pd.testing.assert_frame_equal(first, simulate(name, 500, 3))
    assert not first.equals(second)


@pytest.mark.parametrize("name", NAMES)
def test_two_seeds_give_two_samples_of_one_population(name):
    n = N_ROWS[name]
    first, second = simulate(name, n, 60), simulate(name, n, 61)
    bound = KS_99 * np.sqrt(2 / n)
    for column in first.select_dtypes("number"):
        assert ks_2samp(first[column], second[column]).statistic < bound, column
    for column in first.select_dtypes("object"):
        shares = pd.concat(
            [f[column].value_counts(normalize=True) for f in (first, second)], axis=1
        ).fillna(0)
        error = np.sqrt(2 * 0.25 / n)  # of a difference of shares, at its largest
        assert shares.diff(axis=1).iloc[:, 1].abs().max() < 3 * error, column


@pytest.mark.parametrize("name", NAMES)
def test_two_seeds_do_not_give_the_same_target_values(name):
    first, second = (np.sort(simulate(name, 2_000, s)["machine_minutes"]) for s in (0, 1))
    assert (first != second).mean() > 0.5


@pytest.mark.parametrize("name", NAMES)
def test_every_value_lies_in_its_published_range(name):
    frame = simulate(name, 30_000, 2)
    ranges = {"machine_minutes": [333, 2274], **published(name).get("ranges", {})}
    for column, (low, high) in ranges.items():
        assert frame[column].between(low, high).all(), column


@pytest.mark.parametrize("name", NAMES)
def test_columns_have_the_types_of_the_contract(name):
    frame = simulate(name, 100, 0)
    assert frame["machine_minutes"].dtype == np.int64
    assert frame[["diameter_mm", "length_mm"]].dtypes.eq(np.float64).all()
    texts = frame.drop(columns=["machine_minutes", "diameter_mm", "length_mm"])
    assert texts.dtypes.eq(object).all()
    assert all(type(v) is str for v in texts.to_numpy().ravel())


def test_the_categories_of_013_have_the_published_numbers_of_levels():
    frame = simulate("013", 20_000, 0)
    figures = published("013")
    assert {c: frame[c].nunique() for c in figures["n_levels"]} == figures["n_levels"]
    for column, levels in figures["levels"].items():
        assert sorted(frame[column].unique()) == levels
    assert sum(figures["n_levels"].values()) + 2 == figures["n_encoded_columns"]


def test_diameters_of_013_scatter_about_the_nominal_size():
    frame = simulate("013", 20_000, 0)
    nominal = frame["nominal_size"].str.removeprefix("M").astype(float)
    assert (frame["diameter_mm"] == nominal).mean() > 0.5
    assert frame["diameter_mm"].groupby(nominal).mean().sub([*sorted(set(nominal))]).abs().max() < 1
    assert (frame["diameter_mm"] > 0).all()


def means_by_combination(seed):
    """Mean time, its standard error and the number of rows of every combination of categories."""
    frame = simulate("013", 60_000, seed)
    frame["nominal_size"] = frame["nominal_size"].str.removeprefix("M").astype(int)
    groups = frame.groupby(["nominal_size", "process", "standard", "plant"])["machine_minutes"]
    means = groups.agg(["mean", "sem", "size"])
    return means[means["size"] >= 100]


def test_a_combination_of_categories_takes_the_same_time_in_every_draw_of_013():
    first, second = means_by_combination(70), means_by_combination(71)
    both = first.join(second, lsuffix="_1", rsuffix="_2", how="inner")
    z = (both["mean_1"] - both["mean_2"]) / np.hypot(both["sem_1"], both["sem_2"])
    assert len(z) > 80
    # The mean square of n such z is 1 with a standard deviation of sqrt(2 / n).
    assert (z**2).mean() < 1 + 4 * np.sqrt(2 / len(z))


def test_the_combinations_of_013_differ_by_more_than_their_columns_add_up_to():
    means = means_by_combination(70)
    columns = pd.get_dummies(means.reset_index().iloc[:, :4].astype(str)).astype(float)
    coefficients = np.linalg.lstsq(columns, means["mean"], rcond=None)[0]
    left = means["mean"].to_numpy() - columns.to_numpy() @ coefficients
    # The machine groups have a spread of 125, and the error of a mean is far less.
    assert left.std() > 100
    assert means["sem"].mean() < 25


def test_sizes_and_lengths_of_011_are_atoms():
    frame = simulate("011", N_ROWS["011"], 0)
    assert frame.duplicated(["diameter_mm", "length_mm"], keep=False).mean() > 0.95


def test_a_draw_of_the_largest_table_takes_less_than_a_fifth_of_a_second():
    start = time.process_time()
    simulate("011", 18_000, 0)
    assert time.process_time() - start < 0.2


# --- published figures -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["012", "013"])
def test_published_rmse_and_r2_imply_one_spread_of_the_target(name):
    spreads = [b["rmse"] / np.sqrt(1 - b["r2"]) for b in published(name)["baselines"].values()]
    # R² is given to 0.0005, so each spread is known to about 0.0005 / (2 (1 - R²)) < 0.1 %.
    assert np.ptp(spreads) < 0.002 * np.mean(spreads)


def test_no_key_of_the_published_figures_holds_a_dot():
    text = resources.files("seds500.data").joinpath("published.json").read_text(encoding="utf-8")
    keys = []
    json.loads(text, object_pairs_hook=lambda pairs: keys.extend(k for k, _ in pairs))
    assert keys
    assert [k for k in keys if "." in k] == []


def test_published_returns_a_copy_that_may_be_changed():
    published("011")["means"]["machine_minutes"] = 0
    assert published("011")["means"]["machine_minutes"] == 1008


def test_a_table_that_is_five_per_cent_too_slow_does_not_meet_the_aims():
    frame = load("011").frame
    slow = frame.assign(machine_minutes=1.05 * frame["machine_minutes"])
    table = compare_with_published("011", slow).set_index("quantity")
    for quantity in ("machine_minutes, mean", "machine_minutes, p50", "M8, mean machine_minutes"):
        assert not table.met[quantity]
    assert not table.met["machine_minutes, greatest"]
    assert table.met["diameter_mm, correlation with machine_minutes"]


def test_a_table_with_a_shuffled_target_keeps_its_quantiles_and_loses_its_correlations():
    frame = load("011").frame
    shuffled = frame.assign(
        machine_minutes=frame["machine_minutes"].sample(frac=1, random_state=0).to_numpy()
    )
    table = compare_with_published("011", shuffled).set_index("quantity")
    assert table.met["machine_minutes, p90"]
    assert not table.met["diameter_mm, correlation with machine_minutes"]


def test_group_counts_are_compared_in_proportion_to_the_table():
    half = simulate("013", 1_335, 0)
    table = compare_with_published("013", half).set_index("quantity")
    expected = 2 * (half["nominal_size"] == "M8").sum()
    assert table.measured["M8, rows"] == expected


def test_baselines_are_compared_by_their_mean_over_the_splits():
    scores = pd.DataFrame(
        [(le, m, v) for le in ("rf", "gb", "ridge") for m in ("r2", "rmse") for v in (0.4, 0.6)],
        columns=["learner", "metric", "value"],
    )
    table = compare_with_published("012", load("012").frame, scores).set_index("quantity")
    assert table.measured["rf, r2"] == pytest.approx(0.5)
    assert table.difference["rf, r2"] == pytest.approx(0.5 - 0.484)
    assert table.met["rf, r2"]
    assert not table.met["rf, rmse"]


# --- errors ----------------------------------------------------------------------------------


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'014' has no stand-in; known are \['011', '012', '013'"):
        simulate("014", 10)
    with pytest.raises(ValueError, match="nothing is published about '014'"):
        published("014")


@pytest.mark.parametrize("n_rows", [0, -5])
def test_a_table_without_rows_is_refused(n_rows):
    with pytest.raises(ValueError, match=f"n_rows is {n_rows}; it must be at least 1"):
        simulate("011", n_rows)


def test_a_schema_inferred_from_one_draw_of_012_fits_another():
    schema = Schema.infer(simulate("012", 500, 0), target="machine_minutes")
    schema.validate(simulate("012", 500, 1))
