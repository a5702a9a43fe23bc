"""Hostile names in a real browser: no page calls another server, whatever a URL, a file or a run contains."""

import json
import re
import shutil
from dataclasses import asdict, replace
from urllib.parse import quote

import pytest
from browser import HANGS, ROOT, chromium, serve, tooltip, wait_for
from made_runs import history, signals
from scripted import study_in

from explorer.config import TrainingConfig
from explorer.runs.notes import Annotation
from explorer.runs.status import COMPLETED, FAILED, INTERRUPTED
from explorer.runs.store import RunStore
from explorer.sweeps import study as sweeps
from explorer.sweeps.study import TrialRecord
from explorer.work_folder import STATUS

HOST = "beacon.test"
MARKUP = ":material/hub: :red[r] :smile: $a^2$ <b>"
BEACON = f"![](http://{HOST}/x.png) {MARKUP}"
# a folder's name has no slash, but Markdown reads one in a character reference
IN_A_NAME = f"![](http:&#47;&#47;{HOST}&#47;run.png) :red[r] $a^2$ b"
DIGITS = TrainingConfig(dataset="digits", depth=1, width=20, epochs=3)
JOINER = "\u2060"


def make_run(
    store: RunStore, name: str | None = None, reason: str = "all is trained", status: str = COMPLETED, **settings
):
    run = store.create(DIGITS.with_(**settings), name)
    for epoch in range(4):
        seen = signals(epoch, depth=1)
        hostile = replace(seen.layers[0], layer=f"hidden_{BEACON}")
        run.append_signals(replace(seen, layers=(hostile, *seen.layers[1:])))
    for record in history(1.5, 0.9, 0.8):
        run.append(record)
    run.end(status, reason)
    return run


def make_study(store: RunStore, status: str) -> str:
    """Creates a sweep in which every text is hostile, and returns its name."""
    study = study_in(store, name=f"s {status}")
    target = study.path.with_name(f"{IN_A_NAME} {status}")
    study.path.rename(target)
    values = json.loads((target / STATUS).read_text())
    values |= {"status": status, "reason": BEACON, "problems": [BEACON]}
    (target / STATUS).write_text(json.dumps(values))
    (target / sweeps.LOG).write_text(f"explorer: {BEACON}\n")
    trials = [
        TrialRecord(0, "completed", {"depth": 1}, [BEACON], 0.5),
        TrialRecord(1, "failed", {"depth": 2}, [], None, BEACON),
    ]
    (target / sweeps.TRIALS).write_text("".join(json.dumps(asdict(trial)) + "\n" for trial in trials))
    return target.name


@pytest.fixture(scope="module")
def hostile(tmp_path_factory, cifar10):
    """A server with runs, sweeps and models in which every free text is a beacon, and their names."""
    runs = tmp_path_factory.mktemp("runs")
    store = RunStore(runs)
    names = {
        "named": make_run(store, IN_A_NAME).name,
        "failed": make_run(store, status=FAILED, reason=BEACON, depth=2).name,
        "interrupted": make_run(store, status=INTERRUPTED, reason=BEACON, depth=3).name,
        "unreadable": make_run(store, IN_A_NAME, depth=4).name,
        "binned": make_run(store, IN_A_NAME, depth=5).name,
        "study": make_study(store, sweeps.FAILED),
        "interrupted study": make_study(store, sweeps.INTERRUPTED),
    }
    for name in ("named", "failed"):
        store.get(names[name]).annotate(Annotation(BEACON[:80], (BEACON[:29], "=1+1"), f"{BEACON}\n{BEACON}"))
    (runs / names["unreadable"] / "status.json").write_text(json.dumps({"status": BEACON}))
    store.bin(store.get(names["binned"]))
    for model in ("elu", "bn"):
        shutil.copytree(ROOT / "models" / model, runs / f"{IN_A_NAME} {model}")
        store.get(f"{IN_A_NAME} {model}").annotate(Annotation(BEACON[:80]))
    (runs / f"{IN_A_NAME}.keras").write_bytes(b"no model")
    (runs / f"{IN_A_NAME} out.keras").symlink_to("/etc/hostname")
    with serve(runs) as address, chromium() as browser:
        yield address, browser, names


class Watched:
    """A page whose requests to other servers are recorded and blocked."""

    def __init__(self, browser, address: str):
        self.asked: list[str] = []
        self.page = browser.new_page(viewport={"width": 1280, "height": 1600}, accept_downloads=True)
        self.page.set_default_timeout(1000 * HANGS)
        self.page.route(lambda url: not url.startswith((address, "data:", "blob:")), self._keep)

    def _keep(self, route) -> None:
        self.asked.append(route.request.url)
        route.abort()

    def text(self) -> str:
        return self.page.locator("body").inner_text().replace(JOINER, "")

    def check(self) -> None:
        """No beacon has become an image, a link, an icon, a formula or a color."""
        self.page.wait_for_timeout(500)  # what a picture would be asked for
        found = self.page.evaluate(f"""() => [
            ...document.querySelectorAll('img[src*="{HOST}"], .katex, [aria-label="hub icon"]'),
            // a link to a page of ours may name a beacon in its query; where it leads is what counts
            ...[...document.querySelectorAll('a[href]')].filter(each => each.hostname.endsWith('{HOST}')),
            ...[...document.querySelectorAll('.stMarkdownColoredText, b, em')].filter(each => each.textContent === 'r'),
        ].map(each => each.outerHTML)""")
        assert not found, found
        assert not self.asked, self.asked


@pytest.fixture
def watched(hostile):
    address, browser, _ = hostile
    found = Watched(browser, address)
    yield found
    found.page.close()


def test_a_call_of_another_server_would_be_seen(hostile, watched):
    address, *_ = hostile
    watched.page.goto(address)
    watched.page.evaluate(f"new Image().src = 'http://{HOST}/x.png'")
    wait_for(lambda: (watched.page.wait_for_timeout(50), watched.asked)[1])


# page, query (a value may name one of the fixture's things), what is seen when it is drawn, what is pressed then
PAGES = {
    "no such run": ("", {"run": BEACON, "twin": BEACON}, "does not exist", ()),
    "no such twin": ("", {"run": "named", "twin": BEACON}, "Findings", ()),
    "named run": ("", {"run": "named"}, "Findings",
                  ("Inside the network", "By depth", "One layer", "Histogram")),
    "failed run": ("", {"run": "failed"}, "Findings", ("Change one thing",)),
    "interrupted run": ("", {"run": "interrupted"}, "Interrupted: ", ()),
    "unreadable run": ("", {"run": "unreadable"}, "This run cannot be shown", ()),
    "settings": ("", dict.fromkeys(("dataset", "activation", "depth", "learning_rate"), BEACON),
                 "choose its settings", ()),
    "compare": (
        "compare", {}, "Solid: validation",
        ("Folders that cannot be shown", r"Bin \(1\)", "Repeats", "Settings and results"),
    ),
    "no such sweep": ("sweep", {"study": BEACON}, "does not exist", ()),
    "failed sweep": ("sweep", {"study": "study"}, "Best so far|The best", ()),
    "interrupted sweep": ("sweep", {"study": "interrupted study"}, "Last output: ", ()),
    "no such model": ("evaluate", {"model": BEACON, "split": BEACON, "tab": BEACON}, "Unavailable: ", ()),
    "no such case": ("gallery", {"case": BEACON}, "Choose a case", ()),
}  # fmt: skip


@pytest.mark.parametrize("place", PAGES)
def test_no_page_calls_another_server_for_what_it_shows(hostile, watched, place):
    address, _, names = hostile
    path, query, words, pressed = PAGES[place]
    asked = "&".join(f"{key}={quote(names.get(value, value))}" for key, value in {"dataset": "digits", **query}.items())
    watched.page.goto(f"{address}/{path}?{asked}")
    watched.page.get_by_text(re.compile(words)).first.wait_for()
    watched.check()
    for name in pressed:
        wanted = watched.page.locator("button, summary, label").filter(has_text=re.compile(name))
        wanted.first.click()
        watched.check()
    if place not in ("settings", "no such twin"):
        assert "![](http:" in watched.text()  # it is shown, as what it is
    if path == "":
        tooltip(watched.page, listed_run(watched.page, r"unreadable|!\["))
        watched.check()


def listed_run(page, words: str):
    """The first of the latest runs with such words in its button."""
    buttons = page.locator("[data-testid=stSidebar] .st-key-latest_runs button")
    return buttons.filter(has_text=re.compile(words)).first


def test_a_tooltip_is_text(hostile, watched):
    watched.page.goto(f"{hostile[0]}?dataset=digits")
    seen = tooltip(watched.page, listed_run(watched.page, "unreadable"))
    assert "![](http:" in seen.inner_text().replace(JOINER, "")
    watched.check()


def test_a_chosen_row_and_its_tooltips_are_text(hostile, watched):
    address, *_ = hostile
    watched.page.goto(f"{address}/compare?dataset=digits")
    watched.page.get_by_text("Solid: validation").wait_for()
    table = watched.page.get_by_test_id("stDataFrame").first
    for row in range(3):
        table.click(position={"x": 20, "y": 35 + 35 * row + 17})
        watched.page.wait_for_timeout(300)
    watched.page.get_by_text("Settings that differ").wait_for()
    watched.check()
    assert "![](http:" in watched.page.get_by_test_id("stTable").inner_text()
    points = watched.page.locator("[data-testid=stVegaLiteChart] svg path[aria-roledescription=point]")
    points.first.hover(force=True)
    watched.check()


def test_a_model_and_an_upload_with_hostile_names_are_text_in_every_tab(hostile, watched):
    page = watched.page
    page.goto(f"{hostile[0]}/evaluate?model={quote(IN_A_NAME + ' elu')}")
    page.get_by_text(re.compile(r"\d parameters · ")).wait_for()
    for tab in ("Classes", "Weights", "Two models", "Export", "Your own image"):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(1500)
        watched.check()
        assert "![](http:" in watched.text()
    for name, content in ((f"{IN_A_NAME}.png", b"no picture"), (f"{IN_A_NAME} big.png", b"")):
        page.locator("input[type=file]").set_input_files({"name": name, "mimeType": "image/png", "buffer": content})
        page.get_by_text("it must be a PNG, JPEG or WebP image").wait_for()
        watched.check()
