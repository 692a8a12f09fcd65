"""Set-up shared by all tests."""

import torch
from hypothesis import HealthCheck, settings

# How long a machine takes to make an input says nothing about the code.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

# One thread, as in the experiments: sums are added in one order, and tests do not crowd each other.
torch.set_num_threads(1)
