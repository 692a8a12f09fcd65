"""What may be set in a notebook: the typed assignments of its cell tagged `parameters`.

Such a cell reads, for example::

    source: str = "standin"  # standin, public, or the path of a table
    seeds: list[int] = [0, 1, 2]  # one repetition per seed
    n_synthetic: NonNegativeInt = 0  # rows to generate; 0: as many as real ones

Each line is a declaration: name, type, default and help, as `papermill --help-notebook` lists them.
papermill itself would run a notebook with a misspelt parameter or a value of the wrong type;
`resolve` refuses both before anything runs.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pydantic
import yaml
from papermill.translators import PythonTranslator

TAG = "parameters"
# The one parameter with a meaning of its own: where the table comes from (`datasets.load`).
SOURCE = "source"
NAMED_SOURCES = ("standin", "public")

# Choices have a name, since papermill lists no parameter whose type holds quotes.
Experiment = Literal["011", "012", "013"]
Setting = Literal["both", "replacement", "augmentation"]

_TYPES: dict[str, Any] = {
    **{kind.__name__: kind for kind in (bool, int, float, str, list, dict)},
    "Experiment": Experiment,
    "Setting": Setting,
    "PositiveInt": pydantic.PositiveInt,
    "NonNegativeInt": pydantic.NonNegativeInt,
    "PositiveFloat": pydantic.PositiveFloat,
    "NonNegativeFloat": pydantic.NonNegativeFloat,
}

# A record holds the parameters, and JSON has neither NaN nor infinity.
_FINITE = pydantic.ConfigDict(allow_inf_nan=False)


class ParameterError(ValueError):
    """Parameters that a notebook does not take, or a cell that does not declare them."""


class _Loader(yaml.SafeLoader):
    """YAML in which `1e-3` is a number, as in Python; YAML 1.1 asks for a dot in it."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


def read_yaml(text: str) -> Any:
    """Read YAML, with `1e-3` as a number.

    Examples
    --------
    >>> read_yaml("{rates: [1e-3, 0.5], name: adam}")
    {'rates': [0.001, 0.5], 'name': 'adam'}
    """
    return yaml.load(text, Loader=_Loader)


@dataclass(frozen=True)
class Parameter:
    """One declared parameter of a notebook."""

    name: str
    annotation: str
    adapter: pydantic.TypeAdapter[Any]
    default: Any
    help: str

    def convert(self, value: Any) -> Any:
        """Turn a given value into one of the declared type.

        Text, as it comes from a command line, may spell a number, a truth value or, in YAML, a
        list. Any other value has to be of the type already.

        Raises
        ------
        ValueError
            Saying what the value should be.
        """
        try:
            return self._validate(value)
        except pydantic.ValidationError as error:
            reasons = sorted({f"{e['msg'][:1].lower()}{e['msg'][1:]}" for e in error.errors()})
            raise ValueError("; ".join(reasons)) from None

    def _validate(self, value: Any) -> Any:
        if not isinstance(value, str):
            return self.adapter.validate_python(value, strict=True)
        try:
            return self.adapter.validate_strings(value)
        except pydantic.ValidationError as error:
            try:
                parsed = read_yaml(value)
            except yaml.YAMLError:
                raise error from None
            if isinstance(parsed, str):
                raise
            return self.adapter.validate_python(parsed, strict=True)

    def __str__(self) -> str:
        text = f"{self.name}: {self.annotation} = {self.default!r}"
        return f"{text}  # {self.help}" if self.help else text


def parameters_cell(notebook: Mapping[str, Any]) -> Any:
    """The cell tagged `parameters`; None where there is none.

    Raises
    ------
    ParameterError
        If several cells are tagged.
    """
    cells = [c for c in notebook["cells"] if TAG in c.get("metadata", {}).get("tags", [])]
    if len(cells) > 1:
        raise ParameterError(f"{len(cells)} cells are tagged {TAG!r}; keep one")
    return cells[0] if cells else None


def declared(notebook: Mapping[str, Any]) -> dict[str, Parameter]:
    """The parameters of a notebook, in the order of its `parameters` cell.

    Parameters
    ----------
    notebook : mapping
        A notebook as nbformat or jupytext reads it.

    Returns
    -------
    dict of str to Parameter
        Empty when no cell is tagged.

    Raises
    ------
    ParameterError
        If the cell holds anything but typed assignments of literals, or a default that is not
        of its type.
    """
    cell = parameters_cell(notebook)
    return {} if cell is None else parse(cell["source"])


def parse(source: str) -> dict[str, Parameter]:
    """Read declarations from the source of a cell, without running it.

    They are those that `papermill --help-notebook` lists. What papermill passes over in silence,
    such as a type with quotes in it, is an error here.

    Raises
    ------
    ParameterError
        As `declared`.

    Examples
    --------
    >>> for parameter in parse("seed: int = 0  # of the split\\nquick: bool = False").values():
    ...     print(parameter)
    seed: int = 0  # of the split
    quick: bool = False
    """
    listed = {p.name: p for p in PythonTranslator.inspect({"source": source})}
    found: dict[str, Parameter] = {}
    problems = []
    for node in _statements(source):
        text = ast.get_source_segment(source, node)
        name = node.target.id if _is_declaration(node) else ""
        if name not in listed:
            problems.append(f"{text!r} should read `name: type = default  # help`")
            continue
        annotation, default = listed[name].inferred_type_name, listed[name].default
        try:
            # The annotation comes from a notebook whose code is about to be run anyway; the
            # namespace only says which types a parameter may have.
            kind = eval(annotation, {"__builtins__": {}}, _TYPES)
            adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(kind, config=_FINITE)
        except (NameError, TypeError, pydantic.PydanticSchemaGenerationError) as error:
            problems.append(f"{name}: no type {annotation!r} ({error}); known: {', '.join(_TYPES)}")
            continue
        try:
            value = adapter.validate_python(ast.literal_eval(default), strict=True)
        except ValueError as error:
            problems.append(f"{name}: the default {default} does not fit: {error}")
            continue
        found[name] = Parameter(name, annotation, adapter, value, listed[name].help)
    if problems:
        raise ParameterError("the parameters cell cannot be read:\n  " + "\n  ".join(problems))
    return found


def with_values(source: str, values: Mapping[str, Any]) -> str:
    """The source of a parameters cell with other defaults; types and comments stay.

    Examples
    --------
    >>> with_values("seed: int = 0  # of the split\\nquick: bool = False", {"seed": 7})
    'seed: int = 7  # of the split\\nquick: bool = False'
    """
    lines = source.encode().splitlines(keepends=True)  # ast counts bytes
    for node in reversed(_statements(source)):
        if _is_declaration(node) and node.target.id in values:
            first, last = node.value.lineno - 1, node.value.end_lineno - 1
            text = PythonTranslator.translate(values[node.target.id]).encode()
            before, after = lines[first][: node.value.col_offset], lines[last]
            lines[first : last + 1] = [before + text + after[node.value.end_col_offset :]]
    return b"".join(lines).decode()


def _statements(source: str) -> list[Any]:
    try:
        return list(ast.parse(source).body)
    except SyntaxError as error:
        raise ParameterError(f"the parameters cell is not Python: {error}") from error


def _is_declaration(node: Any) -> bool:
    return (
        isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and node.value is not None
    )


def resolve(known: Mapping[str, Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """Check given values against the declarations and convert them.

    Parameters
    ----------
    known : mapping of str to Parameter
        As `declared` returns it.
    given : mapping
        Names and values; text is converted.

    Returns
    -------
    dict
        The given parameters, and only these, with values of their types.

    Raises
    ------
    ParameterError
        Naming every unknown parameter and every value that does not fit, with what was got; then
        what is known.

    Examples
    --------
    >>> known = parse("seed: int = 0\\nrate: float = 0.1")
    >>> resolve(known, {"rate": "1e-3"})
    {'rate': 0.001}
    >>> resolve(known, {"sede": "1", "rate": "high"})
    Traceback (most recent call last):
        ...
    seds500.runner.parameters.ParameterError: sede: got '1', but there is no such parameter (seed?)
    rate: got 'high', should be float: input should be a valid number, unable to parse...
    known parameters:
      seed: int = 0
      rate: float = 0.1
    """
    values: dict[str, Any] = {}
    problems = []
    for name, value in given.items():
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f" ({close[0]}?)" if close else ""
            problems.append(f"{name}: got {value!r}, but there is no such parameter{hint}")
            continue
        try:
            values[name] = known[name].convert(value)
        except ValueError as error:
            kind = known[name].annotation
            problems.append(f"{name}: got {value!r}, should be {kind}: {error}")
            continue
        if name == SOURCE and not _is_source(values[name]):
            problems.append(
                f"{name}: got {value!r}, should be {', '.join(NAMED_SOURCES)} or the path of a "
                "file, and there is no such file"
            )
    if problems:
        listing = describe(known)
        raise ParameterError("\n".join([*problems, listing]))
    return values


def describe(known: Mapping[str, Parameter]) -> str:
    """The declarations as text, one a line."""
    if not known:
        return "known parameters: none"
    return "\n  ".join(["known parameters:", *map(str, known.values())])


def _is_source(value: Any) -> bool:
    return value in NAMED_SOURCES or Path(value).is_file()
