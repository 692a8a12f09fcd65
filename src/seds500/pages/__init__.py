"""The tables, figures and sentences of the report, a module for each page."""
