"""Starts the explorer's web pages: `streamlit run streamlit_app.py`."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path


def main() -> None:
    """Draws the chosen page, then starts the workers."""
    import streamlit as st

    from explorer.pages import resources

    # an image file: for an icon given by its name, the browser would call its maker's server
    st.set_page_config("Deep network explorer", str(Path(__file__).parent / "explorer/pages/icon.svg"), layout="wide")
    pages = [
        st.Page(_page("train"), title="Train", icon=":material/model_training:", default=True),
        st.Page(_page("compare"), title="Compare", icon=":material/compare_arrows:", url_path="compare"),
        st.Page(_page("sweep"), title="Sweep", icon=":material/travel_explore:", url_path="sweep"),
        st.Page(_page("evaluate"), title="Evaluate", icon=":material/fact_check:", url_path="evaluate"),
        st.Page(_page("gallery"), title="Fault gallery", icon=":material/quiz:", url_path="gallery"),
    ]
    page = st.navigation(pages, position="top")
    page.run()
    resources.page_is_drawn()


def _page(name: str) -> Callable[[], None]:
    """A function that draws a page; its modules are imported when it is first opened, so that the start is faster."""

    def draw() -> None:
        import_module(f"explorer.pages.{name}.page").render()

    return draw


# Streamlit runs this file for every drawing, and uvicorn imports it once for its `app`; worker processes import it too,
# under another name, and must do neither
if __name__ == "__main__":
    main()
elif __name__ == "streamlit_app":
    from streamlit import App

    from explorer.pages import serving

    app = App(__file__, middleware=serving.MIDDLEWARE, lifespan=serving.lifespan)
