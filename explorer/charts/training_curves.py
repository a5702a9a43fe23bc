"""Charts of a run's loss and accuracy by epoch.

A chart's specification never depends on the data, so that the page updates it in place without redrawing. What the axes
must include, and what is cut off, is therefore part of the rows: see `drawn_rows`.
"""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd
import pyarrow as pa

from explorer.charts.epoch_axes import EDGE, EPOCH, NOTE, axis_marks, axis_rows, edge, height, upper_end
from explorer.charts.whole_numbers import EPOCH_AXIS
from explorer.palette import NEUTRAL, SPLIT_COLORS
from explorer.runs.history import TRAINING, VALIDATION, EpochRecord, best_epoch, tidy, without_penalty
from explorer.runs.metrics import METRICS
from explorer.runs.thinning import thinned

MOST_POINTS = 200  # one for every two pixels of a chart beside another
HEIGHT = 280


def curve_frame(run_id: str, records: Sequence[EpochRecord]) -> pd.DataFrame:
    """The tidy frame of a run with its best epoch marked, thinned out to `MOST_POINTS` epochs.

    Columns: run_id, epoch, split, metric, value, best (by lowest validation loss), learning_rate. The losses
    are without the penalty, as the chance level is.
    """
    best = best_epoch(records)
    drawn = thinned(records, MOST_POINTS, [best] if best else [])
    frame = tidy(run_id, without_penalty(drawn))
    frame["best"] = (frame["epoch"] == best.epoch) if best else False
    frame["learning_rate"] = [r.learning_rate for r in drawn for _ in range(4)]
    return frame


def of_metric(frame: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The rows of one metric, which are all that its chart needs."""
    return frame[frame["metric"] == metric]


def drawn_rows(frame: pd.DataFrame, metric: str, level: float) -> pd.DataFrame:
    """The rows of one metric as they are drawn, with a column `kind`; `level` is that of guessing.

    The frame is of one run or of several. A row of kind `epoch` has the values of both splits (`training`,
    `validation`), and `drawn`, which is missing where the start is cut off. There a row of kind `edge` lets the line
    enter at the upper end, and one of kind `note` says how high it starts. Rows of kind `span` keep the axis from
    showing less than `LEAST_SPAN`.
    """
    rows = of_metric(frame, metric).copy()
    runs, epochs = rows["run_id"].to_numpy(object)[::2], rows["epoch"].to_numpy()[::2]
    pairs = rows["value"].to_numpy(float).reshape(-1, 2)  # of both splits
    rows[TRAINING], rows[VALIDATION] = pairs.repeat(2, axis=0).T
    drawn = np.where(np.isfinite(pairs), pairs, np.nan)
    places = {run: np.flatnonzero(runs == run) for run in dict.fromkeys(runs)}
    top = upper_end([drawn[at] for at in places.values()], level) if metric == "loss" else None
    more = []
    if top is not None:
        more = [row for run, at in places.items() for row in _edges(run, epochs[at], drawn[at], metric, top)]
        several = len(places) > 1
        starts = [_start(run if several else "", epochs[at[0]], pairs[at[0]], top) for run, at in places.items()]
        note = "\n".join(filter(None, starts))
        more.append({"kind": NOTE, "epoch": max(row["epoch"] for row in more), "drawn": top, "note": note})
        drawn = np.where(drawn <= top, drawn, np.nan)
    rows["kind"], rows["drawn"], rows["note"] = EPOCH, drawn.ravel(), ""
    if len(epochs):
        more += axis_rows(drawn, metric, level, epochs[0])
    return pd.concat([rows, pd.DataFrame(more, columns=rows.columns)], ignore_index=True) if more else rows


def arrow_table(rows: pd.DataFrame) -> pa.Table:
    """The columns of `drawn_rows` that `curves` draws, each text stored once: less than half of the bytes."""
    columns = [name for name in rows.columns if name not in ("run_id", "metric")]
    plain = pa.Table.from_pandas(rows, columns=columns, preserve_index=False)
    text = {"split", "kind", "note"}
    return pa.table({name: plain[name].dictionary_encode() if name in text else plain[name] for name in columns})


def _edges(run: str, epochs: np.ndarray, drawn: np.ndarray, metric: str, top: float) -> list[dict]:
    """Where the curves of both splits of a run come down through the upper end."""
    row = {"kind": EDGE, "run_id": run, "metric": metric, "drawn": top}
    entries = {split: edge(epochs, curve, top) for split, curve in zip((TRAINING, VALIDATION), drawn.T, strict=True)}
    return [{**row, "split": split, "epoch": epoch} for split, epoch in entries.items() if epoch is not None]


def _start(run: str, epoch: int, values: Sequence[float], top: float) -> str:
    """How high a run starts above the upper end; empty if it does not."""
    starts = [
        f"{split} {height(value)}" for split, value in zip((TRAINING, VALIDATION), values, strict=True) if value > top
    ]
    if not starts or not run:
        return f"▲ cut off: epoch {epoch:,} has {' and '.join(starts)}" if starts else ""
    return f"▲ {run}, epoch {epoch:,}: {', '.join(starts)}"


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
        *axis_marks(base, below=not METRICS[metric].higher_is_better),  # the loss's is near the legend
        epochs.transform_filter("datum.best").mark_point(size=140, strokeWidth=2.5, filled=False),
        _best_label(epochs, metric),
        *_crosshair(epochs, metric),
    ]
    title = alt.TitleParams(METRICS[metric].title, anchor="start", frame="group")
    return alt.layer(*layers).resolve_scale(color="shared").properties(height=HEIGHT, title=title)


def _best_label(epochs: alt.Chart, metric: str) -> alt.Chart:
    """The word "best" beyond all rings, where there is room: above them, or below them if higher is better."""
    below = METRICS[metric].higher_is_better
    outermost = alt.Y("drawn:Q", aggregate="min" if below else "max", title=None)
    label = epochs.transform_filter("datum.best").mark_text(dy=20 if below else -16, fontWeight="bold")
    return label.encode(y=outermost, text=alt.value("best"), color=alt.value(SPLIT_COLORS[VALIDATION]))


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
