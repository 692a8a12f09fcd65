"""Sweeps: every combination, each run kept when it is whole, on a cluster that loses a worker."""

import os
import re
from pathlib import Path

import pytest

from seds500.__main__ import main
from seds500.records import store
from seds500.runner import sweeps
from seds500.runner.project import Project, UsageError

SOURCE = """\
# %%
import os
import signal
from pathlib import Path

from seds500.records import store

# %% tags=["parameters"]
seed: int = 0  # of the draws
folder: str = ""  # of the marks
fatal: int = -1  # seed whose first run ends its worker

# %%
mark = Path(folder) / f"{seed}"
first = not mark.exists()
with mark.open("a") as file:
    file.write("x")
if seed == fatal and first:
    os.kill(os.getppid(), signal.SIGKILL)

# %%
store.record({"seed": seed})
"""


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "marks").mkdir()
    (tmp_path / "notebooks" / "toy.py").write_text(SOURCE)
    (tmp_path / "experiments.yml").write_text("{}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_range_and_a_list_give_every_combination():
    found = sweeps.combinations(["seed=1..3", "n=500,2000", "without=[a,b],[c]"], {"k": "5"})
    assert len(found) == 3 * 2 * 2
    assert found[0] == {"k": "5", "seed": "1", "n": "500", "without": "[a,b]"}
    assert found[-1] == {"k": "5", "seed": "3", "n": "2000", "without": "[c]"}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["seed"], "'seed': write it as seed=1..20"),
        (["seed=3..1"], "'seed=3..1': write it as"),
        (["seed=1,,2"], "'seed=1,,2': write it as"),
        (["seed=1", "seed=2"], "seed: given more than once"),
        (["k=1"], "k: given more than once"),
    ],
)
def test_a_sweep_that_cannot_be_read_is_refused(texts, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        sweeps.combinations(texts, {"k": "5"})


def test_a_wrong_value_is_refused_before_anything_runs(project, capsys):
    assert main(["run", "toy", "--sweep", "seed=1,x", "-p", "folder", "marks"]) == 2
    assert "seed: got 'x', should be int" in capsys.readouterr().err
    assert not (project / "runs").exists()
    assert main(["run", "toy", "--scheduler", "tcp://nowhere:1"]) == 2
    assert "--scheduler is for --sweep" in capsys.readouterr().err


@pytest.mark.slow_process
def test_a_killed_worker_loses_no_finished_run(project, start_cluster):
    marks = project / "marks"
    # Python makes an event loop of its own for the cluster, and closes it when it is collected.
    with start_cluster() as cluster:
        given = [{"seed": s, "folder": str(marks), "fatal": 2} for s in range(4)]
        args = (Project(project), "toy", given)
        found = sweeps.sweep(*args, scheduler=cluster.scheduler_address, write=lambda text: None)
    assert [run.error for run in found] == [None] * 4
    assert [store.load(run.record)["values"]["seed"] for run in found] == [0, 1, 2, 3]
    # The worker was killed once, in the run that was then made again.
    assert (marks / "2").read_text() == "xx"
    before = {s: (marks / f"{s}").read_text() for s in range(4)}
    told: list[str] = []
    again = sweeps.sweep(*args, write=told.append)
    assert all(run.was_there for run in again)
    assert [run.record for run in again] == [run.record for run in found]
    assert told[-1] == "0 made, 4 were there, 0 failed\n"
    assert {s: (marks / f"{s}").read_text() for s in range(4)} == before
    assert os.getcwd() == str(project)
