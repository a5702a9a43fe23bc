"""Exported files with hostile names in them: no formula in CSV, no script, handler or link in HTML."""

import csv
import io
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from browser import HANGS, chromium

from explorer.evaluation import html_report, report
from explorer.evaluation.metrics import Evaluation
from explorer.evaluation.predictions import Facts, Predictions
from explorer.evaluation.saved_models import SavedModel
from explorer.runs.table_export import CSV, PARQUET, to_csv, to_file

FORMULAS = ("=cmd|' /C calc'!A0", "+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1", '=HYPERLINK("http://beacon.test")')
HARMLESS = ("a=1", "1-2", "'=1", " =1", "")


def cells(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


def test_no_text_of_a_csv_is_a_formula_and_numbers_stay_numbers():
    texts = [*FORMULAS, *HARMLESS]
    table = pd.DataFrame(
        {"=name": texts, "value": [-1.5] * len(texts), "count": [-3] * len(texts), "-": [None] * len(texts)}
    )
    head, *rows = cells(to_csv(table))
    assert head == ["'=name", "value", "count", "'-"]
    assert [row[0] for row in rows] == [f"'{text}".replace("\r", "\n") for text in FORMULAS] + list(HARMLESS)
    assert {(row[1], row[2], row[3]) for row in rows} == {("-1.5", "-3", "")}
    again = pd.read_csv(io.BytesIO(to_csv(table)))
    assert again["value"].dtype == float and again["count"].dtype == int


def test_texts_beside_numbers_categories_and_halves_of_pairs_are_no_formulas_either():
    mixed = pd.DataFrame(
        {"a": [-1, "=1", None], "b": pd.Categorical(["=2", "x", "x"]), "c": ["\ud800", "-", "x"]}, dtype=object
    )
    rows = cells(to_csv(mixed.astype({"b": "category"})))
    assert rows[1:] == [["-1", "'=2", "\\ud800"], ["'=1", "x", "'-"], ["", "x", "x"]]


def test_the_table_of_runs_is_safe_as_csv_and_as_it_is_in_parquet(tmp_path):
    table = pd.DataFrame({"run": ["-r"], "tags": [("=1", "x")], "note": ["@n"], "val_loss": [-0.5]})
    assert cells(to_file(table, CSV))[1] == ["'-r", "'=1, x", "'@n", "-0.5"]
    (tmp_path / "runs.parquet").write_bytes(to_file(table, PARQUET))
    assert pd.read_parquet(tmp_path / "runs.parquet").iloc[0].tolist() == ["-r", "=1, x", "@n", -0.5]


# --- The page as a file -----------------------------------------------------------------------------------

URL = "http://beacon.test/x.png"
HOSTILE = (
    f"<script>new Image().src='{URL}'</script>", f'"><img src="{URL}" onerror="alert(1)">', f"<a href='{URL}'>here</a>",
    f"</title></style><link rel=stylesheet href={URL}>", f"<svg onload=\"new Image().src='{URL}'\">",
    f"<meta http-equiv=refresh content='0;url={URL}'>", f"<iframe src={URL}></iframe>",
    f"' onmouseover='fetch(\"{URL}\")",
    f"</td><style>@import '{URL}'</style>", "javascript:alert(1)",
)  # fmt: skip


@pytest.fixture
def page(digits, tmp_path):
    """The exported report of a model whose classes, name and notes are hostile."""
    scores = np.random.default_rng(1).random((len(digits.validation), 10), dtype=np.float32)
    probabilities = scores / scores.sum(axis=1, keepdims=True)
    labels = digits.labels[digits.validation]
    losses = -np.log(probabilities[np.arange(len(labels)), labels])
    facts = Facts("ab" * 32, (8, 8), 10, 1234, 5, "digits", "raw", HOSTILE[0])
    told = report.values(
        SavedModel(HOSTILE[1], tmp_path), Predictions(facts, "validation", probabilities, losses, 0.2, 1.5), 1
    )
    names = {"class_names": HOSTILE, "penalties": HOSTILE[4], "penalty": 0.5, "outputs_note": HOSTILE[5]}
    told |= names | {"per_class": [{**row, "name": name} for row, name in zip(told["per_class"], HOSTILE, strict=True)]}
    return html_report.to_html(told, digits, "validation", Evaluation(probabilities, losses, labels, HOSTILE))


class Tags(HTMLParser):
    """The tags of an HTML page and their attributes."""

    def __init__(self, text: str):
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list) -> None:
        self.found.append((tag, dict(attributes)))


def test_an_exported_page_holds_no_tag_of_a_hostile_name(page):
    found = Tags(page.decode()).found
    assert not {tag for tag, _ in found} & {"script", "a", "link", "iframe", "object", "embed", "base", "form"}
    for tag, attributes in found:
        assert not [name for name in attributes if name.startswith("on") or name in ("href", "action", "srcset")], tag
        assert attributes.get("src", "data:image/png;base64,").startswith("data:image/png;base64,")
        assert "beacon" not in attributes.get("style", "")
    metas = [attributes for tag, attributes in found if tag == "meta"]
    assert [m.get("http-equiv") for m in metas if "http-equiv" in m] == ["Content-Security-Policy"]
    assert "default-src 'none'" in metas[1]["content"]


def test_a_browser_shows_the_hostile_names_and_calls_nobody(page, tmp_path):
    path = tmp_path / "page.html"
    path.write_bytes(page)
    asked, problems = [], []
    with chromium() as browser:
        opened = browser.new_page()
        opened.set_default_timeout(1000 * HANGS)
        opened.on("console", lambda message: problems.append(message.text))
        opened.route(re.compile("beacon"), lambda route: (asked.append(route.request.url), route.abort()))
        opened.goto(path.as_uri())
        opened.locator("th").nth(1).hover()
        opened.wait_for_timeout(500)
        assert HOSTILE[0] in opened.locator("body").inner_text()
        loaded = opened.locator("img").evaluate_all("images => images.every(image => image.naturalWidth > 0)")
        styled = opened.locator(".numbers").evaluate("node => getComputedStyle(node).display")
        assert loaded and styled == "flex", "the policy forbids nothing that the page needs"
        # and what a name might still smuggle in is stopped by the policy
        opened.evaluate(f"document.body.insertAdjacentHTML('beforeend', '<img src={URL}>')")
        opened.wait_for_timeout(300)
    assert not asked and len(problems) == 1 and "Content Security Policy" in problems[0]
