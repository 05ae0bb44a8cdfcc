"""Results to verify: a source, and what a run that keeps every promise would have made of it."""

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from made_films import FilmRecipe, Sound, Subtitles, make_film

from videocolor.core.frames import MergedFrame
from videocolor.media.carry import plan_carry
from videocolor.media.decode import DecodeCounts, DecodeSettings, open_frames
from videocolor.media.encode import LumaDigest, open_encoder
from videocolor.media.formats import choose_encoding
from videocolor.media.mux import MuxJob, mux_film
from videocolor.media.probe import probe_film
from videocolor.settings import LOSSES, EncodeSettings
from videocolor.verification import VerifyReport

CHAPTERS = [
    {"id": 1, "start": 0, "end": 400, "time_base": Fraction(1, 1000), "metadata": {"title": "Straße"}},
    {"id": 2, "start": 400, "end": 960, "time_base": Fraction(1, 1000), "metadata": {"title": "End"}},
]
FORCED = 64  # libav's AV_DISPOSITION_FORCED

RICH = FilmRecipe(
    frame_count=24,
    options={"qp": "0", "preset": "fast", "bf": "3"},
    # A variable rate that starts late.
    time_base=Fraction(1, 1000),
    pts=[80 + 40 * number + (7 if number % 5 == 3 else 0) for number in range(24)],
    cuts=(9,),
    sample_aspect=Fraction(16, 15),
    matrix=(0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30),
    color={"color_range": 1, "colorspace": 6, "color_primaries": 6, "color_trc": 6},
    sounds=(
        Sound(tags={"language": "eng", "title": "Piano"}),
        Sound(codec="opus", pitch_hz=220.0, start_s=0.25, tags={"language": "fre"}),
    ),
    subtitles=(Subtitles(tags={"language": "ger"}, disposition=FORCED),),
    attachments=(("font.ttf", "font/ttf", bytes(range(256)) * 9),),
    chapters=CHAPTERS,
    tags={"title": "A film & more", "comment": 'line "one"'},
    video_tags={"title": "Picture"},
)
"""Everything that Matroska can hold."""


@dataclass(frozen=True)
class Pair:
    """A film and its colored result."""

    source: Path
    result: Path


def colored(recipe: FilmRecipe, **changes: object) -> FilmRecipe:
    """The recipe of a result that keeps everything, or breaks what `changes` say."""
    return replace(recipe, **{"tinted": (0, 1), **changes})


def make_pair(folder: Path, recipe: FilmRecipe, *, suffix: str = ".mkv", **changes: object) -> Pair:
    """Make both films."""
    source, result = folder / f"source{suffix}", folder / f"result{suffix}"
    return Pair(make_film(source, recipe), make_film(result, colored(recipe, **changes)))


def tint(source: Path, result: Path, codec: str, *, start: Fraction | None = None, end: Fraction | None = None) -> None:
    """Run the media stages with a constant color in place of a network."""
    info = probe_film(source)
    encoding = choose_encoding(info, EncodeSettings(codec=codec), result, allow_loss=frozenset(LOSSES))
    carry = plan_carry(info, encoding, result)
    pts, durations, digest = [], [], LumaDigest()
    settings = DecodeSettings(threads=1, start=start, end=end)
    kind = np.uint8 if encoding.bit_depth == 8 else np.uint16
    with TemporaryDirectory(dir=result.parent) as folder:
        segment = Path(folder) / "segment.mp4"
        with open_encoder(segment, encoding, origin_pts=info.video.start_pts or 0) as encoder:
            for number, frame in enumerate(open_frames(info, settings, DecodeCounts())):
                pts.append(frame.pts)
                durations.append(frame.duration)
                digest.add(number, frame.y)
                down, across = encoding.chroma_steps
                shape = -(-frame.y.shape[0] // down), -(-frame.y.shape[1] // across)
                u, v = (np.full(shape, code << (encoding.bit_depth - 8), kind) for code in (100, 160))
                encoder.write(MergedFrame(frame=frame, u=u, v=v, limited_share=0.0))
        job = MuxJob(
            info=info,
            encoding=encoding,
            carry=carry,
            segments=[(segment, info.video.start_pts or 0)],
            pts=pts,
            durations=durations,
            offset_pts=pts[0] if start is not None or end is not None else 0,
            end_pts=pts[-1] + durations[-1] if end is not None else None,
            tags={"VIDEOCOLOR_LUMA": digest.hex},
        )
        mux_film(job, result)


def broken(report: VerifyReport) -> set[str]:
    """The broken promises' names."""
    return {item.promise for item in report.findings if item.state == "broken"}


def states(report: VerifyReport) -> dict[str, str]:
    """State by promise."""
    return {item.promise: item.state for item in report.findings}


def detail(report: VerifyReport, promise: str) -> str:
    """A finding's detail."""
    return next(item.detail for item in report.findings if item.promise == promise)
