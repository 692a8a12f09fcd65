"""`python -m seds500`: run the notebooks of the report.

Exit status: 0, done. 1, a notebook failed, or a compared record differs. 2, wrong use or bad input,
and nothing was written. 130, interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from seds500.runner import cli
from synthtab.cli import carry_out

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
    """
    parser = argparse.ArgumentParser(
        prog="python -m seds500",
        description="Run the notebooks of the report. `python -m seds500 COMMAND --help` tells "
        "more.",
    )
    cli.add_commands(parser.add_subparsers(dest="command", required=True, metavar="COMMAND"))
    return carry_out(parser, arguments)


if __name__ == "__main__":
    sys.exit(main())
