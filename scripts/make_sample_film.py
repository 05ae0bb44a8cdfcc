#!/usr/bin/env python
"""Makes a short gray film with sound out of a public-domain portrait that scikit-image ships.

    python scripts/make_sample_film.py demo/astronaut-gray.mp4

Two shots with a hard cut between them, each a slow pan and zoom over NASA's portrait of the astronaut Eileen Collins;
640x480, 24 frames per second, H.264 with neutral chroma; the sound is a sine of 440 Hz, AAC.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt
import skimage.data

HEIGHT, WIDTH = 480, 640
RATE = 24
SAMPLE_RATE = 48_000
SAMPLES_PER_PACKET = 1024
TONE_HZ = 440.0
LOUDNESS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the camera sees of the portrait: the middle of a window and its width, in the portrait's pixels."""

    x: float
    y: float
    width: float


SHOTS = (
    (View(x=230, y=215, width=450), View(x=222, y=140, width=250)),
    (View(x=392, y=190, width=230), View(x=300, y=215, width=400)),
)


def gray_portrait() -> npt.NDArray[np.float32]:
    """Luma of the portrait, (512, 512), by ITU-R BT.601 in 0..1."""
    rgb = skimage.data.astronaut().astype(np.float32) / 255
    return np.asarray(rgb @ np.array([0.299, 0.587, 0.114], np.float32))


def luma_frames(seconds: float, height: int) -> Iterator[npt.NDArray[np.uint8]]:
    """Y planes of the whole film, (height, 640), studio range."""
    portrait = gray_portrait()
    bounds = [round(index * seconds * RATE / len(SHOTS)) for index in range(len(SHOTS) + 1)]
    for (start, end), (first, last) in zip(SHOTS, pairwise(bounds), strict=True):
        for number in range(last - first):
            share = number / max(1, last - first - 1)
            # Slow at both ends, as a hand would move.
            share = share * share * (3 - 2 * share)
            x, y, width = (
                getattr(start, name) + share * (getattr(end, name) - getattr(start, name))
                for name in ("x", "y", "width")
            )
            scale = width / WIDTH
            # From the frame's pixels to the portrait's, so that sub-pixel motion is smooth.
            to_portrait = np.array([[scale, 0, x - width / 2], [0, scale, y - scale * height / 2]])
            view = cv2.warpAffine(
                portrait,
                to_portrait,
                (WIDTH, height),
                flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REFLECT_101,
            )
            yield np.rint(16 + 219 * view.clip(0, 1)).astype(np.uint8)


def write_film(path: Path, *, seconds: float, height: int = HEIGHT) -> None:
    """Write the film; an existing file is replaced. Another height than 480 shows more or less above and below."""
    with av.open(f"file:{path}", "w") as container:
        video: Any = container.add_stream("libx264", rate=RATE, options={"crf": "18", "preset": "medium"})
        video.width, video.height, video.pix_fmt = WIDTH, height, "yuv420p"
        video.codec_context.time_base = Fraction(1, RATE)
        # BT.601 (SMPTE 170M) throughout, studio range.
        video.codec_context.color_primaries = 6
        video.codec_context.color_trc = 6
        video.codec_context.colorspace = 6
        video.codec_context.color_range = 1
        audio: Any = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        audio.metadata["language"] = "eng"
        container.metadata["title"] = "Portrait of an astronaut (public domain, NASA)"
        samples = _tone(seconds)
        written = 0
        for number, luma in enumerate(luma_frames(seconds, height)):
            container.mux(video.encode(_picture(luma, number)))
            # Sound rides along, so that neither stream lies in one lump.
            until = min(len(samples), round((number + 1) / RATE * SAMPLE_RATE))
            while written + SAMPLES_PER_PACKET <= until:
                container.mux(audio.encode(_sound(samples, written)))
                written += SAMPLES_PER_PACKET
        if written < len(samples):
            container.mux(audio.encode(_sound(samples, written)))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))


def _tone(seconds: float) -> npt.NDArray[np.float32]:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return np.asarray(LOUDNESS * np.sin(2 * np.pi * TONE_HZ * time), dtype=np.float32)


def _picture(luma: npt.NDArray[np.uint8], number: int) -> av.VideoFrame:
    neutral = np.full((len(luma) // 2, WIDTH), 128, np.uint8)
    frame = av.VideoFrame.from_ndarray(np.concatenate([luma, neutral]), format="yuv420p")
    frame.pts, frame.time_base = number, Fraction(1, RATE)
    return frame


def _sound(samples: npt.NDArray[np.float32], first: int) -> av.AudioFrame:
    part = samples[first : first + SAMPLES_PER_PACKET]
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part[None]), format="fltp", layout="mono")
    frame.pts, frame.sample_rate, frame.time_base = first, SAMPLE_RATE, Fraction(1, SAMPLE_RATE)
    return frame


def main() -> None:
    """Read the command line and write the film."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--seconds", type=float, default=6.0)
    arguments = parser.parse_args()
    arguments.path.parent.mkdir(parents=True, exist_ok=True)
    write_film(arguments.path, seconds=arguments.seconds)
    print(arguments.path)


if __name__ == "__main__":
    main()
