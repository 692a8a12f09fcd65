"""The command line: tables of one's own (`tables`), and the notebooks of the report (`notebooks`).

Exit status: 0, done. 1, a notebook failed, or a compared record differs. 2, wrong use or bad input,
and nothing was written. 3, a synthetic table was kept back. 130, interrupted.
"""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from synthtab.cli import notebooks, tables
from synthtab.cli.status import DONE, INTERRUPTED, WRONG_USE, Refusal

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Parameters
    ----------
    arguments : sequence of str or None, default=None
        None takes those of the process.

    Returns
    -------
    int
        See the module.

    Examples
    --------
    >>> main(["info"])
    synthtab ...
    0
    """
    options = _parser().parse_args(arguments)
    # Sums split over threads are added in an order that depends on the machine.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    signal.signal(signal.SIGTERM, _terminate)
    try:
        status: int = options.call(options)
        # A reader that has gone away is noticed here, and not at exit.
        sys.stdout.flush()
        return status
    except Refusal as error:
        sys.stderr.write(f"{error}\n")
        return WRONG_USE
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("synthtab"):
            raise
        sys.stderr.write(f"{error.name} is missing: pip install 'synthtab[{options.extra}]'\n")
        return WRONG_USE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as error:
        if error.errno not in _OF_THE_DISK:
            raise
        sys.stderr.write(
            f"{error.filename or 'a file'} could not be written: {error.strerror}; nothing was "
            "kept. Make room, or choose another place for --out\n"
        )
        return WRONG_USE
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted: nothing was written\n")
        return INTERRUPTED


_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="synthtab",
        description="Synthetic tables with a report card: share your own table, or run the "
        "experiments of the report. `synthtab COMMAND --help` tells more.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    tables.add_commands(commands)
    notebooks.add_commands(commands)
    return parser


def _terminate(signum: int, frame: FrameType | None) -> NoReturn:
    # As Ctrl-C: what is unfinished is removed on the way out.
    raise KeyboardInterrupt
