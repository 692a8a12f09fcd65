"""Where a working copy keeps sources, pages and records, and what each run is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import jupytext
import nbformat
import pydantic

from seds500.runner.parameters import (
    Parameter,
    ParameterError,
    declared,
    parameters_cell,
    read_yaml,
    resolve,
    with_values,
)

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "pygments_lexer": "ipython3",
    },
}
"""Of every notebook: what kernel and language say of themselves changes with their versions."""

DEFAULT_SOURCE = "standin"
"""The table that an experiment's number alone stands for: "013" is the run "013_standin"."""


class UsageError(ValueError):
    """A request that cannot be carried out; nothing was run."""


@dataclass(frozen=True)
class Experiment:
    """A notebook with some of its parameters set.

    Attributes
    ----------
    id : str
        Name of the page and record, where the run is committed.
    notebook : str
        Name of the source in `notebooks/`.
    parameters : mapping
        Those that differ from the source's defaults.
    """

    id: str
    notebook: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


class _Entry(pydantic.BaseModel):
    """What `experiments.yml` says of a run."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True)
    notebook: str
    parameters: dict[str, Any] = {}


_Id = Annotated[str, pydantic.StringConstraints(strict=True, pattern=r"^[A-Za-z0-9_-]+$")]
_ENTRIES = pydantic.TypeAdapter(dict[_Id, _Entry])


@dataclass(frozen=True)
class Project:
    """A working copy; the only place that knows its folders.

    Examples
    --------
    >>> Project(Path("copy")).source("experiment").as_posix()
    'copy/notebooks/experiment.py'
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
        """The folder of the committed records."""
        return self.root / "records"

    @property
    def runs(self) -> Path:
        """The folder of a user's own runs."""
        return self.root / "runs"

    def source(self, notebook: str) -> Path:
        """The file of a notebook's source."""
        return self.root / "notebooks" / f"{notebook}.py"

    def page(self, experiment: Experiment) -> Path:
        """The executed notebook of a committed run."""
        return self.root / "notebooks" / f"{experiment.id}.ipynb"

    def record(self, experiment: Experiment) -> Path:
        """The record of a committed run."""
        return self.records / f"{experiment.id}.json"

    def notebooks(self) -> list[str]:
        """Names of the notebook sources."""
        return sorted(path.stem for path in (self.root / "notebooks").glob("*.py"))

    def experiments(self) -> dict[str, Experiment]:
        """The committed runs, from `experiments.yml`.

        Raises
        ------
        UsageError
            Naming everything in it that is not `id: {notebook: name, parameters: {…}}`.
        """
        text = (self.root / "experiments.yml").read_text(encoding="utf-8")
        try:
            entries = _ENTRIES.validate_python(read_yaml(text) or {})
        except pydantic.ValidationError as error:
            problems = (
                f"  {'.'.join(map(str, e['loc']))}: {e['msg']}, got {e['input']!r}"
                for e in error.errors()
            )
            raise UsageError(
                "experiments.yml should hold `id: {notebook: name, parameters: {…}}`, a name such "
                'as "013" in quotes:\n' + "\n".join(problems)
            ) from None
        return {key: Experiment(key, e.notebook, e.parameters) for key, e in entries.items()}

    def find_experiment(self, name: str) -> Experiment:
        """What a name stands for on the command line.

        Parameters
        ----------
        name : str
            An id of `experiments.yml`; an experiment's number, for its run on the stand-in; or a
            source in `notebooks/`, with its own defaults.

        Raises
        ------
        UsageError
            If it is none of these; lists those that are.
        """
        committed = self.experiments()
        for key in (name, f"{name}_{DEFAULT_SOURCE}"):
            if key in committed:
                return committed[key]
        if name in self.notebooks():
            return Experiment(name, name)
        raise UsageError(f"no notebook {name!r}; known: {', '.join(self.names()) or 'none'}")

    def names(self) -> list[str]:
        """Every name that `find_experiment` knows."""
        committed = self.experiments()
        ends = f"_{DEFAULT_SOURCE}"
        numbers = [key.removesuffix(ends) for key in committed if key.endswith(ends)]
        return sorted({*committed, *numbers, *self.notebooks()})

    def read(self, experiment: Experiment) -> Any:
        """The source of an experiment as a notebook, with the experiment's parameters in it.

        The values stand in the parameters cell itself, so that whoever runs the page again, with
        `papermill -p` or by hand, changes those that they name and keeps the others.

        Raises
        ------
        UsageError
            If there is no such source, or its parameters cell cannot be read, or a parameter is
            unknown or does not fit.
        """
        if experiment.notebook not in self.notebooks():
            raise UsageError(
                f"experiment {experiment.id}: no notebook {experiment.notebook!r} in notebooks/; "
                f"known: {', '.join(self.notebooks()) or 'none'}"
            )
        node = jupytext.read(self.source(experiment.notebook), fmt="py:percent")
        node.metadata = nbformat.from_dict(METADATA)
        try:
            known = declared(node)
        except ParameterError as error:
            raise UsageError(f"notebooks/{experiment.notebook}.py: {error}") from error
        try:
            values = resolve(known, experiment.parameters)
        except ParameterError as error:
            raise UsageError(f"{experiment.id}, parameters:\n{error}") from error
        if values:
            cell = parameters_cell(node)
            cell["source"] = with_values(cell["source"], values)
        return node

    def parameters(self, experiment: Experiment) -> dict[str, Parameter]:
        """The parameters of an experiment, its own values being the defaults.

        Raises
        ------
        UsageError
            As `read`.
        """
        return declared(self.read(experiment))
