"""The simple filters by their own numbers; what every filter must do is in tests/contracts."""

import pytest
import torch
from tiny_parts import tinted_frames

from videocolor.errors import SettingsError
from videocolor.temporal.filters import ema, filter_names, load_filter, none


def test_none_gives_the_very_frames_back():
    frames = tinted_frames(3)

    assert all(before is after for before, after in zip(frames, none(frames), strict=True))


def test_ema_is_the_weighted_mean_of_now_and_before():
    """0, 1, 2 with keep 0.5: 0, 0.5, 1.25."""
    found = [float(item.ab[0, 0, 0]) for item in ema(tinted_frames(3), keep=0.5)]

    assert [0.0, 0.5, 1.25] == found


def test_ema_leaves_still_colors_alone_and_its_input_too():
    frames = tinted_frames(1) * 4
    before = frames[0].ab.clone()

    assert all(torch.equal(before, item.ab) for item in ema(frames))
    assert torch.equal(before, frames[0].ab)


def test_an_unknown_filter_is_refused_with_the_choice():
    assert set(filter_names()) == {"none", "ema"}
    with pytest.raises(SettingsError, match=r"--smoothing is 'flow'\. Choose from none, ema"):
        load_filter("flow")
