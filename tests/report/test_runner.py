"""Running notebooks: parameters are refused before anything runs; a result is whole or absent.

Most tests execute the toy notebook in this process (`in_process`), since a kernel takes seconds to
start. What only a kernel does, such as dying or storing an error, is tested with one.
"""

import ast
import base64
import contextlib
import io
import json
import os
import signal
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import nbformat
import papermill
import pytest

from seds500.__main__ import main
from seds500.records import store
from seds500.records.provenance import PACKAGES
from seds500.runner import notebooks, parameters
from seds500.runner.project import Experiment, Project

SOURCE = """\
# %% [markdown]
# # A toy

# %%
import sys
import time
from pathlib import Path

from pydantic import PositiveInt

from seds500.records import store

# %% tags=["parameters"]
source: str = "standin"  # standin, public or a path
seed: int = 0  # of the draws
n: PositiveInt = 3
rate: float = 0.5
mode: str = "ok"  # or fail, warn, store, exit, silent
seconds: float = 0.0  # to sleep

# %%
Path("started").touch()
time.sleep(seconds)
if mode == "warn":
    sys.stderr.write("a warning")
if mode == "exit":
    sys.exit(0)
if mode == "fail":
    raise RuntimeError("asked to fail")

# %% tags=["raises-exception"]
if mode == "store":
    raise RuntimeError("stored")

# %%
values = {"sum": sum(range(seed, seed + n)), "rate": rate, "timings": {"clock": time.time()}}
store.record(values) if mode != "silent" else None
"""
EXPERIMENTS = """\
toy_standin: {notebook: "013"}
toy_public: {notebook: "013", parameters: {source: public, rate: 1e-3}}
"""


def execute(node, output_path, *, cwd, **_):
    """What papermill does with a notebook, in this process."""
    namespace: dict = {}
    with contextlib.chdir(cwd):
        for number, cell in enumerate(node.cells):
            if cell.cell_type == "code":
                *statements, last = ast.parse(cell.source).body
                heard = io.StringIO()
                try:
                    with contextlib.redirect_stderr(heard):
                        exec(compile(ast.Module(statements, []), "cell", "exec"), namespace)
                        is_value = isinstance(last, ast.Expr)
                        node_of = ast.Expression(last.value) if is_value else ast.Module([last], [])
                        code = compile(node_of, "cell", "eval" if is_value else "exec")
                        shown = eval(code, namespace)
                except RuntimeError as error:
                    nbformat.write(node, output_path)
                    raise papermill.PapermillExecutionError(
                        number, 1, cell.source, "RuntimeError", str(error), []
                    ) from None
                if heard.getvalue():
                    cell.outputs.append(
                        nbformat.v4.new_output("stream", name="stderr", text=heard.getvalue())
                    )
                if isinstance(shown, store.Record):
                    data, metadata = shown._repr_mimebundle_()
                    cell.outputs.append(
                        nbformat.v4.new_output("execute_result", data, metadata=metadata)
                    )
    nbformat.write(node, output_path)
    return node


@pytest.fixture
def in_process(monkeypatch):
    """Execute notebooks without a kernel."""
    monkeypatch.setattr(notebooks.papermill, "execute_notebook", execute)


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "013.py").write_text(SOURCE)
    (tmp_path / "experiments.yml").write_text(EXPERIMENTS)
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    name = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *name, *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "add", "notebooks", "experiments.yml")
    git(folder, "commit", "--quiet", "--message", "work")


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def run(*arguments: str) -> int:
    return main(["run", "013", *arguments])


# Parameters


@pytest.mark.parametrize(
    ("declaration", "text", "value"),
    [
        ("x: int = 0", "7", 7),
        ("x: int = 0", "-7", -7),
        ("x: float = 0.0", "1e-3", 0.001),
        ("x: float = 0.0", "2", 2.0),
        ("x: bool = False", "true", True),
        ("x: str = ''", "012", "012"),
        ("x: str = ''", "null", "null"),
        ("x: list[int] = []", "[1, 2]", [1, 2]),
        ("x: list[float] = []", "[1e-3, 2]", [0.001, 2.0]),
        ("x: list[str] = []", "[rf, ridge]", ["rf", "ridge"]),
        ("x: list[PositiveInt] = []", "[5]", [5]),
        ("x: Experiment = '013'", "012", "012"),
        ("x: Setting = 'both'", "replacement", "replacement"),
    ],
)
def test_text_becomes_a_value_of_the_declared_type(declaration, text, value):
    found = parameters.resolve(parameters.parse(declaration), {"x": text})["x"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("declaration", "given"),
    [
        ("x: int = 0", "abc"),
        ("x: int = 0", "1.5"),
        ("x: int = 0", "true"),
        ("x: int = 0", True),
        ("x: int = 0", ""),
        ("x: float = 0.0", "nan"),
        ("x: bool = False", "maybe"),
        ("x: list[int] = []", "[a]"),
        ("x: list[int] = []", "[1"),
        ("x: list[int] = []", "1"),
        ("x: PositiveInt = 1", "0"),
        ("x: NonNegativeInt = 0", "-1"),
        ("x: Experiment = '013'", "13"),
        ("x: str = ''", 12),
    ],
)
def test_a_value_of_another_type_is_refused(declaration, given):
    kind = declaration.split(" = ")[0].removeprefix("x: ")
    with pytest.raises(parameters.ParameterError) as caught:
        parameters.resolve(parameters.parse(declaration), {"x": given})
    assert str(caught.value).startswith(f"x: got {given!r}, should be ")
    assert kind in str(caught.value)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("x = 1", "'x = 1' should read `name: type = default"),
        ("x: int", "'x: int' should read"),
        ("x: Literal['a'] = 'a'", "should read `name: type = default"),
        ("x: int = 1 if 1 == 1 else 2", "should read `name: type = default"),
        ("x: Path = 1", "x: no type 'Path'"),
        ("x: int = 'a'", "x: the default 'a' does not fit"),
        ("x: int = f()", r"x: the default f\(\) does not fit"),
        ("x: int =", "is not Python"),
    ],
)
def test_a_parameters_cell_that_declares_nothing_is_refused(cell, message):
    with pytest.raises(parameters.ParameterError, match=message):
        parameters.parse(cell)


def test_two_parameters_cells_are_refused():
    cell = nbformat.v4.new_code_cell("x: int = 1", metadata={"tags": ["parameters"]})
    with pytest.raises(parameters.ParameterError, match="2 cells are tagged 'parameters'"):
        parameters.declared({"cells": [cell, cell]})


def test_everything_wrong_is_told_at_once_and_nothing_runs(project, capsys):
    wrong = ["-p", "sede", "1", "-p", "n", "0", "-p", "rate", "high", "-p", "source", "no.csv"]
    assert run(*wrong) == 2
    message = capsys.readouterr().err
    assert "sede: got '1', but there is no such parameter (seed?)" in message
    assert "n: got '0', should be PositiveInt: input should be greater than 0" in message
    assert "rate: got 'high', should be float" in message
    assert "source: got 'no.csv', should be standin, public or the path of a file" in message
    assert "seed: int = 0  # of the draws" in message
    assert not (project / "started").exists()
    assert not (project / "runs").exists()


def test_an_existing_file_is_a_source(project):
    (project / "table.csv").write_text("a\n1\n")
    experiment, name = notebooks.check(Project(project), "013", {"source": "table.csv"})
    assert experiment.parameters == {"source": "table.csv"}
    assert name == "013-source=table.csv"


def test_a_parameter_of_the_command_comes_before_that_of_the_name(project):
    experiment, name = notebooks.check(Project(project), "toy_public", {"rate": "0.25"})
    assert (experiment.notebook, name) == ("013", "toy_public-rate=0.25")
    assert experiment.parameters == {"source": "public", "rate": 0.25}


def test_a_name_is_an_id_or_the_number_of_a_stand_in_or_a_source(project):
    (project / "notebooks" / "other.py").write_text(SOURCE)
    copy = Project(project)
    assert copy.names() == ["013", "other", "toy", "toy_public", "toy_standin"]
    assert copy.find_experiment("toy") == copy.experiments()["toy_standin"]
    assert copy.find_experiment("other") == Experiment("other", "other")


def test_the_help_lists_every_name(project, capsys):
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    assert "Names: 013, toy, toy_public, toy_standin." in capsys.readouterr().out


def test_a_page_declares_the_values_of_its_run_where_the_source_has_the_defaults(project):
    copy = Project(project)
    given = {"source": "public", "seed": 7, "rate": 1e-3}
    source, page = (copy.read(Experiment("x", "013", of)) for of in ({}, given))
    cells = zip(source.cells, page.cells, strict=True)
    [(before, after)] = [(a.source, b.source) for a, b in cells if a.source != b.source]
    assert after == before.replace('"standin"', '"public"').replace("= 0  #", "= 7  #").replace(
        "0.5", "0.001"
    )
    assert {name: p.default for name, p in parameters.declared(page).items()} == {
        **{name: p.default for name, p in parameters.declared(source).items()},
        **given,
    }


@pytest.mark.parametrize("value", ["a \"b\" 'c'", "ç \\n", "x\ny"])
def test_any_text_survives_in_a_page(value):
    source = 'é: str = "ü"  # é\nn: int = 1'
    found = parameters.parse(parameters.with_values(source, {"é": value}))
    assert (found["é"].default, found["é"].help, found["n"].default) == (value, "é", 1)


def test_an_unknown_notebook_is_refused_with_the_known_ones(project, capsys):
    assert main(["run", "012"]) == 2
    assert "no notebook '012'; known: 013, toy, toy_public" in capsys.readouterr().err


def test_a_parameter_given_twice_is_refused(project, capsys):
    assert run("-p", "seed", "1", "-p", "seed", "2") == 2
    assert "given more than once: seed" in capsys.readouterr().err


def test_outside_a_copy_of_the_repository_the_command_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run() == 2
    assert "run this inside a copy of the repository" in capsys.readouterr().err


def test_the_parameters_of_a_notebook_can_be_listed(project, capsys):
    assert run("--help-parameters") == 0
    assert "n: PositiveInt = 3\n" in capsys.readouterr().out


# Runs


def test_a_run_writes_a_notebook_and_a_complete_record_and_repeats(project, in_process, capsys):
    assert run("-p", "seed", "7", "-p", "source", "public") == 0
    folder = project / "runs" / "013-seed=7-source=public"
    assert files(project / "runs") == [
        "013-seed=7-source=public/notebook.ipynb",
        "013-seed=7-source=public/record.json",
    ]
    record = store.load(folder / "record.json")
    assert record["notebook"] == "013"
    assert record["parameters"] == {
        "source": "public",
        "seed": 7,
        "n": 3,
        "rate": 0.5,
        "mode": "ok",
        "seconds": 0.0,
    }
    assert record["values"] == {"sum": 24, "rate": 0.5}
    assert record["timings"]["clock"] > 0
    provenance = record["provenance"]
    assert set(provenance) == {"versions", "commit", "dirty", "started", "wall_seconds", "cpu"}
    assert set(provenance["versions"]) == {"python", *PACKAGES}
    assert "Traceback" not in capsys.readouterr().err

    assert run("-p", "seed", "7", "-p", "source", "public") == 0
    again = project / "runs" / "013-seed=7-source=public-2"
    assert (again / "notebook.ipynb").read_bytes() == (folder / "notebook.ipynb").read_bytes()
    assert store.differences(record, store.load(again / "record.json")) == []


def test_a_page_that_papermill_runs_again_keeps_its_own_parameters(project, capsys):
    """The ordinary way: a kernel, and no word of ours."""
    assert main(["experiments", "toy_public"]) == 0
    made = store.load("toy_public", project / "records")
    assert made["provenance"]["wall_seconds"] > 0
    page = project / "notebooks" / "toy_public.ipynb"
    listed = papermill.inspect_notebook(page)
    assert listed["source"]["default"] == '"public"'
    assert listed["seed"] == {
        "name": "seed",
        "inferred_type_name": "int",
        "default": "0",
        "help": "of the draws",
    }
    again = papermill.execute_notebook(
        page, None, parameters={"seed": 7}, progress_bar=False, kernel_name="python3"
    )
    assert store.extract(again)["values"] == {"sum": 24, "rate": 0.001}


def test_a_failing_cell_is_named_and_leaves_no_record(project, capsys):
    assert run("-p", "mode", "fail") == 1
    message = capsys.readouterr().err
    assert 'cell 4 failed: Path("started").touch()' in message
    assert "RuntimeError: asked to fail" in message
    assert "no record was written" in message
    assert files(project / "runs") == ["013-mode=fail.failed/notebook.failed.ipynb"]


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        # The tag `raises-exception` lets a notebook go on; a page may not show the error.
        ("store", 'cell 5 failed: if mode == "store":\nRuntimeError: stored'),
        ("exit", "error stored in the output of cell 4"),
    ],
)
def test_a_stored_error_is_not_kept_as_a_result(project, capsys, mode, message):
    assert run("-p", "mode", mode) == 1
    assert message in capsys.readouterr().err
    assert files(project / "runs") == [f"013-mode={mode}.failed/notebook.failed.ipynb"]


def test_a_notebook_without_a_record_is_not_kept_as_a_result(project, in_process, capsys):
    assert run("-p", "mode", "silent") == 1
    assert "holds 0 records and should hold one" in capsys.readouterr().err


@pytest.mark.slow_process
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing(project, number):
    command = [sys.executable, "-m", "seds500", "run", "013", "-p", "seconds", "60"]
    process = subprocess.Popen(
        command,
        cwd=project,
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts background jobs with Ctrl-C ignored, and the tests may be such a job.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + 60
    while not (project / "started").exists():
        assert time.monotonic() < deadline, "the run did not start"
        time.sleep(0.05)
    os.kill(process.pid, number)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted: nothing was written" in message
    assert files(project / "runs") == []


# Committed experiments


def test_experiments_are_made_and_compare_equal(project, in_process, capsys):
    assert main(["experiments"]) == 0
    told = "2 to run, one after the other; never run: toy_standin, toy_public"
    assert told in capsys.readouterr().err
    assert files(project / "records") == ["toy_public.json", "toy_standin.json"]
    record = store.load("toy_public", project / "records")
    assert (record["id"], record["parameters"]["rate"]) == ("toy_public", 0.001)
    page = nbformat.read(project / "notebooks" / "toy_public.ipynb", as_version=4)
    assert store.extract(page) == {"values": record["values"]}
    assert files(project / "runs") == []

    assert main(["experiments", "toy_public", "--compare"]) == 0
    assert "1 to run, one after the other; last time they took" in capsys.readouterr().err
    record["values"]["rate"] = 0.002
    store.save(record, project / "records" / "toy_public.json")
    assert main(["experiments", "toy_public", "--compare"]) == 1
    assert "toy_public: values.rate: 0.002 and 0.001" in capsys.readouterr().out
    assert store.load("toy_public", project / "records") == record


def test_a_committed_record_is_made_from_a_clean_commit_only(project, in_process, capsys):
    (project / "notebooks" / "013.py").write_text(SOURCE + "\n")
    assert main(["experiments", "toy_public"]) == 2
    assert "notebooks/013.py; commit or restore them first" in capsys.readouterr().err
    assert files(project / "runs") == files(project / "records") == []
    assert run() == 0  # a run of one's own may be of any code, and says so
    assert store.load(project / "runs" / "013" / "record.json")["provenance"]["dirty"] is True
    commit(project)
    assert main(["experiments", "toy_public"]) == 0
    made = store.load("toy_public", project / "records")["provenance"]
    assert made["dirty"] is False
    assert len(made["commit"]) == 40


@pytest.mark.parametrize("mode", ["fail", "warn"])
def test_an_experiment_that_fails_or_warns_keeps_its_old_files(project, in_process, capsys, mode):
    (project / "records").mkdir()
    (project / "records" / "bad.json").write_text("old")
    (project / "notebooks" / "bad.ipynb").write_text("old")
    entry = f'bad: {{notebook: "013", parameters: {{mode: {mode}}}}}\n'
    (project / "experiments.yml").write_text(entry)
    commit(project)
    store.save({"provenance": {"wall_seconds": 60}}, project / "records" / "bad.json")
    before = (project / "records" / "bad.json").read_text()
    assert main(["experiments"]) == 1
    assert (project / "records" / "bad.json").read_text() == before
    assert (project / "notebooks" / "bad.ipynb").read_text() == "old"
    expected = {"fail": "asked to fail", "warn": "cell 4 wrote to stderr: a warning"}[mode]
    assert expected in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: {notebook: 013}", "a.notebook: Input should be a valid string, got 11"),
        ("a: {notebook: x, seed: 1}", "a.seed: Extra inputs are not permitted, got 1"),
        ("a.b: {notebook: x}", "a.b.[key]: String should match pattern"),
        ('a: {notebook: "012"}', "experiment a: no notebook '012'"),
        ('a: {notebook: "013", parameters: {sede: 1}}', "a, parameters:"),
    ],
)
def test_an_entry_that_cannot_run_is_refused_before_anything_runs(project, capsys, text, message):
    (project / "experiments.yml").write_text(f'ok: {{notebook: "013"}}\n{text}\n')
    assert main(["experiments"]) == 2
    assert message in capsys.readouterr().err
    assert not (project / "started").exists()


def test_an_unknown_experiment_is_refused_with_the_known_ones(project, capsys):
    assert main(["experiments", "toy_x"]) == 2
    message = "no experiment 'toy_x' in experiments.yml; known: toy_standin, toy_public"
    assert message in capsys.readouterr().err


# Normalisation


def chunk(kind: bytes, body: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + checksum


def png(*extra: bytes) -> str:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"\0\0"))
    parts = [b"\x89PNG\r\n\x1a\n", header, *extra, data, chunk(b"IEND", b"")]
    return base64.b64encode(b"".join(parts)).decode()


def executed(seed: int) -> nbformat.NotebookNode:
    image = png(chunk(b"tEXt", f"Software\0matplotlib {seed}".encode()))
    output = nbformat.v4.new_output("display_data", {"image/png": image})
    cells = [nbformat.v4.new_code_cell(f"x = {i}", outputs=[output]) for i in (1, 1, 2)]
    for cell in cells:
        cell.metadata.update(papermill={"duration": seed}, execution={"start": str(seed)}, tags=[])
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata.update(papermill={"seed": seed}, language_info={"version": f"3.{seed}"})
    return notebook


def test_two_runs_that_differ_only_in_times_and_versions_become_one_notebook():
    first, second = (notebooks.normalise(executed(seed)) for seed in (1, 2))
    assert nbformat.writes(first) == nbformat.writes(second)
    nbformat.validate(first)
    assert "papermill" not in nbformat.writes(first)
    assert first.cells[0].outputs[0].data["image/png"] == png()


def test_a_cell_keeps_its_id_when_another_is_put_before_it():
    notebook = executed(1)
    ids = [cell.id for cell in notebooks.normalise(notebook).cells]
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell("new"))
    assert [cell.id for cell in notebooks.normalise(notebook).cells][1:] == ids
    assert len(set(ids)) == 3


def test_long_parameters_make_a_short_folder_name():
    names = {notebooks.run_name("013", {"source": "/" + "x" * 200 + end}) for end in "ab"}
    assert len(names) == 2
    assert all(len(name) <= 80 and "/" not in name for name in names)


def test_a_folder_that_exists_is_never_written_to(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run-2").mkdir()
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    (fresh / "file").write_text(json.dumps(1))
    assert notebooks._move_to_new(fresh, tmp_path, "run") == tmp_path / "run-3"
    assert files(tmp_path) == ["run-3/file"]
