"""The directive `explore`: a figure that the reader changes, with its numbers in a table beside it.

The figure is drawn in the browser by Vega, which the package vl-convert-python brings along; the
build copies it beside the pages, so that nothing is loaded from a network. Without scripts, and on
paper, the picture and the table of the first choice stand there.
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

import vl_convert
from docutils import nodes
from sphinx.application import Sphinx

import origin
from records import RecordsDirective
from seds500.pages import explore
from seds500.records import Measured, Records

SCRIPT = "vega.js"
PICTURE = "explore.svg"
VEGA_LITE = "6.4"
ALT = "R² of every method with its interval, on real test rows, for the chosen table and learner"


class Explore(RecordsDirective):
    """The directive."""

    def write(self, records: Records) -> list[nodes.Node]:
        found = explore.scores(records)
        first = {key: next(iter(known)) for key, known in explore.choices().items()}
        shown = explore.chosen(found, **first)
        # The browser replaces the data in the specification by those of each choice.
        draw = explore.specification(shown)
        folder = Path(self.env.srcdir) / "book" / "_figures"
        folder.mkdir(exist_ok=True)
        still = vl_convert.vegalite_to_svg(draw | {"width": 460}, vl_version=VEGA_LITE)
        (folder / PICTURE).write_text(still, encoding="utf-8")
        kept = {"scores": [list(score) for score in found], "specification": draw}
        text = json.dumps(kept, ensure_ascii=False).replace("</", "<\\/")
        before = (
            f'<form class="explore-choices" hidden>{_selects()}</form>'
            f'<script type="application/json" id="explore-data">{text}</script>'
        )
        after = _table(shown) + f'<script defer src="../_static/{SCRIPT}"></script>'
        after += '<script defer src="../_static/explore.js"></script>'
        picture = nodes.image(uri=f"/book/_figures/{PICTURE}", alt=ALT, classes=["explore-still"])
        box = nodes.container("", picture, classes=["explore-figure"])
        return [
            nodes.raw("", before, format="html"),
            box,
            nodes.raw("", after, format="html"),
            origin.line(
                self.env,
                records.used,
                origin.to_function(self.env, origin.full_name(explore.scores)),
            ),
        ]


def _selects() -> str:
    return "".join(
        f'<label>{key} <select name="{key}">'
        + "".join(f'<option value="{escape(k)}">{escape(v)}</option>' for k, v in known.items())
        + "</select></label> "
        for key, known in explore.choices().items()
    )


def _table(shown: list[explore.Score]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(s.method)}</th>'
        f"<td>{Measured(s.mean, s.low, s.high).show('.2f')}</td><td>{s.percent:.0f}</td></tr>"
        for s in shown
    )
    return (
        '<div class="table-wrapper"><table class="table explore-table">'
        "<caption>The numbers of the figure. Brackets are intervals.</caption>"
        '<thead><tr><th scope="col">rows</th><th scope="col">R² on real test rows</th>'
        '<th scope="col">% of real rows\' R²</th></tr></thead>'
        f'<tbody aria-live="polite">{rows}</tbody></table></div>'
    )


def copy_vega(app: Sphinx, error: Exception | None) -> None:
    """Put Vega beside the pages, closed in itself: its short names are those of other scripts."""
    if error is None and app.builder.format == "html":
        script = vl_convert.javascript_bundle(vl_version=VEGA_LITE)
        target = Path(app.outdir) / "_static" / SCRIPT
        target.write_text(f"(() => {{\n{script}\n}})();\n", encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive; copy Vega when the pages are written."""
    app.add_directive("explore", Explore)
    app.connect("build-finished", copy_vega)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
