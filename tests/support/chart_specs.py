"""Specifications of charts, searched."""

from typing import Any


def values_of(spec: Any, key: str) -> list[Any]:
    """Every value under a key, wherever it is."""
    if isinstance(spec, list):
        return [value for part in spec for value in values_of(part, key)]
    if not isinstance(spec, dict):
        return []
    return [value for name, part in spec.items() for value in ([part] if name == key else values_of(part, key))]
