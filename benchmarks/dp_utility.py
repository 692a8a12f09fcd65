"""Utility under a guarantee: tables, budgets and seeds, with the target corrected or as drawn.

Run from the root of the repository::

    python benchmarks/dp_utility.py              # about 20 CPU minutes
    python benchmarks/dp_utility.py --seeds 3    # about 12; does not write the record
    python benchmarks/dp_utility.py --quick      # one table, budget and seed; neither

Learners are trained on 10,000 rows drawn from `HybridDiffusion(privacy=...)` and tested on real
rows that were held out. The figure is the R² of the best of them, in percent of the best one that
was trained on the real rows. ``drawn`` are the same rows before `synthtab.dp.correction` adds to
the target; that model has paid for a correction all the same, so that it is no fit without one.
``no_correction`` is such a fit, with the whole budget in the network, for a budget of 3. What is
declared public are round numbers that anyone in the trade would say. The full run writes
`records/benchmark_dp_utility.json`.
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
from synthtab.evaluation.utility import REGRESSORS

RECORD = Path(__file__).resolve().parents[1] / "records" / "benchmark_dp_utility.json"
TABLES = ("013_standin", "013_public", "012_public", "011_public")
EPSILONS = (1.0, 3.0, 8.0)
ALONE = 3.0  # budget of the fits without a correction
N_SEEDS = 5
N_DRAWN = 10_000
LEARNERS = {name: REGRESSORS[name] for name in ("rf", "hgb", "ridge")}
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
}


def public(table: str, epsilon: float) -> Privacy:
    """Budget and public knowledge of a table."""
    if table not in PUBLIC:
        return declared(table, epsilon)
    return Privacy(epsilon, public_categories=True, **PUBLIC[table])


def best(rows: pd.DataFrame, train: pd.DataFrame, test: pd.DataFrame, data: Any) -> float:
    """R² of the best learner on the test rows."""
    scores = tstr(rows, test, data.schema, reference=train, learners=LEARNERS, random_state=0)
    return float(scores.query("metric == 'r2'")["value"].max())


def runs(
    tables: tuple[str, ...], epsilons: tuple[float, ...], n_seeds: int
) -> Iterator[dict[str, Any]]:
    """One row for each table, seed, budget and arm: percent of the best R² on real rows."""
    for table, seed in itertools.product(tables, range(n_seeds)):
        data = load(*table.split("_"))
        train, test = data.split(seed)
        real = best(train, train, test, data)
        for epsilon in epsilons:
            privacy = public(table, epsilon)
            asked = {"corrected": privacy}
            if epsilon == ALONE:
                asked["no_correction"] = replace(privacy, target_share=0.0)
            for arm, wanted in asked.items():
                start = time.process_time()
                model = HybridDiffusion(privacy=wanted, random_state=seed).fit(train, data.schema)
                seconds = time.process_time() - start
                found = {arm: model.sample(N_DRAWN, random_state=seed)}
                if arm == "corrected":
                    model.encoder_.correction_ = None
                    found["drawn"] = model.sample(N_DRAWN, random_state=seed)
                for name, rows in found.items():
                    share = 100 * best(rows, train, test, data) / real
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
    parser.add_argument(
        "--tables", nargs="*", default=TABLES, choices=TABLES, help="which; likewise"
    )
    arguments = parser.parse_args()
    tables = tuple(arguments.tables)
    is_trial = arguments.quick or arguments.seeds != N_SEEDS or tables != TABLES
    torch.set_num_threads(1)
    run = provenance.Run.of_benchmark(__file__, trial=is_trial)
    start = time.process_time()
    if arguments.quick:
        found = pd.DataFrame(runs(TABLES[:1], EPSILONS[:1], 1))
    else:
        found = pd.DataFrame(runs(tables, EPSILONS, arguments.seeds))
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
