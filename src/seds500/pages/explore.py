"""The figure that a reader changes: scores by experiment, table, setting and learner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from seds500.comparisons import OTHER_PACKAGES, SETTINGS
from seds500.plots import COLOURS, FLOOR, GREY, LABELS
from seds500.records import EXPERIMENTS, SOURCES, Records, runs
from synthtab.evaluation.compare import REAL
from synthtab.evaluation.utility import LEARNERS


class Score(NamedTuple):
    """A mean R² with its interval, and what it was measured with."""

    experiment: str
    source: str
    setting: str
    learner: str
    method: str
    mean: float
    low: float
    high: float
    percent: float


def choices() -> dict[str, dict[str, str]]:
    """What can be chosen, and what each choice is called; the first of each is shown at first.

    Examples
    --------
    >>> list(choices())
    ['experiment', 'source', 'setting', 'learner']
    """
    return {
        "experiment": {name: name for name in reversed(EXPERIMENTS)},
        "source": dict(SOURCES),
        "setting": {setting: words for setting, (_, words) in SETTINGS.items()},
        "learner": {key: LEARNERS[key] for key in ("rf", "gb", "hgb", "ridge")},
    }


def scores(records: Records) -> list[Score]:
    """Every R² of the six runs, and of the packages that were run beside them.

    Parameters
    ----------
    records : Records

    Returns
    -------
    list of Score
        In the order of `seds500.plots.LABELS` within a choice.
    """
    found = []
    for run, experiment, source in runs():
        for setting in SETTINGS:
            measured: dict[str, Any] = {}
            for name in (f"{OTHER_PACKAGES}.{run}", run):
                measured |= records.value(f"{name}.utility.{setting}")
            for method in (m for m in LABELS if m in measured):
                for learner, of in measured[method].items():
                    r2 = of["r2"]
                    numbers = (r2[key] for key in ("mean", "low", "high", "percent"))
                    found.append(
                        Score(experiment, source, setting, learner, LABELS[method],
                              *(round(number, 4) for number in numbers))
                    )  # fmt: skip
    return found


def chosen(found: Sequence[Score], **choice: str) -> list[Score]:
    """The scores of a choice."""
    return [s for s in found if all(getattr(s, key) == value for key, value in choice.items())]


def specification(found: Sequence[Score]) -> dict[str, Any]:
    """A Vega-Lite specification of one choice: a point and an interval for each method.

    Parameters
    ----------
    found : sequence of Score
        Of one choice.

    Returns
    -------
    dict
        With the data inside. A mean below the axis is written out at its left end.
    """
    colours = {LABELS[m]: COLOURS.get(m, GREY) for m in LABELS}
    methods = [score.method for score in found]
    y = {
        "field": "method", "type": "nominal", "sort": methods, "title": None,
        "axis": {"labelLimit": 240, "ticks": False, "domain": False, "grid": True},
    }  # fmt: skip
    x = {
        "type": "quantitative",
        "scale": {"domain": [FLOOR, 1], "nice": False},
        "title": "R² on real test rows",
    }
    tooltip = [
        {"field": "method", "title": "rows"},
        {"field": "mean", "title": "R²", "format": ".2f"},
        {"field": "low", "title": "interval from", "format": ".2f"},
        {"field": "high", "title": "to", "format": ".2f"},
        {"field": "percent", "title": "% of real rows' R²", "format": ".0f"},
    ]
    colour = {
        "field": "method", "type": "nominal", "legend": None,
        "scale": {"domain": methods, "range": [colours[m] for m in methods]},
    }  # fmt: skip
    inside = {"filter": f"datum.mean >= {FLOOR}"}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": "container",
        "height": {"step": 24},
        "autosize": {"type": "fit-x", "contains": "padding"},
        "background": "white",
        "data": {"values": [score._asdict() for score in found]},
        "encoding": {"y": y, "color": colour, "tooltip": tooltip},
        "layer": [
            {
                "transform": [{"filter": f"datum.method == '{LABELS[REAL]}'"}],
                "mark": {"type": "rule", "strokeDash": [2, 3], "color": "black"},
                "encoding": {"x": x | {"field": "mean"}, "y": {"value": 0},
                             "y2": {"value": 24 * len(found)}, "color": {"value": "black"}},
            },
            {
                "transform": [inside],
                "mark": {"type": "rule", "size": 2.5, "clip": True},
                "encoding": {"x": x | {"field": "low"}, "x2": {"field": "high"}},
            },
            {
                "transform": [inside],
                "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
                "encoding": {"x": x | {"field": "mean"}},
            },
            {
                "transform": [
                    {"filter": f"datum.mean < {FLOOR}"},
                    {"calculate": "'◂ ' + format(datum.mean, '.2f')", "as": "text"},
                ],
                "mark": {"type": "text", "align": "left", "dx": 3, "fontSize": 12},
                "encoding": {"x": {"datum": FLOOR}, "text": {"field": "text"}},
            },
        ],
        "config": {
            "font": "system-ui, DejaVu Sans, sans-serif",
            "axis": {"labelFontSize": 13, "titleFontSize": 13, "titleFontWeight": "normal",
                     "labelColor": "#1b1f24", "gridColor": "#e6e6e6"},
            "view": {"stroke": None},
        },
    }  # fmt: skip
