"""A real server and a real Chromium, for the tests and for the README's screenshots."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import randrange

ROOT = Path(__file__).parents[2]
# without these Chromium as root does not start, or looks for its maker's servers
CHROMIUM_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
# how long to wait for what must come: three test processes share two cores with all their servers and workers
HANGS = 300.0  # seconds


def free_port() -> int:
    """A port that nothing listens on, outside the range from which the system serves all other processes meanwhile."""
    while True:
        port = randrange(20_000, 32_000)
        with socket.socket() as server, suppress(OSError):
            server.bind(("localhost", port))
            return port


@contextmanager
def serve(runs: Path, script: str = "streamlit_app.py", **environment: str) -> Iterator[str]:
    """The address of a page whose runs lie in a folder; the server ends with the block."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.headless", "true"]
    server = subprocess.Popen(
        [*command, "--server.port", str(port)],
        cwd=ROOT,
        env={**os.environ, "EXPLORER_RUNS": str(runs), **environment},
        stdin=subprocess.DEVNULL,
    )
    try:
        address = f"http://localhost:{port}"
        wait_for(lambda: _healthy(address))
        yield address
    finally:
        server.terminate()
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()


def _healthy(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


@contextmanager
def chromium(*arguments: str) -> Iterator:
    """Playwright's own Chromium where it is installed, else the system's, with arguments of its command line."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
        path = str(own) if own.exists() else shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=path, args=[*CHROMIUM_ARGUMENTS, *arguments])
        try:
            yield browser
        finally:
            browser.close()


def wait_for(condition, seconds: float = HANGS):
    """The first true value of a condition; raises `TimeoutError` when there is none in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise TimeoutError(f"no {getattr(condition, '__name__', condition)} after {seconds} s")


def boxes_at_rest(*parts) -> list[dict[str, float]]:
    """The place and size of parts of a page, once all of them are there and half a second has moved none."""
    seen = []

    def at_rest() -> bool:
        nonlocal seen
        time.sleep(0.5)
        before, seen = seen, [part.bounding_box() for part in parts]
        return None not in seen and seen == before

    wait_for(at_rest)
    return seen


class HeldBack:
    """A page's connection to its server; what the server says is kept from the page while `hold` is in effect."""

    def __init__(self, page) -> None:
        self._page = page
        self._late: list | None = None
        page.route_web_socket(re.compile("_stcore/stream"), self._connect)

    def _connect(self, browser) -> None:
        self._to_page = browser.send
        from_server = browser.connect_to_server()
        browser.on_message(from_server.send)
        from_server.on_message(lambda message: (browser.send if self._late is None else self._late.append)(message))

    def hold(self) -> None:
        self._late = []

    def answered(self, action) -> None:
        """Does something on the page and waits until the server has said, to nobody, all that it says about it."""
        since = len(self._late)
        action()

        def all_said() -> bool:
            before = len(self._late)
            self._page.wait_for_timeout(700)
            return since < before == len(self._late)

        wait_for(all_said)

    def release(self) -> None:
        late, self._late = self._late, None
        for message in late:
            self._to_page(message)


def wait_to_see(locator) -> None:
    """Waits until something is seen, to be timed: after a while Playwright's own waiting looks only twice a second."""
    wait_for(locator.first.is_visible)


def tooltip(page, locator):
    """The tooltip of something that may still be moved by what is drawn above it, so that the pointer has to follow."""
    found = page.get_by_test_id("stTooltipContent").first

    def follow() -> bool:
        page.mouse.move(0, 0)
        locator.hover()
        page.wait_for_timeout(500)
        return found.is_visible()

    locator.wait_for()
    wait_for(follow)
    return found


def epochs_shown(page) -> int:
    """How many epochs the page says are trained."""
    text = page.get_by_test_id("stMetric").filter(has_text="Epochs").inner_text()
    found = re.search(r"([\d,]+) of", text)
    return int(found[1].replace(",", "")) if found else 0
