"""The picture of a decision boundary: one specification whatever the data, few enough marks, the palette's colours."""

import numpy as np
import pytest

from explorer.charts.decision_boundary import CELL, MOST_POINTS, POINT, boundary, boundary_frame
from explorer.palette import CLASS_COLORS, CLASS_SHADES
from explorer.runs.decision_boundary import SIDE

NAMES = ("it's one", "two")
RANDOM = np.random.default_rng(1)


def frame(probabilities=None, count=1_000):
    points, labels = RANDOM.uniform(-6, 6, (count, 2)), np.arange(count) % 2
    return boundary_frame(
        RANDOM.random(SIDE * SIDE) if probabilities is None else probabilities, 6, points, labels, NAMES
    )


def test_the_specification_does_not_depend_on_the_rows():
    specifications = [boundary(rows, 6, NAMES).to_dict() for rows in (frame(), frame(), frame().iloc[:0])]
    for specification in specifications:
        specification.pop("datasets")
        for layer in (specification, *specification["layer"]):
            layer.pop("data", None)
    assert specifications[0] == specifications[1] == specifications[2]


def test_there_are_few_enough_marks_for_readers_of_screens():
    rows = frame()
    assert len(rows) == SIDE * SIDE + MOST_POINTS < 5_000
    assert set(rows["kind"]) == {CELL, POINT}


def test_a_cell_surrounds_its_point_of_the_grid_and_a_point_has_its_class():
    probabilities = np.zeros(SIDE * SIDE)
    probabilities[SIDE + 2] = 0.9  # the third cell of the second line from below
    rows = frame(probabilities, count=3)
    [cell] = rows[rows["share"] == 0.9].itertuples()
    side = 12 / SIDE
    assert cell.x == pytest.approx(-6 + 2 * side, abs=0.02) and cell.x2 == pytest.approx(-6 + 3 * side, abs=0.02)
    assert cell.y == pytest.approx(-6 + side, abs=0.02) and cell.y2 == pytest.approx(-6 + 2 * side, abs=0.02)
    assert rows[rows["kind"] == POINT]["name"].tolist() == [NAMES[0], NAMES[1], NAMES[0]]


def test_the_colours_are_those_of_the_palette():
    cells, points = boundary(frame(), 6, NAMES).to_dict()["layer"]
    assert cells["encoding"]["fill"]["scale"]["range"] == list(CLASS_SHADES)
    assert points["encoding"]["color"]["scale"] == {"domain": list(NAMES), "range": list(CLASS_COLORS)}


@pytest.mark.parametrize(("given", "shown"), [((), [None, None]), (("size", "age\u202e"), ["size", "age\\u202e"])])
def test_the_axes_are_named_by_the_columns_of_a_table(given, shown):
    for layer in boundary(frame(), 6, NAMES, given).to_dict()["layer"]:
        assert [layer["encoding"][axis]["axis"]["title"] for axis in "xy"] == shown
