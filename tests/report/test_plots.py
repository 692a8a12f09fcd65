"""Figures show what they are given: panels, values, groups; and are closed."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.figure import Figure

from seds500 import plots
from seds500.data import load

DATASET = load("013").subset(200, random_state=0)
TABLES = {"real": DATASET.split(0).train, "hybrid": DATASET.split(1).train}


def texts(figure: Figure) -> list[str]:
    return [t.get_text() for ax in figure.axes for t in ax.texts]


def test_every_column_has_a_panel_with_its_name() -> None:
    figure = plots.marginals(TABLES, DATASET.schema)
    shown = [ax.get_xlabel() for ax in figure.axes if ax.get_visible()]
    assert shown == list(DATASET.schema.columns)


def test_every_table_has_a_panel_on_common_axes() -> None:
    figure = plots.against_target(TABLES, "diameter_mm", "machine_minutes")
    assert [ax.get_title() for ax in figure.axes] == ["training rows", "HybridDiffusion"]
    assert len({ax.get_ylim() for ax in figure.axes}) == 1


def test_group_means_are_those_of_the_table() -> None:
    figure = plots.target_by_group(TABLES, "plant", "machine_minutes")
    drawn = sorted(figure.axes[0].lines[0].get_ydata())
    expected = sorted(TABLES["real"].groupby("plant").machine_minutes.mean())
    assert drawn == pytest.approx(expected)


def test_a_number_is_grouped_in_bands_of_equal_count() -> None:
    frame = pd.DataFrame({"x": range(100), "y": range(100)})
    figure = plots.target_by_group({"real": frame}, "x", "y", n_groups=4)
    assert list(figure.axes[0].lines[0].get_ydata()) == pytest.approx([12, 37, 62, 87], abs=0.6)


def test_the_widest_category_has_most_levels() -> None:
    assert plots.widest_category(DATASET.schema) == "nominal_size"
    assert plots.widest_category(load("011").schema) == "diameter_mm"


def test_a_copy_has_no_association_difference() -> None:
    tables = {"real": TABLES["real"], "bootstrap": TABLES["real"]}
    figure = plots.association_differences(tables, DATASET.schema)
    assert abs(figure.axes[0].collections[0].get_array()).max() == 0


def summary() -> pd.DataFrame:
    rows = [("real", 0.7), ("hybrid", 0.6), ("smogn_extreme", -3.21)]
    return pd.DataFrame(
        [
            {"setting": "replacement", "method": m, "learner": "rf", "mean": v}
            | {"low": v - 0.1, "high": v + 0.1}
            for m, v in rows
        ]
    )


def test_scores_are_points_and_those_left_of_the_axis_are_written_out() -> None:
    figure = plots.utility(summary())
    points = [line.get_xdata()[0] for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert points == [0.7, 0.6]
    assert texts(figure) == ["−3.21"]


def test_figures_are_closed() -> None:
    plots.utility(summary())
    assert plt.get_fignums() == []


def test_every_method_and_arm_has_a_name_of_its_own() -> None:
    names = list(plots.LABELS.values())
    assert len(set(names)) == len(names)
    assert set(plots.COLOURS) <= set(plots.LABELS)
