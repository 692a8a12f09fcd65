"""The processes are what their formulas say: against enumeration, moments and known optima."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from synthtab.diffusion import (
    Denoised,
    GaussianDiffusion,
    HybridProcess,
    MaskedDiffusion,
    NoiseSchedule,
    State,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# --- Gaussian ---------------------------------------------------------------------------------


@pytest.mark.parametrize("sigma", [0.002, 0.5, 3.0, 80.0])
def test_noised_scores_and_velocities_have_unit_variance_at_every_level(sigma: float) -> None:
    n = 40_000
    generator, level = seeded(), torch.full((n,), sigma)
    x_0, eps = (torch.randn(n, 1, generator=generator) for _ in range(2))
    for values in (
        GaussianDiffusion.q_sample(x_0, level, eps),
        GaussianDiffusion.velocity(x_0, level, eps),
    ):
        # 4 standard errors of a mean and of a standard deviation
        assert abs(values.mean().item()) < 4 / math.sqrt(n)
        assert abs(values.std().item() - 1) < 4 / math.sqrt(2 * n)


@pytest.mark.parametrize("sigma", [0.1, 1.0, 10.0])
def test_a_noised_score_keeps_the_correlation_that_its_level_says(sigma: float) -> None:
    n = 40_000
    generator, level = seeded(), torch.full((n,), sigma)
    x_0, eps = (torch.randn(n, 1, generator=generator) for _ in range(2))
    x = GaussianDiffusion.q_sample(x_0, level, eps)
    measured = torch.corrcoef(torch.cat([x_0, x], dim=1).T)[0, 1].item()
    expected = 1 / math.sqrt(1 + sigma**2)
    assert abs(measured - expected) < 4 * (1 - expected**2) / math.sqrt(n)


def test_the_velocity_leads_back_to_the_clean_scores() -> None:
    generator = seeded()
    x_0, eps = (torch.randn(100, 3, generator=generator, dtype=torch.float64) for _ in range(2))
    sigma = torch.logspace(-2, 1.5, 100, dtype=torch.float64)
    x = GaussianDiffusion.q_sample(x_0, sigma, eps)
    velocity = GaussianDiffusion.velocity(x_0, sigma, eps)
    torch.testing.assert_close(GaussianDiffusion.predict_x_0(x, sigma, velocity), x_0)


def test_the_velocity_is_the_derivative_of_the_path() -> None:
    x_0, eps = torch.tensor([[0.7]], dtype=torch.float64), torch.tensor([[-1.2]]).double()
    theta = torch.tensor([0.4], dtype=torch.float64, requires_grad=True)
    GaussianDiffusion.q_sample(x_0, torch.tan(theta), eps).sum().backward()
    velocity = GaussianDiffusion.velocity(x_0, torch.tan(theta.detach()), eps)
    assert theta.grad is not None
    torch.testing.assert_close(theta.grad, velocity[0])


# --- schedule ---------------------------------------------------------------------------------


def test_sampling_levels_fall_from_sigma_max_to_zero() -> None:
    schedule = NoiseSchedule()
    steps = schedule.steps(18)
    assert steps.shape == (19,)
    assert (steps.diff() < 0).all()
    torch.testing.assert_close(steps[[0, -2, -1]], torch.tensor([80.0, 0.002, 0.0]))


def test_every_step_but_the_last_reveals_the_same_share_of_categories() -> None:
    schedule = NoiseSchedule()
    revealed = -schedule.mask_rate(schedule.steps(24)).diff()[1:19]
    torch.testing.assert_close(revealed, torch.full_like(revealed, 1 / 20))


def test_training_levels_are_log_normal() -> None:
    schedule = NoiseSchedule()
    n = 10_000
    z = (torch.log(schedule.sample(n, seeded())) - schedule.log_mean) / schedule.log_sd
    # Stratified: much closer than a random sample, whose standard error is 1 / sqrt(n).
    assert abs(z.mean().item()) < 0.1 / math.sqrt(n)
    assert abs(z.std().item() - 1) < 1 / math.sqrt(n)


def test_all_is_masked_at_the_start_of_sampling_and_nothing_at_its_end() -> None:
    schedule = NoiseSchedule()
    rates = schedule.mask_rate(schedule.steps(18))
    assert rates[0] > 0.995
    assert rates[-1] == 0
    assert (rates.diff() <= 0).all()


# --- categories -------------------------------------------------------------------------------


def enumerated_posterior(p_0: Tensor, now: float, then: float) -> Tensor:
    """p(x_then | x_now = mask), summed over every x_0 by Bayes' rule on the forward process.

    From x_0 a cell is masked at rate `then` with probability `then`, and a cell unmasked at `then`
    is masked by `now` with probability (now - then) / (1 - then).
    """
    k = len(p_0)
    joint = torch.zeros(k + 1, dtype=torch.float64)
    for x_0, x_then in itertools.product(range(k), range(k + 1)):
        if x_then == k:
            forward = then * 1.0
        else:
            forward = (1 - then) * (x_then == x_0) * (now - then) / (1 - then)
        joint[x_then] += p_0[x_0] * forward
    return joint / joint.sum()


@pytest.mark.parametrize(("now", "then"), [(1.0, 0.7), (0.6, 0.59), (0.5, 0.0), (0.01, 0.001)])
def test_the_posterior_of_a_masked_cell_agrees_with_enumeration(now: float, then: float) -> None:
    p_0 = torch.tensor([[0.2, 0.5, 0.3]], dtype=torch.float64)
    posterior = MaskedDiffusion((3,)).q_posterior(p_0, torch.tensor([True]), now, then)
    torch.testing.assert_close(posterior[0], enumerated_posterior(p_0[0], now, then))


def test_an_unmasked_cell_stays_as_it_is() -> None:
    masked = MaskedDiffusion((3, 2))
    x_cat = torch.tensor([[0, 1], [2, 0]])
    wrong = [torch.full((2, 3), 9.0), torch.full((2, 2), 9.0)]
    after = masked.p_sample(wrong, x_cat, 0.5, 0.1, torch.rand(2, 2, generator=seeded()))
    torch.testing.assert_close(after, x_cat)


@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_cells_are_masked_at_the_given_rate_and_otherwise_kept(rate: float) -> None:
    n = 20_000
    x_0 = torch.randint(0, 3, (n, 1), generator=seeded())
    x = MaskedDiffusion((3,)).q_sample(
        x_0, torch.full((n,), rate), torch.rand((n, 1), generator=seeded(1))
    )
    is_masked = x == 3
    assert abs(is_masked.double().mean().item() - rate) <= 4 * math.sqrt(rate * (1 - rate) / n)
    assert (x[~is_masked] == x_0[~is_masked]).all()


def test_reverse_steps_with_known_probabilities_reproduce_them() -> None:
    n, p = 40_000, torch.tensor([0.7, 0.05, 0.25])
    schedule = NoiseSchedule()

    def denoiser(state: State, sigma: Tensor) -> Denoised:
        return Denoised(torch.zeros(n, 1), (p.log().expand(n, 3),))

    x_cat = HybridProcess((3,), 1, schedule).sample(denoiser, n, 18, seeded()).x_cat[:, 0]
    share = torch.bincount(x_cat, minlength=4).double() / n
    assert share[3] == 0  # no mask is left
    assert ((share[:3] - p).abs() < 4 * (p * (1 - p) / n).sqrt()).all()


# --- both -------------------------------------------------------------------------------------


def test_sampling_normal_scores_with_the_exact_denoiser_makes_no_error() -> None:
    # The best velocity for standard normal data is 0 at every level.
    def denoiser(state: State, sigma: Tensor) -> Denoised:
        return Denoised(torch.zeros_like(state.x_num), ())

    x = HybridProcess((), 1).sample(denoiser, 1000, 18, seeded()).x_num
    torch.testing.assert_close(x, torch.randn(1000, 1, generator=seeded()))


def test_sampling_two_clusters_with_the_exact_denoiser_finds_both() -> None:
    # x_0 is +m or -m with spread s; its posterior mean is known, so only the sampler can err.
    m, s, n = 0.8, 0.6, 40_000

    def denoiser(state: State, sigma: Tensor) -> Denoised:
        x, sig = state.x_num * (1 + sigma**2).sqrt()[:, None], sigma[:, None]
        total = s**2 + sig**2
        weight = torch.tanh(m * x / total)
        x_0 = (s**2 * x + sig**2 * m * weight) / total
        cos = (1 + sig**2).rsqrt()
        return Denoised((cos * state.x_num - x_0) / (sig * cos), ())

    x = HybridProcess((), 1).sample(denoiser, n, 18, seeded()).x_num[:, 0]
    assert abs(x.mean().item()) < 4 / math.sqrt(n)
    second, fourth = x.square().mean().item(), x.pow(4).mean().item()
    # 18 steps are good to 1 % and 2 %, beyond four standard errors.
    assert second == pytest.approx(m**2 + s**2, rel=0.01 + 4 * 1.1 / math.sqrt(n))
    expected = m**4 + 6 * m**2 * s**2 + 3 * s**4
    assert fourth == pytest.approx(expected, rel=0.02 + 4 * 2.5 / math.sqrt(n))


def test_the_loss_of_a_perfect_denoiser_is_zero() -> None:
    x_num = torch.randn(64, 2, generator=seeded())
    x_cat = torch.randint(0, 3, (64, 1), generator=seeded(1))
    process = HybridProcess((3,), 2)

    def denoiser(state: State, sigma: Tensor) -> Denoised:
        certain = 60 * torch.nn.functional.one_hot(x_cat[:, 0], 3).float()
        cos = (1 + sigma**2).rsqrt()[:, None]
        eps = (state.x_num - cos * x_num) / (sigma[:, None] * cos)
        return Denoised(GaussianDiffusion.velocity(x_num, sigma, eps), (certain,))

    losses = process.loss(denoiser, x_num, x_cat, seeded(2))
    assert losses.numerical.item() == pytest.approx(0, abs=1e-6)
    assert losses.categorical.item() == pytest.approx(0, abs=1e-9)


def test_the_categorical_loss_counts_masked_cells_only() -> None:
    # A uniform guess over 4 categories costs ln 4 per masked cell.
    n = 4096
    x_cat = torch.randint(0, 4, (n, 2), generator=seeded())
    process = HybridProcess((4, 4), 0)

    def denoiser(state: State, sigma: Tensor) -> Denoised:
        return Denoised(torch.zeros(n, 0), (torch.zeros(n, 4), torch.zeros(n, 4)))

    sigma = torch.full((n,), 1.0)  # half of the cells are masked here
    none = torch.zeros(n, 0)
    rows = process.row_losses(denoiser, none, x_cat, sigma, seeded(1)).categorical / math.log(4)
    torch.testing.assert_close(rows, rows.round())
    assert abs(rows.mean().item() - 1) < 4 * math.sqrt(0.5 / n)
    # The batch divides by the cells masked in expectation, so it is ln 4 up to their chance.
    batch = process.loss(denoiser, none, x_cat, seeded(2)).categorical.item()
    assert batch == pytest.approx(math.log(4), abs=4 * math.log(4) * math.sqrt(1 / n))


def test_rows_that_share_their_noise_and_their_values_have_one_loss() -> None:
    x_num, x_cat = torch.zeros(8, 2), torch.ones(8, 1, dtype=torch.int64)
    process = HybridProcess((3,), 2)

    def denoiser(state: State, sigma: Tensor) -> Denoised:
        return Denoised(state.x_num, (torch.zeros(8, 3),))

    sigma = torch.full((8,), 0.7)
    for shared in (True, False):
        losses = process.row_losses(denoiser, x_num, x_cat, sigma, seeded(), shared_noise=shared)
        assert (losses.numerical.unique().numel() == 1) is shared
