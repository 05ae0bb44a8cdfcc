"""Checkpoints of others: files of torch, zip or the pickle stream of before 2020, read without running code of them.

torch's restricted unpickler builds tensors, containers and a list of harmless classes; whatever else a file names is
refused. Owns the opening of foreign files; what network the tensors belong to is not its business.
"""

import logging
import pickle
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from videocolor.device import is_out_of_memory
from videocolor.errors import WeightsError

log = logging.getLogger(__name__)

_MAGIC = (b"PK\x03\x04", b"\x80")
"""A zip archive, and a pickle of protocol 2 or later."""

_WRAPPERS = {
    frozenset({"model", "opt"}): "model",
    frozenset({"params"}): "params",
    frozenset({"state_dict"}): "state_dict",
}
"""Keys of a dict around the state dict, and which of them holds it: fastai, BasicSR, and common use."""

# torch's words, of its list and of modules that no list can allow.
_REFUSED_GLOBAL = re.compile(r"GLOBAL ([\w.]*\w) (?:was not an allowed global|whose module)")
_LONGEST_NAME = 80

_OPTIMIZER_GLOBALS = (
    "builtins.slice",
    # Files have the name of the numpy that wrote them, 1 or 2.
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "numpy.dtype",
    "_codecs.encode",
)
"""What fastai's optimizer record names besides tensors: a slice of learning rates, or rates as numpy's float64."""


class _Unread:
    """Stands for everything in the optimizer record, which nobody needs.

    The classes themselves must not be allowed: numpy's dtype crashes the process when its state is damaged.
    """

    def __init__(self, *arguments: object) -> None: ...

    def __setstate__(self, state: object) -> None: ...


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Read the state dict of a torch file, bare or in one of the usual dicts.

    Returns:
        Dense tensors on the CPU by key, in their stored number format.

    Raises:
        WeightsError: The file is missing, unreadable, cut off or of another kind; it names a class or function that
            is not allowed; or it holds no state dict.
    """
    with opened_weights(path) as file:
        start = file.read(max(map(len, _MAGIC)))
        if not start.startswith(_MAGIC):
            kind = f"begins with {start!r}" if start else "is empty"
            raise WeightsError(
                f"{path} is no weight file: it {kind}.",
                "Fetch it again; a web page or a pointer may have been saved in its place.",
            )
        file.seek(0)
        try:
            content = _load(file)
        # A damaged or hostile stream makes torch raise nearly anything: IndexError, RuntimeError, OSError of a seek.
        except Exception as error:
            raise _unreadable(path, error) from error
    return _state_dict(path, content)


@contextmanager
def opened_weights(path: Path) -> Iterator[BinaryIO]:
    """Open a weight file for reading bytes.

    Raises:
        WeightsError: It is missing, no file, or the system refuses to read it.
    """
    try:
        # Asked first: opening a pipe would wait for ever.
        if not path.is_file():
            problem = "is no file" if path.exists() else "does not exist"
            raise WeightsError(f"{path} {problem}.", "Check the name.")
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}.", "Check its permissions.") from error


def _load(file: BinaryIO) -> Any:
    try:
        return _load_restricted(file)
    except pickle.UnpicklingError:
        file.seek(0)
        with torch.serialization.safe_globals([(_Unread, name) for name in _OPTIMIZER_GLOBALS]):
            return _load_restricted(file)


def _load_restricted(file: BinaryIO) -> Any:
    with warnings.catch_warnings():
        # Of odd protocols and kinds of file: either the file is read, or an error follows that says it.
        warnings.simplefilter("ignore", UserWarning)
        # An open file, because torch takes names that end with .safetensors for such files whatever they hold.
        return torch.load(file, map_location="cpu", weights_only=True, mmap=False)


def _unreadable(path: Path, error: Exception) -> WeightsError:
    # torch's own text advises to switch its protection off, so that it stands in the log only.
    log.debug("%s: %s", path, error)
    if refused := _REFUSED_GLOBAL.search(str(error)):
        return WeightsError(
            f"{path} wants {refused[1][:_LONGEST_NAME]}, which weights do not need: it could run any code.",
            "Use a file that holds a state dict only.",
        )
    if is_out_of_memory(error):
        return WeightsError(f"{path} needs more memory than is free, or says so.", "Close other programs.")
    return WeightsError(
        f"{path} is cut off, damaged, or holds no weights of torch.",
        "Fetch it again; a TorchScript file or a whole network has to be saved anew as a state dict.",
    )


def _state_dict(path: Path, content: object) -> dict[str, Tensor]:
    if isinstance(content, dict) and (inner := _WRAPPERS.get(frozenset(content))) is not None:
        content = content[inner]
    if not isinstance(content, dict) or not content:
        raise _no_state_dict(path, f"it holds {_kind(content)}")
    for key, value in content.items():
        if not isinstance(key, str) or not _is_dense(value):
            raise _no_state_dict(path, f"{str(key)[:_LONGEST_NAME]!r} is {_kind(value)}")
    return {key: value.detach() for key, value in content.items()}


def _no_state_dict(path: Path, reason: str) -> WeightsError:
    return WeightsError(f"{path} holds no state dict: {reason}.", "Use a file of the network's weights.")


def _is_dense(value: object) -> bool:
    """Sparse, quantized and nested tensors, and those of the meta device (without numbers), are no weights here."""
    return (
        isinstance(value, Tensor)
        and value.device.type == "cpu"
        and value.layout is torch.strided
        and not value.is_quantized
        and not value.is_nested
    )


def _kind(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of the kind {value.device.type} {value.layout} {value.dtype}"
    return "nothing" if isinstance(value, dict) and not value else f"a {type(value).__name__}"
