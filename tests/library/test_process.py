"""The processes are what their formulas say: against enumeration, moments and known optima."""

import itertools
import math

import pytest
import torch
from scipy.stats import kstest
from torch import Tensor

from synthtab.diffusion.process import (
    Denoised,
    Denoiser,
    GaussianDiffusion,
    HybridProcess,
    MaskedDiffusion,
    NoiseSchedule,
    Stage,
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


def test_most_sampling_levels_are_evenly_spaced_in_theta() -> None:
    theta = torch.arctan(NoiseSchedule().steps(24))[1:20].double()
    torch.testing.assert_close(
        theta.diff(), torch.full((18,), -math.pi / 40, dtype=torch.float64), rtol=1e-4, atol=0
    )


def test_training_levels_are_log_normal() -> None:
    schedule = NoiseSchedule()
    n = 10_000
    z = (torch.log(schedule.sample(n, seeded())) - schedule.log_mean) / schedule.log_sd
    # Stratified: much closer than a random sample, whose standard error is 1 / sqrt(n).
    assert abs(z.mean().item()) < 0.1 / math.sqrt(n)
    assert abs(z.std().item() - 1) < 1 / math.sqrt(n)


def test_mask_rates_are_uniform_in_training() -> None:
    n, schedule = 4000, NoiseSchedule()
    rates = schedule.mask_rate(schedule.sample(n, seeded())).sort().values
    # One level from each of n strata, so each rate is within its stratum.
    torch.testing.assert_close(rates, (torch.arange(n) + 0.5) / n, atol=0.51 / n, rtol=0)
    assert schedule.mask_rate(torch.tensor(schedule.sigma_max)) > 0.999


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
    due = torch.ones(2, 2, dtype=torch.bool)
    after = masked.p_sample(wrong, x_cat, due, torch.rand(2, 2, generator=seeded()))
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


def test_cells_revealed_one_at_a_time_follow_the_joint_distribution() -> None:
    # Exact conditionals of two dependent columns; whichever comes first, their joint must result.
    joint = torch.tensor([[0.4, 0.1], [0.05, 0.15], [0.0, 0.3]], dtype=torch.float64)
    n = 40_000

    def denoiser(state: State, sigma: Tensor) -> Denoised:
        first, second = state.x_cat.T
        padded = torch.cat([joint, joint.sum(0, keepdim=True)])
        given_second = torch.cat([joint, joint.sum(1, keepdim=True)], dim=1).T[second]
        return Denoised(torch.zeros(n, 0), (given_second.log(), padded[first].log()))

    x_cat = HybridProcess((3, 2), 0).sample(denoiser, n, 1, seeded()).x_cat
    counts = torch.bincount(2 * x_cat[:, 0] + x_cat[:, 1], minlength=6).double().view(3, 2)
    assert ((counts / n - joint).abs() <= 4 * (joint * (1 - joint) / n).sqrt()).all()


@pytest.mark.parametrize("n_cat", [1, 3, 5])
def test_the_posterior_is_that_of_cells_revealed_in_random_order(n_cat: int) -> None:
    # Cell j is revealed at the rate that is the order statistic of its turn: a uniform rate.
    n, now, then = 200_000, 0.7, 0.45
    rates = torch.rand(n, n_cat, generator=seeded()).sort(dim=1, descending=True).values
    turn = torch.rand(n, n_cat, generator=seeded(1)).argsort(dim=1)
    own = rates.gather(1, turn)[:, 0]
    masked_now = own < now
    share = (own[masked_now] < then).double().mean().item()
    expected = MaskedDiffusion((2,)).q_posterior(
        torch.full((1, 2), 0.5), torch.tensor([True]), now, then
    )[0, -1]
    assert share == pytest.approx(float(expected), abs=4 * 0.5 / math.sqrt(0.7 * n))


def test_given_categories_stay_and_the_others_follow_them() -> None:
    def denoiser(state: State, sigma: Tensor) -> Denoised:
        certain = 60 * torch.nn.functional.one_hot(state.x_cat[:, 0].clamp(max=2), 3).float()
        return Denoised(torch.zeros(50, 0), (torch.zeros(50, 3), certain))

    given = torch.tensor([[2, 3]]).repeat(50, 1)
    x_cat = HybridProcess((3, 3), 0).sample(denoiser, 50, 1, seeded(), x_cat=given).x_cat
    assert (x_cat == 2).all()


# --- both -------------------------------------------------------------------------------------


def test_sampling_normal_scores_with_the_exact_denoiser_makes_no_error() -> None:
    # The best velocity for standard normal data is 0 at every level.
    seen: list[Tensor] = []

    def denoiser(state: State, sigma: Tensor) -> Denoised:
        seen.append(state.x_num)
        return Denoised(torch.zeros_like(state.x_num), ())

    n = 1000
    x = HybridProcess((), 1).sample(denoiser, n, 18, seeded()).x_num
    torch.testing.assert_close(x, seen[0])
    # Kolmogorov's distance of n draws is above 2 / sqrt(n) once in 1,500 times.
    assert kstest(x[:, 0].numpy(), "norm").statistic < 2 / math.sqrt(n)


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


# --- stages -----------------------------------------------------------------------------------


def test_categories_come_first_and_a_stage_without_columns_is_left_out() -> None:
    assert HybridProcess((4,), 3).stages == (Stage.CATEGORIES, Stage.NUMBERS)
    assert HybridProcess((), 1).stages == (Stage.NUMBERS,)
    assert HybridProcess((4,), 0).stages == (Stage.CATEGORIES,)


def test_each_stage_sees_what_came_before_and_nothing_of_what_comes_after() -> None:
    process = HybridProcess((3,), 2)
    x_num, x_cat = torch.randn(4, 2, generator=seeded()), torch.ones(4, 1, dtype=torch.int64)
    seen: list[State] = []
    levels: list[Tensor] = []

    def denoiser(state: State, sigma: Tensor) -> Denoised:
        seen.append(state)
        levels.append(sigma)
        return Denoised(torch.zeros(4, 2), (torch.zeros(4, 3),))

    stage = torch.tensor([Stage.CATEGORIES] * 2 + [Stage.NUMBERS] * 2)
    process.row_losses(denoiser, x_num, x_cat, stage, torch.full((4,), 50.0), seeded(1))
    (state,) = seen
    assert levels[0].tolist() == [80.0, 80.0, 50.0, 50.0]
    categories, numbers = slice(0, 2), slice(2, 4)
    assert (state.x_cat[categories] == 3).all()  # nearly all are masked at this level
    assert (state.x_num[categories] == 0).all()
    assert (state.x_cat[numbers] == 1).all()
    assert (state.x_num[numbers] != x_num[numbers]).all()
    assert (state.x_num[numbers] != 0).all()


def test_the_sampler_shows_the_denoiser_what_training_did() -> None:
    process = HybridProcess((3,), 2)
    seen: list[State] = []
    levels: list[float] = []

    def denoiser(state: State, sigma: Tensor) -> Denoised:
        seen.append(state)
        levels.append(sigma[0].item())
        return Denoised(torch.zeros(4, 2), (torch.zeros(4, 3),))

    drawn = process.sample(denoiser, 4, 2, seeded())
    masked, first, *_ = seen
    assert levels[0] == 80.0  # the categories' level, as in training
    assert (masked.x_cat == 3).all()
    assert (masked.x_num == 0).all()
    assert levels[1] == 80.0
    assert torch.equal(first.x_cat, drawn.x_cat)
    assert (first.x_num != 0).all()


def test_the_first_rows_are_the_same_however_many_are_drawn() -> None:
    process = HybridProcess((3, 2), 2)

    def denoiser(state: State, sigma: Tensor) -> Denoised:
        next_to = state.x_cat.flip(1).float()
        logits = (next_to[:, :1] * torch.arange(3), next_to[:, 1:] * torch.arange(2))
        return Denoised(state.x_num.flip(1) + next_to, logits)

    long = process.sample(denoiser, 1000, 3, seeded())
    for n in (1, 7, 16, 500):
        short = process.sample(denoiser, n, 3, seeded())
        assert torch.equal(short.x_num, long.x_num[:n])
        assert torch.equal(short.x_cat, long.x_cat[:n])


def test_the_loss_of_a_perfect_denoiser_is_zero() -> None:
    n = 66
    x_num = torch.randn(n, 2, generator=seeded())
    x_cat = torch.randint(0, 3, (n, 1), generator=seeded(1))
    process = HybridProcess((3,), 2)

    def denoiser(state: State, sigma: Tensor) -> Denoised:
        certain = 60 * torch.nn.functional.one_hot(x_cat[:, 0], 3).float()
        cos = (1 + sigma**2).rsqrt()[:, None]
        eps = (state.x_num - cos * x_num) / (sigma[:, None] * cos)
        return Denoised(GaussianDiffusion.velocity(x_num, sigma, eps), (certain,))

    assert process.loss(denoiser, x_num, x_cat, seeded(2)).item() == pytest.approx(0, abs=1e-6)


def test_a_uniform_guess_costs_its_entropy_per_masked_cell() -> None:
    n = 4096
    x_cat = torch.randint(0, 4, (n, 2), generator=seeded())
    process = HybridProcess((4, 4), 0)

    def denoiser(state: State, sigma: Tensor) -> Denoised:
        return Denoised(torch.zeros(n, 0), (torch.zeros(n, 4), torch.zeros(n, 4)))

    none, stage = torch.zeros(n, 0), torch.full((n,), Stage.CATEGORIES)
    half = torch.full((n,), math.exp(process.schedule.log_mean))  # half of the cells are masked
    rows = process.row_losses(denoiser, none, x_cat, stage, half, seeded(1)) / math.log(4)
    torch.testing.assert_close(rows, rows.round())  # two columns: one masked cell counts 1
    assert abs(rows.mean().item() - 1) < 4 * math.sqrt(0.5 / n)
    batch = process.loss(denoiser, none, x_cat, seeded(2)).item()
    assert batch == pytest.approx(math.log(4), abs=4 * math.log(4) / math.sqrt(n))


@pytest.mark.parametrize("n_columns", [1, 2, 5])
def test_a_table_of_more_columns_has_no_greater_loss(n_columns: int) -> None:
    n, level = 8, 1e9  # at which every category is masked
    numbers = torch.randn(n, n_columns, generator=seeded())

    def off_by_one(state: State, sigma: Tensor) -> Denoised:
        cos = (1 + sigma**2).rsqrt()[:, None]
        eps = (state.x_num - cos * numbers) / (sigma[:, None] * cos)
        return Denoised(GaussianDiffusion.velocity(numbers, sigma, eps) + 1, ())

    none = torch.zeros(n, 0, dtype=torch.int64)
    loss = HybridProcess((), n_columns).loss(off_by_one, numbers, none, seeded(1))
    assert loss.item() == pytest.approx(1, abs=1e-3)  # every velocity errs by 1

    def uniform(state: State, sigma: Tensor) -> Denoised:
        return Denoised(torch.zeros(n, 0), (torch.zeros(n, 4),) * n_columns)

    codes, stage = none.new_zeros(n, n_columns), none.new_zeros(n)
    rows = HybridProcess((4,) * n_columns, 0).row_losses(
        uniform, torch.zeros(n, 0), codes, stage, torch.full((n,), level), seeded(1)
    )
    # On average half of the cells are masked, here all: twice a cell's entropy.
    torch.testing.assert_close(rows, torch.full((n,), 2 * math.log(4)))


@pytest.mark.parametrize(
    ("cardinalities", "n_num", "share"), [((3,), 2, 1 / 2), ((), 2, 1.0), ((3,), 0, 0.0)]
)
def test_each_stage_learns_from_as_many_rows_of_a_batch(
    cardinalities: tuple[int, ...], n_num: int, share: float
) -> None:
    n, seen = 600, []

    class Spied(HybridProcess):
        def row_losses(self, denoiser: Denoiser, *args: Tensor) -> Tensor:  # type: ignore[override]
            seen.append(args[2])
            return super().row_losses(denoiser, *args)  # type: ignore[arg-type]

    def denoiser(state: State, sigma: Tensor) -> Denoised:
        logits = tuple(torch.zeros(n, size) for size in cardinalities)
        return Denoised(torch.zeros(n, n_num), logits)

    x_cat = torch.zeros(n, len(cardinalities), dtype=torch.int64)
    Spied(cardinalities, n_num).loss(denoiser, torch.ones(n, n_num), x_cat, seeded())
    assert (seen[0] == Stage.NUMBERS).sum() == n * share


def test_rows_that_share_their_noise_and_their_values_have_one_loss() -> None:
    x_num, x_cat = torch.zeros(8, 2), torch.ones(8, 1, dtype=torch.int64)
    process = HybridProcess((3,), 2)

    def denoiser(state: State, sigma: Tensor) -> Denoised:
        return Denoised(state.x_num, (torch.zeros(8, 3),))

    sigma, stage = torch.full((8,), 0.7), torch.full((8,), Stage.NUMBERS)
    for shared in (True, False):
        losses = process.row_losses(
            denoiser, x_num, x_cat, stage, sigma, seeded(), shared_noise=shared
        )
        assert (losses.unique().numel() == 1) is shared
