"""One page alone, for Streamlit's test runner; workers import this file and must not draw."""

if __name__ == "__main__":
    from importlib import import_module

    import streamlit

    import_module(f"explorer.pages.{streamlit.session_state['page_alone']}.page").render()
