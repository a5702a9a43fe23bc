"""The explorer's page: `streamlit run streamlit_app.py`."""


def main() -> None:
    """Shows the chosen page; the workers start behind it once it is drawn."""
    import streamlit as st

    from explorer.views import compare, evaluate, gallery, state, sweep, train

    st.set_page_config("Deep network explorer", ":material/hub:", layout="wide")
    pages = [
        st.Page(train.render, title="Train", icon=":material/model_training:", default=True),
        st.Page(compare.render, title="Compare", icon=":material/compare_arrows:", url_path="compare"),
        st.Page(sweep.render, title="Sweep", icon=":material/travel_explore:", url_path="sweep"),
        st.Page(evaluate.render, title="Evaluate", icon=":material/fact_check:", url_path="evaluate"),
        st.Page(gallery.render, title="Fault gallery", icon=":material/quiz:", url_path="gallery"),
    ]
    page = st.navigation(pages, position="top")
    page.run()
    state.page_is_drawn()


# worker processes import this file as their main module and must not run the page
if __name__ == "__main__":
    main()
