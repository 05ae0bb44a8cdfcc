"""From frames to the network and back: sizes, lightness, batches within one shot, order, turns."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.color import rgb2lab
from tiny_parts import FLOAT32, CopyNetwork, make_card, make_context, make_frame, make_layout, make_video

from videocolor.core.cards import SizeRule
from videocolor.core.frames import ChromaBatch, MovingFrame
from videocolor.errors import SettingsError
from videocolor.models.adapter import NetworkColorizer, pad_for_network
from videocolor.pipeline.batches import NetworkInput, colorize, network_size, quarter_turns, small_lightness
from videocolor.pipeline.job import shot_seed
from videocolor.pipeline.segment import luma_sha256

CPU = torch.device("cpu")
COMPACT = make_card(size_rule=SizeRule(multiple_of=32, minimum=64, square=False, default_side=256, rim=16))
SQUARE = make_card(size_rule=SizeRule(multiple_of=16, minimum=32, square=True, default_side=256, rim=16))


def noise(height, width, *, seed=0, low=16, high=235):
    return np.random.default_rng(seed).integers(low, high + 1, (height, width), dtype=np.uint8)


def run(frames, colorizer, *, size=(8, 12), turns=0, batch_size=4):
    return list(colorize(moving(frames), colorizer, make_context(), network(size, turns, batch_size)))


def moving(frames):
    return (MovingFrame(frame=frame, motion=None) for frame in frames)


def network(size, turns, batch_size):
    return NetworkInput(sizes=(size,), turns=turns, batch_size=batch_size, device=CPU)


class Recorder:
    """Answers its own lightness, and remembers what it saw."""

    card = make_card()

    def __init__(self):
        self.batches = []

    def predict(self, batch):
        self.batches.append(batch)
        return ChromaBatch(ab=batch.lightness.expand(-1, 2, -1, -1), confidence=batch.lightness / 100)


@given(st.integers(1, 4000), st.integers(1, 4000), st.one_of(st.none(), st.integers(4, 40)))
def test_the_network_sees_an_allowed_size_of_about_the_wanted_area(height, width, factor):
    video = make_video(height=height, width=width)

    size = network_size(video, COMPACT, factor)

    wanted = COMPACT.size_rule.network_size(height, width, 16 * (factor or 16))
    padded, _ = pad_for_network(torch.zeros(1, 1, *size), COMPACT)
    assert wanted[0] in padded.shape[2:3] or wanted[1] in padded.shape[3:], "one side is filled"
    # The other gives way to the picture's own aspect; beyond 4:1 the picture does not fill it.
    assert all(side <= most for side, most in zip(padded.shape[2:], wanted, strict=True))
    if 0.3 < width / height < 3.3 and (factor or 16) >= 16:
        assert padded.shape[2] * padded.shape[3] > 0.65 * (16 * (factor or 16)) ** 2
        assert size[1] / size[0] == pytest.approx(width / height, rel=0.04)


@pytest.mark.parametrize("factor", [None, 8, 20])
def test_square_networks_get_a_square_with_their_rim_in_it(factor):
    """The rim was added on top of the square that the render factor names."""
    size = network_size(make_video(), SQUARE, factor)
    padded, _ = pad_for_network(torch.zeros(1, 1, *size), SQUARE)

    assert (16 * (factor or 16),) * 2 == tuple(padded.shape[2:])


def test_the_aspect_is_kept_as_it_is_displayed():
    size = network_size(make_video(height=576, width=720, sample_aspect=Fraction(16, 11)), COMPACT, 40)

    assert size[1] / size[0] == pytest.approx(720 * 16 / 11 / 576, rel=0.02)


def test_a_turned_film_is_measured_upright():
    upright = network_size(make_video(height=1280, width=720), COMPACT, None)

    assert upright == network_size(make_video(height=720, width=1280, rotation=90), COMPACT, None)
    assert upright == network_size(make_video(height=720, width=1280, rotation=-90), COMPACT, None)
    assert upright == network_size(make_video(height=1280, width=720, rotation=180), COMPACT, None)


def test_a_render_factor_below_the_network_s_minimum_is_refused_with_the_least():
    with pytest.raises(SettingsError, match=r"--render-factor 3 is too small for tiny\. Choose at least 4"):
        network_size(make_video(), COMPACT, 3)
    network_size(make_video(), COMPACT, 4)


@pytest.mark.parametrize(("rotation", "turns"), [(0, 0), (90, 1), (-90, 3), (180, 2), (-180, 2), (270, 3)])
def test_quarter_turns(rotation, turns):
    assert turns == quarter_turns(make_video(rotation=rotation))


@pytest.mark.parametrize(("full_range", "depth"), [(False, 8), (True, 8), (False, 10), (True, 16)])
def test_lightness_is_that_of_the_gray_a_viewer_sees(full_range, depth):
    """Every code of 8 bits against scikit-image; super-black and super-white are clipped."""
    codes = np.arange(256).reshape(16, 16)
    y = (codes << (depth - 8)).astype(np.uint8 if depth == 8 else np.uint16)
    black, span = (0, (1 << depth) - 1) if full_range else (16 << (depth - 8), 219 << (depth - 8))
    gray = np.clip((y.astype(float) - black) / span, 0, 1)

    found = small_lightness(y, make_layout(bit_depth=depth, full_range=full_range), (16, 16), 0)

    expected = rgb2lab(np.repeat(gray[..., None], 3, axis=-1))[..., 0]
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() < 0.01


def test_shrinking_is_the_mean_of_areas():
    """Grain averages out; point sampling would flicker."""
    y = np.zeros((32, 48), np.uint8)
    y[::2] = 200
    flat = np.full((32, 48), 100, np.uint8)

    found = small_lightness(y, make_layout(full_range=True), (8, 12), 0)

    expected = small_lightness(flat, make_layout(full_range=True), (8, 12), 0)
    assert np.abs(found - expected).max() < 1e-3


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (3, 2)])
def test_pictures_smaller_than_the_network_s_grow(size):
    found = small_lightness(noise(*size), make_layout(), (16, 16), 0)

    assert found.shape == (16, 16)
    assert 0 <= found.min() <= found.max() <= 100


@pytest.mark.parametrize("turns", range(4))
def test_the_network_sees_the_picture_upright_and_colors_come_back_turned(turns):
    """Top left is the brightest corner of the upright picture; stored, it lies somewhere else."""
    upright = np.full((32, 48), 40, np.uint8)
    upright[:8, :8] = 220
    stored = np.ascontiguousarray(np.rot90(upright, turns))
    recorder = Recorder()

    (colored,) = run([make_frame(stored)], recorder, size=(16, 24), turns=turns)

    seen = recorder.batches[0].lightness[0, 0]
    assert seen.shape == (16, 24)
    assert seen[0, 0] > 80
    assert seen[-1, -1] < 20
    assert np.array_equal(np.rot90(seen.numpy(), turns), colored.ab[0].numpy())
    assert np.array_equal(np.rot90(seen.numpy(), turns), colored.lightness[0].numpy())
    assert np.array_equal(np.rot90(seen.numpy(), turns) / 100, colored.confidence[0].numpy())


@given(st.integers(0, 11), st.integers(1, 5))
def test_frames_keep_order_and_count_in_full_batches(count, batch_size):
    frames = [make_frame(np.full((8, 8), 20 * number, np.uint8), pts=7 * number) for number in range(count)]
    recorder = Recorder()

    colored = run(frames, recorder, size=(4, 4), batch_size=batch_size)

    assert frames == [item.frame for item in colored]
    assert [len(batch.pts) for batch in recorder.batches[:-1]] == [batch_size] * (len(recorder.batches) - 1)
    assert [frame.pts for frame in frames] == [pts for batch in recorder.batches for pts in batch.pts]
    grays = [float(item.ab.mean()) for item in colored]
    assert grays == sorted(grays)


def test_batch_size_changes_no_color():
    frames = [make_frame(noise(40, 60, seed=number), pts=number) for number in range(5)]
    colorizer = NetworkColorizer(CopyNetwork(), make_card(), FLOAT32)

    one, four = (run(frames, colorizer, batch_size=size) for size in (1, 4))

    assert all(torch.equal(a.ab, b.ab) for a, b in zip(one, four, strict=True))


def test_a_batch_is_colored_before_the_next_frame_is_asked_for():
    """Batches follow the shot: nothing of the next one is read early."""
    taken = 0

    def frames():
        nonlocal taken
        for number in range(9):
            taken += 1
            yield make_frame(noise(8, 8), pts=number)

    stream = colorize(moving(frames()), Recorder(), make_context(), network((4, 4), 0, 3))
    next(stream)

    assert taken == 3
    assert not torch.is_inference_mode_enabled()


def test_the_seed_of_a_shot_is_the_run_s_and_the_first_pts_only():
    """Resume, --start and many machines must draw the same numbers; torch's generators take 63 bits."""
    assert shot_seed(3, 400) == 685439752115880930
    assert len({shot_seed(run_seed, pts) for run_seed in range(30) for pts in range(30)}) == 900
    torch.Generator().manual_seed(max(shot_seed(number, 0) for number in range(100)))


def test_a_luma_plane_is_recognized_by_its_visible_samples():
    store = noise(8, 20)
    padded, plain = store[:, :12], store[:, :12].copy()

    assert luma_sha256(make_frame(padded)) == luma_sha256(make_frame(plain))
    assert luma_sha256(make_frame(plain)) != luma_sha256(make_frame(noise(8, 12, seed=5)))
