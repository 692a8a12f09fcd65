"""What the pictures of the report card draw: positions, in the unit of a small SVG.

Drawn without a plotting library, by pictures.svg.jinja: they are a few lines and bars, have to be
light or dark with the reader's screen, and stay sharp at the width of a telephone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

_WIDTH = 340
_DAY = 86_400_000_000  # microseconds
_BINS = 24
_SHOWN = 12  # categories
_LABELLED = 6  # categories that have room for a name each


def intervals(rows: Sequence[tuple[str, str, float, float, float]]) -> dict[str, Any]:
    """Lay out values with their bounds on a common axis, for the macro of that name.

    A row is (name, kind, value, low, high). The kind, ``real`` or ``synthetic``, decides colour and
    mark.
    """
    low = min(0.0, *(max(row[3], -1.0) for row in rows))
    high = max(row[4] for row in rows)
    high = 1.0 if 0.5 < high <= 1 else high
    left, right, step = 118, 326, 24

    def x(value: float) -> float:
        return round(left + (right - left) * (min(max(value, low), high) - low) / (high - low), 1)

    bottom = step * len(rows) + 8
    return {
        "width": _WIDTH,
        "height": bottom + 36,
        "bottom": bottom,
        "middle": (left + right) / 2,
        "ticks": [{"x": x(tick), "text": _number(tick)} for tick in _ticks(low, high)],
        "lines": [
            {"name": name, "kind": kind, "y": 4 + step * (i + 0.5)}
            | {"x": x(value), "low": x(below), "high": x(above)}
            for i, (name, kind, value, below, above) in enumerate(rows)
        ],
    }


def distribution(
    real: pd.Series[Any],
    synthetic: pd.Series[Any],
    *,
    is_category: bool,
    unit: int | None = None,
) -> dict[str, Any]:
    """Lay out how often a column takes its values, real and synthetic, for the macro of that name.

    A category is drawn as bars, of its twelve most frequent values; a number by intervals, which
    begin and end at whole numbers where all are whole. With `unit`, numbers are dates and count so
    many microseconds each since 1970. ``gap`` is half the sum of the differences of the bars.
    """
    bottom, left, right = 96, 4, 336
    shares: list[Any]
    if is_category:
        names = real.value_counts().index[:_SHOWN].tolist()
        shares = [
            t.value_counts(normalize=True).reindex(names).fillna(0.0).to_numpy()
            for t in (real, synthetic)
        ]
    else:
        edges = _edges(real)
        shares = [np.histogram(t, edges)[0] / len(t) for t in (real, synthetic)]
    top = max(float(np.max(s)) for s in shares) or 1.0
    step = (right - left) / len(shares[0])
    bars, curves = [], []
    for j, kind in enumerate(("real", "synthetic")):
        heights = [(bottom - 6) * float(share) / top for share in shares[j]]
        if is_category:
            bars += [
                {
                    "kind": kind,
                    "x": round(left + step * (i + 0.12 + 0.38 * j), 1),
                    "y": round(bottom - tall, 1),
                    "width": round(0.36 * step, 1),
                    "height": round(tall, 1),
                }
                for i, tall in enumerate(heights)
            ]
        else:
            points = " ".join(
                f"{left + step * i:.1f},{bottom - tall:.1f} "
                f"{left + step * (i + 1):.1f},{bottom - tall:.1f}"
                for i, tall in enumerate(heights)
            )
            curves.append({"kind": kind, "points": points})
    labels: list[tuple[float, str, str]]
    if not is_category:
        # The last interval of whole numbers ends before the next one.
        last = edges[-1] - (1 if _are_whole(real) else 0)
        first, last = (_number(e) if unit is None else _date(e, unit) for e in (edges[0], last))
        labels = [(left, "start", first), (right, "end", last)]
    elif len(names) <= _LABELLED:
        labels = [
            (round(left + step * (i + 0.5), 1), "middle", _shortened(str(name), 9))
            for i, name in enumerate(names)
        ]
    else:
        n_more = real.nunique() - len(names)
        ends = f"{str(names[0])[:14]} … {str(names[-1])[:14]}"
        labels = [(left, "start", ends + (f", and {n_more} more" if n_more > 0 else ""))]
    return {
        "width": _WIDTH,
        "height": bottom + 20,
        "bottom": bottom,
        "left": left,
        "right": right,
        "bars": bars,
        "curves": curves,
        "labels": [{"x": x, "anchor": anchor, "text": text} for x, anchor, text in labels],
        "gap": float(np.abs(shares[0] - shares[1]).sum() / 2),
    }


def matrix(values: pd.DataFrame) -> dict[str, Any]:
    """Lay out a square of numbers from -1 to 1, for the macro of that name."""
    names = [str(name) for name in values]
    square = values.to_numpy()
    left, cell = 84, (_WIDTH - 84) / len(names)
    return {
        "width": _WIDTH,
        "height": round(cell * len(names) + 4, 1),
        "cell": round(cell, 2),
        "names": [
            {"text": _shortened(name, 12), "y": round(cell * (i + 0.5) + 4, 1)}
            for i, name in enumerate(names)
        ],
        "cells": [
            {
                "kind": "synthetic" if value >= 0 else "below",
                "x": round(left + cell * j, 1),
                "y": round(cell * i, 1),
                "strength": round(min(abs(float(value)), 1.0), 2),
                "text": f"{a}, {b}: {_number(round(float(value), 2))}",
            }
            for i, a in enumerate(names)
            for j, b in enumerate(names)
            if abs(value := square[i, j]) >= 0.02
        ],
    }


def scatter(points: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    """Lay out points of several kinds side by side, on common axes, for the macro of that name."""
    every = np.concatenate(list(points.values()))
    low, high = np.quantile(every, [0.005, 0.995], axis=0)
    size = 160
    span = np.where(high > low, high - low, 1.0)
    return [
        {
            "name": name,
            "kind": "synthetic" if name == "synthetic" else "real",
            "size": size,
            "points": np.round((at - low) / span * size, 1)[
                ((at >= low) & (at <= high)).all(axis=1)
            ].tolist(),
        }
        for name, at in points.items()
    ]


def _are_whole(values: pd.Series[Any]) -> bool:
    return bool((values == values.round()).all())


def _edges(values: pd.Series[Any]) -> np.ndarray:
    """Ends of the intervals, which hold equally many whole numbers each where all are whole."""
    low, high = (float(v) for v in np.quantile(values, [0.001, 0.999]))
    if not _are_whole(values):
        return np.linspace(low, high if high > low else low + 1, _BINS + 1)
    low, high = math.floor(low), math.ceil(high)
    step = math.ceil((high - low + 1) / _BINS)
    return np.arange(low, high + step + 1, step, dtype=float)


def _date(value: float, unit: int) -> str:
    """A number of units as a day, with the time where dates have one."""
    date = np.datetime64(0, "us") + np.timedelta64(round(value * unit), "us")
    return str(date.astype("datetime64[D]" if unit % _DAY == 0 else "datetime64[m]")).replace(
        "T", " "
    )


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _ticks(low: float, high: float) -> list[float]:
    step = 10.0 ** math.floor(math.log10(high - low))
    step = step / 4 if (high - low) / step < 2 else step
    return [i * step for i in range(math.ceil(low / step), math.floor(high / step + 1e-9) + 1)]


def _number(value: float) -> str:
    text = f"{value:,.6g}" if abs(value) >= 10_000 else f"{value:.4g}"
    return text.replace("-", "−")
