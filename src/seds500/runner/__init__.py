"""Running notebooks with parameters, once or in sweeps."""
