"""Open the system's Chromium without a window, by playwright. No browser is ever downloaded.

The tools of this folder open the built report in it: to check its accessibility, to look at it at
the width of a phone and in the dark, to print it. So do the tests.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# The sandbox is refused inside most containers; the rest keeps Chromium off the network.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find() -> str | None:
    """The path of a Chromium: that of the variable `CHROMIUM`, or the first on the search path.

    Returns
    -------
    str or None
        None where there is none.
    """
    names = (os.environ.get("CHROMIUM") or "", *NAMES)
    return next((path for name in names if name and (path := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that is closed at the end of the block.

    Raises
    ------
    FileNotFoundError
        If there is no Chromium.

    Examples
    --------
    >>> with chromium() as browser:  # doctest: +SKIP
    ...     page = browser.new_page(viewport={"width": 390, "height": 844})
    ...     show(page, Path("_build/html/book/index.html"))
    """
    path = find()
    if path is None:
        raise FileNotFoundError(
            f"no Chromium: install one of {', '.join(NAMES)}, or set CHROMIUM to its path"
        )
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


# Two frames after the last formula is drawn, the scripts that wait for the page have run.
SETTLED = """
(async () => {
  await (window.MathJax?.startup?.promise ?? null);
  await new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => r())));
})()
"""

UNDRAWN = """
[...document.querySelectorAll(".math")]
  .filter(one => !(one.querySelector("mjx-container svg")?.getBoundingClientRect().width > 0)
    || one.querySelector("[data-mml-node='merror']"))
  .map(one => one.textContent)
"""


def show(page: Page, path: Path, query: str = "") -> None:
    """Open a file, and wait until its formulas are drawn and its scripts have run."""
    page.goto(path.resolve().as_uri() + query, timeout=600_000)  # ms: machines may be busy
    page.evaluate(SETTLED)


def undrawn(page: Page) -> list[str]:
    """The formulas of a page that is shown which are not drawn, as TeX."""
    found: list[str] = page.evaluate(UNDRAWN)
    return found
