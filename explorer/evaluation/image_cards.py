"""HTML cards of images, for the page and the HTML report: picture, true and predicted class, probabilities."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

import numpy as np

from explorer.data.datasets import Dataset
from explorer.evaluation.images import png_uri, points_uri, proportions
from explorer.evaluation.metrics import Evaluation
from explorer.palette import CLASS_COLORS, NEUTRAL, RIGHT_COLOR, WRONG_COLOR
from explorer.plain_text import plain

MOST_EXAMPLES, MOST_POINTS, MOST_VALUES, MOST_BARS = 10, 400, 6, 20
GRID = "display:grid;grid-template-columns:repeat(auto-fill,minmax(132px,1fr));gap:14px 12px"
SMALL_GRID = "display:grid;grid-template-columns:repeat(auto-fill,minmax(72px,1fr));gap:8px"
PICTURE = "width:100%;max-width:160px;aspect-ratio:{};image-rendering:pixelated;border-radius:6px;display:block"
BARS = "display:flex;align-items:flex-end;gap:2px;height:34px;margin-top:5px;max-width:160px"


def cards(
    dataset: Dataset,
    split: str,
    evaluation: Evaluation,
    positions: Iterable[int],
    notes: Mapping[int, str] | None = None,
) -> str:
    """A grid of the images at `positions` of a split; `notes` maps positions to extra lines."""
    indices, notes = getattr(dataset, split), notes or {}
    cells = "".join(_card(dataset, indices, evaluation, int(p), notes.get(int(p), "")) for p in positions)
    return f'<div style="{GRID}">{cells}</div>'


def examples(dataset: Dataset) -> str:
    """A grid with the first training image of up to `MOST_EXAMPLES` classes, and its name; for points one picture."""
    spec = dataset.spec
    labels = dataset.labels[dataset.train]
    if spec.plane:
        return _points(dataset, labels)
    cells = []
    for number in np.unique(np.linspace(0, spec.classes - 1, MOST_EXAMPLES).round().astype(int)):
        name, first = spec.class_names[number], dataset.train[int((labels == number).argmax())]
        figure = _figure(dataset, first, f"{'an image' if spec.pictures else 'a row'} of class {name}", NEUTRAL)
        cells.append(
            f'<figure style="margin:0;min-width:0">{figure}<figcaption style="font-size:.82rem">{escape(name)}'
            "</figcaption></figure>"
        )
    return f'<div style="{SMALL_GRID if spec.pictures else GRID}">{"".join(cells)}</div>'


def _points(dataset: Dataset, labels: np.ndarray) -> str:
    names, first = dataset.spec.class_names, slice(0, MOST_POINTS)
    colors = [CLASS_COLORS[label] for label in labels[first]]
    source = points_uri(dataset.images[dataset.train[first]], colors, dataset.spec.max_value)
    legend = " ".join(
        f'<span style="color:{color}">●</span> {escape(name)}' for name, color in zip(names, CLASS_COLORS, strict=True)
    )
    if axes := dataset.spec.layout.feature_names:
        across, up = (escape(plain(name)) for name in axes)
        legend += f'<br><span style="opacity:.75">{across} to the right, {up} upwards</span>'
    alt = f"training points of {names[0]} and {names[1]}"
    return f'<img src="{source}" alt="{escape(alt)}" style="width:100%;max-width:280px"><br>{legend}'


def _figure(dataset: Dataset, index: int, alt: str, color: str) -> str:
    """One image: a picture, a point in its plane, or the values of a row."""
    spec, image = dataset.spec, dataset.images[index]
    if not spec.pictures and not spec.plane:
        values = _values(spec.layout.feature_names, image)
        return f'<code title="{escape(alt)}" style="overflow-wrap:anywhere">{values}</code>'
    source = png_uri(image, spec.max_value) if spec.pictures else points_uri([image], [color], spec.max_value)
    style = PICTURE.format(proportions(spec.image_shape))
    return f'<img src="{source}" alt="{escape(alt)}" style="{style}">'


def _values(names: Sequence[str], row: np.ndarray) -> str:
    """The first values of a row of a table, each after the name of its feature in a line where there are names."""
    more = len(row) > MOST_VALUES
    values = [f"{value:.4g}" for value in row[:MOST_VALUES]] + ["…"] * more
    if not names:
        return ", ".join(values)
    named = [f"{escape(plain(name))}: " for name in names[:MOST_VALUES]] + [""] * more
    return "<br>".join(map("".join, zip(named, values, strict=True)))


def _card(dataset: Dataset, indices, evaluation: Evaluation, position: int, note: str) -> str:
    names = evaluation.class_names
    true, predicted = int(evaluation.labels[position]), int(evaluation.predicted[position])
    sure = float(evaluation.confidence[position])
    color = RIGHT_COLOR if true == predicted else WRONG_COLOR
    outcome = "correct" if true == predicted else f"predicted as {names[predicted]}"
    alt = f"{dataset.spec.one} {position}: {names[true]}, {outcome} with {sure:.0%}"
    figure = _figure(dataset, indices[position], alt, color)
    mark = "✓" if true == predicted else "✗"
    extra = f'<br><span style="opacity:.75">{escape(note)}</span>' if note else ""
    return (
        f'<figure style="margin:0;min-width:0">{figure}'
        f'<figcaption style="font-size:.82rem;line-height:1.35;margin-top:5px">'
        f'<b>{escape(names[true])}</b> <span style="opacity:.6">#{position}</span><br>'
        f'<span style="color:{color};font-weight:600">{mark} {escape(names[predicted])} {sure:.0%}</span>'
        f"{extra}{_bars(evaluation, position)}</figcaption></figure>"
    )


def _bars(evaluation: Evaluation, position: int) -> str:
    """The probabilities as bars, each with its class and value as a tooltip; a screen reader gets them as text.

    All in the order of the classes, or of many classes the highest, in descending order.
    """
    names, values = evaluation.class_names, evaluation.probabilities[position]
    true, predicted = evaluation.labels[position], evaluation.predicted[position]
    drawn = range(len(names)) if len(names) <= MOST_BARS else np.argsort(-values, kind="stable")[:MOST_BARS]
    bars = []
    for number in drawn:
        name, value = names[number], values[number]
        wrong = WRONG_COLOR if number == predicted else NEUTRAL
        color = RIGHT_COLOR if number == true else wrong
        bars.append(
            f'<i title="{escape(name)} {value:.1%}" style="flex:1;height:100%;display:flex;align-items:flex-end;'
            f'background:rgba(128,128,128,.12)"><i style="width:100%;height:{max(3.0, 100 * float(value)):.0f}%;'
            f'background:{color}"></i></i>'
        )
    text = escape(", ".join(f"{names[number]} {values[number]:.1%}" for number in drawn))
    return f'<div role="img" aria-label="{text}" style="{BARS}">{"".join(bars)}</div>'
