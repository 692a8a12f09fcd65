"""An animated picture: cells of a table are hidden, and a fitted model fills them anew."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd
from IPython.display import SVG

from synthtab.diffusion.synthesizer import HybridDiffusion

_WIDTH, _ROW, _TOP = 816, 28, 74  # pixels: the picture, a row, and what is above the rows
_MOMENT = 124  # pixels: one of three moments, where nothing moves
_SECONDS = 1.1  # each step
_PAUSE = 3  # steps that the first, the empty and the last table are held
_STILL = ("some cells are hidden", "the model has filled some", "the model has filled all")
_LOOK = """
svg { font-family: system-ui, sans-serif; font-size: 15px }
.ground { fill: #fff } .head { font-weight: 600; font-size: 12.5px }
.phase { font-size: 17px; font-weight: 600 }
.real { fill: #1b1f24 } .made { fill: #0a5bad; font-weight: 600 } .mask { fill: #c9ced6 }
.moving { display: none }
@media (prefers-reduced-motion: no-preference) {
  .moving { display: inline } .still { display: none }
  .moving .cue { animation: TIMEs infinite step-end }
}
#still:target ~ .moving { display: none } #still:target ~ .still { display: inline }
"""


def revealed(
    model: HybridDiffusion, rows: pd.DataFrame, *, seed: int
) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows that a model draws cell by cell, each row in a random order of its own.

    Parameters
    ----------
    model : HybridDiffusion
        Fitted with ``order="any"``, so that each cell is drawn given exactly the cells on view.
    rows : DataFrame
        Rows of its table, whose values are not used.
    seed : int
        Of the orders and of the draws.

    Returns
    -------
    DataFrame, ndarray of shape (n, n_columns)
        The rows, and at which step each of their cells was drawn.
    """
    rng = np.random.default_rng(seed)
    turn = rng.permuted(np.tile(np.arange(rows.shape[1]), (len(rows), 1)), axis=1)
    open_rows = rows.astype(object)
    open_rows[:] = None
    shown = open_rows.astype(dict.fromkeys(rows.select_dtypes("number"), float))
    for step in range(rows.shape[1]):
        drawn = model.impute(shown, random_state=seed + step)
        shown = shown.where(turn != step, drawn.set_axis(shown.index))
    return shown.astype(rows.dtypes), turn


def noising(model: HybridDiffusion, rows: pd.DataFrame, *, seed: int) -> SVG:
    """Real rows lose their cells one by one; a model then fills them, and new rows stand there.

    Parameters
    ----------
    model : HybridDiffusion
        As for `revealed`.
    rows : DataFrame
        Real rows, six or so.
    seed : int
        Of the orders in which cells are hidden and filled, and of the draws.

    Returns
    -------
    SVG
        It moves without a script. A reader who asked for less motion sees three moments of it, and
        so does one who opens it with the fragment ``#still``.
    """
    made, filled = revealed(model, rows, seed=seed)
    rng = np.random.default_rng(seed + 1)
    hidden = rng.permuted(np.tile(np.arange(rows.shape[1]), (len(rows), 1)), axis=1)
    n_columns = rows.shape[1]
    empty = _PAUSE + n_columns  # the step at which the last cell is hidden
    full = empty + _PAUSE + n_columns
    steps = full + _PAUSE
    cells = [
        _cue(f'<text x="{x}" y="{y}" class="real">{old}</text>', 0, _PAUSE + int(hidden[i, j]))
        + _cue(_mask(x, y), _PAUSE + int(hidden[i, j]), empty + _PAUSE + int(filled[i, j]))
        + _cue(f'<text x="{x}" y="{y}" class="made">{new}</text>',
               empty + _PAUSE + int(filled[i, j]), steps)
        for i, j, x, y, old, new in _places(rows, made, _TOP)
    ]  # fmt: skip
    phases = [
        ("real rows", 0, _PAUSE), ("cells are hidden, one after another", _PAUSE, empty),
        ("nothing is left", empty, empty + _PAUSE),
        ("the model fills cell by cell, given those on view", empty + _PAUSE, full),
        ("synthetic rows", full, steps),
    ]  # fmt: skip
    cells += [_cue(_phase(words, 26), start, end) for words, start, end in phases]
    keyframes = "".join(
        f"@keyframes c{a}-{b} {{ 0% {{ opacity: {int(a == 0)} }} {_percent(a, steps)} "
        f"{{ opacity: 1 }} {_percent(b, steps)} {{ opacity: {int(b == steps)} }} }}\n"
        f".c{a}-{b} {{ animation-name: c{a}-{b} !important }}\n"
        for a, b in sorted({_bounds(cell) for part in cells for cell in part.split("<g ")[1:]})
    )
    height = max(_TOP + _ROW * len(rows), 50 + _MOMENT * len(_STILL)) - 4
    look = _LOOK.replace("TIME", f"{steps * _SECONDS:.0f}") + keyframes
    return SVG(  # type: ignore[no-untyped-call]
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">'
        f"<title>Cells of a table are hidden and filled again</title><style>{look}</style>"
        f'<rect class="ground" width="{_WIDTH}" height="{height}"/><g id="still"/>'
        f'<g class="moving">{_header(rows, 54)}{"".join(cells)}</g>'
        f'<g class="still">{_header(rows, 26)}{_moments(rows, made, hidden, filled)}</g></svg>'
    )


def _moments(rows: pd.DataFrame, made: pd.DataFrame, hidden: np.ndarray, filled: np.ndarray) -> str:
    """Three rows at three moments, one below the other."""
    half = rows.shape[1] // 2
    shown = []
    for k, words in enumerate(_STILL):
        top = 58 + k * _MOMENT
        shown.append(_phase(words, top))
        for i, j, x, y, old, new in _places(rows.head(3), made.head(3), top + 20):
            if k == 0:
                is_open, text, kind = hidden[i, j] < half, old, "real"
            else:
                is_open, text, kind = k == 1 and filled[i, j] >= half, new, "made"
            shown.append(
                _mask(x, y) if is_open else f'<text x="{x}" y="{y}" class="{kind}">{text}</text>'
            )
    return "".join(shown)


def _places(
    rows: pd.DataFrame, made: pd.DataFrame, top: int
) -> list[tuple[int, int, int, int, str, str]]:
    """Row, column, place and both texts of each cell."""
    width = (_WIDTH - 24) // rows.shape[1]
    return [
        (i, j, 12 + j * width, top + i * _ROW + 8, _text(old), _text(new))
        for i, pair in enumerate(zip(rows.to_numpy(object), made.to_numpy(object), strict=True))
        for j, (old, new) in enumerate(zip(*pair, strict=True))
    ]


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else escape(str(value))


def _header(rows: pd.DataFrame, y: int) -> str:
    width = (_WIDTH - 24) // rows.shape[1]
    return "".join(
        f'<text x="{12 + j * width}" y="{y}" class="head">{escape(str(name))}</text>'
        for j, name in enumerate(rows)
    )


def _phase(words: str, y: int) -> str:
    return f'<text x="12" y="{y}" class="phase">{words}</text>'


def _mask(x: int, y: int) -> str:
    return f'<rect x="{x}" y="{y - 15}" width="62" height="20" rx="4" class="mask"/>'


def _cue(drawn: str, start: int, end: int) -> str:
    """What is seen from one step to another."""
    return f'<g class="cue c{start}-{end}">{drawn}</g>'


def _bounds(cell: str) -> tuple[int, int]:
    """The steps of a cue."""
    start, _, end = cell.split('"')[1].removeprefix("cue c").partition("-")
    return int(start), int(end)


def _percent(step: int, steps: int) -> str:
    return f"{100 * step / steps:.2f}%"
