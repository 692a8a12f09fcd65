"""Titles of the pages that share a notebook: which experiment, on which table."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from seds500.records.committed import runs, title


def complete(app: Sphinx, document: nodes.document) -> None:
    """Add the run to the title of an experiment's page."""
    page = app.env.docname.rpartition("/")[2]
    heading = next(document.findall(nodes.title), None)
    if heading is not None and page in {run for run, _, _ in runs()}:
        heading += nodes.Text(f" {title(page)}")


def setup(app: Sphinx) -> dict[str, Any]:
    """Complete titles before Sphinx collects them."""
    app.connect("doctree-read", complete, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
