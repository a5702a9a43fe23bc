"""The explorer's page: `streamlit run streamlit_app.py`."""


def main() -> None:
    """Shows the chosen page; the workers start behind it once it is drawn."""
    import streamlit as st

    from explorer.views import state, sweep, train

    st.set_page_config("Deep network explorer", ":material/hub:", layout="wide")
    pages = [
        st.Page(train.render, title="Train", icon=":material/model_training:", default=True),
        st.Page(sweep.render, title="Sweep", icon=":material/travel_explore:", url_path="sweep"),
    ]
    page = st.navigation(pages, position="top")
    page.run()
    state.page_is_drawn()


# worker processes import this file as their main module and must not run the page
if __name__ == "__main__":
    main()
