"""The confusion matrix, and beside it the images of a cell or a filter."""

import streamlit as st

from explorer.errors import InputError
from explorer.evaluation.image_cards import MOST_BARS, cards
from explorer.evaluation.image_filter import ORDERS, choose
from explorer.pages.chart import draw_chart
from explorer.pages.evaluate import state
from explorer.pages.evaluate.shared import EvaluatedModel
from explorer.pages.text import sentence
from explorer.plain_text import count

COUNTS, SHARES = "Counts", "Share of the true class"


def draw(evaluated: EvaluatedModel, _) -> None:
    """Draws the matrix and the images; a click or a filter redraws only these."""
    st.fragment(_draw)(evaluated)


def _draw(evaluated: EvaluatedModel) -> None:
    left, right = st.columns([6, 5], gap="medium")
    with left:
        _matrix(evaluated)
    with right:
        _gallery(evaluated)


def _matrix(evaluated: EvaluatedModel) -> None:
    from explorer.charts.evaluation import CELL, confusion, matrix_frame

    names, noun = evaluated.dataset.spec.class_names, evaluated.dataset.spec.noun
    cells = st.segmented_control(
        "Cells", (COUNTS, SHARES), default=COUNTS, required=True, key=state.CELLS, label_visibility="collapsed"
    )
    draw_chart(
        confusion,
        matrix_frame(evaluated.evaluation.matrix, names, cells == SHARES),
        names,
        noun,
        key=state.CONFUSION,
        on_select=lambda: state.cell_is_chosen(names),
        selection_mode=CELL,
        alt="confusion matrix: true classes in rows, predicted classes in columns",
    )
    st.caption(f"Click a cell to see its {noun}; click it again to see all mistakes.")


def _gallery(evaluated: EvaluatedModel) -> None:
    names = evaluated.dataset.spec.class_names
    changed = {"on_change": state.filter_has_changed}
    order, search = st.columns([3, 2])
    order.selectbox("Show", ORDERS, format_func=ORDERS.get, key=state.ORDER, **changed)
    search.text_input("Search", key=state.SEARCH, placeholder="#12, cat, cat > dog", **changed,
                      help="A number (#12), a class (cat), or true > predicted class (cat > dog).")  # fmt: skip
    true, predicted = st.columns(2)
    true.selectbox("True class", names, index=None, placeholder="Any", key=state.TRUE, **changed)
    predicted.selectbox("Predicted class", names, index=None, placeholder="Any", key=state.PREDICTED, **changed)
    try:
        positions = choose(evaluated.evaluation, state.gallery_filter(names))
    except InputError as error:
        st.error(sentence(error))
        return
    visible = min(len(positions), state.gallery_shown())
    st.caption(
        count(len(positions), evaluated.dataset.spec.one)
        + (f", showing the first {visible}" if visible < len(positions) else "")
    )
    if visible:
        st.html(cards(evaluated.dataset, evaluated.split, evaluated.evaluation, positions[:visible]))
        which = "class probabilities, in the order of the classes"
        if len(names) > MOST_BARS:
            which = f"{MOST_BARS} highest class probabilities"
        st.caption(f"The bars are the {which}; the true class is teal.")
    if visible < len(positions):
        st.button("Show more", key="show_more", on_click=state.show_more, icon=":material/expand_more:")
