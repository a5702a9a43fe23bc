"""Keeps the fault gallery's state in the session and the URL: the case, the answers, and the runs."""

import streamlit as st

from explorer.diagnosis.fault_cases import CASES, Case
from explorer.diagnosis.fault_cases import case as gallery_case
from explorer.errors import FieldError, InputError
from explorer.pages import messages, resources, training
from explorer.pages.text import sentence
from explorer.runs.run import Run

CASE = "case"
_ANSWERS, _CASE_RUNS, _FIXED_RUNS = "answers", "case_runs", "fixed_runs"


def chosen_case() -> Case | None:
    """The case in the URL, else the first; None, with a warning, if there is no case of that name."""
    try:
        return gallery_case(st.query_params.get(CASE, next(iter(CASES))))
    except FieldError as error:
        st.warning(sentence(error))
        return None


def open_case(name: str) -> None:
    """Sets the case that the page shows; it is part of the URL, so that it can be shared."""
    st.query_params[CASE] = name


def answer(name: str) -> int | None:
    """The index of the answer given to a case in this session; None if there is none."""
    return st.session_state.get(_ANSWERS, {}).get(name)


def score() -> tuple[int, int]:
    """How many cases were answered correctly and incorrectly in this session."""
    answers = st.session_state.get(_ANSWERS, {})
    right = sum(CASES[name].right == index for name, index in answers.items())
    return right, len(answers) - right


def answer_case(case: Case, index: int) -> None:
    """Stores the answer to a case and trains its network, unless it has been trained already."""
    if run := training.submit(case.config):
        st.session_state[_ANSWERS] = {**st.session_state.get(_ANSWERS, {}), case.name: index}
        st.session_state[_CASE_RUNS] = {**st.session_state.get(_CASE_RUNS, {}), case.name: run.name}


def fix_case(case: Case) -> None:
    """Trains a case with its fix."""
    if run := training.submit(case.fixed_config):
        st.session_state[_FIXED_RUNS] = {**st.session_state.get(_FIXED_RUNS, {}), case.name: run.name}
    messages.redraw()


def case_runs(name: str) -> tuple[Run | None, Run | None]:
    """The run of a case and that of its fix in this session; None for one that does not exist."""
    return _run(_CASE_RUNS, name), _run(_FIXED_RUNS, name)


def _run(key: str, case: str) -> Run | None:
    try:
        return resources.store().get(st.session_state.get(key, {}).get(case, ""))
    except InputError:
        return None
