"""The chapter on the diffusion: what is computed (`evidence`), and what is drawn (`pictures`)."""
