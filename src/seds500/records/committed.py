"""The committed runs of the three experiments, and a reader of records that keeps account."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from seds500.records import store

EXPERIMENTS = ("011", "012", "013")

SOURCES: Mapping[str, str] = {"standin": "stand-in", "public": "public table"}
"""Where the rows of a run come from, as its id ends and as a page says it."""

STUDY_LEARNER: Mapping[str, str] = {"011": "rf", "012": "gb", "013": "rf"}
"""The learner behind the study's baseline figure for each experiment."""


def runs() -> Iterator[tuple[str, str, str]]:
    """Each committed run: its id, experiment and source.

    Examples
    --------
    >>> [run for run, _, _ in runs()]
    ['011_standin', '012_standin', '013_standin', '011_public', '012_public', '013_public']
    """
    for source in SOURCES:
        for experiment in EXPERIMENTS:
            yield f"{experiment}_{source}", experiment, source


def title(run: str) -> str:
    """What a page calls a run.

    Examples
    --------
    >>> title("013_standin")
    '013, stand-in'
    """
    experiment, _, source = run.partition("_")
    return f"{experiment}, {SOURCES[source]}"


def reported(value: float | list[float] | str) -> str:
    """A figure of the study as a page shows it: one, a range, or a word.

    Examples
    --------
    >>> reported(-0.39), reported([0.39, 0.55]), reported("negative")
    ('−0.39', '0.39 to 0.55', 'negative')
    """
    if isinstance(value, str):
        return value
    ends = value if isinstance(value, list) else [value]
    return " to ".join(f"{end:.2f}" for end in ends).replace("-", "−")


def pipe_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table.

    Examples
    --------
    >>> print(pipe_table(["a", "b"], [["1", "2|3"]]))
    | a | b |
    |---|---|
    | 1 | 2\\|3 |
    """
    lines = [header, *rows]
    text = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
    return "\n".join([text[0], "|" + "---|" * len(header), *text[1:]])


class Measured(NamedTuple):
    """A value and, where there is one, its interval; `text`, if any, is shown in their place."""

    value: float
    low: float | None = None
    high: float | None = None
    text: str = ""

    @classmethod
    def of(cls, found: Mapping[Any, Any], what: str = "mean") -> Measured:
        """The value and interval in a dictionary of them, as `Records.measured` looks for them.

        Examples
        --------
        >>> Measured.of({"percent": 95.0, "percent_low": 90.0, "percent_high": 99.0}, "percent")
        Measured(value=95.0, low=90.0, high=99.0, text='')
        >>> Measured.of({"mean": 0.5, "low": float("nan"), "high": float("nan")})
        Measured(value=0.5, low=None, high=None, text='')
        >>> Measured.of({"value": 0.5, "low": 0.25, "high": 0.75}, "value")
        Measured(value=0.5, low=0.25, high=0.75, text='')
        """
        prefix = "" if what in ("mean", "value") else f"{what}_"
        low, high = (found.get(f"{prefix}{end}", math.nan) for end in ("low", "high"))
        return cls(found[what]) if math.isnan(low) else cls(found[what], low, high)

    @property
    def span(self) -> tuple[float, float]:
        """The interval; a value without one stands for itself."""
        return (
            self.value if self.low is None else self.low,
            self.value if self.high is None else self.high,
        )

    def show(self, form: str) -> str:
        """Value and bounds as text, with typographic minus signs.

        Examples
        --------
        >>> Measured(0.5, -0.25, 1.25).show(".2f"), Measured(0.5).show(".0%")
        ('0.50 [−0.25, 1.25]', '50%')
        """
        if self.text:
            return self.text
        bounds = "" if self.low is None else f" [{self.low:{form}}, {self.high:{form}}]"
        return f"{self.value:{form}}{bounds}".replace("-", "−")

    def minus(self, other: Measured) -> Measured:
        """The difference, its bounds those of two intervals that nothing ties together.

        Wider than the interval of a paired difference, and so never too sure.

        Examples
        --------
        >>> Measured(5, 4, 6).minus(Measured(2, 1, 3))
        Measured(value=3, low=1, high=5, text='')
        """
        value, text = self.value - other.value, self.text or other.text
        if self.low is None and other.low is None:
            return Measured(value, text=text)
        (low, high), (other_low, other_high) = self.span, other.span
        return Measured(value, low - other_high, high - other_low, text)


class Records:
    """Look-ups in a folder of records, and which records they needed.

    Parameters
    ----------
    folder : str, Path or None, default=None
        As for `seds500.records.store.lookup`.

    Attributes
    ----------
    used : set of str
        Ids of the records that were asked for, whether they exist or not: what a page made from
        these look-ups depends on.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = folder
        self.used: set[str] = set()

    def names(self) -> list[str]:
        """Ids of the records in the folder, sorted."""
        folder = store.record_path("any", self.folder).parent
        return sorted(path.stem for path in folder.glob("*.json"))

    def exists(self, name: str) -> bool:
        """Whether there is a record of that id."""
        self.used.add(name)
        return store.record_path(name, self.folder).is_file()

    def value(self, key: str) -> Any:
        """The value of a dotted key.

        Raises
        ------
        seds500.records.store.RecordError
            If the record or the key does not exist; names it.
        """
        self.used.add(key.partition(".")[0])
        return store.lookup(self.folder, key)

    def has(self, key: str) -> bool:
        """Whether a record, which has to exist, holds a key.

        Raises
        ------
        seds500.records.store.RecordError
            If the record itself does not exist.
        """
        name = key.partition(".")[0]
        self.value(name)
        try:
            self.value(key)
        except store.RecordError:
            return False
        return True

    def measured(self, key: str, *, of: str = "mean") -> Measured:
        """The value and interval of a key that leads to a dictionary of them.

        Parameters
        ----------
        key : str
            Leads to a dictionary with the value under `of` and its bounds.
        of : {"mean", "percent"}, default="mean"
            "mean" has the bounds ``low`` and ``high``; "percent", the share of the real rows'
            score, has ``percent_low`` and ``percent_high``. Bounds are absent after one seed.

        Raises
        ------
        seds500.records.store.RecordError
            If the record or the value does not exist; names it.
        """
        found = self.value(key)
        if not isinstance(found, dict) or of not in found:
            raise store.RecordError(f"no value {key}.{of!r} in the records")
        return Measured.of(found, of)

    def score(
        self,
        run: str,
        method: str,
        *,
        setting: str = "replacement",
        learner: str = "",
        of: str = "mean",
    ) -> Measured:
        """R² on real test rows; by default with the learner behind the study's figure."""
        learner = learner or STUDY_LEARNER[run.partition("_")[0]]
        return self.measured(f"{run}.utility.{setting}.{method}.{learner}.r2", of=of)

    def share(
        self, run: str, method: str, *, setting: str = "replacement", learner: str = ""
    ) -> Measured:
        """R² in percent of that of the real rows on the same splits; learner as for `score`."""
        return self.score(run, method, setting=setting, learner=learner, of="percent")

    def advantage(self, run: str, method: str, *, setting: str = "replacement") -> Measured:
        """R² of HybridDiffusion minus that of a method, paired by split; learner as for `score`."""
        learner = STUDY_LEARNER[run.partition("_")[0]]
        return self.measured(f"{run}.hybrid_minus.{setting}.{method}.{learner}")

    def fidelity(self, run: str, method: str, metric: str) -> Measured:
        """A fidelity metric, mean over columns and seeds, with the interval that the record has."""
        key = f"{run}.fidelity_intervals.{method}.{metric}"
        if self.has(key):
            return self.measured(key)
        return Measured(self.value(f"{run}.fidelity.{method}.{metric}"))
