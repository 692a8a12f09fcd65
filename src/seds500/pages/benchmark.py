"""Tables of the page that measures HybridDiffusion, from the runs and from its benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from seds500.methods import SECOND_SAMPLE
from seds500.plots import LABELS
from seds500.records.committed import Measured, Records, runs, title
from synthtab.evaluation.utility import LEARNERS

BENCHMARK = "benchmark_diffusion"

VARIANTS: Mapping[str, str] = {
    "hybrid": "as it is",
    "without_places": "short lists of numbers as unordered categories",
    "without_atoms": "repeated values not kept together",
    "with_frequencies": "with Fourier features",
    "without_frequencies": "without Fourier features",
    "four_times_longer": "four times as many training steps",
    "boosted_target": "features of a second sample, target by boosting and its residuals",
    "steps_8": "8 noise levels in drawing",
    "steps_48": "48 noise levels in drawing",
}
"""What the page calls the rows of the ablation."""


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
    found = records.value(f"{BENCHMARK}.ablation.{table}")
    rows = {VARIANTS[variant]: _row(measured) for variant, measured in _in_order(found)}
    return pd.DataFrame.from_dict(rows, orient="index")


def diamonds(records: Records) -> pd.DataFrame:
    """HybridDiffusion and the bootstrap on all rows of the diamonds."""
    found = records.value(f"{BENCHMARK}.diamonds")
    rows = {_name(method): _row(measured) for method, measured in _in_order(found)}
    return pd.DataFrame.from_dict(rows, orient="index")


def fresh(records: Records) -> pd.DataFrame:
    """Samples of the simulators that no choice has seen, with many test rows."""
    rivals = records.value(f"{BENCHMARK}.fresh_tabddpm")
    rows = {
        f"{title(run)}: {_name(method)}": _row(measured)
        for run, found in records.value(f"{BENCHMARK}.fresh").items()
        for method, measured in _in_order(found | rivals.get(run, {}))
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def training_steps(records: Records) -> pd.DataFrame:
    """TabDDPM's quality against its training steps."""
    found = records.value(f"{BENCHMARK}.tabddpm_steps")
    by_steps = sorted((int(key.split("_")[1]), of) for key, of in found.items())
    rows = {f"{n_iter:,} steps": _row(of) for n_iter, of in by_steps}
    return pd.DataFrame.from_dict(rows, orient="index")


def growth(records: Records) -> pd.DataFrame:
    """CPU seconds and memory of HybridDiffusion against rows and columns."""
    rows = [
        {
            "rows": f"{of['n_rows']:,}",
            "columns": f"{of['n_columns']:,}",
            "training steps": f"{of['n_iter']:,}",
            "fit, CPU s": f"{of['fit']:.0f}",
            "1,000 rows drawn, CPU s": f"{of['sample_per_1000']:.2f}",
            "memory, GiB": f"{of['gib']:.2f}",
        }
        for of in records.value(f"{BENCHMARK}.growth").values()
    ]
    return pd.DataFrame(rows).set_index("rows")


def _in_order(found: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The ceiling first, then the model, its variants, and the others; each once."""
    order = dict.fromkeys([SECOND_SAMPLE, *VARIANTS, *LABELS])
    return [(method, found[method]) for method in order if method in found]


def _name(method: str) -> str:
    """What a row is called: a method of the comparison, or a variant of HybridDiffusion."""
    return LABELS.get(method) or VARIANTS[method]


def _row(of: Mapping[str, Any]) -> dict[str, str]:
    row = {
        LEARNERS[learner]: Measured(
            of[learner]["percent"], of[learner].get("percent_low"), of[learner].get("percent_high")
        ).show(".1f")
        for learner in LEARNERS
        if learner in of
    }
    row["detection AUC"] = f"{of['c2st']['mean']:.2f}"
    if "copies_of_test" in of:
        matches = of["copies_of_as_many"]["mean"], of["copies_of_test"]["mean"]
        row["equal to a training row (test row)"] = "{:.1%} ({:.1%})".format(*matches)
    row["CPU s"] = f"{of['fit'] + of['sample']:.1f}"
    return row
