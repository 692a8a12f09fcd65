"""Tables of the page that sets the study's figures beside those of the committed runs.

Each function returns a frame of strings, with the records it needs looked up as it goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from seds500.arms.other_packages import LABELS as OTHER_LABELS
from seds500.claims.evidence import OTHER_PACKAGES, is_there
from seds500.methods import LABELS
from seds500.pages import benchmark
from seds500.records.committed import EXPERIMENTS, SOURCES, STUDY_LEARNER, Records, runs, title
from synthtab.evaluation.utility import LEARNERS

_SETTINGS: Mapping[str, str] = {
    "replacement": "alone",
    "augmentation": "added to the real rows",
}


def scores(records: Records, experiment: str, methods: Sequence[str]) -> pd.DataFrame:
    """R² on real test rows: reported, on the stand-in, and on the public table.

    Parameters
    ----------
    records : Records
        The committed runs.
    experiment : {"011", "012", "013"}
        Which.
    methods : sequence of str
        Keys of `seds500.methods.LABELS`, each a row for every setting. One that a
        single run lacks (the second sample, where rows are few) has a dash there.

    Returns
    -------
    DataFrame of str
        Scores with intervals of the learner behind the study's figure.

    Raises
    ------
    ValueError
        If the experiment or a method is unknown.
    seds500.records.store.RecordError
        If a record does not exist, or no run has a method.
    """
    _known("experiment", [experiment], EXPERIMENTS)
    _known("method", methods, LABELS)
    reported = _reported(records, experiment)
    rows = {}
    for method in methods:
        settings = ["replacement"] if method == "real" else list(_SETTINGS)
        for setting in settings:
            label = LABELS[method]
            if method != "real":
                label = f"{label}, {_SETTINGS[setting]}"
            row = {"reported": reported.get((method, setting), "–")}
            ids = {words: f"{experiment}_{source}" for source, words in SOURCES.items()}
            held = [r for r in ids.values() if records.has(f"{r}.utility.{setting}.{method}")]
            for words, run in ids.items():
                # A method that no run holds is looked up all the same, and found missing.
                shown = run in held or not held
                row[words] = (
                    records.score(run, method, setting=setting).show(".2f") if shown else "–"
                )
            rows[label] = row
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index.name = f"{LEARNERS[STUDY_LEARNER[experiment]]} trained on"
    return table


def _reported(records: Records, experiment: str) -> dict[tuple[str, str], str]:
    """The study's figures by the method and setting that they were measured with."""
    reported = records.value(f"published.{experiment}.reported")
    found = {
        ("real", "replacement"): _range(reported["original_r2"]),
        ("hybrid", "augmentation"): _range(reported["diffusion_r2"]),
        ("smogn_extreme", "replacement"): _range(reported.get("smogn_r2", "negative")),
    }
    if experiment == "013":
        later = records.value("published.later_013_replacement")
        found["hybrid", "replacement"] = f"{_range(later['tabddpm_style_r2'])} (later)"
        found["ctgan", "replacement"] = f"{_range(later['ctgan_r2'])} (later)"
    return found


def _range(value: float | list[float] | str) -> str:
    if isinstance(value, str):
        return value
    ends = value if isinstance(value, list) else [value]
    return " to ".join(f"{end:.2f}" for end in ends).replace("-", "−")


def advantages(records: Records, methods: Sequence[str]) -> pd.DataFrame:
    """R² of HybridDiffusion minus that of each method, alone, with interval and verdict.

    Parameters
    ----------
    records : Records
        The committed runs.
    methods : sequence of str
        Those to be subtracted.

    Returns
    -------
    DataFrame of str
        One row per run. The verdict is that of `synthtab.evaluation.intervals.verdict` on zero.
    """
    _known("method", methods, LABELS)
    rows = {}
    for run, experiment, _ in runs():
        differences = f"{run}.hybrid_minus.replacement"
        rows[title(run)] = {
            f"minus {LABELS[method]}": (
                f"{records.advantage(run, method).show('+.2f')} "
                f"*{records.value(f'{differences}.{method}.{STUDY_LEARNER[experiment]}.verdict')}*"
            )
            for method in methods
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def kept(records: Records, methods: Sequence[str]) -> pd.DataFrame:
    """Share of the real rows' R² that each method's rows alone keep, in percent, with intervals.

    Parameters
    ----------
    records : Records
        The committed runs, and the benchmark of other packages.
    methods : sequence of str
        Keys of `seds500.methods.LABELS` or `seds500.arms.other_packages.LABELS`.

    Returns
    -------
    DataFrame of str
        One row per run. A dash says that a method was not run there.
    """
    labels = {**LABELS, **OTHER_LABELS}
    _known("method", methods, labels)
    rows = {}
    for run, experiment, _ in runs():
        row = {}
        for method in methods:
            cell = "–"
            if records.has(f"{run}.utility.replacement.{method}"):
                cell = records.share(run, method).show(".0f")
            elif method in OTHER_LABELS and is_there(records, OTHER_PACKAGES):
                scores = f"{OTHER_PACKAGES}.{run}.utility.replacement.{method}"
                learner = STUDY_LEARNER[experiment]
                cell = records.measured(f"{scores}.{learner}.r2", of="percent").show(".0f")
            row[labels[method]] = cell
        rows[title(run)] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def copies(records: Records, methods: Sequence[str]) -> pd.DataFrame:
    """Share of rows equal to one of as many training rows as test rows; in brackets, to a test row.

    Parameters and result are those of `advantages`.
    """
    _known("method", methods, LABELS)
    rows = {}
    for run, _, _ in runs():
        rows[title(run)] = {
            LABELS[method]: (
                f"{records.fidelity(run, method, 'copies_of_as_many').value:.1%} "
                f"({records.fidelity(run, method, 'copies_of_test').value:.1%})"
            )
            for method in methods
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def times(records: Records, methods: Sequence[str]) -> pd.DataFrame:
    """CPU seconds of each method on one thread, to fit and to draw; mean over seeds.

    Parameters and result are those of `advantages`, with the number of training rows first.
    """
    _known("method", methods, LABELS)
    rows = {}
    for run, _, _ in runs():
        row = {"training rows": f"{records.value(f'{run}.dataset.n_train'):,}"}
        for method in methods:
            spent = records.value(f"{run}.timings.{method}")
            row[LABELS[method]] = f"{_seconds(spent['fit'])} + {_seconds(spent['sample'])}"
        rows[title(run)] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def literature(records: Records, table: str) -> pd.DataFrame:
    """Figures of another paper, from `published.json`.

    Parameters
    ----------
    records : Records
        Where "published" is looked up.
    table : str
        Its key in the section ``related_work``.

    Returns
    -------
    DataFrame of str
        Where the table says what its rows are relative to, each figure stands beside its share of
        that row.
    """
    found = records.value(f"published.related_work.{table}")
    base = found["rows"].get(found.get("relative_to"))
    rows = {}
    for label, figures in found["rows"].items():
        cells = [
            "–" if figure is None else f"{figure:{form}}"
            for figure, form in zip(figures, found["forms"], strict=True)
        ]
        if base and label != found["relative_to"]:
            shares = [f"{f / b:.0%}" for f, b in zip(figures, base, strict=True)]
            cells = [f"{cell} · {share}" for cell, share in zip(cells, shares, strict=True)]
        rows[label] = dict(zip(found["columns"], cells, strict=True))
    return pd.DataFrame.from_dict(rows, orient="index")


def _seconds(value: float) -> str:
    """Whole seconds from ten on; below, as many digits as a time of that size deserves."""
    if value < 0.01:
        return "<0.01"
    return f"{value:.{0 if value >= 10 else 1 if value >= 1 else 2}f}"


def _known(what: str, given: Iterable[str], known: Iterable[str]) -> None:
    if unknown := [name for name in given if name not in set(known)]:
        raise ValueError(f"unknown {what} {', '.join(unknown)}; known are {', '.join(known)}")


TABLES: Mapping[str, Callable[..., pd.DataFrame]] = {
    "scores": scores,
    "advantages": advantages,
    "kept": kept,
    "copies": copies,
    "times": times,
    "literature": literature,
    "quality": benchmark.quality,
    "ablation": benchmark.ablation,
    "diamonds": benchmark.diamonds,
    "fresh": benchmark.fresh,
    "training_steps": benchmark.training_steps,
    "growth": benchmark.growth,
}
"""By the name that a page asks for them with."""


def make(name: str, records: Records, **options: Any) -> pd.DataFrame:
    """Make a table by its name.

    Parameters
    ----------
    name : str
        A key of `TABLES`.
    records : Records
        The committed runs.
    **options
        What the table's function takes besides.

    Raises
    ------
    ValueError
        If there is no such table, or its options are others.
    """
    _known("table", [name], TABLES)
    try:
        return TABLES[name](records, **options)
    except TypeError as error:
        raise ValueError(f"table {name!r}: {error}") from error
