"""Which codec and pixel format a result gets. Decides; opens nothing. The table for people is docs/formats.md."""

import os
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av

from videocolor.core.media import ColorTags, MediaInfo, PixelLayout, VideoInfo
from videocolor.errors import EncoderError, LossError, SettingsError
from videocolor.media.hdr import with_hdr
from videocolor.media.planes import bit_depth, chroma_of, chroma_steps, has_alpha, is_rgb
from videocolor.settings import EncodeSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerFormat:
    """What a suffix means."""

    muxer: str
    codecs: tuple[str, ...]
    """Codecs that it takes, the default first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecFormat:
    """An encoder and its defaults."""

    encoder: str
    is_lossless: bool
    default_crf: int | None
    default_preset: str | None
    segment_muxer: str
    """Container of the segments: exact ticks are a must, so never Matroska with its 1 ms."""
    takes_odd_sizes: bool


CONTAINERS = {
    ".mkv": ContainerFormat(muxer="matroska", codecs=("h264", "h265", "av1", "prores", "ffv1")),
    ".mp4": ContainerFormat(muxer="mp4", codecs=("h264", "h265", "av1", "ffv1")),
    ".m4v": ContainerFormat(muxer="mp4", codecs=("h264", "h265", "av1")),
    ".mov": ContainerFormat(muxer="mov", codecs=("h264", "h265", "prores", "dnxhr")),
    ".webm": ContainerFormat(muxer="webm", codecs=("av1",)),
}

CODECS = {
    "h264": CodecFormat(
        encoder="libx264",
        is_lossless=False,
        default_crf=16,
        default_preset="medium",
        segment_muxer="mp4",
        takes_odd_sizes=False,
    ),
    "h265": CodecFormat(
        encoder="libx265",
        is_lossless=False,
        default_crf=18,
        default_preset="medium",
        segment_muxer="mp4",
        takes_odd_sizes=False,
    ),
    "av1": CodecFormat(
        encoder="libsvtav1",
        is_lossless=False,
        default_crf=24,
        default_preset="8",
        segment_muxer="mp4",
        takes_odd_sizes=False,
    ),
    "prores": CodecFormat(
        encoder="prores_ks",
        is_lossless=False,
        default_crf=None,
        default_preset=None,
        segment_muxer="mov",
        takes_odd_sizes=False,
    ),
    "dnxhr": CodecFormat(
        encoder="dnxhd",
        is_lossless=False,
        default_crf=None,
        default_preset=None,
        segment_muxer="mov",
        takes_odd_sizes=False,
    ),
    "ffv1": CodecFormat(
        encoder="ffv1",
        is_lossless=True,
        default_crf=None,
        default_preset=None,
        segment_muxer="mp4",
        takes_odd_sizes=True,
    ),
}

_H265_TAG = "hvc1"  # libavformat's default hev1 is refused by Apple's players.


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """All an encoder must be told; two segments with equal Encodings can be joined."""

    codec: str
    encoder: str
    segment_muxer: str
    pix_fmt: str
    bit_depth: int
    chroma_steps: tuple[int, int]
    height: int
    width: int
    time_base: Fraction
    """1 / N; frames keep the film's own ticks (see `pts_factor`)."""
    pts_factor: int
    """Film ticks to encoder ticks: the numerator of the film's time base."""
    rate: Fraction
    """For rate control and headers only; no frame is timed by it."""
    sample_aspect: Fraction | None
    tags: ColorTags
    full_range: bool
    field_order: str
    threads: int
    codec_tag: str | None
    is_lossless: bool
    options: dict[str, str] = field(default_factory=dict)


def container_format(target: Path) -> ContainerFormat:
    """What the target's suffix means.

    Raises:
        SettingsError: No film container of ours.
    """
    form = CONTAINERS.get(target.suffix.lower())
    if form is None:
        suffix = target.suffix or "no suffix"
        raise SettingsError(
            f"{target} has {suffix}, which is no film container that keeps time stamps and color tags.",
            f"Name the result {target.stem}.mkv, or use {', '.join(CONTAINERS)}.",
        )
    return form


def choose_codec(settings: EncodeSettings, layout: PixelLayout, target: Path) -> str:
    """The codec's name: the user's, or the container's default that holds the source's depth.

    Raises:
        SettingsError: The container does not take the codec.
    """
    form = container_format(target)
    if settings.codec == "auto":
        # HDR10 is at home in H.265: few players look for its mastering data in H.264.
        order = sorted(form.codecs, key=lambda name: name != "h265") if layout.transfer == "pq" else form.codecs
        for codec in order:
            if _deepest(codec) >= layout.bit_depth:
                return codec
        return form.codecs[0]
    if settings.codec not in form.codecs:
        others = [suffix for suffix, other in CONTAINERS.items() if settings.codec in other.codecs]
        raise SettingsError(
            f"--codec {settings.codec} does not go into {target.suffix} files.",
            f"Name the result {target.stem}{others[0]}, or choose {', '.join(form.codecs)}.",
        )
    return settings.codec


def choose_encoding(info: MediaInfo, settings: EncodeSettings, target: Path, *, allow_loss: frozenset[str]) -> Encoding:
    """Decide how a film's result is coded.

    Raises:
        SettingsError: The options contradict each other or the container.
        EncoderError: This build of libav lacks the encoder.
        LossError: The codec cannot keep the source's depth or alpha.
    """
    video, layout = info.video, info.video.layout
    codec = choose_codec(settings, layout, target)
    form = CODECS[codec]
    pix_fmt = choose_pix_fmt(codec, settings.pix_fmt, video, allow_loss=allow_loss)
    base = video.time_base
    return Encoding(
        codec=codec,
        encoder=form.encoder,
        segment_muxer=form.segment_muxer,
        pix_fmt=pix_fmt,
        bit_depth=bit_depth(pix_fmt),
        chroma_steps=chroma_steps(chroma_of(pix_fmt)),
        height=video.height,
        width=video.width,
        time_base=Fraction(1, base.denominator),
        pts_factor=base.numerator,
        rate=_sane_rate(video),
        sample_aspect=video.sample_aspect,
        tags=result_tags(video, chroma_of(pix_fmt)),
        full_range=layout.full_range,
        field_order=video.field_order,
        threads=settings.threads or _repeatable_threads(codec, bit_depth(pix_fmt)),
        codec_tag=_H265_TAG if codec == "h265" else None,
        is_lossless=form.is_lossless or (codec in ("h264", "h265") and settings.crf == 0),
        options=with_hdr(_encoder_options(codec, settings, pix_fmt, video), video, codec),
    )


def choose_pix_fmt(codec: str, wanted: str, video: VideoInfo, *, allow_loss: frozenset[str]) -> str:
    """The encoder's pixel format that keeps the source's luma exactly and its chroma grid at least.

    Raises:
        EncoderError: The encoder is missing.
        LossError: No format of the codec keeps the depth, or the alpha plane.
        SettingsError: The format that the user wants loses something or does not exist.
    """
    chosen = _wanted_format(codec, wanted, video) if wanted != "auto" else _best_format(codec, video)
    if video.layout.has_alpha and not has_alpha(chosen) and "alpha" not in allow_loss:
        raise LossError(
            f"{codec} cannot hold the film's alpha channel as {chosen}.",
            "Use --codec ffv1 with a .mkv target, or --allow-loss alpha.",
        )
    return chosen


def _wanted_format(codec: str, wanted: str, video: VideoInfo) -> str:
    formats = encoder_formats(codec)
    if wanted not in formats:
        raise SettingsError(f"--pix-fmt {wanted} is not possible with {codec}.", f"Choose from {', '.join(formats)}.")
    if problem := _unfit(wanted, codec, video):
        raise SettingsError(f"--pix-fmt {wanted} {problem}.", "Use --pix-fmt auto, or another --codec.")
    return wanted


def _best_format(codec: str, video: VideoInfo) -> str:
    layout = video.layout
    fitting = [name for name in encoder_formats(codec) if not _unfit(name, codec, video)]
    with_alpha = [name for name in fitting if has_alpha(name)]
    without = [name for name in fitting if not has_alpha(name)]
    fitting = (with_alpha or without) if layout.has_alpha else without
    if not fitting:
        odd = "" if CODECS[codec].takes_odd_sizes else f" of {video.width}x{video.height} pixels"
        raise LossError(
            f"{codec} cannot keep the depth and the chroma grid of {layout.name}{odd} ({layout.bit_depth} bits).",
            "Use --codec ffv1 with a .mkv target" + (", or --codec h265." if layout.bit_depth <= 12 else "."),
        )
    return min(fitting, key=lambda name: (bit_depth(name), _chroma_excess(name, layout), name))


def encoder_formats(codec: str) -> tuple[str, ...]:
    """The planar Y'CbCr formats that a codec's encoder takes.

    Raises:
        EncoderError: This build of libav lacks the encoder.
    """
    name = CODECS[codec].encoder
    try:
        formats = av.Codec(name, "w").video_formats or []
    except av.codec.codec.UnknownCodecError as error:
        raise EncoderError(f"The encoder {name} is missing in this build of PyAV.", "Use another --codec.") from error
    # libx265 lists yuva420p in every build and opens with it in few.
    kinds = ("yuv4",) if codec == "h265" else ("yuv4", "yuva4")
    return tuple(item.name for item in formats if item.name.startswith(kinds))


def result_tags(video: VideoInfo, chroma: str) -> ColorTags:
    """The source's color tags, with the matrix that was assumed written down, and the siting that was used."""
    layout, tags = video.layout, video.tags
    matrix = {"bt601": 6, "bt709": 1, "bt2020": 9}[layout.matrix]
    untagged = tags.matrix in (0, 2) or layout.chroma == "rgb"
    location = {"left": 1, "center": 2, "topleft": 3}[layout.siting] if chroma in ("420", "422") else 0
    return ColorTags(
        primaries=tags.primaries,
        transfer=tags.transfer,
        matrix=matrix if untagged else tags.matrix,
        color_range=2 if layout.full_range else 1,
        chroma_location=tags.chroma_location or location,
    )


def _deepest(codec: str) -> int:
    return max(bit_depth(name) for name in encoder_formats(codec))


def _unfit(name: str, codec: str, video: VideoInfo) -> str | None:
    """Why a format cannot carry the film, or None."""
    layout = video.layout
    if is_rgb(name) or chroma_of(name) == "400":
        return "has no chroma planes"
    if bit_depth(name) < layout.bit_depth:
        return f"has {bit_depth(name)} bits, the film {layout.bit_depth}"
    down, across = chroma_steps(chroma_of(name))
    if layout.chroma != "400":
        source_down, source_across = (1, 1) if layout.chroma == "rgb" else chroma_steps(layout.chroma)
        if down > source_down or across > source_across:
            return f"has a coarser chroma grid than the film's {layout.chroma}"
    if not CODECS[codec].takes_odd_sizes and (video.height % down or video.width % across):
        return f"needs even sizes, the film has {video.width}x{video.height}"
    return None


def _chroma_excess(name: str, layout: PixelLayout) -> int:
    """How far the chroma grid is from the source's; gray gets 4:2:0 where it can."""
    wanted = "420" if layout.chroma == "400" else "444" if layout.chroma == "rgb" else layout.chroma
    down, across = chroma_steps(chroma_of(name))
    source_down, source_across = chroma_steps(wanted)  # type: ignore[arg-type]
    return abs(source_down * source_across - down * across) * 2 + (chroma_of(name) != wanted)


def _repeatable_threads(codec: str, depth: int) -> int:
    """All processors, but one where the encoder is not repeatable with several: a resumed film must be the same film.

    x264 at 10 bits gave other bits in about one run of twenty, whatever instruction set it was held to.
    """
    return 1 if codec == "h264" and depth > 8 else os.cpu_count() or 1


def _sane_rate(video: VideoInfo) -> Fraction:
    """Headers of variable-rate films claim 600 or 1000 frames a second, which would mislead rate control."""
    rate = video.average_rate or Fraction(25)
    return rate if Fraction(1, 10) <= rate <= 240 else Fraction(25)


def _encoder_options(codec: str, settings: EncodeSettings, pix_fmt: str, video: VideoInfo) -> dict[str, str]:
    form = CODECS[codec]
    crf = form.default_crf if settings.crf is None else settings.crf
    preset = settings.preset or form.default_preset
    for option, value in (("--crf", settings.crf), ("--preset", settings.preset)):
        if value is not None and (form.default_crf is None):
            raise SettingsError(f"{option} has no meaning for {codec}.", "Leave it out, or use h264, h265 or av1.")
    if codec in ("h264", "h265") and settings.crf is not None and settings.crf > 51:
        raise SettingsError(f"--crf {settings.crf} is too high for {codec}.", "Choose 0..51.")
    if settings.tune is not None and codec not in ("h264", "h265"):
        raise SettingsError(f"--tune has no meaning for {codec}.", "Leave it out, or use h264 or h265.")
    options = {} if preset is None else {"preset": preset}
    if settings.tune is not None:
        options["tune"] = settings.tune
    if codec == "h264":
        # x264's crf 0 is lossy above 8 bits; qp 0 is lossless at every depth.
        options |= {"qp": "0"} if crf == 0 else {"crf": str(crf)}
        # Without it x264's AVX-512 code reads memory that was never written (macroblock tree, widths that are no
        # multiple of 128): two runs gave different films. It also makes machines agree, and costs no time.
        params = ["cpu-independent=1"]
        if video.field_order in ("tt", "tb", "bb", "bt"):
            params.append("tff=1" if video.field_order[0] == "t" else "bff=1")
        options["x264-params"] = ":".join(params)
    elif codec == "h265":
        params = ["log-level=error", *(["lossless=1"] if crf == 0 else [])]
        options |= {"x265-params": ":".join(params)} | ({} if crf == 0 else {"crf": str(crf)})
    elif codec == "av1":
        options |= {"crf": str(crf)}
    elif codec == "prores":
        options |= {"profile": "4444" if "444" in pix_fmt else "hq", "vendor": "apl0"}
    elif codec == "dnxhr":
        options |= {"profile": {"yuv422p": "dnxhr_hq", "yuv422p10le": "dnxhr_hqx"}.get(pix_fmt, "dnxhr_444")}
    elif codec == "ffv1":
        # The number of slices is left to the encoder: a fixed one is refused at some small and odd sizes.
        options |= {"level": "3", "slicecrc": "1", "g": "1"}
    return options
