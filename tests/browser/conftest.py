"""What the tests in a browser share: Chromium, a server with an empty store of runs, and a page."""

import pytest
from browser import HANGS, chromium, new_page, seen_of, serve
from playwright.sync_api import expect

from explorer.runs.store import RunStore

expect.set_options(timeout=1000 * HANGS)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """Adds to a failure what the open pages show, and the errors that they wrote to their console."""
    report = yield
    browser = item.funcargs.get("browser")
    if report.failed and browser:
        pages = [page for context in browser.contexts for page in context.pages]
        report.sections += [(f"page {page.url}", seen_of(page)) for page in pages]
    return report


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
    with new_page(browser) as page:
        yield page


@pytest.fixture(scope="module")
def lasting_page(browser):
    """One page for all tests of a module, which go on from each other."""
    with new_page(browser) as page:
        yield page
