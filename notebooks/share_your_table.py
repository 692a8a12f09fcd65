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
# # Share your own table
#
# The study proposes six steps: an organization has a table it cannot share, trains a diffusion
# model on it, draws a synthetic table, gives that to a partner, the partner trains a model on it,
# and the model works on real rows. Here they are acted out, by the command that a factory would
# use: `synthtab share`. Two people take part. The *organization* sees everything. The *partner*
# sees one file.
#
# Set `path` to run this page on a table of your own; it never leaves your machine.

# %% tags=["hide-input"]
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import NonNegativeInt
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from seds500.data import load
from seds500.records import store
from seds500.records.prose import say
from synthtab.attacks.card import ROWS
from synthtab.sharing import learner_rows, share

# %% tags=["parameters"]
path: str = ""  # a CSV, Parquet or XLSX file of at least 600 rows; empty: the stand-in for 013
target: str = "machine_minutes"  # the column that the partner is to predict, a number
drop: list[str] = []  # columns to leave out: identifiers, free text
steps: NonNegativeInt = 0  # training steps; 0: by the size of the table
seed: NonNegativeInt = 0  # of everything
quick: bool = False  # a trial with 600 rows and 20 training steps

# %% [markdown]
# ## 1. An organization has a sensitive table
#
# Without a path it is the stand-in for the bolt factory's table 013: simulated rows, so that this
# page may be read by anybody. Before anything else the organization puts every fifth row into a
# drawer. Neither the generator nor the partner will see them, and in the last step they decide.

# %%
temporary = tempfile.TemporaryDirectory()  # gone with the last cell
folder = Path(temporary.name)
if not path:
    rows = load("013").frame
    if quick:
        rows = rows.head(600)
    in_drawer = np.arange(len(rows)) % 5 == 4
    sensitive, drawer = folder / "orders.csv", folder / "drawer.csv"
    rows[~in_drawer].to_csv(sensitive, index=False)
    rows[in_drawer].to_csv(drawer, index=False)
else:
    features, values = learner_rows(path, target, drop=drop)
    rows = pd.concat([features, values], axis=1)
    in_drawer = np.arange(len(rows)) % 5 == 4
    sensitive, drawer = folder / "orders.parquet", folder / "drawer.parquet"
    rows[~in_drawer].to_parquet(sensitive, index=False)
    rows[in_drawer].to_parquet(drawer, index=False)
    drop = []
f"{(~in_drawer).sum():,} rows to work with, {in_drawer.sum():,} in the drawer"

# %% [markdown]
# ## 2 and 3. It trains a model, and draws a synthetic table
#
# On the command line this is
#
# ```
# synthtab share orders.csv --target machine_minutes --out shared/ --release-anyway
# ```
#
# It says what it takes each column for, holds rows out for itself, trains, draws as many rows as
# the file has, and attacks them. The last option is there for the sake of the story: the rules of
# the report card are strict, and what happens without it is told below.

# %%
shared = share(
    sensitive,
    target=target,
    out=folder / "shared",
    drop=drop,
    n_iter=20 if quick else steps or "auto",
    release_anyway=True,
    random_state=seed,
)
sorted(str(p.relative_to(shared.folder)) for p in shared.folder.rglob("*") if p.is_file())

# %% [markdown]
# What may leave is in `release/`: the table, and a card for whoever receives it. What stays is in
# `private/`: the report card, the same in a record for machines, and the model, which knows more of
# the real rows than the table does. The seed is given here, so that this page can be made again.
# For a release none is given, and the one that is drawn stays in `private/` too.
#
# ## Would it be released?
#
# The report card judges the table by the attacks and the fixed rules of the privacy chapter. A
# single rule that fails keeps the table back, unless somebody decides otherwise, and then the card
# says so.

# %%
judged = shared.assessment.privacy
pd.DataFrame(
    [
        {
            "attack": ROWS[key],
            "verdict": row.verdict,
            "worst value": f"{row.estimate.value:.3f}",
            "95 % interval": f"{row.estimate.low:.3f} to {row.estimate.high:.3f}",
        }
        for key, row in judged.rows.items()
    ]
).set_index("attack")

# %% tags=["hide-input"]
if judged.may_release:
    text = (
        "No rule fails here, and the table would have been released without the option. That is "
        "weak evidence: these attacks saw one table and few rows."
    )
else:
    text = (
        f"Without the option the command would have ended with exit status 3 and no table: "
        f"{'; '.join(judged.reasons)}. An organization that means it has two ways out: leave out "
        "what betrays, or train with a formal guarantee, `--epsilon`, which costs utility."
    )
say(text)

# %% [markdown]
# How weak or strong such a verdict is, the {doc}`privacy chapter <privacy>` shows. It attacks more
# rows, of several trainings.

# %% jupyter={"source_hidden": true} tags=["remove-input"]
say("""
There HybridDiffusion fails on {res}`privacy.verdicts.hybrid.fail` of
{res}`privacy.verdicts.n_tables` tables.
""")

# %% [markdown]
# ## 4. The partner gets one file
#
# It is the table in `release/`. Not the model, not the report card, not a single real row.

# %%
partners = folder / "partner"
partners.mkdir()
received = shutil.copy(shared.table, partners)
features, values = learner_rows(received, target)
features.head()

# %% [markdown]
# ## 5. The partner trains a model on it
#
# A random forest with the library's settings, as anybody would begin.


# %%
def forest():
    """A random forest for numbers and categories, with gaps filled by medians."""
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_include=object)),
        (SimpleImputer(strategy="median"), make_column_selector(dtype_include=np.number)),
    )
    return make_pipeline(encode, RandomForestRegressor(n_estimators=100, random_state=seed))


partners_model = forest().fit(features, values)

# %% [markdown]
# ## 6. Does it work on real rows?
#
# The partner sends the model back. The organization opens the drawer, and for comparison trains the
# same forest on all the real rows it had.

# %%
x_drawer, y_drawer = learner_rows(drawer, target)
own_model = forest().fit(*learner_rows(sensitive, target))
predictions = {"partner": partners_model.predict(x_drawer), "own": own_model.predict(x_drawer)}
scores = {name: r2_score(y_drawer, predicted) for name, predicted in predictions.items()}

rng = np.random.default_rng(seed)
picks = rng.integers(len(y_drawer), size=(500, len(y_drawer)))
y = y_drawer.to_numpy()
shares = [
    100 * r2_score(y[p], predictions["partner"][p]) / r2_score(y[p], predictions["own"][p])
    for p in picks
]
low, high = np.quantile(shares, [0.025, 0.975])
kept = 100 * scores["partner"] / scores["own"]
pd.DataFrame({"R² on the rows of the drawer": scores}).rename(
    {"partner": "partner, synthetic rows only", "own": "organization, real rows"}
).round(3)

# %% [markdown]
# ## What it means

# %% jupyter={"source_hidden": true} tags=["remove-input"]
results = {
    "n_rows": int((~in_drawer).sum()),
    "n_drawer": int(in_drawer.sum()),
    "r2": {name: float(score) for name, score in scores.items()},
    "percent": {"value": float(kept), "low": float(low), "high": float(high)},
    "privacy": {
        "may_release": judged.may_release,
        "n_failed": len(judged.failed),
        "n_void": len(judged.void),
        "rows": {
            key: {"verdict": row.verdict, "value": float(row.estimate.value)}
            for key, row in judged.rows.items()
        },
    },
}
say(
    """
The partner's model was trained on one file. It keeps {res}`this.percent.value:.0f` % of what the
organization's own model explains. {given}`95 %` of resamplings of the drawer lie between
{res}`this.percent.low:.0f` and {res}`this.percent.high:.0f` %. """
    + (
        "The synthetic rows teach as much as the real ones, as far as the drawer can tell."
        if low <= 100 <= high
        else "The synthetic rows teach less than the real ones."
        if high < 100
        else "The synthetic rows teach more than the real ones on this drawer."
    )
    + " It is one act, with one training and one draw.",
    results,
)

# %% [markdown]
# How much such a share scatters between trainings, and on other tables, is on the pages of the
# [experiments](013_standin). Whether the rows give anyone away is in the
# {doc}`privacy chapter <privacy>`.

# %% tags=["hide-input"]
temporary.cleanup()
store.record(results)
