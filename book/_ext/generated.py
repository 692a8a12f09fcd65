"""What directives share whose text is made from records when the book is built."""

from __future__ import annotations

from collections.abc import Sequence

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from seds500.records import store
from seds500.records.committed import Records

logger = logging.getLogger(__name__)


class Generated(SphinxDirective):
    """A directive that writes Markdown from records.

    A record that is missing, or a value in one, is a warning that names it, so that a strict build
    fails. The page is built again when a record that it read has changed.
    """

    def run(self) -> list[nodes.Node]:
        records = Records(self.env.srcdir / "records")
        try:
            return self.write(records)
        except (store.RecordError, ValueError) as error:
            logger.warning("%s: %s", self.name, error, location=self.get_location(), type="records")
            return []
        finally:
            for name in records.used:
                self.env.note_dependency(str(store.record_path(name, records.folder)))

    def write(self, records: Records) -> list[nodes.Node]:
        """The nodes in place of the directive.

        Raises
        ------
        seds500.records.store.RecordError, ValueError
            If a record or value is missing, or the directive's arguments are wrong.
        """
        raise NotImplementedError

    def parse(self, markdown: str) -> list[nodes.Node]:
        """Markdown, without headings, as nodes."""
        parent = nodes.Element()
        source = self.get_source_info()[0]
        self.state.nested_parse(
            StringList(markdown.splitlines(), source=source), self.content_offset, parent
        )
        return list(parent.children)


def pipe_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table.

    Examples
    --------
    >>> print(pipe_table(["a", "b"], [["1", "2|3"]]))
    | a | b |
    |---|---|
    | 1 | 2\\|3 |
    """
    lines = [header, *rows]
    text = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
    return "\n".join([text[0], "|" + "---|" * len(header), *text[1:]])
