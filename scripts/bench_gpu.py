"""Frames per second of a network on a GPU, by render factor, precision and batch size (bench.py --gpu-table)."""

import time
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from videocolor.core.frames import LumaBatch, ShotContext
from videocolor.core.shots import Shot
from videocolor.models.adapter import DeviceColorizer
from videocolor.models.loader import load_colorizer

RENDER_FACTORS = (10, 21, 35)
PRECISIONS = ("float32", "bfloat16", "float16")
BATCH_SIZES = (1, 2, 4, 8, 16, 32)
SECONDS = 2.0
"""How long each cell is measured at least, after two runs that warm up."""


def gpu_table(model: str, weights: str | None, device: torch.device, peak_tflops: float | None) -> dict[str, Any]:
    """Frames per second by "render factor, precision" and batch size.

    Args:
        model: Name in the registry.
        weights: Weight file in place of the card's.
        device: Of the type cuda.
        peak_tflops: The GPU's peak in half precision, for the share of it that is reached there; None: no shares.
    """
    rows = []
    for precision in PRECISIONS:
        colorizer = load_colorizer(model, weights=weights, device=str(device), precision=precision)
        for factor in RENDER_FACTORS:
            rates = _rates(colorizer, 16 * factor)
            row = {"render_factor": factor, "precision": precision, "frames_per_s": rates}
            if peak_tflops is not None and precision != "float32":
                best = max(rates.values(), default=0.0)
                row["share_of_peak"] = best * _operations(colorizer, 16 * factor) / (peak_tflops * 1e12)
            rows.append(row)
    return {"model": model, "device": torch.cuda.get_device_name(device), "torch": torch.__version__, "rows": rows}


def _rates(colorizer: DeviceColorizer, side: int) -> dict[int, float]:
    """Frames per second by batch size, up to the largest that surely fits."""
    device = colorizer.compute.device
    memory = torch.cuda.get_device_properties(device).total_memory
    rates = {}
    torch.cuda.empty_cache()
    for size in BATCH_SIZES:
        torch.cuda.reset_peak_memory_stats(device)
        rates[size] = size / _seconds(colorizer, _batch(size, side, device))
        # A batch that does not fit would be measured in halves.
        if 2.2 * torch.cuda.max_memory_reserved(device) > memory:
            break
    return rates


def _seconds(colorizer: DeviceColorizer, batch: LumaBatch) -> float:
    """Mean wall seconds of a batch, transfers not counted."""
    device = colorizer.compute.device
    for _ in range(2):
        colorizer.predict(batch)
    torch.cuda.synchronize(device)
    begin, runs = time.perf_counter(), 0
    while time.perf_counter() - begin < SECONDS:
        colorizer.predict(batch)
        torch.cuda.synchronize(device)
        runs += 1
    return (time.perf_counter() - begin) / runs


def _batch(size: int, side: int, device: torch.device) -> LumaBatch:
    shot = Shot(index=0, start_pts=0, end_pts=size, frame_count=size, cause="start")
    lightness = torch.rand(size, 1, side, side, device=device) * 100
    return LumaBatch(lightness=lightness, pts=tuple(range(size)), context=ShotContext(shot=shot, seed=0))


def _operations(colorizer: DeviceColorizer, side: int) -> int:
    """Floating-point operations of a frame: two a multiply-add."""
    with FlopCounterMode(display=False) as counter:
        colorizer.predict(_batch(1, side, colorizer.compute.device))
    return counter.get_total_flops()


def show(table: dict[str, Any]) -> None:
    """Print the table."""
    print(f"{table['model']}, {table['device']}, torch {table['torch']}: frames per second by batch size")
    print(f"{'render factor':>13} {'precision':>10}" + "".join(f"{size:8}" for size in BATCH_SIZES))
    for row in table["rows"]:
        rates = [row["frames_per_s"].get(size) for size in BATCH_SIZES]
        cells = "".join(f"{'-':>8}" if rate is None else f"{rate:8.1f}" for rate in rates)
        share = f"   {row['share_of_peak']:.0%} of peak" if "share_of_peak" in row else ""
        print(f"{row['render_factor']:13} {row['precision']:>10}{cells}{share}")
