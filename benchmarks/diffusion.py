"""HybridDiffusion: fresh samples, what each part is worth, a larger table, growth, TabDDPM's steps.

Run from the root of the repository::

    python benchmarks/diffusion.py            # about 80 minutes of CPU, 60 of them TabDDPM's
    python benchmarks/diffusion.py fresh      # one part again, the others as they are
    python benchmarks/diffusion.py --quick    # a trial in seconds; does not write the record

Utility is replacement, as in the experiments: R² in percent of the same learner trained on the real
rows of the split, with as many rows drawn as there are training rows and with four times as many.
CPU seconds are on one thread. Each part is written to `records/benchmark_diffusion.json` when it is
done.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import multiprocessing
import resource
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from sklearn.base import clone
from sklearn.ensemble import RandomForestRegressor
from torch.utils.flop_counter import FlopCounterMode

from seds500.data import StudyTable, load, standins
from seds500.methods import SECOND_SAMPLE
from seds500.records import numbers_of, provenance, store
from synthtab.attacks.run import closeness
from synthtab.diffusion import fitting, synthesizer
from synthtab.diffusion.codes import CodeEncoder
from synthtab.diffusion.gaussian import GaussianHybridDiffusion
from synthtab.diffusion.networks import ColumnNetworks, to_batch
from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.evaluation.compare import REAL, compare, summarise
from synthtab.evaluation.fidelity import detection_auc
from synthtab.evaluation.intervals import interval
from synthtab.evaluation.utility import REGRESSORS, tstr
from synthtab.generators.contract import Generator
from synthtab.generators.reference import SecondSample
from synthtab.generators.tabddpm.model import TabDDPM
from synthtab.table.schema import Schema
from synthtab.table.split import Dataset, PrivacySplit, Split

RECORD = Path(__file__).resolve().parents[1] / "records" / "benchmark_diffusion.json"
TABDDPM_STEPS = (1_000, 2_500, 5_000, 10_000)
N_FRESH = 10_000
N_FRESH_SEEDS = 5
N_ARM_SEEDS = 2  # of the arms that are not the default
N_SEEDS = 3
LEARNERS: Mapping[str, Any] = {
    "rf": RandomForestRegressor(n_estimators=50),
    "hgb": REGRESSORS["hgb"],
    "ridge": REGRESSORS["ridge"],
}
PAIR = ["diameter_mm", "nominal_size"]
GROWTH = (
    (2_000, 1, 0),
    (20_000, 1, 0),
    (200_000, 1, 0),
    (20_000, 4, 0),
    (20_000, 1, 5_000),
)
"""Rows, copies of the features side by side, levels of one more category (0: without it)."""


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


def arms() -> dict[str, Generator]:
    """HybridDiffusion as it is, with every order, and the kind of the original study."""
    return {
        "hybrid": HybridDiffusion(),
        "any_order": HybridDiffusion(order="any"),
        "gaussian": GaussianHybridDiffusion(),
    }


# Parts left out ----------------------------------------------------------------------------------


class _OnlyHistogram(ColumnNetworks):
    """A number has no Gaussians: their gate is shut."""

    def _gaussians(self, output: torch.Tensor) -> tuple[torch.Tensor, ...]:
        *parts, gate = super()._gaussians(output)
        return (*parts, torch.full_like(gate, -30.0))


class _RoughHead(ColumnNetworks):
    """Every bin of a histogram has a weight of its own, and neighbours nothing in common."""

    def __init__(self, encoder: Any, frequencies: Any, **settings: Any) -> None:
        columns = encoder.columns_.values()
        bins = max((c.n_bins for c in columns if hasattr(c, "n_bins")), default=1)
        super().__init__(encoder, frequencies, **settings | {"n_waves": bins})
        for waves, codes in zip(self.waves, (list(columns)[j] for j in self.numbers), strict=True):
            waves[:-1] = 0.0
            waves[: codes.n_bins, : codes.n_bins] = torch.eye(codes.n_bins)


def _keep_the_last(best: ColumnNetworks, average: ColumnNetworks, is_better: torch.Tensor) -> None:
    _keep(best, average, torch.ones_like(is_better))


_keep = fitting._keep


class Without(HybridDiffusion):
    """HybridDiffusion with other constants of its modules while it is fitted."""

    changed: ClassVar[Sequence[tuple[Any, str, Any]]] = ()

    def fit(self, frame: pd.DataFrame, schema: Schema) -> Self:
        with contextlib.ExitStack() as stack:
            for module, name, value in self.changed:
                stack.callback(setattr, module, name, getattr(module, name))
                setattr(module, name, value)
            return super().fit(frame, schema)


def without(*changed: tuple[Any, str, Any]) -> Generator:
    """HybridDiffusion with constants changed: module, name, value of each."""
    generator: Generator = type("Without", (Without,), {"changed": changed})()
    return generator


def ablations() -> dict[str, Generator]:
    """HybridDiffusion as it is, and with one thing changed."""
    return {
        "hybrid": HybridDiffusion(),
        "without_gaussians": without((synthesizer, "ColumnNetworks", _OnlyHistogram)),
        "rough_head": without((synthesizer, "ColumnNetworks", _RoughHead)),
        "one_member": HybridDiffusion(n_members=1),
        "with_dropout": HybridDiffusion(dropout=0.3),
        "without_early_stopping": without(
            (fitting, "_PATIENCE", math.inf), (fitting, "_keep", _keep_the_last)
        ),
    }


# Measuring ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trial:
    """How much is measured: everything, or a little of it in seconds."""

    quick: bool
    n_jobs: int
    most_seeds: int

    def seeds(self, n: int) -> range:
        """Splits of each table."""
        return range(1 if self.quick else min(n, self.most_seeds))

    def table(self, name: str, source: str) -> Dataset:
        """A table, or some rows of it."""
        dataset = load(name, source)
        return dataset.subset(400, random_state=0) if self.quick else dataset


def scored(
    generator: Generator, split: Split, schema: Schema, seed: int, *, times: Sequence[int] = (1, 4)
) -> dict[str, float]:
    """What one fit of a generator is worth.

    ``rf_1``, ``hgb_4`` and so on: R² of learners trained on drawn rows, `times` as many as there
    are training rows, in percent of the same learner's on the training rows. ``c2st``: AUC of a
    classifier that tells the rows from training rows. ``near``: share of the rows that are nearer
    to training rows than to as many test rows. ``log_likelihood`` of test rows, in nats, where the
    model has one. ``unseen``: share with a pair of diameter and size that no training row has.
    ``fit``, ``sample``: CPU seconds; the second for as many rows as there are training rows.
    """
    train, test = split
    fit_seed, draw_seed = (int(s) for s in np.random.SeedSequence(seed).generate_state(2))
    generator = clone(generator)
    if "random_state" in generator.get_params():  # type: ignore[attr-defined]
        generator.set_params(random_state=fit_seed)  # type: ignore[attr-defined]
    with one_thread():
        start = time.process_time()
        generator.fit(train, schema)
        fitted = time.process_time()
        drawn = generator.sample(max(times) * len(train), random_state=draw_seed)
        seconds = time.process_time() - fitted
    found = {"fit": fitted - start, "sample": seconds / max(times)}
    for k in times:
        part = drawn.iloc[: k * len(train)]
        found |= {f"{name}_{k}": r2 for name, r2 in utility(part, split, schema, seed).items()}
    same = drawn.iloc[: len(train)]
    found["c2st"] = detection_auc(train, same, schema, random_state=seed)
    n = min(len(train), len(test))
    parts = PrivacySplit(train.iloc[:n], test.iloc[:n], test.iloc[-n:], schema)
    found["near"] = closeness(parts, same)["nearest_is_training"]
    if isinstance(generator, HybridDiffusion):
        found["log_likelihood"] = float(generator.log_likelihood(test).mean())
    if set(PAIR) <= set(schema.columns):
        known = set(train[PAIR].itertuples(index=False, name=None))
        for key, rows in (("unseen", same), ("unseen_real", test)):
            pairs = list(rows[PAIR].itertuples(index=False, name=None))
            found[key] = float(np.mean([pair not in known for pair in pairs]))
    return found


def utility(table: pd.DataFrame, split: Split, schema: Schema, seed: int) -> dict[str, float]:
    """R² of each learner trained on a table."""
    scores = tstr(
        table,
        split.test,
        schema,
        reference=split.train,
        learners=LEARNERS,
        random_state=seed,
    )
    r2 = scores.query("metric == 'r2'")
    return {str(k): float(v) for k, v in zip(r2.learner, r2.value, strict=True)}


def compared(
    dataset: Dataset,
    generators: Mapping[str, tuple[Generator, range]],
    *,
    times: Sequence[int] = (1, 4),
    inflation: float | None = None,
) -> dict[str, Any]:
    """`scored`, summed up over the splits that each generator has, by method.

    Bounds are widened for splits that overlap, as in the experiments, by the ratio of test to
    training rows; `inflation` is that ratio.
    """
    seeds = sorted({seed for _, of in generators.values() for seed in of})
    runs: dict[str, list[dict[str, float]]] = {method: [] for method in generators}
    for seed in seeds:
        split = dataset.split(seed)
        real = utility(split.train, split, dataset.schema, seed)
        for method, (generator, of) in generators.items():
            if seed not in of:
                continue
            found = scored(generator, split, dataset.schema, seed, times=times)
            for learner, r2 in real.items():
                for k in times:
                    found[f"{learner}_{k}"] *= 100 / r2
                found[f"{learner}_real"] = r2
            runs[method].append(found)
            print(f"  {seed} {method:24}", shown(found), flush=True)
    ratio = len(split.test) / len(split.train) if inflation is None else inflation
    return {method: summed_up(found, ratio) for method, found in runs.items()}


def shown(found: Mapping[str, float]) -> str:
    """One run in a line."""
    return " ".join(f"{key} {value:.3g}" for key, value in found.items())


def summed_up(runs: Sequence[Mapping[str, float]], inflation: float) -> dict[str, Any]:
    """Mean, standard deviation and interval of each figure, and the number of runs."""
    found: dict[str, Any] = {"n": len(runs)}
    for key in runs[0]:
        values = [run[key] for run in runs]
        bounds = interval(values, inflation=inflation)
        of = dict(zip(("mean", "low", "high"), bounds, strict=True))
        of["sd"] = float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
        found[key] = numbers_of(of)
    return found


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """One thread, so that CPU seconds are those of the work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def measured(
    dataset: Dataset, generators: Mapping[str, Generator], seeds: range, n_jobs: int
) -> dict[str, Any]:
    """Utility in percent of the baseline, detection AUC, copies, seconds, splits; by method."""
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
        of_method["n_splits"] = len(seeds)
    print(dataset.name, *found.items(), sep="\n", flush=True)
    return found


Figures = dict[str, float]


def growth(n_rows: int, n_copies: int, n_levels: int) -> Figures:
    """CPU seconds and memory for the rows of 013, wider by copies or by a category of levels."""
    torch.set_num_threads(1)
    dataset = load("013")
    rng = np.random.default_rng(0)
    rows = rng.integers(len(dataset.frame), size=n_rows)
    base = dataset.frame.iloc[rows].reset_index(drop=True)
    features = base[list(dataset.schema.features)]
    parts = [features.add_suffix(f"_{i}") for i in range(n_copies)]
    if n_levels:
        code = np.arange(n_rows) % n_levels
        parts.append(pd.DataFrame({"level": [f"level {k}" for k in code]}))
    frame = pd.concat([*parts, base[[dataset.schema.target]]], axis=1)
    schema = Schema.infer(frame, target=dataset.schema.target)
    n_drawn = 20_000
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
        "n_levels": max(len(levels) for levels in schema.categorical.values()),
        "n_iter": len(model.loss_curve_),
        "fit": fitted - start,
        "sample_per_1000": 1000 * (drawn - fitted) / n_drawn,
        "gib": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20,
    }


def large(n_rows: int) -> Figures:
    """Seconds and memory for a table of 20 columns: 14 numbers and 6 categories of six factors."""
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(n_rows, 6))
    columns: dict[str, Any] = {
        f"x{i}": factors @ rng.normal(size=6) + 0.5 * rng.normal(size=n_rows) for i in range(14)
    }
    for i in range(6):
        level = np.clip(((factors[:, i] + 2) * (1 + i)).astype(int), 0, 3 + 4 * i)
        columns[f"k{i}"] = np.char.add("level ", level.astype(str)).astype(object)
    frame = pd.DataFrame(columns)
    schema = Schema.infer(frame, target="x13")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = [time.process_time()]
    encoder = CodeEncoder().fit(frame, schema)
    to_batch(encoder, encoder.cells(frame))
    times.append(time.process_time())
    model = HybridDiffusion(random_state=0).fit(frame, schema)
    times.append(time.process_time())
    for _ in model.iter_samples(n_rows, random_state=0):
        pass
    times.append(time.process_time())
    encoding, fitting, drawing = np.diff(times).tolist()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = {"encode": encoding, "fit": fitting - encoding, "sample": drawing}
    return found | {"gib": (peak - before) / 2**20, "n_iter": len(model.loss_curve_)}


def pace(n_iter: int) -> Figures:
    """Multiplications a second of the training on 013, and of one large matrix product."""
    torch.set_num_threads(1)
    dataset = load("013")
    train = dataset.split(random_state=0).train

    def fit(steps: int) -> float:
        start = time.process_time()
        HybridDiffusion(n_iter=steps, random_state=0).fit(train, dataset.schema)
        return time.process_time() - start

    flops = []
    for steps in (1, 11):
        with FlopCounterMode(display=False) as counter:
            fit(steps)
        flops.append(counter.get_total_flops())
    per_step = (flops[1] - flops[0]) / 10
    step = (fit(2 * n_iter) - fit(n_iter)) / n_iter
    side, times = 1024, 10
    a, b = torch.randn(2, side, side)
    start = time.process_time()
    for _ in range(times):
        a @ b
    product = 2 * side**3 * times / (time.process_time() - start)
    return {
        "step": step,
        "flops_of_step": per_step,
        "flops_per_second": per_step / step,
        "product": product,
        "share": per_step / step / product,
    }


def in_a_process(function: Callable[..., Figures], *arguments: int) -> Figures:
    """A result from a process of its own, so that its memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


# Parts of the record: what each is made of, one after another --------------------------------


Found = Iterator[tuple[str, Any]]


def fresh(trial: Trial) -> Found:
    """Samples that no choice has seen; a trial has one split of the smallest table."""
    for name in ("012",) if trial.quick else ("013", "012", "011"):
        dataset = FreshSamples.of(name)
        assert dataset.reserve is not None
        all_seeds = trial.seeds(N_FRESH_SEEDS)
        generators = {SECOND_SAMPLE: (SecondSample(dataset.reserve), all_seeds)} | {
            arm: (generator, all_seeds if arm == "hybrid" else trial.seeds(N_ARM_SEEDS))
            for arm, generator in arms().items()
        }
        # Splits share no row, so that intervals need no widening.
        yield f"{name}_standin", compared(dataset, generators, inflation=0.0)


def ablation(trial: Trial) -> Found:
    """HybridDiffusion with one thing changed at a time."""
    for name in (("013", "standin"), ("012", "public")):
        variants = {arm: (of, trial.seeds(N_SEEDS)) for arm, of in ablations().items()}
        yield "_".join(name), compared(trial.table(*name), variants)


def diamonds(trial: Trial) -> Found:
    """A table of 53,920 rows, one split."""
    dataset = trial.table("diamonds", "public")
    yield from compared(dataset, {"hybrid": (HybridDiffusion(), range(1))}, times=(1,)).items()


def growths(trial: Trial) -> Found:
    """CPU seconds and memory against rows, columns and levels."""
    for size in [(500, 1, 0)] if trial.quick else GROWTH:
        yield "_".join(map(str, size)), in_a_process(growth, *size)


def speed(trial: Trial) -> Found:
    """How near the training is to the processor's limit, and a table of 1,000,000 rows."""
    yield "pace", in_a_process(pace, 10 if trial.quick else 100)
    yield "large", in_a_process(large, 5_000 if trial.quick else 1_000_000)


def tabddpm_steps(trial: Trial) -> Found:
    """TabDDPM's quality against its training, on one split."""
    steps = {f"steps_{n}": TabDDPM(n_iter=n // (100 if trial.quick else 1)) for n in TABDDPM_STEPS}
    found = measured(trial.table("013", "standin"), steps, range(1), trial.n_jobs)
    yield from found.items()


def fresh_tabddpm(trial: Trial) -> Found:
    """TabDDPM on the samples of `fresh`; those of 011 would take an hour of CPU."""
    generators = {"tabddpm": TabDDPM(n_iter=50 if trial.quick else TabDDPM().n_iter)}
    for name in ("012",) if trial.quick else ("012", "013"):
        seeds = trial.seeds(N_FRESH_SEEDS)
        yield f"{name}_standin", measured(FreshSamples.of(name), generators, seeds, trial.n_jobs)


PARTS: Mapping[str, Callable[[Trial], Found]] = {
    "fresh": fresh,
    "ablation": ablation,
    "diamonds": diamonds,
    "growth": growths,
    "speed": speed,
    "tabddpm_steps": tabddpm_steps,
    "fresh_tabddpm": fresh_tabddpm,
}


def measure(
    record: Path | None,
    parts: Collection[str],
    name: str,
    found: Found,
    packages: Iterable[str] = (),
) -> None:
    """Print a part as it is found, and put it into a record whose parts stand for themselves.

    Parts may be of different commits. Versions of `packages` are noted beside the usual ones.
    Without a record nothing is written and the code may be that of no commit.
    """
    print(f"== {name}", flush=True)
    run = provenance.Run.of_benchmark(__file__, trial=record is None)
    values: dict[str, Any] = {}
    for key, value in found:
        values[key] = value
        print(key, value, flush=True)
        if record is None:
            continue
        old = store.load(record) if record.exists() else {}
        kept = {part: old["values"][part] for part in parts if part in old.get("values", {})}
        made = old.get("provenance", {}).get("parts", {})
        made = {part: made[part] for part in parts if part in made}
        made[name] = run.provenance(packages=(*provenance.PACKAGES, *packages))
        contents = {
            "id": record.stem,
            "values": kept | {name: values},
            "provenance": {"parts": made},
        }
        store.save(contents, record)


def main() -> None:
    """Measure, print and, unless it is a trial, write each part to the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {list(PARTS)}; all if none")
    parser.add_argument("--quick", action="store_true", help="a trial; writes nothing")
    parser.add_argument("--n-jobs", type=int, default=2, help="processes of TabDDPM's parts")
    parser.add_argument("--most-seeds", type=int, default=N_FRESH_SEEDS, help="fewer fits each")
    options = parser.parse_args()
    if unknown := set(options.parts) - PARTS.keys():
        parser.error(f"no part {sorted(unknown)}; there are {list(PARTS)}")
    trial = Trial(options.quick, options.n_jobs, options.most_seeds)
    for name in options.parts or PARTS:
        record = None if trial.quick else RECORD
        measure(record, PARTS, name, PARTS[name](trial))


if __name__ == "__main__":
    main()
