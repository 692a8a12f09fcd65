"""Two Sphinx roles for numbers in prose.

``{res}`013_standin.replacement.hybrid.rf.r2.mean:.2f` `` shows a value of a run's record, formatted
as Python formats it. `this` as the id means the run that the page shows, and `published` the
original study's figures. A value that does not exist is a warning that names what exists, so that
a strict build fails.

``{given}`95 %` `` shows its text as it is. It marks a decimal or a percentage that was chosen (a
level, a threshold, a setting) and not measured; a test refuses those that carry no mark.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

from seds500.records import store

logger = logging.getLogger(__name__)


def split(text: str, page: str) -> tuple[str, str]:
    """Key and format of a role's text; `page` is the last part of the page's name."""
    key, _, spec = text.strip().partition(":")
    if key.split(".")[0] == "this":
        key = page + key.removeprefix("this")
    return key, spec


def show(value: Any, spec: str) -> str:
    """The value as text, with a typographic minus.

    Raises
    ------
    ValueError, TypeError
        If the format does not suit the value, or the value is a list or a dictionary.
    """
    if isinstance(value, list | dict) or value is None:
        raise TypeError("it is not a single value")
    text = format(value, spec)
    return text if isinstance(value, str) else text.replace("-", "−")


class Result(SphinxRole):
    """The role `res`."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        key, spec = split(self.text, self.env.docname.rpartition("/")[2])
        records = self.env.srcdir / "records"
        # The page is built again when the record has changed, or has come to exist.
        self.env.note_dependency(str(store.record_path(key.split(".")[0], records)))
        try:
            text = show(store.lookup(records, key), spec)
        except store.RecordError as error:
            return self._missing(str(error))
        except (TypeError, ValueError) as error:
            return self._missing(f"{key!r} cannot be shown with the format {spec!r}: {error}")
        return [nodes.inline(self.rawtext, text, classes=["result"])], []

    def _missing(self, message: str) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        logger.warning("res: %s", message, location=self.get_location(), type="records")
        return [nodes.problematic(self.rawtext, self.rawtext)], []


class Given(SphinxRole):
    """The role `given`."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        return [nodes.Text(self.text)], []


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the roles."""
    app.add_role("res", Result())
    app.add_role("given", Given())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
