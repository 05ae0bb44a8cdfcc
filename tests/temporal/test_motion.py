"""Small gray and optical flow: what is comparable over time, where vectors point, and which are trusted."""

import cv2
import numpy as np
import pytest
from textured_scenes import moving, texture, to_luma
from tiny_parts import make_frame, make_layout

from videocolor.temporal.motion import flow_gray, link, make_estimator, places_of, sample, warp, with_motion, work_size

HEIGHT, WIDTH = 96, 160


def window(scene, left, top=10):
    return scene[top : top + HEIGHT, left : left + WIDTH]


def linked(earlier, later):
    return link(*(flow_gray(to_luma(picture), picture.shape) for picture in (earlier, later)), make_estimator())


@pytest.mark.parametrize(
    ("picture", "size"),
    [
        ((270, 480), (180, 320)),
        ((1080, 1920), (180, 320)),
        ((240, 300), (240, 300)),
        ((1920, 1080), (569, 320)),
        ((200, 6400), (16, 320)),
        ((8, 6400), (8, 320)),
        ((3000, 12), (3000, 12)),
        ((1, 1), (1, 1)),
    ],
)
def test_the_work_size_keeps_the_aspect_and_some_pixels(picture, size):
    assert size == work_size(*picture)


def test_gray_is_freed_of_brightness_and_contrast():
    """Flicker of old film: the same picture, darker and flatter, gives the same gray but for rounding."""
    picture = np.clip(texture(HEIGHT * 2, WIDTH * 2), 40, 220)

    bright = flow_gray(to_luma(picture), (HEIGHT, WIDTH))
    dark = flow_gray(to_luma(0.7 * picture + 5), (HEIGHT, WIDTH))

    assert bright.dtype == np.uint8
    assert bright.shape == (HEIGHT, WIDTH)
    assert abs(bright.mean() - 128) < 1
    assert abs(bright.std() - 55) < 3
    assert np.abs(bright.astype(int) - dark).max() <= 3


def test_gray_of_a_blank_picture_stays_blank():
    """Grain of one code is not blown up to a picture."""
    grain = np.random.default_rng(0).integers(100, 102, (HEIGHT, WIDTH)).astype(np.uint8)

    assert flow_gray(grain, (HEIGHT, WIDTH)).std() < 4
    assert np.all(flow_gray(np.full((HEIGHT, WIDTH), 250, np.uint8), (HEIGHT, WIDTH)) == 128)


def test_sixteen_bit_planes_give_the_gray_of_eight_bits():
    luma = to_luma(texture(HEIGHT * 2, WIDTH * 2))
    deep = (luma.astype(np.uint16) << 2) + 1
    frame = make_frame(deep, layout=make_layout(bit_depth=10))

    (found,) = with_motion([frame], (HEIGHT, WIDTH))

    expected = flow_gray(luma, (HEIGHT, WIDTH))
    assert np.abs(expected.astype(int) - found.motion.gray).max() <= 2
    assert np.array_equal(found.motion.gray, flow_gray(deep, (HEIGHT, WIDTH), bit_depth=10))


def test_vectors_point_to_the_same_scene_point():
    """The camera goes right by 3: what was at x is at x - 3."""
    scene = texture(HEIGHT + 20, WIDTH + 60)

    to_previous, from_previous = linked(window(scene, 20), window(scene, 23))

    inner = np.s_[16:-16, 16:-16]
    assert np.abs(to_previous.vectors[inner] - (3, 0)).max() < 0.2
    assert np.abs(from_previous.vectors[inner] - (-3, 0)).max() < 0.2
    assert to_previous.confidence[inner].min() > 0.95
    assert np.all(to_previous.confidence[:, -2:] == 0), "these points lie beyond the frame before"
    assert np.all(from_previous.confidence[:, :2] == 0)


def test_confidence_is_that_of_the_formulas():
    """Against a plain version: forward-backward error, signed and absolute difference of gray."""
    scene = texture(HEIGHT + 20, WIDTH + 60)
    earlier = flow_gray(to_luma(window(scene, 20)), (HEIGHT, WIDTH))
    changed = to_luma(window(scene, 22))
    changed[30:60, 50:90] = to_luma(texture(30, 40, seed=1))
    later = flow_gray(changed, (HEIGHT, WIDTH))

    ends = link(earlier, later, make_estimator())

    for here, there, gray, other in ((*ends, later, earlier), (*reversed(ends), earlier, later)):
        expected = plain_confidence(here.vectors, there.vectors, np.float32(gray), np.float32(other))
        assert np.abs(expected - here.confidence).max() < 1e-5
    assert ends[0].confidence[35:55, 55:85].mean() < 0.4


def plain_confidence(vectors, opposite, gray, other):
    rows, columns = np.indices(gray.shape, dtype=np.float32)
    columns, rows = columns + vectors[..., 0], rows + vectors[..., 1]

    def at(plane):
        return cv2.remap(plane, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    returned = np.dstack([at(np.ascontiguousarray(opposite[..., index])) for index in (0, 1)])
    error = ((vectors + returned) ** 2).sum(axis=2)
    lengths = (vectors**2).sum(axis=2) + (returned**2).sum(axis=2)
    consistent = np.clip(1.5 - error / (0.05 * lengths + 1), 0, 1)
    difference = gray - at(other)
    like = np.exp(-((cv2.blur(difference, (5, 5)) / 25) ** 2))
    same = np.exp(-((cv2.blur(np.abs(difference), (5, 5)) / 10) ** 2))
    height, width = gray.shape
    inside = (columns >= -0.5) & (columns <= width - 0.5) & (rows >= -0.5) & (rows <= height - 0.5)
    return np.maximum(consistent * like, 0.6 * same) * inside


def test_what_stands_still_is_trusted_wholly():
    scene = window(texture(HEIGHT + 20, WIDTH + 60), 20)

    for field in linked(scene, scene):
        assert np.all(field.vectors == 0)
        assert np.all(field.confidence == 1)


def test_blank_areas_are_trusted_although_their_vectors_wander():
    """Snow, sky, fog: any vector is harmless there."""
    rng = np.random.default_rng(0)
    sky = np.full((HEIGHT, WIDTH), 180.0)
    sky[HEIGHT // 2 :] = texture(HEIGHT // 2, WIDTH)
    pictures = [to_luma(sky, rng=rng, grain=2.0) for _ in range(2)]

    to_previous, _ = link(*(flow_gray(picture, (HEIGHT, WIDTH)) for picture in pictures), make_estimator())

    assert np.quantile(to_previous.confidence[: HEIGHT // 2 - 8], 0.02) > 0.5


def test_an_occluder_is_not_followed_by_what_it_covers():
    scene = texture(HEIGHT + 20, WIDTH + 60)
    covered = window(scene, 20).copy()
    covered[20:70, 60:110] = texture(50, 50, seed=2)

    to_previous, _ = linked(window(scene, 20), covered)

    assert to_previous.confidence[28:62, 68:102].mean() < 0.2
    assert to_previous.confidence[:, :40].mean() > 0.9


@pytest.mark.parametrize("size", [(1, 1), (4, 4), (9, 200), (15, 17), (16, 320)])
def test_tiny_pictures_have_motion_too(size):
    lumas = [to_luma(texture(*size, seed=seed)) for seed in (0, 0, 1)]

    found = moving(lumas)

    assert all(item.motion.size == size for item in found)
    assert all(item.motion.to_previous.vectors.shape == (*size, 2) for item in found[1:])
    assert np.all(found[1].motion.to_previous.confidence == 1)


def test_warping_fetches_from_where_vectors_point():
    """Beyond the border the nearest pixel counts; all numbers of channels alike, places unrounded."""
    columns = np.tile(np.arange(8, dtype=np.float32), (6, 1))
    vectors = np.dstack([np.full((6, 8), 1.3, np.float32), np.full((6, 8), -2, np.float32)])

    expected = np.minimum(columns + np.float32(1.3), 7)

    for channels in (None, 1, 2, 3, 4):
        plane = columns if channels is None else np.dstack([columns] * channels).reshape(6, 8, channels)
        found = warp(plane, vectors)
        assert plane.shape == found.shape
        assert np.abs(expected - found.reshape(6, 8, -1)[..., -1]).max() < 1e-5
    places = places_of(vectors)
    assert np.array_equal(warp(columns, vectors), sample(columns, places))
    assert np.array_equal(places[0], columns + np.float32(1.3))


def test_only_a_shot_s_first_frame_has_no_links():
    scene = texture(HEIGHT + 20, WIDTH + 60)
    lumas = [to_luma(window(scene, left)) for left in (20, 22, 24)]

    found = moving(lumas)

    assert found[0].motion.to_previous is found[0].motion.from_previous is None
    assert all(item.motion.to_previous is not None for item in found[1:])
    assert [0, 1, 2] == [item.frame.pts for item in found]


def test_a_part_of_a_shot_has_the_motion_of_the_whole():
    scene = texture(HEIGHT + 20, WIDTH + 60)
    lumas = [to_luma(window(scene, 20 + step)) for step in range(6)]

    whole = moving(lumas)
    part = moving(lumas[3:], previous=whole[2].motion.gray)

    for one, other in zip(whole[3:], part, strict=True):
        for name in ("to_previous", "from_previous"):
            expected, found = getattr(one.motion, name), getattr(other.motion, name)
            assert np.array_equal(expected.vectors, found.vectors)
            assert np.array_equal(expected.confidence, found.confidence)


def test_frames_pass_one_by_one():
    """Nothing is held back where no frame hides the scene."""
    luma = to_luma(texture(HEIGHT, WIDTH))
    taken = []

    def endless():
        while True:
            taken.append(len(taken))
            yield make_frame(luma.copy(), pts=taken[-1])

    stream = with_motion(endless(), (HEIGHT, WIDTH))

    assert [1, 2, 3, 4] == [next(stream).frame.pts + len(taken) - taken[-1] for _ in range(4)]
