"""The directive `ledger`: the claims of the study, tested against the records at each build.

    ```{ledger} count
    ```

Its argument says which part of the ledger is written: `count`, the sentence that counts the
verdicts and names the claims that do not hold; `overview`, a table of all claims; `thresholds`; or
a key of `synthtab.study_claims.PARTS`, whose claims then follow, a section each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.domains.std import StandardDomain

from generated import Generated, pipe_table
from synthtab import study_claims, study_evidence
from synthtab.claims import Entry, Outcome, Test, Verdict, count, ledger
from synthtab.committed import Measured, Records

MARKS: Mapping[Outcome, str] = {"supports": "yes", "against": "no", "open": "open"}
_COUNTED: Mapping[Verdict, tuple[str, str]] = {
    "holds": ("holds", "hold"),
    "holds in part": ("holds in part", "hold in part"),
    "does not hold": ("does not hold", "do not hold"),
    "cannot be tested here": ("cannot be tested here", "cannot be tested here"),
}


def label(entry: Entry) -> str:
    """The target of links to a claim."""
    return "claim-" + entry.claim.key.replace("_", "-")


def quoted(entry: Entry) -> str:
    """The claim in typographic quotation marks; marks inside it become single ones."""
    words = entry.claim.words.replace('"', "'")
    return f"“{words}”"


def link(entry: Entry) -> str:
    """Markdown of a link to a claim, in its words."""
    words = quoted(entry).replace("<=", "≤")  # the role would take < for the target's bracket
    return f"{{ref}}`{words} <{label(entry)}>`"


def badge(verdict: Verdict) -> str:
    """Markdown of a verdict."""
    return f"[{verdict}]{{.verdict .{verdict.replace(' ', '-')}}}"


def count_sentence(entries: Sequence[Entry]) -> str:
    """How many claims have each verdict, and which do not hold."""
    parts = [
        f"{number} {_COUNTED[verdict][number != 1]}" for verdict, number in count(entries).items()
    ]
    sentence = f"Of {len(entries)} claims, {', '.join(parts[:-1])}, and {parts[-1]}."
    failed = [link(entry) for entry in entries if entry.verdict == "does not hold"]
    if not failed:
        return f"{sentence} There is none that does not hold."
    verb = "What does not hold is" if len(failed) == 1 else "What does not hold:"
    return f"{sentence} {verb} {'; '.join(failed)}."


def overview(entries: Sequence[Entry]) -> str:
    """A table of all claims and their verdicts."""
    rows = [[f"{e.number}", link(e), badge(e.verdict)] for e in entries]
    return pipe_table(["", "claim", "verdict"], rows)


def thresholds(records: Records) -> str:
    """A table of all thresholds and what each is for."""
    rows = [
        [f"{getattr(study_evidence.THRESHOLDS, name):{form}}", reason]
        for name, (form, reason) in study_evidence.REASONS.items()
    ]
    works = study_evidence.working_share(records)
    what = (
        "of the real rows' R²: the least share with which a model works, because the study itself "
        "calls it working: SMOGN's lower figure on 012, over the original"
    )
    return pipe_table(["threshold", "of what"], [*rows, [f"{works:.0f}%", what]])


def body(entry: Entry, pages: Set[str] = frozenset()) -> str:
    """Verdict, reading, tests and records of a claim; a record in `pages` is linked to its page."""
    outcomes = [outcome for test in entry.tests for outcome in test.outcomes()]
    counted = [
        f"{outcomes.count(outcome)} {word}"
        for outcome, word in (("supports", "for it"), ("against", "against it"), ("open", "open"))
        if outcome in outcomes
    ]
    plural = "figures" if len(outcomes) > 1 else "figure"
    tally = f" Of {len(outcomes)} {plural}, {', '.join(counted)}." if outcomes else ""
    parts = [f"{badge(entry.verdict)}{tally}", entry.claim.reading]
    for test in entry.tests:
        one = "; one such figure is enough" if test.need == "one" else ""
        asked = f"**Tested:** {test.what}. For the claim: {test.region.words(test.form)}{one}."
        parts += [f"{asked} {sentence(test)}"] if len(test.figures) <= 3 else [asked, table(test)]
    links = [
        f"{{doc}}`{name} <../notebooks/{name}>`" if name in pages else f"`{name}`"
        for name in entry.records
    ]
    return "\n\n".join([*parts, f"Records: {', '.join(links)}."] if links else parts)


def shown(test: Test, figure: Measured) -> str:
    """A figure and what it says of the claim."""
    mark = MARKS[test.region.outcome(figure)]
    return f"{figure.show(test.form)} [{mark}]{{.{mark}}}"


def sentence(test: Test) -> str:
    """The figures of a test that has few of them."""
    columns = {column for _, column in test.figures}
    found = [
        f"{', '.join(filter(None, (row, column if len(columns) > 1 or not row else '')))} "
        f"{shown(test, figure)}"
        for (row, column), figure in test.figures.items()
    ]
    return f"Found: {'; '.join(found)}."


def table(test: Test) -> str:
    """The figures of a test."""
    rows = list(dict.fromkeys(row for row, _ in test.figures))
    columns = list(dict.fromkeys(column for _, column in test.figures))
    cells = []
    for row in rows:
        figures = [test.figures.get((row, column)) for column in columns]
        cells.append([row, *(shown(test, figure) if figure else "" for figure in figures)])
    return pipe_table(["", *columns], cells)


class Ledger(Generated):
    """The directive."""

    required_arguments = 1

    def write(self, records: Records) -> list[nodes.Node]:
        what = self.arguments[0]
        known = ("count", "overview", "thresholds", *study_claims.PARTS)
        if what not in known:
            raise ValueError(f"the ledger has no {what!r}; it has {', '.join(known)}")
        if what == "thresholds":
            return self.parse(thresholds(records))
        entries = self.entries(records)
        if what == "count":
            return self.parse(count_sentence(entries))
        if what == "overview":
            return self.parse(overview(entries))
        return [self.section(entry) for entry in entries if entry.claim.part == what]

    def entries(self, records: Records) -> list[Entry]:
        """The ledger, worked out by the first directive of a page that needs it."""
        held = self.env.temp_data  # of the page that is being read
        if "ledger" not in held:
            held["ledger"] = ledger(study_claims.CLAIMS, records)
        entries: list[Entry] = held["ledger"]
        return entries

    def section(self, entry: Entry) -> nodes.section:
        """A claim with its heading, which can be linked to by `label`."""
        name, words = label(entry), f"{entry.number}. {quoted(entry)}"
        section = nodes.section(ids=[name], names=[name])
        section += nodes.title(words, words)
        pages = {name for name in entry.records if f"notebooks/{name}" in self.env.found_docs}
        section += self.parse(body(entry, pages))
        domain = self.env.get_domain("std")
        assert isinstance(domain, StandardDomain)
        domain.labels[name] = (self.env.docname, name, words)
        domain.anonlabels[name] = (self.env.docname, name)
        return section


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive and the look of verdicts."""
    app.add_directive("ledger", Ledger)
    app.add_css_file("ledger.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
