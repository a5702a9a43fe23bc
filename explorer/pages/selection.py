"""Reads and sets the run and the study that a page shows, which are part of its URL."""

import streamlit as st

from explorer.errors import InputError
from explorer.pages import resources
from explorer.pages.text import sentence
from explorer.runs.run import ACTIVE, Run
from explorer.sweeps.study import Study

RUN, TWIN = "run", "twin"
STUDY, NEW_STUDY = "study", "-"
_TRAINED_BEFORE = "trained_before"


def open_run(name: str | None, trained_before: bool = False) -> None:
    """Sets the run that the page shows; it is part of the URL, so a reload shows it again."""
    st.query_params.pop(TWIN, None)
    if name:
        st.query_params[RUN] = name
    else:
        st.query_params.pop(RUN, None)
    st.session_state[_TRAINED_BEFORE] = name if trained_before else None


def chosen_run() -> Run | None:
    """The run in the URL, else the newest active run."""
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
    """Sets the study that the page shows, which is part of the URL; None to create one."""
    if name:
        st.query_params[STUDY] = name
    else:
        st.query_params[STUDY] = NEW_STUDY


def chosen_study() -> Study | None:
    """The study in the URL, else the newest; None to create one."""
    name = st.query_params.get(STUDY)
    if name == NEW_STUDY:
        return None
    if name:
        try:
            return resources.studies().get(name)
        except InputError as error:
            st.warning(sentence(error))
    studies = resources.studies().list()
    return studies[0] if studies else None


def shown_as_trained_before(run: Run) -> bool:
    """Whether the run is shown because Train was pressed for a configuration that had already been trained."""
    return st.session_state.get(_TRAINED_BEFORE) == run.name


def chosen_twin() -> str | None:
    """The name, in the URL, of the run that the shown one is compared with."""
    return st.query_params.get(TWIN)
