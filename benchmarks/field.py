"""HybridDiffusion and its peers on the tables of the literature, by its protocol, and hard ones.

Run from the root of the repository::

    python benchmarks/field.py                        # says where each table comes from
    python benchmarks/field.py --data FOLDER          # about 90 minutes of CPU; writes the record
    python benchmarks/field.py --data FOLDER adult    # one table again, the others as they are
    python benchmarks/field.py --data FOLDER --most-seeds 1 adult_tabsyn    # a peer, fitted once

The tables are not in the repository. FOLDER has the folders `field` and `dev`, with each table as
`NAME.csv.gz` and the published figures as `field/published.csv`; a file with another content is
refused. Shape and trend are those of sdmetrics 0.11.1, on which the published figures rest::

    pip install --no-deps -r benchmarks/field_requirements.txt

The peers are as in the experiments: minutes of one processor core each, where their authors train
for about an hour on a graphics card. Each part is written to `records/benchmark_field.json` when it
is done.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import sys
import time
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from diffusion import arms, compared, measure, one_thread, shown, summed_up
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import roc_auc_score, root_mean_squared_error

from synthtab.attacks.run import closeness
from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.evaluation.fidelity import detection_auc
from synthtab.evaluation.utility import feature_encoder
from synthtab.generators.stasy import STaSy
from synthtab.generators.tabddpm import TabDDPM
from synthtab.generators.tabdiff import TabDiff
from synthtab.generators.tabsyn import TabSyn
from synthtab.table.schema import Schema
from synthtab.table.split import Dataset, PrivacySplit, Split

RECORD = Path(__file__).resolve().parents[1] / "records" / "benchmark_field.json"
N_SEEDS = 5
N_DEV_SEEDS = 5
N_BINS = 10  # of a number, beside a category, in the field's measure of trend
METHODS = (
    *("TabDiff", "TabPC", "TabSyn", "STaSy"),
    *("ShallowMixture", "FullyFactorizedPreprocessed"),
)
PEERS = {"tabddpm": TabDDPM, "tabsyn": TabSyn, "tabdiff": TabDiff, "stasy": STaSy}
METRICS = ("shape", "trend", "mle", "xgb_detection", "dcr", "training_time", "sampling_time")


class Source(NamedTuple):
    """A table's file: its fingerprint, where its rows are from, and which columns are categories.

    `n_train` rows at the beginning are for training where the split is official; None splits by
    the field's seeds.
    """

    sha256: str
    origin: str
    categorical: tuple[str, ...] = ()
    is_binary: bool = False
    n_train: int | None = None


FIELD = {
    "adult": Source(
        "d99279646aa81b5c716619331f20e68dbdd81450048af18d25a830181651f4a0",
        "UCI 2, Adult (CC BY 4.0): adult.data, then adult.test",
        (
            *("workclass", "education", "marital.status", "occupation", "relationship", "race"),
            *("sex", "native.country"),
        ),
        is_binary=True,
        n_train=32_561,
    ),
    "default": Source(
        "eb8de6e96536f7a3f3698e5f84018e2388a80271c321622084eaffecaa214c74",
        "UCI 350, Default of Credit Card Clients (CC BY 4.0)",
        (
            *("SEX", "EDUCATION", "MARRIAGE"),
            *("PAY_0", "PAY_2", "PAY_3", "PAY_4", "PAY_5", "PAY_6"),
        ),
        is_binary=True,
    ),
    "shoppers": Source(
        "58ad198c16ff9c6cc2e58a4d911b88a6957ce00fb24ea213dcd42a1c9db6e7b1",
        "UCI 468, Online Shoppers Purchasing Intention (CC BY 4.0)",
        (
            *("Month", "OperatingSystems", "Browser", "Region", "TrafficType", "VisitorType"),
            "Weekend",
        ),
        is_binary=True,
    ),
    "magic": Source(
        "fd79743d5175742a00f9c59ba0ed24dca5a371b7f5df85faba9f6e73764ad97a",
        "UCI 159, MAGIC Gamma Telescope (CC BY 4.0), without its first row, as in the field",
        is_binary=True,
    ),
    "beijing": Source(
        "23b344e257df1359a5107dedae0e728d22902a8af63f12eafd62850e2cd23ec8",
        "UCI 381, Beijing PM2.5 (CC BY 4.0), rows with a known target",
        ("year", "month", "day", "hour", "cbwd"),
    ),
}
"""The five tables of the field that can be had."""

DEV = {
    "casp": Source(
        "ca021cb379e547f8989abdc5e1bdd0f9a7c904cb7cc044d4cda3747127994c33",
        "UCI 265, Physicochemical Properties of Protein Tertiary Structure (CC BY 4.0)",
    ),
    "concrete": Source(
        "e1cd0146bc0ab696d7cb5d0f314172008d3fcd718e2dc37b55fec23d2cac0b8a",
        "UCI 165, Concrete Compressive Strength (CC BY 4.0)",
    ),
}
"""Hard tables of regression, of which only training and validation rows were looked at before."""

PUBLISHED = Source(
    "0e5ba17dc59fcee248787d6594606c29e60930f51992568858ec4965b66ae543",
    "a re-run of the field by one protocol, five trainings each: github.com/april-tools/tabpc "
    "(Apache-2.0), with 'A Sobering Look', arXiv 2603.23016",
)


def checked(path: Path, source: Source) -> Path:
    """The file, if its content is the one that is known.

    Raises
    ------
    ValueError
        If it is not there, or another one; the message says where it comes from.
    """
    if not path.is_file():
        raise ValueError(f"no file {path.name} in {path.parent}; it is from {source.origin}")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != source.sha256:
        raise ValueError(
            f"{path.name} has the sha256 {found}, not {source.sha256}; it is from {source.origin}"
        )
    return path


def read(path: Path, source: Source) -> tuple[pd.DataFrame, Schema]:
    """A table and its schema; no text stands for a missing cell."""
    frame = pd.read_csv(checked(path, source), keep_default_na=False)
    categorical = (*source.categorical, *(["target"] if source.is_binary else []))
    return frame, Schema.infer(frame, target="target", categorical=categorical)


def field_split(frame: pd.DataFrame, schema: Schema, n_train: int | None) -> Split:
    """Training and test rows as the field takes them.

    Nine tenths of the rows by numpy's former generator with the seed 1234, 1235 and so on until
    every category is among them; of a table with official files, those.
    """
    order = np.arange(len(frame))
    seed, size = 1234, n_train or int(0.9 * len(frame))
    while n_train is None:
        np.random.RandomState(seed).shuffle(order)
        train = frame.iloc[order[:size]]
        if all(train[c].nunique() == len(known) for c, known in schema.categorical.items()):
            break
        seed += 1
    parts = frame.iloc[order[:size]], frame.iloc[order[size:]]
    return Split(*(part.reset_index(drop=True) for part in parts))


def shape_and_trend(real: pd.DataFrame, drawn: pd.DataFrame, schema: Schema) -> dict[str, float]:
    """Errors in percent of one-column distributions and of pairs, by the field's package."""
    from sdmetrics.reports.single_table import QualityReport

    kinds = {
        c: {"sdtype": "categorical" if c in schema.categorical else "numerical"}
        for c in schema.columns
    }
    report = QualityReport()
    report.generate(real, drawn, {"columns": kinds}, verbose=False)
    scores = report.get_properties().set_index("Property").Score
    return {
        "shape": 100 * (1 - float(scores["Column Shapes"])),
        "trend": 100 * (1 - float(scores["Column Pair Trends"])),
    }


def shared_bin_trend(real: pd.DataFrame, drawn: pd.DataFrame, schema: Schema) -> float:
    """Error in percent of pairs, with a number's bins beside a category cut on the real rows.

    The field's package cuts the bins of real and drawn rows each by itself and so does not see a
    number that is shifted. Pairs of numbers and of categories are as there: half the difference of
    Pearson correlations, and total variation of the cells.
    """
    codes = []
    numbers = [table[list(schema.numerical)].corr().to_numpy() for table in (real, drawn)]
    for table in (real, drawn):
        parts = {}
        for c in schema.columns:
            if c in schema.categorical:
                parts[c] = pd.Categorical(table[c], schema.categorical[c]).codes
            else:
                edges = np.histogram_bin_edges(real[c].to_numpy(dtype=float), N_BINS)
                parts[c] = np.searchsorted(edges[1:-1], table[c].to_numpy(dtype=float), "right")
        codes.append(parts)
    errors = list(np.abs(numbers[0] - numbers[1])[np.triu_indices(len(schema.numerical), 1)] / 2)
    for a, b in combinations(schema.columns, 2):
        if a in schema.categorical or b in schema.categorical:
            size = 1 + max(int(parts[b].max()) for parts in codes)
            cells = [parts[a].astype(int) * size + parts[b] for parts in codes]
            counts = [np.bincount(c, minlength=max(map(np.max, cells)) + 1) for c in cells]
            shares = [count / count.sum() for count in counts]
            errors.append(np.abs(shares[0] - shares[1]).sum() / 2)
    return float(100 * np.nanmean(errors))


def efficiency(table: pd.DataFrame, split: Split, schema: Schema, seed: int) -> float:
    """What a learner of the table achieves on test rows.

    AUC for a binary target, and for a number the root mean squared error of its logarithm. The
    learner is histogram boosting that stops by a ninth of the table's rows.
    """
    encoder = feature_encoder(schema, features=schema.features).fit(split.train)
    x, x_test = encoder.transform(table), encoder.transform(split.test)
    settings: dict[str, Any] = {"max_iter": 300, "early_stopping": True, "random_state": seed}
    y, y_test = table[schema.target], split.test[schema.target]
    if schema.task == "regression":
        y, y_test = (np.log(values.clip(1, 20_000)) for values in (y, y_test))
        model = HistGradientBoostingRegressor(validation_fraction=1 / 9, **settings).fit(x, y)
        return float(root_mean_squared_error(y_test, model.predict(x_test)))
    model = HistGradientBoostingClassifier(validation_fraction=1 / 9, **settings).fit(x, y)
    positive = model.predict_proba(x_test)[:, 1]
    return float(roc_auc_score(y_test == model.classes_[1], positive))


def nearest_share(train: pd.DataFrame, schema: Schema, seed: int) -> float:
    """Share of rows drawn from a model of half the rows that are nearer to it than to the rest."""
    order = np.random.default_rng(seed).permutation(len(train))
    n = len(train) // 2
    a, b = (train.iloc[part].reset_index(drop=True) for part in (order[:n], order[n : 2 * n]))
    drawn = HybridDiffusion(random_state=seed).fit(a, schema).sample(n, random_state=seed + 1)
    return closeness(PrivacySplit(a, b, b, schema), drawn)["nearest_is_training"]


def field_table(
    name: str, folder: Path, most_seeds: int, generator: type[Any] = HybridDiffusion
) -> Iterator[tuple[str, Any]]:
    """One table by the field's protocol, after each training.

    The nearest share, for which HybridDiffusion is trained once more, is not measured for a peer.
    """
    frame, schema = read(folder / "field" / f"{name}.csv.gz", FIELD[name])
    split = field_split(frame, schema, FIELD[name].n_train)
    train = split.train
    runs: list[dict[str, float]] = []
    yield "n_train", len(train)
    yield "n_columns", len(schema.columns)
    yield "mle_real", efficiency(train, split, schema, 0)
    for seed in range(min(N_SEEDS, most_seeds)):
        with one_thread():
            start = time.process_time()
            model = generator(random_state=seed).fit(train, schema)
            fitted = time.process_time()
            drawn = model.sample(len(train), random_state=100 + seed)
            seconds = time.process_time() - fitted
        found = {"fit": fitted - start, "sample": seconds}
        found |= shape_and_trend(train, drawn, schema)
        found["trend_shared"] = shared_bin_trend(train, drawn, schema)
        found["c2st"] = detection_auc(train, drawn, schema, random_state=seed)
        found["mle"] = efficiency(drawn, split, schema, seed)
        print(" ", name, seed, shown(found), flush=True)
        runs.append(found)
        yield from summed_up(runs, 0.0).items()
    if generator is HybridDiffusion:
        with one_thread():
            yield "dcr", nearest_share(train, schema, 0)


def dev_table(name: str, folder: Path, most_seeds: int) -> Iterator[tuple[str, Any]]:
    """One hard table: HybridDiffusion and its other kinds, on a part of the rows."""
    if name == "beijing_8000":
        frame, schema = read(folder / "field" / "beijing.csv.gz", FIELD["beijing"])
        split = field_split(frame, schema, None)
        frame, n_test = split.train.iloc[:16_000], 8_000
    else:
        frame, schema = read(folder / "dev" / f"{name}.csv.gz", DEV[name])
        n_test = 206 if name == "concrete" else 16_000
        n_rows = len(frame) if name == "concrete" else 2 * n_test
        frame = frame.sample(n_rows, random_state=0)
    dataset = Dataset(
        name=name,
        source="file",
        frame=frame.reset_index(drop=True),
        schema=schema,
        n_test=n_test,
    )
    kinds = {arm: (of, range(min(N_DEV_SEEDS, most_seeds))) for arm, of in arms().items()}
    times = (1, 4)
    if name == "concrete":
        kinds["without_dropout"] = (
            HybridDiffusion(dropout=0.0),
            range(min(N_DEV_SEEDS, most_seeds)),
        )
    elif name == "casp":
        kinds = {a: (g, of[: 3 if a == "hybrid" else 1]) for a, (g, of) in kinds.items()}
    else:
        kinds = {"hybrid": (HybridDiffusion(), range(min(3, most_seeds)))}
    yield from compared(dataset, kinds, times=times).items()


def published(folder: Path) -> Iterator[tuple[str, Any]]:
    """Figures of the literature, by metric, method and table."""
    rows = pd.read_csv(checked(folder / "field" / "published.csv", PUBLISHED))
    rows = rows[rows.method.isin(METHODS) & rows.dataset.isin(FIELD) & rows.metric.isin(METRICS)]
    for metric, of_metric in rows.groupby("metric"):
        yield (
            str(metric),
            {
                str(method): dict(zip(of.dataset, of["mean"], strict=True))
                for method, of in of_metric.groupby("method")
            },
        )


PARTS = (
    *("published", "concrete", *FIELD, "casp", "beijing_8000"),
    *(f"{table}_{peer}" for table in FIELD for peer in PEERS),
)


def found(name: str, folder: Path, most_seeds: int) -> Iterator[tuple[str, Any]]:
    """What a part of the record consists of."""
    if name == "published":
        return published(folder)
    table, _, peer = name.rpartition("_")
    if table in FIELD:
        return field_table(table, folder, most_seeds, PEERS[peer])
    return (field_table if name in FIELD else dev_table)(name, folder, most_seeds)


def main() -> None:
    """Measure each table and write it to the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {PARTS}; all if none")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="with the tables")
    parser.add_argument("--most-seeds", type=int, default=N_DEV_SEEDS, help="fewer fits each")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no part {sorted(unknown)}; there are {PARTS}")
    if options.data is None:
        print("Nothing is measured without --data FOLDER. The tables:")
        for name, source in {**FIELD, **DEV, "published": PUBLISHED}.items():
            print(f"  {name}: {source.origin}; sha256 {source.sha256}")
        return
    if importlib.util.find_spec("sdmetrics") is None:
        sys.exit(
            "the field's measure needs sdmetrics: "
            "pip install --no-deps -r benchmarks/field_requirements.txt"
        )
    for name in options.parts or PARTS:
        record = None if options.dry else RECORD
        measure(record, PARTS, name, found(name, options.data, options.most_seeds))


if __name__ == "__main__":
    main()
