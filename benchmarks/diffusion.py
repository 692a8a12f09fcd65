"""HybridDiffusion: fresh samples, what each part is worth, a larger table, growth, TabDDPM's steps.

Run from the root of the repository::

    python benchmarks/diffusion.py            # about 60 minutes of CPU; writes the record
    python benchmarks/diffusion.py fresh      # one part again, the others as they are
    python benchmarks/diffusion.py --quick    # a trial in seconds; does not write the record

Utility is replacement, as in the experiments: R² in percent of the same learner trained on the real
rows of the split. CPU seconds are on one thread. Each part is written to
`records/benchmark_diffusion.json` when it is done.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline

from seds500.data import StudyTable, load, standins
from seds500.methods import SECOND_SAMPLE
from seds500.pages.experiment import numbers_of
from seds500.records import provenance, store
from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.evaluation.compare import REAL, compare, summarise
from synthtab.evaluation.intervals import interval
from synthtab.evaluation.utility import feature_encoder
from synthtab.generators.contract import Generator
from synthtab.generators.reference import Bootstrap, SecondSample
from synthtab.generators.tabddpm.model import TabDDPM
from synthtab.table.encoding import RankMap, TableEncoder, decimal_places
from synthtab.table.schema import Schema
from synthtab.table.split import Dataset, Split

RECORD = Path(__file__).resolve().parents[1] / "records" / "benchmark_diffusion.json"
TABDDPM_STEPS = (1_000, 2_500, 5_000, 10_000)
N_FRESH = 10_000
N_FRESH_SEEDS = 5
N_SEEDS = 3
GROWTH = ((2_000, 1, 50_000), (20_000, 1, 50_000), (200_000, 1, 50_000), (20_000, 8, 10_000))


@dataclass(frozen=True)
class FreshSamples(StudyTable):
    """Every split is two samples of the simulator that nothing else uses: no choice has seen them.

    The splits share no row, and the test part is large, so that scores scatter less than on the
    splits of one table.
    """

    @classmethod
    def of(cls, name: str) -> Self:
        """Samples of the size of an experiment's stand-in."""
        known = load(name)
        rows = standins.simulate(name, 5 * len(known.frame), random_state=20_000)
        parts = {field.name: getattr(known, field.name) for field in fields(known)}
        schema = Schema.infer(
            rows, target=known.schema.target, categorical=tuple(known.schema.categorical)
        )
        return cls(**parts | {"schema": schema, "reserve": rows})

    def split(self, random_state: int | np.random.Generator | None = None) -> Split:
        """A training sample of the experiment's size and a test sample."""
        if not isinstance(random_state, int):
            raise TypeError("a split of fresh samples is named by an integer")
        n_train = len(self.frame) - self.n_test
        return Split(
            standins.simulate(self.name, n_train, random_state=20_001 + 2 * random_state),
            standins.simulate(self.name, N_FRESH, random_state=20_002 + 2 * random_state),
        )


class BoostedTarget(BaseEstimator):  # type: ignore[misc]
    """The same features, with the prediction of a boosted regression and a residual as target.

    Residuals are those of five-fold cross-validation, each drawn from rows of about the same
    prediction: what a good learner knows of the target, made into a generator.
    """

    def __init__(self, *, reserve: pd.DataFrame) -> None:
        self.reserve = reserve

    def fit(self, frame: pd.DataFrame, schema: Schema) -> Self:
        target = frame[schema.target].to_numpy(dtype=float)
        self.schema_, self.range_ = schema, (target.min(), target.max())
        self.model_ = make_pipeline(
            feature_encoder(schema, features=schema.features),
            HistGradientBoostingRegressor(random_state=0),
        )
        predicted = cross_val_predict(self.model_, frame, target, cv=5)
        order = np.argsort(predicted)
        self.predicted_, self.residual_ = predicted[order], (target - predicted)[order]
        self.model_.fit(frame, target)
        return self

    def sample(
        self, n_samples: int, *, random_state: int | np.random.Generator | None = None
    ) -> pd.DataFrame:
        rng = np.random.default_rng(random_state)
        rows = self.reserve.sample(n_samples, random_state=rng).reset_index(drop=True)
        mean = self.model_.predict(rows)
        near = np.searchsorted(self.predicted_, mean) + rng.integers(-50, 51, n_samples)
        drawn = mean + self.residual_[near.clip(0, len(self.residual_) - 1)]
        target = rows[self.schema_.target]
        rows[self.schema_.target] = drawn.clip(*self.range_).astype(target.dtype)
        return rows


class WithoutPlaces(HybridDiffusion):
    """Numbers with a short list of values enter the network as categories without an order."""

    def _encoder(self, frame: pd.DataFrame, schema: Schema) -> TableEncoder:
        class Unordered(TableEncoder):
            def coordinates(self, frame: pd.DataFrame) -> tuple[np.ndarray, ...]:
                return tuple(np.eye(size) for size in self.cardinalities)

        return Unordered().fit(frame, schema)


class WithoutAtoms(HybridDiffusion):
    """Every number is continuous and rounded: repeated values are nothing special."""

    def _encoder(self, frame: pd.DataFrame, schema: Schema) -> TableEncoder:
        encoder = TableEncoder().fit(frame, schema)
        rng = np.random.default_rng(0)
        encoder.levels_ = {c: encoder.levels_[c] for c in schema.categorical}
        encoder.rank_maps_ = {}
        for column in schema.numerical:
            values = frame[column].to_numpy(dtype=float)
            decimals = decimal_places(values) or 0
            half = 0.5 * 10.0**-decimals
            spread = RankMap.of(values + rng.uniform(-half, half, len(values)))
            encoder.rank_maps_[column] = replace(spread, decimals=decimals)
        return encoder


def ablations() -> dict[str, Generator]:
    """HybridDiffusion as it is, and with one thing changed."""
    return {
        "hybrid": HybridDiffusion(),
        "without_places": WithoutPlaces(),
        "without_atoms": WithoutAtoms(),
        "with_frequencies": HybridDiffusion(n_frequencies=8),
        "four_times_longer": HybridDiffusion(n_iter=2_340),
        "steps_8": HybridDiffusion(n_steps=8),
        "steps_48": HybridDiffusion(n_steps=48),
    }


@dataclass(frozen=True)
class Trial:
    """How much is measured: everything, or a little of it in seconds."""

    quick: bool
    n_jobs: int

    @property
    def seeds(self) -> range:
        """Splits of each table."""
        return range(1 if self.quick else N_SEEDS)

    def table(self, name: str, source: str) -> Dataset:
        """A table, or some rows of it."""
        dataset = load(name, source)
        return dataset.subset(400, random_state=0) if self.quick else dataset

    def measured(
        self,
        dataset: Dataset,
        generators: Mapping[str, Generator],
        *,
        seeds: range | None = None,
    ) -> dict[str, Any]:
        """`measured` of the generators, printed."""
        found = measured(dataset, generators, self.seeds if seeds is None else seeds, self.n_jobs)
        print(dataset.card.title, *_lines(found), sep="\n", flush=True)
        return found


def measured(
    dataset: Dataset, generators: Mapping[str, Generator], seeds: range, n_jobs: int
) -> dict[str, Any]:
    """Utility in percent of the baseline, detection AUC, copies and CPU seconds, by method."""
    comparison = compare(dataset, generators, seeds=seeds, settings=["replacement"], n_jobs=n_jobs)
    metrics = ["c2st", "copies_of_as_many", "copies_of_test"]
    if isinstance(dataset, FreshSamples):
        # No row is in two splits, so that intervals need no widening; and the test part is larger
        # than the training part, so that copies of each cannot be compared.
        comparison = replace(comparison, n_test=0)
        metrics = ["c2st"]
    inflation = comparison.n_test / comparison.n_train
    found: dict[str, Any] = {}
    for row in summarise(comparison).to_dict("records"):
        if row["method"] != REAL:
            found.setdefault(row["method"], {})[row["learner"]] = numbers_of(row)
    for method, of_method in found.items():
        fidelity = comparison.fidelity[comparison.fidelity.method == method]
        for metric in metrics:
            values = fidelity[fidelity.metric == metric].value
            bounds = zip(
                ("mean", "low", "high"), interval(values, inflation=inflation), strict=True
            )
            of_method[metric] = numbers_of(dict(bounds))
        times = comparison.timings[comparison.timings.method == method]
        of_method["fit"] = float(times.fit.mean())
        of_method["sample"] = float(times["sample"].mean())
    return found


def growth(n_rows: int, n_copies: int, n_drawn: int) -> dict[str, float | int]:
    """CPU seconds and memory for a table of the rows of 013, its features `n_copies` times."""
    torch.set_num_threads(1)
    dataset = load("013")
    rows = np.random.default_rng(0).integers(len(dataset.frame), size=n_rows)
    base = dataset.frame.iloc[rows].reset_index(drop=True)
    features = base[list(dataset.schema.features)]
    copies = [features.add_suffix(f"_{i}") for i in range(n_copies)]
    frame = pd.concat([*copies, base[[dataset.schema.target]]], axis=1)
    schema = Schema.infer(frame, target=dataset.schema.target)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    model = HybridDiffusion(random_state=0).fit(frame, schema)
    fitted = time.process_time()
    for _ in model.iter_samples(n_drawn, random_state=0):
        pass
    drawn = time.process_time()
    return {
        "n_rows": n_rows,
        "n_columns": frame.shape[1],
        "n_iter": len(model.loss_curve_),
        "fit": fitted - start,
        "sample_per_1000": 1000 * (drawn - fitted) / n_drawn,
        "gib": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20,
    }


def in_a_process(*arguments: int) -> dict[str, float | int]:
    """`growth` in a process of its own, so that its memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(growth, arguments)


def ablation(trial: Trial) -> dict[str, Any]:
    """HybridDiffusion with one thing changed at a time."""
    return {
        name: trial.measured(trial.table(*name.split("_")), ablations())
        for name in ("013_standin", "013_public")
    }


def tabddpm_steps(trial: Trial) -> dict[str, Any]:
    """TabDDPM's quality against its training, on one split."""
    steps = {f"steps_{n}": TabDDPM(n_iter=n // (100 if trial.quick else 1)) for n in TABDDPM_STEPS}
    return trial.measured(trial.table("013", "standin"), steps, seeds=range(1))


def diamonds(trial: Trial) -> dict[str, Any]:
    """A table of 53,920 rows."""
    generators: dict[str, Generator] = {
        "hybrid": HybridDiffusion(),
        "without_frequencies": HybridDiffusion(n_frequencies=0),
        "bootstrap": Bootstrap(),
    }
    return trial.measured(trial.table("diamonds", "public"), generators)


def fresh(trial: Trial) -> dict[str, Any]:
    """Samples that no choice has seen; a trial has one split of the smallest table."""
    found = {}
    for name in ("012",) if trial.quick else ("011", "012", "013"):
        dataset = FreshSamples.of(name)
        assert dataset.reserve is not None
        generators: dict[str, Generator] = {
            SECOND_SAMPLE: SecondSample(dataset.reserve),
            "hybrid": HybridDiffusion(),
        }
        if name == "013":
            generators["boosted_target"] = BoostedTarget(reserve=dataset.reserve)
        seeds = range(1 if trial.quick else N_FRESH_SEEDS)
        found[f"{name}_standin"] = trial.measured(dataset, generators, seeds=seeds)
    return found


def fresh_tabddpm(trial: Trial) -> dict[str, Any]:
    """TabDDPM on the same samples; those of 011 would take an hour of CPU."""
    n_iter = 50 if trial.quick else TabDDPM().n_iter
    return {
        f"{name}_standin": trial.measured(
            FreshSamples.of(name),
            {"tabddpm": TabDDPM(n_iter=n_iter)},
            seeds=range(1 if trial.quick else N_FRESH_SEEDS),
        )
        for name in (("012",) if trial.quick else ("012", "013"))
    }


def growths(trial: Trial) -> dict[str, Any]:
    """CPU seconds and memory against rows and columns."""
    sizes = [(500, 1, 1000)] if trial.quick else GROWTH
    found = {f"{n}_{k}": in_a_process(n, k, drawn) for n, k, drawn in sizes}
    print(pd.DataFrame(found).T.round(2))
    return found


PARTS: Mapping[str, Callable[[Trial], dict[str, Any]]] = {
    "ablation": ablation,
    "tabddpm_steps": tabddpm_steps,
    "diamonds": diamonds,
    "fresh": fresh,
    "fresh_tabddpm": fresh_tabddpm,
    "growth": growths,
}


def main() -> None:
    """Measure, print and, unless it is a trial, write each part to the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {list(PARTS)}; all if none")
    parser.add_argument("--quick", action="store_true", help="a trial; writes nothing")
    parser.add_argument("--n-jobs", type=int, default=2, help="processes")
    options = parser.parse_args()
    if unknown := set(options.parts) - PARTS.keys():
        parser.error(f"no part {sorted(unknown)}; there are {list(PARTS)}")
    trial = Trial(options.quick, options.n_jobs)
    for name in options.parts or PARTS:
        print(f"== {name}", flush=True)
        run = provenance.Run.of_benchmark(
            __file__, trial=trial.quick
        )  # parts may be of different commits
        found = PARTS[name](trial)
        if not trial.quick:
            old = store.load(RECORD) if RECORD.exists() else {}
            values = {part: old["values"][part] for part in PARTS if part in old.get("values", {})}
            origins = old.get("provenance", {}).get("parts", {})
            origins = {part: origins[part] for part in PARTS if part in origins}
            values |= {name: found, "n_seeds": N_SEEDS, "n_fresh_seeds": N_FRESH_SEEDS}
            origins[name] = run.provenance()
            contents = {"id": RECORD.stem, "values": values, "provenance": {"parts": origins}}
            store.save(contents, RECORD)
            print(f"written: {name} in {RECORD.name}", flush=True)


def _lines(found: Mapping[str, Any]) -> list[str]:
    return [
        f"  {method:20} "
        + " ".join(f"{k} {v['percent']:6.1f}" for k, v in of.items() if "percent" in str(v))
        + f"  AUC {of['c2st']['mean']:.2f}  {of['fit']:.1f} + {of['sample']:.1f} s"
        for method, of in found.items()
    ]


if __name__ == "__main__":
    main()
