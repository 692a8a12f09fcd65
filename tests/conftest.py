"""Set-up shared by all tests."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, settings

# How long a machine takes to make an input says nothing about the code.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

# One thread, as in the experiments: sums are added in one order, and tests do not crowd each other.
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def start_cluster() -> Iterator[Callable[[], Any]]:
    """Start two worker processes, forked from one that has done the imports for all of them."""
    distributed = pytest.importorskip("distributed")
    dask = pytest.importorskip("dask")
    with dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"}):
        context = distributed.utils.get_mp_context()
        context.set_forkserver_preload(["distributed", "synthtab.evaluation.compare"])
        # Free ports only: nothing that a second test run on the machine could hold already.
        yield partial(
            distributed.LocalCluster,
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",
        )
