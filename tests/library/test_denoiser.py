"""The network starts at the margins, sees the mask, and takes tables of either kind alone."""

import pytest
import torch

from synthtab.diffusion.denoiser import MLPDenoiser
from synthtab.diffusion.process import State, log_marginals

CODES = torch.tensor([[0, 1], [0, 0], [2, 1], [0, 1]])


def network(n_num: int = 2, cardinalities: tuple[int, ...] = (3, 2), **options) -> MLPDenoiser:  # type: ignore[no-untyped-def]
    torch.manual_seed(0)
    margins = log_marginals(CODES[:, : len(cardinalities)], cardinalities)
    coordinates = [torch.eye(k) for k in cardinalities]
    options = {"n_frequencies": 0} | options
    return MLPDenoiser(n_num, coordinates, margins, width=16, depth=2, **options)


def test_an_untrained_network_predicts_the_margins_and_no_velocity() -> None:
    state = State(torch.randn(5, 2), torch.tensor([[3, 2]]).repeat(5, 1))
    denoised = network()(state, torch.full((5,), 0.7))
    assert torch.equal(denoised.velocity, torch.zeros(5, 2))
    # Three of four rows have category 0, half a row added to each of three categories.
    expected = torch.tensor([3.5, 0.5, 1.5]) / 5.5
    torch.testing.assert_close(denoised.logits[0].softmax(dim=1)[0], expected)
    assert [logits.shape for logits in denoised.logits] == [(5, 3), (5, 2)]


def trained(model: MLPDenoiser) -> MLPDenoiser:
    """The same network with an output that is not zero."""
    with torch.no_grad():
        model.output.weight.normal_(generator=torch.Generator().manual_seed(1))
    return model


@pytest.mark.parametrize("change", ["number", "category", "mask", "level"])
def test_every_input_matters(change: str) -> None:
    model = trained(network())
    x_num, x_cat, sigma = torch.zeros(1, 2), torch.tensor([[0, 0]]), torch.tensor([0.5])
    before = model(State(x_num, x_cat), sigma).velocity
    if change == "number":
        x_num = torch.ones(1, 2)
    elif change == "category":
        x_cat = torch.tensor([[1, 0]])
    elif change == "mask":
        x_cat = torch.tensor([[3, 0]])
    else:
        sigma = torch.tensor([5.0])
    assert not torch.allclose(before, model(State(x_num, x_cat), sigma).velocity)


def test_rows_do_not_see_each_other() -> None:
    model = trained(network())
    state = State(torch.randn(4, 2), torch.tensor([[0, 1], [1, 0], [2, 2], [3, 1]]))
    sigma = torch.tensor([0.1, 1.0, 3.0, 50.0])
    together = model(state, sigma).velocity
    alone = model(State(state.x_num[2:3], state.x_cat[2:3]), sigma[2:3]).velocity
    torch.testing.assert_close(together[2:3], alone)


@pytest.mark.parametrize(("n_num", "cardinalities"), [(2, ()), (0, (3, 2)), (1, (3,))])
def test_tables_of_one_kind_of_column_are_taken(n_num: int, cardinalities: tuple) -> None:
    state = State(torch.randn(3, n_num), CODES[:3, : len(cardinalities)])
    denoised = network(n_num, cardinalities)(state, torch.ones(3))
    assert denoised.velocity.shape == (3, n_num)
    assert len(denoised.logits) == len(cardinalities)


def test_frequencies_widen_the_input_only_when_asked_for() -> None:
    assert network(n_frequencies=4).input.in_features == network().input.in_features + 2 * 2 * 4


def test_codes_with_coordinates_enter_by_them_and_the_mask_by_itself() -> None:
    margins = log_marginals(CODES[:, :1], (3,))
    options = {"width": 16, "depth": 1, "n_frequencies": 0}
    model = MLPDenoiser(0, [torch.tensor([[0.0], [0.5], [0.5]])], margins, **options)
    logits = trained(model)(
        State(torch.zeros(4, 0), torch.tensor([[0], [1], [2], [3]])), torch.ones(4)
    ).logits[0]
    torch.testing.assert_close(logits[1], logits[2])  # one place, one prediction
    assert len(logits.unique(dim=0)) == 3
