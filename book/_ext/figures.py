"""Figures of pages that are not notebooks, drawn from the records at the start of each build."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from seds500.pages import benchmark, privacy_benchmarks, results
from seds500.records import RecordError, Records

FIGURES = {
    **results.FIGURES,
    "drawn_rows": benchmark.drawn_rows,
    "frontier": privacy_benchmarks.frontier,
}

DPI = 170  # sharp in print and on a projector, which show a figure wider than a page does


def made_by(name: str) -> str:
    """The full name of the function that draws a figure.

    Examples
    --------
    >>> made_by("overview")
    'seds500.pages.results.overview'
    """
    return f"{FIGURES[name].__module__}.{FIGURES[name].__qualname__}"


def draw(app: Sphinx) -> None:
    """Write every figure to `book/_figures`."""
    folder = app.srcdir / "book" / "_figures"
    folder.mkdir(exist_ok=True)
    records = Records(app.srcdir / "records")
    for name, figure in FIGURES.items():
        try:
            drawn = figure(records)
        except RecordError as error:
            raise ExtensionError(f"the figure {name!r} cannot be drawn: {error}") from error
        drawn.savefig(folder / f"{name}.png", dpi=DPI, metadata={"Software": None})


def setup(app: Sphinx) -> dict[str, Any]:
    """Draw before the pages are read."""
    app.connect("builder-inited", draw)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
