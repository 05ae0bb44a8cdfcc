#!/usr/bin/env python3
"""Which way of enlarging ab is best: the true ab of photographs, reduced to network size and grown back.

    bench_upsample.py PHOTOS... [--grid 64] [--json]

For every photograph the true ab is averaged down to `grid` x `grid`, as a network's answer would be, then grown by
each method under the full-size luma. Printed are the error of ab against the truth over all pixels and over the
tenth with the steepest chroma edges, the share of the chroma kept, and the time.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from videocolor.color.lab import gray_to_lightness, rgb_to_lab
from videocolor.color.resample import enlarge, guided_coefficients, joint_bilateral

METHODS = ("bicubic", "joint-bilateral", "guided")


def grow(method: str, small: Tensor, guide_small: Tensor, guide: Tensor, size: tuple[int, int]) -> Tensor:
    """The ab at full size by one method."""
    if method == "guided":
        whole = enlarge(small, (guide_small.shape[2], guide_small.shape[3]), (1, 1), "center")
        slope, offset = guided_coefficients(whole, guide_small / 100)
        grown = enlarge(torch.cat([slope, offset], dim=1), size, (1, 1), "center")
        return grown[:, :2] * (guide / 100) + grown[:, 2:]
    grown = enlarge(small, size, (1, 1), "center")
    return joint_bilateral(grown, guide) if method == "joint-bilateral" else grown


def area(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Area average of (1, C, H, W)."""
    planes = x[0].permute(1, 2, 0).numpy()
    small = cv2.resize(planes, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(np.atleast_3d(small)).permute(2, 0, 1)[None].contiguous()


def measure(path: Path, grid: int) -> list[tuple[str, float, float, float, float]]:
    """Rows (method, error, edge error, kept chroma, seconds) of one photograph."""
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        return []
    rgb = torch.from_numpy(bgr[:, :, ::-1].astype(np.float32) / 255).permute(2, 0, 1)[None]
    _, truth = rgb_to_lab(rgb)
    luma = (rgb * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
    guide = gray_to_lightness(luma)
    size = (truth.shape[2], truth.shape[3])
    small, guide_small = area(truth, (grid, grid)), area(guide, (4 * grid, 4 * grid))
    steep = (truth - enlarge(small, size, (1, 1), "center")).norm(dim=1)
    edges = steep > steep.flatten().kthvalue(int(0.9 * steep.numel())).values
    rows = []
    for method in METHODS:
        begin = time.perf_counter()
        grown = grow(method, small, guide_small, guide, size)
        seconds = time.perf_counter() - begin
        error = (grown - truth).norm(dim=1)
        kept = float(grown.norm(dim=1).mean() / truth.norm(dim=1).mean())
        rows.append((method, float(error.mean()), float(error[edges].mean()), kept, seconds))
    return rows


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--grid", type=int, default=64, help="side of the network's answer")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    files = [file for path in options.photos for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
    table = {method: [] for method in METHODS}
    for file in files:
        for method, *numbers in measure(file, options.grid):
            table[method].append(numbers)
    means = {method: np.mean(rows, axis=0) for method, rows in table.items() if rows}
    if not means:
        print("no photographs", file=sys.stderr)
        return 1
    names = ("error_ab", "error_ab_edges", "chroma_kept", "seconds")
    result = {method: dict(zip(names, map(float, numbers), strict=True)) for method, numbers in means.items()}
    if options.json:
        print(json.dumps({"photographs": len(table[METHODS[0]]), "grid": options.grid, "methods": result}))
        return 0
    print(f"{len(table[METHODS[0]])} photographs, {options.grid} x {options.grid}")
    print(f"{'method':16} {'error ab':>9} {'at edges':>9} {'chroma':>7} {'ms':>7}")
    for method, row in result.items():
        error, edges, kept, seconds = row.values()
        print(f"{method:16} {error:9.3f} {edges:9.3f} {kept:7.3f} {seconds * 1e3:7.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
