"""Verdicts follow from figures by the rule, on made-up records on both sides of each edge."""

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seds500.claims.evidence import REASONS, SMOGN, THRESHOLDS, working_share
from seds500.claims.rule import (
    VERDICTS,
    Claim,
    Region,
    Test,
    above,
    below,
    count,
    judge,
    ledger,
    within,
)
from seds500.claims.study import CLAIMS, PARTS
from seds500.pages import claims as pages
from seds500.records import STUDY_LEARNER, Measured, Records, runs, store

WIDTH = 0.01  # half an interval, in the unit of the figure
BY_KEY = {claim.key: claim for claim in CLAIMS}

# The rule ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("region", "figure", "outcome"),
    [
        (above(95), Measured(96, 95, 97), "supports"),
        (above(95), Measured(96, 94.9, 97), "open"),
        (above(95), Measured(94, 93, 95), "open"),
        (above(95), Measured(94, 93, 94.9), "against"),
        (above(95), Measured(95), "supports"),
        (above(95), Measured(94.9), "against"),
        (below(0), Measured(-1, -2, 0), "supports"),
        (below(0), Measured(-1, -2, 0.1), "open"),
        (below(0), Measured(1, 0.1, 2), "against"),
        (below(0), Measured(0), "supports"),
        (below(0), Measured(0.0001), "against"),
        (within(0, 0.05), Measured(0, -0.05, 0.05), "supports"),
        (within(0, 0.05), Measured(0, -0.06, 0.05), "open"),
        (within(0, 0.05), Measured(0.1, 0.051, 0.2), "against"),
        (within(0, 0.05), Measured(-0.1, -0.2, -0.051), "against"),
        (within(0, 0.05), Measured(0, -1, 1), "open"),
        (within(5, 0), Measured(5), "supports"),
    ],
)
def test_a_figure_supports_where_its_whole_interval_lies_in_the_region(region, figure, outcome):
    assert region.outcome(figure) == outcome


numbers = st.floats(-10, 10)


@given(numbers, numbers, numbers, numbers)
def test_a_figure_is_against_a_region_exactly_where_it_supports_no_part_of_it(a, b, c, d):
    region = Region(min(a, b), max(a, b))
    figure = Measured((c + d) / 2, min(c, d), max(c, d))
    apart = figure.high < region.low or figure.low > region.high
    assert (region.outcome(figure) == "against") == apart


FIGURES = {"yes": Measured(1), "no": Measured(-1), "open": Measured(0, -1, 1)}
KINDS = [kinds for n in range(4) for kinds in itertools.product(FIGURES, repeat=n)]


def made_up(kinds, *, need="every"):
    figures = {("", str(i)): FIGURES[kind] for i, kind in enumerate(kinds)}
    return Test("made up", above(0), figures, need=need)


@pytest.mark.parametrize("kinds", KINDS, ids="-".join)
def test_a_test_of_every_table_holds_by_all_in_part_by_some_and_falls_without_any(kinds):
    expected = "cannot be tested here"
    if "no" in kinds:
        expected = "does not hold"
    if "yes" in kinds:
        expected = "holds in part"
    if kinds and set(kinds) == {"yes"}:
        expected = "holds"
    assert made_up(kinds).verdict() == expected


@pytest.mark.parametrize("kinds", KINDS, ids="-".join)
def test_a_test_of_one_table_holds_by_one_and_falls_by_all(kinds):
    expected = "cannot be tested here"
    if "yes" in kinds:
        expected = "holds"
    elif kinds and set(kinds) == {"no"}:
        expected = "does not hold"
    assert made_up(kinds, need="one").verdict() == expected


VERDICT_TESTS = {
    "holds": made_up(["yes"]),
    "holds in part": made_up(["yes", "no"]),
    "does not hold": made_up(["no"]),
    "cannot be tested here": made_up(["open"]),
}


@pytest.mark.parametrize(
    "verdicts", [v for n in range(3) for v in itertools.product(VERDICTS, repeat=n)], ids="+".join
)
def test_a_claim_holds_by_all_its_tests_and_in_part_by_any(verdicts):
    expected = "cannot be tested here"
    if "does not hold" in verdicts:
        expected = "does not hold"
    if {"holds", "holds in part"} & set(verdicts):
        expected = "holds in part"
    if verdicts and set(verdicts) == {"holds"}:
        expected = "holds"
    assert judge(VERDICT_TESTS[verdict] for verdict in verdicts) == expected


def test_verdicts_are_counted():
    claims = [
        Claim(kind, "problem", kind, "", (lambda _, t=t: t,)) for kind, t in VERDICT_TESTS.items()
    ]
    entries = ledger([*claims, claims[0], Claim("none", "problem", "", "")], Records())
    assert [entry.number for entry in entries] == [1, 2, 3, 4, 5, 6]
    assert list(count(entries).values()) == [2, 1, 1, 2]


def test_figures_that_a_claim_does_not_need_are_not_held_against_it():
    figures = {("a", ""): Measured(1), ("b", ""): Measured(-1), ("c", ""): Measured(-2)}
    tests = [Test("every", below(2), figures), Test("one", above(0), figures, need="one")]
    claim = Claim("k", "problem", "words", "reading", tuple(lambda _, t=t: t for t in tests))
    (entry,) = ledger([claim], Records())
    assert entry.verdict == "holds"
    assert list(pages.tallies(entry)) == [
        "3 of 3 figures support this.",
        "Where one figure is enough, 1 of 3 supports this.",
    ]


# Made-up records -------------------------------------------------------------------------------

METHODS = (
    "hybrid",
    "gaussian",
    "tabddpm",
    "second_sample",
    "smogn_balance",
    "smogn_extreme",
    "smogn_extreme_synthetic",
    "interpolation",
)


def bounded(value: float, *, prefix: str = "", name: str = "mean") -> dict[str, float]:
    return {name: value, f"{prefix}low": value - WIDTH, f"{prefix}high": value + WIDTH}


def score(share: float) -> dict:
    """R² of a method that keeps a share, in percent, of a baseline of one half."""
    low, high = share - WIDTH, share + WIDTH
    r2 = {"mean": share / 200, "low": low / 200, "high": high / 200}
    return {"r2": r2 | {"percent": share, "percent_low": low, "percent_high": high}}


def card(
    *,
    verdict: str = "pass",
    open_model: str = "pass",
    copies: float = 0.0,
    membership: float = 0.5,
    rival: float = 0.9,
    distance: float = 0.51,
    rival_distance: float = 0.53,
    void: tuple[str, ...] = (),
) -> dict:
    """A report card as the chapter on privacy records it: HybridDiffusion and a rival."""

    def row(value: float, verdict: str = "pass") -> dict:
        bounds = {"low": value - WIDTH, "high": value + WIDTH}
        return {"value": value, "verdict": verdict, "at": "dcr", **bounds}

    return {
        "void": list(void),
        "hybrid": {
            "verdict": verdict,
            "copies": row(copies),
            "membership": row(membership, verdict),
            "white_box": row(0.6, open_model),
            "attacks": {"dcr": {"all": distance}},
        },
        **{
            method: {"membership": row(rival), "attacks": {"dcr": {"all": rival_distance}}}
            for method in SMOGN
        },
    }


class World:
    """Records with the same figures for every run, unless a run is named."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kept = dict.fromkeys(METHODS, 100.0) | dict.fromkeys(SMOGN, -50.0)
        fidelity = {"ks": 0.01, "tv": 0.01, "association": 0.01, "c2st": 0.5}
        copies = {"copies": 0.0, "copies_of_as_many": 0.0, "copies_of_test": 0.0}
        self.runs = {
            run: {
                "kept": {setting: dict(kept) for setting in ("replacement", "augmentation")},
                "advantage": dict.fromkeys(METHODS, 0.1),
                "fidelity": {method: dict(fidelity, **copies) for method in METHODS},
                "worst": {},
            }
            for run, _, _ in runs()
        }
        self.chapter = {
            "arms": dict.fromkeys([*self.runs], 90.0),
            "procedure": -50.0,
            "interpolated": {"narrowest": 1.0, "widest": 1.0},
            "nearest": 1.1,
        }
        # These say nothing against any claim.
        self.privacy = {}
        self.copula = -100.0
        self.peers = 100.0

    def set(self, field: str, value: float, *, only: str = "") -> "World":
        """Set a field, given by its path, in every run or in those whose id begins with `only`."""
        *path, last = field.split(".")
        for run, node in self.runs.items():
            if run.startswith(only):
                for step in path:
                    node = node[step]
                node[last] = value
        return self

    def write(self) -> Records:
        for run, made in self.runs.items():
            learners = {"rf", "gb"}
            utility = {
                setting: {
                    method: {
                        learner: score(
                            made["worst"].get(method, share)
                            if learner != STUDY_LEARNER[run[:3]]
                            else share
                        )
                        for learner in learners
                    }
                    for method, share in kept.items()
                }
                for setting, kept in made["kept"].items()
            }
            minus = {m: dict.fromkeys(learners, bounded(x)) for m, x in made["advantage"].items()}
            values = {
                "utility": utility,
                "hybrid_minus": {"replacement": minus},
                "fidelity": made["fidelity"],
            }
            store.save({"values": values}, self.folder / f"{run}.json")
        chapter = self.chapter
        percent = bounded(chapter["procedure"], prefix="percent_", name="percent")
        arm = dict.fromkeys(("rf", "gb"), percent)
        sweep = {
            kind: {end: {"columns": n} for end, n in (("narrowest", 2), ("widest", 100))}
            for kind in ("irrelevant", "informative")
        }
        values = {
            "arms": {
                run: {
                    "interpolation": {"best": bounded(kept, prefix="percent_", name="percent")},
                    "random_categories": arm,
                    "raw_synthetic": arm,
                }
                for run, kept in chapter["arms"].items()
            },
            "interpolated": chapter["interpolated"],
            "nearest": {run: {"interpolation": bounded(chapter["nearest"])} for run in self.runs},
            "nearest_swept": {"widest": bounded(chapter["nearest"])},
            "sweep": sweep,
        }
        store.save({"values": values}, self.folder / "why_smogn_fails.json")
        cards = {run: card(**self.privacy) for run in self.runs}
        store.save({"values": {"cards": cards}}, self.folder / "privacy.json")
        scores = {learner: score(self.copula) for learner in ("rf", "gb")}
        utility = {"replacement": {"gaussian_copula": scores}}
        values = {run: {"utility": utility} for run in self.runs}
        store.save({"values": values}, self.folder / "benchmark_other_packages.json")
        peer = bounded(self.peers, prefix="percent_", name="percent")
        values = {f"{run}_tabsyn": dict.fromkeys(("rf", "gb"), peer) for run in self.runs}
        store.save({"values": values}, self.folder / "benchmark_literature.json")
        return Records(self.folder)


def verdict(world: World, key: str) -> str:
    (entry,) = ledger([BY_KEY[key]], world.write())
    return entry.verdict


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


WORKS = working_share(Records())
EPSILON = 1e-6
IN, OUT = WIDTH + EPSILON, -WIDTH - EPSILON  # the interval just inside, just outside, from above

# Claim, field of every run, edge of its region, and on which side of the edge the claim is.
EDGES = [
    ("no_actual_records", "fidelity.hybrid.copies", 0.0, "below"),
    ("no_actual_records", "fidelity.hybrid.copies_of_as_many", THRESHOLDS.copies, "below"),
    ("no_actual_records", "fidelity.hybrid.copies_of_test", -THRESHOLDS.copies, "above"),
    ("realistic_data", "kept.replacement.second_sample", 95, "above"),
    ("better_than_traditional", "advantage.smogn_extreme", 0, "above"),
    ("better_than_traditional", "advantage.smogn_balance", 0, "above"),
    ("better_than_traditional", "advantage.interpolation", 0, "above"),
    ("diffusion_011", "kept.replacement.hybrid", 95, "above"),
    ("diffusion_011", "kept.replacement.gaussian", 95, "above"),
    ("diffusion_011", "kept.replacement.hybrid", 105, "below"),
    ("diffusion_011", "kept.replacement.gaussian", 105, "below"),
    ("diffusion_011", "kept.augmentation.hybrid", 95, "above"),
    ("diffusion_011", "kept.augmentation.gaussian", 95, "above"),
    ("diffusion_012", "kept.replacement.hybrid", 100 * 0.47 / 0.55 - 5, "above"),
    ("diffusion_012", "kept.replacement.gaussian", 100 * 0.47 / 0.55 - 5, "above"),
    ("diffusion_013", "kept.replacement.hybrid", 100 * 0.64 / 0.65 - 5, "above"),
    ("diffusion_013", "kept.replacement.gaussian", 100 * 0.64 / 0.65 - 5, "above"),
    ("smogn_011", "kept.replacement.smogn_extreme", 0, "below"),
    ("smogn_011", "kept.replacement.smogn_extreme_synthetic", 0, "below"),
    ("smogn_012", "kept.replacement.smogn_extreme", 100 * 0.39 / 0.55 - 5, "above"),
    ("smogn_012", "kept.replacement.smogn_extreme", 105, "below"),
    ("smogn_013", "kept.replacement.smogn_extreme", 0, "below"),
    ("tie_on_few", "kept.replacement.hybrid", WORKS, "above"),
    ("tie_on_few", "kept.replacement.smogn_extreme", WORKS, "above"),
    ("tie_on_few", "advantage.smogn_extreme", THRESHOLDS.tie, "below"),
    ("tie_on_few", "advantage.smogn_extreme", -THRESHOLDS.tie, "above"),
    ("failure_on_many", "kept.replacement.smogn_extreme", 0, "below"),
    ("failure_on_many", "kept.replacement.hybrid", 95, "above"),
    ("failure_on_many", "kept.replacement.gaussian", 95, "above"),
    ("smogn_breaks", "kept.replacement.smogn_extreme", 0, "below"),
    ("off_distribution", "fidelity.smogn_extreme.c2st", 0.55, "above"),
    ("learns_distribution", "fidelity.hybrid.c2st", 0.55, "below"),
    ("learns_distribution", "fidelity.gaussian.c2st", 0.55, "below"),
    ("draws_samples", "fidelity.hybrid.c2st", 0.45, "above"),
    ("draws_samples", "fidelity.gaussian.c2st", 0.45, "above"),
    ("draws_samples", "fidelity.hybrid.copies_of_as_many", THRESHOLDS.copies, "below"),
    ("any_dimension", "kept.replacement.hybrid", 95, "above"),
    ("any_dimension", "kept.replacement.gaussian", 95, "above"),
    ("no_steady_gain", "kept.augmentation.hybrid", 105, "below"),
    ("no_steady_gain", "kept.augmentation.gaussian", 105, "below"),
    ("models_work", "kept.replacement.hybrid", WORKS, "above"),
    ("models_work", "kept.replacement.gaussian", WORKS, "above"),
    ("safer_choice", "advantage.smogn_extreme", 0, "above"),
    ("safer_choice", "fidelity.smogn_extreme.copies_of_as_many", 0.0, "above"),
    ("never_fails", "worst.hybrid", 0, "above"),
    ("never_fails", "worst.gaussian", 0, "above"),
    ("never_fails", "worst.smogn_extreme", 0, "below"),
    ("statistical_properties", "fidelity.hybrid.ks", THRESHOLDS.distance, "below"),
    ("statistical_properties", "fidelity.gaussian.ks", THRESHOLDS.distance, "below"),
    ("statistical_properties", "fidelity.hybrid.tv", THRESHOLDS.distance, "below"),
    ("statistical_properties", "fidelity.gaussian.tv", THRESHOLDS.distance, "below"),
    ("statistical_properties", "fidelity.hybrid.association", THRESHOLDS.distance, "below"),
    ("statistical_properties", "fidelity.gaussian.association", THRESHOLDS.distance, "below"),
    ("mixed_types", "fidelity.hybrid.tv", THRESHOLDS.distance, "below"),
    ("mixed_types", "fidelity.gaussian.tv", THRESHOLDS.distance, "below"),
    ("mixed_types", "fidelity.hybrid.association", THRESHOLDS.distance, "below"),
    ("mixed_types", "fidelity.gaussian.association", THRESHOLDS.distance, "below"),
    ("mixed_types", "kept.replacement.hybrid", WORKS, "above"),
    ("mixed_types", "kept.replacement.gaussian", WORKS, "above"),
    ("many_features", "kept.replacement.hybrid", 95, "above"),
    ("many_features", "kept.replacement.gaussian", 95, "above"),
    ("later_figure", "kept.replacement.hybrid", 87.3, "above"),
    ("later_figure", "kept.replacement.gaussian", 87.3, "above"),
]


@pytest.mark.parametrize(("key", "field", "edge", "side"), EDGES)
def test_a_figure_counts_for_a_claim_on_one_side_of_its_edge_and_against_it_on_the_other(
    world, key, field, edge, side
):
    sign = 1 if side == "above" else -1
    # Without an interval the edge itself is for the claim; with one, all of it has to be.
    width = WIDTH if field.startswith(("kept", "advantage", "worst")) else 0.0
    if field.startswith("worst"):  # then the study's learner has to do better
        world.set(field.replace("worst", "kept.replacement"), 100)
    counts = []
    for distance in (width + EPSILON, -width - EPSILON):
        world.set(field, edge + sign * distance)
        (entry,) = ledger([BY_KEY[key]], world.write())
        outcomes = [outcome for test in entry.tests for outcome in test.outcomes()]
        counts.append([outcomes.count(o) for o in ("supports", "against", "open")])
    (supports, against, unsettled), (supports_out, against_out, unsettled_out) = counts
    assert unsettled == unsettled_out
    assert supports - supports_out == against_out - against > 0


def test_every_claim_that_these_records_decide_has_an_edge_that_is_tested(world):
    world.privacy, world.copula = {}, 50.0
    entries = ledger(CLAIMS, world.write())
    by_runs = {e.claim.key for e in entries if set(e.records) & {*world.runs}}
    assert by_runs == {key for key, *_ in EDGES}


@pytest.mark.parametrize(
    ("key", "field", "value"),
    [
        ("realistic_data", "kept.replacement.second_sample", 90),
        ("better_than_traditional", "advantage.interpolation", -0.1),
        ("diffusion_011", "kept.augmentation.hybrid", 90),
        ("smogn_011", "kept.replacement.smogn_extreme", 90),
        ("failure_on_many", "kept.replacement.hybrid", 90),
        ("models_work", "kept.replacement.hybrid", 50),
        ("models_work", "kept.replacement.gaussian", 50),
        ("never_fails", "worst.hybrid", -1),
        ("statistical_properties", "fidelity.hybrid.ks", 0.2),
        ("mixed_types", "fidelity.hybrid.tv", 0.2),
    ],
)
def test_a_claim_that_holds_holds_in_part_when_one_run_differs(world, key, field, value):
    world.set("kept.replacement.smogn_extreme_synthetic", -50)
    assert verdict(world, key) == "holds"
    for only in ("011_public", "013_public"):
        world.set(field, value, only=only)
    assert verdict(world, key) == "holds in part"


# The chapter on SMOGN, and the study's own figures ---------------------------------------------


@pytest.mark.parametrize(("kept", "expected"), [(95 - IN, "holds"), (95 + IN, "does not hold")])
def test_interpolation_is_the_cause_if_it_loses_by_itself(world, kept, expected):
    world.chapter["arms"] = dict.fromkeys(world.runs, kept)
    assert verdict(world, "interpolation") == expected


@pytest.mark.parametrize(("ratio", "expected"), [(1 + IN, "holds"), (1 + OUT, "does not hold")])
def test_regions_are_empty_if_interpolated_rows_lie_farther_from_unseen_ones(
    world, ratio, expected
):
    world.chapter["nearest"] = ratio
    assert verdict(world, "empty_regions") == expected


@pytest.mark.parametrize(("share", "expected"), [(0.5, "holds"), (0.499, "holds in part")])
def test_points_lie_between_samples_if_most_are_interpolated(world, share, expected):
    world.chapter["interpolated"] = {"narrowest": 1.0, "widest": share}
    assert verdict(world, "between_samples") == expected


@pytest.mark.parametrize(("kept", "expected"), [(0.0 - IN, "holds"), (IN, "holds in part")])
def test_the_study_s_own_procedure_counts_for_its_smogn_figure(world, kept, expected):
    world.set("kept.replacement.smogn_extreme_synthetic", -50)
    world.chapter["procedure"] = kept
    assert verdict(world, "smogn_013") == expected


def test_smogn_breaks_models_if_one_table_shows_it(world):
    world.set("kept.replacement.smogn_extreme", 100)
    world.set("kept.replacement.smogn_extreme_synthetic", 100)
    assert verdict(world, "smogn_breaks") == "does not hold"
    world.set("kept.replacement.smogn_extreme", -50, only="012_public")
    assert verdict(world, "smogn_breaks") == "holds"


def test_the_later_figure_is_tested_on_both_diffusion_models(world):
    (entry,) = ledger([BY_KEY["later_figure"]], world.write())
    assert ["TabDDPM" in test.what for test in entry.tests] == [False, False, False, True]


@pytest.mark.parametrize(
    ("privacy", "expected"),
    [
        ({"verdict": "pass"}, "holds"),
        ({"verdict": "pass", "open_model": "fail"}, "holds"),
        ({"verdict": "fail"}, "does not hold"),
        ({"verdict": "inconclusive"}, "cannot be tested here"),
        ({"verdict": "fail", "void": ("a copy passes",)}, "cannot be tested here"),
    ],
)
def test_a_table_may_be_shared_if_its_report_card_passes(world, privacy, expected):
    world.privacy = privacy
    assert verdict(world, "may_be_shared") == expected


@pytest.mark.parametrize(
    ("key", "field", "edge", "side", "widths", "figures"),
    [
        ("no_actual_records", "copies", THRESHOLDS.copies, "below", 1, 6),
        ("safer_choice", "membership", 0.9, "below", 2, 12),
        ("published_membership", "distance", 0.49, "above", 0, 6),
        ("published_membership", "distance", 0.53, "below", 0, 6),
        ("published_membership", "rival_distance", 0.55, "below", 0, 12),
    ],
)
def test_what_attacks_find_counts_on_either_side_of_its_edge(
    world, key, field, edge, side, widths, figures
):
    sign = 1 if side == "above" else -1
    counts = []
    for distance in (widths * WIDTH + EPSILON, -widths * WIDTH - EPSILON):
        world.privacy = {field: edge + sign * distance}
        (entry,) = ledger([BY_KEY[key]], world.write())
        outcomes = [outcome for test in entry.tests for outcome in test.outcomes()]
        counts.append((outcomes.count("supports"), outcomes.count("against")))
    (supports, against), (supports_out, against_out) = counts
    assert supports - supports_out == against_out - against == figures


@pytest.mark.parametrize("key", ["no_actual_records", "safer_choice", "published_membership"])
def test_what_attacks_find_on_a_void_card_settles_nothing(world, key):
    world.privacy = {"membership": 0.0, "copies": 1.0}
    (before,) = ledger([BY_KEY[key]], world.write())
    world.privacy |= {"void": ("a copy passes",)}
    (after,) = ledger([BY_KEY[key]], world.write())
    changed = [
        set(new.outcomes())
        for old, new in zip(before.tests, after.tests, strict=True)
        if old.outcomes() != new.outcomes()
    ]
    assert changed
    assert all(outcomes == {"open"} for outcomes in changed)


def test_a_gaussian_copula_has_to_be_beaten_where_it_was_run(world):
    world.copula = 99.0
    assert verdict(world, "better_than_traditional") == "holds"
    world.copula = 101.0
    assert verdict(world, "better_than_traditional") == "holds in part"


@pytest.mark.parametrize("key", ["many_features", "any_dimension"])
def test_a_model_of_the_literature_is_among_what_scales(world, key):
    assert verdict(world, key) == "holds"
    world.peers = 50.0
    assert verdict(world, key) == "holds in part"


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A copy of the study's figures that may be changed."""
    contents = json.loads(store.record_path("published").read_text(encoding="utf-8"))
    original = store.record_path

    def path(name, folder=None):
        return tmp_path / "published.json" if name == "published" else original(name, folder)

    def change(**sections):
        for key, changes in sections.items():
            contents[key.lstrip("_")] |= changes
        store.save(contents, tmp_path / "published.json")

    monkeypatch.setattr(store, "record_path", path)
    change()
    return change


def test_evidence_is_clear_with_two_splits_and_seeds(world, published):
    assert verdict(world, "clear_evidence") == "does not hold"
    published(reported_settings={"n_splits": 2})
    assert verdict(world, "clear_evidence") == "holds in part"
    published(reported_settings={"n_splits": 2, "n_seeds": 2})
    assert verdict(world, "clear_evidence") == "holds"


def test_the_features_are_as_many_as_claimed_or_not(world, published):
    assert verdict(world, "numbers_of_features") == "holds in part"
    published(_012={"n_features": 5}, _013={"n_features": 29})
    assert verdict(world, "numbers_of_features") == "holds"


@pytest.mark.parametrize(
    ("mean", "outcome"), [(0.59, "supports"), (0.57, "open"), (0.54, "against")]
)
def test_the_later_figure_is_set_beside_the_study_s_own_five_runs(world, published, mean, outcome):
    published(later_013_replacement={"tabddpm_style_five_runs": {"mean": mean, "spread": 0.02}})
    (entry,) = ledger([BY_KEY["later_figure"]], world.write())
    assert entry.tests[0].outcomes() == [outcome]


# The ledger --------------------------------------------------------------------------------------


def test_claims_have_keys_of_their_own_and_known_parts():
    assert len(BY_KEY) == len(CLAIMS)
    assert [part for part, _ in itertools.groupby(CLAIMS, lambda c: c.part)] == list(PARTS)


def test_every_threshold_is_explained():
    assert set(REASONS) == set(THRESHOLDS._fields)


def test_a_claim_without_tests_cannot_be_tested_and_says_why(world):
    untested = [entry for entry in ledger(CLAIMS, world.write()) if not entry.tests]
    assert untested
    assert all(entry.verdict == "cannot be tested here" for entry in untested)
    assert all(entry.claim.reading for entry in untested)


def test_a_missing_record_is_named_with_the_claim_that_needs_it(world):
    records = world.write()
    (world.folder / "013_public.json").unlink()
    message = "claim 'no_actual_records' cannot be tested: no record '013_public': make it with"
    with pytest.raises(store.RecordError, match=message):
        ledger(CLAIMS, records)
    assert "013_public" in records.used


def test_a_missing_value_is_named_with_the_claim_that_needs_it(world):
    for made in world.runs.values():
        del made["advantage"]["smogn_balance"]
    message = "claim 'better_than_traditional' cannot be tested: .*'smogn_balance'"
    with pytest.raises(store.RecordError, match=message):
        ledger(CLAIMS, world.write())


def test_the_ledger_knows_which_records_it_rests_on(world):
    records = world.write()
    entries = ledger(CLAIMS, records)
    assert records.used >= {*world.runs, "why_smogn_fails", "published"}
    by_key = {entry.claim.key: entry.records for entry in entries}
    assert by_key["empty_regions"] == ("why_smogn_fails",)
    assert by_key["failure_on_many"] == ("013_public", "013_standin")
    assert by_key["original_r2"] == ()
