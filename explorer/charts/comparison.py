"""Charts that compare runs: curves of several runs in one chart, and repeats with their spread.

A colour is a run or a group (`palette.RUN_COLORS`); splits differ by their line.
"""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from explorer.charts.whole_numbers import EPOCH_AXIS
from explorer.palette import RUN_COLORS, SPLIT_DASHES
from explorer.runs.history import VALIDATION, EpochRecord, best_epoch, tidy
from explorer.runs.metrics import METRICS, OBJECTIVES
from explorer.runs.thinning import thinned

MOST_RUNS = len(RUN_COLORS)  # in a chart of curves
MOST_POINTS = 200  # per curve; there are up to `MOST_RUNS` runs with two splits each
HEIGHT = 300
LEGEND_LINE = 20
EPOCH, MINUTES = "epoch", "minutes"
X_TITLES = {EPOCH: "Epoch", MINUTES: "Minutes of training and validation"}


# --- Curves of several runs -------------------------------------------------------------------------------


def overlay_frame(histories: Sequence[tuple[str, Sequence[EpochRecord]]], smoothing: float = 0.0) -> pd.DataFrame:
    """A tidy frame of several runs: run, epoch, minutes, split, metric, value, smooth, best; thinned out.

    `minutes` is the total time of all epochs so far. `smooth` is an exponential moving average of weight `smoothing`
    (0 to 1) with the bias correction of Adam's moments, so that it starts at the first value and not at zero.
    """
    parts = [_one_run(label, records, smoothing) for label, records in histories if records]
    columns = ["run", "epoch", "minutes", "split", "metric", "value", "smooth", "best"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _one_run(label: str, records: Sequence[EpochRecord], smoothing: float) -> pd.DataFrame:
    frame = tidy(label, records).rename(columns={"run_id": "run"})
    minutes = pd.Series([r.seconds for r in records], index=[r.epoch for r in records]).fillna(0).cumsum() / 60
    best = best_epoch(records)
    frame["minutes"] = frame["epoch"].map(minutes)
    frame["smooth"] = frame["value"]
    if smoothing:
        curves = frame.groupby(["split", "metric"], sort=False)["value"]
        frame["smooth"] = curves.transform(lambda values: values.ewm(alpha=1 - smoothing, ignore_na=True).mean())
    frame["best"] = (frame["epoch"] == best.epoch) if best else False
    drawn = {record.epoch for record in thinned(records, MOST_POINTS, [best] if best else [])}
    return frame[frame["epoch"].isin(drawn)]


def overlay(
    frame: pd.DataFrame, runs: Sequence[str], metric: str, x: str = EPOCH, log_x: bool = False, log_y: bool = False
) -> alt.LayerChart:
    """Curves of several runs over epochs or minutes, each run's best epoch ringed; `runs` are their names in order.

    Values of 0 and below are left out of a log scale and leave a gap. A click on the legend highlights a run, a
    shift-click hides it or shows it again.
    """
    highlighted, hidden = _selections(metric)
    base = _curves(frame, runs, metric, x, log_x, log_y).transform_filter(~hidden)
    base = base.encode(opacity=alt.condition(highlighted, alt.value(1.0), alt.value(0.12)))
    tooltip = [
        alt.Tooltip("run:N", title="run"),
        alt.Tooltip("split:N", title="split"),
        alt.Tooltip("epoch:Q", title="epoch"),
        alt.Tooltip("minutes:Q", title="minutes", format=".2f"),
        alt.Tooltip("value:Q", title=metric, format=METRICS[metric].exact),
    ]
    raw = base.transform_filter("datum.value != datum.smooth").mark_line(strokeWidth=1).encode(
        y="value:Q", opacity=alt.condition(highlighted, alt.value(0.3), alt.value(0.05))
    )  # fmt: skip
    lines = base.mark_line(strokeWidth=2.2).add_params(highlighted, hidden).properties(name=f"lines_{metric}")
    points = base.mark_point(filled=True, size=70).encode(opacity=alt.value(0.0), tooltip=tooltip)
    ring = (
        base.transform_filter(f"datum.best && datum.split == '{VALIDATION}'")
        .mark_point(size=130, strokeWidth=2.5)
        .encode(y="value:Q", tooltip=tooltip, strokeDash=alt.value([1, 0]))
    )
    return alt.layer(raw, lines, points, ring)


def _selections(metric: str) -> tuple[alt.Parameter, alt.Parameter]:
    """The runs that are highlighted and those that are hidden, both chosen in the legend."""
    highlighted = alt.selection_point(
        fields=["run"], bind={"legend": "click[!event.shiftKey]"}, name=f"highlighted_{metric}"
    )
    hidden = alt.selection_point(
        fields=["run"], bind={"legend": "click[event.shiftKey]"}, empty=False, toggle="true", clear=False,
        name=f"hidden_{metric}",
    )  # fmt: skip
    return highlighted, hidden


def _curves(frame: pd.DataFrame, runs: Sequence[str], metric: str, x: str, log_x: bool, log_y: bool) -> alt.Chart:
    """The axes, colours and dashes of the curves of a metric, without a mark."""
    logarithmic = [*(["value", "smooth"] if log_y else []), *([x] if log_x else [])]
    return (
        alt.Chart(frame)
        .transform_filter(alt.datum.metric == metric)
        .transform_calculate(**_above_zero(logarithmic))
        .encode(
            x=alt.X(
                f"{x}:Q",
                title=X_TITLES[x],
                axis=EPOCH_AXIS if x == EPOCH else alt.Axis(grid=False, format=".4~g"),
                scale=alt.Scale(type="log", nice=False, padding=4) if log_x else _TIGHT,
            ),
            y=alt.Y(
                "smooth:Q",
                title=METRICS[metric].title,
                axis=alt.Axis(format=METRICS[metric].axis),
                scale=alt.Scale(type="log") if log_y else alt.Scale(zero=False),
            ),
            color=_run_color("run", runs),
            strokeDash=alt.StrokeDash(
                "split:N",
                scale=alt.Scale(domain=list(SPLIT_DASHES), range=list(SPLIT_DASHES.values())),
                legend=None,  # the page explains it once for all charts
            ),
        )
        .properties(height=HEIGHT + LEGEND_LINE * len(runs))
    )


def _above_zero(names: Sequence[str]) -> dict[str, str]:
    """Expressions that keep positive values only: a single 0 on a log scale would collapse all curves."""
    return {name: f"datum.{name} > 0 ? datum.{name} : null" for name in names}


def _run_color(field: str, runs: Sequence[str], legend: bool = True) -> alt.Color:
    return alt.Color(
        f"{field}:N",
        title=None,
        sort=list(runs),
        scale=alt.Scale(domain=list(runs), range=[RUN_COLORS[i % MOST_RUNS] for i in range(len(runs))]),
        legend=alt.Legend(
            orient="bottom", columns=1, symbolType="stroke", symbolStrokeWidth=4, symbolOpacity=1, labelLimit=460
        )
        if legend
        else None,
    )


# --- Repeats ----------------------------------------------------------------------------------------------


def band_frame(
    groups: Sequence[tuple[str, Sequence[tuple[str, Sequence[EpochRecord]]]]], metric: str = "accuracy"
) -> pd.DataFrame:
    """The validation curves of groups of repeats: group, run, epoch, value, mean, low, high, members.

    `low` and `high` are one standard deviation (n − 1) below and above the mean. All three are NaN once a member has
    ended: a mean of the remaining members would not be the group's.
    """
    name = METRICS[metric].validation
    rows = [
        (group, run, record.epoch, getattr(record, name))
        for group, members in groups
        for run, records in members
        for record in records
    ]
    frame = pd.DataFrame(rows, columns=["group", "run", "epoch", "value"])
    sizes = {group: sum(bool(records) for _, records in members) for group, members in groups}
    over = frame.groupby(["group", "epoch"])["value"]
    frame["members"] = over.transform("count")
    complete = frame["members"] == frame["group"].map(sizes)
    frame["mean"] = over.transform("mean").where(complete)
    spread = over.transform("std").where(complete)
    return frame.assign(low=frame["mean"] - spread, high=frame["mean"] + spread)


def band(frame: pd.DataFrame, metric: str = "accuracy") -> alt.LayerChart:
    """Groups of repeats by epoch: the mean as a line, one standard deviation as a band, every member as a thin line."""
    names = list(dict.fromkeys(frame["group"]))
    base = alt.Chart(frame).encode(
        x=alt.X("epoch:Q", title="Epoch", axis=EPOCH_AXIS, scale=_TIGHT),
        color=_run_color("group", names),
    )
    means = base.transform_filter("isValid(datum.mean)").transform_aggregate(
        mean="mean(mean)", low="mean(low)", high="mean(high)", groupby=["group", "epoch"]
    )
    axis = alt.Axis(format=METRICS[metric].axis)
    y = alt.Y("value:Q", title=f"Validation {metric}", scale=alt.Scale(zero=False), axis=axis)
    tooltip = [
        alt.Tooltip("group:N"),
        alt.Tooltip("epoch:Q"),
        *(alt.Tooltip(f"{name}:Q", format=METRICS[metric].exact) for name in ("mean", "low", "high")),
    ]
    return alt.layer(
        means.mark_area(opacity=0.22).encode(y=alt.Y("low:Q"), y2="high:Q"),
        base.mark_line(strokeWidth=0.8, opacity=0.55).encode(y=y, detail="run:N"),
        means.mark_line(strokeWidth=3).encode(y="mean:Q", tooltip=tooltip),
    ).properties(height=HEIGHT + LEGEND_LINE * len(names))


def bars(rows: pd.DataFrame, members: pd.DataFrame, metric: str = "val_accuracy") -> alt.LayerChart:
    """One bar per group from one standard deviation below the mean to one above, every member as a point.

    `rows` has the columns group, label, runs, mean, spread; `members` has group, title, seed and the metric. `group` is
    a short name.
    """
    form, title = OBJECTIVES[metric].exact, OBJECTIVES[metric].validation_title
    rows = rows.assign(from_=rows["mean"] - rows["spread"].fillna(0), to=rows["mean"] + rows["spread"].fillna(0))
    names = rows["group"].tolist()
    base = alt.Chart(rows).encode(
        y=alt.Y("group:N", title=None, sort=names, axis=alt.Axis(labelFontWeight="bold", labelFontSize=13)),
        color=_run_color("group", names, legend=False),
    )
    x_axis = alt.Axis(format=OBJECTIVES[metric].axis, grid=True, tickCount=6)
    tooltip = [alt.Tooltip("group:N"), alt.Tooltip("label:N", title="settings"), alt.Tooltip("runs:Q", title="seeds"),
               alt.Tooltip("mean:Q", format=form), alt.Tooltip("spread:Q", format=form)]  # fmt: skip
    points = [
        alt.Tooltip("title:N", title="run"),
        alt.Tooltip("seed:Q"),
        alt.Tooltip(f"{metric}:Q", title=metric, format=form),
    ]
    return alt.layer(
        base.mark_bar(opacity=0.35, height=18, cornerRadius=4).encode(
            x=alt.X("from_:Q", title=title, axis=x_axis, scale=alt.Scale(zero=False, padding=12)),
            x2="to:Q",
            tooltip=tooltip,
        ),
        base.mark_tick(thickness=4, size=26).encode(x="mean:Q", tooltip=tooltip),
        base.mark_point(filled=True, size=55, opacity=0.9)
        .encode(x=f"{metric}:Q", tooltip=points)
        .properties(data=members),
    ).properties(height=alt.Step(44))


_TIGHT = alt.Scale(nice=False, zero=False, padding=4)
