"""The ledger in pages: the claims of the study, tested against the records at each build.

    ```{ledger} count
    ```

The directive's argument says which part of the ledger is written: `count`, the sentence that counts
the verdicts and names the claims that do not hold; `overview`, a table of all claims; `thresholds`;
or a key of `seds500.claims.study.PARTS`, whose claims then follow, a section each.

Five roles put a claim into a sentence, so that the sentence stays true when a record changes.
``{claim}`safer_choice` `` shows the claim in its words, linked to its place in the ledger;
``{verdict}`safer_choice` `` its verdict; ``{verdict}`safer_choice.2` `` that of its second test;
``{found}`safer_choice.2` `` the least and the greatest figure of that test, in its format;
``{tally}`safer_choice.2` `` how many of its figures support the claim, contradict it and are
undecided, as a clause; ``{claims}`holds` `` how many claims have that verdict, ``{claims}`all` ``
how many there are, and ``{claims}`figures` `` how many figures they are tested with.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from records import RecordsDirective, RecordsRole
from seds500.claims import study
from seds500.claims.rule import Entry, ledger
from seds500.pages import claims
from seds500.records import Records


def entries_of(env: BuildEnvironment, records: Records) -> list[Entry]:
    """The ledger, worked out by the first role or directive of a page that needs it."""
    held = env.temp_data  # of the page that is being read
    if "ledger" not in held:
        held["ledger"] = ledger(study.CLAIMS, records)
    entries: list[Entry] = held["ledger"]
    return entries


class LedgerRole(RecordsRole):
    """A role of the ledger; a claim or verdict is linked to its place there."""

    def show(self, records: Records) -> list[nodes.Node]:
        entries = entries_of(self.env, records)
        text = claims.words(self.name, entries, self.text)
        if self.name not in ("claim", "verdict"):
            return [nodes.inline(self.rawtext, text, classes=["result"])]
        link = addnodes.pending_xref(
            self.rawtext,
            nodes.inline(self.rawtext, text),
            refdomain="std",
            reftype="ref",
            reftarget=claims.label(claims.pick(entries, self.text)[0]),
            refdoc=self.env.docname,
            refexplicit=True,
            refwarn=True,
        )
        classes = ["claim"] if self.name == "claim" else ["verdict", claims.verdict_class(text)]
        return [nodes.inline("", "", link, classes=classes)]


class Ledger(RecordsDirective):
    """The directive."""

    required_arguments = 1

    def write(self, records: Records) -> list[nodes.Node]:
        what = self.arguments[0]
        known = ("count", "overview", "thresholds", *study.PARTS)
        if what not in known:
            raise ValueError(f"the ledger has no {what!r}; it has {', '.join(known)}")
        if what == "thresholds":
            return self.parse(claims.thresholds(records))
        entries = entries_of(self.env, records)
        if what == "count":
            return self.parse(claims.count_sentence(entries))
        if what == "overview":
            return self.parse(claims.overview(entries))
        pages = {name.removeprefix("notebooks/") for name in self.env.found_docs}
        found = [claims.section(entry, pages) for entry in entries if entry.claim.part == what]
        return self.parse("\n\n".join(found))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive, the roles and the look of verdicts."""
    app.add_directive("ledger", Ledger)
    for name in claims.ROLES:
        app.add_role(name, LedgerRole())
    app.add_css_file("ledger.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
