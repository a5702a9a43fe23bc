"""The description of a data set that a person has added, as it is stored on disk, and what was found in its files."""

import hashlib
import json
import shlex
from functools import cached_property
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from explorer import records
from explorer.data.dataset_file import Layout, Part
from explorer.data.origin import Added
from explorer.data.own.limits import (
    FEWEST_CLASSES,
    LARGEST_NUMBER,
    LARGEST_SIDE,
    LONGEST_CLASS_NAME,
    LONGEST_FEATURE_NAME,
    MOST_CLASSES,
    MOST_FEATURES,
    MOST_FILES,
    MOST_LISTED,
    MOST_STORED,
    USUAL_SEED,
)
from explorer.data.spec import DatasetSpec
from explorer.records import Count, Name

SCHEMA_VERSION = 1
NAME = r"[a-z][a-z0-9_]{0,39}"
HASH_DIGITS = 16
FULL_NAME = rf"({NAME})@([0-9a-f]{{{HASH_DIGITS}}})"

_SetName = Annotated[str, Meta(pattern=rf"^{NAME}$")]
_ClassName = Annotated[str, Meta(min_length=1, max_length=LONGEST_CLASS_NAME)]
_FeatureName = Annotated[str, Meta(min_length=1, max_length=LONGEST_FEATURE_NAME)]
_Hash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
_Size = Annotated[int, Meta(ge=1, le=MOST_STORED)]
_Names = Annotated[tuple[Name, ...], Meta(max_length=MOST_LISTED)]
_PerClass = Annotated[tuple[Count, ...], Meta(max_length=MOST_CLASSES)]


class StoredPart(msgspec.Struct, frozen=True):
    """One array of the data set: its name, its shape, and the SHA-256 of its bytes."""

    name: Literal["x_train", "x_test", "y_train", "y_test"]
    shape: Annotated[tuple[_Size, ...], Meta(min_length=1, max_length=4)]
    sha256: _Hash


class PictureSize(msgspec.Struct, frozen=True):
    """A size of pictures, in pixels, and how many of the files have it."""

    width: Count
    height: Count
    files: Count


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in the files of a data set; the lists of names hold the first few.

    `sizes` holds the most frequent sizes of pictures, `all_sizes` the number of different ones. Of the images that are
    exactly the same, `twice` counts those within the training images, `validation_in_training` and `test_in_training`
    those that are in both, and `contradictory` those that are in two classes. `redivided` counts the files that were in
    folders of validation images. `columns` are those of a table.
    """

    source: Name
    train: _PerClass
    validation: _PerClass
    test: _PerClass = ()
    sizes: Annotated[tuple[PictureSize, ...], Meta(max_length=MOST_LISTED)] = ()
    all_sizes: Count = 0
    twice: Count = 0
    validation_in_training: Count = 0
    test_in_training: Count = 0
    contradictory: Count = 0
    unreadable: _Names = ()
    all_unreadable: Annotated[int, Meta(ge=0, le=MOST_FILES)] = 0
    ignored: _Names = ()
    all_ignored: Annotated[int, Meta(ge=0, le=MOST_FILES)] = 0
    scaled: bool = False
    redivided: Annotated[int, Meta(ge=0, le=MOST_FILES)] = 0
    columns: _Names = ()
    all_columns: Count = 0


class Description(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Everything that is known about a data set that a person has added, apart from its images.

    Two with the same `hash` have the same images in the same order, the same labels and the same classes.
    `feature_names` are those of a table's features, empty where they are not known; they are only shown. `label` is the
    table's column of classes, where it was named.
    """

    schema_version: Literal[SCHEMA_VERSION] = SCHEMA_VERSION
    name: _SetName
    class_names: Annotated[tuple[_ClassName, ...], Meta(min_length=FEWEST_CLASSES, max_length=MOST_CLASSES)]
    max_value: Annotated[int, Meta(ge=1, le=LARGEST_NUMBER)]
    dark_background: bool
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1)]
    parts: Annotated[tuple[StoredPart, ...], Meta(min_length=2, max_length=4)]
    report: Report
    feature_names: Annotated[tuple[_FeatureName, ...], Meta(max_length=MOST_FEATURES)] = ()
    label: Annotated[str, Meta(max_length=LONGEST_FEATURE_NAME)] = ""

    @cached_property
    def hash(self) -> str:
        """The content hash: the first digits of the SHA-256 of everything that a network is trained on."""
        parts = [[part.name, part.shape, part.sha256] for part in self.parts]
        text = json.dumps([self.class_names, self.max_value, self.dark_background, parts])
        return hashlib.sha256(text.encode()).hexdigest()[:HASH_DIGITS]

    @property
    def full_name(self) -> str:
        """The name that a run's configuration has: `flowers@3fa9c1d27e40b855`."""
        return f"{self.name}@{self.hash}"

    @cached_property
    def spec(self) -> DatasetSpec:
        """The data set as pages and workers know it; raises `ValueError` for a description that contradicts itself."""
        for name in self.class_names:
            if not name.isprintable() or name != name.strip():
                raise ValueError(f"the class name {name!r} has unprintable characters")
        shape = self.parts[0].shape[1:]
        if len(shape) > 1 and max(shape[:2]) > LARGEST_SIDE:
            raise ValueError(
                f"images of {shape[1]} × {shape[0]} pixels are larger than {LARGEST_SIDE} × {LARGEST_SIDE}"
            )
        kinds = {"x": "float32" if len(shape) == 1 else "uint8", "y": "uint8"}  # rows of a table, or pictures
        parts = tuple(Part(part.name, part.shape, part.sha256, kinds[part.name[0]]) for part in self.parts)
        layout = Layout(parts, feature_names=self.feature_names)
        if layout.bytes > MOST_STORED + MOST_FILES:
            raise ValueError(f"it has {layout.bytes:,} bytes, more than a data set may have")
        return DatasetSpec(
            name=self.full_name,
            title=f"{self.name} ({self.hash[:6]})",
            class_names=self.class_names,
            max_value=self.max_value,
            dark_background=self.dark_background,
            licence="not stated",
            source="added on this machine",
            citation="not stated",
            layout=layout,
            origin=Added(self.name, self._options(shape)),
            loading=_LOADING.format(name=self.name, digest=parts[0].sha256) + _TEST * ("x_test" in layout.names),
        )

    def _options(self, shape: tuple[int, ...]) -> str:
        """The options of `data add` that make the same images or rows of the same files, each after a space."""
        options = f" --label {shlex.quote(self.label)}" * bool(self.label)
        if len(shape) > 1:  # also the usual size, as arrays keep their own
            options += f" --size {shape[0]}x{shape[1]}" + " --grey" * (shape[2:] == (1,))
        return options + f" --seed {self.seed}" * (self.seed != USUAL_SEED)

    def to_json(self) -> bytes:
        """The description as indented JSON, which `from_json` reads."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


_LOADING = """
saved = np.load("{name}.npz")  # python -m explorer data save {name}
x, y = saved["x_train"], saved["y_train"]
digest = "{digest}"
assert sha256(x.tobytes()).hexdigest() == digest, "{name}.npz is not the data set of this run"
"""
_TEST = """x_test, y_test = saved["x_test"], saved["y_test"]
"""


def from_json(content: bytes) -> Description:
    """The description in a JSON text; raises `ValueError` with the reason for anything else."""
    description = records.from_json(content, Description)
    _ = description.spec  # raises for one that contradicts itself
    return description
