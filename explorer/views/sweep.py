"""The Sweep page: make a study, or watch one."""

import streamlit as st

from explorer.errors import RunError
from explorer.sweeps import folder
from explorer.views import state, sweep_form, sweep_watch
from explorer.views.drawing import draw_steadily
from explorer.views.text import plain, sentence


def render() -> None:
    """Draws the page."""
    draw_steadily()
    st.header("Search settings over many runs", anchor=False)
    try:
        studies = state.studies().list()
    except RunError as error:
        st.error(sentence(error))
        return
    study = state.chosen_study()
    if studies:
        _chooser(studies, study)
    if message := state.told():
        st.error(sentence(message))
    if study is None:
        sweep_form.draw()
    else:
        sweep_watch.draw(study)


def _chooser(studies: list[folder.Study], shown: folder.Study | None) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        names = [study.name for study in studies]
        if shown is not None:
            chosen = st.selectbox("Sweep", names, index=names.index(shown.name), format_func=plain, width=360)
            if chosen != shown.name:
                state.open_study(chosen)
                st.rerun()
            st.button("New sweep", icon=":material/add:", on_click=state.open_study, args=(None,))
        else:
            st.button("Back to the sweeps", icon=":material/arrow_back:", on_click=state.open_study, args=(names[0],))
