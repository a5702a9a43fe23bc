"""Keeps in the session which data set a person is adding, which report is shown, and what went wrong."""

import re
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from explorer.data.own import adding, registry
from explorer.data.own.description import Description
from explorer.data.own.limits import SECONDS
from explorer.data.own.progress import Cancelled, Progress
from explorer.errors import ExplorerError, InputError, WorkersError, quoted
from explorer.pages import messages, resources, settings
from explorer.pages.slow_files import made
from explorer.runs.run_summary import RunSummary
from explorer.scratch import ScratchFolder

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

POPOVER, NAME, PLACE, SIZE = (f"own_{name}" for name in ("add", "name", "place", "size"))
GREY, SEED, LABEL = (f"own_{name}" for name in ("grey", "seed", "label"))
_UPLOADS, _READING, _ADDED = (f"own_{name}" for name in ("uploads", "reading", "added"))
_REPORT, _PROBLEM = (f"own_{name}" for name in ("shown", "problem"))


@dataclass(frozen=True)
class Reading:
    """A data set that is being read: its name, its file or folder, its progress, and its future description."""

    name: str
    title: str
    progress: Progress
    future: "Future[Description]"


def empty_form() -> None:
    """Empties the form once what was in it has been added; before it is drawn."""
    if st.session_state.pop(_ADDED, False):
        st.session_state[_UPLOADS] += 1
        for name in (NAME, PLACE, LABEL):
            st.session_state[name] = ""


def upload_key() -> str:
    """The key of the uploader, another one after each data set, so that it is empty again."""
    return f"own_upload_{st.session_state.setdefault(_UPLOADS, 0)}"


def name_from(file_name: str) -> str:
    """The name that a file's name suggests; empty if none can be made of it."""
    return re.sub(r"^[^a-z]+|_+$", "", re.sub(r"[^a-z0-9]+", "_", Path(file_name).stem.lower()))[:40]


def start() -> None:
    """Starts to read the file or folder in the form, in the task process; closes the form."""
    st.session_state[POPOVER] = False
    st.session_state.pop(_REPORT, None)
    try:
        st.session_state[_READING] = _ask(st.session_state.get(upload_key()))
        st.session_state.pop(_PROBLEM, None)
    except ExplorerError as error:
        st.session_state[_PROBLEM] = str(error)
    messages.redraw()


def _ask(file: "UploadedFile | None") -> Reading:
    typed = {name: st.session_state.get(name) or "" for name in (NAME, PLACE, SIZE, LABEL)}
    size = adding.parse_size(typed[SIZE]) if typed[SIZE].strip() else None
    title = file.name if file else typed[PLACE].strip()
    name = adding.check_name(typed[NAME].strip() or name_from(title))
    how = {"size": size, "grey": bool(st.session_state.get(GREY)), "seed": st.session_state.get(SEED, 1)}
    how["label"] = typed[LABEL].strip()
    path = None if file else adding.below_data_folder(title)
    scratch = ScratchFolder()
    if file:
        try:
            path = scratch.path / "upload"
            path.write_bytes(file.getbuffer())
        except OSError as error:
            scratch.remove()
            raise InputError(f"data: {quoted(file.name)} cannot be stored here ({error.strerror})") from error
    title = file.name if file else path.name
    request = adding.Request(name, str(path), title, work=str(scratch.path), **how)
    future = resources.task_process().ask(adding.add, request, seconds=SECONDS)
    future.add_done_callback(lambda _: scratch.remove())
    return Reading(name, title, Progress(request.work), future)


def reading() -> Reading | None:
    """The data set that is being read; None once it has been, and its report or what went wrong is shown instead."""
    now: Reading | None = st.session_state.get(_READING)
    if now is None or not now.future.done():
        return now
    del st.session_state[_READING]
    try:
        name = st.session_state[_REPORT] = now.future.result().full_name
        resources.dataset.clear(name)  # its columns may have other names than before
        st.session_state[_ADDED] = True
    except (Cancelled, CancelledError):  # as it was asked to be
        return None
    except WorkersError as error:
        st.session_state[_PROBLEM] = f"data: {quoted(now.title)} cannot be read: {error}"
    except ExplorerError as error:
        st.session_state[_PROBLEM] = str(error)
    except Exception as error:  # of a library, for a file that none of the checks has found out
        st.session_state[_PROBLEM] = f"data: {quoted(now.title)} cannot be read ({type(error).__name__})"
    return None


def cancel() -> None:
    """Cancels what is being read; nothing is added."""
    now: Reading | None = st.session_state.get(_READING)
    if now and not now.future.cancel():
        with suppress(OSError):  # it has just ended
            now.progress.cancel()


def saved(description: Description) -> bytes:
    """The `.npz` file of a data set, which exported scripts read."""
    from explorer.data.own import arrays

    return made(arrays.save, description.full_name)


def problem() -> str:
    """Why the last data set could not be added; empty if it could."""
    return st.session_state.get(_PROBLEM, "")


def reported() -> Description | None:
    """The data set whose report is shown."""
    return registry.descriptions().get(st.session_state.get(_REPORT, ""))


def show(description: Description) -> None:
    """Shows the report of a data set, and closes the form."""
    st.session_state[POPOVER] = False
    st.session_state.pop(_PROBLEM, None)
    st.session_state[_REPORT] = description.full_name
    messages.redraw()


def close() -> None:
    """Closes the report, and what says that something went wrong."""
    for key in (_REPORT, _PROBLEM):
        st.session_state.pop(key, None)


def use(description: Description) -> None:
    """Chooses a data set in the sidebar, and closes its report."""
    close()
    settings.set_field("dataset", description.full_name)
    messages.redraw()


def runs_on(description: Description, listing: Sequence[RunSummary]) -> list[str]:
    """The names of the runs that were trained on a data set."""
    return [run.name for run in listing if run.config and run.config.dataset == description.full_name]


def remove(description: Description) -> None:
    """Removes the images of a data set, and closes its report."""
    registry.remove(description)
    close()
    messages.redraw()
