"""One tidy frame of all runs, and its filters.

Pure functions; `run_table` makes the frame, with one row per run:

    run, title                   the run's folder, and the name under which it is shown (`run_names`)
    name, tags, note             its annotation; `tags` is a tuple of strings
    dataset … seed               every field of the configuration
    status, created              one of `STATUSES`; seconds since 1970
    trained, best_epoch          number of epochs trained, and the epoch with the lowest validation loss
    val_loss, val_accuracy       at that epoch, accuracy from 0 to 1
    val_data_loss                at that epoch, the validation loss without the L2 penalty
    seconds, curve               total over all epochs; the validation loss by epoch, thinned out
    images                       number of validation images the results are measured on
"""

import math
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from explorer.config import FIELDS
from explorer.data.datasets import DATASETS
from explorer.runs.cost_estimate import validation_images
from explorer.runs.metrics import OBJECTIVES, is_penalized
from explorer.runs.run_names import run_names
from explorer.runs.run_summary import RunSummary

if TYPE_CHECKING:
    import pandas as pd

SEED = "seed"
SETTINGS = tuple(name for name in FIELDS if name != SEED)
RESULTS = {
    **{name: OBJECTIVES[name].validation_title for name in ("val_accuracy", "val_loss")},
    "val_data_loss": "Validation data loss",
    "best_epoch": "Best epoch",
    "trained": "Epochs trained",
    "seconds": "Seconds",
}
_SUMMARY = (
    "status",
    "created",
    "trained",
    "best_epoch",
    "val_loss",
    "val_data_loss",
    "val_accuracy",
    "seconds",
    "curve",
    "images",
)
COLUMNS = ("run", "title", "name", "tags", "note", *FIELDS, *_SUMMARY)


def run_table(summaries: Sequence[RunSummary], names: Mapping[str, str] | None = None) -> "pd.DataFrame":
    """One row per readable run, in the order given, with the columns above; unknown values are NaN.

    `names` are those of the store's runs; without them, the runs are told apart among themselves.
    """
    import pandas as pd

    names = run_names(summaries) if names is None else names

    readable = [s for s in summaries if s.config is not None and s.status is not None]
    configs, bests = [s.config for s in readable], [s.outline.best for s in readable]
    columns: dict[str, Any] = {
        "run": [s.name for s in readable],
        "title": [names[s.name] for s in readable],
        "name": [s.annotation.name for s in readable],
        "tags": [s.annotation.tags for s in readable],
        "note": [s.annotation.note for s in readable],
        **{field: [*map(attrgetter(field), configs)] for field in FIELDS},
        "status": [s.state for s in readable],
        "created": [s.created for s in readable],
        "trained": [s.outline.epochs for s in readable],
        "best_epoch": pd.array([b.epoch if b else None for b in bests], dtype="Int64"),
        "val_loss": [b.val_loss if b else math.nan for b in bests],
        "val_data_loss": [b.val_data_loss if b else math.nan for b in bests],
        "val_accuracy": [b.val_accuracy if b else math.nan for b in bests],
        "seconds": [s.outline.seconds for s in readable],
        "curve": [s.outline.curve for s in readable],
        "images": [*map(validation_images, configs)],
    }
    return pd.DataFrame(columns, columns=list(COLUMNS))


def noun(table: "pd.DataFrame") -> str:
    """What the images of a table's runs are called; images, where they are of several kinds."""
    nouns = {DATASETS[name].noun for name in table["dataset"].unique()}
    return nouns.pop() if len(nouns) == 1 else "images"


def matching(
    table: "pd.DataFrame",
    search: str = "",
    statuses: Sequence[str] = (),
    tags: Sequence[str] = (),
    fields: Mapping[str, Sequence[Any]] | None = None,
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> "pd.DataFrame":
    """The runs that contain every search word (in run, title, tags or note) and pass every filter.

    `fields` lists the allowed values of some columns, `ranges` the minimum and maximum of others; an empty list of
    statuses, tags or values allows all.
    """
    keep = table["run"].notna()
    if terms := search.lower().split():
        text = (
            table["run"] + " " + table["title"] + " " + table["tags"].str.join(" ") + " " + table["note"]
        ).str.lower()
        for term in terms:
            keep &= text.str.contains(term, regex=False)
    if statuses:
        keep &= table["status"].isin(statuses)
    if tags:
        keep &= table["tags"].map(lambda run_tags: bool(set(tags) & set(run_tags)))
    for name, values in (fields or {}).items():
        keep &= table[name].isin(values) if values else True
    for name, (low, high) in (ranges or {}).items():
        keep &= table[name].between(low, high)
    return table[keep]


def ranked(table: "pd.DataFrame", metric: str = "val_loss") -> "pd.DataFrame":
    """The runs with the best result first and those without one last."""
    ascending = not OBJECTIVES[metric].higher_is_better
    return table.sort_values(metric, ascending=ascending, na_position="last", kind="stable")


def penalized(table: "pd.DataFrame") -> bool:
    """Whether the loss of any run includes a penalty, so that it cannot be compared with that of others."""
    return any(map(is_penalized, table["val_loss"] - table["val_data_loss"]))


def loss_caution(table: "pd.DataFrame") -> str:
    """What to bear in mind where validation losses are compared; empty where there is nothing."""
    if table["label_smoothing"].nunique() < 2:
        return ""
    return "Validation losses include label smoothing, which differs between these runs; their accuracies do not."


def differing(table: "pd.DataFrame") -> list[str]:
    """The configuration fields in which the runs of a table differ, in the order of `FIELDS`."""
    return [name for name in FIELDS if table[name].nunique(dropna=False) > 1]


def is_number(column: str) -> bool:
    """Whether a column of settings or results holds numbers."""
    return not FIELDS[column].choices if column in FIELDS else column in RESULTS
