"""Adds in the browser what Streamlit's page lacks: a link past the sidebar, and our words while the server is gone."""

import json

import streamlit as st

STYLE = """
.st-key-in_browser { display: none; }
.explorer-skip { position: fixed; top: -4rem; left: 0.5rem; z-index: 1000000; padding: 0.5rem 1rem; border-radius: 8px;
  background: #2B6CB0; color: white !important; }
.explorer-skip:focus { top: 0.5rem; }
.explorer-gone > :not(button, .explorer-words) { display: none; }
.explorer-words { padding: 1rem 1.5rem 1.5rem; }
"""
SKIP = "Skip the sidebar"
GONE = "The server does not answer"
WHAT_NOW = (
    "It was stopped, or the network is interrupted. This page comes back by itself as soon as the server answers. "
    "Nothing that was trained is lost: Resume continues an interrupted run."
)
# the place of Streamlit's dialog, which tells every visitor to start a server in a terminal
_TEXTS = json.dumps({"skip": SKIP, "gone": GONE, "whatNow": WHAT_NOW})
_SCRIPT = (
    f"<script>window.explorerWords = {_TEXTS};"
    + """
if (!window.explorerAdded) {
  window.explorerAdded = true;
  const skip = document.createElement("a");
  Object.assign(skip, {className: "explorer-skip", href: "#", textContent: explorerWords.skip});
  skip.addEventListener("click", (event) => {
    event.preventDefault();
    const header = document.querySelector("[data-testid=stHeader]"); // with the links to the pages
    header.tabIndex = -1;
    header.focus();
  });
  document.body.prepend(skip);

  const say = () => {
    for (const dialog of document.querySelectorAll("[data-testid=stDialog] [role=dialog]:not(.explorer-gone)")) {
      if (!dialog.textContent.startsWith("Connection error")) continue;
      const words = document.createElement("div"), title = document.createElement("h2");
      Object.assign(words, {className: "explorer-words", textContent: explorerWords.whatNow});
      title.textContent = explorerWords.gone;
      words.prepend(title);
      dialog.classList.add("explorer-gone");
      dialog.append(words);
      dialog.setAttribute("aria-label", explorerWords.gone);
      dialog.removeAttribute("aria-labelledby");
    }
  };
  new MutationObserver(say).observe(document.body, {childList: true});
}
</script>"""
)


def add() -> None:
    """Adds both; draws nothing that is seen while the server answers."""
    with st.container(key="in_browser"):
        st.html(_SCRIPT, unsafe_allow_javascript=True)
