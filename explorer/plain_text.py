"""Text for machines and terminals: JSON, aligned columns and percentages."""

import json
import math
from collections.abc import Sequence
from typing import Any


def to_json(value: Any) -> str:
    """One line of valid JSON, in which NaN and infinity become null."""

    def finite(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: finite(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [finite(inner) for inner in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return json.dumps(finite(value), allow_nan=False)


def columns(rows: Sequence[Sequence[str]], right: Sequence[str] = "") -> list[str]:
    """Rows as aligned lines; the columns whose numbers are in `right`, such as "2345", are aligned right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if str(number) in right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def percent(share: float | None) -> str:
    """A fraction as a percentage with two decimals; a dash if missing or not finite."""
    return "-" if share is None or not math.isfinite(share) else f"{share:.2%}"
