"""A download in a real browser from the click to a trained network: four files of a web server, in MNIST's format.

The files hold noise of a few megabytes, since the suite needs no network. Whether the real ones, with their own
hashes, still lie on their servers is tried by `tests/campaigns/downloads.py`.
"""

import os

import pytest
import small_mnist
from browser import ROOT, new_page, serve, wait_for
from playwright.sync_api import expect
from web_server import Server, servers

from explorer.runs.status import COMPLETED
from explorer.runs.store import RunStore

QUERY = "/?dataset=mnist&depth=1&width=16&epochs=2&learning_rate=0.001"


@pytest.fixture
def source():
    """A web server with the files, which pauses in the first one until it may go on."""
    with servers() as start:
        yield start(small_mnist.files(), pause_after=1_000_000)


@pytest.fixture
def place(tmp_path, source: Server) -> dict[str, str]:
    """The environment of a machine without data, on which MNIST is the small one."""
    (tmp_path / "sitecustomize.py").write_text("import small_mnist\nsmall_mnist.register()\n")
    return {
        "PYTHONPATH": os.pathsep.join(map(str, [tmp_path, ROOT, ROOT / "tests/support"])),
        "EXPLORER_DATA": str(tmp_path / "data"),
        "KERAS_HOME": str(tmp_path / "keras"),
        small_mnist.SERVER: source.folder,
        "no_proxy": "*",
    }


def test_one_click_downloads_a_data_set_and_a_network_is_trained_on_it(browser, tmp_path, source, place):
    runs, data = tmp_path / "runs", tmp_path / "data"
    with serve(runs, **place) as address, new_page(browser) as page:
        page.goto(address + QUERY)
        train = page.get_by_role("button", name="Train", exact=True)
        page.get_by_text("MNIST is not on this machine yet.").wait_for()
        expect(train).to_be_disabled()
        page.get_by_role("button", name="Download MNIST (2 MB)").click()
        page.get_by_text("downloading 1 MB of 2 MB").wait_for()
        share = page.get_by_test_id("stProgress").get_by_role("progressbar").get_attribute("aria-valuenow")
        assert 40 < float(share) < 70
        expect(train).to_be_disabled()
        assert not (data / "mnist.uint8").exists()

        source.go_on.set()
        page.get_by_text("MNIST is not on this machine yet.").wait_for(state="detached")
        page.get_by_text("MNIST: 1,600 training and 400 validation images").wait_for()
        expect(train).to_be_enabled()
        stored = b"".join(array.tobytes() for array in small_mnist.arrays().values())
        assert (data / "mnist.uint8").read_bytes() == stored
        assert source.ranges == [None] * 4 and not list(data.glob("mnist*part"))

        train.click()
        wait_for(lambda: [run.state for run in RunStore(runs).list()] == [COMPLETED])
        page.get_by_text("Trained for 2 epochs").wait_for()
