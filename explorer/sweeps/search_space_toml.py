"""The search space of a study's TOML file: the tables `settings`, `space` and `condition`, with every value checked."""

import itertools
from typing import Any

from explorer.config import FIELDS
from explorer.errors import FieldError
from explorer.sweeps.search_space import Choices, Condition, Domain, Range, Space

MOST_VALUES, MOST_CONDITIONS = 10_000, 100
MOST_STEPS = 10**9  # of a range: finer than the digits to which sampled values are rounded
RANGE_KEYS = ("low", "high", "log", "step", "points")


def parse_space(settings: Any, space: Any, conditions: Any) -> Space:
    """The space of a TOML file's tables; raises `FieldError` with the field, the value and what is allowed."""
    fixed = {name: _check(name, value, "settings") for name, value in _table(settings, "settings").items()}
    domains = {name: _parse_domain(name, value, "space") for name, value in _table(space, "space").items()}
    if not isinstance(conditions, list):
        raise FieldError("condition", conditions, "written as [[condition]]")
    if len(conditions) > MOST_CONDITIONS:
        raise FieldError("condition", f"{len(conditions):,} conditions", f"at most {MOST_CONDITIONS} conditions")
    parsed = tuple(_parse_condition(number, value) for number, value in enumerate(conditions, 1))
    varied = {*domains, *itertools.chain.from_iterable(condition.then for condition in parsed)}
    if not varied:
        raise FieldError("space", {}, "a table with at least one field, such as depth = [1, 2, 4]")
    for name in domains:
        if name in fixed:
            raise FieldError(f"settings.{name}", fixed[name], "omitted, because the space varies it")
    return Space(fixed, domains, parsed)


def _parse_condition(number: int, value: Any) -> Condition:
    where = f"condition {number}"
    table = _table(value, where)
    if set(table) != {"when", "then"}:
        raise FieldError(where, value, 'two tables, such as when = { activation = "selu" } and then = { … }')
    when, then = _table(table["when"], f"{where}.when"), _table(table["then"], f"{where}.then")
    if not when or not then:
        raise FieldError(where, value, "tables with at least one field each")
    return Condition(
        {name: tuple(_check(name, v, f"{where}.when") for v in _as_list(value)) for name, value in when.items()},
        {name: _parse_domain(name, value, f"{where}.then") for name, value in then.items()},
    )


def _parse_domain(name: str, value: Any, where: str) -> Domain:
    label = f"{where}.{name}"
    _check_name(name, where)
    if not isinstance(value, dict):
        values = tuple(_check(name, v, where) for v in _as_list(value))
        if not values or len(set(values)) < len(values):
            raise FieldError(label, value, "a list of different values")
        if len(values) > MOST_VALUES:
            raise FieldError(label, f"{len(values):,} values", f"a list of at most {MOST_VALUES:,} values")
        return Choices(values)
    if FIELDS[name].choices or isinstance(FIELDS[name].default, bool):
        raise FieldError(label, value, f"a list of values, each {FIELDS[name].allowed}")
    unknown = set(value) - set(RANGE_KEYS)
    if unknown or not {"low", "high"} <= set(value):
        raise FieldError(label, value, "a list, or a range with low and high (and log, step or points)")
    return _parse_range(name, value, where)


def _parse_range(name: str, value: dict[str, Any], where: str) -> Range:
    label = f"{where}.{name}"
    low, high = (_check(name, value[end], where, f".{end}") for end in ("low", "high"))
    log, step, points = value.get("log", False), value.get("step"), value.get("points")
    if not isinstance(log, bool):
        raise FieldError(f"{label}.log", log, "true or false")
    if not low < high:
        raise FieldError(f"{label}.high", high, f"greater than low, which is {low:g}")
    if log and low <= 0:
        raise FieldError(f"{label}.low", low, "above 0 when log is true")
    if step is not None:
        kinds = (int,) if isinstance(low, int) else (int, float)
        least = 0 if isinstance(low, int) else (high - low) / MOST_STEPS
        if isinstance(step, bool) or not isinstance(step, kinds) or not least < step <= high - low or log:
            span = f"a {'whole ' * isinstance(low, int)}number above {least:g} and at most {high - low:g}"
            raise FieldError(f"{label}.step", step, "omitted when log is true" if log else span)
    if points is not None and (type(points) is not int or not 2 <= points <= 1000 or step is not None):
        allowed = "omitted when there is a step" if step is not None else "a whole number from 2 to 1,000"
        raise FieldError(f"{label}.points", points, allowed)
    return Range(low, high, log, step, points)


def _check(name: str, value: Any, where: str, end: str = "") -> Any:
    _check_name(name, where)
    try:
        return FIELDS[name].check(value)
    except FieldError as error:
        raise FieldError(f"{where}.{name}{end}", value, error.allowed) from None


def _check_name(name: str, where: str) -> None:
    if name not in FIELDS:
        raise FieldError(where, name, "one of " + ", ".join(FIELDS))


def _table(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FieldError(where, value, "a table")
    return value


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
