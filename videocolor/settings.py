"""What a run is asked to do: every option's default, unit and check, in one place. The command line reads them."""

from dataclasses import dataclass, field, fields
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from videocolor.errors import SettingsError

Codec = Literal["auto", "h264", "h265", "av1", "prores", "dnxhr", "ffv1"]
Upsample = Literal["bicubic", "joint-bilateral", "guided"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]
Smoothing = Literal["none", "ema", "flow"]
Strength = Literal["light", "normal", "strong"]
BlendMethod = Literal["plain", "chroma-bound"]

DEFAULT_BLEND = 0.4
"""Weight of the second model: what film restorers' practice calls stable."""

MOST_KEYFRAME_SPACING = 32
"""Frames from one key frame to the next at most: they wait in memory for each other."""

LOSSES = ("audio", "subtitles", "data", "attachments", "chapters", "alpha", "hdr", "depth", "rotation", "video")
"""What `allow_loss` can name."""


def _changes_pixels(default: Any) -> Any:
    """A field whose value changes the film's pixels: it belongs to the fingerprint of a run."""
    return field(default=default, metadata={"changes_pixels": True})


@dataclass(frozen=True, kw_only=True, slots=True)
class EncodeSettings:
    """How the result is coded."""

    codec: Codec = _changes_pixels("auto")
    """"auto": by the target's suffix (docs/formats.md)."""
    crf: int | None = _changes_pixels(None)
    """Constant quality of lossy codecs; None: 16 for H.264, 18 for H.265, 24 for AV1."""
    preset: str | None = _changes_pixels(None)
    """Speed against size; None: "medium" for H.264 and H.265, "8" for AV1."""
    tune: str | None = _changes_pixels(None)
    """The encoder's tuning, for example "grain"."""
    pix_fmt: str = _changes_pixels("auto")
    """"auto": the source's depth and sub-sampling, or the least that the codec can carry without loss."""
    threads: int = _changes_pixels(0)
    """Encoder threads; 0: as many as processors, but one for 10-bit H.264, which is not repeatable with more."""

    def __post_init__(self) -> None:
        _check_choices(self)
        if self.crf is not None and not 0 <= self.crf <= 63:
            raise SettingsError(f"--crf is {self.crf}.", "Choose 0..51 (H.264, H.265) or 0..63 (AV1).")
        if self.threads < 0:
            raise SettingsError(f"threads is {self.threads}.", "Choose 0 (all) or more.")


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSettings:
    """What one colorizing run does. Equal settings give equal films."""

    model: str = _changes_pixels("compact")
    """Name in the model registry (`videocolor models list`), or two joined by "+", which are blended."""
    weights: str | tuple[str, ...] | None = None
    """Weight file in place of the card's, of two models `NAME=FILE`; the hashes are in the fingerprint."""
    blend: float | None = _changes_pixels(None)
    """Weight of the second of two models, 0..1; None: 0.4."""
    blend_method: BlendMethod | None = _changes_pixels(None)
    """How two models become one; None: "plain", the weighted mean."""
    faithful: bool = _changes_pixels(False)
    """Stills: what the model's original program does, step for step; luma is not kept."""
    render_factor: int | None = _changes_pixels(None)
    """Network input in units of 16 pixels, on the side that the model's card names; None: the card's default."""
    saturation: float = _changes_pixels(1.0)
    """Factor on the predicted ab; 0 gives gray, 1 what the model says."""
    smoothing: Smoothing = _changes_pixels("flow")
    """Temporal filter of the ab channels within a shot."""
    smoothing_strength: Strength = _changes_pixels("normal")
    """How far the filter's memory reaches."""
    keyframes: int | Literal["auto"] | None = _changes_pixels(None)
    """The network sees every N-th frame, or as many as the motion asks for; None: every frame."""
    references: tuple[str, ...] = ()
    """Frames that a person colored: pictures, or folders of them; what they hold is in the fingerprint."""
    upsample: Upsample = _changes_pixels("bicubic")
    """How ab grows from network size to the chroma planes."""
    seed: int = _changes_pixels(0)
    """Seed of sampled models."""
    keep_color: bool = _changes_pixels(False)
    """Shots that already have color keep their own chroma."""
    encode: EncodeSettings = field(default_factory=EncodeSettings)
    """How the result is coded."""
    device: str = "auto"
    """"auto", "cpu", "cuda", "cuda:1" or "mps"; what is chosen is in the fingerprint, as for the next two."""
    precision: Precision = "auto"
    """Number format of the network; "auto": the fastest that the model stands on this device."""
    batch_size: int | None = None
    """Frames a network run; None: chosen for the device."""
    start: str | None = _changes_pixels(None)
    """Time code of the first frame, "HH:MM:SS.mmm" or seconds; None: the film's beginning."""
    end: str | None = _changes_pixels(None)
    """Time code after the last frame; None: the film's end."""
    video_stream: int | None = _changes_pixels(None)
    """Index of the stream to color; None: the first that is no cover picture."""
    detector: str = _changes_pixels("ncc")
    """Shot detector: "ncc", or "adaptive" and "hash" of the extra [scenedetect]."""
    deinterlace: bool = _changes_pixels(False)
    """Interpolate interlaced frames (bwdif) before coloring."""
    detelecine: bool = _changes_pixels(False)
    """Undo 2:3 pulldown (fieldmatch, decimate) before coloring."""
    interlaced: Literal["refuse", "ignore"] = "refuse"
    """What to do when combed frames are found and neither remedy is chosen."""
    assume_matrix: Literal["auto", "bt601", "bt709", "bt2020"] = _changes_pixels("auto")
    """Y'CbCr matrix in place of the tag."""
    allow_loss: frozenset[str] = frozenset()
    """What the target may lose; see LOSSES."""
    max_damaged: int = 100
    """Damaged packets to skip before giving up."""
    provenance: bool = True
    """The result's metadata say how its color was made."""
    segment_s: float = _changes_pixels(10.0)
    """Aim for a segment's length; what a crash can cost."""

    def __post_init__(self) -> None:
        _check_choices(self)
        if not 0 <= self.saturation <= 4:
            raise SettingsError(f"--saturation is {self.saturation}.", "Choose a factor from 0 to 4.")
        if self.blend is not None and not 0 <= self.blend <= 1:
            raise SettingsError(f"--blend is {self.blend}.", "Choose the second model's weight from 0 to 1.")
        if self.blends and "+" not in self.model:
            raise SettingsError(
                f"--blend and --blend-method need two models, --model is {self.model}.",
                "Join two as in deoldify-video+ddcolor.",
            )
        self._check_faithful()
        if isinstance(self.references, str):
            raise SettingsError(f"references is {self.references!r}.", "Give a tuple of names, also of one.")
        if self.render_factor is not None and not 2 <= self.render_factor <= 128:
            raise SettingsError(f"--render-factor is {self.render_factor}.", "Choose 2 to 128.")
        if isinstance(self.keyframes, int) and not 1 <= self.keyframes <= MOST_KEYFRAME_SPACING:
            raise SettingsError(
                f"--keyframes is {self.keyframes}.", f'Choose 1 (every frame) to {MOST_KEYFRAME_SPACING}, or "auto".'
            )
        if self.batch_size is not None and self.batch_size < 1:
            raise SettingsError(f"--batch-size is {self.batch_size}.", 'Choose 1 or more, or "auto".')
        if self.deinterlace and self.detelecine:
            raise SettingsError(
                "--deinterlace and --detelecine contradict each other.",
                "Use --detelecine for film with 2:3 pulldown, --deinterlace for video cameras' material.",
            )
        if self.max_damaged < 0:
            raise SettingsError(f"--max-damaged is {self.max_damaged}.", "Choose 0 or more.")
        if not self.segment_s > 0:  # NaN too
            raise SettingsError(f"--segment-seconds is {self.segment_s}.", "Choose a positive number of seconds.")
        if unknown := sorted(self.allow_loss - set(LOSSES)):
            raise SettingsError(
                f"--allow-loss does not know {', '.join(unknown)}.", f"Choose from {', '.join(LOSSES)}."
            )

    @property
    def blends(self) -> bool:
        """Whether something about the blend is asked for."""
        return self.blend is not None or self.blend_method is not None

    @property
    def blend_weight(self) -> float:
        """The second model's weight."""
        return DEFAULT_BLEND if self.blend is None else self.blend

    def _check_faithful(self) -> None:
        if not self.faithful:
            return
        if self.precision not in ("auto", "float32"):
            raise SettingsError(
                f"--faithful runs in float32, --precision is {self.precision}.", "Leave one of them out."
            )
        changed = {"--saturation": self.saturation != 1, "--upsample": self.upsample != "bicubic"}
        if option := next((name for name, is_changed in changed.items() if is_changed), None):
            raise SettingsError(f"--faithful knows no {option}.", f"Leave {option} out.")

    def pixel_settings(self) -> dict[str, Any]:
        """The values that change pixels, for the fingerprint: `encode.crf` style names to plain values."""
        return _pixel_fields(self, "")


def choices_of(hint: Any) -> list[str]:
    """The names that a type hint allows: of a `Literal`, alone or in a union; none for other types."""
    hints = get_args(hint) if get_origin(hint) in (UnionType, Union) else (hint,)
    return [name for item in hints if get_origin(item) is Literal for name in get_args(item)]


def _check_choices(settings: Any) -> None:
    """Refuse unknown names: Python does not check `Literal`, and a misspelt choice must not run as another one."""
    for name, hint in get_type_hints(type(settings)).items():
        value, choices = getattr(settings, name), choices_of(hint)
        is_number = type(value) is int and int in get_args(hint)
        if choices and value is not None and not is_number and value not in choices:
            raise SettingsError(f"--{name.replace('_', '-')} is {value!r}.", f"Choose from {', '.join(choices)}.")


def _pixel_fields(settings: Any, prefix: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for item in fields(settings):
        value = getattr(settings, item.name)
        if isinstance(value, EncodeSettings):
            values |= _pixel_fields(value, f"{prefix}{item.name}.")
        elif item.metadata.get("changes_pixels"):
            values[prefix + item.name] = value
    return values
