"""Clips as an examination gets them: which frames, which size, which colors."""

from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from videocolor.color.lab import gray_to_lightness, rgb_to_lab
from videocolor.errors import MediaError, MediaNotFound
from videocolor.examine.clips import clip_loaders

MEDIA = Path(__file__).resolve().parents[3] / "shared" / "data" / "media"


def film(path, shots, *, height=48, width=64, chroma=lambda number: (100, 150)):
    """A film of flat chroma over one texture a shot, lossless."""
    with av.open(f"file:{path}", "w", format="matroska") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.codec_context.width, stream.codec_context.height = width, height
        stream.codec_context.pix_fmt = "yuv420p"
        number = 0
        for shot, count in enumerate(shots):
            texture = np.random.default_rng(shot).integers(60, 180, (height, width), dtype=np.uint8)
            for _ in range(count):
                frame = av.VideoFrame(width, height, "yuv420p")
                planes = (texture, *(np.full((height // 2, width // 2), code, np.uint8) for code in chroma(number)))
                for plane, values in zip(frame.planes, planes, strict=True):
                    np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:, : values.shape[1]] = values
                frame.pts = number
                container.mux(stream.encode(frame))
                number += 1
        container.mux(stream.encode(None))
    return path


def test_a_clip_is_the_middle_of_the_longest_shot(tmp_path):
    path = film(tmp_path / "film.mkv", [20, 41, 25], chroma=lambda number: (100, 120 + number))

    (load,) = clip_loaders([path], frames=9)
    clip = load()

    # Cr, and with it a*, rises by one code from frame to frame: 20 + (41 - 9) / 2 = 36.
    assert ("film.mkv", 9, True) == (clip.name, len(clip.views), clip.has_truth)
    texture = np.random.default_rng(1).integers(60, 180, (48, 64), dtype=np.uint8)
    for place, view in enumerate(clip.views):
        assert not view.is_still
        luma = torch.from_numpy((texture.astype(np.float32) - 16) / 219)[None]
        torch.testing.assert_close(view.lightness, gray_to_lightness(luma), atol=0.05, rtol=0)
        expected = rgb_to_lab(_rgb(luma, (100 - 128) / 224, (156 + place - 128) / 224)[None])[1][0]
        # R'G'B' of 8 bits.
        assert float((view.ab - expected).abs().mean()) < 0.3


def _rgb(luma, cb, cr):
    """BT.601, which untagged film of this size has."""
    red, blue = luma + 1.402 * cr, luma + 1.772 * cb
    return torch.cat([red, (luma - 0.299 * red - 0.114 * blue) / 0.587, blue]).clamp(0, 1)


def test_a_clip_is_the_same_each_time_and_short_films_whole(tmp_path):
    (load,) = clip_loaders([film(tmp_path / "film.mkv", [5])])

    first, second = load(), load()

    assert 5 == len(first.views)
    for one, other in zip(first.views, second.views, strict=True):
        assert torch.equal(one.lightness, other.lightness)
        assert torch.equal(one.ab, other.ab)


def test_wide_films_are_reduced_by_area_averages(tmp_path):
    (load,) = clip_loaders([film(tmp_path / "film.mkv", [3])], width=32)

    view = load().views[0]

    assert (24, 32) == view.size
    texture = np.random.default_rng(0).integers(60, 180, (48, 64), dtype=np.uint8)
    luma = (texture.reshape(24, 2, 32, 2).mean(axis=(1, 3)) - 16) / 219
    expected = gray_to_lightness(torch.from_numpy(luma.astype(np.float32))[None])
    torch.testing.assert_close(view.lightness, expected, atol=0.1, rtol=0)


def test_a_film_without_color_has_no_truth(tmp_path):
    (load,) = clip_loaders([film(tmp_path / "film.mkv", [4], chroma=lambda number: (128, 129))])

    clip = load()

    assert not clip.has_truth
    assert all(view.ab is None for view in clip.views)


def test_what_is_no_film_is_refused_before_the_work(tmp_path):
    Image.new("RGB", (64, 64), (90, 120, 60)).save(tmp_path / "still.png")
    (tmp_path / "text.mkv").write_text("no film\n" * 30)

    with pytest.raises(MediaError, match="is a picture, not a film"):
        clip_loaders([tmp_path / "still.png"])
    with pytest.raises(MediaError, match=r"text\.mkv"):
        clip_loaders([tmp_path / "text.mkv"])
    with pytest.raises(MediaError, match="holds no films"):
        clip_loaders([tmp_path])
    with pytest.raises(MediaNotFound, match="nowhere"):
        clip_loaders([tmp_path / "nowhere.mkv"])

    film(tmp_path / "film.mkv", [3])
    assert ["film.mkv"] == [load.name for load in clip_loaders([tmp_path])]


@pytest.mark.shared
@pytest.mark.skipif(not MEDIA.is_dir(), reason="needs the films of ../shared")
@pytest.mark.parametrize(
    ("name", "size", "has_truth"),
    [
        ("davis-camel.mp4", (270, 480), True),
        ("bw-chaplin.mp4", (270, 480), False),
        # Turned, anamorphic, and telecined ones.
        ("phone-rot90-audio-first.mov", (480, 272), True),
        ("carphone-sar-ntsc.mp4", (132, 176), True),
        ("bw-street-telecine.vob", (360, 480), False),
    ],
)
def test_clips_of_real_films(name, size, has_truth):
    (load,) = clip_loaders([MEDIA / name])

    clip = load()

    assert 15 <= len(clip.views) <= 24
    assert {size} == {view.size for view in clip.views}
    assert has_truth == clip.has_truth
    assert all(0 <= float(view.lightness.min()) <= float(view.lightness.max()) <= 100 for view in clip.views)
