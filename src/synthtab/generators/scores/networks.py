"""Networks of TabSyn and TabDiff: columns as tokens, a small transformer, and a perceptron.

One row is a sequence of tokens of width 4, a token per column: the numbers come first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import relu_, scaled_dot_product_attention

TOKEN = 4  # width of a token
_HIDDEN = 128  # of a transformer's feed-forward part
_LAYERS = 2


def one_hot(codes: Tensor, sizes: Sequence[int]) -> Tensor:
    """Codes (n, n_cat) as zeros and ones, columns side by side: (n, sum of sizes).

    Examples
    --------
    >>> one_hot(torch.tensor([[1, 2]]), sizes=[2, 3])
    tensor([[0., 1., 0., 0., 1.]])
    """
    starts = torch.tensor([0, *sizes[:-1]], device=codes.device).cumsum(0)[: len(sizes)]
    zeros = torch.zeros(len(codes), sum(sizes), device=codes.device)
    return zeros.scatter_(1, codes + starts, 1.0)


def cross_entropy(logits: Tensor, codes: Tensor, sizes: Sequence[int]) -> Tensor:
    """Minus log probability of each cell: (n, sum of sizes) and (n, n_cat) to (n, n_cat)."""
    parts = torch.split(logits, list(sizes), dim=1)
    costs = [
        nn.functional.cross_entropy(part, codes[:, j], reduction="none")
        for j, part in enumerate(parts)
    ]
    return torch.stack(costs, dim=1)


def most_probable(logits: Tensor, sizes: Sequence[int]) -> Tensor:
    """Codes (n, n_cat) of the largest logits of each column, (n, sum of sizes).

    Examples
    --------
    >>> most_probable(torch.tensor([[0.0, 1.0, 5.0, 0.0, 2.0]]), sizes=[2, 3])
    tensor([[1, 0]])
    """
    codes = [part.argmax(1) for part in torch.split(logits, list(sizes), dim=1)] if sizes else []
    empty = torch.empty(len(logits), 0, dtype=torch.int64, device=logits.device)
    return torch.stack(codes, dim=1) if codes else empty


def _uniform(*shape: int) -> nn.Parameter:
    """Initial values as those of a linear layer of TOKEN inputs (Kaiming, a = sqrt 5)."""
    return nn.Parameter(torch.empty(shape).uniform_(-1, 1) / math.sqrt(TOKEN))


class Tokenizer(nn.Module):
    """Cells to tokens: (n, n_num) and one-hot (n, sum of sizes) to (n, n_columns, 4).

    A number x becomes x w + b; a category its row of an embedding table, and a bias of its column.
    """

    def __init__(self, n_num: int, sizes: Sequence[int]) -> None:
        super().__init__()
        self.sizes = list(sizes)
        self.weight = _uniform(n_num, TOKEN)
        self.embeddings = nn.ParameterList(_uniform(size, TOKEN) for size in sizes)
        self.bias = _uniform(n_num + len(sizes), TOKEN)

    def forward(self, x_num: Tensor, hot: Tensor) -> Tensor:
        numbers = x_num[:, :, None] * self.weight
        parts = torch.split(hot, self.sizes, dim=1) if self.sizes else ()
        categories = [(p @ e)[:, None] for p, e in zip(parts, self.embeddings, strict=True)]
        return torch.cat([numbers, *categories], dim=1) + self.bias


class Detokenizer(nn.Module):
    """Tokens to cells: a number as a dot product, categories as logits (n, sum of sizes)."""

    def __init__(self, n_num: int, sizes: Sequence[int]) -> None:
        super().__init__()
        self.n_num = n_num
        self.weight = nn.Parameter(torch.empty(n_num, TOKEN))
        if n_num:
            nn.init.xavier_uniform_(self.weight, gain=1 / math.sqrt(2))
        heads = [nn.Linear(TOKEN, size) for size in sizes]
        for head in heads:
            nn.init.xavier_uniform_(head.weight, gain=1 / math.sqrt(2))
        self.heads = nn.ModuleList(heads)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        x_num = (tokens[:, : self.n_num] * self.weight).sum(2)
        logits = [head(tokens[:, self.n_num + j]) for j, head in enumerate(self.heads)]
        return x_num, torch.cat(logits, dim=1) if logits else x_num[:, :0]


class _Layer(nn.Module):
    """Attention of one head, then a feed-forward part, each added to its input."""

    def __init__(self, *, is_first: bool) -> None:
        super().__init__()
        self.norm = nn.Identity() if is_first else nn.LayerNorm(TOKEN)
        self.attention = nn.Linear(TOKEN, 3 * TOKEN)
        nn.init.zeros_(self.attention.bias)
        self.norm_feed = nn.LayerNorm(TOKEN)
        self.inner = nn.Linear(TOKEN, _HIDDEN)
        self.outer = nn.Linear(_HIDDEN, TOKEN)

    def forward(self, tokens: Tensor) -> Tensor:
        query, key, value = self.attention(self.norm(tokens)).chunk(3, dim=2)
        tokens = tokens + scaled_dot_product_attention(query, key, value)
        out: Tensor = tokens + self.outer(relu_(self.inner(self.norm_feed(tokens))))
        return out


class Transformer(nn.Sequential):
    """Tokens that have looked at each other: two layers, (n, length, 4) to the same.

    Norms come before each part, but for the first attention. There is one head, no output
    projection, no dropout and no norm at the end.
    """

    def __init__(self) -> None:
        super().__init__(*(_Layer(is_first=i == 0) for i in range(_LAYERS)))


class NoisePerceptron(nn.Module):
    """Multilayer perceptron over a vector and its noise level: (n, size) and (n,) to (n, size).

    Linear layers of sizes `width`, twice 2 `width`, and `width`, with SiLU between them; the noise
    level enters once, as sinusoids through two layers, and is added to the first layer's output.
    """

    frequencies: Tensor

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        half = -(-width // 2)
        falling = -math.log(10_000) * torch.arange(half) / half
        self.register_buffer("frequencies", falling.exp())
        self.level = nn.Sequential(nn.Linear(2 * half, width), nn.SiLU(), nn.Linear(width, width))
        self.input = nn.Linear(size, width)
        self.layers = nn.Sequential(
            nn.Linear(width, 2 * width),
            nn.SiLU(),
            nn.Linear(2 * width, 2 * width),
            nn.SiLU(),
            nn.Linear(2 * width, width),
            nn.SiLU(),
            nn.Linear(width, size),
        )

    def forward(self, x: Tensor, c_noise: Tensor) -> Tensor:
        angle = c_noise[:, None] * self.frequencies
        level = self.level(torch.cat([angle.sin(), angle.cos()], dim=1))
        out: Tensor = self.layers(self.input(x) + level)
        return out
