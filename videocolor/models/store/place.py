"""Where weight files lie: those that are shipped, then those that were fetched. Opens no connection, needs no torch."""

from pathlib import Path

from videocolor.core.cards import ModelCard
from videocolor.errors import SettingsError, WeightsError
from videocolor.models.registry import load_card, model_names
from videocolor.models.store.manifest import read_manifest
from videocolor.paths import weights_cache, weights_folder


def find_weights(file_name: str) -> Path | None:
    """The file in the package's weights folder, else in the cache of fetched weights, else None. Checks no hash."""
    places = (weights_folder() / file_name, weights_cache() / file_name)
    return next((path for path in places if path.is_file()), None)


def absent_weights_error(card: ModelCard) -> WeightsError:
    """What to raise where `find_weights` found nothing for a card: the remedy is the one command that helps."""
    if card.weights_file is None:
        return WeightsError(f"{card.name} comes without weights.", "Give a weight file with --weights.")
    file = read_manifest().get(card.weights_file)
    if file is None:
        return WeightsError(
            f"The weights of {card.name} ({card.weights_file}) are missing.", "Install videocolor again."
        )
    return WeightsError(
        f"The weights of {card.name} are not here.",
        f"Fetch them ({file.size_text}, {file.licence}) with: videocolor models fetch {card.name}",
    )


def weights_file_of(name: str) -> str:
    """The weight file that a name means: a model's, or the name itself if the manifest has it.

    Raises:
        SettingsError: Neither a model with weights nor a file of the manifest.
    """
    if name in model_names():
        card = load_card(name)
        if card.weights_file is None:
            raise SettingsError(f"{name} comes without weights.", "Give a weight file with --weights.")
        return card.weights_file
    manifest = read_manifest()
    if name not in manifest:
        raise SettingsError(
            f"There is no model and no weight file {name!r}.",
            f"Models: {', '.join(model_names())}. Files: {', '.join(manifest)}.",
        )
    return name


def present_weights(name: str) -> Path:
    """The weight file of a model or of the manifest.

    Raises:
        SettingsError: No such model or file.
        WeightsError: It is not here.
    """
    file_name = weights_file_of(name)
    path = find_weights(file_name)
    if path is not None:
        return path
    if name in model_names():
        raise absent_weights_error(load_card(name))
    file = read_manifest()[name]
    raise WeightsError(
        f"{name} is not here.", f"Fetch it ({file.size_text}, {file.licence}) with: videocolor models fetch {name}"
    )
