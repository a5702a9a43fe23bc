"""Points in a plane in a real browser: chosen, trained from the page, with the decision boundary drawn live."""

import re

from browser import wait_for

CHARTS = "[data-testid=stVegaLiteChart]"
QUERY = "?dataset=moons&depth=3&width=32&learning_rate=0.001&input_scaling=standardized&epochs=10000&patience=10000"


def test_the_decision_boundary_moves_beside_the_curves_while_the_network_learns(page, server):
    address, store = server
    page.goto(address + QUERY)
    page.get_by_alt_text("training points of upper moon and lower moon").wait_for()
    page.get_by_label("Noise", exact=True).fill("0.9")
    page.get_by_label("Noise", exact=True).press("Enter")
    page.get_by_text("Two moons (noise 0.9, seed 1): 1,600 training").wait_for()
    page.get_by_role("button", name="Train", exact=True).click()

    said = page.get_by_text("Predicted class at each point after epoch")
    said.wait_for()
    picture = page.locator(CHARTS).nth(2)
    drawn = picture.locator("svg.marks, canvas.marks")
    drawn.wait_for()
    drawn.evaluate("node => { window.boundary = node; }")
    first, seen = picture.screenshot(), set()
    wait_for(lambda: seen.add(epoch(said)) or len(seen) > 5)
    assert page.evaluate("document.contains(window.boundary)"), "the picture is updated in place"
    assert picture.screenshot() != first
    box = picture.bounding_box()
    assert box["y"] + box["height"] < page.viewport_size["height"]

    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("button", name="Resume").wait_for()
    [summary] = store.list()
    assert summary.config.dataset == "moons_noise90"
    assert summary.run.boundary()[0] == len(summary.run.history())


def epoch(said) -> int:
    """The epoch that the words below the picture name."""
    return int(re.search(r"after epoch ([\d,]*\d), with", said.inner_text())[1].replace(",", ""))
