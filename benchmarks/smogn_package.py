"""What the package smogn itself gives on the stand-ins for 012 and 013, as the study ran it.

Run from the root of the repository::

    python benchmarks/smogn_package.py            # about a CPU minute
    python benchmarks/smogn_package.py --quick    # one split; does not write the record

The package sees the numeric columns only, with `samp_method="extreme"`; the categories are then
drawn at random from the training rows. This is not a notebook, since the package reads memory that
it has not initialised: two runs with one seed differ, and some end with an error. Such a run is
repeated, and counted. The full run writes `records/benchmark_smogn_package.json`. 011 is left out:
it takes the package minutes of CPU time.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import smogn

from seds500.data import load
from seds500.records import provenance, store
from synthtab.evaluation.utility import tstr

RECORD = Path(__file__).resolve().parents[1] / "records" / "benchmark_smogn_package.json"
EXPERIMENTS = ("012", "013")
SEEDS = (0, 1, 2)
ATTEMPTS = 100


def resampled(frame: pd.DataFrame, target: str) -> tuple[pd.DataFrame, int]:
    """The package's output and the number of attempts that ended with an error before it."""
    for failed in range(ATTEMPTS):
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            try:
                out = smogn.smoter(frame.copy(), target, samp_method="extreme")
            except ValueError as error:
                if "missing values" not in str(error):
                    raise
                continue
        return out[np.isfinite(out).all(axis=1)].reset_index(drop=True), failed
    raise RuntimeError(f"the package failed {ATTEMPTS} times on the same rows")


def scores(experiment: str, seed: int) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Scores of its whole output and of its synthetic rows on one split, and counts."""
    data = load(experiment)
    train, test = data.split(seed)
    schema, rng = data.schema, np.random.default_rng(seed)
    numeric = train[list(schema.numerical)]
    out, failed = resampled(numeric, schema.target)
    known = pd.MultiIndex.from_frame(numeric.astype(float))
    synthetic = ~pd.MultiIndex.from_frame(out.astype(float)).isin(known)
    for column in schema.categorical:
        out[column] = train[column].to_numpy()[rng.integers(len(train), size=len(out))]
    out = out[list(schema.columns)].astype(train.dtypes.to_dict())
    found = []
    real = tstr(train, test, schema, reference=train, random_state=seed)
    for part, table in {"whole": out, "synthetic": out[synthetic]}.items():
        score = tstr(table, test, schema, reference=train, random_state=seed)
        for row, value in zip(score.to_dict("records"), real.value, strict=True):
            rise = 100 * (row["value"] / value - 1)
            measured = {"r2": row["value"]} if row["metric"] == "r2" else {"rmse_rise": rise}
            found.append({"part": part, "learner": row["learner"], **measured})
    counts = {"n_in": len(train), "n_out": len(out), "share_synthetic": synthetic.mean()}
    return found, {**counts, "failed": failed}


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one split; writes no record")
    quick = parser.parse_args().quick
    run = provenance.Run.of_benchmark(__file__, trial=quick)
    seeds = SEEDS[:1] if quick else SEEDS
    values: dict[str, Any] = {}
    for experiment in EXPERIMENTS:
        runs = [scores(experiment, seed) for seed in seeds]
        table = pd.DataFrame([row for found, _ in runs for row in found])
        means = table.groupby(["part", "learner"])[["r2", "rmse_rise"]].mean()
        counts = pd.DataFrame([count for _, count in runs])
        values[experiment] = {
            **{
                part: {learner: row.to_dict() for (_, learner), row in rows.iterrows()}
                for part, rows in means.groupby(level="part")
            },
            **counts[["n_in", "n_out", "share_synthetic"]].mean().to_dict(),
            "failed": int(counts.failed.sum()),
        }
        print(f"{experiment}: {len(runs)} runs, {values[experiment]['failed']} failed before them")
        print(means.round(2).to_string())
    if quick:
        return
    contents = {
        "id": RECORD.stem,
        "parameters": {"experiments": list(EXPERIMENTS), "seeds": list(SEEDS)},
        "values": values,
        "provenance": run.provenance(packages=("numpy", "pandas", "smogn")),
    }
    store.save(contents, RECORD)
    print(f"written: {RECORD.name}")


if __name__ == "__main__":
    main()
