"""Moving between the pages in a real browser."""

from browser import HANGS, chromium, new_page, serve, start_server, wait_for
from playwright.sync_api import expect

from explorer.pages.in_browser import GONE, SKIP, WHAT_NOW
from explorer.pages.navigation import PAGES

# what has the focus, and how wide the line around it is; of a slider, whose input is hidden, around its handle
FOCUS = """() => {
  const focused = document.activeElement;
  if (focused.type === "range") {
    const shadow = getComputedStyle(focused.parentElement.parentElement).boxShadow;
    return ["slider", Math.max(...(shadow.match(/[\\d.]+(?=px)/g) || [0]))];
  }
  const {outlineStyle, outlineWidth} = getComputedStyle(focused);
  return [focused.tagName, outlineStyle === "none" ? 0 : parseFloat(outlineWidth)];
}"""


def test_every_page_has_its_place_in_the_menu_and_its_name_on_the_tab(tmp_path):
    with serve(tmp_path) as address, chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(1000 * HANGS)
        page.goto(address)
        for entry in PAGES.values():
            page.get_by_role("link", name=entry.title, exact=True).first.click()
            wait_for(lambda: page.title() == f"{entry.title} · Deep network explorer")  # noqa: B023 (waited for here)
            page.get_by_role("heading").first.wait_for()


def test_the_first_key_leads_past_the_sidebar_to_the_pages(tmp_path):
    with serve(tmp_path) as address, chromium() as browser, new_page(browser) as page:
        page.goto(address)
        page.get_by_role("button", name="Train", exact=True).wait_for()
        skip = page.get_by_role("link", name=SKIP)
        expect(skip).to_have_count(1)
        page.keyboard.press("Tab")
        expect(skip).to_be_focused()
        expect(skip).to_be_in_viewport()
        page.keyboard.press("Enter")
        expect(skip).not_to_be_in_viewport()
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name=next(iter(PAGES.values())).title, exact=True).first).to_be_focused()


def test_the_keyboards_focus_is_seen_on_every_kind_of_control(tmp_path):
    with serve(tmp_path) as address, chromium() as browser, new_page(browser) as page:
        page.goto(f"{address}?dataset=digits")
        page.get_by_role("button", name="Train", exact=True).wait_for()
        page.get_by_text("hidden layers").first.wait_for()
        seen = {}
        for _ in range(30):
            page.keyboard.press("Tab")
            kind, width = page.evaluate(FOCUS)
            seen.setdefault(kind, set()).add(width)
        assert {"A", "BUTTON", "INPUT", "SUMMARY", "slider"} <= set(seen), seen
        assert all(min(widths) >= 2 for widths in seen.values()), seen


def test_a_visitor_is_told_that_the_server_is_gone_and_not_how_to_start_one(tmp_path):
    with chromium() as browser, new_page(browser) as page:
        server = start_server(tmp_path)
        try:
            wait_for(server.answers)
            page.goto(server.address)
            page.get_by_role("button", name="Train", exact=True).wait_for()
        finally:
            server.end(15)
        dialog = page.get_by_role("dialog", name=GONE)
        dialog.get_by_text(WHAT_NOW).wait_for()
        expect(dialog.get_by_role("heading", name=GONE)).to_be_visible()
        expect(page.get_by_text("streamlit run")).to_be_hidden()
