"""Every attack finds a planted leak, and stays at chance on rows nobody trained on."""

import itertools

import numpy as np
import pandas as pd
import pytest

from synthtab import HybridDiffusion
from synthtab.attacks.card import judge
from synthtab.attacks.controls import controls
from synthtab.attacks.copies import copy_excess, excess_p_value, returned
from synthtab.attacks.distances import MixedDistance
from synthtab.attacks.inference import attribute_inference, inference_risk
from synthtab.attacks.membership import ATTACKS, scores
from synthtab.attacks.outliers import most_isolated
from synthtab.attacks.roc import auc
from synthtab.attacks.run import closeness, run_attacks
from synthtab.attacks.tolerances import SURPRISE
from synthtab.attacks.whitebox import white_box_scores
from synthtab.generators.reference import NoiseCopy
from synthtab.table.example import example_table
from synthtab.table.schema import Schema
from synthtab.table.split import PrivacySplit, privacy_split


def table(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Mixed rows with atoms, as in the experiments."""
    size = rng.choice([6, 8, 10, 12], n)
    length = rng.integers(10, 90, n) / 2
    plant = rng.choice(["a", "b", "c"], n)
    minutes = (70 * size + 2 * length + rng.normal(0, 60, n)).round()
    return pd.DataFrame({"size": size, "length": length, "plant": plant, "minutes": minutes})


SCHEMA = Schema.infer(table(500, np.random.default_rng(0)), target="minutes")
N = 600


def parts(seed: int) -> tuple[PrivacySplit, pd.DataFrame]:
    """Members, non-members, reference; and fresh rows."""
    rows = table(4 * N, np.random.default_rng(seed))
    cut = [rows.iloc[i * N : (i + 1) * N].reset_index(drop=True) for i in range(4)]
    return PrivacySplit(*cut[:3], SCHEMA), cut[3]


def halves(rows: pd.DataFrame, schema: Schema | None = None) -> PrivacySplit:
    """The first half as members, the second as non-members, all as reference."""
    schema = schema or Schema.infer(rows, target=rows.columns[-1])
    half = len(rows) // 2
    return PrivacySplit(rows[:half], rows[half:], rows, schema)


# Distances ----------------------------------------------------------------------------------


def brute_force(a: pd.DataFrame, b: pd.DataFrame, scale_by: pd.DataFrame) -> np.ndarray:
    distance = np.empty((len(a), len(b)))
    for i, j in itertools.product(range(len(a)), range(len(b))):
        total = 0.0
        for c in a.columns:
            if pd.api.types.is_numeric_dtype(a[c]):
                total += ((a[c].iloc[i] - b[c].iloc[j]) / scale_by[c].std(ddof=0)) ** 2
            else:
                total += a[c].iloc[i] != b[c].iloc[j]
        distance[i, j] = np.sqrt(total)
    return distance


@pytest.mark.parametrize("n_levels", [3, 40])  # found by the tree, and block by block
def test_the_nearest_rows_are_those_of_brute_force(n_levels: int) -> None:
    rng = np.random.default_rng(1)
    rows = table(120, rng).assign(plant=[f"p{i}" for i in rng.integers(n_levels, size=120)])
    schema = Schema.infer(rows, target="minutes")
    queries, targets, scale_by = rows[:20], rows[20:60], rows[60:]
    found = MixedDistance(schema, scale_by=scale_by).nearest(queries, targets, k=3)
    expected = brute_force(queries, targets, scale_by)
    assert found.distance == pytest.approx(np.sort(expected, axis=1)[:, :3])
    assert np.take_along_axis(expected, found.position, 1) == pytest.approx(found.distance)


@pytest.mark.parametrize("n_levels", [3, 40])
def test_a_copy_is_at_distance_zero_exactly(n_levels: int) -> None:
    rng = np.random.default_rng(2)
    rows = table(200, rng).assign(plant=[f"p{i}" for i in rng.integers(n_levels, size=200)])
    rows["minutes"] *= 1e6  # large coordinates lose digits in a product of matrices
    metric = MixedDistance(Schema.infer(rows, target="minutes"), scale_by=rows[:9])
    assert (metric.nearest(rows, rows).distance == 0).all()


def test_a_column_that_is_constant_in_the_scale_keeps_its_unit() -> None:
    rows = pd.DataFrame({"x": [1.0, 4.0]})
    metric = MixedDistance(Schema.infer(rows, target="x"), scale_by=rows[:1])
    assert metric.nearest(rows[:1], rows[1:]).distance.item() == 3


def test_distances_refuse_what_they_cannot_measure() -> None:
    rows = table(3, np.random.default_rng(3))
    with pytest.raises(ValueError, match=r"columns \['weight'\]"):
        MixedDistance(SCHEMA, scale_by=rows, columns=["weight"])
    with pytest.raises(ValueError, match="columns missing"):
        MixedDistance(SCHEMA, scale_by=rows, columns=[])
    with pytest.raises(ValueError, match="4 nearest rows are asked for, and there are 3"):
        MixedDistance(SCHEMA, scale_by=rows).nearest(rows, rows, k=4)


# Copies -------------------------------------------------------------------------------------


def test_relabelling_gives_the_distribution_over_all_labellings() -> None:
    real, synthetic = [1, 1, 2, 3], pd.DataFrame({"a": [1, 1, 2, 2, 3, 9]})
    exact = []
    for members in itertools.combinations(range(4), 2):
        train = {real[i] for i in members}
        holdout = {real[i] for i in range(4) if i not in members}
        exact.append(np.mean([(v in train) - (v in holdout) for v in synthetic["a"]]))
    n, split = 6000, halves(pd.DataFrame({"a": real}))
    found = copy_excess(split, synthetic, columns=["a"], n_permutations=n, random_state=0)
    assert found.excess == pytest.approx(exact[0])
    for value, share in zip(*np.unique(np.round(exact, 9), return_counts=True), strict=True):
        assert abs(np.isclose(found.permuted, value).mean() - share / 6) < 4 * np.sqrt(0.25 / n)


def test_the_permutation_p_value_is_uniform_on_fresh_rows() -> None:
    n_runs, p = 400, []
    for seed in range(n_runs):
        rows = table(450, np.random.default_rng(seed))
        found = copy_excess(
            halves(rows[:300]), rows[300:],
            columns=["size", "length"], n_permutations=199, random_state=seed,
        )  # fmt: skip
        p.append(excess_p_value([found]))
    for level in (0.05, 0.25, 0.5, 0.75):
        error = 3.5 * np.sqrt(level * (1 - level) / n_runs)
        # Matches are counted in whole rows, so p is a little coarse and errs on the safe side.
        assert level - error - 0.06 < np.mean(np.array(p) <= level) < level + error


def test_a_few_copied_rows_are_found_and_splits_add_up() -> None:
    found = []
    for seed in range(3):
        split, fresh = parts(seed)
        leaky = pd.concat([fresh[12:], split.train[:12]], ignore_index=True)
        found.append(copy_excess(split, leaky, columns=SCHEMA.columns, random_state=seed))
    assert excess_p_value(found) < 0.01
    assert excess_p_value(found) <= min(excess_p_value([f]) for f in found)


def test_a_table_without_any_real_row_has_no_excess() -> None:
    rows = table(60, np.random.default_rng(0))
    elsewhere = rows.assign(length=rows.length + 1000)
    found = copy_excess(halves(rows), elsewhere, columns=SCHEMA.columns, random_state=0)
    assert found.excess == 0
    assert excess_p_value([found]) == 1


def test_parts_of_different_length_are_refused() -> None:
    rows = table(50, np.random.default_rng(0))
    with pytest.raises(ValueError, match="30 training and 20 holdout rows"):
        copy_excess(PrivacySplit(rows[:30], rows[30:], rows, SCHEMA), rows, columns=["size"])


def test_a_single_record_that_nobody_resembles_is_certain_when_it_returns() -> None:
    split, fresh = parts(0)
    split.train.loc[0, "minutes"] = 5000.0
    leaky = pd.concat([fresh[1:], split.train[:1]], ignore_index=True)
    assert returned(split, fresh).certain.training == 0
    assert returned(split, leaky).certain[:2] == (1, 0)
    # In the table twice, it is no longer a record of one.
    split.holdout.loc[0] = split.train.loc[0]
    assert returned(split, leaky).certain.training == 0


def test_chance_returns_of_coarse_rows_are_not_taken_for_certain() -> None:
    by_chance, certain = 0, 0
    for seed in range(25):
        split, fresh = parts(seed)
        drop = [c for c in SCHEMA.columns if c != "length"]
        schema = Schema.infer(split.train[drop], target="minutes")
        coarse = PrivacySplit(
            *(p[drop] for p in (split.train, split.holdout, split.reference)), schema
        )
        found = returned(coarse, fresh[drop])
        by_chance += found.unique.training > 0
        certain += found.certain.training > 0
    assert by_chance == 25
    assert certain <= 2


def test_rows_that_return_with_little_noise_are_near_and_fresh_rows_are_not() -> None:
    split, fresh = parts(1)
    jittered = NoiseCopy(scale=0.005).fit(split.train, SCHEMA).sample(N, random_state=0)
    for found in (returned(split, jittered).near, returned(split, jittered).near_alone):
        assert found.excess().low > 0.5
    for none in (returned(split, fresh).near, returned(split, fresh).near_alone):
        assert none.excess().low < 0 < none.excess().high


def test_one_training_row_in_twenty_with_little_noise_is_mostly_found() -> None:
    found = 0
    for seed in range(10):
        split, fresh = parts(seed)
        noisy = NoiseCopy(scale=0.02).fit(split.train, SCHEMA).sample(N, random_state=seed)
        leaky = pd.concat([fresh[: N - N // 20], noisy[: N // 20]], ignore_index=True)
        near = returned(split, leaky).near, returned(split, leaky).near_alone
        found += any(of.excess(1 - 0.05 / 14).low > 0 for of in near)
    assert found >= 5


def continuous(seed: int) -> tuple[PrivacySplit, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(2000, 2)) @ rng.normal(size=(2, 6))
    values = (shared + 0.3 * rng.standard_t(3, size=(2000, 6))).round(5)
    rows = pd.DataFrame(values, columns=list("abcdef"))
    cut = [rows.iloc[a:b].reset_index(drop=True) for a, b in ((0, 700), (700, 900), (900, 1000))]
    return PrivacySplit(*cut, Schema.infer(rows, target="f")), rows[1000:].reset_index(drop=True)


@pytest.mark.parametrize("leak", ["moved", "outliers", "whole"])
def test_a_few_rows_that_come_nearly_back_are_found(leak: str) -> None:
    missed = 0
    for seed in range(4):
        split, fresh = continuous(seed)
        assert returned(split, fresh).nearest.p_value > SURPRISE
        middle = split.train.sub(split.train.mean()).div(split.train.std()).pow(2).sum(axis=1)
        order = np.argsort(-middle.to_numpy())
        rows = split.train.iloc[order[300:320] if leak == "whole" else order[:10]].copy()
        if leak == "moved":
            rows["a"] += 0.01
        elif leak == "outliers":
            noise = np.random.default_rng(seed).normal(size=rows.shape)
            rows += 0.02 * split.train.std().to_numpy() * noise
        leaky = pd.concat([fresh[len(rows) :], rows], ignore_index=True)
        missed += returned(split, leaky).nearest.p_value > SURPRISE
    assert missed <= 1


def test_rows_that_return_but_for_one_column_are_found() -> None:
    split, fresh = continuous(0)
    rows = split.train[:70].copy()
    rows["b"] = fresh.b[:70]
    leaky = pd.concat([fresh[70:], rows], ignore_index=True)
    assert returned(split, fresh).but_one[:2] == (0, 0)
    found = returned(split, leaky)
    assert (found.but_one[:2], found.unique.training) == ((70, 0), 0)
    assert found.but_one.p_value < SURPRISE
    # Drawn from each column alone, rows agree in single values, and nobody is given away.
    rng = np.random.default_rng(0)
    alone = pd.DataFrame({c: rng.permutation(split.train[c]) for c in split.train})
    assert returned(split, alone).but_one.p_value > SURPRISE


def test_coarse_rows_that_agree_by_chance_surprise_nobody() -> None:
    for seed in range(4):
        rng = np.random.default_rng(seed)
        # Tenths of three columns often agree in two of them.
        parts = [
            pd.DataFrame(rng.normal(size=(n, 3)).round(1), columns=list("abc"))
            for n in (280, 80, 40, 280)
        ]
        split = PrivacySplit(*parts[:3], Schema.infer(parts[0], target="a"))
        found = returned(split, parts[3])
        assert min(found.nearest.p_value, found.but_one.p_value) > SURPRISE


def test_totals_and_few_levels_make_no_record_certain() -> None:
    failed = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        rows = pd.DataFrame(
            {
                "room": 120 * rng.poisson(3, 1020),
                "drugs": rng.gamma(1, 60, 1020).round(-1),
                "tests": 45 * rng.poisson(1, 1020),
                "ward": rng.choice(["a", "b", "c", "d"], 1020),
            }
        )
        rows["total"] = rows.room + rows.drugs + rows.tests  # no row differs in one column alone
        parts = [
            rows.iloc[a:b].reset_index(drop=True) for a, b in ((0, 420), (420, 540), (540, 600))
        ]
        split = PrivacySplit(*parts, Schema.infer(rows, target="total"))
        found = returned(split, rows.iloc[600:].reset_index(drop=True)).certain
        failed += bool(found.training and not found.fresh)
    assert failed <= 1


def test_of_equally_isolated_rows_as_large_a_share_is_taken_of_members_and_others() -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.integers(0, 2, size=(1300, 3)), columns=list("abc")).astype(str)
    parts = [rows.iloc[a:b].reset_index(drop=True) for a, b in ((0, 500), (500, 650), (650, 950))]
    split = PrivacySplit(*parts, Schema.infer(rows, target="c"))
    marked = most_isolated(split, share=0.2)
    assert abs(marked[:500].mean() - marked[500:].mean()) < 0.05
    found = run_attacks(split, rows.iloc[950:].reset_index(drop=True), random_state=0)
    assert judge([found])["isolated"].verdict != "fail"


def test_what_is_equal_is_looked_up_among_all_rows_where_some_are_attacked() -> None:
    split, fresh = continuous(0)
    some = PrivacySplit(split.train[:200], split.holdout, split.reference, split.schema)
    leaky = pd.concat([fresh[10:], split.train[400:410]], ignore_index=True)
    assert returned(some, fresh).unique.training == 0
    found = run_attacks(some, fresh[:300], whole=(split, leaky), random_state=0).returned
    assert (found.unique.training, found.certain.training) == (10, 10)
    assert found.near.n_training == 200


def test_a_table_that_keeps_away_from_the_training_rows_fails() -> None:
    data = example_table(1600)
    rows = pd.concat([data.frame, data.reserve], ignore_index=True)
    cut = [rows.iloc[i * 400 : (i + 1) * 400].reset_index(drop=True) for i in range(3)]
    split, fresh = PrivacySplit(*cut, data.schema), rows.iloc[1200:].reset_index(drop=True)
    metric = MixedDistance(data.schema, scale_by=split.train)
    apart = metric.nearest(split.train, split.train, k=2).distance[:, 1]
    far = metric.nearest(fresh, split.train).distance[:, 0] > np.median(apart)
    rows_of = judge([run_attacks(split, fresh[far].reset_index(drop=True), random_state=0)])
    assert rows_of["tpr_10"].verdict == "fail"
    assert rows_of["tpr_10"].at.endswith(("_absent", "_low"))
    assert judge([run_attacks(split, fresh, random_state=0)])["tpr_10"].verdict != "fail"


# Membership ---------------------------------------------------------------------------------


def test_every_membership_attack_finds_a_jittered_copy() -> None:
    split, _ = parts(0)
    copy = NoiseCopy(scale=0.01).fit(split.train, SCHEMA).sample(N, random_state=0)
    found = scores(split, copy, random_state=0)
    assert list(found) == list(ATTACKS)
    for attack, score in found.items():
        area = auc(score[:N], score[N:])
        assert area.value - 5 * np.sqrt(area.variance) > 0.5, attack


def test_every_membership_attack_is_at_chance_on_fresh_rows() -> None:
    z = {attack: [] for attack in ATTACKS}
    for seed in range(8):
        split, fresh = parts(seed)
        for attack, score in scores(split, fresh, random_state=seed).items():
            area = auc(score[:N], score[N:])
            z[attack].append((area.value - 0.5) / np.sqrt(area.variance))
    for attack, values in z.items():
        # A sum of independent standard normals; 5 attacks at 3.5 is 1 in 400.
        assert abs(np.sum(values)) < 3.5 * np.sqrt(len(values)), attack


def test_distance_attacks_do_not_depend_on_the_order_of_the_synthetic_rows() -> None:
    split, fresh = parts(1)
    forwards, backwards = (scores(split, f, random_state=0) for f in (fresh, fresh[::-1]))
    for attack in ("dcr", "dcr_difference", "nndr", "density_ratio"):
        assert forwards[attack] == pytest.approx(backwards[attack]), attack


def test_a_table_of_one_row_repeated_can_be_attacked() -> None:
    split, fresh = parts(2)
    one = pd.concat([fresh[:1]] * 50, ignore_index=True)
    found = scores(split, one, random_state=0)
    assert all(np.isfinite(score).all() for score in found.values())


# Inference, isolation, closeness ------------------------------------------------------------


def test_inference_counts_right_guesses_exactly() -> None:
    synthetic = pd.DataFrame({"x": [0.0, 10.0], "plant": ["a", "b"], "y": [100.0, 200.0]})
    train = pd.DataFrame({"x": [1.0, 9.0], "plant": ["a", "b"], "y": [103.0, 140.0]})
    holdout = pd.DataFrame({"x": [1.0, 9.0], "plant": ["a", "a"], "y": [100.0, 205.0]})
    schema = Schema.infer(synthetic, target="y")
    split = PrivacySplit(train, holdout, synthetic, schema)
    found = attribute_inference(split, synthetic, secrets=["plant", "y"], tolerance=0.08)
    # One standard deviation of y is 50: guesses within 4 are right.
    assert found["plant"] == (2, 1, 2, 2)
    assert found["y"] == (1, 1, 2, 2)


def test_inference_finds_a_copy_and_nothing_in_fresh_rows() -> None:
    guessed: dict[str, list] = {c: [] for c in SCHEMA.columns}
    for seed in range(6):
        split, fresh = parts(seed)
        for column, counts in attribute_inference(split, fresh).items():
            guessed[column].append(counts)
    for column, counts in guessed.items():
        risk = inference_risk(counts, confidence=0.999)
        assert risk.low < 0 < risk.high, column
    for column, counts in attribute_inference(split, split.train).items():
        assert inference_risk([counts]).low > 0.1, column


def test_inference_refuses_unknown_secrets_and_tables_without_other_columns() -> None:
    rows = table(10, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"secrets \['salary'\] are not columns"):
        attribute_inference(halves(rows), rows, secrets=["salary"])
    single = rows[["minutes"]]
    with pytest.raises(ValueError, match="'minutes' is the only column"):
        attribute_inference(halves(single), single)


def test_isolated_rows_are_those_far_from_the_reference_whoever_is_a_member() -> None:
    split, _ = parts(0)
    split.train.loc[3, "minutes"] = split.holdout.loc[100, "minutes"] = 1e5
    marked = most_isolated(split, share=0.1)
    assert marked.sum() == 120
    assert marked[[3, 700]].all()
    # Hypergeometric: 120 of 1,200 rows, of which half are members.
    assert abs(marked[:N].sum() - 60) < 4 * np.sqrt(120 * 0.25 * (1 - 120 / 1200))
    with pytest.raises(ValueError, match=r"share=1\.5"):
        most_isolated(split, share=1.5)


def test_the_nearest_real_row_is_a_training_row_half_of_the_time_by_chance() -> None:
    split, fresh = parts(4)
    found = closeness(split, fresh)
    # Fresh rows with one nearest neighbour share no more than a few; 4 standard errors of a half.
    assert abs(found["nearest_is_training"] - 0.5) < 4 * np.sqrt(0.5 / N)
    copied = closeness(split, split.train)
    assert copied["dcr_training"] == 0 < copied["dcr_holdout"]


def test_a_row_as_near_to_both_parts_counts_half() -> None:
    train, holdout = pd.DataFrame({"x": [0.0, 9.0]}), pd.DataFrame({"x": [2.0, 8.0]})
    synthetic = pd.DataFrame({"x": [1.0, 0.0, 3.0, 2.0]})
    schema = Schema.infer(train, target="x")
    found = closeness(PrivacySplit(train, holdout, train, schema), synthetic)
    assert found["nearest_is_training"] == (0.5 + 1 + 0 + 0) / 4


def test_eighteen_thousand_rows_can_be_attacked() -> None:
    data, columns = example_table(18_000), ["weight_kg", "service", "price_eur"]
    frame, reserve = data.frame[columns], data.reserve[columns]
    schema = Schema.infer(frame, target="price_eur")
    split = PrivacySplit(frame, reserve, reserve[:4000], schema)
    assert split.n == len(split.holdout) > 17_000
    found = run_attacks(split, split.train, random_state=0)
    assert found.copies["all"].of_training == pytest.approx(1)
    assert ("dcr", 0.001) in found.flags


# The model itself ---------------------------------------------------------------------------


def test_the_white_box_attack_finds_rows_learnt_by_heart_and_nothing_in_fresh_ones() -> None:
    rng = np.random.default_rng(5)
    rows = [table(N // 6, rng) for _ in range(4)]
    # Of few rows, seen often, the model knows each; the other one says what is easy to know.
    model = HybridDiffusion(n_iter=800, random_state=0).fit(rows[0], SCHEMA)
    other = HybridDiffusion(n_iter=100, random_state=1).fit(rows[1], SCHEMA)
    split = PrivacySplit(rows[0], pd.concat(rows[2:], ignore_index=True), rows[1], SCHEMA)
    score = white_box_scores(model, other, split, random_state=0)
    members, first, second = np.split(score, 3)
    leak, none = auc(members, first), auc(first, second)
    assert leak.value - 4 * np.sqrt(leak.variance) > 0.5
    assert abs(none.value - 0.5) < 3.5 * np.sqrt(none.variance)


def test_a_table_of_categories_only_gives_finite_white_box_scores() -> None:
    rows = table(200, np.random.default_rng(6))[["plant", "size"]]
    schema = Schema.infer(rows, target="size", categorical=["size"])
    models = [HybridDiffusion(n_iter=5, random_state=i).fit(rows, schema) for i in (0, 1)]
    assert np.isfinite(
        white_box_scores(*models, halves(rows, schema), n_noises=1, random_state=0)
    ).all()


# Splits and controls ------------------------------------------------------------------------


def test_parts_are_disjoint_and_drawn_from_frame_and_reserve() -> None:
    data = example_table()
    split = privacy_split(data, 0)
    parts = (split.train, split.holdout, split.reference)
    assert [len(p) for p in parts] == [800, 800, 400]
    together = pd.concat(parts).value_counts()
    everything = pd.concat([data.frame, data.reserve]).value_counts()
    assert together.equals(everything.reindex(together.index))
    again, other = privacy_split(data, 0), privacy_split(data, 1)
    assert again.train.equals(split.train)
    assert not other.train.equals(split.train)


def test_without_a_reserve_the_frame_is_divided() -> None:
    data = example_table(500)
    lean = privacy_split(type(data)(**(vars(data) | {"reserve": None})), 0)
    assert [len(p) for p in (lean.train, lean.holdout, lean.reference)] == [200, 200, 100]
    with pytest.raises(ValueError, match="parts of 99, 99 and 99 rows are too small"):
        privacy_split(data, 0, n_rows=99)


def test_controls_leak_what_they_say_and_leave_the_reference_alone() -> None:
    split, _ = parts(7)
    # Numbered rows, so that copies are copies and not chance.
    numbered = (
        p.assign(length=np.arange(N) + 1e4 * i)
        for i, p in enumerate((split.train, split.holdout, split.reference))
    )
    split = PrivacySplit(*numbered, SCHEMA)
    made = controls(split, random_state=0)
    known = set(split.train.length)
    leaked = {key: t.length.isin(known).sum() for key, t in made.tables.items()}
    assert leaked["control_leak_10"] == N // 10
    assert leaked["control_leak_1"] == N // 100
    assert leaked["control_real"] == 0
    assert not set(made.tables["control_real"].length) & set(made.split.reference.length)
    assert len(made.tables["control_copy"]) == N
    moved = made.tables["control_copy"].minutes.sort_values().to_numpy()
    assert (
        0 < np.abs(moved - np.sort(split.train.minutes)).mean() < 0.02 * split.train.minutes.std()
    )


def test_a_part_of_another_schema_is_refused_when_the_split_is_made() -> None:
    rows = table(30, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"missing columns: \['plant'\]"):
        PrivacySplit(rows[:10], rows[10:20], rows[20:].drop(columns="plant"), SCHEMA)
