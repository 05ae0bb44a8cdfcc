"""Where skin is visible on known photographs: boxes that a person tagged, found by the hash of the file."""

import tomllib
from importlib.resources import files

from videocolor.examine.views import Box, Photo

LEAST_INSIDE = 0.7
"""Share of a box's area that must be in a photograph's window; other boxes are left out."""

SkinBoxes = dict[str, tuple[Box, ...]]
"""By the sha256 of a file, boxes that lie inside skin, as shares of its upright picture."""
Region = tuple[slice, slice]
"""Rows and columns of a picture."""


def shipped_boxes() -> SkinBoxes:
    """The boxes on the photographs that this project validates with."""
    text = files("videocolor.examine").joinpath("skin_boxes.toml").read_text(encoding="utf-8")
    return {digest: tuple(tuple(box) for box in boxes) for digest, boxes in tomllib.loads(text).items()}


def skin_regions(photo: Photo, boxes: SkinBoxes) -> list[Region]:
    """The boxes of a photograph as pixels of `photo.rgb`, without those that its window cuts off or that are empty."""
    height, width = photo.rgb.shape[:2]
    regions = []
    for box in boxes.get(photo.sha256, ()):
        if (inside := in_window(box, photo.window)) is None:
            continue
        left, top, right, bottom = inside
        rows = slice(round(top * height), round(bottom * height))
        columns = slice(round(left * width), round(right * width))
        if rows.stop > rows.start and columns.stop > columns.start:
            regions.append((rows, columns))
    return regions


def in_window(box: Box, window: Box) -> Box | None:
    """A box of a whole picture as shares of a window of it.

    Args:
        box: Left, top, right and bottom as shares of the whole picture.
        window: The same of the window.

    Returns:
        The part that is inside, in shares of the window; None where that is less than `LEAST_INSIDE` of the box.
    """
    left, top, right, bottom = box
    low_x, low_y, high_x, high_y = window
    clipped = max(left, low_x), max(top, low_y), min(right, high_x), min(bottom, high_y)
    across, down = max(0.0, clipped[2] - clipped[0]), max(0.0, clipped[3] - clipped[1])
    if across * down < LEAST_INSIDE * (right - left) * (bottom - top):
        return None
    wide, tall = high_x - low_x, high_y - low_y
    return (
        (clipped[0] - low_x) / wide,
        (clipped[1] - low_y) / tall,
        (clipped[2] - low_x) / wide,
        (clipped[3] - low_y) / tall,
    )
