"""What happens to everything that is not the film's picture: copied, rebuilt, attached, or named as lost.

Muxers are asked, not described: each stream is offered to the target's muxer once, on a file that is thrown away.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import av
from av.container import InputContainer

from videocolor.core.media import MediaInfo, StreamInfo
from videocolor.errors import LossError
from videocolor.media.formats import Encoding, container_format
from videocolor.media.hdr import HDR_CODECS, HDR_SIDE_DATA
from videocolor.media.opening import libav_name, open_input
from videocolor.media.planes import has_alpha

_LOSS_OF_KIND = {
    "audio": "audio",
    "subtitle": "subtitles",
    "data": "data",
    "attachment": "attachments",
    "video": "video",
}
# libav's display matrix holds 16.16 fixed-point numbers.
_MATRIX_ONE = 1 << 16
_WITHOUT_CHAPTERS = ("webm",)

# Side data of frames that no encoder here writes again, and what its loss is called.
_LOST_SIDE_DATA = {
    "DOVI_METADATA": ("hdr", "Dolby Vision metadata, which describes the gray picture"),
    "AMBIENT_VIEWING_ENVIRONMENT": ("hdr", "the ambient viewing environment"),
    "DYNAMIC_HDR_PLUS": ("hdr", "HDR10+ metadata, which describes the gray picture"),
    "SPHERICAL": ("data", "the spherical (360 degree) mapping"),
    "STEREO3D": ("data", "the stereo 3D arrangement"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What happens to one stream."""

    stream: StreamInfo
    action: Literal["copy", "attach", "rebuild", "lose"]
    """"rebuild": the muxer makes it from chapters or tags; "attach": a cover becomes an attachment."""
    reason: str = ""
    loss: str | None = None
    """Name in `allow_loss`, where the action is "lose"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Something that the target cannot hold."""

    kind: str
    """Name in `allow_loss`."""
    what: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryPlan:
    """What the result will hold besides the colored picture."""

    carried: tuple[Carried, ...]
    losses: tuple[Loss, ...]
    notes: tuple[str, ...]
    """What changes without being lost, as sentences for the user."""


def plan_carry(info: MediaInfo, encoding: Encoding, target: Path) -> CarryPlan:
    """Decide what happens to every other stream, the chapters and the frames' side data.

    Opens the source's header and asks the target's muxer about each stream.
    """
    muxer = container_format(target).muxer
    with open_input(info.path) as source:
        carried = tuple(_carry(stream, source, info, muxer) for stream in info.others)
    losses = [
        Loss(kind=item.loss, what=f"stream {item.stream.label} ({item.reason})", remedy=_remedy(item.stream, muxer))
        for item in carried
        if item.loss is not None
    ]
    if info.chapter_count and muxer in _WITHOUT_CHAPTERS:
        losses.append(Loss(kind="chapters", what=f"{info.chapter_count} chapters", remedy="Name the result .mkv."))
    losses += _side_data_losses(info, encoding)
    losses += _rotation_losses(info, muxer)
    if info.video.layout.has_alpha and not has_alpha(encoding.pix_fmt):
        what = f"the alpha channel ({encoding.codec} as {encoding.pix_fmt} has none)"
        losses.append(Loss(kind="alpha", what=what, remedy="Use --codec ffv1 with a .mkv target."))
    return CarryPlan(carried=carried, losses=tuple(losses), notes=tuple(_notes(info, carried, muxer)))


def check_losses(plan: CarryPlan, target: Path, allow_loss: frozenset[str]) -> None:
    """Stop before the work starts if something would be lost that the user did not give up.

    Raises:
        LossError: Names every such stream, the reason and the container that can hold it.
    """
    refused = [loss for loss in plan.losses if loss.kind not in allow_loss]
    if not refused:
        return
    names = "; ".join(loss.what for loss in refused)
    remedies = " ".join(dict.fromkeys(loss.remedy for loss in refused))
    kinds = ",".join(sorted({loss.kind for loss in refused}))
    raise LossError(f"{target} cannot hold {names}.", f"{remedies} Or go on without: --allow-loss {kinds}.")


def _carry(stream: StreamInfo, source: InputContainer, info: MediaInfo, muxer: str) -> Carried:
    kind = _LOSS_OF_KIND[stream.kind]
    matroska = muxer == "matroska"
    if stream.kind == "attachment":
        if matroska:
            return Carried(stream=stream, action="attach")
        return Carried(stream=stream, action="lose", reason=f"{muxer} has no attachments", loss=kind)
    if stream.is_cover:
        if matroska:
            return Carried(stream=stream, action="attach", reason="a cover picture is an attachment in Matroska")
        # MP4 writes covers only beside iTunes tags, which would cost every tag that is not one of theirs.
        return Carried(stream=stream, action="lose", reason=f"{muxer} has no cover beside all tags", loss="attachments")
    if stream.kind == "data" and stream.codec == "timecode":
        if muxer in ("mov", "mp4"):
            return Carried(stream=stream, action="rebuild", reason="the muxer writes it from the time code tag")
        reason = f"{muxer} has no time code tracks; its start stays as a tag"
        return Carried(stream=stream, action="lose", reason=reason, loss=kind)
    if stream.kind == "data" and info.chapter_count and _is_chapter_text(source, stream):
        return Carried(stream=stream, action="rebuild", reason="it holds the chapters, which are written as such")
    refusal = _refusal(info.path, stream, muxer)
    if refusal is not None:
        return Carried(stream=stream, action="lose", reason=refusal, loss=kind)
    return Carried(stream=stream, action="copy")


def _is_chapter_text(source: InputContainer, stream: StreamInfo) -> bool:
    """QuickTime keeps chapters as a text track, seen as a data stream that is not enabled by default."""
    return "mov" in source.format.name and not stream.dispositions and stream.codec == ""


def _refusal(path: Path, stream: StreamInfo, muxer: str) -> str | None:
    """Why a muxer does not take a stream, by offering it; None if it does.

    Sound is offered with its first packet, because MP4 judges it only as it writes its index. Other streams may have
    their first packet hours later.
    """
    with open_input(path) as source, tempfile.TemporaryDirectory(prefix="videocolor-") as folder:
        original: Any = source.streams[stream.index]
        try:
            with av.open(libav_name(Path(folder) / "trial"), "w", format=muxer) as trial:
                copy: Any = trial.add_stream_from_template(original, opaque=True)
                copy.time_base = original.time_base
                trial.start_encoding()
                if stream.kind == "audio":
                    _offer_first_packet(source, original, trial, copy)
        except (av.FFmpegError, ValueError, RuntimeError):
            return f"{muxer} does not take it"
    return None


def _offer_first_packet(source: InputContainer, original: Any, trial: Any, copy: Any) -> None:
    for packet in source.demux(original):
        if packet.size:
            packet.stream = copy
            if packet.dts is None:
                packet.dts = packet.pts or 0
            trial.mux(packet)
            return


def _remedy(stream: StreamInfo, muxer: str) -> str:
    if stream.kind == "data":
        return (
            "Name the result .mov or .mp4, which may hold data tracks." if muxer != "mov" else "No container here can."
        )
    return "Name the result .mkv." if muxer != "matroska" else "No container here can."


def _side_data_losses(info: MediaInfo, encoding: Encoding) -> list[Loss]:
    losses = []
    present = set(info.video.frame_side_data)
    if present & HDR_SIDE_DATA and encoding.codec not in HDR_CODECS:
        losses.append(
            Loss(
                kind="hdr",
                what=f"the HDR10 mastering data (the encoder {encoding.encoder} does not write it)",
                remedy="Use --codec h265.",
            )
        )
    if "A53_CC" in present and encoding.codec not in ("h264", "h265"):
        losses.append(
            Loss(
                kind="subtitles",
                what=f"the captions inside the picture stream (CEA-608/708; {encoding.encoder} does not write them)",
                remedy="Use --codec h264.",
            )
        )
    for name, (kind, what) in _LOST_SIDE_DATA.items():
        if name in present:
            losses.append(Loss(kind=kind, what=what, remedy="Nothing here can write it."))
    return losses


def _rotation_losses(info: MediaInfo, muxer: str) -> list[Loss]:
    """Matroska stores the display matrix as an angle: a stretch in it is lost, a shift is too, but shows nowhere."""
    matrix = info.video.display_matrix
    if matrix is None or muxer not in ("matroska", "webm"):
        return []
    across, down = (matrix[0], matrix[1]), (matrix[3], matrix[4])
    if all(x * x + y * y == _MATRIX_ONE**2 for x, y in (across, down)):
        return []
    return [
        Loss(
            kind="rotation",
            what="the display matrix, which stretches the picture as it turns it",
            remedy="Name the result .mp4 or .mov.",
        )
    ]


def _notes(info: MediaInfo, carried: tuple[Carried, ...], muxer: str) -> list[str]:
    notes = [
        f"Stream {item.stream.label}: {item.reason}."
        for item in carried
        if item.action in ("attach", "rebuild") and item.reason
    ]
    if muxer in ("matroska", "webm"):
        base = info.video.time_base
        if 1000 % base.denominator:
            notes.append(f"Matroska counts milliseconds: times of the film's {base} s clock are rounded to 1 ms.")
        matrix = info.video.display_matrix
        if matrix is not None and any(matrix[6:8]):
            notes.append("Matroska keeps the display matrix's turn, not its shift, which players do not use.")
    return notes
