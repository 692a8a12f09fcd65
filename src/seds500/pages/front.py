"""The first page, and the pages of the experiments: the study's figures beside what was measured.

Each function looks up the records it needs as it goes. A table is a frame of strings; a figure is
closed; sentences are Markdown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seds500.comparisons import OTHER_PACKAGES
from seds500.methods import SECOND_SAMPLE
from seds500.plots import (
    BLACK,
    COLOURS,
    GREY,
    LABELS,
    baseline,
    legend,
    mark,
    methods_axis,
    score,
    styled,
)
from seds500.records import (
    EXPERIMENTS,
    SOURCES,
    STUDY_LEARNER,
    Measured,
    Records,
    reported,
    runs,
)
from synthtab.evaluation.compare import REAL
from synthtab.evaluation.intervals import verdict
from synthtab.evaluation.utility import LEARNERS

SHOWN = (
    SECOND_SAMPLE, "hybrid", "gaussian", "tabddpm", "gaussian_copula", "interpolation",
    "smogn_balance", "smogn_extreme", "smogn_extreme_synthetic", "noise_copy",
)  # fmt: skip
"""The methods that the text speaks of, in the order in which they are shown."""

TITLES: Mapping[str, str] = {
    "011": "011: two numbers",
    "012": "012: two numbers, one category",
    "013": "013: two numbers, four categories",
}

SEED_ROWS: Sequence[tuple[str, str, str, str]] = (
    ("real rows", REAL, "replacement", "original_r2"),
    ("real rows + 500 Gaussian diffusion rows", "gaussian", "augmentation", "diffusion_r2"),
    ("Gaussian diffusion rows alone", "gaussian", "replacement", ""),
    ("TabDDPM rows alone (5,000 steps)", "tabddpm", "replacement", "later"),
    ("HybridDiffusion rows alone", "hybrid", "replacement", ""),
    ("SMOGN, extreme", "smogn_extreme", "replacement", "smogn_r2"),
    ("SMOGN, synthetic rows only", "smogn_extreme_synthetic", "replacement", "smogn_r2"),
)
"""What the learner was trained on: its words, method and setting, and the study's figure for it."""


# Look-ups -------------------------------------------------------------------------------------


def share(records: Records, run: str, method: str, setting: str = "replacement") -> Measured | None:
    """R² in percent of the real rows', by the study's learner; None where it was not run."""
    learner = STUDY_LEARNER[run.partition("_")[0]]
    for name in (run, f"{OTHER_PACKAGES}.{run}"):
        if records.has(f"{name}.utility.{setting}.{method}"):
            return records.measured(f"{name}.utility.{setting}.{method}.{learner}.r2", of="percent")
    return None


def _score(records: Records, run: str, method: str, setting: str) -> str:
    """R² as the table shows it; a dash where the method was not run."""
    if not records.has(f"{run}.utility.{setting}.{method}"):
        return "–"
    return records.score(run, method, setting=setting).show(".2f")


def _of_the_study(records: Records, experiment: str, figure: str) -> str:
    """A figure of the study as the table shows it."""
    if figure == "later":
        later = records.value("published.later_013_replacement")
        return f"{reported(later['tabddpm_style_r2'])} (later)" if experiment == "013" else "–"
    figures = records.value(f"published.{experiment}.reported")
    return reported(figures.get(figure, "negative")) if figure else "–"


def _share_of_the_study(records: Records, experiment: str, figure: str) -> tuple[float, float]:
    """The ends of a figure of the study, in percent of its figure for real rows."""
    figures = records.value(f"published.{experiment}.reported")
    ends = figures[figure] if isinstance(figures[figure], list) else [figures[figure]] * 2
    low, high = (100 * end / figures["original_r2"] for end in ends)
    return low, high


# Tables ---------------------------------------------------------------------------------------


def reproduced(records: Records) -> pd.DataFrame:
    """The study's table of results, with what was measured in the same setting beside each cell.

    Parameters
    ----------
    records : Records
        The committed runs.

    Returns
    -------
    DataFrame of str
        R² on real test rows with intervals, by the learner behind the study's figure. The study's
        SMOGN figure stands in two rows, since it is not known which rows it was measured on. Its
        later figure is of a model like TabDDPM. A dash was not measured.
    """
    rows: list[dict[str, str]] = []
    labels: list[str] = []
    for experiment in EXPERIMENTS:
        ids = {words: f"{experiment}_{source}" for source, words in SOURCES.items()}
        learner = LEARNERS[STUDY_LEARNER[experiment]]
        labels.append(f"**{TITLES[experiment]}** ({learner})")
        rows.append(dict.fromkeys(("study", *ids), ""))
        for words, method, setting, figure in SEED_ROWS:
            labels.append(words)
            rows.append(
                {"study": _of_the_study(records, experiment, figure)}
                | {source: _score(records, run, method, setting) for source, run in ids.items()}
            )
    return pd.DataFrame(rows, index=pd.Index(labels, name="learner trained on"))


def run_table(records: Records, run: str) -> pd.DataFrame:
    """What a run measured of each method that the text speaks of.

    Parameters
    ----------
    records : Records
        The committed runs.
    run : str
        Id of a run, such as "013_public".

    Returns
    -------
    DataFrame of str
        R² with rows alone and added to the real rows, detection AUC, and the AUC of the strongest
        membership attack, each with its interval where there is one. A dash was not measured.
    """
    learner = STUDY_LEARNER[run.partition("_")[0]]
    rows = {}
    for method in (REAL, *SHOWN):
        kept = share(records, run, method)
        if kept is None:
            continue
        held = records.has(f"{run}.utility.replacement.{method}")
        at = run if held else f"{OTHER_PACKAGES}.{run}"
        alone = records.measured(f"{at}.utility.replacement.{method}.{learner}.r2")
        added = f"{at}.utility.augmentation.{method}.{learner}.r2"
        detected = held and records.has(f"{run}.fidelity.{method}.c2st")
        card = f"privacy.cards.{run}.{method}.membership"
        rows[LABELS[method]] = {
            "R² alone": alone.show(".2f"),
            "% of real": "100" if method == REAL else kept.show(".0f"),
            "R² added": records.measured(added).show(".2f")
            if records.has(added) and method != REAL
            else "–",
            "detection AUC": records.fidelity(run, method, "c2st").show(".2f") if detected else "–",
            "membership AUC": _membership(records, run, method) if records.has(card) else "–",
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(index=LEARNERS[learner])


def _membership(records: Records, run: str, method: str) -> str:
    if records.value(f"privacy.cards.{run}.void"):
        return "void"
    found = records.value(f"privacy.cards.{run}.{method}.membership")
    return Measured.of(found, "value").show(".2f")


# Sentences ------------------------------------------------------------------------------------

TOLD: Mapping[str, str] = {
    "below": "is below zero",
    "above": "is above zero",
    "not told apart": "includes zero, so the two cannot be told apart",
}


_TABLES: Mapping[str, str] = {
    "011_public": "The public table, of diamonds,",
    "012_public": "The public table, of personal computers,",
    "013_public": "The public table, of houses,",
}
_LEARNERS: Mapping[str, str] = {"rf": "A random forest", "gb": "Gradient boosting"}
"""How a sentence about each begins."""


def run_sentences(records: Records, run: str) -> str:
    """What a run found, in a few sentences that follow from its intervals.

    Parameters
    ----------
    records : Records
        The committed runs.
    run : str
        Id of a run, such as "013_public".

    Returns
    -------
    str
        Markdown.
    """
    held = records.value(f"{run}.dataset")
    learner = STUDY_LEARNER[run.partition("_")[0]]
    real = records.score(run, REAL)
    lines = [
        f"{_TABLES.get(run, 'The stand-in')} has {held['n_train']:,} training rows and "
        f"{held['n_test']:,} test rows. Figures are means over {held['n_seeds']} splits.",
        f"{_LEARNERS[learner]} reaches an R² of {real.show('.2f')} when trained on real rows. It "
        f"keeps {records.share(run, 'hybrid').show('.0f')} % of this with HybridDiffusion's rows "
        f"alone, {records.share(run, 'gaussian').show('.0f')} % with those of Gaussian diffusion, "
        f"{records.share(run, 'interpolation').show('.0f')} % with interpolated rows, "
        f"and {records.share(run, 'smogn_extreme').show('.0f')} % with the whole output of SMOGN, "
        "extreme.",
    ]
    for method, words in (
        ("interpolation", "interpolation"),
        ("smogn_balance", "SMOGN, balance"),
        ("smogn_extreme", "SMOGN, extreme"),
    ):
        found = records.advantage(run, method)
        told = verdict(*found.span, 0)
        lines.append(
            f"HybridDiffusion's R² minus that of {words} is {found.show('+.2f')}; the interval "
            f"{TOLD[told]}."
        )
    return " ".join(lines)


# Figures --------------------------------------------------------------------------------------

_SHIFTS: Mapping[str, tuple[float, str | None]] = {
    "standin": (-0.2, None),
    "public": (0.2, "white"),
}
"""How far from the middle of its line a source is drawn, and how its marker is filled."""


@styled
def overview(records: Records) -> Figure:
    """Share of the real rows' R² by method and source, with what the study reported.

    Parameters
    ----------
    records : Records
        The committed runs.

    Returns
    -------
    Figure
        A panel for each experiment with rows alone, and one with 500 rows added to the real ones.
        Learners are those of the study. A figure left of the axis is an arrow with its value. The
        study's figures are drawn in the setting that they were measured in, a range as a range.
    """
    ratios = [len(SHOWN)] * 3 + [6]
    figure, axes = plt.subplots(4, 1, figsize=(4.3, 13), height_ratios=ratios, layout="constrained")
    for ax, experiment in zip(axes, EXPERIMENTS, strict=False):
        for y, method in enumerate(SHOWN):
            for source, (shift, fill) in _SHIFTS.items():
                found = share(records, f"{experiment}_{source}", method)
                if found is not None:
                    colour = COLOURS.get(method, GREY)
                    score(ax, found, y + shift, colour, left=0, form=".0f", fill=fill)
        baseline(ax)
        _head(ax, f"{TITLES[experiment]} ({LEARNERS[STUDY_LEARNER[experiment]]})")
        methods_axis(ax, SHOWN, left=0, right=112)
        ax.set_yticklabels([LABELS[method] for method in SHOWN])
    _study_alone(axes, records)
    _added(axes[-1], records)
    handles = [mark("stand-in"), mark("public table", mfc="white")]
    legend(figure, [*handles, mark("study", "x", BLACK, mew=1.5)])
    return figure


def _head(ax: Axes, words: str) -> None:
    """A title that begins at the left end of the figure."""
    ax.set_title(words, x=-0.85, ha="left", fontsize=9.5, fontweight="bold")


def _study_alone(axes: Sequence[Axes], records: Records) -> None:
    """The study's figures that were measured with rows alone."""
    for ax, experiment in zip(axes, EXPERIMENTS, strict=False):
        y = SHOWN.index("smogn_extreme")
        if "smogn_r2" not in records.value(f"published.{experiment}.reported"):
            _left_of(ax, y, "negative")
        elif (ends := _share_of_the_study(records, experiment, "smogn_r2"))[0] < 0:
            _left_of(ax, y, f"−{-ends[0]:.0f}")
        else:
            _range(ax, y, ends)
    later = 100 * records.value("published.later_013_replacement.tabddpm_style_share_of_baseline")
    _range(axes[2], SHOWN.index("tabddpm"), (later, later))


def _left_of(ax: Axes, y: float, text: str) -> None:
    edge = ax.get_yaxis_transform()
    ax.plot(0.02, y, "x", color=BLACK, ms=6, mew=1.5, transform=edge)
    ax.text(
        0.05, y, f"{text} (study)", va="center", fontsize=8, transform=edge,
        bbox={"fc": "white", "ec": "none", "pad": 0.5}, zorder=3,
    )  # fmt: skip


def _range(ax: Axes, y: float, ends: tuple[float, float]) -> None:
    ax.plot(ends, [y, y], "x-", color=BLACK, ms=6, mew=1.5, lw=1)


def _added(ax: Axes, records: Records) -> None:
    """The setting of the study's diffusion figures, on an axis of its own."""
    lines = [(e, method) for e in EXPERIMENTS for method in ("hybrid", "gaussian")]
    for y, (experiment, method) in enumerate(lines):
        for source, (shift, fill) in _SHIFTS.items():
            found = share(records, f"{experiment}_{source}", method, "augmentation")
            if found is not None:
                score(ax, found, y + shift, COLOURS[method], left=80, form=".0f", fill=fill)
        if method == "gaussian":
            _range(ax, y, _share_of_the_study(records, experiment, "diffusion_r2"))
    ax.axvline(100, color=BLACK, lw=0.8, ls=":")
    ax.set_yticks(range(len(lines)), [f"{e}: {LABELS[m]}" for e, m in lines])
    ax.set(ylim=(len(lines) - 0.4, -0.6), xlim=(80, 112), xlabel="R², % of that of real rows")
    _head(ax, "real rows + 500 synthetic rows")


@styled
def run_figure(records: Records, run: str) -> Figure:
    """Share of the real rows' R² by method in one run, with rows alone.

    Parameters
    ----------
    records : Records
        The committed runs.
    run : str
        Id of a run, such as "013_public".

    Returns
    -------
    Figure
        Means with intervals, of the learner behind the study's figure. The band is the loss that
        the ledger counts as none.
    """
    found = {m: of for m in SHOWN if (of := share(records, run, m)) is not None}
    learner = STUDY_LEARNER[run.partition("_")[0]]
    figure, ax = plt.subplots(figsize=(4.3, 0.3 * len(found) + 0.9), layout="constrained")
    ax.axvspan(95, 105, color="#dddddd", lw=0)
    for y, (method, of) in enumerate(found.items()):
        score(ax, of, y, COLOURS.get(method, GREY), left=0, form=".0f")
    baseline(ax)
    methods_axis(ax, list(found), left=0, right=115)
    ax.set_yticklabels([LABELS[method] for method in found])
    ax.set(xlabel=f"R² kept, % ({LEARNERS[learner]})")
    return figure


def _of_run(run: str) -> Callable[[Records], Figure]:
    def draw(records: Records) -> Figure:
        return run_figure(records, run)

    draw.__module__, draw.__qualname__ = run_figure.__module__, run_figure.__qualname__
    return draw


FIGURES: Mapping[str, Callable[[Records], Figure]] = {
    "overview": overview,
    **{f"run_{run}": _of_run(run) for run, _, _ in runs()},
}
"""By the name of their file in `book/_figures`."""
