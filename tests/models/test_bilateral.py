"""The bilateral filter: OpenCV's answer, no smoothing over edges, nothing moved."""

import cv2
import numpy as np
import pytest
import torch

from videocolor.models.blocks.bilateral import bilateral_filter


@pytest.mark.parametrize("deviation", [3.0, 6.0, 20.0])
def test_it_is_opencv_s(deviation):
    plane = np.random.default_rng(1).uniform(0, 100, (40, 52)).astype(np.float32)
    expected = cv2.bilateralFilter(plane, 5, deviation, 1.5, borderType=cv2.BORDER_REPLICATE)

    found = bilateral_filter(torch.from_numpy(plane)[None, None], deviation)[0, 0].numpy()

    assert np.abs(found - expected).max() < 0.02  # OpenCV reads its weights from a table


def test_an_edge_stays_and_grain_goes():
    rng = torch.Generator().manual_seed(1)
    step = torch.where(torch.arange(64) < 32, 20.0, 80.0).expand(1, 1, 64, 64)

    found = bilateral_filter(step + torch.randn(step.shape, generator=rng), 6.0)

    assert (found - step).std() < 0.5
    assert (found[..., 31] - 20).abs().max() < 2
    assert (found[..., 32] - 80).abs().max() < 2


def test_a_flat_plane_is_untouched():
    plane = torch.full((2, 1, 5, 7), 41.5)

    assert torch.equal(bilateral_filter(plane, 6.0), plane)
