"""Settings against results on the Compare page, in views that filter each other."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from explorer.config import FIELDS
from explorer.pages.address import IN_ADDRESS
from explorer.pages.compare.state import check, keep
from explorer.runs.run_table import RESULTS, SEED, differing, is_number

if TYPE_CHECKING:
    import pandas as pd
    from streamlit.delta_generator import DeltaGenerator

COLORED = ("val_accuracy", "val_loss")  # the main one first


def settings(filtered: "pd.DataFrame", chosen: "pd.DataFrame") -> None:
    """Draws parallel coordinates, a scatter plot and a heat map of all runs in the table, linked by their brushes."""
    from explorer.charts.linked import MOST_RUNS, linked

    runs = filtered[filtered["val_loss"].notna()].head(MOST_RUNS)
    fields = [name for name in differing(runs) if name != SEED] or [SEED]
    if len(runs) < 2:
        st.info("At least two runs with a finished epoch are needed to relate settings to results.")
        return
    if len(filtered) > len(runs):
        st.caption(f"The best {len(runs):,} of {len(filtered):,} runs.")
    preferred = sorted(fields, key=lambda name: (not is_number(name), name != "learning_rate"))
    everything = [*fields, *RESULTS]
    left, right = st.columns([1, 3])
    metric = _choice(left, "Colour", COLORED, 0, "compare_color")
    check("compare_axes", map(_title, everything))
    axes = right.multiselect(
        "Axes", everything, [*fields[:6], metric], format_func=_title, key="compare_axes", bind=IN_ADDRESS
    )
    columns = st.columns(4)
    x = _choice(columns[0], "Scatter plot: x axis", everything, everything.index(preferred[0]), "compare_sx")
    y = _choice(columns[1], "Scatter plot: y axis", everything, everything.index(metric), "compare_sy")
    heat_x = _choice(columns[2], "Heat map: x axis", fields, fields.index(preferred[0]), "compare_hx")
    heat_y = _choice(columns[3], "Heat map: y axis", fields, fields.index(preferred[-1]), "compare_hy")
    st.caption(
        "Draw a rectangle in any of the three charts to keep only its runs in the other two; double-click to remove it."
    )
    with st.container(key="linked_views"):  # wider than a phone, so it scrolls by itself
        st.altair_chart(
            linked(runs, axes or fields[:6], (x, y), (heat_x, heat_y), metric),
            key="compare_linked",
            alt="Parallel coordinates, scatter plot and heat map of settings and results",
        )


def _title(name: str) -> str:
    return FIELDS[name].label if name in FIELDS else RESULTS[name]


def _choice(place: "DeltaGenerator", label: str, names: Sequence[str], first: int, key: str) -> str:
    """A choice of one column, which is part of the address."""
    check(key, map(_title, names))
    keep(key, names)
    return place.selectbox(label, names, first, _title, key=key, bind=IN_ADDRESS)
