"""Are the weight files that are here the right ones? Compares hashes; changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from videocolor.errors import WeightsError
from videocolor.files import file_sha256
from videocolor.models.registry import list_cards
from videocolor.models.store.manifest import read_manifest
from videocolor.models.store.place import find_weights, present_weights
from videocolor.models.store.recorded import expected_of
from videocolor.paths import weights_cache

State = Literal["same", "differs", "no hash known"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedFile:
    """One weight file and what it was compared with."""

    path: Path
    state: State
    sha256: str
    expected: str | None
    against: str
    """Where the expected hash stands: "manifest", "card", "first use", or "" where none is known."""


def check_weights(names: Sequence[str] = ()) -> tuple[CheckedFile, ...]:
    """Compare weight files with the hashes of the manifest, of the cards, and of the first use, in this order.

    Args:
        names: Models or files of the manifest; none: all that are here.

    Raises:
        SettingsError: No such model or file.
        WeightsError: A named file is not here, or one cannot be read.
    """
    return tuple(_checked(path) for path in ([present_weights(name) for name in names] if names else _all_present()))


def _all_present() -> list[Path]:
    names = {card.weights_file for card in list_cards()} - {None} | read_manifest().keys()
    found = (find_weights(name) for name in sorted(name for name in names if name is not None))
    return [path for path in found if path is not None]


def _checked(path: Path) -> CheckedFile:
    try:
        digest = file_sha256(path)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from error
    expected, against = _expected(path.name)
    state: State = "no hash known" if expected is None else "same" if digest == expected else "differs"
    return CheckedFile(path=path, state=state, sha256=digest, expected=expected, against=against)


def _expected(name: str) -> tuple[str | None, str]:
    file = read_manifest().get(name)
    known = None if file is None else expected_of(file, weights_cache())
    if known is not None:
        return known.sha256, "first use" if known.is_recorded else "manifest"
    for card in list_cards():
        if card.weights_file == name and card.sha256 is not None:
            return card.sha256, "card"
    return None, ""
