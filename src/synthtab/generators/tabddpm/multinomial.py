"""Multinomial diffusion of categories, in log space.

Hoogeboom et al. (2021), "Argmax flows and multinomial diffusion", section 4. At every step a
category is kept, or replaced by one drawn uniformly from all of the column's.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from synthtab.generators.tabddpm.gaussian import betas


class CategoryBlock:
    """Categorical columns side by side: one row of sum(K_j) entries, a segment per column.

    K_j are the `cardinalities`. All columns are worked on at once, however many there are.

    Examples
    --------
    >>> block = CategoryBlock([2, 3])
    >>> block.one_hot(torch.tensor([[1, 2]]))
    tensor([[0., 1., 0., 0., 1.]])
    >>> block.log_softmax(torch.zeros(1, 5)).exp()
    tensor([[0.5000, 0.5000, 0.3333, 0.3333, 0.3333]])
    """

    def __init__(self, cardinalities: Sequence[int]) -> None:
        self.sizes = torch.tensor(cardinalities, dtype=torch.int64)
        self.starts = self.sizes.cumsum(0) - self.sizes
        self.column_of = torch.repeat_interleave(torch.arange(len(self.sizes)), self.sizes)
        self.log_size = self.sizes.double().log().float()
        self.members = torch.zeros(len(self.column_of), len(self.sizes))  # (sum K_j, n_cat)
        self.members[torch.arange(len(self.column_of)), self.column_of] = 1.0

    def position(self, codes: Tensor) -> Tensor:
        """Entries of the categories in their row: (n, n_cat) to (n, n_cat)."""
        return codes + self.starts

    def one_hot(self, codes: Tensor) -> Tensor:
        """Codes (n, n_cat) as zeros and ones, (n, sum K_j)."""
        zeros = torch.zeros(len(codes), len(self.column_of))
        return zeros.scatter_(1, self.position(codes), 1.0)

    def uniform(self, n: int, generator: torch.Generator) -> Tensor:
        """Codes (n, n_cat) drawn uniformly from each column's categories."""
        # The largest number drawn is 1 - 2**-24, and K times that is never rounded up to K.
        share = torch.rand(n, len(self.sizes), generator=generator)
        return (share * self.sizes).long()

    def spread(self, values: Tensor) -> Tensor:
        """Each column's value at all of its categories: (n, n_cat) to (n, sum K_j)."""
        # A product with zeros and ones is exact, and faster than indexing and its gradient.
        return values @ self.members.T

    def sum(self, values: Tensor) -> Tensor:
        """Sum over each column's categories: (n, sum K_j) to (n, n_cat)."""
        return values @ self.members

    def log_softmax(self, logits: Tensor) -> Tensor:
        """Log probabilities of each column's categories, shapes (n, sum K_j)."""
        # Along the first axis a segment's entries are whole rows, which is several times faster.
        # `unsafe` only leaves out a check of the lengths at every call.
        largest = torch.segment_reduce(
            logits.detach().T.contiguous(), "max", lengths=self.sizes, axis=0, unsafe=True
        )
        shifted = logits - self.spread(largest.T)
        return shifted - self.spread(self.sum(shifted.exp()).log())

    def draw(self, log_p: Tensor, uniform: Tensor) -> Tensor:
        """Codes at the uniforms in [0, 1), by inversion: (n, sum K_j) and (n, n_cat) to (n, n_cat).

        Each column's probabilities need not add up to one exactly. A category of probability 0 is
        never drawn.

        Raises
        ------
        ValueError
            If a probability is NaN or infinite.
        """
        # double: a row's total grows with the number of columns, and its last digits decide
        total = log_p.double().exp().cumsum(1)
        if not torch.isfinite(total[:, -1]).all():
            raise ValueError(
                "drawing diverged: probabilities of categories are not finite; train longer "
                "(n_iter) or lower learning_rate"
            )
        end = total[:, self.starts + self.sizes - 1]
        start = pad(end[:, :-1], (1, 0))
        # The threshold lies in [start, end), and so in the column's own segment.
        threshold = start + uniform * (end - start)
        return torch.searchsorted(total, threshold, right=True) - self.starts


class MultinomialDiffusion:
    """Uniform discrete diffusion of several columns, of K_j categories.

    q(x_t | x_{t-1}) keeps a category with probability alpha_t = 1 - beta_t and otherwise draws one
    uniformly (Hoogeboom et al., 2021, eq. 11). A network predicts the clean category. `alpha_bar`,
    float64 of shape (T + 1,), is the probability that a category has been kept all the way to t;
    see `synthtab.generators.tabddpm.gaussian.cosine_alpha_bar`.

    Examples
    --------
    >>> process = MultinomialDiffusion([2], torch.tensor([1.0, 0.8, 0.2], dtype=torch.float64))
    >>> known = torch.tensor([[0.0, -torch.inf]])  # log probabilities of x_0: it is category 0
    >>> process.q_log_prob(known, torch.tensor([1])).exp()
    tensor([[0.9000, 0.1000]])
    """

    def __init__(self, cardinalities: Sequence[int], alpha_bar: Tensor) -> None:
        self.block = CategoryBlock(cardinalities)
        beta = betas(alpha_bar)
        self.n_timesteps = len(alpha_bar) - 1
        self.keep = alpha_bar.float()
        self.log_alpha, self.log_beta = torch.log1p(-beta).float(), beta.log().float()
        self.log_alpha_bar = alpha_bar.log().float()
        self.log_1_min_alpha_bar = torch.log1p(-alpha_bar).float()
        self.log_size_of = self.block.log_size[self.block.column_of]

    def q_sample(self, x_0: Tensor, t: Tensor, generator: torch.Generator) -> Tensor:
        """Noised codes (n, n_cat), drawn from q(x_t | x_0): each is kept, or drawn uniformly."""
        keep = torch.rand(x_0.shape, generator=generator) < self.keep[t][:, None]
        return torch.where(keep, x_0, self.block.uniform(len(x_0), generator))

    def q_log_prob(self, log_p_0: Tensor, t: Tensor) -> Tensor:
        """Log probabilities of x_t, given those of x_0 (Hoogeboom et al., 2021, eq. 12).

        Shapes (n, sum K_j), minus infinity being allowed, and (n,), of times 0 to T.
        """
        kept = log_p_0 + self.log_alpha_bar[t][:, None]
        return torch.logaddexp(kept, self.log_1_min_alpha_bar[t][:, None] - self.log_size_of)

    def q_posterior(self, log_p_0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """Log probabilities of x_{t-1}, given x_t and those of x_0.

        Hoogeboom et al. (2021), eq. 13: the product of q(x_{t-1} | x_0) and q(x_t | x_{t-1}),
        normalised. The normaliser is q(x_t | x_0), which has a closed form, so that no sum over
        categories is taken. At t = 1 it is `log_p_0`, weighted by how probable x_1 is from each
        category.

        Shapes (n, sum K_j), of what is known of x_0 or of a network's prediction; (n, n_cat), of
        codes at t; and (n,), of times 1 to T.
        """
        block = self.block
        before = self.q_log_prob(log_p_0, t - 1)
        moved = self.log_beta[t][:, None] - block.log_size  # (n, n_cat): x_t from another category
        stayed = torch.logaddexp(self.log_alpha[t][:, None], moved)
        position = block.position(x_t)
        step = block.spread(moved).scatter(1, position, stayed)
        total = torch.logaddexp(before.gather(1, position) + self.log_alpha[t][:, None], moved)
        return before + step - block.spread(total)

    def p_sample(self, logits: Tensor, x_t: Tensor, t: Tensor, uniform: Tensor) -> Tensor:
        """One reverse step: codes at t - 1, shape (n, n_cat), at uniforms of that shape.

        `logits`, of shape (n, sum K_j), predict the clean categories; `t` is 1 to T.
        """
        return self.block.draw(self.q_posterior(self.block.log_softmax(logits), x_t, t), uniform)

    def kl(self, logits: Tensor, x_0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """Term t of the variational bound, per cell, in nats: shape (n, n_cat).

        KL(q(x_{t-1} | x_t, x_0) || p(x_{t-1} | x_t)); at t = 1, where the first is certain, this
        is the decoder's -log p(x_0 | x_1) (Hoogeboom et al., 2021, section 4). `logits`, of shape
        (n, sum K_j), predict the clean categories; `t` is 1 to T.
        """
        position = self.block.position(x_0)
        known = torch.full(logits.shape, -torch.inf).scatter_(1, position, 0.0)
        q = self.q_posterior(known, x_t, t).exp()
        log_p = self.q_posterior(self.block.log_softmax(logits), x_t, t)
        return self.block.sum(-torch.special.entr(q) - q * log_p)

    def prior_kl(self) -> Tensor:
        """Last term of the bound, KL(q(x_T | x_0) || uniform), shape (n_cat,).

        The same for every category, and nothing that training can change.
        """
        size = self.block.sizes.double()
        other = self.log_1_min_alpha_bar[-1].double().exp() / size
        own = self.keep[-1].double() + other
        # entr(p) = -p log p
        entropy = torch.special.entr(own) + (size - 1) * torch.special.entr(other)
        divergence: Tensor = size.log() - entropy
        return divergence.float()
