"""Rows drawn cell by cell from the networks of `HybridDiffusion`, free or under conditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from synthtab.diffusion.codes import CodeEncoder, FloatArray, IntArray, NumberCodes
from synthtab.diffusion.networks import Batch, ColumnNetworks, NumberParts

_END = 1e-12


class Condition(NamedTuple):
    """What one column may be in each of n rows.

    Rows where `applies`, of shape (n,), is false are free. `is_exact` says whether each row has one
    value only, whose `code` and `rank`, and of a number the `value`, are given. For a number `low`
    and `high` are the ranks to stay within; for a category that has no one value `allowed`, of
    shape (n, n_codes), says which codes it may have.
    """

    applies: Tensor
    is_exact: bool
    code: Tensor
    rank: Tensor
    low: Tensor
    high: Tensor
    value: Tensor
    allowed: Tensor

    def repeat(self, times: int) -> Condition:
        """The condition with each row so many times."""
        return self._each(lambda part: part.repeat_interleave(times, dim=0))

    def part(self, start: int, end: int) -> Condition:
        """The condition of some of the rows."""
        return self._each(lambda part: part[start:end])

    def _each(self, change: Callable[[Tensor], Tensor]) -> Condition:
        """The condition with each of its tensors changed."""
        parts: dict[str, Any] = {
            k: change(v) for k, v in self._asdict().items() if isinstance(v, Tensor)
        }
        return self._replace(**parts)


class Revealed(NamedTuple):
    """Drawn rows: codes and ranks of the cells, shape (n_rows, n_columns).

    `copied`, of the same shape, are numbers taken over from another column, NaN in other cells;
    `alive` is the share of the particles of all rows that counted where fewest did: the effective
    sample size over their number. It is 1 without weights.
    """

    code: IntArray
    rank: FloatArray
    copied: FloatArray
    alive: float


class Drawn(NamedTuple):
    """A drawn cell of n rows.

    Its code, its rank (0 for a category and a missing cell), the log probability that a free draw
    would have met the condition, and which tie it is copied by (-1 for none).
    """

    code: Tensor
    rank: Tensor
    log_weight: Tensor
    tie: Tensor


@torch.no_grad()
def reveal(
    networks: ColumnNetworks,
    encoder: CodeEncoder,
    n_rows: int,
    generator: torch.Generator,
    *,
    conditions: Mapping[int, Condition],
    n_particles: int,
    with_gaps: bool = True,
    first_row: int = 0,
) -> Revealed:
    """Draw rows one column after another, in the natural order.

    Under conditions each row is a set of particles. Where a column has a condition it is drawn
    within it, each particle is weighted by the probability that a free draw would have met it, and
    the particles are drawn anew by weight (sequential importance resampling; Doucet et al., 2001).
    Networks that see any set of columns take given values as known from the start, and need no
    weights for them: such rows are exact.

    Parameters
    ----------
    networks, encoder
        The fitted networks, and the columns.
    n_rows : int
        Rows to draw.
    generator : torch.Generator
        Source of chance. That of the first rows does not depend on how many follow.
    conditions : mapping of int to Condition
        Of columns, by position; each of `n_rows` rows.
    n_particles : int
        Particles of each row; 1 where no condition needs weights.
    with_gaps : bool, default=True
        Whether a cell may be drawn as missing.
    first_row : int, default=0
        What the first row is called in an error.

    Returns
    -------
    Revealed

    Raises
    ------
    ValueError
        If no particle of a row meets the conditions.
    """
    columns: list[Any] = list(encoder.columns_.values())
    n, n_columns = n_rows * n_particles, len(columns)
    # Of each column: member, bin or Gaussian, place in it, resampling. Of each row: a particle.
    luck = torch.rand(n, 4 * n_columns + 1, generator=generator, dtype=torch.float64)
    luck, last = luck[:, :-1].view(n, n_columns, 4), luck[::n_particles, -1] * n_particles
    asked = {j: c.repeat(n_particles) for j, c in conditions.items()}
    state = _State(n, encoder, networks)
    alive = 1.0
    known = torch.zeros(n, n_columns, dtype=torch.bool) if networks.any_order else None
    if known is not None:
        for j, given in asked.items():
            if given.is_exact:
                state.put(j, given.code, given.rank, given.applies, given.value)
                known[:, j] = given.applies
    first = [j for j, c in asked.items() if known is not None and not c.is_exact]
    for j in [*first, *(j for j in range(n_columns) if j not in first)]:
        condition = asked.get(j)
        free = torch.ones(n, dtype=torch.bool) if known is None else ~known[:, j]
        if not free.any():
            continue
        member = (luck[:, j, 0] * networks.n_members).long()
        places = state.places(j)
        predicted = networks.predict(j, state.rows, known, member, ~places.isnan())
        if columns[j].has_gaps and not with_gaps:
            (predicted[0] if isinstance(predicted, NumberParts) else predicted)[:, -1] = 0.0
        if isinstance(predicted, NumberParts):
            edges = torch.from_numpy(columns[j].edges)
            drawn = draw_number(predicted, edges, luck[:, j, 1:3], condition, places)
        else:
            drawn = draw_category(predicted, luck[:, j, 1:3], condition)
        code, rank, copied = drawn.code, drawn.rank, state.partner_values(j, drawn.tie)
        if condition is not None and condition.is_exact:
            code = torch.where(condition.applies, condition.code, code)
            rank = torch.where(condition.applies, condition.rank, rank)
            copied = torch.where(condition.applies, condition.value, copied)
        state.put(j, code, rank, free, copied)
        if known is not None:
            known[:, j] = True
        if condition is not None:
            weight = torch.where(condition.applies & free, drawn.log_weight, 0.0)
            alive = min(alive, _alive(weight))
            index = _resample(
                weight.view(n_rows, n_particles), luck[::n_particles, j, 3], first_row
            )
            state.choose(index)
            known = None if known is None else known[index]
    # After resampling the particles of a row are alike in law, but ordered: take one at random.
    rows = torch.arange(n_rows) * n_particles + last.long().clamp(max=n_particles - 1)
    code, rank, copied = state.rows.code[rows], state.rank[rows], state.copied[rows]
    return Revealed(code.numpy(), rank.numpy(), copied.numpy(), alive)


class _State:
    """Cells of n rows so far: as the networks take them, as codes and ranks, and as numbers.

    `copied` are numbers that are another column's, or given; `values` are all numbers, NaN where
    one is missing or not drawn.
    """

    def __init__(self, n: int, encoder: CodeEncoder, networks: ColumnNetworks) -> None:
        self.encoder, self.names = encoder, list(encoder.columns_)
        self.columns, self.numbers = list(encoder.columns_.values()), networks.numbers
        self.partner = networks.partner
        self.rank = torch.zeros(n, len(self.columns), dtype=torch.float64)
        self.copied = torch.full_like(self.rank, torch.nan)
        self.values = self.copied.clone()
        code = torch.zeros(n, len(self.columns), dtype=torch.int64)
        rank, score, value = (torch.zeros(n, len(self.numbers)) for _ in range(3))
        none = torch.zeros(n, 0)  # of what only a likelihood needs
        tied = torch.full((n, *self.partner.shape), -1)
        self.rows = Batch(code, rank, score, value, none, none, none, tied)

    def places(self, j: int) -> Tensor:
        """Ranks that the partners of a number's ties would have in its column, (n, n_ties).

        NaN where a partner has no value yet, or none that the column takes.
        """
        n = len(self.rank)
        column = self.columns[j]
        if not isinstance(column, NumberCodes):
            return torch.zeros(n, 0)
        partner = self.partner[self.numbers.index(j)]
        places = torch.full((n, len(partner)), torch.nan, dtype=torch.float64)
        for s, other in enumerate(partner.tolist()):
            if other >= 0:
                values = self.values[:, other].numpy()
                possible = self.encoder.can_hold(self.names[j], values)
                rank = column.encode(np.where(possible, values, column.mean)).rank
                places[:, s] = torch.from_numpy(np.where(possible, rank, np.nan))
        return places

    def partner_values(self, j: int, tie: Tensor) -> Tensor:
        """The numbers that cells of a column are copied from; NaN where `tie` is -1."""
        copied = torch.full((len(tie),), torch.nan, dtype=torch.float64)
        if (tie >= 0).any():
            partner = self.partner[self.numbers.index(j)][tie]
            source = self.values.gather(1, partner.clamp(min=0)[:, None])[:, 0]
            copied = torch.where(tie >= 0, source, copied)
        return copied

    def put(self, j: int, code: Tensor, rank: Tensor, where: Tensor, copied: Tensor) -> None:
        """Set the cells of a column in the rows `where`, in place."""
        column = self.columns[j]
        self.rank[:, j] = torch.where(where, rank, self.rank[:, j])
        if isinstance(column, NumberCodes):
            # A value owns several ranks, and networks have learnt the middle one.
            values = column.decode(code.numpy(), rank.numpy())
            values = np.where(np.isnan(copied.numpy()), values, copied.numpy())
            values = self.encoder.stored(self.names[j], values)
            cells, i = column.encode(values), self.numbers.index(j)
            for table, part in ((self.copied, copied), (self.values, torch.from_numpy(values))):
                table[:, j] = torch.where(where, part, table[:, j])
            code = torch.from_numpy(cells.code)
            same = self.values[:, [j]] == self.values[:, self.partner[i].clamp(min=0)]
            self.rows.tied[:, i] = torch.where(where[:, None], same.long(), self.rows.tied[:, i])
            for part, found in (
                (self.rows.rank, cells.rank),
                (self.rows.score, column.scores(cells)),
                (self.rows.value, column.standardised(values)),
            ):
                part[:, i] = torch.where(where, torch.from_numpy(found).float(), part[:, i])
        self.rows.code[:, j] = torch.where(where, code, self.rows.code[:, j])

    def choose(self, index: Tensor) -> None:
        """Go on with some of the rows."""
        self.rank, self.rows = self.rank[index], self.rows.take(index)
        self.copied, self.values = self.copied[index], self.values[index]


def _alive(log_weight: Tensor) -> float:
    """Effective sample size of weights over their number."""
    weight = torch.exp(log_weight - log_weight.max())
    found: float = (weight.sum() ** 2 / (weight**2).sum() / len(weight)).nan_to_num(0.0).item()
    return found


def _resample(log_weight: Tensor, uniform: Tensor, first_row: int) -> Tensor:
    """Particles to go on with, systematically by weight: (n_rows, n_particles) to positions (n,).

    Raises
    ------
    ValueError
        If a row has no particle of positive weight.
    """
    n_rows, n_particles = log_weight.shape
    largest = log_weight.max(dim=1, keepdim=True).values
    if torch.isinf(largest).any():
        row = first_row + int(torch.isinf(largest[:, 0]).nonzero()[0])
        raise ValueError(
            f"row {row}: no drawn row meets the conditions; ask for values that occur together, "
            "or raise n_particles"
        )
    total = torch.exp(log_weight - largest).cumsum(dim=1)
    comb = (torch.arange(n_particles) + uniform[:, None]) / n_particles * total[:, -1:]
    picked = torch.searchsorted(total, comb, right=True).clamp(max=n_particles - 1)
    return (picked + torch.arange(n_rows)[:, None] * n_particles).flatten()


def draw_number(
    parts: NumberParts,
    edges: Tensor,
    uniform: Tensor,
    condition: Condition | None,
    places: Tensor,
) -> Drawn:
    """Draw a number's code and rank from its predicted distribution.

    Parameters
    ----------
    parts : NumberParts
        Of n cells.
    edges : Tensor of shape (n_bins + 1,)
        Ranks between the bins.
    uniform : Tensor of shape (n, 2)
        Numbers that decide: which bin or Gaussian, and where in it.
    condition : Condition or None
        Ranks to stay within.
    places : Tensor of shape (n, n_ties)
        Ranks of the numbers that it may be copied from.

    Returns
    -------
    Drawn
        Under the condition; the weight is the log probability that a free draw meets it.
    """
    n_bins = len(edges) - 1
    n = len(parts.histogram)
    low = torch.zeros(n, dtype=torch.float64)
    high = torch.ones(n, dtype=torch.float64)
    gaps = parts.histogram[:, n_bins:]
    if condition is not None:
        low = torch.where(condition.applies, condition.low, low)
        high = torch.where(condition.applies, condition.high, high)
        gaps = gaps * ~condition.applies[:, None]
    # Probability of each bin's part inside the condition, and of each Gaussian's.
    start = torch.maximum(edges[:-1], low[:, None])
    end = torch.minimum(edges[1:], high[:, None])
    inside = (end - start).clamp(min=0) / (edges[1:] - edges[:-1])
    z_low = torch.special.ndtri(low.clamp(_END, 1 - _END))[:, None]
    z_high = torch.special.ndtri(high.clamp(_END, 1 - _END))[:, None]
    p_low = torch.where(low[:, None] <= 0, 0.0, _cdf((z_low - parts.mean) / parts.sd))
    p_high = torch.where(high[:, None] >= 1, 1.0, _cdf((z_high - parts.mean) / parts.sd))
    smooth = parts.smooth[:, None] * parts.weight * (p_high - p_low).clamp(min=0)
    rough = (1 - parts.smooth[:, None]) * torch.cat([parts.histogram[:, :n_bins] * inside, gaps], 1)
    mass = torch.cat([smooth, rough], dim=1)
    n_rest = mass.shape[1]
    if parts.copies.shape[1]:
        allowed = (places >= low[:, None]) & (places <= high[:, None])  # never where NaN
        if condition is not None and condition.is_exact:  # a neighbour is not the number
            is_it = places == condition.rank[:, None]
            allowed = torch.where(condition.applies[:, None], is_it, allowed)
        rest = 1 - parts.copies.sum(dim=1, keepdim=True)
        mass = torch.cat([rest * mass, parts.copies * allowed], dim=1)
    total = mass.sum(dim=1)
    choice = _inverse(mass, uniform[:, 0])
    tie = torch.where(choice >= n_rest, choice - n_rest, -1)
    n_components = parts.weight.shape[1]
    is_smooth = choice < n_components
    component = choice.clamp(max=n_components - 1)[:, None]
    place = uniform[:, 1:]
    p = p_low.gather(1, component) + place * (p_high - p_low).gather(1, component)
    z = parts.mean.gather(1, component) + parts.sd.gather(1, component) * torch.special.ndtri(
        p.clamp(_END, 1 - _END)
    )
    code = (choice - n_components).clamp(min=0)
    bin_ = code.clamp(max=n_bins - 1)[:, None]
    in_bin = start.gather(1, bin_) + place * (end - start).gather(1, bin_)
    rank = torch.where(is_smooth, _cdf(z)[:, 0], in_bin[:, 0]).clamp(_END, 1 - _END)
    rank = torch.minimum(
        torch.maximum(rank, low + _END), high - _END
    )  # an end is a neighbour's too
    is_gap = ~is_smooth & (code >= n_bins)
    code = torch.where(is_gap, code, torch.searchsorted(edges[1:-1], rank))
    rank = torch.where(is_gap, 0.0, rank)
    if parts.copies.shape[1]:
        rank = torch.where(tie >= 0, places.gather(1, tie.clamp(min=0)[:, None])[:, 0], rank)
        code = torch.where(tie >= 0, torch.searchsorted(edges[1:-1], rank), code)
    return Drawn(code, rank, torch.log(total), tie)


def draw_category(p: Tensor, uniform: Tensor, condition: Condition | None) -> Drawn:
    """Draw a category's code: see `draw_number`; `p` of shape (n, n_codes)."""
    if condition is not None:
        allowed = condition.allowed
        if condition.is_exact:
            allowed = torch.arange(p.shape[1]) == condition.code[:, None]
        p = torch.where(condition.applies[:, None], p * allowed, p)
    code = _inverse(p, uniform[:, 0])
    zeros, none = torch.zeros(len(code), dtype=torch.float64), torch.full_like(code, -1)
    return Drawn(code, zeros, torch.log(p.sum(dim=1)), none)


def _cdf(z: Tensor) -> Tensor:
    found: Tensor = torch.special.ndtr(z)
    return found


def _inverse(mass: Tensor, uniform: Tensor) -> Tensor:
    """Position in each row of unnormalised probabilities (n, k) at a uniform number, shape (n,)."""
    total = mass.cumsum(dim=1)
    return (total <= uniform[:, None] * total[:, -1:]).sum(dim=1).clamp(max=mass.shape[1] - 1)
