"""The mark of a run that tries a fix: the run that it is compared with, and the settings that differ."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypedDict

from explorer import records
from explorer.config import FIELDS
from explorer.errors import FieldError
from explorer.files import read_bytes
from explorer.records import Name, Plain

FIX = "fix.json"
NAMED = "_fix"  # ends the part of a run's name before its time


@dataclass(frozen=True)
class FixMark:
    """What a run tries: `change` of the settings of the run named `origin`; an empty change is that run once more.

    `compared` if it was started to be compared with other changes, whose best two are then tried together.
    """

    origin: str
    change: Mapping[str, Any] = field(default_factory=dict)
    compared: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The mark as plain values for JSON."""
        return {"origin": self.origin, "fix": dict(self.change), "compared": self.compared}


class _File(TypedDict, total=False):
    origin: Name
    fix: dict[str, Plain]
    compared: bool


def read_fix_mark(folder: str) -> FixMark | None:
    """The mark in a run folder; None without one, or with a damaged one."""
    try:
        return _read(folder)
    except (OSError, ValueError, FieldError):
        return None


@lru_cache(maxsize=4096)  # written once, before a folder has its name
def _read(folder: str) -> FixMark:
    values = records.from_json(read_bytes(f"{folder}/{FIX}"), _File)
    if not values.get("origin") or not set(values.get("fix", {})) <= set(FIELDS):
        raise ValueError("it names no run, or unknown settings")
    change = {name: FIELDS[name].check(value) for name, value in values.get("fix", {}).items()}
    return FixMark(values["origin"], change, values.get("compared", False))
