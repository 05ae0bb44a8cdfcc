"""What a picture file is, as the same `MediaInfo` that films have. Content decides, never the name."""

import math
from fractions import Fraction
from pathlib import Path

from videocolor.core.media import ColorTags, MediaInfo, VideoInfo
from videocolor.files import file_identity
from videocolor.media.still import load_still
from videocolor.media.still_open import open_picture, picture_format

# ITU-T H.273: BT.709 primaries, sRGB curve, BT.601 matrix, full range.
_TAGS = ColorTags(primaries=1, transfer=13, matrix=5, color_range=2)
# A ratio of pixel sides further than this from 1 is meant; less is rounding of the density.
_SQUARE_WITHIN = 0.01
_ONE, _END = 1 << 16, 1 << 30
# EXIF orientation as libav's display matrix: where a step right and a step down on the stored picture lead.
_DISPLAY_STEPS = {
    2: (-1, 0, 0, 1),
    3: (-1, 0, 0, -1),
    4: (1, 0, 0, -1),
    5: (0, 1, 1, 0),
    6: (0, 1, -1, 0),
    7: (0, -1, -1, 0),
    8: (0, -1, 1, 0),
}


def is_still(path: Path) -> bool:
    """Whether a file's content is a picture, animated ones included; False for films, texts and empty files.

    Raises:
        MediaNotFound: There is no such file.
        MediaError: The file may not be read.
    """
    return picture_format(path) is not None


def still_frame_count(path: Path) -> int:
    """Pictures in a picture file: 1 for a plain still, more for animations and multi-page files.

    Raises:
        MediaNotFound: There is no such file.
        MediaError: Not a picture, or damaged at its head.
    """
    with open_picture(path) as picture:
        return int(getattr(picture, "n_frames", 1))


def probe_still(path: Path) -> MediaInfo:
    """Describe a picture. It is decoded once, because damage and present color show only then.

    Args:
        path: A picture file.

    Returns:
        Container "still", no duration, one video stream of one frame; the notes say what was converted, guessed or
        left out.

    Raises:
        MediaNotFound: There is no such file.
        MediaError: Not a picture, too large, truncated, corrupt, or of a kind that is not read.
    """
    still = load_still(path)
    frame, keep = still.frame, still.keep
    height, width = frame.y.shape
    video = VideoInfo(
        index=0,
        codec=keep.source_format.lower(),
        height=height,
        width=width,
        layout=frame.layout,
        tags=_TAGS,
        sample_aspect=_sample_aspect(keep.dpi),
        time_base=Fraction(1, 1),
        average_rate=None,
        start_pts=0,
        frame_count_header=keep.frame_count,
        display_matrix=_display_matrix(keep.orientation),
        rotation=_rotation(keep.orientation),
        field_order="progressive",
    )
    return MediaInfo(
        path=path,
        container="still",
        duration_s=None,
        size_bytes=path.stat().st_size,
        identity=file_identity(path),
        video=video,
        metadata=dict(keep.texts) | ({"comment": keep.comment} if keep.comment else {}),
        notes=still.notes,
    )


def _sample_aspect(dpi: tuple[float, float] | None) -> Fraction | None:
    """Width of a pixel over its height, where the densities of the two directions differ."""
    if dpi is None or abs(dpi[0] / dpi[1] - 1) < _SQUARE_WITHIN:
        return None
    return Fraction(dpi[1] / dpi[0]).limit_denominator(1000)


def _display_matrix(orientation: int) -> tuple[int, ...] | None:
    if orientation not in _DISPLAY_STEPS:
        return None
    a, b, c, d = (step * _ONE for step in _DISPLAY_STEPS[orientation])
    return (a, b, 0, c, d, 0, 0, 0, _END)


def _rotation(orientation: int) -> int:
    """Clockwise quarter turns in degrees, by the rule that films follow."""
    right, down, *_ = _DISPLAY_STEPS.get(orientation, (1, 0))
    return round(math.degrees(math.atan2(down, right))) % 360
