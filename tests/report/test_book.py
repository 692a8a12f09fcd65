"""The report says what was computed: no typed results, no stale pages, no dangling references.

The parametrised tests run over the files and entries that exist; with none they check nothing,
as in a copy before its first notebook.
"""

import ast
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tomllib
import warnings
from collections.abc import Iterable
from functools import cache
from io import StringIO
from pathlib import Path
from types import ModuleType, SimpleNamespace

import jupytext
import nbformat
import papermill
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from sphinx.errors import ExtensionError
from sphinx.testing.util import SphinxTestApp
from sphinx.util.console import strip_colors

from seds500.claims.rule import Entry, count, ledger
from seds500.claims.study import CLAIMS, PARTS
from seds500.pages import claims as claims_page
from seds500.records import Records, store
from seds500.records import prose as sentences
from seds500.runner import notebooks, parameters
from seds500.runner.project import Experiment, Project

ROOT = Path(__file__).parents[2]
PROJECT = Project(ROOT)
EXPERIMENTS = list(PROJECT.experiments().values())
PAGES = sorted(ROOT.glob("notebooks/*.ipynb"))


def extension(name: str) -> ModuleType:
    """A module of `book/_ext`, which is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "book" / "_ext" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # some import each other
    spec.loader.exec_module(module)
    return module


extension("records")
extension("origin")
figures = extension("figures")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def prose() -> list[tuple[str, str]]:
    """All running text: pages, README, Markdown cells, and what cells `say`, by name."""
    pages = [*sorted(ROOT.glob("book/**/*.md")), ROOT / "README.md"]
    texts = [(name(path), path.read_text(encoding="utf-8")) for path in pages]
    for notebook in PROJECT.notebooks():
        cells = PROJECT.read(Experiment(notebook, notebook)).cells
        parts = [
            "\n".join(said(cell.source)) if cell.cell_type == "code" else cell.source
            for cell in cells
        ]
        texts.append((f"notebooks/{notebook}.py", "\n\n".join(parts)))
    return texts


def said(code: str) -> list[str]:
    """The texts that a cell hands to `say`."""
    if "say(" not in code:
        return []
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    return [
        text.value
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "say"
        for text in ast.walk(call.args[0])
        if isinstance(text, ast.Constant) and isinstance(text.value, str)
    ]


PROSE = prose()

# The rule for typed results. A decimal number or a percentage in running text has to come from a
# record. Free are: whole numbers (counts, years, sizes, experiment ids); code spans, code blocks
# and formulas (settings, definitions, versions); the addresses of links; and what carries the role
# `given`, for levels and thresholds that were chosen. Text inside an admonition is running text.
TYPED = re.compile(r"\d\.\d|\d\s*(?:%|percent\b|per cent\b)")
QUIET_DIRECTIVES = "code|code-block|code-cell|math|mermaid|literalinclude|eval-rst|raw"
# A span of code or a role. Longer runs of backticks come first, so that a role quoted inside a
# code span is not taken for a role.
SPAN = re.compile(
    r"(?P<role>\{[\w:-]+\})?(?P<ticks>`+)(?!`)(?P<text>.+?)(?<!`)(?P=ticks)(?!`)", re.S
)


def without_blocks(text: str) -> str:
    """The text without front matter, code blocks, comments and directive options."""
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.S)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    quiet = rf"(?:(?!\{{)[^\n`]*|\{{(?:{QUIET_DIRECTIVES})\}}[^\n]*)"
    text = re.sub(
        rf"^[ ]*(?P<fence>```+|~~~+){quiet}\n.*?^[ ]*(?P=fence)[ ]*$", "", text, flags=re.M | re.S
    )
    return re.sub(r"^[ ]*(?::[\w-]+:.*|%.*|```+.*|~~~+.*|:::+.*)$", "", text, flags=re.M)


def typed_results(text: str) -> list[str]:
    """The lines of running text that hold a typed decimal or percentage."""
    text = SPAN.sub("", without_blocks(text))
    text = re.sub(r"\$\$.*?\$\$", "", text, flags=re.S)
    text = re.sub(r"(?<!\\)\$[^$\n]+\$", "", text)
    text = re.sub(r"\]\([^)]*\)|<[^>\n]+>|https?://\S+", "", text)
    return [line.strip() for line in text.splitlines() if TYPED.search(line)]


def result_roles(text: str) -> list[str]:
    found = SPAN.finditer(without_blocks(text))
    return [match["text"] for match in found if match["role"] == "{res}"]


@pytest.mark.parametrize(
    "text",
    [
        "The R² is 0.55.",
        "it keeps 93 % of it",
        "it keeps 93% of it",
        "a share of 12 percent",
        ":::{note}\nThe R² is 0.55.\n:::",
        "```{note}\nThe R² is 0.55.\n```",
        "| rf | 0.55 |",
        "# A heading with 0.55",
        "{res}`run.r2:.2f` and 0.55",
        "costs \\$3 and 0.55 and \\$4",
    ],
)
def test_a_typed_result_is_found(text):
    assert len(typed_results(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "experiment 013 of 2026 has 534 test rows, 17,942 in all.",
        "{res}`run.r2:.2f` with {given}`95 %` intervals",
        "written `` {res}`run.r2:.2f` `` or `0.55`",
        "where $\\sigma_{\\min} = 0.002$",
        "$$\nx = 0.5\n$$",
        "```python\nrate = 0.5\n```",
        "```{math}\nx = 0.5\n```",
        "```{image} a.png\n:width: 50%\n```",
        "[text](https://example.org/1.2/3) <https://example.org/1.2>",
        "---\nversion: 1.0\n---\n# Title",
        "Step 2. 3 rows follow.",
    ],
)
def test_what_is_not_a_result_passes(text):
    assert typed_results(text) == []


@pytest.mark.parametrize(("source", "text"), PROSE, ids=[source for source, _ in PROSE])
def test_no_result_is_typed_by_hand(source, text):
    assert typed_results(text) == [], (
        f"{source}: take results from a record with {{res}}`id.key:.2f`; mark a number that was "
        "chosen with {given}`95 %`, and put settings and versions in `code`"
    )


@pytest.mark.parametrize(("source", "text"), PROSE, ids=[source for source, _ in PROSE])
def test_every_result_that_prose_cites_exists_and_can_be_shown(source, text):
    pages = [e.id for e in EXPERIMENTS if f"notebooks/{e.notebook}.py" == source]
    problems = []
    for page in pages or [""]:
        for role in result_roles(text):
            key, form = sentences.split(role, page)
            try:
                sentences.show(key, store.lookup(PROJECT.records, key), form)
            except (store.RecordError, ValueError) as error:
                problems.append(f"{role}: {error}")
    assert not problems, "\n".join([source, *problems])


def test_a_role_quoted_in_a_code_span_is_not_a_citation():
    text = "`` {res}`a.b` `` and {res}`c.d:.2f`\n\n```\n{res}`e.f`\n```\n"
    assert result_roles(text) == ["c.d:.2f"]


# Pages and records


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda e: e.id)
def test_an_experiment_has_its_source_page_and_record(experiment):
    needed = (
        PROJECT.source(experiment.notebook),
        PROJECT.page(experiment),
        PROJECT.record(experiment),
    )
    missing = [name(path) for path in needed if not path.is_file()]
    assert not missing, f"make them: python -m seds500 experiments {experiment.id}"


def test_every_page_and_record_is_of_an_experiment_or_a_benchmark():
    pages = {PROJECT.page(experiment) for experiment in EXPERIMENTS}
    records = {PROJECT.record(experiment) for experiment in EXPERIMENTS}
    scripts = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("benchmarks/*.py"))
    for record in PROJECT.records.glob(f"{store.BENCHMARK}*.json"):
        if record.name in scripts:
            records.add(record)
    stray = (set(PAGES) - pages) | (set(PROJECT.records.glob("*")) - records)
    assert not stray, "add them to experiments.yml or remove them"


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda e: e.id)
def test_a_page_was_made_from_its_source(experiment):
    source = notebooks.sources(PROJECT.read(experiment))
    page = notebooks.sources(nbformat.read(PROJECT.page(experiment), as_version=4))
    assert page == source, f"run it again: python -m seds500 experiments {experiment.id}"


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda e: e.id)
def test_a_record_is_the_one_in_its_page(experiment):
    page = json.loads(PROJECT.page(experiment).read_text(encoding="utf-8"))
    record = store.load(experiment.id, PROJECT.records)
    assert store.differences(record, {**record, **store.extract(page)}) == []
    assert record["id"] == experiment.id


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda e: e.id)
def test_a_record_has_the_parameters_of_its_entry(experiment):
    known = PROJECT.parameters(experiment)
    record = store.load(experiment.id, PROJECT.records)
    assert record["parameters"] == {key: parameter.default for key, parameter in known.items()}
    assert record["notebook"] == experiment.notebook


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_a_page_stores_no_error_and_no_warning(path):
    notebook = nbformat.read(path, as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert [output for output in outputs if output.output_type == "error"] == []
    assert [output for output in outputs if output.get("name") == "stderr"] == []


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_a_page_is_normalised(path):
    notebook = notebooks.normalise(nbformat.read(path, as_version=4))
    assert path.read_text(encoding="utf-8") == nbformat.writes(notebook) + "\n"


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda e: e.id)
def test_papermill_lists_every_parameter_of_a_page_with_its_type_default_and_help(experiment):
    page = PROJECT.read(experiment)
    listed = papermill.inspect_notebook(page)
    for name_, parameter in parameters.declared(page).items():
        assert listed[name_]["inferred_type_name"] == parameter.annotation
        assert ast.literal_eval(listed[name_]["default"]) == parameter.default
        assert listed[name_]["help"]


@pytest.mark.parametrize("notebook", PROJECT.notebooks())
def test_a_source_that_jupyter_saves_keeps_its_cells(notebook):
    """A source is paired with the page of its name, where there is one."""
    source = jupytext.read(PROJECT.source(notebook), fmt="py:percent")
    again = jupytext.reads(jupytext.writes(source, fmt="py:percent"), fmt="py:percent")
    assert notebooks.sources(again) == notebooks.sources(source)
    assert [c.metadata for c in again.cells] == [c.metadata for c in source.cells]
    paired = source.metadata.get("jupytext", {}).get("formats")
    assert paired == (notebooks.PAIRED["formats"] if notebook in PROJECT.experiments() else None)


COMMITTED = sorted(
    path
    for pattern in (
        *("*.md", "*.yml", "*.toml", "*.txt", "*.in", "Makefile", "CITATION.cff"),
        *("src/**/*.py", "src/**/*.json", "tests/**/*.py", "book/**/*.*", "benchmarks/**/*.*"),
        *("notebooks/*.*", "records/*.json", ".ci/*", ".github/**/*.yml"),
    )
    for path in ROOT.glob(pattern)
    if path.suffix not in {".png", ".pyc"}
)
# The folders that machines keep their users' files in, as the beginning of a path.
MACHINE = re.compile(r"(?<![\w.~}-])/(?:root|home|Users|work|tmp)/\w[^\s\"']*|file:///\w\S*")


@pytest.mark.parametrize("path", COMMITTED, ids=name)
def test_no_file_holds_a_path_of_the_machine_it_was_made_on(path):
    text = path.read_text(encoding="utf-8")
    assert MACHINE.findall(text) == []
    assert str(ROOT) not in text


# The lock


def locked() -> dict[str, str]:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = [re.fullmatch(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.]+)", line) for line in lines[1:]]
    assert all(pins), "a line of requirements.txt is not name==version"
    return {canonicalize_name(pin[1]): pin[2] for pin in pins}


def test_the_lock_satisfies_requirements_and_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    # The report's environment does without these: the one needs packages that are not open source,
    # the other is installed where the library is tested with the newest packages.
    del extras["other"], extras["oracle"]
    wanted = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *(line for extra in extras.values() for line in extra),
        *(ROOT / "requirements.in").read_text(encoding="utf-8").splitlines(),
    ]
    pins = locked()
    problems = []
    for line in wanted:
        text = line.partition("#")[0].strip()
        if not text or text.startswith("synthtab["):
            continue
        requirement = Requirement(text)
        pin = pins.get(canonicalize_name(requirement.name))
        if pin is None or not requirement.specifier.contains(pin, prereleases=True):
            problems.append(f"{text}: locked is {pin}; run `make lock`")
    assert not problems, "\n".join(problems)


# The roles


def build(folder: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "sphinx", "-W", "-n", "--keep-going", ".", "_build"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.fixture
def small_book(tmp_path):
    extension = str(ROOT / "book" / "_ext")
    (tmp_path / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {extension!r})\n"
        "extensions = ['myst_parser', 'records']\nhtml_theme = 'basic'\nhtml_search = False\n"
        # Said here, since Sphinx keeps the default in one dict for all builds of a process.
        "source_suffix = {'.md': 'markdown'}\n"
    )
    record = {"values": {"r2": 0.5, "loss": -1.25, "n": 17942, "name": "rf", "ci": [1.0, 2.0]}}
    store.save(record, tmp_path / "records" / "run.json")
    store.save(record, tmp_path / "records" / "index.json")
    return tmp_path


def test_a_role_shows_the_value_and_follows_a_changed_record(small_book):
    (small_book / "index.md").write_text(
        "# Title with {res}`run.r2:.2f`\n\n{res}`run.loss:.1f`, {res}`run.n:,d`, {res}`run.name`, "
        "{res}`this.ci.1:.0%`, {given}`95 %`\n"
    )
    assert build(small_book).returncode == 0
    page = (small_book / "_build" / "index.html").read_text(encoding="utf-8")
    for text in (">0.50<", ">−1.2<", ">17,942<", ">rf<", ">200%<", "95 %"):
        assert text in page
    store.save(
        {"values": {"r2": 0.75, "loss": 0.0, "n": 1, "name": "x"}},
        small_book / "records" / "run.json",
    )
    assert build(small_book).returncode == 0
    assert ">0.75<" in (small_book / "_build" / "index.html").read_text(encoding="utf-8")


def told(roles: Iterable[str], folder: Path) -> dict[str, str]:
    """What a strict build says of each role, every one of which stands on a page of its own."""
    (folder / "index.md").write_text("# Title\n\n```{toctree}\n:glob:\npage_*\n```\n")
    for i, role in enumerate(roles):
        (folder / f"page_{i}.md").write_text(f"# Page {i}\n\n{role}\n")
    lines = warnings_of_a_build(folder).splitlines()
    return {
        role: "\n".join(line for line in lines if f"page_{i}.md:3: WARNING" in line)
        for i, role in enumerate(roles)
    }


def test_a_role_without_a_value_fails_the_build_and_says_what_to_do(small_book):
    messages = {
        "{res}`run.r3`": "'run' has no 'r3'; it has ci, loss, n, name, r2",
        "{res}`other.r2`": "no record 'other': make it with `python -m seds500 experiments other`",
        "{res}`run.name:.2f`": "'run.name' cannot be shown with the format '.2f'",
        "{res}`run.ci`": "it is not a single value",
    }
    for role, said in told(messages, small_book).items():
        assert messages[role] in said
    (small_book / "index.md").write_text("# Title\n\n{res}`run.r3`\n")
    built = build(small_book)
    assert built.returncode == 1
    assert "index.md:3" in built.stderr


# Tables and the ledger of claims


@pytest.fixture
def records_book(small_book):
    """A book that is made from the committed records."""
    extensions = ["tables", "ledger"]
    with (small_book / "conf.py").open("a") as file:
        file.write(f"extensions += {extensions}\nmyst_enable_extensions = ['attrs_inline']\n")
    for path in PROJECT.records.glob("*.json"):
        shutil.copy(path, small_book / "records")
    (small_book / "book").mkdir()
    shutil.copy(ROOT / "book" / "captions.yml", small_book / "book")
    return small_book


def warnings_of_a_build(folder: Path) -> str:
    """Build in this process, which has the imports done; a strict build fails by any warning."""
    heard = StringIO()
    app = SphinxTestApp("html", srcdir=folder, warning=heard)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        app.build()
    app.cleanup()
    return strip_colors(heard.getvalue())


def page_of(folder: Path) -> str:
    return (folder / "_build" / "html" / "index.html").read_text(encoding="utf-8")


@cache
def committed_ledger() -> list[Entry]:
    return ledger(CLAIMS, Records(PROJECT.records))


LEDGER = "# Claims\n\n" + "\n\n".join(
    f"```{{ledger}} {part}\n```" for part in ("count", "overview", "thresholds")
)
LEDGER_PARTS = "\n\n".join(f"## {w}\n\n```{{ledger}} {part}\n```" for part, w in PARTS.items())


def test_the_ledger_has_every_claim_and_follows_a_changed_record(records_book):
    (records_book / "index.md").write_text(f"{LEDGER}\n\n{LEDGER_PARTS}\n")
    assert warnings_of_a_build(records_book) == ""
    before = page_of(records_book)
    for claim in CLAIMS:
        assert f'id="claim-{claim.key.replace("_", "-")}"' in before
    for run in ("011_standin", "011_public", "012_standin", "012_public"):
        path = records_book / "records" / f"{run}.json"
        record = store.load(path)
        for learner in record["values"]["utility"]["replacement"]["hybrid"].values():
            learner["r2"] |= {"percent": -12.3, "percent_low": -12.4, "percent_high": -12.2}
        store.save(record, path)
    assert warnings_of_a_build(records_book) == ""
    after = page_of(records_book)
    assert "−12 [−12, −12]" not in before
    assert "−12 [−12, −12]" in after
    changed = ledger(CLAIMS, Records(records_book / "records"))
    counts = [count(entries) for entries in (committed_ledger(), changed)]
    assert counts[0] != counts[1]
    for page, counted in zip((before, after), counts, strict=True):
        text = re.sub(r"<[^>]+>", "", page)
        assert f"Of {len(CLAIMS)} claims, {counted['holds']} hold" in text


def test_the_first_paragraph_of_the_ledger_names_every_claim_that_does_not_hold():
    entries = committed_ledger()
    failed = [entry for entry in entries if entry.verdict == "does not hold"]
    assert failed, "the first paragraph of book/claims.md should name one"
    sentence = claims_page.count_sentence(entries)
    assert [entry for entry in entries if claims_page.link(entry) in sentence] == failed
    assert "There is none that does not hold" in claims_page.count_sentence([])


def test_a_missing_record_fails_the_build_of_the_ledger_and_is_named(records_book):
    (records_book / "index.md").write_text("# Title\n\n```{ledger} count\n```\n")
    (records_book / "records" / "012_public.json").unlink()
    heard = warnings_of_a_build(records_book)
    assert "index.md:3" in heard
    assert "claim 'no_actual_records' cannot be tested: no record '012_public'" in heard
    assert "make it with `python -m seds500 experiments 012_public`" in heard


@pytest.mark.parametrize(
    ("directive", "message"),
    [
        ("{ledger} why", "no record '012_public': make it with"),
        ("{results-table} copies\n:methods: hybrid", "no record '012_public': make it with"),
        ("{ledger} verdicts", "the ledger has no 'verdicts'; it has count, overview, thresholds"),
        ("{results-table} prices", "unknown table prices; known are advantages"),
        ("{sentences} prices", "unknown sentences prices; known are budgets_reading"),
    ],
)
def test_a_directive_says_what_it_lacks(records_book, directive, message):
    (records_book / "index.md").write_text(f"# Title\n\n```{directive}\n```\n")
    (records_book / "records" / "012_public.json").unlink()
    heard = warnings_of_a_build(records_book)
    assert "index.md:3" in heard
    assert message in heard


def test_roles_put_a_claim_into_a_sentence_and_follow_a_changed_record(records_book):
    (records_book / "index.md").write_text(
        "# Title\n\n{claim}`failure_on_many` {verdict}`failure_on_many`; its second test "
        "{verdict}`failure_on_many.2`, from {found}`failure_on_many.2` ({tally}`failure_on_many.2`)"
        ". Of {claims}`all` claims, {claims}`holds` hold.\n\n## Finding\n\n```{ledger} finding\n"
        "```\n"
    )
    assert warnings_of_a_build(records_book) == ""
    before = page_of(records_book)
    entries = committed_ledger()
    [entry] = [entry for entry in entries if entry.claim.key == "failure_on_many"]
    assert before.count('href="#claim-failure-on-many"><span') == 3
    for shown in (entry.verdict, entry.tests[1].verdict()):
        badge = rf'<span class="verdict {shown.replace(" ", "-")}"><a [^>]*>(<[^>]*>)*{shown}<'
        assert re.search(badge, before)
    assert f"Of {len(CLAIMS)} claims, {count(entries)['holds']} hold." in re.sub(
        r"<[^>]+>", "", before
    )
    for source, percent in (("standin", 12.3), ("public", 34.5)):
        path = records_book / "records" / f"013_{source}.json"
        record = store.load(path)
        changed = {"percent": percent, "percent_low": percent - 1, "percent_high": percent + 1}
        record["values"]["utility"]["replacement"]["hybrid"]["rf"]["r2"] |= changed
        store.save(record, path)
    assert warnings_of_a_build(records_book) == ""
    text = re.sub(r"<[^>]+>", "", page_of(records_book))
    assert "its second test does not hold, from 12 to 34 (2 of 2 figures contradict this)." in text


def test_a_role_of_the_ledger_says_what_it_lacks(records_book):
    messages = {
        "{verdict}`safest_choice`": "the ledger has no claim 'safest_choice'; it has no_actual",
        "{verdict}`safer_choice.9`": "claim 'safer_choice' has tests 1 to 6, not '9'",
        "{found}`safer_choice`": "name a test of the claim by its number: safer_choice.1",
        "{claims}`hold`": "'hold' is no verdict; known are all, figures, holds",
    }
    for role, said in told(messages, records_book).items():
        assert messages[role] in said


def test_every_claim_that_prose_cites_is_in_the_ledger():
    entries, problems, cited = committed_ledger(), [], 0
    for source, text in PROSE:
        for match in SPAN.finditer(without_blocks(text)):
            role = (match["role"] or "").strip("{}")
            if role not in claims_page.ROLES:
                continue
            cited += 1
            try:
                claims_page.words(role, entries, match["text"])
            except ValueError as error:
                problems.append(f"{source}: {error}")
    assert cited
    assert problems == []


def test_a_results_table_follows_a_changed_record(records_book):
    (records_book / "index.md").write_text(
        "# Title\n\n```{results-table} reproduced\n```\n\n```{run-sentences} 013_public\n```\n"
    )
    assert warnings_of_a_build(records_book) == ""
    assert "−4.56 [−5.00, −4.00]" not in page_of(records_book)
    path = records_book / "records" / "013_public.json"
    record = store.load(path)
    changed = {"mean": -4.56, "low": -5.0, "high": -4.0}
    record["values"]["utility"]["replacement"]["hybrid"]["rf"]["r2"] |= changed
    store.save(record, path)
    assert warnings_of_a_build(records_book) == ""
    assert "−4.56 [−5.00, −4.00]" in page_of(records_book)


@pytest.mark.parametrize(
    ("figure", "record"), [("overview", "013_public"), ("dimension", "why_smogn_fails")]
)
def test_a_figure_names_the_record_that_is_missing(records_book, monkeypatch, figure, record):
    (records_book / "records" / f"{record}.json").unlink()
    monkeypatch.setattr(figures, "FIGURES", {figure: figures.FIGURES[figure]})
    message = f"the figure '{figure}' cannot be drawn: no record '{record}'"
    with pytest.raises(ExtensionError, match=message):
        figures.draw(SimpleNamespace(srcdir=records_book))
