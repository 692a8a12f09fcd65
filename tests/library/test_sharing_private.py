"""Sharing with a budget: what leaves was declared or paid for, and an audit finds nothing else."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("opacus")

import synthtab.dp.correction as correction
import synthtab.dp.fit as private_fit
import synthtab.sharing.private as private
from synthtab.__main__ import main
from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.dp.accounting import Mechanism, epsilon
from synthtab.dp.budget import Privacy
from synthtab.dp.fit import planned
from synthtab.sharing import load_bundle, share
from synthtab.sharing.audit import epsilon_at_least, seen
from synthtab.sharing.declaration import declared_rows, read_declaration
from synthtab.sharing.form import TableForm
from synthtab.sharing.ledger import enter, ledger_of
from synthtab.sharing.source import read_source
from synthtab.table.schema import Schema

N_CHOOSING, N_ANSWERING = 3, 6
EPSILON = 0.1  # the smaller, the fewer runs show that more was spent
ADDED = {
    "foreign": "HIV,,12.555,9.3\n",  # a new category, a gap, decimals
    "usual": "b,10.0,2.0,5.0\n",
}
SCHEMA = """
target: y
public: true
rows: 300
columns:
  g: {kind: category, categories: [a, b], missing: false}
  x: {kind: number, decimals: 1, bounds: [0, 30], missing: false}
  z: {kind: number, decimals: 1, bounds: [0, 30], missing: false}
  y: {kind: number, decimals: 1, bounds: [0, 10], missing: false}
"""


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> dict[str, Path]:
    """Files that differ by one row, and what is declared of all."""
    folder = tmp_path_factory.mktemp("tables")
    rng = np.random.default_rng(0)
    n = 301
    frame = pd.DataFrame(
        {
            "g": rng.choice(["a", "b"], n),
            "x": rng.normal(10, 2, n).round(1),
            # One row more at 2.0 moves the first quartile from 20.0 to there.
            "z": np.repeat([2.0, 20.0], [75, n - 75]),
            "y": rng.normal(5, 1, n).round(1),
        }
    )
    text = frame.to_csv(index=False)
    for name, row in {"without": "", **ADDED}.items():
        (folder / f"{name}.csv").write_text(text + row, encoding="utf-8")
    (folder / "schema.yaml").write_text(SCHEMA, encoding="utf-8")
    return {path.stem: path for path in folder.glob("*.csv")}


def shared(table: Path, out: Path, *more: str) -> int:
    """Exit status of a small share, whose ledger is its own."""
    asked = ["share", str(table), "--target", "y", "--schema", str(table.with_name("schema.yaml"))]
    asked += ["--epsilon", str(EPSILON), "--steps", "1", "--ledger", f"{out}.jsonl"]
    return main([*asked, "--out", str(out), *more])


# --- the audit --------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch) -> None:
    """Fits that are small."""
    monkeypatch.setattr(private_fit, "_DRAWN", 300)
    monkeypatch.setattr(private_fit, "_DRAWING_STEPS", 2)
    monkeypatch.setattr(private_fit, "_BATCH_SIZE", 50)
    monkeypatch.setattr(correction, "_N_TREES", 3)


def observed(table: Path, folder: Path) -> pd.DataFrame:
    """What is seen of some runs."""
    outs = [folder / f"{table.stem}-{i}" for i in range(N_CHOOSING + N_ANSWERING)]
    return pd.DataFrame([seen(shared(table, out, "--no-card", "--seed", "0"), out) for out in outs])


def test_an_audit_tells_no_row_from_what_leaves(tables, tmp_path, quick):
    without = observed(tables["without"], tmp_path)
    assert (without["exit status"] == 0).all()
    for name in ADDED:
        with_it = observed(tables[name], tmp_path)
        found = epsilon_at_least(without, with_it, n_choosing=N_CHOOSING, delta=1 / 3000)
        assert found.epsilon <= EPSILON, found.question
        # What does not depend on chance does not depend on the row either.
        same_texts = ("text of guarantee.txt", "text of README.txt", "text of form.json")
        for same in ("exit status", "rows", *same_texts):
            assert set(with_it[same]) == set(without[same])


def leaky_categories(monkeypatch) -> None:
    """The category lists are read off the rows."""
    declared = TableForm.declared

    def broken(plan, source):
        form = declared(plan, source)
        return replace(form, categories={"g": {v: v for v in source.cells["g"].unique()}})

    monkeypatch.setattr(private.TableForm, "declared", broken)


def no_noise(monkeypatch) -> None:
    """Training and questions with hardly any noise, but the same statement."""

    def without(function):
        return lambda *a, **k: function(*a, **{**k, "noise_multiplier": 1e-3})

    for name in ("train_privately", "private_quartiles", "correct_target"):
        monkeypatch.setattr(private_fit, name, without(getattr(private_fit, name)))


def known_seed(monkeypatch) -> None:
    """The noise comes from a seed that everybody knows."""
    fit = HybridDiffusion.fit
    monkeypatch.setattr(
        HybridDiffusion, "fit", lambda self, *a: fit(self.set_params(random_state=0), *a)
    )


def exact_count(monkeypatch) -> None:
    """As many rows are drawn as there are."""
    read = private.read_declaration

    def broken(source, *rest):
        return replace(read(source, *rest), n_rows=len(source.cells))

    monkeypatch.setattr(private, "read_declaration", broken)


def refuses_what_is_undeclared(monkeypatch) -> None:
    """A row that is not as declared ends the run: the exit status tells."""
    rows_of = private.declared_rows

    def broken(source, form):
        rows, done = rows_of(source, form)
        if done:
            raise private.TableError("not as declared")
        return rows, done

    monkeypatch.setattr(private, "declared_rows", broken)


@pytest.mark.parametrize(
    ("broken", "name"),
    [
        (leaky_categories, "foreign"),
        (exact_count, "usual"),
        (refuses_what_is_undeclared, "foreign"),
        (no_noise, "usual"),
        (known_seed, "usual"),
    ],
)
def test_the_audit_finds_broken_variants(tables, tmp_path, quick, monkeypatch, broken, name):
    broken(monkeypatch)
    seen_of = [observed(tables[n], tmp_path) for n in ("without", name)]
    found = epsilon_at_least(*seen_of, n_choosing=N_CHOOSING, delta=1 / 3000)
    assert found.epsilon > EPSILON, found.question


# --- what is declared -------------------------------------------------------------------------


def test_whatever_is_not_declared_is_named_at_once(tables, tmp_path, capsys):
    table = tables["without"]
    asked = ["share", str(table), "--target", "y", "--epsilon", "3", "--out", str(tmp_path / "o")]
    assert main(asked) == 2
    assert "--private-template" in capsys.readouterr().err
    assert main(["info", str(table), "--target", "y", "--private-template"]) == 0
    template = capsys.readouterr().out
    assert "HIV" not in template
    schema = tmp_path / "schema.yaml"
    schema.write_text(template, encoding="utf-8")
    assert main([*asked, "--schema", str(schema)]) == 2
    told = capsys.readouterr().err
    for part in (
        "`public: true` is missing",
        "rows is 'TODO'",
        "column 'g': categories not declared; column 'g': missing not declared",
        "column 'x': bounds (or levels) not declared",
        "column 'y': bounds",
    ):
        assert part in told
    assert list(tmp_path.iterdir()) == [schema]
    assert not list(table.parent.glob("*.jsonl"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rows: 300", "rows: 30", "leaves nothing"),
        ("  x: {kind: number, decimals: 1", "  x: {kind: number", "'x': decimals not declared"),
        ("kind: category, categories: [a, b]", "kind: category, categories: [1, 2]", "quotation"),
        ("[a, b]", "[a, a]", "listed more than once"),
        ("bounds: [0, 10], missing: false", "bounds: [0, 10], missing: true", "the target, of"),
        ("  z: {kind", "  w: {kind", "column 'w' is not in .*column 'z': not declared"),
        ("kind: number, decimals: 1", "kind: date", "'x': format not declared"),
    ],
)
def test_a_declaration_that_is_wrong_is_refused(tables, tmp_path, capsys, old, new, message):
    table = tmp_path / "t.csv"
    table.write_text(tables["without"].read_text(encoding="utf-8"), encoding="utf-8")
    assert old in SCHEMA
    (tmp_path / "schema.yaml").write_text(SCHEMA.replace(old, new, 1), encoding="utf-8")
    assert shared(table, tmp_path / "out") == 2
    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


def test_a_budget_beyond_what_can_be_added_up_is_refused_by_name(tables, tmp_path, capsys):
    assert shared(tables["without"], tmp_path / "out", "--epsilon", "1e4") == 2
    assert "--epsilon 10000.0: give a positive number of at most 100" in capsys.readouterr().err
    with pytest.raises(ValueError, match=r"epsilon=10000\.0: it must be positive and at most 100"):
        Privacy(1e4, 500)


def test_a_row_is_taken_for_itself(tmp_path):
    table = tmp_path / "t.csv"
    text = "g;when;x;y\na;01.02.2020;1,5 kg;1\nc;01.02.2020;1,5 kg;1\nb;2020-02-01;1,5 kg;2\n"
    text += ";01.02.1950;;3\nb;;99,0 kg;4\nb;01.02.2020;1,5;5\nb;01.02.2020;2,5 kg;\n"
    table.write_text(text, encoding="utf-8")
    schema = tmp_path / "schema.yaml"
    schema.write_text(
        "target: y\npublic: true\nrows: 300\ncolumns:\n"
        "  g: {kind: category, categories: [a, b], missing: true}\n"
        '  when: {kind: date, format: "%d.%m.%Y", bounds: [2000-01-01, 2030-01-01], '
        "missing: true}\n"
        '  x: {kind: number, decimals: 1, decimal_mark: ",", suffix: " kg", bounds: [0, 50], '
        "missing: true}\n  y: {kind: number, levels: [1, 2, 3, 4, 5], missing: false}\n",
        encoding="utf-8",
    )
    source = read_source(table)
    form = TableForm.declared(read_declaration(source, "y", schema).plan, source)
    rows, done = declared_rows(source, form)
    assert rows["y"].tolist() == [1, 3, 4]
    assert rows["g"].tolist() == ["a", "(missing)", "b"]
    assert rows["when is missing"].tolist() == ["no", "no", "yes"]
    assert rows["x"].tolist() == [1.5, 0.0, 50.0]  # a gap at the lower end; moved to the bound
    first = (pd.Timestamp("2000-01-01") - pd.Timestamp(0)).days
    assert rows["when"].tolist()[1:] == [first, first]
    assert done == {
        "g: left out, since it is not as declared": 1,
        "when: moved to the nearer bound": 1,
        "when: left out, since it is not as declared": 1,
        "x: moved to the nearer bound": 1,
        "x: left out, since it is not as declared": 1,
        "y: left out, since it is not as declared": 1,
    }
    # One row more changes no other, and nothing of the form.
    table.write_text(text + "zzz;x;y;z\n", encoding="utf-8")
    again = read_source(table)
    assert TableForm.declared(read_declaration(again, "y", schema).plan, again) == form
    pd.testing.assert_frame_equal(declared_rows(again, form)[0], rows)


# --- what comes out ---------------------------------------------------------------------------


def test_the_types_of_a_private_frame_are_those_of_the_declaration(tables, tmp_path, quick):
    usual = pd.read_csv(tables["without"]).assign(z=lambda f: f.z.astype(int))
    foreign = usual.assign(g=pd.Categorical(usual.g, ["a", "b", "HIVpos"], ordered=True))
    foreign.loc[0, "z"] = None
    schema = tmp_path / "schema.yaml"
    whole = "z: {kind: number, decimals: 0, bounds: [0, 30], missing: true}"
    old = "z: {kind: number, decimals: 1, bounds: [0, 30], missing: false}"
    schema.write_text(SCHEMA.replace(old, whole), encoding="utf-8")
    made = [
        share(
            frame,
            target="y",
            schema=schema,
            epsilon=1.0,
            n_iter=1,
            card=False,
            out=tmp_path / name,
            ledger=tmp_path / f"{name}.jsonl",
        ).table
        for name, frame in {"usual": usual, "foreign": foreign}.items()
    ]
    types = [[str(t).removesuffix("64").lower() for t in m.dtypes] for m in made]
    assert types[0] == types[1] == ["object", "float", "int", "float"]
    assert not (made[0].dtypes == "category").any()


def test_the_card_is_the_owners_and_decides_nothing(tables, tmp_path, capsys, quick):
    out = tmp_path / "out"
    assert shared(tables["foreign"], out) == 0  # one step has learnt nothing
    told = capsys.readouterr()
    assert told.out == f"{out / 'release' / 'synthetic.csv'}\n"
    assert "for you alone: g: left out, since it is not as declared: 1 of 302 rows" in told.err
    assert sorted(str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()) == [
        *("private/model/form.json", "private/model/model.pt", "private/record.json"),
        *("private/report_card.html", "private/schema.yaml", "release/README.txt"),
        *("release/guarantee.txt", "release/synthetic.csv"),
    ]
    modes = {p.stat().st_mode & 0o777 for p in (out / "private").rglob("*") if p.is_file()}
    assert modes == {0o600}
    assert (out / "private").stat().st_mode & 0o777 == 0o700
    page = (out / "private" / "report_card.html").read_text(encoding="utf-8")
    assert "Released under a formal guarantee" in page
    assert "for the owner alone" in page
    record = json.loads((out / "private" / "record.json").read_text(encoding="utf-8"))
    assert record["privacy"] is None
    assert 200 < record["settings"]["training rows"] < 280
    made = pd.read_csv(out / "release" / "synthetic.csv", dtype=str, keep_default_na=False)
    assert len(made) == 300
    assert set(made.g) <= {"a", "b"}
    for column in ("x", "z", "y"):
        assert made[column].str.fullmatch(r"\d+\.\d").all()
    model, _ = load_bundle(out)
    assert model.guarantee_.privacy.n_rows == 240
    statement = (out / "release" / "guarantee.txt").read_text(encoding="utf-8")
    assert "given seed" not in statement
    assert "floating point" in statement


def test_a_card_that_cannot_be_made_changes_nothing_outside(tables, tmp_path, monkeypatch, quick):
    def fails(*args):
        raise ZeroDivisionError

    monkeypatch.setattr(private, "_judged", fails)
    assert shared(tables["without"], tmp_path / "out") == 0
    assert (tmp_path / "out" / "release" / "synthetic.csv").exists()


def test_a_ledger_adds_up_what_was_spent(tables, tmp_path, capsys, quick):
    ledger = tmp_path / "spent.jsonl"
    # The same rows in another order and format are the same table.
    frame = pd.read_csv(tables["without"]).sample(frac=1, random_state=0)
    frame.to_parquet(tmp_path / "copy.parquet", index=False)
    (tmp_path / "schema.yaml").write_text(SCHEMA, encoding="utf-8")
    asked = ["--no-card", "--ledger", str(ledger)]
    assert shared(tables["without"], tmp_path / "once", *asked) == 0
    assert "shared before" not in capsys.readouterr().err
    assert shared(tmp_path / "copy.parquet", tmp_path / "again", *asked) == 0
    told = capsys.readouterr().err
    assert f"these very rows were shared before, as ['{tmp_path / 'once'}']" in told
    entries = [json.loads(line) for line in ledger.read_text(encoding="utf-8").splitlines()]
    assert [entry["out"] for entry in entries] == [str(tmp_path / n) for n in ("once", "again")]
    mechanisms = [Mechanism(*m) for entry in entries for m in entry["asked"]]
    spent = epsilon(mechanisms, entries[0]["delta"])
    assert entries[0]["epsilon"] < spent < 2 * EPSILON
    assert f"{spent:.3g} by all in {ledger}" in told
    statement = (tmp_path / "again" / "release" / "guarantee.txt").read_text(encoding="utf-8")
    assert f"Spent by all 2 runs in the owner's ledger: epsilon = {spent:.3g} at" in statement
    assert ledger.stat().st_mode & 0o077 == 0
    before = ledger.read_text(encoding="utf-8")
    assert shared(tables["usual"], tmp_path / "third", *asked, "--max-epsilon", "0.15") == 2
    assert "nothing was spent" in capsys.readouterr().err
    assert ledger.read_text(encoding="utf-8") == before
    assert not (tmp_path / "third").exists()
    ledger.write_text("what is this\n", encoding="utf-8")
    assert shared(tables["without"], tmp_path / "third", "--ledger", str(ledger)) == 2
    assert "line 1 is no entry of a ledger" in capsys.readouterr().err
    assert not (tmp_path / "third").exists()


def test_a_run_that_dies_has_spent_its_budget(tables, tmp_path, monkeypatch):
    def dies(*_):
        raise MemoryError

    monkeypatch.setattr(HybridDiffusion, "fit", dies)
    with pytest.raises(MemoryError):
        shared(tables["without"], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (entry,) = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert 0.9 * EPSILON < json.loads(entry)["epsilon"] <= EPSILON


def test_two_runs_at_once_both_count_and_old_ledgers_do_too(tables, tmp_path, monkeypatch):
    plan = planned(Schema(("y",), {}, "y"), Privacy(EPSILON, 300, bounds={"y": (0, 10)}), n_iter=1)
    table = tmp_path / "t.csv"
    (tmp_path / "link.csv").symlink_to(table)
    ledger = ledger_of(tmp_path / "link.csv")
    assert ledger == ledger_of(table) == tmp_path / "budget.jsonl"
    with ThreadPoolExecutor(2) as pool:
        entered = [
            pool.submit(enter, ledger, plan, tmp_path / name, rows="r") for name in ("a", "b")
        ]
        found = sorted(one.result().n_runs for one in entered)
    assert found == [1, 2]
    ledger.rename(tmp_path / "t.csv.budget.jsonl")  # as former releases called it
    assert enter(ledger, plan, tmp_path / "c", rows="r").n_runs == 3


def test_no_card_and_a_ledger_are_for_a_budget(tables, tmp_path, capsys):
    asked = ["share", str(tables["without"]), "--target", "y", "--out", str(tmp_path / "o")]
    assert main([*asked, "--no-card"]) == 2
    assert "--no-card, --ledger and --max-epsilon are for --epsilon" in capsys.readouterr().err
