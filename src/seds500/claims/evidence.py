"""What the claims of the original study are tested with: thresholds, figures and tests.

Thresholds stand in `Thresholds` alone. They were set before the committed records were made, with
earlier runs in view. The claims themselves, in their words, are in `seds500.claims.study`. Where
nothing else is said, scores are those of the learner behind the study's figure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from seds500.claims.rule import Need, Region, Test, above, below, within
from seds500.records import EXPERIMENTS, SOURCES, STUDY_LEARNER, Measured, Records, runs, title

Figures = Mapping[tuple[str, str], Measured]
Tests = Callable[[Records], Sequence[Test]]


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
    "tolerance": (".0%", "a loss or gain of R², as a share of the real rows', that counts as none"),
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

_SAME = above(100 * (1 - THRESHOLDS.tolerance))  # percent of the real rows' R²
_FAILS, _WORKS_AT_ALL = below(THRESHOLDS.failure), above(THRESHOLDS.failure)
_NEAR = below(THRESHOLDS.distance)
_NO_COPIES = below(THRESHOLDS.copies)

_KEPT = "R² kept with HybridDiffusion's rows alone, in percent of real rows"
_CHAPTER = "why_smogn_fails"


# Figures ------------------------------------------------------------------------------------


def _grid(
    look: Callable[[str], Measured],
    experiments: Iterable[str] = EXPERIMENTS,
    *,
    only: Callable[[str], bool] = lambda run: True,
) -> Figures:
    """A figure for each run that is asked for: sources are the rows, experiments the columns."""
    return {
        (SOURCES[source], experiment): look(run)
        for run, experiment, source in runs()
        if experiment in tuple(experiments) and only(run)
    }


def _beyond_chance(records: Records, run: str, method: str) -> float:
    """Share of rows equal to one of as many training rows as test rows, minus to a test row."""
    copies, chance = (
        records.fidelity(run, method, metric).value
        for metric in ("copies_of_as_many", "copies_of_test")
    )
    return copies - chance


def _card(records: Records, run: str) -> Measured:
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


def _attacked(records: Records, run: str, method: str, row: str) -> Measured:
    """A row of the report card on a method's table: value and interval of its worst attack."""
    found = records.value(f"privacy.cards.{run}.{method}.{row}")
    return Measured(found["value"], found["low"], found["high"])


def _copula_advantage(records: Records, run: str) -> Measured:
    """R² kept with HybridDiffusion's rows minus that with a Gaussian copula's, in percent."""
    copula = f"benchmark_other_packages.{run}.utility.replacement.gaussian_copula"
    learner = STUDY_LEARNER[run.partition("_")[0]]
    rival = records.measured(f"{copula}.{learner}.r2", of="percent")
    return records.share(run, "hybrid").minus(rival)


def _worst_learner(records: Records, run: str, method: str) -> Measured:
    """R² of the learner that does worst on a method's rows alone."""
    learners = records.value(f"{run}.utility.replacement.{method}")
    return min((records.score(run, method, learner=key) for key in learners), key=lambda r: r.value)


def reported_share(records: Records, experiment: str, figure: str) -> tuple[float, float]:
    """A figure of the study, lower and upper end, in percent of its figure for real rows."""
    reported = records.value(f"published.{experiment}.reported")
    ends = reported[figure] if isinstance(reported[figure], list) else [reported[figure]]
    shares = [100 * end / reported["original_r2"] for end in ends]
    return min(shares), max(shares)


def working_share(records: Records) -> float:
    """The least share of the real rows' R², in percent, that the study itself calls working.

    On few features, says its key finding, both methods work. The least of these is SMOGN's lower
    figure on 012.
    """
    low, _ = reported_share(records, "012", "smogn_r2")
    return low


# Tests of one kind of figure ------------------------------------------------------------------


def _kept(
    records: Records,
    region: Region,
    experiments: Iterable[str] = EXPERIMENTS,
    *,
    method: str = "hybrid",
    setting: str = "replacement",
    what: str = _KEPT,
    form: str = ".0f",
    need: Need = "every",
) -> Test:
    """R² in percent of the real rows', with HybridDiffusion's rows or a method's."""
    look = _grid(lambda run: records.share(run, method, setting=setting), experiments)
    return Test(what, region, look, form, need)


def _ahead(
    records: Records, method: str, what: str, region: Region, experiments: Iterable[str]
) -> Test:
    """R² with HybridDiffusion's rows alone minus that with a method's, paired by split."""
    figures = _grid(lambda run: records.advantage(run, method), experiments)
    return Test(f"R² with HybridDiffusion's rows minus that with {what}", region, figures, "+.2f")


def _fidelity(
    records: Records,
    metric: str,
    what: str,
    region: Region,
    experiments: Iterable[str] = EXPERIMENTS,
    *,
    method: str = "hybrid",
    form: str = ".2f",
) -> Test:
    """A fidelity metric; tables without categories have no total variation."""
    figures = _grid(
        lambda run: records.fidelity(run, method, metric),
        experiments,
        only=lambda run: records.has(f"{run}.fidelity.{method}.{metric}"),
    )
    return Test(what, region, figures, form)


def _copies_beyond_chance(records: Records, what: str) -> Test:
    figures = _grid(lambda run: Measured(_beyond_chance(records, run, "hybrid")))
    return Test(what, _NO_COPIES, figures, ".2%")


# The tests of each claim ----------------------------------------------------------------------


def diffusion_cell(experiment: str) -> Tests:
    """The study's diffusion figure on one experiment, in both settings."""

    def tests(records: Records) -> Sequence[Test]:
        region = _around(*reported_share(records, experiment, "diffusion_r2"))
        settings = {
            "replacement": "alone",
            "augmentation": "added to the real ones, as the study measured it",
        }
        return [
            _kept(
                records,
                region,
                [experiment],
                setting=setting,
                what=f"R² with HybridDiffusion's rows {words}, in percent of real rows",
            )
            for setting, words in settings.items()
        ]

    return tests


def smogn_cell(experiment: str) -> Tests:
    """The study's SMOGN figure on one experiment: what it made of the rows is unknown."""

    def tests(records: Records) -> Sequence[Test]:
        region = _FAILS
        if isinstance(records.value(f"published.{experiment}.reported").get("smogn_r2"), list):
            region = _around(*reported_share(records, experiment, "smogn_r2"))
        parts = {"smogn_extreme": "whole output", "smogn_extreme_synthetic": "synthetic rows alone"}
        found = [
            _kept(
                records,
                region,
                [experiment],
                method=method,
                what=f"R² with SMOGN's {words}, in percent of real rows",
            )
            for method, words in parts.items()
        ]
        arms = f"{_CHAPTER}.arms.{experiment}_standin"
        if records.has(f"{arms}.random_categories"):
            learner = STUDY_LEARNER[experiment]
            figures = {
                (SOURCES["standin"], words): records.measured(
                    f"{arms}.{arm}.{learner}", of="percent"
                )
                for arm, words in zip(
                    ("random_categories", "raw_synthetic"), parts.values(), strict=True
                )
            }
            what = "the same as the study ran it: numbers only, categories drawn at random"
            found.append(Test(what, region, figures, ".0f"))
        return found

    return tests


def _around(low: float, high: float) -> Region:
    """From low to high, give or take the tolerance, in percent."""
    return Region(low - 100 * THRESHOLDS.tolerance, high + 100 * THRESHOLDS.tolerance)


def no_actual_records(records: Records) -> Sequence[Test]:
    """Copies of training rows, literally, beyond chance, and as the attacks count them."""
    return [
        _fidelity(records, "copies", "share of rows equal to a training row", below(0), form=".2%"),
        _copies_beyond_chance(
            records,
            "the share equal to one of as many training rows as there are test rows, minus the "
            "share equal to a test row",
        ),
        Test(
            "rows equal to a training row in all columns or in all features, minus the same for "
            "as many unseen rows; the larger excess",
            _NO_COPIES,
            _grid(lambda run: _attacked(records, run, "hybrid", "copies")),
            ".2%",
        ),
    ]


def realistic_data(records: Records) -> Sequence[Test]:
    """What a second sample of real rows keeps, where there is one."""
    what = "R² kept with a second sample of real rows, in percent of the training rows'"
    figures = _grid(
        lambda run: records.share(run, "second_sample"),
        only=lambda run: records.has(f"{run}.utility.replacement.second_sample"),
    )
    return [Test(what, _SAME, figures, ".0f")]


def better_than_traditional(records: Records) -> Sequence[Test]:
    """HybridDiffusion against SMOGN, interpolation and a Gaussian copula."""
    rivals = {
        "smogn_extreme": "SMOGN's, extreme",
        "smogn_balance": "SMOGN's, balance",
        "interpolation": "interpolated ones",
    }
    copula = (
        "R² kept with HybridDiffusion's rows minus that with a Gaussian copula's, in percent "
        "of real rows; intervals of both combined"
    )
    return [
        *(
            _ahead(records, method, f"{words}, each alone", above(0), EXPERIMENTS)
            for method, words in rivals.items()
        ),
        Test(copula, above(0), _grid(lambda run: _copula_advantage(records, run)), "+.0f"),
    ]


def numbers_of_features(records: Records) -> Sequence[Test]:
    """The study's columns against its own later description of them."""
    return [
        Test(
            f"features of {experiment} before they are encoded",
            within(claimed, 0),
            {("", experiment): Measured(records.value(f"published.{experiment}.n_features"))},
            "d",
        )
        for experiment, claimed in (("011", 2), ("012", 5), ("013", 29))
    ]


def tie_on_few(records: Records) -> Sequence[Test]:
    """Both methods on 011 and 012, and their difference."""
    few, works = ("011", "012"), above(working_share(records))
    smogn = "R² kept with SMOGN's whole output, in percent of real rows"
    return [
        _kept(records, works, few),
        _kept(records, works, few, method="smogn_extreme", what=smogn),
        _ahead(records, "smogn_extreme", "SMOGN's", within(0, THRESHOLDS.tie), few),
    ]


def failure_on_many(records: Records) -> Sequence[Test]:
    """SMOGN and HybridDiffusion on 013."""
    figures = _grid(lambda run: records.score(run, "smogn_extreme"), ["013"])
    return [Test("R² with SMOGN's whole output", _FAILS, figures), _kept(records, _SAME, ["013"])]


def interpolation(records: Records) -> Sequence[Test]:
    """Interpolation without SMOGN's choice of rows."""
    what = (
        "R² kept with interpolation alone, rows drawn evenly, in percent of real rows; the "
        "learner that does best on real rows"
    )
    figures = _grid(
        lambda run: records.measured(f"{_CHAPTER}.arms.{run}.interpolation.best", of="percent")
    )
    return [Test(what, below(_SAME.low), figures, ".0f")]


def between_samples(records: Records) -> Sequence[Test]:
    """How many of its new rows SMOGN interpolates, on a narrow and on a wide table."""
    figures = {}
    for end in ("narrowest", "widest"):
        n = records.value(f"{_CHAPTER}.sweep.irrelevant.{end}.columns")
        figures["", f"{n} columns"] = Measured(records.value(f"{_CHAPTER}.interpolated.{end}"))
    what = "share of its new rows that SMOGN's own rule interpolates; the others are noise"
    return [Test(what, above(THRESHOLDS.majority), figures, ".0%")]


def empty_regions(records: Records) -> Sequence[Test]:
    """How far interpolated rows lie from unseen ones."""
    widest = records.value(f"{_CHAPTER}.sweep.irrelevant.widest.columns")
    figures = {
        ("", title(run)): records.measured(f"{_CHAPTER}.nearest.{run}.interpolation")
        for run in ("013_standin", "013_public")
    }
    figures["", f"{widest} columns"] = records.measured(f"{_CHAPTER}.nearest_swept.widest")
    what = (
        "distance from interpolated rows to the nearest unseen real row, over the same for "
        "training rows"
    )
    return [Test(what, above(1), figures)]


def off_distribution(records: Records) -> Sequence[Test]:
    """A classifier that tells SMOGN's rows from real ones."""
    what, region = "detection AUC of SMOGN's whole output", above(0.5 + THRESHOLDS.detection)
    return [_fidelity(records, "c2st", what, region, method="smogn_extreme")]


_DETECTION = "detection AUC of HybridDiffusion's rows"


def learns_distribution(records: Records) -> Sequence[Test]:
    """A classifier that cannot tell HybridDiffusion's rows from real ones."""
    return [_fidelity(records, "c2st", _DETECTION, below(0.5 + THRESHOLDS.detection))]


def draws_samples(records: Records) -> Sequence[Test]:
    """No sign that the rows are those it was given."""
    return [
        _fidelity(records, "c2st", _DETECTION, above(0.5 - THRESHOLDS.detection)),
        _copies_beyond_chance(records, "rows equal to a training row, beyond chance"),
    ]


def any_dimension(records: Records) -> Sequence[Test]:
    """What HybridDiffusion keeps on every table."""
    return [_kept(records, _SAME)]


def no_steady_gain(records: Records) -> Sequence[Test]:
    """Rows added to the real ones: one table without a gain."""
    what = "R² with HybridDiffusion's rows added to the real ones, in percent of real rows alone"
    region = below(100 * (1 + THRESHOLDS.tolerance))
    return [_kept(records, region, setting="augmentation", what=what, need="one")]


def smogn_breaks(records: Records) -> Sequence[Test]:
    """SMOGN's output, whole or synthetic: one table that teaches nothing."""
    figures = {
        (f"{SOURCES[source]}, {words}", experiment): records.score(run, method)
        for method, words in (
            ("smogn_extreme", "whole output"),
            ("smogn_extreme_synthetic", "synthetic rows alone"),
        )
        for run, experiment, source in runs()
    }
    return [Test("R² with SMOGN's rows", _FAILS, figures, need="one")]


def clear_evidence(records: Records) -> Sequence[Test]:
    """How often the study repeated what it reports."""
    figures = {
        ("", words): Measured(records.value(f"published.reported_settings.n_{words}"))
        for words in ("splits", "seeds")
    }
    return [Test("repetitions behind each of the study's figures", above(2), figures, ".0f")]


def models_work(records: Records) -> Sequence[Test]:
    """What HybridDiffusion keeps, against what the study calls working."""
    return [_kept(records, above(working_share(records)))]


def safer_choice(records: Records) -> Sequence[Test]:
    """HybridDiffusion against SMOGN: what the rows teach, and what they give away."""

    def copies(run: str) -> Measured:
        hybrid, smogn = (_beyond_chance(records, run, m) for m in ("hybrid", "smogn_extreme"))
        return Measured(hybrid - smogn)

    def membership(run: str) -> Measured:
        hybrid, smogn = (
            _attacked(records, run, m, "membership") for m in ("hybrid", "smogn_extreme")
        )
        return hybrid.minus(smogn)

    return [
        _ahead(records, "smogn_extreme", "SMOGN's whole output", above(0), EXPERIMENTS),
        Test(
            "rows equal to a training row, beyond chance: HybridDiffusion's minus SMOGN's",
            below(0),
            _grid(copies),
            "+.2%",
        ),
        Test(
            "AUC of the strongest membership attack, on HybridDiffusion's table minus on SMOGN's; "
            "intervals of both combined",
            below(0),
            _grid(membership),
            "+.2f",
        ),
    ]


def may_be_shared(records: Records) -> Sequence[Test]:
    """The report card of attacks."""
    what = "verdict of the report card of attacks on HybridDiffusion's rows"
    return [Test(what, Region(high=0, name="pass"), _grid(lambda run: _card(records, run)))]


def published_membership(records: Records) -> Sequence[Test]:
    """The attack that the study later published, on both methods."""

    def test(method: str, words: str, published: float) -> Test:
        figures = _grid(
            lambda run: Measured(records.value(f"privacy.cards.{run}.{method}.attacks.dcr.all"))
        )
        what = f"AUC of the attack by the distance to the nearest row, on {words}"
        return Test(what, within(published, THRESHOLDS.membership), figures, ".3f")

    study = records.value("published.membership_inference")
    return [
        test("hybrid", "HybridDiffusion's rows", study["diffusion_auc"]),
        test("smogn_extreme", "SMOGN's whole output", study["smogn_auc"]),
    ]


def never_fails(records: Records) -> Sequence[Test]:
    """The worst learner on every table, and SMOGN's worst on one."""

    def test(method: str, words: str, region: Region, need: Need) -> Test:
        figures = _grid(lambda run: _worst_learner(records, run, method))
        what = f"R² with {words}; the learner that does worst"
        return Test(what, region, figures, need=need)

    return [
        test("hybrid", "HybridDiffusion's rows alone", _WORKS_AT_ALL, "every"),
        test("smogn_extreme", "SMOGN's whole output", _FAILS, "one"),
    ]


_TV = "total variation distance of a category's shares, mean over columns"
_ASSOCIATION = "change of the association of two columns, mean over pairs"


def statistical_properties(records: Records) -> Sequence[Test]:
    """Distances of single columns and of every two."""
    ks = "Kolmogorov-Smirnov distance of a number's distributions, mean over columns"
    metrics = {"ks": ks, "tv": _TV, "association": _ASSOCIATION}
    return [_fidelity(records, metric, what, _NEAR) for metric, what in metrics.items()]


def mixed_types(records: Records) -> Sequence[Test]:
    """Categories, associations and scores on the tables that have both."""
    mixed = ("012", "013")
    return [
        _fidelity(records, "tv", _TV, _NEAR, mixed),
        _fidelity(records, "association", _ASSOCIATION, _NEAR, mixed),
        _kept(records, above(working_share(records)), mixed),
    ]


def many_features(records: Records) -> Sequence[Test]:
    """What HybridDiffusion keeps on the widest table."""
    return [_kept(records, _SAME, ["013"])]


def later_figure(records: Records) -> Sequence[Test]:
    """The share of the baseline that the study published later: its own runs, and those here."""
    later = records.value("published.later_013_replacement")
    region = above(100 * later["tabddpm_style_share_of_baseline"])
    baseline = records.value("published.013.baselines.rf.r2")
    five = later["tabddpm_style_five_runs"]
    share, spread = (100 * five[key] / baseline for key in ("mean", "spread"))
    own = {("the study", "013"): Measured(share, share - spread, share + spread)}
    what = "the study's own five runs, mean and spread, in percent of its figure for real rows"
    return [
        Test(what, region, own, ".1f"),
        *(
            _kept(
                records,
                region,
                ["013"],
                method=method,
                what=f"R² with {words}'s rows alone, in percent of real rows",
                form=".1f",
            )
            for method, words in (("hybrid", "HybridDiffusion"), ("tabddpm", "TabDDPM"))
        ),
    ]
