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
``{tally}`safer_choice.2` `` how many of its figures are for the claim, against it and open; and
``{claims}`holds` `` how many claims have that verdict, ``{claims}`all` `` how many there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from records import RecordsDirective, RecordsRole, pipe_table
from seds500.claims import evidence, study
from seds500.claims.rule import VERDICTS, Entry, Outcome, Test, count, ledger
from seds500.records import Measured, Records

MARKS: Mapping[Outcome, str] = {"supports": "yes", "against": "no", "open": "open"}
WORDS: Mapping[Outcome, str] = {"supports": "for it", "against": "against it", "open": "open"}
ROLES = ("claim", "verdict", "found", "tally", "claims")


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


def verdict_class(verdict: str) -> str:
    """The class that gives a verdict its colour."""
    return verdict.replace(" ", "-")


def badge(verdict: str) -> str:
    """Markdown of a verdict."""
    return f"[{verdict}]{{.verdict .{verdict_class(verdict)}}}"


# What the roles show --------------------------------------------------------------------------


def pick(entries: Sequence[Entry], text: str) -> tuple[Entry, Test | None]:
    """The claim, and the test if one is named, that a role's text points at.

    Raises
    ------
    ValueError
        If there is no such claim, or it has no test of that number.
    """
    key, _, number = text.strip().partition(".")
    known = {entry.claim.key: entry for entry in entries}
    if key not in known:
        raise ValueError(f"the ledger has no claim {key!r}; it has {', '.join(known)}")
    tests = {str(n): test for n, test in enumerate(known[key].tests, start=1)}
    if number and number not in tests:
        raise ValueError(f"claim {key!r} has tests 1 to {len(tests)}, not {number!r}")
    return known[key], tests.get(number)


def words(role: str, entries: Sequence[Entry], text: str) -> str:
    """What a role of the ledger shows for its text.

    Raises
    ------
    ValueError
        If the text points at no verdict, claim or test.
    """
    if role == "claims":
        what = text.strip()
        if what not in ("all", *VERDICTS):
            raise ValueError(f"{what!r} is no verdict; known are all, {', '.join(VERDICTS)}")
        return str(sum(what in ("all", entry.verdict) for entry in entries))
    entry, test = pick(entries, text)
    if role == "claim":
        return quoted(entry)
    if role == "verdict":
        return entry.verdict if test is None else test.verdict()
    if test is None:
        raise ValueError(f"name a test of the claim by its number: {text.strip()}.1")
    if role == "tally":
        return counted(test.outcomes())
    figures = list(test.figures.values())
    if len(figures) == 1:
        return figures[0].show(test.form)
    ends = (min(f.value for f in figures), max(f.value for f in figures))
    low, high = (Measured(end).show(test.form) for end in ends)
    return low if low == high else f"{low} to {high}"


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
        text = words(self.name, entries, self.text)
        if self.name not in ("claim", "verdict"):
            return [nodes.inline(self.rawtext, text, classes=["result"])]
        link = addnodes.pending_xref(
            self.rawtext,
            nodes.inline(self.rawtext, text),
            refdomain="std",
            reftype="ref",
            reftarget=label(pick(entries, self.text)[0]),
            refdoc=self.env.docname,
            refexplicit=True,
            refwarn=True,
        )
        classes = ["claim"] if self.name == "claim" else ["verdict", verdict_class(text)]
        return [nodes.inline("", "", link, classes=classes)]


# What the directive writes --------------------------------------------------------------------


def count_sentence(entries: Sequence[Entry]) -> str:
    """How many claims have each verdict, and which do not hold."""
    *parts, last = (
        f"{n} {verdict if n == 1 else verdict.replace('holds', 'hold').replace('does', 'do')}"
        for verdict, n in count(entries).items()
    )
    sentence = f"Of {len(entries)} claims, {', '.join(parts)}, and {last}."
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
        [f"{getattr(evidence.THRESHOLDS, name):{form}}", reason]
        for name, (form, reason) in evidence.REASONS.items()
    ]
    works = evidence.working_share(records)
    what = (
        "of the real rows' R²: the least share with which a model works, because the study itself "
        "calls it working: SMOGN's lower figure on 012, over the original"
    )
    return pipe_table(["threshold", "of what"], [*rows, [f"{works:.0f}%", what]])


def section(entry: Entry, pages: Set[str]) -> str:
    """A claim: heading, verdict, reading, tests and records; those in `pages` have a link."""
    outcomes = [outcome for test in entry.tests for outcome in test.outcomes()]
    plural = "figures" if len(outcomes) > 1 else "figure"
    counts = f" Of {len(outcomes)} {plural}, {counted(outcomes)}." if outcomes else ""
    parts = [
        f"({label(entry)})=\n### {entry.number}. {quoted(entry)}",
        f"{badge(entry.verdict)}{counts}",
        entry.claim.reading,
    ]
    for test in entry.tests:
        one = "; one such figure is enough" if test.need == "one" else ""
        asked = f"**Tested:** {test.what}. For the claim: {test.region.words(test.form)}{one}."
        parts += [f"{asked} {sentence(test)}"] if len(test.figures) <= 3 else [asked, table(test)]
    links = [
        f"{{doc}}`{name} <../notebooks/{name}>`" if name in pages else f"`{name}`"
        for name in entry.records
    ]
    return "\n\n".join([*parts, f"Records: {', '.join(links)}."] if links else parts)


def counted(outcomes: Sequence[Outcome]) -> str:
    """How many figures are for a claim, against it and open; what there is none of is left out.

    Examples
    --------
    >>> counted(["supports", "open", "supports"])
    '2 for it, 1 open'
    """
    found = ((outcomes.count(outcome), word) for outcome, word in WORDS.items())
    return ", ".join(f"{n} {word}" for n, word in found if n)


def shown(test: Test, figure: Measured) -> str:
    """A figure and what it says of the claim."""
    mark = MARKS[test.region.outcome(figure)]
    return f"{figure.show(test.form)} [{mark}]{{.{mark}}}"


def sentence(test: Test) -> str:
    """The figures of a test that has few of them."""
    several = len({column for _, column in test.figures}) > 1
    found = [
        f"{', '.join(filter(None, (row, column if several or not row else '')))} "
        f"{shown(test, figure)}"
        for (row, column), figure in test.figures.items()
    ]
    return f"Found: {'; '.join(found)}."


def table(test: Test) -> str:
    """The figures of a test."""
    rows, columns = (list(dict.fromkeys(key[at] for key in test.figures)) for at in (0, 1))
    cells = [
        [row]
        + [shown(test, test.figures[row, c]) if (row, c) in test.figures else "" for c in columns]
        for row in rows
    ]
    return pipe_table(["", *columns], cells)


class Ledger(RecordsDirective):
    """The directive."""

    required_arguments = 1

    def write(self, records: Records) -> list[nodes.Node]:
        what = self.arguments[0]
        known = ("count", "overview", "thresholds", *study.PARTS)
        if what not in known:
            raise ValueError(f"the ledger has no {what!r}; it has {', '.join(known)}")
        if what == "thresholds":
            return self.parse(thresholds(records))
        entries = entries_of(self.env, records)
        if what in ("count", "overview"):
            return self.parse((count_sentence if what == "count" else overview)(entries))
        pages = {name.removeprefix("notebooks/") for name in self.env.found_docs}
        found = [section(entry, pages) for entry in entries if entry.claim.part == what]
        return self.parse("\n\n".join(found))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive, the roles and the look of verdicts."""
    app.add_directive("ledger", Ledger)
    for name in ROLES:
        app.add_role(name, LedgerRole())
    app.add_css_file("ledger.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
