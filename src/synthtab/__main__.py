"""`python -m synthtab`: the command line of `synthtab.cli`."""

from __future__ import annotations

import sys

from synthtab.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
