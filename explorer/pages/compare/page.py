"""The Compare page: all runs in one table, and charts of the selected ones below it."""

from collections.abc import Iterator

import streamlit as st

from explorer.errors import RunError
from explorer.pages import messages, resources
from explorer.pages.compare import actions, charts, table
from explorer.pages.compare.state import listed
from explorer.pages.text import sentence
from explorer.runs.run import ACTIVE, RunSummary

WATCH_SECONDS = 4
CURVES, REPEATS, SETTINGS = "Curves", "Repeats", "Settings and results"
SECTIONS = {
    CURVES: (charts.curves, ":material/show_chart:"),
    REPEATS: (charts.repeats, ":material/repeat:"),
    SETTINGS: (charts.settings, ":material/scatter_plot:"),
}


def render() -> None:
    """Draws the page."""
    st.header("Compare runs", anchor=False)
    try:
        listing = listed()
    except RunError as error:
        st.error(sentence(error))
        return
    if message := messages.take():
        st.error(sentence(message))
    if unreadable := [summary for summary in listing.summaries if summary.problem]:
        with st.expander(f"Folders that cannot be shown as runs: {len(unreadable):,}", icon=":material/help:"):
            st.markdown("\n".join(f"- {sentence(summary.problem)}" for summary in unreadable[:20]))
    if listing.table.empty:
        st.info("There are no runs yet. Train one on the **Train** page, and it appears here.")
        actions.bin_alone()
        return
    filtered = table.filters(listing.table)
    chosen = table.leaderboard(filtered, listing)
    actions.bar(filtered, chosen)
    section = st.segmented_control(
        "View",
        list(SECTIONS),
        format_func=lambda name: f"{SECTIONS[name][1]} {name}",
        default=CURVES,
        required=True,
        key="compare_section",
        label_visibility="collapsed",
    )
    SECTIONS[section][0](filtered, chosen)
    st.fragment(_watch, run_every=WATCH_SECONDS)(_news(listing.summaries), iter([True]))


def _watch(drawn: tuple, with_the_page: Iterator[bool]) -> None:
    if next(with_the_page, False):
        return  # the page has just listed the runs, which may be thousands
    try:
        now = _news(resources.store().list())
    except RunError:  # counts as a change: the whole page shows the error
        now = ()
    if drawn != now:
        st.rerun()  # a run started, ended or trained an epoch, here or in another process


def _news(summaries: list[RunSummary]) -> tuple:
    return len(summaries), tuple((s.name, s.state, s.outline.epochs) for s in summaries if s.state in ACTIVE)
