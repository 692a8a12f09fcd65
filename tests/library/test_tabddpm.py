"""TabDDPM is the published model: its processes against enumeration, its generator learns."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from torch import Tensor

from synthtab.generators.tabddpm.encoding import QuantileEncoder
from synthtab.generators.tabddpm.gaussian import GaussianDDPM, betas, cosine_alpha_bar
from synthtab.generators.tabddpm.model import MixedDDPM, Rows, TabDDPM, sinusoids
from synthtab.generators.tabddpm.multinomial import CategoryBlock, MultinomialDiffusion
from synthtab.table.schema import Schema


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# --- schedule ---------------------------------------------------------------------------------


def test_the_signal_falls_from_all_to_practically_nothing() -> None:
    alpha_bar = cosine_alpha_bar(1000)
    assert alpha_bar[0] == 1
    assert (alpha_bar.diff() < 0).all()
    assert 0 < alpha_bar[-1] < 1e-8


def test_the_schedule_is_the_published_cosine_up_to_its_cut() -> None:
    def f(t: int) -> float:
        return math.cos((t / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2

    alpha_bar = cosine_alpha_bar(1000)
    for t in (1, 10, 500, 999):
        assert float(alpha_bar[t]) == pytest.approx(f(t) / f(0), rel=1e-9)
    assert float(betas(alpha_bar)[1000]) == pytest.approx(0.999)


# --- Gaussian ---------------------------------------------------------------------------------


@pytest.mark.parametrize("t", [1, 250, 600, 1000])
def test_noised_numbers_have_the_moments_of_the_closed_form(t: int) -> None:
    n, alpha_bar = 40_000, float(cosine_alpha_bar(1000)[t])
    x_0, eps = torch.full((n, 1), 1.5), torch.randn(n, 1, generator=seeded())
    x_t = GaussianDDPM(cosine_alpha_bar(1000)).q_sample(x_0, torch.full((n,), t), eps)
    sd = math.sqrt(1 - alpha_bar)
    # 4 standard errors of a mean and of a standard deviation
    assert abs(x_t.mean().item() - 1.5 * math.sqrt(alpha_bar)) < 4 * sd / math.sqrt(n)
    assert abs(x_t.std().item() - sd) < 4 * sd / math.sqrt(2 * n)


def test_the_closed_form_is_what_single_steps_add_up_to() -> None:
    alpha_bar = cosine_alpha_bar(50)
    scale, variance = 1.0, 0.0
    for t, beta in enumerate(betas(alpha_bar)[1:].tolist(), start=1):
        scale, variance = scale * math.sqrt(1 - beta), (1 - beta) * variance + beta
        assert scale == pytest.approx(math.sqrt(alpha_bar[t]))
        assert variance == pytest.approx(1 - float(alpha_bar[t]))


@pytest.mark.parametrize("t", [1, 2, 17, 50])
def test_a_reverse_step_is_the_posterior_at_the_clean_number(t: int) -> None:
    alpha_bar = cosine_alpha_bar(50)
    process, generator = GaussianDDPM(alpha_bar), seeded()
    x_0, eps, noise = (torch.randn(6, 2, generator=generator) for _ in range(3))
    x_t = process.q_sample(x_0, torch.full((6,), t), eps)
    beta, before = float(betas(alpha_bar)[t]), float(alpha_bar[t - 1])
    # N(x; sqrt(before) x_0, 1 - before) N(x_t; sqrt(1 - beta) x, beta) as a density of x
    mean = math.sqrt(before) * beta * x_0 + math.sqrt(1 - beta) * (1 - before) * x_t
    mean = mean / (beta + (1 - beta) * (1 - before))
    if t == 1:
        torch.testing.assert_close(mean, x_0)
    expected = mean if t == 1 else mean + math.sqrt(beta) * noise
    # In float32, and the noisiest step multiplies by some thirty.
    torch.testing.assert_close(process.p_sample(eps, x_t, t, noise), expected, rtol=1e-4, atol=1e-4)


def test_the_exact_noise_of_normal_numbers_draws_normal_numbers() -> None:
    alpha_bar = cosine_alpha_bar(50)
    process, generator, n = GaussianDDPM(alpha_bar), seeded(), 40_000
    x = torch.randn(n, 1, generator=generator)
    for t in range(50, 0, -1):
        eps = math.sqrt(1 - float(alpha_bar[t])) * x  # E[eps | x_t] where x_0 is standard normal
        x = process.p_sample(eps, x, t, torch.randn(n, 1, generator=generator))
    # The last step ends at its mean, which leaves out the variance beta_1.
    sd = math.sqrt(1 - float(betas(alpha_bar)[1]))
    assert abs(x.mean().item()) < 4 / math.sqrt(n)
    assert abs(x.std().item() - sd) < 4 / math.sqrt(2 * n)


# --- a block of categories --------------------------------------------------------------------

SIZES = (3, 1, 5, 2)


def test_segments_are_normalised_as_each_column_alone_would_be() -> None:
    logits = torch.randn(7, sum(SIZES), generator=seeded()) * 60
    logits[:, :3] += 1000  # one column far above the others
    alone = torch.cat([part.log_softmax(1) for part in logits.split(SIZES, 1)], 1)
    torch.testing.assert_close(CategoryBlock(SIZES).log_softmax(logits), alone)


def test_the_gradient_of_a_segment_is_that_of_the_column_alone() -> None:
    logits = torch.randn(7, sum(SIZES), generator=seeded()).requires_grad_()
    weight = torch.randn(7, sum(SIZES), generator=seeded(1))
    (CategoryBlock(SIZES).log_softmax(logits) * weight).sum().backward()
    block_gradient, logits.grad = logits.grad, None
    alone = torch.cat([part.log_softmax(1) for part in logits.split(SIZES, 1)], 1)
    (alone * weight).sum().backward()
    torch.testing.assert_close(block_gradient, logits.grad)


def test_categories_are_drawn_with_their_probabilities() -> None:
    n = 40_000
    p = torch.tensor([0.5, 0.0, 0.5, 1.0, 0.1, 0.2, 0.0, 0.3, 0.4, 0.9, 0.1])
    uniform = torch.rand(n, 4, generator=seeded())
    codes = CategoryBlock(SIZES).draw(p.log().expand(n, -1), uniform)
    drawn = CategoryBlock(SIZES).one_hot(codes).double().mean(0)
    assert ((drawn - p).abs() <= 4 * (p * (1 - p) / n).sqrt()).all()  # 0 and 1 exactly


@pytest.mark.parametrize("uniform", [0.0, 1 - 2**-24])
def test_the_ends_of_the_uniform_stay_within_their_column(uniform: float) -> None:
    p = torch.tensor([[0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.7, 0.3, 0.0, 0.5, 0.5]])
    codes = CategoryBlock(SIZES).draw(p.log(), torch.full((1, 4), uniform))
    assert codes.tolist() == [[1, 0, 2, 0] if uniform == 0 else [1, 0, 3, 1]]


def test_probabilities_that_are_not_numbers_are_refused() -> None:
    log_p = CategoryBlock(SIZES).log_softmax(torch.full((1, sum(SIZES)), torch.nan))
    with pytest.raises(ValueError, match="categories are not finite; train longer"):
        CategoryBlock(SIZES).draw(log_p, torch.rand(1, 4))


def test_pure_noise_is_uniform_over_each_columns_categories() -> None:
    n = 40_000
    block = CategoryBlock(SIZES)
    p = torch.cat([torch.full((k,), 1 / k) for k in SIZES])
    drawn = block.one_hot(block.uniform(n, seeded())).double().mean(0)
    assert ((drawn - p).abs() <= 4 * (p * (1 - p) / n).sqrt()).all()


# --- categories: against enumeration ----------------------------------------------------------

FEW = cosine_alpha_bar(4)


def chain(size: int, alpha_bar: Tensor) -> list[Tensor]:
    """Transition matrix of each step, [x_{t-1}, x_t]; entry 0 is the identity."""
    eye = torch.eye(size, dtype=torch.float64)
    return [(1 - beta) * eye + beta / size for beta in betas(alpha_bar).tolist()]


def marginal(size: int, alpha_bar: Tensor, t: int) -> Tensor:
    """q(x_t | x_0) as a product of transition matrices, [x_0, x_t]."""
    product = torch.eye(size, dtype=torch.float64)
    for step in chain(size, alpha_bar)[1 : t + 1]:
        product = product @ step
    return product


def enumerated_posterior(p_0: Tensor, x_t: int, t: int, alpha_bar: Tensor) -> Tensor:
    """p(x_{t-1} | x_t) for x_0 distributed as p_0, summed over every path by Bayes' rule."""
    size = len(p_0)
    to_before, step = marginal(size, alpha_bar, t - 1), chain(size, alpha_bar)[t]
    joint = torch.zeros(size, dtype=torch.float64)
    for x_0, before in itertools.product(range(size), repeat=2):
        joint[before] += p_0[x_0] * to_before[x_0, before] * step[before, x_t]
    return joint / joint.sum()


@pytest.mark.parametrize("t", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("size", [2, 3])
def test_the_forward_marginal_is_the_product_of_the_steps(size: int, t: int) -> None:
    process = MultinomialDiffusion([size], FEW)
    known = torch.eye(size).log()
    computed = process.q_log_prob(known, torch.full((size,), t)).exp()
    torch.testing.assert_close(computed.double(), marginal(size, FEW, t), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("t", [1, 2, 3, 4])
@pytest.mark.parametrize("x_t", [0, 1, 2])
@pytest.mark.parametrize("p_0", [(1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.2, 0.7, 0.1)])
def test_the_posterior_agrees_with_enumeration(t: int, x_t: int, p_0: tuple[float, ...]) -> None:
    # Between two other columns, which must not matter.
    others = torch.tensor([0.25, 0.75])
    log_p_0 = torch.cat([others, torch.tensor(p_0), others])[None].log()
    codes = torch.tensor([[1, x_t, 0]])
    process = MultinomialDiffusion([2, 3, 2], FEW)
    computed = process.q_posterior(log_p_0, codes, torch.tensor([t])).exp()[0, 2:5].double()
    expected = enumerated_posterior(torch.tensor(p_0).double(), x_t, t, FEW)
    torch.testing.assert_close(computed, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("t", [1, 2, 4])
def test_a_term_of_the_bound_agrees_with_enumeration(t: int) -> None:
    logits = torch.randn(1, 3, generator=seeded())
    prediction = logits[0].double().softmax(0)
    for x_0, x_t in itertools.product(range(3), repeat=2):
        q = enumerated_posterior(torch.eye(3, dtype=torch.float64)[x_0], x_t, t, FEW)
        p = enumerated_posterior(prediction, x_t, t, FEW)
        expected = float((torch.special.xlogy(q, q) - torch.special.xlogy(q, p)).sum())
        computed = MultinomialDiffusion([3], FEW).kl(
            logits, torch.tensor([[x_0]]), torch.tensor([[x_t]]), torch.tensor([t])
        )
        assert computed.item() == pytest.approx(expected, rel=1e-4, abs=1e-6)


def bound(p: Tensor, alpha_bar: Tensor) -> float:
    """Variational bound on -log p(x_0) in nats, mean over x_0 ~ p, with p itself predicted."""
    process, size = MultinomialDiffusion([len(p)], alpha_bar), len(p)
    total = float(process.prior_kl())
    for t in range(1, len(alpha_bar)):
        weight = p[:, None] * marginal(size, alpha_bar, t)
        for x_0, x_t in itertools.product(range(size), repeat=2):
            cell = torch.tensor([[x_0]]), torch.tensor([[x_t]]), torch.tensor([t])
            total += float(weight[x_0, x_t] * process.kl(p.log().float()[None], *cell))
    return total


def test_the_whole_bound_of_a_perfect_model_is_the_entropy() -> None:
    # A column on its own is reversed exactly by predicting its marginal distribution, and then
    # the bound is tight: all its terms, the decoder's and the prior's among them, are right.
    p = torch.tensor([0.7, 0.05, 0.25], dtype=torch.float64)
    entropy = float(torch.special.entr(p).sum())
    assert bound(p, cosine_alpha_bar(6)) == pytest.approx(entropy, rel=1e-5)


def test_terms_and_gradients_are_finite_for_extreme_predictions() -> None:
    process = MultinomialDiffusion([3], cosine_alpha_bar(1000))
    logits = torch.tensor([[300.0, -300.0, 0.0]]).repeat(4, 1).requires_grad_()
    x_0, x_t = torch.tensor([[1]] * 4), torch.tensor([[1], [0], [1], [2]])
    kl = process.kl(logits, x_0, x_t, torch.tensor([1, 1, 2, 1000]))
    kl.sum().backward()
    assert kl[0].item() > 500  # the decoder pays the whole difference: log space lost nothing
    assert torch.isfinite(kl).all()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_categories_are_uniform_at_the_end_of_time() -> None:
    process, n = MultinomialDiffusion([4], cosine_alpha_bar(1000)), 40_000
    log_q = process.q_log_prob(torch.eye(4).log(), torch.full((4,), 1000))
    torch.testing.assert_close(log_q.exp(), torch.full((4, 4), 0.25), rtol=0, atol=1e-6)
    x_t = process.q_sample(torch.full((n, 1), 2), torch.full((n,), 1000), seeded())
    share = torch.bincount(x_t[:, 0], minlength=4) / n
    assert ((share - 0.25).abs() < 4 * math.sqrt(0.25 * 0.75 / n)).all()
    assert abs(float(process.prior_kl())) < 1e-6


@pytest.mark.parametrize("t", [1, 2, 3])
def test_noised_categories_have_the_frequencies_of_the_closed_form(t: int) -> None:
    process, n = MultinomialDiffusion([2, 3], FEW), 40_000
    x_t = process.q_sample(torch.tensor([[1, 2]]).expand(n, -1), torch.full((n,), t), seeded())
    for column, size in enumerate((2, 3)):
        p = marginal(size, FEW, t)[column + 1]
        share = torch.bincount(x_t[:, column], minlength=size) / n
        assert ((share - p).abs() < 4 * (p * (1 - p) / n).sqrt()).all()


def test_a_reverse_step_from_pure_noise_forgets_and_does_not_yet_know() -> None:
    # What is known of x_0 at T - 1 is alpha_bar_{T-1}, some millionths: the next category is drawn
    # almost uniformly, however certain the prediction is. Only x_t keeps a chance of alpha_T.
    process, n = MultinomialDiffusion([4], cosine_alpha_bar(1000)), 40_000
    logits = torch.tensor([60.0, 0.0, 0.0, 0.0]).expand(n, -1)
    x_t, uniform = torch.full((n, 1), 1), torch.rand(n, 1, generator=seeded())
    drawn = process.p_sample(logits, x_t, torch.full((n,), 1000), uniform)[:, 0]
    share = torch.bincount(drawn, minlength=4) / n
    assert ((share - 0.25).abs() < 0.001 + 4 * math.sqrt(0.25 * 0.75 / n)).all()


def test_the_last_reverse_step_believes_the_prediction() -> None:
    process = MultinomialDiffusion([4], cosine_alpha_bar(1000))
    logits = torch.tensor([[0.0, 60.0, 0.0, 0.0]]).expand(50, -1)
    x_t, uniform = torch.zeros(50, 1).long(), torch.rand(50, 1, generator=seeded())
    assert (process.p_sample(logits, x_t, torch.ones(50).long(), uniform) == 1).all()


def test_reverse_steps_with_the_marginals_reproduce_them() -> None:
    n, p = 40_000, torch.tensor([0.7, 0.05, 0.25])
    process, generator = MultinomialDiffusion([3], cosine_alpha_bar(30)), seeded()
    codes = torch.randint(0, 3, (n, 1), generator=generator)
    for t in range(30, 0, -1):
        uniform = torch.rand(n, 1, generator=generator)
        codes = process.p_sample(p.log().expand(n, -1), codes, torch.full((n,), t), uniform)
    share = torch.bincount(codes[:, 0], minlength=3) / n
    assert ((share - p).abs() < 4 * (p * (1 - p) / n).sqrt()).all()


# --- both -------------------------------------------------------------------------------------


class Constant(torch.nn.Module):
    """A network that predicts the same whatever it sees."""

    def __init__(self, output: Tensor) -> None:
        super().__init__()
        self.output = output

    def condition(self, t: Tensor, y: Tensor | None) -> Tensor:
        return torch.zeros(())

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        return self.output.expand(len(x), -1)


@pytest.mark.parametrize("alpha_bar", [[1.0, 0.8, 0.1, 0.001], [1.0, 0.9, 0.7]])
def test_the_loss_is_the_squared_error_plus_the_mean_bound_of_the_columns(
    alpha_bar: list[float],
) -> None:
    n, generator = 100_000, seeded()
    codes = torch.stack([torch.randint(0, k, (n,), generator=generator) for k in (3, 2)], 1)
    rows = Rows(torch.randn(n, 2, generator=generator), codes, None)
    process = MixedDDPM(2, (3, 2), torch.tensor(alpha_bar, dtype=torch.float64))
    loss = process.loss(Constant(torch.zeros(7)), rows, generator)
    # eps has variance 1. A uniform prediction of uniform categories reverses them exactly from any
    # noise, so each bound is ln K; where the noise is not yet pure, much of it is the prior's term.
    expected = 1 + (math.log(3) + math.log(2)) / 2
    # One drawn term, T times, has a standard deviation of at most T times the largest, ln 3.
    assert abs(loss.item() - expected) < 4 * len(alpha_bar) * math.log(3) / math.sqrt(n)


def test_times_have_embeddings_of_their_own() -> None:
    table = sinusoids(1000, 128)
    assert table.shape == (1001, 128)
    assert torch.pdist(table[::10]).min() > 0.1
    torch.testing.assert_close(table[0], torch.cat([torch.ones(64), torch.zeros(64)]))


# --- encoder ----------------------------------------------------------------------------------


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    n = draw(st.integers(2, 60))
    decimals = draw(st.integers(0, 3))
    whole = st.lists(st.integers(-500, 500), min_size=n, max_size=n)
    return pd.DataFrame(
        {
            "few": draw(st.lists(st.sampled_from([6, 8, 30]), min_size=n, max_size=n)),
            "fixed": np.round(np.array(draw(whole)) / 10**decimals, decimals),
            "single": (np.array(draw(whole)) / 4).astype(np.float32),
            "text": draw(st.lists(st.sampled_from(["a", "b", "ccc"]), min_size=n, max_size=n)),
            "flag": draw(st.lists(st.booleans(), min_size=n, max_size=n)),
        }
    )


@given(tables())
@settings(max_examples=60, deadline=None)
def test_a_table_survives_the_round_trip(frame: pd.DataFrame) -> None:
    encoder = QuantileEncoder().fit(frame, Schema.infer(frame, target="fixed"))
    pd.testing.assert_frame_equal(encoder.inverse_transform(*encoder.transform(frame)), frame)


def test_numbers_without_fixed_decimals_survive_nearly() -> None:
    frame = pd.DataFrame({"x": np.random.default_rng(0).gamma(2, 3, 500) / 7})
    encoder = QuantileEncoder().fit(frame, Schema.infer(frame, target="x"))
    back = encoder.inverse_transform(*encoder.transform(frame))
    np.testing.assert_allclose(back, frame, rtol=1e-9)


def test_scores_are_standard_normal() -> None:
    frame = pd.DataFrame({"x": np.random.default_rng(0).gamma(2, 3, 3000)})
    scores, _ = QuantileEncoder().fit(frame, Schema.infer(frame, target="x")).transform(frame)
    assert abs(scores.mean()) < 0.01
    assert abs(scores.std() - 1) < 0.02


def test_drawn_numbers_take_a_short_lists_values_and_other_columns_decimals() -> None:
    frame = pd.DataFrame({"size": [6, 8, 12, 30] * 20, "cost": np.arange(80) / 4})
    encoder = QuantileEncoder().fit(frame, Schema.infer(frame, target="cost"))
    scores = np.random.default_rng(0).normal(0, 3, (500, 2))
    drawn = encoder.inverse_transform(scores, np.empty((500, 0), dtype=int))
    assert set(drawn["size"]) == {6, 8, 12, 30}
    np.testing.assert_array_equal(drawn["cost"], drawn["cost"].round(2))
    assert drawn["cost"].between(0, 79 / 4).all()


def test_an_unknown_category_is_refused_by_column() -> None:
    frame = pd.DataFrame({"plant": ["a", "b"], "y": [1.0, 2.0]})
    encoder = QuantileEncoder().fit(frame, Schema.infer(frame, target="y"))
    with pytest.raises(ValueError, match="'plant': unknown categories"):
        encoder.transform(frame.assign(plant=["a", "c"]))


def test_scores_that_are_not_finite_are_refused_by_column() -> None:
    frame = pd.DataFrame({"a": [1.5, 2.5, 3.5], "b": [1, 2, 3], "y": [1, 2, 3]})
    encoder = QuantileEncoder().fit(frame, Schema.infer(frame, target="y"))
    scores = np.array([[np.nan, 0.0, 0.0], [np.inf, 0.0, np.nan]])
    with pytest.raises(ValueError, match=r"'a': 2 of 2 scores.*'y': 1 of 2 .*lower learning_rate"):
        encoder.inverse_transform(scores, np.empty((2, 0), dtype=int))


# --- generator --------------------------------------------------------------------------------


def parts(n: int, seed: int) -> pd.DataFrame:
    """Length and minutes correlate; the plant decides the level of the minutes."""
    rng = np.random.default_rng(seed)
    plant = rng.choice(["north", "south", "west"], n, p=[0.6, 0.3, 0.1]).astype(object)
    length = rng.normal(50, 10, n)
    level = pd.Series(plant).map({"north": 100, "south": 200, "west": 300}).to_numpy()
    minutes = level + 2 * (length - 50) + rng.normal(0, 8, n)
    return pd.DataFrame({"length": length.round(2), "plant": plant, "minutes": minutes.round(1)})


SMALL = TabDDPM(n_timesteps=100, width=64, batch_size=512, learning_rate=3e-3, random_state=0)


@pytest.fixture(scope="module")
def fitted() -> TabDDPM:
    frame = parts(1500, 0)
    schema = Schema.infer(frame, target="minutes")
    return clone(SMALL).set_params(n_iter=600).fit(frame, schema)


def test_numbers_and_categories_are_learnt_together(fitted: TabDDPM) -> None:
    drawn, real = fitted.sample(2000, random_state=1), parts(2000, 1)
    share, expected = (t.plant.value_counts(normalize=True) for t in (drawn, real))
    # 4 standard errors of a difference of two shares, and a little for the model
    assert (share - expected).abs().max() < 4 * math.sqrt(2 * 0.25 / 2000) + 0.02
    for plant in ("north", "south", "west"):
        one, other = (t[t.plant == plant] for t in (drawn, real))
        # The plants lie 100 minutes apart and each spreads by 22.
        assert abs(one.minutes.mean() - other.minutes.mean()) < 15
        assert one.minutes.std() < 45
    # Without the plants' levels length explains nearly all: 20 of 22 minutes.
    within = drawn.groupby("plant")[["length", "minutes"]].transform(lambda c: c - c.median())
    assert within["length"].corr(within["minutes"], method="spearman") > 0.7


def test_the_loss_falls(fitted: TabDDPM) -> None:
    assert fitted.loss_curve_.shape == (600,)
    assert fitted.loss_curve_[-100:].mean() < 0.7 * fitted.loss_curve_[:10].mean()


def test_blocks_of_a_long_draw_are_those_of_a_short_one(fitted: TabDDPM) -> None:
    long, short = (fitted.sample(n, random_state=5) for n in (1024 + 100, 1024))
    pd.testing.assert_frame_equal(long.iloc[:1024], short)


def test_a_categorical_target_conditions_the_rest() -> None:
    frame = parts(1500, 0)
    schema = Schema.infer(frame, target="plant")
    model = clone(SMALL).set_params(n_iter=400).fit(frame, schema)
    assert model.process_.cardinalities == ()  # the target itself is not diffused
    drawn, n = model.sample(3000, random_state=1), 3000
    assert list(drawn.columns) == list(frame.columns)
    share, p = (t.plant.value_counts(normalize=True).sort_index() for t in (drawn, frame))
    # Classes are drawn from their training frequencies, so only chance sets them apart.
    assert ((share - p).abs() < 4 * np.sqrt(p * (1 - p) / n)).all()
    level = drawn.groupby("plant").minutes.median()
    assert level.between([85, 185, 285], [115, 215, 315]).all()


def test_the_categories_beside_a_categorical_target_keep_their_columns() -> None:
    rng = np.random.default_rng(0)
    first = rng.choice(["a", "b"], 400).astype(object)
    frame = pd.DataFrame(
        {
            "first": first,
            "class": np.where(first == "a", "low", "high").astype(object),
            "last": np.where(first == "a", "x", "y").astype(object),
        }
    )
    schema = Schema.infer(frame, target="class")
    model = clone(SMALL).set_params(n_iter=300).fit(frame, schema)
    drawn = model.sample(400, random_state=0)
    schema.validate(drawn)
    low = drawn["class"] == "low"
    assert ((drawn["first"] == "a") == low).mean() > 0.9
    assert ((drawn["last"] == "x") == low).mean() > 0.9


def test_the_learning_rate_falls_linearly_to_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    frame, rates, step = parts(50, 0), [], torch.optim.AdamW.step

    def recorded(self: torch.optim.AdamW) -> None:
        rates.append(self.param_groups[0]["lr"])
        step(self)

    monkeypatch.setattr(torch.optim.AdamW, "step", recorded)
    clone(SMALL).set_params(n_iter=4, learning_rate=0.1).fit(
        frame, Schema.infer(frame, target="minutes")
    )
    assert rates == pytest.approx([0.1, 0.075, 0.05, 0.025])


def test_the_global_generator_of_torch_is_left_alone() -> None:
    frame = parts(60, 0)
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    clone(SMALL).set_params(n_iter=2).fit(frame, Schema.infer(frame, target="minutes")).sample(
        5, random_state=0
    )
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_callback_sees_every_step() -> None:
    frame, seen = parts(50, 0), []
    clone(SMALL).set_params(
        n_iter=5, callback=lambda step, n, loss: seen.append((step, n, loss > 0))
    ).fit(frame, Schema.infer(frame, target="minutes"))
    assert seen == [(i, 5, True) for i in range(1, 6)]


@pytest.mark.parametrize("target", ["a", "y"])
@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": [1.0, 2.0, 3.0], "y": [1, 2, 3]}),  # numbers only, very few rows
        pd.DataFrame({"a": ["p", "q"] * 5, "y": ["u", "v"] * 5}),  # categories only
        pd.DataFrame({"a": [7] * 20, "b": ["same"] * 20, "y": range(20)}),  # constant columns
        pd.DataFrame({"a": ["common"] * 49 + ["rare"], "y": range(50)}),  # a single-row category
    ],
)
def test_odd_tables_are_learnt_and_drawn(frame: pd.DataFrame, target: str) -> None:
    schema = Schema.infer(frame, target=target)
    drawn = clone(SMALL).set_params(n_iter=3, n_timesteps=10).fit(frame, schema)
    schema.validate(drawn.sample(30, random_state=0))


def test_divergence_is_an_error_that_names_the_remedy() -> None:
    frame = parts(100, 0)
    with pytest.raises(ValueError, match=r"diverged at step \d+ of 50 .*lower learning_rate"):
        clone(SMALL).set_params(n_iter=50, learning_rate=1e30).fit(
            frame, Schema.infer(frame, target="minutes")
        )


def test_parameters_out_of_range_are_named_together() -> None:
    frame = parts(20, 0)
    with pytest.raises(ValueError, match=r"n_iter=0: at least 1; depth=-1: .*learning_rate=0"):
        TabDDPM(n_iter=0, depth=-1, learning_rate=0).fit(
            frame, Schema.infer(frame, target="minutes")
        )


def test_one_row_is_refused() -> None:
    frame = pd.DataFrame({"a": [1.0], "y": [2.0]})
    with pytest.raises(ValueError, match="1 row cannot be learnt"):
        TabDDPM().fit(frame, Schema.infer(frame, target="y"))


def test_a_categorical_target_alone_is_refused() -> None:
    frame = pd.DataFrame({"class": ["a", "b"]})
    with pytest.raises(ValueError, match="'class': a categorical target alone"):
        TabDDPM().fit(frame, Schema.infer(frame, target="class"))
