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
# # A formal guarantee
#
# Attacks show what somebody has found, not what can be found. The last chapter's cards hold for the
# attacks that were run; one that is thought of tomorrow applies to the table given out today. A
# guarantee holds for every attack and every record. It has to be built into the training, and what
# that costs in utility is measured here.

# %% tags=["hide-input"]
from typing import Literal

from IPython.display import display
from pydantic import NonNegativeInt, PositiveFloat, PositiveInt

from seds500.comparisons import seconds
from seds500.data import load
from seds500.pages import differential_privacy as report
from seds500.records import store, title
from seds500.records.prose import say
from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.dp.budget import Privacy
from synthtab.evaluation.compare import compare

# %% tags=["parameters"]
sources: list[str] = ["standin", "public"]  # tables for 013
epsilons: list[PositiveFloat] = [1, 3, 8, 20]  # budgets
shown_epsilon: PositiveFloat = 3  # the budget of the statement that is shown
seed: NonNegativeInt = 0  # the first seed; each is one split, one training, one draw
n_seeds: PositiveInt = 3  # repetitions
n_trainings: PositiveInt = 500  # of the audit, with the row and as many without it
quick: bool = False  # a trial on 300 rows of each table, with 10 training steps
n_jobs: PositiveInt = 2  # processes
cache: str = ""  # folder in which finished runs are kept, so that a stopped run can continue

# %% [markdown]
# ## What epsilon says
#
# Fit a regression, take one row out, fit again: the coefficients move. Whoever knows all the other
# rows can solve for the one that is missing. So publish the coefficients only after noise was added
# to them, as much as hides the move that any one row could cause. A procedure is *differentially
# private* {cite:p}`dwork2014foundations` if whatever comes out of it is nearly as likely with any
# one row as without: no likelier than by a factor of $e^\varepsilon$, except with a probability
# $\delta$ that is kept far below one row's share. What is computed from the result later, a million
# synthetic rows or an attack, cannot undo it.
#
# The factor is also what an attacker's odds can change by. Somebody who suspected with even odds
# that a record was in the table, and who sees the model, is never surer than $e^\varepsilon$ to 1.
# In the terms of the last chapter: of the members, how many can the best conceivable attack name if
# it may name one in ten of the others?

# %%
delta = Privacy(epsilon=1.0, n_rows=2000).target_delta
worst = report.worst_case(epsilons, delta)
results = {"worst_case": report.worst_case_record(worst)}
report.worst_case_table(worst)

# %% [markdown]
# The last two columns are bounds for the record that the attack suits best, against an attacker who
# knows all other rows. They are no forecast of what will be found. Noise that is normal, as it is
# here, allows less than the definition does. One in ten is guessing.

# %% jupyter={"source_hidden": true} tags=["remove-input"]
say(report.worst_case_reading(worst))

# %% [markdown]
# ## What is public, and what spends budget
#
# The guarantee covers what the rows say, so that everything else has to come from elsewhere. The
# encoder of the plain model reads quantiles off the rows, and a schema may have been read off them
# as well: the largest part ever ordered, a category that one customer alone uses. With a budget
# alone the model refuses, and says what is missing.

# %%
datasets = {f"013_{source}": load("013", source) for source in sources}
if quick:
    datasets = {key: data.subset(300, random_state=seed) for key, data in datasets.items()}
titles = {key: title(key) for key in datasets}
first, data = next(iter(datasets.items()))
train, _ = data.split(seed)
try:
    HybridDiffusion(privacy=Privacy(shown_epsilon, n_rows=2000)).fit(train, data.schema)
except ValueError as refusal:
    print(refusal)

# %% [markdown]
# What anyone in the trade could say without seeing a row is declared: bounds in round numbers, the
# lists of the catalogue, roughly how many rows there are. Counted in squared units of noise, six
# hundredths of the budget go into two quartiles of each number, which set its scale, and two fifths
# into how the target depends on the rest: a learner is trained on synthetic rows, which costs
# nothing, and how far it errs on the real ones is asked once more, group by group, with noise. What
# is found is added to the synthetic targets. The rest goes into DP-SGD
# {cite:p}`abadi2016dpsgd`: each step draws rows by chance, cuts the pull of each of them on the
# network to a fixed length, and adds noise to the sum. A row's pull is the mean over several draws
# of the diffusion's own noise, which steadies it at no price in privacy.
#
# With a budget, HybridDiffusion learns as [Gaussian diffusion](how_diffusion_works) does: one
# network in one training, and no rows are kept aside.
#
# Numerical composition {cite:p}`gopi2021prv` adds up what all steps give away. After the fit the
# model has `epsilon_`, `delta_` and a statement that belongs beside every table drawn from it:

# %%
steps: int | Literal["auto"] = 10 if quick else "auto"
model = HybridDiffusion(
    privacy=report.declared(first, shown_epsilon), n_iter=steps, random_state=seed
)
model.fit(train, data.schema).guarantee_

# %% [markdown]
# All runs of this report have given seeds, so that they can be repeated, and what they print says
# so. On the public table for 013 the declarations are ours: prices between 5,000 and 2 million
# dollars, areas in square feet within two or three orders of magnitude. Category lists count as
# public on both tables.

# %% [markdown]
# ## What it costs
#
# The comparison is that of the other chapters: learners are trained on synthetic rows alone, as
# many as there are training rows, and scored on real test rows. *No guarantee* is the
# HybridDiffusion of the other chapters, which turns numbers into codes. The rows with an ε are
# those of the private model above. The difference between them is thus that of the guarantee and
# of the kind of model together. *Training rows* is what the real rows teach in the same splits;
# percentages are shares of it. Beside it stand the distances between the margins of synthetic and
# training rows.

# %%
comparisons = {
    key: compare(
        data,
        report.generators(key, epsilons, n_iter=steps),
        seeds=range(seed, seed + n_seeds),
        settings=["replacement"],
        n_jobs=n_jobs,
        cache=cache or None,
    )
    for key, data in datasets.items()
}
results |= {key: report.as_record(comparison) for key, comparison in comparisons.items()}
baselines = store.load("benchmark_dp_baseline")["values"]

# %% mystnb={"image": {"alt": "R² against epsilon on both tables, with other private generators"}}
report.curve_figure(comparisons, titles, baselines)

# %%
for key, comparison in comparisons.items():
    display(report.cost_table(comparison, titles[key]))

# %% [markdown]
# The next table has that learner of this page which does best on real rows: its R², the share of
# what the real rows teach it, and the R² without a guarantee minus that with one, paired by split.

# %%
report.best_table(comparisons, titles)

# %% jupyter={"source_hidden": true} tags=["remove-input"]
say(report.cost_reading(comparisons, titles))

# %% [markdown]
# The settings of DP-SGD were chosen on the stand-in for 013, whose rows are simulated. The
# correction of the target was designed later, with test rows of the stand-in and of the public
# table for 013 in view, and on two tables that are not in this report. The figures on 013 are
# therefore somewhat too good. An owner has one table, and would spend budget on such a choice.
#
# ### Beside other private generators
#
# MST {cite:p}`mckenna2021mst` and AIM {cite:p}`mckenna2022aim` count combinations of categories
# with noise and draw from a model that fits the counts. They were run on the same splits, with the
# same declarations and budgets, in an environment of their own (`benchmarks/dp_baseline.py`).
# Numbers must be cut into bins for them, and how, decides much: the bins were tried on one split of
# the stand-in, and where in its bin a drawn number is placed was chosen with test rows of both
# tables in view, which favours them.

# %%
report.rivals_table(baselines, comparisons, titles)

# %% [markdown]
# Both rivals do worse here than is reported of them elsewhere, and why was not established. Read
# their figures as what a package's defaults give after such a binning, and not as what the methods
# can do.
#
# ### What was aimed at
#
# The aims were set before these runs. The correction of the target was designed with test rows of
# both tables of 013 in view, so an aim that is met by the correction alone counts for less. For the
# public tables of 012 and 011 no choice of settings is on record. The best of three learners is
# trained on ten thousand drawn rows, and scored on real rows that were held out
# (`benchmarks/dp_utility.py`).
#
# ```{results-table} guarantee_aims
# ```
#
# ```{results-table} guarantee
# ```
#
# The *tree of pairs* counts pairs of columns along a tree with noise, as MST does, with a choice of
# pairs as in AIM. The *private copula* has noisy correlations. Neither needs a network, and both
# have the same correction of the target. *Before the correction* are the rows of the same model
# before the correction is added; that model has paid for it. For a category the figure is the AUC
# beyond one half. Intervals are over five seeds, each another split of the same rows, so that they
# are rather too narrow.

# %% jupyter={"source_hidden": true} tags=["remove-input"]
say(
    """
On adult, which is a classification and no part of the aims, the private copula does as well
without a network: it keeps {res}`benchmark_dp_utility.adult.copula.dp_1.percent:.1f` % at the
smallest budget, HybridDiffusion {res}`benchmark_dp_utility.adult.corrected.dp_1.percent:.1f` %.
"""
)

# %% [markdown]
# ### Time

# %% jupyter={"source_hidden": true} tags=["remove-input"]
say(report.time_reading(comparisons, titles))

# %% [markdown]
# ## Is it kept?
#
# A proof holds for what was proved, and code may do something else. So the training is attacked in
# the case in which one row shows most: a table of a single record, far out, against an empty one,
# and an attacker who knows the initial weights and the record, and measures how far the weights
# went its way. From as many trainings with the record as without it follows a value that epsilon
# *at least* has {cite:p}`jagielski2020auditing`, with a confidence of nineteen in twenty and at a
# delta of one in a hundred. If it exceeds what the accountant claims, something is wrong. Whether
# such an audit would notice shows in training that was broken on purpose. Where all rows take part
# in every step, a second bound, on the distance mu between the outcomes in standard deviations of
# the noise, is sharper.

# %%
found = report.audit(n_trainings, random_state=seed)
report.audit_table(found)

# %% [markdown]
# A lower bound falls short of the truth for want of trainings: 500 and 500 cannot prove an epsilon
# above 4 or so, however much is given away. The tests repeat the audit with fewer trainings, and
# once more with gradients that are not cut.
#
# The training is not all that leaves `synthtab share --epsilon`. A second audit runs the whole
# command many times on two tables that differ by one row, and looks at everything that leaves: the
# exit status, the files, what they say, and the synthetic table. The code of an earlier commit of
# this project is audited beside the present one. It let categories, gaps, decimals and the number
# of rows out as they were.
#
# ```{results-table} share_audit
# ```

# %% jupyter={"source_hidden": true} tags=["remove-input"]
say(report.audit_reading(found))

# %% [markdown]
# ## What may be concluded
#
# A table drawn from a model with a small epsilon may be given out without a list of attacks: what
# anybody learns of one record from it, they would have learnt nearly as well without that record.
# Four limits remain.
#
# The guarantee protects rows. If a product or a person has several, these together are protected
# by a multiple of epsilon. It does not protect what is true of all: that a larger part takes longer
# is learnt, and should be. It adds up: two models of one table spend two budgets, and so would the
# plain model, without any bound, given out beside them. And it is no better than what was declared:
# with bounds read off the rows it is void, and no program can notice.
#
# Nor is a large epsilon much of a promise: the table of bounds above says how little it excludes.
# The model may still be hard to attack, but that is again a matter of trying.
#
# ## What it means

# %% jupyter={"source_hidden": true} tags=["remove-input"]
say(report.meaning(comparisons, titles, found))

# %% tags=["hide-input"]
store.record(
    results
    | {
        "audit": report.audit_record(found),
        "shown": model.guarantee_.to_plain(),
        "timings": {key: seconds(comparison) for key, comparison in comparisons.items()},
    }
)
