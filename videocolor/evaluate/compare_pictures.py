"""A set of pictures against the true ones: matched by name, read one pair at a time, twice (the mean color first)."""

from pathlib import Path

import numpy as np

from videocolor.core.frames import Plane
from videocolor.errors import MediaError, SettingsError
from videocolor.evaluate.comparison import Baselines, Comparison, NamedScores
from videocolor.evaluate.lab import Rgb, rgb_to_lab, with_ab
from videocolor.evaluate.pictures import PictureMeter
from videocolor.files import files_below
from videocolor.media.still import load_rgb_still, load_still
from videocolor.media.still_probe import is_still
from videocolor.progress import Progress

_NAMED = 3


def compare_pictures(truth: Path, result: Path, *, progress: Progress) -> Comparison:
    """Score one picture.

    Raises:
        MediaError: One of them cannot be read, or their sizes differ.
    """
    return _compare(truth, result, [(result.name, truth, result)], (), progress)


def compare_folders(truth: Path, result: Path, *, progress: Progress) -> Comparison:
    """Score every picture below a folder, matched by its path below it without the suffix; other files are ignored.

    Raises:
        MediaError: A true picture has no result, one cannot be read, or sizes differ.
        SettingsError: Two pictures of a folder share a name.
    """
    truths, results = _pictures_below(truth), _pictures_below(result)
    if not truths:
        raise MediaError(f"{truth} holds no pictures.", "Check the folder; films are compared one by one.")
    missing = sorted(truths.keys() - results.keys())
    if missing:
        raise MediaError(
            f"{result} lacks {len(missing)} of the {len(truths)} pictures of {truth}: {_some(missing)}.",
            "Color them, too, or take them out of the truth.",
        )
    more = sorted(results.keys() - truths.keys())
    notes = (f"Pictures of the result without a truth are left out ({len(more)}): {_some(more)}.",) if more else ()
    pairs = [(name, truths[name], results[name]) for name in sorted(truths)]
    return _compare(truth, result, pairs, notes, progress)


def _compare(
    truth: Path, result: Path, pairs: list[tuple[str, Path, Path]], notes: tuple[str, ...], progress: Progress
) -> Comparison:
    progress.start("measure", total=2 * len(pairs))
    mean_ab = _mean_ab([path for _, path, _ in pairs], progress)
    whole, gray, flat = PictureMeter(), PictureMeter(), PictureMeter()
    rows = []
    for name, true_path, result_path in pairs:
        true_rgb, rgb = read_rgb(true_path), read_rgb(result_path)
        if true_rgb.shape != rgb.shape:
            sizes = [f"{picture.shape[1]}x{picture.shape[0]}" for picture in (true_rgb, rgb)]
            raise MediaError(
                f"{true_path} is {sizes[0]} and {result_path} {sizes[1]}.", "Scale one to the other's size first."
            )
        own = PictureMeter()
        for meter in (own, whole):
            meter.push(rgb, true_rgb)
        gray.push(with_ab(true_rgb, (0, 0)), true_rgb)
        flat.push(with_ab(true_rgb, mean_ab), true_rgb)
        rows.append(NamedScores(name=name, height=rgb.shape[0], width=rgb.shape[1], scores=own.finish()))
        progress.advance(None)
    progress.finish()
    sizes_found = {(row.height, row.width) for row in rows}
    return Comparison(
        truth=str(truth),
        result=str(result),
        kind="pictures",
        frame_count=len(rows),
        size=sizes_found.pop() if len(sizes_found) == 1 else None,
        scores=whole.finish(),
        baselines=Baselines(gray=gray.finish(), mean_color=flat.finish(), mean_ab=mean_ab),
        clip=None,
        pictures=tuple(rows),
        notes=notes,
    )


def read_rgb(path: Path) -> Rgb:
    """A picture as stored, in 8 bits: no orientation, no color management, no alpha.

    Returns:
        (H, W, 3) uint8.

    Raises:
        MediaError: See `read_still`.
    """
    still = load_still(path)
    if still.keep.mode.startswith(("1", "L", "I")) and still.keep.mode != "LAB":
        # Pillow would clip deep gray instead of scaling it.
        return np.ascontiguousarray(np.repeat(_in_8_bits(still.frame.y)[..., None], 3, axis=2))
    return load_rgb_still(path)[0]


def _in_8_bits(y: Plane) -> Plane:
    return y if y.dtype == np.uint8 else ((y.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)


def _mean_ab(paths: list[Path], progress: Progress) -> tuple[float, float]:
    """Mean over pictures of their mean a* and b*."""
    total = np.zeros(2)
    for path in paths:
        total += rgb_to_lab(read_rgb(path))[..., 1:].mean(axis=(0, 1), dtype=np.float64)
        progress.advance(None)
    a, b = total / len(paths)
    return float(a), float(b)


def _pictures_below(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in files_below(folder):
        if not is_still(path):
            continue
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in found:
            raise SettingsError(f"{found[name]} and {path} have the same name.", "Keep one of them in the folder.")
        found[name] = path
    return found


def _some(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
