"""Between libav's frames and numpy planes: which pixel formats there are, and where luma lies in them.

Planes are copied, never converted: swscale is allowed near luma only for sources that have none (RGB, palette).
"""

import re
from functools import lru_cache
from typing import Any, cast

import av
import numpy as np
import numpy.typing as npt
from av.video.format import VideoFormat
from av.video.frame import VideoFrame

from videocolor.core.frames import Plane
from videocolor.core.media import Chroma
from videocolor.errors import MediaError

_SUBSAMPLING: dict[tuple[int, int], Chroma] = {
    (1, 1): "444",
    (2, 1): "422",
    (2, 2): "420",
    (1, 2): "440",
    (4, 1): "411",
    (4, 4): "410",
}

# Packed and semi-planar formats of capture cards: where Y lies, and the planar format that means the same.
_PACKED_LUMA_OFFSET = {"yuyv422": 0, "yvyu422": 0, "uyvy422": 1}
_PLANAR_TWIN = {
    "yuyv422": "yuv422p",
    "yvyu422": "yuv422p",
    "uyvy422": "yuv422p",
    "nv12": "yuv420p",
    "nv21": "yuv420p",
    "nv16": "yuv422p",
    "nv24": "yuv444p",
    "p010le": "yuv420p10le",
    "p016le": "yuv420p16le",
    "p210le": "yuv422p10le",
}

# With more, swscale's vectors run over the end of a slice's last line into the next slice of deep pictures: a few
# samples a frame, other ones in every run.
SWSCALE_THREADS = 1

# Left out: floats, samples in the upper bits (msb), and packed formats, whose first plane is not luma.
_PLANAR = re.compile(r"(gray(9|1[0246])?|ya(8|16)|yuv[aj]?4\d\dp(9|1[0246])?)(le|be)?")


@lru_cache(maxsize=256)
def pixel_format(name: str) -> VideoFormat:
    """How libav describes a pixel format."""
    return VideoFormat(name, 16, 16)


def bit_depth(name: str) -> int:
    """Significant bits of the first component."""
    return int(pixel_format(name).components[0].bits)


def depth_of_luma(name: str) -> int:
    """Bits of the luma that a source gives: RGB of 9 or 14 bits becomes Y'CbCr of 10 or 16, which libav has."""
    depth = max(8, bit_depth(name))
    return next(made for made in (8, 10, 12, 16) if made >= depth) if is_rgb(name) else depth


def has_alpha(name: str) -> bool:
    """Whether the format carries an alpha plane or channel."""
    return name.startswith(("yuva", "gbrap", "ya")) or name in {"rgba", "bgra", "argb", "abgr", "rgba64le", "rgba64be"}


def is_rgb(name: str) -> bool:
    """RGB, palette and bilevel: formats without a luma plane."""
    return bool(pixel_format(name).is_rgb) or name in {"pal8", "monob", "monow", "xyz12le", "xyz12be"}


@lru_cache(maxsize=256)
def chroma_of(name: str) -> Chroma:
    """The chroma sub-sampling of a format: "400" for gray, "rgb" where there is no luma.

    Raises:
        MediaError: A layout that nothing here can read.
    """
    if is_rgb(name):
        return "rgb"
    if name not in _PLANAR_TWIN and not _PLANAR.fullmatch(name):
        raise MediaError(f"The pixel format {name} is not supported.", "Convert the film to yuv420p or yuv444p first.")
    if name.startswith(("gray", "ya")):
        return "400"
    form = pixel_format(_PLANAR_TWIN.get(name, name))
    return _SUBSAMPLING[16 // form.chroma_width(16), 16 // form.chroma_height(16)]


def chroma_steps(chroma: Chroma) -> tuple[int, int]:
    """How many luma rows and columns share one chroma sample."""
    for (across, down), name in _SUBSAMPLING.items():
        if name == chroma:
            return down, across
    return 1, 1


def planar_format(name: str) -> str:
    """The planar little-endian format with the same samples; what results are made in."""
    return _PLANAR_TWIN.get(name, name).replace("yuvj", "yuv").removesuffix("be") + (
        "le" if name.endswith("be") else ""
    )


def is_editable(frame_format: str, target_format: str) -> bool:
    """Whether new chroma can be written into the decoder's own frame, which keeps all its side data."""
    return frame_format.replace("yuvj", "yuv") == target_format and chroma_of(target_format) != "400"


def plane_view(frame: VideoFrame, index: int) -> Plane:
    """A writable numpy view of one plane of a planar frame: (H, W) uint8 or uint16, without the line padding."""
    name = frame.format.name
    samples = "u1" if bit_depth(name) <= 8 else ">u2" if name.endswith("be") else "<u2"
    return cast(Plane, _rows(frame, index, samples)[:, : frame.planes[index].width])


def _rows(frame: VideoFrame, index: int, samples: str) -> npt.NDArray[Any]:
    """All samples of a plane, line padding included, as (H, samples a line)."""
    plane: Any = frame.planes[index]
    dtype: np.dtype[Any] = np.dtype(samples)
    return np.frombuffer(plane, dtype=dtype).reshape(plane.height, plane.line_size // dtype.itemsize)


def luma_plane(frame: VideoFrame) -> Plane:
    """The Y plane of any supported frame, read-only; a view wherever the format allows it.

    Returns:
        (H, W) uint8, or uint16 for more than 8 bits, in native byte order.
    """
    name = frame.format.name
    if name in _PACKED_LUMA_OFFSET:
        luma = cast(Plane, _rows(frame, 0, "u1")[:, _PACKED_LUMA_OFFSET[name] : 2 * frame.width : 2])
    elif name in {"ya8", "ya16le", "ya16be"}:
        luma = _packed_gray_alpha(frame)[:, 0::2]
    else:
        luma = plane_view(frame, 0)
        if name.startswith(("p010", "p210")):
            luma = cast(Plane, luma >> 6)
    if not luma.dtype.isnative:
        luma = cast(Plane, luma.astype(np.uint16))
    luma.flags.writeable = False
    return luma


def alpha_plane(frame: VideoFrame) -> Plane | None:
    """The alpha plane of a YUV or gray frame, read-only, or None."""
    name = frame.format.name
    if name.startswith("yuva"):
        alpha = plane_view(frame, 3)
    elif name.startswith("ya"):
        alpha = _packed_gray_alpha(frame)[:, 1::2]
    else:
        return None
    if not alpha.dtype.isnative:
        alpha = cast(Plane, alpha.astype(np.uint16))
    alpha.flags.writeable = False
    return alpha


def chroma_planes(frame: VideoFrame) -> tuple[Plane, Plane] | None:
    """Source Cb and Cr, read-only, or None for gray and for packed formats."""
    name = frame.format.name
    if chroma_of(name) == "400":
        return None
    if name in _PLANAR_TWIN:
        frame = frame.reformat(format=_PLANAR_TWIN[name], threads=SWSCALE_THREADS)
    pair = (plane_view(frame, 1), plane_view(frame, 2))
    if not pair[0].dtype.isnative:
        pair = (cast(Plane, pair[0].astype(np.uint16)), cast(Plane, pair[1].astype(np.uint16)))
    for plane in pair:
        plane.flags.writeable = False
    return pair


def rgb_to_yuv444(frame: VideoFrame, matrix: str) -> VideoFrame:
    """The one conversion that sources without luma go through: full-range 4:4:4 of their depth, by `matrix`."""
    depth = depth_of_luma(frame.format.name)
    alpha = "a" if has_alpha(frame.format.name) else ""
    suffix = "" if depth == 8 else f"{depth}le"
    colorspace = {"bt601": "ITU601", "bt709": "ITU709", "bt2020": "BT2020"}[matrix]
    made = frame.reformat(
        format=f"yuv{alpha}444p{suffix}",
        src_color_range=av.video.reformatter.ColorRange.JPEG,
        dst_color_range=av.video.reformatter.ColorRange.JPEG,
        dst_colorspace=colorspace,
        threads=SWSCALE_THREADS,
    )
    made.pts, made.time_base = frame.pts, frame.time_base
    return made


def _packed_gray_alpha(frame: VideoFrame) -> Plane:
    samples = {"ya8": "u1", "ya16le": "<u2", "ya16be": ">u2"}[frame.format.name]
    return cast(Plane, _rows(frame, 0, samples)[:, : 2 * frame.width])
