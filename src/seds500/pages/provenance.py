"""Which commit and which machine made each record, and how long it took."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from seds500.records import Records

UNKNOWN = "not recorded"


def provenance(records: Records) -> pd.DataFrame:
    """Every committed record, with its commit, processor, date and duration.

    Parameters
    ----------
    records : Records

    Returns
    -------
    DataFrame of str
        A row for each record, and for each part of a benchmark whose parts are made one by one.
    """
    rows = {
        run: {
            "date": made["started"][:10] if "started" in made else UNKNOWN,
            "commit": f"`{made['commit'][:10]}`" if made.get("commit") else UNKNOWN,
            "processor": made.get("cpu", UNKNOWN),
            "seconds": f"{made['wall_seconds']:,.0f}" if "wall_seconds" in made else UNKNOWN,
        }
        for run, made in _origins(records)
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(index="record")


def _origins(records: Records) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in records.names():
        made = records.value(f"{name}.provenance")
        parts = made.get("parts")
        if parts is None:
            yield name, made
            continue
        for part, of in sorted(parts.items()):
            yield f"{name}, {part}", of
