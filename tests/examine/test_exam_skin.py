"""Line 7: skin must look like skin."""

import re
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from made_colorizers import Gray, Oracle

from videocolor.examine.colors import chroma, has_hue, true_ab
from videocolor.examine.lines.skin import SkinMeter, line_7
from videocolor.examine.photos import load_photos
from videocolor.examine.sitting import Sitting
from videocolor.examine.skin_boxes import in_window, shipped_boxes, skin_regions
from videocolor.examine.views import Material, Photo

VAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "val"
needs_photos = pytest.mark.skipif(not VAL.is_dir(), reason="needs the photographs of ../shared")
TAGGED = (47, 135, 137, 144, 146, 147, 159, 161, 173, 174, 177, 184)
SKIN = (200, 150, 120)
DARK_SKIN = (90, 58, 42)
BLUE = (90, 110, 200)


class Quarter(Oracle):
    """The truth as coarse as networks answer it."""

    name = "quarter"
    stride = 4


class GreenSkin(Oracle):
    """Right everywhere, but what should be skin is green."""

    name = "green skin"

    def spoil(self, ab, views):
        return torch.where(_skin_like(ab), torch.tensor([-15.0, 15.0])[:, None, None], ab)


class UnpaintedFaces(Oracle):
    """Right everywhere, but what should be skin stays gray."""

    name = "unpainted faces"

    def spoil(self, ab, views):
        return torch.where(_skin_like(ab), 0.0, ab)


def _skin_like(ab):
    return has_hue(ab, (10, 85), least_chroma=6)[:, None]


def made_photo(digest, color=SKIN, **known):
    rgb = np.full((256, 256, 3), color, np.uint8)
    return Photo(name=f"{digest[:6]}.png", sha256=digest, rgb=rgb, **known)


def digests(count):
    """Those with the most boxes."""
    boxes = shipped_boxes()
    return sorted(boxes, key=lambda digest: len(boxes[digest]), reverse=True)[:count]


def sat(subject, *photos):
    return Sitting(subject, Material(photos=photos))


def shares_of(sitting, answers):
    meter = SkinMeter()
    for photo, ab in zip(sitting.photos, answers, strict=True):
        meter.push(photo, ab)
    return meter.shares


def values(result):
    return [figure.value for figure in result.figures[:2]]


@pytest.fixture(scope="module")
def photos():
    return load_photos([VAL / f"{number:03}.webp" for number in TAGGED])[0]


@pytest.mark.shared
@needs_photos
@pytest.mark.parametrize("subject", [Oracle(), Quarter()])
def test_the_true_colors_of_photographs_pass(photos, subject):
    result = line_7(sat(subject, *photos))
    assert result.verdict == "held"
    assert result.figures[-1].value > 40


@pytest.mark.shared
@needs_photos
def test_green_skin_on_photographs_fails(photos):
    result = line_7(sat(GreenSkin(), *photos))
    assert [figure.verdict for figure in result.figures[:2]] == ["failed", "held"]
    assert result.examples


@pytest.mark.shared
@needs_photos
def test_unpainted_faces_on_photographs_fail(photos):
    """Although everything else has its color."""
    result = line_7(sat(UnpaintedFaces(), *photos))
    assert [figure.verdict for figure in result.figures[:2]] == ["failed", "failed"]


@pytest.mark.shared
@needs_photos
def test_boxes_lie_on_photographs_that_exist():
    """Each comment names the file that has the hash below it; on most boxes the truth passes."""
    text = files("videocolor.examine").joinpath("skin_boxes.toml").read_text(encoding="utf-8")
    named = re.findall(r'# (\d+\.webp)\n"(\w+)"', text)
    found, _ = load_photos([VAL / name for name, _ in named])
    assert [(photo.name, photo.sha256) for photo in found] == named
    assert sum(len(skin_regions(photo, shipped_boxes())) for photo in found) == sum(map(len, shipped_boxes().values()))
    sitting = sat(Oracle(), *found)
    assert shares_of(sitting, [true_ab(photo) for photo in found]).boxes >= 120


def test_the_true_colors_of_made_skin_pass():
    result = line_7(sat(Oracle(), *map(made_photo, digests(3))))
    assert values(result) == [1.0, 0.0]
    assert result.verdict == "held"
    assert result.examples == ()


def test_gray_fails_both_figures():
    result = line_7(sat(Gray(), *map(made_photo, digests(3))))
    assert values(result) == [0.0, 1.0]
    assert [figure.verdict for figure in result.figures[:2]] == ["failed", "failed"]


def test_boxes_where_the_truth_is_not_skin_do_not_count():
    [digest, other] = digests(2)
    photos = made_photo(digest), made_photo(other, color=BLUE)
    assert line_7(sat(Oracle(), *photos)).figures[-1].value == len(shipped_boxes()[digest])
    assert line_7(sat(Oracle(), photos[1])).verdict == "not tested"


def test_photographs_without_known_skin_are_not_tested():
    sitting = sat(Oracle(), made_photo("0" * 64))
    assert line_7(sitting).verdict == "not tested"
    assert shares_of(sitting, [sitting.answer(0)]) is None


def test_shares_count_boxes():
    """One gray box and one with the hue of blue jeans."""
    [digest] = digests(1)
    sitting = sat(Oracle(), made_photo(digest))
    ab = sitting.answer(0)
    first, second, *others = skin_regions(sitting.photos[0], shipped_boxes())
    ab[:, *first] = 0
    ab[:, *second] = torch.tensor([0.0, -20.0])[:, None, None]
    shares = shares_of(sitting, [ab])
    count = 2 + len(others)
    assert (shares.right, shares.gray, shares.boxes) == (
        pytest.approx((count - 2) / count),
        pytest.approx(1 / count),
        count,
    )


@pytest.mark.parametrize(
    ("hue", "chroma_", "is_right"),
    [
        (19, 20, False),
        (21, 20, True),
        (74, 20, True),
        (76, 20, False),
        (350, 20, False),
        (45, 7.9, False),
        (45, 8.1, True),
        (45, 34.9, True),
        (45, 35.1, False),
    ],
)
def test_the_range_of_skin(hue, chroma_, is_right):
    sitting = sat(Oracle(), made_photo(digests(1)[0]))
    angle = np.radians(hue)
    color = torch.tensor([np.cos(angle), np.sin(angle)], dtype=torch.float32) * chroma_
    answer = color[:, None, None].expand(2, 256, 256)
    assert float(chroma(answer).mean()) == pytest.approx(chroma_, abs=1e-4)
    assert shares_of(sitting, [answer]).right == float(is_right)


def test_the_median_hue_is_taken_on_the_circle():
    """Two fifths at 350 degrees, one at 10, two at 60: the middle one is 10. As plain numbers it would be 60."""
    sitting = sat(Oracle(), made_photo(digests(1)[0]))
    degrees = torch.tensor([350.0, 60.0, 10.0, 60.0, 350.0])[torch.arange(256) % 5].expand(256, 256)
    box = torch.deg2rad(degrees)
    assert shares_of(sitting, [20 * torch.stack([box.cos(), box.sin()])]).right == 0.0


class OneGray(Oracle):
    """Colors all pictures but the dark ones."""

    name = "one gray"

    def spoil(self, ab, views):
        return ab * float(views[0].lightness.mean() > 50)


def test_figures_are_told_by_group_and_wrong_pictures_are_examples():
    right, gray = digests(2)
    result = line_7(
        sat(OneGray(), made_photo(right, group="people"), made_photo(gray, color=DARK_SKIN, group="nature"))
    )
    assert [row["with chroma < 5, share"] for row in result.groups.values()] == [0.0, 1.0]
    assert list(result.groups) == ["people", "nature"]
    assert [example.name for example in result.examples] == [f"{gray[:6]}.png"]


def test_boxes_are_mapped_through_the_crop():
    """A picture twice as wide as high shows its middle: 0.25 to 0.75 of its width."""
    window = (0.25, 0.0, 0.75, 1.0)
    assert in_window((0.3, 0.2, 0.4, 0.6), window) == pytest.approx((0.1, 0.2, 0.3, 0.6))
    assert in_window((0.25, 0.0, 0.75, 1.0), window) == pytest.approx((0, 0, 1, 1))
    # Three quarters of the width are inside, then half of it, then nothing.
    assert in_window((0.225, 0.2, 0.325, 0.6), window) == pytest.approx((0, 0.2, 0.15, 0.6))
    assert in_window((0.2, 0.2, 0.3, 0.6), window) is None
    assert in_window((0.8, 0.2, 0.9, 0.6), window) is None


def test_boxes_become_pixels():
    photo = made_photo("a" * 64, window=(0.25, 0.0, 0.75, 1.0))
    boxes = {"a" * 64: ((0.3125, 0.25, 0.375, 0.5), (0.5, 0.5, 0.5005, 0.5005), (0.0, 0.0, 0.2, 0.2))}
    assert skin_regions(photo, boxes) == [(slice(64, 128), slice(32, 64))]


def test_the_boxes_are_valid():
    boxes = shipped_boxes()
    assert len(boxes) >= 50
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in boxes)
    assert all(len(set(of_photo)) == len(of_photo) >= 1 for of_photo in boxes.values())
    for left, top, right, bottom in (box for of_photo in boxes.values() for box in of_photo):
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1
