"""Print constraints for pip: the oldest versions that pyproject.toml admits, or none.

Usage: python tools/bounds.py lowest|newest [TORCH]. `TORCH` pins torch, whatever else is asked for.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
_REQUIREMENT = re.compile(r"([A-Za-z0-9_.-]+)\s*(?:>=|==)\s*([0-9][0-9A-Za-z.]*)")


def lowest(text: str, extras: tuple[str, ...] = ("share", "dp", "cluster")) -> dict[str, str]:
    """The lower bound of each dependency of the library and of its extras.

    Examples
    --------
    >>> lowest("[project]\\ndependencies = ['numpy>=1.26', 'tqdm']", extras=())
    {'numpy': '1.26'}
    """
    project = tomllib.loads(text)["project"]
    optional = project.get("optional-dependencies", {})
    wanted = [*project["dependencies"], *(line for extra in extras for line in optional[extra])]
    found = (_REQUIREMENT.match(line) for line in wanted)
    return {each[1]: each[2] for each in found if each}


def constraints(resolution: str, torch: str = "") -> Iterator[str]:
    """Lines of a constraints file.

    Raises
    ------
    ValueError
        If the resolution is neither "lowest" nor "newest".
    """
    if resolution not in ("lowest", "newest"):
        raise ValueError(f"RESOLUTION is {resolution!r}; give lowest or newest")
    pins = lowest(PROJECT.read_text(encoding="utf-8")) if resolution == "lowest" else {}
    if torch:
        pins["torch"] = torch
    for name, version in pins.items():
        # 1.26 is the oldest 1.26.x that installs: a point release often is the first with wheels.
        yield f"{name}=={version}.*" if version.count(".") < 2 else f"{name}=={version}"


if __name__ == "__main__":
    try:
        print("\n".join(constraints(*sys.argv[1:])))
    except ValueError as error:
        sys.exit(str(error))
