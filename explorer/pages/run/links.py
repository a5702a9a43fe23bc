"""The name of a run as every page writes it, and links: to a run's page, and from there on."""

from urllib.parse import quote

import streamlit as st

from explorer.errors import RunError
from explorer.pages import resources, selection
from explorer.pages.navigation import address, link
from explorer.pages.text import foreign, plain
from explorer.runs.fix_mark import read_fix_mark
from explorer.runs.run import BEST
from explorer.runs.run_summary import RunSummary

NAME_IN_ADDRESS = r"#(.*)$"  # what a column of links to runs shows of each


def plain_name(run: str) -> str:
    """The name of the run in a folder, where it is not read as Markdown; the folder's if it is no longer listed."""
    try:
        return plain(resources.store().names().get(run, run))
    except RunError:
        return plain(run)


def run_name(run: str) -> str:
    """The name of the run in a folder, as Markdown."""
    return foreign(plain_name(run))


def run_link(run: str, more: str = "", icon: str | None = None) -> None:
    """Draws a run's name, and more Markdown behind it, as a link to its page."""
    if address("train", run=run):
        link("train", f"{run_name(run)}{more}", icon=icon, run=run)
    else:
        st.markdown(f"{run_name(run)}{more}")


def cell_address(run: str, name: str | None = None) -> str | None:
    """The URL of a run's page, which ends in its name, or the one that is given, so that a table can show that."""
    place = address("train", run=run)
    return place and f"{place}#{quote(plain(name or plain_name(run)), safe='')}"


def links(summary: RunSummary) -> None:
    """Draws the links from a run's page; the one to the evaluation once a model is saved."""
    if address("compare", runs=summary.name) is None:
        return
    with st.container(horizontal=True):
        if (summary.run.path / BEST).exists():
            link("evaluate", "Evaluate its model", icon=":material/fact_check:", model=summary.name)
        if summary.outline.epochs:
            link("compare", "Compare with other runs", icon=":material/compare_arrows:", runs=summary.name)
        for name in _originals(summary):
            run_link(name, icon=":material/call_split:")


def _originals(summary: RunSummary) -> list[str]:
    """The runs that this one was made from, as their folders are called: its twin's original, and that of a fix."""
    mark = read_fix_mark(str(summary.run.path))
    wanted = {name: None for name in (selection.chosen_twin(), mark and mark.origin) if name and name != summary.name}
    try:
        listed = resources.store().names() if wanted else {}
    except RunError:
        return []
    return [name for name in wanted if name in listed]
