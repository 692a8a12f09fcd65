"""Scores of a synthetic table: utility, fidelity, and comparisons over several splits."""
