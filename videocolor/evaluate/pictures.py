"""Scores of colored pictures whose true colors are known, and the meter that gathers them over a set."""

from collections import defaultdict
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from videocolor.evaluate.accuracy import AccuracyMeter, tolerance_accuracy
from videocolor.evaluate.chroma import chroma_of, chroma_ratio, near_gray_share
from videocolor.evaluate.ciede2000 import delta_e_and_chroma
from videocolor.evaluate.colorfulness import colorfulness, colorfulness_abs, mean_difference, set_difference
from videocolor.evaluate.fidelity import PSNR_CAP, psnr, psnr_ab, rmse_ab
from videocolor.evaluate.lab import Rgb, check_rgb, rgb_to_lab
from videocolor.evaluate.structure import WINDOW, ssim


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureScores:
    """Means over pictures (or frames): each figure is made per picture first, where its line says nothing else."""

    pictures: int
    """How many."""
    colorfulness: float
    """Hasler and Suesstrunk's CF of the results, signed axes."""
    colorfulness_abs: float
    """CF-abs, on absolute axes as in published tables."""
    truth_colorfulness: float
    truth_colorfulness_abs: float
    colorfulness_difference: float
    """dCF of the set: distance of the two mean CF."""
    colorfulness_difference_each: float
    """Mean over pictures of the distance of their CF."""
    psnr: float
    """Of R'G'B' in dB, peak 255; equal pictures count as 100 dB."""
    psnr_ab: float
    """Of a* and b* in dB, peak 255; equal pictures count as 100 dB."""
    rmse_ab: float
    """Root mean square distance in the ab plane."""
    ssim: float | None
    """11x11 Gaussian window, R'G'B'; None where a picture is smaller than the window."""
    delta_e_mean: float
    """CIEDE2000, mean over the pixels of a picture."""
    delta_e_median: float
    delta_e_p95: float
    delta_e_chroma: float
    """Mean CIEDE2000 with the truth's lightness in both."""
    accuracy_2: float
    """Share of pixels within 2 % of the ranges of L*, a* and b*."""
    accuracy_5: float
    auc: float
    """Raw accuracy: area under the curve of pixels within 0..150 ab, all pixels of the set pooled."""
    auc_balanced: float
    """The same with every bin of colors weighing the same, pooled."""
    chroma_ratio: float | None
    """Mean chroma of the results over that of the truths; None where the truths are gray."""
    near_gray_share: float
    """Share of the results' pixels with chroma below 4."""
    truth_near_gray_share: float


class PictureMeter:
    """Gathers `PictureScores` one pair at a time; memory does not grow but for a few numbers a picture."""

    def __init__(self) -> None:
        self._rows: defaultdict[str, list[float]] = defaultdict(list)
        self._accuracy = AccuracyMeter()

    def push(self, rgb: Rgb, truth: Rgb) -> None:
        """Add a pair.

        Args:
            rgb: (H, W, 3) uint8, the colored picture in sRGB.
            truth: The same size, the true colors.

        Raises:
            ValueError: The two differ in size, or are no 8-bit RGB pictures.
        """
        check_rgb(rgb)
        check_rgb(truth, rgb)
        lab, true_lab = rgb_to_lab(rgb), rgb_to_lab(truth)
        ab, true_ab = np.ascontiguousarray(lab[..., 1:]), np.ascontiguousarray(true_lab[..., 1:])
        chroma, true_chroma = chroma_of(ab), chroma_of(true_ab)
        difference, chroma_difference = delta_e_and_chroma(lab, true_lab)
        median, p95 = np.percentile(difference, (50, 95))
        row = {
            "colorfulness": colorfulness(rgb),
            "colorfulness_abs": colorfulness_abs(rgb),
            "truth_colorfulness": colorfulness(truth),
            "truth_colorfulness_abs": colorfulness_abs(truth),
            "psnr": min(psnr(rgb, truth), PSNR_CAP),
            "psnr_ab": min(psnr_ab(ab, true_ab), PSNR_CAP),
            "rmse_ab": rmse_ab(ab, true_ab),
            "delta_e_mean": float(difference.mean(dtype=np.float64)),
            "delta_e_median": float(median),
            "delta_e_p95": float(p95),
            "delta_e_chroma": float(chroma_difference.mean(dtype=np.float64)),
            "accuracy_2": tolerance_accuracy(lab, true_lab, percent=2),
            "accuracy_5": tolerance_accuracy(lab, true_lab, percent=5),
            "chroma": float(chroma.mean(dtype=np.float64)),
            "truth_chroma": float(true_chroma.mean(dtype=np.float64)),
            "near_gray_share": near_gray_share(chroma),
            "truth_near_gray_share": near_gray_share(true_chroma),
        }
        if min(rgb.shape[:2]) >= WINDOW:
            row["ssim"] = ssim(rgb, truth)
        for name, value in row.items():
            self._rows[name].append(value)
        self._accuracy.push(ab, true_ab)

    def finish(self) -> PictureScores:
        """The scores of all pairs so far.

        Raises:
            ValueError: There was none.
        """
        rows = dict(self._rows)
        if not rows:
            raise ValueError("there is no picture to score")
        similarities = rows.pop("ssim", [])
        pictures = len(rows["psnr"])
        means = {name: fmean(values) for name, values in rows.items()}
        chroma, truth_chroma = means.pop("chroma"), means.pop("truth_chroma")
        return PictureScores(
            **means,
            pictures=pictures,
            colorfulness_difference=set_difference(rows["colorfulness"], rows["truth_colorfulness"]),
            colorfulness_difference_each=mean_difference(rows["colorfulness"], rows["truth_colorfulness"]),
            ssim=fmean(similarities) if len(similarities) == pictures else None,
            auc=self._accuracy.raw,
            auc_balanced=self._accuracy.balanced,
            chroma_ratio=chroma_ratio(chroma, truth_chroma),
        )
