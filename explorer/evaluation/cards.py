"""HTML cards of images, for the page and the HTML report: picture, true and predicted class, probabilities."""

from collections.abc import Iterable, Mapping
from html import escape

from explorer.data.datasets import Dataset
from explorer.evaluation.images import png_uri
from explorer.evaluation.metrics import Evaluation
from explorer.palette import NEUTRAL, RIGHT_COLOR, WRONG_COLOR

GRID = "display:grid;grid-template-columns:repeat(auto-fill,minmax(132px,1fr));gap:14px 12px"
PICTURE = "width:100%;max-width:160px;aspect-ratio:1;image-rendering:pixelated;border-radius:6px;display:block"
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


def _card(dataset: Dataset, indices, evaluation: Evaluation, position: int, note: str) -> str:
    names = evaluation.class_names
    true, predicted = int(evaluation.labels[position]), int(evaluation.predicted[position])
    sure = float(evaluation.confidence[position])
    color = RIGHT_COLOR if true == predicted else WRONG_COLOR
    outcome = "correct" if true == predicted else f"predicted as {names[predicted]}"
    alt = escape(f"image {position}: {names[true]}, {outcome} with {sure:.0%}")
    source = png_uri(dataset.images[indices[position]], dataset.spec.max_value)
    mark = "✓" if true == predicted else "✗"
    extra = f'<br><span style="opacity:.75">{escape(note)}</span>' if note else ""
    return (
        f'<figure style="margin:0;min-width:0"><img src="{source}" alt="{alt}" style="{PICTURE}">'
        f'<figcaption style="font-size:.82rem;line-height:1.35;margin-top:5px">'
        f'<b>{escape(names[true])}</b> <span style="opacity:.6">#{position}</span><br>'
        f'<span style="color:{color};font-weight:600">{mark} {escape(names[predicted])} {sure:.0%}</span>'
        f"{extra}{_bars(evaluation, position)}</figcaption></figure>"
    )


def _bars(evaluation: Evaluation, position: int) -> str:
    """All probabilities as bars, each with its class and value as a tooltip; a screen reader gets them as text."""
    names, values = evaluation.class_names, evaluation.probabilities[position]
    true, predicted = evaluation.labels[position], evaluation.predicted[position]
    bars = []
    for number, (name, value) in enumerate(zip(names, values, strict=True)):
        wrong = WRONG_COLOR if number == predicted else NEUTRAL
        color = RIGHT_COLOR if number == true else wrong
        bars.append(
            f'<i title="{escape(name)} {value:.1%}" style="flex:1;height:100%;display:flex;align-items:flex-end;'
            f'background:rgba(128,128,128,.12)"><i style="width:100%;height:{max(3.0, 100 * float(value)):.0f}%;'
            f'background:{color}"></i></i>'
        )
    text = escape(", ".join(f"{name} {value:.1%}" for name, value in zip(names, values, strict=True)))
    return f'<div role="img" aria-label="{text}" style="{BARS}">{"".join(bars)}</div>'
