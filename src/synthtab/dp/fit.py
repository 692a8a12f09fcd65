"""Fit a diffusion model under differential privacy: plan the budget, encode, train, account."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import torch

from synthtab.diffusion.denoiser import MLPDenoiser
from synthtab.diffusion.process import HybridProcess
from synthtab.diffusion.training import Callback, Rows, seeded, torch_generator
from synthtab.dp.accounting import Mechanism, epsilon, gaussian_mu, noise_multiplier
from synthtab.dp.budget import Guarantee, Privacy
from synthtab.dp.correction import N_PHASES, correct_target
from synthtab.dp.encoding import PrivateEncoder, private_quartiles
from synthtab.dp.training import train_privately
from synthtab.table.encoding import Encoded
from synthtab.table.schema import Schema

# Share of the budget, as squared mu, that finds the quartiles. It costs 5 % more noise in training.
_QUARTILES_SHARE = 0.1
_FEWEST_STEPS, _MOST_STEPS, _STEPS_PER_EPSILON = 400, 1200, 125
_BATCH_SIZE = 256
_WIDTH = 64
_LEARNING_RATE = 5e-3
_DRAWN, _DRAWN_PER_ROW = 20_000, 10  # synthetic rows that the target is corrected with, at most
_BLOCK = 4096
_DRAWING_STEPS = 16


class PrivateFit(NamedTuple):
    """What a private fit returns; all of it may be published."""

    encoder: PrivateEncoder
    process: HybridProcess
    denoiser: MLPDenoiser
    guarantee: Guarantee


def fit_privately(
    frame: pd.DataFrame,
    schema: Schema,
    privacy: Privacy,
    *,
    n_iter: int | Literal["auto"] = "auto",
    batch_size: int | Literal["auto"] = "auto",
    width: int | Literal["auto"] = "auto",
    depth: int = 2,
    n_frequencies: int | Literal["auto"] = "auto",
    learning_rate: float | Literal["auto"] = "auto",
    ema_decay: float = 0.995,
    progress: bool = False,
    callback: Callback | None = None,
    random_state: int | np.random.Generator | None = None,
) -> PrivateFit:
    """Learn a table under differential privacy.

    Parameters
    ----------
    frame : DataFrame of shape (n, n_columns)
        Training rows, without missing values.
    schema : Schema
        Their description, written from public knowledge.
    privacy : Privacy
        Budget and public knowledge.
    n_iter, batch_size, width, depth, n_frequencies, learning_rate, ema_decay
        See `synthtab.diffusion.synthesizer.HybridDiffusion`. "auto" are `private_steps` steps of
        256 rows, 64 units, no Fourier features and a rate of 5e-3. `batch_size` is the number of
        rows expected in a step, out of the declared number.
    progress, callback
        See `train_privately`.
    random_state : int, Generator or None, default=None
        Source of all randomness. The guarantee holds for those who do not know it.

    Raises
    ------
    ValueError
        If something public is not declared, the frame is not a table of the schema, or training
        diverges.
    """
    schema.validate(frame)
    plan = planned(
        schema,
        privacy,
        n_iter=n_iter,
        batch_size=batch_size,
        seed_is_secret=random_state is None,
    )
    rng = np.random.default_rng(random_state)
    quartiles = {}
    if plan.quartile_noise is not None:
        quartiles = private_quartiles(frame, privacy, noise_multiplier=plan.quartile_noise, rng=rng)
    encoder = PrivateEncoder(privacy, quartiles).fit(frame, schema)
    rows = Rows(*map(torch.from_numpy, (*encoder.intervals(frame), encoder.codes(frame))))
    process = HybridProcess(encoder.cardinalities, len(encoder.rank_maps_))
    with seeded(rng):
        network = MLPDenoiser(
            process.n_num,
            [torch.from_numpy(c).float() for c in encoder.coordinates(frame)],
            [torch.zeros(k) for k in process.cardinalities],  # frequencies are the rows' own
            width=_WIDTH if width == "auto" else width,
            depth=depth,
            n_frequencies=0 if n_frequencies == "auto" else n_frequencies,
        )
        # What the network makes of the noise level stays as drawn: the noise on so many weights
        # costs more than learning them brings.
        network.level.requires_grad_(False)
        denoiser = train_privately(
            network,
            process,
            rows,
            noise_multiplier=plan.noise_multiplier,
            sample_rate=plan.sample_rate,
            n_iter=plan.n_steps,
            n_rows=privacy.n_rows,
            learning_rate=_LEARNING_RATE if learning_rate == "auto" else learning_rate,
            ema_decay=ema_decay,
            progress=progress,
            callback=callback,
            rng=rng,
        )
    if plan.correction_noise:
        n_drawn = min(_DRAWN, _DRAWN_PER_ROW * privacy.n_rows)
        encoder.correction_ = correct_target(
            frame,
            _drawn(encoder, process, denoiser, n_drawn, rng),
            schema,
            bounds=privacy.bounds[schema.target],
            n_rows=privacy.n_rows,
            noise_multiplier=plan.correction_noise[0],
            rng=rng,
        )
    return PrivateFit(encoder, process, denoiser, plan)


def planned(
    schema: Schema,
    privacy: Privacy,
    *,
    n_iter: int | Literal["auto"] = "auto",
    batch_size: int | Literal["auto"] = "auto",
    seed_is_secret: bool = True,
) -> Guarantee:
    """What a fit will ask of the rows, and spend: no row is needed to know it.

    Raises
    ------
    ValueError
        If something public is not declared.
    """
    privacy.check(schema)
    n_iter = private_steps(privacy.epsilon) if n_iter == "auto" else n_iter
    batch_size = _BATCH_SIZE if batch_size == "auto" else batch_size
    sample_rate = min(1.0, batch_size / privacy.n_rows)
    budget = privacy.epsilon, privacy.target_delta
    corrects = privacy.target_share > 0 and schema.target in privacy.bounds
    target_share = privacy.target_share if corrects and schema.features else 0.0
    mu = gaussian_mu(*budget)
    quartile_noise: float | None = None
    correction_noise: tuple[float, ...] = ()
    if privacy.bounds:
        quartile_noise = 1 / (mu * math.sqrt(_QUARTILES_SHARE * (1 - target_share)))
    if target_share:
        correction_noise = (1 / (mu * math.sqrt(target_share / N_PHASES)),) * N_PHASES
    # The order in which they are asked makes no difference to what they spend together.
    once = [Mechanism(n) for n in (*correction_noise, quartile_noise) if n is not None]
    noise = noise_multiplier(*budget, sample_rate=sample_rate, n_steps=n_iter, before=once)
    return Guarantee(
        epsilon=epsilon([*once, Mechanism(noise, sample_rate, n_iter)], privacy.target_delta),
        delta=privacy.target_delta,
        privacy=privacy,
        schema=schema,
        noise_multiplier=noise,
        sample_rate=sample_rate,
        n_steps=n_iter,
        quartile_noise=quartile_noise,
        seed_is_secret=seed_is_secret,
        correction_noise=correction_noise,
    )


def private_steps(epsilon: float) -> int:
    """Steps of DP-SGD that suit a budget: where there is less noise, more can be learnt.

    Examples
    --------
    >>> [private_steps(epsilon) for epsilon in (1, 3, 8, 20)]
    [400, 400, 1000, 1200]
    """
    return round(min(max(_FEWEST_STEPS, _STEPS_PER_EPSILON * epsilon), _MOST_STEPS))


def _drawn(
    encoder: PrivateEncoder,
    process: HybridProcess,
    denoiser: MLPDenoiser,
    n_rows: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Rows as the network draws them, their target not corrected yet."""
    blocks = []
    for start in range(0, n_rows, _BLOCK):
        n = min(_BLOCK, n_rows - start)
        state = process.sample(denoiser, n, _DRAWING_STEPS, torch_generator(rng))
        encoded = Encoded(state.x_num.numpy().astype(np.float64), state.x_cat.numpy())
        blocks.append(encoder.inverse_transform(encoded))
    return pd.concat(blocks, ignore_index=True)
