"""A copy of a notebook that somebody runs ends in sentences that follow from that run.

Every source is executed once with the smallest settings that still reach every cell, one after the
other in one kernel, so that the imports are paid for once.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from traitlets.config import Config

from seds500.records import store
from seds500.runner.project import Experiment, Project

ROOT = Path(__file__).parents[2]
PROJECT = Project(ROOT)
# Two models train longer than all the others, and have tests of their own.
FEW = [
    "tabddpm",
    "gaussian",
    "second_sample",
    "smogn_balance",
    "smogn_extreme_synthetic",
    "bootstrap",
    "marginals",
]
QUICK = {
    "data": {"n_splits": 1},
    "experiment": {
        "experiment": "011",
        "quick": True,
        "n_seeds": 2,
        "n_jobs": 1,
        "setting": "replacement",
        "without": FEW,
    },
    "why_smogn_fails": {
        "experiments": ["013"],
        "sources": ["standin"],
        "quick": True,
        "n_seeds": 2,
        "n_jobs": 1,
        "sweep_columns": [0, 1],
    },
    "how_diffusion_works": {
        "quick": True,
        "n_orders": 200,
        "n_shown": 100,
        "few_steps": [4],
        "n_draws": 1,
        "n_splits": 2,
    },
    "privacy": {
        "experiments": ["013"],
        "sources": ["standin"],
        "quick": True,
        "n_seeds": 1,
        "n_models": 6,
        "n_jobs": 1,
    },
    "differential_privacy": {
        "sources": ["standin"],
        "epsilons": [3],
        "quick": True,
        "n_seeds": 1,
        "n_trainings": 20,
    },
    "share_your_table": {"quick": True},
    "demo": {"n_rows": 150, "steps": 20},
}
ROLE = re.compile(r"\{[a-z-]+\}`[^`]*`")
PAGE_ROLES = re.compile(r"\{(?:res|given|found|verdict|claim|claims|tally)\}`")


@pytest.fixture(scope="module")
def executed(tmp_path_factory) -> dict[str, Path]:
    """The executed copies, by the name of their source."""
    folder = tmp_path_factory.mktemp("notebooks")
    (folder / "records").symlink_to(PROJECT.records)
    copies = {name: PROJECT.read(Experiment(name, name, given)) for name, given in QUICK.items()}
    together = nbformat.v4.new_notebook()
    for copy in copies.values():
        together.cells += [nbformat.v4.new_code_cell("%reset -f"), *copy.cells]
    execute(together, folder)
    for name, copy in copies.items():
        nbformat.write(copy, folder / f"{name}.ipynb")
    return {name: folder / f"{name}.ipynb" for name in copies}


def execute(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Run all cells in one kernel, whose options are those of the runner."""
    NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        config=Config({"KernelManager": {"transport_encryption": "auto"}}),
        extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
    ).execute()


def test_every_source_is_executed() -> None:
    assert sorted(QUICK) == PROJECT.notebooks()


@pytest.mark.parametrize("name", QUICK)
def test_a_copy_shows_no_error_no_warning_and_no_open_role(name, executed):
    notebook = nbformat.read(executed[name], as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert [output for output in outputs if output.output_type == "error"] == []
    assert [output for output in outputs if output.get("name") == "stderr"] == []
    said = "\n".join(output.get("data", {}).get("text/markdown", "") for output in outputs)
    assert said
    assert ROLE.findall(said) == []


@pytest.mark.parametrize("name", QUICK)
def test_the_last_section_of_a_copy_is_computed(name, executed):
    cells = nbformat.read(executed[name], as_version=4).cells
    headings = [i for i, c in enumerate(cells) if re.search(r"^## What it means$", c.source, re.M)]
    assert headings, "end the notebook with a section `## What it means`"
    assert not re.search(r"^## ", "\n".join(c.source for c in cells[headings[-1] + 1 :]), re.M)
    said = [o for c in cells[headings[-1] :] for o in c.get("outputs", [])]
    assert any("text/markdown" in output.get("data", {}) for output in said)


@pytest.mark.parametrize("name", QUICK)
def test_a_copy_hands_over_a_record_of_finite_values(name, executed):
    notebook = nbformat.read(executed[name], as_version=4)
    record = store.extract(notebook)
    assert record["values"]
    json.dumps(record, allow_nan=False)


@pytest.mark.parametrize("name", PROJECT.notebooks())
def test_no_sentence_of_a_source_waits_for_the_book_to_be_filled(name):
    cells = PROJECT.read(Experiment(name, name)).cells
    markdown = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert PAGE_ROLES.findall(markdown) == [], "say it in a cell: seds500.records.prose.say"


def test_the_cells_of_the_data_page_give_their_outputs_again(executed):
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, str(executed["data"])],
        cwd=executed["data"].parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
