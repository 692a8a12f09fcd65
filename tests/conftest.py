"""Set-up shared by all tests."""

import torch

# One thread, as in the experiments: sums are added in one order, and tests do not crowd each other.
torch.set_num_threads(1)
