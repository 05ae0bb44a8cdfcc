"""All paintings of a shot together, and the files that hold what is found."""

from pathlib import Path

import numpy as np
import pytest
from moving_scenes import HEIGHT, WIDTH, square_scene, two_tone
from tiny_parts import make_frame

from videocolor.core.frames import MovingFrame
from videocolor.errors import DiskFullError
from videocolor.references.carry import Colors
from videocolor.references.load import Painting
from videocolor.references.store import BackwardFile, ColorFile, color_file_bytes, read_colors
from videocolor.references.through_shot import carry_through_shot, step_count

SIZE = (HEIGHT, WIDTH)
RED, GREEN, BLUE = (40.0, 25.0), (-30.0, 20.0), (10.0, -45.0)
COUNT = 11
SCENE = square_scene(lambda number: (30, 20 + 3 * number))


def painting(number, within, without, weight=None):
    return Painting(
        gray=np.zeros(SIZE, np.float32),
        ab=two_tone(SCENE.inside(number), within, without),
        weight=np.ones(SIZE, np.float32) if weight is None else weight.astype(np.float32),
    )


def carried(tmp_path, paintings):
    """Colors of all frames."""
    moving = [
        MovingFrame(frame=make_frame(SCENE.luma(number)), motion=motion)
        for number, motion in enumerate(SCENE.motions(COUNT))
    ]
    steps = []
    with ColorFile(tmp_path / "colors", SIZE) as target, BackwardFile(tmp_path, SIZE) as scratch:
        carry_through_shot(
            iter(moving),
            COUNT,
            {number: lambda item=item: item for number, item in paintings.items()},
            target,
            scratch,
            on_step=lambda: steps.append(1),
        )
    assert step_count(COUNT, max(paintings)) == len(steps)
    assert ["colors"] == [path.name for path in tmp_path.iterdir()]
    assert color_file_bytes(COUNT, SIZE) == (tmp_path / "colors").stat().st_size
    return [read_colors(tmp_path / "colors", number, SIZE) for number in range(COUNT)]


@pytest.mark.parametrize("painted", [0, 4, COUNT - 1])
def test_one_painting_colors_the_shot_both_ways(tmp_path, painted):
    for number, colors in enumerate(carried(tmp_path, {painted: painting(painted, RED, GREEN)})):
        assert np.allclose(RED, colors.ab[SCENE.inside(number, less=16)], atol=0.1)
        assert (colors.weight[SCENE.inside(number, less=16)] > 0.99).all()


def test_painted_frames_are_kept_as_they_are(tmp_path):
    paintings = {2: painting(2, RED, GREEN), 8: painting(8, BLUE, GREEN)}

    found = carried(tmp_path, paintings)

    for number, item in paintings.items():
        assert np.allclose(item.ab, found[number].ab, atol=0.05)
        assert (found[number].weight == 1).all()
        assert (found[number].age == 0).all()


def test_between_two_paintings_the_color_goes_over(tmp_path):
    found = carried(tmp_path, {2: painting(2, RED, GREEN), 8: painting(8, BLUE, GREEN)})

    for number, colors in enumerate(found):
        share = np.clip((number - 2) / 6, 0, 1)
        wanted = np.float32(RED) * (1 - share) + np.float32(BLUE) * share
        assert np.allclose(wanted, colors.ab[SCENE.inside(number, less=16)], atol=0.5), number


def test_a_correction_of_one_object_leaves_the_rest_as_painted_before(tmp_path):
    """The second picture is transparent but for the square; behind it the first one's background goes on."""
    paintings = {1: painting(1, RED, GREEN), 6: painting(6, BLUE, (0, 0), weight=SCENE.inside(6))}

    found = carried(tmp_path, paintings)

    for number in (0, 1, 5, 6, 7, 10):
        far = SCENE.outside(number, less=24)
        far[:, :90] = False
        assert np.allclose(GREEN, found[number].ab[far], atol=0.5)
        assert found[number].weight[far].mean() > 0.97
    assert np.allclose(BLUE, found[10].ab[SCENE.inside(10, less=16)], atol=0.1)
    assert np.allclose(RED, found[0].ab[SCENE.inside(0, less=16)], atol=0.1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's file that is always full")
@pytest.mark.parametrize("size", [SIZE, (4, 4)])
def test_a_full_disk_is_an_error(size):
    """Told when a file is closed, where so little was written that the system still held it back."""
    nothing = np.zeros(size, np.float32)

    with pytest.raises(DiskFullError, match="is full"), ColorFile(Path("/dev/full"), size) as file:
        file.write_colors(0, Colors(ab=np.zeros((*size, 2), np.float32), weight=nothing, age=nothing))
