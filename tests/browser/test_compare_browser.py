"""Compare in a real browser, on real runs of digits: rows, curves, repeats with other seeds, brushes, the bin."""

import pandas as pd
import pytest
from browser import new_page, serve, wait_for
from make_runs import make_runs

from explorer.runs import notes
from explorer.runs.status import COMPLETED
from explorer.runs.store import RunStore

SETTINGS = "?dataset=digits&depth=1&width=30&epochs=3&learning_rate=0.001"
ROW, HEADER, CHECKBOX = 35, 35, 20  # pixels of the table


@pytest.fixture
def page(browser, server):
    with new_page(browser, 1900, accept_downloads=True) as page:
        yield page


def open_compare(page, address: str) -> None:
    page.goto(f"{address}/compare?dataset=digits")
    page.get_by_role("heading", name="Compare runs").wait_for()
    page.get_by_test_id("stDataFrame").wait_for()
    page.get_by_text("Solid: validation").wait_for()


def choose_row(page, number: int) -> None:
    """Clicks the box of a row, from 0; the table is a canvas."""
    table = page.get_by_test_id("stDataFrame").first
    wait_for(lambda: table.locator("canvas").count() > 0)
    table.click(position={"x": CHECKBOX, "y": HEADER + ROW * number + ROW / 2})


def wait_for_runs(store: RunStore, count: int) -> None:
    """Waits until there are so many runs and all are trained to their end."""
    wait_for(lambda: [summary.state for summary in store.list()] == [COMPLETED] * count)


def look_at(page, section: str, words: str) -> None:
    page.get_by_role("radio", name=section).or_(page.get_by_role("button", name=section)).first.click()
    page.get_by_text(words).first.wait_for()


def test_from_one_run_to_a_verdict_about_its_repeats(page, server):
    """A run is trained, repeated with five seeds from its row, and compared with repeats of another depth."""
    address, store = server
    for settings in (SETTINGS, SETTINGS.replace("depth=1", "depth=8")):
        before = len(store.list())
        page.goto(address + settings)
        page.get_by_role("button", name="Train", exact=True).click()
        wait_for_runs(store, before + 1)
    for depth in (1, 8):
        before = len(store.list())
        open_compare(page, address)
        rows = sorted(store.list(), key=lambda summary: summary.best.val_loss)  # as the table is
        choose_row(page, [summary.config.depth for summary in rows].index(depth))
        page.get_by_role("button", name="Repeat with 5 seeds").click()
        wait_for_runs(store, before + 5)
    seeds = {depth: sorted(s.config.seed for s in store.list() if s.config.depth == depth) for depth in (1, 8)}
    assert seeds == {1: [1, 2, 3, 4, 5, 6], 8: [1, 2, 3, 4, 5, 6]}

    page.get_by_text("12 runs. Loss and accuracy").wait_for()  # the page has followed
    look_at(page, "Repeats", "over 6 common seeds")
    page.get_by_text("paired Student's t").wait_for()
    page.get_by_text("standard deviation over 6 seeds").first.wait_for()
    wait_for(lambda: page.get_by_test_id("stVegaLiteChart").count() == 2)


def test_a_legend_hides_and_a_brush_filters_in_the_browser_alone(page, server):
    address, _ = server
    open_compare(page, address)
    chart = page.get_by_test_id("stVegaLiteChart").first
    lines = chart.locator("g.mark-line path, g.role-mark path[fill='none'][stroke]:not([stroke='transparent'])")
    legend = chart.locator("g.role-legend-label text").first
    before = wait_for(lambda: lines.count())
    legend.click(modifiers=["Shift"])
    wait_for(lambda: lines.count() < before)
    legend.click(modifiers=["Shift"])
    wait_for(lambda: lines.count() == before)

    look_at(page, "Settings and results", "Draw a rectangle")
    chart = page.get_by_test_id("stVegaLiteChart").first
    points = chart.locator("g[class*='view_scatter'] path[aria-roledescription='point']")
    wait_for(lambda: points.count() == 12)
    scatter = chart.locator("g[class*='view_scatter'] path.background").first.bounding_box()
    middle = scatter["y"] + scatter["height"] / 2
    heat = chart.locator("g[class*='view_heat'] path[aria-roledescription='rect mark']")
    wait_for(lambda: heat.count() == 2)
    page.mouse.move(scatter["x"] + 1, scatter["y"] + 1)
    page.mouse.down()
    page.mouse.move(scatter["x"] + 200, middle, steps=4)
    page.mouse.move(scatter["x"] + scatter["width"] - 1, scatter["y"] + 20, steps=4)
    page.mouse.up()
    wait_for(lambda: heat.count() == 1)  # the best runs alone, all of one depth


AXES = (
    "Batch normalization", "Learning rate", "Validation loss", "Validation accuracy", "Initializer", "Activation",
    "Depth", "Width", "Batch size",
)  # fmt: skip
OVERLAPS = """texts => {
    texts = texts.filter(text => text.textContent.trim())
    const boxes = texts.map(text => text.getBoundingClientRect())
    const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
    return texts.filter((_, one) => boxes.some((box, place) => place !== one && meet(box, boxes[one])))
        .map(text => text.textContent)
}"""


def test_no_text_of_the_parallel_coordinates_covers_another(page, tmp_path):
    make_runs(20, tmp_path, epochs=3)
    with serve(tmp_path) as address:
        chosen = "&".join(f"compare_axes={axis.replace(' ', '+')}" for axis in AXES)
        page.goto(f"{address}/compare?dataset=digits&view=Settings+and+results&{chosen}")
        chart = page.get_by_test_id("stVegaLiteChart").first
        titles = chart.locator("g.concat_0_group g.role-axis-label text")
        wait_for(lambda: titles.count() == len(AXES))
        inside = chart.locator("g.concat_0_group text")
        wait_for(lambda: "".join(inside.all_text_contents()).count("on the input") == 1)
        wait_for(lambda: inside.evaluate_all(OVERLAPS) == [])


def test_files_and_the_bin(page, server, tmp_path):
    """The table and the histories arrive as files; a deleted run comes back with Undo."""
    address, store = server
    open_compare(page, address)
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as table:
        page.get_by_role("button", name="Table (CSV)").click()
    assert set(pd.read_csv(table.value.path())["run"]) == {summary.name for summary in store.list()}
    with page.expect_download() as histories:
        page.get_by_role("button", name="Histories (Parquet)").click()
    assert len(pd.read_parquet(histories.value.path())) == sum(summary.outline.epochs for summary in store.list())
    page.keyboard.press("Escape")

    runs = len(store.list())
    choose_row(page, 0)
    page.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_role("button", name="Undo").wait_for()
    assert len(store.list()) == runs - 1 and len(notes.binned(store.folder)) == 1
    page.mouse.move(0, 0)  # the tooltip of Remove covers Undo until the pointer leaves it
    page.get_by_role("button", name="Undo").click()
    wait_for(lambda: len(store.list()) == runs)
