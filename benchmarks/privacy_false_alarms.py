"""How often fresh real rows fail the privacy report card: its false alarms, row by row.

Run from the root of the repository::

    python benchmarks/privacy_false_alarms.py            # about five CPU minutes
    python benchmarks/privacy_false_alarms.py --quick    # two cards; does not write the record

A card pools five splits, as on the report's page. Real rows that nobody trained on pose as the
synthetic table, so that every failure is a false alarm. All rules are as in
`synthtab.attacks.card`; none was changed after looking. The full run writes
`records/benchmark_privacy_false_alarms.json`.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import torch

from seds500.data import load
from seds500.records import provenance, store
from synthtab.attacks import judge, measure
from synthtab.attacks.controls import SAFE
from synthtab.evaluation.intervals import proportion

RECORD = Path(__file__).resolve().parents[1] / "records" / "benchmark_privacy_false_alarms.json"
TABLES = (("012", "standin"), ("013", "standin"), ("012", "public"), ("013", "public"))
N_CARDS = 60
N_SPLITS = 5
FIRST_SEED = 1000  # other splits than the page's


def verdicts(name: str, source: str, n_cards: int) -> list[dict[str, str]]:
    """The verdict of every row, one dictionary for each card, and of the card as a whole."""
    data = load(name, source)
    found = []
    for card in range(n_cards):
        first = FIRST_SEED + card * N_SPLITS
        seeds = range(first, first + N_SPLITS)
        rows = judge(measure(data, {}, known=[SAFE], seeds=seeds).findings[SAFE])
        each = {key: row.verdict for key, row in rows.items()}
        whole = next(v for v in ("fail", "inconclusive", "pass") if v in each.values())
        found.append({**each, "card": whole})
    return found


def shares(found: list[dict[str, str]]) -> dict[str, Any]:
    """Share of each verdict by row, with the exact interval of the failures."""
    values: dict[str, Any] = {}
    for row in found[0]:
        count = [f[row] for f in found].count
        fails = proportion(count("fail"), len(found))
        values[row] = {
            "fail": fails.value,
            "fail_low": fails.low,
            "fail_high": fails.high,
            "pass": count("pass") / len(found),
        }
    return values


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two cards; writes no record")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    run = provenance.Run.of_benchmark(__file__, trial=quick)
    start = time.process_time()
    values: dict[str, Any] = {}
    everything = []
    for name, source in TABLES:
        found = verdicts(name, source, 2 if quick else N_CARDS)
        everything += found
        values[f"{name}_{source}"] = shares(found)
        print(f"{name}, {source}:", {r: round(v["fail"], 3) for r, v in shares(found).items()})
    values["all"] = shares(everything) | {"n_cards": len(everything)}
    print("all:", {r: round(v["fail"], 3) for r, v in shares(everything).items()})
    if quick:
        return
    contents = {
        "id": RECORD.stem,
        "parameters": {"n_cards": N_CARDS, "n_splits": N_SPLITS, "first_seed": FIRST_SEED},
        "values": values,
        "timings": {"cpu": time.process_time() - start},
        "provenance": run.provenance(),
    }
    store.save(contents, RECORD)
    print(f"written: {RECORD.name}")


if __name__ == "__main__":
    main()
