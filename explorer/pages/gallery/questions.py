"""Draws the two questions of a fault case: one before its network is trained, one afterwards."""

import random
from collections.abc import Sequence

import streamlit as st

from explorer.diagnosis.case_questions import QUESTIONS
from explorer.diagnosis.fault_cases import Case
from explorer.pages.gallery import state as gallery_state

_CORRECT, _INCORRECT = ":material/check_circle:", ":material/cancel:"


def first(case: Case) -> None:
    """Draws the question about what happens, and after the answer what is wrong with it."""
    previous = gallery_state.answer(case.name)
    with st.container(border=True):
        st.header(case.title, anchor=False)
        answer = _radio(
            case.question, range(len(case.answers)), case.answers, previous, gallery_state.question_keys(case.name)[0]
        )
        if previous is None:
            st.button(
                "Train and see",
                key="train_and_see",
                type="primary",
                icon=":material/play_arrow:",
                disabled=answer is None,
                help="Choose an answer first." if answer is None else "Trains this network now, in a few seconds.",
                on_click=gallery_state.answer_case,
                args=(case, answer),
            )
        elif previous == case.right:
            st.success("Correct.", icon=_CORRECT)
        else:
            why = QUESTIONS[case.name].wrong[previous]
            st.error(f"Incorrect. {why} The answer is: {case.answers[case.right]}.", icon=_INCORRECT)


def second(case: Case) -> None:
    """Draws the question about what would fix the network, or what a change does, and trains that change."""
    questions, previous = QUESTIONS[case.name], gallery_state.second_answer(case.name)
    texts = [choice.text for choice in questions.choices]
    with st.container(border=True):
        answer = _radio(questions.second, order(case), texts, previous, gallery_state.question_keys(case.name)[1])
        if previous is None:
            st.button(
                "Train the fix and see" if case.finding else "Train the change and see",
                key="mend",
                type="primary",
                icon=":material/healing:" if case.finding else ":material/call_split:",
                disabled=answer is None,
                help="Choose an answer first." if answer is None else "Trains the correct answer, in a few seconds.",
                on_click=gallery_state.answer_second,
                args=(case, answer),
            )
            return
        chosen = questions.choices[previous]
        if previous == 0:
            st.success(f"Correct. {chosen.why}", icon=_CORRECT)
        else:
            st.error(f"Incorrect. {chosen.why} The answer is: {texts[0]}. {questions.choices[0].why}", icon=_INCORRECT)


def order(case: Case) -> list[int]:
    """The order in which the choices of the second question are drawn: always the same for one case."""
    indices = list(range(len(QUESTIONS[case.name].choices)))
    random.Random(case.name).shuffle(indices)
    return indices


def _radio(question: str, indices: Sequence[int], texts: Sequence[str], previous: int | None, key: str) -> int | None:
    return st.radio(
        f"**{question}**",
        indices,
        index=None if previous is None else indices.index(previous),
        format_func=lambda index: texts[index],
        key=key,
        disabled=previous is not None,
    )
