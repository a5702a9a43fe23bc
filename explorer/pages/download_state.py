"""That a download was started from this session, until its process reports progress."""

import time
from dataclasses import dataclass

import streamlit as st

_DOWNLOAD = "download_started"


@dataclass(frozen=True)
class AskedDownload:
    """A process that was asked for a download, and when by the monotonic clock."""

    pid: int
    since: float


def download_starts(pid: int) -> None:
    """Remembers the process that was just asked for a download, until it is heard of."""
    st.session_state[_DOWNLOAD] = AskedDownload(pid, time.monotonic())


def download_is_heard_of() -> None:
    """Its own progress tells the rest."""
    st.session_state.pop(_DOWNLOAD, None)


def asked_download() -> AskedDownload | None:
    """The process that was asked for a download and has not been heard of yet."""
    return st.session_state.get(_DOWNLOAD)
