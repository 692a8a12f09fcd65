"""The page of the model's benchmark: targets are judged by what the records hold."""

import copy

import pytest

from seds500.pages import benchmark
from seds500.records import Records, store

ARM = {
    "n": 2,
    **{f"{learner}_{k}": {"mean": 99.5} for learner in ("rf", "hgb", "ridge") for k in (1, 4)},
    "c2st": {"mean": 0.5},
    "near": {"mean": 0.5},
    "fit": {"mean": 15.0},
    "sample": {"mean": 1.0},
}
TABLE = {
    "n": 2,
    "shape": {"mean": 0.5},
    "trend": {"mean": 1.0},
    "trend_shared": {"mean": 1.5},
    "c2st": {"mean": 0.51},
    "mle": {"mean": 0.9},
    "mle_real": 0.95,
    "dcr": 0.5,
    "fit": {"mean": 50.0},
    "sample": {"mean": 2.0},
}
PUBLISHED = {
    "shape": 0.98,
    "trend": 0.97,
    "mle": 0.9,
    "xgb_detection": 0.8,
    "dcr": 0.51,
    "training_time": 1000.0,
    "sampling_time": 5.0,
}


@pytest.fixture
def values():
    """Records in which every target is met."""
    unseen = {"unseen": {"mean": 0.01}, "unseen_real": {"mean": 0.008}}
    ceiling = {**ARM, **{key: {"mean": 99.9, "sd": 0.1} for key in ARM if key.endswith("_4")}}
    arms = {"second_sample": ceiling, "hybrid": {**ARM, **unseen}, "gaussian": ARM}
    published = {
        metric: {
            m: dict.fromkeys(benchmark.FIELD_TABLES, v) for m in ("TabDiff", "TabPC", "TabSyn")
        }
        for metric, v in PUBLISHED.items()
    }
    fresh = {run: copy.deepcopy(arms) for run in benchmark.STANDINS}
    field = {name: copy.deepcopy(TABLE) for name in benchmark.FIELD_TABLES}
    dev = {name: {"hybrid": copy.deepcopy(ARM)} for name in ("casp", "concrete", "beijing_8000")}
    large = {"encode": 9.0, "fit": 50.0, "sample": 90.0, "gib": 2.0}
    return {
        benchmark.BENCHMARK: {
            "fresh": fresh,
            "diamonds": {"hybrid": copy.deepcopy(ARM)},
            "speed": {"large": large},
        },
        benchmark.FIELD: {"published": published, **field, **dev},
    }


def records(values, folder) -> Records:
    for name, of in values.items():
        store.save({"id": name, "values": of}, folder / f"{name}.json")
    return Records(folder)


def missed(values, folder) -> list[tuple[str, str]]:
    table = benchmark.targets(records(values, folder))
    return [(where, row.aim) for where, row in table.iterrows() if row[""] == "missed"]


def test_targets_that_are_all_met_leave_only_what_nobody_has_measured(values, tmp_path):
    table = benchmark.targets(records(values, tmp_path))
    assert set(table[""]) == {"met", "not measured", "not comparable"}
    (apart,) = table["aim"][table[""] == "not comparable"]
    assert apart.startswith("MLE at least TabDiff's")
    assert table.index[table[""] == "not measured"].tolist() == ["tables kept aside"]


@pytest.mark.parametrize(
    ("path", "value", "aim"),
    [
        (("benchmark_field", "adult", "shape", "mean"), 3.0, "shape error ≤ 0.95 %, mean"),
        (("benchmark_field", "magic", "c2st", "mean"), 0.6, "C2ST AUC ≤ 0.57, each"),
        (("benchmark_field", "default", "fit", "mean"), 95.0, "fit and draw ≤ 90 CPU s, each"),
        (("benchmark_field", "beijing", "dcr"), 0.53, "DCR share ≤ 0.52, each"),
        (("benchmark_field", "casp", "hybrid", "hgb_4", "mean"), 91.9, "R² kept ≥ 90 / 92 / 99 %"),
        (("benchmark_field", "concrete", "hybrid", "near", "mean"), 0.57, "nearest share ≤ 0.56"),
        (("benchmark_diffusion", "diamonds", "hybrid", "fit", "mean"), 119.5, "fit and draw ≤ 120"),
        (("benchmark_diffusion", "speed", "large", "fit"), 61.0, "fit ≤ 60 CPU s"),
        (
            ("benchmark_diffusion", "fresh", "013_standin", "hybrid", "unseen", "mean"),
            0.02,
            "unseen pairs ≤ 2 × those of real rows",
        ),
        (
            ("benchmark_diffusion", "fresh", "012_standin", "hybrid", "c2st", "mean"),
            0.44,
            "C2ST AUC .45 to .55",
        ),
    ],
)
def test_a_figure_beyond_its_aim_is_missed_and_stands_first(values, tmp_path, path, value, aim):
    *parents, last = path
    inner = values
    for key in parents:
        inner = inner[key]
    inner[last] = value
    found = missed(values, tmp_path)
    assert any(words.startswith(aim) for _, words in found)
    assert benchmark.targets(Records(tmp_path)).iloc[0][""] == "missed"


def test_within_a_standard_deviation_of_a_second_sample_is_enough(values, tmp_path):
    arms = values["benchmark_diffusion"]["fresh"]["013_standin"]
    arms["hybrid"]["rf_4"]["mean"] = 95.0
    assert len(missed(values, tmp_path)) == 1
    arms["second_sample"]["rf_4"] = {"mean": 96.0, "sd": 1.5}
    assert missed(values, tmp_path) == []


def test_less_is_better_for_the_error_on_beijing(values, tmp_path):
    field = values["benchmark_field"]
    for name in benchmark.FIELD_TABLES:
        field[name]["mle"]["mean"] = 0.95
    aim = "MLE at least TabDiff's, mean rank"
    shown = benchmark.targets(records(values, tmp_path)).set_index("aim")
    assert shown.loc[aim, "measured"] == "ahead on 4 of 5"


def test_what_is_not_in_a_record_is_called_not_measured(values, tmp_path):
    del values["benchmark_field"]["casp"], values["benchmark_field"]["magic"]
    table = benchmark.targets(records(values, tmp_path))
    assert table.loc["casp, 16,000 rows", ""].eq("not measured").all()
    assert "4 of the five field tables" in table.index


def test_fits_of_the_former_model_do_not_count(values, tmp_path):
    former = {"rf": {"percent": 99.0}, "c2st": {"mean": 0.5}, "fit": 1.0, "sample": 1.0}
    values["benchmark_diffusion"]["diamonds"]["hybrid"] = former
    found = records(values, tmp_path)
    assert benchmark.diamonds(found).to_numpy().tolist() == [["not run"]]
    judged = benchmark.targets(found).loc["diamonds, all rows", ""]
    assert judged.eq("not measured").all()
