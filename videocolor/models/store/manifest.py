"""The list of weight files that can be fetched: names, addresses, sizes, hashes, licences. Opens no connection."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from videocolor.errors import WeightsError
from videocolor.paths import weights_folder

MANIFEST_NAME = "manifest.toml"
"""Its name in the weights folder; every other TOML file there is a card."""

_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightFile:
    """One file that can be fetched, and what it is checked by."""

    name: str
    licence: str
    sources: tuple[str, ...]
    """Addresses: the publisher's first, then mirrors, in the order in which they are tried."""
    size_bytes: int | None = None
    """Exact size; None where it is not known."""
    size_about_mb: int | None = None
    """Size as the host shows it, in MB of 10^6 bytes; for people, never a check."""
    sha256: str | None = None
    """64 lower-case hexadecimal digits; None: trusted on first use."""
    hash_from: str = ""
    """Where the hash was seen."""
    note: str = ""

    @property
    def size_text(self) -> str:
        """`874 MB`, `about 912 MB`, or `size unknown`."""
        if self.size_bytes is not None:
            return f"{self.size_bytes / 1e6:.0f} MB"
        return "size unknown" if self.size_about_mb is None else f"about {self.size_about_mb} MB"


def read_manifest(path: Path | None = None) -> dict[str, WeightFile]:
    """All files of the manifest by name, in its order.

    Args:
        path: Another manifest than the one in the weights folder.

    Raises:
        WeightsError: Missing, or not TOML; a key is missing, unknown or of the wrong kind; an address is not https.
    """
    path = path or weights_folder() / MANIFEST_NAME
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        if tables.pop("format", None) != _FORMAT:
            raise ValueError(f"its format is not {_FORMAT}")
        return {name: _weight_file(name, values) for name, values in tables.items()}
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"The manifest {path} is wrong: {error}.", f"A file's keys are {', '.join(_keys())}."
        ) from error


def _keys() -> list[str]:
    return [item.name for item in fields(WeightFile) if item.name != "name"]


def _weight_file(name: str, values: Any) -> WeightFile:
    if not isinstance(values, Mapping):
        raise ValueError(f"{name} is no table")
    unknown = values.keys() - set(_keys())
    if unknown:
        raise ValueError(f"{name} has the unknown key {min(unknown)}")
    sources = values.get("sources")
    problems = {
        "the name is not that of a file": Path(name).name != name or name.startswith("."),
        "licence is missing": not _is_text(values.get("licence")),
        "sources is not a list of https addresses": not _is_https_list(sources),
        "sha256 is not 64 lower-case hexadecimal digits": not _is_hash(values.get("sha256")),
        "size_bytes is no positive number": not _is_size(values.get("size_bytes")),
        "size_about_mb is no positive number": not _is_size(values.get("size_about_mb")),
        "hash_from and note are texts": not all(isinstance(values.get(key, ""), str) for key in ("hash_from", "note")),
        "sha256 and hash_from belong together": ("sha256" in values) != ("hash_from" in values),
    }
    for problem, is_there in problems.items():
        if is_there:
            raise ValueError(f"{name}: {problem}")
    assert sources is not None
    return WeightFile(**{**values, "name": name, "sources": tuple(sources)})


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_https_list(value: object) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, str) and re.fullmatch(r"https://[^\s/]+/\S+", item) for item in value)
    )


def _is_hash(value: object) -> bool:
    return value is None or (isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value) is not None)


def _is_size(value: object) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0)
