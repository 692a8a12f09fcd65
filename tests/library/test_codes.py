"""Every cell comes back from its code, and owns ranks inside its own bin."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthtab.diffusion.codes import CategoryCodes, CodeEncoder, NumberCodes, as_float
from synthtab.table.schema import Schema

BIG = 2**50


def columns(max_size: int) -> st.SearchStrategy[list[float]]:
    """Columns: ties, constants, decimals, wide and huge numbers, a heavy value among others."""

    def lists(values: st.SearchStrategy[float]) -> st.SearchStrategy[list[float]]:
        return st.lists(values, min_size=2, max_size=max_size)

    floats = st.floats(-1e9, 1e9, allow_subnormal=False)
    return st.one_of(
        lists(st.integers(0, 5)),
        lists(st.integers(-BIG, BIG)),
        lists(st.integers(-(10**5), 10**5).map(lambda v: v / 100)),
        lists(floats),
        lists(st.one_of(st.just(0.0), st.just(7.5), floats)),
        st.tuples(st.integers(-BIG, BIG), st.integers(2, max_size)).map(lambda p: [p[0]] * p[1]),
    )


def slack(values: list[float]) -> float:
    """What double precision of ranks and of values leaves open."""
    return float(1e-9 * np.ptp(values) + 1e-14 * np.abs(values).max())


def grid(codes: NumberCodes) -> float:
    """Distance of the numbers that a column's decimals can write; 0 where there is no end."""
    return 0.0 if codes.ranks.decimals is None else 10.0**-codes.ranks.decimals


@settings(max_examples=150)
@given(st.one_of(columns(10), columns(300)), st.integers(0, 3))
def test_numbers_come_back_and_own_ranks_of_their_bin(values: list[float], n_gaps: int) -> None:
    series = pd.Series(values + [np.nan] * n_gaps, dtype=float)
    codes = NumberCodes.of(series)
    cells = codes.encode(as_float(series))
    back = codes.decode(cells.code, cells.rank)
    atol = slack(values)
    if codes.levels is not None or np.ptp(values) < 1e12 * grid(codes):
        atol = 0
    np.testing.assert_allclose(back, series, rtol=0, atol=atol)
    assert codes.n_codes == codes.n_bins + (n_gaps > 0)
    assert (np.diff(codes.edges) > 0).all()
    assert codes.edges[0] == 0
    assert codes.edges[-1] == pytest.approx(1)
    known = ~series.isna().to_numpy()
    code, rank, low, high, value = (part[known] for part in cells)
    np.testing.assert_array_equal(value, series.dropna())
    assert (codes.edges[code] <= low).all()
    assert (high <= codes.edges[code + 1]).all()
    assert ((low <= rank) & (rank <= high) & (low < high)).all()
    assert (cells.code[~known] == codes.n_bins).all()


@settings(max_examples=100)
@given(columns(100), st.tuples(st.integers(0, 99), st.integers(0, 99)), st.floats(0.001, 0.999))
def test_the_ranks_of_a_range_hold_its_values_only(
    values: list[float], ends: tuple[int, int], place: float
) -> None:
    codes = NumberCodes.of(pd.Series(values, dtype=float))
    least, greatest = sorted(float(values[e % len(values)]) for e in ends)
    low, high = codes.range_of(least, greatest)
    rank = np.array([low + place * (high - low)])
    if codes.levels is None:
        back = codes.decode(np.zeros(1, dtype=int), rank)
    else:
        back = codes.levels[np.searchsorted(codes.edges[1:-1], rank)]
    assert least - slack(values) <= back[0] <= greatest + slack(values)


@given(
    st.lists(
        st.one_of(st.none(), st.booleans(), st.integers(2, 9), st.text(max_size=3)), min_size=1
    )
)
def test_categories_come_back_as_they_are(values: list) -> None:
    series = pd.Series(values, dtype=object)
    levels = tuple(series.dropna().unique().tolist())
    if not levels:
        return
    codes = CategoryCodes.of(series, levels)
    back = codes.decode(codes.encode(series).code).tolist()
    for found, expected in zip(back, values, strict=True):
        if expected is None:
            assert np.isnan(found)
        else:
            assert (type(found), found) == (type(expected), expected)


def test_a_repeated_value_has_a_bin_of_its_own() -> None:
    rng = np.random.default_rng(0)
    column = np.where(rng.random(2000) < 0.3, 0.0, rng.gamma(2, 10, 2000))
    codes = NumberCodes.of(pd.Series(column))
    zero = codes.encode(np.zeros(1))
    assert zero.high[0] - zero.low[0] == pytest.approx((column == 0).mean())
    bin_ = zero.code[0]
    assert np.ptp(codes.edges[bin_ : bin_ + 2]) == pytest.approx((column == 0).mean())
    shares = np.delete(np.diff(codes.edges), bin_)
    assert shares.max() < 3 / 100  # the others are of about equally many rows
    assert 60 <= len(shares) <= 100


@pytest.mark.parametrize(
    ("levels", "numbers"),
    [
        (("1", "2", "10"), [1.0, 2.0, 10.0]),
        ((2101, 2501, 2601), [2101.0, 2501.0, 2601.0]),
        (("a", "1", "2"), None),
        (("1", "inf", "2"), None),
        (("1", "2"), None),  # of two levels a number says no more than their names
        ((False, True, 2), None),
        ((pd.Timestamp(2020, 1, 1), pd.Timestamp(2021, 1, 1), pd.Timestamp(2022, 1, 1)), None),
        ((1, 2, 10**400), None),
    ],
)
def test_labels_are_numbers_where_each_is_one(levels: tuple, numbers: list | None) -> None:
    found = CategoryCodes.of(pd.Series([levels[0]], dtype=object), levels).numbers
    assert (None if found is None else found.tolist()) == numbers


def test_an_encoder_in_plain_values_is_the_same() -> None:
    frame = pd.DataFrame(
        {
            "kind": pd.Categorical(["b", "a", "b", None], categories=["b", "a", "c"], ordered=True),
            "count": pd.array([1, 2, None, 4], dtype="Int64"),
            "y": np.array([0.5, 1.5, 2.5, 3.5], dtype=np.float32),
        }
    )
    schema = Schema.infer(frame, target="y")
    encoder = CodeEncoder().fit(frame, schema)
    again = CodeEncoder.from_plain(encoder.to_plain(), schema)
    assert again.dtypes_.equals(encoder.dtypes_)
    assert again.to_plain() == encoder.to_plain()
    for name, cells in encoder.cells(frame).items():
        np.testing.assert_array_equal(cells, again.cells(frame)[name])
    code = np.column_stack([c.code for c in encoder.cells(frame).values()])
    rank = np.column_stack([c.rank for c in encoder.cells(frame).values()])
    pd.testing.assert_frame_equal(again.decode(code, rank), frame)


def test_what_cannot_be_coded_is_named() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": ["p", "q", "p"], "y": [1.0, 2.0, 3.0]})
    schema = Schema.infer(frame, target="y")
    with pytest.raises(ValueError, match=r"without a single value: \['a'\]"):
        CodeEncoder().fit(frame.assign(a=np.nan), schema)
    encoder = CodeEncoder().fit(frame, schema)
    with pytest.raises(ValueError, match=r"missing values in \['a', 'b'\]"):
        encoder.cells(frame.assign(a=[1.0, np.nan, 2.0], b=[None, "p", "q"]))
