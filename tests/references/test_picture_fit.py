"""Whether a picture shows its frame: shifts are undone, other pictures refused, repainted lightness forgiven."""

import cv2
import numpy as np
import pytest
from moving_scenes import HEIGHT, WIDTH, square_scene, texture

from videocolor.references.fit import LARGEST_SHIFT, fit_picture, judge_fit, undo_shift
from videocolor.references.load import ColorPicture, at_work_size
from videocolor.temporal.motion import flow_gray

SIZE = (HEIGHT, WIDTH)
SCENE = square_scene(lambda number: (30, 20 + 5 * number), pan=1)
GRAYS = {number: flow_gray(SCENE.luma(number), SIZE) for number in range(9)}
NAMED = 4


def painting_of(luma, alpha=None, tint=(30, 0, -30)):
    rgb = np.clip(luma[..., None].astype(int) + tint, 0, 255).astype(np.uint8)
    return at_work_size(
        ColorPicture(rgb=rgb, alpha=np.full(luma.shape, 255, np.uint8) if alpha is None else alpha), SIZE
    )


def judged(painting, grays=GRAYS):
    fit = fit_picture(painting, grays[NAMED])
    return fit, judge_fit(painting, fit, NAMED, grays)


def moved(luma, columns, rows=0.0):
    return cv2.warpAffine(
        luma, np.array([[1, 0, columns], [0, 1, rows]], np.float32), SIZE[::-1], borderMode=cv2.BORDER_REFLECT
    )


def test_the_frame_itself():
    fit, misfit = judged(painting_of(SCENE.luma(NAMED)))

    assert misfit is None
    assert (0.0, 0.0) == fit.shift
    assert fit.likeness > 0.95


@pytest.mark.parametrize(
    "repainted",
    [
        lambda y: (255 * (y / 255.0) ** 2).astype(np.uint8),
        lambda y: np.where(SCENE.inside(NAMED), y * 0.5, y).astype(np.uint8),
        lambda y: np.where(SCENE.inside(NAMED), y, 255 - (255 - y) * 0.5).astype(np.uint8),
        lambda y: cv2.medianBlur(y, 3),
    ],
    ids=["gamma", "darker object", "brighter background", "denoised"],
)
def test_other_lightness_is_forgiven(repainted):
    fit, misfit = judged(painting_of(repainted(SCENE.luma(NAMED))))

    assert misfit is None
    assert (0.0, 0.0) == fit.shift


@pytest.mark.parametrize(("columns", "rows"), [(6, 0), (-6, 3), (2.5, -1.25), (0, 4)])
def test_a_shift_is_found_and_undone(columns, rows):
    painting = painting_of(moved(SCENE.luma(NAMED), columns, rows))

    fit, misfit = judged(painting)
    back = undo_shift(painting, fit.shift)

    assert misfit is None
    assert np.allclose((columns, rows), fit.shift, atol=0.1)
    assert np.abs(painting_of(SCENE.luma(NAMED)).ab - back.ab)[10:-10, 10:-10].mean() < 0.2


def test_what_a_shift_brings_in_does_not_count():
    back = undo_shift(painting_of(moved(SCENE.luma(NAMED), 6)), (6.0, 0.0))

    assert (1 == back.weight[:, : WIDTH - 6]).all()
    assert (0 == back.weight[:, WIDTH - 5 :]).all()


def test_a_large_shift_is_refused():
    _, misfit = judged(painting_of(np.roll(SCENE.luma(NAMED), 18, axis=1)))

    assert 18 / WIDTH > LARGEST_SHIFT
    assert "lies +9% of the width across and" in misfit.reason


def test_another_picture_is_refused():
    _, misfit = judged(painting_of(texture(99)))

    assert misfit.meant is None
    assert "does not show it: the likeness is 0." in misfit.reason


def test_a_crop_is_refused():
    crop = cv2.resize(SCENE.luma(NAMED)[6:-6, 10:-10], SIZE[::-1], interpolation=cv2.INTER_LINEAR)

    _, misfit = judged(painting_of(crop))

    assert "not a crop" in misfit.remedy


@pytest.mark.parametrize("shown", [3, 5, 8])
def test_a_frame_around_it_is_recognized(shown):
    """Numbers that count from 1, for one."""
    _, misfit = judged(painting_of(SCENE.luma(shown)))

    assert shown == misfit.meant


def test_a_still_shot_means_no_other_frame():
    still = dict.fromkeys(GRAYS, GRAYS[NAMED])

    assert judged(painting_of(SCENE.luma(NAMED)), still)[1] is None


def test_a_part_of_the_frame_is_compared_alone():
    def cut_out(number):
        inside = SCENE.inside(number)
        return painting_of(np.where(inside, SCENE.luma(number), 0).astype(np.uint8), inside.astype(np.uint8) * 255)

    fit, misfit = judged(cut_out(NAMED))

    assert misfit is None
    assert fit.likeness > 0.9


def test_flat_paint_on_a_layer_is_taken_as_it_lies():
    alpha = np.zeros(SIZE, np.uint8)
    alpha[20:60, 30:90] = 255

    fit, misfit = judged(painting_of(np.full(SIZE, 90, np.uint8), alpha))

    assert misfit is None
    assert fit.likeness is None
    assert (0.0, 0.0) == fit.shift


def test_flat_paint_over_the_whole_frame_is_refused():
    assert judged(painting_of(np.full(SIZE, 90, np.uint8)))[1] is not None
