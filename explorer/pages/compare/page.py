"""The Compare page: all runs in one table, and charts of the selected ones below it."""

import streamlit as st

from explorer.errors import RunError
from explorer.pages import address, ignored, layout, messages, resources
from explorer.pages.compare import actions, charts, linked_views, state, table
from explorer.pages.compare.state import listed
from explorer.pages.text import sentence
from explorer.runs.run_summary import RunSummary
from explorer.runs.status import ACTIVE

WATCH_SECONDS = 4
SECTION = "compare_section"
CURVES, REPEATS, SETTINGS = "Curves", "Repeats", "Settings and results"
SECTIONS = {
    CURVES: (charts.curves, ":material/show_chart:"),
    REPEATS: (charts.repeats, ":material/repeat:"),
    SETTINGS: (linked_views.settings, ":material/scatter_plot:"),
}


def render() -> None:
    """Draws the page."""
    st.title("Compare runs", anchor=False)
    try:
        listing = listed()
    except RunError as error:
        st.error(sentence(error))
        return
    remarks = layout.place()
    if message := messages.take():
        remarks.error(sentence(message))
    if unreadable := [summary for summary in listing.summaries if summary.problem]:
        with remarks.expander(f"Folders that cannot be shown as runs: {len(unreadable):,}", icon=":material/help:"):
            st.markdown("\n".join(f"- {sentence(summary.problem)}" for summary in unreadable[:20]))
    if listing.table.empty:
        st.info("There are no runs yet. Train one on the **Train** page, and it appears here.")
        actions.bin_alone()
        return
    state.read_address(listing.table)
    filtered = table.filters(listing.table)
    chosen = table.leaderboard(filtered, listing)
    actions.bar(filtered, chosen)
    _view_of_address()
    section = st.segmented_control(
        "View",
        list(SECTIONS),
        format_func=lambda name: f"{SECTIONS[name][1]} {name}",
        required=True,
        key=SECTION,
        label_visibility="collapsed",
    )
    address.write(state.VIEW, [] if section == CURVES else [section])
    SECTIONS[section][0](filtered, chosen)
    with remarks:
        ignored.draw(frozenset(state.compared()))
    st.fragment(_watch, run_every=WATCH_SECONDS)(_news(listing.summaries))


def _view_of_address() -> None:
    """Opens the view of a link."""
    views = address.arrived(state.VIEW)
    if views is not None:
        view = views[0] if views else CURVES
        if view not in SECTIONS:
            ignored.note(view, f"unknown view; choose one of {', '.join(SECTIONS)}")
        st.session_state[SECTION] = view if view in SECTIONS else CURVES
    st.session_state.setdefault(SECTION, CURVES)


def _watch(drawn: tuple) -> None:
    try:
        now = _news(resources.store().list())
    except RunError:  # counts as a change: the whole page shows the error
        now = ()
    if drawn != now:
        st.rerun()  # a run started, ended or trained an epoch, here or in another process


def _news(summaries: list[RunSummary]) -> tuple:
    return len(summaries), tuple((s.name, s.state, s.outline.epochs) for s in summaries if s.state in ACTIVE)
