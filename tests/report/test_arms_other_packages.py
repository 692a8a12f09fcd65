"""The other packages' methods keep the contract; without their packages the error says so.

The packages come with no other part of synthtab. Where they are missing, only the error is tested.
"""

import sys

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.base import clone

from seds500.arms.other_packages import ARF, CTGAN, TVAE, GaussianCopula, TabularARGN
from synthtab.table.schema import Schema


def table(n: int = 300, seed: int = 0) -> pd.DataFrame:
    """Text, bool and integer categories, whole numbers, two decimals, float32."""
    rng = np.random.default_rng(seed)
    size = rng.gamma(8, 2, n)
    return pd.DataFrame(
        {
            "plant": rng.choice(["b", "a"], n, p=[0.8, 0.2]).astype(object),
            "length": (3 * size + rng.normal(0, 5, n)).round(2),
            "urgent": rng.random(n) < 0.3,
            "line": rng.choice([7, 1, 4], n, p=[0.5, 0.3, 0.2]),
            "weight": size.astype(np.float32),
            "minutes": (30 + 20 * size + rng.normal(0, 30, n)).round().astype(int),
        }
    )


SCHEMA = Schema.infer(table(), target="minutes", categorical=["line"])
GENERATORS = {
    "gaussian_copula": GaussianCopula(random_state=0),
    "ctgan": CTGAN(epochs=2, random_state=0),
    "tvae": TVAE(epochs=2, random_state=0),
    "arf": ARF(random_state=0),
    "argn": TabularARGN(random_state=0),
}
PACKAGES = {
    "gaussian_copula": "copulas.multivariate",
    "ctgan": "ctgan",
    "tvae": "ctgan",
    "arf": "arfpy.arf",
    "argn": "mostlyai.engine",
}
each_generator = pytest.mark.parametrize("name", GENERATORS)


@pytest.fixture(scope="module")
def models() -> dict:
    return {}


@pytest.fixture
def fitted(name: str, models: dict) -> dict:
    pytest.importorskip(PACKAGES[name])
    if name not in models:
        models[name] = clone(GENERATORS[name]).fit(table(), SCHEMA)
    return models


@each_generator
def test_a_synthetic_table_is_a_table_of_the_schema(fitted: dict, name: str) -> None:
    synthetic = fitted[name].sample(700, random_state=0)
    SCHEMA.validate(synthetic)
    assert len(synthetic) == 700
    assert synthetic.dtypes.equals(table().dtypes)
    assert synthetic.index.equals(pd.RangeIndex(700))
    lengths = synthetic["length"].to_numpy()
    np.testing.assert_array_equal(lengths, lengths.round(2))


@each_generator
def test_a_seed_decides_training_and_drawing(fitted: dict, name: str) -> None:
    first, second, other = (fitted[name].sample(50, random_state=s) for s in (7, 7, 8))
    pd.testing.assert_frame_equal(first, second)
    assert not first.equals(other)
    again = clone(GENERATORS[name]).fit(table(), SCHEMA).sample(50, random_state=7)
    pd.testing.assert_frame_equal(first, again)
    differently = clone(GENERATORS[name]).set_params(random_state=1).fit(table(), SCHEMA)
    assert not first.equals(differently.sample(50, random_state=7))


@each_generator
def test_global_randomness_and_the_input_are_left_alone(fitted: dict, name: str) -> None:
    np.random.seed(0)  # noqa: NPY002 - the global state is what is tested
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    frame = table()
    clone(GENERATORS[name]).fit(frame, SCHEMA).sample(20, random_state=3)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002
    pd.testing.assert_frame_equal(frame, table())


@each_generator
def test_no_rows_and_rows_of_another_table_are_refused(fitted: dict, name: str) -> None:
    with pytest.raises(ValueError, match="n_samples=0"):
        fitted[name].sample(0)
    with pytest.raises(ValueError, match=r"missing columns: \['plant'\]"):
        clone(GENERATORS[name]).fit(table().drop(columns="plant"), SCHEMA)


def test_a_gaussian_copula_is_learnt_by_one() -> None:
    # Categories at the copula's thresholds, so that shares and correlation are known.
    pytest.importorskip("copulas")
    rng = np.random.default_rng(0)
    n, rho = 4000, 0.8
    z = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], n)
    frame = pd.DataFrame({"kind": np.where(z[:, 0] < norm.ppf(0.3), "a", "b"), "y": z[:, 1]})
    schema = Schema.infer(frame, target="y")
    drawn = GaussianCopula(random_state=0).fit(frame, schema).sample(n, random_state=1)
    assert (drawn.kind == "a").mean() == pytest.approx(0.3, abs=4 * np.sqrt(2 * 0.21 / n))
    assert drawn.y.std() == pytest.approx(1, abs=4 / np.sqrt(n))
    # Within a category the latent value is drawn afresh, so that the correlation shrinks by the
    # share of the latent variance that lies between the categories.
    density = norm.pdf(norm.ppf(0.3))
    shrunk = rho * density**2 / 0.21
    difference = drawn.groupby("kind").y.mean().diff().iloc[-1]
    assert difference == pytest.approx(shrunk * density / 0.21, abs=4 * np.sqrt(2 / (0.21 * n)))


@each_generator
def test_without_the_package_the_error_says_what_to_install(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, PACKAGES[name], None)
    package = PACKAGES[name].partition(".")[0]
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ModuleNotFoundError, match=rf"needs the package {package}.*pip install"):
        clone(GENERATORS[name]).fit(table(), SCHEMA)
