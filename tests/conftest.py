"""Set-up shared by all tests."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import pytest
import torch

# One thread, as in the experiments: sums are added in one order, and tests do not crowd each other.
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def no_figure_of_another_test() -> Iterator[None]:
    """Close what a test leaves open, such as a figure whose record was found missing half-way."""
    yield
    plt.close("all")
