"""Tables of runs as files that other programs open: CSV and Parquet."""

import io
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

from explorer.errors import FieldError, RunError
from explorer.runs import Run

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
    stream = io.BytesIO()
    if kind == CSV:
        flat.to_csv(stream, index=False)
    else:
        flat.to_parquet(stream, index=False)
    return stream.getvalue()
