"""What the fault gallery remembers: the case that is shown, the answers, and the runs that followed."""

import streamlit as st

from explorer.diagnosis.fault_cases import CASES, Case
from explorer.diagnosis.fault_cases import case as gallery_case
from explorer.errors import FieldError, InputError
from explorer.pages import messages, resources, training
from explorer.pages.text import sentence
from explorer.runs.run import Run

CASE = "case"
_ANSWERS, _CASE_RUNS, _MENDED_RUNS = "answers", "case_runs", "mended_runs"


def chosen_case() -> Case | None:
    """The case that the URL names, else the first; None, and it is said, when there is none of that name."""
    try:
        return gallery_case(st.query_params.get(CASE, next(iter(CASES))))
    except FieldError as error:
        st.warning(sentence(error))
        return None


def open_case(name: str) -> None:
    """Chooses the case that the page shows; the URL carries it, so that it can be sent to others."""
    st.query_params[CASE] = name


def answer(name: str) -> int | None:
    """What was answered to a case in this session, as the answer's index."""
    return st.session_state.get(_ANSWERS, {}).get(name)


def score() -> tuple[int, int]:
    """How many cases were answered right in this session, and how many wrong."""
    given = st.session_state.get(_ANSWERS, {})
    right = sum(CASES[name].right == index for name, index in given.items())
    return right, len(given) - right


def answer_case(case: Case, index: int) -> None:
    """Takes down the answer to a case and trains its network, or finds it where it was trained before."""
    if run := training.submit(case.config):
        st.session_state[_ANSWERS] = {**st.session_state.get(_ANSWERS, {}), case.name: index}
        st.session_state[_CASE_RUNS] = {**st.session_state.get(_CASE_RUNS, {}), case.name: run.name}


def mend_case(case: Case) -> None:
    """Trains a case with its one change."""
    if run := training.submit(case.mended_config):
        st.session_state[_MENDED_RUNS] = {**st.session_state.get(_MENDED_RUNS, {}), case.name: run.name}
    messages.redraw()


def case_runs(name: str) -> tuple[Run | None, Run | None]:
    """The runs of a case and of its mend in this session; None where there is none, or no longer."""
    return _kept(_CASE_RUNS, name), _kept(_MENDED_RUNS, name)


def _kept(key: str, case: str) -> Run | None:
    try:
        return resources.store().get(st.session_state.get(key, {}).get(case, ""))
    except InputError:
        return None
