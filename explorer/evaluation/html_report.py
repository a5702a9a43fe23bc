"""Evaluations as files: a table of predictions, the metrics as JSON, and a self-contained HTML report."""

from html import escape
from typing import TYPE_CHECKING, Any

from explorer.data.datasets import DATASETS, Dataset
from explorer.evaluation import svg_charts
from explorer.evaluation.html_document import document
from explorer.evaluation.image_cards import cards
from explorer.evaluation.image_filter import HITS, MISTAKES, Filter, choose
from explorer.evaluation.images import png_uri
from explorer.evaluation.metrics import Evaluation, row_shares
from explorer.evaluation.predictions import CARRIED, TEST
from explorer.evaluation.report import MOST_NUMBERED, frequent_mistakes
from explorer.palette import RIGHT_COLOR, WRONG_COLOR
from explorer.plain_text import percent, times
from explorer.plain_text import to_json as one_line
from explorer.runs.metrics import is_penalized

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

IMAGES_A_PAGE = 48


def predictions_frame(dataset: Dataset, split: str, evaluation: Evaluation) -> "pd.DataFrame":
    """One row per image: index in the split and in the data set, true, predicted, right, confidence, `p_<class>`."""
    import numpy as np
    import pandas as pd

    names = np.array(evaluation.class_names)
    frame = pd.DataFrame(
        {
            "position": np.arange(evaluation.images),
            "image": getattr(dataset, split),
            "true": names[evaluation.labels],
            "predicted": names[evaluation.predicted],
            "right": evaluation.right,
            "confidence": evaluation.confidence,
        }
    )
    for number, name in enumerate(evaluation.class_names):
        frame[f"p_{name}"] = evaluation.probabilities[:, number]
    return frame


def to_json(values: dict[str, Any]) -> bytes:
    """The values of `report.values` as JSON."""
    return (one_line(values) + "\n").encode()


# --- the page ---------------------------------------------------------------------------------------------


def to_html(values: dict[str, Any], dataset: Dataset, split: str, evaluation: Evaluation) -> bytes:
    """The report as one HTML file without scripts, fonts or links; `values` is from `report.values`."""
    name = escape(values["model"])
    chosen = f", epoch {values['epoch']} ({values['selected_by']})" if values["epoch"] else ""
    looks = f", evaluated {times(values['test_looks'])} with this model" if split == TEST else ""
    scaling = "" if values["scaling"] == CARRIED else f" Pixels: {escape(values['scaling'])}; {escape(values['note'])}."
    origin = f", {escape(values['origin'])}" if values["origin"] else ""
    outputs = f" Outputs: {escape(values['outputs_note'])}." if values["outputs_note"] else ""
    spec = DATASETS[values["dataset"]]
    parts = [
        f"<h1>{name}</h1><p>{values['parameters']:,} parameters{chosen}{origin}. "
        f"{values['images']:,} {split} {spec.noun} of {spec.title}{looks}.{scaling}{outputs}</p>",
        numbers(values) + f"<p>{values['caution']}</p>" * bool(values["caution"]),
        f"<h2>Confusion matrix</h2><p>Rows are true classes, columns are predicted classes.</p>{matrix(evaluation)}",
        f"<h2>Classes</h2>{classes(values)}",
        f'<h2>Confidence</h2><div class="two">{svg_charts.reliability(evaluation.calibration, spec.noun)}'
        f"{svg_charts.confidence(evaluation.confidence, evaluation.right, spec.noun)}</div>",
        _gallery("Most confident mistakes", MISTAKES, dataset, split, evaluation),
        _gallery("Least confident correct predictions", HITS, dataset, split, evaluation),
    ]
    return document(f"{values['model']}: {split} {spec.noun}", "".join(parts))


def numbers(values: dict[str, Any]) -> str:
    """Accuracy with its interval, loss and the other metrics of `report.values`, in large type."""
    low, high = values["accuracy_interval"]
    numbers = {
        "Accuracy": percent(values["accuracy"]),
        "95% confidence interval": f"{percent(low)} – {percent(high)}",
        "Loss": f"{values['loss']:.4f}",
        **_parts(values),
        "Top-2 accuracy": percent(values["top_2_accuracy"]),
        "Calibration error": percent(values["calibration_error"]),
    }
    return f'<div class="numbers">{"".join(f"<div>{k}<b>{v}</b></div>" for k, v in numbers.items())}</div>'


def _parts(values: dict[str, Any]) -> dict[str, str]:
    if not is_penalized(values["penalty"]):
        return {}
    penalty = f"Penalty ({escape(values['penalties'])})"
    return {"Data loss": f"{values['data_loss']:.4f}", penalty: f"{values['penalty']:.4f}"}


def matrix(evaluation: Evaluation) -> str:
    """The confusion matrix: rows are true classes, columns predicted ones; of many classes, a picture and a list."""
    names, shares = evaluation.class_names, row_shares(evaluation.matrix)
    if len(names) > MOST_NUMBERED:
        return _picture(shares) + _frequent_mistakes(evaluation)
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    rows = []
    for i, name in enumerate(names):
        cells = "".join(
            f'<td style="background:{_shade(RIGHT_COLOR if i == j else WRONG_COLOR, shares[i, j])}" '
            f'title="{percent(shares[i, j])}">{count:,}</td>'
            for j, count in enumerate(evaluation.matrix[i])
        )
        rows.append(f"<tr><th>{escape(name)}</th>{cells}</tr>")
    return f'<div class="matrix"><table><tr><th></th>{head}</tr>{"".join(rows)}</table></div>'


def _picture(shares: "np.ndarray") -> str:
    """The matrix as a picture with a pixel for each cell, as opaque as its share of its row is large."""
    import numpy as np

    right, wrong = (np.array([int(color[at : at + 2], 16) for at in (1, 3, 5)]) for color in (RIGHT_COLOR, WRONG_COLOR))
    colors = np.where(np.eye(len(shares), dtype=bool)[..., None], right, wrong)
    # a cell with a single image must be seen among hundreds
    opacity = np.where(shares > 0, 0.25 + 0.75 * shares, 0.0)[..., None]
    pixels = np.rint(np.concatenate([colors, 255 * opacity], axis=-1)).astype(np.uint8)
    style = "width:100%;max-width:560px;image-rendering:pixelated;border:1px solid #8a8f98"
    return f'<img alt="confusion matrix of {len(shares)} classes" src="{png_uri(pixels)}" style="{style}">'


def _frequent_mistakes(evaluation: Evaluation) -> str:
    rows = "".join(
        f"<tr><th>{escape(true)}</th><td>{escape(predicted)}</td><td>{count:,}</td></tr>"
        for true, predicted, count in frequent_mistakes(evaluation.matrix, evaluation.class_names)
    )
    if not rows:
        return "<p>There are no mistakes.</p>"
    head = "<tr><th>True class</th><th>Predicted class</th><th>Count</th></tr>"
    return f"<p>The most frequent mistakes:</p><table>{head}{rows}</table>"


def _shade(color: str, share: float) -> str:
    return f"{color}{round(255 * (0.04 + 0.8 * float(share))):02x}"


def classes(values: dict[str, Any]) -> str:
    """Precision, recall and F1 of each class as a table."""
    rows = "".join(
        f"<tr><th>{escape(row['name'])}</th><td>{percent(row['precision'])}</td><td>{percent(row['recall'])}</td>"
        f"<td>{percent(row['f1'])}</td><td>{row['support']:,}</td></tr>"
        for row in values["per_class"]
    )
    noun = DATASETS[values["dataset"]].noun.capitalize()
    return f"<table><tr><th>Class</th><th>Precision</th><th>Recall</th><th>F1</th><th>{noun}</th></tr>{rows}</table>"


def _gallery(title: str, order: str, dataset: Dataset, split: str, evaluation: Evaluation) -> str:
    positions = choose(evaluation, Filter(order))[:IMAGES_A_PAGE]
    return f"<h2>{title}</h2>{cards(dataset, split, evaluation, positions)}" if len(positions) else ""
