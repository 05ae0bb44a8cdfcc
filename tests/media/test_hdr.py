"""HDR10 values come out of the encoders as they went in."""

import struct
from fractions import Fraction
from types import SimpleNamespace

import av
import pytest
from av.video.frame import VideoFrame
from tiny_parts import make_video

from videocolor.media.hdr import HDR_CODECS, read_content_light, read_mastering_display, with_hdr

# A usual P3 mastering monitor of 0.005 to 1000 cd/m².
P3 = tuple(
    Fraction(text)
    for text in ("0.680", "0.320", "0.265", "0.690", "0.150", "0.060", "0.3127", "0.3290", "0.005", "1000")
)
HDR_VIDEO = make_video(mastering_display=P3, content_light=(1000, 400))
ENCODERS = {
    "h264": ("libx264", {"preset": "ultrafast"}),
    "h265": ("libx265", {"preset": "ultrafast", "x265-params": "log-level=error"}),
    "av1": ("libsvtav1", {"preset": "12"}),
}


class SideData(bytes):
    """As PyAV gives it: bytes with a type."""

    type = None


def side(name, data):
    made = SideData(data)
    made.type = SimpleNamespace(name=name)
    return made


def encode_and_decode(encoder, options):
    """The first decoded frame of a few gray ones."""
    context = av.CodecContext.create(encoder, "w")
    context.width, context.height, context.pix_fmt = 64, 64, "yuv420p10le"
    context.time_base = Fraction(1, 25)
    context.framerate = Fraction(25)
    context.thread_count = 1
    context.options = options
    packets = []
    for pts in range(3):
        frame = VideoFrame(64, 64, "yuv420p10le")
        for plane in frame.planes:
            plane.update(struct.pack("<H", 512) * (plane.buffer_size // 2))
        frame.pts = pts
        packets += context.encode(frame)
    packets += context.encode(None)
    decoder = av.CodecContext.create({"libx264": "h264", "libx265": "hevc", "libsvtav1": "libdav1d"}[encoder], "r")
    frames = [frame for packet in [*packets, None] for frame in decoder.decode(packet)]
    return frames[0]


@pytest.mark.parametrize("codec", sorted(HDR_CODECS))
def test_hdr_values_survive_the_encoder(codec):
    encoder, options = ENCODERS[codec]

    frame = encode_and_decode(encoder, with_hdr(options, HDR_VIDEO, codec))

    assert read_content_light(frame) == (1000, 400)
    found = read_mastering_display(frame)
    # Chromaticities in steps of 0.00002 (AV1: 1/65536), luminances of 0.0001 cd/m² (AV1: down to 1/16384).
    assert [float(value) for value in P3] == pytest.approx([float(value) for value in found], abs=1e-4)


def test_words_for_the_encoders_are_the_documented_ones():
    points = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"

    assert with_hdr({}, HDR_VIDEO, "h264") == {"x264-params": f"mastering-display={points}:cll=1000,400"}
    assert with_hdr({"x265-params": "log-level=error"}, HDR_VIDEO, "h265") == {
        "x265-params": f"log-level=error:master-display={points}:max-cll=1000,400:hdr10=1"
    }


def test_films_without_hdr_and_codecs_without_options_are_left_alone():
    options = {"crf": "16"}

    assert options == with_hdr(options, make_video(), "h264")
    assert options == with_hdr(options, HDR_VIDEO, "ffv1")
    assert with_hdr(options, make_video(content_light=(5, 2)), "h264") == {"crf": "16", "x264-params": "cll=5,2"}
    assert options == {"crf": "16"}


def test_libav_s_structures_are_read():
    """AVMasteringDisplayMetadata: ten rationals and two flags; an unset denominator must not divide by zero."""
    numbers = [number for value in P3 for number in (value.numerator, value.denominator)]
    frame = SimpleNamespace(
        side_data=[
            side("MASTERING_DISPLAY_METADATA", struct.pack("=22i", *numbers, 1, 1)),
            side("CONTENT_LIGHT_LEVEL", struct.pack("=II", 4000, 1200)),
        ]
    )

    assert read_mastering_display(frame) == P3
    assert read_content_light(frame) == (4000, 1200)

    numbers[1] = 0
    frame.side_data[0] = side("MASTERING_DISPLAY_METADATA", struct.pack("=22i", *numbers, 1, 1))
    assert read_mastering_display(frame)[0] == numbers[0]


def test_a_frame_without_hdr_has_none():
    frame = VideoFrame(16, 16, "yuv420p")

    assert read_mastering_display(frame) is None
    assert read_content_light(frame) is None
