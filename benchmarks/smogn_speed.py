"""CPU time of `synthtab.smogn.resample` beside the package smogn, and its growth with the rows.

Run from the root of the repository::

    python benchmarks/smogn_speed.py            # CPU minutes, most of them for the package
    python benchmarks/smogn_speed.py --quick    # seconds; does not write the record

Both programs run in one process on the same rows of the stand-in for 011 (two numeric features).
The package is timed once for each size, ours is repeated. The full run writes
`records/benchmark_smogn.json`. (This file is not called smogn.py, since a script's folder comes
first where Python looks for modules, and it would hide the package.)
"""

from __future__ import annotations

import argparse
import contextlib
import io
import multiprocessing
import resource
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import smogn

from seds500.data import load
from seds500.records import provenance, store
from synthtab.smogn.resample import SMOGN

RECORD = Path(__file__).resolve().parents[1] / "records" / "benchmark_smogn.json"
PACKAGE_ROWS = (500, 1_000, 2_000, 4_000, 14_353)
GROWTH_ROWS = (1_000, 3_000, 10_000, 30_000, 100_000)


def cpu_seconds(call: Callable[[], object], repeats: int) -> float:
    """Mean CPU time of a call, after one that is not counted."""
    call()
    start = time.process_time()
    for _ in range(repeats):
        call()
    return (time.process_time() - start) / repeats


def package_seconds(frame: pd.DataFrame, target: str) -> float:
    """CPU time of one run of the package, without its progress bars."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        start = time.process_time()
        smogn.smoter(frame.copy(), target)
        return time.process_time() - start


def beside_the_package(sizes: tuple[int, ...]) -> dict[str, dict[str, float | int]]:
    """Both programs on the first rows of the stand-in for 011, for each number of rows."""
    data = load("011")
    train, target = data.split(0).train, data.schema.target
    found: dict[str, dict[str, float | int]] = {}
    for n in sizes:
        frame = train.iloc[:n].reset_index(drop=True)
        X, y = frame.drop(columns=target), frame[target]
        resampler = SMOGN(random_state=0)
        ours = cpu_seconds(lambda r=resampler, X=X, y=y: r.fit_resample(X, y), repeats=20)
        theirs = package_seconds(frame, target)
        found[f"n_{n}"] = {
            "n_rows": n,
            "n_rare": int(resampler.bumps_.loc[resampler.bumps_["rare"], "n_rows"].sum()),
            "package": theirs,
            "synthtab": ours,
            "ratio": theirs / ours,
        }
        print(
            f"{n:>7,} rows: package {theirs:9.3f} s, synthtab {ours:.5f} s, {theirs / ours:,.0f} x"
        )
    return found


def simulated(n: int, kind: str) -> tuple[pd.DataFrame, pd.Series[Any]]:
    """`n` simulated rows with a right-skewed target.

    "narrow" has 2 numeric features, "numeric" has 10, "mixed" has 6 and 4 categorical ones with
    12 categories each.
    """
    rng = np.random.default_rng(0)
    width = {"narrow": 2, "numeric": 10, "mixed": 6}[kind]
    X = pd.DataFrame(rng.normal(size=(n, width)), columns=[f"x{j}" for j in range(width)])
    y = np.exp(X["x0"] + 0.5 * rng.normal(size=n)).rename("y")
    if kind == "mixed":
        for j in range(4):
            X[f"c{j}"] = np.array([f"v{i}" for i in range(12)], dtype=object)[
                rng.integers(12, size=n)
            ]
    return X, y


def one_run(n: int, kind: str) -> tuple[float, float, int]:
    """CPU seconds, peak memory in GiB and rare rows of one run, imports included in the memory."""
    X, y = simulated(n, kind)
    resampler = SMOGN(random_state=0)
    start = time.process_time()
    resampler.fit_resample(X, y)
    seconds = time.process_time() - start
    # Linux counts in KiB, macOS in bytes.
    unit = 2**30 if sys.platform == "darwin" else 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return seconds, peak, int((resampler.relevance_ >= 0.5).sum())


def growth(sizes: tuple[int, ...]) -> dict[str, dict[str, Any]]:
    """CPU time and peak memory over the rows, each run in a process of its own."""
    found: dict[str, dict[str, Any]] = {}
    for kind in ("narrow", "numeric", "mixed"):
        runs = []
        for n in sizes:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                runs.append(pool.apply(one_run, (n, kind)))
        seconds, peak, rare = (list(column) for column in zip(*runs, strict=True))
        # Slope of log time over log rows between the last two sizes: 1 is linear, 2 quadratic.
        exponent = float(np.log(seconds[-1] / seconds[-2]) / np.log(sizes[-1] / sizes[-2]))
        found[kind] = {
            "n_rows": list(sizes),
            "n_rare": rare,
            "seconds": seconds,
            "peak_gib": peak,
            "exponent": exponent,
        }
        shown = ", ".join(f"{n:,}: {s:.3f} s" for n, s in zip(sizes, seconds, strict=True))
        print(f"{kind}: {shown}; peak {max(peak):.2f} GiB; exponent {exponent:.2f}")
    return found


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="small sizes, in seconds; writes no record"
    )
    quick = parser.parse_args().quick
    run = provenance.Run.of_benchmark(__file__, trial=quick)
    package_rows = PACKAGE_ROWS[:2] if quick else PACKAGE_ROWS
    growth_rows = GROWTH_ROWS[:3] if quick else GROWTH_ROWS
    values = {"package": beside_the_package(package_rows), "growth": growth(growth_rows)}
    if quick:
        return
    parameters = {"package_rows": list(package_rows), "growth_rows": list(growth_rows)}
    contents = {
        "id": RECORD.stem,
        "parameters": parameters,
        "values": values,
        "provenance": run.provenance(packages=("numpy", "pandas", "scipy", "smogn")),
    }
    store.save(contents, RECORD)
    print(f"written: {RECORD}")


if __name__ == "__main__":
    main()
