"""Reads a whole number from the text of an option, a form or an environment variable."""

from collections.abc import Callable

from explorer.errors import FieldError

LONGEST = 18  # digits: Python refuses to read some thousands of them


def whole_number(field: str, low: int, high: int, why: str = "") -> Callable[[str], int]:
    """A function that reads a whole number from `low` to `high`; it raises `FieldError`. `why` explains the bounds."""

    def read(text: str) -> int:
        if not text.isdecimal() or len(text) > LONGEST or not low <= int(text) <= high:
            raise FieldError(field, text, f"a whole number from {low:,} to {high:,}{why and f', {why}'}")
        return int(text)

    return read
