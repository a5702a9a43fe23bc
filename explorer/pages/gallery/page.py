"""Draws the fault gallery: a question, the run that answers it, a second question, and the changed run beside it."""

import streamlit as st

from explorer.data.datasets import DATASETS
from explorer.diagnosis.fault_cases import CASES, Case
from explorer.pages import layout, messages, settings
from explorer.pages.chart import draw_steadily
from explorer.pages.gallery import questions, reveal
from explorer.pages.gallery import state as gallery_state
from explorer.pages.text import foreign, sentence

ON_YOUR_DATA = "Opens these settings on the Train page and keeps the data set selected there."
_READ_NEXT = """
**Further reading**

- Aurélien Géron, *Hands-On Machine Learning*, chapter 11: vanishing and exploding gradients, initializers,
  batch normalization, dropout.
- Xavier Glorot and Yoshua Bengio, *Understanding the difficulty of training deep feedforward neural networks* (2010).
- Kaiming He and others, *Delving deep into rectifiers* (2015), for ReLU and its initializer.
- Günter Klambauer and others, *Self-normalizing neural networks* (2017), for SELU.
- Sergey Ioffe and Christian Szegedy, *Batch normalization* (2015).
"""


def render() -> None:
    """Draws the page."""
    draw_steadily()
    st.title("Fault gallery", anchor=False)
    st.markdown("Networks that are known to fail, and some that work. **Predict first, then watch what happens.**")
    with layout.place():
        chosen = gallery_state.chosen_case()
    gallery_state.share()
    with st.sidebar:
        _score()
        with st.container(key="cases", gap="xxsmall"):
            _index(chosen)
    with layout.place():
        if message := messages.take():
            st.error(sentence(message))
    if chosen is None:
        st.info("Choose a case from the list.")
        return
    questions.first(chosen)
    if gallery_state.answer(chosen.name) is not None:
        reveal.draw(chosen)
    _next(chosen)


def _score() -> None:
    correct, answered = gallery_state.score()
    st.metric("Correct answers", f"{correct} of {answered}" if answered else "none yet")
    with layout.place():
        if answered:
            st.button("Start again", key="score_again", type="tertiary", on_click=gallery_state.start_again)


def _index(chosen: Case | None) -> None:
    for number, case in gallery_state.NUMBERED.items():
        answer = gallery_state.answer(case.name)
        icon = (
            ":material/radio_button_unchecked:"
            if answer is None
            else ":material/check_circle:"
            if answer == case.right
            else ":material/cancel:"
        )
        st.button(
            f"{number}. {case.title}",
            key=f"choose_{case.name}",
            icon=icon,
            type="secondary" if chosen is case else "tertiary",
            width="stretch",
            on_click=gallery_state.open_case,
            args=(case.name,),
        )


def _next(case: Case) -> None:
    names = list(CASES)
    place = names.index(case.name)
    with st.container(horizontal=True):
        if gallery_state.answer(case.name) is not None:
            _to_train(case)
        if place + 1 < len(names):
            st.button(
                f"Next: {CASES[names[place + 1]].title}",
                key="case_next",
                icon=":material/arrow_forward:",
                on_click=gallery_state.open_case,
                args=(names[place + 1],),
            )
    if place + 1 == len(names) or all(gallery_state.answer(name) is not None for name in names):
        _end()


def _to_train(case: Case) -> None:
    """Draws the buttons that take a case's settings to the Train page, also with the data set chosen there."""
    if st.button("Open these settings on the Train page", key="case_settings", icon=":material/tune:"):
        settings.open_with(case.config)
    chosen = settings.chosen_dataset()
    if not chosen or chosen == case.config.dataset:
        return
    title = foreign(DATASETS[chosen].short_title)
    if st.button(f"Try them on {title}", key="case_own_data", icon=":material/tune:", help=ON_YOUR_DATA):
        settings.open_with(case.config.with_(dataset=chosen))


def _end() -> None:
    correct, answered = gallery_state.score()
    with st.container(border=True):
        if answered:
            st.markdown(f"**{correct} of {answered} answers were correct.**")
        st.markdown(_READ_NEXT)
