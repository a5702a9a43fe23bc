"""Draws the findings of a run, each with its evidence, its cause, a suggested change and a lesson."""

from collections.abc import Sequence

import streamlit as st

from explorer.config import TrainingConfig
from explorer.diagnosis import NOTE, PROBLEM, WARNING, Finding
from explorer.diagnosis.finding import since
from explorer.diagnosis.lessons import Lesson, lesson_of
from explorer.pages import layout, settings
from explorer.pages.run import all_fixes, fixes
from explorer.pages.text import LONGEST_SENTENCE, foreign
from explorer.palette import SEVERITY_COLORS
from explorer.runs.run_summary import RunSummary
from explorer.runs.twin import describe_changes, describe_new_values

ICONS = {PROBLEM: ":material/error:", WARNING: ":material/warning:", NOTE: ":material/info:"}
OPENED = 2  # the others are collapsed: a student reads two, not seven


def findings(
    items: Sequence[Finding], config: TrainingConfig, *, place: str, epochs: int, run: RunSummary | None = None
) -> None:
    """Draws the findings in the given order; `place` keeps the widget keys of two lists on a page apart.

    With a `run`, the fix of each can be tried at once, and all of them be compared.
    """
    if not items:
        if run is None:  # a run's page says so above
            _none_yet(epochs)
        st.caption("Gradients, units, weights and curves are checked after every epoch; findings appear here.")
    tried = fixes.of(run) if run else {}
    for finding in items[:OPENED]:
        one(finding, config, place, run, tried)
    if len(items) > OPENED:
        with st.expander(f"{len(items) - OPENED} more", key=f"{place}_more"):
            for finding in items[OPENED:]:
                one(finding, config, place, run, tried)
    if run:
        all_fixes.draw(run, items, tried, place)


def most_serious(items: Sequence[Finding], run: RunSummary) -> None:
    """Draws the first finding of a run in a line, with its fix; the others are counted."""
    if not items:
        _none_yet(len(run.records))
        return
    finding, tried = items[0], fixes.of(run)
    more = f" · {len(items) - 1} more below" if len(items) > 1 else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(width="stretch"):
            line(finding, more)
        if finding.change:
            fixes.try_button(run, finding, tried, "first")
    if finding.change and tried:
        fixes.outcome(run, finding, tried, "first", curves=False)


def _none_yet(epochs: int) -> None:
    st.markdown(
        ":green-badge[:material/check_circle: no problems so far]"
        if epochs
        else ":gray-badge[:material/hourglass_top: waiting for the first epoch]"
    )


def one(
    finding: Finding,
    config: TrainingConfig,
    place: str,
    run: RunSummary | None = None,
    tried: fixes.Attempts | None = None,
) -> None:
    """Draws one finding with its fix, its buttons and its lesson."""
    lesson = lesson_of(finding)
    with st.container(border=True, key=f"{place}_{finding.name}", gap="small"):
        color, icon = SEVERITY_COLORS[finding.severity], ICONS[finding.severity]
        st.markdown(
            f"**{lesson.title}** &nbsp; :{color}-badge[{icon} {finding.severity}] :gray-badge[{since(finding.since)}]"
        )
        st.markdown(foreign(finding.evidence, LONGEST_SENTENCE))
        st.caption(foreign(finding.why, LONGEST_SENTENCE))
        with layout.place():
            if run and finding.change:
                fixes.outcome(run, finding, tried or {}, place)
            elif finding.change:
                fixes.untried(describe_new_values(config, config.with_(**finding.change)))
        with st.container(horizontal=True, vertical_alignment="center"):
            with st.container(horizontal=True, vertical_alignment="center", width="content"):  # some come and go
                if run and finding.change:
                    fixes.try_button(run, finding, tried or {}, place)
                    fixes.use_button(run, finding.change, f"{place}_{finding.name}_use")
                elif finding.change:
                    _settings_button(finding, config, config.with_(**finding.change), place)
            with st.popover("Learn more", icon=":material/school:", key=f"{place}_{finding.name}_lesson"):
                teach(lesson)


def _settings_button(finding: Finding, config: TrainingConfig, changed: TrainingConfig, place: str) -> None:
    if st.button(
        f"Try {describe_new_values(config, changed)} on the Train page",
        key=f"{place}_{finding.name}_try",
        icon=":material/tune:",
        help=f"Opens the Train page with these settings and one change: {describe_changes(config, changed)}.",
    ):
        settings.open_with(changed)


def line(finding: Finding, more: str = "") -> None:
    """Draws a finding in one line: its title, colored by severity, and its evidence."""
    color, icon = SEVERITY_COLORS[finding.severity], ICONS[finding.severity]
    lesson = lesson_of(finding)
    st.markdown(f":{color}-badge[{icon} {lesson.title}] {foreign(finding.evidence, LONGEST_SENTENCE)}{more}")


def teach(lesson: Lesson) -> None:
    """Draws a lesson with its source."""
    st.markdown(f"**{lesson.title}**\n\n{lesson.text}")
    st.caption(f"Source: [{lesson.source}]({lesson.link})")
