"""Results of examinations that never took place, with every kind of verdict, for whoever shows results."""

import torch

from videocolor.examine.exam import ExamResult
from videocolor.examine.ranking import Ranking, Scores, Standing
from videocolor.examine.verdict import Example, Figure, LineResult

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7 * 7 }}'


def made_example(name="000.webp", badness=1.0, *, size=(48, 64), has_truth=True):
    """A gray ramp, answered in red, with a blue truth."""
    lightness = torch.linspace(10, 90, size[1]).expand(1, *size)
    red, blue = (torch.tensor(ab)[:, None, None].expand(2, *size) for ab in ((30.0, 20.0), (5.0, -30.0)))
    return Example(name=name, badness=badness, lightness=lightness, ab=red, truth=blue if has_truth else None)


def made_lines(name="000.webp"):
    """One line failed, one held, one not tested, one with an undefined figure."""
    return (
        LineResult(
            number=1,
            title="flicker",
            figures=(
                Figure(name="sd of ab alone", value=1.62, high=1.0),
                Figure(name="sd of ab smoothed", value=0.31, high=0.4),
                Figure(name="mean chroma", value=14.2, low=8),
                Figure(name="warp_ab", value=2.5),
            ),
            groups={"people": {"sd": 1.9, "chroma": 12.0}, "nature": {"sd": None, "chroma": 16.0}},
            examples=tuple(made_example(f"{n} {name}", 9.5 - n) for n in range(7)),
        ),
        LineResult(
            number=12,
            title="gray rims, tinted bars",
            figures=(
                Figure(name="rim over inside", value=1.02, low=0.8, high=1.25),
                Figure(name="chroma of bars", value=None, why_not_tested="the clips have none"),
            ),
            examples=(made_example(has_truth=False),),
        ),
        LineResult(
            number=15,
            title="new shot takes the old one's colors",
            figures=(Figure(name="all", value=None, why_not_tested="there is no clip"),),
        ),
        LineResult(number=9, title="cast", figures=(Figure(name="r2", value=None, low=0.3),)),
    )


def made_scores(psnr, ratio=0.7):
    """Scores of one way of coloring."""
    return Scores(
        psnr=psnr, colorfulness_ratio=ratio, ab_error=9.0, false_color=0.028, false_color_of_neutral=0.13, holes=0.064
    )


def made_standing(photos=200, psnr=23.71):
    """A set of photographs; without `psnr` too gray to be matched."""
    return Standing(
        photos=photos,
        matched=None if psnr is None else made_scores(psnr),
        shipped=made_scores(23.6, 0.72),
        shuffled=None if psnr is None else made_scores(22.4),
        mean_color=made_scores(22.80, 0.2),
        gray=made_scores(22.65, 0.0),
    )


def made_ranking():
    """One group above the mean color, one below it and too small, one too gray."""
    groups = {"people": made_standing(60), "interiors": made_standing(12, 22.1), "nature": made_standing(40, None)}
    return Ranking(gain=1.07, overall=made_standing(), groups=groups, sources={"unseen": made_standing(42)}, photos=())


def made_result(**changes):
    """A whole result."""
    values = {
        "model": "compact",
        "sha256": "453aab20" * 8,
        "version": "0.1.0",
        "settings": {"few": 24, "smoothing": "flow", "seed": 0, "side": 256},
        "photos": 200,
        "clips": ("davis-camel.mp4",),
        "ranking": made_ranking(),
        "lines": made_lines(),
        "seconds": 512.0,
        "notes": ("Groups are those of the file index.csv.",),
    }
    return ExamResult(**(values | changes))
