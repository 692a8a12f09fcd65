"""Check the built report with axe-core in Chromium: every page, light and dark, and on a phone.

Usage: python tools/accessibility.py HTML AXE [PAGE ...]. `HTML` is the built folder, `AXE` the
file axe.min.js, and pages are paths in the folder; without any all are checked. A finding that
axe-core calls serious or critical is printed with the element, and the exit status is 1.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from browser import chromium, show

GRAVE = ("serious", "critical")

# Where it is read: width and height in CSS pixels, and the scheme that the reader prefers.
VIEWS: tuple[tuple[str, int, int, Literal["light", "dark"]], ...] = (
    ("light", 1280, 900, "light"),
    ("dark", 1280, 900, "dark"),
    ("phone", 390, 844, "light"),
)

RUN = """
axe.run(document, {resultTypes: ["violations"]}).then(found => found.violations.map(
  one => ({id: one.id, impact: one.impact, help: one.help,
           nodes: one.nodes.map(node => node.html.slice(0, 160))})))
"""


@dataclass(frozen=True)
class Finding:
    """A rule that elements of a page break."""

    page: str
    view: str
    rule: str
    impact: str
    words: str
    elements: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{self.page} ({self.view}): {self.impact}, {self.rule}: {self.words}"]
        return "\n".join([*lines, *(f"    {element}" for element in self.elements[:3])])


def pages(folder: Path) -> list[str]:
    """The pages of the report, without the sources that viewcode shows."""
    found = [*folder.glob("book/*.html"), *folder.glob("notebooks/*.html"), folder / "search.html"]
    return sorted(str(path.relative_to(folder)) for path in found)


def check(folder: Path, axe: str, names: Sequence[str]) -> Iterator[Finding]:
    """What axe-core finds, page by page and view by view."""
    with chromium() as browser:
        for view, width, height, scheme in VIEWS:
            page = browser.new_page(
                viewport={"width": width, "height": height},
                is_mobile=view == "phone",
                color_scheme=scheme,
                reduced_motion="reduce",  # else colours are midway
            )
            for name in names:
                show(page, folder / name)
                page.evaluate(axe)
                for one in page.evaluate(RUN):
                    yield Finding(
                        name, view, one["id"], one["impact"], one["help"], tuple(one["nodes"])
                    )
            page.close()


def main(folder: Path, axe: Path, *names: str) -> int:
    """Print grave findings, count the others, and return the exit status."""
    checked = names or pages(folder)
    found = list(check(folder, axe.read_text(encoding="utf-8"), checked))
    grave = [finding for finding in found if finding.impact in GRAVE]
    for finding in grave:
        print(finding)
    lighter = sorted({f"{finding.rule} ({finding.impact})" for finding in found} - {
        f"{finding.rule} ({finding.impact})" for finding in grave
    })  # fmt: skip
    print(
        f"{len(checked)} pages in {len(VIEWS)} views: {len(grave)} serious or critical findings; "
        f"lighter ones: {', '.join(lighter) or 'none'}"
    )
    return 1 if grave or not checked else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:]))
