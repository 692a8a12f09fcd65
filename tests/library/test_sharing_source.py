"""Reading somebody's table: what was meant is read, what cannot be read is refused by name."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthtab.sharing.columns import (
    Column,
    TablePlan,
    check_plan,
    infer_plan,
    plan_text,
    read_plan,
)
from synthtab.sharing.form import TableForm, typed
from synthtab.sharing.source import TableError, read_source
from synthtab.sharing.workplace import new_file
from synthtab.sharing.writer import disarmed, row_writer


def csv(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode(encoding))
    return path


def kinds(path: Path, target: str) -> dict[str, str]:
    return {c.name: c.kind for c in infer_plan(read_source(path), target).columns}


def learnt(path: Path, target: str, *, min_count: int = 1):
    source = read_source(path)
    plan = infer_plan(source, target)
    check_plan(plan, path)
    frame = typed(source, plan)
    return frame, TableForm.fit(frame, source, plan, min_count=min_count)


def written_again(path: Path, target: str) -> bytes:
    frame, form = learnt(path, target)
    out = path.with_name(f"again{path.suffix}")
    with row_writer(out, form) as writer:
        writer.write(form.restore(form.prepare(frame, random_state=0)))
    return out.read_bytes()


# --- reading ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "separator", "mark"),
    [
        ("utf-8", ",", "."),
        ("utf-8-sig", ";", ","),
        ("cp1254", ";", ","),
        ("utf-16", "\t", ","),
        ("utf-8", "|", "."),
    ],
)
def test_a_table_comes_back_byte_for_byte_as_its_owner_wrote_it(
    tmp_path, encoding, separator, mark
):
    rows = ["ölçü", "tarih", "ücret", "fabrika", "not"]
    lines = [separator.join(rows)]
    for i in range(40):
        size = "" if i % 8 == 0 else f"{6 + i % 5 / 2:.1f}".replace(".", mark)
        cost = f"{10 + i * 0.37:.2f}".replace(".", mark) + " TL"
        lines.append(
            separator.join([size, f"{1 + i % 28:02d}.03.2026", cost, f"0{i % 3}", "=A1" * (i % 2)])
        )
    text = "\r\n".join(lines) + "\r\n"
    path = csv(tmp_path, text, encoding)
    assert kinds(path, "ücret") == {
        "ölçü": "number",
        "tarih": "date",
        "ücret": "number",
        "fabrika": "category",
        "not": "constant",
    }
    lines = [line.rpartition(separator)[0] for line in lines]
    path = csv(tmp_path, "\r\n".join(lines) + "\r\n", encoding)
    assert written_again(path, "ücret") == path.read_bytes()


def test_parquet_comes_back_with_its_types(tmp_path):
    n = 60
    table = pa.table(
        {
            "id": pa.array(range(n), pa.int32()),
            "plant": pa.array([f"p{i % 3}" for i in range(n)]).dictionary_encode(),
            "cost": pa.array([f"{i}.50" for i in range(n)]).cast(pa.decimal128(10, 2)),
            "made": pa.array([20_000 + i for i in range(n)], pa.date32()),
            "when": pa.array([10**9 * (i + 1) for i in range(n)], pa.timestamp("ms", tz="UTC")),
            "sold": pa.array([None if i % 6 == 0 else i % 2 == 1 for i in range(n)]),
            "size": pa.array([None if i % 5 == 0 else i % 7 for i in range(n)], pa.int16()),
            "share": pa.array(np.linspace(0, 1, n), pa.float32()),
        }
    ).drop_columns("id")
    path = tmp_path / "table.parquet"
    pq.write_table(table, path)
    written_again(path, "cost")
    assert pq.read_table(tmp_path / "again.parquet").equals(table)


def test_a_spreadsheet_comes_back_with_its_values(tmp_path):
    frame = pd.DataFrame(
        {
            "plant": [2101.0, 2102.0] * 15,
            "made": pd.date_range("2026-01-01", periods=30),
            "kind": ["a", "b", None] * 10,
            "cost": np.arange(30) / 4,
        }
    )
    path = tmp_path / "table.xlsx"
    frame.to_excel(path, index=False)
    written_again(path, "cost")
    again = pd.read_excel(tmp_path / "again.xlsx")
    pd.testing.assert_frame_equal(again.fillna("gap"), frame.fillna("gap"), check_dtype=False)


def test_a_spreadsheet_is_written_without_formulas(tmp_path):
    text = "kind,cost\n" + "".join(f"={i % 3}+1,{i}.5\n" for i in range(30))
    frame, form = learnt(csv(tmp_path, text), "cost")
    with row_writer(tmp_path / "out.xlsx", form) as writer:
        writer.write(form.restore(form.prepare(frame)))
    assert pd.read_excel(tmp_path / "out.xlsx").kind[0] == "'=0+1"


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.text(
            st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=6
        ),
        min_size=2,
        max_size=6,
        unique=True,
    )
)
def test_any_text_survives_writing_and_reading(tmp_path_factory, values):
    missing = {"", "NA", "N/A", "NaN", "nan", "NULL", "null", "#N/A"}
    values = [f"{v}x" if v.strip() in missing or v.startswith("'") else v for v in values]
    folder = tmp_path_factory.mktemp("text")
    plan = TablePlan((Column("a", "category"), Column("b", "number")), "b")
    frame = pd.DataFrame({"a": values, "b": np.arange(float(len(values)))})
    frame["a"] = frame["a"].astype(object)
    source = read_source(csv(folder, "a;b\nx;1\ny;2\n"))
    form = TableForm.fit(frame, source, plan)
    with row_writer(folder / "out.csv", form) as writer:
        writer.write(form.restore(form.prepare(frame)))
    assert read_source(folder / "out.csv").cells["a"].tolist() == values


@pytest.mark.parametrize("cell", ["=1", "+1+1", "-A1", "@sum", "\t=1"])
def test_a_cell_that_a_spreadsheet_would_run_begins_with_an_apostrophe(cell):
    assert disarmed(cell) == f"'{cell}"


# --- kinds ------------------------------------------------------------------------------------


def test_columns_that_need_a_decision_are_all_named_with_the_remedy(tmp_path):
    lines = ["no,guest,comment,firm,gone,size,cost"]
    for i in range(60):
        size = "6.5" if i else "6,5 mm"
        lines.append(f'{i + 1},G{i:04d},wrote letter {i},Acme,,"{size}",{i}.25')
    path = csv(tmp_path, "\n".join(lines) + "\n")
    with pytest.raises(TableError) as caught:
        check_plan(infer_plan(read_source(path), "cost"), path)
    message = str(caught.value)
    for part in (
        "'no' is an identifier (whole numbers that count rows); leave it out with --drop 'no' or "
        "--drop-identifiers",
        "'guest' is an identifier (60 different values in 60 cells)",
        "'comment' is free text (60 different values in 60 cells)",
        "'firm' is constant (always a cell like 'aaaa')",
        "'gone' is empty in every row",
        "'size' is a mixture (numbers, but a cell like '9,9 aa' in data row 1",
    ):
        assert part in message


def test_a_category_may_have_hundreds_of_levels(tmp_path):
    lines = ["firm,cost"] + [f"F{i % 400},{i}.5" for i in range(1000)]
    path = csv(tmp_path, "\n".join(lines) + "\n")
    assert kinds(path, "cost") == {"firm": "category", "cost": "number"}
    assert len(learnt(path, "cost")[1].schema.categorical["firm"]) == 400


def test_a_corrected_schema_is_obeyed_and_a_wrong_one_refused_entry_by_entry(tmp_path):
    lines = ["plant,size,cost"] + [f"{2101 + i % 3},{i % 7},{i}.5" for i in range(50)]
    source = read_source(csv(tmp_path, "\n".join(lines) + "\n"))
    text = plan_text(infer_plan(source, "cost"))
    assert read_plan(text, source, "cost", "s").columns == infer_plan(source, "cost").columns
    corrected = text.replace('"plant": {kind: number', '"plant": {kind: category')
    corrected = corrected.replace('"size": {kind: number', '"size": {kind: number, bounds: [0, 9]')
    plan = read_plan(corrected, source, "cost", "s")
    assert [c.kind for c in plan.columns] == ["category", "number", "number"]
    assert plan.columns[1].bounds == (0.0, 9.0)
    wrong = 'target: "size"\ncolumns: {plant: {kind: word}, size: {kind: number, bound: 1}, x: {}}'
    with pytest.raises(TableError) as caught:
        read_plan(wrong, source, "cost", "schema.yaml")
    for part in ("schema.yaml: ", "its target is 'size'", "column 'plant': kind should be one of",
                 "column 'size': unknown ['bound']", "column 'x' is not in"):  # fmt: skip
        assert part in str(caught.value)


def test_a_point_beside_decimal_commas_is_not_taken_for_a_decimal_point_unless_told(tmp_path):
    lines = ["size;minutes"] + [f"{i % 7},5;{'1.008' if i % 2 else i}" for i in range(50)]
    source = read_source(csv(tmp_path, "\n".join(lines) + "\n"))
    plan = infer_plan(source, "size")
    with pytest.raises(TableError, match=r"can be read as 4,123 or as 4123; say which") as caught:
        check_plan(plan, source.path)
    assert "'minutes' is a mixture" in str(caught.value)
    told = plan_text(plan).replace("mixed", "number")
    with pytest.raises(TableError, match="say which with --decimal"):
        read_plan(told, source, "size", "schema.yaml")
    for said, value in (("decimal_mark", 1.008), ("thousands", 1008.0)):
        entry = f'columns: {{minutes: {{kind: number, {said}: "."}}}}'
        frame = typed(source, read_plan(entry, source, "size", "schema.yaml"))
        assert frame["minutes"][1] == value


@pytest.mark.parametrize(
    ("cell", "note"),
    [
        (lambda i: f"{i % 90}:{i % 60:02d}.{i % 10}", "lengths of time"),
        (lambda i: f"{3 * i}:{i % 60:02d}:07", "lengths of time"),
        (lambda i: f"PT{i % 9}H{i % 60}M", "lengths of time"),
        (lambda i: f"{i % 3} days 00:{i % 60:02d}:00", "lengths of time"),
        (lambda i: f"{'$€'[i % 2]}{i}.50", "numbers written in several ways"),
        (lambda i: f"{i}%" if i % 2 else f"0.{i}", "numbers written in several ways"),
        (lambda i: f"{i % 90 + 10},{i % 100:02d},{i:03d}", "numbers written in several ways"),
        (lambda i: "<0.1" if i % 2 else f"0.{i}5", "numbers, but a cell like"),
        (lambda i: "unknown" if i % 2 else f"{i}", "numbers, but a cell like"),
        (lambda i: f"2024-01-{i % 28 + 1:02d}" if i % 2 else f"{i % 28 + 1:02d}.03.2024",
         "dates, some written"),
        (lambda i: f"{i % 28 + 1:02d}.03.{(50 + i) % 100:02d}", "may be 1968 or 2068"),
        (lambda i: "".join("٠١٢٣٤٥٦٧٨٩"[int(d)] for d in f"{i + 10}"), "of another script"),
    ],
)  # fmt: skip
def test_what_is_measured_is_no_category_and_no_key_however_it_is_written(tmp_path, cell, note):
    rows = "".join(f'"{cell(i)}",{i % 17}.5\n' for i in range(120))
    source = read_source(csv(tmp_path, f"x,y\n{rows}"))
    column = infer_plan(source, "y").columns[0]
    assert column.kind == "mixed"
    assert note in column.note


@pytest.mark.parametrize(("cell", "lost"), [("-0.0", True), ("0.0", False), ("-1.0", False)])
def test_a_zero_that_loses_its_minus_is_told(tmp_path, cell, lost):
    rows = "".join(f"{cell if i % 3 else i / 2},{i % 17}.5\n" for i in range(60))
    column = infer_plan(read_source(csv(tmp_path, f"x,y\n{rows}")), "y").columns[0]
    assert column.kind == "number"
    assert ("a zero loses its minus" in column.note) is lost


def test_codes_among_words_are_categories(tmp_path):
    rows = "".join(f"{i % 24 if i % 3 else 'V57'},{i % 7}:1,{i % 17}.5\n" for i in range(240))
    path = csv(tmp_path, f"code,ratio,y\n{rows}")
    assert kinds(path, "y") == {"code": "category", "ratio": "category", "y": "number"}


def test_a_point_of_a_unit_is_no_decimal_point(tmp_path):
    lines = ["size;minutes"] + [f"{i % 7},5;{i} min." for i in range(50)]
    path = csv(tmp_path, "\n".join(lines) + "\n")
    assert kinds(path, "minutes") == {"size": "number", "minutes": "number"}


def test_a_number_of_many_digits_is_read_to_the_last_bit(tmp_path):
    numbers = np.random.default_rng(0).random(500)
    rows = "".join(f"{i % 3},{float(v)!r}\n" for i, v in enumerate(numbers))
    frame, _ = learnt(csv(tmp_path, f"kind,cost\n{rows}"), "cost")
    assert (frame["cost"].to_numpy() == numbers).all()


# --- forms ------------------------------------------------------------------------------------


def test_rare_values_are_learnt_as_one_and_never_come_back(tmp_path):
    lines = ["firm,cost"] + [f"{'Solo' if i == 7 else f'F{i % 4}'},{i}.5" for i in range(60)]
    frame, form = learnt(csv(tmp_path, "\n".join(lines) + "\n"), "cost", min_count=5)
    assert form.schema.categorical["firm"] == ("F0", "F1", "F2", "F3", "(other)")
    assert form.n_suppressed == {"firm": 1}
    assert form.restore(form.prepare(frame)).firm[7] == "(other)"
    assert "Solo" not in str(form.to_plain())


def test_the_form_survives_json(tmp_path):
    import json

    lines = ["firm,made,cost"] + [f"F{i % 4},2026-01-{1 + i % 28:02d},{i}.5" for i in range(60)]
    frame, form = learnt(csv(tmp_path, "\n".join(lines) + "\n"), "cost")
    again = TableForm.from_plain(json.loads(json.dumps(form.to_plain())))
    assert again == form
    pd.testing.assert_frame_equal(again.prepare(frame), form.prepare(frame))


# --- bad input --------------------------------------------------------------------------------

GOOD = "a,b\n" + "".join(f"{i % 9},{i}.5\n" for i in range(30))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n\n", "holds nothing but empty lines"),
        ('""', "holds nothing but empty lines"),
        ('sep=;\n"\n', "holds nothing but empty lines"),
        (
            '"a,b\n1,2\n3,4\n',
            "check that every quotation mark that is opened is closed",
        ),
        ("a,b\n", "has a header and no rows"),
        ("a\n1\n2\n", "has one column, 'a'"),
        ("a:b\n1:2\n", "has one column, 'a:b'"),
        ("a,b,a\n1,2,3\n", "columns named more than once: ['a']"),
        ("a,b\n1,2\n3,4,5\n", "data row 2 has 3 cells and the header 2"),
        ("a,b,c\n1,2,3\n4,5\n", "data row 2 has 2 cells and the header 3"),
        ("a,b\n1,\x002\n", "is not a text file"),
    ],
)
def test_a_csv_that_cannot_be_read_is_refused_with_its_name(tmp_path, text, message):
    path = csv(tmp_path, text)
    with pytest.raises(TableError, match=r"table\.csv") as caught:
        read_source(path)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("cells", "encoding"),
    [
        (("муж", "жен"), "cp1251"),
        (("άνδρας", "γυναίκα"), "cp1253"),
        (("żółty", "małopolskie"), "cp1250"),
        (("北京", "上海"), "gb18030"),
        (("Müller", "Böhm"), "cp850"),
        (("a", "b"), "utf-16-le"),
    ],
)
def test_another_code_page_is_read_when_it_is_named(tmp_path, cells, encoding):
    text = "w;n\n" + "".join(f"{cell};{i}\n" for i, cell in enumerate(cells))
    path = csv(tmp_path, text, encoding)
    with pytest.raises(TableError, match="--encoding"):
        read_source(path)
    source = read_source(path, encoding=encoding)
    assert source.cells.w.tolist() == [*cells]
    assert source.encoding == encoding
    with pytest.raises(TableError, match="unknown encoding: klingon"):
        read_source(path, encoding="klingon")


@pytest.mark.parametrize("cell", ["İÇİŞLERİ", "öğüt", "W/m²K", "Forêt", "°C", "3·4"])
def test_turkish_and_western_text_is_read_without_being_asked(tmp_path, cell):
    source = read_source(csv(tmp_path, f"w;n\n{cell};1\n", "cp1254"))
    assert source.cells.w.tolist() == [cell]
    assert "read in cp1254" in source.notes[0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.tsv", "a\tb\n1\t2,5\n"),
        ("t.txt", "a;b\n1;2,5\n"),
        ("t.csv.gz", "a;b\n1;2,5\n"),
        ("t.csv", "sep=;\r\na;b\r\n1;2,5\r\n"),
        ("of.x.csv", "sep=:\na:b\n1:2,5\n"),
    ],
)
def test_text_is_read_whatever_its_suffix_packed_or_with_a_word_to_excel(tmp_path, name, text):
    data = text.encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    source = read_source(tmp_path / name)
    assert source.format == "csv"
    assert source.cells.to_dict("list") == {"a": ["1"], "b": ["2,5"]}
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(data)[:-9])
    with pytest.raises(TableError, match="cannot be unpacked"):
        read_source(tmp_path / "cut.csv.gz")


def test_a_missing_file_a_folder_and_an_unknown_kind_are_refused(tmp_path):
    (tmp_path / "table.doc").write_text(GOOD)
    for path, message in (
        (tmp_path / "no.csv", "there is no such file"),
        (tmp_path, "is a folder"),
        (tmp_path / "table.doc", "files of type '.doc' are not known"),
    ):
        with pytest.raises(TableError, match=message):
            read_source(path)


def test_a_file_that_was_cut_off_is_refused(tmp_path):
    frame = pd.DataFrame({"a": range(30), "b": np.arange(30) / 2})
    for kind, save in (("parquet", frame.to_parquet), ("xlsx", frame.to_excel)):
        path = tmp_path / f"table.{kind}"
        save(path, index=False)
        path.write_bytes(path.read_bytes()[:-200])
        with pytest.raises(TableError, match=f"cannot be read as {kind.upper()[:1]}"):
            read_source(path)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["1", "inf"], "'b' is a mixture (infinite values, a cell like 'aaa' in data row 2)"),
        (["1", "1e999"], "'b' is a mixture (numbers beyond 1e+150"),
        (["12-34", "2"], "'b' is a mixture (numbers, but a cell like '99-99' in data row 1"),
        (["1,234.5", "2"], None),
        (
            ["2026-02-30", "2026-02-01"],
            "'b' is a mixture (dates, but a cell like '9999-99-99' in data row 1",
        ),
        (["", "1"], None),
    ],
)
def test_a_wrong_cell_is_named_with_its_row(tmp_path, cells, message):
    filler = cells[1] if cells[1][:2] == "20" else "7"
    lines = ["a,b"] + [f'{i},"{c}"' for i, c in enumerate(cells)]
    lines += [f"{i}.5,{filler}" for i in range(30)]
    path = csv(tmp_path, "\n".join(lines) + "\n")
    plan = infer_plan(read_source(path), "a")
    if message is None:
        check_plan(plan, path)
        return
    with pytest.raises(TableError) as caught:
        check_plan(plan, path)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([f"{i},5" for i in range(30)], "'b' is constant (always a cell like '9'), and the target"),
        ([f"{i},word{i}" for i in range(30)], "'b' is an identifier"),
        ([f"{i}.5,{i % 4 or ''}" for i in range(30)], "the target 'b' is missing in 8 rows"),
    ],
)
def test_a_target_that_cannot_be_predicted_is_refused(tmp_path, rows, message):
    with pytest.raises(TableError) as caught:
        learnt(csv(tmp_path, "a,b\n" + "\n".join(rows) + "\n"), "b")
    assert message in str(caught.value)
    with pytest.raises(TableError, match="no column 'c' to predict"):
        infer_plan(read_source(tmp_path / "table.csv"), "c")


def test_a_file_that_exists_is_never_overwritten_and_a_broken_one_never_appears(tmp_path):
    path = tmp_path / "there.csv"
    path.write_text("old")
    with pytest.raises(TableError, match="exists and is not overwritten"), new_file(path):
        pass
    with pytest.raises(TypeError), new_file(tmp_path / "new.csv") as partial:
        partial.write_text(b"no text")
    assert [p.name for p in tmp_path.iterdir()] == ["there.csv"]
    assert path.read_text() == "old"
