"""What makes pages good to read: folded code, numbered figures, and a link to what drew each.

- The code of a notebook's cells is folded away until it is asked for.
- Every figure with a caption gets a number, whether it stands in a page or in a notebook.
- A figure that is drawn from records names the function that drew it and links to it; a notebook's
  figure has its code right above it.
- `book/captions.yml` has the captions of what a notebook's cells show. A figure is found there by
  its alternative text, a table by a piece of its cell's code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.writers.html5 import HTML5Translator

import figures

PROMPTS = ("Show the code", "Hide the code")
DEFAULT_PROMPT = "Show code cell {type}"
CODE_PAGE = "book/api_figures"
CAPTIONS = Path("book") / "captions.yml"


class NumberedTable(nodes.General, nodes.Element):
    """A notebook's output with a caption, numbered among the tables."""


def caption_of(node: nodes.Element) -> str | None:
    """The caption of a numbered table as text."""
    found = next(iter(node.findall(nodes.caption)), None)
    return None if found is None else found.astext()


def captions(root: Path) -> Mapping[str, Mapping[str, str]]:
    """Captions by kind (`figures`, `tables`) and key; none where the file is missing."""
    path = root / CAPTIONS
    if not path.exists():
        return {"figures": {}, "tables": {}}
    found: Mapping[str, Mapping[str, str]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def cells(document: nodes.document) -> Iterator[nodes.container]:
    """The code cells of a notebook's page."""
    for node in list(document.findall(nodes.container)):
        if node.get("nb_element") == "cell_code":
            yield node


class FoldCode(SphinxTransform):
    """Fold the code of every cell that is not folded already."""

    default_priority = 400

    def apply(self, **_: Any) -> None:
        for cell in cells(self.document):
            cell.setdefault("hide_mode", "input")
            if cell.get("prompt_show", DEFAULT_PROMPT) == DEFAULT_PROMPT:
                cell["prompt_show"], cell["prompt_hide"] = PROMPTS
            if cell["hide_mode"] == "input" and "tag_hide-input" not in cell["classes"]:
                cell["classes"].append("tag_hide-input")


class Caption(SphinxTransform):
    """Put the captions of `book/captions.yml` to what cells show."""

    default_priority = 401

    def apply(self, **_: Any) -> None:
        known = captions(Path(self.env.srcdir))
        self.env.note_dependency(str(Path(self.env.srcdir) / CAPTIONS))
        for cell in cells(self.document):
            output = cell.children[-1]
            if output.get("nb_element") != "cell_code_output":
                continue
            for shown in list(output.children):
                image = next(iter(shown.findall(nodes.image)), None)
                words = None if image is None else known["figures"].get(image.get("alt", ""))
                if words and not next(iter(shown.findall(nodes.figure)), None):
                    figure = nodes.figure()
                    output.replace(shown, figure)
                    figure += [shown, nodes.caption(words, words)]
            words = self.table(cell.children[0].astext(), known["tables"])
            if words and cell.children[0] is not output:
                table = NumberedTable("", nodes.caption(words, words), *output.children)
                output.children = []
                output += table

    def table(self, code: str, known: Mapping[str, str]) -> str | None:
        """The caption of the table that a cell shows last."""
        last = code.strip().splitlines()[-1:] or [""]
        return next((words for piece, words in known.items() if piece in last[0]), None)


class Number(SphinxTransform):
    """Give figures and tables with a caption the id without which they have no number."""

    default_priority = 402

    def apply(self, **_: Any) -> None:
        for kind, prefix in ((nodes.figure, "figure"), (NumberedTable, "table")):
            for node in self.document.findall(kind):
                if not node["ids"] and any(isinstance(c, nodes.caption) for c in node.children):
                    node["ids"].append(nodes.make_id(f"{prefix}-{self.serial()}"))

    def serial(self) -> int:
        """A number that no other id of the page has."""
        return self.env.new_serialno("reading")


class MadeBy(SphinxTransform):
    """Name the function that drew a figure, below its caption."""

    default_priority = 403

    def apply(self, **_: Any) -> None:
        for figure in self.document.findall(nodes.figure):
            image = next(iter(figure.findall(nodes.image)), None)
            path = PurePosixPath("" if image is None else image["uri"])
            if path.parent.name == "_figures" and path.stem in figures.FIGURES:
                words = nodes.paragraph("", "Drawn from the records by ", classes=["made-by"])
                words += self.link(figures.made_by(path.stem))
                figure += nodes.legend("", words)

    def link(self, name: str) -> nodes.Node:
        """The function's name, linked to its description where the book has one."""
        shown = nodes.literal(name, name)
        if CODE_PAGE not in self.env.found_docs:
            return shown
        return addnodes.pending_xref(
            "", shown, refdomain="py", reftype="func", reftarget=name, refdoc=self.env.docname
        )


def visit_table(self: HTML5Translator, node: NumberedTable) -> None:
    """Open the figure that holds a table."""
    self.body.append(self.starttag(node, "figure", CLASS="numbered-table"))


def depart_table(self: HTML5Translator, node: NumberedTable) -> None:
    """Close it."""
    self.body.append("</figure>\n")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the transforms."""
    app.add_enumerable_node(
        NumberedTable, "table", caption_of, html=(visit_table, depart_table), override=True
    )
    for transform in (FoldCode, Caption, Number, MadeBy):
        app.add_transform(transform)
    app.add_js_file("reading.js", loading_method="defer")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
