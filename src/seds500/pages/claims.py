"""The page of claims: what a ledger's entries look like in Markdown, and what its roles show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set

from seds500.claims import evidence
from seds500.claims.rule import VERDICTS, Entry, Need, Outcome, Test, count
from seds500.records import Measured, Records, pipe_table
from seds500.records.prose import listed

MARKS: Mapping[Outcome, str] = {"supports": "yes", "against": "no", "open": "open"}
WORDS: Mapping[Outcome, tuple[str, str]] = {
    "supports": ("supports this", "support this"),
    "against": ("contradicts this", "contradict this"),
    "open": ("is undecided", "are undecided"),
}
"""What one figure, and several, say of a claim."""
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
        if what == "figures":
            return str(sum(len(test.figures) for entry in entries for test in entry.tests))
        if what not in ("all", *VERDICTS):
            known = ", ".join(("all", "figures", *VERDICTS))
            raise ValueError(f"{what!r} is no verdict; known are {known}")
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


# The ledger --------------------------------------------------------------------


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
    verb = "This claim does not hold:" if len(failed) == 1 else "These claims do not hold:"
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
    parts = [
        f"({label(entry)})=\n### {entry.number}. {quoted(entry)}",
        " ".join([badge(entry.verdict), *tallies(entry)]),
        entry.claim.reading,
    ]
    for test in entry.tests:
        one = "; one such figure is enough" if test.need == "one" else ""
        asked = f"**Tested:** {test.what}. Supports the claim: {test.region.words(test.form)}{one}."
        parts += [f"{asked} {sentence(test)}"] if len(test.figures) <= 3 else [asked, table(test)]
    links = [
        f"{{doc}}`{name} <../notebooks/{name}>`" if name in pages else f"`{name}`"
        for name in entry.records
    ]
    return "\n\n".join([*parts, f"Records: {', '.join(links)}."] if links else parts)


def tallies(entry: Entry) -> Iterator[str]:
    """What the figures of a claim say, as a sentence for each kind of test that it has."""
    of: dict[Need, list[Outcome]] = {"every": [], "one": []}
    for test in entry.tests:
        of[test.need] += test.outcomes()
    if of["every"]:
        words = counted(of["every"])
        yield f"{words[0].upper()}{words[1:]}."
    if of["one"]:
        n = of["one"].count("supports")
        verb = "supports" if n < 2 else "support"
        yield f"Where one figure is enough, {n or 'none'} of {len(of['one'])} {verb} this."


def counted(outcomes: Sequence[Outcome]) -> str:
    """How many figures support a claim, contradict it and are undecided, as a clause.

    Examples
    --------
    >>> counted(["supports", "open", "supports"])
    '2 of 3 figures support this and 1 is undecided'
    >>> counted(["against"])
    'the only figure contradicts this'
    """
    found = {outcome: outcomes.count(outcome) for outcome in WORDS if outcome in outcomes}
    if len(outcomes) == 1:
        return f"the only figure {WORDS[outcomes[0]][0]}"
    parts = [f"{n} {WORDS[outcome][n > 1]}" for outcome, n in found.items()]
    if parts:
        n, _, rest = parts[0].partition(" ")
        parts[0] = f"{n} of {len(outcomes)} figures {rest}"
    return listed(parts or ["no figure was measured"])


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
