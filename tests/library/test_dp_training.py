"""DP-SGD does what the accountant is told: clips each row, samples each row, adds that noise."""

import math

import numpy as np
import pytest
import torch

import synthtab.dp.training as private_training
from synthtab.diffusion.denoiser import MLPDenoiser
from synthtab.diffusion.process import HybridProcess
from synthtab.diffusion.training import Rows
from synthtab.dp.training import _RowGradients, train_privately

PROCESS = HybridProcess((3, 4), n_num=2)


def network(*, random_output: bool = False) -> MLPDenoiser:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = MLPDenoiser(
            2,
            [torch.eye(3), torch.randn(4, 2)],
            [torch.zeros(3), torch.zeros(4)],
            width=8,
            depth=2,
            n_frequencies=1,
        )
        if random_output:  # it starts at zero, and lets no gradient through
            torch.nn.init.normal_(made.output.weight)
    return made


def rows(n: int, seed: int = 0) -> Rows:
    generator = torch.Generator().manual_seed(seed)
    low = torch.rand((n, 2), generator=generator, dtype=torch.float64) * 0.9
    codes = torch.stack([torch.randint(k, (n,), generator=generator) for k in (3, 4)], dim=1)
    return Rows(low, low + 0.1, codes)


def trained(table: Rows, seed: int = 0, **changed) -> MLPDenoiser:
    settings = {
        "noise_multiplier": 1.0,
        "sample_rate": 0.3,
        "n_iter": 3,
        "n_rows": 40,
        "learning_rate": 1e-3,
        "ema_decay": 0.9,
    }
    rng = np.random.default_rng(seed)
    return train_privately(network(), PROCESS, table, **(settings | changed), rng=rng)


def weights(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.parametrize("clip_norm", [0.5, 1e6])
def test_clipped_sum_is_that_of_gradients_taken_row_by_row(clip_norm: float) -> None:
    n, n_draws = 5, 3
    generator = torch.Generator().manual_seed(1)
    x_num, x_cat = rows(n).batch(torch.arange(n).repeat_interleave(n_draws), generator)
    stage = torch.arange(n * n_draws) % 2
    sigma = torch.rand(n * n_draws, generator=generator) + 0.1

    def losses(denoiser: torch.nn.Module) -> torch.Tensor:
        noise = torch.Generator().manual_seed(2)
        each = PROCESS.row_losses(denoiser, x_num, x_cat, stage, sigma, noise)
        return each.view(n, n_draws).mean(dim=1)

    ghost = network(random_output=True)
    gradients = _RowGradients(ghost, clip_norm, n_draws)
    gradients.backward(losses(gradients))
    plain = network(random_output=True)
    parameters = [p for p in plain.parameters() if p.requires_grad]
    expected, lengths = torch.zeros(()), []
    for loss in losses(plain):
        parts = torch.autograd.grad(loss, parameters, retain_graph=True)
        gradient = torch.cat([part.flatten() for part in parts])
        lengths.append(float(gradient.norm()))
        expected = expected + gradient * min(1.0, clip_norm / lengths[-1])
    assert min(lengths) > 0.5  # or nothing is clipped
    found = torch.cat([p.grad.flatten() for p in ghost.parameters() if p.requires_grad])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


class Spy(torch.optim.Adam):
    """Keeps the gradients that it is given."""

    seen: list[torch.Tensor]

    def step(self, closure=None):  # type: ignore[no-untyped-def]
        parameters = self.param_groups[0]["params"]
        Spy.seen.append(torch.cat([p.grad.flatten().clone() for p in parameters]))
        return super().step(closure)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    monkeypatch.setattr(private_training.torch.optim, "Adam", Spy)
    Spy.seen = []
    return Spy.seen


def test_noise_has_the_size_that_is_accounted_for(seen: list[torch.Tensor]) -> None:
    trained(rows(0), noise_multiplier=3.0, clip_norm=0.7, sample_rate=0.25, n_rows=40, n_iter=4)
    noise = torch.stack(seen) * 0.25 * 40 / (3.0 * 0.7)  # the sum that was noised, standardised
    assert noise.numel() > 3000
    tolerance = 4 / math.sqrt(2 * noise.numel())
    assert float(noise.std()) == pytest.approx(1.0, abs=tolerance)
    assert float(noise.mean()) == pytest.approx(0.0, abs=4 / math.sqrt(noise.numel()))
    # no value is used twice, in no weight and no step
    assert len(noise.unique()) > 0.999 * noise.numel()


def test_a_row_moves_the_sum_by_the_clipping_norm_at_most(seen: list[torch.Tensor]) -> None:
    settings = {"noise_multiplier": 0.0, "sample_rate": 1.0, "n_iter": 1, "clip_norm": 0.05}
    for n in (0, 1, 7):
        trained(rows(n), **settings)
    none, one, seven = (float(gradient.norm()) * 40 for gradient in seen)
    assert none == 0
    assert one == pytest.approx(0.05, rel=1e-4)  # its own gradient is longer
    assert seven <= 7 * 0.05 * (1 + 1e-5)


def test_sums_are_divided_by_the_public_number_of_rows(seen: list[torch.Tensor]) -> None:
    for n_rows in (40, 400):
        trained(rows(7), noise_multiplier=0.0, sample_rate=1.0, n_iter=1, n_rows=n_rows)
    torch.testing.assert_close(seen[0], 10 * seen[1])


def test_every_row_takes_part_with_the_same_probability_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken: list[torch.Tensor] = []
    plain = private_training._row_losses

    def spy(denoiser, process, table, index, *rest):  # type: ignore[no-untyped-def]
        taken.append(index)
        return plain(denoiser, process, table, index, *rest)

    monkeypatch.setattr(private_training, "_row_losses", spy)
    n, steps = 40, 200
    trained(rows(n), n_iter=steps, sample_rate=0.3)
    counts = torch.bincount(torch.cat(taken), minlength=n).double()
    sizes = np.array([len(set(index.tolist())) for index in taken])
    assert sizes.sum() == counts.sum()  # nobody twice in a step
    sd = math.sqrt(steps * 0.3 * 0.7)
    assert float((counts - 0.3 * steps).abs().max()) < 4 * sd  # of 40 rows
    # Poisson sampling: the number of rows varies as that of independent choices, n q (1 - q)
    assert sizes.var() == pytest.approx(n * 0.3 * 0.7, rel=4 * math.sqrt(2 / steps))


def test_stages_and_levels_are_spread_over_the_draws_of_each_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []
    plain = HybridProcess.row_losses

    def spy(self, denoiser, x_num, x_cat, stage, sigma, generator):  # type: ignore[no-untyped-def]
        calls.append((x_cat, stage.view(-1, 6), sigma.view(-1, 6)))
        return plain(self, denoiser, x_num, x_cat, stage, sigma, generator)

    monkeypatch.setattr(HybridProcess, "row_losses", spy)
    trained(rows(40), sample_rate=1.0, n_iter=2, n_draws=6)
    for x_cat, stage, sigma in calls:
        assert (x_cat.view(40, 6, 2) == x_cat.view(40, 6, 2)[:, :1]).all()  # one row's draws
        assert (stage.sum(dim=1) == 3).all()  # half of them in the second stage
        share = PROCESS.schedule.mask_rate(sigma)  # uniform in training
        stratum = (share * 6).floor().sort(dim=1).values
        assert (stratum == torch.arange(6)).all()
    assert not torch.equal(calls[0][2], calls[1][2])


def test_the_same_seed_trains_the_same_weights() -> None:
    table = rows(40)
    first = trained(table)
    torch.manual_seed(99)  # the noise must not come from the global generator
    assert torch.equal(weights(first), weights(trained(table)))
    assert not torch.equal(weights(first), weights(trained(table, seed=1)))
    assert not torch.equal(weights(first), weights(network()))


def test_seeds_that_torch_takes_for_one_give_different_noise() -> None:
    # torch keeps 32 bits of a seed: were the noise torch's, these two trainings would be one
    a, b = (trained(rows(0), seed=seed) for seed in (5, 5 + 2**32))
    assert not torch.equal(weights(a), weights(b))


def test_losses_are_not_shown(recwarn: pytest.WarningsRecorder) -> None:
    shown = []
    trained(rows(40), callback=lambda *told: shown.append(told))
    assert [told[:2] for told in shown] == [(1, 3), (2, 3), (3, 3)]
    assert all(math.isnan(told[2]) for told in shown)
    assert not recwarn.list


def test_training_that_diverges_is_an_error() -> None:
    with pytest.raises(ValueError, match="diverged within 3 steps; lower learning_rate, now inf"):
        trained(rows(40), learning_rate=math.inf)
