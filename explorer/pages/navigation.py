"""Holds the table of pages, and links from one to another."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from urllib.parse import urlencode

import streamlit as st
from streamlit.navigation.page import StreamlitPage


@dataclass(frozen=True)
class Entry:
    """A page: its title, its Material icon, and its path in the URL, which is also its package in `explorer.pages`."""

    title: str
    icon: str


PAGES: dict[str, Entry] = {
    "train": Entry("Train", ":material/model_training:"),
    "compare": Entry("Compare", ":material/compare_arrows:"),
    "sweep": Entry("Sweep", ":material/travel_explore:"),
    "evaluate": Entry("Evaluate", ":material/fact_check:"),
    "gallery": Entry("Fault gallery", ":material/quiz:"),
}
_FIRST = "train"


def page(name: str) -> StreamlitPage:
    """A page by its name in `PAGES`; its modules are imported when it is first opened, so that the start is faster."""
    entry, first = PAGES[name], name == _FIRST
    path = None if first else name
    return st.Page(_drawing(name), title=entry.title, icon=entry.icon, default=first, url_path=path)


def _drawing(name: str) -> Callable[[], None]:
    def draw() -> None:
        import_module(f"explorer.pages.{name}.page").render()

    return draw


def link(name: str, label: str, *, icon: str | None = None, **query: str) -> None:
    """Draws a link to a page; `query` is its part of the URL, such as the run that it shows.

    The label is drawn as Markdown, so foreign text has to come from `explorer.pages.text`.
    """
    st.page_link(page(name), label=label, icon=icon, query_params=query)


def address(name: str, **query: str) -> str | None:
    """The relative URL of a page, for links in tables and in Markdown, the same below any path that is served.

    None for a query that no URL can hold, such as a folder's name that is no text.
    """
    try:
        return f"./{'' if name == _FIRST else name}?{urlencode(query)}"
    except UnicodeEncodeError:
        return None


def go_to(name: str, **query: str) -> None:
    """Leaves the page for another, as a click on a link does; not from a callback."""
    st.switch_page(page(name), query_params=query)
