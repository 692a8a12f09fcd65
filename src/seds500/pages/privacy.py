"""What a page shows of the report cards: figures, tables and the run's record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.base import clone

from seds500.former_rules import former_verdicts
from seds500.plots import (
    BLACK,
    COLOURS,
    GREY,
    LABELS,
    baseline,
    legend,
    mark,
    methods_axis,
    panels,
    score,
    styled,
)
from seds500.records import Measured, Records, title
from synthtab.attacks.card import ROWS, Card, Row, Verdict, worst
from synthtab.attacks.compare import AttackComparison
from synthtab.attacks.copies import excess_p_value
from synthtab.attacks.membership import ATTACKS
from synthtab.attacks.roc import auc, pool, tpr_interval
from synthtab.attacks.run import FALSE_POSITIVE_RATES, WHITE_BOX, Findings
from synthtab.attacks.shadow import (
    Exposed,
    Trainings,
    likelihood_ratios,
    repeated_training,
    table_statistic,
)
from synthtab.attacks.tolerances import TOLERANCES
from synthtab.evaluation.compare import REAL
from synthtab.evaluation.intervals import Estimate, interval
from synthtab.generators.contract import Generator
from synthtab.table.schema import Schema

VERDICTS: tuple[str, ...] = get_args(Verdict)
_ATTACKS = {**ATTACKS, WHITE_BOX: "white box"}
_EFFECTS: Mapping[str, tuple[str, str, float, str | None]] = {
    "membership": ("all records", "o", -0.22, None),
    "isolated": ("isolated records", "o", 0.0, "white"),
    WHITE_BOX: ("the model at hand", "s", 0.22, None),
}
_LEAST_AUC = 0.38  # at the left end of the axis
_SHADOWS = {"drawn_1": "n rows drawn", "drawn_5": "5 n rows drawn", WHITE_BOX: "the model"}


# Cards ----------------------------------------------------------------------------------------


@styled
def effect_figure(cards: Mapping[str, Card]) -> Figure:
    """What the strongest attacks find, as AUCs with intervals on one axis; a panel a table.

    Parameters
    ----------
    cards : mapping of str to Card
        By the panel's title.

    Returns
    -------
    Figure
        Filled: all records. Hollow: isolated records. Squares: with the model at hand. Grey is what
        the card tolerates for all records, dotted what it does for isolated ones.
    """
    methods = _methods(cards)
    height = 0.3 * len(methods) + 0.6
    figure, axes = panels(len(cards), 2, 3.8, height, below=0.6, sharex=True, sharey=True)
    for ax, (name, card) in zip(axes, cards.items(), strict=True):
        within, far = TOLERANCES["membership"].beyond, TOLERANCES["isolated"].beyond
        ax.axvspan(0.5 - within, 0.5 + within, color="#e8e8e8", lw=0)
        ax.axvline(0.5, color=BLACK, lw=0.8)
        for edge in (0.5 - far, 0.5 + far):
            ax.axvline(edge, color=GREY, lw=0.8, ls=":")
        for y, method in enumerate(methods):
            colour = COLOURS.get(method, GREY)
            for row, (_, marker, offset, fill) in _EFFECTS.items():
                if row in card.rows.get(method, {}):
                    found = Measured(*card.rows[method][row].estimate)
                    score(
                        ax, found, y + offset, colour, left=_LEAST_AUC, form=".2f",
                        marker=marker, fill=fill,
                    )  # fmt: skip
        ax.set_title(f"{name}: card void" if card.void else name)
    methods_axis(axes[0], methods, left=_LEAST_AUC, right=1.01)
    for ax in axes[-2:]:
        ax.set_xlabel("AUC")
    legend(
        figure,
        [mark(words, marker, mfc=fill or GREY) for words, marker, _, fill in _EFFECTS.values()],
    )
    return figure


def _methods(cards: Mapping[str, Card]) -> list[str]:
    """Methods and controls that some card has."""
    return [m for m in LABELS if any(m in card.rows for card in cards.values())]


def card_table(cards: Mapping[str, Card], method: str) -> pd.DataFrame:
    """One method's cards in numbers: rows of the card by tables.

    Returns
    -------
    DataFrame of str
        ``value [low, high] detected, verdict (attack or column)``. Then the verdict, and the share
        of rows whose nearest real row is a training row, which only warns.
    """
    columns = {}
    for name, card in cards.items():
        cells = {ROWS[k]: _cell(row) for k, row in card.rows[method].items()}
        nearest = card.nearest[method]
        warns = " warns" if nearest.low > 0.5 else ""
        columns[name] = cells | {
            "verdict": "void" if card.void else card.verdicts[method],
            "nearest real row is a training row": f"{_bounds(nearest)}{warns}",
        }
    return pd.DataFrame(columns).fillna("")


def _cell(row: Row) -> str:
    seen = "detected" if row.detected else "not detected"
    few = ", too few rows to judge" if row.too_few else ""
    at = row.at.replace("_", " ")
    return f"{_bounds(row.estimate)} {seen}, {row.verdict}{few} ({at})"


def _bounds(estimate: Estimate) -> str:
    return Measured(*estimate).show(".3f")


def verdict_counts(cards: Mapping[str, Card]) -> pd.DataFrame:
    """On how many tables each method fails, passes, or is inconclusive; void cards on their own."""
    methods = _methods(cards)
    counts = {LABELS[m]: dict.fromkeys((*VERDICTS, "void"), 0) for m in methods}
    for card in cards.values():
        for method, verdict in card.verdicts.items():
            counts[LABELS[method]]["void" if card.void else verdict] += 1
    table = pd.DataFrame(counts).T
    table.columns.name = "tables"
    return table


def former_table(
    cards: Mapping[str, Card], measured: Mapping[str, AttackComparison]
) -> pd.DataFrame:
    """Verdicts by the former rules beside those that replaced them, by method and table.

    Parameters
    ----------
    cards, measured : mapping
        By what each table is called.

    Returns
    -------
    DataFrame of str
        ``former → present``, and the rows that failed by the former rules and do not now.
    """
    columns = {}
    for name, card in cards.items():
        cells = {}
        for method, rows in card.rows.items():
            before = former_verdicts(measured[name].findings[method])
            lifted = [k for k, v in before.items() if v == "fail" and rows[k].verdict != "fail"]
            more = f" ({'; '.join(ROWS[k] for k in lifted)})" if lifted else ""
            cells[LABELS[method]] = f"{worst(before.values())} → {card.verdicts[method]}{more}"
        columns[name] = cells
    return pd.DataFrame(columns)


def model_reading(card: Card, title: str) -> str:
    """What the model gives away beside its table, as sentences."""
    model, table = (card.rows["hybrid"][row].estimate for row in ("white_box", "membership"))
    if model.low > table.high:
        told = "The model gives away more than the table drawn from it."
    elif model.high < table.low:
        told = "The attack on the model finds less than the strongest one on the table."
    else:
        told = "The intervals overlap, so this does not say which gives away more."
    return (
        f"On {title}, the attack on the model has an AUC of {_bounds(model)}, and the strongest "
        f"attack on the table one of {_bounds(table)}. {told}"
    )


def trap_reading(card: Card, shares: Mapping[str, float], title: str) -> str:
    """Utility and leakage of what looks alike by utility, as a list."""
    lines = [
        f"On {title}, the share of the R² of real rows that the best learner keeps, the "
        "AUC of the strongest membership attack of the card, the verdict of this one row of the "
        "card, and that of the whole card:",
        "",
    ]
    for method in ("hybrid", "interpolation", "noise_copy"):
        if method in card.rows and method in shares:
            found = card.rows[method]["membership"]
            lines.append(
                f"- {LABELS[method]}: {shares[method]:.0f} %, {_bounds(found.estimate)}, "
                f"{found.verdict}; card: {card.verdicts[method]}"
            )
    return "\n".join(lines)


def anonymeter_table(values: Mapping[str, Any]) -> pd.DataFrame:
    """Risks of singling out and linking with intervals and verdicts, by table and method.

    Parameters
    ----------
    values : mapping
        Values of the record ``benchmark_anonymeter``.

    Returns
    -------
    DataFrame of str
    """
    attacks = {"singling_out": "singling out", "linkability": "linking"}
    rows = {
        (title(table), LABELS[method]): {
            name: f"{_bounds(Estimate(**{k: of[a][k] for k in ('value', 'low', 'high')}))} "
            f"{of[a]['verdict']}"
            for a, name in attacks.items()
        }
        for table, methods in values.items()
        for method, of in methods.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def meaning(cards: Mapping[str, Card]) -> str:
    """What the cards mean, as Markdown sentences that follow from their verdicts.

    Void cards are left out of every count but their own.

    Parameters
    ----------
    cards : mapping of str to Card
        By table.

    Returns
    -------
    str
    """
    valid = [card for card in cards.values() if not card.void]
    lines = [f"- Of {len(cards)} cards {len(cards) - len(valid)} are void and say nothing."]
    if not valid:
        return "\n".join(lines)
    for method in ("hybrid", "smogn_extreme", "interpolation", "noise_copy", "marginals"):
        verdicts = [card.verdicts[method] for card in valid if method in card.verdicts]
        if verdicts:
            counts = {v: sum(verdict == v for verdict in verdicts) for v in VERDICTS}
            lines.append(
                f"- {LABELS[method]}: "
                + ", ".join(f"{v} on {n}" for v, n in counts.items() if n)
                + f" of {len(verdicts)} tables."
            )
    hybrid = [card.verdicts["hybrid"] for card in valid if "hybrid" in card.verdicts]
    if hybrid:
        lines.append(
            "- A table drawn from HybridDiffusion may give records away. It is not to be handed "
            "out as anonymous."
            if "fail" in hybrid
            else "- No rule fails for HybridDiffusion here. That holds for these attacks and "
            "tables, and is no proof that a table is anonymous."
        )
    return "\n".join(lines)


# Attacks --------------------------------------------------------------------------------------


def attacks_table(measured: AttackComparison, methods: Sequence[str] | None = None) -> pd.DataFrame:
    """What each attack finds on one table: the excess of copies, and AUCs.

    Returns
    -------
    DataFrame of str
        One row per method: excess of exact copies in percent, then the mean AUC of every
        black-box attack and of the white-box one.
    """
    rows = {}
    for method in methods or measured.findings:
        found = measured.findings[method]
        excess = 100 * np.mean([f.copies["all"].excess for f in found])
        row = {"copies, excess %": f"{excess:.1f}".replace("-", "−")}
        for attack, name in _ATTACKS.items():
            if attack in found[0].membership:
                row[name] = f"{np.mean([f.membership[attack].value for f in found]):.3f}"
        rows[LABELS[method]] = row
    return pd.DataFrame(rows).T.fillna("no model")


def copies_table(measured: Mapping[str, AttackComparison]) -> pd.DataFrame:
    """Synthetic rows that equal a training row, and a holdout row, in percent, by table.

    Returns
    -------
    DataFrame of str
        ``training / holdout``, and a star where the excess has p < 0.01.
    """
    columns = {}
    for name, found in measured.items():
        cells = {}
        for method, parts in found.findings.items():
            copies = [f.copies["all"] for f in parts]
            shares = [100 * np.mean(c) for c in zip(*(c[:2] for c in copies), strict=True)]
            star = "*" if excess_p_value(copies) < 0.01 else ""
            cells[LABELS[method]] = f"{shares[0]:.1f} / {shares[1]:.1f}{star}"
        columns[name] = cells
    return pd.DataFrame(columns)


def closeness_table(measured: AttackComparison) -> pd.DataFrame:
    """Median distances of synthetic rows to training and to holdout rows, one row per method."""
    rows = {
        LABELS[method]: pd.DataFrame([f.closeness for f in found]).mean()
        for method, found in measured.findings.items()
    }
    table = pd.DataFrame(rows).T
    table["nearest_is_training"] *= 100
    names = {
        "dcr_training": "DCR, training",
        "dcr_holdout": "DCR, holdout",
        "nndr_training": "NNDR, training",
        "nndr_holdout": "NNDR, holdout",
        "nearest_is_training": "nearest is a training row, %",
    }
    return (
        table[list(names)].rename(columns=names).round({names["nearest_is_training"]: 1}).round(3)
    )


def rates_table(
    measured: Mapping[str, AttackComparison], method: str, attacks: Sequence[str]
) -> pd.DataFrame:
    """True positive rates at low false positive rates, with 95 % intervals, by table and attack."""
    rows = {}
    for name, found in measured.items():
        for attack in attacks:
            rates = _rates(found.findings[method], attack)
            rows[name, _ATTACKS[attack]] = {
                f"TPR at {100 * rate:g} % FPR": _bounds(estimate)
                for rate, estimate in rates.items()
            }
    return pd.DataFrame(rows).T.fillna("too few rows")


def _rates(findings: Sequence[Findings], attack: str) -> dict[float, Estimate]:
    return {
        rate: tpr_interval(pool([f.flags[attack, rate] for f in findings]))
        for rate in FALSE_POSITIVE_RATES
        if (attack, rate) in findings[0].flags
    }


def exposed_table(found: Mapping[str, Mapping[str, Exposed]]) -> pd.DataFrame:
    """Attack by repeated training, on all rows and on the most exposed ones.

    By what is attacked, as `synthtab.attacks.shadow.shadow_attack` finds it.
    """
    rows = {}
    for attacked, parts in found.items():
        for key, name in {"all": "all rows", "exposed": "most exposed rows"}.items():
            part = parts[key]
            rows[f"{_SHADOWS[attacked]}, {name}"] = {
                "rows": str(part.n_rows),
                "AUC": _bounds(part.auc),
                "AUC, members made up": f"{part.null:.3f}",
                "TPR": f"{_bounds(tpr_interval(part.flags))} at {100 * part.flags.fpr:.0f} % FPR",
            }
    return pd.DataFrame(rows).T


_OUTSIDE = {"nearest": "distance to the nearest row", "ratio": "likelihood ratio"}


def outsider(
    generator: Generator,
    frame: pd.DataFrame,
    schema: Schema,
    *,
    n_models: int = 16,
    n_releases: int = 6,
    random_state: int | None = None,
    n_jobs: int = 1,
) -> dict[str, dict[str, Estimate]]:
    """Attack released tables with a public tool, rows of one's own and the records in question.

    Parameters
    ----------
    generator : Generator
        The tool, with its settings.
    frame : DataFrame
        Rows of one source in random order: three tenths are the records in question, a fifth is
        the outsider's. The owner learns half of the former and as many rows of the rest as make a
        table of the size that the outsider trains on.
    schema : Schema
    n_models : int, default=16
        That the outsider trains.
    n_releases : int, default=6
        Tables attacked: each of another training, on other rows, as many drawn as learnt.
    random_state : int or None, default=None
    n_jobs : int, default=1

    Returns
    -------
    dict of str to dict of str to Estimate
        AUC over releases by attack, ``nearest`` and ``ratio``, for ``all`` records in question and
        the ``exposed`` ones, one in twenty and ten at least, which the outsider has chosen before.
    """
    rng = np.random.default_rng(random_state)
    n_asked, n_own = round(0.3 * len(frame)) // 2 * 2, round(0.2 * len(frame)) // 2 * 2
    known = frame.head(n_asked + n_own).reset_index(drop=True)
    rest = frame.iloc[n_asked + n_own :]
    trained = repeated_training(
        generator, known, schema, n_models=n_models, draws=(1,), random_state=rng, n_jobs=n_jobs
    )["drawn_1"]
    theirs = Trainings(trained.statistic[:, :n_asked], trained.is_member[:, :n_asked])
    areas: dict[str, dict[str, list[float]]] = {a: {"all": [], "exposed": []} for a in _OUTSIDE}
    for seed in rng.integers(2**31, size=n_releases):
        member = rng.permutation(n_asked) < n_asked // 2
        others = rest.iloc[rng.permutation(len(rest))[: n_own // 2]]
        rows = pd.concat([known.head(n_asked)[member], others], ignore_index=True)
        model: Any = clone(generator)
        if "random_state" in model.get_params():
            model.set_params(random_state=int(seed))
        drawn = model.fit(rows, schema).sample(len(rows), random_state=int(seed))
        statistic = table_statistic(known, drawn, schema)[:n_asked]
        ratio, exposure = likelihood_ratios(theirs, statistic)
        worst_first = np.argsort(-exposure, kind="stable")
        for attack, found in (("nearest", -statistic[:, 0]), ("ratio", ratio)):
            for key, n in (("all", n_asked), ("exposed", max(10, n_asked // 20))):
                of = worst_first[:n]
                parts = found[of][member[of]], found[of][~member[of]]
                if min(map(len, parts)) > 1:
                    areas[attack][key].append(auc(*parts).value)
    return {a: {k: interval(v) for k, v in of.items()} for a, of in areas.items()}


def outsider_table(found: Mapping[str, Mapping[str, Estimate]]) -> pd.DataFrame:
    """What an outsider finds by each attack: AUC for all records in question, and the exposed."""
    titles = {"all": "all records in question", "exposed": "most exposed records"}
    return pd.DataFrame(
        {
            titles[key]: {name: _bounds(found[attack][key]) for attack, name in _OUTSIDE.items()}
            for key in titles
        }
    )


def outsider_record(found: Mapping[str, Mapping[str, Estimate]]) -> dict[str, Any]:
    """The same for `seds500.records.store.record`."""
    return {a: {k: e._asdict() for k, e in of.items()} for a, of in found.items()}


# Utility against leakage ----------------------------------------------------------------------


def utility_shares(
    name: str, source: str, *, records_dir: str | Path | None = None
) -> dict[str, float]:
    """R² kept by every method of a committed experiment, in percent of what real rows give.

    Parameters
    ----------
    name, source : str
        Experiment and source, as in ``013_standin``.
    records_dir : str, Path or None, default=None
        See `seds500.records.store.load`.

    Returns
    -------
    dict of str to float
        In *replacement*, with the learner that does best on the real rows.
    """
    utility = Records(records_dir).value(f"{name}_{source}.utility.replacement")
    learner = max(utility[REAL], key=lambda key: float(utility[REAL][key]["r2"]["mean"]))
    return {m: float(of[learner]["r2"]["percent"]) for m, of in utility.items() if m != REAL}


@styled
def trade_off(
    cards: Mapping[str, Card], utility: Mapping[str, Mapping[str, float]], *, floor: float = 0.0
) -> Figure:
    """Utility against leakage, one panel per table.

    Parameters
    ----------
    cards : mapping of str to Card
        By the panel's title.
    utility : mapping of str to mapping of str to float
        By the same titles: percent of the real rows' R² by method.
    floor : float, default=0
        Lowest percentage shown; what lies below is drawn there as an arrow.

    Returns
    -------
    Figure
        Filled: the strongest black-box membership attack. Hollow, where the model was open: the
        white-box attack. Upper left is where a method should be.
    """
    shown = [m for m in _methods(cards) if m in COLOURS]
    figure, axes = panels(len(cards), 2, 3.7, 2.5, below=1.0, sharex=True, sharey=True)
    for ax, (name, card) in zip(axes, cards.items(), strict=True):
        for method in shown:
            if method in card.rows and method in utility[name]:
                _point(ax, card.rows[method], utility[name][method], COLOURS[method], floor)
        ax.axvline(0.5, color=BLACK, lw=0.8)
        baseline(ax, sideways=False)
        ax.set_title(name)
    for ax in axes[-2:]:
        ax.set_xlabel("membership AUC")
    for ax in axes[::2]:
        ax.set_ylabel("% of the real R²")
    axes[0].set(xlim=(0.48, 1.02), ylim=(floor - 6, 112))
    handles = [mark(LABELS[m], colour=COLOURS[m]) for m in shown]
    legend(figure, [*handles, mark("white box", mfc="white")])
    return figure


def _point(ax: Axes, rows: Mapping[str, Row], percent: float, colour: str, floor: float) -> None:
    y, marker = (floor - 3, "v") if percent < floor else (percent, "o")
    x = rows["membership"].estimate.value
    if WHITE_BOX in rows:
        open_x = rows[WHITE_BOX].estimate.value
        ax.plot([x, open_x], [y, y], color=colour, lw=1)
        ax.plot(open_x, y, marker, color=colour, mfc="white", ms=6)
    ax.plot(x, y, marker, color=colour, ms=6)


# The record -----------------------------------------------------------------------------------


def as_record(
    cards: Mapping[str, Card], measured: Mapping[str, AttackComparison]
) -> dict[str, Any]:
    """Every card and what it was made from, for `seds500.records.store.record`.

    Parameters
    ----------
    cards, measured : mapping
        By table, as ``013_standin``.

    Returns
    -------
    dict
        ``cards`` by table and method: ``verdict``, the rows of the card, ``attacks`` (mean AUC),
        ``copied`` (shares), ``nearest``, and ``rates`` of the white-box attack; ``verdicts``:
        on how many tables each method fails, passes or is inconclusive, and how many cards are
        void; ``former_verdicts``: the same by the former rules; ``timings``.
    """
    values: dict[str, Any] = {}
    for name, card in cards.items():
        found = measured[name]
        values[name] = {
            "n_train": found.n_train,
            "n_reference": found.n_reference,
            "void": list(card.void),
        } | {m: _method_record(card, m, found.findings[m]) for m in card.rows}
    counts: dict[str, Any] = {
        "n_tables": len(cards),
        "void": sum(bool(c.void) for c in cards.values()),
    }
    formerly: dict[str, Any] = {}
    for method in next(iter(cards.values())).rows:
        given: list[str] = [c.verdicts[method] for c in cards.values()]
        counts[method] = {v: given.count(v) for v in VERDICTS}
        before = [values[name][method]["former_verdict"] for name in cards]
        formerly[method] = {v: before.count(v) for v in VERDICTS}
    timings = pd.concat([m.timings for m in measured.values()])
    means = timings.groupby("method", sort=False)[["fit", "attack"]].mean()
    return {
        "cards": values,
        "verdicts": counts,
        "former_verdicts": formerly,
        "timings": {str(m): row.to_dict() for m, row in means.iterrows()},
    }


def _method_record(card: Card, method: str, findings: Sequence[Findings]) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for key, row in card.rows[method].items():
        rows[key] = row.estimate._asdict() | {
            "verdict": row.verdict,
            "detected": row.detected,
            "at": row.at,
            "found_from": row.found_from,
            "too_few": row.too_few,
        }
    former = former_verdicts(findings)
    attacks = list(findings[0].membership)
    record = rows | {
        "verdict": card.verdicts[method],
        "former": former,
        "former_verdict": worst(former.values()),
        "attacks": {
            a: {
                "all": float(np.mean([f.membership[a].value for f in findings])),
                "isolated": float(np.mean([f.isolated[a].value for f in findings])),
            }
            for a in attacks
        },
        "copied": {
            "of_training": float(np.mean([f.copies["all"].of_training for f in findings])),
            "of_holdout": float(np.mean([f.copies["all"].of_holdout for f in findings])),
        },
        "nearest": card.nearest[method]._asdict(),
    }
    if WHITE_BOX in attacks:
        record["rates"] = {
            f"per_{round(1000 * rate)}_in_1000": estimate._asdict()
            for rate, estimate in _rates(findings, WHITE_BOX).items()
        }
    return record


def exposed_record(found: Mapping[str, Mapping[str, Exposed]]) -> dict[str, Any]:
    """The attack by repeated training, for `seds500.records.store.record`."""
    return {
        attacked: {
            key: {
                "auc": part.auc.value,
                "auc_low": part.auc.low,
                "auc_high": part.auc.high,
                "null": part.null,
                "tpr": part.flags.tpr,
                "fpr": part.flags.fpr,
                "n_rows": part.n_rows,
            }
            for key, part in parts.items()
        }
        for attacked, parts in found.items()
    }
