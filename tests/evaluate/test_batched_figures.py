"""The figures on batches of tensors are those on single 8-bit pictures."""

import numpy as np
import pytest
import torch

from videocolor.evaluate.batched import colorfulness, psnr
from videocolor.evaluate.colorfulness import colorfulness as colorfulness_of_one
from videocolor.evaluate.fidelity import psnr as psnr_of_one


@pytest.fixture
def pictures():
    rng = np.random.default_rng(2)
    flat = np.full((24, 32, 3), (200, 90, 30))
    return np.stack([flat, flat + rng.integers(-20, 20, flat.shape), rng.integers(0, 256, flat.shape)]).astype(np.uint8)


def as_batch(pictures):
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255


def test_colorfulness_is_that_of_each_picture(pictures):
    expected = [colorfulness_of_one(picture) for picture in pictures]

    assert colorfulness(as_batch(pictures)).tolist() == pytest.approx(expected, abs=1e-3)


def test_psnr_is_that_of_each_pair(pictures):
    truth = pictures[::-1].copy()

    expected = [psnr_of_one(one, other) for one, other in zip(pictures[[0, 2]], truth[[0, 2]], strict=True)]

    assert psnr(as_batch(pictures[[0, 2]]), as_batch(truth[[0, 2]])).tolist() == pytest.approx(expected, abs=1e-4)


def test_equal_pictures_have_100_db(pictures):
    assert psnr(as_batch(pictures), as_batch(pictures)).tolist() == [100, 100, 100]
