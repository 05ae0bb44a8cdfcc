"""Weight files: safetensors with one JSON header. Reading runs no code of the file; writing is all or nothing.

The header stands under the metadata key "videocolor" and is the truth about a model: format, family, hyper, color
codec, size rule, data hashes. The TOML card beside the file holds prose, licence and the file's sha256.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from videocolor.errors import WeightsError
from videocolor.files import atomic_path, translated_os_errors

FORMAT = 1
_METADATA_KEY = "videocolor"
_REQUIRED = ("family", "hyper")
# The library's own limit; it tells a header's length from the first bytes of any other kind of file.
_LONGEST_HEADER = 100_000_000


def write_weights(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write a weight file; a crash leaves the old file or none.

    Args:
        path: Ends with ".safetensors"; an existing file is replaced.
        tensors: By state dict key, in the number format they are to be stored in.
        header: JSON values; `family` and `hyper` are required, `format` is added.

    Raises:
        TargetError: The file cannot be written; DiskFullError if the disk is full.
    """
    missing = [key for key in _REQUIRED if key not in header]
    if missing:
        raise ValueError(f"the header lacks {', '.join(missing)}")
    text = json.dumps({**header, "format": FORMAT}, sort_keys=True)
    # Shared or strided memory is refused by safetensors.
    plain = {key: tensor.detach().cpu().contiguous().clone() for key, tensor in tensors.items()}
    with translated_os_errors(path), atomic_path(path) as part:
        save_file(plain, part, metadata={_METADATA_KEY: text})
        # safetensors writes files that only their owner may read, and an installed package has many readers.
        part.chmod(0o644)


def is_safetensors(file: BinaryIO) -> bool:
    """Whether a file that is open at its start means to be safetensors: it begins with a length, then JSON."""
    return int.from_bytes(file.read(8), "little") <= _LONGEST_HEADER and file.read(1) == b"{"


def read_header(path: Path) -> dict[str, Any]:
    """The JSON header of a weight file; the tensors are not read.

    Raises:
        WeightsError: The file is missing, cut off, not ours, or of a newer format.
    """
    header = find_header(path)
    if header is None:
        raise WeightsError(
            f"{path} is a safetensors file, but not one of videocolor.",
            "Name the model with --model, or convert the file.",
        )
    return header


def find_header(path: Path) -> dict[str, Any] | None:
    """The JSON header of a safetensors file; None if videocolor did not write the file.

    Raises:
        WeightsError: The file is missing, cut off, has a damaged header, or is of a newer format.
    """
    with _opened(path) as file:
        text = (file.metadata() or {}).get(_METADATA_KEY)
    if text is None:
        return None
    try:
        header = json.loads(text)
    except json.JSONDecodeError as error:
        raise WeightsError(f"{path} has a damaged header: {error}.", "Fetch the file again.") from error
    if not isinstance(header, dict) or not _has_model(header):
        raise WeightsError(f"{path} has a header without {' or '.join(_REQUIRED)}.", "Export the model again.")
    if header.get("format") != FORMAT:
        raise WeightsError(
            f"{path} has format {header.get('format')}, this videocolor reads {FORMAT}.", "Update videocolor."
        )
    return header


def _has_model(header: Mapping[str, Any]) -> bool:
    return isinstance(header.get("family"), str) and isinstance(header.get("hyper"), dict)


def read_weights(path: Path) -> dict[str, Tensor]:
    """All tensors of a weight file on the CPU, in their stored number format.

    Raises:
        WeightsError: The file is missing, cut off or no safetensors file.
    """
    with _opened(path) as file:
        return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict: no __iter__)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if not path.is_file():
        raise WeightsError(f"The weight file {path} does not exist.", "Reinstall videocolor, or correct the path.")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            yield file
    except SafetensorError as error:
        raise WeightsError(
            f"{path} is no safetensors file or is cut off: {error}.",
            "Fetch it again and compare its sha256 with the card's.",
        ) from error
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from error
