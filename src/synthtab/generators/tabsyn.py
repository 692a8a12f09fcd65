"""TabSyn: diffusion of the latents of a variational autoencoder.

Zhang et al. (2024), "Mixed-type tabular data synthesis with score-based diffusion in latent space",
ICLR (arXiv 2310.09656), written from the paper. Where the paper is silent its authors' program
decides (github.com/amazon-science/tabsyn, read and not copied); each departure is marked NOTE.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from synthtab.diffusion.training import Callback
from synthtab.generators.contract import RandomState
from synthtab.generators.fitting import LossOf, optimise
from synthtab.generators.scores.edm import (
    SIGMA_MAX,
    grid,
    heun,
    loss_weight,
    preconditioning,
)
from synthtab.generators.scores.model import Noise, Rows, ScoreModel
from synthtab.generators.scores.networks import (
    TOKEN,
    Detokenizer,
    NoisePerceptron,
    Tokenizer,
    Transformer,
    cross_entropy,
    most_probable,
    one_hot,
)
from synthtab.table.encoding import FloatArray

_SIGMA_DATA = 0.5  # spread that latents have once they are divided
_LATENT_SCALE = 2.0
_LOG_SIGMA_MEAN, _LOG_SIGMA_SD = -1.2, 1.2  # of the noise levels seen in training
_CHURN = 1.0
_BETA, _LEAST_BETA, _BETA_FALL = 1e-2, 1e-5, 0.7
_ENCODED = 16_384  # rows encoded at a time
_LOOKS = 60  # at the loss of the autoencoder, each of which may lower beta
_GAIN = 0.99  # a look at more than this much of the best loss is one without progress


def kl_to_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) in nats, cell by cell.

    Examples
    --------
    >>> kl_to_normal(torch.tensor([0.0, 2.0]), torch.tensor([0.0, 0.0]))
    tensor([0., 2.])
    """
    return (mean.square() + log_variance.exp() - 1 - log_variance) / 2


class Decoded(NamedTuple):
    """Numbers (n, n_num), logits (n, sum of sizes), and the latent's divergence (n, length, 4)."""

    x_num: Tensor
    logits: Tensor
    kl: Tensor


class TableVAE(nn.Module):
    """Variational autoencoder over the tokens of a row.

    Two transformers of one shape give mean and log variance of every token, that of a constant
    token in front among them, and a third one decodes what is sampled without that token.
    """

    def __init__(self, n_num: int, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.sizes = sizes
        self.tokenizer = Tokenizer(n_num, sizes)
        self.first = nn.Parameter(torch.empty(1, 1, TOKEN).uniform_(-0.5, 0.5))
        self.mean, self.log_variance, self.decoder = Transformer(), Transformer(), Transformer()
        self.detokenizer = Detokenizer(n_num, sizes)

    def tokens(self, rows: Rows) -> Tensor:
        """Tokens of rows, (n, 1 + n_columns, 4)."""
        tokens = self.tokenizer(rows.x_num, one_hot(rows.codes, self.sizes))
        return torch.cat([self.first.expand(len(tokens), -1, -1), tokens], dim=1)

    def forward(self, rows: Rows, noise: Noise) -> Decoded:
        """Rows sent through a sampled latent."""
        tokens = self.tokens(rows)
        mean, log_variance = self.mean(tokens), self.log_variance(tokens)
        latent = mean + (log_variance / 2).exp() * noise.normal(mean.shape)
        x_num, logits = self.detokenizer(self.decoder(latent[:, 1:]))
        return Decoded(x_num, logits, kl_to_normal(mean, log_variance))

    def encode(self, rows: Rows) -> Tensor:
        """Latents of rows: the mean, without the first token, (n, n_columns * 4)."""
        parts = torch.arange(len(rows.codes)).tensor_split(-(-len(rows.codes) // _ENCODED))
        # In parts, since tokens take far more memory than what is made of them.
        blocks = [self.mean(self.tokens(rows.take(part))) for part in parts]
        return torch.cat([block[:, 1:].flatten(1) for block in blocks])

    def decode(self, latent: Tensor) -> Rows:
        """Rows of latents; a category is the most probable one."""
        tokens = latent.view(len(latent), -1, TOKEN)
        x_num, logits = self.detokenizer(self.decoder(tokens))
        return Rows(x_num, most_probable(logits, self.sizes))

    def reconstruction(self, decoded: Decoded, rows: Rows) -> Tensor:
        """Mean squared error of the numbers plus mean cross-entropy of the categories."""
        loss = decoded.kl.new_zeros(())
        if rows.x_num.shape[1]:
            loss = loss + (decoded.x_num - rows.x_num).square().mean()
        if self.sizes:
            loss = loss + cross_entropy(decoded.logits, rows.codes, self.sizes).mean()
        return loss


class FallingBeta:
    """Weight of the divergence, which falls whenever the reconstruction stops getting better.

    The paper's adaptive beta: from 1e-2, times 0.7 at every plateau, down to 1e-5. Progress is
    judged by the mean loss of every `every` steps.
    """

    def __init__(self, every: int) -> None:
        self.value, self.every = _BETA, every
        self._best, self._sum, self._count = math.inf, 0.0, 0

    def see(self, reconstruction: float) -> None:
        """Take the loss of one step into account."""
        self._sum, self._count = self._sum + reconstruction, self._count + 1
        if self._count < self.every:
            return
        mean = self._sum / self._count
        if mean > _GAIN * self._best:
            self.value = max(_BETA_FALL * self.value, _LEAST_BETA)
        self._best, self._sum, self._count = min(self._best, mean), 0.0, 0


class LatentDiffusion(nn.Module):
    """Autoencoder, scale of its latents, and their denoiser: all that draws a row."""

    centre: Tensor

    def __init__(self, vae: TableVAE, centre: Tensor, width: int) -> None:
        super().__init__()
        self.vae = vae
        self.register_buffer("centre", centre)
        self.perceptron = NoisePerceptron(len(centre), width)

    def scaled(self, latent: Tensor) -> Tensor:
        """Latents of the autoencoder, centred and divided by 2."""
        scaled: Tensor = (latent - self.centre) / _LATENT_SCALE
        return scaled

    def denoise(self, z: Tensor, sigma: Tensor) -> Tensor:
        """Clean latents, predicted from noisy ones of levels (n,)."""
        scales = preconditioning(sigma[:, None], _SIGMA_DATA)
        out = self.perceptron(scales.c_in * z, scales.c_noise[:, 0])
        clean: Tensor = scales.c_skip * z + scales.c_out * out
        return clean

    def loss(self, z: Tensor, noise: Noise) -> Tensor:
        """Weighted squared error of the denoised latents, each at a level of its own."""
        sigma = (_LOG_SIGMA_MEAN + _LOG_SIGMA_SD * noise.normal((len(z),))).exp()
        noisy = z + sigma[:, None] * noise.normal(z.shape)
        error = (self.denoise(noisy, sigma) - z).square()
        loss: Tensor = (loss_weight(sigma[:, None], _SIGMA_DATA) * error).mean()
        return loss

    def draw(self, n: int, n_steps: int, noise: Noise) -> Rows:
        """Rows from noise."""
        start = SIGMA_MAX * noise.normal((n, len(self.centre)))
        z = heun(
            lambda z, sigma: self.denoise(z, torch.full((n,), sigma, device=z.device)),
            start,
            grid(n_steps),
            noise=noise,
            churn=_CHURN,
        )
        return self.vae.decode(_LATENT_SCALE * z + self.centre)


class TabSyn(ScoreModel):
    """TabSyn: an autoencoder makes a row a vector, and score-based diffusion draws such vectors.

    Zhang et al. (2024). Numbers pass through a Gaussian quantile transform. Every column, the
    target among them, becomes a token; transformers encode and decode the tokens, and a
    perceptron denoises the latents as in Karras et al. (2022).

    Parameters
    ----------
    n_iter : int, default=3000
        Steps of the diffusion. Published: at most 10,000 passes over the table, in steps of 4,096
        rows; for a table of up to 4,096 rows as many steps.
    n_iter_vae : int, default=1500
        Steps of the autoencoder. Published: 4,000 passes.
    batch_size : int, default=256
        Rows per step; all of them in a smaller table. Published: 4,096.
    width : int, default=256
        Size of the denoiser's outer layers; the inner ones have twice as many. Published: 1,024.
    n_steps : int, default=50
        Noise levels visited in a draw, as published.
    learning_rate : float, default=1e-3
        Initial rate of both trainings, as published; it falls linearly to zero.
    device : str, default="auto"
        Where the networks work; "auto" takes a GPU when there is one.
    callback : callable or None, default=None
        Called as ``callback(step, n_iter, loss)`` after every step, first of the autoencoder, then
        of the diffusion.
    random_state : int, Generator or None, default=None
        Seeds initial weights, batches and noise of `fit`.

    Attributes
    ----------
    schema_ : Schema
        Description of the fitted table.
    encoder_ : QuantileEncoder
        Fitted encoder, part of the model.
    network_ : LatentDiffusion
        The trained networks.
    vae_loss_curve_, loss_curve_ : ndarray of shape (n_iter_vae,) and (n_iter,)
        Training loss of the autoencoder and of the diffusion at each step.

    Notes
    -----
    NOTE: the defaults are for a minute or two on one core of a laptop. On a table of 2,000 rows
    they see four rows where the published training sees a hundred, at a quarter of its width.
    ``TabSyn(n_iter=10_000, n_iter_vae=4_000, batch_size=4096, width=1024)`` has the published
    length and width on a table of up to 4,096 rows; it is meant for a GPU.
    NOTE: training is counted in steps, not in passes over the table, and the rate falls linearly
    in place of falling at plateaus, so that a short training ends as a long one. The last weights
    draw; the published ones are those of the least training loss.
    NOTE: the authors' program steers rate and beta of the autoencoder by rows of the test set, and
    by the loss of the categories alone. Here beta follows the paper: it falls at every plateau of
    the reconstruction of numbers and categories, on training rows. A plateau is a sixtieth of the
    steps in which the mean loss fell by less than a hundredth, in place of ten passes without a
    new best.
    NOTE: numbers keep the decimals of their column, and a column of at most 32 whole numbers has
    no others, as for every generator with this encoder; the published program leaves numbers
    unrounded.

    Rows are drawn in blocks of 512, each with a seed of its own; the first rows of a long draw are
    those of a short one.

    Examples
    --------
    >>> import pandas as pd
    >>> from synthtab import Schema
    >>> frame = pd.DataFrame({"size": [6, 8, 8, 10] * 10, "plant": ["a", "b", "b", "a"] * 10,
    ...                       "minutes": [700, 800, 810, 930] * 10})
    >>> schema = Schema.infer(frame, target="minutes")
    >>> model = TabSyn(n_iter=10, n_iter_vae=10, width=16, n_steps=4, random_state=0)
    >>> model.fit(frame, schema).sample(3, random_state=1).shape
    (3, 3)
    """

    network_: LatentDiffusion
    _whole = ("n_iter", "n_iter_vae", "batch_size", "width")

    def __init__(
        self,
        *,
        n_iter: int = 3000,
        n_iter_vae: int = 1500,
        batch_size: int = 256,
        width: int = 256,
        n_steps: int = 50,
        learning_rate: float = 1e-3,
        device: str = "auto",
        callback: Callback | None = None,
        random_state: RandomState = None,
    ) -> None:
        self.n_iter = n_iter
        self.n_iter_vae = n_iter_vae
        self.batch_size = batch_size
        self.width = width
        self.n_steps = n_steps
        self.learning_rate = learning_rate
        self.device = device
        self.callback = callback
        self.random_state = random_state

    def _learn(
        self, rows: Rows, cardinalities: tuple[int, ...], noise: Noise
    ) -> tuple[nn.Module, FloatArray]:
        vae = TableVAE(rows.x_num.shape[1], cardinalities).to(self.device_)
        beta = FallingBeta(every=max(self.n_iter_vae // _LOOKS, 1))

        def vae_loss(index: Tensor, _: int) -> Tensor:
            batch = rows.take(index)
            decoded = vae(batch, noise)
            reconstruction = vae.reconstruction(decoded, batch)
            beta.see(reconstruction.item())
            loss: Tensor = reconstruction + beta.value * decoded.kl.mean()
            return loss

        self.vae_loss_curve_ = self._optimise(vae, vae_loss, len(rows.codes), noise)
        vae.requires_grad_(False)
        encoded = vae.encode(rows)
        network = LatentDiffusion(vae, encoded.mean(0), self.width).to(self.device_)
        latents = network.scaled(encoded)

        def loss(index: Tensor, _: int) -> Tensor:
            return network.loss(latents[index.to(latents.device)], noise)

        return network, self._optimise(network.perceptron, loss, len(latents), noise)

    def _optimise(
        self, network: nn.Module, loss_of: LossOf, n_rows: int, noise: Noise
    ) -> FloatArray:
        return optimise(
            torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True),
            loss_of,
            n_rows=n_rows,
            batch_size=self.batch_size,
            n_iter=self.n_iter_vae if isinstance(network, TableVAE) else self.n_iter,
            generator=noise.generator,
            callback=self.callback,
        )

    def _draw(self, n: int, noise: Noise) -> Rows:
        return self.network_.draw(n, self.n_steps, noise)
