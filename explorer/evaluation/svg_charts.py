"""The two confidence charts as plain SVG, for an HTML report without scripts."""

from collections.abc import Iterable, Sequence

import numpy as np

from explorer.evaluation.metrics import CalibrationBin
from explorer.palette import NEUTRAL, RIGHT_COLOR, WRONG_COLOR
from explorer.plain_text import percent

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 460, 300, 52, 40, 26
BARS = 20


def reliability(bins: Sequence[CalibrationBin], noun: str) -> str:
    """The accuracy in each bin of confidence, and the diagonal of a calibrated model."""
    shapes = [
        _bar(b.low, b.high, 0.0, b.accuracy, 1.0, RIGHT_COLOR, f"{b.count:,} {noun}: {percent(b.accuracy)} correct")
        for b in bins
        if b.count
    ]
    line = f'<line x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}" stroke="{NEUTRAL}" stroke-dasharray="5 5"/>'
    return _chart("Accuracy", [*shapes, line], 1.0, "{:.0%}")


def confidence(sure: np.ndarray, right: np.ndarray, noun: str) -> str:
    """A histogram of the confidence of correct predictions, with the incorrect ones stacked on top."""
    edges = np.linspace(0, 1, BARS + 1)
    hits, misses = np.histogram(sure[right], edges)[0], np.histogram(sure[~right], edges)[0]
    largest = float(max(1, (hits + misses).max()))
    shapes = []
    for i in range(BARS):
        low, high = float(edges[i]), float(edges[i + 1])
        shapes.append(_bar(low, high, 0.0, float(hits[i]), largest, RIGHT_COLOR, f"{hits[i]:,} correct"))
        top = float(hits[i] + misses[i])
        shapes.append(_bar(low, high, float(hits[i]), top, largest, WRONG_COLOR, f"{misses[i]:,} incorrect"))
    return _chart(f"{noun.capitalize()}: correct (teal) and incorrect (magenta)", shapes, largest, "{:,.0f}")


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - 12)


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)


def _bar(low: float, high: float, base: float, top: float, largest: float, color: str, tooltip: str) -> str:
    x, y, bottom = _x(low), _y(top / largest), _y(base / largest)
    return (
        f'<rect x="{x + 0.5:.1f}" y="{y:.1f}" width="{_x(high) - x - 1:.1f}" height="{bottom - y:.1f}" fill="{color}">'
        f"<title>{tooltip}</title></rect>"
    )


def _chart(title: str, shapes: Iterable[str], largest: float, style: str) -> str:
    ticks = "".join(
        f'<text x="{_x(share)}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{share:.0%}</text>'
        f'<text x="{LEFT - 6}" y="{_y(share) + 4}" text-anchor="end">{style.format(share * largest)}</text>'
        for share in (0.0, 0.5, 1.0)
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title} by confidence" fill="currentColor" '
        f'font-size="12"><text x="{LEFT}" y="14" font-weight="bold">{title}</text>{"".join(shapes)}{ticks}'
        f'<text x="{_x(0.5)}" y="{HEIGHT - 6}" text-anchor="middle">Confidence</text></svg>'
    )
