"""What was read of a data set that a person adds, before it is divided and stored."""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from explorer.data.own.limits import FEWEST_CLASSES, FEWEST_IN_CLASS, LONGEST_CLASS_NAME, MOST_CLASSES
from explorer.errors import InputError, quoted
from explorer.plain_text import count

if TYPE_CHECKING:
    import numpy as np


@dataclass(eq=False)
class Collected:
    """Images uint8 `[N, height, width, channels]` and labels int64 `[N]`, some for training and some for testing.

    The images of a table are its rows, float32 `[N, features]`; `columns` says in a few words what each column is, and
    `feature_names` what each feature is called, empty where the features have no names.

    `sizes` counts the sizes (width, height) of the pictures as they were found; `unreadable` and `ignored` say which
    files were left out, each in a few words; `scaled` says whether pixels from 0 to 1 were multiplied by 255;
    `redivided` counts the files in folders of validation images, which are divided anew with the training images.
    """

    class_names: tuple[str, ...]
    images: "np.ndarray"
    labels: "np.ndarray"
    test_images: "np.ndarray"
    test_labels: "np.ndarray"
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    scaled: bool = False
    redivided: int = 0
    columns: list[str] = field(default_factory=list)
    feature_names: tuple[str, ...] = ()

    @property
    def noun(self) -> str:
        """What one of the images is: an image, or a row of a table."""
        return "image" if self.images.ndim > 2 else "row"

    def check(self, title: str) -> None:
        """Raises `InputError` for classes that cannot be used; `title` is what it calls the file."""
        import numpy as np

        for name in self.class_names:
            if not name or len(name) > LONGEST_CLASS_NAME or not name.isprintable() or name != name.strip():
                raise InputError(
                    f"{title} has the class {quoted(name[:80])}; the name of a class must have 1 to "
                    f"{LONGEST_CLASS_NAME} printable characters"
                )
        if not FEWEST_CLASSES <= len(self.class_names) <= MOST_CLASSES:
            raise InputError(
                f"{title} has {count(len(self.class_names), 'class', 'classes')}; a data set must have "
                f"{FEWEST_CLASSES} to {MOST_CLASSES}"
            )
        for name, number in zip(
            self.class_names, np.bincount(self.labels, minlength=len(self.class_names)), strict=True
        ):
            if number < FEWEST_IN_CLASS:
                has = count(int(number), self.noun)
                raise InputError(
                    f"{title} has {has} of the class {quoted(name)}; a class must have at least {FEWEST_IN_CLASS}, so "
                    "that one can be held out for validation"
                )


def class_order(names: set[str]) -> tuple[str, ...]:
    """The names of classes in their order: numbers by size, other names by letters."""
    return tuple(sorted(names, key=lambda name: (0, int(name), name) if _is_number(name) else (1, 0, name)))


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit() and len(name) < 16
