"""Which run and which study a page shows, as its address says."""

from typing import TYPE_CHECKING

import streamlit as st

from explorer.errors import InputError
from explorer.pages.text import sentence
from explorer.runs.run import ACTIVE, Run
from explorer.sweeps.study import Study

if TYPE_CHECKING:
    pass
from explorer.pages import resources

RUN, TWIN = "run", "twin"
STUDY, NEW_STUDY = "study", "-"
_TRAINED_BEFORE = "trained_before"


def open_run(name: str | None, trained_before: bool = False) -> None:
    """Chooses the run that the page shows; the URL carries it, so a reload shows it again."""
    st.query_params.pop(TWIN, None)
    if name:
        st.query_params[RUN] = name
    else:
        st.query_params.pop(RUN, None)
    st.session_state[_TRAINED_BEFORE] = name if trained_before else None


def chosen_run() -> Run | None:
    """The run that the URL names, else the newest one that is active, so that a new page attaches to it."""
    name = st.query_params.get(RUN)
    if name:
        try:
            return resources.store().get(name)
        except InputError as error:
            st.warning(sentence(error))
            return None
    active = next((summary for summary in resources.store().list() if summary.state in ACTIVE), None)
    return active.run if active else None


def open_study(name: str | None) -> None:
    """Chooses the sweep that the page shows, or none to make one; the URL carries it."""
    if name:
        st.query_params[STUDY] = name
    else:
        st.query_params[STUDY] = NEW_STUDY


def chosen_study() -> Study | None:
    """The sweep that the URL names, else the newest; None to make one."""
    name = st.query_params.get(STUDY)
    if name == NEW_STUDY:
        return None
    if name:
        try:
            return resources.studies().get(name)
        except InputError as error:
            st.warning(sentence(error))
    found = resources.studies().list()
    return found[0] if found else None


def shown_as_trained_before(run: Run) -> bool:
    """Whether the run is shown because Train was pressed for a configuration that had been trained."""
    return st.session_state.get(_TRAINED_BEFORE) == run.name


def chosen_twin() -> str | None:
    """The name of the run that the shown one is compared with, as the URL has it."""
    return st.query_params.get(TWIN)
