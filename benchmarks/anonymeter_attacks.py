"""Linkability and singling out by Anonymeter, on a few methods and controls of 012 and 013.

Run from the root of the repository::

    python benchmarks/anonymeter_attacks.py            # CPU minutes, most of them for the fits
    python benchmarks/anonymeter_attacks.py --quick    # one small split; does not write the record

The attacks of Giomi et al. (2023) are used as their authors publish them, in the package
Anonymeter, which is marked patent-pending: none of its code is here, and nothing here depends on
it. It pins old releases of NumPy, so it runs in an environment of its own, which is made on the
first call from `anonymeter_requirements.txt` (a package index is needed, and some 500 MB). This
script makes the tables, starts itself there with ``--attack``, and pools what comes back. The full
run writes `records/benchmark_anonymeter.json`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import venv
import warnings
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / "records" / "benchmark_anonymeter.json"
ENVIRONMENT = ROOT / "_build" / "anonymeter"
REQUIREMENTS = Path(__file__).with_name("anonymeter_requirements.txt")

# The public table for 012 is left out: it is so coarse that hardly more than a hundred conditions
# single out one row, and the search for more does not end.
TABLES = (("013", "standin"), ("012", "standin"), ("013", "public"))
METHODS = ("hybrid", "smogn_extreme", "interpolation")
CONTROLS = ("control_real", "control_copy", "control_leak_10")
SEEDS = (0, 1, 2, 3, 4)
N_QUERIES = 150  # singling-out attacks on each split: a coarse table yields few more than that
MAX_ATTEMPTS = 100_000  # to find these; the package warns where they do not suffice
N_COLUMNS = 3  # columns in a query, as the package has it
FAILS_ABOVE, PASSES_UNTIL = 0.0, 0.05  # of the lower and of the upper bound


def tables(name: str, source: str, seed: int, n_rows: int | None, n_iter: Any) -> dict[str, Any]:
    """Training, holdout and synthetic tables of one split, and which columns are categories."""
    import numpy as np
    from sklearn.base import clone

    from seds500.data import load
    from seds500.methods import methods
    from synthtab.attacks import controls, privacy_split

    data = load(name, source)
    split = privacy_split(data, seed, n_rows=n_rows)
    synthetic = {}
    for method, generator in methods(data, n_iter=n_iter).items():
        if method in METHODS:
            model: Any = clone(generator)
            if "random_state" in model.get_params():
                model.set_params(random_state=seed)
            fitted = model.fit(split.train, data.schema)
            synthetic[method] = fitted.sample(len(split.train), random_state=seed)
    known = controls(split, random_state=seed).tables
    synthetic |= {c: known[c] for c in CONTROLS}
    rng = np.random.default_rng(seed)  # of rows equally near the package takes the first
    shuffled = {m: t.iloc[rng.permutation(len(t))] for m, t in synthetic.items()}
    return {
        "tables": {"train": split.train, "holdout": split.holdout, **shuffled},
        "categorical": list(data.schema.categorical),
    }


def hand_over(folder: Path, name: str, made: dict[str, Any], seed: int) -> None:
    """Write the tables of one split where `attack` finds them."""
    target = folder / f"{name}_{seed}"
    target.mkdir()
    for key, table in made["tables"].items():
        table.to_csv(target / f"{key}.csv", index=False)
    (target / "about.json").write_text(
        json.dumps({"categorical": made["categorical"], "seed": seed}), encoding="utf-8"
    )


def attack(folder: Path) -> None:
    """Run in the other environment: attack every table below a folder, and leave the counts."""
    import pandas as pd
    from anonymeter.evaluators import LinkabilityEvaluator, SinglingOutEvaluator

    for split in sorted(path for path in folder.iterdir() if path.is_dir()):
        about = json.loads((split / "about.json").read_text(encoding="utf-8"))
        dtype = dict.fromkeys(about["categorical"], str)
        frames = {p.stem: pd.read_csv(p, dtype=dtype) for p in split.glob("*.csv")}
        train, holdout = frames.pop("train"), frames.pop("holdout")
        columns = list(train.columns)
        counts: dict[str, Any] = {}
        for method, synthetic in frames.items():
            with warnings.catch_warnings():
                warnings.simplefilter(
                    "ignore"
                )  # it warns where an attack does no better than chance
                single = SinglingOutEvaluator(
                    ori=train, syn=synthetic, control=holdout, n_attacks=N_QUERIES,
                    n_cols=N_COLUMNS, max_attempts=MAX_ATTEMPTS, seed=about["seed"],
                ).evaluate(mode="multivariate").results()  # fmt: skip
                link = LinkabilityEvaluator(
                    ori=train, syn=synthetic, control=holdout, n_attacks=len(train),
                    aux_cols=(columns[::2], columns[1::2]),
                ).evaluate(n_jobs=1).results()  # fmt: skip
            counts[method] = {
                "singling_out": [single.n_success, round(single.n_control), single.n_attacks_ori],
                "linkability": [link.n_success, round(link.n_control), link.n_attacks_ori],
            }
        (split / "counts.json").write_text(json.dumps(counts), encoding="utf-8")


def environment(folder: Path) -> Path:
    """The other environment's Python, made on the first call."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--requirement"]
        subprocess.run([*install, str(REQUIREMENTS)], check=True)
    return python


def judged(counts: list[list[int]]) -> dict[str, Any]:
    """Risk of one attack over all splits, and the verdict of the report card."""
    from synthtab.attacks.inference import Guessed, inference_risk

    risk = inference_risk([Guessed(success, control, n, n) for success, control, n in counts])
    verdict = "inconclusive"
    if risk.low > FAILS_ABOVE:
        verdict = "fail"
    elif risk.high <= PASSES_UNTIL:
        verdict = "pass"
    total = [sum(c) for c in zip(*counts, strict=True)]
    return {
        **risk._asdict(),
        "verdict": verdict,
        "success_training": total[0] / total[2],
        "success_holdout": total[1] / total[2],
        "n_attacks": total[2],
    }


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one split of 013; writes no record")
    parser.add_argument("--environment", type=Path, default=ENVIRONMENT, help="where it lies")
    parser.add_argument("--attack", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.attack is not None:
        attack(arguments.attack)
        return

    import torch

    from seds500.records import provenance, store

    torch.set_num_threads(1)
    quick = arguments.quick
    run = provenance.Run.of_benchmark(__file__, trial=quick)
    python = environment(arguments.environment)
    names = TABLES[:1] if quick else TABLES
    seeds = SEEDS[:1] if quick else SEEDS
    values: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, source in names:
            for seed in seeds:
                made = tables(name, source, seed, 400 if quick else None, 60 if quick else "auto")
                hand_over(folder, f"{name}_{source}", made, seed)
        subprocess.run([str(python), __file__, "--attack", str(folder)], check=True)
        for name, source in names:
            key = f"{name}_{source}"
            parts = [
                json.loads((folder / f"{key}_{seed}" / "counts.json").read_text(encoding="utf-8"))
                for seed in seeds
            ]
            values[key] = {
                method: {kind: judged([p[method][kind] for p in parts]) for kind in of}
                for method, of in parts[0].items()
            }
            for method, of in values[key].items():
                found = {k: (round(v["value"], 3), v["verdict"]) for k, v in of.items()}
                print(f"{key} {method}: {found}")
    if quick:
        return
    freeze = [str(python), "-m", "pip", "freeze"]
    listed = subprocess.run(freeze, check=True, capture_output=True, text=True).stdout
    contents = {
        "id": RECORD.stem,
        "parameters": {"seeds": list(seeds), "n_queries": N_QUERIES, "n_columns": N_COLUMNS},
        "values": values,
        "provenance": run.provenance(
            elsewhere=dict(line.split("==") for line in listed.split() if "==" in line)
        ),
    }
    store.save(contents, RECORD)
    print(f"written: {RECORD.name}")


if __name__ == "__main__":
    sys.exit(main())
