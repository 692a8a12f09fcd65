"""The report's methods have their names, and the record of a comparison holds every score."""

from dataclasses import replace

import pytest
from sklearn.linear_model import LinearRegression

from seds500.data import load
from seds500.methods import METHOD_LABELS, OPTIONAL, methods
from seds500.pages import experiment as report
from seds500.plots import COLOURS
from synthtab.evaluation.compare import Comparison, compare
from synthtab.generators.reference import Bootstrap, IndependentMarginals
from synthtab.table.split import Dataset

LEARNERS = {"ridge": LinearRegression()}
GENERATORS = {"bootstrap": Bootstrap(), "marginals": IndependentMarginals()}


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load("013").subset(300, random_state=0)


@pytest.fixture(scope="module")
def comparison(dataset: Dataset) -> Comparison:
    return compare(dataset, GENERATORS, seeds=[0, 1, 2], learners=LEARNERS)


def test_methods_can_be_left_out_by_name_only(dataset: Dataset) -> None:
    everything = methods(dataset)
    some = methods(dataset, without=["tabddpm", "hybrid"])
    assert list(some) == [m for m in everything if m not in ("tabddpm", "hybrid")]
    with pytest.raises(ValueError, match=r"without \['SMOGN', 'real'\]: methods are \['boot"):
        methods(dataset, without=["SMOGN", "real"])
    with pytest.raises(ValueError, match=r"without is the text '\[tabddpm\]'; give a list"):
        methods(dataset, without="[tabddpm]")  # as papermill hands it over


def test_methods_that_train_long_are_taken_in_by_name(dataset: Dataset) -> None:
    assert not set(OPTIONAL) & set(methods(dataset))
    taken = methods(dataset, n_iter=7, also=["tabsyn", "stasy"], without=["tabddpm", "stasy"])
    assert set(taken) & {*OPTIONAL, "tabddpm"} == {"tabsyn"}
    assert taken["tabsyn"].get_params()["n_iter_vae"] == 7
    with pytest.raises(ValueError, match=r"also \['tabddpm'\]: optional methods are \['tabsyn'"):
        methods(dataset, also=["tabddpm"])
    with pytest.raises(ValueError, match=r"also is the text 'tabsyn'; give a list"):
        methods(dataset, also="tabsyn")


def test_the_methods_of_the_study_all_have_a_label_and_a_colour() -> None:
    everything = methods(load("013"), also=OPTIONAL)
    assert set(everything) | {"real"} == set(METHOD_LABELS) <= set(COLOURS)


def test_a_table_without_reserve_has_no_second_sample(dataset: Dataset) -> None:
    without = replace(dataset, reserve=None)
    assert "second_sample" not in methods(without)


def test_the_record_holds_every_score(dataset: Dataset, comparison: Comparison) -> None:
    record = report.as_record(dataset, comparison)
    entry = record["utility"]["replacement"]["bootstrap"]["ridge"]["r2"]
    bounds = {"mean", "low", "high", "percent", "percent_low", "percent_high"}
    assert set(entry) == bounds | {"against_real"}
    assert record["utility"]["replacement"]["marginals"]["ridge"]["r2"]["against_real"] == "below"
    assert record["hybrid_minus"] == {}
    assert record["dataset"]["n_seeds"] == 3
    assert record["rows"].keys() == {"bootstrap", "marginals"}
    assert record["fidelity"]["bootstrap"]["copies"] == 1


def test_one_seed_has_no_interval(dataset: Dataset) -> None:
    one = compare(dataset, GENERATORS, seeds=[0], learners=LEARNERS)
    entry = report.as_record(dataset, one)["utility"]["replacement"]["bootstrap"]["ridge"]["r2"]
    assert set(entry) == {"mean", "percent", "against_real"}
    assert entry["against_real"] == "unknown with one seed"
    assert "[" not in report.utility_table(one, "replacement").to_string()
