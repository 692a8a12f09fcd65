"""Reading private files through `load`, and all that can be wrong with one."""

import csv
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seds500.data import fingerprint, load
from seds500.data.files import read_table
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


# --- reading ---------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [{}, TURKISH], ids=["English names", "Turkish names"])
@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        ("csv", {}),
        ("csv", {"sep": ";"}),
        ("csv", {"sep": ";", "decimal": ",", "encoding": "utf-8-sig"}),
        ("csv", {"sep": ";", "decimal": ",", "encoding": "cp1254"}),
        ("CSV", {"sep": ",", "encoding": "utf-8"}),
        ("parquet", {}),
        ("xlsx", {}),
    ],
    ids=["commas", "semicolons", "Excel UTF-8", "Excel Turkish", "upper case", "Parquet", "XLSX"],
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
        st.floats(allow_nan=False, allow_infinity=False, width=64), min_size=50, max_size=55
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


def test_the_expected_columns_are_the_callers(write):
    frame = pd.DataFrame({"Größe (cm)": [1.5, 2.5], "kind": [7, 8], "unit": ["a", "b"]})
    table = read_table(
        write(frame),
        {"unit": [], "size": ["grosse cm"]},
        categorical=["unit"],
        target="size",
        min_rows=2,
    )
    pd.testing.assert_frame_equal(
        table.frame, pd.DataFrame({"unit": ["a", "b"], "size": [1.5, 2.5]})
    )
    assert table.ignored == ("kind",)


# --- what can be wrong -----------------------------------------------------------------------


def test_a_missing_file_is_named(tmp_path):
    path = tmp_path / "bolts.csv"
    with pytest.raises(FileNotFoundError, match=re.escape(str(path))):
        load("011", path)


def test_a_misspelt_source_is_told_from_a_path():
    with pytest.raises(FileNotFoundError, match="no file standins; source is 'standin', 'public'"):
        load("011", "standins")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder"):
        load("011", tmp_path)


def test_an_unsupported_kind_of_file_is_refused_with_the_supported_ones(tmp_path):
    path = tmp_path / "bolts.json"
    path.write_text("{}")
    with pytest.raises(ValueError, match=r"'\.json' are not read; .*\.csv, \.parquet or \.xlsx"):
        load("011", path)


def test_a_csv_file_that_cannot_be_parsed_is_named(tmp_path):
    path = tmp_path / "bolts.csv"
    path.write_text("diameter_mm,length_mm,machine_minutes\n1,2,3\n1,2,3,4,5\n")
    with pytest.raises(ValueError, match=r"bolts\.csv cannot be read as CSV with ','"):
        load("011", path)


def test_an_empty_csv_file_is_named(tmp_path):
    path = tmp_path / "bolts.csv"
    path.write_text("")
    with pytest.raises(ValueError, match=r"bolts\.csv cannot be read as CSV"):
        load("011", path)


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
    message = f"'length_mm': 1 values are not finite numbers, first {value!r} in data row 10"
    with pytest.raises(ValueError, match=re.escape(message)):
        load("013", write(rows))


def test_text_and_truth_values_in_a_typed_file_are_not_numbers(tmp_path, rows):
    path = tmp_path / "bolts.parquet"
    rows.assign(length_mm=rows["length_mm"].map(str), diameter_mm=True).to_parquet(path)
    with pytest.raises(ValueError, match="'length_mm': 60 values are not finite numbers") as info:
        load("013", path)
    assert "'diameter_mm': 60 values are not finite numbers, first True" in str(info.value)


@pytest.mark.parametrize("column", ["length_mm", "process"])
def test_a_column_without_any_value_is_refused(write, rows, column):
    with pytest.raises(ValueError, match=f"'{column}': 60 missing values, first in data row 1"):
        load("013", write(rows.assign(**{column: None})))


def test_a_file_with_a_header_and_nothing_else_is_refused(write, rows):
    with pytest.raises(ValueError, match="0 data rows; at least 50 are needed"):
        load("013", write(rows.head(0)))


def test_an_infinite_value_in_a_typed_file_is_refused(tmp_path, rows):
    path = tmp_path / "bolts.parquet"
    rows.loc[2, "length_mm"] = np.inf
    rows.to_parquet(path)
    with pytest.raises(ValueError, match=r"'length_mm': 1 values .* first inf in data row 3"):
        load("013", path)


def test_a_thousands_point_beside_decimal_commas_is_not_taken_for_a_decimal_point(write, rows):
    rows["machine_minutes"] = "1.008"
    rows.loc[0, "machine_minutes"] = "999"
    with pytest.raises(ValueError, match=r"both with a comma and with a point: .*'1\.008'"):
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
        "'length_mm': 1 values",
        "'standard': 1 missing",
        "the target is 700",
    ):
        assert part in str(info.value)
