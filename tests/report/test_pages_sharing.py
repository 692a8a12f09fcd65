"""Tables of what `share` made of others' files: one line for each call, as the record has it."""

from seds500.pages import sharing_benchmarks
from seds500.records import Records, store


def test_each_call_has_a_line_with_its_outcome(tmp_path):
    refused = {"call": "share", "outcome": "refused", "cpu_seconds": 3.4, "peak_mb": 1400}
    released = refused | {"call": "share --drop name", "outcome": "released"}
    sized = {"rows": 12_000, "columns": 4}
    store.save(
        {
            "id": "benchmark_sharing_public",
            "values": {
                "public": {"b": [refused | sized, released | sized], "a": [released | sized]}
            },
        },
        tmp_path / "benchmark_sharing_public.json",
    )
    table = sharing_benchmarks.shared_public(Records(tmp_path))
    assert table.index.tolist() == ["a", "b", "b"]
    assert table.outcome.tolist() == ["released", "refused", "released"]
    assert table.iloc[1].to_dict() == {
        "rows × columns": "12,000 × 4",
        "call": "`share`",
        "outcome": "refused",
        "CPU s": "3",
        "peak, MB": "1,400",
    }


def test_the_committed_records_hold_what_was_asked_for():
    records = Records()
    assert sharing_benchmarks.shared_cases(records).index.nunique() == 21
    assert sharing_benchmarks.shared_public(records).index.nunique() >= 10
