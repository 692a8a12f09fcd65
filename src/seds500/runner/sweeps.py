"""Sweeps: one notebook with every combination of some parameters, here or on a Dask cluster.

Every run is a folder of its own, in place when it is whole. A sweep that was stopped, or lost
workers, is begun again with the same command and makes the missing runs only.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seds500.records import store
from seds500.runner import notebooks
from seds500.runner.project import Experiment, Project, UsageError
from synthtab.parallel import carry_out


@dataclass(frozen=True)
class SweepRun:
    """One run of a sweep.

    Attributes
    ----------
    parameters : dict
        Those that were given.
    record : Path or None
        Its record; None if it failed.
    error : str or None
        Why it failed.
    was_there : bool
        Whether an earlier sweep had made it.
    """

    parameters: dict[str, Any]
    record: Path | None
    error: str | None = None
    was_there: bool = False


def combinations(specifications: Sequence[str], fixed: Mapping[str, str]) -> list[dict[str, str]]:
    """Every combination that a sweep asks for.

    Parameters
    ----------
    specifications : sequence of str
        ``name=first..last`` for whole numbers, or ``name=value,value``; a comma within brackets
        belongs to a value.
    fixed : mapping of str to str
        Parameters that all runs share.

    Returns
    -------
    list of dict of str to str
        In the order of the specifications, the last one changing fastest.

    Raises
    ------
    seds500.runner.project.UsageError
        If a specification cannot be read, or a parameter is given twice.

    Examples
    --------
    >>> combinations(["seed=1..2", "mode=a,b"], {"n": "3"})[1]
    {'n': '3', 'seed': '1', 'mode': 'b'}
    """
    values: dict[str, list[str]] = {}
    problems = []
    for text in specifications:
        name, equals, given = text.partition("=")
        listed = _listed(given)
        if not equals or not name or not all(listed):
            problems.append(f"{text!r}: write it as seed=1..20 or n=500,2000")
        elif name in values or name in fixed:
            problems.append(f"{name}: given more than once")
        else:
            values[name] = listed
    if problems:
        raise UsageError("--sweep: " + "; ".join(problems))
    chosen = itertools.product(*values.values())
    return [{**fixed, **dict(zip(values, each, strict=True))} for each in chosen]


def _listed(text: str) -> list[str]:
    ends = re.fullmatch(r"(-?\d+)\.\.(-?\d+)", text)
    if ends is not None:
        return [str(i) for i in range(int(ends[1]), int(ends[2]) + 1)] or [""]
    return [part.strip() for part in re.split(r",(?![^\[]*\])", text)]


def sweep(
    project: Project,
    name: str,
    parameters: Sequence[Mapping[str, Any]],
    *,
    write: notebooks.Write,
    scheduler: str | None = None,
    out: Path | None = None,
) -> list[SweepRun]:
    """Run a notebook once for each set of parameters.

    Parameters
    ----------
    project : Project
    name : str
        As `Project.find_experiment` takes it, for example "013".
    parameters : sequence of mapping
        As `combinations` makes them.
    write : callable
        Receives the progress as text.
    scheduler : str or None, default=None
        Address of a Dask scheduler whose workers make the runs; they need this working copy under
        the same path, on a disk that all share, and one thread each. Without one the runs are made
        here, one after the other.
    out : Path or None, default=None
        Where the runs' folders go; None is ``runs/`` of the project.

    Returns
    -------
    list of SweepRun
        In the order of `parameters`. A run that fails does not stop the others.

    Raises
    ------
    seds500.runner.project.UsageError
        If any set of parameters does not fit; nothing was run then.
    """
    folder = (project.runs if out is None else out).resolve()
    for given in parameters:
        notebooks.check(project, name, given)
    root = project.root.resolve()
    write(f"{len(parameters)} runs into {folder}\n")
    tasks = [(root, name, dict(given), folder) for given in parameters]
    found: list[SweepRun] = carry_out(_one, tasks, scheduler=scheduler)
    there = sum(run.was_there for run in found)
    failed = sum(run.error is not None for run in found)
    write(f"{len(found) - there - failed} made, {there} were there, {failed} failed\n")
    return found


def _one(root: Path, name: str, given: dict[str, Any], out: Path) -> SweepRun:
    """One run, unless it is there."""
    project = Project(root)
    experiment, folder_name = notebooks.check(project, name, given)
    record = out / folder_name / "record.json"
    if record.exists() and _is_of(record, experiment):
        return SweepRun(given, record, was_there=True)
    try:
        folder = notebooks.run(
            project, name, given, write=lambda text: None, out=out, progress=False
        )
    except notebooks.ExecutionError as error:
        return SweepRun(given, None, error=str(error))
    return SweepRun(given, folder / "record.json")


def _is_of(record: Path, experiment: Experiment) -> bool:
    """Whether a record is of this experiment: names of runs may be cut."""
    known = store.load(record)
    same = known["parameters"].items() >= experiment.parameters.items()
    return bool(known["notebook"] == experiment.notebook and same)
