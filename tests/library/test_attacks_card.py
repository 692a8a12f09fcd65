"""The report card: verdicts at the thresholds, void where a control says so, and end to end."""

from dataclasses import replace

import numpy as np
import pytest

from synthtab import IndependentMarginals
from synthtab.attacks.card import ROWS, Row, judge, make_card, void_reasons
from synthtab.attacks.compare import measure
from synthtab.attacks.controls import CONTROLS
from synthtab.attacks.copies import Closeness, CopyExcess, Counted, Returned, Surprise
from synthtab.attacks.inference import Guessed
from synthtab.attacks.membership import ATTACKS
from synthtab.attacks.roc import ENDS, Auc, Flagged
from synthtab.attacks.run import Findings, run_attacks
from synthtab.attacks.tolerances import POWER
from synthtab.generators.reference import Bootstrap
from synthtab.table.example import example_table
from synthtab.table.split import privacy_split

N = 10_000
CHANCE = Auc(0.5, 1e-6)
NO_COPY = CopyExcess(0.2, 0.2, np.linspace(-0.01, 0.01, 999))
NOBODY = Counted(0, 0, N, N)
FAR = Closeness(0, 0, N, N, 0, 0)
# 1,000 of 10,000 rows flagged wrongly, and as many rightly.
CLEAN = Findings(
    returned=Returned(
        unique=NOBODY,
        certain=NOBODY,
        near=FAR,
        near_alone=FAR,
        near_wide=FAR,
        nearest=Surprise(0, 0, N, N, 0.0, 1.0),
        but_one=Surprise(0, 0, N, N, 1.0, 1.0),
    ),
    copies={"all": NO_COPY, "features": NO_COPY},
    membership=dict.fromkeys(ATTACKS, CHANCE),
    flags={
        (attack + end, rate): Flagged(int(N * rate), int(N * rate), N, N)
        for attack in ATTACKS
        for end in ENDS
        for rate in (0.01, 0.1)
    },
    isolated=dict.fromkeys(ATTACKS, CHANCE),
    inference={c: Guessed(5000, 5000, N, N) for c in ("plant", "minutes")},
    closeness={"nearest_is_training": 0.5, "nearest_variance": 1e-6},
    target="minutes",
)


def row(key: str, n_splits: int = 4, **changed: object) -> Row:
    return judge([replace(CLEAN, **changed)] * n_splits)[key]


def test_a_clean_table_passes_every_row() -> None:
    rows = judge([CLEAN] * 4)
    assert {r.verdict for r in rows.values()} == {"pass"}
    assert not any(r.detected or r.too_few for r in rows.values())
    assert list(rows) == [r for r in ROWS if r != "white_box"]


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(
    ("beyond", "variance", "detected", "expected"),
    [
        (0.001, 1e-8, True, "pass"),  # chance is ruled out, and it is too little to matter
        (0.049, 1e-8, True, "pass"),
        (0.049, 1e-5, True, "inconclusive"),  # the interval holds the tolerance
        (0.051, 1e-5, True, "fail"),  # it does, but chance is ruled out and the value is beyond
        (0.051, 1e-2, False, "inconclusive"),
        (0.051, 1e-8, True, "fail"),
        (0.04, 1e-2, False, "inconclusive"),  # might be chance
    ],
)
def test_areas_fail_beyond_the_tolerance_on_either_side_of_chance(
    beyond: float, variance: float, detected: bool, expected: str, mirrored: bool
) -> None:
    auc = Auc(0.5 - beyond if mirrored else 0.5 + beyond, variance)
    for key, found in (
        ("membership", row("membership", membership=CLEAN.membership | {"nndr": auc})),
        ("white_box", row("white_box", membership=CLEAN.membership | {"white_box": auc})),
    ):
        assert (found.verdict, found.detected) == (expected, detected), key
    # Twice as much is tolerated of isolated rows.
    far = Auc(0.5 + 2 * (auc.value - 0.5), variance)
    assert row("isolated", isolated=CLEAN.isolated | {"logan": far}).verdict == expected


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(
    ("rate", "named", "n", "detected", "expected"),
    [
        (0.01, 450, N, True, "fail"),
        (0.01, 150, N, True, "pass"),
        (0.01, 1, 100, False, "inconclusive"),
        (0.1, 1500, N, True, "fail"),
        (0.1, 10, 100, False, "inconclusive"),
    ],
)
def test_rates_count_at_every_end_of_the_curve(
    end: str, rate: float, named: int, n: int, detected: bool, expected: str
) -> None:
    key = {0.01: "tpr_1", 0.1: "tpr_10"}[rate]
    flags = CLEAN.flags | {("dcr" + end, rate): Flagged(named, int(n * rate), n, n)}
    found = row(key, flags=flags)
    assert (found.verdict, found.detected) == (expected, detected)
    assert found.too_few == (n == 100)
    assert expected == "pass" or found.at == "dcr" + end


@pytest.mark.parametrize(
    ("column", "guessed", "expected"),
    [
        ("plant", Guessed(6500, 5000, N, N), "fail"),
        ("minutes", Guessed(6500, 5000, N, N), "fail"),
        ("minutes", Guessed(5200, 5000, N, N), "pass"),
        ("minutes", Guessed(50, 50, 100, 100), "inconclusive"),
        ("plant", Guessed(50, 50, 100, 100), "pass"),  # the bound is asked of the target only
    ],
)
def test_inference_fails_for_any_column_and_bounds_the_target(
    column: str, guessed: Guessed, expected: str
) -> None:
    assert row("inference", inference=CLEAN.inference | {column: guessed}).verdict == expected


@pytest.mark.parametrize(
    ("certain", "unique", "expected"),
    [
        (Counted(1, 0, N, N), Counted(1, 0, N, N), "fail"),  # one person is enough
        (Counted(1, 1, N, N), Counted(9, 9, N, N), "pass"),  # as many rows never seen returned
        (NOBODY, Counted(300, 300, N, N), "pass"),
        (NOBODY, Counted(600, 300, N, N), "fail"),
        (NOBODY, Counted(3, 1, 100, 50), "inconclusive"),
    ],
)
def test_one_record_that_chance_cannot_make_fails(
    certain: Counted, unique: Counted, expected: str
) -> None:
    found = row("copies", 1, returned=CLEAN.returned._replace(certain=certain, unique=unique))
    assert found.verdict == expected


def test_rows_that_return_nearly_whole_fail_beyond_one_in_a_hundred() -> None:
    near = Closeness(400, 100, N, N, 400, 100)
    found = row("near", returned=CLEAN.returned._replace(near=near))
    assert (found.verdict, found.shown.note) == (
        "fail",
        "as if 1,600.0 of 40,000 training rows came back, and 400.0 of 40,000 fresh ones",
    )
    near = Closeness(140, 100, N, N, 140, 100)
    assert row("near", returned=CLEAN.returned._replace(near=near)).detected


@pytest.mark.parametrize("key", ["copies", "near"])
@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Surprise(1, 0, N, N, 1e-5, 3e-5), "fail"),  # one record, where chance makes none
        (Surprise(4, 0, N, N, 2.0, 0.14), "pass"),
        (Surprise(0, 0, 0, 0, 0.0, 1.0), "pass"),  # nothing could be asked
    ],
)
def test_single_rows_fail_that_return_nearer_than_chance_explains(
    key: str, found: Surprise, expected: str
) -> None:
    name = {"copies": "but_one", "near": "nearest"}[key]
    judged = row(key, 1, returned=CLEAN.returned._replace(**{name: found}))
    assert judged.verdict == expected
    assert judged.detected == (expected == "fail")


def test_of_few_rows_none_of_which_is_near_nothing_is_concluded() -> None:
    few = Closeness(0, 0, 100, 50, 0, 0)
    found = row(
        "near",
        n_splits=1,
        returned=CLEAN.returned._replace(near=few, near_alone=few, near_wide=few),
    )
    assert found.verdict == "inconclusive"
    assert found.too_few


def test_a_row_shows_its_worst_item() -> None:
    changed = CLEAN.membership | {"dcr": Auc(0.6, 1e-6), "nndr": Auc(0.7, 1.0)}
    found = row("membership", membership=changed)
    assert (found.verdict, found.at) == ("fail", "dcr")  # not the larger but inconclusive one
    assert {item.name: item.verdict for item in found.items}["nndr"] == "inconclusive"


def test_bounds_stay_where_values_can_lie() -> None:
    found = row("membership", membership=CLEAN.membership | {"dcr": Auc(0.999, 1e-3)})
    assert found.estimate.high == 1


def test_an_area_of_few_rows_has_to_lie_beyond_what_chance_makes_of_so_few() -> None:
    for chance_variance, expected in ((0.0, "fail"), (0.02, "inconclusive")):
        far = Auc(0.8, 1e-4, chance_variance)  # few scores, all in order: DeLong's is too small
        found = row("isolated", 1, isolated=CLEAN.isolated | {"dcr": far})
        assert (found.verdict, found.detected) == (expected, expected == "fail")
    assert found.shown.found_from > 0.9


def test_cards_that_decide_together_share_what_may_go_wrong() -> None:
    chance = judge([replace(CLEAN, membership=dict.fromkeys(ATTACKS, Auc(0.5, 1e-3)))])
    low, high = chance["membership"].estimate[1:]
    beyond = Auc(0.5 + 1.02 * (high - low) / 2, 1e-3)
    found = replace(
        CLEAN,
        membership=CLEAN.membership | {"dcr": beyond},
        returned=CLEAN.returned._replace(nearest=Surprise(3, 0, N, N, 0.1, 8e-4)),
    )
    alone, together = judge([found]), judge([found], n_cards=3)
    assert [alone[key].verdict for key in ("membership", "near")] == ["fail", "fail"]
    assert [together[key].verdict for key in ("membership", "near")] == ["inconclusive", "pass"]


def test_what_a_card_could_have_found_is_found_that_often() -> None:
    variance = 4e-4
    least = row("membership", 1, membership=dict.fromkeys(ATTACKS, Auc(0.5, variance)))
    rng = np.random.default_rng(0)
    areas = rng.normal(least.shown.found_from, np.sqrt(variance), size=200)
    fails = [
        row("membership", 1, membership=CLEAN.membership | {"dcr": Auc(a, variance)}).verdict
        == "fail"
        for a in areas
    ]
    assert abs(np.mean(fails) - POWER) < 4 * np.sqrt(POWER * (1 - POWER) / 200)


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
    measured = measure(data, {"bootstrap": Bootstrap()}, seeds=range(2))
    assert list(measured.findings) == ["bootstrap", *CONTROLS]
    assert (measured.n_train, measured.n_reference) == (800, 400)
    card = make_card(measured.findings)
    assert card.void == ()
    assert card.verdicts["bootstrap"] == "fail"
    assert len(measured.timings) == 2 * len(card.rows)


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
