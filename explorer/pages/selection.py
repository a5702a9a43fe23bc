"""Reads and sets the run and the study that a page shows, which are part of its URL."""

from collections.abc import Sequence
from contextlib import suppress

import streamlit as st

from explorer.errors import InputError
from explorer.pages import ignored, messages, resources
from explorer.pages.text import sentence
from explorer.pages.train.run_groups import OWN, origin
from explorer.runs.run import Run
from explorer.runs.run_summary import RunSummary
from explorer.runs.status import ACTIVE
from explorer.sweeps.study import Study

RUN, TWIN = "run", "twin"
STUDY, NEW_STUDY = "study", "-"
_TRAINED_BEFORE, _WATCHED = "trained_before", "watched"


def open_run(name: str | None, trained_before: bool = False) -> None:
    """Sets the run that the page shows; it is part of the URL, so a reload shows it again."""
    st.query_params.pop(TWIN, None)
    if name:
        st.query_params[RUN] = name
    else:
        st.query_params.pop(RUN, None)
    st.session_state[_TRAINED_BEFORE] = name if trained_before else None
    messages.redraw()


def chosen_run(listing: Sequence[RunSummary]) -> Run | None:
    """The run in the URL, else the one that this session has watched, else the newest active run of a listing.

    Not one of a sweep or of the gallery, which nobody started to watch here.
    """
    name = st.query_params.get(RUN)
    if name:
        try:
            return _watch(resources.store().get(name))
        except InputError as error:
            st.warning(sentence(error))
            return None
    watched = st.session_state.get(_WATCHED)  # another page has taken it from the URL
    if watched and any(summary.name == watched for summary in listing):
        st.query_params[RUN] = watched
        return resources.store().get(watched)
    active = next((each for each in listing if each.state in ACTIVE and origin(each) == OWN), None)
    return _watch(active.run) if active else None


def _watch(run: Run) -> Run:
    st.session_state[_WATCHED] = run.name
    return run


def open_study(name: str | None) -> None:
    """Sets the study that the page shows, which is part of the URL; None to create one."""
    with suppress(UnicodeEncodeError):  # a folder's name that is no text, which no URL can hold
        (name or "").encode()
        st.query_params[STUDY] = name or NEW_STUDY


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
    if studies:
        open_study(studies[0].name)
    return studies[0] if studies else None


def shown_as_trained_before(run: Run) -> bool:
    """Whether the run is shown because Train was pressed for a configuration that had already been trained."""
    return st.session_state.get(_TRAINED_BEFORE) == run.name


def chosen_twin() -> str | None:
    """The name, in the URL, of the run that the shown one is compared with."""
    return st.query_params.get(TWIN)


def check_twin(listing: Sequence[RunSummary]) -> None:
    """Removes a twin from the URL that is not in a listing of all runs, and notes it."""
    name = chosen_twin()
    if name and all(summary.name != name for summary in listing):
        ignored.note(f"{TWIN}={name}", ignored.NO_RUN)
        st.query_params.pop(TWIN)
