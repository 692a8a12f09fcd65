"""What `synthtab share` made of tables from elsewhere: outcome, time and memory of each."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from seds500.records import Records


def shared_public(records: Records) -> pd.DataFrame:
    """Public tables shared with the defaults and, where those refuse, as the message says."""
    return _calls(records, "benchmark_sharing_public.public")


def shared_cases(records: Records) -> pd.DataFrame:
    """Difficult tables, each of which was once shared wrongly, refused without a reason or lost."""
    return _calls(records, "benchmark_sharing_cases.cases")


def _calls(records: Records, key: str) -> pd.DataFrame:
    return pd.DataFrame(_rows(records, key)).set_index("table")


def _rows(records: Records, key: str) -> Iterator[dict[str, str]]:
    for table, calls in sorted(records.value(key).items()):
        for call in calls:
            size = f"{call['rows']:,} × {call['columns']}" if "rows" in call else None
            yield {
                "table": table.replace("_", " "),
                **({"rows × columns": size} if size else {}),
                "call": f"`{call['call']}`",
                "outcome": call["outcome"],
                "CPU s": f"{call['cpu_seconds']:.0f}",
                "peak, MB": f"{call['peak_mb']:,}",
            }
