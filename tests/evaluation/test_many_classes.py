"""An evaluation with a hundred classes is drawn and printed so that it can be read, and one with two as well."""

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from explorer.charts.evaluation import class_frame, confusion, matrix_frame
from explorer.data import datasets
from explorer.data.cifar100 import CIFAR100
from explorer.evaluation import html_report, report
from explorer.evaluation.image_cards import MOST_BARS, cards, examples
from explorer.evaluation.metrics import Evaluation
from explorer.evaluation.report import MOST_MISTAKES, MOST_NUMBERED

CLASSES = 100


def evaluation(classes: int, images: int = 400) -> Evaluation:
    draw = np.random.default_rng(1)
    labels = draw.integers(0, classes, images)
    logits = draw.normal(size=(images, classes)) + 2 * np.eye(classes)[labels]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    losses = -np.log(probabilities[np.arange(images), labels])
    return Evaluation(probabilities.astype("float32"), losses, labels, CIFAR100.class_names[:classes])


MANY = evaluation(CLASSES)


@pytest.fixture(scope="module")
def hundred() -> datasets.Dataset:
    """A data set with a hundred classes: the digits with other labels."""
    digits = datasets.load("digits")
    spec = replace(digits.spec, class_names=CIFAR100.class_names)
    labels = (np.arange(len(digits.labels)) % CLASSES).astype("uint8")
    return replace(digits, spec=spec, labels=labels)


def test_the_matrix_of_many_classes_has_no_numbers_and_no_empty_cells():
    frame = matrix_frame(MANY.matrix, MANY.class_names, False)
    assert len(frame) == (MANY.matrix > 0).sum() < 400 and (frame["count"] > 0).all()
    drawn = confusion(frame, MANY.class_names, "images").to_dict()
    assert [layer["mark"]["type"] for layer in drawn["layer"]] == ["rect"]
    for axis in ("x", "y"):
        encoding = drawn["layer"][0]["encoding"][axis]
        assert encoding["scale"]["domain"] == list(MANY.class_names)  # also those without a cell
        assert encoding["axis"]["labelOverlap"] == "greedy"


def test_the_matrix_of_many_classes_in_a_file_is_a_picture_with_a_list_of_mistakes():
    html = html_report.matrix(MANY)
    pixels = np.array(Image.open(io.BytesIO(base64.b64decode(re.search(r"base64,([^\"]+)", html)[1]))))
    assert pixels.shape == (CLASSES, CLASSES, 4)
    assert ((pixels[..., 3] > 60) == (MANY.matrix > 0)).all(), "every cell with an image is seen"
    assert (pixels[MANY.matrix == 0, 3] == 0).all(), "and no other, on light and on dark pages"
    rows = re.findall(r"<tr><th>([^<]+)</th><td>([^<]+)</td><td>([\d,]+)</td></tr>", html)
    assert len(rows) == MOST_MISTAKES and len(html) < 30_000
    names = list(MANY.class_names)
    counts = [int(MANY.matrix[names.index(true), names.index(predicted)]) for true, predicted, _ in rows]
    assert counts == [int(count) for _, _, count in rows] == sorted(counts, reverse=True)
    assert counts[0] == (MANY.matrix - np.diag(np.diag(MANY.matrix))).max()
    perfect = replace(MANY, probabilities=np.eye(CLASSES, dtype="float32")[MANY.labels])
    assert "There are no mistakes." in html_report.matrix(perfect)
    few = evaluation(MOST_NUMBERED)
    assert html_report.matrix(few).count("<td") == MOST_NUMBERED**2


@pytest.mark.parametrize("classes", [2, 10, MOST_NUMBERED])
def test_the_matrix_of_few_classes_has_every_cell_and_its_number(classes):
    few = evaluation(classes)
    frame = matrix_frame(few.matrix, few.class_names, False)
    assert len(frame) == classes**2
    marks = [layer["mark"]["type"] for layer in confusion(frame, few.class_names, "images").to_dict()["layer"]]
    assert marks == ["rect", "text"]


def test_the_bars_of_many_classes_are_of_the_best_and_the_worst():
    frame = class_frame(MANY.classes)
    shown = list(dict.fromkeys(frame["class"]))
    f1 = {row.name: row.f1 for row in MANY.classes}
    assert len(shown) == MOST_NUMBERED
    assert [f1[name] for name in shown] == sorted((f1[name] for name in shown), reverse=True)
    assert f1[shown[0]] == max(f1.values()) and f1[shown[-1]] == min(f1.values())


def test_a_card_has_the_most_probable_of_many_classes(hundred):
    html = cards(hundred, "validation", MANY, [7])
    named = re.findall(r'<i title="([^"]+) \d', html)
    best = np.argsort(-MANY.probabilities[7], kind="stable")[:MOST_BARS]
    assert named == [MANY.class_names[number] for number in best]


def test_ten_images_stand_for_a_hundred_classes(hundred):
    html = examples(hundred)
    named = re.findall(r'alt="an image of class ([^"]+)"', html)
    assert len(named) == 10 and named[0] == CIFAR100.class_names[0] and named[-1] == CIFAR100.class_names[-1]


def test_the_text_of_many_classes_names_the_most_frequent_mistakes():
    lines = report._mistakes(MANY.to_dict() | {"class_names": MANY.class_names})
    assert lines[0] == "most frequent mistakes" and len(lines) == 12
    assert max(map(len, lines)) < 80
    wrong = MANY.matrix * (1 - np.eye(CLASSES, dtype=int))
    assert lines[2].split()[-1] == str(wrong.max())


def test_the_text_of_few_classes_is_the_whole_matrix():
    few = evaluation(3)
    lines = report._mistakes(few.to_dict() | {"class_names": few.class_names})
    assert lines[0].startswith("confusion matrix") and len(lines) == 5
