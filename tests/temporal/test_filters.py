"""The simple filters by their own numbers; what every filter must do is in tests/contracts."""

import pytest
from tiny_parts import tinted_frames

from videocolor.errors import SettingsError
from videocolor.temporal.filters import ExponentialMean, filter_names, load_filter


def test_none_gives_the_very_frames_back():
    frames = tinted_frames(3)

    assert all(before is after for before, after in zip(frames, load_filter("none")(frames), strict=True))


def test_ema_is_the_weighted_mean_of_now_and_before():
    """0, 1, 2 with keep 0.5: 0, 0.5, 1.25."""
    found = [float(item.ab[0, 0, 0]) for item in ExponentialMean(keep=0.5)(tinted_frames(3))]

    assert [0.0, 0.5, 1.25] == found


@pytest.mark.parametrize(("strength", "keep"), [("light", 0.4), ("normal", 0.6), ("strong", 0.8)])
def test_the_strength_of_ema_is_what_it_keeps(strength, keep):
    _, second = load_filter("ema", strength)(tinted_frames(2))

    assert 1 - keep == pytest.approx(float(second.ab[0, 0, 0]))


@pytest.mark.parametrize(
    ("strength", "decay", "look_ahead"), [("light", 0.8, 4), ("normal", 0.95, 8), ("strong", 0.98, 16)]
)
def test_the_strength_of_flow_is_its_reach(strength, decay, look_ahead):
    smooth = load_filter("flow", strength)

    assert (decay, look_ahead) == (smooth.decay, smooth.look_ahead)


def test_an_unknown_filter_is_refused_with_the_choice():
    assert ("none", "ema", "flow") == filter_names()
    with pytest.raises(SettingsError, match=r"--smoothing is 'mean'\. Choose from none, ema, flow"):
        load_filter("mean")
