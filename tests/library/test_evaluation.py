"""Scores read as they say: exact on small tables, at their ideals on ideal tables."""

from typing import ClassVar, Self

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from synthtab.evaluation.fidelity import (
    association,
    detection_auc,
    fidelity,
    range_coverage,
    rare_coverage,
    share_of_copies,
)
from synthtab.evaluation.utility import feature_encoder, tstr
from synthtab.table.schema import Schema


def table(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    size = rng.normal(10, 3, n)
    plant = rng.choice(["a", "b"], n)
    minutes = 50 * size + np.where(plant == "b", 100, 0) + rng.normal(0, 50, n)
    return pd.DataFrame({"size": size, "plant": plant, "minutes": minutes})


SCHEMA = Schema.infer(table(10, 0), target="minutes")


def value(scores: pd.DataFrame, metric: str, column: str | None = None) -> float:
    rows = scores[scores.metric == metric]
    return float(rows[rows.column == column].value.item() if column else rows.value.item())


def test_a_learner_that_knows_the_rule_scores_the_share_of_variance_it_explains() -> None:
    # Var(50 size + 100 [b]) = 22,500 + 2,500, noise 2,500: R² is 25,000 / 27,500 = 0.909.
    train, test = table(4000, 0), table(4000, 1)
    scores = tstr(
        train, test, SCHEMA, reference=train, learners={"ols": LinearRegression()}, random_state=0
    ).set_index("metric")["value"]
    assert scores["r2"] == pytest.approx(0.909, abs=0.01)
    assert scores["rmse"] == pytest.approx(50, abs=4 * 50 / np.sqrt(2 * 4000))


class Remembering(LinearRegression):
    """Remembers what it is trained on and what it is asked about."""

    seen: ClassVar[list[list[list[float]]]] = []

    def fit(self, x: np.ndarray, y: pd.Series) -> Self:
        self.seen.append(x.tolist())
        return super().fit(x, y)

    def predict(self, x: np.ndarray) -> np.ndarray:
        self.seen.append(x.tolist())
        return super().predict(x)


def test_all_tables_are_encoded_by_the_reference() -> None:
    # Sizes of mean 10 and standard deviation 2; rows of other tables do not change the coordinates.
    reference = pd.DataFrame({"size": [8.0, 12.0], "plant": ["a", "b"], "minutes": [1.0, 2.0]})
    synthetic = pd.DataFrame({"size": [14.0, 10.0], "plant": ["b", "b"], "minutes": [3.0, 4.0]})
    test = pd.DataFrame({"size": [9.0, 5.0], "plant": ["a", "b"], "minutes": [5.0, 6.0]})
    Remembering.seen.clear()
    tstr(synthetic, test, SCHEMA, reference=reference, learners={"it": Remembering()})
    learnt, *asked = Remembering.seen
    assert learnt == [[2, 0, 1], [0, 0, 1]]
    assert asked
    assert all(x == [[-0.5, 1, 0], [-2.5, 0, 1]] for x in asked)


def test_a_category_missing_from_the_training_table_does_not_stop_the_test() -> None:
    train, test = table(200, 0), table(100, 1)
    only_a = train[train.plant == "a"].reset_index(drop=True)
    scores = tstr(only_a, test, SCHEMA, reference=train, random_state=0)
    assert set(scores.learner) == {"rf", "gb", "hgb", "ridge"}
    assert np.isfinite(scores.value).all()


def test_a_category_missing_from_the_reference_has_its_own_coordinate() -> None:
    train, test = table(200, 0), table(100, 1)
    only_a = train[train.plant == "a"].reset_index(drop=True)
    encoded = feature_encoder(SCHEMA, features=SCHEMA.features).fit(only_a).transform(test)
    expected = (test.plant.to_numpy()[:, None] == ["a", "b"]).astype(float)
    np.testing.assert_array_equal(encoded[:, 1:], expected)
    # A synthetic table has the category though no training row does: it teaches what it says.
    scores = tstr(
        train, test, SCHEMA, reference=only_a, learners={"ols": LinearRegression()}, random_state=0
    )
    assert scores.value[0] == pytest.approx(0.909, abs=0.05)


def test_a_category_that_no_row_could_have_is_refused() -> None:
    train, test = table(50, 0), table(50, 1)
    wrong = train.assign(plant=["c", *train.plant[1:]])
    with pytest.raises(ValueError, match=r"column 'plant': unknown categories \['c'\]"):
        tstr(wrong, test, SCHEMA, reference=train)


def test_the_same_seed_gives_the_same_scores() -> None:
    train, test = table(200, 0), table(100, 1)
    runs = [tstr(train, test, SCHEMA, reference=train, random_state=3) for _ in range(2)]
    pd.testing.assert_frame_equal(*runs)


def test_a_categorical_target_is_scored_by_auc_and_f1() -> None:
    schema = Schema.infer(table(10, 0), target="plant")
    train, test = table(600, 0), table(600, 1)
    scores = tstr(train, test, schema, reference=train, random_state=0)
    assert set(scores.metric) == {"auc", "f1"}
    # The plant shifts minutes by two noise standard deviations given the size: Phi(sqrt 2) = 0.92.
    auc = scores.query("learner == 'logistic' and metric == 'auc'").value.item()
    assert auc == pytest.approx(0.92, abs=0.03)


def test_a_table_of_another_schema_is_refused() -> None:
    train, test = table(50, 0), table(50, 1)
    with pytest.raises(ValueError, match=r"missing columns: \['plant'\]"):
        tstr(train, test.drop(columns="plant"), SCHEMA, reference=train)


def test_a_copy_is_perfect_but_for_its_copies() -> None:
    real = table(300, 0)
    scores = fidelity(real, real.copy(), SCHEMA, random_state=0)
    assert value(scores, "ks", "size") == 0
    assert value(scores, "tv", "plant") == 0
    assert value(scores, "range", "size") == 1
    assert value(scores, "association") == 0
    assert value(scores, "copies") == 1
    assert value(scores, "c2st") < 0.1  # each row's twin carries the other label


def test_a_second_sample_is_not_told_apart() -> None:
    # The AUC of 2 x 1,000 rows has standard error about 0.013 under no difference.
    scores = fidelity(table(1000, 0), table(1000, 1), SCHEMA, random_state=0)
    assert value(scores, "c2st") == pytest.approx(0.5, abs=4 * 0.013)
    assert value(scores, "copies") == 0


def test_shuffled_columns_are_told_apart_though_margins_agree() -> None:
    real = table(1000, 0)
    shuffled = real.assign(minutes=real.minutes.sample(frac=1, random_state=0).to_numpy())
    scores = fidelity(real, shuffled, SCHEMA, random_state=0)
    assert value(scores, "ks", "minutes") == 0
    assert value(scores, "c2st") > 0.75
    assert value(scores, "association") > 0.2


def test_distances_of_margins_are_exact() -> None:
    schema = Schema.infer(pd.DataFrame({"x": [0.0], "kind": ["a"], "y": [0.0]}), target="y")
    schema = Schema(schema.columns, {"kind": ("a", "b", "c")}, "y")
    real = pd.DataFrame({"x": [1.0, 2, 3, 4], "kind": list("aabb"), "y": [1.0, 2, 3, 4]})
    other = pd.DataFrame({"x": [3.0, 4, 5, 6], "kind": list("aacc"), "y": [1.0, 2, 3, 4]})
    scores = fidelity(pd.concat([real] * 5), pd.concat([other] * 5), schema, random_state=0)
    assert value(scores, "ks", "x") == 0.5
    assert value(scores, "tv", "kind") == 0.5


def test_coverage_is_exact_on_small_tables() -> None:
    columns = {"x": [0.0, 10], "y": [5.0, 5], "kind": ["a", "b"]}
    schema = Schema.infer(pd.DataFrame(columns), target="y")
    # "b" is the one rare category: 4 of 100 real rows, and 1 of 100 synthetic ones.
    real = pd.DataFrame({"x": [0.0, 10] * 50, "y": 5.0, "kind": ["a"] * 96 + ["b"] * 4})
    other = pd.DataFrame({"x": [4.0, 30] * 50, "y": 5.0, "kind": ["a"] * 99 + ["b"]})
    scores = fidelity(real, other, schema, random_state=0)
    assert value(scores, "range", "x") == 0.6
    assert value(scores, "range", "y") == 1  # constant, and drawn
    assert value(scores, "rare", "kind") == 0.25
    assert range_coverage(real["x"], real["x"] + 20) == 0
    assert range_coverage(real["y"], real["y"] + 1) == 0
    assert rare_coverage(real["kind"], real["kind"].replace("b", "a")) == 0
    assert rare_coverage(real["kind"], real["kind"].replace("a", "b")) == 1


def test_a_table_without_rare_categories_has_no_coverage_of_them() -> None:
    scores = fidelity(table(100, 0), table(100, 1), SCHEMA, random_state=0)
    assert "rare" not in set(scores.metric)


def test_metrics_agree_with_sdmetrics() -> None:
    single_column = pytest.importorskip("sdmetrics.single_column")
    real, other = table(300, 0), table(200, 1)
    scores = fidelity(real, other, SCHEMA, random_state=0)
    for column in SCHEMA.numerical:
        ks = single_column.KSComplement.compute(real[column], other[column])
        covered = single_column.RangeCoverage.compute(real[column], other[column])
        assert value(scores, "ks", column) == pytest.approx(1 - ks)
        assert value(scores, "range", column) == pytest.approx(covered)
    tv = single_column.TVComplement.compute(real.plant, other.plant)
    assert value(scores, "tv", "plant") == pytest.approx(1 - tv)


def test_associations_are_exact_on_small_tables() -> None:
    frame = pd.DataFrame(
        {
            "kind": list("aabb"),
            "same": list("xxyy"),
            "free": list("pqpq"),
            "number": [1.0, 3.0, 5.0, 7.0],
            "constant": [2.0] * 4,
        }
    )
    matrix = association(frame, Schema.infer(frame, target="number"))
    assert matrix.loc["kind", "same"] == pytest.approx(1)
    assert matrix.loc["kind", "free"] == pytest.approx(0)
    # group means 2 and 6 around 4: 16 of the total sum of squares 20
    assert matrix.loc["kind", "number"] == pytest.approx(np.sqrt(16 / 20))
    assert matrix.loc["constant", "number"] == 0
    assert (matrix.to_numpy() == matrix.to_numpy().T).all()


def test_copies_are_counted_over_all_columns() -> None:
    known = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    queries = pd.DataFrame({"a": [1, 1, 2, 2], "b": ["x", "y", "y", "y"]})
    assert share_of_copies(queries, known) == 0.75


def test_detection_is_reproducible() -> None:
    a, b = table(200, 0), table(200, 1)
    assert detection_auc(a, b, SCHEMA, random_state=5) == detection_auc(
        a, b, SCHEMA, random_state=5
    )


def test_association_of_two_categories_is_cramers_v_calculated_by_hand() -> None:
    # 40 and 10, 20 and 30: chi-squared is 100 (40 * 30 - 10 * 20)^2 / (50 * 50 * 60 * 40) = 50 / 3.
    rows = [("a", "x")] * 40 + [("a", "y")] * 10 + [("b", "x")] * 20 + [("b", "y")] * 30
    frame = pd.DataFrame(rows, columns=["first", "second"]).assign(same="s")
    found = association(frame, Schema.infer(frame, target="second"))
    assert found.loc["first", "second"] == pytest.approx(np.sqrt(1 / 6), abs=1e-10)
    assert found.loc["first", "same"] == 0
