# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How the diffusion works
#
# This chapter takes two generators apart for a reader who knows regression and has not met
# diffusion. The first is *Gaussian diffusion*, the study's kind (`GaussianHybridDiffusion`): noise
# is added to numbers, categories are masked, and a network learns the way back. The second is
# `HybridDiffusion`, [in which every cell is a code](#every-cell-a-code). It keeps the masks and
# drops the noise.
#
# Every picture is computed on this page, from one of three tables: a small invented one of two
# columns, of which everything is known, and the stand-ins for 012 and 013. A **stand-in** is
# simulated: no row of it describes a real part. The code shown beside a formula is read from the
# package as the page runs, so it is the code that ran.

# %% tags=["hide-input"]
from typing import Literal

import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveInt

from seds500.data import load
from seds500.data.standins import simulate
from seds500.pages.diffusion import animation, codes, evidence, pictures
from seds500.records import store
from seds500.records.prose import say
from synthtab.diffusion.gaussian import GaussianHybridDiffusion
from synthtab.diffusion.process import (
    GaussianDiffusion,
    HybridProcess,
    MaskedDiffusion,
    NoiseSchedule,
    Stage,
)
from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.evaluation.fidelity import share_of_copies
from synthtab.generators.reference import SecondSample
from synthtab.table.encoding import RankMap
from synthtab.table.schema import Schema

torch.set_num_threads(1)  # sums are added in one order, so that a run gives the same digits again

# %% tags=["parameters"]
seed: NonNegativeInt = 0  # of the fits, the noises and the draws
n_orders: PositiveInt = 2000  # rows of the small table
n_shown: PositiveInt = 500  # rows in a scatter plot
row: NonNegativeInt = 0  # the drawn row whose way is followed
levels: list[NonNegativeFloat] = [0.0, 0.2, 0.5, 1.0, 3.0, 80.0]  # noise levels shown
few_steps: list[PositiveInt] = [4, 8]  # numbers of steps compared with the model's own
n_draws: PositiveInt = 3  # draws for each of them
n_splits: PositiveInt = 3  # splits of 013 on which the noise of both kinds is measured
quick: bool = False  # a trial with 60 training steps on a few hundred rows

# %%
n_iter: int | Literal["auto"] = 60 if quick else "auto"
orders = evidence.orders(n_orders, random_state=seed)
datasets = {name: load(name) for name in ("012", "013")}
if quick:
    datasets = {name: data.subset(400, random_state=seed) for name, data in datasets.items()}
splits = {name: data.split(seed) for name, data in datasets.items()}
titles = {name: f"stand-in for {name}" for name in datasets}
results = {}

# %% [markdown]
# ## The idea
#
# A regression answers a question about a row: what is the target, given the features? A generator
# has to *draw* whole rows, as the process that made the table draws them, and a regression alone
# cannot do that: asked twice, it says the same twice. Diffusion makes drawing out of many
# regressions {cite:p}`sohldickstein2015deep,ho2020ddpm`. It adds noise to real rows, learns to take
# the noise away, and then starts from pure noise.
#
# Take one number $x_0$, scaled to variance 1, and add normal noise of standard deviation $\sigma$,
# the *noise level*:
#
# $$
# x_\sigma = x_0 + \sigma\varepsilon, \qquad \varepsilon \sim N(0, 1).
# $$
#
# To *denoise* is to predict $x_0$ from $x_\sigma$. That is a regression with one feature, and with
# squared error as its loss the best prediction is the conditional mean
# $D(x; \sigma) = E[x_0 \mid x_\sigma = x]$. Training data never runs out, for every row gives a new
# pair with every new $\varepsilon$. Below, the number is the minutes of the small table: invented
# orders that run on one of three machines, some of them booked as exactly one shift.

# %% mystnb={"image": {"alt": "Clean over noisy minutes with the best prediction"}}
minutes = torch.from_numpy(orders["minutes"].to_numpy())
scaled = ((minutes - minutes.mean()) / minutes.std())[:, None]
nothing = torch.zeros(len(scaled), 0, dtype=torch.int64)  # no categories here
one_number = evidence.ExactDenoiser(scaled, nothing, ())
pictures.regression(one_number, [0.2, 1.0, 4.0], seed=seed)

# %% [markdown]
# Each dot is a row. With little noise the prediction stays near the diagonal, and bends towards
# values that are frequent; with much noise it is close to the overall mean, since the noisy value
# says little. The rings are a regression of the simplest kind, the mean of the dots in each of a
# dozen bins. The line is the conditional mean itself. It can be computed here because the table is
# small: all rows are averaged, each weighted by how likely its value is to have become $x$, which
# is kernel regression {cite:p}`nadaraya1964regression,watson1964smooth` with $\sigma$ as bandwidth.
#
# ### From noise to rows
#
# The conditional mean is not a row: it lies between the humps. But it points to where rows are
# more frequent. The difference between prediction and noisy value is, exactly, the slope of the
# log density $p_\sigma$ of noisy values {cite:p}`efron2011tweedie,vincent2011connection`:
#
# $$
# \frac{d}{dx} \log p_\sigma(x) = \frac{D(x; \sigma) - x}{\sigma^2}.
# $$
#
# The literature calls this slope the *score*; in this report *normal score* means something else,
# a number sent through its ranks (below). Whoever knows the slope at every level can let values
# flow from noise to rows: as the level falls from $\sigma$ to $\sigma - d\sigma$, each value is
# moved by the share $d\sigma / \sigma$ of its way to the prediction. All values together then keep
# the distribution $p_\sigma$ that belongs to the level {cite:p}`song2021sde,karras2022edm`. At the
# highest level that is normal noise, which anyone can draw; at level 0 it is the distribution of
# the rows.

# %% mystnb={"image": {"alt": "Values on their way from noise to the minutes of the table"}}
drawn = evidence.draw(HybridProcess((), n_num=1), one_number, n_orders // 2, 24, seed=seed)
pictures.flow(drawn, scaled)

# %% jupyter={"source_hidden": true} tags=["remove-input"]
# Rounded, for a spike is missed altogether by the last bit of a number.
results["flow"] = {
    "ks": evidence.ks_distance(
        drawn.rows.x_num[:, 0].double().round(decimals=3), scaled[:, 0].round(decimals=3)
    )
}
say(
    """
At the left the values are normal; at the right they have the humps of the table, and the booked
shift of exactly 480 minutes as a spike. The shaded histogram is what was drawn, the outline the
table; the largest difference between their distribution functions is
{res}`this.flow.ks:.3f`. Nothing random happens on the way. The randomness is all in the start,
and since paths never cross, which value comes out depends on which noise went in.
""",
    results,
)

# %% [markdown]
# Three things separate this from a generator of tables: rows have several columns of different
# kinds, the conditional mean has to be learnt, and the steps have a finite size. The next sections
# go through them.

# %% [markdown]
# ## From a table to arrays
#
# Noise of a common size can only be added to numbers of a common scale. So each numeric column, the
# target among them, is sent through its own ranks: a value's rank among the training rows, between
# 0 and 1, goes through the quantile function of the normal distribution. The result is its *normal
# score*, and the column of scores is standard normal, whatever the column was. Drawn scores go back
# the same way.
#
# Repeated values need care. A tenth of the orders take exactly 480 minutes, and a smooth map would
# give back 479 or 481. In the rank map such a value, an *atom*, owns the whole interval of ranks of
# its rows.

# %%
schema = Schema.infer(orders, target="minutes")
small = GaussianHybridDiffusion(n_iter=n_iter, random_state=seed).fit(orders, schema)
atom = small.encoder_.rank_maps_["minutes"].interval(np.array([480.0]))

# %% mystnb={"image": {"alt": "Histogram, rank map and normal scores of the minutes"}}
pictures.encoding(small.encoder_, orders, "minutes", seed=seed)

# %% jupyter={"source_hidden": true} tags=["remove-input"]
results["encoding"] = {"atom_low": atom[0][0], "atom_high": atom[1][0]}
say(
    """
The spike of the histogram is a step of the rank map: 480 owns the ranks from
{res}`this.encoding.atom_low:.2f` to {res}`this.encoding.atom_high:.2f`. In training each of its
rows takes a fresh random place in that interval, which spreads the spike out (orange) and leaves
a smooth normal distribution; in drawing, every rank in the interval comes back as 480 exactly.
""",
    results,
)

# %% tags=["remove-input"]
Markdown(pictures.source(RankMap.interval, RankMap.value))

# %% [markdown]
# Categories become codes. So do numbers from a short list of values, such as bolt sizes, which are
# then drawn from the list; the network still sees their sizes. Which columns are treated how
# follows from the table:

# %%
fitted = {
    name: GaussianHybridDiffusion(n_iter=n_iter, random_state=seed).fit(
        splits[name].train, data.schema
    )
    for name, data in datasets.items()
}
evidence.treatment({titles[name]: each.encoder_ for name, each in fitted.items()})

# %% [markdown]
# ## A row in stages
#
# A row is drawn in two stages: first its categories and codes, then all of its numbers, the target
# among them, given the categories. By the chain rule of probability nothing is lost that way,
#
# $$
# p(\text{row}) = p(\text{categories}) \cdot p(\text{numbers} \mid \text{categories}).
# $$
#
# One network serves both stages. Training goes the other way and takes rows apart. A number is
# mixed with normal noise. A category is either kept or hidden behind a mask (▒), with a probability
# $t$, the *mask rate*; the numbers are not there yet (·). Below, the first rows of the stand-in for
# 012 are taken apart, with every number decoded into its own unit. The noise of a cell is the same
# at each level, only its share grows.

# %%
model, train = fitted["012"], splits["012"].train
schedule, n_steps = model.process_.schedule, model.n_steps
clean = evidence.to_state(model.encoder_, train)


def rank_correlation(frame: pd.DataFrame) -> float:
    """Of diameter and machine time."""
    value = frame["diameter_mm"].corr(frame["machine_minutes"], method="spearman")
    return round(value, 2) + 0.0  # none is written as 0 and not as -0


def noised(stage: Stage, sigma: float) -> pd.DataFrame:
    """The training rows of 012 as a stage sees them at a noise level."""
    state = evidence.noise(model.process_, clean, stage, sigma, seed=seed)
    return evidence.decode(model.encoder_, state)


taken_apart = {"rows": train.head(6)}
for sigma in (0.3, 1.0, 80.0):
    taken_apart[f"numbers, σ = {sigma:g}"] = noised(Stage.NUMBERS, sigma).head(6)
for sigma in (0.3, 80.0):
    rate = float(schedule.mask_rate(torch.tensor(sigma)))
    taken_apart[f"categories, t = {rate:.1f}"] = noised(Stage.CATEGORIES, sigma).head(6)
evidence.stacked(taken_apart)

# %% [markdown]
# At every level the numbers look like numbers of their column. That is the doing of the scores,
# which stay standard normal however much noise is mixed in: each column keeps its own distribution.
# What is lost is which values go together. Here are the two numbers of more rows:

# %% mystnb={"image": {"alt": "Minutes over diameter at six noise levels"}}
apart = {sigma: noised(Stage.NUMBERS, sigma) for sigma in levels}
shown = {sigma: frame.head(n_shown) for sigma, frame in apart.items()}
pictures.scatters(model.encoder_, shown, "diameter_mm", "machine_minutes", "process")

# %% jupyter={"source_hidden": true} tags=["remove-input"]
results["apart"] = {
    key: {"correlation": rank_correlation(apart[sigma])}
    for key, sigma in (("lowest", min(levels)), ("highest", max(levels)))
}
say(
    """
Over all training rows, the rank correlation of diameter and machine time is
{res}`this.apart.lowest.correlation:.2f` at the lowest of these levels and
{res}`this.apart.highest.correlation:.2f` at the highest. There, a column of scores can be drawn
on its own, without any model. So the distribution of single columns is settled by the encoder,
and what the network is needed for is dependence.
""",
    results,
)

# %% [markdown]
# ## The Gaussian process
#
# The scores are noised as above and then scaled back to variance 1. With the angle
# $\theta = \arctan\sigma$ in place of the level,
#
# $$
# x_\theta = \cos\theta \, x_0 + \sin\theta \, \varepsilon, \qquad
# q(x_\theta \mid x_0) = N(\cos\theta \, x_0, \, \sin^2\theta),
# $$
#
# so $\theta$ goes from 0, the clean score, to $\pi / 2$, pure noise. As it grows the noisy score
# moves with the *velocity*
#
# $$
# v_\theta = \frac{d x_\theta}{d\theta} = \cos\theta \, \varepsilon - \sin\theta \, x_0.
# $$
#
# Noisy score and velocity are the pair $(x_0, \varepsilon)$, rotated by $\theta$. Rotated back,
# they give the clean score: $x_0 = \cos\theta \, x_\theta - \sin\theta \, v_\theta$.

# %% tags=["remove-input"]
Markdown(
    pictures.source(
        GaussianDiffusion.q_sample, GaussianDiffusion.velocity, GaussianDiffusion.predict_x_0
    )
)

# %% [markdown]
# The network predicts the velocity {cite:p}`salimans2022progressive`. It could predict $x_0$ or
# $\varepsilon$ as well, and each follows from the others, but not with the same error. At low noise
# the clean score is all but given, and at high noise the noise is: predicting what is given teaches
# nothing, and an error made there is divided by a small $\cos\theta$ or $\sin\theta$ on the way to
# the other. The velocity always has variance 1 and always holds what is not given, and its error is
# multiplied by at most 1. Squared errors of the velocity are those of the clean score, weighted:
#
# $$
# (v - \hat v)^2 = \frac{1 + \sigma^2}{\sigma^2} \, (x_0 - \hat x_0)^2,
# $$
#
# which is the loss weight of Karras et al. {cite:p}`karras2022edm` for data of variance 1.
#
# For standard-normal scores there is one more reason. A column that hangs on no other has
# $E[x_0 \mid x_\theta] = \cos\theta \, x_\theta$, and the velocity to be predicted is 0: there is
# nothing to learn, and a step of any size makes no error.
#
# The moments, measured on this page:

# %%
moments = evidence.moments(levels[1:], n_draws=100_000, seed=seed)
moments.round(3)

# %% jupyter={"source_hidden": true} tags=["remove-input"]
results["moments"] = {
    "variance_error": (moments.filter(like="variance") - 1).abs().to_numpy().max(),
    "correlation_error": (moments["correlation with clean score"] - moments["cos θ"]).abs().max(),
}
say(
    r"""
The variances are within {res}`this.moments.variance_error:.3f` of 1, and the correlations within
{res}`this.moments.correlation_error:.4f` of $\cos\theta$.
""",
    results,
)

# %% [markdown]
# ## The masked process
#
# A category $x_0$ is masked with probability $t$ and otherwise kept {cite:p}`austin2021d3pm`. The
# network predicts the distribution $p(x_0)$ of what is behind the mask from everything on view.
# Drawing needs the way back: given a cell at rate $t$, how is it distributed at a lower rate
# $t' < t$? A cell on view stays as it is. A masked cell was masked at $t'$ already with probability
# $t' / t$, by Bayes' rule; otherwise its category is on view, drawn from $p$:
#
# $$
# q(x_{t'} \mid x_t = \text{mask}) =
# \begin{cases}
# t' / t & x_{t'} = \text{mask}, \\
# (1 - t' / t) \, p(x_{t'}) & \text{else}.
# \end{cases}
# $$

# %% tags=["remove-input"]
Markdown(pictures.source(MaskedDiffusion.q_sample, MaskedDiffusion.q_posterior))

# %% [markdown]
# The check, for three categories: all ways from a clean category over $t'$ to $t$ are added up and
# divided as Bayes' rule says, without the formula.

# %%
now, then = 0.7, 0.2
p_0 = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
enumerated = evidence.enumerated_posterior(p_0.numpy(), now, then)
is_masked = torch.tensor([False, False, False, True])
given = torch.cat([torch.eye(3, dtype=torch.float64), p_0[None]])
formula = MaskedDiffusion((3,)).q_posterior(given, is_masked, now, then).numpy()
cells = ["a", "b", "c", evidence.MASK]
pd.DataFrame(
    {"formula": formula[-1], "all ways added up": enumerated[-1]},
    index=pd.Index(cells, name=f"masked at {now}; at {then}"),
).round(4)

# %% jupyter={"source_hidden": true} tags=["remove-input"]
results["posterior"] = {"error": max(float(np.abs(formula - enumerated).max()), 1e-16)}
say(
    """
For masked cells and cells on view alike, the two differ by at most
{res}`this.posterior.error:.0e`.
""",
    results,
)

# %% [markdown]
# As the rate falls from 1 to 0, every masked cell is as likely as the others to be the next to come
# on view. What the network predicts depends on what is on view and not on the rate, so the rate
# need not be followed: the cells of a row are revealed one at a time, in random order.

# %% [markdown]
# ## Noise levels
#
# In training every row of a batch takes one of the two stages, half of the rows each, and a noise
# level of its own, drawn from a schedule: $\ln\sigma$ is normal {cite:p}`karras2022edm`. For
# categories the drawn level stands for a mask rate, the share of levels below it, so that every
# rate is as likely as another.

# %% tags=["remove-input"]
Markdown(pictures.source(NoiseSchedule.sample, NoiseSchedule.mask_rate))

# %% mystnb={"image": {"alt": "What the noise level does in training and drawing"}}
pictures.levels(schedule, n_steps)

# %% jupyter={"source_hidden": true} tags=["remove-input"]
results["levels"] = {
    "n_steps": n_steps,
    "median": float(schedule.sample(20_000, torch.Generator().manual_seed(0)).median()),
}
say(
    r"""
The upper panel shows where training looks: half of its levels lie below
{res}`this.levels.median:.2f`. The middle one shows what is left of a number at each level. The
ticks below are the {res}`this.levels.n_steps` levels at which drawing stops, from right to left;
after the last of them comes 0. Most are evenly spaced in $\theta$, and the last ones go down in
equal ratios, for the finest detail.
""",
    results,
)

# %% mystnb={"code_prompt_show": "Show the levels in code"} tags=["remove-input", "hide-output"]
Markdown(pictures.source(NoiseSchedule.steps))

# %% [markdown]
# ## The network
#
# One network takes a row on its way and its noise level, and predicts everything at once: the
# velocity of each number, and the probabilities of each category. Here with the sizes of the one
# fitted to the stand-in for 012:

# %% mystnb={"image": {"alt": "Inputs and outputs of the network"}}
pictures.network(model.encoder_, model.denoiser_)

# %% [markdown]
# Its loss is that of two kinds of regression: cross-entropy of the masked categories in the first
# stage, as in a logistic regression, and squared error of the velocities in the second. Categories
# on view have no loss.

# %% mystnb={"code_prompt_show": "Show the loss in code"} tags=["remove-input", "hide-output"]
Markdown(pictures.source(HybridProcess.row_losses, HybridProcess.loss))

# %% [markdown]
# The loss of the small table has a floor that can be estimated, since its simulator can be drawn
# from again: the loss of the best possible predictions, averages over fresh rows of the simulator.
# It is computed for the training rows, to be set beside the curve, and for new ones.

# %%
encoder = small.encoder_
fresh = [evidence.orders(2 * n_orders, random_state=seed + i) for i in (1, 2)]
best = evidence.exact_denoiser(encoder, fresh[0], seed=seed)
unseen = evidence.to_state(encoder, fresh[1], seed=seed)
denoisers = {
    "best": best,
    "network": small.denoiser_,
    "alone": evidence.independent_denoiser(unseen.x_cat, encoder.cardinalities),
}
loss_of = {
    name: evidence.mean_loss(small.process_, denoiser, unseen, n_noises=3, seed=seed)
    for name, denoiser in denoisers.items()
}
trained_on = evidence.to_state(encoder, orders, seed=seed)
floor = evidence.mean_loss(small.process_, best, trained_on, n_noises=3, seed=seed)

# %% mystnb={"image": {"alt": "Training loss of three fits"}}
curves = {"small table": small.loss_curve_}
curves |= {titles[name]: each.loss_curve_ for name, each in fitted.items()}
pictures.losses(curves, {"small table": floor})

# %% jupyter={"source_hidden": true} tags=["remove-input"]
results["loss"] = loss_of
say(
    """
A loss near its start is no failure. Most of it is noise that nobody could foretell, like the
residual variance of a regression. On new rows of the small table the network's loss is
{res}`this.loss.network:.2f`, where about {res}`this.loss.best:.2f` is possible and knowing each
column alone gives {res}`this.loss.alone:.2f`. The regression it has learnt can be set beside the
best one:
""",
    results,
)

# %% mystnb={"image": {"alt": "Learnt predictions beside the best possible ones"}}
pictures.learnt(small.process_, small.encoder_, best, small.denoiser_, [0.3, 1.0, 3.0], seed=seed)

# %% [markdown]
# Lines are the best predictions, markers the network's, one colour for each machine. With little
# noise the noisy score says nearly all, with much noise the machine does.
#
# ### Where there is something to learn
#
# On the stand-ins no floor is known, but the loss by stage and noise level shows what the network
# knows. It is shown relative to knowing each column alone, so 1 means that nothing of the
# dependence was learnt. Filled markers are rows the network has not seen, open ones its training
# rows. For categories the level stands for the mask rate: few are masked at the left, all at the
# right.

# %% mystnb={"image": {"alt": "Loss by noise level, on new and on training rows"}}
grid = np.geomspace(0.05, 80, 12).tolist()
by_level = {}
for name, each in fitted.items():
    rows = {"new": datasets[name].reserve.head(2000), "training": splits[name].train}
    by_level[titles[name]] = {
        kind: evidence.loss_by_level(
            each.process_,
            each.denoiser_,
            evidence.to_state(each.encoder_, part, seed=seed),
            grid,
            n_noises=5,
            seed=seed,
        )
        for kind, part in rows.items()
    }
pictures.loss_by_level(by_level)

# %% jupyter={"source_hidden": true} tags=["remove-input"]
results["by_level"] = {
    name: {
        kind: {"least": table["numbers"].min(), "highest": table["numbers"].iloc[-1]}
        for kind, table in by_level[titles[name]].items()
    }
    for name in fitted
}
say(
    """
The numbers read from right to left. At the right their noisy values say nothing, and the network
goes by the categories: the relative loss is the share of the scores' variance that they leave
unexplained, in a regression's terms $1 - R^2$, averaged over the numbers. On new rows it comes
down to
{res}`this.by_level.012.new.least:.2f` on the stand-in for 012 and
{res}`this.by_level.013.new.least:.2f` on that for 013; at the highest level shown, which training
seldom visits, it is {res}`this.by_level.012.new.highest:.2f` and
{res}`this.by_level.013.new.highest:.2f`. In between each number is also foretold from the noisy
values of the others. Farther left its own noisy value tells more and more, until the velocity is
nothing but the noise, of which nobody knows.

On training rows the least relative loss is {res}`this.by_level.012.training.least:.2f` for 012
and {res}`this.by_level.013.training.least:.2f` for 013. Where it lies below that of new rows, the
network knows its training rows better than it should: it overfits, as any regression with many
features and few rows may. Above 1, its predictions for new rows are worse than those of one that
knows each column alone.
""",
    results,
)

# %% [markdown]
# ### The best possible denoiser is useless
#
# What would a network do that reached the lowest training loss there is? That network can be
# written down: it is the weighted average that drew the lines above, taken over the training rows.
# Put in the network's place, it draws these rows:

# %%
exact = evidence.exact_denoiser(model.encoder_, train, seed=seed)
copying = evidence.draw(model.process_, exact, n_shown, n_steps, seed=seed)
copies = {
    "best possible denoiser": evidence.decode(model.encoder_, copying.rows),
    "the learnt network": model.sample(n_shown, random_state=seed),
    "second sample of the stand-in": datasets["012"].reserve.head(n_shown),
}
shares = {name: share_of_copies(table, train) for name, table in copies.items()}
pd.DataFrame({"equal to a training row, %": {k: f"{100 * v:.1f}" for k, v in shares.items()}})

# %% jupyter={"source_hidden": true} tags=["remove-input"]
results["copies"] = dict(zip(("exact", "network", "second"), shares.values(), strict=True))
say(
    """
Of the rows of the best possible denoiser {res}`this.copies.exact:.1%` equal a training row, against
{res}`this.copies.network:.1%` of the learnt network's and {res}`this.copies.second:.1%` of a second
sample of the stand-in.
""",
    results,
)

# %% [markdown]
# A diffusion model generates because its network *fails* to reach the lowest loss: it is smooth,
# and its training is short. How far it has gone towards copying is not for this table to say. Exact
# copies are the coarsest sign of it, and the gap in the figure before is a finer one.

# %% [markdown]
# ## The sampler
#
# Drawing goes through both stages. Categories are revealed one at a time. Numbers go down the noise
# levels and follow the velocity, by Heun's method: a trial step, then a step with the mean of the
# velocities at both of its ends {cite:p}`karras2022edm`.
#
# ```text
# every category is masked, no number is begun
# for each category, in an order drawn for the row:
#     p ← network(row);  the category is drawn from p
# x ← normal noise, for all numbers
# for each level σ_i, from the highest down:
#     v ← network(row with x, σ_i)
#     x' ← x + (θ_{i+1} − θ_i) v
#     v' ← network(row with x', σ_{i+1})
#     x ← x + (θ_{i+1} − θ_i) (v + v') / 2
# decode: scores to values, codes to categories
# ```

# %% mystnb={"code_prompt_show": "Show the sampler in code"} tags=["remove-input", "hide-output"]
Markdown(
    pictures.source(
        HybridProcess.sample,
        HybridProcess._reveal,
        MaskedDiffusion.p_sample,
        HybridProcess._integrate,
    )
)

# %% [markdown]
# Every row is drawn with noise of its own: the rows of a draw are independent, given the network.
#
# Every state of a draw can be watched without a change to this code: the sampler asks a denoiser at
# each step, so a denoiser that notes what it is asked sees everything. Here is the way of one row
# that was drawn for 012. The blue line is the row, decoded at every step; the dots are what the
# network takes the clean value to be. For the process, the shade is the predicted probability of
# each category while it is masked. A grey line parts the stages.

# %% mystnb={"image": {"alt": "One row of 012 from noise to row, step by step"}}
ways = {
    name: evidence.draw(each.process_, each.denoiser_, n_shown, each.n_steps, seed=seed)
    for name, each in fitted.items()
}
pictures.row_path(model.encoder_, ways["012"], row)

# %% jupyter={"source_hidden": true} tags=["remove-input"]
frames = evidence.path_frames(model.encoder_, ways["012"], 6)
begin = ways["012"].path[ways["012"].stages.index(Stage.NUMBERS)]
guess = evidence.decode(model.encoder_, evidence.predicted(begin))["machine_minutes"][row]
known = {
    column: evidence.known_from(ways["013"], row, j)
    for j, column in enumerate(fitted["013"].encoder_.levels_)
}
first, final = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
results["path"] = {
    "012": {"guess": guess, "value": frames[0.0]["machine_minutes"][row]},
    "013": {
        "first": {"column": first, "step": known[first]},
        "last": {"column": final, "step": known[final]},
    },
}
say(
    """
Prediction and row start apart: the one is a mean over all rows that are still possible, the other
is noise. They approach each other as the noise falls, and meet at the end. The first prediction
of the target, made from the categories alone, is {res}`this.path.012.guess:,.0f` minutes, and
the row ends with {res}`this.path.012.value:,.0f`.
""",
    results,
)

# %% [markdown]
# With more categories, those on view narrow down the others. The same for a row of 013:

# %% mystnb={"image": {"alt": "One row of 013 from noise to row, step by step"}}
pictures.row_path(fitted["013"].encoder_, ways["013"], row)

# %% jupyter={"source_hidden": true} tags=["remove-input"]
say(
    """
Of this row, *{res}`this.path.013.first.column`* is known first, at step
{res}`this.path.013.first.step`, and *{res}`this.path.013.last.column`* last, at step
{res}`this.path.013.last.step`; the shades in between change whenever another category comes on
view. The whole table takes its shape in the same way. In the second stage the categories stay as
they are, and diameters and targets find their places together:
""",
    results,
)

# %% mystnb={"image": {"alt": "Minutes over diameter as the numbers are drawn"}}
pictures.scatters(model.encoder_, frames, "diameter_mm", "machine_minutes", "process")

# %% jupyter={"source_hidden": true} tags=["remove-input"]
results["drawn"] = {
    "correlation": rank_correlation(frames[0.0]),
    "training": rank_correlation(train),
    "runs": {name: way.n_calls for name, way in ways.items()},
}
say(
    """
The rank correlation of the drawn rows is {res}`this.drawn.correlation:.2f`, that of the training
rows {res}`this.drawn.training:.2f`.
""",
    results,
)

# %% [markdown]
# ## What the choices cost
#
# **Steps.** Each step of a number is an approximation, and costs two runs of the network. What it
# costs in quality can be seen apart from what the network costs: below, the best possible denoiser
# of the small table draws in few steps. *Category* and *number* are distances between the
# distributions of drawn and real columns, and *number given category* is the distance within each
# machine: 0 at best, 1 at worst. The last line is for real rows, drawn again: what chance gives.

# %%
tried = [*few_steps, n_steps]
thinned = evidence.exact_denoiser(
    small.encoder_, evidence.orders(600, random_state=seed + 1), seed=seed
)
step_errors = evidence.errors_by_steps(
    small.process_, thinned, tried, n_rows=3000, n_draws=n_draws, seed=seed
)
runs = step_errors["calls"].map(lambda n: "" if np.isnan(n) else f"{n:.0f}")
step_errors.assign(calls=runs).round(3)

# %% jupyter={"source_hidden": true} tags=["remove-input"]
results["steps"] = {
    **{
        key: {
            "n_steps": n,
            "calls": step_errors.loc[f"{n} steps", "calls"],
            "number": step_errors.loc[f"{n} steps", "number"],
            "dependence": step_errors.loc[f"{n} steps", "number given category"],
        }
        for key, n in (("fewest", min(tried)), ("own", n_steps))
    },
    "chance": {"dependence": step_errors.loc["rows of the table", "number given category"]},
}
say(
    """
With {res}`this.steps.fewest.n_steps` steps the distance within machines is
{res}`this.steps.fewest.dependence:.3f`, with the model's own {res}`this.steps.own.n_steps` it is
{res}`this.steps.own.dependence:.3f`, and by chance alone {res}`this.steps.chance.dependence:.3f`.
The numbers by themselves are at {res}`this.steps.fewest.number:.3f` with the fewest steps.
""",
    results,
)

# %% [markdown]
# **Stages** let every category be drawn given those already on view, and the numbers given all
# categories. They cost a run of the network for each category, before the numbers are begun.
#
# **Ranks** make single columns right by construction, and leave only dependence to the network and
# to the steps. They carry the training quantiles with them: drawn values lie between the least and
# the greatest training value, and the model is as private as those are.
#
# **Atoms** bring repeated values back exactly, at the price of giving each of them a place in the
# model.
#
# **Codes** for short lists draw every value from the list, and none between; a value that no
# training row has is never drawn.
#
# The benchmark measures these choices one by one, on several tables and seeds; this page shows how
# they work, on one seed.

# %% [markdown]
# ## Every cell a code
#
# HybridDiffusion keeps one thing of the above, the masked process, and applies it to every cell.
# For that, a number has to be a code as well. Its ranks are cut into at most 100 *bins* of about
# equally many rows. A number is then the code of its bin, together with its place among the ranks
# of the bin. A value that many rows share has a bin of its own, and a short list of values has a
# bin for each value. A missing cell is one more code, so tables with gaps need no repair.

# %%
coded = HybridDiffusion(n_iter=n_iter, random_state=seed).fit(orders, schema)

# %% mystnb={"image": {"alt": "Bins of the minutes, as intervals of values and of ranks"}}
codes.bins(coded.encoder_, orders, "minutes")

# %% jupyter={"source_hidden": true} tags=["remove-input"]
edges = codes.number_codes(coded.encoder_, "minutes").edges
results["bins"] = {"n": len(edges) - 1, "widest": float(np.diff(edges).max())}
say(
    """
The minutes have {res}`this.bins.n` bins. Where rows are dense the bins are narrow in minutes; in
ranks they are all about as wide. The exception is the booked shift of 480 minutes (orange): its
bin has {res}`this.bins.widest:.0%` of the ranks, and every one of them is decoded as 480 exactly.
""",
    results,
)

# %% [markdown]
# ### Any order, or one
#
# To draw a row, its cells are revealed one at a time, each from its distribution given the cells on
# view. That is the masked process of above, with numbers among the cells. No noise level is left:
# what the network is told is which cells are on view.
#
# By the chain rule, a row has the same probability in whatever order its cells are revealed. A
# masked diffusion learns all orders {cite:p}`austin2021d3pm`: each row of a batch is trained on
# with an order of its own. With $d$ columns, every column is then regressed on all $2^{d-1}$ sets
# of the others. This is `order="any"`.
#
# If one order is enough, one regression for each column is enough: on the columns before it. The
# model is then *autoregressive*, as models of language are. It is still a masked diffusion, one
# whose cells come on view in a fixed order. This is the default, `order="natural"`: the order of
# the columns, with the target where the table has it.
#
# Below, a row of 013 that neither model has seen is revealed by the model of any order, in the
# natural order and backwards. A number in a hidden cell says how much of it is still open: the
# entropy of its predicted distribution, over that before anything is on view. The cell that has
# just come on view is in bold.

# %%
schema_013, split_013 = datasets["013"].schema, splits["013"]
by_order = {
    order: HybridDiffusion(order=order, n_iter=n_iter, random_state=seed).fit(
        split_013.train, schema_013
    )
    for order in ("natural", "any")
}
forwards = list(range(len(schema_013.columns)))
backwards = forwards[::-1]
unseen = split_013.test.iloc[[row]]

# %% mystnb={"image": {"alt": "One row revealed in two orders, with what is open of each cell"}}
codes.orders(by_order["any"], unseen, {"natural order": forwards, "backwards": backwards})

# %% jupyter={"source_hidden": true} tags=["remove-input"]
new_rows = datasets["013"].reserve.head(2000)
any_order = by_order["any"]
results["orders"] = {
    "natural": float(codes.log_likelihood(by_order["natural"], new_rows).mean()),
    "any": float(codes.log_likelihood(any_order, new_rows, forwards).mean()),
    "backwards": float(codes.log_likelihood(any_order, new_rows, backwards).mean()),
    "row": {
        "forwards": float(codes.log_likelihood(any_order, unseen, forwards)[0]),
        "backwards": float(codes.log_likelihood(any_order, unseen, backwards)[0]),
    },
}
say(
    """
Multiplied along its way, the probabilities of the row's cells give that of the row. Its logarithm
is {res}`this.orders.row.forwards:.2f` in the natural order and
{res}`this.orders.row.backwards:.2f` backwards. For exact regressions the two would be equal. Over
new rows the mean is {res}`this.orders.any:.2f` and {res}`this.orders.backwards:.2f`. The model of
one order, asked for the same rows, gives {res}`this.orders.natural:.2f`: greater is better, and
the difference is what learning all orders costs.
""",
    results,
)

# %% [markdown]
# The same model can start from nothing. Below, rows that it has not seen lose their cells one after
# another, each row in an order of its own. When nothing is left, the model fills cell after cell,
# again in random orders, and draws each one from what it predicts given the cells on view. The rows
# that stand there at the end are new ones: nothing of the old rows was known any more.

# %% mystnb={"image": {"alt": "Animation of a table: cells are hidden, then filled by the model"}}
animation.noising(by_order["any"], split_013.test.head(11), seed=seed)

# %% [markdown]
# ### The distribution of a number
#
# A Gaussian diffusion gets a distribution out of many small steps. Here a network has to state it
# in one. It is the sum of two parts. A *histogram* over the bins can take any shape: humps, spikes,
# gaps. Two *Gaussians* of the normal score are smooth: they learn from few rows how the middle of a
# number moves with the other columns, and they place a value inside its bin. How much each part
# has to say is learnt as well, row by row. Where two numbers are often equal, as a bill and its
# payment are, there is a third part: the other number itself. The columns of 013 have no such pair.
# Below is what the model of the natural order predicts of the target of two unseen rows of 013.

# %% mystnb={"image": {"alt": "Predicted distribution of the target of two rows, in two parts"}}
target = schema_013.target
by_target = split_013.test.sort_values(target)
two = by_target.iloc[[len(by_target) // 5, 4 * len(by_target) // 5]]
codes.predictions(by_order["natural"], two, target)

# %% jupyter={"source_hidden": true} tags=["remove-input"]
results["parts"] = {
    "gaussians": codes.gaussian_share(by_order["natural"], new_rows, target),
}
say(
    """
The axis is even in ranks and written in minutes, so a density of 1 everywhere is the column
itself. Over new rows, the Gaussians have {res}`this.parts.gaussians:.0%` of the probability of
the target.
""",
    results,
)

# %% [markdown]
# ### Each column stops at its own best
#
# The columns' networks share no weights. So each can stop when it is best. A part of the training
# rows is kept aside, and after every 50 steps each column's loss is measured on it. The weights
# that did best are kept; when no column gets better any more, training ends. For smaller tables
# three such models, with parts of their own kept aside, are averaged.

# %% mystnb={"image": {"alt": "Loss on held-out rows of each column, by training step"}}
codes.held_out(by_order)

# %% jupyter={"source_hidden": true} tags=["remove-input"]
best_at = {
    column: 50 * (1 + int(losses.argmin()))
    for column, losses in zip(schema_013.columns, by_order["natural"].held_out_loss_.T, strict=True)
}
earliest, latest = min(best_at, key=best_at.__getitem__), max(best_at, key=best_at.__getitem__)
results["stops"] = {
    "earliest": {"column": earliest, "step": best_at[earliest]},
    "latest": {"column": latest, "step": best_at[latest]},
    "steps": len(by_order["natural"].loss_curve_),
}
say(
    """
Losses are means over the averaged models, and dots are where they are least. In the natural order
*{res}`this.stops.earliest.column`* is best at step {res}`this.stops.earliest.step` and
*{res}`this.stops.latest.column`* at step {res}`this.stops.latest.step`, of
{res}`this.stops.steps` steps in all.
""",
    results,
)

# %% [markdown]
# ### Conditions and gaps
#
# A model of any order takes given cells as being on view from the start, and draws the others given
# them: under given values its rows are exact, as far as its networks are. A model of one order
# knows only what came before. There each row is drawn many times over, side by side. Wherever a
# cell has a condition, the draws are weighted by how probable the condition was, and those of
# little weight make room for copies of the others: *sequential importance resampling*
# {cite:p}`doucet2001smc`. A range of a number is asked for in the same way, in either model.
# Imputation is the same with the known cells of a row as its condition.
#
# The small table tells whether it works. Which machine ran orders of 400 to 500 minutes? In it the
# machine comes before the minutes, so the question goes against the order.

# %%
coded_any = HybridDiffusion(order="any", n_iter=n_iter, random_state=seed).fit(orders, schema)
asked = {"minutes": (400.0, 500.0)}
many_orders = evidence.orders(100_000, random_state=seed + 1)
answers = {
    "rows of the simulator": many_orders[many_orders["minutes"].between(*asked["minutes"])],
    "natural order": coded.sample(n_orders, random_state=seed, conditions=asked),
    "any order": coded_any.sample(n_orders, random_state=seed, conditions=asked),
    "no condition": coded.sample(n_orders, random_state=seed),
}
shares = pd.DataFrame(
    {name: rows["machine"].value_counts(normalize=True) for name, rows in answers.items()}
).fillna(0.0)
shares.round(3)

# %% jupyter={"source_hidden": true} tags=["remove-input"]
results["conditions"] = {
    key: float((shares[name] - shares["rows of the simulator"]).abs().sum() / 2)
    for key, name in (
        ("natural", "natural order"),
        ("any", "any order"),
        ("none", "no condition"),
    )
}
say(
    """
The total variation distance from the simulator's own rows is
{res}`this.conditions.natural:.3f` in the natural order and {res}`this.conditions.any:.3f` in any
order. Without the condition it is {res}`this.conditions.none:.3f`.
""",
    results,
)

# %% [markdown]
# Three unseen rows of 013, with gaps, are completed by the model of any order:

# %%
with_gaps = split_013.test.head(3).copy().reset_index(drop=True)
with_gaps.loc[0, target] = np.nan
with_gaps.loc[1, [schema_013.columns[0], schema_013.columns[2]]] = np.nan
with_gaps.loc[2, list(schema_013.columns[1:])] = np.nan
completed = by_order["any"].impute(with_gaps, random_state=seed)
frames = {"with gaps": with_gaps.fillna(""), "completed": completed}
evidence.stacked(
    {name: frame.astype(str).replace(r"\.0$", "", regex=True) for name, frame in frames.items()}
)

# %% [markdown]
# ## How much noise is drawn
#
# A generator should draw the target with as much noise around its mean as real rows have. A forest
# measures that. It learns the target from many drawn rows; its squared error on further drawn rows
# is the noise of the generator. Its squared error on unseen real rows is the noise there is,
# together with what the generator has got wrong. The ratio of the two, *noise drawn*, is 1 for more
# rows of the source itself, below 1 for a generator whose rows lie too close to its mean.
#
# The other columns are the usual measure of utility: R² on unseen real rows of a forest that learnt
# from as many drawn rows as there are real ones, n, and from four times as many. Both are in
# percent of the R² of a forest that learnt from the real rows.

# %%
noises = []
for split_seed in range(seed, seed + n_splits):
    part = datasets["013"].split(split_seed)
    more = simulate("013", 6 * len(part.train), random_state=1000 + split_seed)
    if split_seed == seed:  # these two were fitted above
        gaussian, of_codes = fitted["013"], by_order["natural"]
    else:
        settings = {"n_iter": n_iter, "random_state": split_seed}
        gaussian = GaussianHybridDiffusion(**settings).fit(part.train, schema_013)
        of_codes = HybridDiffusion(**settings).fit(part.train, schema_013)
    kinds = {
        "second sample": SecondSample(more).fit(part.train, schema_013),
        "Gaussian diffusion": gaussian,
        "HybridDiffusion": of_codes,
    }
    rows = pd.concat([part.test, datasets["013"].reserve])
    noises.append(codes.noise_found(kinds, part.train, rows, schema_013, times=4, seed=split_seed))
noise_table = sum(noises) / n_splits
noise_table.rename(
    columns={"noise": "noise drawn", "few": "R², n rows, %", "many": "R², 4 n rows, %"}
).round(2)

# %% jupyter={"source_hidden": true} tags=["remove-input"]
results["noise"] = {
    key: {
        **noise_table.loc[name].to_dict(),
        "least": min(float(each.loc[name, "noise"]) for each in noises),
        "greatest": max(float(each.loc[name, "noise"]) for each in noises),
    }
    for key, name in (
        ("second", "second sample"),
        ("gaussian", "Gaussian diffusion"),
        ("codes", "HybridDiffusion"),
    )
}
results["noise"]["n_splits"] = n_splits
say(
    """
Over {res}`this.noise.n_splits` splits, the ratio is {res}`this.noise.gaussian.noise:.2f`
(from {res}`this.noise.gaussian.least:.2f` to {res}`this.noise.gaussian.greatest:.2f`) for Gaussian
diffusion, {res}`this.noise.codes.noise:.2f` (from {res}`this.noise.codes.least:.2f` to
{res}`this.noise.codes.greatest:.2f`) for HybridDiffusion, and {res}`this.noise.second.noise:.2f`
for a second sample.
Trained on n rows, the forest keeps {res}`this.noise.gaussian.few:.0f` % with Gaussian diffusion,
{res}`this.noise.codes.few:.0f` % with HybridDiffusion and {res}`this.noise.second.few:.0f` % with
the second sample. With four times as many rows these are {res}`this.noise.gaussian.many:.0f`,
{res}`this.noise.codes.many:.0f` and {res}`this.noise.second.many:.0f` %.
""",
    results,
)

# %% [markdown]
# Rows with too little noise are easier to learn from. A forest that sees n of them is less often
# led astray than by n real rows. It may then do better on real rows although the rows it learnt
# from are less real. With more rows drawn, noise averages out for every generator. So utility at n
# rows is to be read together with utility at more rows, and with the ratio above.

# %% [markdown]
# ## What differs from TabDDPM
#
# TabDDPM {cite:p}`kotelnikov2023tabddpm` is the diffusion model of tables that others are compared
# with. It and Gaussian diffusion have parts of the same kinds: a Gaussian process for numbers, a
# discrete one for categories, one network for both.
#
# :::{list-table}
# :header-rows: 1
#
# * -
#   - TabDDPM
#   - Gaussian diffusion
#   - HybridDiffusion
# * - order
#   - all columns at once; a categorical target before them
#   - categories, then numbers
#   - one column after another, in one order or in any
# * - time
#   - 1,000 fixed steps, cosine schedule {cite:p}`nichol2021improved`
#   - a continuous noise level, drawn anew for every row {cite:p}`karras2022edm`
#   - none: what counts is which cells are on view
# * - numbers
#   - quantile transform to normal
#   - ranks, with an interval for every atom
#   - ranks in bins; a bin is a code
# * - the network predicts
#   - the noise $\varepsilon$ {cite:p}`ho2020ddpm`
#   - the velocity {cite:p}`salimans2022progressive`
#   - the distribution of a hidden cell
# * - categories
#   - replaced by one drawn evenly: multinomial diffusion {cite:p}`hoogeboom2021multinomial`
#   - replaced by a mask {cite:p}`austin2021d3pm`
#   - replaced by a mask, and so are numbers
# * - their loss
#   - divergence of the reverse steps' distributions, in log space
#   - cross-entropy of what is masked {cite:p}`sahoo2024mdlm`
#   - cross-entropy of what is masked; numbers have the likelihood of their ranks
# * - numbers from a short list
#   - whole numbers, up to 32 values: rounded to a known value in the authors' code
#   - drawn from the list, as categories are
#   - drawn from the list, as categories are
# * - drawing
#   - every step back, with fresh noise in each
#   - categories one by one; numbers on a path without noise, by Heun's method
#   - cell by cell
# * - runs of the network for a draw
#   - 1,000
#   - one for each category, and about two for each noise level
#   - one small network for each column, each run once
# :::

# %% jupyter={"source_hidden": true} tags=["remove-input"]
say(
    """
A draw of Gaussian diffusion took {res}`this.drawn.runs.012` runs of the network for 012 and
{res}`this.drawn.runs.013` for 013.
""",
    results,
)

# %% [markdown]
# Masks make the network's task plainer: a category that was replaced looks like one that was kept,
# and the network has to find out which it is, while a masked cell says that it is masked.

# %% [markdown]
# ## What it means

# %% jupyter={"source_hidden": true} tags=["remove-input"]
say(evidence.meaning(results))

# %% tags=["hide-input"]
store.record(results)
