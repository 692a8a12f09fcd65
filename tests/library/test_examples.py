"""The page of examples: each recipe runs on its own, and prints what the page says."""

import contextlib
import importlib
import io
import re
import shlex
from pathlib import Path

import pytest

from synthtab.cli import main

PAGE = Path(__file__).parents[2] / "book" / "examples.md"
NEEDS = {"Share a file": "yaml", "Train with a formal guarantee": "opacus"}
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
BLOCK = re.compile(r"^```(python|text|sh)\n(.*?)^```$", re.M | re.S)


def recipes(page: str) -> tuple[str, dict[str, str]]:
    """What all recipes begin with, and the text of each by its heading."""
    beginning, *parts = re.split(r"^## (.+)\n", page, flags=re.M)
    return beginning, dict(zip(parts[::2], parts[1::2], strict=True))


BEGINNING, RECIPES = recipes(PAGE.read_text(encoding="utf-8"))


def same(printed: str, page: str) -> bool:
    """Whether two outputs agree: words and whole numbers exactly, fractions to a few hundredths."""
    if [NUMBER.sub("#", line).split() for line in printed.splitlines()] != [
        NUMBER.sub("#", line).split() for line in page.splitlines()
    ]:
        return False
    return all(
        abs(float(a) - float(b)) <= (max(0.05, 0.1 ** len(b.partition(".")[2])) + 1e-9)
        if "." in b
        else a == b
        for a, b in zip(NUMBER.findall(printed), NUMBER.findall(page), strict=True)
    )


def run(text: str, names: dict[str, object]) -> None:
    """Run the blocks of a text; what Python prints has to be in the block after it."""
    printed = ""
    for language, block in BLOCK.findall(text):
        if language == "python":
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(block, str(PAGE), "exec"), names)
            printed = out.getvalue()
        elif language == "text":
            assert same(printed, block), f"the page has\n{block}\nand printed was\n{printed}"
            printed = ""
        else:
            for line in block.splitlines():
                command, *arguments = shlex.split(line)
                assert command == "synthtab"
                assert main(arguments) == 0, line
    assert printed == "", "the page does not show what its last block prints"


@pytest.mark.parametrize("title", RECIPES)
def test_a_recipe_runs_on_its_own_and_prints_what_the_page_says(title, tmp_path, monkeypatch):
    if title in NEEDS:
        pytest.importorskip(NEEDS[title])
    monkeypatch.chdir(tmp_path)
    if title == "Share a file":  # of models trained again, of which the page shows nothing, few
        monkeypatch.setattr(importlib.import_module("synthtab.sharing.share"), "_SHADOWS", 6)
    names: dict[str, object] = {}
    run(BEGINNING, names)
    run(RECIPES[title], names)


@pytest.mark.parametrize(
    ("printed", "page", "agrees"),
    [
        ("a  0.84\n", "a 0.80\n", True),
        ("a 0.8\n", "a 0.9\n", True),
        ("a 0.7\n", "a 0.9\n", False),
        ("a 0.86\n", "a 0.80\n", False),
        ("(500, 6)\n", "(501, 6)\n", False),
        ("a 1\n", "b 1\n", False),
        ("a\nb\n", "a b\n", False),
    ],
)
def test_outputs_agree_but_for_a_few_hundredths(printed, page, agrees):
    assert same(printed, page) is agrees
