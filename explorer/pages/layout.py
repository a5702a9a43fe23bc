"""Lays the pages out: the space that Streamlit leaves empty, what comes first on a phone, and projector mode."""

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer.pages import address, in_browser, messages

PROJECTOR = "projector"
# of a chart in projector mode: its text in pixels, and how many times as high it is
PROJECTOR_TEXT, PROJECTOR_HEIGHT = 20, 1.7

# a phone's width, below which Streamlit puts columns below each other
_STYLE = """
[data-testid=stMainBlockContainer] { padding-left: 2rem; padding-right: 2rem; }
[data-testid=stSidebarHeader] { height: 2.5rem; }
[data-testid=stSidebarUserContent] { padding-top: 0; }
.stMain h1 { font-size: 1.8rem; padding: 0.2rem 0; }
h2 { font-size: 1.25rem !important; padding: 0.4rem 0 !important; }
:focus-visible { outline: 3px solid #E07B24 !important; outline-offset: 2px; }
.st-key-run_view h1 { font-size: 1.2rem; line-height: 1.15; padding: 0; }
.st-key-run_head > :first-child { flex: 1 1 18rem; min-width: 0; width: auto; }
.st-key-run_view [data-testid=stMetricValue] { font-size: 1.4rem; line-height: 1.3; }
.st-key-run_view [data-testid=stMetricLabel] p { font-size: 0.8rem; }
.st-key-phone_train, .st-key-history { display: none; }
.st-key-linked_views { overflow-x: auto; }
:is(.st-key-cases, .st-key-latest_runs) :is(button, button *) { justify-content: flex-start; text-align: left; }
@media (max-width: 640px) {
  [data-testid=stMainBlockContainer] { padding-left: 1rem; padding-right: 1rem; }
  .st-key-phone_train { display: flex; }
  .st-key-run_view > :has(.st-key-run_numbers), .st-key-run_view > .st-key-run_numbers { order: 1; }
  .st-key-run_view > :has(.st-key-run_finding), .st-key-run_view > .st-key-run_finding { order: 1; }
}
"""
_PROJECTED = """
[data-testid=stSidebar], [data-testid=stExpandSidebarButton] { display: none; }
[data-testid=stMainBlockContainer] { padding-left: 3rem; padding-right: 3rem; }
[data-testid=stMain] p, [data-testid=stMain] button, [data-testid=stMain] label { font-size: 20px !important; }
.st-key-run_view h1 { font-size: 2rem; }
.st-key-run_view [data-testid=stMetricValue], .st-key-run_view [data-testid=stMetricValue] p {
  font-size: 2.2rem !important;
}
.st-key-run_view .stMarkdownBadge { font-size: 20px !important; }
"""


def lay_out() -> None:
    """Draws the style of all pages."""
    st.html(f"<style>{_STYLE}{in_browser.STYLE}{_PROJECTED if projector() else ''}</style>")


def place(**options: Any) -> DeltaGenerator:
    """A place for what comes and goes, always there itself; `options` are those of `st.container`.

    Streamlit draws anew whatever is below an element that comes or goes: open popovers close, and charts flicker.
    """
    return st.container(**options)


def projector() -> bool:
    """Whether the page is drawn for a projector: without the sidebar, with large text; `?projector=1` in the URL."""
    return st.query_params.get(PROJECTOR) == "1"


def enlarge(specification: dict[str, Any]) -> None:
    """Makes the text of any chart large in projector mode, and the chart higher."""
    if not projector():
        return
    if isinstance(height := specification.get("height"), int):
        specification["height"] = round(PROJECTOR_HEIGHT * height)
    text = {"labelFontSize": PROJECTOR_TEXT, "titleFontSize": PROJECTOR_TEXT}
    specification["config"] = {
        "axis": text,
        "header": text,
        "legend": {**text, "symbolSize": 16 * PROJECTOR_TEXT},
        "title": {"fontSize": PROJECTOR_TEXT + 2},
        "text": {"fontSize": PROJECTOR_TEXT},
    }


def projector_switch() -> None:
    """Draws the switch between projector mode and the usual page."""
    if address.went_back():
        st.session_state["projector_switch"] = projector()
    st.toggle("Projector", projector(), key="projector_switch", on_change=_switch, help="Large text, no sidebar.")


def _switch() -> None:
    if st.session_state["projector_switch"]:
        st.query_params[PROJECTOR] = "1"
    else:
        st.query_params.pop(PROJECTOR, None)
    messages.redraw()
