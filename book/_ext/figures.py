"""Figures of pages that are not notebooks, drawn from the records at the start of each build."""

from __future__ import annotations

import json
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

import origin
from seds500.pages import benchmark, front, literature, privacy_benchmarks, results, slides
from seds500.records import RecordError, Records

FIGURES = {
    **front.FIGURES,
    **results.FIGURES,
    **slides.FIGURES,
    "drawn_rows": benchmark.drawn_rows,
    "budgets": literature.budgets,
    "frontier": privacy_benchmarks.frontier,
}

ANIMATED = "how_diffusion_works"  # the chapter with the animation

NARROW = "_narrow"  # ends the name of a figure drawn a second time, for the width of a phone

DPI = 170  # sharp in print and on a projector, which show a figure wider than a page does


USED: dict[str, frozenset[str]] = {}
"""The records that each figure was drawn from, known once it is drawn."""


def made_by(name: str) -> str:
    """The full name of the function that draws a figure.

    Examples
    --------
    >>> made_by("overview")
    'seds500.pages.results.overview'
    """
    return origin.full_name(FIGURES[name])


def draw(app: Sphinx) -> None:
    """Write every figure to `book/_figures`."""
    folder = app.srcdir / "book" / "_figures"
    folder.mkdir(exist_ok=True)
    for name, figure in FIGURES.items():
        records = Records(app.srcdir / "records")
        try:
            drawn = figure(records)
        except RecordError as error:
            raise ExtensionError(f"the figure {name!r} cannot be drawn: {error}") from error
        drawn.savefig(folder / f"{name}.png", dpi=DPI, metadata={"Software": None})
        USED[name] = frozenset(records.used)


def copy_animation(app: Sphinx) -> None:
    """Take the animation out of the chapter that made it, for the slides."""
    page = app.srcdir / "notebooks" / f"{ANIMATED}.ipynb"
    cells = json.loads(page.read_text(encoding="utf-8"))["cells"]
    shown = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    try:
        (moving,) = (data["image/svg+xml"] for data in shown if "image/svg+xml" in data)
    except ValueError as error:
        raise ExtensionError(f"{page.name} should show one SVG picture: {error}") from error
    target = app.srcdir / "book" / "_figures" / "animation.svg"
    target.write_text("".join(moving), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Draw before the pages are read."""
    app.connect("builder-inited", draw)
    app.connect("builder-inited", copy_animation)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
