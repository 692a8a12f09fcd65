"""The README's example runs as it stands."""

import doctest
from pathlib import Path


def test_the_example_of_the_readme_runs():
    readme = Path(__file__).parents[2] / "README.md"
    found = doctest.testfile(str(readme), module_relative=False, encoding="utf-8")
    assert found.attempted >= 3
    assert found.failed == 0
