"""Lines 13 and 15: what steadying the colors costs, and that nothing of a shot reaches the next one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise

import numpy as np
import torch
from torch import Tensor

from videocolor.evaluate.warping import farneback_flow, warp
from videocolor.examine.colors import LEAST_MEAN_CHROMA, chroma, hue, nan_as_worst, worst_examples
from videocolor.examine.lines.frames import ShotAnswers, clip_answers, mean_true_chroma, shot_answers, too_gray
from videocolor.examine.sitting import Sitting
from videocolor.examine.steady import gray_frame
from videocolor.examine.verdict import Example, Figure, Outcome, not_tested
from videocolor.examine.views import Clip, Photo, View
from videocolor.pipeline.plan import small_gray
from videocolor.shots.registry import load_detector
from videocolor.shots.segments import build_shots

_LEAST_RATIO, _MOST_DRIFT = 0.9, 5.0
# A single frame has nothing to be smoothed with.
_LEAST_SMOOTHED = 2
_EXAMPLES = 6

_JOINS = 6
_FRAMES, _LEAST_FRAMES = 12, 6
# Frames that correlate so well once motion is made good are takes of one scene: nobody should find a cut there. Of 250
# joins of different films and photographs none reached .6; of parts of one shot the detector joins those above .7.
_ALIKE = 0.7
# Deviation in codes below which the detector may see a fade or a blank frame.
_BLANK = 10.0
_PAN_SHARE, _PAN_STEP = 0.75, 2


def line_13(sitting: Sitting) -> Outcome:
    """Chroma and hue of clips after the smoothing against before."""
    if sitting.settings.smoothing == "none":
        return not_tested("nothing is smoothed: the smoothing is none")
    changes, true_chroma = list[tuple[str, _Change]](), list[float | None]()
    examples: tuple[Example, ...] = ()
    for clip, answers in clip_answers(sitting):
        if len(clip.views) < _LEAST_SMOOTHED:
            continue
        true_chroma.append(mean_true_chroma(clip.views))
        changes.append((clip.name, _Change.of(answers)))
        examples = worst_examples([*examples, _paled(clip, answers)], _EXAMPLES)
    if not changes:
        return not_tested("no clip has two frames" if sitting.material.clips else "no clips")
    if too_gray(true_chroma):
        return not_tested("the clips have too little color themselves")
    whole = sum((change for _, change in changes), _Change())
    return Outcome(
        figures=(
            Figure(name="mean chroma before", value=whole.mean_chroma, low=LEAST_MEAN_CHROMA),
            Figure(name="chroma after over before", value=whole.ratio, low=_LEAST_RATIO),
            Figure(name="mean change of hue, degrees", value=whole.drift, high=_MOST_DRIFT),
        ),
        groups={
            name: {"mean chroma before": x.mean_chroma, "chroma after over before": x.ratio, "change of hue": x.drift}
            for name, x in changes
        },
        examples=examples,
    )


def line_15(sitting: Sitting) -> Outcome:
    """The first frame behind a cut against the same frame of a film that begins there."""
    joins = [_join(first, second, sitting) for first, second in islice(_pairs(sitting), _JOINS)]
    if not joins:
        return not_tested("neither two clips nor two photographs that differ")
    # In torch, where NaN is larger than any number.
    alone, smooth = torch.tensor([(join.alone, join.smoothed) for join in joins]).amax(dim=0).tolist()
    return Outcome(
        figures=(
            Figure(
                name="share of the cuts that were found", value=sum(x.is_found for x in joins) / len(joins), low=1.0
            ),
            Figure(
                name="largest difference of ab behind a cut from a fresh run, alone",
                value=alone,
                high=0.0,
            ),
            Figure(
                name="largest difference of ab behind a cut from a fresh run, smoothed",
                value=smooth,
                high=0.0,
            ),
            Figure(name="cuts", value=len(joins)),
        ),
        examples=worst_examples((join.example for join in joins), _EXAMPLES),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """What smoothing did to all pixels of some frames, added up."""

    pixels: int = 0
    before: float = 0.0
    after: float = 0.0
    colored: int = 0
    """Pixels that had a hue: chroma of 8 or more before."""
    turned: float = 0.0
    """Degrees, over those."""

    @classmethod
    def of(cls, answers: ShotAnswers) -> "_Change":
        before, after = chroma(answers.alone), chroma(answers.smoothed)
        is_colored = before >= LEAST_MEAN_CHROMA
        return cls(
            pixels=before.numel(),
            before=before.double().sum().item(),
            after=after.double().sum().item(),
            colored=int(is_colored.sum()),
            turned=_turn(answers)[is_colored].double().sum().item(),
        )

    def __add__(self, other: "_Change") -> "_Change":
        return _Change(
            pixels=self.pixels + other.pixels,
            before=self.before + other.before,
            after=self.after + other.after,
            colored=self.colored + other.colored,
            turned=self.turned + other.turned,
        )

    @property
    def mean_chroma(self) -> float | None:
        return self.before / self.pixels if self.pixels else None

    @property
    def ratio(self) -> float | None:
        return self.after / self.before if self.before else None

    @property
    def drift(self) -> float | None:
        return self.turned / self.colored if self.colored else None


def _turn(answers: ShotAnswers) -> Tensor:
    """(N, H, W), by how many degrees smoothing turned the hue; no sign, or turns to both sides would cancel."""
    turned = (hue(answers.smoothed) - hue(answers.alone)).abs()
    return turned.minimum(360 - turned)


def _paled(clip: Clip, answers: ShotAnswers) -> Example:
    """The frame that lost the most chroma, as it is after smoothing; bad is the lost share."""
    before, after = (chroma(ab).mean(dim=(1, 2)) for ab in (answers.alone, answers.smoothed))
    lost = 1 - after / before.clamp_min(1e-6)
    worst = int(lost.argmax())
    view = clip.views[worst]
    return Example(
        name=f"{clip.name}, frame {worst}, smoothed",
        badness=lost[worst].item(),
        lightness=view.lightness,
        ab=answers.smoothed[worst],
        truth=view.ab,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Join:
    """Two shots, one behind the other."""

    is_found: bool
    alone: float
    """Largest |difference| of a* or b* between the first frame of the second shot and a fresh run of that shot."""
    smoothed: float
    example: Example


def _join(first: Clip, second: Clip, sitting: Sitting) -> _Join:
    begins = len(first.views)
    # Before the joined run, so that what a colorizer remembers of the first shot cannot serve both.
    fresh = shot_answers(second.views, sitting)
    views = (*first.views, *second.views)
    for start, end in _found_shots(views):
        answers = shot_answers(views[start:end], sitting)
        if start <= begins < end:
            place = begins - start
            is_found = start == begins
            break
    alone = (answers.alone[place] - fresh.alone[0]).abs().max().item()
    smooth = (answers.smoothed[place] - fresh.smoothed[0]).abs().max().item()
    return _Join(
        is_found=is_found,
        alone=alone,
        smoothed=smooth,
        example=Example(
            name=f"{second.name} behind {first.name}",
            badness=max(nan_as_worst(alone), nan_as_worst(smooth)),
            lightness=views[begins].lightness,
            ab=answers.smoothed[place],
            truth=views[begins].ab,
        ),
    )


def _found_shots(views: Sequence[View]) -> list[tuple[int, int]]:
    """First and last + 1 frame of each shot that the default detector finds."""
    detector = load_detector()
    cuts = [
        cut for number, view in enumerate(views) for cut in detector.push(number, small_gray(gray_frame(view, number)))
    ]
    cuts += detector.finish()
    shots = build_shots(range(len(views)), cuts)
    return [(shot.start_pts, shot.start_pts + shot.frame_count) for shot in shots]


def _pairs(sitting: Sitting) -> Iterator[tuple[Clip, Clip]]:
    """Ends and beginnings of neighboring clips, or of pans over photographs, in one size."""
    shots = sitting.clips() if len(sitting.material.clips) > 1 else map(_pan, sitting.few)
    for first, second in pairwise(shots):
        height, width = (min(sizes) for sizes in zip(first.views[0].size, second.views[0].size, strict=True))
        before = tuple(_middle(view, height, width) for view in first.views[-_FRAMES:])
        behind = tuple(_middle(view, height, width) for view in second.views[:_FRAMES])
        if min(len(before), len(behind)) >= _LEAST_FRAMES and _differ(before[-1], behind[0]):
            yield replace(first, views=before), replace(second, views=behind)


def _differ(view: View, other: View) -> bool:
    """Whether there is a cut to find: not between takes of one scene, and not beside a blank frame."""
    gray, behind = (small_gray(gray_frame(x, 0)) for x in (view, other))
    if min(gray.std(), behind.std()) < _BLANK:
        return False
    moved = warp(behind[..., None].astype(np.float32), farneback_flow(gray, behind))
    return float(np.corrcoef(gray.ravel(), moved.ravel())[0, 1]) < _ALIKE


def _pan(photo: Photo) -> Clip:
    """A window that moves across a photograph."""
    view = replace(photo.view, is_still=False)
    side = max(1, round(_PAN_SHARE * view.size[1]))
    offsets = [min(_PAN_STEP * number, view.size[1] - side) for number in range(_FRAMES)]
    height = view.size[0]
    views = tuple(_cut_out(view, slice(0, height), slice(offset, offset + side)) for offset in offsets)
    return Clip(name=f"pan over {photo.name}", views=views)


def _middle(view: View, height: int, width: int) -> View:
    top, left = (view.size[0] - height) // 2, (view.size[1] - width) // 2
    return _cut_out(view, slice(top, top + height), slice(left, left + width))


def _cut_out(view: View, rows: slice, columns: slice) -> View:
    ab = None if view.ab is None else view.ab[:, rows, columns]
    return replace(view, lightness=view.lightness[:, rows, columns], ab=ab)
