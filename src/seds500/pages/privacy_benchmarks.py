"""Tables and a figure of the chapters on privacy that are made from the records of benchmarks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import t as student_t

from seds500.plots import BLACK, BLUE, COLOURS, LIGHT, baseline, legend, mark, panels, styled
from seds500.records import Measured, Records
from seds500.records.prose import listed
from synthtab.attacks.card import ROWS

EXPOSURE = "benchmark_exposure"
PEERS = tuple(f"benchmark_exposure_{run}" for run in ("peers", "later", "tabdiff"))
ALARMS = "benchmark_privacy_false_alarms"
UTILITY = "benchmark_dp_utility"
SHARE_AUDIT = "benchmark_dp_share_audit"

DEVELOPMENT: Mapping[str, str] = {
    "concrete": "concrete",
    "013_standin": "training part of the stand-in for 013",
}
"""Tables of the record on exposure."""

AIM = 0.55
"""AUC of the most exposed records that was aimed at, from a table."""

AIMED_POWER = 0.8
"""Share of the tables with a planted leak that should fail."""

_DEFAULT = "few_5_one_member"
_OURS: Mapping[str, str] = {
    "hybrid": "o",
    "few_5": "s",
    _DEFAULT: "*",
    "few_5_dropout_5": "P",
    "few_5_one_member_dropout_5": "^",
    "few_20_one_member": "D",
}
_RIVALS: Mapping[str, str] = {"tabddpm": "X", "tabsyn": "p", "tabdiff": "h", "stasy": ">"}
_PARTS = ("no_dropout", "one_member")  # of HybridDiffusion, without more than that
_OTHERS: Mapping[str, str] = {
    "gaussian_copula": COLOURS["mst"],
    "marginals": LIGHT,
    "interpolation": COLOURS["interpolation"],
    "smogn": COLOURS["smogn_balance"],
    "smogn_synthetic": COLOURS["smogn_extreme_synthetic"],
    "bootstrap": COLOURS["bootstrap"],
    "gaussian": COLOURS["gaussian"],
    **{arm: COLOURS[arm] for arm in _RIVALS},
}
_LEAST_PERCENT = 60.0


# Exposure -------------------------------------------------------------------------------------


def exposure(records: Records, table: str) -> pd.DataFrame:
    """How exposed the most exposed records are, by generator, and what its rows teach.

    Parameters
    ----------
    records : Records
        The committed runs.
    table : str
        One of `DEVELOPMENT`.

    Returns
    -------
    DataFrame of str
        HybridDiffusion and its variants first. AUCs with intervals over pairs of models.
    """
    arms = _arms(records, table)
    rows = {}
    for arm in (a for a in (*_OURS, *_PARTS, *_OTHERS) if a in arms):
        of = arms[arm]
        name = of["name"] + (" (default of share)" if arm == _DEFAULT else "")
        rows[name] = {
            "R² kept, %": _shown(of["percent"], ".0f"),
            "most exposed, n rows": _shown(of["drawn_1"]["exposed"]),
            "most exposed, 5 n rows": _shown(of["drawn_5"]["exposed"]),
            "most exposed, the model": (
                _shown(of["white_box"]["exposed"]) if "white_box" in of else "–"
            ),
            "all, 5 n rows": _shown(of["drawn_5"]["all"]),
            "members made up": f"{of['drawn_5']['all']['null']:.2f}",
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("generator")


def _arms(records: Records, table: str) -> Mapping[str, Any]:
    """Arms of all runs; those of the literature's models know one table."""
    arms = dict(records.value(f"{EXPOSURE}.{table}"))
    for name in PEERS:
        if records.exists(name):
            arms |= records.value(name).get(table, {})
    return arms


def beside(records: Records) -> tuple[str, str]:
    """What others expose of the records of `concrete`, and which reach the aim, in sentences.

    Parameters
    ----------
    records : Records
        The committed runs.

    Returns
    -------
    exposed : str
        AUC and R² kept of each model of the literature that was attacked, of Gaussian diffusion
        and of a copula.
    reached : str
        Which models of the literature reach `AIM`.
    """
    arms = _arms(records, "concrete")
    rivals = [arm for arm in _RIVALS if arm in arms]
    shown = [*rivals, "gaussian", "gaussian_copula"]
    names = {arm: arms[arm]["name"] for arm in rivals}
    names |= {"gaussian": "Gaussian diffusion", "gaussian_copula": "a Gaussian copula"}
    told = {arm: f"{arms[arm]['drawn_5']['exposed']['value']:.2f}" for arm in shown}
    kept = [f"{arms[arm]['percent']['value']:.0f}" for arm in shown]
    spans = [_measured(arms[arm]["percent"]).span for arm in (*shown, "hybrid")]
    overlap = max(low for low, _ in spans) <= min(high for _, high in spans)
    reached = [arm for arm in rivals if arms[arm]["drawn_5"]["exposed"]["value"] <= AIM]
    exposed = (
        "The AUC of the same records is "
        f"{listed([f'{told[arm]} for {names[arm]}' for arm in shown])}. Their rows keep "
        f"{listed(kept)} % of the R² that real rows give, those of HybridDiffusion "
        f"{arms['hybrid']['percent']['value']:.0f} %. These shares are of the best of "
        "three learners, on halves of `concrete` and from two fits each. "
        f"{'The' if overlap else 'Not all'} intervals of these shares overlap."
    )
    who = listed([f"{names[arm]} ({told[arm]})" for arm in reached]) if reached else "none"
    return exposed, f"Of {listed([names[arm] for arm in rivals])}, {who} reached it."


def _measured(of: Mapping[str, Any]) -> Measured:
    return Measured.of(of, "value")


def _shown(of: Mapping[str, Any], form: str = ".2f") -> str:
    return _measured(of).show(form)


@styled
def frontier(records: Records) -> Figure:
    """What a generator's rows teach against how exposed its most exposed records are.

    Parameters
    ----------
    records : Records
        The committed runs.

    Returns
    -------
    Figure
        One panel a table; lines are intervals of the AUC. What teaches less than the axis shows is
        an arrow at its foot.
    """
    figure, axes = panels(len(DEVELOPMENT), 2, 4.1, 3.6, below=1.3, sharey=True)
    drawn: dict[str, Any] = {}
    for ax, (table, title) in zip(axes, DEVELOPMENT.items(), strict=True):
        for arm, of in _arms(records, table).items():
            marker = {**_OURS, **_RIVALS}.get(arm, "o")
            colour = BLUE if arm in _OURS else _OTHERS.get(arm)
            if colour is not None:
                _point(ax, of, marker, colour)
                looks = {"ms": 9} if marker == "*" else {}
                drawn[arm] = mark(of["name"], marker, colour, **looks)
        ax.axvline(0.5, color=BLACK, lw=0.8)
        ax.axvline(AIM, color=BLACK, lw=0.8, ls="--")
        baseline(ax, sideways=False)
        ax.set(title=title, xlabel="AUC of the most exposed records, 5 n rows", xlim=(0.4, 1.02))
    axes[0].set(ylabel="% of the real R²", ylim=(_LEAST_PERCENT - 4, 106))
    order = [*_OURS, *_OTHERS]
    legend(figure, [drawn[arm] for arm in sorted(drawn, key=order.index)], ncols=2)
    return figure


def _point(ax: Axes, of: Mapping[str, Any], marker: str, colour: str) -> None:
    told, taught = _measured(of["drawn_5"]["exposed"]), _measured(of["percent"])
    y = taught.value
    if y < _LEAST_PERCENT:
        y, marker = _LEAST_PERCENT - 2, "v"
    ax.plot(told.span, [y, y], color=colour, lw=0.8, alpha=0.6)
    ax.plot(told.value, y, marker, color=colour, ms=10 if marker == "*" else 6)


# Utility under a guarantee --------------------------------------------------------------------

_BUDGETS: Mapping[str, float] = {"dp_1": 88.0, "dp_3": 92.0, "dp_8": 94.0}
"""Percent of what real rows teach that was aimed at, on the mean of `_AIMED`, by budget."""

_AIMED: Mapping[str, str] = {
    "013_standin": "013, stand-in",
    "013_public": "013, public table",
    "012_public": "012, public table",
    "011_public": "011, public table",
}
_ADDED: Mapping[str, str] = {
    "not_foreseen": "with a category, a gap and decimals that nothing foresaw",
    "at_the_bounds": "at the ends of all bounds",
    "usual": "like the others",
}
_LEAST = 80.0  # aimed at on each of these tables at a budget of 1
_ARMS: Mapping[str, str] = {
    "corrected": "HybridDiffusion",
    "drawn": "before the correction",
    "no_correction": "no correction, all budget in the network",
    "tree": "tree of pairs",
    "tree_alone": "tree of pairs, no correction",
    "copula": "private copula",
}


def _percent(records: Records, table: str, arm: str, budget: str) -> Measured:
    """Mean over seeds with a Student t interval."""
    n = int(records.value(f"{UTILITY}.parameters.n_seeds"))
    of = records.value(f"{UTILITY}.{table}.{arm}.{budget}")
    half = float(student_t.ppf(0.975, n - 1)) * of["sd"] / math.sqrt(n)
    return Measured(of["percent"], of["percent"] - half, of["percent"] + half)


def _mean(found: Sequence[Measured]) -> Measured:
    """Mean over tables; their errors are independent."""
    value = sum(m.value for m in found) / len(found)
    half = math.sqrt(sum((m.value - m.span[0]) ** 2 for m in found)) / len(found)
    return Measured(value, value - half, value + half)


def guarantee_aims(records: Records) -> pd.DataFrame:
    """What was aimed at under a guarantee, and what HybridDiffusion reaches; the missed first."""
    rows = []
    for budget, aim in _BUDGETS.items():
        found, before = (
            [_percent(records, table, arm, budget) for table in _AIMED]
            for arm in ("corrected", "drawn")
        )
        epsilon = budget.removeprefix("dp_")
        where = f"mean of four tables, ε = {epsilon}"
        rows.append((where, aim, _mean(found), _mean(before)))
        if budget == "dp_1":
            least, least_before = (min(of, key=lambda m: m.value) for of in (found, before))
            rows.append((f"worst of four tables, ε = {epsilon}", _LEAST, least, least_before))
    rows.sort(key=lambda row: row[2].value >= row[1])
    return pd.DataFrame(
        [
            {
                "aim": f"≥ {aim:.0f} %",
                "measured": f"{found.show('.1f')} %",
                "": "met" if found.value >= aim else "missed",
                "before the correction": f"{before.value:.1f} %",
            }
            for _, aim, found, before in rows
        ],
        index=[where for where, *_ in rows],
    ).rename_axis("of what real rows teach")


def guarantee(records: Records) -> pd.DataFrame:
    """Percent of what real rows teach under a guarantee, by mechanism, table and budget."""
    values = records.value(UTILITY)
    names = {**_AIMED, "adult": "adult"}
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for arm, words in _ARMS.items():
        for table in (t for t in names if arm in values.get(t, {})):
            rows[words, names[table]] = {
                budget: _percent(records, table, arm, budget).show(".0f")
                for budget in values[table][arm]
            }
        if all(arm in values[table] for table in _AIMED):
            rows[words, "mean of the four"] = {
                budget: _mean([_percent(records, t, arm, budget) for t in _AIMED]).show(".1f")
                for budget in values[next(iter(_AIMED))][arm]
            }
    return pd.DataFrame.from_dict(
        {
            f"{arm}; {where}": {
                f"ε = {budget.removeprefix('dp_')}, %": cells.get(budget, "–")
                for budget in _BUDGETS
            }
            for (arm, where), cells in rows.items()
        },
        orient="index",
    ).rename_axis("mechanism; table")


def share_audit(records: Records) -> pd.DataFrame:
    """What an audit finds of one added row in all that `share --epsilon` lets out, then and now.

    Parameters
    ----------
    records : Records
        The committed runs.

    Returns
    -------
    DataFrame of str
        A line for each added row: the epsilon that is proven at least, and what tells the row.
    """
    promised = records.value(f"{SHARE_AUDIT}.parameters.epsilon")
    rows = {}
    for when, words in (("former", "before"), ("now", "now")):
        for added, what in _ADDED.items():
            of = records.value(f"{SHARE_AUDIT}.{when}.{added}")
            rows[f"{words}: {what}"] = {
                "promised": f"ε = {promised:g}",
                "proven": f"ε ≥ {of['epsilon']:.2f}",
                "what tells the row": of["question"]
                if of["epsilon"] > promised
                else "nothing found",
                "runs of each table": f"{of['n_runs']}",
            }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("share --epsilon; added row")


# The card's power and its false alarms --------------------------------------------------------


def power(records: Records) -> pd.DataFrame:
    """How often a table with a planted leak fails, by leak and rows, with exact intervals."""
    by_size = records.value(f"{ALARMS}.power")
    return pd.DataFrame(
        {
            f"{int(n):,} rows": {
                of["name"]: _failing(of)
                + (f"; old rule {100 * of['old_rule']:.0f} %" if "old_rule" in of else "")
                for of in by_size[n].values()
            }
            for n in sorted(by_size, key=int)
        }
    ).fillna("not tried").rename_axis("leak")  # fmt: skip


def rarely_found(records: Records) -> str:
    """Which planted leaks a card finds less often than was aimed at, in sentences."""
    told = []
    for n, found in records.value(f"{ALARMS}.power").items():
        rare = {of["name"]: of["fail"] for of in found.values() if of["fail"] < AIMED_POWER}
        if int(n) >= 1000 and rare:
            words = listed([f"{name} ({100 * share:.0f} %)" for name, share in rare.items()])
            told.append(f"In tables of {int(n):,} rows these are found less often: {words}.")
    return " ".join(told or ["All of them are found as often."])


def false_alarms(records: Records) -> pd.DataFrame:
    """How often fresh real rows fail, by row of the card and number of rows."""
    found = records.value(ALARMS)
    sizes = sorted((key for key in found if key.isdigit()), key=int)
    rows = {**ROWS, "card": "any row of the card"}
    return pd.DataFrame(
        {
            f"{int(n):,} rows, {found[n]['n_cards']} cards": {
                words: _failing(found[n][row]) for row, words in rows.items() if row in found[n]
            }
            for n in sizes
        }
    ).rename_axis("row of the card")


def _failing(of: Mapping[str, Any]) -> str:
    return Measured(*(100 * of[k] for k in ("fail", "fail_low", "fail_high"))).show(".0f") + " %"
