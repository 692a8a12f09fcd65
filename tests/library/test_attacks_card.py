"""The report card: verdicts at the thresholds, void where a control says so, and end to end."""

from dataclasses import replace

import numpy as np
import pytest

from synthtab import IndependentMarginals
from synthtab.attacks.card import ROWS, judge, make_card, void_reasons
from synthtab.attacks.compare import measure
from synthtab.attacks.controls import CONTROLS
from synthtab.attacks.copies import CopyExcess
from synthtab.attacks.inference import Guessed
from synthtab.attacks.membership import ATTACKS
from synthtab.attacks.roc import Auc, Flagged
from synthtab.attacks.run import Findings, run_attacks
from synthtab.generators.reference import Bootstrap
from synthtab.table.example import example_table
from synthtab.table.split import privacy_split

N = 10_000
CHANCE = Auc(0.5, 1e-6)
NO_COPY = CopyExcess(0.2, 0.2, np.linspace(-0.01, 0.01, 999))
# 1,000 of 10,000 non-members flagged, and as many members.
CLEAN = Findings(
    copies={"all": NO_COPY, "features": NO_COPY},
    membership=dict.fromkeys(ATTACKS, CHANCE),
    flags={(a, r): Flagged(int(N * r), int(N * r), N, N) for a in ATTACKS for r in (0.01, 0.1)},
    isolated=dict.fromkeys(ATTACKS, CHANCE),
    inference={c: Guessed(5000, 5000, N, N) for c in ("plant", "minutes")},
    closeness={"nearest_is_training": 0.5, "nearest_variance": 1e-6},
    target="minutes",
)


def verdict(row: str, **changed: object) -> str:
    return judge([replace(CLEAN, **changed)] * 4)[row].verdict


def test_a_clean_table_passes_every_row() -> None:
    rows = judge([CLEAN] * 4)
    assert {row.verdict for row in rows.values()} == {"pass"}
    assert list(rows) == [r for r in ROWS if r != "white_box"]


@pytest.mark.parametrize(
    ("auc", "expected"),
    [
        (Auc(0.54, 1e-6), "pass"),  # above chance, and too little above
        (Auc(0.5495, 1e-6), "inconclusive"),  # might be 0.55
        (Auc(0.551, 1e-6), "fail"),
        (Auc(0.56, 1e-2), "inconclusive"),  # might be chance
    ],
)
def test_membership_fails_above_the_area_that_matters(auc: Auc, expected: str) -> None:
    assert verdict("membership", membership=CLEAN.membership | {"nndr": auc}) == expected
    open_model = CLEAN.membership | {"white_box": auc}
    assert verdict("white_box", membership=open_model) == expected


@pytest.mark.parametrize(
    ("auc", "expected"),
    [
        (Auc(0.51, 1e-6), "fail"),
        (Auc(0.51, 1e-3), "pass"),
        (Auc(0.58, 4e-3), "inconclusive"),
    ],
)
def test_isolated_rows_fail_as_soon_as_chance_is_ruled_out(auc: Auc, expected: str) -> None:
    assert verdict("isolated", isolated=CLEAN.isolated | {"logan": auc}) == expected


@pytest.mark.parametrize(
    ("rate", "members", "n", "expected"),
    [
        (0.01, 150, N, "fail"),
        (0.01, 105, N, "pass"),
        (0.01, 1, 100, "inconclusive"),
        (0.1, 1200, N, "fail"),
        (0.1, 10, 100, "pass"),
    ],
)
def test_rates_fail_above_chance(rate: float, members: int, n: int, expected: str) -> None:
    row = {0.01: "tpr_1", 0.1: "tpr_10"}[rate]
    flags = CLEAN.flags | {("dcr", rate): Flagged(members, int(n * rate), n, n)}
    assert verdict(row, flags=flags) == expected


@pytest.mark.parametrize(
    ("column", "guessed", "expected"),
    [
        ("plant", Guessed(5300, 5000, N, N), "fail"),
        ("minutes", Guessed(5300, 5000, N, N), "fail"),
        ("minutes", Guessed(50, 50, 100, 100), "inconclusive"),
        ("plant", Guessed(50, 50, 100, 100), "pass"),  # the bound is asked of the target only
    ],
)
def test_inference_fails_for_any_column_and_bounds_the_target(
    column: str, guessed: Guessed, expected: str
) -> None:
    assert verdict("inference", inference=CLEAN.inference | {column: guessed}) == expected


def test_copies_fail_below_one_in_a_hundred() -> None:
    leak = NO_COPY._replace(of_training=0.23)
    rows = judge([replace(CLEAN, copies={"all": NO_COPY, "features": leak})])
    assert rows["copies"].verdict == "fail"
    assert (rows["copies"].at, rows["copies"].p_value) == ("features", 0.001)
    assert rows["copies"].estimate.value == pytest.approx(0.03)


def test_a_row_shows_its_worst_item() -> None:
    changed = CLEAN.membership | {"dcr": Auc(0.56, 1e-6), "nndr": Auc(0.7, 1.0)}
    row = judge([replace(CLEAN, membership=changed)])["membership"]
    assert (row.verdict, row.at) == ("fail", "dcr")  # not the larger but inconclusive one
    assert {item.name: item.verdict for item in row.items}["nndr"] == "inconclusive"


def test_bounds_stay_where_values_can_lie() -> None:
    rows = judge([replace(CLEAN, membership=CLEAN.membership | {"dcr": Auc(0.999, 1e-3)})])
    assert rows["membership"].estimate.high == 1


GOOD = {"control_real": "pass", "control_copy": "fail", "control_leak_10": "fail"}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"control_real": "fail"}, "control: fresh real rows: fail, and should not"),
        ({"control_copy": "pass"}, "control: copy with 1 % noise: pass, and should fail"),
        ({"control_leak_10": "inconclusive"}, "training rows: inconclusive, and should fail"),
    ],
)
def test_a_control_that_misses_voids_the_card(changed: dict, reason: str) -> None:
    (found,) = void_reasons(GOOD | changed)
    assert found.endswith(reason)


def test_what_the_smallest_leak_gives_voids_nothing() -> None:
    for small in ("pass", "inconclusive", "fail"):
        assert void_reasons(GOOD | {"control_leak_1": small, "control_real": "inconclusive"}) == ()


def test_a_card_without_controls_is_void() -> None:
    card = make_card({"hybrid": [CLEAN]})
    assert card.verdicts == {"hybrid": "pass"}
    assert card.void == tuple(
        f"{CONTROLS[c]}: not measured" for c in ("control_real", "control_copy", "control_leak_10")
    )


def test_no_findings_are_refused() -> None:
    with pytest.raises(ValueError, match="no findings"):
        judge([])


def test_the_attacks_refuse_tables_of_another_schema() -> None:
    data = example_table()
    split = privacy_split(data, 0, n_rows=100)
    with pytest.raises(ValueError, match="missing columns"):
        run_attacks(split, split.train.drop(columns="service"))


def test_a_bootstrap_fails_on_a_card_whose_controls_hold() -> None:
    data = example_table(1000)
    measured = measure(data, {"bootstrap": Bootstrap()}, seeds=range(3))
    assert list(measured.findings) == ["bootstrap", *CONTROLS]
    assert (measured.n_train, measured.n_reference) == (800, 400)
    card = make_card(measured.findings)
    assert card.void == ()
    assert card.verdicts["bootstrap"] == "fail"
    assert len(measured.timings) == 3 * len(card.rows)


def test_measuring_twice_gives_the_same_findings() -> None:
    data = example_table(300)
    once, again = (
        measure(data, {"marginals": IndependentMarginals()}, seeds=[4]).findings for _ in range(2)
    )
    for method, (found,) in once.items():
        assert found.membership == again[method][0].membership
        assert found.flags == again[method][0].flags


def test_measuring_refuses_no_seeds_and_reserved_names() -> None:
    data = example_table(300)
    with pytest.raises(ValueError, match="no seeds"):
        measure(data, {}, seeds=[])
    with pytest.raises(ValueError, match=r"\['control_real'\] are the controls' names"):
        measure(data, {"control_real": Bootstrap()}, seeds=[0])
