"""What a weight file is checked by: the manifest's hash, or the one recorded when the file was first seen."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from videocolor.errors import WeightsError
from videocolor.files import write_text_atomically
from videocolor.models.store.manifest import WeightFile

RECORD_NAME = "recorded.json"
"""Its name in the cache folder."""

_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstUse:
    """What was seen when a file without a known hash came in for the first time."""

    sha256: str
    size_bytes: int
    source: str
    """Address or path that it came from."""
    date: str
    """UTC, ISO 8601."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a file must be."""

    sha256: str
    size_bytes: int | None
    is_recorded: bool
    """True: no hash is published, this one was recorded on first use."""


def expected_of(file: WeightFile, folder: Path) -> Expected | None:
    """The hash of the manifest, else the recorded one, else None: the file was never seen.

    Raises:
        WeightsError: The record cannot be read.
    """
    if file.sha256 is not None:
        return Expected(sha256=file.sha256, size_bytes=file.size_bytes, is_recorded=False)
    seen = read_record(folder).get(file.name)
    return None if seen is None else Expected(sha256=seen.sha256, size_bytes=seen.size_bytes, is_recorded=True)


def read_record(folder: Path) -> dict[str, FirstUse]:
    """All files that were recorded in a cache folder, by name.

    Raises:
        WeightsError: The record cannot be read.
    """
    path = folder / RECORD_NAME
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["format"] != _FORMAT:
            raise ValueError(f"its format is {values['format']}, not {_FORMAT}")
        return {name: FirstUse(**item) for name, item in values["files"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise WeightsError(
            f"The record {path} cannot be read: {error}.", "Mend or remove it; its files are then trusted anew."
        ) from error


def record_first_use(folder: Path, name: str, *, sha256: str, size_bytes: int, source: str) -> None:
    """Add a file to the record. The caller keeps other processes out.

    Raises:
        WeightsError: The record cannot be read.
        TargetError: It cannot be written.
    """
    date = datetime.now(UTC).isoformat(timespec="seconds")
    files = read_record(folder) | {name: FirstUse(sha256=sha256, size_bytes=size_bytes, source=source, date=date)}
    values = {"format": _FORMAT, "files": {key: asdict(item) for key, item in sorted(files.items())}}
    write_text_atomically(folder / RECORD_NAME, json.dumps(values, indent=1) + "\n")
