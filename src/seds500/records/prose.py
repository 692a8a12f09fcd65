"""Results in sentences: how a text names a value, and how the value is put there.

In a text, ``{res}`013_standin.utility.replacement.hybrid.rf.r2.mean:.2f` `` stands for a value of
a record, formatted as Python formats it; where the key leads to a value with its bounds, all three
are shown. `this` as the id means the run that the page shows, and
`published` the original study's figures. ``{given}`95 %` `` marks a decimal or a percentage that
was chosen (a level, a threshold, a setting) and not measured.

Pages of the book are filled when the book is built (`book/_ext/records.py`). A notebook fills its
own sentences with `say`, so that a copy that somebody runs ends in what follows from that run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from IPython.display import Markdown

from seds500.records import store
from seds500.records.committed import Measured

THIS = "this"
NOT_HERE = "(not in this run)"
"""What `say` shows for a value that a run with other parameters did not compute."""

_ROLE = re.compile(r"\{(res|given)\}`([^`]+)`")


def split(text: str, page: str = THIS) -> tuple[str, str]:
    """Key and format of a role's text; `page` is the id that `this` stands for.

    Examples
    --------
    >>> split("this.hybrid.r2:.2f", "013_public")
    ('013_public.hybrid.r2', '.2f')
    """
    key, _, spec = text.strip().partition(":")
    if key.split(".")[0] == THIS:
        key = page + key.removeprefix(THIS)
    return key, spec


def show(key: str, value: Any, spec: str = "") -> str:
    """The value of a key as text, with a typographic minus, and with its bounds where it has any.

    Raises
    ------
    ValueError
        If the format does not suit the value, or the value is a list, or a dictionary without
        ``low``, ``high`` and one of ``mean`` and ``value``.

    Examples
    --------
    >>> show("run.loss", -0.256, ".2f")
    '−0.26'
    >>> show("run.auc", {"value": 0.712, "low": 0.66, "high": 0.764}, ".2f")
    '0.71 [0.66, 0.76]'
    """
    try:
        if isinstance(value, dict) and {"low", "high"} <= value.keys():
            return Measured.of(value, "mean" if "mean" in value else "value").show(spec)
        if isinstance(value, list | dict) or value is None:
            raise TypeError("it is not a single value")
        text = format(value, spec)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{key!r} cannot be shown with the format {spec!r}: {error}") from error
    return text if isinstance(value, str) else text.replace("-", "−")


def fill(
    text: str, values: Mapping[str, Any] | None = None, records_dir: str | Path | None = None
) -> str:
    """Put results into a text.

    Parameters
    ----------
    text : str
        Markdown with the roles `res` and `given`.
    values : mapping, optional
        Results of this run, as they are handed to `seds500.records.store.record`.
    records_dir : str or Path, optional
        Folder of the other records, as `seds500.records.store.load` takes it.

    Returns
    -------
    str
        The text without roles. Where `values` lacks a value, it says so.

    Raises
    ------
    RecordError
        If another record, or a value in it, does not exist.
    ValueError
        If a value cannot be shown with its format.

    Examples
    --------
    >>> fill("It keeps {res}`this.r2:.0%`, {given}`95 %` of it twice.", {"r2": 0.93})
    'It keeps 93%, 95 % of it twice.'
    """

    def value(role: re.Match[str]) -> str:
        if role[1] == "given":
            return role[2]
        key, spec = split(role[2])
        name, *steps = key.split(".")
        if name != THIS:
            return show(key, store.lookup(records_dir, key), spec)
        try:
            found = store.pick(values or {}, steps, name)
        except store.RecordError:
            return NOT_HERE
        return show(key, found, spec)

    return _ROLE.sub(value, text)


def listed(words: Sequence[str]) -> str:
    """Words as a list in a sentence.

    Examples
    --------
    >>> listed(["one", "two", "three"]), listed(["one"])
    ('one, two and three', 'one')
    """
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def say(text: str, values: Mapping[str, Any] | None = None) -> Markdown:
    """Show a text in a notebook, with results put into it; see `fill`.

    Examples
    --------
    >>> say("The R² is {res}`this.r2:.2f`.", {"r2": 0.93}).data
    'The R² is 0.93.'
    """
    return Markdown(fill(text, values))  # type: ignore[no-untyped-call]
