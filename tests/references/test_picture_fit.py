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


def colored(luma):
    """Chroma that changes over the picture, as a network's does; on black it lifts the lightness."""
    cb, cr = 10 * np.sin(np.arange(WIDTH) / 15)[None], 8 + 8 * np.sin(np.arange(luma.shape[0]) / 11)[:, None]
    rgb = np.stack(np.broadcast_arrays(luma + 1.402 * cr, luma - 0.344 * cb - 0.714 * cr, luma + 1.772 * cb), axis=-1)
    rgb = np.clip(rgb, 0, 255).round().astype(np.uint8)
    return at_work_size(ColorPicture(rgb=rgb, alpha=np.full(luma.shape, 255, np.uint8)), SIZE)


GRADIENT = np.broadcast_to(np.linspace(40, 200, WIDTH).round().astype(np.uint8), SIZE)
FAINT_GRAIN = np.random.default_rng(3).integers(60, 62, SIZE).astype(np.uint8)


@pytest.mark.parametrize(
    "blank",
    [*(np.full(SIZE, level, np.uint8) for level in (0, 16, 128, 255)), GRADIENT, FAINT_GRAIN],
    ids=["black", "video black", "gray", "white", "gradient", "faint grain"],
)
@pytest.mark.parametrize("picture", ["its still", "another"])
def test_on_a_frame_without_detail_a_picture_is_taken_as_it_lies(blank, picture):
    """Leader and black: nothing there tells whether a picture shows it."""
    gray = flow_gray(blank, SIZE)

    fit, misfit = judged(colored(blank if picture == "its still" else SCENE.luma(NAMED)), {NAMED: gray})

    assert misfit is None
    assert fit.likeness is None
    assert (0.0, 0.0) == fit.shift


def test_a_title_on_black_is_known_by_its_letters():
    def title(text):
        frame = np.zeros(SIZE, np.uint8)
        cv2.putText(frame, text, (70, 70), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 255, 1)
        return frame

    grays = {NAMED: flow_gray(title("THE END"), SIZE)}

    assert judged(colored(title("THE END")), grays)[1] is None
    assert judged(colored(np.ascontiguousarray(title("1914"))), grays)[1] is not None


def test_dark_frames_are_known_again():
    dark = (SCENE.luma(NAMED) // 20).astype(np.uint8)

    fit, misfit = judged(colored(dark), {NAMED: flow_gray(dark, SIZE)})

    assert misfit is None
    assert fit.likeness is not None


def test_a_blank_frame_around_is_not_meant():
    """At a fade, for one."""
    blank = flow_gray(np.zeros(SIZE, np.uint8), SIZE)

    assert judged(painting_of(SCENE.luma(NAMED)), {**GRAYS, 3: blank, 5: blank})[1] is None


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 2), (2, 320), (15, 20)])
def test_tiny_frames(size):
    """No shift can be told in so few pixels."""
    luma = np.random.default_rng(1).integers(0, 255, size).astype(np.uint8)
    picture = ColorPicture(rgb=np.repeat(luma[..., None], 3, axis=2), alpha=np.full(size, 255, np.uint8))

    painting = at_work_size(picture, size)
    fit = fit_picture(painting, flow_gray(luma, size))

    assert judge_fit(painting, fit, 0, {0: flow_gray(luma, size)}) is None
    assert (0.0, 0.0) == fit.shift
