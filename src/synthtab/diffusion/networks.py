"""One small network for each column: what it predicts of a cell, given the cells that are known.

All networks of all members work in one batched product. A number's distribution is a mixture of
two parts: a histogram over its bins, which can take any shape, and a few Gaussians of its normal
score, which are smooth and place a value inside its bin. Where two numbers are often equal, a third
part is the other number itself (a pointer mixture, as Vinyals et al., 2015, have for words).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, layer_norm, logsigmoid, pad, silu

from synthtab.diffusion.codes import Cells, CodeEncoder, NumberCodes, score

_MAX_ONE_HOT = 64  # a level of a longer list adds its own weights to the first layer instead
_DEPTH = 2
_IMPOSSIBLE = -30.0  # logit of a code that a column does not have
_TINY = 1e-10


class Batch(NamedTuple):
    """Rows as the networks take them; the leading dimensions are members and rows.

    `code` of shape (..., n_columns). Of the numbers, shape (..., n_num): the `rank`, its normal
    `score`, the `value` in standard deviations; and for the likelihood the normal scores `low`
    and `high` at the ends of the ranks that the value owns, and `log_share`, the log share of the
    ranks of its bin that these are. `tied`, of shape (..., n_num, n_ties), says of each tie of the
    encoder whether the number equals the other one (1), differs (0) or cannot equal it (-1).
    """

    code: Tensor
    rank: Tensor
    score: Tensor
    value: Tensor
    low: Tensor
    high: Tensor
    log_share: Tensor
    tied: Tensor

    def take(self, *index: Any) -> Batch:
        """Some of the rows: each part at an index."""
        return Batch(*(part[index] for part in self))

    def to(self, device: torch.device) -> Batch:
        """The same rows on a device."""
        return Batch(*(part.to(device) for part in self))


class NumberParts(NamedTuple):
    """Predicted distribution of a number, for n cells: probabilities and Gaussians of its score.

    `histogram` of shape (n, n_codes); `smooth` of shape (n,), the weight of the Gaussians against
    it; `weight`, `mean` and `sd` of shape (n, n_components); `copies` of shape (n, n_ties), the
    probabilities that the number is that of another column, which leave less for the rest.
    """

    histogram: Tensor
    smooth: Tensor
    weight: Tensor
    mean: Tensor
    sd: Tensor
    copies: Tensor


def to_batch(encoder: CodeEncoder, cells: dict[str, Cells]) -> Batch:
    """The cells of rows as a batch of shape (n, ...)."""
    n = len(next(iter(cells.values())).code)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in Batch._fields[1:-1]}
    for name, codes in encoder.columns_.items():
        if not isinstance(codes, NumberCodes):
            continue
        cell = cells[name]
        known = cell.code < codes.n_bins
        width = np.append(np.diff(codes.edges), 1.0)[cell.code]
        share = np.where(known, (cell.high - cell.low) / width, 1.0)
        parts["rank"].append(cell.rank)
        parts["score"].append(codes.scores(cell))
        parts["value"].append(codes.standardised(codes.decode(cell.code, cell.rank)))
        parts["low"].append(np.where(known, score(cell.low), 0.0))
        parts["high"].append(np.where(known, score(cell.high), 0.0))
        parts["log_share"].append(np.log(share.clip(1e-9, 1.0)))
    code = np.column_stack([cells[name].code for name in encoder.columns_])
    tensors = {
        name: torch.from_numpy(np.column_stack(p)).float() if p else torch.zeros(n, 0)
        for name, p in parts.items()
    }
    tensors["tied"] = torch.from_numpy(_tied(encoder, cells, n))
    return Batch(torch.from_numpy(code), **tensors)


def _tied(encoder: CodeEncoder, cells: dict[str, Cells], n: int) -> np.ndarray:
    """What `Batch.tied` says of rows, shape (n, n_num, n_ties)."""
    numbers = [c for c, codes in encoder.columns_.items() if isinstance(codes, NumberCodes)]
    tied = np.full((n, len(numbers), max(map(len, encoder.ties_.values()), default=0)), -1)
    for i, name in enumerate(numbers):
        for s, other in enumerate(encoder.ties_.get(name, [])):
            value = cells[other].value
            tied[:, i, s] = np.where(encoder.can_hold(name, value), cells[name].value == value, -1)
    return tied


class ColumnNetworks(nn.Module):
    """Networks of `n_members` times `n_columns`, each predicting one column from the others.

    Which columns a network sees is the caller's choice, row by row, if `any_order`; else those
    before its own. A number enters as its normal score, its standardised value and `n_segments`
    pieces of its rank; a category one-hot, and like a number beside it if its labels are numbers;
    one of more than 64 levels adds learnt weights of each level to the first layer. The output of
    an untrained network is the column's own distribution.

    Parameters
    ----------
    encoder : CodeEncoder
        The columns.
    frequencies : sequence of ndarray of shape (n_codes,)
        How often each code of each column occurs among the training rows.
    n_members, width, n_segments, n_waves, n_components : int
        Networks per column; their units; pieces of a rank; cosines of a histogram; Gaussians.
    any_order : bool
        Whether networks see any set of columns.
    dropout : float
        Share of the units that are left out in training.
    """

    seen: Tensor
    owner: Tensor
    waves: Tensor
    partner: Tensor

    def __init__(
        self,
        encoder: CodeEncoder,
        frequencies: Sequence[np.ndarray],
        *,
        n_members: int,
        width: int,
        n_segments: int,
        n_waves: int,
        n_components: int,
        any_order: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        self.n_waves = n_waves
        columns = list(encoder.columns_.values())
        self.any_order, self.dropout, self.width = any_order, dropout, width
        self.n_members, self.n_segments, self.n_components = n_members, n_segments, n_components
        self.sizes = tuple(c.n_codes for c in columns)
        self.numbers = [j for j, c in enumerate(columns) if isinstance(c, NumberCodes)]
        self.gaps = tuple(c.has_gaps for c in columns)
        categories = [j for j in range(len(columns)) if j not in self.numbers]
        self.one_hot = [j for j in categories if self.sizes[j] <= _MAX_ONE_HOT]
        self.long_lists = [j for j in categories if self.sizes[j] > _MAX_ONE_HOT]
        self._add_ties(encoder)
        self._add_inputs(columns, frequencies)
        self._add_trunk(len(columns))
        self._add_heads(columns, frequencies)

    def _add_ties(self, encoder: CodeEncoder) -> None:
        """Which column each tie of a number is with, (n_num, n_ties); -1 where there is none."""
        names = list(encoder.columns_)
        ties = [encoder.ties_.get(names[j], []) for j in self.numbers]
        self.n_ties = max(map(len, ties), default=0)
        partner = torch.full((len(ties), self.n_ties), -1)
        for i, others in enumerate(ties):
            partner[i, : len(others)] = torch.tensor([names.index(other) for other in others])
        self.register_buffer("partner", partner, persistent=False)

    def tie_inputs(self, j: int) -> list[int]:
        """Ties of a number of which the networks after it are told whether they hold."""
        if self.any_order:  # one of the two may be unknown
            return []
        partner = self.partner[self.numbers.index(j)].tolist()
        return [s for s, other in enumerate(partner) if 0 <= other < j]

    def _add_inputs(self, columns: Sequence[object], frequencies: Sequence[np.ndarray]) -> None:
        """Tables of what codes enter as, and which column each input belongs to."""
        owners: list[int] = []
        for j in self.numbers:
            owners += [j] * (2 + self.n_segments + self.gaps[j] + len(self.tie_inputs(j)))
        self.tables = nn.ParameterList()
        for j in self.one_hot:
            table = torch.eye(self.sizes[j])
            numbers = getattr(columns[j], "numbers", None)
            if numbers is not None:
                meaning = _meaning(numbers, frequencies[j][: len(numbers)], self.n_segments)
                table = torch.cat([table, pad(meaning, (0, 0, 0, int(self.gaps[j])))], dim=1)
            self.tables.append(nn.Parameter(table, requires_grad=False))
            owners += [j] * table.shape[1]
        n = len(columns)
        self.lookups = nn.ParameterList(
            nn.Parameter(torch.randn(self.n_members, n, self.sizes[j], self.width) / 2)
            for j in self.long_lists
        )
        if self.any_order:
            owners += list(range(n))  # the flags that say which columns are known
        self.register_buffer("owner", torch.tensor(owners, dtype=torch.int64), persistent=False)
        if self.any_order:
            seen = self.owner[None] != torch.arange(n)[:, None]
        else:
            seen = self.owner[None] < torch.arange(n)[:, None]
        self.register_buffer("seen", seen.float(), persistent=False)

    def _add_trunk(self, n_columns: int) -> None:
        members, width = self.n_members, self.width
        shape = (members, n_columns)
        scale = 2 / self.seen.sum(dim=1).clamp(min=1).sqrt()
        first = torch.randn(*shape, len(self.owner), width) * scale[:, None, None]
        self.first = nn.Parameter(first * self.seen[:, :, None])
        self.first_bias = nn.Parameter(torch.zeros(*shape, 1, width))
        inner, outer = 1 / math.sqrt(width), 0.5 / math.sqrt(width)
        self.weights = nn.ParameterList(
            nn.Parameter(torch.randn(*shape, width, width) * (outer if i % 2 else inner))
            for i in range(2 * _DEPTH)
        )
        self.biases = nn.ParameterList(
            nn.Parameter(torch.zeros(*shape, 1, width)) for _ in range(2 * _DEPTH)
        )

    def _add_heads(self, columns: Sequence[object], frequencies: Sequence[np.ndarray]) -> None:
        members, width, n_waves = self.n_members, self.width, self.n_waves
        marginals = [np.log((f + 0.5) / (f.sum() + 0.5 * len(f))) for f in frequencies]

        def bias(group: Sequence[int]) -> Tensor:
            size = max(self.sizes[j] for j in group)
            stacked = torch.full((len(group), 1, size), _IMPOSSIBLE)
            for i, j in enumerate(group):
                stacked[i, 0, : self.sizes[j]] = torch.from_numpy(marginals[j]).float()
            return stacked.repeat(members, 1, 1, 1)

        if self.numbers:
            n, k = len(self.numbers), 3 * self.n_components + 1
            self.histogram_bias = nn.Parameter(bias(self.numbers))
            self.histogram = nn.Parameter(torch.zeros(members, n, width, n_waves + 1))
            waves = torch.zeros(n, n_waves + 1, self.histogram_bias.shape[-1])
            for i, j in enumerate(self.numbers):
                codes = columns[j]
                assert isinstance(codes, NumberCodes)
                middle = torch.from_numpy((codes.edges[1:] + codes.edges[:-1]) / 2).float()
                f = torch.arange(1, n_waves + 1)[:, None]
                waves[i, :-1, : codes.n_bins] = torch.cos(torch.pi * f * middle) / (
                    1 + (f / 2) ** 2
                )
                if codes.has_gaps:
                    waves[i, -1, codes.n_bins] = 1.0
            self.register_buffer("waves", waves, persistent=False)
            self.gaussians = nn.Parameter(torch.randn(members, n, width, k) * 0.02)
            start = torch.zeros(k)
            start[self.n_components : -1 - self.n_components] = torch.linspace(
                -0.5, 0.5, self.n_components
            )
            start[-1 - self.n_components : -1] = -0.6  # log standard deviation
            self.gaussians_bias = nn.Parameter(start.repeat(members, n, 1, 1))
            if self.n_ties:
                self.copies = nn.Parameter(torch.zeros(members, n, width, self.n_ties))
                self.copies_bias = nn.Parameter(torch.full((members, n, 1, self.n_ties), -3.0))
        if self.one_hot:
            self.category_bias = nn.Parameter(bias(self.one_hot))
            size = self.category_bias.shape[-1]
            self.category = nn.Parameter(torch.zeros(members, len(self.one_hot), width, size))
        self.long_bias = nn.ParameterList(nn.Parameter(bias([j])) for j in self.long_lists)
        self.long = nn.ParameterList(
            nn.Parameter(torch.zeros(members, 1, width, self.sizes[j])) for j in self.long_lists
        )

    def to_plain(self) -> dict[str, int | float | bool]:
        """Arguments, the columns aside, that make networks of the same shapes."""
        names = ("n_members", "width", "n_segments", "n_waves", "n_components", "any_order")
        return {name: getattr(self, name) for name in names} | {"dropout": self.dropout}

    def groups(self) -> dict[str, Sequence[int]]:
        """Columns that the second dimension of each trained parameter stands for."""
        groups: dict[str, Sequence[int]] = {}
        for name, _ in self.named_parameters():
            if name.startswith("tables"):  # given, not trained
                continue
            if name.startswith(("histogram", "gaussians", "copies")):
                groups[name] = self.numbers
            elif name.startswith("category"):
                groups[name] = self.one_hot
            elif name.startswith("long"):
                groups[name] = [self.long_lists[int(name.split(".")[1])]]
            else:
                groups[name] = range(len(self.sizes))
        return groups

    def natural(self, n: int) -> Tensor | None:
        """Which cells each network sees in the natural order, (n_members, n, columns, columns)."""
        if not self.any_order:
            return None
        turn = torch.arange(len(self.sizes), device=self.first.device)
        earlier = (turn[None] < turn[:, None]).float()
        return earlier.expand(self.n_members, n, -1, -1)

    def random_known(
        self, n: int, natural_share: float, generator: torch.Generator
    ) -> Tensor | None:
        """The same in an order drawn for each row, natural with a probability."""
        if not self.any_order:
            return None
        members, columns = self.n_members, len(self.sizes)
        turn = torch.rand(members, n, columns, generator=generator)
        is_natural = torch.rand(members, n, 1, generator=generator) < natural_share
        turn = torch.where(is_natural, torch.arange(columns) / columns, turn)
        return (turn[:, :, None] < turn[..., None]).float().to(self.first.device)

    def inputs(self, rows: Batch) -> Tensor:
        """What rows enter as, shape (n_members, n, n_inputs), of a batch (n_members, n, ...)."""
        parts = []
        ranks = rows.rank[..., None] * self.n_segments - torch.arange(
            self.n_segments, device=rows.rank.device
        )
        segments = ranks.clamp(0, 1)
        for i, j in enumerate(self.numbers):
            parts += [rows.score[..., i : i + 1], rows.value[..., i : i + 1], segments[..., i, :]]
            if self.gaps[j]:
                parts.append((rows.code[..., j] == self.sizes[j] - 1)[..., None].float())
            if inputs := self.tie_inputs(j):
                parts.append((rows.tied[..., i, inputs] > 0).float())
        parts += [t[rows.code[..., j]] for j, t in zip(self.one_hot, self.tables, strict=True)]
        if not parts:
            return torch.zeros(self.n_members, rows.code.shape[-2], 0)
        parts = [p.expand(self.n_members, *p.shape[-2:]) for p in parts]
        return torch.cat(parts, dim=-1)

    def hidden(self, rows: Batch, known: Tensor | None) -> Tensor:
        """Last hidden layer of every column's network, (n_members, n_columns, n, width).

        `known` of shape (n_members, n, n_columns, n_columns) says for each cell which others its
        network sees; None where the order is natural.
        """
        inputs = self.inputs(rows)
        members, _, _ = inputs.shape
        columns = len(self.sizes)
        first = self.first * self.seen[:, :, None]
        if known is None:
            wide = first.permute(0, 2, 1, 3).reshape(members, -1, columns * self.width)
            h = (inputs @ wide).view(members, -1, columns, self.width).transpose(1, 2)
        else:
            known = known.transpose(1, 2)
            cells = self.owner[: inputs.shape[-1]]
            h = torch.cat([inputs[:, None] * known[..., cells], known], dim=-1) @ first
        for i, j in zip(self.long_lists, self.lookups, strict=True):
            code = rows.code[..., i].expand(members, -1)
            added = torch.stack([w[:, c] for w, c in zip(j, code, strict=True)])
            if known is None:
                h = h + added * (torch.arange(columns, device=h.device) > i)[:, None, None]
            else:
                h = h + added * known[..., i, None]
        return self._residual(h + self.first_bias, list(self.weights), list(self.biases))

    def _residual(self, h: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> Tensor:
        """h + W2 silu(W1 norm(h)), twice."""
        for i in range(0, 2 * _DEPTH, 2):
            inner = silu(layer_norm(h, (self.width,)) @ weights[i] + biases[i])
            if self.training and self.dropout:
                inner = dropout(inner, self.dropout)
            h = h + inner @ weights[i + 1] + biases[i + 1]
        return h

    def log_likelihood(self, rows: Batch, known: Tensor | None = None) -> Tensor:
        """Log probability of each cell given those its network sees.

        Of a batch (n_members, n, ...), shape (n_members, n_columns, n). A number's is that of the
        ranks which its value owns.
        """
        h = self.hidden(rows, known)
        members, columns, n, _ = h.shape
        found = torch.empty(members, columns, n, device=h.device)
        code = rows.code.expand(members, -1, -1).transpose(1, 2)
        if self.numbers:
            own = h[:, self.numbers]
            logits = (own @ self.histogram) @ self.waves + self.histogram_bias
            log_p = _at(logits.log_softmax(-1), code[:, self.numbers])
            low, high, share = (
                part.expand(members, -1, -1).transpose(1, 2)
                for part in (rows.low, rows.high, rows.log_share)
            )
            log_weight, mean, precision, gate = self._gaussians(
                own @ self.gaussians + self.gaussians_bias
            )
            ends = [torch.special.ndtr((e[..., None] - mean) * precision) for e in (high, low)]
            inside = torch.logsumexp(log_weight + (ends[0] - ends[1]).clamp_min(_TINY).log(), -1)
            found[:, self.numbers] = torch.logaddexp(
                logsigmoid(gate) + inside, logsigmoid(-gate) + log_p + share
            )
            if self.n_ties:
                tied = rows.tied.expand(members, -1, -1, -1).transpose(1, 2)
                logits = own @ self.copies + self.copies_bias
                rest, copied = self._copies(logits, (tied >= 0) & self._sees_partner(known))
                copied = copied.masked_fill(tied < 1, -torch.inf)
                mixed = torch.cat([(found[:, self.numbers] + rest)[..., None], copied], dim=-1)
                found[:, self.numbers] = mixed.logsumexp(-1)
        if self.one_hot:
            logits = h[:, self.one_hot] @ self.category + self.category_bias
            found[:, self.one_hot] = _at(logits.log_softmax(-1), code[:, self.one_hot])
        for j, weight, bias in zip(self.long_lists, self.long, self.long_bias, strict=True):
            logits = h[:, [j]] @ weight + bias
            found[:, [j]] = _at(logits.log_softmax(-1), code[:, [j]])
        return found

    def _sees_partner(self, known: Tensor | None) -> Tensor:
        """Whether networks see the partners of ties, to (n_members, n_num, n, n_ties)."""
        own = torch.tensor(self.numbers, device=self.partner.device)[:, None]
        if known is None:
            return ((self.partner >= 0) & (self.partner < own))[:, None]
        seen = known[:, :, own, self.partner.clamp(min=0)] > 0
        return (seen & (self.partner >= 0)).transpose(1, 2)

    @staticmethod
    def _copies(logits: Tensor, possible: Tensor) -> tuple[Tensor, Tensor]:
        """Log probabilities that a number is none of its partners, (...), and each, (..., n)."""
        logits = logits.masked_fill(~possible, -torch.inf)
        log_p = pad(logits, (1, 0)).log_softmax(-1)
        return log_p[..., 0], log_p[..., 1:]

    def _gaussians(self, output: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Log weights, means, inverse standard deviations and the gate of Gaussians."""
        k = self.n_components
        log_sd = output[..., 2 * k : 3 * k].clamp(-6, 3)
        return (
            output[..., :k].log_softmax(-1),
            output[..., k : 2 * k],
            torch.exp(-log_sd),
            output[..., -1],
        )

    def predict(
        self,
        j: int,
        rows: Batch,
        known: Tensor | None,
        member: Tensor,
        copies: Tensor | None = None,
    ) -> Tensor | NumberParts:
        """Distribution of one cell in each of n rows, by one member's network in each.

        Parameters
        ----------
        j : int
            The column.
        rows : Batch of shape (n, ...)
            Cells that are not known may hold any code.
        known : Tensor of shape (n, n_columns) or None
            Which cells are known; None where the order is natural.
        member : Tensor of shape (n,)
            Whose prediction is taken in each row.
        copies : Tensor of shape (n, n_ties), optional
            Whether a number can be that of each partner of its ties; none if not given.

        Returns
        -------
        Tensor of shape (n, n_codes), or NumberParts
            In double precision.
        """
        inputs, first = self.inputs(rows), self.first[:, j] * self.seen[j][:, None]
        n = inputs.shape[1]
        if known is not None:
            flags = known.float()
            inputs = torch.cat(
                [
                    inputs * flags[:, self.owner[: inputs.shape[-1]]],
                    flags.expand(self.n_members, -1, -1),
                ],
                dim=-1,
            )
        h = inputs @ first + self.first_bias[:, j]
        for i, weights in zip(self.long_lists, self.lookups, strict=True):
            is_seen = float(i < j) if known is None else known[:, i, None].float()
            h = h + weights[:, j, rows.code[:, i]] * is_seen
        h = self._residual(h, [w[:, j] for w in self.weights], [b[:, j] for b in self.biases])
        pick = (member, torch.arange(n, device=h.device))
        if j in self.one_hot:
            i = self.one_hot.index(j)
            logits = (h @ self.category[:, i] + self.category_bias[:, i])[pick]
        elif j in self.long_lists:
            i = self.long_lists.index(j)
            logits = (h @ self.long[i][:, 0] + self.long_bias[i][:, 0])[pick]
        else:
            i = self.numbers.index(j)
            logits = ((h @ self.histogram[:, i]) @ self.waves[i] + self.histogram_bias[:, i])[pick]
            output = (h @ self.gaussians[:, i] + self.gaussians_bias[:, i])[pick].double()
            log_weight, mean, precision, gate = self._gaussians(output)
            histogram = logits[:, : self.sizes[j]].double().softmax(-1)
            copied = torch.zeros(n, 0, dtype=torch.float64)
            if copies is not None and self.n_ties:
                output = (h @ self.copies[:, i] + self.copies_bias[:, i])[pick].double()
                copied = self._copies(output, copies)[1].exp()
            return NumberParts(
                histogram, gate.sigmoid(), log_weight.exp(), mean, 1 / precision, copied
            )
        return logits[:, : self.sizes[j]].double().softmax(-1)


def _at(values: Tensor, index: Tensor) -> Tensor:
    """Entries of the last dimension at an index of one dimension less."""
    return values.gather(-1, index[..., None])[..., 0]


def _meaning(numbers: np.ndarray, frequency: np.ndarray, n_segments: int) -> Tensor:
    """Score, standardised value and pieces of rank of labels that are numbers, (K, 2 + n)."""
    order = np.argsort(numbers, kind="stable")
    share = frequency / max(frequency.sum(), 1)
    middle = np.empty(len(numbers))
    middle[order] = share[order].cumsum() - share[order] / 2
    mean = (share * numbers).sum()
    sd = math.sqrt((share * (numbers - mean) ** 2).sum()) or 1.0
    segments = (middle[:, None] * n_segments - np.arange(n_segments)).clip(0, 1)
    value = ((numbers - mean) / sd).clip(-6, 6)
    table = np.column_stack([score(middle.clip(1e-4, 1 - 1e-4)), value, segments])
    return torch.from_numpy(table).float()
