"""A person's picture, brought to the grid of the film's motion: color, gray to compare it by, and where it counts.

Only the chroma is used. The lightness tells whether and how the picture fits the film's frame (`fit.py`).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageOps

from videocolor.color.lab import rgb_to_lab
from videocolor.core.media import VideoInfo
from videocolor.core.motion import FloatPlane, Size
from videocolor.errors import SettingsError
from videocolor.media.still_decode import luma_of_rgb
from videocolor.media.still_icc import color_space, lab_to_srgb, to_srgb
from videocolor.media.still_open import open_picture

_ASPECT_WITHIN = 0.02
# Mean chroma of a picture below this is gray with rounding and JPEG's noise.
_COLORED = 2.0
_BLUR_SIGMA = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ColorPicture:
    """A decoded picture, upright as a person sees it."""

    rgb: npt.NDArray[np.uint8]
    """(H, W, 3) sRGB."""
    alpha: npt.NDArray[np.uint8]
    """(H, W), 255 where the picture counts."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Painting:
    """A frame's color as a person wants it, at work size, in the orientation of the stored planes."""

    gray: FloatPlane
    """(h, w) float32, blurred luma, mean 128 and deviation 55 over the opaque pixels."""
    ab: FloatPlane
    """(h, w, 2) float32, Lab units; 0 where the picture is transparent."""
    weight: FloatPlane
    """(h, w) float32, 0 where the picture is transparent (not colored here), 1 where it is not."""

    @property
    def has_color(self) -> bool:
        """Whether there is more than gray."""
        return float(np.hypot(*np.moveaxis(self.ab, 2, 0)).sum()) >= _COLORED * float(self.weight.sum())


def read_picture(path: Path) -> ColorPicture:
    """Decode a picture with its color; EXIF's orientation and an ICC profile of RGB or CMYK are applied.

    Samples of 16 bits become 8: the color that is made of them is coarser than that.

    Raises:
        MediaError: Not a picture, damaged, or of a kind that is not read.
    """
    with open_picture(path) as picture:
        icc = picture.info.get("icc_profile") or b""
        picture.load()
        has_alpha = picture.has_transparency_data
        upright = ImageOps.exif_transpose(picture)
        rgb = _to_srgb(upright, icc)
        alpha = upright.convert("RGBA").getchannel("A") if has_alpha else Image.new("L", rgb.size, 255)
        return ColorPicture(rgb=np.asarray(rgb, np.uint8), alpha=np.asarray(alpha, np.uint8))


def stored_views(picture: ColorPicture, video: VideoInfo, name: str) -> tuple[ColorPicture, ...]:
    """The picture in the orientation of the film's stored planes; several where only a comparison can tell.

    A picture may have the film's aspect as it is displayed, or that of its stored planes, upright or as stored.

    Raises:
        SettingsError: It has another aspect: it is cropped, or of another film.
    """
    turns = video.rotation // 90 % 4
    stored_aspect = video.width / video.height
    aspects = (stored_aspect, stored_aspect * float(video.sample_aspect or 1))
    views = []
    for back in sorted({0, turns}):
        view = ColorPicture(rgb=np.rot90(picture.rgb, back), alpha=np.rot90(picture.alpha, back))
        height, width = view.alpha.shape
        if any(abs(width / height / aspect - 1) <= _ASPECT_WITHIN for aspect in aspects):
            views.append(view)
    if not views:
        height, width = picture.alpha.shape
        shown = (round(video.height * aspects[1]), video.height)
        wide, high = shown if turns % 2 == 0 else shown[::-1]
        raise SettingsError(
            f"{name} has {width}x{height} pixels, the film is shown with {wide}x{high}: another aspect.",
            "Give the whole frame, not a crop; its size may differ.",
        )
    if _is_mirrored(video):
        views += [ColorPicture(rgb=view.rgb[:, ::-1], alpha=view.alpha[:, ::-1]) for view in views]
        views += [ColorPicture(rgb=view.rgb[::-1], alpha=view.alpha[::-1]) for view in views[: len(views) // 2]]
    return tuple(views)


def at_work_size(view: ColorPicture, size: Size) -> Painting:
    """Average a picture down to the motion's grid; transparent pixels add nothing to their neighbors."""
    alpha = np.asarray(view.alpha / np.float32(255), np.float32)
    weight = _resized(alpha, size)
    unit = np.asarray(view.rgb * (alpha[..., None] / np.float32(255)), np.float32)
    rgb = np.clip(_resized(unit, size) / np.maximum(weight, 1e-6)[..., None], 0, 1)
    ab = rgb_to_lab(torch.from_numpy(rgb).permute(2, 0, 1)[None])[1][0].permute(1, 2, 0).numpy()
    luma = luma_of_rgb((rgb * 255).round().astype(np.uint8)).astype(np.float32)
    return Painting(
        gray=_flat_gray(luma, weight),
        ab=np.asarray(np.where(weight[..., None] > 0, ab, 0), np.float32),
        weight=weight,
    )


def _flat_gray(luma: FloatPlane, weight: FloatPlane) -> FloatPlane:
    """What `flow_gray` does, of the opaque pixels alone and not cut off: a small patch has its own mean."""
    share = cv2.GaussianBlur(weight, (0, 0), _BLUR_SIGMA)
    blurred = cv2.GaussianBlur(luma * weight, (0, 0), _BLUR_SIGMA) / np.maximum(share, 1e-3)
    total = max(float(weight.sum()), 1e-6)
    mean = float((blurred * weight).sum()) / total
    deviation = float(np.sqrt((weight * (blurred - mean) ** 2).sum() / total))
    return np.asarray((blurred - mean) * (55 / max(4.0, deviation)) + 128, np.float32)


def _to_srgb(picture: Image.Image, icc: bytes) -> Image.Image:
    if picture.mode.startswith("I"):
        # 16-bit gray, which Pillow would cut off at 255.
        return Image.fromarray((np.asarray(picture).astype(np.float64) / 257).round().astype(np.uint8)).convert("RGB")
    if picture.mode == "LAB":
        return lab_to_srgb(picture)
    if picture.mode == "CMYK" and color_space(icc) == "CMYK":
        return to_srgb(picture, icc) or picture.convert("RGB")
    rgb = picture.convert("RGB")
    return (to_srgb(rgb, icc) if color_space(icc) == "RGB" else None) or rgb


def _resized(plane: FloatPlane, size: Size) -> FloatPlane:
    shrinks = size[0] <= plane.shape[0] and size[1] <= plane.shape[1]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(plane, (size[1], size[0]), interpolation=interpolation), np.float32)


def _is_mirrored(video: VideoInfo) -> bool:
    """Whether the display matrix turns the picture over; libav's nine numbers, row by row."""
    matrix: Any = video.display_matrix
    return matrix is not None and matrix[0] * matrix[4] - matrix[1] * matrix[3] < 0
