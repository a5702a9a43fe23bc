"""What the Evaluate page remembers: its choices, and how its gallery is filtered."""

from collections.abc import Sequence

import streamlit as st

from explorer.evaluation.image_filter import ALL, HITS, MISTAKES, Filter
from explorer.evaluation.predictions import Request
from explorer.pages import resources

MODEL, SPLIT, OTHER, TAB = "model", "split", "other", "tab"
CELLS, SOURCE, UPLOAD, CAMERA = "cells", "source", "upload", "camera"
ORDER, TRUE, PREDICTED, SEARCH = "gallery_order", "gallery_true", "gallery_predicted", "gallery_search"
CONFUSION, SAMPLES = "confusion", "samples"
_SHOWN, _LOOKED, _CHOSEN = "gallery_shown", "looked", "chosen"
CHOSEN = ("scaling", "outputs")
GALLERY_STEP = 24


def start_choice(key: str, options: Sequence[str]) -> None:
    """Gives a choice its first value in this session: the URL's where it is among the options, else the first one.

    One whose option has gone, such as a run that was deleted, falls back to the first one as well.
    """
    wanted = st.session_state.get(key, st.query_params.get(key))
    st.session_state[key] = wanted if wanted in options else options[0]


def share_choice(key: str, options: Sequence[str]) -> None:
    """Puts a choice that is not the first one into the URL, so that it can be sent to others."""
    if st.session_state[key] != options[0]:
        st.query_params[key] = st.session_state[key]
    else:
        st.query_params.pop(key, None)


def choice_key(field: str, model: str) -> str:
    """The key of the widget that asks for a field of `CHOSEN`: every model has its own answer."""
    return f"{field}_{model}"


def chosen(model: str) -> dict[str, str]:
    """What was answered there, by field; without what nobody was asked.

    It is remembered here: Streamlit forgets a widget that is not drawn, as while an answer is waited for.
    """
    kept = st.session_state.setdefault(_CHOSEN, {}).setdefault(model, {})
    for field in CHOSEN:
        if (answer := st.session_state.get(choice_key(field, model))) is not None:
            kept[field] = answer
    return dict(kept)


def forget_choices(model: str) -> None:
    """Has a model read as it is read at first."""
    st.session_state.get(_CHOSEN, {}).pop(model, None)


def look(request: Request) -> int:
    """Counts a look at a model's test images, once a session, and returns how many there were."""
    looked = st.session_state.setdefault(_LOOKED, set())
    seen = resources.library().hash(request)
    if seen not in looked:
        looked.add(seen)
        resources.library().look(request)
    return resources.library().looks(request)


def cell_is_chosen(names: tuple[str, ...]) -> None:
    """Filters the gallery by the cell of the confusion matrix that was clicked; clicking beside it shows all again."""
    cells = st.session_state[CONFUSION].selection.get("cell") or [{}]
    true, predicted = cells[0].get("true"), cells[0].get("predicted")
    st.session_state[TRUE] = true if true in names else None
    st.session_state[PREDICTED] = predicted if predicted in names else None
    st.session_state[ORDER] = HITS if true and true == predicted else MISTAKES
    st.session_state[SEARCH] = ""
    filter_has_changed()


def gallery_filter(names: tuple[str, ...]) -> Filter:
    """What the gallery's widgets ask for."""
    kept = st.session_state
    true, predicted = (names.index(kept[key]) if kept.get(key) in names else None for key in (TRUE, PREDICTED))
    order = kept.get(ORDER) or (ALL if kept.get(SEARCH) else MISTAKES)
    return Filter(order, true, predicted, kept.get(SEARCH) or "")


def gallery_shown() -> int:
    """How many images the gallery shows at most."""
    return st.session_state.get(_SHOWN, GALLERY_STEP)


def show_more() -> None:
    """Has the gallery show more images."""
    st.session_state[_SHOWN] = gallery_shown() + GALLERY_STEP


def filter_has_changed() -> None:
    """The gallery starts from its first images again."""
    st.session_state.pop(_SHOWN, None)
