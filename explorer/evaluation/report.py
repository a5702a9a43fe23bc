"""Reports of an evaluation: its metrics and their context, as values for JSON and as lines of text."""

from collections.abc import Sequence
from typing import Any

from explorer.data import datasets
from explorer.data.datasets import DATASETS
from explorer.evaluation.predictions import CARRIED, TEST, Predictions
from explorer.evaluation.saved_models import SavedModel, behind
from explorer.plain_text import columns, percent, times
from explorer.runs.history import RULES
from explorer.runs.metrics import is_penalized


def values(model: SavedModel, predictions: Predictions, looks: int) -> dict[str, Any]:
    """All metrics of a model on a split, for JSON; `looks` is how often it was evaluated on the test images."""
    facts = predictions.facts
    best, awaited = model.best, model.awaited
    evaluation = predictions.evaluation(datasets.load(facts.dataset, predictions.division))
    return {
        "model": model.name,
        "path": str(model.path),
        "model_hash": facts.model_hash,
        "selected_by": RULES["val_loss"].criterion if best else None,
        "epoch": best.epoch if best else None,
        "awaited_epoch": awaited.epoch if awaited else None,
        "parameters": facts.parameters,
        "dataset": facts.dataset,
        "split": predictions.split,
        "test_looks": looks,
        "scaling": facts.scaling,
        "note": facts.note,
        "outputs": facts.reading,
        "outputs_note": facts.reading_note,
        "penalties": facts.penalties,
        "origin": facts.origin,
        "samples": predictions.samples,
        "spread": float(predictions.spread.mean()) if predictions.spread is not None else None,
        **evaluation.to_dict(),
        "seconds": predictions.seconds,
        "load_seconds": predictions.load_seconds,
        "caution": smoothing_caution(model),
    }


def smoothing_caution(model: SavedModel) -> str:
    """What to bear in mind where a model's loss is compared with those of its run; empty where there is nothing."""
    config = model.run.config if model.run else None
    if not config or not config.label_smoothing:
        return ""
    return "The losses that its run recorded include label smoothing; this loss does not."


def lines(values: dict[str, Any]) -> list[str]:
    """The result of `values` as text."""
    low, high = values["accuracy_interval"]
    chosen = f", epoch {values['epoch']} ({values['selected_by']})" if values["epoch"] else ""
    looks = f", evaluated {times(values['test_looks'])} with this model" if values["split"] == TEST else ""
    noun = DATASETS[values["dataset"]].noun
    head = ["class", "precision", "recall", "f1", noun]
    rows = [
        [row["name"], *(f"{row[name]:.3f}" for name in ("precision", "recall", "f1")), f"{row['support']:,}"]
        for row in values["per_class"]
    ]
    scaling = [] if values["scaling"] == CARRIED else [f"pixels: {values['scaling']}; {values['note']}"]
    outputs = [f"model: {values['origin']}"] if values["origin"] else []
    outputs += [f"outputs: {values['outputs_note']}"] if values["outputs_note"] else []
    sampled = []
    if values["samples"]:
        sampled = [
            f"mean of {values['samples']} samples with dropout on; the probability of the predicted class varies by "
            f"{percent(values['spread'])} between samples (mean standard deviation)"
        ]
    return [
        f"{values['model']}{chosen}: {values['images']:,} {values['split']} {noun} of "
        f"{DATASETS[values['dataset']].title}{looks}, {values['seconds']:.2f} s",
        *([behind(values["awaited_epoch"])] if values["awaited_epoch"] else []),
        *scaling,
        *outputs,
        *sampled,
        f"accuracy {percent(values['accuracy'])} (95% confidence interval {percent(low)} to {percent(high)}), "
        f"loss {values['loss']:.4f}{_parts(values)}, top-2 accuracy {percent(values['top_2_accuracy'])}, "
        f"calibration error {percent(values['calibration_error'])}",
        *columns([head, *rows], right="1234"),
        *_mistakes(values, noun),
        *filter(None, [values["caution"]]),
    ]


# with more classes, a confusion matrix is wider than a screen, and its names and numbers would lie over one another
MOST_NUMBERED = 20
MOST_MISTAKES = 10


def frequent_mistakes(matrix: Sequence[Sequence[int]], names: Sequence[str]) -> list[tuple[str, str, int]]:
    """What is mistaken for what most often, at most `MOST_MISTAKES`: the true class, the predicted one, the count."""
    mistakes = [
        (true, predicted, int(count))
        for true, row in zip(names, matrix, strict=True)
        for predicted, count in zip(names, row, strict=True)
        if true != predicted and count
    ]
    return sorted(mistakes, key=lambda mistake: -mistake[2])[:MOST_MISTAKES]


def _mistakes(values: dict[str, Any], noun: str = "images") -> list[str]:
    """The confusion matrix, or of many classes what is mistaken for what most often."""
    names = values["class_names"]
    if len(names) <= MOST_NUMBERED:
        right = "".join(map(str, range(1, len(names) + 1)))
        title = "confusion matrix: rows are true classes, columns are predicted classes"
        return [title, *columns(_matrix(values), right=right)]
    mistakes = frequent_mistakes(values["confusion_matrix"], names)
    rows = [[true, predicted, f"{count:,}"] for true, predicted, count in mistakes]
    if not rows:
        return ["no mistakes"]
    return ["most frequent mistakes", *columns([["true", "predicted", noun], *rows], right="2")]


def _parts(values: dict[str, Any]) -> str:
    """The parts of a loss that includes a penalty."""
    if not is_penalized(values["penalty"]):
        return ""
    return f" (data loss {values['data_loss']:.4f} + penalty {values['penalty']:.4f}, {values['penalties']})"


def _matrix(values: dict[str, Any]) -> list[list[str]]:
    names = values["class_names"]
    counts = values["confusion_matrix"]
    return [["", *(name[:6] for name in names)], *([n, *map(str, row)] for n, row in zip(names, counts, strict=True))]
