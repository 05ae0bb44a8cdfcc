"""Hyper-parameters of a family from a header or card: plain values in, a checked dataclass out."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from videocolor.errors import WeightsError

Hyper = TypeVar("Hyper")


def read_hyper(kind: type[Hyper], family: str, hyper: Mapping[str, Any]) -> Hyper:
    """A family's hyper-parameters.

    Args:
        kind: Its dataclass, which checks the values.
        family: Its name, for messages.
        hyper: Fields of `kind`; missing ones take their defaults, lists of a file become tuples.

    Raises:
        WeightsError: A key is unknown, or a value is not possible.
    """
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(hyper) - known):
        raise WeightsError(
            f"The family {family} does not know {', '.join(unknown)}.",
            f"Known are {', '.join(sorted(known))}; a newer videocolor may be needed.",
        )
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in hyper.items()})
