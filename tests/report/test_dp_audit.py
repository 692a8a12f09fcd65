"""The attack stays below what the accountant allows, and finds DP-SGD that was broken on purpose.

All trainings have fixed seeds. An honest bound would be exceeded by chance in one of 20 seeds.
"""

import numpy as np
import pytest
import torch

import synthtab.dp.training as private_training
from seds500.arms.dp_audit import (
    Scores,
    epsilon_lower_bound,
    mu_lower_bound,
    worst_case_scores,
)
from synthtab.dp.accounting import Mechanism, epsilon, gaussian_mu

DELTA = 0.01
N = 400
N_FEW = 120  # are enough to find what lets every row be seen


@pytest.mark.parametrize(("noise", "steps"), [(1.0, 1), (2**0.5, 2)])
def test_the_attack_stays_below_what_is_claimed_and_is_no_straw_man(
    noise: float, steps: int
) -> None:
    scores = worst_case_scores(N, noise_multiplier=noise, n_steps=steps, random_state=0)
    claimed = epsilon([Mechanism(noise, n_steps=steps)], DELTA)
    assert gaussian_mu(claimed, DELTA) == pytest.approx(1.0, abs=0.01)
    assert epsilon_lower_bound(scores, DELTA) < claimed
    assert 0.25 < mu_lower_bound(scores) < 1.0


def test_training_without_noise_is_found_out() -> None:
    scores = worst_case_scores(N_FEW, noise_multiplier=0.0, random_state=0)
    assert epsilon_lower_bound(scores, DELTA) > epsilon([Mechanism(1.0)], DELTA)


def test_a_third_of_the_noise_is_found_out() -> None:
    scores = worst_case_scores(N_FEW, noise_multiplier=1 / 3, random_state=0)
    assert mu_lower_bound(scores) > 1.0  # what noise of 1 allows


def test_gradients_that_are_not_clipped_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = private_training._RowGradients.get_clipping_coef
    monkeypatch.setattr(
        private_training._RowGradients,
        "get_clipping_coef",
        lambda self: torch.ones_like(plain(self)),
    )
    scores = worst_case_scores(N_FEW, noise_multiplier=1.0, random_state=0)
    assert epsilon_lower_bound(scores, DELTA) > epsilon([Mechanism(1.0)], DELTA)


def test_rows_that_take_part_in_every_step_are_found_out() -> None:
    claimed = epsilon([Mechanism(1.0, sample_rate=0.05, n_steps=3)], DELTA)
    honest, broken = (
        worst_case_scores(N // 2, noise_multiplier=1.0, sample_rate=rate, n_steps=3, random_state=0)
        for rate in (0.05, 1.0)
    )
    assert epsilon_lower_bound(honest, DELTA) < claimed < epsilon_lower_bound(broken, DELTA)


def test_bounds_by_hand() -> None:
    # 100 of 100 scores right in the half that counts, 0 of 100 wrong: Clopper-Pearson bounds at
    # 2.5 % are 0.025^(1/100) and 1 - 0.025^(1/100).
    apart = Scores(np.ones(200), np.zeros(200))
    edge = 0.025**0.01
    assert epsilon_lower_bound(apart, DELTA) == pytest.approx(np.log((edge - DELTA) / (1 - edge)))
    assert mu_lower_bound(Scores(np.ones(200), np.ones(200))) == 0.0
    assert epsilon_lower_bound(Scores(np.zeros(200), np.ones(200)), 0.0) == 0.0


def test_bounds_hold_as_often_as_they_say() -> None:
    # Normal scores one standard deviation apart: 1-GDP, exactly.
    rng = np.random.default_rng(0)
    n = 200
    allowed = epsilon([Mechanism(1.0)], DELTA)
    drawn = [Scores(rng.normal(1, 1, 200), rng.normal(0, 1, 200)) for _ in range(n)]
    exceeding = np.mean([mu_lower_bound(scores) > 1.0 for scores in drawn])
    assert exceeding < 0.05 + 4 * np.sqrt(0.05 * 0.95 / n)
    assert not any(epsilon_lower_bound(scores, DELTA) > allowed for scores in drawn[:50])
