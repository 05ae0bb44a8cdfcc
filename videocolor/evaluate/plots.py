"""A film's colors over time as small SVG pictures, in the colors of the page. Drawing is matplotlib's work."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from videocolor.evaluate.shot_meter import FilmTraces

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH_IN, _HEIGHT_IN = 10.0, 1.7
_POINTS = 900
"""Of a line: longer films show the mean of a few frames at each point, or the largest of them."""
_MOST_CUT_MARKS = 150
_MOST_LABELS = 12
_MOST_TICKS = 10
_TIME_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600)

# Stand-ins that the page replaces by its own colors, which differ between light and dark.
_COLORS = {"#010101": "--soft", "#020202": "--rule", "#030303": "--line", "#040404": "--alarm"}
_SOFT, _RULE, _LINE, _ALARM = _COLORS


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A shot that is marked."""

    label: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A figure over time, ready for a page."""

    title: str
    note: str
    svg: str
    """An `<svg>` element for HTML: without name spaces, its colors are variables of the page."""


def draw_plots(
    traces: FilmTraces, *, duration_s: float, cuts_s: Sequence[float], bands: Sequence[Band]
) -> tuple[Plot, ...]:
    """All plots of a film, on one time axis.

    Args:
        traces: Of every frame and every measured pair.
        duration_s: Of the film.
        cuts_s: Where shots begin; drawn while they are few enough to be told apart.
        bands: Shots that need a look.
    """
    time, pair_time = np.array(traces.time_s), np.array(traces.pair_time_s)
    scene = _Scene(duration_s=duration_s, cuts_s=tuple(cuts_s), bands=tuple(bands))
    jitter, flicker = np.array(traces.tint_jitter), np.array(traces.pair_warp_ab)
    return (
        scene.plot("Flicker", "warp_ab along the motion, at the measured pairs", pair_time, flicker, is_sampled=True),
        scene.plot("Tint jitter", "jumps of the whole picture's color, each frame", time, jitter, keep_peaks=True),
        scene.plot("Mean chroma", "distance from neutral, Lab units", time, np.array(traces.chroma)),
        scene.plot("Colorfulness", "CF", time, np.array(traces.colorfulness)),
        scene.plot("Near gray", "share of pixels with chroma below 4", time, np.array(traces.near_gray_share), top=1.0),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """What all plots share."""

    duration_s: float
    cuts_s: tuple[float, ...]
    bands: tuple[Band, ...]

    def plot(
        self,
        title: str,
        note: str,
        time: npt.NDArray[np.float64],
        values: npt.NDArray[np.float64],
        *,
        top: float | None = None,
        keep_peaks: bool = False,
        is_sampled: bool = False,
    ) -> Plot:
        """One figure; `keep_peaks` shows the largest of the frames that share a point."""
        # Here, because it takes a second and no other command needs it.
        import matplotlib as mpl
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure

        with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": title, "font.family": "sans-serif"}):
            figure = Figure(figsize=(_WIDTH_IN, _HEIGHT_IN))
            canvas: Any = FigureCanvasSVG(figure)  # type: ignore[no-untyped-call]
            axes = figure.add_axes((0.045, 0.17, 0.93, 0.72))
            self._dress(axes, top=top, values=values)
            time, values = _broken(time, values, self.cuts_s)
            time, values = _thinned(time, values, keep_peaks=keep_peaks or is_sampled)
            style = {"marker": "o", "markersize": 2.2, "linewidth": 0.8} if is_sampled else {"linewidth": 1.2}
            axes.plot(time, values, color=_LINE, solid_joinstyle="round", **style)
            target = io.StringIO()
            canvas.print_svg(target, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
        return Plot(title=title, note=note, svg=_for_page(target.getvalue(), f"{title} over time"))

    def _dress(self, axes: "Axes", *, top: float | None, values: npt.NDArray[np.float64]) -> None:
        """Axes, cuts and marked shots: everything but the figure itself."""
        known = values[np.isfinite(values)]
        axes.set_xlim(0, max(self.duration_s, 1e-3))
        axes.set_ylim(0, top or max(1.0, float(known.max(initial=0)) * 1.08))
        axes.patch.set_visible(False)
        axes.figure.patch.set_visible(False)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        axes.spines["bottom"].set_color(_SOFT)
        axes.locator_params(axis="y", nbins=4)
        step = next((step for step in _TIME_STEPS_S if self.duration_s / step <= _MOST_TICKS), _TIME_STEPS_S[-1])
        axes.set_xticks(np.arange(0, self.duration_s + step / 100, step))
        axes.grid(axis="y", color=_RULE, linewidth=0.5)
        axes.tick_params(length=0, labelsize=9, labelcolor=_SOFT, pad=6)
        axes.xaxis.set_major_formatter(lambda seconds, place: _clock(seconds, self.duration_s))
        if len(self.cuts_s) <= _MOST_CUT_MARKS:
            for cut in self.cuts_s:
                axes.axvline(cut, color=_SOFT, linewidth=0.7, linestyle=(0, (3, 3)))
        for band in self.bands:
            axes.axvspan(band.start_s, band.end_s, facecolor=_ALARM, alpha=0.06, linewidth=0)
            axes.axvspan(band.start_s, band.end_s, 1.0, 1.025, facecolor=_ALARM, linewidth=0, clip_on=False)
        if len(self.bands) <= _MOST_LABELS:
            place = axes.get_xaxis_transform()
            for band in self.bands:
                middle = (band.start_s + band.end_s) / 2
                axes.text(middle, 1.05, band.label, transform=place, color=_ALARM, size=8, ha="center", va="bottom")


def _thinned(
    time: npt.NDArray[np.float64], values: npt.NDArray[np.float64], *, keep_peaks: bool
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """At most `_POINTS` points, each of an equal number of frames; NaN where all of them are."""
    size = -(-len(values) // _POINTS)
    if size <= 1:
        return time, values
    missing = -len(values) % size
    blocks = np.append(values, np.full(missing, np.nan)).reshape(-1, size)
    known = np.isfinite(blocks)
    if keep_peaks:
        thin = np.where(known, blocks, -np.inf).max(axis=1)
    else:
        thin = np.where(known, blocks, 0).sum(axis=1) / np.maximum(1, known.sum(axis=1))
    return time[::size], np.where(known.any(axis=1), thin, np.nan)


def _broken(
    time: npt.NDArray[np.float64], values: npt.NDArray[np.float64], cuts_s: Sequence[float]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The same with a gap at every cut, over which no line is drawn."""
    places = np.searchsorted(time, cuts_s)
    return np.insert(time, places, cuts_s), np.insert(values, places, np.nan)


def _clock(seconds: float, duration_s: float) -> str:
    """`1:05`, `1:02:05`, or `5.5 s` in films of less than a minute."""
    if duration_s < 60:
        return f"{seconds:g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _for_page(svg: str, label: str) -> str:
    """The bare element: no document type, no metadata, no addresses; its colors become the page's."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"""<style type="text/css">.*?</style>""", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\s+xmlns(:\w+)?="[^"]*"', "", svg)
    svg = re.sub(
        r'<svg [^>]*viewBox="([^"]*)"[^>]*>', rf'<svg viewBox="\1" role="img" aria-label="{label}">', svg, count=1
    )
    # Labels take the page's font; groups have the same names in every plot, and nothing refers to them.
    svg = re.sub(r"font-family: [^;\"]*", "font-family: inherit", svg)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    for color, variable in _COLORS.items():
        svg = svg.replace(color, f"var({variable})")
    return svg
