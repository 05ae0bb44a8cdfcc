#!/usr/bin/env python
"""Measures shot detectors on montages of real shots, clean and damaged like old film.

    python scripts/bench_shots.py [--media ../shared/data/media] [--montages 4] [--json]

Shots are cut out of the clips at places checked by eye, then joined with a seed: hard cuts, fades through black,
dissolves, and flashes of 1..3 frames inside shots. A hit lies within one frame of a hard cut. A boundary inside a
fade or a dissolve counts as found once; every other boundary is false.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

from videocolor.core.protocols import ShotDetector
from videocolor.errors import SettingsError
from videocolor.shots.ncc import GRAY_SIZE
from videocolor.shots.registry import detector_names, load_detector

Gray = npt.NDArray[np.uint8]

MEDIA = Path(__file__).resolve().parents[2] / "shared" / "data" / "media"
WORK_SIZE = (180, 320)
"""Height and width of the montages; damage is done at this size."""

# File, first frame and number of frames of single shots.
SHOTS = (
    ("bikes.mp4", 0, 30),
    ("bikes.mp4", 30, 46),
    ("bikes.mp4", 76, 61),
    ("bikes.mp4", 137, 50),
    ("bikes.mp4", 187, 55),
    ("bw-abomb-effects.mp4", 0, 44),
    ("bw-abomb-effects.mp4", 44, 90),
    ("bw-abomb-effects.mp4", 134, 165),
    ("bw-abomb-effects.mp4", 299, 61),
    ("bw-chaplin.mp4", 0, 241),
    ("bw-street-gray-h264.mkv", 0, 72),
    ("bw-white-zombie-part.mp4", 0, 46),
    ("carphone-sar-ntsc.mp4", 0, 120),
    ("cockatoo-444-mp3.mp4", 0, 240),
    ("davis-breakdance.mp4", 0, 48),
    ("davis-camel.mp4", 0, 40),
    ("davis-car-roundabout.mp4", 0, 48),
    ("davis-horsejump-high.mp4", 0, 50),
    ("davis-kite-surf.mp4", 0, 40),
    ("late-start-10s-anamorphic.mp4", 6, 114),
    ("mpeg4-mp3-23976.avi", 24, 70),
    ("nasa-6streams.mp4", 0, 126),
    ("nasa-6streams.mp4", 152, 50),
    ("nasa-6streams.mp4", 204, 120),
    ("phone-rot90-audio-first.mov", 0, 105),
    ("vfr-goldeneye-drop3.mp4", 0, 60),
    ("vfr-goldeneye-drop3.mp4", 60, 80),
    ("vp9-10bit-bt2020.webm", 0, 42),
    ("vp9-10bit-bt2020.webm", 42, 27),
)

# Whole clips with the cuts that are really in them, checked by eye; dissolves are given as ranges.
CLIPS: dict[str, tuple[tuple[int, ...], tuple[tuple[int, int], ...]]] = {
    "bikes.mp4": ((30, 76, 137, 187, 242), ()),
    "bw-abomb-effects.mp4": ((44, 134, 299), ()),
    "bw-chaplin.mp4": ((), ()),
    "bw-street-gray-h264.mkv": ((), ()),
    "bw-white-zombie-part.mp4": ((46,), ()),
    "carphone-sar-ntsc.mp4": ((), ()),
    "cockatoo-444-mp3.mp4": ((), ()),
    "davis-breakdance.mp4": ((), ()),
    "davis-camel.mp4": ((), ()),
    "davis-car-roundabout.mp4": ((), ()),
    "davis-horsejump-high.mp4": ((), ()),
    "davis-kite-surf.mp4": ((), ()),
    "interlaced-tff-h264.mp4": ((), ()),
    "late-start-10s-anamorphic.mp4": ((6,), ()),
    "mpeg4-mp3-23976.avi": ((), ((0, 24),)),
    "nasa-6streams.mp4": ((202,), ((126, 152),)),
    "phone-rot90-audio-first.mov": ((), ()),
    "vfr-goldeneye-drop3.mp4": ((60, 140), ()),
    "vp8-alpha-stereo3d.webm": ((), ()),
    "vp9-10bit-bt2020.webm": ((42, 69), ()),
}


@dataclass(frozen=True, kw_only=True)
class Montage:
    """A film and what is known about it; places are frame numbers."""

    frames: Sequence[Gray]
    cuts: tuple[int, ...] = ()
    """First frames after hard cuts."""
    fades: tuple[tuple[int, int], ...] = ()
    """First frame of the fade out, first frame after the fade in."""
    dissolves: tuple[tuple[int, int], ...] = ()
    flashes: tuple[int, ...] = ()


@dataclass(kw_only=True)
class Score:
    """Counts over one or more montages."""

    cuts: int = 0
    hits: int = 0
    false: int = 0
    fades: int = 0
    fades_found: int = 0
    dissolves: int = 0
    dissolves_found: int = 0
    frames: int = 0
    seconds: float = 0.0
    errors: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        return self.hits / self.cuts if self.cuts else 1.0

    @property
    def precision(self) -> float:
        return self.hits / (self.hits + self.false) if self.hits + self.false else 1.0


def read_clip(path: Path) -> Iterator[Gray]:
    """Luma of every frame that decodes, at `WORK_SIZE`."""
    height, width = WORK_SIZE
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                continue
            for frame in frames:
                yield _shrunk(frame.to_ndarray(format="gray"), height, width)


def read_shots(media: Path, shots: Sequence[tuple[str, int, int]] = SHOTS) -> list[list[Gray]]:
    """The frames of single shots; every file is decoded once, as far as needed."""
    ends: dict[str, int] = {}
    for name, first, count in shots:
        ends[name] = max(ends.get(name, 0), first + count)
    clips = {name: list(islice(read_clip(media / name), end)) for name, end in ends.items()}
    return [clips[name][first : first + count] for name, first, count in shots]


def build_montage(shots: Sequence[list[Gray]], *, seed: int, joins: int) -> Montage:
    """Join pieces of 14..60 frames: 85 % hard cuts, else fades and dissolves; a flash in every fifth piece."""
    rng = np.random.default_rng(seed)
    frames: list[Gray] = []
    cuts: list[int] = []
    fades: list[tuple[int, int]] = []
    dissolves: list[tuple[int, int]] = []
    flashes: list[int] = []
    previous = -1
    for number in range(joins + 1):
        choice = int(rng.choice([index for index in range(len(shots)) if index != previous]))
        previous = choice
        piece = _piece(shots[choice], rng)
        kind = "start" if number == 0 else str(rng.choice(["cut", "fade", "dissolve"], p=[0.86, 0.06, 0.08]))
        flash_at = None
        if rng.random() < 0.2 and len(piece) >= 34:
            flash_at = int(rng.integers(14, len(piece) - 16))
            piece = _flashed(piece, flash_at, rng)
        if kind == "dissolve":
            length = int(rng.integers(8, min(25, len(piece) - 4)))
            length = min(length, len(frames) // 2)
            start = len(frames) - length
            for step in range(length):
                share = (step + 1) / (length + 1)
                frames[start + step] = _mixed(frames[start + step], piece[step], share)
            dissolves.append((start, start + length))
            piece = piece[length:]
            flash_at = None if flash_at is None else flash_at - length
        elif kind == "fade":
            out, dark, into = int(rng.integers(6, 13)), int(rng.integers(2, 12)), int(rng.integers(6, 13))
            start = len(frames) - out
            for step in range(out):
                frames[start + step] = _dimmed(frames[start + step], 1 - (step + 1) / out)
            frames += [np.zeros(WORK_SIZE, np.uint8)] * dark
            fades.append((start, len(frames) + into))
            piece = [_dimmed(frame, (step + 1) / into) if step < into else frame for step, frame in enumerate(piece)]
        elif kind == "cut":
            cuts.append(len(frames))
        if flash_at is not None:
            flashes.append(len(frames) + flash_at)
        frames += piece
    return Montage(
        frames=frames, cuts=tuple(cuts), fades=tuple(fades), dissolves=tuple(dissolves), flashes=tuple(flashes)
    )


def damage(frames: Sequence[Gray], *, seed: int, flicker: float = 0.05, grain: float = 14.0) -> list[Gray]:
    """Old film: brightness flicker, grain, jitter of 0.8 px, dirt and scratches."""
    rng = np.random.default_rng(seed)
    height, width = WORK_SIZE
    scratches: list[list[float]] = []
    worn = []
    for frame in frames:
        shift = rng.normal(0.0, 0.8, 2)
        matrix = np.array([[1.0, 0.0, shift[0]], [0.0, 1.0, shift[1]]])
        moved = cv2.warpAffine(frame, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        noise = rng.standard_normal(WORK_SIZE, np.float32) * np.float32(grain)
        picture = moved * np.float32(1.0 + rng.normal(0.0, flicker)) + noise
        for _ in range(int(rng.poisson(2.0))):
            center = (int(rng.integers(0, width)), int(rng.integers(0, height)))
            axes = (int(rng.integers(1, 7)), int(rng.integers(1, 7)))
            tone = 235.0 if rng.random() < 0.5 else 15.0
            cv2.ellipse(picture, center, axes, float(rng.integers(0, 180)), 0, 360, tone, -1)
        if rng.random() < 0.05:
            scratches.append([float(rng.integers(0, width)), float(rng.integers(10, 60))])
        for scratch in scratches:
            scratch[0] += rng.normal(0.0, 0.7)
            scratch[1] -= 1
            column = int(np.clip(scratch[0], 0, width - 1))
            picture[:, column] = 220.0
        scratches = [scratch for scratch in scratches if scratch[1] > 0]
        worn.append(np.clip(picture, 0, 255).astype(np.uint8))
    return worn


def detect(detector: ShotDetector, frames: Sequence[Gray]) -> tuple[list[tuple[int, str]], float]:
    """The boundaries, by frame number, and the seconds spent inside the detector."""
    found: list[tuple[int, str]] = []
    seconds = 0.0
    for number, frame in enumerate(frames):
        small = _shrunk(frame, *GRAY_SIZE)
        start = time.perf_counter()
        found += detector.push(number, small)
        seconds += time.perf_counter() - start
    return found + detector.finish(), seconds


def add_score(score: Score, montage: Montage, found: Sequence[int], seconds: float, name: str) -> None:
    """Compare boundaries with the truth."""
    left = set(found)
    for cut in montage.cuts:
        near = [place for place in (cut, cut - 1, cut + 1) if place in left]
        if near:
            left.discard(near[0])
            score.hits += 1
        else:
            score.errors.append(f"{name}: missed {cut}")
    score.cuts += len(montage.cuts)
    score.fades += len(montage.fades)
    score.dissolves += len(montage.dissolves)
    for start, end in montage.fades:
        score.fades_found += _take_one(left, start - 1, end + 1)
    for start, end in montage.dissolves:
        score.dissolves_found += _take_one(left, start - 1, end + 1)
    for place in sorted(left):
        is_flash = any(0 <= place - flash <= 4 for flash in montage.flashes)
        score.errors.append(f"{name}: false {place}{' (flash)' if is_flash else ''}")
    score.false += len(left)
    score.frames += len(montage.frames)
    score.seconds += seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--media", type=Path, default=MEDIA)
    parser.add_argument("--montages", type=int, default=4)
    parser.add_argument("--joins", type=int, default=50, help="joins of one montage")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--detector", action="append", help="only these; may be repeated")
    parser.add_argument("--errors", action="store_true", help="list every missed and false boundary")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    detectors = []
    for name in options.detector or detector_names():
        try:
            load_detector(name)
            detectors.append(name)
        except SettingsError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    shots = read_shots(options.media)
    scores: dict[tuple[str, str], Score] = {}
    for seed in range(options.seed, options.seed + options.montages):
        montage = build_montage(shots, seed=seed, joins=options.joins)
        films = {
            "clean": montage,
            "flicker 5 %": Montage(**{**vars(montage), "frames": damage(montage.frames, seed=seed)}),
            "flicker 10 %": Montage(**{**vars(montage), "frames": damage(montage.frames, seed=seed, flicker=0.1)}),
        }
        _measure(scores, films, detectors, f"montage {seed}")
    for clip, (cuts, dissolves) in CLIPS.items():
        whole = Montage(frames=list(read_clip(options.media / clip)), cuts=cuts, dissolves=dissolves)
        _measure(scores, {"whole clips": whole}, detectors, clip)
    if options.json:
        rows = [
            {"detector": name, "film": film, "recall": score.recall, "precision": score.precision, **asdict(score)}
            for (name, film), score in scores.items()
        ]
        print(json.dumps({"format": 1, "seed": options.seed, "montages": options.montages, "rows": rows}))
        return
    print("| detector | film | cuts | recall | precision | fades | dissolves | ms/frame |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for (name, film), score in sorted(scores.items()):
        print(
            f"| {name} | {film} | {score.cuts} | {score.recall:.3f} | {score.precision:.3f} "
            f"| {score.fades_found}/{score.fades} | {score.dissolves_found}/{score.dissolves} "
            f"| {1e3 * score.seconds / score.frames:.2f} |"
        )
        if options.errors:
            print(*score.errors, sep="\n")


def _measure(
    scores: dict[tuple[str, str], Score], films: dict[str, Montage], detectors: Sequence[str], title: str
) -> None:
    for film, montage in films.items():
        for name in detectors:
            found, seconds = detect(load_detector(name), montage.frames)
            score = scores.setdefault((name, film), Score())
            add_score(score, montage, [place for place, _ in found], seconds, title)


def _shrunk(gray: npt.NDArray[Any], height: int, width: int) -> Gray:
    return np.asarray(cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _mixed(first: Gray, second: Gray, share: float) -> Gray:
    return np.asarray(cv2.addWeighted(first, 1 - share, second, share, 0), np.uint8)


def _piece(shot: list[Gray], rng: np.random.Generator) -> list[Gray]:
    longest = min(60, len(shot))
    count = int(rng.integers(min(26, longest), longest + 1))
    first = int(rng.integers(0, len(shot) - count + 1))
    piece = shot[first : first + count]
    return [frame[:, ::-1] for frame in piece] if rng.random() < 0.5 else list(piece)


def _flashed(piece: list[Gray], start: int, rng: np.random.Generator) -> list[Gray]:
    """One to three frames blown out to white, the first the most."""
    bright = list(piece)
    for step in range(int(rng.integers(1, 4))):
        share = float(rng.uniform(0.7, 1.0)) * 0.85**step
        bright[start + step] = _mixed(piece[start + step], np.full(WORK_SIZE, 255, np.uint8), share)
    return bright


def _dimmed(frame: Gray, share: float) -> Gray:
    return np.asarray(frame * share).astype(np.uint8)


def _take_one(left: set[int], start: int, end: int) -> int:
    """Remove the first boundary of a gradual change, the rest stay and count as false."""
    inside = sorted(place for place in left if start <= place <= end)
    left.difference_update(inside[:1])
    return len(inside[:1])


if __name__ == "__main__":
    main()
