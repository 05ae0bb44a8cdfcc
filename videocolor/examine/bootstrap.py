"""Two examinations beside each other: the difference picture by picture, with an interval, and lines that turned.

One picture's PSNR differs between two models by 2 dB (standard deviation), so that means of different pictures say
little; pairs of the same pictures, drawn again and again, say how sure a difference is.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from videocolor.errors import MediaNotFound, SettingsError
from videocolor.examine.views import LEAST_OF_A_GROUP

DRAWS = 10_000
_TESTED = ("held", "failed")
_NOT_TOLD = "unknown"
_INTERVAL = (2.5, 97.5)
_FEWEST = 2
# In dB: threads and number formats alone may move all pictures by a little less.
_NOTHING = 0.005
# Drawn numbers in memory at a time: 32 MB.
_BLOCK = 1 << 22

_SETTINGS = {
    "render_factor": "render factor",
    "precision": "number format",
    "few": "few",
    "smoothing": "smoothing",
    "smoothing_strength": "smoothing strength",
}
"""Those by which figures change, with their names for people."""

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Mean difference of PSNR at the matched gain over pairs of pictures, new minus old, in dB."""

    photos: int
    mean: float
    low: float
    """Lower end of the 95 % interval of the paired bootstrap."""
    high: float

    @property
    def is_worse(self) -> bool:
        """Whether the whole interval lies below 0, by more than rounding, on enough pictures to say so."""
        return self.high < -_NOTHING and self.photos >= LEAST_OF_A_GROUP


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """A result against an older one."""

    model: str
    """Of the older."""
    sha256: str | None
    overall: Difference | None
    """None where they share fewer than two scored photographs."""
    groups: dict[str, Difference]
    newly_failed: tuple[int, ...]
    """Numbers of lines that the older result held."""
    newly_held: tuple[int, ...]
    no_longer_tested: tuple[int, ...]
    """Numbers of lines that the older result held, and that are not tested or were not run."""
    no_longer_scored: tuple[str, ...]
    """Names of photographs that have no PSNR, but had one: the answers are too gray, or no numbers."""
    common_photos: int
    """How many photographs are in both, with a PSNR or without."""
    common_lines: int
    """How many lines were tested in both."""
    other_settings: tuple[str, ...]
    """A phrase for each setting, the clips among them, that is not the older result's."""

    @property
    def is_worse(self) -> bool | None:
        """Worse overall or in a group, a line that was held has failed, or a photograph has lost its score.

        None: nothing of this was found, but photographs or lines were not compared, for the results share none.
        """
        found = (self.overall, *self.groups.values())
        if self.newly_failed or self.no_longer_scored or any(item is not None and item.is_worse for item in found):
            return True
        return False if self.common_photos and self.common_lines else None

    def to_json(self) -> dict[str, Any]:
        """Plain data: the fields, `is_worse` here and at every difference."""
        values = asdict(self) | {"is_worse": self.is_worse}
        for key, difference in self.groups.items():
            values["groups"][key]["is_worse"] = difference.is_worse
        if self.overall is not None:
            values["overall"]["is_worse"] = self.overall.is_worse
        return values


def compare_results(new: Mapping[str, Any], old: Mapping[str, Any], *, draws: int = DRAWS, seed: int = 0) -> Against:
    """Compare two results over the photographs that both have.

    Args:
        new: `ExamResult.to_json` of the one in question.
        old: Of the one that it is held against.
        draws: Of the bootstrap.
        seed: Of the draws: equal inputs give equal intervals.

    Raises:
        SettingsError: They were made at different picture sizes.
    """
    sides = [result["settings"]["side"] for result in (new, old)]
    if sides[0] != sides[1]:
        raise SettingsError(
            f"The older result is of photographs of {sides[1]} pixels, this one of {sides[0]}.", "Make the older again."
        )
    photos, old_photos, rows, old_rows = _photos(new), _photos(old), _scored(new), _scored(old)
    common = [key for key in rows if key in old_rows]
    gains = np.array([rows[key]["psnr"] - old_rows[key]["psnr"] for key in common])
    groups = {
        group: np.array([rows[key]["group"] == group for key in common])
        for group in dict.fromkeys(rows[key]["group"] for key in common)
        if group is not None
    }
    verdicts, old_verdicts = _verdicts(new), _verdicts(old)
    turned = {number: (old_verdicts.get(number), verdict) for number, verdict in verdicts.items()}
    return Against(
        model=old["model"],
        sha256=old["sha256"],
        overall=_difference(gains, draws, seed) if len(gains) >= _FEWEST else None,
        groups={
            group: _difference(gains[members], draws, seed)
            for group, members in sorted(groups.items())
            if members.sum() >= _FEWEST
        },
        newly_failed=tuple(number for number, turn in turned.items() if turn == ("held", "failed")),
        newly_held=tuple(number for number, turn in turned.items() if turn == ("failed", "held")),
        no_longer_tested=tuple(
            number
            for number, verdict in old_verdicts.items()
            if verdict == "held" and verdicts.get(number) not in _TESTED
        ),
        no_longer_scored=tuple(photos[key]["name"] for key in old_rows if key in photos and key not in rows),
        common_photos=len(photos.keys() & old_photos.keys()),
        common_lines=sum(all(verdict in _TESTED for verdict in turn) for turn in turned.values()),
        other_settings=_other_settings(new, old),
    )


def paired_interval(differences: _Floats, *, draws: int = DRAWS, seed: int = 0) -> tuple[float, float]:
    """Percentile bootstrap of a mean (Efron 1979), 95 %.

    Args:
        differences: (N,) of pairs, one at least.
        draws: How often N of them are drawn with replacement.
        seed: Of the draws.
    """
    rng = np.random.default_rng(seed)
    count = len(differences)
    rows = max(1, _BLOCK // count)
    means = np.concatenate(
        [
            differences[rng.integers(count, size=(min(rows, draws - start), count))].mean(axis=1)
            for start in range(0, draws, rows)
        ]
    )
    low, high = np.percentile(means, _INTERVAL)
    return float(low), float(high)


def read_results(path: Path, known_format: int) -> list[dict[str, Any]]:
    """The results in a file that `videocolor examine --json` wrote: one, or those of several models.

    Raises:
        MediaNotFound: There is no such file.
        SettingsError: It holds something else.
    """
    if not path.exists():
        raise MediaNotFound(f"{path} does not exist.", "Check the name.")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        results: list[dict[str, Any]] = values.get("results", [values])
        formats = {result["format"] for result in results}
        for result in results:
            # What a comparison reads.
            _scored(result), _verdicts(result), result["model"], result["sha256"], result["settings"]["side"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(
            f"{path} is no result of an examination.", "Write one with: videocolor examine MODEL PHOTOS --json > FILE"
        ) from error
    if not results:
        raise SettingsError(
            f"{path} holds no results: no model was examined.", "Examine a model whose weights are here."
        )
    if formats != {known_format}:
        raise SettingsError(f"{path} was written by another version of videocolor.", "Examine that model again.")
    return results


def _difference(gains: _Floats, draws: int, seed: int) -> Difference:
    low, high = paired_interval(gains, draws=draws, seed=seed)
    return Difference(photos=len(gains), mean=float(gains.mean()), low=low, high=high)


def _photos(result: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Photographs by the hash of their files."""
    photos: Sequence[Mapping[str, Any]] = (result["ranking"] or {"photos": ()})["photos"]
    return {photo["sha256"]: photo for photo in photos}


def _scored(result: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Those with a PSNR; a gray answer has none."""
    return {
        key: photo for key, photo in _photos(result).items() if photo["psnr"] is not None and isfinite(photo["psnr"])
    }


def _verdicts(result: Mapping[str, Any]) -> dict[int, str]:
    return {line["number"]: line["verdict"] for line in result["lines"]}


def _other_settings(new: Mapping[str, Any], old: Mapping[str, Any]) -> tuple[str, ...]:
    pairs = {
        name: tuple(result["settings"].get(key, _NOT_TOLD) for result in (new, old)) for key, name in _SETTINGS.items()
    }
    pairs["clips"] = tuple(sorted(result.get("clips", ())) for result in (new, old))
    return tuple(
        f"{name} {_words(value)}, in the older result {_words(older)}"
        for name, (value, older) in pairs.items()
        if value != older
    )


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return "the model's own" if value is None else str(value)
