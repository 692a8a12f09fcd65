"""A training that was stopped, kept in a file from which it goes on."""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor


class Checkpoint:
    """Where a training keeps what it needs to go on as if nothing had happened.

    The file holds no code. It knows as much of the training rows as the model does.

    Parameters
    ----------
    path : Path
        The file. It is replaced as a whole, so that a crash leaves the last one.
    tensors : iterable of Tensor
        What the training starts from: its rows and initial weights.
    settings : mapping
        Its other settings. Tensors and settings together say whose checkpoint a file is.

    Examples
    --------
    >>> import tempfile
    >>> network = torch.nn.Linear(2, 1)
    >>> generator = torch.Generator().manual_seed(0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     kept = Checkpoint(Path(folder) / "training", network.parameters(), {"n_iter": 300})
    ...     before = kept.load({"network": network}, generator)
    ...     kept.save(200, [0.5], {"network": network}, generator)
    ...     after = kept.load({"network": network}, generator)
    >>> before, after
    ((0, []), (200, [0.5]))
    """

    def __init__(self, path: Path, tensors: Iterable[Tensor], settings: Mapping[str, Any]) -> None:
        self.path = path
        digest = hashlib.sha256(repr(sorted(settings.items())).encode())
        for tensor in tensors:
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        self.training = digest.hexdigest()

    def load(self, parts: Mapping[str, Any], generator: torch.Generator) -> tuple[int, list[float]]:
        """Put a stopped training's state into its parts.

        Parameters
        ----------
        parts : mapping of str to object
            Networks, optimizer, scheduler: whatever has `load_state_dict`.
        generator : torch.Generator
            Source of batches and noise.

        Returns
        -------
        tuple of int and list of float
            Steps made, and their losses; none where there is no file.

        Raises
        ------
        ValueError
            If the file is not a checkpoint, or is that of another training.
        """
        if not self.path.exists():
            return 0, []
        try:
            kept = torch.load(self.path, map_location="cpu", weights_only=True)
            whose = kept["training"]
        except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError) as error:
            raise ValueError(
                f"{self.path} is not a training checkpoint: remove it or name another"
            ) from error
        if whose != self.training:
            raise ValueError(
                f"{self.path} is the checkpoint of another training (other rows, settings or "
                "seed): remove it to begin anew, or name another"
            )
        for name, part in parts.items():
            part.load_state_dict(kept["parts"][name])
        generator.set_state(kept["generator"])
        return kept["step"], kept["losses"]

    def save(
        self, step: int, losses: list[float], parts: Mapping[str, Any], generator: torch.Generator
    ) -> None:
        """Keep the state after a step."""
        partial = self.path.with_name(self.path.name + ".partial")
        content = {
            "training": self.training,
            "step": step,
            "losses": losses,
            "parts": {name: part.state_dict() for name, part in parts.items()},
            "generator": generator.get_state(),
        }
        try:
            torch.save(content, partial)
            os.replace(partial, self.path)
        finally:
            partial.unlink(missing_ok=True)

    def remove(self) -> None:
        """Forget a training that has come to its end."""
        self.path.unlink(missing_ok=True)
