"""Pictures of one's own in a real browser: uploaded, looked at, trained and evaluated."""

import re

import numpy as np
import pytest
from browser import serve, wait_for
from own_data import added
from own_pictures import files, write_zip
from playwright.sync_api import expect

from explorer.data.own import registry
from explorer.runs.store import RunStore

QUERY = "?dataset=digits&depth=1&width=16&epochs=3&learning_rate=0.003&input_scaling=standardized"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of a server with an empty data cache, and its store of runs."""
    runs = tmp_path_factory.mktemp("runs")
    with serve(runs, EXPLORER_DATA=str(tmp_path_factory.mktemp("data"))) as address:
        yield address, RunStore(runs)


def test_a_zip_file_is_uploaded_trained_and_evaluated(page, server, tmp_path):
    address, store = server
    path = write_zip(tmp_path / "Flowers.zip", [*files({"iris": 30, "rose": 12, "tulip": 12}), ("rose/cut.png", b"x")])
    page.goto(address + QUERY)
    page.get_by_role("button", name="Add your own data").click()
    page.locator("input[type=file]").set_input_files(path)
    page.get_by_text("Flowers.zip").wait_for()
    page.get_by_role("button", name="Read and check").click()
    page.get_by_text("54 images in 3 classes, colour, 32 × 32 pixels").wait_for()
    # the form has closed, and the report says what matters before training
    page.get_by_role("button", name="Read and check").wait_for(state="hidden")
    page.get_by_text("The classes are not balanced: the largest has 30 images").wait_for()
    page.get_by_text("Files that could not be read: 1").click()
    page.get_by_text("'rose/cut.png' cannot be read as an image").wait_for()
    expect(page.locator(".st-key-own_report figure img")).to_have_count(3)
    with page.expect_download() as saved:
        page.locator(".st-key-own_save").get_by_role("button").click()
    assert saved.value.suggested_filename == "flowers.npz"
    assert np.load(saved.value.path())["x_train"].shape == (54, 32, 32, 3)
    page.get_by_role("button", name="Use flowers").click()
    page.wait_for_url("**dataset=flowers**")  # it is chosen
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_text("Trained for 3 epochs").wait_for()
    (run,) = store.list()
    assert run.config.dataset.startswith("flowers@") and run.outline.epochs == 3
    page.get_by_role("link", name="Evaluate its model").click()
    page.get_by_text("11 validation images of flowers").wait_for()
    expect(page.get_by_text(re.compile("data set .* is not on this machine"))).to_have_count(0)


def test_what_is_chosen_stays_so_when_its_data_set_goes_and_comes(page, tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path / "data"))
    path = write_zip(tmp_path / "flowers.zip", files())
    description = added(path)
    title = description.spec.title
    (tmp_path / "runs").mkdir()
    with serve(tmp_path / "runs") as address:
        page.goto(address + QUERY)
        box = page.get_by_role("combobox", name="Data set")
        box.click()
        page.get_by_role("option", name=title).click()
        wait_for(lambda: "dataset=flowers" in page.evaluate("location.search"))
        gone = page.get_by_text(f"The data set {title} is not on this machine")
        for preset in ("SELU", "ELU"):  # another setting, so that the page is drawn again
            registry.remove(description)
            page.get_by_role("button", name=preset, exact=True).click()
            gone.first.wait_for()
            added(path)  # as another page or the command line does, or a download that ends
            gone.first.wait_for(state="hidden")
            expect(box).to_have_value(title)
        assert page.get_by_test_id("stException").count() == 0
