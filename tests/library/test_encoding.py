"""Encoding loses nothing: dtypes, categories, decimals, atoms; and it makes columns normal."""

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from scipy.special import ndtri
from scipy.stats import ks_2samp, kstest
from sklearn.exceptions import NotFittedError

from synthtab.table.encoding import Encoded, RankMap, TableEncoder, decimal_places
from synthtab.table.schema import Schema

# Whole numbers, numbers of two decimals and arbitrary floats, with repeats likely.
COLUMNS = st.one_of(
    st.lists(st.integers(-50, 50), min_size=2, max_size=60).map(np.array),
    st.lists(st.integers(-(10**6), 10**6), min_size=2, max_size=60).map(
        lambda v: np.array(v) / 100
    ),
    hnp.arrays(np.float64, st.integers(2, 60), elements=st.floats(-1e6, 1e6, width=32)),
    hnp.arrays(np.float32, st.integers(2, 60), elements=st.floats(-1e3, 1e3, width=32)),
)


def frame_of(values: np.ndarray) -> pd.DataFrame:
    kinds = np.array(["x", "y", "z"], dtype=object)
    return pd.DataFrame({"kind": kinds[np.arange(len(values)) % 3], "value": values})


@given(COLUMNS)
@settings(max_examples=200, deadline=None)
def test_a_table_comes_back_as_it_went_in(values: np.ndarray) -> None:
    frame = frame_of(values)
    encoder = TableEncoder().fit(frame, Schema.infer(frame, target="value"))
    back = encoder.inverse_transform(encoder.transform(frame))
    assert back.dtypes.equals(frame.dtypes)
    if decimal_places(values) is not None:
        pd.testing.assert_frame_equal(back, frame)
    else:  # Phi and its inverse are exact to about 1e-15, and so are ranks of the range
        atol = np.ptp(values) * (1e-6 if values.dtype == "f4" else 1e-9)
        pd.testing.assert_frame_equal(back, frame, rtol=1e-6, atol=atol)


@given(COLUMNS, st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_decoded_numbers_keep_range_and_decimals(values: np.ndarray, seed: int) -> None:
    frame = frame_of(values)
    encoder = TableEncoder().fit(frame, Schema.infer(frame, target="value"))
    rng = np.random.default_rng(seed)
    scores = 3 * rng.standard_normal((500, len(encoder.rank_maps_)))
    codes = rng.integers(encoder.cardinalities, size=(500, len(encoder.cardinalities)))
    decoded = encoder.inverse_transform(Encoded(scores, codes))["value"]
    assert decoded.between(values.min(), values.max()).all()
    decimals = decimal_places(values)
    if decimals is not None:
        rounded = decoded.astype(np.float64).round(decimals).astype(values.dtype)
        np.testing.assert_array_equal(decoded, rounded)


def test_encoded_atoms_are_standard_normal() -> None:
    # Three sizes for most rows, anything for the others; the D of a Kolmogorov-Smirnov test
    # exceeds 1.95 / sqrt(n) once in 1000.
    n = 20_000
    rng = np.random.default_rng(0)
    sizes = rng.choice([6.0, 8.0, 10.0], n, p=[0.2, 0.5, 0.3])
    values = np.where(rng.random(n) < 0.8, sizes, rng.uniform(4, 12, n))
    frame = frame_of(values)
    encoder = TableEncoder().fit(frame, Schema.infer(frame, target="value"))
    scores = encoder.transform(frame, random_state=1).x_num[:, 0]
    assert kstest(scores, "norm").statistic < 1.95 / np.sqrt(n)


def test_a_randomly_placed_atom_comes_back_as_itself() -> None:
    frame = frame_of(np.repeat([6.0, 8.0, 25.0], [10, 5, 3]))
    encoder = TableEncoder().fit(frame, Schema.infer(frame, target="value"))
    pd.testing.assert_frame_equal(
        encoder.inverse_transform(encoder.transform(frame, random_state=3)), frame
    )


def test_preferred_sizes_are_atoms_and_a_smooth_grid_is_not() -> None:
    rng = np.random.default_rng(0)
    sizes = rng.choice([6.0, 8.0, 10.0, 12.0, 16.0], 2000)
    assert set(RankMap.of(sizes).value(rng.random(5000))) == {6.0, 8.0, 10.0, 12.0, 16.0}
    # 2,000 whole minutes over about 1,900 values: gaps are chance, and are filled.
    minutes = rng.normal(1000, 300, 2000).round()
    drawn = RankMap.of(minutes).value(rng.random(20_000))
    assert np.mean(~np.isin(drawn, minutes)) > 0.1


def test_five_millimetre_steps_stay_when_each_is_seen_only_a_few_times() -> None:
    lengths = np.repeat(np.arange(10.0, 210.0, 5.0), 3)
    drawn = RankMap.of(np.append(lengths, 12.0)).value(np.random.default_rng(0).random(5000))
    # 12 mm occurs once, so ranks around it may fall between 10 and 15 mm.
    assert np.isin(drawn[(drawn < 10) | (drawn > 15)], lengths).all()


def test_a_uniform_rank_returns_the_columns_own_distribution() -> None:
    values = np.array([1.0, 1.0, 1.0, 2.0, 2.0, 9.0])
    drawn = RankMap.of(values).value((np.arange(6000) + 0.5) / 6000)
    assert [np.mean(drawn == v) for v in (1.0, 2.0)] == [0.5, pytest.approx(1 / 3, abs=0.02)]


def test_unseen_values_lie_between_their_neighbours() -> None:
    ranks = RankMap.of(np.array([1.0, 3.0, 5.0]))
    low, high = ranks.interval(np.array([-4.0, 1.0, 2.0, 3.0, 9.0]))
    assert (low <= high).all()
    assert (np.diff(low) >= 0).all()
    np.testing.assert_array_equal(ranks.value((low + high) / 2), [1, 1, 2, 3, 5])


def test_no_training_value_is_an_outlier_in_scores() -> None:
    # The ends of a column of arbitrary floats sit half a row from the end: 3.1 sd for 500 rows.
    frame = frame_of(np.random.default_rng(0).normal(size=500))
    encoder = TableEncoder().fit(frame, Schema.infer(frame, target="value"))
    assert np.abs(encoder.transform(frame).x_num).max() < 3.2


def test_knots_are_means_of_several_rows() -> None:
    values = np.random.default_rng(0).normal(size=2000)
    drawn = RankMap.of(values).value(np.random.default_rng(1).random(5000))
    # A smoothed map follows the distribution without passing through the values.
    assert not np.isin(drawn, np.sort(values)[1:-1]).any()
    assert ks_2samp(drawn, values).statistic < 1.95 * np.sqrt(1 / 2000 + 1 / 5000)


@pytest.mark.parametrize(
    ("values", "decimals"),
    [
        (np.array([1, 20]), 0),
        (np.array([1.5, 2.25]), 2),
        (np.array([0.1], dtype=np.float32), 1),
        (np.array([1 / 3]), None),
    ],
)
def test_decimal_places(values: np.ndarray, decimals: int | None) -> None:
    assert decimal_places(values) == decimals


@pytest.mark.parametrize("dtype", ["int8", "int64", "float32", "category", "string", "bool"])
def test_dtypes_are_restored(dtype: str) -> None:
    column = pd.Series([1, 0, 1, 1]).astype(dtype)
    frame = pd.DataFrame({"a": column, "y": [1.0, 2.0, 3.0, 4.0]})
    encoder = TableEncoder().fit(frame, Schema.infer(frame, target="y"))
    pd.testing.assert_frame_equal(encoder.inverse_transform(encoder.transform(frame)), frame)


def test_a_constant_column_and_a_single_row_come_back() -> None:
    frame = pd.DataFrame({"a": [7, 7, 7], "y": [1.0, 2.0, 3.0]})
    encoder = TableEncoder().fit(frame, Schema.infer(frame, target="y"))
    drawn = encoder.inverse_transform(Encoded(np.full((4, 2), 2.5), np.empty((4, 0), dtype=int)))
    assert drawn["a"].tolist() == [7, 7, 7, 7]


def test_a_short_list_of_numbers_is_encoded_by_position() -> None:
    # 60 rows bear 3 levels (20 rows each), not 4.
    frame = pd.DataFrame({"three": [5, 7, 9] * 20, "four": [1, 2, 3, 4] * 15, "y": range(60)})
    encoder = TableEncoder().fit(frame, Schema.infer(frame, target="y"))
    assert list(encoder.levels_) == ["three"]
    assert encoder.cardinalities == (3,)
    assert list(encoder.rank_maps_) == ["four", "y"]
    np.testing.assert_array_equal(encoder.transform(frame).x_cat[:3, 0], [0, 1, 2])


def test_a_number_that_is_no_level_takes_the_nearest_ones_code() -> None:
    frame = pd.DataFrame({"size": [6.0, 8.0] * 30, "y": np.arange(60.0)})
    encoder = TableEncoder().fit(frame, Schema.infer(frame, target="y"))
    unseen = pd.DataFrame({"size": [1.0, 6.9, 7.1, 99.0], "y": [0.0] * 4})
    np.testing.assert_array_equal(encoder.transform(unseen).x_cat[:, 0], [0, 0, 1, 1])


def test_nan_scores_are_refused_by_column() -> None:
    frame = pd.DataFrame({"a": [1, 2], "y": [1.0, 2.0]})
    encoder = TableEncoder().fit(frame, Schema.infer(frame, target="y"))
    with pytest.raises(ValueError, match="column 'y': 1 of 2 scores are NaN"):
        encoder.inverse_transform(
            Encoded(np.array([[0.0, 0.0], [0.0, np.nan]]), np.empty((2, 0), dtype=int))
        )


def test_an_unfitted_encoder_says_so() -> None:
    with pytest.raises(NotFittedError):
        TableEncoder().transform(pd.DataFrame({"a": [1]}))


def test_numbers_from_a_short_list_keep_their_place_on_the_axis() -> None:
    frame = pd.DataFrame({"size": [6, 8, 8, 12] * 30, "plant": ["a", "b", "b", "a"] * 30})
    encoder = TableEncoder().fit(frame, Schema.infer(frame, target="size"))
    plant, size = encoder.coordinates(frame)
    np.testing.assert_array_equal(plant, np.eye(2))  # plants have no order
    mean, sd = frame["size"].mean(), frame["size"].std(ddof=0)
    np.testing.assert_allclose(size[:, 0], (np.array([6, 8, 12]) - mean) / sd)
    # The middles of the rank intervals [0, 1/4], [1/4, 3/4], [3/4, 1].
    np.testing.assert_allclose(size[:, 1], ndtri([1 / 8, 1 / 2, 7 / 8]))
    constant = pd.DataFrame({"a": [5] * 40, "y": [1.5, 2.5] * 20})
    encoder = TableEncoder().fit(constant, Schema.infer(constant, target="y"))
    assert np.isfinite(np.concatenate(encoder.coordinates(constant))).all()
