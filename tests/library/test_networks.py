"""What networks predict is a distribution, of the cells that they are allowed to see."""

import numpy as np
import pandas as pd
import pytest
import torch

from synthtab.diffusion.codes import CodeEncoder
from synthtab.diffusion.networks import Batch, ColumnNetworks, NumberParts, to_batch
from synthtab.table.schema import Schema

N = 4000


def table() -> pd.DataFrame:
    """A short list of numbers with gaps, whole numbers, a short and a long list of labels."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "size": pd.Series(rng.choice([1.0, 2.0, 5.0], N)).mask(rng.random(N) < 0.1),
            "shop": [f"shop {i}" for i in np.append(np.arange(100), rng.integers(0, 100, N - 100))],
            "minutes": rng.integers(0, 200, N),
            "kind": pd.Series(rng.choice(["a", "b", "c"], N)).mask(rng.random(N) < 0.1),
        }
    )


FRAME = table()
ENCODER = CodeEncoder().fit(FRAME, Schema.infer(FRAME, target="minutes"))


def networks(*, any_order: bool, scale: float = 0.3) -> ColumnNetworks:
    """Networks with weights that mean something, as if they were trained."""
    torch.manual_seed(0)
    codes = to_batch(ENCODER, ENCODER.cells(FRAME)).code.numpy()
    counts = [
        np.bincount(codes[:, j], minlength=c.n_codes)
        for j, c in enumerate(ENCODER.columns_.values())
    ]
    made = ColumnNetworks(
        ENCODER,
        counts,
        n_members=2,
        width=8,
        n_segments=4,
        n_waves=8,
        n_components=2,
        any_order=any_order,
        dropout=0.0,
    )
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if not name.startswith(("tables", "first")):
                parameter.add_(torch.randn_like(parameter) * scale)
    return made.requires_grad_(False).eval()


def batch(frame: pd.DataFrame) -> Batch:
    return to_batch(ENCODER, ENCODER.cells(frame)).take(None)


def known(n: int, *columns: int) -> torch.Tensor:
    """Where every network sees the given columns and no other."""
    seen = torch.zeros(2, n, 4, 4)
    seen[..., list(columns)] = 1.0
    return seen


@pytest.mark.parametrize("any_order", [False, True])
@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("size", [1.0, 2.0, 5.0, np.nan]),
        ("shop", [f"shop {i}" for i in range(100)]),
        ("minutes", list(range(200))),
        ("kind", ["a", "b", "c", None]),
    ],
)
def test_probabilities_of_a_column_sum_to_one(
    column: str, values: list, *, any_order: bool
) -> None:
    made = networks(any_order=any_order)
    row = FRAME.dropna().iloc[[0]]
    rows = row.loc[row.index.repeat(len(values))].reset_index(drop=True)
    rows = rows.assign(**{column: pd.Series(values, dtype=FRAME[column].dtype)})
    j = list(FRAME).index(column)
    log_p = made.log_likelihood(batch(rows), made.natural(len(rows)))[:, j]
    # Of many numbers, ranks at the ends and half-way from an atom to its neighbour are no one's.
    slack = 0.03 if column == "minutes" else 1e-4
    np.testing.assert_allclose(log_p.exp().sum(dim=1), 1, atol=slack)


@pytest.mark.parametrize("any_order", [False, True])
def test_what_is_predicted_is_what_the_likelihood_says(*, any_order: bool) -> None:
    made, rows = networks(any_order=any_order), FRAME.head(50)
    together = made.log_likelihood(batch(rows), made.natural(50))
    for j in (1, 3):  # of categories; of numbers see the drawing
        earlier = None if not any_order else (torch.arange(4) < j).expand(50, -1)
        for member in (0, 1):
            p = made.predict(j, batch(rows).take(0), earlier, torch.full((50,), member))
            assert isinstance(p, torch.Tensor)
            own = p.gather(1, batch(rows).code[0, :, j : j + 1])[:, 0]
            np.testing.assert_allclose(own.log(), together[member, j], atol=1e-4)
    parts = made.predict(0, batch(rows).take(0), None if earlier is None else earlier & False,
                         torch.zeros(50, dtype=torch.int64))  # fmt: skip
    assert isinstance(parts, NumberParts)
    np.testing.assert_allclose(parts.histogram.sum(dim=1), 1)
    np.testing.assert_allclose(parts.weight.sum(dim=1), 1)
    missing = batch(rows).code[0, :, 0] == 3
    p_missing = (1 - parts.smooth) * parts.histogram[:, 3]
    np.testing.assert_allclose(p_missing[missing].log(), together[0, 0][missing], atol=1e-4)


def test_in_natural_order_a_network_sees_the_columns_before_its_own() -> None:
    made, rows = networks(any_order=False), FRAME.head(30)
    before = made.log_likelihood(batch(rows))
    other = FRAME.iloc[100:130].reset_index(drop=True)
    for j, name in enumerate(FRAME):
        changed = made.log_likelihood(batch(rows.assign(**{name: other[name]})))
        np.testing.assert_array_equal(changed[:, :j], before[:, :j])
        assert all((changed[:, k] != before[:, k]).any() for k in range(j + 1, 4))


def test_in_any_order_a_network_sees_the_known_columns() -> None:
    made, rows = networks(any_order=True), FRAME.head(30)
    other = FRAME.iloc[100:130].reset_index(drop=True)
    for j, name in enumerate(FRAME):
        changed = batch(rows.assign(**{name: other[name]}))
        rest = [k for k in range(4) if k != j]
        blind = [made.log_likelihood(b, known(30, *rest))[:, rest] for b in (batch(rows), changed)]
        np.testing.assert_array_equal(*blind)
        seeing = [made.log_likelihood(b, known(30, j))[:, rest] for b in (batch(rows), changed)]
        assert (seeing[0] != seeing[1]).any(dim=2).all()


def test_an_untrained_network_predicts_the_shares_of_the_table() -> None:
    made, rows = networks(any_order=False, scale=0.0), FRAME.head(5)
    p = made.predict(3, batch(rows).take(0), None, torch.zeros(5, dtype=torch.int64))
    shares = FRAME.kind.fillna("missing").value_counts(normalize=True)
    expected = shares[["a", "b", "c", "missing"]].to_numpy()
    np.testing.assert_allclose(p, np.tile(expected, (5, 1)), atol=1e-3)


def test_random_orders_are_orders_and_some_are_natural() -> None:
    made = networks(any_order=True)
    seen = made.random_known(500, 0.5, torch.Generator().manual_seed(0))
    assert seen is not None
    natural = made.natural(500)
    either = seen + seen.transpose(-1, -2)
    assert (either == 1 - torch.eye(4)).all()  # of two columns one comes first
    ranks, _ = seen.sum(dim=-1).sort(dim=-1)
    assert (ranks == torch.arange(4)).all()  # and that is transitive
    share = (seen == natural).flatten(2).all(dim=-1).float().mean().item()
    expected = 0.5 + 0.5 / 24
    assert abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / 1000)


@pytest.mark.parametrize("any_order", [False, True])
def test_columns_share_no_weight(*, any_order: bool) -> None:
    made = networks(any_order=any_order)
    groups = made.groups()
    for name, parameter in made.named_parameters():
        parameter.requires_grad_(name in groups)
    rows = batch(FRAME.head(64))
    for j in range(4):
        made.zero_grad()
        made.log_likelihood(rows, made.natural(64))[:, j].sum().backward()
        for name, columns in groups.items():
            gradient = made.get_parameter(name).grad
            if gradient is not None:
                others = [i for i, column in enumerate(columns) if column != j]
                assert (gradient[:, others] == 0).all(), name
