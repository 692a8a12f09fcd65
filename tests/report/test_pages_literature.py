"""Tables and the figure of the literature, from records that are made up."""

import pytest

from seds500.comparisons import FIELD, FIELD_TABLES, LITERATURE, OTHER_PACKAGES
from seds500.pages import literature
from seds500.records import Records, store


def mean(value: float) -> dict[str, float]:
    return {"mean": value, "low": value - 0.1, "high": value + 0.1}


def measured(shape: float, n: int = 1, **more: float) -> dict:
    keys = {"shape": shape, "trend": 2 * shape, "trend_shared": 1.5, "c2st": 0.55, "mle": 0.9}
    keys |= {"fit": 100.0, "sample": 20.0}
    return {
        "n": n,
        "n_train": 10_000,
        "mle_real": 0.93,
        **{k: mean(v) for k, v in keys.items()},
        **more,
    }


def arm(percent: float, fit: float) -> dict:
    share = {"percent": percent, "percent_low": percent - 2, "percent_high": percent + 2}
    learners = {key: {"mean": 0.6, **share} for key in ("rf", "gb", "hgb", "ridge")}
    return {**learners, "c2st": mean(0.6), "fit": fit, "sample": 1.0}


@pytest.fixture
def found(tmp_path) -> Records:
    published = {
        "shape": 0.98, "trend": 0.97, "mle": 0.9, "xgb_detection": 0.8, "dcr": 0.51,
        "training_time": 1000.0, "sampling_time": 5.0,
    }  # fmt: skip
    field = {
        "published": {
            key: {method: dict.fromkeys(FIELD_TABLES, value) for method in literature.PUBLISHED}
            for key, value in published.items()
        },
        **{table: measured(1.0, n=5, dcr=0.5) for table in FIELD_TABLES},
        "magic_tabsyn": measured(4.0),
    }
    runs = {"013_standin_hybrid": arm(95, 16), "013_standin_arf": arm(80, 4)}
    budget = {f"steps_{n}": arm(n / 100, n / 50) for n in (5000, 1000)}
    store.save({"id": FIELD, "values": field}, tmp_path / f"{FIELD}.json")
    values = {**runs, "budget_tabsyn": budget, "budget_hybrid": {"steps_auto": arm(95, 12)}}
    store.save({"id": LITERATURE, "values": values}, tmp_path / f"{LITERATURE}.json")
    return Records(tmp_path)


def test_published_figures_are_shown_as_errors_and_areas(found):
    table = literature.field(found)
    published = table.loc["adult: TabDiff, published"].tolist()
    assert published == ["2.00", "3.00", "0.600", "0.900", "0.510", "1,005"]
    here = table.loc["adult: HybridDiffusion, 5 fitted here"]
    assert here["trend error, %"] == "2.00 (1.50)"
    assert here["MLE"] == "0.900 (real 0.930)"
    assert table.loc["magic: TabSyn, 1 fitted here", "DCR share"] == "–"


def test_ranks_are_within_tables_of_methods_that_have_all_of_them(found):
    table = literature.field_means(found)
    assert table.index[0] == "HybridDiffusion, here"
    assert table.loc["HybridDiffusion, here", "mean rank"] == "1.0"
    assert table.loc["TabSyn, published", ["mean rank", "seconds"]].tolist() == ["4.5", "1,005"]
    assert "TabSyn, here" not in table.index


def test_leaders_of_the_means_are_named_and_where_ours_is_last(found, tmp_path):
    assert literature.field_leaders(found) == (
        "HybridDiffusion has the smallest mean error of single columns and HybridDiffusion has the "
        "smallest mean error of pairs. HybridDiffusion has the best mean rank."
    )
    record = store.load(tmp_path / f"{FIELD}.json")
    record["values"]["default"]["trend"] = mean(40.0)
    record["values"]["published"]["shape"]["TabPC"] = dict.fromkeys(FIELD_TABLES, 0.999)
    store.save(record, tmp_path / f"{FIELD}.json")
    told = literature.field_leaders(found)
    assert "TabPC as published has the smallest mean error of single columns" in told
    assert told.endswith("HybridDiffusion has the largest error of pairs of all on default.")


def test_who_still_improves_follows_from_the_last_two_budgets(found, tmp_path):
    assert literature.budgets_reading(found) == (
        "On this split the last steps still improve R² kept of TabSyn. These models are short of "
        "what they can reach, and the tables above do not rank them."
    )
    record = store.load(tmp_path / f"{LITERATURE}.json")
    steps = {"steps_1": arm(90, 1), "steps_2": arm(90, 2)}
    record["values"]["budget_tabddpm"] = steps
    nearer = {"steps_1": arm(90, 1), "steps_2": arm(91, 2) | {"c2st": mean(0.45)}}
    record["values"]["budget_stasy"] = nearer
    store.save(record, tmp_path / f"{LITERATURE}.json")
    assert literature.budgets_reading(found) == (
        "On this split the last steps still improve R² kept of TabSyn; R² kept and detection of "
        "STaSy. These models are short of what they can reach, and the tables above do not rank "
        "them. They improve neither R² nor detection of TabDDPM."
    )


def test_rivals_are_those_that_were_run(found):
    table = literature.rivals(found)
    assert list(table.index) == [
        "013, stand-in: HybridDiffusion",
        "013, stand-in: adversarial random forest",
    ]
    assert table.iloc[1].tolist()[-2:] == ["0.60 [0.50, 0.70]", "5"]


def test_budgets_are_lines_in_the_order_of_time(found):
    axes = literature.budgets(found).axes
    lines = [line for line in axes[0].lines if line.get_label() in ("TabSyn", "HybridDiffusion")]
    assert [list(line.get_xdata()) for line in lines] == [[13.0], [21.0, 101.0]]
    assert list(lines[1].get_ydata()) == [10.0, 50.0]


def test_each_generator_has_one_cell_a_table_from_the_first_record_that_knows_it(found, tmp_path):
    def record(n_seeds: int, **percent: float) -> dict:
        arms = {key: arm(value, 40.0) for key, value in percent.items()}
        return {
            "dataset": {"n_seeds": n_seeds},
            "utility": {"replacement": {k: {"rf": {"r2": of["rf"]}} for k, of in arms.items()}},
            "timings": {k: {"fit": of["fit"], "sample": of["sample"]} for k, of in arms.items()},
        }

    run = record(5, hybrid=90, tabddpm=70)
    spent = run.pop("timings")
    store.save({"values": run, "timings": spent}, tmp_path / "013_standin.json")
    others = {"013_standin": record(3, ctgan=14), "012_standin": record(5, ctgan=20)}
    store.save({"values": others}, tmp_path / f"{OTHER_PACKAGES}.json")
    standins, public = (
        literature.side_by_side(found, source).replace("\N{NO-BREAK SPACE}", " ", regex=True)
        for source in ("standin", "public")
    )
    column = standins["013"]
    assert column["HybridDiffusion"] == "90 [88, 92]*; 41 s"
    assert column["adversarial random forest"] == "80 [78, 82]; 5 s"
    assert column["TabDDPM"] == "70 [68, 72]*; 41 s"
    assert column["CTGAN"] == "14 [12, 16]; 41 s"
    assert column["TabSyn"] == "not run"
    assert standins.loc["CTGAN", "012"] == "20 [18, 22]*; 41 s"
    assert set(public["011"]) == {"not run"}


def test_what_was_run_and_what_was_not_follows_from_the_record(found, tmp_path):
    def add(*parts: str, seconds: float = 99.0) -> str:
        record = store.load(tmp_path / f"{LITERATURE}.json")
        record["values"] |= {part: arm(80, seconds) for part in parts}
        store.save(record, tmp_path / f"{LITERATURE}.json")
        return literature.rivals_run(found)

    for run, _, _ in literature.runs():
        store.save({"values": {"dataset": {"n_train": 2000}}}, tmp_path / f"{run}.json")
    said = add("013_standin_stasy", "013_public_stasy", "013_standin_tabsyn", "013_standin_tvae")
    assert said.startswith("TabSyn ran on the stand-in of 013; STaSy ran on 013. They take 100 s ")
    assert "see 4.1 to 15.4 % of the published number" in said
    assert "STaSy on 011 and 012; TabDiff on all six tables." in said
    assert said.endswith("TVAE was tried on the stand-in of 013 only.")
    every = [f"{run}_{m}" for run, _, _ in literature.runs() for m in (*literature.PASSES, "tvae")]
    said = add(*every, seconds=199.0)
    assert said.startswith("TabSyn, STaSy and TabDiff ran on all six tables. They take 200 s ")
    assert "Not run" not in said
    assert "TVAE" not in said


def test_a_published_figure_that_is_better_is_said_first(found, tmp_path):
    said = literature.field_rivals(found)
    # Published are 2 and 3 %; here 4 and 8 %.
    assert said.startswith("The published errors are smaller for TabSyn (single columns and pairs ")
    assert "The errors measured here" not in said
    assert "TabSyn takes 4,500 steps of 256 rows here, 0.8 % of the rows" in said
    assert "TabSyn on adult, default, shoppers and beijing" in said
    table = literature.field_budgets(found)
    row = ["0.8", "4.0 / 2.0", "8.0 / 3.0", "0.55 / 0.60", "0.900 / 0.900", "120 / 1,005"]
    assert table.loc["TabSyn: magic"].tolist() == row
    record = store.load(tmp_path / f"{FIELD}.json")
    record["values"] |= {
        f"{table}_{method}": measured(1.0) for table in FIELD_TABLES for method in literature.PEERS
    }
    store.save(record, tmp_path / f"{FIELD}.json")
    said = literature.field_rivals(found)
    assert said.startswith("The errors measured here are not larger for TabSyn (single columns ")
    assert "Not run" not in said


def test_published_figures_ahead_of_hybrid_diffusion_are_named_by_table(found, tmp_path):
    assert literature.published_better(found).startswith(
        "Published errors of single columns are smaller for none. Published errors of pairs are "
        "smaller for none. Published MLE, of another learner, is better for none. "
    )
    record = store.load(tmp_path / f"{FIELD}.json")
    published = record["values"]["published"]
    published["shape"]["TabPC"] = dict.fromkeys(FIELD_TABLES, 0.98) | {"default": 0.9999}
    published["mle"]["STaSy"] = dict.fromkeys(FIELD_TABLES, 0.9) | {"beijing": 0.5, "adult": 0.8}
    store.save(record, tmp_path / f"{FIELD}.json")
    said = literature.published_better(found)
    assert "errors of single columns are smaller for TabPC (default)." in said
    assert "MLE, of another learner, is better for STaSy (beijing)." in said
