"""Print the built report, its appendices and its slides as PDF, with Chromium.

Usage: python tools/print_report.py SINGLEHTML HTML. The first folder holds the one-file edition,
the second the pages, beside which the PDFs are written and whose page on formats then links them.

Chromium cannot put page numbers into a table of contents. So each file is printed twice: the first
time with placeholders, and then with the pages of the headings, which are in the file's outline.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml
from playwright.sync_api import Browser
from pypdf import PdfReader
from pypdf.generic import Destination

from browser import chromium, show, undrawn

ROOT = Path(__file__).parents[1]

# Sphinx marks where each page begins; the contents list the pages and their sections.
ARRANGE = r"""
(async () => {
  const {title, author, subtitle, pages} = %s;
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
  // Sections of different pages can have one id, so that each heading gets a mark of its own.
  let marks = 0;
  const entry = heading => {
    const item = document.createElement("li");
    const link = item.appendChild(make("a", "", words(heading)));
    heading.prepend(make("span", ""));
    heading.firstChild.id = `contents-${++marks}`;
    link.href = "#" + heading.firstChild.id;
    link.append(make("span", "page", "000"));
    return item;
  };
  const front = make("div", "title-page");
  front.append(
    make("div", "title", title), make("div", "subtitle", subtitle), make("p", "", author));
  const contents = make("nav", "contents-page");
  contents.append(make("div", "chapter-title", "Contents"));
  const list = contents.appendChild(document.createElement("ol"));
  const chapters = {"book/index": article.querySelector("section")};
  for (const mark of article.querySelectorAll("span[id^='document-']")) {
    if (mark.nextElementSibling?.tagName === "SECTION")
      chapters[mark.id.replace("document-", "")] = mark.nextElementSibling;
  }
  for (const [name, chapter] of Object.entries(chapters)) {
    if (!pages.includes(name)) {
      // The first page holds the marks of all others, so only its own parts go.
      if (name === "book/index")
        [...chapter.children]
          .filter(part => !part.querySelector("span[id^='document-']"))
          .filter(part => !part.matches("span") && !Object.values(chapters).includes(part))
          .forEach(part => part.remove());
      else chapter.remove();
      continue;
    }
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
  article.prepend(front, contents);
  // What is in the other file keeps its words and loses its link.
  for (const link of article.querySelectorAll("a[href^='#']")) {
    if (!document.getElementById(decodeURIComponent(link.getAttribute("href").slice(1))))
      link.replaceWith(...link.childNodes);
  }
  await Promise.all([...document.images].map(image => {
    image.loading = "eager";
    return image.decode().catch(() => null);
  }));
  return [...list.querySelectorAll("a")].map(link => link.firstChild.textContent);
})()
"""

NUMBER = """
(pages => document.querySelectorAll(".contents-page a").forEach((link, i) => {
  link.querySelector(".page").textContent = pages[i];
}))(%s)
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


def parts() -> tuple[list[str], list[str]]:
    """The pages of the main text, the first page among them, and all others but the slides."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    main, *others = [[c["file"] for c in part["chapters"]] for part in toc["parts"]]
    rest = [page for part in others for page in part if page != "book/slides"]
    return [toc["root"], *main], rest


def headings(outline: list[Any]) -> Iterator[Destination]:
    """All headings of a file in its order, from the outline that Chromium writes."""
    for item in outline:
        if isinstance(item, list):
            yield from headings(item)
        else:
            yield item


def numbers(pdf: Path, titles: list[str]) -> list[int]:
    """The page of each title of the contents, which are in the order of the file.

    Raises
    ------
    ValueError
        If the file lacks a title.
    """
    reader = PdfReader(pdf)
    left = headings(reader.outline)
    found = []
    for title in titles:
        same = (h for h in left if "".join((h.title or "").split()) == "".join(title.split()))
        if (heading := next(same, None)) is None:
            raise ValueError(f"{pdf} has no heading {title!r}, or in another order")
        found.append((reader.get_destination_page_number(heading) or 0) + 1)
    return found


def print_pages(browser: Browser, source: Path, target: Path, settings: dict[str, Any]) -> None:
    """Print some pages of the one-file edition, with a title, and contents with page numbers.

    Raises
    ------
    ValueError
        If the edition has no chapters, or a formula that is not drawn.
    """
    page = browser.new_page(viewport={"width": 1000, "height": 1400})
    page.emulate_media(media="print", reduced_motion="reduce")  # an animation as a picture
    show(page, source)
    if raw := undrawn(page):
        raise ValueError(f"{source}: {len(raw)} formulas are not drawn, such as {raw[0]}")
    titles = page.evaluate(ARRANGE % json.dumps(settings))
    if len(titles) < 2:
        raise ValueError(f"{source} has no chapters")

    def save() -> None:
        page.pdf(
            path=target, prefer_css_page_size=True, print_background=True, tagged=True, outline=True
        )

    save()
    page.evaluate(NUMBER % json.dumps(numbers(target, titles)))
    save()
    page.close()


def main(single: Path, html: Path) -> None:
    """Print all three, and let the page on formats link them.

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
    made = editions()
    words = ("A report that can be run again: SEDS500, re-examined", "Appendices and reference")
    with chromium() as browser:
        # Sphinx writes the addresses of images and styles as if the file lay one folder higher.
        raised = single / "report.html"
        raised.write_text(report.read_text(encoding="utf-8"), encoding="utf-8")
        for key, pages, subtitle in zip(("pdf", "appendices"), parts(), words, strict=True):
            settings = {
                "title": config["title"],
                "author": config["author"],
                "subtitle": subtitle,
                "pages": pages,
            }
            print_pages(browser, raised, html / made.PDFS[key][0], settings)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        show(page, slides, "?print-pdf")
        page.wait_for_timeout(1500)  # reveal.js lays out its pages
        page.pdf(
            path=html / made.PDFS["slides"][0], prefer_css_page_size=True, print_background=True
        )
    made.fill(html)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
