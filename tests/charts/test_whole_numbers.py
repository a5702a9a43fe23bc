"""Axes of layers, images and whole settings, as Vega-Lite draws them: no number between two, and none twice."""

import re

import pandas as pd
import pytest
import vl_convert
from made_runs import signals

from explorer.charts import internals, sweep
from explorer.charts.class_balance import balance_frame, class_balance

LABELS = re.compile(r'<g class="[^"]*role-axis-label.*?</g>', re.S)


def numbers(chart) -> list[list[str]]:
    """The labels that are seen on each axis, whole numbers or not."""
    svg = vl_convert.vegalite_to_svg(chart.properties(width=400).to_dict())
    axes = [re.findall(r"<text([^>]*)>([^<]*)</text>", axis) for axis in LABELS.findall(svg)]
    return [[text for style, text in axis if text and 'opacity="0"' not in style] for axis in axes]


def of_depth(depth: int):
    return internals.by_depth(internals.depth_frame("run", [signals(1, depth=depth)], "weight_norm", 1), "weight_norm")


def heat_map(depth: int):
    seen = [signals(epoch, depth=depth) for epoch in range(3)]
    return internals.layers_by_epoch(internals.signal_frame("run", seen, "weight_norm"), "weight_norm")


def of_setting(most: int):
    frame = pd.DataFrame({"number": [1, 2], "depth": [1, most], "val_accuracy": [0.4, 0.5], "title": ["a", "b"]})
    return sweep.slice_of(frame, "depth", "val_accuracy")


def of_images(most: int):
    return class_balance(balance_frame(("cat", "dog"), {"training": (1, most)}), 2, ("training",), "images")


DRAWN = {"by depth": (of_depth, 0), "heat map": (heat_map, 1), "setting": (of_setting, 0), "images": (of_images, 0)}


@pytest.mark.parametrize("most", [1, 2, 3, 20, 1200])
@pytest.mark.parametrize("name", DRAWN)
def test_only_whole_numbers_and_each_once(name, most):
    chart, axis = DRAWN[name]
    found = numbers(chart(most))[axis]
    assert found and all(re.fullmatch(r"\d{1,3}(,\d{3})*", label) for label in found), found
    assert len(set(found)) == len(found)
