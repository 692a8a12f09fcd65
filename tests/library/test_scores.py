"""TabSyn, STaSy and TabDiff: the exact parts against closed forms, and known tables learnt."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from torch import Tensor

from synthtab.generators.fitting import batches, optimise
from synthtab.generators.scores import edm
from synthtab.generators.scores.model import Noise, Rows, ScoreModel
from synthtab.generators.scores.networks import Tokenizer, one_hot
from synthtab.generators.stasy import (
    ScoreNetwork,
    STaSy,
    noise_level,
    quantile_levels,
    self_paced_weights,
)
from synthtab.generators.tabdiff import LearnedSchedules, MixedDenoiser, TabDiff
from synthtab.generators.tabsyn import FallingBeta, TableVAE, TabSyn, kl_to_normal
from synthtab.table.schema import Schema

CPU = torch.device("cpu")
N = 20_000


def seeded(seed: int = 0) -> Noise:
    return Noise(np.random.default_rng(seed), CPU)


def close_to_normal(x: Tensor, mean: float, sd: float) -> bool:
    """Mean and standard deviation of each column within four standard errors."""
    n = len(x)
    near_mean = (x.mean(0) - mean).abs() < 4 * sd / math.sqrt(n)
    near_sd = (x.std(0) - sd).abs() < 4 * sd / math.sqrt(2 * n)
    return bool((near_mean & near_sd).all())


# --- noise levels, preconditioning, sampler ---------------------------------------------------


@pytest.mark.parametrize("sigma_data", [0.5, 1.0])
def test_inputs_and_targets_of_the_network_have_unit_variance(sigma_data: float) -> None:
    sigma = torch.tensor([0.002, 0.1, 1.0, 80.0], dtype=torch.float64)
    c_skip, c_out, c_in, c_noise = edm.preconditioning(sigma, sigma_data)
    one = torch.ones(4, dtype=torch.float64)
    torch.testing.assert_close(c_in.square() * (sigma**2 + sigma_data**2), one)
    # The target is (x_0 - c_skip x) / c_out, x = x_0 + sigma eps.
    variance = ((1 - c_skip) * sigma_data) ** 2 + (c_skip * sigma) ** 2
    torch.testing.assert_close(variance / c_out.square(), one)
    torch.testing.assert_close(edm.loss_weight(sigma, sigma_data) * c_out.square(), one)
    torch.testing.assert_close(c_noise.exp() ** 4, sigma)


def test_the_levels_of_a_draw_fall_from_80_to_nothing() -> None:
    levels = edm.grid(50)
    assert len(levels) == 51
    assert levels[0] == pytest.approx(80)
    assert levels[-2] == pytest.approx(0.002)
    assert levels[-1] == 0
    assert (np.diff(levels) < 0).all()
    # Evenly spaced in the seventh root (Karras et al., 2022, eq. 5).
    assert np.ptp(np.diff(np.array(levels[:-1]) ** (1 / 7))) < 1e-12


def test_heuns_rule_follows_the_flow_of_a_gaussian() -> None:
    x = 80 * seeded().normal((100, 1)).double()
    drawn = edm.heun(lambda x, sigma: x * 0.25 / (0.25 + sigma**2), x, edm.grid(100))
    # The flow multiplies by the ratio of the spreads.
    torch.testing.assert_close(drawn, x * 0.5 / math.sqrt(0.25 + 80**2), rtol=2e-3, atol=0)


def test_churn_leaves_the_distribution_as_it_is() -> None:
    noise = seeded()
    x = 80 * noise.normal((N, 2))
    plain, churned = (
        edm.heun(lambda x, s: x / (1 + s**2), x, edm.grid(200), noise=noise, churn=c)
        for c in (0, 40)
    )
    assert close_to_normal(churned, 0, 1)
    assert not torch.allclose(plain, churned, atol=0.1)


# --- TabSyn -----------------------------------------------------------------------------------


def test_the_divergence_of_a_latent_is_that_of_two_normals() -> None:
    mean, log_variance = seeded().normal((2, 50)).double()
    latent = torch.distributions.Normal(mean, (log_variance / 2).exp())
    normal = torch.distributions.Normal(torch.zeros(()).double(), torch.ones(()).double())
    expected = torch.distributions.kl_divergence(latent, normal)
    torch.testing.assert_close(kl_to_normal(mean, log_variance), expected)


def test_beta_falls_at_every_plateau_down_to_its_floor() -> None:
    beta = FallingBeta(every=2)
    for loss in (4.0, 2.0, 1.0, 1.0):  # means 3 and 1: progress
        beta.see(loss)
    assert beta.value == 1e-2
    for n in (1, 2):
        beta.see(1.0)
        assert beta.value == pytest.approx(1e-2 * 0.7 ** (n - 1))  # a look takes two steps
        beta.see(1.0)
        assert beta.value == pytest.approx(1e-2 * 0.7**n)
    for _ in range(100):
        beta.see(1.0)
    assert beta.value == 1e-5


def test_a_token_is_a_scaled_number_or_a_row_of_a_table() -> None:
    tokenizer = Tokenizer(1, [2, 3])
    tokens = tokenizer(torch.tensor([[2.0]]), one_hot(torch.tensor([[1, 2]]), [2, 3]))
    first, second = tokenizer.embeddings
    expected = torch.stack([2 * tokenizer.weight[0], first[1], second[2]]) + tokenizer.bias
    torch.testing.assert_close(tokens[0], expected)


def test_the_reconstruction_is_that_of_numbers_and_categories() -> None:
    rows = Rows(torch.tensor([[1.0], [3.0]]), torch.tensor([[0], [1]]))
    vae = TableVAE(1, (2,))
    decoded = vae(rows, seeded())._replace(x_num=torch.zeros(2, 1), logits=torch.zeros(2, 2))
    assert vae.reconstruction(decoded, rows).item() == pytest.approx(5 + math.log(2))


def test_rows_are_encoded_block_by_block_as_all_at_once(monkeypatch) -> None:
    rows = Rows(seeded().normal((10, 2)), torch.arange(10)[:, None] % 3)
    vae = TableVAE(2, (3,)).requires_grad_(False)
    whole = vae.encode(rows)
    monkeypatch.setattr("synthtab.generators.tabsyn._ENCODED", 4)
    sizes = []
    monkeypatch.setattr(
        vae, "tokens", lambda part, to=vae.tokens: sizes.append(len(part.codes)) or to(part)
    )
    torch.testing.assert_close(vae.encode(rows), whole)
    assert sizes == [4, 3, 3]


# --- STaSy ------------------------------------------------------------------------------------


def test_the_noise_of_stasy_grows_geometrically() -> None:
    levels = noise_level(torch.linspace(0, 1, 11, dtype=torch.float64))
    assert levels[[0, -1]].tolist() == pytest.approx([0.01, 10])
    ratios = levels[1:] / levels[:-1]
    torch.testing.assert_close(ratios, torch.full((10,), 1000**0.1, dtype=torch.float64))


def test_more_and_more_rows_count() -> None:
    levels = np.array([quantile_levels(share) for share in np.linspace(0, 1, 21)])
    np.testing.assert_allclose(levels[[0, -1]], [[0.3, 0.95], [1, 1]])
    assert (np.diff(levels, axis=0) >= 0).all()
    assert quantile_levels(2.0) == (1, 1)
    # As published, in the middle: a = a0 + ln(1 + (e - 1) / 2 * (1 - a0)).
    easy = 0.3 + math.log(1 + (math.e - 1) / 2 * 0.7)
    assert quantile_levels(0.5) == pytest.approx((easy, 0.95 + math.log(1 + (math.e - 1) / 40)))


def test_easy_rows_count_fully_and_the_hardest_not_at_all() -> None:
    losses = torch.arange(101.0, dtype=torch.float64)[torch.randperm(101)]
    weights = self_paced_weights(losses, share=0.0)
    expected = ((95 - losses) / 65).clamp(0, 1)  # quantiles 0.3 and 0.95 are 30 and 95
    torch.testing.assert_close(weights, expected)
    assert (self_paced_weights(losses, share=1.0) == 1).all()
    assert (self_paced_weights(torch.ones(5), share=0.0) == 1).all()


class ExactNoise(ScoreNetwork):
    """Noise expected in rows whose clean numbers are normal, of mean 0.5 and spread 0.2."""

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        sigma = noise_level(t)[:, None]
        return sigma * (x - 0.5) / (sigma**2 + 0.2**2)


def test_the_flow_of_stasy_draws_what_the_exact_score_says() -> None:
    drawn = ExactNoise(2, [1]).draw(N, 100, seeded())
    # It begins without the mean, which is small beside the noise: 0.5 * 0.2 / 10 is left out. The
    # last step, to the mean, shortens the spread by a part in 400.
    assert close_to_normal(drawn, 0.5 * (1 - 0.2 / 10), 0.2)


# --- TabDiff ----------------------------------------------------------------------------------


def schedules() -> LearnedSchedules:
    """Schedules of three numbers and three categories, two of each having learnt something."""
    made = LearnedSchedules(3, 3).double().requires_grad_(False)
    made.raw_rho += torch.tensor([0.0, -20.0, 5.0])
    made.raw_k += torch.tensor([0.0, 6.0, 9.0])
    return made


def test_schedules_begin_as_published_and_keep_their_bounds() -> None:
    start, learnt = LearnedSchedules(1, 1), schedules()
    assert start.rho.item() == pytest.approx(12.0, abs=1e-2)
    assert start.k.item() == pytest.approx(1.0025, abs=1e-4)
    assert (learnt.rho > 5).all()
    assert (learnt.k > 1).all()


def test_numbers_and_masks_go_from_clean_to_noise_whatever_is_learnt() -> None:
    made, t = schedules(), torch.linspace(0, 1, 101, dtype=torch.float64)
    sigma, masked = made.sigma(t), made.masked(t)
    assert sigma[0].tolist() == pytest.approx([0.002] * 3)
    assert sigma[-1].tolist() == pytest.approx([80] * 3)
    assert masked[0].tolist() == pytest.approx([1e-5] * 3)
    assert masked[-1].tolist() == pytest.approx([0.999] * 3)
    assert (sigma.diff(dim=0) > 0).all()
    assert (masked.diff(dim=0) > 0).all()
    torch.testing.assert_close(made.time_of(sigma), t[:, None].expand(-1, 3))


def test_the_weight_of_a_masked_cell_is_that_of_the_bound() -> None:
    made = schedules()
    t = torch.linspace(0.01, 1, 50, dtype=torch.float64, requires_grad=True)
    for j in range(3):
        s = -torch.log1p(-made.masked(t)[:, j])  # the total hazard of a mask, S
        (rate,) = torch.autograd.grad(s.sum(), t)
        expected = (rate / torch.expm1(s)).detach()
        torch.testing.assert_close(made.mask_weight(t.detach())[:, j], expected)


def test_a_cell_of_known_cost_is_counted_once_over_all_times() -> None:
    made = schedules()
    t = (torch.arange(20_000, dtype=torch.float64) + 0.5) / 20_000
    counted = (made.mask_weight(t) * made.masked(t)).mean(0)
    torch.testing.assert_close(counted, torch.full_like(counted, 1 - 1e-3 - 1e-5))


def test_cells_are_masked_as_often_as_the_schedule_says_and_tell_it_how() -> None:
    network, t = MixedDenoiser(0, [2], width=4), torch.full((N,), 0.3)
    masked = network._masked(t, seeded())
    assert set(masked.unique().tolist()) == {0, 1}
    p = network.schedules.masked(t[:1]).item()
    assert abs(masked.mean().item() - p) < 4 * math.sqrt(p * (1 - p) / N)
    masked.sum().backward()
    assert network.schedules.raw_k.grad.item() != 0


def test_what_is_not_masked_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    network = MixedDenoiser(0, [3], width=4)
    rows = Rows(torch.empty(5, 0), torch.tensor([[0], [1], [2], [0], [1]]))
    monkeypatch.setattr(network, "_masked", lambda t, noise: torch.zeros(len(t), 1))
    assert network.loss(rows, 0.0, seeded()).item() == 0


class ExactDenoiser(MixedDenoiser):
    """Knows that numbers are standard normal, and categories independent of given shares."""

    shares = torch.tensor([0.1, 0.9, 0.2, 0.3, 0.5])

    def denoise(self, x: Tensor, hot: Tensor, t: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        return x / (1 + sigma**2), self.shares.log().expand(len(x), -1)


@torch.no_grad()
def test_the_sampler_draws_what_the_exact_denoiser_says() -> None:
    network = ExactDenoiser(2, [2, 3], width=4)
    x_num, codes = network.draw(N, 50, seeded())
    assert close_to_normal(x_num, 0, 1)
    p = network.shares
    found = one_hot(codes, [2, 3]).mean(0)
    assert ((found - p).abs() < 4 * (p * (1 - p) / N).sqrt()).all()


# --- all three --------------------------------------------------------------------------------

LEARNERS: dict[str, ScoreModel] = {
    "tabsyn": TabSyn(
        n_iter=400, n_iter_vae=200, batch_size=64, width=32, n_steps=20, learning_rate=3e-3
    ),
    "stasy": STaSy(n_iter=600, batch_size=128, width=16, n_steps=40, learning_rate=1e-2),
    "tabdiff": TabDiff(n_iter=300, batch_size=64, width=32, n_steps=20, learning_rate=3e-3),
}
TRIALS: dict[str, ScoreModel] = {
    "tabsyn": TabSyn(n_iter=3, n_iter_vae=3, width=8, n_steps=3, random_state=0),
    "stasy": STaSy(n_iter=3, width=8, n_steps=3, random_state=0),
    "tabdiff": TabDiff(n_iter=3, width=8, n_steps=3, random_state=0),
}
each_model = pytest.mark.parametrize("name", LEARNERS)


def related(n: int = 400) -> pd.DataFrame:
    """A group, a colour that follows it nine times in ten, and a number that is larger in b."""
    rng = np.random.default_rng(0)
    is_b = rng.random(n) < 0.3
    is_red = is_b ^ (rng.random(n) < 0.1)
    return pd.DataFrame(
        {
            "group": np.where(is_b, "b", "a").astype(object),
            "colour": np.where(is_red, "red", "blue").astype(object),
            "x": rng.normal(size=n) + 2 * is_b,
        }
    )


def facts(frame: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """What is known of `related`, each with its standard deviation in a table of one row."""
    is_b, agrees = frame.group == "b", (frame.group == "b") == (frame.colour == "red")
    p, q = is_b.mean(), agrees.mean()
    return {
        "share of b": (p, math.sqrt(p * (1 - p))),
        "agreement": (q, math.sqrt(q * (1 - q))),
        "mean": (frame.x.mean(), frame.x.std()),
        "middle": (frame.x.between(-0.2, 1.3).mean(), 0.5),  # about half of the rows
        "gap": (frame.x[is_b].mean() - frame.x[~is_b].mean(), 1 / math.sqrt(p * (1 - p))),
    }


@each_model
def test_a_known_table_is_learnt(name: str) -> None:
    real = related()
    model = clone(LEARNERS[name]).set_params(random_state=0)
    drawn = model.fit(real, Schema.infer(real, target="x")).sample(512, random_state=0)
    # Of the difference of two samples, the rows learnt and the rows drawn; the model adds its own.
    n_errors = 5 * math.sqrt(1 / len(real) + 1 / len(drawn))
    for fact, (value, sd) in facts(real).items():
        found, _ = facts(drawn)[fact]
        assert abs(found - value) < n_errors * sd, fact


@each_model
def test_a_short_draw_is_the_beginning_of_a_long_one(name: str) -> None:
    real = related(50)
    model = clone(TRIALS[name]).fit(real, Schema.infer(real, target="x"))
    long = model.sample(1030, random_state=3)
    for n in (1, 512, 1024):
        pd.testing.assert_frame_equal(model.sample(n, random_state=3), long.head(n))
    assert not long.x[:512].equals(long.x[512:1024].reset_index(drop=True))


@each_model
@pytest.mark.parametrize("columns", [["x"], ["group"], ["class", "x"], ["class", "group"]])
def test_tables_of_one_kind_and_targets_of_several_classes(name: str, columns: list[str]) -> None:
    real = related(60).assign(**{"class": pd.Series(list("uvw") * 20, dtype="category")})
    real = real[columns]
    schema = Schema.infer(real, target=columns[0])
    drawn = clone(TRIALS[name]).fit(real, schema).sample(20, random_state=0)
    schema.validate(drawn)
    assert drawn.dtypes.equals(real.dtypes)


@each_model
def test_training_works_on_one_thread_and_reports_every_step(name: str) -> None:
    seen = []
    before = torch.get_num_threads()
    torch.set_num_threads(2)

    def callback(step: int, n_iter: int, loss: float) -> None:
        seen.append((step, n_iter, torch.get_num_threads(), math.isfinite(loss)))

    real = related(50)
    model = clone(TRIALS[name]).set_params(callback=callback)
    try:
        model.fit(real, Schema.infer(real, target="x"))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    trainings = 2 if name == "tabsyn" else 1
    assert seen == [(step, 3, 1, True) for step in (1, 2, 3)] * trainings
    assert model.loss_curve_.shape == (3,)


@each_model
def test_all_wrong_parameters_are_named_at_once(name: str) -> None:
    wrong = {"n_iter": 0, "width": -1, "batch_size": 2.5, "n_steps": 1, "learning_rate": 0}
    model = clone(TRIALS[name]).set_params(**wrong)
    real = related(50)
    expected = (
        r"n_iter=0: a whole number, at least 1; .*batch_size=2\.5: a whole number, at least 1; "
        r"width=-1: a whole number, at least 1; n_steps=1: a whole number, at least 2; learn"
    )
    with pytest.raises(ValueError, match=expected):
        model.fit(real, Schema.infer(real, target="x"))


@each_model
def test_a_fit_that_was_stopped_cannot_draw(name: str) -> None:
    def stop(step: int, n_iter: int, loss: float) -> None:
        if step == n_iter:
            stopped.append(step)
        if len(stopped) == (2 if name == "tabsyn" else 1):
            raise KeyboardInterrupt

    stopped: list[int] = []
    model = clone(TRIALS[name]).set_params(callback=stop)
    real = related(50)
    with pytest.raises(KeyboardInterrupt):
        model.fit(real, Schema.infer(real, target="x"))
    with pytest.raises(NotFittedError):
        model.sample(3)


@each_model
def test_a_column_of_one_value_comes_back_as_it_is(name: str) -> None:
    real = related(50).assign(constant=0.5, tiny=np.arange(50) * 1e-18)
    drawn = clone(TRIALS[name]).fit(real, Schema.infer(real, target="x")).sample(200)
    assert set(drawn.constant) == {0.5}
    assert drawn.tiny.between(0, 49e-18).all()


@each_model
def test_whole_numbers_that_floats_do_not_hold_are_refused(name: str) -> None:
    real = related(50).assign(key=2**63 - 1 - np.arange(50))
    with pytest.raises(ValueError, match=r"columns \['key'\]: whole numbers beyond 2\*\*53"):
        clone(TRIALS[name]).fit(real, Schema.infer(real, target="x"))


@each_model
def test_no_gpu_is_seeded_by_a_fit_on_the_processor(name: str, monkeypatch) -> None:
    seeds: list[int] = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeds.append)
    monkeypatch.setattr(torch.cuda, "manual_seed", seeds.append)
    real = related(50)
    clone(TRIALS[name]).set_params(device="cpu").fit(real, Schema.infer(real, target="x"))
    assert not seeds


@each_model
def test_one_row_cannot_be_learnt(name: str) -> None:
    real = related(50)
    with pytest.raises(ValueError, match="a table of 1 row cannot be learnt"):
        clone(TRIALS[name]).fit(real.head(1), Schema.infer(real, target="x"))


def test_numbers_of_stasy_enter_in_their_range_or_as_normal_scores() -> None:
    real = related(50)
    schema = Schema.infer(real, target="x")
    for scaling, low, high in (("range", 0.0, 1.0), ("quantile", -5.2, 5.2)):
        model = clone(TRIALS["stasy"]).set_params(scaling=scaling).fit(real, schema)
        scores, _ = model.encoder_.transform(real)
        assert [scores.min(), scores.max()] == pytest.approx([low, high], abs=1e-2)
    with pytest.raises(ValueError, match="scaling='rank'"):
        clone(TRIALS["stasy"]).set_params(scaling="rank").fit(real, schema)


def test_every_row_is_seen_before_one_is_seen_again() -> None:
    order = batches(7, 3, torch.Generator().manual_seed(0))
    seen = torch.cat([next(order) for _ in range(7)])
    assert (seen.bincount() == 3).all()
    assert (seen[:7].bincount() == 1).all()


def test_a_loss_that_is_not_a_number_ends_training() -> None:
    weight = torch.nn.Parameter(torch.ones(()))
    with pytest.raises(ValueError, match=r"training diverged at step 2 of 5 .*now 0\.1"):
        optimise(
            torch.optim.SGD([weight], lr=0.1),
            lambda index, step: weight * (math.nan if step == 1 else 1.0),
            n_rows=4,
            batch_size=2,
            n_iter=5,
            generator=torch.Generator(),
        )
