"""The report of SEDS500: its tables, runs, claims and pages. Not part of the library `synthtab`."""
