"""The themes' own templates are not published: they name scripts that no page has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

TEMPLATES = "*webpack-macros.html"  # of the theme, and of the theme that it builds on


def remove_templates(app: Sphinx, error: Exception | None) -> None:
    """Remove what themes copy beside the scripts, and read when they write pages only."""
    if error is None and app.builder.format == "html":
        for template in (Path(app.outdir) / "_static").glob(TEMPLATES):
            template.unlink()


def setup(app: Sphinx) -> dict[str, Any]:
    """Remove them when the pages are written."""
    app.connect("build-finished", remove_templates)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
