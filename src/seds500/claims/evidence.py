"""What the claims of the original study are tested with: thresholds, figures and tests.

Thresholds stand in `Thresholds` alone. They were set before the committed records were made, with
earlier runs in view. The claims themselves, in their words, are in `seds500.claims.study`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from seds500.claims.rule import Region, Test, above, below, within
from seds500.records.committed import (
    EXPERIMENTS,
    SOURCES,
    STUDY_LEARNER,
    Measured,
    Records,
    runs,
    title,
)

Figures = Mapping[tuple[str, str], Measured]


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

_SAME = 100 * (1 - THRESHOLDS.tolerance)  # percent of the real rows' R²

PRIVACY = "privacy"
OTHER_PACKAGES = "benchmark_other_packages"
"""Ids of records that come from neither the three experiments nor the chapter on SMOGN."""

AWAITED: frozenset[str] = frozenset()
"""Records that are not committed yet. A claim does without one of these while it is missing; any
other that is missing is an error. To be removed from here as they come."""


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


def _shares(
    records: Records,
    method: str,
    experiments: Iterable[str] = EXPERIMENTS,
    *,
    setting: str = "replacement",
) -> Figures:
    """R² in percent of the real rows', with the learner behind the study's figure."""
    return _grid(lambda run: records.share(run, method, setting=setting), experiments)


def _scores(records: Records, method: str, experiments: Iterable[str] = EXPERIMENTS) -> Figures:
    """R² of models trained on a method's rows alone, with the learner behind the study's figure."""
    return _grid(lambda run: records.score(run, method), experiments)


def _advantages(records: Records, method: str, experiments: Iterable[str] = EXPERIMENTS) -> Figures:
    """R² with HybridDiffusion's rows alone minus that with a method's, paired by split."""
    return _grid(lambda run: records.advantage(run, method), experiments)


def _fidelity(
    records: Records, method: str, metric: str, experiments: Iterable[str] = EXPERIMENTS
) -> Figures:
    """A fidelity metric; tables without categories have no total variation."""
    return _grid(
        lambda run: records.fidelity(run, method, metric),
        experiments,
        only=lambda run: records.has(f"{run}.fidelity.{method}.{metric}"),
    )


def _beyond_chance(records: Records, run: str, method: str) -> float:
    """Share of rows equal to one of as many training rows as test rows, minus to a test row."""
    copies, chance = (
        records.fidelity(run, method, metric).value
        for metric in ("copies_of_as_many", "copies_of_test")
    )
    return copies - chance


def is_there(records: Records, name: str) -> bool:
    """Whether to use a record: unless it is awaited, its absence is for the look-up to report."""
    return name not in AWAITED or records.exists(name)


def _card(records: Records, run: str) -> Measured:
    """The report card's verdict on HybridDiffusion's rows: 0 passes, 1 fails.

    Without the row of the open model, which whoever shares a table does not share. A card that is
    void settles nothing.
    """
    card = f"{PRIVACY}.cards.{run}"
    rows = [
        row
        for key, row in records.value(f"{card}.hybrid").items()
        if key != "white_box" and isinstance(row, dict) and "verdict" in row
    ]
    verdicts = [row["verdict"] for row in rows]
    if records.value(f"{card}.void"):
        return Measured(0.5, 0, 1, "void")
    if "fail" in verdicts:
        return Measured(1, text=f"fail in {verdicts.count('fail')} of {len(rows)} rows")
    if "inconclusive" in verdicts:
        return Measured(0.5, 0, 1, "inconclusive")
    return Measured(0, text="pass")


def _attacked(records: Records, run: str, method: str, row: str) -> Measured:
    """A row of the report card on a method's table: value and interval of its worst attack."""
    found = records.value(f"{PRIVACY}.cards.{run}.{method}.{row}")
    return Measured(found["value"], found["low"], found["high"])


def _copula_advantage(records: Records, run: str) -> Measured:
    """R² kept with HybridDiffusion's rows minus that with a Gaussian copula's, in percent."""
    experiment = run.partition("_")[0]
    utility = f"{OTHER_PACKAGES}.{run}.utility.replacement.gaussian_copula"
    copula = records.measured(f"{utility}.{STUDY_LEARNER[experiment]}.r2", of="percent")
    return records.share(run, "hybrid").minus(copula)


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


# Tests --------------------------------------------------------------------------------------


def _cell_of_diffusion(experiment: str) -> Callable[[Records], Sequence[Test]]:
    """Tests of the study's diffusion figure on one experiment, in both settings."""

    def tests(records: Records) -> Sequence[Test]:
        low, high = reported_share(records, experiment, "diffusion_r2")
        region = Region(low - 100 * THRESHOLDS.tolerance, high + 100 * THRESHOLDS.tolerance)
        return [
            Test(
                f"R² with HybridDiffusion's rows {words}, in percent of real rows",
                region,
                _shares(records, "hybrid", [experiment], setting=setting),
                form=".0f",
            )
            for setting, words in (
                ("replacement", "alone"),
                ("augmentation", "added to the real ones, as the study measured it"),
            )
        ]

    return tests


def _cell_of_smogn(experiment: str) -> Callable[[Records], Sequence[Test]]:
    """Tests of the study's SMOGN figure on one experiment: what it made of the rows is unknown."""

    def tests(records: Records) -> Sequence[Test]:
        region = below(THRESHOLDS.failure)
        if isinstance(records.value(f"published.{experiment}.reported").get("smogn_r2"), list):
            low, high = reported_share(records, experiment, "smogn_r2")
            region = Region(low - 100 * THRESHOLDS.tolerance, high + 100 * THRESHOLDS.tolerance)
        found = [
            Test(
                f"R² with SMOGN's {words}, in percent of real rows",
                region,
                _shares(records, method, [experiment]),
                form=".0f",
            )
            for method, words in (
                ("smogn_extreme", "whole output"),
                ("smogn_extreme_synthetic", "synthetic rows alone"),
            )
        ]
        arms = f"why_smogn_fails.arms.{experiment}_standin"
        if records.has(f"{arms}.random_categories"):
            learner = STUDY_LEARNER[experiment]
            figures = {
                (SOURCES["standin"], words): records.measured(
                    f"{arms}.{arm}.{learner}", of="percent"
                )
                for arm, words in (
                    ("random_categories", "whole output"),
                    ("raw_synthetic", "synthetic rows alone"),
                )
            }
            what = "the same as the study ran it: numbers only, categories drawn at random"
            found.append(Test(what, region, figures, form=".0f"))
        return found

    return tests


def _no_actual_records(records: Records) -> Sequence[Test]:
    tests = [
        Test(
            "share of rows equal to a training row",
            below(0),
            _fidelity(records, "hybrid", "copies"),
            form=".2%",
        ),
        Test(
            "the share equal to one of as many training rows as there are test rows, minus the "
            "share equal to a test row",
            below(THRESHOLDS.copies),
            _grid(lambda run: Measured(_beyond_chance(records, run, "hybrid"))),
            form=".2%",
        ),
    ]
    if is_there(records, PRIVACY):
        what = (
            "rows equal to a training row in all columns or in all features, minus the same for "
            "as many unseen rows; the larger excess"
        )
        excess = _grid(lambda run: _attacked(records, run, "hybrid", "copies"))
        tests.append(Test(what, below(THRESHOLDS.copies), excess, form=".2%"))
    return tests


def _realistic_data(records: Records) -> Sequence[Test]:
    return [
        Test(
            "R² kept with a second sample of real rows, in percent of the training rows'",
            above(_SAME),
            _grid(
                lambda run: records.share(run, "second_sample"),
                only=lambda run: records.has(f"{run}.utility.replacement.second_sample"),
            ),
            form=".0f",
        )
    ]


def _better_than_traditional(records: Records) -> Sequence[Test]:
    tests = [
        Test(
            f"R² with HybridDiffusion's rows minus that with {words}, each alone",
            above(0),
            _advantages(records, method),
            form="+.2f",
        )
        for method, words in (
            ("smogn_extreme", "SMOGN's, extreme"),
            ("smogn_balance", "SMOGN's, balance"),
            ("interpolation", "interpolated ones"),
        )
    ]
    if is_there(records, OTHER_PACKAGES):
        what = (
            "R² kept with HybridDiffusion's rows minus that with a Gaussian copula's, in percent "
            "of real rows; intervals of both combined"
        )
        figures = _grid(lambda run: _copula_advantage(records, run))
        tests.append(Test(what, above(0), figures, form="+.0f"))
    return tests


def _numbers_of_features(records: Records) -> Sequence[Test]:
    return [
        Test(
            f"features of {experiment} before they are encoded",
            within(claimed, 0),
            {("", experiment): Measured(records.value(f"published.{experiment}.n_features"))},
            form="d",
        )
        for experiment, claimed in (("011", 2), ("012", 5), ("013", 29))
    ]


def _tie_on_few_features(records: Records) -> Sequence[Test]:
    few, works = ("011", "012"), above(working_share(records))
    return [
        Test(
            "R² kept with HybridDiffusion's rows alone, in percent of real rows",
            works,
            _shares(records, "hybrid", few),
            form=".0f",
        ),
        Test(
            "R² kept with SMOGN's whole output, in percent of real rows",
            works,
            _shares(records, "smogn_extreme", few),
            form=".0f",
        ),
        Test(
            "R² with HybridDiffusion's rows minus that with SMOGN's",
            within(0, THRESHOLDS.tie),
            _advantages(records, "smogn_extreme", few),
            form="+.2f",
        ),
    ]


def _failure_on_many_features(records: Records) -> Sequence[Test]:
    return [
        Test(
            "R² with SMOGN's whole output",
            below(THRESHOLDS.failure),
            _scores(records, "smogn_extreme", ["013"]),
        ),
        Test(
            "R² kept with HybridDiffusion's rows alone, in percent of real rows",
            above(_SAME),
            _shares(records, "hybrid", ["013"]),
            form=".0f",
        ),
    ]


def _interpolation_is_the_cause(records: Records) -> Sequence[Test]:
    return [
        Test(
            "R² kept with interpolation alone, rows drawn evenly, in percent of real rows; the "
            "learner that does best on real rows",
            below(_SAME),
            _grid(
                lambda run: records.measured(
                    f"why_smogn_fails.arms.{run}.interpolation.best", of="percent"
                )
            ),
            form=".0f",
        )
    ]


def _between_existing_samples(records: Records) -> Sequence[Test]:
    columns = {
        end: records.value(f"why_smogn_fails.sweep.irrelevant.{end}.columns")
        for end in ("narrowest", "widest")
    }
    figures = {
        ("", f"{n} columns"): Measured(records.value(f"why_smogn_fails.interpolated.{end}"))
        for end, n in columns.items()
    }
    what = "share of its new rows that SMOGN's own rule interpolates; the others are noise"
    return [Test(what, above(THRESHOLDS.majority), figures, form=".0%")]


def _empty_regions(records: Records) -> Sequence[Test]:
    widest = records.value("why_smogn_fails.sweep.irrelevant.widest.columns")
    figures = {
        ("", title(run)): records.measured(f"why_smogn_fails.nearest.{run}.interpolation")
        for run in ("013_standin", "013_public")
    }
    figures["", f"{widest} columns"] = records.measured("why_smogn_fails.nearest_swept.widest")
    what = (
        "distance from interpolated rows to the nearest unseen real row, over the same for "
        "training rows"
    )
    return [Test(what, above(1), figures)]


def _off_the_distribution(records: Records) -> Sequence[Test]:
    return [
        Test(
            "detection AUC of SMOGN's whole output",
            above(0.5 + THRESHOLDS.detection),
            _fidelity(records, "smogn_extreme", "c2st"),
        )
    ]


def _learns_the_distribution(records: Records) -> Sequence[Test]:
    return [
        Test(
            "detection AUC of HybridDiffusion's rows",
            below(0.5 + THRESHOLDS.detection),
            _fidelity(records, "hybrid", "c2st"),
        )
    ]


def _draws_samples(records: Records) -> Sequence[Test]:
    return [
        Test(
            "detection AUC of HybridDiffusion's rows",
            above(0.5 - THRESHOLDS.detection),
            _fidelity(records, "hybrid", "c2st"),
        ),
        Test(
            "rows equal to a training row, beyond chance",
            below(THRESHOLDS.copies),
            _grid(lambda run: Measured(_beyond_chance(records, run, "hybrid"))),
            form=".2%",
        ),
    ]


def _in_high_dimension(records: Records) -> list[Test]:
    """HybridDiffusion on the swept dimension, if the sweep of that chapter has it."""
    sweep = "why_smogn_fails.sweep"
    if not records.has(f"{sweep}.irrelevant.widest.hybrid"):
        return []
    figures = {
        (f"{kind} columns", f"{records.value(f'{sweep}.{kind}.{end}.columns')}"): records.measured(
            f"{sweep}.{kind}.{end}.hybrid.gb", of="percent"
        )
        for kind in ("irrelevant", "informative")
        for end in ("narrowest", "widest")
    }
    what = (
        "R² kept with HybridDiffusion's rows as columns are added, in percent of real rows; "
        "gradient boosting"
    )
    return [Test(what, above(_SAME), figures, form=".0f")]


def _whatever_the_dimension(records: Records) -> Sequence[Test]:
    kept = Test(
        "R² kept with HybridDiffusion's rows alone, in percent of real rows",
        above(_SAME),
        _shares(records, "hybrid"),
        form=".0f",
    )
    return [kept, *_in_high_dimension(records)]


def _no_steady_gain(records: Records) -> Sequence[Test]:
    return [
        Test(
            "R² with HybridDiffusion's rows added to the real ones, in percent of real rows alone",
            below(100 * (1 + THRESHOLDS.tolerance)),
            _shares(records, "hybrid", setting="augmentation"),
            form=".0f",
            need="one",
        )
    ]


def _smogn_breaks_models(records: Records) -> Sequence[Test]:
    figures = {
        (f"{SOURCES[source]}, {words}", experiment): records.score(run, method)
        for method, words in (
            ("smogn_extreme", "whole output"),
            ("smogn_extreme_synthetic", "synthetic rows alone"),
        )
        for run, experiment, source in runs()
    }
    return [Test("R² with SMOGN's rows", below(THRESHOLDS.failure), figures, need="one")]


def _clear_evidence(records: Records) -> Sequence[Test]:
    figures = {
        ("", words): Measured(records.value(f"published.reported_settings.{key}"))
        for key, words in (("n_splits", "splits"), ("n_seeds", "seeds"))
    }
    return [Test("repetitions behind each of the study's figures", above(2), figures, form=".0f")]


def _models_work(records: Records) -> Sequence[Test]:
    return [
        Test(
            "R² kept with HybridDiffusion's rows alone, in percent of real rows",
            above(working_share(records)),
            _shares(records, "hybrid"),
            form=".0f",
        )
    ]


def _safer_choice(records: Records) -> Sequence[Test]:
    tests = [
        Test(
            "R² with HybridDiffusion's rows minus that with SMOGN's whole output",
            above(0),
            _advantages(records, "smogn_extreme"),
            form="+.2f",
        ),
        Test(
            "rows equal to a training row, beyond chance: HybridDiffusion's minus SMOGN's",
            below(0),
            _grid(
                lambda run: Measured(
                    _beyond_chance(records, run, "hybrid")
                    - _beyond_chance(records, run, "smogn_extreme")
                )
            ),
            form="+.2%",
        ),
    ]
    if is_there(records, PRIVACY):
        what = (
            "AUC of the strongest membership attack, on HybridDiffusion's table minus on SMOGN's; "
            "intervals of both combined"
        )
        figures = _grid(
            lambda run: _attacked(records, run, "hybrid", "membership").minus(
                _attacked(records, run, "smogn_extreme", "membership")
            )
        )
        tests.append(Test(what, below(0), figures, form="+.2f"))
    return tests


def _may_be_shared(records: Records) -> Sequence[Test]:
    if not is_there(records, PRIVACY):
        return []
    what = "verdict of the report card of attacks on HybridDiffusion's rows"
    return [Test(what, Region(high=0, name="pass"), _grid(lambda run: _card(records, run)))]


def _published_membership(records: Records) -> Sequence[Test]:
    if not is_there(records, PRIVACY):
        return []

    def found(run: str, method: str) -> Measured:
        return Measured(records.value(f"{PRIVACY}.cards.{run}.{method}.attacks.dcr.all"))

    study = records.value("published.membership_inference")
    what = "AUC of the attack by the distance to the nearest row, on"
    return [
        Test(
            f"{what} HybridDiffusion's rows",
            within(study["diffusion_auc"], THRESHOLDS.membership),
            _grid(lambda run: found(run, "hybrid")),
            form=".3f",
        ),
        Test(
            f"{what} SMOGN's whole output",
            within(study["smogn_auc"], THRESHOLDS.membership),
            _grid(lambda run: found(run, "smogn_extreme")),
            form=".3f",
        ),
    ]


def _never_fails(records: Records) -> Sequence[Test]:
    return [
        Test(
            "R² with HybridDiffusion's rows alone; the learner that does worst",
            above(THRESHOLDS.failure),
            _grid(lambda run: _worst_learner(records, run, "hybrid")),
        ),
        Test(
            "R² with SMOGN's whole output; the learner that does worst",
            below(THRESHOLDS.failure),
            _grid(lambda run: _worst_learner(records, run, "smogn_extreme")),
            need="one",
        ),
    ]


def _statistical_properties(records: Records) -> Sequence[Test]:
    return [
        Test(words, below(THRESHOLDS.distance), _fidelity(records, "hybrid", metric))
        for metric, words in (
            ("ks", "Kolmogorov-Smirnov distance of a number's distributions, mean over columns"),
            ("tv", "total variation distance of a category's shares, mean over columns"),
            ("association", "change of the association of two columns, mean over pairs"),
        )
    ]


def _mixed_types(records: Records) -> Sequence[Test]:
    mixed = ("012", "013")
    return [
        Test(
            "total variation distance of a category's shares, mean over columns",
            below(THRESHOLDS.distance),
            _fidelity(records, "hybrid", "tv", mixed),
        ),
        Test(
            "change of the association of two columns, mean over pairs",
            below(THRESHOLDS.distance),
            _fidelity(records, "hybrid", "association", mixed),
        ),
        Test(
            "R² kept with HybridDiffusion's rows alone, in percent of real rows",
            above(working_share(records)),
            _shares(records, "hybrid", mixed),
            form=".0f",
        ),
    ]


def _many_features(records: Records) -> Sequence[Test]:
    kept = Test(
        "R² kept with HybridDiffusion's rows alone, in percent of real rows",
        above(_SAME),
        _shares(records, "hybrid", ["013"]),
        form=".0f",
    )
    return [kept, *_in_high_dimension(records)]


def _later_figure(records: Records) -> Sequence[Test]:
    later = records.value("published.later_013_replacement")
    claimed = 100 * later["tabddpm_style_share_of_baseline"]
    baseline = records.value("published.013.baselines.rf.r2")
    five = later["tabddpm_style_five_runs"]
    share, spread = (100 * five[key] / baseline for key in ("mean", "spread"))
    own = {("the study", "013"): Measured(share, share - spread, share + spread)}
    tests = [
        Test(
            "the study's own five runs, mean and spread, in percent of its figure for real rows",
            above(claimed),
            own,
            form=".1f",
        )
    ]
    methods = {"hybrid": "HybridDiffusion's rows"}
    if records.has("013_standin.utility.replacement.tabddpm"):
        methods["tabddpm"] = "TabDDPM's rows"
    for method, words in methods.items():
        what = f"R² with {words} alone, in percent of real rows"
        figures = _shares(records, method, ["013"])
        tests.append(Test(what, above(claimed), figures, form=".1f"))
    return tests


TESTS: Mapping[str, Callable[[Records], Sequence[Test]]] = {
    "no_actual_records": _no_actual_records,
    "realistic_data": _realistic_data,
    "better_than_traditional": _better_than_traditional,
    "numbers_of_features": _numbers_of_features,
    "diffusion_011": _cell_of_diffusion("011"),
    "smogn_011": _cell_of_smogn("011"),
    "diffusion_012": _cell_of_diffusion("012"),
    "smogn_012": _cell_of_smogn("012"),
    "diffusion_013": _cell_of_diffusion("013"),
    "smogn_013": _cell_of_smogn("013"),
    "tie_on_few": _tie_on_few_features,
    "failure_on_many": _failure_on_many_features,
    "interpolation": _interpolation_is_the_cause,
    "between_samples": _between_existing_samples,
    "empty_regions": _empty_regions,
    "off_distribution": _off_the_distribution,
    "learns_distribution": _learns_the_distribution,
    "draws_samples": _draws_samples,
    "any_dimension": _whatever_the_dimension,
    "no_steady_gain": _no_steady_gain,
    "smogn_breaks": _smogn_breaks_models,
    "clear_evidence": _clear_evidence,
    "may_be_shared": _may_be_shared,
    "models_work": _models_work,
    "safer_choice": _safer_choice,
    "never_fails": _never_fails,
    "statistical_properties": _statistical_properties,
    "mixed_types": _mixed_types,
    "many_features": _many_features,
    "later_figure": _later_figure,
    "published_membership": _published_membership,
}
"""What makes the tests of each claim, by the claim's key."""
