"""The claims of the original study, in its words and its order.

The words are those of its progress report of 13 January 2026, and of what it published later about
013; words in square brackets are added. Each has its tests beside it; figures and thresholds are
those of `seds500.claims.evidence`.
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
    SMOGN,
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
    fewer_copies,
    fidelity,
    kept,
    less_exposed,
    literature_kept,
    on,
    on_runs,
    published_attack,
    smogn_kept,
    smogn_score,
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
        "[Synthetic data] contains no actual records",
        "Taken literally, no synthetic row equals a training row. Where columns hold few values, "
        "however, rows also match by chance, and so do those of a second sample. The second "
        "and third tests therefore ask whether synthetic rows equal training rows more often than "
        "rows that no method has seen.",
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
        "A second sample of real rows is as realistic as data can be, so it is tested here. The "
        "study uses the converse, and infers realism from performance. The noise copy performs "
        "as well, so the converse is not valid.",
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
        "The research question, taken as the claim that they can. It is measured as the study "
        "measures it, by the R² of models trained on the rows. HybridDiffusion has to be better "
        "than each rival on every table.",
        (
            ahead("smogn_extreme", above(0)),
            ahead("smogn_balance", above(0)),
            ahead("interpolation", above(0)),
            on_runs(
                "R² kept with HybridDiffusion's rows minus that with a Gaussian copula's, in "
                "percent of real rows; intervals of both combined",
                above(0),
                copula_advantage,
                "+.0f",
            ),
            ahead("smogn_extreme_synthetic", above(0)),
        ),
    ),
    Claim(
        "numbers_of_features",
        "problem",
        "Features: 2, 5 and 29",
        "The numbers of features in the study's table of experiments are compared with the columns "
        "that it describes later. After one-hot encoding these are 2, 5 and 28 columns, and 29 "
        "with the target.",
        tuple(features(*each) for each in (("011", 2), ("012", 5), ("013", 29))),
    ),
    Claim(
        "original_r2",
        "results",
        "Original R²: 0.75, 0.55 and 0.65",
        "The rows are private. The stand-ins were adjusted until their baselines agreed with "
        "these figures, so their agreement is no evidence.",
    ),
    Claim(
        "diffusion_011",
        "results",
        "011 (2 features): Diffusion R² 0.75, as the original",
        "The study's column is headed *train on synthetic, test on real*, but was measured with "
        "the real rows added. Both settings are tested. The region is the study's share of its "
        "own baseline, plus or minus the tolerance.",
        diffusion_kept("011"),
    ),
    Claim(
        "smogn_011",
        "results",
        "011 (2 features): SMOGN R² negative",
        "The study trained on the output of SMOGN, extreme. It is not known whether it used all "
        "of the output or the synthetic rows only, so both are tested.",
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
        "As for 011. The region is the study's range, plus or minus the tolerance.",
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
        "A method works if it keeps at least the smallest share that the study itself calls "
        "working: SMOGN's lower figure on 012, divided by the original R². Two methods tie if "
        "their difference lies within the margin of a tie. The study's own table contradicts the "
        "sentence on 011, where it reports a negative R² for SMOGN.",
        (
            kept(works, FEW),
            kept(
                works,
                FEW,
                method="smogn_extreme",
                what="R² kept with SMOGN, extreme, in percent of real rows",
            ),
            ahead("smogn_extreme", within(0, THRESHOLDS.tie), FEW),
            kept(
                works,
                FEW,
                method="smogn_extreme_synthetic",
                what="R² kept with SMOGN, synthetic rows only, in percent of real rows",
            ),
            ahead("smogn_extreme_synthetic", within(0, THRESHOLDS.tie), FEW),
        ),
    ),
    Claim(
        "failure_on_many",
        "finding",
        "Complex features (20+): SMOGN fails catastrophically, Diffusion maintains quality",
        "A catastrophe is what the study shows as one: an R² no better than guessing the mean. "
        "Quality is maintained if nothing is lost beyond the tolerance. It is not known which "
        "part of SMOGN's output the study trained on, so both are tested.",
        (
            smogn_score("smogn_extreme", FAILS, MANY),
            *both(kept, KEEPS, MANY),
            smogn_score("smogn_extreme_synthetic", FAILS, MANY),
        ),
    ),
    Claim(
        "interpolation",
        "why",
        "SMOGN (Interpolation) [fails because it interpolates]",
        "The heading names interpolation as the reason why SMOGN fails. If so, interpolation "
        "without SMOGN's selection of rows by their target must lose R² as well.",
        (
            on_runs(
                "R² kept with interpolation only, rows drawn evenly, in percent of real rows; the "
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
        "[SMOGN] creates new points between existing samples",
        "This is true of an interpolated row. SMOGN makes its other rows by adding noise to one "
        "row.",
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
        "If so, an interpolated row lies farther from the nearest real row that no method has seen "
        "than a training row does. The last figure is for a table with many added columns, and for "
        "rows that are always interpolated.",
        (
            on(
                "distance from interpolated rows to the nearest unseen real row, divided by that "
                "from training rows",
                above(1),
                evidence.nearest,
                ".4f",
            ),
        ),
    ),
    Claim(
        "off_distribution",
        "why",
        "[SMOGN:] Generated data doesn't follow true distribution",
        "If so, a classifier distinguishes its rows from real rows.",
        (
            *(
                fidelity(
                    "c2st",
                    above(0.5 + THRESHOLDS.detection),
                    method=method,
                    what=f"detection AUC of {words}",
                )
                for method, words in SMOGN.items()
            ),
        ),
    ),
    Claim(
        "learns_distribution",
        "why",
        "[Diffusion] learns the actual data distribution",
        "If so, a classifier cannot distinguish its rows from real rows.",
        both(fidelity, "c2st", below(0.5 + THRESHOLDS.detection)),
    ),
    Claim(
        "draws_samples",
        "why",
        "[Diffusion] generates samples from learned distribution",
        "If so, it does not return its training rows. A detection AUC clearly below one half "
        "shows that rows lie closer to the training rows than new rows would.",
        (
            *both(fidelity, "c2st", above(0.5 - THRESHOLDS.detection)),
            on_runs("rows equal to a training row, beyond chance", NO_COPIES, beyond_chance, ".2%"),
        ),
    ),
    Claim(
        "any_dimension",
        "why",
        "[Diffusion] works regardless of dimensionality",
        "Quality is maintained, as defined above, on tables of 2, 5 and 28 encoded columns. Of the "
        "diffusion models of the literature one is enough on each.",
        (*both(kept, KEEPS), *(literature_kept(KEEPS, (one,)) for one in (*FEW, *MANY))),
    ),
    Claim(
        "no_steady_gain",
        "journey",
        "Accuracy improvements were inconsistent",
        "This is about synthetic rows that are added to real rows. One table without a gain beyond "
        "the tolerance is enough.",
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
        "The claim says *sometimes*, so one table on which SMOGN fails is enough.",
        (on("R² with SMOGN's rows", FAILS, evidence.smogn_scores, need="one"),),
    ),
    Claim(
        "clear_evidence",
        "journey",
        "Our evidence clearly supports it",
        "Evidence is clear only if the influence of chance is measured, which takes at least two "
        "repetitions. The project status speaks of *4 experiments with clear evidence*; the "
        "document shows three.",
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
        "The fourth of six steps, about rows that *cannot* be shared themselves. It is taken to "
        "mean that the report card of the chapter on privacy passes: attacks on the table find "
        "neither who is in it nor an unknown value. The attack that needs the trained model does "
        "not count here, because only the table is shared.",
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
        "The last of six steps. A model works if it keeps at least the smallest share of R² that "
        "the study itself calls working.",
        both(kept, works),
    ),
    Claim(
        "safer_choice",
        "conclusion",
        "Diffusion models are the safer choice for privacy-preserving synthetic tabular data",
        "Taken as a comparison with SMOGN: models learn more from HybridDiffusion's rows, and its "
        "table exposes fewer of the training rows. The output of SMOGN, extreme, holds real rows "
        "by construction, so that the comparison is also made with its synthetic rows only.",
        (
            ahead("smogn_extreme", above(0)),
            fewer_copies("smogn_extreme"),
            less_exposed("smogn_extreme"),
            ahead("smogn_extreme_synthetic", above(0)),
            fewer_copies("smogn_extreme_synthetic"),
            less_exposed("smogn_extreme_synthetic"),
        ),
    ),
    Claim(
        "never_fails",
        "conclusion",
        "[Diffusion] never catastrophically fails (unlike SMOGN)",
        "*Never* is tested on every table here, with the learner that does worst on it. For SMOGN "
        "one failure is enough.",
        (
            worst("hybrid", TEACHES),
            worst("gaussian", TEACHES),
            worst("smogn_extreme", FAILS, need="one"),
            worst("smogn_extreme_synthetic", FAILS, need="one"),
        ),
    ),
    Claim(
        "statistical_properties",
        "conclusion",
        "[Diffusion] maintains statistical properties",
        "Tested by the distributions of single columns and by the association of each pair of "
        "columns.",
        tuple(
            test for metric in ("ks", "tv", "association") for test in both(fidelity, metric, NEAR)
        ),
    ),
    Claim(
        "mixed_types",
        "conclusion",
        "[Diffusion] handles mixed data types (numeric + categorical)",
        "Tested on the two experiments whose tables have both types, 012 and 013.",
        (
            *both(fidelity, "tv", NEAR, ("012", "013")),
            *both(fidelity, "association", NEAR, ("012", "013")),
            *both(kept, works, ("012", "013")),
        ),
    ),
    Claim(
        "many_features",
        "conclusion",
        "[Diffusion] scales to complex, high-dimensional feature spaces",
        "The widest table of the study is 013. It has six features, which give 28 encoded columns. "
        "Of the diffusion models of the literature one is enough.",
        (*both(kept, KEEPS, MANY), literature_kept(KEEPS, MANY)),
    ),
    Claim(
        "later_figure",
        "later",
        "87.3 % of the baseline on 013, with synthetic rows alone",
        "The study gives this figure for a TabDDPM-style diffusion model. The claim is taken to "
        "mean that at least this share is kept.",
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
                    ("gaussian", "Gaussian diffusion"),
                    ("tabddpm", "TabDDPM"),
                )
            ),
        ),
    ),
    Claim(
        "published_membership",
        "later",
        "Membership inference (nearest-neighbour distance): AUC 0.51 for diffusion, 0.53 for SMOGN",
        "The same attack, on tables drawn here. The chapter on privacy says what such a figure "
        "can show.",
        (
            published_attack("hybrid", "diffusion_auc"),
            published_attack("smogn_extreme", "smogn_auc"),
            published_attack("smogn_extreme_synthetic", "smogn_auc"),
        ),
    ),
)
"""Every claim of the study about data or methods, in the order of its document."""
