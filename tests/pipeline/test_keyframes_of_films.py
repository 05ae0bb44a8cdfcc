"""Key frames of real films: how many the motion asks for, and what is lost against coloring every frame."""

from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from tiny_parts import make_card, make_context

from videocolor.color.resample import enlarge
from videocolor.core.frames import ChromaBatch
from videocolor.media.decode import DecodeCounts, DecodeSettings, open_frames
from videocolor.media.probe import probe_film
from videocolor.models.loader import load_colorizer
from videocolor.pipeline.batches import NetworkInput, colorize, network_sizes
from videocolor.pipeline.keyframes import colorize_keyframes
from videocolor.temporal.motion import with_motion, work_size

MEDIA = Path(__file__).resolve().parents[3] / "shared" / "data" / "media"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not MEDIA.is_dir(), reason="needs the films of ../shared"),
]


class Gray:
    """Leaves everything gray: which frames it sees does not depend on colors."""

    card = make_card()

    def predict(self, batch):
        return ChromaBatch(ab=torch.zeros(len(batch.pts), 2, 18, 32))


def moving(name, count):
    info = probe_film(MEDIA / name)
    frames = islice(open_frames(info, DecodeSettings(), DecodeCounts()), count)
    return info, list(with_motion(frames, work_size(info.video.height, info.video.width)))


def network(sizes):
    return NetworkInput(sizes=sizes, turns=0, batch_size=4, device=torch.device("cpu"))


@pytest.mark.parametrize("name", ["bw-chaplin.mp4", "bw-abomb-effects.mp4", "bw-street-gray-h264.mkv"])
def test_old_film_can_be_followed(name):
    """Grain, scratches and flicker are no reason to ask the network more often than named."""
    _, frames = moving(name, 81)

    def share(spacing):
        how = network(((18, 32),))
        colored = list(colorize_keyframes(iter(frames), Gray(), make_context(), how, spacing=spacing))
        return sum(item.is_inferred for item in colored) / len(colored)

    assert share(4) < 0.3
    assert share("auto") < 0.2


@pytest.mark.parametrize("name", ["davis-camel.mp4", "davis-horsejump-high.mp4"])
def test_a_real_network_s_colors_are_no_worse_than_from_every_frame(name):
    """In decibels of ab against the clip's own colors, averaged over its frames."""
    info, frames = moving(name, 33)
    colorizer = load_colorizer("compact", device="cpu", precision="float32")
    how = network(network_sizes(info.video, colorizer, None))
    reader = cv2.VideoCapture(str(MEDIA / name))
    truth = [
        cv2.cvtColor(reader.read()[1].astype(np.float32) / 255, cv2.COLOR_BGR2LAB)[..., 1:].transpose(2, 0, 1)
        for _ in frames
    ]

    def decibels(colored):
        errors = [
            np.square(enlarge(item.ab[None], true.shape[1:], (1, 1), "center")[0].numpy() - true).mean()
            for item, true in zip(colored, truth, strict=True)
        ]
        return np.mean(10 * np.log10(255**2 / np.array(errors)))

    every = decibels(colorize(iter(frames), colorizer, make_context(), how))
    for spacing in (4, "auto"):
        found = decibels(colorize_keyframes(iter(frames), colorizer, make_context(), how, spacing=spacing))
        assert found > every - 0.3
