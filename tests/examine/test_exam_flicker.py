"""Line 1: colors that move when only the grain does."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from made_colorizers import Gray, Oracle, Tint

from videocolor.core.cards import ModelCard, SizeRule
from videocolor.core.frames import ChromaBatch
from videocolor.device import Compute
from videocolor.examine.clips import clip_loaders
from videocolor.examine.lines.flicker import line_1
from videocolor.examine.lines.frames import GRAIN_FRAMES, LEAST_STILLS, grainy, resized, stills
from videocolor.examine.photos import load_photos
from videocolor.examine.sitting import ExamSettings, Sitting
from videocolor.examine.subject import ModelSubject
from videocolor.examine.views import Clip, Material, Photo, View
from videocolor.models.adapter import NetworkColorizer

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SIDE = 64


def made_photo(number):
    """Soft blobs of color, and a texture of brightness that motion can be found on."""
    generator = torch.Generator().manual_seed(number)
    color, texture = torch.rand(1, 3, 5, 5, generator=generator), torch.rand(1, 1, 16, 16, generator=generator)
    blobs, patches = (F.interpolate(part, size=(SIDE, SIDE), mode="bicubic") for part in (color, texture))
    rgb = (0.3 * blobs + 0.6 * patches).clamp(0, 1)[0].permute(1, 2, 0)
    return Photo(name=f"{number}.png", sha256=f"{number:064}", rgb=(rgb * 255).numpy().astype(np.uint8), group="people")


def made_clip(number, *, has_truth=True):
    """A window that moves across such a picture."""
    view = made_photo(number).view
    views = (
        View(
            lightness=view.lightness[:, :, n : n + 48],
            ab=view.ab[:, :, n : n + 48] if has_truth else None,
            is_still=False,
        )
        for n in range(10)
    )
    return Clip(name=f"{number}.mkv", views=tuple(views))


def sat(subject, photos=None, clips=(), **settings):
    photos = [made_photo(n) for n in range(3)] if photos is None else photos
    clips = tuple(lambda clip=clip: clip for clip in clips)
    return Sitting(subject, Material(photos=tuple(photos), clips=clips, side=SIDE), ExamSettings(**settings))


def verdicts(result):
    return {figure.name: figure.verdict for figure in result.figures}


def values(result):
    return {figure.name: figure.value for figure in result.figures}


class Nervous(Oracle):
    """Takes grain for color."""

    def __init__(self, strength):
        self.strength = strength

    def spoil(self, ab, views):
        lightness = torch.stack([view.lightness for view in views])
        return ab + self.strength * (lightness - F.avg_pool2d(lightness, 5, 1, 2))


class Sepia(Oracle):
    """Needs no truth: a brown that follows the lightness."""

    def answer(self, views, side=None):
        lightness = torch.stack([view.lightness for view in views])
        return lightness * torch.tensor([0.1, 0.3])[None, :, None, None]


class Watched(torch.nn.Module):
    """A network that keeps what it is given."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def to_input(self, lightness):
        self.seen.append(lightness)
        return lightness

    def forward(self, x):
        return x.repeat(1, 2, 1, 1)

    def to_ab(self, output, lightness):
        return ChromaBatch(ab=output)


def test_the_truth_passes():
    result = line_1(sat(Oracle(), clips=[made_clip(7)]))

    assert "held" == result.verdict
    assert 0 == values(result)["temporal deviation of ab, alone"]
    # Answers are kept in half precision.
    assert values(result)["warp_ab on clips, alone"] == pytest.approx(
        values(result)["warp_ab on clips, truth"], rel=1e-3
    )
    assert ["people"] == list(result.groups)
    assert 3 == len(result.examples)


@pytest.mark.shared
@pytest.mark.skipif(not DATA.is_dir(), reason="needs the photographs of ../shared")
def test_the_truth_of_real_photographs_and_films_passes():
    """Smoothing moves true colors a little, because the motion that it follows is found on grainy frames."""
    photos, _ = load_photos([DATA / "val"], limit=12, side=160)
    clips = clip_loaders([DATA / "media" / "davis-camel.mp4"], frames=6, width=240)
    result = line_1(Sitting(Oracle(), Material(photos=photos, clips=clips)))

    assert "held" == result.verdict
    assert 0 < values(result)["temporal deviation of ab, smoothed"] < 0.2
    assert values(result)["warp_ab on clips, smoothed"] < values(result)["warp_ab on clips, truth"]


def test_grain_that_becomes_color_fails():
    """White grain of 2 L, high-passed by 1 - 1/25 and doubled in a and b, is a deviation of 2 x 2 x sqrt(2) x .98."""
    result = line_1(sat(Nervous(2.0)))

    assert "failed" == verdicts(result)["temporal deviation of ab, alone"]
    assert values(result)["temporal deviation of ab, alone"] == pytest.approx(4 * 2**0.5 * 0.96**0.5, rel=0.05)
    assert (
        values(result)["temporal deviation of ab, smoothed"] < 0.3 * values(result)["temporal deviation of ab, alone"]
    )


def test_smoothing_can_be_what_holds_the_line_and_what_does_not():
    light = verdicts(line_1(sat(Nervous(0.5))))
    none = verdicts(line_1(sat(Nervous(0.5), smoothing="none")))

    assert ("failed", "held") == (light["temporal deviation of ab, alone"], light["temporal deviation of ab, smoothed"])
    assert "failed" == none["temporal deviation of ab, smoothed"]


@pytest.mark.parametrize("subject", [Gray(), Tint()], ids=lambda subject: subject.name)
def test_steady_because_colorless_fails(subject):
    result = line_1(sat(subject))

    assert "held" == verdicts(result)["temporal deviation of ab, alone"]
    assert "failed" == verdicts(result)["mean chroma, alone"] == result.verdict


def test_the_network_gets_the_whole_grain():
    """At the photograph's own size most of it would be averaged away on the way to a small network."""
    card = ModelCard(
        name="watched",
        family="watched",
        summary="",
        weights_file=None,
        sha256=None,
        licence="none",
        size_rule=SizeRule(multiple_of=8, minimum=16, square=False, default_side=32, rim=4, still_side=64),
    )
    network = Watched()
    compute = Compute(device=torch.device("cpu"), dtype=torch.float32)
    subject = ModelSubject(NetworkColorizer(network, card, compute))
    view = View(lightness=torch.full((1, 96, 128), 50.0), ab=None, is_still=False)

    subject.answer(grainy(view, subject, torch.Generator().manual_seed(0)))

    height, width = subject.seen_size(view)
    seen = torch.cat(network.seen)[:, :, 4 : 4 + height, 4 : 4 + width]
    assert GRAIN_FRAMES == len(seen)
    assert seen.std(dim=0).square().mean().sqrt() == pytest.approx(2, rel=0.03)
    assert subject.seen_size(replace(view, is_still=True)) > (height, width)


def test_pictures_become_network_size_with_their_truth():
    view = made_photo(1).view

    small = resized(view, (32, 32))

    assert torch.allclose(F.avg_pool2d(view.ab, 2), small.ab, atol=1e-3)
    assert torch.allclose(F.avg_pool2d(view.lightness, 2), small.lightness, atol=1e-3)
    assert view is resized(view, view.size)


def test_large_networks_see_fewer_pictures():
    class Large(Oracle):
        def seen_size(self, view):
            return 512, 512

    photos = [made_photo(n) for n in range(20)]

    assert 20 == len(stills(sat(Oracle(), photos)))
    assert LEAST_STILLS == len(stills(sat(Large(), photos)))
    assert all(not scene.view.is_still for scene in stills(sat(Oracle(), photos)))


def test_frames_of_clips_stand_in_for_photographs():
    result = line_1(sat(Sepia(), photos=[], clips=[made_clip(n, has_truth=False) for n in (1, 2)]))

    assert 2 == values(result)["pictures held still"]
    assert "held" == verdicts(result)["temporal deviation of ab, alone"]
    assert "not tested" == verdicts(result)["warp_ab on clips, truth"]
    assert values(result)["warp_ab on clips, alone"] is not None


def test_flicker_on_clips_is_told_beside_the_truth_s_of_the_same_clips():
    class Other(Sepia):
        """The truth with a flickering tint, or without a truth gray."""

        def answer(self, views, side=None):
            if any(view.ab is None for view in views):
                return torch.zeros(len(views), 2, *views[0].size)
            signs = torch.tensor([1.0, -1.0]).repeat(len(views))[: len(views), None, None, None]
            return Oracle.answer(self, views) + 4 * signs

    result = line_1(sat(Other(), clips=[made_clip(4), made_clip(5, has_truth=False)]))

    assert values(result)["warp_ab on clips, alone"] == pytest.approx(8, rel=0.05)
    assert values(result)["warp_ab on clips, smoothed"] < 3


def test_what_is_missing_is_not_tested():
    gray = Photo(name="gray", sha256="0" * 64, rgb=np.full((SIDE, SIDE, 3), 120, np.uint8))

    assert "not tested" == line_1(sat(Oracle(), photos=[])).verdict
    assert "not tested" == line_1(sat(Oracle(), photos=[gray])).verdict


def test_the_seed_decides_the_grain():
    first, again, other = (line_1(sat(Nervous(1.0), seed=seed)).figures for seed in (3, 3, 4))

    assert first == again
    assert first != other
