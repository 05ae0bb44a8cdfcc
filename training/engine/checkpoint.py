"""The full state of a training run in one file: written whole or not at all."""

from pathlib import Path
from typing import Any

import torch

from videocolor.errors import ResumeError
from videocolor.files import atomic_path

_FORMAT = 1


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write `state` (tensors, numbers, strings, lists, dicts) to a neighbor name, then rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as part:
        torch.save({"format": _FORMAT, **state}, part)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a state written by `save_checkpoint`; runs no code of the file.

    Raises:
        ResumeError: There is no such file, or it is of another format.
    """
    if not path.exists():
        raise ResumeError(f"{path} does not exist.", "Start without --resume, or name the run with --run-dir.")
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    if state.get("format") != _FORMAT:
        raise ResumeError(f"{path} has format {state.get('format')}, expected {_FORMAT}.", "Train anew.")
    return state
