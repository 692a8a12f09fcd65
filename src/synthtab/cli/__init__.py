"""The command line: `synthtab share`, `sample`, `evaluate` and `info`.

Exit status: 0, done. 2, wrong use or bad input, and nothing was written. 3, a synthetic table was
kept back. 130, interrupted.
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

from synthtab.cli import tables
from synthtab.cli.status import DONE, INTERRUPTED, WRONG_USE, Refusal

__all__ = ["carry_out", "main"]


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
    return carry_out(_parser(), arguments)


def carry_out(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> int:
    """Run a command of a parser, and turn what may go wrong into an exit status.

    Parameters
    ----------
    parser : ArgumentParser
        Each of its commands sets ``call``, a function of the options that returns an exit status,
        and ``extra``, the optional dependencies that it needs.
    arguments : sequence of str or None
        None takes those of the process.

    Returns
    -------
    int
        See the module.
    """
    options = parser.parse_args(arguments)
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
        description="Synthetic tables with a report card: share your own table. "
        "`synthtab COMMAND --help` tells more.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    tables.add_commands(commands)
    return parser


def _terminate(signum: int, frame: FrameType | None) -> NoReturn:
    # As Ctrl-C: what is unfinished is removed on the way out.
    raise KeyboardInterrupt
