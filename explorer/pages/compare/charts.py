"""Charts of the Compare page: curves of runs, and repeats with other seeds."""

from dataclasses import dataclass
from string import ascii_uppercase
from typing import TYPE_CHECKING

import streamlit as st

from explorer.config import FIELDS
from explorer.errors import RunError
from explorer.pages import resources
from explorer.pages.address import IN_ADDRESS
from explorer.pages.chart import NO_ZERO, draw_chart
from explorer.pages.compare.state import check, keep
from explorer.pages.navigation import address
from explorer.pages.text import foreign, plain, sentence
from explorer.plain_text import count
from explorer.runs import run_table
from explorer.runs.comparison import (
    counted,
    errors_in_words,
    groups,
    paired_difference,
    results_by_seed,
    sampling_error,
    verdict,
)
from explorer.runs.history import RULES, VALIDATION, EpochRecord, time_to_accuracy
from explorer.runs.metrics import OBJECTIVES
from explorer.runs.progress import duration
from explorer.runs.run import Run
from explorer.runs.run_table import RESULTS, differing
from explorer.runs.settings_text import display_value

if TYPE_CHECKING:
    import pandas as pd
    from streamlit.delta_generator import DeltaGenerator

BEST_SHOWN = 3  # runs or groups, while none is selected
EPOCH, MINUTES = "epoch", "minutes"  # columns that curves can be drawn over
OVER = {EPOCH: "epochs", MINUTES: "time"}
MAIN = "val_accuracy"  # what repeats are compared by at first


# --- Curves -----------------------------------------------------------------------------------------------


def curves(filtered: "pd.DataFrame", chosen: "pd.DataFrame") -> None:
    """Draws the curves of the selected runs in one chart, and the settings in which they differ."""
    from explorer.charts.comparison import MOST_RUNS, overlay_frame

    runs = chosen if len(chosen) else filtered[filtered["val_loss"].notna()].head(BEST_SHOWN)
    if runs.empty:
        st.info("None of these runs has finished an epoch yet.")
        return
    if chosen.empty:
        st.caption(f"The best {len(runs)} runs in the table; select rows above to see others.")
    elif len(chosen) > MOST_RUNS:
        st.caption(f"The best {MOST_RUNS} of the {len(chosen)} selected runs: more colours would be indistinguishable.")
    runs = runs.head(MOST_RUNS)
    axes = _axes()
    histories = _histories(runs)
    frame = overlay_frame(histories, axes.smoothing)
    frame = frame if axes.training else frame[frame["split"] == VALIDATION]
    if frame.empty:
        st.info("None of these runs has finished an epoch yet.")
        return
    _overlay(frame, axes)
    _differences(runs, histories)


@dataclass(frozen=True)
class _Axes:
    """How the curves are drawn: over what, on which scales, how smooth, and with those of training."""

    x: str
    log_x: bool
    log_y: bool
    smoothing: float
    training: bool


def _axes() -> _Axes:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        check("compare_x", OVER.values())
        x = st.segmented_control(
            "X axis", list(OVER), format_func=OVER.get, default=EPOCH, required=True, key="compare_x",
            width="content", bind=IN_ADDRESS,
        )  # fmt: skip
        smoothing = st.slider(
            "Smoothing", 0.0, 0.95, 0.0, 0.05, key="compare_smoothing", width=260, bind=IN_ADDRESS,
            help="Exponential moving average with bias correction; the raw curve stays as a faint line.",
        )  # fmt: skip
        log_y = st.toggle("Log scale for loss", key="compare_log_y", bind=IN_ADDRESS)
        log_x = st.toggle(f"Log scale for {OVER[x]}", key="compare_log_x", bind=IN_ADDRESS)
        training = st.toggle("Training curves", True, key="compare_training", bind=IN_ADDRESS)
    return _Axes(x, log_x, log_y, smoothing, training)


def _overlay(frame: "pd.DataFrame", axes: _Axes) -> None:
    from explorer.charts.comparison import overlay
    from explorer.charts.training_curves import of_metric

    for column, metric in zip(st.columns(2), ("loss", "accuracy"), strict=True):
        draw_chart(
            overlay,
            of_metric(frame, metric),
            tuple(dict.fromkeys(frame["run"])),
            metric,
            axes.x,
            axes.log_x,
            axes.log_y and metric == "loss",
            place=column,
            key=f"compare_overlay_{metric}",
            alt=f"{metric} of the compared runs, on training and validation data",
        )
    st.caption(
        f"Solid: validation, dashed: training. A ring marks each run's best epoch ({RULES['val_loss'].criterion}). "
        "Click a run in the legend to highlight it; shift-click to hide it or show it again."
    )
    loss = of_metric(frame, "loss")
    if (axes.log_y and (loss["value"] <= 0).any()) or (axes.log_x and (loss[axes.x] <= 0).any()):
        st.caption(NO_ZERO)


def _histories(runs: "pd.DataFrame") -> list[tuple[str, list[EpochRecord]]]:
    # no epoch that the table does not count yet
    each = zip(runs["title"], runs["run"], runs["trained"], strict=True)
    return [(plain(label), _history(name)[:trained]) for label, name, trained in each]


def _history(name: str) -> list[EpochRecord]:
    try:
        return Run(resources.store().folder / name).history()
    except RunError as error:
        st.warning(sentence(error))
        return []


def _differences(runs: "pd.DataFrame", histories: list[tuple[str, list[EpochRecord]]]) -> None:
    import pandas as pd

    fields = differing(runs)
    st.markdown("## Settings that differ" if fields else "## No setting differs")
    lowest = 100 * runs["val_accuracy"].min()
    target = st.number_input(
        "Target validation accuracy (%)", 0.0, 100.0, float(int(lowest)) if lowest == lowest else 50.0, 1.0,
        key="compare_target", width=260, bind=IN_ADDRESS,
    )  # fmt: skip
    reached = [time_to_accuracy(records, target / 100) for _, records in histories]
    rows = {FIELDS[name].label: [display_value(name, value) for value in runs[name]] for name in fields}
    for name, metric in OBJECTIVES.items():
        rows[metric.validation_title] = [metric.text(value) for value in runs[name]]
    rows[f"Time to {target:g}%"] = [f"{duration(r[1])}, epoch {r[0]}" if r else "not reached" for r in reached]
    st.table(pd.DataFrame(rows, index=_linked(histories, runs)), border="horizontal")


def _linked(histories: list[tuple[str, list[EpochRecord]]], runs: "pd.DataFrame") -> list[str]:
    """The runs' labels as links to their pages, in Markdown."""
    addresses = [address("train", run=name) for name in runs["run"]]
    return [
        f"[{foreign(label)}]({place})" if place else foreign(label)
        for (label, _), place in zip(histories, addresses, strict=True)
    ]


# --- Repeats ----------------------------------------------------------------------------------------------


def repeats(filtered: "pd.DataFrame", chosen: "pd.DataFrame") -> None:
    """Draws groups of runs that differ only in the seed, and tests whether two of them differ."""
    check("compare_metric", map(RESULTS.get, OBJECTIVES))
    metric = st.segmented_control(
        "Metric", OBJECTIVES, format_func=RESULTS.get, default=MAIN, required=True, key="compare_metric",
        bind=IN_ADDRESS,
    )  # fmt: skip
    rows = groups(filtered, metric)
    if rows.empty:
        st.info("None of these runs has been trained to the end, so there is no mean to show.")
        return
    of_several = rows[rows["runs"] > 1]
    picked = rows[rows["group"].isin(chosen["group"])] if len(chosen) else of_several.head(BEST_SHOWN)
    if picked.empty:
        picked = rows.head(BEST_SHOWN)
    st.caption(
        f"Runs that differ only in the seed form a group: {len(rows):,} groups here, {len(of_several):,} with more "
        f"than one seed. The {'selected' if len(chosen) else 'best'} groups are drawn. Only runs trained to the end "
        "count, and only the newest one of each seed."
    )
    _groups(filtered, picked["group"].tolist(), metric)
    _difference(filtered, rows, picked["group"].tolist(), metric)


def _groups(filtered: "pd.DataFrame", numbers: list[int], metric: str) -> None:
    from explorer.charts.comparison import MOST_RUNS, band, band_frame, bars

    numbers = numbers[:MOST_RUNS]
    table = filtered[filtered["group"].isin(numbers)]
    rows = groups(table, metric)  # once more, so that the labels name only the settings that differ among these groups
    letters = {number: ascii_uppercase[place] for place, number in enumerate(rows["group"])}
    rows, members = (part.assign(group=part["group"].map(letters)) for part in (rows, counted(table)))
    left, right = st.columns(2)
    left.markdown("## Mean, one standard deviation and every run")
    left.altair_chart(
        bars(rows, members, metric), key="compare_bars", alt="Mean, standard deviation and runs of each group"
    )
    if OBJECTIVES[metric].share:
        images, noun = members.groupby("group")["images"].first(), run_table.noun(table)
        left.markdown("\n".join(f"- {_errors(row, images[row.group], noun)}" for row in rows.itertuples()))
    right.markdown("## By epoch: mean, one standard deviation and every run")
    curve = OBJECTIVES[metric].name
    frame = band_frame([(f"{row.group} – {row.label}", _of_group(members, row.group)) for row in rows.itertuples()],
                       curve)  # fmt: skip
    right.altair_chart(
        band(frame, curve),
        key="compare_band",
        alt="Mean and standard deviation of each group by epoch",
    )
    right.caption(
        "The mean and the band end with the shortest run: a mean of the remaining runs would not be the group's."
    )


def _errors(row, images: int, noun: str) -> str:
    left_out = (
        f" {count(row.left_out, 'unfinished run is', 'unfinished runs are')} not counted." if row.left_out else ""
    )
    return f"**{row.group}** – {row.label}. {errors_in_words(row.mean, row.spread, row.runs, images, noun)}{left_out}"


def _of_group(members: "pd.DataFrame", group: str) -> list[tuple[str, list[EpochRecord]]]:
    rows = members.loc[members["group"] == group]
    return [(name, _history(name)[:trained]) for name, trained in zip(rows["run"], rows["trained"], strict=True)]


def _difference(filtered: "pd.DataFrame", rows: "pd.DataFrame", picked: list[int], metric: str) -> None:
    if len(rows) < 2:
        return
    numbers = dict(zip(rows["label"], rows["group"], strict=True))
    order = sorted(numbers, key=lambda label: numbers[label] not in picked)
    st.markdown("## Is one better than the other?")
    left, right = st.columns(2)
    one = numbers[_group(left, "First group", order, "compare_one")]
    other = numbers[_group(right, "Second group", [*order[1:], order[0]], "compare_other")]
    if one == other:
        st.info("Select two different groups.")
        return
    pair = filtered[filtered["group"].isin([one, other])]
    if pair["validation_split"].nunique() > 1:
        st.warning(f"Inconclusive: the two groups are measured on different validation {run_table.noun(pair)}.")
        return
    difference = paired_difference(*(results_by_seed(filtered, number, metric) for number in (one, other)), metric)
    names = groups(pair, metric).set_index("group")["label"]
    draw = st.success if difference.conclusive else st.info
    draw(verdict(difference, names[one], names[other]))
    if OBJECTIVES[metric].share:
        images, noun = int(pair["images"].iloc[0]), run_table.noun(pair)
        error = sampling_error(rows.set_index("group").loc[one, "mean"], images)
        st.caption(
            f"The interval covers the effect of the seed only. All runs are measured on the same {images:,} validation "
            f"{noun}; other {noun} would change each accuracy by ±{100 * error:.2f} points (one standard error). Of 20 "
            "pairs of equal groups, about one has an interval that excludes zero by chance."
        )


def _group(place: "DeltaGenerator", title: str, labels: list[str], key: str) -> str:
    """A choice of one group by its label, which is part of the address; the first one unless another is chosen."""
    check(key, labels)
    keep(key, labels)
    return place.selectbox(title, labels, key=key, bind=IN_ADDRESS)
