"""Points in a plane in two classes, made by a rule: two moons, two circles, two spirals, and XOR.

The functions that make them are part of every exported script, so each needs NumPy only. NumPy's `RandomState` gives
the same numbers in all versions; rounding removes what the last bit of a cosine may differ by between machines.
"""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from explorer.data.origin import Made
from explorer.data.spec import WITH_TEST, DatasetSpec
from explorer.data.stored import Layout, Part

if TYPE_CHECKING:
    import numpy as np

    from explorer.data.origin import Arrays

LABELLED, TEST = 2_000, 1_000
EDGE = 6  # all coordinates are from -6 to 6
_SHAPES = {"x_train": (LABELLED, 2), "x_test": (TEST, 2), "y_train": (LABELLED,), "y_test": (TEST,)}


def two_moons(count: int, noise: float = 0.4, seed: int = 1) -> "tuple[np.ndarray, np.ndarray]":
    """Points of two half circles that reach into each other, `[count, 2]`, and their classes `[count]`."""
    import numpy as np

    random = np.random.RandomState(seed)
    y = np.arange(count) % 2
    angle = random.uniform(0, np.pi, count)
    x = np.where(y, [1 - np.cos(angle), 0.5 - np.sin(angle)], [np.cos(angle), np.sin(angle)]).T
    x = 3 * (x - [0.5, 0.25]) + random.normal(0, noise, x.shape)
    return np.clip(x, -6, 6).round(3).astype("float32"), y


def two_circles(count: int, noise: float = 0.5, seed: int = 1) -> "tuple[np.ndarray, np.ndarray]":
    """Points of a circle around another one, `[count, 2]`, and their classes `[count]`."""
    import numpy as np

    random = np.random.RandomState(seed)
    y = np.arange(count) % 2
    angle = random.uniform(0, 2 * np.pi, count)
    x = np.where(y, 4, 2) * np.array([np.cos(angle), np.sin(angle)])
    x = x.T + random.normal(0, noise, (count, 2))
    return np.clip(x, -6, 6).round(3).astype("float32"), y


def two_spirals(count: int, noise: float = 0.15, seed: int = 1) -> "tuple[np.ndarray, np.ndarray]":
    """Points of two spirals around each other, `[count, 2]`, and their classes `[count]`."""
    import numpy as np

    random = np.random.RandomState(seed)
    y = np.arange(count) % 2
    radius = 5 * np.sqrt(random.uniform(0.01, 1, count))
    angle = 0.7 * np.pi * radius + np.pi * y
    x = (radius * np.array([np.sin(angle), np.cos(angle)])).T + random.normal(0, noise, (count, 2))
    return np.clip(x, -6, 6).round(3).astype("float32"), y


def xor(count: int, noise: float = 0.3, seed: int = 1) -> "tuple[np.ndarray, np.ndarray]":
    """Points of a square, `[count, 2]`, and their classes `[count]`: whether their coordinates have different signs."""
    import numpy as np

    random = np.random.RandomState(seed)
    x = random.uniform(-5, 5, (count, 2))
    y = (x[:, 0] * x[:, 1] < 0).astype(int)
    x = x + random.normal(0, noise, x.shape)
    return np.clip(x, -6, 6).round(3).astype("float32"), y


def _read(make: Callable, **changed: float) -> "Arrays":
    x, y = make(LABELLED + TEST, **changed)
    return {
        "x_train": x[:LABELLED],
        "x_test": x[LABELLED:],
        "y_train": y[:LABELLED].astype("uint8"),
        "y_test": y[LABELLED:].astype("uint8"),
    }


def _loading(make: Callable, **changed: float) -> str:
    """The code that makes the points in an exported script, which has imported NumPy."""
    code = inspect.getsource(make).replace('"tuple[np.ndarray, np.ndarray]"', "tuple[np.ndarray, np.ndarray]")
    arguments = ", ".join([str(LABELLED + TEST), *(f"{name}={value:g}" for name, value in changed.items())])
    return (
        code.replace("    import numpy as np\n\n", "")
        + f"""

x, y = {make.__name__}({arguments})
x_test, y_test, x, y = x[{LABELLED}:], y[{LABELLED}:], x[:{LABELLED}], y[:{LABELLED}]
"""
    )


def _spec(name: str, title: str, class_names: tuple[str, str], make: Callable, hashes: tuple[str, ...]) -> DatasetSpec:
    types = {"x": "float32", "y": "uint8"}
    return DatasetSpec(
        name=name,
        title=title,
        class_names=class_names,
        max_value=EDGE,
        dark_background=False,
        licence="none needed, as they are made by a rule",
        source="https://playground.tensorflow.org",
        citation="D. Smilkov, S. Carter, D. Sculley, F. Viégas, M. Wattenberg: Direct-Manipulation Visualization of "
        "Deep Networks. arXiv:1708.03788, 2017",
        layout=Layout(
            tuple(
                Part(part, _SHAPES[part], digest, types[part[0]])
                for part, digest in zip(WITH_TEST, hashes, strict=True)
            )
        ),
        origin=Made(partial(_read, make)),
        loading=_loading(make),
    )


MOONS = _spec(
    "moons",
    "Two moons",
    ("upper moon", "lower moon"),
    two_moons,
    (
        "fc90d27c0748402746d82e7280e0bec3c978ea47e72699c54e78f5adb75cbd00",
        "31d6e5008c8fe291a7fbaa03d5dba247d9d0b15540ef391ad4816a465caa0552",
        "632a36a6a467c7f0b574e6f79a0b3a772b9e213db38b9cb498d0d4be50dc3701",
        "a397a563ae79e726a32a764b5336d80c7b7f34c8e721acdd429c328a739a0779",
    ),
)
CIRCLES = _spec(
    "circles",
    "Two circles",
    ("inner circle", "outer circle"),
    two_circles,
    (
        "b3034baf63ba3f91a2ac0026eea259a710c6531143c2c35f83b9e62acba35321",
        "fe19f75f22fb0d82a8fcf0c4100ad92caf575f943dcb456970441be7a19074e7",
        "632a36a6a467c7f0b574e6f79a0b3a772b9e213db38b9cb498d0d4be50dc3701",
        "a397a563ae79e726a32a764b5336d80c7b7f34c8e721acdd429c328a739a0779",
    ),
)
SPIRALS = _spec(
    "spirals",
    "Two spirals",
    ("first spiral", "second spiral"),
    two_spirals,
    (
        "7ea4a2d3768b5a56a57462e2774f4ed855cd3dd69e7833f55e00b27757b6ddc9",
        "30a1f650223a18ace9117d78a93dfde9f61f1f58c263e5764e241a310e579c1f",
        "632a36a6a467c7f0b574e6f79a0b3a772b9e213db38b9cb498d0d4be50dc3701",
        "a397a563ae79e726a32a764b5336d80c7b7f34c8e721acdd429c328a739a0779",
    ),
)
XOR = _spec(
    "xor",
    "XOR",
    ("same signs", "different signs"),
    xor,
    (
        "740faa5c0b7b6100e591fb5721daeb8e736b2e866c30c44222c8efddc4265c2b",
        "f27322e380f9878a871476b391d7f50c35b18840f9aed151a4306a4a1fadcc5c",
        "f64636e8affe3d005af9d62d2b059b39bb93d0c0969aa5b3ed4fc6ef475558ed",
        "c5a66e5aa6156cc8f80855f547aa23bdd104e5088def7fe14be19cbfb15a21d4",
    ),
)

SETS = MOONS, CIRCLES, SPIRALS, XOR
_RULES = {
    MOONS.name: (MOONS, two_moons),
    CIRCLES.name: (CIRCLES, two_circles),
    SPIRALS.name: (SPIRALS, two_spirals),
    XOR.name: (XOR, xor),
}
MOST_NOISE, MOST_SEED = 3.0, 9_999
_NAME = re.compile(r"([a-z]+)(?:_noise(\d{1,3}))?(?:_seed(\d{1,4}))?")


@dataclass(frozen=True)
class Rule:
    """How points are made: the data set with the usual noise and seed, the noise in hundredths, and the seed."""

    base: str
    hundredths: int
    seed: int

    @property
    def noise(self) -> float:
        """The standard deviation of the points around their curve."""
        return self.hundredths / 100

    @property
    def name(self) -> str:
        """The name of the data set, such as `moons_noise80_seed2`; what is usual is left out."""
        usual = _usual(self.base)
        noise = f"_noise{self.hundredths}" if self.hundredths != usual.hundredths else ""
        return f"{self.base}{noise}{f'_seed{self.seed}' if self.seed != usual.seed else ''}"


def _usual(base: str) -> Rule:
    defaults = inspect.signature(_RULES[base][1]).parameters
    return Rule(base, round(100 * defaults["noise"].default), defaults["seed"].default)


def rule_of(name: object) -> Rule | None:
    """How the points of a data set are made; None for a name that is not of one."""
    found = _NAME.fullmatch(name) if isinstance(name, str) else None
    if not found or found[1] not in _RULES:
        return None
    usual = _usual(found[1])
    rule = replace(usual, hundredths=int(found[2] or usual.hundredths), seed=int(found[3] or usual.seed))
    return rule if rule.noise <= MOST_NOISE and name == rule.name else None


@lru_cache(maxsize=256)
def variant(rule: Rule) -> DatasetSpec:
    """The description of a data set with another noise or seed; its points are made here, so there is no SHA-256."""
    spec, make = _RULES[rule.base]
    if rule == _usual(rule.base):
        return spec
    changed = {"noise": rule.noise, "seed": rule.seed}
    return replace(
        spec,
        name=rule.name,
        title=f"{spec.title} (noise {rule.noise:g}, seed {rule.seed})",
        layout=replace(spec.layout, parts=tuple(replace(part, sha256="") for part in spec.layout.parts)),
        origin=Made(partial(_read, make, **changed)),
        loading=_loading(make, **changed),
    )
