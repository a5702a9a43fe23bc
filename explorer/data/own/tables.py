"""Reading of a table in a CSV file: numbers stay as they are, texts become categories, and nothing may be missing."""

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from explorer.data.own.collected import Collected, class_order
from explorer.data.own.limits import (
    LARGEST_NUMBER,
    MEBIBYTE,
    MOST_CATEGORIES,
    MOST_CELLS,
    MOST_FEATURES,
    MOST_TABLE,
)
from explorer.data.own.pictures_in_folders import opened
from explorer.errors import FieldError, InputError, quoted

DELIMITERS = (",", ";", "\t")
LABELS = ("label", "class", "target", "species", "y")
MISSING = {"", "na", "n/a", "nan", "null", "?"}
_DECIMAL_COMMA = re.compile(r"([+-]?\d*),(\d+(?:[eE][+-]?\d+)?)")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")  # as one thousand two hundred may be written
# numbers with a decimal comma, with marks between thousands, with a minus sign that is no hyphen, or in percent
_SEPARATED = re.compile(
    r"[+−-]?\d{1,3}(?:,\d{2,3}|[.'’\s]\d{3})+(?:[.,]\d+)?\s*%?|[+−-]?\d*,\d+(?:[eE][+-]?\d+)?\s*%?"
    r"|−[\d.]+|[+−-]?[\d.]+\s*%"
)
_ALLOWED = "write numbers with a decimal point and without other separators, such as 1234.5"
MOST_NAMED = 3  # missing values that are named by row and column


def read_csv(path: Path, name: str, label: str = "") -> Collected:
    """The rows of a table, float32 `[N, features]`, and their classes; raises `InputError`.

    `label` names the column with the class labels; without it, a column that is called so is taken.
    """
    title = f"data: {name!r}"
    text = _text(path, title)
    delimiter = _delimiter(text)
    header, rows = _cells(text, delimiter, title)
    place = _label_column(header, label)
    _check_missing(header, rows, title)
    texts = [row[place].strip() for row in rows]
    names = class_order(set(texts))
    places = {each: number for number, each in enumerate(names)}
    labels = np.array([places[text] for text in texts], np.int64)
    others = [column for column in range(len(header)) if column != place]
    comma = delimiter == ";"  # spreadsheets that separate columns so write 1,5 for one and a half
    read = [_column(header[column], [row[column] for row in rows], title, comma) for column in others]
    if not read:
        raise InputError(f"{title} has no column other than {quoted(header[place])}")
    if (count := sum(len(columns) for columns, _, _ in read)) > MOST_FEATURES:
        raise InputError(f"{title} has {count:,} features, categories included; at most {MOST_FEATURES:,} are allowed")
    values = np.stack([column for columns, _, _ in read for column in columns], axis=1)
    collected = Collected(names, values, labels, values[:0], labels[:0])
    collected.columns = [text for _, _, text in read]
    collected.feature_names = tuple(name for _, features, _ in read for name in features)
    return collected


def _text(path: Path, title: str) -> str:
    with opened(path, title) as stream:
        content = stream.read(MOST_TABLE + 1)
    if len(content) > MOST_TABLE:
        raise InputError(f"{title} has more than {MOST_TABLE // MEBIBYTE} MiB, the most for a table")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{title} is not a table: it is not UTF-8 text") from None


def _cells(text: str, delimiter: str, title: str) -> tuple[list[str], list[list[str]]]:
    """The names of the columns, and the cells of every row that is not empty; raises `InputError`."""
    rows: list[list[str]] = []
    reader = _reader(text, delimiter, title)
    header = [name.strip() for name in next(reader, [])]
    if not header or all(_number(name) is not None for name in header):
        raise InputError(f"{title} has no header; its first row must name the columns")
    if "" in header:
        raise InputError(f"{title} has a column without a name; each column must have one")
    if len(header) != len(set(header)):
        raise InputError(f"{title} has two columns with the same name; column names must be unique")
    for row in reader:
        if not any(cell.strip() for cell in row):
            continue
        rows.append(row)
        if len(row) != len(header):
            raise InputError(f"{title}, row {len(rows):,}, has {len(row):,} cells, but the header has {len(header):,}")
        if len(rows) * len(header) > MOST_CELLS:
            raise InputError(f"{title} has more than {MOST_CELLS:,} cells, the most that are allowed")
    if not rows:
        raise InputError(f"{title} has no rows")
    return header, rows


def _reader(text: str, delimiter: str, title: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    except csv.Error as error:
        raise InputError(f"{title} is not a table: {error}") from error


def _delimiter(text: str) -> str:
    first = text.partition("\n")[0]
    return max(DELIMITERS, key=first.count)


def _label_column(header: Sequence[str], label: str) -> int:
    if label:
        if label not in header:
            raise FieldError("label", label, f"one of the columns {_names(header)}")
        return header.index(label)
    named = [place for place, name in enumerate(header) if name.lower() in LABELS]
    if len(named) != 1:
        raise FieldError("label", "", f"the column with the class labels, one of {_names(header)}")
    return named[0]


def _names(header: Sequence[str]) -> str:
    title = ", ".join(name[:40] for name in header[:20])
    return title + (f" and {len(header) - 20:,} more" if len(header) > 20 else "")


def _check_missing(header: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> None:
    """Raises `InputError`, which names the first missing values by row and column."""
    missing = [
        (number, name)
        for number, row in enumerate(rows, 1)
        for name, cell in zip(header, row, strict=True)
        if cell.strip().lower() in MISSING
    ]
    if missing:
        first = ", ".join(f"row {number:,} column {quoted(name[:40])}" for number, name in missing[:MOST_NAMED])
        more = f" and {len(missing) - MOST_NAMED:,} more" if len(missing) > MOST_NAMED else ""
        raise InputError(f"{title} has missing values: {first}{more}; fill them in, or remove these rows or columns")


def _column(
    name: str, cells: Sequence[str], title: str, decimal_comma: bool
) -> tuple[list[np.ndarray], list[str], str]:
    """The features of a column, each float32 `[N]`, their names, and what it is in a few words; raises `InputError`."""
    numbers = _numbers(cells, decimal_comma, title, name)
    count = sum(number is not None for number in numbers)
    if count == len(cells):
        for row, number in enumerate(numbers, 1):
            if not abs(number) <= LARGEST_NUMBER:
                raise InputError(f"{_place(title, row, name)}: {number:g} is beyond ±{LARGEST_NUMBER:,}")
        return [np.array(numbers, np.float32)], [name], f"{name[:40]}: numbers"
    if 2 * count > len(cells):
        row = numbers.index(None)
        raise InputError(
            f"{_place(title, row + 1, name)}: {quoted(cells[row][:40])} is not a number, unlike most values in this "
            "column"
        )
    separated = [row for row, cell in enumerate(cells) if _SEPARATED.fullmatch(cell.strip())]
    if 2 * len(separated) > len(cells):
        raise InputError(
            f"{_place(title, separated[0] + 1, name)}: {quoted(cells[separated[0]].strip()[:40])} is not read as a "
            f"number; {_ALLOWED}"
        )
    texts = np.array([cell.strip() for cell in cells])
    categories = sorted(set(texts.tolist()))
    if len(categories) > MOST_CATEGORIES:
        raise InputError(
            f"{title}, column {quoted(name[:40])}, has {len(categories):,} different values; a column of categories "
            f"has at most {MOST_CATEGORIES}, so leave it out"
        )
    features = [(texts == each).astype(np.float32) for each in categories]
    return features, [f"{name}={each}" for each in categories], f"{name[:40]}: {len(categories)} categories"


def _numbers(cells: Sequence[str], decimal_comma: bool, title: str, name: str) -> list[float | None]:
    """The number in each cell, None for anything else; raises `InputError` for commas that could mean two things."""
    if not decimal_comma:
        return [_number(cell) for cell in cells]
    commas = [_DECIMAL_COMMA.fullmatch(cell.strip()) for cell in cells]
    numbers = [_number(f"{comma[1]}.{comma[2]}" if comma else cell) for comma, cell in zip(commas, cells, strict=True)]
    used = [row for row, comma in enumerate(commas) if comma]
    points = any("." in cell for cell, number in zip(cells, numbers, strict=True) if number is not None)
    if used and (points or all(_THOUSANDS.fullmatch(cells[row].strip()) for row in used)):
        raise InputError(
            f"{_place(title, used[0] + 1, name)}: the comma in {quoted(cells[used[0]].strip()[:40])} could be a "
            f"decimal comma or a thousands separator; {_ALLOWED}"
        )
    return numbers


def _place(title: str, row: int, name: str) -> str:
    return f"{title}, row {row:,}, column {quoted(name[:40])}"


def _number(text: str) -> float | None:
    """The number in a cell; None for anything else, also for Python's own ways of writing one."""
    try:
        number = float(text) if "_" not in text else math.nan
    except ValueError:
        return None
    return None if math.isnan(number) else number
