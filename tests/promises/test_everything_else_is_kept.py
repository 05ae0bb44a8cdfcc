"""Promise: chapters, attachments, covers, tags, pixel shape, rotation, color tags, siting and HDR10 data stay."""

import io
import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from made_films import decode, make_film
from PIL import Image
from runs import colorize

from videocolor.errors import LossError
from videocolor.media.probe import probe_film

MS = Fraction(1, 1000)
CHAPTERS = [
    {"id": 1, "start": 0, "end": 400, "time_base": MS, "metadata": {"title": 'First "act"'}},
    {"id": 2, "start": 400, "end": 900, "time_base": MS, "metadata": {"title": "Þáttur — 2"}},
]
ONE = 1 << 16


def small_jpeg():
    data = io.BytesIO()
    Image.new("RGB", (16, 16), (200, 30, 90)).save(data, "JPEG")
    return data.getvalue()


COVER = small_jpeg()


def chapters_of(path):
    with av.open(str(path)) as film:
        return [
            (c["start"] * c["time_base"], c["end"] * c["time_base"], c["metadata"].get("title"))
            for c in film.chapters()
        ]


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
def test_chapters(tmp_path, suffix):
    source = make_film(tmp_path / f"film{suffix}", chapters=CHAPTERS)
    assert 2 == len(chapters_of(source))

    colorize(source, tmp_path / f"out{suffix}", preset="ultrafast")

    assert chapters_of(source) == chapters_of(tmp_path / f"out{suffix}")


def test_attachments(tmp_path):
    font = bytes(range(256)) * 5
    source = make_film(
        tmp_path / "film.mkv",
        frame_count=4,
        attachments=[("Tiny font.ttf", "font/ttf", font), ("cover.jpg", "image/jpeg", COVER)],
    )

    colorize(source, tmp_path / "out.mkv", preset="ultrafast")

    with av.open(str(tmp_path / "out.mkv")) as film:
        attached = [stream for stream in film.streams if stream.type == "attachment"]
        found = [(stream.name, stream.mimetype, bytes(stream.data)) for stream in attached]
        covers = [stream for stream in film.streams.video if av.stream.Disposition.attached_pic in stream.disposition]
        assert [b"".join(bytes(p) for p in film.demux(covers[0]) if p.size)] == [COVER]
        assert covers[0].metadata["filename"] == "cover.jpg"
    assert [("Tiny font.ttf", "font/ttf", font)] == found


def test_attachments_that_mp4_lacks_are_refused(tmp_path):
    source = make_film(tmp_path / "film.mkv", frame_count=4, attachments=[("a.ttf", "font/ttf", b"123")])

    with pytest.raises(
        LossError, match=r"#1 attachment.*a\.ttf.*mp4 has no attachments.*\.mkv.*--allow-loss attachments"
    ):
        colorize(source, tmp_path / "out.mp4")

    colorize(source, tmp_path / "out.mp4", preset="ultrafast", allow_loss=frozenset({"attachments"}))
    assert 4 == len(decode(tmp_path / "out.mp4").luma)


def test_cover_of_an_mp4_goes_into_matroska(tmp_path):
    source = tmp_path / "film.mp4"
    _with_cover(make_film(tmp_path / "plain.mp4", frame_count=5), source)

    colorize(source, tmp_path / "out.mkv", preset="ultrafast")

    with av.open(str(tmp_path / "out.mkv")) as film:
        covers = [s for s in film.streams.video if av.stream.Disposition.attached_pic in s.disposition]
        assert 1 == len(covers)
        assert COVER == b"".join(bytes(p) for p in film.demux(covers[0]) if p.size)


def test_cover_that_mp4_loses_is_named_before_the_work(tmp_path):
    """libav's muxer drops covers where it keeps free tags: the work ended with "a defect of videocolor"."""
    source = tmp_path / "film.mp4"
    _with_cover(make_film(tmp_path / "plain.mp4", frame_count=5), source)

    with pytest.raises(LossError, match=r"#1 video mjpeg.*cover.*\.mkv.*--allow-loss attachments"):
        colorize(source, tmp_path / "out.mp4")

    colorize(source, tmp_path / "out.mp4", preset="ultrafast", allow_loss=frozenset({"attachments"}))
    assert 5 == len(decode(tmp_path / "out.mp4").luma)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
def test_tags(tmp_path, suffix):
    tags = {"title": 'Nosferatu "1922" & Söhne', "com.example.scanner": "Arriscan", "comment": "reel 3"}
    source = make_film(
        tmp_path / f"film{suffix}",
        frame_count=4,
        tags=tags,
        video_tags={"language": "ger"},
        container_options={} if suffix == ".mkv" else {"movflags": "use_metadata_tags"},
    )

    colorize(source, tmp_path / f"out{suffix}", preset="ultrafast")

    with av.open(str(source)) as before, av.open(str(tmp_path / f"out{suffix}")) as after:
        kept = {key.lower(): value for key, value in after.metadata.items()}
        for key in tags:
            assert {k.lower(): v for k, v in before.metadata.items()}[key] == kept[key] == tags[key]
        assert "ger" == after.streams.video[0].metadata["language"]


@pytest.mark.parametrize("aspect", [Fraction(128, 117), Fraction(1, 2)])
@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mkv", "h264"), (".mkv", "ffv1"), (".mp4", "h264"), (".mp4", "ffv1"), (".mov", "prores")]
)
def test_pixel_shape(tmp_path, aspect, suffix, codec):
    source = make_film(tmp_path / "film.mp4", frame_count=3, sample_aspect=aspect)

    colorize(source, tmp_path / f"out{suffix}", codec=codec)

    with av.open(str(tmp_path / f"out{suffix}")) as film:
        assert aspect == film.streams.video[0].sample_aspect_ratio


@pytest.mark.parametrize(
    "matrix",
    [
        (0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30),
        (-ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30),
        (0, -ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30),
    ],
    ids=["quarter turn", "half turn", "turned and mirrored"],
)
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_rotation_and_mirroring(tmp_path, matrix, suffix):
    source = make_film(tmp_path / "film.mp4", frame_count=3, matrix=matrix)
    assert matrix == _matrix(source)

    colorize(source, tmp_path / f"out{suffix}", preset="ultrafast")

    assert matrix == _matrix(tmp_path / f"out{suffix}")


@pytest.mark.parametrize(("suffix", "codec"), [(".mkv", "ffv1"), (".mp4", "h264"), (".mkv", "h265"), (".mov", "h264")])
def test_color_tags(tmp_path, suffix, codec):
    source = make_film(
        tmp_path / "film.mkv",
        frame_count=3,
        color={"color_primaries": 5, "color_trc": 6, "colorspace": 5, "color_range": 1},
    )

    colorize(source, tmp_path / f"out{suffix}", codec=codec)

    first = decode(tmp_path / f"out{suffix}").first
    assert (5, 6, 5, 1) == tuple(
        int(value) for value in (first.color_primaries, first.color_trc, first.colorspace, first.color_range)
    )


def test_color_tags_of_prores(tmp_path):
    """ProRes keeps the tags in every frame's header: written from the frame, they once came out unspecified."""
    tags = {"color_primaries": 9, "color_trc": 16, "colorspace": 9, "color_range": 1}
    source = make_film(tmp_path / "film.mkv", frame_count=2, pix_fmt="gray10le", codec="ffv1", options={}, color=tags)

    colorize(source, tmp_path / "out.mov", codec="prores")

    first = decode(tmp_path / "out.mov").first
    assert tags == {name: int(getattr(first, name)) for name in tags}


@pytest.mark.parametrize(("suffix", "codec"), [(".mkv", "ffv1"), (".mkv", "h264"), (".mp4", "h264"), (".mkv", "h265")])
@pytest.mark.parametrize("siting", ["left", "center", "topleft"])
def test_chroma_siting(tmp_path, suffix, codec, siting):
    number = {"left": 0, "center": 1, "topleft": 2}[siting]
    source = make_film(
        tmp_path / "film.mkv",
        frame_count=3,
        options={"qp": "0", "preset": "ultrafast", "x264-params": f"chromaloc={number}"},
    )
    assert siting == probe_film(source).video.layout.siting

    colorize(source, tmp_path / f"out{suffix}", codec=codec, preset="ultrafast" if codec != "ffv1" else None)

    assert siting == probe_film(tmp_path / f"out{suffix}").video.layout.siting
    assert number + 1 == probe_film(tmp_path / f"out{suffix}").video.tags.chroma_location


@pytest.mark.parametrize(("order", "params"), [("tt", "tff=1"), ("bb", "bff=1")])
@pytest.mark.parametrize("codec", ["h264", "ffv1"])
def test_field_order(tmp_path, order, params, codec):
    source = make_film(
        tmp_path / "film.mkv",
        frame_count=4,
        options={"qp": "0", "preset": "ultrafast", "flags": "+ildct+ilme", "x264-params": params},
        color={"field_order": {"tt": 2, "bb": 3}[order]},
    )
    assert order == probe_film(source).video.field_order

    colorize(source, tmp_path / "out.mkv", codec=codec, interlaced="ignore")

    assert order == probe_film(tmp_path / "out.mkv").video.field_order


@pytest.mark.parametrize("codec", ["h265", "h264"])
def test_hdr10_values(tmp_path, codec):
    source = make_film(
        tmp_path / "film.mkv",
        frame_count=2,
        pix_fmt="yuv420p10le",
        codec="libx265",
        options={
            "preset": "ultrafast",
            "x265-params": "log-level=none:hdr10=1:master-display=G(13250,34500)B(7500,3000)R(34000,16000)"
            "WP(15635,16450)L(10000000,50):max-cll=1000,400",
        },
        color={"color_primaries": 9, "color_trc": 16, "colorspace": 9, "color_range": 1},
    )
    before = probe_film(source).video
    assert (1000, 400) == before.content_light

    colorize(source, tmp_path / "out.mkv", codec=codec, preset="ultrafast")

    after = probe_film(tmp_path / "out.mkv").video
    assert before.content_light == after.content_light
    assert before.mastering_display == after.mastering_display
    assert before.tags == after.tags


def test_hdr10_values_that_an_encoder_drops_are_named(tmp_path):
    source = make_film(
        tmp_path / "film.mkv",
        frame_count=2,
        pix_fmt="yuv420p10le",
        codec="libx265",
        options={"preset": "ultrafast", "x265-params": "log-level=none:max-cll=1000,400"},
    )

    with pytest.raises(LossError, match=r"HDR10.*ffv1.*h265.*--allow-loss hdr"):
        colorize(source, tmp_path / "out.mkv", codec="ffv1")


def test_second_picture_track_is_copied(tmp_path):
    source = tmp_path / "film.mkv"
    _with_second_video(
        make_film(tmp_path / "a.mkv", frame_count=10), make_film(tmp_path / "b.mkv", frame_count=6, seed=9), source
    )

    colorize(source, tmp_path / "out.mkv", preset="ultrafast")

    before, after = decode(source, 1), decode(tmp_path / "out.mkv", 1)
    assert all(np.array_equal(a, b) for a, b in zip(before.luma, after.luma, strict=True))
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(before.chroma, after.chroma, strict=True))
    assert (10, 6) == (len(decode(tmp_path / "out.mkv").luma), len(after.luma))


def _matrix(path):
    with av.open(str(path)) as film:
        frame = next(film.decode(video=0))
        for item in frame.side_data:
            if item.type.name == "DISPLAYMATRIX":
                return struct.unpack("=9i", bytes(item))
    return None


def _with_cover(film, path):
    with (
        av.open(str(film)) as source,
        av.open(str(path), "w", container_options={"video_track_timescale": "25"}) as result,
    ):
        video = result.add_stream_from_template(source.streams.video[0], opaque=True)
        cover = result.add_stream("mjpeg")
        cover.codec_context.width, cover.codec_context.height, cover.codec_context.pix_fmt = 16, 16, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        result.start_encoding()
        picture = av.Packet(COVER)
        picture.stream, picture.pts, picture.dts, picture.time_base = cover, 0, 0, Fraction(1, 25)
        result.mux(picture)
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = video
                result.mux(packet)


def _with_second_video(first, second, path):
    with av.open(str(first)) as one, av.open(str(second)) as two, av.open(str(path), "w") as result:
        streams = [result.add_stream_from_template(film.streams.video[0], opaque=True) for film in (one, two)]
        packets = []
        for film, stream in zip((one, two), streams, strict=True):
            for packet in film.demux(video=0):
                if packet.size:
                    packet.stream = stream
                    packets.append(packet)
        for packet in sorted(packets, key=lambda item: item.dts):
            result.mux(packet)
