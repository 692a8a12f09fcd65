"""The schema reads a table right, and refuses a wrong one by name."""

import numpy as np
import pandas as pd
import pytest

from synthtab.table.schema import Schema


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {"plant": ["b", "a", "b"], "size": [6.0, 8.0, 8.0], "minutes": [700, 800, 810]}
    )


def test_text_and_bool_are_categorical_and_numbers_are_not() -> None:
    frame = table().assign(urgent=[True, False, True])
    schema = Schema.infer(frame, target="minutes")
    assert schema.columns == ("plant", "size", "minutes", "urgent")
    assert schema.categorical == {"plant": ("a", "b"), "urgent": (False, True)}
    assert schema.numerical == ("size", "minutes")
    assert schema.features == ("plant", "size", "urgent")


def test_a_named_number_is_categorical() -> None:
    assert Schema.infer(table(), target="minutes", categorical=["size"]).categorical["size"] == (
        6.0,
        8.0,
    )


def test_categories_do_not_depend_on_the_order_of_rows() -> None:
    frame = table()
    assert Schema.infer(frame, target="minutes") == Schema.infer(frame[::-1], target="minutes")


def test_the_kind_of_the_target_is_the_task() -> None:
    assert Schema.infer(table(), target="minutes").task == "regression"
    assert Schema.infer(table(), target="plant").task == "classification"


def test_a_schema_names_every_contradiction_at_once() -> None:
    with pytest.raises(ValueError, match=r"more than once: \['a'\].*'y' is not among.*\['c'\]"):
        Schema(columns=("a", "a", "b"), categorical={"c": ("x",)}, target="y")


def test_a_category_list_may_not_be_empty() -> None:
    with pytest.raises(ValueError, match=r"without categories: \['a'\]"):
        Schema(columns=("a", "b"), categorical={"a": ()}, target="b")


def test_infer_refuses_names_that_are_not_columns() -> None:
    with pytest.raises(ValueError, match=r"not in the table: \['colour'\]"):
        Schema.infer(table(), target="minutes", categorical=["colour"])


def test_infer_refuses_repeated_columns() -> None:
    frame = pd.DataFrame([[1, 2, 3]], columns=["a", "a", "b"])
    with pytest.raises(ValueError, match=r"more than once: \['a'\]"):
        Schema.infer(frame, target="b")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="size"), r"missing columns: \['size'\]"),
        (lambda f: f.assign(extra=1), r"unexpected columns: \['extra'\]"),
        (lambda f: f[["size", "plant", "minutes"]], "not in the order"),
        (lambda f: f.iloc[:0], "no rows"),
        (lambda f: f.assign(size=[6.0, np.nan, 8.0]), r"'size': 1 missing values \(first in row 1"),
        (lambda f: f.assign(plant=["a", None, "b"]), r"'plant': 1 missing values"),
        (lambda f: f.assign(size=[6.0, 8.0, -np.inf]), r"'size': infinite value in row 2"),
        (lambda f: f.assign(size=["6", "8", "x"]), r"'size': numerical, but holds object.*'6'"),
        (lambda f: f.assign(plant=["a", "b", "z"]), r"unknown categories \['z'\]; known are"),
    ],
)
def test_a_wrong_table_is_refused_by_name(change, message: str) -> None:  # type: ignore[no-untyped-def]
    schema = Schema.infer(table(), target="minutes")
    with pytest.raises(ValueError, match=message):
        schema.validate(change(table()))


def test_all_columns_problems_come_in_one_message() -> None:
    schema = Schema.infer(table(), target="minutes")
    wrong = table().assign(size=[np.nan, 1, 2], plant=["a", "b", "z"])
    with pytest.raises(ValueError, match=r"'plant': unknown.*; column 'size': 1 missing"):
        schema.validate(wrong)
