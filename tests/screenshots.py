"""Makes the pictures of the README and the guides from a live run, each for a light and for a dark screen.

`PYTHONPATH=.:tests/support .venv/bin/python tests/screenshots.py [NAME …]`
"""

import io
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from browser import ROOT, chromium, epochs_shown, serve, wait_for
from PIL import Image

from explorer.config import TrainingConfig
from explorer.diagnosis.case_questions import QUESTIONS
from explorer.diagnosis.fault_cases import CASES
from explorer.runs.store import RunStore
from explorer.workers import worker

FOLDER = Path(__file__).parent / "screenshots"
EPOCHS = 12


def take(page, name: str, clip: dict[str, float] | None = None) -> None:
    """Takes a picture of a page on a light screen, and one on a dark screen."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(2500)  # the charts are drawn anew
        page.screenshot(path=FOLDER / (f"{name}.png" if scheme == "light" else f"{name}_dark.png"), clip=clip)
    page.emulate_media(color_scheme="light")


def train() -> None:
    """Trains the SELU preset on CIFAR-10 and takes the page's picture while it does."""
    with tempfile.TemporaryDirectory() as runs, serve(Path(runs)) as address, chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 1240})
        page.goto(f"{address}?dataset=cifar10")
        page.get_by_role("button", name="SELU", exact=True).click()
        page.get_by_text("20 hidden layers of 100 units, SELU").wait_for()
        page.get_by_role("button", name="Train", exact=True).click()
        page.get_by_test_id("stMetric").first.wait_for()
        page.mouse.move(640, 5)
        wait_for(lambda: epochs_shown(page) >= EPOCHS, 300)
        take(page, "train")
        page.get_by_role("button", name="Stop", exact=True).click()
        page.get_by_role("button", name="Resume").wait_for()


def points() -> None:
    """Trains on two spirals and takes the page's picture when the decision boundary has found them."""
    with tempfile.TemporaryDirectory() as runs, serve(Path(runs)) as address, chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.set_default_timeout(300_000)
        network = "depth=5&width=64&learning_rate=0.001&input_scaling=unit&epochs=300&patience=300"
        page.goto(f"{address}?dataset=spirals&{network}")
        page.get_by_alt_text("training points of").wait_for()
        page.get_by_role("button", name="Train", exact=True).click()
        page.get_by_text("Predicted class at each point after epoch").wait_for()
        page.mouse.move(640, 5)
        wait_for(lambda: epochs_shown(page) >= 5 * EPOCHS, 300)
        take(page, "points")
        page.get_by_role("button", name="Stop", exact=True).click()
        page.get_by_role("button", name="Resume").wait_for()


def explaining() -> None:
    """A case of the gallery after its fix, and signal propagation before training, on digits."""
    with tempfile.TemporaryDirectory() as runs, serve(Path(runs)) as address, chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 1500})
        page.set_default_timeout(300_000)
        case = CASES["sigmoid"]
        page.goto(f"{address}/gallery?case={case.name}")
        page.get_by_text(case.answers[case.right]).click()
        page.get_by_role("button", name="Train and see").click()
        page.get_by_text(QUESTIONS[case.name].choices[0].text).click()
        page.get_by_role("button", name="Train the fix and see").click()
        page.get_by_text("With the change: 9").wait_for()
        page.get_by_text("Training · epoch").wait_for(state="detached")
        page.set_viewport_size({"width": 1280, "height": 2000})
        page.mouse.move(640, 5)
        page.wait_for_timeout(1500)  # the charts' last update
        take(page, "gallery")
        page.set_viewport_size({"width": 1280, "height": 1000})
        page.goto(f"{address}?dataset=digits&activation=sigmoid&kernel_initializer=glorot_uniform&epochs=3")
        page.get_by_role("radio", name="Before training").click()
        page.get_by_text("Vanishing gradients").first.wait_for()
        page.get_by_text("ELU + He").first.wait_for()
        page.wait_for_timeout(4000)  # the references, and their drawing
        take(page, "before")


def proving() -> None:
    """A run whose fix was tried, and whose fixes were compared, on digits."""
    with tempfile.TemporaryDirectory() as runs, serve(Path(runs)) as address, chromium() as browser:
        run = RunStore(Path(runs)).create(
            TrainingConfig(
                dataset="digits", activation="sigmoid", kernel_initializer="glorot_uniform", depth=20,
                input_scaling="standardized", learning_rate=1e-3, epochs=8,
            )
        )  # fmt: skip
        worker.execute(run)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(300_000)
        page.goto(f"{address}?run={run.name}")
        page.get_by_role("button", name="Try the fix").first.click()
        page.get_by_text("after 8 epochs").first.wait_for()
        page.get_by_role("button", name="Compare all fixes").click()
        page.get_by_role("button", name="Use activation").wait_for()
        page.set_viewport_size({"width": 1280, "height": 2000})
        page.mouse.move(640, 5)
        page.wait_for_timeout(2500)  # the charts' drawing
        top = page.get_by_text("Vanishing gradients").first.bounding_box()["y"] - 30
        bottom = page.get_by_role("button", name="Use activation").bounding_box()["y"] + 70
        clip = {"x": 305, "y": top, "width": 975, "height": bottom - top}
        take(page, "fixes", clip)


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
            page.get_by_alt_text(re.compile("cat, predicted as dog")).first.wait_for()
            page.mouse.move(640, 5)
            page.wait_for_timeout(1000)
            take(page, "evaluate")


def phone() -> None:
    """Takes the pictures of four pages on a phone, side by side."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        for name in ("elu", "bn", "selu"):
            shutil.copytree(ROOT / "models" / name, Path(folder) / name)
        with serve(Path(folder)) as address:
            for scheme, end in (("light", ""), ("dark", "_dark")):
                page = browser.new_page(viewport=PHONE, color_scheme=scheme)
                page.set_default_timeout(240_000)
                seen = []
                for path, there in ON_A_PHONE.items():
                    page.goto(f"{address}/{path}")
                    page.get_by_text(there).first.wait_for()
                    page.wait_for_timeout(4000)  # the charts' drawing
                    seen.append(Image.open(io.BytesIO(page.screenshot())))
                page.close()
                row = Image.new("RGB", ((PHONE["width"] + GAP) * len(seen) - GAP, PHONE["height"]), "#808080")
                for place, image in enumerate(seen):
                    row.paste(image, (place * (PHONE["width"] + GAP), 0))
                row.save(FOLDER / f"phone{end}.png", optimize=True)


PHONE, GAP = {"width": 400, "height": 860}, 12
# the address of a page, and a text that is there when it is drawn
ON_A_PHONE = {
    "?run=bn": "best, epoch",
    "compare": "Curves",
    "evaluate?model=bn": "Calibration error",
    "gallery?case=1": "Twenty sigmoid layers with Glorot",
}


def sweep() -> None:
    """Drives a sweep on digits to its end and takes the picture of its page."""
    with tempfile.TemporaryDirectory() as runs:
        file = Path(runs) / "rates and depths.toml"
        file.write_text(SWEEP, encoding="utf-8")
        command = [sys.executable, "-m", "explorer", "sweep", str(file), "--workers", "2", "--runs", runs]
        subprocess.run(command, cwd=ROOT, check=True)
        with serve(Path(runs)) as address, chromium() as browser:
            page = browser.new_page(viewport={"width": 1280, "height": 1180})
            page.goto(f"{address}/sweep?study=rates%20and%20depths")
            wait_for(lambda: page.get_by_test_id("stVegaLiteChart").count() >= 6, 60)
            page.wait_for_timeout(2000)
            take(page, "sweep")


SWEEP = """
sampler = "tpe"
pruner = "median"
trials = 24
epochs = 12
[settings]
dataset = "digits"
width = 32
[space]
activation = ["elu", "selu", "relu"]
depth = { low = 1, high = 8 }
learning_rate = { low = 1e-4, high = 1e-1, log = true }
[[condition]]
when = { activation = "selu" }
then = { kernel_initializer = ["lecun_normal", "lecun_uniform"] }
"""


def compare() -> None:
    """Trains six networks on digits, and takes the picture of their table and curves on Compare."""
    with tempfile.TemporaryDirectory() as runs:
        file = Path(runs) / "six networks.toml"
        file.write_text(SIX_NETWORKS, encoding="utf-8")
        command = [sys.executable, "-m", "explorer", "sweep", str(file), "--workers", "2", "--runs", runs]
        subprocess.run(command, cwd=ROOT, check=True)
        with serve(Path(runs)) as address, chromium() as browser:
            page = browser.new_page(viewport={"width": 1280, "height": 1500})
            page.set_default_timeout(300_000)
            page.goto(f"{address}/compare?dataset=digits")
            page.get_by_text("Solid: validation").wait_for()
            page.set_viewport_size({"width": 1280, "height": 2100})
            page.mouse.move(640, 5)
            page.wait_for_timeout(2500)  # the charts' drawing
            curves = page.get_by_role("radio", name="Curves").or_(page.get_by_role("button", name="Curves")).first
            bottom = curves.bounding_box()["y"] + 608
            clip = {"x": 0, "y": 0, "width": 1280, "height": bottom}
            take(page, "compare_curves", clip)


SIX_NETWORKS = """
sampler = "grid"
seeds = 5
trials = 6
epochs = 15
[settings]
dataset = "digits"
width = 32
learning_rate = 0.002
[space]
activation = ["elu", "sigmoid"]
depth = [1, 4, 8]
"""


PICTURES = {
    "train": train,
    "compare": compare,
    "points": points,
    "explain": explaining,
    "fix": proving,
    "evaluate": evaluate,
    "sweep": sweep,
    "phone": phone,
}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in sys.argv[1:] or PICTURES:
        PICTURES[name]()
