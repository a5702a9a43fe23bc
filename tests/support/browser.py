"""A real server and a real Chromium, for the tests and for the README's screenshots."""

import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from explorer.machine import free_port

ROOT = Path(__file__).parents[2]
# without these Chromium as root does not start, or looks for its maker's servers
CHROMIUM_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
# how long to wait for what must come: three test processes share two cores with all their servers and workers
HANGS = 300.0  # seconds


@dataclass(frozen=True)
class PageServer:
    """A server of the page, and the port at which it answers."""

    process: subprocess.Popen
    port: int

    @property
    def address(self) -> str:
        return f"http://localhost:{self.port}"

    def answers(self) -> bool:
        """Whether it is there, be it that it refuses this name."""
        try:
            with urllib.request.urlopen(f"{self.address}/_stcore/health", timeout=2) as answer:
                return answer.status == 200
        except urllib.error.HTTPError as refused:
            return refused.code < 500  # 503 until it can draw a page
        except OSError:
            return False

    def end(self, seconds: float) -> None:
        """Ends it, by force if it does not end by itself in this time."""
        self.process.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


AS_MODULE = (sys.executable, "-m", "streamlit")


def start_server(
    runs: Path,
    *options: str,
    script: str | Path = "streamlit_app.py",
    streamlit: Sequence[str | Path] = AS_MODULE,
    folder: Path = ROOT,
    stderr: IO | int | None = None,
    **environment: str | None,
) -> PageServer:
    """Starts a server of the page, whose runs lie in a folder; a variable that is None is not in its environment."""
    port = free_port()
    command = [*streamlit, "run", script, "--server.headless", "true", *options, "--server.port", str(port)]
    names = {**os.environ, "EXPLORER_RUNS": str(runs), **environment}
    process = subprocess.Popen(
        [*map(str, command)],
        cwd=folder,
        env={name: value for name, value in names.items() if value is not None},
        stdin=subprocess.DEVNULL,
        stderr=stderr,
        text=True,
    )
    return PageServer(process, port)


@contextmanager
def serve(runs: Path, script: str = "streamlit_app.py", **environment: str) -> Iterator[str]:
    """The address of a page whose runs lie in a folder; the server ends with the block."""
    server = start_server(runs, script=script, **environment)
    try:
        wait_for(server.answers)
        yield server.address
    finally:
        server.end(15)


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
        except BaseException:
            print_pages(browser)
            raise
        finally:
            browser.close()


def print_pages(browser) -> None:
    """Prints what each open page shows, for the report of a test that has failed."""
    for page in (page for context in browser.contexts for page in context.pages):
        print(seen_of(page))


WITHOUT_SIZE = """[...document.querySelectorAll("button")].filter(button => !button.getBoundingClientRect().width)
    .map(button => `without size: ${button.innerText}`)"""


def seen_of(page) -> str:
    """The address and text of a page as far as it answers, its buttons that cannot be seen, and its errors."""
    from playwright.sync_api import Error

    try:
        text = page.locator("body").inner_text(timeout=10_000)
        parts = [page.evaluate("location.href"), text, *page.evaluate(WITHOUT_SIZE)]
        parts += [message.text for message in page.console_messages() if message.type in ("error", "warning")]
    except Error as error:
        return f"{error}"
    return "\n".join((*parts, *map(str, page.page_errors())))


@contextmanager
def new_page(browser, height: int = 1000, **options) -> Iterator:
    """A page in a session of its own, 1280 pixels wide; the session ends with the block."""
    context = browser.new_context(viewport={"width": 1280, "height": height}, **options)
    context.set_default_timeout(1000 * HANGS)
    try:
        yield context.new_page()
    except BaseException:
        print_pages(browser)
        raise
    finally:
        context.close()


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
