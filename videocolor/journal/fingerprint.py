"""Is this the same run? The values that change pixels, and how two sets of them differ."""

import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from videocolor.errors import ResumeError
from videocolor.files import write_text_atomically
from videocolor.version import __version__

Fingerprint = Mapping[str, object]

REFERENCE = "reference "
"""How the fingerprint's keys of frames that a person colored begin."""

_FILE = "settings.json"
_LIBRARIES = ("torch", "av", "numpy", "opencv-python-headless")


def make_fingerprint(
    *,
    identity: str,
    settings: Mapping[str, object],
    weights_sha256: str | None,
    precision: str,
    device: str,
    threads: int | None,
    batch_size: int,
    encoding: Mapping[str, object],
    target_suffix: str,
    references: Mapping[str, str],
) -> dict[str, object]:
    """Everything that must be equal for segments of two runs to be joined, as plain JSON values.

    Args:
        identity: The source's.
        settings: `RunSettings.pixel_settings()`.
        weights_sha256: Of the weights that are loaded.
        precision: The one that was chosen, never "auto".
        device: Type of the device, for example "cpu".
        threads: Of the network on a CPU: with another number sums are rounded otherwise; None elsewhere.
        batch_size: The one that was chosen.
        encoding: What the encoder is told.
        target_suffix: Of the result.
        references: Hashes of frames that a person colored, by what a message calls the frame.
    """
    return {
        "format": 1,
        "source": identity,
        **{f"settings.{key}": _plain(value) for key, value in settings.items()},
        **{f"encoding.{key}": _plain(value) for key, value in encoding.items()},
        "weights": weights_sha256,
        "precision": precision,
        "device": device,
        "network threads": threads,
        "batch_size": batch_size,
        "target": target_suffix,
        **{f"{REFERENCE}{frame}": sha256 for frame, sha256 in references.items()},
        "videocolor": __version__,
        "machine": platform.machine(),
        **{f"library.{name}": version(name) for name in _LIBRARIES},
    }


def read_fingerprint(work: Path) -> dict[str, object] | None:
    """The fingerprint of the run that began in a work folder; None if there is none, {} if it cannot be read."""
    path = work / _FILE
    if not path.exists():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return dict(values) if isinstance(values, dict) else {}


def write_fingerprint(work: Path, fingerprint: Fingerprint) -> None:
    """Keep a run's fingerprint in its work folder."""
    write_text_atomically(work / _FILE, json.dumps(dict(fingerprint), indent=1))


def check_same_run(saved: Fingerprint, current: Fingerprint, work: Path) -> None:
    """Compare the fingerprint in a work folder with today's.

    Raises:
        ResumeError: They differ; the message names every difference and the two ways on.
    """
    differences = [
        f"{_name(key)} was {saved.get(key)!r}, is {current.get(key)!r}"
        for key in sorted(set(saved) | set(current))
        if saved.get(key) != current.get(key)
    ]
    if not differences:
        return
    if saved.get("source") != current.get("source"):
        differences = ["the source file has changed"]
    shown = "; ".join(differences[:6]) + ("; …" if len(differences) > 6 else "")
    raise ResumeError(
        f"{work} holds an unfinished run that differs: {shown}.",
        "Use the old settings to go on with it, or --restart to begin anew.",
    )


def differs_in_references_only(saved: Fingerprint, current: Fingerprint) -> bool:
    """Whether two runs differ in frames that a person colored and nothing else: they have one plan."""
    keys = {key for key in set(saved) | set(current) if not key.startswith(REFERENCE)}
    return all(saved.get(key) == current.get(key) for key in keys)


def _name(key: str) -> str:
    """How the user knows a value: `settings.saturation` is --saturation."""
    if not key.startswith("settings."):
        return key
    name = key.split(".")[-1].replace("_", "-")
    return "--segment-seconds" if name == "segment-s" else f"--{name}"


def _plain(value: object) -> object:
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return str(value)
