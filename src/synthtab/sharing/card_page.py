"""The report card: one HTML file with everything in it, for a screen, a telephone and a printer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from synthtab.attacks.card import ROWS
from synthtab.attacks.controls import CONTROLS
from synthtab.evaluation.utility import LEARNERS
from synthtab.sharing.assessment import METRICS, REAL, SYNTHETIC, PrivacyJudgement
from synthtab.sharing.pictures import distribution, intervals, legend

if TYPE_CHECKING:
    from synthtab.sharing.share import Assessment

_FEW_VALUES = 12  # a number that takes no more is shown as bars
_MEANINGS: Mapping[str, str] = {
    "copies": "synthetic rows equal to a training row, beyond those equal to a held-out row",
    "membership": "can it be told that a row was trained on? one half is a guess",
    "tpr_1": "training rows recognised while one held-out row in a hundred is mistaken for one",
    "tpr_10": "the same, with one held-out row in ten",
    "isolated": "the same question for the rows that stand alone, which are the easiest to know",
    "inference": "guesses of a known row's last column that are right beyond those for other rows",
}
_FIDELITY: Mapping[str, str] = {
    "ks": "distance of distributions (Kolmogorov–Smirnov), ideal 0",
    "tv": "distance of shares (total variation), ideal 0",
    "range": "share of the real range that is covered, ideal 1",
    "rare": "rare categories kept, ideal 1",
    "association": "mean difference of associations, ideal 0",
    "c2st": "can a classifier tell them from real rows? ideal 0.5",
}
_STYLE = """
:root{color-scheme:light dark;--ink:#1b1b1b;--paper:#fff;--soft:#5b5b5b;--line:#d9d9d9;
--real:#3d3d3d;--synthetic:#0072b2;--pass:#0b6b4f;--fail:#a83c00;--inconclusive:#5b5b5b;
--box:#f5f5f3}
@media (prefers-color-scheme:dark){:root{--ink:#ececec;--paper:#161719;--soft:#b0b0b0;
--line:#3a3c40;
--real:#d5d5d5;--synthetic:#56b4e9;--pass:#5fd1a8;--fail:#f5a06a;--inconclusive:#b0b0b0;
--box:#202226}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:1.2rem;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
h1{font-size:1.5rem;line-height:1.25;margin:.2rem 0}h2{font-size:1.15rem;margin:2rem 0 .4rem}
p{margin:.4rem 0;max-width:44rem}.soft,caption{color:var(--soft);font-size:.92rem}
.verdict{border-left:.45rem solid var(--c);background:var(--box);padding:.8rem 1rem;margin:1rem 0}
.verdict strong{color:var(--c);font-size:1.2rem;display:block}
.pass{--c:var(--pass)}.fail{--c:var(--fail)}.inconclusive{--c:var(--inconclusive)}
td.pass,td.fail,td.inconclusive{color:var(--c);font-weight:600}
table{border-collapse:collapse;width:100%;font-size:.94rem}
caption{text-align:left;padding:.3rem 0}
th,td{text-align:left;padding:.35rem .5rem;border-bottom:1px solid var(--line);vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.scroll{overflow-x:auto}
.plots{display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr))}
figure{margin:0}figcaption{font-weight:600;font-size:.92rem;overflow-wrap:anywhere}
svg{width:100%;max-width:27rem;height:auto;display:block;font:13px system-ui,sans-serif;
fill:var(--ink)}
svg .small{font-size:11px;fill:var(--soft)}svg .grid{stroke:var(--line)}
svg .axis{stroke:var(--soft)}
svg .real{fill:var(--real)}svg .synthetic{fill:var(--synthetic)}
svg .bound{stroke-width:2}svg g.real .bound{stroke:var(--real)}
svg g.synthetic .bound{stroke:var(--synthetic)}
svg .curve{fill:none;stroke-width:1.8}svg .curve.real{stroke:var(--real);stroke-dasharray:4 2}
svg .curve.synthetic{stroke:var(--synthetic)}
.key{display:inline-block;width:.8em;height:.8em;margin:0 .35em 0 .9em;border-radius:2px}
.key.real{background:var(--real);margin-left:0}.key.synthetic{background:var(--synthetic)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;font-size:.94rem}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
@media (max-width:40rem){body{padding:.8rem}dl{grid-template-columns:1fr}dd{margin-bottom:.4rem}
table.wide tr{display:block;padding:.4rem 0;border-bottom:1px solid var(--line)}
table.wide thead{display:none}
table.wide td,table.wide th{display:block;border:0;padding:.05rem 0;text-align:left}}
@media print{:root{--ink:#000;--paper:#fff;--soft:#444;--line:#bbb;--real:#333;
--synthetic:#0072b2;
--pass:#0b6b4f;--fail:#a83c00;--inconclusive:#555;--box:#fff}body{max-width:none;font-size:11pt}
figure,tr,.verdict{break-inside:avoid}}
"""


def card_html(assessment: Assessment) -> str:
    """The report card of an assessment.

    Parameters
    ----------
    assessment : Assessment

    Returns
    -------
    str
        A page that needs no other file and no network, and runs no script.
    """
    settings = assessment.settings
    name = escape(str(settings["file"]))
    body = [
        '<p class="soft">synthtab report card</p>',
        f"<h1>A synthetic table for {name}</h1>",
        _verdict(assessment),
        _utility(assessment),
        _privacy(assessment.privacy),
        _fidelity(assessment),
        _columns(assessment),
        _settings(assessment),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Report card: {name}</title><style>{_STYLE}</style></head><body><main>\n"
        + "\n".join(body)
        + "\n</main></body></html>\n"
    )


def _verdict(assessment: Assessment) -> str:
    judged = assessment.privacy
    reasons = []
    if judged is not None:
        reasons += [f"{ROWS[key]}: fail" for key in judged.failed]
        reasons += [f"void, since {reason}" for reason in judged.void]
    why = escape("; ".join(reasons))
    if judged is None:
        kind, head = "inconclusive", "No verdict on privacy"
        text = "Nothing can be said without real rows that the synthetic table was not made from."
    elif judged.may_release:
        kind, head = "pass", "No privacy rule fails"
        text = "The synthetic table was written." if assessment.released else ""
        unsure = [ROWS[k] for k, row in judged.rows.items() if row.verdict == "inconclusive"]
        if unsure:
            text += f" Too few rows to tell: {escape('; '.join(unsure))}."
    elif assessment.released is None:
        kind, head, text = "fail", "Should not be released", f"{why}."
    elif assessment.released:
        kind, head = "fail", "Released against the rules"
        text = f"{why}. Written all the same, as <code>--release-anyway</code> asked for."
    else:
        kind, head = "fail", "Kept back"
        text = (
            f"{why}. No synthetic table was written. Differential privacy "
            "(<code>--epsilon</code>), fewer columns, or fewer training steps leak less."
        )
    guarantee = assessment.settings.get("guarantee")
    extra = f"<p>{escape(str(guarantee))}</p>" if guarantee else ""
    return f'<div class="verdict {kind}"><strong>{head}</strong><span>{text}</span>{extra}</div>'


def _utility(assessment: Assessment) -> str:
    rows = assessment.utility
    metric = METRICS[str(rows.metric.iloc[0])]
    shown = [
        (
            LEARNERS[r["learner"]] if r["table"] == REAL else "",
            r["table"],
            r["value"],
            r["low"],
            r["high"],
        )
        for r in rows.to_dict("records")
    ]
    best = rows[rows.table == REAL].sort_values("value").learner.iloc[-1]
    kept = rows[(rows.table == SYNTHETIC) & (rows.learner == best)].iloc[0]
    told = (
        f"{LEARNERS[best]}, the best learner on real rows, keeps {kept.percent:.0f} % "
        f"({kept.percent_low:.0f} to {kept.percent_high:.0f} %) of its {metric} when it is trained "
        "on synthetic rows"
    )
    seen = assessment.settings.get("test rows")
    where = seen if seen else "real rows that neither the generator nor the learners have seen"
    return (
        "<h2>Utility: trained on synthetic rows, tested on real ones</h2>"
        f"<p>Predicting <code>{escape(str(assessment.settings['target']))}</code>: {escape(told)}. "
        f"Tested on {escape(str(where))}; bounds are 95 % of resamplings of those rows.</p>"
        + legend({REAL: "trained on real rows", SYNTHETIC: "on synthetic rows"})
        + intervals(shown, label=f"{metric} on held-out real rows", alt=told)
        + _table(
            ["learner", f"{metric}, real", f"{metric}, synthetic", "% of real"],
            [_utility_row(rows, learner) for learner in rows.learner.unique()],
        )
    )


def _utility_row(rows: pd.DataFrame, learner: str) -> list[str]:
    of = rows[rows.learner == learner].set_index("table")
    real, made = of.loc[REAL], of.loc[SYNTHETIC]
    return [
        LEARNERS[learner],
        _bounded(real.value, real.low, real.high),
        _bounded(made.value, made.low, made.high),
        _bounded(made.percent, made.percent_low, made.percent_high, digits=0),
    ]


def _privacy(judged: PrivacyJudgement | None) -> str:
    head = "<h2>Privacy: attacks, and fixed rules</h2>"
    if judged is None:
        return (
            head
            + "<p>No verdict. Attacks compare rows that the table was made from with rows that "
            "it was not made from; give the latter with <code>--unseen</code>.</p>"
        )
    body = []
    for key, row in judged.rows.items():
        p = "" if row.p_value is None else f", p = {row.p_value:.3f}"
        body.append(
            f'<tr><th scope="row">{escape(ROWS[key])}</th>'
            f'<td class="{row.verdict}">{row.verdict}</td>'
            f'<td class="n">{_bounded(*row.estimate)}</td>'
            f'<td>{escape(row.at.replace("_", " "))}{p}<br><span class="soft">'
            f"{_MEANINGS[key]}</span></td></tr>"
        )
    tests = ", ".join(
        f"{escape(CONTROLS[key].removeprefix('control: '))}: {verdict}"
        for key, verdict in judged.controls.items()
    )
    near = judged.nearest
    return (
        f"{head}<p>{judged.n_attacked:,} training rows were attacked beside as many held-out ones, "
        f"by somebody who holds {judged.n_released:,} synthetic rows and {judged.n_reference:,} "
        "other real ones. The rules were fixed before any table was judged, and one that fails "
        "keeps the table back.</p>"
        '<div class="scroll"><table class="wide"><thead><tr><th>attack</th><th>verdict</th>'
        '<th class="n">worst value</th><th>at</th></tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
        f"<p>Controls, whose verdict is known: {tests}. The two leaks have to fail, and fresh real "
        "rows must not.</p>"
        f'<p class="soft">Nearest real row is a training row, rather than a held-out one: '
        f"{_bounded(*near)}; one half is chance. That warns, and proves nothing either way. The "
        "attacks are those we know of: a table that passes may still be open to a better one. Who "
        "holds the model can attack it more strongly; it stays with the real table.</p>"
    )


def _fidelity(assessment: Assessment) -> str:
    rows = [
        [_FIDELITY[r["metric"]], r["column"] or "all columns", f"{r['value']:.3f}"]
        for r in assessment.fidelity.to_dict("records")
        if r["metric"] in _FIDELITY
    ]
    order = list(_FIDELITY.values())
    rows.sort(key=lambda r: order.index(r[0]), reverse=True)
    plots = "".join(
        f"<figure><figcaption>{escape(column)}</figcaption>"
        + distribution(
            assessment.real[column],
            assessment.synthetic[column],
            is_category=column in assessment.schema.categorical
            or assessment.real[column].nunique() <= _FEW_VALUES,
        )
        + "</figure>"
        for column in assessment.schema.columns
    )
    return (
        "<h2>Fidelity: are the distributions alike?</h2>"
        + legend({REAL: "real rows", SYNTHETIC: "synthetic rows"})
        + f'<div class="plots">{plots}</div>'
        + "<details><summary>All figures</summary>"
        + _table(["measure", "column", "value"], rows, n_text=2)
        + "</details>"
    )


def _columns(assessment: Assessment) -> str:
    rows = [[c.name, c.kind, c.note] for c in assessment.plan.columns]
    head = "<h2>Columns</h2>"
    return head + _table(["column", "taken for", "seen"], rows, n_text=3)


def _settings(assessment: Assessment) -> str:
    parts = []
    for key, value in assessment.settings.items():
        if key == "guarantee" or value is None or value in ({}, []):
            continue
        if isinstance(value, Mapping):
            text = ", ".join(f"{k} {v}" for k, v in value.items())
        elif isinstance(value, bool):
            text = "yes" if value else "no"
        elif isinstance(value, Sequence) and not isinstance(value, str):
            text = ", ".join(map(str, value))
        else:
            text = f"{value:,}" if isinstance(value, int) and key != "seed" else str(value)
        parts.append(f"<dt>{escape(key)}</dt><dd>{escape(text)}</dd>")
    notes = "".join(f"<p>{escape(note)}</p>" for note in assessment.notes)
    return f"<h2>Settings</h2><dl>{''.join(parts)}</dl>{notes}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], *, n_text: int = 1) -> str:
    def cell(tag: str, i: int, text: str) -> str:
        kind = ' class="n"' if i >= n_text else ""
        return f"<{tag}{kind}>{escape(text)}</{tag}>"

    top = "".join(cell("th", i, text) for i, text in enumerate(head))
    body = "".join(
        "<tr>" + "".join(cell("td", i, text) for i, text in enumerate(row)) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'
        "</div>"
    )


def _bounded(value: Any, low: Any, high: Any, *, digits: int = 2) -> str:
    # A zero has no sign.
    shown = [f"{round(v, digits) + 0.0:.{digits}f}" for v in (value, low, high)]
    return f"{shown[0]} ({shown[1]} to {shown[2]})".replace("-", "−")
