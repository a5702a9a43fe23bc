"""Tables of runs as files that other programs open: CSV and Parquet."""

import io
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

from explorer.errors import FieldError, RunError
from explorer.runs.run import Run

if TYPE_CHECKING:
    import pandas as pd

CSV, PARQUET = "csv", "parquet"
FORMATS = {CSV: ("CSV", "text/csv"), PARQUET: ("Parquet", "application/vnd.apache.parquet")}


def histories(runs: Iterable[Run]) -> "pd.DataFrame":
    """Every epoch of some runs, one row an epoch: run and the record's fields; a damaged history is left out."""
    import pandas as pd

    rows = []
    for run in runs:
        try:
            rows += [{"run": run.name, **asdict(record)} for record in run.history()]
        except RunError:  # the leaderboard says what is wrong with it
            continue
    return pd.DataFrame(rows)


def to_file(table: "pd.DataFrame", kind: str) -> bytes:
    """A table as a file's content; tags become one text, and the small curves are left to the histories.

    Raises `FieldError` for a kind that is neither CSV nor Parquet.
    """
    if kind not in FORMATS:
        raise FieldError("format", kind, "one of " + ", ".join(FORMATS))
    flat = table.drop(columns=["curve", "group"], errors="ignore")
    if "tags" in flat:
        flat = flat.assign(tags=flat["tags"].str.join(", "))
    return to_csv(flat) if kind == CSV else to_parquet(flat)


def to_csv(table: "pd.DataFrame") -> bytes:
    """A table as CSV, UTF-8, in which no text is a formula; numbers stay as they are."""
    import pandas as pd

    safe = table.rename(columns=_no_formula)
    # by place, as two columns may have one name
    for place, kind in enumerate(safe.dtypes):
        if kind.kind == "O":
            values = map(_no_formula, safe.iloc[:, place])
            safe.isetitem(place, pd.Series(values, index=safe.index, dtype=object))
    return safe.to_csv(index=False).encode("utf-8", "backslashreplace")


def to_parquet(table: "pd.DataFrame") -> bytes:
    """A table as Parquet, whose texts are never read as formulas."""
    stream = io.BytesIO()
    table.to_parquet(stream, index=False)
    return stream.getvalue()


# What makes a spreadsheet calculate a cell, as OWASP's page on CSV injection lists it.
FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")


def _no_formula(value: object) -> object:
    if not isinstance(value, str):
        return value
    words = value.replace("\r\n", "\n").replace("\r", "\n")  # a lone one would not be quoted, and begins a line
    return f"'{words}" if words.startswith(FORMULA_STARTS) else words
