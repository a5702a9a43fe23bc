"""The chart of the images of each class: every class and split has its bar, in the colours of the splits."""

from explorer.charts.class_balance import COLORS, balance_frame, class_balance

NAMES = ("iris", "ro[se].1")
COUNTS = {"training": (8, 40), "validation": (2, 10)}


def test_every_class_and_split_has_a_row():
    frame = balance_frame(NAMES, COUNTS)
    assert [tuple(row) for row in frame.itertuples(index=False)] == [
        ("iris", 0, "training", 8),
        ("ro[se].1", 0, "training", 40),
        ("iris", 1, "validation", 2),
        ("ro[se].1", 1, "validation", 10),
    ]


def test_the_chart_is_valid_and_has_only_the_splits_that_there_are():
    drawn = class_balance(balance_frame(NAMES, COUNTS), 2, tuple(COUNTS), "rows").to_dict(validate=True)
    assert drawn["encoding"]["color"]["scale"]["domain"] == ["training", "validation"]
    assert drawn["encoding"]["color"]["scale"]["range"] == [COLORS["training"], COLORS["validation"]]
    assert drawn["encoding"]["x"]["title"] == "Rows"
