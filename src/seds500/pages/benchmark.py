"""Tables of the page that measures HybridDiffusion, from the runs and from its two benchmarks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from seds500.comparisons import FIELD, FIELD_TABLES
from seds500.methods import SECOND_SAMPLE
from seds500.plots import COLOURS, GREEN, LABELS, baseline, legend, panels, styled
from seds500.records.committed import Measured, Records, runs, title
from synthtab.evaluation.utility import LEARNERS

BENCHMARK = "benchmark_diffusion"
STANDINS = ("011_standin", "012_standin", "013_standin")
SCORED = ("rf", "hgb", "ridge")
"""Learners of the benchmark, in the order in which a cell shows their shares."""

VARIANTS: Mapping[str, str] = {
    "hybrid": "HybridDiffusion",
    "any_order": "any order",
    "gaussian": "Gaussian diffusion",
    "without_gaussians": "numbers without Gaussians",
    "rough_head": "bins without smoothness",
    "one_member": "one network a column",
    "without_dropout": "without dropout",
    "with_dropout": "with dropout",
    "without_early_stopping": "the last weights, not the best",
}
"""What the page calls the rows of its tables."""

NOT_RUN = pd.DataFrame({"": ["not run"]}, index=["–"])
"""Stands for a part of the benchmark that has not been run with the present model."""


# Targets -----------------------------------------------------------------------------------------


class Target(NamedTuple):
    """A figure that was aimed at.

    `measured` and `met` are None where nothing is measured, `met` alone where it does not compare.
    """

    where: str
    aim: str
    measured: str | None
    met: bool | None


def targets(records: Records) -> pd.DataFrame:
    """Every target with what was measured, the missed ones first."""
    parts = (_of_field, _of_dev, _of_standins, _of_diamonds, _of_large)
    found = [target for part in parts for target in part(records)]
    found.append(Target("tables kept aside", "2 points of the better arm", None, None))
    order: list[bool | None] = [False, None, True]
    words = {False: "missed", None: "not measured", True: "met"}
    rows = [
        {
            "table": target.where,
            "aim": target.aim,
            "measured": target.measured or "–",
            "": "not comparable" if target.measured and target.met is None else words[target.met],
        }
        for target in sorted(found, key=lambda target: order.index(target.met))
    ]
    return pd.DataFrame(rows).set_index("table")


def _of_field(records: Records) -> Iterator[Target]:
    where = "five field tables"
    tables = [_entry(records, f"{FIELD}.{name}") for name in FIELD_TABLES]
    known = [table for table in tables if "dcr" in table]
    if len(known) < len(FIELD_TABLES):
        where = f"{len(known)} of the five field tables"

    def means(key: str) -> list[float]:
        return [table[key]["mean"] for table in known]

    if not known:
        yield Target(where, "as the field's best", None, None)
        return
    for words, key, aim in (("shape", "shape", 0.95), ("trend", "trend", 1.9)):
        value = float(np.mean(means(key)))
        yield Target(where, f"{words} error ≤ {aim} %, mean", f"{value:.2f} %", value <= aim)
    aucs = means("c2st")
    yield _at_most(where, "C2ST AUC ≤ {}, mean", float(np.mean(aucs)), 0.54, ".3f")
    yield _at_most(where, "C2ST AUC ≤ {}, each", max(aucs), 0.57, ".3f")
    seconds = [table["fit"]["mean"] + table["sample"]["mean"] for table in known]
    yield _at_most(where, "fit and draw ≤ {} CPU s, each", max(seconds), 90, ".0f")
    yield _at_most(where, "DCR share ≤ {}, each", max(table["dcr"] for table in known), 0.52, ".3f")
    rival = records.value(f"{FIELD}.published.mle.TabDiff")
    names = [name for name, table in zip(FIELD_TABLES, tables, strict=True) if "dcr" in table]
    won = sum(
        (table["mle"]["mean"] <= rival[name])
        if name == "beijing"
        else (table["mle"]["mean"] >= rival[name])
        for name, table in zip(names, known, strict=True)
    )
    measured = f"ahead on {won} of {len(known)}"
    # The published figures are those of other learners.
    yield Target(where, "MLE at least TabDiff's, mean rank", measured, None)


def _of_dev(records: Records) -> Iterator[Target]:
    for key, words, times, shares, auc in (
        ("casp", "casp, 16,000 rows", 1, (86, 91, 99), 0.55),
        ("casp", "casp, 16,000 rows", 4, (90, 92, 99), None),
        ("concrete", "concrete", 1, (92, 92, 99), 0.58),
        ("beijing_8000", "beijing, 8,000 rows", 1, (77, 90, 99), 0.55),
    ):
        of = _fits(records, f"{FIELD}.{key}").get("hybrid")
        yield _shares(words, of, times, shares)
        if auc is not None:
            yield _mean_at_most(words, "C2ST AUC ≤ {}", of, "c2st", auc)
        if key == "concrete":
            yield _mean_at_most(words, "nearest share ≤ {}", of, "near", 0.56)


def _of_standins(records: Records) -> Iterator[Target]:
    for run in STANDINS:
        where = f"{title(run)}, fresh"
        found = _fits(records, f"{BENCHMARK}.fresh.{run}")
        of, ceiling = found.get("hybrid"), found.get(SECOND_SAMPLE)
        yield _shares(where, of, 4, (98, 98, 99), ceiling)
        rival = found.get("gaussian")
        if of is None or rival is None:
            yield Target(where, "not below Gaussian diffusion, n rows", None, None)
        else:
            pairs = [(of[f"{k}_1"]["mean"], rival[f"{k}_1"]["mean"]) for k in SCORED]
            measured = ", ".join(f"{a:.2f} (that {b:.2f})" for a, b in pairs)
            met = all(a >= b for a, b in pairs)
            yield Target(where, "not below Gaussian diffusion, n rows", measured, met)
        auc = None if of is None else of["c2st"]["mean"]
        near = None if auc is None else 0.45 <= auc <= 0.55
        yield Target(where, "C2ST AUC .45 to .55", None if auc is None else f"{auc:.3f}", near)
        yield _mean_at_most(where, "nearest share ≤ {}", of, "near", 0.53)
        yield _seconds(where, of, 20)
        if run == "013_standin":
            aim = "unseen pairs ≤ 2 × those of real rows"
            if of is None:
                yield Target(where, aim, None, None)
            else:
                drawn, real = of["unseen"]["mean"], of["unseen_real"]["mean"]
                yield Target(where, aim, f"{drawn:.1%} (real {real:.1%})", drawn <= 2 * real)


def _of_diamonds(records: Records) -> Iterator[Target]:
    where = "diamonds, all rows"
    of = _fits(records, f"{BENCHMARK}.diamonds").get("hybrid")
    yield _shares(where, of, 1, (98, 98, 99))
    yield _mean_at_most(where, "C2ST AUC ≤ {}", of, "c2st", 0.56)
    yield _seconds(where, of, 120)
    yield _mean_at_most(where, "rows drawn in ≤ {} CPU s", of, "sample", 5, ".1f")


def _of_large(records: Records) -> Iterator[Target]:
    where = "1,000,000 rows, 20 columns"
    of = _entry(records, f"{BENCHMARK}.speed").get("large")
    for words, key, aim, form in (
        ("encode ≤ {} CPU s", "encode", 10, ".1f"),
        ("fit ≤ {} CPU s", "fit", 60, ".0f"),
        ("as many rows drawn in ≤ {} CPU s", "sample", 240, ".0f"),
        ("memory < {} GiB", "gib", 3, ".1f"),
    ):
        if of is None:
            yield Target(where, words.format(aim), None, None)
        else:
            yield _at_most(where, words, of[key], aim, form)


def _shares(
    where: str,
    of: Mapping[str, Any] | None,
    times: int,
    aims: Sequence[float],
    ceiling: Mapping[str, Any] | None = None,
) -> Target:
    """Shares of R² kept, by learner; within one sd of a second real sample is enough, if any."""
    words = f"R² kept ≥ {' / '.join(map(str, aims))} %, {_rows(times)}"
    if of is None:
        return Target(where, words, None, None)
    met = True
    for learner, aim in zip(SCORED, aims, strict=True):
        key = f"{learner}_{times}"
        enough = aim
        if ceiling is not None:
            enough = min(aim, ceiling[key]["mean"] - ceiling[key].get("sd", 0.0))
        met = met and of[key]["mean"] >= enough
    if ceiling is not None:
        words += ", or a second sample's within an sd"
    return Target(where, words, _kept(of, times), met)


def _seconds(where: str, of: Mapping[str, Any] | None, aim: float) -> Target:
    words = "fit and draw ≤ {} CPU s"
    if of is None:
        return Target(where, words.format(aim), None, None)
    return _at_most(where, words, of["fit"]["mean"] + of["sample"]["mean"], aim, ".0f")


def _mean_at_most(
    where: str, words: str, of: Mapping[str, Any] | None, key: str, aim: float, form: str = ".3f"
) -> Target:
    if of is None:
        return Target(where, words.format(aim), None, None)
    return _at_most(where, words, of[key]["mean"], aim, form)


def _at_most(where: str, words: str, value: float, aim: float, form: str) -> Target:
    return Target(where, words.format(aim), format(value, form), value <= aim)


# The other tables --------------------------------------------------------------------------------


def quality(records: Records, methods: Sequence[str]) -> pd.DataFrame:
    """Share of the real rows' R² kept, detection AUC and CPU seconds, by run and method.

    Parameters
    ----------
    records : Records
        The committed runs.
    methods : sequence of str
        Keys of `seds500.methods.LABELS`. A run that lacks one has no row for it.

    Returns
    -------
    DataFrame of str
    """
    rows = {}
    for run, _, _ in runs():
        for method in methods:
            if not records.has(f"{run}.utility.replacement.{method}"):
                continue
            scored = records.value(f"{run}.utility.replacement.{method}")
            row = {
                words: records.share(run, method, learner=learner).show(".1f")
                for learner, words in LEARNERS.items()
                if learner in scored
            }
            row["detection AUC"] = records.fidelity(run, method, "c2st").show(".2f")
            row["CPU s"] = "–"
            if method != SECOND_SAMPLE:
                spent = records.value(f"{run}.timings.{method}")
                row["CPU s"] = f"{spent['fit'] + spent['sample']:.1f}"
            rows[f"{title(run)}: {LABELS[method]}"] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def ablation(records: Records, table: str) -> pd.DataFrame:
    """HybridDiffusion with one thing changed at a time, on one table of the benchmark."""
    return _arms({"": _fits(records, f"{BENCHMARK}.ablation.{table}")})


def diamonds(records: Records) -> pd.DataFrame:
    """HybridDiffusion on all rows of the diamonds."""
    return _arms({"": _fits(records, f"{BENCHMARK}.diamonds")})


def fresh(records: Records) -> pd.DataFrame:
    """Samples of the simulators that no choice has seen, with many test rows."""
    return _arms({title(run): _fits(records, f"{BENCHMARK}.fresh.{run}") for run in STANDINS})


def dev(records: Records) -> pd.DataFrame:
    """Hard tables of regression that are in no experiment."""
    names = {"casp": "casp", "concrete": "concrete", "beijing_8000": "beijing, 8,000 rows"}
    found = {words: _fits(records, f"{FIELD}.{key}") for key, words in names.items()}
    return _arms(found)


def training_steps(records: Records) -> pd.DataFrame:
    """TabDDPM's quality against its training steps."""
    found = records.value(f"{BENCHMARK}.tabddpm_steps")
    by_steps = sorted((int(key.split("_")[1]), of) for key, of in found.items())
    rows = {f"{n_iter:,} steps": _row(of) for n_iter, of in by_steps}
    return pd.DataFrame.from_dict(rows, orient="index")


def growth(records: Records) -> pd.DataFrame:
    """CPU seconds and memory of HybridDiffusion against rows, columns and levels."""
    rows = [
        {
            "rows": f"{of['n_rows']:,}",
            "columns": f"{of['n_columns']:,}",
            "levels of a category, at most": f"{of['n_levels']:,}",
            "training steps": f"{of['n_iter']:,}",
            "fit, CPU s": f"{of['fit']:.0f}",
            "1,000 rows drawn, CPU s": f"{of['sample_per_1000']:.2f}",
            "memory, GiB": f"{of['gib']:.2f}",
        }
        for of in records.value(f"{BENCHMARK}.growth").values()
        if "n_levels" in of  # not of the former model
    ]
    return pd.DataFrame(rows).set_index("rows") if rows else NOT_RUN


def _arms(tables: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """A row for each method of each table: utility, realism, closeness, likelihood and time."""
    rows = {}
    for words, found in tables.items():
        for method in dict.fromkeys([SECOND_SAMPLE, *VARIANTS]):
            if method not in found:
                continue
            of = found[method]
            name = VARIANTS.get(method) or LABELS[method]
            row = {"fits": str(of["n"])}
            for k in (1, 4):
                row[f"R² kept, {_rows(k)}"] = _kept(of, k) if f"rf_{k}" in of else "–"
            row["C2ST AUC"] = Measured.of(of["c2st"]).show(".2f")
            row["nearest share"] = f"{of['near']['mean']:.3f}"
            likelihood = of.get("log_likelihood")
            row["nats a row"] = "–" if likelihood is None else f"{likelihood['mean']:.2f}"
            spent = of["fit"]["mean"] + of["sample"]["mean"]
            row["CPU s"] = "–" if method == SECOND_SAMPLE else f"{spent:.0f}"
            rows[f"{words}: {name}" if words else name] = row
    return NOT_RUN if not rows else pd.DataFrame.from_dict(rows, orient="index")


def _kept(of: Mapping[str, Any], times: int) -> str:
    """Shares of R² kept of forest, histogram boosting and ridge."""
    return " / ".join(f"{of[f'{learner}_{times}']['mean']:.1f}" for learner in SCORED)


def _rows(times: int) -> str:
    return "n rows" if times == 1 else f"{times} n rows"


def _entry(records: Records, path: str) -> Mapping[str, Any]:
    """A part of a record, or nothing where it has not been measured."""
    found: Mapping[str, Any] = records.value(path) if records.has(path) else {}
    return found


def _fits(records: Records, path: str) -> dict[str, Any]:
    """Summed up fits by method; those of a former model have another form and do not count."""
    return {method: of for method, of in _entry(records, path).items() if "n" in of}


def _row(of: Mapping[str, Any]) -> dict[str, str]:
    row = {
        LEARNERS[learner]: Measured.of(of[learner], "percent").show(".1f")
        for learner in LEARNERS
        if learner in of
    }
    row["detection AUC"] = f"{of['c2st']['mean']:.2f}"
    row["CPU s"] = f"{of['fit'] + of['sample']:.1f}"
    return row


# The figure --------------------------------------------------------------------------------------


@styled
def drawn_rows(records: Records) -> Figure:
    """R² kept against the rows drawn, n and 4 n, on fresh samples of each simulator.

    Parameters
    ----------
    records : Records
        The benchmark's record.

    Returns
    -------
    Figure
        One panel for each experiment and learner, a line for each arm; bars are one standard
        deviation over the fits.
    """
    learners = {"rf": "forest", "hgb": "boosting"}
    of_run = {run: _fits(records, f"{BENCHMARK}.fresh.{run}") for run in STANDINS}
    figure, axes = panels(6, 3, 2.5, 2.4, below=0.5, sharey=True, sharex=True)
    places = [(run, learner) for learner in learners for run in STANDINS]
    arms = (SECOND_SAMPLE, "hybrid", "any_order", "gaussian")
    for ax, (run, learner) in zip(axes, places, strict=True):
        baseline(ax, sideways=False)
        for i, arm in enumerate(a for a in arms if a in of_run[run]):
            of = [of_run[run][arm][f"{learner}_{k}"] for k in (1, 4)]
            ax.errorbar(
                [i / 25, 1 + i / 25],
                [m["mean"] for m in of],
                [m["sd"] for m in of],
                fmt="osD^"[i] + "-",
                color=COLOURS.get(arm, GREEN),
                label=VARIANTS.get(arm, LABELS.get(arm)),
                ms=4.5,
            )
        ax.set(title=f"{title(run)}, {learners[learner]}", xlim=(-0.3, 1.4))
        ax.set_xticks([0, 1], ["n", "4 n"])
        ax.set_xlabel("rows drawn" if learner == "hgb" else "")
    for ax in axes[::3]:
        ax.set_ylabel("R² kept, %")
    legend(figure, ncols=4)
    return figure
