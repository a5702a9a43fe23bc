"""Keeps the fault gallery's state in the session and the URL: the case, the answers, and the runs."""

import streamlit as st

from explorer.config import TrainingConfig
from explorer.diagnosis.case_questions import QUESTIONS
from explorer.diagnosis.fault_cases import CASES, Case
from explorer.diagnosis.fault_cases import case as gallery_case
from explorer.errors import FieldError, InputError
from explorer.pages import messages, resources, training
from explorer.pages.text import sentence
from explorer.pages.train.run_groups import gallery_name
from explorer.runs.run import Run

CASE, ANSWERS = "case", "answers"
_ANSWERS, _RUNS = "answers", "case_runs"
NUMBERED = {f"{number}": case for number, case in enumerate(CASES.values(), 1)}

# One answer per question: to the first, and to the second or None.
Answers = dict[str, tuple[int, int | None]]


def chosen_case() -> Case | None:
    """The case in the URL, by number or name, else the first; None, with a warning, if there is no such case."""
    asked = st.query_params.get(CASE, "1")
    try:
        case = NUMBERED.get(asked) or gallery_case(asked)
    except FieldError as error:
        st.warning(sentence(error))
        return None
    if asked == case.name:  # which would give the answer away to whoever gets the address
        open_case(case.name)
    return case


def open_case(name: str) -> None:
    """Sets the case that the page shows; its number is part of the URL, so that it can be shared."""
    st.query_params[CASE] = next(number for number, case in NUMBERED.items() if case.name == name)


def answers() -> Answers:
    """The answers so far; after a reload, those in the URL."""
    if _ANSWERS not in st.session_state:
        st.session_state[_ANSWERS] = read_answers(st.query_params.get(ANSWERS, ""))
    return st.session_state[_ANSWERS]


def read_answers(text: str) -> Answers:
    """The answers that `write_answers` wrote, as `case.first.second`; whatever fits no case is ignored."""
    result = {}
    for part in text.split(","):
        name, *indices = part.split(".")
        if name not in CASES or not 1 <= len(indices) <= 2 or not all(i in ("0", "1", "2", "3") for i in indices):
            continue
        first, second = int(indices[0]), int(indices[1]) if len(indices) == 2 else None
        if first < len(CASES[name].answers) and (second is None or second < len(QUESTIONS[name].choices)):
            result[name] = (first, second)
    return result


def write_answers(given: Answers) -> str:
    """The answers as text for the URL."""
    return ",".join(
        f"{name}.{first}" + ("" if second is None else f".{second}") for name, (first, second) in given.items()
    )


def share() -> None:
    """Puts the answers into the URL, so that a reload keeps them."""
    text = write_answers(answers())
    if st.query_params.get(ANSWERS, "") != text:
        st.query_params[ANSWERS] = text


def answer(name: str) -> int | None:
    """The index of the answer to a case's first question; None if there is none."""
    return answers().get(name, (None, None))[0]


def second_answer(name: str) -> int | None:
    """The index of the answer to a case's second question; None if there is none."""
    return answers().get(name, (None, None))[1]


def start_again() -> None:
    """Forgets all answers; the runs stay."""
    st.session_state[_ANSWERS] = {}
    for name in CASES:
        for key in question_keys(name):
            st.session_state.pop(key, None)


def question_keys(name: str) -> tuple[str, str]:
    """The widget keys of a case's two questions."""
    return f"answer_{name}", f"second_{name}"


def score() -> tuple[int, int]:
    """How many questions were answered correctly, and how many were answered."""
    given = answers()
    firsts = [CASES[name].right == first for name, (first, _) in given.items()]
    seconds = [second == 0 for _, second in given.values() if second is not None]
    return sum(firsts) + sum(seconds), len(firsts) + len(seconds)


def answer_case(case: Case, index: int) -> None:
    """Stores the answer to a case's first question and trains its network, unless it has been trained already."""
    if _train(case.config):
        st.session_state[_ANSWERS] = {**answers(), case.name: (index, second_answer(case.name))}


def answer_second(case: Case, index: int) -> None:
    """Stores the answer to a case's second question and trains the changed network."""
    if _train(case.fixed_config):
        st.session_state[_ANSWERS] = {**answers(), case.name: (answer(case.name), index)}
    messages.redraw()


def train(config: TrainingConfig) -> None:
    """Trains a case's network once more, where its run is gone."""
    _train(config)
    messages.redraw()


def _train(config: TrainingConfig) -> bool:
    run = training.submit(config, name=gallery_name(config))
    if run:
        st.session_state[_RUNS] = {**st.session_state.get(_RUNS, {}), config: run.name}
    return run is not None


def run_of(config: TrainingConfig) -> Run | None:
    """This session's run of a configuration, else one that completed or diverged; None if there is none."""
    store = resources.store()
    name = st.session_state.get(_RUNS, {}).get(config)
    try:
        return store.get(name) if name else store.trained_before(config, diverged=True)
    except InputError:  # removed meanwhile
        return store.trained_before(config, diverged=True)
