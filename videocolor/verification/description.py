"""What a film says about itself: geometry, color tags, HDR, tags, chapters, attachments. Compares, decodes nothing."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from videocolor.core.media import MediaInfo, VideoInfo
from videocolor.media.opening import open_input
from videocolor.media.probe import describe_stream
from videocolor.verification.packets import CutRange
from videocolor.verification.program import sample_aspect_text, stream_lines
from videocolor.verification.report import Finding, Judge, shortened

_UPRIGHT = (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
_UNSET = {"primaries": 2, "transfer": 2, "matrix": 2, "chroma_location": 0}
# ITU-T H.265 D.3.28: chromaticities have steps of 0.00002, luminances of 0.0001 cd/m².
_MASTERING_STEP = Fraction(1, 10_000)
# Chapters of MP4 are a text track in milliseconds; film_check's and players' tolerance is coarser still.
_CHAPTER_SLACK = Fraction(2, 1000)
# Tags that describe the file they stand in; every muxer writes its own.
_OWN_TAGS = frozenset(
    {"encoder", "major_brand", "minor_version", "compatible_brands", "duration", "creation_time_of_file"}
)
_OUR_TAGS = "videocolor"
# Side data of frames that a viewer can notice, and what its loss is called.
_SIDE_DATA = {
    "A53_CC": ("captions in the picture stream", "subtitles"),
    "DOVI_METADATA": ("Dolby Vision metadata", "hdr"),
    "DYNAMIC_HDR_PLUS": ("HDR10+ metadata", "hdr"),
    "DYNAMIC_HDR_VIVID": ("HDR Vivid metadata", "hdr"),
    "AMBIENT_VIEWING_ENVIRONMENT": ("ambient viewing environment", "hdr"),
    "SPHERICAL": ("spherical mapping", "data"),
    "STEREO3D": ("stereo 3D arrangement", "data"),
}


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter, in seconds."""

    start: Fraction
    end: Fraction
    title: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file inside the film: an attachment, or a cover picture, whichever way the container keeps it."""

    name: str | None
    mime: str | None
    sha256: str
    size: int
    is_cover: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmDescription:
    """What `probe` does not tell."""

    info: MediaInfo
    sample_aspect: str
    """As the ffmpeg program shows it."""
    dispositions: frozenset[str]
    """Flags of the colored stream."""
    stream_tags: Mapping[int, Mapping[str, str]]
    """Tags of each stream, by index, with keys in lower case: Matroska's come back in either."""
    chapters: tuple[Chapter, ...]
    attachments: tuple[Attachment, ...]

    @property
    def video_tags(self) -> Mapping[str, str]:
        """Tags of the colored stream."""
        return self.stream_tags[self.info.video.index]

    def tag(self, key: str) -> str | None:
        """A tag of the container, whatever the case of its key."""
        return next((value for name, value in self.info.metadata.items() if name.lower() == key.lower()), None)


def read_description(info: MediaInfo) -> FilmDescription:
    """Read chapters, attachments and tags of a probed film."""
    with open_input(info.path) as container:
        covers = {item.index for item in info.others if item.is_cover}
        attachments = [
            _attachment(stream, info.path, is_cover=stream.index in covers)
            for stream in container.streams
            if stream.type == "attachment" or stream.index in covers
        ]
        chapters = tuple(_chapter(item) for item in container.chapters())
        flags = frozenset(describe_stream(container.streams[info.video.index]).dispositions)
        tags = {stream.index: _lowered(stream.metadata) for stream in container.streams}
    line = stream_lines(info.path).get(info.video.index, "")
    return FilmDescription(
        info=info,
        sample_aspect=sample_aspect_text(line),
        dispositions=flags,
        stream_tags=tags,
        chapters=chapters,
        attachments=tuple(attachments),
    )


def check_geometry(source: FilmDescription, result: FilmDescription, judge: Judge) -> Iterator[Finding]:
    """Sample aspect, rotation and mirroring, order of fields."""
    before, after = source.info.video, result.info.video
    aspects = before.sample_aspect or Fraction(1), after.sample_aspect or Fraction(1)
    same = aspects[0] == aspects[1] and source.sample_aspect == result.sample_aspect
    detail = f"{aspects[0].numerator}:{aspects[0].denominator} -> {aspects[1].numerator}:{aspects[1].denominator}"
    if aspects[0] == aspects[1] and not same:
        detail += f" (the ffmpeg program: {source.sample_aspect} -> {result.sample_aspect})"
    yield judge.check("sample aspect", same, detail)
    matrices = before.display_matrix or _UPRIGHT, after.display_matrix or _UPRIGHT
    turned = "upright" if matrices[0] == _UPRIGHT else f"matrix {' '.join(map(str, matrices[0]))}"
    detail = turned if matrices[0] == matrices[1] else f"{turned} -> {' '.join(map(str, matrices[1]))}"
    same = matrices[0] == matrices[1]
    if not same and "matroska" in result.info.container and _turn(matrices[0]) == _turn(matrices[1]):
        same, detail = True, f"{detail} (Matroska holds the turn; the shift, which players do not use, is dropped)"
    yield judge.check("rotation and mirroring", same, detail, loss="rotation")


def _turn(matrix: tuple[int, ...]) -> tuple[int, ...]:
    """A display matrix without its shift."""
    return matrix[:6] + matrix[8:]


def check_field_order(source: FilmDescription, result: FilmDescription, judge: Judge) -> Finding:
    """Progressive, or which field comes first; how fields are stored may change."""
    orders = source.info.video.field_order, result.info.video.field_order
    detail = f"{orders[0]} -> {orders[1]}"
    if orders[0] == "unknown":
        return judge.skip("field order", f"{detail}: the source does not tell")
    return judge.check("field order", orders[0][0] == orders[1][0], detail)


def check_color_tags(source: FilmDescription, result: FilmDescription, judge: Judge) -> Iterator[Finding]:
    """Every color tag that the source sets; what it leaves open may have been filled in."""
    before, after = source.info.video, result.info.video
    ranges = [("full" if item.layout.full_range else "limited") for item in (before, after)]
    yield judge.check("color range", ranges[0] == ranges[1], f"{ranges[0]} -> {ranges[1]}")
    for name, unset in _UNSET.items():
        x, y = getattr(before.tags, name), getattr(after.tags, name)
        promise = name.replace("_", " ") if "chroma" in name else f"color {name}"
        if x in (0, unset):
            continue
        if name == "matrix" and before.layout.chroma == "rgb":
            yield judge.skip(promise, "RGB has none; the result's is that of the conversion")
        elif name == "chroma_location" and (y == 0 or before.layout.chroma == "400") and _other_grid(before, after):
            yield judge.skip(promise, f"the grid is another one: {before.layout.name} -> {after.layout.name}")
        else:
            yield judge.check(promise, x == y, f"code {x} -> {y}", loss="color")


def check_hdr(source: FilmDescription, result: FilmDescription, judge: Judge) -> Iterator[Finding]:
    """HDR10 values, and other side data of the frames."""
    before, after = source.info.video, result.info.video
    if before.mastering_display is not None:
        made = after.mastering_display
        pairs = zip(before.mastering_display, made or (), strict=False)
        same = made is not None and all(abs(x - y) <= _MASTERING_STEP for x, y in pairs)
        detail = "values equal" if same else "lost" if made is None else f"{_numbers(before)} -> {_numbers(after)}"
        yield judge.check("HDR mastering display", same, detail, loss="hdr")
    if before.content_light is not None:
        detail = f"{before.content_light} -> {after.content_light}"
        yield judge.check("HDR content light", before.content_light == after.content_light, detail, loss="hdr")
    for name in before.frame_side_data:
        if name in _SIDE_DATA:
            what, loss = _SIDE_DATA[name]
            kept = name in after.frame_side_data
            yield judge.check(what, kept, "in the first frame" if kept else "lost", loss=loss)


def check_tags(source: FilmDescription, result: FilmDescription, judge: Judge) -> Iterator[Finding]:
    """Tags of the container, and of the colored stream where they are about the film."""
    yield _compared_tags("tags", source.info.metadata, result.info.metadata, judge)
    kept = {key: source.video_tags[key] for key in ("language", "title") if source.video_tags.get(key, "und") != "und"}
    if kept:
        # MP4 and MOV read a track's title back as its name.
        named = {"title": result.video_tags["name"]} if "name" in result.video_tags else {}
        yield _compared_tags("picture's tags", kept, {**named, **result.video_tags}, judge)
    # MP4 and MOV always enable the first track of a kind, which shows as "default".
    ignored = {"default"} if "mov" in result.info.container else set()
    flags = source.dispositions - ignored, result.dispositions - ignored
    detail = " -> ".join(", ".join(sorted(item)) or "none" for item in flags)
    yield judge.check("picture's disposition", flags[0] == flags[1], detail)
    code = source.video_tags.get("timecode") or source.tag("timecode")
    if code:
        found = result.video_tags.get("timecode") or result.tag("timecode")
        yield judge.check("start time code", code == found, f"{code} -> {found}")


def check_chapters(
    source: FilmDescription, result: FilmDescription, cut: CutRange | None, shift: Fraction, judge: Judge
) -> Finding:
    """Number, titles and starts; ends only where both are Matroska, because MP4 chapters have no gaps."""
    wanted = source.chapters if cut is None else _cut_chapters(source.chapters, cut)
    made = result.chapters
    if cut is not None and cut.end is not None:
        made = tuple(item for item in made if item.start < cut.end - cut.start)
    if not wanted and not made:
        return judge.check("chapters", True, "none")
    with_ends = all("matroska" in item.info.container for item in (source, result)) and cut is None
    wrong = [
        f"{number + 1} {x.title!r}"
        for number, (x, y) in enumerate(zip(wanted, made, strict=False))
        if x.title != y.title
        or not _is_near(x.start, y.start, shift)
        or (with_ends and not _is_near(x.end, y.end, shift))
    ]
    detail = f"{len(wanted)} -> {len(made)}" + (f", different: {shortened(wrong)}" if wrong else "")
    return judge.check("chapters", len(wanted) == len(made) and not wrong, detail, loss="chapters")


def check_attachments(source: FilmDescription, result: FilmDescription, judge: Judge) -> Finding:
    """Every attachment and cover by its bytes, and by its name where it has one."""
    if not source.attachments:
        return judge.check("attachments", not result.attachments, f"none -> {len(result.attachments)}")
    left = list(result.attachments)
    lost = []
    for item in source.attachments:
        match = next((made for made in left if _same_attachment(item, made)), None)
        if match is None:
            lost.append(item.name or ("cover" if item.is_cover else "attachment"))
        else:
            left.remove(match)
    total = sum(item.size for item in source.attachments)
    detail = f"{len(source.attachments)} -> {len(source.attachments) - len(lost)} of {total} bytes"
    detail += f", missing or changed: {shortened(lost)}" if lost else ", bytes and names equal"
    return judge.check("attachments", not lost, detail, loss="attachments")


def _compared_tags(promise: str, before: Mapping[str, str], after: Mapping[str, str], judge: Judge) -> Finding:
    made = _lowered(after)
    wanted = {
        key: value for key, value in _lowered(before).items() if key not in _OWN_TAGS and not key.startswith(_OUR_TAGS)
    }
    # QuickTime tags come twice, as "make" and with their language as "make-deu": one of both is enough.
    twins = {key for key, value in wanted.items() if _base_key(key) in _OWN_TAGS or wanted.get(_base_key(key)) == value}
    wanted = {key: value for key, value in wanted.items() if key not in twins}
    wrong = [key for key, value in wanted.items() if _meaning(made.get(key)) != _meaning(value)]
    detail = f"{len(wanted)} -> {len(wanted) - len(wrong)}" + (
        f", lost or changed: {shortened(wrong)}" if wrong else ""
    )
    return judge.check(promise, not wrong, detail if wanted else "none")


def _meaning(value: str | None) -> datetime | tuple[float, ...] | str | None:
    """What a tag means where containers write the same thing in several ways.

    Dates as `… 17:01:35` or `…T17:01:35.000000Z`; places (ISO 6709) as `+40.680-074.500/` or `+40.6800-074.5000/`.
    """
    if value is not None and re.fullmatch(r"([+-]\d+(\.\d+)?){2,3}/?", value):
        return tuple(float(number) for number in re.findall(r"[+-]\d+(?:\.\d+)?", value))
    if value is None or not re.match(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d", value):
        return value
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _other_grid(before: VideoInfo, after: VideoInfo) -> bool:
    """Whether chroma was made on another grid than the source's, or on one whose place is never in doubt."""
    return before.layout.chroma != after.layout.chroma or after.layout.chroma not in ("420", "422")


def _base_key(key: str) -> str:
    """A tag's key without its language; empty where it has none."""
    match = re.fullmatch(r"(.+)-[a-z]{3}", key)
    return match[1] if match else ""


def _lowered(tags: Mapping[str, str]) -> dict[str, str]:
    """Containers differ in the case of the keys, and in white space at the values' ends."""
    return {key.lower(): value.strip() for key, value in tags.items()}


def _chapter(item: Any) -> Chapter:
    base = item["time_base"]
    return Chapter(item["start"] * base, item["end"] * base, item["metadata"].get("title", ""))


def _cut_chapters(chapters: Sequence[Chapter], cut: CutRange) -> tuple[Chapter, ...]:
    """Chapters of a cut film: those that reach into it, counted from its beginning."""
    return tuple(
        Chapter(max(Fraction(0), item.start - cut.start), item.end - cut.start, item.title)
        for item in chapters
        if item.end > cut.start and (cut.end is None or item.start < cut.end)
    )


def _is_near(before: Fraction, after: Fraction, shift: Fraction) -> bool:
    """Equal to the container's ticks; Matroska may have moved everything together."""
    return min(abs(after - before), abs(after - before - shift)) <= _CHAPTER_SLACK


def _attachment(stream: Any, path: Path, *, is_cover: bool) -> Attachment:
    tags = _lowered(stream.metadata)
    data = _cover_bytes(path, stream.index) if is_cover else bytes(stream.data or b"")
    return Attachment(
        name=tags.get("filename"),
        mime=tags.get("mimetype"),
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        is_cover=is_cover,
    )


def _cover_bytes(path: Path, index: int) -> bytes:
    with open_input(path) as container:
        for packet in container.demux(container.streams[index]):
            if packet.size:
                return bytes(packet)
    return b""


def _same_attachment(before: Attachment, after: Attachment) -> bool:
    if before.sha256 != after.sha256:
        return False
    # A cover of MP4 has neither; one that became an attachment got both.
    same_name = before.name is None or after.name is None or before.name == after.name
    return same_name and (before.mime is None or after.mime is None or before.mime == after.mime)


def _numbers(video: Any) -> str:
    return " ".join(f"{float(value):g}" for value in video.mastering_display or ())
