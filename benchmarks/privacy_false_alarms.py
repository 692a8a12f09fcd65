"""How often the privacy report card fails fresh real rows, and how often a table with a known leak.

Run from the root of the repository::

    python benchmarks/privacy_false_alarms.py            # about half an hour of CPU
    python benchmarks/privacy_false_alarms.py --quick    # a few cards; does not write the record

A card judges as `synthtab share` does: of n rows some are held out and the others are the training
rows, and of three tables none may fail. Real rows that nobody trained on pose as the synthetic
tables, so that every failure is a false alarm; then a leak of known kind is planted among them, and
every failure is a find. All rules are as in `synthtab.attacks.card` and the tolerances as in
`synthtab.attacks.tolerances`. How returned rows are counted, and how alpha is shared, was settled
on other draws of the same tables; the seeds here are new to them. Rows that a public table holds
twice are taken once: that one record comes back where its twin was drawn is no false alarm. Beside
each verdict stands what the old rule said: a row failed only if its whole interval lay beyond the
tolerance, or if a record that nobody resembles returned whole. The full run writes
`records/benchmark_privacy_false_alarms.json`.
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
from synthtab.attacks.card import Item, Row, worst
from synthtab.attacks.distances import MixedDistance
from synthtab.attacks.run import Findings
from synthtab.attacks.tolerances import TOLERANCES
from synthtab.diffusion.training import training_steps
from synthtab.evaluation.intervals import proportion
from synthtab.generators.reference import Bootstrap, Interpolation, NoiseCopy
from synthtab.sharing import hold_out
from synthtab.table.schema import Schema
from synthtab.table.split import PrivacySplit

RECORD = Path(__file__).resolve().parents[1] / "records" / "benchmark_privacy_false_alarms.json"
TABLES = (("011", "public"), ("012", "standin"), ("013", "standin"))
SIZES = (400, 1000, 5000)
N_DRAWS = 3  # tables that a card judges, as in ``share``
N_FRESH = 201  # cards of fresh rows of each size, a third of each table
N_LEAKY = {400: 6, 1000: 12, 5000: 3}  # cards of each leak
N_FITS = {400: 0, 1000: 3, 5000: 0}  # cards of a trained model, a fit each
FIRST_SEED = 40000
NEW_ITEMS = ("but for one column", "the nearest rows", "unique rows, more noise")

Leak = Callable[[PrivacySplit, pd.DataFrame, int, np.random.Generator], pd.DataFrame]
"""Makes a table of training rows and fresh ones, a number of rows, and randomness."""


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
        return _beside(leaked, fresh, n)

    return leak


def _alone(split: PrivacySplit) -> np.ndarray:
    """Positions of the training rows, the most isolated first."""
    real = pd.concat([split.train, split.holdout, split.reference]).drop_duplicates()
    metric = MixedDistance(split.schema, scale_by=split.reference)
    return np.argsort(-metric.nearest(split.train, real, k=6).distance[:, -1], kind="stable")


def _beside(rows: pd.DataFrame, fresh: pd.DataFrame, n: int) -> pd.DataFrame:
    return pd.concat([rows, fresh[: max(0, n - len(rows))]], ignore_index=True)


def moved(k: int) -> Leak:
    """The `k` most isolated training rows, one cell of each moved by 0.01."""

    def leak(
        split: PrivacySplit, fresh: pd.DataFrame, n: int, rng: np.random.Generator
    ) -> pd.DataFrame:
        rows = split.train.iloc[_alone(split)[:k]].copy()
        rows[next(c for c in rows if c not in split.schema.categorical)] += 0.01
        return _beside(rows, fresh, n)

    return leak


def outliers(share: float) -> Leak:
    """That share of the training rows, the most isolated ones, with noise of .02 deviations."""

    def leak(
        split: PrivacySplit, fresh: pd.DataFrame, n: int, rng: np.random.Generator
    ) -> pd.DataFrame:
        numbers = [c for c in split.train if c not in split.schema.categorical]
        rows = split.train.iloc[_alone(split)[: max(1, round(share * split.n))]].copy()
        spread = 0.02 * split.train[numbers].std().to_numpy()
        rows[numbers] += spread * rng.normal(size=(len(rows), len(numbers)))
        return _beside(rows, fresh, n)

    return leak


def inner(k: int) -> Leak:
    """So many training rows, none of them among the tenth that is most isolated."""

    def leak(
        split: PrivacySplit, fresh: pd.DataFrame, n: int, rng: np.random.Generator
    ) -> pd.DataFrame:
        rows = rng.choice(_alone(split)[split.n // 10 :], k, replace=False)
        return _beside(split.train.iloc[rows], fresh, n)

    return leak


def but_one_column(
    split: PrivacySplit, fresh: pd.DataFrame, n: int, rng: np.random.Generator
) -> pd.DataFrame:
    """A fifth of the training rows, one column of each drawn anew from its values."""
    rows = _some(split.train, split.n // 5, rng)
    column = rng.integers(rows.shape[1], size=len(rows))
    for j, name in enumerate(rows):
        drawn = split.train[name].to_numpy()[rng.integers(split.n, size=len(rows))]
        rows[name] = np.where(column == j, drawn, rows[name].to_numpy())
    return _beside(rows, fresh, n)


def far_rows(
    split: PrivacySplit, fresh: pd.DataFrame, n: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Only rows farther from the training rows than these lie apart: a popular filter."""
    metric = MixedDistance(split.schema, scale_by=split.train)
    apart = metric.nearest(split.train, split.train, k=2).distance[:, 1]
    distance = metric.nearest(fresh, split.train).distance[:, 0]
    return fresh[distance > np.median(apart)][:n].reset_index(drop=True)


def drawn_from(make: Callable[[PrivacySplit], Any]) -> Leak:
    """Draws from a generator, fitted once to the training rows."""
    fitted: list[tuple[PrivacySplit, Any]] = []  # the last one

    def leak(
        split: PrivacySplit, fresh: pd.DataFrame, n: int, rng: np.random.Generator
    ) -> pd.DataFrame:
        if not fitted or fitted[0][0] is not split:
            fitted[:] = [(split, make(split).fit(split.train, split.schema))]
        table: pd.DataFrame = fitted[0][1].sample(n, random_state=rng)
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
    "noisy_5_more": ("5 % training rows, noise .1", verbatim(0.05, noise=0.1)),
    "one_moved": ("the most isolated row, one cell + .01", moved(1)),
    "ten_moved": ("the ten most isolated rows, one cell + .01", moved(10)),
    "outliers_1": ("1 % outliers, noise .02", outliers(0.01)),
    "outliers_2": ("2 % outliers, noise .02", outliers(0.02)),
    "inner_5": ("5 inner rows", inner(5)),
    "inner_10": ("10 inner rows", inner(10)),
    "inner_20": ("20 inner rows", inner(20)),
    "but_one": ("20 % training rows, one column redrawn", but_one_column),
    "filter": ("only rows far from training rows", far_rows),
    "bootstrap": ("bootstrap", drawn_from(lambda split: Bootstrap())),
    "noise_copy": ("noise copy, noise .1", drawn_from(lambda split: NoiseCopy())),
    "noise_copy_more": (
        "noise copy, noise .4",
        drawn_from(lambda split: NoiseCopy(scale=0.4)),
    ),
    "interpolation": ("interpolation (SMOTE)", drawn_from(lambda split: Interpolation())),
    "overtrained": ("Gaussian diffusion, ten times the steps", drawn_from(overtrained)),
}


def drawn_rows(
    name: str, source: str, n: int, seed: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, Schema]:
    """So many rows of a table: simulated, or drawn from those that differ."""
    data = load(name, source)
    if source == "standin":
        return simulate(name, n, seed), data.schema
    return _some(pd.concat([data.frame, data.reserve]).drop_duplicates(), n, rng), data.schema


def card_of(
    name: str, source: str, n: int, seed: int, leak: Leak | None
) -> dict[str, tuple[str, bool]]:
    """Verdict of every row of a card, and of the whole, with whether anything was detected.

    As in ``share`` several tables decide together: the card fails where one of them does.
    """
    rng = np.random.default_rng([seed, n])
    # A filter takes rows away.
    n_fresh = (N_DRAWS if leak is None else 4) * n
    rows, schema = drawn_rows(name, source, n + n_fresh, seed, rng)
    real, others = rows[:n].reset_index(drop=True), rows[n:]
    train, holdout, reference = (real.iloc[p].reset_index(drop=True) for p in hold_out(n, rng))
    split = PrivacySplit(train, holdout, reference, schema)
    draws, by_old_rule = [], False
    for _ in range(N_DRAWS):
        fresh = _some(others, len(others), rng)
        table = fresh[:n] if leak is None else leak(split, fresh, n, rng)
        attacked = run_attacks(split, table, random_state=rng)
        draws.append(judge([attacked], N_DRAWS))
        alone = judge([attacked])
        by_old_rule |= any(old_rule(key, row, attacked) for key, row in alone.items())
    each = {
        key: (worst(draw[key].verdict for draw in draws), any(draw[key].detected for draw in draws))
        for key in draws[0]
    }
    whole = worst(verdict for verdict, _ in each.values())
    seen = any(detected for _, detected in each.values())
    return {**each, "card": (whole, seen), "old rule": ("fail" if by_old_rule else "-", seen)}


def old_rule(key: str, row: Row, attacked: Findings) -> bool:
    """Whether a row of the card failed by the rule before this one."""
    certain = attacked.returned.certain
    if key == "copies" and certain.training and not certain.fresh:
        return True

    def beyond(item: Item) -> bool:
        tolerance = TOLERANCES[key]
        far = item.estimate.low > item.chance + tolerance.beyond
        near = item.estimate.high < item.chance - tolerance.beyond
        return far or (tolerance.two_sided and near)

    return any(beyond(item) for item in row.items if item.name not in NEW_ITEMS)


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
                by_row = {row: v["fail"] for row, v in shares(leaky).items() if row in TOLERANCES}
                old = shares(leaky)["old rule"]["fail"]
                power[str(n)][key] = {
                    "name": label, "n_cards": n_cards, **whole, "old_rule": old, "rows": by_row
                }  # fmt: skip
                print(f"{n} rows, {label}: {whole['fail']:.2f} ({old:.2f})", by_row, flush=True)
    values = by_size | {"all": shares(everything) | {"n_cards": len(everything)}, "power": power}
    print("all:", {r: round(v["fail"], 3) for r, v in shares(everything).items()})
    if quick:
        return
    contents = {
        "id": RECORD.stem,
        "parameters": {
            "n_fresh": N_FRESH,
            "n_draws": N_DRAWS,
            "sizes": list(SIZES),
            "first_seed": FIRST_SEED,
        },
        "values": values,
        "timings": {"cpu": time.process_time() - start},
        "provenance": run.provenance(),
    }
    store.save(contents, RECORD)
    print(f"written: {RECORD.name}")


if __name__ == "__main__":
    main()
