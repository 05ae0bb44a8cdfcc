"""Autocast by name."""

import torch

_TYPES = {"float32": None, "bfloat16": torch.bfloat16}


def autocast(precision: str, device: torch.device | str = "cpu") -> torch.autocast:
    """Context for the forward pass: "float32" or "bfloat16". Weights stay float32 either way."""
    dtype = _TYPES[precision]
    return torch.autocast(torch.device(device).type, dtype=dtype, enabled=dtype is not None)
