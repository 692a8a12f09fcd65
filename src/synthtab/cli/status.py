"""What the commands have in common: how they end, and how they tell of what goes on."""

from __future__ import annotations

import sys

DONE, FAILED, WRONG_USE, WITHHELD, INTERRUPTED = 0, 1, 2, 3, 130


class Refusal(Exception):
    """What was asked for cannot be done; the message says why, and nothing was written."""


def tell(text: str) -> None:
    """Write to the terminal, beside what a command returns."""
    sys.stderr.write(text)
    sys.stderr.flush()
