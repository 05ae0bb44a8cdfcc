"""Fills a DDColor state dict by a fixed recipe: the same numbers under which the original network was recorded."""

import hashlib
from math import prod, sqrt

import numpy as np
import torch

_IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


def recipe_state(layout):
    """State dict, tensor by tensor, for a list of [key, shape]."""
    for key, shape in layout:
        yield key, torch.from_numpy(np.asarray(_values(key, tuple(shape), dict(layout))))


def _draw(key, shape):
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
    return np.random.Generator(np.random.PCG64(seed)).standard_normal(shape, dtype=np.float32)


def _weight(key, shape):
    values = _draw(key, shape)
    values *= np.float32(sqrt(2 / prod(shape[1:])))
    return values


def _values(key, shape, shapes):
    parent, _, leaf = key.rpartition(".")
    if key in _IMAGENET:
        return np.array(_IMAGENET[key], np.float32).reshape(shape)
    if leaf == "num_batches_tracked":
        return np.zeros((), np.int64)
    if leaf in ("weight_u", "weight_v"):
        return _singular_vectors(parent, shapes)[leaf == "weight_v"]
    if len(shape) > 1:
        return _weight(key, shape)
    noise = _draw(key, shape)
    if leaf == "running_var":
        return 1 + 0.1 * np.abs(noise)
    if leaf in ("weight", "gamma"):
        return 1 + 0.1 * noise
    assert leaf in ("running_mean", "bias", "in_proj_bias"), key
    return 0.1 * noise


def _singular_vectors(parent, shapes):
    """Fifty power iterations from a drawn vector, so that u' W v is near the largest singular value."""
    key = f"{parent}.weight_orig"
    shape = tuple(shapes[key])
    matrix = _weight(key, shape).reshape(shape[0], -1).astype(np.float64)
    left = _draw(f"{parent}.weight_u", shape[:1]).astype(np.float64)
    left = (left / np.linalg.norm(left)).astype(np.float32)
    for _ in range(50):
        right = matrix.T @ left
        right /= np.linalg.norm(right)
        left = matrix @ right
        left /= np.linalg.norm(left)
    return [vector.astype(np.float32) for vector in (left, right)]
