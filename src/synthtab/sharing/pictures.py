"""Pictures of the report card: small SVGs that take their colours from the page.

Drawn without a plotting library: they are a few lines and bars, have to be light or dark with the
reader's screen, and stay sharp at the width of a telephone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd

_WIDTH = 340
_BINS = 24
_SHOWN = 12  # categories


def intervals(rows: Sequence[tuple[str, str, float, float, float]], *, label: str, alt: str) -> str:
    """Values with their bounds, one line each, on a common axis.

    Parameters
    ----------
    rows : sequence of (name, kind, value, low, high)
        Kind is ``real`` or ``synthetic``, and decides colour and mark.
    label : str
        Of the axis.
    alt : str
        What a reader who does not see the picture is told.

    Returns
    -------
    str
        An ``svg`` element.
    """
    low = min(0.0, *(max(row[3], -1.0) for row in rows))
    high = max(row[4] for row in rows)
    high = 1.0 if 0.5 < high <= 1 else high
    left, right, height = 118, 326, 24

    def x(value: float) -> float:
        return round(left + (right - left) * (min(max(value, low), high) - low) / (high - low), 1)

    parts = []
    bottom = height * len(rows) + 8
    for tick in _ticks(low, high):
        parts.append(
            f'<line class="grid" x1="{x(tick)}" x2="{x(tick)}" y1="4" y2="{bottom}"/>'
            f'<text class="small" x="{x(tick)}" y="{bottom + 13}" text-anchor="middle">'
            f"{_number(tick)}</text>"
        )
    for i, (name, kind, value, below, above) in enumerate(rows):
        y = 4 + height * (i + 0.5)
        mark = (
            f'<circle cx="{x(value)}" cy="{y}" r="4.5"/>'
            if kind == "synthetic"
            else f'<rect x="{x(value) - 4}" y="{y - 4}" width="8" height="8"/>'
        )
        parts.append(
            f'<text x="0" y="{y + 4}">{escape(name)}</text><g class="{kind}">'
            f'<line class="bound" x1="{x(below)}" x2="{x(above)}" y1="{y}" y2="{y}"/>{mark}</g>'
        )
    axis = f'<text class="small" x="{(left + right) / 2}" y="{bottom + 29}" text-anchor="middle">'
    return _svg("".join(parts) + f"{axis}{escape(label)}</text>", bottom + 36, alt)


def distribution(real: pd.Series[Any], synthetic: pd.Series[Any], *, is_category: bool) -> str:
    """How often a column takes its values, in real and in synthetic rows.

    Parameters
    ----------
    real, synthetic : Series
        Values of one column.
    is_category : bool
        Bars by category, the twelve most frequent ones, rather than by intervals of numbers.

    Returns
    -------
    str
        An ``svg`` element.
    """
    shares: list[Any]
    if is_category:
        names = real.value_counts().index[:_SHOWN].tolist()
        shares = [
            t.value_counts(normalize=True).reindex(names).fillna(0.0) for t in (real, synthetic)
        ]
        labels = [str(n) for n in names]
    else:
        low, high = (float(v) for v in np.quantile(real, [0.001, 0.999]))
        edges = np.linspace(low, high if high > low else low + 1, _BINS + 1)
        shares = [np.histogram(t, edges)[0] / len(t) for t in (real, synthetic)]
        labels = []
    top = max(float(np.max(s)) for s in shares) or 1.0
    height, left, right = 96, 4, 336
    step = (right - left) / len(shares[0])
    parts = [f'<line class="axis" x1="{left}" x2="{right}" y1="{height}" y2="{height}"/>']
    if is_category:
        for i, (a, b) in enumerate(zip(*shares, strict=True)):
            for j, (kind, value) in enumerate((("real", a), ("synthetic", b))):
                tall = (height - 6) * float(value) / top
                x = left + step * (i + 0.12 + 0.38 * j)
                parts.append(
                    f'<rect class="{kind}" x="{x:.1f}" y="{height - tall:.1f}" '
                    f'width="{0.36 * step:.1f}" height="{tall:.1f}"/>'
                )
            if len(labels) <= 6:
                name = labels[i] if len(labels[i]) <= 9 else labels[i][:8] + "…"
                parts.append(
                    f'<text class="small" x="{left + step * (i + 0.5):.1f}" y="{height + 13}" '
                    f'text-anchor="middle">{escape(name)}</text>'
                )
        if len(labels) > 6:
            n_more = real.nunique() - len(names)
            more = f", and {n_more} more" if n_more > 0 else ""
            parts.append(
                f'<text class="small" x="{left}" y="{height + 13}">'
                f"{escape(labels[0][:14])} … {escape(labels[-1][:14])}{more}</text>"
            )
    else:
        for kind, values in zip(("real", "synthetic"), shares, strict=True):
            tops = [height - (height - 6) * float(v) / top for v in values]
            line = " ".join(
                f"{left + step * i:.1f},{y:.1f} {left + step * (i + 1):.1f},{y:.1f}"
                for i, y in enumerate(tops)
            )
            parts.append(f'<polyline class="{kind} curve" points="{line}"/>')
        parts += [
            f'<text class="small" x="{left}" y="{height + 13}">{_number(edges[0])}</text>',
            f'<text class="small" x="{right}" y="{height + 13}" text-anchor="end">'
            f"{_number(edges[-1])}</text>",
        ]
    gap = float(np.abs(np.asarray(shares[0]) - np.asarray(shares[1])).sum() / 2)
    alt = f"{real.name}: real and synthetic rows; the bars differ by {gap:.2f} of a whole"
    return _svg("".join(parts), height + 20, alt)


def _svg(body: str, height: float, alt: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img" aria-label="{escape(alt)}" '
        f'xmlns="http://www.w3.org/2000/svg">{body}</svg>'
    )


def _ticks(low: float, high: float) -> list[float]:
    step = 10.0 ** math.floor(math.log10(high - low))
    step = step / 4 if (high - low) / step < 2 else step
    return [i * step for i in range(math.ceil(low / step), math.floor(high / step + 1e-9) + 1)]


def _number(value: float) -> str:
    text = f"{value:,.6g}" if abs(value) >= 10_000 else f"{value:.4g}"
    return text.replace("-", "−")


def legend(names: Mapping[str, str]) -> str:
    """What the colours stand for, as HTML."""
    parts = [f'<span class="key {kind}"></span>{escape(name)}' for kind, name in names.items()]
    return f'<p class="legend">{" ".join(parts)}</p>'
