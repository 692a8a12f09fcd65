"""What the claims of the original study are tested with: thresholds, figures, kinds of test.

Thresholds stand in `Thresholds` alone. They were set after earlier runs had been seen, and before
the committed records were made. The claims themselves, with the tests of each, are in
`seds500.claims.study`. Where nothing else is said, scores are those of the learner behind the
study's figure, and the rows are HybridDiffusion's alone. What is said of diffusion is also tested
on the study's kind of it, Gaussian diffusion, wherever the runs of the experiments have what is
asked. What is said of SMOGN is tested on its whole output and on its synthetic rows only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from seds500.claims.rule import Need, Region, Test, TestOf, above, below, within
from seds500.comparisons import LITERATURE
from seds500.methods import METHOD_LABELS, OPTIONAL
from seds500.records import EXPERIMENTS, SOURCES, STUDY_LEARNER, Measured, Records, runs, title

Figures = Mapping[tuple[str, str], Measured]
Look = Callable[[Records, str], Measured]
"""From records and the id of a run to a figure."""
Sought = Region | Callable[[Records], Region]
"""A region, or where the records give it."""


class Thresholds(NamedTuple):
    """Where the regions of the tests begin and end; `REASONS` says what each is for."""

    tolerance: float = 0.05
    tie: float = 0.05
    failure: float = 0.0
    detection: float = 0.05
    distance: float = 0.05
    copies: float = 0.005
    membership: float = 0.02
    majority: float = 0.5


THRESHOLDS = Thresholds()

REASONS: Mapping[str, tuple[str, str]] = {
    "tolerance": (
        ".0%",
        "the largest loss or gain of R², relative to that of real rows, that is counted as none",
    ),
    "tie": (".2f", "a difference of two methods' R² that counts as a tie"),
    "failure": (".0f", "an R² at which a model is no better than guessing the mean"),
    "detection": (".2f", "how far from one half the detection AUC of good rows may lie"),
    "distance": (
        ".2f",
        "a distance of one column's distributions, or a change of an association, that counts as "
        "none; two samples of 2,000 real rows differ by about half of it",
    ),
    "copies": (".1%", "rows equal to a training row, beyond chance, that count as none"),
    "membership": (".2f", "a difference from a published membership AUC that counts as none"),
    "majority": (".0%", "what counts as most"),
}
"""Format of each threshold, and what it is for."""

KEEPS = above(100 * (1 - THRESHOLDS.tolerance))
"""Percent of the real rows' R² at which nothing is lost."""
LOSES = below(KEEPS.low)
FAILS, TEACHES = below(THRESHOLDS.failure), above(THRESHOLDS.failure)
NEAR = below(THRESHOLDS.distance)
NO_COPIES = below(THRESHOLDS.copies)

CHAPTER = "why_smogn_fails"
SMOGN = {key: METHOD_LABELS[key] for key in ("smogn_extreme", "smogn_extreme_synthetic")}
"""What the study may have made of SMOGN's output: all of it, or its synthetic rows only."""


# What the study reported ----------------------------------------------------------------------


def reported_share(records: Records, experiment: str, figure: str) -> tuple[float, float]:
    """A figure of the study, lower and upper end, in percent of its figure for real rows."""
    reported = records.value(f"published.{experiment}.reported")
    ends = reported[figure] if isinstance(reported[figure], list) else [reported[figure]]
    shares = [100 * end / reported["original_r2"] for end in ends]
    return min(shares), max(shares)


def as_reported(experiment: str, figure: str) -> Callable[[Records], Region]:
    """The region of a figure of the study, give or take the tolerance, in percent."""

    def region(records: Records) -> Region:
        low, high = reported_share(records, experiment, figure)
        return Region(low - 100 * THRESHOLDS.tolerance, high + 100 * THRESHOLDS.tolerance)

    return region


def working_share(records: Records) -> float:
    """The least share of the real rows' R², in percent, that the study itself calls working.

    On few features, says its key finding, both methods work. The least of these is SMOGN's lower
    figure on 012.
    """
    return reported_share(records, "012", "smogn_r2")[0]


def works(records: Records) -> Region:
    """The region from `working_share` on."""
    return above(working_share(records))


# Figures of a run -------------------------------------------------------------------------------


def beyond_chance(records: Records, run: str, method: str = "hybrid") -> Measured:
    """Share of rows equal to one of as many training rows as test rows, minus to a test row."""
    copies, chance = (
        records.fidelity(run, method, f"copies_of_{what}").value for what in ("as_many", "test")
    )
    return Measured(copies - chance)


def report_card(records: Records, run: str) -> Measured:
    """The report card's verdict on HybridDiffusion's rows: 0 passes, 1 fails.

    Without the row of the open model, which whoever shares a table does not share. A card that is
    void settles nothing.
    """
    rows = records.value(f"privacy.cards.{run}.hybrid")
    verdicts = [
        row["verdict"]
        for key, row in rows.items()
        if key != "white_box" and isinstance(row, dict) and "verdict" in row
    ]
    if records.value(f"privacy.cards.{run}.void"):
        return Measured(0.5, 0, 1, "void")
    if "fail" in verdicts:
        return Measured(1, text=f"fail in {verdicts.count('fail')} of {len(verdicts)} rows")
    if "inconclusive" in verdicts:
        return Measured(0.5, 0, 1, "inconclusive")
    return Measured(0, text="pass")


def attacked(records: Records, run: str, method: str, row: str) -> Measured:
    """A row of the report card on a method's table: value and interval of its worst attack."""
    found = records.value(f"privacy.cards.{run}.{method}.{row}")
    return unless_void(records, run, Measured.of(found, "value"))


def unless_void(records: Records, run: str, found: Measured) -> Measured:
    """What an attack found; a figure that settles nothing where the controls came out wrong."""
    if records.value(f"privacy.cards.{run}.void"):
        return Measured(found.value, -math.inf, math.inf, "void")
    return found


def copula_advantage(records: Records, run: str) -> Measured:
    """R² kept with HybridDiffusion's rows minus that with a Gaussian copula's, in percent."""
    copula = f"benchmark_other_packages.{run}.utility.replacement.gaussian_copula"
    learner = STUDY_LEARNER[run.partition("_")[0]]
    rival = records.measured(f"{copula}.{learner}.r2", of="percent")
    return records.share(run, "hybrid").minus(rival)


# Kinds of test ----------------------------------------------------------------------------------


def both(test: Callable[..., TestOf], *given: Any, **settings: Any) -> tuple[TestOf, ...]:
    """A test of HybridDiffusion's rows, and the same of those of the study's kind of diffusion."""
    return tuple(test(*given, method=method, **settings) for method in ("hybrid", "gaussian"))


def _of(method: str, what: str) -> str:
    return what.replace("HybridDiffusion", METHOD_LABELS[method]) if method == "gaussian" else what


def on(
    what: str,
    region: Sought,
    figures: Callable[[Records], Figures],
    form: str = ".2f",
    *,
    need: Need = "every",
) -> TestOf:
    """A test as `seds500.claims.rule.Test` has it, of figures and a region from the records."""
    return lambda records: Test(
        what, region(records) if callable(region) else region, figures(records), form, need
    )


def on_runs(
    what: str,
    region: Sought,
    look: Look,
    form: str = ".2f",
    *,
    experiments: Iterable[str] = EXPERIMENTS,
    need: Need = "every",
    only: Callable[[Records, str], bool] = lambda records, run: True,
) -> TestOf:
    """A test of a figure for each run: sources are the rows of its table, experiments the columns.

    Parameters
    ----------
    what, region, form, need
        As for `seds500.claims.rule.Test`; the region may come from the records.
    look : callable
        From records and the id of a run to its figure.
    experiments : iterable of str, default=EXPERIMENTS
        Those whose runs are asked for.
    only : callable, optional
        From records and the id of a run to whether it has the figure.
    """
    known = tuple(experiments)

    def figures(records: Records) -> Figures:
        return {
            (SOURCES[source], experiment): look(records, run)
            for run, experiment, source in runs()
            if experiment in known and only(records, run)
        }

    return on(what, region, figures, form, need=need)


def kept(
    region: Sought,
    experiments: Iterable[str] = EXPERIMENTS,
    *,
    method: str = "hybrid",
    setting: str = "replacement",
    what: str = "R² kept with HybridDiffusion's rows alone, in percent of real rows",
    form: str = ".0f",
    need: Need = "every",
) -> TestOf:
    """R² in percent of the real rows'; a run that lacks the method has no figure, if any has it."""

    def look(records: Records, run: str) -> Measured:
        return records.share(run, method, setting=setting)

    def only(records: Records, run: str) -> bool:
        # Public tables of few rows have no second sample.
        return method != "second_sample" or records.has(f"{run}.utility.{setting}.{method}")

    what = _of(method, what)
    return on_runs(what, region, look, form, experiments=experiments, need=need, only=only)


def literature_kept(region: Sought, experiments: Iterable[str]) -> TestOf:
    """R² kept with the rows of the literature's models, trained for minutes on one core."""
    known = tuple(experiments)

    def figures(records: Records) -> Figures:
        return {
            (f"{METHOD_LABELS[method]} ({SOURCES[source]})", experiment): Measured.of(
                records.value(f"{LITERATURE}.{run}_{method}.{STUDY_LEARNER[experiment]}"), "percent"
            )
            for run, experiment, source in runs()
            for method in OPTIONAL
            if experiment in known and records.has(f"{LITERATURE}.{run}_{method}")
        }

    what = (
        f"R² kept on {' and '.join(known)} with the rows of TabSyn, STaSy and TabDiff, in percent "
        "of real rows; these train for minutes on one core here, and their authors for an hour on "
        "a graphics card"
    )
    return on(what, region, figures, ".0f", need="one")


def ahead(method: str, region: Region, experiments: Iterable[str] = EXPERIMENTS) -> TestOf:
    """R² with HybridDiffusion's rows alone minus that with a method's, paired by split."""
    return on_runs(
        f"R² with HybridDiffusion's rows minus that with {METHOD_LABELS[method]}",
        region,
        lambda records, run: records.advantage(run, method),
        "+.2f",
        experiments=experiments,
    )


def fewer_copies(method: str) -> TestOf:
    """Rows equal to a training row beyond chance, HybridDiffusion's minus a method's."""
    return on_runs(
        f"rows equal to a training row, beyond chance: HybridDiffusion's minus those of "
        f"{METHOD_LABELS[method]}",
        below(0),
        lambda records, run: beyond_chance(records, run).minus(beyond_chance(records, run, method)),
        "+.2%",
    )


def less_exposed(method: str) -> TestOf:
    """AUC of the strongest membership attack, on HybridDiffusion's table minus on a method's."""
    return on_runs(
        "AUC of the strongest membership attack, on HybridDiffusion's table minus on that of "
        f"{METHOD_LABELS[method]}; intervals of both combined",
        below(0),
        lambda records, run: attacked(records, run, "hybrid", "membership").minus(
            attacked(records, run, method, "membership")
        ),
        "+.3f",
    )


METRICS: Mapping[str, str] = {
    "copies": "share of HybridDiffusion's rows that equal a training row",
    "ks": "Kolmogorov-Smirnov distance of a number's distribution in HybridDiffusion's rows, mean "
    "over columns",
    "tv": "total variation distance of a category's shares in HybridDiffusion's rows, mean over "
    "columns",
    "association": "change of the association of two columns in HybridDiffusion's rows, mean over "
    "pairs",
    "c2st": "detection AUC of HybridDiffusion's rows",
}


def fidelity(
    metric: str,
    region: Region,
    experiments: Iterable[str] = EXPERIMENTS,
    *,
    method: str = "hybrid",
    what: str = "",
    form: str = ".2f",
) -> TestOf:
    """A fidelity metric; tables without categories have no total variation."""
    return on_runs(
        _of(method, what or METRICS[metric]),
        region,
        lambda records, run: records.fidelity(run, method, metric),
        form,
        experiments=experiments,
        only=lambda records, run: records.has(f"{run}.fidelity.{method}.{metric}"),
    )


def worst(method: str, region: Region, *, need: Need = "every") -> TestOf:
    """R² of the learner that does worst on a method's rows."""

    def look(records: Records, run: str) -> Measured:
        learners = records.value(f"{run}.utility.replacement.{method}")
        scores = [records.score(run, method, learner=key) for key in learners]
        return min(scores, key=lambda score: score.value)

    what = f"R² with the rows of {METHOD_LABELS[method]} alone; the learner that does worst"
    return on_runs(what, region, look, need=need)


def features(experiment: str, claimed: int) -> TestOf:
    """The columns of an experiment, as the study describes them later."""

    def figures(records: Records) -> Figures:
        return {("", experiment): Measured(records.value(f"published.{experiment}.n_features"))}

    return on(f"features of {experiment} before they are encoded", within(claimed, 0), figures, "d")


def smogn_kept(region: Sought, experiment: str) -> tuple[TestOf, ...]:
    """The study's SMOGN figure on one experiment, by what it may have made of the output."""
    return tuple(
        kept(
            region,
            [experiment],
            method=method,
            what=f"R² with {words}, in percent of real rows",
        )
        for method, words in SMOGN.items()
    )


def smogn_score(method: str, region: Region, experiments: Iterable[str]) -> TestOf:
    """R² with SMOGN's output, in one reading of what that is."""
    return on_runs(
        f"R² with {SMOGN[method]}",
        region,
        lambda records, run: records.score(run, method),
        experiments=experiments,
    )


def as_the_study_ran_it(region: Sought, experiment: str) -> TestOf:
    """SMOGN by the study's procedure, on the stand-in for one experiment."""
    arms = {"whole output": "random_categories", "synthetic rows only": "raw_synthetic"}
    learner = STUDY_LEARNER[experiment]

    def figures(records: Records) -> Figures:
        chapter = f"{CHAPTER}.arms.{experiment}_standin"
        return {
            (SOURCES["standin"], words): records.measured(
                f"{chapter}.{arm}.{learner}", of="percent"
            )
            for words, arm in arms.items()
        }

    what = "the same as the study ran it: numbers only, categories drawn at random"
    return on(what, region, figures, ".0f")


def diffusion_kept(experiment: str) -> tuple[TestOf, ...]:
    """The study's diffusion figure on one experiment, in both settings."""
    settings = {
        "replacement": "alone",
        "augmentation": "added to the real ones, as the study measured it",
    }
    return tuple(
        test
        for setting, words in settings.items()
        for test in both(
            kept,
            as_reported(experiment, "diffusion_r2"),
            [experiment],
            setting=setting,
            what=f"R² with HybridDiffusion's rows {words}, in percent of real rows",
        )
    )


def published_attack(method: str, figure: str) -> TestOf:
    """The membership attack that the study later published, on a method's table."""

    def look(records: Records, run: str) -> Measured:
        found = records.value(f"privacy.cards.{run}.{method}.attacks.dcr.all")
        return unless_void(records, run, Measured(found))

    def region(records: Records) -> Region:
        published = records.value(f"published.membership_inference.{figure}")
        return within(published, THRESHOLDS.membership)

    what = f"AUC of the attack by the distance to the nearest row, on {METHOD_LABELS[method]}"
    return on_runs(what, region, look, ".3f")


# Figures that only one claim needs ----------------------------------------------------------------


def smogn_scores(records: Records) -> Figures:
    """R² with SMOGN's output on every table, whole and synthetic."""
    return {
        (f"{words} ({SOURCES[source]})", experiment): records.score(run, method)
        for method, words in SMOGN.items()
        for run, experiment, source in runs()
    }


def interpolated(records: Records) -> Figures:
    """How many of its new rows SMOGN interpolates, on a narrow and on a wide table."""
    return {
        ("", f"{records.value(f'{CHAPTER}.sweep.irrelevant.{end}.columns')} columns"): Measured(
            records.value(f"{CHAPTER}.interpolated.{end}")
        )
        for end in ("narrowest", "widest")
    }


def nearest(records: Records) -> Figures:
    """How far interpolated rows lie from unseen ones, over the same for training rows."""
    widest = records.value(f"{CHAPTER}.sweep.irrelevant.widest.columns")
    return {
        ("", title(run)): records.measured(f"{CHAPTER}.nearest.{run}.interpolation")
        for run in ("013_standin", "013_public")
    } | {("", f"{widest} columns"): records.measured(f"{CHAPTER}.nearest_swept.widest")}


def repetitions(records: Records) -> Figures:
    """How often the study repeated what it reports."""
    return {
        ("", words): Measured(records.value(f"published.reported_settings.n_{words}"))
        for words in ("splits", "seeds")
    }


def later_share(records: Records) -> Region:
    """The share of the baseline that the study published later."""
    later = records.value("published.later_013_replacement")
    return above(100 * later["tabddpm_style_share_of_baseline"])


def later_runs(records: Records) -> Figures:
    """The study's own five runs of it, mean and spread, in percent of its figure for real rows."""
    five = records.value("published.later_013_replacement.tabddpm_style_five_runs")
    baseline = records.value("published.013.baselines.rf.r2")
    share, spread = (100 * five[key] / baseline for key in ("mean", "spread"))
    return {("the study", "013"): Measured(share, share - spread, share + spread)}
