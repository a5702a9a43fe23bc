"""Draws one run, active or ended: progress, buttons, loss and accuracy curves, findings, and internals."""

import streamlit as st

from explorer.config import FIELDS, TrainingConfig
from explorer.data.datasets import DATASETS
from explorer.diagnosis import Evidence, diagnose
from explorer.errors import ExplorerError
from explorer.pages import messages, resources, selection, settings, training
from explorer.pages.chart import draw_chart
from explorer.pages.run import findings, internals, learning_rate, twin
from explorer.pages.text import capitalized, foreign, sentence
from explorer.pages.train import latest_runs
from explorer.pages.train.state import suggested_rate
from explorer.runs import cost_estimate
from explorer.runs.history import RULES
from explorer.runs.progress import duration, outlook
from explorer.runs.run import (
    ACTIVE,
    COMPLETED,
    FAILED,
    INTERRUPTED,
    QUEUED,
    RUNNING,
    Run,
    RunSummary,
    queue_position,
    summarize,
)
from explorer.workers import run_queue

REFRESH_SECONDS = 0.5
IDLE_SECONDS = 2


def rerun_on_change(drawn: tuple) -> None:
    """Redraws the whole page if a run has started or ended since it was drawn."""
    if drawn != latest_runs.states():
        st.rerun()


def show(run: Run) -> None:
    """Draws a run; what changes is redrawn twice per second while it is active."""
    summary = summarize(run)
    _headline(summary)
    if summary.problem:
        st.error(f"This run cannot be shown: {sentence(summary.problem)}")
        return
    _explanation(summary)
    active = summary.state in ACTIVE
    if not active:
        _actions_at_rest(summary)
    # an ended run is refreshed too, less often, so that the page notices a run that is started elsewhere
    st.fragment(_live, run_every=REFRESH_SECONDS if active else IDLE_SECONDS)(run, latest_runs.states())


def _live(run: Run, drawn: tuple) -> None:
    """The part that changes while a run is active; its buttons redraw only this part."""
    rerun_on_change(drawn)
    if messages.redraw_wanted():
        st.rerun()
    summary = summarize(run)
    if summary.state in ACTIVE:
        _actions_while_active(summary)
    _progress(summary)
    before = twin.twin_of(run)
    if before:
        twin.both(before, summary)
    else:
        _charts(summary)
    learning_rate.rate_curve(summary.config, summary.records, place="run")
    _findings(summary)


def _findings(summary: RunSummary) -> None:
    """Findings, and beside them the signals inside the network; on a narrow screen the findings come first."""
    signals = summary.run.signals()
    if not summary.records and not signals and summary.status.status != FAILED:
        return
    evidence = Evidence(summary.config, summary.records, signals, summary.status.cause, suggested_rate(summary.config))
    left, right = st.columns([2, 3], gap="medium")
    with left:
        st.subheader("Findings", anchor=False)
        findings.findings(diagnose(evidence), summary.config, place="told", epochs=len(summary.records))
    with right:
        st.subheader("Inside the network", anchor=False)
        internals.inside(summary.name, signals, live=summary.state in ACTIVE)


def _headline(summary: RunSummary) -> None:
    icon, color = latest_runs.BADGES[summary.state]
    st.markdown(f"#### {foreign(summary.name)} &nbsp; :{color}-badge[{icon} {summary.state}]")
    if summary.config:
        st.caption(_settings(summary.config))


def _settings(config: TrainingConfig) -> str:
    parts = [f"{field.lower_label} {field.title(value)}" for name, field in FIELDS.items()
             if isinstance(value := getattr(config, name), str) and field.matters(vars(config))]  # fmt: skip
    numbers = [f"{field.lower_label} {value:,.6g}" for name, field in FIELDS.items()
               if not isinstance(value := getattr(config, name), str) and field.matters(vars(config))]  # fmt: skip
    return " · ".join(parts + numbers)


def _actions_while_active(summary: RunSummary) -> None:
    run, request = summary.run, summary.run.requested()
    with st.container(horizontal=True):
        st.button(
            "Pausing…" if request == "pause" else "Pause",
            key="pause",
            icon=":material/pause:",
            disabled=bool(request) or summary.state == QUEUED,
            on_click=_do,
            args=("pause", run),
            help="Saves the run where it is; Resume continues from exactly there.",
        )
        st.button(
            "Stopping…" if request == "stop" else "Stop",
            key="stop",
            icon=":material/stop:",
            disabled=bool(request),
            on_click=_do,
            args=("stop", run),
            help="Ends the run; the best model so far is kept.",
        )


def _actions_at_rest(summary: RunSummary) -> None:
    run, config = summary.run, summary.config
    with st.container(horizontal=True):
        if run_queue.resumable(run):
            icon = ":material/play_arrow:"
            st.button("Resume", key="resume", icon=icon, type="primary", on_click=_do, args=("resume", run))
        if summary.state == FAILED and run_queue.resumable(run):
            st.button(
                "Start again",
                key="start_again",
                icon=":material/restart_alt:",
                on_click=_do,
                args=("start_again", run),
                help="Trains from the beginning with the same settings, without the checkpoint.",
            )
        if summary.state == COMPLETED:
            following = config.with_(seed=(config.seed + 1) % 2**31)
            st.button("Train again", key="again", on_click=training.train, args=(config, True))
            st.button("Train with the next seed", key="next_seed", on_click=training.train, args=(following,))
        st.button("Use these settings", key="use", on_click=settings.apply_config, args=(config,))
        twin.change_one_thing(run, config)


def _do(action: str, run: Run) -> None:
    try:
        getattr(resources.run_queue(), action)(run)
    except ExplorerError as error:
        messages.post(f"{error}.")


def _explanation(summary: RunSummary) -> None:
    status = summary.status
    if selection.shown_as_trained_before(summary.run):
        st.success("This configuration was already trained; this is the earlier run.", icon=":material/history:")
    if status.status == FAILED:
        st.error(sentence(capitalized(status.reason)))
    elif status.status == INTERRUPTED:
        st.warning(f"Interrupted: {sentence(status.reason)} **Resume** continues from the last finished epoch.")
    elif status.reason:
        st.caption(sentence(capitalized(status.reason)))
    if status.compiled is False:
        st.caption("XLA compilation is unavailable for this network, so training is slower.")


def _progress(summary: RunSummary) -> None:
    view = outlook(summary.config, summary.status, summary.records)
    st.progress(view.fraction, text=_progress_text(summary, view))
    best = summary.best
    columns = st.columns(4)
    columns[0].metric("Epochs", f"{len(summary.records):,} of {summary.config.epochs:,}")
    columns[1].metric(
        "Validation accuracy",
        f"{best.val_accuracy:.1%}" if best else "–",
        help=f"At the best epoch ({RULES['val_loss'].words}), on "
        f"{cost_estimate.validation_images(summary.config):,} validation images; one seed.",
    )
    columns[2].metric("Validation loss", f"{best.val_loss:.4f}" if best else "–", help="At the best epoch.")
    columns[3].metric(
        "Seconds per epoch",
        f"{view.seconds_per_epoch:.2f}" if view.seconds_per_epoch is not None else "–",
        help="Training and validation; median of the latest epochs.",
    )

    if best and best.val_penalty > 0:
        st.caption(
            "Every loss includes the L2 penalty on the weights, as in Keras. At the best epoch, the validation loss is "
            f"{best.val_data_loss:.4f} (data loss) + {best.val_penalty:.4f} (penalty)."
        )


def _progress_text(summary: RunSummary, view) -> str:
    status = summary.status
    best = (
        f"best epoch {summary.best.epoch:,} ({RULES['val_loss'].words}) · " if summary.best and summary.records else ""
    )
    if status.status == QUEUED:
        position = queue_position(resources.store().list(), summary.name)
        starting = " (workers are starting)" if resources.run_queue().state == "starting" else ""
        return f"Waiting: number {position} in the queue{starting}" if position else "Waiting"
    if status.status == RUNNING and status.phase == "compiling":
        return "Compiling the network: a few seconds, once per shape"
    if status.status == RUNNING and status.phase != "training":
        return f"{foreign(status.phase.capitalize())}…"
    if status.status != RUNNING:
        rate = f"learning rate {summary.records[-1].learning_rate:g}" if summary.records else ""
        return f"{best}{rate}"
    left = ""
    if view.at_most is not None:
        left = f" · {duration(view.at_least)} to {duration(view.at_most)} left"
    rate = f"learning rate {summary.config.learning_rate:g}"
    return f"Epoch {view.epoch:,}, step {status.step:,} of {status.steps:,} · {best}{rate}{left}"


def _charts(summary: RunSummary) -> None:
    if not summary.records:
        if summary.state in ACTIVE:
            st.caption("The first point appears after the first epoch.")
        return
    curves(summary, "chart")


def curves(summary: RunSummary, place: str) -> None:
    """Draws loss and accuracy of a run side by side; `place` keeps the keys of two such pairs apart."""
    from explorer.charts import training_curves  # imports pandas and Altair, which the first page does not need

    frame = training_curves.curve_frame(summary.name, summary.records)
    chance = 1 / DATASETS[summary.config.dataset].classes
    for column, metric, level in zip(st.columns(2), ("loss", "accuracy"), (None, chance), strict=True):
        draw_chart(
            training_curves.curves,
            training_curves.of_metric(frame, metric),
            metric,
            level,
            place=column,
            key=f"{place}_{metric}",
            alt=f"training and validation {metric} per epoch",
        )
