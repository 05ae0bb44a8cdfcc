"""Measures on real clips whose colors are known: what is known to fool each must fool ours the same way."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from videocolor.evaluate.clips import TemporalMeter
from videocolor.evaluate.lab import luma, rgb_to_lab, with_ab
from videocolor.evaluate.pictures import PictureMeter
from videocolor.evaluate.warping import PairMotion, WarpMeter, mean_square

MEDIA = Path(__file__).resolve().parents[3] / "shared" / "data" / "media"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not MEDIA.is_dir(), reason="needs the films of ../shared"),
]


@pytest.fixture(scope="module")
def camel():
    with av.open(str(MEDIA / "davis-camel.mp4")) as container:
        return [frame.to_ndarray(format="rgb24") for frame, _ in zip(container.decode(video=0), range(8), strict=False)]


def temporal(frames, truth):
    meter = TemporalMeter(has_truth=True)
    for rgb, true_rgb in zip(frames, truth, strict=True):
        meter.push(rgb, true_rgb)
    return meter.finish()


def test_the_truth_itself_is_not_perfectly_steady(camel):
    """Flow errs and light changes: figures are read beside the truth's."""
    found = temporal(camel, camel).truth

    assert 1.0 < found.warp_ab < 2.5
    assert 2e-4 < found.warp_error < 2e-3
    assert 0 < found.cdc < 0.005


def test_a_constant_tint_beats_the_truth_in_every_measure_of_flicker(camel):
    found = temporal([with_ab(frame, (8, 18)) for frame in camel], camel)

    assert found.cdc_difference < 0
    # What is left are the codes of 8-bit RGB, which are coarse in the dark.
    assert found.result.warp_ab < 0.5 * found.truth.warp_ab
    assert found.result.tint_jitter < found.truth.tint_jitter


def test_half_the_saturation_is_half_the_warping_error(camel):
    """Why chroma_ratio stands beside it."""
    motion = PairMotion.of(luma(camel[0]), luma(camel[1]))
    ab = [rgb_to_lab(frame)[..., 1:] for frame in camel[:2]]

    whole, half = mean_square(*ab, motion), mean_square(*(plane / 2 for plane in ab), motion)

    assert pytest.approx(whole / 4, rel=1e-5) == half


def test_soft_noise_of_known_deviation(camel):
    """New noise in every frame gives sqrt(2) of its deviation, whatever moves."""
    rng = np.random.default_rng(0)
    grays = [luma(frame) for frame in camel]
    blobs = [cv2.GaussianBlur(rng.normal(size=(*grays[0].shape, 2)).astype(np.float32), (0, 0), 4) for _ in grays]
    noise = [8.94 * (blob - blob.mean(axis=(0, 1))) / blob.std(axis=(0, 1)) for blob in blobs]
    meter = WarpMeter()
    for t in range(len(grays) - 1):
        meter.push(mean_square(noise[t], noise[t + 1], PairMotion.of(grays[t], grays[t + 1])))

    assert pytest.approx(8.94 * 2**0.5, rel=0.03) == meter.root


def test_gray_scores_high_where_luma_is_all_that_is_seen(camel):
    meter = PictureMeter()
    for frame in camel[:2]:
        meter.push(with_ab(frame, (0, 0)), frame)
    gray = meter.finish()

    assert gray.ssim > 0.9
    assert gray.auc > 0.85
    assert gray.psnr < 24
    assert gray.delta_e_mean > 8
    assert gray.auc_balanced < gray.auc
