"""The Sweep page: create a study, or watch one."""

import streamlit as st

from explorer.errors import RunError
from explorer.pages import layout, messages, resources, selection
from explorer.pages.chart import draw_steadily
from explorer.pages.sweep import form, watch
from explorer.pages.text import plain, sentence
from explorer.sweeps.study import Study

_CHOSEN = "sweep_chosen"


def render() -> None:
    """Draws the page."""
    draw_steadily()
    st.title("Search for the best settings", anchor=False)
    try:
        studies = resources.studies().list()
    except RunError as error:
        st.error(sentence(error))
        return
    with layout.place():
        study = selection.chosen_study()
    with layout.place():
        if studies:
            _chooser(studies, study)
        if message := messages.take():
            st.error(sentence(message))
    if study is None:
        form.draw()
    else:
        watch.draw(study)


def _chooser(studies: list[Study], study: Study | None) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        names = [each.name for each in studies]
        if study is not None:
            if st.session_state.get(_CHOSEN) != study.name:  # that of the address, also after the browser's Back
                st.session_state[_CHOSEN] = study.name
            st.selectbox("Study", names, format_func=plain, key=_CHOSEN, on_change=_open, width=360)
            st.button("New study", icon=":material/add:", on_click=selection.open_study, args=(None,))
        else:
            st.button("Back to studies", icon=":material/arrow_back:", on_click=selection.open_study, args=(names[0],))


def _open() -> None:
    selection.open_study(st.session_state[_CHOSEN])
