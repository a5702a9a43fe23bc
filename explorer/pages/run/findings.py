"""Draws the findings of a run, each with its evidence, its cause, a suggested change and a lesson."""

from collections.abc import Sequence

import streamlit as st

from explorer.config import TrainingConfig
from explorer.diagnosis import NOTE, PROBLEM, WARNING, Finding
from explorer.diagnosis.lessons import Lesson, lesson_of
from explorer.pages import settings
from explorer.pages.text import LONGEST_SENTENCE, foreign
from explorer.palette import SEVERITY_COLORS
from explorer.runs.twin import describe_changes, describe_new_values

ICONS = {PROBLEM: ":material/error:", WARNING: ":material/warning:", NOTE: ":material/info:"}
OPENED = 2  # the others are collapsed: a student reads two, not seven


def findings(items: Sequence[Finding], config: TrainingConfig, *, place: str, epochs: int) -> None:
    """Draws the findings in the given order; `place` keeps the widget keys of two lists on a page apart."""
    if not items:
        st.markdown(
            ":green-badge[:material/check_circle: no problems so far]"
            if epochs
            else ":gray-badge[:material/hourglass_top: waiting for the first epoch]"
        )
        st.caption("Gradients, units, weights and curves are checked after every epoch; findings appear here.")
    for finding in items[:OPENED]:
        one(finding, config, place)
    if len(items) > OPENED:
        with st.expander(f"{len(items) - OPENED} more", key=f"{place}_more"):
            for finding in items[OPENED:]:
                one(finding, config, place)


def one(finding: Finding, config: TrainingConfig, place: str) -> None:
    """Draws one finding with its button and its lesson."""
    lesson = lesson_of(finding)
    with st.container(border=True, key=f"{place}_{finding.name}", gap="small"):
        color, icon = SEVERITY_COLORS[finding.severity], ICONS[finding.severity]
        st.markdown(
            f"**{lesson.title}** &nbsp; :{color}-badge[{icon} {finding.severity}] :gray-badge[{since(finding)}]"
        )
        st.markdown(foreign(finding.evidence, LONGEST_SENTENCE))
        st.caption(foreign(finding.why, LONGEST_SENTENCE))
        with st.container(horizontal=True, vertical_alignment="center"):
            if finding.change:
                changed = config.with_(**finding.change)
                st.button(
                    f"Try {describe_new_values(config, changed)}",
                    key=f"{place}_{finding.name}_try",
                    icon=":material/tune:",
                    help="Copies this run's settings to the left, with one change: "
                    f"{describe_changes(config, changed)}.",
                    on_click=settings.try_change,
                    args=(changed,),
                )
            with st.popover("Learn more", icon=":material/school:", key=f"{place}_{finding.name}_lesson"):
                teach(lesson)


def line(finding: Finding) -> None:
    """Draws a finding in one line: its title, colored by severity, and its evidence."""
    color, icon = SEVERITY_COLORS[finding.severity], ICONS[finding.severity]
    lesson = lesson_of(finding)
    st.markdown(f":{color}-badge[{icon} {lesson.title}] {foreign(finding.evidence, LONGEST_SENTENCE)}")


def teach(lesson: Lesson) -> None:
    """Draws a lesson with its source."""
    st.markdown(f"##### {lesson.title}\n{lesson.text}")
    st.caption(f"Source: [{lesson.source}]({lesson.link})")


def since(finding: Finding) -> str:
    """Since when a finding holds, as text."""
    return "before training" if finding.since == 0 else f"since epoch {finding.since:,}"
