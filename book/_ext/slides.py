"""The page `book/slides` becomes a reveal.js presentation when the book is built.

It is a page like any other, so that its numbers, tables, figures and verdicts come from the records
by the same roles and directives, and a missing one fails the build. Its title and the text below
make the first slide, each of its sections another. An aside of the class `notes` holds what the
speaker says; it is seen in the speaker's view (key S).

reveal.js lies in the package sphinx-revealjs and is copied from there: nothing is loaded from a
network. In the one-file edition that is printed, the slides are left out.
"""

from __future__ import annotations

import shutil
from importlib import resources, util
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder
from sphinx.errors import ExtensionError

PAGE = "book/slides"
FILES = (
    "LICENSE",
    "dist/reset.css",
    "dist/reveal.css",
    "dist/reveal.js",
    "plugin/notes/notes.js",
)
"""What a presentation needs of reveal.js."""


def slides(page: nodes.document) -> list[nodes.section]:
    """The slides of a page: its title with the text before the first section, then each section.

    Raises
    ------
    ExtensionError
        If the page has no title or no section.
    """
    top = next((child for child in page.children if isinstance(child, nodes.section)), None)
    if top is None:
        raise ExtensionError(f"{PAGE} has no title: begin it with a heading")
    following = [child.deepcopy() for child in top.children if isinstance(child, nodes.section)]
    if not following:
        raise ExtensionError(f"{PAGE} has no slides: each section (## Heading) is one")
    first = top.deepcopy()
    first.children = [child for child in first.children if not isinstance(child, nodes.section)]
    first["classes"] = [*first["classes"], "title-slide"]
    found = [first, *following]
    for slide in found:
        # A role that failed has warned already; its link to the warning leads out of the slide.
        for failed in list(slide.findall(nodes.problematic)):
            failed.replace_self(nodes.Text(failed.astext()))
    return found


def present(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> str | None:
    """Hand the page's slides to the template of a presentation."""
    builder = app.builder
    if page != PAGE or doctree is None or not isinstance(builder, StandaloneHTMLBuilder):
        return None
    permalinks, builder.add_permalinks = builder.add_permalinks, False
    try:
        context["slides"] = [builder.render_partial(slide)["fragment"] for slide in slides(doctree)]
    finally:
        builder.add_permalinks = permalinks
    return "slides.html"


def leave_out(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Take the slides out of the one-file edition."""
    if app.builder.name == "singlehtml":
        for file in list(doctree.findall(addnodes.start_of_file)):
            if file["docname"] == PAGE:
                file.parent.remove(file)


def copy_reveal(app: Sphinx, error: Exception | None) -> None:
    """Put the files of reveal.js beside the pages."""
    if error is not None or app.builder.name != "html" or PAGE not in app.env.found_docs:
        return
    if util.find_spec("sphinx_revealjs") is None:
        raise ExtensionError("sphinx-revealjs is missing: pip install -r requirements.txt")
    source = resources.files("sphinx_revealjs") / "_static" / "revealjs"
    for name in FILES:
        target = Path(app.outdir) / "_static" / "reveal" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with resources.as_file(source / name) as path:
            shutil.copyfile(path, target)


def setup(app: Sphinx) -> dict[str, Any]:
    """Let the page be a presentation."""
    app.connect("html-page-context", present)
    app.connect("doctree-resolved", leave_out)
    app.connect("build-finished", copy_reveal)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
