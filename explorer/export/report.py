"""The report of a run, or of several compared, as one HTML file without outside links."""

import time
from collections.abc import Sequence
from html import escape

from explorer.data import datasets
from explorer.data.datasets import DATASETS
from explorer.errors import DataError, InputError, RunError
from explorer.evaluation import html_report
from explorer.evaluation.html_document import document
from explorer.evaluation.saved_models import behind
from explorer.export import html_parts, live_charts
from explorer.export.comparison_report import comparison
from explorer.export.curve_charts import curve_charts
from explorer.export.evaluating import Evaluate, Evaluated
from explorer.export.keras_script import network
from explorer.export.live_charts import Charts
from explorer.export.run_findings import findings_of
from explorer.plain_text import percent
from explorer.runs import cost_estimate
from explorer.runs.history import RULES
from explorer.runs.run import Run
from explorer.runs.run_summary import RunSummary, summarize

SIGNALS = ("gradient_rms", "activation_variance")
MOST_RUNS = 50


def report(runs: Sequence[Run], evaluate: Evaluate) -> bytes:
    """The report of one run, or of several with their comparison; raises `RunError`, and `InputError` for mixed runs.

    `evaluate` gives the metrics of a run's saved model on its validation images.
    """
    summaries = [summarize(run) for run in runs]
    for summary in summaries:
        if summary.problem:
            raise RunError(summary.problem)
    if len({summary.config.dataset for summary in summaries}) > 1:
        raise InputError("report: the runs are of several data sets, which cannot be compared; select runs of one")
    if not 1 <= len(runs) <= MOST_RUNS:
        raise InputError(f"report: {len(runs):,} runs are selected; a report holds 1 to {MOST_RUNS}")
    charts = Charts()
    if len(summaries) == 1:
        title, body = summaries[0].title, _one(summaries[0], evaluate(runs[0]), charts)
    else:
        title, body = f"Comparison of {len(summaries)} runs", comparison(summaries, charts)
    return document(title, body + charts.data(), charts.scripts(), html_parts.STYLE + live_charts.STYLE)


def _one(summary: RunSummary, evaluated: Evaluated, charts: Charts) -> str:
    note = f"<p>{escape(summary.annotation.note)}</p>" if summary.annotation.note else ""
    named = f"{escape(summary.name)}, " if summary.title != summary.name else ""
    created = time.strftime("%Y-%m-%d %H:%M", time.localtime(summary.created))
    reason = f": {escape(summary.status.reason)}" if summary.status.reason else ""
    return "".join(
        [
            f"<h1>{escape(summary.title)}</h1><p>{escape(network(summary.config))}.<br>"
            f"<small>{named}created {created}, {summary.state}{reason}</small></p>{note}",
            f"<h2>Result</h2>{_result(summary)}",
            f"<h2>Settings</h2>{html_parts.settings(summary.config)}",
            f"<h2>Curves</h2>{_curves(summary, charts)}" if summary.records else "",
            f"<h2>Findings</h2>{html_parts.findings(findings_of(summary.run))}",
            _plane(summary, charts),
            _inside(summary, charts),
            f"<h2>Metrics</h2>{_metrics(evaluated, DATASETS[summary.config.dataset].noun)}",
        ]
    )


def _result(summary: RunSummary) -> str:
    best = summary.best
    if best is None:
        return "<p>No epoch has a finite validation loss.</p>"
    values = {
        "Validation accuracy": percent(best.val_accuracy),
        "Validation loss": f"{best.val_loss:.4f}",
        **({"Validation data loss": f"{best.val_data_loss:.4f}"} if best.penalized else {}),
        "Best epoch": f"{best.epoch:,} of {len(summary.records):,}",
    }
    noun = DATASETS[summary.config.dataset].noun
    smoothed = "<p>These losses include label smoothing; the loss of the metrics below does not.</p>"
    values = html_parts.numbers(values) + smoothed * (summary.config.label_smoothing > 0)
    return (
        f"{values}<p>How it was selected: the epoch with the {RULES['val_loss'].criterion}, on "
        f"{cost_estimate.validation_words(summary.config)}, from one seed ({summary.config.seed}). These {noun} also "
        f"chose the epoch, so the accuracy is slightly optimistic; the test {noun} were not looked at for this "
        "report.</p>"
    )


def _curves(summary: RunSummary, charts: Charts) -> str:
    figures = [
        charts.figure(chart, f"training and validation {metric} by epoch")
        for metric, chart in curve_charts(summary.run)
    ]
    return f'<div class="two">{"".join(figures)}</div>'


def _plane(summary: RunSummary, charts: Charts) -> str:
    """The decision boundary after the last epoch, of a run on points in a plane, as a picture."""
    from explorer.charts.decision_boundary import boundary, of_dataset

    spec = DATASETS[summary.config.dataset]
    measured = summary.run.boundary() if spec.plane else None
    if not measured:
        return ""
    heading, (epoch, probabilities) = "<h2>Decision boundary</h2>", measured
    try:
        frame = of_dataset(probabilities, datasets.load(spec.name))
    except DataError as error:
        return f"{heading}<p>It was not drawn: {escape(str(error))}.</p>"
    chart = boundary(frame, spec.max_value, spec.class_names, spec.layout.feature_names).properties(
        height=live_charts.WIDTH
    )
    names = " and ".join(spec.class_names)
    caption = f"Predicted class at each point after epoch {epoch:,}, with training points."
    figure = charts.figure(chart, f"decision boundary between {names}", caption, live=False)
    return f"{heading}{figure}"


def _inside(summary: RunSummary, charts: Charts) -> str:
    """Gradients and activations from layer to layer, at the best epoch and before training."""
    from explorer.charts import internals
    from explorer.charts.signal_views import SIGNAL_VIEWS

    signals = summary.run.signals()
    if not signals:
        return ""
    epoch = summary.best.epoch if summary.best else signals[-1].epoch
    figures = []
    for signal in SIGNALS:
        frame = internals.depth_frame(summary.title, signals, signal, epoch)
        if not frame.empty:
            view = SIGNAL_VIEWS[signal]
            caption = f"{view.explanation} The selected epoch is the best one, {epoch:,}."
            figures.append(charts.figure(internals.by_depth(frame, signal), f"{view.label} by layer", caption))
    return f'<h2>Inside the network</h2><div class="two">{"".join(figures)}</div>' if figures else ""


def _metrics(evaluated: Evaluated, noun: str) -> str:
    if evaluated.values is None or evaluated.evaluation is None:
        return f"<p>The saved model was not evaluated: {escape(evaluated.problem)}.</p>"
    values = evaluated.values
    of_epoch = f" of epoch {values['epoch']:,}" if values["epoch"] else ""
    late = f" Note: {escape(behind(values['awaited_epoch']))}." if values["awaited_epoch"] else ""
    return (
        f"<p>The saved model{of_epoch} on {values['images']:,} {values['split']} {noun}.{late}</p>"
        f"{html_report.numbers(values)}"
        "<h3>Confusion matrix</h3><p>Rows are true classes, columns are predicted classes.</p>"
        f"{html_report.matrix(evaluated.evaluation)}<h3>Classes</h3>"
        f'<div class="wide">{html_report.classes(values)}</div>'
    )
