"""What makes pages good to read: folded code, numbered figures, and a link to what drew each.

- The code of a notebook's cells is folded away until it is asked for.
- Every figure with a caption gets a number, whether it stands in a page or in a notebook.
- A figure that is drawn a second time, narrow, is shown so on a phone.
- Below a figure stand links to its record and to its code, as below each table; the code of a
  notebook's figure is its cell.
- `book/captions.yml` has the captions of what a notebook's cells show. A figure is found there by
  its alternative text, a table by a piece of its cell's code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.writers.html5 import HTML5Translator

import figures
import origin

CODE, IMPORTS, PARAMETERS = "code", "imports", "parameters"  # what a folded cell is called
DEFAULT_PROMPT = "Show code cell {type}"
RECORD = re.compile(r"Record of [\d,]+ values?")
CAPTIONS = Path("book") / "captions.yml"


class NumberedTable(nodes.General, nodes.Element):
    """A notebook's output with a caption, numbered among the tables."""


def caption_of(node: nodes.Element) -> str | None:
    """The caption of a numbered table as text."""
    found = next(iter(node.findall(nodes.caption)), None)
    return None if found is None else found.astext()


class Reading(SphinxTransform):
    """Fold the code of cells, set captions to what they show, and name what drew a figure."""

    default_priority = 400

    def apply(self, **_: Any) -> None:
        path = Path(self.env.srcdir) / CAPTIONS
        self.env.note_dependency(str(path))
        known = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
        for cell in list(self.cells()):
            self.fold(cell)
            drop_record(cell)
            self.caption_figures(cell, known.get("figures", {}))
            self.caption_table(cell, known.get("tables", {}))
        for node in self.document.findall(nodes.figure):
            self.tell_origin(node)
        for kind, prefix in ((nodes.figure, "figure"), (NumberedTable, "table")):
            for node in self.document.findall(kind):
                # Without an id there is no number; this one no other node of the page has.
                if not node["ids"] and any(isinstance(c, nodes.caption) for c in node.children):
                    serial = self.env.new_serialno("reading")
                    node["ids"].append(nodes.make_id(f"{prefix}-{serial}"))

    def cells(self) -> Iterator[nodes.container]:
        """The code cells of a notebook's page."""
        for node in self.document.findall(nodes.container):
            if node.get("nb_element") == "cell_code":
                yield node

    def fold(self, cell: nodes.container) -> None:
        """Fold the code of a cell that is not folded already."""
        cell.setdefault("hide_mode", "input")
        if cell.get("prompt_show", DEFAULT_PROMPT) == DEFAULT_PROMPT:
            what = kind_of(cell)
            cell["prompt_show"], cell["prompt_hide"] = f"Show the {what}", f"Hide the {what}"
        if cell["hide_mode"] == "input" and "tag_hide-input" not in cell["classes"]:
            cell["classes"].append("tag_hide-input")

    def caption_figures(self, cell: nodes.container, known: Mapping[str, str]) -> None:
        """Set captions to the pictures of a cell."""
        output = cell.children[-1]
        for shown in list(output.children) if is_output(output) else []:
            image = next(iter(shown.findall(nodes.image)), None)
            words = None if image is None else known.get(image.get("alt", ""))
            if words and not next(iter(shown.findall(nodes.figure)), None):
                figure = nodes.figure()
                output.replace(shown, figure)
                legend = nodes.legend()
                self.tell_cell(cell, legend)
                figure += [shown, nodes.caption(words, words), legend]

    def caption_table(self, cell: nodes.container, known: Mapping[str, str]) -> None:
        """Set a caption to the table that a cell shows last."""
        code, output = cell.children[0], cell.children[-1]
        last = (code.astext().strip().splitlines() or [""])[-1]
        words = next((words for piece, words in known.items() if piece in last), None)
        if words and code is not output and is_output(output):
            table = NumberedTable("", nodes.caption(words, words), *output.children)
            output.children = []
            output += table
            self.tell_cell(cell, table)

    def tell_origin(self, figure: nodes.figure) -> None:
        """Link a figure that is drawn from records to these, and to what drew it."""
        image = next(iter(figure.findall(nodes.image)), None)
        path = PurePosixPath("" if image is None else image["uri"])
        if path.parent.name == "_figures" and path.stem in figures.FIGURES:
            code = origin.to_function(self.env, figures.made_by(path.stem))
            line = origin.line(self.env, figures.USED.get(path.stem, ()), code)
            figure += nodes.legend("", line)
            if image is not None and path.stem + figures.NARROW in figures.FIGURES:
                narrow = image.copy()
                narrow["uri"] = str(path.with_stem(path.stem + figures.NARROW))
                narrow["classes"] = ["narrow"]
                image["classes"].append("wide")
                # One node: docutils opens a second caption if a caption is not its second child.
                both = nodes.inline()
                image.parent.replace(image, both)
                both += [image, narrow]

    def tell_cell(self, cell: nodes.container, shown: nodes.Element) -> None:
        """Link what a cell shows to the run's record, and to the cell."""
        if not cell["ids"]:
            cell["ids"].append(nodes.make_id(f"cell-{self.env.new_serialno('cell')}"))
        code = nodes.reference("", "code", refid=cell["ids"][0], internal=True)
        shown += origin.line(self.env, [self.env.docname.rpartition("/")[2]], code)


def kind_of(cell: nodes.container) -> str:
    """What a cell holds."""
    if "tag_parameters" in cell["classes"]:
        return PARAMETERS
    return IMPORTS if cell.children[0].astext().startswith(("import ", "from ")) else CODE


def drop_record(cell: nodes.container) -> None:
    """Take out what the cell that saves a run's record shows of it: only how many values it has."""
    output = cell.children[-1]
    if is_output(output) and RECORD.fullmatch(output.astext().strip()):
        cell.remove(output)


def is_output(node: nodes.Element) -> bool:
    """Whether a part of a cell is what its code showed."""
    return node.get("nb_element") == "cell_code_output"


def visit_table(self: HTML5Translator, node: NumberedTable) -> None:
    """Open the figure that holds a table."""
    self.body.append(self.starttag(node, "figure", CLASS="numbered-table"))


def depart_table(self: HTML5Translator, node: NumberedTable) -> None:
    """Close it."""
    self.body.append("</figure>\n")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the transform."""
    app.add_enumerable_node(
        NumberedTable, "table", caption_of, html=(visit_table, depart_table), override=True
    )
    app.add_transform(Reading)
    app.add_js_file("reading.js", loading_method="defer")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
