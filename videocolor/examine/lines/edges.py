"""Lines 8 and 12: colors beside where they belong: over an object's edge, at the picture's rim, on black bars."""

from collections.abc import Sequence
from math import log

import torch
from torch import Tensor

from videocolor.examine.colors import chroma, worst_examples
from videocolor.examine.lines.frames import resized
from videocolor.examine.made_pictures import Disc, bar_rows, textured_disc, with_bars
from videocolor.examine.scenes import Scene, color_all, scenes_of
from videocolor.examine.sitting import Sitting
from videocolor.examine.subject import full_size
from videocolor.examine.verdict import Example, Figure, Outcome, not_tested
from videocolor.examine.views import indices_by_group

_LINES = (480, 1080)
_NEAR, _FAR = 3, 8
_REACHED = 0.8
# Of the picture's height: so far from the edge little of the other side is left.
_FAR_SHARE = 0.1
_LEAST_STEP = 2.0
"""Chroma below which the disc was not colored apart from its ground."""
_SHOWN = 48
"""Pixels on each side of the edge that an example shows: reduced to a thumbnail, the whole would look right."""

_OUTER, _NEXT = 0.03, 0.10
_BAR = 0.125
"""Height of a bar: a square becomes 4:3."""
_LEAST_CHROMA = 0.5
"""Mean chroma below which no rim is compared with anything."""
_CLEAR_CHROMA = 8.0
"""The same for examples: on such pictures a gray rim can be seen."""
_RIM = "chroma at the rim over that further in, relative to the truth's"
_MOST_EXAMPLES = 3


def line_8(sitting: Sitting) -> Outcome:
    """Energy of ab 3 to 8 pixels outside a disc over that inside, and how soon inside its color is reached.

    Once with the true colors at the size of the subject's answer, which tells what its size and the enlargement do;
    once with the answer itself, for information: nobody knows which color a disc should get.
    """
    barred, informal, examples = [], [], []
    for lines in _LINES:
        disc = textured_disc(lines, seed=sitting.settings.seed)
        small = sitting.subject.answer([disc.view])
        true = resized(disc.view, (small.shape[2], small.shape[3])).ab
        assert true is not None
        reduced, own = (full_size(ab, disc.view)[0] for ab in (true[None], small))
        leak, own_leak = _leak(reduced, disc), _own_leak(own, disc)
        # The bar of the distance is told for 480 lines: it grows with the picture.
        most = 4 if lines == _LINES[0] else None
        barred += [
            Figure(name=f"leak of true colors at {lines} lines", value=leak, high=0.15),
            Figure(name=f"pixels to 80 % of the step at {lines} lines", value=_reach(reduced, disc), high=most),
        ]
        informal.append(Figure(name=f"leak of the model's colors at {lines} lines", value=own_leak))
        examples += [
            _edge_example(f"edge at {lines} lines, true colors at the model's size", disc, reduced, leak),
            _edge_example(f"edge at {lines} lines, the model's colors", disc, own, own_leak or 0.0),
        ]
    return Outcome(figures=(*barred, *informal), examples=worst_examples(examples, len(examples)))


def line_12(sitting: Sitting) -> Outcome:
    """Chroma of the outer 3 % over that of the next 10 %, against the truth's ratio; chroma on black bars."""
    scenes = scenes_of(sitting.few, sitting.clips())
    if not scenes:
        return not_tested("needs photographs or clips")
    tints, tinted = _bars(sitting, scenes)
    if not sitting.photos:
        rims = Figure(name=_RIM, value=None, why_not_tested="needs photographs in color")
        return Outcome(figures=(rims, tints), examples=tinted)
    table, faded = _rims(sitting)
    groups = {group: {_RIM: _relative(table[members])} for group, members in indices_by_group(sitting.photos).items()}
    # Without color at the truth's own rim the ratio says nothing.
    why = "" if table[:, 2:].mean(dim=0).min() >= _LEAST_CHROMA else "the photographs have too little color themselves"
    rims = Figure(name=_RIM, value=None if why else _relative(table), low=0.8, high=1.25, why_not_tested=why)
    return Outcome(figures=(rims, tints), groups=groups, examples=faded + tinted)


def _leak(ab: Tensor, disc: Disc) -> float:
    energy = ab.square().sum(dim=0)
    outside, inside = (energy[(depth >= _NEAR) & (depth <= _FAR)].mean() for depth in (-disc.depth, disc.depth))
    return float(outside / inside)


def _own_leak(ab: Tensor, disc: Disc) -> float | None:
    """The same of colors over those of the distant ground; None where the disc was not colored apart from it."""
    far = _FAR_SHARE * disc.depth.shape[0]
    ground, color = (ab[:, place].mean(dim=1) for place in (disc.depth < -far, disc.depth > far))
    return _leak(ab - ground[:, None, None], disc) if (color - ground).norm() >= _LEAST_STEP else None


def _reach(ab: Tensor, disc: Disc) -> float | None:
    """Pixels from the edge inwards to where the mean around the disc reaches 80 % of its color; None: nowhere."""
    share = torch.einsum("chw,c->hw", ab, disc.color) / disc.color.square().sum()
    inside = disc.depth > -0.5
    depth = disc.depth[inside].round().long()
    profile = torch.bincount(depth, weights=share[inside]) / torch.bincount(depth)
    after = int((profile >= _REACHED).int().argmax())
    if profile[after] < _REACHED:
        return None
    if after == 0:
        return 0.0
    low, high = float(profile[after - 1]), float(profile[after])
    return after - (high - _REACHED) / (high - low)


def _edge_example(name: str, disc: Disc, ab: Tensor, badness: float) -> Example:
    height, width = disc.view.size
    edge = int(disc.depth[height // 2, : width // 2].abs().argmin())
    rows, columns = (slice(middle - _SHOWN, middle + _SHOWN) for middle in (height // 2, edge))
    truth = disc.view.ab
    assert truth is not None
    lightness, shown, truth = (planes[:, rows, columns] for planes in (disc.view.lightness, ab, truth))
    return Example(name=name, badness=badness, lightness=lightness, ab=shown, truth=truth)


def _rims(sitting: Sitting) -> tuple[Tensor, tuple[Example, ...]]:
    """(photos, 4) mean chroma of the outer and the next pixels, of the answers and in truth; and the worst pictures."""
    rows: list[Tensor] = []
    examples: tuple[Example, ...] = ()
    for index, photo in enumerate(sitting.photos):
        view, answer = photo.view, sitting.answer(index)
        assert view.ab is not None
        row = torch.stack([*_rim_chroma(answer), *_rim_chroma(view.ab)])
        rows.append(row)
        ratio = _relative(row[None]) if min(row[1], row[3]) >= _CLEAR_CHROMA else None
        if ratio is not None:
            badness = abs(log(max(ratio, 1e-3)))
            shown = Example(name=photo.name, badness=badness, lightness=view.lightness, ab=answer, truth=view.ab)
            examples = worst_examples([*examples, shown], _MOST_EXAMPLES)
    return torch.stack(rows), examples


def _rim_chroma(ab: Tensor) -> tuple[Tensor, Tensor]:
    """Mean chroma of the outer 3 % of each side, and of the next 10 %."""
    height, width = ab.shape[1:]
    rows, columns = torch.arange(height), torch.arange(width)
    down = torch.minimum(rows, height - 1 - rows) / height
    across = torch.minimum(columns, width - 1 - columns) / width
    edge = torch.minimum(down[:, None], across)
    strength = chroma(ab)
    return strength[edge < _OUTER].mean(), strength[(edge >= _OUTER) & (edge < _OUTER + _NEXT)].mean()


def _relative(table: Tensor) -> float | None:
    """The ratio at the rim over the truth's, of means over rows as `_rims` gives them."""
    outer, inner, true_outer, true_inner = table.mean(dim=0).tolist()
    if min(inner, true_outer, true_inner) < _LEAST_CHROMA:
        return None
    return float(outer / inner / (true_outer / true_inner))


def _bars(sitting: Sitting, scenes: Sequence[Scene]) -> tuple[Figure, tuple[Example, ...]]:
    """Chroma of the answers where the picture is pure black.

    A film's gamut leaves pure black no color whatever the answer; it shows where bars were scanned a little brighter.
    """
    views = [with_bars(scene.view, _BAR) for scene in scenes]
    means: list[float] = []
    examples: tuple[Example, ...] = ()
    for scene, view, ab in zip(scenes, views, color_all(sitting.colors, views), strict=True):
        # The half away from the picture: what enlarging carries over the edge is line 8's.
        rows = max(1, bar_rows(view, _BAR) // 2)
        means.append(float(chroma(torch.cat([ab[:, :rows], ab[:, -rows:]], dim=1)).mean()))
        name = f"{scene.name}, letterboxed"
        shown = Example(name=name, badness=means[-1], lightness=view.lightness, ab=ab, truth=view.ab)
        examples = worst_examples([*examples, shown], _MOST_EXAMPLES)
    return Figure(name="mean chroma on black bars", value=sum(means) / len(means), high=1), examples
