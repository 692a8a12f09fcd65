"""An encoder made of public knowledge and, for the scale of each number, of a little budget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from sklearn.utils.validation import check_is_fitted

from synthtab.dp.budget import Privacy
from synthtab.dp.correction import TargetCorrection
from synthtab.table.encoding import Encoded, FloatArray, RankMap, TableEncoder
from synthtab.table.schema import Schema

_HALVINGS = 10  # places a quartile to within a thousandth of the bounds' distance
_QUARTILES = (0.25, 0.75)
_SENSITIVITY = 0.75  # of a question about a quartile: see `excess_below`
_IQR_OF_NORMAL = 1.349  # interquartile range of a standard normal variable
_LINEAR = 2.0  # standard deviations from the middle; beyond, scores grow logarithmically
_LARGEST_SCORE = 6.5  # 19 standard deviations
_KNOT_DISTANCE = 0.02


def private_quartiles(
    frame: pd.DataFrame, privacy: Privacy, *, noise_multiplier: float, rng: np.random.Generator
) -> dict[str, tuple[float, float]]:
    """First and third quartile of every column with bounds, under differential privacy.

    A quartile is found by halving the bounds ten times: are more rows below the middle than there
    should be? Each question is a Gaussian mechanism. All of them together are one, with noise that
    is smaller by the root of their number: `noise_multiplier` is that of all together. Quartiles
    lie within the bounds; noise may bring them together, or turn them round.

    Examples
    --------
    >>> frame = pd.DataFrame({"minutes": np.arange(400, 500)})
    >>> privacy = Privacy(3.0, n_rows=100, bounds={"minutes": (0, 1024)})
    >>> rng = np.random.default_rng(0)
    >>> private_quartiles(frame, privacy, noise_multiplier=0.0, rng=rng)
    {'minutes': (425.5, 475.5)}
    """
    n_questions = len(privacy.bounds) * len(_QUARTILES) * _HALVINGS
    noise_sd = noise_multiplier * _SENSITIVITY * np.sqrt(n_questions)
    quartiles = {}
    for column, (low, high) in privacy.bounds.items():
        values = frame[column].to_numpy(dtype=np.float64)
        first, third = (_quantile(values, p, low, high, noise_sd, rng) for p in _QUARTILES)
        quartiles[column] = (first, third)
    return quartiles


def excess_below(values: FloatArray, p: float, middle: float) -> float:
    """How many more values than a share p lie below the middle: 0 at the quantile.

    One value more changes it by 1 - p or by -p, whatever the others are.

    Examples
    --------
    >>> excess_below(np.arange(8.0), p=0.25, middle=4.0)
    2.0
    """
    n_below = int((values < middle).sum())
    return (1 - p) * n_below - p * (len(values) - n_below)


def _quantile(
    values: FloatArray, p: float, low: float, high: float, noise_sd: float, rng: np.random.Generator
) -> float:
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if excess_below(values, p, middle) + noise_sd * rng.standard_normal() > 0:
            high = middle
        else:
            low = middle
    return (low + high) / 2


class PrivateEncoder(TableEncoder):
    """Encode a table as `TableEncoder` does, without a look at its rows.

    Categories, levels, bounds and decimals are those declared. A number becomes a score that is
    roughly standard normal: it is centred and scaled by two quartiles, and beyond two standard
    deviations it grows logarithmically, so that a long tail stays within reach, up to 19 of them,
    where values are cut off. The shape of the distribution is left to the network.

    Parameters
    ----------
    privacy : Privacy
        What is public.
    quartiles : mapping of str to (float, float)
        Of every column with bounds: see `private_quartiles`.

    Attributes
    ----------
    correction_ : TargetCorrection or None
        What decoding adds to the target; the others are those of `TableEncoder`.

    Notes
    -----
    Measured on a simulated table: scaling by the bounds alone does as well where these are
    tight, and fails where they are ten times too wide. A histogram with noise, which could have
    told the shape as well, puts rows into empty bins far out, and fails everywhere.

    Examples
    --------
    >>> frame = pd.DataFrame({"plant": ["a", "b"] * 50, "minutes": np.arange(400, 500)})
    >>> schema = Schema.infer(frame, target="minutes")
    >>> privacy = Privacy(3.0, n_rows=100, bounds={"minutes": (0, 10_000)}, public_categories=True)
    >>> encoder = PrivateEncoder(privacy, {"minutes": (425.0, 475.0)}).fit(frame, schema)
    >>> encoder.inverse_transform(encoder.transform(frame)).equals(frame)
    True
    """

    def __init__(self, privacy: Privacy, quartiles: Mapping[str, tuple[float, float]]) -> None:
        self.privacy = privacy
        self.quartiles = quartiles

    def fit(self, frame: pd.DataFrame, schema: Schema) -> Self:
        """Check that the frame is a table of the schema, and note its column types as public.

        Raises
        ------
        ValueError
            If something public is not declared, an integer column is declared to hold fractions,
            or the frame is not a table of the schema.
        """
        self.privacy.check(schema)
        schema.validate(frame)
        self._check_integers(frame)
        return self._prepared(schema, frame.dtypes)

    def to_plain(self) -> dict[str, Any]:
        """The fitted encoder as strings, numbers and lists, for `from_plain`."""
        check_is_fitted(self)
        return {
            "privacy": self.privacy.to_plain(),
            "quartiles": {c: [float(q) for q in pair] for c, pair in self.quartiles.items()},
            "dtypes": {str(c): str(dtype) for c, dtype in self.dtypes_.items()},
            "correction": None if self.correction_ is None else self.correction_.to_plain(),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], schema: Schema) -> Self:
        """The fitted encoder that `to_plain` describes."""
        quartiles = {c: (first, third) for c, (first, third) in plain["quartiles"].items()}
        dtypes = {c: pd.api.types.pandas_dtype(name) for c, name in plain["dtypes"].items()}
        encoder = cls(Privacy.from_plain(plain["privacy"]), quartiles)
        encoder._prepared(schema, pd.Series(dtypes))
        if (correction := plain.get("correction")) is not None:
            encoder.correction_ = TargetCorrection.from_plain(correction)
        return encoder

    def _prepared(self, schema: Schema, dtypes: pd.Series[Any]) -> Self:
        """Fitted, all that is left of the rows being the types of the columns."""
        self.schema_, self.dtypes_ = schema, dtypes
        self.correction_: TargetCorrection | None = None
        self.levels_: dict[str, NDArray[Any]] = {
            **{c: np.array(known, dtype=object) for c, known in schema.categorical.items()},
            **{
                c: np.sort(np.asarray(self.privacy.levels[c], dtype=np.float64))
                for c in schema.numerical
                if c in self.privacy.levels
            },
        }
        self.rank_maps_ = {
            c: _rank_map(self.privacy.bounds[c], self.quartiles[c], self._decimals(c))
            for c in schema.numerical
            if c in self.privacy.bounds
        }
        return self

    def inverse_transform(self, encoded: Encoded) -> pd.DataFrame:
        """As in `TableEncoder`; then the target is corrected, within its bounds."""
        frame = super().inverse_transform(encoded)
        if self.correction_ is None:
            return frame
        target = self.schema_.target
        values = frame[target].to_numpy(dtype=np.float64) + self.correction_.of(frame)
        values = values.clip(*self.privacy.bounds[target])
        if (decimals := self._decimals(target)) is not None:
            values = values.round(decimals)
        return frame.assign(**{target: values.astype(self.dtypes_[target])})

    def coordinates(self, frame: pd.DataFrame) -> tuple[FloatArray, ...]:
        """As in `TableEncoder`, but as if all levels were equally frequent."""
        check_is_fitted(self)
        return tuple(
            np.eye(len(levels)) if column in self.schema_.categorical else _even_levels(levels)
            for column, levels in self.levels_.items()
        )

    def _decimals(self, column: str) -> int | None:
        is_integer = pd.api.types.is_integer_dtype(self.dtypes_[column])
        return self.privacy.decimals.get(column, 0 if is_integer else None)

    def _check_integers(self, frame: pd.DataFrame) -> None:
        privacy, problems = self.privacy, []
        for column in frame.columns[[pd.api.types.is_integer_dtype(t) for t in frame.dtypes]]:
            broken = [level for level in privacy.levels.get(column, ()) if level != round(level)]
            if broken:
                problems.append(f"levels of {column!r}, which holds integers: {broken}; round them")
            if (decimals := privacy.decimals.get(column, 0)) > 0:
                problems.append(
                    f"decimals of {column!r}, which holds integers: {decimals}; leave them out"
                )
        if problems:
            raise ValueError("; ".join(problems))


def _rank_map(
    bounds: tuple[float, float], quartiles: tuple[float, float], decimals: int | None
) -> RankMap:
    """Between values within bounds and the ranks of their scores, linear from knot to knot."""
    low, high = bounds
    spread = max(abs(quartiles[1] - quartiles[0]), (high - low) / 2**_HALVINGS)
    centre, scale = sum(quartiles) / 2, spread / _IQR_OF_NORMAL
    first, last = _compressed((np.array(bounds) - centre) / scale).clip(
        -_LARGEST_SCORE, _LARGEST_SCORE
    )
    scores = np.linspace(first, last, 2 + int((last - first) / _KNOT_DISTANCE))
    none = np.empty(0)
    values = (centre + scale * _expanded(scores)).clip(low, high)
    return RankMap(decimals, none, none, none, ndtr(scores), values)


def _compressed(x: FloatArray) -> FloatArray:
    """Linear near 0, logarithmic far out, smooth where the two meet."""
    size = np.abs(x)
    far = _LINEAR * (1 + np.log(np.maximum(size, _LINEAR) / _LINEAR))
    return np.asarray(np.where(size > _LINEAR, np.sign(x) * far, x))


def _expanded(score: FloatArray) -> FloatArray:
    """Inverse of `_compressed`."""
    size = np.abs(score)
    far = _LINEAR * np.exp(size / _LINEAR - 1)
    return np.asarray(np.where(size > _LINEAR, np.sign(score) * far, score))


def _even_levels(levels: FloatArray) -> FloatArray:
    """Standardised value and normal score of each level's place in the list, shape (K, 2)."""
    place = ndtri((np.arange(len(levels)) + 0.5) / len(levels))
    spread = levels.std() or 1.0  # one level has none
    return np.column_stack([(levels - levels.mean()) / spread, place])
