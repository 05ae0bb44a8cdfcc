"""Which models there are. Reads cards only; torch is imported when a family is built."""

import importlib
import tomllib
from dataclasses import fields
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from videocolor.core.cards import ModelCard, SizeRule
from videocolor.errors import SettingsError, WeightsError
from videocolor.models.store.manifest import MANIFEST_NAME
from videocolor.paths import weights_folder

FAMILIES = {
    "compact": "videocolor.models.compact",
    "deoldify": "videocolor.models.deoldify",
    "ddcolor": "videocolor.models.ddcolor",
}
"""Module of each family; other packages add theirs by the entry point group `videocolor.colorizers`."""


def read_card(path: Path) -> ModelCard:
    """Read a card.

    Raises:
        WeightsError: Not TOML, or a key is missing or unknown.
    """
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        rule = SizeRule(**values.pop("size_rule"))
        for key in ("precisions", "needs"):
            if key in values:
                values[key] = tuple(values[key])
        values.setdefault("weights_file", None)
        values.setdefault("sha256", None)
        return ModelCard(size_rule=rule, **values)
    except (tomllib.TOMLDecodeError, TypeError, KeyError) as error:
        known = ", ".join(item.name for item in fields(ModelCard))
        raise WeightsError(f"The card {path} is wrong: {error}.", f"Its keys are {known}.") from error


def list_cards(folder: Path | None = None) -> tuple[ModelCard, ...]:
    """All cards of the weights folder, by name."""
    return tuple(read_card(path) for path in _card_paths(folder or weights_folder()))


def model_names() -> tuple[str, ...]:
    """Names that `load_card` knows."""
    return tuple(path.stem for path in _card_paths(weights_folder()))


def _card_paths(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*.toml")) if path.name != MANIFEST_NAME]


def load_card(name: str) -> ModelCard:
    """The card of a model.

    Raises:
        SettingsError: No such model.
    """
    path = weights_folder() / f"{name}.toml"
    if name not in model_names():
        raise SettingsError(f"There is no model {name!r}.", f"Models: {', '.join(model_names())}.")
    return read_card(path)


def family_module(family: str) -> ModuleType:
    """The module that builds a family's networks.

    Raises:
        WeightsError: No such family is installed.
    """
    if family in FAMILIES:
        return importlib.import_module(FAMILIES[family])
    for entry in entry_points(group="videocolor.colorizers", name=family):
        return importlib.import_module(entry.value)
    raise WeightsError(
        f"The family {family!r} is not known here.", f"Known: {', '.join(FAMILIES)}; a newer videocolor may have it."
    )
