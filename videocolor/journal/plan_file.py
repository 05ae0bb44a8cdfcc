"""The plan on disk: one JSON object with a format number."""

import json
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

from videocolor.core.shots import Plan, Segment, Shot
from videocolor.errors import ResumeError
from videocolor.files import write_text_atomically


def write_plan(path: Path, plan: Plan) -> None:
    """Write a plan whole or not at all."""
    values = asdict(plan)
    values["time_base"] = str(plan.time_base)
    write_text_atomically(path, json.dumps(values))


def read_plan(path: Path, *, expected_format: int) -> Plan:
    """Read a plan back.

    Raises:
        ResumeError: Another format, or no plan at all.
    """
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if values["format"] != expected_format:
            raise ValueError(f"format {values['format']}, expected {expected_format}")
        values["time_base"] = Fraction(values["time_base"])
        values["segments"] = tuple(
            Segment(**{**segment, "shots": tuple(Shot(**shot) for shot in segment["shots"])})
            for segment in values["segments"]
        )
        for key in ("pts", "durations", "notes"):
            values[key] = tuple(values[key])
        return Plan(**values)
    except (OSError, ValueError, KeyError, TypeError, ArithmeticError) as error:
        raise ResumeError(f"The plan {path} cannot be used: {error}.", "Begin anew with --restart.") from error
