"""What the tests in a browser share: Chromium, a server with an empty store of runs, and a page."""

import pytest
from browser import HANGS, chromium, serve
from playwright.sync_api import expect

from explorer.runs.store import RunStore

expect.set_options(timeout=1000 * HANGS)


@pytest.fixture(scope="module")
def browser():
    """Chromium, started once per module."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of a server and its store of runs."""
    runs = tmp_path_factory.mktemp("runs")
    with serve(runs) as address:
        yield address, RunStore(runs)


@pytest.fixture
def page(browser):
    """A new page in a session of its own."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(1000 * HANGS)
    yield context.new_page()
    context.close()
