"""A trained model with the form of its table: a folder from which rows of that table are drawn.

No file holds code: the model is as `synthtab.diffusion.model_file` writes it, the form and the
relations that are kept are JSON. All know as much of the real rows as the model does, and belong
beside the real table.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthtab.diffusion.model_file import load_model, save_model
from synthtab.diffusion.synthesizer import HybridDiffusion, with_given
from synthtab.parallel import carry_out
from synthtab.sharing.conditions import conditions_of, given_cells
from synthtab.sharing.form import TableForm
from synthtab.sharing.source import TableError
from synthtab.sharing.ties import Tied
from synthtab.sharing.workplace import new_folder
from synthtab.sharing.writer import ParquetWriter, row_writer

_PART, _GIVEN_PART = 65_536, 4_096  # rows of a seed, and of a file of a data set
_PARTS_AT_ONCE = 64
_MODEL, _FORM, _TIES = "model.pt", "form.json", "relations.json"
_MARK = "NOT_RELEASED.txt"


def save_bundle(
    model: HybridDiffusion | Tied, form: TableForm, folder: Path, *, kept_back: Sequence[str] = ()
) -> None:
    """Write a model and the form of its table into a new folder, for its owner's eyes only.

    `kept_back` says why the table that was judged may not go out; whoever reads the model is then
    refused.

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
        save_model(model, folder / _MODEL, kept_back=kept_back)
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
    folder: str | Path, *, release_anyway: bool = False
) -> tuple[HybridDiffusion | Tied, TableForm]:
    """Read what `save_bundle` wrote, running nothing that stands in it.

    Raises
    ------
    TableError
        If the folder holds no such model, or the files are others or were changed; without
        `release_anyway`, if the table that was judged was kept back.
    """
    return _read_bundle(folder, release_anyway=release_anyway)[:2]


def _read_bundle(
    folder: str | Path, *, release_anyway: bool
) -> tuple[HybridDiffusion | Tied, TableForm, list[str]]:
    """As `load_bundle`, with why the table was kept back: nothing where it was not."""
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
        learner = load_model(folder / _MODEL, release_anyway=True)
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
            "rows drawn from it leak as much. --release-anyway (release_anyway=True) draws them "
            "all the same"
        )
    return model, form, kept_back


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


@dataclass(frozen=True)
class _Part:
    """So many rows of a draw, which do not depend on the others.

    Drawn from a seed, under conditions or with given cells; keys and made-up columns come along.
    """

    n_rows: int
    seed: np.random.Generator
    conditions: Mapping[str, Any] | None
    given: pd.DataFrame | None
    made: pd.DataFrame

    def rows(self, model: HybridDiffusion | Tied, form: TableForm) -> Iterator[pd.DataFrame]:
        """The rows as the owner has them, block by block."""
        if self.given is None:
            blocks = drawn_rows(
                model, form, self.n_rows, random_state=self.seed, conditions=self.conditions
            )
        else:
            blocks = iter([_completed(model, form, self.given, self.seed)])
        n_drawn = 0
        for block in blocks:
            rows = form.restore(block)
            made = self.made.iloc[n_drawn : n_drawn + len(rows)].reset_index(drop=True)
            rows = form.with_made(rows, made)
            yield rows if self.given is None else with_given(rows, self.given)
            n_drawn += len(rows)


def _completed(
    model: HybridDiffusion | Tied, form: TableForm, given: pd.DataFrame, seed: np.random.Generator
) -> pd.DataFrame:
    learnt = given[[c for c in given if c not in form.made]]
    if isinstance(model, Tied):
        return model.completed(learnt, random_state=seed)
    try:
        return model.sample(len(given), random_state=seed, conditions=form.given(learnt))
    except ValueError as error:
        raise TableError(f"data rows from {given.index[0] + 1}: {error}") from error


def sample_to_file(
    folder: str | Path,
    n_samples: int | None,
    out: str | Path,
    *,
    where: Sequence[str] = (),
    complete: str | Path | None = None,
    random_state: int | np.random.Generator | None = None,
    told: Callable[[int], None] | None = None,
    release_anyway: bool = False,
    scheduler: str | None = None,
) -> None:
    """Draw rows from a stored model into a new file or data set, however many they are.

    Rows are drawn in parts of 65,536, each from a seed of its own: they are the same rows in a file
    and in a folder, and wherever they are drawn. What was begun when it fails is not kept.

    Parameters
    ----------
    folder : str or Path
        One of `save_bundle`, or what `share` has made.
    n_samples : int or None
        Rows to draw; with `complete` it is left at None.
    out : str or Path
        A CSV, Parquet or XLSX file, the last of which alone is held in memory; or, without a
        suffix, a folder for a Parquet data set of one file for each part.
    where : sequence of str, default=()
        Conditions such as ``age>=65``: see `synthtab.sharing.conditions.conditions_of`.
    complete : str, Path or None, default=None
        File with some of the columns, whose rows are to be completed: given cells come back as they
        are, in their order, and empty ones are filled.
    random_state : int, Generator or None, default=None
        Seed.
    told : callable or None, default=None
        Called with the number of rows so far.
    release_anyway : bool, default=False
        Whether to draw from a model whose own table was kept back. A file ``NOT_RELEASED.txt``,
        with the name of `out` before it, then says so.
    scheduler : str or None, default=None
        Address of a Dask scheduler whose workers draw a data set; they need the folders of model
        and data set at the same paths. See `synthtab.parallel.carry_out`.

    Raises
    ------
    TableError
        If the model cannot be read, the file exists, or a condition cannot be met; without
        `release_anyway`, if the model's own table was kept back.
    ValueError
        As `HybridDiffusion.sample`, and `synthtab.parallel.carry_out`.
    """
    out = Path(out)
    is_folder = not out.suffix
    if scheduler is not None and not is_folder:
        raise TableError(
            f"--scheduler: workers draw a data set; give --out a folder, {out.with_suffix('')}"
        )
    model, form, kept_back = _read_bundle(folder, release_anyway=release_anyway)
    conditions = conditions_of(form, where) or None
    given = None if complete is None else given_cells(form, complete)
    if given is not None and (where or n_samples is not None):
        raise TableError("--complete says how many rows there are, and what they have: leave out "
                         "-n and --where")  # fmt: skip
    n_rows = (n_samples or 0) if given is None else len(given)
    parts = _parts(form, n_rows, conditions, given, np.random.default_rng(random_state))
    n_drawn = 0
    if is_folder:
        with new_folder(out) as place, _marked(out, kept_back):
            for wave in _waves(enumerate(parts)):
                tasks = [(str(Path(folder).absolute()), part, place / f"part-{i:05d}.parquet")
                         for i, part in wave]  # fmt: skip
                n_drawn += sum(carry_out(_draw_part, tasks, scheduler=scheduler))
                if told is not None:
                    told(n_drawn)
            for left in place.glob("*.begun"):  # by a worker that died
                left.unlink()
        return
    with row_writer(out, form) as writer, _marked(out, kept_back):
        for part in parts:
            for rows in part.rows(model, form):
                writer.write(rows)
                n_drawn += len(rows)
                if told is not None:
                    told(n_drawn)


@contextlib.contextmanager
def _marked(out: Path, kept_back: Sequence[str]) -> Iterator[None]:
    """Say beside a file or folder that its rows may not go out, before there are any."""
    mark = out.with_name(f"{out.name}.{_MARK}")
    if kept_back:
        reasons = "\n".join(f"- {reason}" for reason in kept_back)
        mark.write_text(
            f"{out.name} was drawn from a model whose own table was kept back:\n{reasons}\n"
            "It leaks as much, and is for its owner's eyes only.\n",
            encoding="utf-8",
        )
    try:
        yield
    except BaseException:
        if kept_back:
            mark.unlink(missing_ok=True)
        raise


def _parts(
    form: TableForm,
    n_rows: int,
    conditions: Mapping[str, Any] | None,
    given: pd.DataFrame | None,
    rng: np.random.Generator,
) -> Iterator[_Part]:
    surrogates = form.surrogates(n_rows, rng.spawn(1)[0] if form.made else None)
    size = _PART if given is None else _GIVEN_PART
    for start in range(0, n_rows, size):
        n = min(size, n_rows - start)
        cells = None if given is None else given.iloc[start : start + n]
        yield _Part(n, rng.spawn(1)[0], conditions, cells, surrogates.of(n))


def _waves(parts: Iterator[Any]) -> Iterator[list[Any]]:
    """So many parts at a time as workers are given at once, with what comes along."""
    while wave := list(itertools.islice(parts, _PARTS_AT_ONCE)):
        yield wave


def _draw_part(folder: str, part: _Part, path: Path) -> int:
    """Draw a part of a data set; its file takes its name when it is whole. Returns the rows."""
    model, form = load_bundle(folder, release_anyway=True)  # asked before
    # A call that was given up, and given to another worker, may still be writing.
    begun = path.with_suffix(f".{uuid.uuid4().hex}.begun")
    with contextlib.closing(ParquetWriter(begun, form)) as writer:
        for rows in part.rows(model, form):
            writer.write(rows)
    begun.replace(path)
    return part.n_rows
