"""Promise: the source's Y plane comes out as it went in, at its depth, grid and range; only Cb and Cr are made."""

from fractions import Fraction

import numpy as np
import pytest
from made_films import decode, make_film
from runs import colorize

from videocolor.core.frames import MergedFrame
from videocolor.errors import LossError
from videocolor.media.decode import DecodeCounts, DecodeSettings, open_frames
from videocolor.media.encode import to_video_frame
from videocolor.media.formats import choose_encoding
from videocolor.media.planes import luma_plane
from videocolor.media.probe import probe_film
from videocolor.settings import EncodeSettings

FFV1 = {"codec": "ffv1", "options": {"level": "3"}}


def assert_same_luma(source, result, count=None):
    before, after = decode(source), decode(result)
    assert len(before.luma) == len(after.luma)
    assert len(before.luma) == (count or len(before.luma))
    for number, (y, coded) in enumerate(zip(before.luma, after.luma, strict=True)):
        assert y.dtype == coded.dtype
        assert np.array_equal(y, coded), f"frame {number}"
    return before, after


def assert_colored(after):
    """The result has color of its own: a test of luma alone would pass on a copy."""
    assert max(float(plane.std()) for plane in after.chroma[0]) > 0.5


@pytest.mark.parametrize(
    ("pix_fmt", "expected"),
    [
        ("yuv420p", "yuv420p"),
        ("yuv422p", "yuv422p"),
        ("yuv444p", "yuv444p"),
        ("yuv440p", "yuv440p"),
        ("yuv411p", "yuv411p"),
        ("yuv410p", "yuv410p"),
        ("yuv420p10le", "yuv420p10le"),
        ("yuv422p10le", "yuv422p10le"),
        ("yuv444p10le", "yuv444p10le"),
        ("yuv420p12le", "yuv420p12le"),
        ("yuv444p12le", "yuv444p12le"),
        ("yuv420p16le", "yuv420p16le"),
        ("gray", "yuv420p"),
        ("gray10le", "yuv420p10le"),
        ("gray12le", "yuv420p12le"),
        ("gray16le", "yuv420p16le"),
    ],
)
def test_ffv1_keeps_every_bit(tmp_path, pix_fmt, expected):
    source = make_film(tmp_path / "film.mkv", frame_count=6, pix_fmt=pix_fmt, **FFV1)

    colorize(source, tmp_path / "out.mkv", codec="ffv1")

    _, after = assert_same_luma(source, tmp_path / "out.mkv", 6)
    assert after.pix_fmt == expected
    assert_colored(after)


@pytest.mark.parametrize("pix_fmt", ["gray12le", "yuv420p"])
def test_ffv1_in_mp4_keeps_every_bit(tmp_path, pix_fmt):
    source = make_film(tmp_path / "film.mkv", frame_count=4, pix_fmt=pix_fmt, **FFV1)

    colorize(source, tmp_path / "out.mp4", codec="ffv1")

    assert_same_luma(source, tmp_path / "out.mp4", 4)


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "gray10le"])
def test_full_range_stays_full_range(tmp_path, pix_fmt):
    """Codes below black and above white of studio range are picture here; swscale would squeeze them."""
    source = make_film(tmp_path / "film.mkv", frame_count=4, pix_fmt=pix_fmt, color={"color_range": 2}, **FFV1)

    colorize(source, tmp_path / "out.mkv", codec="ffv1")

    before, after = assert_same_luma(source, tmp_path / "out.mkv")
    assert int(before.first.color_range) == int(after.first.color_range) == 2
    assert int(before.luma[0].max()) > (240 if pix_fmt == "yuv420p" else 960)


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p10le", "yuv444p", "gray10le"])
def test_lossless_h264_keeps_every_bit(tmp_path, pix_fmt):
    """x264's crf 0 is lossy above 8 bits: --crf 0 must mean lossless all the same."""
    source = make_film(tmp_path / "film.mkv", frame_count=12, pix_fmt=pix_fmt, **FFV1)

    colorize(source, tmp_path / "out.mp4", codec="h264", crf=0, preset="ultrafast")

    assert_same_luma(source, tmp_path / "out.mp4", 12)


def test_jpeg_range_format(tmp_path):
    """yuvj420p is yuv420p with full range said in the name."""
    source = make_film(tmp_path / "film.mkv", frame_count=3, pix_fmt="yuvj420p", codec="mjpeg", options={"q": "2"})

    colorize(source, tmp_path / "out.mkv", codec="ffv1")

    _, after = assert_same_luma(source, tmp_path / "out.mkv", 3)
    assert (after.pix_fmt, int(after.first.color_range)) == ("yuv420p", 2)


def test_lossless_h265_keeps_every_bit(tmp_path):
    source = make_film(tmp_path / "film.mkv", frame_count=4, pix_fmt="gray12le", **FFV1)

    colorize(source, tmp_path / "out.mkv", codec="h265", crf=0, preset="ultrafast")

    assert_same_luma(source, tmp_path / "out.mkv", 4)


def test_prores_gets_luma_times_four(tmp_path):
    """8 bits in a 10-bit codec are scaled exactly, never stretched."""
    source = make_film(tmp_path / "film.mkv", frame_count=1, pix_fmt="yuv422p", **FFV1)
    info = probe_film(source)
    encoding = choose_encoding(info, EncodeSettings(codec="prores"), tmp_path / "out.mov", allow_loss=frozenset())
    frame = next(open_frames(info, DecodeSettings(), DecodeCounts()))
    expected = frame.y.astype(np.uint16) << 2
    chroma = np.full((48, 32), 512, np.uint16)

    given = to_video_frame(MergedFrame(frame=frame, u=chroma, v=chroma, limited_share=0.0), encoding)

    assert (encoding.pix_fmt, encoding.bit_depth) == ("yuv422p10le", 10)
    assert np.array_equal(expected, luma_plane(given))


def test_prores_result_is_near_luma_times_four(tmp_path):
    source = make_film(tmp_path / "film.mkv", frame_count=3, pix_fmt="yuv422p", **FFV1)

    colorize(source, tmp_path / "out.mov", codec="prores")

    before, after = decode(source), decode(tmp_path / "out.mov")
    error = [float(np.abs((y.astype(int) << 2) - z).mean()) for y, z in zip(before.luma, after.luma, strict=True)]
    assert max(error) < 8


def test_default_codec_keeps_ten_bits(tmp_path):
    """Today's tools crush 10 bit to 8."""
    source = make_film(tmp_path / "film.mkv", frame_count=4, pix_fmt="yuv420p10le", **FFV1)

    report = colorize(source, tmp_path / "out.mp4", preset="ultrafast")

    assert (report.codec, report.pix_fmt) == ("h264", "yuv420p10le")
    before, after = decode(source), decode(tmp_path / "out.mp4")
    assert max(np.abs(a.astype(int) - b).mean() for a, b in zip(before.luma, after.luma, strict=True)) < 12


def test_depth_that_a_codec_lacks_is_refused(tmp_path):
    source = make_film(tmp_path / "film.mkv", frame_count=2, pix_fmt="gray12le", **FFV1)

    with pytest.raises(LossError, match=r"12 bits.*ffv1"):
        colorize(source, tmp_path / "out.mp4", codec="h264")


def test_interlaced_frames_keep_their_luma(tmp_path):
    """Flagged fields once came back off by one from lossless x264, because the flags were lost on the way."""
    source = make_film(
        tmp_path / "film.mkv",
        frame_count=8,
        codec="libx264",
        options={"qp": "0", "preset": "ultrafast", "flags": "+ildct+ilme", "x264-params": "tff=1"},
        color={"field_order": 2},
    )

    colorize(source, tmp_path / "out.mkv", codec="h264", crf=0, preset="ultrafast", interlaced="ignore")

    _, after = assert_same_luma(source, tmp_path / "out.mkv", 8)
    assert after.first.interlaced_frame


def test_digest_in_the_report_is_that_of_the_source(tmp_path):
    """Lossy results cannot be compared bit by bit: what went into the encoder is digested, and stays in the file."""
    from videocolor.media.encode import LumaDigest

    source = make_film(tmp_path / "film.mkv", frame_count=30, cuts=(12,), rate=Fraction(24000, 1001))
    digest = LumaDigest()
    for number, y in enumerate(decode(source).luma):
        digest.add(number, y)

    report = colorize(source, tmp_path / "out.mp4", preset="ultrafast", crf=30)

    import av

    with av.open(str(tmp_path / "out.mp4")) as film:
        assert report.luma_digest == digest.hex == film.metadata["VIDEOCOLOR_LUMA"]
