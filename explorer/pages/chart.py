"""Draws charts on a page: each chart's specification is built once, and afterwards only its rows are sent.

Altair is slow at building and validating a chart; a page that refreshes twice a second would slow training down.
"""

import json
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import streamlit as st

from explorer.pages import layout

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


NO_ZERO = "Zeros are left out, since a log scale cannot show them."


def draw_steadily() -> None:
    """Stops Streamlit from fading what it redraws, which flickers at two refreshes per second."""
    st.html("<style>[data-stale=true] { opacity: 1 !important; }</style>")


def draw_chart(
    build: Callable, frame: "pd.DataFrame | pa.Table", *arguments: Any, place: Any = st, **options: Any
) -> None:
    """Draws `build(frame, *arguments)`, an Altair chart whose specification does not depend on the frame's rows.

    A frame that many sessions draw is best given as an Arrow table, which is not converted again for each of them.

    All marks must use this one frame, or data that they name themselves. The arguments must be hashable; `options` are
    those of `st.vega_lite_chart` (`key`, `alt`, `on_select` …).
    """
    columns = frame.columns if hasattr(frame, "iloc") else frame.column_names
    specification = json.loads(_specification(build, tuple(columns), *arguments))
    layout.enlarge(specification)
    place.vega_lite_chart(frame, specification, **options)


@lru_cache(maxsize=256)
def _specification(build: Callable, columns: tuple[str, ...], *arguments: Any) -> str:
    """The specification as JSON text: Streamlit changes the dictionary it is given, so each call needs a new one."""
    import pandas as pd
    from altair.utils.schemapi import debug_mode

    # validating against Vega-Lite's schema takes most of the time; the tests validate every chart
    with debug_mode(False):
        specification = build(pd.DataFrame(columns=list(columns)), *arguments).to_dict(validate=False)
    # Altair's theme, which Streamlit's replaces, and the empty frame, which Streamlit replaces by its own data
    for name in ("config", "datasets"):
        specification.pop(name, None)
    return json.dumps(_without_named_data(specification))


def _without_named_data(part: Any) -> Any:
    if isinstance(part, list):
        return [_without_named_data(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {name: _without_named_data(each) for name, each in part.items() if name != "data" or "name" not in each}
