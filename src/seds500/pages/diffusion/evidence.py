"""A diffusion watched from outside: its best denoiser, its states, its noised and drawn rows.

The sampler asks a denoiser at each noise level, and any callable may answer. So the states need no
hooks: a `Recorder` around the denoiser sees them all. And the network can be replaced by what it is
trained to become, the exact regression on a table's rows, an `ExactDenoiser`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from synthtab.diffusion.process import (
    Denoised,
    Denoiser,
    GaussianDiffusion,
    HybridProcess,
    Stage,
    State,
    log_marginals,
)
from synthtab.table.encoding import Encoded, TableEncoder

Floats = npt.NDArray[np.float64]
MASK = "▒"
NOT_BEGUN = "·"
_SMOOTH = 1e-6  # weight given to the marginals, so that no category is impossible


# A small table -------------------------------------------------------------------------------


def orders(n_rows: int, random_state: int | np.random.Generator | None = None) -> pd.DataFrame:
    """Draw an invented table of two columns, small enough to know all about it.

    Orders run on one of three machines, each with its own distribution of minutes; a tenth of all
    orders, on whatever machine, is booked as exactly 480 minutes, one shift.

    Parameters
    ----------
    n_rows : int
        Number of rows.
    random_state : int, Generator or None, default=None
        Source of randomness.

    Returns
    -------
    DataFrame of shape (n_rows, 2)
        ``machine`` (object) and ``minutes`` (float64, one decimal).

    Examples
    --------
    >>> sorted(orders(100, random_state=0).machine.unique())
    ['lathe', 'mill', 'press']
    """
    rng = np.random.default_rng(random_state)
    machines = np.array(["press", "lathe", "mill"], dtype=object)
    machine = rng.choice(3, n_rows, p=[0.45, 0.2, 0.35])
    center, spread = np.array([300, 480, 660]), np.array([45, 120, 60])
    minutes = (center[machine] + spread[machine] * rng.standard_normal(n_rows)).round(1)
    minutes = np.where(rng.random(n_rows) < 0.1, 480.0, minutes)
    return pd.DataFrame({"machine": machines[machine], "minutes": minutes})


# The best denoiser ---------------------------------------------------------------------------


@dataclass(frozen=True)
class ExactDenoiser:
    """The best possible denoiser of a finite table: E[x_0 | noisy row] over its rows.

    Each row of the table is weighted by how well it explains the noisy row: by a normal density
    for the numbers, and by 0 if it differs in a category on view. Rows whose numbers are not begun
    are weighted by their categories alone. The weighted means of numbers and of categories are the
    predictions. It is kernel regression (Nadaraya, 1964; Watson, 1964) on the table, with the noise
    level as bandwidth.

    Parameters
    ----------
    x_num : Tensor of shape (m, n_num)
        Clean scores of the table.
    x_cat : Tensor of shape (m, n_cat)
        Its codes.
    cardinalities : tuple of int
        Number of categories K_j of each categorical column.

    Raises
    ------
    ValueError
        On call, if a noisy row shows categories that no row of the table has together.

    Notes
    -----
    A millionth of the weight goes to the categories' marginals, so that no cross-entropy is
    infinite.

    Examples
    --------
    >>> rows = torch.tensor([[-1.0], [1.0]])
    >>> denoiser = ExactDenoiser(rows, torch.zeros(2, 0, dtype=torch.int64), ())
    >>> state = number(torch.tensor([2.0]))
    >>> sigma = torch.tensor([1.0])
    >>> clean = GaussianDiffusion.predict_x_0(state.x_num, sigma, denoiser(state, sigma).velocity)
    >>> round(float(clean), 2)
    0.99
    """

    x_num: Tensor
    x_cat: Tensor
    cardinalities: tuple[int, ...]

    def __call__(self, state: State, sigma: Tensor) -> Denoised:
        """Predict clean rows: shapes (n, n_num), (n, n_cat) and (n,) to a `Denoised`."""
        rows, x = self.x_num.double(), state.x_num.double()
        level = sigma.double()[:, None]
        cos = (1 + level**2).rsqrt()
        precision = 1 + level**-2  # the inverse of sin^2
        # ln N(x; cos x_i, sin^2) without what is the same for all rows, shape (n, m)
        log_weight = precision * (cos * x @ rows.T - cos**2 * (rows**2).sum(dim=1) / 2)
        log_weight = log_weight * _is_begun(state)[:, None]
        agrees = torch.ones_like(log_weight, dtype=torch.bool)
        for j, size in enumerate(self.cardinalities):
            seen = state.x_cat[:, j, None]
            agrees &= (seen == size) | (seen == self.x_cat[:, j])
        if not agrees.any(dim=1).all():
            row = int((~agrees.any(dim=1)).nonzero()[0])
            raise ValueError(
                f"noisy row {row} shows categories {state.x_cat[row].tolist()}, which no row of "
                "the table has together; draw with more steps, or hide one"
            )
        weight = log_weight.masked_fill(~agrees, -math.inf).softmax(dim=1)
        logits = []
        for j, size in enumerate(self.cardinalities):
            indicator = one_hot(self.x_cat[:, j], size).double()
            probability = (1 - _SMOOTH) * (weight @ indicator) + _SMOOTH * indicator.mean(dim=0)
            logits.append(probability.log().to(state.x_num.dtype))
        velocity = (cos * x - weight @ rows) / (level * cos)
        return Denoised(velocity.to(state.x_num.dtype), tuple(logits))


def exact_denoiser(encoder: TableEncoder, frame: pd.DataFrame, *, seed: int) -> ExactDenoiser:
    """`ExactDenoiser` of a table, each number at a random point of its rank interval."""
    clean = to_state(encoder, frame, seed=seed)
    return ExactDenoiser(clean.x_num, clean.x_cat, encoder.cardinalities)


def independent_denoiser(x_cat: Tensor, cardinalities: tuple[int, ...]) -> Denoiser:
    """The best denoiser that knows each column alone.

    A normal score has the predicted velocity 0, and a category its share among the given codes.
    """
    logits = log_marginals(x_cat, cardinalities)

    def denoiser(state: State, sigma: Tensor) -> Denoised:
        n = len(state.x_cat)
        return Denoised(torch.zeros_like(state.x_num), tuple(z.expand(n, -1) for z in logits))

    return denoiser


# States of a diffusion -----------------------------------------------------------------------


class Call(NamedTuple):
    """One question to a denoiser, at one noise level, and its answer."""

    sigma: float
    state: State
    denoised: Denoised


def _is_begun(state: State) -> Tensor:
    """Rows whose numbers are noisy or clean, and not still 0, bool of shape (n,)."""
    return (state.x_num != 0).any(dim=1)


def number(values: Tensor) -> State:
    """Rows of a single number that is being drawn, from noisy values of shape (n,)."""
    return State(values[:, None], torch.zeros(len(values), 0, dtype=torch.int64))


@dataclass
class Recorder:
    """A denoiser that keeps every state it is asked about, and answers as another one does.

    Parameters
    ----------
    denoiser : callable
        Maps (State, sigma) to `Denoised`; answers the calls.

    Attributes
    ----------
    calls : list of Call
        All calls, in their order.
    """

    denoiser: Denoiser
    calls: list[Call] = field(default_factory=list)

    def __call__(self, state: State, sigma: Tensor) -> Denoised:
        """Answer as `denoiser` does, and remember."""
        denoised = self.denoiser(state, sigma)
        self.calls.append(Call(float(sigma[0]), State(*(x.clone() for x in state)), denoised))
        return denoised

    @property
    def path(self) -> list[Call]:
        """The calls about states that drawing went on from, from noise to row.

        Heun's method asks twice at a level: about a trial state, then about the one it goes on
        from.
        """
        last = {}
        for call in self.calls:
            on_view = tuple(call.state.x_cat[0].tolist())
            last[on_view, call.sigma] = call
        return list(last.values())


class Draw(NamedTuple):
    """Drawn rows, and the way they took.

    `stages` tells for each call of `path` which stage it belongs to.
    """

    rows: State
    path: list[Call]
    stages: list[Stage]
    n_calls: int


def draw(
    process: HybridProcess, denoiser: Denoiser, n_rows: int, n_steps: int, *, seed: int
) -> Draw:
    """Draw rows and record the way.

    Parameters
    ----------
    process : HybridProcess
        Its sampler is watched.
    denoiser : callable
        Maps (State, sigma) to `Denoised`.
    n_rows, n_steps : int
        Rows to draw; noise levels visited.
    seed : int
        Seed of the draw.

    Returns
    -------
    Draw
    """
    recorder = Recorder(denoiser)
    rows = process.sample(recorder, n_rows, n_steps, torch.Generator().manual_seed(seed))
    stages = [
        Stage.CATEGORIES if (call.state.x_cat == process.masked.mask).any() else Stage.NUMBERS
        for call in recorder.path
    ]
    return Draw(rows, recorder.path, stages, len(recorder.calls))


def to_state(encoder: TableEncoder, frame: pd.DataFrame, *, seed: int | None = None) -> State:
    """Clean rows as tensors; numbers in the middle of their rank interval, or (seed) anywhere."""
    encoded = encoder.transform(frame, random_state=seed)
    return State(torch.from_numpy(encoded.x_num), torch.from_numpy(encoded.x_cat))


def noise(process: HybridProcess, clean: State, stage: Stage, sigma: float, *, seed: int) -> State:
    """Rows as a stage sees them at a noise level, by the forward processes.

    One seed gives one noise for every level: a number moves along one line, and a category that is
    masked at one level is masked at all higher ones.

    Parameters
    ----------
    process : HybridProcess
        Its processes are applied.
    clean : State
        Clean rows.
    stage : Stage
        In that of the categories the numbers are not begun.
    sigma : float
        Noise level, which for categories stands for a mask rate: see `NoiseSchedule.mask_rate`.
    seed : int
        Seed of the noise.

    Returns
    -------
    State
    """
    generator = torch.Generator().manual_seed(seed)
    eps = torch.randn(clean.x_num.shape, generator=generator, dtype=clean.x_num.dtype)
    uniform = torch.rand(clean.x_cat.shape, generator=generator)
    levels = torch.full((len(clean.x_num),), sigma, dtype=clean.x_num.dtype)
    if stage == Stage.NUMBERS:
        return clean._replace(x_num=GaussianDiffusion.q_sample(clean.x_num, levels, eps))
    rate = process.schedule.mask_rate(levels)
    return State(torch.zeros_like(clean.x_num), process.masked.q_sample(clean.x_cat, rate, uniform))


def decode(encoder: TableEncoder, state: State) -> pd.DataFrame:
    """Rows in the table's own units, noisy or not; masked is `MASK`, not begun `NOT_BEGUN`.

    Parameters
    ----------
    encoder : TableEncoder
        The fitted encoder.
    state : State
        n rows.

    Returns
    -------
    DataFrame of shape (n, n_columns)
        Columns that hold one of the two are of dtype object.
    """
    codes = state.x_cat.numpy()
    is_masked = codes == np.array(encoder.cardinalities, dtype=np.int64)
    x_num = state.x_num.numpy().astype(np.float64)
    frame = encoder.inverse_transform(Encoded(x_num, np.where(is_masked, 0, codes)))
    for j, column in enumerate(encoder.levels_):
        if is_masked[:, j].any():
            frame[column] = frame[column].astype(object).mask(is_masked[:, j], MASK)
    if not _is_begun(state).any():  # a single row may have a score of 0
        frame = frame.assign(**dict.fromkeys(encoder.rank_maps_, NOT_BEGUN))
    return frame


def stacked(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The same rows in several states, one below the other, with state and row as index."""
    table = pd.concat(frames, names=["", "row"])
    return table.rename(index=lambda row: row + 1, level="row")


def treatment(encoders: Mapping[str, TableEncoder]) -> pd.DataFrame:
    """How each column of some tables is encoded, a column for each table."""
    found = {
        name: dict.fromkeys(encoder.rank_maps_, "score")
        | {column: f"code, 1 of {len(levels)}" for column, levels in encoder.levels_.items()}
        for name, encoder in encoders.items()
    }
    return pd.DataFrame(found).fillna("").rename_axis("column")


def known_from(drawn: Draw, row: int, j: int) -> int:
    """The step from which on the j-th categorical cell of a drawn row is on view."""
    mask = len(drawn.path[0].denoised.logits[j][row])
    states = [*(call.state for call in drawn.path), drawn.rows]
    return next(step for step, state in enumerate(states) if int(state.x_cat[row, j]) != mask)


def predicted(call: Call) -> State:
    """The state of a call with every number that is being drawn at its predicted clean value."""
    level = torch.full((len(call.state.x_num),), call.sigma)
    guess = GaussianDiffusion.predict_x_0(call.state.x_num, level, call.denoised.velocity)
    return call.state._replace(x_num=guess * _is_begun(call.state)[:, None])


def path_frames(encoder: TableEncoder, drawn: Draw, n_frames: int) -> dict[float, pd.DataFrame]:
    """The table while its numbers are drawn, by noise level; the last is 0.

    Parameters
    ----------
    encoder : TableEncoder
        Decodes the states.
    drawn : Draw
        Drawn rows with their way.
    n_frames : int
        States, evenly spaced in steps.

    Returns
    -------
    dict of float to DataFrame
    """
    states = {
        call.sigma: call.state
        for call, stage in zip(drawn.path, drawn.stages, strict=True)
        if stage == Stage.NUMBERS
    }
    states[0.0] = drawn.rows
    chosen = np.linspace(0, len(states) - 1, n_frames).round().astype(int)
    return {s: decode(encoder, states[s]) for s in np.array(list(states))[chosen].tolist()}


# Checks --------------------------------------------------------------------------------------


def moments(sigmas: Sequence[float], *, n_draws: int, seed: int) -> pd.DataFrame:
    """Measured and theoretical moments of a noised standard-normal score and of its velocity.

    Parameters
    ----------
    sigmas : sequence of float
        Noise levels.
    n_draws : int
        Draws for each.
    seed : int
        Their seed.

    Returns
    -------
    DataFrame
        One row per level: variance of score and velocity (1 in theory), and the correlation of
        the noisy score with the clean one, measured and as the formula says.
    """
    generator = torch.Generator().manual_seed(seed)
    rows = []
    for sigma in sigmas:
        level = torch.full((n_draws,), sigma)
        x_0, eps = (torch.randn(n_draws, 1, generator=generator) for _ in range(2))
        x = GaussianDiffusion.q_sample(x_0, level, eps)
        velocity = GaussianDiffusion.velocity(x_0, level, eps)
        rows.append(
            {
                "σ": f"{sigma:g}",
                "variance of noisy score": float(x.var()),
                "variance of velocity": float(velocity.var()),
                "correlation with clean score": float(
                    torch.corrcoef(torch.cat([x, x_0], 1).T)[0, 1]
                ),
                "cos θ": 1 / math.sqrt(1 + sigma**2),
            }
        )
    return pd.DataFrame(rows).set_index("σ")


def enumerated_posterior(p_0: Floats, now: float, then: float) -> Floats:
    """Distribution of a cell at mask rate `then`, given it at rate `now`, by adding up all cases.

    Parameters
    ----------
    p_0 : ndarray of shape (K,)
        Probabilities of the clean category.
    now, then : float
        Mask rates, 0 <= then < now < 1: at rate 1 no cell is on view.

    Returns
    -------
    ndarray of shape (K + 1, K + 1)
        Entry (b, a): probability of a at `then` given b at `now`; the last of each is the mask.

    Examples
    --------
    >>> enumerated_posterior(np.array([0.25, 0.75]), now=0.5, then=0.25)[-1].tolist()
    [0.125, 0.375, 0.5]
    """
    size = len(p_0)
    joint = np.zeros((size + 1, size + 1))
    for clean in range(size):
        for a in range(size + 1):
            for b in range(size + 1):
                joint[b, a] += (
                    p_0[clean]
                    * _masking(clean, a, then, size)
                    * _masking(a, b, (now - then) / (1 - then), size)
                )
    return np.asarray(joint / joint.sum(axis=1, keepdims=True))


def _masking(a: int, b: int, rate: float, mask: int) -> float:
    """Probability that masking at a rate turns a into b; a mask stays a mask."""
    if a == mask:
        return float(b == mask)
    return rate if b == mask else (1 - rate) * float(a == b)


def ks_distance(a: Tensor, b: Tensor) -> float:
    """Kolmogorov-Smirnov distance of two samples: the largest gap of their distributions.

    Examples
    --------
    >>> ks_distance(torch.tensor([1.0, 2.0]), torch.tensor([2.0, 3.0]))
    0.5
    """
    a, b = a.double().sort()[0], b.double().sort()[0]
    values = torch.cat([a, b])
    below = [torch.searchsorted(x, values, right=True) / len(x) for x in (a, b)]
    return float((below[0] - below[1]).abs().max())


def mean_loss(
    process: HybridProcess, denoiser: Denoiser, clean: State, *, n_noises: int, seed: int
) -> float:
    """Training loss of rows, averaged over noises; the same noises for one seed."""
    generator = torch.Generator().manual_seed(seed)
    x_num = clean.x_num.float()
    with torch.no_grad():
        losses = [
            float(process.loss(denoiser, x_num, clean.x_cat, generator)) for _ in range(n_noises)
        ]
    return float(np.mean(losses))


def loss_by_level(
    process: HybridProcess,
    denoiser: Denoiser,
    clean: State,
    sigmas: Sequence[float],
    *,
    n_noises: int,
    seed: int,
) -> pd.DataFrame:
    """Loss of rows by stage and noise level, over that of an `independent_denoiser`.

    Parameters
    ----------
    process : HybridProcess
        Its loss is taken.
    denoiser : callable
        Maps (State, sigma) to `Denoised`.
    clean : State
        n rows.
    sigmas : sequence of float
        Noise levels; for categories, levels that stand for a mask rate.
    n_noises : int
        Noises for each row and level.
    seed : int
        Their seed.

    Returns
    -------
    DataFrame
        A column for each stage, by σ: 1 where nothing is foretold from other columns, 0 where all
        is.
    """
    x_num = clean.x_num.float().repeat(n_noises, 1)
    x_cat = clean.x_cat.repeat(n_noises, 1)
    alone = independent_denoiser(clean.x_cat, process.cardinalities)

    def loss(denoiser: Denoiser, stage: Stage, sigma: float) -> float:
        stages = torch.full((len(x_num),), stage)
        levels = torch.full((len(x_num),), sigma)
        generator = torch.Generator().manual_seed(seed)  # the same noise for both
        losses = process.row_losses(denoiser, x_num, x_cat, stages, levels, generator)
        return float(losses.mean())

    with torch.no_grad():
        found = {
            stage.name.lower(): [
                loss(denoiser, stage, sigma) / loss(alone, stage, sigma) for sigma in sigmas
            ]
            for stage in process.stages
        }
    return pd.DataFrame(found, index=pd.Index(sigmas, name="σ"))


def sampling_error(
    drawn: State, reference: State, cardinalities: tuple[int, ...]
) -> pd.Series[float]:
    """How far drawn rows are from those of a table, in the first number and the first category.

    Parameters
    ----------
    drawn, reference : State
        Clean rows; every category has rows in both.
    cardinalities : tuple of int
        Number of categories of each categorical column.

    Returns
    -------
    Series
        ``category``: total variation distance; ``number``: Kolmogorov-Smirnov distance; ``number
        given category``: the same within each category, weighted by the table's shares. All are
        0 to 1, and 0 at best.
    """
    size = cardinalities[0]
    shares = [
        torch.bincount(s.x_cat[:, 0], minlength=size) / len(s.x_cat) for s in (drawn, reference)
    ]
    scores, known = drawn.x_num[:, 0], reference.x_num[:, 0]
    within = [
        ks_distance(scores[drawn.x_cat[:, 0] == k], known[reference.x_cat[:, 0] == k])
        for k in range(size)
    ]
    return pd.Series(
        {
            "category": float((shares[0] - shares[1]).abs().sum() / 2),
            "number": ks_distance(scores, known),
            "number given category": float(np.dot(within, shares[1].numpy())),
        }
    )


def errors_by_steps(
    process: HybridProcess,
    denoiser: ExactDenoiser,
    n_steps: Sequence[int],
    *,
    n_rows: int,
    n_draws: int,
    seed: int,
) -> pd.DataFrame:
    """Error that remains when the best possible denoiser draws in few steps.

    Parameters
    ----------
    process : HybridProcess
        Its sampler is tried.
    denoiser : ExactDenoiser
        Its table is what should come out.
    n_steps : sequence of int
        Numbers of steps.
    n_rows, n_draws : int
        Rows of a draw, and draws, over which the errors are averaged.
    seed : int
        Seed of the first draw.

    Returns
    -------
    DataFrame
        One row per number of steps: ``calls`` of the denoiser, then as `sampling_error`. The last
        row, ``rows of the table``, is for rows drawn from the table with replacement: what chance
        alone gives.
    """
    reference = State(denoiser.x_num, denoiser.x_cat)
    found: dict[str, pd.Series[float]] = {}

    def mean_error(draws: Sequence[State]) -> pd.Series[float]:
        errors = [sampling_error(rows, reference, denoiser.cardinalities) for rows in draws]
        return pd.DataFrame(errors).mean()

    for n in n_steps:
        draws = [draw(process, denoiser, n_rows, n, seed=seed + i) for i in range(n_draws)]
        calls = pd.Series({"calls": float(draws[0].n_calls)})
        found[f"{n} steps"] = pd.concat([calls, mean_error([d.rows for d in draws])])
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randint(len(denoiser.x_num), (n_draws, n_rows), generator=generator)
    resampled = [State(*(cells[rows] for cells in reference)) for rows in chosen]
    found["rows of the table"] = mean_error(resampled)
    return pd.DataFrame(found).T


def meaning(results: Mapping[str, Any]) -> str:
    """What the chapter found, as Markdown sentences that follow from its results.

    Parameters
    ----------
    results : mapping
        The sections ``loss``, ``by_level``, ``copies``, ``steps``, ``orders``, ``conditions`` and
        ``noise`` of the chapter's record.

    Returns
    -------
    str
    """
    loss, copies, steps = results["loss"], results["copies"], results["steps"]
    orders, conditions, of_noise = results["orders"], results["conditions"], results["noise"]
    learnt = (loss["alone"] - loss["network"]) / (loss["alone"] - loss["best"])
    overfitted = [
        name
        for name, of in results["by_level"].items()
        if of["training"]["least"] < of["new"]["least"]
    ]
    fewest, own, chance = steps["fewest"], steps["own"], steps["chance"]
    return "\n".join(
        [
            f"- On the small table the network has learnt {100 * learnt:.0f} % of what separates "
            "the best predictions, as estimated, from those that know each column alone.",
            f"- It predicts training rows better than new ones on the stand-ins for "
            f"{', '.join(overfitted)}."
            if overfitted
            else "- It predicts training rows no better than new ones on any of the stand-ins.",
            f"- {100 * copies['network']:.1f} % of the rows that it draws equal a training row. Of "
            f"a second real sample it is {100 * copies['second']:.1f} %, and of the rows of the "
            f"denoiser with the lowest training loss {100 * copies['exact']:.1f} %.",
            f"- With {fewest['n_steps']} steps the distance within machines is "
            f"{fewest['dependence']:.3f}, with {own['n_steps']} it is {own['dependence']:.3f}, and "
            f"by chance it is {chance['dependence']:.3f}.",
            f"- Of codes, the model of one order gives new rows of 013 a mean log probability of "
            f"{orders['natural']:.2f}, and the model of any order {orders['any']:.2f}.",
            f"- Under a condition that goes against the order, the categories' shares are "
            f"{conditions['natural']:.3f} from the simulator's with one order and "
            f"{conditions['any']:.3f} with any; without the condition {conditions['none']:.3f}.",
            f"- The noise drawn around the target of 013, over that of real rows, is "
            f"{of_noise['gaussian']['noise']:.2f} for Gaussian diffusion and "
            f"{of_noise['codes']['noise']:.2f} for HybridDiffusion; for a second sample it is "
            f"{of_noise['second']['noise']:.2f}.",
        ]
    )
