"""The Sweep page: create a study, or watch one."""

import streamlit as st

from explorer.errors import RunError
from explorer.pages import messages, resources, selection
from explorer.pages.chart import draw_steadily
from explorer.pages.sweep import form, watch
from explorer.pages.text import plain, sentence
from explorer.sweeps.study import Study


def render() -> None:
    """Draws the page."""
    draw_steadily()
    st.header("Search for the best settings", anchor=False)
    try:
        studies = resources.studies().list()
    except RunError as error:
        st.error(sentence(error))
        return
    study = selection.chosen_study()
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
            chosen = st.selectbox("Sweep", names, index=names.index(study.name), format_func=plain, width=360)
            if chosen != study.name:
                selection.open_study(chosen)
                st.rerun()
            st.button("New sweep", icon=":material/add:", on_click=selection.open_study, args=(None,))
        else:
            st.button("Back to sweeps", icon=":material/arrow_back:", on_click=selection.open_study, args=(names[0],))
