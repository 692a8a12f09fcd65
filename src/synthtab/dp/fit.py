"""Fit a diffusion model under differential privacy: plan the budget, encode, train, account."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import torch

from synthtab.diffusion.denoiser import MLPDenoiser
from synthtab.diffusion.process import HybridProcess
from synthtab.diffusion.training import Callback, Rows
from synthtab.dp.accounting import Mechanism, epsilon, gaussian_mu, noise_multiplier
from synthtab.dp.budget import Guarantee, Privacy
from synthtab.dp.encoding import PrivateEncoder, private_quartiles
from synthtab.dp.training import train_privately
from synthtab.table.schema import Schema

# Share of the budget, as squared mu, that finds the quartiles. It costs 5 % more noise in training.
_QUARTILES_SHARE = 0.1
# Chosen on a simulated table: to choose on real rows spends budget.
_N_ITER = 400
_BATCH_SIZE = 256
_WIDTH = 64
_LEARNING_RATE = 5e-3


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
        See `synthtab.diffusion.synthesizer.HybridDiffusion`. "auto" are 400 steps of 256 rows,
        64 units, no Fourier features and a rate of 5e-3. `batch_size` is the number of rows
        expected in a step, out of the declared number.
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
    privacy.check(schema)
    schema.validate(frame)
    n_iter = _N_ITER if n_iter == "auto" else n_iter
    batch_size = _BATCH_SIZE if batch_size == "auto" else batch_size
    sample_rate = min(1.0, batch_size / privacy.n_rows)
    budget = privacy.epsilon, privacy.target_delta
    before = []
    if privacy.bounds:
        mu = math.sqrt(_QUARTILES_SHARE) * gaussian_mu(*budget)
        before.append(Mechanism(1 / mu))
    noise = noise_multiplier(*budget, sample_rate=sample_rate, n_steps=n_iter, before=before)
    rng = np.random.default_rng(random_state)
    quartiles = {}
    if before:
        quartiles = private_quartiles(
            frame, privacy, noise_multiplier=before[0].noise_multiplier, rng=rng
        )
    encoder = PrivateEncoder(privacy, quartiles).fit(frame, schema)
    rows = Rows(*map(torch.from_numpy, (*encoder.intervals(frame), encoder.codes(frame))))
    process = HybridProcess(encoder.cardinalities, len(encoder.rank_maps_))
    with torch.random.fork_rng(devices=[]):  # weights use the global generator
        torch.manual_seed(int(rng.integers(2**63)))
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
            noise_multiplier=noise,
            sample_rate=sample_rate,
            n_iter=n_iter,
            n_rows=privacy.n_rows,
            learning_rate=_LEARNING_RATE if learning_rate == "auto" else learning_rate,
            ema_decay=ema_decay,
            progress=progress,
            callback=callback,
            rng=rng,
        )
    spent = epsilon([*before, Mechanism(noise, sample_rate, n_iter)], privacy.target_delta)
    guarantee = Guarantee(
        epsilon=spent,
        delta=privacy.target_delta,
        privacy=privacy,
        schema=schema,
        noise_multiplier=noise,
        sample_rate=sample_rate,
        n_steps=n_iter,
        quartile_noise=before[0].noise_multiplier if before else None,
        seed_is_secret=random_state is None,
    )
    return PrivateFit(encoder, process, denoiser, guarantee)
