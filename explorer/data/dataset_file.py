"""The file of a downloaded data set: where it lies, which arrays it holds, and whether they are intact."""

import hashlib
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.user_cache import user_cache

if TYPE_CHECKING:  # a page does not need it, which saves a tenth of a second at the start
    import numpy as np

OWN = "own"  # the folder, below that of the downloaded data sets, of those that people have added
SIZES = {"uint8": 1, "float32": 4}  # in bytes
SEAL_BYTES = hashlib.sha256().digest_size


@dataclass(frozen=True)
class Part:
    """One array of a data set: its name, its shape, the SHA-256 of its bytes in C order, and the type of its values."""

    name: str
    shape: tuple[int, ...]
    sha256: str = ""
    dtype: str = "uint8"

    @property
    def bytes(self) -> int:
        """Size in bytes."""
        return math.prod(self.shape) * SIZES[self.dtype]


@dataclass(frozen=True)
class Layout:
    """The arrays of a data set, in their order in its file: images before labels, so that a memory map copies none.

    Where the SHA-256 of the arrays is not known, the file is `sealed`: it is made from the author's own archive only,
    verified by the SHA-256 of that, and ends with the SHA-256 of its bytes. `labels` is the end of the names of the
    label arrays that the data set has, where the file holds several. `feature_names` are those of a table's columns,
    empty where they are not known.
    """

    parts: tuple[Part, ...]
    sealed: bool = False
    labels: str = ""
    feature_names: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the arrays."""
        return tuple(part.name for part in self.parts)

    @property
    def bytes(self) -> int:
        """Size of the file in bytes."""
        return sum(part.bytes for part in self.parts) + (SEAL_BYTES if self.sealed else 0)

    @property
    def dtype(self) -> str:
        """The type of the images' values."""
        return self.parts[0].dtype

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of the array called `name`."""
        return next(part.shape for part in self.parts if part.name == name)

    def images_and_labels(self, flat: "np.ndarray") -> "tuple[np.ndarray, np.ndarray]":
        """The images `[N, …]` and labels uint8 `[N]` in the bytes of the file, training before test."""
        sizes = {part.name: part.bytes for part in self.parts}
        pixels = sum(size for name, size in sizes.items() if name.startswith("x"))
        images = flat[:pixels].view(self.dtype).reshape(-1, *self.shape("x_train")[1:])
        names = self.names[: self.names.index(f"y_train{self.labels}")]
        start = sum(sizes[name] for name in names)
        return images, flat[start : start + len(images)]

    def fault_of(self, flat: "np.ndarray") -> str | None:
        """What is wrong with the bytes of the file, uint8 `[bytes]`; None if the SHA-256 of each array is right."""
        if self.sealed:
            right = hashlib.sha256(flat[:-SEAL_BYTES]).digest() == flat[-SEAL_BYTES:].tobytes()
            return None if right else "its SHA-256 is not what it was when it was stored"
        start = 0
        for part in self.parts:
            if part.sha256 and hashlib.sha256(flat[start : start + part.bytes]).hexdigest() != part.sha256:
                return f"the SHA-256 of {part.name} differs from the original"
            start += part.bytes
        return None


def data_folder() -> Path:
    """The folder of downloaded data sets: EXPLORER_DATA, else a folder in the user's cache."""
    named = os.environ.get("EXPLORER_DATA")
    return Path(named).expanduser() if named else user_cache()


def stored_file(name: str) -> Path:
    """The path of the file of a data set that was downloaded or added, whether or not it exists yet.

    One that a person has added, `NAME@HASH`, is stored by its content hash.
    """
    _, added, content = name.partition("@")
    return data_folder() / (f"{OWN}/{content}.uint8" if added else f"{name}.uint8")


def size(path: Path) -> int:
    """The size of a file in bytes; -1 if it does not exist or cannot be read."""
    try:
        return path.stat().st_size
    except OSError:
        return -1


def fault_of(path: Path, layout: Layout) -> str | None:
    """What is wrong with a stored file; None when its size and the SHA-256 of every array are right."""
    import numpy as np

    try:
        there = path.stat().st_size
        if there != layout.bytes:
            return f"it has {there:,} bytes instead of {layout.bytes:,}"
        return layout.fault_of(np.memmap(path, dtype=np.uint8, mode="r"))
    except OSError as error:
        return f"it cannot be read ({error.strerror or error})"


def discard(path: Path) -> None:
    """Removes a file that must not be taken for data; one that cannot be removed fails its check each time."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return
