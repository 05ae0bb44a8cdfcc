"""Fills a DeOldify state dict by a fixed recipe: the same numbers under which the original network was recorded."""

import hashlib
from math import prod, sqrt

import numpy as np
import torch

_ENTRY_NORMS = ("layers.1", *(f"layers.{number}.bn" for number in (4, 5, 6, 7)))


def recipe_state(layout, salt):
    """State dict for a list of [key, shape, dtype]."""
    shapes = {key: tuple(shape) for key, shape, _ in layout}
    return {key: value for key in shapes for value in [_tensor(key, shapes, salt)]}


def _uniform(key, shape, salt):
    seed = int.from_bytes(hashlib.sha256(f"{salt}/{key}".encode()).digest()[:8], "big")
    return np.random.Generator(np.random.PCG64(seed)).random(prod(shape)).reshape(shape)


def _centered(key, shape, salt):
    values = _uniform(key, shape, salt)
    values *= 2
    values -= 1
    values *= sqrt(3)
    return values


def _tensor(key, shapes, salt):
    shape = shapes[key]
    parent, _, leaf = key.rpartition(".")
    if leaf == "num_batches_tracked":
        return torch.zeros((), dtype=torch.int64)
    if leaf in ("weight_u", "weight_v") and f"{parent}.weight_orig" in shapes:
        return _singular_vectors(parent, shapes, salt)[leaf == "weight_v"]
    if f"{parent}.running_mean" in shapes:
        values = _norm_values(key, parent, leaf, shapes, salt)
    elif leaf == "gamma":
        values = np.full(shape, 0.7)
    elif leaf == "weight_g":
        values = 2.5 * (0.75 + 0.5 * _uniform(key, shape, salt))
    elif leaf == "bias":
        values = 0.1 * _centered(key, shape, salt)
    else:
        values = _weight(key, shape, salt)
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))


def _weight(key, shape, salt):
    values = _centered(key, shape, salt)
    values *= sqrt(2 / prod(shape[1:]))
    return values


def _norm_values(key, parent, leaf, shapes, salt):
    mean, mean_spread, variance = 0.2, 0.05, 0.1
    if parent in _ENTRY_NORMS:
        mean, mean_spread, variance = 1.0, 0.2, 4.0
    elif key.startswith(("layers.0.", "features.")) or ".shuf." in key:
        mean, mean_spread, variance = 0.0, 0.1, 1.0
    shape = shapes[key]
    if leaf == "weight":
        return (0.75 + 0.5 * _uniform(key, shape, salt)) * (0.25 if _ends_residual(parent, shapes) else 1)
    if leaf == "bias":
        return 0.1 * _centered(key, shape, salt)
    if leaf == "running_mean":
        return mean + mean_spread * _centered(key, shape, salt)
    return variance * (0.75 + 0.5 * _uniform(key, shape, salt))


def _ends_residual(parent, shapes):
    """Whether a norm is the last of a residual block of the encoder."""
    block, _, name = parent.rpartition(".")
    if not parent.startswith("layers.0."):
        return False
    return name == "bn3" or (name == "bn2" and f"{block}.bn3.weight" not in shapes)


def _singular_vectors(parent, shapes, salt):
    """Three power iterations from a drawn vector: sigma stays a little below the largest singular value."""
    key = f"{parent}.weight_orig"
    matrix = _weight(key, shapes[key], salt).astype(np.float32).astype(np.float64)
    matrix = matrix.reshape(shapes[key][0], -1)
    left = _centered(f"{parent}.weight_u", (matrix.shape[0],), salt)
    left /= np.linalg.norm(left)
    for _ in range(3):
        right = matrix.T @ left
        right /= np.linalg.norm(right)
        left = matrix @ right
        left /= np.linalg.norm(left)
    return [torch.from_numpy(vector.astype(np.float32)) for vector in (left, right)]


def write_official_layout(path, state, *, is_zip=False):
    """Save as the original's trainer does: network and optimizer, whose record holds a slice."""
    optimizer = {"state": {}, "param_groups": [{"lr": slice(1e-7, 1e-4, None), "betas": (0.9, 0.99), "params": [0]}]}
    torch.save({"model": state, "opt": optimizer}, path, _use_new_zipfile_serialization=is_zip)
