"""The claims of the original study, in its words and its order.

The words are those of its progress report of 13 January 2026, and of what it published later about
013. What a claim is tested with is in `seds500.claims.evidence`.
"""

from __future__ import annotations

from collections.abc import Mapping

from seds500.claims import evidence
from seds500.claims.rule import Claim

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


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "no_actual_records",
        "problem",
        "Contains no actual records",
        "Taken literally, no synthetic row equals a training row. But where columns hold few "
        "values, rows match by chance, and those of a second real sample do too; so the second "
        "test asks whether training rows are met more often than rows that no method has seen.",
        evidence.no_actual_records,
    ),
    Claim(
        "realistic_data",
        "problem",
        "If synthetic data is realistic, ML models trained on it should perform similarly to "
        "models trained on real data when tested on real data.",
        "Nothing is more realistic than a second sample of real rows. The study uses the sentence "
        "the other way round, to infer realism from performance; that the noise copy performs as "
        "well shows why it cannot.",
        evidence.realistic_data,
    ),
    Claim(
        "better_than_traditional",
        "problem",
        "Can diffusion models generate synthetic data that preserves statistical properties better "
        "than traditional methods?",
        "The research question, taken as the claim that they can. Measured as the study measures "
        "it, by models trained on the rows; each rival has to be beaten on every table.",
        evidence.better_than_traditional,
    ),
    Claim(
        "numbers_of_features",
        "problem",
        "Features: 2, 5 and 29",
        "The features of 011, 012 and 013 in the study's table of experiments, against the columns "
        "that it describes later. One-hot encoded, these are 2, 5 and 28 columns, and 29 with the "
        "target.",
        evidence.numbers_of_features,
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
        evidence.diffusion_cell("011"),
    ),
    Claim(
        "smogn_011",
        "results",
        "011 (2 features): SMOGN R² negative",
        "The study trained on SMOGN's output, extreme. Whether on all of it or on the synthetic "
        "rows is not known; both are tested.",
        evidence.smogn_cell("011"),
    ),
    Claim(
        "diffusion_012",
        "results",
        "012 (5 features): Diffusion R² 0.47-0.55, the original 0.55",
        "As for 011.",
        evidence.diffusion_cell("012"),
    ),
    Claim(
        "smogn_012",
        "results",
        "012 (5 features): SMOGN R² 0.39-0.55, the original 0.55",
        "As for 011, with the region of the study's range, give or take the tolerance.",
        evidence.smogn_cell("012"),
    ),
    Claim(
        "diffusion_013",
        "results",
        "013 (29 features): Diffusion R² 0.64, the original 0.65",
        "As for 011.",
        evidence.diffusion_cell("013"),
    ),
    Claim(
        "smogn_013",
        "results",
        "013 (29 features): SMOGN R² -0.39",
        "As for 011, taken as a claim of failure: an R² no better than guessing the mean.",
        evidence.smogn_cell("013"),
    ),
    Claim(
        "tie_on_few",
        "finding",
        "Simple features (<=5): Both methods work (tie)",
        "A method works if it keeps the least share that the study itself calls working: SMOGN's "
        "lower figure on 012, over the original. Two methods tie if their difference lies within "
        "the margin of a tie. The study's own table contradicts the sentence on 011.",
        evidence.tie_on_few,
    ),
    Claim(
        "failure_on_many",
        "finding",
        "Complex features (20+): SMOGN fails catastrophically, Diffusion maintains quality",
        "A catastrophe is what the study shows as one: an R² no better than guessing the mean. "
        "Quality is maintained if nothing is lost beyond the tolerance.",
        evidence.failure_on_many,
    ),
    Claim(
        "interpolation",
        "why",
        "SMOGN (Interpolation)",
        "The heading names interpolation as what makes SMOGN fail. Then interpolation alone, "
        "without SMOGN's choice of rows by their target, must lose as well.",
        evidence.interpolation,
    ),
    Claim(
        "between_samples",
        "why",
        "Creates new points between existing samples",
        "True of a row that is interpolated; SMOGN makes the others by adding noise to one row.",
        evidence.between_samples,
    ),
    Claim(
        "empty_regions",
        "why",
        'In high dimensions, interpolated points fall in "empty" regions',
        "Then they lie farther from unseen real rows than real rows do. The last figure is of rows "
        "interpolated always, across columns added for the purpose.",
        evidence.empty_regions,
    ),
    Claim(
        "off_distribution",
        "why",
        "Generated data doesn't follow true distribution",
        "Said of SMOGN. Then a classifier tells its rows from real ones.",
        evidence.off_distribution,
    ),
    Claim(
        "learns_distribution",
        "why",
        "Learns the actual data distribution",
        "Said of diffusion. Then a classifier cannot tell its rows from real ones.",
        evidence.learns_distribution,
    ),
    Claim(
        "draws_samples",
        "why",
        "Generates samples from learned distribution",
        "And does not hand out the rows that it was given. A detection AUC clearly below one half "
        "is the sign of rows that lie closer to the training rows than new ones would; rows that "
        "are spread evenly, as its draws are, lower it a little as well.",
        evidence.draws_samples,
    ),
    Claim(
        "any_dimension",
        "why",
        "Works regardless of dimensionality",
        "Quality is maintained, as above, on tables of 2, 5 and 28 encoded columns.",
        evidence.any_dimension,
    ),
    Claim(
        "no_steady_gain",
        "journey",
        "Accuracy improvements were inconsistent",
        "Of synthetic rows added to real ones. One table without a gain beyond the tolerance is "
        "enough.",
        evidence.no_steady_gain,
    ),
    Claim(
        "smogn_breaks",
        "journey",
        "SMOGN sometimes completely broke models",
        "*Sometimes*: one table on which it does is enough.",
        evidence.smogn_breaks,
    ),
    Claim(
        "clear_evidence",
        "journey",
        "Our evidence clearly supports it",
        "Evidence without a measure of chance is not clear. At least two repetitions are needed "
        "for one. The project status adds *4 experiments with clear evidence*; the document shows "
        "three.",
        evidence.clear_evidence,
    ),
    Claim(
        "may_be_shared",
        "practice",
        "Share synthetic dataset with partners",
        "The fourth of six steps, of rows that *cannot* be shared themselves. Then attacks on the "
        "table find neither who is in it nor what is unknown of them: the report card of the "
        "chapter on privacy passes. The row of the open model does not count here.",
        evidence.may_be_shared,
    ),
    Claim(
        "models_work",
        "practice",
        "Models work on real data!",
        "The last of six steps; the second of the three promises of the problem's solution says "
        "the same. A model works if it keeps the least share that the study itself calls working.",
        evidence.models_work,
    ),
    Claim(
        "safer_choice",
        "conclusion",
        "Diffusion models are the safer choice for privacy-preserving synthetic tabular data",
        "Safer than SMOGN: its rows teach models more, and give fewer of the rows away that it was "
        "given.",
        evidence.safer_choice,
    ),
    Claim(
        "never_fails",
        "conclusion",
        "Never catastrophically fails (unlike SMOGN)",
        "*Never* is taken for every table here, and the learner that does worst on it; for SMOGN "
        "one failure is enough.",
        evidence.never_fails,
    ),
    Claim(
        "statistical_properties",
        "conclusion",
        "Maintains statistical properties",
        "Distributions of single columns, and the association of every two.",
        evidence.statistical_properties,
    ),
    Claim(
        "mixed_types",
        "conclusion",
        "Handles mixed data types (numeric + categorical)",
        "On the two tables that mix them.",
        evidence.mixed_types,
    ),
    Claim(
        "many_features",
        "conclusion",
        "Scales to complex, high-dimensional feature spaces",
        "The widest table that the study had is 013, with 28 encoded columns of six features.",
        evidence.many_features,
    ),
    Claim(
        "later_figure",
        "later",
        "87.3 % of the baseline on 013, with synthetic rows alone",
        "Of a TabDDPM-style diffusion model. The claim is a level that is reached.",
        evidence.later_figure,
    ),
    Claim(
        "published_membership",
        "later",
        "Membership inference (nearest-neighbour distance): AUC 0.51 for diffusion, 0.53 for SMOGN",
        "The attack of that name, on tables drawn here. What the figures can and cannot show is "
        "told in the chapter on privacy.",
        evidence.published_membership,
    ),
)
"""Every claim of the study about data or methods, in the order of its document."""
