"""Linked views of settings and results: parallel coordinates, scatter plot and heat map of one frame of runs.

Each view has a brush that filters the other views in the browser, without a rerun.
"""

import json
import math
import textwrap
from collections.abc import Sequence
from itertools import pairwise

import altair as alt
import numpy as np
import pandas as pd

from explorer.config import FIELDS
from explorer.palette import NEUTRAL, ON_COLOR, WORSE_TO_BETTER
from explorer.plain_text import decimal, shortened
from explorer.runs.metrics import OBJECTIVES
from explorer.runs.run_table import RESULTS

MOST_RUNS = 2000  # drawn at once; of more, the page draws the best
MOST_LEVELS = 8  # of a number in a heat map; more are grouped into ranges
PARALLEL, SCATTER, HEAT = "brush_parallel", "brush_scatter", "brush_heat"
HEIGHT = 300
WIDTH, HALF = 1010, 415  # concatenated views cannot take their container's width
MARGIN = 0.35  # left and right of the parallel coordinates, in distances of two axes
FONT, LINE = 11, 13  # the size of a text beside an axis, and of its lines
MOST_LINES = 2


def linked_frame(table: pd.DataFrame, axes: Sequence[str], heat: tuple[str, str]) -> pd.DataFrame:
    """The runs with a result, with the columns that the three views need.

    Adds `at_0`, `at_1` …, the height of a run on each axis of the parallel coordinates (0 to 1, on a log scale if the
    field is logarithmic), and `heat_x`, `heat_y`, the two settings of the heat map as text levels or ranges.
    """
    frame = titled(table[table["val_loss"].notna()])
    for place, name in enumerate(axes):
        frame[f"at_{place}"] = _heights(frame[name], name)
    for column, name in zip(("heat_x", "heat_y"), heat, strict=True):
        frame[column] = levels(frame[name], name)
    numbers = frame.select_dtypes("Int64").columns
    return frame.drop(columns=["curve", "tags", "note"], errors="ignore").astype(dict.fromkeys(numbers, float))


def is_choice(name: str) -> bool:
    """Whether a column holds choices rather than numbers."""
    return name in FIELDS and bool(FIELDS[name].choices)


def titled(table: pd.DataFrame) -> pd.DataFrame:
    """A copy of a table in which choices have their common names, such as "He normal" for `he_normal`."""
    return table.assign(**{name: table[name].map(FIELDS[name].title) for name in table if is_choice(name)})


def is_logarithmic(name: str) -> bool:
    """Whether a column is drawn on a log scale."""
    return name in FIELDS and FIELDS[name].logarithmic


def title(name: str) -> str:
    """A column's title."""
    return FIELDS[name].label if name in FIELDS else RESULTS.get(name, name)


def _heights(values: pd.Series, name: str) -> pd.Series:
    if is_choice(name):
        places = {word: place for place, word in enumerate(sorted(values.unique()))}
        numbers = values.map(places).astype(float)
    else:
        numbers = values.astype(float).map(math.log) if is_logarithmic(name) else values.astype(float)
    low, high = numbers.min(), numbers.max()
    return (numbers - low) / (high - low) if high > low else numbers * 0 + 0.5


def levels(values: pd.Series, name: str) -> pd.Categorical:
    """A setting as ordered text levels: its values if they are few, else equal ranges, on a log scale if it has one."""
    if is_choice(name):
        return pd.Categorical(values, sorted(values.unique()), ordered=True)
    distinct = sorted(values.unique())
    if len(distinct) <= MOST_LEVELS:
        names = [decimal(value) for value in distinct]
        return pd.Categorical([decimal(value) for value in values], list(dict.fromkeys(names)), ordered=True)
    spaced = np.geomspace if is_logarithmic(name) else np.linspace
    edges = spaced(float(distinct[0]), float(distinct[-1]), MOST_LEVELS + 1)
    codes = np.clip(np.searchsorted(edges, values.astype(float), side="right") - 1, 0, MOST_LEVELS - 1)
    return pd.Categorical.from_codes(codes, _ranges(edges), ordered=True)


def _ranges(edges: np.ndarray) -> list[str]:
    """The ranges between neighbouring edges as texts, with as many digits as tell them apart."""
    for digits in range(2, 18):
        ends = [f"{edge:.{digits}g}" for edge in edges]
        if len(set(ends)) == len(ends):
            break
    return [f"{low} – {high}" for low, high in pairwise(ends)]


# --- Brushes ----------------------------------------------------------------------------------------------


def _brush(name: str) -> alt.Parameter:
    return alt.selection_interval(name=name, mark=alt.BrushConfig(fill=NEUTRAL, fillOpacity=0.15, stroke=NEUTRAL))


def _through_parallel(axes: int) -> str:
    """A Vega expression: whether a run passes through the brush over the parallel coordinates, on any axis.

    The brush's own data has one row per run and axis (`axis`, `height`); the other views have one row per run, so each
    of its heights is tested in turn.
    """
    store = f"'{PARALLEL}_store'"
    tests = " || ".join(
        f"vlSelectionTest({store}, {{axis: 'at_{i}', height: datum.at_{i}}})" for i in range(axes)
    )  # fmt: skip
    return f"!length(data({store})) || {tests}"


# Every scale has the domain of all runs, so that brushing neither moves nor recolours the remaining runs.


def _color_scale(frame: pd.DataFrame, metric: str) -> alt.Scale:
    domain = [frame[metric].min(), frame[metric].max()]
    return alt.Scale(domain=domain, range=list(WORSE_TO_BETTER), reverse=not OBJECTIVES[metric].higher_is_better)


def _color(frame: pd.DataFrame, metric: str, legend: bool = True) -> alt.Color:
    return alt.Color(
        f"{metric}:Q",
        title=RESULTS[metric],
        scale=_color_scale(frame, metric),
        legend=alt.Legend(orient="top", gradientLength=240, format=_format(metric)) if legend else None,
    )


def _format(name: str) -> str:
    return OBJECTIVES[name].axis if name in OBJECTIVES else "~g"


def _tooltip(frame: pd.DataFrame, metric: str, fields: Sequence[str]) -> list[alt.Tooltip]:
    kinds = {name: "N" if is_choice(name) else "Q" for name in fields}
    return [
        alt.Tooltip("title:N", title="run"),
        alt.Tooltip(f"{metric}:Q", title=RESULTS[metric], format=OBJECTIVES[metric].exact),
        *(alt.Tooltip(f"{name}:{kind}", title=title(name)) for name, kind in kinds.items() if name != metric),
    ]


# --- The views --------------------------------------------------------------------------------------------


def parallel(frame: pd.DataFrame, axes: Sequence[str], metric: str, brushed: Sequence[str] = ()) -> alt.LayerChart:
    """One line per run over the axes, coloured by its result; `brushed` names the other views' brushes that filter it.

    Expects `linked_frame` with the same axes. A brush over any axis keeps the runs that pass through it.
    """
    names = [f"at_{place}" for place in range(len(axes))]
    labels = json.dumps({name: _lines(title(axis), len(axes)) for name, axis in zip(names, axes, strict=True)})
    runs = alt.Chart(frame)
    for brush in brushed:
        runs = runs.transform_filter({"param": brush})
    x = alt.X(
        "axis:N",
        title=None,
        sort=names,
        scale=alt.Scale(padding=MARGIN),
        axis=alt.Axis(labelAngle=0, orient="top", labelExpr=f"({labels})[datum.value]", domain=False, ticks=False,
                      labelFontSize=FONT, labelLineHeight=LINE, labelFontWeight="bold", grid=True,
                      labelPadding=14 + LINE, labelLimit=0),
    )  # fmt: skip
    y = alt.Y("height:Q", axis=None, scale=alt.Scale(domain=[-0.04, 1.08], nice=False))
    folded = runs.transform_fold(names, as_=["axis", "height"])
    lines = folded.transform_filter(_through_parallel(len(axes))).mark_line(strokeWidth=1.3, opacity=0.65)
    points = folded.mark_point(opacity=0, filled=True, size=60).encode(x=x, y=y, tooltip=_tooltip(frame, metric, axes))
    above = alt.ExprRef(f"-8 - {LINE} * (datum.lines - 1)")  # the last line is above the point
    ticks = alt.Chart(_ticks(frame, axes)).mark_text(
        align="left", dx=4, dy=above, fontSize=FONT, lineHeight=LINE, lineBreak="\n", color=NEUTRAL
    )
    return alt.layer(
        lines.encode(x=x, y=y, color=_color(frame, metric), detail="run:N"),
        points.add_params(_brush(PARALLEL)).properties(name="view_parallel"),
        ticks.encode(x=x, y=y, text="text:N"),
    ).properties(height=HEIGHT)


def _ticks(frame: pd.DataFrame, axes: Sequence[str]) -> pd.DataFrame:
    """The labels beside the axes: every choice, or the minimum and maximum of a number."""
    rows = []
    for place, name in enumerate(axes):
        ends = frame.drop_duplicates(f"at_{place}")
        if not is_choice(name) and len(ends):
            ends = ends.loc[list(dict.fromkeys([ends[f"at_{place}"].idxmin(), ends[f"at_{place}"].idxmax()]))]
        for height, value in zip(ends[f"at_{place}"], ends[name], strict=True):
            text = (
                OBJECTIVES[name].text(value) if name in OBJECTIVES else value if is_choice(name) else decimal(value, 4)
            )
            lines = _lines(str(text), len(axes))
            rows.append((f"at_{place}", height, "\n".join(lines), len(lines)))
    return pd.DataFrame(rows, columns=["axis", "height", "text", "lines"])


def _lines(text: str, axes: int) -> list[str]:
    """A text in lines that end before the next axis; what needs more than two is cut in the middle."""
    room = WIDTH / (axes - 1 + 2 * MARGIN) - 8
    longest = max(4, int(room / (0.57 * FONT)))  # the mean width of a character
    for most in range(MOST_LINES * longest, 0, -1):
        lines = textwrap.wrap(shortened(text, most), longest) or [""]
        if len(lines) <= MOST_LINES:
            break
    return lines


def scatter(
    frame: pd.DataFrame, x: str, y: str, metric: str, brushed: Sequence[str] = (), parallel_axes: int = 0
) -> alt.Chart:
    """Any setting or result against any other, one point per run, coloured by its result."""
    runs = _filtered(frame, brushed, parallel_axes)
    return (
        runs.mark_point(filled=True, size=46, opacity=0.75)
        .encode(
            x=_position(alt.X, x, frame),
            y=_position(alt.Y, y, frame),
            color=_color(frame, metric, legend=False),
            tooltip=_tooltip(frame, metric, dict.fromkeys([x, y])),
        )
        .add_params(_brush(SCATTER))
        .properties(height=HEIGHT, name="view_scatter")
    )


def _position(channel: type, name: str, frame: pd.DataFrame):
    if is_choice(name):
        scale = alt.Scale(domain=sorted(frame[name].unique()))
        return channel(f"{name}:N", title=title(name), scale=scale, axis=alt.Axis(labelAngle=0, grid=False))
    low, high = frame[name].min(), frame[name].max()
    if is_logarithmic(name):
        room = (high / low) ** 0.04 if high > low else 2
        scale = alt.Scale(type="log", nice=False, domain=[low / room, high * room])
    else:
        room = 0.04 * (high - low) or 1
        scale = alt.Scale(nice=False, domain=[low - room, high + room])
    return channel(f"{name}:Q", title=title(name), scale=scale, axis=alt.Axis(format=_format(name), grid=False))


def heat_map(
    frame: pd.DataFrame, x: str, y: str, metric: str, brushed: Sequence[str] = (), parallel_axes: int = 0
) -> alt.LayerChart:
    """The mean result of every pair of two settings' levels, with the number of runs in the tooltip.

    Expects `linked_frame` with `heat=(x, y)`.
    """
    runs = _filtered(frame, brushed, parallel_axes)
    base = runs.encode(
        x=alt.X("heat_x:O", title=title(x), scale=_levels(frame, "heat_x"), axis=alt.Axis(labelAngle=-30)),
        y=alt.Y("heat_y:O", title=title(y), scale=_levels(frame, "heat_y", -1), axis=alt.Axis(labelLimit=110)),
    )
    form = OBJECTIVES[metric].exact
    color = alt.Color(
        f"mean({metric}):Q",
        scale=_color_scale(frame, metric),
        legend=None,
    )
    tooltip = [
        alt.Tooltip("heat_x:O", title=title(x)),
        alt.Tooltip("heat_y:O", title=title(y)),
        alt.Tooltip(f"mean({metric}):Q", title=f"mean {RESULTS[metric].lower()}", format=form),
        alt.Tooltip("count():Q", title="runs"),
    ]
    cells = base.mark_rect(cornerRadius=3).encode(color=color, tooltip=tooltip).add_params(_brush(HEAT))
    text = base.mark_text(color=ON_COLOR, fontSize=11).encode(text=alt.Text(f"mean({metric}):Q", format=form))
    heading = f"A cell: mean {RESULTS[metric].lower()} of its runs"
    return alt.layer(cells.properties(name="view_heat"), text).properties(height=HEIGHT, title=heading)


def _levels(frame: pd.DataFrame, column: str, step: int = 1) -> alt.Scale:
    return alt.Scale(domain=frame[column].cat.categories.tolist()[::step])


def _filtered(frame: pd.DataFrame, brushed: Sequence[str], parallel_axes: int) -> alt.Chart:
    runs = alt.Chart(frame)
    for brush in brushed:
        runs = runs.transform_filter({"param": brush})
    return runs.transform_filter(_through_parallel(parallel_axes)) if parallel_axes else runs


def linked(
    table: pd.DataFrame, axes: Sequence[str], scattered: tuple[str, str], heat: tuple[str, str], metric: str
) -> alt.VConcatChart:
    """The three views of one table of runs, each filtered by the others' brushes."""
    frame = linked_frame(table, axes, heat)
    count = len(axes)
    below = alt.hconcat(
        scatter(frame, *scattered, metric, (HEAT,), count).properties(width=HALF),
        heat_map(frame, *heat, metric, (SCATTER,), count).properties(width=HALF),
        spacing=28,
    )
    above = parallel(frame, axes, metric, (SCATTER, HEAT)).properties(width=WIDTH)
    return alt.vconcat(above, below, spacing=28).resolve_scale(color="independent").configure_view(stroke=None)
