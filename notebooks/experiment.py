# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Experiment
#
# Every method sees the same training rows, returns the same number of rows, and is scored by the
# same learners on the same real test rows. The parameters say which of the three tables, and
# whether its rows are simulated (`standin`), public, or your own.

# %% tags=["hide-input"]
from IPython.display import display
from pydantic import NonNegativeInt, PositiveInt

from seds500 import plots
from seds500.data import load
from seds500.methods import methods
from seds500.pages import experiment as report
from seds500.records import store
from seds500.records.prose import say
from seds500.runner.parameters import Experiment, Setting
from synthtab.evaluation.compare import SETTINGS, compare, summarise

# %% tags=["parameters"]
experiment: Experiment = "013"  # 011, 012 or 013
source: str = "standin"  # standin, public, or the path of your own table
seed: NonNegativeInt = 0  # the first seed; each is one split, one training and one draw
n_seeds: PositiveInt = 5  # repetitions
setting: Setting = "both"  # both, replacement (synthetic rows) or augmentation (added to real ones)
n_synthetic: NonNegativeInt = 0  # rows drawn in replacement; 0: as many as there are real ones
n_added: PositiveInt = 500  # synthetic rows added to the real ones in augmentation
n_iter: NonNegativeInt = 0  # training steps of the diffusion models; 0: each one's default
k: PositiveInt = 5  # neighbours of SMOGN and of the interpolation
without: list[str] = []  # methods to leave out, such as [tabddpm]
also: list[str] = []  # models that train for minutes a split: tabsyn, stasy, tabdiff
quick: bool = False  # a trial on a few hundred rows with 60 training steps
n_jobs: PositiveInt = 2  # processes
cache: str = ""  # folder in which finished runs are kept, so that a stopped run can continue
scheduler: str = ""  # address of a Dask scheduler, whose workers take the place of the processes

# %% [markdown]
# ## The table
#
# The target is the machine time of a product, or its counterpart in a public table. The card tells
# where the rows come from.

# %%
dataset = load(experiment, source)
if quick:
    dataset = dataset.subset(600, random_state=seed)
dataset.card

# %%
# NBVAL_CHECK_OUTPUT
dataset.frame.describe(include="all").round(1).fillna("")

# %% [markdown]
# ## The comparison
#
# Each seed gives one split into training and test rows, on which every method is trained and drawn
# from. *Replacement* trains the learners on synthetic rows alone, as many as there are real ones;
# *augmentation* adds synthetic rows to the real ones. The *second sample*, where there is one, is
# other real rows of the same source; no generator can be expected to do better. The *noise copy* is
# real rows, each moved a little: useful, but not private. There are three diffusion models.
# HybridDiffusion is a masked diffusion of codes. *Gaussian diffusion* is the study's kind of model:
# noise is added to numbers, and categories are masked. TabDDPM is a published model that is close
# to it.

# %%
comparison = compare(
    dataset,
    methods(dataset, n_iter=60 if quick else n_iter or "auto", k=k, without=without, also=also),
    seeds=range(seed, seed + n_seeds),
    settings=SETTINGS if setting == "both" else [setting],
    n_synthetic=n_synthetic or None,
    n_added=n_added,
    n_jobs=n_jobs,
    cache=cache or None,
    scheduler=scheduler or None,
)
shown = {
    method: comparison.tables[method]
    for method in ("real", "hybrid", "smogn_extreme", "interpolation")
    if method not in without
}

# %% [markdown]
# ## Real beside synthetic
#
# The margins first. SMOGN over-samples rare target values on purpose, so its target must not look
# like the real one; a generator's should.

# %% mystnb={"image": {"alt": "Distribution of every column, real and synthetic"}}
plots.marginals(shown, dataset.schema)

# %% [markdown]
# A model learns how the target depends on the features. First the target over the strongest number,
# then its mean in each group.

# %% mystnb={"image": {"alt": "Target over the first number, real and synthetic"}}
plots.against_target(shown, dataset.schema.numerical[0], dataset.schema.target)

# %% mystnb={"image": {"alt": "Mean target in each group, real and synthetic"}}
plots.target_by_group(shown, plots.widest_category(dataset.schema), dataset.schema.target)

# %% mystnb={"image": {"alt": "Differences of the association matrices, synthetic minus real"}}
plots.association_differences(shown, dataset.schema)

# %% [markdown]
# ## Train on synthetic, test on real

# %% jupyter={"source_hidden": true} tags=["remove-input"]
say(
    "Points are means over seeds. Bars are {given}`95 %` intervals that allow for overlapping "
    "splits. The dotted line is the best learner trained on real rows."
)

# %% mystnb={"image": {"alt": "R² of every method and learner with intervals, by setting"}}
plots.utility(summarise(comparison))

# %%
for each in comparison.scores.setting.unique():
    display(report.utility_table(comparison, each))

# %% [markdown]
# The study's own figures for this experiment, for the eye. Its diffusion figure is augmentation,
# its SMOGN figure replacement by a table whose categories had been drawn at random.

# %%
report.reported_table(experiment)

# %% jupyter={"source_hidden": true} tags=["remove-input"]
say(report.reading(comparison))

# %% [markdown]
# ## Fidelity and copies
#
# For a perfect generator distances are 0, coverages 1 and the detection AUC one half, and a plain
# copy of the real rows would do as well or better. So the last columns count copies: the share of
# rows equal to a training row, to one of as many training rows as there are test rows, and to a
# test row. Where rows match by chance alone, the last two agree.

# %%
report.fidelity_table(comparison)

# %% [markdown]
# ## What it means

# %% jupyter={"source_hidden": true} tags=["remove-input"]
say(report.meaning(comparison))

# %% tags=["hide-input"]
store.record(report.as_record(dataset, comparison))
