"""The rows of a table as Evaluate, its report and the page of own data show them: each value named by its column."""

import html
import re
from dataclasses import replace

import numpy as np
import pytest

from explorer.data import datasets
from explorer.data.dataset_file import Layout, Part
from explorer.data.datasets import Dataset
from explorer.evaluation.image_cards import MOST_VALUES, cards, examples
from explorer.evaluation.metrics import Evaluation

HOSTILE = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "a\u202eb\x1b", "&lt;b&gt;")
CLASSES = ("cat", "dog", "hen")


def table(names: tuple[str, ...], features: int, classes: tuple[str, ...] = CLASSES) -> Dataset:
    """A table of 40 rows with the numbers 0.5, 1.5, 2.5 and so on in each."""
    parts = Part("x_train", (40, features), "0" * 64, "float32"), Part("y_train", (40,), "0" * 64)
    spec = replace(datasets.DATASETS["digits"], class_names=classes, layout=Layout(parts, feature_names=names))
    rows = np.tile(np.arange(features, dtype=np.float32) + 0.5, (40, 1))
    labels = np.arange(40, dtype=np.uint8) % len(classes)
    return datasets._dataset(spec, np.concatenate([rows.reshape(-1).view(np.uint8), labels]))


def shown(dataset: Dataset) -> str:
    """A card of one validation row of an evaluation."""
    labels = dataset.labels[dataset.validation]
    probabilities = np.full((len(labels), 3), 1 / 3, np.float32)
    return cards(dataset, "validation", Evaluation(probabilities, np.ones(len(labels)), labels, CLASSES), [0])


def values(markup: str) -> list[str]:
    """The lines in the first row, as they are read."""
    return [html.unescape(line) for line in re.search("<code[^>]*>(.*?)</code>", markup)[1].split("<br>")]


@pytest.mark.parametrize("draw", [shown, examples])
def test_each_value_of_a_row_is_named_by_its_column(draw):
    assert values(draw(table(("size", "colour=red", "colour=blue"), 3))) == [
        "size: 0.5",
        "colour=red: 1.5",
        "colour=blue: 2.5",
    ]


@pytest.mark.parametrize("draw", [shown, examples])
def test_a_table_without_names_shows_numbers(draw):
    assert values(draw(table((), 3))) == ["0.5, 1.5, 2.5"]


def test_of_many_columns_the_first_are_shown():
    names = tuple(f"column {number}" for number in range(MOST_VALUES + 1))
    lines = values(shown(table(names, len(names))))
    assert lines[0] == "column 0: 0.5" and len(lines) == MOST_VALUES + 1 and lines[-1] == "…"
    assert values(shown(table((), MOST_VALUES + 1)))[0].endswith(", …")


def test_a_screen_reader_is_told_of_a_row():
    assert re.search('title="row 0: (cat|dog|hen), ', shown(table((), 3)))


def test_the_picture_of_points_names_both_axes():
    assert "wid&lt;th to the right, height upwards" in examples(table(("wid<th", "height"), 2, CLASSES[:2]))
    assert "upwards" not in examples(table((), 2, CLASSES[:2]))


@pytest.mark.parametrize("draw", [shown, examples])
def test_a_hostile_name_of_a_column_is_text(draw):
    markup = draw(table(HOSTILE, len(HOSTILE)))
    assert not re.search("<(script|img|b)[ >]", re.sub(r"<b>(cat|dog|hen)</b>", "", markup))
    assert values(markup) == [f"{HOSTILE[0]}: 0.5", f"{HOSTILE[1]}: 1.5", "a\\u202eb\\x1b: 2.5", "&lt;b&gt;: 3.5"]
