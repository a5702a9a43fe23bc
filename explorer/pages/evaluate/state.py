"""State of the Evaluate page: its choices, and the filter of its images."""

from collections.abc import Sequence

import streamlit as st

from explorer.evaluation.image_filter import ALL, HITS, MISTAKES, Filter
from explorer.evaluation.predictions import Request
from explorer.pages import address, ignored, resources

MODEL, SPLIT, OTHER, TAB = "model", "split", "other", "tab"
CELLS, SOURCE, UPLOAD, CAMERA = "cells", "source", "upload", "camera"
ORDER, TRUE, PREDICTED, SEARCH = "gallery_order", "gallery_true", "gallery_predicted", "gallery_search"
CONFUSION, SAMPLES = "confusion", "samples"
_GALLERY_COUNT, _LOOKED, _CHOSEN = "gallery_shown", "looked", "chosen"
CHOSEN = ("scaling", "outputs")
GALLERY_STEP = 24


def start_choice(key: str, options: Sequence[str]) -> None:
    """Sets a choice's value at first, and after the browser's Back: the URL's if it is an option, else the first.

    A choice whose option no longer exists, such as a deleted run, also falls back to the first option.
    """
    asked = st.query_params.get(key)
    wanted = asked if address.went_back() else st.session_state.get(key, asked)
    if asked is not None and wanted == asked and asked not in options:
        ignored.note(f"{key}={asked}", ignored.NO_CHOICE)
    st.session_state[key] = wanted if wanted in options else options[0]


def share_choice(key: str, options: Sequence[str]) -> None:
    """Puts a choice other than the first option into the URL, so that the page can be shared."""
    if st.session_state[key] != options[0]:
        st.query_params[key] = st.session_state[key]
    else:
        st.query_params.pop(key, None)


def all_chosen() -> tuple[str | None, ...]:
    """What is chosen in the address."""
    return tuple(st.session_state.get(key) for key in (MODEL, SPLIT, OTHER))


def choice_key(field: str, model: str) -> str:
    """The key of the widget for a field of `CHOSEN`, one per model."""
    return f"{field}_{model}"


def chosen(model: str) -> dict[str, str]:
    """The choices made for a model, by field; fields without a choice are absent.

    They are stored here because Streamlit forgets widgets that are not drawn, as while a result is pending.
    """
    choices = st.session_state.setdefault(_CHOSEN, {}).setdefault(model, {})
    for field in CHOSEN:
        if (value := st.session_state.get(choice_key(field, model))) is not None:
            choices[field] = value
    return dict(choices)


def forget_choices(model: str) -> None:
    """Resets the choices made for a model."""
    st.session_state.get(_CHOSEN, {}).pop(model, None)


def look(request: Request) -> int:
    """Counts an evaluation on a model's test images, once per session, and returns how many there have been."""
    looked = st.session_state.setdefault(_LOOKED, set())
    digest = resources.library().hash(request)
    if digest not in looked:
        looked.add(digest)
        resources.library().look(request)
    return resources.library().looks(request)


def cell_is_chosen(names: tuple[str, ...]) -> None:
    """Filters the images by the clicked cell of the confusion matrix; a click beside it resets the filter."""
    cells = st.session_state[CONFUSION].selection.get("cell") or [{}]
    true, predicted = cells[0].get("true"), cells[0].get("predicted")
    st.session_state[TRUE] = true if true in names else None
    st.session_state[PREDICTED] = predicted if predicted in names else None
    st.session_state[ORDER] = HITS if true and true == predicted else MISTAKES
    st.session_state[SEARCH] = ""
    filter_has_changed()


def gallery_filter(names: tuple[str, ...]) -> Filter:
    """The filter set by the gallery's widgets."""
    state = st.session_state
    true, predicted = (names.index(state[key]) if state.get(key) in names else None for key in (TRUE, PREDICTED))
    order = state.get(ORDER) or (ALL if state.get(SEARCH) else MISTAKES)
    return Filter(order, true, predicted, state.get(SEARCH) or "")


def gallery_shown() -> int:
    """The maximum number of images the gallery shows."""
    return st.session_state.get(_GALLERY_COUNT, GALLERY_STEP)


def show_more() -> None:
    """Lets the gallery show more images."""
    st.session_state[_GALLERY_COUNT] = gallery_shown() + GALLERY_STEP


def filter_has_changed() -> None:
    """Resets the gallery to its first images."""
    st.session_state.pop(_GALLERY_COUNT, None)
