"""The real odd and damaged pictures of ../shared: the right result, or one line that says why not."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from videocolor.errors import MediaError
from videocolor.media.still import read_still
from videocolor.media.still_probe import is_still, probe_still
from videocolor.media.still_write import write_still

ODD = Path(__file__).parents[3] / "shared" / "data" / "odd_media"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not ODD.is_dir(), reason="the odd media of ../shared are not there"),
]

# name: (width, height, bit depth, has alpha, pictures, a word that the notes must have)
PICTURES = {
    "1x1.png": (1, 1, 8, True, 1, "palette"),
    "animated.apng.png": (128, 64, 8, True, 3, ".mkv"),
    "animated.gif": (64, 48, 8, False, 4, ".mkv"),
    "animated.webp": (100, 70, 8, True, 17, "16 left out"),
    "bilevel-g4.tif": (128, 128, 8, False, 1, ""),
    "cmyk.jpg": (1280, 720, 8, False, 1, "CMYK"),
    "exif-orientation-3.jpg": (128, 128, 8, False, 1, "orientation 3"),
    "exif-orientation-6.jpg": (128, 128, 8, False, 1, "orientation 6"),
    "gray-alpha.png": (1280, 720, 8, True, 1, ""),
    "gray16.png": (64, 48, 16, False, 1, ""),
    "gray16.tif": (64, 64, 16, False, 1, ""),
    "junk-header.jpg": (1024, 768, 8, False, 1, "already has color"),
    "lab.tif": (10, 10, 8, False, 1, "Lab"),
    "multipage.tif": (10, 10, 8, False, 3, "2 left out"),
    "palette-transparent.png": (64, 64, 8, True, 1, "palette"),
    "picture-named.mp4": (1280, 720, 8, False, 1, ""),
    "rgb-10bit.avif": (64, 48, 16, False, 1, "10-bit"),
    "rgb48.png": (64, 48, 16, False, 1, "already has color"),
    "rgba.webp": (1280, 720, 8, True, 1, ""),
    "uint16-10x10.tif": (10, 10, 16, False, 1, ""),
}
REFUSED = {
    "bad-crc-sigsegv.png": "truncated",
    "bomb-60000x60000.png": "60000 x 60000 pixels, over the limit",
    "bomb.gif": "more pixels",
    "corrupt.jpg": "damaged",
    "rgb-float32.tif": "32-bit floating point",
    "truncated.jpg": "truncated",
    "truncated.png": "truncated",
    "zero-width.gif": "zero width",
}
NO_PICTURES = {"zero.png": "is empty", "html.jpg": "not a picture", "mp4-named.jpg": "not a picture"}


def all_names():
    return sorted(path.name for path in ODD.iterdir() if path.name != "names.json") if ODD.is_dir() else []


@pytest.fixture
def copied(tmp_path):
    """Copy a file under the name that is part of the test."""
    special = json.loads((ODD / "names.json").read_text(encoding="utf-8"))

    def copy(name):
        return Path(shutil.copyfile(ODD / name, tmp_path / special.get(name, name)))

    return copy


@pytest.mark.parametrize("name", all_names())
def test_every_file_is_a_picture_or_not(copied, name):
    """Films, texts and empty files are no stills, whatever they are called."""
    assert is_still(copied(name)) == (name in PICTURES or name in REFUSED)


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_described_and_read(copied, name):
    """Size, depth, alpha, number of pictures, and the note that the user needs."""
    width, height, depth, has_alpha, count, word = PICTURES[name]

    info = probe_still(copied(name))

    layout = info.video.layout
    assert (info.video.width, info.video.height, layout.bit_depth, layout.has_alpha) == (
        width,
        height,
        depth,
        has_alpha,
    )
    assert info.video.frame_count_header == count
    assert word in " ".join(info.notes)


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_come_out_with_their_luma(copied, tmp_path, name):
    """Through the writer and back: y and alpha equal in the source's depth."""
    frame = read_still(copied(name))
    zero = np.zeros(frame.y.shape, np.float32)

    write_still(tmp_path / "result.png", frame.y, zero + 9, zero - 5, frame.alpha, frame.keep)

    again = read_still(tmp_path / "result.png")
    np.testing.assert_array_equal(frame.y, again.y)
    assert (frame.alpha is None) == (again.alpha is None)
    if frame.alpha is not None:
        np.testing.assert_array_equal(frame.alpha, again.alpha)
    assert frame.keep.orientation == again.keep.orientation


@pytest.mark.parametrize("name", REFUSED | NO_PICTURES)
def test_refusals_are_one_line(copied, name):
    """The line names the file and the reason, and the source stays as it was."""
    path = copied(name)

    with pytest.raises(MediaError, match=(REFUSED | NO_PICTURES)[name]) as caught:
        probe_still(path)

    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert (ODD / name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", ["bomb-60000x60000.png", "bomb.gif"])
def test_bombs_cost_no_memory(copied, name):
    """Refused by the header: the address space may not grow by the declared size."""
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(MediaError):
        probe_still(copied(name))

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_16_bit_values_are_real(copied):
    """gray16.png spans the whole range; a reader that clips at 255 would show it."""
    frame = read_still(copied("gray16.png"))

    assert (int(frame.y.min()), int(frame.y.max())) == (0, 65535)
    assert len(np.unique(frame.y >> 8)) > 40
