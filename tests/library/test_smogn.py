"""SMOGN against hand-computed cases, brute force, distributions and the live package."""

from __future__ import annotations

import importlib
import itertools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from synthtab.smogn import interpolation
from synthtab.smogn.interpolation import Heom, synthesise
from synthtab.smogn.relevance import (
    box_plot_control_points,
    find_bumps,
    manual_control_points,
    relevance,
    sampling_percentages,
)
from synthtab.smogn.resample import SMOGN, SMOGNSynthesizer
from synthtab.table.schema import Schema

# Under the null hypothesis a statistical test below fails about once in 10,000 seeds; the seeds
# are fixed, so a failure means that the code changed.
ALPHA = 1e-4


def skewed(n: int = 300, seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    """Two numeric features and a right-skewed target with both kinds of extremes."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"load": rng.normal(size=n), "speed": rng.gamma(2.0, size=n)})
    y = X["load"] + 0.3 * X["speed"] ** 2 + 0.3 * rng.normal(size=n)
    return X, y.rename("minutes")


def mixed(n: int = 300, seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    """`skewed` with a text, a category and a bool column between the numeric ones."""
    X, y = skewed(n, seed)
    rng = np.random.default_rng(seed + 1)
    X.insert(1, "line", rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1]).astype(object))
    X.insert(2, "shift", pd.Categorical(rng.choice(["late", "early"], n)))
    X["urgent"] = rng.random(n) < 0.3
    return X, y


def two_ended(n: int, seed: int) -> pd.Series:
    """Heavy-tailed target: a rare bump on either side."""
    return pd.Series(np.random.default_rng(seed).standard_t(3, size=n), name="minutes")


def one_bump(n: int, **parameters: Any) -> tuple[SMOGN, Callable[..., Any]]:
    """A resampler for `n` rare rows (target 10 or more) among 3 n normal ones (below 0)."""
    smogn = SMOGN(
        rel_method="manual", rel_ctrl_pts_rg=[[0, 0], [10, 1]], **{"random_state": 0, **parameters}
    )

    def resample(features: pd.DataFrame, target: Any) -> tuple[pd.DataFrame, pd.Series]:
        normal = pd.concat([features] * 3)
        X = pd.concat([features, normal], ignore_index=True)
        y = pd.Series([*target, *[-1.0] * len(normal)], name="minutes")
        return smogn.fit_resample(X, y)

    return smogn, resample


# Relevance ----------------------------------------------------------------------------------


def test_relevance_between_two_control_points_is_the_smooth_step() -> None:
    t = np.linspace(0, 1, 11)
    phi = relevance(5 + 10 * t, [[5, 0, 0], [15, 1, 0]])
    np.testing.assert_allclose(phi, 3 * t**2 - 2 * t**3, atol=1e-14)


def test_box_plot_control_points_are_whiskers_and_median() -> None:
    # Quartiles 3 and 7.25, so the whiskers reach to -3.375 and 13.625 and end at 1 and 9.
    y = [-20.0, 1, 2.5, 3.5, 4, 5, 6, 6.5, 8, 9, 40]
    expected = [[1, 1, 0], [5, 0, 0], [9, 1, 0]]
    np.testing.assert_array_equal(box_plot_control_points(y), expected)
    expected = [[-20, 0, 0], [5, 0, 0], [9, 1, 0]]
    np.testing.assert_array_equal(box_plot_control_points(y, xtrm_type="high"), expected)
    expected = [[1, 1, 0], [5, 0, 0], [40, 0, 0]]
    np.testing.assert_array_equal(box_plot_control_points(y, xtrm_type="low"), expected)


def test_a_longer_whisker_leaves_fewer_extremes() -> None:
    y = two_ended(500, 0)
    short, long = (box_plot_control_points(y, coef=c) for c in (0.5, 1.5))
    assert long[0, 0] < short[0, 0] < short[2, 0] < long[2, 0]


@settings(max_examples=200, deadline=None)
@given(
    x=st.lists(st.integers(-50, 50), min_size=2, max_size=6, unique=True),
    data=st.data(),
)
def test_relevance_is_monotone_between_control_points_and_within_zero_and_one(
    x: list[int], data: st.DataObject
) -> None:
    phi = data.draw(
        st.lists(st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]), min_size=len(x), max_size=len(x))
    )
    points = manual_control_points(np.column_stack([x, phi]))
    for (x0, phi0, _), (x1, phi1, _) in itertools.pairwise(points):
        values = relevance(np.linspace(x0, x1, 50), points)
        assert values[0] == pytest.approx(phi0, abs=1e-12)
        assert values[-1] == pytest.approx(phi1, abs=1e-12)
        assert (np.diff(values) * np.sign(phi1 - phi0) >= -1e-12).all()
    assert relevance([-1e6], points) == pytest.approx(points[0, 1], abs=1e-12)
    assert relevance([1e6], points) == pytest.approx(points[-1, 1], abs=1e-12)


def test_steep_slopes_are_scaled_back_until_the_relevance_is_monotone() -> None:
    # Slopes 9 and 9 over a secant of 1: scaled to 3/sqrt(2) each, so phi(1/2) stays 1/2.
    points = [[0, 0, 9], [1, 1, 9]]
    t = 0.25
    slope = 3 / np.sqrt(2)
    by_hand = t**2 * (3 - 2 * t) + slope * (t * (1 - t) ** 2 + t**2 * (t - 1))
    assert relevance([t], points)[0] == pytest.approx(by_hand, abs=1e-14)
    assert (np.diff(relevance(np.linspace(0, 1, 99), points)) >= 0).all()


# Bumps and percentages ----------------------------------------------------------------------


def test_bumps_are_runs_of_the_sorted_target_on_one_side_of_the_threshold() -> None:
    y = [7, 1, 3, 9, 2, 8]
    phi = [0.5, 1.0, 0.2, 1.0, 0.6, 0.4]  # by rising y: 1.0 0.6 | 0.2 | 0.5 | 0.4 | 1.0
    assert find_bumps(y, phi, 0.5).tolist() == [2, 0, 1, 4, 0, 3]


def test_equal_targets_share_a_bump() -> None:
    y = np.repeat([1.0, 2.0, 3.0], [3, 4, 5])
    rng = np.random.default_rng(0)
    y = rng.permutation(y)
    bumps = find_bumps(y, (y != 2.0).astype(float))
    assert {(v, b) for v, b in zip(y, bumps, strict=True)} == {(1.0, 0), (2.0, 1), (3.0, 2)}


def test_balance_aims_at_bumps_of_the_mean_size() -> None:
    assert sampling_percentages([10, 50], "balance").tolist() == [3.0, 0.6]


def test_extreme_inverts_the_sizes_of_two_bumps() -> None:
    # B = 30; B²/10 = 90 and B²/50 = 18, of sum 108, scaled to 60: 50 and 10.
    assert sampling_percentages([10, 50], "extreme").tolist() == [5.0, 0.2]


def test_extreme_keeps_a_share_that_would_round_to_zero() -> None:
    share = sampling_percentages([5, 3000], "extreme")[1]
    assert share == pytest.approx(5 / 3000, rel=1e-2)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 10_000), min_size=2, max_size=6))
def test_percentages_are_positive_and_balance_gives_equal_sizes(sizes: list[int]) -> None:
    balanced = sampling_percentages(sizes) * sizes
    np.testing.assert_allclose(balanced, round(sum(sizes) / len(sizes)))
    assert (sampling_percentages(sizes, "extreme") > 0).all()


def test_a_rare_bump_above_the_mean_size_keeps_its_rows_and_gains_none() -> None:
    X, y = skewed(300)
    smogn = SMOGN(rel_method="manual", rel_ctrl_pts_rg=[[0.5, 0], [0.6, 1]], random_state=0)
    smogn.fit_resample(X, y)
    rare = smogn.bumps_[smogn.bumps_["rare"]].iloc[0]
    assert rare["percentage"] < 1
    assert rare["n_real"] == rare["n_rows"]
    assert (smogn.row_origin_ == "real").all()


# Distances and neighbours -------------------------------------------------------------------


def naive_distances(numeric: np.ndarray, codes: np.ndarray, scaled: bool = True) -> np.ndarray:
    n = len(numeric)
    ranges = np.ptp(numeric, axis=0)
    table = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            total = 0.0
            for c in range(numeric.shape[1]):
                if ranges[c] > 0:
                    scale = ranges[c] if scaled else 1.0
                    total += ((numeric[i, c] - numeric[j, c]) / scale) ** 2
            for c in range(codes.shape[1]):
                total += codes[i, c] != codes[j, c]
            table[i, j] = np.sqrt(total)
    return table


def features(n: int, n_numeric: int, cardinalities: list[int], seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    numeric = rng.normal(size=(n, n_numeric)) * rng.uniform(0.1, 100, n_numeric)
    codes = np.column_stack(
        [rng.integers(m, size=n) for m in cardinalities] or [np.empty((n, 0), dtype=np.int64)]
    )
    return numeric, codes


@pytest.mark.parametrize("search", ["tree", "chunks"])
@pytest.mark.parametrize(
    ("n", "n_numeric", "cardinalities", "metric"),
    [
        (60, 2, [], "auto"),
        (61, 2, [], "euclidean"),
        (60, 3, [2, 3], "auto"),
        (61, 1, [4, 2], "auto"),
        (2, 2, [2], "auto"),
        (3, 2, [], "auto"),
    ],
)
def test_neighbours_and_half_medians_equal_brute_force(
    search: str,
    n: int,
    n_numeric: int,
    cardinalities: list[int],
    metric: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(interpolation, "_TREE_MIN_ROWS", 0 if search == "tree" else 10**9)
    monkeypatch.setattr(interpolation, "_CHUNK", 7 * n)  # several chunks, the last one smaller
    numeric, codes = features(n, n_numeric, cardinalities, seed=n)
    table = naive_distances(numeric, codes, scaled=metric == "auto")
    k = min(5, n - 1)
    nearest, distance, max_distance = Heom(numeric, codes, metric).neighbours(k)
    for i in range(n):
        others = np.delete(np.arange(n), i)
        expected = np.sort(table[i, others])
        np.testing.assert_allclose(distance[i], expected[:k], rtol=1e-9)
        np.testing.assert_allclose(table[i, nearest[i]], expected[:k], rtol=1e-9)
        assert i not in nearest[i]
        assert len(set(nearest[i])) == k
        half_median = np.median(expected) / 2
        # Where maxD is not needed it is infinite, and all neighbours are nearer than it.
        if np.isinf(max_distance[i]):
            assert (expected[:k] < half_median).all()
        else:
            assert max_distance[i] == pytest.approx(half_median, rel=1e-9)


def test_half_medians_are_needed_for_some_rows_and_skipped_for_others() -> None:
    numeric, codes = features(60, 2, [], seed=60)
    max_distance = Heom(numeric, codes, "auto").neighbours(5)[2]
    assert 0 < np.isinf(max_distance).sum() < 60


@pytest.mark.parametrize("search", ["tree", "chunks"])
def test_exact_copies_are_neighbours_of_each_other_but_not_of_themselves(
    search: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpolation, "_TREE_MIN_ROWS", 0 if search == "tree" else 10**9)
    numeric = np.repeat([[0.0, 0.0], [1.0, 1.0]], [12, 3], axis=0)
    codes = np.empty((15, 0), dtype=np.int64)
    nearest, distance, _ = Heom(numeric, codes, "auto").neighbours(3)
    for i in range(15):
        assert i not in nearest[i]
        assert len(set(nearest[i])) == 3
    np.testing.assert_array_equal(distance[:12], 0)
    np.testing.assert_allclose(distance[12:], [[0, 0, np.sqrt(2)]] * 3)


def test_one_hot_coordinates_reproduce_the_heom_distance() -> None:
    numeric, codes = features(40, 2, [3, 3], seed=1)
    points = Heom(numeric, codes, "auto").coordinates()
    assert points is not None
    euclidean = np.sqrt(((points[:, None] - points) ** 2).sum(axis=2))
    np.testing.assert_allclose(euclidean, naive_distances(numeric, codes), atol=1e-12)


def test_a_wide_table_is_searched_without_a_tree() -> None:
    numeric, codes = features(40, 2, [30], seed=1)
    assert Heom(numeric, codes, "auto").coordinates() is None


# What the synthetic rows are ----------------------------------------------------------------


def test_interpolated_rows_lie_on_the_segment_from_the_seed_to_one_of_its_k_neighbours() -> None:
    X, y = skewed(400)
    smogn = SMOGN(k=3, random_state=0)
    X_new, y_new = smogn.fit_resample(X, y)
    mine = np.flatnonzero(smogn.row_origin_ == "interpolated")
    assert len(mine) > 50
    seed, neighbour = smogn.source_index_[mine], smogn.neighbour_index_[mine]
    a, b, new = X.to_numpy()[seed], X.to_numpy()[neighbour], X_new.to_numpy()[mine]
    fraction = (new - a) / (b - a)
    assert ((fraction >= 0) & (fraction <= 1)).all()
    np.testing.assert_allclose(fraction[:, 0], fraction[:, 1], atol=1e-6)
    # On a segment the distances are proportional to the fraction, and so is the target.
    target = y.to_numpy()[seed] + fraction[:, 0] * (y.to_numpy()[neighbour] - y.to_numpy()[seed])
    np.testing.assert_allclose(y_new.to_numpy()[mine], target, atol=1e-6)
    np.testing.assert_array_equal(smogn.bump_of_row_[seed], smogn.bump_of_row_[neighbour])
    for bump in np.unique(smogn.bump_of_row_[seed]):
        rows = np.flatnonzero(smogn.bump_of_row_ == bump)
        table = naive_distances(X.to_numpy()[rows], np.empty((len(rows), 0)))
        np.fill_diagonal(table, np.inf)
        nearest = rows[np.argsort(table, axis=1)[:, :3]]
        here = smogn.bump_of_row_[seed] == bump
        position = np.searchsorted(rows, seed[here])
        assert (nearest[position] == neighbour[here][:, None]).any(axis=1).all()


def switches(n: int, seed: int) -> pd.DataFrame:
    """One number and 14 two-valued features, set as in one of 8 recipes but for a slip or two.

    With few categories no interpolated row would have parents that differ in one: this adds 1 to
    their distance, which is more than half the median distance.
    """
    rng = np.random.default_rng(seed)
    recipe = rng.random((8, 14)) < 0.5
    on = recipe[rng.integers(8, size=n)] ^ (rng.random((n, 14)) < 0.06)
    columns = {f"switch_{j}": np.where(on[:, j], "on", "off").astype(object) for j in range(14)}
    return pd.DataFrame({"load": rng.normal(size=n), **columns})


def test_target_of_a_mixed_row_is_weighted_by_the_heom_distance_to_each_parent() -> None:
    n = 600
    X, y = switches(n, 0), np.random.default_rng(1).uniform(10, 20, n)
    smogn, resample = one_bump(n, samp_method="extreme")
    X_new, y_new = resample(X, y)
    mine = smogn.row_origin_ == "interpolated"
    parents = smogn.source_index_[mine], smogn.neighbour_index_[mine]
    load, switch = X["load"].to_numpy(), X.iloc[:, 1:].to_numpy()
    new_load, new_switch = X_new.loc[mine, "load"].to_numpy(), X_new.iloc[:, 1:].to_numpy()[mine]
    d1, d2 = (
        np.sqrt(((load[p] - new_load) / np.ptp(load)) ** 2 + (switch[p] != new_switch).sum(axis=1))
        for p in parents
    )
    seed, neighbour = parents
    np.testing.assert_allclose(y_new[mine], (d2 * y[seed] + d1 * y[neighbour]) / (d1 + d2))
    differs = switch[seed] != switch[neighbour]
    from_seed = new_switch == switch[seed]
    assert from_seed[~differs].all()
    # Where the parents differ, either category is as likely.
    assert differs.sum() > 300
    assert stats.binomtest(int(from_seed[differs].sum()), int(differs.sum())).pvalue > ALPHA


def test_parents_with_equal_features_give_the_mean_of_their_targets() -> None:
    # Pairs of exact copies: the nearest neighbour is the copy, at distance 0 < maxD.
    X = pd.DataFrame({"load": np.repeat([0.0, 5.0, 9.0, 14.0], 2)})
    smogn, resample = one_bump(8, k=1)
    X_new, y_new = resample(X, [10.0, 20, 30, 40, 50, 60, 70, 80])
    mine = smogn.row_origin_ == "interpolated"
    assert mine.sum() == 8
    means = {0.0: 15.0, 5.0: 35.0, 9.0: 55.0, 14.0: 75.0}
    assert [means[v] for v in X_new.loc[mine, "load"]] == y_new[mine].tolist()


def test_rows_too_far_apart_become_the_seed_plus_noise_of_pert_standard_deviations() -> None:
    # In 30 dimensions the nearest row is almost as far as the median row.
    rng = np.random.default_rng(3)
    n = 200
    X = pd.DataFrame(rng.normal(size=(n, 30)) * 10)
    target = rng.uniform(10, 20, n)
    smogn, resample = one_bump(n, pert=0.02, samp_method="extreme")
    X_new, y_new = resample(X, target)
    mine = smogn.row_origin_ == "noise"
    assert mine.sum() == (smogn.row_origin_ != "real").sum() == 400
    seed = smogn.source_index_[mine]
    noise = (X_new.to_numpy()[mine] - X.to_numpy()[seed]) / X.std(ddof=1).to_numpy()
    assert stats.kstest(noise.ravel() / 0.02, "norm").pvalue > ALPHA
    y_noise = (y_new[mine] - target[seed]) / np.std(target, ddof=1)
    assert stats.kstest(y_noise / 0.02, "norm").pvalue > ALPHA


def test_noise_is_measured_in_sample_standard_deviations() -> None:
    # An equilateral triangle: every distance equals the median, so no neighbour is near enough.
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(0.75)]])
    made = synthesise(
        corners,
        np.empty((3, 0), dtype=np.int64),
        np.zeros(3),
        np.repeat(np.arange(3), 1000),
        k=2,
        pert=0.02,
        metric="euclidean",
        rng=np.random.default_rng(0),
    )
    assert not made.interpolated.any()
    # With n = 3 the two definitions of the standard deviation differ by 22 %.
    noise = (made.numeric - corners[made.seed]) / (0.02 * corners.std(axis=0, ddof=1))
    assert stats.kstest(noise.ravel(), "norm").pvalue > ALPHA


def test_noise_is_no_larger_than_half_the_median_distance() -> None:
    # One row at distance 1 makes the range 1; all others lie so close that maxD is below pert.
    rng = np.random.default_rng(0)
    n = 2000
    values = np.append(rng.uniform(0, 1e-3, n - 1), 1.0)
    X = pd.DataFrame({"load": values})
    smogn, resample = one_bump(n, pert=1.0, k=n - 1)
    X_new, _ = resample(X, np.linspace(10, 20, n))
    mine = smogn.row_origin_ == "noise"
    seed = smogn.source_index_[mine]
    table = np.abs(values[:, None] - values)
    np.fill_diagonal(table, np.nan)
    max_distance = np.nanmedian(table, axis=1) / 2
    standard = (X_new["load"][mine] - values[seed]) / (max_distance[seed] * values.std(ddof=1))
    assert mine.sum() > 500
    assert stats.kstest(standard, "norm").pvalue > ALPHA


def test_noise_rows_draw_categories_by_their_frequency_in_the_bump() -> None:
    rng = np.random.default_rng(5)
    n = 400
    X = pd.DataFrame(rng.normal(size=(n, 30)))
    X["line"] = np.repeat(["a", "b", "c"], [240, 120, 40])
    smogn, resample = one_bump(n, samp_method="extreme")
    X_new, _ = resample(X, rng.uniform(10, 20, n))
    drawn = X_new.loc[smogn.row_origin_ == "noise", "line"].value_counts()
    expected = drawn.sum() * np.array([0.6, 0.3, 0.1])
    assert stats.chisquare(drawn[["a", "b", "c"]], expected).pvalue > ALPHA


def test_interpolation_takes_each_neighbour_and_each_fraction_alike() -> None:
    rng = np.random.default_rng(7)
    n, k = 1500, 4
    X = pd.DataFrame({"load": rng.normal(size=n)})
    smogn, resample = one_bump(n, k=k, samp_method="extreme")
    X_new, _ = resample(X, rng.uniform(10, 20, n))
    mine = smogn.row_origin_ == "interpolated"
    seed, neighbour = smogn.source_index_[mine], smogn.neighbour_index_[mine]
    load = X["load"].to_numpy()
    fraction = (X_new["load"].to_numpy()[mine] - load[seed]) / (load[neighbour] - load[seed])
    assert stats.kstest(fraction, "uniform").pvalue > ALPHA
    table = np.abs(load[:, None] - load)
    np.fill_diagonal(table, np.inf)
    nearest = np.argsort(table, axis=1)[:, :k]
    rank = np.argmax(nearest[seed] == neighbour[:, None], axis=1)
    assert stats.chisquare(np.bincount(rank, minlength=k)).pvalue > ALPHA


def test_normal_rows_are_kept_uniformly_and_each_at_most_once() -> None:
    X, y = skewed(300)
    smogn = SMOGN(random_state=0)
    kept = np.zeros(len(X))
    for seed in range(200):
        smogn.set_params(random_state=seed).fit_resample(X, y)
        real = smogn.source_index_[smogn.row_origin_ == "real"]
        assert len(real) == len(set(real))
        kept[real] += 1
    normal = smogn.relevance_ < 0.5
    share = smogn.bumps_.loc[~smogn.bumps_["rare"], ["n_real", "n_rows"]].iloc[0]
    assert (kept[~normal] == 200).all()
    rate = share["n_real"] / share["n_rows"]
    z = (kept[normal] - 200 * rate) / np.sqrt(200 * rate * (1 - rate))
    assert np.abs(z).max() < stats.norm.isf(ALPHA / normal.sum())


def test_replacement_lets_a_normal_row_be_kept_twice() -> None:
    X, y = skewed(300)
    smogn = SMOGN(replace=True, random_state=0)
    smogn.fit_resample(X, y)
    real = smogn.source_index_[smogn.row_origin_ == "real"]
    assert len(real) > len(set(real))
    normal = smogn.bumps_[~smogn.bumps_["rare"]].iloc[0]
    assert normal["n_real"] == int(normal["percentage"] * normal["n_rows"])


def test_extra_synthetic_rows_use_each_seed_at_most_once_more() -> None:
    X, y = skewed(300)
    smogn = SMOGN(random_state=0)
    smogn.fit_resample(X, y)
    for bump, row in smogn.bumps_[smogn.bumps_["rare"]].iterrows():
        rows = np.flatnonzero(smogn.bump_of_row_ == bump)
        seeds = smogn.source_index_[smogn.row_origin_ != "real"]
        uses = np.bincount(seeds, minlength=len(X))[rows]
        whole = int(row["percentage"] - 1)
        assert set(uses) <= {whole, whole + 1}


# What is reported ---------------------------------------------------------------------------


@pytest.mark.parametrize("samp_method", ["balance", "extreme"])
@pytest.mark.parametrize("make", [skewed, mixed])
def test_counts_origins_and_weights_describe_the_output(make: Any, samp_method: Any) -> None:
    X, y = make(400)
    smogn = SMOGN(samp_method=samp_method, random_state=0)
    X_new, y_new = smogn.fit_resample(X, y)
    counts = smogn.bumps_[["n_real", "n_interpolated", "n_noise"]]
    assert counts.to_numpy().sum() == len(X_new) == len(y_new)
    bump = smogn.bump_of_row_[smogn.source_index_]
    for i, row in smogn.bumps_.iterrows():
        size = row["n_rows"]
        total = counts.loc[i].sum()
        factor = row["percentage"]
        expected = (
            size + int(factor - 1) * size + int(size * ((factor - 1) % 1) + 1e-9)
            if row["rare"]
            else int(factor * size + 1e-9)
        )
        assert total == expected == (bump == i).sum()
        inside = y[smogn.bump_of_row_ == i]
        assert (inside.min(), inside.max()) == (row["y_min"], row["y_max"])
        weighted = smogn.sample_weight_[bump == i].sum() / smogn.sample_weight_.sum()
        assert weighted == pytest.approx(size / len(X))
    assert smogn.sample_weight_.mean() == pytest.approx(1)
    real = smogn.row_origin_ == "real"
    assert (np.diff(smogn.source_index_[real]) > 0).all()
    assert real[: real.sum()].all()
    source = X.iloc[smogn.source_index_[real]].reset_index(drop=True)
    pd.testing.assert_frame_equal(X_new[real], source)
    pd.testing.assert_series_equal(
        y_new[real], y.iloc[smogn.source_index_[real]].reset_index(drop=True)
    )
    between = smogn.row_origin_ == "interpolated"
    np.testing.assert_array_equal(smogn.neighbour_index_ >= 0, between)
    for c in smogn.categorical_features_:
        new, old = X_new[c].to_numpy(), X[c].to_numpy()
        from_seed = new == old[smogn.source_index_]
        assert (from_seed | (new == old[smogn.neighbour_index_]))[between].all()
        for i in smogn.bumps_.index:
            noise = (smogn.row_origin_ == "noise") & (bump == i)
            assert set(new[noise]) <= set(old[smogn.bump_of_row_ == i])


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(40, 200),
    k=st.integers(1, 8),
    n_values=st.integers(2, 50),
    samp_method=st.sampled_from(["balance", "extreme"]),
)
def test_any_table_gives_finite_values_known_categories_and_the_stated_counts(
    seed: int, n: int, k: int, n_values: int, samp_method: Any
) -> None:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "step": rng.integers(n_values, size=n),  # few values: many exact copies
            "line": rng.choice(["a", "b", "c", "d"], n).astype(object),
            "flat": 1.5,
        }
    )
    y = pd.Series(rng.standard_t(2, size=n), name="minutes")
    y.iloc[0] = 1000.0  # an extreme in every table
    smogn = SMOGN(k=k, samp_method=samp_method, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="the rare bump", category=UserWarning)
        X_new, y_new = smogn.fit_resample(X, y)
    assert not X_new.isna().any().any()
    assert np.isfinite(y_new).all()
    assert set(X_new["line"]) <= set(X["line"])
    assert (X_new["flat"] == 1.5).all()
    assert len(X_new) == smogn.bumps_[["n_real", "n_interpolated", "n_noise"]].to_numpy().sum()
    inside = smogn.row_origin_ == "interpolated"
    assert X_new.loc[inside, "step"].between(X["step"].min(), X["step"].max()).all()
    assert y_new[inside].between(y.min(), y.max()).all()


# Frames and estimator conventions -----------------------------------------------------------


def typed(n: int = 300) -> tuple[pd.DataFrame, pd.Series]:
    X, y = skewed(n)
    rng = np.random.default_rng(2)
    line = rng.choice(["a", "b"], n)
    X = pd.DataFrame(
        {
            "text": line.astype(object),
            "small": X["load"].astype("float32"),
            "string": pd.array(line, dtype="string"),
            "byte": rng.integers(0, 4, n).astype("uint8"),
            "category": pd.Categorical(line, categories=["b", "a", "unused"], ordered=True),
            "flag": rng.random(n) < 0.5,
            "nullable": pd.array(rng.integers(-5, 5, n), dtype="Int64"),
            "masked": pd.array(X["speed"], dtype="Float64"),
            7: rng.integers(-1000, 1000, n),
        }
    )
    return X, y


def test_columns_order_dtypes_and_names_come_back() -> None:
    X, y = typed()
    before = X.copy(deep=True)
    X_new, y_new = SMOGN(random_state=0).fit_resample(X, y)
    assert list(X_new.columns) == list(X.columns)
    pd.testing.assert_series_equal(X_new.dtypes, X.dtypes)
    assert y_new.name == "minutes"
    assert y_new.dtype == y.dtype
    assert X_new.index.equals(pd.RangeIndex(len(X_new)))
    assert y_new.index.equals(pd.RangeIndex(len(X_new)))
    pd.testing.assert_frame_equal(X, before)


def test_numeric_columns_can_be_named_as_categories() -> None:
    X, y = skewed(300)
    X["plant"] = np.random.default_rng(0).choice([3, 17, 400], len(X))
    smogn = SMOGN(categorical_features=["plant"], random_state=0)
    X_new, _ = smogn.fit_resample(X, y)
    assert smogn.categorical_features_ == ("plant",)
    assert set(X_new["plant"]) <= {3, 17, 400}


def test_noise_on_a_narrow_integer_column_does_not_wrap_around() -> None:
    rng = np.random.default_rng(0)
    n = 60
    X = pd.DataFrame(rng.normal(size=(n, 30)))
    X["byte"] = rng.choice([0, 255], n).astype("uint8")
    smogn, resample = one_bump(n, pert=1.0, samp_method="extreme")
    X_new, _ = resample(X, rng.uniform(10, 20, n))
    mine = smogn.row_origin_ == "noise"
    seed = X["byte"].to_numpy()[smogn.source_index_[mine]].astype(float)
    change = X_new["byte"].to_numpy()[mine] - seed
    assert change[seed == 0].max() > 50
    assert (change[seed == 0] == 0).mean() == pytest.approx(0.5, abs=0.2)


def test_columns_in_another_order_give_the_same_bumps_and_kept_rows() -> None:
    X, y = mixed(300)
    one, other = SMOGN(random_state=0), SMOGN(random_state=0)
    one.fit_resample(X, y)
    X_new, _ = other.fit_resample(X[X.columns[::-1]], y)
    assert list(X_new.columns) == list(X.columns[::-1])
    pd.testing.assert_frame_equal(one.bumps_.iloc[:, :-2], other.bumps_.iloc[:, :-2])


def test_smogn_can_be_cloned_and_its_parameters_read() -> None:
    smogn = SMOGN(k=3, samp_method="extreme")
    smogn.fit_resample(*skewed())
    copy = clone(smogn)
    assert copy.get_params() == smogn.get_params()
    assert not hasattr(copy, "bumps_")


def test_a_generator_as_random_state_moves_on_between_calls() -> None:
    X, y = skewed()
    smogn = SMOGN(random_state=np.random.default_rng(0))
    first, second = smogn.fit_resample(X, y)[1], smogn.fit_resample(X, y)[1]
    assert not first.equals(second)


# Agreement with the live package ------------------------------------------------------------


class _NumpyWithoutUninitialisedMemory:
    """NumPy as the package is to see it: `ndarray(shape)` holds zeros.

    The package reads a cell of such an array before writing it, and fails if a NaN lies there.
    """

    ndarray = staticmethod(lambda shape: np.zeros(shape))

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The modules of the live package smogn."""
    pytest.importorskip("smogn")
    parts = ("smoter", "over_sampling", "phi", "phi_ctrl_pts")
    loaded = {p: importlib.import_module(f"smogn.{p}") for p in parts}
    monkeypatch.setattr(loaded["over_sampling"], "np", _NumpyWithoutUninitialisedMemory())
    return type("Package", (), loaded)


def target_for_oracle(kind: str, n: int, seed: int) -> pd.Series:
    rng = np.random.default_rng(seed)
    values = {
        "t": lambda: rng.standard_t(3, size=n),
        "lognormal": lambda: rng.lognormal(size=n),
        "negative": lambda: -rng.gamma(1.0, size=n),
        "integer": lambda: rng.poisson(2.5, size=n) ** 2,
    }[kind]()
    return pd.Series(values, name="minutes").astype(float)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", ["t", "lognormal", "negative", "integer"])
@pytest.mark.parametrize("n", [101, 250])
@pytest.mark.parametrize("xtrm_type", ["both", "high", "low"])
def test_relevance_equals_the_packages(package: Any, kind: str, n: int, xtrm_type: Any) -> None:
    y = target_for_oracle(kind, n, seed=n).sort_values(ignore_index=True)
    theirs = package.phi_ctrl_pts.phi_ctrl_pts(y, xtrm_type=xtrm_type)
    phi = np.array(package.phi.phi(y, theirs))
    if not phi.any():
        with pytest.raises(ValueError, match="extremes"):
            box_plot_control_points(y, xtrm_type=xtrm_type)
        return
    mine = box_plot_control_points(y, xtrm_type=xtrm_type)
    np.testing.assert_allclose(relevance(y, mine), phi, atol=1e-12)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_relevance_with_control_points_by_hand_equals_the_packages(package: Any) -> None:
    # From the first point on, and with slope 0 at the last: elsewhere the package departs.
    points = [[-1, 1, 0], [0, 0.1, -0.5], [0.5, 0, 0], [2, 0.4, 3.0], [2.5, 1, 0]]
    y = two_ended(400, 1).clip(lower=-1).sort_values(ignore_index=True)
    theirs = package.phi_ctrl_pts.phi_ctrl_pts(y, method="manual", ctrl_pts=points)
    mine = relevance(y, manual_control_points(points))
    np.testing.assert_allclose(mine, package.phi.phi(y, theirs), atol=1e-12)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("samp_method", ["balance", "extreme"])
@pytest.mark.parametrize("kind", ["t", "lognormal", "negative"])
def test_bumps_percentages_and_rows_of_each_rare_bump_equal_the_packages(
    package: Any, kind: str, samp_method: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    n = 120
    y = target_for_oracle(kind, n, seed=4)
    X = pd.DataFrame(np.random.default_rng(4).normal(size=(n, 2)), columns=["load", "speed"])
    calls: list[tuple[set[int], float, int]] = []
    theirs = package.over_sampling.over_sampling

    def recording(data: Any, index: Any, perc: float, pert: float, k: int) -> Any:
        made = theirs(data=data, index=index, perc=perc, pert=pert, k=k)
        calls.append((set(index), perc, len(made)))
        return made

    dropped: list[int] = []
    choice = np.random.choice

    def recording_choice(a: Any, size: Any = None, replace: bool = True, p: Any = None) -> Any:
        if isinstance(a, list):  # only under-sampling draws from a list
            dropped.append(int(size))
        return choice(a, size=size, replace=replace, p=p)

    monkeypatch.setattr(package.smoter, "over_sampling", recording)
    monkeypatch.setattr(np.random, "choice", recording_choice)
    package.smoter.smoter(X.assign(minutes=y), "minutes", samp_method=samp_method)
    smogn = SMOGN(samp_method=samp_method, random_state=0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="the rare bump", category=UserWarning)
        smogn.fit_resample(X, y)

    rare = smogn.bumps_[smogn.bumps_["rare"]]
    assert len(rare) == len(calls) >= 1
    for (i, row), (rows, percentage, n_made) in zip(rare.iterrows(), calls, strict=True):
        assert set(np.flatnonzero(smogn.bump_of_row_ == i)) == rows
        assert row["percentage"] == percentage
        # The package truncates 15.999..., which is 16 but for rounding: the rows it loses so.
        extra = len(rows) * (percentage - 1 - int(percentage - 1))
        lost = int(extra + 1e-9) - int(extra)
        assert row["n_interpolated"] + row["n_noise"] == n_made + lost
    normal = smogn.bumps_[~smogn.bumps_["rare"]]
    # The package drops as many normal rows as the paper keeps.
    assert normal["n_real"].tolist() == dropped


# Departures of the package, each with a test of ours ---------------------------------------


def test_the_share_of_normal_rows_is_kept_and_not_dropped() -> None:
    X, y = skewed(300)
    smogn = SMOGN(samp_method="extreme", random_state=0)
    smogn.fit_resample(X, y)
    normal = smogn.bumps_[~smogn.bumps_["rare"]].iloc[0]
    assert normal["percentage"] < 0.4
    assert normal["n_real"] == int(normal["percentage"] * normal["n_rows"] + 1e-9)


def test_the_target_takes_no_part_in_the_distance() -> None:
    X, y = skewed(300)
    parameters = {"rel_method": "manual", "rel_ctrl_pts_rg": [[1, 0], [3, 1]], "random_state": 0}
    one, other = SMOGN(**parameters), SMOGN(**parameters)
    X_one, _ = one.fit_resample(X, y)
    # The same bumps, but in the rare one the target is a million times as wide and reordered.
    rare = one.relevance_ >= 0.5
    X_other, _ = other.fit_resample(X, y.where(~rare, 3 + 1e6 * (y.max() - y) ** 2))
    np.testing.assert_array_equal(one.bump_of_row_, other.bump_of_row_)
    pd.testing.assert_frame_equal(X_one, X_other)


def test_categories_do_not_overwrite_the_numeric_terms_of_the_distance() -> None:
    numeric = np.array([[0.0], [0.1], [1.0]])
    codes = np.zeros((3, 1), dtype=np.int64)
    nearest, distance, _ = Heom(numeric, codes, "auto").neighbours(1)
    assert nearest.ravel().tolist() == [1, 0, 1]
    np.testing.assert_allclose(distance.ravel(), [0.1, 0.1, 0.9])


@pytest.mark.parametrize("numeric", [["load"], []])
def test_more_categorical_than_numeric_features_are_accepted(numeric: list[str]) -> None:
    X, y = mixed(300)
    X = X.assign(site=X["line"].str.upper())[[*numeric, "line", "shift", "urgent", "site"]]
    X_new, y_new = SMOGN(random_state=0).fit_resample(X, y)
    assert len(X_new) == len(y_new) > 250


def test_the_target_weight_counts_every_numeric_feature() -> None:
    # The last feature is constant: a weight from it alone would put every target at the mean.
    X, y = skewed(400)
    X["flat"] = 1.0
    smogn = SMOGN(random_state=0)
    X_new, y_new = smogn.fit_resample(X, y)
    mine = np.flatnonzero(smogn.row_origin_ == "interpolated")
    seed, neighbour = smogn.source_index_[mine], smogn.neighbour_index_[mine]
    load = X["load"].to_numpy()
    fraction = (X_new["load"].to_numpy()[mine] - load[seed]) / (load[neighbour] - load[seed])
    expected = y.to_numpy()[seed] + fraction * (y.to_numpy()[neighbour] - y.to_numpy()[seed])
    np.testing.assert_allclose(y_new.to_numpy()[mine], expected, atol=1e-6)


@pytest.mark.parametrize("make", [skewed, mixed])
def test_resampling_twice_with_one_seed_gives_one_finite_table(make: Any) -> None:
    X, y = make(300)
    first, second, third = (SMOGN(random_state=s).fit_resample(X, y) for s in (3, 3, 4))
    pd.testing.assert_frame_equal(first[0], second[0])
    pd.testing.assert_series_equal(first[1], second[1])
    assert np.isfinite(first[1]).all()
    # The seed also decides the synthetic rows, and not the kept normal rows alone.
    assert not first[1].tail(50).equals(third[1].tail(50))


def test_parents_with_equal_targets_give_that_target_and_not_half_as_much_again() -> None:
    X = pd.DataFrame({"load": np.repeat([0.0, 5.0, 9.0, 14.0], 2)})
    smogn, resample = one_bump(8, k=1)
    _, y_new = resample(X, [10.0] * 8)
    assert (smogn.row_origin_ == "interpolated").any()
    assert y_new[smogn.relevance_[smogn.source_index_] >= 0.5].tolist() == [10.0] * 16


@pytest.mark.parametrize("labels", ["shuffled", "text", "repeated"])
def test_index_labels_play_no_part(labels: str) -> None:
    X, y = mixed(300)
    index = {
        "shuffled": np.random.default_rng(0).permutation(300),
        "text": [f"row {i}" for i in range(300)],
        "repeated": np.zeros(300, dtype=int),
    }[labels]
    expected = SMOGN(random_state=0).fit_resample(X, y)
    found = SMOGN(random_state=0).fit_resample(X.set_axis(index), y.set_axis(index))
    pd.testing.assert_frame_equal(found[0], expected[0])
    pd.testing.assert_series_equal(found[1], expected[1])


def test_columns_with_missing_values_are_refused_and_not_dropped() -> None:
    X, y = mixed(300)
    X.loc[3, "speed"] = np.nan
    X.loc[[4, 5], "line"] = None
    with pytest.raises(ValueError, match=r"'line' has 2 missing.*'speed' has 1 missing"):
        SMOGN().fit_resample(X, y)


def test_negative_values_are_not_replaced_by_zero() -> None:
    X, y = skewed(400)
    X["load"] -= 1
    smogn = SMOGN(random_state=0, samp_method="extreme")
    X_new, y_new = smogn.fit_resample(X, y - 20)
    synthetic = smogn.row_origin_ != "real"
    assert X["load"].gt(0).any()
    assert (X_new.loc[synthetic, "load"] < 0).any()
    assert (X_new.loc[synthetic, "load"] != 0).all()
    assert (y_new[synthetic] < 0).any()


def test_integers_are_rounded_and_not_truncated() -> None:
    X, y = skewed(400)
    whole = (X * 100).round()
    X_new, y_new = SMOGN(random_state=0).fit_resample(whole.astype("int64"), y)
    exact, y_exact = SMOGN(random_state=0).fit_resample(whole, y)
    pd.testing.assert_frame_equal(X_new, np.rint(exact).astype("int64"))
    assert not X_new.equals(np.trunc(exact).astype("int64"))
    pd.testing.assert_series_equal(y_new, y_exact)


def test_an_integer_target_stays_an_integer() -> None:
    X, y = skewed(300)
    y_new = SMOGN(random_state=0).fit_resample(X, (y * 100).astype("int32"))[1]
    assert y_new.dtype == "int32"


def test_everything_below_the_first_control_point_keeps_its_relevance() -> None:
    assert relevance([-5.0, 0.0], [[0, 0, 0], [10, 1, 0]]).tolist() == [0.0, 0.0]


def test_a_slope_at_the_last_control_point_does_not_carry_relevance_past_one() -> None:
    assert relevance([50.0], [[0, 0, 0], [10, 1, 0.1]]).tolist() == [1.0]


def test_several_normal_bumps_do_not_repeat_the_table() -> None:
    X, y = skewed(400)
    points = [[-0.2, 0], [0, 1], [0.1, 1], [0.3, 0]]
    smogn = SMOGN(rel_method="manual", rel_ctrl_pts_rg=points, random_state=0)
    smogn.fit_resample(X, y)
    assert smogn.bumps_["rare"].tolist() == [False, True, False]
    real = smogn.source_index_[smogn.row_origin_ == "real"]
    assert len(real) == len(set(real))


def test_counts_are_not_lost_to_floating_point() -> None:
    # 30 rows at 230 %: int(30 * (2.3 - 2)) is 8.
    assert int(30 * (2.3 - 2)) == 8
    y = pd.Series([10.0 + i for i in range(30)] + [-1.0] * 70, name="minutes")
    X = pd.DataFrame({"load": np.arange(100.0)})
    smogn = SMOGN(
        samp_method="extreme",
        rel_method="manual",
        rel_ctrl_pts_rg=[[0, 0], [10, 1]],
        random_state=0,
    )
    smogn.fit_resample(X, y)
    assert smogn.percentages_[1] == 2.3
    assert np.count_nonzero(smogn.row_origin_ != "real") == 39


def test_no_global_state_is_touched() -> None:
    options = pd.describe_option(_print_desc=False)
    np.random.seed(12345)  # noqa: NPY002
    state = np.random.get_state()[1].copy()  # noqa: NPY002 - the state that must not move
    SMOGN(random_state=0).fit_resample(*mixed(200))
    assert pd.describe_option(_print_desc=False) == options
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


# Errors and warnings ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"k": 0}, "k=0 must be an integer of at least 1"),
        ({"k": 2.5}, "k=2.5 must be an integer"),
        ({"pert": 0}, "pert=0 must be above 0"),
        ({"pert": 1.5}, "pert=1.5 must be above 0 and at most 1"),
        ({"rel_thres": 0}, "rel_thres=0 must be above 0"),
        ({"rel_coef": -1}, "rel_coef=-1 must be above 0"),
        ({"samp_method": "both"}, "samp_method='both' must be one of .*'balance', 'extreme'"),
        ({"rel_method": "box"}, "rel_method='box' must be one of"),
        ({"rel_xtrm_type": "up"}, "rel_xtrm_type='up' must be one of"),
        ({"metric": "heom"}, "metric='heom' must be one of"),
        ({"rel_method": "manual"}, "'manual' needs rel_ctrl_pts_rg"),
        ({"rel_ctrl_pts_rg": [[0, 0], [1, 1]]}, "used only with rel_method='manual'"),
        ({"categorical_features": "line"}, "categorical_features='line' must be 'auto'"),
        ({"categorical_features": ["line"]}, r"not in X: \['line'\]"),
        ({"k": 0, "pert": 0}, "k=0 .*; pert=0 "),
    ],
)
def test_bad_parameters_are_named(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SMOGN(**parameters).fit_resample(*skewed())


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([[0, "a"]], "not a table of numbers"),
        ([[0, 1]], r"shape \(1, 2\)"),
        ([0, 1], r"shape \(2,\)"),
        ([[0, 1], [np.nan, 0]], "missing or infinite"),
        ([[0, 1], [0, 0]], r"given twice: \[0.0\]"),
        ([[0, 1], [1, 2]], r"outside 0 to 1: \[2.0\]"),
        ([[0, 0, -1], [1, 1, 0]], "slopes against the direction"),
    ],
)
def test_bad_control_points_are_named(points: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SMOGN(rel_method="manual", rel_ctrl_pts_rg=points).fit_resample(*skewed())


@pytest.mark.parametrize(
    ("values", "parameters", "message"),
    [
        (np.ones(50), {}, r"constant \(1\)"),
        (np.arange(50.0), {}, "no extremes .min 0, max 49, .*whiskers 0 and 49.*by hand"),
        (-np.exp(np.arange(50) / 8), {"rel_xtrm_type": "high"}, "no high extremes .*by hand"),
        (np.repeat([0.0, 1, 9], [5, 40, 5]), {}, "falls on the median .*by hand"),
        (np.append(np.arange(49.0), np.nan), {}, "target 'minutes' has 1 missing"),
        (np.append(np.arange(49.0), np.inf), {}, "target 'minutes' has infinite"),
        (np.arange(50) > 40, {}, "target 'minutes' is bool, not numeric"),
        (np.arange(50).astype(str), {}, "target 'minutes' is object, not numeric"),
    ],
)
def test_targets_that_cannot_be_resampled_are_refused(
    values: Any, parameters: dict[str, Any], message: str
) -> None:
    X = pd.DataFrame({"load": np.arange(50.0)})
    with pytest.raises(ValueError, match=message):
        SMOGN(**parameters).fit_resample(X, pd.Series(values, name="minutes"))


@pytest.mark.parametrize(
    ("points", "message"), [([[90, 0], [99, 1]], "no row is rare"), ([[-99, 1], [-90, 1]], "every")]
)
def test_control_points_that_leave_one_bump_are_refused(points: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SMOGN(rel_method="manual", rel_ctrl_pts_rg=points).fit_resample(*skewed())


def test_bad_features_are_named_all_at_once() -> None:
    X, y = skewed(100)
    X["when"] = pd.Timestamp("2024-01-01")
    X.loc[3, "load"] = np.inf
    message = r"'load' has infinite values.*'when' is datetime64.*, not numeric"
    with pytest.raises(ValueError, match=message):
        SMOGN().fit_resample(X, y)


def test_tables_of_the_wrong_kind_or_shape_are_refused() -> None:
    X, y = skewed(100)
    with pytest.raises(TypeError, match="X is a ndarray"):
        SMOGN().fit_resample(X.to_numpy(), y)
    with pytest.raises(TypeError, match="y is a ndarray"):
        SMOGN().fit_resample(X, y.to_numpy())
    with pytest.raises(ValueError, match="X has 100 rows and y has 99"):
        SMOGN().fit_resample(X, y[:99])
    with pytest.raises(ValueError, match=r"shape \(100, 0\)"):
        SMOGN().fit_resample(X[[]], y)
    with pytest.raises(ValueError, match=r"more than once: \['load'\]"):
        SMOGN().fit_resample(X[["load", "load"]], y)


def test_the_plain_euclidean_distance_refuses_categories() -> None:
    with pytest.raises(ValueError, match=r"metric='euclidean' cannot use .*'line'"):
        SMOGN(metric="euclidean").fit_resample(*mixed())


def test_a_small_rare_bump_warns_and_uses_fewer_neighbours() -> None:
    X = pd.DataFrame({"load": np.arange(24.0)})
    y = pd.Series([*np.zeros(20), 10, 11, 12, 13], name="minutes")
    smogn = SMOGN(rel_method="manual", rel_ctrl_pts_rg=[[0, 0], [10, 1]], random_state=0)
    with pytest.warns(UserWarning, match="10 to 13 has only 4 rows: 3 neighbours .*k=5"):
        X_new, _ = smogn.fit_resample(X, y)
    assert len(X_new) == 24


def test_a_rare_bump_of_one_row_warns_and_copies_it() -> None:
    X = pd.DataFrame({"load": np.arange(21.0)})
    y = pd.Series([*np.zeros(20), 10], name="minutes")
    smogn = SMOGN(rel_method="manual", rel_ctrl_pts_rg=[[0, 0], [10, 1]], random_state=0)
    with pytest.warns(UserWarning, match="only 1 row: its one row is copied"):
        X_new, _ = smogn.fit_resample(X, y)
    synthetic = X_new[smogn.row_origin_ != "real"]
    assert synthetic["load"].tolist() == [20.0] * len(synthetic)
    assert len(synthetic) == 9


# The generators' contract -------------------------------------------------------------------


def table(n: int = 300) -> tuple[pd.DataFrame, Schema]:
    X, y = mixed(n)
    X["shift"] = X["shift"].astype(object)
    X["batch"] = np.random.default_rng(0).integers(1, 50, n)
    X.insert(2, "minutes", y)
    return X, Schema.infer(X, target="minutes")


@pytest.mark.parametrize("part", ["whole", "synthetic"])
@pytest.mark.parametrize("n_samples", [1, 37, 300, 1000])
def test_a_sample_has_the_rows_asked_for_and_the_fitted_columns(part: Any, n_samples: int) -> None:
    frame, schema = table()
    sample = SMOGNSynthesizer(part=part).fit(frame, schema).sample(n_samples, random_state=0)
    assert len(sample) == n_samples
    assert list(sample.columns) == list(frame.columns)
    pd.testing.assert_series_equal(sample.dtypes, frame.dtypes)
    assert sample.index.equals(pd.RangeIndex(n_samples))
    schema.validate(sample)


def test_no_row_of_a_run_is_returned_twice() -> None:
    frame, schema = table()
    sample = SMOGNSynthesizer().fit(frame, schema).sample(250, random_state=0)
    assert not sample.duplicated().any()
    keys = [*sample.columns]
    n_real = len(sample.merge(frame, on=keys))
    assert 0 < n_real < 250


def test_the_synthetic_part_holds_no_real_row() -> None:
    frame, schema = table()
    sample = SMOGNSynthesizer(part="synthetic").fit(frame, schema).sample(1000, random_state=0)
    assert not sample["minutes"].isin(frame["minutes"]).any()
    assert not sample["minutes"].duplicated().any()


def test_pooled_runs_keep_the_shares_of_the_regions() -> None:
    frame, schema = table()
    generator = SMOGNSynthesizer().fit(frame, schema)
    smogn = SMOGN(samp_method="extreme", random_state=0)
    _, y = smogn.fit_resample(frame[list(schema.features)], frame["minutes"])
    limit = smogn.bumps_.loc[smogn.bumps_["rare"], "y_min"].iloc[-1]
    expected = (y >= limit).mean()
    share = (generator.sample(6000, random_state=0)["minutes"] >= limit).mean()
    assert share == pytest.approx(expected, abs=4 * np.sqrt(0.25 / 300))


def test_sampling_twice_with_one_seed_gives_one_table() -> None:
    frame, schema = table()
    generator = SMOGNSynthesizer(random_state=5).fit(frame, schema)
    pd.testing.assert_frame_equal(generator.sample(90), generator.sample(90, random_state=5))
    assert not generator.sample(90).equals(generator.sample(90, random_state=6))


def test_numeric_columns_that_the_schema_calls_categories_are_not_interpolated() -> None:
    frame, _ = table()
    frame["batch"] = frame["batch"] % 3 * 100
    schema = Schema.infer(frame, target="minutes", categorical=["batch"])
    sample = SMOGNSynthesizer(part="synthetic").fit(frame, schema).sample(500, random_state=0)
    assert set(sample["batch"]) <= {0, 100, 200}


def test_the_generator_refuses_what_it_cannot_do() -> None:
    frame, schema = table()
    with pytest.raises(NotFittedError):
        SMOGNSynthesizer().sample(5)
    with pytest.raises(ValueError, match="part='all' must be one of"):
        SMOGNSynthesizer(part="all").fit(frame, schema)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'line' is categorical with 3 categories"):
        SMOGNSynthesizer().fit(frame, Schema.infer(frame, target="line"))
    with pytest.raises(ValueError, match="missing columns"):
        SMOGNSynthesizer().fit(frame.drop(columns="load"), schema)
    with pytest.raises(ValueError, match="n_samples=0 must be at least 1"):
        SMOGNSynthesizer().fit(frame, schema).sample(0)
    with pytest.raises(ValueError, match="no extremes"):
        SMOGNSynthesizer(rel_coef=1e6).fit(frame, schema)
    median = float(frame["minutes"].median())
    with pytest.raises(ValueError, match="SMOGN makes no synthetic row here"):
        SMOGNSynthesizer(
            part="synthetic", rel_method="manual", rel_ctrl_pts_rg=[[median - 1, 0], [median, 1]]
        ).fit(frame, schema)
