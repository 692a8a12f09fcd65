"""What noise costs, against formulas and a simulation that share nothing with the accountant."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gammaln, logsumexp

from synthtab.dp.accounting import (
    Mechanism,
    epsilon,
    gaussian_delta,
    gaussian_mu,
    noise_multiplier,
    zcdp_delta,
    zcdp_rho,
)

SLACK = 0.02  # by which the accountant may be too careful


def test_delta_of_one_gaussian_mechanism_by_hand() -> None:
    # Balle & Wang (2018), eq. 6, with mu = 1 and epsilon = 1, from a table of the normal
    # distribution: Phi(-1/2) - e Phi(-3/2) = 0.308538 - 2.718282 * 0.066807.
    assert gaussian_delta(1.0, 1.0) == pytest.approx(0.308538 - 2.718282 * 0.066807, abs=2e-6)
    assert gaussian_delta(0.0, 1.0) == pytest.approx(2 * 0.691462 - 1, abs=2e-6)


@given(st.floats(0.05, 10), st.floats(1e-9, 0.4))
def test_gaussian_mu_is_the_inverse(e: float, delta: float) -> None:
    assert gaussian_delta(e, gaussian_mu(e, delta)) == pytest.approx(delta, rel=1e-6)


@pytest.mark.parametrize("delta", [1e-6, 1e-2])
def test_one_step_on_all_rows_is_the_exact_gaussian_mechanism(delta: float) -> None:
    found = epsilon([Mechanism(1.0)], delta)
    assert gaussian_delta(found, 1.0) <= delta <= gaussian_delta(found - SLACK, 1.0)


def test_gaussian_mechanisms_add_up_in_squared_mu() -> None:
    found = epsilon([Mechanism(2.0), Mechanism(3.0, n_steps=2), Mechanism(10.0, n_steps=20)], 1e-5)
    mu = math.sqrt(1 / 4 + 2 / 9 + 20 / 100)
    assert gaussian_delta(found, mu) <= 1e-5 <= gaussian_delta(found - SLACK, mu)


@pytest.mark.parametrize("sample_rate", [0.01, 0.25, 0.9])
def test_one_step_on_some_rows_is_exact(sample_rate: float) -> None:
    # Of max(0, q P + (1 - q) Q - exp(e) Q) = q max(0, P - exp(e') Q) with
    # exp(e') = 1 + (exp(e) - 1) / q, integrated (Balle, Barthe & Gaboardi, 2018, theorem 2).
    def delta(e: float) -> float:
        return sample_rate * gaussian_delta(math.log1p(math.expm1(e) / sample_rate), 1 / 0.8)

    found = epsilon([Mechanism(0.8, sample_rate)], 1e-5)
    assert delta(found) <= 1e-5 <= delta(found - SLACK)


@pytest.mark.parametrize(("noise", "rate", "steps"), [(1.0, 0.02, 500), (6.5, 0.25, 400)])
def test_epsilon_is_below_that_of_renyi_accounting(noise: float, rate: float, steps: int) -> None:
    # Mironov, Talwar & Zhang (2019), section 3.3, at integer orders, and Mironov (2017), prop. 3:
    # valid, but loose.
    delta, bounds = 1e-5, []
    for order in range(2, 200):
        k = np.arange(order + 1)
        log_binomial = gammaln(order + 1) - gammaln(k + 1) - gammaln(order - k + 1)
        terms = (order - k) * math.log1p(-rate) + k * math.log(rate) + k * (k - 1) / (2 * noise**2)
        divergence = steps * logsumexp(log_binomial + terms) / (order - 1)
        bounds.append(divergence - math.log(delta) / (order - 1))
    found = epsilon([Mechanism(noise, rate, steps)], delta)
    assert 0.7 * min(bounds) < found < min(bounds)


def test_a_row_added_shows_no_more_than_a_row_removed() -> None:
    # The accountant composes losses of a removed row. Simulated losses of both, 10 steps: delta is
    # the mean of max(0, 1 - exp(epsilon - loss)), which lies in [0, 1].
    noise, rate, steps, delta, n = 1.0, 0.2, 10, 0.02, 200_000
    rng = np.random.default_rng(0)
    noises = noise * rng.standard_normal((n, steps))
    there = rng.random((n, steps)) < rate

    def loss(x: np.ndarray) -> np.ndarray:
        return np.log1p(rate * np.expm1((x - 0.5) / noise**2)).sum(axis=1)

    removed, added = loss(noises + there), -loss(noises)
    found = epsilon([Mechanism(noise, rate, steps)], delta)
    tolerance = 4 * math.sqrt(delta / n)
    deltas = [np.maximum(0, -np.expm1(found - seen)).mean() for seen in (removed, added)]
    assert deltas[1] < deltas[0] < delta + tolerance
    looser = np.maximum(0, -np.expm1(found - SLACK - removed)).mean()
    assert looser > delta - tolerance


@pytest.mark.parametrize(
    ("e", "rate", "steps"), [(0.3, 0.25, 400), (3.0, 0.03, 1000), (8.0, 0.25, 400), (20.0, 1.0, 5)]
)
def test_the_noise_found_spends_the_budget_and_no_more(e: float, rate: float, steps: int) -> None:
    before = [Mechanism(3 / gaussian_mu(e, 1e-5))]
    noise = noise_multiplier(e, 1e-5, sample_rate=rate, n_steps=steps, before=before)
    assert 0.995 * e <= epsilon([*before, Mechanism(noise, rate, steps)], 1e-5) <= e


def test_a_budget_that_is_spent_before_is_refused() -> None:
    with pytest.raises(ValueError, match=r"epsilon=1\.0 .* is spent before .* take 2"):
        noise_multiplier(1.0, 1e-5, sample_rate=0.1, n_steps=10, before=[Mechanism(2.0)])


@pytest.mark.parametrize(("e", "rho"), [(0.5, 0.01), (1.0, 0.1), (3.0, 0.3), (8.0, 1.0)])
def test_concentrated_privacy_is_converted_by_the_best_order(e: float, rho: float) -> None:
    order = 1 + np.logspace(-4, 5, 200_000)
    log_delta = (order - 1) * (order * rho - e) + order * np.log1p(-1 / order)
    expected = np.exp((log_delta - np.log(order - 1)).min())
    assert zcdp_delta(e, rho) == pytest.approx(expected, rel=1e-4)
    assert zcdp_rho(e, expected) == pytest.approx(rho, rel=1e-4)
    # A Gaussian mechanism of this rho is known exactly: the bound is above it, and not by much.
    exact = gaussian_delta(e, math.sqrt(2 * rho))
    assert exact <= expected < 6 * exact
    # Bun & Steinke (2016), proposition 1.3, which is looser.
    assert zcdp_delta(rho + 2 * math.sqrt(rho * math.log(1e5)), rho) < 1e-5
