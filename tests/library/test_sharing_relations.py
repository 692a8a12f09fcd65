"""Sharing a table with relations, keys and people: proposed, kept, replaced and counted."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthtab.__main__ import main
from synthtab.sharing import TableError, load_bundle, read_source, share
from synthtab.sharing.bundle import sample_to_file
from synthtab.sharing.columns import (
    Column,
    TablePlan,
    infer_plan,
    plan_text,
    read_plan,
    read_schema,
)
from synthtab.sharing.conditions import conditions_of
from synthtab.sharing.few import fold_few
from synthtab.sharing.form import TableForm, typed
from synthtab.sharing.pictures import distribution
from synthtab.sharing.ties import Tally, table_schema, with_relations, without_rare_relations
from synthtab.sharing.writer import row_writer
from synthtab.table.relations import Dependence, EmptyWhen, Order, Range, Sum

WARDS = {"A1": "surgery", "B2": "surgery", "C3": "children", "D4": "eyes"}
RELATIONS = {
    Sum("bill", ("room", "drugs")),
    Order("admitted", "discharged"),
    Dependence("ward", "speciality"),
    EmptyWhen("discharged", "state", ("in ward",), only=True),
}


def visits(n: int = 260, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    admitted = pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D")
    discharged = pd.Series(admitted + pd.to_timedelta(rng.integers(0, 30, n), unit="D"))
    state = rng.choice(["home", "moved", "in ward"], n, p=[0.5, 0.3, 0.2])
    ward = rng.choice(list(WARDS), n)
    room, drugs = rng.gamma(2, 40, n), rng.gamma(2, 20, n)
    patient = rng.integers(0, 120, n)
    return pd.DataFrame(
        {
            "patient_no": [f"P{4000 + i}" for i in patient],
            "patient_name": [f"Ada {chr(97 + i % 26)}{chr(97 + i // 26)}" for i in patient],
            "ward": ward,
            "speciality": [WARDS[w] for w in ward],
            "admitted": admitted.strftime("%d.%m.%Y"),
            "discharged": discharged.where(state != "in ward").dt.strftime("%d.%m.%Y"),
            "state": state,
            "room": np.char.mod("%.2f", room),
            "drugs": np.char.mod("%.2f", drugs),
            "bill": np.char.mod("%.2f", room.round(2) + drugs.round(2)),
        }
    )


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("real") / "visits.csv"
    visits().to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def schema(table, tmp_path_factory) -> Path:
    source = read_source(table)
    plan = infer_plan(source, "bill")
    path = tmp_path_factory.mktemp("schema") / "schema.yaml"
    text = plan_text(with_relations(plan, typed(source, plan)).proposed())
    path.write_text(text.replace("en_US", "tr_TR"), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def shared(table, schema, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("shared") / "out"
    share(
        table,
        target="bill",
        out=out,
        schema=schema,
        n_iter=5,
        n_rows=400,
        n_draws=1,
        random_state=0,
        release_anyway=True,
    )
    return out


def counted(made: Path, real: Path) -> dict[str, int]:
    """Rows of a file that break a relation of the real one."""
    source = read_source(real)
    plan = read_schema(source, "bill", None)
    frames = [typed(source, plan), typed(read_source(made), plan)]
    tally = Tally(list(RELATIONS), frames[0])
    tally.add(frames[1])
    return {row["relation"]: row["synthetic"] for row in tally.rows()}


def test_info_proposes_relations_keys_and_people(schema):
    text = schema.read_text(encoding="utf-8")
    assert '"patient_no": {kind: key}' in text
    assert '"patient_name": {kind: fake, like: "name"}' in text
    for relation in RELATIONS:
        assert json.dumps(relation.to_plain(), ensure_ascii=False) in text


def test_a_plan_with_relations_is_read_back(table, schema):
    source = read_source(table)
    plan = read_schema(source, "bill", schema)
    assert set(plan.relations) >= RELATIONS
    assert plan.locale == "tr_TR"
    assert read_plan(plan_text(plan), source, "bill", "text").relations == plan.relations


def test_no_synthetic_row_breaks_a_relation_and_the_card_counts_them(shared, table):
    record = json.loads((shared / "private" / "record.json").read_text(encoding="utf-8"))
    rows = {row["relation"]: row for row in record["relations"]}
    for relation in map(str, RELATIONS):
        assert (rows[relation]["real"], rows[relation]["synthetic"]) == (0, 0)
        assert rows[relation]["n_synthetic"] == 400
        assert rows[relation]["kept"]
    assert set(counted(shared / "release" / "synthetic.csv", table).values()) == {0}
    page = (shared / "private" / "report_card.html").read_text(encoding="utf-8")
    assert "admitted ≤ discharged" in page
    assert page.count('data-label="tolerated"') == len(record["privacy"]["rows"])  # on a telephone


def test_keys_and_names_are_made_up_in_their_places(shared, table):
    made, real = pd.read_csv(shared / "release" / "synthetic.csv"), pd.read_csv(table)
    assert list(made.columns) == list(real.columns)
    assert made.patient_no.str.fullmatch(r"P\d{4}").all()
    assert not set(made.patient_no) & set(real.patient_no)
    assert not set(made.patient_name) & set(real.patient_name)
    # One patient, one name, as often as in the real table.
    assert len(made[["patient_no", "patient_name"]].drop_duplicates()) == made.patient_no.nunique()
    assert abs(made.patient_no.nunique() / 400 - real.patient_no.nunique() / 260) < 0.1


def test_more_rows_keep_the_relations_and_meet_conditions_on_columns_that_are_not_learnt(
    shared, table, tmp_path
):
    out = tmp_path / "more.csv"
    asked = ["sample", str(shared), "-n", "150", "--where", "speciality=eyes", "--out", str(out)]
    assert main([*asked, "--seed", "3"]) == 0
    made = pd.read_csv(out)
    assert set(made.speciality) == {"eyes"}
    assert set(made.ward) == {"D4"}
    assert len(made) == 150
    assert set(counted(out, table).values()) == {0}
    model, form = load_bundle(shared)
    first, again = (next(iter(model.iter_samples(50, random_state=1))) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    form.schema.validate(first)


def test_ranges_are_met_on_columns_that_are_worked_out(shared, table, tmp_path):
    asked = ["discharged>=2025-03-01", "bill<150", "ward=A1,B2", "speciality=surgery"]
    sample_to_file(shared, 40, tmp_path / "some.csv", where=asked, random_state=0)
    made = pd.read_csv(tmp_path / "some.csv")
    days = pd.to_datetime(made.discharged, format="%d.%m.%Y")
    assert len(made) == 40
    assert days.min() >= pd.Timestamp("2025-03-01")
    assert made.bill.max() < 150
    assert set(made.ward) == {"A1", "B2"}
    assert set(counted(tmp_path / "some.csv", table).values()) == {0}
    with pytest.raises(ValueError, match=r"no row has such values of \['ward', 'speciality'\]"):
        sample_to_file(shared, 40, tmp_path / "none.csv", where=["ward=A1", "speciality=eyes"])


def test_rows_are_completed_as_their_relations_say(shared, table, tmp_path):
    given = pd.DataFrame(
        {
            "speciality": ["surgery", None, "eyes"] * 10,
            "admitted": ["05.03.2025", "01.04.2025", None] * 10,
            "discharged": ["06.03.2025", None, None] * 10,
            "bill": ["100.00", None, "120.50"] * 10,
            "room": ["60.25", "50.00", "70.00"] * 10,
            "patient_no": [None, None, None] * 10,
        }
    )
    given.to_csv(seeds := tmp_path / "seeds.csv", index=False)
    sample_to_file(shared, None, out := tmp_path / "out.csv", complete=seeds, random_state=0)
    made = pd.read_csv(out, dtype=str)
    for name in given:
        known = given[name].notna()
        assert made[name][known].tolist() == given[name][known].tolist()
    assert made.drugs[0::3].tolist() == ["39.75"] * 10  # the bill without the room
    assert not made.drop(columns="discharged").isna().any(axis=None)
    assert set(made.ward[2::3]) == {"D4"}
    assert set(counted(out, table).values()) == {0}


def test_cells_that_are_worked_out_may_be_given_alone(shared, table, tmp_path):
    given = pd.DataFrame(
        {
            "discharged": ["06.03.2025", "20.10.2025", None] * 10,
            "bill": ["100.00", None, "140.50"] * 10,
            "room": [None, "50.00", "70.00"] * 10,
        }
    )
    given.to_csv(seeds := tmp_path / "seeds.csv", index=False)
    sample_to_file(shared, None, out := tmp_path / "out.csv", complete=seeds, random_state=0)
    made = pd.read_csv(out, dtype=str)
    for name in given:
        known = given[name].notna()
        assert made[name][known].tolist() == given[name][known].tolist()
    assert len(set(made.admitted[0::3])) > 1
    assert len(set(made.room[0::3])) > 1
    assert made.room.astype(float).min() > 0
    assert made.drugs.astype(float).min() > 0
    assert set(counted(out, table).values()) == {0}


def test_conditions_that_no_row_can_meet_are_refused_before_drawing(shared, tmp_path):
    for where in (
        ["state=in ward", "discharged>=2025-03-01"],
        ["admitted>=2025-06-01", "discharged<2025-05-01"],
    ):
        with pytest.raises(ValueError, match="no row meets the conditions: "):
            sample_to_file(shared, 40, tmp_path / "none.csv", where=where)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"discharged": ["06.03.1995"]}, r"none has \['admitted'\] that go with this 'discharged'"),
        (
            {"discharged": [None, "06.03.2025"], "state": ["home", "in ward"]},
            "discharged is empty only when state is in ward is broken in data row 2",
        ),
        (
            {"admitted": ["06.03.2025"], "discharged": ["05.03.2025"]},
            "admitted ≤ discharged is broken in data row 1",
        ),
        ({"ward": ["A1"], "speciality": ["eyes"]}, r"data row 1: no row of the table has such"),
        ({"ward": ["Z9"]}, "'ward' never has the value of data row 1"),
        ({"patient_no": ["P4000"]}, "'patient_no' holds keys .*leave the column out"),
        ({"room": ["60.123"]}, "'room' has 2 decimals, data row 1 more"),
        ({"height": ["60"]}, r"columns \['height'\] are not among those that are drawn"),
    ],
)
def test_rows_that_cannot_be_completed_are_refused_with_their_place(
    shared, tmp_path, cells, message
):
    pd.DataFrame(cells).to_csv(seeds := tmp_path / "seeds.csv", index=False)
    with pytest.raises(TableError, match=message):
        sample_to_file(shared, None, tmp_path / "out.csv", complete=seeds)
    assert not (tmp_path / "out.csv").exists()


def test_a_day_in_the_files_own_format_stands_for_all_its_hours(tmp_path):
    at = pd.date_range("2024-01-01 07:30", periods=300, freq="37h").strftime("%d.%m.%Y %H:%M")
    cost = np.random.default_rng(0).normal(size=300).round(3)
    pd.DataFrame({"at": at, "cost": cost}).to_csv(path := tmp_path / "t.csv", index=False)
    source = read_source(path)
    plan = infer_plan(source, "cost")
    form = TableForm.fit(typed(source, plan), source, plan)
    for sign in (">=", "=", "<", "<=", ">"):
        asked = conditions_of(form, [f"at{sign}01.06.2024"])
        assert asked == conditions_of(form, [f"at{sign}2024-06-01"])
    low, high = conditions_of(form, ["at=01.06.2024"])["at"]
    assert (high - low + 1) * form.units["at"] == 86_400_000_000
    with pytest.raises(TableError, match="no date; write it as"):
        conditions_of(form, ["at>=32.06.2024"])


@pytest.mark.parametrize("change", [lambda path: path.write_text("{}"), Path.unlink])
def test_relations_are_for_their_owners_eyes_and_stay_with_their_model(shared, tmp_path, change):
    copy = tmp_path / "model"
    shutil.copytree(shared / "private" / "model", copy)
    assert {path.stat().st_mode & 0o777 for path in copy.iterdir()} == {0o600}
    change(copy / "relations.json")
    with pytest.raises(TableError, match=r"relations.json is not as it was written"):
        load_bundle(copy)


def test_a_missing_key_is_no_key_and_is_written_as_it_was(tmp_path):
    rows = visits().assign(patient_no=lambda rows: rows.patient_no.mask(rows.index % 5 == 0))
    rows.to_csv(path := tmp_path / "gaps.csv", index=False, na_rep="NA")
    source = read_source(path)
    plan = infer_plan(source, "bill").proposed()
    form = TableForm.fit(typed(source, plan), source, plan)
    assert form.made["patient_no"]["missing"] == 0.2
    assert form.made["patient_no"]["prefix"] == "P"
    made = form.with_made(typed(source, plan).head(100), form.surrogates(100, 0).of(100))
    with row_writer(tmp_path / "made.csv", form) as writer:
        writer.write(made)
    cells = pd.read_csv(tmp_path / "made.csv", keep_default_na=False).patient_no
    assert set(cells[~cells.str.startswith("P")]) == {"NA"}


def test_what_tells_people_apart_is_left_out_at_once(table):
    plan = read_schema(read_source(table), "bill", None, drop_identifiers=True)
    assert [c.name for c in plan.columns if c.kind == "drop"] == ["patient_no", "patient_name"]


def test_keys_are_not_replaced_unless_somebody_says_so(table, tmp_path):
    with pytest.raises(
        TableError, match=r"'patient_no' is an identifier.*kind: key.*'patient_name'"
    ):
        share(table, target="bill", out=tmp_path / "out")


@pytest.mark.parametrize(
    ("relations", "said"),
    [
        ("[{order: [admitted, ward]}]", "ward is a category"),
        ("[{order: [patient_no, bill]}]", r"no columns \['patient_no'\]"),
        ("[{empty: discharged, when: state, is: [in bed]}]", "'state' is never .'in bed'."),
        ("[{order: [admitted]}, {total: bill}]", "2 column names.*should begin with one of"),
        ("yes", "relations should be a list"),
    ],
)
def test_relations_that_do_not_fit_are_refused_before_training(
    table, schema, tmp_path, relations, said
):
    text = schema.read_text(encoding="utf-8").partition("relations:")[0]
    wrong = tmp_path / "schema.yaml"
    wrong.write_text(f"{text}relations: {relations}\n", encoding="utf-8")
    with pytest.raises(TableError, match=said):
        share(table, target="bill", out=tmp_path / "out", schema=wrong)
    assert not (tmp_path / "out").exists()


def test_a_relation_that_the_owner_adds_and_rows_break_is_not_enforced_and_said_so(table):
    source = read_source(table)
    plan = infer_plan(source, "bill")
    frame = typed(source, plan)
    noted = with_relations(replace(plan, relations={Order("drugs", "room"): ""}), frame)
    assert "is not enforced" in noted.relations[Order("drugs", "room")]
    assert table_schema(frame, noted).relations == (Order("drugs", "room"),)


def test_relations_that_rows_contradict_or_kinds_forbid_are_refused_together(table):
    source = read_source(table)
    plan = infer_plan(source, "bill")
    wrong = {
        Order("admitted", "discharged"): "",
        Order("discharged", "admitted"): "",
        Order("drugs", "room"): "",
        Order("room", "drugs"): "",
        Range("bill", 9e9): "",
        Order("admitted", "room"): "",
        Sum("bill", ("room", "admitted")): "",
        Sum("bill", ("discharged", "admitted"), (1.0, -1.0)): "",
        Order("admitted", "ward"): "",
        Range("admitted", 3): "",
    }
    with pytest.raises(TableError) as error:
        with_relations(replace(plan, relations=wrong), typed(source, plan))
    text = str(error.value)
    for said in (
        r"order \[discharged, admitted\] holds in [\d.]+ % of rows \(\d+ break it\); remove",
        r"order \[admitted, discharged\] \(100 % .* order \[discharged, admitted\].*contradict",
        r"range '.*bill' holds in 0 % of rows \(260 break it\)",
        r"order \[admitted, room\]: .* admitted is a date, room is a number",
        r"sum 'bill = room \+ admitted': .*admitted is a date",
        r"order \[admitted, ward\]: .* ward is a category",
        r"admitted is a date, its bound 3 is a number",
    ):
        assert re.search(said, text), said
    assert "these kinds" not in text.partition("discharged - admitted")[2].partition(";")[0]


def test_a_relation_that_one_row_breaks_is_warned_of_and_not_enforced(tmp_path):
    rows = visits()
    rows.loc[7, "discharged"] = "01.01.2024"
    rows.to_csv(path := tmp_path / "visits.csv", index=False)
    source = read_source(path)
    text = plan_text(infer_plan(source, "bill").proposed())
    (schema := tmp_path / "schema.yaml").write_text(
        text + "relations:\n  - {order: [admitted, discharged]}\n", encoding="utf-8"
    )
    told: list[str] = []
    share(
        path, target="bill", out=tmp_path / "out", schema=schema, n_iter=2, n_draws=1,
        release_anyway=True, write=told.append,
    )  # fmt: skip
    warning = next(
        t for t in told if t.startswith("warning: order [admitted, discharged] holds in")
    )
    assert "(1 breaks it) and is not enforced; remove the row or the relation" in warning
    assert any("admitted ≤ discharged; holds in 99." in t for t in told)
    record = json.loads((tmp_path / "out" / "private" / "record.json").read_text(encoding="utf-8"))
    assert not record["relations"][0]["kept"]


def test_long_amounts_with_decimals_are_no_key(tmp_path):
    rng = np.random.default_rng(0)
    amounts = [f"{v}.00" for v in rng.integers(10**10, 10**12, 300)]
    pd.DataFrame({"big": amounts, "y": rng.normal(size=300)}).to_csv(tmp_path / "t.csv")
    columns = {c.name: c for c in infer_plan(read_source(tmp_path / "t.csv"), "y").columns}
    assert (columns["big"].kind, columns["big"].decimals) == ("number", 2)


def test_pictures_name_days_and_whole_numbers():
    days = pd.Series(np.arange(19_800, 20_165, 7))
    picture = distribution(days, days + 3, is_category=False, unit=86_400_000_000)
    assert [la["text"] for la in picture["labels"]] == ["2024-03-18", "2025-03-20"]
    hours = distribution(days * 24, days * 24, is_category=False, unit=3_600_000_000)
    assert hours["labels"][0]["text"] == "2024-03-18 08:00"
    ages = pd.Series(np.random.default_rng(0).integers(18, 91, 500))
    texts = [la["text"] for la in distribution(ages, ages, is_category=False)["labels"]]
    assert texts == ["18", "93"]  # where the last interval ends: four ages each
    assert distribution(ages, ages, is_category=False)["gap"] == 0


def test_a_time_budget_that_is_too_small_says_what_to_type(table, schema, tmp_path):
    with pytest.raises(TableError, match=r"type --time-budget \d+s, or more") as error:
        share(table, target="bill", out=tmp_path / "out", schema=schema, time_budget=1e-3)
    assert int(re.search(r"budget (\d+)s", str(error.value))[1]) > 1


def test_no_distance_is_learnt_to_a_day_that_means_no_end(tmp_path):
    rows = visits()
    until = rows.admitted.mask(rows.index % 4 == 0, "31.12.9999")
    rows.assign(until=until).to_csv(path := tmp_path / "visits.csv", index=False)
    source = read_source(path)
    plan = infer_plan(source, "bill")
    frame = typed(source, plan)
    found = with_relations(plan, frame)
    assert Order("admitted", "discharged") in found.relations
    assert not [r for r in found.relations if isinstance(r, Order) and "until" in r.columns]
    with pytest.raises(TableError, match=r"admitted ≤ until.*stand for no end"):
        with_relations(replace(plan, relations={Order("admitted", "until"): ""}), frame)
    form = TableForm.fit(frame, source, plan)
    asked = conditions_of(form, ["until=31.12.9999"])
    assert asked == {form.flags["until"]: str(frame.until.max())}
    after = conditions_of(form, ["until>=2025-06-01"])
    day = pd.Timestamp("2025-06-01").value // 86_400 // 10**9
    assert after == {"until": (day, np.inf), form.flags["until"]: ["no", str(frame.until.max())]}
    assert conditions_of(form, ["until<2025-06-01"])[form.flags["until"]] == "no"
    assert conditions_of(form, ["room>60.123", "room<=70"]) == {"room": (60.13, 70.0)}
    assert conditions_of(form, ["room>60.12"])["room"][0] == pytest.approx(60.13)
    with pytest.raises(TableError, match="no value lies between"):
        conditions_of(form, ["room>60.12", "room<60.13"])


def test_the_form_of_keys_survives_its_file(table, schema):
    source = read_source(table)
    plan = read_schema(source, "bill", schema)
    form = TableForm.fit(typed(source, plan), source, plan)
    again = TableForm.from_plain(json.loads(json.dumps(form.to_plain())))
    rows = [f.surrogates(20, 0).of(20) for f in (form, again)]
    pd.testing.assert_frame_equal(*rows)
    assert not [k for k in visits().patient_no if k in json.dumps(form.to_plain()["made"])]


def test_when_a_column_is_empty_is_not_told_of_few_rows():
    n = 300
    frame = pd.DataFrame({"state": ["home"] * 290 + ["dead"] * 3 + ["ward"] * 7, "day": 1.0})
    frame = frame.assign(left=frame.day.where(frame.state == "home"), y=np.arange(n, dtype=float))
    frame["few"] = frame.day.where(frame.state != "dead")
    kinds = dict.fromkeys(["day", "left", "few", "y"], "number") | {"state": "category"}
    relation = EmptyWhen("left", "state", ("dead", "ward"), only=True)
    gone = EmptyWhen("few", "state", ("dead",))
    unknown = EmptyWhen("left", "state", ("deed",))
    plan = TablePlan(
        tuple(Column(name, kind) for name, kind in kinds.items()),
        "y",
        dict.fromkeys([relation, gone, unknown], ""),
    )
    changed, folded = fold_few(frame, ["state"], min_count=5, target="y", random_state=0)
    assert folded.gaps == ("few",)
    assert set(changed.state) == {"home", "ward"}
    kept = without_rare_relations(plan, frame, folded, min_count=5).relations
    assert {*kept} == {EmptyWhen("left", "state", ("ward",)), unknown}


def test_of_keys_neither_rare_gaps_nor_how_often_one_recurs_come_out(tmp_path):
    keys = [f"P{i:04d}" for i in range(200)] + ["P0000"] * 60 + ["P0001"] * 40
    rows = pd.DataFrame({"no": keys, "y": np.random.default_rng(0).normal(size=300).round(3)})
    rows.loc[5, "no"] = None
    rows.to_csv(tmp_path / "t.csv", index=False)
    source = read_source(tmp_path / "t.csv")
    plan = read_schema(source, "y", None, kinds={"no": {"kind": "key"}})
    forms = [TableForm.fit(typed(source, plan), source, plan, min_count=k).made for k in (1, 5)]
    assert {*forms[0]["no"]["sizes"]} == {"1", "41", "61"}
    assert forms[0]["no"]["missing"] > 0
    assert {*forms[1]["no"]["sizes"]} == {"1"}
    assert forms[1]["no"]["missing"] == 0
