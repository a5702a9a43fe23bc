"""Measures what a person at the page waits for: `PYTHONPATH=. .venv/bin/python tests/page_speed.py`.

A fresh server, a real Chromium; seconds from the server's start to the page, and from the click on Train to the first
point of the charts: of a shape that nobody has compiled yet, then of the same shape with another seed.
"""

import tempfile
import time
from pathlib import Path

from browser import chromium, epochs_shown, serve, wait_for

from explorer import datasets
from explorer.runs import RunStore

SHAPE = "depth=20&width=100"


def main() -> None:
    """Prints one line a measurement."""
    with chromium() as browser, tempfile.TemporaryDirectory() as runs:
        page = browser.new_page(viewport={"width": 1280, "height": 980})
        page.set_default_timeout(60_000)
        page.goto("about:blank")
        started = time.perf_counter()
        with serve(Path(runs)) as address:
            page.goto(f"{address}?dataset=digits&depth=1&width=10")
            page.get_by_role("button", name="Train", exact=True).wait_for()
            print(f"server's start to the page: {time.perf_counter() - started:.1f} s", flush=True)
            store = RunStore(Path(runs))
            first_point(page, f"{address}?dataset=digits&depth=1&width=10", store)  # now the workers are up
            for name in filter(datasets.available, datasets.DATASETS):
                for seed, kind in ((1, "not compiled yet"), (2, "compiled")):
                    waited = first_point(page, f"{address}?dataset={name}&{SHAPE}&seed={seed}", store)
                    print(f"{name}, {kind}: first point {waited:.1f} s after the click", flush=True)


def first_point(page, address: str, store: RunStore) -> float:
    """Seconds from the click on Train to the first point; stops the run after that."""
    before = len(store.list())
    page.goto(address)
    button = page.get_by_role("button", name="Train", exact=True)
    button.wait_for()
    clicked = time.perf_counter()
    button.click()
    wait_for(lambda: len(store.list()) > before)
    wait_for(lambda: page.get_by_test_id("stVegaLiteChart").count() >= 2 and epochs_shown(page) >= 1, 120)
    waited = time.perf_counter() - clicked
    page.get_by_role("button", name="Stop", exact=True).click()
    wait_for(lambda: store.list()[0].state == "stopped", 30)
    return waited


if __name__ == "__main__":
    main()
