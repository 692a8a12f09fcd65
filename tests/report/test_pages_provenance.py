"""Every record says what made it, and pages show it."""

from pathlib import Path

import pytest

from seds500.pages.provenance import UNKNOWN, provenance
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


def test_a_table_lists_each_record_and_each_part_of_a_benchmark(tmp_path):
    made = {"commit": "a" * 40, "cpu": "X 1", "started": "2026-01-02T03:04:05Z"}
    save({"values": {"a": 1}, "provenance": made | {"wall_seconds": 1234.5}}, tmp_path / "run.json")
    save(
        {"values": {"a": 1}, "provenance": {"parts": {"b": made, "a": {}}}}, tmp_path / "bench.json"
    )
    table = provenance(Records(tmp_path))
    assert table.index.tolist() == ["bench, a", "bench, b", "run"]
    assert table.loc["run"].tolist() == ["2026-01-02", "`aaaaaaaaaa`", "X 1", "1,234"]
    assert table.loc["bench, a"].tolist() == [UNKNOWN] * 4
    assert table.loc["bench, b", "seconds"] == UNKNOWN
