"""Which stream of the result is which stream of the source, and what each of them carries besides packets."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from videocolor.core.media import MediaInfo, StreamInfo, StreamKind
from videocolor.verification.packets import PacketTrack
from videocolor.verification.program import data_tag, stream_lines
from videocolor.verification.report import Finding, Judge

LOSS_OF_KIND: dict[StreamKind, str] = {
    "video": "video",
    "audio": "audio",
    "subtitle": "subtitles",
    "data": "data",
    "attachment": "attachments",
}
_KINDS: tuple[StreamKind, ...] = ("video", "audio", "subtitle", "data")
_TIME_CODE, _TEXT = "tmcd", "text"
_MOV = "mov"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPair:
    """A copied stream and where it went."""

    name: str
    """For the report: kind and number among its kind, such as "audio 1"."""
    source: StreamInfo
    result: StreamInfo | None
    """None: it is gone."""
    fate: str
    """"copied"; "chapters": a QuickTime text track that the muxer writes from the chapters; "time code"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamMap:
    """All pairs, and what the result has in addition."""

    pairs: tuple[StreamPair, ...]
    extra: tuple[StreamInfo, ...]


def pair_streams(
    source: MediaInfo,
    result: MediaInfo,
    source_tracks: Mapping[int, PacketTrack],
    result_tracks: Mapping[int, PacketTrack],
    tags: tuple[Mapping[int, str], Mapping[int, str]],
) -> StreamMap:
    """Match streams by kind and order; where the numbers differ, equal packets decide who is missing.

    Args:
        source: The probed source.
        result: The probed result.
        source_tracks: Packets of the source's streams, by index.
        result_tracks: Packets of the result's.
        tags: Four-character codes of data tracks, by index, of source and result.
    """
    pairs: list[StreamPair] = []
    extra: list[StreamInfo] = []
    for kind in _KINDS:
        before = [item for item in source.others if item.kind == kind and not item.is_cover]
        after = [item for item in result.others if item.kind == kind and not item.is_cover]
        if kind == "data":
            fates = {item.index: _fate(item, source, tags[0]) for item in before}
            for fate in ("chapters", "time code"):
                special = [item for item in after if _fate(item, result, tags[1]) == fate]
                after = [item for item in after if item not in special]
                rebuilt = [item for item in before if fates[item.index] == fate]
                before = [item for item in before if item not in rebuilt]
                pairs += _pairs(kind, _by_order(rebuilt, special), fate)
        matched, left = _matched(before, after, source_tracks, result_tracks)
        pairs += _pairs(kind, matched, "copied")
        extra += left
    return StreamMap(pairs=tuple(pairs), extra=tuple(extra))


def data_tags(path: Path) -> dict[int, str]:
    """Four-character codes of a file's data tracks, by stream index."""
    tags = {index: data_tag(line) for index, line in stream_lines(path).items()}
    return {index: tag for index, tag in tags.items() if tag}


def check_presence(streams: StreamMap, judge: Judge) -> Iterator[Finding]:
    """No copied stream is missing, and none has appeared that was not there."""
    for kind in _KINDS:
        mine = [pair for pair in streams.pairs if pair.source.kind == kind]
        lost = [pair for pair in mine if pair.result is None and pair.fate != "chapters"]
        extra = [item for item in streams.extra if item.kind == kind]
        # Chapters and time codes may become data tracks of their own.
        strange = [] if kind == "data" else extra
        if not mine and not strange:
            continue
        kept = sum(pair.result is not None for pair in mine)
        detail = f"{len(mine)} -> {kept}"
        if lost:
            detail += f", missing: {', '.join(pair.source.label for pair in lost)}"
        if strange:
            detail += f", not from the source: {', '.join(item.label for item in strange)}"
        yield judge.check(
            f"{kind} streams", not lost and not strange, detail, loss=None if strange else LOSS_OF_KIND[kind]
        )


def check_labels(
    pair: StreamPair, tags: tuple[Mapping[str, str], Mapping[str, str]], container: str, judge: Judge
) -> Iterator[Finding]:
    """Language, title and dispositions of a copied stream.

    Args:
        pair: The stream, which is not lost.
        tags: Its tags in source and result, keys in lower case.
        container: The result's.
        judge: Makes the findings.
    """
    assert pair.result is not None
    languages = [item.get("language", "und") for item in tags]
    yield judge.check(f"{pair.name} language", languages[0] == languages[1], " -> ".join(languages))
    flags = dispositions(pair.source, container), dispositions(pair.result, container)
    yield judge.check(f"{pair.name} disposition", flags[0] == flags[1], f"{_listed(flags[0])} -> {_listed(flags[1])}")
    # MP4 and MOV read a track's title back as its name.
    titles = [item.get("title") or item.get("name") for item in tags]
    if titles[0]:
        yield judge.check(f"{pair.name} title", titles[0] == titles[1], f"{titles[0]!r} -> {titles[1]!r}")


def dispositions(stream: StreamInfo, container: str) -> frozenset[str]:
    """A stream's flags; MP4 and MOV always enable the first track of a kind, which shows as "default"."""
    flags = frozenset(stream.dispositions)
    return flags - {"default"} if _MOV in container else flags


def _fate(stream: StreamInfo, info: MediaInfo, tags: Mapping[int, str]) -> str:
    tag = tags.get(stream.index, "")
    if tag == _TIME_CODE or stream.codec == "timecode":
        return "time code"
    if _MOV in info.container and tag == _TEXT and info.chapter_count:
        return "chapters"
    return "copied"


def _matched(
    before: Sequence[StreamInfo],
    after: Sequence[StreamInfo],
    source_tracks: Mapping[int, PacketTrack],
    result_tracks: Mapping[int, PacketTrack],
) -> tuple[list[tuple[StreamInfo, StreamInfo | None]], list[StreamInfo]]:
    """Pairs, and the result's streams that are left over."""
    if len(before) == len(after):
        return list(zip(before, after, strict=True)), []
    rest = list(after)
    found: dict[int, StreamInfo] = {}
    for same in (_equal_packets, _equal_codec):
        for stream in before:
            if stream.index in found:
                continue
            match = next((item for item in rest if same(stream, item, source_tracks, result_tracks)), None)
            if match is not None:
                found[stream.index] = match
                rest.remove(match)
    return [(stream, found.get(stream.index)) for stream in before], rest


def _equal_packets(
    before: StreamInfo, after: StreamInfo, source: Mapping[int, PacketTrack], result: Mapping[int, PacketTrack]
) -> bool:
    left, right = source.get(before.index), result.get(after.index)
    return left is not None and right is not None and left.hashes == right.hashes


def _equal_codec(
    before: StreamInfo, after: StreamInfo, source: Mapping[int, PacketTrack], result: Mapping[int, PacketTrack]
) -> bool:
    """The second choice, for streams whose packets were changed or cut."""
    return (before.codec, before.language) == (after.codec, after.language)


def _by_order(before: Sequence[StreamInfo], after: Sequence[StreamInfo]) -> list[tuple[StreamInfo, StreamInfo | None]]:
    return [(stream, after[number] if number < len(after) else None) for number, stream in enumerate(before)]


def _pairs(kind: StreamKind, matched: Sequence[tuple[StreamInfo, StreamInfo | None]], fate: str) -> list[StreamPair]:
    name = fate if fate != "copied" else kind
    return [
        StreamPair(name=f"{name} {number}", source=before, result=after, fate=fate)
        for number, (before, after) in enumerate(matched)
    ]


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "none"
