"""What a class sees: all of a run that matters on the first screen, large for a projector, and what a click changes."""

import re
import shutil

import pytest
from browser import HANGS, ROOT, boxes_at_rest, serve, wait_for
from late_writer import late_writer
from playwright.sync_api import expect

from explorer.config import TrainingConfig
from explorer.runs.cause import Cause
from explorer.runs.fix_mark import FixMark
from explorer.runs.store import RunStore
from explorer.workers import worker

DIGITS = TrainingConfig(dataset="digits", depth=4, width=20, epochs=40)
TRAINED = DIGITS.with_(epochs=4, patience=4)
SIGMOID = TRAINED.with_(activation="sigmoid")
CURVES = "[data-testid=stVegaLiteChart]"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Shipped runs, and one that another process is training and that learns nothing."""
    store = RunStore(tmp_path_factory.mktemp("runs"))
    for name in ("elu", "selu"):
        shutil.copytree(ROOT / "models" / name, store.folder / name)
    return store


@pytest.fixture(scope="module")
def server(store):
    run = store.create(DIGITS)
    with late_writer() as train, serve(store.folder) as address:
        train(run.path, epochs=8, loss=2.3026)
        yield address, run.name


@pytest.fixture(scope="module")
def queries(store):
    """The addresses of ended runs that show more than two curves, or more words than others."""
    origin, twin, failed = store.create(SIGMOID), store.create(SIGMOID.with_(activation="relu")), store.create(SIGMOID)
    runs = {
        "scheduled": store.create(SIGMOID.with_(schedule="exponential")),
        "points": store.create(SIGMOID.with_(dataset="moons")),
        "fix": store.create(SIGMOID.with_(batch_norm="before_activation"),
                            fix=FixMark(origin.name, {"batch_norm": "before_activation"})),
    }  # fmt: skip
    for run in (origin, twin, failed, *runs.values()):
        worker.execute(run)
    failed.end("failed", "the run folder cannot be written: no space left on device", Cause.DISK_FULL)
    queries = {name: f"?run={run.name}" for name, run in {**runs, "failed": failed, "tried": origin}.items()}
    return {**queries, "twin": f"?run={twin.name}&twin={origin.name}"}


MORE_THAN_CURVES = ("scheduled", "failed", "points", "twin", "fix", "tried")


def opened(page, address: str, query: str):
    page.goto(f"{address}/{query}")
    wait_for(lambda: page.locator(f"{CURVES} svg.marks").count() >= 2, HANGS)
    page.locator(".st-key-run_finding").get_by_role("button").first.wait_for()
    return page


def shown_value(page, label: str) -> str:
    return page.get_by_label(f"{label}, exact value").input_value()


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080)])
@pytest.mark.parametrize("name", ["running", "selu"])
def test_the_first_screen_holds_curves_progress_buttons_and_the_most_serious_finding(page, server, width, height, name):
    address, running = server
    page.set_viewport_size({"width": width, "height": height})
    opened(page, address, f"?run={running if name == 'running' else name}")
    buttons = ("Pause", "Stop") if name == "running" else ("Train again", "Change one thing")
    parts = [
        *(page.get_by_role("button", name=button, exact=button != "Change one thing") for button in buttons),
        page.get_by_test_id("stProgress"),
        page.locator(CURVES).nth(0),
        page.locator(CURVES).nth(1),
        page.locator(".st-key-run_finding"),
        page.locator(".st-key-run_part"),  # what is below is seen to be there
    ]
    for part, box in zip(parts, boxes_at_rest(*parts), strict=True):
        assert box["x"] >= 0 and box["x"] + box["width"] <= width, (part, box)
        assert box["y"] >= 0 and box["y"] + box["height"] <= height, (part, box)
    header, first = boxes_at_rest(page.get_by_test_id("stHeader"), page.get_by_role("heading", level=1))
    assert first["y"] - (header["y"] + header["height"]) < 40, "empty space above"


@pytest.mark.parametrize("name", MORE_THAN_CURVES)
def test_the_first_screen_holds_all_of_a_run_that_has_more_to_show(page, server, queries, name):
    address, _ = server
    width, height = 1280, 720
    page.set_viewport_size({"width": width, "height": height})
    opened(page, address, queries[name])
    parts = [
        page.get_by_role("button", name="Change one thing"),
        page.get_by_test_id("stProgress").first,
        page.locator(CURVES).nth(0),
        page.locator(CURVES).nth(1),
        page.locator(".st-key-run_finding"),
    ]
    for part, box in zip(parts, boxes_at_rest(*parts), strict=True):
        assert box["x"] >= 0 and box["x"] + box["width"] <= width, (part, box)
        assert box["y"] >= 0 and box["y"] + box["height"] <= height, (part, box)


def text_sizes(page) -> list[float]:
    """The height in pixels of each text in a chart."""
    return page.evaluate(
        f"""() => [...document.querySelectorAll('{CURVES} svg text')].filter(text => text.textContent.trim())
        .map(text => parseFloat(getComputedStyle(text).fontSize) * Math.hypot(text.getCTM().a, text.getCTM().b))"""
    )


@pytest.mark.parametrize("name", ["scheduled", "points", "twin"])
def test_every_chart_of_a_run_is_large_on_a_projector(page, server, queries, name):
    address, _ = server
    page.set_viewport_size({"width": 1920, "height": 1080})
    opened(page, address, f"{queries[name]}&projector=1")
    charts = 2 if name == "twin" else 3
    wait_for(lambda: page.locator(f"{CURVES} svg.marks").count() >= charts)
    sizes = text_sizes(page)
    assert len(sizes) > 20 and min(sizes) >= 18, sizes


def test_a_projector_gets_large_text_and_no_sidebar(page, server):
    address, running = server
    page.set_viewport_size({"width": 1920, "height": 1080})
    opened(page, address, f"?run={running}&projector=1")
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    sizes = text_sizes(page)
    assert len(sizes) > 20 and min(sizes) >= 18, min(sizes)
    finding = page.locator(".st-key-run_finding")
    words = finding.locator("p").first.evaluate("node => parseFloat(getComputedStyle(node).fontSize)")
    box = finding.bounding_box()
    assert words >= 18 and box["y"] + box["height"] <= 1080
    assert page.locator(CURVES).first.bounding_box()["height"] > 400
    page.get_by_text("Projector", exact=True).click()
    page.get_by_test_id("stSidebar").wait_for()
    wait_for(lambda: "projector" not in page.evaluate("location.search"))
    page.get_by_text("Projector", exact=True).click()
    wait_for(lambda: "projector=1" in page.evaluate("location.search"))


def test_the_pointer_reads_both_curves_at_an_epoch(page, server):
    address, _ = server
    opened(page, address, "?run=elu")
    for number, form in ((0, r"\d\.\d{4}"), (1, r"\d+\.\d+%")):
        chart = page.locator(CURVES).nth(number)
        box = chart.bounding_box()
        page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.6 * box["height"])
        tooltip = page.locator("#vg-tooltip-element.visible")
        tooltip.wait_for()
        told = tooltip.inner_text()
        assert re.search(r"epoch\s+\d+\s", told) and all(split in told for split in ("training", "validation")), told
        values = [text for text in chart.locator("svg text").all_text_contents() if re.fullmatch(form, text)]
        assert len(values) == 2, values
        page.mouse.move(5, 5)
        tooltip.wait_for(state="hidden")


def test_a_first_visit_says_what_this_is_and_leads_on(page, tmp_path):
    shutil.copytree(ROOT / "models" / "elu", tmp_path / "elu")
    with serve(tmp_path) as address:
        page.goto(f"{address}?dataset=digits")
        expect(page.get_by_text("See why a deep network learns")).to_contain_text("watch loss and accuracy")
        expect(page.get_by_alt_text("an image of class")).to_have_count(10)
        page.get_by_text("8 × 8 = 64 inputs").wait_for()
        page.get_by_text("“The notebook” in this app is").wait_for()
        wait_for(lambda: page.locator(f"{CURVES} svg.marks").count() == 1)
        page.get_by_role("button", name="CIFAR-10 ELU 20×100").first.click()
        page.get_by_role("heading", name="CIFAR-10 ELU 20×100").wait_for()
        expect(page.get_by_text("settings changed")).to_have_count(0)  # the sidebar follows
        page.get_by_text("cut off: epoch 1 has training 4.29").wait_for()
        page.goto(f"{address}?dataset=digits")
        page.get_by_role("link", name="Start with the fault gallery").click()
        page.get_by_role("heading", name="Fault gallery").wait_for()


def test_a_link_brings_its_settings_and_another_page_does_not_lose_the_run(page, server):
    address, running = server
    opened(page, address, f"?run={running}")
    wait_for(lambda: shown_value(page, "Width") == "20")
    expect(page.get_by_text("settings changed")).to_have_count(0)
    page.get_by_role("link", name="Sweep").first.click()
    page.get_by_role("heading", name="Search for the best settings").wait_for()
    page.get_by_role("link", name="Train").first.click()
    page.get_by_role("button", name="Pause", exact=True).wait_for()
    page.get_by_test_id("stSidebar").get_by_role("button", name="CIFAR-10 ELU 20×100").click()
    page.get_by_role("heading", name="CIFAR-10 ELU 20×100").wait_for()
    wait_for(lambda: shown_value(page, "Width") == "100")
    page.get_by_label("Width, exact value").fill("90")
    page.get_by_label("Width, exact value").press("Enter")
    page.get_by_text("The sidebar differs from this run: width 90.").wait_for()


def test_try_changes_the_sidebar_where_it_is_seen(page, server):
    address, _ = server
    opened(page, address, "?run=elu")
    page.get_by_role("button", name="Copy to the sidebar").first.click()
    page.get_by_text("in the settings").wait_for()
    page.get_by_role("button", name="Train with this change").wait_for()
    field = page.locator(".st-key-input_scaling")  # its group was folded
    field.wait_for()
    expect(field).to_have_css("outline-style", "solid")
    expect(field.get_by_role("combobox")).to_have_value(re.compile("standardized"))
    page.get_by_text("The sidebar differs from this run: standardized inputs").wait_for()
