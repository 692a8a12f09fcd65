"""What the chapter on differential privacy shows: declarations, the curve, the audit."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from seds500.arms.dp_audit import epsilon_lower_bound, mu_lower_bound, worst_case_scores
from seds500.comparisons import best_learner, seconds, with_bounds, with_share
from seds500.plots import COLOURS, LABELS, panels, styled
from seds500.records import numbers_of
from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.dp.accounting import Mechanism, epsilon, gaussian_mu
from synthtab.dp.budget import Privacy
from synthtab.evaluation.compare import REAL, Comparison, paired_difference, summarise
from synthtab.evaluation.intervals import verdict
from synthtab.evaluation.utility import LEARNERS
from synthtab.generators.contract import Generator

NO_GUARANTEE = "none"
AUDIT_DELTA = 0.01

# What anyone in the trade would say without seeing a row, in round numbers.
_BOUNDS: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "013_standin": {
        "diameter_mm": (1, 100),
        "length_mm": (1, 1000),
        "machine_minutes": (50, 10_000),
    },
    "013_public": {
        "lot_area": (500, 500_000),
        "first_flr_sf": (100, 10_000),
        "sale_price": (5_000, 2_000_000),
    },
}
_DECIMALS: Mapping[str, Mapping[str, int]] = {
    "013_standin": {"diameter_mm": 1, "length_mm": 1},
    "013_public": {},
}
_N_ROWS = 2000


def declared(table: str, epsilon: float) -> Privacy:
    """Budget and public knowledge for one of the chapter's tables.

    Parameters
    ----------
    table : {"013_standin", "013_public"}
        Experiment and source.
    epsilon : float
        The budget.

    Returns
    -------
    Privacy

    Examples
    --------
    >>> declared("013_public", 3.0).bounds["sale_price"]
    (5000, 2000000)
    """
    return Privacy(
        epsilon,
        n_rows=_N_ROWS,
        bounds=_BOUNDS[table],
        decimals=_DECIMALS[table],
        public_categories=True,
    )


def generators(table: str, epsilons: Sequence[float], **settings: Any) -> dict[str, Generator]:
    """One private model for each budget, and the model without a guarantee.

    Parameters
    ----------
    table : str
        See `declared`.
    epsilons : sequence of float
        Budgets.
    **settings
        Of all models.

    Returns
    -------
    dict of str to Generator
        Unfitted, by `key` of the budget; last ``none``.
    """
    private: dict[str, Generator] = {
        key(e): HybridDiffusion(privacy=declared(table, e), **settings) for e in epsilons
    }
    return {**private, NO_GUARANTEE: HybridDiffusion(**settings)}


def key(epsilon: float) -> str:
    """Name of a budget in tables and records.

    Examples
    --------
    >>> key(3.0), key(0.5)
    ('dp_3', 'dp_0_5')
    """
    return f"dp_{epsilon:g}".replace(".", "_")


def label(method: str) -> str:
    """What a method is called on the page.

    Examples
    --------
    >>> label("dp_0_5"), label("none"), label("real")
    ('ε = 0.5', 'no guarantee', 'training rows')
    """
    names = {REAL: LABELS[REAL], NO_GUARANTEE: "no guarantee"}
    return names.get(method) or f"ε = {method.removeprefix('dp_').replace('_', '.')}"


# What epsilon says ---------------------------------------------------------------------------


def worst_case(epsilons: Sequence[float], delta: float, *, fpr: float = 0.1) -> pd.DataFrame:
    """Share of the members that the best conceivable attack could name.

    Parameters
    ----------
    epsilons : sequence of float
        Budgets.
    delta : float
        Their failure probability.
    fpr : float, default=0.1
        Share of the non-members that the attack names as well.

    Returns
    -------
    DataFrame
        ``epsilon``; ``factor``, by which odds can change; ``promised``, the greatest share that
        epsilon and delta by themselves allow (Kairouz, Oh & Viswanath, 2015, theorem 2.1);
        ``gaussian``, the greatest that normal noise of that epsilon and delta allows, which is
        less.

    Examples
    --------
    >>> worst_case([1.0], delta=5e-5).round(2).iloc[0].tolist()
    [1.0, 2.72, 0.27, 0.16]
    """
    rows = []
    for e in epsilons:
        factor = float(np.exp(e))
        promised = min(factor * fpr + delta, 1 - (1 - delta - fpr) / factor)
        gaussian = float(ndtr(ndtri(fpr) + gaussian_mu(e, delta)))
        rows.append((e, factor, promised, gaussian))
    return pd.DataFrame(rows, columns=["epsilon", "factor", "promised", "gaussian"])


def worst_case_table(worst: pd.DataFrame) -> pd.DataFrame:
    """What `worst_case` returns, for the eye: a row a budget, shares in percent."""
    return pd.DataFrame(
        {
            "odds change by at most": worst["factor"].map("× {:,.1f}".format),
            "members named, by ε and δ alone": (100 * worst["promised"]).map("{:.1f} %".format),
            "with normal noise": (100 * worst["gaussian"]).map("{:.1f} %".format),
        }
    ).set_axis([f"ε = {e:g}" for e in worst["epsilon"]])


# What it costs -------------------------------------------------------------------------------


def cost_table(comparison: Comparison, title: str) -> pd.DataFrame:
    """R² of each budget and learner with its interval and its share of the baseline; margins.

    Parameters
    ----------
    comparison : Comparison
        Of `generators`.
    title : str
        What the table stands under: the name of the real one.

    Returns
    -------
    DataFrame of str
        A row a method; a column a learner, then the mean distances between the margins of
        synthetic and training rows.
    """
    summary = summarise(comparison)
    summary["cell"] = [with_share(row) for row in _records(summary)]
    table = summary.pivot_table(
        index="method", columns="learner", values="cell", aggfunc="first", sort=False
    )
    margins = _margins(comparison).map("{:.3f}".format).reindex(table.index, fill_value="")
    table = table.join(margins)
    table.index = pd.Index([label(str(m)) for m in table.index])
    headings = [_HEADINGS.get(str(c), str(c)) for c in table.columns]
    table.columns = pd.Index(headings, name=f"{title}: R² by")
    return table


_HEADINGS: Mapping[str, str] = {
    **LEARNERS,
    "ks": "KS distance, mean",
    "tv": "total variation, mean",
}


@styled
def curve_figure(
    comparisons: Mapping[str, Comparison],
    titles: Mapping[str, str],
    baselines: Mapping[str, Any],
) -> Figure:
    """R² against epsilon, for the learner that does best on real rows.

    Parameters
    ----------
    comparisons : mapping of str to Comparison
        By table, of `generators`.
    titles : mapping of str to str
        Of the panels.
    baselines : mapping
        By table, method and budget: R² of other private generators by learner, as
        `benchmarks/dp_baseline.py` records them. Tables that it lacks show none.

    Returns
    -------
    Figure
        One panel a table. Vertical lines are intervals. A score below 0 is drawn at 0, as an
        arrow.
    """
    figure, axes = panels(len(comparisons), len(comparisons), 3.9, 3.4, sharey=True)
    for ax, (table, comparison) in zip(axes, comparisons.items(), strict=True):
        learner = best_learner(comparison)
        rows = summarise(comparison).query("learner == @learner").set_index("method")
        real, shown = rows["mean"][REAL], rows.drop(index=REAL)
        place = {method: at for at, method in enumerate(shown.index)}
        ax.axhline(real, color=COLOURS[REAL], ls=":", lw=1.2)
        ax.annotate(
            LABELS[REAL], (1, real), xycoords=("axes fraction", "data"), ha="right", va="bottom",
            fontsize=9,
        )  # fmt: skip
        low, high = shown["low"].clip(0), shown["high"].clip(0)
        ax.vlines(range(len(shown)), low, high, color=COLOURS["hybrid"], lw=2)
        _points(ax, dict(enumerate(shown["mean"])), "hybrid", "o")
        for method, marker in (("aim", "s"), ("mst", "D")):
            scores = {
                place[budget]: found[learner]["r2"]
                for budget, found in baselines.get(table, {}).get(method, {}).items()
                if budget in place
            }
            _points(ax, scores, method, marker)
        ticks = ["none" if m == NO_GUARANTEE else label(m).partition("= ")[2] for m in place]
        ax.set_xticks(range(len(shown)), ticks)
        title = f"{titles[table]}: {LEARNERS[learner]}"
        ax.set(xlabel="ε", title=title, ylim=(-0.06, 1.02))
    axes[0].set_ylabel("R² on real test rows")
    axes[-1].legend(loc="upper left")
    return figure


def _points(ax: Axes, scores: Mapping[int, float], method: str, marker: str) -> None:
    if not scores:
        return
    x, y, colour = np.array(list(scores)), np.array(list(scores.values())), COLOURS[method]
    ax.plot(
        x, y.clip(0), marker, ls="--", lw=0.8, color=colour, label=LABELS[method], clip_on=False
    )
    for position in x[y < 0]:
        ax.annotate(
            "", (position, -0.055), (position, 0), arrowprops={"arrowstyle": "->", "color": colour}
        )


# The audit -----------------------------------------------------------------------------------

AUDITED: Mapping[str, tuple[Mechanism, Mechanism]] = {
    "as it is, one step": (Mechanism(1.0), Mechanism(1.0)),
    "as it is, four steps": (Mechanism(2.0, n_steps=4), Mechanism(2.0, n_steps=4)),
    "as it is, half the noise": (Mechanism(0.5), Mechanism(0.5)),
    "broken: no noise": (Mechanism(1.0), Mechanism(0.0)),
    "broken: a third of the noise": (Mechanism(1.0), Mechanism(1 / 3)),
    "broken: every row in every step": (
        Mechanism(1.0, sample_rate=0.05, n_steps=5),
        Mechanism(1.0, sample_rate=1.0, n_steps=5),
    ),
}
"""What is claimed, and what is done behind the accountant's back."""


def audit(n_trainings: int, *, random_state: int | None = None) -> pd.DataFrame:
    """Attack DP-SGD as it is and broken on purpose.

    Parameters
    ----------
    n_trainings : int
        Trainings with the row, and as many without it, for each of `AUDITED`.
    random_state : int or None, default=None
        Seed.

    Returns
    -------
    DataFrame
        One row for each of `AUDITED`: ``claimed``, the accountant's epsilon at a delta of 1 %;
        ``found``, its `epsilon_lower_bound`; ``mu_claimed`` and ``mu_found``, where all rows are
        meant to take part in every step.
    """
    rows = []
    for name, (claimed, done) in AUDITED.items():
        scores = worst_case_scores(n_trainings, **done._asdict(), random_state=random_state)
        found = {
            "claimed": epsilon([claimed], AUDIT_DELTA),
            "found": epsilon_lower_bound(scores, AUDIT_DELTA),
        }
        if claimed.sample_rate == 1:
            found["mu_claimed"] = math.sqrt(claimed.n_steps) / claimed.noise_multiplier
            found["mu_found"] = mu_lower_bound(scores)
        rows.append({"name": name, **found})
    return pd.DataFrame(rows).set_index("name")


def audit_table(found: pd.DataFrame) -> pd.DataFrame:
    """The audit for the eye, with the verdict: is more seen than is allowed?"""
    titles = {
        "claimed": "ε claimed",
        "found": "ε at least",
        "mu_claimed": "μ claimed",
        "mu_found": "μ at least",
    }
    shown = {
        title: found[c].map(lambda v: "" if np.isnan(v) else f"{v:.2f}")
        for c, title in titles.items()
    }
    exceeded = np.where(_exceeded(found), "found out", "within what is claimed")
    return pd.DataFrame({**shown, "verdict": exceeded}, index=found.index).rename_axis(index=None)


def _exceeded(found: pd.DataFrame) -> NDArray[np.bool_]:
    """Where the attack sees more than is claimed; comparisons with what is missing are false."""
    beyond = (found["found"] > found["claimed"]) | (found["mu_found"] > found["mu_claimed"])
    return beyond.to_numpy(dtype=bool)


# The record ----------------------------------------------------------------------------------


def worst_case_record(worst: pd.DataFrame) -> dict[str, Any]:
    """What `worst_case` returns, by `key` of the budget."""
    return {key(row["epsilon"]): numbers_of(row) for row in _records(worst)}


def as_record(comparison: Comparison) -> dict[str, Any]:
    """What a comparison of `generators` has found, for `seds500.records.store.record`.

    Parameters
    ----------
    comparison : Comparison
        With the model without a guarantee among its methods.

    Returns
    -------
    dict
        ``utility`` by method and learner; ``best_learner``, and ``best`` with the utility of that
        one by method; ``cost``, the R² of this learner without a guarantee minus that with one,
        paired by seed, and whether the interval leaves zero; ``margins`` by method; ``n_seeds``.
    """
    utility: dict[str, Any] = {}
    for row in _records(summarise(comparison)):
        utility.setdefault(row["method"], {})[row["learner"]] = numbers_of(row)
    best = best_learner(comparison)
    cost = paired_difference(comparison, NO_GUARANTEE).query("learner == @best")
    return {
        "utility": utility,
        "best_learner": LEARNERS[best],
        "best": {method: found[best] for method, found in utility.items()},
        "cost": {
            row["method"]: numbers_of(row) | {"verdict": verdict(row["low"], row["high"], 0)}
            for row in _records(cost)
        },
        "margins": {str(m): row.dropna().to_dict() for m, row in _margins(comparison).iterrows()},
        "n_seeds": int(comparison.scores["seed"].nunique()),
    }


def audit_record(found: pd.DataFrame) -> dict[str, Any]:
    """The rows of `audit` by a short key, with ``found_out``, and how many were, of how many.

    Examples
    --------
    >>> rows = {"claimed": [2.0], "found": [3.0], "mu_claimed": [np.nan], "mu_found": [np.nan]}
    >>> audit_record(pd.DataFrame(rows, index=["broken: no noise"]))["broken_no_noise"]
    {'claimed': 2.0, 'found': 3.0, 'found_out': True}
    """
    exceeded = _exceeded(found)
    broken = found.index.str.startswith("broken")
    kept = {
        re.sub(r"\W+", "_", str(name)): row.dropna().to_dict() | {"found_out": bool(out)}
        for (name, row), out in zip(found.iterrows(), exceeded, strict=True)
    }
    return {
        **kept,
        "n_intact": int((~broken).sum()),
        "n_intact_found_out": int((exceeded & ~broken).sum()),
        "n_broken": int(broken.sum()),
        "n_broken_found_out": int((exceeded & broken).sum()),
    }


def _margins(comparison: Comparison) -> pd.DataFrame:
    """Mean KS distance and total variation over columns and seeds; methods by metrics."""
    means = comparison.fidelity.pivot_table(
        index="method", columns="metric", values="value", sort=False
    )
    return means.reindex(columns=[m for m in ("ks", "tv") if m in means])


def _records(frame: pd.DataFrame) -> list[dict[Any, Any]]:
    return frame.to_dict("records")


# Sentences that follow from the numbers ------------------------------------------------------


def worst_case_reading(worst: pd.DataFrame) -> str:
    """What the smallest and the largest budget exclude, as sentences."""
    rows = _records(worst.sort_values("epsilon"))
    return " ".join(
        f"At an ε of {row['epsilon']:g} the definition allows {100 * row['promised']:.0f} % of the "
        f"members to be named, and normal noise {100 * row['gaussian']:.0f} %."
        for row in (rows if len(rows) == 1 else (rows[0], rows[-1]))
    )


def best_table(comparisons: Mapping[str, Comparison], titles: Mapping[str, str]) -> pd.DataFrame:
    """R² of the learner that does best on real rows, by method and table.

    Returns
    -------
    DataFrame of str
        A row a method: ``mean [low, high] · percent``, and the R² without a guarantee minus the
        one with it, with its verdict.
    """
    columns: dict[tuple[str, str], dict[str, str]] = {}
    for key_, comparison in comparisons.items():
        record = as_record(comparison)
        heading = f"{titles[key_]}, {record['best_learner']}"
        scores = {label(m): with_share(of) for m, of in record["best"].items()}
        columns[heading, "R²"] = scores
        columns[heading, "no guarantee minus this"] = {
            label(m): f"{with_bounds(of)}, {_ZERO[of['verdict']]}"
            for m, of in record["cost"].items()
            if m != REAL
        }
    return pd.DataFrame(columns).fillna("")


_ZERO: Mapping[str, str] = {
    "above": "above zero",
    "below": "below zero",
    "not told apart": "zero lies in it",
    "unknown with one seed": "no interval",
}
"""Where an interval lies."""


def cost_reading(comparisons: Mapping[str, Comparison], titles: Mapping[str, str]) -> str:
    """What a guarantee costs with each budget and its interval, and whether zero lies in it."""
    lines = []
    for key_, comparison in comparisons.items():
        record = as_record(comparison)
        cost = {label(m): of for m, of in record["cost"].items() if m != REAL}
        words = {
            "above": "At {} the interval lies above zero: R² is lower with the guarantee.",
            "below": "At {} the interval lies below zero: R² is higher with the guarantee.",
            "not told apart": "At {} zero lies in the interval: a cost is neither shown nor "
            "excluded.",
            "unknown with one seed": "One split gives no interval.",
        }
        told = [
            text.format(", ".join(budget for budget, of in cost.items() if of["verdict"] == kind))
            for kind, text in words.items()
            if kind in {of["verdict"] for of in cost.values()}
        ]
        found = ", ".join(f"{with_bounds(of)} at {budget}" for budget, of in cost.items())
        splits = f"{record['n_seeds']} splits" if record["n_seeds"] > 1 else "1 split"
        lines.append(
            f"- {titles[key_]}, {record['best_learner']}, {splits}: the R² with the rows of "
            f"HybridDiffusion without a guarantee minus that with one is {found}. {' '.join(told)}"
        )
    return "\n".join(lines)


def rivals_table(
    baselines: Mapping[str, Any],
    comparisons: Mapping[str, Comparison],
    titles: Mapping[str, str],
    *,
    learner: str = "rf",
) -> pd.DataFrame:
    """R² that the learner reaches with MST's, AIM's and HybridDiffusion's rows, by budget.

    Parameters
    ----------
    baselines : mapping
        As `curve_figure` takes them.
    comparisons, titles : mapping
        By table.
    learner : str, default="rf"
        Key of the learner.

    Returns
    -------
    DataFrame of str
        A row a generator, a column a table and budget.
    """
    columns: dict[tuple[str, str], dict[str, str]] = {}
    for table, comparison in comparisons.items():
        own = as_record(comparison)["utility"]
        for budget in own:
            found = {
                name.upper(): f"{of[budget][learner]['r2']:.2f} ({of[budget]['n_seeds']} splits)"
                for name, of in baselines.get(table, {}).items()
                if isinstance(of, Mapping) and budget in of
            }
            if found:
                found["HybridDiffusion"] = f"{own[budget][learner]['mean']:.2f}"
                columns[titles[table], label(budget)] = {
                    k: v.replace("-", "−") for k, v in found.items()
                }
    return pd.DataFrame(columns).fillna("")


def time_reading(comparisons: Mapping[str, Comparison], titles: Mapping[str, str]) -> str:
    """CPU seconds of a fit with the smallest budget and of one without a guarantee."""
    lines = []
    for key_, comparison in comparisons.items():
        found = seconds(comparison)
        private = next(m for m in found if m.startswith("dp_"))
        lines.append(
            f"- {titles[key_]}: a fit with {label(private)} takes {found[private]['fit']:.1f} CPU "
            f"seconds on one thread, and one without a guarantee "
            f"{found[NO_GUARANTEE]['fit']:.1f}."
        )
    return "\n".join(lines)


def audit_reading(found: pd.DataFrame) -> str:
    """How many settings of the training were found to give away more than is claimed."""
    counts = audit_record(found)
    return (
        f"Of {counts['n_intact']} settings of the training as it is, "
        f"{counts['n_intact_found_out']} were found to give away more than is claimed. Of "
        f"{counts['n_broken']} broken ones it was {counts['n_broken_found_out']}."
    )


def meaning(
    comparisons: Mapping[str, Comparison], titles: Mapping[str, str], audited: pd.DataFrame
) -> str:
    """What the page means, as Markdown sentences that follow from its results.

    Parameters
    ----------
    comparisons, titles : mapping
        By table.
    audited : DataFrame
        As `audit` returns it.

    Returns
    -------
    str
    """
    counts = audit_record(audited)
    if counts["n_intact_found_out"]:
        kept = "The audit contradicts what the accountant claims: do not rely on the guarantee."
    elif counts["n_broken_found_out"]:
        kept = (
            "The audit finds nothing beyond what is claimed, and would have noticed "
            f"{counts['n_broken_found_out']} of {counts['n_broken']} mistakes made on purpose."
        )
    else:
        kept = (
            "The audit finds nothing, not even in training that was broken on purpose: with so few "
            "trainings it is no evidence."
        )
    return f"{cost_reading(comparisons, titles)}\n- {kept}"
