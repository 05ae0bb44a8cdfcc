"""A tiny recipe and made photographs: training is tested without data, weights or downloads."""

import numpy as np

from training.data.pictures import store_of
from training.recipe import RECIPES, load_recipe

SHIPPED = sorted(RECIPES.glob("*.toml"))
TINY = (
    "hyper={decoder_widths=[16, 16, 16], encoder_width=0.25}",
    "data.tune_count=2",
    "data.repeats={}",
    "log_steps=2",
    "tune_steps=3",
    "optimizer.warm_up_steps=1",
)


def noise_store(count, seed=0):
    """Pictures of colored noise, each of its own size and tint."""
    rng = np.random.default_rng(seed)
    pictures = []
    for index in range(count):
        tint = rng.integers(0, 200, 3)
        noise = rng.integers(0, 56, (70 + index, 80, 3))
        pictures.append((tint + noise).astype(np.uint8))
    return store_of(pictures)


def tiny_recipe(path=RECIPES / "compact.toml", *, steps=(1, 1), extra=()):
    """A shipped recipe, shrunk: tiny network, crops of 64 pixels, four pictures a step."""
    sizes = []
    for number, count in enumerate(steps):
        sizes += [f"phases.{number}.steps={count}", f"phases.{number}.batch=4", f"phases.{number}.side=64"]
    return load_recipe(path, (*TINY, *sizes, *extra))
