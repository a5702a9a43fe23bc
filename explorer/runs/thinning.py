"""Thinning of long series, so that a chart draws no more points than it can show."""

import math
from collections.abc import Iterable, Sequence
from typing import TypeVar

Row = TypeVar("Row")


def thinned(rows: Sequence[Row], most: int, kept: Iterable[Row] = ()) -> list[Row]:
    """At most `most` of the rows, evenly spaced, with the last one and the very objects in `kept` among them."""
    always = {id(row) for row in kept}
    room = most - len(always) if len(rows) > most else most
    step = max(1, math.ceil(len(rows) / max(1, room)))
    last = len(rows) - 1
    return [row for place, row in enumerate(rows) if (last - place) % step == 0 or id(row) in always]
