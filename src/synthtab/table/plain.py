"""An object of numbers and arrays as plain values, to be kept in a file without code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np


class PlainArrays:
    """Mixin for a class whose attributes are numbers, arrays and None.

    Examples
    --------
    >>> class Line(PlainArrays):
    ...     def __init__(self, slope):
    ...         self.slope, self.at = slope, np.array([0.0, 1.0])
    >>> Line(2.0).to_plain()
    {'slope': 2.0, 'at': [0.0, 1.0]}
    >>> Line.from_plain(Line(2.0).to_plain()).at
    array([0., 1.])
    """

    def to_plain(self) -> dict[str, Any]:
        """The object as numbers and lists, for `from_plain`."""
        return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in vars(self).items()}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """The object that `to_plain` describes."""
        made = cls.__new__(cls)
        vars(made).update({k: np.array(v) if isinstance(v, list) else v for k, v in plain.items()})
        return made
