#!/usr/bin/env python3
"""How fast a film is colored, stage by stage, and how much memory it takes.

    bench.py [FILM] [--codec h264] [--precision auto] [--memory] [--json]
    bench.py --against-original [--model deoldify-video] [--render-factor 21] [--film-render-factor 10] [--threads 2]
    bench.py --gpu-table [--model deoldify-video] [--peak-tflops 989]

Without FILM a 640x480 film is made from a public-domain picture. Printed are every stage's busy time (what it waited
for upstream not counted), frames per second from the first frame to the finished file, the overlap (wall time over
the slowest stage's busy time: 1 is perfect), processor seconds, the network alone at an area of 256 x 256, and with
--memory the peak resident memory of the film and of one ten times as long. Times of a busy machine are only good as
ratios.

With --against-original: DeOldify's network and a whole film against the original program's way, in one run that
alternates (bench_original.py). With --gpu-table: frames per second of a network on a GPU (bench_gpu.py).
"""

import argparse
import json
import logging
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from videocolor.memory import keep_freed_memory

STAGES = ("decode", "motion", "network", "temporal", "merge", "encode")


def color(film: Path, folder: Path, options: argparse.Namespace) -> tuple[Any, float]:
    """Color a film; its report and the process's processor seconds."""
    from videocolor.pipeline.film import RunOptions, colorize_film
    from videocolor.progress import NoProgress
    from videocolor.settings import EncodeSettings, RunSettings
    from videocolor.verification.after_run import check_muxed

    settings = RunSettings(
        model=options.model,
        weights=options.weights,
        precision=options.precision,
        device=options.device,
        render_factor=options.render_factor,
        smoothing=options.smoothing,
        keyframes=options.keyframes,
        interlaced="ignore",
        encode=EncodeSettings(codec=options.codec),
    )
    cpu = time.process_time()
    report = colorize_film(
        film,
        folder / "colored.mkv",
        settings,
        RunOptions(overwrite=True, restart=True),
        progress=NoProgress(),
        check_result=check_muxed,
    )
    return report, time.process_time() - cpu


def network_alone(options: argparse.Namespace, frames: int = 12) -> dict[str, dict[str, float]]:
    """Wall and processor seconds a frame of the network at an area of 256 x 256, rim included."""
    import torch

    from videocolor.core.frames import LumaBatch, ShotContext
    from videocolor.core.shots import Shot
    from videocolor.models.loader import load_colorizer

    rows = {}
    context = ShotContext(shot=Shot(index=0, start_pts=0, end_pts=1, frame_count=1), seed=0)
    for precision in ("float32", "bfloat16"):
        colorizer = load_colorizer(options.model, weights=options.weights, device=options.device, precision=precision)
        rim = colorizer.card.size_rule.rim
        lightness = torch.rand(4, 1, 256 - 2 * rim, 256 - 2 * rim) * 100
        batch = LumaBatch(lightness=lightness, pts=(0, 1, 2, 3), context=context)
        colorizer.predict(batch)
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(frames // 4):
            colorizer.predict(batch)
        rows[precision] = {
            "wall_ms": (time.perf_counter() - wall) / frames * 1e3,
            "cpu_ms": (time.process_time() - cpu) / frames * 1e3,
        }
    return rows


def peak_memory(film: Path, options: argparse.Namespace) -> float:
    """Peak resident MiB of a whole run in a process of its own."""
    command = [sys.executable, __file__, str(film), "--codec", options.codec, "--precision", options.precision]
    command += ["--device", options.device, "--render-factor", "4", "--model", options.model, "--only-rss"]
    if options.weights is not None:
        command += ["--weights", options.weights]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1]) / 1024


def own_peak_kib() -> int:
    """Peak resident KiB of this process; getrusage would carry the parent's peak over the exec."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def lengthen(film: Path, folder: Path, times: int) -> Path:
    """The film's packets several times over, without coding anything again."""
    import av

    longer = folder / f"longer{film.suffix}"
    with av.open(f"file:{film}") as source, av.open(f"file:{longer}", "w") as result:
        video = source.streams.video[0]
        stream = result.add_stream_from_template(video)
        stream.time_base = video.time_base
        packets = [packet for packet in source.demux(video) if packet.size]
        length = max(packet.pts + packet.duration for packet in packets) - min(packet.dts for packet in packets)
        for turn in range(times):
            with av.open(f"file:{film}") as again:
                for packet in again.demux(again.streams.video[0]):
                    if packet.size:
                        packet.stream = stream
                        packet.pts += turn * length
                        packet.dts += turn * length
                        result.mux(packet)
    return longer


def measure(film: Path, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """All figures of one film."""
    report, cpu_s = color(film, folder, options)
    busy = {stage: report.stage_busy_s.get(stage, 0.0) for stage in STAGES}
    color_s = report.color_s
    figures = {
        "film": str(film),
        "compute": report.compute,
        "frames": report.frame_count,
        "network_sizes": report.network_sizes,
        "busy_ms_per_frame": {stage: seconds / report.frame_count * 1e3 for stage, seconds in busy.items()},
        "stage_cpu_ms_per_frame": {
            stage: report.stage_cpu_s.get(stage, 0.0) / report.frame_count * 1e3 for stage in STAGES
        },
        "cpu_ms_per_frame": cpu_s / report.frame_count * 1e3,
        "color_fps": report.frame_count / color_s,
        "end_to_end_fps": report.frame_count / report.wall_s,
        "overlap": color_s / max(busy.values()),
        "wall_s": report.wall_s,
        "network_256": network_alone(options),
    }
    if options.memory:
        short = peak_memory(film, options)
        long = peak_memory(lengthen(film, folder, 10), options)
        figures["peak_rss_mib"] = {"film": short, "ten_times": long, "ratio": long / short}
    return figures


def show(figures: dict[str, Any]) -> None:
    """The figures as a table."""
    print(f"{figures['film']}: {figures['frames']} frames, {figures['compute']}")
    print(f"{'stage':10} {'busy ms/frame':>14} {'own cpu ms':>11}")
    for stage in STAGES:
        own = figures["stage_cpu_ms_per_frame"][stage]
        print(f"{stage:10} {figures['busy_ms_per_frame'][stage]:14.2f} {own:11.2f}")
    print(f"coloring {figures['color_fps']:.1f} frames/s, overlap {figures['overlap']:.2f}")
    print(f"end to end {figures['end_to_end_fps']:.1f} frames/s (start, planning, muxing and checking included)")
    print(f"processor {figures['cpu_ms_per_frame']:.1f} ms a frame, all threads")
    for precision, row in figures["network_256"].items():
        print(f"network 256x256 {precision}: {row['cpu_ms']:.1f} ms processor, {row['wall_ms']:.1f} ms wall a frame")
    if "peak_rss_mib" in figures:
        rss = figures["peak_rss_mib"]
        ratio = f"ratio {rss['ratio']:.2f}"
        print(f"peak memory {rss['film']:.0f} MiB, ten times longer {rss['ten_times']:.0f} MiB, {ratio}")


def against_original(options: argparse.Namespace, folder: Path) -> None:
    """Measure and print the comparison with the original program."""
    from bench_original import Comparison, compare, show

    task = Comparison(
        model=options.model,
        weights=None if options.weights is None else Path(options.weights),
        device=options.device,
        render_factor=options.render_factor or 21,
        film_render_factor=options.film_render_factor,
        rounds=options.rounds,
    )
    report(compare(task, folder), show, options)


def gpu_table(options: argparse.Namespace, folder: Path) -> None:
    """Measure and print the frames per second on a GPU, with random weights where a DeOldify model has none."""
    import bench_gpu
    from bench_original import random_weights

    from videocolor.device import choose_device
    from videocolor.models.registry import load_card

    device, card = choose_device(options.device), load_card(options.model)
    if device.type != "cuda":
        sys.exit("--gpu-table needs a GPU of the type cuda.")
    weights = options.weights
    if weights is None and card.family == "deoldify":
        weights = str(random_weights(card, folder))
    report(bench_gpu.gpu_table(options.model, weights, device, options.peak_tflops), bench_gpu.show, options)


def film_figures(options: argparse.Namespace, folder: Path) -> None:
    """Measure and print the film."""
    film = options.film
    if film is None:
        from make_sample_film import write_film

        film = folder / "sample.mp4"
        write_film(film, seconds=options.seconds)
    if options.only_rss:
        color(film, folder, options)
        print(own_peak_kib())
        return
    report(measure(film, folder, options), show, options)


def report(figures: dict[str, Any], show: Callable[[dict[str, Any]], None], options: argparse.Namespace) -> None:
    """Print figures as JSON or by a function of their own."""
    if options.json:
        print(json.dumps(figures))
    else:
        show(figures)


def parsed_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("film", nargs="?", type=Path)
    parser.add_argument("--seconds", type=float, default=10, help="length of the film that is made")
    parser.add_argument("--codec", default="h264")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--model", help="default: compact; in the modes with DeOldify deoldify-video")
    parser.add_argument("--weights", help="weight file in place of the card's; none for DeOldify: random numbers")
    parser.add_argument("--render-factor", type=int)
    parser.add_argument("--smoothing", default="flow")
    parser.add_argument("--keyframes", type=lambda text: text if text == "auto" else int(text))
    parser.add_argument("--threads", type=int, help="of the network on a processor; default: all")
    parser.add_argument("--memory", action="store_true", help="also compare with a film ten times as long")
    parser.add_argument("--only-rss", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--against-original", action="store_true", help="DeOldify here against the original program")
    parser.add_argument("--film-render-factor", type=int, default=10, help="of the film, with --against-original")
    parser.add_argument("--rounds", type=int, default=3, help="of which the least counts, with --against-original")
    parser.add_argument("--gpu-table", action="store_true", help="frames per second by batch size and precision")
    parser.add_argument("--peak-tflops", type=float, help="the GPU's peak in half precision, with --gpu-table")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.model is None:
        options.model = "deoldify-video" if options.against_original or options.gpu_table else "compact"
    return options


def main() -> int:
    """Parse, measure, print."""
    options = parsed_options()
    # Before torch is imported: waiting and memory as on the command line (videocolor/cli/main.py). The original's way
    # in the same process gains from it, too, though its own program has neither.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    keep_freed_memory()
    if options.threads is not None:
        # torch.set_num_threads is not enough: threads that begin later would not know of it.
        os.environ["OMP_NUM_THREADS"] = str(options.threads)
    logging.basicConfig(level=logging.ERROR)
    run = against_original if options.against_original else gpu_table if options.gpu_table else film_figures
    from videocolor.errors import VideoColorError

    try:
        with tempfile.TemporaryDirectory(prefix="videocolor-bench-") as name:
            run(options, Path(name))
    except VideoColorError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
