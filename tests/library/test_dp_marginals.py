"""Private tables without a network keep to their budget, and learn what hangs together."""

import math

import numpy as np
import pandas as pd
import pytest

from synthtab.dp.accounting import gaussian_mu, zcdp_rho
from synthtab.dp.budget import Privacy
from synthtab.dp.marginals import PrivateCopula, PrivateTree
from synthtab.sharing.audit import epsilon_at_least
from synthtab.table.schema import Schema

BOTH = pytest.mark.parametrize("kind", [PrivateTree, PrivateCopula])


def table(n: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    size = rng.normal(50, 15, n)
    plant = rng.choice(["a", "b", "c"], n)
    minutes = 4 * size + 100 * (plant == "b") + rng.normal(0, 15, n)
    return pd.DataFrame({"plant": plant, "size": size, "other": rng.random(n), "minutes": minutes})


SCHEMA = Schema.infer(table(100), target="minutes")
PRIVACY = Privacy(
    3.0,
    n_rows=2000,
    bounds={"size": (0, 100), "other": (0, 1), "minutes": (-500, 1000)},
    public_categories=True,
)


@BOTH
def test_the_parts_add_up_to_the_budget(kind: type) -> None:
    fitted = kind(PRIVACY, random_state=0).fit(table(2000), SCHEMA)
    whole = {
        PrivateTree: zcdp_rho(3.0, PRIVACY.target_delta),
        PrivateCopula: gaussian_mu(3.0, PRIVACY.target_delta) ** 2 / 2,
    }[kind]
    assert sum(fitted.rho_.values()) == pytest.approx(whole)
    assert fitted.rho_["target"] == pytest.approx(0.4 * whole)
    assert (fitted.epsilon_, fitted.delta_) == (3.0, PRIVACY.target_delta)


class Heard(np.random.Generator):
    """Normal noise is drawn as it is; how long the vectors were is noted."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))
        self.sizes: list[int] = []

    def standard_normal(self, size=None, *args, **kwargs):
        self.sizes.append(int(np.prod(size)) if size is not None else 1)
        return super().standard_normal(size, *args, **kwargs)


def test_nothing_is_asked_that_is_not_paid_for() -> None:
    rng = Heard()
    PrivateTree(PRIVACY, random_state=rng).fit(table(2000), SCHEMA)
    quartiles, rest = rng.sizes[:60], rng.sizes[60:]  # three columns, two quartiles, ten halvings
    assert quartiles == [1] * 60
    assert len(rest) == 4 + 3 + 2  # columns, pairs of a tree, phases of the correction


@pytest.mark.parametrize("seed", range(5))
def test_one_row_more_changes_no_score_of_the_tree_by_more_than_one(seed: int) -> None:
    fitted = PrivateTree(PRIVACY, random_state=seed).fit(table(500, seed), SCHEMA)
    rng = np.random.default_rng(seed)
    coarse = [rng.integers(k, size=500) for k in fitted._sizes(0, 1, 2, 3)]
    for i in range(3):
        before = fitted._score(i, i + 1, coarse, 2.0)
        for row in range(50):
            fewer = [np.delete(c, row) for c in coarse]
            assert abs(before - fitted._score(i, i + 1, fewer, 2.0)) <= 1 + 1e-9


def test_no_row_changes_the_products_of_the_copula_by_more_than_is_paid_for() -> None:
    rng = np.random.default_rng(0)
    for d in (2, 5, 9):
        rows = rng.standard_normal((1000, d)) * rng.choice([0.1, 1, 10], (1000, 1))
        rows[0] = 1.0  # all alike: the longest vector of products
        length = math.sqrt(1.5 * d)
        rows *= np.minimum(1, length / np.linalg.norm(rows, axis=1))[:, None]
        rows[0] *= length / np.linalg.norm(rows[0])
        above = np.triu_indices(d, 1)
        found = np.linalg.norm(rows[:, above[0]] * rows[:, above[1]], axis=1).max()
        assert found == pytest.approx(length**2 * math.sqrt((1 - 1 / d) / 2))


@BOTH
def test_what_hangs_together_is_learnt(kind: type) -> None:
    rows = table(3000)
    fitted = kind(PRIVACY, random_state=0).fit(rows, SCHEMA)
    drawn = fitted.sample(3000, random_state=0)
    for frame in (rows, drawn):
        assert np.corrcoef(frame["size"], frame["minutes"])[0, 1] > 0.6
        assert abs(np.corrcoef(frame["other"], frame["minutes"])[0, 1]) < 0.15
        means = frame.groupby("plant")["minutes"].mean()
        assert means["b"] - means["a"] > 50
    assert drawn["plant"].value_counts(normalize=True)["a"] == pytest.approx(1 / 3, abs=0.05)
    with pytest.raises(ValueError, match="numerical columns without bounds"):
        kind(Privacy(1.0, n_rows=100, public_categories=True)).fit(rows, SCHEMA)


# An audit in miniature ---------------------------------------------------------------------------

PUBLIC = Schema(("mark", "ward"), {"mark": ("no", "yes"), "ward": ("x", "y", "z")}, "ward")
SMALL = Privacy(1.0, n_rows=40, public_categories=True, delta=0.01)


def observed(kind: type, frame: pd.DataFrame, n_runs: int) -> pd.DataFrame:
    """What each of many fits has measured: the shares of both columns and, of a tree, of pairs."""
    rows = []
    for seed in range(n_runs):
        fitted = kind(SMALL, random_state=seed).fit(frame, PUBLIC)
        shares = np.concatenate([c.share for c in fitted.columns_])
        if kind is PrivateTree:
            shares = np.append(shares, fitted.tree_[0][2].ravel()[:6])
        else:
            shares = np.append(shares, fitted.correlation_[0, 1])
        rows.append({str(k): v for k, v in enumerate(shares)})
    return pd.DataFrame(rows)


@BOTH
def test_an_audit_finds_noise_that_is_left_out_and_nothing_where_it_is_there(
    kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = pd.DataFrame({"mark": ["no"] * 40, "ward": ["x", "y"] * 20})
    more = pd.DataFrame({"mark": [*["no"] * 40, "yes"], "ward": [*["x", "y"] * 20, "z"]})

    def found() -> float:
        tables = (observed(kind, frame, 300) for frame in (without, more))
        return epsilon_at_least(*tables, n_choosing=150, delta=SMALL.target_delta).epsilon

    assert found() <= SMALL.epsilon
    noise = kind._noise
    monkeypatch.setattr(kind, "_noise", lambda self, what: noise(self, what) / 20)
    assert found() > 2 * SMALL.epsilon
