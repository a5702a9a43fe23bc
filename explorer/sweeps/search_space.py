"""Search spaces: fields with choices or ranges, and conditions between them. Pure; independent of any sampler.

A point is drawn field by field: `draw` calls a function for each value, so random sampling, Optuna and the
enumeration of a grid share one code path.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from explorer.config import FIELDS, TrainingConfig
from explorer.errors import FieldError, InputError

MOST_GRID_POINTS = 100_000


@dataclass(frozen=True)
class Choices:
    """A list of equally likely values."""

    values: tuple[Any, ...]

    def grid(self, name: str) -> tuple[Any, ...]:
        """Every value."""
        return self.values

    def count(self, name: str) -> int:
        """The number of values in a grid."""
        return len(self.values)

    def holds(self, value: Any) -> bool:
        """Whether it is one of the values."""
        return value in self._known

    @cached_property
    def _known(self) -> frozenset:
        return frozenset(self.values)

    def to_dict(self) -> Any:
        """As TOML has it."""
        return list(self.values)


@dataclass(frozen=True)
class Range:
    """All numbers from `low` to `high`, both included, sampled on a log scale with `log`.

    `step` restricts it to multiples from `low`; `points` is the number of values in a grid.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None
    points: int | None = None

    def grid(self, name: str) -> tuple[Any, ...]:
        """The values in a grid; raises `FieldError` without `step` or `points`."""
        whole = isinstance(self.low, int)
        if self.step is not None:
            return tuple(self.low + number * self.step for number in range(self.count(name)))
        if self.points is None:
            raise FieldError(f"space.{name}", self.to_dict(), "a list, or a range with `points` or `step`, for a grid")
        shares = [number / (self.points - 1) for number in range(self.points)]
        if self.log:
            values = [self.low * (self.high / self.low) ** share for share in shares]
        else:
            values = [self.low + share * (self.high - self.low) for share in shares]
        values[-1] = self.high
        return tuple(dict.fromkeys(round(v) if whole else float(f"{v:.6g}") for v in values))

    def count(self, name: str) -> int:
        """The number of values in a grid, computed without listing those of a range with a step; raises like `grid`."""
        return len(self.grid(name)) if self.step is None else self.steps()

    def steps(self) -> int:
        """The number of values of a range with a step."""
        return math.floor((self.high - self.low) / self.step * (1 + 1e-12)) + 1

    def holds(self, value: Any) -> bool:
        """Whether a value lies in the range, also between its steps or points."""
        return isinstance(value, int | float) and self.low <= value <= self.high

    def to_dict(self) -> Any:
        """As TOML has it."""
        values = {"low": self.low, "high": self.high, "log": self.log, "step": self.step, "points": self.points}
        return {name: value for name, value in values.items() if value is not None and value is not False}


Domain = Choices | Range


@dataclass(frozen=True)
class Condition:
    """Where each field of `when` has one of its values, the fields of `then` are drawn from other domains."""

    when: Mapping[str, tuple[Any, ...]]
    then: Mapping[str, Domain]

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether the condition applies to these values."""
        return all(values[name] in allowed for name, allowed in self.when.items())

    def to_dict(self) -> Any:
        """As TOML has it."""
        return {
            "when": {name: list(values) for name, values in self.when.items()},
            "then": {name: domain.to_dict() for name, domain in self.then.items()},
        }


@dataclass(frozen=True)
class Space:
    """Fixed settings, varied fields, and conditions; for each field the first condition that holds applies."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    domains: Mapping[str, Domain] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "order", _order(self.domains, self.conditions))

    def draw(self, pick: Callable[[str, Domain], Any]) -> dict[str, Any]:
        """One value for each field that varies at this point, chosen by `pick(key, domain)`.

        The key is the field's name, or a name of its own where a condition gives the field another domain.
        """
        known = {name: self.settings.get(name, each.default) for name, each in FIELDS.items()}
        drawn = {}
        for name in self.order:
            key, domain = self._domain(name, known)
            if domain is None:
                continue
            fixed = isinstance(domain, Choices) and len(domain.values) == 1
            known[name] = drawn[name] = domain.values[0] if fixed else pick(key, domain)
        return drawn

    def config(self, drawn: Mapping[str, Any], **more: Any) -> TrainingConfig:
        """The configuration of a draw; raises `FieldError` for incompatible settings."""
        return TrainingConfig.from_dict({**more, **self.settings, **drawn})

    def grid(self) -> list[dict[str, Any]]:
        """Every combination, as `draw` would return it; raises like `grid_size`."""
        self.grid_size()
        return list(self._walk())

    def grid_size(self) -> int:
        """The number of combinations, computed without listing them.

        Raises `FieldError` for a range without points, `InputError` for more than `MOST_GRID_POINTS`.
        """
        count = self._count
        if count > MOST_GRID_POINTS:
            advice = "vary fewer values, or use the random or tpe sampler"
            raise InputError(
                f"space: the grid has {count:,} points; at most {MOST_GRID_POINTS:,} are allowed; {advice}"
            )
        return count

    @cached_property
    def _count(self) -> int:
        return _Counter(self).count()

    def check_conditions(self) -> None:
        """Raises `FieldError` for a condition that can never hold, whatever is drawn."""
        for number, condition in enumerate(self.conditions, 1):
            for name, wanted in condition.when.items():
                if not any(self._may_be(name, value) for value in wanted):
                    allowed = f"a value that {name} can have in this study; otherwise the condition never holds"
                    raise FieldError(f"condition {number}.when.{name}", list(wanted), allowed)

    def _may_be(self, name: str, value: Any) -> bool:
        tables = [self.domains, *(condition.then for condition in self.conditions)]
        fixed = name not in self.domains and value == self.settings.get(name, FIELDS[name].default)
        return fixed or any(table[name].holds(value) for table in tables if name in table)

    def fields(self) -> list[str]:
        """The fields that may differ from trial to trial."""
        return list(self.order)

    def values(self, name: str) -> list[Any]:
        """Every value that a field with choices can take."""
        tables = [self.domains, *(condition.then for condition in self.conditions)]
        values = [value for table in tables if name in table for value in table[name].values]
        if name not in self.domains:
            values.append(self.settings.get(name, FIELDS[name].default))
        return list(dict.fromkeys(values))

    def _domain(self, name: str, known: Mapping[str, Any]) -> tuple[str, Domain | None]:
        for number, condition in enumerate(self.conditions, 1):
            if name in condition.then and condition.holds(known):
                return f"{name} (condition {number})", condition.then[name]
        return name, self.domains.get(name)

    def _walk(self) -> Iterator[dict[str, Any]]:
        """All draws in order, like an odometer whose later wheels depend on the earlier ones."""
        chosen: list[int] = []
        grids: dict[str, tuple[Any, ...]] = {}
        while True:
            sizes: list[int] = []

            def pick(key: str, domain: Domain, sizes: list[int] = sizes) -> Any:
                values = grids.get(key) or grids.setdefault(key, domain.grid(key))
                place = len(sizes)
                sizes.append(len(values))
                if place == len(chosen):
                    chosen.append(0)
                return values[chosen[place]]

            yield self.draw(pick)
            while chosen and chosen[-1] + 1 >= sizes[len(chosen) - 1]:
                chosen.pop()
            if not chosen:
                return
            chosen[-1] += 1


class _Counter:
    """Counts the points of a grid without listing them: values that no condition distinguishes are multiplied.

    A field that no condition refers to is one factor, however many values it has. Counting stops when the conditions
    lead to more distinct paths than a grid may have points.
    """

    def __init__(self, space: Space):
        self._space = space
        self._told_apart: dict[str, set[Any]] = {}
        for condition in space.conditions:
            for name, values in condition.when.items():
                self._told_apart.setdefault(name, set()).update(values)
        self._sizes: dict[str, int] = {}
        self._ways = 0

    def count(self) -> int:
        """The number of points; a lower bound if the grid is too large."""
        space = self._space
        return self._below(0, {name: space.settings.get(name, each.default) for name, each in FIELDS.items()})

    def _below(self, place: int, known: dict[str, Any]) -> int:
        if place == len(self._space.order):
            self._ways += 1
            return 1
        name = self._space.order[place]
        key, domain = self._space._domain(name, known)
        if domain is None:
            return self._below(place + 1, known)
        total = 0
        for value, count in self._groups(name, key, domain):
            total += count * self._below(place + 1, {**known, name: value})
            if self._ways > MOST_GRID_POINTS:
                break
        return total

    def _groups(self, name: str, key: str, domain: Domain) -> Iterator[tuple[Any, int]]:
        """One value of each group that the conditions distinguish, and the size of the group."""
        if key not in self._sizes:
            self._sizes[key] = domain.count(key)
        size, told_apart = self._sizes[key], self._told_apart.get(name, ())
        if told_apart and size <= MOST_GRID_POINTS:
            named = [value for value in domain.grid(key) if value in told_apart]
            yield from ((value, 1) for value in named)
            size -= len(named)
        if size:
            yield _OTHER, size


class _Other:
    """A value that no condition names."""


_OTHER = _Other()


def _order(domains: Mapping[str, Domain], conditions: tuple[Condition, ...]) -> tuple[str, ...]:
    """The varied fields, each after those that its conditions refer to; raises `InputError` for a cycle."""
    waiting = list(dict.fromkeys([*domains, *(name for condition in conditions for name in condition.then)]))
    after = {name: {w for c in conditions if name in c.then for w in c.when} for name in waiting}
    ordered: list[str] = []
    while waiting:
        ready = next((name for name in waiting if not after[name] & set(waiting)), None)
        if ready is None:
            raise InputError(f"condition: {', '.join(waiting)} depend on each other in a cycle")
        ordered.append(ready)
        waiting.remove(ready)
    return tuple(ordered)
