"""Makes the README's pictures from a live run: `.venv/bin/python tests/screenshots.py`."""

import re
import shutil
import tempfile
from pathlib import Path

from browser import ROOT, chromium, epochs_shown, serve, wait_for

FOLDER = Path(__file__).parent / "screenshots"
EPOCHS = 12


def main() -> None:
    """Trains the SELU preset on CIFAR-10 and takes the page's picture while it does."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as runs, serve(Path(runs)) as address, chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 980})
        page.goto(f"{address}?dataset=cifar10")
        page.get_by_role("button", name="SELU", exact=True).click()
        page.get_by_text("20 hidden layers of 100 units, selu").wait_for()
        page.get_by_role("button", name="Train", exact=True).click()
        page.get_by_test_id("stMetric").first.wait_for()
        page.mouse.move(640, 5)
        wait_for(lambda: epochs_shown(page) >= EPOCHS, 300)
        page.screenshot(path=FOLDER / "train.png")
        page.get_by_role("button", name="Stop", exact=True).click()
        page.get_by_role("button", name="Resume").wait_for()


def evaluate() -> None:
    """Takes the Evaluate page's picture: a shipped model, and the cats that it takes for dogs."""
    with tempfile.TemporaryDirectory() as runs, chromium() as browser:
        for name in ("elu", "bn", "selu"):
            shutil.copytree(ROOT / "models" / name, Path(runs) / name)
        with serve(Path(runs)) as address:
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            page.set_default_timeout(240_000)
            page.goto(f"{address}/evaluate?model=bn")
            page.locator("[data-testid=stVegaLiteChart] text[aria-label*='true: cat; predicted: dog']").click()
            page.get_by_alt_text(re.compile("cat, taken for dog")).first.wait_for()
            page.mouse.move(640, 5)
            page.wait_for_timeout(1000)
            page.screenshot(path=FOLDER / "evaluate.png")


if __name__ == "__main__":
    main()
    evaluate()
