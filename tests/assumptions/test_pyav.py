"""What we build on in PyAV and libav, each a small test: an upgrade that changes one of them must be seen here."""

import hashlib
from fractions import Fraction

import av
import numpy as np
import pytest

TICK = Fraction(1, 600)
STEPS = [0, 20, 41, 60, 300, 320]


def gray_frames(count=6, pix_fmt="yuv420p", top=220, size=(48, 64)):
    """Noise in every plane, with uneven times."""
    rng = np.random.default_rng(1)
    for number in range(count):
        frame = av.VideoFrame(size[1], size[0], pix_fmt)
        for plane in frame.planes:
            wide = frame.format.components[0].bits > 8
            values = rng.integers(16, top, plane.buffer_size // (2 if wide else 1))
            plane.update(values.astype("<u2" if wide else "u1").tobytes())
        frame.pts, frame.time_base = STEPS[number % 6] + 340 * (number // 6), TICK
        yield frame


def luma(frame):
    plane = frame.planes[0]
    wide = frame.format.components[0].bits > 8
    dtype = "<u2" if wide else "u1"
    rows = np.frombuffer(plane, dtype).reshape(plane.height, plane.line_size // np.dtype(dtype).itemsize)
    return rows[:, : plane.width].copy()


def write(path, frames, *, codec="libx264", pix_fmt="yuv420p", options=None, base=TICK, form=None, container=None):
    with av.open(f"file:{path}", "w", format=form, container_options=container or {}) as film:
        stream = film.add_stream(codec, rate=25)
        stream.codec_context.width, stream.codec_context.height, stream.codec_context.pix_fmt = 64, 48, pix_fmt
        if base is not None:
            stream.codec_context.time_base = stream.time_base = base
        stream.codec_context.options = options or {}
        for frame in frames:
            for packet in stream.encode(frame):
                film.mux(packet)
        for packet in stream.encode(None):
            film.mux(packet)
    return path


def read(path):
    with av.open(f"file:{path}") as film:
        stream = film.streams.video[0]
        return stream.time_base, list(film.decode(stream))


def test_flush_packet_has_size_zero_and_stream_index_zero(tmp_path):
    path = write(tmp_path / "a.mp4", gray_frames())

    with av.open(str(path)) as film:
        packets = list(film.demux(video=0))

    assert [0] == [packet.size for packet in packets if packet.size == 0]
    assert 0 == packets[-1].size
    assert packets[-1].dts is None
    assert 6 == sum(packet.size > 0 for packet in packets)


def test_time_base_before_encoding_keeps_a_variable_rate(tmp_path):
    timescale = {"video_track_timescale": "600"}
    kept = write(tmp_path / "kept.mp4", gray_frames(), container=timescale)

    base, frames = read(kept)

    assert TICK == base
    assert STEPS == [frame.pts for frame in frames]


def test_without_the_timescale_mp4_changes_the_clock(tmp_path):
    base, frames = read(write(tmp_path / "a.mp4", gray_frames()))

    assert TICK != base
    assert [step * TICK for step in STEPS] == [frame.pts * base for frame in frames]


def test_matroska_counts_milliseconds(tmp_path):
    base, frames = read(write(tmp_path / "a.mkv", gray_frames()))

    assert Fraction(1, 1000) == base
    assert [0, 33, 68, 100, 500, 533] == [frame.pts for frame in frames]


def test_nut_changes_the_time_base_but_no_time(tmp_path):
    base, frames = read(write(tmp_path / "a.nut", gray_frames(), codec="ffv1"))

    assert [step * TICK for step in STEPS] == [frame.pts * base for frame in frames]


@pytest.mark.parametrize(("options", "exact"), [({"crf": "0"}, False), ({"qp": "0"}, True)])
def test_x264_at_ten_bit_is_lossless_with_qp_0_only(tmp_path, options, exact):
    frames = list(gray_frames(pix_fmt="yuv420p10le", top=940))
    expected = [luma(frame) for frame in frames]

    _, found = read(write(tmp_path / "a.mp4", frames, pix_fmt="yuv420p10le", options=options))

    assert exact == all(np.array_equal(a, luma(b)) for a, b in zip(expected, found, strict=True))


def test_reformat_of_gray_changes_luma():
    frame = next(gray_frames(pix_fmt="gray"))

    assert not np.array_equal(luma(frame), luma(frame.reformat(format="yuv420p")))


def test_file_protocol_in_front_of_a_name_with_a_colon(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "plain.mp4", gray_frames()).rename(tmp_path / "file:colon.mp4")

    with pytest.raises(av.FFmpegError):
        av.open("file:colon.mp4")
    assert 6 == len(read("file:colon.mp4")[1])


def test_percent_in_a_name_is_no_pattern(tmp_path):
    assert 6 == len(read(write(tmp_path / "a%03d.mp4", gray_frames()))[1])


def test_editing_in_place_keeps_interlaced_flags_and_a_new_frame_does_not(tmp_path):
    options = {"qp": "0", "flags": "+ildct+ilme", "x264-params": "tff=1"}
    _, frames = read(write(tmp_path / "a.mp4", gray_frames(), options=options))

    frames[0].make_writable()
    frames[0].pict_type = 0

    assert frames[0].interlaced_frame
    assert not av.VideoFrame(64, 48, "yuv420p").interlaced_frame
    with pytest.raises(AttributeError):
        frames[0].interlaced_frame = False


def test_template_copies_packets_but_not_metadata(tmp_path):
    path = write(tmp_path / "a.mkv", gray_frames())
    with av.open(str(path)) as source, av.open(str(tmp_path / "b.mkv"), "w") as result:
        stream = result.add_stream_from_template(source.streams.video[0], opaque=True)
        assert "language" not in stream.metadata
        stream.metadata.update({"language": "ger"})
        with pytest.raises(AttributeError):
            stream.metadata = {"language": "fre"}
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                result.mux(packet)

    with av.open(str(path)) as a, av.open(str(tmp_path / "b.mkv")) as b:
        digests = [hashlib.sha256(b"".join(bytes(p) for p in film.demux(video=0))).hexdigest() for film in (a, b)]
    assert digests[0] == digests[1]


def test_h264_gray_decodes_as_yuv420p(tmp_path):
    """So the pixel format cannot answer whether a film is gray."""
    _, frames = read(write(tmp_path / "a.mkv", gray_frames(pix_fmt="gray"), pix_fmt="gray"))

    assert frames[0].format.name in ("yuv420p", "yuvj420p", "gray")


def test_one_thread_conceals_damage_the_same_way_each_time(tmp_path):
    path = write(tmp_path / "a.mp4", gray_frames(24), options={"qp": "20"})
    data = bytearray(path.read_bytes())
    for place in range(data.index(b"mdat") + 3000, data.rindex(b"moov") - 100, 5000):
        data[place] ^= 64
    path.write_bytes(data)

    def once():
        with av.open(str(path)) as film:
            film.streams.video[0].codec_context.thread_count = 1
            digest = hashlib.sha256()
            for packet in film.demux(video=0):
                try:
                    for frame in packet.decode():
                        digest.update(luma(frame).tobytes())
                except av.FFmpegError:
                    digest.update(b"refused")
            return digest.hexdigest()

    assert 1 == len({once() for _ in range(4)})


def test_x265_gives_short_films_no_usable_dts():
    """Why our segments get decoding times of our own; where this fails one day, the rule still holds."""
    context = av.CodecContext.create("libx265", "w")
    context.width, context.height, context.pix_fmt, context.time_base = 64, 48, "yuv420p", Fraction(1, 25)
    context.options = {"preset": "ultrafast", "x265-params": "log-level=none"}
    frame = next(gray_frames())
    frame.time_base = Fraction(1, 25)

    packets = [*context.encode(frame), *context.encode(None)]

    assert [0] == [packet.pts for packet in packets]


def test_frames_flushed_from_a_decoder_have_no_time_base(tmp_path):
    path = write(tmp_path / "a.mp4", gray_frames(), options={"bf": "3"})
    with av.open(str(path)) as film:
        context = film.streams.video[0].codec_context
        for packet in film.demux(video=0):
            if packet.size:
                context.decode(packet)
        flushed = context.decode(None)

    assert flushed
    assert flushed[0].time_base is None


def test_ffv1_refuses_a_fixed_number_of_slices_at_some_odd_sizes():
    for slices, works in (("4", False), (None, True)):
        context = av.CodecContext.create("ffv1", "w")
        context.width, context.height, context.pix_fmt, context.time_base = 95, 63, "yuv420p", Fraction(1, 25)
        context.options = {"level": "3", **({"slices": slices} if slices else {})}
        if works:
            context.open()
        else:
            with pytest.raises(av.FFmpegError):
                context.open()
