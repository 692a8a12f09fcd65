"""Runs are independent of where they are carried out, and a finished one is never lost."""

import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from joblib import effective_n_jobs, parallel_config
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from threadpoolctl import threadpool_info, threadpool_limits

from synthtab import parallel
from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.evaluation.compare import Comparison, compare
from synthtab.generators.reference import Interpolation
from synthtab.parallel import carry_out, one_thread
from synthtab.table.example import example_table
from synthtab.table.split import Dataset

LEARNERS = {"ridge": Ridge()}
SEEDS = [0, 1]

# A generator that writes a line when it is fitted, and breaks when it is told to. What it is told
# lies in files, since its parameters are part of what a result is found by.
LOGGED = """
import os
import signal
from pathlib import Path

from synthtab.generators.reference import Bootstrap


class Logged(Bootstrap):
    def __init__(self, *, folder, name="", random_state=None):
        self.folder = folder
        self.name = name
        self.random_state = random_state

    def fit(self, frame, schema):
        folder = Path(self.folder)
        if self.name == "first" and (folder / "stop").exists():
            if len(fitted(folder)) == 2:
                raise RuntimeError("stopped")
        if self.name == "second" and (folder / "kill").exists():
            (folder / "kill").unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        with open(folder / "log", "a") as log:
            log.write(f"{self.name} {self.random_state}\\n")
        return super().fit(frame, schema)


def fitted(folder):
    log = Path(folder) / "log"
    return log.read_text().splitlines() if log.exists() else []
"""


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The module with the generator, importable here and in every worker."""
    folder = tmp_path_factory.mktemp("modules")
    (folder / "logged_generator.py").write_text(LOGGED)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        yield importlib.import_module("logged_generator")


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return example_table(200)


def generators(logged: Any, folder: Path) -> dict[str, Any]:
    return {name: logged.Logged(folder=str(folder), name=name) for name in ("first", "second")}


def compared(dataset: Dataset, logged: Any, folder: Path, **options: Any) -> Comparison:
    arguments: dict[str, Any] = {"seeds": SEEDS, "learners": LEARNERS, "measure_fidelity": False}
    return compare(dataset, generators(logged, folder), **arguments | options)


@pytest.fixture(scope="module")
def uninterrupted(
    dataset: Dataset, logged: Any, tmp_path_factory: pytest.TempPathFactory
) -> Comparison:
    return compared(dataset, logged, tmp_path_factory.mktemp("uninterrupted"))


def same(a: Comparison, b: Comparison) -> None:
    pd.testing.assert_frame_equal(a.scores, b.scores)
    assert a.tables.keys() == b.tables.keys()
    for method, table in a.tables.items():
        pd.testing.assert_frame_equal(table, b.tables[method])


# Resuming -----------------------------------------------------------------------------------


def test_a_stopped_comparison_continues_with_the_missing_runs_only(
    dataset: Dataset, logged: Any, tmp_path: Path, uninterrupted: Comparison
) -> None:
    (tmp_path / "stop").touch()
    with pytest.raises(RuntimeError, match="stopped"):
        compared(dataset, logged, tmp_path, cache=tmp_path / "cache")
    assert len(logged.fitted(tmp_path)) == 2
    (tmp_path / "stop").unlink()
    resumed = compared(dataset, logged, tmp_path, cache=tmp_path / "cache")
    fits = logged.fitted(tmp_path)
    assert len(fits) == len(set(fits)) == 2 * len(SEEDS)
    compared(dataset, logged, tmp_path, cache=tmp_path / "cache")
    assert logged.fitted(tmp_path) == fits
    again = compared(dataset, logged, tmp_path / "cache")
    same(resumed, again)
    pd.testing.assert_frame_equal(resumed.scores, uninterrupted.scores)


@pytest.mark.slow_process
def test_a_kill_in_the_middle_of_a_write_leaves_no_half_result(
    dataset: Dataset, logged: Any, tmp_path: Path
) -> None:
    script = tmp_path / "killed.py"
    script.write_text(
        "import os, signal, sys\n"
        "from joblib import numpy_pickle\n"
        "from sklearn.linear_model import Ridge\n"
        "from synthtab.evaluation.compare import compare\n"
        "from synthtab.table.example import example_table\n"
        "from logged_generator import Logged, fitted\n"
        "folder = sys.argv[1]\n"
        "dump = numpy_pickle.dump\n"
        "def half(value, file, **options):\n"
        "    if len(fitted(folder)) == 3:\n"
        "        file.write(b'half')\n"
        "        file.flush()\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    dump(value, file, **options)\n"
        "numpy_pickle.dump = half\n"
        "compare(\n"
        "    example_table(200),\n"
        "    {name: Logged(folder=folder, name=name) for name in ('first', 'second')},\n"
        f"    seeds={SEEDS}, learners={{'ridge': Ridge()}}, measure_fidelity=False,\n"
        "    cache=folder + '/cache',\n"
        ")\n"
    )
    done = subprocess.run([sys.executable, str(script), str(tmp_path)], env=dict(os.environ))
    assert done.returncode == -signal.SIGKILL
    assert len(logged.fitted(tmp_path)) == 3
    compared(dataset, logged, tmp_path, cache=tmp_path / "cache")
    fits = logged.fitted(tmp_path)
    # The one whose result was being written is fitted again, and nothing else.
    assert fits[:3] + fits[2:3] + fits[4:] == fits
    assert len(fits) == 2 * len(SEEDS) + 1


@pytest.mark.parametrize(
    "change",
    [
        {"learners": {"ridge": Ridge(alpha=2.0)}},
        {"settings": ["replacement"]},
        {"n_added": 10},
        {"n_synthetic": 50},
        {"measure_fidelity": True},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_result_is_found_by_everything_that_it_depends_on(
    dataset: Dataset, logged: Any, tmp_path: Path, change: dict[str, Any]
) -> None:
    cache = tmp_path / "cache"
    compared(dataset, logged, tmp_path, cache=cache, seeds=[0])
    compared(dataset, logged, tmp_path, cache=cache, seeds=[0], **change)
    assert len(logged.fitted(tmp_path)) == 4


def test_a_changed_row_or_parameter_is_computed_anew(
    dataset: Dataset, logged: Any, tmp_path: Path
) -> None:
    import dataclasses

    def run(dataset: Dataset, name: str) -> int:
        model = logged.Logged(folder=str(tmp_path), name=name)
        compare(
            dataset, {"m": model}, seeds=[0], learners=LEARNERS, measure_fidelity=False,
            cache=tmp_path / "cache",
        )  # fmt: skip
        return len(logged.fitted(tmp_path))

    assert [run(dataset, "a"), run(dataset, "a"), run(dataset, "b")] == [1, 1, 2]
    frame = dataset.frame.copy()
    frame.loc[7, dataset.schema.target] += 1
    assert run(dataclasses.replace(dataset, frame=frame), "b") == 3


def test_a_result_of_other_code_is_not_found(
    dataset: Dataset, logged: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def n_fits() -> int:
        compared(dataset, logged, tmp_path, seeds=[0], cache=tmp_path / "cache")
        return len(logged.fitted(tmp_path))

    assert [n_fits(), n_fits()] == [2, 2]
    path = Path(logged.__file__)
    text = path.read_text()
    try:
        path.write_text(text + "# changed\n")
        assert n_fits() == 4
    finally:
        path.write_text(text)
    assert n_fits() == 4
    monkeypatch.setattr(parallel, "_SOURCES", "other")
    parallel.environment.cache_clear()
    assert n_fits() == 6
    monkeypatch.undo()
    parallel.environment.cache_clear()
    assert n_fits() == 6


def test_the_sources_are_all_files_of_the_package(tmp_path: Path) -> None:
    for name in ("parallel.py", "part/inner.py", "published.json", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")
    before = parallel._sources(tmp_path)
    (tmp_path / "notes.txt").write_text("2")
    assert parallel._sources(tmp_path) == before
    (tmp_path / "part/inner.py").write_text("2")
    changed = parallel._sources(tmp_path)
    (tmp_path / "published.json").write_text("2")
    assert len({before, changed, parallel._sources(tmp_path)}) == 3


def test_a_helper_beside_the_module_of_a_class_is_part_of_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "some_arms"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "inner" / "__init__.py").touch()
    (package / "inner" / "arm.py").write_text("class Arm: ...")
    helper = package / "helper.py"
    helper.write_text("SCALE = 1")
    monkeypatch.syspath_prepend(tmp_path)
    arm = importlib.import_module("some_arms.inner.arm").Arm()
    before = parallel.code_version(arm)
    assert parallel.code_version(arm) == before != parallel.code_version()
    helper.write_text("SCALE = 2")
    assert parallel.code_version(arm) != before


def test_code_that_cannot_be_seen_is_refused(tmp_path: Path) -> None:
    local = type("Local", (), {"__module__": "__main__"})
    with pytest.raises(ValueError, match=r"\['Local'\] are defined in a script or notebook"):
        carry_out(divmod, [(7, 2)], cache=tmp_path, code_of=[local()])


def test_a_process_with_other_code_is_refused() -> None:
    with pytest.raises(RuntimeError, match="another version of synthtab"):
        parallel._alone(divmod, (7, 2), "other")
    assert parallel._alone(divmod, (7, 2), parallel.environment()) == (3, 1)


# One thread ---------------------------------------------------------------------------------


def test_a_run_has_one_thread_and_gives_back_the_others() -> None:
    torch.set_num_threads(2)
    try:
        with threadpool_limits(2), parallel_config("threading", n_jobs=2), one_thread():
            assert torch.get_num_threads() == 1
            assert {pool["num_threads"] for pool in threadpool_info()} == {1}
            assert effective_n_jobs(None) == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


# A cluster ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster(logged: Any, start_cluster: Callable[[], Any]) -> Iterator[Any]:
    with start_cluster() as started:
        yield started


@pytest.mark.slow_process
def test_a_cluster_of_two_workers_gives_the_results_of_one_process(
    dataset: Dataset, cluster: Any
) -> None:
    # The forest is the learner whose trees joblib would otherwise spread over the cluster.
    models = {"hybrid": HybridDiffusion(n_iter=5), "interpolation": Interpolation(k=3)}
    forest = {"rf": RandomForestRegressor(n_estimators=20)}
    here, there = (
        compare(
            dataset,
            models,
            seeds=SEEDS,
            learners=forest,
            measure_fidelity=False,
            scheduler=scheduler,
        )
        for scheduler in (None, cluster.scheduler_address)
    )
    same(here, there)


@pytest.mark.slow_process
def test_a_worker_that_dies_costs_its_own_run_only(
    dataset: Dataset, logged: Any, cluster: Any, tmp_path: Path, uninterrupted: Comparison
) -> None:
    (tmp_path / "kill").touch()
    survived = compared(
        dataset, logged, tmp_path, cache=tmp_path / "cache", scheduler=cluster.scheduler_address
    )
    assert not (tmp_path / "kill").exists()
    fits = logged.fitted(tmp_path)
    assert len(fits) == len(set(fits)) == 2 * len(SEEDS)
    pd.testing.assert_frame_equal(survived.scores, uninterrupted.scores)


def test_a_worker_with_two_threads_is_refused() -> None:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0", port=0
        ) as crowded,
        pytest.raises(ValueError, match="workers with more than one thread"),
    ):
        carry_out(divmod, [(7, 2)], scheduler=crowded.scheduler_address)


def test_without_the_package_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ModuleNotFoundError, match="pip install distributed"):
        carry_out(divmod, [(7, 2)], scheduler="tcp://127.0.0.1:1")
