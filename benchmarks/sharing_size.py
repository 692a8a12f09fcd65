"""How time and memory of `synthtab share` and `synthtab sample` grow with the rows.

Run from the root of the repository::

    python benchmarks/sharing_size.py            # some 30 CPU minutes; writes the record
    python benchmarks/sharing_size.py --quick    # small tables; does not write the record

Every stage is a process of its own, so that its peak of resident memory is its own. `draw` trains
on the stand-in for 013 and draws to Parquet, ten times as many rows the second time: memory should
hardly grow. `share` does everything for a table of 20 columns, simulated here, within a time
budget. The full run writes `records/benchmark_sharing_size.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / "records" / "benchmark_sharing_size.json"


def wide_table(n_rows: int, path: Path) -> None:
    """Write a table of 20 columns: 12 numbers, 7 categories of 3 to 300 values, and a target."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(0)
    group = rng.integers(6, size=n_rows)
    columns: dict[str, Any] = {}
    for j in range(12):
        columns[f"x{j}"] = (group * (j % 3) + rng.gamma(2.0, 1.0 + j / 4, n_rows)).round(2)
    for j, size in enumerate((3, 4, 6, 10, 30, 100, 300)):
        codes = (group * (j + 1) + rng.poisson(size / 8, n_rows)) % size
        columns[f"c{j}"] = np.array([f"v{k}" for k in range(size)], dtype=object)[codes]
    noise = rng.normal(0.0, 2.0, n_rows)
    columns["cost"] = (50 + 3 * columns["x1"] + 2 * columns["x2"] * (group > 2) + noise).round(2)
    pd.DataFrame(columns).to_parquet(path, index=False)


def draw(n_rows: int, n_iter: int | str) -> dict[str, Any]:
    """Train on the stand-in for 013, draw to Parquet."""
    from seds500.data import load
    from synthtab.diffusion.synthesizer import HybridDiffusion
    from synthtab.sharing import TableForm, infer_plan, read_source, sample_to_file, save_bundle
    from synthtab.sharing.form import typed

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        load("013").frame.to_csv(folder / "real.csv", index=False)
        source = read_source(folder / "real.csv")
        plan = infer_plan(source, "machine_minutes")
        frame = typed(source, plan)
        form = TableForm.fit(frame, source, plan)
        model = HybridDiffusion(n_iter=n_iter, random_state=0)  # type: ignore[arg-type]
        model.fit(form.prepare(frame, random_state=0), form.schema)
        save_bundle(model, form, folder / "model")
        before, began = peak(), time.process_time()
        sample_to_file(folder / "model", n_rows, folder / "rows.parquet", random_state=1)
        return {
            "n_rows": n_rows,
            "cpu_seconds": time.process_time() - began,
            "peak_mib_before": before,
            "peak_mib": peak(),
            "file_mib": (folder / "rows.parquet").stat().st_size / 2**20,
        }


def share_large(n_rows: int, n_drawn: int, seconds: float) -> dict[str, Any]:
    """Share a table of 20 columns."""
    from synthtab.sharing import share

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wide_table(n_rows, folder / "real.parquet")
        began = time.process_time()
        done = share(
            folder / "real.parquet",
            target="cost",
            out=folder / "out",
            time_budget=seconds,
            n_rows=n_drawn,
            release_anyway=True,
            random_state=0,
        )
        settings, utility = done.assessment.settings, done.assessment.utility
        best = utility[utility.learner == "hgb"].set_index("table")
        return {
            "n_rows": n_rows,
            "n_columns": 20,
            "n_drawn": n_drawn,
            "time_budget_seconds": seconds,
            "training_steps": settings["training steps"],
            "seconds": settings["seconds"],
            "cpu_seconds": time.process_time() - began,
            "peak_mib": peak(),
            "r2_real": float(best.loc["real", "value"]),
            "r2_synthetic": float(best.loc["synthetic", "value"]),
        }


def peak() -> float:
    """Most resident memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def alone(stage: str, *arguments: object) -> Any:
    """A stage in a process of its own."""
    command = [sys.executable, __file__, "--stage", stage, *map(str, arguments)]
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run(command, env={**os.environ, **one}, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def main() -> None:
    """Run all stages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--draw", type=int, default=10_000_000, metavar="ROWS")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the wide table")
    parser.add_argument("--drawn", type=int, default=100_000, help="of the wide table's rows")
    parser.add_argument("--seconds", type=float, default=300.0, help="to train on the wide table")
    parser.add_argument("--stage", nargs="+")
    options = parser.parse_args()
    if options.stage:
        name, *arguments = options.stage
        if name == "draw":
            steps = arguments[1] if arguments[1] == "auto" else int(arguments[1])
            found = draw(int(arguments[0]), steps)
        else:
            found = share_large(int(arguments[0]), int(arguments[1]), float(arguments[2]))
        sys.stdout.write(json.dumps(found))
        return
    if options.quick:
        options.draw, options.rows, options.drawn, options.seconds = 40_960, 3_000, 3_000, 5.0
    from seds500.records import provenance

    run = provenance.Run.of_benchmark(__file__, trial=options.quick)
    steps = 20 if options.quick else "auto"
    parts = {
        "draw_tenth": alone("draw", options.draw // 10, steps),
        "draw": alone("draw", options.draw, steps),
        "share": alone("share", options.rows, options.drawn, options.seconds),
    }
    sys.stdout.write(json.dumps(parts, indent=2) + "\n")
    if options.quick:
        return
    from seds500.records import store

    store.save(
        {
            "id": RECORD.stem,
            "parameters": {
                "draw": options.draw,
                "rows": options.rows,
                "drawn": options.drawn,
                "seconds": options.seconds,
            },
            "values": parts,
            "provenance": run.provenance(),
        },
        RECORD,
    )


if __name__ == "__main__":
    main()
