"""Pages drawn by Streamlit's own test runner.

Its scripts are files that guard their main part: worker processes that start meanwhile import what is the main module.
"""

import functools

from browser import HANGS
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

# the runner reads the metadata of every installed package for each new page, which takes longer than most pages do
manifest_scanner.scan_component_manifests = functools.cache(manifest_scanner.scan_component_manifests)


def whole_app() -> AppTest:
    """The app on its first page, not yet run."""
    return AppTest.from_file("../../streamlit_app.py", default_timeout=HANGS)


def app(**query: str) -> AppTest:
    """The app on digits, drawn with some settings in its address."""
    page = whole_app()
    page.query_params.update({"dataset": "digits", **query})
    return page.run()


def button(page: AppTest, label: str):
    """The button with a label."""
    return next(b for b in page.button if b.label == label)


def page_alone(name: str) -> AppTest:
    """The page of a module of `explorer.pages`, not yet run."""
    app = AppTest.from_file("page_alone.py", default_timeout=HANGS)
    app.session_state["page_alone"] = name
    return app


def address(page: AppTest) -> dict[str, str]:
    """The query parameters of a page: the runner has one as a list before a page has set it, as text after."""
    return {name: value[0] if isinstance(value, list) else value for name, value in page.query_params.items()}


def texts(page: AppTest) -> str:
    """All that a page says outside its controls, a part a line."""
    parts = [*page.title, *page.header, *page.subheader, *page.markdown, *page.caption]
    parts += [*page.error, *page.warning, *page.info, *page.success]
    return "\n".join(part.value for part in parts)
