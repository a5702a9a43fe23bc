"""What a run tells: findings in plain words, each with its evidence, why it happens, and what to try."""

from collections.abc import Sequence

import streamlit as st

from explorer.config import TrainingConfig
from explorer.diagnosis import NOTE, PROBLEM, WARNING, Finding
from explorer.diagnosis.lessons import LESSONS
from explorer.pages import settings
from explorer.pages.text import LONGEST_SENTENCE, foreign
from explorer.palette import SEVERITY_COLORS
from explorer.runs.twin import change_words, new_words

ICONS = {PROBLEM: ":material/error:", WARNING: ":material/warning:", NOTE: ":material/info:"}
OPENED = 2  # what is below is folded: a student reads two things, not seven


def findings(found: Sequence[Finding], config: TrainingConfig, *, place: str, epochs: int) -> None:
    """Draws the findings, the gravest first; `place` tells the keys of two lists on a page apart."""
    if not found:
        st.markdown(
            ":green-badge[:material/check_circle: nothing wrong so far]"
            if epochs
            else ":gray-badge[:material/hourglass_top: waiting for the first epoch]"
        )
        st.caption("Gradients, units, weights and curves are looked at after each epoch; what is found is told here.")
    for finding in found[:OPENED]:
        one(finding, config, place)
    if len(found) > OPENED:
        with st.expander(f"{len(found) - OPENED} more", key=f"{place}_more"):
            for finding in found[OPENED:]:
                one(finding, config, place)


def one(finding: Finding, config: TrainingConfig, place: str) -> None:
    """Draws one finding with its button and its lesson."""
    lesson = LESSONS[finding.name]
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
                    f"Try {new_words(config, changed)}",
                    key=f"{place}_{finding.name}_try",
                    icon=":material/tune:",
                    help=f"Puts the settings of this run on the left with one change: {change_words(config, changed)}.",
                    on_click=settings.try_change,
                    args=(changed,),
                )
            with st.popover("Learn more", icon=":material/school:", key=f"{place}_{finding.name}_lesson"):
                teach(finding.name)


def line(finding: Finding) -> None:
    """Draws a finding in one line: its name, how grave it is, and its evidence."""
    color, icon = SEVERITY_COLORS[finding.severity], ICONS[finding.severity]
    st.markdown(f":{color}-badge[{icon} {LESSONS[finding.name].title}] {foreign(finding.evidence, LONGEST_SENTENCE)}")


def teach(name: str) -> None:
    """Draws the lesson of a finding."""
    lesson = LESSONS[name]
    st.markdown(f"##### {lesson.title}\n{lesson.text}")
    st.caption(f"Source: [{lesson.source}]({lesson.link})")


def since(finding: Finding) -> str:
    """From when on, in words."""
    return "before training" if finding.since == 0 else f"since epoch {finding.since:,}"
