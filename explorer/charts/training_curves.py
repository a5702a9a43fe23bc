"""Charts of a run's loss and accuracy by epoch.

A chart's specification never depends on the data, so that the page updates it in place without redrawing. What the axes
must include, and what is cut off, is therefore part of the rows: see `drawn_rows`.
"""

import math
from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd
import pyarrow as pa

from explorer.palette import NEUTRAL, SPLIT_COLORS
from explorer.runs.history import TRAINING, VALIDATION, EpochRecord, best_epoch, tidy
from explorer.runs.metrics import METRICS
from explorer.runs.thinning import thinned

MOST_POINTS = 200  # one for every two pixels of a chart beside another
HEIGHT = 280

# whole epochs, however few or many
EPOCH_AXIS = alt.Axis(tickMinStep=1, format="d", grid=False, labelExpr="datum.value % 1 ? '' : datum.label")

# An axis with the chance level covers at least this much, so that noise does not look like progress.
LEAST_SPAN = {"loss": 0.5, "accuracy": 0.1}
# A start this far above both the chance level and everything that follows is cut off.
FAR_ABOVE = 1.5
HEADROOM = 1.12  # of the axis above what is drawn then

EPOCH, EDGE, SPAN, NOTE, LEVEL = "epoch", "edge", "span", "note", "level"  # kinds of rows


def curve_frame(run_id: str, records: Sequence[EpochRecord]) -> pd.DataFrame:
    """The tidy frame of a run with its best epoch marked, thinned out to `MOST_POINTS` epochs.

    Columns: run_id, epoch, split, metric, value, best (by lowest validation loss), learning_rate.
    """
    best = best_epoch(records)
    drawn = thinned(records, MOST_POINTS, [best] if best else [])
    frame = tidy(run_id, drawn)
    frame["best"] = (frame["epoch"] == best.epoch) if best else False
    frame["learning_rate"] = [r.learning_rate for r in drawn for _ in range(4)]
    return frame


def of_metric(frame: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The rows of one metric, which are all that its chart needs."""
    return frame[frame["metric"] == metric]


def by_epoch(frame: pd.DataFrame, metric: str, column: str, colors: Mapping[str, str]) -> alt.Chart:
    """The axes of a chart of one metric by epoch, with a colour for each value of a column."""
    units = METRICS[metric]
    return (
        alt.Chart(frame)
        .transform_filter(alt.datum.metric == metric)
        .encode(
            x=alt.X("epoch:Q", title="Epoch", axis=EPOCH_AXIS, scale=alt.Scale(nice=False, zero=False, padding=4)),
            y=alt.Y(
                "value:Q",
                title=units.title,
                axis=alt.Axis(format=units.axis),
                scale=alt.Scale(zero=units.share),
            ),
            color=alt.Color(
                f"{column}:N",
                title=None,
                scale=alt.Scale(domain=list(colors), range=list(colors.values())),
                legend=alt.Legend(orient="top", symbolType="stroke", symbolStrokeWidth=3),
            ),
        )
    )


def guessing(metric: str, classes: int) -> float:
    """The metric's value for a network that guesses: the logarithm of the number of classes, or one class right."""
    return math.log(classes) if metric == "loss" else 1 / classes


def drawn_rows(frame: pd.DataFrame, metric: str, level: float) -> pd.DataFrame:
    """The rows of one metric as `curves` draws them, with a column `kind`; `level` is that of guessing.

    A row of kind `epoch` has the values of both splits (`training`, `validation`), and `drawn`, which is missing where
    the start is cut off. There a row of kind `edge` lets the line enter at the upper end, and one of kind `note` says
    how high it starts. Rows of kind `span` keep the axis from showing less than `LEAST_SPAN`.
    """
    rows = of_metric(frame, metric).copy()
    epochs, pairs = rows["epoch"].to_numpy()[::2], rows["value"].to_numpy(float).reshape(-1, 2)  # of both splits
    rows[TRAINING], rows[VALIDATION] = pairs.repeat(2, axis=0).T
    drawn = np.where(np.isfinite(pairs), pairs, np.nan)
    top = _upper_end(drawn, level) if metric == "loss" else None
    more = []
    if top is not None:
        more = [row for split in (TRAINING, VALIDATION) for row in _cut(epochs, drawn, split, metric, top)]
        drawn = np.where(drawn <= top, drawn, np.nan)
        last = max(row["epoch"] for row in more)
        more.append({"kind": NOTE, "epoch": last, "drawn": top, "note": _start(epochs[0], pairs[0], top)})
    rows["kind"], rows["drawn"], rows["note"] = EPOCH, drawn.ravel(), ""
    values = drawn[np.isfinite(drawn)]
    if len(values):
        low, high = values.min(), values.max()
        if high > level / 2:  # else the chance level would flatten what is far better
            low, high = min(low, level), max(high, level)
            more.append({"kind": LEVEL, "epoch": epochs[0], "drawn": level})
            missing = max(0.0, LEAST_SPAN[metric] - (high - low)) / 2
            low, high = max(0.0, low - missing), high + missing + max(0.0, missing - low)
        more += [{"kind": SPAN, "epoch": epochs[0], "drawn": value} for value in (low, high)]
    return pd.concat([rows, pd.DataFrame(more, columns=rows.columns)], ignore_index=True) if more else rows


def arrow_table(rows: pd.DataFrame) -> pa.Table:
    """The columns of `drawn_rows` that `curves` draws, each text stored once: less than half of the bytes."""
    columns = [name for name in rows.columns if name not in ("run_id", "metric")]
    plain = pa.Table.from_pandas(rows, columns=columns, preserve_index=False)
    text = {"split", "kind", "note"}
    return pa.table({name: plain[name].dictionary_encode() if name in text else plain[name] for name in columns})


def _upper_end(drawn: np.ndarray, level: float) -> float | None:
    """Where the axis ends, below the first epochs; None if they are not far above guessing and all that follows.

    `drawn` is `[epoch, split]`. Only a start is cut off: a loss that rises again, as a diverging one does, is drawn as
    high as it gets.
    """
    highest = np.fmax(*drawn.T)
    most = min(len(highest) // 2, max(2, len(highest) // 5))
    for cut in range(most, 0, -1):
        end = np.fmax.reduce(highest[cut:], initial=level)
        if np.isfinite(highest[cut:]).any() and (highest[:cut] > FAR_ABOVE * end).all():
            return float(HEADROOM * end)
    return None


def _cut(epochs: np.ndarray, drawn: np.ndarray, split: str, metric: str, top: float) -> list[dict]:
    """Where a curve comes down through the upper end: the point between its last epoch above and its first below."""
    curve = drawn[:, (TRAINING, VALIDATION).index(split)]
    above = np.flatnonzero(curve > top)
    below = np.flatnonzero(curve <= top)
    below = below[below > above[-1]] if len(above) else above
    if not len(below):
        return []
    last, first = above[-1], below[0]
    part = (curve[last] - top) / (curve[last] - curve[first])
    epoch = epochs[last] + part * (epochs[first] - epochs[last])
    return [{"kind": EDGE, "epoch": epoch, "split": split, "metric": metric, "drawn": top}]


def _start(epoch: int, values: Sequence[float], top: float) -> str:
    starts = [
        f"{split} {value:.3g}" for split, value in zip((TRAINING, VALIDATION), values, strict=True) if value > top
    ]
    return f"▲ cut off: epoch {epoch:,} has {' and '.join(starts)}"


def curves(frame: pd.DataFrame, metric: str, large: bool = False) -> alt.LayerChart:
    """Training and validation curves of one metric from `drawn_rows`, with the best epoch ringed.

    The chance level is a dashed line. The pointer moves a line over the epochs with both
    values. `large` makes its lines thick, for a projector.
    """
    base = alt.Chart(frame).encode(
        x=alt.X("epoch:Q", title="Epoch", axis=EPOCH_AXIS, scale=_FROM_DATA),
        y=alt.Y(
            "drawn:Q",
            title=None,
            axis=alt.Axis(format=METRICS[metric].axis, tickCount=6),
            scale=alt.Scale(zero=METRICS[metric].share, nice=METRICS[metric].share),
        ),
        color=alt.Color(
            "split:N",
            title=None,
            scale=alt.Scale(domain=list(SPLIT_COLORS), range=list(SPLIT_COLORS.values())),
            legend=_legend(large),
        ),
    )
    epochs = base.transform_filter(alt.datum.kind == EPOCH)
    layers = [
        base.transform_filter((alt.datum.kind == EPOCH) | (alt.datum.kind == EDGE)).mark_line(
            strokeWidth=3 if large else 2
        ),
        base.transform_filter(alt.datum.kind == SPAN).mark_point(opacity=0).encode(color=alt.value(NEUTRAL)),
        base.transform_filter(alt.datum.kind == NOTE)
        .mark_text(align="left", baseline="top", dx=6, dy=3, color=NEUTRAL)
        .encode(text="note:N", color=alt.value(NEUTRAL)),
        *_level(frame, "chance level", below=not METRICS[metric].higher_is_better),
        epochs.transform_filter("datum.best").mark_point(size=140, strokeWidth=2.5, filled=False),
        epochs.transform_filter(f"datum.best && datum.split == '{VALIDATION}'")
        .mark_text(dy=20 if METRICS[metric].higher_is_better else -16, fontWeight="bold")
        .encode(text=alt.value("best")),
        *_crosshair(epochs, metric),
    ]
    title = alt.TitleParams(METRICS[metric].title, anchor="start", frame="group")
    return alt.layer(*layers).resolve_scale(color="shared").properties(height=HEIGHT, title=title)


def _crosshair(epochs: alt.Chart, metric: str) -> list[alt.Chart]:
    """A vertical line at the epoch nearest to the pointer, both points on it, and their values."""
    nearest = alt.selection_point(
        on="pointerover", nearest=True, encodings=["x"], empty=False, clear="pointerout", name=f"hover_{metric}"
    )
    tooltip = [
        alt.Tooltip("epoch:Q", title="epoch"),
        alt.Tooltip(f"{TRAINING}:Q", title=f"training {metric}", format=METRICS[metric].exact),
        alt.Tooltip(f"{VALIDATION}:Q", title=f"validation {metric}", format=METRICS[metric].exact),
        alt.Tooltip("learning_rate:Q", title="learning rate", format="~g"),
    ]
    validation = epochs.transform_filter(alt.datum.split == VALIDATION)
    rule = validation.transform_filter(nearest).mark_rule(strokeWidth=1, color=NEUTRAL)
    rule = rule.encode(color=alt.value(NEUTRAL), tooltip=tooltip)
    rule.encoding.y = alt.Undefined  # over the whole height
    return [
        # points show on hover; a single epoch has no line, so its point is always visible
        epochs.mark_point(filled=True, size=50)
        .encode(opacity=alt.condition(nearest, alt.value(1.0), alt.value(0.0)), tooltip=tooltip)
        .add_params(nearest)
        .properties(name=f"points_{metric}"),  # Altair's default name would depend on the data
        rule,
        epochs.transform_filter(nearest)
        .mark_text(align="right", dx=-8, dy=-8, fontWeight="bold")
        .encode(text=alt.Text("value:Q", format=METRICS[metric].exact)),
    ]


def _legend(large: bool) -> alt.Legend:
    """A legend beside the title, where it takes no height of its own."""
    return alt.Legend(
        orient="none",
        direction="horizontal",
        legendX=alt.expr(f"width - {270 if large else 190}"),
        legendY=-34 if large else -26,
        symbolType="stroke",
        symbolStrokeWidth=3,
    )


_FROM_DATA = alt.Scale(nice=False, zero=False, padding=4)


def _level(frame: pd.DataFrame, label: str, *, below: bool) -> list[alt.Chart]:
    side = {"baseline": "top", "dy": 3} if below else {"baseline": "bottom", "dy": -2}  # the loss's is near the legend
    chart = alt.Chart(frame).transform_filter(alt.datum.kind == LEVEL)
    rule = chart.mark_rule(strokeDash=[4, 4], color=NEUTRAL).encode(y="drawn:Q")
    # on the right, where the curves have moved away from it
    text = chart.mark_text(align="right", dx=-4, color=NEUTRAL, text=label, **side)
    return [rule, text.encode(y="drawn:Q", x=alt.value("width"))]
