"""Pictures with texture that move as a test says, their colors, and what a filter makes of them."""

import cv2
import numpy as np
import torch
from tiny_parts import make_frame

from videocolor.core.frames import ColoredFrame
from videocolor.core.motion import Field, Motion
from videocolor.temporal.motion import with_motion, work_size


def texture(height, width, seed=0):
    """Luma of three scales, float32 around 120."""
    rng = np.random.default_rng(seed)
    planes = [
        cv2.GaussianBlur(rng.standard_normal((height, width)).astype(np.float32), (0, 0), sigma) * sigma * 30
        for sigma in (1.5, 4.0, 10.0)
    ]
    return 120 + sum(planes)


def to_luma(picture, *, rng=None, grain=0.0):
    """uint8, with new grain where there is a generator."""
    noise = rng.normal(0, grain, picture.shape) if rng is not None else 0
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def moving(lumas, *, previous=None):
    """Luma planes as frames with their motion."""
    frames = [make_frame(luma.copy(), pts=number) for number, luma in enumerate(lumas)]
    return list(with_motion(frames, work_size(*lumas[0].shape), previous=previous))


def still_motion(size, *, is_first=False, confidence=1.0, is_flash=False):
    """Nothing moves, on blank gray."""
    field = Field(vectors=np.zeros((*size, 2), np.float32), confidence=np.full(size, confidence, np.float32))
    links = (None, None) if is_first else (field, field)
    return Motion(gray=np.full(size, 128, np.uint8), to_previous=links[0], from_previous=links[1], is_flash=is_flash)


def shifting_motion(gray, columns, rows, *, is_first=False):
    """The picture moves by whole pixels; points outside the frame are not trusted."""
    places = np.indices(gray.shape)[::-1]

    def field(step):
        inside = [(0 <= place + move) & (place + move < extent)
                  for place, move, extent in zip(places, step, gray.shape[::-1], strict=True)]  # fmt: skip
        vectors = np.broadcast_to(np.float32(step), (*gray.shape, 2)).copy()
        return Field(vectors=vectors, confidence=(inside[0] & inside[1]).astype(np.float32))

    links = (None, None) if is_first else (field((-columns, -rows)), field((columns, rows)))
    return Motion(gray=gray, to_previous=links[0], from_previous=links[1])


def colored(motions, abs_, *, confidences=None):
    """Frames with the colors that a network might have given, (2, h, w) each."""
    for number, (motion, ab) in enumerate(zip(motions, abs_, strict=True)):
        confidence = None if confidences is None else confidences[number]
        yield ColoredFrame(
            frame=make_frame(np.zeros((2, 2), np.uint8), pts=number),
            lightness=torch.zeros(1, 2, 2),
            ab=torch.from_numpy(np.ascontiguousarray(ab, dtype=np.float32)),
            confidence=None if confidence is None else torch.from_numpy(confidence),
            motion=motion,
        )


def still_colored(abs_, *, confidences=None, flashes=()):
    """A scene that stands still on blank gray."""
    size = abs_[0].shape[1:]
    motions = [still_motion(size, is_first=number == 0, is_flash=number in flashes) for number in range(len(abs_))]
    return colored(motions, abs_, confidences=confidences)


def smoothed(smooth, items, state=None):
    """The filter's colors at work size, (2, h, w) each; the network's must have that size."""
    return [(item.ab + item.correction).numpy() for item in smooth(items, state)]


def constant(size, a, b):
    """(2, h, w) float32 of one color."""
    return np.stack([np.full(size, a, np.float32), np.full(size, b, np.float32)])


def psnr_ab(found, truth):
    """Mean over frames, peak 255."""
    errors = [float(np.mean((one - other) ** 2)) for one, other in zip(found, truth, strict=True)]
    return float(np.mean([10 * np.log10(255**2 / error) for error in errors]))


def rms(values):
    return float(np.sqrt(np.mean(np.square(values))))
