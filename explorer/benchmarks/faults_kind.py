"""A kind of fault: a named change of a healthy configuration, and which findings name it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from explorer.config import FIELDS, TrainingConfig

# how a suggested value must differ from the faulty one: higher, lower, or in any way
UP, DOWN, OTHER = "up", "down", "other"

Change = Callable[[TrainingConfig, Any], Mapping[str, Any]]


@dataclass(frozen=True)
class Fault:
    """A kind of fault: a change of a healthy configuration, with a strength.

    `change(config, strength)` holds the changed settings; it is only called where `applies(config)`. A finding names
    this fault if its name is among `causes`, or if its suggested change takes one of the settings of `undone_by` back:
    up, down, or to any other value. `weight` is how often it is drawn, relative to the others that apply.
    """

    name: str
    title: str
    strengths: tuple[Any, ...]
    change: Change
    causes: frozenset[str]
    undone_by: Mapping[str, str] = field(default_factory=dict)
    applies: Callable[[TrainingConfig], bool] = lambda config: config.depth > 0
    weight: float = 1.0

    def inject(self, config: TrainingConfig, strength: Any) -> TrainingConfig:
        """The configuration with the fault, within the bounds of its fields."""
        return config.with_(**{name: _bounded(name, value) for name, value in self.change(config, strength).items()})

    def named_by(self, finding: str, change: Mapping[str, Any], faulty: TrainingConfig) -> bool:
        """Whether a finding about the faulty configuration, with its suggested change, names this fault."""
        return finding in self.causes or any(
            name in change and _goes(direction, getattr(faulty, name), change[name])
            for name, direction in self.undone_by.items()
        )


def _bounded(name: str, value: Any) -> Any:
    bounds = FIELDS[name]
    return value if bounds.choices else min(max(value, bounds.minimum), bounds.maximum)


def _goes(direction: str, faulty: Any, suggested: Any) -> bool:
    if direction == OTHER:
        return suggested != faulty
    return suggested > faulty if direction == UP else suggested < faulty


def fault(name: str, title: str, strengths: Iterable[Any], change: Change, causes: str, **other: Any) -> Fault:
    """A kind of fault; `causes` are the names of findings, separated by spaces."""
    return Fault(name, title, tuple(strengths), change, frozenset(causes.split()), **other)
