"""The report card: what is detected, what is material, and verdicts that can fail.

A finding is *detected* if its interval rules chance out, and *material* if its value lies beyond
the tolerance of `synthtab.attacks.tolerances`. Both together *fail*; an interval within the
tolerance is a *pass*; all else is *inconclusive*.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from scipy.stats import chi2, norm

from synthtab.attacks.controls import CONTROLS, LEAKY, SAFE
from synthtab.attacks.copies import Closeness, Counted, Surprise
from synthtab.attacks.inference import inference_risk
from synthtab.attacks.membership import ATTACKS
from synthtab.attacks.roc import ENDS, Auc, pool, tpr_interval
from synthtab.attacks.run import WHITE_BOX, Findings
from synthtab.attacks.tolerances import ALPHA, POWER, SURPRISE, TOLERANCES
from synthtab.evaluation.intervals import Estimate, average

Verdict = Literal["fail", "inconclusive", "pass"]
_WORST_FIRST: tuple[Verdict, ...] = ("fail", "inconclusive", "pass")
_RATES: Mapping[str, float] = {"tpr_1": 0.01, "tpr_10": 0.1}

ROWS: Mapping[str, str] = {
    "copies": "training rows returned whole",
    "near": "training rows returned nearly whole",
    "membership": "membership, AUC",
    "tpr_1": "membership, TPR at 1 % FPR",
    "tpr_10": "membership, TPR at 10 % FPR",
    "white_box": "white-box membership, AUC",
    "isolated": "membership of isolated rows, AUC",
    "inference": "attribute inference, risk",
}
"""The judged rows and what they are called on a page."""


class Item(NamedTuple):
    """One attack, column or set of rows of a row of the card, with its own verdict.

    `chance` is its value where nothing leaks, `found_from` the smallest value that would have
    failed with a chance of `POWER`, about; `too_few` says that a value of `chance` would not have
    passed, and `note` puts it in numbers of rows, where that is plainer.
    """

    name: str
    estimate: Estimate
    chance: float
    detected: bool
    verdict: Verdict
    found_from: float
    too_few: bool
    note: str = ""


@dataclass(frozen=True)
class Row:
    """One row of the card.

    Attributes
    ----------
    shown : Item
        Of its items with the worst verdict, the one farthest from chance.
    items : tuple of Item
        All of them.
    """

    shown: Item
    items: tuple[Item, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of its items'."""
        return self.shown.verdict

    @property
    def at(self) -> str:
        """Name of the item shown."""
        return self.shown.name

    @property
    def estimate(self) -> Estimate:
        """Value and interval of the item shown."""
        return self.shown.estimate

    @property
    def found_from(self) -> float:
        """The smallest value that some item would have found with the chance `POWER`."""
        return min(item.found_from for item in self.items)

    @property
    def detected(self) -> bool:
        """Whether chance is ruled out for some item."""
        return any(item.detected for item in self.items)

    @property
    def too_few(self) -> bool:
        """Whether a table that gives nothing away could not have passed either."""
        return self.verdict == "inconclusive" and self.shown.too_few


@dataclass(frozen=True)
class Card:
    """The report card of every method on one table.

    Attributes
    ----------
    rows : dict of str to dict of str to Row
        By method and key of `ROWS`; a method whose model is closed has no ``white_box`` row.
    verdicts : dict of str to {"fail", "inconclusive", "pass"}
        The worst of each method's rows.
    nearest : dict of str to Estimate
        By method: share of the synthetic rows whose nearest real row is a training row rather than
        a holdout row. A lower bound above one half is a warning, and no verdict: distances prove
        nothing either way.
    void : tuple of str
        Why nothing may be concluded from this card; empty if there is no reason.
    """

    rows: dict[str, dict[str, Row]]
    verdicts: dict[str, Verdict]
    nearest: dict[str, Estimate]
    void: tuple[str, ...]


def make_card(findings: Mapping[str, Sequence[Findings]]) -> Card:
    """Judge every method by the findings of all its splits.

    The controls of `synthtab.attacks.controls` are among the methods. The card is void where a
    leaky control is not found out, the real rows fail, or a control is missing: see `void_reasons`.
    """
    rows = {method: judge(found) for method, found in findings.items()}
    verdicts = {method: worst(row.verdict for row in of.values()) for method, of in rows.items()}
    nearest = {method: _nearest_share(found) for method, found in findings.items()}
    return Card(rows, verdicts, nearest, void_reasons(verdicts))


def void_reasons(verdicts: Mapping[str, Verdict]) -> tuple[str, ...]:
    """Why a card with these verdicts says nothing.

    Examples
    --------
    >>> void_reasons({"control_real": "pass", "control_copy": "fail", "control_leak_10": "fail"})
    ()
    >>> void_reasons({"control_real": "fail", "control_copy": "fail", "control_leak_10": "fail"})
    ('control: fresh real rows: fail, and should not',)
    """
    reasons = [f"{CONTROLS[c]}: not measured" for c in (SAFE, *LEAKY) if c not in verdicts]
    if verdicts.get(SAFE) == "fail":
        reasons.append(f"{CONTROLS[SAFE]}: fail, and should not")
    for leak in LEAKY:
        if verdicts.get(leak, "fail") != "fail":
            reasons.append(f"{CONTROLS[leak]}: {verdicts[leak]}, and should fail")
    return tuple(reasons)


def judge(findings: Sequence[Findings], n_cards: int = 1) -> dict[str, Row]:
    """Rows of one method, pooled over its splits, in the order of `ROWS`.

    Parameters
    ----------
    findings : sequence of Findings
        One for each split.
    n_cards : int, default=1
        How many cards decide together, such as those of several draws of one model.

    Raises
    ------
    ValueError
        If there are no findings.

    Notes
    -----
    An item fails if its interval rules chance out and its value lies beyond the tolerance of its
    row in `TOLERANCES`, and passes if the whole interval lies within. A row fails if one of its
    items does, and passes if all do. Areas count on both sides of one half, and true positive rates
    at all four `ENDS` of the ROC curve: a table that keeps away from the training rows tells them
    apart, too.

    Intervals are of the confidence 1 - `ALPHA` / (cards * rows of the card * items of the row),
    which is Bonferroni's correction, each row having the same share. Two exceptions: single
    training rows that returned, whole, nearly or but for one column, fail where chance does not
    make such rows (see `synthtab.attacks.copies.returned`), at `SURPRISE` / cards and not at
    `ALPHA`; and in ``inference`` only the target has to stay within, since where nearly all rows
    share a category there is little left to infer, and its share cannot be bounded with a few
    thousand attacks.
    """
    if not findings:
        raise ValueError("no findings: attack the method on one split at least")
    first = findings[0]
    open_model = WHITE_BOX in first.membership
    n_rows = len(ROWS) - (not open_model)

    def level(n_items: int) -> float:
        return 1 - ALPHA / (n_cards * n_rows * n_items)

    areas = [f.membership for f in findings]
    alone = [f.isolated for f in findings]
    items = {
        "copies": _copies(findings, level(2), SURPRISE / n_cards),
        "near": _near(findings, level(3), SURPRISE / n_cards),
        "membership": _areas("membership", areas, ATTACKS, level(len(ATTACKS))),
        **{key: _rates(key, findings, level(len(ATTACKS) * len(ENDS))) for key in _RATES},
        "white_box": _areas("white_box", areas, [WHITE_BOX] if open_model else [], level(1)),
        "isolated": _areas("isolated", alone, ATTACKS if all(alone) else [], level(len(ATTACKS))),
        "inference": _inference(findings, level(len(first.inference))),
    }
    return {key: _row(key, items[key]) for key in ROWS if items[key]}


def _item(
    row: str,
    name: str,
    estimate: Estimate,
    level: float,
    *,
    chance: float | None = None,
    scatter: float = 0.0,
    note: str = "",
) -> Item:
    """Judge an estimate whose interval, and whose distance from chance, have to rule chance out."""
    tolerance = TOLERANCES[row]
    middle = tolerance.chance if chance is None else chance
    limit = middle + tolerance.beyond
    value, low, high = estimate
    detected, material, passes = low > middle, value > limit, high <= limit
    if tolerance.two_sided:
        mirrored = middle - tolerance.beyond
        detected, material = detected or high < middle, material or value < mirrored
        passes = passes and low >= mirrored
    detected = detected and abs(value - middle) > scatter
    fails = detected and material
    verdict: Verdict = "fail" if fails else "pass" if passes else "inconclusive"
    # A value must lie beyond the half width of an interval, and beyond the tolerance; and how much
    # farther with enough power.
    half = (high - low) / 2
    farther = half * float(norm.ppf(POWER) / norm.ppf((1 + level) / 2))
    found_from = max(limit, middle + half, middle + scatter) + farther
    too_few = high - value > tolerance.beyond
    return Item(name, estimate, middle, detected, verdict, found_from, too_few, note)


def _counted(row: str, name: str, parts: Sequence[Counted], level: float) -> Item:
    total = Counted(*(int(v) for v in np.sum(parts, axis=0)))
    note = (
        f"{total.training:,} of {total.n_training:,} training rows, "
        f"{total.fresh:,} of {total.n_fresh:,} fresh ones"
    )
    return _item(row, name, total.excess(level), level, note=note)


def _copies(findings: Sequence[Findings], level: float, alpha: float) -> list[Item]:
    certain = [f.returned.certain for f in findings]
    item = _counted("copies", "records nobody resembles", certain, level)
    if any(c.training and not c.fresh for c in certain):
        item = item._replace(detected=True, verdict="fail")
    elif not any(c.training for c in certain):
        item = item._replace(verdict="pass")  # all of them were looked up
    asked = [item] if any(c.n_training for c in certain) else []
    unique = _counted("copies", "unique rows", [f.returned.unique for f in findings], level)
    if not any(f.returned.unique.training for f in findings):
        unique = unique._replace(verdict="pass")
    but_one = [f.returned.but_one for f in findings]
    return [*asked, unique, *_surprise("copies", "but for one column", but_one, alpha)]


def _surprise(row: str, name: str, parts: Sequence[Surprise], alpha: float) -> list[Item]:
    """The least likely of the splits, or nothing where no row could be asked."""
    least = min(parts, key=lambda part: part.p_value)
    if not least.n_training or not least.n_fresh:
        return []
    count, expected, n = least.training, least.expected, least.n_training
    low, high = chi2.ppf([alpha, 1 - alpha], [2 * count or 1, 2 * count + 2]) / 2 - expected
    estimate = Estimate((count - expected) / n, max(-1.0, low / n), min(1.0, high / n))
    found = least.p_value * len(parts) <= alpha
    note = (
        f"{count:,} training rows, where chance explains {expected:.2g}; "
        f"{least.fresh:,} of {least.n_fresh:,} fresh ones"
    )
    verdict: Verdict = "fail" if found else "pass"  # all of them were looked up
    # What it would have found depends on how near the rows come, and is not told.
    return [Item(name, estimate, 0.0, found, verdict, math.inf, False, note)]


def _near(findings: Sequence[Findings], level: float, alpha: float) -> list[Item]:
    parts = {
        "unique rows": [f.returned.near for f in findings],
        "rows that stand alone": [f.returned.near_alone for f in findings],
        "unique rows, more noise": [f.returned.near_wide for f in findings],
    }
    items = _surprise("near", "the nearest rows", [f.returned.nearest for f in findings], alpha)
    for name, of in parts.items():
        total = Closeness(*(float(v) for v in np.sum(of, axis=0)))
        note = (
            f"as if {total.training:,.1f} of {total.n_training:,.0f} training rows came back, and "
            f"{total.fresh:,.1f} of {total.n_fresh:,.0f} fresh ones"
        )
        items.append(_item("near", name, total.excess(level), level, note=note))
    return items


def _areas(
    row: str, aucs: Sequence[Mapping[str, Auc]], attacks: Collection[str], level: float
) -> list[Item]:
    items = []
    for attack in attacks:
        values, variances, by_chance = zip(*(a[attack] for a in aucs), strict=True)
        estimate = _within(average(values, variances, confidence=level), 0.0, 1.0)
        low, high = average(values, by_chance, confidence=level)[1:]
        items.append(_item(row, attack, estimate, level, scatter=(high - low) / 2))
    return items


def _rates(row: str, findings: Sequence[Findings], level: float) -> list[Item]:
    items = []
    for attack in (attack + end for attack in ATTACKS for end in ENDS):
        found = pool([f.flags[attack, _RATES[row]] for f in findings])
        estimate = tpr_interval(found, confidence=level)
        items.append(_item(row, attack, estimate, level, chance=found.fpr))
    return items


def _inference(findings: Sequence[Findings], level: float) -> list[Item]:
    items = []
    for column in findings[0].inference:
        risk = inference_risk([f.inference[column] for f in findings], confidence=level)
        item = _item("inference", column, risk, level)
        if item.verdict == "inconclusive" and column != findings[0].target:
            item = item._replace(verdict="pass")
        items.append(item)
    return items


def _nearest_share(findings: Sequence[Findings]) -> Estimate:
    shares, variances = (
        [f.closeness[key] for f in findings] for key in ("nearest_is_training", "nearest_variance")
    )
    return _within(average(shares, variances), 0.0, 1.0)


def _within(estimate: Estimate, low: float, high: float) -> Estimate:
    """With bounds cut off where no value can lie; a normal interval reaches beyond."""
    return estimate._replace(low=max(low, estimate.low), high=min(high, estimate.high))


def _row(key: str, items: Sequence[Item]) -> Row:
    verdict = worst(item.verdict for item in items)

    def distance(item: Item) -> float:
        gap = item.estimate.value - item.chance
        return abs(gap) if TOLERANCES[key].two_sided else gap

    return Row(max((i for i in items if i.verdict == verdict), key=distance), tuple(items))


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of some verdicts.

    Examples
    --------
    >>> worst(["pass", "inconclusive"])
    'inconclusive'
    """
    return min(verdicts, key=_WORST_FIRST.index)
