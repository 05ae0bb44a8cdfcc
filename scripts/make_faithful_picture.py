#!/usr/bin/env python
"""Makes the picture of docs/models.md: one portrait by --faithful and by the default way, and what each does to luma.

python scripts/make_faithful_picture.py          # writes docs/images/faithful-and-default.jpg

DeOldify's weights cannot be shipped, so that a stand-in answers in place of its network: `compact`, asked for the same
square and answering RGB as DeOldify does. Everything around the network is the program's own, both ways.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import skimage.data
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from videocolor.color.lab import gray_to_lightness, lab_to_rgb
from videocolor.core.frames import LumaBatch, ShotContext
from videocolor.core.shots import Shot
from videocolor.device import Compute
from videocolor.models.adapter import NetworkColorizer
from videocolor.models.blocks.imagenet import MEAN, STD
from videocolor.models.deoldify import DeOldifyHyper, DeOldifyNetwork
from videocolor.models.loader import load_colorizer
from videocolor.models.registry import load_card
from videocolor.pipeline.faithful import colorize_still_faithfully
from videocolor.pipeline.still import colorize_still
from videocolor.settings import RunSettings

TARGET = Path(__file__).resolve().parents[1] / "docs" / "images" / "faithful-and-default.jpg"
RENDER_FACTOR = 21
AMPLIFICATION = 40
# The face, in pixels of the portrait: left, top, right, bottom.
DETAIL = (160, 52, 304, 196)
PANEL, GAP, TITLE = 288, 6, 26

Rgb = npt.NDArray[np.uint8]


class StandIn(DeOldifyNetwork):
    """DeOldify's input and output with `compact` between them; the layers, which are small and random, are not run."""

    def __init__(self) -> None:
        super().__init__(DeOldifyHyper(encoder="resnet18", decoder="deep", factor=0.25))
        self.colorizer = load_colorizer("compact", device="cpu", precision="float32")

    def forward(self, x: Tensor) -> Tensor:
        """Normalized RGB (N, 3, h, w) of such gray RGB."""
        mean, std = (x.new_tensor(values)[:, None, None] for values in (MEAN, STD))
        lightness = gray_to_lightness((x * std + mean)[:, :1])
        shot = Shot(index=0, start_pts=0, end_pts=len(x), frame_count=len(x), cause="start")
        batch = LumaBatch(lightness=lightness, pts=tuple(range(len(x))), context=ShotContext(shot=shot, seed=0))
        ab = F.interpolate(self.colorizer.predict(batch).ab, x.shape[2:], mode="bicubic")
        return (lab_to_rgb(lightness, ab) - mean) / std


def color_both_ways(gray: Image.Image) -> tuple[Rgb, Rgb]:
    """The portrait (H, W, 3) by --faithful and by the default way, with one network at one size."""
    card = replace(load_card("deoldify-video"), name="stand-in", sha256=None)
    colorizer = NetworkColorizer(StandIn(), card, Compute(device=torch.device("cpu"), dtype=torch.float32))
    settings = RunSettings(render_factor=RENDER_FACTOR)
    with tempfile.TemporaryDirectory() as folder:
        source, faithful, default = (Path(folder) / name for name in ("gray.png", "faithful.png", "default.png"))
        gray.save(source)
        colorize_still_faithfully(source, faithful, replace(settings, faithful=True), colorizer=colorizer)
        colorize_still(source, default, settings, colorizer=colorizer)
        first, second = (np.asarray(Image.open(path).convert("RGB")) for path in (faithful, default))
    return first, second


def luma_error(rgb: Rgb, luma: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """How far the rounded luma (BT.601) of each pixel is from the source's, in 8-bit codes."""
    made = (rgb.astype(np.int64) @ np.array([299, 587, 114]) + 500) // 1000
    return np.abs(made - luma)


def as_picture(error: npt.NDArray[np.int64]) -> Image.Image:
    """An error as brightness, amplified."""
    return Image.fromarray((AMPLIFICATION * error).clip(0, 255).astype(np.uint8)).convert("RGB")


def sheet_of(columns: dict[str, Image.Image]) -> Image.Image:
    """Whole pictures above, the detail below, each column under its title."""
    width = len(columns) * (PANEL + GAP) - GAP
    sheet = Image.new("RGB", (width, TITLE + 2 * PANEL + GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for index, (title, picture) in enumerate(columns.items()):
        left = index * (PANEL + GAP)
        draw.text((left + PANEL / 2, TITLE / 2), title, "black", ImageFont.load_default(size=16), anchor="mm")
        sheet.paste(picture.resize((PANEL, PANEL), Image.Resampling.LANCZOS), (left, TITLE))
        detail = picture.crop(DETAIL).resize((PANEL, PANEL), Image.Resampling.NEAREST)
        sheet.paste(detail, (left, TITLE + PANEL + GAP))
    return sheet


def main() -> None:
    """Read the command line, write the picture, print the figures of its caption."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path, nargs="?", default=TARGET)
    arguments = parser.parse_args()
    # Pillow's "L" is luma by BT.601.
    gray = Image.fromarray(skimage.data.astronaut()).convert("L")
    results = dict(zip(("--faithful", "default"), color_both_ways(gray), strict=True))
    errors = {name: luma_error(rgb, np.asarray(gray)) for name, rgb in results.items()}
    columns = {"source": gray.convert("RGB")} | {name: Image.fromarray(rgb) for name, rgb in results.items()}
    columns |= {f"luma error x {AMPLIFICATION}: {name}": as_picture(error) for name, error in errors.items()}
    arguments.path.parent.mkdir(parents=True, exist_ok=True)
    sheet_of(columns).save(arguments.path, quality=88, optimize=True)
    for name, error in errors.items():
        share = float((error > 0).mean())
        print(f"{name}: luma differs at {share:.1%} of the pixels, by {error.max()} codes at most")
    print(f"{arguments.path}: {arguments.path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
