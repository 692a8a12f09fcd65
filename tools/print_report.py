"""Print the built report and its slides as PDF, with Chromium.

Usage: python tools/print_report.py SINGLEHTML HTML. The first folder holds the one-file edition,
the second the pages, beside which the PDFs are written and whose page on formats then links them.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import yaml

from browser import chromium, show, undrawn

ROOT = Path(__file__).parents[1]

# Sphinx marks where each page begins; the contents list the pages and their sections.
ARRANGE = r"""
(async () => {
  const {title, author, subtitle} = %s;
  document.documentElement.dataset.theme = "light";
  const article = document.querySelector("article") ?? document.body;
  const make = (tag, name, text = "") => {
    const node = document.createElement(tag);
    node.className = name;
    node.textContent = text;
    return node;
  };
  const words = heading => {
    const copy = heading.cloneNode(true);
    copy.querySelectorAll(".headerlink").forEach(link => link.remove());
    return copy.textContent.trim();
  };
  const entry = heading => {
    const item = document.createElement("li");
    const link = item.appendChild(make("a", "", words(heading)));
    link.href = "#" + heading.closest("section").id;
    return item;
  };
  const front = make("div", "title-page");
  front.append(
    make("div", "title", title), make("div", "subtitle", subtitle), make("p", "", author));
  const contents = make("nav", "contents-page");
  contents.append(make("div", "chapter-title", "Contents"));
  const list = contents.appendChild(document.createElement("ol"));
  const chapters = [article.querySelector("section")];
  for (const mark of article.querySelectorAll("span[id^='document-']")) {
    if (mark.nextElementSibling?.tagName === "SECTION") chapters.push(mark.nextElementSibling);
  }
  for (const chapter of chapters) {
    const heading = chapter.querySelector(":is(h1, h2, h3)");
    chapter.classList.add("chapter");
    heading.classList.add("chapter-title");
    const item = list.appendChild(entry(heading));
    const parts = chapter.querySelectorAll(":scope > section > :is(h2, h3)");
    if (parts.length) {
      const inner = item.appendChild(document.createElement("ol"));
      for (const part of parts) inner.append(entry(part));
    }
  }
  for (const link of article.querySelectorAll("a[href*='.html#']")) {
    const inside = link.getAttribute("href").match(/^book\/index\.html(#.+)$/);
    if (inside) link.setAttribute("href", inside[1]);
  }
  const used = list.querySelectorAll("a");
  article.prepend(front, contents);
  await Promise.all([...document.images].map(image => {
    image.loading = "eager";
    return image.decode().catch(() => null);
  }));
  return used.length;
})()
"""


def editions() -> ModuleType:
    """The module of the book that knows the names of the PDFs."""
    path = ROOT / "book" / "_ext" / "editions.py"
    spec = importlib.util.spec_from_file_location("editions", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(single: Path, html: Path) -> None:
    """Print both, and let the page on formats link them.

    Raises
    ------
    FileNotFoundError
        If a page is not built, or there is no Chromium.
    ValueError
        If the one-file edition has no chapters, or a formula that is not drawn.
    """
    report, slides = single / "book" / "index.html", html / "book" / "slides.html"
    if missing := [str(path) for path in (report, slides) if not path.exists()]:
        raise FileNotFoundError(f"not built: {', '.join(missing)}; run `make pdf`")
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    title = {
        "title": config["title"],
        "author": config["author"],
        "subtitle": "A report that can be run again: SEDS500, re-examined",
    }
    made = editions()
    with chromium() as browser:
        # Sphinx writes the addresses of images and styles as if the file lay one folder higher.
        raised = single / "report.html"
        raised.write_text(report.read_text(encoding="utf-8"), encoding="utf-8")
        page = browser.new_page(viewport={"width": 1000, "height": 1400})
        page.emulate_media(media="print", reduced_motion="reduce")  # an animation as a picture
        show(page, raised)
        if raw := undrawn(page):
            raise ValueError(f"{report}: {len(raw)} formulas are not drawn, such as {raw[0]}")
        if page.evaluate(ARRANGE % json.dumps(title)) < 2:
            raise ValueError(f"{report} has no chapters")
        page.pdf(
            path=html / made.PDFS["pdf"][0],
            prefer_css_page_size=True,
            print_background=True,
            tagged=True,
            outline=True,
        )
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        show(page, slides, "?print-pdf")
        page.wait_for_timeout(1500)  # reveal.js lays out its pages
        page.pdf(
            path=html / made.PDFS["slides"][0], prefer_css_page_size=True, print_background=True
        )
    made.fill(html)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
