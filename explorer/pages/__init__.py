"""The pages: the only package that knows Streamlit, with a folder for each page."""
