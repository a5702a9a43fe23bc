"""The data sets: their table, and each as it is used, loaded from this machine and checked to be intact.

Every page and worker imports it, so it needs the standard library and NumPy only.
"""

import hashlib
import re
import zlib
from collections import UserDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.data import points
from explorer.data.cifar10 import CIFAR10
from explorer.data.cifar100 import CIFAR100, CIFAR100_COARSE
from explorer.data.dataset_file import discard, fault_of, size, stored_file
from explorer.data.digits import DIGITS
from explorer.data.mnist import FASHION_MNIST, MNIST
from explorer.data.origin import Added, Installed, Made
from explorer.data.own import registry
from explorer.data.own.description import FULL_NAME
from explorer.data.spec import DatasetSpec
from explorer.data.split import NOTEBOOK, SPLITS, split_indices
from explorer.errors import DataError, FieldError

if TYPE_CHECKING:  # a page does not need it, which saves a tenth of a second at the start
    import numpy as np


class _Table(UserDict[str, DatasetSpec]):
    """Data sets by name: those of the explorer, then those that people have added, as they are on disk now.

    Points with another noise or seed, and a data set whose images were removed, which runs were trained on, are found
    by their name but not listed.
    """

    def __missing__(self, name: str) -> DatasetSpec:
        if rule := points.rule_of(name):
            return points.variant(rule)
        return registry.descriptions()[name].spec

    def __contains__(self, name: object) -> bool:
        return name in self.data or points.rule_of(name) is not None or name in registry.descriptions()

    def __iter__(self) -> Iterator[str]:
        yield from self.data
        yield from registry.names()

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _table(specs: Iterable[DatasetSpec]) -> _Table:
    """Data sets by name; raises `ValueError` if two have the same name or title."""
    table = _Table()
    for spec in specs:
        if spec.name in table.data or spec.title in [other.title for other in table.data.values()]:
            raise ValueError(f"data set {spec.name!r}: another one has the same name or title")
        table[spec.name] = spec
    return table


DATASETS = _table((CIFAR10, DIGITS, FASHION_MNIST, MNIST, CIFAR100, CIFAR100_COARSE, *points.SETS))
BUILT_IN = DATASETS.data


class _Names(Sequence[str]):
    """The names of the data sets now, for a table that is made when the program starts."""

    def __getitem__(self, place: int) -> str:
        return tuple(DATASETS)[place]

    def __len__(self) -> int:
        return len(DATASETS)

    def __contains__(self, name: object) -> bool:
        return name in DATASETS

    def __bool__(self) -> bool:
        return True  # asked for every configuration that is read


class _Titles(Mapping[str, str]):
    """The titles of the data sets now, by name."""

    def __getitem__(self, name: str) -> str:
        return DATASETS[name].title

    def __iter__(self) -> Iterator[str]:
        return iter(DATASETS)

    def __len__(self) -> int:
        return len(DATASETS)


NAMES, TITLES = _Names(), _Titles()


def full_name(name: object) -> object:
    """The name that a configuration has for a data set: of one that a person has added, with its content hash.

    Anything else is returned as it is. Raises `FieldError` for one with a content hash that nothing here describes.
    """
    if not isinstance(name, str) or name in DATASETS:
        return name
    if description := registry.find(name):
        return description.full_name
    if own := re.fullmatch(FULL_NAME, name):
        again = f"add it again with `python -m explorer data add {own[1]} PATH`"
        raise FieldError("dataset", name, f"a data set of this machine; {again}")
    return name


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set ready for use.

    `images` is uint8 [N, *image_shape] (it may be a read-only memory map), for points float32; `labels` is uint8 [N];
    `train`, `validation` and `test` are disjoint int64 arrays of indices into both, divided as `division` says.
    """

    spec: DatasetSpec
    images: "np.ndarray"
    labels: "np.ndarray"
    train: "np.ndarray"
    validation: "np.ndarray"
    test: "np.ndarray"
    division: str = NOTEBOOK

    def divided(self, division: str) -> "Dataset":
        """The same data set with another division into training and validation images; test stays as it is."""
        if division == self.division:
            return self
        train, validation = split_indices(len(self.train) + len(self.validation), division)
        return replace(self, train=train, validation=validation, division=division)

    def split(self, name: str) -> "tuple[np.ndarray, np.ndarray]":
        """A copy of the images [n, *image_shape] and labels uint8 [n] of one split.

        Raises FieldError for a name other than train, validation and test, DataError for an empty split.
        """
        if name not in SPLITS:
            raise FieldError("split", name, f"one of {', '.join(SPLITS)}")
        indices = getattr(self, name)
        if not len(indices):
            raise DataError(f"{self.spec.title} has no {name} split; choose train or validation")
        return self.images[indices], self.labels[indices]

    @cached_property
    def hash(self) -> str:
        """SHA-256 (hex) of the bytes of the images followed by the labels, the same on every machine."""
        import numpy as np

        digest = hashlib.sha256(np.ascontiguousarray(self.images))
        digest.update(np.ascontiguousarray(self.labels))
        return digest.hexdigest()


def spec_of(name: str) -> DatasetSpec:
    """The description of a data set by name; raises `FieldError` for an unknown one."""
    try:
        return DATASETS[full_name(name)]
    except KeyError:
        raise FieldError("dataset", name, f"one of {', '.join(DATASETS)}") from None


def available(name: str) -> bool:
    """Whether a data set is on this machine; checks only the file's size, so that it returns at once."""
    spec = spec_of(name)
    return isinstance(spec.origin, Installed | Made) or size(stored_file(spec.file)) == spec.layout.bytes


def preferred() -> str:
    """The name of the first data set of the explorer that is on this machine; the digits always are."""
    return next(filter(available, BUILT_IN))


def check_available(name: str) -> None:
    """Raises `DataError`, which says what to do, for a data set that is not on this machine."""
    if not available(name):
        raise DataError(spec_of(name).absence)


def load(name: str, division: str = NOTEBOOK) -> Dataset:
    """Loads a data set from this machine and verifies it; never uses the network.

    Raises `FieldError` for an unknown name, `DataError` when the data set is absent or damaged.
    """
    spec = spec_of(name)
    dataset = _installed(spec, spec.origin) if isinstance(spec.origin, Installed | Made) else _stored(spec)
    return dataset.divided(division)


def _installed(spec: DatasetSpec, origin: Installed | Made) -> Dataset:
    import numpy as np

    try:
        arrays = origin.read()
        parts = [np.ascontiguousarray(arrays[part.name], part.dtype) for part in spec.layout.parts]
        flat = np.concatenate([array.reshape(-1).view(np.uint8) for array in parts])
        fault = spec.layout.fault_of(flat)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        fault = str(error)
    if fault:
        package = origin.package if isinstance(origin, Installed) else "NumPy"
        raise DataError(f"{spec.title} of {package} cannot be used ({fault}); install {package} again")
    return _dataset(spec, flat)


def _stored(spec: DatasetSpec) -> Dataset:
    path = stored_file(spec.file)
    try:
        status = path.stat()
    except OSError:
        raise DataError(spec.absence) from None
    return _verified(spec, path, (status.st_mtime_ns, status.st_size, status.st_ino))


# verifying every byte takes a tenth of a second, so a process does it once while the file is unchanged
@lru_cache(maxsize=4)
def _verified(spec: DatasetSpec, path: Path, stamp: tuple[int, int, int]) -> Dataset:
    import numpy as np

    if fault := fault_of(path, spec.layout):
        discard(path)
        again = "add" if isinstance(spec.origin, Added) else "download"
        raise DataError(f"{path} was damaged ({fault}) and is not used; {again} it again with `{spec.command}`")
    return _dataset(spec, np.memmap(path, dtype=np.uint8, mode="r"))


def _dataset(spec: DatasetSpec, flat: "np.ndarray") -> Dataset:
    """The data set whose arrays are the bytes of `flat`, one after another as the layout says."""
    import numpy as np

    images, labels = spec.layout.images_and_labels(flat)
    train, validation = split_indices(spec.labelled_images)
    return Dataset(spec, images, labels, train, validation, np.arange(spec.labelled_images, len(images)))
