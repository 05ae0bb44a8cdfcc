"""Reading a still as a film of one frame. The pixels' way in is `still_decode`, their way out `still_write`."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from warnings import WarningMessage

import numpy as np
import numpy.typing as npt
from PIL import Image

from videocolor.core.frames import Frame
from videocolor.core.media import PixelLayout
from videocolor.media.still_decode import Pixels, decode_pixels
from videocolor.media.still_keep import StillKeep, exif_of, gather_keep
from videocolor.media.still_open import open_picture
from videocolor.media.still_png import Chunk, kept_chunks

_COLORED = 2.0
"""Mean chroma from which a picture counts as colored; JPEG's rounding of gray stays below 1."""
_FILM_FORMATS = ("GIF", "PNG")


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """A decoded picture: the frame for the pipeline, and what its reading changed or left out."""

    frame: Frame
    """`keep` is a `StillKeep`."""
    keep: StillKeep
    notes: tuple[str, ...]


def read_still(path: Path) -> Frame:
    """Decode a picture as the only frame of a film.

    Args:
        path: A picture file; its content decides the format, not its name.

    Returns:
        A frame with pts 0; y (and alpha) uint8 or uint16 in full range, u and v None even for color sources,
        because the color will be replaced; `keep` is a `StillKeep`. Pixels stay as stored: EXIF's orientation is
        kept as a tag.

    Raises:
        MediaNotFound: There is no such file.
        MediaError: Not a picture, too large, truncated, corrupt, or of a kind that is not read.
    """
    return load_still(path).frame


def load_still(path: Path) -> Still:
    """`read_still` together with the notes for the user."""
    with open_picture(path) as picture:
        chunks: tuple[Chunk, ...] = ()
        if picture.format == "PNG":
            with path.open("rb") as file:
                chunks = kept_chunks(file, path)
        exif, orientation = exif_of(picture)
        pixels = decode_pixels(picture, path, orientation=orientation)
        keep = gather_keep(
            picture,
            bit_depth=pixels.bit_depth,
            mean_chroma=pixels.mean_chroma,
            orientation=orientation,
            exif=exif,
            icc=pixels.icc,
            png_chunks=chunks,
        )
        warned = _warnings(picture.info["warnings"])
    frame = Frame(
        pts=0,
        duration=0,
        y=pixels.y,
        u=None,
        v=None,
        alpha=pixels.alpha,
        layout=still_layout(pixels),
        keep=keep,
    )
    return Still(frame=frame, keep=keep, notes=(*pixels.notes, *_notes(keep), *warned))


def load_rgb_still(path: Path) -> tuple[npt.NDArray[np.uint8], StillKeep, tuple[str, ...]]:
    """Decode a picture of 8 bits with its colors, as programs that know only RGB do.

    Returns:
        (H, W, 3) uint8 as stored (no orientation, no color management, no alpha), what the source carried, and notes.

    Raises:
        MediaError: As `read_still`.
    """
    still = load_still(path)
    with open_picture(path) as picture:
        rgb = np.asarray(picture.convert("RGB"), np.uint8)
    return rgb, still.keep, still.notes


def still_layout(pixels: Pixels) -> PixelLayout:
    """The layout of every still: full range, BT.601 luma weights, chroma at full size."""
    depth = 8 * pixels.y.dtype.itemsize
    return PixelLayout(
        name="gray" if depth == 8 else "gray16le",
        bit_depth=depth,
        chroma="444",
        full_range=True,
        matrix="bt601",
        primaries="bt709",
        transfer="sdr",
        siting="center",
        has_alpha=pixels.alpha is not None,
    )


def _warnings(caught: Iterable[WarningMessage]) -> tuple[str, ...]:
    """What Pillow warned about while decoding; its own limit on pixels is not ours."""
    heeded = (item for item in caught if not issubclass(item.category, Image.DecompressionBombWarning))
    return tuple(dict.fromkeys(f"Pillow: {item.message}" for item in heeded))


def _notes(keep: StillKeep) -> list[str]:
    notes = []
    if keep.mean_chroma >= _COLORED:
        notes.append(f"The picture already has color (mean chroma {keep.mean_chroma:.1f} of 255); it is replaced.")
    if keep.orientation != 1:
        notes.append(f"EXIF orientation {keep.orientation}: the pixels stay as stored and the tag is kept.")
    left = keep.frame_count - 1
    if left > 0:
        notes.append(f"Only the first of {keep.frame_count} pictures is read, {left} left out; {_remedy(keep)}.")
    return notes


def _remedy(keep: StillKeep) -> str:
    """How to get the other pictures."""
    if keep.source_format in _FILM_FORMATS:
        return "for all of them name a video as the target, such as .mkv"
    if keep.source_format == "TIFF":
        return "for all pages split the file first (`tiffsplit`)"
    if keep.source_format == "MPO":
        return "the others are previews, depth or gain maps"
    return "for all of them convert the animation to GIF or to a video first"
