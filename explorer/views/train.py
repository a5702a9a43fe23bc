"""The Train page: what will be trained, the button, and the run as it learns."""

import streamlit as st

from explorer import datasets, engine, estimate
from explorer.config import FIELDS, OFF, TrainingConfig
from explorer.datasets import DATASETS
from explorer.errors import ExplorerError, RunError
from explorer.history import RULES
from explorer.palette import SPLIT_COLORS
from explorer.progress import duration, outlook
from explorer.runs import (
    ACTIVE,
    COMPLETED,
    FAILED,
    INTERRUPTED,
    PAUSED,
    QUEUED,
    RUNNING,
    STOPPED,
    UNREADABLE,
    Run,
    RunSummary,
    queue_position,
    summarize,
)
from explorer.views import controls, download, state

REFRESH_SECONDS = 0.5
IDLE_SECONDS = 2
LATEST_RUNS = 8

# what is being refreshed is not greyed out meanwhile: at two refreshes a second that would be a flicker
_STEADY = "<style>[data-stale=true] { opacity: 1 !important; }</style>"

BADGES = {
    QUEUED: (":material/hourglass_top:", "gray"),
    RUNNING: (":material/play_circle:", "blue"),
    PAUSED: (":material/pause_circle:", "orange"),
    COMPLETED: (":material/check_circle:", "green"),
    STOPPED: (":material/stop_circle:", "orange"),
    FAILED: (":material/error:", "red"),
    INTERRUPTED: (":material/power_off:", "red"),
    UNREADABLE: (":material/help:", "gray"),
}


def render() -> None:
    """Draws the page."""
    st.html(_STEADY)
    st.header("Train a deep fully connected network", anchor=False)
    config = controls.sidebar()
    download.offer()
    try:
        state.store().list()
    except RunError as error:
        st.error(f"{error}.")
        return
    if state.engine_problem():
        _engine_problem()
    card, buttons = st.columns([4, 1], vertical_alignment="center")
    with card:
        _card(config)
    with buttons:
        _train_button(config)
    if message := state.told():
        st.error(message)
    run = state.chosen_run()
    if run is None:
        st.fragment(_wait, run_every=IDLE_SECONDS)(_latest_states())
        st.info("Choose settings on the left and press **Train**: loss and accuracy appear here, epoch by epoch.")
    else:
        _run(run)
    _latest(run)
    if config is not None:
        state.share(config)
        if datasets.available(config.dataset):
            state.prepare(config)


def _engine_problem() -> None:
    st.error(f"The workers that train could not be started: {state.engine_problem()}.")
    st.button("Try again", on_click=state.restart_engine)


# --- What will be trained ---------------------------------------------------------------------------------


def _card(config: TrainingConfig | None) -> None:
    with st.container(border=True):
        if config is None:
            st.markdown("One of the settings is not allowed; it is marked on the left.")
            return
        spec = DATASETS[config.dataset]
        training, validation = spec.counts(config.validation_split)
        st.html(_picture(config))
        seconds, measured = estimate.predicted_seconds(config, state.store().list())
        source = "measured on this machine" if measured else "a guess, nothing is measured yet"
        norm = "" if config.batch_norm == OFF else " with batch normalization"
        st.markdown(
            f"**{estimate.parameters(config):,} parameters**{norm} · {spec.title}: {training:,} images to "
            f"train on, {validation:,} to validate · about **{duration(seconds)} an epoch** ({source})"
        )


def _picture(config: TrainingConfig) -> str:
    """The layers as bars, input on the left: HTML whose text says the same."""
    spec = DATASETS[config.dataset]
    color = SPLIT_COLORS["training"]
    height = 14 + 26 * min(1.0, config.width / 512)
    gap = 3 if config.depth <= 40 else 1
    bar = f'<i style="flex:1 1 0;max-width:14px;height:{height:.0f}px;background:{color};border-radius:2px"></i>'
    end = '<i style="flex:none;width:6px;height:{}px;background:currentColor;opacity:.45;border-radius:2px"></i>'
    hidden = f"{config.depth} hidden layers of {config.width:,} units, {config.activation}"
    words = hidden if config.depth else "no hidden layer"
    return (
        f'<div role="img" aria-label="{spec.features:,} inputs, {words}, {spec.classes} classes" '
        'style="display:flex;align-items:center;gap:10px;white-space:nowrap">'
        f"<span>{spec.features:,} pixels</span>{end.format(44)}"
        f'<span style="display:flex;align-items:center;gap:{gap}px;flex:0 1 {config.depth * 17}px;min-width:0">'
        f"{bar * config.depth}</span>{end.format(18)}<span>{spec.classes} classes</span></div>"
        f'<div style="opacity:.75;font-size:.9rem;margin-top:4px">{words}</div>'
    )


def _train_button(config: TrainingConfig | None) -> None:
    missing = config is not None and not datasets.available(config.dataset)
    st.button(
        "Train",
        key="train",
        type="primary",
        icon=":material/play_arrow:",
        width="stretch",
        disabled=config is None or missing,
        help="Starts training with the settings on the left." if not missing else "Download the data set first.",
        on_click=_train,
        args=(config,),
    )


def _train(config: TrainingConfig, again: bool = False) -> None:
    try:
        before = None if again else state.store().trained_before(config)
        run = before or state.store().create(config)
        if before is None:
            state.engine().submit(run)
    except ExplorerError as error:
        state.tell(f"{error}.")
        return
    state.open_run(run.name, trained_before=before is not None)


# --- A run ------------------------------------------------------------------------------------------------


def _run(run: Run) -> None:
    summary = summarize(run)
    _headline(summary)
    if summary.problem:
        st.error(f"This run cannot be shown: {summary.problem}.")
        return
    _explanation(summary)
    active = summary.state in ACTIVE
    if not active:
        _actions_at_rest(summary)
    # at rest it looks now and then whether a run was started elsewhere; one fragment a page is all that is needed
    st.fragment(_live, run_every=REFRESH_SECONDS if active else IDLE_SECONDS)(run, _latest_states())


def _wait(drawn: tuple) -> None:
    if drawn != _latest_states():
        st.rerun()  # a run began or ended, here or elsewhere: the whole page has news


def _live(run: Run, drawn: tuple) -> None:
    """What moves while a run does; its buttons redraw this part alone."""
    _wait(drawn)
    summary = summarize(run)
    if summary.state in ACTIVE:
        _actions_while_active(summary)
    _progress(summary)
    _charts(summary)


def _headline(summary: RunSummary) -> None:
    icon, color = BADGES[summary.state]
    st.markdown(f"#### {summary.name} &nbsp; :{color}-badge[{icon} {summary.state}]")
    if summary.config:
        st.caption(_settings(summary.config))


def _settings(config: TrainingConfig) -> str:
    parts = [f"{field.label.lower()} {field.title(value)}" for name, field in FIELDS.items()
             if isinstance(value := getattr(config, name), str)]  # fmt: skip
    numbers = [f"{field.label.lower()} {value:,.6g}" for name, field in FIELDS.items()
               if not isinstance(value := getattr(config, name), str)]  # fmt: skip
    return " · ".join(parts + numbers)


def _actions_while_active(summary: RunSummary) -> None:
    run, asked = summary.run, summary.run.requested()
    with st.container(horizontal=True):
        st.button(
            "Pausing…" if asked == "pause" else "Pause",
            key="pause",
            icon=":material/pause:",
            disabled=bool(asked) or summary.state == QUEUED,
            on_click=_do,
            args=("pause", run),
            help="Writes the run down where it is; Resume goes on exactly there.",
        )
        st.button(
            "Stopping…" if asked == "stop" else "Stop",
            key="stop",
            icon=":material/stop:",
            disabled=bool(asked),
            on_click=_do,
            args=("stop", run),
            help="Ends the run; what it has learnt is kept.",
        )


def _actions_at_rest(summary: RunSummary) -> None:
    run, config = summary.run, summary.config
    with st.container(horizontal=True):
        if engine.resumable(run):
            icon = ":material/play_arrow:"
            st.button("Resume", key="resume", icon=icon, type="primary", on_click=_do, args=("resume", run))
        if summary.state == COMPLETED:
            following = config.with_(seed=(config.seed + 1) % 2**31)
            st.button("Train again", key="again", on_click=_train, args=(config, True))
            st.button("Train with the next seed", key="next_seed", on_click=_train, args=(following,))
        st.button("Use these settings", key="use", on_click=state.apply_config, args=(config,))


def _do(what: str, run: Run) -> None:
    try:
        getattr(state.engine(), what)(run)
    except ExplorerError as error:
        state.tell(f"{error}.")


def _explanation(summary: RunSummary) -> None:
    status = summary.status
    if state.shown_as_trained_before(summary.run):
        st.success("This configuration was already trained to its end, so here is that run.", icon=":material/history:")
    if status.status == FAILED:
        st.error(f"{_sentence(status.reason)}")
    elif status.status == INTERRUPTED:
        st.warning(f"Interrupted: {status.reason}. **Resume** goes on from the last finished epoch.")
    elif status.reason:
        st.caption(_sentence(status.reason))
    if status.compiled is False:
        st.caption("The compiler (XLA) was not to be had for this network, so it trains more slowly, without it.")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _progress(summary: RunSummary) -> None:
    view = outlook(summary.config, summary.status, summary.records)
    st.progress(view.fraction, text=_progress_text(summary, view))
    best = summary.best
    columns = st.columns(4)
    columns[0].metric("Epochs", f"{len(summary.records):,} of {summary.config.epochs:,}")
    columns[1].metric(
        "Validation accuracy",
        f"{best.val_accuracy:.1%}" if best else "–",
        help=f"At the best epoch, that of the {RULES['val_loss'].words}, on "
        f"{DATASETS[summary.config.dataset].counts(summary.config.validation_split)[1]:,} validation images; one seed.",
    )
    columns[2].metric("Validation loss", f"{best.val_loss:.4f}" if best else "–", help="At the same epoch: its lowest.")
    columns[3].metric(
        "Seconds an epoch",
        f"{view.seconds_an_epoch:.2f}" if view.seconds_an_epoch is not None else "–",
        help="Training and validation, median of the latest epochs.",
    )


def _progress_text(summary: RunSummary, view) -> str:
    status = summary.status
    best = f"best epoch {summary.best.epoch} ({RULES['val_loss'].words}) · " if summary.best and summary.records else ""
    if status.status == QUEUED:
        waiting = queue_position(state.store().list(), summary.name)
        starting = " (the workers are starting)" if state.engine().state == "starting" else ""
        return f"Waiting: place {waiting} in the queue{starting}" if waiting else "Waiting"
    if status.status == RUNNING and status.phase == "compiling":
        return "Compiling this network for this machine: a few seconds, once for each shape"
    if status.status == RUNNING and status.phase != "training":
        return f"{status.phase.capitalize()}…"
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
    from explorer.charts import curve_frame, curves  # pandas and Altair: half a second that the first page is spared

    frame = curve_frame(summary.name, summary.records)
    chance = 1 / DATASETS[summary.config.dataset].classes
    for column, metric, level in zip(st.columns(2), ("loss", "accuracy"), (None, chance), strict=True):
        column.altair_chart(
            curves(frame, metric, level),
            key=f"chart_{metric}",
            alt=f"{metric} on training and validation images after each epoch",
        )


# --- The latest runs --------------------------------------------------------------------------------------


def _latest_states() -> tuple:
    try:
        return tuple((summary.name, summary.state) for summary in state.store().list()[:LATEST_RUNS])
    except RunError:  # news as well: the whole page says it
        return ()


def _latest(shown: Run | None) -> None:
    summaries = state.store().list()[:LATEST_RUNS]
    with st.sidebar:
        st.subheader("Latest runs", anchor=False)
        if not summaries:
            st.caption("None yet: press Train.")
        for summary in summaries:
            st.button(
                _label(summary),
                key=f"open_{summary.name}",
                icon=BADGES[summary.state][0],
                type="secondary" if shown and shown.name == summary.name else "tertiary",
                help=summary.problem or f"{summary.name}: {summary.state}",
                on_click=state.open_run,
                args=(summary.name,),
                width="stretch",
            )


def _label(summary: RunSummary) -> str:
    if summary.config is None:
        return f"{summary.name[:24]} · unreadable"
    config = summary.config
    accuracy = f" · {summary.best.val_accuracy:.1%}" if summary.best else ""
    return f"{DATASETS[config.dataset].title.split()[0]} {config.activation} {config.depth}×{config.width}{accuracy}"
