"""The original DeOldify program's way through a film, rebuilt as a yardstick for speed (visualize.py, filters.py).

Frames become JPEG files, each is colored alone in float32 and saved as JPEG, and ffmpeg makes a film of them. The
network is the one of `videocolor.models.deoldify` with its norms as published, so spectral norms are divided out on
every run, and with attention over a stored matrix of all pairs, as there.

Left out is what would cost the original more: the watermark, emptying the GPU's cache before every frame, and making
and loading the network by its training library. Other than there, a failed ffmpeg is an error.
"""

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck

from videocolor.errors import WeightsError
from videocolor.media.ffmpeg_program import ffmpeg_program
from videocolor.models.blocks.attention import SelfAttention
from videocolor.models.blocks.norms import WeightNormConv2d
from videocolor.models.deoldify import build, original_rgb
from videocolor.models.stored_model import read_model, restore_network


class StoredPairsAttention(nn.Module):
    """`SelfAttention` in the original's own operations: the matrix of all pairs of positions is stored."""

    def __init__(self, attention: SelfAttention) -> None:
        super().__init__()
        self.query, self.key, self.value = attention.query, attention.key, attention.value
        self.gamma = attention.gamma

    def forward(self, x: Tensor) -> Tensor:
        positions = x.flatten(2)
        pairs = torch.bmm(self.query(positions).transpose(1, 2).contiguous(), self.key(positions))
        y = torch.bmm(self.value(positions), F.softmax(pairs, dim=1))
        return (self.gamma * y + positions).reshape(x.shape)


def original_network(hyper: Mapping[str, Any], seed: int) -> nn.Module:
    """A network of the original's form with fresh parameters, float32, NCHW, in evaluation mode.

    Random weights cost the time of published ones: nothing in the network depends on values.

    Args:
        hyper: What `videocolor.models.deoldify.build` takes.
        seed: Of the parameters.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build({**hyper, "folded": False})
        _settle(network)
    return _as_original(network)


def load_original(path: Path) -> nn.Module:
    """The same of a weight file, published or from `save_checkpoint`.

    Raises:
        WeightsError: The file cannot be read, holds another network, or one whose norms are folded away already.
    """
    stored = read_model(path)
    if stored.family != "deoldify" or stored.hyper.get("folded"):
        raise WeightsError(
            f"{path} holds no network in DeOldify's published form.", "Use the published file, not a converted one."
        )
    return _as_original(restore_network(stored))


def save_checkpoint(network: nn.Module, path: Path) -> None:
    """Write a torch file in the layout of the published ones: network, and optimizer (here empty)."""
    torch.save({"model": network.state_dict(), "opt": {}}, path)


def _as_original(network: nn.Module) -> nn.Module:
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, SelfAttention):
                setattr(parent, name, StoredPairsAttention(child))
    return network.eval().requires_grad_(False)


def _settle(network: nn.Module) -> None:
    """Make fresh parameters answer like trained ones in scale: with the initial ones the range's ends are reached."""
    network.train()
    with torch.no_grad():
        # Each run is a step of the spectral norms towards the largest singular values.
        for _ in range(3):
            network(torch.randn(2, 3, 64, 64))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
        elif isinstance(module, (BasicBlock, Bottleneck)):
            # Else every block doubles the variance.
            nn.init.constant_(getattr(module, "bn3", module.bn2).weight, 0.25)
        elif isinstance(module, SelfAttention):
            # 0 at first: attention would be computed, but not seen in the answer.
            nn.init.ones_(module.gamma)
        elif isinstance(module, WeightNormConv2d):
            # Else the decoder's features are lost beside the input that is joined to them.
            nn.init.constant_(module.weight_g, 20.0)


def color_film_as_original(film: Path, folder: Path, run: Callable[[Tensor], Tensor], render_factor: int) -> Path:
    """Color a film step by step as the original does; all frames lie on the disk twice.

    Args:
        film: With AAC sound; of any other, the original loses the sound.
        folder: Takes the frames and the result.
        run: The network: normalized gray RGB (1, 3, side, side) float32 on the CPU to normalized RGB of that shape.
        render_factor: Side of the network's square in units of 16 pixels.

    Returns:
        The result's path.
    """
    gray, colored, silent, sound, result = (
        folder / name for name in ("bwframes", "colorframes", "no_audio.mp4", "sound.aac", "result.mp4")
    )
    gray.mkdir()
    colored.mkdir()
    _ffmpeg("-i", film, "-f", "image2", "-q:v", "0", "-vcodec", "mjpeg", gray / "%5d.jpg")
    for path in gray.iterdir():
        with Image.open(path) as picture:
            rgb = np.asarray(picture.convert("RGB"))
        Image.fromarray(original_rgb(run, rgb, 16 * render_factor)).save(colored / path.name)
    with av.open(f"file:{film}") as container:
        rate = container.streams.video[0].average_rate
    frames = ("-f", "image2", "-framerate", str(rate), "-vcodec", "mjpeg", "-i", colored / "%5d.jpg")
    _ffmpeg(*frames, "-crf", "17", "-vcodec", "libx264", silent)
    # What remains if the sound fails.
    shutil.copyfile(silent, result)
    _ffmpeg("-y", "-i", film, "-vn", "-acodec", "copy", sound)
    _ffmpeg("-y", "-i", silent, "-i", sound, "-shortest", "-c:v", "copy", "-c:a", "aac", "-b:a", "256k", result)
    return result


def _ffmpeg(*arguments: str | Path) -> None:
    quiet = ("-nostdin", "-hide_banner", "-nostats", "-loglevel", "error")
    subprocess.run([ffmpeg_program(), *quiet, *map(str, arguments)], check=True)
