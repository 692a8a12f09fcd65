"""Records: what may be handed over, what is on disk, how a value is found."""

import json
import math
import os
import stat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seds500.records import store

keys = st.text(
    st.characters(codec="utf-8", exclude_characters=".:`"), min_size=1, max_size=8
).filter(lambda key: key == key.strip())
numbers = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.text(max_size=5) | st.booleans() | st.integers() | numbers
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
reserved = {"timings", "parameters", "provenance"}
handed_over = st.dictionaries(keys.filter(lambda key: key not in reserved), values, min_size=1)


def as_output(record: store.Record) -> dict:
    """The record as it lies in a notebook file."""
    data, metadata = record._repr_mimebundle_()
    output = {"output_type": "execute_result", "data": data, "metadata": metadata}
    cell = {"cell_type": "code", "source": "", "outputs": [output]}
    return json.loads(json.dumps({"cells": [cell]}))


def keep(folder: Path, name: str, **sections: object) -> None:
    store.save({"id": name, "notebook": "n", "parameters": {}, **sections}, folder / f"{name}.json")


@given(handed_over)
def test_a_record_comes_out_of_the_notebook_as_it_was_handed_over(record):
    assert store.extract(as_output(store.record(record))) == {"values": record}


@given(contents=handed_over)
def test_a_saved_record_loads_as_it_was(contents, tmp_path_factory):
    path = tmp_path_factory.mktemp("records") / "run.json"
    store.save(contents, path)
    assert store.load(path) == contents


def test_numpy_scalars_become_plain_numbers():
    record = store.record({"a": np.float32(0.5), "b": np.int64(3), "c": np.bool_(True)})
    cleaned = store.extract(as_output(record))["values"]
    assert cleaned == {"a": 0.5, "b": 3, "c": True}
    assert [type(value) for value in cleaned.values()] == [float, int, bool]


def test_timings_lie_apart_from_the_values():
    record = store.record({"r2": 0.5, "timings": {"fit": 1.5}})
    data, _ = record._repr_mimebundle_()
    assert data[store.MIME] == {"r2": 0.5}
    assert store.extract(as_output(record)) == {"values": {"r2": 0.5}, "timings": {"fit": 1.5}}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float64("nan")])
def test_a_number_that_is_not_finite_is_refused_with_its_path(value):
    with pytest.raises(ValueError, match=r"hybrid\.rf\.1: .* is not finite"):
        store.record({"hybrid": {"rf": [0.5, value]}})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"a": {"b.c": 1}}, r"a\.b\.c: the key 'b\.c' may not hold a dot"),
        ({"a:b": 1}, "may not hold a dot, colon or backtick"),
        ({"": 1}, "should be a string, not empty"),
        ({" a": 1}, "without blanks"),
        ({3: 1}, "the key 3 should be a string"),
        ({"a": np.zeros(2)}, r"a: ndarray is not str, .*; use \.tolist\(\)"),
        ({"a": None}, "a: NoneType is not str"),
        ({"a": (1, 2)}, "a: tuple is not str"),
        ({"parameters": {}}, "parameters: the runner writes this section"),
        ({"a": 1, "timings": 3}, "timings: should be a dictionary"),
        ({"timings": {"fit": 1.0}}, "no values at all"),
        ([1], "should be a dictionary at the top"),
    ],
)
def test_what_cannot_be_kept_is_named(values, message):
    with pytest.raises(ValueError, match=message):
        store.record(values)


def test_all_problems_of_a_record_are_told_at_once():
    with pytest.raises(ValueError, match=r"a: nan[\s\S]*b: set is not str") as caught:
        store.record({"a": math.nan, "b": {1}})
    assert str(caught.value).count("\n") == 2


@pytest.mark.parametrize("copies", [0, 2])
def test_a_notebook_holds_exactly_one_record(copies):
    notebook = as_output(store.record({"a": 1}))
    notebook["cells"] = notebook["cells"] * copies
    with pytest.raises(ValueError, match=f"holds {copies} records and should hold one"):
        store.extract(notebook)


def test_equal_records_are_equal_files(tmp_path):
    store.save({"a": 1, "b": {"c": 0.1, "d": "ü"}}, tmp_path / "one.json")
    store.save({"b": {"d": "ü", "c": 0.1}, "a": 1}, tmp_path / "two.json")
    text = (tmp_path / "one.json").read_bytes()
    assert text == (tmp_path / "two.json").read_bytes()
    assert text.endswith(b"}\n")


def test_a_saved_record_is_readable_for_all(tmp_path):
    store.save({"a": 1}, tmp_path / "run.json")
    assert stat.S_IMODE((tmp_path / "run.json").stat().st_mode) == 0o644


def test_a_save_that_fails_leaves_the_old_record_and_no_other_file(tmp_path, monkeypatch):
    path = tmp_path / "run.json"
    store.save({"a": 1}, path)
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.save({"a": math.nan}, path)

    def full(*arguments):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space left"):
        store.save({"a": 2}, path)
    assert store.load(path) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_record_is_named_with_the_command_that_makes_it(tmp_path):
    keep(tmp_path, "011_standin")
    message = (
        r"'013_standin': make it with `python -m seds500 experiments 013_standin`.*011_standin"
    )
    with pytest.raises(store.RecordError, match=message):
        store.load("013_standin", tmp_path)
    with pytest.raises(store.RecordError, match="make it with `make bench`"):
        store.load("benchmark_smogn", tmp_path)


def test_a_record_that_is_not_json_is_named(tmp_path):
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(store.RecordError, match="'run' is not JSON"):
        store.load("run", tmp_path)


def test_records_are_found_from_a_folder_below(tmp_path, monkeypatch):
    keep(tmp_path / "records", "run", values={"a": 1})
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert store.lookup(None, "run.a") == 1


def test_lookup_goes_down_from_the_values_and_into_named_sections(tmp_path):
    keep(
        tmp_path,
        "run",
        values={"hybrid": {"r2": {"mean": 0.5, "ci": [0.4, 0.6]}}},
        timings={"fit": 2.0},
        provenance={"versions": {"numpy": "2"}},
    )
    assert store.lookup(tmp_path, "run.hybrid.r2.mean") == 0.5
    assert store.lookup(tmp_path, "run.hybrid.r2.ci.1") == 0.6
    assert store.lookup(tmp_path, "run.timings.fit") == 2.0
    assert store.lookup(tmp_path, "run.provenance.versions.numpy") == "2"


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("run.hybrd.r2", "'run' has no 'hybrd'; it has hybrid, smogn"),
        ("run.hybrid.mae", r"'run\.hybrid' has no 'mae'; it has ci, r2"),
        ("run.hybrid.r2.mean", r"'run\.hybrid\.r2' is the value 0\.5 itself"),
        ("run.hybrid.ci.2", "pick an entry from 0 to 1 in place of '2'"),
    ],
)
def test_a_key_that_does_not_exist_is_told_with_its_neighbours(tmp_path, key, message):
    keep(tmp_path, "run", values={"hybrid": {"r2": 0.5, "ci": [0.4, 0.6]}, "smogn": {"r2": 0.1}})
    with pytest.raises(store.RecordError, match=message):
        store.lookup(tmp_path, key)


def test_published_figures_are_looked_up_from_the_package(tmp_path):
    published = json.loads(store.record_path("published").read_text(encoding="utf-8"))
    name, value = next(iter(published.items()))
    assert store.lookup(tmp_path, f"published.{name}") == value


@given(handed_over)
def test_a_record_does_not_differ_from_itself_run_again(contents):
    first = {"id": "a", "values": contents, "timings": {"fit": 1}, "provenance": {"cpu": "x"}}
    second = {"id": "b", "values": contents, "timings": {"fit": 2}, "provenance": {"cpu": "y"}}
    assert store.differences(first, second) == []


def test_differences_name_each_key_and_both_values():
    a = {"notebook": "013", "parameters": {"seed": 1}, "values": {"r2": 0.5, "l": [1, 2], "x": 1}}
    b = {"notebook": "013", "parameters": {"seed": 2}, "values": {"r2": 0.6, "l": [1], "y": True}}
    assert store.differences(a, b) == [
        "parameters.seed: 1 and 2",
        "values.l: [1, 2] and [1]",
        "values.r2: 0.5 and 0.6",
        "values.x: 1 only in the first",
        "values.y: True only in the second",
    ]


def test_a_tolerance_passes_the_last_digits_and_nothing_more():
    a, b = {"values": {"r2": 0.5}}, {"values": {"r2": 0.5 + 1e-12}}
    assert len(store.differences(a, b)) == 1
    assert store.differences(a, b, rel_tol=1e-9) == []
    assert len(store.differences(a, {"values": {"r2": 0.51}}, rel_tol=1e-9)) == 1


def test_true_and_one_differ():
    assert store.differences({"values": {"a": True}}, {"values": {"a": 1}}) != []
