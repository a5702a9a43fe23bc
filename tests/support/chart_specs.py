"""Specifications of charts, searched."""

import json
import re
from typing import Any


def values_of(spec: Any, key: str) -> list[Any]:
    """Every value under a key, wherever it is."""
    if isinstance(spec, list):
        return [value for part in spec for value in values_of(part, key)]
    if not isinstance(spec, dict):
        return []
    return [value for name, part in spec.items() for value in ([part] if name == key else values_of(part, key))]


def without_data(chart) -> str:
    """The specification of an Altair chart without its rows and the name that is made from them."""
    spec = chart.to_dict()
    spec.pop("datasets")
    return re.sub(r'"data-[0-9a-f]+"', "", json.dumps(spec))
