"""From a model's name to a Colorizer on a device: the right weights, whole, in the number format that pays."""

import logging
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from videocolor.core.cards import ModelCard
from videocolor.core.frames import LumaBatch, ShotContext
from videocolor.core.shots import Shot
from videocolor.device import Compute, choose_compute
from videocolor.errors import SettingsError, WeightsError
from videocolor.files import file_sha256
from videocolor.models.adapter import DeviceColorizer, NetworkColorizer
from videocolor.models.merged import Blend, MergedColorizer, merged_card
from videocolor.models.registry import load_card
from videocolor.models.store.manifest import read_manifest
from videocolor.models.store.place import absent_weights_error, find_weights
from videocolor.models.stored_model import StoredModel, build_network, read_model

log = logging.getLogger(__name__)

_JOINT = "+"
_TRIAL_SIDE = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    """A network in float32 on the CPU, folded, and its card with the hash of the file it came from."""

    card: ModelCard
    network: nn.Module


def model_parts(name: str) -> tuple[str, ...]:
    """Names of the models that a name stands for: one, or two joined by "+".

    Raises:
        SettingsError: More than two, or a part is empty.
    """
    parts = tuple(name.split(_JOINT))
    if len(parts) > 2 or not all(parts):
        raise SettingsError(f"--model is {name!r}.", "Name one model, or two as in deoldify-video+ddcolor.")
    return parts


def load_colorizer(
    name: str = "compact",
    *,
    weights: str | Sequence[str] | None = None,
    device: str = "auto",
    precision: str = "auto",
    blend: Blend | None = None,
) -> DeviceColorizer:
    """Build a model, load and check its weights, and put it on a device.

    Args:
        name: A model of the registry, or two joined by "+" that are blended.
        weights: A weight file in place of the card's; of two models `NAME=FILE`, one or several.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        precision: "auto", "float32", "bfloat16" or "float16".
        blend: How two models become one; None is the default blend.

    Returns:
        A Colorizer; its `card` carries the hash of the weights that were loaded.

    Raises:
        SettingsError: No such model or device, or a blend of one model.
        WeightsError: Weights missing, damaged, or of another network.
    """
    names = model_parts(name)
    if blend is not None and len(names) == 1:
        raise SettingsError(f"--blend needs two models, --model is {name}.", "Join two as in deoldify-video+ddcolor.")
    files = _files_by_model(names, weights)
    parts = [_load(part, files.get(part)) for part in names]
    card = parts[0].card if len(parts) == 1 else merged_card(parts[0].card, parts[1].card)

    # Casting and packing happen in place, so the trial of the half precision has networks of its own.
    built: dict[Compute, DeviceColorizer] = {}

    def on(compute: Compute) -> DeviceColorizer:
        if compute not in built:
            can_take_over = compute.dtype == torch.float32 or precision != "auto"
            networks = [part if can_take_over else replace(part, network=deepcopy(part.network)) for part in parts]
            built[compute] = _assembled(networks, compute, blend)
        return built[compute]

    compute = choose_compute(device, precision, card, trial=lambda compute: _trial(on(compute)))
    log.debug("%s on %s", name, compute.label)
    return on(compute)


def _files_by_model(names: tuple[str, ...], weights: str | Sequence[str] | None) -> dict[str, str]:
    """The user's weight files by model: `NAME=FILE`, or for one model just FILE."""
    given = () if weights is None else (weights,) if isinstance(weights, str) else tuple(weights)
    files: dict[str, str] = {}
    for text in given:
        owner, _, file = text.partition("=")
        if owner not in names or not file:
            if len(names) > 1:
                raise SettingsError(
                    f"--weights {text} does not say whose they are.",
                    f"Write --weights {names[0]}=FILE or {names[1]}=FILE.",
                )
            owner, file = names[0], text
        if owner in files:
            raise SettingsError(f"--weights is given twice for {owner}.", "Name one file.")
        files[owner] = file
    return files


def weights_path(card: ModelCard, weights: str | None) -> Path:
    """The weight file of a model: the user's, or the card's.

    Raises:
        WeightsError: It is not there.
    """
    if weights is not None:
        path = Path(weights)
        if not path.is_file():
            reason = "is no file" if path.exists() else "does not exist"
            raise WeightsError(f"The weight file {path} {reason}.", "Check --weights.")
        return path
    found = None if card.weights_file is None else find_weights(card.weights_file)
    if found is None:
        raise absent_weights_error(card)
    return found


def _load(name: str, weights: str | None) -> _Loaded:
    card = load_card(name)
    path = weights_path(card, weights)
    try:
        digest = file_sha256(path)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from error
    if weights is None and card.sha256 and digest != card.sha256:
        is_fetched = card.weights_file in read_manifest()
        raise WeightsError(
            f"{path} is damaged: sha256 {digest[:12]}…, the card says {card.sha256[:12]}….",
            f"Fetch it again with: videocolor models fetch {card.name}" if is_fetched else "Install videocolor again.",
        )
    stored = read_model(path)
    _check_model(path, card, stored)
    try:
        network = build_network(stored)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error.problem}", error.remedy) from error
    return _Loaded(card=replace(card, sha256=digest, hyper=dict(stored.hyper)), network=network)


def _check_model(path: Path, card: ModelCard, stored: StoredModel) -> None:
    """Whether a file holds the model that the card describes.

    Raises:
        WeightsError: Another family, or a published variant that is another card's.
    """
    if stored.family != card.family:
        raise WeightsError(
            f"{path} holds a network of the family {stored.family!r}, not {card.family!r}.",
            f"Choose the model that fits, or other weights for {card.name}.",
        )
    # Networks of one's own training may have other widths; published files, converted or not, may not.
    differing = [key for key, value in card.hyper.items() if _plain(stored.hyper.get(key, value)) != _plain(value)]
    if differing and (not stored.header or "source" in stored.header):
        found = ", ".join(f"{key} {stored.hyper[key]}" for key in differing)
        raise WeightsError(
            f"{path} holds another {card.family} network than {card.name}: {found}.",
            f"Choose the --model of the family {card.family} that fits.",
        )


def _plain(value: object) -> object:
    """Lists of cards and tuples of families are the same numbers."""
    return list(value) if isinstance(value, tuple) else value


def _assembled(parts: Sequence[_Loaded], compute: Compute, blend: Blend | None) -> DeviceColorizer:
    ready = [NetworkColorizer(part.network, part.card, compute) for part in parts]
    return ready[0] if len(ready) == 1 else MergedColorizer(ready[0], ready[1], blend or Blend())


def _trial(colorizer: DeviceColorizer) -> Tensor:
    """One run on a made picture, small enough to be quick for a large network: its ab."""
    rows = torch.linspace(0, 1, _TRIAL_SIDE)
    lightness = 50 + 45 * torch.sin(20 * rows[:, None] * (1 + rows[None])) * rows[None]
    shot = Shot(index=0, start_pts=0, end_pts=1, frame_count=1, cause="start")
    batch = LumaBatch(lightness=lightness[None, None], pts=(0,), context=ShotContext(shot=shot, seed=0))
    return colorizer.predict(batch).ab
