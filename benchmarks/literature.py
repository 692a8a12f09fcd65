"""The models of the literature beside HybridDiffusion, on the tables of the experiments.

Run from the root of the repository::

    python benchmarks/literature.py                       # every part; many hours of CPU
    python benchmarks/literature.py 013_standin_tabsyn    # one part again, the others as they are
    python benchmarks/literature.py 013_standin budget    # all parts that begin so
    python benchmarks/literature.py --splits 3            # fewer splits than the experiments' five
    python benchmarks/literature.py --quick               # a trial on 013; writes no record

A part is a table and a method. Everything is as in the experiments: the same seeds, hence splits,
the same learners, as many rows drawn as there are training rows. Utility is replacement: R² in
percent of the same learner's on the training rows. CPU seconds are on one thread.

TabDDPM, TabSyn, STaSy and TabDiff are those of this library. The Gaussian copula, CTGAN, TVAE,
adversarial random forests and TabularARGN come through their own packages, each best in an
environment of its own (`seds500.arms.other_packages`); a part whose package is missing is left out.

The parts `budget_` tell what more training is worth to each rival, beside the models that end their
training themselves. Their rows are a quarter of the training part of the first split of 013, held
out: no test row is looked at.

Each part is written to `records/benchmark_literature.json` when it is done.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from diffusion import Trial, measure, measured
from sklearn.base import clone

from seds500.arms.other_packages import ARF, CTGAN, TVAE, GaussianCopula, TabularARGN
from seds500.data import load
from seds500.methods import OPTIONAL, methods
from synthtab.generators.contract import Generator
from synthtab.table.split import Dataset

RECORD = Path(__file__).resolve().parents[1] / "records" / "benchmark_literature.json"
RIVALS = ("tabddpm", *OPTIONAL)
BUDGETED = ("hybrid", "gaussian", *RIVALS)
PACKAGED: dict[str, tuple[Any, str, str]] = {
    "gaussian_copula": (GaussianCopula(), "copulas", "copulas"),
    "ctgan": (CTGAN(), "ctgan", "ctgan"),
    "tvae": (TVAE(), "ctgan", "ctgan"),
    "arf": (ARF(), "arfpy", "arfpy"),
    "argn": (TabularARGN(), "mostlyai", "mostlyai-engine"),
}
"""Generator, module and distribution."""
METHODS = (*BUDGETED, *PACKAGED)
TABLES = tuple(f"{name}_{of}" for name in ("013", "012", "011") for of in ("standin", "public"))
BUDGET = "budget"
SHARES = (0.25, 0.5, 1)  # of the default steps
N_SPLITS = 5
PARTS = (
    *(f"{table}_{method}" for table in TABLES for method in METHODS),
    *(f"{BUDGET}_{method}" for method in BUDGETED),
)


def validation(dataset: Dataset) -> Dataset:
    """The training part of the first split, of which a quarter is held out."""
    rows = dataset.split(0).train
    return Dataset(
        name=f"{dataset.name}, validation rows",
        source=dataset.source,
        frame=rows,
        schema=dataset.schema,
        n_test=len(rows) // 4,
    )


def with_budgets(generator: Any, shares: Iterable[float]) -> Iterator[tuple[str, Generator]]:
    """The generator with shares of its training steps, and how many these are.

    One that ends its training itself comes as it is.
    """
    default = {k: v for k, v in generator.get_params().items() if k.startswith("n_iter")}
    if "auto" in default.values():
        yield "auto", generator
        return
    for share in shares:
        steps = {k: max(1, round(share * v)) for k, v in default.items()}
        yield str(sum(steps.values())), clone(generator).set_params(**steps)


def table_part(table: str, method: str, trial: Trial) -> Iterator[tuple[str, Any]]:
    """One method on the splits of a table."""
    dataset = trial.table(*table.split("_"))
    n_iter: int | Literal["auto"] = 20 if trial.quick else "auto"
    if method in PACKAGED:
        generator = PACKAGED[method][0]
    else:
        generator = methods(dataset, n_iter=n_iter, also=OPTIONAL)[method]
    found = measured(dataset, {method: generator}, trial.seeds(N_SPLITS), trial.n_jobs)
    yield from found[method].items()


def budget_part(method: str, trial: Trial) -> Iterator[tuple[str, Any]]:
    """One model after more and more steps, judged on validation rows."""
    dataset = validation(trial.table("013", "standin"))
    shares = [SHARES[0] / 200] if trial.quick else SHARES
    generator = methods(load("013"), also=OPTIONAL)[method]
    for n, trained in with_budgets(generator, shares):
        found = measured(dataset, {method: trained}, trial.seeds(N_SPLITS), trial.n_jobs)
        yield f"steps_{n}", found[method]


def main() -> None:
    """Measure, print and, unless it is a trial, write each part to the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="part", help="or its beginning; all if none")
    parser.add_argument("--quick", action="store_true", help="a trial; writes nothing")
    parser.add_argument("--n-jobs", type=int, default=2, help="processes")
    parser.add_argument("--splits", type=int, default=N_SPLITS, help="splits of each table")
    options = parser.parse_args()
    if options.splits < 1:
        parser.error(f"--splits {options.splits}: at least 1")
    if unknown := [p for p in options.parts if not any(part.startswith(p) for part in PARTS)]:
        parser.error(f"no part begins with {unknown}; there are {list(PARTS)}")
    trial = Trial(options.quick, options.n_jobs, options.splits)
    wanted = tuple(options.parts or ((TABLES[0], BUDGET) if trial.quick else PARTS))
    for part in PARTS:
        if not part.startswith(wanted):
            continue
        table = next(t for t in (*TABLES, BUDGET) if part.startswith(f"{t}_"))
        method = part.removeprefix(f"{table}_")
        _, module, package = PACKAGED.get(method, (None, "synthtab", None))
        if importlib.util.find_spec(module) is None:
            print(f"== {part}: left out, the package {package} is not installed")
            continue
        found = budget_part(method, trial) if table == BUDGET else table_part(table, method, trial)
        packages = [package] if package else []
        measure(None if trial.quick else RECORD, PARTS, part, found, packages)


if __name__ == "__main__":
    main()
