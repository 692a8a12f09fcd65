"""Set-up of the tests of the library."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest


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
