"""Key frames: which frames the network sees, and what the others get, on moving pictures with known colors."""

import weakref

import numpy as np
import pytest
import torch
from tiny_parts import FLOAT32, CopyNetwork, make_card, make_context, make_frame

from videocolor.core.frames import ChromaBatch, MovingFrame
from videocolor.models.adapter import NetworkColorizer
from videocolor.pipeline.batches import NetworkInput, colorize
from videocolor.pipeline.keyframes import AUTO_SPACING, WINDOW, colorize_keyframes
from videocolor.temporal.motion import with_motion, work_size

HEIGHT, WIDTH = 72, 128


class Painter:
    """Knows the true colors of every frame; remembers what it was asked."""

    card = make_card()

    def __init__(self, ab, *, confidence=None):
        self.ab, self.confidence, self.batches = ab, confidence, []

    def predict(self, batch):
        self.batches.append(batch)
        ab = torch.from_numpy(np.stack([self.ab[pts] for pts in batch.pts]))
        return ChromaBatch(
            ab=ab, confidence=None if self.confidence is None else torch.full_like(ab[:, :1], self.confidence)
        )

    @property
    def seen(self):
        return [pts for batch in self.batches for pts in batch.pts]


def texture(height=HEIGHT, width=WIDTH, *, seed=0, low=20, high=235):
    """Smooth random luma that optical flow can follow."""
    rng = np.random.default_rng(seed)
    rough = torch.from_numpy(rng.uniform(low, high, (1, 1, height // 4 + 2, width // 4 + 2)))
    smooth = torch.nn.functional.interpolate(rough, (height, width), mode="bicubic", align_corners=False)
    return smooth[0, 0].clamp(16, 235).numpy().astype(np.uint8)


def pan(count, *, step=2):
    """A camera that turns over a wide picture of two colors: luma and ab of every frame."""
    wide = texture(width=WIDTH + step * count, seed=3)
    ab = np.zeros((2, *wide.shape), np.float32)
    ab[0], ab[1] = 25, -15
    ab[:, 20:50, 40:90] = np.array([-30, 35], np.float32)[:, None, None]
    views = [slice(step * number, step * number + WIDTH) for number in range(count)]
    return [wide[:, view].copy() for view in views], [np.ascontiguousarray(ab[:, :, view]) for view in views]


def still(count):
    return [texture(low=140) for _ in range(count)], [np.full((2, HEIGHT, WIDTH), 20, np.float32)] * count


def visited(count, visit):
    """A still picture into which something large and dark comes for some frames."""
    lumas, ab = still(count)
    for number in visit:
        lumas[number][10:60, 30:100] = texture(50, 70, seed=9, high=60)
        ab[number] = ab[number].copy()
        ab[number][:, 10:60, 30:100] = -50
    return lumas, ab


def apart(count):
    """Frames that have nothing to do with each other."""
    return [texture(seed=number) for number in range(count)], [np.full((2, HEIGHT, WIDTH), 20, np.float32)] * count


def moving(lumas):
    return with_motion((make_frame(y, pts=pts) for pts, y in enumerate(lumas)), work_size(*lumas[0].shape))


def network(*, sizes=((HEIGHT, WIDTH),), turns=0, batch_size=4):
    return NetworkInput(sizes=sizes, turns=turns, batch_size=batch_size, device=torch.device("cpu"))


def run(shot, spacing, *, painter=None, **how):
    lumas, ab = shot
    painter = Painter(ab) if painter is None else painter
    return list(colorize_keyframes(moving(lumas), painter, make_context(), network(**how), spacing=spacing))


def share_right(item, ab):
    """Optical flow finds some likeness even in what has nothing in common."""
    return float(((item.ab - torch.from_numpy(ab)).abs().amax(0) < 1).float().mean())


def inferred(colored):
    return [item.frame.pts for item in colored if item.is_inferred]


@pytest.mark.parametrize("spacing", [2, 4, 7, "auto"])
@pytest.mark.parametrize("count", [1, 2, 4, 5, 8, 9, 33, 70])
def test_every_frame_comes_once_and_in_order(count, spacing):
    colored = run(still(count), spacing)

    assert [item.frame.pts for item in colored] == list(range(count))
    assert colored[0].is_inferred
    assert all(item.motion is not None for item in colored)


def test_no_frames_give_none():
    assert list(colorize_keyframes(iter(()), Painter([]), make_context(), network(), spacing=4)) == []


@pytest.mark.parametrize(
    ("count", "spacing", "expected"),
    [
        (13, 4, [0, 4, 8, 12]),
        (13, 6, [0, 6, 12]),
        # What can be followed from the last key frame needs no other.
        (15, 4, [0, 4, 8, 12]),
        (3, 4, [0]),
        (40, "auto", [0, AUTO_SPACING, 2 * AUTO_SPACING]),
    ],
)
def test_the_network_sees_every_nth_frame_of_what_stands_still(count, spacing, expected):
    painter = Painter(still(count)[1])

    colored = run(still(count), spacing, painter=painter)

    assert expected == inferred(colored) == painter.seen


@pytest.mark.parametrize("spacing", [3, 4, "auto"])
def test_a_pan_over_flat_colors_keeps_them_exactly(spacing):
    lumas, ab = pan(25)

    colored = run((lumas, ab), spacing)

    assert 0 < len(inferred(colored)) < 15
    for item in colored:
        truth = torch.from_numpy(ab[item.frame.pts])
        # Away from where the two colors meet, and from what has just come into the picture.
        edges = torch.nn.functional.max_pool2d(truth[None], 13, 1, 6) != -torch.nn.functional.max_pool2d(
            -truth[None], 13, 1, 6
        )
        inner = ~edges[0].any(0)
        inner[:6], inner[-6:], inner[:, :6], inner[:, -6:] = False, False, False, False
        torch.testing.assert_close(item.ab[:, inner], truth[:, inner], atol=0.05, rtol=0)


def test_what_is_seen_between_key_frames_only_is_seen_by_the_network():
    lumas, ab = visited(9, [6])

    colored = run((lumas, ab), 4)

    assert [0, 4, 6, 8] == inferred(colored)
    assert torch.equal(colored[6].ab, torch.from_numpy(ab[6]))
    for number in (5, 7):
        assert share_right(colored[number], ab[number]) > 0.8, "little of it in its neighbors"


def test_what_comes_and_stays_takes_its_color_from_the_key_frame_behind():
    lumas, ab = visited(9, [6, 7, 8])

    colored = run((lumas, ab), 4)

    assert [0, 4, 8] == inferred(colored)
    for number in (5, 6, 7):
        assert share_right(colored[number], ab[number]) > 0.8


def test_frames_that_have_nothing_in_common_are_all_inferred():
    assert inferred(run(apart(11), 4)) == list(range(11))


def test_spacing_one_is_what_the_network_gives():
    shot = pan(7)
    copy = NetworkColorizer(CopyNetwork(stride=4), make_card(), FLOAT32)
    how = network(sizes=((36, 64),))

    expected = list(colorize(moving(shot[0]), copy, make_context(), how))
    found = list(colorize_keyframes(moving(shot[0]), copy, make_context(), how, spacing=1))

    assert inferred(found) == list(range(7))
    assert all(torch.equal(x.ab, y.ab) for x, y in zip(found, expected, strict=True))


def test_a_key_frame_is_what_the_network_gives_it():
    """Where its answer is not the coarser one."""
    shot = pan(9)

    colored = run(shot, 4)

    for number in inferred(colored):
        assert torch.equal(colored[number].ab, torch.from_numpy(shot[1][number]))


@pytest.mark.parametrize(
    ("answer", "grid"), [((18, 32), (HEIGHT, WIDTH)), ((96, 96), (96, WIDTH)), ((90, 160), (90, 160))]
)
def test_all_ab_of_a_shot_have_one_grid_the_finer_of_network_and_motion(answer, grid):
    """Or sharpness would change from frame to frame, and filters could not compare them."""
    ab = [np.full((2, *answer), 12, np.float32)] * 6

    colored = run((still(6)[0], ab), 3)

    assert {tuple(item.ab.shape) for item in colored} == {(2, *grid)}
    assert all(torch.allclose(item.ab, torch.tensor(12.0), atol=1e-3) for item in colored)


def test_gray_stays_gray():
    lumas, _ = pan(12)

    colored = run((lumas, [np.zeros((2, 18, 32), np.float32)] * 12), 4)

    assert not any(item.ab.any() for item in colored)


def test_colors_fade_from_one_key_frame_to_the_next():
    """A network that changes its mind makes no step."""
    ab = [np.full((2, HEIGHT, WIDTH), 10.0 * (number // 4), np.float32) for number in range(9)]

    colored = run((still(9)[0], ab), 4)

    found = [float(item.ab[0, 40, 60]) for item in colored]
    np.testing.assert_allclose(found, [0, 2.5, 5, 7.5, 10, 12.5, 15, 17.5, 20], atol=1e-2)


def test_auto_asks_for_as_much_as_the_motion_needs():
    standing, turning, torn = (len(inferred(run(shot, "auto"))) for shot in (still(33), pan(33, step=10), apart(33)))

    assert standing < turning < torn


def test_no_gap_is_wider_than_the_spacing():
    for shot in (still(40), pan(40, step=4)):
        for spacing, widest in ((3, 3), (8, 8), ("auto", AUTO_SPACING)):
            keys = [*inferred(run(shot, spacing)), 40]
            assert max(np.diff(keys)) <= widest


@pytest.mark.parametrize(
    ("spacing", "batch_size", "most"),
    [(4, 1, 4), (4, 2, 8), (4, 100, WINDOW), (16, 4, WINDOW), (32, 4, WINDOW), ("auto", 1, AUTO_SPACING)],
)
def test_few_frames_are_held_back(spacing, batch_size, most):
    """Neither waiting nor kept in memory: a film's frames may have 25 MB each."""
    waiting, alive = 0, 0

    def forget():
        nonlocal alive
        alive -= 1

    def stand_still(count):
        nonlocal waiting, alive
        still_motion = [item.motion for item in moving(still(2)[0])]
        for number in range(count):
            y = np.full((HEIGHT, WIDTH), 99, np.uint8)
            weakref.finalize(y, forget)
            waiting, alive = waiting + 1, alive + 1
            yield MovingFrame(frame=make_frame(y, pts=number), motion=still_motion[min(number, 1)])

    how = network(batch_size=batch_size)
    stream = colorize_keyframes(stand_still(100), Painter(still(100)[1]), make_context(), how, spacing=spacing)

    for _ in stream:
        waiting -= 1
        assert waiting <= most
        # The last key frame, and the one that is just given.
        assert alive <= most + 2
    assert waiting == 0


def test_the_batch_size_changes_nothing():
    shot = pan(41, step=5)
    copy = NetworkColorizer(CopyNetwork(stride=4), make_card(), FLOAT32)

    found = [run(shot, 4, painter=copy, batch_size=size) for size in (1, 3, 16)]

    for other in found[1:]:
        assert inferred(other) == inferred(found[0])
        for x, y in zip(other, found[0], strict=True):
            torch.testing.assert_close(x.ab, y.ab)
            torch.testing.assert_close(x.confidence, y.confidence)


def test_two_runs_are_the_same():
    shot = pan(20, step=3)

    first, second = run(shot, 4), run(shot, 4)

    assert all(torch.equal(x.ab, y.ab) for x, y in zip(first, second, strict=True))


def test_a_network_run_has_at_most_the_batch_size_and_the_shot_s_context():
    painter = Painter(apart(40)[1])

    run(apart(40), 8, painter=painter, batch_size=3)

    assert max(len(batch.pts) for batch in painter.batches) == 3
    assert {batch.context.seed for batch in painter.batches} == {make_context().seed}
    assert painter.seen == list(range(40))


def test_key_frames_share_network_runs():
    painter = Painter(still(33)[1])

    run(still(33), 4, painter=painter, batch_size=4)

    assert [len(batch.pts) for batch in painter.batches] == [4, 4, 1]


def test_confidence_is_the_network_s_for_key_frames_and_less_between_them():
    shot = pan(9)

    colored = run(shot, 4, painter=Painter(shot[1], confidence=0.5))

    for item in colored:
        assert item.confidence is not None
        top = float(item.confidence.max())
        assert 0 <= float(item.confidence.min()) <= top <= 0.5 + 1e-6
        if item.is_inferred:
            assert top == float(item.confidence.min()) == 0.5


def test_a_network_without_confidence_leaves_that_of_the_motion():
    colored = run(pan(5), 4)

    assert colored[0].confidence is None
    assert 0.5 < float(colored[2].confidence.mean()) <= 1


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_film_gets_its_colors_turned_back(turns):
    """The network sees it upright; the motion, and all that is given back, lie as the film is stored."""
    lumas, ab = pan(9)
    upright = [np.ascontiguousarray(np.rot90(planes, -turns, axes=(1, 2))) for planes in ab]
    painter = Painter(upright)

    turned = run((lumas, upright), 4, painter=painter, sizes=(upright[0].shape[1:],), turns=turns)
    straight = run((lumas, ab), 4)

    assert painter.batches[0].lightness.shape[2:] == upright[0].shape[1:]
    for x, y in zip(turned, straight, strict=True):
        assert torch.equal(x.ab, y.ab)
        torch.testing.assert_close(x.lightness, y.lightness)


def test_lightness_between_key_frames_is_their_own():
    """The guided enlargement follows it."""
    lumas, ab = pan(5)

    every = run((lumas, ab), 1)
    colored = run((lumas, ab), 4)

    for x, y in zip(colored, every, strict=True):
        torch.testing.assert_close(x.lightness, y.lightness)


def test_a_flash_is_no_key_frame():
    """The key frame that would fall on it comes behind it."""
    lumas, ab = pan(24)
    for number in (8, 9):
        lumas[number] = np.full((HEIGHT, WIDTH), 235, np.uint8)
    moved = list(moving(lumas))
    assert [item.frame.pts for item in moved if item.motion.is_flash] == [8, 9]

    colored = list(colorize_keyframes(iter(moved), Painter(ab), make_context(), network(), spacing=4))

    assert 8 not in inferred(colored)
    assert 9 not in inferred(colored)
    assert 10 in inferred(colored)
    assert [item.frame.pts for item in colored] == list(range(24))


def test_a_part_of_a_long_shot_begins_with_a_key_frame():
    """Whatever went before: the frames of a part have motion against the part before."""
    lumas, ab = pan(20)
    part = list(moving(lumas))[11:]
    assert part[0].motion.to_previous is not None

    colored = list(colorize_keyframes(iter(part), Painter(ab), make_context(), network(), spacing=4))

    assert inferred(colored)[:2] == [11, 15]
