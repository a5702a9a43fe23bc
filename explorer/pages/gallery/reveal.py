"""Draws what training a fault case shows: its curves, its findings, and the changed network beside it."""

import streamlit as st

from explorer.diagnosis import PROBLEM, Evidence, diagnose
from explorer.diagnosis.fault_cases import Case
from explorer.diagnosis.lessons import LESSONS
from explorer.pages import layout, messages
from explorer.pages.gallery import questions
from explorer.pages.gallery import state as gallery_state
from explorer.pages.run import findings, internals, twin
from explorer.pages.run.curves import curves
from explorer.pages.run.links import run_link
from explorer.pages.text import foreign, sentence
from explorer.pages.train import latest_runs
from explorer.runs import cost_estimate
from explorer.runs.history import RULES
from explorer.runs.run_summary import RunSummary, summarize
from explorer.runs.snapshot import Snapshot, snapshot
from explorer.runs.status import ACTIVE, COMPLETED, FAILED, QUEUED, TRAINING

REFRESH_SECONDS = 0.5
OPEN = ":material/open_in_new:"


def draw(case: Case) -> None:
    """Draws the runs of a case that was answered, and redraws them while one of them is training."""
    taken, changed = _runs(case)
    if taken is None:
        st.button("Train again", key="case_again", on_click=gallery_state.train, args=(case.config,))
        return
    active = _any_active(taken, changed)
    st.fragment(_live, run_every=REFRESH_SECONDS if active else None)(case, active)


def _runs(case: Case) -> tuple[Snapshot | None, RunSummary | None]:
    """The run of a case and, once the second question is answered, that of its change."""
    run = gallery_state.run_of(case.config)
    changed = None if gallery_state.second_answer(case.name) is None else gallery_state.run_of(case.fixed_config)
    return snapshot(run) if run else None, summarize(changed) if changed else None


def _any_active(taken: Snapshot, changed: RunSummary | None) -> bool:
    return taken.summary.state in ACTIVE or bool(changed and changed.state in ACTIVE)


def _live(case: Case, was_active: bool) -> None:
    taken, changed = _runs(case)
    if taken is None or _any_active(taken, changed) != was_active or messages.redraw_wanted():
        st.rerun()
    summary = taken.summary
    with layout.place():
        _progress(summary)
    run_link(summary.name, icon=OPEN)
    _findings(case, taken)
    if summary.state in ACTIVE:
        return
    st.header("Fix it" if case.finding else "Change one thing", anchor=False)
    questions.second(case)
    if gallery_state.second_answer(case.name) is None:
        return
    if changed is None:
        st.button("Train again", key="change_again", on_click=gallery_state.train, args=(case.fixed_config,))
        return
    with layout.place():
        _progress(changed)
    run_link(changed.name, icon=OPEN)
    twin.both(summary, changed, place="mend")
    st.markdown(case.fixed)


def _progress(summary: RunSummary) -> None:
    if summary.problem:
        st.error(f"This run cannot be shown: {sentence(summary.problem)}")
        return
    done, of = len(summary.records), summary.config.epochs
    if summary.state in ACTIVE:
        phase = "waiting for a worker" if summary.state == QUEUED else summary.status.phase or TRAINING
        st.progress(done / of, text=f"{foreign(phase.capitalize())} · epoch {done} of {of}")
    elif summary.state == FAILED:
        st.markdown(f":red-badge[{latest_runs.BADGES[FAILED][0]} failed] {sentence(summary.status.reason)}")
    elif summary.state != COMPLETED:
        st.caption(f"{summary.state.capitalize()}: {sentence(summary.status.reason or 'no reason given')}")


def _findings(case: Case, taken: Snapshot) -> None:
    summary, signals = taken.summary, taken.signals
    if summary.problem:
        return
    items = diagnose(Evidence(summary.config, summary.records, signals, summary.status.cause))
    with layout.place():
        if summary.records:
            _curves(summary)
    ended = summary.state not in ACTIVE
    left, right = st.columns([2, 3], gap="medium")
    with left:
        st.header("Findings", anchor=False)
        with layout.place():
            if ended:
                st.markdown(case.reveal)
            if case.finding is None and ended and not any(f.severity == PROBLEM for f in items):
                st.markdown(":green-badge[:material/check_circle: known good] No problem was found, as expected.")
        # the finding that the case is about comes first
        items = sorted(items, key=lambda finding: finding.name != case.finding)
        if items or not ended:
            findings.findings(items, summary.config, place="case", epochs=len(summary.records))
    with right:
        st.header("Inside the network", anchor=False)
        lesson = LESSONS.get(case.finding or "")
        internals.inside(
            summary.name,
            signals,
            live=not ended,
            place=f"case_{case.name}",
            signal=(lesson.signal if lesson else "") or "activation_variance",
            way=internals.BY_DEPTH,
            epoch=lesson.epoch if lesson else None,
        )


def _curves(summary: RunSummary) -> None:
    curves(summary, "case_chart")
    if summary.best:
        st.caption(
            f"{latest_runs.accuracy(summary)} accuracy on the {cost_estimate.validation_words(summary.config)} "
            f"at epoch {summary.best.epoch:,} ({RULES['val_loss'].criterion}), one seed."
        )
