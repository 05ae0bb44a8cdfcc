"""What a temporal filter knows where a long shot is divided, on disk: plain arrays, nothing that can run."""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from videocolor.core.motion import FilterState
from videocolor.errors import ResumeError
from videocolor.files import atomic_path, translated_os_errors

STATE_SUFFIX = ".state.npz"


def write_state(path: Path, state: FilterState) -> None:
    """Write a state whole or not at all; the name must end with .npz.

    Raises:
        DiskFullError: No space left.
        TargetError: It cannot be written.
    """
    with translated_os_errors(path), atomic_path(path) as part:
        np.savez(part, **state)  # type: ignore[arg-type]


def read_state(path: Path) -> FilterState:
    """Read a state back.

    Raises:
        ResumeError: The file is gone or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, EOFError, KeyError, BadZipFile) as error:
        raise ResumeError(f"The state {path} cannot be used: {error}.", "Begin anew with --restart.") from error
