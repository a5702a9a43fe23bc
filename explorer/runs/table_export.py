"""Export of tables of runs as CSV and Parquet."""

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
    """One row per epoch of the given runs: run and the record's fields; damaged histories are left out."""
    import pandas as pd

    rows = []
    for run in runs:
        try:
            rows += [{"run": run.name, **asdict(record)} for record in run.history()]
        except RunError:  # the leaderboard shows the reason
            continue
    return pd.DataFrame(rows)


def to_file(table: "pd.DataFrame", kind: str) -> bytes:
    """A table as a file's content; tags are joined, and the thinned curves are dropped (`histories` has every epoch).

    Raises `FieldError` for a kind that is neither CSV nor Parquet.
    """
    if kind not in FORMATS:
        raise FieldError("format", kind, "one of " + ", ".join(FORMATS))
    flat = table.drop(columns=["curve", "group"], errors="ignore")
    if "tags" in flat:
        flat = flat.assign(tags=flat["tags"].str.join(", "))
    return to_csv(flat) if kind == CSV else to_parquet(flat)


def to_csv(table: "pd.DataFrame") -> bytes:
    """A table as UTF-8 CSV; text that a spreadsheet would run as a formula is quoted, numbers stay as they are."""
    import pandas as pd

    safe = table.rename(columns=_no_formula)
    # by position, because two columns may have the same name
    for place, kind in enumerate(safe.dtypes):
        if kind.kind == "O":
            values = map(_no_formula, safe.iloc[:, place])
            safe.isetitem(place, pd.Series(values, index=safe.index, dtype=object))
    return safe.to_csv(index=False).encode("utf-8", "backslashreplace")


def to_parquet(table: "pd.DataFrame") -> bytes:
    """A table as Parquet, in which text is never read as a formula."""
    stream = io.BytesIO()
    table.to_parquet(stream, index=False)
    return stream.getvalue()


# Characters that start a formula in a spreadsheet, as listed by OWASP's page on CSV injection.
FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")


def _no_formula(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = value.replace("\r\n", "\n").replace("\r", "\n")  # the writer would not quote a lone \r, which starts a line
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
