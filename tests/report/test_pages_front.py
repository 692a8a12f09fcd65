"""The first page and those of the experiments show what the records hold, each in its setting."""

import json
import shutil
from pathlib import Path

import pytest
from matplotlib.colors import to_hex

from seds500.pages import front
from seds500.plots import BLACK, LABELS
from seds500.records import EXPERIMENTS, Records, runs, store

COMMITTED = Path(__file__).parents[2] / "records"


@pytest.fixture
def records(tmp_path):
    for path in COMMITTED.glob("*.json"):
        shutil.copy(path, tmp_path)
    return Records(tmp_path)


def change(records: Records, name: str, change) -> None:
    path = store.record_path(name, records.folder)
    contents = json.loads(path.read_text(encoding="utf-8"))
    change(contents["values"])
    store.save(contents, path)


# The study's table -----------------------------------------------------------------------------


def test_each_figure_of_the_study_stands_beside_both_sources_in_its_setting(records):
    def set_score(values):
        cell = values["utility"]["augmentation"]["gaussian"]["rf"]["r2"]
        cell |= {"mean": 0.5, "low": -0.25, "high": 1.25}

    change(records, "013_standin", set_score)
    table = front.reproduced(records)
    size = len(front.SEED_ROWS) + 1
    of_013 = table.iloc[2 * size :]
    assert of_013.loc["real rows", "study"] == "0.65"
    added = of_013.loc["real rows + 500 Gaussian diffusion rows"]
    assert list(added[["study", "stand-in"]]) == ["0.64", "0.50 [−0.25, 1.25]"]
    assert added["public table"] == records.score(
        "013_public", "gaussian", setting="augmentation"
    ).show(".2f")
    assert of_013.loc["TabDDPM rows alone (5,000 steps)", "study"] == "0.56 (later)"
    assert of_013.loc["SMOGN, extreme", "study"] == "−0.39"
    assert of_013.loc["SMOGN, synthetic rows only", "study"] == "−0.39"
    assert table.iloc[size + 6]["study"] == "0.39 to 0.55"
    assert table.iloc[6]["study"] == "negative"


def test_every_experiment_has_every_row_with_an_interval(records):
    table = front.reproduced(records)
    cells = table.loc[[words for words, *_ in front.SEED_ROWS], ["stand-in", "public table"]]
    assert cells.shape == (len(EXPERIMENTS) * len(front.SEED_ROWS), 2)
    missing = cells[cells.map(lambda cell: not cell.endswith("]")).any(axis=1)]
    assert missing.empty


# The pages of the experiments ------------------------------------------------------------------


def test_a_run_s_table_takes_each_method_from_the_record_that_has_it(records):
    table = front.run_table(records, "013_public")
    assert table.loc["training rows", "% of real"] == "100"
    assert table.loc["Gaussian copula", "detection AUC"] == "–"
    copula = records.measured(
        "benchmark_other_packages.013_public.utility.replacement.gaussian_copula.rf.r2"
    )
    assert table.loc["Gaussian copula", "R² alone"] == copula.show(".2f")
    assert "second sample" not in table.index  # too few rows
    assert "second sample" in front.run_table(records, "011_public").index


def test_a_void_card_shows_no_attack(records):
    def spoil(values):
        values["cards"]["013_public"]["void"] = ["a copy passes"]

    change(records, "privacy", spoil)
    column = front.run_table(records, "013_public")["membership AUC"]
    assert set(column) == {"void", "–"}
    assert "void" not in set(front.run_table(records, "012_public")["membership AUC"])


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.1, 0.3, "the interval is above zero"),
        (-0.3, -0.1, "the interval is below zero"),
        (-0.1, 0.3, "the interval includes zero, so the two cannot be told apart"),
    ],
)
def test_the_sentences_of_a_run_follow_from_the_intervals(records, low, high, words):
    def set_difference(values):
        found = values["hybrid_minus"]["replacement"]["interpolation"]["rf"]
        found |= {"mean": (low + high) / 2, "low": low, "high": high}

    change(records, "013_public", set_difference)
    (sentence,) = [
        part
        for part in front.run_sentences(records, "013_public").split(". ")
        if part.startswith("HybridDiffusion's R² minus that of interpolation")
    ]
    assert sentence.endswith(words)


def test_the_figure_of_a_run_shows_the_methods_that_it_has(records):
    (ax,) = front.FIGURES["run_013_public"](records).axes
    shown = [label.get_text() for label in ax.get_yticklabels()]
    assert "Gaussian copula" in shown
    assert "second sample" not in shown  # too few rows
    assert set(front.FIGURES) == {"overview", *(f"run_{run}" for run, _, _ in runs())}


# The figure of the first page ------------------------------------------------------------------


def crosses(ax):
    lines = [line for line in ax.lines if line.get_marker() == "x"]
    assert {to_hex(line.get_color()) for line in lines} <= {BLACK}
    return [list(line.get_xdata()) for line in lines]


def test_the_overview_shows_the_study_s_figures_only_in_their_setting(records):
    *alone, added = front.overview(records).axes
    # Percent of the study's own figure for real rows; what is left of the axis stands at its edge.
    assert crosses(alone[0]) == [[0.02]]
    assert crosses(alone[1]) == [pytest.approx([100 * 0.39 / 0.55, 100])]
    assert crosses(alone[2]) == [[0.02], pytest.approx([87.3, 87.3])]
    assert "−60 (study)" in [text.get_text() for text in alone[2].texts]
    assert crosses(added) == [
        pytest.approx([100, 100]),
        pytest.approx([100 * 0.47 / 0.55, 100]),
        pytest.approx([100 * 0.64 / 0.65] * 2),
    ]


def test_the_overview_shows_every_method_that_the_text_speaks_of(records):
    ax = front.overview(records).axes[1]
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        LABELS[method] for method in front.SHOWN
    ]
    drawn = {line.get_ydata()[0] for line in ax.lines if line.get_marker() in ("o", "<")}
    assert len(drawn) == 2 * len(front.SHOWN)  # each on both sources
