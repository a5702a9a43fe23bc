"""Text for machines and people: JSON, aligned columns, numbers, numbers with their nouns, and texts that are cut."""

import json
import math
import unicodedata
from collections.abc import Sequence
from decimal import Decimal
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


ELLIPSIS = "…"
LONGEST = 80  # characters of a name
_LEAST_DECIMAL = 1e-6  # a browser writes smaller numbers with an exponent

# characters of the category Cf that scripts and emoji need: joiners and flag tags
_DRAWN_FORMATS = {"\u00ad", "\u200c", "\u200d", *map(chr, range(0xE0020, 0xE0080))}
_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn")


def plain(text: object, longest: int = LONGEST) -> str:
    """Foreign text in one line, for what is not rendered as Markdown, such as cells, options and terminals.

    Control characters, characters that change the writing direction and lone surrogates are written as escapes
    (`\\x1b`, `\\u202e`); the middle of a longer text is replaced by an ellipsis.
    """
    line = str(text)
    if len(line) > 4 * longest:  # a text of millions of characters is not read whole
        line = line[: 2 * longest] + ELLIPSIS + line[-2 * longest :]
    if not line.isprintable():
        line = "".join(map(_visible, " ".join(line.split())))
    return shortened(line.strip(), longest)


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _INVISIBLE or character in _DRAWN_FORMATS:
        return character
    return character.encode("unicode_escape").decode()


def shortened(text: str, longest: int) -> str:
    """A text of at most so many characters; the middle of a longer one is replaced by an ellipsis."""
    if len(text) <= longest:
        return text
    tail = longest // 3
    return text[: longest - tail - 1] + ELLIPSIS + text[len(text) - tail :]


def count(number: int, one: str, many: str = "") -> str:
    """A number with its noun, such as "1 image" or "2,000 images"; `many` is a plural that is not made with an s."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def times(number: int) -> str:
    """`once`, `twice`, `3 times`."""
    return {1: "once", 2: "twice"}.get(number, f"{number:,} times")


def decimal(value: float, digits: int = 6) -> str:
    """A number of at most so many significant digits, as a table in the browser writes it: 0.00005, not 5e-05."""
    text = f"{value:,.{digits}g}"
    return f"{Decimal(text):f}" if "e-" in text and abs(value) >= _LEAST_DECIMAL else text


def exact(value: float) -> str:
    """A number with all of its digits, for what is read again, such as the text in a box."""
    text = f"{Decimal(repr(float(value))):f}" if value == 0 or abs(value) >= _LEAST_DECIMAL else repr(value)
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def percent(share: float | None) -> str:
    """A fraction as a percentage with two decimals; a dash if missing or not finite."""
    return "-" if share is None or not math.isfinite(share) else f"{share:.2%}"
