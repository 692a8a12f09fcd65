"""HybridDiffusion learns shapes, takes any table, draws alike from one seed, refuses by name."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.table.schema import Schema

QUICK = {"n_iter": 3, "width": 8, "n_members": 1, "random_state": 0}


def every_dtype(n: int = 150) -> pd.DataFrame:
    """A column of each dtype, with gaps wherever the dtype can have them."""
    rng = np.random.default_rng(0)

    def gaps(values: object) -> pd.Series:
        return pd.Series(values).mask(rng.random(n) < 0.15)

    word = rng.choice(["p", "q", "r"], n).astype(object)
    return pd.DataFrame(
        {
            "boolean": rng.random(n) < 0.3,
            "boolean_gaps": pd.array(gaps((rng.random(n) < 0.3).astype(object)), dtype="boolean"),
            "float32": rng.normal(size=n).astype(np.float32),
            "float64_gaps": gaps(rng.normal(size=n).round(2)),
            "int8": rng.integers(-100, 100, n).astype(np.int8),
            "big": rng.integers(2**40, 2**50, n),
            "Int64_gaps": pd.array(gaps(rng.integers(0, 500, n)), dtype="Int64"),
            "category": pd.Categorical(word, categories=["r", "q", "p", "never"], ordered=True),
            "category_gaps": pd.Categorical(gaps(word)),
            "object_gaps": gaps(word),
            "string_gaps": pd.array(gaps(word), dtype="string"),
            "long": [f"shop {i}" for i in rng.integers(0, 100, n)],
            "constant": 0.1,
            "y": rng.gamma(2, 100, n),
        }
    )


FRAME = every_dtype()
SCHEMA = Schema.infer(FRAME, target="y")


@pytest.fixture(scope="module", params=["natural", "any"])
def fitted(request: pytest.FixtureRequest) -> HybridDiffusion:
    return HybridDiffusion(order=request.param, **QUICK).fit(FRAME, SCHEMA)


# --- any table ---------------------------------------------------------------------------------


def test_every_dtype_comes_back(fitted: HybridDiffusion) -> None:
    drawn = fitted.sample(300, random_state=0)
    SCHEMA.validate(drawn, allow_missing=True)
    assert drawn.dtypes.equals(FRAME.dtypes)
    for name in FRAME:
        assert drawn[name].isna().any() == FRAME[name].isna().any(), name
        if name in SCHEMA.numerical:
            assert drawn[name].dropna().between(FRAME[name].min(), FRAME[name].max()).all(), name


def test_imputed_rows_keep_what_was_there(fitted: HybridDiffusion) -> None:
    holes = FRAME.head(40).set_index(np.arange(40) * 3)
    rng = np.random.default_rng(1)
    for name in holes:
        holes[name] = holes[name].mask(rng.random(40) < 0.3)
    filled = fitted.impute(holes, random_state=0, n_particles=4)
    assert filled.index.equals(holes.index)
    assert filled.notna().all(axis=None)
    assert filled.dtypes.equals(FRAME.dtypes)
    for name in holes:
        there = holes[name].notna()
        assert filled[name][there].tolist() == holes[name][there].tolist(), name


def test_given_rows_come_back_exactly(fitted: HybridDiffusion) -> None:
    given = FRAME.drop(columns="boolean").tail(30)
    drawn = fitted.sample(30, random_state=0, conditions=given, n_particles=2)
    for name in given:
        there = given[name].notna().to_numpy()
        assert drawn[name][there].tolist() == given[name][there].tolist(), name


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"y": np.linspace(0, 1, 30) ** 3}),
        pd.DataFrame({"y": ["a", "b", "b"] * 10}),
        pd.DataFrame({"y": [f"shop {i}" for i in range(80)]}),  # a long list alone
        pd.DataFrame({"a": [f"p{i}" for i in range(80)], "y": [f"q{i}" for i in range(80)]}),
        pd.DataFrame({"y": [1.0, None, 2.0, 4.0] * 5}),
        pd.DataFrame({"a": [1.0, 2.0], "y": ["p", "q"]}),
        pd.DataFrame({"a": [7] * 20, "b": ["same"] * 20, "y": range(20)}),
        pd.DataFrame({"a": ["common"] * 49 + ["rare"], "y": range(50)}),
    ],
)
@pytest.mark.parametrize("order", ["natural", "any"])
def test_odd_tables_are_learnt_and_drawn(frame: pd.DataFrame, order: str) -> None:
    schema = Schema.infer(frame, target="y")
    model = HybridDiffusion(order=order, **QUICK).fit(frame, schema)
    schema.validate(model.sample(40, random_state=0), allow_missing=True)
    assert np.isfinite(model.log_likelihood(frame)).all()


# --- what is learnt ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def learnt() -> tuple[pd.DataFrame, pd.DataFrame]:
    """A table of shapes that a smooth model blurs, and one drawn from what was learnt of it."""
    rng = np.random.default_rng(0)
    n = 4000
    shop = np.append(np.arange(300), rng.integers(0, 300, n - 300))
    humps = rng.choice([-4.0, 0.0, 3.0], n) + rng.normal(0, 0.25, n)
    zeros = np.where(rng.random(n) < 0.3, 0.0, rng.gamma(2, 10, n))
    count = rng.integers(0, 6, n)
    frame = pd.DataFrame(
        {
            "shop": [f"shop {i}" for i in shop],
            "region": np.array(["north", "south", "west"], dtype=object)[shop % 3],
            "humps": humps,
            "zeros": zeros.round(2),
            "count": count,
            "again": count,
            "y": pd.Series(rng.normal(humps, 0.3)).mask((zeros == 0) & (rng.random(n) < 0.5)),
        }
    )
    schema = Schema.infer(frame, target="y")
    model = HybridDiffusion(n_iter=500, width=32, n_members=1, random_state=0).fit(frame, schema)
    return frame, model.sample(n, random_state=1)


def test_humps_are_learnt(learnt: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    edges = [-np.inf, -3, -1, 1, 2, np.inf]
    real, drawn = (np.histogram(f.humps, edges)[0] / len(f) for f in learnt)
    np.testing.assert_allclose(drawn, real, atol=0.03)
    # The valleys are empty: nothing lies within one and a half of a hump's spread of their middle.
    assert (learnt[1].humps.between(-2.5, -1.5) | learnt[1].humps.between(1.2, 1.8)).mean() < 0.01


def test_zeros_are_learnt_as_they_are(learnt: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    real, drawn = learnt
    share = (real.zeros == 0).mean()
    assert abs((drawn.zeros == 0).mean() - share) < 4 * np.sqrt(2 * share * (1 - share) / 4000)
    positive = [f.zeros[f.zeros > 0] for f in learnt]
    np.testing.assert_allclose(*(p.quantile([0.1, 0.5, 0.9]) for p in positive), rtol=0.1)


def test_ties_between_columns_are_learnt(learnt: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    assert (learnt[1]["count"] == learnt[1]["again"]).mean() > 0.9


def test_levels_of_a_long_list_are_told_apart(learnt: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    real, drawn = learnt
    region = real.drop_duplicates("shop").set_index("shop").region
    assert (region[drawn.shop].to_numpy() == drawn.region.to_numpy()).mean() > 0.8


def test_a_missing_cell_is_a_value_that_depends(
    learnt: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    drawn = learnt[1]
    assert drawn.y[drawn.zeros == 0].isna().mean() == pytest.approx(0.5, abs=0.1)
    assert drawn.y[drawn.zeros > 0].isna().mean() < 0.05
    there = drawn.y.notna()
    assert np.corrcoef(drawn.humps[there], drawn.y[there])[0, 1] > 0.95


# --- seeds and blocks --------------------------------------------------------------------------


def test_the_first_rows_of_a_long_draw_are_those_of_a_short_one(fitted: HybridDiffusion) -> None:
    long, short = (fitted.sample(n, random_state=5) for n in (4096 + 60, 50))
    # Another number of rows may change the last bit of a score.
    pd.testing.assert_frame_equal(long.head(50), short, check_exact=False, rtol=1e-5)
    blocks = list(fitted.iter_samples(4096 + 60, random_state=5))
    assert [len(block) for block in blocks] == [4096, 60]
    pd.testing.assert_frame_equal(pd.concat(blocks, ignore_index=True), long)


def test_conditions_are_met_in_every_block(fitted: HybridDiffusion) -> None:
    conditions = {"y": (50.0, 120.0), "category": ["p", "q"], "int8": 7, "string_gaps": "r"}
    drawn = fitted.sample(150, random_state=5, conditions=conditions)  # 64 rows fill a block
    assert len(drawn) == 150
    assert drawn.y.between(50.0, 120.0).all()
    assert drawn.category.isin(["p", "q"]).all()
    assert (drawn.int8 == 7).all()
    assert (drawn.string_gaps == "r").all()
    assert drawn.dtypes.equals(FRAME.dtypes)
    short = fitted.sample(40, random_state=5, conditions=conditions)
    pd.testing.assert_frame_equal(drawn.head(40), short, check_exact=False, rtol=1e-5)


def test_one_seed_gives_one_model_and_one_table(fitted: HybridDiffusion) -> None:
    again = clone(fitted).fit(FRAME, SCHEMA)
    tables = [m.sample(30, random_state=1) for m in (fitted, fitted, again)]
    pd.testing.assert_frame_equal(tables[0], tables[1])
    pd.testing.assert_frame_equal(tables[0], tables[2])
    assert not tables[0].equals(fitted.sample(30, random_state=2))
    other = clone(fitted).set_params(random_state=1).fit(FRAME, SCHEMA)
    assert not tables[0].equals(other.sample(30, random_state=1))


def test_parameters_are_those_of_the_constructor() -> None:
    model = HybridDiffusion(order="any", width=8, n_members=2, dropout=0.1)
    assert clone(model).get_params() == model.get_params()
    assert not hasattr(clone(model), "networks_")


def test_fit_leaves_the_state_of_torch_as_it_was() -> None:
    def fail(*_: object) -> None:
        raise InterruptedError

    torch.manual_seed(0)
    before, n_threads = torch.random.get_rng_state(), torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        HybridDiffusion(**QUICK).fit(FRAME, SCHEMA).sample(5, random_state=0)
        assert torch.get_num_threads() == 2
        failing = HybridDiffusion(callback=fail, **QUICK)
        with pytest.raises(InterruptedError):
            failing.fit(FRAME, SCHEMA)
        assert torch.get_num_threads() == 2
        with pytest.raises(NotFittedError):  # nothing half-fitted is left
            failing.sample(5)
    finally:
        torch.set_num_threads(n_threads)
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_callback_and_a_bar_see_every_step(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[tuple[int, int, bool]] = []
    HybridDiffusion(
        callback=lambda step, n, loss: seen.append((step, n, np.isfinite(loss))),
        progress=True,
        **QUICK,
    ).fit(FRAME, SCHEMA)
    assert seen == [(i, 3, True) for i in range(1, 4)]
    assert "3/3" in capsys.readouterr().err


# --- what is refused ---------------------------------------------------------------------------


def test_a_category_of_each_row_is_one_of_a_list(fitted: HybridDiffusion) -> None:
    given = pd.DataFrame({"category": [["p"], ["p", "q"], "q", None] * 10})
    drawn = fitted.sample(40, random_state=0, conditions=given, n_particles=8)["category"]
    assert set(drawn[0::4]) == {"p"}
    assert set(drawn[1::4]) == {"p", "q"}
    assert set(drawn[2::4]) == {"q"}
    given.loc[0, "category"] = "no such level"
    with pytest.raises(ValueError, match=r"column 'category' never takes .'no such level'."):
        fitted.sample(40, conditions=given)


def test_impossible_conditions_are_refused_together(fitted: HybridDiffusion) -> None:
    conditions = {
        "object_gaps": "z",
        "sun": 1,
        "int8": 7.5,
        "y": (1e6, 2e6),
        "float32": (3, 1),
        "float64_gaps": "word",
        "constant": 0.2,
        "big": np.nan,
        "category": ["p", "x"],
        "long": [],
    }
    with pytest.raises(ValueError, match="no columns") as caught:
        fitted.sample(5, conditions=conditions)
    for told in (
        r"no columns ['sun']",
        "column 'object_gaps' never takes ['z']",
        "column 'int8' takes whole numbers, not [7.5]",
        "column 'y' has no values from",
        "column 'float32': a range is a pair",
        "column 'float64_gaps': could not convert",
        "column 'constant' never takes [0.2]",
        "column 'big': nan is no value",
        "column 'category' never takes ['x']",
        "column 'long' never takes []",
    ):
        assert told in str(caught.value)
    with pytest.raises(ValueError, match="conditions for 3 rows, and 5 rows to draw"):
        fitted.sample(5, conditions=FRAME.head(3))
    with pytest.raises(ValueError, match=r"'y' goes from .* not to \[-5.0\]"):
        fitted.sample(2, conditions=pd.DataFrame({"y": [-5.0, np.nan]}))


def test_wrong_arguments_are_refused(fitted: HybridDiffusion) -> None:
    with pytest.raises(ValueError, match=r'order=.sorted.: it is "natural" or "any"'):
        HybridDiffusion(order="sorted").fit(FRAME, SCHEMA)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a table of 1 row cannot be learnt"):
        HybridDiffusion().fit(FRAME.head(1).dropna(axis=1), Schema.infer(
            FRAME.head(1).dropna(axis=1), target="y"))  # fmt: skip
    with pytest.raises(ValueError, match=r"without a single value: \['float64_gaps'\]"):
        HybridDiffusion().fit(FRAME.assign(float64_gaps=np.nan), SCHEMA)
    with pytest.raises(ValueError, match="n_samples=0"):
        fitted.sample(0)
    with pytest.raises(ValueError, match="n_particles=0"):
        fitted.sample(1, n_particles=0)


def test_divergence_is_an_error_that_names_the_remedy() -> None:
    model = HybridDiffusion(learning_rate=1e30, **QUICK | {"n_iter": 50})
    with pytest.raises(ValueError, match=r"diverged by step 50 of 50; lower learning_rate"):
        model.fit(FRAME, SCHEMA)


def test_conditions_that_hold_for_few_rows_are_met_with_what_goes_with_them():
    rng = np.random.default_rng(0)
    kind = rng.integers(100, size=3000)
    frame = pd.DataFrame(
        {
            "kind": [f"k{i:02d}" for i in kind],
            "rare": np.where(kind == 7, "yes", "no"),
            "y": kind + rng.normal(size=3000),
        }
    )
    schema = Schema.infer(frame, target="y")
    fitted = HybridDiffusion(n_iter=600, n_members=1, random_state=0).fit(frame, schema)
    free = fitted.sample(20_000, random_state=1)
    expected = (free.kind[free.rare == "yes"] == "k07").mean()
    drawn = fitted.sample(100, random_state=0, conditions={"rare": "yes"})
    assert (drawn.kind == "k07").mean() > expected - 0.15  # three standard errors
    with pytest.warns(UserWarning, match="are rare: about"):
        few = fitted.sample(100, random_state=0, conditions={"rare": "yes"}, n_particles=2)
    assert (few.kind == "k07").mean() < 0.5


def test_a_range_holds_the_values_inside_it_and_no_neighbour():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"n": rng.integers(200, size=2000), "u": rng.random(2000), "y": 1.0})
    frame["y"] = frame.n + rng.normal(size=2000)
    fitted = HybridDiffusion(n_iter=50, random_state=0).fit(frame, Schema.infer(frame, target="y"))

    def drawn(column, low, high):
        return fitted.sample(50, random_state=0, conditions={column: (low, high)})[column]

    assert set(drawn("n", 49.9, 50.1)) == {50}
    assert drawn("n", 20.5, 30.5).between(21, 30).all()
    with pytest.raises(ValueError, match="has no values from"):
        drawn("n", 50.2, 50.8)
    assert len(drawn("u", frame.u.max(), np.inf)) == 50
    with pytest.raises(ValueError, match="has no values from"):
        drawn("u", 2.0, 3.0)


def test_numbers_that_floats_do_not_tell_apart_are_refused():
    frame = pd.DataFrame({"id": np.arange(100) + 2**60, "y": range(100)})
    with pytest.raises(ValueError, match=r"\['id'\] hold integers beyond 2 \*\* 53"):
        HybridDiffusion().fit(frame, Schema.infer(frame, target="y"))


def test_settings_below_one_are_refused_together():
    model = HybridDiffusion(n_iter=0, width=0, n_members=-1)
    with pytest.raises(ValueError, match="n_iter=0, width=0, n_members=-1: each is at least 1"):
        model.fit(FRAME, SCHEMA)


def test_imputing_leaves_rows_without_gaps_as_they_are(fitted):
    holes = FRAME.dropna().head(20)
    whole = holes.copy()
    holes = holes.copy()
    holes.loc[holes.index[3], "y"] = np.nan
    filled = fitted.impute(holes, random_state=0)
    assert filled.index.equals(holes.index)
    rest = filled.index != holes.index[3]
    pd.testing.assert_frame_equal(filled[rest], whole[rest])
    assert fitted.impute(whole).equals(whole)
