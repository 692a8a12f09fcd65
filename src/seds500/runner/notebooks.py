"""Run notebooks: from a reviewed `.py` source to an executed notebook and its record.

The steps of one run: read the source, write the parameters into it, execute in a fresh kernel,
refuse stored errors, take the record out, normalise the notebook so that two runs of one source are
the same bytes, and only then put notebook and record in place, together. Nothing that was
interrupted lies where it could be read as a result.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from traitlets.config import Config

from seds500.records import provenance, store
from seds500.runner.parameters import ParameterError, declared, resolve
from seds500.runner.project import METADATA, Experiment, Project, UsageError

Write = Callable[[str], Any]
PAIRED = {"formats": "ipynb,py:percent"}
"""What jupytext is told of a page whose source has the same name: saving one saves both."""

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


class ExecutionError(RuntimeError):
    """A notebook that failed, or whose output may not be kept."""


@dataclass(frozen=True)
class Run:
    """A finished run that is not on disk yet."""

    notebook: Any
    record: dict[str, Any]


def check(project: Project, name: str, given: Mapping[str, Any]) -> tuple[Experiment, str]:
    """The experiment that a name and some parameters ask for, and the name of its run.

    Parameters
    ----------
    project : Project
    name : str
        As `Project.find_experiment` takes it, for example "013".
    given : mapping
        Parameters of one's own, which come before those of the name; text is converted.

    Raises
    ------
    UsageError
        For an unknown name, unknown parameters and values that do not fit; tells all at once.
    """
    experiment = project.find_experiment(name)
    try:
        values = resolve(project.parameters(experiment), given)
    except ParameterError as error:
        raise UsageError(f"{name}, parameters:\n{error}") from error
    changed = replace(experiment, parameters={**experiment.parameters, **values})
    return changed, run_name(name, values)


def run(
    project: Project,
    name: str,
    given: Mapping[str, Any],
    *,
    write: Write,
    out: Path | None = None,
    progress: bool = True,
) -> Path:
    """Run a notebook with parameters of one's own, into a new folder.

    Parameters
    ----------
    project : Project
    name : str
        As `Project.find_experiment` takes it, for example "013".
    given : mapping
        Parameters that differ from those of the name; text is converted.
    write : callable
        Receives notes as text, line ends included.
    out : Path, optional
        Folder in which the run's folder is made; by default `runs/` of the project.
    progress : bool, default=True
        Whether a bar in the terminal counts the executed cells.

    Returns
    -------
    Path
        The new folder, with `notebook.ipynb` and `record.json`.

    Raises
    ------
    UsageError
        If the name or a parameter is wrong; nothing was run then.
    ExecutionError
        If a cell fails. The notebook up to there is kept as `notebook.failed.ipynb` in a folder
        whose name ends in `.failed`, without a record.
    """
    experiment, folder_name = check(project, name, given)
    out = project.runs if out is None else out
    with _staging(out) as staging:
        finished = _execute(
            project,
            replace(experiment, id=folder_name),
            cwd=Path.cwd(),
            staging=staging,
            out=out,
            progress=progress,
        )
        for warning in _stderr(finished.notebook):
            write(f"note: {warning}\n")
        folder = staging / "finished"
        folder.mkdir()
        nbformat.write(finished.notebook, folder / "notebook.ipynb")
        store.save(finished.record, folder / "record.json")
        return _move_to_new(folder, out, folder_name)


def run_experiments(
    project: Project,
    ids: Sequence[str],
    *,
    write: Write,
    compare: bool = False,
    rel_tol: float = 0.0,
) -> list[str]:
    """Re-run committed experiments and replace their notebooks and records.

    Each one is replaced as soon as it has succeeded; one that fails leaves its old files.

    Parameters
    ----------
    project : Project
    ids : sequence of str
        Ids of `experiments.yml`; empty for all.
    write : callable
        Receives the progress as text, line ends included.
    compare : bool, default False
        Replace nothing; compare each record with the committed one instead.
    rel_tol : float, default 0
        With `compare`, the relative difference up to which two numbers count as equal.

    Returns
    -------
    list of str
        With `compare`, one line per difference; otherwise empty.

    Raises
    ------
    UsageError
        If an id, a notebook or a parameter is wrong; nothing was run then.
    ExecutionError
        If a cell fails, or writes to stderr, which has no place on a page.
    UncleanError
        If something is to be replaced and the code is not that of a commit.
    """
    known = project.experiments()
    unknown = [experiment_id for experiment_id in ids if experiment_id not in known]
    if unknown:
        raise UsageError(
            f"no experiment {', '.join(map(repr, unknown))} in experiments.yml; "
            f"known: {', '.join(known) or 'none'}"
        )
    chosen = [known[experiment_id] for experiment_id in ids] or list(known.values())
    problems = []
    for experiment in chosen:
        try:
            project.read(experiment)
        except UsageError as error:
            problems.append(str(error))
    if problems:
        raise UsageError("\n".join(problems))
    if not compare:
        provenance.Run(project.root)  # said before the first hour of work, not after it
    write(_estimate(project, chosen))

    found: list[str] = []
    for experiment in chosen:
        write(f"{experiment.id}\n")
        with _staging(project.runs) as staging:
            finished = _execute(
                project,
                experiment,
                cwd=project.root,
                staging=staging,
                out=project.runs,
                clean=not compare,
            )
            if compare:
                old = store.load(experiment.id, project.records)
                lines = store.differences(old, finished.record, rel_tol)
                found += [f"{experiment.id}: {line}" for line in lines]
                continue
            warnings = _stderr(finished.notebook)
            if warnings:
                raise ExecutionError(
                    f"{experiment.id}: not replaced, since a page may not show warnings\n"
                    + "\n".join(warnings)
                )
            if experiment.id == experiment.notebook:
                finished.notebook.metadata["jupytext"] = PAIRED
            nbformat.write(finished.notebook, staging / "notebook.ipynb")
            store.save(finished.record, staging / "record.json")
            project.records.mkdir(exist_ok=True)
            # The two renames are the only steps that touch committed files.
            os.replace(staging / "notebook.ipynb", project.page(experiment))
            os.replace(staging / "record.json", project.record(experiment))
    return found


def sources(notebook: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Kind and text of each cell, for comparing source and page."""
    return [(cell["cell_type"], cell["source"]) for cell in notebook["cells"]]


def normalise(notebook: Any) -> Any:
    """Strip, in place, what differs between two runs that gave the same results.

    Execution times, papermill's and jupytext's notes, random cell ids, versions of kernel and
    language, and the text chunks that matplotlib writes into a PNG. That a page is paired with its
    source stays.

    Parameters
    ----------
    notebook : NotebookNode
        An executed notebook.

    Returns
    -------
    NotebookNode
        The same notebook.
    """
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    paired = notebook.metadata.get("jupytext", {}).get("formats")
    notebook.metadata = nbformat.from_dict(METADATA | ({"jupytext": PAIRED} if paired else {}))
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        for key in ("papermill", "execution", "lines_to_next_cell", "ExecuteTime"):
            cell.metadata.pop(key, None)
        if not cell.metadata.get("tags", ["kept"]):
            del cell.metadata["tags"]
        # From the text, so that a cell keeps its id when another is put before it.
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
        seen[digest] = seen.get(digest, 0) + 1
        cell.id = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
        for output in cell.get("outputs", []):
            if store.MIME in output.get("data", {}):
                output.metadata.pop(store.MIME, None)
            image = output.get("data", {}).get("image/png")
            if image is not None:
                output.data["image/png"] = _strip_png(image)
    return notebook


def _execute(
    project: Project,
    experiment: Experiment,
    *,
    cwd: Path,
    staging: Path,
    out: Path,
    progress: bool = True,
    clean: bool = False,
) -> Run:
    node = project.read(experiment)
    parameters = {name: parameter.default for name, parameter in declared(node).items()}
    partial = staging / "notebook.failed.ipynb"
    failed = (out, experiment.id)
    notebook = experiment.notebook
    going = provenance.Run(project.root, clean=clean)
    try:
        executed = papermill.execute_notebook(
            node,
            partial,
            kernel_name="python3",
            progress_bar=progress,
            cwd=cwd,
            # Without it ipykernel warns, on its stderr, about unencrypted TCP.
            config=Config({"KernelManager": {"transport_encryption": "auto"}}),
            # It also calls being told to stop, at the end of every run, an error.
            extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
        )
    except papermill.PapermillExecutionError as error:
        kept = _keep_failed(partial, failed)
        raise ExecutionError(
            f"notebook {notebook}, cell {error.cell_index + 1} failed: "
            f"{_head(error.source)}\n{error.ename}: {error.evalue}\n"
            f"no record was written; the notebook up to there: {kept}"
        ) from None
    except DeadKernelError:
        kept = _keep_failed(partial, failed)
        raise ExecutionError(
            f"notebook {notebook}: the kernel died, perhaps for want of memory\n"
            f"no record was written; the notebook up to there: {kept}"
        ) from None
    try:
        _refuse_errors(executed)
        parts = store.extract(executed)
    except ValueError as error:
        kept = _keep_failed(partial, failed)
        raise ExecutionError(
            f"notebook {notebook}: {error}\nno record was written; the notebook: {kept}"
        ) from None
    contents = {
        "id": experiment.id,
        "notebook": notebook,
        "parameters": parameters,
        **parts,
        "provenance": going.provenance(),
    }
    return Run(normalise(executed), contents)


def _refuse_errors(notebook: Any) -> None:
    # papermill takes `sys.exit(0)` for a good end, with the cells after it left out.
    numbers = [
        str(number)
        for number, cell in enumerate(notebook.cells, start=1)
        if any(output.output_type == "error" for output in cell.get("outputs", []))
    ]
    if numbers:
        raise ValueError(f"error stored in the output of cell {', '.join(numbers)}")


def _stderr(notebook: Any) -> list[str]:
    return [
        f"cell {number} wrote to stderr: {_head(output.text)}"
        for number, cell in enumerate(notebook.cells, start=1)
        for output in cell.get("outputs", [])
        if output.output_type == "stream" and output.name == "stderr"
    ]


@contextlib.contextmanager
def _staging(parent: Path) -> Iterator[Path]:
    """A folder for what is not a result yet, gone at the end whatever happens.

    It lies beside the results, since only within one file system is a rename a single step. After
    a kill that leaves no time to tidy up, the dot and the missing record tell that it is none.
    """
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=parent) as folder:
        yield Path(folder)


def _move_to_new(folder: Path, parent: Path, name: str) -> Path:
    """Rename `folder` to `parent / name`, or the first free `name-2`, `name-3`, …"""
    number = 1
    while True:
        target = parent / (name if number == 1 else f"{name}-{number}")
        # A rename onto an existing empty folder would succeed, so look first.
        if not target.exists():
            try:
                return folder.rename(target)
            except OSError:
                # Another run took the name in between.
                if not target.exists():
                    raise
        number += 1


def _keep_failed(partial: Path, failed: tuple[Path, str]) -> Path:
    parent, name = failed
    folder = partial.parent / "failed"
    folder.mkdir()
    shutil.move(partial, folder / partial.name)
    return _move_to_new(folder, parent, f"{name}.failed") / partial.name


def run_name(notebook: str, values: Mapping[str, Any]) -> str:
    """A folder name that says which run this is.

    Examples
    --------
    >>> run_name("013", {"source": "public", "seed": 7})
    '013-seed=7-source=public'
    """
    parts = [f"{name}={value}" for name, value in sorted(values.items())]
    text = "-".join([notebook, *parts])
    safe = re.sub(r"[^A-Za-z0-9_.=-]+", "_", text).strip("_")
    if len(safe) > 80:
        safe = f"{safe[:70]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    return safe


def _estimate(project: Project, chosen: Sequence[Experiment]) -> str:
    seconds, machines, unknown = 0.0, set(), []
    for experiment in chosen:
        try:
            made = store.load(experiment.id, project.records)["provenance"]
        except store.RecordError:
            unknown.append(experiment.id)
            continue
        seconds += made["wall_seconds"]
        machines.add(made.get("cpu", "an unknown processor"))
    parts = [f"{len(chosen)} to run, one after the other"]
    if machines:
        where = ", ".join(sorted(machines))
        parts.append(f"last time they took {seconds / 60:.1f} min in all, on {where}")
    if unknown:
        parts.append(f"never run: {', '.join(unknown)}")
    return "; ".join(parts) + "\n"


def _head(source: str) -> str:
    """The first line of a cell that says something, cut to the width of a terminal."""
    lines = [line for line in source.splitlines() if line.strip()]
    code = [line for line in lines if not line.lstrip().startswith("#")] or lines or [""]
    return code[0] if len(code[0]) <= 64 else f"{code[0][:63]}…"


def _strip_png(image: str) -> str:
    """Drop text and time chunks from a base64 PNG."""
    data = base64.b64decode(image)
    if not data.startswith(_PNG_SIGNATURE):
        raise ValueError("an image/png output is not a PNG")
    kept, position = [_PNG_SIGNATURE], len(_PNG_SIGNATURE)
    while position < len(data):
        # A chunk is: length of its body, type, body, checksum.
        (length,) = struct.unpack(">I", data[position : position + 4])
        kind = data[position + 4 : position + 8]
        end = position + 12 + length
        if kind not in (b"tEXt", b"zTXt", b"iTXt", b"tIME"):
            kept.append(data[position:end])
        position = end
    return base64.b64encode(b"".join(kept)).decode()
