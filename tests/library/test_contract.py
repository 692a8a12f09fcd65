"""One contract for every generator, the study's own and the reference ones."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.dp.budget import Privacy
from synthtab.dp.marginals import PrivateCopula, PrivateTree
from synthtab.evaluation.fidelity import share_of_copies
from synthtab.generators.reference import (
    Bootstrap,
    IndependentMarginals,
    Interpolation,
    NoiseCopy,
    SecondSample,
)
from synthtab.generators.stasy import STaSy
from synthtab.generators.tabddpm.model import TabDDPM
from synthtab.generators.tabdiff import TabDiff
from synthtab.generators.tabsyn import TabSyn
from synthtab.generators.with_relations import WithRelations
from synthtab.smogn.resample import SMOGNSynthesizer
from synthtab.table.relations import Order
from synthtab.table.schema import Schema


def table(n: int = 300, seed: int = 0) -> pd.DataFrame:
    """Every kind of column: preferred sizes, whole minutes, two decimals, text, bool, float32."""
    rng = np.random.default_rng(seed)
    size = rng.choice([6, 8, 10, 12], n)
    frame = pd.DataFrame(
        {
            "plant": rng.choice(["2101", "2501"], n).astype(object),
            "size": size,
            "length": rng.gamma(3, 15, n).round(2),
            "urgent": rng.random(n) < 0.3,
            "weight": (size * rng.gamma(5, 0.2, n)).astype(np.float32),
        }
    )
    minutes = 300 + 60 * size + 2 * frame.length + rng.gamma(0.5, 300, n)
    return frame.assign(minutes=minutes.round().astype(int))


SCHEMA = Schema.infer(table(), target="minutes", relations=[Order("size", "minutes")])
PRIVACY = Privacy(
    epsilon=3.0,
    n_rows=300,
    bounds={"length": (0, 400), "weight": (0, 60), "minutes": (0, 10_000)},
    levels={"size": [6, 8, 10, 12]},
    decimals={"length": 2},
    public_categories=True,
)
GENERATORS = {
    "hybrid": HybridDiffusion(n_iter=30, width=32, random_state=0),
    "private": HybridDiffusion(privacy=PRIVACY, n_iter=5, batch_size=50, width=16, random_state=0),
    "private_tree": PrivateTree(PRIVACY, random_state=0),
    "private_copula": PrivateCopula(PRIVACY, random_state=0),
    "tabddpm": TabDDPM(n_iter=30, n_timesteps=50, width=32, random_state=0),
    "tabsyn": TabSyn(n_iter=10, n_iter_vae=10, width=16, n_steps=4, random_state=0),
    "stasy": STaSy(n_iter=20, width=8, n_steps=6, random_state=0),
    "tabdiff": TabDiff(n_iter=10, width=16, n_steps=4, random_state=0),
    "smogn_balance": SMOGNSynthesizer(samp_method="balance"),
    "smogn_extreme": SMOGNSynthesizer(samp_method="extreme"),
    "smogn_synthetic": SMOGNSynthesizer(part="synthetic"),
    "interpolation": Interpolation(),
    "noise_copy": NoiseCopy(),
    "bootstrap": Bootstrap(),
    "marginals": IndependentMarginals(),
    "relations": WithRelations(IndependentMarginals()),
    "second_sample": SecondSample(table(1000, seed=9)),
}

each_generator = pytest.mark.parametrize("name", GENERATORS)


@pytest.fixture(scope="module")
def learnt() -> dict[str, pd.DataFrame]:
    """The table that each generator was fitted on."""
    return {name: table() for name in GENERATORS}


@pytest.fixture(scope="module")
def fitted(learnt: dict[str, pd.DataFrame]) -> dict:
    return {name: clone(g).fit(learnt[name], SCHEMA) for name, g in GENERATORS.items()}


@each_generator
def test_a_synthetic_table_is_a_table_of_the_schema(fitted: dict, name: str) -> None:
    synthetic = fitted[name].sample(250, random_state=0)
    SCHEMA.validate(synthetic)
    assert len(synthetic) == 250
    assert synthetic.dtypes.equals(table().dtypes)
    assert synthetic.index.equals(pd.RangeIndex(250))


@each_generator
def test_numbers_stay_in_range_and_keep_their_decimals(fitted: dict, name: str) -> None:
    synthetic = fitted[name].sample(250, random_state=0)
    for column in SCHEMA.numerical:
        low, high = table()[column].min(), table()[column].max()
        if name.startswith("private"):  # knows no range but that which was declared
            low, high = PRIVACY.bounds.get(column, (low, high))
        if name != "second_sample" and "smogn" not in name and name != "interpolation":
            assert synthetic[column].between(low, high).all()
    lengths = synthetic["length"].to_numpy()
    if name not in ("smogn_balance", "smogn_extreme", "smogn_synthetic", "interpolation"):
        np.testing.assert_array_equal(lengths, lengths.round(2))


@each_generator
def test_drawing_twice_with_one_seed_gives_one_table(fitted: dict, name: str) -> None:
    first, second = (fitted[name].sample(50, random_state=7) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)


@each_generator
def test_another_seed_gives_another_table(fitted: dict, name: str) -> None:
    first, second = (fitted[name].sample(50, random_state=s) for s in (7, 8))
    assert not first.equals(second)


@each_generator
def test_fitting_twice_with_one_seed_gives_one_table(fitted: dict, name: str) -> None:
    again = clone(GENERATORS[name]).fit(table(), SCHEMA)
    draws = [generator.sample(30, random_state=1) for generator in (fitted[name], again)]
    pd.testing.assert_frame_equal(*draws)


@each_generator
def test_drawing_leaves_global_randomness_alone(fitted: dict, name: str) -> None:
    np.random.seed(0)  # noqa: NPY002 - the global state is what is tested
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    fitted[name].sample(20, random_state=3)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@each_generator
@pytest.mark.usefixtures("fitted")
def test_fit_leaves_its_input_alone(learnt: dict[str, pd.DataFrame], name: str) -> None:
    pd.testing.assert_frame_equal(learnt[name], table())


@each_generator
def test_the_labels_of_the_rows_do_not_matter(fitted: dict, name: str) -> None:
    shuffled = table().set_index(np.arange(300)[::-1] * 3)
    a = fitted[name].sample(30, random_state=1)
    b = clone(GENERATORS[name]).fit(shuffled, SCHEMA).sample(30, random_state=1)
    pd.testing.assert_frame_equal(a, b)


@each_generator
def test_an_unfitted_generator_says_so(name: str) -> None:
    if name == "second_sample":
        pytest.skip("has nothing to fit")
    with pytest.raises(NotFittedError):
        clone(GENERATORS[name]).sample(5)


@each_generator
@pytest.mark.parametrize("n_samples", [0, -1])
def test_no_rows_cannot_be_drawn(fitted: dict, name: str, n_samples: int) -> None:
    with pytest.raises(ValueError, match=f"n_samples={n_samples}"):
        fitted[name].sample(n_samples)


@each_generator
def test_missing_values_are_refused_by_column(name: str) -> None:
    if name == "second_sample":
        pytest.skip("looks at its reserve only")
    if name == "hybrid":
        pytest.skip("learns missing cells")
    frame = table()
    frame.loc[3, "length"] = np.nan
    with pytest.raises(ValueError, match="'length': 1 missing"):
        clone(GENERATORS[name]).fit(frame, SCHEMA)


# --- what sets the reference generators apart -------------------------------------------------


def test_a_bootstrap_holds_real_rows_only(fitted: dict) -> None:
    assert share_of_copies(fitted["bootstrap"].sample(200, random_state=0), table()) == 1


def test_a_noise_copy_keeps_every_row_close_and_none_equal(fitted: dict) -> None:
    real = table()
    copy = fitted["noise_copy"].sample(len(real), random_state=0)
    assert share_of_copies(copy, real) < 0.05
    # One row in, one row out: the categories are those of the table, in another order.
    assert copy.plant.value_counts().to_dict() == real.plant.value_counts().to_dict()
    assert copy["weight"].std() == pytest.approx(real["weight"].std(), rel=0.05)


def test_independent_marginals_have_margins_and_no_dependence(fitted: dict) -> None:
    drawn = fitted["marginals"].sample(4000, random_state=0)
    assert abs(drawn["size"].corr(drawn["minutes"])) < 4 / np.sqrt(4000)
    assert abs(drawn["size"].mean() - table()["size"].mean()) < 4 * 2.3 / np.sqrt(4000)


def test_interpolation_stays_between_real_rows(fitted: dict) -> None:
    drawn, real = fitted["interpolation"].sample(1000, random_state=0), table()
    assert set(drawn["plant"]) == {"2101", "2501"}
    # Rows are drawn evenly, so the mean target is the real one up to sampling error.
    assert abs(drawn.minutes.mean() - real.minutes.mean()) < 4 * real.minutes.std() / np.sqrt(300)
    assert share_of_copies(drawn, real) < 0.05


def test_a_second_sample_cannot_give_more_rows_than_it_has(fitted: dict) -> None:
    with pytest.raises(ValueError, match="n_samples=1001, but the reserve has 1000"):
        fitted["second_sample"].sample(1001)
