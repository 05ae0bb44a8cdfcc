"""A model's data sheet. What differs between models stands here, so that the pipeline has no `if name == ...`."""

from dataclasses import dataclass, field
from math import sqrt
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeRule:
    """Which picture sizes a network takes."""

    multiple_of: int
    """Height and width must be multiples of this."""
    minimum: int
    """Smallest side, in pixels."""
    square: bool
    """True: the picture is stretched to a square (DeOldify); False: its aspect is kept."""
    default_side: int
    """Side of a square input of the area that suits the model."""
    still_side: int | None = None
    """The same for stills; None: as for films."""
    rim: int = 0
    """Reflected pixels added on each side and cut off again; they count into the area."""

    def side(self, render_factor: int | None, *, is_still: bool) -> int:
        """Side in pixels of a square input of the wanted area; without a render factor the default of film or still."""
        if render_factor is not None:
            return 16 * render_factor
        return self.still_side if is_still and self.still_side is not None else self.default_side

    def network_size(self, height: int, width: int, side: int) -> tuple[int, int]:
        """Size of the network's input, rim included, for a picture of `height` x `width`.

        Args:
            height: Picture height in pixels, as displayed (sample aspect applied).
            width: Picture width in pixels.
            side: Side of a square of the wanted area; 16 x the render factor.

        Returns:
            Height and width: multiples of `multiple_of`, area near side².
        """
        step = self.multiple_of
        if self.square:
            squared = max(self.minimum, round(side / step) * step)
            return squared, squared

        def fit(length: float) -> int:
            return max(self.minimum, round(length / step) * step)

        # Very long pictures: never more than four to one, or the short side loses all detail.
        aspect = min(4.0, max(0.25, width / height))
        return fit(side / sqrt(aspect)), fit(side * sqrt(aspect))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """What is known about a model; the weight file's own header wins over the card's prose."""

    name: str
    family: str
    """Module in `videocolor/models` that builds the network."""
    summary: str
    weights_file: str | None
    """File in the package's weights folder, or None if the user supplies it."""
    sha256: str | None
    licence: str
    size_rule: SizeRule
    hyper: dict[str, Any] = field(default_factory=dict)
    """Arguments of the family's `build`."""
    precisions: tuple[str, ...] = ("float32",)
    """What the network stands: "float32", "bfloat16", "float16"."""
    is_sampled: bool = False
    needs: tuple[str, ...] = ()
    """Guides without which the model cannot run: "mask", "hints", "references", "boxes"."""
    parameters: int | None = None
    trained_on: str = ""
    recipe: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    limits: str = ""
