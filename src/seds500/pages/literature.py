"""Tables, a figure and sentences that put the literature's models beside those of this report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from seds500.comparisons import FIELD, FIELD_TABLES, LITERATURE, OTHER_PACKAGES
from seds500.methods import METHOD_LABELS, OPTIONAL
from seds500.plots import COLOURS, LABELS, baseline, legend, panels, styled
from seds500.records.committed import SOURCES, Measured, Records, runs, title
from seds500.records.prose import listed
from synthtab.evaluation.utility import LEARNERS
from synthtab.generators.stasy import STaSy
from synthtab.generators.tabdiff import TabDiff
from synthtab.generators.tabsyn import TabSyn

MODELS = ("hybrid", "gaussian", "tabddpm", "tabsyn", "tabdiff", "stasy")
"""Diffusion models, all of this package."""
PACKAGED = ("argn", "arf", "tvae", "ctgan", "gaussian_copula")
"""Others, through their own packages."""
PEERS = ("tabddpm", "tabsyn", "tabdiff", "stasy")
PUBLISHED: Mapping[str, str] = {
    **{name: name for name in ("TabDiff", "TabPC", "TabSyn", "STaSy")},
    "ShallowMixture": "shallow mixture",
    "FullyFactorizedPreprocessed": "independent columns",
}
"""What the methods of the re-run are called on a page, by their names there."""
BUDGET = "budget"
N_SPLITS = 3
"""Splits behind those figures of the literature's record that do not name their number."""

PASSES: Mapping[str, tuple[Any, int]] = {
    "tabsyn": (TabSyn(), 14_000),
    "tabdiff": (TabDiff(), 8_000),
    "stasy": (STaSy(), 10_000),
}
"""The model as it is run here, and the passes over a table of the published training, at most."""

_RANKED = ("shape error, %", "trend error, %")
_BUDGET_FORMS = {**dict.fromkeys(_RANKED, ".1f"), "C2ST AUC": ".2f", "MLE": ".3f"}
_WORDS = dict(zip(_RANKED, ("single columns", "pairs"), strict=True))
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
        for method, name in PUBLISHED.items():
            if method in found["published"]["shape"]:
                values = {key: by[method][table] for key, by in found["published"].items()}
                yield table, f"{name}, published", _published(values)


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
    means = _on_all(records).groupby("method").mean(numeric_only=True).sort_values("rank")
    rows = {
        method: {
            "mean rank": f"{row['rank']:.1f}",
            **{key: format(row[key], _FORMS[key]) for key in (*_RANKED, "C2ST AUC")},
            "seconds": f"{row['seconds']:,.0f}",
        }
        for method, row in means.iterrows()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


def _on_all(records: Records) -> pd.DataFrame:
    """Figures and mean rank, by table, of the methods that have figures of every table."""
    found = pd.DataFrame(
        [{"table": table, "method": method, **of} for table, method, of in _figures(records)]
    )
    found["method"] = found.method.str.replace(r", \d+ fitted here", ", here", regex=True)
    found = found[found.groupby("method").table.transform("nunique") == len(FIELD_TABLES)]
    return found.assign(rank=found.groupby("table")[list(_RANKED)].rank().mean(axis=1))


def field_leaders(records: Records) -> str:
    """Who has the best mean rank and the smallest errors in the mean, and who the largest where.

    Parameters
    ----------
    records : Records
        The committed runs.

    Returns
    -------
    str
        Markdown, about the methods of `field_means`.
    """
    found = _on_all(records)
    means = found.groupby("method").mean(numeric_only=True)
    smallest = [
        f"{_named(means[key].idxmin())} has the smallest mean error of {words}"
        for key, words in _WORDS.items()
    ]
    first = f"{listed(smallest)}. {_named(means['rank'].idxmin())} has the best mean rank."
    lines = [first[0].upper() + first[1:]]
    ours = f"{METHOD_LABELS['hybrid']}, here"
    largest = {
        words: [
            str(table)
            for table, of in found.groupby("table")
            if of.set_index("method")[k].idxmax() == ours
        ]
        for k, words in _WORDS.items()
    }
    lines += [
        f"HybridDiffusion has the largest error of {words} of all on {listed(where)}."
        for words, where in largest.items()
        if where
    ]
    return " ".join(lines)


def _named(method: Any) -> str:
    """A method of `field_means` in running text."""
    return str(method).removesuffix(", here").replace(", published", " as published")


def field_budgets(records: Records) -> pd.DataFrame:
    """The literature's models as trained here beside their published figures, with their budgets.

    Parameters
    ----------
    records : Records
        The committed runs.

    Returns
    -------
    DataFrame of str
        A line for each model and table that was run. Cells have the figure here, then the
        published one.
    """
    found = records.value(FIELD)
    rows = {}
    for method, table in _fitted(records):
        of = found[f"{table}_{method}"]
        here = _measured(of)
        published = _published_on(records, METHOD_LABELS[method], table)
        rows[f"{METHOD_LABELS[method]}: {table}"] = {
            "rows seen, % of published": f"{_seen(method, of['n_train']):.1f}",
            **{
                key: f"{here[key]:{form}} / {published[key]:{form}}"
                for key, form in _BUDGET_FORMS.items()
            },
            "CPU s / GPU s": f"{here['seconds']:,.0f} / {published['seconds']:,.0f}",
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("here / published")


def field_rivals(records: Records) -> str:
    """Where the literature's models, as trained here, fall short of their published figures.

    Parameters
    ----------
    records : Records
        The committed runs.

    Returns
    -------
    str
        Markdown. Where the published figure is better stands first; then what was not run.
    """
    found = records.value(FIELD)
    lines = []
    for is_smaller, words in (
        (True, "The published errors are smaller for"),
        (False, "The errors measured here are not larger for"),
    ):
        places: dict[str, dict[str, list[str]]] = {}
        for method, table in _fitted(records):
            name = METHOD_LABELS[method]
            here = _measured(found[f"{table}_{method}"])
            published = _published_on(records, name, table)
            keys = [_WORDS[k] for k in _RANKED if (published[k] < here[k]) == is_smaller]
            if keys:
                places.setdefault(name, {}).setdefault(listed(keys), []).append(table)
        said = [
            f"{name} ({', '.join(f'{keys} on {listed(where)}' for keys, where in of.items())})"
            for name, of in places.items()
        ]
        if said:
            lines.append(f"{words} {'; '.join(said)}.")
    for method in PASSES:
        tables = [table for m, table in _fitted(records) if m == method]
        if tables:
            shares = [_seen(method, found[f"{table}_{method}"]["n_train"]) for table in tables]
            n_steps, batch_size = _steps(method)
            lines.append(
                f"{METHOD_LABELS[method]} takes {n_steps:,} steps of {batch_size} rows here, "
                f"{_range(shares, '.1f')} % of the rows that the published training sees at most."
            )
    missing = {
        METHOD_LABELS[method]: [
            t for t in FIELD_TABLES if "mle" not in found.get(f"{t}_{method}", {})
        ]
        for method in PEERS
    }
    if any(missing.values()):
        lines.append(f"Not run: {_by_places(missing, 'on', listed)}. {_REASON}")
    return " ".join(lines)


_REASON = "A fit takes minutes on one core, and processor time ended first."


def published_better(records: Records) -> str:
    """Where published figures are better than HybridDiffusion's, by table and in the mean.

    Parameters
    ----------
    records : Records
        The committed runs.

    Returns
    -------
    str
        Markdown.
    """
    ours = {table: _measured(records.value(f"{FIELD}.{table}")) for table in FIELD_TABLES}
    theirs = {
        name: {table: _published_on(records, method, table) for table in FIELD_TABLES}
        for method, name in PUBLISHED.items()
        if records.has(f"{FIELD}.published.shape.{method}")
    }
    lines = []
    for key, words in _WORDS.items():
        ahead = {
            method: [table for table in FIELD_TABLES if of[table][key] < ours[table][key]]
            for method, of in theirs.items()
        }
        for method, of in theirs.items():
            if sum(found[key] for found in of.values()) < sum(
                found[key] for found in ours.values()
            ):
                ahead[method].append("mean")
        lines.append(f"Published errors of {words} are smaller for {_in_brackets(ahead)}.")
    # Of beijing MLE is an error, elsewhere an AUC.
    signs = {table: -1 if table == "beijing" else 1 for table in FIELD_TABLES}
    ahead = {
        method: [t for t, sign in signs.items() if sign * (of[t]["MLE"] - ours[t]["MLE"]) > 0]
        for method, of in theirs.items()
    }
    lines.append(f"Published MLE, of another learner, is better for {_in_brackets(ahead)}.")
    nearer = [
        abs(of[table]["DCR share"] - 0.5) < abs(ours[table]["DCR share"] - 0.5)
        for of in theirs.values()
        for table in FIELD_TABLES
    ]
    lines.append(
        "The share of rows that are nearer to training rows (DCR) is closer to one half in "
        f"{sum(nearer)} of {len(nearer)} published rows."
    )
    return " ".join(lines)


def _in_brackets(ahead: Mapping[str, list[str]]) -> str:
    shown = [f"{method} ({', '.join(where)})" for method, where in ahead.items() if where]
    return listed(shown or ["none"])


def _fitted(records: Records) -> Iterator[tuple[str, str]]:
    """Model and table of the literature's models that were fitted and have published figures."""
    found = records.value(FIELD)
    for method in PASSES:
        for table in FIELD_TABLES:
            if "mle" in found.get(f"{table}_{method}", {}):
                yield method, table


def _published_on(records: Records, method: str, table: str) -> dict[str, float]:
    published = records.value(f"{FIELD}.published")
    return _published({key: by[method][table] for key, by in published.items()})


def _steps(method: str) -> tuple[int, int]:
    """All training steps by default, and the rows of each."""
    settings = PASSES[method][0].get_params()
    steps = sum(n for name, n in settings.items() if name.startswith("n_iter"))
    return steps, settings["batch_size"]


def _seen(method: str, n_train: int) -> float:
    """Rows seen in training, in percent of those of the published one."""
    n_steps, batch_size = _steps(method)
    return 100 * n_steps * min(batch_size, n_train) / (PASSES[method][1] * n_train)


def _range(values: Sequence[float], form: str) -> str:
    """Least and largest in words, or the one that there is."""
    ends = [format(end, form) for end in (min(values), max(values))]
    return " to ".join(dict.fromkeys(ends))


def _by_places(places: Mapping[str, list[str]], word: str, said: Callable[[list[str]], str]) -> str:
    """Names with the places that they share, as "A and B on x; C on y and z"."""
    names: dict[tuple[str, ...], list[str]] = {}
    for name, where in places.items():
        if where:
            names.setdefault(tuple(where), []).append(name)
    return "; ".join(f"{listed(of)} {word} {said(list(where))}" for where, of in names.items())


# The tables of the experiments ------------------------------------------------------------------


def side_by_side(records: Records, table: str) -> pd.DataFrame:
    """What a forest keeps of its R² with each generator's rows, and CPU seconds.

    Parameters
    ----------
    records : Records
        The committed runs.
    table : {"standin", "public"}
        Which of the two tables of each experiment.

    Returns
    -------
    DataFrame of str
        A line for each generator, a column for each experiment. Figures of the experiments' own
        runs come first, of all five splits and marked by a star; others are of the first three.
    """
    methods = ("second_sample", *MODELS, *PACKAGED, "interpolation")
    rows = {
        LABELS[method]: {
            experiment: _cell(records, run, method)
            for run, experiment, source in runs()
            if source == table
        }
        for method in methods
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("generator")


def _cell(records: Records, run: str, method: str) -> str:
    if cell := _cell_of(records, run, method):
        return cell
    part = f"{LITERATURE}.{run}_{method}"
    if records.has(part):
        of = records.value(part)
        return _kept(of["rf"], of, of.get("n_splits", N_SPLITS))
    return _cell_of(records, f"{OTHER_PACKAGES}.{run}", method) or "not run"


def _cell_of(records: Records, name: str, method: str) -> str | None:
    """The cell from a comparison of all methods, if it has the method."""
    place = f"{name}.utility.replacement.{method}.rf.r2"
    if not records.exists(name.partition(".")[0]) or not records.has(place):
        return None
    spent = records.value(f"{name}.timings.{method}")
    return _kept(records.value(place), spent, records.value(f"{name}.dataset.n_seeds"))


def _kept(score: Mapping[Any, Any], spent: Mapping[str, float], n_splits: int) -> str:
    seconds = f"{spent['fit'] + spent['sample']:.0f}"
    star = "" if n_splits == N_SPLITS else "*"
    parts = [Measured.of(score, "percent").show(".0f") + star, f"{seconds} s"]
    # A line may break between the two parts, and nowhere else.
    unbroken = [part.replace(" ", "\N{NO-BREAK SPACE}") for part in parts]
    return unbroken[0] if seconds == "0" else "; ".join(unbroken)


def rivals_run(records: Records) -> str:
    """On which of the experiments' tables the literature's models were run.

    Parameters
    ----------
    records : Records
        The committed runs.

    Returns
    -------
    str
        Markdown, with their budget and why some were not run.
    """
    parts = {
        method: [run for run, _, _ in runs() if records.has(f"{LITERATURE}.{run}_{method}")]
        for method in (*OPTIONAL, "tvae")
    }
    lacks = {m: [run for run, _, _ in runs() if run not in of] for m, of in parts.items()}
    known = {LABELS[m]: parts[m] for m in OPTIONAL}
    lines = [f"{_by_places(known, 'ran on', _tables)}."]
    pairs = [(m, run) for m in OPTIONAL for run in parts[m]]
    fits = [records.value(f"{LITERATURE}.{run}_{m}") for m, run in pairs]
    shares = [_seen(m, records.value(f"{run}.dataset.n_train")) for m, run in pairs]
    lines.append(
        f"They take {_range([of['fit'] + of['sample'] for of in fits], '.0f')} s of one core to "
        f"fit and draw once, and see {_range(shares, '.1f')} % of the published number of rows, at "
        "a quarter of the published width or less."
    )
    missing = {LABELS[m]: lacks[m] for m in OPTIONAL}
    if any(missing.values()):
        lines.append(f"Not run: {_by_places(missing, 'on', _tables)}. {_REASON}")
    if parts["tvae"] and lacks["tvae"]:
        lines.append(f"TVAE was tried on {_tables(parts['tvae'])} only.")
    return " ".join(lines)


def _tables(names: Iterable[str]) -> str:
    """Runs in words, both tables of an experiment as one."""
    sources: dict[str, list[str]] = {}
    for experiment, _, source in (name.partition("_") for name in sorted(names)):
        sources.setdefault(experiment, []).append(SOURCES[source])
    if sum(map(len, sources.values())) == len(list(runs())):
        return "all six tables"
    both = [key for key, of in sources.items() if len(of) == len(SOURCES)]
    one = [f"the {of[0]} of {key}" for key, of in sources.items() if len(of) < len(SOURCES)]
    return listed([*both, *one])


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


def budgets_reading(records: Records) -> str:
    """Whose quality on validation rows still improves with the last of its training steps.

    Parameters
    ----------
    records : Records
        The committed runs.

    Returns
    -------
    str
        Markdown, about the models whose steps are a setting.
    """
    improved: dict[str, list[str]] = {}
    others = []
    for method in MODELS:
        points = _points(records, method)
        if len(points) < 2:
            continue
        before, last = points[-2:]
        told = [abs(of["c2st"]["mean"] - 0.5) for of in (before, last)]
        better = {
            "R² kept": last["hgb"]["percent"] > before["hgb"]["percent"],
            "detection": told[1] < told[0],
        }
        if any(better.values()):
            words = listed([key for key, value in better.items() if value])
            improved.setdefault(words, []).append(LABELS[method])
        else:
            others.append(LABELS[method])
    moved = [f"{words} of {listed(of)}" for words, of in improved.items()]
    lines = []
    if moved:
        lines.append(
            f"On this split the last steps still improve {'; '.join(moved)}. These models are "
            "short of what they can reach, and the tables above do not rank them."
        )
    if others:
        lines.append(f"They improve neither R² nor detection of {listed(others)}.")
    return " ".join(lines)


def _points(records: Records, method: str) -> list[Mapping[str, Any]]:
    """What a model reached with each number of steps, in the order of time."""
    found = records.value(LITERATURE).get(f"{BUDGET}_{method}", {})
    return sorted(found.values(), key=lambda of: of["fit"])


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
    for method, form in zip(MODELS, "*osD^v", strict=True):
        points = _points(records, method)
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
