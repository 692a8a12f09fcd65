"""What pages take from the records of runs: two roles for numbers, and what directives share.

``{res}`013_standin.replacement.hybrid.rf.r2.mean:.2f` `` shows a value of a run's record, formatted
as Python formats it. `this` as the id means the run that the page shows, and `published` the
original study's figures. A value that does not exist is a warning that names what exists, so that
a strict build fails.

``{given}`95 %` `` shows its text as it is. It marks a decimal or a percentage that was chosen (a
level, a threshold, a setting) and not measured; a test refuses those that carry no mark.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

from seds500.records import RecordError, Records, record_path

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


def split(text: str, page: str) -> tuple[str, str]:
    """Key and format of a role's text; `page` is the last part of the page's name."""
    key, _, spec = text.strip().partition(":")
    if key.split(".")[0] == "this":
        key = page + key.removeprefix("this")
    return key, spec


def show(key: str, value: Any, spec: str) -> str:
    """The value of a key as text, with a typographic minus.

    Raises
    ------
    ValueError
        If the format does not suit the value, or the value is a list or a dictionary.
    """
    try:
        if isinstance(value, list | dict):
            raise TypeError("it is not a single value")
        text = format(value, spec)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{key!r} cannot be shown with the format {spec!r}: {error}") from error
    return text if isinstance(value, str) else text.replace("-", "−")


class Result(RecordsRole):
    """The role `res`."""

    def show(self, records: Records) -> list[nodes.Node]:
        key, spec = split(self.text, self.env.docname.rpartition("/")[2])
        return [nodes.inline(self.rawtext, show(key, records.value(key), spec), classes=["result"])]


class Given(SphinxRole):
    """The role `given`."""

    def run(self) -> tuple[list[nodes.Node], Messages]:
        return [nodes.Text(self.text)], []


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the roles."""
    app.add_role("res", Result())
    app.add_role("given", Given())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
