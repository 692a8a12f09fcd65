"""`python -m synthtab`: the command line of `synthtab.cli`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: see `synthtab.cli.main`."""
    try:
        from synthtab import cli  # takes seconds, in which Ctrl-C may be pressed
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted: nothing was written\n")
        return 130
    return cli.main(arguments)


if __name__ == "__main__":
    sys.exit(main())
