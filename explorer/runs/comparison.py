"""Comparison of runs: groups of repeats, their statistics, and a paired test between two groups.

Pure functions over the tidy frame of `explorer.runs.run_table`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count as count_from
from itertools import islice
from typing import TYPE_CHECKING

from explorer.errors import FieldError
from explorer.runs.metrics import OBJECTIVES
from explorer.runs.run_table import SEED, SETTINGS, differing
from explorer.runs.settings_text import label
from explorer.runs.status import COMPLETED

if TYPE_CHECKING:
    import pandas as pd

CONFIDENCE = 0.95
FEWEST_PAIRS = 2  # one pair has no spread


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

    if metric not in OBJECTIVES:
        raise FieldError("metric", metric, "one of " + ", ".join(OBJECTIVES))
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
    ascending = not OBJECTIVES[metric].higher_is_better
    return rows.sort_values("mean", ascending=ascending, kind="stable").reset_index(drop=True)


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

    if metric not in OBJECTIVES:
        raise FieldError("metric", metric, "one of " + ", ".join(OBJECTIVES))
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
    metric = OBJECTIVES[difference.metric]
    if difference.pairs < FEWEST_PAIRS:
        common = "no seed in common" if not difference.pairs else "only one seed in common"
        return (
            f"Inconclusive: {one} and {other} have {common}, and a comparison needs at least {FEWEST_PAIRS} "
            "(5 are better)."
        )
    amount = f"{metric.difference(difference.mean)} {'higher' if difference.mean >= 0 else 'lower'}"
    result = (
        f"over {difference.pairs} common seeds, its {metric.validation_title.lower()} is {amount} on average; the 95% "
        f"interval, {metric.signed(difference.low)} to {metric.signed(difference.high)} (paired Student's t),"
    )
    if not difference.conclusive:
        return f"{one} compared with {other} is inconclusive: {result} includes zero."
    better = metric.better(difference.mean, 0.0)
    return f"{one} is {'better' if better else 'worse'} than {other}: {result} excludes zero."


def errors_in_words(mean: float, spread: float, runs: int, images: int, noun: str = "images") -> str:
    """One sentence with a group's accuracy and its two errors: from the seed and from the choice of images.

    `noun` is what the images are called.
    """
    seeds = (
        f"±{100 * spread:.2f} points from the seed (standard deviation over {runs} seeds)"
        if runs > 1
        else "the effect of the seed is unknown from one run"
    )
    return (
        f"Accuracy {100 * mean:.2f}%: {seeds}, ±{100 * sampling_error(mean, images):.2f} points from the choice of "
        f"{images:,} validation {noun} (one standard error, √(p(1 − p)/n))."
    )
