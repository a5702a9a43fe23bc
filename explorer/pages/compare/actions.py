"""Actions on the selected runs: name, tag, note, repeat with other seeds, delete, restore, export."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from explorer.errors import ExplorerError
from explorer.pages import layout, messages, resources, training
from explorer.pages.clicks import uninterrupted
from explorer.pages.compare import files
from explorer.pages.compare.state import compare, compared, last_binned, listed, remember_binned
from explorer.pages.popovers import close, popover
from explorer.pages.session import session
from explorer.pages.text import encodable, foreign, plain, sentence
from explorer.runs import notes
from explorer.runs.comparison import next_seeds
from explorer.runs.notes import LONGEST_NAME, Annotation
from explorer.runs.run import Run
from explorer.runs.run_names import run_names
from explorer.runs.run_summary import summarize

if TYPE_CHECKING:
    import pandas as pd

SEEDS = 5
ANNOTATE, BIN = "compare_annotate", "compare_bin"  # popovers
_PROBLEM = "compare_problem"
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
            "Remove",
            key="compare_delete",
            icon=":material/delete:",
            disabled=chosen.empty,
            on_click=_delete,
            args=(chosen["run"].tolist(),),
            help="Moves the selected runs to the bin, from which they can be restored.",
        )
        _bin()
        files.export(filtered, chosen)
        files.import_archive()


# --- Name, tags, note -------------------------------------------------------------------------------------


def _annotate(chosen: "pd.DataFrame") -> None:
    label = "Name, tags, note" if len(chosen) < 2 else f"Tag {len(chosen)} runs"
    with popover(label, ANNOTATE, icon=":material/edit:", disabled=chosen.empty):
        if len(chosen) == 1:
            _annotate_one(chosen.iloc[0])
        elif len(chosen):
            with st.form("compare_tag_many", border=False):
                st.text_input("Tag to add", key="compare_tag_added")
                st.form_submit_button("Add to all", type="primary", on_click=_tag, args=(chosen["run"].tolist(),))
        if problem := st.session_state.pop(_PROBLEM, ""):
            st.error(sentence(problem))


def _annotate_one(row: "pd.Series") -> None:
    run = row["run"]
    with st.form(f"compare_annotate_{run}", border=False):
        st.caption(foreign(run))
        # without `max_chars`, with which a browser cuts off silently what is too long
        st.text_input("Name", plain(row["name"]), key=f"compare_name_{run}", help=f"At most {LONGEST_NAME} characters.")
        st.text_input("Tags, separated by commas", ", ".join(map(plain, row["tags"])), key=f"compare_tags_{run}")
        st.text_area("Note", encodable(row["note"]), key=f"compare_note_{run}")
        st.form_submit_button("Save", type="primary", on_click=_save, args=(run,))


def _save(run: str) -> None:
    name, tags, note = (st.session_state[f"compare_{part}_{run}"] for part in ("name", "tags", "note"))
    _write({run: lambda _: Annotation(name, tuple(tags.split(",")), note)})


def _tag(runs: list[str]) -> None:
    tag = st.session_state["compare_tag_added"]
    if _write(dict.fromkeys(runs, lambda known: replace(known, tags=(*known.tags, tag)))):
        st.session_state["compare_tag_added"] = ""


def _write(changes: dict[str, Callable[[Annotation], Annotation]]) -> bool:
    """Writes the new annotation of each run; closes the form unless one is not allowed, and returns whether it did."""
    try:
        for name, changed in changes.items():
            run = resources.store().get(name)
            run.annotate(changed(run.annotation()))
    except ExplorerError as error:
        st.session_state[_PROBLEM] = str(error)
        return False
    close(ANNOTATE)
    return True


# --- Repeats ----------------------------------------------------------------------------------------------


@uninterrupted
def _repeat(name: str) -> None:
    table = listed().table
    group = table.loc[table["run"] == name, "group"]
    # a second click finds the repeats of the first, which have not ended, and adds none
    repeats = resources.run_queue().names_of(session()) - {name}
    taken = table.loc[table["group"].isin(group) & ~table["run"].isin(repeats), "seed"].tolist()
    try:
        config = resources.store().get(name).config
    except ExplorerError as error:
        messages.post(f"{error}.")
        return
    for seed in next_seeds(taken, SEEDS):
        training.submit(config.with_(seed=seed), again=True)


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
    with layout.place(horizontal=True, vertical_alignment="center"):
        if names:
            one = foreign(_names_in_bin(names[:1])[names[0]])
            what = f"**{one}** is" if len(names) == 1 else f"{len(names):,} runs are"
            st.markdown(f":material/delete: {what} in the bin.")
            st.button("Undo", key="compare_undo", icon=":material/undo:", on_click=_restore, args=(names,))


def _names_in_bin(names: list[str]) -> dict[str, str]:
    """The names of runs in the bin, as every page writes them, by those of their folders."""
    folder = resources.store().folder / notes.BIN
    stamps = tuple((folder / name).lstat().st_ctime_ns for name in names)
    return _names_at(folder, tuple(names), stamps)


@lru_cache(maxsize=8)
def _names_at(folder: Path, names: tuple[str, ...], stamps: tuple[int, ...]) -> dict[str, str]:
    """The names of runs in a folder, read again when one has come anew, which its stamp tells."""
    return run_names([summarize(Run(folder / name)) for name in names])


def _restore(names: list[str]) -> None:
    try:
        notes.restore(resources.store().folder, names)
    except ExplorerError as error:
        messages.post(f"{error}.")
    remember_binned([])
    close(BIN)


def _bin() -> None:
    names = notes.binned(resources.store().folder)
    listed_here = names[:MOST_BINNED]
    titles = _names_in_bin(listed_here)
    with popover(f"Bin ({len(names):,})", BIN, icon=":material/delete_sweep:", disabled=not names):
        picked = st.multiselect(
            "In the bin",
            listed_here,
            format_func=lambda name: plain(titles[name]),
            key="compare_binned",
            placeholder="Select runs",
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
    """Draws the bin and the import alone, for a page without runs."""
    _undo()
    with st.container(horizontal=True):
        _bin()
        files.import_archive()


def _empty() -> None:
    try:
        notes.empty_bin(resources.store().folder)
    except ExplorerError as error:
        messages.post(f"{error}.")
    close(BIN)
