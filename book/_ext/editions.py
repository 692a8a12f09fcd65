"""What the built report weighs, and in which other forms it lies beside the pages.

``{edition}`pdf` `` links the main text as PDF, ``{edition}`appendices` `` all else, and
``{edition}`slides` `` the slides, or says how to make what has not been made. ``{weight}`all` `` is
the size of all files of the built report, ``{weight}`page` `` that of the median page with all that
it loads, ``{weight}`heaviest` `` that of the heaviest. All are filled in when the pages lie there,
and again when a PDF has been printed:
`python book/_ext/editions.py _build/html`.
"""

from __future__ import annotations

import re
import statistics
import sys
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole

PDFS: Mapping[str, tuple[str, str]] = {
    "pdf": ("synthtab.pdf", "the main text as PDF"),
    "appendices": ("synthtab-appendices.pdf", "the appendices as PDF"),
    "slides": ("synthtab-slides.pdf", "the slides as PDF"),
}
"""By the text of the role: the file beside the pages, and what it is."""

PAGE = "book/formats"
_SPAN = re.compile(r'(<span class="filled" data-fill="([a-z:]+)">).*?(</span>)', re.S)


class Loaded(HTMLParser):
    """The files that a page loads by itself: images, scripts, style sheets."""

    def __init__(self) -> None:
        super().__init__()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the tag loads."""
        given = dict(attrs)
        kinds = (given.get("rel") or "").split()
        if tag in ("img", "script"):
            self.links.add(given.get("src") or "")
        elif tag == "link" and {"stylesheet", "preload"} & set(kinds):
            self.links.add(given.get("href") or "")


def loaded(page: Path) -> set[Path]:
    """The page and the local files that it loads, there or not."""
    parser = Loaded()
    parser.feed(page.read_text(encoding="utf-8"))
    links = [urlsplit(link) for link in parser.links]
    paths = [unquote(link.path) for link in links if not link.scheme and not link.netloc]
    return {page.resolve(), *((page.parent / path).resolve() for path in paths if path)}


def page_weights(folder: Path) -> dict[str, int]:
    """Bytes of each page of the book with all that it loads, before any compression."""
    pages = [*folder.glob("book/*.html"), *folder.glob("notebooks/*.html")]
    return {
        str(page.relative_to(folder)): sum(f.stat().st_size for f in loaded(page) if f.is_file())
        for page in pages
    }


def megabytes(n_bytes: float) -> str:
    """A size in words.

    Examples
    --------
    >>> megabytes(2_345_678)
    '2.3 MB'
    """
    return f"{n_bytes / 1e6:.1f} MB"


def texts(folder: Path) -> dict[str, str]:
    """What the placeholders of a built report say."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    pages = page_weights(folder)
    filled = {
        "weight:all": megabytes(sum(f.stat().st_size for f in files if f.suffix != ".pdf")),
        "weight:page": megabytes(statistics.median(pages.values())),
        "weight:heaviest": megabytes(max(pages.values())),
    }
    for key, (name, words) in PDFS.items():
        path = folder / name
        link = f'<a href="../{name}">{words}</a>'
        filled[f"edition:{key}"] = (
            f"{link} ({megabytes(path.stat().st_size)})"
            if path.exists()
            else f"{words}, which <code>make pdf</code> writes"
        )
    return filled


def fill(folder: Path) -> None:
    """Fill the placeholders of the page on other forms of the report."""
    page = folder / f"{PAGE}.html"
    if page.exists():
        words = texts(folder)
        old = page.read_text(encoding="utf-8")
        new = _SPAN.sub(lambda span: span[1] + words[span[2]] + span[3], old)
        page.write_text(new, encoding="utf-8")


class Filled(SphinxRole):
    """A role whose text is known when all pages are written."""

    known: tuple[str, ...] = ()

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        if self.text not in self.known:
            message = f"{self.name}: {self.text!r} is unknown; known are {', '.join(self.known)}"
            report = self.inliner.reporter.warning(message, line=self.lineno)
            return [nodes.problematic(self.rawtext, self.rawtext)], [report]
        span = f'<span class="filled" data-fill="{self.name}:{self.text}"></span>'
        return [nodes.raw(self.rawtext, span, format="html")], []


class Edition(Filled):
    """The role `edition`."""

    known = tuple(PDFS)


class Weight(Filled):
    """The role `weight`."""

    known = ("all", "page", "heaviest")


def finish(app: Sphinx, error: Exception | None) -> None:
    """Fill when the build is done."""
    if error is None and app.builder.name == "html":
        fill(Path(app.outdir))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the roles; the last thing of a build is to fill them in."""
    app.add_role("edition", Edition())
    app.add_role("weight", Weight())
    app.connect("build-finished", finish, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    fill(Path(sys.argv[1]))
