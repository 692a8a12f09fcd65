"""How often the privacy report card fails fresh real rows, and how often a table with a known leak.

Run from the root of the repository::

    python benchmarks/privacy_false_alarms.py            # about ten CPU minutes
    python benchmarks/privacy_false_alarms.py --quick    # a few cards; does not write the record

A card judges one table as `synthtab share` does: of n rows some are held out and the others are the
training rows. Real rows that nobody trained on pose as the synthetic table, so that every failure
is a false alarm; then a leak of known kind is planted among them, and every failure is a find. All
rules are as in `synthtab.attacks.card` and the tolerances as in `synthtab.attacks.tolerances`. How
returned rows are counted, and how alpha is shared, was settled on other draws of the same tables;
the seeds here are new to them. The full run writes `records/benchmark_privacy_false_alarms.json`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from seds500.data import load
from seds500.data.standins import simulate
from seds500.records import provenance, store
from synthtab import GaussianHybridDiffusion
from synthtab.attacks import judge, run_attacks
from synthtab.attacks.card import worst
from synthtab.attacks.distances import MixedDistance
from synthtab.diffusion.training import training_steps
from synthtab.evaluation.intervals import proportion
from synthtab.generators.reference import Bootstrap, Interpolation, NoiseCopy
from synthtab.sharing import hold_out
from synthtab.table.split import PrivacySplit

RECORD = Path(__file__).resolve().parents[1] / "records" / "benchmark_privacy_false_alarms.json"
TABLES = (("011", "public"), ("012", "standin"), ("013", "standin"))
SIZES = (400, 1000, 5000)
N_FRESH = 201  # cards of fresh rows of each size, a third of each table
N_LEAKY = {400: 21, 1000: 21, 5000: 9}  # cards of each leak
N_FITS = {400: 3, 1000: 3, 5000: 0}  # cards of a trained model, a fit each
FIRST_SEED = 2000

Leak = Callable[[PrivacySplit, pd.DataFrame, int, np.random.Generator], pd.DataFrame]


def _some(frame: pd.DataFrame, n: int, rng: np.random.Generator) -> pd.DataFrame:
    return frame.iloc[rng.permutation(len(frame))[:n]].reset_index(drop=True)


def verbatim(share: float, noise: float = 0.0) -> Leak:
    """A share of the table are training rows, their numbers moved by so many deviations."""

    def leak(
        split: PrivacySplit, fresh: pd.DataFrame, n: int, rng: np.random.Generator
    ) -> pd.DataFrame:
        k = round(share * n)
        leaked = _some(split.train, k, rng)
        if noise:
            copies = NoiseCopy(scale=noise).fit(split.train, split.schema)
            leaked = copies.sample(len(split.train), random_state=rng)[:k]
        return pd.concat([leaked, fresh[: n - k]], ignore_index=True)

    return leak


def far_rows(
    split: PrivacySplit, fresh: pd.DataFrame, n: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Only rows farther from the training rows than these lie apart: a popular filter."""
    metric = MixedDistance(split.schema, scale_by=split.train)
    apart = metric.nearest(split.train, split.train, k=2).distance[:, 1]
    distance = metric.nearest(fresh, split.train).distance[:, 0]
    return fresh[distance > np.median(apart)][:n].reset_index(drop=True)


def drawn_from(make: Callable[[PrivacySplit], Any]) -> Leak:
    """A draw from a generator fitted to the training rows."""

    def leak(
        split: PrivacySplit, fresh: pd.DataFrame, n: int, rng: np.random.Generator
    ) -> pd.DataFrame:
        model = make(split).fit(split.train, split.schema)
        table: pd.DataFrame = model.sample(n, random_state=rng)
        return table

    return leak


def overtrained(split: PrivacySplit) -> GaussianHybridDiffusion:
    """Ten times the steps that a table of so many rows is given, by the kind that can overtrain."""
    usual = training_steps(split.n, len(split.schema.columns), min(split.n, 512))
    return GaussianHybridDiffusion(n_iter=10 * usual, random_state=0)


LEAKS: dict[str, tuple[str, Leak]] = {
    "verbatim_1": ("1 % training rows", verbatim(0.01)),
    "verbatim_5": ("5 % training rows", verbatim(0.05)),
    "noisy_5": ("5 % training rows, noise .02", verbatim(0.05, noise=0.02)),
    "filter": ("only rows far from training rows", far_rows),
    "bootstrap": ("bootstrap", drawn_from(lambda split: Bootstrap())),
    "noise_copy": ("noise copy, noise .1", drawn_from(lambda split: NoiseCopy())),
    "interpolation": ("interpolation (SMOTE)", drawn_from(lambda split: Interpolation())),
    "overtrained": ("Gaussian diffusion, ten times the steps", drawn_from(overtrained)),
}


def card_of(
    name: str, source: str, n: int, seed: int, leak: Leak | None
) -> dict[str, tuple[str, bool]]:
    """Verdict of every row of one card, and of the whole, with whether anything was detected."""
    data = load(name, source)
    rng = np.random.default_rng([seed, n])
    n_fresh = n if leak is None else 4 * n  # a filter takes rows away
    if source == "standin":
        rows = simulate(name, n + n_fresh, seed)
    else:
        rows = _some(pd.concat([data.frame, data.reserve]), n + n_fresh, rng)
    real, fresh = rows[:n].reset_index(drop=True), rows[n:].reset_index(drop=True)
    train, holdout, reference = (real.iloc[p].reset_index(drop=True) for p in hold_out(n, rng))
    split = PrivacySplit(train, holdout, reference, data.schema)
    table = fresh if leak is None else leak(split, fresh, n, rng)
    found = judge([run_attacks(split, table, random_state=rng)])
    each = {key: (row.verdict, row.detected) for key, row in found.items()}
    whole = worst(row.verdict for row in found.values())
    return {**each, "card": (whole, any(row.detected for row in found.values()))}


def cards(n: int, n_cards: int, leak: Leak | None = None) -> list[dict[str, tuple[str, bool]]]:
    """As many cards of one size, of each table in turn."""
    return [card_of(*TABLES[i % len(TABLES)], n, FIRST_SEED + i, leak) for i in range(n_cards)]


def shares(found: Sequence[dict[str, tuple[str, bool]]]) -> dict[str, Any]:
    """Share of each verdict by row, with the exact interval of the failures."""
    values: dict[str, Any] = {}
    for row in found[0]:
        fails = proportion(sum(f[row][0] == "fail" for f in found), len(found))
        values[row] = {
            "fail": fails.value,
            "fail_low": fails.low,
            "fail_high": fails.high,
            "pass": sum(f[row][0] == "pass" for f in found) / len(found),
            "detected": sum(f[row][1] for f in found) / len(found),
        }
    return values


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few cards; writes no record")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    run = provenance.Run.of_benchmark(__file__, trial=quick)
    start = time.process_time()
    everything, by_size, power = [], {}, {}
    for n in SIZES[:2] if quick else SIZES:
        found = cards(n, 3 if quick else N_FRESH)
        everything += found
        by_size[str(n)] = shares(found) | {"n_cards": len(found)}
        print(f"{n} fresh rows:", {r: round(v["fail"], 3) for r, v in shares(found).items()})
        power[str(n)] = {}
        for key, (label, leak) in LEAKS.items():
            n_cards = N_FITS[n] if key == "overtrained" else N_LEAKY[n]
            if quick:
                n_cards = 0 if key == "overtrained" else 3
            if n_cards:
                leaky = cards(n, n_cards, leak)
                whole = shares(leaky)["card"]
                by_row = {row: v["fail"] for row, v in shares(leaky).items() if row != "card"}
                power[str(n)][key] = {"name": label, "n_cards": n_cards, **whole, "rows": by_row}
                print(f"{n} rows, {label}: {whole['fail']:.2f}", by_row, flush=True)
    values = by_size | {"all": shares(everything) | {"n_cards": len(everything)}, "power": power}
    print("all:", {r: round(v["fail"], 3) for r, v in shares(everything).items()})
    if quick:
        return
    contents = {
        "id": RECORD.stem,
        "parameters": {"n_fresh": N_FRESH, "sizes": list(SIZES), "first_seed": FIRST_SEED},
        "values": values,
        "timings": {"cpu": time.process_time() - start},
        "provenance": run.provenance(),
    }
    store.save(contents, RECORD)
    print(f"written: {RECORD.name}")


if __name__ == "__main__":
    main()
