"""Reports of runs: as values for JSON, and as lines of text."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from explorer.plain_text import columns, count, percent, plain
from explorer.runs import cost_estimate
from explorer.runs.history import RULES, EpochRecord, best_epoch
from explorer.runs.metrics import OBJECTIVES, is_penalized
from explorer.runs.model_mark import read_mark
from explorer.runs.run import BEST, Run
from explorer.runs.run_summary import RunSummary, summarize
from explorer.runs.run_table import loss_caution, run_table
from explorer.runs.status import QUEUED, UNREADABLE

SELECTED_BY = RULES["val_loss"].criterion
METRICS = ("loss", "accuracy", "val_loss", "val_accuracy", "penalty", "val_penalty", "clipped")


def result(run: Run) -> dict[str, Any]:
    """A run for JSON: its status, its best epoch and the metrics of every epoch."""
    status, records = run.status(), run.history()
    best = best_epoch(records)
    return {
        "run": run.name,
        "name": plain(summarize(run).title),
        "path": str(run.path),
        "status": status.status,
        "reason": status.reason,
        "cause": status.cause,
        "epochs": len(records),
        **_best(best),
        "model_epoch": _model_epoch(run, best),
        "history": {name: [getattr(record, name) for record in records] for name in METRICS},
        "seconds_per_epoch": [record.seconds for record in records],
        "compile_seconds": status.compile_seconds,
        "parameters": status.parameters or cost_estimate.parameters(run.config),
        "config": run.config.to_dict(),
    }


def _model_epoch(run: Run, best: EpochRecord | None) -> int | None:
    """The epoch of the saved model, by its own mark where it has one; None without a model."""
    mark = read_mark(run.path / BEST) or best
    return mark.epoch if mark and (run.path / BEST).exists() else None


def _best(best: EpochRecord | None) -> dict[str, Any]:
    return {
        "selected_by": SELECTED_BY,
        "best_epoch": best.epoch if best else None,
        "val_loss": best.val_loss if best else None,
        "val_accuracy": best.val_accuracy if best else None,
        "val_data_loss": best.val_data_loss if best else None,
        "val_penalty": best.val_penalty if best else None,
    }


def lines_of_result(values: dict[str, Any]) -> list[str]:
    """The values of `result` as text: how the run ended, its best epoch, and the path of that model."""
    run = f"{values['run']} ({values['name']})"
    if values["best_epoch"] is None:
        return [f"{run}: {values['status']}, no epoch with a finite validation loss"]
    epochs, of = count(values["epochs"], "epoch"), values["model_epoch"]
    other = f" (from epoch {of}; the model of the best epoch could not be saved)" * (of != values["best_epoch"])
    parts = f" (data loss {values['val_data_loss']:.4f} + penalty {values['val_penalty']:.4f})"
    return [
        f"{run}: {values['status']} after {epochs}; best epoch {values['best_epoch']} ({SELECTED_BY}): "
        f"validation loss {values['val_loss']:.4f}{parts * is_penalized(values['val_penalty'])}, "
        f"validation accuracy {percent(values['val_accuracy'])}",
        *([f"{Path(values['path'], BEST)}{other}"] if of else []),
    ]


def row(summary: RunSummary, name: str, position: int | None = None) -> dict[str, Any]:
    """One run of a list, for JSON, with its position if it waits; an unreadable one has its reason and no metrics."""
    return {
        "run": summary.name,
        "name": name,
        "status": summary.state,
        "position": position if summary.state == QUEUED else None,
        "epochs": summary.outline.epochs,
        **_best(summary.best),
        "created": datetime.fromtimestamp(summary.created, UTC).isoformat(timespec="seconds")
        if summary.status
        else None,
        "reason": summary.problem or summary.status.reason,
        "cause": summary.status.cause if summary.status else None,
        "config": summary.config.to_dict() if summary.config else None,
    }


def caution_of(summaries: Sequence[RunSummary]) -> str:
    """What to bear in mind where the validation losses of a list are compared; empty where there is nothing."""
    if not any(summary.config and summary.config.label_smoothing for summary in summaries):
        return ""  # without loading pandas
    return loss_caution(run_table(summaries))


def lines_of_runs(values: dict[str, Any]) -> list[str]:
    """The rows of a list as a table, with the reasons of unreadable runs below it."""
    penalty = ["val_data_loss"] * any(is_penalized(row["val_penalty"]) for row in values["runs"])
    head = ["run", "name", "status", "epochs", "best", "val_loss", "val_accuracy", *penalty, "created"]
    rows = [[_cell(name, _value(row, name)) for name in head] for row in values["runs"]]
    unreadable = {row["run"]: row["reason"] for row in values["runs"] if row["status"] == UNREADABLE}
    table = columns([head, *rows], right="34567" if penalty else "3456") if rows else []
    title = [f"best, val_loss and val_accuracy: the epoch with the {SELECTED_BY}"] if rows else []
    title += ["val_data_loss: val_loss without the L2 penalty"] * len(penalty)
    title += [values["caution"]] if values["caution"] else []
    title += ["queued (1): the run that is trained next"] if any(row["position"] for row in values["runs"]) else []
    return [*title, *table, *(f"{name}: {why}" for name, why in unreadable.items())]


def _value(row: dict[str, Any], column: str) -> Any:
    if column == "status" and row["position"]:
        return f"{row['status']} ({row['position']})"
    return row["best_epoch" if column == "best" else column]


def _cell(column: str, value: Any) -> str:
    if value is None:
        return "-"
    if column == "created":
        return f"{datetime.fromisoformat(value).astimezone():%Y-%m-%d %H:%M:%S}"
    metric = OBJECTIVES.get("val_loss" if column == "val_data_loss" else column)
    return metric.text(value) if metric else f"{value}"
