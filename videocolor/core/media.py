"""What a source is: its streams, its pixel layout, its clock. Filled by `media/probe.py`, never changed afterwards."""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

Chroma = Literal["400", "410", "411", "420", "422", "440", "444", "rgb"]
StreamKind = Literal["video", "audio", "subtitle", "data", "attachment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelLayout:
    """How the numbers of a plane are to be read."""

    name: str
    """libav's pix_fmt, for example `yuv420p10le`."""
    bit_depth: int
    """Significant bits of a luma sample: 8, 9, 10, 12, 14 or 16."""
    chroma: Chroma
    """Chroma sub-sampling; "400" is gray, "rgb" has no luma plane and is converted once."""
    full_range: bool
    """True: luma uses all codes (0..255 at 8 bit); False: studio range (16..235)."""
    matrix: Literal["bt601", "bt709", "bt2020"]
    """Y'CbCr matrix, as tagged or as assumed (see `VideoInfo.notes`)."""
    primaries: Literal["bt709", "bt2020"]
    """Primaries of R'G'B'. The 601-era primaries differ so little that they count as BT.709 here."""
    transfer: Literal["sdr", "pq"]
    """"pq" is SMPTE ST 2084; everything else, HLG included, is treated like SDR."""
    siting: Literal["left", "center", "topleft"]
    """Where chroma samples lie; untagged 4:2:0 and 4:2:2 are "left"."""
    has_alpha: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ColorTags:
    """The color tags as libav's code points, to be written to the result as they were read."""

    primaries: int = 2
    transfer: int = 2
    matrix: int = 2
    color_range: int = 0
    chroma_location: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoInfo:
    """The stream that will be colored."""

    index: int
    codec: str
    height: int
    width: int
    layout: PixelLayout
    tags: ColorTags
    sample_aspect: Fraction | None
    time_base: Fraction
    average_rate: Fraction | None
    start_pts: int | None
    frame_count_header: int | None
    """What the header promises; the truth is known after the planning pass."""
    display_matrix: tuple[int, ...] | None
    """libav's nine numbers of rotation and mirroring; None when there is none."""
    rotation: int
    """Degrees that a player turns the picture (multiples of 90 for all real files), for display only."""
    field_order: str
    """"progressive", "tt", "bb", "tb", "bt" or "unknown", as flagged."""
    frame_side_data: tuple[str, ...] = ()
    """Names of the first frame's side data, such as MASTERING_DISPLAY_METADATA."""
    mastering_display: tuple[Fraction, ...] | None = None
    """HDR10: red x, y, green x, y, blue x, y, white x, y, then minimum and maximum luminance in cd/m²."""
    content_light: tuple[int, int] | None = None
    """HDR10: brightest pixel and brightest frame average, in cd/m²."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamInfo:
    """One stream that is copied, not colored."""

    index: int
    kind: StreamKind
    codec: str
    tag: str
    """The container's four-character code, where it has one."""
    language: str | None
    title: str | None
    dispositions: tuple[str, ...]
    is_cover: bool = False

    @property
    def label(self) -> str:
        """How messages name the stream: `#2 subtitle mov_text (eng)`."""
        language = f" ({self.language})" if self.language else ""
        title = f" “{self.title}”" if self.title else ""
        return f"#{self.index} {self.kind} {self.codec or self.tag or 'unknown'}{language}{title}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaInfo:
    """Everything `probe` finds out without decoding more than the first frames."""

    path: Path
    container: str
    """libav's name of the demuxer, or "still"."""
    duration_s: float | None
    size_bytes: int
    identity: str
    """sha256 over size, first and last MiB: equal means "the same file" for resume."""
    video: VideoInfo
    others: tuple[StreamInfo, ...] = ()
    chapter_count: int = 0
    metadata: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What was guessed or is odd, as sentences for the user."""

    @property
    def is_still(self) -> bool:
        return self.container == "still"
