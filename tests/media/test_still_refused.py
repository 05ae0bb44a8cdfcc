"""Pictures that are damaged, too large, or of a kind that would be read wrong: refused in one line, and at once."""

import os
import struct

import numpy as np
import pytest
from still_samples import GRAY8, GRAY16, RGB8, RGB16, RGBA16, chunk, made_tiff, saved, saved_deep

from videocolor.errors import MediaError, MediaNotFound
from videocolor.media.still import read_still
from videocolor.media.still_probe import is_still, probe_still


@pytest.mark.parametrize(
    ("samples", "tags", "reason"),
    [
        (GRAY16.astype(np.float32), {"t339": 3}, "floating point"),
        (RGB16.astype(np.float32), {"t339": (3, 3, 3)}, "floating point"),
        (GRAY16.astype(np.uint32), {}, "32-bit unsigned"),
        ((GRAY16 >> 1).astype(np.int16), {"t339": 2}, "signed"),
        (RGB16, {"t284": 2}, "separate color planes"),
        (RGBA16, {"t262": 5}, "CMYK"),
        (RGBA16[..., :2], {"t338": 2}, "2-channel"),
        (RGB8, {"t50706": b"\1\4\0\0"}, "camera raw"),
        (RGB8, {"t254": 1}, "camera raw"),
    ],
)
def test_tiffs_that_would_be_read_wrong_are_refused_by_name(tmp_path, samples, tags, reason):
    """One line that says which kind it is."""
    with pytest.raises(MediaError, match=reason) as caught:
        read_still(made_tiff(tmp_path / "a.tif", samples, **tags))

    assert caught.value.remedy


def test_content_decides_and_not_the_name(tmp_path):
    """A PNG named .mp4 is a picture; text and a film named .jpg are not."""
    picture = saved(tmp_path / "film.mp4", GRAY8, format="PNG")
    (tmp_path / "text.png").write_text("BM is how this text begins, P5 follows")
    (tmp_path / "film.jpg").write_bytes(struct.pack(">I4s4sI4s", 20, b"ftyp", b"isom", 0, b"mp41") + bytes(64))
    (tmp_path / "empty.png").touch()

    assert is_still(picture)
    assert probe_still(picture).container == "still"
    assert not any(is_still(tmp_path / name) for name in ("text.png", "film.jpg", "empty.png"))
    with pytest.raises(MediaNotFound):
        is_still(tmp_path / "missing.png")


@pytest.mark.parametrize(
    ("head", "name"),
    [(b"8BPS" + bytes(40), "PSD"), (b"SDPX" + bytes(40), "DPX"), (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIF")],
)
def test_known_but_unread_pictures_are_named(tmp_path, head, name):
    """libav would show a preview or one tile of some of these."""
    (tmp_path / "a.png").write_bytes(head)

    with pytest.raises(MediaError, match=name):
        probe_still(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.gif", "a.webp", "deep.png", "deep.tif"])
def test_truncated_pictures_are_refused(tmp_path, name):
    """At every cut: no half-gray picture, no traceback, one line that names the file."""
    path = saved_deep(tmp_path / name, RGB16) if "deep" in name else saved(tmp_path / name, RGB8)
    whole = path.read_bytes()

    for share in (0.2, 0.5, 0.9):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(MediaError) as caught:
            probe_still(path)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.gif", "a.webp", "deep.png", "deep.tif"])
def test_flipped_bytes_never_give_a_traceback(tmp_path, name):
    """Either a picture or one MediaError."""
    path = saved_deep(tmp_path / name, RGB16) if "deep" in name else saved(tmp_path / name, RGB8)
    whole = path.read_bytes()
    random = np.random.default_rng(3)
    messages = []

    for _ in range(25):
        changed = bytearray(whole)
        for place in random.integers(0, len(whole), 3):
            changed[place] ^= int(random.integers(1, 256))
        path.write_bytes(changed)
        try:
            if is_still(path):
                probe_still(path)
        except MediaError as error:
            messages.append(str(error))

    assert messages
    assert not any("\n" in message for message in messages)


def test_folders_and_pipes_are_refused_at_once(tmp_path):
    """Opening a pipe would wait for a writer for ever."""
    os.mkfifo(tmp_path / "pipe.png")

    for path in (tmp_path, tmp_path / "pipe.png"):
        with pytest.raises(MediaError, match="not a plain file"):
            probe_still(path)


def test_large_declared_sizes_are_refused_by_the_header(tmp_path):
    """Without reading on: the pixels do not even exist."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    tiff = made_tiff(tmp_path / "a.tif", GRAY8, t256=60000, t257=60000)

    for path in (tmp_path / "a.png", tiff):
        with pytest.raises(MediaError, match="60000 x 60000 pixels, over the limit"):
            read_still(path)


@pytest.mark.parametrize("tags", [{"t257": 40}, {"t257": 40, "t278": 40}, {"t279": 10**6}, {"t257": 9_000_000}])
def test_tiff_strips_must_cover_the_page(tmp_path, tags):
    """Pillow leaves missing strips black without a word."""
    with pytest.raises(MediaError, match=r"damaged|truncated"):
        read_still(made_tiff(tmp_path / "a.tif", RGB8, **tags))


def test_odd_names(tmp_path):
    """Bytes that are not UTF-8, pattern signs, a leading dash."""
    for name in (b"frame%03d.png", b"-dash.png", b"[ab]*?.png", b"not\xffutf8.png"):
        path = tmp_path / os.fsdecode(name)
        path.write_bytes(saved_deep(tmp_path / "plain.png", GRAY16).read_bytes())
        np.testing.assert_array_equal(GRAY16, read_still(path).y)
