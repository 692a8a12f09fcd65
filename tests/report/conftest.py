"""Set-up of the tests of the report."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import pytest


@pytest.fixture(autouse=True)
def no_figure_of_another_test() -> Iterator[None]:
    """Close what a test leaves open, such as a figure whose record was found missing half-way."""
    yield
    plt.close("all")
