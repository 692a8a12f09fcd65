"""Gaussian copula and CTGAN, by their own packages, on the tables and splits of the experiments.

Run from the root of the repository, once ``pip install 'synthtab[other]'`` has brought them in
(they are not open source, see `seds500.arms.other_packages`; an environment of its own is best)::

    python benchmarks/other_packages.py                 # about half a CPU hour, nearly all CTGAN's
    python benchmarks/other_packages.py --cache folder  # the same, and it can be stopped
    python benchmarks/other_packages.py --quick         # 012, 2 epochs; writes no record

The full run writes `records/benchmark_other_packages.json`. Everything is as in the experiments:
the same seeds, hence splits, the same learners and both settings. That is checked, by the scores of
the real rows, against the experiments' records, so that HybridDiffusion's figures there and the
figures here are of the same rows. CTGAN has its default of 300 epochs on 012 and 013. An epoch of
011 has seven times the steps, and 300 take minutes a fit: it has 100 there, which are still more
steps than it takes on the smaller tables, and three seeds in place of five.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from seds500.arms.other_packages import CTGAN, GaussianCopula
from seds500.data import load
from seds500.pages import experiment as report
from seds500.records import provenance, store
from synthtab.evaluation.compare import REAL, compare

RECORDS = Path(__file__).resolve().parents[1] / "records"
RECORD = RECORDS / "benchmark_other_packages.json"
EPOCHS = {"012": 300, "013": 300, "011": 100}
SEEDS = {"012": range(5), "013": range(5), "011": range(3)}
SOURCES = ("standin", "public")
PACKAGES = ("copulas", "ctgan", "numpy", "pandas", "rdt", "scikit-learn", "torch")


def r2(values: dict[str, Any]) -> pd.DataFrame:
    """Mean R² in replacement; methods by learners."""
    methods = values["utility"]["replacement"].items()
    return pd.DataFrame({m: {k: s["r2"]["mean"] for k, s in of.items()} for m, of in methods}).T


def beside(name: str, measured: dict[str, Any]) -> pd.DataFrame:
    """R² of these methods beside HybridDiffusion's on the same rows, from its own record.

    Raises
    ------
    RuntimeError
        If the real rows of the two score differently: then rows, splits or learners differ.
    """
    here, there = r2(measured), r2(store.load(RECORDS / f"{name}.json")["values"])
    real, expected = here.loc[REAL, there.columns], there.loc[REAL]
    if measured["dataset"]["n_seeds"] == 5 and not np.allclose(real, expected, rtol=1e-6):
        raise RuntimeError(
            f"{name}: real rows score {real.to_dict()} here and {expected.to_dict()} in the "
            "experiment's record; run `make experiments` first"
        )
    return pd.concat([here, there.loc[["hybrid"]]])


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="012 with 2 epochs; writes no record")
    parser.add_argument("--cache", help="folder in which finished runs are kept")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    options = parser.parse_args()
    run = provenance.Run.of_benchmark(__file__, trial=options.quick)
    values: dict[str, Any] = {}
    for experiment, epochs in ({"012": 2} if options.quick else EPOCHS).items():
        generators = {"gaussian_copula": GaussianCopula(), "ctgan": CTGAN(epochs=epochs)}
        for source in SOURCES:
            name = f"{experiment}_{source}"
            dataset = load(experiment, source)
            comparison = compare(
                dataset,
                generators,
                seeds=SEEDS[experiment],
                n_jobs=options.jobs,
                cache=options.cache,
            )
            values[name] = report.as_record(dataset, comparison)
            # HybridDiffusion is not among the methods: its place is the experiment's own record.
            del values[name]["hybrid_minus"]
            print(f"{name}: R² in replacement")
            print(beside(name, values[name]).round(3).to_string())
            print(comparison.timings.groupby("method")[["fit", "sample"]].mean().round(1))
    if options.quick:
        return
    contents = {
        "id": RECORD.stem,
        "parameters": {"epochs": EPOCHS, "seeds": {k: list(v) for k, v in SEEDS.items()}},
        "values": values,
        "provenance": run.provenance(packages=PACKAGES),
    }
    store.save(contents, RECORD)
    print(f"written: {RECORD.name}")


if __name__ == "__main__":
    main()
