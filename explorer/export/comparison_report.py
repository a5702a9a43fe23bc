"""The comparison of several runs for a report: a table, their curves, and the statistics of repeats."""

from collections.abc import Sequence
from html import escape
from itertools import combinations
from typing import TYPE_CHECKING

from explorer.config import FIELDS
from explorer.data.datasets import DATASETS
from explorer.export import html_parts
from explorer.export.live_charts import Charts
from explorer.export.run_findings import findings_of
from explorer.runs import comparison as compare
from explorer.runs.history import RULES
from explorer.runs.metrics import OBJECTIVES
from explorer.runs.run_summary import RunSummary
from explorer.runs.run_table import RESULTS, differing, loss_caution, noun, penalized, ranked, run_table
from explorer.runs.settings_text import display_value

if TYPE_CHECKING:
    import pandas as pd

METRIC = "val_accuracy"
MOST_GROUPS = 6  # all pairs of them are fifteen sentences


def comparison(summaries: Sequence[RunSummary], charts: Charts) -> str:
    """The HTML of the comparison, the run with the lowest validation loss first."""
    table = compare.grouped(ranked(run_table(summaries)))
    table = table.assign(label=table["title"])
    by_name = {summary.name: summary for summary in summaries}
    ordered = [by_name[name] for name in table["run"]]
    title = DATASETS[ordered[0].config.dataset].title
    return "".join(
        [
            f"<h1>Comparison of {len(ordered)} runs</h1><p>{escape(title)}. Loss and accuracy are from each run's best "
            f"epoch, selected by the {RULES['val_loss'].criterion}.</p>",
            f"<h2>Runs</h2>{_runs(table)}",
            f"<p>{caution}</p>" if (caution := loss_caution(table)) else "",
            f"<h2>Curves</h2>{_curves(table, ordered, charts)}",
            f"<h2>Statistics</h2>{_statistics(table)}",
            f"<h2>Settings and findings</h2>{''.join(map(_details, table['label'], ordered))}",
        ]
    )


def _runs(table: "pd.DataFrame") -> str:
    # the labels name the settings in which the runs differ, unless a run has a name of its own
    fields = differing(table) if table["name"].any() else []
    metrics = {name: metric.text for name, metric in OBJECTIVES.items()}
    if penalized(table):
        metrics["val_data_loss"] = OBJECTIVES["val_loss"].text
    head = ["Run", *map(RESULTS.get, metrics), "Best epoch", "Status"]
    head += [FIELDS[name].label for name in fields]
    rows = [
        [
            row["label"],
            *(text(row[name]) if row[name] == row[name] else "–" for name, text in metrics.items()),
            f"{row['best_epoch']} of {row['trained']}" if row["val_loss"] == row["val_loss"] else "–",
            row["status"],
            *(display_value(name, row[name]) for name in fields),
        ]
        for row in table.to_dict("records")
    ]
    return html_parts.table(head, rows)


def _curves(table: "pd.DataFrame", ordered: Sequence[RunSummary], charts: Charts) -> str:
    from explorer.charts import comparison as drawn
    from explorer.charts.training_curves import of_metric

    histories = [(label, s.records) for label, s in zip(table["label"], ordered, strict=True) if s.records]
    histories = histories[: drawn.MOST_RUNS]
    if not histories:
        return "<p>None of these runs has finished an epoch yet.</p>"
    frame = drawn.overlay_frame(histories)
    names = tuple(dict.fromkeys(frame["run"]))
    figures = [
        charts.figure(drawn.overlay(of_metric(frame, metric), names, metric), f"{metric} of the compared runs by epoch")
        for metric in ("loss", "accuracy")
    ]
    left_out = f" The best {len(histories)} of {len(ordered)} runs." if len(histories) < len(ordered) else ""
    note = f"<p><small>Solid: validation, dashed: training. A ring marks each run's best epoch.{left_out}</small></p>"
    return f'<div class="two">{"".join(figures)}</div>{note}'


def _statistics(table: "pd.DataFrame") -> str:
    """Each group of repeats with its two errors, and the paired difference of every two of the best groups."""
    groups = compare.groups(table, METRIC)
    if groups.empty:
        return "<p>None of these runs has been trained to the end, so there is no mean to show.</p>"
    images = table.set_index("group")["images"]
    images = images[~images.index.duplicated()]
    sentences = [
        f"<li><b>{escape(row.label)}</b>. "
        f"{escape(compare.errors_in_words(row.mean, row.spread, row.runs, int(images[row.group]), noun(table)))}</li>"
        for row in groups.itertuples(index=False)
    ]
    best = groups.head(MOST_GROUPS)
    pairs = []
    for one, other in combinations(best.itertuples(index=False), 2):
        results = [compare.results_by_seed(table, each.group, METRIC) for each in (one, other)]
        verdict = compare.verdict(compare.paired_difference(*results, METRIC), f"“{one.label}”", f"“{other.label}”")
        pairs.append(f"<li>{escape(verdict)}</li>")
    left_out = int(groups["left_out"].sum())
    note = f"<p><small>Runs that were not trained to the end are left out: {left_out}.</small></p>" * bool(left_out)
    return f"<ul>{''.join(sentences)}</ul>{note}" + (f"<h3>Differences</h3><ul>{''.join(pairs)}</ul>" if pairs else "")


def _details(label: str, summary: RunSummary) -> str:
    note = f"<p>{escape(summary.annotation.note)}</p>" if summary.annotation.note else ""
    return (
        f"<details><summary>{escape(label)}</summary><p><small>{escape(summary.name)}</small></p>{note}"
        f"{html_parts.settings(summary.config)}{html_parts.findings(findings_of(summary.run), lessons=False)}</details>"
    )
