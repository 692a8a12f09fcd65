"""The correction of the target: what one row may change, what it finds, what it spends."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("opacus")

import synthtab.dp.fit as private_fit
from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.dp.accounting import Mechanism, epsilon, gaussian_mu
from synthtab.dp.budget import Privacy
from synthtab.dp.correction import N_PHASES, Partition, TargetCorrection, correct_target, cut_sum
from synthtab.dp.fit import fit_privately, private_steps
from synthtab.table.schema import Schema

SCHEMA = Schema(("g", "h", "a", "b", "y"), {"g": ("p", "q", "r"), "h": (1, 2)}, "y")
BOUNDS = (-50.0, 50.0)


def table(n: int, seed: int, *, slope: float = 0.0, groups: float = 0.0) -> pd.DataFrame:
    """Rows whose target depends on b, and on the group p, as much as is said."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "g": rng.choice(["p", "q", "r"], n).astype(object),
            "h": rng.choice([1, 2], n),
            "a": rng.normal(size=n),
            "b": rng.integers(0, 5, n).astype(float),
        }
    )
    y = 2 * frame["a"] + slope * (frame["b"] - 2) + groups * (frame["g"] == "p")
    return frame.assign(y=y + rng.normal(size=n))


@pytest.fixture(scope="module")
def partition() -> Partition:
    return Partition.of(table(2000, 0), SCHEMA)


def test_a_row_changes_a_sum_by_its_cut_error_at_most(partition):
    rows = pd.concat([table(500, 1), table(5, 2).assign(a=1e9, b=-1e9)], ignore_index=True)
    vectors = partition.vectors(rows)
    lengths = np.sqrt(vectors.multiply(vectors).sum(axis=1))
    np.testing.assert_allclose(lengths, 1.0, rtol=1e-12)
    assert vectors.shape[1] == partition.sizes.sum() == 4 * 12 + 6 * 16 + 4 * 27
    errors = np.random.default_rng(0).normal(size=len(rows)) * 100
    whole = cut_sum(errors, vectors, 1.5)
    for i in (0, 17, 504):
        keep = np.arange(len(rows)) != i
        change = np.linalg.norm(whole - cut_sum(errors[keep], vectors[keep], 1.5))
        assert change == pytest.approx(min(1.5, abs(errors[i])))


def test_cells_are_cut_without_a_look_at_real_rows(partition):
    made = table(2000, 0)
    found = [
        correct_target(
            real, made, SCHEMA, bounds=BOUNDS, n_rows=500, noise_multiplier=1.0, rng=rng
        ).partition
        for real, rng in ((table(300, s), np.random.default_rng(s)) for s in (3, 4))
    ]
    for one in found:
        assert one.blocks == partition.blocks
        assert one.orders == partition.orders
        for name, edges in partition.edges.items():
            for mine, other in zip(one.edges[name], edges, strict=True):
                np.testing.assert_array_equal(mine, other)


def test_without_noise_mean_errors_of_groups_are_recovered():
    made, real = table(20_000, 0), table(20_000, 1, slope=0.5, groups=1.0)
    found = correct_target(
        real,
        made,
        SCHEMA,
        bounds=BOUNDS,
        n_rows=20_000,
        noise_multiplier=1e-3,
        rng=np.random.default_rng(0),
    ).of(made)
    for group, mean in (("p", 1.0), ("q", 0.0), ("r", 0.0)):
        assert found[made["g"] == group].mean() == pytest.approx(mean, abs=0.1)
    for b in range(5):
        expected = 0.5 * (b - 2) + 1 / 3
        assert found[made["b"] == b].mean() == pytest.approx(expected, abs=0.12)


def test_noise_alone_corrects_hardly_anything():
    made, real = table(5000, 0), table(500, 1)
    for noise, limit in ((5.0, 0.5), (1e4, 0.02)):
        found = correct_target(
            real,
            made,
            SCHEMA,
            bounds=BOUNDS,
            n_rows=500,
            noise_multiplier=noise,
            rng=np.random.default_rng(0),
        )
        assert np.sqrt((found.of(made) ** 2).mean()) < limit


def test_a_correction_is_read_back_as_it_was(partition):
    weights = np.random.default_rng(0).normal(size=partition.sizes.sum())
    correction = TargetCorrection(partition, weights)
    again = TargetCorrection.from_plain(correction.to_plain())
    rows = table(100, 5)
    np.testing.assert_array_equal(again.of(rows), correction.of(rows))


# --- as a part of a private fit ---------------------------------------------------------------

PRIVACY = Privacy(
    epsilon=3.0,
    n_rows=500,
    bounds={"a": (-10, 10), "b": (0, 4), "y": BOUNDS},
    decimals={"y": 1},
    public_categories=True,
)
QUICK = {"n_iter": 3, "batch_size": 50, "width": 8, "random_state": 0}


@pytest.fixture(scope="module")
def model() -> HybridDiffusion:
    return HybridDiffusion(privacy=PRIVACY, **QUICK).fit(table(500, 0), SCHEMA)


def test_the_correction_is_paid_for_out_of_one_budget(model):
    told = model.guarantee_
    mu = gaussian_mu(3.0, told.delta)
    assert len(told.correction_noise) == N_PHASES
    assert sum(1 / n**2 for n in told.correction_noise) == pytest.approx(0.4 * mu**2)
    assert 1 / told.quartile_noise**2 == pytest.approx(0.06 * mu**2)
    assert epsilon([Mechanism(*m) for m in told.mechanisms], told.delta) == told.epsilon
    assert 0.99 * 3.0 < told.epsilon <= 3.0
    assert "2 times the sums of the errors of y" in str(told)


def test_noise_is_that_of_the_guarantee(monkeypatch):
    given = {}

    def spy(*frames, **settings):
        given.update(settings)
        return correct_target(*frames, **settings)

    monkeypatch.setattr(private_fit, "correct_target", spy)
    told = fit_privately(table(300, 0), SCHEMA, PRIVACY, **QUICK).guarantee
    assert told.correction_noise == (given["noise_multiplier"],) * 2
    assert given["n_rows"] == 500  # the declared number, not 300


def test_corrected_targets_keep_to_bounds_decimals_and_types(model):
    encoder = model.encoder_
    corrected = model.sample(500, random_state=1)
    correction, encoder.correction_ = encoder.correction_, None
    plain = model.sample(500, random_state=1)
    encoder.correction_ = TargetCorrection(correction.partition, correction.weights + 1e4)
    pushed = model.sample(500, random_state=1)
    encoder.correction_ = correction
    pd.testing.assert_frame_equal(corrected.drop(columns="y"), plain.drop(columns="y"))
    expected = (plain["y"] + correction.of(plain)).clip(*BOUNDS).round(1)
    pd.testing.assert_series_equal(corrected["y"], expected)
    assert (pushed["y"] == 50.0).all()


def test_a_target_with_levels_or_categories_and_a_share_of_0_are_left_as_drawn():
    frame = table(300, 0)
    levels = replace(
        PRIVACY,
        bounds={"a": (-10, 10), "b": (0, 4)},
        decimals={},
        levels={"y": [-5.0, 0.0, 5.0]},
    )
    category = replace(SCHEMA, target="g")
    for privacy, schema in (
        (levels, SCHEMA),
        (PRIVACY, category),
        (replace(PRIVACY, target_share=0.0), SCHEMA),
    ):
        fit = fit_privately(frame, schema, privacy, **QUICK)
        assert fit.encoder.correction_ is None
        assert fit.guarantee.correction_noise == ()


def test_more_budget_makes_more_steps():
    assert [private_steps(e) for e in (0.5, 3, 8, 60)] == [400, 400, 1000, 1200]
