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

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.domains.std import StandardDomain
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

from generated import Generated, pipe_table
from seds500.claims import evidence, study
from seds500.claims.rule import VERDICTS, Entry, Outcome, Test, Verdict, count, ledger
from seds500.records import store
from seds500.records.committed import Measured, Records

logger = logging.getLogger(__name__)

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


def verdict_class(verdict: str) -> str:
    """The class that gives a verdict its colour."""
    return verdict.replace(" ", "-")


def badge(verdict: Verdict) -> str:
    """Markdown of a verdict."""
    return f"[{verdict}]{{.verdict .{verdict_class(verdict)}}}"


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
        [f"{getattr(evidence.THRESHOLDS, name):{form}}", reason]
        for name, (form, reason) in evidence.REASONS.items()
    ]
    works = evidence.working_share(records)
    what = (
        "of the real rows' R²: the least share with which a model works, because the study itself "
        "calls it working: SMOGN's lower figure on 012, over the original"
    )
    return pipe_table(["threshold", "of what"], [*rows, [f"{works:.0f}%", what]])


def body(entry: Entry, pages: Set[str] = frozenset()) -> str:
    """Verdict, reading, tests and records of a claim; a record in `pages` is linked to its page."""
    outcomes = [outcome for test in entry.tests for outcome in test.outcomes()]
    plural = "figures" if len(outcomes) > 1 else "figure"
    counts = f" Of {len(outcomes)} {plural}, {counted(outcomes)}." if outcomes else ""
    parts = [f"{badge(entry.verdict)}{counts}", entry.claim.reading]
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
    return ", ".join(
        f"{outcomes.count(outcome)} {word}"
        for outcome, word in (("supports", "for it"), ("against", "against it"), ("open", "open"))
        if outcome in outcomes
    )


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


def pick(entries: Sequence[Entry], text: str) -> tuple[Entry, Test | None]:
    """The claim, and the test if one is named, that a role's text points at.

    Raises
    ------
    ValueError
        If there is no such claim, or it has no test of that number.
    """
    key, _, number = text.strip().partition(".")
    found = [entry for entry in entries if entry.claim.key == key]
    if not found:
        known = ", ".join(entry.claim.key for entry in entries)
        raise ValueError(f"the ledger has no claim {key!r}; it has {known}")
    if not number:
        return found[0], None
    numbers = {str(n): test for n, test in enumerate(found[0].tests, start=1)}
    if number not in numbers:
        raise ValueError(f"claim {key!r} has tests 1 to {len(numbers)}, not {number!r}")
    return found[0], numbers[number]


def of_test(entries: Sequence[Entry], text: str) -> Test:
    """The test that a role's text points at.

    Raises
    ------
    ValueError
        If it points at none.
    """
    _, test = pick(entries, text)
    if test is None:
        raise ValueError(f"name a test of the claim by its number: {text.strip()}.1")
    return test


def claim_words(entries: Sequence[Entry], text: str) -> str:
    """A claim in its words."""
    return quoted(pick(entries, text)[0])


def verdict_words(entries: Sequence[Entry], text: str) -> Verdict:
    """The verdict on a claim or on one of its tests."""
    entry, test = pick(entries, text)
    return entry.verdict if test is None else test.verdict()


def found_words(entries: Sequence[Entry], text: str) -> str:
    """The least and the greatest figure of a test; a single one with its interval."""
    test = of_test(entries, text)
    figures = list(test.figures.values())
    if len(figures) == 1:
        return figures[0].show(test.form)
    ends = (min(f.value for f in figures), max(f.value for f in figures))
    low, high = (f"{end:{test.form}}".replace("-", "−") for end in ends)
    return low if low == high else f"{low} to {high}"


def tally_words(entries: Sequence[Entry], text: str) -> str:
    """How many figures of a test are for its claim, against it and open."""
    return counted(of_test(entries, text).outcomes())


def count_words(entries: Sequence[Entry], text: str) -> str:
    """How many claims have a verdict, or how many there are.

    Raises
    ------
    ValueError
        If there is no such verdict.
    """
    what = text.strip()
    if what != "all" and what not in VERDICTS:
        raise ValueError(f"{what!r} is no verdict; known are all, {', '.join(VERDICTS)}")
    return str(sum(what in ("all", entry.verdict) for entry in entries))


def entries_of(env: BuildEnvironment) -> list[Entry]:
    """The ledger, worked out by the first role or directive of a page that needs it.

    The page is built again when a record of it has changed.
    """
    held = env.temp_data  # of the page that is being read
    if "ledger" not in held:
        records = Records(env.srcdir / "records")
        try:
            held["ledger"] = ledger(study.CLAIMS, records)
        finally:
            for name in records.used:
                env.note_dependency(str(store.record_path(name, records.folder)))
    entries: list[Entry] = held["ledger"]
    return entries


class LedgerRole(SphinxRole):
    """A role whose text is looked up in the ledger; a claim or verdict is linked to its place.

    Parameters
    ----------
    words : callable
        Takes the ledger and the role's text, and says what is shown.
    classes : callable or None, default=None
        From what is shown to its classes; without it nothing is linked.
    """

    def __init__(
        self,
        words: Callable[[Sequence[Entry], str], str],
        classes: Callable[[str], list[str]] | None = None,
    ) -> None:
        super().__init__()
        self.words, self.classes = words, classes

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        try:
            entries = entries_of(self.env)
            text = self.words(entries, self.text)
            if self.classes is None:
                return [nodes.inline(self.rawtext, text, classes=["result"])], []
            entry, _ = pick(entries, self.text)
        except (store.RecordError, ValueError) as error:
            where = self.get_location()
            logger.warning("%s: %s", self.name, error, location=where, type="records")
            return [nodes.problematic(self.rawtext, self.rawtext)], []
        link = addnodes.pending_xref(
            self.rawtext,
            nodes.inline(self.rawtext, text),
            refdomain="std",
            reftype="ref",
            reftarget=label(entry),
            refdoc=self.env.docname,
            refexplicit=True,
            refwarn=True,
        )
        return [nodes.inline("", "", link, classes=self.classes(text))], []


class Ledger(Generated):
    """The directive."""

    required_arguments = 1

    def write(self, records: Records) -> list[nodes.Node]:
        what = self.arguments[0]
        known = ("count", "overview", "thresholds", *study.PARTS)
        if what not in known:
            raise ValueError(f"the ledger has no {what!r}; it has {', '.join(known)}")
        if what == "thresholds":
            return self.parse(thresholds(records))
        entries = entries_of(self.env)
        if what == "count":
            return self.parse(count_sentence(entries))
        if what == "overview":
            return self.parse(overview(entries))
        return [self.section(entry) for entry in entries if entry.claim.part == what]

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
    """Register the directive, the roles and the look of verdicts."""
    app.add_directive("ledger", Ledger)
    app.add_role("claim", LedgerRole(claim_words, lambda _: ["claim"]))
    app.add_role(
        "verdict", LedgerRole(verdict_words, lambda text: ["verdict", verdict_class(text)])
    )
    app.add_role("found", LedgerRole(found_words))
    app.add_role("tally", LedgerRole(tally_words))
    app.add_role("claims", LedgerRole(count_words))
    app.add_css_file("ledger.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
