"""A release fits its tag, and says what it is: `tools/release.py`, and the files around it."""

import importlib.util
import re
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]

spec = importlib.util.spec_from_file_location("release", ROOT / "tools" / "release.py")
release = importlib.util.module_from_spec(spec)
spec.loader.exec_module(release)

CHANGELOG = """# Changelog

## [Unreleased]

## [0.2.0] - 2026-03-01

### Added

- Two.

## [0.1.0] - 2026-02-01

- One.
"""


@pytest.fixture
def repository(tmp_path):
    """What a release is checked against, at version 0.2.0."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "synthtab"\nversion = "0.2.0"\n')
    (tmp_path / "CITATION.cff").write_text("cff-version: 1.2.0\nversion: 0.2.0\n")
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    return tmp_path


def test_the_notes_of_a_tag_are_its_section_and_no_other(repository):
    assert release.notes("v0.2.0", repository) == "### Added\n\n- Two."


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("pyproject.toml", "0.2.0", "0.2.1", r"version in pyproject\.toml is 0\.2\.1"),
        ("CITATION.cff", "version: 0.2.0", "version: 0.1.0", r"in CITATION\.cff is 0\.1\.0"),
        ("CITATION.cff", "version: 0.2.0", "", r"in CITATION\.cff is none"),
        ("CHANGELOG.md", "[0.2.0]", "[0.3.0]", r"no section .*it has: \[Unreleased\], \[0\.3\.0\]"),
        ("CHANGELOG.md", " - 2026-03-01", "", r"write '## \[0\.2\.0\] - YYYY-MM-DD'"),
        ("CHANGELOG.md", "### Added\n\n- Two.\n", "", r"the section of 0\.2\.0 is empty"),
    ],
)
def test_a_release_that_does_not_fit_is_refused(repository, name, old, new, message):
    path = repository / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(release.ReleaseError, match=message):
        release.notes("v0.2.0", repository)


@pytest.mark.parametrize("tag", ["0.2.0", "v0.2", "v0.2.0rc1", "v0.2.0\n"])
def test_a_tag_of_another_form_is_refused(repository, tag):
    with pytest.raises(release.ReleaseError, match=r"not of the form v0\.2\.0"):
        release.notes(tag, repository)


def test_the_addresses_are_those_of_the_repository_that_releases():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    text += release.urls("https://github.com/Owner/name/", "v0.2.0")
    assert tomllib.loads(text)["project"]["urls"] == {
        "Original study": "https://github.com/umutakin-dev/seds500-graduation-project",
        "Homepage": "https://github.com/Owner/name",
        "Documentation": "https://owner.github.io/name/",
        "Source": "https://github.com/Owner/name/tree/v0.2.0",
        "Changelog": "https://github.com/Owner/name/blob/v0.2.0/CHANGELOG.md",
        "Issues": "https://github.com/Owner/name/issues",
    }
    assert "Documentation" not in release.urls("https://example.org/owner/name", "v0.2.0")


@pytest.mark.parametrize("address", ["owner/name", "https://github.com/owner", "http://a.b/c/d"])
def test_what_is_no_address_of_a_repository_is_refused(address):
    with pytest.raises(release.ReleaseError, match=r"https://github\.com/owner/name"):
        release.urls(address, "v0.2.0")


def wheel(folder: Path, *names: str) -> Path:
    path = folder / "synthtab-0.2.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as file:
        for name in names:
            file.writestr(name, "")
    return path


def sdist(folder: Path, *names: str) -> Path:
    path = folder / "synthtab-0.2.0.tar.gz"
    with tarfile.open(path, "w:gz") as file:
        for name in names:
            file.addfile(tarfile.TarInfo(f"synthtab-0.2.0/{name}"))
    return path


LIBRARY = ("synthtab/__init__.py", "synthtab/py.typed")
METADATA = "synthtab-0.2.0.dist-info/METADATA"


def test_a_wheel_and_an_sdist_of_the_library_alone_pass(tmp_path):
    assert len(release.contents(wheel(tmp_path, *LIBRARY, METADATA))) == 3
    packed = [f"src/{name}" for name in LIBRARY]
    assert release.contents(sdist(tmp_path, "README.md", "src/synthtab.egg-info/PKG-INFO", *packed))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((*LIBRARY, METADATA, "seds500/__init__.py"), r"not the library: seds500/__init__\.py"),
        ((*LIBRARY, METADATA, "tests/test_a.py"), "not the library: tests"),
        ((LIBRARY[0], METADATA), r"no synthtab/py\.typed"),
    ],
)
def test_a_wheel_with_anything_else_or_without_types_is_refused(tmp_path, names, message):
    with pytest.raises(release.ReleaseError, match=message):
        release.contents(wheel(tmp_path, *names))


def test_an_sdist_with_the_code_of_the_report_is_refused(tmp_path):
    packed = [f"src/{name}" for name in (*LIBRARY, "seds500/__init__.py")]
    with pytest.raises(release.ReleaseError, match="not the library: seds500"):
        release.contents(sdist(tmp_path, *packed))


def test_the_command_ends_with_2_and_says_why(capsys):
    assert release.main(["notes", "v999.0.0"]) == 2
    assert "the tag is v999.0.0, but the version in" in capsys.readouterr().err
    assert release.main(["urls", "https://github.com/owner/name", "v0.2.0"]) == 0
    assert capsys.readouterr().out.startswith('Homepage = "https://github.com/owner/name"\n')


# The files around it


def workflow(name: str) -> str:
    return (ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8")


def test_the_version_that_is_cited_is_the_package_s():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == project["version"]


def test_the_committed_metadata_names_the_study_only():
    """The repository does not know its own address; the release workflow puts it in."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert list(project["urls"]) == ["Original study"]
    assert 'release.py urls "$REPOSITORY_URL"' in workflow("release.yml")


def test_the_hooks_have_the_versions_of_the_lock():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    revisions = {repo["repo"].rpartition("/")[2]: repo.get("rev") for repo in config["repos"]}
    lock = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    pinned = re.search(r"^ruff==(.+)$", lock, flags=re.M)[1]
    assert revisions["ruff-pre-commit"] == f"v{pinned}"


@pytest.mark.parametrize("name", ["book.yml", "library.yml", "release.yml"])
def test_what_a_workflow_calls_is_there(name):
    jobs = yaml.safe_load(workflow(name))["jobs"]
    lines = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    text = "\n".join(lines)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"\bmake ([a-z-]+)", text))
    assert [t for t in targets if not re.search(rf"^{t}:", makefile, flags=re.M)] == []
    scripts = set(re.findall(r"(?:python|bash) ((?:tools|\.ci)/\S+)", text))
    assert [script for script in scripts if not (ROOT / script).is_file()] == []
