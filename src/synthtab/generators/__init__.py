"""Reference generators and published rivals, all under one contract: `fit` and `sample`."""
