"""The data page's tables hold what was measured."""

import pandas as pd
import pytest

from seds500.data import load
from seds500.data.standins import compare_with_published
from seds500.pages import data


def scores(n_splits: int) -> pd.DataFrame:
    rows = [
        {"learner": "rf", "metric": metric, "value": value + split, "split": split}
        for split in range(n_splits)
        for metric, value in (("r2", 0.5), ("rmse", 200.0))
    ]
    return pd.DataFrame(rows)


def test_baseline_values_are_means_and_standard_deviations() -> None:
    values = data.baseline_values(scores(3))
    assert values == {"rf": {"r2": {"mean": 1.5, "std": 1.0}, "rmse": {"mean": 201.0, "std": 1.0}}}


def test_one_split_has_no_standard_deviation() -> None:
    assert data.baseline_values(scores(1))["rf"]["r2"] == {"mean": 0.5}
    line = data.summary(load("012"), scores(1))
    assert line["R² rf"] == "0.500"


def test_baselines_are_those_of_each_split() -> None:
    dataset = load("013").subset(100, random_state=0)
    found = data.baselines(dataset, [3, 4])
    assert found.groupby("split").size().to_dict() == {3: 8, 4: 8}  # four learners, two metrics
    alone = data.baselines(dataset, [4]).value.tolist()
    assert found[found.split == 4].value.tolist() == pytest.approx(alone)


def test_the_comparison_shows_every_group_and_verdict() -> None:
    comparison = compare_with_published("013", load("013").frame)
    shown = data.comparison_table(comparison)
    assert set(shown["met"]) <= {"met", "not met"}
    points = data.group_means(comparison).axes[0].lines
    assert [len(line.get_ydata()) for line in points] == [6, 6]
