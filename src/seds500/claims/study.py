"""The claims of the original study, in its words and its order.

The words are those of its progress report of 13 January 2026, and of what it published later about
013. Each has its tests beside it; figures and thresholds are those of `seds500.claims.evidence`.
"""

from __future__ import annotations

from collections.abc import Mapping

from seds500.claims import evidence
from seds500.claims.evidence import (
    CHAPTER,
    FAILS,
    KEEPS,
    LOSES,
    NEAR,
    NO_COPIES,
    TEACHES,
    THRESHOLDS,
    ahead,
    as_reported,
    as_the_study_ran_it,
    attacked,
    beyond_chance,
    both,
    copula_advantage,
    diffusion_kept,
    features,
    fidelity,
    kept,
    on,
    on_runs,
    published_attack,
    smogn_kept,
    works,
    worst,
)
from seds500.claims.rule import Claim, Region, above, below, within

PARTS: Mapping[str, str] = {
    "problem": "The problem and the method",
    "results": "The table of results",
    "finding": "The key finding",
    "why": "Why this happens",
    "journey": "The research journey",
    "practice": "The practical application",
    "conclusion": "The conclusion",
    "later": "After the report",
}
"""Parts of the study's document, in its order."""

FEW, MANY = ("011", "012"), ("013",)
"""Tables of few and of many features, as the study calls them."""

CLAIMS: tuple[Claim, ...] = (
    Claim(
        "no_actual_records",
        "problem",
        "Contains no actual records",
        "Taken literally, no synthetic row equals a training row. But where columns hold few "
        "values, rows match by chance, and those of a second real sample do too; so the second "
        "test asks whether training rows are met more often than rows that no method has seen.",
        (
            fidelity("copies", below(0), form=".2%"),
            on_runs(
                "the share equal to one of as many training rows as there are test rows, minus the "
                "share equal to a test row",
                NO_COPIES,
                beyond_chance,
                ".2%",
            ),
            on_runs(
                "rows equal to a training row in all columns or in all features, minus the same "
                "for as many unseen rows; the larger excess",
                NO_COPIES,
                lambda records, run: attacked(records, run, "hybrid", "copies"),
                ".2%",
            ),
        ),
    ),
    Claim(
        "realistic_data",
        "problem",
        "If synthetic data is realistic, ML models trained on it should perform similarly to "
        "models trained on real data when tested on real data.",
        "Nothing is more realistic than a second sample of real rows. The study uses the sentence "
        "the other way round, to infer realism from performance; that the noise copy performs as "
        "well shows why it cannot.",
        (
            kept(
                KEEPS,
                method="second_sample",
                what="R² kept with a second sample of real rows, in percent of the training rows'",
            ),
        ),
    ),
    Claim(
        "better_than_traditional",
        "problem",
        "Can diffusion models generate synthetic data that preserves statistical properties better "
        "than traditional methods?",
        "The research question, taken as the claim that they can. Measured as the study measures "
        "it, by models trained on the rows; each rival has to be beaten on every table.",
        (
            ahead("smogn_extreme", "SMOGN's, extreme, each alone", above(0)),
            ahead("smogn_balance", "SMOGN's, balance, each alone", above(0)),
            ahead("interpolation", "interpolated ones, each alone", above(0)),
            on_runs(
                "R² kept with HybridDiffusion's rows minus that with a Gaussian copula's, in "
                "percent of real rows; intervals of both combined",
                above(0),
                copula_advantage,
                "+.0f",
            ),
        ),
    ),
    Claim(
        "numbers_of_features",
        "problem",
        "Features: 2, 5 and 29",
        "The features of 011, 012 and 013 in the study's table of experiments, against the columns "
        "that it describes later. One-hot encoded, these are 2, 5 and 28 columns, and 29 with the "
        "target.",
        tuple(features(*each) for each in (("011", 2), ("012", 5), ("013", 29))),
    ),
    Claim(
        "original_r2",
        "results",
        "Original R²: 0.75, 0.55 and 0.65",
        "The rows are private. The stand-ins were tuned until their baselines agreed with these "
        "figures, so that they agree shows nothing.",
    ),
    Claim(
        "diffusion_011",
        "results",
        "011 (2 features): Diffusion R² 0.75, as the original",
        "The column stands under *train on synthetic, test on real*, and was measured with the "
        "real rows added; both are tested. The region is the study's share of its own baseline, "
        "give or take the tolerance.",
        diffusion_kept("011"),
    ),
    Claim(
        "smogn_011",
        "results",
        "011 (2 features): SMOGN R² negative",
        "The study trained on SMOGN's output, extreme. Whether on all of it or on the synthetic "
        "rows is not known; both are tested.",
        smogn_kept(FAILS, "011"),
    ),
    Claim(
        "diffusion_012",
        "results",
        "012 (5 features): Diffusion R² 0.47-0.55, the original 0.55",
        "As for 011.",
        diffusion_kept("012"),
    ),
    Claim(
        "smogn_012",
        "results",
        "012 (5 features): SMOGN R² 0.39-0.55, the original 0.55",
        "As for 011, with the region of the study's range, give or take the tolerance.",
        (
            *smogn_kept(as_reported("012", "smogn_r2"), "012"),
            as_the_study_ran_it(as_reported("012", "smogn_r2"), "012"),
        ),
    ),
    Claim(
        "diffusion_013",
        "results",
        "013 (29 features): Diffusion R² 0.64, the original 0.65",
        "As for 011.",
        diffusion_kept("013"),
    ),
    Claim(
        "smogn_013",
        "results",
        "013 (29 features): SMOGN R² -0.39",
        "As for 011, taken as a claim of failure: an R² no better than guessing the mean.",
        (*smogn_kept(FAILS, "013"), as_the_study_ran_it(FAILS, "013")),
    ),
    Claim(
        "tie_on_few",
        "finding",
        "Simple features (<=5): Both methods work (tie)",
        "A method works if it keeps the least share that the study itself calls working: SMOGN's "
        "lower figure on 012, over the original. Two methods tie if their difference lies within "
        "the margin of a tie. The study's own table contradicts the sentence on 011.",
        (
            kept(works, FEW),
            kept(
                works,
                FEW,
                method="smogn_extreme",
                what="R² kept with SMOGN's whole output, in percent of real rows",
            ),
            ahead("smogn_extreme", "SMOGN's", within(0, THRESHOLDS.tie), FEW),
        ),
    ),
    Claim(
        "failure_on_many",
        "finding",
        "Complex features (20+): SMOGN fails catastrophically, Diffusion maintains quality",
        "A catastrophe is what the study shows as one: an R² no better than guessing the mean. "
        "Quality is maintained if nothing is lost beyond the tolerance.",
        (
            on_runs(
                "R² with SMOGN's whole output",
                FAILS,
                lambda records, run: records.score(run, "smogn_extreme"),
                experiments=MANY,
            ),
            *both(kept, KEEPS, MANY),
        ),
    ),
    Claim(
        "interpolation",
        "why",
        "SMOGN (Interpolation)",
        "The heading names interpolation as what makes SMOGN fail. Then interpolation alone, "
        "without SMOGN's choice of rows by their target, must lose as well.",
        (
            on_runs(
                "R² kept with interpolation alone, rows drawn evenly, in percent of real rows; the "
                "learner that does best on real rows",
                LOSES,
                lambda records, run: records.measured(
                    f"{CHAPTER}.arms.{run}.interpolation.best", of="percent"
                ),
                ".0f",
            ),
        ),
    ),
    Claim(
        "between_samples",
        "why",
        "Creates new points between existing samples",
        "True of a row that is interpolated; SMOGN makes the others by adding noise to one row.",
        (
            on(
                "share of its new rows that SMOGN's own rule interpolates; the others are noise",
                above(THRESHOLDS.majority),
                evidence.interpolated,
                ".0%",
            ),
        ),
    ),
    Claim(
        "empty_regions",
        "why",
        'In high dimensions, interpolated points fall in "empty" regions',
        "Then they lie farther from unseen real rows than real rows do. The last figure is of rows "
        "interpolated always, across columns added for the purpose.",
        (
            on(
                "distance from interpolated rows to the nearest unseen real row, over the same for "
                "training rows",
                above(1),
                evidence.nearest,
            ),
        ),
    ),
    Claim(
        "off_distribution",
        "why",
        "Generated data doesn't follow true distribution",
        "Said of SMOGN. Then a classifier tells its rows from real ones.",
        (
            fidelity(
                "c2st",
                above(0.5 + THRESHOLDS.detection),
                method="smogn_extreme",
                what="detection AUC of SMOGN's whole output",
            ),
        ),
    ),
    Claim(
        "learns_distribution",
        "why",
        "Learns the actual data distribution",
        "Said of diffusion. Then a classifier cannot tell its rows from real ones.",
        both(fidelity, "c2st", below(0.5 + THRESHOLDS.detection)),
    ),
    Claim(
        "draws_samples",
        "why",
        "Generates samples from learned distribution",
        "And does not hand out the rows that it was given. A detection AUC clearly below one half "
        "is the sign of rows that lie closer to the training rows than new ones would; rows that "
        "are spread evenly, as its draws are, lower it a little as well.",
        (
            *both(fidelity, "c2st", above(0.5 - THRESHOLDS.detection)),
            on_runs("rows equal to a training row, beyond chance", NO_COPIES, beyond_chance, ".2%"),
        ),
    ),
    Claim(
        "any_dimension",
        "why",
        "Works regardless of dimensionality",
        "Quality is maintained, as above, on tables of 2, 5 and 28 encoded columns.",
        both(kept, KEEPS),
    ),
    Claim(
        "no_steady_gain",
        "journey",
        "Accuracy improvements were inconsistent",
        "Of synthetic rows added to real ones. One table without a gain beyond the tolerance is "
        "enough.",
        both(
            kept,
            below(100 * (1 + THRESHOLDS.tolerance)),
            setting="augmentation",
            what="R² with HybridDiffusion's rows added to the real ones, in percent of real "
            "rows alone",
            need="one",
        ),
    ),
    Claim(
        "smogn_breaks",
        "journey",
        "SMOGN sometimes completely broke models",
        "*Sometimes*: one table on which it does is enough.",
        (on("R² with SMOGN's rows", FAILS, evidence.smogn_scores, need="one"),),
    ),
    Claim(
        "clear_evidence",
        "journey",
        "Our evidence clearly supports it",
        "Evidence without a measure of chance is not clear. At least two repetitions are needed "
        "for one. The project status adds *4 experiments with clear evidence*; the document shows "
        "three.",
        (
            on(
                "repetitions behind each of the study's figures",
                above(2),
                evidence.repetitions,
                ".0f",
            ),
        ),
    ),
    Claim(
        "may_be_shared",
        "practice",
        "Share synthetic dataset with partners",
        "The fourth of six steps, of rows that *cannot* be shared themselves. Then attacks on the "
        "table find neither who is in it nor what is unknown of them: the report card of the "
        "chapter on privacy passes. The row of the open model does not count here.",
        (
            on_runs(
                "verdict of the report card of attacks on HybridDiffusion's rows",
                Region(high=0, name="pass"),
                evidence.report_card,
            ),
        ),
    ),
    Claim(
        "models_work",
        "practice",
        "Models work on real data!",
        "The last of six steps; the second of the three promises of the problem's solution says "
        "the same. A model works if it keeps the least share that the study itself calls working.",
        both(kept, works),
    ),
    Claim(
        "safer_choice",
        "conclusion",
        "Diffusion models are the safer choice for privacy-preserving synthetic tabular data",
        "Safer than SMOGN: its rows teach models more, and give fewer of the rows away that it was "
        "given.",
        (
            ahead("smogn_extreme", "SMOGN's whole output", above(0)),
            on_runs(
                "rows equal to a training row, beyond chance: HybridDiffusion's minus SMOGN's",
                below(0),
                lambda records, run: beyond_chance(records, run).minus(
                    beyond_chance(records, run, "smogn_extreme")
                ),
                "+.2%",
            ),
            on_runs(
                "AUC of the strongest membership attack, on HybridDiffusion's table minus on "
                "SMOGN's; intervals of both combined",
                below(0),
                lambda records, run: attacked(records, run, "hybrid", "membership").minus(
                    attacked(records, run, "smogn_extreme", "membership")
                ),
                "+.2f",
            ),
        ),
    ),
    Claim(
        "never_fails",
        "conclusion",
        "Never catastrophically fails (unlike SMOGN)",
        "*Never* is taken for every table here, and the learner that does worst on it; for SMOGN "
        "one failure is enough.",
        (
            worst("hybrid", "HybridDiffusion's rows alone", TEACHES),
            worst("gaussian", "HybridDiffusion's rows alone, Gaussian numbers", TEACHES),
            worst("smogn_extreme", "SMOGN's whole output", FAILS, need="one"),
        ),
    ),
    Claim(
        "statistical_properties",
        "conclusion",
        "Maintains statistical properties",
        "Distributions of single columns, and the association of every two.",
        tuple(
            test for metric in ("ks", "tv", "association") for test in both(fidelity, metric, NEAR)
        ),
    ),
    Claim(
        "mixed_types",
        "conclusion",
        "Handles mixed data types (numeric + categorical)",
        "On the two tables that mix them.",
        (
            *both(fidelity, "tv", NEAR, ("012", "013")),
            *both(fidelity, "association", NEAR, ("012", "013")),
            *both(kept, works, ("012", "013")),
        ),
    ),
    Claim(
        "many_features",
        "conclusion",
        "Scales to complex, high-dimensional feature spaces",
        "The widest table that the study had is 013, with 28 encoded columns of six features.",
        both(kept, KEEPS, MANY),
    ),
    Claim(
        "later_figure",
        "later",
        "87.3 % of the baseline on 013, with synthetic rows alone",
        "Of a TabDDPM-style diffusion model. The claim is a level that is reached.",
        (
            on(
                "the study's own five runs, mean and spread, in percent of its figure for real "
                "rows",
                evidence.later_share,
                evidence.later_runs,
                ".1f",
            ),
            *(
                kept(
                    evidence.later_share,
                    MANY,
                    method=method,
                    what=f"R² with {words}'s rows alone, in percent of real rows",
                    form=".1f",
                )
                for method, words in (
                    ("hybrid", "HybridDiffusion"),
                    ("gaussian", "HybridDiffusion"),
                    ("tabddpm", "TabDDPM"),
                )
            ),
        ),
    ),
    Claim(
        "published_membership",
        "later",
        "Membership inference (nearest-neighbour distance): AUC 0.51 for diffusion, 0.53 for SMOGN",
        "The attack of that name, on tables drawn here. What the figures can and cannot show is "
        "told in the chapter on privacy.",
        (
            published_attack("hybrid", "HybridDiffusion's rows", "diffusion_auc"),
            published_attack("smogn_extreme", "SMOGN's whole output", "smogn_auc"),
        ),
    ),
)
"""Every claim of the study about data or methods, in the order of its document."""
