"""MST and AIM, two private generators of marginals, on the tables and splits of the chapter.

Run from the root of the repository::

    python benchmarks/dp_baseline.py            # about 20 CPU minutes
    python benchmarks/dp_baseline.py --quick    # MST on one split; does not write the record

MST (McKenna, Miklau & Sheldon, 2021) and AIM (McKenna et al., 2022) measure low-dimensional
marginals with noise and draw from the graphical model that fits them. They are used as the package
smartnoise-synth publishes them, with its defaults. It pins what does not fit this project, so it
runs in an environment of its own, which is made on the first call from
`dp_baseline_requirements.txt` (a package index is needed, and some 800 MB).

Both need categories, so every number is cut into 16 bins of equal probability for a normal
variable, and a drawn one is placed in its bin as a normal variable is. On one split of the stand-in
MST did better with these bins than with 10, and than with bins of equal width. Placed evenly in
their bins, the rows of both did worse, on test rows of both tables: a choice in favour of these
rivals. Both get what `HybridDiffusion` gets: the declared bounds, two
private quartiles of each number for a tenth of the squared budget, and the rest of the budget.
Their noise comes from the operating system, so that another run gives other figures. The full run
writes `records/benchmark_dp_baseline.json`.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import json
import math
import subprocess
import tempfile
import time
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / "records" / "benchmark_dp_baseline.json"
ENVIRONMENT = ROOT / "_build" / "dp_baseline"
REQUIREMENTS = Path(__file__).with_name("dp_baseline_requirements.txt")

TABLES = (("013", "standin"), ("013", "public"))
METHODS = ("mst", "aim")
EPSILONS = (1.0, 3.0, 8.0)
SEEDS = (0, 1, 2)
BUDGET = 1_300  # CPU seconds: so much for both, with something to spare
N_BINS = 16
QUARTILES_SHARE = 0.1
EDGES = ndtri(np.arange(1, N_BINS) / N_BINS)  # between the bins


def hand_over(folder: Path, name: str, source: str, seed: int, epsilon: float) -> Any:
    """Write the codes of one split's training rows, and return how they are read back."""
    from seds500.data import load
    from seds500.pages.differential_privacy import declared
    from synthtab.dp.accounting import gaussian_mu
    from synthtab.dp.encoding import PrivateEncoder, private_quartiles

    data = load(name, source)
    train, _ = data.split(seed)
    privacy = declared(f"{name}_{source}", epsilon)
    mu = math.sqrt(QUARTILES_SHARE) * gaussian_mu(epsilon, privacy.target_delta)
    quartiles = private_quartiles(
        train, privacy, noise_multiplier=1 / mu, rng=np.random.default_rng(seed)
    )
    encoder = PrivateEncoder(privacy, quartiles).fit(train, data.schema)
    encoded = encoder.transform(train, random_state=seed)
    bins = np.searchsorted(EDGES, encoded.x_num, side="right")
    target = folder / f"{name}_{source}_{seed}_{epsilon:g}"
    target.mkdir(parents=True, exist_ok=True)
    np.savetxt(target / "codes.csv", np.hstack([bins, encoded.x_cat]), fmt="%d", delimiter=",")
    about = {"sizes": [N_BINS] * bins.shape[1] + list(encoder.cardinalities), "seed": seed}
    about |= {"epsilon": epsilon, "delta": privacy.target_delta}
    (target / "about.json").write_text(json.dumps(about), encoding="utf-8")
    return target, data, encoder


def fit_and_draw(folder: Path, methods: list[str]) -> None:
    """Run in the other environment: learn every table below a folder, and leave drawn codes.

    Tables that are there from a run that was stopped are left as they are. None is begun once all
    have taken `BUDGET`.
    """
    from snsynth.aim import AIMSynthesizer
    from snsynth.mst import MSTSynthesizer
    from snsynth.utils import cdp_rho

    classes = {"mst": MSTSynthesizer, "aim": AIMSynthesizer}
    # One seed after the other, so that every cell of the results has one before any has two.
    splits = sorted(folder.glob("*/about.json"), key=lambda p: (read(p)["seed"], p))
    for method, split in itertools.product(methods, [path.parent for path in splits]):
        spent = sum(read(path)["seconds"] for m in METHODS for path in folder.glob(f"*/{m}.json"))
        if (split / f"{method}.json").exists() or spent > BUDGET:
            continue
        about = read(split / "about.json")
        codes = pd.read_csv(split / "codes.csv", header=None).add_prefix("column_")
        # The epsilon whose zCDP budget, which is mu^2 / 2, is what the quartiles have left.
        left = (1 - QUARTILES_SHARE) * cdp_rho(about["epsilon"], about["delta"])
        low, high = 0.0, about["epsilon"]
        for _ in range(20):
            middle = (low + high) / 2
            low, high = (middle, high) if cdp_rho(middle, about["delta"]) < left else (low, middle)
        np.random.seed(about["seed"])  # noqa: NPY002 - it draws its rows from there
        start = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):  # AIM prints
            model = classes[method](epsilon=low, delta=about["delta"])
            model.fit(codes, categorical_columns=list(codes.columns))
            drawn = pd.DataFrame(np.asarray(model.sample(len(codes)), dtype=int))
        drawn.to_csv(split / f"{method}.csv", index=False, header=False)
        seconds = {"seconds": time.process_time() - start, "epsilon": low}
        (split / f"{method}.json").write_text(json.dumps(seconds), encoding="utf-8")


def read(path: Path) -> dict[str, Any]:
    """A file of a run."""
    contents: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return contents


def environment(folder: Path) -> Path:
    """The other environment's Python, made on the first call."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--requirement"]
        subprocess.run([*install, str(REQUIREMENTS)], check=True)
    return python


def scored(target: Path, data: Any, encoder: Any, method: str, seed: int) -> pd.DataFrame:
    """R² of each learner on one drawn table, and the CPU seconds that it took."""
    from synthtab.evaluation.utility import tstr
    from synthtab.table.encoding import Encoded

    codes = np.loadtxt(target / f"{method}.csv", dtype=np.int64, delimiter=",")
    n_num = len(encoder.rank_maps_)
    bins, x_cat = codes[:, :n_num], codes[:, n_num:]
    place = np.random.default_rng(seed).random(bins.shape)
    table = encoder.inverse_transform(Encoded(ndtri((bins + place) / N_BINS), x_cat))
    train, test = data.split(seed)
    scores = tstr(table, test, data.schema, reference=train, random_state=seed)
    seconds = read(target / f"{method}.json")["seconds"]
    return scores.query("metric == 'r2'").assign(seconds=seconds)


def measured(made: dict[tuple[str, float, int], Any], methods: Sequence[str]) -> dict[str, Any]:
    """Mean, lowest and highest R² over seeds, by table, method, budget and learner.

    Runs that were not begun, since `BUDGET` was spent, are left out; ``n_seeds`` says how many are
    left.
    """
    from seds500.pages.differential_privacy import key

    runs = pd.concat(
        scored(*made[table, epsilon, seed], method, seed).assign(
            table=table, method=method, budget=key(epsilon), seed=seed
        )
        for table, epsilon, seed in made
        for method in methods
        if (made[table, epsilon, seed][0] / f"{method}.json").exists()
    )
    values: dict[str, Any] = {}
    for (table, method, budget), rows in runs.groupby(["table", "method", "budget"], sort=False):
        found: dict[str, Any] = {
            str(learner): {"r2": r2.mean(), "lowest": r2.min(), "highest": r2.max()}
            for learner, r2 in rows.groupby("learner", sort=False)["value"]
        }
        found["seconds"] = rows["seconds"].mean()
        found["n_seeds"] = int(rows["seed"].nunique())
        values.setdefault(table, {}).setdefault(method, {})[budget] = found
    return values


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="MST on one split; writes no record")
    parser.add_argument("--methods", nargs="*", default=METHODS, choices=METHODS, help="which")
    parser.add_argument("--environment", type=Path, default=ENVIRONMENT, help="where it lies")
    parser.add_argument("--folder", type=Path, help="keeps what is done, to continue a stopped run")
    parser.add_argument("--fit", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.fit is not None:
        fit_and_draw(arguments.fit, arguments.methods)
        return
    from seds500.records import provenance, store

    quick = arguments.quick
    run = provenance.Run.of_benchmark(__file__, trial=quick)
    python = environment(arguments.environment)
    names, seeds = (TABLES[:1], SEEDS[:1]) if quick else (TABLES, SEEDS)
    epsilons, methods = (EPSILONS[1:2], METHODS[:1]) if quick else (EPSILONS, arguments.methods)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        made = {
            (f"{name}_{source}", epsilon, seed): hand_over(folder, name, source, seed, epsilon)
            for name, source in names
            for epsilon in epsilons
            for seed in seeds
        }
        command = [str(python), __file__, "--fit", str(folder), "--methods", *methods]
        subprocess.run(command, check=True)
        values = measured(made, methods)
    for table, by_method in values.items():
        for method, by_budget in by_method.items():
            for budget, found in by_budget.items():
                shown = {k: f"{v['r2']:.3f}" for k, v in found.items() if isinstance(v, dict)}
                print(f"{table} {method} {budget}, {found['n_seeds']} seeds: {shown}")
    if quick:
        return
    freeze = [str(python), "-m", "pip", "freeze"]
    listed = subprocess.run(freeze, check=True, capture_output=True, text=True).stdout
    contents = {
        "id": RECORD.stem,
        "parameters": {
            "methods": list(methods),
            "seeds": list(seeds),
            "epsilons": list(epsilons),
            "n_bins": N_BINS,
            "budget": BUDGET,
        },
        "values": values,
        "provenance": run.provenance(
            elsewhere=dict(line.split("==") for line in listed.split() if "==" in line)
        ),
    }
    store.save(contents, RECORD)
    print(f"written: {RECORD.name}")


if __name__ == "__main__":
    main()
