"""A fitted HybridDiffusion on disk: weights and plain values, never code.

The file is what `torch.save` makes of tensors, numbers, strings, lists and dicts. It is read with
``weights_only=True``, so a file from elsewhere cannot run anything.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from synthtab.diffusion.codes import CodeEncoder
from synthtab.diffusion.denoiser import MLPDenoiser
from synthtab.diffusion.gaussian import GaussianHybridDiffusion
from synthtab.diffusion.networks import ColumnNetworks
from synthtab.diffusion.process import HybridProcess
from synthtab.diffusion.synthesizer import HybridDiffusion
from synthtab.dp.budget import Guarantee
from synthtab.dp.encoding import PrivateEncoder
from synthtab.table.encoding import TableEncoder
from synthtab.table.schema import Schema

Model = HybridDiffusion | GaussianHybridDiffusion

_FORMAT = "synthtab HybridDiffusion"
_LAYOUT = 4  # of the file and of the model in it; a change of either needs another number
_NOT_KEPT = {"callback", "random_state", "device", "progress", "privacy"}  # encoders keep the last


def save_model(model: Model, path: str | Path, *, kept_back: Sequence[str] = ()) -> None:
    """Write a fitted model to a file, whose folder exists.

    The file holds what the model knows of the training rows, quantiles and frequencies among it:
    it is as private as the table. A model with a guarantee is an exception: the guarantee covers
    its file too, and is kept in it. The parameters `callback`, `random_state`, `device` and
    `progress` are not kept. A file that is there is replaced once the new one is complete.
    `kept_back` says why no row of the model may go out, if none may; `load_model` then refuses.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the model is not fitted.
    ValueError
        If a column's categories are neither text, numbers nor truth values, such as dates.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"size": [6, 8, 8, 10] * 10, "minutes": range(700, 740)})
    >>> schema = Schema.infer(frame, target="minutes")
    >>> model = HybridDiffusion(n_iter=5, random_state=0).fit(frame, schema)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(model, Path(folder) / "model.pt")
    ...     again = load_model(Path(folder) / "model.pt")
    >>> again.sample(5, random_state=1).equals(model.sample(5, random_state=1))
    True
    """
    check_is_fitted(model)
    strange = [
        c
        for c, levels in model.schema_.categorical.items()
        if not all(isinstance(level, (str, int, float, np.bool_, np.number)) for level in levels)
    ]
    if strange:
        raise ValueError(f"{strange} have categories that a file cannot hold; make them text")
    content = {
        "format": _FORMAT,
        "layout": _LAYOUT,
        "parameters": _parameters(model),
        "schema": {
            "columns": list(model.schema_.columns),
            "categorical": {c: list(v) for c, v in model.schema_.categorical.items()},
            "target": model.schema_.target,
        },
        "gaussian": None,
        "kept_back": list(kept_back),
    }
    gaussian = model if isinstance(model, GaussianHybridDiffusion) else model.private_
    if gaussian is not None:
        content |= {"gaussian": _gaussian_content(gaussian)}
    elif isinstance(model, HybridDiffusion):
        content |= {
            "encoder": model.encoder_.to_plain(),
            "networks": model.networks_.to_plain(),
            "weights": dict(model.networks_.state_dict()),
            "n_iter": model.n_iter_,
            "loss_curve": model.loss_curve_.tolist(),
            "held_out_loss": model.held_out_loss_.tolist(),
        }
    content["is_gaussian"] = gaussian is model
    partial = Path(f"{path}.partial")
    torch.save(content, partial)
    os.replace(partial, path)


def load_model(path: str | Path, *, device: str = "auto", release_anyway: bool = False) -> Any:
    """Read a model that `save_model` wrote: fitted, it draws the rows that the saved one draws.

    Parameters
    ----------
    path : str or Path
        The file.
    device : str, default="auto"
        Where networks work: see `HybridDiffusion`.
    release_anyway : bool, default=False
        Whether to read a model whose own table was kept back.

    Returns
    -------
    HybridDiffusion or GaussianHybridDiffusion
        What was saved.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not such a model, is one of another release, or holds anything but tensors
        and plain values; without `release_anyway`, if its own table was kept back.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise ValueError(
            f"{path}: not a model file, or one that holds code; write it with synthtab.save_model"
        ) from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise ValueError(f"{path}: a file of torch, but no HybridDiffusion")
    if content.get("layout") != _LAYOUT:
        raise ValueError(
            f"{path}: a model of another release of synthtab (layout {content.get('layout', 1)}; "
            f"this one reads {_LAYOUT}): read it with that release, or fit and save it again"
        )
    if content.get("kept_back") and not release_anyway:
        raise ValueError(
            f"{path}: the table of this model was kept back "
            f"({', '.join(map(str, content['kept_back']))}); rows drawn from it leak as much. "
            "release_anyway=True reads it all the same"
        )
    described = content["schema"]
    schema = Schema(
        columns=tuple(described["columns"]),
        categorical={c: tuple(values) for c, values in described["categorical"].items()},
        target=described["target"],
    )
    gaussian = None
    if content["gaussian"] is not None:
        gaussian = _gaussian_model(content["gaussian"], schema, device)
        if content["is_gaussian"]:
            return gaussian
    model = HybridDiffusion(**content["parameters"], device=device)
    model.schema_, model.private_, model.guarantee_ = schema, gaussian, None
    if gaussian is not None:
        model.privacy, model.guarantee_ = gaussian.privacy, gaussian.guarantee_
        model.encoder_, model.loss_curve_ = gaussian.encoder_, gaussian.loss_curve_
        return model
    model.encoder_ = CodeEncoder.from_plain(content["encoder"], schema)
    sizes = [column.n_codes for column in model.encoder_.columns_.values()]
    networks = ColumnNetworks(
        model.encoder_, [np.ones(size) for size in sizes], **content["networks"]
    )
    networks.load_state_dict(content["weights"])
    model.networks_ = networks.requires_grad_(False).eval()
    model.n_iter_ = content["n_iter"]
    model.loss_curve_ = np.array(content["loss_curve"])
    model.held_out_loss_ = np.array(content["held_out_loss"])
    return model


def _parameters(model: Model) -> dict[str, Any]:
    return {k: v for k, v in model.get_params().items() if k not in _NOT_KEPT}


def _gaussian_content(model: GaussianHybridDiffusion) -> dict[str, Any]:
    guarantee = model.guarantee_
    return {
        "parameters": _parameters(model),
        "encoder": model.encoder_.to_plain(),
        "guarantee": None if guarantee is None else guarantee.to_plain(),
        "weights": {name: w.cpu() for name, w in model.denoiser_.state_dict().items()},
        "loss_curve": model.loss_curve_.tolist(),
    }


def _gaussian_model(
    content: Mapping[str, Any], schema: Schema, device: str
) -> GaussianHybridDiffusion:
    model = GaussianHybridDiffusion(**content["parameters"], device=device)
    model.schema_ = schema
    encoder = _encoder(model, content)
    model.encoder_, weights = encoder, content["weights"]
    model.process_ = HybridProcess(encoder.cardinalities, len(encoder.rank_maps_))
    network = MLPDenoiser(
        model.process_.n_num,
        [weights[f"coordinates.{j}"][:-1, :-1] for j in range(len(encoder.cardinalities))],
        [torch.zeros(size) for size in encoder.cardinalities],
        width=len(weights["input.bias"]),
        depth=model.depth,
        n_frequencies=weights["frequencies"].shape[1],
    )
    network.load_state_dict(weights)
    model.denoiser_ = network.requires_grad_(False).eval().to(model.device_)
    model.loss_curve_ = np.array(content["loss_curve"])
    return model


def _encoder(model: GaussianHybridDiffusion, content: Mapping[str, Any]) -> TableEncoder:
    """The encoder of a file; the model gets the file's guarantee, if there is one."""
    if content["guarantee"] is None:
        model.guarantee_ = None
        return TableEncoder.from_plain(content["encoder"], model.schema_)
    encoder = PrivateEncoder.from_plain(content["encoder"], model.schema_)
    model.privacy = encoder.privacy
    model.guarantee_ = Guarantee(
        **content["guarantee"], privacy=encoder.privacy, schema=model.schema_
    )
    return encoder
