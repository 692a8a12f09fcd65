"""Synthetic tables of numbers and categories: how to make them, and how to judge them.

A `Schema` says what a table is (`synthtab.table`). Generators learn it and draw rows: diffusion
(`synthtab.diffusion`), with a guarantee where one is asked for (`synthtab.dp`), resampling
(`synthtab.smogn`), reference generators and published rivals (`synthtab.generators`). Whether the
rows are useful and like the real ones is for `synthtab.evaluation`, whether they give anyone away
for `synthtab.attacks`; `synthtab.sharing` does all of it for one file.

Names are imported when they are first asked for, since torch and scikit-learn take seconds.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synthtab.diffusion.gaussian import GaussianHybridDiffusion
    from synthtab.diffusion.model_file import load_model, save_model
    from synthtab.diffusion.synthesizer import HybridDiffusion
    from synthtab.dp.budget import Guarantee, Privacy
    from synthtab.evaluation.compare import compare, paired_difference, summarise
    from synthtab.evaluation.fidelity import fidelity
    from synthtab.evaluation.utility import tstr
    from synthtab.generators.reference import (
        Bootstrap,
        IndependentMarginals,
        Interpolation,
        NoiseCopy,
        SecondSample,
    )
    from synthtab.generators.stasy import STaSy
    from synthtab.generators.tabddpm.model import TabDDPM
    from synthtab.generators.tabdiff import TabDiff
    from synthtab.generators.tabsyn import TabSyn
    from synthtab.generators.with_relations import WithRelations
    from synthtab.sharing.share import share
    from synthtab.smogn.resample import SMOGN, SMOGNSynthesizer
    from synthtab.table.encoding import TableEncoder
    from synthtab.table.example import example_table
    from synthtab.table.relation_search import find_relations
    from synthtab.table.relations import (
        Combination,
        Dependence,
        EmptyWhen,
        Order,
        Range,
        Sum,
    )
    from synthtab.table.schema import Schema
    from synthtab.table.split import Dataset

__all__ = [
    "SMOGN",
    "Bootstrap",
    "Combination",
    "Dataset",
    "Dependence",
    "EmptyWhen",
    "GaussianHybridDiffusion",
    "Guarantee",
    "HybridDiffusion",
    "IndependentMarginals",
    "Interpolation",
    "NoiseCopy",
    "Order",
    "Privacy",
    "Range",
    "SMOGNSynthesizer",
    "STaSy",
    "Schema",
    "SecondSample",
    "Sum",
    "TabDDPM",
    "TabDiff",
    "TabSyn",
    "TableEncoder",
    "WithRelations",
    "compare",
    "example_table",
    "fidelity",
    "find_relations",
    "load_model",
    "paired_difference",
    "save_model",
    "share",
    "summarise",
    "tstr",
]

_MODULES = {
    "diffusion.gaussian": ("GaussianHybridDiffusion",),
    "diffusion.model_file": ("load_model", "save_model"),
    "diffusion.synthesizer": ("HybridDiffusion",),
    "dp.budget": ("Guarantee", "Privacy"),
    "evaluation.compare": ("compare", "paired_difference", "summarise"),
    "evaluation.fidelity": ("fidelity",),
    "evaluation.utility": ("tstr",),
    "generators.reference": (
        "Bootstrap", "IndependentMarginals", "Interpolation", "NoiseCopy", "SecondSample",
    ),
    "generators.stasy": ("STaSy",),
    "generators.tabddpm.model": ("TabDDPM",),
    "generators.tabdiff": ("TabDiff",),
    "generators.tabsyn": ("TabSyn",),
    "generators.with_relations": ("WithRelations",),
    "sharing.share": ("share",),
    "smogn.resample": ("SMOGN", "SMOGNSynthesizer"),
    "table.encoding": ("TableEncoder",),
    "table.example": ("example_table",),
    "table.relation_search": ("find_relations",),
    "table.relations": ("Combination", "Dependence", "EmptyWhen", "Order", "Range", "Sum"),
    "table.schema": ("Schema",),
    "table.split": ("Dataset",),
}  # fmt: skip


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
