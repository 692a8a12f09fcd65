"""The rules of the report card up to its first records, kept beside those that replaced them.

They were changed after their outcome was known, so both have to be seen: what a row failed on here
is *significance alone* wherever the rule says "lower bound above chance", and with enough rows any
table fails so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from synthtab.attacks.card import Verdict, worst
from synthtab.attacks.copies import excess_p_value
from synthtab.attacks.inference import inference_risk
from synthtab.attacks.membership import ATTACKS
from synthtab.attacks.roc import Auc, pool, tpr_interval
from synthtab.attacks.run import WHITE_BOX, Findings
from synthtab.evaluation.intervals import average

_ALPHA = 0.05  # of a row's interval, shared among its attacks or columns


def former_verdicts(findings: Sequence[Findings]) -> dict[str, Verdict]:
    """Verdicts of one method by the former rules, pooled over its splits.

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
    """
    areas = [f.membership for f in findings]
    copies = [excess_p_value([f.copies[key] for f in findings]) for key in findings[0].copies]
    rows: dict[str, Verdict] = {
        "copies": "fail" if min(copies) < 0.01 else "pass",
        "membership": _areas(areas, ATTACKS, fails_from=0.55, passes_to=0.55),
        "tpr_1": _rates(findings, 0.01, passes_to=0.02),
        "tpr_10": _rates(findings, 0.1, passes_to=1.0),
        "isolated": _areas([f.isolated for f in findings], ATTACKS, fails_from=0, passes_to=0.60),
        "inference": _inference(findings),
    }
    if WHITE_BOX in findings[0].membership:
        rows["white_box"] = _areas(areas, [WHITE_BOX], fails_from=0.55, passes_to=0.55)
    return rows


def _areas(
    areas: Sequence[Mapping[str, Auc]],
    attacks: Iterable[str],
    *,
    fails_from: float,
    passes_to: float,
) -> Verdict:
    attacks = list(attacks)

    def verdict(attack: str) -> Verdict:
        values, variances, _ = zip(*(a[attack] for a in areas), strict=True)
        found = average(values, variances, confidence=1 - _ALPHA / len(attacks))
        if found.low > 0.5 and found.value >= fails_from:
            return "fail"
        return "pass" if found.high <= passes_to else "inconclusive"

    return worst(map(verdict, attacks))


def _rates(findings: Sequence[Findings], rate: float, *, passes_to: float) -> Verdict:
    def verdict(attack: str) -> Verdict:
        found = pool([f.flags[attack, rate] for f in findings])
        # Two rates are two looks at the same scores.
        estimate = tpr_interval(found, confidence=1 - _ALPHA / (2 * len(ATTACKS)))
        if estimate.low > found.fpr:
            return "fail"
        return "pass" if estimate.high <= passes_to else "inconclusive"

    return worst(map(verdict, ATTACKS))


def _inference(findings: Sequence[Findings]) -> Verdict:
    columns = list(findings[0].inference)

    def verdict(column: str) -> Verdict:
        parts = [f.inference[column] for f in findings]
        risk = inference_risk(parts, confidence=1 - _ALPHA / len(columns))
        if risk.low > 0:
            return "fail"
        is_open = column == findings[0].target and risk.high > 0.10
        return "inconclusive" if is_open else "pass"

    return worst(map(verdict, columns))
