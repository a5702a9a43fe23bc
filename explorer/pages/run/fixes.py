"""Trains the fixes of a run in the queue, and draws what came of each: both curves and one sentence."""

from collections.abc import Sequence

import streamlit as st

from explorer.config import TrainingConfig
from explorer.data.datasets import DATASETS
from explorer.diagnosis import Finding
from explorer.fixes import attempts, effect, plan
from explorer.fixes.attempts import Attempt
from explorer.fixes.effect import Effect
from explorer.pages import messages, resources, selection, settings, training
from explorer.pages.chart import draw_chart
from explorer.pages.clicks import uninterrupted
from explorer.pages.run.links import run_link
from explorer.pages.session import session
from explorer.pages.text import LONGEST_SENTENCE, foreign, sentence
from explorer.plain_text import count
from explorer.runs.run_summary import RunSummary
from explorer.runs.status import QUEUED, RUNNING, TRAINING
from explorer.runs.twin import describe_changes, describe_new_values

Attempts = dict[tuple, Attempt]


def train(origin: RunSummary, wanted: Sequence[tuple[plan.Change, int]], *, compared: bool = False) -> bool:
    """Queues the runs that try changes of a run for this session; False, with a message, if none can be queued.

    At once: if no worker is free, that run is paused for them, if it is this session's.
    """
    queued = 0
    for config, mark in attempts.planned(origin, wanted, compared=compared):
        if training.submit(config, again=True, fix=mark) is None:
            break  # there is room for no more of them
        queued += 1
    if queued and _makes_room(origin) and _all_busy():
        resources.run_queue().pause(origin.run)
    return queued > 0


def _makes_room(origin: RunSummary) -> bool:
    """Whether a run is in training for this session; those of others have turns, which end by themselves."""
    return origin.state == RUNNING and origin.name in resources.run_queue().names_of(session())


def _all_busy() -> bool:
    running = sum(summary.state == RUNNING for summary in resources.store().list())
    return running >= max(1, resources.run_queue().slots)


@uninterrupted
def start(origin: RunSummary, changes: Sequence[plan.Change], compared: bool) -> None:
    """Trains changes of a run at a click, and stays at that run."""
    train(origin, attempts.wanted(origin, changes), compared=compared)
    if st.query_params.get(selection.RUN) != origin.name:
        selection.open_run(origin.name)
    messages.redraw()


def of(origin: RunSummary) -> Attempts:
    """The attempts to fix a run, by change."""
    return attempts.attempts_of(origin, resources.store().list())


def name(origin: RunSummary, change: plan.Change) -> str:
    """A change in a few words, such as "standardized inputs"."""
    return describe_new_values(origin.config, origin.config.with_(**change))


def first_to_train(
    origin: RunSummary, findings: Sequence[Finding], listing: Sequence[RunSummary]
) -> TrainingConfig | None:
    """What **Try the fix** of the most serious finding would train; None if it suggests nothing or has been tried."""
    change = findings[0].change if findings else None
    if not change or attempts.key(change) in attempts.attempts_of(origin, listing):
        return None
    return attempts.planned(origin, attempts.wanted(origin, [change]))[-1][0]


def try_button(origin: RunSummary, finding: Finding, tried: Attempts, place: str) -> None:
    """Draws the button that trains a finding's fix at once; nothing if its effect is known."""
    change = finding.change
    attempt = tried.get(attempts.key(change))
    known = attempts.effect_of(origin, attempt, tried) if attempt else None
    if known and not known.failed:
        return  # from the same start, it would be the same again
    epochs = attempts.wanted(origin, [change])[-1][1]
    config, changed = origin.config, _changed(origin, change)
    paused = " This run is paused for it if no worker is free." if _makes_room(origin) else ""
    st.button(
        "Try again" if attempt else "Try the fix",
        key=f"{place}_{finding.name}_try",
        type="tertiary" if attempt else "primary",
        icon=":material/healing:",
        disabled=bool(attempt and attempt.is_active),
        help=f"Trains this network for {count(epochs, 'epoch')} from the same initial weights, with "
        f"{describe_changes(config, changed)}, and compares both.{paused}",
        on_click=start,
        args=(origin, [change], False),
    )


def use_button(origin: RunSummary, change: plan.Change, key: str, label: str = "Copy to the sidebar", **more) -> None:
    """Draws the button that puts a run's settings with a change into the sidebar."""
    config, changed = origin.config, _changed(origin, change)
    st.button(
        foreign(label, LONGEST_SENTENCE),
        key=key,
        icon=":material/tune:",
        help=f"Copies this run's settings to the sidebar, with {describe_changes(config, changed)}.",
        on_click=settings.try_change,
        args=(config, changed, key),
        **more,
    )
    if settings.tried_at() == key:
        st.markdown(f":green-badge[:material/check: in the settings] {describe_changes(config, changed)}")
        st.button(
            "Train with this change",
            key=f"{key}_train",
            type="primary",
            icon=":material/play_arrow:",
            on_click=training.train,
            args=(changed,),
        )


def _changed(origin: RunSummary, change: plan.Change) -> TrainingConfig:
    return origin.config.with_(**change)


def outcome(origin: RunSummary, finding: Finding, tried: Attempts, place: str, *, curves: bool = True) -> None:
    """Draws what came of a finding's fix, or that it is untried."""
    change = finding.change
    attempt = tried.get(attempts.key(change))
    if attempt is None:
        untried(name(origin, change))
        return
    known = attempts.effect_of(origin, attempt, tried)
    if known is None:
        progress(origin, attempt)
    else:
        st.markdown(f"{_badge(known)} {foreign(effect.sentence(known), LONGEST_SENTENCE)}")
        if attempt.summary.status.reason and known.after is None:
            st.caption(sentence(attempt.summary.status.reason))
        if interval := effect.interval_words(known):
            st.caption(foreign(interval, LONGEST_SENTENCE))
    run_link(attempt.summary.name, icon=":material/open_in_new:")
    if curves and attempt.summary.records:
        _curves(origin, attempt, f"{place}_{finding.name}")


def result(known: Effect, findings: Sequence[Finding]) -> str:
    """The effect of a fix in one sentence, and why one of its settings alone would not be enough."""
    return " ".join(filter(None, (effect.sentence(known), plan.reason_of(known.change, findings))))


def untried(fix: str) -> None:
    """Draws a fix that has not been trained, in words."""
    st.markdown(f"**Fix:** {foreign(fix, LONGEST_SENTENCE)} :gray-badge[untried]")


def _badge(known: Effect) -> str:
    if not known.helps:
        return ":red-badge[:material/close: tried: it does not help]"
    if known.compared and not known.is_clear:
        return ":orange-badge[:material/question_mark: tried: inconclusive]"
    return ":green-badge[:material/check: tried: it helps]"


def progress(origin: RunSummary, attempt: Attempt) -> None:
    """Draws how far an attempt is."""
    epochs, done = attempt.summary.config.epochs, len(attempt.summary.records)
    phase = "waiting for a worker" if attempt.summary.state == QUEUED else attempt.summary.status.phase or TRAINING
    text = f"Trying {name(origin, attempt.change) or 'the unchanged network'}: {phase} · epoch {done} of {epochs}"
    st.progress(min(1.0, done / epochs), text=foreign(text, LONGEST_SENTENCE))


def _curves(origin: RunSummary, attempt: Attempt, place: str) -> None:
    from explorer.charts.epoch_axes import guessing
    from explorer.charts.twin import twin_rows, twins

    epochs = attempt.summary.config.epochs
    before = [record for record in origin.records if record.epoch <= epochs]
    level = guessing("accuracy", DATASETS[origin.config.dataset].classes)
    rows = twin_rows(before, attempt.summary.records, "accuracy", level)
    draw_chart(twins, rows, "accuracy", key=f"{place}_curves", alt="accuracy by epoch without and with the fix")
