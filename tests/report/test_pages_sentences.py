"""Sentences of a page follow from the numbers of the run: other numbers, other words."""

import numpy as np
import pandas as pd
import pytest

from seds500.claims.smogn import CLAIMS
from seds500.pages import data, differential_privacy, experiment, privacy, smogn
from seds500.records import prose, store
from synthtab.attacks.card import Card
from synthtab.evaluation.compare import Comparison


def comparison(n_seeds: int = 4, **means: float) -> Comparison:
    """Scores that scatter by a hundredth about the given means."""
    rows = [
        (seed, "replacement", method, "rf", "r2", mean + 0.01 * ((seed + i) % 2))
        for i, (method, mean) in enumerate(means.items())
        for seed in range(n_seeds)
    ]
    scores = pd.DataFrame(rows, columns=["seed", "setting", "method", "learner", "metric", "value"])
    tables = {"real": pd.DataFrame({"x": [1], "y": [2]})}
    return Comparison(scores, pd.DataFrame(), pd.DataFrame(), tables, n_train=80, n_test=20)


def test_selection_is_blamed_only_where_smogn_scores_below_interpolation():
    lost = comparison(real=0.8, smogn_extreme=0.4, interpolation=0.8)
    kept = comparison(real=0.8, smogn_extreme=0.8, interpolation=0.8)
    ahead = comparison(real=0.8, smogn_extreme=0.8, interpolation=0.4)
    assert "the loss is not one of interpolation" in experiment.meaning(lost)
    assert "does not show that selecting rows" in experiment.meaning(kept)
    assert "did not cost anything here" in experiment.meaning(ahead)


def test_the_noise_copy_warns_only_where_it_scores_well():
    assert "no sign that a table may be shared" in experiment.meaning(
        comparison(real=0.8, noise_copy=0.8)
    )
    assert "no sign" not in experiment.meaning(comparison(real=0.8, noise_copy=0.4))


def test_one_seed_tells_nothing_apart():
    alone = comparison(1, real=0.8, smogn_extreme=0.4, interpolation=0.8)
    assert experiment.meaning(alone) == (
        "One seed gives no interval, so this run tells no two methods apart."
    )


@pytest.mark.parametrize(
    ("selecting", "interpolating", "words"),
    [
        (6, 0, "Selecting rows by their target is what fails, and interpolating is not"),
        (0, 6, "Interpolating is what costs score here"),
        (4, 4, "so this run does not decide"),
        (3, 3, "does not say why SMOGN fails"),
    ],
)
def test_what_fails_in_smogn_follows_from_the_pairs_that_are_lower(selecting, interpolating, words):
    given = {"selection": selecting, "smogn": selecting, "interpolation": interpolating}
    rows = {key: {"n": 6, "lower": given.get(key, 0), "higher": 0, "worst": -2.0} for key in CLAIMS}
    assert words in smogn.meaning(pd.DataFrame.from_dict(rows, orient="index"))


def test_a_void_card_says_nothing_and_a_fail_is_said():
    cards = [
        Card({}, {"hybrid": "pass"}, {}, ()),
        Card({}, {"hybrid": "fail"}, {}, ("no control",)),
    ]
    said = privacy.meaning(dict(zip("ab", cards, strict=True)))
    assert "Of 2 cards 1 are void" in said
    assert "pass on 1 of 1 tables" in said
    assert "No rule fails for HybridDiffusion" in said
    assert "may give records away" in privacy.meaning({"c": Card({}, {"hybrid": "fail"}, {}, ())})


@pytest.mark.parametrize(
    ("intact", "broken", "words"),
    [
        (1.0, 9.0, "would have noticed 1 of 1"),
        (1.0, 1.0, "it is no evidence"),
        (9.0, 9.0, "do not rely on the guarantee"),
    ],
)
def test_the_guarantee_is_judged_by_the_audit(intact, broken, words):
    audited = pd.DataFrame(
        {"claimed": 2.0, "found": [intact, broken], "mu_claimed": np.nan, "mu_found": np.nan},
        index=["as it is", "broken: no noise"],
    )
    assert words in differential_privacy.meaning({}, {}, audited)


def test_the_agreement_of_a_stand_in_is_that_of_its_reserve_or_of_its_seed():
    columns = ["n", "met", "n_reserve", "met_reserve"]
    all_met = pd.DataFrame([(9, 9, 8, 8)], index=["011"], columns=columns)
    missed = pd.DataFrame([(9, 8, 8, 6)], index=["011"], columns=columns)
    assert "the agreement is the simulator's and not the seed's" in data.meaning(all_met)
    said = data.meaning(missed)
    assert "misses 1 of 9 published figures" in said
    assert "misses 2 of 8" in said
    assert "owed to the choice of the seed" in said


def test_a_value_that_this_run_lacks_is_said_to_be_missing_and_one_of_a_record_is_an_error(
    tmp_path,
):
    store.save({"values": {"r2": 0.25}}, tmp_path / "other.json")
    text = "{res}`this.r2:.1f` {res}`this.no.r2` {res}`other.r2`"
    assert prose.fill(text, {"r2": 0.5}, tmp_path) == f"0.5 {prose.NOT_HERE} 0.25"
    with pytest.raises(store.RecordError, match="'other' has no 'r3'"):
        prose.fill("{res}`other.r3`", {}, tmp_path)
    with pytest.raises(ValueError, match=r"'this\.r2' cannot be shown with the format '\.2x'"):
        prose.fill("{res}`this.r2:.2x`", {"r2": 0.5})
