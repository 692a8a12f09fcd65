"""What the page on the data shows: stand-ins beside published figures, and baselines."""

from __future__ import annotations

from collections.abc import Iterable

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from seds500.plots import BLACK, BLUE, styled
from synthtab.evaluation.utility import tstr
from synthtab.table.split import Dataset


def baselines(dataset: Dataset, splits: Iterable[int]) -> pd.DataFrame:
    """Scores of the learners, trained and tested on the table itself, split by split.

    Parameters
    ----------
    dataset : Dataset
        Table.
    splits : iterable of int
        Seeds of the splits.

    Returns
    -------
    DataFrame
        Columns learner, metric, value, split.
    """
    scores = []
    for seed in splits:
        train, test = dataset.split(seed)
        score = tstr(train, test, dataset.schema, reference=train, random_state=seed)
        scores.append(score.assign(split=seed))
    return pd.concat(scores, ignore_index=True)


def comparison_table(comparison: pd.DataFrame) -> pd.DataFrame:
    """A comparison with published figures, to four digits and with the verdict in words."""
    figures = ["published", "measured", "difference"]
    met = comparison["met"].map({True: "met", False: "not met"})
    shown = comparison.assign(**comparison[figures].map("{:.4g}".format), met=met)
    return shown.set_index("quantity").rename_axis(index=None, columns="quantity")


@styled
def group_means(comparison: pd.DataFrame) -> Figure:
    """Published and measured mean target by group."""
    ending = ", mean machine_minutes"
    groups = comparison[comparison["quantity"].str.endswith(ending)]
    names = groups["quantity"].str.removesuffix(ending)
    figure, ax = plt.subplots(figsize=(5, 3))
    ax.plot(names, groups["published"], "o", ms=10, mfc="none", color=BLACK, label="published")
    ax.plot(names, groups["measured"], "o", ms=5, color=BLUE, label="stand-in")
    ax.set(
        xlabel="group", ylabel="mean machine time [min]", ylim=(0, 1.1 * groups["published"].max())
    )
    ax.legend()
    return figure


def twins(frame: pd.DataFrame) -> float:
    """Share of rows that agree with another row in every column.

    Examples
    --------
    >>> twins(pd.DataFrame({"a": [1, 1, 2, 3]}))
    0.5
    """
    return float(frame.duplicated(keep=False).mean())


def summary(dataset: Dataset, scores: pd.DataFrame) -> dict[str, object]:
    """One line of the overview of all tables."""
    line: dict[str, object] = {
        "table": dataset.name,
        "source": dataset.source,
        "rows": len(dataset.frame),
        "numerical features": len(dataset.schema.numerical) - 1,
        "categorical features": len(dataset.schema.categorical),
    }
    for learner, of_metric in baseline_values(scores).items():
        r2 = of_metric["r2"]
        spread = f" ± {r2['std']:.3f}" if "std" in r2 else ""
        line[f"R² {learner}"] = f"{r2['mean']:.3f}{spread}"
    return line | {"twins": f"{twins(dataset.frame):.1%}"}


def baseline_values(scores: pd.DataFrame) -> dict[str, dict[str, dict[str, float]]]:
    """Mean and standard deviation over the splits, by learner and metric.

    One split has no standard deviation.
    """
    values: dict[str, dict[str, dict[str, float]]] = {}
    for (learner, metric), group in scores.groupby(["learner", "metric"], sort=False)["value"]:
        statistics = {"mean": float(group.mean())}
        if len(group) > 1:
            statistics["std"] = float(group.std())
        values.setdefault(str(learner), {})[str(metric)] = statistics
    return values


def meaning(agreement: pd.DataFrame) -> str:
    """What the agreement of the stand-ins means, as Markdown sentences that follow from it.

    Parameters
    ----------
    agreement : DataFrame
        One row per table; counts of figures compared and met, by the stand-in and by its reserve.

    Returns
    -------
    str
    """
    lines = []
    for name, row in agreement.iterrows():
        n, met, n_reserve, met_reserve = (int(count) for count in row)
        told = "meets all" if met == n else f"misses {n - met} of"
        lines.append(
            f"- The stand-in for {name} {told} {n} published figures. Its reserve, whose seed was "
            f"not chosen, misses {n_reserve - met_reserve} of {n_reserve}."
        )
    missed = (agreement.iloc[:, 2] - agreement.iloc[:, 3]).sum()
    lines.append(
        "- Where a reserve misses what its stand-in meets, the agreement is owed to the choice of "
        "the seed. The rest of it is the simulator's."
        if missed
        else "- The reserves miss nothing, so the agreement is the simulator's and not the seed's."
    )
    return "\n".join(lines)
