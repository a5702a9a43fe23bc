"""The specification of a study: its search space, sampler and budget, read from TOML or created by the page."""

import re
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import tomli_w

from explorer.config import FIELDS
from explorer.errors import FieldError, InputError
from explorer.runs.metrics import OBJECTIVES
from explorer.sweeps.search_space import Space
from explorer.sweeps.search_space_toml import parse_space

SCHEMA_VERSION = 1
GRID, RANDOM, TPE = "grid", "random", "tpe"
NONE, MEDIAN, HYPERBAND = "none", "median", "hyperband"
# the fields that change what the validation loss is, and not only how low it gets
PARTS_OF_LOSS = {"l2": "the L2 penalty", "label_smoothing": "label smoothing"}
SAMPLERS = {
    GRID: "tries every combination in order",
    RANDOM: "samples each trial at random",
    TPE: "samples where earlier trials were good (Optuna's TPE)",
}
PRUNERS = {
    NONE: "trains every trial to the end",
    MEDIAN: "stops a trial that is worse than the median of the others at the same epoch",
    HYPERBAND: "gives many trials few epochs, and repeatedly only the best third more",
}

LIMITS = {
    "trials": (1, 100_000),
    "epochs": (1, int(FIELDS["epochs"].maximum)),
    "seeds": (1, 20),
    "seed": (0, 2**31 - 1),
}
MOST_BYTES = 1 << 18  # of a study file; a list of ten thousand values takes a hundred thousand
# tomllib takes quadratic time in the parts of a dotted key; a study's keys have at most three
_LONG_KEY = re.compile(r"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){9}""")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,59}")


@dataclass(frozen=True)
class StudySpec:
    """The specification of a study. `epochs` and `seeds` are per trial; `seed` makes the sampler reproducible."""

    name: str
    space: Space
    sampler: str = TPE
    pruner: str = NONE
    trials: int = 20
    minutes: float | None = None
    epochs: int = 10
    seeds: int = 1
    objective: str = "val_loss"
    seed: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name) or self.name != self.name.strip():
            raise FieldError("name", self.name, "1 to 60 letters, digits, spaces, dots, dashes or underscores")
        for field, allowed in (("sampler", SAMPLERS), ("pruner", PRUNERS), ("objective", OBJECTIVES)):
            if getattr(self, field) not in tuple(allowed):
                raise FieldError(field, getattr(self, field), "one of " + ", ".join(allowed))
        for field, (low, high) in LIMITS.items():
            value = getattr(self, field)
            if type(value) is not int or not low <= value <= high:
                raise FieldError(field, value, f"a whole number from {low:,} to {high:,}")
        if self.minutes is not None and (
            isinstance(self.minutes, bool)
            or not isinstance(self.minutes, int | float)
            or not 0 < self.minutes <= 60 * 24 * 365
        ):
            raise FieldError("minutes", self.minutes, "a number above 0 and at most a year")
        if self.sampler == GRID:
            self.space.grid_size()  # raises for a missing `points` or too many combinations

    @property
    def planned(self) -> int:
        """The maximum number of trials."""
        return min(self.trials, self.space.grid_size()) if self.sampler == GRID else self.trials

    @property
    def caution(self) -> str:
        """What to bear in mind where the values of trials are compared; empty where there is nothing."""
        parts = [part for field, part in PARTS_OF_LOSS.items() if field in self.space.fields()]
        if self.objective != "val_loss" or not parts:
            return ""
        return (
            f"The validation loss includes {' and '.join(parts)}, which differ{'s' * (len(parts) == 1)} between the "
            "trials; the validation accuracy does not."
        )

    def check_new(self) -> None:
        """Raises `InputError` for conditions that can never hold; existing studies may have them."""
        self.space.check_conditions()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as in a TOML file; `from_dict` reads them."""
        values = {name: value for name, value in asdict(self).items() if name != "space" and value is not None}
        space = self.space
        return {
            **values,
            "settings": dict(space.settings),
            "space": {name: domain.to_dict() for name, domain in space.domains.items()},
            "condition": [condition.to_dict() for condition in space.conditions],
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "StudySpec":
        """The study from the content of a TOML file; raises `InputError` for a name or value that is not allowed."""
        values = dict(values)
        version = values.pop("schema_version", SCHEMA_VERSION)
        if type(version) is not int or not 1 <= version <= SCHEMA_VERSION:
            raise FieldError("schema_version", version, f"a whole number from 1 to {SCHEMA_VERSION}")
        parts = {name: values.pop(name, default) for name, default in _TABLES.items()}
        known = set(cls.__dataclass_fields__) - {"space"}
        if unknown := set(values) - known:
            raise FieldError("field", min(unknown), "one of " + ", ".join([*sorted(known), *_TABLES]))
        space = parse_space(parts["settings"], parts["space"], parts["condition"])
        return cls(space=space, **{"name": "", **values})


_TABLES: dict[str, Any] = {"settings": {}, "space": {}, "condition": []}


def read_toml(path: Path) -> StudySpec:
    """Reads a study from a file, named after it unless it has a name; raises `InputError`."""
    try:
        with path.open("rb") as stream:  # it may be a pipe, such as /dev/stdin
            content = stream.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise InputError(f"file: {str(path)!r} has more than {MOST_BYTES:,} bytes; a study has a few hundred")
        text = content.decode("utf-8")
        if _LONG_KEY.search(text):
            raise RecursionError
        values = tomllib.loads(text)
    except OSError as error:
        raise InputError(f"file: {str(path)!r} cannot be read ({error.strerror})") from error
    except RecursionError as error:
        raise InputError(f"file: {str(path)!r} is not a study: it is nested too deeply") from error
    except ValueError as error:
        raise InputError(f"file: {str(path)!r} is not valid TOML: {str(error)[:200]}") from error
    spec = StudySpec.from_dict({"name": path.stem, **values})
    spec.check_new()
    return spec


def to_toml(spec: StudySpec) -> str:
    """The study as TOML that `read_toml` reads."""
    return tomli_w.dumps(spec.to_dict())
