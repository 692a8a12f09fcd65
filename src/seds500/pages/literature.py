"""Tables and a figure that put the models of the literature beside those of this report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from seds500.comparisons import FIELD, FIELD_TABLES, LITERATURE
from seds500.methods import METHOD_LABELS
from seds500.plots import COLOURS, LABELS, baseline, legend, panels, styled
from seds500.records.committed import Measured, Records, runs, title
from synthtab.evaluation.utility import LEARNERS

MODELS = ("hybrid", "gaussian", "tabddpm", "tabsyn", "tabdiff", "stasy")
"""Diffusion models, all of this package."""
PACKAGED = ("argn", "arf", "tvae", "ctgan", "gaussian_copula")
"""Others, through their own packages."""
PEERS = ("tabddpm", "tabsyn", "tabdiff", "stasy")
PUBLISHED = ("TabDiff", "TabPC", "TabSyn", "STaSy")
BUDGET = "budget"
_RANKED = ("shape error, %", "trend error, %")
_FORMS = {**dict.fromkeys(_RANKED, ".2f"), "C2ST AUC": ".3f", "MLE": ".3f", "DCR share": ".3f"}


# The tables of the field ---------------------------------------------------------------------


def _figures(records: Records) -> Iterator[tuple[str, str, dict[str, float]]]:
    """Table, method and figures, of what is measured here and of what is published."""
    found = records.value(FIELD)
    for table in FIELD_TABLES:
        for method in ("hybrid", *PEERS):
            of = found.get(table if method == "hybrid" else f"{table}_{method}", {})
            if "mle" in of:
                yield table, f"{METHOD_LABELS[method]}, {of['n']} fitted here", _measured(of)
        for method in PUBLISHED:
            if method in found["published"]["shape"]:
                values = {key: by[method][table] for key, by in found["published"].items()}
                yield table, f"{method}, published", _published(values)


def _measured(of: Mapping[str, Any]) -> dict[str, float]:
    found = {
        "shape error, %": of["shape"]["mean"],
        "trend error, %": of["trend"]["mean"],
        "with shared bins": of["trend_shared"]["mean"],
        "C2ST AUC": of["c2st"]["mean"],
        "MLE": of["mle"]["mean"],
        "seconds": of["fit"]["mean"] + of["sample"]["mean"],
    }
    return found | ({"DCR share": of["dcr"]} if "dcr" in of else {})


def _published(of: Mapping[str, float]) -> dict[str, float]:
    return {
        "shape error, %": 100 * (1 - of["shape"]),
        "trend error, %": 100 * (1 - of["trend"]),
        "C2ST AUC": 1 - of["xgb_detection"] / 2,
        "MLE": of["mle"],
        "DCR share": of["dcr"],
        "seconds": of["training_time"] + of["sampling_time"],
    }


def field(records: Records) -> pd.DataFrame:
    """The models of this package beside the published figures, on each table of the literature.

    Parameters
    ----------
    records : Records
        The committed runs.

    Returns
    -------
    DataFrame of str
        What is measured here first.
    """
    rows = {}
    for table, method, of in _figures(records):
        row = {key: format(of[key], form) if key in of else "–" for key, form in _FORMS.items()}
        if "with shared bins" in of:
            row["trend error, %"] += f" ({of['with shared bins']:.2f})"
            row["MLE"] += f" (real {records.value(f'{FIELD}.{table}.mle_real'):.3f})"
        rows[f"{table}: {method}"] = row | {"seconds": f"{of['seconds']:,.0f}"}
    return pd.DataFrame.from_dict(rows, orient="index")


def field_means(records: Records) -> pd.DataFrame:
    """The same in the mean over tables, with the mean rank by shape and trend.

    Parameters
    ----------
    records : Records
        The committed runs.

    Returns
    -------
    DataFrame of str
        Ordered by rank. Only methods that have figures of every table.
    """
    found = pd.DataFrame(
        [{"table": table, "method": method, **of} for table, method, of in _figures(records)]
    )
    found["method"] = found.method.str.replace(r", \d+ fitted here", ", here", regex=True)
    found = found[found.groupby("method").table.transform("nunique") == len(FIELD_TABLES)]
    found = found.assign(rank=found.groupby("table")[list(_RANKED)].rank().mean(axis=1))
    means = found.groupby("method").mean(numeric_only=True).sort_values("rank")
    rows = {
        method: {
            "mean rank": f"{row['rank']:.1f}",
            **{key: format(row[key], _FORMS[key]) for key in (*_RANKED, "C2ST AUC")},
            "seconds": f"{row['seconds']:,.0f}",
        }
        for method, row in means.iterrows()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


# The tables of the experiments ------------------------------------------------------------------


def rivals(records: Records) -> pd.DataFrame:
    """Generators of the literature, run here on the splits of the experiments.

    Parameters
    ----------
    records : Records
        The committed runs.

    Returns
    -------
    DataFrame of str
        A line for each table and method that was run on it: R² kept by learner, detection, time.
    """
    found = records.value(LITERATURE)
    rows = {
        f"{title(run)}: {LABELS[method]}": _row(found[f"{run}_{method}"])
        for run, _, _ in runs()
        for method in (*MODELS, *PACKAGED)
        if f"{run}_{method}" in found
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def _row(of: Mapping[str, Any]) -> dict[str, str]:
    row = {
        words: Measured.of(of[key], "percent").show(".0f")
        for key, words in LEARNERS.items()
        if key in of
    }
    row["detection AUC"] = Measured.of(of["c2st"]).show(".2f")
    row["CPU s"] = f"{of['fit'] + of['sample']:.0f}"
    return row


@styled
def budgets(records: Records) -> Figure:
    """What more training is worth: quality on validation rows of 013 against CPU seconds.

    Parameters
    ----------
    records : Records
        The committed runs.

    Returns
    -------
    Figure
        R² kept and detection, a line for each model whose steps are a setting, a marker for those
        that end their training themselves.
    """
    figure, (kept, told) = panels(2, 2, 3.8, 3.4, below=0.7)
    values = records.value(LITERATURE)
    for method, form in zip(MODELS, "*osD^v", strict=True):
        points = sorted(values.get(f"{BUDGET}_{method}", {}).values(), key=lambda of: of["fit"])
        if not points:
            continue
        seconds = [of["fit"] + of["sample"] for of in points]
        looks: Any = {"color": COLOURS[method], "label": LABELS[method], "marker": form}
        looks["ms"] = 12 if form == "*" else 6
        kept.plot(seconds, [of["hgb"]["percent"] for of in points], **looks)
        told.plot(seconds, [of["c2st"]["mean"] for of in points], **looks)
    baseline(kept, sideways=False)
    baseline(told, 0.5, sideways=False)
    for ax, words in ((kept, "R² kept by boosting, %"), (told, "detection AUC")):
        ax.set(xscale="log", xlabel="CPU seconds to fit and draw", ylabel=words)
    kept.set_ylim(bottom=max(0.0, kept.get_ylim()[0]))
    told.set_ylim(bottom=0.42)
    legend(figure, ncols=3)
    return figure
