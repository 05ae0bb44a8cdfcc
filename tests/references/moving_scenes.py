"""Made scenes whose motion and color are known: textures that move by whole pixels, one color for each object."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from videocolor.core.motion import Motion
from videocolor.temporal.motion import flow_gray, link, make_estimator

HEIGHT, WIDTH = 128, 208


def texture(seed: int, height: int = HEIGHT, width: int = WIDTH, mean: float = 120, contrast: float = 30) -> np.ndarray:
    """Smooth noise of a mean and a deviation, (H, W) uint8."""
    noise = np.random.default_rng(seed).normal(size=(height, width)).astype(np.float32)
    # It goes on from the right border at the left one, so that it can pan.
    smooth = cv2.GaussianBlur(np.pad(noise, 10, mode="wrap"), (0, 0), 2.0)[10:-10, 10:-10]
    return np.clip((smooth - smooth.mean()) / smooth.std() * contrast + mean, 1, 254).round().astype(np.uint8)


@dataclass(frozen=True)
class Scene:
    """A square before a background."""

    background: np.ndarray
    square: np.ndarray
    place: Callable[[int], tuple[int, int]]
    """Top and left of the square by frame."""
    pan: int = 0
    """Columns a frame by which the background moves to the right."""

    def luma(self, number: int) -> np.ndarray:
        frame = np.roll(self.background, self.pan * number, axis=1)
        inside = self.inside(number)
        rows, columns = np.nonzero(inside)
        top, left = self.place(number)
        frame[inside] = self.square[rows - top, columns - left]
        return frame

    def inside(self, number: int, *, less: int = 0) -> np.ndarray:
        """(H, W) bool: where the square is, without a rim of `less` pixels."""
        top, left = self.place(number)
        side = self.square.shape[0]
        mask = np.zeros(self.background.shape, bool)
        mask[max(0, top + less) : max(0, top + side - less), max(0, left + less) : max(0, left + side - less)] = True
        return mask

    def outside(self, number: int, *, less: int = 0) -> np.ndarray:
        """(H, W) bool: where the background is, without a rim of `less` pixels and those that panned in."""
        mask = ~self.inside(number, less=-less)
        mask[:, : less + self.pan * number] = False
        mask[:, self.background.shape[1] - less :] = False
        return mask

    def motions(self, count: int) -> list[Motion]:
        estimator = make_estimator()
        grays = [flow_gray(self.luma(number), self.background.shape) for number in range(count)]
        found = [Motion(gray=grays[0], to_previous=None, from_previous=None)]
        for before, gray in pairwise(grays):
            to_previous, from_previous = link(before, gray, estimator)
            found.append(Motion(gray=gray, to_previous=to_previous, from_previous=from_previous))
        return found


def square_scene(place: Callable[[int], tuple[int, int]] = lambda number: (30, 50), pan: int = 0) -> Scene:
    """A bright square of 64 pixels before a darker background."""
    return Scene(texture(1, mean=100), texture(2, 64, 64, mean=170, contrast=25), place, pan)


def two_tone(inside: np.ndarray, within: tuple[float, float], without: tuple[float, float]) -> np.ndarray:
    """(H, W, 2) float32: one ab inside, another outside."""
    return np.where(inside[..., None], np.float32(within), np.float32(without))
