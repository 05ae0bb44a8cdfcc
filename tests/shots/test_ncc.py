"""The default detector on small films whose cuts are known exactly."""

import cv2
import numpy as np
import pytest

from videocolor.shots.ncc import GRAY_SIZE, NccDetector

HEIGHT, WIDTH = GRAY_SIZE


def texture(seed, height=HEIGHT, width=WIDTH):
    """A picture with structures of a few pixels, mean 120, like a shot's gray."""
    plane = np.random.default_rng(seed).standard_normal((height, width)).astype(np.float32)
    plane = cv2.GaussianBlur(plane, (0, 0), 4.0)
    return np.clip((plane - plane.mean()) / plane.std() * 45 + 120, 0, 255).astype(np.uint8)


def still_shot(seed, frame_count):
    """One picture that hardly moves: it drifts by a pixel every four frames."""
    wide = texture(seed, HEIGHT, WIDTH + frame_count)
    return [wide[:, step // 4 : step // 4 + WIDTH] for step in range(frame_count)]


def pan(seed, frame_count, speed):
    """The camera swings by `speed` pixels per frame."""
    wide = texture(seed, HEIGHT, WIDTH + speed * frame_count)
    return [wide[:, step * speed : step * speed + WIDTH] for step in range(frame_count)]


def dimmed(frames, shares):
    return [(frame * share).astype(np.uint8) for frame, share in zip(frames, shares, strict=True)]


def worn(frames, seed, grain=6.0, flicker=0.08):
    rng = np.random.default_rng(seed)
    noisy = [frame * (1 + rng.normal(0, flicker)) + rng.normal(0, grain, frame.shape) for frame in frames]
    return [np.clip(frame, 0, 255).astype(np.uint8) for frame in noisy]


def cuts_of(frames):
    """Boundaries by frame number."""
    detector = NccDetector()
    found = [cut for number, frame in enumerate(frames) for cut in detector.push(number, frame)]
    return found + detector.finish()


@pytest.mark.parametrize("frame_count", [0, 1, 2, 3, 5, 12])
def test_a_film_of_one_shot_has_no_cut(frame_count):
    assert cuts_of(still_shot(1, 12)[:frame_count]) == []


def test_hard_cuts_are_found_at_their_frame():
    film = still_shot(1, 20) + still_shot(2, 9) + still_shot(3, 30) + still_shot(4, 4)

    assert cuts_of(film) == [(20, "cut"), (29, "cut"), (59, "cut")]


def test_hard_cuts_are_found_in_grain_and_flicker():
    film = worn(still_shot(1, 20) + still_shot(2, 25) + pan(3, 30, 2), seed=5)

    assert cuts_of(film) == [(20, "cut"), (45, "cut")]


def test_cuts_come_back_with_the_pts_that_were_pushed():
    detector = NccDetector()
    film = still_shot(1, 10) + still_shot(2, 10)
    pts = [7000 + 1001 * number + 13 * (number % 3) for number in range(20)]
    found = [cut for value, frame in zip(pts, film, strict=True) for cut in detector.push(value, frame)]

    assert [(pts[10], "cut")] == found + detector.finish()


@pytest.mark.parametrize("speed", [1, 3, 6])
def test_pans_are_no_cuts(speed):
    assert cuts_of(pan(7, 40, speed)) == []


def test_a_jolt_of_the_camera_is_no_cut():
    """The picture jumps by six pixels once: raw correlation breaks down, that along the motion does not."""
    wide = texture(7, HEIGHT, WIDTH + 6)

    assert cuts_of([wide[:, :WIDTH]] * 20 + [wide[:, 6:]] * 20) == []


def test_a_cut_inside_a_pan_is_found():
    assert cuts_of(pan(7, 20, 3) + pan(8, 20, 3)) == [(20, "cut")]


def test_flicker_is_no_cut():
    shares = 1 + 0.15 * np.sin(np.arange(40) * 1.7)

    assert cuts_of(dimmed(still_shot(3, 40), shares)) == []


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("level", [255, 0])
def test_flashes_and_black_frames_inside_a_shot_are_no_cuts(length, level):
    film = still_shot(3, 40)
    film[20 : 20 + length] = [np.full(GRAY_SIZE, level, np.uint8)] * length

    assert cuts_of(film) == []


@pytest.mark.parametrize("speed", [2, 3])
def test_a_flash_during_a_pan_is_no_cut(speed):
    film = pan(3, 40, speed)
    film[20] = np.full(GRAY_SIZE, 250, np.uint8)

    assert cuts_of(worn(film, seed=1)) == []


def test_pure_grain_has_no_cuts():
    rng = np.random.default_rng(0)

    assert cuts_of(rng.integers(0, 256, (40, *GRAY_SIZE), dtype=np.uint8)) == []


@pytest.mark.parametrize("level", [0, 16, 128, 255])
def test_flat_frames_have_no_cuts(level):
    assert cuts_of([np.full(GRAY_SIZE, level, np.uint8)] * 50) == []


def faded(dark_frames, ramp):
    """A shot of 30 frames that fades out, dark frames, and another shot of 30 that fades in."""
    first, second = still_shot(1, 30), still_shot(2, 30)
    out, into = np.linspace(0.9, 0.0, ramp), np.linspace(0.0, 0.9, ramp)
    return first[:-ramp] + dimmed(first[-ramp:], out) + dark_frames + dimmed(second[:ramp], into) + second[ramp:]


def test_a_cut_between_flat_pictures_is_found():
    film = [np.full(GRAY_SIZE, level, np.uint8) for level in [200] * 20 + [60] * 20]

    assert cuts_of(film) == [(20, "cut")]


@pytest.mark.parametrize("ramp", [4, 10, 20])
@pytest.mark.parametrize("dark", [1, 4, 20])
def test_a_fade_through_black_is_one_boundary_in_its_dark_middle(dark, ramp):
    ((place, cause),) = cuts_of(faded([np.zeros(GRAY_SIZE, np.uint8)] * dark, ramp))

    assert cause == "fade"
    assert abs(place - (30 + dark / 2)) <= 2


def test_dirt_on_a_dark_frame_does_not_make_two_fades_of_one():
    dark = [np.full(GRAY_SIZE, 4, np.uint8) for _ in range(12)]
    dark[6][10:20, 10:20] = 240

    assert [cause for _, cause in cuts_of(faded(dark, 8))] == ["fade"]


def test_a_long_dark_scene_is_a_shot_of_its_own():
    night = [frame // 16 for frame in still_shot(5, 60)]
    film = still_shot(1, 20) + night + still_shot(2, 20)

    assert [place for place, _ in cuts_of(film)] == [20, 80]


def test_black_leader_belongs_to_the_first_and_the_last_shot():
    black = [np.zeros(GRAY_SIZE, np.uint8)] * 15

    assert cuts_of(black + still_shot(1, 30) + black) == []


def test_long_black_leader_ends_with_a_boundary():
    black = [np.zeros(GRAY_SIZE, np.uint8)] * 60

    assert [(place, "fade") for place, _ in cuts_of(black + still_shot(1, 30) + black)] == [(60, "fade"), (90, "fade")]


def test_no_shot_is_shorter_than_four_frames():
    film = [frame for seed in range(40) for frame in still_shot(seed, 2)]
    places = [0, *(place for place, _ in cuts_of(film)), len(film)]

    assert min(np.diff(places)) >= 4


def test_results_are_final_soon_and_in_order():
    """Every cut is reported at most six frames after it, and never taken back."""
    film = still_shot(1, 20) + still_shot(2, 20) + still_shot(3, 20)
    detector = NccDetector()
    reported = {place: number for number, frame in enumerate(film) for place, _ in detector.push(number, frame)}

    assert reported == {20: 25, 40: 45}
    assert detector.finish() == []


def test_a_detector_can_be_used_again():
    film = still_shot(1, 10) + still_shot(2, 10)
    detector = NccDetector()
    for _ in range(2):
        found = [cut for number, frame in enumerate(film) for cut in detector.push(number, frame)]

        assert found + detector.finish() == [(10, "cut")]


def test_memory_is_bounded():
    detector = NccDetector()
    for number, frame in enumerate([np.zeros(GRAY_SIZE, np.uint8)] * 200):
        detector.push(number, frame)

    assert len(detector._frames) <= 12
    assert len(detector._boundaries._run) <= 32


def test_pushed_frames_may_be_overwritten():
    """Decoders reuse their buffers."""
    film = still_shot(1, 10) + still_shot(2, 10)
    detector, buffer = NccDetector(), np.empty(GRAY_SIZE, np.uint8)
    found = []
    for number, frame in enumerate(film):
        buffer[:] = frame
        found += detector.push(number, buffer)
        buffer[:] = 0

    assert found + detector.finish() == [(10, "cut")]


@pytest.mark.parametrize("gray", [np.zeros((96, 54), np.uint8), np.zeros(GRAY_SIZE, np.float32)])
def test_frames_of_another_size_or_type_are_refused(gray):
    with pytest.raises(ValueError, match="expected \\(54, 96\\) uint8"):
        NccDetector().push(0, gray)
