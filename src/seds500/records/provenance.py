"""Where a record comes from: commit, versions and processor."""

from __future__ import annotations

import datetime
import importlib.util
import platform
import re
import subprocess
import time
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Self

PACKAGES = ("numpy", "pandas", "torch", "scikit-learn", "synthtab")
INPUTS = (
    "src",
    "notebooks/*.py",
    "benchmarks",
    "experiments.yml",
    "requirements.txt",
    "pyproject.toml",
)
"""What a result depends on. Pages and records of other runs may be new; they do not change it."""


class UncleanError(RuntimeError):
    """The code of a run is not that of a commit, so nobody could make its record again."""


class Run:
    """A run that is going on: made at its start, asked for its provenance at its end.

    Parameters
    ----------
    root : Path
        Working copy whose commit is noted.
    clean : bool, default=True
        Whether the code has to be that of a commit, now and at the end.

    Raises
    ------
    UncleanError
        If it is not: there is no commit, or a file of `INPUTS` differs from it. The message names
        the files.
    """

    def __init__(self, root: Path, *, clean: bool = True) -> None:
        self.root, self.clean = root, clean
        self.commit, self.changed = _state(root)
        if clean:
            _require_clean(self.commit, self.changed)
            _require_own_code(root)
        self.started = datetime.datetime.now(datetime.UTC)
        self._began = time.monotonic()

    def provenance(
        self,
        *,
        packages: Iterable[str] = PACKAGES,
        elsewhere: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """On what the run was made, and how long it took.

        Parameters
        ----------
        packages : iterable of str, default=PACKAGES
            Installed packages whose versions are noted, beside Python's.
        elsewhere : mapping of str to str or None, default=None
            Versions of the packages of another environment that the run called.

        Returns
        -------
        dict
            commit (None outside git), dirty (whether a file of `INPUTS` differs from it; None
            outside git), versions, elsewhere, cpu, started (UTC), wall_seconds.

        Raises
        ------
        UncleanError
            If the code has to be clean, and was changed or committed anew during the run.
        """
        commit, changed = _state(self.root)
        if self.clean:
            _require_clean(commit, changed)
            if commit != self.commit:
                raise UncleanError(
                    f"the commit changed during the run, from {self.commit} to {commit}: run it "
                    "again, in a clone of its own if work goes on here"
                )
        found: dict[str, Any] = {
            "commit": self.commit,
            "dirty": None if self.commit is None else bool(self.changed or changed),
            "versions": {"python": platform.python_version()}
            | {name: metadata.version(name) for name in packages},
            "cpu": processor(),
            "started": self.started.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "wall_seconds": round(time.monotonic() - self._began, 1),
        }
        return found | ({} if elsewhere is None else {"elsewhere": dict(elsewhere)})

    @classmethod
    def of_benchmark(cls, script: str, *, trial: bool) -> Self:
        """The run of a script in `benchmarks/`; a trial writes no record, and may be unclean."""
        return cls(Path(script).resolve().parents[1], clean=not trial)


def processor() -> str:
    """The processor's name, as the system tells it."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    match = re.search(r"^model name\s*:\s*(.+)$", text, flags=re.MULTILINE)
    return match.group(1).strip() if match else platform.machine()


def _require_own_code(root: Path) -> None:
    """Refuse a working copy whose commit would be noted for the code of another one."""
    for package in ("seds500", "synthtab"):
        expected = root.resolve() / "src" / package
        spec = importlib.util.find_spec(package)
        found = Path(spec.origin).parent if spec is not None and spec.origin else None
        if expected.is_dir() and found != expected:
            raise UncleanError(
                f"{package} is imported from {found}, and the commit would be that of {root}: "
                "install this working copy, or set PYTHONPATH to its src"
            )


def _require_clean(commit: str | None, changed: list[str]) -> None:
    if commit is None:
        raise UncleanError(
            "a committed record names the commit it was made from, and there is none here: "
            "run this in a git clone"
        )
    if changed:
        raise UncleanError(
            "a committed record is made from a commit, and these files differ from it: "
            f"{', '.join(changed)}; commit or restore them first"
        )


def _state(root: Path) -> tuple[str | None, list[str]]:
    """The commit, and the files of `INPUTS` that differ from it."""
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        return None, []
    lines = _git(root, "status", "--porcelain", "--untracked-files=all", "--", *INPUTS)
    if lines is None:
        return commit, ["(git cannot tell: see `git status`)"]
    return commit, [line.strip().split(maxsplit=1)[1] for line in lines.splitlines()]


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        # No git, no repository or no commit yet: a record from a downloaded archive says so.
        return None
    return done.stdout.strip()
