"""Every method that fits in seconds, on twenty splits of each table of the experiments.

Run from the root of the repository::

    python benchmarks/splits.py                 # all six tables; an hour of CPU
    python benchmarks/splits.py 013_standin     # one table again, the others as they are
    python benchmarks/splits.py --quick         # a trial; writes no record

The pages of the experiments compare all methods on five splits. TabDDPM trains for minutes on each
of them, and the models of the literature for longer; the others are cheap enough for more. The
first five splits are those of the pages. Utility is replacement: R² of learners trained on as many
drawn rows as there are training rows, in percent of the same learner's on the training rows.
The Gaussian copula needs the package `copulas` and is left out without it.

Each part is written to `records/benchmark_splits.json` when it is done.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from diffusion import Trial, measure
from literature import TABLES as PARTS

from seds500.arms.other_packages import GaussianCopula
from seds500.methods import methods
from seds500.records import numbers_of
from synthtab.evaluation.compare import REAL, compare, paired_difference, summarise
from synthtab.generators.contract import Generator

RECORD = Path(__file__).resolve().parents[1] / "records" / "benchmark_splits.json"
N_SPLITS = 20
HAS_COPULAS = importlib.util.find_spec("copulas") is not None


def table_part(part: str, trial: Trial) -> Iterator[tuple[str, Any]]:
    """Scores of every method, and those of HybridDiffusion minus them, by learner."""
    dataset = trial.table(*part.split("_"))
    n_iter: Mapping[str, Any] = {"n_iter": 20} if trial.quick else {}
    generators: dict[str, Generator] = methods(dataset, without=["tabddpm"], **n_iter)
    if HAS_COPULAS:
        generators["gaussian_copula"] = GaussianCopula()
    comparison = compare(
        dataset,
        generators,
        seeds=trial.seeds(N_SPLITS),
        settings=["replacement"],
        measure_fidelity=False,
        n_jobs=trial.n_jobs,
    )
    yield "scores", by_method(summarise(comparison))
    differences = by_method(paired_difference(comparison, "hybrid"))
    yield "hybrid_minus", {method: of for method, of in differences.items() if method != REAL}


def by_method(rows: pd.DataFrame) -> dict[str, Any]:
    """The numbers of each row, by method and learner."""
    found: dict[str, Any] = {}
    for row in rows.to_dict("records"):
        found.setdefault(row["method"], {})[row["learner"]] = numbers_of(row)
    return found


def main() -> None:
    """Measure, print and, unless it is a trial, write each part to the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {PARTS}; all if none")
    parser.add_argument("--quick", action="store_true", help="a trial; writes nothing")
    parser.add_argument("--n-jobs", type=int, default=2, help="processes")
    options = parser.parse_args()
    if unknown := sorted(set(options.parts) - set(PARTS)):
        parser.error(f"no part {unknown}; there are {list(PARTS)}")
    trial = Trial(options.quick, options.n_jobs, N_SPLITS)
    for part in options.parts or PARTS:
        found = table_part(part, trial)
        measure(None if trial.quick else RECORD, PARTS, part, found, ["copulas"] * HAS_COPULAS)


if __name__ == "__main__":
    main()
