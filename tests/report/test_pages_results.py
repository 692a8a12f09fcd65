"""Tables and figures of the results page show what the records hold, and name what they lack."""

import shutil
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from seds500.pages import results
from seds500.records import EXPERIMENTS, Measured, Records, runs, store, title

COMMITTED = Path(__file__).parents[2] / "records"


@pytest.fixture
def records(tmp_path):
    for path in COMMITTED.glob("*.json"):
        shutil.copy(path, tmp_path)
    return Records(tmp_path)


def change(records: Records, run: str, change) -> None:
    path = store.record_path(run, records.folder)
    contents = store.load(path)
    change(contents)
    store.save(contents, path)


# Look-ups ----------------------------------------------------------------------------------------


def test_every_run_has_a_title_and_experiments_come_in_order():
    assert [title(run) for run, _, _ in runs()][:4] == [
        "011, stand-in",
        "012, stand-in",
        "013, stand-in",
        "011, public table",
    ]


def test_a_value_without_bounds_stands_for_itself():
    assert Measured(0.5).span == (0.5, 0.5)
    assert Measured(0.5, 0.25, 0.75).span == (0.25, 0.75)


def test_what_is_not_a_value_with_bounds_is_named(records):
    with pytest.raises(store.RecordError, match=r"no value 011_public\.dataset\.'percent'"):
        records.measured("011_public.dataset", of="percent")


def test_asking_whether_a_value_exists_needs_its_record(records):
    assert records.has("011_public.utility.replacement.hybrid")
    assert not records.has("011_public.utility.replacement.nothing")
    with pytest.raises(store.RecordError, match="no record '011_private'"):
        records.has("011_private.utility")


def test_fidelity_has_the_interval_that_the_record_has(records):
    def remove(contents):
        del contents["values"]["fidelity_intervals"]

    change(records, "011_public", remove)
    assert records.fidelity("011_public", "hybrid", "ks").low is None
    interval = {"mean": 0.02, "low": 0.01, "high": 0.03}

    def add(contents):
        contents["values"]["fidelity_intervals"] = {"hybrid": {"ks": interval}}

    change(records, "011_public", add)
    assert records.fidelity("011_public", "hybrid", "ks") == Measured(0.02, 0.01, 0.03)


# Tables ------------------------------------------------------------------------------------------


def test_differences_carry_the_verdict_of_the_learner_behind_the_study_s_figure(records):
    def set_verdict(contents):
        rival = contents["values"]["hybrid_minus"]["replacement"]["smogn_extreme"]
        rival["gb"] = {"mean": -0.5, "low": -0.75, "high": -0.25, "verdict": "below"}

    change(records, "012_public", set_verdict)
    table = results.advantages(records, ["smogn_extreme"])
    assert table.loc["012, public table"].item() == "−0.50 [−0.75, −0.25] *below*"
    assert len(table) == 6


def test_what_is_kept_comes_from_the_run_or_from_the_benchmark_of_other_packages(records):
    found = {"rf": {"r2": {"percent": 50.0, "percent_low": 40.0, "percent_high": 60.0}}}
    found["gb"] = found["rf"]
    values = {run: {"utility": {"replacement": {"ctgan": found}}} for run, _, _ in runs()}
    path = Path(records.folder) / "benchmark_other_packages.json"
    store.save({"values": values}, path)
    table = results.kept(records, ["second_sample", "hybrid", "ctgan"])
    assert set(table["CTGAN"]) == {"50 [40, 60]"}
    assert table.loc["013, public table", "second sample"] == "–"
    share = records.share("012_public", "hybrid").show(".0f")
    assert table.loc["012, public table", "HybridDiffusion"] == share
    path.unlink()
    with pytest.raises(store.RecordError, match="no record 'benchmark_other_packages'"):
        results.kept(records, ["ctgan"])


def test_verdicts_on_twenty_splits_stand_beside_those_of_five(records):
    same, other, unknown = (
        {"mean": m, "low": m - 0.01, "high": m + 0.01} for m in (0.0, 0.2, -0.125)
    )
    for run, _, _ in runs():

        def set_verdict(contents):
            of = contents["values"]["hybrid_minus"]["replacement"]
            for method in ("interpolation", "gaussian"):
                of[method] = {key: {"verdict": "not told apart"} for key in ("rf", "gb")}

        change(records, run, set_verdict)
    minus = {
        "interpolation": dict.fromkeys(("rf", "gb"), same),
        "gaussian": dict.fromkeys(("rf", "gb"), same),
        "gaussian_copula": dict.fromkeys(("rf", "gb"), unknown),
    }
    scores = {"hybrid": {key: {"percent": 95, "percent_low": 94.5} for key in ("rf", "gb")}}
    for of in scores["hybrid"].values():
        of["percent_high"] = 95.25
    values = {run: {"hybrid_minus": minus, "scores": scores} for run, _, _ in runs()}
    path = store.record_path(results.SPLITS, records.folder)
    store.save({"values": values}, path)
    assert results.splits_reading(records) == "All 12 verdicts are those of five splits."
    values["013_public"] = {
        "hybrid_minus": minus | {"gaussian": dict.fromkeys(("rf", "gb"), other)},
        "scores": scores,
    }
    store.save({"values": values}, path)
    assert results.splits_reading(records) == (
        "Of 12 verdicts, 1 differs from that of five splits: from *not told apart* to *above* for "
        "Gaussian diffusion (013, public table)."
    )
    table = results.splits(records, ["gaussian", "gaussian_copula", "ctgan"])
    assert table.loc["013, public table"].tolist() == [
        "+0.200 [+0.190, +0.210] *above*",
        "−0.125 [−0.135, −0.115] *below*",
        "–",
    ]
    del values["011_public"]
    store.save({"values": values}, path)
    told = results.splits_reading(records)
    assert told.startswith("Of 10 verdicts, 1 differs")
    assert told.endswith(" Not run: 011, public table.")
    kept = results.splits_kept(records, ["hybrid", "ctgan"])
    assert kept.loc["011, stand-in"].tolist() == ["95.0 [94.5, 95.2]", "–"]


def test_copies_stand_beside_those_that_chance_gives(records):
    def set_copies(contents):
        contents["values"]["fidelity_intervals"]["hybrid"] |= {
            "copies_of_as_many": {"mean": 0.25},
            "copies_of_test": {"mean": 0.125},
        }

    change(records, "011_standin", set_copies)
    table = results.copies(records, ["hybrid"])
    assert table.loc["011, stand-in"].item() == "25.0% (12.5%)"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.004, "<0.01"), (0.25, "0.25"), (2.5, "2.5"), (12.5, "12"), (139.0, "139")],
)
def test_times_are_shown_in_digits_that_suit_them(records, seconds, shown):
    def set_times(contents):
        contents["timings"]["hybrid"] = {"fit": seconds, "sample": 1.0}

    change(records, "013_public", set_times)
    table = results.times(records, ["hybrid"])
    assert table.loc["013, public table", "HybridDiffusion"] == f"{shown} + 1.0"
    assert table.loc["013, public table", "training rows"] == "2,136"


def test_a_published_figure_stands_beside_its_share_of_real_rows():
    table = results.literature(Records(), "tabddpm_utility")
    assert table.loc["TabDDPM", "California"] == "0.836 · 98%"
    assert table.loc["real rows", "California"] == "0.857"


def test_published_tables_name_their_source_and_are_complete():
    related = Records().value("published.related_work")
    tables = {key: table for key, table in related.items() if isinstance(table, dict)}
    assert tables
    for table in tables.values():
        assert "arXiv" in table["source"]
        assert table["condition"]
        assert {len(row) for row in table["rows"].values()} == {len(table["columns"])}
        assert len(table["forms"]) == len(table["columns"])


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        (results.times, {"methods": ["gan"]}, "unknown method gan; known are"),
    ],
)
def test_what_a_table_cannot_show_is_named(table, options, message):
    with pytest.raises(ValueError, match=message):
        table(Records(COMMITTED), **options)


# Figures -----------------------------------------------------------------------------------------


def test_cost_is_shown_on_a_logarithmic_axis_without_methods_that_keep_nothing(records):
    figure = results.cost(records)
    assert [ax.get_xscale() for ax in figure.axes] == ["log", "log"]
    spent = records.value("013_standin.timings.hybrid")
    drawn = {
        (line.get_xdata()[0], line.get_ydata()[0])
        for line in figure.axes[0].lines
        if line.get_marker() == "D"
    }
    assert (spent["fit"] + spent["sample"], records.share("013_standin", "hybrid").value) in drawn
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "HybridDiffusion" in labels
    assert "SMOGN, synthetic rows only" not in labels


def test_leakage_has_a_point_for_every_method_of_the_report_cards(records):
    row = {"value": 0.7, "low": 0.65, "high": 0.75}
    card = {"void": [], "hybrid": {"membership": row}, "control_copy": {"membership": row}}
    cards = {run: card for run, _, _ in runs()}
    store.save({"values": {"cards": cards}}, Path(records.folder) / "privacy.json")
    figure = results.leakage(records)
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["HybridDiffusion", *EXPERIMENTS]
    points = [line for line in figure.axes[1].lines if line.get_marker() in "osD"]
    drawn = [(line.get_xdata()[0], line.get_ydata()[0]) for line in points]
    shares = [records.share(f"{name}_public", "hybrid").value for name in EXPERIMENTS]
    assert drawn == [(0.7, share) for share in shares]


def test_leakage_leaves_out_what_was_found_on_a_void_card(records):
    def points(figure) -> int:
        return sum(line.get_marker() in "osD" for ax in figure.axes for line in ax.lines)

    before = points(results.leakage(records))

    def spoil(contents):
        contents["values"]["cards"]["013_public"]["void"] = ["a copy passes"]

    n_methods = sum(
        records.has(f"013_public.utility.replacement.{method}")
        and records.share("013_public", method).value > 0
        for method in records.value("privacy.cards.013_public")
        if method in results.COLOURS
    )
    change(records, "privacy", spoil)
    assert points(results.leakage(records)) == before - n_methods


def test_the_dimension_has_a_line_for_every_arm_that_the_record_has(records):
    before = results.dimension(records)
    sweep = records.value("why_smogn_fails.sweep.irrelevant")
    assert [tick.get_text() for tick in before.axes[0].get_xticklabels()] == [
        str(sweep[end]["columns"]) for end in ("narrowest", "widest")
    ]

    def add(contents):
        for kind in contents["values"]["sweep"].values():
            for end in kind.values():
                end["noise_copy"] = end["interpolation"]

    change(records, "why_smogn_fails", add)
    after = results.dimension(records)
    n_before, n_after = (len(f.legends[0].get_texts()) for f in (before, after))
    assert n_after == n_before + 1


def test_figures_are_closed(records):
    results.cost(records)
    assert plt.get_fignums() == []
