"""The methods and learners that the report compares, and what its pages call them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from synthtab.diffusion.gaussian import GaussianHybridDiffusion
from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.evaluation.compare import REAL
from synthtab.evaluation.utility import REGRESSORS
from synthtab.generators.contract import Generator
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
from synthtab.smogn.resample import SMOGNSynthesizer
from synthtab.table.split import Dataset

SECOND_SAMPLE = "second_sample"

METHOD_LABELS: Mapping[str, str] = {
    REAL: "training rows",
    SECOND_SAMPLE: "second sample",
    "hybrid": "HybridDiffusion",
    "gaussian": "Gaussian diffusion",
    "tabddpm": "TabDDPM",
    "tabsyn": "TabSyn",
    "stasy": "STaSy",
    "tabdiff": "TabDiff",
    "smogn_balance": "SMOGN, balance",
    "smogn_extreme": "SMOGN, extreme",
    "smogn_extreme_synthetic": "SMOGN, synthetic rows only",
    "interpolation": "interpolation only",
    "noise_copy": "noise copy",
    "bootstrap": "bootstrap",
    "marginals": "independent marginals",
}
"""What the methods are called on a page."""

OPTIONAL = ("tabsyn", "stasy", "tabdiff")
"""Methods that train for minutes on each split, and are compared only when they are asked for."""

STUDY_REGRESSORS: Mapping[str, Any] = {name: REGRESSORS[name] for name in ("rf", "gb", "ridge")}
"""The learners of the original study."""


def methods(
    dataset: Dataset,
    *,
    n_iter: int | Literal["auto"] = "auto",
    k: int = 5,
    without: Iterable[str] = (),
    also: Iterable[str] = (),
) -> dict[str, Generator]:
    """Generators of the comparison, unfitted, by their keys in `METHOD_LABELS`.

    Parameters
    ----------
    dataset : Dataset
        The table; its reserve, where there is one, becomes the second real sample.
    n_iter : int or "auto", default="auto"
        Training steps of the diffusion models; "auto" is each one's default.
    k : int, default=5
        Neighbours of SMOGN and of the interpolation.
    without : iterable of str, default=()
        Methods to leave out.
    also : iterable of str, default=()
        Methods of `OPTIONAL` to take in.

    Returns
    -------
    dict of str to Generator

    Raises
    ------
    ValueError
        If a method to leave out is unknown, or one to take in is not optional, or `without` or
        `also` is text.

    Examples
    --------
    >>> from seds500.data import load
    >>> list(methods(load("013"), without=["hybrid"]))
    ['second_sample', 'gaussian', 'tabddpm', ...]
    """
    generators: dict[str, Generator] = {
        "hybrid": HybridDiffusion(n_iter=n_iter),
        "gaussian": GaussianHybridDiffusion(n_iter=n_iter),
        "tabddpm": TabDDPM() if n_iter == "auto" else TabDDPM(n_iter=n_iter),
        "tabsyn": TabSyn() if n_iter == "auto" else TabSyn(n_iter=n_iter, n_iter_vae=n_iter),
        "stasy": STaSy() if n_iter == "auto" else STaSy(n_iter=n_iter),
        "tabdiff": TabDiff() if n_iter == "auto" else TabDiff(n_iter=n_iter),
        "smogn_balance": SMOGNSynthesizer(samp_method="balance", k=k),
        "smogn_extreme": SMOGNSynthesizer(samp_method="extreme", k=k),
        "smogn_extreme_synthetic": SMOGNSynthesizer(samp_method="extreme", part="synthetic", k=k),
        "interpolation": Interpolation(k=k),
        "noise_copy": NoiseCopy(),
        "bootstrap": Bootstrap(),
        "marginals": IndependentMarginals(),
    }
    if dataset.reserve is not None:
        generators[SECOND_SAMPLE] = SecondSample(dataset.reserve)
    for name, given, example in (("without", without, "tabddpm"), ("also", also, "tabsyn")):
        if isinstance(given, str):
            raise ValueError(f"{name} is the text {given!r}; give a list, such as [{example!r}]")
    left_out, taken_in = set(without), set(also)
    if unknown := sorted(left_out - METHOD_LABELS.keys() | left_out & {REAL}):
        raise ValueError(f"without {unknown}: methods are {sorted(METHOD_LABELS.keys() - {REAL})}")
    if unknown := sorted(taken_in - set(OPTIONAL)):
        raise ValueError(f"also {unknown}: optional methods are {list(OPTIONAL)}")
    left_out |= set(OPTIONAL) - taken_in
    return {key: generators[key] for key in METHOD_LABELS if key in generators.keys() - left_out}
