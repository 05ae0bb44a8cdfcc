"""DeOldify's networks in this program against the original program's way, in one run (bench.py --against-original).

Everything alternates, A B A B, and of several rounds the least counts, because machines are shared. All variants read
one weight file. Ratios are the original's time over the variant's. "cores" is processor time over wall time: where it
differs between rows, other programs were in the way, and only the ratio of processor times counts. The original's way
runs in the same process and so gains from this program's settings of memory and threads: its own program has neither.
"""

import os
import resource
import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import av
import torch
from make_sample_film import gray_portrait, write_film
from original_path import color_film_as_original, load_original, original_network, save_checkpoint
from torch import Tensor, nn

from videocolor.color.lab import gray_to_lightness
from videocolor.core.cards import ModelCard
from videocolor.device import Compute, choose_device
from videocolor.errors import SettingsError
from videocolor.models.adapter import NetworkColorizer
from videocolor.models.loader import load_colorizer
from videocolor.models.registry import load_card
from videocolor.models.stored_model import build_network, read_model
from videocolor.pipeline.film import RunOptions, colorize_film
from videocolor.progress import NoProgress
from videocolor.settings import RunSettings
from videocolor.verification.after_run import check_muxed

T = TypeVar("T")

ORIGINAL, OURS = "original", "videocolor"
FILM_SECONDS, FILM_HEIGHT = 1.0, 360
"""24 frames of 640 x 360."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What is compared, and how often."""

    model: str
    """A model of the family deoldify."""
    weights: Path | None
    """In DeOldify's published form; None: random numbers of the same form."""
    device: str
    render_factor: int
    """Of the network alone."""
    film_render_factor: int
    rounds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one run; processor seconds are of all threads and of the programs that were called."""

    wall_s: float
    cpu_s: float

    def least(self, other: "Cost | None") -> "Cost":
        """The smaller of each."""
        if other is None:
            return self
        return Cost(wall_s=min(self.wall_s, other.wall_s), cpu_s=min(self.cpu_s, other.cpu_s))


def clocked(run: Callable[[], T]) -> tuple[T, Cost]:
    """What a call returns, and its cost."""
    wall, cpu = time.perf_counter(), _processor_seconds()
    value = run()
    return value, Cost(wall_s=time.perf_counter() - wall, cpu_s=_processor_seconds() - cpu)


def _processor_seconds() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def compare(task: Comparison, folder: Path) -> dict[str, Any]:
    """All figures.

    Args:
        task: What is compared.
        folder: Takes the weights, the films and the original's frames.

    Raises:
        SettingsError: The model is not of the family deoldify.
    """
    device = choose_device(task.device)
    card = load_card(task.model)
    if card.family != "deoldify":
        raise SettingsError(f"{task.model} has no original program here.", "Choose a model of the family deoldify.")
    load_before = os.getloadavg()
    weights = task.weights or random_weights(card, folder)
    figures = {
        "model": task.model,
        "weights": "random" if task.weights is None else str(task.weights),
        "device": Compute(device=device, dtype=torch.float32).label,
        "torch": torch.__version__,
        "rounds": task.rounds,
        "network": {
            "render_factor": task.render_factor,
            "rows": network_rows(weights, card, device, 16 * task.render_factor, task.rounds),
        },
        "film": {"render_factor": task.film_render_factor, "rows": film_rows(task, weights, device, folder)},
    }
    return figures | {"load_average": {"before": load_before, "after": os.getloadavg()}}


def random_weights(card: ModelCard, folder: Path) -> Path:
    """A weight file with random numbers in the published form."""
    path = folder / "random.pth"
    save_checkpoint(original_network(card.hyper, seed=0), path)
    return path


def network_rows(
    weights: Path, card: ModelCard, device: torch.device, side: int, rounds: int
) -> dict[str, dict[str, float]]:
    """Cost of one square through the network by variant, and the largest difference from the original's answer."""
    folded = build_network(read_model(weights))
    x = _portrait(folded, side)
    runs = _network_runs(load_original(weights), folded, card, device)
    with torch.inference_mode():
        # Warm-up: packed weights are made at the first run.
        answers = {name: run(x) for name, run in runs.items()}
        least: dict[str, Cost] = {}
        for _ in range(rounds):
            for name, run in runs.items():
                least[name] = clocked(lambda run=run: run(x))[1].least(least.get(name))
    rows = _with_ratios(least)
    for name, answer in answers.items():
        rows[name]["difference"] = float((answer - answers[ORIGINAL]).abs().max())
    return rows


def _network_runs(
    original: nn.Module, folded: nn.Module, card: ModelCard, device: torch.device
) -> dict[str, Callable[[Tensor], Tensor]]:
    """Functions from the network's input to its answer, both on the CPU."""
    original, folded = original.to(device), folded.to(device)
    last = deepcopy(folded).to(memory_format=torch.channels_last)

    def ours(dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
        # A copy, because weights are cast and packed in place.
        return NetworkColorizer(deepcopy(folded), card, Compute(device=device, dtype=dtype)).run_network

    return {
        ORIGINAL: lambda x: original(x.to(device)).cpu(),
        "folded": lambda x: folded(x.to(device)).cpu(),
        "folded, channels last": lambda x: last(x.to(device, memory_format=torch.channels_last)).cpu(),
        f"{OURS} float32": ours(torch.float32),
        f"{OURS} bfloat16": ours(torch.bfloat16),
    }


def _portrait(network: nn.Module, side: int) -> Tensor:
    """What the network sees of a portrait stretched to a square."""
    gray = torch.from_numpy(gray_portrait())[None, None]
    gray = nn.functional.interpolate(gray, (side, side), mode="bilinear", antialias=True)
    return network.to_input(gray_to_lightness(gray.clamp(0, 1)))


def film_rows(task: Comparison, weights: Path, device: torch.device, folder: Path) -> dict[str, dict[str, Any]]:
    """Cost of a whole film, from the source to the file with sound, and of loading the network before."""
    film = folder / "film.mp4"
    write_film(film, seconds=FILM_SECONDS, height=FILM_HEIGHT)
    least: dict[str, Cost] = {}
    loading: dict[str, Cost] = {}
    facts: dict[str, dict[str, Any]] = {}
    for number in range(task.rounds):
        place = folder / f"{number}"
        place.mkdir()
        for name, color in ((ORIGINAL, _color_as_original), (OURS, _color_as_ours)):
            load, cost, facts[name] = color(task, weights, device, film, place)
            loading[name], least[name] = load.least(loading.get(name)), cost.least(least.get(name))
    rows = _with_ratios(least)
    for name, row in rows.items():
        row |= {"load_wall_s": loading[name].wall_s, "load_cpu_s": loading[name].cpu_s, **facts[name]}
        row["seconds_per_frame"] = row["wall_s"] / row["frames"]
    return rows


def _color_as_original(
    task: Comparison, weights: Path, device: torch.device, film: Path, folder: Path
) -> tuple[Cost, Cost, dict[str, Any]]:
    """Cost of loading and of coloring, and what was made."""
    network, load = clocked(lambda: load_original(weights).to(device))

    def run(x: Tensor) -> Tensor:
        return network(x.to(device)).cpu()

    def color() -> Path:
        with torch.no_grad():
            return color_film_as_original(film, folder, run, task.film_render_factor)

    result, cost = clocked(color)
    return load, cost, {"compute": Compute(device=device, dtype=torch.float32).label, "frames": _frame_count(result)}


def _color_as_ours(
    task: Comparison, weights: Path, device: torch.device, film: Path, folder: Path
) -> tuple[Cost, Cost, dict[str, Any]]:
    """The same by this program with its defaults; choosing the number format is part of loading."""
    settings = RunSettings(
        model=task.model,
        weights=str(weights),
        device=str(device),
        render_factor=task.film_render_factor,
        # The original has no such thing.
        smoothing="none",
    )
    colorizer, load = clocked(lambda: load_colorizer(task.model, weights=str(weights), device=str(device)))
    target = folder / "ours.mp4"
    report, cost = clocked(
        lambda: colorize_film(
            film,
            target,
            settings,
            RunOptions(),
            progress=NoProgress(),
            check_result=check_muxed,
            colorizer=colorizer,
        )
    )
    side = 16 * task.film_render_factor
    assert report.network_sizes == ((side, side),), "both sides must see the same square"
    facts = {"compute": report.compute, "frames": _frame_count(target), "stage_busy_s": report.stage_busy_s}
    return load, cost, facts


def _frame_count(film: Path) -> int:
    with av.open(f"file:{film}") as container:
        return sum(1 for _ in container.decode(video=0))


def _with_ratios(least: Mapping[str, Cost]) -> dict[str, dict[str, Any]]:
    base = least[ORIGINAL]
    return {
        name: {
            "wall_s": cost.wall_s,
            "wall_ratio": base.wall_s / cost.wall_s,
            "cpu_s": cost.cpu_s,
            "cpu_ratio": base.cpu_s / cost.cpu_s,
        }
        for name, cost in least.items()
    }


def show(figures: dict[str, Any]) -> None:
    """The figures as two tables."""
    network, film = figures["network"], figures["film"]
    load = figures["load_average"]
    print(f"{figures['model']}, {figures['weights']} weights, {figures['device']}, torch {figures['torch']}")
    print(f"least of {figures['rounds']} rounds; load average {load['before'][0]:.1f} to {load['after'][0]:.1f}")
    head = f"{'wall s':>9} {'ratio':>6} {'cpu s':>9} {'ratio':>6} {'cores':>5}"
    title = f"network, render factor {network['render_factor']}, a frame"
    print(f"\n{title:36} {head} {'difference':>11}")
    for name, row in network["rows"].items():
        print(f"{name:36} {_row(row)} {row['difference']:11.1e}")
    title = f"film, render factor {film['render_factor']}"
    print(f"\n{title:36} {head} {'s/frame':>9} {'load s':>7}")
    for name, row in film["rows"].items():
        label = f"{name}: {row['frames']} frames, {row['compute'].rpartition(' ')[2]}"
        print(f"{label:36} {_row(row)} {row['seconds_per_frame']:9.3f} {row['load_wall_s']:7.1f}")
    original, ours = film["rows"][ORIGINAL], film["rows"][OURS]
    whole = [row["wall_s"] + row["load_wall_s"] for row in (original, ours)]
    print(f"loading included: {whole[0]:.1f} s to {whole[1]:.1f} s, ratio {whole[0] / whole[1]:.2f}")


def _row(row: Mapping[str, float]) -> str:
    cores = row["cpu_s"] / row["wall_s"]
    return f"{row['wall_s']:9.3f} {row['wall_ratio']:6.2f} {row['cpu_s']:9.3f} {row['cpu_ratio']:6.2f} {cores:5.2f}"
