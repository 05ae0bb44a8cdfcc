"""What a result is coded in: luma's depth and the chroma grid are kept, or the user is told what would keep them."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
from tiny_parts import make_layout, make_video

from videocolor.core.media import ColorTags, MediaInfo
from videocolor.errors import EncoderError, LossError, SettingsError
from videocolor.media import formats
from videocolor.media.formats import (
    CODECS,
    CONTAINERS,
    choose_codec,
    choose_encoding,
    choose_pix_fmt,
    container_format,
    encoder_formats,
    result_tags,
)
from videocolor.media.planes import bit_depth, chroma_of, chroma_steps, has_alpha
from videocolor.settings import EncodeSettings

NOTHING = frozenset()
ODD = {"height": 63, "width": 95}


def make_info(video=None):
    return MediaInfo(
        path=Path("in.mkv"),
        container="matroska",
        duration_s=1.0,
        size_bytes=1,
        identity="x",
        video=video or make_video(),
    )


def pix_fmt(codec, *, chroma="420", depth=8, alpha=False, allow=NOTHING, wanted="auto", **size):
    video = make_video(layout=make_layout(chroma=chroma, bit_depth=depth, has_alpha=alpha), **size)
    return choose_pix_fmt(codec, wanted, video, allow_loss=allow)


@pytest.mark.parametrize(
    ("codec", "source", "expected"),
    [
        ("h264", {"chroma": "400"}, "yuv420p"),
        ("h264", {"chroma": "400", "depth": 10}, "yuv420p10le"),
        ("h264", {"chroma": "420", "depth": 9}, "yuv420p10le"),
        ("h264", {"chroma": "422"}, "yuv422p"),
        ("h264", {"chroma": "411"}, "yuv422p"),
        ("h264", {"chroma": "410"}, "yuv420p"),
        ("h264", {"chroma": "440"}, "yuv444p"),
        ("h264", {"chroma": "rgb"}, "yuv444p"),
        ("h264", {"chroma": "400", **ODD}, "yuv444p"),
        ("h264", {"chroma": "422", "height": 63}, "yuv422p"),
        ("h265", {"chroma": "400", "depth": 12}, "yuv420p12le"),
        ("h265", {"chroma": "444", "depth": 10}, "yuv444p10le"),
        ("av1", {"chroma": "400", "depth": 10}, "yuv420p10le"),
        ("prores", {"chroma": "420"}, "yuv422p10le"),
        ("prores", {"chroma": "444", "alpha": True}, "yuva444p10le"),
        ("dnxhr", {"chroma": "400"}, "yuv422p"),
        ("dnxhr", {"chroma": "420", "depth": 10}, "yuv422p10le"),
        ("ffv1", {"chroma": "400", "depth": 16}, "yuv420p16le"),
        ("ffv1", {"chroma": "410"}, "yuv410p"),
        ("ffv1", {"chroma": "411"}, "yuv411p"),
        ("ffv1", {"chroma": "440", "depth": 12}, "yuv440p12le"),
        ("ffv1", {"chroma": "420", "depth": 9}, "yuv420p9le"),
        ("ffv1", {"chroma": "420", "alpha": True}, "yuva420p"),
        ("ffv1", {"chroma": "420", **ODD}, "yuv420p"),
    ],
)
def test_the_pixel_format_is_the_least_that_keeps_everything(codec, source, expected):
    assert expected == pix_fmt(codec, **source)


@pytest.mark.parametrize("codec", sorted(CODECS))
@pytest.mark.parametrize("chroma", ["400", "410", "411", "420", "422", "440", "444", "rgb"])
@pytest.mark.parametrize("depth", [8, 9, 10, 12, 14, 16])
@pytest.mark.parametrize("size", [(64, 96), (63, 95)])
def test_nothing_is_lost_or_it_is_refused(codec, chroma, depth, size):
    """Over all codecs and sources: as deep as the film, a chroma grid at least as fine, sizes that the grid divides."""
    source_down, source_across = chroma_steps(chroma)

    def keeps(name):
        down, across = chroma_steps(chroma_of(name))
        fits = CODECS[codec].takes_odd_sizes or (size[0] % down, size[1] % across) == (0, 0)
        is_fine_enough = chroma == "400" or (down <= source_down and across <= source_across)
        return fits and is_fine_enough and bit_depth(name) >= depth and not has_alpha(name)

    source = {"chroma": chroma, "depth": depth, "height": size[0], "width": size[1]}
    if any(keeps(name) for name in encoder_formats(codec)):
        assert keeps(pix_fmt(codec, **source))
    else:
        with pytest.raises(LossError, match="Use --codec ffv1"):
            pix_fmt(codec, **source)


@pytest.mark.parametrize("codec", sorted(CODECS))
def test_every_encoder_opens_with_every_format_that_may_be_chosen(codec):
    """libx265 lists yuva420p and refuses it: films with alpha failed at the first frame, after the planning pass."""
    for name in encoder_formats(codec):
        context = av.CodecContext.create(CODECS[codec].encoder, "w")
        # dnxhr refuses pictures below 256 x 120.
        context.width, context.height, context.pix_fmt, context.time_base = 256, 128, name, Fraction(1, 25)
        video = make_video(layout=make_layout(chroma=chroma_of(name), bit_depth=bit_depth(name)))
        context.options = formats._encoder_options(codec, EncodeSettings(), name, video)
        context.thread_count = 1
        context.open()


@pytest.mark.parametrize(
    ("codec", "source", "message"),
    [
        (
            "h264",
            {"depth": 12},
            r"h264 cannot keep the depth and the chroma grid .*\(12 bits\)\. Use --codec ffv1 .*or --codec h265",
        ),
        ("h264", {"depth": 16}, r"\(16 bits\)\. Use --codec ffv1 with a \.mkv target\.$"),
        ("av1", ODD, r"av1 cannot keep .* of 95x63 pixels .* Use --codec ffv1"),
        ("h264", {"alpha": True}, r"h264 cannot hold the film's alpha.*Use --codec ffv1 .*or --allow-loss alpha"),
        ("h265", {"alpha": True}, "h265 cannot hold the film's alpha"),
    ],
)
def test_what_a_codec_cannot_keep_is_refused_with_one_that_can(codec, source, message):
    with pytest.raises(LossError, match=message):
        pix_fmt(codec, **source)


def test_alpha_may_be_lost_on_purpose():
    assert pix_fmt("h264", alpha=True, allow=frozenset({"alpha"})) == "yuv420p"


@pytest.mark.parametrize(
    ("wanted", "source", "message"),
    [
        ("yuv420p", {"depth": 10}, "--pix-fmt yuv420p has 8 bits, the film 10. Use --pix-fmt auto, or another"),
        ("yuv420p", {"chroma": "422"}, "has a coarser chroma grid than the film's 422"),
        ("yuv420p", ODD, "needs even sizes, the film has 95x63"),
        ("yuv420p14le", {}, "--pix-fmt yuv420p14le is not possible with h264. Choose from yuv420p, "),
        ("rgb24", {}, "--pix-fmt rgb24 is not possible"),
    ],
)
def test_a_wanted_format_that_loses_something_is_refused(wanted, source, message):
    with pytest.raises(SettingsError, match=message):
        pix_fmt("h264", wanted=wanted, **source)


def test_a_wanted_format_that_keeps_everything_is_taken():
    assert pix_fmt("h264", wanted="yuv444p10le") == "yuv444p10le"


@pytest.mark.parametrize(
    ("target", "depth", "expected"),
    [
        ("film.mkv", 8, "h264"),
        ("film.MKV", 10, "h264"),
        ("film.mkv", 12, "h265"),
        ("film.mkv", 16, "ffv1"),
        ("film.mp4", 8, "h264"),
        ("film.mp4", 16, "ffv1"),
        ("film.m4v", 12, "h265"),
        ("film.mov", 12, "h265"),
        ("film.webm", 8, "av1"),
        ("film.webm", 16, "av1"),
    ],
)
def test_auto_takes_the_container_s_first_codec_that_is_deep_enough(target, depth, expected):
    assert expected == choose_codec(EncodeSettings(), make_layout(bit_depth=depth), Path(target))


def test_a_codec_that_the_container_does_not_take_is_refused_with_both_ways_on():
    with pytest.raises(
        SettingsError, match=r"dnxhr does not go into \.mkv files\. Name the result film\.mov, or choose"
    ):
        choose_codec(EncodeSettings(codec="dnxhr"), make_layout(), Path("film.mkv"))


@pytest.mark.parametrize("target", ["film.avi", "film", "film.png"])
def test_other_suffixes_are_refused_with_a_name_that_works(target):
    with pytest.raises(SettingsError, match=r"Name the result film\.mkv, or use \.mkv, "):
        container_format(Path(target))


def test_every_codec_of_a_container_is_known():
    assert {codec for form in CONTAINERS.values() for codec in form.codecs} == set(CODECS)


def test_a_missing_encoder_is_said(monkeypatch):
    monkeypatch.setitem(CODECS, "h264", replace(CODECS["h264"], encoder="libnowhere"))
    with pytest.raises(EncoderError, match=r"The encoder libnowhere is missing.* Use another --codec"):
        encoder_formats("h264")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"codec": "ffv1", "crf": 10}, "--crf has no meaning for ffv1. Leave it out, or use h264"),
        ({"codec": "prores", "preset": "slow"}, "--preset has no meaning for prores"),
        ({"codec": "av1", "tune": "grain"}, "--tune has no meaning for av1. Leave it out, or use h264 or h265"),
        ({"codec": "h265", "crf": 52}, r"--crf 52 is too high for h265\. Choose 0\.\.51"),
        ({"codec": "h264", "crf": 63}, "--crf 63 is too high for h264"),
    ],
)
def test_options_that_an_encoder_does_not_take_are_refused_before_the_work(settings, message):
    """x265 refused crf 52 only when the first segment began."""
    with pytest.raises(SettingsError, match=message):
        choose_encoding(make_info(), EncodeSettings(**settings), Path("film.mkv"), allow_loss=NOTHING)


@pytest.mark.parametrize(
    ("settings", "lossless", "expected"),
    [
        ({}, False, {"crf": "16", "preset": "medium"}),
        ({"crf": 0}, True, {"qp": "0"}),
        ({"codec": "h265"}, False, {"crf": "18", "x265-params": "log-level=error"}),
        ({"codec": "h265", "crf": 0}, True, {"x265-params": "log-level=error:lossless=1"}),
        ({"codec": "av1", "crf": 63}, False, {"crf": "63", "preset": "8"}),
        ({"codec": "ffv1"}, True, {"slicecrc": "1"}),
        ({"tune": "grain", "preset": "slow"}, False, {"tune": "grain", "preset": "slow"}),
    ],
)
def test_encoders_are_told_what_was_asked(settings, lossless, expected):
    encoding = choose_encoding(make_info(), EncodeSettings(**settings), Path("film.mkv"), allow_loss=NOTHING)

    assert lossless is encoding.is_lossless
    assert expected.items() <= encoding.options.items()
    if settings.get("crf") == 0:
        assert "crf" not in encoding.options


def test_the_film_s_clock_is_kept_in_ticks():
    """30000/1001 as 1001/30000: ticks of 1/30000, every pts times 1001."""
    video = make_video(time_base=Fraction(1001, 30000), average_rate=Fraction(30000, 1001))
    encoding = choose_encoding(make_info(video), EncodeSettings(threads=3), Path("a.mkv"), allow_loss=NOTHING)

    assert (Fraction(1, 30000), 1001) == (encoding.time_base, encoding.pts_factor)
    assert (Fraction(30000, 1001), 3) == (encoding.rate, encoding.threads)
    assert encoding.time_base * encoding.pts_factor == video.time_base


@pytest.mark.parametrize(
    ("rate", "expected"), [(None, 25), (Fraction(1000), 25), (Fraction(1, 20), 25), (Fraction(18), 18)]
)
def test_a_header_s_absurd_rate_does_not_mislead_rate_control(rate, expected):
    encoding = choose_encoding(
        make_info(make_video(average_rate=rate)), EncodeSettings(), Path("a.mkv"), allow_loss=NOTHING
    )

    assert expected == encoding.rate


def test_interlaced_material_is_flagged():
    for order, expected in (("tt", "tff=1"), ("bt", "bff=1")):
        encoding = choose_encoding(
            make_info(make_video(field_order=order)), EncodeSettings(), Path("a.mkv"), allow_loss=NOTHING
        )
        assert expected in encoding.options["x264-params"].split(":")


def test_the_result_s_tags_are_the_source_s_and_assumptions_are_written_down():
    tagged = make_video(tags=ColorTags(primaries=9, transfer=16, matrix=9, color_range=1, chroma_location=3))
    assert result_tags(tagged, "420") == ColorTags(primaries=9, transfer=16, matrix=9, color_range=1, chroma_location=3)

    untagged = make_video(layout=make_layout(chroma="400", matrix="bt601", full_range=True))
    assert result_tags(untagged, "420") == ColorTags(matrix=6, color_range=2, chroma_location=1)
    assert result_tags(untagged, "444").chroma_location == 0
