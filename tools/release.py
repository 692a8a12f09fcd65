"""What a release needs of the repository: checks, the text of its page, and its addresses.

    python tools/release.py notes v0.2.0        # the changelog's section of that version
    python tools/release.py urls https://github.com/owner/name v0.2.0 >> pyproject.toml
    python tools/release.py contents dist/*     # what the wheel and the sdist hold

Exit status: 0, done. 2, something does not fit; the message says what.
"""

from __future__ import annotations

import argparse
import re
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[1]
PACKAGE = "synthtab"
TAG = re.compile(r"v(\d+\.\d+\.\d+)")


class ReleaseError(Exception):
    """Something in the repository does not fit the release; the message says what."""


def notes(tag: str, root: Path = ROOT) -> str:
    """The changelog's section of a tag's version.

    Raises
    ------
    ReleaseError
        If the tag is not `vX.Y.Z`, `pyproject.toml` or `CITATION.cff` have another version, or the
        changelog has no section for it, an empty one or one without its date.
    """
    match = TAG.fullmatch(tag)
    if match is None:
        raise ReleaseError(f"the tag {tag!r} is not of the form v0.2.0")
    version = match[1]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = (root / "CITATION.cff").read_text(encoding="utf-8")
    cited = re.search(r"^version: (\S+)$", citation, flags=re.M)
    found = {"pyproject.toml": project["version"], "CITATION.cff": cited[1] if cited else "none"}
    for name, said in found.items():
        if said != version:
            raise ReleaseError(f"the tag is {tag}, but the version in {name} is {said}")
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    heading, *parts = re.split(r"^## (.+)\n", changelog, flags=re.M)
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    for heading, text in sections.items():
        if heading.startswith(f"[{version}]"):
            if not re.fullmatch(r"\[[\d.]+\] - \d{4}-\d{2}-\d{2}", heading):
                raise ReleaseError(
                    f"CHANGELOG.md: write '## [{version}] - YYYY-MM-DD', not '## {heading}'"
                )
            if not text.strip():
                raise ReleaseError(f"CHANGELOG.md: the section of {version} is empty")
            return text.strip()
    raise ReleaseError(
        f"CHANGELOG.md has no section '## [{version}] - YYYY-MM-DD'; it has: {', '.join(sections)}"
    )


def urls(address: str, tag: str) -> str:
    """Lines for the table `[project.urls]`, which is the last of pyproject.toml.

    A release is made from the repository at an address, which its files do not know.

    Raises
    ------
    ReleaseError
        If the address is not `https://host/owner/name`.

    Examples
    --------
    >>> print(urls("https://github.com/owner/name", "v0.2.0").splitlines()[1])
    Documentation = "https://owner.github.io/name/"
    """
    parts = urlsplit(address.rstrip("/"))
    names = parts.path.strip("/").split("/")
    if parts.scheme != "https" or not parts.netloc or len(names) != 2 or not all(names):
        raise ReleaseError(f"{address!r}: give the address as https://github.com/owner/name")
    base = f"https://{parts.netloc}/{'/'.join(names)}"
    found = {"Homepage": base}
    if parts.netloc == "github.com":
        found["Documentation"] = f"https://{names[0].lower()}.github.io/{names[1]}/"
    found["Source"] = f"{base}/tree/{tag}"
    found["Changelog"] = f"{base}/blob/{tag}/CHANGELOG.md"
    found["Issues"] = f"{base}/issues"
    return "\n".join(f'{name} = "{url}"' for name, url in found.items())


def contents(path: Path) -> list[str]:
    """The files of a wheel or sdist.

    Raises
    ------
    ReleaseError
        If it is neither, or a wheel that holds anything but the package and its metadata, or if
        `py.typed` is missing, or any module is not the package's.
    """
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            names = wheel.namelist()
        code = names
        strange = [n for n in names if not re.match(rf"{PACKAGE}(/|-[\d.]+\.dist-info/)", n)]
    elif path.name.endswith(".tar.gz"):
        with tarfile.open(path) as sdist:
            names = sdist.getnames()
        code = [n.partition("/src/")[2] for n in names if "/src/" in n]
        strange = [n for n in code if not re.match(rf"{PACKAGE}(\.egg-info)?(/|$)", n)]
    else:
        raise ReleaseError(f"{path.name} is neither a wheel nor an sdist")
    if strange:
        raise ReleaseError(f"{path.name} holds what is not the library: {', '.join(strange[:5])}")
    if f"{PACKAGE}/py.typed" not in code:
        raise ReleaseError(f"{path.name} has no {PACKAGE}/py.typed: its types would not be seen")
    return names


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    of_notes = commands.add_parser("notes", help="print the changelog's section of a tag")
    of_notes.add_argument("tag", help="such as v0.2.0")
    of_urls = commands.add_parser("urls", help="print lines for [project.urls]")
    of_urls.add_argument("address", help="of the repository, https://github.com/owner/name")
    of_urls.add_argument("tag")
    of_contents = commands.add_parser("contents", help="check what wheels and sdists hold")
    of_contents.add_argument("paths", nargs="+", type=Path)
    options = parser.parse_args(arguments)
    try:
        if options.command == "notes":
            print(notes(options.tag))
        elif options.command == "urls":
            print(urls(options.address, options.tag))
        else:
            for path in options.paths:
                print(f"{path.name}: {len(contents(path))} files, of the library only")
    except ReleaseError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
