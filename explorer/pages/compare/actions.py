"""Actions on the selected runs: name, tag, note, repeat with other seeds, delete, restore, export."""

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from explorer.errors import ExplorerError
from explorer.pages import messages, resources
from explorer.pages.compare.state import compare, compared, last_binned, listed, remember_binned
from explorer.pages.text import encodable, foreign, plain, sentence
from explorer.runs import notes
from explorer.runs.comparison import next_seeds
from explorer.runs.notes import LONGEST_NAME, LONGEST_NOTE, Annotation

if TYPE_CHECKING:
    import pandas as pd

SEEDS = 5
MOST_BINNED = 200  # names that the bin lists


def bar(filtered: "pd.DataFrame", chosen: "pd.DataFrame") -> None:
    """Draws the buttons; those that need selected runs are disabled without any."""
    _undo()
    with st.container(horizontal=True, vertical_alignment="center"):
        _annotate(chosen)
        one_group = chosen["group"].nunique() == 1
        st.button(
            f"Repeat with {SEEDS} seeds",
            key="compare_repeat",
            icon=":material/repeat:",
            disabled=not one_group,
            on_click=_repeat,
            args=(chosen["run"].iloc[0] if one_group else "",),
            help=f"Trains {SEEDS} more runs that differ from the selected run only in the seed.",
        )
        st.button(
            "Delete",
            key="compare_delete",
            icon=":material/delete:",
            disabled=chosen.empty,
            on_click=_delete,
            args=(chosen["run"].tolist(),),
            help="Moves the selected runs to the bin, from which they can be restored.",
        )
        _bin()
        _export(filtered)


# --- Name, tags, note -------------------------------------------------------------------------------------


def _annotate(chosen: "pd.DataFrame") -> None:
    label = "Name, tags, note" if len(chosen) < 2 else f"Tag {len(chosen)} runs"
    with st.popover(label, icon=":material/edit:", disabled=chosen.empty):
        if len(chosen) == 1:
            _annotate_one(chosen.iloc[0])
        elif len(chosen):
            with st.form("compare_tag_many", border=False, clear_on_submit=True):
                tag = st.text_input("Tag to add", key="compare_tag_added")
                if st.form_submit_button("Add to all", type="primary"):
                    _write(
                        {row["run"]: (row["name"], [*row["tags"], tag], row["note"]) for _, row in chosen.iterrows()}
                    )


def _annotate_one(row: "pd.Series") -> None:
    run = row["run"]
    with st.form(f"compare_annotate_{run}", border=False):
        st.caption(foreign(run))
        name = st.text_input("Name", plain(row["name"]), key=f"compare_name_{run}", max_chars=LONGEST_NAME)
        tags = st.text_input("Tags, separated by commas", ", ".join(map(plain, row["tags"])), key=f"compare_tags_{run}")
        note = st.text_area("Note", encodable(row["note"]), key=f"compare_note_{run}", max_chars=LONGEST_NOTE)
        if st.form_submit_button("Save", type="primary"):
            _write({run: (name, tags.split(","), note)})


def _write(wanted: dict[str, tuple[str, list[str], str]]) -> None:
    try:
        for run, (name, tags, note) in wanted.items():
            resources.store().get(run).annotate(Annotation(name, tuple(tags), note))
    except ExplorerError as error:
        st.error(sentence(error))
        return
    st.rerun()


# --- Repeats ----------------------------------------------------------------------------------------------


def _repeat(name: str) -> None:
    table = listed().table
    group = table.loc[table["run"] == name, "group"]
    taken = table.loc[table["group"].isin(group), "seed"].tolist()
    try:
        config = resources.store().get(name).config
        for seed in next_seeds(taken, SEEDS):
            resources.run_queue().submit(resources.store().create(config.with_(seed=seed)))
    except ExplorerError as error:
        messages.post(f"{error}.")


# --- The bin ----------------------------------------------------------------------------------------------


def _delete(names: list[str]) -> None:
    binned = []
    try:
        for name in names:
            resources.store().bin(resources.store().get(name))
            binned.append(name)
    except ExplorerError as error:
        messages.post(f"{error}.")
    compare([name for name in compared() if name not in binned])
    remember_binned(binned)


def _undo() -> None:
    names = [name for name in last_binned() if name in notes.binned(resources.store().folder)]
    if names:
        with st.container(horizontal=True, vertical_alignment="center"):
            what = f"**{foreign(names[0])}** is" if len(names) == 1 else f"{len(names):,} runs are"
            st.markdown(f":material/delete: {what} in the bin.")
            st.button("Undo", key="compare_undo", icon=":material/undo:", on_click=_restore, args=(names,))


def _restore(names: list[str]) -> None:
    try:
        notes.restore(resources.store().folder, names)
    except ExplorerError as error:
        messages.post(f"{error}.")
    remember_binned([])


def _bin() -> None:
    names = notes.binned(resources.store().folder)
    with st.popover(f"Bin ({len(names):,})", icon=":material/delete_sweep:", disabled=not names):
        picked = st.multiselect(
            "In the bin", names[:MOST_BINNED], format_func=plain, key="compare_binned", placeholder="Select runs"
        )
        with st.container(horizontal=True):
            st.button("Restore", key="compare_restore", disabled=not picked, on_click=_restore, args=(picked,))
            st.button(
                f"Empty the bin ({len(names):,})",
                key="compare_empty",
                icon=":material/delete_forever:",
                on_click=_empty,
                help="Permanently deletes every run in the bin with its models. This cannot be undone.",
            )


def bin_alone() -> None:
    """Draws the bin alone, for a page without runs."""
    _undo()
    _bin()


def _empty() -> None:
    try:
        notes.empty_bin(resources.store().folder)
    except ExplorerError as error:
        messages.post(f"{error}.")


# --- Files ------------------------------------------------------------------------------------------------


def _export(filtered: "pd.DataFrame") -> None:
    from explorer.runs.table_export import FORMATS

    with st.popover("Export", icon=":material/download:", disabled=filtered.empty):
        st.caption(f"The {len(filtered):,} runs in the filtered table, or every epoch of each.")
        for kind, (title, mime) in FORMATS.items():
            with st.container(horizontal=True):
                for what, content in (("Table", _table_file), ("Histories", _histories_file)):
                    st.download_button(
                        f"{what} ({title})",
                        partial(content, filtered, kind),  # made only when the button is pressed
                        file_name=f"{'runs' if what == 'Table' else 'histories'}.{kind}",
                        mime=mime,
                        key=f"compare_export_{what}_{kind}",
                        on_click="ignore",
                    )


def _table_file(filtered: "pd.DataFrame", kind: str) -> bytes:
    from explorer.runs.table_export import to_file

    return to_file(filtered, kind)


def _histories_file(filtered: "pd.DataFrame", kind: str) -> bytes:
    from explorer.runs.run import Run
    from explorer.runs.table_export import histories, to_file

    folder = resources.store().folder
    return to_file(histories(Run(folder / name) for name in filtered["run"]), kind)
