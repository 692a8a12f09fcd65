"""Cells are drawn from what is predicted, and conditions give the law that enumeration gives."""

import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import chi2, norm

from synthtab.diffusion.networks import NumberParts, to_batch
from synthtab.diffusion.reveal import Condition, draw_category, draw_number
from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.table.schema import Schema

N = 20_000
EDGES = torch.tensor([0.0, 0.1, 0.15, 0.5, 0.8, 1.0], dtype=torch.float64)

NO_PLACES = torch.zeros(1, 0)  # of a number that is never another one


def assert_frequencies(counts: np.ndarray, p: np.ndarray, slack: float = 0.0) -> None:
    """Chi-squared: a right sampler fails once in a million; `slack` is a bias allowed, a share.

    Cells of fewer than five expected rows are taken together with the next larger one.
    """
    expected = counts.sum() * p / p.sum()
    assert counts[expected == 0].sum() == 0
    counts, expected = counts[expected > 0], expected[expected > 0]
    order = np.argsort(expected)
    first = np.append(0, np.arange((expected < 5).sum() + 1, len(expected)))
    counts, expected = (np.add.reduceat(part[order], first) for part in (counts, expected))
    distance = (np.abs(counts - expected) - slack * expected).clip(0)
    assert (distance**2 / expected).sum() < chi2.ppf(1 - 1e-6, len(counts) - 1)


def parts(n: int, *, gap: float, copies: tuple[float, ...] = ()) -> NumberParts:
    """One predicted number, n times over."""
    histogram = np.append(np.array([0.3, 0.05, 0.05, 0.4, 0.2]) * (1 - gap), gap)

    def tile(values: list[float] | np.ndarray) -> torch.Tensor:
        return torch.tensor(np.asarray(values, dtype=float)).expand(n, -1)

    return NumberParts(
        tile(histogram),
        tile([0.6])[:, 0],
        *(tile([0.3, 0.7]), tile([-1.0, 0.5]), tile([0.2, 0.8])),
        copies=tile(copies),
    )


def probability(low: np.ndarray, high: np.ndarray, gap: float) -> np.ndarray:
    """What `parts` gives to ranks between `low` and `high`."""
    mass = np.append(0, np.cumsum(np.array([0.3, 0.05, 0.05, 0.4, 0.2]) * (1 - gap)))
    rough = np.interp(high, EDGES, mass) - np.interp(low, EDGES, mass)
    ends = norm.ppf(low), norm.ppf(high)
    smooth = sum(
        w * np.diff([norm.cdf(e, mean, sd) for e in ends], axis=0)[0]
        for w, mean, sd in ((0.3, -1.0, 0.2), (0.7, 0.5, 0.8))
    )
    return np.asarray(0.6 * smooth + 0.4 * rough)


@pytest.mark.parametrize("span", [None, (0.12, 0.6), (0.0, 0.1)])
def test_a_number_is_drawn_from_its_distribution(span: tuple[float, float] | None) -> None:
    uniform = torch.rand(N, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    condition, (least, greatest) = None, span or (0.0, 1.0)
    if span is not None:
        applies = torch.ones(N, dtype=torch.bool)
        nothing = torch.zeros(N, dtype=torch.float64)
        condition = Condition(
            applies, False, nothing.long(), nothing, nothing + least, nothing + greatest, nothing,
            torch.zeros(N, 0),
        )  # fmt: skip
    drawn = draw_number(parts(N, gap=0.1), EDGES, uniform, condition, NO_PLACES)
    code, rank = drawn.code.numpy(), drawn.rank.numpy()
    is_gap = code == 5
    ends = np.linspace(least, greatest, 41)
    p = probability(ends[:-1], ends[1:], gap=0.1)
    counts = np.histogram(rank[~is_gap], ends)[0]
    if span is None:
        p, counts = np.append(p, 0.4 * 0.1), np.append(counts, is_gap.sum())
    assert counts.sum() == N  # under a range no cell is missing, and none is outside
    assert_frequencies(counts, p)
    np.testing.assert_allclose(drawn.log_weight, np.log(p.sum()), atol=1e-9)
    inside = np.searchsorted(EDGES[1:-1].numpy(), rank[~is_gap])
    np.testing.assert_array_equal(code[~is_gap], inside)


def test_the_ends_of_a_range_stay_inside() -> None:
    ends = torch.tensor([[0.999999, 0.0], [0.0, 0.0], [0.999999, 1.0]], dtype=torch.float64)
    nothing = torch.zeros(3, dtype=torch.float64)
    condition = Condition(
        torch.ones(3, dtype=torch.bool), False, nothing.long(), nothing,
        nothing + 0.15, nothing + 0.5, nothing, torch.zeros(3, 0),
    )  # fmt: skip
    drawn = draw_number(parts(3, gap=0.0), EDGES, ends, condition, NO_PLACES)
    assert drawn.code.tolist() == [2, 2, 2]


def test_a_number_is_another_one_as_often_as_predicted() -> None:
    uniform = torch.rand(N, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    nothing = torch.zeros(N, dtype=torch.float64)
    condition = Condition(
        torch.ones(N, dtype=torch.bool), False, nothing.long(), nothing, nothing, nothing + 0.5,
        nothing, torch.zeros(N, 0),
    )  # fmt: skip
    made = parts(N, gap=0.0, copies=(0.2, 0.3, 0.1))
    places = torch.tensor([0.9, 0.4, 0.25], dtype=torch.float64).expand(N, -1)
    rest = 0.4 * probability(np.zeros(1), np.full(1, 0.5), gap=0.0)[0]
    for asked, p in ((None, [0.4, 0.2, 0.3, 0.1]), (condition, [rest, 0, 0.3, 0.1])):
        drawn = draw_number(made, EDGES, uniform, asked, places)
        counts = np.bincount(drawn.tie + 1, minlength=4)
        possible = np.array(p) > 0
        assert (counts[~possible] == 0).all()
        assert_frequencies(counts[possible], np.array(p)[possible] / sum(p))
        for tie, place in enumerate((0.9, 0.4, 0.25)):
            assert (drawn.rank[drawn.tie == tie] == place).all()
        np.testing.assert_allclose(drawn.log_weight, np.log(sum(p)), atol=1e-9)
    assert (drawn.code == torch.searchsorted(EDGES[1:-1], drawn.rank)).all()


def test_a_category_is_drawn_from_its_distribution() -> None:
    p = np.array([0.5, 0.0, 0.2, 0.3])
    uniform = torch.rand(N, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    predicted = torch.from_numpy(p).expand(N, -1)
    assert_frequencies(np.bincount(draw_category(predicted, uniform, None).code, minlength=4), p)
    nothing = torch.zeros(N, dtype=torch.float64)
    allowed = torch.tensor([False, True, True, True]).expand(N, -1)
    applies = torch.arange(N) % 2 == 0
    some = Condition(applies, False, nothing.long(), *[nothing] * 4, allowed)
    drawn = draw_category(predicted, uniform, some)
    assert_frequencies(np.bincount(drawn.code[applies], minlength=4), p * [0, 1, 1, 1])
    assert_frequencies(np.bincount(drawn.code[~applies], minlength=4), p)
    np.testing.assert_allclose(drawn.log_weight[applies].exp(), 0.5)
    one = Condition(applies, True, nothing.long() + 2, *[nothing] * 4, allowed[:, :0])
    drawn = draw_category(predicted, uniform, one)
    assert (drawn.code[applies] == 2).all()
    np.testing.assert_allclose(drawn.log_weight[applies].exp(), 0.2)


# --- a table so small that all of its rows can be listed ---------------------------------------

KINDS, SIZES, FLAGS = ("a", "b", "c"), (1, 2, 3, 4), ("no", "yes")
ROWS = pd.DataFrame(
    itertools.product(KINDS, SIZES, FLAGS), columns=["kind", "size", "flag"]
).astype({"kind": object, "flag": object})


def tiny(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, n)
    size = (kind + rng.binomial(2, 0.4, n)).clip(0, 3)
    flag = (rng.random(n) < np.where(size == kind, 0.9, 0.2)).astype(int)
    flag[rng.random(n) < 0.1] = 1
    columns = {"kind": np.array(KINDS, dtype=object)[kind], "size": size + 1}
    return pd.DataFrame(columns | {"flag": np.array(FLAGS, dtype=object)[flag]})


@pytest.fixture(scope="module", params=["natural", "any"])
def model(request: pytest.FixtureRequest) -> HybridDiffusion:
    frame = tiny(3000)
    settings = {"width": 24, "n_members": 2, "dropout": 0.0, "n_iter": 400, "random_state": 0}
    return HybridDiffusion(order=request.param, **settings).fit(
        frame, Schema.infer(frame, target="flag")
    )


def joint(model: HybridDiffusion, order: tuple[int, ...], given: tuple[int, ...]) -> np.ndarray:
    """Probability of each of `ROWS` when columns are revealed in an order, some of them given."""
    rows = to_batch(model.encoder_, model.encoder_.cells(ROWS))
    networks, n = model.networks_, len(ROWS)
    known = torch.zeros(n, 3, dtype=torch.bool)
    known[:, list(given)] = True
    p = np.ones(n)
    for j in order:
        cells = []
        for member in range(networks.n_members):
            members = torch.full((n,), member)
            found = networks.predict(j, rows, known if networks.any_order else None, members)
            if isinstance(found, NumberParts):
                edges = norm.ppf(model.encoder_.columns_["size"].edges)
                code, mean, sd = rows.code[:, j].numpy(), found.mean.numpy(), found.sd.numpy()
                inside = norm.cdf((edges[code + 1, None] - mean) / sd)
                inside -= norm.cdf((edges[code, None] - mean) / sd)
                smooth = (found.weight.numpy() * inside).sum(axis=1)
                rough = found.histogram.gather(1, rows.code[:, [j]])[:, 0].numpy()
                gate = found.smooth.numpy()
                cells.append(gate * smooth + (1 - gate) * rough)
            else:
                cells.append(found.gather(1, rows.code[:, [j]])[:, 0].numpy())
        p *= np.mean(cells, axis=0)
        known[:, j] = True
    return p


def counted(frame: pd.DataFrame) -> np.ndarray:
    return frame.value_counts().reindex(pd.MultiIndex.from_frame(ROWS), fill_value=0).to_numpy()


def test_free_rows_are_those_of_the_likelihood(model: HybridDiffusion) -> None:
    p = joint(model, (0, 1, 2), ())
    assert p.sum() == pytest.approx(1)
    np.testing.assert_allclose(np.exp(model.log_likelihood(ROWS)), p, rtol=1e-3, atol=1e-6)
    assert_frequencies(counted(model.sample(N, random_state=1)), p)
    # And they are learnt: the table's own shares, up to what 3,000 rows and 400 steps leave open.
    assert np.abs(p - counted(tiny(100_000)) / 100_000).sum() < 0.15


def test_in_any_order_the_joint_is_nearly_the_same(model: HybridDiffusion) -> None:
    if model.order == "natural":
        pytest.skip("knows one order")
    joints = [joint(model, order, ()) for order in itertools.permutations(range(3))]
    for p in joints:
        assert p.sum() == pytest.approx(1)
        assert np.abs(p - joints[0]).sum() < 0.15  # twice the total variation


CONDITIONS = [
    {"flag": "yes"},
    {"size": 2},
    {"kind": "b", "flag": "no"},
    {"size": (2, 3)},
    {"kind": ["a", "c"], "flag": "yes"},
    {"kind": {"b", "c"}, "size": (3, 4), "flag": "no"},
]


@pytest.mark.parametrize("conditions", CONDITIONS)
def test_conditions_give_the_law_of_enumeration(model: HybridDiffusion, conditions: dict) -> None:
    n = 1000
    drawn = model.sample(n, random_state=2, conditions=conditions)
    meets = np.ones(len(ROWS), dtype=bool)
    exact = []
    for j, name in enumerate(ROWS):
        asked = conditions.get(name)
        if isinstance(asked, tuple):
            meets &= ROWS[name].between(*asked).to_numpy()
        elif isinstance(asked, list | set):
            meets &= ROWS[name].isin(asked).to_numpy()
        elif asked is not None:
            meets &= (ROWS[name] == asked).to_numpy()
            exact.append(j)
    if model.order == "natural":
        order, exact = (0, 1, 2), []
    else:  # given cells are known from the start, then columns with a wider condition, then others
        wider = [j for j, c in enumerate(ROWS) if c in conditions and j not in exact]
        order = (*wider, *(j for j in range(3) if j not in (*wider, *exact)))
    p = joint(model, order, tuple(exact)) * meets
    # 64 particles leave a bias of about 1 in 64.
    assert_frequencies(counted(drawn), p, slack=1 / 32)


def test_a_frame_says_it_row_by_row_and_imputation_follows_the_law(model: HybridDiffusion) -> None:
    gap = pd.DataFrame({"kind": [None] * 1600, "size": 2.0, "flag": ["yes", None] * 800})
    filled = model.impute(gap, random_state=3)
    assert (filled["size"] == 2).all()
    assert (filled.flag[::2] == "yes").all()
    for rows, exact in ((filled[::2], (1, 2)), (filled[1::2], (1,))):
        meets = np.all([ROWS.iloc[:, j] == rows.iloc[0, j] for j in exact], axis=0)
        if model.order == "natural":
            p = joint(model, (0, 1, 2), ())
        else:
            p = joint(model, tuple(j for j in range(3) if j not in exact), exact)
        assert_frequencies(counted(rows), p * meets, slack=1 / 32)
    drawn = model.sample(1600, random_state=3, conditions=gap)
    pd.testing.assert_frame_equal(drawn, filled)  # a table without gaps has nothing else to draw


def variance_ratio(draws: list[np.ndarray]) -> float:
    """Variance of the means of draws, in those of means of independent values."""
    means = np.array([d.mean() for d in draws])
    return float(means.var() * len(draws[0]) / np.concatenate(draws).var())


def test_rows_are_independent_draws(model: HybridDiffusion) -> None:
    n_draws = 250
    draws = [model.sample(40, random_state=s)["size"].to_numpy() for s in range(n_draws)]
    limit = 4 * np.sqrt(2 / n_draws)  # four standard errors of a variance from so many draws
    assert abs(variance_ratio(draws) - 1) < limit
    # The test tells: rows paired with their opposites would fail it.
    antithetic = [np.append(d[:20], 5 - d[:20]) for d in draws]
    assert variance_ratio(antithetic) < 1 - limit


# --- numbers that are often those of another column ---------------------------------------------

PAID = 0.3  # share of bills that are paid in full


def bills(n: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    bill = rng.gamma(2, 100, n)
    paid = np.where(rng.random(n) < PAID, bill, bill * rng.random(n))
    return pd.DataFrame({"bill": bill, "paid": paid, "late": rng.gamma(2, 100, n)})


@pytest.fixture(scope="module", params=["natural", "any"])
def tied(request: pytest.FixtureRequest) -> HybridDiffusion:
    frame = bills(3000)
    settings = {"width": 24, "n_members": 2, "dropout": 0.0, "n_iter": 400, "random_state": 0}
    return HybridDiffusion(order=request.param, **settings).fit(
        frame, Schema.infer(frame, target="late")
    )


def test_numbers_are_equal_as_often_as_in_training_and_to_the_last_digit(
    tied: HybridDiffusion,
) -> None:
    assert tied.encoder_.ties_ == {"bill": ["paid"], "paid": ["bill"]}
    n = 4000
    drawn = tied.sample(n, random_state=1)
    # What 3,000 rows tell of a share, and what 4,000 drawn ones do.
    error = np.sqrt(PAID * (1 - PAID) * (1 / 3000 + 1 / n))
    assert abs((drawn.bill == drawn.paid).mean() - PAID) < 4 * error + 0.02
    assert (drawn.late == drawn.bill).sum() == 0


def test_a_range_holds_for_a_number_that_is_another_one(tied: HybridDiffusion) -> None:
    drawn = tied.sample(1000, random_state=1, conditions={"paid": (150, 200)})
    assert drawn.paid.between(150, 200).all()
    real = bills(200_000).query("150 <= paid <= 200")
    share = (real.bill == real.paid).mean()
    assert abs((drawn.bill == drawn.paid).mean() - share) < 0.1


def test_given_numbers_are_copied_as_they_were_given(tied: HybridDiffusion) -> None:
    given = bills(1000, seed=1)[["bill"]].clip(5, 900)  # within what training rows hold
    drawn = tied.sample(1000, random_state=1, conditions=given)
    np.testing.assert_array_equal(drawn.bill, given.bill)
    assert abs((drawn.bill == drawn.paid).mean() - PAID) < 0.06


def test_an_equal_number_is_likely_and_probabilities_sum_to_one(tied: HybridDiffusion) -> None:
    bill = 180.0
    grid = np.unique(np.append(np.linspace(0.01, 1500, 4000), bill))
    rows = pd.DataFrame({"bill": bill, "paid": grid, "late": 100.0})
    log_p = tied.log_likelihood(rows)
    equal = int(np.flatnonzero(grid == bill)[0])
    assert log_p[equal] > np.delete(log_p, equal).max() + 3
    # A neighbour's probability is that of one rank in 3,000; all ranks together are the rest.
    codes = tied.encoder_.columns_["paid"]
    rank = codes.encode(grid).rank
    density = np.exp(np.delete(log_p, equal)) / codes.grain
    rest = np.trapezoid(density, np.delete(rank, equal))
    marginal = np.exp(log_p[equal]) + rest
    assert np.exp(log_p[equal]) / marginal == pytest.approx(PAID, abs=0.1)


def test_a_network_is_told_of_a_tie_when_it_sees_both_numbers(tied: HybridDiffusion) -> None:
    networks, rows = tied.networks_, bills(3000).query("bill == paid").head(50)
    changed = rows.assign(bill=rows.bill + 1)

    def cells(frame: pd.DataFrame, *seen: int) -> np.ndarray:
        known = None
        if networks.any_order:
            known = torch.zeros(networks.n_members, len(frame), 3, 3)
            known[..., list(seen)] = 1.0
        made = to_batch(tied.encoder_, tied.encoder_.cells(frame)).take(None)
        return networks.log_likelihood(made, known).numpy()

    before, after = cells(rows, 0, 1), cells(changed, 0, 1)
    assert (before[:, 1] > after[:, 1] + 3).all()  # `paid` is no longer the number it sees
    assert (before[:, 2] != after[:, 2]).any()
    if networks.any_order:  # where the bill is hidden, nothing tells that the two are equal
        np.testing.assert_array_equal(cells(rows, 1)[:, 1:], cells(changed, 1)[:, 1:])
        np.testing.assert_array_equal(cells(rows)[:, 1], cells(changed)[:, 1])
    else:
        later = rows.assign(paid=rows.paid + 1, late=rows.late + 1)
        np.testing.assert_array_equal(before[:, 0], cells(later)[:, 0])


def test_a_number_is_copied_only_into_a_column_that_can_hold_it() -> None:
    rng = np.random.default_rng(0)
    n = 1500
    cents = rng.gamma(2, 500, n).round(2)
    is_tied = rng.random(n) < 0.5
    cents[is_tied] = cents[is_tied].round()
    whole = np.where(is_tied, cents, (cents * rng.uniform(0.3, 0.9, n)).round())
    for dtype in ("Int64", "int64", "float64"):
        frame = pd.DataFrame(
            {"a": cents, "b": pd.array(whole, dtype=dtype), "y": rng.normal(size=n)}
        )
        model = HybridDiffusion(n_iter=100, n_members=1, width=16, random_state=0)
        drawn = model.fit(frame, Schema.infer(frame, target="y")).sample(n, random_state=1)
        assert model.encoder_.ties_ == {"a": ["b"], "b": ["a"]}
        assert drawn.b.dtype == frame.b.dtype
        assert (drawn.b % 1 == 0).all()
        assert (drawn.a == drawn.b).mean() > 0.05
    asked = model.sample(1000, random_state=1, conditions={"b": (400, 500)})
    assert asked.b.between(400, 500).all()


def test_numbers_of_less_precision_and_of_short_lists_are_copied() -> None:
    rng = np.random.default_rng(0)
    n = 2000
    is_tied = rng.random(n) < 0.5
    short = rng.integers(0, 40, n)
    single = rng.gamma(2, 100, n).round(2).astype("float32")
    frame = pd.DataFrame(
        {
            "single": single,
            "double": np.where(is_tied, single.astype(float), rng.gamma(2, 100, n).round(2)),
            "short": short,
            "again": np.where(is_tied, short, rng.integers(0, 40, n)),
            "y": rng.normal(size=n),
        }
    )
    model = HybridDiffusion(n_iter=200, n_members=1, width=16, random_state=0)
    drawn = model.fit(frame, Schema.infer(frame, target="y")).sample(n, random_state=1)
    for one, other in (("single", "double"), ("short", "again")):
        real, found = ((f[one] == f[other]).mean() for f in (frame, drawn))
        assert abs(found - real) < 4 * np.sqrt(2 * real * (1 - real) / n) + 0.03
