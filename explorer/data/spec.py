"""The description of a data set: everything that is known about it before it is on this machine.

Whatever needs to know a data set reads its `DatasetSpec`. One that is incomplete or contradicts itself cannot be made,
so that a forgotten part is an error when the program starts.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from explorer.data.dataset_file import Layout
from explorer.data.origin import Added, Archive, Downloaded, Installed, Made
from explorer.data.split import NOTEBOOK, split_counts

WITH_TEST = ("x_train", "x_test", "y_train", "y_test")
WITHOUT_TEST = ("x_train", "y_train")


@dataclass(frozen=True)
class DatasetSpec:
    """The description of a data set; raises `ValueError` when it is made incomplete.

    `max_value` is the largest pixel value; `dark_background` says whether images are light on dark, as scanned digits
    are, so that a photo of ink on paper is inverted. `layout` holds the shape and the SHA-256 of every array: `x_train`
    is uint8 `[N, height, width]` or `[N, height, width, channels]`, or for points and tables float32 `[N, features]`
    with values from -`max_value` to `max_value`; `y_train` is uint8 `[N]`, and so are the test arrays.
    `loading` is the Python code that loads it in an exported script: `x` and `y` with the labelled images in the order
    of the layout, labels `[N]`, and `x_test` and `y_test` if it has test images; lines that import come first.
    """

    name: str
    title: str
    class_names: tuple[str, ...]
    max_value: int
    dark_background: bool
    licence: str
    source: str
    citation: str
    layout: Layout
    origin: Installed | Made | Downloaded | Added
    loading: str

    def __post_init__(self) -> None:
        for problem in _problems(self):
            raise ValueError(f"data set {self.name!r}: {problem}")

    @property
    def short_title(self) -> str:
        """The title without what stands in brackets."""
        return self.title.partition(" (")[0]

    @property
    def image_shape(self) -> tuple[int, ...]:
        """The shape of an image: (height, width) or (height, width, channels); (features,) for points and tables."""
        return self.layout.shape("x_train")[1:]

    @property
    def pictures(self) -> bool:
        """Whether its images are pictures, not points or rows of a table."""
        return len(self.image_shape) > 1

    @property
    def plane(self) -> bool:
        """Whether its images are points in a plane in two classes, under which a decision boundary can be drawn."""
        return self.image_shape == (2,) and self.classes == 2

    @property
    def one(self) -> str:
        """What one of its images is: an image, a point or a row."""
        return "image" if self.pictures else "point" if self.plane else "row"

    @property
    def noun(self) -> str:
        """What its images are: images, points or rows."""
        return f"{self.one}s"

    @property
    def channels(self) -> int:
        """The number of values per pixel."""
        return self.image_shape[2] if len(self.image_shape) == 3 else 1

    @property
    def features(self) -> int:
        """The number of values per image."""
        return math.prod(self.image_shape)

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)

    @property
    def labelled_images(self) -> int:
        """The number of images for training and validation."""
        return self.layout.shape("x_train")[0]

    @property
    def test_images(self) -> int:
        """The number of test images; 0 if there is no test split."""
        return self.layout.shape("x_test")[0] if "x_test" in self.layout.names else 0

    @property
    def train_images(self) -> int:
        """The number of training images in the notebook's division."""
        return self.counts()[0]

    @property
    def validation_images(self) -> int:
        """The number of validation images in the notebook's division."""
        return self.counts()[1]

    @property
    def download_bytes(self) -> int:
        """The size of the files to download; 0 if the data set comes with a package."""
        return self.origin.published.bytes if isinstance(self.origin, Downloaded) else 0

    @property
    def file(self) -> str:
        """The name under which its file is stored on this machine."""
        return (isinstance(self.origin, Downloaded) and self.origin.file) or self.name

    @property
    def command(self) -> str:
        """The command that brings the data set onto a machine: downloads it, or adds the files of a person."""
        if isinstance(self.origin, Added):
            return f"python -m explorer data add {self.origin.given} PATH{self.origin.options}"
        return f"python -m explorer data {self.name}"

    @property
    def absence(self) -> str:
        """The sentence for a machine without the data set: that it is not there, and what to do."""
        if isinstance(self.origin, Added):
            return f"the data set {self.title} is not on this machine; add it with `{self.command}`"
        return f"{self.title} is not on this machine yet; download it with `{self.command}`"

    def counts(self, division: str = NOTEBOOK) -> tuple[int, int]:
        """The numbers of training and validation images."""
        return split_counts(self.labelled_images, division)


def _problems(spec: DatasetSpec) -> Iterator[str]:
    """What is missing or contradictory in a description, one sentence each."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}(@[0-9a-f]{16})?", spec.name):
        yield "the name must consist of lower-case letters, digits and underscores"
    for field in ("title", "licence", "source", "citation", "loading"):
        if not str(getattr(spec, field)).strip():
            yield f"the {field} is empty"
    if not 2 <= spec.classes <= 256 or len(set(spec.class_names)) != spec.classes or "" in spec.class_names:
        yield "the names of 2 to 256 classes must be given, all different and none empty"
    if spec.max_value < 1 or (spec.max_value > 255 and spec.layout.dtype == "uint8"):
        yield f"the largest pixel value is {spec.max_value}; it must be from 1 to 255"
    if not isinstance(spec.origin, Installed | Made | Downloaded | Added):
        yield "the origin must be Installed, Made, Downloaded or Added"
    # points are made here, the same in every process, so one with a noise of its own needs none
    yield from _layout_problems(spec.layout, hashed=not spec.layout.sealed and not isinstance(spec.origin, Made))
    if spec.layout.sealed and not (isinstance(spec.origin, Downloaded) and isinstance(spec.origin.published, Archive)):
        yield "only arrays from an archive with a SHA-256 can be stored without one of their own"


def _layout_problems(layout: Layout, *, hashed: bool) -> Iterator[str]:
    ends = [name.removeprefix("y_train") for name in layout.names[4:5]]
    known = WITH_TEST, WITHOUT_TEST, *((*WITH_TEST, f"y_train{end}", f"y_test{end}") for end in ends)
    if layout.names not in known or f"y_train{layout.labels}" not in layout.names:
        yield f"the arrays must be {', '.join(WITH_TEST)} or {', '.join(WITHOUT_TEST)}, not {', '.join(layout.names)}"
        return
    shape = layout.shape("x_train")[1:]
    dtype = "float32" if len(shape) == 1 else "uint8"
    if len(shape) not in (1, 2, 3) or (len(shape) == 3 and shape[2] not in (1, 3)) or min(shape) < 1:
        yield (
            f"images have the shape {shape}; it must be (features,), (height, width), (height, width, 1) or "
            "(height, width, 3)"
        )
    if layout.feature_names and (len(layout.feature_names),) != shape:
        yield f"it has {len(layout.feature_names):,} names of features, which do not fit images of shape {shape}"
    for part in layout.parts:
        count = layout.shape(f"x_{part.name.split('_')[1]}")[0]
        if part.shape != ((count, *shape) if part.name.startswith("x") else (count,)) or count < 1:
            yield f"{part.name} has the shape {part.shape}, which does not fit {count:,} images of shape {shape}"
        if part.dtype != (dtype if part.name.startswith("x") else "uint8"):
            yield f"{part.name} has values of type {part.dtype}; pictures and labels are uint8, points float32"
        if hashed and not re.fullmatch(r"[0-9a-f]{64}", part.sha256):
            yield f"the SHA-256 of {part.name} is missing"
