"""Starts the explorer's web pages: `streamlit run streamlit_app.py`."""

from pathlib import Path


def main() -> None:
    """Draws the chosen page, then starts the workers."""
    import streamlit as st

    from explorer.pages import address, in_browser, layout, navigation, resources

    # an image file, and before the pages: for an icon given by its name, the browser would call its maker's server
    st.set_page_config(page_icon=str(Path(__file__).parent / "explorer/pages/icon.svg"), layout="wide")
    page = st.navigation([navigation.page(name) for name in navigation.PAGES], position="top")
    st.set_page_config(f"{page.title} · Deep network explorer")
    layout.lay_out()
    page.run()
    address.one_step_per_view()
    in_browser.add()
    resources.page_is_drawn()


# Streamlit runs this file for every drawing, and uvicorn imports it once for its `app`; worker processes import it too,
# under another name, and must do neither
if __name__ == "__main__":
    main()
elif __name__ == "streamlit_app":
    from streamlit import App

    from explorer.pages import serving

    app = App(__file__, middleware=serving.MIDDLEWARE, lifespan=serving.lifespan)
