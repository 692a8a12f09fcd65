"""Use against exposure: what variants of HybridDiffusion, and others, give away of their rows.

Run from the root of the repository::

    python benchmarks/exposure.py                          # says what it needs
    python benchmarks/exposure.py --data FOLDER            # 20 minutes of CPU; writes the record
    python benchmarks/exposure.py --data FOLDER --peers    # TabDDPM and TabSyn: half an hour
    python benchmarks/exposure.py --data FOLDER --later    # STaSy: another one
    python benchmarks/exposure.py --data FOLDER --tabdiff  # TabDiff: another one
    python benchmarks/exposure.py --data FOLDER --quick    # two arms, 200 rows; writes none

Settings may be chosen by this table, so that it is made on development tables: compressive
strengths of concrete, which are not in the repository (FOLDER is the one with `concrete.csv.gz`),
and the training part of the stand-in for 013. Every arm is trained on halves of the rows, again
and again, and `synthtab.attacks.shadow_attack` tells members from the tables drawn and, where the
model is open, from the model. Use is measured on two further halves: the R² of the best learner
on rows drawn, as many as were learnt, tested on the other half; in percent of the best one trained
on the real half. The Gaussian copula needs the package `copulas`. The run writes
`records/benchmark_exposure.json` and adds to it whenever an arm is done. TabDDPM and TabSyn, the
slowest by far, have a run of their own on the first table, by the same halves and seeds, and the
record `benchmark_exposure_peers.json`; STaSy, which came later, likewise in
`benchmark_exposure_later.json`, and TabDiff in `benchmark_exposure_tabdiff.json`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.base import clone

from seds500.arms.other_packages import GaussianCopula
from seds500.data import load
from seds500.records import provenance, store
from synthtab import GaussianHybridDiffusion, HybridDiffusion, SMOGNSynthesizer, tstr
from synthtab.attacks import shadow_attack
from synthtab.attacks.whitebox import LikelihoodModel, NoisedModel
from synthtab.evaluation.intervals import interval
from synthtab.evaluation.utility import REGRESSORS
from synthtab.generators.reference import Bootstrap, IndependentMarginals, Interpolation
from synthtab.generators.stasy import STaSy
from synthtab.generators.tabddpm import TabDDPM
from synthtab.generators.tabdiff import TabDiff
from synthtab.generators.tabsyn import TabSyn
from synthtab.sharing.few import WithoutFew
from synthtab.table.schema import Schema

RECORDS = Path(__file__).resolve().parents[1] / "records"
TABLES = ("concrete", "013_standin")
ATTACKS = ("drawn_1", "drawn_5", "white_box")
N_MODELS = 8
N_FITS = 2  # on other halves, to measure use
SEED = 4000
REL_COEF = 0.8  # of SMOGN: by 1.5 no strength of concrete is extreme
LEARNERS = {name: REGRESSORS[name] for name in ("rf", "hgb", "ridge")}
QUICK = ("bootstrap", "hybrid")

ARMS: dict[str, tuple[str, Any]] = {
    "bootstrap": ("bootstrap", Bootstrap()),
    "smogn": ("SMOGN, balance", SMOGNSynthesizer(samp_method="balance", rel_coef=REL_COEF)),
    "smogn_synthetic": (
        "SMOGN, synthetic rows only",
        SMOGNSynthesizer(part="synthetic", rel_coef=REL_COEF),
    ),
    "interpolation": ("interpolation", Interpolation()),
    "marginals": ("independent marginals", IndependentMarginals()),
    "gaussian_copula": ("Gaussian copula", GaussianCopula()),
    "hybrid": ("HybridDiffusion", HybridDiffusion()),
    "few_5": ("no number of fewer than 5 rows", WithoutFew(HybridDiffusion(), min_count=5)),
    "few_5_dropout_5": (
        "no number of fewer than 5 rows, dropout .5",
        WithoutFew(HybridDiffusion(dropout=0.5), min_count=5),
    ),
    "few_5_one_member": (
        "no number of fewer than 5 rows, one network a column",
        WithoutFew(HybridDiffusion(n_members=1), min_count=5),
    ),
    "few_5_one_member_dropout_5": (
        "no number of fewer than 5 rows, one network a column, dropout .5",
        WithoutFew(HybridDiffusion(n_members=1, dropout=0.5), min_count=5),
    ),
    "few_20_one_member": (
        "no number of fewer than 20 rows, one network a column",
        WithoutFew(HybridDiffusion(n_members=1), min_count=20),
    ),
    "no_dropout": ("HybridDiffusion, no dropout", HybridDiffusion(dropout=0.0)),
    "one_member": ("HybridDiffusion, one network a column", HybridDiffusion(n_members=1)),
    "gaussian": ("Gaussian diffusion", GaussianHybridDiffusion()),
}
PEERS: dict[str, tuple[str, Any]] = {
    "tabddpm": ("TabDDPM", TabDDPM()),
    "tabsyn": ("TabSyn", TabSyn()),
}
LATER: dict[str, tuple[str, Any]] = {"stasy": ("STaSy", STaSy())}
LAST: dict[str, tuple[str, Any]] = {"tabdiff": ("TabDiff", TabDiff())}
GROUPS = {"": ARMS, "_peers": PEERS, "_later": LATER, "_tabdiff": LAST}
"""By the ending of their record's name."""

ALL = {arm: what for group in GROUPS.values() for arm, what in group.items()}
OF_ONE_TABLE = ("few_5_dropout_5", "no_dropout", "one_member", "gaussian")  # of the first


def tables(folder: Path) -> Mapping[str, tuple[pd.DataFrame, Schema]]:
    """The development tables, by name."""
    concrete = pd.read_csv(folder / "concrete.csv.gz").astype(float)
    standin = load("013", "standin")
    return {
        "concrete": (concrete, Schema.infer(concrete, target="target")),
        "013_standin": (standin.split(0)[0], standin.schema),
    }


def use(generator: Any, rows: pd.DataFrame, schema: Schema) -> list[float]:
    """R² of the best learner on drawn rows in percent of that on real ones, once for each fit."""
    rng = np.random.default_rng(SEED)
    percent = []
    for _ in range(N_FITS):
        order, seed = rng.permutation(len(rows)), int(rng.integers(2**31))
        train, test = (rows.iloc[p].reset_index(drop=True) for p in np.array_split(order, 2))
        model = clone(generator)
        if "random_state" in model.get_params():
            model.set_params(random_state=seed)
        drawn = model.fit(train, schema).sample(len(train), random_state=seed)
        best = [
            tstr(of, test, schema, reference=train, learners=LEARNERS, random_state=0)
            .query("metric == 'r2'")["value"]
            .max()
            for of in (drawn, train)
        ]
        percent.append(100 * best[0] / best[1])
    return percent


def measured(generator: Any, rows: pd.DataFrame, schema: Schema) -> dict[str, Any]:
    """Use and exposure of one arm on one table."""
    start = time.process_time()
    found = shadow_attack(
        generator,
        rows,
        schema,
        n_models=N_MODELS,
        white_box=isinstance(generator, LikelihoodModel | NoisedModel),
        random_state=SEED,
    )
    attacked = {
        attack: {
            key: {**part.auc._asdict(), "null": part.null, "tpr": part.flags.tpr}
            for key, part in parts.items()
        }
        for attack, parts in found.items()
    }
    percent = interval(use(generator, rows, schema))
    return {**attacked, "percent": percent._asdict(), "seconds": time.process_time() - start}


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of concrete.csv.gz")
    parser.add_argument("--quick", action="store_true", help="two arms; writes no record")
    group = parser.add_mutually_exclusive_group()
    for ending, arms_of in list(GROUPS.items())[1:]:
        group.add_argument(
            ending.replace("_", "--"),
            dest="ending",
            action="store_const",
            const=ending,
            default="",
            help=" and ".join(name for name, _ in arms_of.values()) + " alone",
        )
    parser.add_argument("--tables", nargs="*", default=TABLES, choices=TABLES, help="likewise")
    parser.add_argument("--arms", nargs="*", choices=list(ALL), help="likewise")
    arguments = parser.parse_args()
    if arguments.data is None:
        print("concrete.csv.gz is not in the repository (UCI 165, CC BY 4.0): give --data FOLDER")
        return
    if not (arguments.data / "concrete.csv.gz").is_file():
        parser.error(f"--data {arguments.data}: there is no concrete.csv.gz")
    known_arms = GROUPS[arguments.ending]
    arms = QUICK if arguments.quick else tuple(arguments.arms or known_arms)
    is_trial = arms != tuple(known_arms) or tuple(arguments.tables) != TABLES
    record = RECORDS / f"benchmark_exposure{arguments.ending}.json"
    torch.set_num_threads(1)
    run = provenance.Run.of_benchmark(__file__, trial=is_trial)
    start = time.process_time()
    known = tables(arguments.data)
    values: dict[str, Any] = {}
    for name, arm in ((name, arm) for name in arguments.tables for arm in arms):
        if name != TABLES[0] and (arm in OF_ONE_TABLE or arm not in ARMS):
            continue
        rows, schema = known[name]
        label, generator = ALL[arm]
        found = measured(generator, rows.head(200) if arguments.quick else rows, schema)
        values.setdefault(name, {})[arm] = {"name": label, **found}
        exposed = {
            attack: f"{parts['all']['value']:.3f} {parts['exposed']['value']:.3f}"
            for attack, parts in found.items()
            if attack in ATTACKS
        }
        print(f"{name}, {label}: {found['percent']['value']:.1f} %", exposed, flush=True)
        if is_trial:
            continue
        contents = {
            "id": record.stem,
            "parameters": {"n_models": N_MODELS, "n_fits": N_FITS, "seed": SEED},
            "values": values,
            "timings": {"cpu": time.process_time() - start},
            "provenance": run.provenance(),
        }
        store.save(contents, record)
    print(f"{time.process_time() - start:.0f} CPU seconds")


if __name__ == "__main__":
    main()
