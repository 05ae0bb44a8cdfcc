"""Opens what training or export has written, ready for inference."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from training.engine.checkpoint import load_checkpoint
from videocolor.color.codec import BinCodec
from videocolor.color.resample import enlarge
from videocolor.errors import SettingsError
from videocolor.models.compact import CompactNetwork, build
from videocolor.models.weights_file import read_header, read_weights

WEIGHTS_SUFFIX = ".safetensors"
_OUTPUT_STRIDE = 4


def open_network(path: Path) -> CompactNetwork:
    """The network of an exported weight file, or the moving average of a checkpoint, in evaluation mode."""
    if path.suffix == WEIGHTS_SUFFIX:
        network = build(read_header(path)["hyper"])
        network.load_state_dict(read_weights(path))
    else:
        state = load_checkpoint(path)
        network = build(state["recipe"]["hyper"])
        network.load_state_dict(state["average"])
        network = network.eval().fold()
    return network.eval().to(memory_format=torch.channels_last)


def predict_logits(network: CompactNetwork, lightness: Tensor, *, rim: int) -> Tensor:
    """Logits of the picture area, as the pipeline gets them: a reflected rim is added and cut off again.

    Args:
        network: In evaluation mode.
        lightness: (N, 1, h, w) float32, L* in 0..100; h + 2 rim and w + 2 rim are multiples of 32.
        rim: Reflected pixels on each side, a multiple of 4.

    Returns:
        (N, 258, h/4, w/4) float32.
    """
    for side in lightness.shape[2:]:
        if (side + 2 * rim) % 32:
            raise SettingsError(
                f"Side {side} with a rim of {rim} is no network size.", "Side plus rims must be a multiple of 32."
            )
    logits: Tensor = network(rimmed_input(network, lightness, rim=rim))
    cut = rim // _OUTPUT_STRIDE
    return logits[:, :, cut : logits.shape[2] - cut, cut : logits.shape[3] - cut]


def rimmed_input(network: CompactNetwork, lightness: Tensor, *, rim: int) -> Tensor:
    """The network's input (N, 3, h + 2 rim, w + 2 rim) for a lightness (N, 1, h, w), the rim reflected."""
    padded = F.pad(lightness, (rim, rim, rim, rim), mode="reflect") if rim else lightness
    return network.to_input(padded).contiguous(memory_format=torch.channels_last)


def predict_ab(network: CompactNetwork, lightness: Tensor, *, rim: int, codec: BinCodec | None = None) -> Tensor:
    """Colors (N, 2, h, w) float32 of the picture area, enlarged as films are; `codec` replaces the network's."""
    ab, _ = (codec or network.codec).decode(predict_logits(network, lightness, rim=rim))
    return enlarge(ab, (lightness.shape[2], lightness.shape[3]), (1, 1), "center")
