"""A model as a subject: its render factor."""

import pytest
import torch
from tiny_parts import FLOAT32, CopyNetwork, make_card, make_video

from videocolor.core.cards import SizeRule
from videocolor.errors import SettingsError
from videocolor.examine.subject import ModelSubject
from videocolor.examine.views import View
from videocolor.models.adapter import NetworkColorizer
from videocolor.models.merged import Blend, MergedColorizer
from videocolor.pipeline.batches import network_size


def colorizer(minimum, name="tiny"):
    rule = SizeRule(multiple_of=8, minimum=minimum, square=True, default_side=128)
    return NetworkColorizer(CopyNetwork(), make_card(name=name, size_rule=rule), FLOAT32)


def test_a_render_factor_below_the_network_s_minimum_is_refused_as_for_films():
    """It would be examined at its minimum, and the result would name another size."""
    model = colorizer(72)

    with pytest.raises(SettingsError) as refused:
        ModelSubject(model, render_factor=4)

    with pytest.raises(SettingsError) as refused_film:
        network_size(make_video(), model.card, 4)
    assert str(refused_film.value) == str(refused.value)
    assert "Choose at least 5." == refused.value.remedy
    gray = View(lightness=torch.full((1, 40, 40), 50.0), ab=None)
    assert (80, 80) == ModelSubject(model, render_factor=5).seen_size(gray)
    assert (128, 128) == ModelSubject(model).seen_size(gray)


def test_of_two_blended_models_the_one_that_takes_no_less_is_named():
    blended = MergedColorizer(colorizer(32, "coarse"), colorizer(96, "fine"), Blend(weight=0.5))

    with pytest.raises(SettingsError, match=r"3 is too small for fine\. Choose at least 6"):
        ModelSubject(blended, render_factor=3)
