"""Every method attacked alike: the same splits, the same attackers, the same controls."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from synthtab.attacks.controls import CONTROLS, controls
from synthtab.attacks.run import Findings, run_attacks
from synthtab.attacks.whitebox import OpenModel, white_box_scores
from synthtab.generators.contract import Generator
from synthtab.parallel import carry_out
from synthtab.table.split import Dataset, privacy_split


@dataclass(frozen=True)
class AttackComparison:
    """Results of `measure`.

    Attributes
    ----------
    findings : dict of str to list of Findings
        By method, the controls last; one for each seed.
    timings : DataFrame
        CPU seconds: seed, method, ``fit`` (with the reference model, where there is one),
        ``attack``.
    n_train, n_reference : int
        Rows of a split's training part (the holdout has as many) and of its reference.
    """

    findings: dict[str, list[Findings]]
    timings: pd.DataFrame
    n_train: int
    n_reference: int


def measure(
    dataset: Dataset,
    generators: Mapping[str, Generator],
    *,
    seeds: Sequence[int],
    known: Sequence[str] = tuple(CONTROLS),
    n_rows: int | None = None,
    n_jobs: int = 1,
    cache: str | Path | None = None,
) -> AttackComparison:
    """Fit every generator to the members of each split and attack what it makes.

    Parameters
    ----------
    dataset, generators, n_jobs, cache
        As for `synthtab.evaluation.compare.compare`.
    seeds : sequence of int
        One repetition each: split, training, draw and attacks.
    known : sequence of str, default=all
        Controls to add, by their keys in `synthtab.attacks.controls.CONTROLS`.
    n_rows : int or None, default=None
        See `privacy_split`.

    Raises
    ------
    ValueError
        If there is no seed, or a method is named like a control.
    """
    if not seeds:
        raise ValueError("no seeds: name at least one")
    if taken := sorted(generators.keys() & CONTROLS.keys()):
        raise ValueError(f"{taken} are the controls' names; call the generators otherwise")
    pairs = [(seed, method) for method in (*generators, *known) for seed in seeds]
    tasks = [
        (dataset, seed, method, clone(generators[method]) if method in generators else None, n_rows)
        for seed, method in pairs
    ]
    runs = carry_out(_run, tasks, n_jobs=n_jobs, cache=cache, code_of=list(generators.values()))
    findings: dict[str, list[Findings]] = {}
    for (_, method), (found, _) in zip(pairs, runs, strict=True):
        findings.setdefault(method, []).append(found)
    split = privacy_split(dataset, seeds[0], n_rows=n_rows)
    return AttackComparison(
        findings=findings,
        timings=pd.DataFrame([timing for _, timing in runs]),
        n_train=split.n,
        n_reference=len(split.reference),
    )


def _run(
    dataset: Dataset, seed: int, method: str, generator: Any, n_rows: int | None
) -> tuple[Findings, dict[str, object]]:
    """One method on one split; a control where there is no generator."""
    schema = dataset.schema
    split = privacy_split(dataset, seed, n_rows=n_rows)
    fit_seed, draw_seed, attack_seed, other_seed = (
        int(s) for s in np.random.SeedSequence(seed).generate_state(4)
    )
    start = time.thread_time()
    white_box = None
    if generator is None:
        made = controls(split, random_state=draw_seed)
        table, split = made.tables[method], made.split
    else:
        other: Any = clone(generator)
        for model, model_seed in ((generator, fit_seed), (other, other_seed)):
            if "random_state" in model.get_params():
                model.set_params(random_state=model_seed)
        generator.fit(split.train, schema)
        table = generator.sample(split.n, random_state=draw_seed)
        if isinstance(generator, OpenModel):
            other.fit(split.reference, schema)
            white_box = white_box_scores(generator, other, split, random_state=attack_seed)
    fitted = time.thread_time()
    found = run_attacks(split, table, white_box=white_box, random_state=attack_seed)
    timing = {
        "seed": seed,
        "method": method,
        "fit": fitted - start,
        "attack": time.thread_time() - fitted,
    }
    return found, timing
