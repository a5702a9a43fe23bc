"""The figures of an evaluation with what they are of: for machines as values that JSON takes, for people as lines."""

from typing import Any

from explorer.data import datasets
from explorer.data.datasets import DATASETS
from explorer.evaluation.library import SavedModel, behind
from explorer.evaluation.predictions import CARRIED, TEST, Predictions
from explorer.plain_text import columns, percent
from explorer.runs.history import RULES


def figures(model: SavedModel, predictions: Predictions, looks: int) -> dict[str, Any]:
    """All figures of a model on a split, for JSON; `looks` is how often its test images were looked at."""
    facts = predictions.facts
    best, awaited = model.best, model.awaited
    evaluation = predictions.evaluation(datasets.load(facts.dataset, predictions.division))
    return {
        "model": model.name,
        "path": str(model.path),
        "model_hash": facts.model_hash,
        "selected_by": RULES["val_loss"].words if best else None,
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
    }


def lines(told: dict[str, Any]) -> list[str]:
    """What `figures` tells, to read."""
    low, high = told["accuracy_interval"]
    chosen = f", epoch {told['epoch']} ({told['selected_by']})" if told["epoch"] else ""
    looks = f", looked at {times(told['test_looks'])} for this model" if told["split"] == TEST else ""
    head = ["class", "precision", "recall", "f1", "images"]
    rows = [
        [row["name"], *(f"{row[name]:.3f}" for name in ("precision", "recall", "f1")), f"{row['support']:,}"]
        for row in told["per_class"]
    ]
    scaling = [] if told["scaling"] == CARRIED else [f"pixels: {told['scaling']}; {told['note']}"]
    outputs = [f"model: {told['origin']}"] if told["origin"] else []
    outputs += [f"outputs: {told['outputs_note']}"] if told["outputs_note"] else []
    sampled = []
    if told["samples"]:
        sampled = [
            f"mean of {told['samples']} samples with dropout left on; between samples the probability of the answer "
            f"scatters by {percent(told['spread'])} (mean standard deviation)"
        ]
    return [
        f"{told['model']}{chosen}: {told['images']:,} {told['split']} images of "
        f"{DATASETS[told['dataset']].title}{looks}, {told['seconds']:.2f} s",
        *([behind(told["awaited_epoch"])] if told["awaited_epoch"] else []),
        *scaling,
        *outputs,
        *sampled,
        f"accuracy {percent(told['accuracy'])} (95 % interval {percent(low)} to {percent(high)}), "
        f"loss {told['loss']:.4f}{_parts(told)}, top-2 accuracy {percent(told['top_2_accuracy'])}, "
        f"calibration error {percent(told['calibration_error'])}",
        *columns([head, *rows], right="1234"),
        "confusion matrix: rows are true classes, columns predicted ones",
        *columns(_matrix(told), right="".join(map(str, range(1, len(told["class_names"]) + 1)))),
    ]


def _parts(told: dict[str, Any]) -> str:
    """What the loss is made of, where a model has regularizers."""
    if not told["penalties"]:
        return ""
    return f" (data loss {told['data_loss']:.4f} + penalty {told['penalty']:.4f}, {told['penalties']})"


def _matrix(told: dict[str, Any]) -> list[list[str]]:
    names = told["class_names"]
    counts = told["confusion_matrix"]
    return [["", *(name[:6] for name in names)], *([n, *map(str, row)] for n, row in zip(names, counts, strict=True))]


def times(count: int) -> str:
    """`once`, `twice`, `3 times`."""
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")
