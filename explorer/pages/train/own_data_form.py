"""Draws the form in the sidebar that adds a data set of one's own, and lists those that were added."""

import streamlit as st

from explorer.data.own import adding, registry
from explorer.data.own.limits import MOST_UPLOADED_MIB
from explorer.pages.text import foreign
from explorer.pages.train import own_data_state as state


def form() -> None:
    """Draws the form in the sidebar."""
    state.empty_form()
    with st.popover(
        "Add your own data",
        icon=":material/add:",
        key=state.POPOVER,
        on_change="rerun",
        width="stretch",
    ):
        given = _source()
        _how(given.lower().endswith(".csv"))
        st.button("Read and check", key="own_start", type="primary", disabled=not given, on_click=state.start)
        _added()


def _source() -> str:
    """Asks for the file or folder and its name; returns what its name in the form is, empty without one."""
    file = st.file_uploader(
        "Zip with one folder per class, `.npz` or `.csv`",
        ["zip", "npz", "csv"],
        max_upload_size=MOST_UPLOADED_MIB,
        key=state.upload_key(),
        help="Images are PNG, JPEG or WebP, of any size. An `.npz` has `x_train` and `y_train`, a `.csv` a column of "
        "classes. Every file is checked, and a summary is shown before anything is trained.",
    )
    place = st.text_input(
        "Or a path on the server",
        key=state.PLACE,
        placeholder="flowers",
        help="A folder or file below the data folder of the server (`EXPLORER_DATA`).",
    )
    suggested = state.name_from(file.name if file else place)
    st.text_input("Name", key=state.NAME, placeholder=suggested or "flowers", max_chars=40)
    return file.name if file else place.strip()


def _how(table: bool) -> None:
    """Asks how it is read and divided."""
    left, right = st.columns(2)
    right.number_input(
        "Seed",
        0,
        adding.MOST_SEED,
        1,
        key=state.SEED,
        help="Determines which images or rows are held out for validation.",
    )
    if table:
        left.text_input(
            "Label column", key=state.LABEL, placeholder="label", help="Name of the column with the class labels."
        )
        return
    left.text_input(
        "Size",
        key=state.SIZE,
        placeholder="32",
        help="Pixels of each side, or height and width such as 20x30. Images are cropped around their centre and "
        "resized, to 32 × 32 if this is empty; arrays then keep their size.",
    )
    st.toggle("Grey", key=state.GREY)


def _added() -> None:
    """Lists what has been added; a click shows its report."""
    known = [registry.descriptions()[name] for name in registry.names()]
    if not known:
        return
    st.caption("Already on this machine:")
    with st.container(horizontal=True, gap="small"):
        for description in known:
            key = f"own_show_{description.full_name}"
            st.button(
                foreign(description.name),
                key=key,
                on_click=state.show,
                args=(description,),
                help="Show what it contains",
            )
