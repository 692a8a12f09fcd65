"""A saved model draws what the model drew; a file from elsewhere runs nothing."""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.exceptions import NotFittedError

from synthtab.diffusion.gaussian import GaussianHybridDiffusion
from synthtab.diffusion.model_file import load_model, save_model
from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.dp.budget import Privacy
from synthtab.table.schema import Schema


def table() -> pd.DataFrame:
    """Every kind of column, one with preferred values, one float32, one boolean."""
    rng = np.random.default_rng(0)
    n = 120
    return pd.DataFrame(
        {
            "plant": rng.choice([2101, 2501], n),
            "grade": rng.choice(["a", "b"], n).astype(object),
            "urgent": rng.random(n) < 0.5,
            "size": rng.choice([6, 8, 10], n),
            "length": rng.gamma(3, 15, n).round(2),
            "weight": rng.normal(size=n).astype(np.float32),
            "minutes": rng.integers(300, 900, n),
        }
    )


@pytest.fixture(scope="module", params=["natural", "any"])
def model(request: pytest.FixtureRequest) -> HybridDiffusion:
    schema = Schema.infer(table(), target="minutes", categorical=["plant"])
    settings = {"n_iter": 10, "width": 16, "random_state": 0}
    return HybridDiffusion(order=request.param, **settings).fit(table(), schema)


def test_a_loaded_model_draws_the_same_rows(model: HybridDiffusion, tmp_path: Path) -> None:
    save_model(model, tmp_path / "model.pt")
    loaded = load_model(tmp_path / "model.pt")
    pd.testing.assert_frame_equal(
        loaded.sample(200, random_state=1, conditions={"plant": 2101}),
        model.sample(200, random_state=1, conditions={"plant": 2101}),
    )
    np.testing.assert_array_equal(loaded.loss_curve_, model.loss_curve_)
    np.testing.assert_array_equal(loaded.held_out_loss_, model.held_out_loss_)
    likelihoods = [m.log_likelihood(table()) for m in (model, loaded)]
    np.testing.assert_array_equal(*likelihoods)
    assert loaded.get_params()["width"] == 16
    assert loaded.get_params()["order"] == model.order


def test_an_unfitted_model_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError):
        save_model(HybridDiffusion(), tmp_path / "model.pt")
    assert not list(tmp_path.iterdir())


class Harmful:
    def __reduce__(self) -> tuple:
        return (Path.touch, (Path("ran"),))


def test_a_file_that_holds_code_is_refused_unrun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"format": Harmful()}, tmp_path / "torch.pt")
    (tmp_path / "pickle.pt").write_bytes(pickle.dumps(Harmful(), protocol=2))
    for name in ("torch.pt", "pickle.pt"):
        with pytest.raises(ValueError, match=f"{name}: not a model file, or one that holds code"):
            load_model(tmp_path / name)
    assert not (tmp_path / "ran").exists()


def test_other_files_are_refused_by_name(tmp_path: Path) -> None:
    torch.save({"weights": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match=r"other.pt: a file of torch, but no HybridDiffusion"):
        load_model(tmp_path / "other.pt")
    (tmp_path / "empty.pt").touch()
    with pytest.raises(ValueError, match=r"empty.pt: not a model file"):
        load_model(tmp_path / "empty.pt")
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "absent.pt")


def test_a_private_model_keeps_its_guarantee_and_no_row(tmp_path: Path) -> None:
    schema = Schema.infer(table(), target="minutes", categorical=["plant"])
    privacy = Privacy(
        epsilon=np.float64(3.0),  # numbers of numpy are read back as plain ones
        n_rows=120,
        bounds={"length": (0, np.int64(500)), "weight": (-6.0, 6.0), "minutes": (0, 2000)},
        levels={"size": [6, 8, np.int64(10)]},
        decimals={"length": 2},
        public_categories=True,
        delta=np.float64(1e-4),
    )
    settings = {"n_iter": 5, "batch_size": 30, "width": 8, "random_state": 0}
    model = HybridDiffusion(privacy=privacy, **settings).fit(table(), schema)
    save_model(model, tmp_path / "model.pt")
    loaded = load_model(tmp_path / "model.pt")
    pd.testing.assert_frame_equal(
        loaded.sample(200, random_state=1, conditions={"size": 8, "urgent": True}),
        model.sample(200, random_state=1, conditions={"size": 8, "urgent": True}),
    )
    losses = [m.private_.row_loss(table(), sigma=[0.5], random_state=0) for m in (model, loaded)]
    np.testing.assert_array_equal(*losses)
    assert (loaded.epsilon_, loaded.delta_) == (model.epsilon_, 1e-4)
    assert str(loaded.guarantee_) == str(model.guarantee_)
    assert loaded.guarantee_.to_plain() == model.guarantee_.to_plain()
    assert loaded.privacy == loaded.guarantee_.privacy
    assert loaded.privacy.to_plain() == privacy.to_plain()
    assert loaded.get_params()["width"] == 8
    # the seed, which would take the noise off, is not in the file
    stored = torch.load(tmp_path / "model.pt", weights_only=True)
    assert "random_state" not in stored["parameters"]
    assert "random_state" not in stored["gaussian"]["parameters"]
    for name in ("networks", "weights", "encoder"):
        assert name not in stored


def test_a_model_without_privacy_is_loaded_without_a_guarantee(
    model: HybridDiffusion, tmp_path: Path
) -> None:
    save_model(model, tmp_path / "model.pt")
    assert load_model(tmp_path / "model.pt").epsilon_ is None


def test_a_gaussian_model_comes_back_as_one(tmp_path: Path) -> None:
    schema = Schema.infer(table(), target="minutes", categorical=["plant"])
    settings = {"n_iter": 5, "width": 8, "depth": 1, "random_state": 0}
    model = GaussianHybridDiffusion(**settings).fit(table(), schema)
    save_model(model, tmp_path / "model.pt")
    loaded = load_model(tmp_path / "model.pt")
    assert type(loaded) is GaussianHybridDiffusion
    assert loaded.get_params()["depth"] == 1
    pd.testing.assert_frame_equal(
        loaded.sample(50, random_state=1), model.sample(50, random_state=1)
    )


def test_gaps_and_categories_that_no_row_has_come_back(tmp_path: Path) -> None:
    frame = table().assign(
        grade=pd.Categorical(table().grade, categories=["c", "b", "a"], ordered=True),
        size=table()["size"].astype("Int64").mask(np.arange(120) % 7 == 0),
    )
    model = HybridDiffusion(n_iter=5, width=8, random_state=0).fit(
        frame, Schema.infer(frame, target="minutes")
    )
    save_model(model, tmp_path / "model.pt")
    drawn = load_model(tmp_path / "model.pt").sample(200, random_state=1)
    assert drawn["size"].isna().any()
    assert drawn.dtypes.equals(frame.dtypes)
    pd.testing.assert_frame_equal(drawn, model.sample(200, random_state=1))


@pytest.mark.parametrize("layout", [None, 3, 5])
def test_a_model_of_another_release_is_refused(
    model: HybridDiffusion, tmp_path: Path, layout: int | None
) -> None:
    save_model(model, tmp_path / "model.pt")
    content = torch.load(tmp_path / "model.pt", weights_only=True)
    del content["layout"], content["encoder"]  # files had no layout once; what else, who knows
    if layout is not None:
        content["layout"] = layout
    torch.save(content, tmp_path / "old.pt")
    with pytest.raises(ValueError, match=r"old.pt: a model of another release .*fit and save it"):
        load_model(tmp_path / "old.pt")


def test_a_file_keeps_the_parameters_of_its_layout(model: HybridDiffusion, tmp_path: Path) -> None:
    save_model(model, tmp_path / "model.pt")
    content = torch.load(tmp_path / "model.pt", weights_only=True)
    # A file with other parameters cannot be read by a release with these: it needs another layout.
    parameters = {"n_iter", "batch_size", "width", "order", "n_members", "dropout"}
    assert content["parameters"].keys() == parameters | {"learning_rate"}
    assert content["layout"] == 4
