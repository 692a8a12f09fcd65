"""The theme's own template is not published: it names scripts that no page has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

TEMPLATE = "webpack-macros.html"


def remove_template(app: Sphinx, error: Exception | None) -> None:
    """Remove what the theme copies beside the scripts, and reads when it writes pages only."""
    if error is None and app.builder.format == "html":
        (Path(app.outdir) / "_static" / TEMPLATE).unlink(missing_ok=True)


def setup(app: Sphinx) -> dict[str, Any]:
    """Remove it when the pages are written."""
    app.connect("build-finished", remove_template)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
