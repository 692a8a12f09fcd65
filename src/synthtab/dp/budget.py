"""Differential privacy as the caller sees it: what is asked for, and what is given.

`Privacy` holds the budget, and what everybody may know of the table anyway. `Guarantee` holds what
a fit has kept to, and says it in words.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from synthtab.table.schema import Schema

MOST_EPSILON = 100.0
"""Beyond, the numerical composition of mechanisms fails."""


@dataclass(frozen=True)
class Privacy:
    """A budget of differential privacy, and the public knowledge it needs.

    A guarantee covers what the rows say. Whatever else a fit uses must be public: known without
    looking at these rows, from the machine's manual, the order form, a norm. Bounds read off the
    table with `min` and `max` are not public; the guarantee is void with them.

    Parameters
    ----------
    epsilon : float
        The budget. Small is private: at 1 an attacker's odds that a row was in the table change by
        a factor of 2.7 at most, at 3 by 20, at 8 by 3,000.
    n_rows : int
        Number of rows, roughly: a round number is as good as the exact one, which is not public
        when adding a row is what must not be noticed.
    bounds : mapping of str to (float, float)
        Least and greatest value of each numerical column. Values outside are moved to the nearer
        bound. Generous bounds cost precision.
    levels : mapping of str to sequence of float, default={}
        In place of bounds: all values that a numerical column takes (sizes, months). Values
        between are moved to the nearest level. The column is then learnt value by value.
    decimals : mapping of str to int, default={}
        Decimals that the synthetic values of a column are rounded to; negative ones round to tens
        and hundreds. Columns of an integer dtype are rounded to integers anyway.
    public_categories : bool, default=False
        Your word that the category lists of the schema are public. `Schema.infer` reads them off
        the rows: then they are not, and a category that one row alone has would betray it.
    delta : float or None, default=None
        Probability with which the guarantee may fail altogether. None is a tenth of a row's share,
        1 / (10 n_rows).
    target_share : float, default=0.4
        Share of the budget, as squared mu, that corrects how a numerical target depends on the
        other columns: see `synthtab.dp.correction`. 0 corrects nothing, and nothing is corrected
        where the target is a category or has levels.

    Raises
    ------
    ValueError
        Naming every number that is out of range.

    Examples
    --------
    >>> privacy = Privacy(epsilon=3.0, n_rows=2000, bounds={"minutes": (0, 20_000)})
    >>> privacy.target_delta
    5e-05
    """

    epsilon: float
    n_rows: int
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    levels: Mapping[str, Sequence[float]] = field(default_factory=dict)
    decimals: Mapping[str, int] = field(default_factory=dict)
    public_categories: bool = False
    delta: float | None = None
    target_share: float = 0.4

    def __post_init__(self) -> None:
        problems = []
        if not 0 < self.epsilon <= MOST_EPSILON:
            problems.append(
                f"epsilon={self.epsilon}: it must be positive and at most {MOST_EPSILON}; more "
                "protects nobody, and cannot be added up"
            )
        if self.n_rows < 2:
            problems.append(f"n_rows={self.n_rows}: a table that can be learnt has at least 2")
        elif self.delta is not None and not 0 < self.delta < 1 / self.n_rows:
            problems.append(
                f"delta={self.delta}: it must lie between 0 and 1 / n_rows = {1 / self.n_rows:.2g};"
                " a greater one would allow whole rows to be published"
            )
        if not 0 <= self.target_share < 1:
            problems.append(f"target_share={self.target_share}: it must be at least 0 and below 1")
        for column, (low, high) in self.bounds.items():
            if not -math.inf < low < high < math.inf:
                problems.append(f"bounds of {column!r} are ({low}, {high}): give finite low < high")
        for column, levels in self.levels.items():
            if not (0 < len(set(levels)) == len(levels) and all(map(math.isfinite, levels))):
                problems.append(f"levels of {column!r} are {levels}: give distinct finite numbers")
        both = sorted(self.bounds.keys() & self.levels.keys())
        if both:
            problems.append(f"columns with bounds and levels: {both}; give one of the two")
        unrounded = sorted(self.decimals.keys() & self.levels.keys())
        if unrounded:
            problems.append(f"columns with levels and decimals: {unrounded}; levels say it all")
        if problems:
            raise ValueError("; ".join(problems))

    def to_plain(self) -> dict[str, Any]:
        """The same as numbers, strings, lists and dicts, for `from_plain`."""
        return {
            "epsilon": float(self.epsilon),
            "n_rows": int(self.n_rows),
            "bounds": {c: [_plain(v) for v in pair] for c, pair in self.bounds.items()},
            "levels": {c: [_plain(v) for v in levels] for c, levels in self.levels.items()},
            "decimals": {c: int(n) for c, n in self.decimals.items()},
            "public_categories": bool(self.public_categories),
            "delta": None if self.delta is None else float(self.delta),
            "target_share": float(self.target_share),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """What `to_plain` describes."""
        return cls(**{**plain, "bounds": {c: (a, b) for c, (a, b) in plain["bounds"].items()}})

    @property
    def target_delta(self) -> float:
        """The delta asked for, or the default one."""
        return 1 / (10 * self.n_rows) if self.delta is None else self.delta

    def check(self, schema: Schema) -> None:
        """Refuse a schema of the table that this leaves anything to be read off the rows for.

        Raises
        ------
        ValueError
            Naming every column that nothing public is declared for, with what to declare, and
            every declaration that no column of its kind is there for.
        """
        problems = []
        missing = [c for c in schema.numerical if c not in {**self.bounds, **self.levels}]
        if missing:
            example = ", ".join(f"{c!r}: (low, high)" for c in missing)
            problems.append(
                f"numerical columns without bounds: {missing}; declare bounds={{{example}}} from "
                "what is known without these rows (their minimum and maximum are not), or levels"
            )
        if schema.categorical and not self.public_categories:
            problems.append(
                f"the category lists of {list(schema.categorical)} may have been read off the "
                "rows; write the schema from public knowledge, and say public_categories=True"
            )
        for name in ("bounds", "levels", "decimals"):
            unknown = [c for c in getattr(self, name) if c not in schema.numerical]
            if unknown:
                problems.append(
                    f"{name} for {unknown}, but the numerical columns are {list(schema.numerical)}"
                )
        if problems:
            raise ValueError("no guarantee can be given: " + "; ".join(problems))


@dataclass(frozen=True)
class Guarantee:
    """What a fit has kept to.

    `str` of it is the statement that belongs beside any table drawn from the model; a notebook
    shows it as Markdown.

    Attributes
    ----------
    epsilon, delta : float
        What all that was released of the rows has spent, as an upper bound.
    privacy : Privacy
        What was asked for and declared public.
    schema : Schema
        Of the table.
    noise_multiplier : float
        Noise on each step's sum of gradients, in lengths that a row's gradient is cut to.
    sample_rate : float
        Probability with which a row took part in a step.
    n_steps : int
        Steps of DP-SGD.
    quartile_noise : float or None
        Noise of the questions about quartiles taken together; None if nothing was asked.
    seed_is_secret : bool
        Whether the noise was seeded by the operating system, and the seed kept nowhere.
    correction_noise : tuple of float, default=()
        Noise of each question about the target, in units of its sensitivity; empty if none was
        asked.
    """

    epsilon: float
    delta: float
    privacy: Privacy
    schema: Schema
    noise_multiplier: float
    sample_rate: float
    n_steps: int
    quartile_noise: float | None
    seed_is_secret: bool
    correction_noise: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "correction_noise", tuple(self.correction_noise))

    @property
    def mechanisms(self) -> list[tuple[float, float, int]]:
        """All that was asked of the rows, as `synthtab.dp.accounting.Mechanism` takes it."""
        once = [*self.correction_noise]
        once += [] if self.quartile_noise is None else [self.quartile_noise]
        training = (self.noise_multiplier, self.sample_rate, self.n_steps)
        return [*((noise, 1.0, 1) for noise in once), training]

    def to_plain(self) -> dict[str, Any]:
        """All but `privacy` and `schema` as plain values, for ``Guarantee(**plain, ...)``."""
        own_form = ("privacy", "schema")
        plain = {name: _plain(value) for name, value in vars(self).items() if name not in own_form}
        return plain | {"correction_noise": list(self.correction_noise)}

    def __str__(self) -> str:
        return "\n".join(self._sentences())

    def _repr_markdown_(self) -> str:
        """Show the statement as a list in a notebook."""
        return "\n".join(f"- {sentence}" for sentence in self._sentences())

    def _sentences(self) -> list[str]:
        privacy = self.privacy
        released = (
            f"{self.n_steps} steps of DP-SGD: each row takes part with probability "
            f"{self.sample_rate:.3g}, and noise of {self.noise_multiplier:.3g} times the length "
            "that a row's gradient is cut to is added to the sum"
        )
        if self.quartile_noise is not None:
            released += f"; before, two quartiles of each of {list(privacy.bounds)} with noise"
        if self.correction_noise:
            released += (
                f"; afterwards, {len(self.correction_noise)} times the sums of the errors of "
                f"{self.schema.target} over groups of rows, with noise"
            )
        public = ["the names, order and types of the columns", f"about {privacy.n_rows} rows"]
        public += [f"{c} between {low} and {high}" for c, (low, high) in privacy.bounds.items()]
        public += [f"the {len(levels)} levels of {c}" for c, levels in privacy.levels.items()]
        public += [f"the {len(v)} categories of {c}" for c, v in self.schema.categorical.items()]
        public += [f"{n} decimals of {c}" for c, n in privacy.decimals.items()]
        seed = (
            "The noise was seeded by the operating system, and the seed was not kept."
            if self.seed_is_secret
            else "The noise comes from a given seed, and whoever knows it can take the noise off: "
            "good for an experiment. For a release, fit with random_state=None."
        )
        return [
            f"Differential privacy with epsilon = {self.epsilon:.3g} and delta = {self.delta:.2g}, "
            "for tables that differ by one row added or removed.",
            "It covers the network and any number of rows drawn from it, whatever is done to them.",
            f"Released of the rows: {released}.",
            "Added up by: privacy random variables (Gopi et al., 2021), as an upper bound.",
            "Proved for real numbers. Noise in floating point has gaps that can betray a sum "
            "(Mironov, 2012, for Laplace noise); nothing is done against that here.",
            f"Taken as public, and not covered: {'; '.join(public)}; all settings of the model.",
            "Several rows of one person or product are not covered as one; further fits to the "
            "same rows spend anew.",
            seed,
        ]


def _plain(value: Any) -> Any:
    """A number of Python's own."""
    return value.item() if isinstance(value, np.generic) else value
