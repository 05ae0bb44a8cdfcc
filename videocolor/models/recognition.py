"""Which network a bare state dict belongs to. Every family is asked; what its keys look like is known there only."""

from collections.abc import Mapping
from typing import Any

from videocolor.errors import WeightsError
from videocolor.models.registry import FAMILIES, family_module

_SHOWN_KEYS = 3


def recognize(shapes: Mapping[str, tuple[int, ...]]) -> tuple[str, dict[str, Any]]:
    """Find the family and the hyper-parameters of a state dict.

    Args:
        shapes: Shape of each tensor by key.

    Returns:
        The family's name, and what its `build` takes.

    Raises:
        WeightsError: No family knows these keys, or one does but not this size.
    """
    asked = []
    for family in FAMILIES:
        # Families whose files always have our header need not recognize any.
        ask = getattr(family_module(family), "recognize", None)
        if ask is None:
            continue
        asked.append(family)
        try:
            hyper = ask(shapes)
        # Numbers within keys and lengths of shapes are read as published, and these may be anybody's.
        except (ValueError, IndexError) as error:
            raise WeightsError(
                f"The tensors are named as in {family}, but oddly: {error}.", "Use a file of published weights."
            ) from error
        if hyper is not None:
            return family, hyper
    shown = [*sorted(shapes)[:_SHOWN_KEYS], *(["..."] if len(shapes) > _SHOWN_KEYS else [])]
    raise WeightsError(
        f"{len(shapes)} tensors ({', '.join(shown) or 'none'}) are of no network that is known here.",
        f"Published weights of these families are recognized: {', '.join(asked)}.",
    )
