"""The critic's ratio, its rejection, and what the generator makes of both."""

import copy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.ensemble import HistGradientBoostingClassifier

import synthtab.diffusion.rejection
from synthtab.diffusion.model_file import load_model, save_model
from synthtab.diffusion.rejection import Critic
from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.dp.budget import Privacy
from synthtab.evaluation.fidelity import detection_auc
from synthtab.table.schema import Schema


def normals(n: int, sd: float, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, sd, (n, 2))


@pytest.fixture(scope="module")
def critic() -> Critic:
    return Critic(normals(20_000, 1.0, 0), normals(20_000, 1.5, 1), random_state=0)


def test_its_trees_decide_as_the_classifier_does(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    class Kept(HistGradientBoostingClassifier):  # type: ignore[misc]
        def fit(self, *args: object) -> "Kept":
            made.append(self)
            return super().fit(*args)

    monkeypatch.setattr(synthtab.diffusion.rejection, "HistGradientBoostingClassifier", Kept)
    critic = Critic(normals(3000, 1.0, 0), normals(3000, 1.5, 1), random_state=0)
    rows = normals(500, 2.0, 2)
    np.testing.assert_allclose(critic.log_ratio(rows), made[0].decision_function(rows), atol=1e-12)


def test_the_ratio_is_that_of_the_densities(critic: Critic) -> None:
    rows = normals(2000, 1.0, 2)
    exact = (norm.logpdf(rows) - norm.logpdf(rows, scale=1.5)).sum(axis=1)
    error = critic.log_ratio(rows) - exact
    assert abs(error.mean()) < 0.1
    assert error.std() < 0.35 < exact.std()


def test_kept_rows_have_the_distribution_of_the_real_ones(critic: Critic) -> None:
    drawn = normals(20_000, 1.5, 3)
    kept = drawn[critic.accepts(drawn, np.random.default_rng(4).random(len(drawn)))]
    assert len(kept) == pytest.approx(len(drawn) / critic.bound, rel=0.1)
    # The standard error of a standard deviation is sd / sqrt(2 n).
    assert kept.std(axis=0) == pytest.approx([1.0, 1.0], abs=0.05)


def test_where_nothing_can_be_told_apart_nearly_all_is_kept() -> None:
    critic = Critic(normals(10_000, 1.0, 0), normals(10_000, 1.0, 1), random_state=0)
    assert critic.ratio(normals(5000, 1.0, 2)).std() < 0.2
    assert critic.bound < 1.6


def test_the_ratio_is_bounded(critic: Critic) -> None:
    ratio = critic.ratio(np.array([[0.0, 0.0], [9.0, 9.0]]))
    assert ratio[1] == 0.05
    assert 1 < ratio[0] <= critic.bound <= 4


def test_it_comes_back_from_plain_values(critic: Critic) -> None:
    rows = normals(100, 1.0, 5)
    again = Critic.from_plain(critic.to_plain())
    assert np.array_equal(again.ratio(rows), critic.ratio(rows))


# --- in the generator -------------------------------------------------------------------------


def bands(n: int, seed: int) -> pd.DataFrame:
    """Two numbers that lie in slanting bands with sharp edges, and a third that does not."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, 6, (2, 6 * n))
    inside = ((x + y) % 2 < 1).nonzero()[0][:n]
    return pd.DataFrame({"x": x[inside], "y": y[inside], "z": rng.normal(size=n)}).round(4)


@pytest.fixture(scope="module")
def fitted() -> HybridDiffusion:
    frame = bands(5000, 0)
    schema = Schema.infer(frame, target="z")
    return HybridDiffusion(n_iter=300, width=64, random_state=0).fit(frame, schema)


def test_edges_that_the_network_blurs_come_out_sharper(fitted: HybridDiffusion) -> None:
    fresh = bands(2500, 1)
    every = copy.copy(fitted)
    every.critic_ = None
    blurred, sharper = (
        detection_auc(fresh, m.sample(2500, random_state=2), fitted.schema_, random_state=0)
        for m in (every, fitted)
    )
    assert sharper < blurred - 0.1


@pytest.mark.parametrize("n", [1, 7, 5000])
def test_as_many_rows_as_asked_for_are_drawn(fitted: HybridDiffusion, n: int) -> None:
    drawn = fitted.sample(n, random_state=3)
    assert len(drawn) == n
    assert drawn.equals(fitted.sample(n, random_state=3))
    assert pd.concat(fitted.iter_samples(n, random_state=3), ignore_index=True).equals(drawn)


def test_conditions_hold_for_the_rows_that_are_kept() -> None:
    frame = bands(600, 0).assign(kind=np.random.default_rng(0).choice(["a", "b", "c"], 600))
    schema = Schema.infer(frame, target="z")
    model = HybridDiffusion(n_iter=100, width=32, critic=True, random_state=0).fit(frame, schema)
    drawn = model.sample(200, random_state=1, conditions={"kind": "b"})
    assert len(drawn) == 200
    assert (drawn.kind == "b").all()


def test_a_saved_model_keeps_its_critic(fitted: HybridDiffusion, tmp_path: Path) -> None:
    save_model(fitted, tmp_path / "model.pt")
    again = load_model(tmp_path / "model.pt")
    assert again.sample(300, random_state=4).equals(fitted.sample(300, random_state=4))


def test_it_is_for_tables_of_many_rows() -> None:
    frame = bands(5000, 0)
    schema = Schema.infer(frame, target="z")
    model = HybridDiffusion(n_iter=2, width=8)
    assert model.fit(frame, schema).critic_ is not None
    assert model.fit(frame.head(4999), schema).critic_ is None
    assert model.set_params(critic=True).fit(frame.head(300), schema).critic_ is not None
    assert model.set_params(critic=False).fit(frame, schema).critic_ is None


def test_it_is_refused_with_privacy() -> None:
    frame = bands(300, 0)
    privacy = Privacy(epsilon=3.0, n_rows=300, bounds=dict.fromkeys("xyz", (-9, 9)))
    with pytest.raises(ValueError, match="critic=True with privacy"):
        HybridDiffusion(privacy=privacy, critic=True).fit(frame, Schema.infer(frame, target="z"))
