"""The fault gallery from question to fix, twins, and what is measured before training, in a real browser."""

from urllib.parse import parse_qs

import pytest
from browser import wait_for
from playwright.sync_api import expect

from explorer.config import FIELDS, TrainingConfig
from explorer.diagnosis.case_questions import QUESTIONS
from explorer.diagnosis.fault_cases import CASES
from explorer.runs.status import COMPLETED


@pytest.fixture
def page(lasting_page):
    return lasting_page


def press(page, name: str) -> None:
    page.get_by_role("button", name=name).or_(page.get_by_role("radio", name=name)).first.click()


def test_a_case_is_answered_revealed_and_fixed(page, server):
    """A link opens the case; Train waits for an answer; the run shows its fault; the fixed run is drawn beside it."""
    address, store = server
    case = CASES["zeros"]
    page.goto(f"{address}/gallery?case=zeros")
    train = page.get_by_role("button", name="Train and see")
    expect(train).to_be_disabled()
    page.get_by_text(case.answers[case.right]).click()
    wait_for(train.is_enabled)
    train.click()
    page.get_by_text("Correct.", exact=True).wait_for()
    page.get_by_text("Symmetric weights").first.wait_for()
    page.get_by_text(QUESTIONS["zeros"].choices[0].text).click()
    press(page, "Train the fix and see")
    page.get_by_text(case.fixed).wait_for()
    page.get_by_text("With the change: 9").wait_for()  # some ninety percent of the validation images
    wait_for(lambda: store.list()[0].state == COMPLETED)
    [fixed, broken] = store.list()
    assert (broken.config, fixed.config) == (case.config, case.fixed_config)
    assert fixed.best.val_accuracy > 0.9 > broken.best.val_accuracy


def test_a_cases_settings_are_taken_to_the_train_page(page, server):
    """All settings, the collapsed ones included, replace those that the page had."""
    address, _ = server
    case = CASES["zeros"]
    page.goto(f"{address}?dataset=digits&seed=7&batch_size=64&depth=4")
    page.get_by_text("4 hidden layers").first.wait_for()
    page.get_by_role("link", name="Fault gallery").first.click()
    press(page, case.title)
    page.get_by_text(case.answers[case.right]).click()
    press(page, "Train and see")  # it was trained, and is shown at once
    press(page, "Open these settings on the Train page")
    page.get_by_text(f"{case.config.depth} hidden layers").first.wait_for()
    defaults = TrainingConfig(dataset="digits")
    differing = {name for name in FIELDS if getattr(case.config, name) != getattr(defaults, name)}

    def shared() -> set[str]:
        # asked of the page: Playwright's `page.url` is what it last heard, and it hears nothing between two calls
        return set(FIELDS) & set(parse_qs(page.evaluate("location.search.slice(1)"))) - {"dataset"}

    wait_for(lambda: shared() == differing)
    assert "seed" not in differing


def test_one_thing_is_changed_on_a_run_and_both_are_shown(page, server):
    """The twin starts from the same weights; its page shows both curves, also after a reload."""
    address, store = server
    before = next(summary for summary in store.list() if summary.config == CASES["zeros"].fixed_config)
    page.goto(f"{address}?run={before.name}")
    press(page, "Change one thing")
    page.get_by_role("combobox", name="Setting").wait_for()
    page.get_by_text("All initial weights are identical").wait_for()  # another activation is what it offers
    press(page, "Train the twin")
    page.get_by_text("One thing changed: activation elu →").wait_for()
    wait_for(lambda: store.list()[0].state == COMPLETED)
    page.reload()
    page.get_by_text("One thing changed: activation elu →").wait_for()
    twin = store.list()[0]
    assert twin.config.seed == before.config.seed and twin.config.activation != "elu"


def test_initial_signals_and_the_learning_rate_finder(page, server):
    """The fault is seen before training; the learning-rate finder's suggestion goes into the sidebar."""
    address, store = server
    runs = len(store.list())
    page.goto(f"{address}?dataset=digits&depth=12&activation=sigmoid&kernel_initializer=glorot_uniform")
    press(page, "Before training")
    page.get_by_text("Vanishing gradients").wait_for()
    page.goto(f"{address}?dataset=digits&depth=2&input_scaling=standardized")
    press(page, "Learning-rate finder")
    press(page, "Find a learning rate")
    use = page.get_by_role("button", name="Use learning rate")
    use.wait_for()
    rate = use.inner_text().rpartition(" ")[2]
    use.click()
    wait_for(lambda: page.get_by_label("Learning rate, exact value").input_value() == rate)
    assert 1e-5 < float(rate) < 1 and len(store.list()) == runs


def test_run_and_gallery_fit_a_phone(page, server):
    """At 400 pixels nothing is wider than the screen; of a run, buttons, progress and curves come first."""
    address, store = server
    page.set_viewport_size({"width": 400, "height": 900})
    for path in ("/gallery?case=zeros", f"?run={store.list()[0].name}"):
        page.goto(address + path)
        page.get_by_role("heading").first.wait_for()
        wait_for(lambda: page.evaluate("document.documentElement.scrollWidth") <= 400)
    curves = page.get_by_test_id("stVegaLiteChart")
    wait_for(lambda: curves.count() >= 2)
    seen = [page.get_by_role("button", name="Train again"), page.get_by_test_id("stProgress"), curves.nth(0),
            curves.nth(1), page.get_by_test_id("stMetric").first, page.locator(".st-key-run_finding")]  # fmt: skip
    tops = [locator.first.bounding_box()["y"] for locator in seen]
    assert tops == sorted(tops), tops
