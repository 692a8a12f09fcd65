"""Synthetic mixed-type tables: hybrid diffusion, SMOGN, reference generators and their evaluation.

A table passes through the modules in this order: `schema`, `encoding`, `diffusion`, `denoiser`,
`synthesizer` (or `tabddpm`, `smogn`, `baselines`), `evaluation`, `protocol`, `results`, and so to
a page.
"""

from synthtab.baselines import Bootstrap, IndependentMarginals, Interpolation, NoiseCopy
from synthtab.datasets import Dataset, load
from synthtab.encoding import TableEncoder
from synthtab.evaluation import fidelity, tstr
from synthtab.persistence import load_model, save_model
from synthtab.privacy_budget import Guarantee, Privacy
from synthtab.schema import Schema
from synthtab.smogn import SMOGN, SMOGNSynthesizer
from synthtab.synthesizer import HybridDiffusion
from synthtab.tabddpm import TabDDPM

__all__ = [
    "SMOGN",
    "Bootstrap",
    "Dataset",
    "Guarantee",
    "HybridDiffusion",
    "IndependentMarginals",
    "Interpolation",
    "NoiseCopy",
    "Privacy",
    "SMOGNSynthesizer",
    "Schema",
    "TabDDPM",
    "TableEncoder",
    "fidelity",
    "load",
    "load_model",
    "save_model",
    "tstr",
]
