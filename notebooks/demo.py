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
# # Demo: from a table to a tested synthetic one
#
# This page runs live, in under a minute of processor time: `make demo` opens it in JupyterLab.
# It trains HybridDiffusion on a table, looks at the rows that the model draws, lets a model learn
# from them, and attacks them once. The other chapters measure the same with repetitions and
# intervals. One run shows how it is done, and proves little.

# %%
import time

from pydantic import NonNegativeInt, PositiveInt

from seds500 import plots
from seds500.data import load
from seds500.pages import demo
from seds500.records import store
from seds500.records.prose import say
from seds500.runner.parameters import Experiment
from synthtab import HybridDiffusion
from synthtab.attacks import membership, privacy_split

started = time.process_time()

# %% tags=["parameters"]
experiment: Experiment = "013"  # 011, 012 or 013
source: str = "standin"  # standin, public, or the path of your own table
n_rows: PositiveInt = 2500  # rows in each part: for training, held out, and known to the attacker
steps: NonNegativeInt = 0  # training steps; 0: by the size of the table
seed: NonNegativeInt = 0  # of everything

# %% [markdown]
# ## 1. A table
#
# The machine time of a product is to be predicted from its size and its kind. The rows are the
# stand-in for table 013, which is simulated. They are divided at random into three parts. The model
# sees the *training* rows only. The *held-out* rows test what was learnt from its rows. The
# *reference* rows are what an attacker knows.

# %%
split = privacy_split(load(experiment, source), random_state=seed, n_rows=n_rows)
target = split.schema.target
split.train.head()

# %% [markdown]
# Each row is one product. The last column is the target, and every other column is a feature.
#
# ## 2. Train a model
#
# Training hides cells of the rows and lets small networks predict them from the other cells.

# %% mystnb={"image": {"alt": "Training loss of the demo's model, by step"}}
model = HybridDiffusion(n_iter=steps or "auto", random_state=seed)
model.fit(split.train, split.schema)
synthetic = model.sample(len(split.train), random_state=seed + 1)
demo.training_loss(model)

# %% [markdown]
# The loss falls steeply at first and slowly later: the networks learn each column by itself before
# they learn how the columns depend on each other. It does not reach zero, because part of each cell
# cannot be predicted from the others.
#
# ## 3. Synthetic rows beside real ones

# %%
demo.side_by_side(split.holdout, synthetic, n=4)

# %% [markdown]
# No synthetic row is made from one real row: each is a new draw from the model. The values are of
# the same kinds: the same categories, and numbers in the same ranges and with the same rounding.

# %% mystnb={"image": {"alt": "Target over the first number, training rows and drawn rows"}}
tables = {"real": split.train, "hybrid": synthetic}
plots.against_target(tables, split.schema.numerical[0], target)

# %% [markdown]
# The two clouds should have the same shape. Points in a place that is empty on the left would be
# products that may not exist.
#
# ## 4. Does a model learn the same from them?
#
# A random forest is trained on the synthetic rows and tested on the held-out real rows (*train on
# synthetic, test on real*). Two other forests are the yardsticks: one learns from the real training
# rows, and one from synthetic rows whose target was shuffled.

# %%
shuffled = synthetic.copy()
shuffled[target] = synthetic[target].sample(frac=1, random_state=seed).to_numpy()
teachers = {"real rows": split.train, "synthetic rows": synthetic, "shuffled rows": shuffled}
r2 = demo.forest_r2(teachers, split, seed=seed)
r2.round(2).to_frame()

# %% [markdown]
# The closer the second line is to the first, the more of the table the synthetic rows teach. The
# third line has to be near or below zero: it shows what rows teach that have the right columns and
# nothing of what connects them with the target.
#
# ## 5. Can an attacker tell who was in the training rows?
#
# The attacker holds the synthetic table and some rows of the same source. For a row that may or may
# not have been in the training rows, the attack compares how densely synthetic and reference rows
# lie around it. The AUC is the chance that a training row scores higher than a row that was held
# out: one half is guessing, and 1 finds everybody. The same attack on a table that *is* the
# training rows shows that it can find them.

# %% mystnb={"image": {"alt": "AUC of one attack on drawn rows and on the training rows"}}
attacked = {"hybrid": synthetic, "copies": split.train}
aucs = {
    name: demo.attack_auc(membership.scores(split, rows, random_state=seed)["density_ratio"])
    for name, rows in attacked.items()
}
demo.auc_figure(aucs)

# %% [markdown]
# Read the distance of each interval from the line at one half. An interval that covers the line
# says that this attack was not shown to find training rows here. Other attacks may find some: the
# {doc}`privacy chapter <privacy>` runs more attacks on more rows.
#
# ## What it means

# %%
results = {
    "r2": {name.split()[0]: float(value) for name, value in r2.items()},
    "percent": float(100 * r2["synthetic rows"] / r2["real rows"]),
    "auc": {name: found._asdict() for name, found in aucs.items()},
    "n_rows": len(split.train),
}
say(demo.meaning(results), results)

# %% tags=["hide-input"]
results["timings"] = {"cpu_seconds": time.process_time() - started}
store.record(results)
