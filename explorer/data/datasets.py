"""Data sets: their shapes and classes, their files on this machine, their splits and the check that they are intact.

Every page and worker imports it, so it needs the standard library and NumPy only.
"""

import hashlib
import importlib.util
import math
import os
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.errors import DataError, FieldError

if TYPE_CHECKING:  # a page does not need it, which saves a tenth of a second at the start
    import numpy as np

SPLITS = ("train", "validation", "test")
VALIDATION_SHARE = 0.2
SPLIT_SEED = 42
# how the labelled images are divided: as in the notebook, or as in the book whose exercise the notebook solves
NOTEBOOK, BOOK = "notebook", "book"
BOOK_SHARE = 0.1


@dataclass(frozen=True)
class DatasetSpec:
    """The description of a data set, known before it is downloaded.

    `image_shape` is (height, width) or (height, width, channels), `max_value` the largest pixel value,
    `download_bytes` the size of the archive to download (0: it comes with an installed package).
    """

    name: str
    title: str
    image_shape: tuple[int, ...]
    class_names: tuple[str, ...]
    max_value: int
    train_images: int
    validation_images: int
    test_images: int
    download_bytes: int

    @property
    def features(self) -> int:
        """The number of values per image."""
        return math.prod(self.image_shape)

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)

    def counts(self, division: str = NOTEBOOK) -> tuple[int, int]:
        """The numbers of training and validation images."""
        if division == NOTEBOOK:
            return self.train_images, self.validation_images
        labelled = self.train_images + self.validation_images
        return labelled - int(BOOK_SHARE * labelled), int(BOOK_SHARE * labelled)


DATASETS: dict[str, DatasetSpec] = {
    "cifar10": DatasetSpec(
        name="cifar10",
        title="CIFAR-10",
        image_shape=(32, 32, 3),
        class_names=(
            "airplane",
            "automobile",
            "bird",
            "cat",
            "deer",
            "dog",
            "frog",
            "horse",
            "ship",
            "truck",
        ),
        max_value=255,
        train_images=40_000,
        validation_images=10_000,
        test_images=10_000,
        download_bytes=170_498_071,
    ),
    "digits": DatasetSpec(
        name="digits",
        title="Digits (8×8)",
        image_shape=(8, 8),
        class_names=tuple("0123456789"),
        max_value=16,
        train_images=1_437,
        validation_images=360,
        test_images=0,
        download_bytes=0,
    ),
}


@dataclass(frozen=True)
class Part:
    """One uint8 array of a stored data set: its name, its shape, and the SHA-256 of its bytes in C order."""

    name: str
    shape: tuple[int, ...]
    sha256: str

    @property
    def bytes(self) -> int:
        """Size in bytes."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Layout:
    """The arrays of a stored data set, in their order in its file."""

    parts: tuple[Part, ...]

    @property
    def bytes(self) -> int:
        """Size of the file in bytes."""
        return sum(part.bytes for part in self.parts)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of the array called `name`."""
        return next(part.shape for part in self.parts if part.name == name)


# images before labels, so that all 60,000 images are one array of the memory map and nothing is copied
CIFAR10_LAYOUT = Layout(
    (
        Part(
            "x_train",
            (50_000, 32, 32, 3),
            "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a",
        ),
        Part(
            "x_test",
            (10_000, 32, 32, 3),
            "f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04",
        ),
        Part("y_train", (50_000,), "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253"),
        Part("y_test", (10_000,), "cec8a24a1e92aa2ecaa0bbd3dbfa86bf6cd8759fbd209a832824c8cf0afca9d5"),
    )
)


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set ready for use.

    `images` is uint8 [N, *image_shape] (it may be a read-only memory map), `labels` uint8 [N]; `train`,
    `validation` and `test` are disjoint int64 arrays of indices into both, divided as `division` says.
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
        """A copy of the images uint8 [n, *image_shape] and labels uint8 [n] of one split.

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
    if name not in DATASETS:
        raise FieldError("dataset", name, f"one of {', '.join(DATASETS)}")
    return DATASETS[name]


def data_folder() -> Path:
    """The folder of downloaded data sets: EXPLORER_DATA, else a folder in the user's cache."""
    if named := os.environ.get("EXPLORER_DATA"):
        return Path(named).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "deep-network-explorer"


def stored_file(name: str) -> Path:
    """The path of the file of a downloaded data set, whether or not it exists yet."""
    return data_folder() / f"{name}.uint8"


def available(name: str) -> bool:
    """Whether a data set is on this machine; checks only the file's size, so that it returns at once."""
    spec_of(name)
    return name == "digits" or _size(stored_file(name)) == CIFAR10_LAYOUT.bytes


def load(name: str, division: str = NOTEBOOK) -> Dataset:
    """Loads a data set from this machine and verifies it; never uses the network.

    Raises `FieldError` for an unknown name, `DataError` when the data set is absent or damaged.
    """
    spec = spec_of(name)
    dataset = _load_digits(spec) if name == "digits" else _load_stored(spec, CIFAR10_LAYOUT)
    return dataset.divided(division)


def split_indices(images: int, division: str = NOTEBOOK) -> "tuple[np.ndarray, np.ndarray]":
    """Indices of the training and validation images; in the book's division, validation is the first tenth in order.

    The notebook's division is scikit-learn's `train_test_split(test_size=0.2, random_state=42)`. Its rule is written
    out here because importing scikit-learn takes over a second; a test compares the two.
    """
    import numpy as np

    if division == BOOK:
        first = int(BOOK_SHARE * images)
        return np.arange(first, images), np.arange(first)
    validation = math.ceil(VALIDATION_SHARE * images)
    order = np.random.RandomState(SPLIT_SEED).permutation(images)
    return order[validation:], order[:validation]


def fault_of(path: Path, layout: Layout) -> str | None:
    """What is wrong with a stored file; None when its size and the SHA-256 of every array are right."""
    import numpy as np

    try:
        size = path.stat().st_size
        if size != layout.bytes:
            return f"it has {size:,} bytes instead of {layout.bytes:,}"
        flat = np.memmap(path, dtype=np.uint8, mode="r")
    except OSError as error:
        return f"it cannot be read ({error.strerror or error})"
    start = 0
    for part in layout.parts:
        if hashlib.sha256(flat[start : start + part.bytes]).hexdigest() != part.sha256:
            return f"the SHA-256 of {part.name} differs from the original"
        start += part.bytes
    return None


def digits_file() -> Path:
    """The path of scikit-learn's digits, found without importing scikit-learn, which takes over a second."""
    package = importlib.util.find_spec("sklearn")
    if package is None or not package.submodule_search_locations:
        raise DataError("scikit-learn is not installed; run `pip install -r requirements.txt`")
    return Path(package.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"


def read_digits(path: Path) -> "tuple[np.ndarray, np.ndarray]":
    """Reads images uint8 [1797, 8, 8] and labels uint8 [1797], through scikit-learn if `path` does not exist."""
    import numpy as np

    if path.is_file():
        table = np.loadtxt(path, delimiter=",").astype(np.uint8)
        return table[:, :-1].reshape(-1, 8, 8), table[:, -1].copy()
    from sklearn.datasets import load_digits

    digits = load_digits()
    return digits.images.astype(np.uint8), digits.target.astype(np.uint8)


def _load_digits(spec: DatasetSpec) -> Dataset:
    import numpy as np

    images, labels = read_digits(digits_file())
    train, validation = split_indices(len(images))
    return Dataset(spec, images, labels, train, validation, np.arange(0))


def _load_stored(spec: DatasetSpec, layout: Layout) -> Dataset:
    path = stored_file(spec.name)
    try:
        status = path.stat()
    except OSError:
        command = f"python -m explorer data {spec.name}"
        raise DataError(f"{spec.title} is not on this machine yet; download it with `{command}`") from None
    return _verified(spec, layout, path, (status.st_mtime_ns, status.st_size, status.st_ino))


# verifying every byte takes a tenth of a second, so a process does it once while the file is unchanged
@lru_cache(maxsize=2)
def _verified(spec: DatasetSpec, layout: Layout, path: Path, stamp: tuple[int, int, int]) -> Dataset:
    import numpy as np

    command = f"python -m explorer data {spec.name}"
    if fault := fault_of(path, layout):
        discard(path)
        raise DataError(f"{path} was damaged ({fault}) and is not used; download it again with `{command}`")
    flat = np.memmap(path, dtype=np.uint8, mode="r")
    pixels = sum(part.bytes for part in layout.parts if part.name.startswith("x"))
    images, labels = flat[:pixels].reshape(-1, *spec.image_shape), flat[pixels:]
    train, validation = split_indices(layout.shape("x_train")[0])
    test = np.arange(len(train) + len(validation), len(images))
    return Dataset(spec, images, labels, train, validation, test)


def discard(path: Path) -> None:
    """Removes a file that must not be taken for data; one that cannot be removed fails its check each time."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
