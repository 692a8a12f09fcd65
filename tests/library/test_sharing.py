"""Sharing one's own table: what comes out, what is kept back, and what bad input leaves behind."""

import importlib
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch

from synthtab import tstr
from synthtab.__main__ import main
from synthtab.attacks.card import Item, Row
from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.evaluation.intervals import Estimate
from synthtab.sharing import load_bundle, share, ways
from synthtab.sharing.assessment import (
    Assessment,
    PrivacyJudgement,
    held_out_fidelity,
    held_out_utility,
)
from synthtab.sharing.bundle import sample_to_file
from synthtab.sharing.card_page import card_html
from synthtab.sharing.columns import Column, TablePlan, infer_plan
from synthtab.sharing.evaluate import _check_unseen
from synthtab.sharing.few import without_few
from synthtab.sharing.form import typed
from synthtab.sharing.judging import judge_in_time
from synthtab.sharing.likeness import likeness
from synthtab.sharing.pictures import intervals
from synthtab.sharing.source import TableError, read_source
from synthtab.table.example import example_table
from synthtab.table.schema import Schema

TARGET = "süre"


def write_table(path: Path, n_rows: int = 300) -> Path:
    """Rows of a simulated table as a Turkish spreadsheet writes them, with gaps and dates."""
    frame = example_table(n_rows).frame
    lines = ["no;çap;boy;standart;firma;tarih;süre"]
    for i, row in enumerate(frame.itertuples(index=False)):
        length = "" if i % 5 == 0 else f"{row.distance_km:.1f}".replace(".", ",")
        size = f"{row.weight_kg:.1f}".replace(".", ",")
        firm = "=Solo" if i < 3 else "Duo" if i < 6 else f"F{i % 7}"
        day = f"{1 + i % 28:02d}.0{1 + i % 9}.2025"
        minutes = f"{row.price_eur:.2f} dk".replace(".", ",")
        lines.append(f"B{i:05d};{size};{length};{row.service};{firm};{day};{minutes}")
    path.write_bytes(("\r\n".join(lines) + "\r\n").encode("cp1254"))
    return path


def write_numbers(path: Path, numbers: np.ndarray) -> Path:
    """Rows of the columns a and b."""
    pd.DataFrame(numbers, columns=["a", "b"]).to_csv(path, index=False)
    return path


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    return write_table(tmp_path_factory.mktemp("real") / "table.csv", 450)


@pytest.fixture(scope="module")
def shared(table, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("shared") / "out"
    asked = ["share", str(table), "--target", TARGET, "--out", str(out), "--drop", "no"]
    asked += ["--shadow-models", "6", "--seed", "0"]
    assert main([*asked, "--steps", "20", "--min-count", "5", "-n", "900"]) == 0
    return out


# --- what comes out ---------------------------------------------------------------------------


def test_a_shared_folder_holds_the_table_the_card_the_record_and_what_is_private(shared):
    assert files(shared) == [
        "private/model/form.json",
        "private/model/model.pt",
        "private/record.json",
        "private/report_card.html",
        "private/schema.yaml",
        "release/README.txt",
        "release/card.html",
        "release/synthetic.csv",
    ]
    assert sorted(p.name for p in shared.parent.iterdir()) == [".synthtab_attempts.jsonl", "out"]
    assert (shared / "private").stat().st_mode & 0o777 == 0o700
    private = [p for p in (shared / "private").rglob("*") if p.is_file()]
    assert {p.stat().st_mode & 0o777 for p in private} == {0o600}


def test_what_leaves_tells_nothing_private(shared):
    texts = {p.name: p.read_text(encoding="utf-8") for p in (shared / "release").glob("[!s]*")}
    for text in texts.values():
        assert "Released: no privacy rule fails" in text.replace("released", "Released")
        assert "about 450, of which about 300 were learnt" in text  # 305 were
        for private in ("table.csv", "seed", "torch", "numpy", "steps", "Solo", str(shared)):
            assert private not in text
    assert texts["card.html"].count("<tr>") == 4 + 2 + 7 + 6
    assert re.search(r"most exposed records: .* AUC 0\.\d\d that", texts["card.html"])
    assert not re.search(r"<script|https?:", texts["card.html"])


def test_the_synthetic_table_is_written_as_the_real_one(shared, table):
    text = (shared / "release" / "synthetic.csv").read_bytes().decode("cp1254")
    lines = text.split("\r\n")
    assert lines[0] == "çap;boy;standart;firma;tarih;süre"
    assert len(lines) == 902
    row = re.compile(r"\d+,\d;(\d+,\d)?;[A-Z+a-z]+;(F\d|\(other\));\d\d\.\d\d\.\d{4};\d+,\d\d dk")
    assert [line for line in lines[1:-1] if not row.fullmatch(line)] == []
    assert "Solo" not in text


def test_missing_values_come_back_in_proportion(shared):
    made = read_source(shared / "release" / "synthetic.csv").cells["boy"].isna()
    # 20 % of the real rows; a barely trained model knows shares from its first step.
    assert abs(made.mean() - 0.2) < 4 * np.sqrt(0.2 * 0.8 / len(made)) + 0.05


def test_the_card_is_one_page_without_scripts_or_anything_from_elsewhere(shared):
    page = (shared / "private" / "report_card.html").read_text(encoding="utf-8")
    elsewhere = re.findall(r"<script|<link|<img|src=|url\(|@import|https?://[\w./]+", page)
    assert set(elsewhere) == {"http://www.w3.org/2000/svg"}  # the name of SVG, which is not fetched
    assert "prefers-color-scheme:dark" in page
    assert "@media print" in page
    for word in (
        "No privacy rule fails",
        "random forest",
        "membership, AUC",
        "scikit-learn",
        "çap",
        "the worst first",
        "training rows on two axes",
        "held out rows on two axes",
        "associations of columns: difference",
    ):
        assert word in page
    assert page.count('role="img" aria-label="') == page.count("<svg") >= 7


def test_the_record_says_the_same_as_the_card(shared):
    record = json.loads((shared / "private" / "record.json").read_text(encoding="utf-8"))
    assert record["released"] is True
    assert record["settings"]["training steps"] == 20
    assert record["settings"]["suppressed values"] == {"firma": 2}
    page = (shared / "private" / "report_card.html").read_text(encoding="utf-8")
    assert all("reference" in row for row in record["fidelity"])
    for row in record["privacy"]["rows"].values():
        assert f'class="{row["verdict"]}" data-label="verdict">{row["verdict"]}</td>' in page


def test_the_card_says_how_exposed_the_most_exposed_rows_are(shared, table, tmp_path, capsys):
    record = json.loads((shared / "private" / "record.json").read_text("utf-8"))["shadows"]
    assert set(record) == {"449 rows", "2,243 rows"}  # of 152 learnt, in proportion to a release
    for parts in record.values():
        assert parts["exposed"]["n_models"] == 6
        assert parts["exposed"]["n_rows"] == 15
        assert parts["all"]["low"] < 0.6  # after twenty steps little is known
    card = (shared / "private" / "report_card.html").read_text("utf-8")
    assert "The most exposed records" in card
    assert "Not measured: how exposed" not in card
    asked = ["share", str(table), "--target", TARGET, "--out", str(tmp_path / "o")]
    for wrong in ("5", "4"):
        assert main([*asked, "--shadow-models", wrong]) == 2
        assert f"--shadow-models {wrong}: give 0 or an even number" in capsys.readouterr().err


def test_small_tables_are_learnt_by_one_network_a_column(shared):
    model, _ = load_bundle(shared / "private" / "model")
    assert model.networks_.n_members == 1


def test_the_same_seed_makes_the_same_table_and_none_another(shared, table, tmp_path):
    asked = {"target": TARGET, "drop": ["no"], "min_count": 5, "n_rows": 900}
    again = share(table, **asked, out=tmp_path / "a", n_iter=20, n_draws=1, random_state=0)
    assert again.table.read_bytes() == (shared / "release" / "synthetic.csv").read_bytes()
    assert again.assessment.settings["seed"] == 0
    assert any(note.startswith("The seed was given") for note in again.assessment.notes)
    told = []
    asked |= {"n_iter": 2, "n_draws": 1, "release_anyway": True, "write": told.append}
    secret = share(table, **asked, out=tmp_path / "b")
    settings = secret.assessment.settings
    assert (settings["seed"] != 0, settings["attempt on these rows"]) == (True, 2)
    assert any(note.startswith("The seed is the op") for note in secret.assessment.notes)
    assert "Attempt 2 on this table: a pass among 2 is weaker" in "".join(told)
    page = (tmp_path / "b" / "private" / "report_card.html").read_text(encoding="utf-8")
    assert "Attempt 2 on this table" in page
    book = tmp_path / ".synthtab_attempts.jsonl"
    assert book.stat().st_mode & 0o077 == 0
    assert len(book.read_text().splitlines()) == 2


class Copying(HybridDiffusion):
    """A model that gives training rows back."""

    def fit(self, frame, schema):
        self.rows_ = frame
        self.width = 8  # what is learnt is not drawn from
        return super().fit(frame, schema)

    def iter_samples(self, n_samples, *, random_state=None, **how):
        yield self.rows_.sample(n_samples, replace=True, random_state=0).reset_index(drop=True)


def test_a_table_of_copies_is_kept_back_unless_told_otherwise(table, tmp_path, capsys, monkeypatch):
    # `synthtab.sharing` has a function of the module's name
    module = importlib.import_module("synthtab.sharing.share")
    monkeypatch.setattr(module, "HybridDiffusion", Copying)
    monkeypatch.setattr(ways, "LIMIT", -1e6)
    asked = ["share", str(table), "--target", TARGET, "--drop", "no", "--steps", "20"]
    asked += ["--seed", "0"]
    assert main([*asked, "--out", str(tmp_path / "kept")]) == 3
    told = capsys.readouterr().err
    assert re.search(r"\n  --min-count 20: not tried: it takes about \d+ s, for which there", told)
    assert told.endswith("kept back; --release-anyway overrides\n")
    assert not (tmp_path / "kept" / "release").exists()
    page = (tmp_path / "kept" / "private" / "report_card.html").read_text(encoding="utf-8")
    assert "Kept back" in page
    asked = {"target": TARGET, "drop": ["no"], "n_iter": 20, "n_draws": 1, "random_state": 0}
    share(table, **asked, out=tmp_path / "out", release_anyway=True)
    assert "release/synthetic.csv" in files(tmp_path / "out")
    told = (tmp_path / "out" / "release" / "README.txt").read_text(encoding="utf-8")
    assert "Verdict: released against the rules, as asked." in told
    page = (tmp_path / "out" / "private" / "report_card.html").read_text(encoding="utf-8")
    assert "Released against the rules" in page


class CopyingAtLength(Copying):
    """Copies rows if it is trained for long, and else draws columns apart from each other."""

    def iter_samples(self, n_samples, *, random_state=None, **how):
        if self.n_iter > 100:
            yield from super().iter_samples(n_samples)
            return
        rng = np.random.default_rng(0)
        rows = {c: rng.choice(v.to_numpy(), n_samples) for c, v in self.rows_.items()}
        yield pd.DataFrame(rows).astype(self.rows_.dtypes)


def test_ways_out_are_tried_where_a_table_is_kept_back(tmp_path, monkeypatch):
    module = importlib.import_module("synthtab.sharing.share")
    monkeypatch.setattr(module, "HybridDiffusion", CopyingAtLength)
    monkeypatch.setattr(ways, "LIMIT", 1e6)
    rng = np.random.default_rng(0)
    a, code = rng.normal(size=400).round(2), rng.normal(size=400).round(6)
    rows = pd.DataFrame({"a": a, "code": code, "b": (a + 0.1 * rng.normal(size=400)).round(3)})
    out, told = tmp_path / "out", []
    asked = {"n_iter": 200, "random_state": 0, "n_draws": 1}
    done = share(rows, target="b", out=out, write=told.append, **asked)
    assert done.table is None
    assert [text.split(",")[0] for text in told if text.startswith("trying")] == [
        *("trying --steps 50", "trying --drop code", "trying --min-count 20")
    ]
    shown = [str(way) for way in done.assessment.ways]
    assert shown[0].startswith("--steps 50: no privacy rule fails; training rows returned whole 0.")
    assert shown[1].startswith("--drop code: kept back again, 7 rows fail; training rows returned")
    assert shown[2].startswith("--min-count 20: kept back again, ")
    assert all(way.endswith(" % of real") for way in shown)
    assert files(out) == [
        *("private/model/form.json", "private/model/model.pt", "private/record.json"),
        *("private/report_card.html", "private/schema.yaml"),
    ]
    record = json.loads((out / "private" / "record.json").read_text(encoding="utf-8"))
    shorter, drop, _ = record["ways"]
    assert [shorter["passes"], drop["passes"]] == [True, False]
    assert {e["verdict"] for e in shorter["effects"]} <= {"pass", "inconclusive"}
    assert shorter["use"][0] > 90 > shorter["use"][1]  # no column goes with another
    assert drop["use"][1] > 90  # which told nothing
    page = (out / "private" / "report_card.html").read_text(encoding="utf-8")
    assert "without <code>--seed</code>" in page
    assert ">no rule fails<" in page


def test_a_time_budget_bounds_the_steps(table, tmp_path, capsys):
    asked = ["share", str(table), "--target", TARGET, "--drop", "no", "--out", str(tmp_path / "o")]
    assert main([*asked, "--time-budget", "0.001s"]) == 2
    assert "seconds allow 0 training steps here" in capsys.readouterr().err
    assert files(tmp_path) == []


class Clock:
    """A clock that can be put forward."""

    ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


def test_models_are_trained_again_within_a_time_budget_or_the_card_says_why_not(
    table, tmp_path, monkeypatch
):
    module = importlib.import_module("synthtab.sharing.share")
    monkeypatch.setattr(module, "time", clock := Clock())
    monkeypatch.setattr(module, "_JUDGING", 1e6)

    def judging(*tables, seconds, **how):
        """Takes all the time that it is given."""
        until = clock.monotonic() + seconds
        if not judgements:  # the second table is the same one
            judgements.append(judge_in_time(*tables, seconds=30, **how))
        clock.ahead += max(until - clock.monotonic(), 0)
        return judgements[0]

    monkeypatch.setattr(module, "judge_in_time", judging)
    asked = {"target": TARGET, "drop": ["no"], "n_iter": 20, "n_draws": 1, "random_state": 0}
    asked |= {"release_anyway": True, "time_budget": 600}
    told, found, judgements = [], [], []
    for name, fewest in {"a": 6, "b": 100_000}.items():
        monkeypatch.setattr(module, "_FEWEST_SHADOWS", fewest)
        done = share(table, **asked, out=tmp_path / name, write=told.append)
        found.append(done.assessment)
    assert {p["exposed"].n_models >= 6 for p in found[0].shadows.values()} == {True}
    assert found[1].shadows == {}
    assert any("did not fit into --time-budget: 100000" in note for note in found[1].notes)
    assert "did not fit into --time-budget" in "".join(told)


# --- nothing of few people ---------------------------------------------------------------------


def test_what_stands_for_fewer_than_k_rows_together_never_comes_out(tmp_path):
    n = 300
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "ward": rng.choice(["A", "B"], n),
            "firm": rng.choice(["X", "Y"], n),
            "code": rng.choice([1, 2, 3], n),
            "count": rng.integers(0, 90, n),
            "until": pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 90, n), "D"),
            "y": rng.normal(size=n).round(3),
        }
    ).astype({"count": "Int64", "until": "datetime64[us]"})
    frame.loc[0, "ward"], frame.loc[1:3, "ward"] = "HIV", None  # fewer than five of each
    frame.loc[4:8, "firm"] = ["a", "b", "c", "d", "e"]  # five rare ones: nobody is alone
    frame.loc[9:11, "code"] = [7, 8, 8]
    frame.loc[12:15, "count"] = pd.NA
    frame.loc[16, "until"] = pd.Timestamp("9999-12-31")
    plan = {"code": {"kind": "category"}}
    asked = {"target": "y", "kinds": plan, "n_iter": 20, "n_draws": 1, "random_state": 0}
    done = share(frame, **asked, out=tmp_path / "out", release_anyway=True)
    _, form = load_bundle(tmp_path / "out")
    assert {n: [*c.values()] for n, c in form.categories.items()} == {
        "ward": ["A", "B"],
        "firm": ["X", "Y", "(other)"],
        "code": [1, 2, 3],
    }
    assert form.flags == form.specials == {}
    assert set(done.table.ward) == {"A", "B"}
    assert not done.table.isna().any(axis=None)
    assert done.table.until.max() < pd.Timestamp("2026-01-01")
    settings = done.assessment.settings
    assert settings["suppressed values"] == {"ward": 1, "firm": 5, "code": 2, "until": 1}
    assert settings["filled gaps"] == ["ward", "count", "until"]
    notes = [note for note in done.assessment.notes if "fewer than 5 rows hold, all of" in note]
    assert notes[0].startswith("ward, code, until, count: ")


def test_a_target_with_one_value_but_for_few_rows_is_refused():
    frame = pd.DataFrame({"a": [0.5, 2.5, 3.0] * 100, "y": ["no"] * 298 + ["yes"] * 2})
    with pytest.raises(TableError, match=r"'y': 2 of 300 rows have another value"):
        share(frame, target="y")


def few_rows() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 1000
    cost = np.append(rng.lognormal(8, 1, n - 4).round(2), [3e6, 0.01, 7777.77, 7777.77])
    grid = np.append(rng.choice([20, 30, 60], n - 2), [90, 5]).astype(np.int64)
    spent = np.where(rng.random(n) < 0.5, 0.0, rng.exponential(50, n).round(1))
    return pd.DataFrame({"cost": cost, "code": grid, "spent": spent, "y": cost + grid})


def test_no_end_and_no_outstanding_number_of_few_rows_is_learnt():
    rows = few_rows()
    schema = Schema.infer(rows, target="y")
    changed = without_few(rows, schema, min_count=5, random_state=0)
    assert changed.cost.max() < np.sort(rows.cost)[-5] + 0.5 * np.ptp(rows.cost)
    for column in ("cost", "y"):
        k_th = np.sort(rows[column])[[4, -5]]
        assert not changed[column].isin([rows[column].min(), rows[column].max()]).any()
        assert (changed[column] <= k_th[0]).sum() >= 5 <= (changed[column] >= k_th[1]).sum()
    assert not (changed.cost == 7777.77).any()
    assert set(changed.code) == {20, 30, 60}  # a list of values has no others between
    assert (changed.spent == 0).sum() == (rows.spent == 0).sum()  # many hold it
    assert list(changed.dtypes) == list(rows.dtypes)
    assert (changed.cost.round(2) == changed.cost).all()
    middle = rows.cost.between(*rows.cost.quantile([0.02, 0.98])) & (rows.cost != 7777.77)
    assert np.isclose(changed.cost, rows.cost)[middle].mean() > 0.9
    pd.testing.assert_frame_equal(without_few(rows, schema, min_count=1), rows)


def test_what_fills_a_gap_counts_for_nobody():
    rows = few_rows()[["cost", "code", "y"]]
    gap = np.arange(len(rows)) < 200
    rows.loc[gap, "cost"] = 3e6
    rows["cost is missing"] = np.where(gap, "yes", "no").astype(object)
    schema = Schema.infer(rows, target="y")
    flags = {"cost": "cost is missing"}
    assert (without_few(rows, schema, min_count=5, random_state=0).cost == 3e6).sum() > 100
    changed = without_few(rows, schema, min_count=5, flags=flags, random_state=0)
    assert changed.cost.max() < 3e6


# --- what decides about a release -------------------------------------------------------------


def judged_as(*draws: str, void: tuple[str, ...] = (), found_from: float = 0.6):
    estimate = Estimate(0.5, 0.4, 0.6)

    def row(verdict: str) -> Row:
        item = Item("dcr", estimate, 0.5, False, verdict, found_from, False)
        return Row(item, (item,))

    rows = [{"tpr_1": row("pass"), "membership": row(verdict)} for verdict in draws]
    numbers = {"n_attacked": 9, "n_holdout": 9, "n_reference": 9, "n_released": 9}
    return PrivacyJudgement(tuple(rows), {}, void, estimate, **numbers)


@pytest.mark.parametrize(
    ("draws", "more", "reason"),
    [
        (["pass"], {}, None),
        (["inconclusive"], {}, None),
        (["fail"], {}, "membership, AUC: beyond the tolerance in 1 of 1 draws"),
        (["pass", "pass", "fail"], {}, "in 1 of 3 draws"),
        (["pass"], {"void": ("a leak was not found",)}, "void, since a leak was not found; the"),
        (
            ["inconclusive"],
            {"found_from": 0.66},
            "too few rows to judge: membership, AUC, would be",
        ),
        (["pass"], {"found_from": 0.66}, None),  # whatever matters was ruled out
    ],
)
def test_a_table_may_go_out_if_no_draw_fails_on_a_card_that_can_tell(draws, more, reason):
    judged = judged_as(*draws, **more)
    assert judged.may_release is (reason is None)
    assert reason is None or reason in judged.reasons[0]
    assert judged.n_failed == draws.count("fail")


def test_a_release_needs_power_on_every_row_it_rests_on():
    judged = judged_as("inconclusive")
    (draw,) = judged.draws
    item = draw["membership"].shown._replace(found_from=0.09)
    judged = replace(judged, draws=({**draw, "near": Row(item, (item,))},))
    assert judged.weak == ("near",)
    assert not judged.may_release
    assert "training rows returned nearly whole, would be found from 0.09" in judged.reasons[0]
    assert "membership, AUC, from 0.60 on" in judged.could_find


def test_of_several_draws_the_worst_is_shown():
    rows = judged_as("pass", "fail", "inconclusive").rows
    assert (rows["membership"].verdict, rows["tpr_1"].verdict) == ("fail", "pass")


def test_a_table_of_too_few_rows_is_kept_back_and_never_passes(tmp_path, capsys):
    path = write_table(tmp_path / "small.csv", 260)
    asked = ["share", "--seed", "0", str(path), "--target", TARGET, "--drop", "no", "--steps", "2"]
    assert main([*asked, "--out", str(tmp_path / "out")]) == 3
    told = capsys.readouterr().err
    assert re.search(r"too few rows to judge: .* has to be", told)
    assert told.endswith("too few rows to judge; kept back, --release-anyway overrides\n")
    card = (tmp_path / "out" / "private" / "report_card.html").read_text("utf-8")
    assert "Too few rows to judge" in card
    assert "Not measured: how exposed the most exposed records are" in card


def test_every_fit_is_judged_and_a_budget_is_not_spent_twice(table, tmp_path):
    asked = {"n_iter": 2, "random_state": 0, "n_fits": 2, "n_draws": 2}
    done = share(table, target=TARGET, out=tmp_path / "out", drop=["no"], **asked)
    assert len(done.assessment.privacy.draws) == 4
    with pytest.raises(TableError, match="whose budget every fit would spend again"):
        share(
            table, target=TARGET, out=tmp_path / "o", drop=["no"], n_fits=2, epsilon=1.0, schema="s"
        )


def test_a_table_is_kept_back_if_the_attacks_miss_a_leak_that_is_there(tmp_path, capsys):
    # Nine values in all: whether a row is one of the training rows nobody can see.
    numbers = np.random.default_rng(0).binomial(4, 0.5, (300, 2))
    path = write_numbers(tmp_path / "table.csv", numbers)
    out = tmp_path / "out"
    asked = ["share", str(path), "--target", "b", "--steps", "2", "--seed", "0"]
    assert main([*asked, "--out", str(out)]) == 3
    assert "void, since control: " in capsys.readouterr().err
    record = json.loads((out / "private" / "record.json").read_text(encoding="utf-8"))
    assert record["privacy"]["failed"] == []
    assert record["privacy"]["void"]
    assert record["released"] is False
    assert not (out / "release").exists()


def test_use_is_judged_on_rows_that_no_learner_has_seen(tmp_path):
    # Numbers that depend on nothing: trees repeat the rows they have seen, and explain no others.
    numbers = np.random.default_rng(0).normal(size=(300, 2)).round(4)
    path = write_numbers(tmp_path / "table.csv", numbers)
    done = share(path, target="b", out=tmp_path / "out", n_iter=2, random_state=0)
    found = done.assessment.utility
    assert found[found.table == "real"].value.max() < 0.1


def test_a_frame_is_shared_into_a_frame_and_nothing_else_is_left(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    frame = example_table(300).frame.assign(
        service=lambda f: f.service.astype("category").cat.add_categories(["HIV", "none yet"]),
        day=pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 90, 300), unit="D"),
        count=pd.array(rng.integers(0, 9, 300), dtype="Int64"),
    )
    frame.loc[::7, "count"] = pd.NA
    frame.loc[5:6, "service"] = "HIV"
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    asked = {"n_iter": 5, "random_state": 0, "n_draws": 1, "release_anyway": True}
    done = share(frame, target="price_eur", **asked)
    assert files(tmp_path) == []
    assert done.folder is None
    assert done.table.shape == frame.shape
    kept = [c for c in frame if c != "service"]
    assert (done.table.dtypes[kept] == frame.dtypes[kept]).all()
    assert {*done.table.service.cat.categories} == {*example_table(300).frame.service}
    assert 0 < done.table["count"].isna().mean() < 0.5
    assert done.verdict == done.assessment.verdict
    assert done.card.startswith("<!doctype html>")
    shown = done._repr_html_()
    assert done.verdict in shown
    assert "<script" not in shown
    assert "&lt;!doctype html&gt;" in shown
    with pytest.raises(TableError, match="names of columns are text"):
        share(frame.rename(columns={"day": 3}), target="price_eur")
    with pytest.raises(TableError, match="out: name a folder"):
        share(tmp_path / "table.csv", target="price_eur")


# --- more rows, other tables ------------------------------------------------------------------


def test_rows_are_drawn_into_a_new_file_with_a_condition(shared, tmp_path, capsys):
    out = tmp_path / "rows.parquet"
    asked = ["sample", str(shared), "-n", "500", "--seed", "1", "--out", str(out)]
    assert main([*asked, "--where", "firma=F3", "--where", "boy="]) == 0
    made = pq.read_table(out).to_pandas()
    assert len(made) == 500
    assert set(made.firma) == {"F3"}
    assert made.boy.isna().all()
    assert main(asked) == 2
    assert "exists and is not overwritten" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("firm=F3", "no such column"),
        ("firma=F99", "never takes 'F99'"),
        ("süre=-5", "goes from"),
        ("firma", "write it as COLUMN=VALUE"),
        ("firma>F3", "name its values by ="),
        ("boy>=tall", "'tall' is no number"),
        ("tarih<soon", "'soon' is no date"),
    ],
)
def test_a_condition_that_cannot_be_met_is_refused(shared, tmp_path, capsys, where, message):
    asked = ["sample", str(shared), "-n", "10", "--out", str(tmp_path / "rows.csv")]
    assert main([*asked, "--where", where]) == 2
    assert message in capsys.readouterr().err
    assert files(tmp_path) == []


def test_ranges_days_and_lists_are_conditions(shared, tmp_path):
    where = ["boy>=200,5", "boy<600", "firma=F1,F2", "tarih>2025-03-01", "süre<=1200,00 dk"]
    sample_to_file(shared, 100, tmp_path / "rows.csv", where=where, random_state=0)
    source = read_source(tmp_path / "rows.csv")
    made = typed(source, infer_plan(source, TARGET))
    assert made.boy.between(200.5, 599.9).all()
    assert set(made.firma) == {"F1", "F2"}
    assert made.tarih.min() >= pd.Timestamp("2025-03-02")
    assert made[TARGET].max() <= 1200


def test_cells_with_exponents_are_completed_as_they_are(tmp_path):
    cells = [f"{v:.2e}" for v in np.random.default_rng(0).lognormal(-9, 1, 300)]
    pd.DataFrame({"conc": cells, "y": range(300)}).to_csv(tmp_path / "t.csv", index=False)
    asked = ["share", str(tmp_path / "t.csv"), "--target", "y", "--seed", "0"]
    asked += ["--out", str(tmp_path / "out")]
    assert main([*asked, "--steps", "50", "--release-anyway"]) == 0
    (tmp_path / "seeds.csv").write_text("conc\n" + "\n".join(sorted(cells)[100:103]) + "\n")
    model = str(tmp_path / "out" / "private" / "model")
    asked = ["sample", model, "--complete", str(tmp_path / "seeds.csv")]
    assert main([*asked, "--out", str(tmp_path / "rows.csv")]) == 0
    made = pd.read_csv(tmp_path / "rows.csv", dtype=str)
    assert made.conc.tolist() == sorted(cells)[100:103]
    asked = ["sample", model, "-n", "50", "--where", "conc<=1.5e-4"]
    assert main([*asked, "--out", str(tmp_path / "small.csv")]) == 0
    small = pd.read_csv(tmp_path / "small.csv").conc
    assert 0 < small.min() <= small.max() <= 1.5e-4


def test_rows_are_completed_in_their_order_and_given_cells_stay(shared, tmp_path, capsys):
    lines = ["firma;boy;tarih", "F1;125,5;03.04.2025", "Solo;;", ";400,0;", "F3;;28.01.2025"]
    seeds = "\n".join(lines[:1] + lines[1:] * 3)
    (tmp_path / "seeds.csv").write_text(seeds, encoding="cp1254")
    asked = ["sample", str(shared), "--complete", str(tmp_path / "seeds.csv"), "--seed", "1"]
    assert main([*asked, "--out", str(tmp_path / "rows.csv")]) == 0
    made = read_source(tmp_path / "rows.csv").cells
    given = read_source(tmp_path / "seeds.csv").cells
    assert len(made) == len(given) == 12
    for name in given:
        known = given[name].notna()
        assert made[name][known].tolist() == given[name][known].tolist()
    assert not made.isna().any(axis=None)  # although a fifth of the real cells are
    (tmp_path / "one.csv").write_text("boy\n12,5\n99999,0\n", encoding="cp1254")
    asked[3] = str(tmp_path / "one.csv")
    assert main([*asked, "--out", str(tmp_path / "none.csv")]) == 2
    assert "data rows from 1: column 'boy' goes from" in capsys.readouterr().err
    assert main([*asked, "-n", "3", "--out", str(tmp_path / "none.csv")]) == 2
    assert "leave out -n and --where" in capsys.readouterr().err


class _Evil:
    def __reduce__(self):
        return (os.system, ("echo run > evil",))


def test_a_model_from_elsewhere_runs_no_code(shared, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "form.json").write_bytes(
        (shared / "private" / "model" / "form.json").read_bytes()
    )
    torch.save({"format": _Evil()}, tmp_path / "model" / "model.pt")
    assert main(["sample", "model", "-n", "10", "--out", "rows.csv"]) == 2
    assert "not a model file, or one that holds code" in capsys.readouterr().err
    assert not (tmp_path / "evil").exists()
    assert main(["sample", "nowhere", "-n", "10", "--out", "rows.csv"]) == 2
    assert "no model.pt" in capsys.readouterr().err


def test_a_disk_that_is_full_leaves_nothing(shared, tmp_path, capsys):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # No file may grow beyond so many bytes: the kernel refuses to write on.
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        asked = ["sample", str(shared), "-n", "9000", "--out", str(tmp_path / "rows.csv")]
        assert main(asked) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "could not be written" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_anybodys_table_is_judged(shared, table, tmp_path, capsys):
    unseen = tmp_path / "unseen.csv"
    lines = write_table(tmp_path / "more.csv", 900).read_bytes().split(b"\r\n")
    unseen.write_bytes(b"\r\n".join([lines[0], *lines[451:]]))
    asked = ["evaluate", str(table), str(shared / "release" / "synthetic.csv"), "--target", TARGET]
    asked += ["--drop", "no"]
    assert main([*asked, "--unseen", str(unseen), "--out", str(tmp_path / "card")]) == 0
    told = capsys.readouterr().out
    assert re.search(r"membership, AUC +0\.\d+ \(.*\) .*(pass|inconclusive|fail)\n", told)
    assert files(tmp_path / "card") == ["record.json", "report_card.html"]
    # Rows that the table was made from prove nothing.
    assert main([*asked, "--unseen", str(table)]) == 2
    refused = capsys.readouterr()
    assert refused.out == ""
    assert re.search(
        r"rows of \S+ \(--unseen\) are rows of \S+, more than chance makes", refused.err
    )
    # A table that gives the real rows away.
    asked[2] = str(table)
    assert main([*asked, "--unseen", str(unseen)]) == 3
    told = capsys.readouterr()
    assert "told apart from real rows with AUC" in told.out
    assert told.err.endswith("\nshould not be released\n")
    short = tmp_path / "short.csv"
    short.write_text("çap;süre\n" + "1,5;2\n" * 300, encoding="utf-8")
    assert main(["evaluate", str(table), str(short), "--target", TARGET, "--drop", "no"]) == 2
    assert "columns ['boy', 'standart', 'firma', 'tarih'] are missing" in capsys.readouterr().err


def test_coarse_rows_that_agree_by_chance_may_be_unseen():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        rows = pd.DataFrame(rng.integers(0, 4, size=(530, 5)), columns=list("abcde"))
        _check_unseen(rows[:280], rows[280:], "real.csv", "unseen.csv")
    with pytest.raises(TableError, match="more than chance makes"):
        _check_unseen(rows[:280], rows[100:350], "real.csv", "unseen.csv")


def test_equal_tables_are_equally_useful():
    parcels = example_table(400)
    frame, schema = parcels.frame, parcels.schema
    tables = {"real": frame[:300], "synthetic": frame[:300]}
    found = held_out_utility(tables, frame[300:], schema, random_state=0)
    made = found[found.table == "synthetic"]
    assert (made.percent == 100).all()
    assert (made.low < made.value).all()
    assert (made.value < made.high).all()


@pytest.mark.parametrize("target", ["price_eur", "service"])
def test_the_card_scores_utility_as_tstr_does(target, monkeypatch):
    monkeypatch.setattr("synthtab.sharing.assessment._N_RESAMPLED", 10)  # of bounds, not of scores
    parcels = example_table(500)
    frame, schema = parcels.frame, replace(parcels.schema, target=target)
    real, made, test = (frame[i : i + n].reset_index(drop=True) for i, n in
                        ((0, 200), (200, 200), (400, 100)))  # fmt: skip
    found = held_out_utility({"real": real, "synthetic": made}, test, schema, random_state=3)
    found = found[found.table == "synthetic"].set_index("learner")
    scores = tstr(made, test, schema, reference=real, random_state=3)
    scores = scores[scores.metric == found.metric.iloc[0]].set_index("learner").value
    assert len(scores) == 4
    assert found.value.to_dict() == pytest.approx(scores.to_dict(), rel=1e-12)


def test_the_card_finds_the_columns_and_pairs_that_are_unlike():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(2, 3000))
    real = pd.DataFrame({"a": a[0], "b": a[0] + a[1], "c": rng.choice(["x", "y"], 3000), "y": a[1]})
    made = real.assign(b=rng.permutation(real.b), c="x")
    schema = Schema.infer(real, target="y")
    found = likeness(real.tail(1500), real.head(1500), made, schema)
    assert found.columns.index[0] == "c"
    assert abs(found.columns.accuracy["c"] - 0.5) < 0.05
    assert found.columns.accuracy["b"] > 0.95
    assert found.columns.reference.min() > 0.94
    assert {*found.pairs[0]["columns"]} | {*found.pairs[1]["columns"]} == {"a", "b", "y"}
    assert abs(found.pairs[0]["difference"] + 0.5**0.5) < 0.05
    assert abs(found.pairs[0]["reference"]) < 0.06
    square = found.matrices["difference"]
    assert np.allclose(square, found.matrices["synthetic"] - found.matrices["real"])
    assert {name: at.shape for name, at in found.points.items()} == dict.fromkeys(
        ["training", "held out", "synthetic"], (300, 2)
    )


def test_a_score_below_the_axis_is_drawn_at_its_edge():
    picture = intervals([("a", "real", 0.5, 0.4, 0.6), ("b", "synthetic", -9.0, -9.5, -8.5)])
    assert picture["lines"][1]["x"] == 118.0


# --- the card ---------------------------------------------------------------------------------

MARKUP = """<script>alert(1)</script>"'><img src=x onerror='alert(2)'>&amp;{{ 7 * 7 }}"""


class _Page(HTMLParser):
    """The elements, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags, self.attributes, self.given, self.text = set(), set(), set(), ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.given |= {value for _, value in attrs}

    def handle_data(self, data):
        self.text += data


def assessment_of(text: str) -> Assessment:
    """An assessment in which everything that comes from the owner is `text` and a letter."""
    name, target, flag, dropped = (f"{letter}{text}" for letter in "ntfd")
    frame = pd.DataFrame(
        {
            name: [f"{i % 2}{text}" for i in range(40)],
            flag: [f"{i % 8}{text}" for i in range(40)],
            target: np.arange(40.0),
        }
    )
    categories = {c: tuple(sorted(set(frame[c]))) for c in (name, flag)}
    schema = Schema((name, flag, target), categories, target)
    utility = held_out_utility({"real": frame, "synthetic": frame}, frame, schema, random_state=0)
    return Assessment(
        settings={
            "file": text,
            "target": target,
            "test rows": f"w{text}",
            "guarantee": f"g{text}",
            "dropped columns": [dropped],
            "suppressed values": {name: 3},
            "versions": {"synthtab": "1"},
        },
        utility=utility,
        fidelity=held_out_fidelity(frame, frame, frame, schema, random_state=0),
        privacy=None,
        real=frame,
        synthetic=frame,
        training=frame,
        schema=schema,
        plan=TablePlan(
            (
                Column(name, "category", note=f"c{text}"),
                Column(target, "number"),
                Column(dropped, "drop"),
            ),
            target,
        ),
        released=None,
        notes=(f"o{text}",),
    )


def test_what_the_owner_wrote_is_text_of_the_card_and_never_markup():
    assessments = [assessment_of(text) for text in ("plain", MARKUP)]
    harmless, hostile = (_Page(card_html(assessment)) for assessment in assessments)
    assert assessments[0].verdict == "released under a formal guarantee"
    assert replace(assessments[0], settings={}).verdict.startswith("no verdict on privacy")
    assert hostile.tags == harmless.tags
    assert hostile.attributes == harmless.attributes
    assert "script" not in hostile.tags
    for letter in ("", *"ntfdwgco"):  # of every string of the owner
        assert f"{letter}{MARKUP}" in hostile.text
    assert f"0{MARKUP}"[:8] in hostile.text  # the beginning of a category, below its bar
    assert any(value.startswith(f"n{MARKUP}: real and") for value in hostile.given if value)


def test_a_missing_jinja2_is_told_before_the_work_with_what_brings_it(
    table, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    out = ["--target", TARGET, "--drop", "no", "--out", str(tmp_path / "out")]
    for asked in (["share", str(table)], ["evaluate", str(table), str(table)]):
        assert main([*asked, *out]) == 2
        told = capsys.readouterr()
        assert told.err == "jinja2 is missing: pip install 'synthtab[share]'\n"
        assert told.out == ""
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'synthtab\[share\]'"):
        share(table, target=TARGET, out=tmp_path / "out")
    assert files(tmp_path) == []


# --- bad input --------------------------------------------------------------------------------

GOOD = "a,b\n" + "".join(f"{i % 9},{i}.5\n" for i in range(300))


@pytest.mark.parametrize(
    ("name", "content", "extra", "message"),
    [
        ("no.csv", None, [], "there is no such file"),
        ("t.csv", "", [], "is empty"),
        ("t.csv", "a\n1\n", [], "has one column"),
        ("t.csv", GOOD.replace(",", ":"), [], "has one column, 'a:b'"),
        ("t.csv", GOOD, ["--target", "c"], "no column 'c' to predict"),
        ("t.csv", GOOD.replace(".5", "").replace("a,b", "b,a"), [], "is an identifier"),
        (
            "t.csv",
            "a,b\n" + "1,2\n" * 300,
            [],
            "'b' is constant (always a cell like '9'), and the target",
        ),
        ("t.csv", "a,b\n" + "".join(f"{i % 9},w{i}\n" for i in range(300)), [], "an identifier"),
        ("t.csv", "a,b\n" + "".join(f",{i}.5\n" for i in range(300)), [], "empty in every row"),
        ("t.csv", GOOD.replace("a,b", "b,b"), [], "columns named more than once"),
        ("t.csv", GOOD + "inf,1\n", [], "infinite values, a cell like 'aaa' in data row 301"),
        ("t.csv", "\n".join(GOOD.split("\n")[:200]), [], "has 199 data rows; at least 250"),
        ("t.csv", GOOD + "x,1\n", [], "numbers, but a cell like 'a' in data row 301"),
        ("t.csv", GOOD + "1,2,3\n", [], "data row 301 has 3 cells"),
        ("t.parquet", "PAR1 cut off", [], "cannot be read as Parquet"),
        ("folder.csv", "folder", [], "is a folder"),
        ("t.csv", GOOD, ["--drop", "z"], "['z'] are not in the table"),
        ("t.csv", GOOD, ["--drop", "b"], "the target 'b' cannot be dropped"),
        ("t.csv", GOOD, ["--drop", "a"], "fewer than two columns are left"),
        ("t.csv", GOOD, ["-n", "10"], "-n 10: fewer than 250 rows"),
        ("t.csv", GOOD, ["--min-count", "0"], "--min-count 0: give 1 or more"),
        ("t.csv", GOOD, ["--steps", "0"], "--steps 0: give 1 or more"),
        ("t.csv", GOOD, ["--schema", "no.yaml"], "--schema no.yaml"),
    ],
)
def test_bad_input_ends_with_2_and_a_message_and_leaves_nothing(
    tmp_path, monkeypatch, capsys, name, content, extra, message
):
    monkeypatch.chdir(tmp_path)
    if content == "folder":
        (tmp_path / name).mkdir()
    elif content is not None:
        (tmp_path / name).write_text(content)
    before = sorted(tmp_path.rglob("*"))
    assert main(["share", name, "--target", "b", "--out", "out", *extra]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert "Traceback" not in told
    assert sorted(tmp_path.rglob("*")) == before


def test_an_output_that_exists_is_left_alone(tmp_path, capsys):
    path = tmp_path / "t.csv"
    path.write_text(GOOD)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("old")
    asked = ["share", "--seed", "0", str(path), "--target", "b", "--out", str(tmp_path / "out")]
    assert main(asked) == 2
    assert "exists and is not overwritten" in capsys.readouterr().err
    assert files(tmp_path / "out") == ["mine"]


def test_an_interrupted_training_leaves_nothing_behind(table, tmp_path):
    command = [sys.executable, "-m", "synthtab", "share", str(table), "--target", TARGET]
    process = subprocess.Popen(
        [*command, "--drop", "no", "--out", "out", "--steps", "100000"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts background jobs with Ctrl-C ignored, and the tests may be such a job.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.iterdir()):
        assert time.monotonic() < deadline, "the training did not start"
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    _, message = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in message
    assert not list(tmp_path.iterdir())


def test_info_prints_versions_and_a_schema_to_start_from(table, capsys):
    assert main(["info"]) == 0
    assert re.match(r"synthtab \d", capsys.readouterr().out)
    assert main(["info", str(table), "--target", TARGET]) == 0
    assert '"no": {kind: key}' in capsys.readouterr().out
    assert main(["info", str(table), "--target", "no"]) == 0  # that cannot be learnt is said there
    assert '"no": {kind: identifier}' in capsys.readouterr().out
    assert main(["info", str(table)]) == 2
    assert "name the target" in capsys.readouterr().err


def test_help_tells_of_every_command(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    told = capsys.readouterr().out
    for command in ("share", "sample", "evaluate", "info"):
        assert re.search(rf"^ +{command}\b", told, flags=re.MULTILINE)
