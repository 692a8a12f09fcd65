"""The report card: fixed rules that turn findings into verdicts, and that can fail.

The rules and thresholds were fixed before any method was looked at. Between *fail* and *pass* lies
*inconclusive*: too little was seen either way.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from synthtab.attacks.controls import CONTROLS, LEAKY, SAFE
from synthtab.attacks.copies import excess_p_value
from synthtab.attacks.inference import inference_risk
from synthtab.attacks.membership import ATTACKS
from synthtab.attacks.roc import Auc, pool, tpr_interval
from synthtab.attacks.run import WHITE_BOX, Findings
from synthtab.evaluation.intervals import Estimate, average

Verdict = Literal["fail", "inconclusive", "pass"]
_WORST_FIRST: tuple[Verdict, ...] = ("fail", "inconclusive", "pass")

ALPHA = 0.05  # of a row's interval, shared among its attacks or columns (Bonferroni)
COPIES_P = 0.01
AUC_MATTERS = 0.55
AUC_ISOLATED = 0.60
TPR_AT_1 = 0.02
RISK_MATTERS = 0.10

ROWS: Mapping[str, str] = {
    "copies": "exact copies, excess",
    "membership": "membership, AUC",
    "tpr_1": "membership, TPR at 1 % FPR",
    "tpr_10": "membership, TPR at 10 % FPR",
    "white_box": "white-box membership, AUC",
    "isolated": "membership of isolated rows, AUC",
    "inference": "attribute inference, risk",
}
"""The judged rows and what they are called on a page."""


class Item(NamedTuple):
    """One attack, column or set of columns of a row, with its own verdict."""

    name: str
    estimate: Estimate
    verdict: Verdict


@dataclass(frozen=True)
class Row:
    """One row of the card.

    Attributes
    ----------
    verdict : {"fail", "inconclusive", "pass"}
        The worst of its items'.
    at : str
        The item shown: of those with that verdict, the one with the largest value.
    estimate : Estimate
        Its value and interval.
    items : tuple of Item
        All of them.
    p_value : float or None
        Of the item shown, where the row has one.
    """

    verdict: Verdict
    at: str
    estimate: Estimate
    items: tuple[Item, ...]
    p_value: float | None = None


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
    verdicts = {method: _worst(row.verdict for row in of.values()) for method, of in rows.items()}
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


def judge(findings: Sequence[Findings]) -> dict[str, Row]:
    """Rows of one method, pooled over its splits, in the order of `ROWS`.

    Raises
    ------
    ValueError
        If there are no findings.

    Notes
    -----
    ========== ========================================== ===============================
    row        fail                                       pass
    ========== ========================================== ===============================
    copies     p < 0.01, all columns or features          otherwise
    membership lower bound > 0.5 and AUC >= 0.55          upper bound <= 0.55
    tpr_1      lower bound > FPR                          upper bound <= 0.02
    tpr_10     lower bound > FPR                          otherwise
    white_box  as membership                              as membership
    isolated   lower bound > 0.5                          upper bound <= 0.60
    inference  lower bound > 0, any column                upper bound <= 0.10, the target
    ========== ========================================== ===============================

    A row fails if one of its items does, and passes if all do. Bounds are of 95 % intervals with
    Bonferroni's correction for the number of items. In ``inference`` the upper bound is asked of
    the target only: where nearly all rows share a category there is little left to infer, and its
    share cannot be bounded with a few thousand attacks.
    """
    if not findings:
        raise ValueError("no findings: attack the method on one split at least")
    # tpr_1 and tpr_10 are two looks at the same scores.
    level = 1 - ALPHA / (len(ATTACKS) * 2)
    rows = {
        "copies": _copies_row(findings),
        "membership": _auc_row([f.membership for f in findings], ATTACKS, _membership_verdict),
        "tpr_1": _tpr_row(findings, 0.01, level),
        "tpr_10": _tpr_row(findings, 0.1, level),
        "isolated": _auc_row([f.isolated for f in findings], ATTACKS, _isolated_verdict),
        "inference": _inference_row(findings),
    }
    if WHITE_BOX in findings[0].membership:
        aucs = [f.membership for f in findings]
        rows["white_box"] = _auc_row(aucs, [WHITE_BOX], _membership_verdict)
    return {key: rows[key] for key in ROWS if key in rows}


def _membership_verdict(auc: Estimate) -> Verdict:
    if auc.low > 0.5 and auc.value >= AUC_MATTERS:
        return "fail"
    return "pass" if auc.high <= AUC_MATTERS else "inconclusive"


def _isolated_verdict(auc: Estimate) -> Verdict:
    if auc.low > 0.5:
        return "fail"
    return "pass" if auc.high <= AUC_ISOLATED else "inconclusive"


def _copies_row(findings: Sequence[Findings]) -> Row:
    items, p_values = [], {}
    for key in findings[0].copies:
        parts = [f.copies[key] for f in findings]
        p_values[key] = excess_p_value(parts)
        variances = [float(p.permuted.var()) for p in parts]
        estimate = _within(average([p.excess for p in parts], variances), -1.0, 1.0)
        items.append(Item(key, estimate, "fail" if p_values[key] < COPIES_P else "pass"))
    row = _row(items)
    return Row(row.verdict, row.at, row.estimate, row.items, p_values[row.at])


def _auc_row(
    aucs: Sequence[Mapping[str, Auc]],
    attacks: Collection[str],
    verdict: Callable[[Estimate], Verdict],
) -> Row:
    items = []
    for attack in attacks:
        values, variances = zip(*(a[attack] for a in aucs), strict=True)
        level = 1 - ALPHA / len(attacks)
        estimate = _within(average(values, variances, confidence=level), 0.0, 1.0)
        items.append(Item(attack, estimate, verdict(estimate)))
    return _row(items)


def _tpr_row(findings: Sequence[Findings], rate: float, level: float) -> Row:
    items = []
    for attack in ATTACKS:
        found = pool([f.flags[attack, rate] for f in findings])
        estimate = tpr_interval(found, confidence=level)
        verdict: Verdict = "pass"
        if estimate.low > found.fpr:
            verdict = "fail"
        elif rate == 0.01 and estimate.high > TPR_AT_1:
            verdict = "inconclusive"
        items.append(Item(attack, estimate, verdict))
    return _row(items)


def _inference_row(findings: Sequence[Findings]) -> Row:
    columns = list(findings[0].inference)
    items = []
    for column in columns:
        parts = [f.inference[column] for f in findings]
        risk = inference_risk(parts, confidence=1 - ALPHA / len(columns))
        verdict: Verdict = "pass"
        if risk.low > 0:
            verdict = "fail"
        elif column == findings[0].target and risk.high > RISK_MATTERS:
            verdict = "inconclusive"
        items.append(Item(column, risk, verdict))
    return _row(items)


def _nearest_share(findings: Sequence[Findings]) -> Estimate:
    shares, variances = (
        [f.closeness[key] for f in findings] for key in ("nearest_is_training", "nearest_variance")
    )
    return _within(average(shares, variances), 0.0, 1.0)


def _within(estimate: Estimate, low: float, high: float) -> Estimate:
    """With bounds cut off where no value can lie; a normal interval reaches beyond."""
    return estimate._replace(low=max(low, estimate.low), high=min(high, estimate.high))


def _row(items: Sequence[Item]) -> Row:
    verdict = _worst(item.verdict for item in items)
    shown = max((i for i in items if i.verdict == verdict), key=lambda i: i.estimate.value)
    return Row(verdict, shown.name, shown.estimate, tuple(items))


def _worst(verdicts: Iterable[Verdict]) -> Verdict:
    return min(verdicts, key=_WORST_FIRST.index)
