"""What is public is declared, or the fit is refused; what is encoded depends on nothing else."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthtab.dp.budget import Privacy
from synthtab.dp.encoding import PrivateEncoder, excess_below, private_quartiles
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
    levels={"size": (10, 6, 8)},
    decimals={"length": 1},
    public_categories=True,
)
QUARTILES = {"length": (20.0, 60.0), "minutes": (500, 900)}


def table(n: int = 500, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "plant": rng.choice(["a", "b"], n).astype(object),
            "size": rng.choice([6, 8, 10], n),
            "length": rng.gamma(2, 20, n).round(1),
            "minutes": rng.gamma(4, 180, n).round().astype(int),
        }
    )


@pytest.fixture
def encoder() -> PrivateEncoder:
    return PrivateEncoder(PRIVACY, QUARTILES).fit(table(), SCHEMA)


def test_a_table_within_the_bounds_comes_back(encoder: PrivateEncoder) -> None:
    pd.testing.assert_frame_equal(encoder.inverse_transform(encoder.transform(table())), table())


def test_the_encoder_is_the_same_for_any_rows(encoder: PrivateEncoder) -> None:
    one_row = pd.DataFrame({"plant": ["c"], "size": [7], "length": [999.95], "minutes": [99_999]})
    other = PrivateEncoder(PRIVACY, QUARTILES).fit(one_row, SCHEMA)
    assert other.to_plain() == encoder.to_plain()
    for a, b in zip(other.coordinates(one_row), encoder.coordinates(table()), strict=True):
        np.testing.assert_array_equal(a, b)


def test_values_outside_go_to_the_nearer_bound_or_level(encoder: PrivateEncoder) -> None:
    odd = table(3).assign(length=[-5.0, 10.0, 5000.0], size=[1, 8, 99], minutes=[-1, 7, 200_000])
    back = encoder.inverse_transform(encoder.transform(odd))
    assert back["size"].tolist() == [6, 8, 10]
    assert back["length"].tolist()[:2] == [0.0, 10.0]
    assert back["minutes"].tolist()[:2] == [0, 7]
    # 19 standard deviations from the middle scores are cut off, before the bound is reached
    assert back["length"][2] == pytest.approx(40 + 19 * 40 / 1.349, rel=0.01)
    assert back["minutes"][2] == pytest.approx(700 + 19 * 400 / 1.349, rel=0.01)


@settings(max_examples=50, deadline=None)
@given(st.floats(-3.0, 3.0), st.floats(2.0, 4.0), st.floats(-1.0, 5.0))
def test_ranks_rise_with_values_and_lead_back(centre: float, width: float, spread: float) -> None:
    bounds, scale = (centre - 10**width, centre + 10**width), 10**spread
    privacy = Privacy(1.0, 100, bounds={"x": bounds})
    schema = Schema(columns=("x",), categorical={}, target="x")
    frame = pd.DataFrame({"x": np.linspace(*bounds, 101)})
    ranks = PrivateEncoder(privacy, {"x": (centre, centre + scale)}).fit(frame, schema).rank_maps_
    low, high = ranks["x"].interval(frame["x"].to_numpy())
    np.testing.assert_array_equal(low, high)  # no decimals, and so a point
    assert (np.diff(low) >= 0).all()
    inside = (low > low.min()) & (low < low.max())
    back = ranks["x"].value(low)[inside]
    np.testing.assert_allclose(back, frame["x"][inside], rtol=1e-6, atol=1e-6 * scale)


@given(
    st.lists(st.floats(-10, 10), max_size=30),
    st.floats(-10, 10),
    st.floats(-10, 10),
    st.sampled_from([0.25, 0.75]),
)
def test_one_row_changes_an_answer_by_three_quarters_at_most(
    values: list[float], row: float, middle: float, p: float
) -> None:
    before = excess_below(np.array(values), p, middle)
    after = excess_below(np.array([*values, row]), p, middle)
    assert abs(after - before) <= 0.75 + 1e-9


def test_quartiles_without_noise_are_the_quartiles() -> None:
    frame = table(4001)
    found = private_quartiles(frame, PRIVACY, noise_multiplier=0.0, rng=np.random.default_rng(0))
    for column, (low, high) in PRIVACY.bounds.items():
        exact = frame[column].quantile([0.25, 0.75])
        assert found[column] == pytest.approx(tuple(exact), abs=(high - low) / 1024)


def test_answers_about_quartiles_carry_the_noise_that_is_accounted_for() -> None:
    # One column, 20 questions: as one Gaussian mechanism of multiplier m each answer needs noise of
    # m * 0.75 * sqrt(20). Without rows, the first answer is noise alone: above 0 in half of the
    # searches. With c rows below and none above, in Phi(0.75 c / sd) of them.
    privacy = Privacy(1.0, 100, bounds={"x": (0.0, 1.0)})
    rng, n = np.random.default_rng(0), 2000
    n_below = 8
    frame = pd.DataFrame({"x": np.full(n_below, 0.1)})
    lower_half = [
        private_quartiles(frame, privacy, noise_multiplier=2.0, rng=rng)["x"][0] < 0.5
        for _ in range(n)
    ]
    expected = 0.8144  # Phi(0.75 * 8 / (2 * 0.75 * sqrt(20)))
    assert np.mean(lower_half) == pytest.approx(expected, abs=4 * np.sqrt(0.15 / n))


def test_quartiles_that_noise_has_turned_round_still_make_a_map() -> None:
    turned = PrivateEncoder(PRIVACY, {"length": (60.0, 20.0), "minutes": (700, 700)})
    near = table().query("minutes < 2000")  # the scale is then a thousandth of the bounds
    back = turned.fit(near, SCHEMA).inverse_transform(turned.transform(near))
    pd.testing.assert_frame_equal(back, near.reset_index(drop=True))


def test_every_column_without_public_knowledge_is_named() -> None:
    bare = Privacy(3.0, 500, bounds={"length": (0, 1000), "width": (0, 1)}, decimals={"plant": 0})
    with pytest.raises(ValueError, match="no guarantee can be given") as error:
        bare.check(SCHEMA)
    message = str(error.value)
    assert "without bounds: ['size', 'minutes']" in message
    assert "bounds={'size': (low, high), 'minutes': (low, high)}" in message
    assert "category lists of ['plant']" in message
    assert "public_categories=True" in message
    assert "bounds for ['width']" in message
    assert "decimals for ['plant']" in message


def test_every_number_out_of_range_is_named() -> None:
    with pytest.raises(ValueError, match="epsilon=-1") as error:
        Privacy(
            epsilon=-1,
            n_rows=100,
            delta=0.01,
            bounds={"a": (1, 0), "b": (0, 1)},
            levels={"b": (1, 1), "c": (2,)},
            decimals={"c": 1},
        )
    for part in ("delta=0.01: it must lie", "bounds of 'a'", "levels of 'b'", "['b']", "['c']"):
        assert part in str(error.value)
    with pytest.raises(ValueError, match="n_rows=1"):
        Privacy(1.0, n_rows=1)


def test_an_integer_column_cannot_hold_declared_fractions() -> None:
    privacy = Privacy(
        3.0,
        500,
        bounds={"length": (0, 1000), "minutes": (0, 1000)},
        levels={"size": (6, 6.5)},
        decimals={"minutes": 1},
        public_categories=True,
    )
    with pytest.raises(ValueError, match=r"levels of 'size'.*\[6\.5\].*decimals of 'minutes'"):
        PrivateEncoder(privacy, QUARTILES).fit(table(), SCHEMA)


def test_decimals_round_what_comes_out() -> None:
    privacy = Privacy(
        3.0,
        500,
        bounds={"size": (0, 20), "length": (0, 1000), "minutes": (0, 100_000)},
        decimals={"length": 1, "minutes": -2},
        public_categories=True,
    )
    encoder = PrivateEncoder(privacy, QUARTILES | {"size": (6.0, 10.0)}).fit(table(), SCHEMA)
    back = encoder.inverse_transform(encoder.transform(table(), random_state=0))
    assert (back["minutes"] % 100 == 0).all()
    assert (abs(back["minutes"] - table()["minutes"]) <= 100).all()
    np.testing.assert_allclose(back["length"], back["length"].round(1))
    pd.testing.assert_series_equal(back["size"], table()["size"])
