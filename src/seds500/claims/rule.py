"""A ledger of claims: each with its tests, and a verdict that follows from them by one rule.

A *test* compares figures with a region that it names beforehand. A figure's whole interval inside
the region supports the claim; wholly outside, it is against it; otherwise it settles nothing. From
these outcomes follow the verdict of the test and, from the verdicts of its tests, the claim's.
Which claims there are is said in `seds500.claims.study`, what they are tested with in
`seds500.claims.evidence`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from seds500.records import Measured, RecordError, Records

Verdict = Literal["holds", "holds in part", "does not hold", "cannot be tested here"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

Outcome = Literal["supports", "against", "open"]
Need = Literal["every", "one"]


@dataclass(frozen=True)
class Region:
    """The values that support a claim, from `low` to `high`, both included.

    Where values stand for something else, `name` says what the region is called.
    """

    low: float = -math.inf
    high: float = math.inf
    name: str = ""

    def outcome(self, figure: Measured) -> Outcome:
        """What a figure says: its whole interval inside, wholly outside, or neither.

        Examples
        --------
        >>> region = Region(low=95)
        >>> [region.outcome(Measured(98, low, 103)) for low in (96, 94)]
        ['supports', 'open']
        >>> region.outcome(Measured(94))
        'against'
        """
        low, high = figure.span
        if low >= self.low and high <= self.high:
            return "supports"
        return "against" if high < self.low or low > self.high else "open"

    def words(self, form: str) -> str:
        """The region in words, its bounds in the format of the figures.

        Examples
        --------
        >>> Region(low=95).words(".0f"), Region(high=0).words(".1f"), Region(-1, 1).words("+.0f")
        ('95 or more', '0 or less', 'from −1 to +1')
        """
        if self.name:
            return self.name
        low, high = (
            f"{bound:{form}}".replace("-", "−") if bound else "0" for bound in (self.low, self.high)
        )
        if math.isinf(self.high):
            return f"{low} or more"
        if math.isinf(self.low):
            return f"{high} or less"
        return f"exactly {low}" if self.low == self.high else f"from {low} to {high}"


def above(threshold: float) -> Region:
    """The region from a threshold on."""
    return Region(low=threshold)


def below(threshold: float) -> Region:
    """The region up to a threshold."""
    return Region(high=threshold)


def within(center: float, tolerance: float) -> Region:
    """The region of a value give or take a tolerance."""
    return Region(center - tolerance, center + tolerance)


@dataclass(frozen=True)
class Test:
    """Figures compared with one region.

    Parameters
    ----------
    what : str
        What the figures are, with their unit.
    region : Region
        Values that support the claim.
    figures : mapping of (str, str) to Measured
        By row and column of the table that shows them.
    form : str, default=".2f"
        Format of the figures.
    need : {"every", "one"}, default="every"
        Whether the claim is about every figure, or says that there is one.
    """

    __test__ = False  # not a test of pytest's

    what: str
    region: Region
    figures: Mapping[tuple[str, str], Measured]
    form: str = ".2f"
    need: Need = "every"

    def outcomes(self) -> list[Outcome]:
        """The outcome of each figure."""
        return [self.region.outcome(figure) for figure in self.figures.values()]

    def verdict(self) -> Verdict:
        """What the figures say of the test.

        When every figure is needed: it holds if all support it, in part if some do; without any
        that does, it does not hold if one is against it. When one is needed: it holds if one
        supports it, and does not hold if all are against it. If intervals are too wide for either,
        or there is no figure, it cannot be tested here.

        Examples
        --------
        >>> figures = {("011", ""): Measured(1), ("012", ""): Measured(-1)}
        >>> [Test("", above(0), figures, need=need).verdict() for need in ("every", "one")]
        ['holds in part', 'holds']
        """
        outcomes = self.outcomes()
        if self.need == "one":
            if "supports" in outcomes:
                return "holds"
            settled = bool(outcomes) and set(outcomes) == {"against"}
            return "does not hold" if settled else "cannot be tested here"
        if "supports" in outcomes:
            return "holds" if set(outcomes) == {"supports"} else "holds in part"
        return "does not hold" if "against" in outcomes else "cannot be tested here"


TestOf = Callable[[Records], Test]
"""Makes a test from records."""


def judge(tests: Iterable[Test]) -> Verdict:
    """The verdict on a claim from the verdicts of its tests.

    It holds if all its tests do. It holds in part if one of them holds, or holds in part. Without
    any such it does not hold if one of them does not; and if none is settled, or there is none, it
    cannot be tested here.

    Examples
    --------
    >>> held, failed = (Test("", above(0), {("", ""): Measured(x)}) for x in (1.0, -1.0))
    >>> judge([held, failed]), judge([failed]), judge([])
    ('holds in part', 'does not hold', 'cannot be tested here')
    """
    verdicts = {test.verdict() for test in tests}
    if verdicts == {"holds"}:
        return "holds"
    if verdicts & {"holds", "holds in part"}:
        return "holds in part"
    return "does not hold" if "does not hold" in verdicts else "cannot be tested here"


@dataclass(frozen=True)
class Claim:
    """A claim of the study.

    Parameters
    ----------
    key : str
        Short name, for links.
    part : str
        Part of the study's document, by which the ledger is divided.
    words : str
        The claim in its own words.
    reading : str
        How the words are taken, and what is compared; a sentence or two.
    tests : tuple of callable
        Each makes a test from records. Without one, the claim cannot be tested here, and `reading`
        says why.
    """

    key: str
    part: str
    words: str
    reading: str
    tests: tuple[TestOf, ...] = ()


@dataclass(frozen=True)
class Entry:
    """A claim with its number in the ledger, its tests and verdict, and the records behind them."""

    number: int
    claim: Claim
    tests: tuple[Test, ...]
    verdict: Verdict
    records: tuple[str, ...]


def ledger(claims: Iterable[Claim], records: Records) -> list[Entry]:
    """Test the claims against the records.

    Parameters
    ----------
    claims : iterable of Claim
        In the order of the ledger.
    records : Records
        Where the figures are; afterwards its `used` says which records the ledger rests on.

    Returns
    -------
    list of Entry

    Raises
    ------
    seds500.records.store.RecordError
        If a claim needs a record or a value that does not exist; names it and the claim.
    """
    entries = []
    for number, claim in enumerate(claims, start=1):
        own = Records(records.folder)
        try:
            tests = tuple(make(own) for make in claim.tests)
        except RecordError as error:
            raise RecordError(f"claim {claim.key!r} cannot be tested: {error}") from error
        finally:
            records.used |= own.used
        used = tuple(name for name in sorted(own.used) if own.exists(name))
        entries.append(Entry(number, claim, tests, judge(tests), used))
    return entries


def count(entries: Sequence[Entry]) -> dict[Verdict, int]:
    """How many claims there are of each verdict.

    Examples
    --------
    >>> count([])["holds"]
    0
    """
    return {verdict: sum(e.verdict == verdict for e in entries) for verdict in VERDICTS}
