"""Every pixel format of libav is either read exactly or refused; none is read as something that it is not."""

from fractions import Fraction

import numpy as np
import pytest
from av.video.format import names
from av.video.frame import VideoFrame

from videocolor.errors import MediaError
from videocolor.media.planes import (
    alpha_plane,
    bit_depth,
    chroma_of,
    chroma_planes,
    chroma_steps,
    has_alpha,
    is_editable,
    is_rgb,
    luma_plane,
    planar_format,
    plane_view,
    rgb_to_yuv444,
)

HEIGHT, WIDTH = 34, 50


def is_supported(name):
    try:
        return chroma_of(name) != "rgb"
    except MediaError:
        return False


SUPPORTED = sorted(filter(is_supported, names))
# swscale stretches the range on the way to these, so they are filled by hand.
BY_HAND = [
    name for name in SUPPORTED if name.startswith(("gray", "ya", "yuvj")) and name not in ("ya8", "ya16le", "ya16be")
]


def studio_noise(depth, seed=0):
    scale = 1 << (depth - 8)
    values = np.random.default_rng(seed).integers(16 * scale, 235 * scale + 1, (HEIGHT, WIDTH))
    return values.astype(np.uint8 if depth == 8 else np.uint16)


def planar_444(depth):
    """A 4:4:4 frame with noise as luma, one Cb and another Cr, written by the libav calls that PyAV documents."""
    frame = VideoFrame(WIDTH, HEIGHT, "yuv444p" if depth == 8 else f"yuv444p{depth}le")
    luma = studio_noise(depth)
    flat = [np.full_like(luma, 96 << (depth - 8)), np.full_like(luma, 160 << (depth - 8))]
    for plane, values in zip(frame.planes, (luma, *flat), strict=True):
        stored = np.zeros((HEIGHT, plane.line_size), np.uint8)
        stored[:, : WIDTH * values.itemsize] = values.view(np.uint8).reshape(HEIGHT, -1)
        plane.update(stored.tobytes())
    return frame, luma


def test_the_formats_that_film_has_are_supported():
    common = {"gray", "gray10le", "gray16be", "ya8", "yuv410p", "yuv411p", "yuv420p", "yuv420p10le", "yuv422p10le"}
    capture = {
        "yuv440p",
        "yuv444p12le",
        "yuva420p",
        "yuvj420p",
        "yuyv422",
        "uyvy422",
        "nv12",
        "nv21",
        "p010le",
        "p016le",
    }

    assert common | capture <= set(SUPPORTED)


@pytest.mark.parametrize("name", sorted(set(SUPPORTED) - set(BY_HAND) - {"ya8", "ya16le", "ya16be"}))
def test_luma_and_chroma_of_every_format_are_swscale_s_own(name):
    """Packed, semi-planar, big-endian: the reader is compared with libav's converter, which keeps Y as it is."""
    frame, luma = planar_444(bit_depth(name))
    made = frame.reformat(format=name, threads=1)

    found = luma_plane(made)

    assert np.array_equal(luma, found)
    assert found.dtype == luma.dtype
    assert not found.flags.writeable
    u, v = chroma_planes(made)
    assert not u.flags.writeable
    assert not v.flags.writeable
    down, across = chroma_steps(chroma_of(name))
    assert (-(-HEIGHT // down), -(-WIDTH // across)) == u.shape == v.shape
    scale = 1 << (bit_depth(name) - 8)
    assert (u == 96 * scale).all()
    assert (v == 160 * scale).all()


@pytest.mark.parametrize("name", BY_HAND)
def test_luma_of_gray_and_full_range_formats_is_what_was_stored(name):
    luma = studio_noise(bit_depth(name))
    frame = VideoFrame(WIDTH, HEIGHT, name)
    stored = luma.astype(luma.dtype.newbyteorder(">" if name.endswith("be") else "<"))
    lines = np.zeros((HEIGHT, frame.planes[0].line_size), np.uint8)
    lines[:, : WIDTH * luma.itemsize] = stored.view(np.uint8).reshape(HEIGHT, -1)
    frame.planes[0].update(lines.tobytes())

    assert np.array_equal(luma, luma_plane(frame))
    assert (chroma_planes(frame) is None) == name.startswith("gray")


@pytest.mark.parametrize(("name", "kind"), [("ya8", "u1"), ("ya16le", "<u2"), ("ya16be", ">u2")])
def test_gray_with_alpha_is_taken_apart(name, kind):
    luma, alpha = (studio_noise(8 * np.dtype(kind).itemsize, seed) for seed in (1, 2))
    frame = VideoFrame(WIDTH, HEIGHT, name)
    pairs = np.stack([luma, alpha], axis=-1).astype(kind)
    lines = np.zeros((HEIGHT, frame.planes[0].line_size), np.uint8)
    lines[:, : WIDTH * 2 * pairs.itemsize] = np.ascontiguousarray(pairs).view(np.uint8).reshape(HEIGHT, -1)
    frame.planes[0].update(lines.tobytes())

    assert np.array_equal(luma, luma_plane(frame))
    assert np.array_equal(alpha, alpha_plane(frame))
    assert has_alpha(name)


@pytest.mark.parametrize("name", [name for name in SUPPORTED if name.startswith("yuva")])
def test_alpha_planes_are_read(name):
    frame = VideoFrame(WIDTH, HEIGHT, name)
    peak = (1 << bit_depth(name)) - 1
    kind = "u1" if peak == 255 else ">u2" if name.endswith("be") else "<u2"
    plane = frame.planes[3]
    plane.update(np.full(plane.buffer_size // np.dtype(kind).itemsize, peak - 1, kind).tobytes())

    alpha = alpha_plane(frame)

    assert (HEIGHT, WIDTH) == alpha.shape
    assert (alpha == peak - 1).all()
    assert has_alpha(name)


def test_opaque_formats_have_no_alpha():
    assert alpha_plane(VideoFrame(WIDTH, HEIGHT, "yuv420p")) is None
    assert not any(has_alpha(name) for name in ("yuv420p", "gray", "rgb24", "nv12"))


@pytest.mark.parametrize(
    "name", ["vuya", "ayuv", "y210le", "xv30le", "p012le", "nv42", "yuv444p10msble", "grayf32le", "gray32le", "cuda"]
)
def test_formats_that_nobody_reads_right_are_refused(name):
    """Packed and left-aligned formats were read with another plane, or a sixteenfold value, as luma; or crashed."""
    if name not in names:
        pytest.skip("this libav does not know it")
    with pytest.raises(MediaError, match=f"pixel format {name} is not supported. Convert the film to yuv420p"):
        chroma_of(name)


def test_a_view_writes_into_the_frame():
    frame = VideoFrame(WIDTH, HEIGHT, "yuv420p")
    plane_view(frame, 1)[:] = 77

    assert (chroma_planes(frame)[0] == 77).all()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gray", "400"),
        ("ya16be", "400"),
        ("yuv410p", "410"),
        ("yuv411p", "411"),
        ("yuvj420p", "420"),
        ("nv12", "420"),
        ("uyvy422", "422"),
        ("yuv440p10le", "440"),
        ("yuva444p", "444"),
        ("rgb24", "rgb"),
        ("gbrp10le", "rgb"),
        ("pal8", "rgb"),
        ("monob", "rgb"),
    ],
)
def test_sub_sampling_by_name(name, expected):
    assert expected == chroma_of(name)
    assert (expected == "rgb") == is_rgb(name)


def test_steps_are_rows_and_columns():
    found = {chroma: chroma_steps(chroma) for chroma in ("400", "410", "411", "420", "422", "440", "444", "rgb")}

    assert {
        "400": (1, 1),
        "410": (4, 4),
        "411": (1, 4),
        "420": (2, 2),
        "422": (1, 2),
        "440": (2, 1),
        "444": (1, 1),
        "rgb": (1, 1),
    } == found


@pytest.mark.parametrize("name", SUPPORTED)
def test_the_planar_twin_holds_the_same_samples(name):
    twin = planar_format(name)

    assert (chroma_of(name), bit_depth(name)) == (chroma_of(twin), bit_depth(twin))
    assert not twin.endswith("be")
    assert "j" not in twin


def test_only_a_frame_of_the_target_s_planes_is_edited():
    assert is_editable("yuv420p", "yuv420p")
    assert is_editable("yuvj420p", "yuv420p")
    assert not is_editable("gray", "gray")
    assert not is_editable("yuv420p", "yuv444p")
    assert not is_editable("yuv420p10be", "yuv420p10le")


@pytest.mark.parametrize(("matrix", "expected"), [("bt601", (76, 85, 255)), ("bt709", (54, 99, 255))])
def test_rgb_becomes_full_range_by_the_matrix(matrix, expected):
    """Red by the standards' formula: Y' = Kr, Cb = -Kr / (2 (1 - Kb)), Cr = 0.5."""
    frame = VideoFrame.from_ndarray(np.full((16, 16, 3), (255, 0, 0), np.uint8), format="rgb24")
    frame.pts, frame.time_base = 7, Fraction(1, 25)

    made = rgb_to_yuv444(frame, matrix)

    assert (made.format.name, made.pts) == ("yuv444p", 7)
    found = [int(plane_view(made, index)[8, 8]) for index in range(3)]
    assert np.abs(np.array(found) - expected).max() <= 1


@pytest.mark.parametrize(
    ("name", "expected"), [("rgba", "yuva444p"), ("rgb48le", "yuv444p16le"), ("gbrp10le", "yuv444p10le")]
)
def test_rgb_keeps_depth_and_alpha(name, expected):
    frame = VideoFrame(16, 16, name)
    frame.time_base = Fraction(1, 25)

    assert expected == rgb_to_yuv444(frame, "bt709").format.name


@pytest.mark.parametrize("name", ["gbrp10le", "rgb48le", "rgb24"])
def test_the_one_conversion_gives_the_same_luma_every_time(name):
    """With several threads swscale spoilt some samples of deep RGB films, other ones in every run."""
    frame = VideoFrame(1000, 750, name)
    frame.time_base = Fraction(1, 25)
    for plane in frame.planes:
        plane.update(np.random.default_rng(0).integers(0, 256, plane.buffer_size, dtype=np.uint8).tobytes())

    first, *others = (luma_plane(rgb_to_yuv444(frame, "bt709")).tobytes() for _ in range(12))

    assert all(first == other for other in others)
