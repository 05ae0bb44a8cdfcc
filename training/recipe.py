"""What one training run does: a TOML file, checked key by key, as frozen data."""

import tomllib
import types
import typing
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from training.data.degrade import DegradeRule
from training.data.pictures import PictureStore, split
from videocolor.errors import SettingsError

RECIPES = Path(__file__).parent / "recipes"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRule:
    """Which pictures train and which are put aside."""

    tune_count: int
    """Pictures of the training set kept for choosing temperature and gain."""
    min_grayness: float
    """Pictures whose channels differ by less (mean, 0..255) are dropped as gray."""
    split_seed: int | None = None
    """Of the choice of what is put aside; None: the recipe's seed. A run that goes on from another's weights keeps that
    one's, or it would be tuned on pictures it was trained on."""
    repeats: dict[str, int] = field(default_factory=dict)
    """How many times an epoch shows the pictures of these sources; once those of the others."""

    def __post_init__(self) -> None:
        for source, count in self.repeats.items():
            if count < 1:
                raise SettingsError(f"data.repeats gives {source} {count}.", "Give 1 or more.")


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerRule:
    """AdamW, clipping and averaging."""

    decoder_lr: float
    """Peak learning rate of decoder and head, for the recipe's batch size."""
    encoder_lr: float
    """Peak learning rate of the encoder, which starts from ImageNet."""
    betas: tuple[float, float]
    """AdamW's decay rates."""
    weight_decay: float
    """Not applied to biases and batch norm."""
    warm_up_steps: int
    """Steps in which the rate rises from 0."""
    clip_norm: float
    """Largest norm of the gradient."""
    average_decay: float
    """Of the moving average that is exported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefineRule:
    """Weights of the second stage's losses, which judge the colored picture and not only each pixel's bins."""

    cross_entropy: float
    """Of the bins', which goes on."""
    ab: float
    """Of the mean absolute difference of ab."""
    features: float
    """Of the difference in features of a network trained on ImageNet."""
    colorfulness: float
    """Of the difference in colorfulness (0..1), too much or too little."""
    adversarial: float
    """Of the critic's answer, after `adversarial_steps`; 0: no critic."""
    adversarial_steps: int
    """Steps in which the critic's weight rises from 0."""
    critic_lr: float
    """The critic's learning rate."""
    temperature: float
    """At which the colors are decoded, without gain."""

    def __post_init__(self) -> None:
        if self.temperature <= 0:
            raise SettingsError(f"refine has the temperature {self.temperature}.", "Give a number above 0.")
        for name in ("cross_entropy", "ab", "features", "colorfulness", "adversarial", "critic_lr"):
            if getattr(self, name) < 0:
                raise SettingsError(f"refine has {name} {getattr(self, name)}.", "Give 0 or more.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A stretch of steps with one rule for crops and rates."""

    name: str
    """For the log."""
    steps: int
    """How many."""
    batch: int
    """Crops per step."""
    side: int
    """Side of the crops in pixels; the loss on tuning pictures is taken at it."""
    area: tuple[float, float]
    """Share of the picture in a crop, smallest and largest."""
    aspect: tuple[float, float]
    """Width / height of a crop before it becomes square."""
    lr_start: float
    """Factor on the learning rates at the phase's start; a half cosine leads to `lr_end`."""
    lr_end: float
    """Factor at the phase's end."""
    frozen_blocks: int
    """Encoder blocks, stem included, whose weights rest: a quarter of the time is in the first two. 0 trains all."""

    other_sides: tuple[int, ...] = ()
    """Further sides: every step draws one of all, so that the network learns to answer alike at every size."""
    steadiness: float = 0.0
    """Above 0: half as many crops, each clean and degraded, and this weight on how far the answers differ (KL)."""
    degraded_sides: tuple[int, ...] = ()
    """With steadiness: sides of the degraded copies, of which every step draws one; none: the side of the clean ones.
    So the network learns that neither grain nor size changes colors. Some of these copies stay clean (`degrade`)."""
    refine: RefineRule | None = None
    """The second stage's losses in place of the cross entropy alone."""

    def __post_init__(self) -> None:
        if self.steadiness > 0 and self.batch % 2:
            raise SettingsError(
                f"Phase {self.name} has steadiness and a batch of {self.batch}.",
                "Make it even: crops come in pairs.",
            )
        if self.steadiness > 0 and self.refine is not None:
            raise SettingsError(
                f"Phase {self.name} has both steadiness and refine.",
                "Give them to phases of their own: the second stage has no pairs.",
            )
        if self.steps < 0 or self.batch < 1:
            raise SettingsError(f"Phase {self.name} has {self.steps} steps of {self.batch}.", "Give positive numbers.")
        if self.degraded_sides and self.steadiness <= 0:
            raise SettingsError(
                f"Phase {self.name} has degraded_sides and no steadiness.", "Only pairs have degraded copies."
            )
        for side in (self.side, *self.other_sides, *self.degraded_sides):
            if side < 32 or side % 32:
                raise SettingsError(f"Phase {self.name} has side {side}.", "Choose a multiple of 32.")

    @property
    def pictures(self) -> int:
        """Different pictures per step."""
        return self.batch // 2 if self.steadiness > 0 else self.batch

    def side_at(self, step: int, seed: int) -> int:
        """Side of the crops of step number `step`."""
        sides = (self.side, *self.other_sides)
        return sides[int(np.random.default_rng([seed, step, 2]).integers(len(sides)))]

    def degraded_side_at(self, step: int, seed: int) -> int:
        """Side of the degraded copies of step number `step`."""
        if not self.degraded_sides:
            return self.side_at(step, seed)
        return self.degraded_sides[int(np.random.default_rng([seed, step, 3]).integers(len(self.degraded_sides)))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One training run."""

    family: str
    """Module in `videocolor/models`."""
    name: str
    """Of the exported card and weight file."""
    seed: int
    """Of split, order, crops and degradation."""
    encoder_precision: str
    """Of the encoder's forward pass: "float32" or "bfloat16" (autocast)."""
    decoder_precision: str
    """Of the decoder's; head and loss are always float32."""
    checkpoint_minutes: float
    """Time between checkpoints."""
    log_steps: int
    """Steps between log lines."""
    tune_steps: int
    """Steps between losses on the tuning pictures."""
    data: DataRule
    degrade: DegradeRule
    optimizer: OptimizerRule
    phases: tuple[Phase, ...]
    hyper: dict[str, Any] = field(default_factory=dict)
    """Arguments of the family's `build`."""
    file: str = ""
    """Name of the recipe's file, for the card; set by `load_recipe`."""

    def __post_init__(self) -> None:
        for precision in (self.encoder_precision, self.decoder_precision):
            if precision not in ("float32", "bfloat16"):
                raise SettingsError(f"A precision is {precision!r}.", "Choose float32 or bfloat16.")

    @property
    def steps(self) -> int:
        return sum(phase.steps for phase in self.phases)

    def split(self, store: PictureStore) -> tuple[list[int], list[int]]:
        """Numbers of the pictures for training and of those put aside."""
        rule = self.data
        seed = self.seed if rule.split_seed is None else rule.split_seed
        return split(store, seed=seed, tune_count=rule.tune_count, min_grayness=rule.min_grayness)

    def phase_at(self, step: int) -> tuple[Phase, float]:
        """The phase of a step and the progress in it, 0..1."""
        for phase in self.phases:
            if step < phase.steps:
                return phase, step / phase.steps
            step -= phase.steps
        raise ValueError(f"the recipe ends {step + 1} steps earlier")


def load_recipe(path: Path, overrides: tuple[str, ...] = ()) -> Recipe:
    """Read a recipe.

    Args:
        path: The TOML file.
        overrides: "key=value" with dotted keys and TOML values, such as `phases.0.steps=100`.

    Raises:
        SettingsError: A key is unknown, missing or of the wrong type.
    """
    if not path.exists():
        raise SettingsError(f"{path} does not exist.", f"Recipes are in {RECIPES}.")
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is no valid TOML: {error}.", "Correct the line it names.") from error
    for override in overrides:
        _override(table, override)
    return replace(recipe_from(table, path.name), file=path.name)


def recipe_from(table: dict[str, Any], where: str) -> Recipe:
    """A recipe out of plain data, such as a checkpoint keeps; `where` is for messages."""
    recipe = _read(Recipe, table, where)
    assert isinstance(recipe, Recipe)
    return recipe


def _override(table: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    if not separator:
        raise SettingsError(f"--set {override} has no value.", "Write --set key=value.")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *path, last = key.split(".")
    target: Any = table
    try:
        for part in path:
            target = target[int(part)] if isinstance(target, list) else target[part]
        target[int(last) if isinstance(target, list) else last] = value
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise SettingsError(f"--set {key} leads nowhere.", "Use the recipe's own keys, phases by number.") from error


def _read(wanted: Any, value: Any, where: str) -> Any:
    """`value` as the annotated type `wanted`; `where` is for messages."""
    if isinstance(wanted, types.UnionType) and value is not None:
        (wanted,) = (kind for kind in typing.get_args(wanted) if kind is not types.NoneType)
    if isinstance(wanted, type) and is_dataclass(wanted):
        if not isinstance(value, dict):
            raise SettingsError(f"{where} is no table.", f"Write a table of {wanted.__name__}'s keys.")
        hints = typing.get_type_hints(wanted)
        known = {item.name for item in fields(wanted)}
        unknown = sorted(set(value) - known)
        if unknown:
            raise SettingsError(
                f"{where} has unknown keys: {', '.join(unknown)}.", f"Known: {', '.join(sorted(known))}."
            )
        values = {key: _read(hints[key], item, f"{where}: {key}") for key, item in value.items()}
        try:
            return wanted(**values)
        except TypeError as error:
            missing = sorted(known - set(values))
            raise SettingsError(f"{where} lacks keys: {', '.join(missing)}.", "Add them.") from error
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise SettingsError(f"{where} is no list.", "Write [..., ...].")
        kinds = [arguments[0]] * len(value) if arguments[1:] == (Ellipsis,) else list(arguments)
        if len(kinds) != len(value):
            raise SettingsError(f"{where} has {len(value)} entries.", f"Give {len(kinds)}.")
        return tuple(
            _read(kind, item, f"{where}[{n}]") for n, (kind, item) in enumerate(zip(kinds, value, strict=True))
        )
    if origin is dict:
        if not isinstance(value, dict):
            raise SettingsError(f"{where} is no table.", "Write { key = value, ... }.")
        return {key: _read(arguments[1], item, f"{where}: {key}") for key, item in value.items()}
    if wanted is Any:
        return value
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        raise SettingsError(f"{where} is {value!r}.", f"It must be of type {wanted.__name__}.")
    return value
