"""An audit through `synthtab share --epsilon`: two tables that differ by a row, many runs of each.

Run from the root of the repository::

    python benchmarks/dp_share_audit.py            # about five CPU minutes
    python benchmarks/dp_share_audit.py --quick    # 12 runs of each; does not write the record
    python benchmarks/dp_share_audit.py --former FOLDER    # and the code of an earlier commit

FOLDER is a clone at a commit before `share --epsilon` was made private from end to end, such as
3a9d836. It is audited by fewer runs, each in a process of its own.

Everything that leaves is looked at: the exit status, the files, what they say, and the synthetic
table. Three rows are added, one in each audit: one that nothing declared foresees (a new category,
a gap, decimals), one at the ends of all bounds, and one like the others. A third of the runs choose
the question, the others answer it. The bound that is found is below the promised epsilon, or the
promise is broken. The full run writes `records/benchmark_dp_share_audit.json`.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from seds500.records import provenance, store
from synthtab.__main__ import main as synthtab
from synthtab.sharing.audit import epsilon_at_least, seen

RECORD = Path(__file__).resolve().parents[1] / "records" / "benchmark_dp_share_audit.json"
EPSILON = 1.0
DELTA = 1 / 3000
N_RUNS = 80
N_FORMER_RUNS = 24
ADDED = {
    "not_foreseen": "HIV,,12.555,9.3",
    "at_the_bounds": "b,30.0,30.0,10.0",
    "usual": "a,9.8,10.1,5.0",
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


FORMER_SCHEMA = """
public_categories: true
columns:
  g: {kind: category}
  x: {kind: number, bounds: [0, 30]}
  z: {kind: number, bounds: [0, 30]}
  y: {kind: number, bounds: [0, 10]}
"""
"""As far as the former code lets its owner declare anything."""


def rows_of(seed: int) -> str:
    """A table of 300 rows as CSV."""
    rng = np.random.default_rng(seed)
    columns = {
        "g": rng.choice(["a", "b"], 300),
        "x": rng.normal(10, 2, 300).round(1),
        "z": rng.normal(10, 2, 300).round(1),
        "y": rng.normal(5, 1, 300).round(1).clip(0, 10),
    }
    return pd.DataFrame(columns).to_csv(index=False)


def observed(text: str, folder: Path, n_runs: int, former: Path | None = None) -> pd.DataFrame:
    """What is seen of runs on one table, one row for each; of the former code, if it is given."""
    folder.mkdir()
    table, schema = folder / "t.csv", folder / "schema.yaml"
    table.write_text(text, encoding="utf-8")
    schema.write_text(FORMER_SCHEMA if former else SCHEMA, encoding="utf-8")
    rows = []
    for i in range(n_runs):
        out = folder / str(i)
        asked = ["share", str(table), "--target", "y", "--schema", str(schema), "--steps", "20"]
        asked += ["--epsilon", str(EPSILON), "--out", str(out)]
        if former:
            asked += ["--seed", str(i), "--release-anyway"]
            status = subprocess.run(
                [sys.executable, "-m", "synthtab", *asked],
                env={**os.environ, "PYTHONPATH": str(former / "src")},
                capture_output=True,
                check=False,
            ).returncode
            if out.exists():  # it made no difference between what leaves and what stays
                (out / "release").symlink_to(out)
        else:
            asked += ["--no-card", "--ledger", f"{out}.jsonl"]
            with (
                contextlib.redirect_stderr(io.StringIO()),
                contextlib.redirect_stdout(io.StringIO()),
            ):
                status = synthtab(asked)
        rows.append(seen(status, out))
    return pd.DataFrame(rows)


def audited(folder: Path, n_runs: int, former: Path | None = None) -> dict[str, Any]:
    """What tells each added row, and what epsilon must be at least."""
    folder.mkdir()
    text = rows_of(0)
    without = observed(text, folder / "without", n_runs, former)
    values: dict[str, Any] = {}
    for name, row in ADDED.items():
        with_it = observed(f"{text}{row}\n", folder / name, n_runs, former)
        found = epsilon_at_least(without, with_it, n_choosing=n_runs // 3, delta=DELTA)
        values[name] = {"epsilon": found.epsilon, "question": found.question, "n_runs": n_runs}
        print(f"{name}: epsilon is at least {found.epsilon:.2f}, by {found.question}", flush=True)
    return values


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="12 runs; writes no record")
    parser.add_argument("--former", type=Path, metavar="FOLDER", help="a clone of former code")
    options = parser.parse_args()
    quick = options.quick
    torch.set_num_threads(1)
    run = provenance.Run.of_benchmark(__file__, trial=quick)
    start = time.process_time()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with ThreadPoolExecutor(1) as beside:
            if options.former:
                former = options.former.resolve()
                n_former = 12 if quick else N_FORMER_RUNS
                running = beside.submit(audited, folder / "former", n_former, former)
            values: dict[str, Any] = {"now": audited(folder / "now", 12 if quick else N_RUNS)}
        if options.former:
            values["former"] = running.result()
            commit = ["git", "-C", str(former), "rev-parse", "HEAD"]
            values["former_commit"] = subprocess.check_output(commit, text=True).strip()
    if quick:
        return
    contents = {
        "id": RECORD.stem,
        "parameters": {"epsilon": EPSILON, "delta": DELTA},
        "values": values,
        "timings": {"cpu": time.process_time() - start},
        "provenance": run.provenance(),
    }
    store.save(contents, RECORD)
    print(f"written: {RECORD.name}")


if __name__ == "__main__":
    main()
