"""The Evaluate page in a real browser, on the models that came with the software: choose, click, upload, compare."""

import re
import shutil
import time
from pathlib import Path

import pytest
from browser import HANGS, ROOT, boxes_at_rest, chromium, new_page, serve, wait_for
from PIL import Image
from playwright.sync_api import expect

SHIPPED = ("elu", "bn", "selu")


BN = "CIFAR-10 ELU+BN 20×100, rate 0.0001"  # the shipped run in `bn`


@pytest.fixture(scope="module")
def address(tmp_path_factory, cifar10):
    runs = tmp_path_factory.mktemp("runs")
    for name in SHIPPED:
        shutil.copytree(ROOT / "models" / name, runs / name)
    with serve(runs) as found:
        yield found


@pytest.fixture(params=["light", "dark"])
def page(request, address):
    with chromium() as browser, new_page(browser, color_scheme=request.param) as page:
        page.goto(f"{address}/evaluate?model=elu")
        yield page


def choose(page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=re.compile(rf"^{option}\b")).click()


def open_tab(page, name: str) -> None:
    tab = page.get_by_role("tab", name=name)
    boxes_at_rest(tab)  # a page that is still being drawn may move it away from the pointer
    tab.click()
    expect(tab).to_have_attribute("aria-selected", "true")


def figures(page) -> list[str]:
    return page.locator("figure img").evaluate_all("nodes => nodes.map(node => node.alt)")


def test_from_the_choice_of_a_model_to_the_comparison_of_two(page, tmp_path):
    """The click path of a visitor who has never been here."""
    page.get_by_text("CIFAR-10 ELU 20×100 (epoch 32, lowest validation loss)").wait_for()
    choose(page, "Model", re.escape(BN))
    page.get_by_text(f"{BN} (epoch 27, lowest validation loss)").wait_for()
    page.get_by_test_id("stMetric").filter(has_text="Accuracy").filter(has_text="52.00%").first.wait_for()
    page.wait_for_url(lambda url: "model=" not in url)  # the best is the one that is shown without being asked for

    # the matrix; a click on true cat, predicted dog, shows those images alone
    matrix = page.locator("[data-testid=stVegaLiteChart] svg.marks")
    matrix.wait_for()
    wait_for(lambda: len(figures(page)) == 24)
    assert all("predicted as" in alt for alt in figures(page))
    page.locator("[data-testid=stVegaLiteChart] text[aria-label*='true: cat; predicted: dog']").click()
    wait_for(lambda: figures(page) and all("cat, predicted as dog" in alt for alt in figures(page)))
    assert page.locator("figure img").first.evaluate("node => getComputedStyle(node).imageRendering") == "pixelated"

    open_tab(page, "Your own image")
    Image.linear_gradient("L").resize((300, 200)).convert("CMYK").save(tmp_path / "mine.jpg")
    page.locator("input[type=file]").set_input_files(tmp_path / "mine.jpg")
    page.get_by_text(re.compile(rf"{re.escape(BN)} predicts \w+, probability [\d.]+%")).wait_for()
    seen = page.get_by_alt_text("the image as the network sees it")
    wait_for(lambda: seen.evaluate("node => [node.naturalWidth, node.naturalHeight]") == [32, 32])

    open_tab(page, "Two models")
    choose(page, f"Compare {BN} with", "CIFAR-10 SELU 20×100")
    page.get_by_text(re.compile(rf"{re.escape(BN)} is better than CIFAR-10 SELU .*McNemar's exact test")).wait_for()
    wait_for(lambda: len(figures(page)) == 36)

    open_tab(page, "Weights")
    page.get_by_alt_text(re.compile("weights of all 100 units")).wait_for()
    with page.expect_download() as download:
        open_tab(page, "Export")
        page.get_by_role("button", name="This page (HTML)").click()
    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert "52.00%" in text and not re.search(r"<script|https?://|<link", text)

    page.set_viewport_size({"width": 400, "height": 900})
    open_tab(page, "Where it fails")
    matrix.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def take_photo(page) -> None:
    """Takes a photo once the camera's stream has lasted for two seconds.

    The widget asks for another stream a second after its width has changed, and until that one shows its first picture
    a click takes no photo.
    """
    streams = []

    def lasts() -> bool:
        streams.append(page.locator("video").evaluate("video => video.readyState === 4 ? video.srcObject.id : null"))
        time.sleep(0.5)
        return len(set(streams[-5:])) == 1 and len(streams) >= 5 and streams[-1] is not None

    wait_for(lasts)
    button = page.get_by_role("button", name="Take Photo")
    boxes_at_rest(button)
    button.click()
    page.get_by_role("button", name="Clear photo").wait_for()


def test_a_photo_of_the_camera_is_answered(address):
    """Chromium's own test picture in a camera's place."""
    with chromium("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream") as browser:
        page = browser.new_context(permissions=["camera"]).new_page()
        page.set_default_timeout(1000 * HANGS)
        page.goto(f"{address}/evaluate?model=bn")
        open_tab(page, "Your own image")
        page.get_by_text("Camera", exact=True).click()
        take_photo(page)
        page.get_by_text(
            re.compile(r"CIFAR-10 ELU\+BN 20×100, rate 0.0001 predicts \w+, probability [\d.]+%")
        ).wait_for()
        expect(page.get_by_alt_text("the image as the network sees it")).to_be_visible()
