"""What `synthtab share` makes of difficult inputs: outcome, time and memory of each.

Run from the root of the repository::

    python benchmarks/sharing_cases.py FOLDER            # writes the record
    python benchmarks/sharing_cases.py FOLDER --quick    # few steps; does not write the record

Each folder in FOLDER is a case: one table, or for `evaluate` a real and a synthetic one. A case is
shared with the defaults and, where that is refused on purpose, once more as the message says. The
full run writes `records/benchmark_sharing_cases.json`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / "records" / "benchmark_sharing_cases.json"
OUTCOMES = {0: "released", 2: "refused", 3: "kept back"}
TARGETS = {"two_dates": "cost", "one_positive_target": "b", "one_class_synthetic": "cls"}
# What the message of a refusal asks its owner to decide.
REMEDIES = {
    "headerless": ["--no-header", "--target", "column_4"],
    "thousands_dot": ["--decimal", "."],
    "foreign_key": ["--drop-identifiers"],
    "long_ids": ["--drop-identifiers"],
    "uint64_parquet": ["--drop-identifiers"],
    "pandas_index": ["--drop-identifiers"],
}


def run(arguments: list[str]) -> dict[str, Any]:
    """One call of `synthtab` in a process of its own: how it ends, and what it takes."""
    began = time.monotonic()
    command = [sys.executable, "-m", "synthtab", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    told = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return {
        "exit": code,
        "outcome": "traceback"
        if "Traceback" in told
        else "judged"
        if arguments[0] == "evaluate" and code in (0, 3)
        else OUTCOMES.get(code, "failed"),
        "seconds": round(time.monotonic() - began, 1),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_mb": round(usage.ru_maxrss / 1e3),
        "last_line": told.strip().splitlines()[-1] if told.strip() else "",
    }


def share_case(case: Path, more: list[str]) -> list[dict[str, Any]]:
    """Share a case; where it is refused and there is a remedy, once more with that."""
    tables = sorted(p for p in case.iterdir() if p.suffix in (".csv", ".parquet", ".xlsx"))
    target = TARGETS.get(case.name, "minutes")
    if len(tables) == 2:
        synthetic, real = tables
        return [
            {"call": "evaluate"} | run(["evaluate", str(real), str(synthetic), "--target", target])
        ]
    rows = []
    for remedy in ([], REMEDIES.get(case.name)):
        if remedy is None or (rows and rows[0]["exit"] != 2):
            continue
        with tempfile.TemporaryDirectory() as home:
            asked = ["share", str(tables[0]), "--out", f"{home}/out", *more]
            asked += remedy if "--target" in remedy else ["--target", target, *remedy]
            rows.append({"call": " ".join(["share", *remedy])} | run(asked))
    for row in rows:
        row["last_line"] = row["last_line"].replace(f"{case}/", "")
    return rows


def main() -> None:
    """Share every case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.folder is None:
        sys.stdout.write("no folder of cases is given: nothing to do\n")
        return
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"
    from seds500.records import provenance, store

    record = provenance.Run.of_benchmark(__file__, trial=options.quick)
    found = {}
    for case in sorted(p for p in options.folder.iterdir() if p.is_dir()):
        found[case.name] = share_case(case, ["--steps", "20"] if options.quick else [])
        for row in found[case.name]:
            shown = {k: v for k, v in row.items() if k != "last_line"}
            sys.stdout.write(f"{case.name}: {shown}\n    {row['last_line'][:160]}\n")
            sys.stdout.flush()
    if not options.quick:
        parameters: dict[str, Any] = {"cases": len(found)}
        values = {"cases": found}
        store.save(
            {
                "id": RECORD.stem,
                "parameters": parameters,
                "values": values,
                "provenance": record.provenance(),
            },
            RECORD,
        )


if __name__ == "__main__":
    main()
