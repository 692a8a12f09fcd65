"""Figures of pages that are not notebooks, drawn from the records at the start of each build."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from matplotlib.figure import Figure
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from seds500 import plots
from seds500.claims.evidence import PRIVACY, is_there
from seds500.pages import results_figures
from seds500.records import store
from seds500.records.committed import Records, runs

DPI = 170  # sharp in print and on a projector, which show a figure wider than a page does


def overview(records: Records) -> Figure:
    """The figure of the home page."""
    stored = {run: store.load(run, records.folder) for run, _, _ in runs()}
    return plots.overview(stored)


FIGURES: Mapping[str, Callable[[Records], Figure]] = {
    "overview": overview,
    "scores": results_figures.scores,
    "cost": results_figures.cost,
    "leakage": results_figures.leakage,
    "dimension": results_figures.dimension,
}
"""By the name of their file in `book/_figures`."""


def made_by(name: str) -> str:
    """The full name of the function of the package that draws a figure.

    Examples
    --------
    >>> made_by("overview"), made_by("scores")
    ('seds500.plots.overview', 'seds500.pages.results_figures.scores')
    """
    function = plots.overview if name == "overview" else FIGURES[name]
    return f"{function.__module__}.{function.__qualname__}"


def draw(app: Sphinx) -> None:
    """Write every figure to `book/_figures`."""
    folder = app.srcdir / "book" / "_figures"
    folder.mkdir(exist_ok=True)
    records = Records(app.srcdir / "records")
    for name, figure in FIGURES.items():
        if name == "leakage" and not is_there(records, PRIVACY):
            continue
        try:
            drawn = figure(records)
        except store.RecordError as error:
            raise ExtensionError(f"the figure {name!r} cannot be drawn: {error}") from error
        drawn.savefig(folder / f"{name}.png", dpi=DPI, metadata={"Software": None})


def setup(app: Sphinx) -> dict[str, Any]:
    """Draw before the pages are read."""
    app.connect("builder-inited", draw)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
