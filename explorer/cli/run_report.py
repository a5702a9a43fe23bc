"""What is told of runs: for machines as values that JSON takes, for people as lines of text."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from explorer.plain_text import columns, percent
from explorer.runs import cost_estimate
from explorer.runs.history import RULES, EpochRecord, best_epoch
from explorer.runs.model_mark import read_mark
from explorer.runs.run import BEST, UNREADABLE, Run, RunSummary

SELECTED_BY = RULES["val_loss"].words
METRICS = ("loss", "accuracy", "val_loss", "val_accuracy", "penalty", "val_penalty")


def result(run: Run) -> dict[str, Any]:
    """What came of a run, for JSON: where it stands, its best epoch and every epoch's numbers."""
    status, records = run.status(), run.history()
    best = best_epoch(records)
    return {
        "run": run.name,
        "path": str(run.path),
        "status": status.status,
        "reason": status.reason,
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
    """The epoch that the saved model is of, by its own mark where it has one; None without a model."""
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


def lines_of_result(told: dict[str, Any]) -> list[str]:
    """What `result` tells, to read: how the run ended, its best epoch, and where that model is."""
    if told["best_epoch"] is None:
        return [f"{told['run']}: {told['status']}, no epoch with a finite validation loss"]
    epochs, of = f"{told['epochs']:,} epoch{'s' * (told['epochs'] != 1)}", told["model_epoch"]
    other = f" (of epoch {of}: the best one could not be saved)" * (of != told["best_epoch"])
    parts = f" (data loss {told['val_data_loss']:.4f} + penalty {told['val_penalty']:.4f})"
    return [
        f"{told['run']}: {told['status']} after {epochs}; best epoch {told['best_epoch']} ({SELECTED_BY}): "
        f"validation loss {told['val_loss']:.4f}{parts * (told['val_penalty'] > 0)}, "
        f"validation accuracy {percent(told['val_accuracy'])}",
        *([f"{Path(told['path'], BEST)}{other}"] if of else []),
    ]


def row(summary: RunSummary) -> dict[str, Any]:
    """One run of a list, for JSON; an unreadable one has its reason and no numbers."""
    return {
        "run": summary.name,
        "status": summary.state,
        "epochs": summary.outline.epochs,
        **_best(summary.best),
        "created": datetime.fromtimestamp(summary.created, UTC).isoformat(timespec="seconds")
        if summary.status
        else None,
        "reason": summary.problem or summary.status.reason,
        "config": summary.config.to_dict() if summary.config else None,
    }


def lines_of_runs(told: dict[str, Any]) -> list[str]:
    """The rows of a list as a table to read, the reasons of unreadable runs below it."""
    head = ["run", "status", "epochs", "best", "val_loss", "val_accuracy", "created"]
    rows = [[_cell(name, row[name if name != "best" else "best_epoch"]) for name in head] for row in told["runs"]]
    unreadable = {row["run"]: row["reason"] for row in told["runs"] if row["status"] == UNREADABLE}
    table = columns([head, *rows], right="2345") if rows else []
    title = [f"best, val_loss and val_accuracy are of the epoch with the {SELECTED_BY}"] if rows else []
    return [*title, *table, *(f"{name}: {why}" for name, why in unreadable.items())]


def _cell(column: str, value: Any) -> str:
    if value is None:
        return "-"
    if column == "created":
        return f"{datetime.fromisoformat(value).astimezone():%Y-%m-%d %H:%M:%S}"
    formats = {"val_loss": "{:.4f}", "val_accuracy": "{:.2%}"}
    return formats.get(column, "{}").format(value)
