"""A network in a file, whoever wrote it: our weight files, safetensors of others, and torch files.

Owns the choice of the reader by content, and the way from tensors to a network of the family.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from videocolor.errors import WeightsError
from videocolor.models.checkpoint_file import opened_weights, read_checkpoint
from videocolor.models.recognition import recognize
from videocolor.models.registry import family_module
from videocolor.models.weights_file import find_header, is_safetensors, read_weights

_SHOWN = 3
"""Tensors of each kind of misfit that a message names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredModel:
    """What a file says about a network: how to build it, and its numbers."""

    family: str
    """Name in the registry."""
    hyper: dict[str, Any]
    """What the family's `build` takes."""
    state: dict[str, Tensor]
    """Tensors by state dict key on the CPU, in their stored number format."""
    header: dict[str, Any]
    """The header of our weight file; empty for files of others."""


def read_model(path: Path) -> StoredModel:
    """Read a network from our weight file, a safetensors file of others or a torch file, whatever its name.

    Raises:
        WeightsError: The file is missing, damaged or of another kind, or no family knows its network.
    """
    with opened_weights(path) as file:
        has_safetensors = is_safetensors(file)
    header = None
    if has_safetensors:
        header = find_header(path)
        state = read_weights(path)
    else:
        state = read_checkpoint(path)
    if header is None:
        family, hyper = _recognized(path, state)
    else:
        family, hyper = header["family"], header["hyper"]
    ignored: Collection[str] = getattr(family_module(family), "IGNORED_KEYS", frozenset())
    kept = {key: value for key, value in state.items() if key not in ignored}
    return StoredModel(family=family, hyper=hyper, state=kept, header=header or {})


def _recognized(path: Path, state: Mapping[str, Tensor]) -> tuple[str, dict[str, Any]]:
    try:
        return recognize({key: tuple(value.shape) for key, value in state.items()})
    except WeightsError as error:
        raise WeightsError(f"{path}: {error.problem}", error.remedy) from error


def build_network(stored: StoredModel) -> nn.Module:
    """The network in the form for inference: float32, evaluation mode, norms folded.

    Raises:
        WeightsError: The tensors do not fit the network that the file claims.
    """
    return fold_network(restore_network(stored))


def restore_network(stored: StoredModel) -> nn.Module:
    """The network in the form in which it was stored: float32, evaluation mode, on the CPU.

    Tensors that are float32 already are not copied: network and `stored` share them.

    Raises:
        WeightsError: The tensors do not fit the network that the file claims.
    """
    network = _empty_network(stored)
    expected = network.state_dict()
    if misfits := _misfits(expected, stored.state):
        raise WeightsError(
            f"These weights do not fit {_description(stored)}: {'; '.join(misfits)}.",
            "Fetch the file again, or use weights of a published size.",
        )
    state = {key: value.to(expected[key].dtype) for key, value in stored.state.items()}
    network.load_state_dict(state, strict=True, assign=True)
    tensors = chain(network.named_parameters(), network.named_buffers())
    if empty := [name for name, tensor in tensors if tensor.is_meta]:
        raise WeightsError(
            f"The weights give {_description(stored)} no numbers for {_listed(empty)}.", "Fetch the file again."
        )
    return network.eval()


def fold_network(network: nn.Module) -> nn.Module:
    """The same function without the norms that can be folded away. The argument may be changed: use the result only."""
    unfolded: Any = network.eval()
    with torch.no_grad():
        folded: nn.Module = unfolded if unfolded.hyper.folded else unfolded.fold()
    return folded.eval()


def _empty_network(stored: StoredModel) -> nn.Module:
    """On the meta device: neither memory nor time for numbers that are replaced at once."""
    build = family_module(stored.family).build
    try:
        with torch.device("meta"):
            network: nn.Module = build(stored.hyper)
    except (TypeError, ValueError, RuntimeError) as error:
        raise WeightsError(
            f"There is no network {_description(stored)}: {error}.", "The file's header is damaged; fetch it again."
        ) from error
    return network


def _misfits(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> list[str]:
    """What keeps the tensors from being loaded, in words; empty if nothing does."""
    both = [key for key in expected if key in found]
    other_shape = [
        f"{key} {tuple(found[key].shape)} in place of {tuple(expected[key].shape)}"
        for key in both
        if found[key].shape != expected[key].shape
    ]
    other_kind = [
        f"{key} {found[key].dtype} in place of {expected[key].dtype}"
        for key in both
        if found[key].is_floating_point() != expected[key].is_floating_point() or found[key].is_complex()
    ]
    kinds = {
        "missing": [key for key in expected if key not in found],
        "unexpected": [key for key in found if key not in expected],
        "of another shape": other_shape,
        "of another number format": other_kind,
    }
    return [f"{len(names)} {kind} ({_listed(names)})" for kind, names in kinds.items() if names]


def _listed(names: Collection[str]) -> str:
    shown = ", ".join(list(names)[:_SHOWN])
    return f"{shown}, ..." if len(names) > _SHOWN else shown


def _description(stored: StoredModel) -> str:
    values = ", ".join(f"{name} {value}" for name, value in stored.hyper.items())
    return f"{stored.family} ({values})" if values else stored.family
