"""Utility under a guarantee: tables, budgets and seeds, for the private model and its rivals.

Run from the root of the repository::

    python benchmarks/dp_utility.py --data FOLDER    # about 60 CPU minutes; writes the record
    python benchmarks/dp_utility.py --seeds 3        # without adult; writes none
    python benchmarks/dp_utility.py --quick          # one table, budget and seed; likewise

Learners are trained on 10,000 rows drawn from `HybridDiffusion(privacy=...)` and tested on real
rows that were held out. The figure is the R² of the best of them, in percent of the best one that
was trained on the real rows; for a category it is the AUC beyond one half. ``drawn`` are the same
rows before `synthtab.dp.correction` adds to the target; that model has paid for a correction all
the same, so that it is no fit without one. ``no_correction`` is such a fit, with the whole budget
in the network, for a budget of 3. ``tree`` and ``copula`` are the mechanisms of
`synthtab.dp.marginals`, which need no network: counts of pairs along a tree, and correlations;
``tree_alone`` has no correction, as MST has none. What is declared public are round numbers that
anyone in the trade would say. FOLDER holds `adult.csv.gz`, which is not in the repository: 30,000
of its rows are learnt. The full run writes `records/benchmark_dp_utility.json`.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from seds500.data import load
from seds500.pages.differential_privacy import declared, key
from seds500.records import provenance, store
from synthtab import HybridDiffusion, Privacy, tstr
from synthtab.dp.marginals import PrivateCopula, PrivateTree
from synthtab.evaluation.utility import CLASSIFIERS, REGRESSORS
from synthtab.table.schema import Schema
from synthtab.table.split import Dataset

RECORD = Path(__file__).resolve().parents[1] / "records" / "benchmark_dp_utility.json"
TABLES = ("013_standin", "013_public", "012_public", "011_public")
EPSILONS = (1.0, 3.0, 8.0)
ALONE = 3.0  # budget of the fits without a correction
N_SEEDS = 5
N_DRAWN = 10_000
ADULT, ADULT_TRAINED, ADULT_TESTED = "adult", 30_000, 10_000
LEARNERS = {
    "regression": {name: REGRESSORS[name] for name in ("rf", "hgb", "ridge")},
    "classification": {name: CLASSIFIERS[name] for name in ("rf", "hgb", "logistic")},
}
PUBLIC: dict[str, dict[str, Any]] = {  # of the tables that are not the chapter's
    "012_public": {
        "n_rows": 2000,
        "bounds": {"trend": (1, 35), "price": (500, 10_000)},
        "levels": {"ram": (2, 4, 8, 16, 24, 32)},
    },
    "011_public": {
        "n_rows": 14_000,
        "bounds": {"x": (3, 12), "depth": (40, 80), "price": (100, 20_000)},
        "decimals": {"x": 2, "depth": 1},
    },
    ADULT: {
        "n_rows": ADULT_TRAINED,
        "bounds": {
            "age": (17, 90),
            "fnlwgt": (10_000, 1_500_000),
            "capital.gain": (0, 100_000),
            "capital.loss": (0, 5000),
            "hours.per.week": (1, 99),
        },
        "levels": {"education.num": tuple(range(1, 17))},
    },
}


def public(table: str, epsilon: float) -> Privacy:
    """Budget and public knowledge of a table."""
    if table not in PUBLIC:
        return declared(table, epsilon)
    return Privacy(epsilon, public_categories=True, **PUBLIC[table])


def loaded(table: str, folder: Path | None) -> Dataset:
    """A table of the study, or adult out of a folder."""
    if table != ADULT:
        return load(*table.split("_"))
    if folder is None:
        raise SystemExit("adult is not in the repository: give its folder as --data")
    frame = pd.read_csv(folder / "adult.csv.gz").fillna("?")  # gaps of categories, as in the source
    used = frame.sample(ADULT_TRAINED + ADULT_TESTED, random_state=0).reset_index(drop=True)
    schema = Schema.infer(frame, target="target")
    return Dataset(name=ADULT, source="public", frame=used, schema=schema, n_test=ADULT_TESTED)


def best(rows: pd.DataFrame, train: pd.DataFrame, test: pd.DataFrame, schema: Schema) -> float:
    """R² of the best learner on the test rows, or its AUC beyond one half."""
    scores = tstr(
        rows, test, schema, reference=train, learners=LEARNERS[schema.task], random_state=0
    )
    if schema.task == "regression":
        return float(scores.query("metric == 'r2'")["value"].max())
    return float(scores.query("metric == 'auc'")["value"].max()) - 0.5


def generators(privacy: Privacy, schema: Schema, seed: int) -> dict[str, Any]:
    """The arms that are fitted, unfitted."""
    alone = replace(privacy, target_share=0.0)
    arms: dict[str, Any] = {
        "corrected": HybridDiffusion(privacy=privacy, random_state=seed),
        "tree": PrivateTree(privacy, random_state=seed),
        "copula": PrivateCopula(privacy, random_state=seed),
    }
    if schema.task == "regression":
        arms["tree_alone"] = PrivateTree(alone, random_state=seed)
        if privacy.epsilon == ALONE:
            arms["no_correction"] = HybridDiffusion(privacy=alone, random_state=seed)
    return arms


def runs(
    tables: tuple[str, ...], epsilons: tuple[float, ...], n_seeds: int, folder: Path | None
) -> Iterator[dict[str, Any]]:
    """One row for each table, seed, budget and arm: percent of the best score on real rows."""
    for table, seed in itertools.product(tables, range(n_seeds)):
        data = loaded(table, folder)
        train, test = data.split(seed)
        real = best(train, train, test, data.schema)
        for epsilon in epsilons:
            for arm, model in generators(public(table, epsilon), data.schema, seed).items():
                start = time.process_time()
                model.fit(train, data.schema)
                seconds = time.process_time() - start
                found = {arm: model.sample(N_DRAWN, random_state=seed)}
                if arm == "corrected" and model.encoder_.correction_ is not None:
                    model.encoder_.correction_ = None
                    found["drawn"] = model.sample(N_DRAWN, random_state=seed)
                for name, rows in found.items():
                    share = 100 * best(rows, train, test, data.schema) / real
                    print(f"{table} seed {seed} {key(epsilon)} {name}: {share:.1f} %", flush=True)
                    yield {
                        "table": table,
                        "budget": key(epsilon),
                        "arm": name,
                        "percent": share,
                        "seconds": seconds,
                    }


def values_of(found: pd.DataFrame) -> dict[str, Any]:
    """Mean, lowest and highest percentage over seeds, by table, arm and budget; and over all."""
    values: dict[str, Any] = {}
    for (table, arm, budget), rows in found.groupby(["table", "arm", "budget"], sort=False):
        percent = rows["percent"]
        values.setdefault(table, {}).setdefault(arm, {})[budget] = {
            "percent": percent.mean(),
            "lowest": percent.min(),
            "highest": percent.max(),
            "sd": percent.std() if len(percent) > 1 else 0.0,
            "seconds": rows["seconds"].mean(),
        }
    means = found.groupby(["arm", "budget", "table"], sort=False)["percent"].mean()
    for (arm, budget), rows in means.groupby(["arm", "budget"], sort=False):
        whole = {"percent": rows.mean(), "lowest_table": rows.min()}
        values.setdefault("all", {}).setdefault(arm, {})[budget] = whole
    return values


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one fit; writes no record")
    parser.add_argument("--seeds", type=int, default=N_SEEDS, help="with fewer, writes no record")
    parser.add_argument("--data", type=Path, help="folder of adult; without it, likewise")
    every = (*TABLES, ADULT)
    parser.add_argument("--tables", nargs="*", choices=every, help="which; likewise")
    arguments = parser.parse_args()
    tables = tuple(arguments.tables or (TABLES if arguments.data is None else every))
    is_trial = arguments.quick or arguments.seeds != N_SEEDS or tables != every
    torch.set_num_threads(1)
    run = provenance.Run.of_benchmark(__file__, trial=is_trial)
    start = time.process_time()
    if arguments.quick:
        found = pd.DataFrame(runs(tables[:1], EPSILONS[:1], 1, arguments.data))
    else:
        found = pd.DataFrame(runs(tables, EPSILONS, arguments.seeds, arguments.data))
    values = values_of(found)
    for table, arms in values.items():
        for arm, by_budget in arms.items():
            print(table, arm, {b: round(v["percent"], 1) for b, v in by_budget.items()})
    print(f"{time.process_time() - start:.0f} CPU seconds")
    if is_trial:
        return
    contents = {
        "id": RECORD.stem,
        "parameters": {"epsilons": EPSILONS, "n_seeds": N_SEEDS, "n_drawn": N_DRAWN},
        "values": values,
        "timings": {"cpu": time.process_time() - start},
        "provenance": run.provenance(),
    }
    store.save(contents, RECORD)
    print(f"written: {RECORD.name}")


if __name__ == "__main__":
    main()
