"""The chapter on differential privacy shows what was measured, and its audit can fail."""

import math

import numpy as np
import pandas as pd
import pytest

from seds500.comparisons import seconds
from seds500.data import load
from seds500.pages import differential_privacy as report
from seds500.records import store
from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.dp.budget import Privacy
from synthtab.evaluation.compare import REAL, Comparison

METHODS = (REAL, "dp_1", "none")


def comparison(r2: dict[str, list[float]]) -> Comparison:
    """Two learners on three splits: the forest's R² by method, ridge half of it."""
    scores = pd.DataFrame(
        [
            (seed, "replacement", method, learner, "r2", share * value)
            for method, values in r2.items()
            for seed, value in enumerate(values)
            for learner, share in (("rf", 1.0), ("ridge", 0.5))
        ],
        columns=["seed", "setting", "method", "learner", "metric", "value"],
    )
    private = [m for m in r2 if m != REAL]
    fidelity = pd.DataFrame(
        [(s, m, "ks", "minutes", 0.1 * (s + 1)) for m in private for s in range(3)],
        columns=["seed", "method", "metric", "column", "value"],
    )
    timings = pd.DataFrame(
        [(s, m, 10.0 + s, 1.0) for m in private for s in range(3)],
        columns=["seed", "method", "fit", "sample"],
    )
    return Comparison(scores, fidelity, timings, {}, n_train=200, n_test=50)


FOUND = comparison({REAL: [0.9, 0.8, 0.7], "dp_1": [0.45, 0.4, 0.35], "none": [0.72, 0.64, 0.56]})


# --- what is declared ---------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["standin", "public"])
def test_everything_is_declared_for_the_chapters_tables(source: str) -> None:
    data = load("013", source)
    privacy = report.declared(f"013_{source}", 3.0)
    privacy.check(data.schema)
    assert privacy.target_delta == pytest.approx(1 / 20_000)
    for column, (low, high) in privacy.bounds.items():
        assert data.frame[column].between(low, high).all()
        # bounds that fit like a glove would have been read off the rows
        spread = data.frame[column].max() - data.frame[column].min()
        assert high - low > 1.2 * spread


def test_private_models_differ_in_their_budget_alone() -> None:
    models = report.generators("013_standin", [1, 20], n_iter=7)
    assert list(models) == ["dp_1", "dp_20", "none"]
    assert all(isinstance(m, HybridDiffusion) and m.n_iter == 7 for m in models.values())
    first, second, none = (m.get_params()["privacy"] for m in models.values())
    assert none is None
    assert (first.epsilon, second.epsilon) == (1, 20)
    assert Privacy(**{**vars(first), "epsilon": 20}) == second


# --- what epsilon says --------------------------------------------------------------------------


def test_worst_cases_by_hand() -> None:
    rows = report.worst_case([1.0, 3.0, 8.0], delta=0.0001).set_index("epsilon")
    # e/10 at 1; beyond, 1 - 0.9 / e^epsilon is smaller (privacy.md: .27, .955, 1.0)
    assert rows["promised"].to_numpy() == pytest.approx([0.272, 0.955, 0.9997], abs=5e-4)
    assert rows.loc[1.0, "factor"] == pytest.approx(math.e)


def test_normal_noise_allows_less_than_the_definition_and_more_than_guessing() -> None:
    rows = report.worst_case([0.1, 1.0, 3.0, 8.0, 20.0], delta=5e-5)
    assert (rows["gaussian"] < rows["promised"]).all()
    assert (rows["gaussian"] > 0.1).all()
    assert rows["gaussian"].is_monotonic_increasing
    table = report.worst_case_table(rows)
    assert table.loc["ε = 1"].tolist()[:2] == ["× 2.7", "27.2 %"]
    assert report.worst_case_record(rows)["dp_0_1"]["epsilon"] == 0.1


# --- what it costs ------------------------------------------------------------------------------


def test_scores_are_shown_with_interval_and_share_of_the_baseline() -> None:
    table = report.cost_table(FOUND, "013")
    assert table.index.tolist() == ["training rows", "ε = 1", "no guarantee"]
    assert table.columns.name == "013: R² by"
    assert table.columns.tolist() == ["random forest", "ridge", "KS distance, mean"]
    assert table.loc["ε = 1", "random forest"].startswith("0.40 [")
    assert table.loc["ε = 1", "random forest"].endswith("· 50 %")
    assert table["KS distance, mean"].tolist() == ["", "0.200", "0.200"]


def test_the_record_has_the_best_learner_and_the_cost_paired_by_split() -> None:
    kept = report.as_record(FOUND)
    assert kept["best_learner"] == "random forest"
    assert kept["best"]["dp_1"]["mean"] == pytest.approx(0.4)
    assert kept["best"]["none"]["percent"] == pytest.approx(80)
    cost = kept["cost"]["dp_1"]
    assert cost["mean"] == pytest.approx((0.27 + 0.24 + 0.21) / 3)
    assert cost["verdict"] == "above"
    assert kept["n_seeds"] == 3
    assert seconds(FOUND) == {m: {"fit": 11.0, "sample": 1.0} for m in ("dp_1", "none")}
    store.record(kept)  # everything in it can be kept


def test_a_cost_that_is_not_told_apart_from_nothing_is_not_called_one() -> None:
    mixed = comparison({REAL: [0.9] * 3, "dp_1": [0.7, 0.5, 0.6], "none": [0.6, 0.7, 0.55]})
    assert report.as_record(mixed)["cost"]["dp_1"]["verdict"] == "not told apart"
    said = report.cost_reading({"a": mixed, "b": FOUND}, {"a": "A", "b": "B"}).splitlines()
    assert said[0].endswith(
        "At ε = 1 zero lies in the interval: a cost is neither shown nor excluded."
    )
    assert said[1].endswith(
        "At ε = 1 the interval lies above zero: R² is lower with the guarantee."
    )
    assert "is 0.24 [" in said[1]


def test_the_curve_shows_every_budget_and_the_baselines_that_there_are() -> None:
    baselines = {"013": {"mst": {"dp_1": {"rf": {"r2": -0.3}}, "dp_8": {"rf": {"r2": 0.4}}}}}
    figure = report.curve_figure(
        {"013": FOUND, "other": FOUND}, {"013": "A", "other": "B"}, baselines
    )
    first, second = figure.axes
    assert first.get_title() == "A: random forest"
    assert [t.get_text() for t in first.get_xticklabels()] == ["1", "none"]
    points = {line.get_label(): line.get_ydata() for line in first.lines}
    np.testing.assert_allclose(points["HybridDiffusion"], [0.4, 0.64])
    # a budget that was not compared is left out; a score below 0 is drawn at 0, as an arrow
    np.testing.assert_allclose(points["MST"], [0.0])
    assert sum(text.arrow_patch is not None for text in first.texts) == 1
    assert "MST" not in {line.get_label() for line in second.lines}


# --- the audit ----------------------------------------------------------------------------------


def test_an_audit_of_the_code_passes_it_and_finds_it_out_without_noise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = ("as it is, one step", "broken: no noise")
    monkeypatch.setattr(report, "AUDITED", {k: report.AUDITED[k] for k in kept})
    found = report.audit(120, random_state=0)
    verdicts = report.audit_table(found)["verdict"]
    assert verdicts.tolist() == ["within what is claimed", "found out"]
    record = report.audit_record(found)
    assert (record["n_intact"], record["n_intact_found_out"]) == (1, 0)
    assert (record["n_broken"], record["n_broken_found_out"]) == (1, 1)
    assert record["broken_no_noise"]["found"] > record["broken_no_noise"]["claimed"]
    store.record(record)


def test_a_bound_that_does_not_apply_decides_nothing_and_is_not_shown() -> None:
    rows = pd.DataFrame(
        {"claimed": [2.0, 2.0], "found": [1.0, 1.0], "mu_claimed": [np.nan, 1.0]},
        index=["as it is", "broken: less"],
    ).assign(mu_found=[np.nan, 1.5])
    table = report.audit_table(rows)
    assert table["μ claimed"].tolist() == ["", "1.00"]
    assert table["verdict"].tolist() == ["within what is claimed", "found out"]
    assert report.audit_record(rows)["as_it_is"] == {
        "claimed": 2.0,
        "found": 1.0,
        "found_out": False,
    }
