"""The tables of the experiments 011 to 013: stand-ins, public tables, and files of an owner."""

from seds500.data.tables import DataCard, StudyTable, fingerprint, load

__all__ = ["DataCard", "StudyTable", "fingerprint", "load"]
