"""Photographs, decoded once into a flat file of bytes that is mapped into memory."""

import csv
import hashlib
import json
import os
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from videocolor.errors import MediaError, SettingsError

_FORMAT = 1


@dataclass(frozen=True, slots=True, eq=False)
class PictureStore:
    """Pictures by number; each has its own size."""

    names: tuple[str, ...]
    pixels: npt.NDArray[np.uint8]
    """All pictures one after the other, each (H, W, 3) RGB."""
    offsets: npt.NDArray[np.int64]
    """(count,) first byte of each picture."""
    sizes: npt.NDArray[np.int64]
    """(count, 2) height and width."""
    grayness: npt.NDArray[np.float64]
    """(count,) mean distance of the channels from their mean, 0..255; below 3 a picture counts as gray."""
    sources: tuple[str, ...]
    """The collection each picture comes from, empty where that is not known."""

    def __len__(self) -> int:
        return len(self.names)

    def picture(self, index: int) -> npt.NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB, a view."""
        height, width = (int(side) for side in self.sizes[index])
        start = int(self.offsets[index])
        return self.pixels[start : start + height * width * 3].reshape(height, width, 3)


def store_of(
    pictures: list[npt.NDArray[np.uint8]], names: list[str] | None = None, sources: list[str] | None = None
) -> PictureStore:
    """A store in memory, for tests and for small sets."""
    sizes = np.array([picture.shape[:2] for picture in pictures], dtype=np.int64).reshape(-1, 2)
    lengths = sizes[:, 0] * sizes[:, 1] * 3
    return PictureStore(
        names=tuple(names or [f"{index:06}" for index in range(len(pictures))]),
        pixels=np.concatenate([picture.reshape(-1) for picture in pictures]),
        offsets=np.concatenate([[0], np.cumsum(lengths)[:-1]]),
        sizes=sizes,
        grayness=np.array([_grayness(picture) for picture in pictures]),
        sources=tuple(sources or [""] * len(pictures)),
    )


def open_store(source: Path, cache: Path) -> PictureStore:
    """Map the cache of the tar shards in `source` into memory, decoding them first if need be.

    Args:
        source: Folder with `*.tar` of pictures and, if there is one, `index.csv` that names their sources.
        cache: Folder for the decoded bytes (165 kB a picture), outside the repository.
    """
    shards = sorted(source.glob("*.tar"))
    if not shards:
        raise MediaError(f"{source} holds no .tar files.", "Name the folder of the training shards with --data.")
    identity = hashlib.sha256(
        json.dumps([_FORMAT, [(shard.name, shard.stat().st_size) for shard in shards]]).encode()
    ).hexdigest()[:16]
    index_path = cache / f"pictures-{identity}.json"
    pixel_path = cache / f"pictures-{identity}.u8"
    if not index_path.exists():
        _decode_shards(shards, pixel_path, index_path)
    index = json.loads(index_path.read_text(encoding="utf-8"))
    sizes = np.array(index["sizes"], dtype=np.int64)
    lengths = sizes[:, 0] * sizes[:, 1] * 3
    return PictureStore(
        names=tuple(index["names"]),
        pixels=np.memmap(pixel_path, dtype=np.uint8, mode="r"),
        offsets=np.concatenate([[0], np.cumsum(lengths)[:-1]]),
        sizes=sizes,
        grayness=np.array(index["grayness"]),
        sources=_sources(source / "index.csv", index["names"]),
    )


def load_folder(folder: Path) -> tuple[PictureStore, dict[str, str]]:
    """Read the validation pictures of `folder` and their kinds, as `index.csv` lists them."""
    with open(folder / "index.csv", encoding="utf-8", newline="") as lines:
        kinds = {row["file"]: row["kind"] for row in csv.DictReader(lines)}
    names = sorted(kinds)
    return store_of([_decode((folder / name).read_bytes(), name) for name in names], names), kinds


def split(store: PictureStore, *, seed: int, tune_count: int, min_grayness: float) -> tuple[list[int], list[int]]:
    """Numbers of the pictures for training and of those put aside for tuning; gray ones are in neither."""
    colored = np.flatnonzero(store.grayness >= min_grayness)
    shuffled = np.random.default_rng(seed).permutation(colored)
    return sorted(int(n) for n in shuffled[tune_count:]), sorted(int(n) for n in shuffled[:tune_count])


def repeated(store: PictureStore, members: list[int], repeats: Mapping[str, int]) -> list[int]:
    """`members` with those of some sources listed several times, so that an epoch shows them as often.

    Args:
        store: The pictures.
        members: Numbers of those to show.
        repeats: How many times for each source; 1 for those that it does not name.

    Raises:
        SettingsError: A source is named that none of the pictures comes from.
    """
    unknown = sorted(set(repeats) - {store.sources[index] for index in members})
    if unknown:
        raise SettingsError(
            f"No training picture comes from {', '.join(unknown)}.", "Name sources of index.csv in data.repeats."
        )
    return [index for index in members for _ in range(repeats.get(store.sources[index], 1))]


def manifest_hash(store: PictureStore, indices: list[int]) -> str:
    """sha256 over the names of these pictures: says what a model was trained on."""
    return hashlib.sha256("\n".join(store.names[index] for index in indices).encode()).hexdigest()


def _sources(index: Path, names: list[str]) -> tuple[str, ...]:
    if not index.exists():
        return ("",) * len(names)
    with open(index, encoding="utf-8", newline="") as lines:
        source_of = {row["file"]: row["source"] for row in csv.DictReader(lines)}
    return tuple(source_of.get(name, "") for name in names)


def _decode_shards(shards: list[Path], pixel_path: Path, index_path: Path) -> None:
    names, sizes, grayness = [], [], []
    pixel_path.parent.mkdir(parents=True, exist_ok=True)
    draft = pixel_path.with_suffix(".draft")
    with open(draft, "wb") as pixels:
        for name, data in _members(shards):
            picture = _decode(data, name)
            pixels.write(picture.tobytes())
            names.append(name)
            sizes.append(picture.shape[:2])
            grayness.append(round(_grayness(picture), 3))
    os.replace(draft, pixel_path)
    # The index comes last: where it is, the pixels are complete.
    draft.write_text(json.dumps({"names": names, "sizes": sizes, "grayness": grayness}), encoding="utf-8")
    os.replace(draft, index_path)


def _members(shards: list[Path]) -> Iterator[tuple[str, bytes]]:
    for shard in shards:
        with tarfile.open(shard) as archive:
            for member in archive:
                stream = archive.extractfile(member)
                if stream is not None:
                    yield member.name, stream.read()


def _decode(data: bytes, name: str) -> npt.NDArray[np.uint8]:
    # OpenCV answers None to a damaged file, but raises for an empty one.
    picture = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR_RGB) if data else None
    if picture is None:
        raise MediaError(f"{name} cannot be decoded.", "Fetch the shard again; its hash differs from the original's.")
    return np.asarray(picture, dtype=np.uint8)


def _grayness(picture: npt.NDArray[np.uint8]) -> float:
    small = cv2.resize(picture, (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32)
    return float(np.abs(small - small.mean(axis=2, keepdims=True)).mean())
