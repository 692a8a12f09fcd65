"""Every record says what made it, and pages show it."""

from pathlib import Path

import pytest

from seds500.pages import provenance
from seds500.pages.provenance import UNKNOWN
from seds500.records import Records, save

ROOT = Path(__file__).parents[2]
COMMITTED = Records(ROOT / "records")


def origins(name: str) -> list[dict]:
    made = COMMITTED.value(f"{name}.provenance")
    return list(made["parts"].values()) if "parts" in made else [made]


# Of before records held a commit; each is taken off this list when it is made again.
OLDER = (
    "benchmark_anonymeter",
    "benchmark_dp_baseline",
    "benchmark_other_packages",
    "benchmark_sharing_size",
    "benchmark_smogn_package",
)
NAMES = [
    pytest.param(name, marks=pytest.mark.xfail(strict=True, raises=KeyError))
    if name in OLDER
    else name
    for name in COMMITTED.names()
]


@pytest.mark.parametrize("name", NAMES)
def test_every_committed_record_is_of_a_clean_commit_and_names_its_machine(name):
    for made in origins(name):
        assert made["dirty"] is False
        assert len(made["commit"]) == 40
        assert made["cpu"]
        assert made["versions"]["python"]


def test_every_part_of_the_benchmark_of_the_model_names_its_origin():
    values = COMMITTED.value("benchmark_diffusion")
    parts = {key for key, value in values.items() if isinstance(value, dict)}
    without = parts - COMMITTED.value("benchmark_diffusion.provenance.parts").keys()
    assert without == {"fresh_tabddpm"}  # older than this rule; empty when it is made again


@pytest.fixture
def some(tmp_path):
    """A run with its origin, an older one, and a benchmark of two parts."""
    made = {"commit": "a" * 40, "cpu": "X 1", "started": "2026-01-02T03:04:05Z"}
    new = made | {"wall_seconds": 1234.5, "versions": {"numpy": "2", "python": "3"}}
    old = {"packages": {"numpy": "1"}, "python": "3"}
    parts = {"parts": {"b": made, "a": {}}}
    for name, origin in {"new": new, "old": old, "benchmark_x": parts}.items():
        save({"values": {"a": 1}, "provenance": origin}, tmp_path / f"{name}.json")
    return Records(tmp_path)


def test_the_runs_are_listed_with_what_all_of_them_take(some):
    table = provenance.runs(some)
    assert table.index.tolist() == ["new", "old", "all, one after the other"]
    day = "2026\u201101\u201102"
    assert table.loc["new"].tolist() == [day, "1,234", "`aaaaaaaaaa`", "X 1", "A"]
    assert table.loc["old"].tolist() == [*[UNKNOWN] * 4, "B"]
    total = table["seconds"].iloc[-1]
    assert total == "1,234, which is 21 minutes, and 1 not recorded"


def test_each_part_of_a_benchmark_has_a_line(some):
    table = provenance.benchmarks(some)
    assert table.index.tolist() == ["benchmark_x, a", "benchmark_x, b"]
    assert table.loc["benchmark_x, a"].tolist() == [UNKNOWN] * 5
    assert table.loc["benchmark_x, b", "commit"] == "`aaaaaaaaaa`"


def test_each_set_of_versions_is_spelt_out_once(some):
    assert provenance.versions(some)["packages"].to_dict() == {
        "A": "python 3, numpy 2",
        "B": "python 3, numpy 1",
    }
