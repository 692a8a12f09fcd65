"""Repeated training finds a generator that copies, and nothing where there is nothing to find."""

import numpy as np
import pandas as pd
import pytest

from synthtab import HybridDiffusion
from synthtab.attacks.distances import MixedDistance
from synthtab.attacks.shadow import (
    Exposed,
    Trainings,
    likelihood_ratio_attack,
    repeated_training,
    shadow_attack,
)
from synthtab.generators.reference import Bootstrap, IndependentMarginals, Resampler, SecondSample
from synthtab.table.example import example_table

TABLE = example_table()
ROWS, FRESH, SCHEMA = TABLE.frame.head(400), TABLE.frame.iloc[400:], TABLE.schema


def planted(shift: np.ndarray, seed: int, n_models: int = 16) -> Trainings:
    """Log losses that are lower by `shift` standard deviations where a row was trained on."""
    rng = np.random.default_rng(seed)
    n = len(shift)
    member = np.zeros((n_models, n), dtype=bool)
    for pair in range(0, n_models, 2):
        member[pair, rng.permutation(n)[: n // 2]] = True
        member[pair + 1] = ~member[pair]
    return Trainings((rng.normal(size=(n_models, n)) - shift * member)[..., None], member)


def attacked(generator: object, **options: object) -> dict[str, dict[str, Exposed]]:
    return shadow_attack(generator, ROWS, SCHEMA, random_state=0, **options)


def test_a_bootstrap_gives_everybody_away_and_more_so_the_more_is_drawn() -> None:
    found = attacked(Bootstrap())
    once, often = (found[key]["all"].auc.value for key in ("drawn_1", "drawn_5"))
    assert 0.75 < once < often
    assert often > 0.97
    assert found["drawn_5"]["exposed"].auc.value > 0.97
    assert found["drawn_5"]["all"].flags.tpr > 0.9
    assert found["drawn_5"]["exposed"].n_rows == 20


def test_tables_that_hang_on_no_row_give_nobody_away() -> None:
    found = attacked(SecondSample(FRESH), draws=(1, 3))
    for part in found.values():
        assert abs(part["all"].auc.value - 0.5) < 0.03
        assert abs(part["exposed"].auc.value - 0.5) < 0.1
        assert part["all"].auc.low < 0.5 < part["all"].auc.high


def test_of_independent_columns_only_rare_values_give_somebody_away() -> None:
    found = attacked(IndependentMarginals(), draws=(1,))["drawn_1"]
    assert 0.47 < found["all"].auc.value < 0.56


def test_the_null_check_is_a_half_even_where_everybody_is_given_away() -> None:
    found = attacked(Bootstrap(), draws=(5,))["drawn_5"]
    assert abs(found["all"].null - 0.5) < 0.03
    assert abs(found["exposed"].null - 0.5) < 0.1
    assert found["all"].is_sound
    assert found["exposed"].is_sound


def test_an_attack_that_finds_members_that_were_made_up_is_not_sound() -> None:
    fair = planted(np.full(200, 2.0), 0)
    assert likelihood_ratio_attack(fair, random_state=0)["all"].is_sound
    # Losses that tell who will be made up to be a member, and not who was one.
    swapped = np.repeat(np.random.default_rng(0).random((8, 200)) < 0.5, 2, axis=0)
    told = Trainings(-2.0 * (fair.is_member ^ swapped)[..., None] + fair.statistic, fair.is_member)
    found = likelihood_ratio_attack(told, random_state=0)["all"]
    assert (found.is_sound, found.null > 0.6) == (False, True)


class KeepAway(Resampler):
    """Rows of a second sample, without those near a training row: a popular filter."""

    def _draw(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        fresh = FRESH
        metric = MixedDistance(self.schema_, scale_by=FRESH)
        gap = metric.nearest(fresh, self.frame_).distance[:, 0]
        far = fresh[gap > np.quantile(gap, 0.4)]
        return far.sample(n, replace=True, random_state=rng).reset_index(drop=True)


def test_a_table_that_keeps_away_from_the_training_rows_gives_them_away() -> None:
    found = attacked(KeepAway(), draws=(5,))["drawn_5"]["all"]
    assert found.auc.low > 0.52


def test_the_models_are_attacked_too_where_they_are_open() -> None:
    model = HybridDiffusion(n_iter=3, width=8)
    found = repeated_training(
        model, ROWS.iloc[:61], SCHEMA, n_models=6, draws=(1,), white_box=True, random_state=0
    )
    assert {k: v.statistic.shape for k, v in found.items()} == {
        "drawn_1": (6, 60, 2),
        "white_box": (6, 60, 1),
    }
    member = found["drawn_1"].is_member
    assert (member.sum(axis=0) == 3).all()
    assert (member[::2] == ~member[1::2]).all()
    again = repeated_training(
        model, ROWS.iloc[:61], SCHEMA, n_models=6, draws=(1,), white_box=True, random_state=0
    )
    for key in found:
        assert np.array_equal(found[key].statistic, again[key].statistic)
    with pytest.raises(ValueError, match="Bootstrap tells no loss"):
        attacked(Bootstrap(), white_box=True)
    for n_models in (4, 7):
        with pytest.raises(ValueError, match=f"n_models={n_models}: give an even number"):
            attacked(Bootstrap(), n_models=n_models)


def test_fewer_models_are_trained_where_time_is_short_and_none_for_nothing() -> None:
    many = repeated_training(Bootstrap(), ROWS, SCHEMA, n_models=8, seconds=60, random_state=0)
    assert len(many["drawn_1"].is_member) == 8
    assert attacked(Bootstrap(), seconds=0.0) == {}


def test_choosing_the_most_exposed_rows_does_not_flatter_the_attack() -> None:
    found = likelihood_ratio_attack(planted(np.zeros(1000), 1), random_state=0)
    assert found["exposed"].n_rows == 50
    assert abs(found["all"].auc.value - 0.5) < 0.02
    assert abs(found["exposed"].auc.value - 0.5) < 0.06
    assert found["exposed"].auc.low < 0.5 < found["exposed"].auc.high


def test_the_most_exposed_rows_are_told_apart_where_the_average_is_not() -> None:
    found = likelihood_ratio_attack(
        planted(np.where(np.arange(1000) < 40, 3.0, 0.0), 2), random_state=0
    )
    assert found["all"].auc.value < 0.6
    assert found["exposed"].auc.value > 0.85
