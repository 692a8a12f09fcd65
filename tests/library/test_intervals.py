"""Intervals agree with values calculated by hand, and cover as often as they say."""

import numpy as np
import pytest
from scipy.stats import binom, norm

from synthtab.evaluation.intervals import average, proportion


def test_intervals_of_a_share_are_those_calculated_by_hand() -> None:
    # Clopper-Pearson of none among n: the p at which (1 - p)^n is half of 5 %.
    assert proportion(0, 10) == pytest.approx((0, 0, 1 - 0.025**0.1), abs=1e-10)
    assert proportion(3, 3, confidence=0.9) == pytest.approx((1, 0.05 ** (1 / 3), 1), abs=1e-10)
    # Wilson of 5 among 10: |p - 1/2| = z sqrt(p (1 - p) / 10), so p = 1/2 -+ z / 2 sqrt(10 + z^2).
    z = 1.959963984540054
    half = z / (2 * np.sqrt(10 + z**2))
    found = proportion(5, 10, method="wilson")
    assert found == pytest.approx((0.5, 0.5 - half, 0.5 + half), abs=1e-10)
    assert proportion(0, 7, method="wilson").low == 0


@pytest.mark.parametrize("p", [0.01, 0.1, 0.37, 0.5])
def test_the_exact_interval_covers_at_least_as_often_as_it_says(p: float) -> None:
    n = 40
    intervals = [proportion(k, n) for k in range(n + 1)]
    covered = [k for k, i in enumerate(intervals) if i.low <= p <= i.high]
    assert binom.pmf(covered, n, p).sum() >= 0.95


def test_a_share_out_of_nothing_is_refused() -> None:
    for k, n in ((5, 4), (-1, 4), (0, 0)):
        with pytest.raises(ValueError, match=f"{k} of {n} is not a share"):
            proportion(k, n)


def test_the_average_of_splits_takes_the_larger_of_both_scatters() -> None:
    half = norm.ppf(0.975)
    agreeing = average([0.5, 0.5], [0.04, 0.04])
    assert agreeing.high - 0.5 == pytest.approx(half * np.sqrt(0.04 / 2))
    disagreeing = average([0.4, 0.6], [1e-6, 1e-6])
    assert disagreeing.high - 0.5 == pytest.approx(half * np.sqrt(0.02 / 2))
