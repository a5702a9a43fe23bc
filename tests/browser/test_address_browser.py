"""The address and the browser's Back in a real browser: one step per view, and what is seen is what is addressed."""

import re
import shutil
from itertools import pairwise

import pytest
from browser import HeldBack, serve, wait_for
from make_runs import make_runs
from playwright.sync_api import expect
from scripted import Scripted, study_in, trains

from explorer.config import TrainingConfig
from explorer.diagnosis.fault_cases import CASES
from explorer.runs.notes import Annotation
from explorer.runs.run import Run
from explorer.runs.store import RunStore
from explorer.sweeps.driver import drive
from explorer.workers import worker


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with runs of several settings, one with a model, and a study."""
    store = RunStore(tmp_path_factory.mktemp("runs"))
    make_runs(6, store.folder, epochs=4)
    study = study_in(store, trials=9, space={"depth": [1, 2, 3], "width": [10, 20, 30]})
    drive(study, store, lambda: Scripted(trains, slots=2))
    run = store.create(TrainingConfig(dataset="digits", depth=1, width=10, epochs=1))
    worker.execute(run)
    with serve(store.folder) as address:
        yield address, store, run.name


def place(page) -> str:
    return page.evaluate("location.pathname + location.search")


def view(page, name: str):
    return page.get_by_role("radio", name=name)


def entries(page) -> int:
    return page.evaluate("history.length")


def test_back_goes_back_one_view_and_the_address_and_the_page_agree(page, server):
    address, _, run = server
    page.goto(f"{address}/?run={run}")
    page.get_by_role("heading", level=1).first.wait_for()
    page.get_by_role("link", name="Compare", exact=True).first.click()
    page.get_by_text("Solid: validation").wait_for()
    before = entries(page)
    page.get_by_text("Log scale for loss").click()  # a widget is no view
    wait_for(lambda: "compare_log_y=true" in place(page))
    search = page.get_by_label("Search", exact=True)
    search.fill("Digits")
    search.press("Enter")
    wait_for(lambda: "compare_search=Digits" in place(page))
    assert entries(page) == before
    for name in ("Repeats", "Settings and results"):
        view(page, name).click()
        wait_for(lambda: f"view={name.split()[0]}" in place(page))  # noqa: B023 (waited for here)
    assert entries(page) == before + 2

    for name, part in (("Repeats", "view=Repeats"), ("Curves", "compare_log_y=true")):
        page.go_back()
        wait_for(lambda: view(page, name).get_attribute("aria-checked") == "true")  # noqa: B023
        wait_for(lambda: part in place(page))  # noqa: B023
    assert "view=" not in place(page)
    expect(search).to_have_value("Digits")
    expect(page.get_by_label("Log scale for loss")).to_be_checked()
    page.go_back()
    page.get_by_role("heading", name=re.compile("Digits ELU 1×10, max epochs 1")).wait_for()
    page.go_forward()
    page.get_by_role("heading", name="Compare runs").wait_for()
    expect(search).to_have_value("Digits")


def test_back_leads_to_the_study_the_case_and_the_model_before(page, server):
    address, store, run = server
    page.goto(f"{address}/sweep?study=s")
    page.get_by_text("9 of 9 trials").wait_for()
    page.get_by_role("button", name="New study").click()
    wait_for(lambda: "study=-" in place(page))
    page.get_by_text("Search space").first.wait_for()
    page.go_back()
    page.get_by_text("9 of 9 trials").wait_for()
    assert "study=s" in place(page)

    first, second, *_ = CASES.values()
    page.goto(f"{address}/gallery?case=1")
    page.get_by_text(first.question).wait_for()
    page.locator(".st-key-cases").get_by_role("button", name=second.title).click()
    page.get_by_text(second.question).wait_for()
    assert "case=2" in place(page)
    page.go_back()
    page.get_by_text(first.question).wait_for()
    assert "case=1" in place(page)

    copy = Run(shutil.copytree(store.get(run).path, store.folder / f"{run}_copy"))
    copy.annotate(Annotation("the copy"))
    model = page.locator(".st-key-model input")
    page.goto(f"{address}/evaluate?model={run}")
    page.get_by_text("Click a cell to see its images").wait_for()
    expect(model).to_have_value(re.compile("Digits ELU 1×10"))
    shown = place(page)  # the address leaves the model out that is shown without it
    model.click()
    page.get_by_role("option", name="the copy").click()
    expect(model).to_have_value(re.compile("the copy"))
    wait_for(lambda: place(page) != shown)
    page.go_back()
    expect(model).to_have_value(re.compile("Digits ELU 1×10"))
    wait_for(lambda: place(page) == shown)


def test_the_address_stays_where_two_steps_back_led_though_the_answer_to_the_first_comes_late(page, server):
    address, *_ = server
    connection = HeldBack(page)
    page.goto(f"{address}/compare?compare_log_y=true")
    page.get_by_text("Solid: validation").wait_for()
    for name in ("Repeats", "Settings and results"):  # so fast that the log scale, which they lack, is still addressed
        view(page, name).click()
        wait_for(lambda: f"view={name.split()[0]}" in place(page))  # noqa: B023 (waited for here)

    connection.hold()
    for _ in range(2):
        connection.answered(page.go_back)
    connection.release()
    expect(view(page, "Curves")).to_be_checked()
    wait_for(lambda: place(page) == "/compare?compare_log_y=true")


def test_a_view_is_drawn_again_though_the_browser_forgets_its_charts_between_request_and_answer(page, server):
    _, store, _ = server
    connection = HeldBack(page)
    with serve(store.folder, STREAMLIT_GLOBAL_MAX_CACHED_MESSAGE_AGE="1") as address:
        page.goto(f"{address}/compare")
        page.get_by_text("Solid: validation").wait_for()
        connection.hold()
        for name in ("Repeats", "Curves"):
            connection.answered(view(page, name).click)
        connection.release()
        expect(view(page, "Curves")).to_be_checked()
        page.get_by_text("Solid: validation").wait_for()
        view(page, "Repeats").click()
        wait_for(lambda: "view=Repeats" in place(page))


def test_a_sent_address_shows_the_same_filters_and_axes(page, server):
    address, _, _ = server
    page.goto(
        f"{address}/compare?compare_search=Digits&compare_filters=Depth&view=Settings+and+results&compare_sx=Width"
    )
    page.get_by_text("Draw a rectangle").wait_for()
    expect(page.get_by_label("Search", exact=True)).to_have_value("Digits")
    expect(page.locator(".st-key-compare_sx input")).to_have_value("Width")
    expect(page.locator(".st-key-compare_filters").get_by_text("Depth")).to_be_visible()


EVERY_PAGE = pytest.mark.parametrize(
    ("query", "seen"),
    [
        ("", "See why a deep network learns"),
        ("?run=RUN", "Export"),
        ("compare", "Solid: validation"),
        ("compare?view=Settings+and+results", "Draw a rectangle"),
        ("sweep", "Draw a rectangle"),
        ("sweep?study=-", "Search space"),
        ("evaluate", "Click a cell to see its images"),
        ("gallery", "Predict first"),
    ],
)


@EVERY_PAGE
def test_every_page_has_one_main_heading_and_leaves_no_level_out(page, server, query, seen):
    address, _, run = server
    page.goto(f"{address}/{query.replace('RUN', run)}")
    page.get_by_text(seen).first.wait_for()
    page.wait_for_function("!document.querySelector('[data-testid=stSkeleton]')")
    headings = page.get_by_role("heading")
    levels = headings.evaluate_all("found => found.map(each => +(each.ariaLevel || each.tagName[1]))")
    assert levels.count(1) == 1, headings.all_inner_texts()
    assert all(after <= before + 1 for before, after in pairwise(levels)), (levels, headings.all_inner_texts())


@EVERY_PAGE
def test_no_page_with_its_content_is_wider_than_a_phone(page, server, query, seen):
    address, _, run = server
    page.set_viewport_size({"width": 400, "height": 900})
    page.goto(f"{address}/{query.replace('RUN', run)}")
    page.get_by_text(seen).first.wait_for()
    page.wait_for_function("!document.querySelector('[data-testid=stSkeleton]')")
    widths = page.evaluate(
        "[document.documentElement, ...document.querySelectorAll('[data-testid=stMain]')].map(e => e.scrollWidth)"
    )
    assert max(widths) <= 400, widths
