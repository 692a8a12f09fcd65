"""Where results are made: apart, for one run at a time, and put in their place when all are whole.

What is unfinished lies in a hidden folder of its own, which a run holds locked. A second run is
refused at once. A run that was killed leaves the folder without its lock; the next one clears it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from synthtab.sharing.source import TableError

RELEASE, PRIVATE = "release", "private"  # in a folder of `share`: what may leave, and what stays
_UNFINISHED = ".unfinished"


@contextlib.contextmanager
def new_folder(out: str | Path) -> Iterator[Path]:
    """A folder to fill, whose entries stand in `out` at the end of the block, and none before.

    `out` may be an empty folder, or a link to one. Ends the block with an error, nothing is left;
    `out` and the folders above it are made at the end.

    Raises
    ------
    TableError
        If there is something in `out`, another run is filling it, or it cannot be made.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as home:
    ...     with new_folder(Path(home) / "out") as folder:
    ...         _ = (folder / "card.txt").write_text("pass")
    ...     sorted(path.name for path in (Path(home) / "out").iterdir())
    ['card.txt']
    """
    refuse_taken(out)
    place = Path(os.path.realpath(out))
    with _locked(_unfinished(place), out) as folder:
        _refuse_full(place, out)
        yield folder
        _refuse_full(place, out)
        place.mkdir(parents=True, exist_ok=True)
        # The table last: where it stands, all stands.
        for entry in sorted(folder.iterdir(), key=lambda p: p.name == RELEASE):
            if entry.name != "lock":
                entry.rename(place / entry.name)


def refuse_taken(out: str | Path) -> None:
    """Raise a TableError where `new_folder` would, and clear what a killed run has left.

    Nothing is made: it is for asking before a long task.
    """
    place = Path(os.path.realpath(out))
    parent = next(p for p in (place, *place.parents) if os.path.lexists(p))
    if not parent.is_dir():
        raise TableError(f"{out}: {parent} is no folder; choose another --out")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise TableError(f"{out}: nothing may be written in {parent}; choose another --out")
    _refuse_full(place, out)
    if _unfinished(place).exists():
        with _locked(_unfinished(place), out):
            pass


def _unfinished(place: Path) -> Path:
    """Where the entries of a folder are made: in it, or beside it while it is not there."""
    if place.exists():
        return place / _UNFINISHED
    above = next(p for p in place.parents if p.exists())
    return above / f".{'-'.join(place.relative_to(above).parts)}{_UNFINISHED}"


@contextlib.contextmanager
def new_file(path: str | Path) -> Iterator[Path]:
    """A file that is there when it is whole, and not at all before.

    The block writes to the name yielded. That file is renamed at the end of the block, and removed
    if it ends with an error.

    Raises
    ------
    TableError
        If something is there, another run is writing it, or its folder is missing.
    """
    path = Path(path)
    _refuse_existing(path)
    with _locked(path.with_name(f".{path.name}{_UNFINISHED}"), path) as folder:
        yield folder / path.name
        _refuse_existing(path)
        (folder / path.name).rename(path)


def write_private(path: Path, text: str) -> None:
    """Write a file that its owner alone may read, or replace one."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    path.chmod(0o600)  # it may have been there


def refuse_small_disk(folder: Path, n_bytes: float) -> None:
    """Raise a TableError where there is no room for so many bytes."""
    free = shutil.disk_usage(folder).free
    if free < n_bytes:
        raise TableError(
            f"{folder}: {free / 1e6:,.1f} MB are free, and about {n_bytes / 1e6:,.1f} MB needed; "
            "make room, or choose another --out"
        )


@contextlib.contextmanager
def _locked(folder: Path, what: str | Path) -> Iterator[Path]:
    lock = FileLock(folder / "lock")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        try:
            lock.acquire(blocking=False)
        except Timeout as error:
            raise TableError(
                f"{what}: another run is writing there; wait for it, or choose another --out"
            ) from error
        for left in folder.iterdir():  # by a run that was killed
            if left.name != "lock":
                _remove(left)
        yield folder
    finally:  # an interrupt may come before the lock is held
        if lock.is_locked:
            shutil.rmtree(folder, ignore_errors=True)
            lock.release()
        else:
            with contextlib.suppress(OSError):
                folder.rmdir()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _refuse_full(place: Path, out: str | Path) -> None:
    if place.exists() and any(entry.name != _UNFINISHED for entry in place.iterdir()):
        raise TableError(f"{out} exists and is not overwritten; remove it, or choose another --out")


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise TableError(f"{path} exists and is not overwritten; remove it or choose another name")
    if not path.parent.is_dir():
        raise TableError(f"{path.parent}: there is no such folder; make it first")
