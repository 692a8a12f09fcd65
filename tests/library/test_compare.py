"""The comparison treats all methods alike, repeats itself, and states its uncertainty."""

from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression

from synthtab.evaluation.compare import Comparison, compare, paired_difference, summarise
from synthtab.evaluation.intervals import interval
from synthtab.generators.reference import Bootstrap, IndependentMarginals
from synthtab.table.example import example_table
from synthtab.table.split import Dataset

LEARNERS = {"ridge": LinearRegression()}
GENERATORS = {"bootstrap": Bootstrap(), "marginals": IndependentMarginals()}


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return example_table(300)


@pytest.fixture(scope="module")
def comparison(dataset: Dataset) -> Comparison:
    return compare(dataset, GENERATORS, seeds=[0, 1, 2], learners=LEARNERS)


def test_every_method_is_scored_in_every_setting_and_seed(
    comparison: Comparison,
) -> None:
    counts = comparison.scores.groupby(["setting", "method", "seed", "metric"]).size()
    assert len(counts) == 2 * 3 * 3 * 2
    assert (counts == 1).all()


def test_the_baseline_is_the_real_training_rows(dataset: Dataset, comparison: Comparison) -> None:
    pd.testing.assert_frame_equal(comparison.tables["real"], dataset.split(0).train)
    baseline = comparison.scores.query("method == 'real' and metric == 'r2' and seed == 1").value
    assert baseline.max() == baseline.min()  # the same in both settings
    bootstrap = comparison.scores.query("method == 'bootstrap' and metric == 'r2'")
    assert bootstrap.value.mean() == pytest.approx(baseline.mean(), abs=0.15)


def test_replacement_returns_as_many_rows_as_there_are_training_rows(
    comparison: Comparison,
) -> None:
    assert {len(t) for t in comparison.tables.values()} == {comparison.n_train}


def test_augmentation_keeps_the_real_rows(comparison: Comparison) -> None:
    # Rows without dependence replace the signal in one setting and only dilute it in the other.
    r2 = comparison.scores.query("method == 'marginals' and metric == 'r2'")
    means = r2.groupby("setting").value.mean()
    assert means["replacement"] < 0.2 < means["augmentation"]


class Remembering(Bootstrap):
    """Remembers every table it draws."""

    drawn: ClassVar[list[pd.DataFrame]] = []

    def sample(
        self, n_samples: int, *, random_state: int | np.random.Generator | None = None
    ) -> pd.DataFrame:
        self.drawn.append(super().sample(n_samples, random_state=random_state))
        return self.drawn[-1]


def test_added_rows_are_not_those_of_the_replacement(dataset: Dataset) -> None:
    Remembering.drawn.clear()
    n = len(dataset.split(0).train)
    compare(
        dataset,
        {"it": Remembering()},
        seeds=[0],
        n_added=n,
        learners=LEARNERS,
        measure_fidelity=False,
    )
    replacement, added = Remembering.drawn
    assert len(replacement) == len(added) == n
    assert not added.equals(replacement)


def test_results_do_not_depend_on_the_number_of_processes(
    dataset: Dataset, comparison: Comparison
) -> None:
    parallel = compare(dataset, GENERATORS, seeds=[0, 1, 2], learners=LEARNERS, n_jobs=2)
    pd.testing.assert_frame_equal(parallel.scores, comparison.scores)
    pd.testing.assert_frame_equal(parallel.fidelity, comparison.fidelity)


def test_a_seed_gives_the_same_result_whatever_stands_beside_it(
    dataset: Dataset, comparison: Comparison
) -> None:
    alone = compare(dataset, GENERATORS, seeds=[2], learners=LEARNERS).scores
    together = comparison.scores.query("seed == 2").reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, together)


def test_intervals_widen_with_the_overlap_of_splits(comparison: Comparison) -> None:
    summary = summarise(comparison).query("method == 'bootstrap'").iloc[0]
    values = comparison.scores.query(
        "method == 'bootstrap' and metric == 'r2' and setting == 'replacement'"
    ).value
    # Nadeau & Bengio: 1/n + n_test/n_train in place of 1/n.
    ratio = comparison.n_test / comparison.n_train
    half = stats.t.ppf(0.975, 2) * values.std() * np.sqrt(1 / 3 + ratio)
    assert summary["high"] - summary["mean"] == pytest.approx(half)


def test_intervals_of_differences_widen_with_the_overlap_of_splits() -> None:
    # Differences 1, 2, 3: mean 2, standard deviation 1. With two test rows for three training rows
    # the variance of the mean is 1/3 + 2/3 = 1, and the half width is Student's quantile itself.
    keys = {"setting": "replacement", "learner": "ridge", "metric": "r2"}
    values = {"a": [11.0, 22.0, 33.0], "b": [10.0, 20.0, 30.0]}
    scores = pd.concat(
        pd.DataFrame({"seed": [0, 1, 2], "method": method, "value": of, **keys})
        for method, of in values.items()
    )
    none = pd.DataFrame()
    compared = Comparison(scores, none, none, {}, n_train=3, n_test=2)
    row = paired_difference(compared, "a").iloc[0]
    quantile = 4.302653  # of Student's t with 2 degrees of freedom, at 0.975
    found = (row["mean"], row["low"], row["high"])
    assert found == pytest.approx((2, 2 - quantile, 2 + quantile))


def test_an_interval_covers_the_mean_at_its_level() -> None:
    rng = np.random.default_rng(0)
    bounds = [interval(values)[1:] for values in rng.normal(size=(2000, 4))]
    covered = [low <= 0 <= high for low, high in bounds]
    assert np.mean(covered) == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / 2000))


def test_fidelity_can_be_left_out_and_changes_no_score(
    dataset: Dataset, comparison: Comparison
) -> None:
    without = compare(
        dataset, GENERATORS, seeds=[0, 1, 2], learners=LEARNERS, measure_fidelity=False
    )
    assert without.fidelity.empty
    pd.testing.assert_frame_equal(without.scores, comparison.scores)


def test_copies_of_training_rows_stand_beside_chance(comparison: Comparison) -> None:
    shares = comparison.fidelity.pivot_table(index="method", columns="metric", values="value")
    bootstrap = shares.loc["bootstrap"]
    assert bootstrap["copies"] == 1
    # A bootstrap draws each training row equally often: a quarter of them here.
    assert bootstrap["copies_of_as_many"] == pytest.approx(0.25, abs=4 * np.sqrt(0.19 / 720))
    assert bootstrap["copies_of_test"] < 0.05


def test_shares_are_paired_by_seed(comparison: Comparison) -> None:
    summary = summarise(comparison)
    own = summary.query("method == 'real'")
    assert (own.percent == 100).all()
    assert (own.percent_low == 100).all()
    difference = paired_difference(comparison, "bootstrap").query("method == 'real'")
    real = own.set_index("setting")["mean"]
    mine = summary.query("method == 'bootstrap'").set_index("setting")["mean"]
    np.testing.assert_allclose(difference.set_index("setting")["mean"], (mine - real), atol=1e-12)


def test_a_method_that_was_not_compared_has_no_differences(
    comparison: Comparison,
) -> None:
    with pytest.raises(ValueError, match="no method 'hybrid' in the comparison; it has"):
        paired_difference(comparison, "hybrid")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seeds": []}, "no seeds"),
        ({"seeds": [0], "settings": ["both"]}, r"settings \['both'\]: known are"),
        ({"seeds": [0], "settings": []}, "settings missing"),
    ],
)
def test_wrong_arguments_are_refused(dataset: Dataset, arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compare(dataset, GENERATORS, **arguments)


def test_the_name_of_the_baseline_is_taken(dataset: Dataset) -> None:
    with pytest.raises(ValueError, match="'real' is the baseline's name"):
        compare(dataset, {"real": Bootstrap()}, seeds=[0])
