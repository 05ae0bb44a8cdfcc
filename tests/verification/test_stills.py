"""Stills: every promise holds for what the writer makes, and each break is seen."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageCms
from results import broken, detail, states

from videocolor.media.still import load_still
from videocolor.media.still_write import write_still
from videocolor.settings import LOSSES
from videocolor.verification import verify

ALL = frozenset(LOSSES)


@pytest.fixture
def source(tmp_path):
    """A gray ramp with alpha, EXIF and a text."""
    ramp = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) % 256
    alpha = np.flip(ramp, 1)
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "A camera", 6
    path = tmp_path / "source.png"
    Image.fromarray(np.dstack([ramp, alpha]).astype(np.uint8), "LA").save(path, exif=exif, dpi=(300, 300))
    return path


def write(source, target, *, change=None, **keep):
    """Color a still with a constant tint, after a change of its planes or of what it carries."""
    still = load_still(source)
    y, alpha = still.frame.y.copy(), None if still.frame.alpha is None else still.frame.alpha.copy()
    if change:
        y, alpha = change(y, alpha)
    tint = np.full(y.shape, 20 * (1 if y.dtype == np.uint8 else 257), np.float32)
    write_still(target, y, tint, -tint, alpha, replace(still.keep, **keep), allow_loss=ALL)
    return target


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_a_written_still_holds_every_promise(source, tmp_path, suffix):
    report = verify(source, write(source, tmp_path / f"result{suffix}"), allow_loss=frozenset({"data"}))

    assert set() == broken(report), "\n".join(report.lines())
    assert "held" == states(report)["luma"] == states(report)["alpha"] == states(report)["EXIF"]
    if suffix != ".webp":
        assert f"{48 * 64} of {48 * 64} pixels equal (result read by ffmpeg)" == detail(report, "luma")


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_hold(tmp_path, suffix):
    source = tmp_path / "deep.png"
    Image.fromarray((np.arange(64 * 64, dtype=np.uint16) * 16 + 7).reshape(64, 64)).save(source)

    report = verify(source, write(source, tmp_path / f"result{suffix}"))

    assert set() == broken(report)
    assert "16 bit read as 16 -> 16 bit" == detail(report, "bit depth")
    assert "ffmpeg" in detail(report, "luma")


def one_pixel(y, alpha):
    y[3, 4] ^= 1
    return y, alpha


def one_alpha(y, alpha):
    alpha[3, 4] ^= 1
    return y, alpha


def no_alpha(y, alpha):
    return y, None


def smaller(y, alpha):
    return y[1:], alpha[1:]


@pytest.mark.parametrize(
    ("change", "keep", "promise"),
    [
        (one_pixel, {}, "luma"),
        (one_alpha, {}, "alpha"),
        (no_alpha, {}, "alpha"),
        (smaller, {}, "picture size"),
        (None, {"exif": None}, "EXIF"),
        (None, {"exif": None}, "orientation"),
        (None, {"icc": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()}, "ICC profile"),
        (None, {"dpi": None, "png_chunks": ()}, "density"),
    ],
)
def test_a_broken_promise_of_a_still_is_reported(source, tmp_path, change, keep, promise):
    result = write(source, tmp_path / "result.png", change=change, **keep)

    assert promise in broken(verify(source, result))


def test_lost_depth_and_alpha_are_forgiven_only_when_allowed(tmp_path):
    source = tmp_path / "deep.png"
    Image.fromarray((np.arange(64 * 64, dtype=np.uint16) * 16).reshape(64, 64)).save(source)
    result = write(source, tmp_path / "result.jpg")

    assert {"bit depth"} == broken(verify(source, result))
    assert "not tested" == states(verify(source, result, allow_loss=frozenset({"depth"})))["bit depth"]
    assert "JPEG is lossy" in detail(verify(source, result), "luma")
