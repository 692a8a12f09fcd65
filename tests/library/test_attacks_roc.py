"""Intervals that cover, and agree with other implementations where there are any."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, norm

from synthtab.attacks.inference import Guessed, inference_risk
from synthtab.attacks.roc import Flagged, auc, flagged, pool, tpr_interval
from synthtab.evaluation.intervals import average, proportion

scores = st.lists(st.integers(0, 5), min_size=2, max_size=12)


@given(scores, scores)
def test_the_auc_is_the_mann_whitney_statistic(members: list[int], others: list[int]) -> None:
    a, b = np.array(members, dtype=float), np.array(others, dtype=float)
    expected = mannwhitneyu(a, b, method="asymptotic").statistic / (len(a) * len(b))
    assert auc(a, b).value == pytest.approx(expected)


@given(scores, scores)
def test_the_variance_is_delongs_sum_over_pairs(members: list[int], others: list[int]) -> None:
    a, b = np.array(members, dtype=float), np.array(others, dtype=float)
    wins = (a[:, None] > b) + 0.5 * (a[:, None] == b)
    expected = wins.mean(axis=1).var(ddof=1) / len(a) + wins.mean(axis=0).var(ddof=1) / len(b)
    assert auc(a, b).variance == pytest.approx(expected)


def test_the_auc_interval_covers_the_true_area() -> None:
    # Normal scores one standard deviation apart have area Phi(1 / sqrt(2)).
    rng, n, n_runs = np.random.default_rng(0), 150, 1500
    truth = norm.cdf(1 / np.sqrt(2))
    hits = 0
    for _ in range(n_runs):
        found = auc(rng.normal(1, 1, n), rng.normal(0, 1, n))
        interval = average([found.value], [found.variance])
        hits += interval.low <= truth <= interval.high
    assert abs(hits / n_runs - 0.95) < 3 * np.sqrt(0.95 * 0.05 / n_runs)


def test_the_auc_refuses_what_it_cannot_judge() -> None:
    with pytest.raises(ValueError, match="1 members and 3 non-members"):
        auc(np.zeros(1), np.zeros(3))
    with pytest.raises(ValueError, match="1 of 5 scores are NaN"):
        auc(np.array([0.0, np.nan]), np.zeros(3))


def test_flagging_takes_the_highest_scores_up_to_the_false_positive_rate() -> None:
    members = np.array([9.0, 8.0, 7.0, 1.0, 0.0])
    non_members = np.array([6.0, 5.0, 4.0, 3.0, 2.0])
    rng = np.random.default_rng(0)
    assert flagged(members, non_members, fpr=0.2, random_state=rng) == Flagged(3, 1, 5, 5)
    assert flagged(members, non_members, fpr=1.0, random_state=rng) == Flagged(5, 5, 5, 5)
    with pytest.raises(ValueError, match=r"less than one of 5 rows; give at least 0\.2"):
        flagged(members, non_members, fpr=0.1, random_state=rng)


def test_ties_favour_nobody() -> None:
    rng, n, n_runs = np.random.default_rng(1), 100, 500
    rates = [
        flagged(np.zeros(n), np.zeros(n), fpr=0.1, random_state=rng).tpr for _ in range(n_runs)
    ]
    # Given 10 flagged non-members, flagged members are about geometric sums: variance 2 * 10.
    assert abs(np.mean(rates) - 0.1) < 4 * np.sqrt(2 * 10) / n / np.sqrt(n_runs) + 1 / n


def test_at_chance_the_rate_is_called_a_leak_as_rarely_as_stated() -> None:
    # One-sided 2.5 %. An interval of the members' count alone forgets that the threshold scatters
    # as well, and gives about three times as many false alarms.
    rng, n, n_runs = np.random.default_rng(2), 400, 3000
    alarms = plain = 0
    for _ in range(n_runs):
        found = flagged(rng.random(n), rng.random(n), fpr=0.05, random_state=rng)
        alarms += tpr_interval(found).low > found.fpr
        plain += proportion(found.members, n).low > found.fpr
    error = 3 * np.sqrt(0.025 * 0.975 / n_runs)
    assert alarms / n_runs < 0.025 + error
    assert plain / n_runs > 0.025 + error


def test_the_rate_of_an_attack_that_works_is_covered() -> None:
    rng, n, n_runs = np.random.default_rng(3), 400, 1500
    truth = norm.sf(norm.isf(0.1) - 1)
    hits = 0
    for _ in range(n_runs):
        found = flagged(rng.normal(1, 1, n), rng.normal(0, 1, n), fpr=0.1, random_state=rng)
        interval = tpr_interval(found)
        hits += interval.low <= truth <= interval.high
    assert hits / n_runs > 0.95 - 3 * np.sqrt(0.95 * 0.05 / n_runs)


def test_pooling_adds_up() -> None:
    assert pool([Flagged(1, 2, 10, 20), Flagged(3, 4, 10, 20)]) == Flagged(4, 6, 20, 40)


@pytest.mark.parametrize(("a", "b"), [(0.1, 0.1), (0.35, 0.3), (0.97, 0.9), (0.5, 0.02)])
def test_the_interval_of_the_inference_risk_covers(a: float, b: float) -> None:
    rng, n, n_runs = np.random.default_rng(4), 500, 1500
    truth = (a - b) / (1 - b)
    draws = np.stack([rng.binomial(n, a, n_runs), rng.binomial(n, b, n_runs)], axis=1)
    outcomes, counts = np.unique(draws, axis=0, return_counts=True)
    found = [inference_risk([Guessed(x, y, n, n)]) for x, y in outcomes]
    covered = np.average([f.low <= truth <= f.high for f in found], weights=counts)
    assert abs(covered - 0.95) < 4 * np.sqrt(0.95 * 0.05 / n_runs)


def test_the_interval_of_the_inference_risk_solves_its_equation() -> None:
    # Each bound r of the ratio of wrong guesses lies where a - r b equals its own half width, made
    # of the Wilson bounds on the sides that matter (Donner & Zou, 2012).
    risk = inference_risk([Guessed(90, 30, 120, 150)])
    a, b = (proportion(k, n, method="wilson") for k, n in ((30, 120), (120, 150)))
    for ratio, near_a, near_b in ((1 - risk.high, a.low, b.high), (1 - risk.low, a.high, b.low)):
        half = np.hypot(a.value - near_a, ratio * (b.value - near_b))
        assert abs(a.value - ratio * b.value) == pytest.approx(half)


def test_the_inference_risk_is_the_share_of_what_was_open() -> None:
    assert inference_risk([Guessed(55, 10, 100, 100)]).value == pytest.approx(0.5)
    assert inference_risk([Guessed(10, 10, 100, 100)]).value == 0
    assert inference_risk([Guessed(5, 10, 50, 50), Guessed(15, 0, 50, 50)]).value == pytest.approx(
        (0.2 - 0.1) / (1 - 0.1)
    )
    assert inference_risk([Guessed(100, 40, 100, 100)]).value == 1


def test_where_nothing_was_open_nothing_is_known_of_the_risk() -> None:
    assert inference_risk([Guessed(100, 100, 100, 100)]) == (0.0, 0.0, 1.0)
