"""What a run leaves: its record, where that comes from, and how a page reads it."""

from seds500.records.committed import (
    EXPERIMENTS,
    SOURCES,
    STUDY_LEARNER,
    Measured,
    Records,
    pipe_table,
    reported,
    runs,
    title,
)
from seds500.records.provenance import Run, UncleanError
from seds500.records.store import (
    RecordError,
    differences,
    extract,
    load,
    lookup,
    numbers_of,
    record,
    record_path,
    save,
)

__all__ = [
    "EXPERIMENTS",
    "SOURCES",
    "STUDY_LEARNER",
    "Measured",
    "RecordError",
    "Records",
    "Run",
    "UncleanError",
    "differences",
    "extract",
    "load",
    "lookup",
    "numbers_of",
    "pipe_table",
    "record",
    "record_path",
    "reported",
    "runs",
    "save",
    "title",
]
