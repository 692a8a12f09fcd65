"""How independent runs are carried out: in processes or on a cluster, each kept when finished."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import platform
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from joblib import Memory, Parallel, delayed, parallel_config
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

_PACKAGE = __name__.partition(".")[0]


def carry_out(
    function: Callable[..., Any],
    tasks: Sequence[tuple[Any, ...]],
    *,
    n_jobs: int = 1,
    cache: str | Path | None = None,
    scheduler: str | None = None,
    code_of: Sequence[object] = (),
) -> list[Any]:
    """Call a function once per tuple of arguments; every call has one thread to itself.

    Parameters
    ----------
    function : callable
        Importable, and deciding everything by its arguments: same arguments, same result.
    tasks : sequence of tuple
        Positional arguments of each call.
    n_jobs : int, default=1
        Processes on this machine. Results do not depend on it.
    cache : str, Path or None, default=None
        Folder in which every finished call is kept and found again, so that a stopped run
        continues where it was. A result is found by the function's arguments, by value, and by
        `code_version`. The folder holds what the calls returned, rows of the table among it.
    scheduler : str or None, default=None
        Address of a running Dask scheduler, such as ``"tcp://10.0.0.1:8786"``, whose workers take
        the place of the processes; they need this code, these packages, one thread each and, with
        `cache`, that folder. The calls of a worker that dies are given to the others.
    code_of : sequence of object, default=()
        Objects among the arguments whose classes may live outside this package. With `cache`, all
        files of their top-level packages are part of the key.

    Returns
    -------
    list
        Results in the order of the tasks.

    Raises
    ------
    ValueError
        If, with `cache`, a class is defined in a script or a notebook, where a change of its code
        would go unseen, or if a worker of the scheduler has more than one thread.
    RuntimeError
        If, with `cache` or `scheduler`, a process or worker runs other code than this one.
    ConnectionError
        If no scheduler with a worker answers.
    ModuleNotFoundError
        If `scheduler` is given and the package ``distributed`` is not installed.

    Examples
    --------
    >>> carry_out(divmod, [(7, 2), (9, 4)])
    [(3, 1), (2, 1)]
    """
    call = function
    if cache is not None:
        folder = Path(cache) / code_version(*code_of)[:16]
        call = Memory(folder, verbose=0).cache(function)
    # What is kept, or comes from elsewhere, must be this code's.
    expected = None if cache is None and scheduler is None else environment()
    with _workers(scheduler):
        # A call takes seconds, so that nothing is gained by sending several at once.
        run = Parallel(n_jobs=n_jobs, batch_size=1)
        with warnings.catch_warnings():
            # A worker whose memory has grown is replaced once its call is done: nothing is lost.
            warnings.filterwarnings("ignore", message="A worker stopped while some jobs")
            results: list[Any] = run(delayed(_alone)(call, task, expected) for task in tasks)
    return results


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """One thread for BLAS, OpenMP, torch and joblib within the block.

    Sums are then added in one order, so that a result does not depend on the machine's load, and
    processes do not crowd each other.

    Examples
    --------
    >>> with one_thread():
    ...     torch.get_num_threads()
    1
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        # Within a Dask worker joblib would hand the trees of a forest to the whole cluster.
        with threadpool_limits(1), parallel_config("sequential", n_jobs=1):
            yield
    finally:
        torch.set_num_threads(before)


def code_version(*objects: object) -> str:
    """Hash of everything outside the arguments that a result may depend on.

    Covers `environment` and every file of the top-level package of each object's class. It is
    coarse on purpose: a result is computed once more after any change, however harmless, rather
    than found when it is stale. What is imported from elsewhere, and the processor, are not
    covered.

    Raises
    ------
    ValueError
        If a class is defined in a script or a notebook.
    """
    classes = {type(item) for item in objects}
    unseen = sorted(c.__name__ for c in classes if c.__module__ == "__main__")
    if unseen:
        raise ValueError(
            f"{unseen} are defined in a script or notebook, and a change of their code would go "
            "unseen: move them to a module of their own, or leave the cache out"
        )
    digest = hashlib.sha256(environment().encode())
    for name in sorted({c.__module__.partition(".")[0] for c in classes} - {_PACKAGE}):
        module = sys.modules.get(name)
        path = getattr(module, "__file__", None)  # none of what is built into Python
        roots = getattr(module, "__path__", [path] if path else [])
        digest.update("".join([name, *(_sources(Path(root)) for root in roots)]).encode())
    return digest.hexdigest()


@functools.cache
def environment() -> str:
    """Hash of this package's files, of Python's version and of every installed package's."""
    packages = sorted({f"{d.name}=={d.version}" for d in metadata.distributions()})
    parts = [_SOURCES, platform.python_version(), *packages]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _sources(root: Path) -> str:
    """Hash of a module's file, or of the files of a package's folder."""
    files = [root] if root.is_file() else sorted([*root.rglob("*.py"), *root.rglob("*.json")])
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


# Read when the package is imported: files edited later are not the code that runs.
_SOURCES = _sources(Path(__file__).parent)


def _alone(call: Callable[..., Any], task: tuple[Any, ...], expected: str | None) -> Any:
    """One call, on one thread, in a process whose environment is the expected one."""
    if expected is not None and environment() != expected:
        raise RuntimeError(
            f"{platform.node()} has another version of synthtab or of an installed package than "
            "the process that sent it work: install one commit and one requirements.txt on every "
            "worker, and start both anew after a change"
        )
    with one_thread():
        return call(*task)


@contextlib.contextmanager
def _workers(scheduler: str | None) -> Iterator[None]:
    """Send joblib's calls to the scheduler's workers, or leave joblib as it is."""
    if scheduler is None:
        yield
        return
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "a scheduler needs the package distributed: pip install distributed"
        ) from error
    with contextlib.ExitStack() as stack:
        try:
            client = stack.enter_context(Client(scheduler))  # type: ignore[no-untyped-call]
            client.wait_for_workers(1, timeout=60)
        except (OSError, TimeoutError) as error:
            raise ConnectionError(
                f"no Dask scheduler with workers answers at {scheduler}; start `dask scheduler` "
                "and `dask worker ADDRESS --nthreads 1`"
            ) from error
        crowded = {worker: n for worker, n in client.nthreads().items() if n > 1}
        if crowded:
            raise ValueError(
                f"workers with more than one thread: {crowded}; start them with "
                "`dask worker ADDRESS --nthreads 1`, several on a machine with --nworkers"
            )
        with parallel_config("dask", client=client):
            yield
