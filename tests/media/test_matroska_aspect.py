"""The shape of the pixels in Matroska: read back exactly, and nothing else in the file moves."""

import re
import shutil
import subprocess
import zlib
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from videocolor.errors import TargetError
from videocolor.media.carry import plan_carry
from videocolor.media.encode import add_video_stream
from videocolor.media.ffmpeg_program import ffmpeg_program
from videocolor.media.formats import choose_encoding
from videocolor.media.matroska_aspect import (
    display_size,
    element_bytes,
    plant_room,
    read_head,
    set_display_aspect,
    size_bytes,
    uint_bytes,
    void_bytes,
)
from videocolor.media.mux import MuxJob, mux_film
from videocolor.media.probe import probe_film
from videocolor.settings import EncodeSettings

ASPECTS = [Fraction(*pair) for pair in ((8, 9), (128, 117), (1137, 800), (16, 15), (2, 1), (1, 2), (4, 3), (64, 45))]
TRACKS, CLUSTER = b"\x16\x54\xae\x6b", b"\x1f\x43\xb6\x75"
FRAME_COUNT = 3


def make_film(path, *, title=None, codec="ffv1", size=(720, 480), form="matroska", aspect=None, **metadata):
    """A moving picture with a second of sound."""
    width, height = size
    with av.open(str(path), "w", format=form) as result:
        video = result.add_stream(codec, rate=25)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        if aspect is not None:
            video.codec_context.sample_aspect_ratio = aspect
        video.metadata.update({**metadata, **({} if title is None else {"title": title})})
        audio = result.add_stream("pcm_s16le", rate=8000, layout="mono")
        audio.metadata["title"] = "Ton"
        packets = []
        for number in range(FRAME_COUNT):
            frame = av.VideoFrame.from_ndarray(np.full((height * 3 // 2, width), 60 + number, np.uint8), "yuv420p")
            frame.pts = number
            packets += video.encode(frame)
        sound = av.AudioFrame.from_ndarray(np.arange(8000, dtype=np.int16)[None], "s16", "mono")
        sound.sample_rate = 8000
        for packet in [*packets, *video.encode(None), *audio.encode(sound), *audio.encode(None)]:
            result.mux(packet)
    return path


def read_film(path):
    """Aspect and title of the picture, and all packets."""
    with av.open(str(path)) as film:
        video = film.streams.video[0]
        packets = [(packet.stream_index, packet.pts, bytes(packet)) for packet in film.demux() if packet.size]
        return video.sample_aspect_ratio, video.metadata.get("title"), packets


def aspects_by_program(path):
    """What the ffmpeg program prints; the container's word is the last."""
    done = subprocess.run([ffmpeg_program(), "-hide_banner", "-i", str(path)], capture_output=True, text=True)
    return [Fraction(*map(int, pair)) for pair in re.findall(r"SAR (\d+):(\d+)", done.stderr)]


def tracks_range(data):
    """Start and end of the body of Tracks, found without the code under test."""
    at = data.rindex(TRACKS, 0, data.index(CLUSTER)) + 4
    length = 9 - data[at].bit_length()
    size = int.from_bytes(data[at : at + length], "big") - (1 << 7 * length)
    return at + length, at + length + size


@pytest.mark.parametrize("size", [(720, 480), (176, 144), (322, 242)], ids=str)
@pytest.mark.parametrize("aspect", ASPECTS, ids=str)
def test_the_aspect_is_read_back_exactly(tmp_path, aspect, size):
    """libav reads the given fraction, whatever the size of the picture."""
    path = make_film(tmp_path / "film.mkv", title=plant_room(None), size=size)

    set_display_aspect(path, sample_aspect=aspect)

    assert (aspect, None) == read_film(path)[:2]


@pytest.mark.parametrize("aspect", ASPECTS, ids=str)
def test_the_ffmpeg_program_reads_the_same(tmp_path, aspect):
    path = make_film(tmp_path / "film.mkv", title=plant_room(None))

    set_display_aspect(path, sample_aspect=aspect)

    assert [aspect] == aspects_by_program(path)


@pytest.mark.parametrize("title", [None, "Film", "Über den Dächern — 街 🎞", "x" * 90, "x" * 127, "é" * 300])
def test_only_the_list_of_tracks_changes(tmp_path, title):
    """Length, packets and every byte outside Tracks stay; its checksum fits; the title is the true one."""
    path = make_film(tmp_path / "film.mkv", title=plant_room(title))
    before, packets = path.read_bytes(), read_film(path)[2]

    set_display_aspect(path, sample_aspect=Fraction(8, 9))

    after = path.read_bytes()
    start, end = tracks_range(before)
    assert (start, end) == tracks_range(after)
    assert (before[:start], before[end:]) == (after[:start], after[end:])
    assert b"\xbf\x84" + zlib.crc32(after[start + 6 : end]).to_bytes(4, "little") == after[start : start + 6]
    assert b"room for the display" not in after
    assert (Fraction(8, 9), title, packets) == read_film(path)


def test_the_film_still_decodes(tmp_path):
    """All frames come out, and the ffmpeg program has nothing to complain about."""
    path = make_film(tmp_path / "film.mkv", title=plant_room("Film"))
    set_display_aspect(path, sample_aspect=Fraction(128, 117))

    with av.open(str(path)) as film:
        assert [int(frame.to_ndarray()[0, 0]) for frame in film.decode(video=0)] == [60, 61, 62]
    command = [
        ffmpeg_program(),
        "-v",
        "warning",
        "-guess_layout_max",
        "0",
        "-err_detect",
        "+crccheck+bitstream+buffer+careful",
    ]
    done = subprocess.run([*command, "-i", str(path), "-f", "null", "-"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("mkvalidator") is None, reason="mkvalidator is not installed")
def test_mkvalidator_finds_no_error(tmp_path):
    path = make_film(tmp_path / "film.mkv", title=plant_room("Film"))
    set_display_aspect(path, sample_aspect=Fraction(128, 117))

    assert subprocess.run(["mkvalidator", str(path)], capture_output=True).returncode == 0


def test_one_eye_of_a_stereo_film(tmp_path):
    """Matroska's display size is that of one eye, and libav counts both: the aspect must not double."""
    path = make_film(tmp_path / "film.mkv", title=plant_room(None), stereo_mode="left_right")

    set_display_aspect(path, sample_aspect=Fraction(8, 9))

    assert Fraction(8, 9) == read_film(path)[0]


def _without_room(path):
    make_film(path, title="Film")


def _mp4(path):
    make_film(path, title=plant_room("Film"), form="mov", codec="libx264")


def _empty(path):
    path.write_bytes(b"")


def _text(path):
    path.write_text("no film\n" * 100)


def _cut_off(path):
    make_film(path, title=plant_room("Film"))
    path.write_bytes(path.read_bytes()[:400])


def _damaged(path):
    make_film(path, title=plant_room("Film"))
    path.write_bytes(path.read_bytes().replace(b"V_FFV1", b"V_FFV2"))


def _done_before(path):
    make_film(path, title=plant_room("Film"))
    set_display_aspect(path, sample_aspect=Fraction(2))


def _two(path):
    make_film(path, title=plant_room("Film"))
    data = path.read_bytes()
    start, end = tracks_range(data)
    entries = data[start + 6 : end]
    body = entries + entries
    tracks = TRACKS + size_bytes(len(body)) + body
    path.write_bytes(data[:40] + b"\x18\x53\x80\x67" + b"\xff" + tracks)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_without_room, "0 tracks have room"),
        (_done_before, "0 tracks have room"),
        (_two, "2 tracks have room"),
        (_mp4, "no readable head"),
        (_text, "no Matroska"),
        (_empty, "no readable head"),
        (_cut_off, "is missing"),
        (_damaged, "is damaged"),
    ],
)
def test_an_unexpected_file_stays_untouched(tmp_path, make, reason):
    """The error names the file and a way out, and no byte is written."""
    path = tmp_path / "film.mkv"
    make(path)
    before = path.read_bytes()

    with pytest.raises(TargetError, match=rf"film\.mkv.*{reason}.*Name the result \.mp4"):
        set_display_aspect(path, sample_aspect=Fraction(8, 9))

    assert before == path.read_bytes()


def test_a_missing_file(tmp_path):
    with pytest.raises(TargetError, match="cannot be written: No such file"):
        set_display_aspect(tmp_path / "film.mkv", sample_aspect=Fraction(8, 9))


@pytest.mark.parametrize(
    ("codec", "name"), [("ffv1", "film.mkv"), ("prores", "film.mkv"), ("av1", "film.mkv"), ("av1", "film.webm")]
)
@pytest.mark.parametrize("aspect", [Fraction(8, 9), Fraction(128, 117), Fraction(1), None], ids=str)
def test_the_mux_stage_keeps_aspect_and_title(tmp_path, codec, name, aspect):
    """The user saw 720x480 films with 8:9 pixels come out as square ones."""
    source = make_film(tmp_path / "source.mkv", title="Straße", codec="libx264", size=(96, 64), aspect=aspect)
    info = probe_film(source)
    target = tmp_path / name
    encoding = choose_encoding(info, EncodeSettings(codec=codec, threads=1), target, allow_loss=frozenset())
    segment = tmp_path / f"segment.{encoding.segment_muxer}"
    _encode(segment, encoding)
    carry = plan_carry(info, encoding, target)

    mux_film(
        MuxJob(
            info=info,
            encoding=encoding,
            carry=carry,
            segments=[(segment, 0)],
            pts=[0, 40, 80],
            durations=[40] * FRAME_COUNT,
            offset_pts=0,
            end_pts=None,
            tags={},
        ),
        target,
    )

    read, title, packets = read_film(target)
    assert title == "Straße"
    assert sum(index == 0 for index, _, _ in packets) == FRAME_COUNT
    # Square and unknown pixels need no word: players show the same.
    assert (aspect or 1) == (read or 1)


def _encode(path, encoding):
    options = {"video_track_timescale": str(encoding.time_base.denominator)}
    with av.open(str(path), "w", format=encoding.segment_muxer, container_options=options) as result:
        stream = add_video_stream(result, encoding)
        for number in range(FRAME_COUNT):
            frame = av.VideoFrame(encoding.width, encoding.height, encoding.pix_fmt)
            for plane in frame.planes:
                plane.update(bytes([number]) * plane.buffer_size)
            frame.pts, frame.time_base = number * 40, encoding.time_base
            result.mux(stream.encode(frame))
        result.mux(stream.encode(None))


@given(st.integers(1, 20000), st.integers(1, 20000), st.fractions(Fraction(1, 100), 100, max_denominator=5000))
def test_the_display_size_says_the_aspect_exactly(width, height, aspect):
    wide, high, unit = display_size(width, height, aspect)

    assert aspect == Fraction(height * wide, width * high)
    assert unit == 3 or wide == width or high == height


@given(st.integers(0, (1 << 56) - 2), st.integers(0, 7))
def test_sizes_come_back(size, longer):
    shortest = len(size_bytes(size))
    length = min(8, shortest + longer)

    assert (0xEC, 1 + length, size) == read_head(b"\xec" + size_bytes(size, length) + b"rest")
    if shortest > 1:
        with pytest.raises(ValueError, match="no size"):
            size_bytes(size, shortest - 1)


@given(st.integers(1, 8))
def test_all_ones_are_an_unknown_size(length):
    ones = ((1 << 7 * length + 1) - 1).to_bytes(length, "big")

    assert (0x18538067, 4 + length, None) == read_head(b"\x18\x53\x80\x67" + ones)


@given(st.integers(0, (1 << 64) - 1))
def test_numbers_come_back(value):
    data = uint_bytes(value)

    assert value == int.from_bytes(data, "big")
    assert len(data) == 1 or data[0]


@given(st.sampled_from([0xAE, 0x536E, 0x2AD7B1, 0x1654AE6B]), st.binary(max_size=300))
def test_elements_come_back(identity, body):
    data = element_bytes(identity, body)
    read, used, size = read_head(data[:12])

    assert (identity, len(body), body) == (read, size, data[used:])


@given(st.integers(2, 20000))
def test_a_void_has_every_length(length):
    data = void_bytes(length)
    identity, used, size = read_head(data[:12])

    assert (length, 0xEC, length) == (len(data), identity, used + size)


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xec", b"\xec\x00", b"\x08\xff", b"\xec\x40"])
def test_a_head_that_cannot_be_read(data):
    with pytest.raises(ValueError, match="no readable head"):
        read_head(data)


@pytest.mark.parametrize("length", [-1, 0, 1])
def test_too_little_room_is_refused(length):
    with pytest.raises(ValueError, match="too small"):
        void_bytes(length)


def test_numbers_beyond_ebml_are_refused():
    with pytest.raises(ValueError, match="too large"):
        uint_bytes(1 << 64)
