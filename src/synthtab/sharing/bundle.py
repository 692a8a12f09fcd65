"""A trained model with the form of its table: a folder from which rows of that table are drawn.

No file holds code: the model is as `synthtab.diffusion.model_file` writes it, the form and the
relations that are kept are JSON. All know as much of the real rows as the model does, and belong
beside the real table.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthtab.diffusion.model_file import load_model, save_model
from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.sharing.columns import MADE, Column, typed_column
from synthtab.sharing.form import TableForm
from synthtab.sharing.source import Source, TableError
from synthtab.sharing.ties import Tied
from synthtab.sharing.writer import row_writer

_MODEL, _FORM, _TIES = "model.pt", "form.json", "relations.json"


def save_bundle(
    model: HybridDiffusion | Tied, form: TableForm, folder: Path, *, kept_back: Sequence[str] = ()
) -> None:
    """Write a model and the form of its table into a new folder, for its owner's eyes only.

    `kept_back` says why the table that was judged may not go out; `sample_to_file` then refuses.

    Raises
    ------
    OSError
        If there is no room.
    """
    folder.mkdir(mode=0o700)
    plain = {**form.to_plain(), "kept_back": list(kept_back), "relations": None}
    if isinstance(model, Tied):
        text = json.dumps(model.to_plain(), ensure_ascii=False, indent=1)
        (folder / _TIES).write_text(text, encoding="utf-8")
        plain["relations"] = _digest(text)
        model = model.model
    try:
        save_model(model, folder / _MODEL)
    except RuntimeError as error:  # what torch makes of a full disk
        raise OSError(errno.ENOSPC, str(error).splitlines()[0], str(folder / _MODEL)) from error
    text = json.dumps(plain, ensure_ascii=False, indent=1)
    (folder / _FORM).write_text(
        f'{{"sha256": "{_digest(text)}", "form":\n{text}\n}}', encoding="utf-8"
    )
    for path in folder.iterdir():
        path.chmod(0o600)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def load_bundle(
    folder: str | Path, *, release_anyway: bool = True
) -> tuple[HybridDiffusion | Tied, TableForm]:
    """Read what `save_bundle` wrote, running nothing that stands in it.

    Raises
    ------
    TableError
        If the folder holds no such model, or the files are others or were changed; without
        `release_anyway`, if the table that was judged was kept back.
    """
    folder = Path(folder)
    if (folder / "private" / "model").is_dir():  # what `share` has made, named as a whole
        folder = folder / "private" / "model"
    missing = [name for name in (_MODEL, _FORM) if not (folder / name).is_file()]
    if missing:
        raise TableError(
            f"{folder}: no {' and no '.join(missing)} in there; give the folder `private/model` "
            "that `synthtab share` wrote"
        )
    try:
        plain = json.loads((folder / _FORM).read_text(encoding="utf-8"))
        text = json.dumps(plain["form"], ensure_ascii=False, indent=1)
        if _digest(text) != plain["sha256"]:
            raise TableError(f"{folder / _FORM} was changed after it was written; share again")
        kept_back, digest = (plain["form"].pop(name) for name in ("kept_back", "relations"))
        form = TableForm.from_plain(plain["form"])
        learner = load_model(folder / _MODEL)
        model, inner = _tied(folder / _TIES, digest, learner, form)
        same = tuple(learner.schema_.columns) == tuple(inner.schema.columns)
    except TableError:
        raise
    # The file may be anybody's: whatever its values are, they are no reason for a traceback.
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as e:
        raise TableError(f"{folder}: not a model of synthtab share: {e}") from e
    if not same:
        raise TableError(f"{folder}: {_MODEL} and {_FORM} belong to different tables")
    if kept_back and not release_anyway:
        raise TableError(
            f"{folder}: the table of this model was kept back ({', '.join(map(str, kept_back))}); "
            "rows drawn from it leak as much. --release-anyway draws them all the same"
        )
    return model, form


def _tied(
    path: Path, digest: str | None, learner: HybridDiffusion, form: TableForm
) -> tuple[HybridDiffusion | Tied, TableForm]:
    """What draws rows of the form, and the form of what the learner has learnt."""
    if digest is None:
        return learner, form
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    if _digest(text) != digest:
        raise TableError(f"{path} is not as it was written; share again")
    tied = Tied.from_plain(json.loads(text), learner, form)
    return tied, tied.inner


def conditions_of(form: TableForm, where: Mapping[str, str]) -> dict[str, Any]:
    """What `where` of `sample_to_file` asks for, in the terms of `HybridDiffusion.sample`.

    Raises
    ------
    TableError
        If there is no such column, or the text is no value of its kind.
    """
    columns = {c.name: c for c in form.columns}
    found: dict[str, Any] = {}
    for name, text in where.items():
        if name not in columns:
            raise TableError(f"--where {name}: no such column; columns are {list(columns)}")
        if columns[name].kind in MADE:
            raise TableError(f"--where {name}: its values are made up; name another column")
        column = columns[name]
        if column.kind == "category":
            found[name] = _category(form, name, text)
        elif not text:
            if name not in form.flags:
                raise TableError(f"--where {name}: the column has no missing values")
            found[form.flags[name]] = "yes"
        else:
            number = _number(form, column, text)
            ends = {
                micros // form.units[name]: label
                for label, micros in form.specials.get(name, {}).items()
                if micros is not None
            }
            if number not in ends:
                found[name] = number
            if name in form.flags:
                found[form.flags[name]] = ends.get(int(number), "no")
    return found


def _category(form: TableForm, name: str, text: str) -> str:
    known = form.categories[name]
    category = next((c for c, v in known.items() if v is None), None) if not text else text
    if category not in known:
        raise TableError(
            f"--where {name}: the column never takes {text!r}; it takes {list(known)[:10]}"
        )
    return str(category)


def _number(form: TableForm, column: Column, text: str) -> float:
    with contextlib.suppress(ValueError):
        if column.kind == "number":  # without its unit
            return float(text.replace(",", "."))
    cell = pd.Series([text], dtype=object, name=column.name)
    source = Source(Path("--where"), "csv", cell.to_frame(), separator=form.separator)
    if column.kind == "date" and column.format is None:
        value = pd.to_datetime(cell, errors="coerce", format="ISO8601")
    else:
        value = typed_column(cell, column, source)
    if value.isna().any():
        raise TableError(f"--where {column.name}: {text!r} is no date; write it as 2026-01-31")
    if column.kind == "date":
        micros = int(value.astype("datetime64[us]").astype("int64").iloc[0])
        return float(micros // form.units[column.name])
    return float(value.iloc[0])


def drawn_rows(
    model: HybridDiffusion | Tied,
    form: TableForm,
    n_samples: int,
    *,
    random_state: int | np.random.Generator | None = None,
    conditions: Mapping[str, Any] | None = None,
) -> Iterator[pd.DataFrame]:
    """Synthetic rows as the model draws them, block by block: tables of the form's schema.

    A gap holds the column's filler, so that rows can be compared; `TableForm.restore` opens it.
    """
    blocks = model.iter_samples(n_samples, random_state=random_state, conditions=conditions)
    for block in blocks:
        for name, flag in form.flags.items():
            missing = (block[flag] != "no").to_numpy()
            block[name] = block[name].mask(missing, form.fillers[name]).astype(block[name].dtype)
        yield block


def sample_to_file(
    folder: str | Path,
    n_samples: int,
    out: str | Path,
    *,
    where: Mapping[str, str] | None = None,
    random_state: int | np.random.Generator | None = None,
    told: Callable[[int], None] | None = None,
    release_anyway: bool = True,
) -> None:
    """Draw rows from a stored model into a new file; memory does not grow with their number.

    The folder is one of `save_bundle`, or what `share` has made; the file is CSV, Parquet or XLSX,
    which alone is held in memory. `where` maps columns to values, as cells of the file read, an
    empty text for a missing one. `told` is called with the number of rows so far, after each block.

    Raises
    ------
    TableError
        If the model cannot be read, the file exists, or a condition cannot be met; without
        `release_anyway`, if the model's own table was kept back.
    ValueError
        As `HybridDiffusion.sample`.
    """
    model, form = load_bundle(folder, release_anyway=release_anyway)
    conditions = conditions_of(form, where or {})
    n_drawn = 0
    rng = np.random.default_rng(random_state)
    surrogates = form.surrogates(n_samples, rng.spawn(1)[0] if form.made else None)
    with row_writer(out, form) as writer:
        for block in drawn_rows(model, form, n_samples, random_state=rng, conditions=conditions):
            writer.write(form.with_made(form.restore(block), surrogates))
            n_drawn += len(block)
            if told is not None:
                told(n_drawn)
