"""The leaderboard: its filters, and the table whose rows are selected."""

from typing import TYPE_CHECKING

import streamlit as st

from explorer.config import FIELDS
from explorer.data.datasets import DATASETS
from explorer.pages import address, layout
from explorer.pages.address import IN_ADDRESS
from explorer.pages.compare import state
from explorer.pages.compare.state import Listing
from explorer.pages.run.links import NAME_IN_ADDRESS, cell_address, run_link
from explorer.pages.text import cell, plain
from explorer.palette import NEUTRAL
from explorer.plain_text import count, decimal
from explorer.runs.history import RULES
from explorer.runs.notes import LONGEST_NOTE
from explorer.runs.run_names import run_names
from explorer.runs.run_table import RESULTS, differing, is_number, loss_caution, matching, noun, penalized, ranked
from explorer.runs.status import STATUSES

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from streamlit.delta_generator import DeltaGenerator

HEIGHT = 400
LONGEST_CELL = 44  # characters of a name that fit its column
MOST_LINKS = 8
SELECTED_BY = RULES["val_loss"].criterion
FILTERED = {name: field.label for name, field in FIELDS.items() if name != "dataset"} | RESULTS


# --- Filters ----------------------------------------------------------------------------------------------


def filters(table: "pd.DataFrame") -> "pd.DataFrame":
    """Draws the filters, and returns the runs that match them, the best first."""
    table = _of_one_dataset(table)
    of_text, of_status, of_tags, of_fields = st.columns([3, 2, 2, 3], vertical_alignment="bottom")
    search = of_text.text_input(
        "Search",
        key="compare_search",
        bind=IN_ADDRESS,
        placeholder="Search settings, name, tags or note",
        icon=":material/search:",
    )
    states = set(table["status"].unique())
    present = [status for status in STATUSES if status in states]
    state.check("compare_statuses", present)
    statuses = of_status.multiselect(
        "Status", present, key="compare_statuses", placeholder="Any status", bind=IN_ADDRESS
    )
    every_tag = sorted(set().union(*table["tags"].tolist()))
    state.check("compare_tags", [plain(tag) for tag in every_tag])
    tags = of_tags.multiselect(
        "Tags", every_tag, format_func=plain, key="compare_tags", placeholder="Any tag", disabled=not every_tag,
        bind=IN_ADDRESS,
    )  # fmt: skip
    fields, ranges = _by_field(table, of_fields)
    return ranked(matching(table, search, statuses, tags, fields, ranges))


def _of_one_dataset(table: "pd.DataFrame") -> "pd.DataFrame":
    datasets = set(table["dataset"].unique())
    # in the order of the sidebar; then what is not offered there, such as a data set that was removed
    names = [name for name in dict.fromkeys((*DATASETS, *sorted(datasets))) if name in datasets]
    dataset = table["dataset"].iloc[0]  # the newest run's
    if len(names) > 1:
        if st.session_state.get(state.DATASET) not in names:
            st.session_state[state.DATASET] = dataset
        dataset = st.segmented_control(
            "Data set",
            names,
            format_func=lambda name: f"{DATASETS[name].title} ({(table['dataset'] == name).sum():,})",
            required=True,
            key=state.DATASET,
            help="Results on different data sets cannot be compared.",
        )
        address.write(state.DATA, [dataset])
    return table[table["dataset"] == dataset]


def _by_field(table: "pd.DataFrame", place: "DeltaGenerator") -> tuple[dict[str, list], dict[str, tuple[float, float]]]:
    state.check("compare_filters", FILTERED.values())
    chosen = place.multiselect(
        "Filter by",
        list(FILTERED),
        format_func=FILTERED.get,
        key="compare_filters",
        bind=IN_ADDRESS,
        placeholder="Any setting or result",
    )
    fields, ranges = {}, {}
    columns = st.columns(4) if chosen else []
    for number, name in enumerate(chosen):
        column = columns[number % 4]
        values = sorted(table[name].dropna().unique().tolist())
        if not is_number(name):
            key, title = f"compare_only_{name}", FIELDS[name].title
            state.check(key, map(title, values))
            fields[name] = column.multiselect(
                FILTERED[name], values, format_func=title, key=key, placeholder="Any", bind=IN_ADDRESS
            )
        elif len(values) > 1:
            key, ends = f"compare_range_{name}", (values[0], values[-1])
            state.check(key, map(_number, values))
            ranges[name] = column.select_slider(
                FILTERED[name], values, ends, format_func=_number, key=key, bind=IN_ADDRESS
            )
        else:
            column.caption(f"{FILTERED[name]}: all {_number(values[0]) if values else 'unknown'}")
    return fields, ranges


def _number(value: float) -> str:
    return decimal(value, 4)


# --- The table --------------------------------------------------------------------------------------------


def leaderboard(table: "pd.DataFrame", listing: Listing) -> "pd.DataFrame":
    """Draws some runs of a listing, and returns those whose rows are selected, in the table's order."""
    every = st.toggle(
        "All settings",
        key="compare_every",
        help="Show every setting as a column, not only those that differ.",
        bind=IN_ADDRESS,
    )
    st.caption(_what_it_lists(table))
    if table.empty:
        return table
    with layout.place():
        if caution := loss_caution(table):
            st.caption(caution)
    names, settings = tuple(table["run"]), list(FIELDS) if every else differing(table)
    places = {name: place for place, name in enumerate(names)}
    event = st.dataframe(
        listing.leaderboard(
            names, tuple(settings), lambda: _cells(table, settings, run_names(listing.summaries, LONGEST_CELL))
        ),
        key=state.leaderboard_key(names),
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": [places[name] for name in state.compared() if name in places]}},
        hide_index=True,
        height=min(HEIGHT, 38 + 35 * len(table)),
        placeholder="",
        column_config=_columns(),
        alt="Leaderboard of runs, the lowest validation loss first",
    )
    rows = [row for row in event.selection.rows if row < len(table)]
    state.compare([names[row] for row in rows])
    _links(table.iloc[sorted(rows)].head(MOST_LINKS))
    return table.iloc[sorted(rows)]


def _what_it_lists(table: "pd.DataFrame") -> str:
    if table.empty:
        return "No runs match these filters."
    images = " or ".join(f"{number:,}" for number in sorted(table["images"].unique()))
    return (
        f"{count(len(table), 'run')}. Loss and accuracy are from each run's best epoch, "
        f"selected by the {SELECTED_BY}, on {images} validation {noun(table)}, one seed per row. "
        "Select rows to compare them; click a column header to sort."
    )


def _links(chosen: "pd.DataFrame") -> None:
    """Links to the pages of the selected runs."""
    with layout.place(horizontal=True):
        if chosen.empty:
            return
        for run in chosen["run"]:
            run_link(run, icon=":material/open_in_new:")


def _cells(table: "pd.DataFrame", settings: list[str], names: dict[str, str]) -> "pa.Table":
    import pandas as pd
    import pyarrow as pa

    losses = ["val_loss", "val_data_loss"] if penalized(table) else ["val_loss"]
    cells = table[[*losses, "val_accuracy", "curve", "status", *settings, "best_epoch", "trained", "seconds"]].copy()
    for name in settings:
        if FIELDS[name].choices:
            cells[name] = cells[name].map(FIELDS[name].title)
    cells.insert(0, "run", [cell_address(run, names.get(run)) for run in table["run"]])
    cells["val_accuracy"] *= 100
    cells["created"] = pd.to_datetime(table["created"], unit="s")
    if table["tags"].map(bool).any():
        cells.insert(1, "tags", table["tags"].map(lambda tags: [cell(tag) for tag in tags]))
    if table["note"].any():
        cells["note"] = table["note"].map(lambda note: cell(note, LONGEST_NOTE))
    return pa.Table.from_pandas(cells, preserve_index=False)


def _columns() -> dict:
    column = st.column_config
    named = {name: column.Column(field.label, help=field.help) for name, field in FIELDS.items()}
    for name, field in FIELDS.items():
        if not field.choices:
            named[name] = column.NumberColumn(field.label, help=field.help, format="%g")
    return named | {
        "run": column.LinkColumn(
            "Run", width=300, pinned=True, display_text=NAME_IN_ADDRESS, help="Opens the run's page in a new tab."
        ),
        "tags": column.ListColumn("Tags"),
        "val_loss": column.NumberColumn("Validation loss", format="%.4f", help=f"At the epoch with the {SELECTED_BY}."),
        "val_data_loss": column.NumberColumn(
            RESULTS["val_data_loss"],
            format="%.4f",
            help="The validation loss without the L2 penalty, which can be compared between different penalties.",
        ),
        "val_accuracy": column.NumberColumn(
            "Validation accuracy",
            format="%.2f%%",
            help=f"At the epoch with the {SELECTED_BY}; it may have been higher at another.",
        ),
        "best_epoch": column.NumberColumn("Best epoch", format="%d", help=f"The epoch with the {SELECTED_BY}."),
        "trained": column.NumberColumn("Epochs", format="%d", help="Number of epochs trained."),
        "seconds": column.NumberColumn(
            "Seconds", format="%.1f", help="Total over all epochs, training and validation."
        ),
        "status": column.TextColumn("Status"),
        "curve": column.LineChartColumn("Curve", width=90, help="Validation loss by epoch.", color=NEUTRAL),
        "created": column.DatetimeColumn("Created", format="calendar"),
        "note": column.TextColumn("Note", width="large"),
    }
