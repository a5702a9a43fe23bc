"""Charts on the page: what a chart looks like is worked out once, and only its rows are sent again.

Altair takes some 0.1 s to build and check a chart, which a page that looks twice a second would take from training.
"""

import json
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import streamlit as st

if TYPE_CHECKING:
    import pandas as pd


def draw_steadily() -> None:
    """Keeps what is being redrawn from being greyed out: at two refreshes a second that would be a flicker."""
    st.html("<style>[data-stale=true] { opacity: 1 !important; }</style>")


def draw_chart(build: Callable, frame: "pd.DataFrame", *arguments: Any, place: Any = st, **shown: Any) -> None:
    """Draws `build(frame, *arguments)`, an Altair chart whose specification does not depend on the frame's rows.

    All its marks must be of this one frame, or of data that they name themselves. The arguments must be hashable;
    `shown` is what Streamlit takes (`key`, `alt`, `on_select` …).
    """
    specification = json.loads(_specification(build, tuple(frame.columns), *arguments))
    place.vega_lite_chart(frame, specification, **shown)


@lru_cache(maxsize=256)
def _specification(build: Callable, columns: tuple[str, ...], *arguments: Any) -> str:
    """The specification as JSON: text, as Streamlit writes into the dictionary that it is given."""
    import pandas as pd
    from altair.utils.schemapi import debug_mode

    # checking every part against Vega-Lite's schema takes much of the time; the tests do it for every chart
    with debug_mode(False):
        specification = build(pd.DataFrame(columns=list(columns)), *arguments).to_dict(validate=False)
    # Altair's own theme, which Streamlit's replaces, and the frame without rows, in whose place Streamlit puts its data
    for name in ("config", "datasets"):
        specification.pop(name, None)
    return json.dumps(_without_named_data(specification))


def _without_named_data(part: Any) -> Any:
    if isinstance(part, list):
        return [_without_named_data(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {name: _without_named_data(each) for name, each in part.items() if name != "data" or "name" not in each}
