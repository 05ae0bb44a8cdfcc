"""The order of the photographs does not change what is found out about a colorizer."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from made_colorizers import Oracle

from videocolor.examine.lines.registry import LINES
from videocolor.examine.sitting import ExamSettings, Sitting
from videocolor.examine.views import Material, Photo

SIDE = 64
# Line 15 joins neighbors; 7 and 13 find nothing to look at in these pictures.
LOOK_AT_EACH = [line for line in LINES if line.number not in {7, 13, 15}]


def made_photo(number):
    """Blobs of color, and patches between dark and bright."""
    generator = torch.Generator().manual_seed(number)
    color, light = torch.rand(1, 3, 5, 5, generator=generator), torch.rand(1, 1, 12, 12, generator=generator)
    blobs, patches = (F.interpolate(part, size=(SIDE, SIDE), mode="bicubic") for part in (color, light))
    rgb = (0.4 * blobs + 0.6 * patches**2).clamp(0, 1)[0].permute(1, 2, 0)
    return Photo(name=f"{number}.png", sha256=f"{number:064}", rgb=(rgb * 255).numpy().astype(np.uint8), group="people")


class Nervous(Oracle):
    """Takes grain for color, and the more of it the stronger it is."""

    def spoil(self, ab, views):
        lightness = torch.stack([view.lightness for view in views])
        grain = lightness - F.avg_pool2d(lightness, 5, 1, 2)
        return ab + 0.02 * grain * grain.abs()


def figures(line, photos):
    sitting = Sitting(Nervous(), Material(photos=tuple(photos), side=SIDE), ExamSettings(few=len(photos)))
    return {item.name: item.value for item in line.run(sitting).figures if item.value is not None}


@pytest.mark.parametrize("line", LOOK_AT_EACH, ids=lambda line: f"line {line.number}")
def test_the_order_of_photographs_changes_no_figure(line):
    """Sums depend on it in their last digits; grain that is drawn anew would change the third."""
    photos = [made_photo(number) for number in range(10)]

    assert figures(line, photos) == pytest.approx(figures(line, photos[::-1]), rel=1e-5, abs=1e-5)
