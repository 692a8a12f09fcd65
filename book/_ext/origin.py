"""Below each figure and table: the records that it was made from, and its code.

The records lie beside the built pages, in the folder `_records`, so that the links work from a disk
as they do from a server. On paper the line is left out.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from seds500.records import Records, record_path
from seds500.records.store import PUBLISHED

FOLDER = "_records"
CODE_PAGE = "book/api_figures"


def full_name(made: Callable[..., Any]) -> str:
    """The full name of a function."""
    return f"{made.__module__}.{made.__qualname__}"


def to_function(env: BuildEnvironment, name: str) -> nodes.Node:
    """A link to a function's description, which leads on to its source; without it, the name."""
    if CODE_PAGE not in env.found_docs:
        return nodes.literal(name, name)
    at = {"refdomain": "py", "reftype": "func", "reftarget": name, "refexplicit": True}
    return addnodes.pending_xref("", nodes.inline("", "code"), refdoc=env.docname, **at)


def line(env: BuildEnvironment, records: Iterable[str], code: nodes.Node) -> nodes.paragraph:
    """The line below a figure or table: its records, of those that exist, and its code."""
    up = "../" * env.docname.count("/")
    names = sorted(filter(Records(env.srcdir / "records").exists, set(records)))
    shown = nodes.paragraph("", "record " if len(names) == 1 else "records ", classes=["made-by"])
    for i, name in enumerate(names):
        shown += nodes.Text(", " if i else "")
        # A reference of its own kind: Sphinx would look for a page of the book.
        shown += nodes.reference("", name, refuri=f"{up}{FOLDER}/{name}.json", internal=False)
    shown += nodes.Text(" · ")
    shown += code
    return shown


def copy_records(app: Sphinx, error: Exception | None) -> None:
    """Put the records beside the pages."""
    if error is None and app.builder.format == "html":
        target = Path(app.outdir) / FOLDER
        target.mkdir(exist_ok=True)
        for path in [*(Path(app.srcdir) / "records").glob("*.json"), record_path(PUBLISHED)]:
            shutil.copyfile(path, target / path.name)


def setup(app: Sphinx) -> dict[str, Any]:
    """Copy the records when the pages are written."""
    app.connect("build-finished", copy_records)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
