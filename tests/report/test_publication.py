"""The report as a publication: slides, captions, weight, links, and what its tools need."""

import importlib.util
import json
import re
import sys
import warnings
from io import StringIO
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup
from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.testing.util import SphinxTestApp
from sphinx.util.console import strip_colors

from seds500.records import store
from seds500.runner.project import Experiment, Project

ROOT = Path(__file__).parents[2]
PROJECT = Project(ROOT)
BUILT = ROOT / "_build" / "html"
# In bytes. The theme's icons are 1.5 MB of every page, MathJax 2.3 MB of a page with formulas. More
# than a third of all files is static ones, a quarter the notebooks that can be downloaded; the
# records are 1.5 MB, and Vega, which one page loads, 0.9 MB.
LIMITS = {"median page": 2.8e6, "heaviest page": 6.5e6, "all files": 34.5e6}


def module(folder: str, name: str) -> ModuleType:
    """A module of a folder that is no package."""
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, ROOT / folder / f"{name}.py")
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[name] = loaded  # some import each other
    spec.loader.exec_module(loaded)
    return loaded


module("book/_ext", "records")
origin = module("book/_ext", "origin")
module("book/_ext", "figures")
reading = module("book/_ext", "reading")
slides = module("book/_ext", "slides")
editions = module("book/_ext", "editions")
repository = module("book/_ext", "repository")
tables = module("book/_ext", "tables")
browser = module("tools", "browser")
accessibility = module("tools", "accessibility")
print_report = module("tools", "print_report")

needs_chromium = pytest.mark.skipif(browser.find() is None, reason="no Chromium on this machine")


def build(folder: Path) -> tuple[str, SphinxTestApp]:
    """Build a small book; its warnings, by any of which a strict build fails."""
    heard = StringIO()
    app = SphinxTestApp("html", srcdir=folder, warning=heard)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            app.build()
    finally:
        app.cleanup()
    return strip_colors(heard.getvalue()), app


@pytest.fixture
def book(tmp_path):
    """A book of two pages, one of which is the slides."""
    extension = str(ROOT / "book" / "_ext")
    templates = str(ROOT / "book" / "_templates")
    (tmp_path / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {extension!r})\n"
        "extensions = ['myst_nb', 'records', 'reading', 'slides']\nhtml_theme = 'basic'\n"
        f"templates_path = [{templates!r}]\nroot_doc = 'book/index'\n"
        "nb_execution_mode = 'off'\nmyst_enable_extensions = ['colon_fence']\nnumfig = True\n"
        "html_search = False\nsource_suffix = {'.md': 'myst-nb', '.ipynb': 'myst-nb'}\n"
    )
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "index.md").write_text("# Home\n\n```{toctree}\nslides\n```\n")
    store.save({"values": {"r2": 0.62}}, tmp_path / "records" / "run.json")
    return tmp_path


SLIDES = """# A question

Asked.

## First

R² {res}`run.r2:.2f`

:::{sidebar}
:class: notes

Say it.
:::

## Second

Done.
"""


# Slides


def test_sections_become_slides_with_numbers_from_records_and_notes(book):
    (book / "book" / "slides.md").write_text(SLIDES)
    heard, _ = build(book)
    assert heard == ""
    page = BeautifulSoup((book / "_build/html/book/slides.html").read_text(), "html.parser")
    shown = page.select(".slides > section")
    assert [slide.h1.get_text() for slide in shown] == ["A question", "First", "Second"]
    assert "title-slide" in shown[0]["class"]
    assert "0.62" in shown[1].get_text()
    assert shown[1].select_one("aside.notes").get_text().strip() == "Say it."
    assert page.select("section section") == []  # reveal.js would stack them


def test_the_slides_follow_a_changed_record_and_fail_without_it(book):
    (book / "book" / "slides.md").write_text(SLIDES)
    build(book)
    store.save({"values": {"r2": 0.31}}, book / "records" / "run.json")
    build(book)
    assert "0.31" in (book / "_build/html/book/slides.html").read_text()
    (book / "records" / "run.json").unlink()
    heard, _ = build(book)
    assert "slides.md:7" in heard
    assert "no record 'run'" in heard


def test_all_that_slides_load_lies_beside_them(book):
    (book / "book" / "slides.md").write_text(SLIDES)
    _, app = build(book)
    static = Path(app.outdir) / "_static" / "reveal"
    assert all((static / name).stat().st_size > 0 for name in slides.FILES)
    page = BeautifulSoup((book / "_build/html/book/slides.html").read_text(), "html.parser")
    sources = [tag.get("src") or tag.get("href") for tag in page.select("script[src], link")]
    assert all(not urlsplit(source).netloc for source in sources)


@pytest.mark.parametrize(
    ("children", "message"),
    [
        ([nodes.paragraph("", "text")], "has no title"),
        ([nodes.section("", nodes.title("", "Title"))], "has no slides"),
    ],
)
def test_a_page_without_slides_is_refused(children, message):
    page = nodes.Element("", *children)
    with pytest.raises(ExtensionError, match=message):
        slides.slides(page)


def test_the_talk_has_twelve_slides_each_with_a_number_a_figure_and_notes():
    text = (ROOT / "book" / "slides.md").read_text(encoding="utf-8")
    parts = re.split(r"^#{1,2} ", text, flags=re.M)[1:]
    assert len(parts) == 12
    titles = [part.splitlines()[0] for part in parts]
    assert [title for title in titles if not re.search(r"\{(res|claims)\}`", title)] == []
    for part, title in zip(parts, titles, strict=True):
        assert part.count("```{image}") == 1, title
        assert part.count(":class: notes") == 1, title


@needs_chromium
@pytest.mark.skipif(not (BUILT / "book/slides.html").exists(), reason="the report is not built")
def test_every_slide_fits_its_frame():
    bottom = (
        "Math.max(...[...Reveal.getCurrentSlide().children].filter(e => e.tagName != 'ASIDE')"
        ".map(e => e.offsetTop + e.offsetHeight))"
    )
    with browser.chromium() as chromium:
        page = chromium.new_page(viewport={"width": 1280, "height": 720})
        browser.show(page, BUILT / "book" / "slides.html")
        heights = [
            page.evaluate(f"Reveal.slide({i}) || {bottom}")
            for i in range(page.evaluate("Reveal.getTotalSlides()"))
        ]
    assert heights
    assert [i for i, height in enumerate(heights) if not 0 < height <= 720] == []


# Captions, numbers, folded code


def written(cells: list) -> str:
    language = {"language_info": {"name": "python", "pygments_lexer": "ipython3"}}
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells, metadata=language))


def test_cells_are_folded_and_their_figures_and_tables_numbered(book):
    pixel = (
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5E"
        "rkJggg=="
    )
    picture, table, plain = (
        nbformat.v4.new_code_cell(code) for code in ("draw()", "tell()", "import x\nx")
    )
    picture.metadata["mystnb"] = {"image": {"alt": "A picture"}}
    for cell, data in (
        (picture, {"image/png": pixel}),
        (table, {"text/html": "<table><tr><td>1</td></tr></table>"}),
        (plain, {"text/plain": "2"}),
    ):
        cell.outputs = [nbformat.v4.new_output("execute_result", data, execution_count=1)]
    title = nbformat.v4.new_markdown_cell("# Page")
    (book / "book" / "cells.ipynb").write_text(written([title, picture, table, plain]))
    (book / "records").mkdir(exist_ok=True)
    (book / "records" / "cells.json").write_text("{}")
    (book / "book" / "captions.yml").write_text(
        "figures: {A picture: Look at it.}\ntables: {tell(: Read it.}\n"
    )
    (book / "book" / "index.md").write_text("# Home\n\n```{toctree}\ncells\n```\n")
    heard, _ = build(book)
    assert heard == ""
    page = BeautifulSoup((book / "_build/html/book/cells.html").read_text(), "html.parser")
    folded = [each.get_text().split() for each in page.select("details.hide > summary")]
    assert [words[:3] for words in folded] == [
        ["Show", "the", what] for what in ("code", "code", "imports")
    ]
    words = [
        " ".join(caption.get_text().split()) for caption in page.select("figure .caption-text")
    ]
    numbers = [each.get_text().strip() for each in page.select("figure .caption-number")]
    assert numbers == ["Fig. 1", "Table 1"]
    assert "Look at it." in words
    assert page.select_one("figure.numbered-table table") is not None
    for figure in page.select("figure"):
        record, code = figure.select(".made-by a")
        assert record["href"] == "../_records/cells.json"
        assert page.find(id=code["href"].removeprefix("#")).select_one(".cell_input") is not None


def sources() -> list[tuple[str, list]]:
    return [(name, PROJECT.read(Experiment(name, name)).cells) for name in PROJECT.notebooks()]


def test_every_figure_of_a_notebook_has_a_caption_and_every_caption_a_figure():
    known = yaml.safe_load((ROOT / "book" / "captions.yml").read_text(encoding="utf-8"))
    described = {
        cell.metadata["mystnb"]["image"]["alt"]
        for _, cells in sources()
        for cell in cells
        if "image" in cell.metadata.get("mystnb", {})
    }
    assert sorted(described - set(known["figures"])) == [], "captions are missing"
    assert sorted(set(known["figures"]) - described) == [], "captions without a figure"
    lines = [
        cell.source.strip().splitlines()[-1]
        for _, cells in sources()
        for cell in cells
        if cell.cell_type == "code" and cell.source.strip()
    ]
    unused = [piece for piece in known["tables"] if not any(piece in line for line in lines)]
    assert unused == [], "captions without a table"


@pytest.mark.parametrize("path", sorted(ROOT.glob("notebooks/*.ipynb")), ids=lambda path: path.stem)
def test_every_picture_of_a_notebook_is_described(path):
    bare = [
        cell.source.splitlines()[-1]
        for cell in nbformat.read(path, as_version=4).cells
        if any("image/png" in output.get("data", {}) for output in cell.get("outputs", []))
        and not cell.metadata.get("mystnb", {}).get("image", {}).get("alt")
    ]
    assert bare == [], f"{path.name}: pictures without alternative text"


def test_every_function_that_makes_a_figure_or_table_is_described():
    described = (ROOT / "book" / "api_figures.md").read_text(encoding="utf-8")
    for made in (*reading.figures.FIGURES.values(), *tables.TABLES.values()):
        assert f".. autofunction:: {origin.full_name(made)}\n" in described


def test_every_table_from_records_has_a_caption():
    known = yaml.safe_load((ROOT / "book" / "captions.yml").read_text(encoding="utf-8"))
    assert set(known["records"]) == set(tables.TABLES)


# Weight, placeholders


@pytest.fixture
def site(tmp_path):
    """A built site of one page."""
    (tmp_path / "book").mkdir()
    (tmp_path / "_static").mkdir()
    (tmp_path / "_static" / "a.css").write_text("x" * 100)
    (tmp_path / "book" / "formats.html").write_text(
        '<link rel="stylesheet" href="../_static/a.css?v=1"><a href="far.html"></a>'
        '<img src="https://example.org/b.png">'
        '<span class="filled" data-fill="edition:pdf"></span>'
        '<span class="filled" data-fill="weight:page"></span>'
    )
    return tmp_path


def test_a_page_weighs_itself_and_what_it_loads(site):
    page = site / "book" / "formats.html"
    weight = editions.page_weights(site)["book/formats.html"]
    assert weight == page.stat().st_size + 100


def test_placeholders_are_filled_and_filled_again_when_there_is_a_pdf(site):
    page = site / "book" / "formats.html"
    editions.fill(site)
    assert "which <code>make pdf</code> writes" in page.read_text()
    (site / "synthtab.pdf").write_bytes(b"0" * 2_000_000)
    editions.fill(site)
    assert '<a href="../synthtab.pdf">the main text as PDF</a> (2.0 MB)' in page.read_text()
    assert page.read_text().count("0.0 MB") == 1


def test_buttons_need_the_address_of_a_repository():
    known = repository.options("https://github.com/owner/name", "main")
    assert known["launch_buttons"]["binderhub_url"] == "https://mybinder.org"
    assert repository.options("https://example.org/owner/name", "main")["launch_buttons"] == {}
    for wrong in ("owner/name", "https://github.com/owner", "http://github.com/owner/name"):
        with pytest.raises(ExtensionError, match=r"give it as https://github\.com/owner/name"):
            repository.options(wrong, "main")


# The built report, where there is one: `make test` builds it first


def built() -> list[str]:
    """The pages that the last build wrote, by their names in the search index."""
    index = BUILT / "searchindex.js"
    if not index.exists():
        return []
    found = re.search(
        r'"docnames":\s*(\[[^\]]*\])|docnames:\s*(\[[^\]]*\])', index.read_text("utf-8")
    )
    return json.loads(next(group for group in found.groups() if group))


needs_build = pytest.mark.skipif(not built(), reason="the report is not built: make book")


@needs_build
def test_no_link_inside_the_report_is_dead():
    pages: dict[Path, set[str]] = {}

    def anchors(path: Path) -> set[str]:
        if path not in pages:
            pages[path] = set(re.findall(r'\b(?:id|name)="([^"]+)"', path.read_text("utf-8")))
        return pages[path]

    dead = []
    for name in built():
        page = BUILT / f"{name}.html"
        for link in re.findall(r'<a\b[^>]*?\bhref="([^"]+)"', page.read_text("utf-8")):
            parts = urlsplit(link.replace("&amp;", "&"))
            if parts.scheme or parts.netloc:
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            if not target.is_file():
                dead.append(f"{name}: {link}")
            elif parts.fragment and target.suffix == ".html":
                if unquote(parts.fragment) not in {*anchors(target), "", "top"}:
                    dead.append(f"{name}: {link} (no such place)")
    assert dead == []


@needs_build
def test_the_report_loads_nothing_from_a_network():
    loads = re.compile(r'<(?:script|img|iframe)\b[^>]*?\bsrc="([^"]+)"|<link\b[^>]*?href="([^"]+)"')
    far = [
        f"{name}: {link}"
        for name in built()
        for pair in loads.findall((BUILT / f"{name}.html").read_text("utf-8"))
        for link in pair
        if urlsplit(link).netloc
    ]
    assert far == []


@needs_build
def test_every_file_that_a_page_loads_is_there():
    missing = [
        f"{name}: {file}"
        for name in [*built(), "genindex", "search"]
        for file in sorted(editions.loaded(BUILT / f"{name}.html"))
        if not file.is_file()
    ]
    assert missing == []


TEXT = """
(() => {
  document.querySelectorAll("pre, code").forEach(code => code.remove());
  return document.body.innerText;
})()
"""


@needs_build
@needs_chromium
def test_every_formula_is_drawn_without_a_network():
    paths = {name: BUILT / f"{name}.html" for name in built()}
    with_formulas = [
        name
        for name, path in paths.items()
        if re.search(r'class="[^"]*\bmath\b', path.read_text("utf-8"))
    ]
    assert with_formulas
    raw = {}
    with browser.chromium() as chromium:
        page = chromium.new_context(offline=True).new_page()
        for name in with_formulas:
            browser.show(page, paths[name])
            raw[name] = browser.undrawn(page)
            raw[name] += re.findall(r"\\[(\[].{,40}", page.evaluate(TEXT))
    assert {name: found for name, found in raw.items() if found} == {}


@needs_build
def test_every_captioned_figure_and_table_leads_to_its_record():
    bare = []
    for name in built():
        page = BeautifulSoup((BUILT / f"{name}.html").read_text("utf-8"), "html.parser")
        for caption in page.select("figure .caption-number, table .caption-number"):
            whole = caption.find_parent("figure") or caption.find_parent("table").parent
            drawn = whole.select_one("img[src*='_static/'], img[src$='.svg']")
            after = whole.find_next(class_="made-by")
            if drawn is None and (after is None or "_records/" not in str(after)):
                bare.append(f"{name}: {caption.get_text()}")
    assert bare == []


@needs_build
def test_a_figure_has_one_caption():
    twice = []
    for name in built():
        page = BeautifulSoup((BUILT / f"{name}.html").read_text("utf-8"), "html.parser")
        twice += [name for figure in page.select("figure") if len(figure.select("figcaption")) > 1]
    assert twice == []


@needs_build
@needs_chromium
def test_the_figure_that_a_reader_changes_works_without_a_network():
    with browser.chromium() as chromium:
        page = chromium.new_context(offline=True, viewport={"width": 390, "height": 844}).new_page()
        browser.show(page, BUILT / "book" / "explore.html")
        page.wait_for_selector(".explore-drawn svg")
        before = page.inner_text(".explore-table tbody")
        page.select_option("select[name=experiment]", "011")
        page.wait_for_function(
            "before => document.querySelector('.explore-table tbody').innerText !== before",
            arg=before,
        )
        rows = page.locator(".explore-table tbody tr").count()
        names = page.locator(".explore-drawn svg").text_content()
        assert rows > 8
        assert "HybridDiffusion" in names
        assert page.locator(".explore-table tbody").inner_text() != before
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


@needs_build
def test_every_image_of_the_report_is_described():
    images = re.compile(r"<img\b[^>]*>")
    bare = [
        f"{name}: {tag}"
        for name in built()
        for tag in images.findall((BUILT / f"{name}.html").read_text("utf-8"))
        if not re.search(r'\balt="(?!_images|\.\./_images)[^"]+"', tag)
    ]
    assert bare == []


@needs_build
def test_the_report_is_light():
    weights = sorted(editions.page_weights(BUILT).values())
    files = [path for path in BUILT.rglob("*") if path.is_file() and path.suffix != ".pdf"]
    found = {
        "median page": weights[len(weights) // 2],
        "heaviest page": weights[-1],
        "all files": sum(path.stat().st_size for path in files),
    }
    heavy = {what: size for what, size in found.items() if size > LIMITS[what]}
    assert heavy == {}


# The browser


def test_a_missing_browser_is_said_with_the_remedy(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CHROMIUM", raising=False)
    with (
        pytest.raises(FileNotFoundError, match=r"install one of chromium.*or set CHROMIUM"),
        browser.chromium(),
    ):
        pass


def test_a_finding_says_page_view_rule_and_element():
    finding = accessibility.Finding(
        "book/index.html", "dark", "color-contrast", "serious", "w", ("<a>",)
    )
    assert str(finding) == "book/index.html (dark): serious, color-contrast: w\n    <a>"


# The PDFs


def test_every_page_is_in_one_of_the_two_pdfs_and_the_slides_in_their_own():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    pages = [toc["root"], *(c["file"] for part in toc["parts"] for c in part["chapters"])]
    main, rest = print_report.parts()
    assert sorted([*main, *rest, "book/slides"]) == sorted(pages)
    assert main[0] == "book/index"
    assert "book/conclusion" in main
    assert "book/api" in rest


@needs_build
def test_no_template_of_a_theme_is_published():
    left = [p.name for p in BUILT.rglob("*.html") if "_static" in p.parts and "{{" in p.read_text()]
    assert left == []
