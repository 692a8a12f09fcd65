"""Tables and the figure of the literature, from records that are made up."""

import pytest

from seds500.comparisons import FIELD, FIELD_TABLES, LITERATURE
from seds500.pages import literature
from seds500.records import Records, store


def mean(value: float) -> dict[str, float]:
    return {"mean": value, "low": value - 0.1, "high": value + 0.1}


def measured(shape: float, n: int = 1, **more: float) -> dict:
    keys = {"shape": shape, "trend": 2 * shape, "trend_shared": 1.5, "c2st": 0.55, "mle": 0.9}
    keys |= {"fit": 100.0, "sample": 20.0}
    return {"n": n, "mle_real": 0.93, **{k: mean(v) for k, v in keys.items()}, **more}


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
    assert table.loc["TabSyn, published", ["mean rank", "seconds"]].tolist() == ["3.5", "1,005"]
    assert "TabSyn, here" not in table.index


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
