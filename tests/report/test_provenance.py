"""A record names the commit it was made from, and is refused where there is none."""

import subprocess
from pathlib import Path

import pytest

from seds500.records.provenance import Run, UncleanError


def git(folder: Path, *arguments: str) -> None:
    name = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *name, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def copy(tmp_path):
    """A working copy with one commit."""
    git(tmp_path, "init", "--quiet")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "code.py").write_text("a = 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    return tmp_path


def test_a_clean_run_names_its_commit_versions_and_processor(copy):
    made = Run(copy).provenance(packages=["numpy"], elsewhere={"other": "1.0"})
    assert made["dirty"] is False
    assert len(made["commit"]) == 40
    assert set(made["versions"]) == {"python", "numpy"}
    assert made["elsewhere"] == {"other": "1.0"}
    assert made["cpu"]


@pytest.mark.parametrize("name", ["src/code.py", "src/new.py", "benchmarks/new.py"])
def test_changed_and_new_inputs_are_refused_and_named(copy, name):
    (copy / name).parent.mkdir(exist_ok=True)
    (copy / name).write_text("a = 2\n")
    with pytest.raises(UncleanError, match=rf"differ from it: {name.split('/')[0]}"):
        Run(copy)
    assert Run(copy, clean=False).provenance()["dirty"] is True


def test_new_records_and_pages_are_no_reason_to_refuse(copy):
    (copy / "records").mkdir()
    (copy / "records" / "a.json").write_text("{}")
    assert Run(copy).provenance()["dirty"] is False


def test_code_that_changes_during_a_run_is_refused(copy):
    run = Run(copy)
    (copy / "src" / "code.py").write_text("a = 2\n")
    with pytest.raises(UncleanError, match=r"src/code\.py; commit or restore"):
        run.provenance()
    git(copy, "commit", "--all", "--quiet", "--message", "second")
    with pytest.raises(UncleanError, match="the commit changed during the run"):
        run.provenance()


def test_without_git_only_an_unclean_run_is_possible(tmp_path):
    with pytest.raises(UncleanError, match="run this in a git clone"):
        Run(tmp_path)
    made = Run(tmp_path, clean=False).provenance()
    assert (made["commit"], made["dirty"]) == (None, None)


def test_code_of_another_working_copy_is_refused(copy):
    (copy / "src" / "synthtab").mkdir()
    (copy / "src" / "synthtab" / "__init__.py").write_text("")
    git(copy, "add", ".")
    git(copy, "commit", "--quiet", "--message", "a package")
    with pytest.raises(UncleanError, match="set PYTHONPATH to its src"):
        Run(copy)


def test_new_files_that_git_is_told_to_hide_are_refused_too(copy):
    git(copy, "config", "status.showUntrackedFiles", "no")
    (copy / "src" / "new.py").write_text("a = 2\n")
    with pytest.raises(UncleanError, match=r"src/new\.py"):
        Run(copy)


def test_a_status_that_git_cannot_tell_is_no_clean_one(copy):
    (copy / ".git" / "index").write_bytes(b"junk")
    with pytest.raises(UncleanError, match="git cannot tell"):
        Run(copy)
