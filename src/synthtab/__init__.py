"""Synthetic mixed-type tables: hybrid diffusion, SMOGN, reference generators and their evaluation.

A table passes through the modules in this order: `schema`, `encoding`, `diffusion`, `denoiser`,
`synthesizer` (or `tabddpm`, `smogn`, `baselines`), `evaluation`, `protocol`, `results`, and so to
a page.
"""

from synthtab.diffusion.model_file import load_model, save_model
from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.dp.budget import Guarantee, Privacy
from synthtab.evaluation.fidelity import fidelity
from synthtab.evaluation.utility import tstr
from synthtab.generators.reference import Bootstrap, IndependentMarginals, Interpolation, NoiseCopy
from synthtab.generators.tabddpm.model import TabDDPM
from synthtab.smogn.resample import SMOGN, SMOGNSynthesizer
from synthtab.table.encoding import TableEncoder
from synthtab.table.schema import Schema
from synthtab.table.split import Dataset

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
    "load_model",
    "save_model",
    "tstr",
]
