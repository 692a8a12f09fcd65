"""Figures of pages that are not notebooks, drawn from the records at the start of each build."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from synthtab import plots, results

EXPERIMENTS = (
    "011_standin",
    "012_standin",
    "013_standin",
    "011_public",
    "012_public",
    "013_public",
)


def draw(app: Sphinx) -> None:
    """Write `book/_figures/overview.png`, which the home page shows."""
    try:
        records = {name: results.load(name, app.srcdir / "records") for name in EXPERIMENTS}
    except results.RecordError as error:
        raise ExtensionError(f"the figure of the home page cannot be drawn: {error}") from error
    path = app.srcdir / "book" / "_figures" / "overview.png"
    path.parent.mkdir(exist_ok=True)
    plots.overview(records).savefig(path, metadata={"Software": None})


def setup(app: Sphinx) -> dict[str, Any]:
    """Draw before the pages are read."""
    app.connect("builder-inited", draw)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
