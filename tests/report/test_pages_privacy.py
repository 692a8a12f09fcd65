"""Pages say what the cards say, and repeated training is judged on models it did not learn from."""

from dataclasses import replace

import numpy as np
import pytest

from seds500.data import load
from seds500.former_rules import former_verdicts
from seds500.pages import privacy as report
from seds500.plots import LABELS
from seds500.records import store
from synthtab import HybridDiffusion
from synthtab.attacks.card import ROWS, Card, judge, make_card
from synthtab.attacks.compare import AttackComparison, measure
from synthtab.attacks.roc import Auc
from synthtab.attacks.shadow import (
    Trainings,
    exposure,
    likelihood_ratio_attack,
    repeated_training,
)
from synthtab.generators.reference import Bootstrap

DATA = load("013").subset(300, random_state=0)


@pytest.fixture(scope="module")
def measured() -> AttackComparison:
    generators = {"hybrid": HybridDiffusion(n_iter=5, width=16), "bootstrap": Bootstrap()}
    return measure(DATA, generators, seeds=[0, 1])


@pytest.fixture(scope="module")
def card(measured: AttackComparison) -> Card:
    return make_card(measured.findings)


def test_a_card_in_numbers_has_every_row_and_its_verdict(card: Card) -> None:
    table = report.card_table({"013": card}, "hybrid")
    assert table.index[:-2].tolist() == list(ROWS.values())
    row = card.rows["hybrid"]["membership"]
    cell = table.loc[ROWS["membership"], "013"]
    assert cell.startswith(f"{row.estimate.value:.3f} [")
    assert row.verdict in cell
    assert (", " + row.verdict) in cell
    assert ("not detected" in cell) is not row.detected
    bootstrap = report.card_table({"013": card}, "bootstrap")["013"]
    assert ROWS["white_box"] not in bootstrap.index
    assert bootstrap["nearest real row is a training row"].endswith("warns")


def test_a_void_card_counts_for_nobody(card: Card) -> None:
    void = replace(card, void=("a control missed",))
    counts = report.verdict_counts({"first": card, "second": void})
    assert counts.loc["bootstrap"].tolist() == [1, 0, 0, 1]
    assert (counts.sum(axis=1) == 2).all()
    assert report.card_table({"second": void}, "bootstrap").loc["verdict", "second"] == "void"


def test_the_figure_writes_every_value_and_says_void(card: Card) -> None:
    void = replace(card, void=("a control missed",))
    figure = report.card_figure({"first": card, "second": void})
    first, second = figure.axes
    texts = [t.get_text() for t in first.texts]
    n_rows = sum(len(of) for of in card.rows.values())
    assert sum(t != "no model" for t in texts) == n_rows
    assert texts.count("no model") == len(card.rows) * len(ROWS) - n_rows
    assert "hybrid" not in card.void
    assert second.get_title("left") == "second: VOID (a control missed)"


def test_copies_are_shown_for_training_and_holdout_rows(measured: AttackComparison) -> None:
    table = report.copies_table({"013": measured})
    assert table.loc["bootstrap", "013"].startswith("100.0 / ")
    assert table.loc["bootstrap", "013"].endswith("*")
    assert not table.loc["control: fresh real rows", "013"].endswith("*")


def test_tables_of_attacks_have_a_line_for_every_method(
    measured: AttackComparison, card: Card
) -> None:
    for table in (report.attacks_table(measured), report.closeness_table(measured)):
        assert table.index.tolist() == [LABELS[m] for m in card.rows]
    rates = report.rates_table({"013": measured}, "hybrid", ["dcr", "white_box"])
    assert rates.index.get_level_values(1).tolist() == ["nearest distance", "white box"]
    assert rates.columns.tolist() == ["TPR at 1 % FPR", "TPR at 10 % FPR"]


def test_the_trade_off_shows_the_open_model_hollow(card: Card) -> None:
    utility = {"013": {"hybrid": 90.0, "bootstrap": -50.0}}
    figure = report.trade_off({"013": card}, utility)
    points = [line for line in figure.axes[0].lines if line.get_marker() in ("o", "v")]
    hollow = [p for p in points if p.get_markerfacecolor() == "white"]
    assert len(points) == 3
    (white_box,) = hollow
    assert white_box.get_xdata()[0] == card.rows["hybrid"]["white_box"].estimate.value
    (below,) = [p for p in points if p.get_marker() == "v"]
    assert below.get_ydata()[0] == -3


def test_utility_comes_from_the_record_and_its_best_learner(tmp_path) -> None:
    def of(**percent: float) -> dict:
        return {k: {"r2": {"mean": v / 100, "percent": v}} for k, v in percent.items()}

    utility = {"real": of(rf=60, gb=70), "hybrid": of(rf=50, gb=65)}
    contents = {"values": {"utility": {"replacement": utility}}}
    store.save(contents, tmp_path / "013_standin.json")
    assert report.utility_shares("013", "standin", records_dir=tmp_path) == {"hybrid": 65}


def test_the_record_can_be_kept_and_holds_the_cards(measured: AttackComparison, card: Card) -> None:
    values = report.as_record({"013_standin": card}, {"013_standin": measured})
    store.record(values)  # refuses what is not finite
    kept = values["cards"]["013_standin"]["bootstrap"]
    former = former_verdicts(measured.findings["bootstrap"])
    assert kept["former"] == former
    assert kept["former_verdict"] == "fail"
    assert values["former_verdicts"]["bootstrap"] == {"fail": 1, "inconclusive": 0, "pass": 0}
    assert kept["verdict"] == "fail"
    assert kept["copied"]["of_training"] == pytest.approx(1)
    assert kept["membership"]["value"] == card.rows["bootstrap"]["membership"].estimate.value
    assert values["cards"]["013_standin"]["hybrid"]["rates"].keys() == {
        "per_10_in_1000",
        "per_100_in_1000",
    }
    assert values["verdicts"]["bootstrap"] == {"fail": 1, "inconclusive": 0, "pass": 0}
    assert values["verdicts"]["n_tables"] == 1


def test_former_verdicts_stand_beside_the_present_ones(
    measured: AttackComparison, card: Card
) -> None:
    table = report.former_table({"013": card}, {"013": measured})
    assert table.loc[LABELS["bootstrap"], "013"].startswith("fail → fail")
    real = table.loc["control: fresh real rows", "013"]
    assert real.split(" → ")[1].startswith(card.verdicts["control_real"])


def test_the_former_rules_fail_on_significance_alone(measured: AttackComparison) -> None:
    (found, *_) = measured.findings["control_real"]
    slight = {attack: Auc(0.51, 1e-6) for attack in found.isolated}
    changed = [replace(found, isolated=slight)]
    assert former_verdicts(changed)["isolated"] == "fail"
    assert judge(changed)["isolated"].verdict == "pass"


def test_the_table_of_power_shows_each_leak_by_size() -> None:
    found = {"fail": 0.9, "fail_low": 0.8, "fail_high": 0.95, "name": "1 % training rows"}
    table = report.power_table({"power": {"1000": {"verbatim_1": found}}})
    assert table.loc["1 % training rows", "1,000 rows"] == "0.900 [0.800, 0.950]"


# Repeated training --------------------------------------------------------------------------


def planted(shift: np.ndarray, seed: int, n_models: int = 16) -> Trainings:
    """Log losses that are lower by `shift` standard deviations where a row was trained on."""
    rng = np.random.default_rng(seed)
    n = len(shift)
    member = np.zeros((n_models, n), dtype=bool)
    for pair in range(0, n_models, 2):
        member[pair, rng.permutation(n)[: n // 2]] = True
        member[pair + 1] = ~member[pair]
    return Trainings(rng.normal(size=(n_models, n)) - shift * member, member)


def test_every_row_is_a_member_of_half_of_the_models() -> None:
    model = HybridDiffusion(n_iter=2, width=16)
    rows = DATA.frame.iloc[:61]
    trained = repeated_training(model, rows, DATA.schema, n_models=8, random_state=0)
    assert trained.log_loss.shape == trained.is_member.shape == (8, 60)
    assert (trained.is_member.sum(axis=0) == 4).all()
    assert (trained.is_member[::2] == ~trained.is_member[1::2]).all()
    again = repeated_training(model, rows, DATA.schema, n_models=8, random_state=0)
    assert np.array_equal(trained.log_loss, again.log_loss)
    for n_models in (4, 10):
        with pytest.raises(ValueError, match=f"n_models={n_models}: give a multiple of 4"):
            repeated_training(model, rows, DATA.schema, n_models=n_models)


def test_exposure_is_the_planted_shift() -> None:
    shift = np.repeat([0.0, 2.0], 500)
    found = exposure(planted(shift, 0))
    # Each is a difference of two means of 8.
    error = 4 * np.sqrt(2 / 8 / 500)
    assert abs(found[:500].mean()) < error
    assert abs(found[500:].mean() - 2) < error + 0.05


def test_choosing_the_most_exposed_rows_does_not_flatter_the_attack() -> None:
    found = likelihood_ratio_attack(planted(np.zeros(1000), 1), random_state=0)
    assert found["exposed"].n_rows == 50
    for part in found.values():
        assert abs(part.auc.value - 0.5) < 4 * np.sqrt(part.auc.variance)


def test_the_most_exposed_rows_are_told_apart_where_the_average_is_not() -> None:
    shift = np.where(np.arange(1000) < 40, 3.0, 0.0)
    found = likelihood_ratio_attack(planted(shift, 2), random_state=0)
    assert found["all"].auc.value < 0.55
    assert found["exposed"].auc.value > 0.8
    assert report.exposed_record(found)["exposed"]["auc"] == found["exposed"].auc.value
    assert report.exposed_table(found).loc["most exposed rows", "rows"] == "50"
