"""A private fit keeps to its budget and to what is public, and says what it has kept to."""

import math
import pickle
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import synthtab.dp.fit as private_fit
from synthtab.diffusion.gaussian import GaussianHybridDiffusion
from synthtab.dp.accounting import Mechanism, epsilon
from synthtab.dp.budget import Privacy
from synthtab.dp.encoding import PrivateEncoder
from synthtab.dp.fit import PrivateFit, fit_privately
from synthtab.table.encoding import Encoded
from synthtab.table.schema import Schema

SCHEMA = Schema(
    columns=("plant", "size", "length", "minutes"),
    categorical={"plant": ("a", "b", "c")},
    target="minutes",
)
PRIVACY = Privacy(
    epsilon=3.0,
    n_rows=500,
    bounds={"length": (0, 1000), "minutes": (0, 100_000)},
    levels={"size": (6, 8, 10)},
    decimals={"length": 1},
    public_categories=True,
)
QUICK = {"n_iter": 5, "batch_size": 50, "width": 8}


def table(n: int = 500, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    size = rng.choice([6, 8, 10], n)
    minutes = 100 * size * rng.gamma(20, 0.05, n)
    return pd.DataFrame(
        {
            "plant": rng.choice(["a", "b"], n).astype(object),
            "size": size,
            "length": rng.gamma(2, 20, n).round(1),
            "minutes": minutes.round().astype(int),
        }
    )


def drawn(fit: PrivateFit, n: int) -> pd.DataFrame:
    state = fit.process.sample(fit.denoiser, n, 8, torch.Generator().manual_seed(0))
    return fit.encoder.inverse_transform(Encoded(state.x_num.double().numpy(), state.x_cat.numpy()))


@pytest.fixture(scope="module")
def quick() -> PrivateFit:
    return fit_privately(table(), SCHEMA, PRIVACY, **QUICK, random_state=0)


def test_the_budget_is_kept_to_and_used(quick: PrivateFit) -> None:
    told = quick.guarantee
    assert 0.995 * 3.0 <= told.epsilon <= 3.0
    assert told.delta == pytest.approx(1 / 5000)
    assert (told.sample_rate, told.n_steps) == (0.1, 5)
    assert told.quartile_noise is not None
    assert epsilon([Mechanism(*m) for m in told.mechanisms], told.delta) == told.epsilon
    # the quartiles and the target take less of it than training
    training = Mechanism(told.noise_multiplier, 0.1, 5)
    assert epsilon([training], told.delta) > 0.7 * told.epsilon


def test_noise_and_rate_are_those_that_training_gets(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {}

    def spy(network, process, rows, **settings):  # type: ignore[no-untyped-def]
        given.update(settings)
        return network

    monkeypatch.setattr(private_fit, "train_privately", spy)
    told = fit_privately(table(300), SCHEMA, PRIVACY, **QUICK, random_state=0).guarantee
    assert given["noise_multiplier"] == told.noise_multiplier
    assert given["sample_rate"] == told.sample_rate == 50 / 500  # of the declared number, not 300
    assert given["n_iter"] == told.n_steps == 5
    assert given["n_rows"] == 500


def test_untrained_network_has_seen_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_fit, "train_privately", lambda network, *rest, **kwargs: network)
    networks = []
    for frame in (table(), table(1).assign(plant="c", size=10, length=999.0)):
        network = fit_privately(frame, SCHEMA, PRIVACY, **QUICK, random_state=0).denoiser
        networks.append(network.state_dict())
    for name, weight in networks[0].items():
        assert torch.equal(weight, networks[1][name]), name


def test_rows_drawn_are_within_bounds_levels_and_categories(quick: PrivateFit) -> None:
    rows = drawn(quick, 200)
    SCHEMA.validate(rows)
    assert (rows.dtypes == table().dtypes).all()
    assert set(rows["size"]) <= {6, 8, 10}
    assert rows["length"].between(0, 1000).all()
    assert rows["minutes"].between(0, 100_000).all()


def test_the_seed_decides_all(quick: PrivateFit) -> None:
    again = fit_privately(table(), SCHEMA, PRIVACY, **QUICK, random_state=0)
    pd.testing.assert_frame_equal(drawn(quick, 50), drawn(again, 50))
    other = fit_privately(table(), SCHEMA, PRIVACY, **QUICK, random_state=1)
    assert not drawn(quick, 50).equals(drawn(other, 50))


def test_dependence_is_learnt_within_a_generous_budget() -> None:
    generous = Privacy(
        epsilon=20.0,
        n_rows=2000,
        bounds=PRIVACY.bounds,
        levels=PRIVACY.levels,
        decimals=PRIVACY.decimals,
        public_categories=True,
    )
    fit = fit_privately(table(2000), SCHEMA, generous, n_iter=80, width=32, random_state=0)
    rows = drawn(fit, 2000)
    means = rows.groupby("size")["minutes"].mean()
    # The true means are 600, 800 and 1,000. Without the dependence all would be 800.
    assert means[6] < 720 < 880 < means[10]
    assert rows["size"].value_counts(normalize=True).min() > 0.2


def test_the_statement_says_what_is_covered_and_what_is_not(quick: PrivateFit) -> None:
    statement = str(quick.guarantee)
    for part in (
        "epsilon = 2.9",
        "delta = 0.0002",
        "one row added or removed",
        "5 steps of DP-SGD: each row takes part with probability 0.1",
        "two quartiles of each of ['length', 'minutes']",
        "Gopi",
        "length between 0 and 1000",
        "the 3 levels of size",
        "the 3 categories of plant",
        "about 500 rows",
        "given seed",
    ):
        assert part in statement
    assert quick.guarantee._repr_markdown_().startswith("- Differential privacy")


def test_noise_of_the_operating_system_is_told_from_a_given_seed() -> None:
    secret = fit_privately(table(), SCHEMA, PRIVACY, **QUICK)
    assert "seed was not kept" in str(secret.guarantee)
    assert "given seed" not in str(secret.guarantee)


def test_nothing_that_is_returned_holds_a_generator_or_rows() -> None:
    # A generator could be run backwards, and the noise taken off.
    fit = fit_privately(table(), SCHEMA, PRIVACY, **QUICK, random_state=0)
    parts = pickle.dumps([fit.encoder, fit.guarantee, fit.denoiser.state_dict()])
    assert b"PCG64" not in parts
    assert b"random_state" not in parts
    marked = table().assign(length=123.4)
    marked.loc[0, "length"] = 777.7
    fit = fit_privately(marked, SCHEMA, PRIVACY, **QUICK, random_state=0)
    held = np.concatenate([ranks.knot_values for ranks in fit.encoder.rank_maps_.values()])
    assert not np.isclose(held, 777.7, atol=1e-6).any()


def test_nothing_is_asked_about_quartiles_where_there_are_no_bounds() -> None:
    privacy = Privacy(
        epsilon=3.0,
        n_rows=500,
        levels={"size": (6, 8, 10)},
        public_categories=True,
    )
    schema = Schema(("plant", "size"), {"plant": ("a", "b", "c")}, target="size")
    fit = fit_privately(table()[["plant", "size"]], schema, privacy, **QUICK, random_state=0)
    assert fit.guarantee.quartile_noise is None
    assert "quartiles" not in str(fit.guarantee)
    assert set(drawn(fit, 50)["size"]) <= {6, 8, 10}


def test_a_schema_with_undeclared_columns_is_refused_before_anything_is_done() -> None:
    with pytest.raises(
        ValueError, match=r"no guarantee .* without bounds: \['length', 'minutes'\]"
    ):
        fit_privately(table(), SCHEMA, Privacy(3.0, 500, levels={"size": (6, 8, 10)}))


def test_rows_that_are_no_table_of_the_schema_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown categories"):
        fit_privately(table().assign(plant="z"), SCHEMA, PRIVACY, **QUICK)


# --- GaussianHybridDiffusion(privacy=...) -----------------------------------------------------


@pytest.fixture(scope="module")
def model() -> GaussianHybridDiffusion:
    return GaussianHybridDiffusion(privacy=PRIVACY, **QUICK, random_state=0).fit(table(), SCHEMA)


def test_a_private_model_is_the_private_fit_and_reports_what_it_spent(
    model: GaussianHybridDiffusion, quick: PrivateFit
) -> None:
    assert model.guarantee_ == quick.guarantee
    assert (model.epsilon_, model.delta_) == (quick.guarantee.epsilon, quick.guarantee.delta)
    assert isinstance(model.encoder_, PrivateEncoder)
    fitted = model.denoiser_.state_dict()
    for name, weight in quick.denoiser.state_dict().items():
        assert torch.equal(fitted[name], weight), name


def test_a_private_model_draws_in_blocks_and_under_conditions(
    model: GaussianHybridDiffusion,
) -> None:
    whole = model.sample(4096 + 10, random_state=1)
    SCHEMA.validate(whole)
    blocks = pd.concat(model.iter_samples(4096 + 10, random_state=1), ignore_index=True)
    pd.testing.assert_frame_equal(blocks, whole)
    given = model.sample(100, random_state=2, conditions={"plant": "c", "size": 8})
    assert (given["plant"] == "c").all()
    assert (given["size"] == 8).all()
    with pytest.raises(ValueError, match=r"'length' is continuous.*'size' never takes 7"):
        model.sample(5, conditions={"length": 3.0, "size": 7})


def test_losses_of_rows_outside_the_bounds_are_those_at_the_bound(
    model: GaussianHybridDiffusion,
) -> None:
    outside, at_bound = table().iloc[:5], table().iloc[:5]
    outside = outside.assign(length=[5000.0] * 5)
    at_bound = at_bound.assign(length=[1000.0] * 5)
    losses = [model.row_loss(f, sigma=[0.5], random_state=0) for f in (outside, at_bound)]
    assert np.isfinite(losses).all()
    np.testing.assert_allclose(*losses, rtol=1e-5)


def test_no_loss_is_kept_and_the_callback_sees_none() -> None:
    seen = []
    model = GaussianHybridDiffusion(
        privacy=PRIVACY,
        **QUICK,
        callback=lambda step, n, loss: seen.append((step, n, loss)),
        random_state=0,
    ).fit(table(), SCHEMA)
    assert len(model.loss_curve_) == 0
    assert [(step, n) for step, n, _ in seen] == [(i, 5) for i in range(1, 6)]
    assert all(math.isnan(loss) for _, _, loss in seen)


def test_automatic_settings_are_those_of_private_training() -> None:
    given = {}

    def spy(network, process, rows, **settings):  # type: ignore[no-untyped-def]
        given.update(settings, width=len(network.input.bias))
        return network

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(private_fit, "train_privately", spy)
        GaussianHybridDiffusion(privacy=PRIVACY, random_state=0).fit(table(), SCHEMA)
    chosen = {k: given[k] for k in ("n_iter", "learning_rate", "width", "sample_rate")}
    assert chosen == {
        "n_iter": 400,
        "learning_rate": 5e-3,
        "width": 64,
        "sample_rate": 256 / 500,
    }


def test_a_model_without_privacy_claims_no_epsilon(model: GaussianHybridDiffusion) -> None:
    plain = clone(model).set_params(privacy=None).fit(table(), SCHEMA)
    assert (plain.epsilon_, plain.delta_, plain.guarantee_) == (None, None, None)
    # nor does one that was private before
    again = clone(model).fit(table(), SCHEMA).set_params(privacy=None).fit(table(), SCHEMA)
    assert (again.epsilon_, again.guarantee_) == (None, None)
    with pytest.raises(NotFittedError):
        clone(model).epsilon_  # noqa: B018 - a property


def test_a_private_model_refuses_columns_that_nothing_is_declared_for() -> None:
    with pytest.raises(ValueError, match="no guarantee can be given") as refusal:
        GaussianHybridDiffusion(privacy=Privacy(3.0, 500)).fit(table(), SCHEMA)
    for part in (
        "without bounds: ['size', 'length', 'minutes']",
        "category lists of ['plant']",
        "public_categories=True",
    ):
        assert part in str(refusal.value)


def test_without_opacus_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [m for m in sys.modules if m.partition(".")[0] == "opacus"]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("accounting", "training", "fit"):
        monkeypatch.delitem(sys.modules, f"synthtab.dp.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "opacus", None)
    with pytest.raises(ImportError, match=r"pip install 'synthtab\[dp\]'"):
        GaussianHybridDiffusion(privacy=PRIVACY, **QUICK).fit(table(), SCHEMA)
    # all else works without it
    GaussianHybridDiffusion(**QUICK, random_state=0).fit(table(60), SCHEMA).sample(
        5, random_state=0
    )
