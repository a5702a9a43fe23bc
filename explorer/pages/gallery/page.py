"""Draws the fault gallery: a question, then the run that answers it, then the fixed run beside it."""

import streamlit as st

from explorer.diagnosis import PROBLEM, Evidence, diagnose
from explorer.diagnosis.fault_cases import CASES, Case
from explorer.diagnosis.lessons import LESSONS
from explorer.pages import messages, settings
from explorer.pages.chart import draw_steadily
from explorer.pages.gallery import state as gallery_state
from explorer.pages.run import findings, internals, twin
from explorer.pages.run.page import curves
from explorer.pages.text import foreign, sentence
from explorer.pages.train import latest_runs
from explorer.runs import cost_estimate
from explorer.runs.history import RULES
from explorer.runs.run import ACTIVE, COMPLETED, FAILED, QUEUED, RunSummary, summarize

REFRESH_SECONDS = 0.5


def render() -> None:
    """Draws the page."""
    draw_steadily()
    st.header("Fault gallery", anchor=False)
    st.markdown("Networks that are known to fail, and some that work. **Predict first, then watch what happens.**")
    chosen = gallery_state.chosen_case()
    with st.sidebar:
        _score()
        _index(chosen)
    if message := messages.take():
        st.error(sentence(message))
    if chosen is None:
        st.info("Choose a case on the left.")
        return
    _question(chosen)
    if gallery_state.answer(chosen.name) is not None:
        _answered(chosen)
    _next(chosen)


def _score() -> None:
    right, wrong = gallery_state.score()
    left, middle = st.columns(2)
    left.metric("Correct", right)
    middle.metric("Incorrect", wrong)


def _index(chosen: Case | None) -> None:
    for number, case in enumerate(CASES.values(), 1):
        answer = gallery_state.answer(case.name)
        icon = (
            ":material/radio_button_unchecked:"
            if answer is None
            else ":material/check_circle:"
            if answer == case.right
            else ":material/cancel:"
        )
        st.button(
            f"{number}. {case.title}",
            key=f"choose_{case.name}",
            icon=icon,
            type="secondary" if chosen is case else "tertiary",
            width="stretch",
            on_click=gallery_state.open_case,
            args=(case.name,),
        )


def _question(case: Case) -> None:
    previous = gallery_state.answer(case.name)
    with st.container(border=True):
        st.subheader(case.title, anchor=False)
        answer = st.radio(
            f"**{case.question}**",
            range(len(case.answers)),
            index=previous,
            format_func=lambda index: case.answers[index],
            key=f"answer_{case.name}",
            disabled=previous is not None,
        )
        if previous is None:
            st.button(
                "Train and see",
                key="train_and_see",
                type="primary",
                icon=":material/play_arrow:",
                disabled=answer is None,
                help="Choose an answer first." if answer is None else "Trains this network now, in a few seconds.",
                on_click=gallery_state.answer_case,
                args=(case, answer),
            )
        elif previous == case.right:
            st.success("Correct.", icon=":material/check_circle:")
        else:
            st.error(f"Incorrect. The answer is: {case.answers[case.right]}.", icon=":material/cancel:")


def _answered(case: Case) -> None:
    run, fixed = gallery_state.case_runs(case.name)
    if run is None:
        st.button(
            "Train again",
            key="case_again",
            on_click=gallery_state.answer_case,
            args=(case, gallery_state.answer(case.name)),
        )
        return
    summaries = [summarize(r) for r in (run, fixed) if r]
    active = any(summary.state in ACTIVE for summary in summaries)
    st.fragment(_live, run_every=REFRESH_SECONDS if active else None)(case, active)


def _live(case: Case, was_active: bool) -> None:
    """The run, its findings and the fixed run; redrawn while one of the two is training."""
    run, fixed = gallery_state.case_runs(case.name)
    summary, other = summarize(run), summarize(fixed) if fixed else None
    active = summary.state in ACTIVE or bool(other and other.state in ACTIVE)
    if active != was_active or messages.redraw_wanted():
        st.rerun()
    _progress(summary)
    _reveal(case, summary)
    if summary.state in ACTIVE:
        return
    st.subheader("Fix it" if case.finding else "Change one thing", anchor=False)
    if other is None:
        st.button(
            f"Train with {_change_text(case)}",
            key="mend",
            type="primary",
            icon=":material/healing:" if case.finding else ":material/call_split:",
            on_click=gallery_state.fix_case,
            args=(case,),
        )
        return
    _progress(other)
    twin.both(summary, other, place="mend")
    st.markdown(case.fixed)


def _change_text(case: Case) -> str:
    from explorer.runs.twin import describe_changes

    return describe_changes(case.config, case.fixed_config)


def _progress(summary: RunSummary) -> None:
    if summary.problem:
        st.error(f"This run cannot be shown: {sentence(summary.problem)}")
        return
    done, of = len(summary.records), summary.config.epochs
    if summary.state in ACTIVE:
        phase = "waiting for a worker" if summary.state == QUEUED else summary.status.phase or "training"
        st.progress(done / of, text=f"{foreign(phase.capitalize())} · epoch {done} of {of}")
    elif summary.state == FAILED:
        st.markdown(f":red-badge[{latest_runs.BADGES[FAILED][0]} failed] {sentence(summary.status.reason)}")
    elif summary.state != COMPLETED:
        st.caption(f"{summary.state.capitalize()}: {sentence(summary.status.reason or 'no reason given')}")


def _reveal(case: Case, summary: RunSummary) -> None:
    if summary.problem:
        return
    signals = summary.run.signals()
    items = diagnose(Evidence(summary.config, summary.records, signals, summary.status.cause))
    if summary.records:
        _curves(summary)
    ended = summary.state not in ACTIVE
    left, right = st.columns([2, 3], gap="medium")
    with left:
        st.subheader("Findings", anchor=False)
        if ended:
            st.markdown(case.reveal)
        if case.finding is None and ended and not any(f.severity == PROBLEM for f in items):
            st.markdown(":green-badge[:material/check_circle: known good] No problem was found, as expected.")
        # the finding that the case is about comes first
        items = sorted(items, key=lambda finding: finding.name != case.finding)
        if items or not ended:
            findings.findings(items, summary.config, place="case", epochs=len(summary.records))
    with right:
        st.subheader("Inside the network", anchor=False)
        lesson = LESSONS.get(case.finding or "")
        internals.inside(
            summary.name,
            signals,
            live=not ended,
            place=f"case_{case.name}",
            signal=(lesson.signal if lesson else "") or "activation_variance",
            way=internals.BY_DEPTH,
        )


def _curves(summary: RunSummary) -> None:
    curves(summary, "case_chart")
    if summary.best:
        st.caption(
            f"{summary.best.val_accuracy:.1%} accuracy on the {cost_estimate.validation_images(summary.config):,} "
            f"validation images at epoch {summary.best.epoch:,} ({RULES['val_loss'].words}), one seed."
        )


def _next(case: Case) -> None:
    names = list(CASES)
    place = names.index(case.name)
    with st.container(horizontal=True):
        if gallery_state.answer(case.name) is not None:
            st.button(
                "Open these settings on the Train page",
                key="case_settings",
                icon=":material/tune:",
                on_click=settings.take_settings,
                args=(case.config,),
            )
        if place + 1 < len(names):
            st.button(
                f"Next: {CASES[names[place + 1]].title}",
                key="case_next",
                icon=":material/arrow_forward:",
                on_click=gallery_state.open_case,
                args=(names[place + 1],),
            )
