"""Moving between the pages in a real browser."""

from browser import HANGS, chromium, serve, wait_for

from explorer.pages.navigation import PAGES


def test_every_page_has_its_place_in_the_menu_and_its_name_on_the_tab(tmp_path):
    with serve(tmp_path) as address, chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(1000 * HANGS)
        page.goto(address)
        for entry in PAGES.values():
            page.get_by_role("link", name=entry.title, exact=True).first.click()
            wait_for(lambda: page.title() == f"{entry.title} · Deep network explorer")  # noqa: B023 (waited for here)
            page.get_by_role("heading").first.wait_for()
