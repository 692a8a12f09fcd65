"""Run notebooks: from a reviewed `.py` source to an executed notebook and its record.

The steps of one run: read the source, check the parameters, execute in a fresh kernel, refuse
stored errors, take the record out, normalise the notebook so that two runs of one source are the
same bytes, and only then put notebook and record in place, together. Nothing that was interrupted
lies where it could be read as a result.
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
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from papermill.engines import NBClientEngine, papermill_engines
from traitlets.config import Config

from seds500.records import provenance, store
from seds500.runner.parameters import Parameter, ParameterError, declared, read_yaml, resolve

Write = Callable[[str], Any]
INJECTED = "injected-parameters"
# Of every notebook: what kernel and language say of themselves changes with their versions.
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "pygments_lexer": "ipython3",
    },
}
_ENGINE = "synthtab"
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


class UsageError(ValueError):
    """A request that cannot be carried out; nothing was run."""


class ExecutionError(RuntimeError):
    """A notebook that failed, or whose output may not be kept."""


@dataclass(frozen=True)
class Experiment:
    """One entry of `experiments.yml`: a committed run.

    Its page is `<folder>/<id>.ipynb`: `notebooks/` for the book, `tests/notebooks/` for the small
    runs that the tests execute again.
    """

    id: str
    notebook: str
    parameters: Mapping[str, Any]
    folder: str


@dataclass(frozen=True)
class Project:
    """The folders of a working copy; the only place that knows them.

    Examples
    --------
    >>> Project(Path("copy")).source("013").as_posix()
    'copy/notebooks/013.py'
    """

    root: Path

    @classmethod
    def find(cls, start: Path) -> Project:
        """The nearest folder at or above `start` with `notebooks/` and `experiments.yml`.

        Raises
        ------
        UsageError
            If there is none.
        """
        for folder in (start, *start.parents):
            if (folder / "notebooks").is_dir() and (folder / "experiments.yml").is_file():
                return cls(folder)
        raise UsageError(
            f"no folder `notebooks` and file `experiments.yml` at or above {start}; "
            "run this inside a copy of the repository"
        )

    @property
    def records(self) -> Path:
        return self.root / "records"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    def source(self, notebook: str) -> Path:
        return self.root / "notebooks" / f"{notebook}.py"

    def page(self, experiment: Experiment) -> Path:
        return self.root / experiment.folder / f"{experiment.id}.ipynb"

    def record(self, experiment: Experiment) -> Path:
        return self.records / f"{experiment.id}.json"

    def notebooks(self) -> list[str]:
        """Names of the notebook sources."""
        return sorted(path.stem for path in (self.root / "notebooks").glob("*.py"))

    def read_source(self, notebook: str) -> Any:
        """The source of a notebook, as a notebook.

        Raises
        ------
        UsageError
            If there is no such notebook; names the known ones.
        """
        known = self.notebooks()
        if notebook not in known:
            raise UsageError(
                f"no notebook {notebook!r} in notebooks/; known: {', '.join(known) or 'none'}"
            )
        node = jupytext.read(self.source(notebook), fmt="py:percent")
        node.metadata = nbformat.from_dict(METADATA)
        return node

    def experiments(self) -> dict[str, Experiment]:
        """The committed runs, from `experiments.yml`.

        Raises
        ------
        UsageError
            Naming every entry that is not `id: {notebook: name, parameters: {…}}`, with
            `folder` where the page does not go to `notebooks`.
        """
        entries = read_yaml((self.root / "experiments.yml").read_text(encoding="utf-8")) or {}
        found: dict[str, Experiment] = {}
        problems = []
        for key, entry in entries.items():
            if not isinstance(key, str) or not re.fullmatch(r"[A-Za-z0-9_-]+", key):
                problems.append(f"{key!r}: an id is text of letters, digits, _ and -; quote it")
            elif not isinstance(entry, dict) or set(entry) - {"notebook", "parameters", "folder"}:
                problems.append(f"{key}: should be {{notebook: …, parameters: {{…}}, folder: …}}")
            elif not isinstance(entry.get("notebook"), str):
                problems.append(
                    f"{key}: notebook is {entry.get('notebook')!r}, should be text: quote it"
                )
            else:
                found[key] = Experiment(
                    id=key,
                    notebook=entry["notebook"],
                    parameters=entry.get("parameters") or {},
                    folder=entry.get("folder", "notebooks"),
                )
        if problems:
            raise UsageError("experiments.yml:\n  " + "\n  ".join(problems))
        return found


@dataclass(frozen=True)
class Run:
    """A finished run that is not on disk yet."""

    notebook: Any
    record: dict[str, Any]


def known_parameters(project: Project, notebook: str) -> dict[str, Parameter]:
    """The parameters that a notebook declares.

    Raises
    ------
    UsageError
        If there is no such notebook or its parameters cell cannot be read.
    """
    try:
        return declared(project.read_source(notebook))
    except ParameterError as error:
        raise UsageError(f"notebooks/{notebook}.py: {error}") from error


def check(project: Project, notebook: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Convert the given parameters of a notebook, or say everything that is wrong with them.

    Raises
    ------
    UsageError
        As `known_parameters`, and for unknown parameters and values that do not fit.
    """
    known = known_parameters(project, notebook)
    try:
        return resolve(known, given)
    except ParameterError as error:
        raise UsageError(f"notebook {notebook}, parameters:\n{error}") from error


def run(
    project: Project,
    notebook: str,
    given: Mapping[str, Any],
    *,
    write: Write,
    out: Path | None = None,
) -> Path:
    """Run a notebook with parameters of one's own, into a new folder.

    Parameters
    ----------
    project : Project
    notebook : str
        Name of a source in `notebooks/`, for example "013".
    given : mapping
        Parameters that differ from the defaults; text is converted.
    write : callable
        Receives the progress as text, line ends included.
    out : Path, optional
        Folder in which the run's folder is made; by default `runs/` of the project.

    Returns
    -------
    Path
        The new folder, with `notebook.ipynb` and `record.json`.

    Raises
    ------
    UsageError
        If the notebook or a parameter is wrong; nothing was run then.
    ExecutionError
        If a cell fails. The notebook up to there is kept as `notebook.failed.ipynb` in a folder
        whose name ends in `.failed`, without a record.
    """
    values = check(project, notebook, given)
    out = project.runs if out is None else out
    name = run_name(notebook, values)
    with _staging(out) as staging:
        finished = _execute(
            project,
            notebook,
            values,
            identity=name,
            cwd=Path.cwd(),
            staging=staging,
            failed=(out, name),
            write=write,
        )
        for warning in _stderr(finished.notebook):
            write(f"note: {warning}\n")
        folder = staging / "finished"
        folder.mkdir()
        nbformat.write(finished.notebook, folder / "notebook.ipynb")
        store.save(finished.record, folder / "record.json")
        return _move_to_new(folder, out, name)


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
    values, problems = {}, []
    for experiment in chosen:
        try:
            values[experiment.id] = check(project, experiment.notebook, experiment.parameters)
        except UsageError as error:
            problems.append(f"experiment {experiment.id}: {error}")
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
                experiment.notebook,
                values[experiment.id],
                identity=experiment.id,
                cwd=project.root,
                staging=staging,
                failed=(project.runs, experiment.id),
                write=write,
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
            nbformat.write(finished.notebook, staging / "notebook.ipynb")
            store.save(finished.record, staging / "record.json")
            project.records.mkdir(exist_ok=True)
            project.page(experiment).parent.mkdir(parents=True, exist_ok=True)
            # The two renames are the only steps that touch committed files.
            os.replace(staging / "notebook.ipynb", project.page(experiment))
            os.replace(staging / "record.json", project.record(experiment))
    return found


def sources(notebook: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Kind and text of each cell that was written by hand, for comparing source and page."""
    return [
        (cell["cell_type"], cell["source"])
        for cell in notebook["cells"]
        if INJECTED not in cell.get("metadata", {}).get("tags", [])
    ]


def normalise(notebook: Any) -> Any:
    """Strip, in place, what differs between two runs that gave the same results.

    Execution times, papermill's and jupytext's notes, random cell ids, versions of kernel and
    language, and the text chunks that matplotlib writes into a PNG.

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
    notebook.metadata = nbformat.from_dict(METADATA)
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


class _Engine(NBClientEngine):  # type: ignore[misc]
    """papermill's engine, telling of each cell as it begins and ends."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, *, write: Write, **kwargs: Any
    ) -> Any:
        begin, end = nb_man.cell_start, nb_man.cell_complete
        began = time.monotonic()
        width = len(str(len(nb_man.nb.cells)))

        def cell_start(cell: Any, cell_index: int, **kwargs: Any) -> None:
            nonlocal began
            began = time.monotonic()
            if cell.cell_type == "code":
                number = f"{cell_index + 1:{width}}/{len(nb_man.nb.cells)}"
                write(f"  [{number}] {_head(cell.source):<64}")
            begin(cell, cell_index, **kwargs)

        def cell_complete(cell: Any, cell_index: int, **kwargs: Any) -> None:
            end(cell, cell_index=cell_index, **kwargs)
            if cell.cell_type == "code":
                write(f" {time.monotonic() - began:7.1f} s\n")

        nb_man.cell_start, nb_man.cell_complete = cell_start, cell_complete
        return super().execute_managed_notebook(nb_man, kernel_name, **kwargs)


papermill_engines.register(_ENGINE, _Engine)


def _execute(
    project: Project,
    notebook: str,
    values: Mapping[str, Any],
    *,
    identity: str,
    cwd: Path,
    staging: Path,
    failed: tuple[Path, str],
    write: Write,
    clean: bool = False,
) -> Run:
    node = project.read_source(notebook)
    effective = {name: p.default for name, p in declared(node).items()} | dict(values)
    partial = staging / "notebook.failed.ipynb"
    going = provenance.Run(project.root, clean=clean)
    try:
        executed = papermill.execute_notebook(
            node,
            partial,
            parameters=dict(values),
            engine_name=_ENGINE,
            kernel_name="python3",
            progress_bar=False,
            cwd=cwd,
            # Without it ipykernel warns, on its stderr, about unencrypted TCP.
            config=Config({"KernelManager": {"transport_encryption": "auto"}}),
            # It also calls being told to stop, at the end of every run, an error.
            extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
            write=write,
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
        "id": identity,
        "notebook": notebook,
        "parameters": effective,
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
    seconds, unknown = 0.0, []
    for experiment in chosen:
        try:
            seconds += store.load(experiment.id, project.records)["provenance"]["wall_seconds"]
        except store.RecordError:
            unknown.append(experiment.id)
    parts = [f"{len(chosen)} to run"]
    if len(unknown) < len(chosen):
        parts.append(f"last time they took {seconds / 60:.1f} min in all")
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
