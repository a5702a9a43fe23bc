"""Comparison of runs: one table of all, groups of repeats, and a paired test between two groups.

Pure functions over one tidy frame with one row per run (`run_table`):

    run, name, tags, note        the run's folder and its annotation; `tags` is a tuple of strings
    dataset … seed               every field of the configuration
    status, created              one of `STATUSES`; seconds since 1970
    trained, best_epoch          number of epochs trained, and the epoch with the lowest validation loss
    val_loss, val_accuracy       at that epoch, accuracy from 0 to 1
    seconds, curve               total over all epochs; the validation loss by epoch, thinned out
    images                       number of validation images the results are measured on
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count as count_from
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from explorer.config import FIELDS
from explorer.errors import FieldError
from explorer.runs.cost_estimate import validation_images
from explorer.runs.run import COMPLETED, RunSummary

if TYPE_CHECKING:
    import pandas as pd

SEED = "seed"
SETTINGS = tuple(name for name in FIELDS if name != SEED)
RESULTS = {
    "val_accuracy": "Validation accuracy",
    "val_loss": "Validation loss",
    "best_epoch": "Best epoch",
    "trained": "Epochs trained",
    "seconds": "Seconds",
}
HIGHER_IS_BETTER = {"val_accuracy": True, "val_loss": False}
CONFIDENCE = 0.95
FEWEST_PAIRS = 2  # one pair has no spread

_SUMMARY = ("status", "created", "trained", "best_epoch", "val_loss", "val_accuracy", "seconds", "curve", "images")
COLUMNS = ("run", "name", "tags", "note", *FIELDS, *_SUMMARY)


def run_table(summaries: Sequence[RunSummary]) -> "pd.DataFrame":
    """One row per readable run, in the order given, with the columns above; unknown values are NaN."""
    import pandas as pd

    readable = [s for s in summaries if s.config is not None and s.status is not None]
    configs, bests = [s.config for s in readable], [s.outline.best for s in readable]
    columns: dict[str, Any] = {
        "run": [s.name for s in readable],
        "name": [s.annotation.name for s in readable],
        "tags": [s.annotation.tags for s in readable],
        "note": [s.annotation.note for s in readable],
        **{field: [*map(attrgetter(field), configs)] for field in FIELDS},
        "status": [s.state for s in readable],
        "created": [s.created for s in readable],
        "trained": [s.outline.epochs for s in readable],
        "best_epoch": pd.array([b.epoch if b else None for b in bests], dtype="Int64"),
        "val_loss": [b.val_loss if b else math.nan for b in bests],
        "val_accuracy": [b.val_accuracy if b else math.nan for b in bests],
        "seconds": [s.outline.seconds for s in readable],
        "curve": [s.outline.curve for s in readable],
        "images": [*map(validation_images, configs)],
    }
    return pd.DataFrame(columns, columns=list(COLUMNS))


def matching(
    table: "pd.DataFrame",
    search: str = "",
    statuses: Sequence[str] = (),
    tags: Sequence[str] = (),
    fields: Mapping[str, Sequence[Any]] | None = None,
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> "pd.DataFrame":
    """The runs that contain every search word (in run, name, tags or note) and pass every filter.

    `fields` lists the allowed values of some columns, `ranges` the minimum and maximum of others; an empty list of
    statuses, tags or values allows all.
    """
    keep = table["run"].notna()
    if words := search.lower().split():
        text = (
            table["run"] + " " + table["name"] + " " + table["tags"].str.join(" ") + " " + table["note"]
        ).str.lower()
        for word in words:
            keep &= text.str.contains(word, regex=False)
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
    return table.sort_values(metric, ascending=not HIGHER_IS_BETTER[metric], na_position="last", kind="stable")


def labels(table: "pd.DataFrame") -> list[str]:
    """A short, unique label for each run: its name if it has one, else the settings in which it differs."""
    fields = [name for name in differing(table) if name != SEED]
    repeated = len(table) > 1 and table[SEED].nunique() > 1
    texts = []
    for row in table.to_dict("records"):
        text = row["name"] or (label(row, fields) if fields or not repeated else "")
        text = f"{text} · seed {row[SEED]}" if repeated and not row["name"] else text
        texts.append(text.removeprefix(" · "))
    return [f"{text} ({run[-4:]})" if texts.count(text) > 1 else text
            for text, run in zip(texts, table["run"], strict=True)]  # fmt: skip


def differing(table: "pd.DataFrame") -> list[str]:
    """The configuration fields in which the runs of a table differ, in the order of `FIELDS`."""
    return [name for name in FIELDS if table[name].nunique(dropna=False) > 1]


def is_number(column: str) -> bool:
    """Whether a column of settings or results holds numbers."""
    return not FIELDS[column].choices if column in FIELDS else column in RESULTS


def display_value(field: str, value: Any) -> str:
    """A field's value as display text."""
    return FIELDS[field].title(value) if FIELDS[field].choices else f"{value:,.6g}"


_IN_SHORT = {"learning_rate": "rate", "batch_size": "batch", "epochs": "max epochs"}
_NORM_IN_SHORT = {"off": "no batch norm", "after_activation": "batch norm", "before_activation": "batch norm before"}


def label(row: Mapping[str, Any], fields: Sequence[str]) -> str:
    """A short label of a run or a group: the given fields of its configuration, or "the same settings" without any."""
    return ", ".join(_in_short(name, row[name]) for name in fields) or "the same settings"


def _in_short(name: str, value: Any) -> str:
    if name == "batch_norm":
        return _NORM_IN_SHORT[value]
    if FIELDS[name].choices:
        return display_value(name, value)
    return f"{_IN_SHORT.get(name, FIELDS[name].lower_label)} {display_value(name, value)}"


# --- Repeats ----------------------------------------------------------------------------------------------


def grouped(table: "pd.DataFrame") -> "pd.DataFrame":
    """The table with a column `group`: runs whose configurations differ only in the seed have the same number."""
    numbers = table.groupby(list(SETTINGS), sort=False).ngroup() if len(table) else []
    return table.assign(group=numbers)


def counted(table: "pd.DataFrame") -> "pd.DataFrame":
    """The runs that statistics are computed from: trained to the end, with a finite result, the newest of each seed.

    Expects the column `group`.
    """
    finished = table[(table["status"] == COMPLETED) & table["val_loss"].notna()]
    newest_first = finished.sort_values("created", ascending=False, kind="stable")
    return newest_first.drop_duplicates(["group", SEED]).sort_index()


def groups(table: "pd.DataFrame", metric: str = "val_accuracy") -> "pd.DataFrame":
    """One row per group of repeats, best mean first: group, label, runs, left_out, mean, spread, low, high.

    `mean` and `spread` (standard deviation, n − 1; NaN for one run) are of the metric over the counted runs, `low` and
    `high` its minimum and maximum; `left_out` counts the group's unfinished runs.
    """
    import pandas as pd

    if metric not in HIGHER_IS_BETTER:
        raise FieldError("metric", metric, "one of " + ", ".join(HIGHER_IS_BETTER))
    table = table if "group" in table else grouped(table)
    used = counted(table)
    fields = [name for name in differing(table) if name != SEED]
    statistics = used.groupby("group", sort=False)[metric].agg(["count", "mean", "std", "min", "max"])
    first = table.drop_duplicates("group").set_index("group").loc[statistics.index]
    unfinished = table[(table["status"] != COMPLETED) | table["val_loss"].isna()].groupby("group").size()
    rows = pd.DataFrame(
        {
            "group": statistics.index,
            "label": [label(row, fields) for row in first[fields].to_dict("records")]
            if fields
            else "the same settings",
            "runs": statistics["count"].to_numpy(),
            "left_out": unfinished.reindex(statistics.index, fill_value=0).to_numpy(),
            "mean": statistics["mean"].to_numpy(),
            "spread": statistics["std"].to_numpy(),
            "low": statistics["min"].to_numpy(),
            "high": statistics["max"].to_numpy(),
        }
    )
    return rows.sort_values("mean", ascending=not HIGHER_IS_BETTER[metric], kind="stable").reset_index(drop=True)


@dataclass(frozen=True)
class PairedDifference:
    """The mean of `one − other` over common seeds, with its confidence interval; NaN where undefined.

    `seeds` are those of both groups; `spread` is the standard deviation of the differences (n − 1).
    """

    metric: str
    seeds: tuple[int, ...]
    mean: float
    spread: float
    low: float
    high: float

    @property
    def pairs(self) -> int:
        """The number of common seeds."""
        return len(self.seeds)

    @property
    def conclusive(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low > 0 or self.high < 0


def paired_difference(
    one: Mapping[int, float], other: Mapping[int, float], metric: str = "val_accuracy"
) -> PairedDifference:
    """The paired difference of two groups, each given as its metric by seed.

    The interval is Student's t for paired samples: mean ± t(0.975, n − 1) · s / √n.
    """
    from statistics import fmean, stdev

    if metric not in HIGHER_IS_BETTER:
        raise FieldError("metric", metric, "one of " + ", ".join(HIGHER_IS_BETTER))
    seeds = tuple(sorted(set(one) & set(other)))
    differences = [one[seed] - other[seed] for seed in seeds]
    if len(seeds) < FEWEST_PAIRS:
        mean = differences[0] if differences else math.nan
        return PairedDifference(metric, seeds, mean, math.nan, math.nan, math.nan)
    from scipy.special import stdtrit  # the quantile of scipy.stats.t, whose import is slow

    mean, spread = fmean(differences), stdev(differences)
    half = float(stdtrit(len(seeds) - 1, (1 + CONFIDENCE) / 2)) * spread / math.sqrt(len(seeds))
    return PairedDifference(metric, seeds, mean, spread, mean - half, mean + half)


def results_by_seed(table: "pd.DataFrame", group: int, metric: str = "val_accuracy") -> dict[int, float]:
    """The metric of a group's counted runs by seed; expects the column `group`."""
    used = counted(table[table["group"] == group])
    return dict(zip(used[SEED].tolist(), used[metric].tolist(), strict=True))


def sampling_error(accuracy: float, images: int) -> float:
    """The standard error of an accuracy (0–1) measured on that many randomly drawn images: √(p(1 − p)/n)."""
    return math.sqrt(accuracy * (1 - accuracy) / images)


def next_seeds(taken: Sequence[int], count: int) -> list[int]:
    """The next unused seeds of a group, counted from its smallest one."""
    free = (seed for seed in count_from(min(taken, default=0) + 1) if seed not in set(taken))
    return list(islice(free, count))


# --- Sentences --------------------------------------------------------------------------------------------


def verdict(difference: PairedDifference, one: str, other: str) -> str:
    """One sentence about a paired difference, which says when it is inconclusive."""
    metric = RESULTS[difference.metric].lower()
    if difference.pairs < FEWEST_PAIRS:
        common = "no seed in common" if not difference.pairs else "only one seed in common"
        return (
            f"Inconclusive: {one} and {other} have {common}, and a comparison needs at least {FEWEST_PAIRS} "
            "(5 are better)."
        )
    result = (
        f"over {difference.pairs} common seeds, its {metric} is {_amount(difference)} on average; the 95% interval, "
        f"{_signed(difference.metric, difference.low)} to {_signed(difference.metric, difference.high)} "
        "(paired Student's t),"
    )
    if not difference.conclusive:
        return f"{one} compared with {other} is inconclusive: {result} includes zero."
    better = (difference.mean > 0) == HIGHER_IS_BETTER[difference.metric]
    return f"{one} is {'better' if better else 'worse'} than {other}: {result} excludes zero."


def _amount(difference: PairedDifference) -> str:
    side = "higher" if difference.mean >= 0 else "lower"
    if difference.metric == "val_accuracy":
        return f"{100 * abs(difference.mean):.2f} points {side}"
    return f"{abs(difference.mean):.4f} {side}"


def _signed(metric: str, value: float) -> str:
    return (f"{100 * value:+.2f}" if metric == "val_accuracy" else f"{value:+.4f}").replace("-", "−")


def errors_in_words(mean: float, spread: float, runs: int, images: int) -> str:
    """One sentence with a group's accuracy and its two errors: from the seed and from the choice of images."""
    seeds = (
        f"±{100 * spread:.2f} points from the seed (standard deviation over {runs} seeds)"
        if runs > 1
        else "the effect of the seed is unknown from one run"
    )
    return (
        f"Accuracy {100 * mean:.1f}%: {seeds}, ±{100 * sampling_error(mean, images):.2f} points from the choice of "
        f"{images:,} validation images (one standard error, √(p(1 − p)/n))."
    )
