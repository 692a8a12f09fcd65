"""Importing the package is quick, and gives what its page promises."""

import subprocess
import sys

import pytest

import synthtab


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, synthtab; print(sorted({m.partition('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    heavy = ("torch", "sklearn", "pandas", "numpy", "scipy", "matplotlib", "seds500")
    assert not [name for name in heavy if f"'{name}'" in loaded.decode()]


@pytest.mark.parametrize("name", synthtab.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(synthtab, name).__name__ == name
    assert name in dir(synthtab)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'load'"):
        _ = synthtab.load
