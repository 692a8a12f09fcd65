"""GaussianHybridDiffusion learns structure, reproduces itself, and refuses what it cannot learn."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone

from synthtab.diffusion.denoiser import MLPDenoiser
from synthtab.diffusion.gaussian import GaussianHybridDiffusion
from synthtab.diffusion.process import HybridProcess
from synthtab.diffusion.training import Rows, train, training_steps
from synthtab.evaluation.fidelity import detection_auc
from synthtab.evaluation.utility import tstr
from synthtab.generators.reference import IndependentMarginals
from synthtab.table.schema import Schema


def moons(n: int, seed: int) -> pd.DataFrame:
    """Two interleaved half circles, which one a row lies on, and a third column that depends."""
    rng = np.random.default_rng(seed)
    which = rng.integers(0, 2, n)
    angle = rng.uniform(0, np.pi, n)
    x = np.where(which == 1, 1 - np.cos(angle), np.cos(angle)) + rng.normal(0, 0.08, n)
    y = np.where(which == 1, 0.5 - np.sin(angle), np.sin(angle)) + rng.normal(0, 0.08, n)
    names = np.array(["upper", "lower"], dtype=object)
    return pd.DataFrame({"x": x.round(3), "y": y.round(3), "moon": names[which]})


@pytest.fixture(scope="module")
def fitted() -> GaussianHybridDiffusion:
    frame = moons(2000, 0)
    schema = Schema.infer(frame, target="y")
    return GaussianHybridDiffusion(n_iter=600, width=96, random_state=0).fit(frame, schema)


def test_two_moons_are_learnt(fitted: GaussianHybridDiffusion) -> None:
    drawn, fresh = fitted.sample(2000, random_state=1), moons(2000, 1)
    # A fresh real sample has an AUC of 0.5 +- 0.01; margins alone are told apart at once.
    assert detection_auc(fresh, drawn, fitted.schema_, random_state=0) < 0.62
    shuffled = IndependentMarginals().fit(fresh, fitted.schema_).sample(2000, random_state=0)
    assert detection_auc(fresh, shuffled, fitted.schema_, random_state=0) > 0.9


def test_a_category_belongs_to_its_place(fitted: GaussianHybridDiffusion) -> None:
    drawn = fitted.sample(2000, random_state=2)
    upper = drawn[drawn.moon == "upper"]
    # On the upper arc x^2 + y^2 = 1; on the lower one it is at most rarely near.
    radius = np.hypot(upper.x, upper.y)
    assert (abs(radius - 1) < 0.35).mean() > 0.95
    assert drawn.moon.value_counts(normalize=True)["upper"] == pytest.approx(0.5, abs=0.06)


def test_the_loss_falls(fitted: GaussianHybridDiffusion) -> None:
    assert len(fitted.loss_curve_) == 600
    # Half of the rows learn which moon they lie on, of which nothing else is known: ln 2 each.
    of_numbers = fitted.loss_curve_ - np.log(2) / 2
    assert of_numbers[-50:].mean() < 0.85 * of_numbers[:10].mean()


def test_averaged_weights_are_the_ones_that_draw(fitted: GaussianHybridDiffusion) -> None:
    assert not any(p.requires_grad for p in fitted.denoiser_.parameters())
    without = clone(fitted).set_params(n_iter=20, ema_decay=0.0)
    averaged = clone(fitted).set_params(n_iter=20, ema_decay=0.9)
    frame = moons(200, 0)
    draws = [m.fit(frame, fitted.schema_).sample(50, random_state=0) for m in (without, averaged)]
    assert not draws[0].equals(draws[1])


@pytest.mark.parametrize(
    ("ema_decay", "shares"),
    [
        # Of the first weights 1/10 is left after the first step, and of that 2/11 after the second.
        (0.999, [1 / 10 * 2 / 11, 9 / 10 * 2 / 11, 9 / 11]),
        (0.15, [1 / 10 * 0.15, 9 / 10 * 0.15, 0.85]),  # never more than the decay asked for
    ],
)
def test_the_average_soon_forgets_the_first_weights(ema_decay: float, shares: list[float]) -> None:
    n = 16
    edges = torch.linspace(0, 1, n + 1, dtype=torch.float64)[:, None]
    rows = Rows(edges[:-1], edges[1:], torch.zeros(n, 0, dtype=torch.int64))
    network = MLPDenoiser(1, [], [], width=4, depth=1, n_frequencies=0)
    weights = [copy.deepcopy(network.state_dict())]
    average, _ = train(
        network,
        HybridProcess((), 1),
        rows,
        n_iter=2,
        batch_size=n,
        learning_rate=1.0,
        ema_decay=ema_decay,
        progress=False,
        callback=lambda *_: weights.append(copy.deepcopy(network.state_dict())),
        generator=torch.Generator().manual_seed(0),
    )
    for name, found in average.state_dict().items():
        expected = sum(share * of[name] for share, of in zip(shares, weights, strict=True))
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("n", [50, 4096])
def test_the_first_rows_of_a_long_draw_are_those_of_a_short_one(
    fitted: GaussianHybridDiffusion, n: int
) -> None:
    long, short = (fitted.sample(n_rows, random_state=5) for n_rows in (4096 + 100, n))
    # A matrix of other size is multiplied in another order: the last bit, and so the third decimal,
    # may change.
    pd.testing.assert_frame_equal(long.iloc[:n], short, check_exact=False, atol=0.0011, rtol=0)


def test_rows_of_a_draw_scatter_as_independent_ones_do() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"plant": rng.choice(["a", "b"], 600), "size": rng.normal(size=600)})
    frame["minutes"] = frame["size"] + rng.normal(size=600) + 2 * (frame.plant == "a")
    schema = Schema.infer(frame, target="minutes")
    model = GaussianHybridDiffusion(n_iter=100, width=16, n_steps=4, random_state=0).fit(
        frame, schema
    )
    n_draws, ratios = 200, []
    draws = [model.sample(200, random_state=seed) for seed in range(n_draws)]
    edges = frame["size"].quantile([1 / 3, 2 / 3]).tolist()
    for plant in ("a", "b"):
        for low, high in zip([-np.inf, *edges], [*edges, np.inf], strict=True):
            cells = [d.minutes[(d.plant == plant) & d["size"].between(low, high)] for d in draws]
            values = pd.concat(cells)
            # The mean of m independent rows of a cell has variance s^2 / m.
            scores = [(c.mean() - values.mean()) * np.sqrt(len(c)) / values.std() for c in cells]
            ratios.append(np.mean(np.square(scores)))
    # A variance that is estimated from k draws has a relative standard error of sqrt(2 / k).
    np.testing.assert_allclose(ratios, 1, atol=4 * np.sqrt(2 / n_draws))


def test_the_global_generator_of_torch_is_left_alone() -> None:
    frame = moons(60, 0)
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    GaussianHybridDiffusion(n_iter=2, width=16, random_state=1).fit(
        frame, Schema.infer(frame, target="y")
    ).sample(5, random_state=0)
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_callback_sees_every_step() -> None:
    frame, seen = moons(50, 0), []
    GaussianHybridDiffusion(
        n_iter=5, width=16, callback=lambda step, n, loss: seen.append((step, n, loss > 0))
    ).fit(frame, Schema.infer(frame, target="y"))
    assert seen == [(i, 5, True) for i in range(1, 6)]


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": [1.0, 2.0, 3.0], "y": [1, 2, 3]}),  # numbers only, very few rows
        pd.DataFrame({"a": ["p", "q"] * 5, "y": ["u", "v"] * 5}),  # categories only
        pd.DataFrame({"a": [7] * 20, "b": ["same"] * 20, "y": range(20)}),  # constant columns
        pd.DataFrame({"a": ["common"] * 49 + ["rare"], "y": range(50)}),  # a single-row category
    ],
)
def test_odd_tables_are_learnt_and_drawn(frame: pd.DataFrame) -> None:
    schema = Schema.infer(frame, target="y")
    model = GaussianHybridDiffusion(n_iter=5, width=16, random_state=0).fit(frame, schema)
    schema.validate(model.sample(30, random_state=0))


def test_one_row_is_refused() -> None:
    frame = pd.DataFrame({"a": [1.0], "y": [2.0]})
    with pytest.raises(ValueError, match="1 row cannot be learnt"):
        GaussianHybridDiffusion().fit(frame, Schema.infer(frame, target="y"))


def test_divergence_is_an_error_that_names_the_remedy() -> None:
    frame = moons(100, 0)
    with pytest.raises(ValueError, match=r"diverged at step \d+ of 50 .*lower learning_rate"):
        GaussianHybridDiffusion(n_iter=50, width=32, learning_rate=1e30, random_state=0).fit(
            frame, Schema.infer(frame, target="y")
        )


def test_larger_tables_are_trained_longer() -> None:
    assert training_steps(9000, 2, 512) == 1000
    assert training_steps(9000, 2, 512) < training_steps(9000, 3, 512)
    assert training_steps(9000, 3, 512) < training_steps(9000, 7, 512)
    assert training_steps(500, 7, 500) < training_steps(2000, 7, 512)
    assert training_steps(10, 50, 10) == 140
    assert training_steps(10**6, 50, 512) == 6000


# --- conditions, blocks, rows' losses ---------------------------------------------------------


def test_conditions_are_honoured_and_the_rest_follows_them(fitted: GaussianHybridDiffusion) -> None:
    drawn = fitted.sample(1000, random_state=1, conditions={"moon": "upper"})
    assert (drawn.moon == "upper").all()
    free = fitted.sample(2000, random_state=2)
    # The means of x of the arcs are 0 and 1; given one, it is that of its rows drawn freely.
    upper = free[free.moon == "upper"].x
    assert abs(drawn.x.mean() - upper.mean()) < 4 * upper.std() * np.sqrt(1 / 1000 + 1 / len(upper))


def test_impossible_conditions_are_refused_together(fitted: GaussianHybridDiffusion) -> None:
    conditions = {"moon": "full", "x": 0.5, "sun": 1}
    message = "'moon' never takes 'full'.*'x' is continuous.*no column 'sun'"
    with pytest.raises(ValueError, match=message):
        fitted.sample(5, conditions=conditions)


def test_rows_drawn_block_by_block_are_those_drawn_at_once(fitted: GaussianHybridDiffusion) -> None:
    blocks = list(fitted.iter_samples(4096 + 50, random_state=3))
    assert [len(block) for block in blocks] == [4096, 50]
    whole = fitted.sample(4096 + 50, random_state=3)
    pd.testing.assert_frame_equal(pd.concat(blocks, ignore_index=True), whole)


def test_a_row_that_was_learnt_is_more_familiar_than_a_strange_one(
    fitted: GaussianHybridDiffusion,
) -> None:
    usual = moons(50, 1)
    strange = usual.assign(y=usual.y.to_numpy()[::-1])  # off both arcs, mostly
    losses = [
        fitted.row_loss(frame, sigma=[0.1, 0.5], n_noises=4, random_state=0)
        for frame in (usual, strange)
    ]
    assert losses[0].shape == (50,)
    assert losses[0].mean() < 0.8 * losses[1].mean()


def test_losses_of_rows_do_not_depend_on_their_company(fitted: GaussianHybridDiffusion) -> None:
    frame = moons(20, 1)
    together = fitted.row_loss(frame, sigma=[0.3], random_state=0)
    alone = fitted.row_loss(frame.iloc[[4]], sigma=[0.3], random_state=0)
    assert together[4] == pytest.approx(alone[0], rel=1e-5)


def test_a_wide_table_with_many_categories_needs_no_setting() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"n{i}": rng.normal(size=200) for i in range(25)})
    for i in range(24):
        frame[f"c{i}"] = rng.choice(["a", "b", "c"], 200).astype(object)
    frame["shop"] = [f"shop {i}" for i in range(200)]
    schema = Schema.infer(frame, target="n0")
    model = GaussianHybridDiffusion(n_iter=20, random_state=0).fit(frame, schema)
    schema.validate(model.sample(300, random_state=0))


def test_a_class_is_learnt_as_well_as_a_number() -> None:
    train, fresh = moons(1000, 0), moons(1000, 1)
    schema = Schema.infer(train, target="moon")
    model = GaussianHybridDiffusion(n_iter=300, random_state=0).fit(train, schema)
    scores = {
        name: tstr(table, fresh, schema, reference=train, random_state=0)
        .set_index(["learner", "metric"])
        .value
        for name, table in (("real", train), ("drawn", model.sample(1000, random_state=0)))
    }
    assert scores["real"]["rf", "auc"] > 0.98  # the arcs hardly touch
    assert scores["drawn"]["rf", "auc"] > 0.97 * scores["real"]["rf", "auc"]
    assert scores["drawn"]["rf", "f1"] > 0.93 * scores["real"]["rf", "f1"]
