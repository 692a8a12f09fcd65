"""Tables larger than memory: data sets of Parquet files, read in part, and drawn part by part."""

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthtab.__main__ import main
from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.sharing import TableError, infer_plan, read_source, sample_to_file, save_bundle
from synthtab.sharing import bundle as drawing
from synthtab.sharing.form import TableForm, typed

N = 1200


@pytest.fixture(scope="module")
def data_set(tmp_path_factory) -> Path:
    """Two years of rows in three files, in row groups of 100."""
    folder = tmp_path_factory.mktemp("real") / "rows"
    rng = np.random.default_rng(0)
    for year, part in ((2024, 0), (2025, 0), (2025, 1)):
        (folder / f"year={year}").mkdir(parents=True, exist_ok=True)
        rows = {
            "size": rng.normal(50, 9, N // 3).round(2),
            "client_no": [f"C{i % 130:04d}" for i in range(N // 3)],
            "plant": rng.choice(["a", "b"], N // 3),
        }
        path = folder / f"year={year}" / f"part-{part}.parquet"
        pq.write_table(pa.table(rows), path, row_group_size=100)
    return folder


@pytest.fixture(scope="module")
def model(data_set, tmp_path_factory) -> Path:
    source = read_source(data_set)
    plan = infer_plan(source, "size").proposed()
    frame = typed(source, plan)
    form = TableForm.fit(frame, source, plan)
    assert list(form.made) == ["client_no"]
    model = HybridDiffusion(n_iter=5, random_state=0)
    model.fit(form.prepare(frame, random_state=0), form.schema)
    save_bundle(model, form, folder := tmp_path_factory.mktemp("model") / "model")
    return folder


def test_a_data_set_is_read_with_what_its_folders_say(data_set):
    source = read_source(data_set)
    assert source.cells.shape == (N, 4)
    assert source.cells.year.value_counts().to_dict() == {2025: 800, 2024: 400}
    assert source.notes == ()


def test_of_a_large_data_set_some_rows_are_used_and_it_is_said(data_set):
    source = read_source(data_set, max_rows=300)
    assert source.notes == ("300 of its 1,200 rows, drawn at random, are used (--max-rows)",)
    whole = read_source(data_set).cells
    assert len(source.cells.merge(whole.drop_duplicates())) == len(source.cells) == 300
    assert abs((source.cells.year == 2024).mean() - 1 / 3) < 4 * np.sqrt(2 / 9 / 300)
    pd.testing.assert_frame_equal(source.cells, read_source(data_set, max_rows=300).cells)


def test_files_of_several_tables_are_no_data_set(data_set, tmp_path):
    pq.write_table(pa.table({"size": [1.0]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"size": ["x"], "more": [1]}), tmp_path / "b.parquet")
    with pytest.raises(TableError, match=r"b.parquet.* have other columns than .*a.parquet"):
        read_source(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(TableError, match="a folder without Parquet files"):
        read_source(tmp_path / "empty")


@pytest.mark.slow_process
def test_rows_are_the_same_in_a_file_a_folder_and_on_workers_one_of_which_dies(
    model, tmp_path, monkeypatch, start_cluster
):
    monkeypatch.setattr(drawing, "_PART", 5_000)
    n = 17_500
    sample_to_file(model, n, tmp_path / "rows.parquet", random_state=3)
    sample_to_file(model, n, tmp_path / "here", random_state=3)
    names = [f"part-{i:05d}.parquet" for i in range(4)]
    with start_cluster() as cluster:
        victim = next(iter(cluster.workers.values())).pid
        killed = threading.Event()

        def kill() -> None:
            until = time.monotonic() + 120
            while time.monotonic() < until:  # until one part is there, and three are not
                if any((tmp_path / ".there.unfinished").glob("*.parquet")):
                    os.kill(victim, signal.SIGKILL)
                    killed.set()
                    return
                time.sleep(0.01)

        watcher = threading.Thread(target=kill)
        watcher.start()
        address = cluster.scheduler_address
        sample_to_file(model, n, tmp_path / "there", random_state=3, scheduler=address)
        watcher.join()
    assert killed.is_set()
    file = pq.read_table(tmp_path / "rows.parquet").to_pandas()
    assert len(file) == n
    for folder in ("here", "there"):
        assert sorted(p.name for p in (tmp_path / folder).iterdir()) == names
        parts = [pq.read_table(tmp_path / folder / name).to_pandas() for name in names]
        pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), file)


def test_workers_draw_a_folder_and_nothing_else(model, tmp_path, capsys):
    asked = ["sample", str(model), "-n", "9", "--scheduler", "tcp://127.0.0.1:1"]
    assert main([*asked, "--out", str(tmp_path / "rows.csv")]) == 2
    assert "give --out a folder" in capsys.readouterr().err
    dask = pytest.importorskip("dask")
    with dask.config.set({"distributed.comm.timeouts.connect": "0.5s"}):
        assert main([*asked, "--out", str(tmp_path / "rows")]) == 2
    assert "no Dask scheduler with workers answers" in capsys.readouterr().err
    assert not (tmp_path / "rows").exists()
