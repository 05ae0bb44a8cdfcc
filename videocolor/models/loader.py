"""From a model's name, or a weight file, to a Colorizer that is ready to run."""

import logging
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from videocolor.core.cards import ModelCard
from videocolor.device import Compute, choose_compute
from videocolor.errors import WeightsError
from videocolor.files import file_sha256
from videocolor.models.adapter import NetworkColorizer
from videocolor.models.registry import family_module, load_card
from videocolor.models.weights_file import read_header, read_weights
from videocolor.paths import weights_folder

log = logging.getLogger(__name__)


def weights_path(card: ModelCard, weights: str | None) -> Path:
    """The weight file of a model: the user's, or the card's.

    Raises:
        WeightsError: It is not there.
    """
    if weights is not None:
        path = Path(weights)
        if not path.is_file():
            raise WeightsError(f"The weight file {path} does not exist.", "Check --weights.")
        return path
    if card.weights_file is None:
        raise WeightsError(f"{card.name} comes without weights.", "Give a weight file with --weights.")
    path = weights_folder() / card.weights_file
    if not path.is_file():
        raise WeightsError(f"The weights of {card.name} ({path}) are missing.", "Install videocolor again.")
    return path


def load_colorizer(
    name: str = "compact", *, weights: str | None = None, device: str = "auto", precision: str = "auto"
) -> NetworkColorizer:
    """Build a model, load and check its weights, and put it on a device.

    Args:
        name: A model of the registry.
        weights: A weight file in place of the card's.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        precision: "auto", "float32", "bfloat16" or "float16".

    Returns:
        A Colorizer; its `card` carries the hash of the weights that were loaded.

    Raises:
        SettingsError: No such model or device.
        WeightsError: Weights missing, damaged, or of another network.
    """
    card = load_card(name)
    path = weights_path(card, weights)
    try:
        digest = file_sha256(path)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from error
    if weights is None and card.sha256 and digest != card.sha256:
        raise WeightsError(
            f"{path} is damaged: sha256 {digest[:12]}…, the card says {card.sha256[:12]}….", "Install videocolor again."
        )
    header = read_header(path)
    if header.get("family") != card.family:
        raise WeightsError(
            f"{path} holds a network of the family {header.get('family')!r}, not {card.family!r}.",
            f"Choose the model that fits, or other weights for {name}.",
        )
    network = _load_network(path, card, header.get("hyper", {}))
    card = replace(card, sha256=digest, hyper=dict(header.get("hyper", {})))
    compute = choose_compute(device, precision, card, trial=lambda compute: _trial(network, card, compute))
    log.debug("%s: %s on %s", name, path, compute.label)
    return NetworkColorizer(network, card, compute)


def _load_network(path: Path, card: ModelCard, hyper: dict[str, object]) -> nn.Module:
    network: nn.Module = family_module(card.family).build(hyper)
    state = {key: value.float() if value.is_floating_point() else value for key, value in read_weights(path).items()}
    try:
        network.load_state_dict(state, strict=True)
    except RuntimeError as error:
        lines = str(error).splitlines()
        raise WeightsError(
            f"{path} does not fit {card.name}: {lines[1].strip() if len(lines) > 1 else lines[0]}",
            "Use weights of this model's family and size.",
        ) from error
    return network


def _trial(network: nn.Module, card: ModelCard, compute: Compute) -> None:
    side = card.size_rule.default_side
    colorizer = NetworkColorizer(network, card, compute)
    inner = max(1, side - 2 * card.size_rule.rim)
    colorizer._predict(torch.full((1, 1, inner, inner), 50.0))
