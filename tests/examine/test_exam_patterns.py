"""Line 11: stripes and grids of the network's own."""

import pytest
import torch
from made_colorizers import Gray, Oracle

from videocolor.examine.lines.patterns import line_11
from videocolor.examine.made_pictures import flat, woven
from videocolor.examine.sitting import Sitting
from videocolor.examine.views import Material


def sat(subject):
    return Sitting(subject, Material())


class Quarter(Oracle):
    stride = 4


class Patterned(Oracle):
    """The truth and a pattern of `self.wave(rows, columns)`."""

    def __init__(self, period, strength, shape):
        self.period, self.strength, self.shape = period, strength, shape

    def spoil(self, ab, views):
        rows, columns = torch.arange(ab.shape[2])[:, None], torch.arange(ab.shape[3])
        half = self.period // 2
        place = {
            "stripes across": columns // half + 0 * rows,
            "stripes down": rows // half + 0 * columns,
            "checkerboard": rows // half + columns // half,
        }[self.shape]
        return ab + self.strength * (place % 2 - 0.5)


class SeesLittle(Patterned):
    """A network whose input is so small that long periods cannot be told apart."""

    def __init__(self, period, size):
        super().__init__(period, 2.0, "checkerboard")
        self.size = size

    def seen_size(self, view):
        return self.size, self.size


@pytest.mark.parametrize("subject", [Oracle(), Quarter(), Gray()], ids=lambda subject: type(subject).__name__)
def test_who_adds_no_pattern_passes(subject):
    assert line_11(sat(subject)).verdict == "held"


@pytest.mark.parametrize("seed", range(4))
def test_the_oracle_passes_with_other_cloth(seed):
    """Cloth is drawn; no draw must have a period."""
    sitting = sat(Oracle())
    made = [woven((224, 224), seed=100 * seed + number) for number in range(2)]

    assert line_11(sitting).verdict == "held"
    assert not torch.equal(made[0].lightness, made[1].lightness)


@pytest.mark.parametrize("shape", ["stripes across", "stripes down", "checkerboard"])
@pytest.mark.parametrize("period", [4, 8, 16, 32])
def test_a_pattern_that_can_just_be_seen_fails(shape, period):
    result = line_11(sat(Patterned(period, 1.0, shape)))

    assert result.figures[0].verdict == "failed"
    assert result.examples[0].name.endswith(f"every {period} pixels")


def test_a_pattern_that_nobody_sees_passes():
    assert line_11(sat(Patterned(8, 0.1, "checkerboard"))).verdict == "held"


def test_on_cloth_a_pattern_must_be_stronger_than_the_threads():
    result = line_11(sat(Patterned(8, 40.0, "checkerboard")))

    assert ["failed", "failed"] == [item.verdict for item in result.figures]


def test_stripes_have_a_direction():
    result = line_11(sat(Patterned(8, 2.0, "stripes down")))

    assert "down every 8" in result.examples[0].name


@pytest.mark.parametrize(("period", "verdict"), [(8, "failed"), (32, "held")])
def test_a_small_network_is_tested_on_short_periods(period, verdict):
    assert line_11(sat(SeesLittle(period, 96))).figures[0].verdict == verdict


def test_a_tiny_network_is_not_tested():
    assert line_11(sat(SeesLittle(8, 16))).verdict == "not tested"


def test_flat_is_flat_and_cloth_is_not():
    plain, cloth = flat((40, 60), 50.0), woven((40, 60), seed=0)

    assert plain.size == cloth.size == (40, 60)
    assert float(plain.lightness.std()) == 0
    assert float(cloth.lightness.std()) > 5
    assert 2 == len(cloth.ab.flatten(1).unique(dim=1).T)
