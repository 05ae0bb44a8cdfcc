#!/usr/bin/env python3
"""How steady colors are, and what that costs: each way of smoothing on clips whose true colors are known.

    bench_temporal.py [--media ../shared/data/media] [--model compact] [--rounds 1] [--json] [--keep FOLDER]

Five clips of one shot are colored from their luma by the film pipeline, to FFV1, and compared with their own colors:

    none, ema, flow             the smoothing, the network sees every frame
    keys-4, keys-8, keys-auto   smoothing flow, the network sees every 4th or 8th frame, or as many as motion asks for

Printed for each clip and for all, with the truth's own value in brackets: PSNR and PSNR of ab in dB, colorfulness,
CDC, warp_ab (Lab units, by Farneback's flow, which is not the smoother's), jitter of the mean color, mean chroma over
the truth's and over that of `none`, the frames that the network saw, and how many times as fast as `none` the
coloring is, by the clock and by processor seconds. Ways alternate, and of several rounds the least time counts. A
lower warp_ab is a gain only where the chroma stays and PSNR of ab does not fall.
"""

import argparse
import json
import math
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

import cv2

from videocolor.errors import SettingsError
from videocolor.evaluate.chroma import chroma_ratio
from videocolor.evaluate.clips import ClipScores, TemporalMeter, mean_over_shots
from videocolor.evaluate.fidelity import PSNR_CAP, psnr, psnr_ab
from videocolor.evaluate.lab import rgb_to_lab
from videocolor.evaluate.screen import to_rgb
from videocolor.evaluate.shot_walk import decoded
from videocolor.media.probe import probe_film
from videocolor.models.adapter import DeviceColorizer
from videocolor.models.loader import load_colorizer
from videocolor.pipeline.film import RunOptions, colorize_film
from videocolor.pipeline.report import RunReport
from videocolor.progress import NoProgress
from videocolor.settings import EncodeSettings, RunSettings
from videocolor.verification.after_run import check_muxed

MEDIA = Path(__file__).resolve().parents[2] / "shared" / "data" / "media"
CLIPS = ("davis-breakdance", "davis-camel", "davis-car-roundabout", "davis-horsejump-high", "davis-kite-surf")
ALL = "all"
PLAIN = "none"
WAYS: dict[str, dict[str, Any]] = {
    PLAIN: {"smoothing": "none"},
    "ema": {"smoothing": "ema"},
    "flow": {"smoothing": "flow"},
    "keys-4": {"smoothing": "flow", "keyframes": 4},
    "keys-8": {"smoothing": "flow", "keyframes": 8},
    "keys-auto": {"smoothing": "flow", "keyframes": "auto"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """A colored clip beside its true colors."""

    psnr: float
    psnr_ab: float
    clip: ClipScores


@dataclass(slots=True, kw_only=True)
class Cost:
    """Of coloring one clip one way: the least of all rounds."""

    color_s: float = math.inf
    cpu_s: float = math.inf
    """Of the whole run, planning and muxing included."""
    frames: int = 0
    inferred: int = 0

    def take(self, report: RunReport, cpu_s: float) -> None:
        """Another round."""
        self.color_s, self.cpu_s = min(self.color_s, report.color_s), min(self.cpu_s, cpu_s)
        self.frames, self.inferred = report.frame_count, report.inferred_frames


@dataclass(slots=True, kw_only=True)
class Bench:
    """All that was measured, by clip and way."""

    cost: dict[tuple[str, str], Cost] = field(default_factory=dict)
    quality: dict[tuple[str, str], Quality] = field(default_factory=dict)


def color(source: Path, target: Path, way: str, colorizer: DeviceColorizer) -> tuple[RunReport, float]:
    """One run; its report, and the processor seconds of this process."""
    settings = RunSettings(
        model=colorizer.card.name, interlaced="ignore", encode=EncodeSettings(codec="ffv1"), **WAYS[way]
    )
    cpu = time.process_time()
    report = colorize_film(
        source,
        target,
        settings,
        RunOptions(overwrite=True, restart=True),
        progress=NoProgress(),
        check_result=check_muxed,
        colorizer=colorizer,
    )
    return report, time.process_time() - cpu


def score(source: Path, result: Path) -> Quality:
    """Compare frame by frame; both are 4:2:0 under one luma, so nobody pays for the missing chroma samples."""
    meter, rows = TemporalMeter(has_truth=True), []
    films = [closing(decoded(probe_film(path), is_damaged=False)) for path in (source, result)]
    with films[0] as truths, films[1] as frames:
        for true_frame, frame in zip(truths, frames, strict=True):
            truth, rgb = to_rgb(true_frame), to_rgb(frame)
            ab = psnr_ab(rgb_to_lab(rgb)[..., 1:], rgb_to_lab(truth)[..., 1:])
            rows.append((min(psnr(rgb, truth), PSNR_CAP), min(ab, PSNR_CAP)))
            meter.push(rgb, truth)
    return Quality(psnr=fmean(row[0] for row in rows), psnr_ab=fmean(row[1] for row in rows), clip=meter.finish())


def measure(clips: Sequence[Path], ways: Sequence[str], model: str, rounds: int, folder: Path) -> Bench:
    """Color everything `rounds` times, then score the last results, which are all alike."""
    bench, colorizer = Bench(), load_colorizer(model)
    # Weights are packed in the first run, libraries loaded.
    color(clips[0], folder / "warm-up.mkv", ways[0], colorizer)
    for number, (clip, way) in product(range(rounds), product(clips, ways)):
        print(f"round {number + 1}: {clip.stem} {way}", file=sys.stderr)
        report, cpu_s = color(clip, target_of(folder, clip, way), way, colorizer)
        bench.cost.setdefault((clip.stem, way), Cost()).take(report, cpu_s)
    for clip, way in product(clips, ways):
        print(f"compare {clip.stem} {way}", file=sys.stderr)
        bench.quality[clip.stem, way] = score(clip, target_of(folder, clip, way))
    return bench


def target_of(folder: Path, clip: Path, way: str) -> Path:
    return folder / f"{clip.stem}.{way}.mkv"


def rows_of(bench: Bench, clips: Sequence[str], ways: Sequence[str]) -> list[dict[str, Any]]:
    """One row for each clip and way, then one for each way over all clips."""
    groups = [*((name, [name]) for name in clips), *([(ALL, list(clips))] if len(clips) > 1 else [])]
    return [
        {"clip": title, "way": way, **_figures(bench, members, way, ways)} for title, members in groups for way in ways
    ]


def _figures(bench: Bench, members: Sequence[str], way: str, ways: Sequence[str]) -> dict[str, Any]:
    parts = [bench.quality[name, way] for name in members]
    costs = [bench.cost[name, way] for name in members]
    frames = [cost.frames for cost in costs]
    film = mean_over_shots([part.clip for part in parts])
    color_s, cpu_s = sum(cost.color_s for cost in costs), sum(cost.cpu_s for cost in costs)
    plain = [bench.cost[name, PLAIN] for name in members] if PLAIN in ways else None
    unsmoothed = mean_over_shots([bench.quality[name, PLAIN].clip for name in members]) if PLAIN in ways else None
    return {
        "psnr": fmean((part.psnr for part in parts), frames),
        "psnr_ab": fmean((part.psnr_ab for part in parts), frames),
        "chroma_ratio": film.chroma_ratio,
        "chroma_kept": None if unsmoothed is None else chroma_ratio(film.result.chroma, unsmoothed.result.chroma),
        "warp_ab_ratio": film.warp_ab_ratio,
        "frames": sum(frames),
        "inferred_frames": sum(cost.inferred for cost in costs),
        "color_s": color_s,
        "cpu_s": cpu_s,
        "speed": None if plain is None else sum(cost.color_s for cost in plain) / color_s,
        "speed_cpu": None if plain is None else sum(cost.cpu_s for cost in plain) / cpu_s,
        "result": asdict(film.result),
        "truth": asdict(film.truth) if film.truth is not None else None,
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown; the truth's own figures in brackets."""
    lines = [
        "| clip | way | PSNR | PSNR ab | CF | CDC | warp_ab | jitter | chroma | / none | seen | speed | by cpu |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        result, truth = row["result"], row["truth"]
        cells = [
            row["clip"],
            row["way"],
            f"{row['psnr']:.2f}",
            f"{row['psnr_ab']:.2f}",
            f"{result['colorfulness']:.1f} ({truth['colorfulness']:.1f})",
            f"{result['cdc']:.6f} ({truth['cdc']:.6f})",
            f"{result['warp_ab']:.3f} ({truth['warp_ab']:.3f})",
            f"{result['tint_jitter']:.3f} ({truth['tint_jitter']:.3f})",
            *("-" if row[name] is None else f"{row[name]:.3f}" for name in ("chroma_ratio", "chroma_kept")),
            f"{row['inferred_frames']}/{row['frames']}",
            *("-" if row[name] is None else f"{row[name]:.2f}" for name in ("speed", "speed_cpu")),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--media", type=Path, default=MEDIA)
    parser.add_argument("--clip", action="append", choices=CLIPS, help="only these; may be repeated")
    parser.add_argument("--way", action="append", choices=tuple(WAYS), help="only these; may be repeated")
    parser.add_argument("--model", default="compact")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave the colored clips there")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    names, ways = options.clip or CLIPS, options.way or tuple(WAYS)
    clips = [options.media / f"{name}.mp4" for name in names]
    missing = [str(clip) for clip in clips if not clip.is_file()]
    if missing:
        print(f"There is no {missing[0]}: give the clips' folder with --media.", file=sys.stderr)
        return 2
    folder = Path(tempfile.mkdtemp(prefix="bench-temporal-"))
    try:
        bench = measure(clips, ways, options.model, options.rounds, folder)
        if options.keep is not None:
            options.keep.mkdir(parents=True, exist_ok=True)
            for clip, way in product(clips, ways):
                shutil.copy2(target_of(folder, clip, way), options.keep)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    finally:
        shutil.rmtree(folder)
    rows = rows_of(bench, names, ways)
    if options.json:
        facts = {"format": 1, "model": options.model, "rounds": options.rounds, "opencv": cv2.__version__}
        print(json.dumps(facts | {"rows": rows}))
    else:
        print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
