"""HybridDiffusion: the noising process, the network, its training, and the generator."""
