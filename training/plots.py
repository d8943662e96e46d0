"""Figures as SVG for a page: in the page's own colours, without a date, the same data giving the same bytes."""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from training.analysis import Interval

_COLOURS = {
    "ink": "#000001",
    "soft": "#000002",
    "line": "#000003",
    "first": "#000004",
    "second": "#000005",
    "third": "#000006",
}
"""Stand-ins that become the page's custom properties, since a figure does not know whether the page is dark."""
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # the page's fonts, and a tenth of the size
    "svg.hashsalt": "country-relations",
    "text.color": _COLOURS["ink"],
    "axes.edgecolor": _COLOURS["soft"],
    "axes.labelcolor": _COLOURS["ink"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": _COLOURS["line"],
    "xtick.color": _COLOURS["soft"],
    "ytick.color": _COLOURS["soft"],
    "xtick.labelcolor": _COLOURS["ink"],
    "ytick.labelcolor": _COLOURS["ink"],
    "legend.frameon": False,
    "font.size": 11,
    "figure.constrained_layout.use": True,
}
_REFERENCE = re.compile(r'(\bid="|url\(#|href="#)')
_PROLOGUE = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)


class _Drawing:
    """A figure in the making; ``svg`` is there when it is done."""

    def __init__(self, figure: Figure, axes: Axes) -> None:
        self.figure = figure
        self.axes = axes
        self.svg = ""


@contextmanager
def _drawing(name: str, title: str, width: float = 6.4, height: float = 4.2) -> Iterator[_Drawing]:
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height))
        drawing = _Drawing(figure, figure.add_subplot())
        drawing.axes.set_axisbelow(True)
        yield drawing
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    drawing.svg = _for_page(buffer.getvalue(), name, title)


def _for_page(svg: str, name: str, title: str) -> str:
    """Cut what only a file needs; name what is referred to apart from the other figures of the page."""
    svg = _METADATA.sub("", _PROLOGUE.sub("", svg))
    svg = _REFERENCE.sub(rf"\g<1>{name}-", svg)
    for colour, stand_in in _COLOURS.items():
        svg = svg.replace(stand_in, f"var(--{colour})")
    return svg.replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1).strip()


def _bars(axes: Axes, x: Sequence[float], heights: Sequence[Interval], colour: str, label: str) -> None:
    """Draw a line of points with their intervals."""
    values = [one.value or 0.0 for one in heights]
    below = [value - (one.low or 0.0) for value, one in zip(values, heights, strict=True)]
    above = [(one.high or 0.0) - value for value, one in zip(values, heights, strict=True)]
    axes.errorbar(
        x,
        values,
        yerr=np.maximum([below, above], 0),
        color=_COLOURS[colour],
        marker="o",
        ms=4,
        capsize=2,
        label=label,
    )


def reliability(name: str, bins: Sequence[tuple[int, float, Interval]]) -> str:
    """Accuracy over confidence, of perfect calibration and of the model, with the share of pairs in each bin.

    Parameters
    ----------
    name : str
        Distinguishes the figures of a page.
    bins : sequence of (pairs, mean confidence, accuracy)
        As `training.analysis.Scorer.reliability` gives them.

    Returns
    -------
    str
        An ``svg`` element.
    """
    with _drawing(name, "Accuracy of the pairs over the probability that the model gave") as drawing:
        axes = drawing.axes
        total = sum(pairs for pairs, _, _ in bins)
        axes.bar(
            [confidence for _, confidence, _ in bins],
            [pairs / total for pairs, _, _ in bins],
            width=0.04,
            color=_COLOURS["line"],
            label="share of the pairs",
        )
        axes.plot([0.3, 1], [0.3, 1], color=_COLOURS["soft"], ls="--", lw=1, label="perfect calibration")
        _bars(axes, [confidence for _, confidence, _ in bins], [hits for _, _, hits in bins], "first", "accuracy")
        axes.set(xlabel="probability given", ylabel="accuracy", xlim=(0.3, 1.02), ylim=(0, 1.02))
        axes.legend(loc="upper left")
    return drawing.svg


def coverage(
    name: str,
    curve: tuple[NDArray[np.float64], NDArray[np.float64]],
    marks: Sequence[tuple[float, float, Interval]],
) -> str:
    """Accuracy of the surest pairs over their share, with the points of some thresholds.

    Parameters
    ----------
    name : str
        Distinguishes the figures of a page.
    curve : (coverage, accuracy)
        As `training.analysis.coverage_curve` gives it.
    marks : sequence of (threshold, coverage, accuracy)
        Points to mark.

    Returns
    -------
    str
        An ``svg`` element.
    """
    with _drawing(name, "Accuracy of the pairs that keep a label over their share") as drawing:
        axes = drawing.axes
        axes.plot(*curve, color=_COLOURS["first"], lw=2)
        for threshold, share, hits in marks:
            if hits.value is not None:
                axes.plot(share, hits.value, "o", ms=5, color=_COLOURS["second"])
                axes.annotate(
                    f"{threshold:g}",
                    (share, hits.value),
                    (4, 5),
                    textcoords="offset points",
                    color=_COLOURS["ink"],
                )
        axes.set(xlabel="coverage: share of the pairs with that probability or more", ylabel="accuracy")
        axes.set_xlim(0, 1.04)
    return drawing.svg


def learning(name: str, sentences: Sequence[int], lines: Sequence[tuple[str, Sequence[Interval]]]) -> str:
    """Scores over the number of sentences that were fitted on.

    Parameters
    ----------
    name : str
        Distinguishes the figures of a page.
    sentences : sequence of int
        How many each point was fitted on.
    lines : sequence of (label, scores)
        A line for each score.

    Returns
    -------
    str
        An ``svg`` element.
    """
    with _drawing(name, "Scores over the number of sentences that were fitted on") as drawing:
        axes = drawing.axes
        for colour, (label, scores) in zip(("first", "second", "third"), lines, strict=False):
            _bars(axes, sentences, scores, colour, label)
        axes.set(xlabel="sentences", ylabel="score on held-out pairs", xlim=(0, max(sentences) * 1.04))
        axes.legend(loc="lower right")
    return drawing.svg


def forest(name: str, rows: Sequence[tuple[str, Interval]], whole: Interval) -> str:
    """Accuracy of slices with their intervals, beside that of all pairs.

    Parameters
    ----------
    name : str
        Distinguishes the figures of a page.
    rows : sequence of (label, accuracy)
        From above to below.
    whole : Interval
        Accuracy of all pairs.

    Returns
    -------
    str
        An ``svg`` element.
    """
    with _drawing(name, "Accuracy by slice", height=0.9 + 0.24 * len(rows)) as drawing:
        axes = drawing.axes
        for place, (_, hits) in enumerate(rows):
            axes.plot(np.array([hits.low, hits.high], dtype=float), [place, place], color=_COLOURS["soft"], lw=1.5)
            axes.plot(np.array([hits.value], dtype=float), [place], "o", ms=5, color=_COLOURS["first"])
        axes.axvline(whole.value or 0.0, color=_COLOURS["second"], ls="--", lw=1)
        axes.set_yticks(range(len(rows)), [label for label, _ in rows])
        axes.set(xlabel="accuracy, dashed: of all pairs", ylim=(len(rows) - 0.4, -0.6))
    return drawing.svg
