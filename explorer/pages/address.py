"""The address of a page: reads and writes its parts, so that what is seen can be sent, and counts the steps of Back."""

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

IN_ADDRESS = "query-params"  # the `bind` of a widget whose value is part of the address, under its key
_ARRIVED = "arrived"

# A trick, since Streamlit adds an entry to the browser's history for every change of the address, so that Back undoes
# one widget at a time: an entry is added when a click or a key leads to another page, run, study, case, model or view.
_SCRIPT = """<script>
if (!window.explorerHistory) {
  window.explorerHistory = true;
  const VIEWS = ["run", "study", "case", "model", "view", "projector"];
  const push = history.pushState.bind(history);
  const view = (address) => {
    const url = new URL(address, location.href);
    return JSON.stringify([url.pathname, ...VIEWS.map((name) => url.searchParams.get(name))]);
  };
  let acted = false;
  for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => { acted = true; }, true);
  history.pushState = (state, title, address) => {
    if (acted && view(address) !== view(location.href)) {
      acted = false;
      push(state, title, address);
    } else history.replaceState(state, title, address);
  };
}
</script>"""


def one_step_per_view() -> None:
    """Lets the browser's Back go back one view; draws nothing that is seen."""
    with st.container(key="history"):
        st.html(_SCRIPT, unsafe_allow_javascript=True)
    if went_back():
        # again: the drawing before may have changed its part of the address after the browser had left it
        st.query_params.update()


def went_back() -> bool:
    """Whether the browser's Back or Forward asks for this drawing: then the address decides what is shown."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def write(key: str, values: list[str]) -> None:
    """Sets a part of the address; an empty list removes it."""
    received, _ = st.session_state.get(f"{_ARRIVED}_{key}", ([], []))
    st.session_state[f"{_ARRIVED}_{key}"] = received, values
    if st.query_params.get_all(key) != values:
        st.query_params[key] = values


def arrived(key: str) -> list[str] | None:
    """A part of the address that a link or the browser's Back brought; None if it is what this page has written.

    A click that was made before the browser knew the address written last still sends the one before it.
    """
    now = st.query_params.get_all(key)
    received, written = st.session_state.get(f"{_ARRIVED}_{key}", ([], []))
    st.session_state[f"{_ARRIVED}_{key}"] = now, written
    if went_back():
        return now
    return now if now and now not in (received, written) else None
