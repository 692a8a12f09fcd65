"""Nothing silently wrong and nothing lost: forms of cells, odd files, folders that are taken."""

import argparse
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from sklearn.metrics import roc_auc_score

from synthtab.attacks.run import run_attacks
from synthtab.cli import carry_out, main
from synthtab.diffusion.model_file import load_model
from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.evaluation.utility import Prediction, resampled_scores, tstr
from synthtab.sharing import load_bundle, sample_to_file, save_bundle, share
from synthtab.sharing.columns import check_plan, infer_plan, read_plan, read_schema
from synthtab.sharing.form import TableForm, typed
from synthtab.sharing.judging import judge_in_time
from synthtab.sharing.source import TableError, read_source, showing_values
from synthtab.sharing.workplace import new_file, new_folder, refuse_small_disk, refuse_taken
from synthtab.sharing.writer import row_writer
from synthtab.table.example import example_table
from synthtab.table.schema import Schema
from synthtab.table.split import PrivacySplit

N = 60


def csv(folder: Path, cells: list[str], separator: str = ",", name: str = "v") -> Path:
    """A file with a category, these cells, repeated, and a target."""
    quoted = [f'"{c}"' if separator in c else c for c in cells]
    lines = [separator.join(["k", name, "y"])]
    lines += [
        separator.join([f"k{i % 3}", quoted[i % len(quoted)], f"{i % 7}.5"]) for i in range(N)
    ]
    path = folder / "table.csv"
    path.write_bytes(("\n".join(lines) + "\n").encode())
    return path


def again(path: Path, plan=None, **reading) -> Path:
    source = read_source(path, **reading)
    plan = plan or infer_plan(source, "y")
    check_plan(plan, path)
    frame = typed(source, plan)
    form = TableForm.fit(frame, source, plan)
    out = path.with_name(f"again{path.suffix}")
    with row_writer(out, form) as writer:
        writer.write(form.restore(form.prepare(frame, random_state=0)))
    return out


def kind(path: Path, name: str = "v", **reading) -> str:
    plan = infer_plan(read_source(path, **reading), "y")
    return next(c.kind for c in plan.columns if c.name == name)


# --- the column's own form --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "separator"),
    [
        ([".53", ".8", "-.07", "1.2"], ","),
        (["0.0", "1.5", "2.25"], ","),
        (["3.8e+00", "1.2e-03", "-4.0e+10"], ","),
        (["1.5E+003", "2.5E-010"], ","),
        (["1,234.50", "7.00", "-12.25"], ","),
        (["1.234,50", "7,00"], ";"),
        (["1 234,5", "7,5"], ";"),
        (["1.234.567", "2.345", "12"], ";"),
        (["$5.00", "$1,200.50", "-$3.25"], ","),
        (["(5.00)", "7.00"], ","),
        (["5.00-", "7.00"], ","),
        (["% 43,7", "% 1,2"], ";"),
        (["12 kg", "7 kg"], ","),
        (["+5", "-3"], ","),
        (["1.1.2024", "13.12.2024"], ","),
        (["2024-01-01T00:00:00+03:00", "2024-06-01T13:45:00+03:00"], ","),
        (["2024-01-01T00:00:00Z", "2024-06-01T13:45:00Z"], ","),
        (["2024-01-01 00:00:00.125", "2024-06-01 13:45:00.250"], ","),
        (["2024-01-01 00:00:00.000125", "2024-06-01 13:45:00.250000"], ","),
        (["Jan 01, 2024", "Feb 13, 2024"], ","),
        (["1/13/2024 9:05 AM", "2/1/2024 10:15 PM"], ","),
        (["10:30", "23:59", "00:05"], ","),
        (["20240101", "20241231", "20240615"], ","),
        (["20240101103000", "20241231235959"], ","),
        (["2024-01-01", "9999-12-31", "2024-03-05"], ","),
        (["0001-01-01", "1500-07-09", "2024-03-05"], ","),
        (["NA", "DE", "null", "None"], ","),
        (["NA", "1.5", "2.5"], ","),
        (["1000000000000000174218", "1000000000000000308841"], ","),
        (["9007199254740993", "9007199254740995"], ","),
        (["02474", "10001"], ","),
        (["0.1", "1e-05", "3.25"], ","),
        (["1e-05", "0.0001234", "123456", "1e+06"], ","),
        (["1E-05", "0.0001234", "1234567"], ","),
        (["1e-05", "1.25e-06", "3.4028235e+38"], ","),
        (["1e3", "1012.3", "998"], ","),
        (["1e+05", "71400", "5380000", "1.1e+07", "1e-04"], ","),
    ],
)
def test_cells_come_back_as_they_were(tmp_path, cells, separator):
    path = csv(tmp_path, cells, separator)
    assert again(path).read_bytes() == path.read_bytes()


def test_a_time_between_two_is_written_with_its_fractions_and_its_zone(tmp_path):
    path = csv(tmp_path, ["2024-01-01T10:00:00.250+03:00", "2024-01-01T11:00:00.750+03:00"])
    source = read_source(path)
    plan = infer_plan(source, "y")
    frame = typed(source, plan)
    form = TableForm.fit(frame, source, plan)
    prepared = form.prepare(frame)
    prepared["v"] = int(prepared["v"].mean())
    with row_writer(tmp_path / "mean.csv", form) as writer:
        writer.write(form.restore(prepared))
    assert ",2024-01-01T10:30:00.500+03:00," in (tmp_path / "mean.csv").read_text()


@pytest.mark.parametrize(
    ("cells", "separator", "message"),
    [
        (["4.123", "950"], ";", "can be read as 4.123 or as 4123"),
        (["4.123", "950"], ",", "can be read as 4.123 or as 4123"),
        (["4,123", "950"], ",", "can be read as 4.123 or as 4123"),
        (["4,123", "5,987"], ";", "say which with --decimal ',' or --thousands ','"),
        (["2024-01-01T00:00:00+03:00", "2024-07-01T00:00:00+02:00"], ",", "of several zones"),
        (["12 kg", "13 kg", "14 kg", "15 kg", "9 g"], ",", "in one unit"),
        (["1.5", "2.5", "3.5", "4.5", "5.5", "?"], ",", "give it to --na-values"),
        (["20240101", "20241301", *(f"202402{i:02d}" for i in range(1, 29))], ",", "but a cell"),
        (["0.12345678901234567891", "0.5"], ",", "more than can be held exactly"),
        (["1e200", "2e200"], ",", "cannot be computed with"),
        (["1.5E-5", "0.00100", "3"], ",", "several ways, some with an exponent"),
        (["1e3", "1E4"], ",", "written in several ways"),
        (["1.234,5", "1234,5"], ";", "some with a mark between thousands"),
        (["+1.5", "2.5"], ",", "some with a plus"),
    ],
)
def test_what_can_be_read_in_two_ways_or_not_held_is_refused(tmp_path, cells, separator, message):
    path = csv(tmp_path, cells, separator)
    plan = infer_plan(read_source(path), "y")
    if message == "more than can be held exactly":
        assert plan.columns[1].kind == "category"
        assert message in plan.columns[1].note
        return
    with pytest.raises(TableError) as caught:
        check_plan(plan, path)
    assert message in str(caught.value)
    assert "column 'v'" in str(caught.value)


def test_the_owner_lets_numbers_be_written_one_way(tmp_path):
    path = csv(tmp_path, ["1.234,5", "1234,5"], ";")
    plan = read_schema(read_source(path), "y", None, kinds={"v": {"kind": "number"}})
    assert set(again(path, plan).read_text().splitlines()[1:]) >= {"k0;1.234,5;0.5"}
    assert read_source(path).cells.v[1] == "1234,5"


def test_zeros_at_the_end_that_do_not_come_back_are_told(tmp_path):
    for cells, is_told in ((["1.50", "2", "3.25"], True), (["1.5", "2.25"], False)):
        column = infer_plan(read_source(csv(tmp_path, cells)), "y").columns[1]
        assert ("zeros at their end" in column.note) is is_told


@pytest.mark.parametrize(
    ("cells", "mark"),
    [
        ([12, 15, 17, -999], "-999"),
        ([0.5, 0.7, 99], "99"),
        ([3, 0, -1], "-1"),
        ([1, 3, 9, 12], ""),
        ([20, 99, 98, 60], ""),
        ([-5, 3, -1], ""),
    ],
)
def test_a_value_that_may_mean_none_is_pointed_out(tmp_path, cells, mark):
    column = infer_plan(read_source(csv(tmp_path, [*map(str, cells)])), "y").columns[1]
    assert column.kind == "number"
    assert column.note.partition(" stands apart")[0] == mark


def test_short_floats_keep_the_digits_they_are_shown_with(tmp_path):
    rows = {"v": pa.array([i / 10 for i in range(N)], pa.float32()), "y": np.arange(N) / 2}
    pq.write_table(pa.table(rows), tmp_path / "t.parquet")
    source = read_source(tmp_path / "t.parquet")
    frame = typed(source, infer_plan(source, "y"))
    assert frame.v.tolist() == [i / 10 for i in range(N)]
    assert pq.read_table(again(tmp_path / "t.parquet")).equals(pa.table(rows))


def test_the_owner_says_which_mark_it_is(tmp_path):
    path = csv(tmp_path, ["4.123", "950"], ";")
    assert typed(s := read_source(path, thousands="."), infer_plan(s, "y")).v[0] == 4123
    path.write_text(path.read_text().replace(".5\n", ",5\n"))
    out = again(path, thousands=".")
    assert out.read_bytes() == path.read_bytes()
    assert typed(s := read_source(path, decimal="."), infer_plan(s, "k")).v[0] == 4.123


def test_a_number_that_cannot_be_held_is_never_cast(tmp_path):
    path = csv(tmp_path, [f"{2**53 + i}" for i in range(N)])
    plan = infer_plan(read_source(path), "y")
    assert plan.columns[1].kind == "identifier"
    entry = "columns: {v: {kind: number}}"
    with pytest.raises(TableError, match="more than can be held exactly"):
        read_plan(entry, read_source(path), "y", "s")
    amounts = pa.array([f"123456789012345678.{i:02d}" for i in range(N)]).cast(pa.decimal128(30, 2))
    ids = pa.array([None if i % 9 == 0 else 2**62 + i for i in range(N)], pa.int64())
    table = pa.table({"v": amounts, "id": ids, "y": pa.array(np.arange(N) / 2)})
    pq.write_table(table, tmp_path / "t.parquet")
    columns = infer_plan(read_source(tmp_path / "t.parquet"), "y").columns
    assert [c.kind for c in columns] == ["mixed", "identifier", "number"]


def test_parquet_keeps_fractions_zones_and_days_beyond_2262(tmp_path):
    hours = pd.Series(pd.date_range("2024-03-30", periods=N, freq="90min", tz="Europe/Istanbul"))
    late = np.array(["9999-12-31", "2024-05-06T07:08:09.000123"] * (N // 2), dtype="datetime64[us]")
    table = pa.table(
        {
            "zone": pa.array(hours).cast(pa.timestamp("us", tz="Europe/Istanbul")),
            "late": pa.array(late, pa.timestamp("us")),
            "day": pa.array([20240101 + i % 28 for i in range(N)], pa.int32()),
            "y": pa.array(np.arange(N) / 2),
        }
    )
    path = tmp_path / "t.parquet"
    pq.write_table(table, path)
    assert [c.kind for c in infer_plan(read_source(path), "y").columns] == ["date"] * 3 + ["number"]
    assert pq.read_table(again(path)).equals(table)
    nanos = pa.array([10**9 * i + 1 for i in range(N)], pa.timestamp("ns"))
    pq.write_table(table.set_column(0, "zone", nanos), path)
    with pytest.raises(TableError, match=r"column 'zone'.*more digits than can be kept"):
        again(path)


def test_a_day_without_an_end_is_never_mixed_with_the_others(tmp_path):
    path = csv(tmp_path, ["2024-01-01", "2024-03-05", "9999-12-31"])
    source = read_source(path)
    frame = typed(source, plan := infer_plan(source, "y"))
    form = TableForm.fit(frame, source, plan)
    assert form.schema.categorical["v is missing"] == ("no", "9999-12-31 00:00:00")
    assert form.prepare(frame, random_state=0)["v"].max() < 20_000


def test_a_target_of_two_values_is_a_class_unless_it_is_called_a_number(tmp_path):
    path = csv(tmp_path, ["0", "1", "1"])
    source = read_source(path)
    assert "so a class" in next(c for c in infer_plan(source, "v").columns if c.name == "v").note
    assert kind(path) == "number"
    plan = read_schema(source, "v", None, kinds={"v": {"kind": "number"}})
    assert plan.columns[1].kind == "number"


def test_missing_values_are_what_the_owner_says(tmp_path):
    path = csv(tmp_path, ["-999", "3", "4", "5"])
    source = read_source(path, missing=["-999"])
    frame = typed(source, infer_plan(source, "y"))
    assert frame.v.isna().sum() == N // 4
    assert again(path, missing=["-999"]).read_bytes() == path.read_bytes()


def test_messages_show_no_cell_unless_asked_to(tmp_path):
    path = csv(tmp_path, ["Ada Lovelace 36", *map(str, range(9))])
    with pytest.raises(TableError, match="a cell like 'aaa aaaaaaaa 99'"):
        check_plan(infer_plan(read_source(path), "y"), path)
    with showing_values(), pytest.raises(TableError, match="but 'Ada Lovelace 36' in data row 1"):
        check_plan(infer_plan(read_source(path), "y"), path)


# --- odd files --------------------------------------------------------------------------------

ROWS = "".join(f"{i % 7},w{i % 3},{i}.5\n" for i in range(40))


def test_a_first_row_like_the_others_is_refused_until_its_owner_decides(tmp_path, capsys):
    path = tmp_path / "t.csv"
    path.write_text(ROWS)
    assert main(["info", str(path), "--target", "column_3"]) == 2
    assert "--no-header if it is a row of the table" in capsys.readouterr().err
    assert main(["info", str(path), "--target", "column_3", "--no-header"]) == 0
    assert '"column_3": {kind: number' in capsys.readouterr().out
    source = read_source(path, header=False)
    assert len(source.cells) == 40
    plan = infer_plan(source, "column_3")
    frame = typed(source, plan)
    form = TableForm.fit(frame, source, plan)
    with row_writer(tmp_path / "again.csv", form) as writer:
        writer.write(form.restore(form.prepare(frame)))
    assert (tmp_path / "again.csv").read_text() == ROWS
    assert len(read_source(path, header=True).cells) == 39


@pytest.mark.parametrize(
    "header", ["size,word,cost", "2019,2020,2021", "1,kind,cost", "w0,w1,cost", "0,1,2"]
)
def test_names_are_taken_for_names(tmp_path, header):
    (tmp_path / "t.csv").write_text(f"{header}\n{ROWS}")
    assert list(read_source(tmp_path / "t.csv").cells) == header.split(",")


def test_line_ends_blank_names_trailing_separators_and_long_names_are_read(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(f"a,b,y\n{ROWS}".replace("\n", "\r").encode())
    source = read_source(path)
    assert (source.line_end, source.cells.shape) == ("\r", (40, 3))
    path.write_text(f",b,y\n{ROWS}")
    source = read_source(path)
    assert list(source.cells) == ["Unnamed: 0", "b", "y"]
    assert again(path).read_text().startswith(",b,y\n")
    for text in (f"a,b,y,\n{ROWS}".replace("5\n", "5,\n"), f"a,b,y,\n{ROWS}",
                 f"a,b,y\n{ROWS}".replace("5\n", "5,\n")):  # fmt: skip
        path.write_text(text)
        source = read_source(path)
        assert list(source.cells) == ["a", "b", "y"]
        assert "left out" in source.notes[0]
    path.write_text(f'a,"b\nper unit",y\n{ROWS}')
    assert list(read_source(path).cells) == ["a", "b\nper unit", "y"]
    path.write_text(f"a,{'b' * 140_000},y\n{ROWS}")
    assert read_source(path).cells.shape == (40, 3)


def test_a_spreadsheet_may_have_a_column_named_na(tmp_path):
    frame = pd.DataFrame({"k": ["NA", "x"] * 20, "NA": np.arange(40) % 7, "y": np.arange(40) / 4})
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    out = pd.read_excel(again(tmp_path / "t.xlsx"), keep_default_na=False)
    pd.testing.assert_frame_equal(out, frame, check_dtype=False)


# --- wishes and schemas -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('{kind: date, format: "%d-%q"}', "'%q', which is no part of a date"),
        ("{kind: date, format: 7}", "format is 7"),
        ("{kind: number, decimals: -1}", "decimals is -1"),
        ("{kind: number, prefix: 3}", "prefix is 3, should be text"),
        ("{kind: number, negative: [1, 2]}", "negative should be"),
        ("{kind: number, exponent: x}", "exponent should be"),
        ("{kind: date}", "a date needs its format"),
        ("[kind]", "kind should be one of"),
    ],
)
def test_a_schema_that_cannot_be_is_refused_before_anything_else(tmp_path, entry, message):
    source = read_source(csv(tmp_path, ["7", "8", "9"]))
    with pytest.raises(TableError) as caught:
        read_plan(f"columns: {{v: {entry}}}", source, "y", "schema.yaml")
    assert message in str(caught.value)


def test_a_seed_that_is_none_and_kinds_that_clash_are_refused(tmp_path, capsys):
    path = csv(tmp_path, ["7", "8", "9"])
    asked = ["share", "--seed", "0", str(path), "--target", "y", "--out", str(tmp_path / "out")]
    for seed in ("-1", "4294967296", "x"):
        with pytest.raises(SystemExit, match="2"):
            main([*asked, "--seed", seed])
    assert main([*asked, "--number", "v", "--category", "v"]) == 2
    assert "more than one kind" in capsys.readouterr().err
    assert main([*asked, "--date", "v=%d"]) == 2
    assert main([*asked, "--date", "nowhere"]) == 2
    assert "'nowhere' is not in" in capsys.readouterr().err


def test_a_target_that_no_held_out_row_can_judge_is_refused_before_the_training(tmp_path, capsys):
    rows = [f"k{i % 3},{i % 9},{'yes' if i == 5 else 'no'}\n" for i in range(300)]
    (tmp_path / "t.csv").write_text("k,v,y\n" + "".join(rows))
    asked = ["share", str(tmp_path / "t.csv"), "--target", "y", "--seed", "0"]
    asked += ["--out", str(tmp_path / "out")]
    assert main(asked) == 2
    assert "1 of 300 rows have another" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


# --- folders and files ------------------------------------------------------------------------


def test_a_second_run_into_one_folder_is_refused_and_the_first_ends_well(tmp_path):
    out = tmp_path / "deep" / "out"
    with new_folder(out) as folder:
        (folder / "card").write_text("first")
        for second in (lambda: new_folder(out).__enter__(), lambda: refuse_taken(out)):
            with pytest.raises(TableError, match="another run is writing there"):
                second()
    assert [p.name for p in out.iterdir()] == ["card"]
    with pytest.raises(TableError, match="is not overwritten"):
        refuse_taken(out)
    with new_file(tmp_path / "t.csv") as partial:
        partial.write_text("first")
        with pytest.raises(TableError, match="another run"), new_file(tmp_path / "t.csv"):
            pass
    assert (tmp_path / "t.csv").read_text() == "first"


def test_a_run_that_fails_leaves_neither_the_folder_nor_its_parents(tmp_path):
    def fail(out: Path) -> None:
        with new_folder(out) as folder:
            (folder / "card").write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "b").mkdir()
    with pytest.raises(ZeroDivisionError):
        fail(tmp_path / "b")
    assert list((tmp_path / "b").iterdir()) == []


def test_a_link_to_a_folder_is_filled_and_a_file_in_the_way_is_told(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "there")
    with new_folder(tmp_path / "link") as folder:
        (folder / "card").write_text("pass")
    assert (tmp_path / "there" / "card").read_text() == "pass"
    assert (tmp_path / "link").is_symlink()
    with pytest.raises(TableError, match="is no folder"):
        refuse_taken(tmp_path / "there" / "card" / "out")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(TableError, match="is no folder"):
        refuse_taken(tmp_path / "loop")
    with pytest.raises(TableError, match="are free, and about"):
        refuse_small_disk(tmp_path, 1e18)


def test_what_a_killed_run_has_left_is_cleared_by_the_next(tmp_path):
    code = (
        "import sys, time; from synthtab.sharing.workplace import new_folder\n"
        "with new_folder(sys.argv[1]) as folder:\n"
        "    (folder / 'half').mkdir(); print('in', flush=True); time.sleep(60)\n"
    )
    out = tmp_path / "out"
    process = subprocess.Popen([sys.executable, "-c", code, out], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"in\n"
    with pytest.raises(TableError, match="another run is writing there"):
        refuse_taken(out)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not out.exists()
    assert list(tmp_path.rglob("half"))
    with new_folder(out) as folder:
        assert [p.name for p in folder.iterdir()] == ["lock"]
        (folder / "card").write_text("pass")
    assert [p.name for p in out.iterdir()] == ["card"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


# --- models -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    path = csv(folder, ["NA", "1.50", "20.25"])
    source = read_source(path)
    frame = typed(source, plan := infer_plan(source, "y"))
    form = TableForm.fit(frame, source, plan)
    model = HybridDiffusion(n_iter=2, random_state=0).fit(form.prepare(frame), form.schema)
    save_bundle(model, form, folder / "model", kept_back=["membership"])
    return folder / "model"


def test_a_model_is_for_its_owners_eyes_and_keeps_the_verdict(bundle, tmp_path, capsys):
    assert bundle.stat().st_mode & 0o777 == 0o700
    assert {p.stat().st_mode & 0o777 for p in bundle.iterdir()} == {0o600}
    asked = ["sample", str(bundle), "-n", "20", "--out", str(tmp_path / "rows.csv")]
    assert main(asked) == 2
    assert "was kept back (membership)" in capsys.readouterr().err
    out = tmp_path / "rows.csv"
    for refused in (
        lambda: load_bundle(bundle),
        lambda: sample_to_file(bundle, 20, out),
        lambda: load_model(bundle / "model.pt").sample(20),
    ):
        with pytest.raises(ValueError, match=r"kept back \(membership\).*release_anyway=True"):
            refused()
    assert list(tmp_path.iterdir()) == []
    assert main([*asked, "--release-anyway"]) == 0
    assert len(out.read_text().splitlines()) == 21
    assert "- membership\n" in (tmp_path / "rows.csv.NOT_RELEASED.txt").read_text()
    assert len(load_model(bundle / "model.pt", release_anyway=True).sample(20)) == 20
    sample_to_file(bundle, 9, tmp_path / "rows", release_anyway=True)
    assert "- membership\n" in (tmp_path / "rows.NOT_RELEASED.txt").read_text()
    with pytest.raises(TableError, match="exists and is not overwritten"):
        sample_to_file(bundle, 9, out, release_anyway=True)
    assert (tmp_path / "rows.csv.NOT_RELEASED.txt").exists()


def _leaves(plain, path=()):
    items = plain.items() if isinstance(plain, dict) else enumerate(plain)
    for key, value in list(items):
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from _leaves(value, (*path, key))


def test_a_form_that_was_edited_is_refused_whatever_was_edited(bundle, tmp_path):
    (tmp_path / "model.pt").write_bytes((bundle / "model.pt").read_bytes())
    text = (bundle / "form.json").read_text()
    for path in _leaves(json.loads(text)):
        for value in (None, 7, "x", [], {}):
            plain = json.loads(text)
            part = plain
            for key in path[:-1]:
                part = part[key]
            if part[path[-1]] == value:
                continue
            part[path[-1]] = value
            (tmp_path / "form.json").write_text(json.dumps(plain))
            with pytest.raises(TableError, match=r"was changed|not a model of synthtab"):
                load_bundle(tmp_path)
    assert load_bundle(bundle, release_anyway=True)


def test_a_disk_that_is_too_small_for_a_model_is_told(bundle, tmp_path, monkeypatch):
    model, form = load_bundle(bundle, release_anyway=True)

    def full(*_, **__):
        raise RuntimeError("unexpected pos 64 vs 0")

    monkeypatch.setattr("synthtab.sharing.bundle.save_model", full)
    with pytest.raises(OSError, match="unexpected pos"):
        save_bundle(model, form, tmp_path / "model")
    sample_to_file(bundle, 5, tmp_path / "rows.csv", random_state=0, release_anyway=True)


# --- the judgement ----------------------------------------------------------------------------


def test_rows_that_stand_equally_alone_are_taken_from_both_sides():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.integers(0, 2, (300, 2)).astype(str), columns=["a", "b"]).astype(
        object
    )
    schema = Schema.infer(frame, target="b")
    parts = [frame.iloc[i : i + 100].reset_index(drop=True) for i in (0, 100, 200)]
    found = run_attacks(PrivacySplit(*parts, schema), parts[0], random_state=0)
    assert set(found.isolated) == set(found.membership)


def test_a_table_of_one_class_teaches_nothing():
    data = example_table(200)
    schema = Schema(data.schema.columns, data.schema.categorical, "service")
    one = data.frame[data.frame.service == "express"]
    one = one if len(one) else data.frame[data.frame.service == data.frame.service.iloc[0]]
    scores = tstr(one, data.frame, schema, reference=data.frame, random_state=0)
    assert (scores[scores.metric == "auc"].value == 0.5).all()


def test_resampled_aucs_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    truth = pd.Series(rng.choice(["a", "b", "c"], 50))
    probability = rng.dirichlet([1, 1, 1], 50).round(1)  # with ties
    picks = rng.integers(50, size=(20, 50))
    found = resampled_scores(
        Prediction(truth.to_numpy(), probability, np.array(["a", "b", "c"])), truth, picks
    )
    for value, pick in zip(found, picks, strict=True):
        y, p = truth.to_numpy()[pick], probability[pick]
        expected = [roc_auc_score(y == c, p[:, j]) for j, c in enumerate("abc")]
        assert value == pytest.approx(np.mean(expected), rel=1e-12)


def test_a_judgement_without_time_is_made_on_few_rows_and_says_so():
    frame = example_table(8000).frame
    frame = frame.assign(many=[f"v{i % 300}" for i in range(len(frame))])
    schema = Schema.infer(frame, target="price_eur")
    ends = ((0, 4000), (4000, 7000), (7000, 7200), (7200, 8000))
    *parts, made = (frame[i:j].reset_index(drop=True) for i, j in ends)
    began = time.process_time()
    found = judge_in_time(PrivacySplit(*parts, schema), made, seconds=0.0, random_state=0)
    assert time.process_time() - began < 60
    text = " ".join(found.notes)
    for part in ("Of the 300 values of 'many' the 59 most frequent", "Learners were trained on 200",
                 "The attacks were made on 200 of 3,000 rows"):  # fmt: skip
        assert part in text


def test_an_interrupt_that_falls_into_a_callback_from_c_is_not_lost(capsys):
    """Python only reports an exception there, and a run would go on to its end."""

    def interrupted(options):
        ctypes.CFUNCTYPE(None)(lambda: signal.raise_signal(signal.SIGINT))()
        while time.monotonic() - started < 20:
            time.sleep(0.01)
        return 0

    parser = argparse.ArgumentParser()
    parser.set_defaults(call=interrupted, extra="share")
    # The tests may be a job of the background, in which Ctrl-C is ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    started = time.monotonic()
    try:
        assert carry_out(parser, []) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - started < 10
    assert capsys.readouterr().err == "\ninterrupted: nothing was written\n"


def test_a_frame_of_cells_that_no_file_has_is_refused_by_name():
    frame = pd.DataFrame({"y": np.arange(300.0)})
    frame["cut"] = pd.cut(frame.y, 4)
    frame["month"] = pd.period_range("2000-01", periods=300, freq="M")
    frame["sparse"] = pd.arrays.SparseArray(frame.y)
    with pytest.raises(TableError, match=r"\['cut', 'month', 'sparse'\] hold periods, intervals"):
        share(frame, target="y")


def test_dates_of_two_readings_are_asked_for(tmp_path, capsys):
    days = [f"{1 + i % 12:02d}/{1 + i % 11:02d}/2024" for i in range(300)]
    pd.DataFrame({"seen": days, "y": range(300)}).to_csv(tmp_path / "t.csv", index=False)
    asked = ["share", str(tmp_path / "t.csv"), "--target", "y", "--seed", "0"]
    asked += ["--out", str(tmp_path / "out")]
    assert main(asked) == 2
    told = capsys.readouterr().err
    assert "%m/%d/%Y would fit as well: say which by --date 'seen=%d/%m/%Y'" in told
    kinds = {"seen": {"kind": "date", "format": "%m/%d/%Y"}}
    plan = read_schema(read_source(tmp_path / "t.csv"), "y", None, kinds=kinds)
    check_plan(plan, "t.csv")


def test_names_steer_neither_a_terminal_nor_the_direction_of_writing(tmp_path, capsys):
    evil = ["x\u202ey", "\x1b[2Ja", "b\u2066\x9b", "c\u2029"]
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(300, 4)).round(3), columns=evil)
    rows[evil[1]] = rows[evil[0]] - 9.5  # a relation, which names both in a comment
    rows.to_parquet(tmp_path / "t.parquet", index=False)
    asked = ["info", str(tmp_path / "t.parquet"), "--target", evil[0]]
    for more in ([], ["--private-template"]):
        assert main([*asked, *more]) == 0
        told = capsys.readouterr().out
        for name in evil:
            assert name not in told
            assert name in yaml.safe_load(told)["columns"]
    assert main(["share", *asked[1:3], "nowhere\u202e", "--out", str(tmp_path / "o")]) == 2
    told = capsys.readouterr().err
    assert not any(mark in told for mark in "\u202e\x1b\u2066\x9b\u2029")
    assert "nowhere\\u202e" in told
