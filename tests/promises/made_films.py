"""Films made for one test each: small, exact, with every property chosen. Read back without videocolor's own code."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.format import VideoFormat
from av.video.frame import VideoFrame

_ENCODERS = {"mp3": "libmp3lame", "opus": "libopus"}


@dataclass(frozen=True, kw_only=True)
class Sound:
    """An audio track: a tone of its own pitch."""

    codec: str = "aac"
    rate: int = 48000
    seconds: float = 1.0
    start_s: float = 0.0
    pitch_hz: float = 440.0
    tags: dict[str, str] = field(default_factory=dict)
    disposition: int | None = None


@dataclass(frozen=True, kw_only=True)
class Subtitles:
    """A text subtitle track from lines of (start, end, text) in seconds."""

    lines: Sequence[tuple[float, float, str]] = ((0.1, 0.4, "One"), (0.5, 0.9, "Two <i>lines</i>"))
    tags: dict[str, str] = field(default_factory=dict)
    disposition: int | None = None


@dataclass(frozen=True, kw_only=True)
class FilmRecipe:
    """What a made film is like."""

    frame_count: int = 24
    height: int = 48
    width: int = 64
    pix_fmt: str = "yuv420p"
    codec: str = "libx264"
    options: dict[str, str] = field(default_factory=lambda: {"qp": "0", "preset": "ultrafast"})
    rate: Fraction = Fraction(25)
    time_base: Fraction | None = None
    """None: one frame's time."""
    pts: Sequence[int] | None = None
    """None: one tick after the other from 0."""
    cuts: Sequence[int] = ()
    """Numbers of the frames that begin a new shot."""
    sample_aspect: Fraction | None = None
    matrix: Sequence[int] | None = None
    """Display matrix."""
    color: dict[str, int] = field(default_factory=dict)
    """Attributes of the codec context: color_range, colorspace, color_primaries, color_trc, field_order."""
    sounds: Sequence[Sound] = ()
    subtitles: Sequence[Subtitles] = ()
    attachments: Sequence[tuple[str, str, bytes]] = ()
    chapters: Sequence[dict[str, Any]] = ()
    tags: dict[str, str] = field(default_factory=dict)
    video_tags: dict[str, str] = field(default_factory=dict)
    tinted: Sequence[int] = ()
    """Numbers of the shots that have color of their own."""
    container_options: dict[str, str] = field(default_factory=dict)
    seed: int = 0


def make_film(path: Path, recipe: FilmRecipe | None = None, **values: Any) -> Path:
    """Write a film; keywords are fields of `FilmRecipe`."""
    recipe = recipe or FilmRecipe(**values)
    base = recipe.time_base or 1 / recipe.rate
    form = {".m4v": "mp4", ".mkv": "matroska", ".ts": "mpegts"}.get(path.suffix.lower())
    options = {"video_track_timescale": str(base.denominator)} if path.suffix.lower() in (".mp4", ".mov") else {}
    with av.open(f"file:{path}", "w", format=form, container_options={**options, **recipe.container_options}) as film:
        stream: Any = film.add_stream(recipe.codec, rate=recipe.rate)
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = recipe.width, recipe.height, recipe.pix_fmt
        context.time_base = stream.time_base = base
        context.options = dict(recipe.options)
        context.thread_count = 1
        if recipe.sample_aspect is not None:
            context.sample_aspect_ratio = recipe.sample_aspect
        for name, value in recipe.color.items():
            setattr(context, name, value)
        stream.metadata.update(recipe.video_tags)
        if recipe.matrix is not None:
            stream.set_display_matrix(list(recipe.matrix))
        sounds = [_add_sound(film, sound) for sound in recipe.sounds]
        texts = [_add_subtitles(film, text, path) for text in recipe.subtitles]
        for name, mime, data in recipe.attachments:
            film.add_attachment(name, mime, data)
        if recipe.chapters:
            film.set_chapters(list(recipe.chapters))
        film.metadata.update(recipe.tags)
        packets = [packet for frame in _frames(recipe, base) for packet in stream.encode(frame)]
        packets += stream.encode(None)
        for track, sound in zip(sounds, recipe.sounds, strict=True):
            packets += _sound_packets(track, sound)
        for track, text in zip(texts, recipe.subtitles, strict=True):
            packets += _text_packets(track, text)
        film.start_encoding()
        for packet in sorted(packets, key=lambda item: (item.dts or 0) * item.time_base):
            film.mux(packet)
    return path


def picture(number: int, shot: int, height: int, width: int, top: int, seed: int = 0) -> np.ndarray:
    """A shot's own texture, moving slowly: codes of 0..top, (H, W) float."""
    rng = np.random.default_rng([seed, shot])
    small = rng.uniform(-0.05, 1.05, (7, 9))
    y = (np.arange(height) + 0.7 * number) / max(16, height) * 5
    x = (np.arange(width) + 1.3 * number) / max(16, width) * 7
    rows, columns = np.floor(y).astype(int) % 6, np.floor(x).astype(int) % 8
    fy, fx = (y % 1)[:, None], (x % 1)[None]
    low = small[rows][:, columns] * (1 - fx) + small[rows][:, columns + 1] * fx
    high = small[rows + 1][:, columns] * (1 - fx) + small[rows + 1][:, columns + 1] * fx
    grain = np.random.default_rng([seed, shot, number]).normal(0, 0.02, (height, width))
    return np.clip(low * (1 - fy) + high * fy + grain, 0, 1) * top


def _frames(recipe: FilmRecipe, base: Fraction) -> Any:
    shot = 0
    depth = VideoFormat(recipe.pix_fmt, 16, 16).components[0].bits
    for number in range(recipe.frame_count):
        shot += number in recipe.cuts
        frame = VideoFrame(recipe.width, recipe.height, recipe.pix_fmt)
        for index, plane in enumerate(frame.planes):
            values = np.full((plane.height, plane.width), 1 << (depth - 1), float)
            if index == 0:
                values = picture(number, shot, recipe.height, recipe.width, (1 << depth) - 1, recipe.seed)
            elif shot in recipe.tinted:
                slope = np.linspace(-40, 40, plane.width)[None] * (1 if index == 1 else -1)
                values = values + slope * (1 << (depth - 8))
            plane_values(frame, index)[...] = values
        frame.pts = number if recipe.pts is None else recipe.pts[number]
        frame.time_base = base
        yield frame


def plane_values(frame: VideoFrame, index: int) -> np.ndarray:
    """A writable view of one plane."""
    plane: Any = frame.planes[index]
    name = frame.format.name
    wide = frame.format.components[0].bits > 8
    dtype = np.dtype((">u2" if name.endswith("be") else "<u2") if wide else "u1")
    rows = np.frombuffer(plane, dtype).reshape(plane.height, plane.line_size // dtype.itemsize)
    return rows[:, : plane.width]


def _add_sound(film: Any, sound: Sound) -> Any:
    stream = film.add_stream(_ENCODERS.get(sound.codec, sound.codec), rate=sound.rate)
    stream.codec_context.layout = "mono"
    stream.metadata.update(sound.tags)
    if sound.disposition is not None:
        stream.disposition = sound.disposition
    return stream


def _sound_packets(stream: Any, sound: Sound) -> list[Any]:
    count = int(sound.rate * sound.seconds)
    tone = 0.3 * np.sin(2 * np.pi * sound.pitch_hz * np.arange(count) / sound.rate)
    frame = av.AudioFrame.from_ndarray((tone * 32767).astype(np.int16)[None], format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = sound.rate, 0, Fraction(1, sound.rate)
    packets = [*stream.encode(frame), *stream.encode(None)]
    shift = round(Fraction(sound.start_s) / Fraction(1, sound.rate))
    for packet in packets:
        packet.pts += shift
        packet.dts += shift
    return packets


def _add_subtitles(film: Any, text: Subtitles, path: Path) -> Any:
    source = path.with_name(f".{path.stem[:40]}.srt")
    source.write_text("1\n00:00:00,000 --> 00:00:01,000\nx\n\n", encoding="utf-8")
    with av.open(f"file:{source}") as template:
        stream = film.add_stream_from_template(template.streams[0], opaque=True)
    source.unlink()
    stream.metadata.update(text.tags)
    if text.disposition is not None:
        stream.disposition = text.disposition
    return stream


def _text_packets(stream: Any, text: Subtitles) -> list[Any]:
    packets = []
    for start, end, line in text.lines:
        packet = av.Packet(line.encode())
        packet.stream = stream
        packet.time_base = Fraction(1, 1000)
        packet.pts = packet.dts = round(start * 1000)
        packet.duration = round((end - start) * 1000)
        packets.append(packet)
    return packets


@dataclass(frozen=True)
class Decoded:
    """A film's picture as an independent reader sees it."""

    time_base: Fraction
    pts: list[int]
    luma: list[np.ndarray]
    chroma: list[tuple[np.ndarray, ...]]
    pix_fmt: str
    first: Any
    """The first frame, for its tags."""

    @property
    def times(self) -> list[Fraction]:
        return [pts * self.time_base for pts in self.pts]


def decode(path: Path, index: int | None = None) -> Decoded:
    """Decode a film's picture with one thread."""
    with av.open(f"file:{path}") as film:
        stream = film.streams.video[0] if index is None else film.streams[index]
        stream.codec_context.thread_count = 1
        base, pts, luma, chroma, first = stream.time_base, [], [], [], None
        for frame in film.decode(stream):
            first = first or frame
            pts.append(frame.pts)
            luma.append(plane_values(frame, 0).copy())
            chroma.append(tuple(plane_values(frame, i).copy() for i in range(1, min(3, len(frame.planes)))))
        return Decoded(base, pts, luma, chroma, first.format.name, first)


@dataclass(frozen=True)
class Track:
    """A stream as the demuxer shows it."""

    kind: str
    codec: str
    packets: list[bytes]
    times: list[Fraction | None]
    tags: dict[str, str]
    disposition: int

    @property
    def digest(self) -> str:
        return hashlib.sha256(b"".join(self.packets)).hexdigest()


def tracks(path: Path) -> list[Track]:
    """All streams of a file with their packets' bytes and times."""
    with av.open(f"file:{path}") as film:
        packets: dict[int, list[Any]] = {stream.index: [] for stream in film.streams}
        for packet in film.demux():
            if packet.size:
                time = None if packet.pts is None else packet.pts * packet.time_base
                packets[packet.stream.index].append((bytes(packet), time))
        return [
            Track(
                stream.type,
                getattr(getattr(stream, "codec_context", None), "name", "") or "",
                [data for data, _ in packets[stream.index]],
                [time for _, time in packets[stream.index]],
                {key.lower(): value for key, value in stream.metadata.items()},
                int(stream.disposition),
            )
            for stream in film.streams
        ]


def of_kind(path: Path, kind: str) -> list[Track]:
    """The tracks of one kind."""
    return [track for track in tracks(path) if track.kind == kind]
