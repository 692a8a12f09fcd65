"""Pages say what the cards say, and repeated training is judged on models it did not learn from."""

from dataclasses import replace

import pytest

from seds500.data import load
from seds500.former_rules import former_verdicts
from seds500.pages import privacy as report
from seds500.pages import privacy_benchmarks
from seds500.plots import LABELS
from seds500.records import Records, store
from synthtab import HybridDiffusion
from synthtab.attacks.card import ROWS, Card, judge, make_card
from synthtab.attacks.compare import AttackComparison, measure
from synthtab.attacks.roc import Auc
from synthtab.attacks.shadow import shadow_attack
from synthtab.generators.reference import Bootstrap, IndependentMarginals

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


def test_the_figure_shows_every_auc_with_its_interval(card: Card) -> None:
    void = replace(card, void=("a control missed",))
    figure = report.effect_figure({"first": card, "second": void})
    first, second = figure.axes
    shown = [line for line in first.lines if line.get_marker() in ("o", "s")]
    known = ("membership", "isolated", "white_box")
    aucs = [of[row].estimate for of in card.rows.values() for row in known if row in of]
    assert sorted(float(line.get_xdata()[0]) for line in shown) == sorted(e.value for e in aucs)
    spans = {tuple(line.get_xdata()) for line in first.lines if len(line.get_xdata()) == 2}
    whole = card.rows["hybrid"]["white_box"].estimate
    assert (max(whole.low, 0.38), whole.high) in spans
    assert first.get_title() == "first"
    assert second.get_title() == "second: card void"


def test_copies_are_shown_for_training_and_holdout_rows(measured: AttackComparison) -> None:
    table = report.copies_table({"013": measured})
    assert table.loc["bootstrap", "013"].startswith("100.0 / ")
    assert table.loc["bootstrap", "013"].endswith("*")
    assert not table.loc["control: fresh real rows", "013"].endswith("*")


def test_tables_of_anonymeter_have_their_titles() -> None:
    risk = {"value": 0.1, "low": 0.0, "high": 0.2, "verdict": "inconclusive"}
    found = {"hybrid": {"singling_out": risk, "linkability": risk}}
    table = report.anonymeter_table({"012_standin": found})
    assert table.index.tolist() == [("012, stand-in", LABELS["hybrid"])]


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


# Benchmarks ---------------------------------------------------------------------------------


def test_the_table_of_power_shows_each_leak_by_size(tmp_path) -> None:
    found = {"fail": 0.9, "fail_low": 0.8, "fail_high": 0.95, "name": "1 % training rows"}
    rare = {**found, "name": "overtrained", "old_rule": 0.5}
    values = {
        "power": {"1000": {"verbatim_1": found, "rare": rare}, "5000": {"verbatim_1": found}},
        "1000": {"copies": found, "card": found, "n_cards": 7},
        "all": {"card": found, "n_cards": 7},
    }
    store.save({"values": values}, tmp_path / "benchmark_privacy_false_alarms.json")
    table = privacy_benchmarks.power(Records(tmp_path))
    assert table.loc["1 % training rows", "1,000 rows"] == "90 [80, 95] %"
    assert table.loc["overtrained"].tolist() == ["90 [80, 95] %; old rule 50 %", "not tried"]
    alarms = privacy_benchmarks.false_alarms(Records(tmp_path))
    assert alarms.index.tolist() == ["training rows returned whole", "any row of the card"]
    assert alarms.columns.tolist() == ["1,000 rows, 7 cards"]


def test_leaks_that_a_card_seldom_finds_are_named(tmp_path) -> None:
    often, seldom = {"name": "copies", "fail": 0.8}, {"name": "one row moved", "fail": 0.25}
    power = {"400": {"a": seldom}, "1000": {"a": often, "b": seldom}, "5000": {"a": often}}
    store.save({"values": {"power": power}}, tmp_path / "benchmark_privacy_false_alarms.json")
    told = privacy_benchmarks.rarely_found(Records(tmp_path))
    assert told == "In tables of 1,000 rows these are found less often: one row moved (25 %)."
    power["1000"].pop("b")
    store.save({"values": {"power": power}}, tmp_path / "benchmark_privacy_false_alarms.json")
    assert "All of them" in privacy_benchmarks.rarely_found(Records(tmp_path))


def test_exposure_stands_in_a_table_and_a_figure(tmp_path) -> None:
    def of(value: float) -> dict:
        return {"value": value, "low": value - 0.1, "high": value + 0.1, "null": 0.5}

    def arm(name: str, percent: float, told: float, **more) -> dict:
        attacked = {k: {"all": of(told), "exposed": of(told)} for k in ("drawn_1", "drawn_5")}
        return {"name": name, "percent": of(percent), **attacked, **more}

    white_box = {"exposed": of(0.8)}
    arms = {
        "marginals": arm("independent marginals", 5.0, 0.51),
        "few_5_one_member": arm("the default", 90.0, 0.63, white_box=white_box),
    }
    values = dict.fromkeys(privacy_benchmarks.DEVELOPMENT, arms)
    store.save({"values": values}, tmp_path / "benchmark_exposure.json")
    table = privacy_benchmarks.exposure(Records(tmp_path), "concrete")
    assert table.index.tolist() == ["the default (default of share)", "independent marginals"]
    assert table["most exposed, the model"].tolist() == ["0.80 [0.70, 0.90]", "–"]
    figure = privacy_benchmarks.frontier(Records(tmp_path))
    points = {
        (line.get_marker(), line.get_xdata()[0]): float(line.get_ydata()[0])
        for line in figure.axes[0].lines
        if len(line.get_xdata()) == 1
    }
    assert points[("*", 0.63)] == 90.0
    assert 50 < points[("v", 0.51)] < 60  # below the axis: an arrow at its foot


def test_rivals_that_were_attacked_later_join_table_figure_and_sentences(tmp_path) -> None:
    def arm(name: str, percent: float, told: float) -> dict:
        of = {
            k: {"value": told, "low": told, "high": told, "null": 0.5} for k in ("all", "exposed")
        }
        kept = {"value": percent, "low": percent - 3, "high": percent + 3}
        return {"name": name, "percent": kept, "drawn_1": of, "drawn_5": of}

    first = {
        "hybrid": arm("HybridDiffusion", 91.0, 0.72),
        "gaussian": arm("Gaussian diffusion", 89.0, 0.54),
        "gaussian_copula": arm("Gaussian copula", 88.0, 0.51),
    }
    values = dict.fromkeys(privacy_benchmarks.DEVELOPMENT, first)
    store.save({"values": values}, tmp_path / "benchmark_exposure.json")
    peers, later, _ = (tmp_path / f"{name}.json" for name in privacy_benchmarks.PEERS)
    store.save({"values": {"concrete": {"tabddpm": arm("TabDDPM", 90.0, 0.8)}}}, peers)
    exposed, reached = privacy_benchmarks.beside(Records(tmp_path))
    assert exposed.startswith("The AUC of the same records is 0.80 for TabDDPM, 0.54 for Gaussian")
    assert exposed.endswith("The intervals of these shares overlap.")
    assert reached == "Of TabDDPM, none reached it."
    store.save({"values": {"concrete": {"stasy": arm("STaSy", 70.0, 0.52)}}}, later)
    exposed, reached = privacy_benchmarks.beside(Records(tmp_path))
    assert "0.80 for TabDDPM, 0.52 for STaSy, 0.54 for Gaussian" in exposed
    assert "keep 90, 70, 89 and 88 % of" in exposed
    assert exposed.endswith("Not all intervals of these shares overlap.")
    assert reached == "Of TabDDPM and STaSy, STaSy (0.52) reached it."
    table = privacy_benchmarks.exposure(Records(tmp_path), "concrete")
    assert table.index.tolist()[-2:] == ["TabDDPM", "STaSy"]
    figure = privacy_benchmarks.frontier(Records(tmp_path))
    entries = {text.get_text() for text in figure.legends[0].get_texts()}
    assert entries == {arm["name"] for arm in first.values()} | {"TabDDPM", "STaSy"}
    markers = {line.get_marker() for line in figure.axes[0].lines if len(line.get_xdata()) == 1}
    assert markers == {"o", "X", ">"}


def test_missed_aims_under_a_guarantee_stand_first(tmp_path) -> None:
    def of(percent: float) -> dict:
        return {"percent": percent, "sd": 2.0}

    tables = ("013_standin", "013_public", "012_public", "011_public")
    arm = {"dp_1": of(79.0), "dp_3": of(93.0), "dp_8": of(95.0)}
    before = {budget: of(70.0) for budget in arm}
    values = {
        table: {"corrected": arm, "drawn": before, "no_correction": {"dp_3": of(85.0)}}
        for table in tables
    }
    values["adult"] = {"corrected": arm}
    contents = {"values": values, "parameters": {"n_seeds": 5}}
    store.save(contents, tmp_path / "benchmark_dp_utility.json")
    aims = privacy_benchmarks.guarantee_aims(Records(tmp_path))
    assert aims[""].tolist() == ["missed", "missed", "met", "met"]
    row = aims.loc["mean of four tables, ε = 1"]
    assert row[["measured", "before the correction"]].tolist() == ["79.0 [77.8, 80.2] %", "70.0 %"]
    table = privacy_benchmarks.guarantee(Records(tmp_path))
    assert table.loc["HybridDiffusion; adult"].tolist()[0] == "79 [77, 81]"
    assert (
        table.loc["no correction, all budget in the network; mean of the four", "ε = 1, %"] == "–"
    )


# Repeated training --------------------------------------------------------------------------


def test_repeated_training_stands_in_table_and_record() -> None:
    found = shadow_attack(Bootstrap(), DATA.frame, DATA.schema, n_models=6, random_state=0)
    record = report.exposed_record(found)
    assert record["drawn_5"]["exposed"]["auc"] == found["drawn_5"]["exposed"].auc.value
    assert report.exposed_table(found).loc["n rows drawn, most exposed rows", "rows"] == "15"


def test_an_outsider_recognises_what_a_bootstrap_hands_out() -> None:
    found = report.outsider(
        Bootstrap(), DATA.frame, DATA.schema, n_models=6, n_releases=2, random_state=0
    )
    record = report.outsider_record(found)
    assert record["ratio"]["all"]["value"] > 0.75
    assert report.outsider_table(found).loc["likelihood ratio"].str.contains(r"\[").all()
    independent = report.outsider(
        IndependentMarginals(), DATA.frame, DATA.schema, n_models=6, n_releases=2, random_state=0
    )
    assert independent["ratio"]["all"].value < 0.65


def test_an_audit_of_the_former_code_stands_before_that_of_the_present_one(tmp_path):
    rows = ("not_foreseen", "at_the_bounds", "usual")
    found = {
        "former": {k: {"epsilon": 2.0, "question": "rows above 300", "n_runs": 24} for k in rows},
        "now": {k: {"epsilon": 0.1, "question": "x: mean above 9", "n_runs": 80} for k in rows},
    }
    record = {"id": privacy_benchmarks.SHARE_AUDIT, "parameters": {"epsilon": 1.0}, "values": found}
    store.save(record, tmp_path / f"{privacy_benchmarks.SHARE_AUDIT}.json")
    table = privacy_benchmarks.share_audit(Records(tmp_path))
    assert table["proven"].tolist() == ["ε ≥ 2.00"] * 3 + ["ε ≥ 0.10"] * 3
    assert table["what tells the row"].tolist() == ["rows above 300"] * 3 + ["nothing found"] * 3
