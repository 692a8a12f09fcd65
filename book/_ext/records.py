"""What pages take from the records of runs: two roles for numbers, and what directives share.

The roles `res` and `given` are those of `seds500.records.prose`.

A value that does not exist is a warning that names what exists, so that a strict build fails. A
test refuses decimals and percentages that carry no role.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

from seds500.records import RecordError, Records, prose, record_path

logger = logging.getLogger(__name__)
Messages = list[nodes.system_message]


def from_records(
    place: SphinxDirective | SphinxRole, make: Callable[[Records], list[nodes.Node]]
) -> list[nodes.Node]:
    """What is made of the records at a place of a page; nothing, and a warning, if that fails.

    The page is built again when a record that it read has changed, or has come to exist.
    """
    records = Records(place.env.srcdir / "records")
    try:
        return make(records)
    except (RecordError, ValueError, TypeError) as error:
        where = place.get_location()
        logger.warning("%s: %s", place.name, error, location=where, type="records")
        return []
    finally:
        for name in records.used:
            place.env.note_dependency(str(record_path(name, records.folder)))


class RecordsDirective(SphinxDirective):
    """A directive that writes Markdown from records."""

    def run(self) -> list[nodes.Node]:
        return from_records(self, self.write)

    def write(self, records: Records) -> list[nodes.Node]:
        """The nodes in place of the directive."""
        raise NotImplementedError

    def parse(self, markdown: str) -> list[nodes.Node]:
        """Markdown as nodes."""
        parent = nodes.Element()
        lines = StringList(markdown.splitlines(), source=self.get_source_info()[0])
        self.state.nested_parse(lines, self.content_offset, parent, match_titles=True)
        return list(parent.children)


class RecordsRole(SphinxRole):
    """A role that shows a text from records."""

    def run(self) -> tuple[list[nodes.Node], Messages]:
        made = from_records(self, self.show)
        return made or [nodes.problematic(self.rawtext, self.rawtext)], []

    def show(self, records: Records) -> list[nodes.Node]:
        """The nodes in place of the role."""
        raise NotImplementedError


class Result(RecordsRole):
    """The role `res`."""

    def show(self, records: Records) -> list[nodes.Node]:
        key, spec = prose.split(self.text, self.env.docname.rpartition("/")[2])
        text = prose.show(key, records.value(key), spec)
        return [nodes.inline(self.rawtext, text, classes=["result"])]


class Given(SphinxRole):
    """The role `given`."""

    def run(self) -> tuple[list[nodes.Node], Messages]:
        return [nodes.Text(self.text)], []


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the roles."""
    app.add_role("res", Result())
    app.add_role("given", Given())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
