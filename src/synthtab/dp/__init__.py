"""Differential privacy: budget, accounting, encoding, and training with noise (DP-SGD)."""
